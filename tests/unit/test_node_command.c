/* SPDX-License-Identifier: Apache-2.0
 * node_command.c and the forms of commands: what a node can be told to do, in all four namespaces. */
#include "commands_world.h"

#define GET "iq type='get'"
#define SET "iq type='set'"

#define CODE(name, code) "<" name "Response xmlns='{conc}' result='" code "'/>"

static struct world *create(void)
{
  struct world *w = world_create();
  add_speaker(w);
  return w;
}

/* Asks; when the device was told, it has done it. */
static void check(struct world *w, size_t dialect, const char *head, const char *request, const char *answer)
{
  TT_AUTOFREE char *payload = expand(request, dialect), *expected = expand(answer, dialect);
  const char *text = ask_as(w, ALICE, head, payload);
  if (told.fn) {
    assert_string_equal(text, "");
    tt_device_fn fn = told.fn;
    told.fn = NULL;
    fn(told.fn_user, 0, "whatever it says");
    text = flush(w);
  }
  assert_string_equal(text, expected);
  keep_payloads(text);
}

static void check_all(const char *head, const struct exchange *rows, size_t n)
{
  for (size_t dialect = 0; dialect < DIALECTS; dialect++)
    for (size_t i = 0; i < n; i++) {
      struct world *w = create();
      check(w, dialect, head, rows[i].request[dialect > 0], rows[i].answer[dialect > 0]);
      world_destroy(w);
    }
}

/* ---- Looking ------------------------------------------------------------------------------------------------ */
#define LIST                                                                                                       \
  "<command command='play' name='Play' type='Simple' sortKey='001'/>"                                              \
  "<command command='seek' name='seek' type='Parameterized' sortKey='002'/>"                                       \
  "<command command='reset' name='Reset &amp; forget' type='Simple' sortKey='003' confirmationString='Sure?'/>"

#define FORM_OF(errors)                                                                                            \
  "<x xmlns='jabber:x:data' type='form'><title>seek</title>"                                                       \
  "<page xmlns='http://jabber.org/protocol/xdata-layout' label='seek'><fieldref var='position'/>"                  \
  "<fieldref var='mode'/><fieldref var='key'/></page>"                                                             \
  "<field var='position' type='text-single' label='Position (s)'><desc>0 \u2026 100 s (0.5)</desc><required/>"     \
  "<validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:long'>"                                \
  "<range min='0' max='100'/></validate>" errors "</field>"                                                        \
  "<field var='mode' type='list-single' label='mode'><value>auto</value><option><value>off</value></option>"       \
  "<option><value>auto</value></option><validate xmlns='http://jabber.org/protocol/xdata-validate'"                \
  " datatype='xs:string'><basic/></validate></field>"                                                              \
  "<field var='key' type='text-private' label='key'><required/>"                                                   \
  "<validate xmlns='http://jabber.org/protocol/xdata-validate' "                                                   \
  "datatype='xs:string'><basic/></validate></field></x>"
#define FORM  FORM_OF("")
#define EMPTY "<x xmlns='jabber:x:data' type='form'><title>Play</title></x>"

