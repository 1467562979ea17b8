/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_control.c: controlling a thing by ad-hoc command. From the gateway: `switch` turns something on or off in one form,
 * `control` shows all parameters of one thing. At the address of a thing: `turn-on` and `turn-off` need no form at all where
 * there is one thing to switch. What a mapping wants confirmed is asked about before.
 */
#include "adhoc_choose.h"
#include "adhoc_commands.h"
#include "adhoc_private.h"

#include "model/human.h"
#include "text/text.h"

#define FORM_MEMORY_MAX (256u * 1024)

/* What is to be set, as it was written. */
struct wish {
  char *name, *text;
};

struct controlling {
  struct tt_adhoc_choice choice;
  tt_id node;
  /* What the form offered, by name: nothing else is taken. */
  char **offered;
  size_t n_offered;
  struct wish *wishes;
  size_t n_wishes;
  bool has_form; /* there is one to come back to when something is wrong */
};

static void forget_wishes(struct controlling *state)
{
  for (size_t i = 0; i < state->n_wishes; i++) {
    free(state->wishes[i].name);
    free(state->wishes[i].text);
  }
  free(TT_STEAL(state->wishes));
  state->n_wishes = 0;
}

static void forget_offered(struct controlling *state)
{
  for (size_t i = 0; i < state->n_offered; i++)
    free(state->offered[i]);
  free(TT_STEAL(state->offered));
  state->n_offered = 0;
}

/* A form of all parameters comes back with those that nobody has touched: what is so already is not written again. A switch
 * is. */
static bool is_form(const struct controlling *state)
{
  return state->n_offered > 0;
}

static void finish(void *user)
{
  struct controlling *state = user;
  forget_wishes(state);
  forget_offered(state);
}

/* As a person wrote it, in the form a control takes. */
static bool wish(struct controlling *state, const struct tt_node *node, const char *name, const char *text,
                 const char *language)
{
  struct tt_buf lexical TT_AUTOBUF = TT_BUF(0);
  uint16_t point;
  struct wish *wishes = realloc(state->wishes, (state->n_wishes + 1) * sizeof(*wishes));
  if (!wishes)
    return false;
  state->wishes = wishes;
  if (tt_node_point(node, name, &point) == 0)
    tt_human_parse(&lexical, &node->points[point], text, language);
  else
    tt_buf_puts(&lexical, text);
  struct wish *new = &wishes[state->n_wishes];
  *new = (struct wish){strdup(name), tt_buf_steal(&lexical)};
  if (!new->name || !new->text) {
    free(new->name);
    free(new->text);
    return false;
  }
  state->n_wishes++;
  return true;
}

static const struct tt_node *node_of(const struct tt_adhoc_session *session, const struct controlling *state)
{
  struct tt_core *core = tt_adhoc_core(session);
  const struct tt_node *node = tt_tree_get(tt_core_tree(core), state->node);
  return node && tt_core_sight(core, tt_adhoc_caller(session), node) == TT_SIGHT_FULL ? node : NULL;
}

static void put_name(struct tt_buf *out, const struct tt_node *node, const char *name, const char *language)
{
  uint16_t point;
  if (tt_node_point(node, name, &point) == 0)
    tt_human_name(out, &node->points[point], language);
  else
    tt_buf_puts(out, name);
}

/* What a wish is, or what has come of it. */
static void put_value(struct tt_buf *out, const struct tt_node *node, const struct wish *wish, bool is_done,
                      struct tt_now now, const char *language)
{
  struct tt_value value TT_AUTOVALUE = {0};
  uint16_t point;
  if (tt_node_point(node, wish->name, &point) < 0)
    tt_buf_puts(out, wish->text);
  else if (is_done && tt_node_has_field(node, point))
    tt_human_field(out, node, point, now, language);
  else if (tt_value_parse(node->points[point].type, wish->text, &value) == 0)
    tt_human_value(out, &value, node->points[point].unit, language);
  else
    tt_buf_puts(out, wish->text);
}

