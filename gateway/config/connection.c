/* SPDX-License-Identifier: Apache-2.0
 * connection.c: connections, declared and implicit. One that is broken disables its devices and nothing else. */
#include "load.h"

#include "model/tree.h"

#include <stdio.h>

struct connection_options {
  const char *protocol;
  uint64_t timeout_us;
  bool is_isolated;
};
const struct tt_option tt_connection_options[] = {
    {.name = "protocol",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct connection_options, protocol),
     .flags = TT_OPTION_REQUIRED,
     .help = "Which bridge it belongs to: mqtt, modbus."},
    {.name = "timeout",
     .type = TT_OPTION_DURATION,
     .offset = offsetof(struct connection_options, timeout_us),
     .preset = "10s",
     .min = 1e3,
     .max = 3600e6,
     .help = "How long one read or write of a device may take. A bridge may have a timeout of its own instead."},
    {.name = "isolate",
     .type = TT_OPTION_BOOLEAN,
     .offset = offsetof(struct connection_options, is_isolated),
     .help =
         "Whether the bridge runs in a process of its own, which can touch nothing but the network and the files "
         "named here. Default: no, but for protocols whose library is not to be trusted."},
    TT_OPTION_END,
};

static struct tt_connection_config *find(struct tt_loader *l, const char *name)
{
  for (size_t i = 0; i < l->config->n_connections; i++)
    if (strcmp(l->config->connections[i].name, name) == 0)
      return &l->config->connections[i];
  return NULL;
}

int tt_load_bridge(struct tt_loader *l, const char *protocol, struct tt_mark at,
                   const struct tt_bridge_ops **ret_ops)
{
  const struct tt_config_env *env = l->env;
  *ret_ops = env->bridge(env->user, protocol);
  if (*ret_ops)
    return 0;
  const char *why = env->why ? env->why(env->user, protocol) : NULL;
  if (why) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "unusable-bridge", at, "%s", why);
    return -EINVAL;
  }
  struct tt_buf list TT_AUTOBUF = TT_BUF(0);
  size_t n = 0;
  for (; env->names && env->names[n]; n++)
    tt_buf_printf(&list, "%s%s", n ? ", " : "", env->names[n]);
  tt_diag(l->diags, TT_SEVERITY_ERROR, "unknown-protocol", at, "there is no bridge for protocol \"%s\"", protocol);
  const char *close = n ? tt_closest(protocol, env->names, n) : NULL;
  if (close)
    tt_diag_help(l->diags, "did you mean \"%s\"?", close);
  tt_diag_help(l->diags, "bridges: %s", n ? list.data : "none");
  return -EINVAL;
}

/* What a connection says, into the struct of its bridge. `map` NULL: an implicit one. */
static int fill_connection(struct tt_loader *l, struct tt_file *file, struct tt_connection_config *c,
                           const struct tt_item *map)
{
  struct tt_table_env env = tt_load_env(l, file);
  struct connection_options o = {0};
  char what[100];
  snprintf(what, sizeof what, "connection %s", c->name);
  if (map) {
    int r = tt_table_load(&env, tt_connection_options, map, what, c->mark, &o);
    if (r == 0)
      r = tt_load_bridge(l, o.protocol, tt_item_get(map, "protocol")->mark, &c->ops);
    if (r < 0)
      return r;
    bool is_theirs = tt_table_find(c->ops->connection.options, "timeout");
    c->timeout_us = is_theirs ? TT_TIMEOUT_US : o.timeout_us;
    const struct tt_item *isolate = tt_item_get(map, "isolate");
    c->is_isolated = isolate && !tt_item_is_null(isolate) ? o.is_isolated : c->ops->is_isolated;
    const struct tt_option *tables[] = {tt_connection_options, c->ops->connection.options};
    r = tt_table_check_keys(&env, tables, TT_COUNT(tables), map, what);
    if (r < 0)
      return r;
  } else {
    c->is_isolated = c->ops->is_isolated;
    map = tt_item_map(l->arena, 0, c->mark); /* required options are required here, too */
    if (!map)
      return -ENOMEM;
  }
  void *options = tt_arena_alloc(l->arena, c->ops->connection.size + 1);
  if (!options)
    return -ENOMEM;
  c->options = options;
  int r = tt_table_load(&env, c->ops->connection.options, map, what, c->mark, options);
  if (r == 0 && c->ops->check)
    c->ops->check(options, NULL, l->diags);
  return r;
}