static const struct exchange questions[] = {
    {{"<getNodeCommands xmlns='{conc}' nodeId='speaker'/>", "<getNodeCommands xmlns='{conc}' id='speaker'/>"},
     {RESULT("<getNodeCommandsResponse xmlns='{conc}' result='OK'>" LIST "</getNodeCommandsResponse>"),
      RESULT("<commands xmlns='{conc}'>" LIST "</commands>")}},
    /* A node that has none. */
    {{"<getNodeCommands xmlns='{conc}' nodeId='plug'/>", "<getNodeCommands xmlns='{conc}' id='plug'/>"},
     {RESULT("<getNodeCommandsResponse xmlns='{conc}' result='OK'/>"), RESULT("<commands xmlns='{conc}'/>")}},
    {{"<getNodeCommands xmlns='{conc}' nodeId='nope'/>", "<getNodeCommands xmlns='{conc}' id='nope'/>"},
     {REFUSAL(CODE("getNodeCommands", "NotFound"), "cancel", "item-not-found", "There is no such node.", ""),
      REFUSAL("", "cancel", "item-not-found", "There is no such node.", "")}},
    {{"<getNodeCommands xmlns='{conc}'/>", "<getNodeCommands xmlns='{conc}'/>"},
     {REFUSAL(CODE("getNodeCommands", "FormError"), "modify", "bad-request", "No node is named.", ""),
      REFUSAL("", "modify", "bad-request", "No node is named.", "")}},
    {{"<getCommandParameters xmlns='{conc}' nodeId='speaker' command='seek'/>",
      "<getCommandParameters xmlns='{conc}' id='speaker' command='seek'/>"},
     {RESULT("<getCommandParametersResponse xmlns='{conc}' result='OK'>" FORM "</getCommandParametersResponse>"),
      RESULT(FORM)}},
    {{"<getCommandParameters xmlns='{conc}' nodeId='speaker' command='play'/>",
      "<getCommandParameters xmlns='{conc}' id='speaker' command='play'/>"},
     {RESULT("<getCommandParametersResponse xmlns='{conc}' result='OK'>" EMPTY "</getCommandParametersResponse>"),
      RESULT(EMPTY)}},
    {{"<getCommandParameters xmlns='{conc}' nodeId='speaker' command='fly'/>",
      "<getCommandParameters xmlns='{conc}' id='speaker' command='fly'/>"},
     {REFUSAL(CODE("getCommandParameters", "NotFound"), "cancel", "item-not-found", "There is no such command.",
              ""),
      REFUSAL("", "cancel", "item-not-found", "There is no such command.", "")}},
    {{"<getCommandParameters xmlns='{conc}' nodeId='speaker'/>",
      "<getCommandParameters xmlns='{conc}' id='speaker'/>"},
     {REFUSAL(CODE("getCommandParameters", "FormError"), "modify", "bad-request", "No command is named.", ""),
      REFUSAL("", "modify", "bad-request", "No command is named.", "")}},
    {{"<getNode xmlns='{conc}' nodeId='speaker'/>", "<getNode xmlns='{conc}' id='speaker'/>"},
     {RESULT("<getNodeResponse xmlns='{conc}' result='OK' nodeId='speaker' displayName='speaker'"
             " nodeType='thingtree.device.upnp' state='None' hasChildren='false' isReadable='true'"
             " isControllable='true' hasCommands='true' lastChanged='" WALL_TEXT "'/>"),
      RESULT("<nodeInfo xmlns='{conc}' id='speaker' src='MeteringTopology' displayName='speaker'"
             " nodeType='thingtree.device.upnp' state='None' hasChildren='false' isReadable='true'"
             " isControllable='true' hasCommands='true' lastChanged='" WALL_TEXT "'/>")}},
};

static void test_questions(void **state)
{
  (void)state;
  check_all(GET, questions, TT_COUNT(questions));
}

static void test_in_the_language_that_was_asked_for(void **state)
{
  (void)state;
  struct world *w = create();
  TT_AUTOFREE char *payload = expand("<getNodeCommands xmlns='{conc}' nodeId='speaker' xml:lang='sv'/>", 0);
  const char *text = ask_as(w, ALICE, GET, payload);
  assert_non_null(strstr(text, "name='Spela'"));
  assert_non_null(strstr(text, "confirmationString='Säkert?'"));
  world_destroy(w);
}

/* ---- Doing -------------------------------------------------------------------------------------------------- */
#define FIELD(name, value) "<field var='" name "'><value>" value "</value></field>"
#define SUBMIT(fields)     "<x xmlns='jabber:x:data' type='submit'>" fields "</x>"
#define DO_X(command, x)                                                                                           \
  "<executeNodeCommand xmlns='{conc}' nodeId='speaker' command='" command "'>" x "</executeNodeCommand>"
#define DO_N(command, x)                                                                                           \
  "<executeNodeCommand xmlns='{conc}' id='speaker' command='" command "'>" x "</executeNodeCommand>"
#define DONE                                                                                                       \
  {                                                                                                                \
    RESULT(CODE("executeNodeCommand", "OK")), RESULT_EMPTY                                                         \
  }
#define BOTH(command, x)                                                                                           \
  {                                                                                                                \
    DO_X(command, x), DO_N(command, x)                                                                             \
  }
#define NOTHING_DONE "An argument is not valid; nothing was done."

