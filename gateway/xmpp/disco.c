/* SPDX-License-Identifier: Apache-2.0
 * disco.c: what an address and its nodes are (disco#info of XEP-0030, with the form of XEP-0128). */
#include "disco_private.h"

#include "dialect.h"
#include "form.h"
#include "handlers.h"

#define NODE_PREFIX "n/"

struct tt_disco_info {
  struct tt_writer w;
};

static const char *const features[] = {TT_NS_DISCO_INFO, TT_NS_DISCO_ITEMS, TT_NS_RSM,
                                       "http://jabber.org/protocol/caps", NULL};

void tt_disco_identity(struct tt_disco_info *info, const char *category, const char *type, const char *name)
{
  tt_write_open(&info->w, "identity", NULL);
  tt_write_attr(&info->w, "category", category);
  tt_write_attr(&info->w, "type", type);
  tt_write_attr(&info->w, "name", name);
  tt_write_close(&info->w);
}

void tt_disco_feature(struct tt_disco_info *info, const char *var)
{
  tt_write_open(&info->w, "feature", NULL);
  tt_write_attr(&info->w, "var", var);
  tt_write_close(&info->w);
}

int tt_disco_add(struct tt_router *router, const struct tt_disco_branch *branch, void *user)
{
  if (router->n_branches == TT_COUNT(router->branches))
    return -ENOSPC;
  router->branches[router->n_branches].branch = branch;
  router->branches[router->n_branches++].user = user;
  return 0;
}

/* ---- Names of nodes ---------------------------------------------------------------------------------------- */

static void put_part(struct tt_buf *out, const char *part)
{
  for (; *part; part++)
    if (*part == '/' || *part == '%')
      tt_buf_printf(out, "%%%02X", (unsigned char)*part);
    else
      tt_buf_putc(out, *part);
}

void tt_disco_node_name(struct tt_buf *out, const struct tt_node *node)
{
  tt_buf_puts(out, NODE_PREFIX);
  put_part(out, node->source);
  tt_buf_putc(out, '/');
  put_part(out, node->partition);
  tt_buf_printf(out, "/%s", node->key);
}

static int hex(char c)
{
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                : -1;
}

/* One part, up to the next slash, behind which *text is left. */
static int take_part(const char **text, struct tt_arena *arena, const char **ret)
{
  size_t n = strcspn(*text, "/"), used = 0;
  char *out = (*text)[n] ? tt_arena_alloc(arena, n + 1) : NULL;
  if (!out)
    return (*text)[n] ? -ENOMEM : -EINVAL;
  for (const char *p = *text, *end = p + n; p < end; p++) {
    char c = *p;
    if (c == '%') {
      int high = end - p > 2 ? hex(p[1]) : -1, low = end - p > 2 ? hex(p[2]) : -1;
      if (high < 0 || low < 0 || (high | low) == 0)
        return -EINVAL;
      c = (char)(high << 4 | low);
      p += 2;
    }
    out[used++] = c;
  }
  *text += n + 1;
  *ret = out;
  return 0;
}

int tt_disco_node_ref(const char *name, struct tt_arena *arena, struct tt_ref *ret)
{
  struct tt_ref ref;
  if (strncmp(name, NODE_PREFIX, strlen(NODE_PREFIX)) != 0)
    return -EINVAL;
  name += strlen(NODE_PREFIX);
  int r = take_part(&name, arena, &ref.source);
  if (r == 0)
    r = take_part(&name, arena, &ref.partition);
  if (r < 0 || !*name)
    return r < 0 ? r : -EINVAL;
  ref.node = tt_arena_strdup(arena, name);
  if (!ref.node)
    return -ENOMEM;
  *ret = ref;
  return 0;
}

