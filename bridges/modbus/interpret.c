/* SPDX-License-Identifier: Apache-2.0
 * Plausible meanings of registers. */
#include "interpret.h"

#include <math.h>
#include <stdio.h>

#define WORDS_SHOWN 16
/* A float beyond these is hardly a measurement. */
#define FLOAT_LEAST 1e-6
#define FLOAT_MOST  1e9
/* Where nobody has said that it is one, even less. */
#define GUESS_LEAST 1e-3
#define GUESS_MOST  1e7
#define GUESS_INT   100000000 /* a number of two registers beyond this is hardly a counter */
#define NEGATIVE    0xf000    /* from here on a register is rather a small negative number */

static const struct {
  enum mb_type type;
  const char *name;
  unsigned words;
} types[] = {
    {MB_INT16, "int16", 1},     {MB_UINT16, "uint16", 1}, {MB_INT32, "int32", 2},   {MB_UINT32, "uint32", 2},
    {MB_FLOAT32, "float32", 2}, {MB_INT64, "int64", 4},   {MB_UINT64, "uint64", 4}, {MB_FLOAT64, "float64", 4},
};
static const char *const orders[] = {"ABCD", "CDAB", "BADC", "DCBA"}; /* by enum mb_order bits */

static bool is_plausible(const struct tt_value *value)
{
  if (value->type != TT_TYPE_QUANTITY)
    return true;
  double size = fabs(value->quantity.number);
  return size == 0 || (size >= FLOAT_LEAST && size <= FLOAT_MOST);
}

static void values(const uint16_t words[], size_t n, unsigned order, struct tt_buf *out)
{
  for (size_t i = 0; i < TT_COUNT(types); i++) {
    struct mb_format format = {.type = types[i].type, .order = order, .words = types[i].words};
    TT_AUTOVALUE struct tt_value value = {0};
    if (types[i].words != n || mb_decode(&format, words, n, &value) < 0 || !is_plausible(&value))
      continue;
    tt_buf_printf(out, "%s%s ", out->len ? ", " : "", types[i].name);
    tt_value_print(&value, out);
  }
}

static void text(const uint16_t words[], size_t n, struct tt_buf *out)
{
  char bytes[2 * MB_READ_REGISTERS_MAX], shown[2 * MB_READ_REGISTERS_MAX + 1];
  size_t k = 0;
  for (size_t i = 0; i < n && i < MB_READ_REGISTERS_MAX; i++) {
    bytes[k++] = (char)(words[i] >> 8);
    bytes[k++] = (char)words[i];
  }
  k = strnlen(bytes, k);
  for (size_t i = 0; i < k; i++)
    if ((unsigned char)bytes[i] < 0x20 || (unsigned char)bytes[i] > 0x7e)
      return;
  if (k > 0)
    tt_buf_printf(out, "text \"%s\"", tt_text_printable(shown, sizeof shown, bytes, k));
}

bool mb_interpret(const uint16_t words[], size_t n, unsigned i, char out[static MB_INTERPRET_LINE])
{
  TT_AUTOBUF struct tt_buf line = TT_BUF(MB_INTERPRET_LINE - 16);
  *out = '\0';
  if (i > TT_COUNT(orders) + 1)
    return false;
  if (i == 0) {
    tt_buf_puts(&line, "registers");
    for (size_t k = 0; k < n && k < WORDS_SHOWN; k++)
      tt_buf_printf(&line, " 0x%04X", words[k]);
    if (n > WORDS_SHOWN)
      tt_buf_puts(&line, " ...");
  } else if (i <= TT_COUNT(orders)) {
    unsigned order = i - 1;
    if (n > 1 || !(order & MB_ORDER_SWAP_WORDS)) /* one register has but two orders */
      values(words, n, order, &line);
    if (line.len)
      snprintf(out, MB_INTERPRET_LINE, "%s: %s", n > 1 ? orders[order] : order ? "BA" : "AB", line.data);
    return true;
  } else {
    text(words, n, &line);
  }
  snprintf(out, MB_INTERPRET_LINE, "%s", line.data ? line.data : "");
  return true;
}

/* ---- Guesses -------------------------------------------------------------------------------------------- */
static bool is_likely_float(const uint16_t words[2], unsigned order)
{
  struct mb_format format = {.type = MB_FLOAT32, .order = order, .words = 2};
  TT_AUTOVALUE struct tt_value value = {0};
  if (mb_decode(&format, words, 2, &value) < 0 || value.type != TT_TYPE_QUANTITY)
    return false;
  double size = fabs(value.quantity.number);
  return size >= GUESS_LEAST && size <= GUESS_MOST;
}

/* "; int32 65537 (ABCD)", when the second register makes a difference and the number is not enormous. */
static void other(const uint16_t words[2], enum mb_type type, unsigned order, const char *name, struct tt_buf *out)
{
  struct mb_format format = {.type = type, .order = order, .words = 2};
  TT_AUTOVALUE struct tt_value value = {0};
  if (mb_decode(&format, words, 2, &value) < 0)
    return;
  if (type == MB_INT32 && (value.type != TT_TYPE_INT64 || value.int64 < -GUESS_INT || value.int64 > GUESS_INT ||
                           (value.int64 >= 0 && value.int64 <= UINT16_MAX)))
    return;
  tt_buf_printf(out, "; %s ", name);
  tt_value_print(&value, out);
  tt_buf_printf(out, " (%s)", orders[order]);
}

const char *mb_interpret_guess(const uint16_t words[], size_t n, bool is_aligned, unsigned *ret_taken,
                               char out[static MB_INTERPRET_LINE])
{
  TT_AUTOBUF struct tt_buf line = TT_BUF(MB_INTERPRET_LINE - 16);
  bool has_two = n > 1;
  bool is_float = has_two && is_likely_float(words, MB_ORDER_PLAIN);
  bool is_swapped = has_two && !is_float && is_likely_float(words, MB_ORDER_SWAP_WORDS);
  if (!is_aligned && n > 2 &&
      (is_likely_float(words + 1, MB_ORDER_PLAIN) || is_likely_float(words + 1, MB_ORDER_SWAP_WORDS)))
    is_float = is_swapped = false; /* the end of one and the beginning of the next look like one, too */
  *ret_taken = is_float || is_swapped ? 2 : 1;
  tt_buf_printf(&line, *ret_taken == 2 ? "0x%04X 0x%04X" : "0x%04X", words[0], has_two ? words[1] : 0u);
  if (is_float || is_swapped)
    other(words, MB_FLOAT32, is_float ? MB_ORDER_PLAIN : MB_ORDER_SWAP_WORDS, "float32", &line);
  tt_buf_printf(&line, "; uint16 %u", words[0]);
  if (words[0] >= 0x8000)
    tt_buf_printf(&line, ", int16 %d", (int16_t)words[0]);
  if (has_two) {
    other(words, MB_INT32, MB_ORDER_PLAIN, "int32", &line);
    other(words, MB_INT32, MB_ORDER_SWAP_WORDS, "int32", &line);
  }
  snprintf(out, MB_INTERPRET_LINE, "%s", line.data ? line.data : "");
  return is_float               ? "type: float32"
         : is_swapped           ? "type: float32, order: CDAB"
         : words[0] >= NEGATIVE ? "type: int16"
                                : "type: uint16";
}
