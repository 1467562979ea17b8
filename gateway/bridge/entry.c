/* SPDX-License-Identifier: Apache-2.0
 * entry.c: configurations of devices and connections compared and copied, by the bytes that pack.h makes of them. */
#include "entry.h"

#include "config/pack.h"

#include <stdio.h>

/* ---- Is it the same? ---------------------------------------------------------------------------------------- */

static void put_text(struct tt_buf *out, const char *text)
{
  tt_buf_add(out, text ? text : "", (text ? strlen(text) : 0) + 1);
}

static void put_label(struct tt_buf *out, const struct tt_label *label)
{
  for (size_t i = 0; i < label->n; i++) {
    put_text(out, label->language[i]);
    put_text(out, label->text[i]);
  }
  put_text(out, NULL);
}

/* Everything about a connection but where it is written. */
static void put_connection(struct tt_buf *out, const struct tt_connection_config *c)
{
  tt_buf_printf(out, "%p %llu %d %d", (const void *)c->ops, (unsigned long long)c->timeout_us, c->is_disabled,
                c->is_isolated);
  put_text(out, c->error);
  if (!c->is_disabled && c->ops)
    tt_pack(c->ops->connection.options, c->options, TT_PACK_WITHOUT_MARKS, out);
}

static void put_device(struct tt_buf *out, const struct tt_device_entry *entry, const char *connection,
                       const struct tt_bridge_ops *ops)
{
  const char *texts[] = {entry->place,   entry->type,  entry->vendor, entry->model,
                         entry->mapping, entry->error, entry->notice, connection};
  tt_buf_printf(out, "%d %p", entry->is_disabled, (const void *)ops);
  for (size_t i = 0; i < TT_COUNT(texts); i++)
    put_text(out, texts[i]);
  put_label(out, &entry->label);
  if (!entry->is_disabled && ops)
    tt_pack_device(&entry->config, ops, TT_PACK_WITHOUT_MARKS, out);
}

/* Compares and wipes: secrets are among the bytes. A comparison that could not be made says "not the same". */
static bool is_same(struct tt_buf *a, struct tt_buf *b)
{
  bool same =
      !a->failed && !b->failed && a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
  struct tt_buf *both[] = {a, b};
  for (size_t i = 0; i < TT_COUNT(both); i++) {
    if (both[i]->data)
      explicit_bzero(both[i]->data, both[i]->len);
    tt_buf_finish(both[i]);
  }
  return same;
}

bool tt_entry_same_connection(const struct tt_connection_config *a, const struct tt_connection_config *b)
{
  struct tt_buf x = TT_BUF(0), y = TT_BUF(0);
  put_connection(&x, a);
  put_connection(&y, b);
  return is_same(&x, &y);
}

static void put_place(struct tt_buf *out, const struct tt_option *table, const void *options)
{
  for (const struct tt_option *o = table; options && o && o->name; o++) {
    const struct tt_option row[] = {*o, TT_OPTION_END};
    if (o->flags & (TT_OPTION_ADDRESS | TT_OPTION_DEVICE))
      tt_pack(row, options, TT_PACK_WITHOUT_MARKS, out);
    else if (o->type == TT_OPTION_TABLE)
      put_place(out, o->table, (const char *)options + o->offset);
  }
}

bool tt_entry_same_place(const struct tt_connection_config *a, const struct tt_connection_config *b)
{
  struct tt_buf x = TT_BUF(0), y = TT_BUF(0);
  if (a->ops != b->ops)
    return false;
  put_place(&x, a->ops ? a->ops->connection.options : NULL, a->options);
  put_place(&y, b->ops ? b->ops->connection.options : NULL, b->options);
  return is_same(&x, &y);
}

bool tt_entry_same_device(const struct tt_device_entry *a, const struct tt_connection_config *of_a,
                          const struct tt_device_entry *b, const struct tt_connection_config *of_b)
{
  struct tt_buf x = TT_BUF(0), y = TT_BUF(0);
  put_device(&x, a, of_a ? of_a->name : NULL, of_a ? of_a->ops : NULL);
  put_device(&y, b, of_b ? of_b->name : NULL, of_b ? of_b->ops : NULL);
  return is_same(&x, &y);
}

