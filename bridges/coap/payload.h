/* SPDX-License-Identifier: Apache-2.0
 *
 * payload.h: what a payload says about a point, and what a command is made of. Pure functions of bytes and options; a
 * payload is parsed once, however many points look into it.
 */
#pragma once

#include "common/senml.h"
#include "options.h"

/* Content formats (RFC 7252 section 12.3, RFC 8949, RFC 8428). */
#define CB_CONTENT_NONE (-1)
#define CB_CONTENT_LINK 40

/* Links (RFC 6690) are read as {"/target": {"there": true, "obs": false, "rt": ..., "if": ..., "ct": ..., "title": ...}}. */
#define CB_LINK_THERE "there" /* false of a target that has no link */

struct cb_payload {
  const char *data;
  size_t size;
  int content;      /* as the device says; CB_CONTENT_NONE */
  uint64_t wall_us; /* now, for relative times */
  /* filled by the functions below */
  enum cb_format parsed_as; /* AUTO: not yet */
  struct json_object *json;
  struct tt_senml senml;
  int error;
  char why[TT_PICK_WHY_SIZE];
};
void cb_payload_finish(struct cb_payload *payload);

/* The content format to ask for, or to say of what is sent; CB_CONTENT_NONE for AUTO. */
int cb_content_of(enum cb_format format);

/* The raw value of a point, and its own time (0: none). -ENODATA: it is not in there. -EINVAL with the reason in `why`.
 * All points of one payload have the same `format`. */
int cb_payload_value(struct cb_payload *payload, const struct tt_point *point, struct tt_value *ret,
                     uint64_t *ret_stamp_us, char why[static TT_PICK_WHY_SIZE]);
/* What a command sends; nothing for a DELETE. -EINVAL; -EMSGSIZE; -ENOMEM */
int cb_payload_compose(const struct cb_write_address *address, const struct tt_value *value, struct tt_buf *out);
