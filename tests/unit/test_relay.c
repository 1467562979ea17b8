/* SPDX-License-Identifier: Apache-2.0
 * Messages from one thread to another: all of them, in order, and the reader is woken. */
#include "xmpp/relay.h"

#include <poll.h>
#include <pthread.h>
#include <thingtree/util.h>

#include "cmocka_all.h"

#define N 20000

struct item {
  struct tt_relay_item item;
  int number;
};

static void free_item(struct tt_relay_item *item)
{
  free(item);
}

static void put(struct tt_relay *relay, int number)
{
  struct item *item = calloc(1, sizeof(*item));
  item->item.bytes = 10;
  item->number = number;
  tt_relay_put(relay, &item->item);
}

static bool is_readable(struct tt_relay *relay)
{
  struct pollfd fd = {tt_relay_fd(relay), POLLIN, 0};
  return poll(&fd, 1, 0) == 1;
}

static void test_fifo(void **state)
{
  (void)state;
  struct tt_relay *relay;
  assert_int_equal(tt_relay_create(&relay), 0);
  assert_false(is_readable(relay));
  assert_null(tt_relay_peek(relay));
  assert_null(tt_relay_take(relay));
  for (int i = 0; i < 3; i++)
    put(relay, i);
  assert_true(is_readable(relay));
  tt_relay_clear(relay);
  assert_false(is_readable(relay));
  assert_int_equal(tt_relay_bytes(relay), 30);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(((struct item *)tt_relay_peek(relay))->number, i);
    struct tt_relay_item *item = tt_relay_take(relay);
    assert_int_equal(((struct item *)item)->number, i);
    free(item);
  }
  assert_int_equal(tt_relay_bytes(relay), 0);
  tt_relay_wake(relay);
  assert_true(is_readable(relay));
  put(relay, 4); /* freed with the relay */
  tt_relay_destroy(relay, free_item);
  tt_relay_destroy(NULL, free_item);
}

static void *writer(void *user)
{
  for (int i = 0; i < N; i++)
    put(user, i);
  return NULL;
}

static void test_two_threads(void **state)
{
  (void)state;
  struct tt_relay *relay;
  pthread_t thread;
  assert_int_equal(tt_relay_create(&relay), 0);
  assert_int_equal(pthread_create(&thread, NULL, writer, relay), 0);
  for (int next = 0; next < N;) {
    struct pollfd fd = {tt_relay_fd(relay), POLLIN, 0};
    assert_int_equal(poll(&fd, 1, 10000), 1);
    tt_relay_clear(relay);
    for (struct tt_relay_item *item; (item = tt_relay_take(relay)); next++) {
      assert_int_equal(((struct item *)item)->number, next);
      free(item);
    }
  }
  pthread_join(thread, NULL);
  tt_relay_destroy(relay, free_item);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_fifo), cmocka_unit_test(test_two_threads)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
