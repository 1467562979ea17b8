/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_writer: what a field costs on its way into a stanza: from the cache of a node, through reading.c and writer.c,
 * split into stanzas of 64 KiB, with their heads, joined for one write; and beside it the same fields built with
 * libstrophe's stanzas and printed by it. Alternating, medians of ROUNDS rounds, processor time of this thread.
 */
#include <stdio.h>
#include <strophe.h>
#include <time.h>

#include "model/core.h"
#include "xmpp/reading.h"
#include "xmpp/router.h"

#define ROUNDS 9
#define SOURCE TT_SOURCE_DEFAULT

static const size_t sizes[] = {10, 1000, 10000};
static size_t bytes; /* that left in the last run */

static double now_us(void)
{
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double values[ROUNDS])
{
  qsort(values, ROUNDS, sizeof *values, by_value);
  return values[ROUNDS / 2];
}

/* ---- Ours -------------------------------------------------------------------------------------------------- */
static struct tt_field *fields;
static const struct tt_field **list;

static void make_fields(size_t n)
{
  fields = calloc(n, sizeof *fields);
  list = calloc(n, sizeof *list);
  for (size_t i = 0; i < n; i++) {
    char *name = malloc(24);
    snprintf(name, 24, "field_%zu", i);
    fields[i] = (struct tt_field){.name = name,
                                  .unit = "°C",
                                  .value = TT_VALUE_QUANTITY(20 + (double)i / 100, 2),
                                  .stamp_us = UINT64_C(1795373693000000),
                                  .categories = TT_CATEGORY_MOMENTARY,
                                  .qos = TT_QOS_AUTOMATIC_READOUT};
    list[i] = &fields[i];
  }
}

static int count(void *user, const char *text, size_t n)
{
  (void)user, (void)text;
  bytes += n;
  return 0;
}

struct task {
  const struct tt_dialect *dialect;
  size_t n;
  double us;
};

static const struct tt_node node = {.key = (char *)(uintptr_t) "meter", .source = SOURCE, .partition = ""};

/* A handler, for what reading.c answers is an iq. */
static void on_bench(struct tt_iq *iq, const void *data)
{
  struct task *task = *(struct task *const *)data;
  struct tt_reply *reply = tt_reply_create(iq);
  struct tt_reading reading;
  bytes = 0;
  double began = now_us();
  tt_reading_init(&reading, task->dialect, reply, "7", 1, tt_dialect_room(iq));
  tt_reading_accept(&reading, false);
  tt_reading_fields(&reading, &node, list, task->n);
  tt_reading_done(&reading);
  tt_reading_finish(&reading);
  tt_session_flush(iq->session, 0);
  task->us = now_us() - began;
  tt_reply_free(reply);
}

static struct task *present;
static const struct tt_iq_handler row = {
    .ns = "urn:bench", .name = "bench", .is_for_anyone = true, .fn = on_bench, .data = &present};

static double ours(struct tt_router *router, struct tt_session *session, size_t dialect, size_t n)
{
  static const char stanza[] = "<iq xmlns='jabber:client' type='get' id='1' from='alice@house.test/bench' "
                               "to='things.house.test'><bench xmlns='urn:bench'/></iq>";
  struct task task = {.dialect = &tt_dialects[dialect], .n = n};
  struct tt_xml_doc *doc = NULL;
  present = &task;
  if (tt_xml_parse(stanza, sizeof stanza - 1, &doc) < 0)
    abort();
  tt_router_stanza(router, session, tt_xml_doc_root(doc));
  tt_xml_doc_destroy(doc);
  return task.us;
}

/* ---- libstrophe's ------------------------------------------------------------------------------------------- */
static void set(xmpp_stanza_t *stanza, const char *name, const char *value)
{
  xmpp_stanza_set_attribute(stanza, name, value);
}

static xmpp_stanza_t *element(xmpp_ctx_t *ctx, xmpp_stanza_t *parent, const char *name)
{
  xmpp_stanza_t *stanza = xmpp_stanza_new(ctx);
  xmpp_stanza_set_name(stanza, name);
  if (parent) {
    xmpp_stanza_add_child(parent, stanza);
    xmpp_stanza_release(stanza);
  }
  return stanza;
}

