/* SPDX-License-Identifier: Apache-2.0
 * diag.c, render.c: how diagnostics are kept and what they look like. */
#include "cmocka_all.h"
#include "config/diag.h"

#include <json-c/json.h>
#include <stdio.h>

static const char house[] = "devices:\n"
                            "  freezer-plug:\n"
                            "    with: {name: freezer}\n";
static const char meter[] = "points:\n"
                            "  tariff:\n"
                            "    map: {0: day, 1: night, 2: night}\n"
                            "  voltage: {input: 0}\n"
                            "    password: hunter2, other: 1\n";
static const char *const HOUSE = "devices.d/house.yaml", *const METER = "mappings/meter.yaml";

static struct tt_mark at(const char *file, unsigned line, unsigned column, unsigned length)
{
  return (struct tt_mark){.file = file, .line = line, .column = column, .length = length};
}

static int setup(void **state)
{
  struct tt_diags *diags = tt_diags_create();
  tt_diags_add_source(diags, HOUSE, house, sizeof house - 1);
  tt_diags_add_source(diags, METER, meter, sizeof meter - 1);
  *state = diags;
  return 0;
}

static int teardown(void **state)
{
  tt_diags_destroy(*state);
  return 0;
}

static void rendered(const struct tt_diags *diags, const char *expected)
{
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  tt_diags_render(diags, false, &out);
  assert_string_equal(out.data ? out.data : "", expected);
}

static void test_error(void **state)
{
  struct tt_diags *diags = *state;
  tt_diag(diags, TT_SEVERITY_ERROR, "unknown-parameter", at(HOUSE, 3, 12, 4), "mapping %s has no parameter \"%s\"",
          "mqtt/tasmota-plug", "name");
  tt_diag_help(diags, "parameters: topic, tele     defined in %s:%d:%d", "mappings/mqtt/tasmota-plug.yaml", 5, 1);
  tt_diags_drop_sources(diags); /* the line was copied */
  rendered(
      diags,
      "devices.d/house.yaml:3:12: error[unknown-parameter]: mapping mqtt/tasmota-plug has no parameter \"name\"\n"
      " 3 |     with: {name: freezer}\n"
      "   |            ^^^^\n"
      "  parameters: topic, tele     defined in mappings/mqtt/tasmota-plug.yaml:5:1\n\n");
}

static void test_second_position(void **state)
{
  struct tt_diags *diags = *state;
  struct tt_diag_scope scope;
  tt_diags_enter(diags, &scope, "device", "main-meter", at(HOUSE, 2, 3, 12));
  tt_diag(diags, TT_SEVERITY_ERROR, "map-not-invertible", at(METER, 3, 19, 8),
          "writable map gives \"night\" to 2 keys");
  tt_diag_also(diags, at(METER, 3, 29, 8), "again here");
  tt_diags_leave(diags, &scope);
  tt_diag(diags, TT_SEVERITY_WARNING, "overlap", at(METER, 4, 3, 7), "two points share a register");
  rendered(diags, "mappings/meter.yaml:3:19: error[map-not-invertible]: writable map gives \"night\" to 2 keys\n"
                  " 3 |     map: {0: day, 1: night, 2: night}\n"
                  "   |                   ^^^^^^^^  ^^^^^^^^ again here (3:29)\n"
                  "  used by device main-meter at devices.d/house.yaml:2:3\n"
                  "\n"
                  "mappings/meter.yaml:4:3: warning[overlap]: two points share a register\n");
  assert_int_equal(scope.n_errors, 1);
  assert_string_equal(scope.first, "mappings/meter.yaml:3:19: writable map gives \"night\" to 2 keys");
  assert_int_equal(scope.first_message, 0);
  free(scope.first);
  assert_int_equal(tt_diags_count(diags, TT_SEVERITY_ERROR), 1);
  assert_int_equal(tt_diags_count(diags, TT_SEVERITY_WARNING), 1);
}

static void test_other_line_and_file(void **state)
{
  struct tt_diags *diags = *state;
  tt_diag(diags, TT_SEVERITY_ERROR, "clash", at(METER, 4, 3, 7), "taken");
  tt_diag_also(diags, at(METER, 2, 3, 6), "first here");
  tt_diag_also(diags, at(HOUSE, 2, 3, 12), "and here");
  rendered(diags, "mappings/meter.yaml:4:3: error[clash]: taken\n"
                  " 4 |   voltage: {input: 0}\n"
                  "   |   ^^^^^^^\n"
                  " 2 |   tariff:\n"
                  "   |   ^^^^^^ first here (2:3)\n"
                  "  and here at devices.d/house.yaml:2:3\n\n");
}

