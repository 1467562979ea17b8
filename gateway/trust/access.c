/* SPDX-License-Identifier: Apache-2.0
 * access.c: who may do what (access.h). The rules of one caller are found by binary search over `who`; among them
 * the first that matches the node decides. */
#include "access.h"

#include "rules.h"

#include <assert.h>

#define BARE_MAX      3072
#define LISTENERS_MAX 8

/* A rule by whom it is about. */
struct entry {
  char *who; /* normalised; owned */
  const struct tt_rule *rule;
  size_t order;
};

struct request {
  char *bare, *via;
  uint64_t stamp_us;
  char *nodes; /* NULL: all */
};

struct tt_access {
  struct tt_core *core;
  const struct tt_rule *configured;
  size_t n_configured;
  struct tt_rule **accepted; /* newest first: a later decision about the same nodes wins */
  size_t n_accepted;
  struct entry *index; /* all of them, by (who, order) */
  size_t n_index;
  char *state_dir;
  struct request requests[TT_REQUESTS_MAX]; /* oldest first */
  size_t n_requests;
  struct {
    void (*fn)(void *user, const char *who, bool is_accepted);
    void *user;
  } listeners[LISTENERS_MAX];
  size_t n_listeners;
};

/* ---- The index --------------------------------------------------------------------------------------- */
static int compare_entries(const void *a, const void *b)
{
  const struct entry *x = a, *y = b;
  int by_who = strcmp(x->who, y->who);
  return by_who != 0 ? by_who : (x->order > y->order) - (x->order < y->order);
}

static void index_free(struct entry *index, size_t n)
{
  for (size_t i = 0; i < n; i++)
    free(index[i].who);
  free(index);
}

/* Configured rules come before accepted ones. */
static int index_make(const struct tt_access *access, struct tt_rule *const accepted[], size_t n_accepted,
                      struct entry **ret_index, size_t *ret_n)
{
  char who[BARE_MAX];
  size_t n = access->n_configured + n_accepted;
  struct entry *index = calloc(n + 1, sizeof *index);
  if (!index)
    return -ENOMEM;
  for (size_t i = 0; i < n; i++) {
    const struct tt_rule *rule =
        i < access->n_configured ? &access->configured[i] : accepted[i - access->n_configured];
    int r = tt_rule_who(rule->who, who, sizeof who);
    index[i] = (struct entry){.who = r < 0 ? NULL : strdup(who), .rule = rule, .order = i};
    if (!index[i].who) {
      index_free(index, i);
      return r < 0 ? r : -ENOMEM;
    }
  }
  qsort(index, n, sizeof *index, compare_entries);
  *ret_index = index;
  *ret_n = n;
  return 0;
}

/* The rules about one `who`: [first, end) of the index. */
struct range {
  const struct entry *first, *end;
};

