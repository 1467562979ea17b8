/* SPDX-License-Identifier: Apache-2.0
 * scpd.c and value.c: services, and values by their rules. */
#include "scpd.h"
#include "upnp_file.h"

static struct up_scpd *parse_text(const char *data, size_t n)
{
  struct up_scpd *scpd = NULL;
  char why[UP_WHY_SIZE] = "";
  if (up_scpd_parse(data, n, &scpd, why) < 0)
    fail_msg("%s", why);
  return scpd;
}

static struct up_scpd *parse(const char *name)
{
  AUTOFILE struct file file = file_read(name);
  return parse_text(file.data, file.n);
}

static void rendering_control(void **state)
{
  (void)state;
  static const char *const names[] = {"mediarenderer/RenderingControl_1.xml",
                                      "malformed/RenderingControl_1_bad_namespace.xml"};
  for (size_t i = 0; i < TT_COUNT(names); i++) {
    struct up_scpd *scpd = parse(names[i]);
    assert_int_equal(scpd->n_actions, 4);
    assert_int_equal(scpd->n_variables, 7);
    const struct up_action *set = up_scpd_action(scpd, "SetVolume");
    assert_int_equal(set->n_arguments, 3);
    assert_string_equal(set->arguments[2].name, "DesiredVolume");
    assert_false(set->arguments[2].is_out);
    const struct up_variable *volume = set->arguments[2].variable;
    assert_string_equal(volume->name, "Volume");
    assert_int_equal(volume->kind, UP_INTEGER);
    assert_true(volume->has_range && volume->min == 0 && volume->max == 100 && volume->step == 1);
    assert_true(volume->is_evented); /* says nothing, which means yes */
    assert_true(up_scpd_variable(scpd, "LastChange")->is_evented);
    assert_false(up_scpd_variable(scpd, "Mute")->is_evented);
    assert_false(up_scpd_variable(scpd, "A_ARG_TYPE_InstanceID")->is_evented); /* in the old style */
    assert_non_null(up_action_argument(up_scpd_action(scpd, "GetVolume"), "CurrentVolume", true));
    assert_null(up_action_argument(up_scpd_action(scpd, "GetVolume"), "CurrentVolume", false));
    assert_int_equal(up_scpd_variable(scpd, "SV2")->kind, UP_DATETIME);
    up_scpd_destroy(scpd);
  }
}

static void all_of_them(void **state)
{
  (void)state;
  static const struct {
    const char *name;
    size_t actions, variables;
  } all[] = {
      {"mediarenderer/AVTransport_1.xml", 17, 33}, {"mediarenderer/ConnectionManager_1.xml", 3, 10},
      {"igd/WANIPConnection.xml", 10, 0},          {"igd/WANCommonInterfaceConfig.xml", 5, 0},
      {"igd/Layer3Forwarding.xml", 2, 0},          {"tvdevice/tvcontrolSCPD.xml", 8, 3},
      {"tvdevice/tvpictureSCPD.xml", 12, 4},
  };
  for (size_t i = 0; i < TT_COUNT(all); i++) {
    struct up_scpd *scpd = parse(all[i].name);
    if (scpd->n_actions == 0 || scpd->n_variables == 0)
      fail_msg("%s: %zu actions, %zu variables", all[i].name, scpd->n_actions, scpd->n_variables);
    up_scpd_destroy(scpd);
  }
  struct up_scpd *tv = parse("tvdevice/tvcontrolSCPD.xml");
  assert_int_equal(up_scpd_variable(tv, "Power")->kind, UP_BOOLEAN); /* "Boolean" */
  up_scpd_destroy(tv);
}

static void refused(void **state)
{
  (void)state;
  static const struct {
    const char *begin, *one, *end;
    size_t n;
  } too_many[] = {
      {"<scpd><serviceStateTable>", "<stateVariable><name>a</name></stateVariable>", "</serviceStateTable></scpd>",
       UP_VARIABLES_MAX + 1},
      {"<scpd><actionList>", "<action><name>a</name></action>", "</actionList></scpd>", UP_ACTIONS_MAX + 1},
      {"<scpd><actionList><action><name>a</name><argumentList>", "<argument/>",
       "</argumentList></action></actionList></scpd>", UP_ARGUMENTS_MAX + 1},
      {"<scpd><serviceStateTable><stateVariable><name>a</name><allowedValueList>", "<allowedValue>v</allowedValue>",
       "</allowedValueList></stateVariable></serviceStateTable></scpd>", UP_ALLOWED_MAX + 1},
  };
  struct up_scpd *scpd = NULL;
  char why[UP_WHY_SIZE];
  for (size_t i = 0; i < TT_COUNT(too_many); i++) {
    TT_AUTOBUF struct tt_buf text = TT_BUF(0);
    tt_buf_puts(&text, too_many[i].begin);
    for (size_t k = 0; k < too_many[i].n; k++)
      tt_buf_puts(&text, too_many[i].one);
    tt_buf_puts(&text, too_many[i].end);
    assert_int_equal(up_scpd_parse(text.data, text.len, &scpd, why), -E2BIG);
    assert_string_equal(why, "has too many actions, arguments, variables or allowed values");
  }
  assert_int_equal(up_scpd_parse("<root/>", 7, &scpd, why), -EINVAL);
  assert_string_equal(why, "describes no service");
  assert_null(scpd);
}

