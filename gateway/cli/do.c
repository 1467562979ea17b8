/* SPDX-License-Identifier: Apache-2.0
 *
 * do.c: `thingtree do`: has a node do one of its commands. What the command wants to be confirmed is asked here.
 */
#include "args.h"
#include "show.h"

#include <stdio.h>
#include <unistd.h>

struct output {
  bool is_json;
  const char *node, *command;
};

static void put_line(void *user, json_object *line)
{
  const struct output *output = user;
  struct tt_paper paper;
  if (output->is_json) {
    tt_print_json(line);
    return;
  }
  tt_paper_init(&paper, tt_term_of(STDOUT_FILENO));
  paper.term.width = 0; /* nothing of what the device says is left out */
  tt_paper_glyph(&paper, TT_STYLE_GOOD, TT_GLYPH_GOOD);
  tt_paper_printf(&paper, TT_STYLE_PLAIN, " %s: ", output->node);
  tt_paper_put(&paper, TT_STYLE_NAME, output->command);
  if (*tt_member_text(line, "said"))
    tt_paper_printf(&paper, TT_STYLE_PLAIN, ": %s", tt_member_text(line, "said"));
  tt_paper_end(&paper);
  tt_paper_print(&paper, STDOUT_FILENO);
  tt_paper_finish(&paper);
}

struct question {
  const char *command;
  char text[512];
};

static void find_question(void *user, json_object *line)
{
  struct question *question = user;
  json_object *commands = tt_member_list(line, "commands");
  for (size_t i = 0; i < tt_list_size(commands); i++) {
    json_object *command = json_object_array_get_idx(commands, i);
    if (strcmp(tt_member_text(command, "name"), question->command) == 0)
      snprintf(question->text, sizeof question->text, "%s", tt_member_text(command, "confirm"));
  }
}

static json_object *request_to(const char *what, const char *node)
{
  json_object *request = json_object_new_object();
  json_object_object_add(request, "do", json_object_new_string(what));
  json_object_object_add(request, "node", json_object_new_string(node));
  return request;
}

/* TT_EXIT_OK: it may be done. */
static int confirm(struct tt_client *client, const char *node, const char *command)
{
  struct question question = {.command = command};
  char clean[512], answer[16] = "";
  int exit = tt_client_run(client, request_to("commands", node), find_question, &question);
  if (exit != TT_EXIT_OK || !*question.text)
    return exit;
  fprintf(stderr, "%s [y/N] ", tt_text_printable(clean, sizeof clean, question.text, strlen(question.text)));
  if (!isatty(STDIN_FILENO)) {
    fputs("\nthingtree: nothing was done; --yes has it done without the question\n", stderr);
    return TT_EXIT_PARTLY;
  }
  if (!fgets(answer, sizeof answer, stdin) || (*answer != 'y' && *answer != 'Y')) {
    fputs("thingtree: nothing was done\n", stderr);
    return TT_EXIT_PARTLY;
  }
  return TT_EXIT_OK;
}

int tt_command_do(int argc, char **argv)
{
  const char *path = NULL;
  bool is_sure = false;
  struct output output = {0};
  const struct tt_switch switches[] = {
      {.name = "yes", .letter = "y", .flag = &is_sure, .help = "without asking whether it is meant"},
      TT_SWITCH_SOCKET(&path),
      TT_SWITCH_JSON(&output.is_json),
      {.name = NULL}};
  const struct tt_args args = {
      .usage = "do NODE COMMAND [ARGUMENT=VALUE...] [OPTIONS]",
      .help = "Has a device do one of its commands, once, and says what the device said. Nothing is done when a "
              "value is "
              "wrong.\n`thingtree commands NODE` shows which there are.",
      .switches = switches,
  };
  int n, exit = tt_args_parse(&args, argc, argv, &n);
  if (exit != TT_ARGS_GO_ON)
    return exit;
  if (n < 2)
    return tt_usage("do: what? For example: thingtree do speaker pause");
  output.node = argv[1];
  output.command = argv[2];
  json_object *request = request_to("execute", output.node), *arguments = json_object_new_object();
  json_object_object_add(request, "command", json_object_new_string(output.command));
  json_object_object_add(request, "arguments", arguments);
  for (int i = 3; i <= n; i++) {
    char *equals = strchr(argv[i], '=');
    if (!equals || equals == argv[i]) {
      json_object_put(request);
      return tt_usage("do: \"%s\" is not of the form ARGUMENT=VALUE", argv[i]);
    }
    *equals = '\0';
    json_object_object_add(arguments, argv[i], json_object_new_string(equals + 1));
  }
  struct tt_client *client;
  exit = tt_client_open(path, output.is_json, &client);
  if (exit != TT_EXIT_OK) {
    json_object_put(request);
    return exit;
  }
  if (!is_sure)
    exit = confirm(client, output.node, output.command);
  if (exit == TT_EXIT_OK)
    exit = tt_client_run(client, request, put_line, &output);
  else
    json_object_put(request);
  tt_client_close(client);
  return exit;
}
