/* SPDX-License-Identifier: Apache-2.0
 * Chains of SunSpec models to descriptions. */
#include "sunspec.h"

#include "common/portrait.h"

#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>

#define END_OF_CHAIN 0xffff
#define LINE_MAX_    300
#define CELLS        8
#define KNOWN_MAX    400 /* points that others may refer to */
#define LABEL_MAX    160

const uint16_t mb_sunspec_bases[MB_SUNSPEC_BASES] = {40000, 50000, 0};

bool mb_sunspec_is_marker(const uint16_t words[static MB_SUNSPEC_HEAD])
{
  return words[0] == 0x5375 && words[1] == 0x6e53; /* SunS */
}

/* ---- The chain -------------------------------------------------------------------------------------------- */
void mb_sunspec_finish(struct mb_sunspec_chain *chain)
{
  for (size_t i = 0; i < chain->n; i++)
    free(chain->model[i].registers);
  *chain = (struct mb_sunspec_chain){0};
}

int mb_sunspec_add(struct mb_sunspec_chain *chain, const uint16_t words[static MB_SUNSPEC_HEAD])
{
  uint32_t end = (uint32_t)chain->next + MB_SUNSPEC_HEAD + words[1];
  if (words[0] == END_OF_CHAIN)
    return 0;
  if (words[0] == 0 || end > UINT16_MAX - MB_SUNSPEC_HEAD || chain->n == MB_SUNSPEC_MODELS_MAX)
    return -EBADMSG;
  chain->model[chain->n++] = (struct mb_sunspec_model){.id = words[0], .address = chain->next, .length = words[1]};
  chain->next = (uint16_t)end;
  return 1;
}

char *mb_sunspec_list(const struct mb_sunspec_chain *chain, char out[static MB_SUNSPEC_LIST])
{
  size_t n = 0;
  *out = '\0';
  for (size_t i = 0; i < chain->n && n + 10 < MB_SUNSPEC_LIST; i++)
    n += (size_t)snprintf(out + n, MB_SUNSPEC_LIST - n, "%s%u", n ? ", " : "", chain->model[i].id);
  return out;
}

char *mb_sunspec_common(const struct mb_sunspec_chain *chain, unsigned at, char out[static MB_SUNSPEC_TEXT])
{
  const struct mb_sunspec_model *m = chain->n && chain->model[0].id == MB_SUNSPEC_COMMON ? &chain->model[0] : NULL;
  size_t n = 0;
  if (m && m->registers)
    for (unsigned i = at; i < at + 16 && i < m->length; i++) {
      out[n++] = (char)(m->registers[i] >> 8);
      out[n++] = (char)m->registers[i];
    }
  out[n] = '\0';
  n = strlen(out);
  while (n > 0 && out[n - 1] == ' ')
    out[--n] = '\0';
  return out;
}

/* ---- Lines ------------------------------------------------------------------------------------------------ */
struct line {
  char text[LINE_MAX_];
  const char *cell[CELLS]; /* "" when there is none */
};

enum { NAME = 1, TYPE = 2, SIZE = 3, ACCESS = 4, SCALE = 5, UNIT = 6, LABEL = 7, COUNT = 2, GROUP_LABEL = 3 };

static const char *next_of(const char *at)
{
  return strchr(at, '\n') + 1;
}

static void parse(const char *at, struct line *line)
{
  size_t n = (size_t)(next_of(at) - at - 1), i = 0;
  n = n < sizeof line->text ? n : sizeof line->text - 1;
  memcpy(line->text, at, n);
  line->text[n] = '\0';
  char *rest = line->text;
  for (char *cell; i < CELLS && (cell = strsep(&rest, "\t"));)
    line->cell[i++] = cell;
  while (i < CELLS)
    line->cell[i++] = "";
}

static const char *find_model(uint16_t id)
{
  for (const char *const *model = mb_sunspec_models; *model; model++)
    if (strtoul(*model + 2, NULL, 10) == id)
      return *model;
  return NULL;
}

