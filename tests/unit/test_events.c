/* SPDX-License-Identifier: Apache-2.0
 * events.c: event subscriptions in all four namespaces. */
#include "iot_world.h"

#define SECOND TT_USEC_PER_SEC

static const char *const events_ns[] = {"urn:xmpp:iot:events", "urn:nf:iot:events:1.0", "urn:nfi:iot:events:1.0",
                                        "urn:ieee:iot:events:1.0"};

static struct world *w;

static int setup(TT_UNUSED void **state)
{
  w = world_create();
  report(w, w->climate, "temperature", "20");
  report(w, w->climate, "humidity", "50");
  return 0;
}

static int teardown(TT_UNUSED void **state)
{
  world_destroy(w);
  return 0;
}

/* The end of a turn: what has left in it. */
static const char *told(void)
{
  forget_output(w);
  return flush(w);
}

/* `x` or `n` with a hole for the namespace of events. */
static const char *ask_in(size_t dialect, const char *from, const char *type, const char *x, const char *n)
{
  char payload[1000], head[40];
  snprintf(payload, sizeof(payload), dialect ? n : x, events_ns[dialect]);
  snprintf(head, sizeof(head), "iq type='%s'", type);
  return ask_as(w, from, head, payload);
}

#define SUBSCRIBE_X                                                                                                \
  "<subscribe xmlns='%s' seqnr='7'><node nodeId='climate'/><field name='temperature' changedBy='1'/></subscribe>"
#define SUBSCRIBE_N "<subscribe xmlns='%s' id='7'><nd id='climate'/><f n='temperature' by='1'/></subscribe>"

static void test_a_subscription(TT_UNUSED void **state)
{
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    static const char *const types[] = {"get", "set"}; /* text and examples of the specifications differ */
    setup(state);
    char accepted[300], event[1200];
    snprintf(accepted, sizeof(accepted), RESULT("<accepted xmlns='%s' %s='7'/>"), dialect_rows[dialect].ns[0],
             dialect ? "id" : "seqnr");
    for (size_t i = 0; i < TT_COUNT(types); i++)
      assert_string_equal(ask_in(dialect, ALICE, types[i], SUBSCRIBE_X, SUBSCRIBE_N), accepted);
    report(w, w->climate, "temperature", "20.5");
    assert_string_equal(told(), "");
    report(w, w->climate, "temperature", "22.50");
    report(w, w->climate, "humidity", "60");
    char stamp[TT_DATETIME_SIZE];
    tt_datetime_print(stamp, w->now.wall_us);
    snprintf(event, sizeof(event),
             dialect ? MESSAGE("<resp xmlns='%s' id='7'><nd id='climate' src='MeteringTopology'><ts v='%s'><q "
                               "n='temperature' m='true' ar='true' v='22.50' u='°C'/></ts></nd></resp>")
                     : MESSAGE("<fields xmlns='%s' seqnr='7' done='true'><node nodeId='climate' "
                               "sourceId='MeteringTopology'><timestamp value='%s'><numeric name='temperature' "
                               "momentary='true' automaticReadout='true' value='22.50' unit='°C'/>"
                               "</timestamp></node></fields>"),
             dialect_rows[dialect].ns[0], stamp);
    assert_string_equal(told(), event);
    advance(w, SECOND);
    report(w, w->climate, "temperature", "10"); /* the same number for ever */
    const char *second = told();
    assert_non_null(strstr(second, dialect ? "id='7'" : "seqnr='7'"));
    assert_non_null(strstr(second, dialect ? "v='10'" : "value='10'"));
    assert_string_equal(
        ask_in(dialect, ALICE, "get", "<unsubscribe xmlns='%s' seqnr='7'/>", "<unsubscribe xmlns='%s' id='7'/>"),
        RESULT_EMPTY);
    advance(w, SECOND);
    report(w, w->climate, "temperature", "90");
    assert_string_equal(told(), "");
    assert_string_equal(
        ask_in(dialect, ALICE, "set", "<unsubscribe xmlns='%s' seqnr='7'/>", "<unsubscribe xmlns='%s' id='7'/>"),
        RESULT_EMPTY); /* nothing is unsubscribed alike */
    if (dialect + 1 < DIALECTS)
      teardown(state);
  }
}

