/* SPDX-License-Identifier: Apache-2.0
 * A stanza of libstrophe becomes a tree of ours, within the limits of xml.h. */
#include "xmpp/link_stanza.h"

#include <stdio.h>

#include "cmocka_all.h"

static int setup(void **state)
{
  *state = xmpp_ctx_new(NULL, NULL);
  return *state ? 0 : -1;
}

static int teardown(void **state)
{
  xmpp_ctx_free(*state);
  return 0;
}

static struct tt_xml_doc *doc_of(void **state, const char *text)
{
  xmpp_stanza_t *stanza = xmpp_stanza_new_from_string(*state, text);
  assert_non_null(stanza);
  struct tt_xml_doc *doc = tt_link_stanza_doc(stanza);
  xmpp_stanza_release(stanza);
  assert_non_null(doc);
  return doc;
}

static void test_names_namespaces_text_and_language(void **state)
{
  struct tt_xml_doc *doc =
      doc_of(state, "<iq xmlns='jabber:client' type='get' xml:lang='sv'><a xmlns='urn:x'>1<b/>&lt;2</a></iq>");
  const struct tt_xml *iq = tt_xml_doc_root(doc), *a = tt_xml_child(iq, "a", "urn:x");
  assert_string_equal(iq->ns, "jabber:client");
  assert_string_equal(tt_xml_attr(iq, "type"), "get");
  assert_string_equal(tt_xml_attr(iq, "xml:lang"), "sv");
  assert_null(tt_xml_attr(iq, "xmlns"));
  assert_non_null(a);
  assert_string_equal(a->text, "1<2");
  assert_non_null(tt_xml_child(a, "b", "urn:x"));
  tt_xml_doc_destroy(doc);
}

static char *with_attributes(int n)
{
  struct tt_buf text = TT_BUF(0);
  tt_buf_printf(&text, "<iq xmlns='jabber:client' id='1'><a xmlns='urn:x'");
  for (int i = 0; i < n; i++)
    tt_buf_printf(&text, " a%d='%d'", i, i);
  tt_buf_printf(&text, "/></iq>");
  return text.data;
}

/* As many as a stream of our own takes: the namespace is none of them. */
static void test_attributes_up_to_the_limit(void **state)
{
  char *text TT_AUTOFREE = with_attributes(TT_XML_ATTRS_MAX);
  struct tt_xml_doc *doc = doc_of(state, text);
  const struct tt_xml *a = tt_xml_child(tt_xml_doc_root(doc), "a", "urn:x");
  char last[16];
  snprintf(last, sizeof(last), "a%d", TT_XML_ATTRS_MAX - 1);
  assert_non_null(a);
  assert_non_null(tt_xml_attr(a, "a0"));
  assert_non_null(tt_xml_attr(a, last));
  tt_xml_doc_destroy(doc);
}

static void test_over_a_limit_the_head_is_left(void **state)
{
  char *text TT_AUTOFREE = with_attributes(TT_XML_ATTRS_MAX + 1);
  struct tt_xml_doc *doc = doc_of(state, text);
  const struct tt_xml *iq = tt_xml_doc_root(doc);
  assert_string_equal(tt_xml_attr(iq, "id"), "1");
  assert_null(iq->children);
  tt_xml_doc_destroy(doc);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_names_namespaces_text_and_language, setup, teardown),
      cmocka_unit_test_setup_teardown(test_attributes_up_to_the_limit, setup, teardown),
      cmocka_unit_test_setup_teardown(test_over_a_limit_the_head_is_left, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
