/* SPDX-License-Identifier: Apache-2.0
 * set.c: parameters: what can be set, and setting it. Only parameters that the caller may set are ever named. */
#include "chat_private.h"

#include "model/control.h"
#include "model/convert.h"

#include <stdio.h>

#define PARAMETERS_SHOWN 15 /* names in one sentence */

/* ---- What can be set ---------------------------------------------------------------------------------------------- */

static void put_number(struct tt_buf *out, double number)
{
  const struct tt_value value = TT_VALUE_QUANTITY(number, TT_DECIMALS_FREE);
  tt_value_print(&value, out);
}

static const char *unit_of(struct tt_chat_request *request, const struct tt_point *point)
{
  return point->unit && *point->unit ? tt_chat_shown(request, point->unit) : "";
}

/* "5 to 30 °C" */
static void put_range(struct tt_chat_request *request, struct tt_buf *out, const struct tt_point *point)
{
  struct tt_buf min TT_AUTOBUF = TT_BUF(0), max TT_AUTOBUF = TT_BUF(0);
  const char *unit = unit_of(request, point);
  put_number(&min, point->write->min);
  put_number(&max, point->write->max);
  tt_buf_printf(out, TT_CHAT_TR(request, TT_TR("%s to %s")), min.data, max.data);
  if (*unit)
    tt_buf_printf(out, " %s", unit);
}

static void put_options(struct tt_chat_request *request, struct tt_buf *out, const struct tt_point *point)
{
  for (size_t i = 0; i < point->n_map && i < PARAMETERS_SHOWN; i++) {
    tt_buf_puts(out, i ? ", " : "");
    if (tt_value_is_text(point->map[i].value.type))
      tt_chat_put(out, point->map[i].value.text);
  }
  if (point->n_map > PARAMETERS_SHOWN)
    tt_buf_printf(out, TT_CHAT_TR(request, TT_TR(", and %zu more")), point->n_map - PARAMETERS_SHOWN);
}

void tt_chat_put_choice(struct tt_chat_request *request, struct tt_buf *out, const struct tt_point *point)
{
  if (point->type == TT_TYPE_BOOLEAN)
    tt_buf_printf(out, "%s, %s", TT_CHAT_TR(request, TT_TR("on")), TT_CHAT_TR(request, TT_TR("off")));
  else if (point->type == TT_TYPE_ENUM)
    put_options(request, out, point);
  else if (point->write && point->write->has_range)
    put_range(request, out, point);
}

static void put_parameter(struct tt_chat_request *request, const struct tt_parameter *parameter)
{
  struct tt_buf value TT_AUTOBUF = TT_BUF(0), choice TT_AUTOBUF = TT_BUF(0);
  const struct tt_value none = {.type = TT_TYPE_NONE};
  tt_human_value(&value, parameter->current ? parameter->current : &none, parameter->point->unit,
                 request->caller->language);
  tt_chat_put_choice(request, &choice, parameter->point);
  tt_chat_printf(request, "%s: %s", tt_chat_shown_point(request, parameter->point),
                 tt_chat_shown(request, value.data ? value.data : ""));
  if (choice.len > 0)
    tt_chat_printf(request, " (%s)", choice.data);
  tt_buf_putc(&request->out, '\n');
}

/* ---- Which of them ------------------------------------------------------------------------------------------------ */

static void put_names(struct tt_chat_request *request, const struct tt_parameter *parameters, size_t n)
{
  for (size_t i = 0; i < n && i < PARAMETERS_SHOWN; i++)
    tt_chat_printf(request, "%s%s", i ? ", " : "", tt_chat_shown_point(request, parameters[i].point));
  if (n > PARAMETERS_SHOWN)
    tt_chat_printf(request, TT_CHAT_TR(request, TT_TR(", and %zu more")), n - PARAMETERS_SHOWN);
}

