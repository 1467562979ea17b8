/* SPDX-License-Identifier: Apache-2.0
 * pack.c: structs that tables describe as bytes. Each function that writes has its reader right below it. */
#include "pack.h"

#include "config.h"
#include "item.h"

#define ELEMENTS_MAX 65536 /* of one list; the bytes bound them further */

struct packer {
  struct tt_buf *out;
  bool with_marks;
  const char *file; /* of the mark before: most stand in the same one */
};

struct unpacker {
  struct tt_bytes *in;
  struct tt_arena *arena;
  const char *file;
  unsigned depth;
};

/* The bytes are bad, or the arena is full: either way it is not used. */
static void *take_room(struct unpacker *u, size_t n, size_t size)
{
  void *room = u->in->is_bad ? NULL : tt_arena_alloc(u->arena, (n ? n : 1) * size);
  if (!room)
    u->in->is_bad = true;
  return room;
}

static const char *take_text(struct unpacker *u)
{
  return tt_take_text_into(u->in, u->arena);
}

/* ---- Marks ---------------------------------------------------------------------------------------------------- */
enum mark_kind { MARK_NONE, MARK_SAME_FILE, MARK_FILE };

static void put_mark(struct packer *p, const struct tt_mark *mark)
{
  bool is_there = p->with_marks && mark->file;
  bool is_same = is_there && p->file && strcmp(mark->file, p->file) == 0;
  tt_put_number(p->out, !is_there ? MARK_NONE : is_same ? MARK_SAME_FILE : MARK_FILE);
  if (!is_there)
    return;
  if (!is_same)
    tt_put_text(p->out, mark->file);
  p->file = mark->file;
  tt_put_number(p->out, mark->line);
  tt_put_number(p->out, mark->column);
  tt_put_number(p->out, mark->length);
}

static struct tt_mark take_mark(struct unpacker *u)
{
  uint64_t kind = tt_take_number(u->in, MARK_FILE);
  if (kind == MARK_FILE)
    u->file = take_text(u);
  if (kind == MARK_NONE)
    return (struct tt_mark){0};
  struct tt_mark mark = {.file = u->file};
  mark.line = (unsigned)tt_take_number(u->in, UINT32_MAX);
  mark.column = (unsigned)tt_take_number(u->in, UINT32_MAX);
  mark.length = (unsigned)tt_take_number(u->in, UINT32_MAX);
  return mark;
}

/* ---- Items ---------------------------------------------------------------------------------------------------- */
enum item_flag { ITEM_QUOTED = 1, ITEM_SECRET = 2, ITEM_FLAGS = 3 };

static void put_item(struct packer *p, const struct tt_item *item)
{
  tt_put_number(p->out, item->kind);
  tt_put_number(p->out, (item->is_quoted ? ITEM_QUOTED : 0u) | (item->is_secret ? ITEM_SECRET : 0u));
  put_mark(p, &item->mark);
  if (item->kind == TT_ITEM_SCALAR) {
    tt_put_text(p->out, item->text);
    return;
  }
  tt_put_number(p->out, item->n);
  for (size_t i = 0; i < item->n; i++) {
    if (item->kind == TT_ITEM_MAP) {
      tt_put_text(p->out, item->keys[i]);
      put_mark(p, &item->key_marks[i]);
    }
    put_item(p, item->items[i]);
  }
}

static struct tt_item *take_item(struct unpacker *u)
{
  struct tt_item *item = take_room(u, 1, sizeof *item);
  if (!item || ++u->depth > TT_CONFIG_DEPTH_MAX + 1) {
    u->in->is_bad = true;
    return NULL;
  }
  item->kind = (enum tt_item_kind)tt_take_number(u->in, TT_ITEM_MAP);
  unsigned flags = (unsigned)tt_take_number(u->in, ITEM_FLAGS);
  item->is_quoted = flags & ITEM_QUOTED;
  item->is_secret = flags & ITEM_SECRET;
  item->mark = take_mark(u);
  if (item->kind == TT_ITEM_SCALAR) {
    item->text = take_text(u);
    u->in->is_bad |= !item->text;
  } else {
    item->n = tt_take_count(u->in, TT_CONFIG_ITEMS_MAX);
    item->items = take_room(u, item->n, sizeof *item->items);
    if (item->kind == TT_ITEM_MAP) {
      item->keys = take_room(u, item->n, sizeof *item->keys);
      item->key_marks = take_room(u, item->n, sizeof *item->key_marks);
    }
    for (size_t i = 0; i < item->n && !u->in->is_bad; i++) {
      if (item->kind == TT_ITEM_MAP) {
        item->keys[i] = take_text(u);
        u->in->is_bad |= !item->keys[i];
        item->key_marks[i] = take_mark(u);
      }
      item->items[i] = take_item(u);
    }
  }
  u->depth--;
  return u->in->is_bad ? NULL : item;
}

