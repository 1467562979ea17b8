/* SPDX-License-Identifier: Apache-2.0
 * sections.c: what stands once in thingtree.yaml: poll classes, access, xmpp. */
#include "load.h"

#include <arpa/inet.h>
#include <stdio.h>

#define HOUR_US (3600.0 * 1e6)
#define YEAR_US (366 * 24 * HOUR_US)

/* ---- Poll classes ------------------------------------------------------------------------------------- */

const struct tt_option tt_poll_options[] = {
    {.name = "every",
     .type = TT_OPTION_DURATION,
     .offset = offsetof(struct tt_poll_class, every_us),
     .min = 10e3,
     .max = YEAR_US,
     .flags = TT_OPTION_REQUIRED,
     .help = "How often points of this class are read."},
    {.name = "max_age",
     .type = TT_OPTION_DURATION,
     .offset = offsetof(struct tt_poll_class, max_age_us),
     .min = 0,
     .max = YEAR_US,
     .help = "How old a cached value may be to answer a read. As old as `every` when absent."},
    {.name = "jitter",
     .type = TT_OPTION_DURATION,
     .offset = offsetof(struct tt_poll_class, jitter_us),
     .min = 0,
     .max = YEAR_US,
     .help = "Each read is put off by a random part of this, so that a house is not read all at once."},
    TT_OPTION_END,
};

static struct tt_poll_class *find_class(struct tt_config *config, const char *name)
{
  for (size_t i = 0; i < config->n_polls; i++)
    if (config->polls[i].name && strcmp(config->polls[i].name, name) == 0)
      return &config->polls[i];
  return NULL;
}

/* Shipped mappings name these, so they are always there; thingtree.yaml may say what they mean. */
int tt_load_poll_presets(struct tt_loader *l)
{
  static const struct tt_poll_class presets[] = {
      {"fast", 1000000, 1000000, 0},
      {"normal", 10000000, 10000000, 0},
      {"slow", 300000000, 300000000, 20000000},
      {"daily", 86400000000, 86400000000, 0},
  };
  memcpy(l->config->polls, presets, sizeof presets);
  l->config->n_polls = TT_COUNT(presets);
  return 0;
}

static int load_class(struct tt_loader *l, struct tt_file *file, const struct tt_item *map, size_t i)
{
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
  const char *name = map->keys[i];
  struct tt_table_env env = tt_load_env(l, file);
  struct tt_poll_class class = {.name = name};
  const struct tt_option *tables[] = {tt_poll_options};
  char what[100];
  snprintf(what, sizeof what, "poll class %s", name);
  if (!*name || strspn(name, letters) != strlen(name) || strlen(name) > TT_NAME_MAX ||
      strcmp(name, TT_POLL_NEVER) == 0) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "bad-name", map->key_marks[i], "\"%s\" cannot be the name of a poll class",
            name);
    tt_diag_help(l->diags, "small letters, digits, _ and -, at most %d; not \"" TT_POLL_NEVER "\"", TT_NAME_MAX);
    return -EINVAL;
  }
  int r = tt_table_expect_map(&env, map->items[i], what);
  if (r < 0)
    return r;
  r = tt_table_check_keys(&env, tables, 1, map->items[i], what);
  int q = tt_table_load(&env, tt_poll_options, map->items[i], what, map->key_marks[i], &class);
  if (r < 0 || q < 0)
    return q < 0 ? q : r;
  if (!tt_item_get(map->items[i], "max_age"))
    class.max_age_us = class.every_us;
  struct tt_poll_class *place = find_class(l->config, name);
  if (!place && l->config->n_polls == TT_POLL_CLASSES_MAX) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "too-many-poll-classes", map->key_marks[i], "there can be %d poll classes",
            TT_POLL_CLASSES_MAX);
    return -EINVAL;
  }
  if (!place)
    place = &l->config->polls[l->config->n_polls++];
  *place = class;
  return 0;
}

int tt_load_polls(struct tt_loader *l, struct tt_file *file)
{
  const struct tt_item *map = NULL;
  struct tt_table_env env = tt_load_env(l, file);
  int r = tt_load_section(l, file, "poll", &map);
  if (r < 0 || !map || tt_item_is_empty(map))
    return r;
  r = tt_table_expect_map(&env, map, "\"poll\"");
  for (size_t i = 0; i < map->n && map->kind == TT_ITEM_MAP && r != -ENOMEM; i++) {
    int q = load_class(l, file, map, i);
    r = q < 0 ? q : r;
  }
  return r;
}