static void answer_names(struct tt_chat_request *request, const char *sentence, const char *text,
                         const struct tt_parameter *parameters, size_t n)
{
  tt_chat_printf(request, TT_CHAT_TR(request, sentence), tt_chat_shown(request, text));
  tt_buf_putc(&request->out, ' ');
  tt_buf_puts(&request->out, TT_CHAT_TR(request, TT_TR("What can be set:")));
  tt_buf_putc(&request->out, ' ');
  put_names(request, parameters, n);
  tt_chat_answer(request, false);
}

static void match(const struct tt_parameter *parameters, size_t n, const char *text, struct tt_chat_fields *ret)
{
  *ret = (struct tt_chat_fields){0};
  const struct tt_point **points TT_AUTOFREE = calloc(n + 1, sizeof(*points));
  for (size_t i = 0; points && i < n; i++)
    points[i] = parameters[i].point;
  if (points)
    tt_chat_match_point(points, n, text, ret);
}

static const struct tt_parameter *only_switch(const struct tt_parameter *parameters, size_t n)
{
  const struct tt_parameter *found = NULL;
  for (size_t i = 0; i < n; i++)
    if (parameters[i].point->type == TT_TYPE_BOOLEAN) {
      if (found)
        return NULL;
      found = &parameters[i];
    }
  return found;
}

/* "relay=off", as on the command line; NULL: it is not said so. */
static const struct tt_parameter *choose_equal(struct tt_chat_request *request,
                                               const struct tt_parameter *parameters, size_t n,
                                               const char **ret_value)
{
  const char *sign = strchr(request->rest, '=');
  const char *name = sign ? tt_arena_strndup(request->arena, request->rest, (size_t)(sign - request->rest)) : NULL;
  struct tt_chat_fields fields;
  if (!name)
    return NULL;
  match(parameters, n, name, &fields);
  if (fields.n != 1 || name[fields.rest] != '\0')
    return NULL;
  *ret_value = sign + 1 + strspn(sign + 1, " ");
  return &parameters[fields.points[0]];
}

/* The one that request->rest names, and the value, which may follow the name. NULL: it has been answered. */
static const struct tt_parameter *choose(struct tt_chat_request *request, const struct tt_parameter *parameters,
                                         size_t n, const char **ret_value)
{
  const char *value = request->command.has_value ? request->command.value : NULL, *rest = request->rest;
  struct tt_chat_fields fields;
  bool is_on;
  match(parameters, n, rest, &fields);
  if (fields.n == 1 && (!value || rest[fields.rest] == '\0')) {
    *ret_value = value ? value : tt_chat_skip_filler(rest + fields.rest);
    return &parameters[fields.points[0]];
  }
  if (fields.n > 1) {
    answer_names(request, TT_TR("*%s* can mean several things."), rest, parameters, n);
    return NULL;
  }
  const struct tt_parameter *one = value ? NULL : choose_equal(request, parameters, n, ret_value);
  if (one)
    return one;
  one = n == 1 ? parameters : NULL;
  if (!value || *rest == '\0') { /* "on", or a value for the only one there is */
    value = value ? value : tt_chat_skip_filler(rest);
    one = tt_chat_is_switch(value, &is_on) ? only_switch(parameters, n) : one;
    if (one && (*value != '\0')) {
      *ret_value = value;
      return one;
    }
    if (*value == '\0' || tt_chat_is_switch(value, &is_on)) {
      answer_names(request, TT_TR("Which parameter of *%s*?"),
                   tt_node_label(tt_chat_node(request, request->node), request->caller->language), parameters, n);
      return NULL;
    }
  }
  answer_names(request, TT_TR("There is no *%s* to set."), rest, parameters, n);
  return NULL;
}

/* ---- The value ---------------------------------------------------------------------------------------------------- */

