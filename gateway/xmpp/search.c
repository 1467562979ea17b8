/* SPDX-License-Identifier: Apache-2.0
 *
 * search.c: looking for things by name, place and kind (XEP-0055) at the domain of a component, among those that the one who
 * looks may see; and for the gateway itself, whose name is an address that every program can write to. The old fields have but a name to look by (<nick/>); the form has all three.
 */
#include "dialect.h"
#include "face.h"
#include "form.h"
#include "handlers.h"
#include "router_private.h"

#include "text/text.h"

#include <stdio.h>
#include <strings.h>

#define NS_SEARCH "jabber:iq:search"

struct wanted {
  const char *name, *place; /* "": any */
  const char *kind;         /* "" any; the English word */
};

struct found {
  const char *name, *place;
  enum tt_thing_kind kind;
  char address[TT_ADDRESS_MAX + TT_JID_MAX + 2];
};

/* ---- What can be looked for ------------------------------------------------------------------------------------ */

static void write_field(struct tt_writer *w, const char *var, const char *type, const char *label)
{
  tt_write_open(w, "field", NULL);
  tt_write_attr(w, "var", var);
  tt_write_attr(w, "type", type);
  tt_write_attr(w, "label", label);
}

static void write_hidden(struct tt_writer *w)
{
  tt_write_open(w, "field", NULL);
  tt_write_attr(w, "var", "FORM_TYPE");
  tt_write_attr(w, "type", "hidden");
  tt_write_element(w, "value", NS_SEARCH);
  tt_write_close(w);
}

static void write_option(struct tt_writer *w, const char *label, const char *value)
{
  tt_write_open(w, "option", NULL);
  tt_write_attr(w, "label", label);
  tt_write_element(w, "value", value);
  tt_write_close(w);
}

static void offer(struct tt_iq *iq)
{
  const char *language = iq->caller.language;
  const char *instructions = tt_tr(language, "What is left empty may be anything. * stands for any letters.");
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, "query", NS_SEARCH);
  tt_write_element(&w, "instructions", instructions);
  tt_write_element(&w, "nick", "");
  tt_write_open(&w, "x", TT_NS_FORM);
  tt_write_attr(&w, "type", "form");
  tt_write_element(&w, "title", tt_tr(language, "Search for things"));
  tt_write_element(&w, "instructions", instructions);
  write_hidden(&w);
  write_field(&w, "name", "text-single", tt_tr(language, "Name"));
  tt_write_close(&w);
  write_field(&w, "place", "text-single", tt_tr(language, "Place"));
  tt_write_close(&w);
  write_field(&w, "kind", "list-single", tt_tr(language, "Kind"));
  tt_write_element(&w, "value", "");
  write_option(&w, tt_tr(language, "any kind"), "");
  for (int kind = 0; kind < TT_THING_KIND_COUNT; kind++)
    write_option(&w, tt_tr(language, tt_thing_kind_name((enum tt_thing_kind)kind)),
                 tt_thing_kind_name((enum tt_thing_kind)kind));
  tt_write_close(&w);
  tt_write_close(&w);
  tt_write_close(&w);
  tt_iq_written(iq, &w);
}

/* ---- What is looked for ---------------------------------------------------------------------------------------- */

static const char *value_of(const struct tt_xml *form, const char *var)
{
  TT_XML_FOREACH(field, form) {
    const char *name = tt_xml_attr(field, "var");
    const struct tt_xml *value = name && strcmp(name, var) == 0 ? tt_xml_child(field, "value", NULL) : NULL;
    if (value)
      return value->text;
  }
  return "";
}

static bool parse(const struct tt_xml *query, struct wanted *ret)
{
  const struct tt_xml *form = tt_xml_child(query, "x", TT_NS_FORM), *nick = tt_xml_child(query, "nick", NS_SEARCH);
  *ret = (struct wanted){nick ? nick->text : "", "", ""};
  if (!form)
    return true;
  const char *type = tt_xml_attr(form, "type");
  if (!type || strcmp(type, "submit") != 0)
    return false;
  *ret = (struct wanted){value_of(form, "name"), value_of(form, "place"), value_of(form, "kind")};
  return true;
}

/* Does the text hold the words, whatever the case of their letters? A star is a gap between words. */
static bool holds(const char *text, const char *words)
{
  while (*words) {
    size_t n = strcspn(words, "*");
    const char *p = text;
    while (n > 0 && *p && strncasecmp(p, words, n) != 0)
      p++;
    if (n > 0 && !*p)
      return false;
    text = p + n;
    words += n + (words[n] == '*');
  }
  return true;
}

static bool is_wanted(const struct wanted *wanted, const struct found *found, const char *key)
{
  return (holds(found->name, wanted->name) || holds(key, wanted->name)) && holds(found->place, wanted->place) &&
         (!*wanted->kind || strcasecmp(tt_thing_kind_name(found->kind), wanted->kind) == 0);
}

/* ---- What is found --------------------------------------------------------------------------------------------- */

static void put_address(const struct tt_iq *iq, const char *local, struct found *found)
{
  snprintf(found->address, sizeof(found->address), "%s@%s", local, tt_session_jid(iq->session));
}

