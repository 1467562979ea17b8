/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include "common/compose.h"
#include "compose.h"

/* ---- Items ------------------------------------------------------------------------------------------------- */
#define PLAIN(text_)  (&(struct tt_item){.kind = TT_ITEM_SCALAR, .text = (text_)})
#define QUOTED(text_) (&(struct tt_item){.kind = TT_ITEM_SCALAR, .text = (text_), .is_quoted = true})
#define LIST(...)                                                                                                  \
  (&(struct tt_item){.kind = TT_ITEM_LIST,                                                                         \
                     .n = sizeof((struct tt_item *[]){__VA_ARGS__}) / sizeof(struct tt_item *),                    \
                     .items = (struct tt_item *[]){__VA_ARGS__}})
#define MAP(names, ...)                                                                                            \
  (&(struct tt_item){.kind = TT_ITEM_MAP,                                                                          \
                     .n = sizeof((struct tt_item *[]){__VA_ARGS__}) / sizeof(struct tt_item *),                    \
                     .items = (struct tt_item *[]){__VA_ARGS__},                                                   \
                     .keys = (const char *[]){names}})
#define NAMES(...) __VA_ARGS__

static void expect(const struct http_message *message, const struct tt_value *value, const char *method,
                   const char *url, const char *body)
{
  struct http_request request;
  assert_int_equal(http_compose("http://host/", message, value, &request), 0);
  assert_string_equal(request.method, method);
  assert_string_equal(request.url, url);
  assert_true(!body == !request.body);
  if (body) {
    assert_string_equal(request.body, body);
    assert_int_equal(request.body_size, strlen(body));
  }
  http_request_finish(&request);
}

static const struct tt_value on = {.type = TT_TYPE_BOOLEAN, .boolean = true};

static void test_urls(void **state)
{
  struct http_message m = {.get = "/status"};
  (void)state;
  expect(&m, NULL, "GET", "http://host/status", NULL);
  m.query = MAP(NAMES("id", "a b&c"), PLAIN("7"), QUOTED("x=1&y/ö%"));
  expect(&m, NULL, "GET", "http://host/status?id=7&a%20b%26c=x%3D1%26y%2F%C3%B6%25", NULL);
  m.query = MAP(NAMES("x", "none", "tilde", "quoted", "last"), LIST(PLAIN("1"), PLAIN("2")), PLAIN("null"),
                PLAIN("~"), QUOTED("null"), PLAIN("1"));
  expect(&m, NULL, "GET", "http://host/status?x=1&x=2&quoted=null&last=1", NULL);
  m.get = "https://other:1/x?y";
  m.query = MAP(NAMES("z"), PLAIN("1"));
  expect(&m, NULL, "GET", "https://other:1/x?y&z=1", NULL);
}

static void test_values(void **state)
{
  TT_AUTOVALUE struct tt_value text = {0};
  struct http_message m = {.get = "/set/${value}/now", .query = MAP(NAMES("turn"), PLAIN("Power ${value}"))};
  (void)state;
  assert_int_equal(tt_value_text(TT_TYPE_STRING, "a/../?b#c\r\nd", 12, &text), 0);
  expect(&m, &on, "GET", "http://host/set/true/now?turn=Power%20true", NULL);
  m.query = NULL;
  expect(&m, &text, "GET", "http://host/set/a%2F..%2F%3Fb%23c%0D%0Ad/now", NULL);
  expect(&m, NULL, "GET", "http://host/set/${value}/now", NULL); /* nobody writes */
}

static void test_bodies(void **state)
{
  struct http_message m = {.post = "/x", .json = MAP(NAMES("id", "on"), PLAIN("0"), PLAIN("${value}"))};
  (void)state;
  expect(&m, &on, "POST", "http://host/x", "{\"id\":0,\"on\":true}");
  m.json = NULL;
  m.form = MAP(NAMES("a", "b"), PLAIN("${value}"), PLAIN("x y"));
  expect(&m, &on, "POST", "http://host/x", "a=true&b=x%20y");
  m.form = NULL;
  m.text = "say ${value}";
  expect(&m, &on, "POST", "http://host/x", "say true");
  m = (struct http_message){.put = "/x"};
  expect(&m, &on, "PUT", "http://host/x", ""); /* not the body of the last one, and a length of 0 */
  m = (struct http_message){.delete = "/x"};
  expect(&m, &on, "DELETE", "http://host/x", NULL);
}