/* ---- Tables ----------------------------------------------------------------------------------------------------- */
static void put_table(struct packer *p, const struct tt_option *table, const void *from);

static void put_list(struct packer *p, const struct tt_option *o, const struct tt_list *list)
{
  bool has_marks = p->with_marks && list->marks;
  tt_put_number(p->out, list->n);
  tt_put_number(p->out, has_marks);
  for (size_t i = 0; i < list->n; i++) {
    if (has_marks)
      put_mark(p, &list->marks[i]);
    put_table(p, o->table, (const char *)list->items + i * o->size);
  }
}

static void put_one(struct packer *p, const struct tt_option *o, const void *from)
{
  const struct tt_texts *texts = from;
  const struct tt_item *item;
  switch (o->type) {
  case TT_OPTION_STRING:
  case TT_OPTION_SECRET:
    tt_put_text(p->out, *(const char *const *)from);
    break;
  case TT_OPTION_BOOLEAN:
    tt_put_number(p->out, *(const bool *)from);
    break;
  case TT_OPTION_INTEGER:
    tt_put_signed(p->out, *(const int64_t *)from);
    break;
  case TT_OPTION_NUMBER:
    tt_put_double(p->out, *(const double *)from);
    break;
  case TT_OPTION_DURATION:
    tt_put_number(p->out, *(const uint64_t *)from);
    break;
  case TT_OPTION_CHOICE:
    tt_put_signed(p->out, *(const int *)from);
    break;
  case TT_OPTION_TEXTS:
    tt_put_number(p->out, texts->n);
    for (size_t i = 0; i < texts->n; i++)
      tt_put_text(p->out, texts->text[i]);
    break;
  case TT_OPTION_TABLE:
    put_table(p, o->table, from);
    break;
  case TT_OPTION_LIST:
    put_list(p, o, from);
    break;
  case TT_OPTION_ITEM:
    item = *(const struct tt_item *const *)from;
    tt_put_number(p->out, item != NULL);
    if (item)
      put_item(p, item);
    break;
  }
}

static void put_table(struct packer *p, const struct tt_option *table, const void *from)
{
  for (const struct tt_option *o = table; o && o->name; o++)
    put_one(p, o, (const char *)from + o->offset);
}

static void take_table(struct unpacker *u, const struct tt_option *table, void *to);

static void take_list(struct unpacker *u, const struct tt_option *o, struct tt_list *list)
{
  size_t n = tt_take_count(u->in, ELEMENTS_MAX);
  bool has_marks = tt_take_bool(u->in);
  char *items = take_room(u, n, o->size);
  struct tt_mark *marks = has_marks ? take_room(u, n, sizeof *marks) : NULL;
  for (size_t i = 0; i < n && !u->in->is_bad; i++) {
    if (has_marks)
      marks[i] = take_mark(u);
    take_table(u, o->table, items + i * o->size);
  }
  *list = (struct tt_list){.items = items, .n = u->in->is_bad ? 0 : n, .marks = marks};
}

static void take_texts(struct unpacker *u, struct tt_texts *texts)
{
  size_t n = tt_take_count(u->in, ELEMENTS_MAX);
  texts->text = take_room(u, n, sizeof *texts->text);
  for (size_t i = 0; i < n && !u->in->is_bad; i++)
    texts->text[i] = take_text(u);
  texts->n = u->in->is_bad ? 0 : n;
}

static int take_int(struct unpacker *u)
{
  int64_t number = tt_take_signed(u->in);
  u->in->is_bad |= number < INT32_MIN || number > INT32_MAX;
  return (int)number;
}

