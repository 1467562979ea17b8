/* SPDX-License-Identifier: Apache-2.0
 * sensor.c and reading.c: readouts in all four namespaces, from the cache and from devices. */
#include "iot_world.h"

#define GET   "iq type='get'"
#define NODE  "<node nodeId='climate' sourceId='MeteringTopology'>"
#define ND    "<nd id='climate' src='MeteringTopology'>"
#define TS    "<timestamp value='" WALL_TEXT "'>"
#define TSN   "<ts v='" WALL_TEXT "'>"
#define RJ(n) "<rejected xmlns='{sd}' seqnr='" n "'><error>"

/* Every point of the climate sensor, reported at WALL. */
static void report_climate(struct world *w)
{
  static const char *const values[][2] = {
      {"temperature", "23.40"}, {"humidity", "55"}, {"counter", "12345678901"}, {"alarm", "true"},
      {"maker", "A & B"},       {"uptime", "PT1H"}, {"made", "2020-02-29"},     {"wakes", "06:30:00"},
      {"booted", WALL_TEXT},    {"mode", "1"},
  };
  for (size_t i = 0; i < TT_COUNT(values); i++)
    report(w, w->climate, values[i][0], values[i][1]);
}

#define FIELDS_X                                                                                                   \
  "<numeric name='temperature' momentary='true' automaticReadout='true' value='23.40' unit='°C'/>"                \
  "<numeric name='humidity' momentary='true' automaticReadout='true' value='55' unit='%'/>"                        \
  "<numeric name='counter' status='true' automaticReadout='true' value='12345678901' unit=''/>"                    \
  "<boolean name='alarm' status='true' automaticReadout='true' value='true'/>"                                     \
  "<string name='maker' identity='true' automaticReadout='true' value='A &amp; B'/>"                               \
  "<duration name='uptime' status='true' automaticReadout='true' value='PT1H'/>"                                   \
  "<date name='made' identity='true' automaticReadout='true' value='2020-02-29'/>"                                 \
  "<time name='wakes' status='true' automaticReadout='true' value='06:30:00'/>"                                    \
  "<dateTime name='booted' status='true' automaticReadout='true' value='" WALL_TEXT "'/>"                          \
  "<enum name='mode' momentary='true' status='true' automaticReadout='true' value='auto' dataType='mode'/>"
#define FIELDS_N                                                                                                   \
  "<q n='temperature' m='true' ar='true' v='23.40' u='°C'/><q n='humidity' m='true' ar='true' v='55' u='%'/>"     \
  "<l n='counter' s='true' ar='true' v='12345678901'/><b n='alarm' s='true' ar='true' v='true'/>"                  \
  "<s n='maker' i='true' ar='true' v='A &amp; B'/><dr n='uptime' s='true' ar='true' v='PT1H'/>"                    \
  "<d n='made' i='true' ar='true' v='2020-02-29'/><t n='wakes' s='true' ar='true' v='06:30:00'/>"                  \
  "<dt n='booted' s='true' ar='true' v='" WALL_TEXT                                                                \
  "'/><e n='mode' m='true' s='true' ar='true' v='auto' t='mode'/>"

static void check_cached(const struct exchange *rows, size_t n)
{
  for (size_t dialect = 0; dialect < DIALECTS; dialect++)
    for (size_t i = 0; i < n; i++) {
      struct world *w = world_create();
      report_climate(w);
      check_as(w, ALICE, dialect, GET, rows[i].request[dialect > 0], rows[i].answer[dialect > 0]);
      assert_int_equal(w->n_requests, 0);
      world_destroy(w);
    }
}

