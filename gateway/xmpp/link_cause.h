/* SPDX-License-Identifier: Apache-2.0
 *
 * link_cause.h: why an attempt to log in failed, in one sentence for people, and whether trying again soon makes sense.
 * libstrophe says it in pieces: a certificate here, a line of its log there. Pure. Private to the link's thread.
 */
#pragma once

#include "link_thread.h"
#include "retry.h"

#include <strophe.h>

struct tt_link_cause {
  bool is_connected, is_secured; /* how far it came */
  int connect_error;             /* errno of connect() */
  char certificate[TT_CAUSE_MAX / 2], said[TT_CAUSE_MAX / 2];
  char text[TT_CAUSE_MAX]; /* the sentence; "" while there is none */
  bool is_slow;
  bool is_violation; /* a stanza of ours was against the server's policy */
};

/* A line of the library's log. */
void tt_link_cause_said(struct tt_link_cause *cause, const char *text);
/* A certificate that was not accepted; `subject` may be NULL. */
void tt_link_cause_certificate(struct tt_link_cause *cause, const char *subject, const char *why);
/* We know it ourselves. */
void tt_link_cause_set(struct tt_link_cause *cause, bool is_slow, const char *format, ...) TT_PRINTF(3, 4);
/* The end: makes the sentence, if there is none yet. `error` may be NULL. */
void tt_link_cause_find(struct tt_link_cause *cause, const struct tt_link_account *account, bool was_online,
                        const xmpp_stream_error_t *error);
