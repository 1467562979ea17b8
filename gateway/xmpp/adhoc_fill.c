/* SPDX-License-Identifier: Apache-2.0
 * adhoc_fill.c: adhoc_fill.h. */
#include "adhoc_fill.h"

#include "model/human.h"
#include "text/text.h"

#define FORM_MEMORY_MAX (256u * 1024)

const struct tt_point *tt_adhoc_point(struct tt_adhoc_points points, const char *name)
{
  for (size_t i = 0; i < points.n; i++)
    if (!strcmp(points.points[i].name, name))
      return &points.points[i];
  return NULL;
}

/* ---- What was offered, what was filled in -------------------------------------------------------------------------- */

static void value_finish(struct tt_assignment *value)
{
  if (value->text) /* it may be a credential */
    explicit_bzero((char *)(uintptr_t)value->text, strlen(value->text));
  free((char *)(uintptr_t)value->text);
  free((char *)(uintptr_t)value->name);
}

void tt_adhoc_fill_forget(struct tt_adhoc_fill *fill)
{
  for (size_t i = 0; i < fill->n_values; i++)
    value_finish(&fill->values[i]);
  free(TT_STEAL(fill->values));
  fill->n_values = 0;
}

static void forget_offered(struct tt_adhoc_fill *fill)
{
  for (size_t i = 0; i < fill->n_offered; i++)
    free(fill->offered[i]);
  free(TT_STEAL(fill->offered));
  fill->n_offered = 0;
}

void tt_adhoc_fill_finish(struct tt_adhoc_fill *fill)
{
  tt_adhoc_fill_forget(fill);
  forget_offered(fill);
}

bool tt_adhoc_fill_offer(struct tt_adhoc_fill *fill, const struct tt_parameter *parameters, size_t n)
{
  forget_offered(fill);
  fill->offered = calloc(n + 1, sizeof(*fill->offered));
  for (size_t i = 0; fill->offered && i < n; i++) {
    fill->offered[i] = strdup(parameters[i].point->name);
    if (!fill->offered[i])
      return false;
    fill->n_offered++;
  }
  return fill->offered;
}

bool tt_adhoc_fill_has_offered(const struct tt_adhoc_fill *fill, const char *name)
{
  for (size_t i = 0; i < fill->n_offered; i++)
    if (!strcmp(fill->offered[i], name))
      return true;
  return false;
}

bool tt_adhoc_fill_add(struct tt_adhoc_fill *fill, struct tt_adhoc_points points, const char *name,
                       const char *text, const char *language)
{
  struct tt_buf lexical TT_AUTOBUF = TT_BUF(0);
  const struct tt_point *point = tt_adhoc_point(points, name);
  struct tt_assignment *values = realloc(fill->values, (fill->n_values + 1) * sizeof(*values));
  if (!values)
    return false;
  fill->values = values;
  if (point)
    tt_human_parse(&lexical, point, text, language);
  else
    tt_buf_puts(&lexical, text);
  struct tt_assignment *new = &values[fill->n_values];
  *new = (struct tt_assignment){.name = strdup(name), .type = TT_TYPE_NONE, .text = tt_buf_steal(&lexical)};
  if (!new->name || !new->text) {
    value_finish(new);
    return false;
  }
  fill->n_values++;
  return true;
}

const char *tt_adhoc_fill_text(const struct tt_adhoc_fill *fill, const char *name)
{
  for (size_t i = 0; i < fill->n_values; i++)
    if (!strcmp(fill->values[i].name, name))
      return fill->values[i].text;
  return NULL;
}

