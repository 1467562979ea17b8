/* SPDX-License-Identifier: Apache-2.0
 * Nodes, fields and the status as people see them: whole pictures, compared as they stand. */
#include "cli/show.h"

#include "cmocka_all.h"

static const struct tt_term utf8 = {.has_utf8 = true};
static const struct tt_term ascii = {.has_utf8 = false};

static const char *const nodes_text =
    "[{\"node\":\"house\",\"kind\":\"place\",\"label\":\"House\",\"state\":\"None\",\"fields\":[]},"
    "{\"node\":\"house/hall\",\"parent\":\"house\",\"kind\":\"place\",\"label\":\"hall\"},"
    "{\"node\":\"plug\",\"parent\":\"house/hall\",\"kind\":\"device\",\"label\":\"Plug\",\"vendor\":\"Tasmota\","
    " \"state\":\"None\",\"fields\":["
    "  {\"name\":\"power\",\"value\":23.40,\"unit\":\"W\",\"age_ms\":3000,\"readable\":true},"
    "  {\"name\":\"relay\",\"value\":true,\"age_ms\":200,\"readable\":true,\"writable\":true},"
    "  {\"name\":\"mode\",\"value\":\"auto\",\"age_ms\":7200000,\"readable\":true,\"stale\":true},"
    "  {\"name\":\"target\",\"value\":null,\"unit\":\"°C\",\"writable\":true},"
    "  {\"name\":\"total\",\"value\":null,\"readable\":true,\"error\":\"register 9: \\u001b[2J\"}]},"
    "{\"node\":\"meter\",\"parent\":\"house\",\"kind\":\"device\",\"label\":\"meter\",\"state\":\"ErrorUnsigned\","
    " \"messages\":[{\"type\":\"error\",\"text\":\"no answer from unit 7\"}],\"fields\":[]},"
    "{\"node\":\"gateway\",\"kind\":\"gateway\",\"label\":\"gateway\",\"state\":\"None\",\"fields\":[]}]";

static void assert_tree(const struct tt_term *term, bool is_short, const char *expected)
{
  struct tt_paper paper;
  json_object *nodes = json_tokener_parse(nodes_text);
  assert_non_null(nodes);
  tt_paper_init(&paper, *term);
  tt_show_tree(&paper, nodes, is_short);
  assert_string_equal(paper.buf.data, expected);
  tt_paper_finish(&paper);
  json_object_put(nodes);
}

static void test_tree(void **state)
{
  (void)state;
  assert_tree(&utf8, false,
              "House  house\n"
              "├─ hall  house/hall\n"
              "│  └─ ● Plug  plug  (Tasmota)\n"
              "│        power   23.40  W   3 s\n"
              "│        relay    true      now    ✎\n"
              "│        mode    auto       2 h       stale\n"
              "│        target      –  °C         ✎\n"
              "│        total       –      never     register 9: ?[2J\n"
              "└─ ✖ meter\n"
              "      ✖ no answer from unit 7\n"
              "● gateway\n");
}

static void test_tree_short_in_ascii(void **state)
{
  (void)state;
  assert_tree(&ascii, true,
              "House  house\n"
              "|- hall  house/hall\n"
              "|  `- * Plug  plug  (Tasmota)\n"
              "`- x meter\n"
              "      x no answer from unit 7\n"
              "* gateway\n");
}

/* A daemon that lies about parents, or is not one, does no harm. */
static void test_tree_of_nonsense(void **state)
{
  (void)state;
  struct tt_paper paper;
  json_object *nodes =
      json_tokener_parse("[{\"node\":\"a\",\"parent\":\"b\"},{\"node\":7},null,[],"
                         "{\"node\":\"b\",\"parent\":\"b\",\"fields\":[1,null,{}],\"messages\":[{}]}]");
  tt_paper_init(&paper, utf8);
  tt_show_tree(&paper, nodes, false);
  assert_non_null(paper.buf.data);
  tt_paper_finish(&paper);
  json_object_put(nodes);
}