static void test_done(void **state)
{
  static const struct exchange rows[] = {
      {BOTH("play", ""), DONE},
      {BOTH("play", SUBMIT("")), DONE},
      {BOTH("seek",
            SUBMIT(FIELD("FORM_TYPE", "x") FIELD("position", "12") FIELD("mode", "off") FIELD("key", "a&amp;b"))),
       DONE},
  };
  static const char *const raws[] = {"", "", "12,0,a&b"};
  (void)state;
  for (size_t dialect = 0; dialect < DIALECTS; dialect++)
    for (size_t i = 0; i < TT_COUNT(rows); i++) {
      struct world *w = create();
      check(w, dialect, i ? SET : GET, rows[i].request[dialect > 0], rows[i].answer[dialect > 0]);
      assert_int_equal(told.n, 1);
      assert_string_equal(told.raws, raws[i]);
      world_destroy(w);
    }
}

static void test_refused_in_the_language_that_was_asked_for(void **state)
{
  static const char *const rows[][2] = {
      BOTH("seek", SUBMIT(FIELD("position", "101") FIELD("key", "k"))),
      BOTH("seek", SUBMIT("<field var='key'><value>a</value><value>b</value></field>")),
      BOTH("seek", SUBMIT(FIELD("position", "1"))),
  };
  /* N tells of a form that is none without what is wrong in it. */
  static const char *const said[][2] = {
      {"101 liegt über dem größten Wert, 100</error>", "101 liegt über dem größten Wert, 100</error>"},
      {"hat mehrere Werte</error>", "Das Formular ist kein ausgefülltes.</text>"},
      {"muss angegeben werden</error>", "muss angegeben werden</error>"},
  };
  (void)state;
  for (size_t dialect = 0; dialect < DIALECTS; dialect++)
    for (size_t i = 0; i < TT_COUNT(rows); i++) {
      struct world *w = create();
      TT_AUTOFREE char *payload = expand(rows[i][dialect > 0], dialect);
      const char *text = ask_as(w, ALICE, SET " xml:lang='de'", payload);
      if (!strstr(text, said[i][dialect > 0]) || !strstr(text, " xml:lang='de'>"))
        fail_msg("%s", text);
      world_destroy(w);
    }
}

static void test_refused(void **state)
{
#define WRONG(var, text) "<error var='" var "'>" text "</error>"
#define FORM_ERROR(errors)                                                                                         \
  "<executeNodeCommandResponse xmlns='{conc}' result='FormError'>" errors "</executeNodeCommandResponse>"
  static const struct exchange rows[] = {
      {BOTH("fly", ""),
       {REFUSAL(CODE("executeNodeCommand", "NotFound"), "cancel", "item-not-found", "There is no such command.",
                ""),
        REFUSAL("", "cancel", "item-not-found", "There is no such command.", "")}},
      {BOTH("locked", ""),
       {REFUSAL(CODE("executeNodeCommand", "InsufficientPrivileges"), "cancel", "forbidden", "You may not do this.",
                ""),
        REFUSAL("", "cancel", "forbidden", "You may not do this.", "")}},
      {BOTH("seek", SUBMIT(FIELD("position", "101") FIELD("key", "k"))),
       {REFUSAL(FORM_ERROR(WRONG("position", "101 is above the most, 100")), "modify", "bad-request", NOTHING_DONE,
                ""),
        REFUSAL("", "modify", "bad-request", NOTHING_DONE,
                FORM_OF("<error xmlns='urn:xmpp:xdata:dynamic'>101 is above the most, 100</error>"))}},
      {BOTH("seek", SUBMIT(FIELD("position", "1") FIELD("key", "k") FIELD("speed", "1"))),
       {REFUSAL(FORM_ERROR(WRONG("speed", "the command has no such argument")), "modify", "bad-request",
                NOTHING_DONE, ""),
        REFUSAL("", "modify", "bad-request", NOTHING_DONE, FORM)}},
      {BOTH("seek", "<x xmlns='jabber:x:data' type='form'/>"),
       {REFUSAL(CODE("executeNodeCommand", "FormError"), "modify", "bad-request",
                "The form is not one that was filled in.", ""),
        REFUSAL("", "modify", "bad-request", "The form is not one that was filled in.", "")}},
      {BOTH("seek", SUBMIT("<field var='key'><value>a</value><value>b</value></field>")),
       {REFUSAL(FORM_ERROR(WRONG("key", "it has several values")), "modify", "bad-request",
                "The form is not one that was filled in.", ""),
        REFUSAL("", "modify", "bad-request", "The form is not one that was filled in.", "")}},
  };
  (void)state;
  for (size_t dialect = 0; dialect < DIALECTS; dialect++)
    for (size_t i = 0; i < TT_COUNT(rows); i++) {
      struct world *w = create();
      TT_AUTOFREE char *expected = expand(rows[i].answer[dialect > 0], dialect);
      TT_AUTOFREE char *payload = expand(rows[i].request[dialect > 0], dialect);
      assert_string_equal(ask_as(w, ALICE, SET, payload), expected);
      assert_int_equal(told.n, 0);
      world_destroy(w);
    }
}

