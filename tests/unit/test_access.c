/* SPDX-License-Identifier: Apache-2.0
 * Who may do what: a golden table, random rules against a small oracle, requests, and the file of accepted rules. */
#define _GNU_SOURCE
#include "trust/access.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka_all.h"

static const struct tt_now now = {.mono_us = 1, .wall_us = 1700000000000000};
static int address;
static struct tt_write any;

#define POINT(name_, write_)                                                                                       \
  {                                                                                                                \
    .name = (name_), .type = TT_TYPE_INT64, .address = &address, .write = (write_)                                 \
  }
static const struct tt_point points[] = {POINT("temperature", NULL),
                                         POINT("relay", &any),
                                         POINT("demand_period", &any),
                                         {.name = "hidden", .is_hidden = true, .address = &address, .write = &any}};

/* house/hall/lamp, house/cellar/meter, outside/sensor, loose, gateway, gateway/mqtt */
static struct tt_core *core_create(void)
{
  static const struct tt_node_spec specs[] = {
      {.kind = TT_NODE_DEVICE, .key = "lamp", .place = "house/hall", .points = points, .n_points = 4},
      {.kind = TT_NODE_DEVICE, .key = "meter", .place = "house/cellar", .points = points, .n_points = 4},
      {.kind = TT_NODE_DEVICE, .key = "sensor", .place = "outside", .points = points, .n_points = 4},
      {.kind = TT_NODE_DEVICE, .key = "loose", .points = points, .n_points = 4},
      {.kind = TT_NODE_GATEWAY, .key = "gateway", .points = points, .n_points = 1},
      {.kind = TT_NODE_CONNECTION, .key = "gateway/mqtt"},
  };
  struct tt_core *core = tt_core_create();
  struct tt_node *node;
  for (size_t i = 0; i < TT_COUNT(specs); i++)
    assert_int_equal(tt_tree_add(tt_core_tree(core), now, &specs[i], &node), 0);
  return core;
}

static struct tt_caller xmpp(const char *bare)
{
  return (struct tt_caller){.kind = TT_CALLER_XMPP, .jid = bare, .bare = bare, .language = ""};
}

/* ---- One answer as text: "house/hall/lamp:relay,demand_period" or "-" --------------------------------- */
static void write_down(void *user, enum tt_refusal refusal, const struct tt_grant *grants, size_t n)
{
  char *out = user;
  size_t used = 0;
  assert_int_equal(refusal, n > 0 ? TT_OK : TT_REFUSED_FORBIDDEN);
  used += (size_t)snprintf(out, 256, "%s", n > 0 ? grants[0].is_all ? "all" : "some" : "-");
  for (size_t i = 0; n > 0 && i < grants[0].n_names; i++)
    used += (size_t)snprintf(out + used, 256 - used, "%c%s", i ? ',' : ' ', grants[0].names[i]);
}

static const char *check(struct tt_access *access, struct tt_core *core, const struct tt_caller *caller,
                         enum tt_access_op op, const char *key, const char *name)
{
  static char out[256];
  struct tt_access_hooks hooks = tt_access_hooks(access, core);
  const struct tt_node *node = tt_tree_find(tt_core_tree(core), key, "", "");
  struct tt_access_query query = {
      .caller = caller, .op = op, .nodes = &node->id, .n_nodes = 1, .names = &name, .n_names = name ? 1 : 0};
  out[0] = '\0';
  hooks.check(hooks.user, &query, write_down, out);
  return out;
}

static const char *see(struct tt_access *access, struct tt_core *core, const struct tt_caller *caller,
                       const char *key)
{
  static const char *const names[] = {"none", "place", "full"};
  struct tt_access_hooks hooks = tt_access_hooks(access, core);
  return names[hooks.sight(hooks.user, caller, tt_tree_find(tt_core_tree(core), key, "", ""))];
}

#define TEXTS(...)                                                                                                 \
  {                                                                                                                \
    .text = (const char *[]){__VA_ARGS__}, .n = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)             \
  }

static const struct tt_rule rules[] = {
    {.who = "Admin@Example.org", .role = TT_ROLE_ADMIN},
    {.who = "bob@example.org",
     .role = TT_ROLE_OPERATOR,
     .nodes = TEXTS("house/**"),
     .parameters = TEXTS("*", "!demand_period")},
    {.who = "bob@example.org", .role = TT_ROLE_READER, .nodes = TEXTS("outside/*", "gateway/mqtt")},
    {.who = "@friends.example.org",
     .role = TT_ROLE_READER,
     .nodes = TEXTS("**", "!house/cellar/**"),
     .fields = TEXTS("temp*")},
    {.who = "foe@friends.example.org", .role = TT_ROLE_OPERATOR},
    {.who = "barred@other.example.org", .role = TT_ROLE_NONE},
    {.who = "@other.example.org", .role = TT_ROLE_OPERATOR, .nodes = TEXTS("!outside/**")},
    {.who = "hub.example.org", .role = TT_ROLE_READER, .nodes = TEXTS("loose")},
};

