/* SPDX-License-Identifier: Apache-2.0
 *
 * compose.h: what is sent to a device: URL, query and body out of the typed nodes of a mapping. Nothing is pasted:
 * names and values are percent-encoded here, JSON is written by json-c. Pure.
 */
#pragma once

#include "options.h"

#define HTTP_QUERY_MAX 64 /* names in a query or a form */

/* A request, ready to be sent. */
struct http_request {
  const char *method;
  char *url;
  char *body; /* NULL: none */
  size_t body_size;
  const char *content_type; /* of the body */
};
void http_request_finish(struct http_request *request);

/* `value` fills ${value}; NULL where there is none, and ${value} stays as it is. -EINVAL: the message is none that
 * http_check() accepts, or a value has no JSON; -EMSGSIZE: longer than TT_FETCH_URL_MAX or TT_COMPOSE_SIZE_MAX;
 * -ENOMEM */
int http_compose(const char *base, const struct http_message *message, const struct tt_value *value,
                 struct http_request *ret);

/* What is written for a raw value: the word for it, or itself. -EINVAL: there is no word for it; -ENOMEM */
int http_compose_word(const struct tt_item *words, const struct tt_value *raw, struct tt_value *ret);

/* An address for people: without its query, and without what may be a key in its path (some devices have their keys there,
 * as /api/KEY/lights): a long part with digits and letters becomes "...". Cut to the size. */
#define HTTP_KEY_LEAST 16 /* characters of such a part */
char *http_url_shown(const char *url, char *out, size_t size);

/* Everything but A-Z a-z 0-9 - . _ ~ (RFC 3986) becomes %XX. */
void http_percent_encode(const char *text, struct tt_buf *out);

/* Why an item is not a map that can be a query or a form, or NULL; `*ret_at` is then the place. */
const char *http_query_problem(const struct tt_item *item, const struct tt_item **ret_at);