/* Where a point of the model's own group stands, behind number and length. */
static unsigned find_point(const char *model, const char *name)
{
  struct line line;
  unsigned offset = 0;
  for (const char *at = next_of(model); *at == 'P' || *at == 'S'; at = next_of(at)) {
    if (*at == 'S')
      continue;
    parse(at, &line);
    if (strcmp(line.cell[NAME], name) == 0)
      return offset < MB_SUNSPEC_HEAD ? 0 : offset - MB_SUNSPEC_HEAD;
    offset += (unsigned)strtoul(line.cell[SIZE], NULL, 10);
  }
  return 0;
}

unsigned mb_sunspec_needed(const struct mb_sunspec_model *model)
{
  const char *text = find_model(model->id);
  struct line line;
  unsigned n = model->id == MB_SUNSPEC_COMMON ? MB_SUNSPEC_SERIAL + MB_SUNSPEC_TEXT / 2 : 0;
  for (const char *at = text ? text : ""; *at; at = next_of(at)) {
    if (*at != 'G')
      continue;
    parse(at, &line);
    if (strspn(line.cell[COUNT], "0123456789") == strlen(line.cell[COUNT]))
      continue;
    unsigned end = find_point(text, line.cell[COUNT]) + 1;
    n = end > n ? end : n;
  }
  return n < model->length ? n : model->length;
}

/* ---- Types ------------------------------------------------------------------------------------------------ */
static const struct type {
  const char *name, *wire, *scaled; /* as this bridge calls it, alone and with a register of the scale */
  const char *invalid;              /* what means "not implemented" */
  const char *key;                  /* what its symbols are */
  bool is_counter;
} types[] = {
    {"int16", "int16", "int16_sf", "-32768", NULL, false},
    {"uint16", "uint16", "uint16_sf", "65535", NULL, false},
    {"count", "uint16", NULL, "65535", NULL, false},
    {"acc16", "uint16", "uint16_sf", NULL, NULL, true},
    {"enum16", "uint16", NULL, "65535", "map", false},
    {"bitfield16", "bits16", NULL, "65535", "bits", false},
    {"int32", "int32", "int32_sf", "-2147483648", NULL, false},
    {"uint32", "uint32", "uint32_sf", "4294967295", NULL, false},
    {"acc32", "uint32", "uint32_sf", NULL, NULL, true},
    {"enum32", "uint32", NULL, "4294967295", "map", false},
    {"bitfield32", "bits32", NULL, "4294967295", "bits", false},
    {"int64", "int64", "int64_sf", "-9223372036854775808", NULL, false},
    {"uint64", "int64", "int64_sf", "-1", NULL,
     false}, /* all ones means nothing; what exceeds 2^63-1 does not exist */
    {"acc64", "int64", "int64_sf", NULL, NULL, true},
    {"float32", "float32", NULL, "nan", NULL, false},
    {"float64", "float64", NULL, "nan", NULL, false},
    {"string", "string", NULL, "", NULL, false},
};

static const struct type *type_of(const char *name)
{
  for (size_t i = 0; i < TT_COUNT(types); i++)
    if (strcmp(types[i].name, name) == 0)
      return &types[i];
  return NULL; /* pad, sunssf, addresses: nothing to be shown */
}

/* SunSpec's own spellings; the others are known to everybody. */
static const char *unit_of(const char *unit)
{
  static const char *const own[][2] = {{"C", "Cel"},     {"Degrees", "deg"}, {"Varh", "varh"}, {"WH", "Wh"},
                                       {"HPa", "hPa"},   {"W/m^2", "W/m2"},  {"mps", "m/s"},   {"meters", "m"},
                                       {"VNomPct", "%"}, {"WMaxPct", "%"},   {"VarPct", "%"},  {"Sec", "s"}};
  while (*unit == ' ')
    unit++;
  if (*unit == '%' && !strchr(unit, '/'))
    return "%";
  for (size_t i = 0; i < TT_COUNT(own); i++)
    if (strcmp(own[i][0], unit) == 0)
      return own[i][1];
  return unit;
}

