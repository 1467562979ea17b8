/* SPDX-License-Identifier: Apache-2.0
 * bus.c, work.c and wire.c before a simulated meter that misbehaves, over TCP and over a pseudo terminal. */
#define _GNU_SOURCE
#include "bus.h"
#include "cmocka_all.h"
#include "modbus_peer.h"

#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define POINTS_MAX 600
#define PATIENCE_S 20

/* What the worker told, kept for the test's thread. */
struct told {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  bool has[POINTS_MAX];
  struct tt_value value[POINTS_MAX]; /* texts are taken over */
  char error[POINTS_MAX][400];
  unsigned n_values, n_errors, n_done, n_silent, n_link_up, n_link_down, n_detached, n_stopped;
  tt_id done[64];
  int done_error[64];
  char done_text[64][400], link_text[400];
};

struct world {
  struct peer peer;
  struct told told;
  struct mb_connection_options options;
  struct mb_device_options device_options;
  struct mb_read_options read[POINTS_MAX];
  struct mb_write_options write[POINTS_MAX];
  struct tt_write writes[POINTS_MAX];
  struct tt_point points[POINTS_MAX];
  struct tt_device_config config;
  struct mb_bus_device *device;
  struct mb_bus *bus;
  char link[64], host[16];
  uint16_t all[POINTS_MAX];
};

static uint64_t now_us(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * TT_USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}

static void on_event(void *user, const struct mb_event *event)
{
  struct told *told = user;
  pthread_mutex_lock(&told->mutex);
  switch (event->kind) {
  case MB_EVENT_LINK:
    if (event->error == 0) {
      told->n_link_up++;
    } else {
      told->n_link_down++;
      snprintf(told->link_text, sizeof told->link_text, "%s", event->text);
    }
    break;
  case MB_EVENT_VALUE:
    told->n_values++;
    told->has[event->point] = true;
    tt_value_finish(&told->value[event->point]);
    tt_value_copy(event->value, &told->value[event->point]);
    break;
  case MB_EVENT_ERROR:
    told->n_errors++;
    snprintf(told->error[event->point], sizeof told->error[0], "%s", event->text);
    break;
  case MB_EVENT_SILENT:
    told->n_silent++;
    break;
  case MB_EVENT_DONE:
    told->done[told->n_done % 64] = event->request;
    told->done_error[told->n_done % 64] = event->error;
    snprintf(told->done_text[told->n_done % 64], sizeof told->done_text[0], "%s", event->text ? event->text : "");
    told->n_done++;
    break;
  case MB_EVENT_PROBE:
  case MB_EVENT_DESCRIBED:
  case MB_EVENT_FOUND:
  case MB_EVENT_ASKED:
    break;
  case MB_EVENT_DETACHED:
    told->n_detached++;
    break;
  case MB_EVENT_STOPPED:
    told->n_stopped++;
    break;
  }
  pthread_cond_broadcast(&told->changed);
  pthread_mutex_unlock(&told->mutex);
}

/* Wait until a counter has reached a number. */
static void wait_for(struct world *world, const unsigned *counter, unsigned least)
{
  struct told *told = &world->told;
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += PATIENCE_S;
  pthread_mutex_lock(&told->mutex);
  while (*counter < least)
    if (pthread_cond_timedwait(&told->changed, &told->mutex, &until) != 0)
      fail_msg("waited in vain: %u of %u", *counter, least);
  pthread_mutex_unlock(&told->mutex);
}

static void setup(struct world *world, enum mb_transport transport, const char *arguments)
{
  memset(world, 0, sizeof *world);
  pthread_mutex_init(&world->told.mutex, NULL);
  pthread_cond_init(&world->told.changed, NULL);
  snprintf(world->link, sizeof world->link, "/tmp/test_bus.%d", (int)getpid());
  peer_start(&world->peer, transport == MB_RTU ? world->link : NULL, arguments);
  memcpy(world->host, world->peer.host,
         sizeof world->host); /* the meter may be started again while the bus lives */
  world->options = (struct mb_connection_options){.transport = transport,
                                                  .host = world->host,
                                                  .port = world->peer.port,
                                                  .device = world->link,
                                                  .baud = 115200,
                                                  .parity = 'N',
                                                  .data_bits = 8,
                                                  .stop_bits = 1,
                                                  .timeout_us = 200000,
                                                  .drain_us = 100000};
  world->device_options = (struct mb_device_options){{1, 0}, {125, 4}};
  world->config =
      (struct tt_device_config){.key = "meter", .options = &world->device_options, .points = world->points};
  for (uint16_t i = 0; i < POINTS_MAX; i++)
    world->all[i] = i;
}

