/* SPDX-License-Identifier: Apache-2.0
 * coap URIs: what is taken, what is refused, and what options a path becomes. */
#include "uri.h"

#include "cmocka_all.h"

#include <stdio.h>

static const char *base(const char *text)
{
  static char out[600];
  struct cb_base base;
  const char *problem = cb_base_problem(text, &base);
  if (problem)
    return problem;
  TT_AUTOBUF struct tt_buf printed = TT_BUF(0);
  cb_base_print(&base, &printed);
  snprintf(out, sizeof out, "%s", printed.data);
  return out;
}

static void test_bases(void **state)
{
  static const struct {
    const char *text, *expected;
  } cases[] = {
      {"coap://192.0.2.1", "coap://192.0.2.1:5683"},
      {"coaps://192.0.2.1", "coaps://192.0.2.1:5684"},
      {"coap://192.0.2.1:1234/", "coap://192.0.2.1:1234"},
      {"COAP://Sensor.Example.ORG", "coap://sensor.example.org:5683"},
      {"coap://node_1:", "coap://node_1:5683"},
      {"coap://[FD00::1c]", "coap://[fd00::1c]:5683"},
      {"coaps://[fe80::1%eth0]:1", "coaps://[fe80::1%eth0]:1"},
      {"coap://[fe80::1%25eth0]", "coap://[fe80::1%eth0]:5683"},
      {"http://a", "does not begin with coap:// or coaps://"},
      {"coap+tcp://a", "does not begin with coap:// or coaps://"},
      {"coap:/a", "does not begin with coap:// or coaps://"},
      {"", "does not begin with coap:// or coaps://"},
      {"coap://", "has no host, or one longer than 255 bytes"},
      {"coap://:5683", "has no host, or one longer than 255 bytes"},
      {"coap://[]", "has no host, or one longer than 255 bytes"},
      {"coap://[::1", "has a [ without ]"},
      {"coap://[::1]5683", "has something between the ] and the port"},
      {"coap://[::g]", "has no IPv6 address between [ and ]"},
      {"coap://[1.2.3.4]", "has no IPv6 address between [ and ]"},
      {"coap://[fe80::1%]", "has no interface behind the % of its address, or none that can be"},
      {"coap://a b", "has a host that is neither a name nor an address"},
      {"coap://-a", "has a host that is neither a name nor an address"},
      {"coap://fd00::1", "has no valid port"},
      {"coap://a:0", "has no valid port"},
      {"coap://a:65536", "has no valid port"},
      {"coap://a:99999999999999999999", "has no valid port"},
      {"coap://a:x", "has no valid port"},
      {"coap://u@a", "has a user; CoAP has none"},
      {"coap://a/b", "has something behind host and port; paths belong to the points"},
      {"coap://a?b", "has something behind host and port; paths belong to the points"},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(cases); i++)
    if (strcmp(base(cases[i].text), cases[i].expected) != 0)
      fail_msg("%s: \"%s\", not \"%s\"", cases[i].text, base(cases[i].text), cases[i].expected);
}

static void test_long_hosts(void **state)
{
  char text[CB_HOST_MAX + 20];
  (void)state;
  snprintf(text, sizeof text, "coap://%0*d", CB_HOST_MAX, 0);
  assert_int_equal(strlen(base(text)), CB_HOST_MAX + 12);
  snprintf(text, sizeof text, "coap://%0*d", CB_HOST_MAX + 1, 0);
  assert_string_equal(base(text), "has no host, or one longer than 255 bytes");
}

static void print(const struct cb_path *path, const struct cb_segment *segments, size_t n, char **out)
{
  for (size_t i = 0; i < n; i++)
    *out += sprintf(*out, "(%.*s)", segments[i].size, path->bytes + segments[i].at);
}

