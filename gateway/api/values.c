/* SPDX-License-Identifier: Apache-2.0
 * values.c: values in a request: as text, whatever JSON calls them, and as people write them. */
#include "client.h"
#include "model/human.h"

#include <json-c/json.h>

/* A text as a person writes it ("off", "21,5") in the form that the point of this name takes; of others as it is. */
static const char *lexical(const struct tt_api_call *call, const struct tt_api_points *points, const char *name,
                           const char *text, struct tt_arena *arena)
{
  TT_AUTOBUF struct tt_buf buf = TT_BUF(0);
  for (size_t i = 0; i < points->n; i++)
    if (strcmp(points->all[i].name, name) == 0) {
      tt_human_parse(&buf, &points->all[i], text, call->client->language);
      return tt_arena_strdup(arena, buf.data ? buf.data : "");
    }
  return text;
}

bool tt_api_values(const struct tt_api_call *call, json_object *object, const struct tt_api_points *points,
                   struct tt_arena *arena, struct tt_assignment *ret)
{
  json_object_object_foreach(object, name, value)
  {
    const char *text = json_object_get_string(value);
    bool is_text = json_object_is_type(value, json_type_string);
    if (!text || json_object_is_type(value, json_type_object) || json_object_is_type(value, json_type_array) ||
        (is_text && strlen(text) != (size_t)json_object_get_string_len(value))) {
      tt_api_fail(call->client, call->id, "bad-request", "the value of \"%.64s\" must be a text, number or boolean",
                  name);
      return false;
    }
    if (is_text && !(text = lexical(call, points, name, text, arena))) {
      tt_api_client_doom(call->client);
      return false;
    }
    *ret++ = (struct tt_assignment){.name = name, .type = TT_TYPE_NONE, .text = text};
  }
  return true;
}