static void add_point(struct world *world, enum mb_table table, int64_t address, enum mb_type type)
{
  size_t i = world->config.n_points++;
  world->read[i] = (struct mb_read_options){
      .input = -1, .holding = -1, .coil = -1, .discrete = -1, .bit = -1, .width = 1, .scale_register = -1};
  *(table == MB_INPUT     ? &world->read[i].input
    : table == MB_HOLDING ? &world->read[i].holding
    : table == MB_COIL    ? &world->read[i].coil
                          : &world->read[i].discrete) = address;
  world->write[i] = (struct mb_write_options){-1, -1, 0};
  world->writes[i] = (struct tt_write){.address = &world->write[i]};
  world->points[i] = (struct tt_point){.name = "p",
                                       .type = type == MB_BIT ? TT_TYPE_BOOLEAN : TT_TYPE_INT64,
                                       .wire_type = type,
                                       .address = &world->read[i],
                                       .write = table == MB_HOLDING || table == MB_COIL ? &world->writes[i] : NULL};
}

static void begin(struct world *world)
{
  assert_int_equal(mb_bus_device_create(&world->config, world, &world->device), 0);
  assert_int_equal(mb_bus_create(&world->options, on_event, &world->told, &world->bus), 0);
}

static void teardown(struct world *world)
{
  mb_bus_stop(world->bus);
  wait_for(world, &world->told.n_stopped, 1);
  mb_bus_destroy(world->bus);
  mb_bus_device_destroy(world->device);
  peer_stop(&world->peer);
  unlink(world->link);
  for (size_t i = 0; i < POINTS_MAX; i++)
    tt_value_finish(&world->told.value[i]);
}

/* One request and its end; the error it ended with. */
static int read_now(struct world *world)
{
  unsigned before = world->told.n_done;
  memset(world->told.has, 0, sizeof world->told.has);
  memset(world->told.error, 0, sizeof world->told.error);
  assert_int_equal(mb_bus_read(world->bus, before + 1, world->device, world->all, world->config.n_points,
                               now_us() + 10 * TT_USEC_PER_SEC),
                   0);
  wait_for(world, &world->told.n_done, before + 1);
  assert_int_equal(world->told.done[before % 64], before + 1);
  return world->told.done_error[before % 64];
}

static int write_now(struct world *world, uint16_t point, struct tt_value value)
{
  unsigned before = world->told.n_done;
  assert_int_equal(
      mb_bus_write(world->bus, before + 1, world->device, point, &value, now_us() + 10 * TT_USEC_PER_SEC), 0);
  wait_for(world, &world->told.n_done, before + 1);
  return world->told.done_error[before % 64];
}

static const char *done_text(const struct world *world)
{
  return world->told.done_text[(world->told.n_done - 1) % 64];
}

static struct world world;

