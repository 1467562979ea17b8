/* SPDX-License-Identifier: Apache-2.0
 * zigbee2mqtt's device list to descriptions. */
#include "exposes.h"

#include "common/pick.h"
#include "common/portrait.h"
#include "topic.h"

#include <json-c/json.h>
#include <stdio.h>

#define PROPERTY_MAX  100 /* bytes of a property, which is a key of the messages */
#define ENUM_MAX      250 /* values of an enumeration */
#define PRESETS_MAX   16
#define WITHIN        "5s"
#define WITHIN_ASLEEP "20s" /* a device on a battery hears a command when it wakes up */

enum access { ACCESS_STATE = 1, ACCESS_SET = 2, ACCESS_GET = 4 };

struct z2m {
  struct tt_portrait portrait;
  const char *friendly_name;
  char state[MQTT_TOPIC_MAX], set[MQTT_TOPIC_MAX + 8], get[MQTT_TOPIC_MAX + 8];
  bool is_asleep; /* on a battery: it cannot be asked */
};

/* Where features are: the keys above them, and how their commands look. */
struct place {
  char pointer[TT_PORTRAIT_NAME_MAX * 8];
  char name[TT_PORTRAIT_NAME_MAX * 4];
  const char *composite; /* property of the composite they are in; NULL: none */
  bool is_settable;      /* one at a time */
  bool is_cover;         /* it takes its time to arrive */
  int depth;
};

static bool is_text(struct json_object *map, const char *key, const char *text)
{
  const char *is = tt_pick_json_text(map, key);
  return is && strcmp(is, text) == 0;
}

static bool number_at(struct json_object *map, const char *key, double *ret)
{
  struct json_object *value = tt_pick_json_member(map, key);
  if (!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_double))
    return false;
  *ret = json_object_get_double(value);
  return true;
}

/* ---- Read and write sides --------------------------------------------------------------------------------- */
static struct json_object *one_member(const char *key, struct json_object *taken)
{
  struct json_object *map = json_object_new_object();
  tt_portrait_add(map, key, taken);
  return map;
}

static void add_read(const struct z2m *z, struct json_object *point, const char *pointer)
{
  tt_portrait_add(point, "source", one_member("topic", json_object_new_string(z->state)));
  tt_portrait_text(point, "at", pointer);
}

/* The answer to a question has all that zigbee2mqtt knows. */
static void add_ask(const struct z2m *z, struct json_object *point, const char *property)
{
  struct json_object *ask = json_object_new_object(), *payload = one_member(property, json_object_new_string(""));
  tt_portrait_text(ask, "topic", z->get);
  tt_portrait_text(ask, "payload", json_object_to_json_string_ext(payload, JSON_C_TO_STRING_PLAIN));
  tt_portrait_add(ask, "start", json_object_new_boolean(false));
  json_object_put(payload);
  tt_portrait_add(point, "ask", ask);
}

static struct json_object *add_write(const struct z2m *z, struct json_object *point, const struct place *place,
                                     const char *property, bool is_verified)
{
  struct json_object *write = json_object_new_object();
  struct json_object *json = one_member(property, json_object_new_string("${value}"));
  tt_portrait_text(write, "topic", z->set);
  tt_portrait_add(write, "json", place->composite ? one_member(place->composite, json) : json);
  if (is_verified && !place->is_cover && !place->composite) {
    tt_portrait_text(write, "verify", "report");
    tt_portrait_text(write, "within", z->is_asleep ? WITHIN_ASLEEP : WITHIN);
  }
  tt_portrait_add(point, "write", write);
  return write;
}

/* ---- Types ------------------------------------------------------------------------------------------------ */
/* Each fills in a point; false: the property cannot be one. `write` is NULL when it is not settable. */
typedef bool (*type_fn)(struct json_object *expose, struct json_object *point, struct json_object *write);

