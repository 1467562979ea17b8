/* SPDX-License-Identifier: Apache-2.0
 * xmpp/control.c: setting parameters in all four namespaces, by iq, by message and by form. */
#include "iot_world.h"

#define GET "iq type='get'"
#define SET "iq type='set'"

/* What is asked, in X and N; values are the same in both. */
#define SET_X(inside) "<set xmlns='{ctr}'><node nodeId='plug'/>" inside "</set>"
#define SET_N(inside) "<set xmlns='{ctr}'><nd id='plug'/>" inside "</set>"
#define CODE(code)    "<setResponse xmlns='{ctr}' responseCode='" code "'/>"
#define CODE_OF(code, name)                                                                                        \
  "<setResponse xmlns='{ctr}' responseCode='" code "'><parameter name='" name "'/></setResponse>"
#define WRONG_X(name, text) "<paramError xmlns='{ctr}' var='" name "'>" text "</paramError>"
#define WRONG_N(name, text) "<paramError xmlns='{ctr}' n='" name "' var='" name "'>" text "</paramError>"
#define INVALID             "A value is not valid; nothing was set."
#define UNKNOWN             "There is no such parameter; nothing was set."

static const char *ns_of(size_t dialect)
{
  return dialect_rows[dialect].ns[1];
}

/* Lets the devices do all they are asked for; what leaves then. */
static const char *obey(struct world *w)
{
  forget_output(w);
  while (w->n_requests > 0) {
    struct device_request request = take_request(w);
    complete(w, &request, 0, NULL);
  }
  return flush(w);
}

/* Asks, lets the devices obey, and compares what leaves. */
static void check_set(struct world *w, size_t dialect, const char *head, const char *request, const char *answer)
{
  TT_AUTOFREE char *payload = expand(request, dialect), *expected = expand(answer, dialect);
  assert_string_equal(ask_as(w, ALICE, head, payload), "");
  const char *text = obey(w);
  assert_string_equal(text, expected);
  keep_payloads(text);
}

/* The element that a writer named `what` would send, with its value. */
static void test_every_type(void **state)
{
  static const struct {
    const char *x, *n, *point, *raw;
  } rows[] = {
      {"<boolean name='relay' value='true'/>", "<b n='relay' v='true'/>", "relay", "true"},
      {"<boolean name='relay' value='0'/>", "<b n='relay' v='0'/>", "relay", "false"},
      {"<double name='level' value='12.5'/>", "<db n='level' v='12.5'/>", "level", "12.5"},
      {"<int name='level' value='12'/>", "<i n='level' v='12'/>", "level", "12"},
      {"<long name='level' value='100'/>", "<l n='level' v='100'/>", "level", "100"},
      {"<string name='mode' value='auto'/>", "<e n='mode' v='auto' t='mode'/>", "mode", "1"},
      {"<string name='mode' value='off'/>", "<s n='mode' v='off'/>", "mode", "0"},
      {"<string name='name' value='a &amp; b'/>", "<s n='name' v='a &amp; b'/>", "name", "a & b"},
      {"<color name='name' value='00ff7F'/>", "<cl n='name' v='00ff7F80'/>", "name", NULL},
  };
  (void)state;
  for (size_t dialect = 0; dialect < DIALECTS; dialect++)
    for (size_t i = 0; i < TT_COUNT(rows); i++) {
      struct world *w = world_create();
      char request[300];
      TT_AUTOBUF struct tt_buf raw = TT_BUF(0);
      snprintf(request, sizeof(request), "<set xmlns='%s'><%s='plug'/>%s</set>", ns_of(dialect),
               dialect ? "nd id" : "node nodeId", dialect ? rows[i].n : rows[i].x);
      assert_string_equal(ask_as(w, ALICE, SET, request), "");
      assert_int_equal(w->n_requests, 1);
      assert_true(w->requests[0].is_write);
      assert_string_equal(plug_points[w->requests[0].points[0]].name, rows[i].point);
      tt_value_print(&w->requests[0].raw, &raw);
      if (rows[i].raw)
        assert_string_equal(raw.data, rows[i].raw);
      const char *text = obey(w);
      assert_non_null(strstr(text, "<iq type='result'"));
      keep_payloads(text);
      world_destroy(w);
    }
}