/* ---- Doing it ---------------------------------------------------------------------------------------------------- */

/* "level: must be between 0 and 100": the sentence, then what is at fault. */
static void put_fault(struct tt_buf *out, const struct tt_node *node, const struct tt_set_result *result,
                      const char *language)
{
  const char *text = result->text ? result->text : tt_refusal_text(result->refusal);
  tt_buf_puts(out, tt_tr(language, text));
  for (size_t i = 0; i < result->n_errors; i++) {
    tt_buf_puts(out, i ? "; " : " ");
    put_name(out, node, result->errors[i].name, language);
    tt_buf_printf(out, ": %s", tt_tr(language, result->errors[i].text));
  }
}

static void failed(struct tt_adhoc_session *session, const struct controlling *state, const struct tt_node *node,
                   const struct tt_set_result *result)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  put_fault(&text, node, result, tt_adhoc_language(session));
  const char *said = text.data ? text.data : "";
  if (result->refusal == TT_REFUSED_FORBIDDEN || result->refusal == TT_REFUSED_NOT_FOUND)
    tt_adhoc_refuse(session, result->refusal, result->text);
  else if (!state->has_form)
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

static void succeeded(struct tt_adhoc_session *session, const struct controlling *state, const struct tt_node *node,
                      const struct tt_set_result *result)
{
  const char *language = tt_adhoc_language(session);
  struct tt_now now = tt_core_now(tt_adhoc_core(session));
  struct tt_dataform *form = tt_adhoc_result(session, tt_node_label(node, language));
  struct tt_buf note TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&note, "%s: ", tt_node_label(node, language));
  for (size_t i = 0, n = 0; i < state->n_wishes; i++) {
    struct tt_buf name TT_AUTOBUF = TT_BUF(0), value TT_AUTOBUF = TT_BUF(0);
    const struct wish *wish = &state->wishes[i];
    bool is_set = is_done(result, wish->name);
    put_name(&name, node, wish->name, language);
    if (is_set)
      put_value(&value, node, wish, true, now, language);
    else
      tt_buf_puts(&value, tt_tr(language, "not set: you may not"));
    tt_dataform_line(form, wish->name, name.data, value.data ? value.data : "");
    tt_buf_printf(&note, "%s%s %s", n++ ? ", " : "", name.data, value.data ? value.data : "");
  }
  tt_adhoc_done(session, result->is_complete ? TT_ADHOC_INFO : TT_ADHOC_WARN, note.data ? note.data : "");
}

static void on_result(void *user, const struct tt_set_result *result)
{
  struct tt_adhoc_session *session = tt_adhoc_resume(user);
  if (!session)
    return; /* nobody is there to hear of it; the audit has it */
  struct controlling *state = tt_adhoc_state(session);
  const struct tt_node *node = node_of(session, state);
  if (!node)
    tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
  else if (result->refusal == TT_OK)
    succeeded(session, state, node, result);
  else
    failed(session, state, node, result);
}