/* A node that is wanted, that this one may see, and that has an address. */
static bool find_node(const struct tt_iq *iq, const struct wanted *wanted, const struct tt_node *node,
                      struct found *ret)
{
  char local[TT_ADDRESS_MAX + 1];
  *ret = (struct found){.name = tt_node_label(node, iq->caller.language),
                        .place = node->parent ? node->parent->path : "",
                        .kind = tt_thing_kind(node)};
  if (!is_wanted(wanted, ret, node->key) ||
      tt_core_sight(iq->router->config.core, &iq->caller, node) == TT_SIGHT_NONE ||
      tt_address_of(node->key, local, sizeof(local)) < 0 || tt_addresses_find(iq->router->addresses, local) != node)
    return false;
  put_address(iq, local, ret);
  return true;
}

/* Whoever may ask may write to it. */
static bool find_gateway(const struct tt_iq *iq, const struct wanted *wanted, struct found *ret)
{
  *ret = (struct found){.name = TT_PRODUCT, .place = "", .kind = TT_THING_GATEWAY};
  put_address(iq, TT_GATEWAY_KEY, ret);
  return is_wanted(wanted, ret, TT_GATEWAY_KEY);
}

static void write_value(struct tt_writer *w, const char *var, const char *value)
{
  tt_write_open(w, "field", NULL);
  tt_write_attr(w, "var", var);
  tt_write_element(w, "value", value);
  tt_write_close(w);
}

static void write_found(struct tt_writer *w, const struct found *found, bool is_form, const char *language)
{
  const char *kind = tt_tr(language, tt_thing_kind_name(found->kind));
  tt_write_open(w, "item", NULL);
  if (is_form) {
    write_value(w, "jid", found->address);
    write_value(w, "name", found->name);
    write_value(w, "place", found->place);
    write_value(w, "kind", kind);
  } else { /* the schema wants all four */
    tt_write_attr(w, "jid", found->address);
    tt_write_element(w, "first", kind);
    tt_write_element(w, "last", found->place);
    tt_write_element(w, "nick", found->name);
    tt_write_element(w, "email", "");
  }
  tt_write_close(w);
}

static void write_reported(struct tt_writer *w, const char *language)
{
  tt_write_open(w, "reported", NULL);
  write_field(w, "jid", "jid-single", tt_tr(language, "Address"));
  tt_write_close(w);
  write_field(w, "name", "text-single", tt_tr(language, "Name"));
  tt_write_close(w);
  write_field(w, "place", "text-single", tt_tr(language, "Place"));
  tt_write_close(w);
  write_field(w, "kind", "text-single", tt_tr(language, "Kind"));
  tt_write_close(w);
  tt_write_close(w);
}

/* False: the stanza holds no more. */
static bool put_found(struct tt_iq *iq, const struct found *found, bool is_form, struct tt_writer *w)
{
  struct tt_writer_mark mark = tt_write_mark(w);
  write_found(w, found, is_form, iq->caller.language);
  if (tt_write_size(w) <= tt_dialect_room(iq))
    return true;
  tt_write_rewind(w, mark);
  return false;
}

/* As many as may be, and as a stanza holds. */
static void write_all(struct tt_iq *iq, const struct wanted *wanted, bool is_form, struct tt_writer *w)
{
  struct tt_tree *tree = tt_core_tree(iq->router->config.core);
  struct found found;
  size_t n = 0;
  if (find_gateway(iq, wanted, &found) && put_found(iq, &found, is_form, w))
    n++;
  for (struct tt_node *node = tt_tree_walk(tree, NULL); node && n < TT_SEARCH_RESULTS_MAX;
       node = tt_tree_walk(tree, node))
    if (find_node(iq, wanted, node, &found)) {
      if (!put_found(iq, &found, is_form, w))
        return;
      n++;
    }
}

static void search(struct tt_iq *iq, const struct wanted *wanted, bool is_form)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, "query", NS_SEARCH);
  if (is_form) {
    tt_write_open(&w, "x", TT_NS_FORM);
    tt_write_attr(&w, "type", "result");
    write_hidden(&w);
    write_reported(&w, iq->caller.language);
  }
  write_all(iq, wanted, is_form, &w);
  if (is_form)
    tt_write_close(&w);
  tt_write_close(&w);
  tt_iq_written(iq, &w);
}

/* Things have no addresses at an account, and nothing is below a thing's own. */
static void on_search(struct tt_iq *iq, TT_UNUSED const void *data)
{
  struct wanted wanted;
  if (tt_session_kind(iq->session) != TT_SESSION_COMPONENT || iq->thing)
    tt_iq_unhandled(iq);
  else if (!iq->is_set)
    offer(iq);
  else if (parse(iq->payload, &wanted))
    search(iq, &wanted, tt_xml_child(iq->payload, "x", TT_NS_FORM));
  else
    tt_iq_error(iq, TT_REFUSED_BAD_REQUEST, NULL, NULL, NULL);
}

static const char *const features[] = {NS_SEARCH, NULL};
static const struct tt_iq_handler rows[] = {{.ns = NS_SEARCH, .name = "query", .fn = on_search}};

int tt_search_handlers_add(struct tt_router *router)
{
  int r = tt_router_add(router, rows, TT_COUNT(rows));
  return r < 0 ? r : tt_router_add_features(router, features);
}