static int add(struct tt_loader *l, struct tt_file *file, const char *name, struct tt_mark at,
               const struct tt_item *item, const struct tt_bridge_ops *ops)
{
  struct tt_config *config = l->config;
  struct tt_table_env env = tt_load_env(l, file);
  struct tt_holes holes = {.env = &env};
  struct tt_diag_scope scope;
  if (config->n_connections == TT_CONNECTIONS_MAX) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "too-many-connections", at, "connection %s is one too many (%d)", name,
            TT_CONNECTIONS_MAX);
    return -EINVAL;
  }
  struct tt_connection_config *c = &config->connections[config->n_connections];
  *c = (struct tt_connection_config){
      .name = name, .ops = ops, .mark = at, .timeout_us = TT_TIMEOUT_US, .is_implicit = !item};
  tt_diags_enter(l->diags, &scope, "connection", name, at);
  char what[100];
  snprintf(what, sizeof what, "connection %s", name);
  int r = item ? tt_table_expect_map(&env, item, what) : 0;
  if (r == 0 && item)
    r = tt_item_check_keys(item, true, l->diags);
  if (r == 0 && item)
    r = tt_holes_fill(&holes, item, &item);
  if (r == 0)
    r = fill_connection(l, file, c, item);
  tt_diags_leave(l->diags, &scope);
  c->is_disabled = scope.n_errors > 0;
  c->error = tt_load_scope_error(l, &scope);
  l->connection_message[config->n_connections++] = scope.first_message;
  return r == -ENOMEM || (c->is_disabled && !c->error) ? -ENOMEM : r;
}

static int check_name(struct tt_loader *l, const char *name, struct tt_mark at)
{
  struct tt_connection_config *other = find(l, name);
  if (other) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "duplicate-key", at, "there are two connections \"%s\"", name);
    tt_diag_also(l->diags, other->mark, "first here");
    return -EINVAL;
  }
  bool is_good = *name && strlen(name) + sizeof TT_GATEWAY_KEY <= TT_NODE_KEY_MAX && name[0] != ' ' &&
                 name[strlen(name) - 1] != ' ';
  for (const char *p = name; *p; p++)
    is_good &= (unsigned char)*p >= 0x20 && *p != '/' && *p != 0x7f;
  if (is_good)
    return 0;
  tt_diag(l->diags, TT_SEVERITY_ERROR, "bad-name", at, "\"%s\" cannot be the name of a connection", name);
  tt_diag_help(l->diags, "no / and no control characters, no space at its ends, at most %zu bytes",
               TT_NODE_KEY_MAX - sizeof TT_GATEWAY_KEY);
  return -EINVAL;
}

int tt_load_connections(struct tt_loader *l, struct tt_file *file)
{
  const struct tt_item *map = tt_item_get(file->root, "connections");
  struct tt_table_env env = tt_load_env(l, file);
  int r = 0;
  if (!map || tt_item_is_empty(map))
    return 0;
  r = tt_table_expect_map(&env, map, "\"connections\"");
  for (size_t i = 0; map->kind == TT_ITEM_MAP && i < map->n && r != -ENOMEM; i++) {
    int q = check_name(l, map->keys[i], map->key_marks[i]);
    if (q == 0)
      q = add(l, file, map->keys[i], map->key_marks[i], map->items[i], NULL);
    r = q < 0 ? q : r;
    if (l->config->n_connections == TT_CONNECTIONS_MAX && q < 0)
      break;
  }
  return r;
}

static int not_found(struct tt_loader *l, const struct tt_item *name)
{
  const char *names[TT_CONNECTIONS_MAX];
  size_t n = l->config->n_connections;
  for (size_t i = 0; i < n; i++)
    names[i] = l->config->connections[i].name;
  tt_diag(l->diags, TT_SEVERITY_ERROR, "unknown-connection", name->mark, "there is no connection \"%s\"",
          name->text);
  const char *close = tt_closest(name->text, names, n);
  if (close)
    tt_diag_help(l->diags, "did you mean \"%s\"?", close);
  return -EINVAL;
}

int tt_load_connection_of(struct tt_loader *l, const struct tt_item *name, const struct tt_mapping *mapping,
                          struct tt_mark at, size_t *ret_index)
{
  struct tt_config *config = l->config;
  struct tt_connection_config *c = find(l, name ? name->text : mapping->protocol);
  if (!c && name)
    return not_found(l, name);
  if (!c) {
    int r = add(l, NULL, mapping->protocol, at, NULL, mapping->ops);
    if (r == -ENOMEM || l->config->n_connections == 0)
      return r;
    c = find(l, mapping->protocol);
    if (!c)
      return r;
    if (c->is_disabled)
      tt_diag_help(
          l->diags,
          "the device names no connection, so it got one that has no options; name one with `connection:`");
  } else if (c->is_disabled) {
    tt_diags_again(l->diags, l->connection_message[c - config->connections], c->error);
  } else if (c->ops != mapping->ops) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "wrong-connection", name ? name->mark : at,
            "mapping %s speaks %s, and connection %s %s", mapping->name, mapping->protocol, c->name, c->ops->name);
    tt_diag_also(l->diags, c->mark, "the connection");
    return -EINVAL;
  }
  *ret_index = (size_t)(c - config->connections);
  if (c->is_disabled)
    return -EINVAL;
  if (l->connection_devices[*ret_index]++ >= TT_BRIDGE_DEVICES_MAX) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "too-many-devices", at, "connection %s can have %d devices", c->name,
            TT_BRIDGE_DEVICES_MAX);
    return -EINVAL;
  }
  return 0;
}
