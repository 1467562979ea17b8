/* SPDX-License-Identifier: Apache-2.0
 * adhoc_choose.c: choosing a node in a form.
 */
#define _GNU_SOURCE /* strcasestr */
#include "adhoc_choose.h"
#include "adhoc_private.h"

#include "model/human.h"
#include "text/text.h"

#include <strings.h>

#define LABEL_MAX 120 /* bytes of one option's label */

const char tt_adhoc_choose_something[] = TT_TR("Choose one of the list.");

struct row {
  const struct tt_node *node;
  uint16_t point;
  bool is_sole;
  char *label;
};

struct tt_adhoc_choices {
  const struct tt_adhoc_session *session;
  const char *language, *filter;
  struct row rows[TT_ADHOC_CHOICES_MAX];
  size_t n;
  bool is_more;
  /* Looking for one of them. */
  const char *wanted;
  struct row found; /* node NULL: not yet */
};

void tt_adhoc_node_path(struct tt_buf *out, const struct tt_node *node, const char *language)
{
  const struct tt_node *path[TT_PLACE_DEPTH_MAX + 2];
  size_t n = 0;
  for (; node && n < TT_COUNT(path); node = node->parent)
    path[n++] = node;
  while (n > 0) {
    n--;
    tt_buf_puts(out, tt_node_label(path[n], language));
    if (n > 0)
      tt_buf_puts(out, " \u203a ");
  }
}

/* What stands in the form for a choice: short, for there are clients in which people type it. A key has no "/" where a node
 * has points to choose from. */
static void put_value(struct tt_buf *out, const struct row *row)
{
  tt_buf_puts(out, row->node->key);
  if (row->point != TT_NO_POINT && !row->is_sole)
    tt_buf_printf(out, "/%s", row->node->points[row->point].name);
}

static char *label_of(const struct row *row, const char *language)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_adhoc_node_path(&text, row->node, language);
  if (row->point != TT_NO_POINT && !row->is_sole) {
    tt_buf_puts(&text, ": ");
    tt_human_name(&text, &row->node->points[row->point], language);
  }
  return text.data ? tt_text_clean(text.data, text.len, LABEL_MAX) : NULL;
}

void tt_adhoc_offer(struct tt_adhoc_choices *choices, const struct tt_node *node, uint16_t point, bool is_sole)
{
  struct row row = {node, point, is_sole, NULL};
  if (choices->wanted) {
    struct tt_buf value TT_AUTOBUF = TT_BUF(0);
    put_value(&value, &row);
    if (!value.failed && !strcmp(value.data, choices->wanted))
      choices->found = row;
    return;
  }
  TT_AUTOFREE char *label = label_of(&row, choices->language);
  if (!label ||
      (*choices->filter && !strcasestr(label, choices->filter) && !strcasestr(node->key, choices->filter)))
    return;
  choices->is_more |= choices->n == TT_ADHOC_CHOICES_MAX;
  if (choices->is_more)
    return;
  row.label = TT_STEAL(label);
  choices->rows[choices->n++] = row;
}

struct tt_adhoc_asker tt_adhoc_chooser(const struct tt_adhoc_choices *choices)
{
  return (struct tt_adhoc_asker){tt_adhoc_of(choices->session), tt_adhoc_caller(choices->session),
                                 tt_adhoc_thing(choices->session)};
}

static int by_label(const void *a, const void *b)
{
  return strcmp(((const struct row *)a)->label, ((const struct row *)b)->label);
}

/* Devices first: the gateway's own nodes are seldom meant. */
static void gather(struct tt_adhoc_session *session, tt_adhoc_offer_fn fn, struct tt_adhoc_choices *choices)
{
  struct tt_core *core = tt_adhoc_core(session);
  const struct tt_caller *caller = tt_adhoc_caller(session);
  const struct tt_node *thing = tt_adhoc_thing(session);
  struct tt_tree *tree = tt_core_tree(core);
  if (thing) {
    fn(choices, thing);
    return;
  }
  for (int is_own = 0; is_own < 2; is_own++) {
    size_t first = choices->n;
    for (struct tt_node *node = tt_tree_walk(tree, NULL); node && !choices->is_more;
         node = tt_tree_walk(tree, node)) {
      bool is_gateways = node->kind == TT_NODE_GATEWAY || node->kind == TT_NODE_CONNECTION;
      if (is_gateways == (bool)is_own && (node->n_points > 0 || node->n_commands > 0) &&
          tt_core_sight(core, caller, node) == TT_SIGHT_FULL)
        fn(choices, node);
    }
    qsort(choices->rows + first, choices->n - first, sizeof(*choices->rows), by_label);
  }
}

