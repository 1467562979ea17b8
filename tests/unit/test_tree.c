/* SPDX-License-Identifier: Apache-2.0
 * The tree: nodes come, go, are found; messages, values and their times; what listeners hear; what it costs. */
#include "model/tree.h"

#include <malloc.h>
#include <stdio.h>

#include "cmocka_all.h"

static const struct tt_now t1 = {.mono_us = 1000000, .wall_us = 1700000001000000};
static const struct tt_now t2 = {.mono_us = 2000000, .wall_us = 1700000002000000};
static const struct tt_now t9 = {.mono_us = 9000000, .wall_us = 1700000009000000};

static int address;
static struct tt_write any;
static const struct tt_map_entry map[] = {{"ON", {.type = TT_TYPE_BOOLEAN, .boolean = true}},
                                          {"OFF", {.type = TT_TYPE_BOOLEAN}}};
static const struct tt_point points[] = {
    {.name = "temperature",
     .type = TT_TYPE_QUANTITY,
     .unit = "°C",
     .decimals = TT_DECIMALS_FREE,
     .categories = TT_CATEGORY_MOMENTARY,
     .stale_us = 5 * TT_USEC_PER_SEC,
     .address = &address},
    {.name = "relay", .type = TT_TYPE_BOOLEAN, .map = map, .n_map = 2, .address = &address, .write = &any},
    {.name = "secret", .type = TT_TYPE_INT64, .is_hidden = true, .address = &address, .write = &any},
    {.name = "absent", .type = TT_TYPE_INT64, .address = &address, .missing = TT_MISSING_ABSENT},
    {.name = "preset",
     .type = TT_TYPE_INT64,
     .address = &address,
     .missing = TT_MISSING_VALUE,
     .missing_value = {.type = TT_TYPE_INT64, .int64 = 42}},
    {.name = "target", .type = TT_TYPE_INT64, .write = &any},
};
enum { TEMPERATURE, RELAY, SECRET, ABSENT, PRESET, TARGET };

static struct tt_node *add(struct tt_tree *tree, enum tt_node_kind kind, const char *key, const char *place)
{
  struct tt_node_spec spec = {.kind = kind, .key = key, .place = place, .type = "thingtree.test"};
  struct tt_node *node = NULL;
  assert_int_equal(tt_tree_add(tree, t1, &spec, &node), 0);
  assert_non_null(node);
  return node;
}

static struct tt_node *add_device(struct tt_tree *tree, const char *key, const char *place)
{
  struct tt_node_spec spec = {
      .kind = TT_NODE_DEVICE, .key = key, .place = place, .points = points, .n_points = TT_COUNT(points)};
  struct tt_node *node = NULL;
  assert_int_equal(tt_tree_add(tree, t1, &spec, &node), 0);
  return node;
}

static void keys_of(struct tt_tree *tree, char *out, size_t size)
{
  size_t n = 0;
  out[0] = '\0';
  for (struct tt_node *node = tt_tree_walk(tree, NULL); node; node = tt_tree_walk(tree, node))
    n += (size_t)snprintf(out + n, size - n, "%s ", node->key);
}

static void test_places_are_made_and_go(void **state)
{
  struct tt_tree *tree = tt_tree_create();
  char keys[512];
  (void)state;
  struct tt_node *lamp = add(tree, TT_NODE_DEVICE, "lamp", "house/hall");
  add(tree, TT_NODE_DEVICE, "meter", "house/cellar");
  add(tree, TT_NODE_DEVICE, "loose", NULL);
  add(tree, TT_NODE_GATEWAY, "gateway", NULL);
  add(tree, TT_NODE_CONNECTION, "gateway/mqtt", NULL);
  struct tt_node *fan = add(tree, TT_NODE_DEVICE, "fan", "house/hall");
  keys_of(tree, keys, sizeof keys);
  assert_string_equal(keys, "house house/hall lamp fan house/cellar meter loose gateway gateway/mqtt ");
  assert_string_equal(lamp->path, "house/hall/lamp");
  assert_string_equal(lamp->parent->path, "house/hall");
  assert_int_equal(lamp->parent->n_children, 2);
  assert_string_equal(tt_tree_find(tree, "loose", NULL, NULL)->path, "loose");
  assert_string_equal(tt_tree_find(tree, "gateway/mqtt", "", "")->parent->key, "gateway");
  assert_int_equal(tt_tree_size(tree), 9);
  assert_int_equal(tt_tree_remove(tree, t2, lamp->id), 0);
  assert_int_equal(tt_tree_find(tree, "house/hall", NULL, NULL)->last_change_us, t2.wall_us);
  assert_int_equal(tt_tree_remove(tree, t2, fan->id), 0);
  keys_of(tree, keys, sizeof keys);
  assert_string_equal(keys, "house house/cellar meter loose gateway gateway/mqtt ");
  assert_int_equal(tt_tree_remove(tree, t2, tt_tree_find(tree, "house", NULL, NULL)->id), 0);
  keys_of(tree, keys, sizeof keys);
  assert_string_equal(keys, "loose gateway gateway/mqtt ");
  tt_tree_destroy(tree);
}