static bool is_same_class(const struct tt_poll_class *a, const struct tt_poll_class *b)
{
  return a->name && b->name && strcmp(a->name, b->name) == 0 && a->every_us == b->every_us &&
         a->max_age_us == b->max_age_us && a->jitter_us == b->jitter_us;
}

/* A slot that has no class, in which none went just now and by which no device runs: one that never had any, else one whose
 * class went a while ago. TT_POLL_SLOTS_MAX: there is none. */
static size_t free_slot(const struct tt_loader *l, const struct tt_poll_class slots[])
{
  const struct tt_config *before = l->env->before;
  for (size_t i = 0; i < TT_POLL_SLOTS_MAX; i++)
    if (slots[i].every_us == 0)
      return i;
  for (size_t i = 0; i < TT_POLL_SLOTS_MAX; i++)
    if (!slots[i].name && !(i < before->n_polls && before->polls[i].name) &&
        !(l->env->polls_used && l->env->polls_used[i]))
      return i;
  return TT_POLL_SLOTS_MAX;
}

int tt_load_number_polls(struct tt_loader *l)
{
  const struct tt_config *before = l->env->before;
  struct tt_config *c = l->config;
  struct tt_poll_class slots[TT_POLL_SLOTS_MAX] = {0};
  bool is_placed[TT_POLL_CLASSES_MAX] = {false};
  if (!before)
    return 0;
  for (size_t i = 0; i < before->n_polls; i++) { /* what went stays without a name: devices may still run by it */
    slots[i] = before->polls[i];
    slots[i].name = NULL;
    for (size_t k = 0; k < c->n_polls; k++)
      if (is_same_class(&before->polls[i], &c->polls[k])) {
        slots[i] = c->polls[k];
        is_placed[k] = true;
      }
  }
  for (size_t k = 0; k < c->n_polls; k++) {
    size_t i = is_placed[k] ? TT_POLL_SLOTS_MAX : free_slot(l, slots);
    if (!is_placed[k] && i == TT_POLL_SLOTS_MAX) {
      tt_diag(l->diags, TT_SEVERITY_ERROR, "too-many-poll-classes", (struct tt_mark){0},
              "poll class %s has no place beside those that devices still run by; reload everything first",
              c->polls[k].name);
      continue;
    }
    if (!is_placed[k])
      slots[i] = c->polls[k];
  }
  c->n_polls = TT_POLL_SLOTS_MAX;
  while (slots[c->n_polls - 1].every_us == 0)
    c->n_polls--;
  memcpy(c->polls, slots, c->n_polls * sizeof *slots);
  return 0;
}

int tt_load_poll_class(struct tt_loader *l, const struct tt_item *item, int *ret_class)
{
  const char *names[TT_POLL_SLOTS_MAX + 1];
  size_t n = 0;
  char shown[TT_ITEM_SHOW_SIZE];
  struct tt_buf list TT_AUTOBUF = TT_BUF(0);
  bool is_text = item->kind == TT_ITEM_SCALAR && item->text[0];
  if (is_text && strcmp(item->text, TT_POLL_NEVER) == 0) {
    *ret_class = -1;
    return 0;
  }
  for (size_t i = 0; i < l->config->n_polls; i++) {
    const char *name = l->config->polls[i].name;
    if (!name)
      continue;
    names[n++] = name;
    tt_buf_printf(&list, "%s, ", name);
    if (is_text && strcmp(name, item->text) == 0) {
      *ret_class = (int)i;
      return 0;
    }
  }
  names[n++] = TT_POLL_NEVER;
  tt_diag(l->diags, TT_SEVERITY_ERROR, "unknown-poll-class", item->mark, "there is no poll class %s",
          tt_item_show(item, shown));
  const char *close = is_text ? tt_closest(item->text, names, n) : NULL;
  if (close)
    tt_diag_help(l->diags, "did you mean \"%s\"?", close);
  tt_diag_help(l->diags, "poll classes: %s%s", list.data ? list.data : "", TT_POLL_NEVER);
  return -EINVAL;
}

/* ---- Access ------------------------------------------------------------------------------------------- */

struct rule_options {
  struct tt_rule rule;
  int role;
};
static const struct tt_choice roles[] = {{"none", TT_ROLE_NONE},
                                         {"reader", TT_ROLE_READER},
                                         {"operator", TT_ROLE_OPERATOR},
                                         {"admin", TT_ROLE_ADMIN},
                                         {NULL, 0}};
