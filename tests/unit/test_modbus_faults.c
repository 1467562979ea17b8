/* SPDX-License-Identifier: Apache-2.0
 * Very many reads over serial lines (pty pairs of socat) and TCP while each hundredth answer is late, doubled or spoilt.
 * A reading may fail, but none may be wrong: each register holds a number made of its address and of how many requests
 * its unit has had, so an answer to another request, earlier or elsewhere, is noticed.
 *
 * TT_FAULT_READS: readings of each transport (default 100000). */
#define _GNU_SOURCE
#include "bus.h"
#include "cmocka_all.h"
#include "modbus_identity.h"
#include "modbus_peer.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <time.h>

#define BUSES_MAX       16
#define POINTS          60
#define WORDS           4 /* a point is an int64: 64 bits that must be right */
#define JOIN_MAX        3
#define GENERATIONS_MAX 256 /* requests of one unit in a row that may go unanswered */
#define FAULTS          "--late 1 --late-ms 25 42 --duplicate 1 --garble 1"

struct bus {
  struct mb_connection_options options;
  struct mb_device_options device_options;
  struct mb_read_options read[POINTS];
  struct mb_write_options write;
  struct tt_write writable;
  struct tt_point points[POINTS];
  struct tt_device_config config;
  struct mb_bus_device *device;
  struct mb_bus *bus;
  char link[2][64];
  pid_t socat; /* 0: none */
  /* The worker's: everything goes on from the event in which a request ends. */
  uint64_t random;
  uint32_t generation, found; /* of the last reading; of this one, 0 none yet */
  unsigned first, n, wanted;
  unsigned long reads, failed, points_failed, wrong;
  char example[300];
};

static struct {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  unsigned n_ended, n_stopped;
} all = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};

static uint64_t now_us(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * TT_USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}

static unsigned below(struct bus *bus, unsigned bound)
{
  bus->random ^= bus->random << 13;
  bus->random ^= bus->random >> 7;
  bus->random ^= bus->random << 17;
  return (unsigned)(bus->random >> 32) % bound;
}

/* ---- What is right ------------------------------------------------------------------------------------- */
static unsigned address_of(unsigned point)
{
  return 1000 + WORDS * point;
}

static int64_t expected(unsigned point, uint32_t generation)
{
  uint64_t number = 0;
  for (unsigned i = 0; i < WORDS; i++)
    number = number << 16 | modbus_identity(MB_INPUT, address_of(point) + i, generation);
  return (int64_t)number;
}

/* Of which generation after `last` is this value of the point? 0: of none, it is wrong. */
static uint32_t generation_of(unsigned point, int64_t number, uint32_t last)
{
  for (uint32_t g = last + 1; g <= last + GENERATIONS_MAX; g++)
    if (expected(point, g) == number)
      return g;
  return 0;
}

static void look_at(struct bus *bus, unsigned point, const struct tt_value *value)
{
  int64_t number = value->type == TT_TYPE_INT64 ? value->int64 : 0;
  /* Points of one reading come by one request, or by several after a split, one after the other. */
  uint32_t found = generation_of(point, number, bus->found ? bus->found - 1 : bus->generation);
  bool is_asked = point >= bus->first && point < bus->first + bus->n;
  if (found && is_asked) {
    bus->found = found;
    return;
  }
  if (!bus->wrong++)
    snprintf(bus->example, sizeof bus->example, "point %u (asked %u..%u) of generation %u, after %u", point,
             bus->first, bus->first + bus->n - 1, found, bus->generation);
}

/* ---- One request after the other ------------------------------------------------------------------------- */
static void count(unsigned *counter)
{
  pthread_mutex_lock(&all.mutex);
  (*counter)++;
  pthread_cond_broadcast(&all.changed);
  pthread_mutex_unlock(&all.mutex);
}

static void next(struct bus *bus)
{
  uint16_t points[JOIN_MAX];
  unsigned before = bus->first;
  if (bus->reads == bus->wanted) {
    count(&all.n_ended);
    return;
  }
  /* Of the same length mostly, and never the same register twice in a row: the hardest to tell apart. */
  bus->n = below(bus, 4) ? 1 : 1 + below(bus, JOIN_MAX);
  do
    bus->first = below(bus, POINTS - bus->n + 1);
  while (bus->first == before);
  for (unsigned i = 0; i < bus->n; i++)
    points[i] = (uint16_t)(bus->first + i);
  bus->found = 0;
  assert_int_equal(mb_bus_read(bus->bus, 1, bus->device, points, bus->n, now_us() + 60 * TT_USEC_PER_SEC), 0);
}

