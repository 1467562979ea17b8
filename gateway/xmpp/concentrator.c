/* SPDX-License-Identifier: Apache-2.0
 *
 * concentrator.c: browsing the tree: XEP-0326 and the concentrator of P1451.99. One table of commands; a command
 * writes into an element that is open already and whose name the dialect chose, so that it need not know which.
 * Nothing is kept: every command is answered from the tree at once. Those that wait for a device are in node_command.c.
 */
#define _GNU_SOURCE /* qsort_r */
#include "concentrator.h"
#include "handlers.h"
#include "node_view.h"

#include "text/text.h"

#include <stdio.h>

#define SORT_ORDERS_MAX    8
#define COMMAND_MEMORY_MAX (1024u * 1024)
#define COMMAND_NAME_MAX   64 /* of a command that we do not know; a longer one is not repeated */

/* One request on its way through its command. */
struct browse {
  const struct tt_iq *iq;
  const struct tt_xml *payload;
  struct tt_node_view view;
  struct tt_arena *arena;
  struct tt_writer *w; /* inside the start tag of the answer */
  const char *text;    /* why it is refused; NULL: the usual sentence */
};

struct command {
  const char *name;
  const char *result[TT_VOCABULARY_COUNT]; /* name of the answer */
  enum tt_refusal (*fn)(struct browse *b);
  const char *narrower; /* what to ask instead when the answer is too large */
};

static struct tt_tree *tree_of(const struct browse *b)
{
  return tt_core_tree(b->view.core);
}

static enum tt_refusal bad_request(struct browse *b, const char *text)
{
  b->text = text;
  return TT_REFUSED_BAD_REQUEST;
}

/* The one data source there is; a request may leave it out. */
static bool names_source(const struct browse *b)
{
  const char *source = tt_xml_attr(b->payload, tt_word(b->view.dialect, TT_WORD_SOURCE));
  return !source || !*source || strcmp(source, TT_SOURCE_DEFAULT) == 0;
}

static struct tt_node *see(const struct browse *b, const struct tt_ref *ref)
{
  return tt_core_see(b->view.core, b->view.caller, ref);
}

/* The node that the request names in its own attributes. */
static enum tt_refusal find_node(struct browse *b, struct tt_node **ret)
{
  struct tt_ref ref;
  if (tt_dialect_ref(b->view.dialect, b->payload, &ref) < 0)
    return bad_request(b, TT_TR("No node is named."));
  struct tt_node *node = see(b, &ref);
  if (!node)
    return TT_REFUSED_NOT_FOUND;
  *ret = node;
  return TT_OK;
}

static enum tt_refusal find_refs(struct browse *b, const struct tt_ref **ret_refs, size_t *ret_n)
{
  int r = tt_dialect_refs(b->view.dialect, b->payload, b->arena, ret_refs, ret_n);
  return r == -ENOMEM ? TT_REFUSED_BUSY : r < 0 ? bad_request(b, TT_TR("A node reference names no node.")) : TT_OK;
}

static void write_node(struct browse *b, const struct tt_node *node)
{
  tt_write_open(b->w, tt_word(b->view.dialect, TT_WORD_NODE_INFO), NULL);
  tt_node_view_write(&b->view, b->w, node);
  tt_write_close(b->w);
}

static void write_if_shown(struct browse *b, const struct tt_node *node)
{
  if (tt_node_view_shows(&b->view, node))
    write_node(b, node);
}

/* ---- Commands ------------------------------------------------------------------------------------------ */

static enum tt_refusal get_capabilities(struct browse *b);

static void write_source(struct browse *b)
{
  uint64_t last_change_us = 0;
  for (struct tt_node *node = tt_tree_walk(tree_of(b), NULL); node; node = tt_tree_walk(tree_of(b), node))
    if (node->last_change_us > last_change_us && tt_node_view_shows(&b->view, node))
      last_change_us = node->last_change_us;
  char stamp[TT_DATETIME_SIZE];
  tt_write_open(b->w, "dataSource", NULL);
  tt_word_attr(b->w, b->view.dialect, TT_WORD_SOURCE, TT_SOURCE_DEFAULT);
  tt_write_attr(b->w, "name", "Devices");
  if (last_change_us)
    tt_write_attr(b->w, "lastChanged", tt_datetime_print(stamp, last_change_us));
  tt_write_close(b->w);
}

