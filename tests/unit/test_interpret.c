/* SPDX-License-Identifier: Apache-2.0
 * What registers could mean. */
#include "interpret.h"

#include "cmocka_all.h"

static void expect(const uint16_t words[], size_t n, const char *expected)
{
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  char line[MB_INTERPRET_LINE];
  for (unsigned i = 0; mb_interpret(words, n, i, line); i++)
    if (*line)
      tt_buf_printf(&out, "%s\n", line);
  assert_string_equal(out.data, expected);
}

static void test_lines(void **state TT_UNUSED)
{
  expect((uint16_t[]){0xfffe}, 1, "registers 0xFFFE\nAB: int16 -2, uint16 65534\nBA: int16 -257, uint16 65279\n");
  expect((uint16_t[]){0x199a, 0x4366}, 2,
         "registers 0x199A 0x4366\nABCD: int32 429540198, uint32 429540198\n"
         "CDAB: int32 1130764698, uint32 1130764698, float32 230.1\n"
         "BADC: int32 -1709611453, uint32 2585355843\nDCBA: int32 1715706393, uint32 1715706393\n");
  expect((uint16_t[]){0x5344, 0x4d36, 0x3330}, 3, "registers 0x5344 0x4D36 0x3330\ntext \"SDM630\"\n");
  expect((uint16_t[]){0x4142, 0x4300, 0x0001}, 3, "registers 0x4142 0x4300 0x0001\ntext \"ABC\"\n");
  expect((uint16_t[]){0, 0, 0, 1}, 4,
         "registers 0x0000 0x0000 0x0000 0x0001\nABCD: int64 1, uint64 1\n"
         "CDAB: int64 281474976710656, uint64 281474976710656\nBADC: int64 256, uint64 256\n"
         "DCBA: int64 72057594037927936, uint64 72057594037927936\n");
}

static void test_long(void **state TT_UNUSED)
{
  uint16_t words[MB_READ_REGISTERS_MAX];
  char line[MB_INTERPRET_LINE];
  for (size_t i = 0; i < MB_READ_REGISTERS_MAX; i++)
    words[i] = 0x2041;
  for (unsigned i = 0; mb_interpret(words, MB_READ_REGISTERS_MAX, i, line); i++)
    assert_true(strlen(line) < MB_INTERPRET_LINE);
  assert_true(mb_interpret(words, MB_READ_REGISTERS_MAX, 0, line));
  assert_non_null(strstr(line, " ..."));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lines),
      cmocka_unit_test(test_long),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