static void test_ages(void **state)
{
  (void)state;
  static const struct {
    const char *json, *text;
  } cases[] = {
      {"{}", "never"},
      {"{\"age_ms\":999}", "now"},
      {"{\"age_ms\":1000}", "1 s"},
      {"{\"age_ms\":59999}", "59 s"},
      {"{\"age_ms\":60000}", "1 min"},
      {"{\"age_ms\":3600000}", "1 h"},
      {"{\"age_ms\":172800000}", "2 d"},
      {"{\"age_ms\":9223372036854775807}", "106751991167 d"},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    char age[32];
    json_object *field = json_tokener_parse(cases[i].json);
    assert_string_equal(tt_show_age(age, sizeof(age), field), cases[i].text);
    json_object_put(field);
  }
}

static void test_durations(void **state)
{
  (void)state;
  char text[32];
  assert_string_equal(tt_show_duration(text, sizeof(text), 59), "59 s");
  assert_string_equal(tt_show_duration(text, sizeof(text), 3599), "59 min");
  assert_string_equal(tt_show_duration(text, sizeof(text), 11520), "3 h 12 min");
  assert_string_equal(tt_show_duration(text, sizeof(text), 90000), "1 d 1 h");
}

static void test_flags(void **state)
{
  (void)state;
  TT_AUTOBUF struct tt_buf flags = TT_BUF(0);
  json_object *field = json_tokener_parse("{\"retained\":true,\"qos\":[\"automaticReadout\",\"automaticEstimate\","
                                          "\"timeOffset\",7],\"error\":\"no\"}");
  tt_show_flags(field, &flags);
  assert_string_equal(flags.data, "retained, estimate, clock not set, no");
  json_object_put(field);
}

static void test_status(void **state)
{
  (void)state;
  struct tt_paper paper;
  json_object *status = json_tokener_parse(
      "{\"version\":\"1.2\",\"pid\":77,\"uptime_s\":61,\"nodes\":9,"
      "\"devices\":{\"total\":3,\"ok\":1,\"warning\":0,\"error\":1,\"disabled\":1},"
      "\"troubles\":[{\"node\":\"meter\",\"state\":\"ErrorUnsigned\",\"messages\":[{\"text\":\"no answer\"}]}],"
      "\"xmpp\":[{\"kind\":\"account\",\"jid\":\"gw@h/t\",\"server\":\"h:5222\",\"state\":\"online\",\"sent\":5},"
      "{\"kind\":\"component\",\"jid\":\"t.h\",\"state\":\"offline\",\"text\":\"wrong secret\"}],"
      "\"connections\":[{\"name\":\"mqtt\",\"protocol\":\"mqtt\",\"state\":\"online\",\"devices\":2,\"reports\":40}"
      "],"
      "\"rooms\":[{\"jid\":\"house@rooms.h\",\"nick\":\"gw_2\",\"state\":\"in\"},"
      "{\"jid\":\"a@rooms.h\",\"nick\":\"gw\",\"state\":\"in\",\"text\":\"may not speak\"},"
      "{\"jid\":\"b@rooms.h\",\"nick\":\"gw\",\"state\":\"out\",\"text\":\"kicked\"}],"
      "\"files\":[\"/etc/thingtree/thingtree.yaml\"]}");
  assert_non_null(status);
  tt_paper_init(&paper, ascii);
  tt_show_status(&paper, status);
  assert_string_equal(paper.buf.data,
                      "thingtree 1.2  up 1 min, process 77, 9 nodes\n"
                      "\n"
                      "XMPP\n"
                      "  *  account    gw@h/t  h:5222  online        0 received, 5 sent, 0 dropped\n"
                      "  x  component  t.h             wrong secret  0 received, 0 sent, 0 dropped\n"
                      "\n"
                      "Rooms\n"
                      "  *  house@rooms.h  in as gw_2\n"
                      "  *  a@rooms.h      in as gw: may not speak\n"
                      "  x  b@rooms.h      kicked\n"
                      "\n"
                      "Connections\n"
                      "  *  mqtt  mqtt  online  2 devices, 40 reports\n"
                      "\n"
                      "Devices\n"
                      "  1 ok, 1 error, 1 disabled\n"
                      "  x meter  no answer\n"
                      "\n"
                      "Files read\n"
                      "  /etc/thingtree/thingtree.yaml\n");
  tt_paper_finish(&paper);
  json_object_put(status);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tree),
      cmocka_unit_test(test_tree_short_in_ascii),
      cmocka_unit_test(test_tree_of_nonsense),
      cmocka_unit_test(test_ages),
      cmocka_unit_test(test_durations),
      cmocka_unit_test(test_flags),
      cmocka_unit_test(test_status),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
