/* SPDX-License-Identifier: Apache-2.0
 *
 * scan.c: which addresses of a table answer.
 */
#include "scan.h"

#include "interpret.h"

#include <stdio.h>

#define BITS_FACTOR      16 /* as many bits as registers, of one request: plan.c */
#define TEXT_LEAST       3  /* registers of characters that make a text */
#define TEXT_MOST        64
#define SAME_LEAST       8 /* registers of the same content that are told in one line */
#define ILLEGAL_FUNCTION 1
#define ILLEGAL_ADDRESS  2
#define ILLEGAL_VALUE    3
#define DEVICE_FAILURE   4 /* some say so of addresses that are not there */

static const struct {
  const char *name;
  enum mb_table table;
} tables[] = {{"holding", MB_HOLDING}, {"input", MB_INPUT}, {"coil", MB_COIL}, {"discrete", MB_DISCRETE}};

static const char *name_of(enum mb_table table)
{
  for (size_t i = 0; i < TT_COUNT(tables); i++)
    if (tables[i].table == table)
      return tables[i].name;
  return "?";
}

/* ---- What is wanted ------------------------------------------------------------------------------------- */
__attribute__((format(printf, 3, 4))) static int end(struct mb_scan *scan, int error, const char *format, ...)
{
  va_list ap;
  scan->is_ended = true;
  scan->error = error;
  va_start(ap, format);
  vsnprintf(scan->text, sizeof scan->text, format, ap);
  va_end(ap);
  return error;
}

/* "holding:0-200" -> table, first and last as written. */
static int parse(const char *text, enum mb_table *ret_table, int64_t *ret_first, int64_t *ret_last)
{
  char copy[64];
  if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy)
    return -EINVAL;
  char *range = strchr(copy, ':');
  if (!range)
    return -EINVAL;
  *range++ = '\0';
  char *last = strchr(range, '-');
  if (last)
    *last++ = '\0';
  for (size_t i = 0; i < TT_COUNT(tables); i++)
    if (strcmp(copy, tables[i].name) == 0) {
      *ret_table = tables[i].table;
      int r = tt_int64_parse(range, ret_first);
      return r < 0 ? r : tt_int64_parse(last ? last : range, ret_last);
    }
  return -EINVAL;
}

int mb_scan_begin(struct mb_scan *scan, const char *text, const struct mb_device_options *device)
{
  int64_t first = 0, last = 0, base = device->address.base;
  *scan = (struct mb_scan){.unit = (uint8_t)device->address.unit, .base = base};
  if (parse(text, &scan->table, &first, &last) < 0)
    return end(scan, -EINVAL,
               "\"%.40s\" is not TABLE:FIRST-LAST, as holding:0-200; tables are holding, input, coil and discrete",
               text);
  if (first < base || last < first || last - base >= MB_ADDRESSES)
    return end(scan, -EINVAL, "\"%.40s\": addresses go from %lld to %lld, the lower one first", text,
               (long long)base, (long long)(base + MB_ADDRESSES - 1));
  if (last - first >= MB_SCAN_ADDRESSES_MAX)
    return end(scan, -E2BIG, "\"%.40s\" are more than %d addresses: scan them in parts", text,
               MB_SCAN_ADDRESSES_MAX);
  bool is_bits = mb_table_is_bits(scan->table);
  unsigned most = is_bits ? MB_READ_BITS_MAX : MB_READ_REGISTERS_MAX;
  scan->first = (unsigned)(first - base);
  scan->n = (unsigned)(last - first + 1);
  scan->max = (unsigned)device->limits.max_registers * (is_bits ? BITS_FACTOR : 1);
  if (scan->max > most)
    scan->max = most;
  scan->state = calloc(scan->n, sizeof *scan->state);
  scan->words = calloc(scan->n, sizeof *scan->words);
  return scan->state && scan->words ? 0 : end(scan, -ENOMEM, "out of memory");
}

void mb_scan_finish(struct mb_scan *scan)
{
  free(scan->state);
  free(scan->words);
  scan->state = NULL;
  scan->words = NULL;
}

/* ---- What to ask ---------------------------------------------------------------------------------------- */
static void push(struct mb_scan *scan, struct mb_scan_span span)
{
  if (scan->n_todo < MB_SCAN_DEPTH) /* always: a request has 2000 at most, which is halved eleven times */
    scan->todo[scan->n_todo++] = span;
}

