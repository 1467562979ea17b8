/* SPDX-License-Identifier: Apache-2.0
 *
 * reload.c: `thingtree reload`: has the daemon take up the configuration as it is now.
 */
#include "args.h"
#include "show.h"

#include <stdio.h>
#include <unistd.h>

struct output {
  bool is_json;
  int exit;
};

static void put_changes(struct tt_paper *paper, const char *what, json_object *changes)
{
  static const char *const names[] = {"added", "changed", "removed", "unchanged"};
  tt_paper_printf(paper, TT_STYLE_PLAIN, "%-12s", what);
  for (size_t i = 0; i < TT_COUNT(names); i++) {
    int64_t n = tt_member_number(changes, names[i]);
    tt_paper_printf(paper, n > 0 && i < 3 ? TT_STYLE_STRONG : TT_STYLE_DIM, "%s%lld %s", i ? ", " : "",
                    (long long)n, names[i]);
  }
  tt_paper_end(paper);
}

static void put_line(void *user, json_object *line)
{
  struct output *output = user;
  bool is_refused = tt_member_flag(line, "refused");
  const char *text = tt_member_text(line, "text");
  output->exit = is_refused || tt_member_number(line, "errors") > 0 ? TT_EXIT_PARTLY : TT_EXIT_OK;
  if (output->is_json) {
    tt_print_json(line);
    return;
  }
  struct tt_paper paper;
  tt_paper_init(&paper, tt_term_of(STDOUT_FILENO));
  paper.term.width = 0; /* nothing of a message is left out */
  tt_paper_lines(&paper, tt_member_text(line, "diagnostics"));
  if (!is_refused) {
    put_changes(&paper, "devices", tt_member(line, "devices"));
    put_changes(&paper, "connections", tt_member(line, "connections"));
  }
  if (*text) {
    tt_paper_put(&paper, is_refused ? TT_STYLE_BAD : TT_STYLE_WARNING, text);
    tt_paper_end(&paper);
  }
  tt_paper_print(&paper, STDOUT_FILENO);
  tt_paper_finish(&paper);
}

int tt_command_reload(int argc, char **argv)
{
  const char *path = NULL;
  struct output output = {0};
  const struct tt_switch switches[] = {TT_SWITCH_SOCKET(&path), TT_SWITCH_JSON(&output.is_json), {.name = NULL}};
  const struct tt_args args = {
      .usage = "reload [OPTIONS]",
      .help = "Has the daemon take up the configuration as it is now. What has not changed goes on undisturbed. "
              "Nothing is\n"
              "taken up that would disable what runs; then, and when there are errors elsewhere, the exit code is "
              "1. For\n"
              "admins: root and the daemon's user.",
      .switches = switches,
  };
  int n, exit = tt_args_parse(&args, argc, argv, &n);
  if (exit != TT_ARGS_GO_ON)
    return exit;
  if (n > 0)
    return tt_usage("reload takes no \"%s\"", argv[1]);
  struct tt_client *client;
  exit = tt_client_open(path, output.is_json, &client);
  if (exit != TT_EXIT_OK)
    return exit;
  json_object *request = json_object_new_object();
  json_object_object_add(request, "do", json_object_new_string("reload"));
  exit = tt_client_run(client, request, put_line, &output);
  tt_client_close(client);
  return exit == TT_EXIT_OK ? output.exit : exit;
}
