/* SPDX-License-Identifier: Apache-2.0
 * ssdp.c: answers to searches. */
#include "cmocka_all.h"
#include "ssdp.h"

#include <stdio.h>

static int parse(const char *text, struct up_sighting *s)
{
  *s = (struct up_sighting){.sender = 7};
  return up_ssdp_answer(text, strlen(text), s);
}

static void a_search(void **state)
{
  char out[UP_SSDP_MESSAGE_MAX], target[UP_SSDP_MESSAGE_MAX];
  (void)state;
  assert_int_equal(up_ssdp_search("uuid:1", out), 0);
  assert_string_equal(out,
                      "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\n"
                      "ST: uuid:1\r\n\r\n");
  memset(target, 'a', sizeof target - 1);
  target[sizeof target - 1] = 0;
  assert_int_equal(up_ssdp_search(target, out), -EMSGSIZE);
}

static void good_answers(void **state)
{
  struct up_sighting s;
  (void)state;
  assert_int_equal(
      parse("HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nLOCATION: http://10.0.0.1:80/d\r\n"
            "ST: urn:x:device:Light:1\r\nUSN: uuid:1::urn:x:device:Light:1\r\n\r\n",
            &s),
      0);
  assert_true(s.is_alive && s.sender == 7 && s.max_age_s == 1800);
  assert_string_equal(s.udn, "uuid:1");
  assert_string_equal(s.type, "urn:x:device:Light:1");
  assert_string_equal(s.location, "http://10.0.0.1:80/d");
  assert_int_equal(parse("HTTP/1.0 200\nusn:uuid:2\nLocation:http://a\ncache-control: no-cache, Max-Age = 60", &s),
                   0);
  assert_string_equal(s.udn, "uuid:2");
  assert_string_equal(s.type, "");
  assert_int_equal(s.max_age_s, 60);
  assert_int_equal(parse("HTTP/1.1 200 OK\r\nLOCATION: x\r\nUSN: uuid:3::upnp:rootdevice\r\n", &s), 0);
  assert_int_equal(s.max_age_s, 0);
}

static void bad_answers(void **state)
{
  static const char *const bad[] = {
      "",
      "HTTP/1.1 200",
      "HTTP/1.1 404 Not Found\r\nUSN: uuid:1\r\nLOCATION: x\r\n",
      "NOTIFY * HTTP/1.1\r\nUSN: uuid:1\r\nLOCATION: x\r\n",
      "HTTP/1.1 200 OK\r\nUSN: uuid:1\r\n",
      "HTTP/1.1 200 OK\r\nLOCATION: x\r\n",
      "HTTP/1.1 200 OK\r\nUSN: \r\nLOCATION: x\r\n",
      "HTTP/1.1 200 OK\r\nUSN: urn:1\r\nLOCATION: x\r\n",
      "HTTP/1.1 200 OK\r\nUSN: uuid:1\r\nLOCATION:\r\n",
  };
  struct up_sighting s;
  char text[2 * UP_URL_MAX];
  (void)state;
  for (size_t i = 0; i < TT_COUNT(bad); i++)
    if (parse(bad[i], &s) == 0)
      fail_msg("taken: %s", bad[i]);
  snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nUSN: uuid:1\r\nLOCATION: http://%0*d\r\n", UP_URL_MAX, 1);
  assert_int_equal(parse(text, &s), -EINVAL);
  snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nLOCATION: x\r\nUSN: uuid:%0*d\r\n", UP_UDN_MAX, 1);
  assert_int_equal(parse(text, &s), -EINVAL);
  static const char nul[] = "HTTP/1.1 200 OK\r\nUSN: uuid:1\0x\r\nLOCATION: x\r\n";
  s = (struct up_sighting){0};
  assert_int_equal(up_ssdp_answer(nul, sizeof nul - 1, &s), -EINVAL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_search),
      cmocka_unit_test(good_answers),
      cmocka_unit_test(bad_answers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
