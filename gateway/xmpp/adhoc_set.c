/* SPDX-License-Identifier: Apache-2.0
 * adhoc_set.c: adhoc_set.h. */
#include "adhoc_set.h"
#include "adhoc_private.h"

#include "model/human.h"
#include "text/text.h"

void tt_adhoc_setting_finish(void *state)
{
  struct tt_adhoc_setting *setting = state;
  tt_adhoc_fill_finish(&setting->fill);
}

const struct tt_node *tt_adhoc_setting_node(const struct tt_adhoc_session *session,
                                            const struct tt_adhoc_setting *setting)
{
  struct tt_core *core = tt_adhoc_core(session);
  const struct tt_node *node = tt_tree_get(tt_core_tree(core), setting->node);
  return node && tt_core_sight(core, tt_adhoc_caller(session), node) == TT_SIGHT_FULL ? node : NULL;
}

struct tt_adhoc_points tt_adhoc_points_of(const struct tt_node *node)
{
  return (struct tt_adhoc_points){node->points, node->n_points};
}

void tt_adhoc_nothing_here(struct tt_adhoc_session *session)
{
  session->has_form = false; /* the form that was begun */
  tt_adhoc_done(session, TT_ADHOC_INFO,
                tt_tr(tt_adhoc_language(session), "There is nothing here that you could control."));
}

/* A form of all parameters comes back with those that nobody has touched: what is so already is not written again. A switch
 * is. */
static bool is_form(const struct tt_adhoc_setting *setting)
{
  return setting->fill.n_offered > 0;
}

/* ---- Doing it ---------------------------------------------------------------------------------------------------- */

static void failed(struct tt_adhoc_session *session, const struct tt_adhoc_setting *setting,
                   const struct tt_node *node, const struct tt_set_result *result)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_adhoc_put_fault(&text, tt_adhoc_points_of(node), result->refusal, result->text, result->errors,
                     result->n_errors, tt_adhoc_language(session));
  const char *said = text.data ? text.data : "";
  if (result->refusal == TT_REFUSED_FORBIDDEN || result->refusal == TT_REFUSED_NOT_FOUND)
    tt_adhoc_refuse(session, result->refusal, result->text);
  else if (!setting->has_form)
    tt_adhoc_done(session, TT_ADHOC_ERROR, said);
  else if (session->spot.stage + 1 == session->command->n_stages) /* was confirmed */
    tt_adhoc_back(session, said);
  else
    tt_adhoc_again(session, said);
}

static bool is_done(const struct tt_set_result *result, const char *name)
{
  for (size_t i = 0; i < result->n_done; i++)
    if (!strcmp(result->done[i].name, name))
      return true;
  return false;
}

/* What has come of a value. */
static void put_outcome(struct tt_buf *out, const struct tt_adhoc_session *session, const struct tt_node *node,
                        const struct tt_assignment *value, bool is_set)
{
  const char *language = tt_adhoc_language(session);
  uint16_t point;
  if (!is_set)
    tt_buf_puts(out, tt_tr(language, "not set: you may not"));
  else if (tt_node_point(node, value->name, &point) == 0 && tt_node_has_field(node, point))
    tt_human_field(out, node, point, tt_core_now(tt_adhoc_core(session)), language);
  else
    tt_adhoc_put_value(out, tt_adhoc_points_of(node), value, language);
}

static void succeeded(struct tt_adhoc_session *session, const struct tt_adhoc_setting *setting,
                      const struct tt_node *node, const struct tt_set_result *result)
{
  const char *language = tt_adhoc_language(session);
  struct tt_dataform *form = tt_adhoc_result(session, tt_node_label(node, language));
  struct tt_buf note TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&note, "%s: ", tt_node_label(node, language));
  for (size_t i = 0; i < setting->fill.n_values; i++) {
    struct tt_buf name TT_AUTOBUF = TT_BUF(0), outcome TT_AUTOBUF = TT_BUF(0);
    const struct tt_assignment *value = &setting->fill.values[i];
    tt_adhoc_put_name(&name, tt_adhoc_points_of(node), value->name, language);
    put_outcome(&outcome, session, node, value, is_done(result, value->name));
    tt_dataform_line(form, value->name, name.data, outcome.data ? outcome.data : "");
    tt_buf_printf(&note, "%s%s %s", i ? ", " : "", name.data, outcome.data ? outcome.data : "");
  }
  tt_adhoc_done(session, result->is_complete ? TT_ADHOC_INFO : TT_ADHOC_WARN, note.data ? note.data : "");
}