static void write_filter(struct tt_dataform *form, const struct tt_adhoc_choices *choices)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(
      &text,
      tt_tr(choices->language, "Only the first %zu are in the list. Write part of a name here to see others."),
      choices->n);
  tt_dataform_field(form, &(struct tt_dataform_field){.type = TT_FIELD_TEXT,
                                                      .var = "filter",
                                                      .label = tt_tr(choices->language, "Part of the name"),
                                                      .value = choices->filter,
                                                      .description = choices->is_more ? text.data : NULL});
}

/* As many as have room: the rest has to be narrowed down to. */
static void write_list(struct tt_adhoc_session *session, struct tt_dataform *form, const char *label,
                       struct tt_adhoc_choices *choices)
{
  struct tt_buf value TT_AUTOBUF = TT_BUF(0);
  put_value(&value, &choices->rows[0]);
  tt_dataform_open_list(
      form, &(struct tt_dataform_field){
                .type = TT_FIELD_LIST, .var = "node", .label = label, .value = value.data, .is_required = true});
  for (size_t i = 0; i < choices->n; i++) {
    struct tt_writer_mark mark = tt_write_mark(&form->w);
    tt_buf_truncate(&value, 0);
    put_value(&value, &choices->rows[i]);
    tt_dataform_option(form, value.data, choices->rows[i].label);
    if (!form->w.failed && tt_write_size(&form->w) <= session->room / 4 * 3)
      continue;
    tt_write_rewind(&form->w, mark);
    choices->is_more = true;
    choices->n = i;
  }
  tt_dataform_close_list(form);
}

size_t tt_adhoc_write_choices(struct tt_adhoc_session *session, struct tt_dataform *form, const char *label,
                              tt_adhoc_offer_fn fn, const struct tt_adhoc_choice *choice)
{
  struct tt_adhoc_choices choices = {
      .session = session, .language = tt_adhoc_language(session), .filter = choice->filter};
  gather(session, fn, &choices);
  size_t n = choices.n;
  if (n > 0)
    write_list(session, form, label, &choices);
  if (choices.is_more || *choice->filter)
    write_filter(form, &choices);
  for (size_t i = 0; i < n; i++)
    free(choices.rows[i].label);
  return n;
}

/* The node that a value names: its key, or a key, "/" and a point. */
static const struct tt_node *named(struct tt_adhoc_session *session, const char *value)
{
  char key[TT_NODE_KEY_MAX + 1];
  const char *slash = strrchr(value, '/');
  struct tt_node *node = tt_core_see(tt_adhoc_core(session), tt_adhoc_caller(session),
                                     &(struct tt_ref){.node = value, .source = "", .partition = ""});
  if (node || !slash || (size_t)(slash - value) > TT_NODE_KEY_MAX)
    return node;
  memcpy(key, value, (size_t)(slash - value));
  key[slash - value] = '\0';
  return tt_core_see(tt_adhoc_core(session), tt_adhoc_caller(session),
                     &(struct tt_ref){.node = key, .source = "", .partition = ""});
}

