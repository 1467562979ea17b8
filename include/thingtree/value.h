/* SPDX-License-Identifier: Apache-2.0
 *
 * value.h: one value of a field or a control parameter, typed as XEP-0323 section 4 and P1451.99 type them.
 *
 * A value owns its text; tt_value_finish() frees it. Copying the struct does not copy the text. No unit: that
 * belongs to the point (point.h), for it never changes with the value.
 */
#pragma once

#include <thingtree/util.h>

#pragma GCC visibility push(default) /* bridges find these in the program */

#define TT_TEXT_MAX 4096 /* bytes of text in one value; longer device text is cut (tt_text_clean) */

enum tt_type {
  TT_TYPE_NONE,     /* no value */
  TT_TYPE_BOOLEAN,  /* XEP boolean, N b */
  TT_TYPE_INT32,    /* int, i */
  TT_TYPE_INT64,    /* long, l */
  TT_TYPE_QUANTITY, /* numeric, q: a number whose decimals are significant */
  TT_TYPE_STRING,   /* string, s */
  TT_TYPE_DATE,     /* date, d: text in the lexical form of xs:date */
  TT_TYPE_DATETIME, /* dateTime, dt: microseconds since 1970 UTC */
  TT_TYPE_TIME,     /* time, t: text in the lexical form of xs:time */
  TT_TYPE_DURATION, /* duration, dr: text in the lexical form of xs:duration */
  TT_TYPE_ENUM,     /* enum, e: text, one of the names of its point */
};
#define TT_TYPE_COUNT (TT_TYPE_ENUM + 1)

#define TT_DECIMALS_FREE (-1) /* print the shortest text that reads back as the same double */
#define TT_DECIMALS_MAX  12

struct tt_value {
  enum tt_type type;
  union {
    bool boolean;
    int32_t int32;
    int64_t int64;
    struct {
      double number;
      int8_t decimals; /* digits after the point that count: 23.40 has 2; TT_DECIMALS_FREE */
    } quantity;
    uint64_t datetime_us;
    char *text; /* STRING, DATE, TIME, DURATION, ENUM: UTF-8, filtered for XML, never NULL */
  };
};

#define TT_VALUE_BOOLEAN(b)     ((struct tt_value){.type = TT_TYPE_BOOLEAN, .boolean = (b)})
#define TT_VALUE_INT64(i)       ((struct tt_value){.type = TT_TYPE_INT64, .int64 = (i)})
#define TT_VALUE_QUANTITY(n, d) ((struct tt_value){.type = TT_TYPE_QUANTITY, .quantity = {(n), (d)}})

void tt_value_finish(struct tt_value *value); /* frees the text, leaves TT_TYPE_NONE */
#define TT_AUTOVALUE TT_CLEANUP(tt_value_finish)
int tt_value_copy(const struct tt_value *value, struct tt_value *ret_copy); /* -ENOMEM */
/* Text of any text type, cleaned by tt_text_clean and cut at TT_TEXT_MAX. -ENOMEM */
int tt_value_text(enum tt_type type, const char *text, size_t n, struct tt_value *ret);
bool tt_value_is_text(enum tt_type type);
bool tt_value_is_number(enum tt_type type); /* INT32, INT64, QUANTITY */
/* The number of a numeric or boolean value (false 0, true 1); NAN for others. */
double tt_value_number(const struct tt_value *value);
/* Same type and same value. Quantities compare as numbers: 23.4 equals 23.40. */
bool tt_value_equals(const struct tt_value *a, const struct tt_value *b);
/* The lexical form both dialects and the CLI print: true, 17, 23.40, 2026-11-22T18:54:53.000Z, text. Appends. */
void tt_value_print(const struct tt_value *value, struct tt_buf *out);
/* The reverse, strict: the whole text, of that type. Booleans accept 1 and 0. -EINVAL, -ERANGE, -ENOMEM.
 * A quantity remembers the decimals it was written with. */
int tt_value_parse(enum tt_type type, const char *text, struct tt_value *ret);
const char *tt_type_name(enum tt_type type); /* "boolean", "int32", ... for messages */

#pragma GCC visibility pop