/* Every kind of caller against every operation: what a reviewer should read. */
static const struct {
  const char *bare;
  const char *node;
  const char *sight, *read, *control, *admin;
} golden[] = {
    {"stranger@example.org", "lamp", "none", "-", "-", "-"},
    {"admin@example.org.evil.org", "lamp", "none", "-", "-", "-"},
    {"аdmin@example.org", "lamp", "none", "-", "-", "-"},
    {"example.org", "lamp", "none", "-", "-", "-"},
    {"friends.example.org", "lamp", "none", "-", "-", "-"},
    {"admin@example.org", "lamp", "full", "all temperature,relay,demand_period", "all relay,demand_period", "all"},
    {"admin@example.org", "house", "full", "all", "all", "all"},
    {"admin@example.org", "gateway", "full", "all temperature", "all", "all"},
    {"admin@example.org", "gateway/mqtt", "full", "all", "all", "all"},
    {"bob@example.org", "house", "full", "all", "all", "-"},
    {"bob@example.org", "lamp", "full", "all temperature,relay,demand_period", "some relay", "-"},
    {"bob@example.org", "meter", "full", "all temperature,relay,demand_period", "some relay", "-"},
    {"bob@example.org", "outside", "place", "-", "-", "-"},
    {"bob@example.org", "sensor", "full", "all temperature,relay,demand_period", "-", "-"},
    {"bob@example.org", "loose", "none", "-", "-", "-"},
    {"bob@example.org", "gateway", "place", "-", "-", "-"},
    {"bob@example.org", "gateway/mqtt", "full", "all", "-", "-"},
    {"x@friends.example.org", "lamp", "full", "some temperature", "-", "-"},
    {"x@friends.example.org", "meter", "none", "-", "-", "-"},
    {"x@friends.example.org", "house/cellar", "none", "-", "-", "-"},
    {"x@friends.example.org", "house", "full", "all", "-", "-"},
    {"x@friends.example.org", "gateway", "none", "-", "-", "-"},
    /* the domain's rule comes first where it matches */
    {"foe@friends.example.org", "lamp", "full", "some temperature", "-", "-"},
    {"foe@friends.example.org", "meter", "full", "all temperature,relay,demand_period", "all relay,demand_period",
     "-"},
    {"barred@other.example.org", "lamp", "none", "-", "-", "-"},
    {"barred@other.example.org", "gateway", "none", "-", "-", "-"},
    {"y@other.example.org", "lamp", "full", "all temperature,relay,demand_period", "all relay,demand_period", "-"},
    {"y@other.example.org", "sensor", "none", "-", "-", "-"},
    {"y@other.example.org", "outside", "none", "-", "-", "-"},
    {"hub.example.org", "loose", "full", "all temperature,relay,demand_period", "-", "-"},
    {"hub.example.org", "lamp", "none", "-", "-", "-"},
    {"x@hub.example.org", "loose", "none", "-", "-", "-"},
};

static void test_golden_table(void **state)
{
  struct tt_core *core = core_create();
  struct tt_access *access;
  (void)state;
  assert_int_equal(tt_access_create(rules, TT_COUNT(rules), NULL, &access), 0);
  for (size_t i = 0; i < TT_COUNT(golden); i++) {
    const struct tt_caller caller = xmpp(golden[i].bare);
    const char *node = golden[i].node;
    bool is_good = !strcmp(see(access, core, &caller, node), golden[i].sight);
    is_good &= !strcmp(check(access, core, &caller, TT_ACCESS_READ, node, NULL), golden[i].read);
    is_good &= !strcmp(check(access, core, &caller, TT_ACCESS_CONTROL, node, NULL), golden[i].control);
    is_good &= !strcmp(check(access, core, &caller, TT_ACCESS_ADMIN, node, NULL), golden[i].admin);
    if (!is_good) {
      print_error("%s %s: %s", golden[i].bare, node, see(access, core, &caller, node));
      print_error(" read %s", check(access, core, &caller, TT_ACCESS_READ, node, NULL));
      print_error(" control %s", check(access, core, &caller, TT_ACCESS_CONTROL, node, NULL));
      fail_msg(" admin %s", check(access, core, &caller, TT_ACCESS_ADMIN, node, NULL));
    }
  }
  tt_access_destroy(access);
  tt_core_destroy(core);
}

static void test_names_asked_for(void **state)
{
  struct tt_core *core = core_create();
  const struct tt_caller bob = xmpp("bob@example.org"), friend = xmpp("x@friends.example.org");
  struct tt_access *access;
  (void)state;
  assert_int_equal(tt_access_create(rules, TT_COUNT(rules), NULL, &access), 0);
  assert_string_equal(check(access, core, &bob, TT_ACCESS_CONTROL, "lamp", "relay"), "all relay");
  assert_string_equal(check(access, core, &bob, TT_ACCESS_CONTROL, "lamp", "demand_period"), "-");
  assert_string_equal(check(access, core, &friend, TT_ACCESS_READ, "lamp", "temperature"), "all temperature");
  assert_string_equal(check(access, core, &friend, TT_ACCESS_READ, "lamp", "relay"), "-");
  assert_string_equal(check(access, core, &friend, TT_ACCESS_BROWSE, "lamp", NULL), "all");
  tt_access_destroy(access);
  tt_core_destroy(core);
}

static void test_roles_anywhere(void **state)
{
  static const struct {
    const char *bare;
    enum tt_role role;
  } cases[] = {{"admin@example.org", TT_ROLE_ADMIN},       {"bob@example.org", TT_ROLE_OPERATOR},
               {"x@friends.example.org", TT_ROLE_READER},  {"foe@friends.example.org", TT_ROLE_OPERATOR},
               {"barred@other.example.org", TT_ROLE_NONE}, {"hub.example.org", TT_ROLE_READER},
               {"nobody@example.org", TT_ROLE_NONE},       {"", TT_ROLE_NONE}};
  struct tt_access *access;
  struct tt_caller local = {.kind = TT_CALLER_CLI, .jid = "uid:0", .bare = "uid:0", .role = TT_ROLE_READER};
  (void)state;
  assert_int_equal(tt_access_create(rules, TT_COUNT(rules), NULL, &access), 0);
  struct tt_access_hooks hooks = tt_access_hooks(access, NULL);
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    struct tt_caller caller = xmpp(cases[i].bare);
    caller.role = TT_ROLE_ADMIN; /* what an XMPP caller says of itself is nothing */
    assert_int_equal(hooks.role(hooks.user, &caller), cases[i].role);
    assert_int_equal(tt_access_knows(access, cases[i].bare), cases[i].role != TT_ROLE_NONE);
  }
  assert_int_equal(hooks.role(hooks.user, &local), TT_ROLE_READER);
  local.kind = TT_CALLER_XMPP;
  local.bare = NULL;
  assert_int_equal(hooks.role(hooks.user, &local), TT_ROLE_NONE);
  tt_access_destroy(access);
}

