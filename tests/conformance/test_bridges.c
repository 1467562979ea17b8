/* SPDX-License-Identifier: Apache-2.0
 * One suite that every bridge passes: what include/thingtree/bridge.h demands, against a real peer, built in, as a
 * shared object, and as one in a process of its own.
 *
 *   test_bridges NAME builtin|DIRECTORY-OF-THE-SO [PROGRAM-FOR-ITS-PROCESS] */
#include "row.h"

#include "bridge/registry.h"
#include "service/log.h"

#include <math.h>
#include <stdio.h>
#include <systemd/sd-event.h>

#define LEVEL     "level"
#define READING   "reading"
#define FAULTY    "faulty"
#define AT_ONCE   (500 * MS)         /* no wait for a peer takes part in it */
#define COMES     (TT_HOST_GRACE_US) /* an error may come so long after its deadline */
#define SCHEDULED (1000 * MS)        /* what a busy machine may add */
#define RETURNS   (15000 * MS)       /* until a peer that is back is found: back-off of a few failures */
#define MANY      200

static const struct row *const rows[] = {&row_mqtt, &row_modbus, &row_http, &row_coap, &row_upnp};
static const struct row *row;
static const struct tt_bridge_ops *ops;

static char *key_print(char out[static 16], unsigned device)
{
  snprintf(out, 16, "d%u", device);
  return out;
}
#define KEY(device) key_print((char[16]){0}, device)

static uint64_t in(uint64_t us)
{
  return world_now() + us;
}

/* ---- A world with a peer in it -------------------------------------------------------------------------------- */
static struct world_text text_for(char *connection, size_t size, unsigned n)
{
  row->connection(connection, size);
  return (struct world_text){
      .protocol = row->name, .connection = connection, .mapping = row->mapping, .with = row->with, .n = n};
}

static void open_world(struct world *w, unsigned n)
{
  char connection[1000];
  struct world_text text = text_for(connection, sizeof(connection), n);
  world_open(w, ops, &text);
  row->join(w);
}

static void begin(struct world *w, unsigned n)
{
  row->start();
  open_world(w, n);
}

static void begin_online(struct world *w, unsigned n)
{
  begin(w, n);
  WAIT_FOR(w, world_is(w, "online"));
}

/* Nothing is open at the end, and what the host had to answer itself has been counted when it came. */
static void end(struct world *w)
{
  WAIT_FOR(w, world_status(w).requests == 0);
  row->leave();
  world_close(w);
  row->stop();
}

static void read_now(struct world *w, const char *key, const char *point)
{
  struct answer a;
  assert_int_equal(world_read(w, key, point, in(5000 * MS), &a), 0);
  WAIT_FOR(w, a.calls > 0);
  if (a.error != 0)
    fail_msg("%s.%s: %d, %s", key, point, a.error, a.text);
}

/* Reads until the device says this. What is read may be the answer to an earlier question: an MQTT device says what it
 * has to say to everybody. */
static void read_until(struct world *w, const char *key, double value)
{
  for (uint64_t end_us = in(PATIENCE); world_number(w, key, LEVEL) != value;) {
    read_now(w, key, LEVEL);
    if (world_now() > end_us)
      fail_msg("%s is %g, not %g", key, world_number(w, key, LEVEL), value);
  }
}

/* A read that is answered in time, well or not. */
static int read_in_time(struct world *w, const char *key, uint64_t us)
{
  struct answer a;
  uint64_t deadline_us = in(us);
  assert_int_equal(world_read(w, key, LEVEL, deadline_us, &a), 0);
  WAIT_FOR(w, a.calls > 0);
  assert_true(a.at_us <= deadline_us + COMES + SCHEDULED);
  assert_true(a.error == 0 || *a.text);
  return a.error;
}