static void halve(struct mb_scan *scan, struct mb_scan_span span, bool is_telling)
{
  unsigned left = span.n / 2;
  push(scan, (struct mb_scan_span){.at = span.at + left, .n = span.n - left});
  push(scan, (struct mb_scan_span){.at = span.at, .n = left, .is_left = is_telling});
}

/* "go on with holding:120-200" */
static void end_early(struct mb_scan *scan, int error, const char *why)
{
  unsigned at = scan->known + scan->first;
  end(scan, error, "%s: go on with %s:%lld-%lld", why, name_of(scan->table), (long long)at + scan->base,
      (long long)(scan->first + scan->n - 1) + scan->base);
}

static void ask(struct mb_scan *scan, struct mb_scan_span span, struct mb_request *ret)
{
  scan->asked = span;
  scan->requests++;
  *ret = (struct mb_request){.unit = scan->unit,
                             .function = mb_read_function(scan->table),
                             .address = (uint16_t)(scan->first + span.at),
                             .count = (uint16_t)span.n};
}

bool mb_scan_next(struct mb_scan *scan, struct mb_request *ret)
{
  char why[60];
  if (scan->is_ended)
    return false;
  if (scan->n_todo == 0 && scan->next == scan->n)
    return false;
  if (scan->requests == MB_SCAN_REQUESTS_MAX) {
    snprintf(why, sizeof why, "ended after %d requests", MB_SCAN_REQUESTS_MAX);
    end_early(scan, -E2BIG, why);
    return false;
  }
  if (scan->is_doubt) {
    scan->is_doubt = false;
    scan->is_check = true;
    ask(scan, (struct mb_scan_span){.at = scan->alive_at, .n = 1}, ret);
    return true;
  }
  if (scan->n_todo == 0) {
    unsigned n = scan->n - scan->next < scan->max ? scan->n - scan->next : scan->max;
    push(scan, (struct mb_scan_span){.at = scan->next, .n = n});
    scan->next += n;
  }
  struct mb_scan_span span = scan->todo[--scan->n_todo];
  while (span.is_bad && span.n > 1) {
    halve(scan, span, true);
    span = scan->todo[--scan->n_todo];
  }
  if (span.n > scan->max) { /* which is known only since it was cut */
    push(scan, (struct mb_scan_span){.at = span.at + scan->max, .n = span.n - scan->max});
    span = (struct mb_scan_span){.at = span.at, .n = scan->max};
  }
  ask(scan, span, ret);
  return true;
}

/* ---- What an answer means --------------------------------------------------------------------------------- */
static void settle(struct mb_scan *scan, enum mb_scan_state state, const uint16_t words[])
{
  struct mb_scan_span span = scan->asked;
  memset(scan->state + span.at, (int)state, span.n);
  if (state == MB_SCAN_ANSWERED) {
    memcpy(scan->words + span.at, words, span.n * sizeof *words);
    scan->n_answered += span.n;
  }
  scan->known = span.at + span.n;
  scan->is_again = false;
}

static void refused(struct mb_scan *scan, int exception)
{
  struct mb_scan_span span = scan->asked;
  if (span.n == 1) {
    settle(scan, MB_SCAN_REFUSED, NULL);
    return;
  }
  scan->is_again = false;
  if (exception == ILLEGAL_VALUE) /* they are too many, wherever they are */
    scan->max = span.n / 2;
  halve(scan, span, exception != ILLEGAL_VALUE);
}

/* One that has not answered yet. The first request is halved to see whether a part of it answers, on the way down and once
 * on the way back; then another is tried. */
static void silent_ever(struct mb_scan *scan)
{
  bool is_first = scan->asked.at < scan->max;
  if (is_first && scan->asked.n > 1 && scan->n_passed == 0) {
    halve(scan, scan->asked, false);
    return;
  }
  settle(scan, MB_SCAN_SILENT, NULL);
  scan->n_passed++;
  if (scan->n_todo == 0 && (!is_first || scan->next == scan->n))
    end(scan, -ETIMEDOUT, "unit %u does not answer", scan->unit);
}