static void reads_and_writes(enum mb_transport transport)
{
  setup(&world, transport, "--log");
  add_point(&world, MB_INPUT, 0, MB_FLOAT32);     /* 0: voltage */
  add_point(&world, MB_HOLDING, 2, MB_FLOAT32);   /* 1: demand period */
  add_point(&world, MB_HOLDING, 0x100, MB_INT16); /* 2 */
  add_point(&world, MB_COIL, 7, MB_BIT);          /* 3 */
  add_point(&world, MB_DISCRETE, 5, MB_BIT);      /* 4 */
  add_point(&world, MB_COIL, 8, MB_BIT);          /* 5 */
  world.write[5].function = 15;
  add_point(&world, MB_HOLDING, 0x101, MB_INT16); /* 6 */
  world.write[6].function = 16;
  begin(&world);
  assert_int_equal(read_now(&world), 0);
  assert_int_equal(world.told.n_errors, 0);
  assert_int_equal(world.told.n_values, 7);
  assert_true(fabs(world.told.value[0].quantity.number - 230) < 5);
  assert_true(world.told.value[1].quantity.number == 60);
  assert_false(world.told.value[3].boolean);
  assert_int_equal(write_now(&world, 1, TT_VALUE_QUANTITY(15, 0)), 0);
  assert_int_equal(write_now(&world, 2, TT_VALUE_INT64(-5)), 0);
  assert_int_equal(write_now(&world, 3, TT_VALUE_BOOLEAN(true)), 0);
  assert_int_equal(write_now(&world, 5, TT_VALUE_BOOLEAN(true)), 0);
  assert_int_equal(write_now(&world, 6, TT_VALUE_INT64(6)), 0);
  peer_expect(&world.peer, "write unit 1 function 16 address 0x0002 data 41 70 00 00");
  peer_expect(&world.peer, "write unit 1 function 6 address 0x0100 data ff fb");
  peer_expect(&world.peer, "write unit 1 function 5 address 0x0007 data ff 00");
  peer_expect(&world.peer, "write unit 1 function 15 address 0x0008 data 01");
  peer_expect(&world.peer, "write unit 1 function 16 address 0x0101 data 00 06");
  assert_int_equal(read_now(&world), 0);
  assert_true(world.told.value[1].quantity.number == 15);
  assert_int_equal(world.told.value[2].int64, -5);
  assert_true(world.told.value[3].boolean && world.told.value[5].boolean);
  assert_int_equal(world.told.value[6].int64, 6);
  /* What does not fit never reaches the wire. */
  assert_int_equal(write_now(&world, 2, TT_VALUE_INT64(40000)), -ERANGE);
  assert_int_equal(write_now(&world, 0, TT_VALUE_INT64(1)), -EOPNOTSUPP);
  assert_int_equal(world.told.n_link_up, 1);
  assert_int_equal(world.told.n_link_down, 0);
  teardown(&world);
}

static void reads_and_writes_over_tcp(void **state)
{
  (void)state;
  reads_and_writes(MB_TCP);
}

static void reads_and_writes_over_rtu(void **state)
{
  (void)state;
  reads_and_writes(MB_RTU);
}

static void neighbours_travel_together(void **state)
{
  (void)state;
  struct peer_counts counts;
  setup(&world, MB_TCP, "");
  for (int i = 0; i < 100; i++)
    add_point(&world, MB_INPUT, 2 * i, MB_FLOAT32);
  begin(&world);
  assert_int_equal(read_now(&world), 0);
  assert_int_equal(world.told.n_values, 100);
  peer_counts(&world.peer, &counts);
  assert_int_equal(counts.requests, 2); /* 125 registers at most: 62 floats, 38 floats */
  teardown(&world);
}

/* The third of five points does not exist: it alone is an error, and the next time nothing is asked in vain but it. */
static void a_refused_join_is_split_and_remembered(void **state)
{
  (void)state;
  struct peer_counts counts, later;
  setup(&world, MB_TCP, "");
  for (int i = 0; i < 5; i++)
    add_point(&world, MB_INPUT, 2 * i, MB_FLOAT32);
  peer_tell(&world.peer, "hole 4 5");
  begin(&world);
  assert_int_equal(read_now(&world), 0);
  for (int i = 0; i < 5; i++)
    assert_true(world.told.has[i] == (i != 2));
  assert_string_equal(world.told.error[2], "illegal data address (exception 2) from unit 1, input registers "
                                           "0x0004..0x0005 (4..5), table numbers 30005..30006");
  peer_counts(&world.peer, &counts);
  assert_int_equal(read_now(&world), 0);
  assert_int_equal(world.told.n_errors, 2);
  peer_counts(&world.peer, &later);
  assert_true(later.requests - counts.requests < counts.requests);
  assert_true(later.requests - counts.requests <= 4);
  teardown(&world);
}

static void a_device_that_gives_only_few_registers(void **state)
{
  (void)state;
  struct peer_counts counts, later;
  setup(&world, MB_TCP, "--limit 10");
  for (int i = 0; i < 20; i++)
    add_point(&world, MB_INPUT, 2 * i, MB_FLOAT32);
  begin(&world);
  assert_int_equal(read_now(&world), 0);
  assert_int_equal(world.told.n_values, 20);
  assert_int_equal(world.told.n_errors, 0);
  peer_counts(&world.peer, &counts);
  assert_int_equal(read_now(&world), 0);
  assert_int_equal(world.told.n_values, 40);
  peer_counts(&world.peer, &later);
  assert_int_equal(later.requests - counts.requests, 4); /* none of them refused */
  teardown(&world);
}

