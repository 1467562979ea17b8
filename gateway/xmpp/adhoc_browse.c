/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_browse.c: what there is, place by place, for people whose client shows no tree of service discovery.
 */
#include "adhoc_choose.h"
#include "adhoc_commands.h"
#include "adhoc_private.h"

#include "model/human.h"
#include "text/text.h"

#define LIST_MAX 100 /* of one place in one form */

enum stage { PLACE, THING };

/* ---- A place ------------------------------------------------------------------------------------------------------ */

static enum tt_sight sight(const struct tt_adhoc_session *session, const struct tt_node *node)
{
  return tt_core_sight(tt_adhoc_core(session), tt_adhoc_caller(session), node);
}

static const struct tt_node *first_of(struct tt_adhoc_session *session, const struct tt_node *place)
{
  return place ? place->first_child : tt_tree_roots(tt_core_tree(tt_adhoc_core(session)));
}

static const struct tt_node *next_visible(struct tt_adhoc_session *session, const struct tt_node *node)
{
  while (node && sight(session, node) == TT_SIGHT_NONE)
    node = node->next;
  return node;
}

/* "Hall …", "Plug (error)": places can be entered, and what is wrong is seen from outside. */
static void put_label(struct tt_buf *out, struct tt_adhoc_session *session, const struct tt_node *node)
{
  static const char *const states[] = {
      [TT_STATE_NONE] = NULL,
      [TT_STATE_INFORMATION] = NULL,
      [TT_STATE_WARNING_SIGNED] = TT_TR("warning"),
      [TT_STATE_WARNING_UNSIGNED] = TT_TR("warning"),
      [TT_STATE_ERROR_SIGNED] = TT_TR("error"),
      [TT_STATE_ERROR_UNSIGNED] = TT_TR("error"),
  };
  const char *language = tt_adhoc_language(session);
  const char *state = sight(session, node) == TT_SIGHT_FULL ? states[tt_node_state(node)] : NULL;
  tt_buf_puts(out, tt_node_label(node, language));
  if (next_visible(session, node->first_child))
    tt_buf_puts(out, " \u2026");
  if (state)
    tt_buf_printf(out, " (%s)", tt_tr(language, state));
}

static void write_children(struct tt_adhoc_session *session, struct tt_dataform *form, const struct tt_node *first)
{
  const char *language = tt_adhoc_language(session);
  size_t n = 0;
  tt_dataform_open_list(form, &(struct tt_dataform_field){.type = TT_FIELD_LIST,
                                                          .var = "node",
                                                          .label = tt_tr(language, "Go to"),
                                                          .value = first->key,
                                                          .is_required = true});
  for (const struct tt_node *node = first; node && n < LIST_MAX; node = next_visible(session, node->next), n++) {
    struct tt_buf label TT_AUTOBUF = TT_BUF(0);
    struct tt_writer_mark mark = tt_write_mark(&form->w);
    put_label(&label, session, node);
    tt_dataform_option(form, node->key, label.data);
    if (!form->w.failed && tt_write_size(&form->w) <= session->room / 4 * 3)
      continue;
    tt_write_rewind(&form->w, mark);
    break;
  }
  tt_dataform_close_list(form);
}

static void place_show(struct tt_adhoc_session *session)
{
  const char *language = tt_adhoc_language(session);
  const struct tt_node *thing = tt_adhoc_thing(session), *place = tt_adhoc_node(session);
  if (!place && (tt_adhoc_at(session) || session->thing)) {
    if (thing && !tt_adhoc_at(session))
      tt_adhoc_go(session, PLACE, thing->id);
    else
      tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
    return;
  }
  const struct tt_node *first = next_visible(session, first_of(session, place));
  if (place && !first) {
    tt_adhoc_go(session, THING, place->id);
    return;
  }
  struct tt_buf where TT_AUTOBUF = TT_BUF(0);
  tt_adhoc_node_path(&where, place, language);
  if (!first) {
    tt_adhoc_done(session, TT_ADHOC_INFO, tt_tr(language, "There is nothing here."));
    return;
  }
  struct tt_dataform *form =
      tt_adhoc_form(session, where.len ? where.data : tt_tr(language, "Places and things"), NULL);
  write_children(session, form, first);
  tt_adhoc_ask(session, TT_ADHOC_NEXT);
}