static double theirs(xmpp_ctx_t *ctx, size_t n)
{
  char value[32], *text;
  size_t length;
  double began = now_us();
  xmpp_stanza_t *message = element(ctx, NULL, "message");
  set(message, "to", "alice@house.test/bench");
  xmpp_stanza_t *all = element(ctx, message, "fields");
  xmpp_stanza_set_ns(all, "urn:xmpp:iot:sensordata");
  set(all, "seqnr", "7");
  xmpp_stanza_t *one = element(ctx, all, "node");
  set(one, "nodeId", "meter");
  set(one, "sourceId", SOURCE);
  xmpp_stanza_t *stamp = element(ctx, one, "timestamp");
  set(stamp, "value", "2026-11-22T18:54:53.000Z");
  for (size_t i = 0; i < n; i++) {
    xmpp_stanza_t *field = element(ctx, stamp, "numeric");
    set(field, "name", fields[i].name);
    set(field, "momentary", "true");
    set(field, "automaticReadout", "true");
    snprintf(value, sizeof value, "%.2f", fields[i].value.quantity.number);
    set(field, "value", value);
    set(field, "unit", "°C");
  }
  if (xmpp_stanza_to_text(message, &text, &length) != XMPP_EOK)
    abort();
  xmpp_free(ctx, text);
  xmpp_stanza_release(message);
  return now_us() - began;
}

int main(void)
{
  struct tt_core *core = tt_core_create();
  struct tt_router *router = NULL;
  static const struct tt_session_ops ops = {.write = count};
  struct tt_session *session = tt_session_create(TT_SESSION_COMPONENT, "things.house.test", &ops, NULL);
  xmpp_ctx_t *ctx = xmpp_ctx_new(NULL, NULL);
  const struct tt_router_config config = {.core = core, .dialects = 7, .stanza_max = 65536};
  if (tt_router_create(&config, &router) < 0 || tt_router_add(router, &row, 1) < 0)
    abort();
  make_fields(sizes[TT_COUNT(sizes) - 1]);
  tt_session_set_online(session, true);

  uint64_t turn_us = 0;
  printf("ns per field, X and N: cache to stanzas of at most 64 KiB; libstrophe: one stanza built and printed\n");
  printf("%8s %8s %8s %12s %8s %14s\n", "fields", "X", "N", "libstrophe", "ratio", "bytes of X");
  for (size_t i = 0; i < TT_COUNT(sizes); i++) {
    double x[ROUNDS], n[ROUNDS], other[ROUNDS];
    size_t of_x = 0;
    for (size_t k = 0; k < ROUNDS; k++) {
      size_t times = 10000 / sizes[i]; /* the same number of fields in each figure */
      double us[3] = {0, 0, 0};
      for (size_t j = 0; j < times; j++) {
        turn_us += TT_USEC_PER_SEC; /* no limit of rate matters here */
        tt_core_turn(core, (struct tt_now){turn_us, 0});
        us[0] += ours(router, session, 0, sizes[i]);
        of_x = bytes;
        us[1] += ours(router, session, 1, sizes[i]);
        us[2] += theirs(ctx, sizes[i]);
      }
      double all = (double)(times * sizes[i]);
      x[k] = us[0] * 1e3 / all;
      n[k] = us[1] * 1e3 / all;
      other[k] = us[2] * 1e3 / all;
    }
    double a = median(x), c = median(other);
    printf("%8zu %8.0f %8.0f %12.0f %7.1fx %14zu\n", sizes[i], a, median(n), c, c / a, of_x);
  }
  xmpp_ctx_free(ctx);
  tt_router_destroy(router);
  tt_session_destroy(session);
  tt_core_destroy(core);
  for (size_t i = 0; i < sizes[TT_COUNT(sizes) - 1]; i++)
    free((char *)(uintptr_t)fields[i].name);
  free(fields);
  free(list);
  return 0;
}
