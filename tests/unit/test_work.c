/* SPDX-License-Identifier: Apache-2.0
 * work.c, job by job on the test's own thread, before a simulated meter: how long a silent unit and a lost line are left
 * alone, and what a request says that was not or not wholly done. */
#define _GNU_SOURCE
#include "cmocka_all.h"
#include "common/clock.h"
#include "modbus_identity.h"
#include "modbus_peer.h"
#include "work.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define POINTS_MAX 16
#define S          TT_USEC_PER_SEC

struct world {
  struct peer peer;
  struct mb_connection_options options;
  struct mb_device_options device_options;
  struct mb_read_options read[POINTS_MAX];
  struct tt_write write[POINTS_MAX];
  struct tt_point points[POINTS_MAX];
  struct tt_device_config config;
  struct mb_bus_device *device;
  struct mb_worker worker;
  int stop_fd;
  /* what was told */
  unsigned n_values, n_errors, n_silent, n_up, n_down;
  bool has[POINTS_MAX];
  struct tt_value value[POINTS_MAX];
  char error[POINTS_MAX][400], text[400];
  int done;
};

static struct world w;

static void on_event(void *user, const struct mb_event *event)
{
  (void)user;
  switch (event->kind) {
  case MB_EVENT_LINK:
    w.n_up += event->error == 0;
    w.n_down += event->error != 0;
    break;
  case MB_EVENT_VALUE:
    w.n_values++;
    w.has[event->point] = true;
    tt_value_finish(&w.value[event->point]);
    tt_value_copy(event->value, &w.value[event->point]);
    break;
  case MB_EVENT_ERROR:
    w.n_errors++;
    snprintf(w.error[event->point], sizeof w.error[0], "%s", event->text);
    break;
  case MB_EVENT_SILENT:
    w.n_silent++;
    break;
  case MB_EVENT_DONE:
    w.done = event->error;
    snprintf(w.text, sizeof w.text, "%s", event->text ? event->text : "");
    break;
  case MB_EVENT_PROBE:
  case MB_EVENT_DESCRIBED:
  case MB_EVENT_FOUND:
  case MB_EVENT_ASKED:
    break;
  case MB_EVENT_DETACHED:
  case MB_EVENT_STOPPED:
    break;
  }
}