/* Two stanzas in one write for X; N has the values in the answer itself. */
static void test_from_the_cache_at_once(TT_UNUSED void **state)
{
  static const struct exchange rows[] = {
      {{"<req xmlns='{sd}' seqnr='7'><node nodeId='climate'/></req>",
        "<req xmlns='{sd}' id='seven'><nd id='climate'/></req>"},
       {RESULT("<accepted xmlns='{sd}' seqnr='7'/>")
            MESSAGE("<fields xmlns='{sd}' seqnr='7' done='true'>" NODE TS FIELDS_X "</timestamp></node></fields>"),
        RESULT("<resp xmlns='{sd}' id='seven'>" ND TSN FIELDS_N "</ts></nd></resp>")}},
      {{"<req xmlns='{sd}' seqnr='-1' identity='1' peak='true'><node nodeId='climate' "
        "sourceId='MeteringTopology'/></req>",
        "<req xmlns='{sd}' id='8' i='1' p='true'><nd id='climate' src='MeteringTopology'/></req>"},
       {RESULT("<accepted xmlns='{sd}' seqnr='-1'/>") MESSAGE(
            "<fields xmlns='{sd}' seqnr='-1' done='true'>" NODE TS
            "<string name='maker' identity='true' automaticReadout='true' value='A &amp; B'/>"
            "<date name='made' identity='true' automaticReadout='true' value='2020-02-29'/></timestamp></node>"
            "</fields>"),
        RESULT("<resp xmlns='{sd}' id='8'>" ND TSN "<s n='maker' i='true' ar='true' v='A &amp; B'/>"
               "<d n='made' i='true' ar='true' v='2020-02-29'/></ts></nd></resp>")}},
      {{"<req xmlns='{sd}' seqnr='9' all='true'><node nodeId='climate'/><field name='alarm'/></req>",
        "<req xmlns='{sd}' id='9' all='true'><nd id='climate'/><f n='alarm'/></req>"},
       {RESULT("<accepted xmlns='{sd}' seqnr='9'/>")
            MESSAGE("<fields xmlns='{sd}' seqnr='9' done='true'>" NODE TS
                    "<boolean name='alarm' status='true' automaticReadout='true' "
                    "value='true'/></timestamp></node></fields>"),
        RESULT("<resp xmlns='{sd}' id='9'>" ND TSN "<b n='alarm' s='true' ar='true' v='true'/></ts></nd></resp>")}},
      /* A time without zone is UTC; everything is outside the interval. */
      {{"<req xmlns='{sd}' seqnr='10' momentary='true' from='2026-11-22T18:54:54' to='2026-11-22T20:00:00+01:00'>"
        "<node nodeId='climate'/></req>",
        "<req xmlns='{sd}' id='10' m='true' from='2026-11-22T18:54:54' to='2026-11-22T20:00:00+01:00'><nd "
        "id='climate'/></req>"},
       {RESULT("<accepted xmlns='{sd}' seqnr='10'/>") MESSAGE("<fields xmlns='{sd}' seqnr='10' done='true'/>"),
        RESULT("<resp xmlns='{sd}' id='10'/>")}},
      /* Only history is asked for, and there is none. */
      {{"<req xmlns='{sd}' seqnr='11' historicalDay='true'><node nodeId='climate'/></req>",
        "<req xmlns='{sd}' id='11' h='true'><nd id='climate'/></req>"},
       {RESULT("<accepted xmlns='{sd}' seqnr='11'/>") MESSAGE("<fields xmlns='{sd}' seqnr='11' done='true'/>"),
        RESULT("<resp xmlns='{sd}' id='11'/>")}},
      /* An example of the XEP says `identification`. */
      {{"<req xmlns='{sd}' seqnr='12' identification='true'><node nodeId='climate'/><field name='maker'/></req>",
        "<req xmlns='{sd}' id='12' i='true'><nd id='climate'/><f n='maker'/></req>"},
       {RESULT("<accepted xmlns='{sd}' seqnr='12'/>") MESSAGE(
            "<fields xmlns='{sd}' seqnr='12' done='true'>" NODE TS
            "<string name='maker' identity='true' automaticReadout='true' value='A &amp; B'/></timestamp></node>"
            "</fields>"),
        RESULT("<resp xmlns='{sd}' id='12'>" ND TSN
               "<s n='maker' i='true' ar='true' v='A &amp; B'/></ts></nd></resp>")}},
  };
  check_cached(rows, TT_COUNT(rows));
}

static void test_without_a_node(TT_UNUSED void **state)
{
  static const struct exchange row = {
      {"<req xmlns='{sd}' seqnr='1' momentary='true'/>", "<req xmlns='{sd}' id='1' m='true'/>"},
      {RESULT("<accepted xmlns='{sd}' seqnr='1'/>")
           MESSAGE("<failure xmlns='{sd}' seqnr='1' done='true'><error nodeId='gateway' sourceId='MeteringTopology'"
                   " timestamp='2026-11-22T18:54:53.500Z'>There is nothing to read here.</error></failure>"),
       RESULT("<resp xmlns='{sd}' id='1'/>")}};
  check_cached(&row, 1);
}