/* ---- Values --------------------------------------------------------------------------------------------------- */
static const char *const words[] = {"PLAYING", "STOPPED"};
static const struct up_variable boolean = {.name = "Mute", .type = "boolean", .kind = UP_BOOLEAN},
                                byte = {.name = "Level", .type = "ui1", .kind = UP_INTEGER, .type_max = 255},
                                volume = {.name = "Volume",
                                          .type = "ui2",
                                          .kind = UP_INTEGER,
                                          .type_max = 65535,
                                          .has_range = true,
                                          .max = 100,
                                          .step = 5},
                                real = {.name = "Gain",
                                        .type = "r4",
                                        .kind = UP_NUMBER,
                                        .has_range = true,
                                        .min = -1,
                                        .max = 1},
                                text = {.name = "Title", .type = "string", .kind = UP_TEXT},
                                word = {.name = "State",
                                        .type = "string",
                                        .kind = UP_TEXT,
                                        .n_allowed = 2,
                                        .allowed = (const char **)(uintptr_t)words};

static void write_one(const struct up_variable *variable, struct tt_value value, int r, const char *expected)
{
  TT_AUTOBUF struct tt_buf out = TT_BUF(0);
  char why[UP_WHY_SIZE] = "";
  assert_int_equal(up_value_write(variable, &value, &out, why), r);
  assert_string_equal(r < 0 ? why : out.data, expected);
}

static struct tt_value text_value(const char *content)
{
  return (struct tt_value){.type = TT_TYPE_STRING, .text = (char *)(uintptr_t)content};
}

static void to_the_wire(void **state)
{
  (void)state;
  write_one(&boolean, TT_VALUE_BOOLEAN(true), 0, "1");
  write_one(&boolean, TT_VALUE_INT64(0), 0, "0");
  write_one(&boolean, text_value("no"), 0, "0");
  write_one(&boolean, TT_VALUE_INT64(2), -EINVAL, "Mute takes true or false");
  write_one(&byte, TT_VALUE_INT64(255), 0, "255");
  write_one(&byte, TT_VALUE_BOOLEAN(true), 0, "1");
  write_one(&byte, TT_VALUE_INT64(256), -ERANGE, "Level takes 0 to 255 (ui1)");
  write_one(&byte, TT_VALUE_INT64(-1), -ERANGE, "Level takes 0 to 255 (ui1)");
  write_one(&byte, TT_VALUE_QUANTITY(7.0, 1), 0, "7");
  write_one(&byte, TT_VALUE_QUANTITY(7.5, 1), -EINVAL, "Level takes a whole number");
  write_one(&byte, text_value("much"), -EINVAL, "Level takes a whole number");
  write_one(&volume, TT_VALUE_INT64(35), 0, "35");
  write_one(&volume, TT_VALUE_INT64(101), -ERANGE, "Volume takes 0 to 100");
  write_one(&volume, TT_VALUE_INT64(33), -ERANGE, "Volume takes 0 to 100 in steps of 5");
  write_one(&real, TT_VALUE_QUANTITY(0.25, 2), 0, "0.25");
  write_one(&real, TT_VALUE_QUANTITY(1.5, 1), -ERANGE, "Gain takes -1 to 1");
  write_one(&real, text_value("loud"), -EINVAL, "Gain takes a number");
  write_one(&text, text_value("a<b>&c"), 0, "a<b>&c"); /* escaped where XML is made */
  write_one(&text, TT_VALUE_BOOLEAN(true), 0, "true");
  write_one(&word, text_value("STOPPED"), 0, "STOPPED");
  write_one(&word, text_value("stopped"), -EINVAL, "State takes one of: PLAYING, STOPPED");
}

static int read_one(const struct up_variable *variable, enum tt_type type, const char *content,
                    struct tt_value *ret)
{
  struct tt_point point = {.type = type};
  char why[UP_WHY_SIZE] = "";
  return up_value_read(variable, &point, content, ret, why);
}

static void from_the_wire(void **state)
{
  (void)state;
  struct tt_value value;
  static const char *const yes[] = {"1", "true", "yes", "True", "YES"};
  for (size_t i = 0; i < TT_COUNT(yes); i++) {
    assert_int_equal(read_one(&boolean, TT_TYPE_BOOLEAN, yes[i], &value), 0);
    assert_true(value.type == TT_TYPE_BOOLEAN && value.boolean);
  }
  assert_int_equal(read_one(NULL, TT_TYPE_BOOLEAN, "0", &value), 0);
  assert_true(value.type == TT_TYPE_BOOLEAN && !value.boolean);
  assert_int_equal(read_one(&boolean, TT_TYPE_BOOLEAN, "2", &value), -EINVAL);
  assert_int_equal(read_one(&byte, TT_TYPE_INT64, "17", &value), 0);
  assert_true(value.type == TT_TYPE_INT64 && value.int64 == 17);
  assert_int_equal(read_one(&real, TT_TYPE_QUANTITY, "0.50", &value), 0);
  assert_true(value.type == TT_TYPE_QUANTITY && value.quantity.decimals == 2);
  assert_int_equal(read_one(&byte, TT_TYPE_INT64, "", &value), -ENODATA);
  assert_int_equal(read_one(&byte, TT_TYPE_INT64, "NOT_IMPLEMENTED", &value), -ENODATA);
  assert_int_equal(read_one(&text, TT_TYPE_STRING, "NOT_IMPLEMENTED", &value), 0);
  assert_string_equal(value.text, "NOT_IMPLEMENTED");
  tt_value_finish(&value);
  assert_int_equal(read_one(&text, TT_TYPE_STRING, "", &value), 0);
  tt_value_finish(&value);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rendering_control), cmocka_unit_test(all_of_them),   cmocka_unit_test(refused),
      cmocka_unit_test(to_the_wire),       cmocka_unit_test(from_the_wire),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