static void setup(const char *arguments)
{
  memset(&w, 0, sizeof w);
  peer_start(&w.peer, NULL, arguments);
  w.options = (struct mb_connection_options){
      .transport = MB_TCP, .host = w.peer.host, .port = w.peer.port, .timeout_us = 100000, .drain_us = 1000};
  w.device_options = (struct mb_device_options){{1, 0}, {125, 0}};
  w.config = (struct tt_device_config){.key = "d", .options = &w.device_options, .points = w.points};
  w.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static struct mb_read_options *add_point(enum mb_table table, int64_t address, enum mb_type type)
{
  static const struct mb_write_options same = {-1, -1, 0};
  size_t i = w.config.n_points++;
  struct mb_read_options *read = &w.read[i];
  *read = (struct mb_read_options){
      .input = -1, .holding = -1, .coil = -1, .discrete = -1, .bit = -1, .width = 1, .scale_register = -1};
  *(table == MB_INPUT     ? &read->input
    : table == MB_HOLDING ? &read->holding
    : table == MB_COIL    ? &read->coil
                          : &read->discrete) = address;
  w.write[i] = (struct tt_write){.address = (void *)(uintptr_t)&same};
  w.points[i] = (struct tt_point){.name = "p",
                                  .type = type == MB_STRING ? TT_TYPE_STRING
                                          : type == MB_BIT  ? TT_TYPE_BOOLEAN
                                                            : TT_TYPE_INT64,
                                  .wire_type = type == MB_STRING ? 0 : (int)type,
                                  .address = read,
                                  .write = table == MB_HOLDING || table == MB_COIL ? &w.write[i] : NULL};
  return read;
}

static void begin(void)
{
  assert_int_equal(mb_bus_device_create(&w.config, &w, &w.device), 0);
  assert_int_equal(mb_worker_init(&w.worker, &w.options, w.stop_fd, on_event, &w), 0);
}

static void end(void)
{
  mb_worker_finish(&w.worker);
  mb_bus_device_destroy(w.device);
  peer_stop(&w.peer);
  close(w.stop_fd);
  for (size_t i = 0; i < POINTS_MAX; i++)
    tt_value_finish(&w.value[i]);
}

static int read_until(uint64_t deadline_us)
{
  struct mb_job *job = calloc(1, sizeof *job + (w.config.n_points + 1) * sizeof *job->data);
  *job =
      (struct mb_job){.kind = MB_JOB_READ, .device = w.device, .deadline_us = deadline_us, .n = w.config.n_points};
  for (size_t i = 0; i < w.config.n_points; i++)
    job->data[i] = (uint16_t)i;
  memset(w.has, 0, sizeof w.has);
  memset(w.error, 0, sizeof w.error);
  w.n_values = w.n_errors = 0;
  mb_worker_run(&w.worker, job);
  free(job);
  return w.done;
}

static int read_all(void)
{
  return read_until(tt_clock_us() + 10 * S);
}

static int write_word(uint16_t point, uint16_t word)
{
  struct mb_job *job = calloc(1, sizeof *job + sizeof *job->data);
  *job = (struct mb_job){.kind = MB_JOB_WRITE,
                         .device = w.device,
                         .deadline_us = tt_clock_us() + 10 * S,
                         .n = 1,
                         .place = w.device->write[point].place};
  job->data[0] = word;
  mb_worker_run(&w.worker, job);
  free(job);
  return w.done;
}

static unsigned long requests(void)
{
  struct peer_counts counts;
  peer_counts(&w.peer, &counts);
  return counts.requests;
}

/* ---- Silent units --------------------------------------------------------------------------------------- */
/* Two time-outs, then it is left alone for 1 s, 2 s ... 5 s and no longer; one answer, and all is forgotten. The test
 * does not wait: it moves the time of the next attempt to now. */
static void a_silent_unit_is_left_alone_ever_longer(void **state)
{
  (void)state;
  static const unsigned seconds[] = {0, 1, 2, 3, 4, 5, 5, 5};
  setup("");
  w.options.timeout_us = 50000; /* enough for one that is alive, on a busy machine */
  add_point(MB_HOLDING, 2, MB_UINT16);
  begin();
  assert_int_equal(read_all(), 0);
  struct mb_unit *unit = &w.worker.units[1];
  peer_tell(&w.peer, "dead 1");
  for (size_t i = 0; i < TT_COUNT(seconds); i++) {
    unsigned long before = requests();
    unit->again_us = 0;
    assert_int_equal(read_all(), -ETIMEDOUT);
    assert_string_equal(w.text, "no answer from unit 1, holding register 0x0002 (2), table number 40003");
    assert_int_equal(requests(), before + 1);
    uint64_t now = tt_clock_us(), left = unit->again_us > now ? unit->again_us - now : 0;
    if (left > seconds[i] * S || (seconds[i] && left < seconds[i] * S - S / 2))
      fail_msg("after %zu time-outs it is left alone for %.3f s", i + 1, (double)left / 1e6);
    assert_int_equal(w.n_silent, i);
    if (!seconds[i])
      continue;
    assert_int_equal(read_all(), -ETIMEDOUT); /* refused at once, without a request */
    assert_non_null(strstr(w.text, "unit 1 does not answer; asked again in "));
    assert_int_equal(requests(), before + 1);
  }
  /* A write is tried nevertheless, and its answer ends the silence. */
  peer_tell(&w.peer, "alive 1");
  assert_int_equal(write_word(0, 7), 0);
  assert_int_equal(unit->again_us, 0);
  assert_int_equal(read_all(), 0);
  assert_int_equal(w.value[0].int64, 7);
  end();
}

static void a_unit_that_was_silent_is_asked_for_one_point_first(void **state)
{
  (void)state;
  setup("");
  w.options.timeout_us = 5000;
  for (int i = 0; i < 10; i++)
    add_point(MB_HOLDING, i, MB_UINT16);
  begin();
  peer_tell(&w.peer, "dead 1");
  for (int i = 0; i < 2; i++)
    assert_int_equal(read_all(), -ETIMEDOUT);
  w.worker.units[1].again_us = 0;
  assert_int_equal(read_all(), -ETIMEDOUT);
  assert_string_equal(w.text, "no answer from unit 1, holding register 0x0000 (0), table number 40001");
  peer_tell(&w.peer, "alive 1");
  w.worker.units[1].again_us = 0;
  unsigned long before = requests();
  assert_int_equal(read_all(), 0);
  assert_int_equal(w.n_values, 10);
  assert_int_equal(requests(), before + 2); /* the one, then all together */
  assert_int_equal(read_all(), 0);
  assert_int_equal(requests(), before + 3);
  end();
}

/* A gateway tells of a silent unit behind it by exception 11: the same. */
static void a_gateway_says_that_a_unit_is_silent(void **state)
{
  (void)state;
  setup("");
  add_point(MB_HOLDING, 2, MB_UINT16);
  begin();
  peer_tell(&w.peer, "exception 1 11");
  for (int i = 0; i < 2; i++)
    assert_int_equal(read_all(), -ETIMEDOUT);
  assert_non_null(strstr(w.text, "no answer to the gateway from the device (exception 11) from unit 1"));
  assert_int_equal(w.n_silent, 1);
  assert_int_equal(read_all(), -ETIMEDOUT);
  assert_non_null(strstr(w.text, "asked again in"));
  assert_int_equal(requests(), 2);
  end();
}

/* ---- The line ------------------------------------------------------------------------------------------- */
static void a_connection_without_answers_is_made_anew(void **state)
{
  (void)state;
  setup("");
  w.options.timeout_us = 2000;
  add_point(MB_HOLDING, 2, MB_UINT16);
  begin();
  peer_tell(&w.peer, "dead 1");
  for (int i = 1; i <= 5; i++) {
    w.worker.units[1].again_us = 0;
    assert_int_equal(read_all(), -ETIMEDOUT);
    assert_int_equal(mb_worker_fd(&w.worker) >= 0, i < 5);
  }
  peer_tell(&w.peer, "alive 1");
  w.worker.units[1].again_us = 0;
  assert_int_equal(read_all(), 0);
  assert_int_equal(w.n_down, 0); /* nothing was told: it came back at once */
  end();
}

/* 250 ms, 500 ms, 1 s, 2 s, 4 s and no longer, each up to a quarter shorter. */
static void a_lost_line_is_tried_ever_less(void **state)
{
  (void)state;
  static const unsigned ms[] = {250, 500, 1000, 2000, 4000, 4000, 4000};
  setup("");
  add_point(MB_HOLDING, 2, MB_UINT16);
  begin();
  peer_stop(&w.peer);
  for (size_t i = 0; i < TT_COUNT(ms); i++) {
    w.worker.open_at_us = 0;
    mb_worker_chore(&w.worker);
    uint64_t now = tt_clock_us(), left = w.worker.open_at_us > now ? w.worker.open_at_us - now : 0;
    if (left > ms[i] * 1000 || left < ms[i] * 650)
      fail_msg("after %zu failures it is tried again in %.3f s", i + 1, (double)left / 1e6);
    assert_true(mb_worker_due(&w.worker) == w.worker.open_at_us);
    assert_int_equal(w.n_down, 1);
    assert_int_equal(read_all(), -ENOTCONN); /* nothing waits for the line */
    assert_non_null(strstr(w.text, "not connected: 127."));
    assert_int_equal(write_word(0, 1), -ENOTCONN);
    assert_null(strstr(w.text, "not known"));
  }
  end();
}

/* Somebody who takes the connection and drops it, as gateways do that have enough of them. */
static int drop_one(int listener)
{
  struct pollfd fd = {.fd = listener, .events = POLLIN};
  int r = poll(&fd, 1, 5000) > 0 ? accept(listener, NULL, NULL) : -1;
  return r < 0 ? r : close(r);
}

static void wait_until_closed(void)
{
  struct pollfd fd = {.fd = mb_worker_fd(&w.worker), .events = POLLIN};
  assert_int_equal(poll(&fd, 1, 5000), 1);
  mb_worker_readable(&w.worker);
  assert_int_equal(mb_worker_fd(&w.worker), -1);
}

static void a_connection_that_is_dropped_at_once(void **state)
{
  (void)state;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), right;
  assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
  assert_int_equal(listen(listener, 4), 0);
  getsockname(listener, (struct sockaddr *)&address, &size);
  setup("");
  right = (int)w.options.port;
  w.options.host = "127.0.0.1";
  w.options.port = ntohs(address.sin_port);
  add_point(MB_HOLDING, 2, MB_UINT16);
  begin();
  for (unsigned i = 0; i < 3; i++) {
    w.worker.open_at_us = 0;
    mb_worker_chore(&w.worker);
    assert_true(mb_worker_fd(&w.worker) >= 0);
    assert_int_equal(drop_one(listener), 0);
    wait_until_closed();
    assert_int_equal(w.n_up, 1); /* once bitten: it must prove itself first */
    assert_int_equal(w.n_down, 1);
    assert_true(w.worker.open_at_us > tt_clock_us());
  }
  assert_int_equal(read_all(), -ENOTCONN);
  assert_string_equal(w.text,
                      "not connected: the other end closes the connection at once (unit 1, holding register "
                      "0x0002 (2), table number 40003)");
  /* Where somebody answers all is well. */
  close(listener);
  w.options.host = w.peer.host;
  w.options.port = right;
  w.worker.open_at_us = 0;
  assert_int_equal(read_all(), 0);
  assert_int_equal(w.n_up, 2);
  /* One that lives for a second without being used is fine, too. */
  w.worker.is_doubted = true;
  mb_worker_chore(&w.worker);
  assert_true(w.worker.is_doubted);
  w.worker.opened_us -= S;
  mb_worker_chore(&w.worker);
  assert_false(w.worker.is_doubted);
  end();
}