/* A unit that left two requests unanswered would be left alone for a second; the answer to a write ends that. */
static void wake(struct bus *bus)
{
  assert_int_equal(mb_bus_write(bus->bus, 2, bus->device, 0, &TT_VALUE_INT64(1), now_us() + 60 * TT_USEC_PER_SEC),
                   0);
}

static void on_done(struct bus *bus, const struct mb_event *event)
{
  bool is_write = event->request == 2;
  if (!is_write) {
    bus->reads++;
    bus->failed += event->error < 0 || !bus->found;
    if (bus->found)
      bus->generation = bus->found;
  }
  if (event->error == -ETIMEDOUT || (is_write && event->error < 0)) {
    wake(bus);
  } else {
    next(bus);
  }
}

static void on_event(void *user, const struct mb_event *event)
{
  struct bus *bus = user;
  switch (event->kind) {
  case MB_EVENT_VALUE:
    look_at(bus, event->point, event->value);
    break;
  case MB_EVENT_ERROR:
    bus->points_failed++;
    break;
  case MB_EVENT_DONE:
    on_done(bus, event);
    break;
  case MB_EVENT_STOPPED:
    count(&all.n_stopped);
    break;
  case MB_EVENT_LINK:
  case MB_EVENT_SILENT:
  case MB_EVENT_PROBE:
  case MB_EVENT_DESCRIBED:
  case MB_EVENT_FOUND:
  case MB_EVENT_ASKED:
    break;
  case MB_EVENT_DETACHED:
    break;
  }
}

/* ---- Lines --------------------------------------------------------------------------------------------- */
/* A pair of pseudo terminals; it is there when socat says that it transfers data. */
static void join_ptys(struct bus *bus, unsigned number)
{
  char ends[2][80], line[300];
  int said[2];
  for (int end = 0; end < 2; end++) {
    snprintf(bus->link[end], sizeof bus->link[0], "/tmp/test_modbus_faults.%d.%u%c", (int)getpid(), number,
             'a' + end);
    snprintf(ends[end], sizeof ends[0], "pty,rawer,link=%s", bus->link[end]);
  }
  assert_int_equal(pipe2(said, O_CLOEXEC), 0);
  bus->socat = fork();
  if (bus->socat == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    dup2(said[1], 2);
    execlp("socat", "socat", "-d", "-d", ends[0], ends[1], NULL);
    _exit(127);
  }
  close(said[1]);
  FILE *file = fdopen(said[0], "r");
  do
    assert_non_null(fgets(line, sizeof line, file));
  while (!strstr(line, "starting data transfer loop"));
  fclose(file);
}

static void set_up(struct bus *bus, int transport, unsigned number, unsigned wanted)
{
  *bus = (struct bus){.random = 0x9e3779b97f4a7c15u * (number + 1), .wanted = wanted, .first = POINTS};
  bus->options = (struct mb_connection_options){.transport = transport,
                                                .baud = 115200,
                                                .parity = 'N',
                                                .data_bits = 8,
                                                .stop_bits = 1,
                                                .timeout_us = 20000,
                                                .drain_us = 30000};
  bus->device_options = (struct mb_device_options){{number + 1, 0}, {125, 0}};
  bus->write = (struct mb_write_options){.holding = 5, .coil = -1};
  bus->writable.address = &bus->write;
  for (unsigned i = 0; i < POINTS; i++) {
    bus->read[i] = (struct mb_read_options){.input = address_of(i),
                                            .holding = -1,
                                            .coil = -1,
                                            .discrete = -1,
                                            .bit = -1,
                                            .width = 1,
                                            .scale_register = -1};
    bus->points[i] = (struct tt_point){.name = "p",
                                       .type = TT_TYPE_INT64,
                                       .wire_type = MB_INT64,
                                       .address = &bus->read[i],
                                       .write = &bus->writable};
  }
  bus->config = (struct tt_device_config){
      .key = "d", .options = &bus->device_options, .points = bus->points, .n_points = POINTS};
  assert_int_equal(mb_bus_device_create(&bus->config, bus, &bus->device), 0);
  if (transport == MB_RTU)
    join_ptys(bus, number);
}

static void tear_down(struct bus *bus)
{
  mb_bus_destroy(bus->bus);
  mb_bus_device_destroy(bus->device);
  if (bus->socat) {
    kill(bus->socat, SIGTERM);
    waitpid(bus->socat, NULL, 0);
  }
}

static void wait_for(const unsigned *counter, unsigned least)
{
  pthread_mutex_lock(&all.mutex);
  while (*counter < least)
    pthread_cond_wait(&all.changed, &all.mutex);
  pthread_mutex_unlock(&all.mutex);
}