static void test_ids_go_stale(void **state)
{
  struct tt_tree *tree = tt_tree_create();
  (void)state;
  tt_id first = add(tree, TT_NODE_DEVICE, "a", NULL)->id;
  assert_non_null(tt_tree_get(tree, first));
  assert_int_equal(tt_tree_remove(tree, t1, first), 0);
  assert_null(tt_tree_get(tree, first));
  tt_id second = add(tree, TT_NODE_DEVICE, "a", NULL)->id;
  assert_true(first != second);
  assert_null(tt_tree_get(tree, first));
  assert_non_null(tt_tree_get(tree, second));
  assert_int_equal(tt_tree_remove(tree, t1, first), -ENOENT);
  assert_int_equal(tt_tree_set_label(tree, first, NULL), -ENOENT);
  assert_null(tt_tree_get(tree, 0));
  assert_null(tt_tree_get(tree, UINT64_MAX));
  tt_tree_destroy(tree);
  tt_tree_destroy(NULL);
}

static void test_identity_has_three_parts(void **state)
{
  struct tt_tree *tree = tt_tree_create();
  struct tt_node *node = add(tree, TT_NODE_DEVICE, "a", NULL);
  static char long_key[TT_NODE_KEY_MAX + 2];
  (void)state;
  assert_ptr_equal(tt_tree_find(tree, "a", TT_SOURCE_DEFAULT, ""), node);
  assert_ptr_equal(tt_tree_find(tree, "a", "", NULL), node);
  assert_null(tt_tree_find(tree, "a", "Elsewhere", ""));
  assert_null(tt_tree_find(tree, "a", "", "1"));
  assert_null(tt_tree_find(tree, "", "", ""));
  assert_null(tt_tree_find(tree, "A", "", ""));
  memset(long_key, 'x', sizeof long_key - 1);
  assert_null(tt_tree_find(tree, long_key, "", ""));
  assert_string_equal(node->source, "MeteringTopology");
  assert_string_equal(node->partition, "");
  tt_tree_destroy(tree);
}