static enum tt_refusal get_data_sources(struct browse *b)
{
  write_source(b);
  return TT_OK;
}

static enum tt_refusal get_child_data_sources(struct browse *b)
{
  return names_source(b) ? TT_OK : TT_REFUSED_NOT_FOUND;
}

static enum tt_refusal contains_node(struct browse *b)
{
  struct tt_ref ref;
  if (tt_dialect_ref(b->view.dialect, b->payload, &ref) < 0)
    return bad_request(b, TT_TR("No node is named."));
  tt_write_text(b->w, see(b, &ref) ? "true" : "false");
  return TT_OK;
}

static enum tt_refusal contains_nodes(struct browse *b)
{
  const struct tt_ref *refs;
  size_t n;
  enum tt_refusal refusal = find_refs(b, &refs, &n);
  for (size_t i = 0; refusal == TT_OK && i < n; i++)
    tt_write_element(b->w, tt_word(b->view.dialect, TT_WORD_BOOL), see(b, &refs[i]) ? "true" : "false");
  return refusal;
}

static enum tt_refusal get_node(struct browse *b)
{
  struct tt_node *node;
  enum tt_refusal refusal = find_node(b, &node);
  if (refusal == TT_OK)
    tt_node_view_write(&b->view, b->w, node);
  return refusal;
}

static enum tt_refusal get_nodes(struct browse *b)
{
  const struct tt_ref *refs;
  size_t n;
  enum tt_refusal refusal = find_refs(b, &refs, &n);
  if (refusal != TT_OK)
    return refusal;
  for (size_t i = 0; i < n && !b->w->failed; i++) {
    struct tt_node *node = see(b, &refs[i]);
    if (!node)
      return TT_REFUSED_NOT_FOUND;
    write_node(b, node);
  }
  return TT_OK;
}

/* Is the node's type one of those asked for? With none asked for every one is. */
static bool is_derived(const struct browse *b, const struct tt_node *node)
{
  bool is_restricted = false;
  TT_XML_FOREACH(child, b->payload) {
    if (strcmp(child->name, "onlyIfDerivedFrom") != 0)
      continue;
    if (tt_node_type_is(node->type, child->text))
      return true;
    is_restricted = true;
  }
  return !is_restricted;
}

static enum tt_refusal get_all_nodes(struct browse *b)
{
  if (!names_source(b))
    return TT_REFUSED_NOT_FOUND;
  struct tt_node *node = NULL;
  while ((node = tt_tree_walk(tree_of(b), node)) && !b->w->failed)
    if (is_derived(b, node))
      write_if_shown(b, node);
  return TT_OK;
}

static enum tt_refusal get_root_nodes(struct browse *b)
{
  if (!names_source(b))
    return TT_REFUSED_NOT_FOUND;
  for (const struct tt_node *node = tt_tree_roots(tree_of(b)); node && !b->w->failed; node = node->next)
    write_if_shown(b, node);
  return TT_OK;
}

struct sorting {
  const struct tt_node_view *view;
  struct tt_node_order orders[SORT_ORDERS_MAX];
  size_t n;
};

static int by_orders(const void *a, const void *b, void *user)
{
  const struct sorting *sorting = user;
  const struct tt_node *x = *(const struct tt_node *const *)a, *y = *(const struct tt_node *const *)b;
  int sign = 0;
  for (size_t i = 0; sign == 0 && i < sorting->n; i++)
    sign = tt_node_view_compare(sorting->view, &sorting->orders[i], x, y);
  return sign ? sign : strcmp(x->key, y->key);
}

static int parse_orders(const struct browse *b, struct sorting *sorting)
{
  TT_XML_FOREACH(child, b->payload) {
    const char *name = tt_xml_attr(child, "parameterName");
    if (strcmp(child->name, "sortOrder") != 0 || !name)
      continue;
    if (sorting->n == SORT_ORDERS_MAX)
      return -E2BIG;
    sorting->orders[sorting->n++] = (struct tt_node_order){name, !tt_xml_bool(child, "ascending", true)};
  }
  return 0;
}