/* X says no more than that it is done; N lists it. */
static void test_done(void **state)
{
  (void)state;
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    struct world *w = world_create();
    if (dialect == 0)
      check_set(w, 0, SET, SET_X("<boolean name='relay' value='true'/><double name='level' value='1'/>"),
                RESULT(CODE("OK")));
    else
      check_set(
          w, dialect, SET, SET_N("<b n='relay' v='true'/><db n='level' v='1'/>"),
          RESULT("<resp xmlns='{ctr}'><nd id='plug' src='MeteringTopology'/><p n='relay'/><p n='level'/></resp>"));
    /* A client that asks with `get` is understood, too. */
    if (dialect == 0)
      check_set(w, 0, GET, SET_X("<boolean name='relay' value='false'/>"), RESULT(CODE("OK")));
    world_destroy(w);
  }
}

static void test_in_order_of_the_document(void **state)
{
  (void)state;
  struct world *w = world_create();
  TT_AUTOFREE char *payload =
      expand(SET_X("<string name='mode' value='auto'/><boolean name='relay' value='true'/>"), 0);
  assert_string_equal(ask_as(w, ALICE, SET, payload), "");
  assert_int_equal(w->n_requests, 1); /* the second waits for the first */
  struct device_request first = take_request(w);
  assert_string_equal(plug_points[first.points[0]].name, "mode");
  complete(w, &first, 0, NULL);
  flush(w);
  assert_int_equal(w->n_requests, 1);
  assert_string_equal(plug_points[w->requests[0].points[0]].name, "relay");
  assert_non_null(strstr(obey(w), "responseCode='OK'"));
  world_destroy(w);
}

/* Everything that is wrong with a request is found before anything is done. */
static void test_what_is_wrong(void **state)
{
#define NOT_FOUND(what) REFUSAL(CODE("NotFound"), "cancel", "item-not-found", what, "")
#define BAD(what)       REFUSAL(CODE("FormError"), "modify", "bad-request", what, "")
#define BAD_N(what)     REFUSAL("", "modify", "bad-request", what, "")
#define BAD_VALUE(x, n, name, why)                                                                                 \
  {                                                                                                                \
    {SET_X(x), SET_N(n)},                                                                                          \
    {                                                                                                              \
      REFUSAL(CODE_OF("FormError", name), "modify", "bad-request", INVALID, WRONG_X(name, why)),                   \
          REFUSAL("", "modify", "bad-request", INVALID, WRONG_N(name, why))                                        \
    }                                                                                                              \
  }
  static const struct exchange rows[] = {
      {{"<set xmlns='{ctr}'><boolean name='relay' value='true'/></set>",
        "<set xmlns='{ctr}'><b n='relay' v='true'/></set>"},
       {BAD("No node is named."), BAD_N("No node is named.")}},
      {{"<set xmlns='{ctr}'><node/></set>", "<set xmlns='{ctr}'><nd/></set>"},
       {BAD("A node reference names no node."), BAD_N("A node reference names no node.")}},
      {{SET_X(""), SET_N("")}, {BAD("No parameter is named."), BAD_N("No parameter is named.")}},
      {{SET_X("<bool name='relay' value='true'/>"), SET_N("<bool n='relay' v='true'/>")},
       {BAD("The request has an element that is no parameter."),
        BAD_N("The request has an element that is no parameter.")}},
      {{SET_X("<boolean value='true'/>"), SET_N("<b v='true'/>")},
       {BAD("A parameter has no name."), BAD_N("A parameter has no name.")}},
      BAD_VALUE("<boolean name='relay'/>", "<b n='relay'/>", "relay", "it has no value"),
      BAD_VALUE("<color name='name' value='0000zz'/>", "<cl n='name' v='00ff7'/>", "name",
                "a colour is six or eight hexadecimal digits"),
      BAD_VALUE("<boolean name='relay' value='maybe'/>", "<b n='relay' v='maybe'/>", "relay",
                "&quot;maybe&quot; is neither true nor false"),
      {{"<set xmlns='{ctr}'><node nodeId='nowhere'/><boolean name='relay' value='1'/></set>",
        "<set xmlns='{ctr}'><nd id='nowhere'/><b n='relay' v='1'/></set>"},
       {NOT_FOUND("There is no such node."),
        REFUSAL("", "cancel", "item-not-found", "There is no such node.", "")}},
      {{SET_X("<boolean name='relya' value='1'/>"), SET_N("<b n='relya' v='1'/>")},
       {REFUSAL(CODE_OF("NotFound", "relya"), "cancel", "item-not-found", UNKNOWN,
                WRONG_X("relya", "plug has no such parameter")),
        REFUSAL("", "cancel", "item-not-found", UNKNOWN, WRONG_N("relya", "plug has no such parameter"))}},
      {{SET_X("<boolean name='relay' value='1'/><boolean name='relay' value='0'/>"),
        SET_N("<b n='relay' v='1'/><b n='relay' v='0'/>")},
       {REFUSAL(CODE_OF("FormError", "relay"), "modify", "bad-request", "A parameter is given twice.",
                WRONG_X("relay", "it is given twice")),
        REFUSAL("", "modify", "bad-request", "A parameter is given twice.",
                WRONG_N("relay", "it is given twice"))}},
      {{SET_X("<boolean name='relay' value='1'/><x xmlns='jabber:x:data' type='submit'/>"),
        SET_N("<b n='relay' v='1'/><x xmlns='jabber:x:data' type='submit'/>")},
       {BAD("The request has both a form and parameters."), BAD_N("The request has both a form and parameters.")}},
      {{SET_X("<x xmlns='jabber:x:data' type='form'/>"), SET_N("<x xmlns='jabber:x:data' type='form'/>")},
       {BAD("The form is not one that was filled in."), BAD_N("The form is not one that was filled in.")}},
      {{SET_X("<x xmlns='jabber:x:data' type='submit'><field "
              "var='relay'><value>1</value><value>0</value></field></x>"),
        SET_N("<x xmlns='jabber:x:data' type='submit'><field "
              "var='relay'><value>1</value><value>0</value></field></x>")},
       {REFUSAL(CODE_OF("FormError", "relay"), "modify", "bad-request", "The form is not one that was filled in.",
                WRONG_X("relay", "it has several values")),
        REFUSAL("", "modify", "bad-request", "The form is not one that was filled in.",
                WRONG_N("relay", "it has several values"))}},
  };
  (void)state;
  check_exchanges(SET, rows, TT_COUNT(rows));
}

