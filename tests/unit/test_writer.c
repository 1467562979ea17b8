/* SPDX-License-Identifier: Apache-2.0
 * Text out: escaping, the character filter, marks, limits; and that what is written reads back. */
#include "xmpp/writer.h"
#include "xmpp/xml.h"

#include "cmocka_all.h"

static void escapes_to(const char *text, const char *expected)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  tt_xml_escape(&buf, text);
  assert_string_equal(buf.data ? buf.data : "", expected);
}

static void test_escaping(void **state)
{
  (void)state;
  escapes_to("", "");
  escapes_to("plain text", "plain text");
  escapes_to("a<b>&\"'", "a&lt;b&gt;&amp;&quot;&#39;");
  escapes_to("tab\tline\nreturn\r", "tab&#9;line&#10;return&#13;");
  escapes_to("\x01 \x1f", "\xef\xbf\xbd \xef\xbf\xbd");
  escapes_to("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8c\xb3",
             "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8c\xb3");
}

static void test_what_is_no_character_of_xml_is_replaced(void **state)
{
  (void)state;
  escapes_to("\xff", "\xef\xbf\xbd");
  escapes_to("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd");                                 /* overlong */
  escapes_to("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");                 /* surrogate */
  escapes_to("\xef\xbf\xbe", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");                 /* U+FFFE */
  escapes_to("\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* U+110000 */
  escapes_to("cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd");
  escapes_to("\xe2<", "\xef\xbf\xbd&lt;");
}

/* Whatever the bytes, the result is XML: one illegal character would close the whole stream. */
static void test_any_bytes_give_well_formed_xml(void **state)
{
  (void)state;
  unsigned seed = 1;
  for (int round = 0; round < 3000; round++) {
    char text[24];
    size_t n = 0;
    for (; n < sizeof(text) - 1; n++) {
      seed = seed * 1103515245u + 12345u;
      text[n] = (char)(seed >> 16);
    }
    text[n] = '\0';
    struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
    struct tt_writer w;
    tt_write_init(&w, &buf);
    tt_write_open(&w, "a", NULL);
    tt_write_attr(&w, "b", text);
    tt_write_text(&w, text);
    tt_write_close(&w);
    struct tt_xml_doc *doc = NULL;
    assert_int_equal(tt_xml_parse(buf.data, buf.len, &doc), 0);
    assert_string_equal(tt_xml_doc_root(doc)->text, tt_xml_attr(tt_xml_doc_root(doc), "b"));
    assert_true(tt_utf8_is_valid(tt_xml_doc_root(doc)->text, strlen(tt_xml_doc_root(doc)->text)));
    tt_xml_doc_destroy(doc);
  }
}

static void test_elements(void **state)
{
  (void)state;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, "fields", "urn:x");
  tt_write_attr(&w, "seqnr", "1");
  tt_write_attr(&w, "absent", NULL);
  tt_write_attr_bool(&w, "done", true);
  tt_write_attr_bool(&w, "never", false);
  tt_write_attr_printf(&w, "n", "%d<", 5);
  tt_write_open(&w, "node", NULL);
  tt_write_close(&w);
  tt_write_element(&w, "text", "a & b");
  tt_write_element(&w, "empty", "");
  assert_false(w.failed);
  size_t size = tt_write_size(&w);
  tt_write_close(&w);
  assert_string_equal(buf.data,
                      "<fields xmlns='urn:x' seqnr='1' done='true' n='5&lt;'><node/><text>a &amp; b</text>"
                      "<empty></empty></fields>");
  assert_int_equal(size, buf.len);
  assert_false(w.failed);
}

static void test_raw_markup_goes_inside(void **state)
{
  (void)state;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, "a", NULL);
  tt_write_raw(&w, NULL, 0);
  tt_write_attr(&w, "still", "open");
  tt_write_raw(&w, "<b/><c/>", 8);
  tt_write_close(&w);
  assert_string_equal(buf.data, "<a still='open'><b/><c/></a>");
  tt_write_raw(&w, "<d/>", 4);
  assert_true(w.failed); /* outside everything */
}

static void test_long_formatted_attribute(void **state)
{
  (void)state;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, "a", NULL);
  tt_write_attr_printf(&w, "b", "%01000d", 0);
  tt_write_close(&w);
  assert_false(w.failed);
  assert_int_equal(buf.len, strlen("<a b=''/>") + 1000);
}

static void test_size_with_everything_open(void **state)
{
  (void)state;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, "aa", NULL);
  tt_write_open(&w, "bbb", NULL);
  tt_write_open(&w, "c", NULL);
  tt_write_attr(&w, "d", "e");
  size_t size = tt_write_size(&w);
  tt_write_close(&w);
  tt_write_close(&w);
  tt_write_close(&w);
  assert_int_equal(size, buf.len);
}

static void test_what_did_not_fit_is_taken_back(void **state)
{
  (void)state;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(100);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, "fields", NULL);
  struct tt_writer_mark empty = tt_write_mark(&w);
  tt_write_element(&w, "field", "one");
  struct tt_writer_mark mark = tt_write_mark(&w);
  for (int i = 0; i < 10; i++)
    tt_write_element(&w, "field", "another one");
  assert_true(w.failed);
  tt_write_rewind(&w, mark);
  assert_false(w.failed);
  tt_write_close(&w);
  assert_string_equal(buf.data, "<fields><field>one</field></fields>");
  tt_write_rewind(&w, empty); /* back into the open start tag */
  tt_write_close(&w);
  assert_string_equal(buf.data, "<fields/>");
  assert_false(w.failed);
}

static void test_wrong_use_fails_and_stays(void **state)
{
  (void)state;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_close(&w);
  assert_true(w.failed);

  tt_write_init(&w, &buf);
  tt_write_open(&w, "a", NULL);
  struct tt_writer_mark mark = tt_write_mark(&w);
  tt_write_text(&w, "x");
  tt_write_attr(&w, "late", "1");
  assert_true(w.failed);
  tt_write_rewind(&w, mark);
  assert_true(w.failed);

  tt_write_init(&w, &buf);
  for (int i = 0; i < TT_WRITER_DEPTH_MAX; i++)
    tt_write_open(&w, "a", NULL);
  assert_false(w.failed);
  tt_write_open(&w, "a", NULL);
  assert_true(w.failed);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_escaping),
      cmocka_unit_test(test_what_is_no_character_of_xml_is_replaced),
      cmocka_unit_test(test_any_bytes_give_well_formed_xml),
      cmocka_unit_test(test_elements),
      cmocka_unit_test(test_raw_markup_goes_inside),
      cmocka_unit_test(test_long_formatted_attribute),
      cmocka_unit_test(test_size_with_everything_open),
      cmocka_unit_test(test_what_did_not_fit_is_taken_back),
      cmocka_unit_test(test_wrong_use_fails_and_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
