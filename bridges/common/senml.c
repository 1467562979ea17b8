/* SPDX-License-Identifier: Apache-2.0
 * SenML packs. */
#include "senml.h"

#include "compose.h"
#include "pick_cbor.h"

#include <cbor.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>

#define VERSION_KNOWN     10        /* RFC 8428 section 4.4 */
#define ABSOLUTE_FROM     268435456 /* 2^28: a smaller time is relative to now (RFC 8428 section 4.5.3) */
#define STAMP_MAX_SECONDS 4e9

/* RFC 8428 table 4: the label in JSON, and its number in CBOR as pick_cbor.h writes it. */
enum label { BASE_NAME, BASE_TIME, BASE_UNIT, BASE_VALUE, VERSION, NAME, UNIT, VALUE, TEXT, BOOL, DATA, TIME };
static const char *const labels[][2] = {
    [BASE_NAME] = {"bn", "-2"}, [BASE_TIME] = {"bt", "-3"}, [BASE_UNIT] = {"bu", "-4"}, [BASE_VALUE] = {"bv", "-5"},
    [VERSION] = {"bver", "-1"}, [NAME] = {"n", "0"},        [UNIT] = {"u", "1"},        [VALUE] = {"v", "2"},
    [TEXT] = {"vs", "3"},       [BOOL] = {"vb", "4"},       [DATA] = {"vd", "8"},       [TIME] = {"t", "6"},
};

static struct json_object *get(struct json_object *record, enum label label, bool is_cbor)
{
  struct json_object *value = NULL;
  json_object_object_get_ex(record, labels[label][is_cbor], &value);
  return value;
}

static const char *get_text(struct json_object *record, enum label label, bool is_cbor)
{
  struct json_object *value = get(record, label, is_cbor);
  return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

static bool get_number(struct json_object *record, enum label label, bool is_cbor, double *ret)
{
  struct json_object *value = get(record, label, is_cbor);
  if (!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_double))
    return false;
  *ret = json_object_get_double(value);
  return isfinite(*ret);
}

/* What holds for the records behind it, too. */
struct base {
  const char *name, *unit;
  double time, value;
};

static uint64_t stamp_of(double seconds, bool is_given, uint64_t wall_us)
{
  if (!is_given)
    return 0;
  if (seconds < ABSOLUTE_FROM)
    seconds += (double)wall_us / 1e6;
  return seconds > 0 && seconds < STAMP_MAX_SECONDS ? (uint64_t)(seconds * 1e6) : 0;
}

static int check_labels(struct json_object *record, char *why)
{
  struct json_object_iterator it = json_object_iter_begin(record), end = json_object_iter_end(record);
  for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
    const char *key = json_object_iter_peek_name(&it);
    size_t n = strlen(key);
    if (n > 0 && key[n - 1] == '_') {
      char text[40];
      snprintf(why, TT_PICK_WHY_SIZE, "the pack has a label that must be understood: %s",
               tt_text_printable(text, sizeof text, key, n));
      return -EINVAL;
    }
  }
  return 0;
}

static int resolve(struct json_object *json, bool is_cbor, uint64_t wall_us, struct base *base,
                   struct tt_senml_record *ret, char *why)
{
  double number, time = 0;
  const char *text, *name;
  if (!json_object_is_type(json, json_type_object)) {
    snprintf(why, TT_PICK_WHY_SIZE, "a record is not a map");
    return -EINVAL;
  }
  int r = check_labels(json, why);
  if (r < 0)
    return r;
  if (get_number(json, VERSION, is_cbor, &number) && number > VERSION_KNOWN) {
    snprintf(why, TT_PICK_WHY_SIZE, "the pack has a version that is not known");
    return -EINVAL;
  }
  if ((text = get_text(json, BASE_NAME, is_cbor)))
    base->name = text;
  if ((text = get_text(json, BASE_UNIT, is_cbor)))
    base->unit = text;
  if (get_number(json, BASE_TIME, is_cbor, &number))
    base->time = number;
  if (get_number(json, BASE_VALUE, is_cbor, &number))
    base->value = number;
  name = get_text(json, NAME, is_cbor);
  ret->own = base->name ? strlen(base->name) : 0;
  if (ret->own + (name ? strlen(name) : 0) > TT_SENML_NAME_MAX) {
    snprintf(why, TT_PICK_WHY_SIZE, "a name is longer than %d bytes", TT_SENML_NAME_MAX);
    return -EINVAL;
  }
  snprintf(ret->name, sizeof ret->name, "%s%s", base->name ? base->name : "", name ? name : "");
  text = get_text(json, UNIT, is_cbor);
  ret->unit = text ? text : base->unit;
  bool has_time = get_number(json, TIME, is_cbor, &time) || base->time != 0;
  ret->stamp_us = stamp_of(base->time + time, has_time, wall_us);
  static const enum label values[] = {VALUE, TEXT, BOOL, DATA};
  for (size_t i = 0; i < TT_COUNT(values) && !ret->value; i++) {
    ret->value = get(json, values[i], is_cbor);
    ret->base_value = values[i] == VALUE ? base->value : 0;
  }
  return 0;
}

