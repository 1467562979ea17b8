/* SPDX-License-Identifier: Apache-2.0
 *
 * sender.h: is a push from whom it claims? A bearer token (RFC 6750) or an HMAC-SHA256, in one of three schemes: over the
 * body alone (as GitHub and Gitea), over the time and the body (as Stripe), or as Standard Webhooks 1.0.0. Compared in
 * constant time, whatever the length. Pure; the headers are hostile.
 */
#pragma once

#include "options.h"

#define HTTP_SIGNATURE_SIZE 32 /* bytes of HMAC-SHA256 */
#define HTTP_SIGNATURES_MAX 8 /* that are looked at; a sender that changes its key signs with the old one as well */
#define HTTP_CLAIM_TEXT_MAX 256 /* bytes of an id or a time */

/* What the sender gives; each NULL when it is missing. */
struct http_claim {
  const char *authorization, *signature, *id, *time; /* headers; the last two of scheme `standard` */
  const char *body;
  size_t size;
};

/* What has been proven. */
struct http_proof {
  uint8_t signature[HTTP_SIGNATURE_SIZE]; /* that belongs to it, whatever was written; zeros without hmac */
  uint64_t sent_us;                       /* wall time that is signed beside the body; 0: none is */
};

/* A device without token and hmac is nobody's: false. With both, both must be right. */
bool http_sender_is_right(const struct http_webhook *hook, const struct http_claim *claim, struct http_proof *ret);

/* The name of the header with the signature. */
const char *http_sender_header(const struct http_webhook *hook);

/* Can the secret be one of the scheme? */
bool http_sender_has_key(const struct http_webhook *hook);

/* "sha256=" or nothing, then 64 hexadecimal digits. -EINVAL */
int http_signature_parse(const char *text, uint8_t ret[static HTTP_SIGNATURE_SIZE]);
