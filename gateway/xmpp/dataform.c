/* SPDX-License-Identifier: Apache-2.0
 * dataform.c: data forms for people.
 */
#include "dataform.h"

#include <stdio.h>

#define NS_VALIDATE "http://jabber.org/protocol/xdata-validate"

static const char *const types[] = {
    [TT_FIELD_TEXT] = "text-single", [TT_FIELD_TEXTS] = "text-multi", [TT_FIELD_SECRET] = "text-private",
    [TT_FIELD_BOOLEAN] = "boolean",  [TT_FIELD_LIST] = "list-single", [TT_FIELD_JID] = "jid-single",
    [TT_FIELD_HIDDEN] = "hidden",    [TT_FIELD_FIXED] = "fixed",
};

/* An element per line: XEP-0004 has no line breaks within one. */
static void write_lines(struct tt_writer *w, const char *element, const char *text)
{
  for (size_t n; text[n = strcspn(text, "\n")]; text += n + 1) {
    TT_AUTOFREE char *line = strndup(text, n);
    tt_write_element(w, element, line ? line : "");
  }
  tt_write_element(w, element, text);
}

void tt_dataform_open(struct tt_dataform *form, struct tt_buf *buf, enum tt_dataform_kind kind, const char *title,
                      const char *instructions)
{
  form->kind = kind;
  form->n_fixed = 0;
  tt_write_init(&form->w, buf);
  tt_write_open(&form->w, "x", TT_NS_FORM);
  tt_write_attr(&form->w, "type", kind == TT_DATAFORM_FORM ? "form" : "result");
  tt_write_element(&form->w, "title", title);
  if (instructions && *instructions)
    write_lines(&form->w, "instructions", instructions);
}

static void write_validation(struct tt_writer *w, const struct tt_dataform_field *field)
{
  tt_write_open(w, "validate", NS_VALIDATE);
  tt_write_attr(w, "datatype", field->datatype);
  tt_write_open(w, field->min || field->max ? "range" : "basic", NULL);
  tt_write_attr(w, "min", field->min);
  tt_write_attr(w, "max", field->max);
  tt_write_close(w);
  tt_write_close(w);
}

/* In the order of the schema of XEP-0004: desc, required, value, option; what is of other namespaces at the end is
 * written before the options, where nobody cares, for those follow. */
static void open_field(struct tt_dataform *form, const struct tt_dataform_field *field)
{
  struct tt_writer *w = &form->w;
  tt_write_open(w, "field", NULL);
  char name[16];
  snprintf(name, sizeof(name), TT_FORM_FIXED "%u", form->n_fixed);
  form->n_fixed += field->type == TT_FIELD_FIXED;
  tt_write_attr(w, "var", field->type == TT_FIELD_FIXED ? name : field->var);
  tt_write_attr(w, "type", types[field->type]);
  tt_write_attr(w, "label", field->label);
  if (field->description && *field->description)
    tt_write_element(w, "desc", field->description);
  if (field->is_required) {
    tt_write_open(w, "required", NULL);
    tt_write_close(w);
  }
  if (field->value && field->type == TT_FIELD_TEXTS)
    write_lines(w, "value", field->value);
  else if (field->value)
    tt_write_element(w, "value", field->value);
  if (field->datatype)
    write_validation(w, field);
}

void tt_dataform_field(struct tt_dataform *form, const struct tt_dataform_field *field)
{
  open_field(form, field);
  tt_write_close(&form->w);
}

void tt_dataform_open_list(struct tt_dataform *form, const struct tt_dataform_field *field)
{
  open_field(form, field);
}

void tt_dataform_option(struct tt_dataform *form, const char *value, const char *label)
{
  tt_write_open(&form->w, "option", NULL);
  tt_write_attr(&form->w, "label", label);
  tt_write_element(&form->w, "value", value);
  tt_write_close(&form->w);
}

void tt_dataform_close_list(struct tt_dataform *form)
{
  tt_write_close(&form->w);
}

void tt_dataform_line(struct tt_dataform *form, const char *var, const char *label, const char *value)
{
  tt_dataform_field(form,
                    &(struct tt_dataform_field){.type = TT_FIELD_TEXT, .var = var, .label = label, .value = value});
}

int tt_dataform_close(struct tt_dataform *form)
{
  tt_write_close(&form->w);
  return form->w.failed || form->w.buf->failed ? -ENOSPC : 0;
}

/* ---- What comes back ----------------------------------------------------------------------------------------- */

bool tt_dataform_is_submit(const struct tt_xml *form)
{
  const char *type = tt_xml_attr(form, "type");
  return type && !strcmp(type, "submit");
}

static const struct tt_xml *find_field(const struct tt_xml *form, const char *var)
{
  TT_XML_FOREACH(field, form) {
    const char *name = tt_xml_attr(field, "var");
    if (!strcmp(field->name, "field") && name && !strcmp(name, var))
      return field;
  }
  return NULL;
}

const char *tt_dataform_value(const struct tt_xml *form, const char *var)
{
  const struct tt_xml *field = form ? find_field(form, var) : NULL;
  const struct tt_xml *value = field ? tt_xml_child(field, "value", NULL) : NULL;
  return value ? value->text : NULL;
}

bool tt_dataform_boolean(const struct tt_xml *form, const char *var, bool otherwise)
{
  const char *text = tt_dataform_value(form, var);
  if (text && (!strcmp(text, "1") || !strcmp(text, "true")))
    return true;
  if (text && (!strcmp(text, "0") || !strcmp(text, "false")))
    return false;
  return otherwise;
}

void tt_dataform_lines(const struct tt_xml *form, const char *var, struct tt_buf *out)
{
  const struct tt_xml *field = form ? find_field(form, var) : NULL;
  bool is_first = true;
  for (const struct tt_xml *value = field ? field->children : NULL; value; value = value->next) {
    if (strcmp(value->name, "value"))
      continue;
    if (!is_first)
      tt_buf_putc(out, '\n');
    tt_buf_puts(out, value->text);
    is_first = false;
  }
}
