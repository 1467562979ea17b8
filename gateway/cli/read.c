/* SPDX-License-Identifier: Apache-2.0
 *
 * read.c: `thingtree read`: fields of nodes, as a table.
 */
#include "args.h"
#include "show.h"

#include <stdio.h>
#include <unistd.h>

struct output {
  bool is_json;
  size_t n_failed;
  struct tt_paper paper;
};

static void put_line(void *user, json_object *line)
{
  struct output *output = user;
  const char *failed = tt_member_text(line, "failed"), *node = tt_member_text(line, "node");
  if (!*node)
    return;
  output->n_failed += *failed != '\0';
  if (output->is_json) {
    tt_print_json(line);
    return;
  }
  struct tt_paper *paper = &output->paper;
  const char *label = tt_member_text(line, "label");
  if (*failed) {
    tt_paper_glyph(paper, TT_STYLE_BAD, TT_GLYPH_BAD);
    tt_paper_printf(paper, TT_STYLE_STRONG, " %s", node);
    tt_paper_printf(paper, TT_STYLE_BAD, "  %s", failed);
    tt_paper_end(paper);
  } else {
    tt_paper_put(paper, TT_STYLE_STRONG, *label ? label : node);
    if (*label && strcmp(label, node) != 0)
      tt_paper_printf(paper, TT_STYLE_DIM, "  %s", node);
    tt_paper_end(paper);
    tt_show_fields(paper, "  ", tt_member_list(line, "fields"));
  }
  tt_paper_print(paper, STDOUT_FILENO);
}

/* "plug.power" -> "plug" and "power". What follows the last dot is a field if it could be one; "plug." is the node
 * "plug", which is how a node is named whose own id has a dot. */
static char *split(char *word)
{
  char *dot = strrchr(word, '.');
  if (!dot || strspn(dot + 1, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(dot + 1))
    return NULL;
  *dot = '\0';
  return dot[1] ? dot + 1 : NULL;
}

static json_object *new_request(json_object *const categories, bool is_from_device)
{
  json_object *request = json_object_new_object();
  json_object_object_add(request, "do", json_object_new_string("read"));
  json_object_object_add(request, "nodes", json_object_new_array());
  if (categories)
    json_object_object_add(request, "categories", json_object_get(categories));
  if (is_from_device)
    json_object_object_add(request, "from_device", json_object_new_boolean(true));
  return request;
}

/* The request of an earlier word with the same node takes a further field; a node as a whole takes all. */
static void add_word(json_object *requests, char *word, json_object *categories, bool is_from_device)
{
  const char *field = split(word);
  for (size_t i = 0; i < json_object_array_length(requests); i++) {
    json_object *request = json_object_array_get_idx(requests, i);
    json_object *node = json_object_array_get_idx(tt_member(request, "nodes"), 0);
    if (strcmp(json_object_get_string(node), word) != 0)
      continue;
    json_object *fields = tt_member_list(request, "fields");
    if (!field)
      json_object_object_del(request, "fields");
    else if (fields)
      json_object_array_add(fields, json_object_new_string(field));
    return;
  }
  json_object *request = new_request(categories, is_from_device);
  json_object_array_add(tt_member(request, "nodes"), json_object_new_string(word));
  if (field) {
    json_object *fields = json_object_new_array();
    json_object_array_add(fields, json_object_new_string(field));
    json_object_object_add(request, "fields", fields);
  }
  json_object_array_add(requests, request);
}

/* "momentary,status" */
static json_object *category_list(const char *text)
{
  if (!text)
    return NULL;
  json_object *list = json_object_new_array();
  while (*text) {
    size_t n = strcspn(text, ",");
    json_object_array_add(list, json_object_new_string_len(text, (int)n));
    text += n + (text[n] == ',');
  }
  return list;
}

int tt_command_read(int argc, char **argv)
{
  const char *path = NULL, *category = NULL;
  bool is_json = false, is_from_device = false;
  const struct tt_switch switches[] = {
      TT_SWITCH_SOCKET(&path),
      TT_SWITCH_JSON(&is_json),
      {.name = "from-device", .flag = &is_from_device, .help = "ask the devices even when young values are known"},
      {.name = "category",
       .letter = "c",
       .value = "NAME,...",
       .text = &category,
       .help = "momentary, peak, status, computed, identity, historical, all"},
      {.name = NULL},
  };
  const struct tt_args args = {
      .usage = "read NODE[.FIELD]... [OPTIONS]",
      .help =
          "Reads the nodes' fields, or those that are named; from the devices unless a value is young enough. What "
          "follows\nthe last dot is the field: write a dot behind a node id that has one itself (\"a.b.\").",
      .switches = switches,
  };
  int n, exit = tt_args_parse(&args, argc, argv, &n);
  if (exit != TT_ARGS_GO_ON)
    return exit;
  if (n == 0)
    return tt_usage("read: which node? `thingtree tree` shows them");
  struct tt_client *client;
  exit = tt_client_open(path, is_json, &client);
  if (exit != TT_EXIT_OK)
    return exit;
  struct output output = {.is_json = is_json};
  tt_paper_init(&output.paper, tt_term_of(STDOUT_FILENO));
  json_object *requests = json_object_new_array(), *categories = category_list(category);
  for (int i = 1; i <= n; i++)
    add_word(requests, argv[i], categories, is_from_device);
  for (size_t i = 0; i < json_object_array_length(requests) && exit != TT_EXIT_NO_DAEMON; i++) {
    int r = tt_client_run(client, json_object_get(json_object_array_get_idx(requests, i)), put_line, &output);
    exit = r == TT_EXIT_OK ? exit : r;
  }
  if (exit == TT_EXIT_OK && output.n_failed > 0)
    exit = TT_EXIT_PARTLY;
  json_object_put(requests);
  json_object_put(categories);
  tt_paper_finish(&output.paper);
  tt_client_close(client);
  return exit;
}
