/* SPDX-License-Identifier: Apache-2.0
 * location.c: which addresses may be asked. */
#include "cmocka_all.h"
#include "location.h"

#include <stdio.h>

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define SENDER         IP(192, 168, 1, 20)

static const struct up_net net = {IP(192, 168, 1, 5), IP(255, 255, 255, 0)};

static void good_locations(void **state)
{
  static const char *const good[] = {
      "http://192.168.1.20:49152/description.xml",
      "http://192.168.1.20/upnp/desc",
      "http://192.168.1.20:80/",
      "HTTP://192.168.1.20:65535",
      "http://192.168.1.20:1024/a?b=c&d=%20",
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(good); i++) {
    const char *problem = up_location_problem(good[i], SENDER, &net);
    if (problem)
      fail_msg("%s %s", good[i], problem);
  }
}

/* What somebody who can send datagrams would have us ask. */
static void malicious_locations(void **state)
{
  static const struct {
    const char *location;
    uint32_t sender;
  } bad[] = {
      {"http://127.0.0.1:8080/admin", IP(127, 0, 0, 1)},                    /* this machine */
      {"http://169.254.169.254/latest/meta-data/", IP(169, 254, 169, 254)}, /* a cloud's metadata */
      {"http://192.168.1.1:8080/reboot", SENDER},                           /* a neighbour */
      {"http://10.0.0.7:8080/", IP(10, 0, 0, 7)},                           /* another network */
      {"http://192.168.1.20:22/", SENDER},                                  /* another service */
      {"http://192.168.1.20:25/HELO", SENDER},
      {"https://192.168.1.20:8443/", SENDER}, /* other schemes */
      {"file:///etc/passwd", SENDER},
      {"gopher://192.168.1.20:6379/_FLUSHALL", SENDER},
      {"http://192.168.1.20@127.0.0.1:8080/", SENDER}, /* a user name that looks like a host */
      {"http://192.168.1.20:8080@evil.example/", SENDER},
      {"http://localhost:8080/", IP(127, 0, 0, 1)}, /* names */
      {"http://192.168.1.20.evil.example:8080/", SENDER},
      {"http://[::1]:8080/", SENDER}, /* other spellings of addresses */
      {"http://[::ffff:127.0.0.1]:8080/", SENDER},
      {"http://3232235796:8080/", SENDER},
      {"http://0xc0.0xa8.1.20:8080/", SENDER},
      {"http://0300.0250.01.024:8080/", SENDER},
      {"http://192.168.01.20:8080/", SENDER},
      {"http://192.168.276:8080/", SENDER},
      {"http://0.0.0.0:8080/", 0},
      {"http://192.168.1.255:8080/", IP(192, 168, 1, 255)}, /* everybody */
      {"http://192.168.1.0:8080/", IP(192, 168, 1, 0)},
      {"http://239.255.255.250:1900/", IP(239, 255, 255, 250)},
      {"http://192.168.1.20:0/", SENDER}, /* ports */
      {"http://192.168.1.20:65616/", SENDER},
      {"http://192.168.1.20:8080x/", SENDER},
      {"http://192.168.1.20:/", SENDER},
      {"http://192.168.1.20:8080/\r\nX-Header: 1", SENDER}, /* a header of one's own */
      {"http://192.168.1.20:8080/a b", SENDER},
      {"http://192.168.1.20\\@127.0.0.1:8080/", SENDER},
      {"http://192.168.1.20#@127.0.0.1/", SENDER},
      {"http://192.168.1.20?@127.0.0.1/", SENDER},
      {"http://192.168.1.20/@127.0.0.1/", SENDER},
      {"http://192.168.1.20:8080/#x", SENDER},
      {"http:///x", SENDER},
      {"", SENDER},
      {"192.168.1.20:8080/x", SENDER},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(bad); i++)
    if (!up_location_problem(bad[i].location, bad[i].sender, &net))
      fail_msg("%s was let through", bad[i].location);
  char longest[2 * UP_URL_MAX] = "http://192.168.1.20:8080/";
  memset(longest + strlen(longest), 'a', UP_URL_MAX);
  assert_string_equal(up_location_problem(longest, SENDER, &net), "is too long");
}

static void networks_of_other_kinds(void **state)
{
  static const struct up_net link_local = {IP(169, 254, 3, 4), IP(255, 255, 0, 0)};
  static const struct up_net pair = {IP(10, 1, 1, 2), IP(255, 255, 255, 254)};
  (void)state;
  assert_null(up_location_problem("http://169.254.9.9:5000/", IP(169, 254, 9, 9), &link_local));
  assert_null(up_location_problem("http://10.1.1.3:5000/", IP(10, 1, 1, 3), &pair));
}

static void references_in_descriptions(void **state)
{
  static const char location[] = "http://192.168.1.20:5000/dev/desc.xml";
  static const struct {
    const char *base, *reference, *url;
  } good[] = {
      {NULL, "/control", "http://192.168.1.20:5000/control"},
      {NULL, "control", "http://192.168.1.20:5000/dev/control"},
      {NULL, " \n../control ", "http://192.168.1.20:5000/control"},
      {NULL, "http://192.168.1.20:5001/x", "http://192.168.1.20:5001/x"},
      {NULL, "/control?a=b", "http://192.168.1.20:5000/control?a=b"},
      {"http://192.168.1.20:5002/", "/control", "http://192.168.1.20:5002/control"},
      {"http://127.0.0.1:5002/", "/control", "http://192.168.1.20:5000/control"},
      {"", "/control", "http://192.168.1.20:5000/control"},
  };
  static const char *const bad[] = {"http://192.168.1.21:5000/x",
                                    "//192.168.1.1/x",
                                    "http://127.0.0.1:5000/",
                                    "",
                                    "https://192.168.1.20/",
                                    "file:///etc/x",
                                    "http://192.168.1.20:22/",
                                    "  ",
                                    "http://[::1]/",
                                    "javascript:1"};
  char url[UP_URL_MAX];
  (void)state;
  for (size_t i = 0; i < TT_COUNT(good); i++) {
    assert_int_equal(up_url_resolve(location, good[i].base, good[i].reference, url), 0);
    assert_string_equal(url, good[i].url);
  }
  for (size_t i = 0; i < TT_COUNT(bad); i++)
    if (up_url_resolve(location, NULL, bad[i], url) == 0)
      fail_msg("%s became %s", bad[i], url);
  char host[UP_HOST_TEXT];
  assert_string_equal(up_url_host(host, location), "192.168.1.20:5000");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(good_locations),
      cmocka_unit_test(malicious_locations),
      cmocka_unit_test(networks_of_other_kinds),
      cmocka_unit_test(references_in_descriptions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
