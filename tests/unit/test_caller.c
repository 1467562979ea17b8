/* SPDX-License-Identifier: Apache-2.0
 * Roles by name, and copies of callers. */
#include "model/caller.h"

#include "cmocka_all.h"

static void test_roles(void **state)
{
  enum tt_role role = TT_ROLE_NONE;
  (void)state;
  for (int i = TT_ROLE_NONE; i <= TT_ROLE_ADMIN; i++) {
    assert_int_equal(tt_role_parse(tt_role_name((enum tt_role)i), &role), 0);
    assert_int_equal(role, i);
  }
  assert_int_equal(tt_role_parse("Admin", &role), -EINVAL);
  assert_int_equal(tt_role_parse("", &role), -EINVAL);
  assert_int_equal(role, TT_ROLE_ADMIN);
}

static void test_copy_is_deep(void **state)
{
  char jid[] = "alice@example.org/phone", bare[] = "alice@example.org", empty[] = "";
  const struct tt_caller caller = {.kind = TT_CALLER_XMPP,
                                   .jid = jid,
                                   .bare = bare,
                                   .uid = 7,
                                   .role = TT_ROLE_READER,
                                   .language = empty,
                                   .user_token = jid,
                                   .is_end_to_end = true};
  (void)state;
  struct tt_caller *copy TT_AUTOFREE = tt_caller_copy(&caller);
  assert_non_null(copy);
  jid[0] = bare[0] = 'X';
  assert_string_equal(copy->jid, "alice@example.org/phone");
  assert_string_equal(copy->bare, "alice@example.org");
  assert_string_equal(copy->user_token, "alice@example.org/phone");
  assert_string_equal(copy->language, "");
  assert_null(copy->local);
  assert_null(copy->service_token);
  assert_int_equal(copy->uid, 7);
  assert_int_equal(copy->role, TT_ROLE_READER);
  assert_true(copy->is_end_to_end);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_roles),
      cmocka_unit_test(test_copy_is_deep),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