/* Kept for a while and then closed unused: it is opened again when there is something to ask. */
static void a_connection_that_is_closed_when_idle(void **state)
{
  (void)state;
  setup("");
  add_point(MB_HOLDING, 2, MB_UINT16);
  begin();
  mb_worker_chore(&w.worker);
  struct peer_counts counts;
  do
    peer_counts(&w.peer, &counts);
  while (!counts.links);
  w.worker.opened_us -= S;
  peer_tell(&w.peer, "hang");
  wait_until_closed();
  assert_true(mb_worker_due(&w.worker) == TT_NEVER);
  assert_int_equal(w.n_down, 0);
  assert_int_equal(read_all(), 0);
  end();
}

/* ---- What was not done ---------------------------------------------------------------------------------- */
static void the_time_may_be_over_in_the_middle(void **state)
{
  (void)state;
  setup("");
  add_point(MB_HOLDING, 0, MB_UINT16);
  add_point(MB_HOLDING, 100, MB_UINT16);
  peer_tell(&w.peer, "delay 1 60");
  begin();
  assert_int_equal(read_until(tt_clock_us() + 30000), -ETIMEDOUT);
  assert_string_equal(w.text, "the time for this request was over before all was read");
  assert_true(w.has[0] && !w.has[1]);
  assert_int_equal(w.n_silent, 0); /* it is not the device's fault */
  end();
}

