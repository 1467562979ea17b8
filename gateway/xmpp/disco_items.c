/* SPDX-License-Identifier: Apache-2.0
 * disco_items.c: what stands below an address or a node (disco#items of XEP-0030), a page at a time (XEP-0059). The list is
 * gone through twice: to count, then to write what is on the page, so that no copy of it is made. */
#include "disco_private.h"

#include "dialect.h"

#include <stdio.h>

#define SET_ROOM 300 /* bytes of <set/> beside its two names */

enum pass { PASS_COUNT, PASS_WRITE };

struct tt_disco_items {
  enum pass pass;
  struct tt_writer w;
  const char *own;    /* the address that was asked */
  const char *anchor; /* the item after or before which the page is; NULL */
  size_t anchor_at;   /* its place; SIZE_MAX: there is none such */
  size_t n;           /* gone through in this pass */
  size_t begin, end;  /* of the page */
  size_t written, room;
  bool is_full;
  char *first, *last; /* names of the items on the page */
};

/* What an item is called in XEP-0059: by its node, else by its address. */
static const char *uid(const char *jid, const char *node)
{
  return node && *node ? node : jid;
}

static void write_item(struct tt_disco_items *items, const char *jid, const char *node, const char *name)
{
  struct tt_writer_mark mark = tt_write_mark(&items->w);
  const char *id = uid(jid, node);
  tt_write_open(&items->w, "item", NULL);
  tt_write_attr(&items->w, "jid", jid);
  tt_write_attr(&items->w, "node", node);
  tt_write_attr(&items->w, "name", name);
  tt_write_close(&items->w);
  size_t set = SET_ROOM + 6 * (strlen(id) + strlen(items->first ? items->first : id));
  if (items->written > 0 && tt_write_size(&items->w) + set > items->room) {
    tt_write_rewind(&items->w, mark);
    items->is_full = true;
    return;
  }
  items->written++;
  if (!items->first)
    items->first = strdup(id);
  free(items->last);
  items->last = strdup(id);
}

void tt_disco_item(struct tt_disco_items *items, const char *jid, const char *node, const char *name)
{
  size_t at = items->n++;
  jid = jid ? jid : items->own;
  switch (items->pass) {
  case PASS_COUNT:
    if (items->anchor && strcmp(uid(jid, node), items->anchor) == 0)
      items->anchor_at = at;
    return;
  case PASS_WRITE:
    if (at >= items->begin && at < items->end && !items->is_full)
      write_item(items, jid, node, name);
    return;
  }
}

/* ---- What there is ------------------------------------------------------------------------------------------ */

/* A thing of a component has an address, unless nothing of the kind can be made of its key, or another one has it. */
static bool address_of(const struct tt_iq *iq, const struct tt_node *node, struct tt_buf *out)
{
  char local[TT_ADDRESS_MAX + 1];
  if (tt_session_kind(iq->session) != TT_SESSION_COMPONENT || tt_address_of(node->key, local, sizeof(local)) < 0 ||
      tt_addresses_find(iq->router->addresses, local) != node)
    return false;
  tt_buf_printf(out, "%s@%s", local, tt_session_jid(iq->session));
  return !out->failed;
}

static void list_node(const struct tt_iq *iq, const struct tt_node *node, struct tt_disco_items *items)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  const char *name = tt_node_label(node, iq->caller.language);
  if (address_of(iq, node, &text)) {
    tt_disco_item(items, text.data, NULL, name);
    return;
  }
  /* Of the gateway's own node: an address that one can write to, where it is a node as it is anywhere. */
  char own[TT_JID_MAX + 1];
  bool is_gateway = node->kind == TT_NODE_GATEWAY && tt_session_kind(iq->session) == TT_SESSION_COMPONENT;
  snprintf(own, sizeof(own), TT_GATEWAY_KEY "@%s", tt_session_jid(iq->session));
  tt_buf_truncate(&text, 0);
  tt_disco_node_name(&text, node);
  if (!text.failed)
    tt_disco_item(items, is_gateway ? own : NULL, text.data, name);
}

static void list_nodes(const struct tt_iq *iq, const struct tt_node *first, struct tt_disco_items *items)
{
  for (const struct tt_node *node = first; node; node = node->next)
    if (tt_core_sight(iq->router->config.core, &iq->caller, node) != TT_SIGHT_NONE)
      list_node(iq, node, items);
}

static bool list_other(const struct tt_iq *iq, const char *node, struct tt_disco_items *items)
{
  for (size_t i = 0; i < iq->router->n_branches; i++) {
    const struct tt_disco_branch *branch = iq->router->branches[i].branch;
    if (branch->items && branch->items(iq->router->branches[i].user, iq, node, items))
      return true;
  }
  return false;
}