static enum tt_refusal get_child_nodes(struct browse *b)
{
  struct tt_node *parent;
  enum tt_refusal refusal = find_node(b, &parent);
  if (refusal != TT_OK)
    return refusal;
  struct sorting sorting = {.view = &b->view};
  if (parse_orders(b, &sorting) < 0)
    return bad_request(b, TT_TR("Too many sort orders."));
  TT_AUTOFREE const struct tt_node **children = malloc((parent->n_children + 1) * sizeof(*children));
  if (!children)
    return TT_REFUSED_BUSY;
  size_t n = 0;
  for (const struct tt_node *child = parent->first_child; child; child = child->next)
    children[n++] = child;
  if (sorting.n > 0)
    qsort_r(children, n, sizeof(*children), by_orders, &sorting);
  for (size_t i = 0; i < n && !b->w->failed; i++)
    write_if_shown(b, children[i]);
  return TT_OK;
}

/* The node first, then upwards. The ancestors of what one may see can be seen. */
static enum tt_refusal get_ancestors(struct browse *b)
{
  struct tt_node *node;
  enum tt_refusal refusal = find_node(b, &node);
  if (refusal != TT_OK)
    return refusal;
  for (; node; node = node->parent)
    write_node(b, node);
  return TT_OK;
}

/* A node's type is a dotted name, most general word first; its base classes are what stands before each dot, the
 * nearest first. */
static enum tt_refusal get_node_inheritance(struct browse *b)
{
  struct tt_node *node;
  enum tt_refusal refusal = find_node(b, &node);
  if (refusal != TT_OK)
    return refusal;
  char *type = tt_arena_strdup(b->arena, node->type);
  if (!type)
    return TT_REFUSED_BUSY;
  tt_write_open(b->w, "baseClasses", NULL);
  for (char *dot; (dot = strrchr(type, '.'));) {
    *dot = '\0';
    tt_write_element(b->w, "value", type);
  }
  tt_write_close(b->w);
  return TT_OK;
}

#define COMMAND(name, result_n, fn, narrower)                                                                      \
  {                                                                                                                \
    name, {name "Response", result_n}, fn, narrower                                                                \
  }
#define SINGLE_NODES TT_TR("The answer is larger than one stanza may be; ask for single nodes with getNode.")

/* What is listed here is what works, and what getCapabilities says. */
static const struct command commands[] = {
    COMMAND("getCapabilities", "strings", get_capabilities, NULL),
    COMMAND("getAllDataSources", "dataSources", get_data_sources, NULL),
    COMMAND("getRootDataSources", "dataSources", get_data_sources, NULL),
    COMMAND("getChildDataSources", "dataSources", get_child_data_sources, NULL),
    COMMAND("containsNode", "bool", contains_node, NULL),
    COMMAND("containsNodes", "bools", contains_nodes,
            TT_TR("The answer is larger than one stanza may be; ask for single nodes with containsNode.")),
    COMMAND("getNode", "nodeInfo", get_node,
            TT_TR("The answer is larger than one stanza may be; ask without parameters and messages.")),
    COMMAND("getNodes", "nodeInfos", get_nodes, SINGLE_NODES),
    COMMAND("getAllNodes", "nodeInfos", get_all_nodes,
            TT_TR("The answer is larger than one stanza may be; ask with getRootNodes and getChildNodes.")),
    COMMAND("getNodeInheritance", "inheritance", get_node_inheritance, NULL),
    COMMAND("getRootNodes", "nodeInfos", get_root_nodes, SINGLE_NODES),
    COMMAND("getChildNodes", "nodeInfos", get_child_nodes, SINGLE_NODES),
    COMMAND("getAncestors", "nodeInfos", get_ancestors, SINGLE_NODES),
};

static enum tt_refusal get_capabilities(struct browse *b)
{
  for (size_t i = 0; i < TT_COUNT(commands); i++)
    tt_write_element(b->w, "value", commands[i].name);
  for (const char *const *name = tt_node_command_names; *name; name++)
    tt_write_element(b->w, "value", *name);
  return TT_OK;
}

/* ---- Requests and answers ------------------------------------------------------------------------------ */

static const struct command *find_command(const char *name)
{
  for (size_t i = 0; i < TT_COUNT(commands); i++)
    if (strcmp(commands[i].name, name) == 0)
      return &commands[i];
  return NULL;
}

