/* SPDX-License-Identifier: Apache-2.0
 * Every rule between raw values and field values, both ways, as tables. */
#include "model/convert.h"

#include <math.h>
#include <stdio.h>

#include "cmocka_all.h"

#define B(b)                                                                                                       \
  {                                                                                                                \
    .type = TT_TYPE_BOOLEAN, .boolean = (b)                                                                        \
  }
#define I(i)                                                                                                       \
  {                                                                                                                \
    .type = TT_TYPE_INT64, .int64 = (i)                                                                            \
  }
#define Q(n, d)                                                                                                    \
  {                                                                                                                \
    .type = TT_TYPE_QUANTITY, .quantity = {(n), (d) }                                                              \
  }
#define S(s)                                                                                                       \
  {                                                                                                                \
    .type = TT_TYPE_STRING, .text = (char[])                                                                       \
    {                                                                                                              \
      s                                                                                                            \
    }                                                                                                              \
  }
#define E(s)                                                                                                       \
  {                                                                                                                \
    .type = TT_TYPE_ENUM, .text = (char[])                                                                         \
    {                                                                                                              \
      s                                                                                                            \
    }                                                                                                              \
  }
#define FREE TT_DECIMALS_FREE

static const char *nan_or_32768[] = {"nan", "32768", "0xffff", "-"};
static const struct tt_map_entry on_off[] = {{"ON", B(true)}, {"OFF", B(false)}};
static const struct tt_map_entry tariff[] = {{"0", E("day")}, {"1", E("night")}, {"2", E("night")}};
static const struct tt_map_entry truth[] = {{"true", E("open")}, {"false", E("closed")}};
static const struct tt_map_entry level[] = {{"low", I(10)}, {"0x14", I(20)}, {"2.5", I(25)}, {"007", I(7)}};
static const struct tt_map_entry alarms[] = {{"0", S("overvoltage")}, {"1", S("undervoltage")}, {"63", S("sign")}};
static struct tt_write any = {.min = 0};
static struct tt_write zero_to_sixty_by_five = {.has_range = true, .min = 0, .max = 60, .step = 5};
static struct tt_write tenths = {.has_range = true, .min = -5, .max = 35.5, .step = 0.1};
static struct tt_write by_seven = {.step = 7};

static const struct tt_point boolean = {.name = "p", .type = TT_TYPE_BOOLEAN, .decimals = FREE, .write = &any};
static const struct tt_point int32 = {.name = "p", .type = TT_TYPE_INT32, .decimals = FREE, .write = &any};
static const struct tt_point int64 = {.name = "p", .type = TT_TYPE_INT64, .decimals = FREE, .write = &any};
static const struct tt_point number = {.name = "p", .type = TT_TYPE_QUANTITY, .decimals = FREE, .write = &any};
static const struct tt_point two = {.name = "p", .type = TT_TYPE_QUANTITY, .decimals = 2, .write = &any};
static const struct tt_point string = {.name = "p", .type = TT_TYPE_STRING, .decimals = FREE, .write = &any};
static const struct tt_point enumeration = {.name = "p", .type = TT_TYPE_ENUM, .decimals = FREE, .write = &any};
static const struct tt_point datetime = {.name = "p", .type = TT_TYPE_DATETIME, .decimals = FREE, .write = &any};
static const struct tt_point date = {.name = "p", .type = TT_TYPE_DATE, .decimals = FREE, .write = &any};
static const struct tt_point daytime = {.name = "p", .type = TT_TYPE_TIME, .decimals = FREE, .write = &any};
static const struct tt_point duration = {.name = "p", .type = TT_TYPE_DURATION, .decimals = FREE, .write = &any};
static const struct tt_point none = {.name = "p", .decimals = FREE, .write = &any};
static const struct tt_point read_only = {.name = "p", .type = TT_TYPE_INT32, .decimals = FREE};
#define SCALED(type_, scale_, offset_, decimals_)                                                                  \
  {                                                                                                                \
    .name = "p", .type = (type_), .has_scale = true, .scale = (scale_), .offset = (offset_),                       \
    .decimals = (decimals_), .write = &any                                                                         \
  }
