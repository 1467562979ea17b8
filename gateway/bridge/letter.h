/* SPDX-License-Identifier: Apache-2.0
 *
 * letter.h: what the daemon and a bridge in a process of its own say to each other, as bytes. A frame is u32 length of
 * what follows the head, u16 type, u64 id (of a request or a device; 0: of the connection), all little-endian, and what
 * the type has: letter.c has a table. Whoever takes a letter apart trusts nothing of it. No state, any thread.
 */
#pragma once

#include "calls.h"
#include "config/bytes.h"

#define TT_FRAME_HEAD 14
#define TT_FRAME_MAX  (1024u * 1024) /* bytes behind the head */

enum tt_frame_type {
  /* down: to the bridge */
  TT_FRAME_HELLO = 1, /* number: ABI; text: version. First */
  TT_FRAME_CONFIG,    /* blob: struct tt_start of start.h. Second */
  TT_FRAME_ATTACH,    /* id: device; blob: tt_pack_device() */
  TT_FRAME_DETACH,    /* id: device */
  TT_FRAME_READ,      /* id: request; device, time: deadline, points */
  TT_FRAME_WRITE,     /* id: request; device, time: deadline, point, value */
  TT_FRAME_DISCOVER,  /* id: request; time: deadline */
  TT_FRAME_COMMAND,   /* id: request; device, time: deadline, point: command, values: arguments */
  TT_FRAME_PING,
  TT_FRAME_STOP,
  /* up: from the bridge */
  TT_FRAME_READY = 64, /* the bridge was started; number: enum tt_shut of sandbox.h */
  TT_FRAME_FAILED,     /* it could not be; text: why. Last */
  TT_FRAME_STATE,      /* number: enum tt_link_state, text */
  TT_FRAME_ATTACHED,   /* id: device; error, text */
  TT_FRAME_DETACHED,   /* id: device */
  TT_FRAME_LINK,       /* id: device; number: enum tt_link_state, text */
  TT_FRAME_REPORT,     /* id: device; point, number: flags, time: stamp, value */
  TT_FRAME_MISSING,    /* id: device; point */
  TT_FRAME_ERROR,      /* id: device; point, text */
  TT_FRAME_DONE,       /* id: request; error, text */
  TT_FRAME_CANDIDATE,  /* id: request; candidate */
  TT_FRAME_DESCRIBE,   /* id: device; blob: JSON */
  TT_FRAME_PROBE,      /* id: device; point, text */
  TT_FRAME_LOG,        /* number: enum tt_log_level, text */
  TT_FRAME_PONG,       /* number: reports that found no room, all told */
  TT_FRAME_STOPPED,    /* last */
};

struct tt_frame {
  unsigned type;
  uint64_t id;
  const unsigned char *data;
  size_t size;
};

/* The first frame of these bytes. 1: `ret` points into them, `ret_used` of them were it; 0: more must come; -EBADMSG:
 * it is too large, what follows cannot be found. */
int tt_frame_take(const unsigned char *bytes, size_t n, struct tt_frame *ret, size_t *ret_used);
void tt_frame_head(unsigned char head[static TT_FRAME_HEAD], unsigned type, uint64_t id, size_t size);

/* One letter in either direction; of the members those that its type has. */
struct tt_letter {
  enum tt_frame_type type;
  uint64_t id, device;
  uint64_t number, time_us;
  int error; /* <= 0 */
  uint16_t point;
  const char *text; /* NULL or, when taken apart, clean and at most TT_HOST_TEXT_MAX */
  struct tt_value value;
  const void *blob; /* borrowed */
  size_t blob_size;
  const uint16_t *points;
  size_t n_points;
  const struct tt_value *values;
  size_t n_values;
  const struct tt_candidate *candidate;
  struct tt_letter_room *room; /* of what was taken apart */
};

/* What stands behind the head; nothing of `letter` changes hands. */
void tt_letter_put(const struct tt_letter *letter, struct tt_buf *out);
/* -EBADMSG: not a letter, or no memory for it. The blob points into the frame. The caller finishes it. */
int tt_letter_take(const struct tt_frame *frame, struct tt_letter *ret);
void tt_letter_finish(struct tt_letter *letter);
#define TT_AUTOLETTER TT_CLEANUP(tt_letter_finish)
