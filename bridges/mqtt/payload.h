/* SPDX-License-Identifier: Apache-2.0
 *
 * payload.h: what one message says: about a point, about presence; and what a command is made of. Pure functions of
 * bytes and options; a payload is parsed once, however many points and devices look into it.
 */
#pragma once

#include "options.h"

#include <thingtree/host.h>

struct mqtt_payload {
  const char *data;
  size_t size;
  size_t full_size; /* as it came; more than `size`: it was over the limit and is not here */
  size_t max;       /* bytes that are looked at; 0: TT_PICK_SIZE_MAX. Values never come out of more than that */
  /* filled by the functions below */
  struct json_object *json;
  bool is_parsed;
  int error;
  char why[TT_PICK_WHY_SIZE];
};
void mqtt_payload_finish(struct mqtt_payload *payload);

/* The whole as JSON, borrowed until finished. -EINVAL: it is none. */
int mqtt_payload_json(struct mqtt_payload *payload, struct json_object **ret);

/* The raw value of a point in a message of `source`. -ENODATA: it is not in there. -EINVAL, reason in `why`. */
int mqtt_payload_value(struct mqtt_payload *payload, const struct mqtt_source *source, const struct tt_point *point,
                       struct tt_value *ret, char why[static TT_PICK_WHY_SIZE]);
/* What a message of `available` says. */
enum tt_link_state mqtt_payload_available(struct mqtt_payload *payload, const struct mqtt_available *available);
/* The payload of a command. -EINVAL; -EMSGSIZE; -ENOMEM */
int mqtt_payload_compose(const struct mqtt_write_address *address, const struct tt_value *value,
                         struct tt_buf *out);