/* ---- A model ---------------------------------------------------------------------------------------------- */
struct walk {
  struct tt_portrait *portrait; /* NULL: only to see how long it is */
  unsigned base;                /* of the addresses that are written */
  const struct mb_sunspec_model *model;
  unsigned offset; /* of the next register in the model, from its number on */
  struct {         /* points that scale factors and counts name; those of the innermost group come last */
    char name[32];
    unsigned offset;
  } known[KNOWN_MAX];
  size_t n_known;
};

struct prefix {
  char name[TT_PORTRAIT_NAME_MAX * 3], label[40];
};

static const unsigned *known(const struct walk *w, const char *name)
{
  for (size_t i = w->n_known; i-- > 0;)
    if (strcmp(w->known[i].name, name) == 0)
      return &w->known[i].offset;
  return NULL;
}

/* The points of the group that begins here, whose registers begin at w->offset. */
static void know(struct walk *w, const char *at)
{
  struct line line;
  unsigned offset = w->offset;
  for (; *at == 'P' || *at == 'S'; at = next_of(at)) {
    if (*at == 'S')
      continue;
    parse(at, &line);
    if (w->n_known < KNOWN_MAX &&
        (strcmp(line.cell[TYPE], "sunssf") == 0 || strcmp(line.cell[TYPE], "uint16") == 0 ||
         strcmp(line.cell[TYPE], "count") == 0)) {
      snprintf(w->known[w->n_known].name, sizeof w->known[0].name, "%s", line.cell[NAME]);
      w->known[w->n_known++].offset = offset;
    }
    offset += (unsigned)strtoul(line.cell[SIZE], NULL, 10);
  }
}

/* A bit that is set and has no name must not look as if nothing were. */
static void add_unnamed(struct json_object *bits, unsigned n)
{
  char raw[12], name[16];
  for (unsigned i = 0; i < n; i++) {
    snprintf(raw, sizeof raw, "%u", i);
    snprintf(name, sizeof name, "BIT_%u", i);
    if (!json_object_object_get_ex(bits, raw, NULL))
      tt_portrait_text(bits, raw, name);
  }
}

static void add_symbols(struct json_object *point, const struct type *type, const char *at)
{
  struct json_object *map = json_object_new_object();
  struct line line;
  for (; *at == 'S'; at = next_of(at)) {
    parse(at, &line);
    tt_portrait_text(map, line.cell[TYPE], line.cell[NAME]); /* the value stands behind the name */
  }
  if (json_object_object_length(map) > 0) {
    if (strcmp(type->key, "bits") == 0)
      add_unnamed(map, strcmp(type->wire, "bits16") == 0 ? 16 : 32);
    tt_portrait_add(point, type->key, map);
  } else {
    json_object_put(map);
    tt_portrait_text(point, "type",
                     strcmp(type->wire, "bits16") == 0   ? "uint16"
                     : strcmp(type->wire, "bits32") == 0 ? "uint32"
                                                         : type->wire);
  }
}