/* X says what went wrong in the answer's own element, beside the stanza error. */
char *tt_concentrator_refusal(const struct tt_dialect *dialect, const char *request, enum tt_refusal refusal,
                              const struct tt_parameter_error errors[], size_t n, size_t room)
{
  if (dialect->vocabulary != TT_VOCABULARY_X || strlen(request) > COMMAND_NAME_MAX)
    return NULL;
  char name[COMMAND_NAME_MAX + sizeof("Response")];
  snprintf(name, sizeof(name), "%sResponse", request);
  struct tt_buf buf = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, name, dialect->ns[TT_SUBJECT_CONCENTRATOR]);
  tt_write_attr(&w, "result", tt_refusal_code(refusal));
  for (size_t i = 0; i < n; i++) {
    struct tt_writer_mark mark = tt_write_mark(&w);
    tt_write_open(&w, "error", NULL);
    tt_write_attr(&w, "var", errors[i].name);
    tt_write_text(&w, errors[i].text);
    tt_write_close(&w);
    if (w.failed || tt_write_size(&w) > room) {
      tt_write_rewind(&w, mark);
      break;
    }
  }
  tt_write_close(&w);
  return tt_buf_steal(&buf);
}

static char *refused(const struct tt_iq *iq, enum tt_refusal refusal, TT_UNUSED const char *text, const void *data)
{
  return tt_concentrator_refusal(data, iq->payload->name, refusal, NULL, 0, 0);
}

static void refuse(struct tt_iq *iq, const struct tt_dialect *dialect, enum tt_refusal refusal, const char *text)
{
  text = text ? text : tt_refusal_text(refusal);
  tt_iq_error(iq, refusal, text, refused(iq, refusal, text, dialect), NULL);
}

static void run(struct tt_iq *iq, const struct tt_dialect *dialect, const struct command *command,
                struct tt_arena *arena)
{
  TT_AUTOBUF struct tt_buf buf = TT_BUF(tt_dialect_room(iq));
  struct tt_writer w;
  struct tt_caller caller = tt_dialect_caller(dialect, iq);
  struct browse b = {
      .iq = iq,
      .payload = iq->payload,
      .view = {.core = tt_router_config(iq->router)->core,
               .dialect = dialect,
               .caller = &caller,
               .with_parameters = tt_xml_bool(iq->payload, "parameters", false),
               .with_messages = tt_xml_bool(iq->payload, "messages", false)},
      .arena = arena,
      .w = &w,
  };
  tt_write_init(&w, &buf);
  tt_write_open(&w, command->result[dialect->vocabulary], dialect->ns[TT_SUBJECT_CONCENTRATOR]);
  if (dialect->vocabulary == TT_VOCABULARY_X)
    tt_write_attr(&w, "result", tt_refusal_code(TT_OK));
  enum tt_refusal refusal = command->fn(&b);
  tt_write_close(&w);
  if (refusal != TT_OK)
    refuse(iq, dialect, refusal, b.text);
  else if (w.failed)
    refuse(iq, dialect, TT_REFUSED_TOO_LARGE, command->narrower);
  else
    tt_iq_result(iq, tt_buf_steal(&buf));
}

static void on_command(struct tt_iq *iq, const void *data)
{
  const struct tt_dialect *dialect = data;
  const struct command *command = find_command(iq->payload->name);
  struct tt_arena *arena = command ? tt_arena_create(COMMAND_MEMORY_MAX) : NULL;
  if (!command)
    refuse(iq, dialect, TT_REFUSED_NOT_SUPPORTED, TT_TR("There is no such command."));
  else if (!arena)
    refuse(iq, dialect, TT_REFUSED_BUSY, NULL);
  else
    run(iq, dialect, command, arena);
  tt_arena_destroy(arena);
}

int tt_concentrator_handlers_add(struct tt_router *router)
{
  static struct tt_iq_handler rows[TT_DIALECT_COUNT];
  for (size_t i = 0; i < TT_DIALECT_COUNT; i++)
    rows[i] = (struct tt_iq_handler){.ns = tt_dialects[i].ns[TT_SUBJECT_CONCENTRATOR],
                                     .fn = on_command,
                                     .data = &tt_dialects[i],
                                     .refused = refused};
  int r = tt_router_add(router, rows, TT_COUNT(rows));
  return r < 0 ? r : tt_dialect_advertise(router, TT_SUBJECT_CONCENTRATOR);
}