static void silent(struct mb_scan *scan)
{
  char why[60];
  scan->n_silent++;
  scan->n_silent_row++;
  if (scan->is_check) {
    end(scan, -ETIMEDOUT, "unit %u does not answer any more", scan->unit);
    return;
  }
  if (!scan->is_alive) {
    silent_ever(scan);
    return;
  }
  if (scan->asked.n > 1) {
    scan->is_again = false;
    halve(scan, scan->asked, false);
  } else if (!scan->is_again && !(scan->asked.at > 0 && scan->state[scan->asked.at - 1] == MB_SCAN_SILENT)) {
    scan->is_again = true; /* the first of them: an answer may have been lost */
    push(scan, scan->asked);
  } else {
    settle(scan, MB_SCAN_SILENT, NULL);
  }
  scan->is_doubt = scan->n_silent_row % MB_SCAN_DOUBT == 0;
  if (scan->n_silent == MB_SCAN_SILENT_MAX) {
    snprintf(why, sizeof why, "unit %u left %d requests unanswered", scan->unit, MB_SCAN_SILENT_MAX);
    end_early(scan, -ETIMEDOUT, why);
  }
}

void mb_scan_answer(struct mb_scan *scan, int outcome, const uint16_t words[])
{
  struct mb_scan_span span = scan->asked;
  if (outcome == -ETIMEDOUT || outcome == -EBADMSG || (outcome > 0 && mb_exception_error(outcome) == -ETIMEDOUT)) {
    silent(scan);
    return;
  }
  scan->n_silent_row = 0;
  if (scan->is_check && outcome >= 0) {
    scan->is_check = false;
    return;
  }
  if (outcome >= 0) {
    scan->is_alive = true;
    scan->alive_at = span.at;
  }
  if (outcome == 0) {
    if (span.is_left && scan->n_todo > 0)
      scan->todo[scan->n_todo - 1].is_bad = true;
    settle(scan, MB_SCAN_ANSWERED, words);
  } else if (outcome == ILLEGAL_FUNCTION) {
    end(scan, -EOPNOTSUPP, "unit %u has no %ss (%s)", scan->unit, mb_table_name(scan->table),
        mb_exception_text(outcome));
  } else if (outcome == ILLEGAL_ADDRESS || outcome == ILLEGAL_VALUE || outcome == DEVICE_FAILURE) {
    refused(scan, outcome);
  } else if (outcome > 0) {
    end(scan, mb_exception_error(outcome), "unit %u says: %s (exception %d)", scan->unit,
        mb_exception_text(outcome), outcome);
  } else {
    end(scan, outcome, "%s", outcome == -ENOTCONN ? "not connected" : strerror(-outcome));
  }
}

/* ---- The report --------------------------------------------------------------------------------------------- */
static bool is_over(const struct mb_scan *scan)
{
  return scan->is_ended || (scan->n_todo == 0 && scan->next == scan->n && scan->known == scan->n);
}

/* Addresses of one state from `at` on. */
static unsigned run_of(const struct mb_scan *scan, unsigned at)
{
  unsigned n = 0;
  while (at + n < scan->known && scan->state[at + n] == scan->state[at])
    n++;
  return n;
}

static char *where(const struct mb_scan *scan, unsigned at, unsigned n, char out[static MB_ADDRESS_TEXT])
{
  return mb_address_print(out, scan->table, (uint16_t)(scan->first + at), n);
}

static unsigned same_from(const struct mb_scan *scan, unsigned at, unsigned run)
{
  unsigned n = 1;
  while (n < run && scan->words[at + n] == scan->words[at])
    n++;
  return n;
}

static bool is_character(unsigned c)
{
  return c >= 0x20 && c <= 0x7e;
}

/* Registers of a text from `at` on; 0: it is none. */
static unsigned text_from(const struct mb_scan *scan, unsigned at, unsigned run)
{
  unsigned n = 0;
  while (n < run && n < TEXT_MOST) {
    uint16_t word = scan->words[at + n];
    if (!is_character(word >> 8))
      break;
    n++;
    if (!is_character(word & 0xff)) {
      n -= (word & 0xff) != 0;
      break;
    }
  }
  return n >= TEXT_LEAST ? n : 0;
}

