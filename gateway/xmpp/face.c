/* SPDX-License-Identifier: Apache-2.0
 * face.c: presence and kind of things, out of the cache (face.h). */
#include "face.h"

#include "model/human.h"
#include "text/text.h"

#include <stdio.h>
#include <strings.h>

#define VALUE_MAX 40 /* bytes of one value and its name */

const char *tt_show_name(enum tt_show show)
{
  switch (show) {
  case TT_SHOW_AVAILABLE:
    return NULL;
  case TT_SHOW_AWAY:
    return "away";
  case TT_SHOW_DND:
    return "dnd";
  }
  return NULL;
}

/* ---- Values ------------------------------------------------------------------------------------------------- */

static bool is_old(const struct tt_node *node, uint16_t point, struct tt_now now)
{
  return node->fields[point].is_retained || tt_node_is_stale(node, point, now);
}

/* What a face shows: values of these categories that are known and may be read. */
static bool is_shown(const struct tt_node *node, uint16_t point, const bool *may_read, unsigned categories)
{
  return may_read[point] && tt_node_has_field(node, point) && (node->points[point].categories & categories) &&
         node->fields[point].value.type != TT_TYPE_NONE && !node->field_errors[point];
}

/* Does another of them have the same unit? */
static bool is_ambiguous(const struct tt_node *node, uint16_t point, const bool *may_read, unsigned categories)
{
  const char *unit = node->fields[point].unit;
  for (uint16_t i = 0; i < node->n_points; i++)
    if (i != point && is_shown(node, i, may_read, categories) && node->fields[i].unit &&
        strcmp(node->fields[i].unit, unit) == 0)
      return true;
  return false;
}

static void describe(const struct tt_node *node, uint16_t point, bool with_name, const char *language,
                     char out[static VALUE_MAX + 1])
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  if (with_name) {
    tt_human_name(&text, &node->points[point], language);
    tt_buf_puts(&text, ": ");
  }
  tt_human_value(&text, &node->fields[point].value, node->fields[point].unit, language);
  tt_text_printable(out, VALUE_MAX + 1, text.data ? text.data : "", text.len);
}

struct values {
  size_t n, n_old;
};

/* As many as fit, whole ones only. */
static struct values put_values(const struct tt_node *node, const bool *may_read, unsigned categories,
                                struct tt_now now, const char *language, char out[static TT_STATUS_MAX + 1])
{
  struct values values = {0};
  size_t used = 0;
  for (uint16_t i = 0; i < node->n_points; i++) {
    char text[VALUE_MAX + 1];
    if (!is_shown(node, i, may_read, categories))
      continue;
    values.n++;
    values.n_old += is_old(node, i, now);
    const char *unit = node->fields[i].unit;
    describe(node, i, !unit || !*unit || is_ambiguous(node, i, may_read, categories), language, text);
    size_t n = strlen(text) + (used ? 2 : 0);
    if (used + n <= TT_STATUS_MAX)
      used += (size_t)snprintf(out + used, TT_STATUS_MAX + 1 - used, "%s%s", used ? ", " : "", text);
  }
  return values;
}

/* ---- Devices ------------------------------------------------------------------------------------------------ */

/* Messages that say that it is not reached; every other error is its own. */
static bool is_about_reach(const struct tt_message *message)
{
  static const char *const codes[] = {"offline", "connection", "timeout"};
  for (size_t i = 0; i < TT_COUNT(codes); i++)
    if (strcmp(message->code, codes[i]) == 0)
      return true;
  return false;
}

static const struct tt_message *error_of(const struct tt_node *node, bool is_reach)
{
  for (size_t i = 0; i < node->n_messages; i++)
    if (node->messages[i].type == TT_MESSAGE_ERROR && is_about_reach(&node->messages[i]) == is_reach)
      return &node->messages[i];
  return NULL;
}

static void say(struct tt_face *face, enum tt_show show, const char *text)
{
  face->show = show;
  tt_text_printable(face->status, sizeof(face->status), text, strlen(text));
}

static bool can_read_any(const struct tt_node *node, const bool *may_read)
{
  for (uint16_t i = 0; i < node->n_points; i++)
    if (may_read[i] && tt_node_has_field(node, i))
      return true;
  return false;
}

