/* SPDX-License-Identifier: Apache-2.0
 * found.c: discovery, self-description and probing, on their way from a bridge to whoever listens. */
#include "bridge/host.h"

#include "service/loop.h"

#include <stdio.h>
#include <systemd/sd-event.h>

#include "cmocka_all.h"

#define MS TT_USEC_PER_MSEC

static struct {
  struct tt_bridge *bridge;
  struct tt_device *device;
  tt_id request;
  unsigned asked;
  bool answers_within;
} probe;

static int probe_start(struct tt_bridge *bridge)
{
  (void)bridge;
  return 0;
}
static void probe_stop(struct tt_bridge *bridge)
{
  tt_stopped(bridge);
}
static int probe_attach(struct tt_bridge *bridge, struct tt_device *device)
{
  (void)bridge;
  probe.device = device;
  return 0;
}
static void probe_detach(struct tt_bridge *bridge, struct tt_device *device)
{
  (void)bridge;
  tt_detached(device);
}
static void probe_discover(struct tt_bridge *bridge, tt_id request, uint64_t deadline_us)
{
  (void)deadline_us;
  probe.bridge = bridge;
  probe.request = request;
  probe.asked++;
  if (probe.answers_within)
    tt_done(bridge, request, 0, NULL);
}
static void probe_scan(struct tt_bridge *bridge, tt_id request, struct tt_device *device, const char *what,
                       uint64_t deadline_us)
{
  (void)deadline_us;
  probe.bridge = bridge;
  probe.request = request;
  tt_probe(device, TT_NO_POINT, "looking at %s", what);
}

#define OPS                                                                                                        \
  .abi = TT_BRIDGE_ABI, .name = "probe", .summary = "for tests", .start = probe_start, .stop = probe_stop,         \
  .attach = probe_attach, .detach = probe_detach
static const struct tt_bridge_ops seeing = {OPS, .discover = probe_discover, .scan = probe_scan}, blind = {OPS};

struct world {
  struct sd_event *event;
  struct tt_core *core;
  struct tt_config config;
  struct tt_connection_config connections[2];
  struct tt_device_entry devices[1];
  struct tt_host *host;
  bool is_stopped;
  /* heard */
  unsigned candidates, done;
  int error;
  char text[256], id[600], fact[600];
  size_t n_facts;
  char key[64], json[64];
  int described;
  char probed[128];
};

static bool turn(struct world *w, uint64_t wait_us)
{
  int r = sd_event_prepare(w->event);
  if (r == 0)
    r = sd_event_wait(w->event, wait_us);
  tt_core_turn(w->core, tt_loop_clock());
  if (r > 0)
    assert_true(sd_event_dispatch(w->event) >= 0);
  return r > 0;
}

static void settle(struct world *w)
{
  while (turn(w, 0))
    ;
}

static int on_described(void *user, const char *key, const char *json, size_t size)
{
  struct world *w = user;
  snprintf(w->key, sizeof w->key, "%s", key);
  snprintf(w->json, sizeof w->json, "%.*s", (int)size, json);
  return w->described;
}

static void on_probe(void *user, const char *key, uint16_t point, const char *text)
{
  struct world *w = user;
  snprintf(w->probed, sizeof w->probed, "%s/%d: %s", key, (int)point, text);
}

static void open_world(struct world *w, bool is_listening)
{
  memset(&probe, 0, sizeof probe);
  *w = (struct world){0};
  w->connections[0] = (struct tt_connection_config){.name = "eyes", .ops = &seeing, .timeout_us = 1000 * MS};
  w->connections[1] = (struct tt_connection_config){.name = "blind", .ops = &blind, .timeout_us = 1000 * MS};
  w->devices[0] =
      (struct tt_device_entry){.config = {.key = "thing"}, .place = "", .type = "thingtree.device.probe"};
  w->config = (struct tt_config){
      .connections = w->connections, .n_connections = 2, .devices = w->devices, .n_devices = 1, .is_usable = true};
  assert_true(sd_event_new(&w->event) >= 0);
  w->core = tt_core_create();
  tt_core_turn(w->core, tt_loop_clock());
  assert_int_equal(tt_host_create(w->event, w->core, &w->config, &w->host), 0);
  if (is_listening)
    tt_host_listen(w->host, &(struct tt_found_hooks){.user = w, .described = on_described, .probe = on_probe});
  tt_host_start(w->host);
  settle(w);
}

