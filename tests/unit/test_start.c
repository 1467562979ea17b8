/* SPDX-License-Identifier: Apache-2.0
 * start.c: what the process of a bridge is told, and the files that options name. isolate.c: how long it waits. */
#include "bridge/start.h"

#include "bridge/isolate.h"
#include "cmocka_all.h"

struct part {
  const char *file;
};
static const struct tt_option part_options[] = {
    {.name = "file", .type = TT_OPTION_STRING, .offset = offsetof(struct part, file), .flags = TT_OPTION_PATH},
    TT_OPTION_END,
};
struct all {
  const char *file, *same, *word, *device, *absent;
  struct part table;
  struct tt_list list;
};
#define ROW(name_, type_, ...)                                                                                     \
  {                                                                                                                \
    .name = #name_, .type = type_, .offset = offsetof(struct all, name_), __VA_ARGS__                              \
  }
static const struct tt_option options[] = {
    ROW(file, TT_OPTION_STRING, .flags = TT_OPTION_PATH),
    ROW(same, TT_OPTION_STRING, .flags = TT_OPTION_PATH),
    ROW(word, TT_OPTION_STRING),
    ROW(device, TT_OPTION_STRING, .flags = TT_OPTION_DEVICE),
    ROW(absent, TT_OPTION_STRING, .flags = TT_OPTION_PATH),
    ROW(table, TT_OPTION_TABLE, .table = part_options),
    ROW(list, TT_OPTION_LIST, .table = part_options, .size = sizeof(struct part)),
    TT_OPTION_END,
};
static const struct tt_bridge_ops ops = {.connection = {sizeof(struct all), options}};

static void test_what_options_name(void **state TT_UNUSED)
{
  struct part parts[] = {{"/c"}, {"/d"}};
  struct all all = {.file = "/a",
                    .same = "/a",
                    .word = "/no",
                    .device = "/dev/x",
                    .table = {"/b"},
                    .list = {.items = parts, .n = TT_COUNT(parts)}};
  struct tt_arena *arena = tt_arena_create(10000);
  struct tt_start start = {.protocol = "p", .name = "n", .is_probing = true}, back;
  assert_int_equal(tt_start_add_paths(&start, arena, options, &all), 0);
  assert_int_equal(tt_start_add_paths(&start, arena, options, NULL), 0); /* an address that is not there */
  assert_int_equal(start.files.n, 4);
  for (size_t i = 0; i < 4; i++)
    assert_string_equal(start.files.text[i], ((const char *[]){"/a", "/b", "/c", "/d"})[i]);
  assert_int_equal(start.devices.n, 1);
  assert_string_equal(start.devices.text[0], "/dev/x");

  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  tt_start_put(&start, &ops, &all, &out);
  struct tt_bytes in = tt_bytes_of(out.data, out.len);
  assert_int_equal(tt_start_take(&in, arena, &back), 0);
  assert_string_equal(back.protocol, "p");
  assert_null(back.bridges);
  assert_true(back.is_probing);
  assert_string_equal(back.files.text[3], "/d");
  struct all all_back = {0};
  assert_int_equal(tt_unpack(options, &in, arena, &all_back), 0); /* the options follow */
  assert_string_equal(all_back.device, "/dev/x");
  for (size_t n = 0; n < 10; n++) {
    in = tt_bytes_of(out.data, n);
    assert_int_equal(tt_start_take(&in, arena, &back), -EBADMSG);
  }
  tt_arena_destroy(arena);
}

static void test_ever_more_rarely(void **state TT_UNUSED)
{
  uint64_t before_us = 0;
  assert_int_equal(isolate_backoff(1), TT_ISOLATE_AGAIN_US);
  for (unsigned n = 1; n < 100; n++) {
    uint64_t wait_us = isolate_backoff(n);
    assert_true(wait_us == TT_ISOLATE_MOST_US || wait_us == TT_ISOLATE_AGAIN_US || wait_us == 2 * before_us);
    before_us = wait_us;
  }
  assert_int_equal(isolate_backoff(UINT32_MAX), TT_ISOLATE_MOST_US);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_options_name),
      cmocka_unit_test(test_ever_more_rarely),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
