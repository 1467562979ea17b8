/* SPDX-License-Identifier: Apache-2.0
 * publish.c, publish_node.c: what a service is asked, in which order, and what is done about its answers. The service is the
 * test: it answers every question that waits, or keeps it. */
#define _GNU_SOURCE
#include "xmpp/publish.h"

#include "model_world.h"
#include "xmpp/router.h"

#include <stdio.h>
#include <unistd.h>

#define OWNER  "http://jabber.org/protocol/pubsub#owner"
#define PUBSUB "http://jabber.org/protocol/pubsub"

struct test {
  struct world *w;
  struct tt_router *router;
  struct tt_session *session;
  struct tt_publisher *publisher;
  struct tt_buf out;
  char state_dir[40];
  /* how the service is */
  const char *access;       /* the access model that it says */
  const char *create_error; /* a condition; NULL: it makes them */
  const char *publish_error;
  const char *delete_error;
  bool is_silent;
  /* what has happened */
  struct tt_buf asked; /* "info create config ..." */
  size_t most_at_once, n_published;
  char last[2000]; /* the last item, as text */
};

static int on_write(void *user, const char *text, size_t n)
{
  tt_buf_add(&((struct test *)user)->out, text, n);
  return 0;
}

static const struct tt_session_ops session_ops = {.write = on_write};

/* ---- The service ------------------------------------------------------------------------------------------------------ */

static const struct tt_xml *verb_of(const struct tt_xml *iq)
{
  const struct tt_xml *payload = iq->children;
  return payload && !strcmp(payload->name, "pubsub") ? payload->children : payload;
}

static void print_values(struct test *test, const struct tt_xml *element)
{
  const char *value = tt_xml_attr(element, "v");
  size_t n = strlen(test->last);
  if (value && strcmp(element->name, "ts"))
    snprintf(test->last + n, sizeof(test->last) - n, "%s=%s ", tt_xml_attr(element, "n"), value);
  if (!strcmp(element->name, "err") || !strcmp(element->name, "error"))
    snprintf(test->last + n, sizeof(test->last) - n, "%s ", element->text);
  TT_XML_FOREACH(child, element)
    print_values(test, child);
}

/* What it says to this: the payload of a result; *ret_error is a condition instead. */
static void answer_to(struct test *test, const struct tt_xml *iq, struct tt_buf *out, const char **ret_error)
{
  const struct tt_xml *verb = verb_of(iq);
  bool is_owner = !strcmp(verb->ns, OWNER), is_get = !strcmp(tt_xml_attr(iq, "type"), "get");
  tt_buf_printf(&test->asked, "%s%s ", verb->name, is_owner ? is_get ? "?" : "!" : "");
  if (!strcmp(verb->name, "query")) {
    tt_buf_puts(out, "<query xmlns='http://jabber.org/protocol/disco#info'><identity category='pubsub'/></query>");
  } else if (!strcmp(verb->name, "create")) {
    *ret_error = test->create_error;
  } else if (!strcmp(verb->name, "delete")) {
    *ret_error = test->delete_error;
  } else if (!strcmp(verb->name, "publish")) {
    *ret_error = test->publish_error;
    test->n_published += !test->publish_error;
    test->last[0] = '\0';
    print_values(test, verb);
  } else if (!strcmp(verb->name, "configure") && is_get) {
    tt_buf_printf(out,
                  "<pubsub xmlns='" OWNER
                  "'><configure><x xmlns='jabber:x:data'><field var='pubsub#access_model'><value>"
                  "%s</value></field></x></configure></pubsub>",
                  test->access);
  } else if (!strcmp(verb->name, "affiliations") && is_get) {
    tt_buf_puts(out, "<pubsub xmlns='" OWNER "'><affiliations/></pubsub>");
  }
}

