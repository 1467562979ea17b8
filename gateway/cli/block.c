/* SPDX-License-Identifier: Apache-2.0
 *
 * block.c: `thingtree block`: who is not heard any more.
 */
#include "args.h"
#include "show.h"

#include <stdio.h>
#include <unistd.h>

struct output {
  bool is_json;
  const char *said; /* "blocked"; NULL: the list */
};

static void put_list(struct tt_paper *paper, json_object *line)
{
  json_object *list = tt_member_list(line, "blocked");
  if (tt_list_size(list) == 0) {
    tt_paper_put(paper, TT_STYLE_DIM, "nobody is blocked");
    tt_paper_end(paper);
    return;
  }
  struct tt_table table;
  tt_table_init(&table, &paper->term, 2);
  for (size_t i = 0; i < tt_list_size(list); i++) {
    json_object *one = json_object_array_get_idx(list, i);
    char since[32];
    tt_table_put(&table, TT_STYLE_STRONG, tt_member_text(one, "jid"));
    tt_table_put(&table, TT_STYLE_DIM, tt_show_time(since, sizeof(since), tt_member_text(one, "since"), true));
  }
  tt_table_print(&table, "", paper);
  tt_table_finish(&table);
}

static void put_line(void *user, json_object *line)
{
  const struct output *output = user;
  if (output->is_json) {
    tt_print_json(line);
    return;
  }
  struct tt_paper paper;
  tt_paper_init(&paper, tt_term_of(STDOUT_FILENO));
  if (output->said) {
    tt_paper_printf(&paper, TT_STYLE_PLAIN, "%s ", output->said);
    tt_paper_put(&paper, TT_STYLE_STRONG, tt_member_text(line, "jid"));
    tt_paper_end(&paper);
  } else {
    put_list(&paper, line);
  }
  tt_paper_print(&paper, STDOUT_FILENO);
  tt_paper_finish(&paper);
}

int tt_command_block(int argc, char **argv)
{
  const char *path = NULL, *report = NULL, *text = NULL;
  bool is_removal = false;
  struct output output = {0};
  const struct tt_switch switches[] = {
      TT_SWITCH_SOCKET(&path),
      TT_SWITCH_JSON(&output.is_json),
      {.name = "remove", .letter = "r", .flag = &is_removal, .help = "hear them again"},
      {.name = "report", .value = "REASON", .text = &report, .help = "tell our XMPP server, too: spam or abuse"},
      {.name = "text", .value = "TEXT", .text = &text, .help = "what to tell it"},
      {.name = NULL},
  };
  const struct tt_args args = {
      .usage = "block [JID | DOMAIN] [OPTIONS]",
      .help = "Nothing that comes from them is heard any more, whatever the rules say, and the account's XMPP "
              "server is "
              "asked to\nkeep them away. Without a name: who is blocked. For admins: root and the daemon's user.",
      .switches = switches,
  };
  int n, exit = tt_args_parse(&args, argc, argv, &n);
  if (exit != TT_ARGS_GO_ON)
    return exit;
  if (n > 1 || (n == 0 && (is_removal || report || text)) || (is_removal && report) || (text && !report)) {
    tt_usage(n > 1    ? "block: one JID or domain"
             : n == 0 ? "block: whom?"
             : text   ? "block: --text goes with --report"
                      : "block: --report does not go with --remove");
    return TT_EXIT_USAGE;
  }
  json_object *request = json_object_new_object();
  json_object_object_add(request, "do",
                         json_object_new_string(n == 0       ? "blocked"
                                                : is_removal ? "unblock"
                                                             : "block"));
  if (n == 1)
    json_object_object_add(request, "jid", json_object_new_string(argv[1]));
  if (report)
    json_object_object_add(request, "report", json_object_new_string(report));
  if (text)
    json_object_object_add(request, "text", json_object_new_string(text));
  output.said = n == 0 ? NULL : is_removal ? "heard again:" : "blocked";
  struct tt_client *client;
  exit = tt_client_open(path, output.is_json, &client);
  if (exit == TT_EXIT_OK) {
    exit = tt_client_run(client, json_object_get(request), put_line, &output);
    tt_client_close(client);
  }
  json_object_put(request);
  return exit;
}
