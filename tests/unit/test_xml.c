/* SPDX-License-Identifier: Apache-2.0
 * The stanza tree: reading, looking, limits. */
#include "xmpp/xml.h"

#include "cmocka_all.h"

static struct tt_xml_doc *parse(const char *text)
{
  struct tt_xml_doc *doc = NULL;
  assert_int_equal(tt_xml_parse(text, strlen(text), &doc), 0);
  assert_non_null(doc);
  return doc;
}

static int parse_error(const char *text)
{
  struct tt_xml_doc *doc = NULL;
  int r = tt_xml_parse(text, strlen(text), &doc);
  assert_null(doc);
  return r;
}

static void test_tree(void **state)
{
  (void)state;
  struct tt_xml_doc *doc =
      parse("<iq xmlns='jabber:client' type='get' id='1' xml:lang='sv' xmlns:p='urn:p' p:type='set'>"
            "<req xmlns='urn:xmpp:iot:sensordata' seqnr='7' momentary='1' all='false' odd='yes'>"
            "<node nodeId='a&amp;b'/><p:field name='T'/></req>text &lt;1&gt;</iq>");
  const struct tt_xml *iq = tt_xml_doc_root(doc);
  assert_string_equal(iq->name, "iq");
  assert_string_equal(iq->ns, "jabber:client");
  assert_string_equal(tt_xml_attr(iq, "xml:lang"), "sv");
  assert_string_equal(tt_xml_attr(iq, "type"), "get"); /* not the prefixed one */
  assert_null(tt_xml_attr(iq, "absent"));
  assert_string_equal(iq->text, "text <1>");
  const struct tt_xml *req = tt_xml_child(iq, "req", NULL);
  assert_non_null(req);
  assert_ptr_equal(req, tt_xml_child(iq, NULL, "urn:xmpp:iot:sensordata"));
  assert_ptr_equal(req->parent, iq);
  assert_true(tt_xml_bool(req, "momentary", false));
  assert_false(tt_xml_bool(req, "all", true));
  assert_true(tt_xml_bool(req, "odd", true));
  assert_false(tt_xml_bool(req, "absent", false));
  assert_string_equal(tt_xml_attr(tt_xml_child(req, "node", NULL), "nodeId"), "a&b");
  const struct tt_xml *field = tt_xml_child(req, "field", "urn:p");
  assert_non_null(field);
  assert_ptr_equal(field, req->last_child);
  assert_null(tt_xml_child(req, "field", "urn:xmpp:iot:sensordata"));
  int n = 0;
  TT_XML_FOREACH(child, req)
    n++;
  assert_int_equal(n, 2);
  tt_xml_doc_destroy(doc);
}

static void test_text_around_children_is_joined(void **state)
{
  (void)state;
  struct tt_xml_doc *doc = parse("<a>one<b>inner</b> two<b>2</b>\nthree</a>");
  const struct tt_xml *a = tt_xml_doc_root(doc);
  assert_string_equal(a->text, "one two\nthree");
  assert_string_equal(a->children->text, "inner");
  assert_string_equal(a->last_child->text, "2");
  tt_xml_doc_destroy(doc);
}

static void test_component_namespace_reads_as_client(void **state)
{
  (void)state;
  struct tt_xml_doc *doc = parse("<message xmlns='jabber:component:accept'><body>x</body></message>");
  assert_string_equal(tt_xml_doc_root(doc)->ns, "jabber:client");
  assert_string_equal(tt_xml_doc_root(doc)->children->ns, "jabber:client");
  tt_xml_doc_destroy(doc);
}

static void test_refused(void **state)
{
  (void)state;
  static const char *const bad[] = {
      "",
      "x",
      "<a>",
      "<a></b>",
      "<a/><b/>",
      "<a/>x",
      "<!DOCTYPE a><a/>",
      "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
      "<a><!-- x --></a>",
      "<a><?x y?></a>",
      "<a>&foo;</a>",
      "<a>\xff</a>",
      "<a b='1' b='2'/>",
      "<p:a/>",
      "<a>\x01</a>",
      "<a>&#0;</a>",
  };
  for (size_t i = 0; i < TT_COUNT(bad); i++)
    assert_int_equal(parse_error(bad[i]), -EBADMSG);
}