enum tt_disco_kind tt_disco_resolve(const struct tt_iq *iq, const char *node, struct tt_disco_subject *ret)
{
  struct tt_core *core = iq->router->config.core;
  size_t n = strlen(TT_CAPS_NODE);
  char ver[TT_CAPS_VER_SIZE];
  *ret = (struct tt_disco_subject){iq->thing,
                                   iq->thing && tt_core_sight(core, &iq->caller, iq->thing) == TT_SIGHT_FULL};
  if (!node || !*node)
    return TT_DISCO_SELF;
  if (strncmp(node, TT_CAPS_NODE "#", n + 1) == 0)
    return tt_disco_ver(iq->router, iq->session, ret, ver) == 0 && strcmp(node + n + 1, ver) == 0 ? TT_DISCO_CAPS
                                                                                                  : TT_DISCO_NONE;
  if (strncmp(node, NODE_PREFIX, strlen(NODE_PREFIX)) != 0)
    return TT_DISCO_OTHER;
  struct tt_arena *arena = tt_arena_create(2 * TT_XML_STANZA_MAX);
  struct tt_ref ref;
  if (arena && tt_disco_node_ref(node, arena, &ref) == 0)
    ret->node = tt_core_see(core, &iq->caller, &ref);
  else
    ret->node = NULL;
  tt_arena_destroy(arena);
  ret->is_full = ret->node && tt_core_sight(core, &iq->caller, ret->node) == TT_SIGHT_FULL;
  return ret->node ? TT_DISCO_NODE : TT_DISCO_NONE;
}

/* ---- The form of a node ------------------------------------------------------------------------------------ */

static void write_form_field(struct tt_writer *w, const char *var, const char *type, const char *value)
{
  if (!value || !*value)
    return;
  tt_write_open(w, "field", NULL);
  tt_write_attr(w, "var", var);
  tt_write_attr(w, "type", type);
  tt_write_element(w, "value", value);
  tt_write_close(w);
}

/* As many as a stanza holds. */
static void write_messages(struct tt_writer *w, const struct tt_node *node, size_t room)
{
  if (node->n_messages == 0)
    return;
  tt_write_open(w, "field", NULL);
  tt_write_attr(w, "var", "messages");
  tt_write_attr(w, "type", "text-multi");
  for (size_t i = 0; i < node->n_messages; i++) {
    struct tt_writer_mark mark = tt_write_mark(w);
    tt_write_element(w, "value", node->messages[i].text);
    if (tt_write_size(w) > room)
      tt_write_rewind(w, mark);
  }
  tt_write_close(w);
}

/* Of a mere place: that it is there, and no more. */
static void write_form(const struct tt_iq *iq, struct tt_writer *w, const struct tt_disco_subject *subject)
{
  const struct tt_node *node = subject->node;
  char stamp[TT_DATETIME_SIZE];
  tt_write_open(w, "x", TT_NS_FORM);
  tt_write_attr(w, "type", "result");
  write_form_field(w, "FORM_TYPE", "hidden", TT_DISCO_FORM);
  write_form_field(w, "id", "text-single", node->key);
  write_form_field(w, "source", "text-single", node->source);
  write_form_field(w, "partition", "text-single", node->partition);
  write_form_field(w, "type", "text-single", node->type);
  if (subject->is_full) {
    write_form_field(w, "vendor", "text-single", node->vendor);
    write_form_field(w, "model", "text-single", node->model);
    write_form_field(w, "state", "text-single", tt_node_state_name(tt_node_state(node)));
    write_form_field(w, "readable", "boolean", tt_node_is_readable(node) ? "true" : "false");
    write_form_field(w, "controllable", "boolean", tt_node_is_controllable(node) ? "true" : "false");
    if (node->last_change_us)
      write_form_field(w, "lastChange", "text-single", tt_datetime_print(stamp, node->last_change_us));
    write_messages(w, node, tt_dialect_room(iq));
  }
  tt_write_close(w);
}

/* ---- disco#info -------------------------------------------------------------------------------------------- */