static void send_answer(struct test *test, const struct tt_xml *iq)
{
  struct tt_buf payload TT_AUTOBUF = TT_BUF(0), stanza TT_AUTOBUF = TT_BUF(0);
  const char *error = NULL, *to = tt_xml_attr(iq, "to");
  struct tt_xml_doc *doc;
  answer_to(test, iq, &payload, &error);
  tt_buf_printf(&stanza, "<iq type='%s' from='%s' id='%s'>%s", error ? "error" : "result", to,
                tt_xml_attr(iq, "id"), payload.data ? payload.data : "");
  if (error)
    tt_buf_printf(&stanza, "<error type='cancel'><%s xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>", error);
  tt_buf_puts(&stanza, "</iq>");
  assert_int_equal(tt_xml_parse(stanza.data, stanza.len, &doc), 0);
  tt_router_stanza(test->router, test->session, tt_xml_doc_root(doc));
  tt_xml_doc_destroy(doc);
}

/* One round: what waits is answered. False: nothing did. */
static bool serve(struct test *test)
{
  struct tt_buf all TT_AUTOBUF = TT_BUF(0);
  struct tt_xml_doc *doc;
  size_t n = 0;
  tt_session_flush(test->session, test->w->now.mono_us);
  if (test->is_silent)
    return false;
  tt_buf_printf(&all, "<r>%s</r>", test->out.data ? test->out.data : "");
  tt_buf_truncate(&test->out, 0);
  assert_int_equal(tt_xml_parse(all.data, all.len, &doc), 0);
  TT_XML_FOREACH(iq, tt_xml_doc_root(doc)) {
    const char *to = tt_xml_attr(iq, "to");
    if (strcmp(iq->name, "iq") || !to || strcmp(to, "pubsub.test"))
      continue;
    n++;
    send_answer(test, iq);
  }
  tt_xml_doc_destroy(doc);
  test->most_at_once = n > test->most_at_once ? n : test->most_at_once;
  return n > 0;
}

static void turn(struct test *test, uint64_t us)
{
  world_pass(test->w, us);
  tt_core_flush(test->w->core);
  tt_publisher_turn(test->publisher, test->w->now.mono_us);
  while (serve(test)) {
    tt_core_flush(test->w->core);
    tt_publisher_turn(test->publisher, test->w->now.mono_us);
  }
}

static const char *asked(struct test *test)
{
  static char text[1000];
  snprintf(text, sizeof(text), "%s", test->asked.data ? test->asked.data : "");
  tt_buf_truncate(&test->asked, 0);
  return text;
}

/* ---- The gateway ------------------------------------------------------------------------------------------------------- */

static const char *const lamp[] = {"**/lamp"}, *const many[] = {"many/**"}, *const temperature[] = {"temperature"};
#define TEXTS(list)                                                                                                \
  {                                                                                                                \
    (const char **)(uintptr_t)(list), TT_COUNT(list)                                                               \
  }
static const char *const members[] = {"alice@example.org"};
static const struct tt_publish one_lamp = {.to = "pubsub.test",
                                           .nodes = TEXTS(lamp),
                                           .fields = TEXTS(temperature),
                                           .dialect = 2,
                                           .members = TEXTS(members),
                                           .interval_us = SECOND};

static int setup(void **state)
{
  struct test *test = calloc(1, sizeof(*test));
  test->w = world_create();
  test->access = "whitelist";
  const struct tt_router_config config = {.core = test->w->core, .stanza_max = 65536, .version = "0"};
  assert_int_equal(tt_router_create(&config, &test->router), 0);
  test->session = tt_session_create(TT_SESSION_ACCOUNT, "gw@house.test/thingtree", &session_ops, test);
  tt_session_set_online(test->session, true);
  *state = test;
  return 0;
}

static int teardown(void **state)
{
  struct test *test = *state;
  tt_publisher_destroy(test->publisher);
  tt_router_destroy(test->router);
  tt_session_destroy(test->session);
  world_destroy(test->w);
  tt_buf_finish(&test->out);
  tt_buf_finish(&test->asked);
  if (*test->state_dir) {
    char path[100];
    snprintf(path, sizeof(path), "%s/published.json", test->state_dir);
    unlink(path);
    assert_int_equal(rmdir(test->state_dir), 0);
  }
  free(test);
  return 0;
}

static void begin(struct test *test, const struct tt_publish entries[], size_t n)
{
  const struct tt_publisher_options options = {.router = test->router,
                                               .entries = entries,
                                               .n = n,
                                               .has_account = true,
                                               .state_dir = *test->state_dir ? test->state_dir : NULL};
  assert_int_equal(tt_publisher_create(&options, &test->publisher), 0);
  tt_router_online(test->router, test->session);
  turn(test, 0);
}