static const struct tt_point tenth = SCALED(TT_TYPE_QUANTITY, 0.1, 0, FREE);
static const struct tt_point tenth_two = SCALED(TT_TYPE_QUANTITY, 0.1, 0, 2);
static const struct tt_point hundredth_less_40 = SCALED(TT_TYPE_QUANTITY, 0.01, -40, FREE);
static const struct tt_point third = SCALED(TT_TYPE_QUANTITY, 1.0 / 3, 0, FREE);
static const struct tt_point thousand = SCALED(TT_TYPE_QUANTITY, 1000, 0, FREE);
static const struct tt_point huge = SCALED(TT_TYPE_QUANTITY, 1e300, 0, FREE);
static const struct tt_point zero = SCALED(TT_TYPE_QUANTITY, 0, 0, FREE);
static const struct tt_point int_tenth = SCALED(TT_TYPE_INT32, 0.1, 0, FREE);
static const struct tt_point int_times_10 = SCALED(TT_TYPE_INT64, 10, 3, FREE);
static const struct tt_point int_minus = SCALED(TT_TYPE_INT64, -1, 0, FREE);
static const struct tt_point int_half = SCALED(TT_TYPE_INT64, 2.5, 0, FREE);
#define MAPPED(type_, map_)                                                                                        \
  {                                                                                                                \
    .name = "p", .type = (type_), .decimals = FREE, .n_map = TT_COUNT(map_), .map = (map_), .write = &any          \
  }
static const struct tt_point relay = MAPPED(TT_TYPE_BOOLEAN, on_off);
static const struct tt_point mode = MAPPED(TT_TYPE_ENUM, tariff);
static const struct tt_point door = MAPPED(TT_TYPE_ENUM, truth);
static const struct tt_point levels = MAPPED(TT_TYPE_INT64, level);
static const struct tt_point alarm_bits = {.name = "p",
                                           .type = TT_TYPE_STRING,
                                           .decimals = FREE,
                                           .n_bits = TT_COUNT(alarms),
                                           .bits = alarms,
                                           .write = &any};
static const struct tt_point with_invalid = {.name = "p",
                                             .type = TT_TYPE_QUANTITY,
                                             .decimals = FREE,
                                             .n_invalid = TT_COUNT(nan_or_32768),
                                             .invalid = nan_or_32768,
                                             .write = &any};
static const struct tt_point ranged = {
    .name = "p", .type = TT_TYPE_INT32, .decimals = FREE, .write = &zero_to_sixty_by_five};
static const struct tt_point heat = {.name = "p", .type = TT_TYPE_QUANTITY, .decimals = 1, .write = &tenths};
static const struct tt_point sevens = {.name = "p", .type = TT_TYPE_INT64, .decimals = FREE, .write = &by_seven};

static const char *printed(const struct tt_value *value, char *out, size_t size)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  tt_value_print(value, &buf);
  snprintf(out, size, "%s", buf.data ? buf.data : "");
  return out;
}

