/* SPDX-License-Identifier: Apache-2.0
 *
 * form.c: control forms, and forms of commands. Source: XEP-0325 section 3.4, XEP-0326 section 3.6. No session field is written: it is needed only where a form
 * is posted back while it is being edited, which no field here asks for; one that comes in is ignored.
 */
#include "form.h"

#include "model/human.h"
#include "text/text.h"

#define NS_VALIDATE "http://jabber.org/protocol/xdata-validate"
#define NS_LAYOUT   "http://jabber.org/protocol/xdata-layout"
#define NS_DYNAMIC  "urn:xmpp:xdata:dynamic"

/* How a type is shown; a NULL datatype needs no validation. */
static const char *const datatypes[TT_TYPE_COUNT] = {
    [TT_TYPE_INT32] = "xs:int",     [TT_TYPE_INT64] = "xs:long",        [TT_TYPE_QUANTITY] = "xs:double",
    [TT_TYPE_STRING] = "xs:string", [TT_TYPE_DATE] = "xs:date",         [TT_TYPE_DATETIME] = "xs:dateTime",
    [TT_TYPE_TIME] = "xs:time",     [TT_TYPE_DURATION] = "xs:duration", [TT_TYPE_ENUM] = "xs:string",
};

static void print_number(struct tt_buf *out, double number)
{
  tt_value_print(&TT_VALUE_QUANTITY(number, TT_DECIMALS_FREE), out);
}

static void write_number(struct tt_writer *w, const char *attr, double number)
{
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  print_number(&text, number);
  tt_write_attr(w, attr, text.data);
}

static void write_value(struct tt_writer *w, const struct tt_value *value)
{
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  tt_value_print(value, &text);
  tt_write_element(w, "value", text.data ? text.data : "");
}

/* "0 ... 100 °C (0.5)": limits, unit and step, for people. Nothing when there are none. */
static void write_description(struct tt_writer *w, const struct tt_point *point)
{
  const struct tt_write *write = point->write;
  if (!write->has_range && !(write->step > 0))
    return;
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  if (write->has_range) {
    print_number(&text, write->min);
    tt_buf_puts(&text, " \u2026 ");
    print_number(&text, write->max);
  }
  if (*point->unit)
    tt_buf_printf(&text, "%s%s", text.len ? " " : "", point->unit);
  if (write->step > 0) {
    tt_buf_puts(&text, text.len ? " (" : "(");
    print_number(&text, write->step);
    tt_buf_puts(&text, ")");
  }
  tt_write_element(w, "desc", text.data);
}

static void write_validation(struct tt_writer *w, const struct tt_point *point)
{
  if (!datatypes[point->type])
    return;
  tt_write_open(w, "validate", NS_VALIDATE);
  tt_write_attr(w, "datatype", datatypes[point->type]);
  if (point->write->has_range && tt_value_is_number(point->type) && point->n_map == 0) {
    tt_write_open(w, "range", NULL);
    write_number(w, "min", point->write->min);
    write_number(w, "max", point->write->max);
    tt_write_close(w);
  } else {
    tt_write_open(w, "basic", NULL);
    tt_write_close(w);
  }
  tt_write_close(w);
}

static const char *field_type(const struct tt_point *point)
{
  if (point->is_secret)
    return "text-private";
  if (point->type == TT_TYPE_BOOLEAN)
    return "boolean";
  return point->n_map > 0 ? "list-single" : "text-single";
}

static void open_field(struct tt_writer *w, const struct tt_point *point, const char *type, const char *label)
{
  tt_write_open(w, "field", NULL);
  tt_write_attr(w, "var", point->name);
  tt_write_attr(w, "type", type);
  if (*point->unit)
    tt_write_attr_printf(w, "label", "%s (%s)", label, point->unit);
  else
    tt_write_attr(w, "label", label);
  write_description(w, point);
}

static void write_required(struct tt_writer *w)
{
  tt_write_open(w, "required", NULL);
  tt_write_close(w);
}

