/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include "maker.h"

#include <stdio.h>
#include <stdlib.h>

static char body[HTTP_MAKER_ANSWER_MAX + 100];

static size_t read_file(const char *name)
{
  char path[500];
  snprintf(path, sizeof path, "%s/tests/data/http/%s", getenv("TT_SOURCE_DIR"), name);
  FILE *f = fopen(path, "re");
  assert_non_null(f);
  size_t n = fread(body, 1, sizeof body - 1, f);
  fclose(f);
  return n;
}

/* "vendor|name|model| fact=value ..." of what it told, "" when it told nothing. */
static void expect(size_t question, size_t n, const char *expected)
{
  struct http_told told = {0};
  TT_AUTOBUF struct tt_buf out = TT_BUF(0);
  tt_buf_puts(&out, "");
  if (http_maker_hear(question, body, n, &told)) {
    tt_buf_printf(&out, "%s|%s|%s|", told.vendor, told.name ? told.name : "-", told.model ? told.model : "-");
    for (size_t i = 0; i < told.n_facts; i++)
      tt_buf_printf(&out, " %s=%s", told.facts[i].name, told.facts[i].value);
  }
  assert_string_equal(out.data, expected);
  http_told_finish(&told);
}

static void expect_text(size_t question, const char *text, const char *expected)
{
  size_t n = strlen(text);
  assert_true(n < sizeof body);
  memcpy(body, text, n);
  expect(question, n, expected);
}

static void test_real_answers(void **state)
{
  (void)state;
  assert_string_equal(http_maker_path(0), "/shelly");
  expect(0, read_file("shelly-gen1-plug-s-info.json"),
         "Shelly|-|SHPLG-S| generation=1 model=SHPLG-S serial=AABBCCDDEEFF");
  expect(0, read_file("shelly-gen2-plus-1pm-info.json"),
         "Shelly|Test Name|SNSW-001P16EU| generation=2 model=SNSW-001P16EU app=Plus1PM name=Test Name "
         "serial=AABBCCDDEEFF");
  expect(1, read_file("tasmota-status-0.json"),
         "Tasmota|Kettle|-| version=13.4.0(tasmota) name=Kettle topic=tasmota_49A3BC meter=true relay=true "
         "serial=AA:BB:CC:49:A3:BC");
  /* The answer to one question says nothing about another. */
  expect(1, read_file("shelly-gen1-plug-s-info.json"), "");
  expect(0, read_file("tasmota-status-0.json"), "");
}

static void test_others(void **state)
{
  (void)state;
  expect_text(2, "{\"APIVersion\":1,\"BaseURL\":\"/solar_api/v1/\",\"CompatibilityRange\":\"1.6-3\"}",
              "Fronius|-|-| api=1");
  expect_text(1, "{\"WARNING\":\"Need user=<username>&password=<password>\"}", "");
  expect_text(0, "{\"gen\":3,\"name\":null,\"model\":[1],\"app\":{},\"mac\":\"\"}", "Shelly|-|-| generation=3");
  expect_text(0, "<html>", "");
  expect_text(0, "", "");
  expect_text(0, "[]", "");
  expect_text(0, "\"/gen\"", "");
  expect_text(7, "{\"gen\":2}", "");
}

static void test_size(void **state)
{
  (void)state;
  memset(body, ' ', sizeof body);
  memcpy(body, "{\"gen\":2}", 9);
  expect(0, HTTP_MAKER_ANSWER_MAX, "Shelly|-|-| generation=2");
  expect(0, HTTP_MAKER_ANSWER_MAX + 1, "");
}

static void test_questions_end(void **state)
{
  size_t n = 0;
  (void)state;
  while (http_maker_path(n))
    assert_int_equal(http_maker_path(n++)[0], '/');
  assert_int_equal(n, 3);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_real_answers),
      cmocka_unit_test(test_others),
      cmocka_unit_test(test_size),
      cmocka_unit_test(test_questions_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