static const char *path(const char *text)
{
  static char out[2000];
  struct cb_path path;
  char *end = out;
  const char *problem = cb_path_problem(text, &path);
  if (problem)
    return problem;
  *out = 0;
  print(&path, path.path, path.n_path, &end);
  if (path.n_query)
    *end++ = '?', *end = 0;
  print(&path, path.query, path.n_query, &end);
  return out;
}

static void test_paths(void **state)
{
  static const struct {
    const char *text, *expected;
  } cases[] = {
      {"/", ""},
      {"/a", "(a)"},
      {"/3303/0/5700", "(3303)(0)(5700)"},
      {"/a/", "(a)()"},
      {"//a", "()(a)"},
      {"/a?b=1&c", "(a)?(b=1)(c)"},
      {"/a%2fb%20c", "(a/b c)"},
      {"/a?x=%26/?", "(a)?(x=&/?)"},
      {"/\xc3\xa4", "(\xc3\xa4)"},
      {"", "does not begin with /"},
      {"a", "does not begin with /"},
      {"/a b", "has a blank or a control character"},
      {"/a\n", "has a blank or a control character"},
      {"/%", "has a % without two hexadecimal digits behind it"},
      {"/%1", "has a % without two hexadecimal digits behind it"},
      {"/%zz", "has a % without two hexadecimal digits behind it"},
      {"/a#b", "has a #, which is never sent"},
      {"/a/../b", "has . or .. in it"},
      {"/.", "has . or .. in it"},
      {"/%2e%2e", "has . or .. in it"},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(cases); i++)
    if (strcmp(path(cases[i].text), cases[i].expected) != 0)
      fail_msg("%s: \"%s\", not \"%s\"", cases[i].text, path(cases[i].text), cases[i].expected);
}

static void test_limits_of_paths(void **state)
{
  char text[2000];
  (void)state;
  snprintf(text, sizeof text, "/%0*d", CB_SEGMENT_MAX, 0);
  assert_int_equal(strlen(path(text)), CB_SEGMENT_MAX + 2);
  snprintf(text, sizeof text, "/%0*d", CB_SEGMENT_MAX + 1, 0);
  assert_string_equal(path(text), "has a part longer than 255 bytes");
  snprintf(text, sizeof text, "/%0200d/%0200d/%0200d", 0, 0, 0);
  assert_string_equal(path(text), "is longer than 512 bytes");
  strcpy(text, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16");
  assert_string_equal(path(text), "(1)(2)(3)(4)(5)(6)(7)(8)(9)(10)(11)(12)(13)(14)(15)(16)");
  strcat(text, "/17");
  assert_string_equal(path(text), "has more than 16 parts");
}

static const char *reference(const char *text)
{
  static char out[1000];
  struct cb_base here, there;
  char where[CB_PATH_MAX + 1];
  assert_null(cb_base_problem("coap://192.0.2.1", &here));
  if (cb_reference(&here, text, strlen(text), &there, where) < 0)
    return "no";
  TT_AUTOBUF struct tt_buf printed = TT_BUF(0);
  cb_base_print(&there, &printed);
  snprintf(out, sizeof out, "%s %s", printed.data, where);
  return out;
}

static void test_references(void **state)
{
  (void)state;
  assert_string_equal(reference("/a/b"), "coap://192.0.2.1:5683 /a/b");
  assert_string_equal(reference("coaps://[fd00::1]/a"), "coaps://[fd00::1]:5684 /a");
  assert_string_equal(reference("coap://other:99"), "coap://other:99 /");
  assert_string_equal(reference("http://a/b"), "no");
  assert_string_equal(reference("a"), "no");
  assert_string_equal(reference("//a/b"), "no");
  assert_string_equal(reference("/../a"), "no");
  assert_string_equal(reference(""), "no");
  char text[2000];
  snprintf(text, sizeof text, "/%01900d", 0);
  assert_string_equal(reference(text), "no");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bases),           cmocka_unit_test(test_long_hosts), cmocka_unit_test(test_paths),
      cmocka_unit_test(test_limits_of_paths), cmocka_unit_test(test_references),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
