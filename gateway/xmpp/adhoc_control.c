/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_control.c: `control`: all parameters of one thing in a form, chosen first where the gateway is asked.
 */
#include "adhoc_commands.h"
#include "adhoc_private.h"
#include "adhoc_set.h"

#include "text/text.h"

enum stage { CHOOSE, FORM, CONFIRM };

static bool may_control(const struct tt_adhoc_asker *asker, const struct tt_node *node)
{
  return tt_node_is_controllable(node) && tt_adhoc_may(asker, TT_ACCESS_CONTROL, node, NULL, 0);
}

static void offer(struct tt_adhoc_choices *choices, const struct tt_node *node)
{
  const struct tt_adhoc_asker asker = tt_adhoc_chooser(choices);
  if (may_control(&asker, node))
    tt_adhoc_offer(choices, node, TT_NO_POINT, true);
}

static void choose_show(struct tt_adhoc_session *session)
{
  struct tt_adhoc_setting *setting = tt_adhoc_state(session);
  const char *language = tt_adhoc_language(session);
  const struct tt_node *thing = tt_adhoc_thing(session);
  if (thing) {
    tt_adhoc_go(session, FORM, thing->id);
    return;
  }
  struct tt_dataform *form = tt_adhoc_form(session, tt_tr(language, "Control"), NULL);
  size_t n = tt_adhoc_write_choices(session, form, tt_tr(language, "Thing"), offer, &setting->choice);
  if (n == 0 && !*setting->choice.filter)
    tt_adhoc_nothing_here(session);
  else
    tt_adhoc_ask(session, TT_ADHOC_NEXT);
}

static void choose_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                        TT_UNUSED enum tt_adhoc_action action)
{
  struct tt_adhoc_setting *setting = tt_adhoc_state(session);
  if (tt_adhoc_take_choice(session, form, offer, &setting->choice)) {
    tt_adhoc_fill_forget(&setting->fill);
    tt_adhoc_go(session, FORM, setting->choice.node);
  }
}

static void on_parameters(void *user, enum tt_refusal refusal, const char *text,
                          const struct tt_parameter *parameters, size_t n)
{
  struct tt_adhoc_session *session = tt_adhoc_resume(user);
  if (!session)
    return;
  struct tt_adhoc_setting *setting = tt_adhoc_state(session);
  const struct tt_node *node = refusal == TT_OK ? tt_adhoc_setting_node(session, setting) : NULL;
  const char *language = tt_adhoc_language(session);
  if (!node) {
    tt_adhoc_refuse(session, refusal == TT_OK ? TT_REFUSED_NOT_FOUND : refusal, text);
    return;
  }
  if (!tt_adhoc_fill_offer(&setting->fill, parameters, n)) {
    tt_adhoc_refuse(session, TT_REFUSED_BUSY, NULL);
    return;
  }
  setting->has_form = true;
  struct tt_dataform *form = tt_adhoc_form(session, tt_node_label(node, language), NULL);
  for (size_t i = 0; i < n; i++)
    tt_form_write_field(&form->w, language, &parameters[i],
                        tt_adhoc_fill_text(&setting->fill, parameters[i].point->name));
  tt_adhoc_ask(session, TT_ADHOC_COMPLETE);
}

static void form_show(struct tt_adhoc_session *session)
{
  struct tt_adhoc_setting *setting = tt_adhoc_state(session);
  const struct tt_node *node = tt_adhoc_node(session);
  struct tt_adhoc_wait *wait = node ? tt_adhoc_wait(session) : NULL;
  if (!wait) {
    tt_adhoc_refuse(session, node ? TT_REFUSED_BUSY : TT_REFUSED_NOT_FOUND, NULL);
    return;
  }
  setting->node = node->id;
  const struct tt_ref ref = {node->key, node->source, node->partition};
  tt_control_parameters(tt_adhoc_core(session), tt_adhoc_caller(session), &ref, 1, on_parameters, wait);
}

/* What is empty and is no text has not been filled in: it stays as it is. So does a text that is not known. */
static bool is_left_alone(const void *user, const struct tt_assignment *value)
{
  const struct tt_node *node = user;
  uint16_t point;
  return !*value->text &&
         (tt_node_point(node, value->name, &point) < 0 || node->points[point].type != TT_TYPE_STRING ||
          node->fields[point].value.type == TT_TYPE_NONE);
}

static void form_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                      TT_UNUSED enum tt_adhoc_action action)
{
  struct tt_adhoc_setting *setting = tt_adhoc_state(session);
  const struct tt_node *node = tt_adhoc_setting_node(session, setting);
  const char *language = tt_adhoc_language(session);
  if (!node) {
    tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
    return;
  }
  const char *wrong =
      tt_adhoc_fill_take(&setting->fill, form, tt_adhoc_points_of(node), language, is_left_alone, node);
  if (wrong)
    tt_adhoc_bad_payload(session, wrong);
  else if (setting->fill.n_values == 0)
    tt_adhoc_again(session, tt_tr(language, "Nothing is filled in."));
  else
    tt_adhoc_set(session, CONFIRM);
}

static bool is_controllable_here(const struct tt_adhoc_asker *asker, TT_UNUSED void *user)
{
  struct tt_core *core = tt_router_config(tt_adhoc_router(asker->adhoc))->core;
  return !asker->thing ||
         (tt_core_sight(core, asker->caller, asker->thing) == TT_SIGHT_FULL && may_control(asker, asker->thing));
}

static const struct tt_adhoc_stage stages[] = {
    [CHOOSE] = {choose_show, choose_take},
    [FORM] = {form_show, form_take},
    [CONFIRM] = {tt_adhoc_set_confirm_show, tt_adhoc_set_confirm_take},
};

static const struct tt_adhoc_command rows[] = {
    TT_ADHOC_SETTING_ROW("control", TT_TR("Control"), TT_ADHOC_AT_GATEWAY | TT_ADHOC_AT_THING, is_controllable_here,
                         stages),
};

int tt_adhoc_control_add(struct tt_adhoc *adhoc)
{
  int r = tt_adhoc_add(adhoc, tt_adhoc_switch_rows, TT_COUNT(tt_adhoc_switch_rows), NULL);
  return r < 0 ? r : tt_adhoc_add(adhoc, rows, TT_COUNT(rows), NULL);
}