/* One mapping, many devices: one message that names some of them. */
static void test_same_again(void **state)
{
  struct tt_diags *diags = *state;
  for (unsigned i = 0; i < 5; i++) {
    struct tt_diag_scope scope;
    char name[16];
    snprintf(name, sizeof name, "meter-%u", i);
    tt_diags_enter(diags, &scope, "device", name, at(HOUSE, 10 + i, 3, 7));
    if (i < 4) {
      tt_diag(diags, TT_SEVERITY_ERROR, "bad", at(METER, 2, 3, 6), "wrong");
      tt_diag_help(diags, "help");
    } else {
      tt_diags_again(diags, 0, "mappings/meter.yaml:2:3: wrong");
    }
    tt_diags_leave(diags, &scope);
    assert_int_equal(scope.n_errors, 1);
    assert_string_equal(scope.first, "mappings/meter.yaml:2:3: wrong");
    free(scope.first);
  }
  assert_int_equal(tt_diags_count(diags, TT_SEVERITY_ERROR), 1);
  rendered(diags, "mappings/meter.yaml:2:3: error[bad]: wrong\n"
                  " 2 |   tariff:\n"
                  "   |   ^^^^^^\n"
                  "  help\n"
                  "  used by device meter-0 at devices.d/house.yaml:10:3\n"
                  "  used by device meter-1 at devices.d/house.yaml:11:3\n"
                  "  used by device meter-2 at devices.d/house.yaml:12:3\n"
                  "  and by 2 more\n\n");
}

static void test_secrets_are_starred(void **state)
{
  struct tt_diags *diags = *state;
  tt_diag(diags, TT_SEVERITY_ERROR, "x", at(METER, 5, 24, 5), "wrong");
  tt_diag(diags, TT_SEVERITY_ERROR, "x", at(HOUSE, 3, 12, 4), "wrong");
  tt_diags_hide(diags, at(HOUSE, 3, 18, 7));
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  tt_diags_render(diags, false, &out);
  assert_null(strstr(out.data, "hunter2"));
  assert_null(strstr(out.data, "freezer}"));
  assert_non_null(strstr(out.data, "password: *******, other: 1\n"));
  assert_non_null(strstr(out.data, "with: {name: *******}\n"));
}

static void test_secrets_by_their_look(void **state)
{
  (void)state;
  static const struct {
    const char *line, *shown;
  } cases[] = {
      {"{user: me, password: pw, host: x}", "{user: me, password: **, host: x}"},
      {"psk: 'a b, c'", "psk: '******'"},
      {"\"client_secret\": \"s3\"", "\"client_secret\": \"**\""},
      {"api_token: t0ken", "api_token: *****"},
      {"password: ${credential:x}", "password: ${credential:x}"},
      {"password: {type: secret}", "password: {type: secret}"},
      {"url: \"mqtt://me:p@ss@host:1883/x\"", "url: \"mqtt://me:****@host:1883/x\""},
      {"{a: mqtt://me@host, b: mqtt://you:pw@host}", "{a: mqtt://me@host, b: mqtt://you:**@host}"},
      {"password: \xc3\xa5\xc3\xa4x", "password: ***"},
      {"passwords are: fine", "passwords are: fine"},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    struct tt_diags *diags = tt_diags_create();
    tt_diags_add_source(diags, HOUSE, cases[i].line, strlen(cases[i].line));
    tt_diag(diags, TT_SEVERITY_ERROR, "x", at(HOUSE, 1, 1, 1), "wrong");
    struct tt_buf expected TT_AUTOBUF = TT_BUF(0);
    tt_buf_printf(&expected, "devices.d/house.yaml:1:1: error[x]: wrong\n 1 | %s\n   | ^\n\n", cases[i].shown);
    rendered(diags, expected.data);
    tt_diags_destroy(diags);
  }
}

/* Nothing that a file holds reaches the terminal as a control character; long lines are cut around the mark. */
static void test_hostile_text(void **state)
{
  struct tt_diags *diags = *state;
  static char line[2000];
  memset(line, 'x', sizeof line - 1);
  memcpy(line + 1000, "\x1b[2J\xc2\x9b\xff", 7);
  tt_diags_add_source(diags, "long", line, sizeof line - 1);
  tt_diag(diags, TT_SEVERITY_ERROR, "x", at("long", 1, 1001, 3), "text \x1b[31m and \n line");
  tt_diags_add_source(diags, "tabs", "\ta:\t\x01", 5);
  tt_diag(diags, TT_SEVERITY_ERROR, "x", at("tabs", 1, 5, 1), "%0900d", 1);
  tt_diags_add_source(diags, "nul", "a\0\0\0b", 5);
  tt_diag(diags, TT_SEVERITY_ERROR, "x", at("nul", 1, 2, 1), "a NUL byte");
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  tt_diags_render(diags, false, &out);
  assert_null(strchr(out.data, '\x1b'));
  assert_null(strchr(out.data, '\x01'));
  assert_true(tt_utf8_is_valid(out.data, out.len));
  assert_non_null(strstr(out.data, "text ?[31m and ? line\n"));
  assert_non_null(strstr(out.data, "  a: ?\n"));
  assert_non_null(strstr(out.data, " 1 | a???b\n"));
  char *carets = strstr(out.data, "^^^");
  assert_non_null(carets);
  char *row = carets, *text = strstr(out.data, " 1 | ");
  while (row[-1] != '\n')
    row--;
  assert_int_equal(text[carets - row], '?'); /* the caret stands under the escape character */
  assert_true(strlen(out.data) < 4 * TT_DIAG_LINE_MAX + TT_DIAG_TEXT_MAX + 200);
}

