/* SPDX-License-Identifier: Apache-2.0
 *
 * commands.c: `thingtree commands`: what a node can be told to do.
 */
#include "args.h"
#include "show.h"

#include <stdio.h>
#include <unistd.h>

struct output {
  bool is_json, with_names;
  struct tt_paper paper;
};

/* "0 ... 100", "Master, LF", "required": what one has to know of an argument beside its name and type. */
static void put_limits(const struct tt_term *term, json_object *argument, struct tt_buf *out)
{
  json_object *values = tt_member_list(argument, "values");
  static const char *const members[] = {"default", "current"};
  for (size_t i = 0; i < tt_list_size(values); i++) {
    TT_AUTOFREE char *value = tt_show_value(term, json_object_array_get_idx(values, i));
    tt_buf_printf(out, "%s%s", i ? " | " : "", value ? value : "");
  }
  if (tt_member(argument, "min"))
    tt_buf_printf(out, "%g to %g", json_object_get_double(tt_member(argument, "min")),
                  json_object_get_double(tt_member(argument, "max")));
  if (tt_member(argument, "step"))
    tt_buf_printf(out, " in steps of %g", json_object_get_double(tt_member(argument, "step")));
  for (size_t i = 0; i < TT_COUNT(members); i++) {
    if (!tt_member(argument, members[i]))
      continue;
    TT_AUTOFREE char *value = tt_show_value(term, tt_member(argument, members[i]));
    tt_buf_printf(out, "%s%s %s", out->len ? ", " : "", i ? "now" : "default", value ? value : "");
  }
}

static void put_argument(struct tt_table *table, json_object *argument)
{
  TT_AUTOBUF struct tt_buf limits = TT_BUF(0);
  put_limits(table->term, argument, &limits);
  tt_table_printf(table, TT_STYLE_NAME, "%s%s", tt_member_text(argument, "name"),
                  tt_member_flag(argument, "required") ? "" : "?");
  tt_table_put(table, TT_STYLE_PLAIN, tt_member_text(argument, "type"));
  tt_table_put(table, TT_STYLE_PLAIN, tt_member_text(argument, "unit"));
  tt_table_put(table, TT_STYLE_PLAIN, limits.data ? limits.data : "");
  tt_table_put(table, TT_STYLE_DIM, tt_member_text(argument, "label"));
}

static void put_command(struct tt_paper *paper, json_object *command)
{
  json_object *arguments = tt_member_list(command, "arguments");
  struct tt_table table;
  tt_paper_put(paper, TT_STYLE_NAME, tt_member_text(command, "name"));
  tt_paper_printf(paper, TT_STYLE_DIM, "  %s", tt_member_text(command, "label"));
  tt_paper_end(paper);
  tt_table_init(&table, &paper->term, 5);
  for (size_t i = 0; i < tt_list_size(arguments); i++)
    put_argument(&table, json_object_array_get_idx(arguments, i));
  tt_table_print(&table, "  ", paper);
  tt_table_finish(&table);
}

static void put_line(void *user, json_object *line)
{
  struct output *output = user;
  json_object *commands = tt_member_list(line, "commands");
  if (output->is_json) {
    tt_print_json(line);
    return;
  }
  for (size_t i = 0; i < tt_list_size(commands); i++) {
    json_object *command = json_object_array_get_idx(commands, i);
    if (output->with_names)
      puts(tt_member_text(command, "name"));
    else
      put_command(&output->paper, command);
  }
  tt_paper_print(&output->paper, STDOUT_FILENO);
}

int tt_command_commands(int argc, char **argv)
{
  const char *path = NULL;
  struct output output = {0};
  const struct tt_switch switches[] = {
      {.name = "names", .flag = &output.with_names, .help = "only the names, one a line"},
      TT_SWITCH_SOCKET(&path),
      TT_SWITCH_JSON(&output.is_json),
      {.name = NULL}};
  const struct tt_args args = {
      .usage = "commands NODE [OPTIONS]",
      .help =
          "Shows what a device can be told to do beside having its parameters set, and what arguments that takes; "
          "those\nwith a question mark may be left out. `thingtree do` has it done.",
      .switches = switches,
  };
  int n, exit = tt_args_parse(&args, argc, argv, &n);
  if (exit != TT_ARGS_GO_ON)
    return exit;
  if (n != 1)
    return tt_usage("commands: of one node, for example: thingtree commands speaker");
  struct tt_client *client;
  exit = tt_client_open(path, output.is_json, &client);
  if (exit != TT_EXIT_OK)
    return exit;
  json_object *request = json_object_new_object();
  json_object_object_add(request, "do", json_object_new_string("commands"));
  json_object_object_add(request, "node", json_object_new_string(argv[1]));
  tt_paper_init(&output.paper, tt_term_of(STDOUT_FILENO));
  exit = tt_client_run(client, request, put_line, &output);
  tt_paper_finish(&output.paper);
  tt_client_close(client);
  return exit;
}