static void test_the_device_fails(void **state)
{
  static const struct {
    int error;
    const char *x, *n;
  } rows[] = {
      {-EIO,
       REFUSAL(CODE("executeNodeCommand", "OtherError"), "cancel", "undefined-condition", "no &lt;tape&gt;", ""),
       REFUSAL("", "cancel", "undefined-condition", "no &lt;tape&gt;", "")},
      {-ETIMEDOUT,
       REFUSAL(CODE("executeNodeCommand", "OtherError"), "wait", "remote-server-timeout", "no &lt;tape&gt;", ""),
       REFUSAL("", "wait", "remote-server-timeout", "no &lt;tape&gt;", "")},
  };
  (void)state;
  for (size_t dialect = 0; dialect < DIALECTS; dialect++)
    for (size_t i = 0; i < TT_COUNT(rows); i++) {
      struct world *w = create();
      TT_AUTOFREE char *payload = expand(dialect ? DO_N("play", "") : DO_X("play", ""), dialect);
      TT_AUTOFREE char *expected = expand(dialect ? rows[i].n : rows[i].x, dialect);
      assert_string_equal(ask_as(w, ALICE, SET, payload), "");
      told.fn(told.fn_user, rows[i].error, "no <tape>");
      assert_string_equal(flush(w), expected);
      world_destroy(w);
    }
}

/* Who asked has gone, or we have: it is done all the same, and nobody is told. */
static void test_nobody_is_there_any_more(void **state)
{
  (void)state;
  struct world *w = create();
  TT_AUTOFREE char *payload = expand(DO_X("play", ""), 0);
  ask_as(w, ALICE, SET, payload);
  give(w, "<presence xmlns='jabber:client' type='unavailable' from='" ALICE "' to='" GATEWAY "'/>");
  forget_output(w);
  told.fn(told.fn_user, 0, NULL);
  assert_string_equal(flush(w), "");
  ask_as(w, ALICE, SET, payload); /* still open when everything is torn down */
  world_destroy(w);
}

static void permit(TT_UNUSED void *user, const struct tt_access_query *query, tt_access_fn fn, void *fn_user)
{
  fn(fn_user, TT_OK, &(struct tt_grant){.node = query->nodes[0], .is_all = true}, 1);
}

static void test_a_stanza_has_a_limit(void **state)
{
  (void)state;
  struct world *w =
      world_create_with(&(struct tt_router_config){.dialects = 7, .stanza_max = 10000, .version = "1"});
  static struct tt_command many[TT_COMMANDS_MAX];
  for (size_t i = 0; i < TT_COUNT(many); i++)
    many[i].name = "command_with_a_name_of_some_length";
  add(w, &(struct tt_node_spec){
             .kind = TT_NODE_DEVICE, .key = "many", .type = "x", .commands = many, .n_commands = TT_COUNT(many)});
  tt_core_set_access(w->core, (struct tt_access_hooks){w, access_role, access_sight, permit});
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    TT_AUTOFREE char *payload = expand(dialect ? "<getNodeCommands xmlns='{conc}' id='many'/>"
                                               : "<getNodeCommands xmlns='{conc}' nodeId='many'/>",
                                       dialect);
    const char *text = ask_as(w, ALICE, GET, payload);
    assert_non_null(strstr(text, "<not-acceptable "));
    assert_non_null(strstr(text, "The commands do not fit into one stanza; give them by name."));
  }
  world_destroy(w);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_questions),
      cmocka_unit_test(test_in_the_language_that_was_asked_for),
      cmocka_unit_test(test_done),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_refused_in_the_language_that_was_asked_for),
      cmocka_unit_test(test_the_device_fails),
      cmocka_unit_test(test_nobody_is_there_any_more),
      cmocka_unit_test(test_a_stanza_has_a_limit),
      cmocka_unit_test(test_answers_are_valid),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