/* Range, step, name of a mode: refused, and the valid one beside it is not written either. */
static void test_values_are_checked_before_the_wire(void **state)
{
  static const char *const wrong[] = {"<double name='level' value='100.5'/>", "<double name='level' value='-1'/>",
                                      "<double name='level' value='0.3'/>",   "<double name='level' value='NaN'/>",
                                      "<string name='mode' value='purple'/>", "<double name='mode' value='1'/>"};
  (void)state;
  for (size_t i = 0; i < TT_COUNT(wrong); i++) {
    struct world *w = world_create();
    char request[300];
    snprintf(request, sizeof(request),
             "<set xmlns='%s'><node nodeId='plug'/><boolean name='relay' value='true'/>%s</set>", ns_of(0),
             wrong[i]);
    const char *text = ask_as(w, ALICE, SET, request);
    assert_non_null(strstr(text, "<bad-request"));
    assert_non_null(strstr(text, "<paramError "));
    assert_int_equal(w->n_requests, 0);
    world_destroy(w);
  }
}

static void test_permission(void **state)
{
  (void)state;
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    struct world *w = world_create();
    /* A part: it is done and told. */
    if (dialect == 0)
      check_set(
          w, 0, SET, SET_X("<boolean name='relay' value='true'/><boolean name='locked' value='true'/>"),
          RESULT("<setResponse xmlns='{ctr}' responseCode='OK'><node nodeId='plug' sourceId='MeteringTopology'/>"
                 "<parameter name='relay'/></setResponse>"));
    else
      check_set(w, dialect, SET, SET_N("<b n='relay' v='true'/><b n='locked' v='true'/>"),
                RESULT("<resp xmlns='{ctr}'><nd id='plug' src='MeteringTopology'/><p n='relay'/></resp>"));
    /* Nothing. */
    check_as(w, ALICE, dialect, SET,
             dialect ? SET_N("<b n='locked' v='true'/>") : SET_X("<boolean name='locked' value='true'/>"),
             dialect
                 ? REFUSAL("", "cancel", "forbidden", "You may not control this.", "")
                 : REFUSAL(CODE("InsufficientPrivileges"), "cancel", "forbidden", "You may not control this.", ""));
    assert_int_equal(w->n_requests, 0);
    world_destroy(w);
  }
}