/* "previous" is told as 65535 where the range ends at 500: a word and not a measurement. */
static void add_presets(struct json_object *expose, struct json_object *point, double min, double max)
{
  struct json_object *presets = tt_pick_json_member(expose, "presets"), *invalid = NULL;
  size_t n = json_object_is_type(presets, json_type_array) ? json_object_array_length(presets) : 0;
  double value;
  for (size_t i = 0; i < n && i < PRESETS_MAX; i++) {
    struct json_object *preset = json_object_array_get_idx(presets, i);
    if (!number_at(preset, "value", &value) || (value >= min && value <= max))
      continue;
    invalid = invalid ? invalid : json_object_new_array();
    if (invalid)
      json_object_array_add(invalid, json_object_get(tt_pick_json_member(preset, "value")));
  }
  if (invalid)
    tt_portrait_add(point, "invalid", invalid);
}

/* Thermostats of Moes have programmes with hours in "h" and minutes in "m". */
static const char *unit_of(struct json_object *expose)
{
  const char *unit = tt_pick_json_text(expose, "unit"), *property = tt_pick_json_text(expose, "property");
  return unit && property && strcmp(unit, "m") == 0 && strstr(property, "minute") ? "min" : unit;
}

static bool fill_numeric(struct json_object *expose, struct json_object *point, struct json_object *write)
{
  double min, max, step;
  tt_portrait_text(point, "type", "number");
  tt_portrait_unit(point, unit_of(expose));
  if (number_at(expose, "value_min", &min) && number_at(expose, "value_max", &max))
    add_presets(expose, point, min, max);
  if (!write || !number_at(expose, "value_min", &min) || !number_at(expose, "value_max", &max) || !(min < max))
    return true;
  tt_portrait_range(write, min, max);
  if (number_at(expose, "value_step", &step) && step > 0 && step <= max - min)
    tt_portrait_number(write, "step", step);
  return true;
}

/* true and false are what they say, also where the device calls `false` "on" (an open contact). */
static bool fill_binary(struct json_object *expose, struct json_object *point, struct json_object *write)
{
  struct json_object *on = tt_pick_json_member(expose, "value_on"), *off = tt_pick_json_member(expose, "value_off");
  char on_text[PROPERTY_MAX], off_text[PROPERTY_MAX];
  (void)write;
  tt_portrait_text(point, "type", "boolean");
  if (json_object_is_type(on, json_type_boolean) && json_object_is_type(off, json_type_boolean))
    return true;
  if (!on || !off)
    return false;
  snprintf(on_text, sizeof on_text, "%s", json_object_get_string(on));
  snprintf(off_text, sizeof off_text, "%s", json_object_get_string(off));
  if (!*on_text || strcmp(on_text, off_text) == 0)
    return false;
  struct json_object *map = json_object_new_object();
  tt_portrait_add(map, on_text, json_object_new_boolean(true));
  tt_portrait_add(map, off_text, json_object_new_boolean(false));
  tt_portrait_add(point, "map", map);
  return true;
}

/* What can be set has a list to choose from; what is only heard may one day be a word that is not in the list. */
static bool fill_enum(struct json_object *expose, struct json_object *point, struct json_object *write)
{
  struct json_object *values = tt_pick_json_member(expose, "values");
  size_t n = json_object_is_type(values, json_type_array) ? json_object_array_length(values) : 0;
  tt_portrait_text(point, "type", "enum");
  if (!write)
    return true;
  struct json_object *map = json_object_new_object();
  for (size_t i = 0; i < n && i < ENUM_MAX; i++) {
    const char *text = json_object_get_string(json_object_array_get_idx(values, i));
    if (text && *text && !json_object_object_get_ex(map, text, NULL))
      tt_portrait_add(map, text, json_object_new_string(text));
  }
  bool has_values = json_object_object_length(map) > 0;
  tt_portrait_add(point, "map", map);
  return has_values;
}

static bool fill_text(struct json_object *expose, struct json_object *point, struct json_object *write)
{
  (void)expose, (void)write;
  tt_portrait_text(point, "type", "string");
  return true;
}

static const struct {
  const char *name;
  type_fn fill;
} types[] = {{"numeric", fill_numeric}, {"binary", fill_binary}, {"enum", fill_enum}, {"text", fill_text}};

static type_fn type_of(struct json_object *expose)
{
  for (size_t i = 0; i < TT_COUNT(types); i++)
    if (is_text(expose, "type", types[i].name))
      return types[i].fill;
  return NULL;
}