/* ---- From the device --------------------------------------------------------------------------------- */
static const struct {
  int line;
  const struct tt_point *point;
  struct tt_value raw;
  int r;
  const char *text; /* printed value; or a part of the reason */
} from_raw[] = {
    /* booleans */
    {__LINE__, &boolean, B(true), 0, "true"},
    {__LINE__, &boolean, I(0), 0, "false"},
    {__LINE__, &boolean, I(1), 0, "true"},
    {__LINE__, &boolean, I(2), -EINVAL, "\"2\" is neither true nor false"},
    {__LINE__, &boolean, Q(1.0, 1), 0, "true"},
    {__LINE__, &boolean, Q(0.5, 1), -EINVAL, "neither true nor false"},
    {__LINE__, &boolean, S(" true "), 0, "true"},
    {__LINE__, &boolean, S("0"), 0, "false"},
    {__LINE__, &boolean, S("ON"), -EINVAL, "\"ON\" is neither true nor false, and no map says which"},
    /* integers */
    {__LINE__, &int32, I(2147483647), 0, "2147483647"},
    {__LINE__, &int32, I(-2147483648LL), 0, "-2147483648"},
    {__LINE__, &int32, I(2147483648LL), -EINVAL, "2147483648 does not fit a 32-bit integer"},
    {__LINE__, &int32, I(-2147483649LL), -EINVAL, "does not fit a 32-bit integer"},
    {__LINE__, &int32, B(true), 0, "1"},
    {__LINE__, &int32, Q(5.0, 1), 0, "5"},
    {__LINE__, &int32, Q(5.5, 1), -EINVAL, "5.5 is not a whole number"},
    {__LINE__, &int32, S("17"), 0, "17"},
    {__LINE__, &int32, S("17.0"), 0, "17"},
    {__LINE__, &int32, S("x"), -EINVAL, "\"x\" is not a number"},
    {__LINE__, &int32, S(""), -EINVAL, "is not a number"},
    {__LINE__, &int64, I(INT64_MAX), 0, "9223372036854775807"},
    {__LINE__, &int64, I(INT64_MIN), 0, "-9223372036854775808"},
    {__LINE__, &int64, S("9223372036854775807"), 0, "9223372036854775807"},
    {__LINE__, &int64, S("9223372036854775808"), -EINVAL, "does not fit a 64-bit integer"},
    {__LINE__, &int64, Q(1e30, FREE), -EINVAL, "does not fit a 64-bit integer"},
    {__LINE__, &int64, Q(NAN, FREE), -EINVAL, "NaN is not a number"},
    {__LINE__, &int64, Q(0x1p62, FREE), 0, "4611686018427387904"},
    /* numbers keep the decimals of the device */
    {__LINE__, &number, Q(23.4, 2), 0, "23.40"},
    {__LINE__, &number, I(23), 0, "23"},
    {__LINE__, &number, S("12.3"), 0, "12.3"},
    {__LINE__, &number, S(" 12.30\n"), 0, "12.30"},
    {__LINE__, &number, S("1e3"), 0, "1000"},
    {__LINE__, &number, S("12,3"), -EINVAL, "\"12,3\" is not a number"},
    {__LINE__, &number, S("NaN"), -EINVAL, "is not a number"},
    {__LINE__, &number, Q(INFINITY, FREE), -EINVAL, "INF is not a number"},
    {__LINE__, &number, Q(-INFINITY, FREE), -EINVAL, "is not a number"},
    {__LINE__, &number, B(true), 0, "1"},
    {__LINE__, &two, Q(23.456, 3), 0, "23.46"},
    {__LINE__, &two, I(23), 0, "23.00"},
    /* scale and offset */
    {__LINE__, &tenth, I(234), 0, "23.4"},
    {__LINE__, &tenth, I(230), 0, "23.0"},
    {__LINE__, &tenth, I(3), 0, "0.3"},
    {__LINE__, &tenth, Q(23.5, 1), 0, "2.35"},
    {__LINE__, &tenth, S("234"), 0, "23.4"},
    {__LINE__, &tenth_two, I(234), 0, "23.40"},
    {__LINE__, &hundredth_less_40, I(6123), 0, "21.23"},
    {__LINE__, &third, I(3), 0, "1"},
    {__LINE__, &thousand, I(9007199254740993LL), 0, "9007199254740993024"},
    {__LINE__, &huge, Q(1e300, FREE), -EINVAL, "too large after scaling"},
    {__LINE__, &int_tenth, I(30), 0, "3"},
    {__LINE__, &int_tenth, I(234), -EINVAL, "23.4 is not a whole number"},
    {__LINE__, &int_times_10, I(900719925474099301LL), 0, "9007199254740993013"},
    {__LINE__, &int_times_10, I(INT64_MAX), -EINVAL, "does not fit a 64-bit integer"},
    {__LINE__, &int_half, I(4), 0, "10"},
    /* text */
    {__LINE__, &string, S("hello"), 0, "hello"},
    {__LINE__, &string, S(" \x01\xff "), 0, " \xef\xbf\xbd\xef\xbf\xbd "},
    {__LINE__, &string, B(false), 0, "false"},
    {__LINE__, &string, Q(1.50, 2), 0, "1.50"},
    {__LINE__, &string, I(-7), 0, "-7"},
    {__LINE__, &enumeration, S("auto"), 0, "auto"},
    {__LINE__, &enumeration, I(3), 0, "3"},
    /* maps */
    {__LINE__, &relay, S("ON"), 0, "true"},
    {__LINE__, &relay, S("OFF"), 0, "false"},
    {__LINE__, &relay, S("on"), -EINVAL, "the device says \"on\", which is not in the map"},
    {__LINE__, &relay, B(true), -EINVAL, "not in the map"},
    {__LINE__, &mode, I(0), 0, "day"},
    {__LINE__, &mode, I(2), 0, "night"},
    {__LINE__, &mode, Q(1.0, 1), 0, "night"},
    {__LINE__, &mode, S("1"), 0, "night"},
    {__LINE__, &mode, S("1.0"), -EINVAL, "not in the map"},
    {__LINE__, &mode, I(3), -EINVAL, "\"3\", which is not in the map"},
    {__LINE__, &mode, Q(NAN, FREE), -EINVAL, "not in the map"},
    {__LINE__, &mode, B(false), 0, "day"},
    {__LINE__, &door, B(true), 0, "open"},
    {__LINE__, &door, B(false), 0, "closed"},
    {__LINE__, &levels, S("low"), 0, "10"},
    {__LINE__, &levels, I(20), 0, "20"},
    {__LINE__, &levels, Q(2.5, 1), 0, "25"},
    {__LINE__, &levels, Q(20, 0), 0, "20"},
    /* bits */
    {__LINE__, &alarm_bits, I(3), 0, "overvoltage, undervoltage"},
    {__LINE__, &alarm_bits, I(2), 0, "undervoltage"},
    {__LINE__, &alarm_bits, I(0), 0, ""},
    {__LINE__, &alarm_bits, I(4), 0, ""},
    {__LINE__, &alarm_bits, I(-1), 0, "overvoltage, undervoltage, sign"},
    {__LINE__, &alarm_bits, Q(1, 0), 0, "overvoltage"},
    {__LINE__, &alarm_bits, B(true), 0, "overvoltage"},
    {__LINE__, &alarm_bits, S("0x3"), 0, "overvoltage, undervoltage"},
    {__LINE__, &alarm_bits, Q(1.5, 1), -EINVAL, "is not a whole number"},
    {__LINE__, &alarm_bits, S("x"), -EINVAL, "is not a whole number"},
    /* no value */
    {__LINE__, &with_invalid, Q(NAN, FREE), -ENODATA, NULL},
    {__LINE__, &with_invalid, I(32768), -ENODATA, NULL},
    {__LINE__, &with_invalid, Q(32768, FREE), -ENODATA, NULL},
    {__LINE__, &with_invalid, I(65535), -ENODATA, NULL},
    {__LINE__, &with_invalid, Q(65535, FREE), -ENODATA, NULL},
    {__LINE__, &with_invalid, S("-"), -ENODATA, NULL},
    {__LINE__, &with_invalid, S("nan"), -ENODATA, NULL},
    {__LINE__, &with_invalid, I(32767), 0, "32767"},
    {__LINE__, &number, {.type = TT_TYPE_NONE}, -ENODATA, NULL},
    /* times */
    {__LINE__, &datetime, S("2026-11-22T18:54:53Z"), 0, "2026-11-22T18:54:53.000Z"},
    {__LINE__, &datetime, I(0), 0, "1970-01-01T00:00:00.000Z"},
    {__LINE__, &datetime, Q(1.5, 1), 0, "1970-01-01T00:00:01.500Z"},
    {__LINE__, &datetime, S("1"), 0, "1970-01-01T00:00:01.000Z"},
    {__LINE__, &datetime, I(-1), -EINVAL, "is not a date with time"},
    {__LINE__, &datetime, I(INT64_MAX), -EINVAL, "is not a date with time"},
    {__LINE__, &datetime, S("yesterday"), -EINVAL, "is not a date with time"},
    {__LINE__, &date, S("2026-02-28"), 0, "2026-02-28"},
    {__LINE__, &date, S("2026-02-31"), -EINVAL, "is not a date"},
    {__LINE__, &date, I(1), -EINVAL, "is not a date"},
    {__LINE__, &daytime, S("23:59:59"), 0, "23:59:59"},
    {__LINE__, &daytime, S("24:60:00"), -EINVAL, "is not a time"},
    {__LINE__, &duration, S("PT5M"), 0, "PT5M"},
    {__LINE__, &duration, S("5 min"), -EINVAL, "is not a duration"},
    {__LINE__, &none, I(1), -EINVAL, "no type"},
};