/* Some devices do not answer where others refuse. The unit lives, so it is the join: it is split. */
static void an_unanswered_join_is_split(void **state)
{
  (void)state;
  setup(&world, MB_TCP, "");
  add_point(&world, MB_INPUT, 0, MB_FLOAT32);
  add_point(&world, MB_INPUT, 2, MB_FLOAT32);
  add_point(&world, MB_INPUT, 8, MB_FLOAT32);
  world.options.timeout_us = 30000;
  world.options.drain_us = 10000;
  peer_tell(&world.peer, "silent-hole 4 7");
  begin(&world);
  int rounds = 0;
  while (read_now(&world) != 0)
    assert_true(++rounds < 100000); /* refused at once while the unit is left alone: this turns fast */
  for (int i = 0; i < 3; i++)
    assert_true(world.told.has[i]);
  assert_int_equal(read_now(&world), 0);
  teardown(&world);
}

static void every_exception_is_named(void **state)
{
  (void)state;
  char line[64], expected[200];
  static const char *const words[] = {"illegal function", "illegal data address", "illegal data value",
                                      "device failure"};
  setup(&world, MB_TCP, "");
  add_point(&world, MB_HOLDING, 2, MB_FLOAT32);
  begin(&world);
  for (int code = 1; code <= 4; code++) {
    snprintf(line, sizeof line, "exception 1 %d", code);
    peer_tell(&world.peer, line);
    assert_int_equal(read_now(&world), 0);
    snprintf(expected, sizeof expected,
             "%s (exception %d) from unit 1, holding registers 0x0002..0x0003 (2..3), table numbers 40003..40004",
             words[code - 1], code);
    assert_string_equal(world.told.error[0], expected);
    assert_true(write_now(&world, 0, TT_VALUE_QUANTITY(1, 0)) < 0);
    assert_string_equal(done_text(&world), expected);
  }
  peer_tell(&world.peer, "exception 1 11");
  assert_int_equal(read_now(&world), -ETIMEDOUT);
  peer_tell(&world.peer, "exception 1 0");
  assert_int_equal(read_now(&world), 0);
  teardown(&world);
}

/* A late answer over RTU looks like the answer to whatever was asked next. */
static void a_late_answer_is_given_to_nobody(enum mb_transport transport, unsigned drain_ms)
{
  setup(&world, transport, "--identify");
  for (int i = 0; i < 4; i++)
    add_point(&world, MB_INPUT, 10 * i, MB_UINT16);
  world.options.timeout_us = 40000;
  world.options.drain_us = drain_ms * 1000;
  begin(&world);
  assert_int_equal(read_now(&world), 0);
  int64_t right[4];
  for (int i = 0; i < 4; i++)
    right[i] = world.told.value[i].int64;
  peer_tell(&world.peer, "delay 1 70");
  assert_int_equal(read_now(&world), -ETIMEDOUT);
  peer_tell(&world.peer, "delay 1 0");
  for (int round = 0; round < 5; round++) {
    read_now(&world);
    for (int i = 0; i < 4; i++)
      if (world.told.has[i])
        assert_int_equal(world.told.value[i].int64, right[i]);
  }
  assert_int_equal(read_now(&world), 0);
  teardown(&world);
}

static void late_over_tcp(void **state)
{
  (void)state;
  a_late_answer_is_given_to_nobody(MB_TCP, 60);
}

static void late_over_rtu(void **state)
{
  (void)state;
  a_late_answer_is_given_to_nobody(MB_RTU, 60);
}

/* Later than we listened: the next answer of this unit is doubted until no other follows it. */
static void later_than_the_drain_over_rtu(void **state)
{
  (void)state;
  a_late_answer_is_given_to_nobody(MB_RTU, 25);
}

static void later_than_the_drain_over_tcp(void **state)
{
  (void)state;
  a_late_answer_is_given_to_nobody(MB_TCP, 1);
}