static void on_stopped(void *user)
{
  ((struct world *)user)->is_stopped = true;
}

static void close_world(struct world *w)
{
  tt_host_stop(w->host, on_stopped, w);
  settle(w);
  assert_true(w->is_stopped);
  tt_host_destroy(w->host);
  tt_core_destroy(w->core);
  sd_event_unref(w->event);
}

static void on_candidate(void *user, const struct tt_candidate *c)
{
  struct world *w = user;
  w->candidates++;
  snprintf(w->id, sizeof w->id, "%s", c->id);
  w->n_facts = c->n_facts;
  if (c->n_facts > 0)
    snprintf(w->fact, sizeof w->fact, "%s", c->facts[0].value);
}

static void on_done(void *user, int error, const char *text)
{
  struct world *w = user;
  w->done++;
  w->error = error;
  snprintf(w->text, sizeof w->text, "%s", text ? text : "");
}

static int discover(struct world *w, const char *connection, uint64_t in_us)
{
  const struct tt_discovery_fns fns = {.user = w, .candidate = on_candidate, .done = on_done};
  return tt_host_discover(w->host, connection, tt_loop_clock().mono_us + in_us, &fns);
}

static void test_candidates_then_done(void **state)
{
  struct world w;
  const struct tt_fact fact = {"model", "M"};
  const struct tt_candidate candidate = {.id = "a", .facts = &fact, .n_facts = 1};
  (void)state;
  open_world(&w, false);
  assert_int_equal(discover(&w, "nobody", 1000 * MS), -ENOENT);
  assert_int_equal(discover(&w, "blind", 1000 * MS), -EOPNOTSUPP);
  assert_int_equal(discover(&w, "eyes", 1000 * MS), 0);
  assert_int_equal(discover(&w, "eyes", 1000 * MS), -EBUSY);
  assert_int_equal(probe.asked, 1);
  tt_candidate(probe.bridge, probe.request, &candidate);
  tt_candidate(probe.bridge, probe.request + 1, &candidate); /* of another */
  tt_candidate(probe.bridge, probe.request, &(struct tt_candidate){.name = "without an id"});
  assert_int_equal(w.candidates, 1);
  assert_string_equal(w.fact, "M");
  tt_done(probe.bridge, probe.request, 0, NULL);
  assert_int_equal(w.done, 1);
  tt_candidate(probe.bridge, probe.request, &candidate); /* too late */
  tt_done(probe.bridge, probe.request, 0, NULL);
  assert_int_equal(w.candidates + w.done, 2);
  assert_int_equal(tt_host_connection(w.host, 0).late, 1);
  assert_int_equal(discover(&w, "eyes", 1000 * MS), 0); /* and again */
  tt_done(probe.bridge, probe.request, -EIO, "no answer on %s", "eth0");
  assert_int_equal(w.error, -EIO);
  assert_string_equal(w.text, "no answer on eth0");
  close_world(&w);
}

/* Texts are cut between characters and cleaned; facts and candidates are bounded. */
static void test_limits(void **state)
{
  struct world w;
  static char text[2000];
  struct tt_fact facts[TT_CANDIDATE_FACTS_MAX + 5];
  (void)state;
  open_world(&w, false);
  assert_int_equal(discover(&w, "eyes", 1000 * MS), 0);
  memset(text, 'x', sizeof text - 1);
  memcpy(text + TT_CANDIDATE_TEXT_MAX - 1, "\xc3\xa5", 2); /* would be cut in two */
  for (size_t i = 0; i < TT_COUNT(facts); i++)
    facts[i] = (struct tt_fact){"f", i == 0 ? "a\xff\x01z" : text};
  tt_candidate(probe.bridge, probe.request,
               &(struct tt_candidate){.id = text, .facts = facts, .n_facts = TT_COUNT(facts)});
  assert_true(strlen(w.id) <= TT_CANDIDATE_TEXT_MAX && tt_utf8_is_valid(w.id, strlen(w.id)));
  assert_int_equal(w.n_facts, TT_CANDIDATE_FACTS_MAX);
  assert_true(tt_utf8_is_valid(w.fact, strlen(w.fact)));
  assert_null(strchr(w.fact, 1));
  for (size_t i = 0; i < TT_CANDIDATES_MAX + 10; i++)
    tt_candidate(probe.bridge, probe.request, &(struct tt_candidate){.id = "x"});
  assert_int_equal(w.candidates, TT_CANDIDATES_MAX);
  assert_int_equal(tt_host_connection(w.host, 0).dropped, 11);
  tt_done(probe.bridge, probe.request, 0, NULL);
  close_world(&w);
}