static void test_limits(void **state)
{
  (void)state;
  /* depth */
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  for (int extra = 0; extra < 2; extra++) {
    tt_buf_truncate(&buf, 0);
    for (int i = 0; i < TT_XML_DEPTH_MAX + extra; i++)
      tt_buf_puts(&buf, "<a>");
    for (int i = 0; i < TT_XML_DEPTH_MAX + extra; i++)
      tt_buf_puts(&buf, "</a>");
    struct tt_xml_doc *doc = NULL;
    assert_int_equal(tt_xml_parse(buf.data, buf.len, &doc), extra ? -E2BIG : 0);
    tt_xml_doc_destroy(doc);
  }
  /* elements; a whole stanza of nothing else stays in the arena's limit */
  for (int extra = 0; extra < 2; extra++) {
    tt_buf_truncate(&buf, 0);
    tt_buf_puts(&buf, "<a>");
    for (int i = 1; i < TT_XML_ELEMENTS_MAX + extra; i++)
      tt_buf_puts(&buf, "<b/>");
    tt_buf_puts(&buf, "</a>");
    struct tt_xml_doc *doc = NULL;
    assert_int_equal(tt_xml_parse(buf.data, buf.len, &doc), extra ? -E2BIG : 0);
    tt_xml_doc_destroy(doc);
  }
  /* attributes of one element */
  for (int extra = 0; extra < 2; extra++) {
    tt_buf_truncate(&buf, 0);
    tt_buf_puts(&buf, "<a");
    for (int i = 0; i < TT_XML_ATTRS_MAX + extra; i++)
      tt_buf_printf(&buf, " a%d=''", i);
    tt_buf_puts(&buf, "/>");
    struct tt_xml_doc *doc = NULL;
    assert_int_equal(tt_xml_parse(buf.data, buf.len, &doc), extra ? -E2BIG : 0);
    tt_xml_doc_destroy(doc);
  }
  /* a namespace name */
  for (int extra = 0; extra < 2; extra++) {
    tt_buf_truncate(&buf, 0);
    tt_buf_printf(&buf, "<a xmlns='%0*d'/>", 1024 + extra, 0);
    struct tt_xml_doc *doc = NULL;
    assert_int_equal(tt_xml_parse(buf.data, buf.len, &doc), extra ? -E2BIG : 0);
    tt_xml_doc_destroy(doc);
  }
  /* bytes: text and one long tag */
  static const char *const shapes[] = {"<a>%0*d</a>", "<a b='%0*d'/>"};
  for (size_t i = 0; i < TT_COUNT(shapes); i++) {
    struct tt_xml_doc *doc = NULL;
    tt_buf_truncate(&buf, 0);
    tt_buf_printf(&buf, shapes[i], TT_XML_STANZA_MAX - 100, 0);
    assert_int_equal(tt_xml_parse(buf.data, buf.len, &doc), 0);
    tt_xml_doc_destroy(doc);
    doc = NULL;
    tt_buf_truncate(&buf, 0);
    tt_buf_printf(&buf, shapes[i], TT_XML_STANZA_MAX + 64 * 1024, 0);
    assert_int_equal(tt_xml_parse(buf.data, buf.len, &doc), -E2BIG);
    assert_null(doc);
  }
}

static void test_after_an_error_nothing_more(void **state)
{
  (void)state;
  struct tt_xml_doc *doc = tt_xml_doc_create();
  assert_null(tt_xml_doc_root(doc));
  assert_int_equal(tt_xml_start(doc, "a", NULL), 0);
  assert_int_equal(tt_xml_add_attr(doc, "b", "1"), 0);
  assert_int_equal(tt_xml_add_text(doc, "xyz", 2), 0);
  assert_int_equal(tt_xml_end(doc), 1);
  assert_string_equal(tt_xml_doc_root(doc)->text, "xy");
  assert_string_equal(tt_xml_doc_root(doc)->ns, "");
  assert_true(tt_xml_end(doc) < 0);
  assert_true(tt_xml_start(doc, "c", "") < 0);
  assert_string_equal(tt_xml_doc_root(doc)->name, "a");
  tt_xml_doc_destroy(doc);
  tt_xml_doc_destroy(NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tree),
      cmocka_unit_test(test_text_around_children_is_joined),
      cmocka_unit_test(test_component_namespace_reads_as_client),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_after_an_error_nothing_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