static void add_point(struct walk *w, const struct line *line, const char *symbols, const struct prefix *prefix)
{
  const struct type *type = type_of(line->cell[TYPE]);
  unsigned size = (unsigned)strtoul(line->cell[SIZE], NULL, 10);
  bool is_head = w->offset < MB_SUNSPEC_HEAD, has_symbols = type && type->key;
  const char *scale = type && type->scaled ? line->cell[SCALE] : "";
  bool is_constant = *scale && strspn(scale, "-0123456789") == strlen(scale);
  const unsigned *scale_at = *scale && !is_constant ? known(w, scale) : NULL;
  char name[sizeof prefix->name + LINE_MAX_], label[LABEL_MAX];
  if (is_head || !type || w->offset + size > MB_SUNSPEC_HEAD + w->model->length ||
      (*scale && !is_constant && !scale_at))
    return;
  snprintf(name, sizeof name, "%s_%s", prefix->name, line->cell[NAME]);
  struct json_object *point = tt_portrait_point(w->portrait, name);
  if (!point)
    return;
  tt_portrait_number(point, "holding", w->base + w->model->address + w->offset);
  tt_portrait_text(point, "type", scale_at ? type->scaled : type->wire);
  if (scale_at)
    tt_portrait_number(point, "scale_register", w->base + w->model->address + *scale_at);
  if (is_constant)
    tt_portrait_number(point, "scale", pow(10, strtod(scale, NULL)));
  if (strcmp(type->wire, "string") == 0)
    tt_portrait_number(point, "count", size);
  if (type->invalid)
    tt_portrait_text(point, "invalid", type->invalid);
  if (has_symbols)
    add_symbols(point, type, symbols);
  tt_portrait_unit(point, unit_of(line->cell[UNIT]));
  if (type->is_counter)
    tt_portrait_add(point, "counter", json_object_new_boolean(true));
  snprintf(label, sizeof label, "%s%s", *line->cell[LABEL] ? line->cell[LABEL] : line->cell[NAME], prefix->label);
  tt_portrait_label(point, label);
  bool is_common = w->model->id == MB_SUNSPEC_COMMON, is_text = strcmp(type->wire, "string") == 0;
  bool is_settable = line->cell[ACCESS][0] == 'W' && !is_common && (!has_symbols || strcmp(type->key, "map") == 0);
  if (is_common || has_symbols || is_text || is_settable)
    tt_portrait_text(point, "category", is_common ? "identity" : "status");
  if (is_common || is_text || is_settable)
    tt_portrait_text(point, "poll", is_settable ? "slow" : "daily");
  if (is_settable) {
    struct json_object *write = json_object_new_object();
    tt_portrait_text(write, "verify", "readback");
    tt_portrait_add(write, "function", json_object_new_int(16));
    tt_portrait_add(point, "write", write);
  }
}

static const char *walk_group(struct walk *w, const char *at, const struct prefix *prefix, int depth);

/* How often a group repeats: as it says, as a point says, or as there is room. */
static unsigned count_of(struct walk *w, const struct line *line, const char *inside, const struct prefix *prefix,
                         int depth)
{
  const char *count = line->cell[COUNT];
  unsigned left = MB_SUNSPEC_HEAD + w->model->length - w->offset, n;
  if (w->offset > MB_SUNSPEC_HEAD + w->model->length)
    return 0;
  if (strspn(count, "0123456789") < strlen(count)) {
    const unsigned *at = known(w, count);
    bool is_there = at && *at >= MB_SUNSPEC_HEAD && *at < MB_SUNSPEC_HEAD + w->model->length && w->model->registers;
    n = is_there ? w->model->registers[*at - MB_SUNSPEC_HEAD] : 0;
    n = n == UINT16_MAX ? 0 : n; /* not implemented */
  } else {
    n = (unsigned)strtoul(count, NULL, 10);
    if (n == 0) {
      struct walk measure = {.model = w->model, .offset = w->offset};
      walk_group(&measure, inside, prefix, depth);
      n = measure.offset > w->offset ? left / (measure.offset - w->offset) : 0;
    }
  }
  return n < MB_SUNSPEC_REPEAT_MAX ? n : MB_SUNSPEC_REPEAT_MAX;
}

/* Returns the line behind the group. */
static const char *skip_group(const char *at)
{
  for (int depth = 1; *at && depth > 0; at = next_of(at))
    depth += *at == 'G' ? 1 : *at == 'E' ? -1 : 0;
  return at;
}