static void test_requests_that_are_wrong(TT_UNUSED void **state)
{
#define WRONG_X(n, text) REFUSAL(RJ(n) text "</error></rejected>", "modify", "bad-request", text, "")
#define WRONG_N(text)    REFUSAL("", "modify", "bad-request", text, "")
#define NO_NUMBER        "The request has no valid number."
#define NO_NODE          "A node reference names no node."
#define NO_FIELD         "A field reference names no field."
#define NO_TIME          "A time of the request is not a date and time."
#define NO_REQUEST       "There is no such request."
  static const struct exchange rows[] = {
      {{"<req xmlns='{sd}'/>", "<req xmlns='{sd}'/>"}, {WRONG_N(NO_NUMBER), WRONG_N(NO_NUMBER)}},
      {{"<req xmlns='{sd}' seqnr='0x10'/>", "<req xmlns='{sd}' id=''/>"}, {WRONG_N(NO_NUMBER), WRONG_N(NO_NUMBER)}},
      {{"<req xmlns='{sd}' seqnr='2147483648'/>", "<req xmlns='{sd}' id=''/>"},
       {WRONG_N(NO_NUMBER), WRONG_N(NO_NUMBER)}},
      {{"<req xmlns='{sd}' seqnr='1'><node/></req>", "<req xmlns='{sd}' id='1'><nd/></req>"},
       {WRONG_X("1", NO_NODE), WRONG_N(NO_NODE)}},
      {{"<req xmlns='{sd}' seqnr='1'><node nodeId='plug'/><field/></req>",
        "<req xmlns='{sd}' id='1'><nd id='plug'/><f/></req>"},
       {WRONG_X("1", NO_FIELD), WRONG_N(NO_FIELD)}},
      {{"<req xmlns='{sd}' seqnr='1' when='soon'><node nodeId='plug'/></req>",
        "<req xmlns='{sd}' id='1' from='soon'><nd id='plug'/></req>"},
       {WRONG_X("1", NO_TIME), WRONG_N(NO_TIME)}},
      {{"<req xmlns='{sd}' seqnr='1'><node nodeId='nope'/></req>",
        "<req xmlns='{sd}' id='1'><nd id='nope'/></req>"},
       {REFUSAL(RJ("1") "There is no such node.</error></rejected>", "cancel", "item-not-found",
                "There is no such node.", ""),
        REFUSAL("", "cancel", "item-not-found", "There is no such node.", "")}},
      {{"<cancel xmlns='{sd}' seqnr='1'/>", "<cancel xmlns='{sd}' id='1'/>"},
       {REFUSAL(RJ("1") NO_REQUEST "</error></rejected>", "cancel", "item-not-found", NO_REQUEST, ""),
        REFUSAL("", "cancel", "item-not-found", NO_REQUEST, "")}},
      {{"<cancel xmlns='{sd}'/>", "<cancel xmlns='{sd}'/>"}, {WRONG_N(NO_REQUEST), WRONG_N(NO_REQUEST)}},
  };
  check_exchanges(GET, rows, TT_COUNT(rows));
}

static void test_number_has_a_limit(TT_UNUSED void **state)
{
  struct world *w = world_create();
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&buf, "<req xmlns='urn:nf:iot:sd:1.0' id='%0257d'/>", 1);
  assert_non_null(strstr(ask_as(w, ALICE, GET, buf.data), NO_NUMBER));
  tt_buf_truncate(&buf, 0);
  tt_buf_printf(&buf, "<req xmlns='urn:nf:iot:sd:1.0' id='%0256d'/>", 1);
  assert_non_null(strstr(ask_as(w, ALICE, GET, buf.data), "type='result'"));
  world_destroy(w);
}

static void test_strangers_learn_of_it_in_their_own_words(TT_UNUSED void **state)
{
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    struct world *w = world_create();
    TT_AUTOFREE char *request =
        expand(dialect ? "<req xmlns='{sd}' id='4'/>" : "<req xmlns='{sd}' seqnr='4'/>", dialect);
    const char *text = ask_as(w, "stranger@house.test/x", GET, request);
    assert_non_null(strstr(text, "<forbidden "));
    assert_int_equal(strstr(text, "<rejected xmlns='urn:xmpp:iot:sensordata' seqnr='4'><error>") != NULL,
                     dialect == 0);
    world_destroy(w);
  }
}

/* ---- From devices ---------------------------------------------------------------------------------------- */

/* Send a request that no cache can answer; alice knows that it was accepted, after a moment. */
static struct world *begin(size_t dialect, const char *x, const char *n)
{
  struct world *w = world_create();
  TT_AUTOFREE char *request = expand(dialect ? n : x, dialect);
  assert_string_equal(ask_as(w, ALICE, GET, request), ""); /* held for the device's answer */
  return w;
}

static void assert_out(struct world *w, size_t dialect, const char *x, const char *n)
{
  TT_AUTOFREE char *expected = expand(dialect ? n : x, dialect);
  assert_string_equal(flush(w), expected);
  keep_payloads(w->out.data ? w->out.data : "");
  forget_output(w);
}