static void garbage_is_asked_again_once(enum mb_transport transport)
{
  struct peer_counts counts;
  setup(&world, transport, "--identify");
  add_point(&world, MB_HOLDING, 3, MB_UINT16);
  world.options.timeout_us = 50000;
  world.options.drain_us = 20000;
  begin(&world);
  assert_int_equal(read_now(&world), 0);
  int64_t right = world.told.value[0].int64;
  peer_tell(&world.peer, "garble 100");
  read_now(&world);
  assert_false(world.told.has[0]);
  peer_counts(&world.peer, &counts);
  assert_int_equal(counts.requests, 3); /* the first, and two that were spoilt */
  /* A write is never repeated: whether it was done is not known. */
  assert_true(write_now(&world, 0, TT_VALUE_INT64(1)) < 0);
  assert_non_null(strstr(done_text(&world), "not known whether it was written"));
  peer_counts(&world.peer, &counts);
  assert_int_equal(counts.writes, 1);
  peer_tell(&world.peer, "garble 0");
  while (read_now(&world) != 0)
    continue;
  assert_true(world.told.has[0]);
  assert_int_equal(world.told.value[0].int64, right);
  teardown(&world);
}

static void garbage_over_tcp(void **state)
{
  (void)state;
  garbage_is_asked_again_once(MB_TCP);
}

static void garbage_over_rtu(void **state)
{
  (void)state;
  garbage_is_asked_again_once(MB_RTU);
}

static void the_wrong_unit(void **state)
{
  (void)state;
  for (int transport = MB_TCP; transport <= MB_RTU; transport++) {
    setup(&world, (enum mb_transport)transport, "--unit 1 --unit 2");
    add_point(&world, MB_HOLDING, 3, MB_UINT16);
    world.options.timeout_us = 50000;
    world.options.drain_us = 20000;
    peer_tell(&world.peer, "unit 1 2");
    begin(&world);
    assert_int_equal(read_now(&world), 0);
    assert_false(world.told.has[0]);
    assert_non_null(strstr(world.told.error[0], "it is from another unit"));
    teardown(&world);
  }
}

/* Two units on one line, one of them dead: it costs the other one time-out now and then, not every time. */
static void a_dead_unit_does_not_starve_its_bus(void **state)
{
  (void)state;
  struct mb_device_options other = {{2, 0}, {125, 0}};
  struct mb_bus_device *device;
  setup(&world, MB_RTU, "--unit 1 --unit 2");
  add_point(&world, MB_HOLDING, 3, MB_UINT16);
  world.options.timeout_us = 50000;
  world.options.drain_us = 10000;
  peer_tell(&world.peer, "dead 2");
  begin(&world);
  struct tt_device_config config = world.config;
  config.options = &other;
  assert_int_equal(mb_bus_device_create(&config, &world, &device), 0);
  uint64_t start = now_us();
  for (unsigned i = 0; i < 100; i++) {
    uint64_t deadline = now_us() + 5 * TT_USEC_PER_SEC;
    assert_int_equal(mb_bus_read(world.bus, 1000 + i, device, world.all, 1, deadline), 0);
    assert_int_equal(mb_bus_read(world.bus, i, world.device, world.all, 1, deadline), 0);
    wait_for(&world, &world.told.n_done, 2 * i + 2);
    assert_int_equal(world.told.done_error[(2 * i + 1) % 64], 0);
    assert_int_equal(world.told.done_error[(2 * i) % 64], -ETIMEDOUT);
  }
  assert_true(now_us() - start < 100 * 60000 / 2);
  assert_true(world.told.n_silent >= 1);
  assert_int_equal(world.told.n_values, 100);
  peer_tell(&world.peer, "alive 2");
  mb_bus_detach(world.bus, device);
  wait_for(&world, &world.told.n_detached, 1);
  mb_bus_device_destroy(device);
  teardown(&world);
}

static void writes_go_ahead_of_reads(void **state)
{
  (void)state;
  setup(&world, MB_TCP, "");
  add_point(&world, MB_HOLDING, 3, MB_UINT16);
  peer_tell(&world.peer, "delay 1 50");
  begin(&world);
  uint64_t deadline = now_us() + 10 * TT_USEC_PER_SEC;
  for (unsigned i = 1; i <= 5; i++)
    assert_int_equal(mb_bus_read(world.bus, i, world.device, world.all, 1, deadline), 0);
  for (unsigned i = 11; i <= 12; i++)
    assert_int_equal(mb_bus_write(world.bus, i, world.device, 0, &TT_VALUE_INT64(i), deadline), 0);
  wait_for(&world, &world.told.n_done, 7);
  unsigned first_write = 0;
  while (world.told.done[first_write] != 11)
    first_write++;
  assert_true(first_write <= 1); /* one read may have been under way */
  assert_int_equal(world.told.done[first_write + 1], 12);
  assert_int_equal(world.told.value[0].int64, 12);
  teardown(&world);
}

