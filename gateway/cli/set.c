/* SPDX-License-Identifier: Apache-2.0
 *
 * set.c: `thingtree set`: parameters of nodes, in the order given.
 */
#include "args.h"
#include "show.h"

#include <stdio.h>
#include <unistd.h>

/* "plug.relay=true" cut in three. The parameter is what stands between the last dot before the first "=" and it. */
static bool split(char *word, char **ret_name, char **ret_value)
{
  char *equals = strchr(word, '=');
  if (!equals)
    return false;
  *equals = '\0';
  char *dot = strrchr(word, '.');
  if (!dot || dot == word || !dot[1]) {
    *equals = '=';
    return false;
  }
  *dot = '\0';
  *ret_name = dot + 1;
  *ret_value = equals + 1;
  return true;
}

/* Words that follow each other and name the same node are one request, all or nothing; a name that comes again
 * begins another. */
static void add_word(json_object *requests, const char *node, const char *name, const char *value)
{
  size_t n = json_object_array_length(requests);
  json_object *last = n > 0 ? json_object_array_get_idx(requests, n - 1) : NULL;
  json_object *set = tt_member(last, "set");
  if (!last || strcmp(tt_member_text(last, "nodes"), node) != 0 || json_object_object_get_ex(set, name, NULL)) {
    last = json_object_new_object();
    set = json_object_new_object();
    json_object_object_add(last, "do", json_object_new_string("set"));
    json_object_object_add(last, "nodes", json_object_new_string(node));
    json_object_object_add(last, "set", set);
    json_object_array_add(requests, last);
  }
  json_object_object_add(set, name, json_object_new_string(value));
}

struct output {
  bool is_json;
  json_object *set; /* what was asked, to say what was done */
  struct tt_paper paper;
};

static void put_line(void *user, json_object *line)
{
  struct output *output = user;
  if (output->is_json) {
    tt_print_json(line);
    return;
  }
  struct tt_paper *paper = &output->paper;
  json_object *nodes = tt_member_list(line, "nodes"), *names = tt_member_list(line, "names");
  for (size_t i = 0; i < tt_list_size(nodes); i++)
    for (size_t k = 0; k < tt_list_size(names); k++) {
      const char *name = json_object_get_string(json_object_array_get_idx(names, k));
      tt_paper_glyph(paper, TT_STYLE_GOOD, TT_GLYPH_GOOD);
      tt_paper_printf(paper, TT_STYLE_PLAIN, " %s.", json_object_get_string(json_object_array_get_idx(nodes, i)));
      tt_paper_put(paper, TT_STYLE_NAME, name);
      tt_paper_printf(paper, TT_STYLE_PLAIN, " = %s", tt_member_text(output->set, name));
      tt_paper_end(paper);
    }
  tt_paper_print(paper, STDOUT_FILENO);
  if (!tt_member_flag(line, "complete"))
    fputs("thingtree: the rest was left out: no permission\n", stderr);
}

int tt_command_set(int argc, char **argv)
{
  const char *path = NULL;
  bool is_json = false;
  const struct tt_switch switches[] = {TT_SWITCH_SOCKET(&path), TT_SWITCH_JSON(&is_json), {.name = NULL}};
  const struct tt_args args = {
      .usage = "set NODE.PARAMETER=VALUE... [OPTIONS]",
      .help = "Sets parameters of devices, in the order given; ends at the first that fails. Nothing is switched "
              "when a "
              "name\nor a value of a node is wrong. Values as people write them: on, off, 21.5; in your language.",
      .switches = switches,
  };
  int n, exit = tt_args_parse(&args, argc, argv, &n);
  if (exit != TT_ARGS_GO_ON)
    return exit;
  if (n == 0)
    return tt_usage("set: what? For example: thingtree set plug.relay=true");
  json_object *requests = json_object_new_array();
  for (int i = 1; i <= n; i++) {
    char *name, *value;
    if (!split(argv[i], &name, &value)) {
      json_object_put(requests);
      return tt_usage("set: \"%s\" is not of the form NODE.PARAMETER=VALUE", argv[i]);
    }
    add_word(requests, argv[i], name, value);
  }
  struct tt_client *client;
  exit = tt_client_open(path, is_json, &client);
  if (exit == TT_EXIT_OK) {
    struct output output = {.is_json = is_json};
    tt_paper_init(&output.paper, tt_term_of(STDOUT_FILENO));
    for (size_t i = 0; i < json_object_array_length(requests) && exit == TT_EXIT_OK; i++) {
      json_object *request = json_object_array_get_idx(requests, i);
      output.set = tt_member(request, "set");
      exit = tt_client_run(client, json_object_get(request), put_line, &output);
    }
    tt_paper_finish(&output.paper);
    tt_client_close(client);
  }
  json_object_put(requests);
  return exit;
}