static void test_from_raw(void **state)
{
  (void)state;
  for (size_t i = 0; i < TT_COUNT(from_raw); i++) {
    struct tt_value value TT_AUTOVALUE = {0};
    char why[256] = "", text[256];
    int r = tt_convert_from_raw(from_raw[i].point, &from_raw[i].raw, &value, why, sizeof why);
    if (r != from_raw[i].r || (r == -EINVAL && !strstr(why, from_raw[i].text)) ||
        (r >= 0 &&
         (strcmp(printed(&value, text, sizeof text), from_raw[i].text) || value.type != from_raw[i].point->type)))
      fail_msg("line %d: %d \"%s\" \"%s\"", from_raw[i].line, r, why, printed(&value, text, sizeof text));
  }
}

/* ---- Parameters -------------------------------------------------------------------------------------- */
static const struct {
  int line;
  const struct tt_point *point;
  enum tt_type type;
  const char *sent;
  const char *text; /* the value; NULL: refused */
  const char *why;
} parameters[] = {
    {__LINE__, &boolean, TT_TYPE_BOOLEAN, "true", "true", NULL},
    {__LINE__, &boolean, TT_TYPE_BOOLEAN, "1", "true", NULL},
    {__LINE__, &boolean, TT_TYPE_NONE, " false ", "false", NULL},
    {__LINE__, &boolean, TT_TYPE_BOOLEAN, "TRUE", NULL, "\"TRUE\" is neither true nor false"},
    {__LINE__, &boolean, TT_TYPE_INT32, "1", NULL, "it is of type boolean, not int32"},
    {__LINE__, &boolean, TT_TYPE_STRING, "true", NULL, "not string"},
    {__LINE__, &int32, TT_TYPE_INT32, "17", "17", NULL},
    {__LINE__, &int32, TT_TYPE_INT64, "17", "17", NULL},
    {__LINE__, &int32, TT_TYPE_QUANTITY, "17.0", "17", NULL},
    {__LINE__, &int32, TT_TYPE_NONE, "17.0", "17", NULL},
    {__LINE__, &int32, TT_TYPE_INT32, "17.0", NULL, "\"17.0\" is not a whole number"},
    {__LINE__, &int32, TT_TYPE_QUANTITY, "17.5", NULL, "17.5 is not a whole number"},
    {__LINE__, &int32, TT_TYPE_INT64, "2147483648", NULL, "does not fit a 32-bit integer"},
    {__LINE__, &int32, TT_TYPE_INT32, "2147483648", NULL, "out of the range of int32"},
    {__LINE__, &int32, TT_TYPE_INT32, "", NULL, "is not a whole number"},
    {__LINE__, &int32, TT_TYPE_INT32, "0x10", NULL, "is not a whole number"},
    {__LINE__, &int32, TT_TYPE_NONE, "0x10", "16", NULL},
    {__LINE__, &int32, TT_TYPE_BOOLEAN, "true", NULL, "not boolean"},
    {__LINE__, &int64, TT_TYPE_INT64, "9223372036854775807", "9223372036854775807", NULL},
    {__LINE__, &int64, TT_TYPE_QUANTITY, "9223372036854775807", "9223372036854775807", NULL},
    {__LINE__, &int64, TT_TYPE_INT64, "9223372036854775808", NULL, "out of the range of int64"},
    {__LINE__, &number, TT_TYPE_QUANTITY, "21.50", "21.50", NULL},
    {__LINE__, &number, TT_TYPE_INT32, "21", "21", NULL},
    {__LINE__, &number, TT_TYPE_QUANTITY, "NaN", NULL, "\"NaN\" is not a number"},
    {__LINE__, &number, TT_TYPE_QUANTITY, "INF", NULL, "is not a number"},
    {__LINE__, &number, TT_TYPE_QUANTITY, "-INF", NULL, "is not a number"},
    {__LINE__, &number, TT_TYPE_QUANTITY, "1e999", NULL, "out of the range"},
    {__LINE__, &number, TT_TYPE_QUANTITY, "1,5", NULL, "is not a number"},
    {__LINE__, &number, TT_TYPE_STRING, "1", NULL, "not string"},
    {__LINE__, &two, TT_TYPE_QUANTITY, "21.555", "21.55", NULL},
    {__LINE__, &string, TT_TYPE_STRING, " a b ", " a b ", NULL},
    {__LINE__, &string, TT_TYPE_NONE, "", "", NULL},
    {__LINE__, &string, TT_TYPE_INT32, "1", NULL, "not int32"},
    {__LINE__, &enumeration, TT_TYPE_STRING, "anything", "anything", NULL},
    {__LINE__, &mode, TT_TYPE_STRING, "night", "night", NULL},
    {__LINE__, &mode, TT_TYPE_ENUM, "day", "day", NULL},
    {__LINE__, &mode, TT_TYPE_STRING, "Day", NULL, "\"Day\" is not one of: day, night"},
    {__LINE__, &mode, TT_TYPE_STRING, "0", NULL, "is not one of"},
    {__LINE__, &levels, TT_TYPE_INT32, "20", "20", NULL},
    {__LINE__, &levels, TT_TYPE_INT32, "21", NULL, "\"21\" is not one of: 10, 20, 25, 7"},
    {__LINE__, &relay, TT_TYPE_BOOLEAN, "true", "true", NULL},
    {__LINE__, &date, TT_TYPE_DATE, "2026-01-01", "2026-01-01", NULL},
    {__LINE__, &date, TT_TYPE_DATE, "01.01.2026", NULL, "is not a date"},
    {__LINE__, &datetime, TT_TYPE_DATETIME, "2026-01-01T00:00:00", "2026-01-01T00:00:00.000Z", NULL},
    {__LINE__, &datetime, TT_TYPE_DATE, "2026-01-01", NULL, "not date"},
    {__LINE__, &daytime, TT_TYPE_TIME, "12:00:00", "12:00:00", NULL},
    {__LINE__, &duration, TT_TYPE_DURATION, "P1D", "P1D", NULL},
    {__LINE__, &read_only, TT_TYPE_INT32, "1", NULL, "can only be read"},
    {__LINE__, &ranged, TT_TYPE_INT32, "0", "0", NULL},
    {__LINE__, &ranged, TT_TYPE_INT32, "60", "60", NULL},
    {__LINE__, &ranged, TT_TYPE_INT32, "-5", NULL, "-5 is below the least, 0"},
    {__LINE__, &ranged, TT_TYPE_INT32, "65", NULL, "65 is above the most, 60"},
    {__LINE__, &ranged, TT_TYPE_INT32, "7", NULL, "7 is not a whole number of steps of 5 from 0"},
    {__LINE__, &heat, TT_TYPE_QUANTITY, "35.5", "35.5", NULL},
    {__LINE__, &heat, TT_TYPE_QUANTITY, "35.6", NULL, "above the most, 35.5"},
    {__LINE__, &heat, TT_TYPE_QUANTITY, "-5", "-5.0", NULL},
    {__LINE__, &heat, TT_TYPE_QUANTITY, "-5.1", NULL, "below the least, -5"},
    {__LINE__, &heat, TT_TYPE_QUANTITY, "21.3", "21.3", NULL},
    {__LINE__, &heat, TT_TYPE_QUANTITY, "0.1", "0.1", NULL},
    {__LINE__, &sevens, TT_TYPE_INT64, "-14", "-14", NULL},
    {__LINE__, &sevens, TT_TYPE_INT64, "6", NULL, "steps of 7 from 0"},
};