/* Different nodes got different parameters: only pairs that are true are told. */
static void test_only_true_pairs(void **state)
{
  (void)state;
  struct world *w = world_create();
  const char *text = ask_as(
      w, ALICE, SET, "<set xmlns='urn:nf:iot:ctr:1.0'><nd id='meter'/><nd id='plug'/><b n='relay' v='1'/></set>");
  assert_string_equal(text, "");
  text = obey(w);
  assert_non_null(
      strstr(text, "<nd id='meter' src='MeteringTopology'/><nd id='plug' src='MeteringTopology'/><p n='relay'/>"));
  world_destroy(w);
}

/* A stranger hears what slixmpp understands, and nothing of what there is. */
static void test_strangers(void **state)
{
  (void)state;
  struct world *w = world_create();
  const char *text =
      ask_as(w, "mallory@evil.test/1", SET,
             "<set xmlns='urn:xmpp:iot:control'><node nodeId='plug'/><boolean name='relay' value='1'/></set>");
  assert_non_null(strstr(text, "responseCode='InsufficientPrivileges'"));
  assert_non_null(strstr(text, "<forbidden"));
  text = ask_as(w, "mallory@evil.test/1", GET,
                "<getForm xmlns='urn:xmpp:iot:control'><node nodeId='plug'/></getForm>");
  assert_non_null(strstr(text, "<forbidden"));
  assert_int_equal(w->n_requests, 0);
  world_destroy(w);
}

static void test_response_code_can_be_left_out(void **state)
{
  (void)state;
  struct world *w = world_create_with(&(struct tt_router_config){.dialects = 7, .stanza_max = 65536});
  check_set(w, 0, SET, SET_X("<boolean name='relay' value='true'/>"), RESULT("<setResponse xmlns='{ctr}'/>"));
  check_as(w, ALICE, 0, SET, SET_X("<boolean name='relay' value='maybe'/>"),
           REFUSAL("", "modify", "bad-request", INVALID,
                   WRONG_X("relay", "&quot;maybe&quot; is neither true nor false")));
  world_destroy(w);
}

/* ---- Devices ------------------------------------------------------------------------------------------------- */
static void test_a_device_fails_midway(void **state)
{
  (void)state;
  for (size_t dialect = 0; dialect < 2; dialect++) {
    struct world *w = world_create();
    TT_AUTOFREE char *payload =
        expand(dialect ? SET_N("<b n='relay' v='1'/><db n='level' v='5'/>")
                       : SET_X("<boolean name='relay' value='1'/><double name='level' value='5'/>"),
               dialect);
    ask_as(w, ALICE, SET, payload);
    struct device_request request = take_request(w);
    complete(w, &request, 0, NULL);
    flush(w);
    request = take_request(w);
    complete(w, &request, -EIO, "exception 4 from unit 1");
    TT_AUTOFREE char *expected =
        expand(dialect ? REFUSAL("", "cancel", "undefined-condition",
                                 "level on plug: exception 4 from unit 1; already set: relay on plug",
                                 WRONG_N("level", "exception 4 from unit 1"))
                       : REFUSAL(CODE_OF("OtherError", "level"), "cancel", "undefined-condition",
                                 "level on plug: exception 4 from unit 1; already set: relay on plug",
                                 WRONG_X("level", "exception 4 from unit 1")),
               dialect);
    assert_string_equal(flush(w), expected);
    world_destroy(w);
  }
}

/* A text made of several is said to be in the language that it was made in. */
static void test_in_their_language(void **state)
{
  (void)state;
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    struct world *w = world_create();
    TT_AUTOFREE char *wrong = expand(dialect ? SET_N("<db n='level' v='101'/>")
                                             : SET_X("<double name='level' value='101'/>"),
                                     dialect),
                     *empty = expand(dialect ? SET_N("<db n='level'/>") : SET_X("<double name='level'/>"), dialect),
                     *fine = expand(dialect ? SET_N("<b n='relay' v='1'/>")
                                            : SET_X("<boolean name='relay' value='1'/>"),
                                    dialect);
    const char *text = ask_as(w, ALICE, SET " xml:lang='de'", wrong);
    assert_non_null(strstr(text, " xml:lang='de'>Ein Wert ist nicht gültig; es wurde nichts gesetzt.</text>"));
    assert_non_null(strstr(text, "var='level'>101 liegt über dem größten Wert, 100</paramError>"));
    text = ask_as(w, ALICE, SET " xml:lang='sv'", empty);
    assert_non_null(strstr(text, " xml:lang='sv'>Ett värde är inte giltigt; inget ändrades.</text>"));
    assert_non_null(strstr(text, "var='level'>har inget värde</paramError>"));
    assert_string_equal(ask_as(w, ALICE, SET " xml:lang='de'", fine), "");
    struct device_request request = take_request(w);
    complete(w, &request, -ETIMEDOUT, "the device did not answer");
    text = flush(w);
    assert_non_null(strstr(text, " xml:lang='de'>relay an plug: das Gerät hat nicht geantwortet</text>"));
    assert_non_null(strstr(text, "var='relay'>das Gerät hat nicht geantwortet</paramError>"));
    world_destroy(w);
  }
}