bool tt_entry_same_point(const struct tt_bridge_ops *ops, const struct tt_device_config *a,
                         const struct tt_point *p, const struct tt_device_config *b, const struct tt_point *q)
{
  struct tt_buf x = TT_BUF(0), y = TT_BUF(0);
  const struct tt_point *both[] = {p, q};
  for (size_t i = 0; i < TT_COUNT(both); i++) {
    /* What the value is, and where it comes from; not how it is written, shown or polled. */
    struct tt_point point = *both[i];
    point.write = NULL;
    point.label = (struct tt_label){0};
    point.poll = -1;
    point.stale_us = 0;
    const struct tt_device_config alone = {
        .key = "", .options = i ? b->options : a->options, .points = &point, .n_points = 1};
    tt_pack_device(&alone, ops, TT_PACK_WITHOUT_MARKS, i ? &y : &x);
  }
  return is_same(&x, &y);
}

/* ---- Copies ----------------------------------------------------------------------------------------------------- */

static int copy_text(struct tt_arena *arena, const char *text, const char **ret)
{
  *ret = tt_arena_strdup(arena, text);
  return text && !*ret ? -ENOMEM : 0;
}

/* The bytes of a configuration come back as one that stands alone. */
static int copy_device_config(const struct tt_device_config *config, const struct tt_bridge_ops *ops,
                              struct tt_arena *arena, struct tt_device_config *ret)
{
  struct tt_buf bytes = TT_BUF(0);
  tt_pack_device(config, ops, 0, &bytes);
  struct tt_bytes in = tt_bytes_of(bytes.data, bytes.len);
  int r = bytes.failed ? -ENOMEM : tt_unpack_device(ops, &in, arena, ret);
  if (bytes.data)
    explicit_bzero(bytes.data, bytes.len);
  tt_buf_finish(&bytes);
  return r == -EBADMSG ? -ENOMEM : r; /* they are ours: it cost too much */
}

int tt_entry_copy_device(const struct tt_device_entry *entry, const struct tt_bridge_ops *ops,
                         struct tt_arena *arena, struct tt_device_entry *copy)
{
  *copy = (struct tt_device_entry){.is_disabled = entry->is_disabled, .connection = entry->connection};
  const struct {
    const char *from, **to;
  } texts[] = {{entry->place, &copy->place},
               {entry->type, &copy->type},
               {entry->vendor, &copy->vendor},
               {entry->model, &copy->model},
               {entry->mapping, &copy->mapping},
               {entry->error, &copy->error},
               {entry->notice, &copy->notice},
               {entry->config.key, &copy->config.key},
               {entry->config.mark.file, &copy->config.mark.file}};
  int r = 0;
  if (!entry->is_disabled && ops)
    r = copy_device_config(&entry->config, ops, arena, &copy->config);
  else
    copy->config.mark = entry->config.mark;
  for (size_t i = 0; i < TT_COUNT(texts) && r == 0; i++)
    r = copy_text(arena, texts[i].from, texts[i].to);
  for (; copy->label.n < entry->label.n && r == 0; copy->label.n += r == 0) {
    r = copy_text(arena, entry->label.language[copy->label.n], &copy->label.language[copy->label.n]);
    if (r == 0)
      r = copy_text(arena, entry->label.text[copy->label.n], &copy->label.text[copy->label.n]);
  }
  return r;
}

static int copy_options(const struct tt_bridge_ops *ops, const void *options, struct tt_arena *arena,
                        const void **ret)
{
  struct tt_buf bytes = TT_BUF(0);
  void *copy = tt_arena_alloc(arena, ops->connection.size + 1);
  tt_pack(ops->connection.options, options, 0, &bytes);
  struct tt_bytes in = tt_bytes_of(bytes.data, bytes.len);
  int r = !copy || bytes.failed ? -ENOMEM : tt_unpack(ops->connection.options, &in, arena, copy);
  if (bytes.data)
    explicit_bzero(bytes.data, bytes.len);
  tt_buf_finish(&bytes);
  *ret = copy;
  return r == -EBADMSG ? -ENOMEM : r;
}

int tt_entry_copy_connection(const struct tt_connection_config *c, struct tt_arena *arena,
                             struct tt_connection_config *copy)
{
  *copy = *c;
  copy->options = NULL;
  int r = copy_text(arena, c->name, &copy->name);
  if (r == 0)
    r = copy_text(arena, c->error, &copy->error);
  if (r == 0)
    r = copy_text(arena, c->mark.file, &copy->mark.file);
  if (r == 0 && c->ops && !c->is_disabled)
    r = copy_options(c->ops, c->options, arena, &copy->options);
  return r;
}