/* ---- One property ----------------------------------------------------------------------------------------- */
static void add_category(struct json_object *expose, struct json_object *point)
{
  if (is_text(expose, "category", "diagnostic") || is_text(expose, "category", "config"))
    tt_portrait_text(point, "category", "status");
}

static void add_leaf(struct z2m *z, struct json_object *expose, const struct place *place, type_fn fill)
{
  const char *property = tt_pick_json_text(expose, "property"), *label = tt_pick_json_text(expose, "label");
  char pointer[sizeof place->pointer], name[sizeof place->name + PROPERTY_MAX];
  double access = 0;
  if (!property || !*property || strlen(property) > PROPERTY_MAX)
    return;
  (void)number_at(expose, "access", &access);
  unsigned bits = access >= 0 && access < 8 ? (unsigned)access : 0;
  bool is_read = bits & (ACCESS_STATE | ACCESS_GET), is_set = bits & ACCESS_SET && place->is_settable;
  snprintf(pointer, sizeof pointer, "%s", place->pointer);
  snprintf(name, sizeof name, "%s%s%s", place->name, *place->name ? "_" : "", property);
  if ((!is_read && !is_set) || !tt_pick_pointer_append(pointer, sizeof pointer, property))
    return;
  struct json_object *point = tt_portrait_point(&z->portrait, name);
  if (!point)
    return;
  struct json_object *write = is_set ? add_write(z, point, place, property, is_read) : NULL;
  if (!fill(expose, point, write)) { /* text is what can be shown of anything; nobody knows what may be set */
    tt_portrait_text(point, "type", "string");
    json_object_object_del(point, "write");
    json_object_object_del(point, "map");
    is_read = true;
  }
  if (is_read)
    add_read(z, point, pointer);
  if (is_read && bits & ACCESS_GET && !z->is_asleep)
    add_ask(z, point, place->composite ? place->composite : property);
  /* A lock or a switch of something is called "State" in all of them. */
  bool is_misnamed = label && !is_text(expose, "name", property) && !place->composite;
  tt_portrait_label(point, is_misnamed ? property : label);
  add_category(expose, point);
}

/* A colour of x and y is set by both at once, which no single value can be; as #RRGGBB it can. */
static void add_colour(struct z2m *z, struct json_object *expose, const char *property)
{
  double access = 0;
  struct place inside = {.composite = property};
  if (!is_text(expose, "name", "color_xy") || !number_at(expose, "access", &access) || !((int)access & ACCESS_SET))
    return;
  struct json_object *point = tt_portrait_point(&z->portrait, "color_hex");
  if (!point)
    return;
  tt_portrait_text(point, "type", "string");
  tt_portrait_label(point, "Color (#RRGGBB)");
  add_write(z, point, &inside, "hex", false);
}

static void add_all(struct z2m *z, struct json_object *exposes, const struct place *place);

static void add_composite(struct z2m *z, struct json_object *expose, const struct place *place)
{
  const char *property = tt_pick_json_text(expose, "property");
  struct place inside = *place;
  if (!property || !*property || strlen(property) > PROPERTY_MAX ||
      !tt_pick_pointer_append(inside.pointer, sizeof inside.pointer, property))
    return;
  size_t n = strlen(inside.name);
  snprintf(inside.name + n, sizeof inside.name - n, "%s%.*s", n ? "_" : "", TT_PORTRAIT_NAME_MAX, property);
  inside.depth++;
  /* zigbee2mqtt takes hue and saturation alone; of other composites nobody knows whether the rest would be kept */
  inside.is_settable = !place->composite && is_text(expose, "name", "color_hs");
  inside.composite = place->composite ? place->composite : property;
  add_all(z, tt_pick_json_member(expose, "features"), &inside);
  if (!place->composite)
    add_colour(z, expose, property);
}

static void add_all(struct z2m *z, struct json_object *exposes, const struct place *place)
{
  size_t n = json_object_is_type(exposes, json_type_array) ? json_object_array_length(exposes) : 0;
  for (size_t i = 0; i < n && place->depth <= MQTT_EXPOSES_DEPTH_MAX; i++) {
    struct json_object *expose = json_object_array_get_idx(exposes, i);
    type_fn fill = type_of(expose);
    if (fill) {
      add_leaf(z, expose, place, fill);
    } else if (is_text(expose, "type", "composite")) {
      add_composite(z, expose, place);
    } else if (tt_pick_json_member(
                   expose, "features")) { /* light, switch, climate, cover, fan, lock and what is yet to come */
      struct place inside = *place;
      inside.depth++;
      inside.is_cover = is_text(expose, "type", "cover");
      add_all(z, tt_pick_json_member(expose, "features"), &inside);
    }
  }
}

