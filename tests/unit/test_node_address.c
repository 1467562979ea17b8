/* SPDX-License-Identifier: Apache-2.0
 * Keys as local parts of addresses (model/address.c). */
#include "model/address.h"

#include "cmocka_all.h"

static void test_escapes(void **state)
{
  (void)state;
  /* The examples of XEP-0106 section 4 that are legal local parts, and our own. */
  static const struct {
    const char *key, *local;
  } rows[] = {
      {"space cadet", "space\\20cadet"},
      {"call me \"ishmael\"", "call\\20me\\20\\22ishmael\\22"},
      {"at&t guy", "at\\26t\\20guy"},
      {"d'artagnan", "d\\27artagnan"},
      {"/.fanboy", "\\2f.fanboy"},
      {"::foo::", "\\3a\\3afoo\\3a\\3a"},
      {"<foo>", "\\3cfoo\\3e"},
      {"user@host", "user\\40host"},
      {"c:\\net", "c\\3a\\net"},
      {"c:\\\\net", "c\\3a\\\\net"},
      {"c:\\cool stuff", "c\\3a\\cool\\20stuff"},
      {"c:\\5commas", "c\\3a\\5c5commas"},
      {"house/Hall", "house\\2fhall"},
      {"Plug", "plug"},
      {"värme", "värme"},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    char out[TT_ADDRESS_MAX + 1];
    assert_int_equal(tt_address_of(rows[i].key, out, sizeof(out)), 0);
    assert_string_equal(out, rows[i].local);
  }
}

static void test_no_address(void **state)
{
  (void)state;
  char out[TT_ADDRESS_MAX + 10], key[TT_ADDRESS_MAX + 2];
  static const char *const bad[] = {"", " a", "a ", "a\nb", "a\x7f"};
  for (size_t i = 0; i < TT_COUNT(bad); i++)
    assert_int_equal(tt_address_of(bad[i], out, sizeof(out)), -EINVAL);
  memset(key, 'a', sizeof(key));
  key[TT_ADDRESS_MAX] = '\0';
  assert_int_equal(tt_address_of(key, out, sizeof(out)), 0);
  key[TT_ADDRESS_MAX] = 'a';
  key[TT_ADDRESS_MAX + 1] = '\0';
  assert_int_equal(tt_address_of(key, out, sizeof(out)), -ENAMETOOLONG);
  assert_int_equal(tt_address_of("a/b", out, 5), -ENAMETOOLONG);
  assert_int_equal(tt_address_of("a/b", out, 6), 0);
}

static struct tt_node *add(struct tt_tree *tree, const char *key, const char *place)
{
  struct tt_node *node;
  const struct tt_node_spec spec = {.kind = TT_NODE_DEVICE, .key = key, .place = place, .type = "thingtree.device"};
  assert_int_equal(tt_tree_add(tree, (struct tt_now){1, 1}, &spec, &node), 0);
  return node;
}

static void test_the_table(void **state)
{
  (void)state;
  struct tt_tree *tree = tt_tree_create();
  struct tt_addresses *addresses;
  struct tt_node *before = add(tree, "before", "house/hall");
  assert_int_equal(tt_addresses_create(tree, &addresses), 0);
  struct tt_node *plug = add(tree, "Plug", "");
  tt_id id = plug->id;
  assert_ptr_equal(tt_addresses_find(addresses, "before"), before);
  assert_ptr_equal(tt_addresses_find(addresses, "house\\2fhall"), before->parent);
  assert_ptr_equal(tt_addresses_find(addresses, "PLUG"), plug);
  assert_null(tt_addresses_find(addresses, "absent"));
  /* Of two that fold to the same the first keeps the address, whatever becomes of the other. */
  tt_id other = add(tree, "plug", "")->id;
  assert_ptr_equal(tt_addresses_find(addresses, "plug"), tt_tree_get(tree, id));
  assert_int_equal(tt_tree_remove(tree, (struct tt_now){2, 2}, other), 0);
  assert_ptr_equal(tt_addresses_find(addresses, "plug"), tt_tree_get(tree, id));
  assert_int_equal(tt_tree_remove(tree, (struct tt_now){3, 3}, id), 0);
  assert_null(tt_addresses_find(addresses, "plug"));
  /* The gateway's own is nobody else's. */
  add(tree, "Gateway", "");
  assert_null(tt_addresses_find(addresses, "gateway"));
  assert_true(tt_address_is_gateway("gateway") && tt_address_is_gateway("GateWay"));
  assert_false(tt_address_is_gateway("gateway\\2fbroker") || tt_address_is_gateway(""));
  tt_addresses_destroy(addresses);
  tt_tree_destroy(tree);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_escapes),
      cmocka_unit_test(test_no_address),
      cmocka_unit_test(test_the_table),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