/* "setpoint must be between 5 and 30 °C" */
static void answer_wrong_value(struct tt_chat_request *request, const struct tt_point *point, const char *why)
{
  struct tt_buf choice TT_AUTOBUF = TT_BUF(0);
  const char *name = tt_chat_shown_point(request, point);
  bool is_number = tt_value_is_number(point->type);
  if (is_number && point->write->has_range) {
    struct tt_buf min TT_AUTOBUF = TT_BUF(0), max TT_AUTOBUF = TT_BUF(0);
    const char *unit = unit_of(request, point);
    put_number(&min, point->write->min);
    put_number(&max, point->write->max);
    tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("%s must be between %s and %s%s%s.")), name, min.data,
                   max.data, *unit ? " " : "", unit);
    if (point->write->step > 0) {
      struct tt_buf step TT_AUTOBUF = TT_BUF(0);
      put_number(&step, point->write->step);
      tt_buf_putc(&request->out, ' ');
      tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("It goes in steps of %s.")), step.data);
    }
  } else if (is_number) {
    tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("%s must be a number.")), name);
  } else {
    tt_chat_put_choice(request, &choice, point);
    if (choice.len > 0)
      tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("%s must be one of: %s")), name, choice.data);
    else
      tt_chat_printf(request, "%s: %s", name, tt_chat_shown(request, why));
  }
  tt_chat_answer(request, false);
}

/* Can it be that? request->value becomes what is shown of it. False: it has been answered. */
static bool is_value(struct tt_chat_request *request, const struct tt_point *point, const char *lexical)
{
  struct tt_buf shown TT_AUTOBUF = TT_BUF(0);
  TT_AUTOVALUE struct tt_value value = {0};
  char why[TT_WHY_MAX] = "";
  if (tt_convert_parameter(point, TT_TYPE_NONE, lexical, &value, request->caller->language, why, sizeof(why)) < 0) {
    answer_wrong_value(request, point, why);
    return false;
  }
  tt_human_value(&shown, &value, point->unit, request->caller->language);
  request->value = tt_chat_shown(request, shown.data ? shown.data : "");
  return true;
}

/* What the person wrote in the lexical form of the point; NULL: it has been answered. */
static const char *lexical_value(struct tt_chat_request *request, const struct tt_point *point, const char *text)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  bool is_on;
  if (point->type == TT_TYPE_BOOLEAN && tt_chat_is_switch(text, &is_on))
    text = is_on ? "true" : "false";
  tt_human_parse(&buf, point, text, request->caller->language);
  const char *lexical = tt_arena_strdup(request->arena, buf.data ? buf.data : "");
  if (!lexical)
    tt_chat_answer_refusal(request, TT_REFUSED_BUSY);
  return lexical && is_value(request, point, lexical) ? lexical : NULL;
}

/* ---- Setting ------------------------------------------------------------------------------------------------------ */

static void on_result(void *user, const struct tt_set_result *result)
{
  struct tt_chat_request *request = user;
  struct tt_node *node = tt_chat_node(request, request->node);
  /* After a time-out nobody knows what the device has done. */
  bool has_acted = result->refusal == TT_OK || result->refusal == TT_REFUSED_TIMEOUT ||
                   result->refusal == TT_REFUSED_DEVICE || result->n_done > 0;
  request->is_acting = false;
  if (result->refusal != TT_OK && result->refusal != TT_REFUSED_TIMEOUT && result->refusal != TT_REFUSED_DEVICE) {
    tt_chat_answer_refusal(request, result->refusal);
    return;
  }
  tt_chat_printf(request, "*%s* %s: ", node ? tt_chat_shown_node(request, node) : "?", request->parameter);
  if (result->refusal == TT_OK)
    tt_buf_puts(&request->out, request->value);
  else
    tt_buf_puts(&request->out, TT_CHAT_TR(request, result->refusal == TT_REFUSED_TIMEOUT
                                                       ? TT_TR("The device did not answer in time.")
                                                       : TT_TR("The device answered with an error.")));
  if (result->refusal != TT_OK && result->text)
    tt_chat_printf(request, " (%s)", tt_chat_shown(request, TT_CHAT_TR(request, result->text)));
  tt_chat_answer(request, has_acted);
}

