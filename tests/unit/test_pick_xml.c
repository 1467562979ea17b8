/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include "common/pick_xml.h"

#include <stdio.h>

static const char *prefixes[] = {"p"};
static struct tt_item uri_item = {.kind = TT_ITEM_SCALAR, .text = "urn:x"}, *uris[] = {&uri_item};
static struct tt_item namespaces = {.kind = TT_ITEM_MAP, .n = 1, .items = uris, .keys = prefixes};

/* The value as text, "" no value, "!..." the reason why not. */
static const char *pick(const char *document, const char *xpath)
{
  static char out[300];
  char why[TT_PICK_WHY_SIZE] = "";
  struct tt_pick_xml *xml = NULL;
  TT_AUTOVALUE struct tt_value value = {0};
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  int r = tt_pick_xml_parse(document, strlen(document), &xml, why);
  if (r == 0)
    r = tt_pick_xml_value(xml, xpath, &namespaces, true, &value, why);
  if (r == 0)
    tt_value_print(&value, &text);
  tt_pick_xml_free(xml);
  snprintf(out, sizeof out, "%s%s", r == -EINVAL ? "!" : "", r == -EINVAL ? why : text.data ? text.data : "");
  return out;
}

static const char document[] = "<?xml version='1.0' encoding='UTF-8'?>\n<ws xmlns:q='urn:x'><!-- c -->"
                               "<p unit='hPa'> 1013.20\n</p><p unit='inHg'>29.9</p><on>true</on><empty/>"
                               "<q:name>A&amp;B <![CDATA[<C>]]></q:name></ws>";

static void test_values(void **state)
{
  (void)state;
  assert_string_equal(pick(document, "/ws/p"), "1013.20");
  assert_string_equal(pick(document, "/ws/p[@unit='inHg']"), "29.9");
  assert_string_equal(pick(document, "/ws/p/@unit"), "hPa");
  assert_string_equal(pick(document, "count(//p)"), "2");
  assert_string_equal(pick(document, "count(//p) div 4"), "0.5");
  assert_string_equal(pick(document, "/ws/on"), "true");
  assert_string_equal(pick(document, "boolean(/ws/off)"), "false");
  assert_string_equal(pick(document, "string(/ws/p/@unit)"), "hPa");
  assert_string_equal(pick(document, "//p:name"), "A&B <C>");
  assert_string_equal(pick(document, "/ws/empty"), "");
  assert_string_equal(pick(document, "/ws/none"), "");
  assert_string_equal(pick(document, "number(/ws/on)"), "!the result is not a number");
  assert_string_equal(pick(document, "//unknown:name"), "!the expression fails");
}

static void test_what_is_not_accepted(void **state)
{
  static const char *const rows[][2] = {
      {"", "the document is not XML"},
      {"hello", "the document is not XML"},
      {"<a><b></a>", "the document is not XML"},
      {"<a>\xff</a>", "not valid UTF-8"},
      {"<!DOCTYPE a><a/>", "document type"},
      {"<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", "document type"},
      {"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>", "document type"},
      {"<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/x.dtd'><a/>", "document type"},
      {"<!DOCTYPE a [<!ENTITY b '1111111111'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>"
       "<!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>]><a x='&d;&d;&d;&d;'/>",
       "document"},
      {"<a>&undefined;</a>", "the document is not XML"},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    const char *said = pick(rows[i][0], "/a");
    if (*said != '!' || !strstr(said, rows[i][1]))
      fail_msg("%s: %s", rows[i][0], said);
  }
}

static void test_limits(void **state)
{
  (void)state;
  TT_AUTOBUF struct tt_buf deep = TT_BUF(0), large = TT_BUF(0);
  for (int extra = 0; extra < 2; extra++) { /* one level fewer, then one too many */
    tt_buf_truncate(&deep, 0);
    for (int i = 0; i < TT_PICK_XML_DEPTH_MAX + extra; i++)
      tt_buf_puts(&deep, "<a>");
    tt_buf_puts(&deep, "7");
    for (int i = 0; i < TT_PICK_XML_DEPTH_MAX + extra; i++)
      tt_buf_puts(&deep, "</a>");
    assert_string_equal(pick(deep.data, "//a[last()]"), extra ? "!the document is nested too deep" : "7");
  }
  tt_buf_puts(&large, "<a>");
  while (large.len <= TT_PICK_SIZE_MAX)
    tt_buf_puts(&large, "<b/>");
  assert_string_equal(pick(large.data, "/a"), "!the document is too large");
  /* An expression that would take for ever on what a device can send. */
  tt_buf_truncate(&large, 3 + 4 * 14000);
  tt_buf_puts(&large, "</a>");
  assert_string_equal(pick(large.data, "count(//b[count(//b) > count(preceding::b)])"), "!the expression fails");
}

static void test_problems(void **state)
{
  (void)state;
  assert_null(tt_pick_xpath_problem("/a/b", NULL));
  assert_null(tt_pick_xpath_problem("/p:a", &namespaces));
  assert_non_null(tt_pick_xpath_problem("", NULL));
  assert_non_null(tt_pick_xpath_problem("/a[", NULL));
  assert_non_null(tt_pick_xpath_problem("/p:a", NULL));
  assert_non_null(tt_pick_xpath_problem("unknown()", NULL));
  char *longest = calloc(1, TT_PICK_XPATH_MAX + 2);
  memset(longest, 'a', TT_PICK_XPATH_MAX + 1);
  assert_non_null(tt_pick_xpath_problem(longest, NULL));
  longest[TT_PICK_XPATH_MAX] = 0;
  assert_null(tt_pick_xpath_problem(longest, NULL));
  free(longest);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values),
      cmocka_unit_test(test_what_is_not_accepted),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_problems),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
