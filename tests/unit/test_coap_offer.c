/* SPDX-License-Identifier: Apache-2.0
 * Links as candidates: instances of objects are one each, everything else is a link. */
#include "offer.h"

#include <stdio.h>

#include "cmocka_all.h"

static struct tt_buf said;

static void put(void *user TT_UNUSED, const struct tt_candidate *c)
{
  tt_buf_printf(&said, "%s \"%s\" %s", c->id, c->name, c->address);
  for (size_t i = 0; i < c->n_facts; i++)
    tt_buf_printf(&said, " %s=%s", c->facts[i].name, c->facts[i].value);
  tt_buf_putc(&said, '\n');
}

/* What becomes of a document of coap://[fe80::1%eth0]. */
static const char *offered(const char *text)
{
  struct cb_offers offers = {0};
  struct cb_base base, there;
  struct cb_link link;
  char path[CB_PATH_MAX + 1];
  size_t n = strlen(text);
  assert_null(cb_base_problem("coap://[fe80::1%eth0]", &base));
  while (cb_link_next(&text, &n, &link) > 0)
    if (cb_reference(&base, link.target, link.target_size, &there, path) == 0)
      assert_int_equal(cb_offers_add(&offers, &there, path, &link), 0);
  tt_buf_finish(&said);
  said = (struct tt_buf)TT_BUF(0);
  cb_offers_tell(&offers, put, NULL);
  cb_offers_finish(&offers);
  return said.data ? said.data : "";
}

#define AT         "coap://[fe80::1%eth0]:5683"
#define FACTS      " scheme=coap host=[fe80::1%eth0] port=5683 path="
#define LINK(p)    AT p " \"" p "\" " AT FACTS p
#define LINK_LN(p) LINK(p) "\n"

static void test_links(void **state TT_UNUSED)
{
  assert_string_equal(offered(""), "");
  assert_string_equal(offered("</s/t>;rt=\"a b a\";if=c;title=\"Air\";ct=50;obs,</s/h>"),
                      AT "/s/t \"Air\" " AT FACTS "/s/t rt=a rt=b if=c ct=50 title=Air obs=true\n" LINK_LN("/s/h"));
  assert_string_equal(offered("</a>;rt=x,</a>;rt=y"), LINK("/a") " rt=x rt=y\n"); /* of one thing */
}

static void test_instances(void **state TT_UNUSED)
{
  assert_string_equal(offered("</3303/0/5700>;rt=r;obs;title=Value,</3303/1/5700>,</3303/0/5601>;rt=r;if=i"),
                      LINK("/3303/0") " object=3303 rt=r resource=5700 if=i resource=5601\n" LINK(
                          "/3303/1") " object=3303 resource=5700\n");
  assert_string_equal(offered("</3303/0/5700>,</3303/0>;title=Attic;ct=110"),
                      AT "/3303/0 \"Attic\" " AT FACTS "/3303/0 object=3303 resource=5700 ct=110 title=Attic\n");
  assert_string_equal(offered("<coap://other/3303/0/5700>"),
                      "coap://other:5683/3303/0 \"/3303/0\" coap://other:5683 scheme=coap host=other port=5683 "
                      "path=/3303/0 object=3303 resource=5700\n");
}

static void test_what_is_none(void **state TT_UNUSED)
{
  static const char *const paths[] = {"/3303",          "/3303/",   "/3303/0/",       "/3303/x/5700",
                                      "/65536/0",       "/03303/0", "/3303/0/5700/1", "/s/3303/0",
                                      "/3303/0/5700?a", "/3303/-1", "/3303/0/70000",  "/123456/0/1"};
  for (size_t i = 0; i < TT_COUNT(paths); i++) {
    char text[64];
    snprintf(text, sizeof text, "<%s>", paths[i]);
    if (strstr(offered(text), "object="))
      fail_msg("%s", paths[i]);
    assert_non_null(strstr(said.data, paths[i]));
  }
}

static size_t count(const char *text, const char *what)
{
  size_t n = 0;
  for (; (text = strstr(text, what)); text++)
    n++;
  return n;
}

static void test_limits(void **state TT_UNUSED)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  for (unsigned i = 0; i < 40; i++)
    tt_buf_printf(&text, "</3303/0/%u>;rt=\"r%u s%u\";if=i%u,", 5700 + i, i, i, i);
  tt_buf_puts(&text, "</3303/0>;ct=1;title=T;obs");
  const char *all = offered(text.data);
  assert_int_equal(count(all, "\n"), 1);
  assert_int_equal(count(all, " resource="), CB_OFFER_RESOURCES_MAX);
  assert_int_equal(count(all, " rt="), CB_OFFER_WORDS_MAX);
  assert_int_equal(count(all, " if="), CB_OFFER_WORDS_MAX);
  assert_int_equal(count(all, "="), TT_CANDIDATE_FACTS_MAX); /* what a mapping needs is among them */
}

static int finish(void **state TT_UNUSED)
{
  tt_buf_finish(&said);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_links), cmocka_unit_test(test_instances),
                                     cmocka_unit_test(test_what_is_none), cmocka_unit_test(test_limits)};
  return cmocka_run_group_tests(tests, NULL, finish);
}