const struct tt_option tt_rule_options[] = {
    {.name = "who",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct rule_options, rule.who),
     .flags = TT_OPTION_REQUIRED,
     .help = "An address (alice@example.org), everybody of a domain (@example.org), or a domain itself."},
    {.name = "role",
     .type = TT_OPTION_CHOICE,
     .offset = offsetof(struct rule_options, role),
     .choices = roles,
     .flags = TT_OPTION_REQUIRED,
     .help = "reader browses and reads, operator also controls, admin also decides who may; none is shut out."},
    {.name = "nodes",
     .type = TT_OPTION_TEXTS,
     .offset = offsetof(struct rule_options, rule.nodes),
     .help = "Patterns of nodes (house/**), all when absent; !pattern takes away again."},
    {.name = "fields",
     .type = TT_OPTION_TEXTS,
     .offset = offsetof(struct rule_options, rule.fields),
     .help = "Patterns of fields that may be read, all when absent; !pattern takes away again."},
    {.name = "parameters",
     .type = TT_OPTION_TEXTS,
     .offset = offsetof(struct rule_options, rule.parameters),
     .help = "Patterns of parameters that may be set, all when absent; !pattern takes away again."},
    TT_OPTION_END,
};

static int load_rule(struct tt_loader *l, struct tt_file *file, const struct tt_item *map, struct tt_rule *ret)
{
  static const char *const globs[] = {"nodes", "fields", "parameters"};
  struct tt_table_env env = tt_load_env(l, file);
  const struct tt_option *tables[] = {tt_rule_options};
  struct rule_options o = {0};
  int r = tt_table_expect_map(&env, map, "a rule");
  if (r < 0)
    return r;
  env.is_newer = false; /* what is not understood here might have shut somebody out */
  r = tt_table_check_keys(&env, tables, 1, map, "a rule");
  int q = tt_table_load(&env, tt_rule_options, map, "a rule", map->mark, &o);
  if (r < 0 || q < 0)
    return q < 0 ? q : r;
  const char *who = o.rule.who;
  if (!tt_load_is_jid(*who == '@' ? who + 1 : who, *who == '@' ? 0 : TT_JID_LOCAL, 0))
    r = tt_load_bad_jid(l, tt_item_get(map, "who"), "alice@example.org or @example.org");
  else if (!strpbrk(who, "@."))
    tt_diag(l->diags, TT_SEVERITY_WARNING, "who-is-server", tt_item_get(map, "who")->mark,
            "\"%s\" is taken for a domain itself; a person is %s@example.org", who, who);
  for (size_t i = 0; i < TT_COUNT(globs) && r == 0; i++)
    r = tt_load_globs(l, map, globs[i]);
  o.rule.role = (enum tt_role)o.role;
  o.rule.mark = map->mark;
  *ret = o.rule;
  return r;
}

int tt_load_access(struct tt_loader *l, struct tt_file *file)
{
  const struct tt_item *list = NULL;
  char shown[TT_ITEM_SHOW_SIZE];
  int r = tt_load_section(l, file, "access", &list);
  if (r < 0 || !list || tt_item_is_empty(list))
    return r;
  if (list->kind != TT_ITEM_LIST) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "wrong-type", list->mark, "\"access\" must be a list of rules, not %s",
            tt_item_show(list, shown));
    return -EINVAL;
  }
  if (list->n > TT_RULES_MAX) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "too-many-rules", list->mark, "there can be %d rules", TT_RULES_MAX);
    return -EINVAL;
  }
  struct tt_rule *rules = tt_arena_alloc(l->arena, list->n * sizeof *rules + 1);
  if (!rules)
    return -ENOMEM;
  for (size_t i = 0; i < list->n && r != -ENOMEM; i++) {
    int q = load_rule(l, file, list->items[i], &rules[i]);
    r = q < 0 ? q : r;
  }
  if (r == 0) { /* one wrong rule: nobody is let in by the others */
    l->config->rules = rules;
    l->config->n_rules = list->n;
  }
  return r;
}

/* ---- XMPP --------------------------------------------------------------------------------------------- */

