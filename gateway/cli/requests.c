/* SPDX-License-Identifier: Apache-2.0
 *
 * requests.c: `thingtree requests`: who asked to be let in, and letting in.
 */
#include "args.h"
#include "show.h"

#include <stdio.h>
#include <unistd.h>

static void put_list(struct tt_paper *paper, json_object *line)
{
  json_object *list = tt_member_list(line, "requests");
  if (tt_list_size(list) == 0) {
    tt_paper_put(paper, TT_STYLE_DIM, "nobody is waiting");
    tt_paper_end(paper);
    return;
  }
  struct tt_table table;
  tt_table_init(&table, &paper->term, 4);
  for (size_t i = 0; i < tt_list_size(list); i++) {
    json_object *one = json_object_array_get_idx(list, i);
    char at[32];
    tt_table_put(&table, TT_STYLE_STRONG, tt_member_text(one, "jid"));
    tt_table_printf(&table, TT_STYLE_DIM, "asked %s", tt_member_text(one, "via"));
    tt_table_put(&table, TT_STYLE_PLAIN, tt_member_text(one, "nodes"));
    tt_table_put(&table, TT_STYLE_DIM, tt_show_time(at, sizeof(at), tt_member_text(one, "at"), true));
  }
  tt_table_print(&table, "", paper);
  tt_table_finish(&table);
}

struct output {
  bool is_json;
  const char *said; /* "accepted"; NULL: the list */
};

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
    json_object *nodes = tt_member_list(line, "nodes");
    for (size_t i = 0; i < tt_list_size(nodes); i++)
      tt_paper_printf(&paper, TT_STYLE_PLAIN, "%s%s", i ? ", " : ", for these nodes alone: ",
                      json_object_get_string(json_object_array_get_idx(nodes, i)));
    tt_paper_end(&paper);
  } else {
    put_list(&paper, line);
  }
  tt_paper_print(&paper, STDOUT_FILENO);
  tt_paper_finish(&paper);
}

/* The words after `requests` as a request; NULL after a message. */
static json_object *request_of(int n, char **words, const char *role, const char *nodes, const char **ret_said)
{
  enum { ACCEPT, DENY, REVOKE };
  static const char *const verbs[] = {[ACCEPT] = "accept", [DENY] = "deny", [REVOKE] = "revoke"};
  static const char *const said[] = {[ACCEPT] = "accepted", [DENY] = "denied", [REVOKE] = "revoked"};
  json_object *request = json_object_new_object();
  size_t verb = 0;
  if (n == 0) {
    json_object_object_add(request, "do", json_object_new_string("requests"));
    return request;
  }
  while (verb < TT_COUNT(verbs) && strcmp(verbs[verb], words[0]) != 0)
    verb++;
  if (verb == TT_COUNT(verbs))
    tt_usage_unknown("word", words[0], verbs, TT_COUNT(verbs));
  else if (n != 2)
    tt_usage("requests %s: one JID", verbs[verb]);
  else if (verb == ACCEPT && !role)
    tt_usage("requests accept: as what? --role reader, operator or admin");
  else {
    json_object_object_add(request, "do", json_object_new_string(verbs[verb]));
    json_object_object_add(request, "jid", json_object_new_string(words[1]));
    if (verb == ACCEPT)
      json_object_object_add(request, "role", json_object_new_string(role));
    if (verb == ACCEPT && nodes)
      json_object_object_add(request, "nodes", json_object_new_string(nodes));
    *ret_said = said[verb];
    return request;
  }
  json_object_put(request);
  return NULL;
}

int tt_command_requests(int argc, char **argv)
{
  const char *path = NULL, *role = NULL, *nodes = NULL;
  struct output output = {0};
  const struct tt_switch switches[] = {
      TT_SWITCH_SOCKET(&path),
      TT_SWITCH_JSON(&output.is_json),
      {.name = "role", .letter = "r", .value = "ROLE", .text = &role, .help = "reader, operator or admin"},
      {.name = "nodes",
       .letter = "n",
       .value = "GLOB",
       .text = &nodes,
       .help = "only these nodes: house/hall/**; when not given, what was asked for"},
      {.name = NULL},
  };
  const struct tt_args args = {
      .usage = "requests [accept JID --role ROLE [--nodes GLOB] | deny JID | revoke JID] [OPTIONS]",
      .help =
          "Shows who has asked to be let in and waits for a decision. `accept` writes a rule for the JID, who need "
          "not have\nasked, or for all of a domain (@example.org); who asked for one thing by its own address is "
          "granted that alone, unless "
          "--nodes\nsays more (\"**\" is all); `deny` forgets the request; `revoke` takes back "
          "what "
          "was accepted.\nFor admins: root and the daemon's user.",
      .switches = switches,
  };
  int n, exit = tt_args_parse(&args, argc, argv, &n);
  if (exit != TT_ARGS_GO_ON)
    return exit;
  json_object *request = request_of(n, argv + 1, role, nodes, &output.said);
  if (!request)
    return TT_EXIT_USAGE;
  struct tt_client *client;
  exit = tt_client_open(path, output.is_json, &client);
  if (exit == TT_EXIT_OK) {
    exit = tt_client_run(client, json_object_get(request), put_line, &output);
    tt_client_close(client);
  }
  json_object_put(request);
  return exit;
}