#define REQ_METER_X                                                                                                \
  "<req xmlns='{sd}' seqnr='3' momentary='true'><node nodeId='meter'/><field name='voltage'/></req>"
#define REQ_METER_N "<req xmlns='{sd}' id='3' m='true'><nd id='meter'/><f n='voltage'/></req>"
#define METER_X(value)                                                                                             \
  "<node nodeId='meter' sourceId='MeteringTopology'><timestamp value='2026-11-22T18:54:53.500Z'>"                  \
  "<numeric name='voltage' momentary='true' automaticReadout='true' value='" value                                 \
  "' unit='V'/></timestamp></node>"
#define METER_N(value)                                                                                             \
  "<nd id='meter' src='MeteringTopology'><ts v='2026-11-22T18:54:53.500Z'>"                                        \
  "<q n='voltage' m='true' ar='true' v='" value "' u='V'/></ts></nd>"

static void test_device_answers_within_the_hold(TT_UNUSED void **state)
{
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    struct world *w = begin(dialect, REQ_METER_X, REQ_METER_N);
    struct device_request request = take_request(w);
    report(w, w->meter, "voltage", "230.1");
    complete(w, &request, 0, NULL);
    assert_out(w, dialect,
               RESULT("<accepted xmlns='{sd}' seqnr='3'/>")
                   MESSAGE("<fields xmlns='{sd}' seqnr='3' done='true'>" METER_X("230.1") "</fields>"),
               RESULT("<started xmlns='{sd}' id='3'/>")
                   MESSAGE("<resp xmlns='{sd}' id='3'>" METER_N("230.1") "</resp>"));
    world_destroy(w);
  }
}

static void test_slow_device(TT_UNUSED void **state)
{
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    struct world *w = begin(dialect, REQ_METER_X, REQ_METER_N);
    advance(w, TT_OUT_HOLD_US);
    assert_out(w, dialect, RESULT("<accepted xmlns='{sd}' seqnr='3'/>"), RESULT("<started xmlns='{sd}' id='3'/>"));
    advance(w, 5 * TT_USEC_PER_SEC); /* nobody answers */
    assert_out(
        w, dialect,
        MESSAGE("<failure xmlns='{sd}' seqnr='3' done='true'><error nodeId='meter' sourceId='MeteringTopology'"
                " timestamp='2026-11-22T18:54:58.503Z'>Timeout.</error></failure>"),
        MESSAGE("<resp xmlns='{sd}' id='3'><nd id='meter' src='MeteringTopology'><ts v='2026-11-22T18:54:58.503Z'>"
                "<err>Timeout.</err></ts></nd></resp>"));
    world_destroy(w);
  }
}

/* What is at hand leaves at once; the dead node fails alone, last, and ends the request. */
static void test_dead_node_fails_alone(TT_UNUSED void **state)
{
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    struct world *w = world_create();
    report(w, w->climate, "temperature", "1.50");
    TT_AUTOFREE char *request = expand(
        dialect ? "<req xmlns='{sd}' id='5' m='true'><nd id='climate'/><nd id='meter'/><f n='temperature'/><f "
                  "n='voltage'/></req>"
                : "<req xmlns='{sd}' seqnr='5' momentary='true'><node nodeId='climate'/><node nodeId='meter'/>"
                  "<field name='temperature'/><field name='voltage'/></req>",
        dialect);
    ask_as(w, ALICE, GET, request);
    assert_out(w, dialect,
               RESULT("<accepted xmlns='{sd}' seqnr='5'/>") MESSAGE(
                   "<fields xmlns='{sd}' seqnr='5'>" NODE TS
                   "<numeric name='temperature' momentary='true' automaticReadout='true' value='1.50' unit='°C'/>"
                   "</timestamp></node></fields>"),
               RESULT("<started xmlns='{sd}' id='5'/>")
                   MESSAGE("<resp xmlns='{sd}' id='5' more='true'>" ND TSN
                           "<q n='temperature' m='true' ar='true' v='1.50' u='°C'/></ts></nd></resp>"));
    struct device_request device = take_request(w);
    complete(w, &device, -EIO, "No <answer> from unit 3.");
    assert_out(
        w, dialect,
        MESSAGE("<failure xmlns='{sd}' seqnr='5' done='true'><error nodeId='meter' sourceId='MeteringTopology'"
                " timestamp='2026-11-22T18:54:53.500Z'>No &lt;answer&gt; from unit 3.</error></failure>"),
        MESSAGE("<resp xmlns='{sd}' id='5'><nd id='meter' src='MeteringTopology'><ts v='2026-11-22T18:54:53.500Z'>"
                "<err>No &lt;answer&gt; from unit 3.</err></ts></nd></resp>"));
    world_destroy(w);
  }
}