void tt_face_of_device(const struct tt_node *node, const bool *may_read, struct tt_now now, const char *language,
                       struct tt_face *ret)
{
  static const unsigned choices[] = {TT_CATEGORY_MOMENTARY,
                                     TT_CATEGORY_STATUS | TT_CATEGORY_COMPUTED | TT_CATEGORY_PEAK};
  const struct tt_message *own = error_of(node, false), *reach = error_of(node, true);
  *ret = (struct tt_face){0};
  if (own) {
    say(ret, TT_SHOW_DND, own->text);
    return;
  }
  if (reach) {
    say(ret, TT_SHOW_AWAY, reach->text);
    return;
  }
  struct values values = {0};
  for (size_t i = 0; values.n == 0 && i < TT_COUNT(choices); i++)
    values = put_values(node, may_read, choices[i], now, language, ret->status);
  if (values.n == 0 && can_read_any(node, may_read)) {
    say(ret, TT_SHOW_AWAY, tt_tr(language, "no value"));
  } else if (values.n > 0 && values.n_old == values.n) {
    char text[TT_STATUS_MAX + 1];
    memcpy(text, ret->status, sizeof(text));
    ret->show = TT_SHOW_AWAY;
    if (snprintf(ret->status, sizeof(ret->status), "%s (%s)", text, tt_tr(language, "old value")) > TT_STATUS_MAX)
      memcpy(ret->status, text, sizeof(text));
  }
}

/* ---- Places and the gateway --------------------------------------------------------------------------------- */

void tt_census_add(struct tt_census *census, const struct tt_node *node)
{
  bool is_bad = tt_node_state(node) >= TT_STATE_ERROR_SIGNED;
  switch (node->kind) {
  case TT_NODE_DEVICE:
    census->devices++;
    census->errors += is_bad;
    return;
  case TT_NODE_CONNECTION:
    census->connections_down += is_bad;
    return;
  case TT_NODE_PLACE:
  case TT_NODE_GATEWAY:
    return;
  }
}

void tt_face_of_census(const struct tt_census *census, const char *language, struct tt_face *ret)
{
  bool is_bad = census->connections_down > 0 || (census->devices > 0 && census->errors == census->devices);
  *ret = (struct tt_face){.show = is_bad ? TT_SHOW_DND : TT_SHOW_AVAILABLE};
  int n = snprintf(ret->status, sizeof(ret->status),
                   tt_tr_n(language, "%zu device", "%zu devices", census->devices), census->devices);
  if (census->errors > 0 && n > 0 && n < TT_STATUS_MAX) {
    ret->status[n++] = ',';
    ret->status[n++] = ' ';
    snprintf(ret->status + n, sizeof(ret->status) - (size_t)n,
             tt_tr_n(language, "%zu error", "%zu errors", census->errors), census->errors);
  }
}

/* ---- Kinds -------------------------------------------------------------------------------------------------- */

static bool has_word(const char *name, const char *const *words)
{
  for (; *words; words++)
    for (const char *p = name; *p; p++)
      if (strncasecmp(p, *words, strlen(*words)) == 0)
        return true;
  return false;
}

static bool is_light(const struct tt_point *point)
{
  static const char *const words[] = {"brightness", "dimm", "colo", "lightlevel", "light_level", NULL};
  return point->write && has_word(point->name, words);
}

static bool is_media(const struct tt_point *point)
{
  static const char *const words[] = {"volume", "mute", "transport", "playing", NULL};
  return point->write && has_word(point->name, words);
}

static bool is_switch(const struct tt_point *point)
{
  return point->write && point->type == TT_TYPE_BOOLEAN;
}

static bool is_meter(const struct tt_point *point)
{
  static const char *const units[] = {"kWh", "Wh", "MWh", "m\u00b3", "kvarh", "V", "A"};
  for (size_t i = 0; point->unit && i < TT_COUNT(units); i++)
    if (strcmp(point->unit, units[i]) == 0)
      return true;
  return false;
}

enum tt_thing_kind tt_thing_kind(const struct tt_node *node)
{
  /* The first that fits: a plug that also meters is a plug. */
  static const struct {
    enum tt_thing_kind kind;
    bool (*fits)(const struct tt_point *point);
  } rows[] = {{TT_THING_MEDIA, is_media},
              {TT_THING_LIGHT, is_light},
              {TT_THING_SWITCH, is_switch},
              {TT_THING_METER, is_meter}};
  if (!node || node->kind == TT_NODE_GATEWAY || node->kind == TT_NODE_CONNECTION)
    return TT_THING_GATEWAY;
  if (node->kind == TT_NODE_PLACE)
    return TT_THING_PLACE;
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    for (size_t k = 0; k < node->n_points; k++)
      if (!node->points[k].is_hidden && rows[i].fits(&node->points[k]))
        return rows[i].kind;
  return TT_THING_SENSOR;
}

const char *tt_thing_kind_name(enum tt_thing_kind kind)
{
  static const char *const names[TT_THING_KIND_COUNT] = {
      [TT_THING_GATEWAY] = TT_TR("gateway"), [TT_THING_PLACE] = TT_TR("place"), [TT_THING_SENSOR] = TT_TR("sensor"),
      [TT_THING_SWITCH] = TT_TR("switch"),   [TT_THING_LIGHT] = TT_TR("light"), [TT_THING_METER] = TT_TR("meter"),
      [TT_THING_MEDIA] = TT_TR("player"),
  };
  return names[kind];
}
