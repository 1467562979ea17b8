/* SPDX-License-Identifier: Apache-2.0
 *
 * security.h: a session with a device, plain or over DTLS, and what went wrong with DTLS. Nothing falls back: with
 * coaps:// a device proves who it is, or is not talked to. Loop thread.
 */
#pragma once

#include "options.h"
#include "uri.h"

#include <coap3/coap.h>
#include <netinet/in.h>

#define CB_SECURITY_WHY_SIZE 160

/* What the checks of one DTLS session need; lives as long as its context. libcoap 4.3.1 keeps certificates and their
 * checks per context, so that every DTLS endpoint has a context of its own. */
struct cb_guard {
  char name[CB_HOST_MAX + 1];     /* that the certificate must have */
  char why[CB_SECURITY_WHY_SIZE]; /* the certificate was refused; "" */
};

/* Open a session to `address`. NULL: it cannot be; `why` (CB_SECURITY_WHY_SIZE bytes) says more. */
coap_session_t *cb_session_open(coap_context_t *context, const struct cb_base *base,
                                const struct sockaddr_in6 *address, const struct cb_security *security,
                                struct cb_guard *guard, char *why);
/* The DTLS handshake of the session has failed: says why, as far as can be known. For libcoap's event, in which the TLS
 * session is still there. */
void cb_session_why(coap_session_t *session, const struct cb_security *security, struct cb_guard *guard, char *why);