static void set(struct tt_adhoc_session *session)
{
  struct controlling *state = tt_adhoc_state(session);
  const struct tt_node *node = node_of(session, state);
  if (!node) {
    tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
    return;
  }
  struct tt_assignment *assignments TT_AUTOFREE = calloc(state->n_wishes, sizeof(*assignments));
  struct tt_adhoc_wait *wait = assignments ? tt_adhoc_wait(session) : NULL;
  if (!wait) {
    tt_adhoc_refuse(session, TT_REFUSED_BUSY, NULL);
    return;
  }
  for (size_t i = 0; i < state->n_wishes; i++)
    assignments[i] = (struct tt_assignment){state->wishes[i].name, TT_TYPE_NONE, state->wishes[i].text};
  const struct tt_ref ref = {node->key, node->source, node->partition};
  const struct tt_set_request request = {.caller = tt_adhoc_caller(session),
                                         .refs = &ref,
                                         .n_refs = 1,
                                         .assignments = assignments,
                                         .n_assignments = state->n_wishes,
                                         .is_form = is_form(state)};
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
                          const struct controlling *state, const struct tt_node *node)
{
  for (size_t i = 0; i < state->n_wishes; i++) {
    uint16_t point;
    if (tt_node_point(node, state->wishes[i].name, &point) < 0 || !node->points[point].write ||
        !node->points[point].write->confirm)
      continue;
    if (is_form(state) && is_so_already(session, node, point, state->wishes[i].text))
      continue;
    tt_buf_printf(out, "%s%s", out->len ? "\n" : "",
                  tt_label_for(node->points[point].write->confirm, tt_adhoc_language(session), ""));
  }
}

/* On from the form: set it, or ask first. */
static void confirm_or_set(struct tt_adhoc_session *session, unsigned confirm_stage)
{
  struct controlling *state = tt_adhoc_state(session);
  const struct tt_node *node = node_of(session, state);
  struct tt_buf questions TT_AUTOBUF = TT_BUF(0);
  if (node)
    put_questions(&questions, session, state, node);
  if (questions.len)
    tt_adhoc_go(session, confirm_stage, state->node);
  else
    set(session);
}

static void confirm_show(struct tt_adhoc_session *session)
{
  struct controlling *state = tt_adhoc_state(session);
  const struct tt_node *node = node_of(session, state);
  const char *language = tt_adhoc_language(session);
  if (!node) {
    tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
    return;
  }
  struct tt_buf questions TT_AUTOBUF = TT_BUF(0);
  put_questions(&questions, session, state, node);
  struct tt_dataform *form = tt_adhoc_form(session, tt_node_label(node, language), questions.data);
  for (size_t i = 0; i < state->n_wishes; i++) {
    struct tt_buf line TT_AUTOBUF = TT_BUF(0);
    put_name(&line, node, state->wishes[i].name, language);
    tt_buf_puts(&line, ": ");
    put_value(&line, node, &state->wishes[i], false, tt_core_now(tt_adhoc_core(session)), language);
    tt_dataform_field(form, &(struct tt_dataform_field){.type = TT_FIELD_FIXED, .value = line.data});
  }
  tt_dataform_field(form, &(struct tt_dataform_field){.type = TT_FIELD_BOOLEAN,
                                                      .var = "confirm",
                                                      .label = tt_tr(language, "Yes, do it"),
                                                      .value = "0",
                                                      .is_required = true});
  tt_adhoc_ask(session, TT_ADHOC_COMPLETE);
}

static void confirm_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                         TT_UNUSED enum tt_adhoc_action action)
{
  if (tt_dataform_boolean(form, "confirm", false))
    set(session);
  else
    tt_adhoc_again(session, tt_tr(tt_adhoc_language(session), "Nothing was set: say yes, or cancel."));
}

/* ---- control: all parameters of one thing --------------------------------------------------------------------------- */

enum control_stage { CONTROL_CHOOSE, CONTROL_FORM, CONTROL_CONFIRM };

static void offer_controllable(struct tt_adhoc_choices *choices, const struct tt_node *node)
{
  if (tt_node_is_controllable(node))
    tt_adhoc_offer(choices, node, TT_NO_POINT, true);
}

static void nothing_here(struct tt_adhoc_session *session)
{
  session->has_form = false; /* the form that was begun */
  tt_adhoc_done(session, TT_ADHOC_INFO,
                tt_tr(tt_adhoc_language(session), "There is nothing here that you could control."));
}