static void write_option(struct tt_writer *w, const char *value, const char *label)
{
  tt_write_open(w, "option", NULL);
  tt_write_attr(w, "label", label);
  tt_write_element(w, "value", value);
  tt_write_close(w);
}

static void write_options(struct tt_writer *w, const struct tt_point *point)
{
  for (size_t i = 0; point->type != TT_TYPE_BOOLEAN && i < point->n_map; i++) {
    tt_write_open(w, "option", NULL);
    write_value(w, &point->map[i].value);
    tt_write_close(w);
  }
}

/* A list cannot show what is none of its options. */
static bool can_show(const struct tt_point *point, const char *typed)
{
  struct tt_value value TT_AUTOVALUE = {0};
  bool is_one = point->type != TT_TYPE_BOOLEAN && point->n_map == 0;
  if (!is_one && tt_value_parse(point->type, typed, &value) == 0)
    for (size_t i = 0; i < point->n_map; i++)
      is_one |= tt_value_equals(&point->map[i].value, &value);
  return is_one || (point->type == TT_TYPE_BOOLEAN && value.type == TT_TYPE_BOOLEAN);
}

/* `nothing`: the option of a list that stands for no value, while none is known. */
static void write_field(struct tt_writer *w, const char *language, const struct tt_parameter *parameter,
                        const char *typed, const char *nothing, bool is_required)
{
  const struct tt_point *point = parameter->point;
  typed = typed && can_show(point, typed) ? typed : NULL;
  bool is_known = typed || (parameter->current && parameter->current->type != TT_TYPE_NONE);
  bool is_boolean = point->type == TT_TYPE_BOOLEAN, is_list = is_boolean || point->n_map > 0;
  TT_AUTOBUF struct tt_buf label = TT_BUF(0);
  tt_human_name(&label, point, language);
  open_field(w, point, is_boolean && !is_known ? "list-single" : field_type(point), label.data);
  if (is_required)
    write_required(w);
  if (typed)
    tt_write_element(w, "value", typed);
  else if (is_known)
    write_value(w, parameter->current);
  else
    tt_write_element(w, "value", "");
  if (is_list && !is_known)
    write_option(w, "", tt_tr(language, nothing));
  if (is_boolean && !is_known) {
    write_option(w, "true", tt_tr(language, "on"));
    write_option(w, "false", tt_tr(language, "off"));
  }
  write_options(w, point);
  if (!is_list)
    write_validation(w, point);
  tt_write_close(w);
}

void tt_form_write_field(struct tt_writer *w, const char *language, const struct tt_parameter *parameter,
                         const char *typed)
{
  write_field(w, language, parameter, typed, TT_TR("(leave as it is)"), false);
}

void tt_form_write_argument(struct tt_writer *w, const char *language, const struct tt_parameter *argument,
                            const char *typed)
{
  write_field(w, language, argument, argument->point->is_secret ? NULL : typed, TT_TR("(choose)"),
              !tt_argument_is_optional(argument->point));
}

/* The field of a machine's form, which stays open. */
static void begin_field(struct tt_writer *w, const char *language, const struct tt_parameter *parameter,
                        bool is_required)
{
  const struct tt_point *point = parameter->point;
  open_field(w, point, field_type(point), tt_label_for(&point->label, language, point->name));
  if (is_required)
    write_required(w);
  if (parameter->current && parameter->current->type != TT_TYPE_NONE && !point->is_secret)
    write_value(w, parameter->current);
  write_options(w, point);
  write_validation(w, point);
}

static void open_form(struct tt_writer *w, struct tt_buf *out, const char *title, const char *instructions,
                      const struct tt_parameter *parameters, size_t n)
{
  tt_write_init(w, out);
  tt_write_open(w, "x", TT_NS_FORM);
  tt_write_attr(w, "type", "form");
  tt_write_element(w, "title", title);
  if (instructions)
    tt_write_element(w, "instructions", instructions);
  if (n == 0)
    return;
  tt_write_open(w, "page", NS_LAYOUT);
  tt_write_attr(w, "label", title);
  for (size_t i = 0; i < n; i++) {
    tt_write_open(w, "fieldref", NULL);
    tt_write_attr(w, "var", parameters[i].point->name);
    tt_write_close(w);
  }
  tt_write_close(w);
}