/* Two devices answer in different turns, the second with nothing to say. */
static void test_parts_and_an_empty_end(TT_UNUSED void **state)
{
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    struct world *w = begin(dialect,
                            "<req xmlns='{sd}' seqnr='5' from='2026-11-22T18:54:53.2Z'><node nodeId='meter'/>"
                            "<node nodeId='plug'/><field name='voltage'/><field name='relay'/></req>",
                            "<req xmlns='{sd}' id='5' from='2026-11-22T18:54:53.2Z'><nd id='meter'/><nd id='plug'/>"
                            "<f n='voltage'/><f n='relay'/></req>");
    struct device_request meter = take_request(w), plug = take_request(w);
    report(w, w->meter, "voltage", "230.1");
    complete(w, &meter, 0, NULL);
    assert_out(w, dialect,
               RESULT("<accepted xmlns='{sd}' seqnr='5'/>")
                   MESSAGE("<fields xmlns='{sd}' seqnr='5'>" METER_X("230.1") "</fields>"),
               RESULT("<started xmlns='{sd}' id='5'/>")
                   MESSAGE("<resp xmlns='{sd}' id='5' more='true'>" METER_N("230.1") "</resp>"));
    advance(w, 1000);
    struct tt_now now = w->now;
    w->now.wall_us = WALL; /* older than what was asked for */
    tt_core_turn(w->core, w->now);
    report(w, w->plug, "relay", "true");
    w->now = now;
    complete(w, &plug, 0, NULL);
    assert_out(w, dialect, MESSAGE("<fields xmlns='{sd}' seqnr='5' done='true'/>"),
               MESSAGE("<done xmlns='{sd}' id='5'/>"));
    world_destroy(w);
  }
}

static void test_retained_and_writable(TT_UNUSED void **state)
{
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    struct world *w = world_create();
    uint16_t relay = 0;
    const struct tt_value on = TT_VALUE_BOOLEAN(true);
    assert_int_equal(tt_node_report(tt_core_tree(w->core), w->now, w->plug, relay, &on, 0, true), 0);
    TT_AUTOFREE char *request =
        expand(dialect ? "<req xmlns='{sd}' id='6'><nd id='plug'/><f n='relay'/></req>"
                       : "<req xmlns='{sd}' seqnr='6'><node nodeId='plug'/><field name='relay'/></req>",
               dialect);
    ask_as(w, ALICE, GET, request);
    struct device_request device = take_request(w); /* never fresh enough for the cache */
    complete(w, &device, 0, NULL);
    assert_out(w, dialect,
               RESULT("<accepted xmlns='{sd}' seqnr='6'/>") MESSAGE(
                   "<fields xmlns='{sd}' seqnr='6' done='true'><node nodeId='plug' sourceId='MeteringTopology'>" TS
                   "<boolean name='relay' momentary='true' automaticEstimate='true' writable='true' value='true'/>"
                   "</timestamp></node></fields>"),
               RESULT("<started xmlns='{sd}' id='6'/>")
                   MESSAGE("<resp xmlns='{sd}' id='6'><nd id='plug' src='MeteringTopology'>" TSN
                           "<b n='relay' m='true' ae='true' ctr='true' v='true'/></ts></nd></resp>"));
    world_destroy(w);
  }
}

static void test_later(TT_UNUSED void **state)
{
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    struct world *w = world_create();
    TT_AUTOFREE char *request = expand(
        dialect
            ? "<req xmlns='{sd}' id='3' m='true' when='2026-11-22T18:55:00'><nd id='meter'/><f n='voltage'/></req>"
            : "<req xmlns='{sd}' seqnr='3' momentary='true' when='2026-11-22T18:55:00'><node nodeId='meter'/>"
              "<field name='voltage'/></req>",
        dialect);
    ask_as(w, ALICE, GET, request);
    assert_out(w, dialect, RESULT("<accepted xmlns='{sd}' seqnr='3' queued='true'/>"),
               RESULT("<accepted xmlns='{sd}' id='3' queued='true'/>"));
    advance(w, 7 * TT_USEC_PER_SEC);
    assert_out(w, dialect, MESSAGE("<started xmlns='{sd}' seqnr='3'/>"), MESSAGE("<started xmlns='{sd}' id='3'/>"));
    struct device_request device = take_request(w);
    complete(w, &device, -ETIMEDOUT, NULL);
    const char *text = flush(w);
    assert_non_null(strstr(text, "Timeout."));
    world_destroy(w);
  }
}

