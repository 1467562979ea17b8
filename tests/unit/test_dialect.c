/* SPDX-License-Identifier: Apache-2.0
 * dialect.c: the vocabularies. What the words look like in whole answers stands in the tests of the handlers. */
#include "xmpp/dialect.h"

#include "iot_world.h"
#include "xmpp/router_private.h"

#define X (&tt_dialects[0])
#define N (&tt_dialects[1])

static struct tt_xml_doc *parse(const char *text)
{
  struct tt_xml_doc *doc;
  assert_int_equal(tt_xml_parse(text, strlen(text), &doc), 0);
  return doc;
}

static void test_namespaces_are_those_of_the_tests(TT_UNUSED void **state)
{
  assert_int_equal(TT_DIALECT_COUNT, DIALECTS);
  for (size_t i = 0; i < TT_DIALECT_COUNT; i++)
    for (size_t subject = 0; subject < TT_SUBJECT_COUNT; subject++)
      assert_string_equal(tt_dialects[i].ns[subject], dialect_rows[i].ns[subject]);
}

static void test_every_word_is_there(TT_UNUSED void **state)
{
  for (int word = 0; word < TT_WORD_COUNT; word++) {
    assert_non_null(tt_word(X, (enum tt_word)word));
    assert_non_null(tt_word(N, (enum tt_word)word));
  }
  for (int type = TT_TYPE_BOOLEAN; type < TT_TYPE_COUNT; type++) {
    assert_non_null(tt_dialect_field_element(X, (enum tt_type)type, false));
    assert_non_null(tt_dialect_field_element(N, (enum tt_type)type, false));
  }
  for (int refusal = 0; refusal < TT_REFUSAL_COUNT; refusal++)
    assert_non_null(tt_refusal_code((enum tt_refusal)refusal));
}

/* slixmpp drops int and long; N has them, but not with a unit. */
static void test_integers_keep_their_unit(TT_UNUSED void **state)
{
  static const struct {
    enum tt_type type;
    const char *unit, *x, *n;
    bool x_has_unit, n_has_unit;
  } rows[] = {
      {TT_TYPE_INT32, "", "numeric", "i", true, false},    {TT_TYPE_INT32, "W", "numeric", "q", true, true},
      {TT_TYPE_INT64, "", "numeric", "l", true, false},    {TT_TYPE_INT64, "Wh", "numeric", "q", true, true},
      {TT_TYPE_QUANTITY, "", "numeric", "q", true, false}, {TT_TYPE_QUANTITY, "V", "numeric", "q", true, true},
      {TT_TYPE_STRING, "V", "string", "s", false, false},  {TT_TYPE_BOOLEAN, "", "boolean", "b", false, false},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    bool x = tt_dialect_field_has_unit(X, rows[i].type, rows[i].unit);
    bool n = tt_dialect_field_has_unit(N, rows[i].type, rows[i].unit);
    assert_int_equal(x, rows[i].x_has_unit);
    assert_int_equal(n, rows[i].n_has_unit);
    assert_string_equal(tt_dialect_field_element(X, rows[i].type, x), rows[i].x);
    assert_string_equal(tt_dialect_field_element(N, rows[i].type, n), rows[i].n);
  }
}

static void test_all_flags(TT_UNUSED void **state)
{
  static const char *const expected[] = {
      "<f momentary='true' peak='true' status='true' computed='true' identity='true' historicalOther='true'"
      " missing='true' inProgress='true' automaticEstimate='true' manualEstimate='true' manualReadout='true'"
      " automaticReadout='true' timeOffset='true' warning='true' error='true' signed='true' invoiced='true'"
      " endOfSeries='true' powerFailure='true' invoiceConfirmed='true'/>",
      "<f m='true' p='true' s='true' c='true' i='true' h='true' ms='true' pr='true' ae='true' me='true' mr='true'"
      " ar='true' of='true' w='true' er='true' so='true' iv='true' eos='true' pf='true' ic='true'/>"};
  for (size_t i = 0; i < 2; i++) {
    struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
    struct tt_writer w;
    tt_write_init(&w, &buf);
    tt_write_open(&w, "f", NULL);
    tt_dialect_write_flags(&w, &tt_dialects[i], TT_CATEGORY_ALL, 0x3fff);
    tt_write_close(&w);
    assert_string_equal(buf.data, expected[i]);
  }
}

