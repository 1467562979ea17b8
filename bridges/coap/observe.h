/* SPDX-License-Identifier: Apache-2.0
 *
 * observe.h: when a resource is asked to notify us (RFC 7641), when it is asked again, and which notification is older
 * than what we have. Decisions only; the clock is passed in, whoever owns it arms the timer and does the asking.
 *
 * An observation may be gone without a word: the device has restarted, its DTLS session was dropped, a notification was
 * lost. So it is registered anew now and then, and after a silence; a registration is a GET, its answer a value. Where a
 * device does not notify at all the same question is the poll.
 */
#pragma once

#include <thingtree/util.h>

#define CB_OBSERVE_FRESH_US      (128 * TT_USEC_PER_SEC) /* RFC 7641 section 3.4 */
#define CB_OBSERVE_RETRY_MIN_US  (1 * TT_USEC_PER_SEC)
#define CB_OBSERVE_RETRY_MAX_US  (60 * TT_USEC_PER_SEC)
#define CB_OBSERVE_GRACE_US      (5 * TT_USEC_PER_SEC) /* at least so long after Max-Age, at random twice that more */
#define CB_OBSERVE_MAX_AGE_MAX_S (7 * 24 * 3600u)

enum cb_observe_state {
  CB_OBSERVE_OFF,      /* not asked yet, or lost */
  CB_OBSERVE_ASKING,   /* the question is under way */
  CB_OBSERVE_STANDING, /* the device notifies */
  CB_OBSERVE_POLLING,  /* the device answers, but does not notify */
};

struct cb_observe {
  uint64_t refresh_us, fallback_us; /* options */
  enum cb_observe_state state;
  uint64_t due_us;             /* monotonic: ask then; ASKING: does not count */
  uint64_t asked_us, heard_us; /* the last registration that was answered; the last word */
  uint32_t number;             /* of the newest notification */
  bool has_number;
  unsigned failures; /* in a row */
};

/* To be asked at once. */
void cb_observe_init(struct cb_observe *o, uint64_t refresh_us, uint64_t fallback_us, uint64_t now_us);
void cb_observe_asked(struct cb_observe *o);
/* The question was answered with a value. `number` < 0: without an Observe option. `max_age_s` < 0: not said. */
void cb_observe_answered(struct cb_observe *o, int64_t number, int64_t max_age_s, uint64_t now_us);
/* The question was not answered, or with an error; 5.03 may say when to come again. */
void cb_observe_failed(struct cb_observe *o, int64_t retry_s, uint64_t now_us);
/* A notification with a value; false: it is older than what is known, leave it. */
bool cb_observe_notified(struct cb_observe *o, uint32_t number, int64_t max_age_s, uint64_t now_us);
/* The device has ended it (an error as notification), or what it went through is gone. Asked again soon. */
void cb_observe_lost(struct cb_observe *o, int64_t retry_s, uint64_t now_us);
/* The device can be reached again. */
void cb_observe_reachable(struct cb_observe *o, uint64_t now_us);
/* When to ask; TT_NEVER while asking. */
uint64_t cb_observe_due(const struct cb_observe *o);
