/* SPDX-License-Identifier: Apache-2.0
 *
 * retry.c: back-off with jitter, and one message per cause.
 */
#include "retry.h"

#include <stdio.h>

void tt_retry_init(struct tt_retry *retry, tt_stream_state_fn fn, void *user)
{
  *retry = (struct tt_retry){.fn = fn, .user = user};
}

void tt_retry_online(struct tt_retry *retry, uint64_t mono_us, const char *text)
{
  retry->online_since = mono_us ? mono_us : 1;
  retry->told[0] = '\0';
  if (retry->fn)
    retry->fn(retry->user, true, text);
}

static uint64_t delay(const struct tt_retry *retry, bool is_slow)
{
  if (is_slow)
    return TT_RETRY_SLOW_US + tt_random_below(TT_RETRY_SLOW_US / 2);
  uint64_t most = TT_RETRY_FIRST_US;
  for (unsigned i = 1; i < retry->failures && most < TT_RETRY_MAX_US; i++)
    most *= 2;
  if (most > TT_RETRY_MAX_US)
    most = TT_RETRY_MAX_US;
  /* Many gateways lose the same server at the same moment. */
  return most / 2 + tt_random_below(most / 2);
}

uint64_t tt_retry_failed(struct tt_retry *retry, uint64_t mono_us, bool is_slow, const char *cause)
{
  if (retry->online_since && mono_us - retry->online_since >= TT_RETRY_STABLE_US)
    retry->failures = 0;
  if (retry->failures < 100)
    retry->failures++;
  bool was_online = retry->online_since;
  retry->online_since = 0;
  if (was_online || strcmp(retry->told, cause)) {
    char text[TT_CAUSE_MAX + 64];
    snprintf(retry->told, sizeof(retry->told), "%s", cause);
    snprintf(text, sizeof(text), "%s; trying again %s", retry->told,
             is_slow ? "in 60 s" : "at growing intervals of 1 to 60 s");
    if (retry->fn)
      retry->fn(retry->user, false, text);
  }
  return delay(retry, is_slow);
}
