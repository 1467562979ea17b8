/* SPDX-License-Identifier: Apache-2.0
 *
 * scan.h: which addresses of a table answer, and what stands there: what to ask next, what an answer means for the rest,
 * and the report. It only ever reads. Pure.
 *
 * A request that is refused is halved until the addresses that are not there are known one by one. So is one that is not
 * answered, as long as the unit answers others; each costs a time-out, of which a scan has so many.
 */
#pragma once

#include "frame.h"

#define MB_SCAN_ADDRESSES_MAX 10000 /* of one scan */
#define MB_SCAN_REQUESTS_MAX  4000
#define MB_SCAN_SILENT_MAX    60 /* requests without an answer; then it ends */
#define MB_SCAN_DOUBT         8 /* requests without an answer in a row, after which something known is asked again */
#define MB_SCAN_LINE          400
#define MB_SCAN_DEPTH         32 /* halves of the longest request that may wait, and room */

enum mb_scan_state { MB_SCAN_UNASKED, MB_SCAN_ANSWERED, MB_SCAN_REFUSED, MB_SCAN_SILENT };

/* Addresses [at .. at + n) counted from the first of the scan. */
struct mb_scan_span {
  unsigned at, n;
  bool is_left; /* the next on the stack is the other half of what was refused */
  bool is_bad;  /* refused it will be: the other half was not */
};

struct mb_scan {
  enum mb_table table;
  uint8_t unit;
  int64_t base;      /* written address - address on the wire */
  unsigned first, n; /* addresses on the wire */
  unsigned max;      /* of one request */
  uint8_t *state;    /* enum mb_scan_state, of each address */
  uint16_t *words;
  unsigned next; /* from here on nothing has been cut yet */
  struct mb_scan_span todo[MB_SCAN_DEPTH], asked;
  size_t n_todo;
  unsigned requests, n_answered, n_silent, n_silent_row, n_passed;
  bool is_alive;       /* it has said something, be it no, */
  unsigned alive_at;   /* of this address */
  bool is_doubt;       /* to be asked for that again */
  bool is_check;       /* that is what is asked now */
  bool is_again;       /* what is asked now was asked before */
  bool is_ended;       /* before its time */
  int error;           /* why; the text says it */
  char text[160];      /* "": it went to its end */
  unsigned known;      /* addresses whose state is final: all before this one */
  unsigned printed;    /* addresses that the report has reached */
  unsigned head_lines; /* of the report, that were printed */
  bool is_summed_up;
};

/* `text`: "holding:0-200", "coil:0x10": table and addresses as they are written in the mapping. -EINVAL, -E2BIG, -ENOMEM
 * with a sentence in `scan->text`. mb_scan_finish() is due in any case. */
int mb_scan_begin(struct mb_scan *scan, const char *text, const struct mb_device_options *device);
void mb_scan_finish(struct mb_scan *scan);

/* What to ask now; false: nothing more. Each is followed by mb_scan_answer(): 0 and the words, an exception (> 0), a
 * negative errno as of mb_wire_exchange(). */
bool mb_scan_next(struct mb_scan *scan, struct mb_request *ret);
void mb_scan_answer(struct mb_scan *scan, int outcome, const uint16_t words[]);

/* The next line of the report, as far as it is known; false: none yet, or (when mb_scan_next() gave false) ever. It is YAML:
 * points with guessed types, to be put into a mapping, and the rest in comments. */
bool mb_scan_line(struct mb_scan *scan, char out[static MB_SCAN_LINE]);
/* How far it is. */
void mb_scan_progress(const struct mb_scan *scan, char out[static MB_SCAN_LINE]);
