/* SPDX-License-Identifier: Apache-2.0
 * Descriptions of devices, made. */
#include "portrait.h"

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <strings.h>

/* ---- Names ------------------------------------------------------------------------------------------------ */
static bool is_upper(char c)
{
  return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
  return c >= 'a' && c <= 'z';
}

void tt_portrait_name(char out[static TT_PORTRAIT_NAME_MAX + 1], const char *text)
{
  size_t n = 0;
  for (const char *p = text; *p && n < TT_PORTRAIT_NAME_MAX; p++) {
    bool is_word = is_upper(*p) || is_lower(*p) || (*p >= '0' && *p <= '9');
    /* fooBar and HTTPPort: a capital begins a word behind a small letter, or before one when more capitals precede */
    bool begins = is_upper(*p) && p > text && (is_lower(p[-1]) || (is_upper(p[-1]) && is_lower(p[1])));
    if (n > 0 && out[n - 1] != '_' && (begins || !is_word))
      out[n++] = '_';
    if (is_word && n < TT_PORTRAIT_NAME_MAX)
      out[n++] = (char)(is_upper(*p) ? *p - 'A' + 'a' : *p);
  }
  while (n > 0 && out[n - 1] == '_')
    n--;
  if (n == 0)
    n = (size_t)snprintf(out, TT_PORTRAIT_NAME_MAX + 1, "value");
  out[n] = '\0';
}

/* ---- Units ------------------------------------------------------------------------------------------------ */
/* First the codes that are spelled as they are, then the other spellings. */
static const char *const codes[] = {
    "%",    "V",    "mV",    "kV",  "A",     "mA",   "W",      "kW",    "mW",    "MW",    "VA",    "kVA",
    "var",  "kvar", "Wh",    "kWh", "MWh",   "VAh",  "kVAh",   "varh",  "kvarh", "Hz",    "kHz",   "K",
    "Pa",   "hPa",  "kPa",   "MPa", "bar",   "mbar", "m",      "km",    "cm",    "mm",    "m3",    "l",
    "L",    "ml",   "mL",    "g",   "kg",    "s",    "ms",     "us",    "min",   "h",     "d",     "m/s",
    "km/h", "lx",   "klx",   "lm",  "deg",   "rad",  "dB",     "dBm",   "Ohm",   "kOhm",  "uS/cm", "mS/cm",
    "m3/h", "l/h",  "l/min", "L/h", "L/min", "W/m2", "kWh/m2", "mg/m3", "ug/m3", "mg/l",  "J",     "kJ",
    "MJ",   "S",    "F",     "N",   "T",     "mm/h", "J/kg",   "mired", "Bq/m3", "uSv/h", "C",
};

static const struct {
  const char *text, *ucum;
} spellings[] = {
    {"°C", "Cel"},      {"degC", "Cel"},    {"℃", "Cel"},        {"Cel", "Cel"},      {"°F", "[degF]"},
    {"℉", "[degF]"},    {"degF", "[degF]"}, {"%RH", "%RH"},      {"% RH", "%RH"},     {"Pct", "%"},
    {"percent", "%"},   {"µV", "uV"},       {"Ah", "A.h"},       {"AH", "A.h"},       {"mAh", "mA.h"},
    {"lux", "lx"},      {"Var", "var"},     {"VAr", "var"},      {"VAR", "var"},      {"kVAr", "kvar"},
    {"VArh", "varh"},   {"kVArh", "kvarh"}, {"m³", "m3"},        {"m³/h", "m3/h"},    {"l/hour", "l/h"},
    {"°", "deg"},       {"degrees", "deg"}, {"deg/s", "deg/s"},  {"°/s", "deg/s"},    {"ppm", "[ppm]"},
    {"ppb", "[ppb]"},   {"µg/m³", "ug/m3"}, {"μg/m³", "ug/m3"},  {"µg/m3", "ug/m3"},  {"μg/m3", "ug/m3"},
    {"ug/m³", "ug/m3"}, {"mg/m³", "mg/m3"}, {"sec", "s"},        {"secs", "s"},       {"Secs", "s"},
    {"seconds", "s"},   {"second", "s"},    {"minutes", "min"},  {"minute", "min"},   {"mins", "min"},
    {"hours", "h"},     {"hour", "h"},      {"hrs", "h"},        {"days", "d"},       {"msecs", "ms"},
    {"mSecs", "ms"},    {"usecs", "us"},    {"mph", "[mi_i]/h"}, {"Ω", "Ohm"},        {"ohms", "Ohm"},
    {"ohm", "Ohm"},     {"µS/cm", "uS/cm"}, {"μS/cm", "uS/cm"},  {"W/m²", "W/m2"},    {"kWh/m²", "kWh/m2"},
    {"pH", "[pH]"},     {"rpm", "{rpm}"},   {"RPM", "{rpm}"},    {"mireds", "mired"}, {"in", "[in_i]"},
    {"ft", "[ft_i]"},   {"psi", "[psi]"},   {"kn", "[kn_i]"},    {"m/s²", "m/s2"},    {"Nm", "N.m"},
    {"μSv/h", "uSv/h"}, {"µSv/h", "uSv/h"}, {"l/s", "l/s"},      {"Bq/m³", "Bq/m3"},  {"B", "By"},
    {"kB", "kBy"},      {"MB", "MBy"},      {"BTU", "[Btu]"},    {"mmHg", "mm[Hg]"},  {"knots", "[kn_i]"},
};