static void set(struct tt_chat_request *request, const struct tt_node *node, const struct tt_point *point,
                const char *lexical)
{
  const struct tt_ref ref = tt_chat_ref(node);
  const struct tt_assignment assignment = {.name = point->name, .text = lexical};
  const struct tt_set_request wanted = {
      .caller = request->caller, .refs = &ref, .n_refs = 1, .assignments = &assignment, .n_assignments = 1};
  request->is_acting = true;
  tt_control_start(request->chat->core, &wanted, on_result, request);
}

/* "*Boiler* heating: off", and what the mapping wants to be asked. */
static void ask(struct tt_chat_request *request, const struct tt_node *node, const struct tt_point *point,
                const char *lexical)
{
  const struct tt_assignment value = {.name = point->name, .text = lexical};
  const struct tt_chat_question question = {.node = node->id, .name = point->name, .values = &value, .n_values = 1};
  tt_chat_printf(request, "*%s* %s: %s", tt_chat_shown_node(request, node), request->parameter, request->value);
  tt_chat_ask(request, &question, tt_label_for(point->write->confirm, request->caller->language, ""));
}

static void on_parameters(void *user, enum tt_refusal refusal, TT_UNUSED const char *text,
                          const struct tt_parameter *parameters, size_t n)
{
  struct tt_chat_request *request = user;
  struct tt_node *node = tt_chat_node(request, request->node);
  const char *value = NULL;
  if (request->is_forgotten || !node) { /* nothing was done yet, and nobody is there */
    tt_chat_answer_refusal(request, TT_REFUSED_NOT_FOUND);
    return;
  }
  if (refusal == TT_REFUSED_NOT_SUPPORTED) {
    tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("Nothing can be set at *%s*.")),
                   tt_chat_shown_node(request, node));
    tt_chat_answer(request, false);
    return;
  }
  if (refusal != TT_OK) {
    tt_chat_answer_refusal(request, refusal);
    return;
  }
  const struct tt_parameter *parameter = choose(request, parameters, n, &value);
  if (!parameter)
    return;
  if (*value == '\0') { /* "set level": what can it be? */
    put_parameter(request, parameter);
    tt_chat_answer(request, false);
    return;
  }
  const char *lexical = lexical_value(request, parameter->point, value);
  if (!lexical)
    return;
  request->parameter = tt_chat_shown_point(request, parameter->point);
  if (parameter->point->write->confirm)
    ask(request, node, parameter->point, lexical);
  else
    set(request, node, parameter->point, lexical);
}

void tt_chat_set_confirmed(struct tt_chat_request *request, const struct tt_chat_question *question)
{
  struct tt_node *node = tt_chat_node(request, question->node);
  uint16_t point;
  if (!tt_chat_sees(request, node) || tt_node_point(node, question->name, &point) < 0 ||
      !node->points[point].write) {
    tt_chat_answer_refusal(request, TT_REFUSED_NOT_FOUND);
    return;
  }
  const char *lexical = question->values[0].text; /* already: people write numbers otherwise */
  request->node = node->id;
  if (!is_value(request, &node->points[point], lexical))
    return;
  request->parameter = tt_chat_shown_point(request, &node->points[point]);
  set(request, node, &node->points[point], lexical);
}

void tt_chat_control(struct tt_chat_request *request)
{
  struct tt_node *node = tt_chat_node(request, request->node);
  if (!node || node->n_points == 0) {
    if (node)
      tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("Nothing can be set at *%s*.")),
                     tt_chat_shown_node(request, node));
    else
      tt_buf_puts(&request->out, TT_CHAT_TR(request, TT_TR("Of which thing? `NAME on`, or `cd NAME` first.")));
    tt_chat_answer(request, false);
    return;
  }
  /* The text of the line goes; what follows the name in it is needed until the parameters are known. */
  request->rest = tt_arena_strdup(request->arena, request->rest);
  const struct tt_ref ref = tt_chat_ref(node);
  if (!request->rest)
    tt_chat_answer_refusal(request, TT_REFUSED_BUSY);
  else
    tt_control_parameters(request->chat->core, request->caller, &ref, 1, on_parameters, request);
}