static void test_keys_and_paths(void **state)
{
  static char long_key[TT_NODE_KEY_MAX + 2];
  memset(long_key, 'x', sizeof long_key - 1);
  static const struct {
    enum tt_node_kind kind;
    const char *key, *place;
    int r;
  } cases[] = {
      {TT_NODE_DEVICE, "good", "house", 0},
      {TT_NODE_DEVICE, "é ü", "ho use/ö", 0},
      {TT_NODE_DEVICE, "", "house", -EINVAL},
      {TT_NODE_DEVICE, NULL, "house", -EINVAL},
      {TT_NODE_DEVICE, "a/b", NULL, -EINVAL},
      {TT_NODE_DEVICE, "a\nb", NULL, -EINVAL},
      {TT_NODE_DEVICE, "\xff", NULL, -EINVAL},
      {TT_NODE_DEVICE, long_key, NULL, -EINVAL},
      {TT_NODE_DEVICE, "gateway", NULL, -EINVAL},
      {TT_NODE_DEVICE, "x", "gateway", -EINVAL},
      {TT_NODE_DEVICE, "x", "gateway/mqtt", -EINVAL},
      {TT_NODE_DEVICE, "gateways", "gateway2", 0},
      {TT_NODE_DEVICE, "x", "/house", -EINVAL},
      {TT_NODE_DEVICE, "x", "house/", -EINVAL},
      {TT_NODE_DEVICE, "x", "house//hall", -EINVAL},
      {TT_NODE_DEVICE, "house", "house", -EEXIST},
      {TT_NODE_DEVICE, "new", "new", -EEXIST},
      {TT_NODE_DEVICE, "new", "new/below", -EEXIST},
      {TT_NODE_DEVICE, "good", "elsewhere", -EEXIST},
      {TT_NODE_DEVICE, "x", "house/good", 0}, /* "house/good" is not the id of the device below house */
      {TT_NODE_DEVICE, "y", "good", -EEXIST},
      {TT_NODE_DEVICE, "y", "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q", -EINVAL},
      {TT_NODE_DEVICE, "y", "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p", 0},
      {TT_NODE_PLACE, "good", NULL, -EEXIST},
      {TT_NODE_PLACE, "house", NULL, 0},
      {TT_NODE_PLACE, "empty/place", NULL, 0},
      {TT_NODE_PLACE, "gateway/place", NULL, -EINVAL},
      {TT_NODE_GATEWAY, "other", NULL, -EINVAL},
      {TT_NODE_CONNECTION, "gateway/x", NULL, -EINVAL}, /* there is no gateway yet */
      {TT_NODE_GATEWAY, "gateway", NULL, 0},
      {TT_NODE_GATEWAY, "gateway", NULL, -EEXIST},
      {TT_NODE_CONNECTION, "gateway", NULL, -EINVAL},
      {TT_NODE_CONNECTION, "gateway/", NULL, -EINVAL},
      {TT_NODE_CONNECTION, "x", NULL, -EINVAL},
      {TT_NODE_CONNECTION, "gateway/x", NULL, 0},
      {TT_NODE_CONNECTION, "gateway/x", NULL, -EEXIST},
  };
  struct tt_tree *tree = tt_tree_create();
  (void)state;
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    struct tt_node_spec spec = {.kind = cases[i].kind, .key = cases[i].key, .place = cases[i].place};
    struct tt_node *node = NULL;
    size_t before = tt_tree_size(tree);
    int r = tt_tree_add(tree, t1, &spec, &node);
    if (r != cases[i].r || !node != (r < 0) || (r < 0 && tt_tree_size(tree) != before))
      fail_msg("case %zu: %d, %zu nodes after %zu", i, r, tt_tree_size(tree), before);
  }
  assert_non_null(tt_tree_find(tree, "empty/place", NULL, NULL));
  tt_tree_destroy(tree);
}

static void test_a_failed_add_leaves_places_that_were_there(void **state)
{
  struct tt_tree *tree = tt_tree_create();
  struct tt_node *node = NULL;
  (void)state;
  add(tree, TT_NODE_PLACE, "empty", NULL);
  const struct tt_node_spec spec = {.kind = TT_NODE_DEVICE, .key = "empty", .place = "empty/new"};
  assert_int_equal(tt_tree_add(tree, t1, &spec, &node), -EEXIST);
  assert_int_equal(tt_tree_size(tree), 1);
  assert_non_null(tt_tree_find(tree, "empty", NULL, NULL));
  tt_tree_destroy(tree);
}

static void test_labels(void **state)
{
  static const struct tt_label label = {.n = 2, .language = {"en", "sv"}, .text = {"Hall", "Hallen"}};
  struct tt_tree *tree = tt_tree_create();
  struct tt_node *node = add(tree, TT_NODE_PLACE, "house/hall", NULL);
  (void)state;
  assert_string_equal(tt_node_label(node, "sv"), "hall");
  assert_int_equal(tt_tree_set_label(tree, node->id, &label), 0);
  assert_string_equal(tt_node_label(node, "sv-FI"), "Hallen");
  assert_string_equal(tt_node_label(node, NULL), "Hall");
  tt_tree_destroy(tree);
}