/* ---- Tests --------------------------------------------------------------------------------------------- */
/* The other tests would be worth nothing if a wrong value were not seen. */
static void a_wrong_value_would_be_seen(void **state)
{
  (void)state;
  struct bus bus = {.first = 5, .n = 2, .generation = 100};
  look_at(&bus, 5, &TT_VALUE_INT64(expected(5, 103)));
  look_at(&bus, 6, &TT_VALUE_INT64(expected(6, 103)));
  assert_int_equal(bus.wrong, 0);
  assert_int_equal(bus.found, 103);
  look_at(&bus, 6, &TT_VALUE_INT64(expected(6, 102))); /* the second half is of an earlier answer */
  assert_int_equal(bus.wrong, 1);
  bus.found = 0;
  look_at(&bus, 5, &TT_VALUE_INT64(expected(6, 103))); /* of another register */
  assert_int_equal(bus.wrong, 2);
  look_at(&bus, 5, &TT_VALUE_INT64(expected(5, 100))); /* of an earlier request */
  assert_int_equal(bus.wrong, 3);
  look_at(&bus, 5, &TT_VALUE_INT64(expected(5, 103) ^ 0x100)); /* a bit is wrong */
  assert_int_equal(bus.wrong, 4);
  look_at(&bus, 7, &TT_VALUE_INT64(expected(7, 103))); /* nobody asked */
  assert_int_equal(bus.wrong, 5);
}

static void no_value_is_wrong(int transport, unsigned n_buses)
{
  static struct bus buses[BUSES_MAX];
  struct peer peer;
  struct peer_counts counts;
  char arguments[2000] = "--generation " FAULTS;
  const char *text = getenv("TT_FAULT_READS");
  unsigned long reads = 0, failed = 0, points_failed = 0, wrong = 0,
                wanted = text ? strtoul(text, NULL, 10) : 100000;
  all.n_ended = all.n_stopped = 0;
  for (unsigned i = 0; i < n_buses; i++) {
    size_t n = strlen(arguments);
    set_up(&buses[i], transport, i, (unsigned)(wanted / n_buses));
    snprintf(arguments + n, sizeof arguments - n, " --unit %u%s%s", i + 1, transport == MB_RTU ? " --rtu " : "",
             buses[i].link[1]);
  }
  peer_start(&peer, NULL, arguments);
  uint64_t start = now_us();
  for (unsigned i = 0; i < n_buses; i++) {
    buses[i].options.host = peer.host;
    buses[i].options.port = peer.port;
    buses[i].options.device = buses[i].link[0];
    assert_int_equal(mb_bus_create(&buses[i].options, on_event, &buses[i], &buses[i].bus), 0);
    next(&buses[i]);
  }
  wait_for(&all.n_ended, n_buses);
  double seconds = (double)(now_us() - start) / 1e6;
  for (unsigned i = 0; i < n_buses; i++)
    mb_bus_stop(buses[i].bus);
  wait_for(&all.n_stopped, n_buses);
  peer_counts(&peer, &counts);
  peer_stop(&peer);
  for (unsigned i = 0; i < n_buses; i++) {
    tear_down(&buses[i]);
    reads += buses[i].reads;
    failed += buses[i].failed;
    points_failed += buses[i].points_failed;
    wrong += buses[i].wrong;
    if (buses[i].wrong)
      print_error("bus %u: %s\n", i + 1, buses[i].example);
  }
  print_message("%s, %u buses: %lu readings in %.1f s (%lu requests), %lu answers late, %lu doubled, %lu spoilt; "
                "%lu readings failed (%lu points), %lu values wrong\n",
                transport == MB_RTU ? "RTU" : "TCP", n_buses, reads, seconds, counts.requests, counts.late,
                counts.duplicate, counts.garble, failed, points_failed, wrong);
  assert_int_equal(wrong, 0);
  assert_true(failed < reads / 10);
  unsigned long least = wanted / 200; /* half of what is expected: the faults were there */
  assert_true(counts.late > least && counts.duplicate > least && counts.garble > least);
}

static void no_value_is_wrong_over_rtu(void **state)
{
  (void)state;
  no_value_is_wrong(MB_RTU, BUSES_MAX);
}

static void no_value_is_wrong_over_tcp(void **state)
{
  (void)state;
  no_value_is_wrong(MB_TCP, 8);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_wrong_value_would_be_seen),
      cmocka_unit_test(no_value_is_wrong_over_rtu),
      cmocka_unit_test(no_value_is_wrong_over_tcp),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
