/* SPDX-License-Identifier: Apache-2.0
 * Points out of whatever comes, and the limits of that. */
#include "explore.h"

#include "described.h"

extern const struct tt_bridge_ops tt_bridge_mqtt;

static const struct tt_device_config nothing;

static bool hear(struct mqtt_explorer *e, const char *topic, const char *text)
{
  struct mqtt_payload payload = {.data = text, .size = strlen(text), .full_size = strlen(text)};
  bool is_new = mqtt_explorer_hear(e, topic, strlen(topic), &payload);
  mqtt_payload_finish(&payload);
  return is_new;
}

static char *describe(const struct mqtt_explorer *e)
{
  struct tt_buf out = TT_BUF(TT_DESCRIPTION_MAX);
  assert_int_equal(mqtt_explorer_describe(e, &out), 0);
  return tt_buf_steal(&out);
}

static void test_what_is_new(void **state TT_UNUSED)
{
  struct mqtt_explorer *e;
  assert_int_equal(mqtt_explorer_create("h/+/x/#", &nothing, &e), 0);
  assert_true(hear(e, "h/1/x/t", "21.5"));
  assert_false(hear(e, "h/1/x/t", "22"));
  assert_true(hear(e, "h/1/x/t", "warm")); /* no number after all */
  assert_false(hear(e, "h/1/x/t", "23"));
  assert_true(hear(e, "h/1/x/j", "{\"a\":[1,{\"b/c\":\"2\"}],\"n\":null,\"o\":{}}"));
  assert_false(hear(e, "h/1/x/j", "{\"a\":[3]}"));
  assert_true(hear(e, "h/1/x/j", "{\"z\":true}"));
  assert_false(hear(e, "h/1/x/e", ""));
  assert_false(hear(e, "h/1/x/e", "\xff\xfe"));
  char *text TT_AUTOFREE = describe(e);
  assert_string_equal(
      text, "{\"points\":{\"1_x_t\":{\"type\":\"string\",\"source\":{\"topic\":\"h/1/x/t\",\"format\":\"text\"}},"
            "\"1_x_j_a_0\":{\"at\":\"/a/0\",\"type\":\"number\",\"source\":{\"topic\":\"h/1/x/j\"}},"
            "\"1_x_j_a_1_b_1c\":{\"at\":\"/a/1/b~1c\",\"type\":\"number\",\"source\":{\"topic\":\"h/1/x/j\"}},"
            "\"1_x_j_z\":{\"at\":\"/z\",\"type\":\"boolean\",\"source\":{\"topic\":\"h/1/x/j\"}}},\"about\":{}}");
  struct described d = described_load(&tt_bridge_mqtt, "url: \"mqtt://127.0.0.1\"", text);
  /* The device is attached again with these points: the same are nothing new, and keep their names. */
  struct mqtt_explorer *again;
  assert_int_equal(mqtt_explorer_create("h/+/x/#", d.device, &again), 0);
  char *same TT_AUTOFREE = describe(again);
  assert_string_equal(same, text);
  assert_false(hear(again, "h/1/x/j", "{\"a\":[1,{\"b/c\":\"2\"}],\"z\":false}"));
  assert_false(hear(again, "h/1/x/t", "warm"));
  assert_true(hear(again, "h/2/x/t", "1"));
  mqtt_explorer_destroy(again);
  mqtt_explorer_destroy(e);
  described_unload(&d);
}

static void test_limits(void **state TT_UNUSED)
{
  struct mqtt_explorer *e;
  char topic[300];
  unsigned n = 0;
  assert_int_equal(mqtt_explorer_create("#", &nothing, &e), 0);
  for (unsigned i = 0; i < MQTT_EXPLORE_TOPICS_MAX + 10; i++) {
    snprintf(topic, sizeof topic, "t/%u", i);
    n += hear(e, topic, "1");
  }
  assert_int_equal(n, MQTT_EXPLORE_TOPICS_MAX);
  for (unsigned i = 0; i < MQTT_EXPLORE_LEAVES_MAX; i++) {
    snprintf(topic, sizeof topic, "{\"k%u\":1}", i);
    n += hear(e, "t/0", topic);
  }
  assert_int_equal(n, MQTT_EXPLORE_LEAVES_MAX);
  mqtt_explorer_destroy(e);
  assert_int_equal(mqtt_explorer_create("#", &nothing, &e), 0);
  assert_false(hear(e, "d", "{\"1\":{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":1}}}}}}}"));
  assert_true(hear(e, "d", "{\"1\":{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":1}}}}}}"));
  memset(topic, 'a', sizeof topic);
  topic[MQTT_EXPLORE_PATH_MAX + 1] = '\0';
  assert_false(hear(e, topic, "1"));
  topic[MQTT_EXPLORE_PATH_MAX] = '\0';
  assert_true(hear(e, topic, "1"));
  assert_true(hear(e, "l", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18]"));
  char *text TT_AUTOFREE = describe(e);
  assert_non_null(strstr(text, "\"at\":\"/15\""));
  assert_null(strstr(text, "\"at\":\"/16\""));
  mqtt_explorer_destroy(e);
}

/* The largest that the limits allow can be told. */
static void test_the_longest(void **state TT_UNUSED)
{
  struct mqtt_explorer *e;
  char topic[MQTT_EXPLORE_PATH_MAX + 1], json[300], key[MQTT_EXPLORE_PATH_MAX + 1];
  assert_int_equal(mqtt_explorer_create("#", &nothing, &e), 0);
  for (unsigned i = 0; i < MQTT_EXPLORE_LEAVES_MAX; i++) {
    snprintf(topic, sizeof topic, "%0*u", MQTT_EXPLORE_PATH_MAX, i / 2);
    snprintf(key, sizeof key, "%0*u", MQTT_EXPLORE_PATH_MAX - 1, i);
    snprintf(json, sizeof json, "{\"%s\":1}", key);
    assert_true(hear(e, topic, json));
  }
  char *text TT_AUTOFREE = describe(e);
  assert_true(strlen(text) > 200 * 1000);
  mqtt_explorer_destroy(e);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_new),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_the_longest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
