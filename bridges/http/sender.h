/* SPDX-License-Identifier: Apache-2.0
 *
 * sender.h: is a push from whom it claims? A bearer token (RFC 6750) or an HMAC-SHA256 over the body. Compared in
 * constant time, whatever the length. Pure; the headers are hostile.
 */
#pragma once

#include "options.h"

#define HTTP_SIGNATURE_SIZE 32 /* bytes of HMAC-SHA256 */

/* `authorization` and `signature` are the headers' values, NULL when they are missing. A device without token and hmac
 * is nobody's: false. With both, both must be right. */
bool http_sender_is_right(const struct http_webhook *hook, const char *authorization, const char *signature,
                          const char *body, size_t size);

/* "sha256=" or nothing, then 64 hexadecimal digits. -EINVAL */
int http_signature_parse(const char *text, uint8_t ret[static HTTP_SIGNATURE_SIZE]);