static void test_categories_of_a_request(TT_UNUSED void **state)
{
  static const struct {
    size_t dialect;
    const char *request;
    unsigned categories;
  } rows[] = {
      {0, "<req/>", 0},
      {0, "<req momentary='true' peak='1' status='false' computed='0'/>", TT_CATEGORY_MOMENTARY | TT_CATEGORY_PEAK},
      {0, "<req m='true' momentary='yes'/>", 0},
      {0, "<req all='true'/>", TT_CATEGORY_ALL},
      {0, "<req historical='true'/>", TT_CATEGORY_HISTORICAL},
      {0, "<req historicalQuarter='true' identification='true'/>", TT_CATEGORY_HISTORICAL | TT_CATEGORY_IDENTITY},
      {1, "<req m='true' s='1' i='true' c='true' p='true' h='true'/>", TT_CATEGORY_ALL},
      {1, "<req all='1'/>", TT_CATEGORY_ALL},
      {1, "<req momentary='true' historical='true'/>", 0},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct tt_xml_doc *doc = parse(rows[i].request);
    assert_int_equal(tt_dialect_categories(&tt_dialects[rows[i].dialect], tt_xml_doc_root(doc)),
                     rows[i].categories);
    tt_xml_doc_destroy(doc);
  }
}

static void test_parameter_elements(TT_UNUSED void **state)
{
  assert_int_equal(tt_dialect_parameter_type(X, "double"), TT_TYPE_QUANTITY);
  assert_int_equal(tt_dialect_parameter_type(N, "db"), TT_TYPE_QUANTITY);
  assert_int_equal(tt_dialect_parameter_type(X, "color"), TT_TYPE_STRING);
  assert_int_equal(tt_dialect_parameter_type(N, "cl"), TT_TYPE_STRING);
  assert_int_equal(tt_dialect_parameter_type(N, "e"), TT_TYPE_ENUM);
  assert_int_equal(tt_dialect_parameter_type(X, "b"), TT_TYPE_NONE);
  assert_int_equal(tt_dialect_parameter_type(N, "boolean"), TT_TYPE_NONE);
}

static void test_references(TT_UNUSED void **state)
{
  struct tt_arena *arena = tt_arena_create(4096);
  const struct tt_ref *refs;
  size_t n;
  struct tt_xml_doc *doc =
      parse("<req xmlns='u'><node nodeId='a'/><f/><node nodeId='b' sourceId='s' cacheType='c'/>"
            "<node xmlns='other'/></req>");
  assert_int_equal(tt_dialect_refs(X, tt_xml_doc_root(doc), arena, &refs, &n), 0);
  assert_int_equal(n, 2);
  assert_string_equal(refs[0].node, "a");
  assert_string_equal(refs[0].source, "");
  assert_string_equal(refs[1].source, "s");
  assert_string_equal(refs[1].partition, "c");
  assert_int_equal(tt_dialect_refs(N, tt_xml_doc_root(doc), arena, &refs, &n), 0);
  assert_int_equal(n, 0);
  tt_xml_doc_destroy(doc);

  doc = parse("<req xmlns='u'><nd id='a'/><nd id=''/></req>");
  assert_int_equal(tt_dialect_refs(N, tt_xml_doc_root(doc), arena, &refs, &n), -EINVAL);
  tt_xml_doc_destroy(doc);

  struct tt_arena *small = tt_arena_create(16);
  doc = parse("<req xmlns='u'><nd id='a'/><nd id='b'/></req>");
  assert_int_equal(tt_dialect_refs(N, tt_xml_doc_root(doc), small, &refs, &n), -ENOMEM);
  tt_xml_doc_destroy(doc);
  tt_arena_destroy(small);
  tt_arena_destroy(arena);
}