static void test_what_cannot_be(void **state)
{
  struct http_request request;
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  (void)state;
  assert_int_equal(http_compose("http://host", &(struct http_message){0}, NULL, &request), -EINVAL);
  assert_int_equal(http_compose(NULL, &(struct http_message){.get = "/x"}, NULL, &request), -EINVAL);
  assert_int_equal(http_compose("http://host", &(struct http_message){.get = "x"}, NULL, &request), -EINVAL);
  while (text.len <= TT_FETCH_URL_MAX)
    tt_buf_puts(&text, "/x");
  assert_int_equal(http_compose("http://host", &(struct http_message){.get = text.data}, NULL, &request),
                   -EMSGSIZE);
  while (text.len <= TT_COMPOSE_SIZE_MAX)
    tt_buf_puts(&text, "/x");
  assert_int_equal(
      http_compose("http://host", &(struct http_message){.put = "/x", .text = text.data}, &on, &request),
      -EMSGSIZE);
}

static void test_words(void **state)
{
  const struct tt_item *words = MAP(NAMES("true", "2"), QUOTED("on"), QUOTED("two"));
  (void)state;
  TT_AUTOVALUE struct tt_value a = {0}, b = {0}, c = {0};
  assert_int_equal(http_compose_word(words, &on, &a), 0);
  assert_string_equal(a.text, "on");
  assert_int_equal(http_compose_word(words, &TT_VALUE_INT64(2), &b), 0);
  assert_string_equal(b.text, "two");
  assert_int_equal(http_compose_word(words, &TT_VALUE_BOOLEAN(false), &c), -EINVAL);
  assert_int_equal(http_compose_word(NULL, &on, &c), 0);
  assert_true(c.boolean);
}

static void test_problems(void **state)
{
  const struct tt_item *at;
  struct tt_item large = {.kind = TT_ITEM_MAP, .n = HTTP_QUERY_MAX + 1};
  (void)state;
  assert_null(http_query_problem(MAP(NAMES("a", "b"), PLAIN("1"), LIST(PLAIN("1"))), &at));
  assert_non_null(http_query_problem(PLAIN("a=b"), &at));
  assert_non_null(http_query_problem(LIST(PLAIN("1")), &at));
  assert_non_null(http_query_problem(&large, &at));
  assert_non_null(http_query_problem(MAP(NAMES("a"), MAP(NAMES("b"), PLAIN("1"))), &at));
  assert_non_null(http_query_problem(MAP(NAMES("a"), LIST(LIST(PLAIN("1")))), &at));
}

/* What some devices have in their addresses opens them. */
static void test_addresses_for_people(void **state)
{
  static const struct {
    const char *url, *shown;
  } rows[] = {
      {"http://hub.test/api/1028d66426293e821ecfd9ef1a0731df/lights/1", "http://hub.test/api/.../lights/1"},
      {"http://hub.test:80/a?appid=1028d66426293e821ecfd9ef1a0731df", "http://hub.test:80/a"},
      {"http://a-very-long-name-of-a-host-1.test/x", "http://a-very-long-name-of-a-host-1.test/x"},
      {"http://h.test/solar_api/v1/GetPowerFlowRealtimeData.fcgi",
       "http://h.test/solar_api/v1/GetPowerFlowRealtimeData.fcgi"},
      {"http://h.test/newdeveloper00001", "http://h.test/..."},
      {"http://h.test?k=1/2", "http://h.test"},
      {"http://h.test", "http://h.test"},
      {"", ""},
  };
  char out[100], small[12];
  (void)state;
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    assert_string_equal(http_url_shown(rows[i].url, out, sizeof out), rows[i].shown);
  assert_string_equal(http_url_shown("http://h.test/abc", small, sizeof small), "http://h.te");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_addresses_for_people),
      cmocka_unit_test(test_urls),
      cmocka_unit_test(test_values),
      cmocka_unit_test(test_bodies),
      cmocka_unit_test(test_what_cannot_be),
      cmocka_unit_test(test_words),
      cmocka_unit_test(test_problems),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
