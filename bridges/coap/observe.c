/* SPDX-License-Identifier: Apache-2.0
 * Decisions of an observation. */
#include "observe.h"

static uint64_t earlier(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

/* 1 s, 2 s, 4 s ... 60 s, and up to a quarter more. */
static uint64_t retry_us(const struct cb_observe *o, int64_t retry_s)
{
  uint64_t wait = o->failures < 6 ? CB_OBSERVE_RETRY_MIN_US << o->failures : CB_OBSERVE_RETRY_MAX_US;
  if (retry_s > 0 && retry_s <= CB_OBSERVE_MAX_AGE_MAX_S)
    wait = (uint64_t)retry_s * TT_USEC_PER_SEC;
  return wait + tt_random_below(wait / 4);
}

/* Max-Age counts only when the device says one: its preset of a minute would wake a sensor that has nothing to say. */
static void plan(struct cb_observe *o, int64_t max_age_s, uint64_t now_us)
{
  o->heard_us = now_us;
  o->failures = 0;
  o->due_us = now_us + o->fallback_us;
  if (o->state == CB_OBSERVE_STANDING)
    o->due_us = earlier(o->due_us, o->asked_us + o->refresh_us);
  if (o->state == CB_OBSERVE_STANDING && max_age_s >= 0 && max_age_s <= CB_OBSERVE_MAX_AGE_MAX_S)
    o->due_us = earlier(o->due_us, now_us + (uint64_t)max_age_s * TT_USEC_PER_SEC + CB_OBSERVE_GRACE_US +
                                       tt_random_below(2 * CB_OBSERVE_GRACE_US));
}

void cb_observe_init(struct cb_observe *o, uint64_t refresh_us, uint64_t fallback_us, uint64_t now_us)
{
  *o = (struct cb_observe){.refresh_us = refresh_us, .fallback_us = fallback_us, .due_us = now_us};
}

void cb_observe_asked(struct cb_observe *o)
{
  o->state = CB_OBSERVE_ASKING;
}

void cb_observe_answered(struct cb_observe *o, int64_t number, int64_t max_age_s, uint64_t now_us)
{
  o->state = number < 0 ? CB_OBSERVE_POLLING : CB_OBSERVE_STANDING;
  o->asked_us = now_us;
  /* The answer to a question is always news: a device that has restarted counts from the beginning. */
  o->has_number = number >= 0;
  o->number = number >= 0 ? (uint32_t)number : 0;
  plan(o, max_age_s, now_us);
}

void cb_observe_failed(struct cb_observe *o, int64_t retry_s, uint64_t now_us)
{
  o->state = CB_OBSERVE_OFF;
  o->due_us = now_us + retry_us(o, retry_s);
  o->failures++;
}

bool cb_observe_notified(struct cb_observe *o, uint32_t number, int64_t max_age_s, uint64_t now_us)
{
  uint32_t before = o->number;
  bool is_newer = !o->has_number || (before < number && number - before < 1u << 23) ||
                  (before > number && before - number > 1u << 23) || now_us > o->heard_us + CB_OBSERVE_FRESH_US;
  if (!is_newer)
    return false;
  o->number = number;
  o->has_number = true;
  if (o->state == CB_OBSERVE_ASKING) { /* its answer plans */
    o->heard_us = now_us;
    return true;
  }
  o->state = CB_OBSERVE_STANDING;
  plan(o, max_age_s, now_us);
  return true;
}

void cb_observe_lost(struct cb_observe *o, int64_t retry_s, uint64_t now_us)
{
  if (o->state == CB_OBSERVE_ASKING)
    return; /* its answer tells */
  cb_observe_failed(o, retry_s, now_us);
}

void cb_observe_reachable(struct cb_observe *o, uint64_t now_us)
{
  if (o->state == CB_OBSERVE_OFF)
    o->due_us = earlier(o->due_us, now_us);
}

uint64_t cb_observe_due(const struct cb_observe *o)
{
  return o->state == CB_OBSERVE_ASKING ? TT_NEVER : o->due_us;
}
