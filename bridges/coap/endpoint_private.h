/* SPDX-License-Identifier: Apache-2.0
 *
 * endpoint_private.h: the inside of hub.c (what all share), endpoint.c (session, states) and exchange.c (questions and
 * their answers).
 */
#pragma once

#include "endpoint.h"
#include "security.h"

#include <systemd/sd-event.h>

/* A libcoap context in the loop. */
struct cb_io {
  coap_context_t *context;
  sd_event_source *source;
};

struct cb_hub {
  struct tt_bridge *bridge;
  const struct cb_connection *options;
  struct cb_resolver *resolver;
  struct cb_io plain; /* of all endpoints without DTLS */
  cb_change_fn changed;
  void *user;
  struct cb_endpoint *endpoints;
  uint64_t last_id;
  void (*ended)(void *user);
  void *ended_user;
};

struct cb_exchange {
  struct cb_exchange *prev, *next;
  struct cb_ask ask;
  uint8_t *data;
  struct cb_token token;
  struct cb_upload upload;
  struct cb_body body;
  bool is_uploaded; /* the answer to the whole is coming */
  bool is_first;    /* of its messages with the body's first block */
  bool is_sent;     /* its present message: the answer may come */
  bool is_behind;   /* that message is repeated no more; it is sent again when it is its turn */
  unsigned n_turns; /* it had without an answer */
  uint64_t sent_us;
  struct { /* out of the first response */
    int content;
    int64_t observe, max_age_s;
  } said;
};

enum cb_phase {
  CB_IDLE,      /* no session */
  CB_RESOLVING, /* of a host name */
  CB_SHAKING,   /* DTLS handshake */
  CB_READY,
};

struct cb_endpoint {
  struct cb_endpoint *prev, *next;
  struct cb_hub *hub;
  uint64_t id;
  unsigned users; /* 0: goes with its next turn */
  struct cb_base base;
  struct cb_security security; /* in the arena */
  struct tt_arena *arena;
  char *name;

  enum cb_phase phase;
  uint64_t phase_end_us; /* RESOLVING, SHAKING */
  struct cb_addresses addresses;
  size_t address;  /* that is used */
  struct cb_io io; /* DTLS: its own */
  struct cb_guard guard;
  coap_session_t *session;
  bool is_broken;    /* the session is to be closed in the next turn: libcoap runs */
  bool has_failed;   /* likewise, for the reason `failure`: nobody is there */
  bool has_leftover; /* a message is repeated that nobody waits for any more */
  bool is_silent;    /* a question had no answer in time: its session may be worth nothing */
  char failure[CB_SECURITY_WHY_SIZE];

  enum tt_link_state link;
  char why[CB_SECURITY_WHY_SIZE + CB_HOST_MAX + 64];
  unsigned failures; /* in a row */
  uint64_t probe_us; /* look whether it is there; TT_NEVER */
  uint64_t heard_us; /* the last word from it */

  struct cb_exchange *queue; /* the first may be under way */
  size_t n_queue;
  struct cb_exchange *active;
  bool is_pinging; /* an empty message is under way */
  bool is_doubted; /* without an answer to that it is not there */
  struct cb_watch *watches;
  sd_event_source *timer, *defer;
};

/* ---- hub.c ---- */
int cb_io_open(struct cb_hub *hub, struct cb_io *io);
void cb_io_close(struct cb_io *io);
void cb_io_arm(const struct cb_io *io); /* after something was sent: libcoap's own timer */

/* ---- exchange.c ---- */
int cb_exchange_create(const struct cb_ask *ask, struct cb_exchange **ret);
void cb_exchange_free(struct cb_exchange *exchange);
void cb_exchange_drop(struct cb_exchange *exchange); /* nobody is told */
/* End one with an error, or all of them. */
void cb_exchange_fail(struct cb_endpoint *endpoint, struct cb_exchange *exchange, int error, bool is_timeout,
                      const char *format, ...) TT_PRINTF(5, 6);
/* It has no answer, and will have none. */
void cb_exchange_silent(struct cb_endpoint *endpoint, struct cb_exchange *exchange);
void cb_exchanges_fail(struct cb_endpoint *endpoint, int error, const char *text);
/* Those that were asked in a session that is gone. */
void cb_exchanges_unsent(struct cb_endpoint *endpoint);
/* Send its present message. -ENOMEM; -EIO: the system takes it not. */
int cb_exchange_send(struct cb_endpoint *endpoint, struct cb_exchange *exchange);
coap_response_t cb_exchange_response(coap_session_t *session, const coap_pdu_t *sent, const coap_pdu_t *received,
                                     coap_mid_t mid);
void cb_exchange_nack(coap_session_t *session, const coap_pdu_t *sent, coap_nack_reason_t reason, coap_mid_t mid);

/* ---- endpoint.c ---- */
void cb_endpoint_kick(struct cb_endpoint *endpoint);  /* its turn comes in the next event */
void cb_endpoint_alive(struct cb_endpoint *endpoint); /* something came from it */
/* Nobody is there; of several reasons the first counts. Takes effect in its next turn. */
void cb_endpoint_failed(struct cb_endpoint *endpoint, const char *why);
int cb_endpoint_event(coap_session_t *session, const coap_event_t event);
void cb_hub_resolved(void *user, uint64_t id, const struct cb_addresses *addresses, const char *text);
void cb_endpoint_destroy(struct cb_endpoint *endpoint);
