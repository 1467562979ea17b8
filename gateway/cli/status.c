/* SPDX-License-Identifier: Apache-2.0
 *
 * status.c: `thingtree status`: how the daemon is.
 */
#include "args.h"
#include "show.h"

#include <stdio.h>
#include <unistd.h>

static void put_heading(struct tt_paper *paper, const char *text)
{
  tt_paper_end(paper);
  tt_paper_put(paper, TT_STYLE_STRONG, text);
  tt_paper_end(paper);
}

static void put_mark(struct tt_table *table, enum tt_glyph glyph, enum tt_style style)
{
  tt_table_put(table, style, tt_glyph(table->term, glyph));
}

static void put_sessions(struct tt_paper *paper, json_object *list)
{
  struct tt_table table;
  tt_table_init(&table, &paper->term, 6);
  for (size_t i = 0; i < tt_list_size(list); i++) {
    json_object *one = json_object_array_get_idx(list, i);
    bool is_online = strcmp(tt_member_text(one, "state"), "online") == 0;
    const char *text = tt_member_text(one, "text");
    char since[32];
    tt_show_time(since, sizeof(since), tt_member_text(one, "since"), true);
    put_mark(&table, is_online ? TT_GLYPH_GOOD : TT_GLYPH_BAD, is_online ? TT_STYLE_GOOD : TT_STYLE_BAD);
    tt_table_put(&table, TT_STYLE_PLAIN, tt_member_text(one, "kind"));
    tt_table_put(&table, TT_STYLE_STRONG, tt_member_text(one, "jid"));
    tt_table_put(&table, TT_STYLE_DIM, tt_member_text(one, "server"));
    if (is_online)
      tt_table_printf(&table, TT_STYLE_PLAIN, "%s%s", *since ? "online since " : "online", since);
    else
      tt_table_put(&table, TT_STYLE_BAD, *text ? text : "offline");
    tt_table_printf(&table, TT_STYLE_DIM, "%lld received, %lld sent, %lld dropped",
                    (long long)tt_member_number(one, "received"), (long long)tt_member_number(one, "sent"),
                    (long long)tt_member_number(one, "dropped"));
  }
  if (table.n_cells > 0) {
    put_heading(paper, "XMPP");
    tt_table_print(&table, "  ", paper);
  }
  tt_table_finish(&table);
}

static void put_rooms(struct tt_paper *paper, json_object *list)
{
  struct tt_table table;
  tt_table_init(&table, &paper->term, 3);
  for (size_t i = 0; i < tt_list_size(list); i++) {
    json_object *one = json_object_array_get_idx(list, i);
    bool is_in = strcmp(tt_member_text(one, "state"), "in") == 0;
    const char *text = tt_member_text(one, "text");
    put_mark(&table, is_in ? TT_GLYPH_GOOD : TT_GLYPH_BAD, is_in ? TT_STYLE_GOOD : TT_STYLE_BAD);
    tt_table_put(&table, TT_STYLE_STRONG, tt_member_text(one, "jid"));
    if (is_in)
      tt_table_printf(&table, *text ? TT_STYLE_WARNING : TT_STYLE_PLAIN, "in as %s%s%s",
                      tt_member_text(one, "nick"), *text ? ": " : "", text);
    else
      tt_table_put(&table, TT_STYLE_BAD, text);
  }
  if (table.n_cells > 0) {
    put_heading(paper, "Rooms");
    tt_table_print(&table, "  ", paper);
  }
  tt_table_finish(&table);
}

static void put_connections(struct tt_paper *paper, json_object *list)
{
  static const struct {
    const char *state;
    enum tt_glyph glyph;
    enum tt_style style;
  } looks[] = {{"online", TT_GLYPH_GOOD, TT_STYLE_GOOD},
               {"offline", TT_GLYPH_BAD, TT_STYLE_BAD},
               {"disabled", TT_GLYPH_OFF, TT_STYLE_BAD},
               {"", TT_GLYPH_OFF, TT_STYLE_DIM}};
  static const char *const counters[] = {"reads", "writes", "reports", "errors", "timeouts", "dropped", "restarts"};
  struct tt_table table;
  tt_table_init(&table, &paper->term, 5);
  for (size_t i = 0; i < tt_list_size(list); i++) {
    json_object *one = json_object_array_get_idx(list, i);
    const char *state = tt_member_text(one, "state"), *text = tt_member_text(one, "text");
    size_t k = 0;
    while (*looks[k].state && strcmp(looks[k].state, state) != 0)
      k++;
    TT_AUTOBUF struct tt_buf counts = TT_BUF(0);
    long long n = (long long)tt_member_number(one, "devices");
    tt_buf_printf(&counts, "%lld device%s", n, n == 1 ? "" : "s");
    for (size_t c = 0; c < TT_COUNT(counters); c++)
      if (tt_member_number(one, counters[c]) > 0)
        tt_buf_printf(&counts, ", %lld %s", (long long)tt_member_number(one, counters[c]), counters[c]);
    if (tt_member_number(one, "pid") > 0)
      tt_buf_printf(&counts, ", process %lld", (long long)tt_member_number(one, "pid"));
    put_mark(&table, looks[k].glyph, looks[k].style);
    tt_table_put(&table, TT_STYLE_STRONG, tt_member_text(one, "name"));
    tt_table_put(&table, TT_STYLE_PLAIN, tt_member_text(one, "protocol"));
    tt_table_put(&table, looks[k].style, *text ? text : state);
    tt_table_put(&table, TT_STYLE_DIM, counts.data);
  }
  if (table.n_cells > 0) {
    put_heading(paper, "Connections");
    tt_table_print(&table, "  ", paper);
  }
  tt_table_finish(&table);
}