static void test_tokens_go_with_the_caller(TT_UNUSED void **state)
{
  static const char *const requests[] = {"<set serviceToken='a' deviceToken='b c' userToken='d'/>",
                                         "<set st='a' dt='b c' ut='d'/>"};
  for (size_t i = 0; i < 2; i++) {
    struct tt_xml_doc *doc = parse(requests[i]);
    struct tt_iq iq = {.payload = tt_xml_doc_root(doc), .caller = {.jid = "j", .language = "sv"}};
    struct tt_caller caller = tt_dialect_caller(&tt_dialects[i], &iq);
    assert_string_equal(caller.jid, "j");
    assert_string_equal(caller.service_token, "a");
    assert_string_equal(caller.device_token, "b c");
    assert_string_equal(caller.user_token, "d");
    tt_xml_doc_destroy(doc);
  }
}

static void test_only_configured_dialects_are_advertised(TT_UNUSED void **state)
{
  for (unsigned dialects = 0; dialects < 16; dialects++) {
    struct world *w = world_create_with(&(struct tt_router_config){.dialects = dialects, .stanza_max = 65536});
    for (size_t i = 0; i < DIALECTS; i++)
      for (size_t subject = 0; subject < 3; subject += 2) {
        bool is_there = false;
        for (size_t k = 0; k < w->router->n_features; k++)
          is_there |= strcmp(w->router->features[k], dialect_rows[i].ns[subject]) == 0;
        assert_int_equal(is_there, (dialects & 1u << i) != 0);
      }
    world_destroy(w);
  }
}

static void test_room_for_a_payload(TT_UNUSED void **state)
{
  struct world *w = world_create_with(&(struct tt_router_config){.dialects = 1, .stanza_max = 10000});
  struct tt_iq iq = {.router = w->router,
                     .session = w->session,
                     .id = "q",
                     .caller = {.jid = "a@b/c", .local = "d", .language = ""}};
  size_t room = tt_dialect_room(&iq);
  assert_true(room > 9000 && room < 10000);
  iq.caller.jid = "a@b/<<<<"; /* four bytes each */
  assert_int_equal(tt_dialect_room(&iq), room - 3 - 4 * strlen("&lt;") + 4);
  char long_id[20000];
  memset(long_id, 'x', sizeof(long_id) - 1);
  long_id[sizeof(long_id) - 1] = '\0';
  iq.id = long_id;
  assert_int_equal(tt_dialect_room(&iq), 1);
  world_destroy(w);
}

/* What the server was seen not to take counts, too. */
static void test_room_that_was_learned(TT_UNUSED void **state)
{
  struct world *w = world_create_with(&(struct tt_router_config){.dialects = 1, .stanza_max = 65536});
  struct tt_iq iq = {.router = w->router,
                     .session = w->session,
                     .id = "q",
                     .caller = {.jid = "a@b/c", .local = "d", .language = ""}};
  assert_in_range(tt_dialect_room(&iq), 64000, 65536);
  char *payload = malloc(60001);
  assert_non_null(payload);
  memset(payload, 'x', 60000);
  payload[60000] = '\0';
  tt_session_send(w->session, &(struct tt_out){.kind = TT_OUT_MESSAGE, .payload = payload});
  tt_session_violated(w->session);
  assert_in_range(tt_dialect_room(&iq), 29000, 30100);
  world_destroy(w);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_namespaces_are_those_of_the_tests),
      cmocka_unit_test(test_every_word_is_there),
      cmocka_unit_test(test_integers_keep_their_unit),
      cmocka_unit_test(test_all_flags),
      cmocka_unit_test(test_categories_of_a_request),
      cmocka_unit_test(test_parameter_elements),
      cmocka_unit_test(test_references),
      cmocka_unit_test(test_tokens_go_with_the_caller),
      cmocka_unit_test(test_only_configured_dialects_are_advertised),
      cmocka_unit_test(test_room_for_a_payload),
      cmocka_unit_test(test_room_that_was_learned),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