static void a_point_that_cannot_be_read(void **state)
{
  (void)state;
  setup("");
  add_point(MB_HOLDING, 0, MB_UINT16);
  add_point(MB_HOLDING, 5, MB_UINT16);
  w.points[0].address = NULL;
  begin();
  assert_int_equal(read_all(), 0);
  assert_string_equal(w.error[0], "this point cannot be read");
  assert_true(w.has[1]);
  end();
}

static void a_number_that_is_too_large_for_us(void **state)
{
  (void)state;
  setup("");
  add_point(MB_HOLDING, 0x200, MB_UINT64);
  add_point(MB_HOLDING, 0x204, MB_UINT16);
  begin();
  peer_tell(&w.peer, "set 1 0x200 0x8000");
  assert_int_equal(read_all(), 0);
  assert_string_equal(w.error[0], "the number exceeds 2^63-1 (unit 1, holding registers 0x0200..0x0203 (512..515), "
                                  "table numbers 40513..40516)");
  assert_true(w.has[1]);
  end();
}

/* ---- Over the wire -------------------------------------------------------------------------------------- */
/* The same numbers in every order, a text, a slice; in a table that counts from 1. */
static void orders_texts_and_slices_with_base_1(void **state)
{
  (void)state;
  static const uint16_t registers[] = {
      0x1234,                         /* 0x100: uint16 */
      0x4366, 0x199a,                 /* 0x101: 230.1 ABCD */
      0x199a, 0x4366,                 /* 0x103: CDAB */
      0x6643, 0x9a19,                 /* 0x105: BADC */
      0x9a19, 0x6643,                 /* 0x107: DCBA */
      0x0020, 0x0000, 0x0000, 0x0001, /* 0x109: 2^53 + 1 */
      0x5344, 0x4d36, 0x3330, 0x2020, /* 0x10d: "SDM630" */
  };
  setup("");
  w.device_options.address.base = 1;
  add_point(MB_HOLDING, 0x101, MB_UINT16);
  for (int order = 0; order < 4; order++)
    add_point(MB_HOLDING, 0x102 + 2 * order, MB_FLOAT32)->order = order;
  add_point(MB_HOLDING, 0x10a, MB_UINT64);
  add_point(MB_HOLDING, 0x10e, MB_STRING)->count = 4;
  struct mb_read_options *slice = add_point(MB_HOLDING, 0x101, MB_UINT16);
  slice->bit = 4;
  slice->width = 8;
  add_point(MB_HOLDING, 0x101, MB_BIT)->bit = 5;
  begin();
  for (size_t i = 0; i < TT_COUNT(registers); i++) {
    char line[64];
    snprintf(line, sizeof line, "set 1 %zu %u", 0x100 + i, registers[i]);
    peer_tell(&w.peer, line);
  }
  assert_int_equal(read_all(), 0);
  assert_int_equal(w.n_values, 9);
  assert_int_equal(w.value[0].int64, 0x1234);
  for (int order = 0; order < 4; order++)
    assert_true(w.value[1 + order].quantity.number == 230.1);
  assert_true(w.value[5].int64 == 9007199254740993);
  assert_string_equal(w.value[6].text, "SDM630");
  assert_int_equal(w.value[7].int64, 0x23);
  assert_true(w.value[8].type == TT_TYPE_BOOLEAN && w.value[8].boolean);
  assert_int_equal(requests(), 1);
  end();
}