static void test_a_device_that_is_silent_or_says_something_else(void **state)
{
  (void)state;
  plain_write.verify = TT_VERIFY_REPORT;
  for (int is_silent = 0; is_silent < 2; is_silent++) {
    struct world *w = world_create();
    ask_as(w, ALICE, SET,
           "<set xmlns='urn:xmpp:iot:control'><node nodeId='plug'/><boolean name='relay' value='1'/></set>");
    struct device_request request = take_request(w);
    tt_value_finish(&request.raw);
    request.fn(request.fn_user, 0, NULL);
    if (!is_silent)
      report(w, w->plug, "relay", "false");
    forget_output(w);
    advance(w, 2 * TT_USEC_PER_SEC);
    const char *text = flush(w);
    assert_non_null(strstr(text, "responseCode='OtherError'"));
    assert_non_null(strstr(text, is_silent ? "<error type='wait'><remote-server-timeout" : "<undefined-condition"));
    assert_non_null(strstr(text, is_silent ? "did not report it" : "the device says false"));
    world_destroy(w);
  }
  plain_write.verify = TT_VERIFY_NONE;
}

/* ---- By message ---------------------------------------------------------------------------------------------- */
static void test_by_message(void **state)
{
  static const char set[] =
      "<set xmlns='urn:xmpp:iot:control'><node nodeId='plug'/><boolean name='relay' value='1'/></set>";
  (void)state;
  struct world *w = world_create();
  assert_string_equal(ask_as(w, ALICE, "message", set), "");
  assert_int_equal(w->n_requests, 1);
  assert_string_equal(obey(w), ""); /* it was done, and nobody waits for a word */
  static const char *const silent[] = {
      "<set xmlns='urn:xmpp:iot:control'><node nodeId='plug'/><boolean name='relay' value='maybe'/></set>",
      "<set xmlns='urn:xmpp:iot:control'><node nodeId='nowhere'/><boolean name='relay' value='1'/></set>",
      "<set xmlns='urn:xmpp:iot:control'><boolean name='relay' value='1'/></set>",
      "<set xmlns='urn:nf:iot:ctr:1.0'><nd id='plug'/><b n='relay' v='1'/></set>", /* not defined in N */
  };
  for (size_t i = 0; i < TT_COUNT(silent); i++)
    assert_string_equal(ask_as(w, ALICE, "message", silent[i]), "");
  assert_string_equal(ask_as(w, "mallory@evil.test/1", "message", set), "");
  assert_string_equal(ask_as(w, "reader@house.test/1", "message", set), "");
  assert_int_equal(w->n_requests, 0);
  world_destroy(w);

  w = world_create_with(
      &(struct tt_router_config){.dialects = 7, .stanza_max = 65536, .compat_response_code = true});
  assert_string_equal(ask_as(w, ALICE, "message", set), "");
  assert_int_equal(w->n_requests, 0);
  world_destroy(w);
}

/* ---- Forms --------------------------------------------------------------------------------------------------- */
#define FORM_FIELD(var, type, rest, datatype, check)                                                               \
  "<field var='" var "' type='" type "' label='" var "'>" rest datatype check                                      \
  "<notSame xmlns='urn:xmpp:xdata:dynamic'/></field>"
#define VALIDATE(datatype, method)                                                                                 \
  "<validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='" datatype "'>" method "</validate>"