/* ---- Messages ---------------------------------------------------------------------------------------- */
static void test_state_is_that_of_the_worst_message(void **state)
{
  struct tt_tree *tree = tt_tree_create();
  struct tt_node *node = add(tree, TT_NODE_DEVICE, "a", NULL);
  (void)state;
  assert_int_equal(tt_node_state(node), TT_STATE_NONE);
  tt_node_message(tree, t1, node, "info", TT_MESSAGE_INFORMATION, "i");
  assert_string_equal(tt_node_state_name(tt_node_state(node)), "Information");
  tt_node_message(tree, t1, node, "bad", TT_MESSAGE_ERROR, "e");
  assert_string_equal(tt_node_state_name(tt_node_state(node)), "ErrorUnsigned");
  tt_node_message(tree, t1, node, "hm", TT_MESSAGE_WARNING, "w");
  assert_int_equal(node->n_messages, 3);
  tt_node_message(tree, t2, node, "bad", TT_MESSAGE_ERROR, NULL);
  assert_string_equal(tt_node_state_name(tt_node_state(node)), "WarningUnsigned");
  assert_int_equal(node->last_change_us, t2.wall_us);
  tt_node_message(tree, t2, node, "hm", TT_MESSAGE_ERROR, NULL);
  tt_node_message(tree, t2, node, "info", TT_MESSAGE_ERROR, NULL);
  assert_int_equal(node->n_messages, 0);
  assert_null(node->messages);
  assert_int_equal(tt_node_state(node), TT_STATE_NONE);
  tt_tree_destroy(tree);
}

static void count_changes(void *user, struct tt_node *node, enum tt_change change, uint16_t point)
{
  (void)node;
  (void)point;
  ((unsigned *)user)[change]++;
}

static void test_the_same_message_again_changes_nothing(void **state)
{
  struct tt_tree *tree = tt_tree_create();
  struct tt_node *node = add(tree, TT_NODE_DEVICE, "a", NULL);
  unsigned changes[4] = {0};
  (void)state;
  assert_int_equal(tt_tree_listen(tree, count_changes, changes), 0);
  assert_int_equal(tt_node_message(tree, t1, node, "offline", TT_MESSAGE_ERROR, "refused"), 0);
  assert_int_equal(tt_node_message(tree, t2, node, "offline", TT_MESSAGE_ERROR, "refused"), 0);
  assert_int_equal(changes[TT_CHANGE_STATE], 1);
  assert_int_equal(node->last_change_us, t1.wall_us);
  assert_int_equal(tt_node_message(tree, t2, node, "offline", TT_MESSAGE_ERROR, "timed out\x01"), 0);
  assert_int_equal(changes[TT_CHANGE_STATE], 2);
  assert_int_equal(node->messages[0].stamp_us, t1.wall_us); /* it has been offline since t1 */
  assert_string_equal(node->messages[0].text, "timed out\xef\xbf\xbd");
  assert_int_equal(tt_node_message(tree, t9, node, "offline", TT_MESSAGE_WARNING, "timed out"), 0);
  assert_int_equal(node->messages[0].stamp_us, t9.wall_us);
  assert_int_equal(tt_node_message(tree, t9, node, "other", TT_MESSAGE_WARNING, NULL), 0);
  assert_int_equal(changes[TT_CHANGE_STATE], 3);
  tt_tree_destroy(tree);
}

static void test_messages_are_bounded(void **state)
{
  struct tt_tree *tree = tt_tree_create();
  struct tt_node *node = add(tree, TT_NODE_DEVICE, "a", NULL);
  static char text[TT_MESSAGE_MAX * 2 + 1];
  char code[16];
  (void)state;
  memset(text, 'x', sizeof text - 1);
  for (int i = 0; i < TT_MESSAGES_MAX; i++) {
    snprintf(code, sizeof code, "code%d", i);
    assert_int_equal(tt_node_message(tree, t1, node, code, TT_MESSAGE_WARNING, text), 0);
  }
  assert_int_equal(tt_node_message(tree, t1, node, "more", TT_MESSAGE_WARNING, "x"), -ENOSPC);
  assert_int_equal(tt_node_message(tree, t1, node, "code3", TT_MESSAGE_WARNING, "x"), 0);
  assert_int_equal(strlen(node->messages[0].text), TT_MESSAGE_MAX);
  tt_tree_destroy(tree);
}