static void on_result(void *user, const struct tt_set_result *result)
{
  struct tt_adhoc_session *session = tt_adhoc_resume(user);
  if (!session)
    return; /* nobody is there to hear of it; the audit has it */
  struct tt_adhoc_setting *setting = tt_adhoc_state(session);
  const struct tt_node *node = tt_adhoc_setting_node(session, setting);
  if (!node)
    tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
  else if (result->refusal == TT_OK)
    succeeded(session, setting, node, result);
  else
    failed(session, setting, node, result);
}

static void set(struct tt_adhoc_session *session)
{
  struct tt_adhoc_setting *setting = tt_adhoc_state(session);
  const struct tt_node *node = tt_adhoc_setting_node(session, setting);
  struct tt_adhoc_wait *wait = node ? tt_adhoc_wait(session) : NULL;
  if (!wait) {
    tt_adhoc_refuse(session, node ? TT_REFUSED_BUSY : TT_REFUSED_NOT_FOUND, NULL);
    return;
  }
  const struct tt_ref ref = {node->key, node->source, node->partition};
  const struct tt_set_request request = {.caller = tt_adhoc_caller(session),
                                         .refs = &ref,
                                         .n_refs = 1,
                                         .assignments = setting->fill.values,
                                         .n_assignments = setting->fill.n_values,
                                         .is_form = is_form(setting)};
  tt_control_start(tt_adhoc_core(session), &request, on_result, wait);
}

/* ---- What a mapping wants confirmed ------------------------------------------------------------------------------- */

static bool is_so_already(const struct tt_adhoc_session *session, const struct tt_node *node, uint16_t point,
                          const char *text)
{
  struct tt_core *core = tt_adhoc_core(session);
  struct tt_value value TT_AUTOVALUE = {0};
  return tt_node_is_fresh(node, point, tt_core_now(core), tt_core_max_age(core, &node->points[point])) &&
         tt_value_parse(node->points[point].type, text, &value) == 0 &&
         tt_value_equals(&node->fields[point].value, &value);
}

/* The questions of all that would be written, a line each. */
static void put_questions(struct tt_buf *out, const struct tt_adhoc_session *session,
                          const struct tt_adhoc_setting *setting, const struct tt_node *node)
{
  for (size_t i = 0; i < setting->fill.n_values; i++) {
    const struct tt_assignment *value = &setting->fill.values[i];
    uint16_t point;
    if (tt_node_point(node, value->name, &point) < 0 || !node->points[point].write ||
        !node->points[point].write->confirm)
      continue;
    if (is_form(setting) && is_so_already(session, node, point, value->text))
      continue;
    tt_buf_printf(out, "%s%s", out->len ? "\n" : "",
                  tt_label_for(node->points[point].write->confirm, tt_adhoc_language(session), ""));
  }
}

void tt_adhoc_set(struct tt_adhoc_session *session, unsigned confirm_stage)
{
  struct tt_adhoc_setting *setting = tt_adhoc_state(session);
  const struct tt_node *node = tt_adhoc_setting_node(session, setting);
  struct tt_buf questions TT_AUTOBUF = TT_BUF(0);
  if (node)
    put_questions(&questions, session, setting, node);
  if (questions.len)
    tt_adhoc_go(session, confirm_stage, setting->node);
  else
    set(session);
}

void tt_adhoc_set_confirm_show(struct tt_adhoc_session *session)
{
  struct tt_adhoc_setting *setting = tt_adhoc_state(session);
  const struct tt_node *node = tt_adhoc_setting_node(session, setting);
  struct tt_buf questions TT_AUTOBUF = TT_BUF(0);
  if (!node) {
    tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
    return;
  }
  put_questions(&questions, session, setting, node);
  tt_adhoc_confirm(session, tt_node_label(node, tt_adhoc_language(session)), questions.data,
                   tt_adhoc_points_of(node), &setting->fill);
}

void tt_adhoc_set_confirm_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                               TT_UNUSED enum tt_adhoc_action action)
{
  if (tt_adhoc_is_confirmed(form))
    set(session);
  else
    tt_adhoc_again(session, tt_tr(tt_adhoc_language(session), "Nothing was set: say yes, or cancel."));
}