static void test_a_bridge_that_does_not_end(void **state)
{
  struct world w;
  (void)state;
  open_world(&w, false);
  uint64_t begun_us = tt_loop_clock().mono_us;
  assert_int_equal(discover(&w, "eyes", 20 * MS), 0);
  while (!w.done)
    turn(&w, 2000 * MS);
  assert_int_equal(w.error, -ETIMEDOUT);
  assert_true(tt_loop_clock().mono_us - begun_us >= 20 * MS + TT_HOST_GRACE_US);
  /* one that ends from within: a breach, told later */
  probe.answers_within = true;
  assert_int_equal(discover(&w, "eyes", 1000 * MS), 0);
  assert_int_equal(w.done, 1);
  settle(&w);
  assert_int_equal(w.done, 2);
  assert_int_equal(w.error, 0);
  assert_int_equal(tt_host_connection(w.host, 0).breaches, 1);
  /* and one that is asked when the connection ends */
  probe.answers_within = false;
  assert_int_equal(discover(&w, "eyes", 1000 * MS), 0);
  close_world(&w);
  assert_int_equal(w.done, 3);
  assert_int_equal(w.error, -ECANCELED);
}

static void test_descriptions(void **state)
{
  struct world w;
  static char large[TT_DESCRIPTION_MAX + 1];
  (void)state;
  open_world(&w, true);
  assert_int_equal(tt_describe(probe.device, "{\"points\": {}} and more", 14), 0);
  assert_string_equal(w.key, "thing");
  assert_string_equal(w.json, "{\"points\": {}}");
  w.described = -ENOSPC;
  assert_int_equal(tt_describe(probe.device, "{}", 2), -ENOSPC);
  assert_int_equal(tt_describe(probe.device, large, sizeof large), -EMSGSIZE);
  close_world(&w);
  open_world(&w, false); /* nobody listens */
  assert_int_equal(tt_describe(probe.device, "{}", 2), 0);
  assert_false(tt_is_probing(probe.device));
  tt_probe(probe.device, 0, "nobody hears this");
  close_world(&w);
}

static void test_probing(void **state)
{
  struct world w;
  (void)state;
  open_world(&w, true);
  assert_true(tt_is_probing(probe.device));
  tt_probe(probe.device, 3, "raw %02x", 0x2a);
  assert_string_equal(w.probed, "thing/3: raw 2a");
  tt_probe(probe.device, TT_NO_POINT, "of the device");
  assert_string_equal(w.probed, "thing/65535: of the device");
  close_world(&w);
}

static void test_scans(void **state)
{
  struct world w;
  (void)state;
  open_world(&w, true);
  uint64_t deadline_us = tt_loop_clock().mono_us + 1000 * MS;
  assert_int_equal(tt_host_scan(w.host, "nothing", "all", deadline_us, on_done, &w), -ENODEV);
  assert_int_equal(tt_host_scan(w.host, "thing", "all", deadline_us, on_done, &w), 0);
  assert_string_equal(w.probed, "thing/65535: looking at all");
  assert_int_equal(tt_host_scan(w.host, "thing", "all", deadline_us, on_done, &w), -EBUSY);
  assert_int_equal(discover(&w, "eyes", 1000 * MS), -EBUSY);
  tt_candidate(probe.bridge, probe.request, &(struct tt_candidate){.id = "a"}); /* nobody has asked for it */
  tt_done(probe.bridge, probe.request, -EIO, "it broke");
  assert_int_equal(w.done, 1);
  assert_int_equal(w.error, -EIO);
  assert_int_equal(w.candidates, 0);
  tt_host_detach(w.host, "thing");
  assert_int_equal(tt_host_scan(w.host, "thing", "all", deadline_us, on_done, &w), -ENODEV);
  close_world(&w);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_candidates_then_done),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_a_bridge_that_does_not_end),
      cmocka_unit_test(test_descriptions),
      cmocka_unit_test(test_probing),
      cmocka_unit_test(test_scans),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