static void test_local_callers_have_the_role_of_the_door(void **state)
{
  struct tt_core *core = core_create();
  struct tt_access *access;
  struct tt_caller caller = {.kind = TT_CALLER_CLI, .jid = "uid:7", .bare = "uid:7"};
  (void)state;
  assert_int_equal(tt_access_create(NULL, 0, NULL, &access), 0);
  assert_string_equal(see(access, core, &caller, "lamp"), "none");
  assert_string_equal(check(access, core, &caller, TT_ACCESS_READ, "lamp", NULL), "-");
  caller.role = TT_ROLE_OPERATOR;
  assert_string_equal(see(access, core, &caller, "gateway/mqtt"), "full");
  assert_string_equal(check(access, core, &caller, TT_ACCESS_READ, "lamp", NULL),
                      "all temperature,relay,demand_period");
  assert_string_equal(check(access, core, &caller, TT_ACCESS_CONTROL, "lamp", "relay"), "all relay");
  assert_string_equal(check(access, core, &caller, TT_ACCESS_ADMIN, "lamp", NULL), "-");
  tt_access_destroy(access);
  tt_core_destroy(core);
}

/* Other rules take the place of those before; what was accepted stays. */
static void test_other_rules(void **state)
{
  static const struct tt_rule before[] = {{.who = "a@x.test", .role = TT_ROLE_ADMIN}},
                              after[] = {{.who = "b@x.test", .role = TT_ROLE_READER}},
                              wrong[] = {{.who = "", .role = TT_ROLE_READER}};
  struct tt_access *access;
  (void)state;
  assert_int_equal(tt_access_create(before, 1, NULL, &access), 0);
  assert_int_equal(tt_access_accept(access, "c@x.test", TT_ROLE_READER, NULL), 0);
  assert_int_equal(tt_access_configure(access, wrong, 1), -EINVAL);
  assert_int_equal(tt_access_configure(access, after, TT_RULES_MAX + 1), -EINVAL);
  assert_true(tt_access_knows(access, "a@x.test"));
  assert_int_equal(tt_access_configure(access, after, 1), 0);
  assert_false(tt_access_knows(access, "a@x.test"));
  assert_true(tt_access_knows(access, "b@x.test"));
  assert_true(tt_access_knows(access, "c@x.test"));
  assert_int_equal(tt_access_configure(access, NULL, 0), 0);
  assert_false(tt_access_knows(access, "b@x.test"));
  tt_access_destroy(access);
}

static void test_rules_that_are_none(void **state)
{
  static const char *const bad[] = {"", "@", "alice@", "alice@example.org/phone", "@a@b", "a b@c", "*", "alice@*"};
  struct tt_access *access = NULL;
  (void)state;
  for (size_t i = 0; i < TT_COUNT(bad); i++) {
    const struct tt_rule rule = {.who = bad[i], .role = TT_ROLE_ADMIN};
    assert_int_equal(tt_access_create(&rule, 1, NULL, &access), -EINVAL);
  }
  assert_null(access);
  struct tt_rule *many = calloc(TT_RULES_MAX + 1, sizeof *many);
  for (size_t i = 0; i < TT_RULES_MAX + 1; i++)
    many[i] = (struct tt_rule){.who = "a@b", .role = TT_ROLE_READER};
  assert_int_equal(tt_access_create(many, TT_RULES_MAX + 1, NULL, &access), -EINVAL);
  assert_int_equal(tt_access_create(many, TT_RULES_MAX, NULL, &access), 0);
  assert_int_equal(tt_access_accept(access, "c@d", TT_ROLE_READER, NULL), -ENOSPC);
  tt_access_destroy(access);
  tt_access_destroy(NULL);
  free(many);
}

/* ---- Random rules against an oracle ------------------------------------------------------------------- */
/* The oracle is written from the words of the manual, over tables of who is whom and which glob holds what, and
 * shares no code with what it judges. */
#define N_WHO   6
#define N_GLOBS 8
static const char *const who[N_WHO] = {"a@x.org", "b@x.org", "@x.org", "@y.org", "a@y.org", "hub.org"};
static const char *const callers[] = {"a@x.org", "b@x.org", "c@x.org", "a@y.org", "hub.org", "x.org"};
static const bool is_him[N_WHO][TT_COUNT(callers)] = {
    {1, 0, 0, 0, 0, 0}, {0, 1, 0, 0, 0, 0}, {1, 1, 1, 0, 0, 0},
    {0, 0, 0, 1, 0, 0}, {0, 0, 0, 1, 0, 0}, {0, 0, 0, 0, 1, 0},
};
enum { HOUSE, HALL, LAMP, CELLAR, METER, OUTSIDE, SENSOR, LOOSE, GATEWAY, MQTT, N_NODES };
static const char *const keys[N_NODES] = {"house",   "house/hall", "lamp",  "house/cellar", "meter",
                                          "outside", "sensor",     "loose", "gateway",      "gateway/mqtt"};
static const int parents[N_NODES] = {-1, HOUSE, HALL, HOUSE, CELLAR, -1, OUTSIDE, -1, -1, GATEWAY};
static const char *const globs[N_GLOBS] = {"**", "house/**",    "house/*",    "house/hall/lamp",
                                           "*",  "out*/sens?r", "gateway/**", "**/meter"};