/* An address: what its presence says of it, with the names that people gave it. */
static void describe_address(const struct tt_iq *iq, const struct tt_disco_subject *subject, bool is_caps,
                             struct tt_disco_info *info)
{
  struct tt_identity identities[TT_IDENTITIES_MAX];
  const char *name = subject->node && !is_caps ? tt_node_label(subject->node, iq->caller.language) : TT_PRODUCT;
  tt_disco_identities(iq->session, subject, identities);
  for (const struct tt_identity *identity = identities; identity->category; identity++)
    tt_disco_identity(info, identity->category, identity->type, name);
  for (size_t i = 0; i < iq->router->n_features; i++)
    if (tt_disco_has_feature(iq->session, subject->node, subject->is_full, iq->router->features[i]))
      tt_disco_feature(info, iq->router->features[i]);
  if (subject->node && !is_caps)
    write_form(iq, &info->w, subject);
}

static void describe_subject(const struct tt_iq *iq, enum tt_subject about, struct tt_disco_info *info)
{
  for (size_t i = 0; i < TT_DIALECT_COUNT; i++)
    if (iq->router->config.dialects & 1u << i)
      tt_disco_feature(info, tt_dialects[i].ns[about]);
}

static void describe_node(const struct tt_iq *iq, const struct tt_disco_subject *subject,
                          struct tt_disco_info *info)
{
  tt_disco_identity(info, "hierarchy", tt_disco_is_branch(subject->node) ? "branch" : "leaf",
                    tt_node_label(subject->node, iq->caller.language));
  tt_disco_feature(info, TT_NS_DISCO_INFO);
  tt_disco_feature(info, TT_NS_DISCO_ITEMS);
  if (subject->is_full && tt_node_is_readable(subject->node))
    describe_subject(iq, TT_SUBJECT_SENSOR, info);
  if (subject->is_full && tt_node_is_controllable(subject->node))
    describe_subject(iq, TT_SUBJECT_CONTROL, info);
  write_form(iq, &info->w, subject);
}

static bool describe_other(const struct tt_iq *iq, const char *node, struct tt_disco_info *info)
{
  for (size_t i = 0; i < iq->router->n_branches; i++) {
    const struct tt_disco_branch *branch = iq->router->branches[i].branch;
    if (branch->info && branch->info(iq->router->branches[i].user, iq, node, info))
      return true;
  }
  return false;
}

static bool describe(const struct tt_iq *iq, const char *node, struct tt_disco_info *info)
{
  struct tt_disco_subject subject;
  switch (tt_disco_resolve(iq, node, &subject)) {
  case TT_DISCO_SELF:
    describe_address(iq, &subject, false, info);
    return true;
  case TT_DISCO_CAPS:
    describe_address(iq, &subject, true, info);
    return true;
  case TT_DISCO_NODE:
    describe_node(iq, &subject, info);
    return true;
  case TT_DISCO_OTHER:
    return describe_other(iq, node, info);
  case TT_DISCO_NONE:
    break;
  }
  return false;
}

static void on_info(struct tt_iq *iq, TT_UNUSED const void *data)
{
  const char *node = tt_xml_attr(iq->payload, "node");
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_disco_info info;
  tt_write_init(&info.w, &buf);
  tt_write_open(&info.w, "query", TT_NS_DISCO_INFO);
  tt_write_attr(&info.w, "node", node);
  if (!describe(iq, node, &info)) {
    tt_iq_error(iq, TT_REFUSED_NOT_FOUND, NULL, NULL, NULL);
    return;
  }
  tt_write_close(&info.w);
  tt_iq_written(iq, &info.w);
}

static const struct tt_iq_handler rows[] = {
    {.ns = TT_NS_DISCO_INFO, .name = "query", .fn = on_info},
    {.ns = TT_NS_DISCO_ITEMS, .name = "query", .fn = tt_disco_on_items},
};

int tt_disco_handlers_add(struct tt_router *router)
{
  int r = tt_router_add(router, rows, TT_COUNT(rows));
  return r < 0 ? r : tt_router_add_features(router, features);
}
