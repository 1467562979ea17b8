/* SPDX-License-Identifier: Apache-2.0
 *
 * util.h: the small things that every room uses: cleanup attributes, time, an arena, a text buffer, text checks.
 *
 * Nothing here has global state; every function may be called on any thread as long as one object is used by
 * one thread at a time. Errors are negative errno; `ret_` parameters are written on success only.
 */
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC visibility push(default) /* bridges find these in the program */

#define TT_COUNT(array)                  (sizeof(array) / sizeof(*(array)))
#define TT_PRINTF(text, first)           __attribute__((format(printf, text, first)))
#define TT_UNUSED                        __attribute__((unused))
#define TT_CLEANUP(function)             __attribute__((cleanup(function)))
#define TT_CONTAINER_OF(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))

/* Take the pointer out of `p` and leave NULL there, so that a cleanup attribute finds nothing to free. */
#define TT_STEAL(p)                                                                                                \
  __extension__({                                                                                                  \
    __typeof__(p) tt_stolen_ = (p);                                                                                \
    (p) = NULL;                                                                                                    \
    tt_stolen_;                                                                                                    \
  })

#define TT_USEC_PER_MSEC UINT64_C(1000)
#define TT_USEC_PER_SEC  UINT64_C(1000000)
#define TT_NEVER         UINT64_MAX

static inline void tt_freep(void *pp)
{
  free(*(void **)pp);
}
#define TT_AUTOFREE TT_CLEANUP(tt_freep)

/* The time, read once per turn of the loop and passed in. Deadlines and ages are monotonic, stamps are wall
 * time in UTC. Both in microseconds; wall counts from 1970-01-01. */
struct tt_now {
  uint64_t mono_us;
  uint64_t wall_us;
};

/* Handle of something that may be gone when it is next looked at: index and generation. 0 is never valid. */
typedef uint64_t tt_id;

/* ---- Arena: many small allocations, freed together. -------------------------------------------------- */
struct tt_arena;

/* `limit` bounds the sum of all allocations in bytes; beyond it every allocation returns NULL. */
struct tt_arena *tt_arena_create(size_t limit);
void tt_arena_destroy(struct tt_arena *arena); /* NULL is fine */
void tt_arena_wipe(struct tt_arena *arena);    /* all of it becomes zeros, before it is destroyed: for secrets */
/* Zeroed, aligned for any type. NULL when out of memory or over the limit. */
void *tt_arena_alloc(struct tt_arena *arena, size_t size);
char *tt_arena_strdup(struct tt_arena *arena, const char *text); /* NULL in, NULL out */
char *tt_arena_strndup(struct tt_arena *arena, const char *text, size_t n);
char *tt_arena_printf(struct tt_arena *arena, const char *format, ...) TT_PRINTF(2, 3);
void *tt_arena_memdup(struct tt_arena *arena, const void *data, size_t n);
size_t tt_arena_used(const struct tt_arena *arena); /* bytes handed out */

/* ---- Text buffer: grows, never beyond `limit`; after a failure it stays failed and ignores more text. --- */
struct tt_buf {
  char *data; /* always terminated by NUL once something was added; NULL while empty */
  size_t len;
  size_t room;
  size_t limit; /* 0: no limit */
  bool failed;  /* out of memory or over the limit */
};

#define TT_BUF(limit_)                                                                                             \
  {                                                                                                                \
    .limit = (limit_)                                                                                              \
  }
void tt_buf_finish(struct tt_buf *buf);
#define TT_AUTOBUF TT_CLEANUP(tt_buf_finish)
void tt_buf_add(struct tt_buf *buf, const char *data, size_t n);
void tt_buf_puts(struct tt_buf *buf, const char *text);
void tt_buf_putc(struct tt_buf *buf, char c);
void tt_buf_printf(struct tt_buf *buf, const char *format, ...) TT_PRINTF(2, 3);
void tt_buf_vprintf(struct tt_buf *buf, const char *format, va_list ap) TT_PRINTF(2, 0);
/* Cut back to `len` bytes and clear `failed`: how a writer takes back what did not fit. */
void tt_buf_truncate(struct tt_buf *buf, size_t len);
char *tt_buf_steal(struct tt_buf *buf); /* the caller frees; "" when empty, NULL when failed */

/* ---- Text ------------------------------------------------------------------------------------------ */
/* Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
bool tt_utf8_is_valid(const char *text, size_t n);
/* The one filter through which foreign text enters the model: what is not UTF-8 or not a character of
 * XML 1.0 (section 2.2) becomes U+FFFD; at most `max` bytes are kept, cut between characters. Result on the
 * heap, NUL-terminated. NULL only when out of memory. */
char *tt_text_clean(const char *text, size_t n, size_t max);
/* For logs and terminals: as tt_text_clean, and control characters become '?'. Writes into `out`, returns it. */
char *tt_text_printable(char *out, size_t size, const char *text, size_t n);
/* Shell-like glob over one string: '*' any run without '/', '**' any run, '?' one character that is not '/'. */
bool tt_glob_matches(const char *glob, const char *text);
/* The candidate closest to `text` (Damerau-Levenshtein distance at most a third of its length, and at least
 * 1), for "did you mean"; NULL when none is close. */
const char *tt_closest(const char *text, const char *const candidates[], size_t n);

/* Durations as people write them: 500ms, 10s, 5min, 24h, 7d, 20us; a plain 0 is allowed. -EINVAL, -ERANGE. */
int tt_duration_parse(const char *text, uint64_t *ret_us);
/* The shortest of the same forms: 90000000 -> "90s". Writes into `out`, returns it. */
char *tt_duration_print(char *out, size_t size, uint64_t us);

/* Numbers, whole string, locale C: -EINVAL when it is not one, -ERANGE when it does not fit. Integers may be
 * decimal or 0x hexadecimal. Doubles accept neither INF nor NAN nor hexadecimal. */
int tt_int64_parse(const char *text, int64_t *ret);
int tt_double_parse(const char *text, double *ret);

/* xs:dateTime (XML Schema part 2, 3.2.7) from and to microseconds since 1970 UTC. Without a zone the text is
 * taken as UTC. Printing gives milliseconds and Z: "2026-11-22T18:54:53.120Z" (25 bytes with NUL). */
#define TT_DATETIME_SIZE 32
int tt_datetime_parse(const char *text, uint64_t *ret_wall_us);
char *tt_datetime_print(char out[static TT_DATETIME_SIZE], uint64_t wall_us);

/* xs:duration (XML Schema part 2, 3.2.6), a month as 30 days and a year as 365. -EINVAL */
int tt_xsd_duration_parse(const char *text, double *ret_seconds);

/* Random bytes from the kernel; aborts when there are none, for nothing secret can be made then. */
void tt_random(void *out, size_t n);
/* A uniformly random number in [0, bound); bound 0 gives 0. */
uint64_t tt_random_below(uint64_t bound);

#pragma GCC visibility pop