static void test_parameters(void **state)
{
  (void)state;
  for (size_t i = 0; i < TT_COUNT(parameters); i++) {
    struct tt_value value TT_AUTOVALUE = {0};
    char why[256] = "", text[256] = "";
    int r = tt_convert_parameter(parameters[i].point, parameters[i].type, parameters[i].sent, &value, NULL, why,
                                 sizeof why);
    bool is_good = parameters[i].text
                       ? r >= 0 && value.type == parameters[i].point->type &&
                             !strcmp(printed(&value, text, sizeof text), parameters[i].text)
                       : r == -EINVAL && value.type == TT_TYPE_NONE && strstr(why, parameters[i].why);
    if (!is_good)
      fail_msg("line %d: %d \"%s\" \"%s\"", parameters[i].line, r, why, text);
  }
}

/* In the language of whoever sent it; formats keep their values. */
static void test_parameters_in_their_language(void **state)
{
  static const struct {
    const struct tt_point *point;
    enum tt_type type;
    const char *sent, *german, *swedish;
  } rows[] = {
      {&ranged, TT_TYPE_INT32, "65", "65 liegt über dem größten Wert, 60", "65 är över det största värdet, 60"},
      {&heat, TT_TYPE_NONE, "-5.1", "-5.1 liegt unter dem kleinsten Wert, -5",
       "-5.1 är under det minsta värdet, -5"},
      {&ranged, TT_TYPE_NONE, "7", "7 ist keine ganze Zahl von Schritten zu 5 ab 0",
       "7 är inte ett helt antal steg om 5 från 0"},
      {&mode, TT_TYPE_STRING, "Day", "„Day“ ist keines von: day, night", "”Day” är inget av: day, night"},
      {&int32, TT_TYPE_INT32, "x", "„x“ ist keine ganze Zahl", "”x” är inte ett heltal"},
      {&int32, TT_TYPE_NONE, "2147483648", "2147483648 passt nicht in eine ganze Zahl von 32 Bit",
       "2147483648 ryms inte i ett heltal på 32 bitar"},
      {&number, TT_TYPE_NONE, "warm", "„warm“ ist keine Zahl", "”warm” är inte ett tal"},
      {&boolean, TT_TYPE_NONE, "maybe", "„maybe“ ist weder true noch false", "”maybe” är varken true eller false"},
      {&boolean, TT_TYPE_INT32, "1", "ist vom Typ boolean, nicht int32", "är av typen boolean, inte int32"},
      {&read_only, TT_TYPE_NONE, "1", "lässt sich nur lesen", "kan bara läsas"},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct tt_value value TT_AUTOVALUE = {0};
    char why[TT_WHY_MAX] = "";
    assert_int_equal(tt_convert_parameter(rows[i].point, rows[i].type, rows[i].sent, &value, "de", why, sizeof why),
                     -EINVAL);
    assert_string_equal(why, rows[i].german);
    assert_int_equal(
        tt_convert_parameter(rows[i].point, rows[i].type, rows[i].sent, &value, "sv-SE", why, sizeof why), -EINVAL);
    assert_string_equal(why, rows[i].swedish);
  }
}