/* The language of the request, on the stanza or on its payload, is that of every text. */
static void test_in_their_language(TT_UNUSED void **state)
{
#define GONE_DE "Einen solchen Knoten gibt es nicht."
  struct world *w = world_create();
  const char *text = ask_as(w, ALICE, GET " xml:lang='de-AT'",
                            "<req xmlns='urn:xmpp:iot:sensordata' seqnr='1'><node nodeId='nope'/></req>");
  assert_non_null(strstr(text, "<error>" GONE_DE "</error></rejected>"));
  assert_non_null(strstr(text, "<text xmlns='" STANZAS "' xml:lang='de-AT'>" GONE_DE "</text>"));
  text = ask_as(w, ALICE, GET, "<req xmlns='urn:xmpp:iot:sensordata' seqnr='x' xml:lang='sv'/>");
  assert_non_null(strstr(text, " xml:lang='sv'>Begäran har inget giltigt nummer.</text>"));
  text = ask_as(w, ALICE, GET " xml:lang='fi'", "<req xmlns='urn:nf:iot:sd:1.0' id='1'><nd id='nope'/></req>");
  assert_non_null(strstr(text, " xml:lang='en'>There is no such node.</text>"));
  ask_as(w, ALICE, GET " xml:lang='de'",
         "<req xmlns='urn:xmpp:iot:sensordata' seqnr='2' momentary='true'><node nodeId='meter'/></req>");
  struct device_request device = take_request(w);
  complete(w, &device, -ETIMEDOUT, NULL);
  assert_non_null(strstr(flush(w), ">Zeitüberschreitung.</error></failure>"));
  world_destroy(w);
}

/* The decision comes later than the request's turn. */
static void test_late_access(TT_UNUSED void **state)
{
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    struct world *w = world_create();
    w->is_access_late = true;
    report(w, w->climate, "temperature", "1.50");
    TT_AUTOFREE char *request =
        expand(dialect ? "<req xmlns='{sd}' id='5'><nd id='climate'/><f n='temperature'/></req>"
                       : "<req xmlns='{sd}' seqnr='5'><node nodeId='climate'/><field name='temperature'/></req>",
               dialect);
    assert_string_equal(ask_as(w, ALICE, GET, request), "");
    answer_check(w, &w->late);
    assert_out(w, dialect,
               RESULT("<accepted xmlns='{sd}' seqnr='5'/>") MESSAGE(
                   "<fields xmlns='{sd}' seqnr='5' done='true'>" NODE TS
                   "<numeric name='temperature' momentary='true' automaticReadout='true' value='1.50' unit='°C'/>"
                   "</timestamp></node></fields>"),
               RESULT("<started xmlns='{sd}' id='5'/>")
                   MESSAGE("<resp xmlns='{sd}' id='5'>" ND TSN
                           "<q n='temperature' m='true' ar='true' v='1.50' u='°C'/></ts></nd></resp>"));
    world_destroy(w);
  }
}

/* ---- Cancel, reuse, gone ----------------------------------------------------------------------------------- */

static void test_cancel(TT_UNUSED void **state)
{
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    struct world *w = begin(dialect, REQ_METER_X, REQ_METER_N);
    advance(w, TT_OUT_HOLD_US);
    flush(w);
    TT_AUTOFREE char *cancel =
        expand(dialect ? "<cancel xmlns='{sd}' id='3'/>" : "<cancel xmlns='{sd}' seqnr='3'/>", dialect);
    ask_as(w, ALICE, dialect ? "iq type='set'" : GET, cancel);
    advance(w, TT_OUT_HOLD_US);
    assert_out(w, dialect, RESULT("<cancelled xmlns='{sd}' seqnr='3'/>"), RESULT_EMPTY);
    struct device_request device = take_request(w);
    complete(w, &device, 0, NULL);
    assert_string_equal(flush(w), "");
    assert_non_null(strstr(ask_as(w, ALICE, GET, cancel), "<item-not-found "));
    world_destroy(w);
  }
}

