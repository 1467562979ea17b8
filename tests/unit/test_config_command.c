/* SPDX-License-Identifier: Apache-2.0
 * gateway/config/command.c: commands of a mapping, of a device, and of what a device says of itself. */
#include "config_world.h"

#define PLAIN "points: {}\n"

static const struct tt_command *command(const char *name)
{
  const struct tt_device_config *d = &device("thing")->config;
  for (size_t i = 0; i < d->n_commands; i++)
    if (strcmp(d->commands[i].name, name) == 0)
      return &d->commands[i];
  return NULL;
}

static void test_plain(void **state TT_UNUSED)
{
  put_thing(PLAIN "params: {prefix: {type: string, default: tele}}\n"
                  "commands:\n"
                  "  blink: {to: \"${prefix}/blink\"}\n"
                  "  go:\n"
                  "    to: \"${argument:level}\"\n"
                  "    label: {en: Go, sv: Gå}\n"
                  "    confirm: {en: Really?}\n"
                  "    within: 3s\n"
                  "    arguments:\n"
                  "      level: {type: number, unit: \"%\", range: [0, 100], step: 5, scale: 0.5, default: 35}\n"
                  "      mode: {type: enum, map: {0: day, 1: night}}\n"
                  "      key: {type: string, secret: true, label: Key}\n",
            "");
  load_clean();
  const struct tt_device_config *d = &device("thing")->config;
  assert_int_equal(d->n_commands, 2);
  const struct tt_command *blink = &d->commands[0], *go = &d->commands[1];
  assert_string_equal(blink->name, "blink");
  assert_string_equal(((const struct fake_write *)blink->address)->to,
                      "tele/blink");                        /* a parameter of the mapping */
  assert_int_equal(blink->within_us, 10 * TT_USEC_PER_SEC); /* of the connection */
  assert_int_equal(blink->n_arguments, 0);
  assert_string_equal(((const struct fake_write *)go->address)->to, "${argument:level}"); /* for the bridge */
  assert_string_equal(tt_label_for(&go->label, "sv", ""), "Gå");
  assert_string_equal(tt_label_for(&go->confirm, "", ""), "Really?");
  assert_int_equal(go->within_us, 3 * TT_USEC_PER_SEC);
  assert_int_equal(go->n_arguments, 3);
  const struct tt_point *level = &go->arguments[0], *mode = &go->arguments[1], *key = &go->arguments[2];
  assert_string_equal(level->name, "level");
  assert_true(level->write->has_range && level->write->max == 100 && level->write->step == 5 &&
              level->scale == 0.5);
  assert_int_equal(level->missing, TT_MISSING_VALUE);
  assert_true(tt_value_number(&level->missing_value) == 35);
  assert_int_equal(mode->type, TT_TYPE_ENUM);
  assert_int_equal(mode->n_map, 2);
  assert_int_not_equal(mode->missing, TT_MISSING_VALUE); /* must be given */
  assert_true(key->is_secret && !level->is_secret);
}

/* Two devices of a mapping without parameters share what is the same. */
static void test_shared(void **state TT_UNUSED)
{
  put("thingtree.yaml",
      "connections:\n  net: {protocol: fake, host: h}\ndevices:\n"
      "  a: {uses: fake/thing, connection: net}\n"
      "  b: {uses: fake/thing, connection: net}\n"
      "  c: {uses: fake/thing, connection: net, commands: {blink: {to: elsewhere}, go: false}}\n");
  put("mappings/fake/thing.yaml", "protocol: fake\n" PLAIN "commands: {blink: {to: x}, go: {to: y}}\n");
  load_clean();
  const struct tt_device_config *a = &device("a")->config, *b = &device("b")->config, *c = &device("c")->config;
  assert_int_equal(a->n_commands, 2);
  assert_ptr_equal(a->commands, b->commands);
  assert_int_equal(c->n_commands, 1); /* one is left out, the other is different here */
  assert_string_equal(((const struct fake_write *)c->commands[0].address)->to, "elsewhere");
}