/* The point at `at` and what is behind it; returns how many registers it takes. */
static unsigned line_of_point(const struct mb_scan *scan, unsigned at, unsigned run, char out[static MB_SCAN_LINE])
{
  const char *name = name_of(scan->table);
  const uint16_t *words = scan->words + at;
  long long address = (long long)(scan->first + at) + scan->base;
  char guess[MB_INTERPRET_LINE];
  if (mb_table_is_bits(scan->table)) {
    snprintf(out, MB_SCAN_LINE, "  %s_%lld: {%s: %lld, type: boolean}  # %s", name, address, name, address,
             *words ? "on" : "off");
    return 1;
  }
  unsigned n = text_from(scan, at, run);
  if (n) {
    char bytes[2 * TEXT_MOST], text[2 * TEXT_MOST + 1];
    for (unsigned i = 0; i < n; i++) {
      bytes[2 * i] = (char)(words[i] >> 8);
      bytes[2 * i + 1] = (char)words[i];
    }
    tt_text_printable(text, sizeof text, bytes, strnlen(bytes, (size_t)2 * n));
    snprintf(out, MB_SCAN_LINE, "  %s_%lld: {%s: %lld, type: string, count: %u}  # \"%s\"", name, address, name,
             address, n, text);
    return n;
  }
  unsigned before = 0;
  while (before < at && scan->state[at - before - 1] == MB_SCAN_ANSWERED)
    before++;
  const char *type = mb_interpret_guess(words, run, before % 2 == 0, &n, guess);
  snprintf(out, MB_SCAN_LINE, "  %s_%lld: {%s: %lld, %s}  # %.300s", name, address, name, address, type, guess);
  return n;
}

static bool line_of_answers(struct mb_scan *scan, unsigned run, char out[static MB_SCAN_LINE])
{
  unsigned at = scan->printed;
  char place[MB_ADDRESS_TEXT];
  bool is_whole = is_over(scan) || at + run < scan->known;
  bool is_bits = mb_table_is_bits(scan->table);
  if (!is_whole && run < (is_bits ? 1u : TEXT_MOST + SAME_LEAST)) /* what comes next may belong to it */
    return false;
  unsigned same = is_bits ? 1 : same_from(scan, at, run);
  if (same >= SAME_LEAST && !text_from(scan, at, run)) {
    if (at + same == scan->known && !is_over(scan))
      return false;
    snprintf(out, MB_SCAN_LINE, "  # %s: %u registers, all 0x%04X = %u", where(scan, at, same, place), same,
             scan->words[at], scan->words[at]);
    scan->printed += same;
    return true;
  }
  scan->printed += line_of_point(scan, at, run, out);
  return true;
}

static bool line_of_none(struct mb_scan *scan, unsigned run, char out[static MB_SCAN_LINE])
{
  char place[MB_ADDRESS_TEXT];
  if (scan->printed + run == scan->known && !is_over(scan))
    return false;
  snprintf(out, MB_SCAN_LINE, "  # %s: %s", where(scan, scan->printed, run, place),
           scan->state[scan->printed] == MB_SCAN_REFUSED ? "not there" : "no answer, passed over");
  scan->printed += run;
  return true;
}

static void line_of_head(const struct mb_scan *scan, char out[static MB_SCAN_LINE])
{
  char place[MB_ADDRESS_TEXT];
  switch (scan->head_lines) {
  case 0:
    snprintf(out, MB_SCAN_LINE, "# unit %u, %s%s %s", scan->unit, mb_table_name(scan->table),
             scan->n > 1 ? "s" : "", where(scan, 0, scan->n, place));
    break;
  case 1:
    snprintf(out, MB_SCAN_LINE, "# types and orders are guesses: compare with what the device shows");
    break;
  default:
    snprintf(out, MB_SCAN_LINE, "points:");
  }
}

bool mb_scan_line(struct mb_scan *scan, char out[static MB_SCAN_LINE])
{
  if (!scan->state || (scan->known == 0 && !is_over(scan)))
    return false;
  if (scan->head_lines < (scan->n_answered ? 3u : 2u)) {
    line_of_head(scan, out);
    scan->head_lines++;
    return true;
  }
  if (scan->printed < scan->known) {
    unsigned run = run_of(scan, scan->printed);
    return scan->state[scan->printed] == MB_SCAN_ANSWERED ? line_of_answers(scan, run, out)
                                                          : line_of_none(scan, run, out);
  }
  if (!is_over(scan) || scan->is_summed_up)
    return false;
  snprintf(out, MB_SCAN_LINE, "# %u of %u answer; %u request%s", scan->n_answered, scan->n, scan->requests,
           scan->requests == 1 ? "" : "s");
  scan->is_summed_up = true;
  return true;
}

void mb_scan_progress(const struct mb_scan *scan, char out[static MB_SCAN_LINE])
{
  snprintf(out, MB_SCAN_LINE, "%ss: %u of %u looked at, %u request%s", mb_table_name(scan->table), scan->known,
           scan->n, scan->requests, scan->requests == 1 ? "" : "s");
}
