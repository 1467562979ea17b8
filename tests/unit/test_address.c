/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include "common/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const struct {
  const char *address;
  bool is_foreign_allowed;
} rows[] = {
    {"192.168.1.7", true},
    {"10.0.0.1", true},
    {"172.16.3.4", true},
    {"8.8.8.8", true},
    {"126.255.255.255", true},
    {"128.0.0.1", true},
    {"223.255.255.255", true},
    {"169.253.255.255", true},
    {"2001:db8::1", true},
    {"fd12:3456:789a::1", true},
    {"::ffff:192.168.1.7", true},
    {"64:ff9b::808:808", true},
    {"2002:808:808::1", true},
    {"127.0.0.1", false},
    {"127.255.255.254", false},
    {"0.0.0.0", false},
    {"0.1.2.3", false},
    {"169.254.169.254", false},
    {"169.254.0.1", false},
    {"100.100.100.200", false},
    {"192.0.0.192", false},
    {"224.0.0.251", false},
    {"240.0.0.1", false},
    {"255.255.255.255", false},
    {"::", false},
    {"::1", false},
    {"fe80::1", false},
    {"febf::1", false},
    {"ff02::fb", false},
    {"fd00:ec2::254", false},
    {"::ffff:127.0.0.1", false},
    {"::ffff:169.254.169.254", false},
    {"::127.0.0.1", false},
    {"64:ff9b::7f00:1", false},
    {"64:ff9b::a9fe:a9fe", false},
    {"2002:7f00:1::", false},
    {"2002:a9fe:a9fe::1", false},
};

static bool is_allowed(const struct tt_address_rule *rule, const char *text)
{
  struct sockaddr_in in = {.sin_family = AF_INET};
  struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
  bool by_text = tt_address_text_is_allowed(rule, text), by_bytes;
  if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
    by_bytes = tt_address_is_allowed(rule, (struct sockaddr *)&in, sizeof in);
  } else {
    assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    by_bytes = tt_address_is_allowed(rule, (struct sockaddr *)&in6, sizeof in6);
  }
  assert_int_equal(by_text, by_bytes);
  return by_text;
}

static void test_foreign(void **state)
{
  const struct tt_address_rule rule = {.kind = TT_ADDRESS_FOREIGN}, any = {.kind = TT_ADDRESS_ANY};
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (is_allowed(&rule, rows[i].address) != rows[i].is_foreign_allowed)
      fail_msg("%s", rows[i].address);
    assert_true(is_allowed(&any, rows[i].address));
  }
}

static void test_listed(void **state)
{
  const char *const list[] = {"127.0.0.1", "fe80::7%eth0", "not an address"};
  const struct tt_address_rule foreign = {TT_ADDRESS_FOREIGN, list, 3}, only = {TT_ADDRESS_LISTED, list, 3};
  (void)state;
  assert_true(is_allowed(&foreign, "127.0.0.1"));
  assert_true(is_allowed(&foreign, "::ffff:127.0.0.1"));
  assert_true(is_allowed(&foreign, "fe80::7"));
  assert_true(is_allowed(&foreign, "192.168.1.7"));
  assert_false(is_allowed(&foreign, "127.0.0.2"));
  assert_true(is_allowed(&only, "127.0.0.1"));
  assert_true(is_allowed(&only, "fe80::7"));
  assert_false(is_allowed(&only, "192.168.1.7"));
  assert_false(is_allowed(&only, "8.8.8.8"));
}

static void test_what_is_no_address(void **state)
{
  const struct tt_address_rule any = {.kind = TT_ADDRESS_ANY};
  const struct sockaddr unix_address = {.sa_family = AF_UNIX};
  const struct sockaddr_in cut = {.sin_family = AF_INET};
  (void)state;
  assert_false(tt_address_is_allowed(&any, &unix_address, sizeof unix_address));
  assert_false(tt_address_is_allowed(&any, (const struct sockaddr *)&cut, 4));
  const char *const texts[] = {"", "localhost", "127.1", "0x7f000001", "2130706433", "1.2.3.4.5", ":::", "[::1"};
  for (size_t i = 0; i + 1 < sizeof texts / sizeof *texts; i++)
    assert_false(tt_address_text_is_allowed(&any, texts[i]));
  assert_true(tt_address_text_is_allowed(&any, "[::1]"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_foreign),
      cmocka_unit_test(test_listed),
      cmocka_unit_test(test_what_is_no_address),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
