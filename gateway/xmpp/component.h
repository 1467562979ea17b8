/* SPDX-License-Identifier: Apache-2.0
 *
 * component.h: a stream to a server as an external component (XEP-0114). No TLS: for loopback or a network that is
 * trusted. Reconnects for ever. Main thread, never blocks.
 */
#pragma once

#include "retry.h"
#include "router.h"

struct sd_event;
struct tt_component;

#define TT_COMPONENT_PORT 5347
#define TT_COMPONENT_PENDING_MAX                                                                                   \
  (256 * 1024) /* bytes the kernel has not taken; then the session's queue holds on */

struct tt_component_options {
  struct sd_event *event;   /* borrowed */
  struct tt_router *router; /* borrowed */
  const char *jid;          /* our domain; the strings are copied */
  const char *secret;
  const char *host;                    /* NULL: 127.0.0.1 */
  uint16_t port;                       /* 0: TT_COMPONENT_PORT */
  const struct tt_stream_times *times; /* NULL: TT_STREAM_TIMES */
  tt_stream_state_fn state;
  void *user;
};

/* Starts to connect. -EINVAL: no domain or secret. */
int tt_component_create(const struct tt_component_options *options, struct tt_component **ret);
/* Closes the stream. Not from within a callback of this stream. NULL is fine. */
void tt_component_destroy(struct tt_component *component);
struct tt_session *tt_component_session(const struct tt_component *component);
