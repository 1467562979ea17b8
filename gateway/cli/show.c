/* SPDX-License-Identifier: Apache-2.0
 *
 * show.c: nodes and fields as people read them.
 */
#include "show.h"

#include <stdio.h>
#include <time.h>

#define FIELD_COLUMNS 6

char *tt_show_value(const struct tt_term *term, json_object *value)
{
  struct tt_buf out = TT_BUF(0);
  if (json_object_is_type(value, json_type_null))
    tt_buf_puts(&out, tt_glyph(term, TT_GLYPH_NOTHING));
  else
    tt_term_clean(term, json_object_get_string(value), &out);
  return tt_buf_steal(&out);
}

const char *tt_show_age(char *out, size_t size, json_object *field)
{
  static const struct {
    int64_t below_ms, unit_ms;
    const char *unit;
  } steps[] = {
      {60000, 1000, "s"},
      {3600000, 60000, "min"},
      {172800000, 3600000, "h"},
      {INT64_MAX, 86400000, "d"},
  };
  if (!tt_member(field, "age_ms")) {
    snprintf(out, size, "never");
    return out;
  }
  int64_t age = tt_member_number(field, "age_ms");
  if (age < 1000) {
    snprintf(out, size, "now");
    return out;
  }
  size_t i = 0;
  while (i + 1 < TT_COUNT(steps) && age >= steps[i].below_ms)
    i++;
  snprintf(out, size, "%lld %s", (long long)(age / steps[i].unit_ms), steps[i].unit);
  return out;
}

void tt_show_flags(json_object *field, struct tt_buf *out)
{
  static const struct {
    const char *member, *text;
  } flags[] = {{"stale", "stale"}, {"retained", "retained"}};
  /* What every ordinary reading has is not worth a word. */
  static const struct {
    const char *name, *text;
  } qos[] = {{"missing", "missing"},
             {"inProgress", "in progress"},
             {"automaticEstimate", "estimate"},
             {"manualEstimate", "estimate"},
             {"timeOffset", "clock not set"},
             {"warning", "warning"},
             {"error", "error"},
             {"powerFailure", "power failure"}};
  for (size_t i = 0; i < TT_COUNT(flags); i++)
    if (tt_member_flag(field, flags[i].member))
      tt_buf_printf(out, "%s%s", out->len ? ", " : "", flags[i].text);
  json_object *set = tt_member_list(field, "qos");
  for (size_t i = 0; i < tt_list_size(set); i++) {
    const char *name = json_object_get_string(json_object_array_get_idx(set, i));
    for (size_t k = 0; name && k < TT_COUNT(qos); k++)
      if (strcmp(qos[k].name, name) == 0)
        tt_buf_printf(out, "%s%s", out->len ? ", " : "", qos[k].text);
  }
  const char *error = tt_member_text(field, "error");
  if (*error)
    tt_buf_printf(out, "%s%s", out->len ? ", " : "", error);
}

const char *tt_show_time(char *out, size_t size, const char *stamp, bool is_full)
{
  uint64_t wall_us;
  struct tm tm;
  if (tt_datetime_parse(stamp, &wall_us) < 0) {
    snprintf(out, size, "%s", "");
    return out;
  }
  time_t seconds = (time_t)(wall_us / TT_USEC_PER_SEC);
  if (!localtime_r(&seconds, &tm) || strftime(out, size, is_full ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &tm) == 0)
    out[0] = '\0';
  return out;
}

const char *tt_show_duration(char *out, size_t size, int64_t seconds)
{
  long long s = seconds;
  if (s < 60)
    snprintf(out, size, "%lld s", s);
  else if (s < 3600)
    snprintf(out, size, "%lld min", s / 60);
  else if (s < 86400)
    snprintf(out, size, "%lld h %lld min", s / 3600, s / 60 % 60);
  else
    snprintf(out, size, "%lld d %lld h", s / 86400, s / 3600 % 24);
  return out;
}

struct tt_look tt_show_state(const char *state, bool is_disabled)
{
  if (is_disabled)
    return (struct tt_look){TT_GLYPH_OFF, TT_STYLE_BAD};
  if (strncmp(state, "Error", 5) == 0)
    return (struct tt_look){TT_GLYPH_BAD, TT_STYLE_BAD};
  if (strncmp(state, "Warning", 7) == 0)
    return (struct tt_look){TT_GLYPH_WARNING, TT_STYLE_WARNING};
  return (struct tt_look){TT_GLYPH_GOOD, TT_STYLE_GOOD};
}

struct tt_look tt_show_message(const char *type)
{
  if (strcmp(type, "error") == 0)
    return (struct tt_look){TT_GLYPH_BAD, TT_STYLE_BAD};
  if (strcmp(type, "warning") == 0)
    return (struct tt_look){TT_GLYPH_WARNING, TT_STYLE_WARNING};
  return (struct tt_look){TT_GLYPH_GOOD, TT_STYLE_DIM};
}

static enum tt_style value_style(json_object *field)
{
  if (*tt_member_text(field, "error"))
    return TT_STYLE_BAD;
  if (!tt_member(field, "value") || tt_member_flag(field, "stale") || tt_member_flag(field, "retained"))
    return TT_STYLE_DIM;
  return TT_STYLE_STRONG;
}

/* Numbers stand under each other with their last digits, texts with their first. One column holds both, so texts are
 * padded here to what the widest value takes. */
static size_t widest_value(const struct tt_term *term, json_object *fields)
{
  size_t widest = 0;
  for (size_t i = 0; i < tt_list_size(fields); i++) {
    TT_AUTOFREE char *value = tt_show_value(term, tt_member(json_object_array_get_idx(fields, i), "value"));
    size_t columns = value ? tt_term_columns(value) : 0;
    widest = columns > widest ? columns : widest;
  }
  return widest;
}

static void put_value(struct tt_table *table, json_object *field, size_t widest)
{
  TT_AUTOFREE char *value = tt_show_value(table->term, tt_member(field, "value"));
  bool is_text = json_object_is_type(tt_member(field, "value"), json_type_string);
  if (!value)
    return;
  int blanks = is_text ? (int)(widest - tt_term_columns(value)) : 0;
  tt_table_printf(table, value_style(field), "%s%*s", value, blanks, "");
}

void tt_show_fields(struct tt_paper *paper, const char *prefix, json_object *fields)
{
  struct tt_table table;
  tt_table_init(&table, &paper->term, FIELD_COLUMNS);
  table.is_right[1] = true;
  size_t widest = widest_value(&paper->term, fields);
  for (size_t i = 0; i < tt_list_size(fields); i++) {
    json_object *field = json_object_array_get_idx(fields, i);
    char age[32];
    TT_AUTOBUF struct tt_buf flags = TT_BUF(0);
    tt_show_flags(field, &flags);
    bool is_parameter_only = !tt_member_flag(field, "readable");
    tt_table_put(&table, TT_STYLE_NAME, tt_member_text(field, "name"));
    put_value(&table, field, widest);
    tt_table_put(&table, TT_STYLE_PLAIN, tt_member_text(field, "unit"));
    tt_table_put(&table, TT_STYLE_DIM, is_parameter_only ? "" : tt_show_age(age, sizeof(age), field));
    tt_table_put(&table, TT_STYLE_GOOD,
                 tt_member_flag(field, "writable") ? tt_glyph(&paper->term, TT_GLYPH_WRITABLE) : "");
    tt_table_put(&table, *tt_member_text(field, "error") ? TT_STYLE_BAD : TT_STYLE_WARNING, flags.data);
  }
  tt_table_print(&table, prefix, paper);
  tt_table_finish(&table);
}