static void what_is_too_late_is_not_begun(void **state)
{
  (void)state;
  struct peer_counts counts;
  setup(&world, MB_TCP, "");
  add_point(&world, MB_HOLDING, 3, MB_UINT16);
  begin(&world);
  wait_for(&world, &world.told.n_link_up, 1);
  assert_int_equal(mb_bus_write(world.bus, 1, world.device, 0, &TT_VALUE_INT64(1), now_us()), 0);
  assert_int_equal(mb_bus_read(world.bus, 2, world.device, world.all, 1, now_us()), 0);
  wait_for(&world, &world.told.n_done, 2);
  assert_int_equal(world.told.done_error[0], -ETIMEDOUT); /* a command that came too late */
  assert_int_equal(world.told.done_error[1], -EBUSY);     /* nothing is known of the unit */
  peer_counts(&world.peer, &counts);
  assert_int_equal(counts.requests, 0);
  teardown(&world);
}

/* A write is not kept for a line that is down. It comes back by itself, over TCP and when a serial adapter is plugged
 * in again. */
static void the_line_comes_back(enum mb_transport transport)
{
  setup(&world, transport, "");
  add_point(&world, MB_HOLDING, 3, MB_UINT16);
  begin(&world);
  assert_int_equal(read_now(&world), 0);
  int port = world.peer.port;
  peer_stop(&world.peer);
  unlink(world.link);
  wait_for(&world, &world.told.n_link_down, 1);
  assert_int_equal(write_now(&world, 0, TT_VALUE_INT64(1)), -ENOTCONN);
  assert_non_null(strstr(done_text(&world), "not connected: "));
  assert_int_equal(read_now(&world), -ENOTCONN);
  char arguments[64];
  snprintf(arguments, sizeof arguments, transport == MB_TCP ? "--port %d" : "", port);
  uint64_t start = now_us();
  peer_start(&world.peer, transport == MB_RTU ? world.link : NULL, arguments);
  wait_for(&world, &world.told.n_link_up, 2);
  assert_true(now_us() - start < 5 * TT_USEC_PER_SEC);
  assert_int_equal(read_now(&world), 0);
  assert_int_equal(world.told.value[0].int64, 0); /* the write was not done later */
  teardown(&world);
}

static void the_connection_comes_back(void **state)
{
  (void)state;
  the_line_comes_back(MB_TCP);
}

static void the_serial_port_comes_back(void **state)
{
  (void)state;
  the_line_comes_back(MB_RTU);
}

static void a_connection_that_was_closed_is_made_again(void **state)
{
  (void)state;
  setup(&world, MB_TCP, "");
  add_point(&world, MB_HOLDING, 3, MB_UINT16);
  begin(&world);
  for (int i = 0; i < 5; i++) {
    assert_int_equal(read_now(&world), 0);
    peer_tell(&world.peer, "hang");
  }
  assert_int_equal(read_now(&world), 0);
  assert_int_equal(world.told.n_link_down, 0);
  teardown(&world);
}

static void an_idle_connection_may_be_closed_by_us(void **state)
{
  (void)state;
  setup(&world, MB_TCP, "");
  add_point(&world, MB_HOLDING, 3, MB_UINT16);
  world.options.idle_us = 1000;
  begin(&world);
  for (int i = 0; i < 5; i++) {
    assert_int_equal(read_now(&world), 0);
    peer_wait_closed(&world.peer);
  }
  assert_int_equal(world.told.n_link_up, 1);
  assert_int_equal(world.told.n_link_down, 0);
  teardown(&world);
}