static void test_all_of_the_attributes(TT_UNUSED void **state)
{
  assert_non_null(strstr(
      ask_in(0, ALICE, "get",
             "<subscribe xmlns='%s' seqnr='1' minInterval='PT10S' maxInterval='PT1M' maxAge='P1D' momentary='true'>"
             "<node nodeId='climate' sourceId='MeteringTopology' cacheType=''/>"
             "<field name='temperature' currentValue='20' changedUp='2' changedDown='5'/><field name='humidity'/>"
             "</subscribe>",
             ""),
      "<accepted"));
  report(w, w->climate, "temperature", "16");
  assert_string_equal(told(), "");
  report(w, w->climate, "temperature", "22");
  const char *event = told();
  assert_non_null(strstr(event, "value='22'"));
  assert_non_null(strstr(event, "name='humidity'")); /* told along */
  advance(w, 9 * SECOND);
  report(w, w->climate, "temperature", "30");
  assert_string_equal(told(), "");
  advance(w, SECOND);
  assert_non_null(strstr(told(), "value='30'"));
  advance(w, 60 * SECOND);
  assert_non_null(strstr(told(), "value='30'"));
}

static void test_the_floor_of_the_interval(TT_UNUSED void **state)
{
  ask_in(1, ALICE, "set", "",
         "<subscribe xmlns='%s' id='1' minInt='PT0S' maxInt='PT0.001S'><nd id='climate'/></subscribe>");
  report(w, w->climate, "temperature", "21");
  assert_non_null(strstr(told(), "v='21'"));
  advance(w, SECOND - 1);
  report(w, w->climate, "temperature", "22");
  assert_string_equal(told(), "");
  advance(w, 1);
  assert_non_null(strstr(told(), "v='22'"));
}

static void test_an_immediate_first_event(TT_UNUSED void **state)
{
  report(w, w->meter, "voltage", "230");
  const char *event =
      ask_in(0, ALICE, "get",
             "<subscribe xmlns='%s' seqnr='3' req='true'><node nodeId='meter'/><field name='voltage' "
             "changedBy='5'/></subscribe>",
             "");
  assert_non_null(strstr(event, "<accepted"));
  assert_non_null(strstr(event, "<fields xmlns='urn:xmpp:iot:sensordata' seqnr='3' done='true'>"));
  assert_non_null(strstr(event, "value='230'"));
}

static void test_what_is_wrong(TT_UNUSED void **state)
{
  static const struct {
    const char *payload, *answer;
  } rows[] = {
      {"<subscribe xmlns='%s'><node nodeId='climate'/></subscribe>", "The request has no valid number."},
      {"<subscribe xmlns='%s' seqnr='x'><node nodeId='climate'/></subscribe>", "The request has no valid number."},
      {"<unsubscribe xmlns='%s'/>", "The request has no valid number."},
      {"<subscribe xmlns='%s' seqnr='1'/>", "No node is named."},
      {"<subscribe xmlns='%s' seqnr='1'><node/></subscribe>", "A node reference names no node."},
      {"<subscribe xmlns='%s' seqnr='1'><node nodeId='nothing'/></subscribe>", "There is no such node."},
      {"<subscribe xmlns='%s' seqnr='1'><node nodeId='climate'/><field/></subscribe>",
       "A field reference names no field."},
      {"<subscribe xmlns='%s' seqnr='1'><node nodeId='climate'/><field name='x' changedBy='-1'/></subscribe>",
       "A limit of change is not a positive number."},
      {"<subscribe xmlns='%s' seqnr='1'><node nodeId='climate'/><field name='x' changedUp='NaN'/></subscribe>",
       "A limit of change is not a positive number."},
      {"<subscribe xmlns='%s' seqnr='1'><node nodeId='climate'/><field name='x'/></subscribe>",
       "None of the fields asked for is here."},
      {"<subscribe xmlns='%s' seqnr='1' minInterval='10'><node nodeId='climate'/></subscribe>",
       "An interval is not a duration."},
      {"<subscribe xmlns='%s' seqnr='1' maxInterval='-PT1S'><node nodeId='climate'/></subscribe>",
       "An interval is not a duration."},
      {"<subscribe xmlns='%s' seqnr='1' maxAge='long'><node nodeId='climate'/></subscribe>",
       "The age is not a duration."},
      {"<subscribe xmlns='%s' seqnr='1' maxInterval='P9999Y'><node nodeId='climate'/></subscribe>",
       "An interval is too long."},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    const char *answer = ask_in(0, ALICE, "get", rows[i].payload, "");
    assert_non_null(strstr(answer, "type='error'"));
    assert_non_null(strstr(answer, rows[i].answer));
  }
}