/* TT_WHY_MAX is enough for the longest that a sender can bring about, in every language. */
static void test_the_longest_reason(void **state)
{
  static const char *const languages[] = {NULL, "de", "sv"};
  static char name[200], sent[200];
  struct tt_map_entry map[] = {{.raw = "0", .value = {.type = TT_TYPE_STRING, .text = name}}};
  const struct tt_point point = {
      .name = "p", .type = TT_TYPE_STRING, .map = map, .n_map = 1, .write = string.write, .decimals = FREE};
  (void)state;
  memset(name, 'n', sizeof name - 1);
  memset(sent, 's', sizeof sent - 1);
  for (size_t i = 0; i < TT_COUNT(languages); i++) {
    struct tt_value value TT_AUTOVALUE = {0};
    char why[2 * TT_WHY_MAX];
    assert_int_equal(tt_convert_parameter(&point, TT_TYPE_STRING, sent, &value, languages[i], why, sizeof why),
                     -EINVAL);
    assert_in_range(strlen(why), 190, TT_WHY_MAX - 1);
  }
}

static void test_every_tenth_is_a_step(void **state)
{
  (void)state;
  for (int i = -50; i <= 355; i++) {
    struct tt_value value;
    char why[256], text[32];
    snprintf(text, sizeof text, "%d.%d", i / 10, abs(i % 10));
    if (i < 0 && i > -10)
      snprintf(text, sizeof text, "-0.%d", -i);
    assert_int_equal(tt_convert_parameter(&heat, TT_TYPE_QUANTITY, text, &value, NULL, why, sizeof why), 0);
  }
}

