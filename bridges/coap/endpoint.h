/* SPDX-License-Identifier: Apache-2.0
 *
 * endpoint.h: a host that is talked to: its address, its session, and the questions that wait for it, one under way at a
 * time (RFC 7252 section 4.7, NSTART 1). One that only asks and has no answer for a while lets the others go first. Devices
 * at one address with the same security share one. Loop thread.
 *
 * A question ends with its `done`, once: with the answer, with an error, or by its deadline; then its message is not
 * repeated either. Nothing calls `done` from within a function of this header.
 */
#pragma once

#include "message.h"
#include "options.h"
#include "resolve.h"

#include <thingtree/host.h>

#define CB_QUESTIONS_MAX 4096 /* that wait at one endpoint */

/* What all endpoints of an instance share. */
struct cb_hub;
struct cb_endpoint;

struct cb_answer {
  int error;        /* 0: a response has come, whatever its code */
  const char *text; /* with an error: a sentence */
  bool is_timeout;  /* nothing has come at all, of other questions either */
  uint8_t code;
  int content;
  int64_t observe, max_age_s; /* < 0: not there */
  const char *data;           /* the whole body */
  size_t n;
};
typedef void (*cb_done_fn)(void *user, const struct cb_answer *answer);

struct cb_ask {
  const void *owner; /* for cb_endpoint_forget() */
  cb_done_fn done;
  void (*dropped)(void *user); /* instead of `done`, when the owner has it forgotten; may be NULL */
  void *user;
  uint8_t method;                  /* CoAP code */
  const struct cb_path *path;      /* lives until `done`, or as the owner does */
  bool is_confirmable, is_command; /* a command goes ahead of what only asks */
  struct cb_watch *watch;          /* register this observation; NULL: none */
  int accept, content;
  const void *data; /* copied */
  size_t n;
  size_t block_size;
  uint64_t deadline_us;
};

/* An observation: who is told what comes with its token. */
struct cb_watch {
  struct cb_watch *prev, *next;
  struct cb_token token;
  cb_done_fn notified; /* `is_partial` of a body larger than a block: ask for it */
  void *user;
  bool is_partial; /* of the notification that is being told */
};

/* What is told about an endpoint. */
enum cb_change {
  CB_REACHABLE,   /* it has answered, and had not before */
  CB_UNREACHABLE, /* it is certainly not there: refused, no such name, no handshake */
  CB_FORGOTTEN,   /* the session is another one now: observations are gone */
};
typedef void (*cb_change_fn)(void *user, struct cb_endpoint *endpoint, enum cb_change change, const char *text);

int cb_hub_create(struct tt_bridge *bridge, cb_change_fn changed, void *user, struct cb_hub **ret);
/* Everything is dropped, no `done` is called any more; `ended` when nothing is left, perhaps from within. */
void cb_hub_stop(struct cb_hub *hub, void (*ended)(void *user), void *user);

/* The endpoint of `base` with `security`. Released as often as it was got. */
int cb_endpoint_get(struct cb_hub *hub, const struct cb_base *base, const struct cb_security *security,
                    struct cb_endpoint **ret);
void cb_endpoint_release(struct cb_endpoint *endpoint);
const char *cb_endpoint_name(const struct cb_endpoint *endpoint); /* coap://host:port */
enum tt_link_state cb_endpoint_link(const struct cb_endpoint *endpoint);
const char *cb_endpoint_why(const struct cb_endpoint *endpoint); /* it is unreachable */
struct cb_endpoint *cb_hub_next(struct cb_hub *hub,
                                struct cb_endpoint *endpoint); /* NULL: the first, none any more */

int cb_endpoint_ask(struct cb_endpoint *endpoint, const struct cb_ask *ask); /* -ENOMEM; -ENOBUFS */
/* Nothing has come for a question that nobody outside waits for: look whether it is there, and tell when it is not. */
void cb_endpoint_doubt(struct cb_endpoint *endpoint);
/* No question of this owner is answered any more. */
void cb_endpoint_forget(struct cb_endpoint *endpoint, const void *owner);
void cb_endpoint_watch(struct cb_endpoint *endpoint, struct cb_watch *watch);
void cb_endpoint_unwatch(struct cb_endpoint *endpoint, struct cb_watch *watch);
/* Tell the device that nobody observes the resource any more: one message, whatever becomes of it. What it notifies all
 * the same is rejected. */
void cb_endpoint_deregister(struct cb_endpoint *endpoint, const struct cb_watch *watch, const struct cb_path *path,
                            int accept);
