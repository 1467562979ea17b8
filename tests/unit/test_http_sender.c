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
  const struct http_claim claim = {
      .authorization = authorization, .signature = signature, .body = body, .size = strlen(body)};
  struct http_proof proof;
  return http_sender_is_right(hook, &claim, &proof);
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

#define STRIPE "1cdd0650c8be1cb0974b1788d458b1e781206cfef59b85faafc582d2e182c57e"

static void test_stripe(void **state)
{
  const struct http_webhook hook = {.hmac = KEY, .scheme = HTTP_HOOK_STRIPE};
  static const char *const good[] = {"t=1700000000,v1=" STRIPE, "v1=" SIGNATURE ",v0=x,v1=" STRIPE ",t=1700000000"};
  static const char *const bad[] = {NULL,
                                    "",
                                    STRIPE,
                                    "v1=" STRIPE,
                                    "t=1700000000",
                                    "t=1700000001,v1=" STRIPE,
                                    "t=1700000000,v0=" STRIPE,
                                    "t=1700000000,v1=" SIGNATURE,
                                    "t=1700000000,t=1700000000,v1=" STRIPE,
                                    "t=170000000000,v1=" STRIPE,
                                    "t=-1700000000,v1=" STRIPE,
                                    "t=1700000000;v1=" STRIPE,
                                    "t=,v1=" STRIPE,
                                    ",,,=,t,v1"};
  char many[2000] = "t=1700000000";
  (void)state;
  assert_string_equal(http_sender_header(&hook), "Stripe-Signature");
  for (size_t i = 0; i < TT_COUNT(good); i++) {
    struct http_proof proof;
    const struct http_claim claim = {.signature = good[i], .body = DATA, .size = strlen(DATA)};
    assert_true(http_sender_is_right(&hook, &claim, &proof));
    assert_true(proof.sent_us == UINT64_C(1700000000000000));
    assert_int_equal(proof.signature[0], 0x1c);
  }
  for (size_t i = 0; i < TT_COUNT(bad); i++)
    assert_false(is_right(&hook, NULL, bad[i], DATA));
  assert_false(is_right(&hook, NULL, good[0], DATA " "));
  for (size_t i = 0; i < HTTP_SIGNATURES_MAX; i++)
    strcat(many, ",v1=" SIGNATURE);
  strcat(many, ",v1=" STRIPE);
  assert_false(is_right(&hook, NULL, many, DATA)); /* the ninth is not looked at */
}

static void test_standard(void **state)
{
  /* The example of the libraries of Standard Webhooks. */
  static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", body[] = "{\"test\": 2432232314}",
                    good[] = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
  static const struct {
    const char *signature, *id, *time;
    bool is_right;
  } rows[] = {
      {good, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", true},
      {"v1,bm90IGl0 v2,x  v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "msg_p5jXN8AQM9LWM0D4loKWxJek",
       "1614265330", true},
      {good, "msg_p5jXN8AQM9LWM0D4loKWxJel", "1614265330", false},
      {good, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265331", false},
      {good, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330 ", false},
      {good, NULL, "1614265330", false},
      {good, "msg_p5jXN8AQM9LWM0D4loKWxJek", NULL, false},
      {good, "", "", false},
      {good + 3, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", false},
      {"v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", false},
      {"v1,", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", false},
      {"v1,====", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", false},
      {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", false},
  };
  struct http_webhook hook = {.hmac = secret, .scheme = HTTP_HOOK_STANDARD};
  struct http_proof proof;
  (void)state;
  assert_string_equal(http_sender_header(&hook), "webhook-signature");
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    const struct http_claim claim = {
        .signature = rows[i].signature, .id = rows[i].id, .time = rows[i].time, .body = body, .size = strlen(body)};
    if (http_sender_is_right(&hook, &claim, &proof) != rows[i].is_right)
      fail_msg("%zu", i);
  }
  /* Where the id ends and the time begins must not be a matter of opinion. */
  const struct http_claim shifted = {
      .signature = good, .id = "msg_p5jXN8AQM9LWM0D4loKWxJek.1", .time = "1", .body = body};
  assert_false(http_sender_is_right(&hook, &shifted, &proof));
  hook.hmac = secret + 6;
  const struct http_claim claim = {
      .signature = good, .id = rows[0].id, .time = rows[0].time, .body = body, .size = strlen(body)};
  assert_true(http_sender_is_right(&hook, &claim, &proof));
  assert_true(http_sender_has_key(&hook));
  static const char *const none[] = {"whsec_", "whsec_a", "s3cret!!", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
                                     "A===",   "===="};
  for (size_t i = 0; i < TT_COUNT(none); i++) {
    hook.hmac = none[i];
    assert_false(http_sender_has_key(&hook));
    assert_false(http_sender_is_right(&hook, &claim, &proof));
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_token),  cmocka_unit_test(test_signature), cmocka_unit_test(test_both_and_none),
      cmocka_unit_test(test_stripe), cmocka_unit_test(test_standard),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