struct xmpp_options {
  struct tt_xmpp_config config;
  struct tt_list rooms;
  struct tt_texts dialects;
  struct tt_list publish;
};
static const struct tt_option account_server_options[] = {
    {.name = "host",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct tt_server_config, host),
     .help = "Name or address to connect to; looked up from the address of the account when absent."},
    {.name = "port",
     .type = TT_OPTION_INTEGER,
     .offset = offsetof(struct tt_server_config, port),
     .min = 1,
     .max = 65535,
     .help = "Port of the server."},
    {.name = "ca",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct tt_server_config, ca),
     .flags = TT_OPTION_PATH,
     .help = "PEM file of a certificate authority to trust beside those of the system."},
    TT_OPTION_END,
};
static const struct tt_option component_server_options[] = {
    {.name = "host",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct tt_server_config, host),
     .preset = "127.0.0.1",
     .help = "Address to connect to; one that is not of this machine needs `trusted`."},
    {.name = "port",
     .type = TT_OPTION_INTEGER,
     .offset = offsetof(struct tt_server_config, port),
     .preset = "5347",
     .min = 1,
     .max = 65535,
     .help = "Port of the server for components."},
    {.name = "trusted",
     .type = TT_OPTION_BOOLEAN,
     .offset = offsetof(struct tt_server_config, is_trusted),
     .preset = "false",
     .help = "Everybody who can read or change what passes on the way to `host` may control the devices."},
    TT_OPTION_END,
};
static const struct tt_option account_options[] = {
    {.name = "jid",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct tt_account_config, jid),
     .flags = TT_OPTION_REQUIRED,
     .help = "Address of the gateway's own account: cellar-gw@example.org, a resource may follow."},
    {.name = "password",
     .type = TT_OPTION_SECRET,
     .offset = offsetof(struct tt_account_config, password),
     .flags = TT_OPTION_REQUIRED,
     .help = "Its password: ${credential:NAME}."},
    {.name = "server",
     .type = TT_OPTION_TABLE,
     .offset = offsetof(struct tt_account_config, server),
     .table = account_server_options,
     .help = "Where to connect, if not where DNS says."},
    TT_OPTION_END,
};
static const struct tt_option component_options[] = {
    {.name = "jid",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct tt_component_config, jid),
     .flags = TT_OPTION_REQUIRED,
     .help = "Domain of the component, as the server knows it: things.example.org."},
    {.name = "secret",
     .type = TT_OPTION_SECRET,
     .offset = offsetof(struct tt_component_config, secret),
     .flags = TT_OPTION_REQUIRED,
     .help = "The secret shared with the server: ${credential:NAME}."},
    {.name = "server",
     .type = TT_OPTION_TABLE,
     .offset = offsetof(struct tt_component_config, server),
     .table = component_server_options,
     .help = "The server's port for components. This stream is not encrypted."},
    TT_OPTION_END,
};
const struct tt_option tt_xmpp_options[] = {
    {.name = "account",
     .type = TT_OPTION_TABLE,
     .offset = offsetof(struct xmpp_options, config.account),
     .table = account_options,
     .help = "Log in as a client."},
    {.name = "component",
     .type = TT_OPTION_TABLE,
     .offset = offsetof(struct xmpp_options, config.component),
     .table = component_options,
     .help = "Join as a component (XEP-0114): for volume, as servers throttle clients."},
    {.name = "rooms",
     .type = TT_OPTION_LIST,
     .offset = offsetof(struct xmpp_options, rooms),
     .table = tt_room_options,
     .size = sizeof(struct tt_room),
     .help = "Chat rooms that the gateway is in: the account if there is one, else the component."},
    {.name = "dialects",
     .type = TT_OPTION_TEXTS,
     .offset = offsetof(struct xmpp_options, dialects),
     .help = "What is advertised: xep, nf, nfi, ieee; xep, nf and nfi when absent. All four are always answered."},
    {.name = "stanza_max",
     .type = TT_OPTION_INTEGER,
     .offset = offsetof(struct xmpp_options, config.stanza_max),
     .preset = "65536",
     .min = 10000,
     .max = 1048576,
     .help = "Bytes of the largest stanza that is sent. Servers close the stream above their own limit."},
    {.name = "control_by_message",
     .type = TT_OPTION_BOOLEAN,
     .offset = offsetof(struct xmpp_options, config.control_by_message),
     .preset = "true",
     .help = "Take set commands also in messages (XEP-0325 section 3.3)."},
    {.name = "compat_response_code",
     .type = TT_OPTION_BOOLEAN,
     .offset = offsetof(struct xmpp_options, config.compat_response_code),
     .preset = "true",
     .help = "Add the response codes that some clients (slixmpp) need."},
    {.name = "publish",
     .type = TT_OPTION_LIST,
     .offset = offsetof(struct xmpp_options, publish),
     .table = tt_publish_options,
     .size = sizeof(struct tt_publish),
     .help = "Values that are published to pubsub nodes (XEP-0060, XEP-0163); nothing else is."},
    TT_OPTION_END,
};