bool tt_adhoc_take_choice(struct tt_adhoc_session *session, const struct tt_xml *form, tt_adhoc_offer_fn fn,
                          struct tt_adhoc_choice *choice)
{
  const char *filter = tt_dataform_value(form, "filter"), *value = tt_dataform_value(form, "node");
  if (filter && strncmp(filter, choice->filter, TT_ADHOC_FILTER_SIZE - 1)) {
    TT_AUTOFREE char *clean = tt_text_clean(filter, strlen(filter), TT_ADHOC_FILTER_SIZE - 1);
    memcpy(choice->filter, clean ? clean : "", clean ? strlen(clean) + 1 : 1);
    tt_adhoc_show(session);
    return false;
  }
  struct tt_adhoc_choices choices = {.session = session, .language = "", .filter = "", .wanted = value};
  const struct tt_node *thing = tt_adhoc_thing(session), *node = value ? named(session, value) : NULL;
  if (node && (!thing || node == thing) &&
      tt_core_sight(tt_adhoc_core(session), tt_adhoc_caller(session), node) == TT_SIGHT_FULL)
    fn(&choices, node);
  if (!choices.found.node) {
    tt_adhoc_again(session, tt_tr(tt_adhoc_language(session), tt_adhoc_choose_something));
    return false;
  }
  choice->node = choices.found.node->id;
  choice->point = choices.found.point;
  return true;
}

/* ---- What can be read ----------------------------------------------------------------------------------------- */

static bool may_read(const struct tt_adhoc_asker *asker, const struct tt_node *node)
{
  return tt_node_is_readable(node) && tt_adhoc_may(asker, TT_ACCESS_READ, node, NULL, 0);
}

void tt_adhoc_offer_readable(struct tt_adhoc_choices *choices, const struct tt_node *node)
{
  const struct tt_adhoc_asker asker = tt_adhoc_chooser(choices);
  if (may_read(&asker, node))
    tt_adhoc_offer(choices, node, TT_NO_POINT, true);
}

bool tt_adhoc_is_readable_here(const struct tt_adhoc_asker *asker, TT_UNUSED void *user)
{
  struct tt_core *core = tt_router_config(tt_adhoc_router(asker->adhoc))->core;
  return !asker->thing ||
         (tt_core_sight(core, asker->caller, asker->thing) == TT_SIGHT_FULL && may_read(asker, asker->thing));
}

void tt_adhoc_show_wish(struct tt_adhoc_session *session, const char *title, const char *instructions,
                        const struct tt_adhoc_wish *wish, unsigned next)
{
  const char *language = tt_adhoc_language(session);
  const struct tt_node *thing = tt_adhoc_thing(session);
  if (thing) {
    tt_adhoc_go(session, next, thing->id);
    return;
  }
  struct tt_dataform *form = tt_adhoc_form(session, title, instructions);
  size_t n =
      tt_adhoc_write_choices(session, form, tt_tr(language, "Thing"), tt_adhoc_offer_readable, &wish->choice);
  if (n == 0 && !*wish->choice.filter) {
    session->has_form = false;
    tt_adhoc_done(session, TT_ADHOC_INFO, tt_tr(language, "There is nothing here that you could read."));
    return;
  }
  tt_dataform_field(form, &(struct tt_dataform_field){.type = TT_FIELD_TEXT,
                                                      .var = "field",
                                                      .label = tt_tr(language, "Value (empty: all of them)"),
                                                      .value = wish->field ? wish->field : ""});
  tt_adhoc_ask(session, TT_ADHOC_COMPLETE);
}

void tt_adhoc_take_wish(struct tt_adhoc_session *session, const struct tt_xml *form, struct tt_adhoc_wish *wish,
                        unsigned next)
{
  const char *field = tt_dataform_value(form, "field");
  free(wish->field);
  wish->field = field && *field ? tt_text_clean(field, strlen(field), TT_TEXT_MAX) : NULL;
  if (tt_adhoc_take_choice(session, form, tt_adhoc_offer_readable, &wish->choice))
    tt_adhoc_go(session, next, wish->choice.node);
}

const char *tt_adhoc_field_name(const struct tt_node *node, const char *text, const char *language)
{
  for (size_t i = 0; i < node->n_points; i++) {
    struct tt_buf label TT_AUTOBUF = TT_BUF(0);
    tt_human_name(&label, &node->points[i], language);
    if (!node->points[i].is_hidden && (!strcasecmp(node->points[i].name, text) || !strcasecmp(label.data, text)))
      return node->points[i].name;
  }
  return NULL;
}
