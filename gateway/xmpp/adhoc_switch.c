/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_switch.c: on and off by ad-hoc command. From the gateway `switch` does it in one form; at the address of a thing, `turn-on`
 * and `turn-off` need no form at all where there is one thing to switch.
 */
#include "adhoc_private.h"
#include "adhoc_set.h"

#include "text/text.h"

enum stage { FORM, CONFIRM };

static bool is_switch(const struct tt_point *point)
{
  return point->write && !point->is_hidden && point->type == TT_TYPE_BOOLEAN;
}

/* The first that may be switched, beginning with point `i`. */
static bool find_switch(const struct tt_adhoc_asker *asker, const struct tt_node *node, size_t i, uint16_t *ret)
{
  for (; !node->is_disabled && i < node->n_points; i++)
    if (is_switch(&node->points[i]) && tt_adhoc_may(asker, TT_ACCESS_CONTROL, node, &node->points[i].name, 1)) {
      *ret = (uint16_t)i;
      return true;
    }
  return false;
}

/* 0; 1, which is `ret`; 2: several. */
static unsigned count_switches(const struct tt_adhoc_asker *asker, const struct tt_node *node, uint16_t *ret)
{
  uint16_t second;
  if (!find_switch(asker, node, 0, ret))
    return 0;
  return find_switch(asker, node, *ret + 1u, &second) ? 2 : 1;
}

static void offer(struct tt_adhoc_choices *choices, const struct tt_node *node)
{
  const struct tt_adhoc_asker asker = tt_adhoc_chooser(choices);
  uint16_t point;
  unsigned n = count_switches(&asker, node, &point);
  for (bool is_there = n > 0; is_there; is_there = find_switch(&asker, node, point + 1u, &point))
    tt_adhoc_offer(choices, node, point, n == 1);
}

static void switch_show(struct tt_adhoc_session *session)
{
  struct tt_adhoc_setting *state = tt_adhoc_state(session);
  const char *language = tt_adhoc_language(session);
  struct tt_dataform *form = tt_adhoc_form(session, tt_tr(language, "Switch on or off"), NULL);
  size_t n = tt_adhoc_write_choices(session, form, tt_tr(language, "Thing"), offer, &state->choice);
  if (n == 0 && !*state->choice.filter) {
    tt_adhoc_nothing_here(session);
    return;
  }
  tt_dataform_open_list(form, &(struct tt_dataform_field){.type = TT_FIELD_LIST,
                                                          .var = "to",
                                                          .label = tt_tr(language, "To"),
                                                          .value = "toggle",
                                                          .is_required = true});
  tt_dataform_option(form, "toggle", tt_tr(language, "the other way"));
  tt_dataform_option(form, "on", tt_tr(language, "on"));
  tt_dataform_option(form, "off", tt_tr(language, "off"));
  tt_dataform_close_list(form);
  state->has_form = true;
  tt_adhoc_ask(session, TT_ADHOC_COMPLETE);
}

/* "true" or "false"; NULL: which is the other way is not known. */
static const char *direction(const struct tt_adhoc_session *session, const struct tt_node *node, uint16_t point,
                             const char *to)
{
  const struct tt_field *field = &node->fields[point];
  if (!strcmp(to, "on"))
    return "true";
  if (!strcmp(to, "off"))
    return "false";
  if (field->value.type != TT_TYPE_BOOLEAN || field->is_retained || node->field_errors[point] ||
      tt_node_is_stale(node, point, tt_core_now(tt_adhoc_core(session))))
    return NULL;
  return field->value.boolean ? "false" : "true";
}

static void turn(struct tt_adhoc_session *session, const struct tt_node *node, uint16_t point, const char *to)
{
  struct tt_adhoc_setting *state = tt_adhoc_state(session);
  const char *language = tt_adhoc_language(session);
  const char *value = direction(session, node, point, to);
  tt_adhoc_fill_forget(&state->fill);
  state->node = node->id;
  if (!value)
    tt_adhoc_again(session, tt_tr(language, "Its state is not known; choose on or off."));
  else if (!tt_adhoc_fill_add(&state->fill, tt_adhoc_points_of(node), node->points[point].name, value, language))
    tt_adhoc_refuse(session, TT_REFUSED_BUSY, NULL);
  else
    tt_adhoc_set(session, CONFIRM);
}

static void switch_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                        TT_UNUSED enum tt_adhoc_action action)
{
  struct tt_adhoc_setting *state = tt_adhoc_state(session);
  const char *to = tt_dataform_value(form, "to");
  if (!tt_adhoc_take_choice(session, form, offer, &state->choice))
    return;
  const struct tt_node *node = tt_tree_get(tt_core_tree(tt_adhoc_core(session)), state->choice.node);
  if (!to || (strcmp(to, "toggle") && strcmp(to, "on") && strcmp(to, "off")))
    tt_adhoc_bad_payload(session, TT_TR("The form is not one that was filled in."));
  else
    turn(session, node, state->choice.point, to);
}

/* ---- turn-on, turn-off: one step at the address of a thing -------------------------------------------------------------- */

static void turn_show(struct tt_adhoc_session *session)
{
  const struct tt_node *thing = tt_adhoc_thing(session);
  const struct tt_adhoc_asker asker = {tt_adhoc_of(session), tt_adhoc_caller(session), thing};
  uint16_t point = 0;
  if (!thing || count_switches(&asker, thing, &point) != 1)
    tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
  else
    turn(session, thing, point, strcmp(session->command->node, "turn-on") ? "off" : "on");
}

/* ---- Rows --------------------------------------------------------------------------------------------------------------- */

static unsigned switches_here(const struct tt_adhoc_asker *asker)
{
  struct tt_core *core = tt_router_config(tt_adhoc_router(asker->adhoc))->core;
  uint16_t point;
  bool sees_all = tt_core_sight(core, asker->caller, asker->thing) == TT_SIGHT_FULL;
  return sees_all ? count_switches(asker, asker->thing, &point) : 0;
}

/* One has turn-on and turn-off. */
static bool has_switches(const struct tt_adhoc_asker *asker, TT_UNUSED void *user)
{
  return !asker->thing || switches_here(asker) > 1;
}

static bool has_one_switch(const struct tt_adhoc_asker *asker, TT_UNUSED void *user)
{
  return switches_here(asker) == 1;
}

static const struct tt_adhoc_stage switch_stages[] = {
    [FORM] = {switch_show, switch_take},
    [CONFIRM] = {tt_adhoc_set_confirm_show, tt_adhoc_set_confirm_take},
};
static const struct tt_adhoc_stage turn_stages[] = {
    [FORM] = {turn_show, NULL},
    [CONFIRM] = {tt_adhoc_set_confirm_show, tt_adhoc_set_confirm_take},
};

const struct tt_adhoc_command tt_adhoc_switch_rows[3] = {
    TT_ADHOC_SETTING_ROW("turn-on", TT_TR("Turn on"), TT_ADHOC_AT_THING, has_one_switch, turn_stages),
    TT_ADHOC_SETTING_ROW("turn-off", TT_TR("Turn off"), TT_ADHOC_AT_THING, has_one_switch, turn_stages),
    TT_ADHOC_SETTING_ROW("switch", TT_TR("Switch on or off"), TT_ADHOC_AT_GATEWAY | TT_ADHOC_AT_THING, has_switches,
                         switch_stages),
};