static const bool holds[N_GLOBS][N_NODES] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 0, 0, 0, 0, 0}, {0, 1, 0, 1, 0, 0, 0, 0, 0, 0},
    {0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, {1, 0, 0, 0, 0, 1, 0, 1, 1, 0}, {0, 0, 0, 0, 0, 0, 1, 0, 0, 0},
    {0, 0, 0, 0, 0, 0, 0, 0, 1, 1}, {0, 0, 0, 0, 1, 0, 0, 0, 0, 0},
};
#define N_NAMES 3
static const char *const name_globs[N_NAMES + 1] = {"temperature", "relay", "demand_period", "*r*"};
static const bool name_holds[N_NAMES + 1][N_NAMES] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 1}};

struct list {
  int n, what[3];
  bool is_out[3];
};

struct oracle_rule {
  int who, role;
  struct list nodes, fields, parameters;
};

static uint32_t seed = 20261122;
static int roll(int n)
{
  seed = seed * 1664525 + 1013904223;
  return (int)((seed >> 10) % (uint32_t)n);
}

static struct list random_list(int n_globs, const char *const texts[], const char **out)
{
  static const char *const excluded_nodes[N_GLOBS] = {"!**", "!house/**",    "!house/*",    "!house/hall/lamp",
                                                      "!*",  "!out*/sens?r", "!gateway/**", "!**/meter"};
  static const char *const excluded_names[N_NAMES + 1] = {"!temperature", "!relay", "!demand_period", "!*r*"};
  struct list list = {.n = roll(4)};
  for (int i = 0; i < list.n; i++) {
    list.what[i] = roll(n_globs);
    list.is_out[i] = roll(3) == 0;
    const char *const *excluded = n_globs == N_GLOBS ? excluded_nodes : excluded_names;
    out[i] = list.is_out[i] ? excluded[list.what[i]] : texts[list.what[i]];
  }
  return list;
}

static bool in_list(const struct list *list, const bool *const table[], int item)
{
  bool is_in = false, has_in = false;
  for (int i = 0; i < list->n; i++) {
    bool hit = table[list->what[i]][item];
    if (list->is_out[i] && hit)
      return false;
    has_in |= !list->is_out[i];
    is_in |= !list->is_out[i] && hit;
  }
  return is_in || !has_in;
}

static const struct oracle_rule *oracle_rule(const struct oracle_rule *list, int n, int caller, int node)
{
  const bool *table[N_GLOBS];
  for (int i = 0; i < N_GLOBS; i++)
    table[i] = holds[i];
  for (int i = 0; i < n; i++) {
    bool on_purpose = false;
    if (!is_him[list[i].who][caller] || !in_list(&list[i].nodes, table, node))
      continue;
    for (int j = 0; j < list[i].nodes.n; j++)
      on_purpose |= !list[i].nodes.is_out[j] && list[i].nodes.what[j] == 6 && holds[6][node];
    if ((node == GATEWAY || node == MQTT) && list[i].role != TT_ROLE_ADMIN && list[i].role != TT_ROLE_NONE &&
        !on_purpose)
      continue;
    return &list[i];
  }
  return NULL;
}

static int oracle_role(const struct oracle_rule *list, int n, int caller, int node)
{
  const struct oracle_rule *rule = oracle_rule(list, n, caller, node);
  return rule ? rule->role : TT_ROLE_NONE;
}

static enum tt_sight oracle_sight(const struct oracle_rule *list, int n, int caller, int node)
{
  if (oracle_role(list, n, caller, node) != TT_ROLE_NONE)
    return TT_SIGHT_FULL;
  for (int i = 0; i < N_NODES; i++)
    for (int up = parents[i]; up >= 0; up = parents[up])
      if (up == node && oracle_role(list, n, caller, i) != TT_ROLE_NONE)
        return TT_SIGHT_PLACE;
  return TT_SIGHT_NONE;
}

/* Which names remain, as bits. */
static unsigned oracle_names(const struct oracle_rule *list, int n, int caller, int node, enum tt_access_op op,
                             unsigned asked)
{
  const struct oracle_rule *rule = oracle_rule(list, n, caller, node);
  const bool *table[N_NAMES + 1];
  unsigned names = 0;
  for (int i = 0; i < N_NAMES + 1; i++)
    table[i] = name_holds[i];
  if (!rule || rule->role < (op == TT_ACCESS_READ ? TT_ROLE_READER : TT_ROLE_OPERATOR))
    return 0;
  for (int i = 0; i < N_NAMES; i++)
    if ((asked >> i & 1) && in_list(op == TT_ACCESS_READ ? &rule->fields : &rule->parameters, table, i))
      names |= 1u << i;
  return names;
}

struct seen {
  tt_id ids[N_NODES];
  unsigned names[N_NODES];
  bool is_granted[N_NODES], is_all[N_NODES];
};

static void note_grants(void *user, enum tt_refusal refusal, const struct tt_grant *grants, size_t n)
{
  struct seen *seen = user;
  assert_int_equal(refusal, n > 0 ? TT_OK : TT_REFUSED_FORBIDDEN);
  for (size_t i = 0; i < n; i++)
    for (int node = 0; node < N_NODES; node++) {
      if (seen->ids[node] != grants[i].node)
        continue;
      assert_false(seen->is_granted[node]);
      seen->is_granted[node] = true;
      seen->is_all[node] = grants[i].is_all;
      for (size_t j = 0; j < grants[i].n_names; j++)
        for (int k = 0; k < N_NAMES; k++)
          if (!strcmp(grants[i].names[j], name_globs[k]))
            seen->names[node] |= 1u << k;
    }
}