static void report(struct test *test, const char *key, double number)
{
  world_report(test->w, key, TEMPERATURE, TT_VALUE_QUANTITY(number, 0));
  turn(test, SECOND);
}

static struct tt_publisher_counts counts(const struct test *test)
{
  return tt_publisher_counts(test->publisher);
}

static void begin_again(struct test *test, const struct tt_publish entries[], size_t n)
{
  tt_router_offline(test->router, test->session);
  tt_publisher_destroy(test->publisher);
  tt_router_destroy(test->router);
  const struct tt_router_config config = {.core = test->w->core, .stanza_max = 65536, .version = "0"};
  assert_int_equal(tt_router_create(&config, &test->router), 0);
  begin(test, entries, n);
}

/* ---- Tests --------------------------------------------------------------------------------------------------------------- */

static void test_made_confirmed_and_published(void **state)
{
  struct test *test = *state;
  begin(test, &one_lamp, 1);
  report(test, "lamp", 20);
  assert_string_equal(asked(test), "query create configure? affiliations? affiliations! publish ");
  assert_string_equal(test->last, "temperature=20 ");
  report(test, "lamp", 21);
  assert_string_equal(asked(test), "publish ");
  assert_string_equal(test->last, "temperature=21 ");
  assert_int_equal(counts(test).nodes, 1);
  assert_int_equal(counts(test).failing, 0);
  assert_int_equal(counts(test).items, 2);
}

static void test_one_that_is_there_is_configured(void **state)
{
  struct test *test = *state;
  test->create_error = "conflict";
  begin(test, &one_lamp, 1);
  report(test, "lamp", 20);
  assert_string_equal(asked(test), "query create configure! configure? affiliations? affiliations! publish ");
}

/* Not a single item goes to a pubsub node that others may read. */
static void test_nothing_without_a_yes(void **state)
{
  struct test *test = *state;
  test->access = "open";
  begin(test, &one_lamp, 1);
  report(test, "lamp", 20);
  assert_int_equal(test->n_published, 0);
  assert_int_equal(counts(test).failing, 1);
  assert_string_equal(asked(test), "query create configure? ");
  test->access = "whitelist";
  turn(test, 5 * SECOND);
  assert_int_equal(test->n_published, 1);
  assert_string_equal(test->last, "temperature=20 ");
  assert_int_equal(counts(test).failing, 0);
}

static void test_it_is_tried_again_and_ever_less_often(void **state)
{
  struct test *test = *state;
  unsigned n = 0;
  test->create_error = "forbidden";
  begin(test, &one_lamp, 1);
  report(test, "lamp", 20);
  for (int minute = 0; minute < 60; minute++)
    for (int s = 0; s < 60; s++)
      turn(test, SECOND);
  for (const char *c = test->asked.data; (c = strstr(c, "create")); c++)
    n++;
  assert_in_range(n, 10, 20); /* after 2, 4, ... 512 s and then every ten minutes */
  assert_int_equal(counts(test).failing, 1);
  test->create_error = NULL;
  turn(test, 600 * SECOND);
  assert_int_equal(test->n_published, 1);
}

/* Somebody has deleted it: it is made again, and nothing is lost. */
static void test_an_item_that_is_refused_comes_again(void **state)
{
  struct test *test = *state;
  begin(test, &one_lamp, 1);
  report(test, "lamp", 20);
  asked(test);
  test->publish_error = "item-not-found";
  report(test, "lamp", 21);
  assert_string_equal(asked(test), "publish ");
  test->publish_error = NULL;
  turn(test, 5 * SECOND);
  assert_string_equal(asked(test), "create configure? affiliations? affiliations! publish ");
  assert_string_equal(test->last, "temperature=21 ");
}

static void test_the_newest_waits(void **state)
{
  struct test *test = *state;
  begin(test, &one_lamp, 1);
  report(test, "lamp", 20);
  test->is_silent = true;
  for (int i = 21; i < 25; i++)
    report(test, "lamp", i);
  assert_int_equal(test->n_published, 1);
  test->is_silent = false;
  turn(test, 0);
  assert_int_equal(test->n_published, 3); /* the one under way, then the newest */
  assert_string_equal(test->last, "temperature=24 ");
}

