/* SPDX-License-Identifier: Apache-2.0
 *
 * retry.h: when a lost stream is tried again, and what people are told about it: each cause once, not each attempt.
 * Pure but for the jitter; the clock is passed in. One thread at a time.
 */
#pragma once

#include <thingtree/util.h>

#define TT_RETRY_FIRST_US  (1 * TT_USEC_PER_SEC)
#define TT_RETRY_MAX_US    (60 * TT_USEC_PER_SEC)
#define TT_RETRY_SLOW_US   (60 * TT_USEC_PER_SEC) /* at least; somebody has to change something first */
#define TT_RETRY_STABLE_US (30 * TT_USEC_PER_SEC) /* online this long: the next loss starts from the beginning */
#define TT_CAUSE_MAX       512

/* The stream has come or gone. `text` is one sentence without a full stop, for people. Called on changes only. */
typedef void (*tt_stream_state_fn)(void *user, bool is_online, const char *text);

/* How patient a stream is. Nobody but a test has a reason to change it. */
struct tt_stream_times {
  uint64_t online_us;      /* an attempt that is not online by then has failed */
  uint64_t ping_every_us;  /* of silence */
  uint64_t ping_answer_us; /* a stream without an answer by then is dead */
};
#define TT_STREAM_TIMES                                                                                            \
  (struct tt_stream_times)                                                                                         \
  {                                                                                                                \
    .online_us = 30 * TT_USEC_PER_SEC, .ping_every_us = 60 * TT_USEC_PER_SEC,                                      \
    .ping_answer_us = 30 * TT_USEC_PER_SEC                                                                         \
  }

struct tt_retry {
  tt_stream_state_fn fn;
  void *user;
  unsigned failures;       /* in a row */
  uint64_t online_since;   /* 0: offline */
  char told[TT_CAUSE_MAX]; /* the cause that people know */
};

void tt_retry_init(struct tt_retry *retry, tt_stream_state_fn fn, void *user);
void tt_retry_online(struct tt_retry *retry, uint64_t mono_us, const char *text);
/* Tells the cause, if it is another one than last time, and returns how long to wait. `is_slow`: trying sooner is
 * pointless or harmful (wrong secret, another stream with our address). */
uint64_t tt_retry_failed(struct tt_retry *retry, uint64_t mono_us, bool is_slow, const char *cause);