static void compare_with_oracle(struct tt_access_hooks *hooks, struct tt_core *core, const struct oracle_rule *list,
                                int n, int caller_number)
{
  struct tt_caller caller = xmpp(callers[caller_number]);
  enum tt_access_op op = roll(2) ? TT_ACCESS_READ : TT_ACCESS_CONTROL;
  const char *names[N_NAMES];
  unsigned asked = (unsigned)roll(8);
  size_t n_names = 0;
  struct seen seen = {0};
  for (int k = 0; k < N_NAMES; k++)
    if (asked >> k & 1)
      names[n_names++] = name_globs[k];
  for (int node = 0; node < N_NODES; node++) {
    struct tt_node *at = tt_tree_find(tt_core_tree(core), keys[node], "", "");
    seen.ids[node] = at->id;
    assert_int_equal(hooks->sight(hooks->user, &caller, at), oracle_sight(list, n, caller_number, node));
  }
  const struct tt_access_query query = {
      .caller = &caller, .op = op, .nodes = seen.ids, .n_nodes = N_NODES, .names = names, .n_names = n_names};
  hooks->check(hooks->user, &query, note_grants, &seen);
  for (int node = 0; node < N_NODES; node++) {
    bool is_device = node == LAMP || node == METER || node == SENSOR || node == LOOSE;
    unsigned own = n_names > 0       ? asked
                   : is_device       ? op == TT_ACCESS_READ ? 7u : 6u
                   : node == GATEWAY ? op == TT_ACCESS_READ ? 1u : 0u
                                     : 0u;
    unsigned expected = oracle_names(list, n, caller_number, node, op, own);
    int needed = op == TT_ACCESS_READ ? TT_ROLE_READER : TT_ROLE_OPERATOR;
    bool is_granted = oracle_role(list, n, caller_number, node) >= needed && (expected || !own);
    assert_int_equal(seen.is_granted[node], is_granted);
    assert_int_equal(seen.names[node], is_granted ? expected : 0);
    assert_int_equal(seen.is_all[node], is_granted && expected == own);
  }
}

static void test_random_rules_against_the_oracle(void **state)
{
  struct tt_core *core = core_create();
  (void)state;
  for (int round = 0; round < 3000; round++) {
    struct oracle_rule list[6];
    struct tt_rule real[6];
    const char *texts[6][3][3];
    int n = roll(7);
    for (int i = 0; i < n; i++) {
      list[i] = (struct oracle_rule){.who = roll(N_WHO), .role = roll(4)};
      list[i].nodes = random_list(N_GLOBS, globs, texts[i][0]);
      list[i].fields = random_list(N_NAMES + 1, name_globs, texts[i][1]);
      list[i].parameters = random_list(N_NAMES + 1, name_globs, texts[i][2]);
      real[i] = (struct tt_rule){.who = who[list[i].who],
                                 .role = (enum tt_role)list[i].role,
                                 .nodes = {texts[i][0], (size_t)list[i].nodes.n},
                                 .fields = {texts[i][1], (size_t)list[i].fields.n},
                                 .parameters = {texts[i][2], (size_t)list[i].parameters.n}};
    }
    struct tt_access *access;
    assert_int_equal(tt_access_create(real, (size_t)n, NULL, &access), 0);
    struct tt_access_hooks hooks = tt_access_hooks(access, core);
    for (size_t caller = 0; caller < TT_COUNT(callers); caller++)
      compare_with_oracle(&hooks, core, list, n, (int)caller);
    tt_access_destroy(access);
  }
  tt_core_destroy(core);
}

/* ---- Requests and the file ---------------------------------------------------------------------------- */
static char dir[64];

