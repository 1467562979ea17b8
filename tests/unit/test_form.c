/* SPDX-License-Identifier: Apache-2.0
 * form.c: control forms out, filled-in forms in. */
#include "xmpp/form.h"

#include "cmocka_all.h"

static struct tt_write any_write, percent_write = {.has_range = true, .min = 0, .max = 100, .step = 0.5};

static const struct tt_map_entry modes[] = {
    {"0", {.type = TT_TYPE_ENUM, .text = (char *)(uintptr_t) "off"}},
    {"1", {.type = TT_TYPE_ENUM, .text = (char *)(uintptr_t) "auto"}},
};

static const struct tt_point relay = {
    .name = "relay",
    .label = {2, {"en", "sv"}, {"Main switch", "Huvudbrytare"}},
    .type = TT_TYPE_BOOLEAN,
    .unit = "",
    .write = &any_write,
};
static const struct tt_point level = {
    .name = "level", .type = TT_TYPE_QUANTITY, .unit = "%", .write = &percent_write};
static const struct tt_point mode = {
    .name = "mode", .type = TT_TYPE_ENUM, .unit = "", .write = &any_write, .n_map = 2, .map = modes};
static const struct tt_point period = {.name = "period", .type = TT_TYPE_INT32, .unit = "s", .write = &any_write};

static char *write_form(const char *language, const struct tt_parameter *parameters, size_t n)
{
  struct tt_buf buf = TT_BUF(0);
  tt_form_write(&buf, "Heat & light", language, parameters, n);
  return tt_buf_steal(&buf);
}

static void test_every_kind_of_field(void **state)
{
  (void)state;
  const struct tt_value on = TT_VALUE_BOOLEAN(true), half = TT_VALUE_QUANTITY(50.5, 2);
  const struct tt_parameter parameters[] = {{&relay, &on}, {&level, &half}, {&mode, NULL}, {&period, NULL}};
  TT_AUTOFREE char *text = write_form("en", parameters, TT_COUNT(parameters));
  assert_string_equal(
      text,
      "<x xmlns='jabber:x:data' type='form'><title>Heat &amp; light</title>"
      "<page xmlns='http://jabber.org/protocol/xdata-layout' label='Heat &amp; light'><fieldref var='relay'/>"
      "<fieldref var='level'/><fieldref var='mode'/><fieldref var='period'/></page>"
      "<field var='relay' type='boolean' label='Main switch'><value>true</value>"
      "<notSame xmlns='urn:xmpp:xdata:dynamic'/></field>"
      "<field var='level' type='text-single' label='level (%)'><desc>0 \u2026 100 % "
      "(0.5)</desc><value>50.50</value>"
      "<validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:double'><range min='0' max='100'/>"
      "</validate><notSame xmlns='urn:xmpp:xdata:dynamic'/></field>"
      "<field var='mode' type='list-single' label='mode'><option><value>off</value></option>"
      "<option><value>auto</value></option><validate xmlns='http://jabber.org/protocol/xdata-validate' "
      "datatype='xs:string'><basic/></validate><notSame xmlns='urn:xmpp:xdata:dynamic'/></field>"
      "<field var='period' type='text-single' label='period (s)'>"
      "<validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:int'><basic/></validate>"
      "<notSame xmlns='urn:xmpp:xdata:dynamic'/></field></x>");
}

static void test_label_follows_the_language(void **state)
{
  (void)state;
  const struct tt_parameter parameter = {&relay, NULL};
  TT_AUTOFREE char *text = write_form("sv-SE", &parameter, 1);
  assert_non_null(strstr(text, "label='Huvudbrytare'"));
  assert_null(strstr(text, "<value>"));
}

/* ---- What comes back ------------------------------------------------------------------------------------ */

struct parsed {
  int r;
  struct tt_xml_doc *doc;
  struct tt_arena *arena;
  struct tt_assignment *assignments;
  size_t n;
  const char *wrong;
};

static struct parsed parse(const char *fields, const char *type)
{
  struct parsed p = {.arena = tt_arena_create(65536)};
  struct tt_buf buf = TT_BUF(0);
  tt_buf_printf(&buf, "<x xmlns='jabber:x:data' type='%s'>%s</x>", type, fields);
  assert_int_equal(tt_xml_parse(buf.data, buf.len, &p.doc), 0);
  tt_buf_finish(&buf);
  p.r = tt_form_parse(tt_xml_doc_root(p.doc), p.arena, &p.assignments, &p.n, &p.wrong);
  return p;
}

static void finish(struct parsed *p)
{
  tt_xml_doc_destroy(p->doc);
  tt_arena_destroy(p->arena);
}

static void test_what_was_filled_in(void **state)
{
  (void)state;
  struct parsed p = parse("<title>x</title><field var='xdd session'><value>1</value></field>"
                          "<field var='FORM_TYPE'><value>u</value></field>"
                          "<field var='secret' type='hidden'><value>s</value></field>"
                          "<field type='fixed'><value>words</value></field>"
                          "<field var='fixed 0'><value>words</value></field>"
                          "<field var='a'/><field var='b' type='boolean'><value>1</value></field>"
                          "<field var='c'><value/></field>",
                          "submit");
  assert_int_equal(p.r, 0);
  assert_int_equal(p.n, 2);
  assert_string_equal(p.assignments[0].name, "b");
  assert_string_equal(p.assignments[0].text, "1");
  assert_int_equal(p.assignments[0].type, TT_TYPE_NONE);
  assert_string_equal(p.assignments[1].name, "c");
  assert_string_equal(p.assignments[1].text, "");
  finish(&p);
}

static void test_wrong_forms(void **state)
{
  (void)state;
  static const struct {
    const char *fields, *type, *wrong;
  } rows[] = {
      {"<field var='a'><value>1</value></field>", "form", NULL},
      {"<field var='a'><value>1</value></field>", "cancel", NULL},
      {"<field><value>1</value></field>", "submit", NULL},
      {"<field var='a'><value>1</value><value>2</value></field>", "submit", "a"},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct parsed p = parse(rows[i].fields, rows[i].type);
    assert_int_equal(p.r, -EINVAL);
    if (rows[i].wrong)
      assert_string_equal(p.wrong, rows[i].wrong);
    else
      assert_null(p.wrong);
    finish(&p);
  }
}

static void test_memory_is_bounded(void **state)
{
  (void)state;
  struct tt_arena *arena = tt_arena_create(64);
  struct tt_xml_doc *doc;
  static const char form[] = "<x xmlns='jabber:x:data' type='submit'><field var='a'/><field var='b'/>"
                             "<field var='c'/><field var='d'/></x>";
  assert_int_equal(tt_xml_parse(form, strlen(form), &doc), 0);
  struct tt_assignment *assignments;
  size_t n;
  const char *wrong;
  assert_int_equal(tt_form_parse(tt_xml_doc_root(doc), arena, &assignments, &n, &wrong), -ENOMEM);
  tt_xml_doc_destroy(doc);
  tt_arena_destroy(arena);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_kind_of_field), cmocka_unit_test(test_label_follows_the_language),
      cmocka_unit_test(test_what_was_filled_in),  cmocka_unit_test(test_wrong_forms),
      cmocka_unit_test(test_memory_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