static const char *take(struct tt_adhoc_fill *fill, const struct tt_xml *form, struct tt_arena *arena,
                        struct tt_adhoc_points points, const char *language, tt_adhoc_left_fn is_left_alone,
                        const void *user)
{
  struct tt_assignment *values = NULL;
  const char *wrong = NULL;
  size_t n = 0;
  if (tt_form_parse(form, arena, &values, &n, &wrong) < 0)
    return TT_TR("The form is not one that was filled in.");
  for (size_t i = 0; i < n; i++) {
    if (!tt_adhoc_fill_has_offered(fill, values[i].name))
      return TT_TR("The form has a field that was not in it.");
    if (!is_left_alone(user, &values[i]) &&
        !tt_adhoc_fill_add(fill, points, values[i].name, values[i].text, language))
      return TT_TR("Too many requests; try again later.");
  }
  return NULL;
}

const char *tt_adhoc_fill_take(struct tt_adhoc_fill *fill, const struct tt_xml *form, struct tt_adhoc_points points,
                               const char *language, tt_adhoc_left_fn is_left_alone, const void *user)
{
  struct tt_arena *arena = tt_arena_create(FORM_MEMORY_MAX);
  tt_adhoc_fill_forget(fill);
  const char *wrong = arena ? take(fill, form, arena, points, language, is_left_alone, user)
                            : TT_TR("Too many requests; try again later.");
  tt_arena_destroy(arena);
  return wrong;
}

/* ---- How it is said ------------------------------------------------------------------------------------------------ */

void tt_adhoc_put_name(struct tt_buf *out, struct tt_adhoc_points points, const char *name, const char *language)
{
  const struct tt_point *point = tt_adhoc_point(points, name);
  if (point)
    tt_human_name(out, point, language);
  else
    tt_buf_puts(out, name);
}

void tt_adhoc_put_value(struct tt_buf *out, struct tt_adhoc_points points, const struct tt_assignment *value,
                        const char *language)
{
  struct tt_value parsed TT_AUTOVALUE = {0};
  const struct tt_point *point = tt_adhoc_point(points, value->name);
  if (point && point->is_secret)
    tt_buf_puts(out, "***");
  else if (point && tt_value_parse(point->type, value->text, &parsed) == 0)
    tt_human_value(out, &parsed, point->unit, language);
  else
    tt_buf_puts(out, value->text);
}

/* "level: must be between 0 and 100" */
void tt_adhoc_put_fault(struct tt_buf *out, struct tt_adhoc_points points, enum tt_refusal refusal,
                        const char *text, const struct tt_parameter_error *errors, size_t n, const char *language)
{
  tt_buf_puts(out, tt_tr(language, text ? text : tt_refusal_text(refusal)));
  for (size_t i = 0; i < n; i++) {
    tt_buf_puts(out, i ? "; " : " ");
    tt_adhoc_put_name(out, points, errors[i].name, language);
    tt_buf_printf(out, ": %s", tt_tr(language, errors[i].text));
  }
}

/* ---- Is it meant? -------------------------------------------------------------------------------------------------- */

void tt_adhoc_confirm(struct tt_adhoc_session *session, const char *title, const char *questions,
                      struct tt_adhoc_points points, const struct tt_adhoc_fill *fill)
{
  const char *language = tt_adhoc_language(session);
  struct tt_dataform *form = tt_adhoc_form(session, title, questions);
  for (size_t i = 0; i < fill->n_values; i++) {
    struct tt_buf line TT_AUTOBUF = TT_BUF(0);
    tt_adhoc_put_name(&line, points, fill->values[i].name, language);
    tt_buf_puts(&line, ": ");
    tt_adhoc_put_value(&line, points, &fill->values[i], language);
    tt_dataform_field(form, &(struct tt_dataform_field){.type = TT_FIELD_FIXED, .value = line.data});
  }
  tt_dataform_field(form, &(struct tt_dataform_field){.type = TT_FIELD_BOOLEAN,
                                                      .var = "confirm",
                                                      .label = tt_tr(language, "Yes, do it"),
                                                      .value = "0",
                                                      .is_required = true});
  tt_adhoc_ask(session, TT_ADHOC_COMPLETE);
}

bool tt_adhoc_is_confirmed(const struct tt_xml *form)
{
  return tt_dataform_boolean(form, "confirm", false);
}