static int load_dialects(struct tt_loader *l, const struct tt_item *item, const struct tt_texts *texts,
                         unsigned *ret_dialects)
{
  const struct tt_choice *choice;
  *ret_dialects = item ? 0 : TT_DIALECT_XEP | TT_DIALECT_NF | TT_DIALECT_NFI;
  for (size_t i = 0; i < texts->n; i++) {
    for (choice = tt_dialect_choices; choice->name && strcmp(choice->name, texts->text[i]) != 0;)
      choice++;
    if (!choice->name) {
      tt_diag(l->diags, TT_SEVERITY_ERROR, "unknown-choice",
              item->kind == TT_ITEM_LIST ? item->items[i]->mark : item->mark, "\"dialects\" cannot have \"%s\"",
              texts->text[i]);
      tt_diag_help(l->diags, "it can have: xep, nf, nfi, ieee");
      return -EINVAL;
    }
    *ret_dialects |= (unsigned)choice->value;
  }
  return 0;
}

/* An address of this machine, which nobody else can listen on. A name may be anything's. */
static bool is_loopback(const char *host)
{
  struct in_addr v4;
  struct in6_addr v6;
  return (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET) ||
         (inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6)) || strcmp(host, "localhost") == 0;
}

static int check_component_server(struct tt_loader *l, const struct tt_server_config *server,
                                  const struct tt_item *item)
{
  if (server->is_trusted || is_loopback(server->host))
    return 0;
  tt_diag(l->diags, TT_SEVERITY_ERROR, "unencrypted", tt_item_get(item, "host")->mark,
          "the stream of a component is not encrypted, and \"%s\" is not an address of this machine", server->host);
  tt_diag_help(l->diags, "an account has TLS; `trusted: true` is for a network that nobody else is on");
  return -EINVAL;
}

int tt_load_xmpp(struct tt_loader *l, struct tt_file *file)
{
  struct tt_table_env env = tt_load_env(l, file);
  const struct tt_option *tables[] = {tt_xmpp_options};
  const struct tt_item *map = NULL;
  struct xmpp_options o = {0};
  int r = tt_load_section(l, file, "xmpp", &map);
  if (map && tt_item_is_empty(map))
    map = NULL;
  if (r == 0 && map)
    r = tt_table_expect_map(&env, map, "\"xmpp\"");
  if (r < 0)
    return r;
  if (map)
    r = tt_table_check_keys(&env, tables, 1, map, "xmpp");
  int q = tt_table_load(&env, tt_xmpp_options, map, "xmpp", map ? map->mark : (struct tt_mark){0}, &o);
  if (r < 0 || q < 0)
    return q < 0 ? q : r;
  const struct tt_item *account = tt_item_get(map, "account"), *component = tt_item_get(map, "component");
  o.config.account.is_set = account && !tt_item_is_null(account);
  o.config.component.is_set = component && !tt_item_is_null(component);
  if (o.config.account.is_set &&
      !tt_load_is_jid(o.config.account.jid, TT_JID_LOCAL | TT_JID_RESOURCE, TT_JID_LOCAL))
    r = tt_load_bad_jid(l, tt_item_get(account, "jid"), "cellar-gw@example.org");
  if (o.config.component.is_set && !tt_load_is_jid(o.config.component.jid, 0, 0))
    r = tt_load_bad_jid(l, tt_item_get(component, "jid"), "things.example.org");
  if (o.config.component.is_set && r == 0)
    r = check_component_server(l, &o.config.component.server, tt_item_get(component, "server"));
  if (r == 0)
    r = tt_load_rooms(l, tt_item_get(map, "rooms"), &o.rooms, &o.config);
  if (r == 0)
    r = load_dialects(l, tt_item_get(map, "dialects"), &o.dialects, &o.config.dialects);
  if (r == 0 && o.publish.n > 0)
    r = tt_load_publish(l, tt_item_get(map, "publish"), &o.publish, &o.config);
  if (r == 0)
    l->config->xmpp = o.config;
  return r;
}