static void test_a_service_that_does_not_answer(void **state)
{
  struct test *test = *state;
  begin(test, &one_lamp, 1);
  report(test, "lamp", 20);
  test->is_silent = true;
  report(test, "lamp", 21);
  world_pass(test->w, 31 * SECOND);
  tt_router_turn(test->router, test->w->now.mono_us);
  assert_int_equal(counts(test).failing, 1);
  tt_buf_truncate(&test->out, 0);
  test->is_silent = false;
  turn(test, 5 * SECOND);
  assert_string_equal(test->last, "temperature=21 ");
  assert_int_equal(counts(test).failing, 0);
}

static void test_a_silent_device_is_told(void **state)
{
  struct test *test = *state;
  begin(test, &one_lamp, 1);
  assert_int_equal(test->w->n_asked, 1); /* nothing is known: it is read */
  world_done(test->w, 0, -ETIMEDOUT, NULL);
  turn(test, SECOND);
  assert_string_equal(test->last, "Timeout. ");
}

static void test_a_device_that_goes(void **state)
{
  struct test *test = *state;
  begin(test, &one_lamp, 1);
  report(test, "lamp", 20);
  asked(test);
  assert_int_equal(tt_tree_remove(tt_core_tree(test->w->core), test->w->now, world_node(test->w, "lamp")->id), 0);
  turn(test, SECOND);
  turn(test, 30 * SECOND);
  assert_string_equal(asked(test), "retract ");
  assert_int_equal(counts(test).nodes, 0);
}

static void test_the_end_of_the_stream(void **state)
{
  struct test *test = *state;
  begin(test, &one_lamp, 1);
  report(test, "lamp", 20);
  asked(test);
  test->is_silent = true;
  report(test, "lamp", 21);
  tt_session_set_online(test->session, false);
  tt_router_offline(test->router, test->session);
  tt_buf_truncate(&test->out, 0);
  assert_int_equal(counts(test).nodes, 0);
  turn(test, SECOND);
  test->is_silent = false;
  tt_session_set_online(test->session, true);
  tt_router_online(test->router, test->session);
  report(test, "lamp", 21);
  assert_string_equal(asked(test), "query create configure? affiliations? affiliations! publish ");
  assert_string_equal(test->last, "temperature=21 ");
}

static void test_another_configuration(void **state)
{
  struct test *test = *state;
  struct tt_publish same = one_lamp, other = one_lamp;
  begin(test, &one_lamp, 1);
  report(test, "lamp", 20);
  asked(test);
  assert_int_equal(tt_publisher_configure(test->publisher, &same, 1), 0);
  turn(test, SECOND);
  assert_string_equal(asked(test), ""); /* it goes on */
  other.access = TT_PUBLISH_PRESENCE;
  other.members.n = 0;
  test->access = "presence";
  assert_int_equal(tt_publisher_configure(test->publisher, &other, 1), 0);
  report(test, "lamp", 21);
  assert_string_equal(asked(test), "query create configure? affiliations? publish ");
  assert_int_equal(tt_publisher_configure(test->publisher, NULL, 0), 0);
  report(test, "lamp", 22);
  assert_string_equal(asked(test), "delete! ");
}

/* What somebody has taken out of the configuration is not left where others keep it. */
static void test_what_is_published_no_more_is_deleted(void **state)
{
  struct test *test = *state;
  strcpy(test->state_dir, "/tmp/tt-publish-XXXXXX");
  assert_non_null(mkdtemp(test->state_dir));
  begin(test, &one_lamp, 1);
  report(test, "lamp", 20);
  asked(test);
  begin_again(test, NULL, 0); /* while it did not run */
  assert_string_equal(asked(test), "delete! ");
  begin_again(test, &one_lamp, 1);
  report(test, "lamp", 20);
  asked(test);
  test->delete_error = "forbidden";
  assert_int_equal(tt_publisher_configure(test->publisher, NULL, 0), 0);
  turn(test, SECOND);
  turn(test, SECOND);
  assert_string_equal(asked(test), "delete! "); /* it is not asked again and again */
  test->delete_error = NULL;
  begin_again(test, NULL, 0);
  assert_string_equal(asked(test), "delete! ");
  begin_again(test, NULL, 0);
  assert_string_equal(asked(test), "");
}