static const char *walk_inner(struct walk *w, const char *at, const struct prefix *prefix, int depth)
{
  struct line line;
  struct prefix inside;
  parse(at, &line);
  const char *first = next_of(at);
  unsigned n = depth < MB_SUNSPEC_DEPTH_MAX ? count_of(w, &line, first, prefix, depth + 1) : 0;
  bool is_one = strcmp(line.cell[COUNT], "1") == 0;
  for (unsigned i = 1; i <= n && w->offset < MB_SUNSPEC_HEAD + w->model->length; i++) {
    size_t k = strlen(prefix->name), l = strlen(prefix->label);
    inside = *prefix;
    snprintf(inside.name + k, sizeof inside.name - k, is_one ? "_%s" : "_%s_%u", line.cell[NAME], i);
    if (!is_one)
      snprintf(inside.label + l, sizeof inside.label - l, "%s%u", l ? "." : " ", i);
    walk_group(w, first, &inside, depth + 1);
  }
  return skip_group(first);
}

/* The points and groups from this line on, up to the end of the group, behind which it returns. */
static const char *walk_group(struct walk *w, const char *at, const struct prefix *prefix, int depth)
{
  size_t n_known = w->n_known;
  struct line line;
  know(w, at);
  while (*at && *at != 'E') {
    if (*at == 'G') {
      at = walk_inner(w, at, prefix, depth);
      continue;
    }
    if (*at == 'P') {
      parse(at, &line);
      if (w->portrait)
        add_point(w, &line, next_of(at), prefix);
      w->offset += (unsigned)strtoul(line.cell[SIZE], NULL, 10);
    }
    at = next_of(at);
  }
  w->n_known = n_known;
  return *at ? next_of(at) : at;
}

static void describe_model(struct tt_portrait *portrait, const struct mb_sunspec_chain *chain, size_t i)
{
  const char *at = find_model(chain->model[i].id);
  struct walk w = {.portrait = portrait, .base = chain->base, .model = &chain->model[i]};
  struct prefix prefix = {.name = ""};
  struct line line;
  unsigned before = 0;
  for (size_t k = 0; k < i; k++)
    before += chain->model[k].id == chain->model[i].id;
  parse(at, &line);
  snprintf(prefix.name, sizeof prefix.name, before ? "%s_%u" : "%s", line.cell[2], before + 1);
  if (before)
    snprintf(prefix.label, sizeof prefix.label, " (%u)", before + 1);
  walk_group(&w, next_of(at), &prefix, 0);
}

/* The first `n` models of the chain. */
static int describe_some(const struct mb_sunspec_chain *chain, size_t n, struct tt_buf *out)
{
  struct tt_portrait portrait;
  char text[MB_SUNSPEC_TEXT];
  tt_portrait_init(&portrait);
  tt_portrait_about(&portrait, "vendor", mb_sunspec_common(chain, MB_SUNSPEC_MAKER, text));
  tt_portrait_about(&portrait, "model", mb_sunspec_common(chain, MB_SUNSPEC_MODEL, text));
  tt_portrait_about_label(&portrait, text);
  for (size_t i = 0; i < n; i++)
    if (find_model(chain->model[i].id))
      describe_model(&portrait, chain, i);
  int r = portrait.n ? tt_portrait_print(&portrait, out) : -ENOENT;
  tt_portrait_finish(&portrait);
  return r;
}

int mb_sunspec_describe(const struct mb_sunspec_chain *chain, struct tt_buf *out)
{
  size_t n_known = 0, n = chain->n;
  for (size_t i = 0; i < chain->n; i++)
    n_known += find_model(chain->model[i].id) != NULL;
  if (n_known == 0)
    return -ENOENT;
  /* What is measured stands at the front; curves and settings, which make a description long, behind it. */
  int r = describe_some(chain, n, out);
  while (r == -EMSGSIZE && --n > 0) {
    tt_buf_truncate(out, 0);
    r = describe_some(chain, n, out);
  }
  return r;
}