/* The cancellation of what is not even told to be accepted yet leaves after that. */
static void test_cancel_does_not_overtake(TT_UNUSED void **state)
{
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    struct world *w = begin(dialect, REQ_METER_X, REQ_METER_N);
    TT_AUTOFREE char *cancel = expand(dialect ? "<iq xmlns='jabber:client' type='set' id='q' from='" ALICE
                                                "' to='" GATEWAY "'><cancel xmlns='{sd}' id='3'/></iq>"
                                              : "<iq xmlns='jabber:client' type='get' id='q' from='" ALICE
                                                "' to='" GATEWAY "'><cancel xmlns='{sd}' seqnr='3'/></iq>",
                                      dialect);
    give(w, cancel);
    assert_string_equal(flush(w), "");
    advance(w, TT_OUT_HOLD_US);
    assert_out(w, dialect,
               RESULT("<accepted xmlns='{sd}' seqnr='3'/>") RESULT("<cancelled xmlns='{sd}' seqnr='3'/>"),
               RESULT("<started xmlns='{sd}' id='3'/>") RESULT_EMPTY);
    world_destroy(w);
  }
}

/* Somebody else's readout cannot be cancelled, nor one in the other vocabulary with the same number. */
static void test_numbers_belong_to_who_asked(TT_UNUSED void **state)
{
  struct world *w = begin(0, REQ_METER_X, REQ_METER_N);
  const char *cancel = "<cancel xmlns='urn:xmpp:iot:sensordata' seqnr='3'/>";
  assert_non_null(strstr(ask_as(w, "reader@house.test/x", GET, cancel), "<item-not-found "));
  assert_non_null(strstr(ask_as(w, "alice@house.test/tablet", GET, cancel), "<item-not-found "));
  assert_non_null(strstr(ask_as(w, ALICE, GET, "<cancel xmlns='urn:nf:iot:sd:1.0' id='3'/>"), "<item-not-found "));
  ask_as(w, ALICE, GET, cancel);
  advance(w, TT_OUT_HOLD_US);
  assert_non_null(strstr(flush(w), "<cancelled "));
  world_destroy(w);
}

/* A client that restarts begins to count anew: its old request must not answer under the new number. */
static void test_reused_number_replaces(TT_UNUSED void **state)
{
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    struct world *w = begin(dialect, REQ_METER_X, REQ_METER_N);
    TT_AUTOFREE char *again = expand(dialect ? REQ_METER_N : REQ_METER_X, dialect);
    assert_null(strstr(ask_as(w, ALICE, GET, again), "type='error'"));
    assert_int_equal(w->n_requests, 2); /* in the host they would share one read */
    struct device_request first = take_request(w), second = take_request(w);
    forget_output(w);
    complete(w, &first, -EIO, "Old.");
    assert_string_equal(flush(w), "");
    complete(w, &second, -EIO, "New.");
    assert_non_null(strstr(flush(w), "New."));
    world_destroy(w);
  }
}

/* Replaced before its own decision came: its iq is answered all the same. */
static void test_replaced_before_it_was_answered(TT_UNUSED void **state)
{
  struct world *w = world_create();
  w->is_access_late = true;
  TT_AUTOFREE char *request = expand(REQ_METER_X, 0);
  assert_string_equal(ask_as(w, ALICE, GET, request), "");
  w->is_access_late = false;
  const char *text = ask_as(w, ALICE, GET, request);
  assert_non_null(strstr(text, "<conflict "));
  assert_non_null(strstr(text, "Cancelled."));
  world_destroy(w);
}

static void check_gone(void (*go)(struct world *w), bool is_kept)
{
  struct world *w = begin(0, REQ_METER_X, REQ_METER_N);
  advance(w, TT_OUT_HOLD_US);
  flush(w);
  forget_output(w);
  go(w);
  forget_output(w);
  struct device_request device = take_request(w);
  complete(w, &device, -EIO, "Late.");
  const char *text = flush(w);
  assert_int_equal(strstr(text, "Late.") != NULL, is_kept);
  world_destroy(w);
}

static void bounce(struct world *w)
{
  give(w, "<message xmlns='jabber:client' type='error' from='" ALICE "' to='" GATEWAY "'><error type='cancel'>"
          "<service-unavailable xmlns='" STANZAS "'/></error></message>");
}

static void bounce_other(struct world *w)
{
  give(w, "<message xmlns='jabber:client' type='error' from='alice@house.test/tablet' to='" GATEWAY "'>"
          "<error type='cancel'><service-unavailable xmlns='" STANZAS "'/></error></message>");
}

static void unavailable(struct world *w)
{
  give(w, "<presence xmlns='jabber:client' type='unavailable' from='" ALICE "' to='" GATEWAY "'/>");
}

static void offline(struct world *w)
{
  tt_router_offline(w->router, w->session);
  tt_session_set_online(w->session, false);
  tt_session_set_online(w->session, true);
}