static void test_what_is_wrong(void **state TT_UNUSED)
{
  static const struct {
    const char *mapping, *more, *said;
  } rows[] = {
      {PLAIN "commands: {Blink: {to: x}}\n", "",
       "mappings/fake/thing.yaml:3:12 bad-name: \"Blink\" cannot be the name of a command\n"},
      {PLAIN "commands: {go: {tu: x}}\n", "",
       "mappings/fake/thing.yaml:3:17 unknown-key: command go has no key \"tu\"\n"},
      {PLAIN "commands: {go: {to: x, arguments: {Level: {type: number}}}}\n", "",
       "mappings/fake/thing.yaml:3:36 bad-name: \"Level\" cannot be the name of an argument\n"},
      {PLAIN "commands: {go: {arguments: {level: {unit: W}}}}\n", "",
       "mappings/fake/thing.yaml:3:29 missing-key: argument level needs the key \"type\"\n"},
      {PLAIN "commands: {go: {arguments: {level: {type: integer, range: [0, 10], default: 11}}}}\n", "",
       "mappings/fake/thing.yaml:3:77 bad-default: the default of argument level is not valid: 11 is above "
       "the most, 10\n"},
      {PLAIN "commands: {go: {arguments: {mode: {type: enum}}}}\n", "",
       "mappings/fake/thing.yaml:3:29 not-writable: mode cannot be written: an enum needs a map of its values\n"},
      {PLAIN "commands: {go: {arguments: {mode: {type: string, range: [0, 1]}}}}\n", "",
       "mappings/fake/thing.yaml:3:57 bad-range: only a number can have a range and a step; mode is string\n"},
      {PLAIN "commands: [go]\n", "",
       "mappings/fake/thing.yaml:3:11 wrong-type: \"commands\" must be a map, not a list\n"},
      {"points: {p: {at: \"${argument:x}\", type: number}}\n", "",
       "mappings/fake/thing.yaml:2:18 bad-hole: ${argument:NAME} is an argument of a command: it can stand below "
       "`commands:` only\n"},
      {PLAIN "commands: {go: {to: x}}\n", ", commands: {og: {to: y}}",
       "thingtree.yaml:4:57 unknown-command: mapping fake/thing has no command \"og\"\n"},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    put_thing(rows[i].mapping, rows[i].more);
    load();
    assert_said(rows[i].said);
    assert_true(device("thing")->is_disabled);
  }
}

static void test_a_bridge_without_commands(void **state TT_UNUSED)
{
  put("thingtree.yaml", "devices:\n  thing: {uses: bare/thing}\n");
  put("mappings/bare/thing.yaml", "protocol: bare\npoints: {}\ncommands: {go: {}}\n");
  load();
  assert_said("mappings/bare/thing.yaml:3:11 no-commands: devices of bare have no commands\n");
}

static void test_limits(void **state TT_UNUSED)
{
  for (unsigned n = TT_COMMANDS_MAX; n <= TT_COMMANDS_MAX + 1; n++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    tt_buf_puts(&text, PLAIN "commands:\n");
    add_many(&text, n, "  c%u: {to: x}\n");
    put_thing(text.data, "");
    load();
    if (n == TT_COMMANDS_MAX)
      assert_clean();
    else
      assert_said("mappings/fake/thing.yaml:4:3 too-many-commands: a device can have 200 commands\n");
  }
  for (unsigned n = TT_ARGUMENTS_MAX; n <= TT_ARGUMENTS_MAX + 1; n++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    tt_buf_puts(&text, PLAIN "commands:\n  go:\n    arguments:\n");
    add_many(&text, n, "      a%u: {type: number}\n");
    put_thing(text.data, "");
    load();
    if (n == TT_ARGUMENTS_MAX)
      assert_clean();
    else
      assert_said("mappings/fake/thing.yaml:6:7 too-many-arguments: command go can have 32 arguments\n");
  }
}

/* Nothing in what a device says is substituted, what is wrong is left out, and the mapping's keys win. */
static void test_described(void **state TT_UNUSED)
{
  w.description =
      "{\"points\":{},\"commands\":{"
      "\"blink\":{\"to\":\"${argument:x}\",\"label\":\"Theirs\",\"arguments\":{\"x\":{\"type\":\"number\"}}},"
      "\"go\":{\"to\":\"${env:HOME}\"},\"bad\":{\"nonsense\":1},\"worse\":7}}";
  put_thing(PLAIN "commands: {blink: {label: Ours}, own: {to: z}}\n", "");
  load();
  assert_false(device("thing")->is_disabled);
  assert_non_null(device("thing")->notice);
  assert_int_equal(device("thing")->config.n_commands, 3);
  assert_string_equal(tt_label_for(&command("blink")->label, "", ""), "Ours");
  assert_string_equal(((const struct fake_write *)command("blink")->address)->to, "${argument:x}");
  assert_string_equal(((const struct fake_write *)command("go")->address)->to, "${env:HOME}");
  assert_non_null(command("own"));
  /* More than may be described: the points remain. */
  struct tt_buf many TT_AUTOBUF = TT_BUF(0);
  tt_buf_puts(&many,
              "{\"points\":{\"p\":{\"at\":\"x\",\"type\":\"number\"}},\"commands\":{\"last\":{\"to\":\"x\"}");
  add_many(&many, TT_COMMANDS_MAX / 2, ",\"c%u\":{\"to\":\"x\"}");
  tt_buf_puts(&many, "}}");
  w.description = many.data;
  put_thing(PLAIN, "");
  load();
  assert_false(device("thing")->is_disabled);
  assert_int_equal(device("thing")->config.n_commands, 0);
  assert_int_equal(device("thing")->config.n_points, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_plain),  TEST(test_shared),    TEST(test_what_is_wrong), TEST(test_a_bridge_without_commands),
      TEST(test_limits), TEST(test_described),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
