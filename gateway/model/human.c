/* SPDX-License-Identifier: Apache-2.0
 * human.c: values for people, and from people. */
#include "human.h"

#include "text/text.h"

#include <strings.h>

static void put_datetime(struct tt_buf *out, uint64_t wall_us)
{
  char text[TT_DATETIME_SIZE];
  tt_datetime_print(text, wall_us); /* 2026-11-22T18:54:53.120Z */
  text[10] = ' ';
  tt_buf_printf(out, "%.19sZ", text);
}

void tt_human_value(struct tt_buf *out, const struct tt_value *value, const char *unit, const char *language)
{
  switch (value->type) {
  case TT_TYPE_NONE:
    tt_buf_puts(out, tt_tr(language, "no value"));
    return;
  case TT_TYPE_BOOLEAN:
    tt_buf_puts(out, value->boolean ? tt_tr(language, "on") : tt_tr(language, "off"));
    return;
  case TT_TYPE_DATETIME:
    put_datetime(out, value->datetime_us);
    return;
  case TT_TYPE_INT32:
  case TT_TYPE_INT64:
  case TT_TYPE_QUANTITY:
  case TT_TYPE_STRING:
  case TT_TYPE_DATE:
  case TT_TYPE_TIME:
  case TT_TYPE_DURATION:
  case TT_TYPE_ENUM:
    break;
  }
  tt_value_print(value, out);
  if (unit && *unit)
    tt_buf_printf(out, " %s", unit);
}

void tt_human_field(struct tt_buf *out, const struct tt_node *node, uint16_t point, struct tt_now now,
                    const char *language)
{
  const struct tt_field *field = &node->fields[point];
  tt_human_value(out, &field->value, field->unit, language);
  if (node->field_errors[point])
    tt_buf_printf(out, " (%s)", tt_tr(language, node->field_errors[point]));
  else if (field->value.type != TT_TYPE_NONE && (field->is_retained || tt_node_is_stale(node, point, now)))
    tt_buf_printf(out, " (%s)", tt_tr(language, "old value"));
}

void tt_human_name(struct tt_buf *out, const struct tt_point *point, const char *language)
{
  const char *label = tt_label_for(&point->label, language, NULL);
  if (label) {
    tt_buf_puts(out, label);
    return;
  }
  for (const char *c = point->name; *c; c++)
    tt_buf_putc(out, *c == '_' ? ' ' : *c);
}

/* ---- What people write --------------------------------------------------------------------------------------------- */

static const struct {
  const char *word;
  bool value;
} booleans[] = {
    {TT_TR("on"), true},   {TT_TR("yes"), true}, {"true", true},   {"1", true},
    {TT_TR("off"), false}, {TT_TR("no"), false}, {"false", false}, {"0", false},
};

static bool parse_boolean(const char *text, const char *language, bool *ret)
{
  for (size_t i = 0; i < TT_COUNT(booleans); i++)
    if (!strcasecmp(text, booleans[i].word) || !strcasecmp(text, tt_tr(language, booleans[i].word))) {
      *ret = booleans[i].value;
      return true;
    }
  return false;
}

static bool is_number_char(char c)
{
  return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == ',' || c == 'e' || c == 'E';
}

/* A decimal comma is a point, the unit of the point itself is left out. */
static void put_number(struct tt_buf *out, const char *text, const char *unit)
{
  size_t n = 0;
  while (is_number_char(text[n]))
    n++;
  const char *rest = text + n + strspn(text + n, " ");
  bool has_comma = memchr(text, ',', n) && !memchr(text, '.', n);
  if (n == 0 || (*rest && strcasecmp(rest, unit))) {
    tt_buf_puts(out, text);
    return;
  }
  for (size_t i = 0; i < n; i++)
    tt_buf_putc(out, has_comma && text[i] == ',' ? '.' : text[i]);
}

/* One of the names that differs in nothing but small and capital letters. */
static const char *enum_name(const struct tt_point *point, const char *text)
{
  for (size_t i = 0; i < point->n_map; i++)
    if (tt_value_is_text(point->map[i].value.type) && !strcasecmp(point->map[i].value.text, text))
      return point->map[i].value.text;
  return text;
}

void tt_human_parse(struct tt_buf *out, const struct tt_point *point, const char *text, const char *language)
{
  bool value;
  if (point->type == TT_TYPE_BOOLEAN && parse_boolean(text, language, &value))
    tt_buf_puts(out, value ? "true" : "false");
  else if (point->type == TT_TYPE_INT32 || point->type == TT_TYPE_INT64 || point->type == TT_TYPE_QUANTITY)
    put_number(out, text, point->unit ? point->unit : "");
  else if (point->type == TT_TYPE_ENUM)
    tt_buf_puts(out, enum_name(point, text));
  else
    tt_buf_puts(out, text);
}