static void test_gone_ends_readouts(TT_UNUSED void **state)
{
  check_gone(bounce, false);
  check_gone(bounce_other, true);
  check_gone(unavailable, false);
  check_gone(offline, false);
}

/* ---- Size -------------------------------------------------------------------------------------------------- */

static size_t count(const char *text, const char *needle)
{
  size_t n = 0;
  for (; (text = strstr(text, needle)); text += strlen(needle))
    n++;
  return n;
}

static void assert_stanzas_within(const char *text, size_t max)
{
  while (*text) {
    const char *end = strstr(text, strncmp(text, "<iq", 3) == 0 ? "</iq>" : "</message>");
    assert_non_null(end);
    end = strchr(end, '>') + 1;
    assert_true((size_t)(end - text) <= max);
    text = end;
  }
}

static void test_split_by_size(TT_UNUSED void **state)
{
  for (size_t max = 1000; max < 2600; max += 37)
    for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
      struct world *w = world_create_with(&(struct tt_router_config){.dialects = 7, .stanza_max = max});
      report_climate(w);
      TT_AUTOFREE char *request = expand(dialect ? "<req xmlns='{sd}' id='1'><nd id='climate'/></req>"
                                                 : "<req xmlns='{sd}' seqnr='1'><node nodeId='climate'/></req>",
                                         dialect);
      const char *text = ask_as(w, ALICE, GET, request);
      assert_stanzas_within(text, max);
      assert_int_equal(count(text, "automaticReadout='true'") + count(text, " ar='true'"), 10);
      size_t parts = count(text, "</timestamp>") + count(text, "</ts>");
      assert_int_equal(count(text, "<fields ") + count(text, "<resp "), parts);
      assert_int_equal(count(text, "done='true'"), dialect == 0);
      assert_int_equal(count(text, "more='true'"), dialect == 0 ? 0 : parts - 1);
      if (max == 1000) {
        assert_true(parts > 1);
        keep_payloads(text);
      }
      if (dialect == 0)
        assert_non_null(strstr(strstr(text, "done='true'"), "name='mode'")); /* on the last one */
      world_destroy(w);
    }
}

static void test_a_value_too_large_for_one_stanza(TT_UNUSED void **state)
{
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    struct world *w = world_create_with(&(struct tt_router_config){.dialects = 7, .stanza_max = 10000});
    char *many = calloc(1, TT_TEXT_MAX + 1);
    memset(many, '&', TT_TEXT_MAX); /* five bytes each in XML */
    report(w, w->climate, "temperature", "1.50");
    report(w, w->climate, "maker", many);
    free(many);
    TT_AUTOFREE char *request =
        expand(dialect ? "<req xmlns='{sd}' id='1'><nd id='climate'/><f n='temperature'/><f n='maker'/></req>"
                       : "<req xmlns='{sd}' seqnr='1'><node nodeId='climate'/><field name='temperature'/><field "
                         "name='maker'/></req>",
               dialect);
    const char *text = ask_as(w, ALICE, GET, request);
    assert_stanzas_within(text, 10000);
    assert_non_null(strstr(text, "1.50"));
    assert_non_null(strstr(text, "maker: the value does not fit into one stanza."));
    assert_int_equal(count(text, "done='true'"), dialect == 0);
    keep_payloads(text);
    world_destroy(w);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_from_the_cache_at_once),
      cmocka_unit_test(test_without_a_node),
      cmocka_unit_test(test_requests_that_are_wrong),
      cmocka_unit_test(test_number_has_a_limit),
      cmocka_unit_test(test_strangers_learn_of_it_in_their_own_words),
      cmocka_unit_test(test_device_answers_within_the_hold),
      cmocka_unit_test(test_slow_device),
      cmocka_unit_test(test_dead_node_fails_alone),
      cmocka_unit_test(test_parts_and_an_empty_end),
      cmocka_unit_test(test_retained_and_writable),
      cmocka_unit_test(test_later),
      cmocka_unit_test(test_in_their_language),
      cmocka_unit_test(test_late_access),
      cmocka_unit_test(test_cancel),
      cmocka_unit_test(test_cancel_does_not_overtake),
      cmocka_unit_test(test_numbers_belong_to_who_asked),
      cmocka_unit_test(test_reused_number_replaces),
      cmocka_unit_test(test_replaced_before_it_was_answered),
      cmocka_unit_test(test_gone_ends_readouts),
      cmocka_unit_test(test_split_by_size),
      cmocka_unit_test(test_a_value_too_large_for_one_stanza),
      cmocka_unit_test(test_answers_are_valid),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