void tt_form_write(struct tt_buf *out, const char *title, const char *language,
                   const struct tt_parameter *parameters, size_t n)
{
  struct tt_writer w;
  open_form(&w, out, title, NULL, parameters, n);
  for (size_t i = 0; i < n; i++) {
    begin_field(&w, language, &parameters[i], false);
    tt_write_open(&w, "notSame", NS_DYNAMIC); /* only what was edited needs to be sent (XEP-0325 section 3.4) */
    tt_write_close(&w);
    tt_write_close(&w);
  }
  tt_write_close(&w);
}

void tt_form_write_arguments(struct tt_buf *out, const struct tt_argument_form *form)
{
  struct tt_writer w;
  open_form(&w, out, form->title, form->instructions, form->arguments, form->n_arguments);
  for (size_t i = 0; i < form->n_arguments; i++) {
    const struct tt_point *argument = form->arguments[i].point;
    begin_field(&w, form->language, &form->arguments[i], !tt_argument_is_optional(argument));
    for (size_t k = 0; k < form->n_errors; k++) {
      if (strcmp(form->errors[k].name, argument->name) != 0)
        continue;
      tt_write_open(&w, "error", NS_DYNAMIC);
      tt_write_text(&w, form->errors[k].text);
      tt_write_close(&w);
    }
    tt_write_close(&w);
  }
  tt_write_close(&w);
}

/* ---- What comes back ------------------------------------------------------------------------------------ */

static bool is_hidden(const struct tt_xml *field, const char *var)
{
  const char *type = tt_xml_attr(field, "type");
  return (type && strcmp(type, "hidden") == 0) || strcmp(var, "xdd session") == 0 ||
         strcmp(var, "FORM_TYPE") == 0 || strncmp(var, TT_FORM_FIXED, strlen(TT_FORM_FIXED)) == 0;
}

/* 1: an assignment; 0: nothing to do; -EINVAL. */
static int parse_field(const struct tt_xml *field, struct tt_assignment *ret, const char **ret_wrong)
{
  const char *var = tt_xml_attr(field, "var");
  const char *type = tt_xml_attr(field, "type");
  if (!var)
    return type && strcmp(type, "fixed") == 0 ? 0 : -EINVAL;
  if (is_hidden(field, var))
    return 0;
  const struct tt_xml *value = NULL;
  TT_XML_FOREACH(child, field) {
    if (strcmp(child->name, "value") != 0)
      continue;
    if (value) {
      *ret_wrong = var;
      return -EINVAL;
    }
    value = child;
  }
  if (!value)
    return 0;
  *ret = (struct tt_assignment){.name = var, .type = TT_TYPE_NONE, .text = value->text};
  return 1;
}

int tt_form_parse(const struct tt_xml *form, struct tt_arena *arena, struct tt_assignment **ret_assignments,
                  size_t *ret_n, const char **ret_wrong)
{
  const char *type = tt_xml_attr(form, "type");
  *ret_wrong = NULL;
  if (!type || strcmp(type, "submit") != 0)
    return -EINVAL;
  size_t n = 0;
  TT_XML_FOREACH(child, form)
    n++;
  struct tt_assignment *assignments = tt_arena_alloc(arena, (n + 1) * sizeof(*assignments));
  if (!assignments)
    return -ENOMEM;
  size_t used = 0;
  TT_XML_FOREACH(child, form) {
    if (strcmp(child->name, "field") != 0)
      continue;
    int r = parse_field(child, &assignments[used], ret_wrong);
    if (r < 0)
      return r;
    used += (size_t)r;
  }
  *ret_assignments = assignments;
  *ret_n = used;
  return 0;
}