/* ---- The table and its checks --------------------------------------------------------------------------------- */
static bool is_word(const char *name)
{
  return *name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static void check_table(const struct tt_option *table, size_t size)
{
  for (const struct tt_option *o = table; o && o->name; o++) {
    if (!is_word(o->name) || !o->help || strlen(o->help) < 10)
      fail_msg("option %s has no good name or no help", o->name);
    for (const struct tt_option *before = table; before < o; before++)
      if (strcmp(before->name, o->name) == 0)
        fail_msg("option %s stands there twice", o->name);
    assert_true(o->offset < size);
    assert_true(o->min <= o->max);
    assert_true((o->type == TT_OPTION_CHOICE) == (o->choices != NULL));
    assert_true((o->type == TT_OPTION_TABLE || o->type == TT_OPTION_LIST) == (o->table != NULL));
    assert_true((o->type == TT_OPTION_LIST) == (o->size > 0));
    if (o->table)
      check_table(o->table, o->type == TT_OPTION_LIST ? o->size : size);
  }
}

static void test_table_is_well_formed(void **state)
{
  const struct tt_level *levels[] = {&ops->connection, &ops->device, &ops->read_address, &ops->write_address};
  (void)state;
  assert_null(tt_registry_fault(ops, row->name));
  assert_int_equal(ops->abi, TT_BRIDGE_ABI);
  assert_true(strlen(ops->summary) > 10);
  for (size_t i = 0; i < TT_COUNT(levels); i++)
    check_table(levels[i]->options, levels[i]->size);
  for (const struct tt_wire_type *type = ops->types; type && type->name; type++) {
    assert_true(is_word(type->name));
    assert_true(type->number > 0);
    assert_true(type->type > TT_TYPE_NONE && type->type < TT_TYPE_COUNT);
    assert_true(type->help && *type->help);
    for (const struct tt_wire_type *before = ops->types; before < type; before++)
      assert_true(strcmp(before->name, type->name) != 0 && before->number != type->number);
  }
}

static bool has_code(const struct tt_diags *diags, const char *code)
{
  for (size_t i = 0; i < diags->n; i++)
    if (strcmp(diags->messages[i].code, code) == 0)
      return true;
  return false;
}

/* No peer runs, no file is opened, no thread begins, nothing is remembered, nothing in its input is changed. */
static void test_check_is_pure(void **state)
{
  struct world w = {0};
  char connection[1000];
  (void)state;
  row->start();
  struct world_text text = text_for(connection, sizeof(connection), 2);
  row->stop();
  world_load(&w, ops, &text);
  assert_int_equal(w.diags->n, 0);
  assert_int_equal(w.config->n_disabled, 0);
  const struct tt_connection_config *c = &w.config->connections[0];
  const struct tt_device_config *device = &w.config->devices[0].config;
  char *c_before TT_AUTOFREE = malloc(ops->connection.size), *d_before TT_AUTOFREE = malloc(ops->device.size + 1);
  memcpy(c_before, c->options, ops->connection.size);
  memcpy(d_before, device->options, ops->device.size);
  unsigned fds = world_fds();
  for (int i = 0; ops->check && i < 3; i++) {
    ops->check(c->options, NULL, w.diags);
    ops->check(c->options, device, w.diags);
  }
  assert_int_equal(w.diags->n, 0);
  assert_int_equal(world_fds(), fds);
  assert_memory_equal(c_before, c->options, ops->connection.size);
  assert_memory_equal(d_before, device->options, ops->device.size);
  world_unload(&w);
}

static void test_check_finds_errors(void **state)
{
  struct world w = {0};
  char connection[1000];
  (void)state;
  row->start();
  struct world_text good = text_for(connection, sizeof(connection), 1), bad = good;
  row->stop();
  bad.connection = row->bad_connection;
  world_load(&w, ops, &bad);
  assert_true(has_code(w.diags, row->bad_connection_code));
  assert_true(w.config->connections[0].is_disabled && w.config->devices[0].is_disabled);
  world_unload(&w);
  bad = good;
  bad.mapping = row->bad_mapping;
  world_load(&w, ops, &bad);
  assert_true(has_code(w.diags, row->bad_mapping_code));
  assert_true(w.config->devices[0].is_disabled);
  assert_false(w.config->connections[0].is_disabled);
  world_unload(&w);
}

/* ---- Start, state, attach ------------------------------------------------------------------------------------- */
static void test_start_returns_at_once(void **state)
{
  struct world w;
  char connection[1000];
  (void)state;
  row->start();
  struct world_text text = text_for(connection, sizeof(connection), 3);
  uint64_t before_us = world_now();
  world_open(&w, ops, &text);
  assert_true(world_now() - before_us < AT_ONCE);
  row->join(&w);
  assert_true(world_is(&w, "unknown")); /* it has not been waited for */
  assert_int_equal(world_status(&w).devices, 3);
  WAIT_FOR(&w, world_is(&w, "online"));
  assert_null(world_status(&w).text);
  assert_null(world_message(&w, "gateway/" BRIDGE, "connection"));
  end(&w);
}

static void test_nobody_there_is_said(void **state)
{
  struct world w;
  (void)state;
  row->start();
  char connection[1000];
  struct world_text text = text_for(connection, sizeof(connection), 1);
  row->vanish();
  world_open(&w, ops, &text);
  WAIT_FOR(&w, world_is(&w, "offline"));
  assert_true(strlen(world_status(&w).text) > 10);
  assert_non_null(strstr(world_status(&w).text, row->where ? row->where : "127.")); /* where */
  assert_non_null(world_message(&w, "d0", "connection"));
  row->back(&w);
  WAIT_WITHIN(&w, world_is(&w, "online"), RETURNS);
  assert_null(world_message(&w, "d0", "connection"));
  read_now(&w, "d0", LEVEL);
  end(&w);
}

/* ---- Reads and writes ----------------------------------------------------------------------------------------- */
static void test_a_read_reports_and_then_is_done(void **state)
{
  struct world w;
  struct answer a;
  (void)state;
  begin_online(&w, 1);
  assert_int_equal(world_read(&w, "d0", READING, in(5000 * MS), &a), 0);
  assert_int_equal(a.calls, 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.error, 0);
  assert_false(isnan(a.number)); /* was there when it was done */
  assert_int_equal(world_read_all(&w, "d0", in(5000 * MS), &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.error, 0);
  /* One point that cannot be read is an error of that point, which names its address. */
  assert_non_null(world_field_error(&w, "d0", FAULTY));
  assert_true(strlen(world_field_error(&w, "d0", FAULTY)) > 10);
  assert_null(world_field_error(&w, "d0", LEVEL));
  assert_true(world_number(&w, "d0", LEVEL) == 0);
  for (int i = 0; i < 20; i++)
    read_now(&w, "d0", LEVEL);
  assert_int_equal(a.calls, 1);
  assert_int_equal(world_status(&w).failed, 0);
  end(&w);
}

static void test_a_write_is_done_once(void **state)
{
  struct world w;
  struct answer a;
  (void)state;
  begin_online(&w, 2);
  read_now(&w, "d1", LEVEL); /* no answer of before is under way any more */
  for (int64_t value = 1; value <= 5; value++) {
    assert_int_equal(world_write(&w, "d1", LEVEL, 100 * value, in(5000 * MS), &a), 0);
    assert_int_equal(a.calls, 0);
    WAIT_FOR(&w, a.calls > 0);
    assert_int_equal(a.error, 0);
    WAIT_FOR(&w, row->commands() >= (unsigned)value);
    read_until(&w, "d1", (double)(100 * value));
  }
  assert_int_equal(row->commands(), 5);
  read_now(&w, "d0", LEVEL);
  assert_true(world_number(&w, "d0", LEVEL) == 0); /* the neighbour has nothing of it */
  end(&w);
}

static void test_writes_of_one_device_are_in_order(void **state)
{
  struct world w;
  struct answer a[20];
  (void)state;
  begin_online(&w, 1);
  read_now(&w, "d0", LEVEL);
  for (unsigned i = 0; i < TT_COUNT(a); i++)
    assert_int_equal(world_write(&w, "d0", LEVEL, i + 1, in(10000 * MS), &a[i]), 0);
  for (unsigned i = 0; i < TT_COUNT(a); i++) {
    WAIT_FOR(&w, a[i].calls > 0);
    assert_int_equal(a[i].error, 0);
    assert_true(i == 0 || a[i].at_us >= a[i - 1].at_us);
  }
  WAIT_FOR(&w, row->commands() == TT_COUNT(a));
  read_until(&w, "d0", TT_COUNT(a));
  end(&w);
}

static void test_what_was_set_is_verified(void **state)
{
  struct world w;
  struct set_answer a;
  (void)state;
  begin_online(&w, 1);
  read_now(&w, "d0", LEVEL);
  world_set(&w, "d0", LEVEL, "42", &a);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.refusal, TT_OK);
  assert_true(world_number(&w, "d0", LEVEL) == 42);
  /* Out of range: never on the wire. */
  world_set(&w, "d0", LEVEL, "1001", &a);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.refusal, TT_REFUSED_BAD_REQUEST);
  assert_int_equal(row->commands(), 1);
  /* A device that says nothing has not been verified, even if something else acknowledged. */
  row->silence(true);
  world_set(&w, "d0", LEVEL, "43", &a);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.refusal, TT_REFUSED_TIMEOUT);
  row->silence(false);
  end(&w);
}