int tt_senml_parse(struct json_object *json, bool is_cbor, uint64_t wall_us, struct tt_senml *ret, char *why)
{
  if (!json_object_is_type(json, json_type_array)) {
    snprintf(why, TT_PICK_WHY_SIZE, "a SenML pack is a list of records, this is not");
    return -EINVAL;
  }
  size_t n = json_object_array_length(json);
  if (n > TT_SENML_RECORDS_MAX) {
    snprintf(why, TT_PICK_WHY_SIZE, "the pack has more than %d records", TT_SENML_RECORDS_MAX);
    return -EINVAL;
  }
  struct tt_senml senml = {.records = calloc(n ? n : 1, sizeof *senml.records)};
  struct base base = {0};
  int r = senml.records ? 0 : -ENOMEM;
  for (; r == 0 && senml.n < n; senml.n++)
    r = resolve(json_object_array_get_idx(json, senml.n), is_cbor, wall_us, &base, &senml.records[senml.n], why);
  if (r < 0) {
    tt_senml_finish(&senml);
    return r;
  }
  *ret = senml;
  return 0;
}

void tt_senml_finish(struct tt_senml *senml)
{
  free(senml->records);
  *senml = (struct tt_senml){0};
}

const struct tt_senml_record *tt_senml_find(const struct tt_senml *senml, const char *name)
{
  const struct tt_senml_record *found = NULL;
  for (size_t i = 0; i < senml->n; i++) {
    const struct tt_senml_record *record = &senml->records[i];
    if (!record->value)
      continue;
    if (!name && found && strcmp(found->name, record->name) != 0)
      return NULL;
    if (name && strcmp(record->name, name) != 0 && strcmp(record->name + record->own, name) != 0)
      continue;
    /* Of equal times the later record: a list is mostly in order. */
    if (!found || record->stamp_us >= found->stamp_us)
      found = record;
  }
  return found;
}

int tt_senml_value(const struct tt_senml_record *record, bool wants_number, struct tt_value *ret, char *why)
{
  static const struct tt_pick_shape none;
  struct tt_value value;
  int r = tt_pick_json_value(record->value, wants_number, &none, &value, why);
  if (r < 0)
    return r;
  if (record->base_value != 0 && tt_value_is_number(value.type)) {
    double sum = tt_value_number(&value) + record->base_value;
    if (!isfinite(sum)) {
      snprintf(why, TT_PICK_WHY_SIZE, "a number is not finite");
      return -EINVAL;
    }
    value = TT_VALUE_QUANTITY(sum, TT_DECIMALS_FREE);
  }
  *ret = value;
  return 0;
}

/* ---- Writing --------------------------------------------------------------------------------------------------- */
static enum label label_of(const struct tt_value *value)
{
  return value->type == TT_TYPE_BOOLEAN ? BOOL : tt_value_is_number(value->type) ? VALUE : TEXT;
}

/* CBOR has numbers as labels, which a JSON tree cannot say: the map is written here. */
static int write_cbor(const char *name, const char *unit, struct json_object *value, enum label label,
                      struct tt_buf *out)
{
  const struct {
    enum label label;
    struct json_object *value;
  } members[] = {{NAME, name ? json_object_new_string(name) : NULL},
                 {UNIT, unit ? json_object_new_string(unit) : NULL},
                 {label, json_object_get(value)}};
  unsigned char head[9];
  size_t n = 1 + (name != NULL) + (unit != NULL);
  int r = (name && !members[0].value) || (unit && !members[1].value) ? -ENOMEM : 0;
  tt_buf_add(out, (char *)head, cbor_encode_array_start(1, head, sizeof head));
  tt_buf_add(out, (char *)head, cbor_encode_map_start(n, head, sizeof head));
  for (size_t i = 0; i < TT_COUNT(members); i++) {
    if (r == 0 && members[i].value) {
      uint64_t number = (uint64_t)strtol(labels[members[i].label][1], NULL, 10);
      tt_buf_add(out, (char *)head, cbor_encode_uint(number, head, sizeof head));
      r = tt_pick_cbor_write(members[i].value, out);
    }
    json_object_put(members[i].value);
  }
  return r;
}

int tt_senml_write(const char *name, const char *unit, const struct tt_value *value, bool is_cbor,
                   struct tt_buf *out)
{
  char hole_text[] = TT_COMPOSE_VALUE, text[TT_PICK_WHY_SIZE];
  struct tt_item hole = {.kind = TT_ITEM_SCALAR, .is_quoted = false, .text = hole_text};
  struct tt_item texts[2] = {{.kind = TT_ITEM_SCALAR, .is_quoted = true, .text = name},
                             {.kind = TT_ITEM_SCALAR, .is_quoted = true, .text = unit}};
  struct tt_item *items[3], record = {.kind = TT_ITEM_MAP, .items = items}, *one = &record;
  struct tt_item pack = {.kind = TT_ITEM_LIST, .n = 1, .items = &one};
  const char *keys[3];
  enum label label = label_of(value);
  if (!is_cbor) {
    record.keys = keys;
    if (name)
      keys[record.n] = "n", items[record.n++] = &texts[0];
    if (unit)
      keys[record.n] = "u", items[record.n++] = &texts[1];
    keys[record.n] = labels[label][0], items[record.n++] = &hole;
    return tt_compose_json(&pack, value, out);
  }
  TT_AUTOBUF struct tt_buf json = TT_BUF(TT_COMPOSE_SIZE_MAX);
  struct json_object *parsed;
  int r = tt_compose_json(&hole, value, &json);
  if (r == 0)
    r = tt_pick_json_parse(json.data, json.len, &parsed, text);
  if (r < 0)
    return r;
  r = write_cbor(name, unit, parsed, label, out);
  json_object_put(parsed);
  if (r == 0 && out->failed)
    return out->limit ? -EMSGSIZE : -ENOMEM;
  return r;
}