static void test_long_text_is_refused(void **state)
{
  static char text[TT_TEXT_MAX + 2];
  struct tt_value value TT_AUTOVALUE = {0};
  char why[256];
  (void)state;
  memset(text, 'x', TT_TEXT_MAX + 1);
  assert_int_equal(tt_convert_parameter(&string, TT_TYPE_STRING, text, &value, NULL, why, sizeof why), -EINVAL);
  text[TT_TEXT_MAX] = '\0';
  assert_int_equal(tt_convert_parameter(&string, TT_TYPE_STRING, text, &value, NULL, why, sizeof why), 0);
}

/* ---- To the device ----------------------------------------------------------------------------------- */
static const struct {
  int line;
  const struct tt_point *point;
  struct tt_value value;
  int r;
  struct tt_value raw;
  const char *why;
} to_raw[] = {
    {__LINE__, &boolean, B(true), 0, B(true), NULL},
    {__LINE__, &int64, I(7), 0, I(7), NULL},
    {__LINE__, &int32, {.type = TT_TYPE_INT32, .int32 = -7}, 0, I(-7), NULL},
    {__LINE__, &number, Q(21.5, 2), 0, Q(21.5, 2), NULL},
    {__LINE__, &number, Q(NAN, 2), -EINVAL, B(false), "NaN is not a number"},
    {__LINE__, &string, S("x"), 0, S("x"), NULL},
    {__LINE__, &enumeration, E("x"), 0, S("x"), NULL},
    {__LINE__, &datetime, {.type = TT_TYPE_DATETIME, .datetime_us = 0}, 0, S("1970-01-01T00:00:00.000Z"), NULL},
    {__LINE__, &tenth, Q(23.4, 1), 0, I(234), NULL},
    {__LINE__, &tenth, Q(0.3, 1), 0, I(3), NULL},
    {__LINE__, &tenth, Q(23.45, 2), 0, Q(234.5, FREE), NULL},
    {__LINE__, &hundredth_less_40, Q(21.23, 2), 0, I(6123), NULL},
    {__LINE__, &huge, Q(1e-300, FREE), 0, I(0), NULL},
    {__LINE__, &zero, Q(1, 0), -EINVAL, B(false), "no way back"},
    {__LINE__, &int_tenth, {.type = TT_TYPE_INT32, .int32 = 3}, 0, I(30), NULL},
    {__LINE__, &int_times_10, I(9007199254740993013LL), 0, I(900719925474099301LL), NULL},
    {__LINE__, &int_times_10, I(14), -EINVAL, B(false), "cannot express 14, only multiples of 10"},
    {__LINE__, &int_times_10, I(INT64_MIN), -ERANGE, B(false), "too large for the device"},
    {__LINE__, &int_minus, I(INT64_MIN), -ERANGE, B(false), "too large for the device"},
    {__LINE__, &int_half, I(10), 0, I(4), NULL},
    {__LINE__, &int_half, I(11), -EINVAL, B(false), "cannot express 11 exactly"},
    {__LINE__, &relay, B(true), 0, S("ON"), NULL},
    {__LINE__, &relay, B(false), 0, S("OFF"), NULL},
    {__LINE__, &mode, E("night"), 0, I(1), NULL},
    {__LINE__, &mode, E("noon"), -EINVAL, B(false), "\"noon\" is not in the map"},
    {__LINE__, &door, E("open"), 0, B(true), NULL},
    {__LINE__, &levels, I(20), 0, I(20), NULL},
    {__LINE__, &levels, I(25), 0, Q(2.5, 1), NULL},
    {__LINE__, &levels, I(7), 0, S("007"), NULL},
    {__LINE__, &levels, I(10), 0, S("low"), NULL},
    {__LINE__, &with_invalid, Q(32768, 0), -EINVAL, B(false), "means \"no value\""},
    {__LINE__, &with_invalid, Q(32767, 0), 0, Q(32767, 0), NULL},
    {__LINE__, &alarm_bits, S("overvoltage"), -EINVAL, B(false), "no way back"},
    {__LINE__, &int64, B(true), -EINVAL, B(false), "it is of type int64, not boolean"},
};