static struct range range_of(const struct tt_access *access, const char *who)
{
  size_t low = 0, high = access->n_index;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (strcmp(access->index[middle].who, who) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  struct range range = {access->index + low, access->index + low};
  while (range.end < access->index + access->n_index && !strcmp(range.end->who, who))
    range.end++;
  return range;
}

/* The rules about a bare JID: its own, and for an account those of its domain. */
struct rules_of {
  struct range own, domain;
};

static struct rules_of rules_of(const struct tt_access *access, const char *bare)
{
  const char *at = strchr(bare, '@');
  struct rules_of rules = {.own = range_of(access, bare)};
  if (at && at != bare)
    rules.domain = range_of(access, at);
  return rules;
}

/* The next of them in the order in which they are written; NULL ends. */
static const struct tt_rule *rule_next(struct rules_of *rules)
{
  struct range *from = &rules->own;
  if (rules->own.first == rules->own.end ||
      (rules->domain.first != rules->domain.end && rules->domain.first->order < rules->own.first->order))
    from = &rules->domain;
  return from->first != from->end ? from->first++->rule : NULL;
}

/* ---- Deciding ---------------------------------------------------------------------------------------- */
/* Is a node of the gateway named on purpose, not just caught by "all" or "**"? */
static bool names_gateway(const struct tt_texts *globs, const char *path)
{
  for (size_t i = 0; i < globs->n; i++)
    if (!strncmp(globs->text[i], TT_GATEWAY_KEY, strlen(TT_GATEWAY_KEY)) && tt_glob_matches(globs->text[i], path))
      return true;
  return false;
}

static bool is_about(const struct tt_rule *rule, const struct tt_node *node)
{
  if (!tt_globs_admit(&rule->nodes, node->path))
    return false;
  bool is_ours = node->kind == TT_NODE_GATEWAY || node->kind == TT_NODE_CONNECTION;
  return !is_ours || rule->role == TT_ROLE_ADMIN || rule->role == TT_ROLE_NONE ||
         names_gateway(&rule->nodes, node->path);
}

/* The rule that decides about this node; NULL: none, which is no. */
static const struct tt_rule *decide(struct rules_of rules, const struct tt_node *node)
{
  const struct tt_rule *rule;
  while ((rule = rule_next(&rules)))
    if (is_about(rule, node))
      return rule;
  return NULL;
}

static enum tt_role role_for(enum tt_access_op op)
{
  switch (op) {
  case TT_ACCESS_BROWSE:
  case TT_ACCESS_READ:
    return TT_ROLE_READER;
  case TT_ACCESS_CONTROL:
    return TT_ROLE_OPERATOR;
  case TT_ACCESS_ADMIN:
    return TT_ROLE_ADMIN;
  }
  return TT_ROLE_ADMIN;
}

/* Everyone but XMPP has been given a role at the door, for all nodes. */
static bool has_door_role(const struct tt_caller *caller)
{
  return caller->kind != TT_CALLER_XMPP;
}

static enum tt_role highest_role(const struct tt_access *access, const char *bare)
{
  struct rules_of rules = rules_of(access, bare);
  enum tt_role role = TT_ROLE_NONE;
  const struct tt_rule *rule;
  while ((rule = rule_next(&rules))) {
    if (rule->role > role)
      role = rule->role;
    if (rule->nodes.n == 0) /* it is about every node: no later one decides about any */
      break;
  }
  return role;
}

static enum tt_role access_role(void *user, const struct tt_caller *caller)
{
  if (has_door_role(caller))
    return caller->role;
  return caller->bare ? highest_role(user, caller->bare) : TT_ROLE_NONE;
}

static enum tt_sight access_sight(void *user, const struct tt_caller *caller, const struct tt_node *node)
{
  struct tt_access *access = user;
  if (has_door_role(caller))
    return caller->role > TT_ROLE_NONE ? TT_SIGHT_FULL : TT_SIGHT_NONE;
  if (!caller->bare)
    return TT_SIGHT_NONE;
  struct rules_of rules = rules_of(access, caller->bare);
  const struct tt_rule *rule = decide(rules, node);
  if (rule && rule->role >= TT_ROLE_READER)
    return TT_SIGHT_FULL;
  for (const struct tt_node *below = node->first_child; below && below != node;) {
    rule = decide(rules, below);
    if (rule && rule->role >= TT_ROLE_READER)
      return TT_SIGHT_PLACE;
    if (below->first_child) {
      below = below->first_child;
      continue;
    }
    while (below != node && !below->next)
      below = below->parent;
    below = below != node ? below->next : node;
  }
  return TT_SIGHT_NONE;
}

/* The names of the node's own that an operation is about. */
static bool is_concerned(const struct tt_node *node, size_t point, enum tt_access_op op)
{
  switch (op) {
  case TT_ACCESS_READ:
    return tt_node_has_field(node, (uint16_t)point);
  case TT_ACCESS_CONTROL:
    return node->points[point].write && !node->points[point].is_hidden;
  case TT_ACCESS_BROWSE:
  case TT_ACCESS_ADMIN:
    break;
  }
  return false;
}

/* What remains of the request for one node. False: nothing. `names` has room for all. */
static bool reduce(const struct tt_rule *rule, const struct tt_access_query *query, const struct tt_node *node,
                   const char **names, struct tt_grant *ret_grant)
{
  static const struct tt_texts all;
  const struct tt_texts *globs = query->op == TT_ACCESS_READ      ? rule ? &rule->fields : &all
                                 : query->op == TT_ACCESS_CONTROL ? rule ? &rule->parameters : &all
                                                                  : &all;
  size_t n = 0, n_denied = 0;
  for (size_t i = 0; i < (query->n_names > 0 ? query->n_names : node->n_points); i++) {
    if (query->n_names == 0 && !is_concerned(node, i, query->op))
      continue;
    const char *name = query->n_names > 0 ? query->names[i] : node->points[i].name;
    if (tt_globs_admit(globs, name))
      names[n++] = name;
    else
      n_denied++;
  }
  if (n == 0 && n_denied > 0)
    return false;
  *ret_grant = (struct tt_grant){.node = node->id, .names = names, .n_names = n, .is_all = n_denied == 0};
  return true;
}

static void access_check(void *user, const struct tt_access_query *query, tt_access_fn fn, void *fn_user)
{
  struct tt_access *access = user;
  struct tt_tree *tree = tt_core_tree(access->core);
  const struct tt_caller *caller = query->caller;
  bool is_door = has_door_role(caller);
  struct rules_of rules = {0};
  size_t n = 0, n_names = 0;
  for (size_t i = 0; i < query->n_nodes; i++) {
    const struct tt_node *node = tt_tree_get(tree, query->nodes[i]);
    n_names += query->n_names > 0 ? query->n_names : node ? node->n_points : 0;
  }
  struct tt_grant *grants TT_AUTOFREE = calloc(query->n_nodes + 1, sizeof *grants);
  const char **names TT_AUTOFREE = calloc(n_names + 1, sizeof *names);
  const char **next = names;
  if (!is_door && caller->bare)
    rules = rules_of(access, caller->bare);
  for (size_t i = 0; grants && names && i < query->n_nodes; i++) {
    const struct tt_node *node = tt_tree_get(tree, query->nodes[i]);
    const struct tt_rule *rule = node && !is_door ? decide(rules, node) : NULL;
    enum tt_role role = is_door ? caller->role : rule ? rule->role : TT_ROLE_NONE;
    if (!node || role < role_for(query->op) || !reduce(rule, query, node, next, &grants[n]))
      continue;
    next += grants[n++].n_names;
  }
  fn(fn_user, n > 0 ? TT_OK : TT_REFUSED_FORBIDDEN, grants, n);
}

struct tt_access_hooks tt_access_hooks(struct tt_access *access, struct tt_core *core)
{
  access->core = core;
  return (struct tt_access_hooks){
      .user = access, .role = access_role, .sight = access_sight, .check = access_check};
}

bool tt_access_has_admin(struct tt_access *access, const char *who)
{
  bool is_domain = !strchr(who, '@');
  const struct tt_rule *rule;
  for (struct rules_of rules = rules_of(access, who); !is_domain && (rule = rule_next(&rules));)
    if (rule->role == TT_ROLE_ADMIN)
      return true;
  for (size_t i = 0; is_domain && i < access->n_index; i++) {
    const char *at = strchr(access->index[i].who, '@');
    if (access->index[i].rule->role == TT_ROLE_ADMIN && !strcmp(at ? at + 1 : access->index[i].who, who))
      return true;
  }
  return false;
}

bool tt_access_knows(struct tt_access *access, const char *bare)
{
  return highest_role(access, bare) > TT_ROLE_NONE;
}

bool tt_access_is_admin(struct tt_access *access, const char *bare)
{
  const struct tt_node *gateway = tt_tree_find(tt_core_tree(access->core), TT_GATEWAY_KEY, NULL, NULL);
  const struct tt_rule *rule = gateway ? decide(rules_of(access, bare), gateway) : NULL;
  return rule && rule->role == TT_ROLE_ADMIN;
}

/* ---- Requests ---------------------------------------------------------------------------------------- */
static void request_remove(struct tt_access *access, size_t i)
{
  free(access->requests[i].bare);
  free(access->requests[i].via);
  free(access->requests[i].nodes);
  access->n_requests--;
  memmove(&access->requests[i], &access->requests[i + 1], (access->n_requests - i) * sizeof *access->requests);
}

static bool request_find(const struct tt_access *access, const char *bare, size_t *ret_i)
{
  for (size_t i = 0; i < access->n_requests; i++)
    if (!strcmp(access->requests[i].bare, bare)) {
      *ret_i = i;
      return true;
    }
  return false;
}

static bool is_about_the_same(const struct request *request, const char *bare, const char *nodes)
{
  if (strcmp(request->bare, bare) != 0)
    return false;
  return request->nodes && nodes ? !strcmp(request->nodes, nodes) : request->nodes == nodes;
}

/* Is there one already, or are there as many as one JID may have? */
static bool is_enough(const struct tt_access *access, const char *bare, const char *nodes)
{
  size_t n = 0;
  for (size_t i = 0; i < access->n_requests; i++) {
    if (is_about_the_same(&access->requests[i], bare, nodes))
      return true;
    n += !strcmp(access->requests[i].bare, bare);
  }
  return n >= TT_REQUESTS_PER_JID;
}

static void request_add(struct tt_access *access, struct tt_now now, const char *bare, const char *via,
                        const char *nodes)
{
  char normal[BARE_MAX];
  if (tt_jid_bare(bare, normal, sizeof normal) < 0 || is_enough(access, normal, nodes))
    return;
  struct request request = {.bare = strdup(normal),
                            .via = strdup(via ? via : ""),
                            .stamp_us = now.wall_us,
                            .nodes = nodes ? strdup(nodes) : NULL};
  if (!request.bare || !request.via || (nodes && !request.nodes)) {
    free(request.bare);
    free(request.via);
    free(request.nodes);
    return;
  }
  if (access->n_requests == TT_REQUESTS_MAX)
    request_remove(access, 0);
  access->requests[access->n_requests++] = request;
}

void tt_access_request(struct tt_access *access, struct tt_now now, const char *bare, const char *via)
{
  request_add(access, now, bare, via, NULL);
}

/* A path that a glob would read as more than itself is not turned into one. */
void tt_access_request_thing(struct tt_access *access, struct tt_now now, const char *bare, const char *via,
                             const struct tt_node *node)
{
  struct tt_buf glob TT_AUTOBUF = TT_BUF(0);
  if (node->path[0] == '!' || strpbrk(node->path, "*?") || strlen(node->path) + 3 > TT_RULE_GLOB_MAX)
    tt_buf_puts(&glob, "");
  else
    tt_buf_printf(&glob, "%s%s", node->path, node->kind == TT_NODE_PLACE ? "/**" : "");
  if (!glob.failed)
    request_add(access, now, bare, via, glob.data ? glob.data : "");
}

size_t tt_access_requests(struct tt_access *access, struct tt_request *out, size_t room)
{
  size_t n = access->n_requests < room ? access->n_requests : room;
  for (size_t i = 0; i < n; i++)
    out[i] = (struct tt_request){access->requests[i].bare, access->requests[i].via, access->requests[i].stamp_us,
                                 access->requests[i].nodes};
  return n;
}

void tt_access_listen(struct tt_access *access, void (*fn)(void *user, const char *who, bool is_accepted),
                      void *user)
{
  assert(access->n_listeners < LISTENERS_MAX);
  access->listeners[access->n_listeners].fn = fn;
  access->listeners[access->n_listeners++].user = user;
}

static void tell(const struct tt_access *access, const char *who, bool is_accepted)
{
  for (size_t i = 0; i < access->n_listeners; i++)
    access->listeners[i].fn(access->listeners[i].user, who, is_accepted);
}

/* A bare JID, or the domain of one: "@example.org". */
static int who_of(const char *text, char out[static BARE_MAX])
{
  return text[0] == '@' ? tt_rule_who(text, out, BARE_MAX) : tt_jid_bare(text, out, BARE_MAX);
}

static bool is_of(const char *bare, const char *who)
{
  const char *at = who[0] == '@' ? strchr(bare, '@') : bare;
  return at && !strcmp(at, who);
}

static bool is_same_target(const struct tt_rule *a, const struct tt_rule *b)
{
  if (strcmp(a->who, b->who) != 0 || a->nodes.n != b->nodes.n)
    return false;
  for (size_t i = 0; i < a->nodes.n; i++)
    if (strcmp(a->nodes.text[i], b->nodes.text[i]) != 0)
      return false;
  return true;
}

/* What runs has been allowed by the rules that were. */
static void rules_changed(struct tt_access *access)
{
  if (access->core)
    tt_core_access_changed(access->core);
}

/* Takes up these rules, of which the caller frees those that are not among them afterwards: in the file before in
 * memory. On failure everything is as it was. */
static int rules_replace(struct tt_access *access, struct tt_rule **accepted, size_t n)
{
  struct entry *index;
  size_t n_index;
  int r = index_make(access, accepted, n, &index, &n_index);
  if (r < 0)
    return r;
  r = access->state_dir ? tt_rules_save(access->state_dir, accepted, n) : 0;
  if (r < 0) {
    index_free(index, n_index);
    return r;
  }
  index_free(access->index, access->n_index);
  free(access->accepted);
  access->index = index;
  access->n_index = n_index;
  access->accepted = accepted;
  access->n_accepted = n;
  rules_changed(access);
  return 0;
}

/* Puts the rule first, in place of an older one about the same. Takes it over. */
static int rule_add(struct tt_access *access, struct tt_rule *rule)
{
  struct tt_rule *own TT_AUTOFREE = rule, *old = NULL;
  struct tt_rule **accepted TT_AUTOFREE = calloc(access->n_accepted + 1, sizeof *accepted);
  size_t n = 1;
  if (!own || !accepted)
    return -ENOMEM;
  accepted[0] = own;
  for (size_t i = 0; i < access->n_accepted; i++)
    if (is_same_target(access->accepted[i], own))
      old = access->accepted[i];
    else
      accepted[n++] = access->accepted[i];
  if (access->n_configured + n > TT_RULES_MAX)
    return -ENOSPC;
  int r = rules_replace(access, accepted, n);
  if (r < 0)
    return r;
  (void)TT_STEAL(accepted);
  (void)TT_STEAL(own);
  free(old);
  return 0;
}

/* The globs of what this one has asked for; none: all, because the gateway was asked or nothing. */
static int asked_for(const struct tt_access *access, const char *who, const char *out[static TT_REQUESTS_PER_JID])
{
  int n = 0;
  for (size_t i = 0; i < access->n_requests; i++) {
    if (strcmp(access->requests[i].bare, who) != 0)
      continue;
    if (!access->requests[i].nodes)
      return 0;
    if (!*access->requests[i].nodes)
      return -ENOTUNIQ;
    out[n++] = access->requests[i].nodes;
  }
  return n;
}

int tt_access_accept(struct tt_access *access, const char *jid, enum tt_role role, const char *nodes)
{
  char who[BARE_MAX];
  if (who_of(jid, who) < 0 || role == TT_ROLE_NONE)
    return -EINVAL;
  if (nodes && (!*nodes || strlen(nodes) > TT_RULE_GLOB_MAX || !tt_utf8_is_valid(nodes, strlen(nodes))))
    return -EINVAL;
  const char *asked[TT_REQUESTS_PER_JID];
  int n = nodes ? 0 : asked_for(access, who, asked);
  int r = n < 0 ? n
                : rule_add(access, nodes ? tt_rule_create(who, role, &nodes, 1)
                                         : tt_rule_create(who, role, asked, (size_t)n));
  if (r < 0)
    return r;
  for (size_t i = access->n_requests; i-- > 0;)
    if (is_of(access->requests[i].bare, who))
      request_remove(access, i);
  tell(access, who, true);
  return 0;
}

int tt_access_revoke(struct tt_access *access, const char *text)
{
  char who[BARE_MAX];
  struct tt_rule **kept TT_AUTOFREE = calloc(access->n_accepted + 1, sizeof *kept),
                        **gone TT_AUTOFREE = calloc(access->n_accepted + 1, sizeof *gone);
  size_t n_kept = 0, n_gone = 0;
  if (!kept || !gone)
    return -ENOMEM;
  if (who_of(text, who) < 0)
    return -EINVAL;
  for (size_t i = 0; i < access->n_accepted; i++)
    if (strcmp(access->accepted[i]->who, who) != 0)
      kept[n_kept++] = access->accepted[i];
    else
      gone[n_gone++] = access->accepted[i];
  if (n_gone == 0)
    return -ENOENT;
  int r = rules_replace(access, kept, n_kept);
  if (r < 0)
    return r;
  (void)TT_STEAL(kept);
  while (n_gone > 0)
    free(gone[--n_gone]);
  tell(access, who, false);
  return 0;
}

size_t tt_access_rules(const struct tt_access *access, struct tt_access_rule *out, size_t room)
{
  size_t n = 0;
  for (size_t i = 0; i < access->n_configured && n < room; i++)
    out[n++] = (struct tt_access_rule){.rule = &access->configured[i]};
  for (size_t i = 0; i < access->n_accepted && n < room; i++)
    out[n++] = (struct tt_access_rule){.rule = access->accepted[i], .is_accepted = true};
  return n;
}

int tt_access_deny(struct tt_access *access, const char *jid)
{
  char bare[BARE_MAX];
  size_t i;
  if (tt_jid_bare(jid, bare, sizeof bare) < 0 || !request_find(access, bare, &i))
    return -ENOENT;
  do
    request_remove(access, i);
  while (request_find(access, bare, &i));
  tell(access, bare, false);
  return 0;
}

/* ---- Life -------------------------------------------------------------------------------------------- */
int tt_access_create(const struct tt_rule *rules, size_t n, const char *state_dir, struct tt_access **ret)
{
  struct tt_access *access = calloc(1, sizeof *access);
  int r = 0;
  if (!access)
    return -ENOMEM;
  access->configured = rules;
  access->n_configured = n;
  if (n > TT_RULES_MAX)
    r = -EINVAL;
  if (r >= 0 && state_dir) {
    access->state_dir = strdup(state_dir);
    r = access->state_dir ? tt_rules_load(state_dir, &access->accepted, &access->n_accepted) : -ENOMEM;
  }
  if (r >= 0)
    r = index_make(access, access->accepted, access->n_accepted, &access->index, &access->n_index);
  if (r < 0) {
    tt_access_destroy(access);
    return r;
  }
  *ret = access;
  return 0;
}

int tt_access_configure(struct tt_access *access, const struct tt_rule *rules, size_t n)
{
  struct tt_access fresh = {.configured = rules, .n_configured = n};
  int r = n > TT_RULES_MAX ? -EINVAL
                           : index_make(&fresh, access->accepted, access->n_accepted, &fresh.index, &fresh.n_index);
  if (r < 0)
    return r;
  index_free(access->index, access->n_index);
  access->configured = rules;
  access->n_configured = n;
  access->index = fresh.index;
  access->n_index = fresh.n_index;
  rules_changed(access);
  return 0;
}

void tt_access_destroy(struct tt_access *access)
{
  if (!access)
    return;
  while (access->n_requests > 0)
    request_remove(access, access->n_requests - 1);
  index_free(access->index, access->n_index);
  tt_rules_free(access->accepted, access->n_accepted);
  free(access->state_dir);
  free(access);
}