/* ---- Commands ------------------------------------------------------------------------------------------------- */
#define STEP "step"

static void test_a_command_is_done_once(void **state)
{
  struct world w;
  struct answer a;
  struct execute_answer executed;
  (void)state;
  if (!row->has_command)
    skip();
  begin_online(&w, 2);
  read_now(&w, "d1", LEVEL);
  for (unsigned i = 1; i <= 5; i++) {
    assert_int_equal(world_command(&w, "d1", STEP, 10, in(5000 * MS), &a), 0);
    assert_int_equal(a.calls, 0);
    WAIT_FOR(&w, a.calls > 0);
    assert_int_equal(a.error, 0);
    assert_true(*a.text);              /* what the device said */
    assert_true(a.number == 10.0 * i); /* reported before it was done */
    assert_int_equal(row->commands(), i);
  }
  world_execute(&w, "d1", STEP, "by", "3", &executed);
  WAIT_FOR(&w, executed.calls > 0);
  assert_int_equal(executed.refusal, TT_OK);
  assert_true(*executed.text);
  assert_true(world_number(&w, "d1", LEVEL) == 53);
  /* Out of range, of another name: never on the wire. */
  world_execute(&w, "d1", STEP, "by", "11", &executed);
  WAIT_FOR(&w, executed.calls > 0);
  assert_int_equal(executed.refusal, TT_REFUSED_BAD_REQUEST);
  world_execute(&w, "d1", STEP, "far", "1", &executed);
  WAIT_FOR(&w, executed.calls > 0);
  assert_int_equal(executed.refusal, TT_REFUSED_BAD_REQUEST);
  assert_int_equal(row->commands(), 6);
  read_now(&w, "d0", LEVEL);
  assert_true(world_number(&w, "d0", LEVEL) == 0); /* the neighbour has nothing of it */
  end(&w);
}