/* Stopping does not wait for an answer that is not coming, on either kind of line. */
static void stop_is_at_once(void **state)
{
  (void)state;
  for (int transport = MB_TCP; transport <= MB_RTU; transport++) {
    setup(&world, (enum mb_transport)transport, "");
    add_point(&world, MB_HOLDING, 3, MB_UINT16);
    world.options.timeout_us = 20 * TT_USEC_PER_SEC;
    begin(&world);
    assert_int_equal(read_now(&world), 0);
    peer_tell(&world.peer, "dead 1");
    struct peer_counts counts, later;
    peer_counts(&world.peer, &counts);
    assert_int_equal(mb_bus_read(world.bus, 77, world.device, world.all, 1, now_us() + 10 * TT_USEC_PER_SEC), 0);
    do
      peer_counts(&world.peer, &later);
    while (later.requests == counts.requests);
    uint64_t start = now_us();
    teardown(&world);
    assert_true(now_us() - start < TT_USEC_PER_SEC);
  }
}

static void detach_forgets_what_is_queued(void **state)
{
  (void)state;
  setup(&world, MB_TCP, "");
  add_point(&world, MB_HOLDING, 3, MB_UINT16);
  peer_tell(&world.peer, "delay 1 50");
  begin(&world);
  wait_for(&world, &world.told.n_link_up, 1);
  for (unsigned i = 0; i < 20; i++)
    assert_int_equal(mb_bus_read(world.bus, i, world.device, world.all, 1, now_us() + TT_USEC_PER_SEC), 0);
  mb_bus_detach(world.bus, world.device);
  wait_for(&world, &world.told.n_detached, 1);
  assert_true(world.told.n_done <= 1);
  teardown(&world);
}

static void nobody_listens(void **state)
{
  (void)state;
  setup(&world, MB_TCP, "");
  peer_stop(&world.peer);
  add_point(&world, MB_HOLDING, 3, MB_UINT16);
  begin(&world);
  wait_for(&world, &world.told.n_link_down, 1);
  char expected[100];
  snprintf(expected, sizeof expected, "%s port %d: Connection refused", world.host, (int)world.options.port);
  assert_string_equal(world.told.link_text, expected);
  assert_int_equal(read_now(&world), -ENOTCONN);
  teardown(&world);
}

static void one_serial_port_has_one_master(void **state)
{
  (void)state;
  struct mb_bus *second;
  struct told *told = calloc(1, sizeof *told);
  setup(&world, MB_RTU, "");
  add_point(&world, MB_HOLDING, 3, MB_UINT16);
  begin(&world);
  wait_for(&world, &world.told.n_link_up, 1);
  pthread_mutex_init(&told->mutex, NULL);
  pthread_cond_init(&told->changed, NULL);
  assert_int_equal(mb_bus_create(&world.options, on_event, told, &second), 0);
  pthread_mutex_lock(&told->mutex);
  while (!told->n_link_down)
    pthread_cond_wait(&told->changed, &told->mutex);
  assert_non_null(strstr(told->link_text, "is used by another connection or program"));
  pthread_mutex_unlock(&told->mutex);
  mb_bus_stop(second);
  mb_bus_destroy(second);
  free(told);
  teardown(&world);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_and_writes_over_tcp),
      cmocka_unit_test(reads_and_writes_over_rtu),
      cmocka_unit_test(neighbours_travel_together),
      cmocka_unit_test(a_refused_join_is_split_and_remembered),
      cmocka_unit_test(a_device_that_gives_only_few_registers),
      cmocka_unit_test(an_unanswered_join_is_split),
      cmocka_unit_test(every_exception_is_named),
      cmocka_unit_test(late_over_tcp),
      cmocka_unit_test(late_over_rtu),
      cmocka_unit_test(later_than_the_drain_over_rtu),
      cmocka_unit_test(later_than_the_drain_over_tcp),
      cmocka_unit_test(garbage_over_tcp),
      cmocka_unit_test(garbage_over_rtu),
      cmocka_unit_test(the_wrong_unit),
      cmocka_unit_test(a_dead_unit_does_not_starve_its_bus),
      cmocka_unit_test(writes_go_ahead_of_reads),
      cmocka_unit_test(what_is_too_late_is_not_begun),
      cmocka_unit_test(the_connection_comes_back),
      cmocka_unit_test(the_serial_port_comes_back),
      cmocka_unit_test(a_connection_that_was_closed_is_made_again),
      cmocka_unit_test(an_idle_connection_may_be_closed_by_us),
      cmocka_unit_test(stop_is_at_once),
      cmocka_unit_test(detach_forgets_what_is_queued),
      cmocka_unit_test(nobody_listens),
      cmocka_unit_test(one_serial_port_has_one_master),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
