/* SPDX-License-Identifier: Apache-2.0
 *
 * maker.h: devices of known makers tell what they are under a well-known path, without a login. Which paths, and what
 * an answer tells. Pure; every byte of an answer may be hostile.
 */
#pragma once

#include <json-c/json_types.h>
#include <thingtree/host.h>

#define HTTP_MAKER_ANSWER_MAX (16u * 1024) /* bytes of an answer that is looked at */
#define HTTP_MAKER_FACTS_MAX  8

/* What an answer told. Texts are constant or the answer's (`json`), until http_told_finish(). */
struct http_told {
  struct json_object *json;
  const char *vendor, *name, *model; /* the latter two NULL: not said */
  struct tt_fact facts[HTTP_MAKER_FACTS_MAX];
  size_t n_facts;
};

/* What to ask a device for, the likeliest first: path and query. NULL behind the last. */
const char *http_maker_path(size_t question);

/* Is the answer to this question that of a device of a known maker? */
bool http_maker_hear(size_t question, const char *body, size_t size, struct http_told *ret);
void http_told_finish(struct http_told *told); /* zeroed is fine */