static void choose_show(struct tt_adhoc_session *session)
{
  struct controlling *state = tt_adhoc_state(session);
  const char *language = tt_adhoc_language(session);
  const struct tt_node *thing = tt_adhoc_thing(session);
  if (thing) {
    tt_adhoc_go(session, CONTROL_FORM, thing->id);
    return;
  }
  struct tt_dataform *form = tt_adhoc_form(session, tt_tr(language, "Control"), NULL);
  size_t n = tt_adhoc_write_choices(session, form, tt_tr(language, "Thing"), offer_controllable, &state->choice);
  if (n == 0 && !*state->choice.filter)
    nothing_here(session);
  else
    tt_adhoc_ask(session, TT_ADHOC_NEXT);
}

static void choose_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                        TT_UNUSED enum tt_adhoc_action action)
{
  struct controlling *state = tt_adhoc_state(session);
  switch (tt_adhoc_take_choice(session, form, offer_controllable, &state->choice)) {
  case TT_ADHOC_CHOSEN:
    forget_wishes(state);
    tt_adhoc_go(session, CONTROL_FORM, state->choice.node);
    break;
  case TT_ADHOC_NARROWED:
    tt_adhoc_show(session);
    break;
  case TT_ADHOC_NOT_CHOSEN:
    tt_adhoc_again(session, tt_tr(tt_adhoc_language(session), tt_adhoc_choose_something));
    break;
  }
}

static const char *wished(const struct controlling *state, const char *name)
{
  for (size_t i = 0; i < state->n_wishes; i++)
    if (!strcmp(state->wishes[i].name, name))
      return state->wishes[i].text;
  return NULL;
}

static bool remember_offered(struct controlling *state, const struct tt_parameter *parameters, size_t n)
{
  forget_offered(state);
  state->offered = calloc(n + 1, sizeof(*state->offered));
  for (size_t i = 0; state->offered && i < n; i++) {
    state->offered[i] = strdup(parameters[i].point->name);
    if (!state->offered[i])
      return false;
    state->n_offered++;
  }
  return state->offered;
}

static void on_parameters(void *user, enum tt_refusal refusal, const char *text,
                          const struct tt_parameter *parameters, size_t n)
{
  struct tt_adhoc_session *session = tt_adhoc_resume(user);
  if (!session)
    return;
  struct controlling *state = tt_adhoc_state(session);
  const struct tt_node *node = refusal == TT_OK ? node_of(session, state) : NULL;
  const char *language = tt_adhoc_language(session);
  if (!node) {
    tt_adhoc_refuse(session, refusal == TT_OK ? TT_REFUSED_NOT_FOUND : refusal, text);
    return;
  }
  if (!remember_offered(state, parameters, n)) {
    tt_adhoc_refuse(session, TT_REFUSED_BUSY, NULL);
    return;
  }
  state->has_form = true;
  struct tt_dataform *form = tt_adhoc_form(session, tt_node_label(node, language), NULL);
  for (size_t i = 0; i < n; i++)
    tt_form_write_field(&form->w, language, &parameters[i], wished(state, parameters[i].point->name));
  tt_adhoc_ask(session, TT_ADHOC_COMPLETE);
}

static void form_show(struct tt_adhoc_session *session)
{
  struct controlling *state = tt_adhoc_state(session);
  const struct tt_node *node = tt_adhoc_node(session);
  struct tt_adhoc_wait *wait = node ? tt_adhoc_wait(session) : NULL;
  if (!wait) {
    tt_adhoc_refuse(session, node ? TT_REFUSED_BUSY : TT_REFUSED_NOT_FOUND, NULL);
    return;
  }
  state->node = node->id;
  const struct tt_ref ref = {node->key, node->source, node->partition};
  tt_control_parameters(tt_adhoc_core(session), tt_adhoc_caller(session), &ref, 1, on_parameters, wait);
}

static bool is_offered_name(const struct controlling *state, const char *name)
{
  for (size_t i = 0; i < state->n_offered; i++)
    if (!strcmp(state->offered[i], name))
      return true;
  return false;
}