/* "on plug" is "plug on". */
static const char *in_order(struct tt_chat_request *request, const char *text)
{
  size_t n = strcspn(text, " ");
  const char *word = tt_arena_strndup(request->arena, text, n);
  bool is_on;
  if (!word || text[n] != ' ' || !tt_chat_is_switch(word, &is_on))
    return text;
  const char *turned = tt_arena_printf(request->arena, "%s %s", text + n + strspn(text + n, " "), word);
  return turned ? turned : text;
}

void tt_chat_do_set(struct tt_chat_request *request)
{
  const char *target = in_order(request, request->command.target);
  struct tt_node *place = tt_chat_place(request);
  bool is_on;
  if (*target == '\0' && !request->command.has_value) {
    tt_chat_answer_text(request, TT_TR("What is to be set? `set NAME PARAMETER VALUE`, or `NAME on`."));
    return;
  }
  if (tt_chat_is_switch(target, &is_on)) { /* of the place, whatever else has that name */
    request->node = place ? place->id : 0;
    request->rest = target;
  } else if (!tt_chat_resolve(request, target, true, place && place->n_points > 0)) {
    if (!place || place->n_points == 0)
      return;
    request->node = place->id; /* its answer says what it has */
    request->rest = target;
  }
  tt_chat_control(request);
}

/* ---- Showing ------------------------------------------------------------------------------------------------------ */

static void on_shown(void *user, enum tt_refusal refusal, TT_UNUSED const char *text,
                     const struct tt_parameter *parameters, size_t n)
{
  struct tt_chat_request *request = user;
  struct tt_node *node = tt_chat_node(request, request->node);
  struct tt_chat_fields fields = {0};
  if (refusal == TT_REFUSED_NOT_SUPPORTED && node) {
    tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("Nothing can be set at *%s*.")),
                   tt_chat_shown_node(request, node));
    tt_chat_answer(request, false);
    return;
  }
  if (refusal != TT_OK || !node) {
    tt_chat_answer_refusal(request, refusal == TT_OK ? TT_REFUSED_NOT_FOUND : refusal);
    return;
  }
  if (*request->rest) {
    match(parameters, n, request->rest, &fields);
    if (fields.n == 0 || request->rest[fields.rest]) {
      answer_names(request, TT_TR("There is no *%s* to set."), request->rest, parameters, n);
      return;
    }
    for (size_t i = 0; i < fields.n; i++)
      put_parameter(request, &parameters[fields.points[i]]);
  } else {
    tt_chat_printf(request, "*%s*\n", tt_chat_shown_node(request, node));
    for (size_t i = 0; i < n && i < TT_CHAT_LINES_MAX; i++)
      put_parameter(request, &parameters[i]);
    if (n > TT_CHAT_LINES_MAX)
      tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("... %zu more\n")), n - TT_CHAT_LINES_MAX);
  }
  tt_chat_answer(request, false);
}

void tt_chat_do_parameters(struct tt_chat_request *request)
{
  if (!tt_chat_resolve(request, request->command.target, true, false))
    return;
  struct tt_node *node = tt_chat_node(request, request->node);
  if (!node || node->n_points == 0) {
    tt_chat_control(request);
    return;
  }
  request->rest = tt_arena_strdup(request->arena, request->rest);
  const struct tt_ref ref = tt_chat_ref(node);
  if (!request->rest)
    tt_chat_answer_refusal(request, TT_REFUSED_BUSY);
  else
    tt_control_parameters(request->chat->core, request->caller, &ref, 1, on_shown, request);
}
