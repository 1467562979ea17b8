/* SPDX-License-Identifier: Apache-2.0
 * Link formats: what devices and other implementations' tests have, and hostile ones. */
#include "link_format.h"

#include "cmocka_all.h"

#include <stdio.h>

/* "<target> rt=.. if=.. ct=.. title=.. obs" of every link, one a line; "!" when it is broken there. The text stands in
 * memory of its exact size. */
static const char *links(const char *text)
{
  static char out[4000];
  size_t n = strlen(text);
  char *exact TT_AUTOFREE = malloc(n ? n : 1), *end = out;
  const char *at = exact;
  struct cb_link link;
  int r;
  memcpy(exact, text, n);
  *out = 0;
  while ((r = cb_link_next(&at, &n, &link)) > 0) {
    end += sprintf(end, "<%.*s>", (int)link.target_size, link.target);
    const char *const texts[][2] = {{"rt", link.rt}, {"if", link.if_}, {"ct", link.ct}, {"title", link.title}};
    for (size_t i = 0; i < TT_COUNT(texts); i++)
      if (*texts[i][1])
        end += sprintf(end, " %s=%s", texts[i][0], texts[i][1]);
    end += sprintf(end, "%s%s\n", link.is_observable ? " obs" : "", link.has_anchor ? " anchor" : "");
  }
  if (r < 0)
    strcpy(end, "!");
  return out;
}

static void test_links(void **state)
{
  (void)state;
  assert_string_equal(links("</sensors>;title=\"Sensor Index\",</sensors/light>;if=\"sensor\";rt=\"light-lux\","
                            "</sensors/temp>;bar=\"one two\";foo;if=\"sensor\";rt=\"temperature-c\""),
                      "</sensors> title=Sensor Index\n</sensors/light> rt=light-lux if=sensor\n"
                      "</sensors/temp> rt=temperature-c if=sensor\n");
  assert_string_equal(links("</>;title=\"some attribute\";ct=0,</abcd>;if=\"one\";obs"),
                      "</> ct=0 title=some attribute\n</abcd> if=one obs\n");
  assert_string_equal(links("</>;rt=\"oma.lwm2m\";ct=\"60 110 112\",</1/0>,</3>;empty"),
                      "</> rt=oma.lwm2m ct=60 110 112\n</1/0>\n</3>\n");
  assert_string_equal(links("<coap://[fd00::1]/a>;anchor=\"/b\""), "<coap://[fd00::1]/a> anchor\n");
  assert_string_equal(links("</a>;title=\"a \\\"b\\\" \\\\, <c>;\""), "</a> title=a \"b\" \\, <c>;\n");
  assert_string_equal(links("</foo>;param=<,</bar>;param2=>"), "</foo>\n</bar>\n");
  assert_string_equal(links("</a>;rt=one;rt=two"), "</a> rt=one\n"); /* the first of two holds */
}

static void test_what_is_tolerated(void **state)
{
  (void)state;
  assert_string_equal(links(""), "");
  assert_string_equal(links("\r\n"), "");
  assert_string_equal(links("</a> ; rt=x ,\r\n </b>,"), "</a> rt=x\n</b>\n");
  assert_string_equal(links(",,</a>"), "</a>\n");
  assert_string_equal(links("</a>;;rt=x"), "</a> rt=x\n");
  assert_string_equal(links("</a>;rt"), "</a>\n");
  assert_string_equal(links("</a>;rt="), "</a>\n");
  assert_string_equal(links("</a>;title=\"\x01\xff\""), "</a> title=\xef\xbf\xbd\xef\xbf\xbd\n");
}

static void test_what_is_broken(void **state)
{
  (void)state;
  assert_string_equal(links("hello"), "!");
  assert_string_equal(links("<a"), "!");
  assert_string_equal(links("</a>;rt=\"x"), "!");
  assert_string_equal(links("</a>;rt=\"x\\"), "!");
  assert_string_equal(links("</a>x"), "!");
  assert_string_equal(links("</a>,{}"), "</a>\n!");
}

static void test_long_attributes_are_cut(void **state)
{
  char text[3000];
  struct cb_link link;
  const char *at = text;
  (void)state;
  size_t n = (size_t)snprintf(text, sizeof text, "</a>;title=\"%01500d\";rt=%01000d", 0, 0);
  assert_int_equal(cb_link_next(&at, &n, &link), 1);
  assert_int_equal(strlen(link.title), CB_LINK_TEXT_MAX);
  assert_int_equal(strlen(link.rt), CB_LINK_TEXT_MAX);
  assert_int_equal(n, 0);
}

static void test_words(void **state)
{
  const char *list = "  one two ";
  char word[CB_LINK_TEXT_MAX + 1];
  (void)state;
  assert_true(cb_word_next(&list, word));
  assert_string_equal(word, "one");
  assert_true(cb_word_next(&list, word));
  assert_string_equal(word, "two");
  assert_false(cb_word_next(&list, word));
}

/* Documents out of the tests of three other implementations: all are read to their end. */
static void test_samples(void **state)
{
  char name[1000], line[4000];
  unsigned n = 0;
  (void)state;
  snprintf(name, sizeof name, "%s/tests/data/coap/core-link-samples.txt", getenv("TT_SOURCE_DIR"));
  FILE *file = fopen(name, "r");
  assert_non_null(file);
  while (fgets(line, sizeof line, file)) {
    if (*line == '#')
      continue;
    n++;
    const char *all = links(line);
    if (all[strlen(all) - 1] == '!')
      fail_msg("broken: %s", line);
  }
  fclose(file);
  assert_true(n >= 10);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_links),          cmocka_unit_test(test_what_is_tolerated),
      cmocka_unit_test(test_what_is_broken), cmocka_unit_test(test_long_attributes_are_cut),
      cmocka_unit_test(test_words),          cmocka_unit_test(test_samples),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
