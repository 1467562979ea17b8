/* SPDX-License-Identifier: Apache-2.0
 *
 * dataform.h: data forms for people (XEP-0004, values checked as XEP-0122 says), field by field, and what comes back.
 * Forms of control parameters are form.h's. Pure.
 */
#pragma once

#include "form.h"

enum tt_dataform_kind {
  TT_DATAFORM_FORM,   /* to be filled in */
  TT_DATAFORM_RESULT, /* to be read: one plain field per value, for tables show only their titles in some clients */
};

struct tt_dataform {
  struct tt_writer w;
  enum tt_dataform_kind kind;
  unsigned n_fixed;
};

enum tt_dataform_type {
  TT_FIELD_TEXT,   /* text-single */
  TT_FIELD_TEXTS,  /* text-multi: each line a value */
  TT_FIELD_SECRET, /* text-private */
  TT_FIELD_BOOLEAN,
  TT_FIELD_LIST, /* list-single; its options follow */
  TT_FIELD_JID,  /* jid-single */
  TT_FIELD_HIDDEN,
  TT_FIELD_FIXED, /* a text between the fields; gets a `var` of its own: poezio shows one field of each name */
};

struct tt_dataform_field {
  enum tt_dataform_type type;
  const char *var, *label;
  const char
      *value; /* NULL: none. Give a list one: clients send the first option otherwise, without having asked */
  const char *description;
  const char *datatype;  /* "xs:int"; NULL: not checked by the client */
  const char *min, *max; /* of that datatype; NULL */
  bool is_required;
};

/* `buf` is borrowed until the form is closed. `instructions` may be NULL, and have
 * several lines. */
void tt_dataform_open(struct tt_dataform *form, struct tt_buf *buf, enum tt_dataform_kind kind, const char *title,
                      const char *instructions);
/* A field without options. */
void tt_dataform_field(struct tt_dataform *form, const struct tt_dataform_field *field);
/* A list: open, an option each (label NULL: the value), close. */
void tt_dataform_open_list(struct tt_dataform *form, const struct tt_dataform_field *field);
void tt_dataform_option(struct tt_dataform *form, const char *value, const char *label);
void tt_dataform_close_list(struct tt_dataform *form);
/* A line of a result: a text field of its own. */
void tt_dataform_line(struct tt_dataform *form, const char *var, const char *label, const char *value);
/* 0; -ENOSPC: it does not fit into the buffer (or there is no memory). */
int tt_dataform_close(struct tt_dataform *form);

/* ---- What comes back: of a form that was submitted. Texts are borrowed from it. ------------------------------------ */
bool tt_dataform_is_submit(const struct tt_xml *form);
/* The (first) value of a field; NULL: there is none. */
const char *tt_dataform_value(const struct tt_xml *form, const char *var);
bool tt_dataform_boolean(const struct tt_xml *form, const char *var, bool otherwise);
/* All values of a field, a line each (text-multi). Appended. */
void tt_dataform_lines(const struct tt_xml *form, const char *var, struct tt_buf *out);