static void test_who_may(TT_UNUSED void **state)
{
  assert_non_null(strstr(ask_in(0, "stranger@else.test/x", "get", SUBSCRIBE_X, ""), "<forbidden"));
  assert_non_null(strstr(ask_in(0, "guest@house.test/x", "get",
                                "<subscribe xmlns='%s' seqnr='1'><node nodeId='meter'/></subscribe>", ""),
                         "<item-not-found"));
  ask_in(0, "guest@house.test/x", "get", "<subscribe xmlns='%s' seqnr='1'><node nodeId='climate'/></subscribe>",
         "");
  report(w, w->climate, "humidity", "61"); /* which a guest may not read */
  assert_string_equal(told(), "");
  report(w, w->climate, "temperature", "25");
  const char *event = told();
  assert_non_null(strstr(event, "temperature"));
  assert_null(strstr(event, "humidity"));
}

static void test_who_has_gone(TT_UNUSED void **state)
{
  static const char *const ends[] = {
      "<presence type='unavailable' from='" ALICE "' to='" GATEWAY "'/>",
      "<message type='error' from='" ALICE "' to='" GATEWAY "'><error><recipient-unavailable xmlns='" STANZAS
      "'/></error></message>",
      "<presence type='unsubscribe' from='alice@house.test' to='" GATEWAY "'/>",
  };
  for (size_t i = 0; i < TT_COUNT(ends); i++) {
    ask_in(0, ALICE, "get", SUBSCRIBE_X, "");
    report(w, w->climate, "temperature", "40");
    assert_non_null(strstr(told(), "<fields"));
    give(w, ends[i]);
    advance(w, SECOND);
    report(w, w->climate, "temperature", "20");
    assert_null(strstr(told(), "<fields"));
  }
}

static void test_two_resources(TT_UNUSED void **state)
{
  ask_in(0, ALICE, "get", SUBSCRIBE_X, "");
  ask_in(0, "alice@house.test/desk", "get", SUBSCRIBE_X, "");
  report(w, w->climate, "temperature", "40");
  const char *event = told();
  assert_non_null(strstr(event, "to='" ALICE "'"));
  assert_non_null(strstr(event, "to='alice@house.test/desk'"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Silence of a device is not a value that stays: told once, and its return is, too. */
static void test_a_silent_device_and_its_end(TT_UNUSED void **state)
{
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    struct tt_tree *tree;
    setup(state);
    tree = tt_core_tree(w->core);
    ask_in(dialect, ALICE, "get", SUBSCRIBE_X, SUBSCRIBE_N);
    for (int round = 0; round < 2; round++) {
      advance(w, 2 * SECOND);
      tt_node_message(tree, w->now, w->climate, "offline", TT_MESSAGE_ERROR, "Silent & dead.");
      const char *failure = told(),
                 *said = strstr(failure, dialect ? "<err>Silent &amp; dead.</err>" : ">Silent &amp; dead.</error>");
      assert_non_null(said);
      assert_null(
          strstr(said + strlen("<err>Silent &amp; dead."), "dead.")); /* not what was told before, once more */
      assert_non_null(strstr(failure, dialect ? "<resp " : "<failure "));
      assert_null(strstr(failure, "more="));
      advance(w, 2 * SECOND);
      assert_string_equal(told(), "");
      tt_node_message(tree, w->now, w->climate, "offline", TT_MESSAGE_ERROR, NULL);
      assert_non_null(strstr(told(), dialect ? "v='20'" : "value='20'"));
    }
    assert_int_equal(tt_tree_remove(tree, w->now, w->climate->id), 0);
    advance(w, 10 * SECOND);
    assert_non_null(strstr(told(), "The node has gone."));
    advance(w, 10 * SECOND);
    assert_string_equal(told(), "");
    if (dialect + 1 < DIALECTS)
      teardown(state);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(test_a_subscription, teardown),
      cmocka_unit_test_teardown(test_a_silent_device_and_its_end, teardown),
      TEST(test_all_of_the_attributes),
      TEST(test_the_floor_of_the_interval),
      TEST(test_an_immediate_first_event),
      TEST(test_what_is_wrong),
      TEST(test_who_may),
      TEST(test_who_has_gone),
      TEST(test_two_resources),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