static int make_dir(void **state)
{
  (void)state;
  strcpy(dir, "/tmp/tt-access-XXXXXX");
  return mkdtemp(dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
  (void)st;
  (void)flag;
  (void)ftw;
  return remove(path);
}

static int remove_dir(void **state)
{
  (void)state;
  return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void write_rules(const char *text)
{
  char path[96];
  snprintf(path, sizeof path, "%s/rules.json", dir);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static char heard[256];
static void hear(void *user, const char *bare, bool is_accepted)
{
  size_t n = strlen(heard);
  (void)user;
  snprintf(heard + n, sizeof heard - n, "%c%s ", is_accepted ? '+' : '-', bare);
}

static void test_requests(void **state)
{
  struct tt_access *access;
  struct tt_request requests[TT_REQUESTS_MAX + 1];
  char jid[64];
  (void)state;
  heard[0] = '\0';
  assert_int_equal(tt_access_create(rules, TT_COUNT(rules), dir, &access), 0);
  tt_access_listen(access, hear, NULL);
  tt_access_request(access, now, "New@example.org/x", "gw@house.test");
  tt_access_request(access, now, "new@example.org", "other@house.test");
  tt_access_request(access, now, "not a jid", "gw@house.test");
  assert_int_equal(tt_access_requests(access, requests, TT_COUNT(requests)), 1);
  assert_string_equal(requests[0].bare, "new@example.org");
  assert_string_equal(requests[0].via, "gw@house.test");
  assert_int_equal(requests[0].stamp_us, now.wall_us);
  assert_int_equal(tt_access_deny(access, "who@example.org"), -ENOENT);
  assert_int_equal(tt_access_deny(access, "new@example.org"), 0);
  assert_int_equal(tt_access_requests(access, requests, TT_COUNT(requests)), 0);
  for (int i = 0; i < TT_REQUESTS_MAX + 5; i++) {
    snprintf(jid, sizeof jid, "user%d@example.org", i);
    tt_access_request(access, now, jid, "gw@house.test");
  }
  assert_int_equal(tt_access_requests(access, requests, TT_COUNT(requests)), TT_REQUESTS_MAX);
  assert_string_equal(requests[0].bare, "user5@example.org");
  assert_int_equal(tt_access_accept(access, "user7@example.org", TT_ROLE_READER, "outside/**"), 0);
  assert_int_equal(tt_access_requests(access, requests, TT_COUNT(requests)), TT_REQUESTS_MAX - 1);
  assert_string_equal(heard, "-new@example.org +user7@example.org ");
  assert_int_equal(tt_access_requests(access, requests, 3), 3);
  tt_access_destroy(access);
}

/* Consent for one thing is for that thing alone. */
static void test_requests_for_things(void **state)
{
  struct tt_access *access;
  struct tt_request requests[16];
  static char path[] = "house/hall/plug", place_path[] = "house", odd_path[] = "house/*";
  struct tt_node plug = {.kind = TT_NODE_DEVICE, .path = path}, odd = {.kind = TT_NODE_DEVICE, .path = odd_path},
                 place = {.kind = TT_NODE_PLACE, .path = place_path};
  struct tt_core *core = core_create();
  (void)state;
  assert_int_equal(tt_access_create(NULL, 0, NULL, &access), 0);
  tt_core_set_access(core, tt_access_hooks(access, core));
  for (int i = 0; i < 2; i++) {
    tt_access_request_thing(access, now, "one@example.org/x", "plug@gw", &plug);
    tt_access_request_thing(access, now, "one@example.org", "house@gw", &place);
    tt_access_request_thing(access, now, "all@example.org", "plug@gw", &plug);
    tt_access_request(access, now, "all@example.org", "gw");
    tt_access_request_thing(access, now, "odd@example.org", "odd@gw", &odd);
  }
  assert_int_equal(tt_access_requests(access, requests, 16), 5);
  assert_string_equal(requests[0].nodes, "house/hall/plug");
  assert_string_equal(requests[0].via, "plug@gw");
  assert_string_equal(requests[1].nodes, "house/**");
  assert_null(requests[3].nodes);
  assert_string_equal(requests[4].nodes, "");

  assert_int_equal(tt_access_accept(access, "one@example.org", TT_ROLE_READER, NULL), 0);
  assert_int_equal(tt_access_accept(access, "all@example.org", TT_ROLE_READER, NULL), 0);
  assert_int_equal(tt_access_accept(access, "odd@example.org", TT_ROLE_READER, NULL), -ENOTUNIQ);
  assert_int_equal(tt_access_requests(access, requests, 16), 1);
  assert_false(tt_access_knows(access, "odd@example.org"));
  assert_int_equal(tt_access_accept(access, "odd@example.org", TT_ROLE_READER, "house/?"), 0);
  struct tt_access_hooks hooks = tt_access_hooks(access, core);
  const struct tt_caller one = xmpp("one@example.org"), all = xmpp("all@example.org");
  struct tt_node elsewhere = {.kind = TT_NODE_DEVICE, .path = "cellar/meter"};
  assert_int_equal(hooks.sight(access, &one, &plug), TT_SIGHT_FULL);
  assert_int_equal(hooks.sight(access, &one, &place), TT_SIGHT_FULL);
  assert_int_equal(hooks.sight(access, &one, &elsewhere), TT_SIGHT_NONE);
  assert_int_equal(hooks.sight(access, &all, &elsewhere), TT_SIGHT_FULL);

  /* One JID takes no more than its share of the list, and is denied all of it at once. */
  char paths[TT_REQUESTS_PER_JID + 3][8];
  for (int i = 0; i < TT_REQUESTS_PER_JID + 3; i++) {
    snprintf(paths[i], sizeof(paths[i]), "p%d", i);
    tt_access_request_thing(access, now, "many@example.org", "x@gw",
                            &(struct tt_node){.kind = TT_NODE_DEVICE, .path = paths[i]});
  }
  assert_int_equal(tt_access_requests(access, requests, 16), TT_REQUESTS_PER_JID);
  assert_int_equal(tt_access_deny(access, "many@example.org"), 0);
  assert_int_equal(tt_access_requests(access, requests, 16), 0);
  tt_core_destroy(core);
  tt_access_destroy(access);
}

static void test_accepted_rules_last(void **state)
{
  struct tt_core *core = core_create();
  const struct tt_caller caller = xmpp("new@example.org"), bob = xmpp("bob@example.org");
  const struct tt_caller cousin = xmpp("c@cousins.example.org");
  struct tt_access *access;
  char path[96];
  struct stat st;
  (void)state;
  assert_int_equal(tt_access_create(rules, TT_COUNT(rules), dir, &access), 0);
  assert_false(tt_access_knows(access, "new@example.org"));
  assert_int_equal(tt_access_accept(access, "New@Example.org/phone", TT_ROLE_OPERATOR, "house/**"), 0);
  assert_int_equal(tt_access_accept(access, "@cousins.example.org", TT_ROLE_READER, NULL), 0);
  assert_int_equal(tt_access_accept(access, "bob@example.org", TT_ROLE_ADMIN, NULL), 0);
  assert_int_equal(tt_access_accept(access, "bad jid", TT_ROLE_READER, NULL), -EINVAL);
  assert_int_equal(tt_access_accept(access, "a@b", TT_ROLE_NONE, NULL), -EINVAL);
  assert_int_equal(tt_access_accept(access, "a@b", TT_ROLE_READER, ""), -EINVAL);
  for (int again = 0; again < 2; again++) {
    assert_true(tt_access_knows(access, "new@example.org"));
    assert_string_equal(see(access, core, &caller, "lamp"), "full");
    assert_string_equal(see(access, core, &caller, "sensor"), "none");
    assert_string_equal(check(access, core, &caller, TT_ACCESS_CONTROL, "lamp", "relay"), "all relay");
    assert_string_equal(see(access, core, &cousin, "sensor"), "full");
    /* what is configured comes first; what is accepted adds */
    assert_string_equal(check(access, core, &bob, TT_ACCESS_CONTROL, "lamp", "demand_period"), "-");
    assert_string_equal(see(access, core, &bob, "loose"), "full");
    tt_access_destroy(access);
    assert_int_equal(tt_access_create(rules, TT_COUNT(rules), dir, &access), 0);
  }
  /* a later decision about the same takes the place of the earlier, one about less goes before it */
  assert_int_equal(tt_access_accept(access, "new@example.org", TT_ROLE_READER, "house/**"), 0);
  assert_string_equal(check(access, core, &caller, TT_ACCESS_CONTROL, "lamp", "relay"), "-");
  assert_int_equal(tt_access_accept(access, "new@example.org", TT_ROLE_OPERATOR, "house/hall/*"), 0);
  assert_string_equal(check(access, core, &caller, TT_ACCESS_CONTROL, "lamp", "relay"), "all relay");
  assert_string_equal(check(access, core, &caller, TT_ACCESS_CONTROL, "meter", "relay"), "-");
  snprintf(path, sizeof path, "%s/rules.json", dir);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 07777 & ~0640, 0);
  snprintf(path, sizeof path, "%s/rules.json.tmp", dir);
  assert_int_equal(stat(path, &st), -1);
  tt_access_destroy(access);
  tt_core_destroy(core);
}

/* An admin of some nodes is none of the gateway; whoever is first turned away from it is none, either. */
static void test_admins_of_the_gateway(void **state)
{
  static const char *const lists[][2] = {
      {"house/**", NULL}, {"**", "!house/**"}, {"gateway", NULL}, {"**", "!gateway"}};
  static const bool is_one[] = {false, true, true, false};
  struct tt_core *core = core_create();
  (void)state;
  for (size_t i = 0; i < TT_COUNT(lists); i++) {
    const char *list[] = {lists[i][0], lists[i][1]};
    const struct tt_rule some[] = {
        {.who = "a@b.example", .role = TT_ROLE_ADMIN, .nodes = {.text = list, .n = lists[i][1] ? 2 : 1}},
        {.who = "b.example", .role = TT_ROLE_READER},
        {.who = "@b.example", .role = TT_ROLE_ADMIN}};
    struct tt_access *access;
    assert_int_equal(tt_access_create(some, 2, NULL, &access), 0);
    tt_access_hooks(access, core);
    assert_int_equal(tt_access_is_admin(access, "a@b.example"), is_one[i]);
    assert_false(tt_access_is_admin(access, "b.example"));
    assert_false(tt_access_is_admin(access, "c@b.example"));
    tt_access_destroy(access);
    assert_int_equal(tt_access_create(some, 3, NULL, &access), 0);
    tt_access_hooks(access, core);
    assert_true(tt_access_is_admin(access, "c@b.example"));
    tt_access_destroy(access);
  }
  tt_core_destroy(core);
}

static void test_what_was_accepted_is_revoked(void **state)
{
  static const char *const dirs[] = {dir, NULL};
  (void)state;
  for (size_t i = 0; i < TT_COUNT(dirs); i++) {
    struct tt_access *access;
    heard[0] = '\0';
    assert_int_equal(tt_access_create(rules, TT_COUNT(rules), dirs[i], &access), 0);
    tt_access_listen(access, hear, NULL);
    assert_int_equal(tt_access_accept(access, "new@else.example", TT_ROLE_READER, "house/**"), 0);
    assert_int_equal(tt_access_accept(access, "new@else.example", TT_ROLE_OPERATOR, "outside/**"), 0);
    assert_int_equal(tt_access_accept(access, "@else.example", TT_ROLE_READER, NULL), 0);
    struct tt_access_rule list[TT_COUNT(rules) + 8];
    assert_int_equal(tt_access_rules(access, list, TT_COUNT(list)), TT_COUNT(rules) + 3);
    assert_ptr_equal(list[0].rule, &rules[0]);
    assert_false(list[TT_COUNT(rules) - 1].is_accepted);
    assert_true(list[TT_COUNT(rules)].is_accepted);
    assert_string_equal(list[TT_COUNT(rules)].rule->who,
                        "@else.example"); /* the newest first, as they are looked at */
    assert_int_equal(tt_access_rules(access, list, 2), 2);
    assert_int_equal(tt_access_revoke(access, "nobody@else.example"), -ENOENT);
    assert_int_equal(tt_access_revoke(access, "no jid"), -EINVAL);
    assert_int_equal(tt_access_revoke(access, rules[0].who), -ENOENT); /* of the configuration */
    assert_int_equal(tt_access_revoke(access, "New@else.example/phone"), 0);
    assert_true(tt_access_knows(access, "new@else.example")); /* by its domain */
    assert_int_equal(tt_access_revoke(access, "@else.example"), 0);
    assert_false(tt_access_knows(access, "new@else.example"));
    assert_string_equal(heard,
                        "+new@else.example +new@else.example +@else.example -new@else.example -@else.example ");
    tt_access_destroy(access);
    assert_int_equal(tt_access_create(rules, TT_COUNT(rules), dirs[i], &access), 0);
    assert_false(tt_access_knows(access, "new@else.example"));
    tt_access_destroy(access);
  }
}

/* A domain that is let in has nobody waiting. */
static void test_a_domain_is_accepted(void **state)
{
  struct tt_access *access;
  struct tt_request requests[3];
  (void)state;
  assert_int_equal(tt_access_create(NULL, 0, NULL, &access), 0);
  tt_access_request(access, now, "a@else.example", "gw@house.test");
  tt_access_request(access, now, "a@other.example", "gw@house.test");
  tt_access_request(access, now, "b@else.example", "gw@house.test");
  assert_int_equal(tt_access_accept(access, "@Else.example", TT_ROLE_READER, NULL), 0);
  assert_int_equal(tt_access_requests(access, requests, 3), 1);
  assert_string_equal(requests[0].bare, "a@other.example");
  tt_access_destroy(access);
}

static void test_a_rule_that_cannot_be_kept_is_not_made(void **state)
{
  struct tt_access *access;
  char path[96];
  (void)state;
  assert_int_equal(tt_access_create(NULL, 0, dir, &access), 0);
  assert_int_equal(rmdir(dir), 0);
  assert_int_equal(tt_access_accept(access, "a@b", TT_ROLE_READER, NULL), -ENOENT);
  assert_false(tt_access_knows(access, "a@b"));
  assert_int_equal(mkdir(dir, 0700), 0);
  assert_int_equal(tt_access_accept(access, "a@b", TT_ROLE_READER, NULL), 0);
  snprintf(path, sizeof path, "%s/rules.json", dir);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(rmdir(dir), 0);
  assert_int_equal(tt_access_revoke(access, "a@b"), -ENOENT);
  assert_true(tt_access_knows(access, "a@b")); /* it would come back with the next start */
  assert_int_equal(mkdir(dir, 0700), 0);
  assert_int_equal(tt_access_revoke(access, "a@b"), 0);
  assert_false(tt_access_knows(access, "a@b"));
  tt_access_destroy(access);
}

static void test_without_a_directory_nothing_persists(void **state)
{
  struct tt_access *access;
  (void)state;
  assert_int_equal(tt_access_create(NULL, 0, NULL, &access), 0);
  assert_int_equal(tt_access_accept(access, "a@b", TT_ROLE_READER, NULL), 0);
  assert_true(tt_access_knows(access, "a@b"));
  tt_access_destroy(access);
}

static void test_broken_files_let_nobody_in(void **state)
{
#define RULE "{\"who\": \"a@b\", \"role\": \"admin\"}"
  static const char *const bad[] = {
      "",
      "[]",
      "{}",
      "{\"version\": 1}",
      "{\"version\": 1, \"rules\": [" RULE "]",
      "{\"version\": 1, \"rules\": [" RULE "]} x",
      "{\"version\": 2, \"rules\": [" RULE "]}",
      "{\"version\": \"1\", \"rules\": [" RULE "]}",
      "{\"version\": 1, \"rules\": {}}",
      "{\"version\": 1, \"rules\": [" RULE "], \"more\": 1}",
      "{\"version\": 1, \"rules\": [" RULE ", 1]}",
      "{\"version\": 1, \"rules\": [" RULE ", {\"who\": \"c@d\"}]}",
      "{\"version\": 1, \"rules\": [" RULE ", {\"who\": \"c@d\", \"role\": \"king\"}]}",
      "{\"version\": 1, \"rules\": [" RULE ", {\"who\": \"c d\", \"role\": \"admin\"}]}",
      "{\"version\": 1, \"rules\": [" RULE ", {\"who\": \"c@d\\u0000\", \"role\": \"admin\"}]}",
      "{\"version\": 1, \"rules\": [" RULE ", {\"who\": \"c@d\", \"role\": \"admin\", \"fields\": [\"x\"]}]}",
      "{\"version\": 1, \"rules\": [" RULE ", {\"who\": \"c@d\", \"role\": \"admin\", \"nodes\": []}]}",
      "{\"version\": 1, \"rules\": [" RULE ", {\"who\": \"c@d\", \"role\": \"admin\", \"nodes\": [\"\"]}]}",
      "{\"version\": 1, \"rules\": [" RULE ", {\"who\": \"c@d\", \"role\": \"admin\", \"nodes\": [1]}]}",
      "{\"version\": 1, \"rules\": [" RULE ", {\"who\": \"c@d\", \"role\": \"admin\", \"nodes\": \"x\"}]}",
      "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
      "\xff\xfe",
  };
  struct tt_access *access = NULL;
  char path[96];
  (void)state;
  for (size_t i = 0; i < TT_COUNT(bad); i++) {
    write_rules(bad[i]);
    if (tt_access_create(NULL, 0, dir, &access) != -EIO)
      fail_msg("%s", bad[i]);
  }
  write_rules("{\"version\": 1, \"rules\": [" RULE "]}\n");
  assert_int_equal(tt_access_create(NULL, 0, dir, &access), 0);
  assert_true(tt_access_knows(access, "a@b"));
  tt_access_destroy(access);
  /* too large, a link, a directory */
  snprintf(path, sizeof path, "%s/rules.json", dir);
  assert_int_equal(truncate(path, 4 * 1024 * 1024 + 1), 0);
  assert_int_equal(tt_access_create(NULL, 0, dir, &access), -EIO);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(symlink("/dev/null", path), 0);
  assert_int_equal(tt_access_create(NULL, 0, dir, &access), -EIO);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(mkdir(path, 0700), 0);
  assert_int_equal(tt_access_create(NULL, 0, dir, &access), -EIO);
}

#define IN_DIR(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_other_rules),
      cmocka_unit_test(test_golden_table),
      cmocka_unit_test(test_names_asked_for),
      cmocka_unit_test(test_roles_anywhere),
      cmocka_unit_test(test_local_callers_have_the_role_of_the_door),
      cmocka_unit_test(test_rules_that_are_none),
      cmocka_unit_test(test_random_rules_against_the_oracle),
      IN_DIR(test_requests),
      cmocka_unit_test(test_requests_for_things),
      IN_DIR(test_accepted_rules_last),
      cmocka_unit_test(test_admins_of_the_gateway),
      IN_DIR(test_what_was_accepted_is_revoked),
      IN_DIR(test_a_domain_is_accepted),
      IN_DIR(test_a_rule_that_cannot_be_kept_is_not_made),
      cmocka_unit_test(test_without_a_directory_nothing_persists),
      IN_DIR(test_broken_files_let_nobody_in),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