/* Whatever the order of messages on a line that is as long as a file, each shows its own part of it. */
static void test_long_line(void **state)
{
  struct tt_diags *diags = *state;
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_puts(&text, "short\n");
  for (unsigned i = 0; i < 300; i++)
    tt_buf_printf(&text, "\xc3\xa5%03u, ", i); /* 6 characters, 7 bytes */
  tt_buf_puts(&text, "\nlast\n");
  tt_diags_add_source(diags, "long", text.data, text.len);
  for (unsigned i = 0; i < 600; i++) {
    unsigned k = i < 300 ? i : i % 2 ? 599 - i : i / 4;
    char key[8];
    snprintf(key, sizeof key, "\xc3\xa5%03u", k);
    tt_diag(diags, TT_SEVERITY_ERROR, "x", at("long", 2, 1 + 6 * k, 4), "message %u", i);
    const struct tt_diag_line *line = &diags->messages[i].line;
    const char *p = line->text;
    for (unsigned c = line->first; c < 1 + 6 * k; c++)
      p += *p == '\xc3' ? 2 : 1;
    assert_int_equal(strncmp(p, key, 5), 0);
    if (i % 100 == 0) {
      tt_diag_also(diags, at("long", i % 200 ? 1 : 3, 1, 1), "elsewhere");
      assert_string_equal(diags->messages[i].also[0].line.text, i % 200 ? "short" : "last");
    }
  }
}

static void test_limits(void **state)
{
  struct tt_diags *diags = *state;
  for (unsigned i = 0; i < TT_DIAGS_MAX + 7; i++) {
    tt_diag(diags, TT_SEVERITY_ERROR, "x", at(METER, i + 1, 1, 1), "number %u", i);
    tt_diag_also(diags, at(METER, 1, 1, 1), "also");
    tt_diag_help(diags, "help");
  }
  assert_int_equal(diags->n, TT_DIAGS_MAX);
  assert_int_equal(tt_diags_count(diags, TT_SEVERITY_ERROR), TT_DIAGS_MAX + 7);
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  tt_diags_render(diags, false, &out);
  assert_non_null(strstr(out.data, "and 7 more messages\n"));
}

static void test_json(void **state)
{
  struct tt_diags *diags = *state;
  struct tt_diag_scope scope;
  tt_diags_enter(diags, &scope, "device", "d", at(HOUSE, 2, 3, 12));
  tt_diag(diags, TT_SEVERITY_ERROR, "bad", at(METER, 2, 3, 6), "say \"no\"");
  tt_diag_also(diags, at(METER, 3, 3, 6), "again");
  tt_diag_help(diags, "help");
  tt_diags_leave(diags, &scope);
  free(scope.first);
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  tt_diags_render_json(diags, &out);
  assert_int_equal(out.data[out.len - 1], '\n');
  struct json_object *o = json_tokener_parse(out.data), *member;
  assert_non_null(o);
  assert_true(json_object_object_get_ex(o, "text", &member));
  assert_string_equal(json_object_get_string(member), "say \"no\"");
  assert_true(json_object_object_get_ex(o, "line", &member));
  assert_int_equal(json_object_get_int(member), 2);
  assert_true(json_object_object_get_ex(o, "severity", &member));
  assert_string_equal(json_object_get_string(member), "error");
  assert_true(json_object_object_get_ex(o, "also", &member));
  assert_int_equal(json_object_array_length(member), 1);
  assert_true(json_object_object_get_ex(o, "used_by", &member));
  assert_int_equal(json_object_array_length(member), 1);
  json_object_put(o);
}

static void test_nowhere_and_colour(void **state)
{
  struct tt_diags *diags = *state;
  tt_diag(diags, TT_SEVERITY_ERROR, "x", (struct tt_mark){0}, "nowhere");
  tt_diag(diags, TT_SEVERITY_WARNING, "x", at(HOUSE, 99, 1, 1), "no such line");
  tt_diag_help(diags, "help");
  rendered(diags, "error[x]: nowhere\n\n"
                  "devices.d/house.yaml:99:1: warning[x]: no such line\n  help\n\n");
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  tt_diags_render(diags, true, &out);
  assert_non_null(strstr(out.data, "\033[1;31merror[x]:\033[0m nowhere"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_error),
      TEST(test_second_position),
      TEST(test_other_line_and_file),
      TEST(test_same_again),
      TEST(test_secrets_are_starred),
      TEST(test_secrets_by_their_look),
      TEST(test_hostile_text),
      TEST(test_limits),
      TEST(test_long_line),
      TEST(test_json),
      TEST(test_nowhere_and_colour),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