/* ---- Values ------------------------------------------------------------------------------------------ */
static void test_reports(void **state)
{
  struct tt_tree *tree = tt_tree_create();
  struct tt_node *node = add_device(tree, "a", "house");
  const struct tt_field *field = &node->fields[TEMPERATURE];
  struct tt_value raw = TT_VALUE_QUANTITY(23.4, 2);
  unsigned changes[4] = {0};
  (void)state;
  assert_int_equal(tt_tree_listen(tree, count_changes, changes), 0);
  assert_string_equal(field->name, "temperature");
  assert_string_equal(field->unit, "°C");
  assert_string_equal(node->fields[RELAY].unit, "");
  assert_true(node->fields[RELAY].is_writable);
  assert_false(node->fields[SECRET].is_writable);
  assert_int_equal(field->seen_us, 0);
  assert_int_equal(tt_node_report(tree, t2, node, TEMPERATURE, &raw, 0, false), 0);
  assert_int_equal(field->stamp_us, t2.wall_us);
  assert_int_equal(field->seen_us, t2.mono_us);
  assert_int_equal(field->qos, TT_QOS_AUTOMATIC_READOUT);
  assert_int_equal(node->last_change_us, t2.wall_us);
  /* the same again: newer, but no change */
  assert_int_equal(tt_node_report(tree, t9, node, TEMPERATURE, &raw, 17, false), 0);
  assert_int_equal(field->stamp_us, 17);
  assert_int_equal(field->seen_us, t9.mono_us);
  assert_int_equal(node->last_change_us, t2.wall_us);
  assert_int_equal(changes[TT_CHANGE_VALUE], 2);
  /* what does not convert is the field's error, until a value comes */
  struct tt_value bad = {.type = TT_TYPE_STRING, .text = (char[]){"x"}};
  assert_int_equal(tt_node_report(tree, t9, node, TEMPERATURE, &bad, 0, false), -EINVAL);
  assert_string_equal(node->field_errors[TEMPERATURE], "\"x\" is not a number");
  assert_int_equal(field->value.type, TT_TYPE_QUANTITY);
  assert_int_equal(tt_node_report(tree, t9, node, TEMPERATURE, &bad, 0, false), -EINVAL);
  assert_int_equal(changes[TT_CHANGE_VALUE], 3);
  assert_int_equal(tt_node_report(tree, t9, node, TEMPERATURE, &raw, 0, false), 0);
  assert_null(node->field_errors[TEMPERATURE]);
  assert_int_equal(tt_node_report(tree, t9, node, TT_COUNT(points), &raw, 0, false), -EINVAL);
  tt_node_report_error(tree, t9, node, TT_COUNT(points), "x");
  tt_node_report_missing(tree, t9, node, TT_COUNT(points));
  tt_tree_destroy(tree);
}

static void test_missing(void **state)
{
  struct tt_tree *tree = tt_tree_create();
  struct tt_node *node = add_device(tree, "a", NULL);
  struct tt_value one = TT_VALUE_INT64(1), raw = TT_VALUE_QUANTITY(1, 0);
  (void)state;
  tt_node_report(tree, t1, node, TEMPERATURE, &raw, 0, false);
  tt_node_report(tree, t1, node, ABSENT, &one, 0, false);
  tt_node_report(tree, t1, node, PRESET, &one, 0, false);
  tt_node_report_missing(tree, t2, node, TEMPERATURE);
  tt_node_report_missing(tree, t2, node, ABSENT);
  tt_node_report_missing(tree, t2, node, PRESET);
  assert_int_equal(node->fields[TEMPERATURE].seen_us, t1.mono_us);
  assert_int_equal(node->fields[ABSENT].value.type, TT_TYPE_NONE);
  assert_int_equal(node->fields[ABSENT].seen_us, t2.mono_us);
  assert_int_equal(node->fields[PRESET].value.int64, 42);
  assert_int_equal(node->last_change_us, t2.wall_us);
  tt_tree_destroy(tree);
}