static void test_form(void **state)
{
  static const struct exchange rows[] = {
      {{"<getForm xmlns='{ctr}'><node nodeId='meter'/></getForm>",
        "<getForm xmlns='{ctr}'><nd id='meter'/></getForm>"},
       {RESULT("<x xmlns='jabber:x:data' type='form'><title>meter</title><page "
               "xmlns='http://jabber.org/protocol/xdata-layout' label='meter'><fieldref "
               "var='relay'/></page>" FORM_FIELD("relay", "boolean", "", "", "") "</x>"),
        RESULT("<x xmlns='jabber:x:data' type='form'><title>meter</title><page "
               "xmlns='http://jabber.org/protocol/xdata-layout' label='meter'><fieldref "
               "var='relay'/></page>" FORM_FIELD("relay", "boolean", "", "", "") "</x>")}},
      {{"<getForm xmlns='{ctr}'/>", "<getForm xmlns='{ctr}'/>"},
       {REFUSAL("", "modify", "bad-request", "No node is named.", ""),
        REFUSAL("", "modify", "bad-request", "No node is named.", "")}},
      {{"<getForm xmlns='{ctr}'><node/></getForm>", "<getForm xmlns='{ctr}'><nd/></getForm>"},
       {REFUSAL("", "modify", "bad-request", "A node reference names no node.", ""),
        REFUSAL("", "modify", "bad-request", "A node reference names no node.", "")}},
      {{"<getForm xmlns='{ctr}'><node nodeId='nowhere'/></getForm>",
        "<getForm xmlns='{ctr}'><nd id='nowhere'/></getForm>"},
       {REFUSAL("", "cancel", "item-not-found", "There is no such node.", ""),
        REFUSAL("", "cancel", "item-not-found", "There is no such node.", "")}},
      {{"<getForm xmlns='{ctr}'><node nodeId='climate'/></getForm>",
        "<getForm xmlns='{ctr}'><nd id='climate'/></getForm>"},
       {REFUSAL("", "cancel", "feature-not-implemented", "There is no parameter that could be set here.", ""),
        REFUSAL("", "cancel", "feature-not-implemented", "There is no parameter that could be set here.", "")}},
  };
  (void)state;
  check_exchanges(GET, rows, TT_COUNT(rows));
}

/* Ranges, options and present values; what one may not set is not in it. */
static void test_form_of_everything(void **state)
{
  (void)state;
  struct world *w = world_create();
  report(w, w->plug, "level", "12.5");
  const char *text =
      ask_as(w, ALICE, GET, "<getForm xmlns='urn:xmpp:iot:control' xml:lang='sv'><node nodeId='plug'/></getForm>");
  keep_payloads(text);
  assert_non_null(
      strstr(text, "<fieldref var='relay'/><fieldref var='level'/><fieldref var='mode'/><fieldref var='name'/>"));
  assert_null(strstr(text, "locked"));
  assert_non_null(strstr(text, "<value>12.5</value>"));
  assert_non_null(strstr(text, VALIDATE("xs:double", "<range min='0' max='100'/>")));
  assert_non_null(strstr(text, "<option><value>off</value></option><option><value>auto</value></option>"));
  world_destroy(w);

  w = world_create();
  text = ask_as(w, ALICE, GET,
                "<getForm xmlns='urn:xmpp:iot:control'><node nodeId='plug'/><node nodeId='meter'/></getForm>");
  assert_non_null(strstr(text, "<title>2 nodes</title>"));
  assert_non_null(strstr(text, "<fieldref var='relay'/></page>")); /* what they have in common */
  world_destroy(w);

  w = world_create_with(&(struct tt_router_config){.dialects = 7, .stanza_max = 1200});
  text = ask_as(w, ALICE, GET, "<getForm xmlns='urn:xmpp:iot:control'><node nodeId='plug'/></getForm>");
  assert_non_null(strstr(text, "does not fit into one stanza; set the parameters by name"));
  assert_true(strlen(text) <= 1200);
  world_destroy(w);
}

/* All fields come back, edited or not. */
static void test_submit(void **state)
{
  (void)state;
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    struct world *w = world_create();
    char request[800];
    report(w, w->plug, "level", "12.5");
    report(w, w->plug, "mode", "1");
    snprintf(request, sizeof(request),
             "<set xmlns='%s'><%s='plug'/><x xmlns='jabber:x:data' type='submit'>"
             "<field var='xdd session' type='hidden'><value>1</value></field>"
             "<field var='relay'><value>1</value></field><field var='level'><value>12.5</value></field>"
             "<field var='mode'><value>auto</value></field><field var='name'/></x></set>",
             ns_of(dialect), dialect ? "nd id" : "node nodeId");
    assert_string_equal(ask_as(w, ALICE, SET, request), "");
    assert_int_equal(w->n_requests, 1); /* the relay alone: the device has the others already */
    assert_string_equal(plug_points[w->requests[0].points[0]].name, "relay");
    assert_non_null(strstr(obey(w), "<iq type='result'"));
    /* By name it is written whatever it is. */
    ask_as(w, ALICE, SET,
           "<set xmlns='urn:xmpp:iot:control'><node nodeId='plug'/><double name='level' value='12.5'/></set>");
    assert_int_equal(w->n_requests, 1);
    world_destroy(w);
  }
}

