/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include "sender.h"

/* RFC 4231, test case 2. */
#define KEY       "Jefe"
#define DATA      "what do ya want for nothing?"
#define SIGNATURE "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

static bool is_right(const struct http_webhook *hook, const char *authorization, const char *signature,
                     const char *body)
{
  return http_sender_is_right(hook, authorization, signature, body, strlen(body));
}

static void test_token(void **state)
{
  const struct http_webhook hook = {.token = "abc"};
  static const char *const bad[] = {NULL,        "",    "Bearer ",    "Bearer ab",   "Bearer abcd", "Bearer  abc",
                                    "Basic abc", "abc", "Bearer ABC", "Bearer abc ", "Bearer\tabc", "Bearer,abc"};
  (void)state;
  assert_true(is_right(&hook, "Bearer abc", NULL, ""));
  assert_true(is_right(&hook, "bearer abc", NULL, "{}"));
  for (size_t i = 0; i < TT_COUNT(bad); i++)
    assert_false(is_right(&hook, bad[i], SIGNATURE, ""));
}

static void test_signature(void **state)
{
  const struct http_webhook hook = {.hmac = KEY};
  static const char *const bad[] = {NULL,
                                    "",
                                    "sha256=",
                                    "sha1=" SIGNATURE,
                                    SIGNATURE "0",
                                    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec384",
                                    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3844",
                                    "xbdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"};
  (void)state;
  assert_true(is_right(&hook, NULL, SIGNATURE, DATA));
  assert_true(is_right(&hook, NULL, "sha256=" SIGNATURE, DATA));
  assert_true(
      is_right(&hook, NULL, "SHA256=5BDCC146BF60754E6A042426089575C75A003F089D2739839DEC58B964EC3843", DATA));
  assert_false(is_right(&hook, NULL, SIGNATURE, DATA " "));
  for (size_t i = 0; i < TT_COUNT(bad); i++)
    assert_false(is_right(&hook, "Bearer " KEY, bad[i], DATA));
}

static void test_both_and_none(void **state)
{
  const struct http_webhook both = {.token = "abc", .hmac = KEY}, none = {0}, empty = {.token = "", .hmac = ""};
  (void)state;
  assert_true(is_right(&both, "Bearer abc", SIGNATURE, DATA));
  assert_false(is_right(&both, "Bearer abc", NULL, DATA));
  assert_false(is_right(&both, NULL, SIGNATURE, DATA));
  assert_false(is_right(&none, "Bearer ", SIGNATURE, DATA));
  assert_false(is_right(&empty, "Bearer ", SIGNATURE, DATA));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_token),
      cmocka_unit_test(test_signature),
      cmocka_unit_test(test_both_and_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