const char *tt_portrait_ucum(const char *text)
{
  for (size_t i = 0; i < TT_COUNT(codes); i++)
    if (strcmp(codes[i], text) == 0)
      return codes[i];
  for (size_t i = 0; i < TT_COUNT(spellings); i++)
    if (strcmp(spellings[i].text, text) == 0)
      return spellings[i].ucum;
  return NULL;
}

const char *tt_portrait_ucum_at(size_t i)
{
  if (i < TT_COUNT(codes))
    return codes[i];
  i -= TT_COUNT(codes);
  return i < TT_COUNT(spellings) ? spellings[i].ucum : NULL;
}

/* ---- The description -------------------------------------------------------------------------------------- */
void tt_portrait_init(struct tt_portrait *p)
{
  *p = (struct tt_portrait){
      .root = json_object_new_object(), .points = json_object_new_object(), .about = json_object_new_object()};
  p->has_failed = !p->root || !p->points || !p->about;
}

void tt_portrait_finish(struct tt_portrait *p)
{
  json_object_put(p->root);
  json_object_put(p->points);
  json_object_put(p->about);
  *p = (struct tt_portrait){0};
}

static struct json_object *clean(const char *text)
{
  char *copy TT_AUTOFREE = text ? tt_text_clean(text, strlen(text), TT_PORTRAIT_TEXT_MAX) : NULL;
  return copy && *copy ? json_object_new_string(copy) : NULL;
}

void tt_portrait_add(struct json_object *point, const char *key, struct json_object *taken)
{
  if (!point || !taken || json_object_object_add(point, key, taken) != 0)
    json_object_put(taken);
}

static void add_label(struct json_object *map, const char *text)
{
  struct json_object *value = clean(text);
  struct json_object *label = value ? json_object_new_object() : NULL;
  if (!label) {
    json_object_put(value);
    return;
  }
  tt_portrait_add(label, "en", value);
  tt_portrait_add(map, "label", label);
}

void tt_portrait_about(struct tt_portrait *p, const char *key, const char *text)
{
  tt_portrait_add(p->about, key, clean(text));
}

void tt_portrait_about_label(struct tt_portrait *p, const char *text)
{
  add_label(p->about, text);
}

struct json_object *tt_portrait_point(struct tt_portrait *p, const char *text)
{
  char name[TT_PORTRAIT_NAME_MAX + 1], suffix[16];
  if (p->has_failed || p->n == TT_PORTRAIT_POINTS_MAX)
    return NULL;
  tt_portrait_name(name, text);
  size_t n = strlen(name);
  for (unsigned i = 2; json_object_object_get_ex(p->points, name, NULL); i++) {
    size_t m = (size_t)snprintf(suffix, sizeof suffix, "_%u", i);
    size_t keep = n + m > TT_PORTRAIT_NAME_MAX ? TT_PORTRAIT_NAME_MAX - m : n;
    memcpy(name + keep, suffix, m + 1);
  }
  struct json_object *point = json_object_new_object();
  if (!point || json_object_object_add(p->points, name, point) != 0) {
    json_object_put(point);
    p->has_failed = true;
    return NULL;
  }
  p->n++;
  return point;
}

void tt_portrait_text(struct json_object *point, const char *key, const char *text)
{
  if (text)
    tt_portrait_add(point, key, json_object_new_string(text));
}

/* As short as it can be written and still be that number. */
static struct json_object *number_of(double number)
{
  char text[32];
  if (number == nearbyint(number) && fabs(number) < 1e15)
    return json_object_new_int64((int64_t)number);
  for (int digits = 6; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, number);
    if (strtod(text, NULL) == number)
      break;
  }
  return json_object_new_double_s(number, text);
}

void tt_portrait_number(struct json_object *point, const char *key, double number)
{
  if (isfinite(number))
    tt_portrait_add(point, key, number_of(number));
}

void tt_portrait_label(struct json_object *point, const char *text)
{
  if (point)
    add_label(point, text);
}

void tt_portrait_unit(struct json_object *point, const char *text)
{
  tt_portrait_text(point, "unit", text ? tt_portrait_ucum(text) : NULL);
}

void tt_portrait_range(struct json_object *write, double min, double max)
{
  struct json_object *range = isfinite(min) && isfinite(max) && min < max ? json_object_new_array() : NULL;
  if (!range)
    return;
  json_object_array_add(range, number_of(min));
  json_object_array_add(range, number_of(max));
  tt_portrait_add(write, "range", range);
}

int tt_portrait_print(const struct tt_portrait *p, struct tt_buf *out)
{
  if (p->has_failed)
    return -ENOMEM;
  /* borrowed into one object for the printing */
  json_object_object_add(p->root, "points", json_object_get(p->points));
  json_object_object_add(p->root, "about", json_object_get(p->about));
  size_t n;
  const char *text =
      json_object_to_json_string_length(p->root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &n);
  if (!text)
    return -ENOMEM;
  tt_buf_add(out, text, n);
  return out->failed ? -EMSGSIZE : 0;
}