static bool list(const struct tt_iq *iq, const char *node, struct tt_disco_items *items)
{
  struct tt_disco_subject subject;
  switch (tt_disco_resolve(iq, node, &subject)) {
  case TT_DISCO_SELF:
  case TT_DISCO_CAPS:
  case TT_DISCO_NODE:
    list_nodes(iq, subject.node ? subject.node->first_child : tt_tree_roots(tt_core_tree(iq->router->config.core)),
               items);
    return true;
  case TT_DISCO_OTHER:
    return list_other(iq, node, items);
  case TT_DISCO_NONE:
    break;
  }
  return false;
}

/* ---- Pages -------------------------------------------------------------------------------------------------- */

struct page {
  bool is_asked, is_backwards;
  const char *anchor; /* "" with is_backwards: the last page */
  uint64_t index, max;
};

static bool parse_number(const struct tt_xml *set, const char *name, uint64_t *ret)
{
  const struct tt_xml *element = tt_xml_child(set, name, TT_NS_RSM);
  int64_t number;
  if (!element)
    return true;
  if (tt_int64_parse(element->text, &number) < 0 || number < 0)
    return false;
  *ret = (uint64_t)number;
  return true;
}

static bool parse_page(const struct tt_xml *query, struct page *page)
{
  const struct tt_xml *set = tt_xml_child(query, "set", TT_NS_RSM);
  *page = (struct page){.is_asked = set, .max = TT_DISCO_ITEMS_MAX};
  if (!set)
    return true;
  const struct tt_xml *after = tt_xml_child(set, "after", TT_NS_RSM),
                      *before = tt_xml_child(set, "before", TT_NS_RSM);
  page->is_backwards = before;
  page->anchor = before ? before->text : after ? after->text : NULL;
  if (!parse_number(set, "max", &page->max) || !parse_number(set, "index", &page->index))
    return false;
  page->max = page->max < TT_DISCO_ITEMS_MAX ? page->max : TT_DISCO_ITEMS_MAX;
  return true;
}

/* Where the page begins and ends among the `total`. False: it begins nowhere. */
static bool place_page(const struct page *page, struct tt_disco_items *items, size_t total)
{
  bool has_anchor = page->anchor && (*page->anchor || !page->is_backwards);
  if (has_anchor && items->anchor_at == SIZE_MAX)
    return false;
  if (page->is_backwards) {
    items->end = has_anchor ? items->anchor_at : total;
    items->begin = items->end > page->max ? items->end - page->max : 0;
    return true;
  }
  if (page->index > total)
    return false;
  items->begin = has_anchor ? items->anchor_at + 1 : page->index;
  items->end = total - items->begin > page->max ? items->begin + page->max : total;
  return true;
}

static void write_set(struct tt_disco_items *items, size_t total)
{
  char count[24];
  tt_write_open(&items->w, "set", TT_NS_RSM);
  if (items->first && items->last) {
    tt_write_open(&items->w, "first", NULL);
    tt_write_attr_printf(&items->w, "index", "%zu", items->begin);
    tt_write_text(&items->w, items->first);
    tt_write_close(&items->w);
    tt_write_element(&items->w, "last", items->last);
  }
  snprintf(count, sizeof(count), "%zu", total);
  tt_write_element(&items->w, "count", count);
  tt_write_close(&items->w);
}

/* One page, as much of it as a stanza holds; of one that was asked for backwards the end. */
static void write_page(const struct tt_iq *iq, const char *node, const struct page *page,
                       struct tt_disco_items *items, size_t total)
{
  struct tt_writer_mark mark = tt_write_mark(&items->w);
  items->pass = PASS_WRITE;
  for (;;) {
    items->n = items->written = 0;
    items->is_full = false;
    free(items->first);
    free(items->last);
    items->first = items->last = NULL;
    list(iq, node, items);
    if (!items->is_full || !page->is_backwards)
      break;
    items->begin = items->end - items->written; /* at least one less than before */
    tt_write_rewind(&items->w, mark);
  }
  if (page->is_asked || items->written < total)
    write_set(items, total);
}

void tt_disco_on_items(struct tt_iq *iq, TT_UNUSED const void *data)
{
  const char *node = tt_xml_attr(iq->payload, "node");
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct page page;
  if (!parse_page(iq->payload, &page)) {
    tt_iq_error(iq, TT_REFUSED_BAD_REQUEST, NULL, NULL, NULL);
    return;
  }
  struct tt_disco_items items = {
      .own = iq->caller.local, .anchor = page.anchor, .anchor_at = SIZE_MAX, .room = tt_dialect_room(iq)};
  if (!list(iq, node, &items) || !place_page(&page, &items, items.n)) {
    tt_iq_error(iq, TT_REFUSED_NOT_FOUND, NULL, NULL, NULL);
    return;
  }
  size_t total = items.n;
  tt_write_init(&items.w, &buf);
  tt_write_open(&items.w, "query", TT_NS_DISCO_ITEMS);
  tt_write_attr(&items.w, "node", node);
  write_page(iq, node, &page, &items, total);
  tt_write_close(&items.w);
  tt_iq_written(iq, &items.w);
  free(items.first);
  free(items.last);
}