/* What is empty and is no text has not been filled in: it stays as it is. So does a text that is not known. */
static bool is_left_alone(const struct tt_node *node, const struct tt_assignment *assignment)
{
  uint16_t point;
  return !*assignment->text &&
         (tt_node_point(node, assignment->name, &point) < 0 || node->points[point].type != TT_TYPE_STRING ||
          node->fields[point].value.type == TT_TYPE_NONE);
}

static const char *take_wishes(struct tt_adhoc_session *session, const struct tt_node *node,
                               const struct tt_xml *form, struct tt_arena *arena)
{
  struct controlling *state = tt_adhoc_state(session);
  struct tt_assignment *assignments = NULL;
  const char *wrong = NULL;
  size_t n = 0;
  forget_wishes(state);
  if (tt_form_parse(form, arena, &assignments, &n, &wrong) < 0)
    return TT_TR("The form is not one that was filled in.");
  for (size_t i = 0; i < n; i++) {
    if (!is_offered_name(state, assignments[i].name))
      return TT_TR("The form has a field that was not in it.");
    if (!is_left_alone(node, &assignments[i]) &&
        !wish(state, node, assignments[i].name, assignments[i].text, tt_adhoc_language(session)))
      return TT_TR("Too many requests; try again later.");
  }
  return NULL;
}

static void form_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                      TT_UNUSED enum tt_adhoc_action action)
{
  struct controlling *state = tt_adhoc_state(session);
  const struct tt_node *node = node_of(session, state);
  if (!node) {
    tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
    return;
  }
  struct tt_arena *arena = tt_arena_create(FORM_MEMORY_MAX);
  const char *wrong =
      arena ? take_wishes(session, node, form, arena) : TT_TR("Too many requests; try again later.");
  tt_arena_destroy(arena);
  if (wrong)
    tt_adhoc_bad_payload(session, wrong);
  else if (state->n_wishes == 0)
    tt_adhoc_again(session, tt_tr(tt_adhoc_language(session), "Nothing is filled in."));
  else
    confirm_or_set(session, CONTROL_CONFIRM);
}

/* ---- switch: on or off, in one form ---------------------------------------------------------------------------------- */

enum switch_stage { SWITCH_FORM, SWITCH_CONFIRM };

static bool is_switch(const struct tt_point *point)
{
  return point->write && !point->is_hidden && point->type == TT_TYPE_BOOLEAN;
}

/* How many there are, and the last of them. */
static size_t switches(const struct tt_node *node, uint16_t *ret_point)
{
  size_t n = 0;
  for (uint16_t i = 0; !node->is_disabled && i < node->n_points; i++)
    if (is_switch(&node->points[i])) {
      *ret_point = i;
      n++;
    }
  return n;
}

static void offer_switches(struct tt_adhoc_choices *choices, const struct tt_node *node)
{
  uint16_t last;
  size_t n = switches(node, &last);
  for (uint16_t i = 0; n > 0 && i < node->n_points; i++)
    if (is_switch(&node->points[i]))
      tt_adhoc_offer(choices, node, i, n == 1);
}