static void test_to_raw(void **state)
{
  (void)state;
  for (size_t i = 0; i < TT_COUNT(to_raw); i++) {
    struct tt_value raw TT_AUTOVALUE = {0};
    char why[256] = "", text[256];
    int r = tt_convert_to_raw(to_raw[i].point, &to_raw[i].value, &raw, NULL, why, sizeof why);
    if (r != to_raw[i].r || (r < 0 && !strstr(why, to_raw[i].why)) ||
        (r >= 0 && !tt_value_equals(&raw, &to_raw[i].raw)))
      fail_msg("line %d: %d \"%s\" \"%s\"", to_raw[i].line, r, why, printed(&raw, text, sizeof text));
  }
}

/* What a register can say, written back, is that register: over all scales people use. */
static void test_scale_inverts(void **state)
{
  static const double scales[] = {1, 0.1, 0.01, 0.001, 0.5, 2, 10, 100, -0.1, 0.25, 1.0 / 3, 0.0001};
  static const double offsets[] = {0, -40, 273.15, 0.5};
  (void)state;
  for (size_t s = 0; s < TT_COUNT(scales); s++)
    for (size_t o = 0; o < TT_COUNT(offsets); o++)
      for (int raw = -32768; raw <= 65535; raw += 7) {
        const struct tt_point point = SCALED(TT_TYPE_QUANTITY, scales[s], offsets[o], FREE);
        struct tt_value in = I(raw), value, out;
        char why[256];
        assert_int_equal(tt_convert_from_raw(&point, &in, &value, why, sizeof why), 0);
        assert_int_equal(tt_convert_to_raw(&point, &value, &out, NULL, why, sizeof why), 0);
        assert_int_equal(out.type, TT_TYPE_INT64);
        assert_int_equal(out.int64, raw);
      }
}

static void test_reasons_fit_any_room(void **state)
{
  struct tt_value value, raw = S("x");
  char why[8] = "abcdefg";
  (void)state;
  assert_int_equal(tt_convert_from_raw(&number, &raw, &value, why, 4), -EINVAL);
  assert_string_equal(why, "\"x\"");
  assert_int_equal(tt_convert_from_raw(&number, &raw, &value, NULL, 0), -EINVAL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_from_raw),
      cmocka_unit_test(test_parameters),
      cmocka_unit_test(test_parameters_in_their_language),
      cmocka_unit_test(test_the_longest_reason),
      cmocka_unit_test(test_every_tenth_is_a_step),
      cmocka_unit_test(test_long_text_is_refused),
      cmocka_unit_test(test_to_raw),
      cmocka_unit_test(test_scale_inverts),
      cmocka_unit_test(test_reasons_fit_any_room),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