static void test_retained_values_are_old(void **state)
{
  struct tt_tree *tree = tt_tree_create();
  struct tt_node *node = add_device(tree, "a", NULL);
  struct tt_field *field = &node->fields[RELAY];
  struct tt_value on = {.type = TT_TYPE_STRING, .text = (char[]){"ON"}};
  struct tt_value off = {.type = TT_TYPE_STRING, .text = (char[]){"OFF"}};
  (void)state;
  assert_int_equal(tt_node_report(tree, t1, node, RELAY, &on, 0, true), 0);
  assert_true(field->is_retained);
  assert_int_equal(field->qos, TT_QOS_AUTOMATIC_ESTIMATE);
  assert_false(tt_node_is_fresh(node, RELAY, t1, TT_NEVER));
  assert_int_equal(tt_node_report(tree, t2, node, RELAY, &on, 0, false), 0);
  assert_false(field->is_retained);
  assert_true(tt_node_is_fresh(node, RELAY, t2, 0));
  /* the store repeats it: still the live one of t2 */
  assert_int_equal(tt_node_report(tree, t9, node, RELAY, &on, 0, true), 0);
  assert_false(field->is_retained);
  assert_int_equal(field->seen_us, t2.mono_us);
  /* the store knows something else: that came while we did not listen */
  assert_int_equal(tt_node_report(tree, t9, node, RELAY, &off, 0, true), 0);
  assert_true(field->is_retained);
  assert_false(field->value.boolean);
  tt_tree_destroy(tree);
}

static void test_freshness(void **state)
{
  struct tt_tree *tree = tt_tree_create();
  struct tt_node *node = add_device(tree, "a", NULL);
  struct tt_value raw = TT_VALUE_QUANTITY(1, 0);
  struct tt_now later = {.mono_us = t1.mono_us + 5 * TT_USEC_PER_SEC, .wall_us = t1.wall_us};
  (void)state;
  assert_false(tt_node_is_fresh(node, TEMPERATURE, t1, TT_NEVER));
  assert_false(tt_node_is_stale(node, TEMPERATURE, t1));
  tt_node_report(tree, t1, node, TEMPERATURE, &raw, 0, false);
  assert_true(tt_node_is_fresh(node, TEMPERATURE, later, TT_NEVER));
  assert_true(tt_node_is_fresh(node, TEMPERATURE, later, 5 * TT_USEC_PER_SEC));
  assert_false(tt_node_is_fresh(node, TEMPERATURE, later, 5 * TT_USEC_PER_SEC - 1));
  assert_false(tt_node_is_stale(node, TEMPERATURE, later));
  later.mono_us++;
  assert_true(tt_node_is_stale(node, TEMPERATURE, later));
  assert_false(tt_node_is_fresh(node, TEMPERATURE, later, TT_NEVER));
  tt_node_report(tree, t9, node, TEMPERATURE, &raw, 0, false);
  tt_node_report_error(tree, t9, node, TEMPERATURE, "illegal data address");
  assert_false(tt_node_is_fresh(node, TEMPERATURE, t9, TT_NEVER));
  tt_tree_destroy(tree);
}

static void test_points(void **state)
{
  struct tt_tree *tree = tt_tree_create();
  struct tt_node *node = add_device(tree, "a", NULL), *place = add(tree, TT_NODE_PLACE, "p", NULL);
  uint16_t point = 77;
  (void)state;
  assert_int_equal(tt_node_point(node, "relay", &point), 0);
  assert_int_equal(point, RELAY);
  assert_int_equal(tt_node_point(node, "secret", &point), -ENOENT);
  assert_int_equal(tt_node_point(node, "nothing", &point), -ENOENT);
  assert_int_equal(point, RELAY);
  assert_true(tt_node_has_field(node, TEMPERATURE));
  assert_false(tt_node_has_field(node, SECRET));
  assert_false(tt_node_has_field(node, TARGET)); /* can only be written */
  assert_false(tt_node_has_field(node, TT_COUNT(points)));
  assert_true(tt_node_is_readable(node) && tt_node_is_controllable(node));
  assert_false(tt_node_is_readable(place) || tt_node_is_controllable(place));
  node->is_disabled = true;
  assert_false(tt_node_is_controllable(node));
  tt_tree_destroy(tree);
}

static void test_listeners(void **state)
{
  struct tt_tree *tree = tt_tree_create();
  unsigned changes[4] = {0};
  (void)state;
  for (int i = 0; i < TT_LISTENERS_MAX; i++)
    assert_int_equal(tt_tree_listen(tree, count_changes, changes), 0);
  assert_int_equal(tt_tree_listen(tree, count_changes, changes), -ENOSPC);
  tt_id id = add(tree, TT_NODE_DEVICE, "a", "house/hall")->id;
  assert_int_equal(changes[TT_CHANGE_ADDED], 3 * TT_LISTENERS_MAX);
  assert_int_equal(tt_tree_remove(tree, t1, id), 0);
  assert_int_equal(changes[TT_CHANGE_REMOVED], 3 * TT_LISTENERS_MAX);
  tt_tree_destroy(tree);
}