static void take_one(struct unpacker *u, const struct tt_option *o, void *to)
{
  switch (o->type) {
  case TT_OPTION_STRING:
  case TT_OPTION_SECRET:
    *(const char **)to = take_text(u);
    break;
  case TT_OPTION_BOOLEAN:
    *(bool *)to = tt_take_bool(u->in);
    break;
  case TT_OPTION_INTEGER:
    *(int64_t *)to = tt_take_signed(u->in);
    break;
  case TT_OPTION_NUMBER:
    *(double *)to = tt_take_double(u->in);
    break;
  case TT_OPTION_DURATION:
    *(uint64_t *)to = tt_take_number(u->in, UINT64_MAX);
    break;
  case TT_OPTION_CHOICE:
    *(int *)to = take_int(u);
    break;
  case TT_OPTION_TEXTS:
    take_texts(u, to);
    break;
  case TT_OPTION_TABLE:
    take_table(u, o->table, to);
    break;
  case TT_OPTION_LIST:
    take_list(u, o, to);
    break;
  case TT_OPTION_ITEM:
    if (tt_take_bool(u->in))
      *(const struct tt_item **)to = take_item(u);
    break;
  }
}

static void take_table(struct unpacker *u, const struct tt_option *table, void *to)
{
  for (const struct tt_option *o = table; o && o->name && !u->in->is_bad; o++)
    take_one(u, o, (char *)to + o->offset);
}

/* ---- Points ----------------------------------------------------------------------------------------------------- */
/* The plain members of a point and of its write side are a table as well. An enum and an unsigned are as wide as an
 * int. */
_Static_assert(sizeof(enum tt_type) == sizeof(int) && sizeof(unsigned) == sizeof(int), "a choice is an int");
#define ROW(struct_, member_, type_)                                                                               \
  {                                                                                                                \
    .name = #member_, .type = TT_OPTION_##type_, .offset = offsetof(struct struct_, member_)                       \
  }
static const struct tt_option point_members[] = {
    ROW(tt_point, name, STRING),       ROW(tt_point, type, CHOICE),
    ROW(tt_point, wire_type, CHOICE),  ROW(tt_point, unit, STRING),
    ROW(tt_point, ucum, STRING),       ROW(tt_point, categories, CHOICE),
    ROW(tt_point, poll, CHOICE),       ROW(tt_point, stale_us, DURATION),
    ROW(tt_point, is_hidden, BOOLEAN), ROW(tt_point, is_counter, BOOLEAN),
    ROW(tt_point, has_scale, BOOLEAN), ROW(tt_point, scale, NUMBER),
    ROW(tt_point, offset, NUMBER),     ROW(tt_point, missing, CHOICE),
    ROW(tt_point, is_secret, BOOLEAN), TT_OPTION_END,
};
static const struct tt_option write_members[] = {
    ROW(tt_write, has_range, BOOLEAN),  ROW(tt_write, min, NUMBER),
    ROW(tt_write, max, NUMBER),         ROW(tt_write, step, NUMBER),
    ROW(tt_write, verify, CHOICE),      ROW(tt_write, verify_after_us, DURATION),
    ROW(tt_write, within_us, DURATION), TT_OPTION_END,
};

static void put_map(struct packer *p, const struct tt_map_entry *map, size_t n)
{
  tt_put_number(p->out, n);
  for (size_t i = 0; i < n; i++) {
    tt_put_text(p->out, map[i].raw);
    tt_put_value(p->out, &map[i].value);
  }
}

/* As tt_take_value(), with its text in the arena. */
static void take_value(struct unpacker *u, struct tt_value *to)
{
  struct tt_value value TT_AUTOVALUE = {.type = TT_TYPE_NONE};
  tt_take_value(u->in, &value);
  *to = value;
  if (!tt_value_is_text(value.type))
    return;
  to->text = tt_arena_strdup(u->arena, value.text);
  if (!to->text) {
    to->type = TT_TYPE_NONE;
    u->in->is_bad = true;
  }
}

static const struct tt_map_entry *take_map(struct unpacker *u, size_t *ret_n)
{
  size_t n = tt_take_count(u->in, TT_MAP_MAX);
  struct tt_map_entry *map = n ? take_room(u, n, sizeof *map) : NULL;
  for (size_t i = 0; i < n && !u->in->is_bad; i++) {
    map[i].raw = take_text(u);
    u->in->is_bad |= !map[i].raw;
    take_value(u, &map[i].value);
  }
  *ret_n = u->in->is_bad ? 0 : n;
  return map;
}

