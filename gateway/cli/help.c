/* SPDX-License-Identifier: Apache-2.0
 *
 * help.c: `thingtree help`: the subcommands, one of them, or what a bridge can be told. The options of a bridge come
 * from its own tables.
 */
#include "args.h"
#include "bridge/registry.h"
#include "config/table.h"

#include <json-c/json.h>
#include <stdio.h>

#define NAMES_MAX (TT_BRIDGES_MAX + 32)
#define INDENT    2
#define LEVELS    5

struct level {
  const char *member, *heading;
  const struct tt_option *options;
};

static void levels_of(const struct tt_bridge_ops *ops, struct level out[LEVELS])
{
  out[0] = (struct level){"connection", "In a connection of thingtree.yaml:", ops->connection.options};
  out[1] = (struct level){"device", "In a mapping or device:", ops->device.options};
  out[2] = (struct level){"point", "In a point:", ops->read_address.options};
  out[3] = (struct level){"write", "In `write:` of a point:", ops->write_address.options};
  out[4] = (struct level){"command", "In a command:", ops->command_address.options};
}

/* ---- As text ------------------------------------------------------------------------------------------------ */

static void print_overview(struct tt_registry *registry)
{
  puts("usage: thingtree SUBCOMMAND [OPTIONS]\n");
  for (const struct tt_subcommand *c = tt_commands; c->name; c++)
    printf("  %-10s %s\n", c->name, c->summary);
  const char *const *names = tt_registry_names(registry);
  if (names[0])
    puts("\nbridges:");
  for (; *names; names++) {
    const char *why = NULL;
    const struct tt_bridge_ops *ops = tt_registry_find(registry, *names, &why);
    printf("  %-10s %s\n", *names, ops ? ops->summary : why ? why : "");
  }
  puts("\nthingtree help SUBCOMMAND or thingtree help BRIDGE tells more; so does man thingtree.");
}

static void print_bridge(const struct tt_bridge_ops *ops)
{
  struct level levels[LEVELS];
  levels_of(ops, levels);
  printf("%s: %s\n", ops->name, ops->summary);
  for (size_t i = 0; i < TT_COUNT(levels); i++) {
    TT_AUTOBUF struct tt_buf text = TT_BUF(0);
    if (!levels[i].options || !levels[i].options->name)
      continue;
    tt_table_help(levels[i].options, INDENT, &text);
    printf("\n%s\n%s", levels[i].heading, text.data ? text.data : "");
  }
  if (ops->types)
    puts("\nAs `type:` of a point, beside the common ones:");
  for (const struct tt_wire_type *type = ops->types; type && type->name; type++)
    printf("  %-12s %s\n", type->name, type->help);
}

/* ---- As JSON ------------------------------------------------------------------------------------------------ */

static json_object *options_json(const struct tt_option *options)
{
  json_object *list = json_object_new_array();
  for (const struct tt_option *option = options; option && option->name; option++) {
    json_object *one = json_object_new_object();
    json_object_object_add(one, "name", json_object_new_string(option->name));
    if (option->preset)
      json_object_object_add(one, "default", json_object_new_string(option->preset));
    if (option->flags & TT_OPTION_REQUIRED)
      json_object_object_add(one, "required", json_object_new_boolean(true));
    json_object_object_add(one, "help", json_object_new_string(option->help));
    if (option->table)
      json_object_object_add(one, "options", options_json(option->table));
    json_object_array_add(list, one);
  }
  return list;
}

static void print_json(json_object *object)
{
  puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(object);
}

static void print_bridge_json(const struct tt_bridge_ops *ops)
{
  struct level levels[LEVELS];
  levels_of(ops, levels);
  json_object *object = json_object_new_object();
  json_object_object_add(object, "bridge", json_object_new_string(ops->name));
  json_object_object_add(object, "summary", json_object_new_string(ops->summary));
  for (size_t i = 0; i < TT_COUNT(levels); i++)
    json_object_object_add(object, levels[i].member, options_json(levels[i].options));
  print_json(object);
}

static void print_overview_json(struct tt_registry *registry)
{
  json_object *object = json_object_new_object(), *commands = json_object_new_object();
  json_object *bridges = json_object_new_array();
  for (const struct tt_subcommand *c = tt_commands; c->name; c++)
    json_object_object_add(commands, c->name, json_object_new_string(c->summary));
  for (const char *const *names = tt_registry_names(registry); *names; names++)
    json_object_array_add(bridges, json_object_new_string(*names));
  json_object_object_add(object, "commands", commands);
  json_object_object_add(object, "bridges", bridges);
  print_json(object);
}

/* ---- What is asked about -------------------------------------------------------------------------------------- */

static int unknown(struct tt_registry *registry, const char *word)
{
  const char *names[NAMES_MAX];
  size_t n = 0;
  for (const struct tt_subcommand *c = tt_commands; c->name && n < NAMES_MAX; c++)
    names[n++] = c->name;
  for (const char *const *bridge = tt_registry_names(registry); *bridge && n < NAMES_MAX; bridge++)
    names[n++] = *bridge;
  return tt_usage_unknown("subcommand or bridge", word, names, n);
}

static int help_on(struct tt_registry *registry, char *word, bool is_json)
{
  for (const struct tt_subcommand *c = tt_commands; c->name; c++)
    if (strcmp(c->name, word) == 0)
      return c->run(2, (char *[]){word, (char[]){"--help"}, NULL});
  const char *why = NULL;
  const struct tt_bridge_ops *ops = tt_registry_find(registry, word, &why);
  if (!ops && why) {
    fprintf(stderr, "thingtree: %s\n", why);
    return TT_EXIT_PARTLY;
  }
  if (!ops)
    return unknown(registry, word);
  if (is_json)
    print_bridge_json(ops);
  else
    print_bridge(ops);
  return TT_EXIT_OK;
}

int tt_command_help(int argc, char **argv)
{
  const char *bridges = TT_BRIDGE_DIR;
  bool is_json = false;
  const struct tt_switch switches[] = {
      {.name = "bridges", .letter = "b", .value = "DIR", .text = &bridges, .help = "where the bridges are"},
      TT_SWITCH_JSON(&is_json),
      {.name = NULL},
  };
  const struct tt_args args = {
      .usage = "help [SUBCOMMAND | BRIDGE] [OPTIONS]",
      .help = "Shows the subcommands and bridges there are, how a subcommand is called, or what a bridge can be "
              "told in "
              "the\nconfiguration.",
      .switches = switches,
  };
  int n, exit = tt_args_parse(&args, argc, argv, &n);
  if (exit != TT_ARGS_GO_ON)
    return exit;
  if (n > 1)
    return tt_usage("help: one subcommand or bridge at a time");
  struct tt_registry *registry;
  if (tt_registry_create(bridges, NULL, &registry) < 0)
    return tt_usage("out of memory");
  if (n == 1)
    exit = help_on(registry, argv[1], is_json);
  else if (is_json)
    exit = (print_overview_json(registry), TT_EXIT_OK);
  else
    exit = (print_overview(registry), TT_EXIT_OK);
  tt_registry_destroy(registry);
  return exit;
}