/* Functions 1 to 4, each told apart by what the meter makes of table and address. */
static void every_table_is_read_with_its_function(void **state)
{
  (void)state;
  setup("--identify");
  for (int i = 0; i < 3; i++) {
    add_point(MB_COIL, 1000 + i, MB_BIT);
    add_point(MB_DISCRETE, 1000 + i, MB_BIT);
    add_point(MB_HOLDING, 1000 + i, MB_UINT16);
    add_point(MB_INPUT, 1000 + i, MB_UINT16);
  }
  begin();
  assert_int_equal(read_all(), 0);
  assert_int_equal(requests(), 4);
  for (unsigned i = 0; i < 12; i++) {
    unsigned table = (unsigned)w.device->read[i].place.table;
    unsigned number = modbus_identity(table, 1000 + i / 4, 0);
    if (w.value[i].type == TT_TYPE_BOOLEAN) {
      assert_int_equal(w.value[i].boolean, number >> 3 & 1);
    } else {
      assert_int_equal(w.value[i].int64, number);
    }
  }
  end();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_silent_unit_is_left_alone_ever_longer),
      cmocka_unit_test(a_unit_that_was_silent_is_asked_for_one_point_first),
      cmocka_unit_test(a_gateway_says_that_a_unit_is_silent),
      cmocka_unit_test(a_connection_without_answers_is_made_anew),
      cmocka_unit_test(a_lost_line_is_tried_ever_less),
      cmocka_unit_test(a_connection_that_is_dropped_at_once),
      cmocka_unit_test(a_connection_that_is_closed_when_idle),
      cmocka_unit_test(the_time_may_be_over_in_the_middle),
      cmocka_unit_test(a_point_that_cannot_be_read),
      cmocka_unit_test(a_number_that_is_too_large_for_us),
      cmocka_unit_test(orders_texts_and_slices_with_base_1),
      cmocka_unit_test(every_table_is_read_with_its_function),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
