/* SPDX-License-Identifier: Apache-2.0
 * table_help.c: option tables as text for `thingtree help`. */
#include "table.h"

#include <stdio.h>

#define HELP_WIDTH 80
#define HELP_DEPTH 4

static const char *const type_names[] = {
    [TT_OPTION_STRING] = "text",     [TT_OPTION_SECRET] = "secret", [TT_OPTION_BOOLEAN] = "true or false",
    [TT_OPTION_INTEGER] = "integer", [TT_OPTION_NUMBER] = "number", [TT_OPTION_DURATION] = "time",
    [TT_OPTION_CHOICE] = "one of",   [TT_OPTION_TEXTS] = "texts",   [TT_OPTION_TABLE] = "map",
    [TT_OPTION_LIST] = "maps",       [TT_OPTION_ITEM] = "anything",
};

static void number(const struct tt_option *o, double value, struct tt_buf *out)
{
  char text[32];
  if (o->type == TT_OPTION_DURATION)
    tt_buf_puts(out, tt_duration_print(text, sizeof text, (uint64_t)value));
  else
    tt_buf_printf(out, "%.12g", value);
}

/* "integer 1..65535, default 1883" */
static void print_type(const struct tt_option *o, struct tt_buf *out)
{
  tt_buf_puts(out, type_names[o->type]);
  if (o->type == TT_OPTION_CHOICE)
    for (const struct tt_choice *c = o->choices; c->name; c++)
      tt_buf_printf(out, "%s %s", c == o->choices ? "" : ",", c->name);
  if (o->min != 0 || o->max != 0) {
    tt_buf_putc(out, ' ');
    number(o, o->min, out);
    tt_buf_puts(out, "..");
    if (o->max >= o->min)
      number(o, o->max, out);
  }
  if (o->flags & TT_OPTION_REQUIRED)
    tt_buf_puts(out, "; required");
  else if (o->preset)
    tt_buf_printf(out, "; default %s", o->preset);
}

static void wrap(const char *text, unsigned indent, struct tt_buf *out)
{
  size_t column = 0;
  for (const char *p = text; *p;) {
    size_t n = strcspn(p, " ");
    if (column == 0 || column + 1 + n > HELP_WIDTH) {
      tt_buf_printf(out, "%s%*s", column ? "\n" : "", (int)indent, "");
      column = indent;
    } else {
      tt_buf_putc(out, ' ');
      column++;
    }
    tt_buf_add(out, p, n);
    column += n;
    p += n;
    p += strspn(p, " ");
  }
  tt_buf_putc(out, '\n');
}

static void print(const struct tt_option *options, unsigned indent, unsigned depth, struct tt_buf *out)
{
  for (const struct tt_option *o = options; o && o->name; o++) {
    struct tt_buf type TT_AUTOBUF = TT_BUF(0);
    print_type(o, &type);
    tt_buf_printf(out, "%*s%s: %s\n", (int)indent, "", o->name, type.data ? type.data : "");
    wrap(o->help ? o->help : "", indent + 4, out);
    if (o->table && depth < HELP_DEPTH)
      print(o->table, indent + 4, depth + 1, out);
  }
}

void tt_table_help(const struct tt_option *options, unsigned indent, struct tt_buf *out)
{
  print(options, indent, 0, out);
}