static void put_devices(struct tt_paper *paper, json_object *status)
{
  static const struct {
    const char *member;
    enum tt_style style;
  } counts[] = {
      {"ok", TT_STYLE_GOOD}, {"warning", TT_STYLE_WARNING}, {"error", TT_STYLE_BAD}, {"disabled", TT_STYLE_BAD}};
  json_object *devices = tt_member(status, "devices");
  const char *separator = "  ";
  put_heading(paper, "Devices");
  if (tt_member_number(devices, "total") == 0)
    tt_paper_put(paper, TT_STYLE_DIM, "  none");
  for (size_t i = 0; i < TT_COUNT(counts); i++) {
    long long n = (long long)tt_member_number(devices, counts[i].member);
    if (n == 0)
      continue;
    tt_paper_put(paper, TT_STYLE_PLAIN, separator);
    separator = ", ";
    tt_paper_printf(paper, counts[i].style, "%lld %s", n, counts[i].member);
  }
  tt_paper_end(paper);
  json_object *troubles = tt_member_list(status, "troubles");
  for (size_t i = 0; i < tt_list_size(troubles); i++) {
    json_object *one = json_object_array_get_idx(troubles, i);
    json_object *message = NULL, *messages = tt_member_list(one, "messages");
    if (tt_list_size(messages) > 0)
      message = json_object_array_get_idx(messages, 0);
    struct tt_look look = tt_show_state(tt_member_text(one, "state"), false);
    tt_paper_put(paper, TT_STYLE_PLAIN, "  ");
    tt_paper_glyph(paper, look.style, look.glyph);
    tt_paper_printf(paper, TT_STYLE_STRONG, " %s", tt_member_text(one, "node"));
    tt_paper_printf(paper, look.style, "  %s", tt_member_text(message, "text"));
    tt_paper_end(paper);
  }
}

static void put_published(struct tt_paper *paper, json_object *status)
{
  json_object *counts = tt_member(status, "counts");
  long long nodes = (long long)tt_member_number(counts, "pubsub_nodes");
  long long failing = (long long)tt_member_number(counts, "pubsub_nodes_failing");
  if (nodes == 0)
    return;
  put_heading(paper, "Published");
  tt_paper_printf(paper, TT_STYLE_PLAIN, "  %lld pubsub node%s, %lld items", nodes, nodes == 1 ? "" : "s",
                  (long long)tt_member_number(counts, "pubsub_items"));
  if (failing > 0)
    tt_paper_printf(paper, TT_STYLE_BAD, ", %lld failing", failing);
  tt_paper_end(paper);
}

void tt_show_status(struct tt_paper *paper, json_object *status)
{
  char uptime[32];
  tt_paper_printf(paper, TT_STYLE_STRONG, "thingtree %s", tt_member_text(status, "version"));
  tt_paper_printf(paper, TT_STYLE_PLAIN, "  up %s, process %lld, %lld nodes",
                  tt_show_duration(uptime, sizeof(uptime), tt_member_number(status, "uptime_s")),
                  (long long)tt_member_number(status, "pid"), (long long)tt_member_number(status, "nodes"));
  tt_paper_end(paper);
  put_sessions(paper, tt_member_list(status, "xmpp"));
  put_rooms(paper, tt_member_list(status, "rooms"));
  put_connections(paper, tt_member_list(status, "connections"));
  put_devices(paper, status);
  put_published(paper, status);
  json_object *files = tt_member_list(status, "files");
  if (tt_list_size(files) > 0)
    put_heading(paper, "Files read");
  for (size_t i = 0; i < tt_list_size(files); i++) {
    tt_paper_printf(paper, TT_STYLE_PLAIN, "  %s", json_object_get_string(json_object_array_get_idx(files, i)));
    tt_paper_end(paper);
  }
}

static void put_line(void *user, json_object *line)
{
  if (*(const bool *)user) {
    tt_print_json(line);
    return;
  }
  struct tt_paper paper;
  tt_paper_init(&paper, tt_term_of(STDOUT_FILENO));
  tt_show_status(&paper, line);
  tt_paper_print(&paper, STDOUT_FILENO);
  tt_paper_finish(&paper);
}

int tt_command_status(int argc, char **argv)
{
  const char *path = NULL;
  bool is_json = false;
  const struct tt_switch switches[] = {TT_SWITCH_SOCKET(&path), TT_SWITCH_JSON(&is_json), {.name = NULL}};
  const struct tt_args args = {
      .usage = "status [OPTIONS]",
      .help = "Shows how the daemon is: its streams to XMPP servers, its chat rooms, its connections to devices, "
              "which devices are not "
              "well and\nwhy, how many pubsub nodes it publishes to, and the files it has read.",
      .switches = switches,
  };
  int n, exit = tt_args_parse(&args, argc, argv, &n);
  if (exit != TT_ARGS_GO_ON)
    return exit;
  if (n > 0)
    return tt_usage("status: unexpected \"%s\"", argv[1]);
  struct tt_client *client;
  exit = tt_client_open(path, is_json, &client);
  if (exit != TT_EXIT_OK)
    return exit;
  json_object *request = json_object_new_object();
  json_object_object_add(request, "do", json_object_new_string("status"));
  exit = tt_client_run(client, request, put_line, &is_json);
  tt_client_close(client);
  return exit;
}
