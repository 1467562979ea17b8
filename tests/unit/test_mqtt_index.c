/* SPDX-License-Identifier: Apache-2.0
 * The topic index: shared filters, receivers found, nobody left behind. */
#include "index.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

static char log_text[500];

static void note(void *user, struct mqtt_receiver receiver)
{
  (void)user;
  size_t n = strlen(log_text);
  snprintf(log_text + n, sizeof log_text - n, "%s%zu ", (const char *)receiver.owner, receiver.number);
}

static void gone(void *user, const char *filter)
{
  (void)user;
  size_t n = strlen(log_text);
  snprintf(log_text + n, sizeof log_text - n, "-%s ", filter);
}

static const char *dispatch(struct mqtt_index *index, const char *topic)
{
  *log_text = 0;
  mqtt_index_dispatch(index, topic, strlen(topic), note, NULL);
  return log_text;
}

static bool add(struct mqtt_index *index, const char *filter, int qos, char *owner, size_t number)
{
  bool is_new;
  assert_int_equal(mqtt_index_add(index, filter, qos, (struct mqtt_receiver){owner, number}, &is_new), 0);
  return is_new;
}

static void test_shared_filter_is_new_once(void **state)
{
  (void)state;
  struct mqtt_index *index = mqtt_index_create();
  assert_true(add(index, "bridge/state", 1, (char[]){"A"}, 0));
  assert_false(add(index, "bridge/state", 1, (char[]){"B"}, 0));
  assert_false(add(index, "bridge/state", 0, (char[]){"C"}, 0));
  assert_true(add(index, "bridge/state", 2, (char[]){"D"}, 0)); /* a higher QoS has to be subscribed to */
  assert_int_equal(mqtt_index_size(index), 1);
  mqtt_index_destroy(index);
  mqtt_index_destroy(NULL);
}

static void test_dispatch(void **state)
{
  (void)state;
  static char a[] = "A", b[] = "B", c[] = "C";
  struct mqtt_index *index = mqtt_index_create();
  add(index, "z/hall", 1, a, 0);
  add(index, "z/hall", 1, b, 3);
  add(index, "z/+", 1, c, 1);
  add(index, "#", 1, c, 2);
  assert_string_equal(dispatch(index, "z/hall"), "A0 B3 C1 C2 ");
  assert_string_equal(dispatch(index, "z/attic"), "C1 C2 ");
  assert_string_equal(dispatch(index, "z/+"), "C1 C2 "); /* a topic may not be a filter; not found twice */
  assert_string_equal(dispatch(index, "$SYS/x"), "");
  *log_text = 0;
  mqtt_index_remove(index, c, gone, NULL);
  assert_true(strstr(log_text, "-z/+ ") && strstr(log_text, "-# "));
  assert_string_equal(dispatch(index, "z/hall"), "A0 B3 ");
  *log_text = 0;
  mqtt_index_remove(index, a, gone, NULL);
  assert_string_equal(log_text, "");
  mqtt_index_remove(index, b, gone, NULL);
  assert_string_equal(log_text, "-z/hall ");
  assert_int_equal(mqtt_index_size(index), 0);
  mqtt_index_destroy(index);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shared_filter_is_new_once),
      cmocka_unit_test(test_dispatch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