static void test_commands_and_writes_of_one_device_are_in_order(void **state)
{
  struct world w;
  struct answer a[20];
  (void)state;
  if (!row->has_command)
    skip();
  begin_online(&w, 1);
  read_now(&w, "d0", LEVEL);
  for (unsigned i = 0; i < TT_COUNT(a); i++)
    assert_int_equal(i % 2 ? world_command(&w, "d0", STEP, 7, in(10000 * MS), &a[i])
                           : world_write(&w, "d0", LEVEL, 10 * i, in(10000 * MS), &a[i]),
                     0);
  for (unsigned i = 0; i < TT_COUNT(a); i++) {
    WAIT_FOR(&w, a[i].calls > 0);
    assert_int_equal(a[i].error, 0);
    assert_true(i == 0 || a[i].at_us >= a[i - 1].at_us);
  }
  assert_int_equal(row->commands(), TT_COUNT(a));
  read_until(&w, "d0", 10 * (TT_COUNT(a) - 2) + 7);
  end(&w);
}

static void test_a_command_that_gets_no_answer_is_not_repeated(void **state)
{
  struct world w;
  struct answer a;
  (void)state;
  if (!row->has_command)
    skip();
  begin_online(&w, 1);
  read_now(&w, "d0", LEVEL);
  row->silence(true);
  uint64_t limit_us = in(500 * MS + COMES + SCHEDULED);
  assert_int_equal(world_command(&w, "d0", STEP, 9, in(500 * MS), &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_true(a.error < 0 && *a.text && a.at_us < limit_us);
  row->silence(false);
  WAIT_FOR(&w, read_in_time(&w, "d0", 2000 * MS) == 0);
  assert_true(world_number(&w, "d0", LEVEL) == 0);
  row->vanish();
  assert_int_equal(world_command(&w, "d0", STEP, 8, in(500 * MS), &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_true(a.error < 0 && *a.text);
  WAIT_FOR(&w, world_is(&w, "offline")); /* else the old connection is taken for the new one */
  row->back(&w);
  WAIT_WITHIN(&w, world_is(&w, "online"), RETURNS);
  read_now(&w, "d0", LEVEL);
  assert_true(world_number(&w, "d0", LEVEL) == 0);
  assert_int_equal(row->commands(), 0);
  end(&w);
}

static void test_what_is_too_late_is_not_begun(void **state)
{
  struct world w;
  struct answer a;
  (void)state;
  begin_online(&w, 1);
  read_now(&w, "d0", LEVEL);
  for (int i = 0; i < 20; i++) {
    /* The deadline lies ahead for the host, whose clock stands still within a turn, and behind for the bridge. */
    uint64_t deadline_us = tt_core_now(w.core).mono_us + 1;
    while (world_now() <= deadline_us)
      ;
    assert_int_equal(world_write(&w, "d0", LEVEL, 7, deadline_us, &a), 0);
    world_same_turn(&w);
    WAIT_FOR(&w, a.calls > 0);
    assert_int_equal(a.error, -ETIMEDOUT);
  }
  read_now(&w, "d0", LEVEL);
  assert_int_equal(row->commands(), 0);
  assert_true(world_number(&w, "d0", LEVEL) == 0);
  end(&w);
}

static void test_a_silent_device_is_given_up_in_time(void **state)
{
  struct world w;
  (void)state;
  begin_online(&w, 2);
  read_now(&w, "d0", LEVEL);
  row->silence(true);
  for (int i = 0; i < 3; i++) {
    int error = read_in_time(&w, "d0", 200 * MS);
    assert_true(error == -ETIMEDOUT || error == -EBUSY); /* busy: behind a poll that gets no answer either */
  }
  WAIT_FOR(&w, world_message(&w, "d0", "offline"));
  row->silence(false);
  WAIT_FOR(&w, read_in_time(&w, "d0", 2000 * MS) == 0);
  WAIT_FOR(&w, !world_message(&w, "d0", "offline")); /* a poll from before may still have failed behind it */
  /* Every answer that the host had to give itself is missed or counted when it comes. */
  WAIT_FOR(&w, world_status(&w).late == world_status(&w).timeouts);
  end(&w);
}

/* ---- The peer goes and comes ---------------------------------------------------------------------------------- */
static void test_a_peer_that_is_gone(void **state)
{
  struct world w;
  struct answer a[6];
  (void)state;
  begin_online(&w, 3);
  for (unsigned i = 0; i < 3; i++)
    read_now(&w, KEY(i), READING);
  row->silence(true);
  for (unsigned i = 0; i < 3; i++) /* the answer to an earlier poll may still be on its way, and would do */
    WAIT_FOR(&w, read_in_time(&w, KEY(i), 200 * MS) < 0);
  for (unsigned i = 0; i < 3; i++) /* under way when it goes */
    assert_int_equal(world_read(&w, KEY(i), LEVEL, in(2000 * MS), &a[i]), 0);
  for (int i = 0; i < 3; i++)
    world_turn(&w, 1 * MS);
  row->vanish();
  for (unsigned i = 3; i < 6; i++) /* and when it is gone */
    assert_int_equal(world_write(&w, KEY(i - 3), LEVEL, 99, in(2000 * MS), &a[i]), 0);
  uint64_t limit_us = in(2000 * MS + COMES + SCHEDULED);
  for (unsigned i = 0; i < TT_COUNT(a); i++) {
    WAIT_FOR(&w, a[i].calls > 0);
    assert_true(a[i].error < 0);
    assert_true(a[i].at_us < limit_us);
  }
  WAIT_FOR(&w, world_is(&w, "offline"));
  /* Known to be gone: an error at once would be best, in time is what counts. */
  assert_true(read_in_time(&w, "d1", 500 * MS) < 0);
  struct answer b;
  assert_int_equal(world_write(&w, "d0", LEVEL, 77, in(500 * MS), &b), 0);
  WAIT_FOR(&w, b.calls > 0);
  assert_true(b.error < 0 && *b.text);
  struct set_answer set;
  world_set(&w, "d2", LEVEL, "78", &set);
  WAIT_FOR(&w, set.calls > 0);
  assert_true(set.refusal == TT_REFUSED_TIMEOUT || set.refusal == TT_REFUSED_DEVICE);

  /* Back: values come again, by themselves; nothing of what was refused is done now. */
  uint64_t back_us = world_now();
  row->back(&w);
  WAIT_WITHIN(&w, world_is(&w, "online"), RETURNS);
  WAIT_WITHIN(&w, world_seen(&w, "d0", READING) > back_us, RETURNS);
  for (unsigned i = 0; i < 3; i++) {
    read_now(&w, KEY(i), LEVEL);
    assert_true(world_number(&w, KEY(i), LEVEL) == 0);
  }
  assert_int_equal(row->commands(), 0);
  for (unsigned i = 0; i < TT_COUNT(a); i++)
    assert_int_equal(a[i].calls, 1);
  world_set(&w, "d2", LEVEL, "79", &set);
  WAIT_FOR(&w, set.calls > 0);
  assert_int_equal(set.refusal, TT_OK);
  end(&w);
}

/* ---- Ends ------------------------------------------------------------------------------------------------------- */
static void open_requests(struct world *w, struct answer a[], unsigned n)
{
  row->silence(true);
  for (unsigned i = 0; i < n; i++) {
    assert_int_equal(i % 2 ? world_write(w, KEY(i / 2), LEVEL, 5, in(20000 * MS), &a[i])
                           : world_read(w, KEY(i / 2), LEVEL, in(20000 * MS), &a[i]),
                     0);
  }
  for (int i = 0; i < 4; i++)
    world_same_turn(w); /* they are at the bridge now, and no answer has been taken yet */
}

static void test_stop_ends_open_requests(void **state)
{
  struct world w;
  struct answer a[10];
  bool is_open[TT_COUNT(a)];
  unsigned n_open = 0;
  (void)state;
  begin_online(&w, 5);
  for (unsigned i = 0; i < 5; i++)
    read_now(&w, KEY(i), LEVEL);
  open_requests(&w, a, TT_COUNT(a));
  for (unsigned i = 0; i < TT_COUNT(a); i++) { /* a broker may have acknowledged a write by now */
    is_open[i] = a[i].calls == 0;
    n_open += is_open[i];
  }
  assert_true(n_open >= TT_COUNT(a) / 2); /* the reads, at least */
  uint64_t before_us = world_now();
  world_stop(&w);
  assert_true(world_now() - before_us < AT_ONCE);
  WAIT_WITHIN(&w, w.is_stopped, 2000 * MS);
  for (unsigned i = 0; i < TT_COUNT(a); i++) {
    assert_int_equal(a[i].calls, 1);
    assert_int_equal(a[i].error, is_open[i] ? -ECANCELED : 0);
  }
  assert_int_equal(world_status(&w).timeouts, 0);
  row->silence(false);
  end(&w);
}

static void test_stop_at_any_time(void **state)
{
  struct world w;
  (void)state;
  row->start();
  for (unsigned i = 0; i < 12; i++) { /* while it connects, and a little later each time */
    open_world(&w, 2);
    for (unsigned k = 0; k < i; k++)
      world_turn(&w, 2 * MS);
    row->leave();
    world_close(&w);
  }
  row->stop();
}

static void test_stop_without_a_peer(void **state)
{
  struct world w;
  char connection[1000];
  (void)state;
  row->start();
  struct world_text text = text_for(connection, sizeof(connection), 1);
  row->vanish();
  world_open(&w, ops, &text);
  WAIT_FOR(&w, world_is(&w, "offline"));
  world_close(&w);
  row->stop();
}

static void test_detach_ends_open_requests(void **state)
{
  struct world w;
  struct answer a[4];
  (void)state;
  begin_online(&w, 2);
  for (unsigned i = 0; i < 2; i++)
    read_now(&w, KEY(i), LEVEL);
  open_requests(&w, a, TT_COUNT(a));
  bool is_written = a[1].calls; /* a broker may have acknowledged it by now */
  uint64_t before_us = world_now();
  assert_int_equal(tt_host_detach(w.host, "d0"), 0);
  assert_true(world_now() - before_us < AT_ONCE);
  WAIT_WITHIN(&w, !tt_host_is_attached(w.host, "d0"), 2000 * MS);
  WAIT_FOR(&w, a[0].calls == 1 && a[1].calls == 1);
  assert_int_equal(a[0].error, -ECANCELED);
  assert_int_equal(a[1].error, is_written ? 0 : -ECANCELED);
  assert_true(a[2].calls == 0 || a[2].error != -ECANCELED); /* the other device goes on */
  row->silence(false);
  struct answer b;
  assert_int_equal(world_read(&w, "d0", LEVEL, in(1000 * MS), &b), -ENODEV);
  WAIT_FOR(&w, read_in_time(&w, "d1", 2000 * MS) == 0);
  uint64_t seen_us = world_seen(&w, "d0", LEVEL);

  assert_int_equal(tt_host_attach(w.host, "d0"), 0);
  WAIT_FOR(&w, read_in_time(&w, "d0", 2000 * MS) == 0);
  assert_true(world_seen(&w, "d0", LEVEL) > seen_us);
  assert_int_equal(world_status(&w).devices, 2);
  end(&w);
}

static void test_devices_come_and_go(void **state)
{
  struct world w;
  (void)state;
  begin_online(&w, 4);
  for (int i = 0; i < 25; i++) {
    struct answer a;
    assert_int_equal(world_read(&w, "d1", LEVEL, in(5000 * MS), &a), 0);
    world_turn(&w, 0);
    assert_int_equal(tt_host_detach(w.host, "d1"), 0);
    WAIT_WITHIN(&w, !tt_host_is_attached(w.host, "d1") && a.calls == 1, 2000 * MS);
    assert_int_equal(tt_host_attach(w.host, "d1"), 0);
  }
  for (unsigned i = 0; i < 4; i++)
    read_now(&w, KEY(i), LEVEL);
  end(&w);
}

static void test_instances_come_and_go(void **state)
{
  struct world w;
  unsigned fds = 0;
  (void)state;
  row->start();
  for (int i = 0; i < 4; i++) {
    open_world(&w, 2);
    WAIT_FOR(&w, world_is(&w, "online"));
    read_now(&w, "d1", LEVEL);
    row->leave();
    world_close(&w);
    if (i == 0)
      fds = world_fds(); /* libraries may keep something from the first time on */
    assert_int_equal(world_fds(), fds);
  }
  row->stop();
}

static void test_many_devices(void **state)
{
  struct world w;
  static struct answer reads[MANY], writes[MANY];
  (void)state;
  begin_online(&w, MANY);
  assert_int_equal(world_status(&w).devices, MANY);
  for (unsigned i = 0; i < MANY; i++)
    read_now(&w, KEY(i), LEVEL);
  for (unsigned i = 0; i < MANY; i++)
    assert_int_equal(world_write(&w, KEY(i), LEVEL, i + 1, in(PATIENCE), &writes[i]), 0);
  for (unsigned i = 0; i < MANY; i++)
    WAIT_FOR(&w, writes[i].calls > 0);
  WAIT_FOR(&w, row->commands() == MANY);
  for (unsigned i = 0; i < MANY; i++)
    assert_int_equal(world_read(&w, KEY(i), LEVEL, in(PATIENCE), &reads[i]), 0);
  for (unsigned i = 0; i < MANY; i++) {
    WAIT_FOR(&w, reads[i].calls > 0);
    assert_int_equal(writes[i].error, 0);
    assert_int_equal(reads[i].error, 0);
    read_until(&w, KEY(i), i + 1);
  }
  assert_int_equal(row->commands(), MANY);
  assert_int_equal(world_status(&w).failed, 0);
  end(&w);
}

/* ---- ------------------------------------------------------------------------------------------------------------ */
static bool choose(const char *name, const char *where, struct tt_registry **ret_registry)
{
  const char *why = NULL;
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    if (strcmp(rows[i]->name, name) == 0)
      row = rows[i];
  if (!row)
    return false;
  ops = row->builtin;
  if (strcmp(where, "builtin") == 0)
    return true;
  if (tt_registry_create(where, NULL, ret_registry) < 0)
    return false;
  ops = tt_registry_find(*ret_registry, name, &why);
  if (!ops)
    fprintf(stderr, "%s\n", why ? why : "there is no such bridge");
  return ops && ops != row->builtin;
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_table_is_well_formed),
      cmocka_unit_test(test_check_is_pure),
      cmocka_unit_test(test_check_finds_errors),
      cmocka_unit_test(test_start_returns_at_once),
      cmocka_unit_test(test_nobody_there_is_said),
      cmocka_unit_test(test_a_read_reports_and_then_is_done),
      cmocka_unit_test(test_a_write_is_done_once),
      cmocka_unit_test(test_writes_of_one_device_are_in_order),
      cmocka_unit_test(test_what_was_set_is_verified),
      cmocka_unit_test(test_a_command_is_done_once),
      cmocka_unit_test(test_commands_and_writes_of_one_device_are_in_order),
      cmocka_unit_test(test_a_command_that_gets_no_answer_is_not_repeated),
      cmocka_unit_test(test_what_is_too_late_is_not_begun),
      cmocka_unit_test(test_a_silent_device_is_given_up_in_time),
      cmocka_unit_test(test_a_peer_that_is_gone),
      cmocka_unit_test(test_stop_ends_open_requests),
      cmocka_unit_test(test_stop_at_any_time),
      cmocka_unit_test(test_stop_without_a_peer),
      cmocka_unit_test(test_detach_ends_open_requests),
      cmocka_unit_test(test_devices_come_and_go),
      cmocka_unit_test(test_instances_come_and_go),
      cmocka_unit_test(test_many_devices),
  };
  struct tt_registry *registry = NULL;
  if (argc < 3 || argc > 4 || !choose(argv[1], argv[2], &registry)) {
    fputs("usage: test_bridges NAME builtin|DIRECTORY [PROGRAM]\n", stderr);
    return 2;
  }
  if (argc == 4)
    world_isolation = (struct tt_isolation){.program = argv[3], .bridges = argv[2]};
  tt_log_open(TT_LOG_ERROR);
  int r = cmocka_run_group_tests(tests, NULL, NULL);
  tt_registry_destroy(registry);
  return r;
}