static void put_label(struct packer *p, const struct tt_label *label)
{
  tt_put_number(p->out, label->n);
  for (size_t i = 0; i < label->n; i++) {
    tt_put_text(p->out, label->language[i]);
    tt_put_text(p->out, label->text[i]);
  }
}

static void take_label(struct unpacker *u, struct tt_label *label)
{
  label->n = tt_take_count(u->in, TT_LANGUAGES_MAX);
  for (size_t i = 0; i < label->n; i++) {
    label->language[i] = take_text(u);
    label->text[i] = take_text(u);
    u->in->is_bad |= !label->language[i] || !label->text[i];
  }
}

/* A struct of the bridge's, when there is one. */
static void put_struct(struct packer *p, const struct tt_level *level, const void *from)
{
  tt_put_number(p->out, from != NULL);
  if (from)
    put_table(p, level->options, from);
}

static void *take_struct(struct unpacker *u, const struct tt_level *level)
{
  if (!tt_take_bool(u->in))
    return NULL;
  void *room = take_room(u, 1, level->size + 1);
  if (room)
    take_table(u, level->options, room);
  return room;
}

static void put_write(struct packer *p, const struct tt_bridge_ops *ops, const struct tt_write *write)
{
  put_table(p, write_members, write);
  tt_put_number(p->out, write->verify_point);
  tt_put_number(p->out, write->confirm != NULL);
  if (write->confirm)
    put_label(p, write->confirm);
  put_struct(p, &ops->write_address, write->address);
}

static const struct tt_label *take_confirm(struct unpacker *u)
{
  struct tt_label *label = tt_take_bool(u->in) ? take_room(u, 1, sizeof *label) : NULL;
  if (label)
    take_label(u, label);
  return label;
}

static struct tt_write *take_write(struct unpacker *u, const struct tt_bridge_ops *ops)
{
  struct tt_write *write = take_room(u, 1, sizeof *write);
  if (!write)
    return NULL;
  take_table(u, write_members, write);
  u->in->is_bad |= (unsigned)write->verify > TT_VERIFY_REPORT;
  write->verify_point = (uint16_t)tt_take_number(u->in, TT_NO_POINT);
  write->confirm = take_confirm(u);
  write->address = take_struct(u, &ops->write_address);
  return write;
}

static void put_point(struct packer *p, const struct tt_bridge_ops *ops, const struct tt_point *point)
{
  put_table(p, point_members, point);
  put_mark(p, &point->mark);
  put_label(p, &point->label);
  tt_put_signed(p->out, point->decimals);
  put_map(p, point->map, point->n_map);
  put_map(p, point->bits, point->n_bits);
  tt_put_number(p->out, point->n_invalid);
  for (size_t i = 0; i < point->n_invalid; i++)
    tt_put_text(p->out, point->invalid[i]);
  tt_put_value(p->out, &point->missing_value);
  put_struct(p, &ops->read_address, point->address);
  tt_put_number(p->out, point->write != NULL);
  if (point->write)
    put_write(p, ops, point->write);
}

static void take_point(struct unpacker *u, const struct tt_bridge_ops *ops, struct tt_point *point)
{
  struct tt_texts invalid = {0};
  take_table(u, point_members, point);
  u->in->is_bad |= !point->name || !point->unit || !point->ucum || (unsigned)point->type >= TT_TYPE_COUNT ||
                   (unsigned)point->missing > TT_MISSING_VALUE;
  point->mark = take_mark(u);
  take_label(u, &point->label);
  int64_t decimals = tt_take_signed(u->in);
  u->in->is_bad |= decimals < TT_DECIMALS_FREE || decimals > TT_DECIMALS_MAX;
  point->decimals = (int8_t)decimals;
  point->map = take_map(u, &point->n_map);
  point->bits = take_map(u, &point->n_bits);
  take_texts(u, &invalid);
  point->invalid = invalid.text;
  point->n_invalid = invalid.n;
  take_value(u, &point->missing_value);
  point->address = take_struct(u, &ops->read_address);
  if (tt_take_bool(u->in))
    point->write = take_write(u, ops);
}