/* ---- Sizes and ends ------------------------------------------------------------------------------------------- */
/* Names are the sender's. */
static void test_long_names(void **state)
{
  (void)state;
  for (size_t dialect = 0; dialect < 2; dialect++)
    for (int is_unknown = 0; is_unknown < 2; is_unknown++) {
      struct world *w = world_create_with(
          &(struct tt_router_config){.dialects = 7, .stanza_max = 10000, .compat_response_code = true});
      TT_AUTOBUF struct tt_buf buf = TT_BUF(0);
      tt_buf_printf(&buf, "<set xmlns='%s'><%s='plug'/>", ns_of(dialect), dialect ? "nd id" : "node nodeId");
      for (int i = 0; i < 20; i++) {
        tt_buf_printf(&buf, "<%s='%09000d%d' %s='%s'/>", dialect ? "cl n" : "color name", 0, i,
                      dialect ? "v" : "value", is_unknown ? "00ff00" : "x");
      }
      tt_buf_puts(&buf, "</set>");
      const char *text = ask_as(w, ALICE, SET, buf.data);
      assert_non_null(strstr(text, is_unknown ? "<item-not-found" : "<bad-request"));
      assert_true(strlen(text) <= 10000);
      world_destroy(w);
    }
}

/* Whoever asked has gone: the command goes on, and nobody is told. */
static void test_gone(void **state)
{
  static const char *const ways[] = {"presence type='unavailable'", "message type='error'"};
  (void)state;
  for (size_t i = 0; i < TT_COUNT(ways); i++) {
    struct world *w = world_create();
    ask_as(w, ALICE, SET,
           "<set xmlns='urn:xmpp:iot:control'><node nodeId='plug'/><boolean name='relay' value='1'/></set>");
    ask_as(w, ALICE, ways[i], "");
    assert_int_equal(w->n_requests, 1);
    assert_string_equal(obey(w), "");
    world_destroy(w);
  }
  struct world *w = world_create();
  w->is_access_late = true;
  ask_as(w, ALICE, GET, "<getForm xmlns='urn:xmpp:iot:control'><node nodeId='plug'/></getForm>");
  ask_as(w, ALICE, ways[0], "");
  answer_check(w, &w->late);
  assert_string_equal(flush(w), "");
  world_destroy(w);
}

static void test_ends_with_requests_open(void **state)
{
  (void)state;
  struct world *w = world_create();
  ask_as(w, ALICE, SET,
         "<set xmlns='urn:xmpp:iot:control'><node nodeId='plug'/><boolean name='relay' value='1'/></set>");
  w->is_access_late = true;
  ask_as(w, ALICE, GET, "<getForm xmlns='urn:xmpp:iot:control'><node nodeId='plug'/></getForm>");
  assert_int_equal(w->n_requests, 1);
  world_destroy(w);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_type),
      cmocka_unit_test(test_done),
      cmocka_unit_test(test_in_order_of_the_document),
      cmocka_unit_test(test_what_is_wrong),
      cmocka_unit_test(test_values_are_checked_before_the_wire),
      cmocka_unit_test(test_permission),
      cmocka_unit_test(test_only_true_pairs),
      cmocka_unit_test(test_strangers),
      cmocka_unit_test(test_response_code_can_be_left_out),
      cmocka_unit_test(test_a_device_fails_midway),
      cmocka_unit_test(test_in_their_language),
      cmocka_unit_test(test_a_device_that_is_silent_or_says_something_else),
      cmocka_unit_test(test_by_message),
      cmocka_unit_test(test_form),
      cmocka_unit_test(test_form_of_everything),
      cmocka_unit_test(test_submit),
      cmocka_unit_test(test_long_names),
      cmocka_unit_test(test_gone),
      cmocka_unit_test(test_ends_with_requests_open),
      cmocka_unit_test(test_answers_are_valid),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