static void place_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                       TT_UNUSED enum tt_adhoc_action action)
{
  const char *key = tt_dataform_value(form, "node");
  const struct tt_ref ref = {key ? key : "", "", ""};
  const struct tt_node *node = tt_core_see(tt_adhoc_core(session), tt_adhoc_caller(session), &ref);
  if (node && node->parent == tt_adhoc_node(session))
    tt_adhoc_go(session, PLACE, node->id);
  else
    tt_adhoc_again(session, tt_tr(tt_adhoc_language(session), tt_adhoc_choose_something));
}

/* ---- A thing --------------------------------------------------------------------------------------------------------- */

struct line {
  struct tt_dataform *form;
  const char *language;
};

/* While it can be gone back from there are no fields to fill in, so the lines are texts. */
static void put_line(const struct line *line, const char *var, const char *label, const char *value)
{
  const char *said = tt_tr(line->language, label);
  if (!value || !*value)
    return;
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text, "%s: %s", said, value);
  if (line->form->kind == TT_DATAFORM_RESULT)
    tt_dataform_line(line->form, var, said, value);
  else
    tt_dataform_field(line->form, &(struct tt_dataform_field){.type = TT_FIELD_FIXED, .value = text.data});
}

static void put_commands(struct tt_buf *out, const struct tt_node *node, const char *language)
{
  if (tt_node_is_readable(node))
    tt_buf_puts(out, tt_tr(language, "Read values"));
  if (tt_node_is_controllable(node))
    tt_buf_printf(out, "%s%s", out->len ? ", " : "", tt_tr(language, "Control"));
}

static void describe(struct tt_adhoc_session *session, struct tt_dataform *form, const struct tt_node *node)
{
  const struct line line = {form, tt_adhoc_language(session)};
  struct tt_buf where TT_AUTOBUF = TT_BUF(0), commands TT_AUTOBUF = TT_BUF(0);
  tt_adhoc_node_path(&where, node->parent, line.language);
  put_line(&line, "place", TT_TR("Place"), where.data);
  put_line(&line, "id", TT_TR("Id"), node->key);
  if (sight(session, node) != TT_SIGHT_FULL)
    return;
  put_line(&line, "vendor", TT_TR("Vendor"), node->vendor);
  put_line(&line, "model", TT_TR("Model"), node->model);
  put_line(&line, "type", TT_TR("Type"), node->type);
  for (size_t i = 0; i < node->n_messages; i++)
    put_line(&line, "message", TT_TR("Message"), tt_tr(line.language, node->messages[i].text));
  put_commands(&commands, node, line.language);
  put_line(&line, "commands", TT_TR("Commands"), commands.data);
}

static void thing_show(struct tt_adhoc_session *session)
{
  const struct tt_node *node = tt_adhoc_node(session);
  if (!node) {
    tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
    return;
  }
  const char *label = tt_node_label(node, tt_adhoc_language(session));
  if (session->n_history == 0) { /* at its own address there is nothing to go back to */
    describe(session, tt_adhoc_result(session, label), node);
    tt_adhoc_done(session, TT_ADHOC_INFO, label);
    return;
  }
  describe(session, tt_adhoc_form(session, label, NULL), node);
  tt_adhoc_ask(session, TT_ADHOC_COMPLETE);
}

static void thing_take(struct tt_adhoc_session *session, TT_UNUSED const struct tt_xml *form,
                       TT_UNUSED enum tt_adhoc_action action)
{
  const struct tt_node *node = tt_adhoc_node(session);
  const char *label = node ? tt_node_label(node, tt_adhoc_language(session)) : "";
  if (!node) {
    tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
    return;
  }
  describe(session, tt_adhoc_result(session, label), node);
  tt_adhoc_done(session, TT_ADHOC_INFO, label);
}

static const struct tt_adhoc_stage stages[] = {
    [PLACE] = {place_show, place_take},
    [THING] = {thing_show, thing_take},
};

static const struct tt_adhoc_command rows[] = {
    {.node = "browse",
     .title = TT_TR("Places and things"),
     .role = TT_ROLE_READER,
     .at = TT_ADHOC_AT_GATEWAY | TT_ADHOC_AT_THING,
     .stages = stages,
     .n_stages = TT_COUNT(stages)},
};

int tt_adhoc_browse_add(struct tt_adhoc *adhoc)
{
  return tt_adhoc_add(adhoc, rows, TT_COUNT(rows), NULL);
}

/* What one wants most comes first, for that is how clients list it. */
int tt_adhoc_things_add(struct tt_adhoc *adhoc)
{
  int r = tt_adhoc_control_add(adhoc);
  if (r == 0)
    r = tt_adhoc_do_add(adhoc);
  if (r == 0)
    r = tt_adhoc_read_add(adhoc);
  return r < 0 ? r : tt_adhoc_browse_add(adhoc);
}