static void switch_show(struct tt_adhoc_session *session)
{
  struct controlling *state = tt_adhoc_state(session);
  const char *language = tt_adhoc_language(session);
  struct tt_dataform *form = tt_adhoc_form(session, tt_tr(language, "Switch on or off"), NULL);
  size_t n = tt_adhoc_write_choices(session, form, tt_tr(language, "Thing"), offer_switches, &state->choice);
  if (n == 0 && !*state->choice.filter) {
    nothing_here(session);
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
  struct controlling *state = tt_adhoc_state(session);
  const char *language = tt_adhoc_language(session);
  const char *value = direction(session, node, point, to);
  forget_wishes(state);
  state->node = node->id;
  if (!value)
    tt_adhoc_again(session, tt_tr(language, "Its state is not known; choose on or off."));
  else if (!wish(state, node, node->points[point].name, value, language))
    tt_adhoc_refuse(session, TT_REFUSED_BUSY, NULL);
  else
    confirm_or_set(session, SWITCH_CONFIRM);
}

static void switch_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                        TT_UNUSED enum tt_adhoc_action action)
{
  struct controlling *state = tt_adhoc_state(session);
  const char *to = tt_dataform_value(form, "to");
  switch (tt_adhoc_take_choice(session, form, offer_switches, &state->choice)) {
  case TT_ADHOC_CHOSEN:
    break;
  case TT_ADHOC_NARROWED:
    tt_adhoc_show(session);
    return;
  case TT_ADHOC_NOT_CHOSEN:
    tt_adhoc_again(session, tt_tr(tt_adhoc_language(session), tt_adhoc_choose_something));
    return;
  }
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
  uint16_t point = 0;
  if (!thing || switches(thing, &point) != 1)
    tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
  else
    turn(session, thing, point, strcmp(session->command->node, "turn-on") ? "off" : "on");
}

/* ---- Rows --------------------------------------------------------------------------------------------------------------- */

static bool sees_all(const struct tt_adhoc_asker *asker)
{
  struct tt_core *core = tt_router_config(tt_adhoc_router(asker->adhoc))->core;
  return tt_core_sight(core, asker->caller, asker->thing) == TT_SIGHT_FULL;
}

static bool is_controllable_here(const struct tt_adhoc_asker *asker, TT_UNUSED void *user)
{
  return !asker->thing || (sees_all(asker) && tt_node_is_controllable(asker->thing));
}

/* One has turn-on and turn-off. */
static bool has_switches(const struct tt_adhoc_asker *asker, TT_UNUSED void *user)
{
  uint16_t point;
  return !asker->thing || (sees_all(asker) && switches(asker->thing, &point) > 1);
}

static bool has_one_switch(const struct tt_adhoc_asker *asker, TT_UNUSED void *user)
{
  uint16_t point;
  return sees_all(asker) && switches(asker->thing, &point) == 1;
}

static const struct tt_adhoc_stage switch_stages[] = {
    [SWITCH_FORM] = {switch_show, switch_take},
    [SWITCH_CONFIRM] = {confirm_show, confirm_take},
};
static const struct tt_adhoc_stage turn_stages[] = {
    [SWITCH_FORM] = {turn_show, NULL},
    [SWITCH_CONFIRM] = {confirm_show, confirm_take},
};
static const struct tt_adhoc_stage control_stages[] = {
    [CONTROL_CHOOSE] = {choose_show, choose_take},
    [CONTROL_FORM] = {form_show, form_take},
    [CONTROL_CONFIRM] = {confirm_show, confirm_take},
};

#define ROW(node_, title_, at_, is_offered_, stages_)                                                              \
  {                                                                                                                \
    .node = node_, .title = title_, .role = TT_ROLE_OPERATOR, .at = at_, .is_offered = is_offered_,                \
    .stages = stages_, .n_stages = TT_COUNT(stages_), .state_size = sizeof(struct controlling), .finish = finish   \
  }

static const struct tt_adhoc_command rows[] = {
    ROW("turn-on", TT_TR("Turn on"), TT_ADHOC_AT_THING, has_one_switch, turn_stages),
    ROW("turn-off", TT_TR("Turn off"), TT_ADHOC_AT_THING, has_one_switch, turn_stages),
    ROW("switch", TT_TR("Switch on or off"), TT_ADHOC_AT_GATEWAY | TT_ADHOC_AT_THING, has_switches, switch_stages),
    ROW("control", TT_TR("Control"), TT_ADHOC_AT_GATEWAY | TT_ADHOC_AT_THING, is_controllable_here, control_stages),
};

int tt_adhoc_control_add(struct tt_adhoc *adhoc)
{
  return tt_adhoc_add(adhoc, rows, TT_COUNT(rows), NULL);
}