/* ---- Size -------------------------------------------------------------------------------------------- */
/* The sanitizers' allocator counts nothing; then only the structure is checked. */
static size_t heap_used(void)
{
#if defined(__SANITIZE_ADDRESS__)
  return 0;
#else
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
#endif
}

static void test_a_hundred_thousand_nodes(void **state)
{
  struct tt_tree *tree = tt_tree_create();
  char key[32], place[64];
  struct tt_node *node;
  size_t before = heap_used();
  (void)state;
  for (int i = 0; tt_tree_size(tree) < TT_NODES_MAX - 1; i++) {
    snprintf(key, sizeof key, "device-%06d", i);
    snprintf(place, sizeof place, "house/floor-%d/room-%d", i / 10000, i / 100);
    struct tt_node_spec spec = {.kind = TT_NODE_DEVICE, .key = key, .place = place, .type = "t"};
    if (tt_tree_add(tree, t1, &spec, &node) == -ENOSPC)
      break;
  }
  assert_true(tt_tree_size(tree) >= TT_NODES_MAX - 2);
  size_t n = tt_tree_size(tree), used = heap_used() - before;
  if (used > 0)
    assert_in_range(used / n, 1, 400);
  const struct tt_node_spec more = {.kind = TT_NODE_DEVICE, .key = "x", .place = "y/z/zz"};
  assert_int_equal(tt_tree_add(tree, t1, &more, &node), -ENOSPC);
  assert_int_equal(tt_tree_size(tree), n);
  for (int i = 0; i < 90000; i++) {
    snprintf(key, sizeof key, "device-%06d", i);
    node = tt_tree_find(tree, key, NULL, NULL);
    assert_non_null(node);
    assert_ptr_equal(tt_tree_get(tree, node->id), node);
  }
  size_t walked = 0;
  for (node = tt_tree_walk(tree, NULL); node; node = tt_tree_walk(tree, node))
    walked++;
  assert_int_equal(walked, n);
  assert_int_equal(tt_tree_remove(tree, t1, tt_tree_roots(tree)->id), 0);
  assert_int_equal(tt_tree_size(tree), 0);
  tt_tree_destroy(tree);
}

static void test_a_point_costs_little(void **state)
{
  static struct tt_point many[TT_POINTS_MAX + 1];
  struct tt_tree *tree = tt_tree_create();
  struct tt_node *node;
  (void)state;
  for (size_t i = 0; i < TT_COUNT(many); i++)
    many[i] = (struct tt_point){.name = "p", .type = TT_TYPE_INT64, .address = &address};
  struct tt_node_spec spec = {.kind = TT_NODE_DEVICE, .key = "a", .points = many, .n_points = TT_POINTS_MAX + 1};
  assert_int_equal(tt_tree_add(tree, t1, &spec, &node), -EINVAL);
  size_t before = heap_used();
  spec.n_points = TT_POINTS_MAX;
  assert_int_equal(tt_tree_add(tree, t1, &spec, &node), 0);
  assert_in_range(heap_used() - before, 0, 400 + 150 * TT_POINTS_MAX);
  tt_tree_destroy(tree);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_places_are_made_and_go),
      cmocka_unit_test(test_ids_go_stale),
      cmocka_unit_test(test_identity_has_three_parts),
      cmocka_unit_test(test_keys_and_paths),
      cmocka_unit_test(test_a_failed_add_leaves_places_that_were_there),
      cmocka_unit_test(test_labels),
      cmocka_unit_test(test_state_is_that_of_the_worst_message),
      cmocka_unit_test(test_the_same_message_again_changes_nothing),
      cmocka_unit_test(test_messages_are_bounded),
      cmocka_unit_test(test_reports),
      cmocka_unit_test(test_missing),
      cmocka_unit_test(test_retained_values_are_old),
      cmocka_unit_test(test_freshness),
      cmocka_unit_test(test_points),
      cmocka_unit_test(test_listeners),
      cmocka_unit_test(test_a_hundred_thousand_nodes),
      cmocka_unit_test(test_a_point_costs_little),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