/* ---- Commands --------------------------------------------------------------------------------------------------- */
static void put_command(struct packer *p, const struct tt_bridge_ops *ops, const struct tt_command *command)
{
  tt_put_text(p->out, command->name);
  put_mark(p, &command->mark);
  put_label(p, &command->label);
  put_label(p, &command->confirm);
  tt_put_number(p->out, command->within_us);
  put_struct(p, &ops->command_address, command->address);
  tt_put_number(p->out, command->n_arguments);
  for (size_t i = 0; i < command->n_arguments; i++)
    put_point(p, ops, &command->arguments[i]);
}

static void take_command(struct unpacker *u, const struct tt_bridge_ops *ops, struct tt_command *command)
{
  command->name = take_text(u);
  command->mark = take_mark(u);
  take_label(u, &command->label);
  take_label(u, &command->confirm);
  command->within_us = tt_take_number(u->in, UINT64_MAX);
  command->address = take_struct(u, &ops->command_address);
  command->n_arguments = tt_take_count(u->in, TT_ARGUMENTS_MAX);
  struct tt_point *arguments = take_room(u, command->n_arguments, sizeof *arguments);
  for (size_t i = 0; i < command->n_arguments && !u->in->is_bad; i++) {
    take_point(u, ops, &arguments[i]);
    u->in->is_bad |= !arguments[i].write;
  }
  command->arguments = arguments;
  u->in->is_bad |= !command->name;
}

/* ---- The whole ---------------------------------------------------------------------------------------------------- */
void tt_pack(const struct tt_option *table, const void *options, unsigned flags, struct tt_buf *out)
{
  struct packer p = {.out = out, .with_marks = !(flags & TT_PACK_WITHOUT_MARKS)};
  put_table(&p, table, options);
}

int tt_unpack(const struct tt_option *table, struct tt_bytes *in, struct tt_arena *arena, void *options)
{
  struct unpacker u = {.in = in, .arena = arena};
  take_table(&u, table, options);
  return in->is_bad ? -EBADMSG : 0;
}

void tt_pack_device(const struct tt_device_config *config, const struct tt_bridge_ops *ops, unsigned flags,
                    struct tt_buf *out)
{
  struct packer p = {.out = out, .with_marks = !(flags & TT_PACK_WITHOUT_MARKS)};
  tt_put_text(out, config->key);
  put_mark(&p, &config->mark);
  put_struct(&p, &ops->device, config->options);
  tt_put_number(out, config->n_points);
  for (size_t i = 0; i < config->n_points; i++)
    put_point(&p, ops, &config->points[i]);
  tt_put_number(out, config->n_commands);
  for (size_t i = 0; i < config->n_commands; i++)
    put_command(&p, ops, &config->commands[i]);
}

int tt_unpack_device(const struct tt_bridge_ops *ops, struct tt_bytes *in, struct tt_arena *arena,
                     struct tt_device_config *ret)
{
  struct unpacker u = {.in = in, .arena = arena};
  struct tt_device_config config = {0};
  config.key = take_text(&u); /* one after the other: within an initialiser there is no order */
  config.mark = take_mark(&u);
  config.options = take_struct(&u, &ops->device);
  config.n_points = tt_take_count(in, TT_POINTS_MAX);
  struct tt_point *points = take_room(&u, config.n_points, sizeof *points);
  for (size_t i = 0; i < config.n_points && !in->is_bad; i++)
    take_point(&u, ops, &points[i]);
  for (size_t i = 0; i < config.n_points && !in->is_bad; i++) {
    const struct tt_write *write = points[i].write;
    in->is_bad |= write && write->verify_point != TT_NO_POINT && write->verify_point >= config.n_points;
  }
  config.n_commands = tt_take_count(in, TT_COMMANDS_MAX);
  struct tt_command *commands = take_room(&u, config.n_commands, sizeof *commands);
  for (size_t i = 0; i < config.n_commands && !in->is_bad; i++)
    take_command(&u, ops, &commands[i]);
  if (in->is_bad || !config.key)
    return -EBADMSG;
  config.points = points;
  config.commands = commands;
  *ret = config;
  return 0;
}