/* One that another account has made, of the same name. */
static void test_what_others_have_published_stays(void **state)
{
  struct test *test = *state;
  strcpy(test->state_dir, "/tmp/tt-publish-XXXXXX");
  assert_non_null(mkdtemp(test->state_dir));
  begin(test, &one_lamp, 1);
  report(test, "lamp", 20);
  asked(test);
  assert_int_equal(tt_session_set_jid(test->session, "other@house.test/thingtree"), 0);
  begin_again(test, NULL, 0);
  assert_string_equal(asked(test), "");
}

static void add_many(struct test *test, size_t n)
{
  char key[32];
  struct tt_node *node;
  for (size_t i = 0; i < n; i++) {
    snprintf(key, sizeof(key), "d%zu", i);
    const struct tt_node_spec spec = {
        .kind = TT_NODE_DEVICE, .key = key, .place = "many", .points = world_points, .n_points = N_POINTS};
    assert_int_equal(tt_tree_add(tt_core_tree(test->w->core), test->w->now, &spec, &node), 0);
    world_report(test->w, key, TEMPERATURE, TT_VALUE_QUANTITY((double)i, 0));
  }
}

static void test_so_many_questions_at_a_time(void **state)
{
  struct test *test = *state;
  struct tt_publish all = one_lamp;
  all.nodes = (struct tt_texts)TEXTS(many);
  add_many(test, 3 * TT_PUBLISH_OPEN_MAX);
  begin(test, &all, 1);
  turn(test, SECOND);
  assert_int_equal(test->most_at_once, TT_PUBLISH_OPEN_MAX);
  assert_int_equal(test->n_published, 3 * TT_PUBLISH_OPEN_MAX);
}

static void test_so_many_items_of_one_node(void **state)
{
  struct test *test = *state;
  struct tt_publish all = one_lamp;
  all.nodes = (struct tt_texts)TEXTS(many);
  all.as = "shared";
  add_many(test, TT_PUBLISH_ITEMS_MAX + 1);
  begin(test, &all, 1);
  turn(test, SECOND);
  assert_int_equal(counts(test).nodes, 1);
  assert_int_equal(test->n_published, TT_PUBLISH_ITEMS_MAX);
}

/* One item or none: half of the values would look like all of them. */
static void test_what_does_not_fit(void **state)
{
  struct test *test = *state;
  struct tt_publish all = one_lamp;
  all.fields.n = 0;
  tt_router_configure(test->router, 4096 + 192 + 200, false);
  begin(test, &all, 1);
  report(test, "lamp", 20);
  assert_int_equal(test->n_published, 1);
  assert_string_equal(test->last, "temperature=20 ");
  world_report(test->w, "lamp", RELAY, TT_VALUE_BOOLEAN(true));
  world_report(test->w, "lamp", SETPOINT, TT_VALUE_QUANTITY(200, 0));
  world_report(test->w, "lamp", HUMIDITY, TT_VALUE_QUANTITY(40, 0));
  report(test, "lamp", 21);
  assert_int_equal(test->n_published, 1);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_made_confirmed_and_published),
      TEST(test_one_that_is_there_is_configured),
      TEST(test_nothing_without_a_yes),
      TEST(test_it_is_tried_again_and_ever_less_often),
      TEST(test_an_item_that_is_refused_comes_again),
      TEST(test_the_newest_waits),
      TEST(test_a_service_that_does_not_answer),
      TEST(test_a_silent_device_is_told),
      TEST(test_a_device_that_goes),
      TEST(test_the_end_of_the_stream),
      TEST(test_another_configuration),
      TEST(test_what_is_published_no_more_is_deleted),
      TEST(test_what_others_have_published_stays),
      TEST(test_so_many_questions_at_a_time),
      TEST(test_so_many_items_of_one_node),
      TEST(test_what_does_not_fit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