/* ---- The list --------------------------------------------------------------------------------------------- */
static size_t count(struct json_object *devices)
{
  return json_object_is_type(devices, json_type_array) ? json_object_array_length(devices) : 0;
}

static struct json_object *find(struct json_object *devices, const char *name)
{
  size_t n = count(devices);
  for (size_t i = 0; i < n; i++) {
    struct json_object *device = json_object_array_get_idx(devices, i);
    if (is_text(device, "friendly_name", name) || is_text(device, "ieee_address", name))
      return device;
  }
  return NULL;
}

static int begin(struct z2m *z, struct json_object *device, const char *base)
{
  const char *name = tt_pick_json_text(device, "friendly_name");
  if (!name || (size_t)snprintf(z->state, sizeof z->state, "%s/%s", base, name) >= sizeof z->state ||
      mqtt_topic_problem(z->state))
    return -EINVAL;
  z->friendly_name = name;
  snprintf(z->set, sizeof z->set, "%s/set", z->state);
  snprintf(z->get, sizeof z->get, "%s/get", z->state);
  z->is_asleep = is_text(device, "power_source", "Battery") || is_text(device, "type", "EndDevice");
  return mqtt_topic_problem(z->set) || mqtt_topic_problem(z->get) ? -EINVAL : 0;
}

int mqtt_exposes_describe(struct json_object *devices, const char *base, const char *name, struct tt_buf *out)
{
  struct z2m z = {0};
  struct place top = {.is_settable = true};
  struct json_object *device = find(devices, name), *definition = tt_pick_json_member(device, "definition");
  if (!json_object_is_type(devices, json_type_array))
    return -EINVAL;
  if (!device)
    return -ENOENT;
  int r = json_object_is_type(tt_pick_json_member(definition, "exposes"), json_type_array) ? begin(&z, device, base)
                                                                                           : -EINVAL;
  if (r < 0)
    return r;
  tt_portrait_init(&z.portrait);
  tt_portrait_about(&z.portrait, "vendor", tt_pick_json_text(definition, "vendor"));
  tt_portrait_about(&z.portrait, "model", tt_pick_json_text(definition, "model"));
  tt_portrait_about_label(&z.portrait, z.friendly_name);
  add_all(&z, tt_pick_json_member(definition, "exposes"), &top);
  r = tt_portrait_print(&z.portrait, out);
  tt_portrait_finish(&z.portrait);
  return r;
}

void mqtt_exposes_each(struct json_object *devices, const char *base, mqtt_candidate_fn fn, void *user)
{
  size_t n = count(devices);
  for (size_t i = 0; i < n; i++) {
    struct json_object *device = json_object_array_get_idx(devices, i),
                       *definition = tt_pick_json_member(device, "definition");
    struct z2m z = {0};
    const char *ieee = tt_pick_json_text(device, "ieee_address");
    if (!ieee || is_text(device, "type", "Coordinator") || begin(&z, device, base) < 0)
      continue;
    const struct tt_fact facts[] = {
        {"base", base},
        {"name", z.friendly_name},
        {"topic", z.state},
        {"ieee", ieee},
        {"vendor", tt_pick_json_text(definition, "vendor")},
        {"model", tt_pick_json_text(definition, "model")},
        {"power_source", tt_pick_json_text(device, "power_source")},
    };
    bool is_described = tt_pick_json_member(definition, "exposes");
    fn(user, &(struct tt_candidate){.id = ieee,
                                    .name = z.friendly_name,
                                    .vendor = tt_pick_json_text(definition, "vendor"),
                                    .model = tt_pick_json_text(definition, "model"),
                                    .address = z.state,
                                    .facts = facts,
                                    .n_facts = TT_COUNT(facts),
                                    .uses = is_described ? "mqtt/zigbee2mqtt" : NULL});
  }
}
