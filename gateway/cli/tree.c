/* SPDX-License-Identifier: Apache-2.0
 *
 * tree.c: `thingtree tree`: the tree, drawn.
 */
#include "args.h"
#include "show.h"

#include <stdio.h>
#include <unistd.h>

#define NO_PARENT SIZE_MAX

struct place {
  json_object *node;
  size_t parent;     /* index */
  size_t last_child; /* index; 0 when there is none, for a child never stands first */
};

/* Parents come first, so the parent is the node itself or above the node before. */
static void find_parents(struct place *places, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    const char *parent = tt_member_text(places[i].node, "parent");
    size_t k = i > 0 ? i - 1 : NO_PARENT;
    while (k != NO_PARENT && strcmp(tt_member_text(places[k].node, "node"), parent) != 0)
      k = places[k].parent;
    places[i].parent = *parent ? k : NO_PARENT;
    if (places[i].parent != NO_PARENT)
      places[places[i].parent].last_child = i;
  }
}

/* The trunks left of everything that belongs to a node, recursively from the root. */
static void put_trunks(const struct tt_term *term, const struct place *places, size_t i, struct tt_buf *out)
{
  size_t parent = places[i].parent;
  if (parent == NO_PARENT)
    return;
  put_trunks(term, places, parent, out);
  tt_buf_puts(out, tt_glyph(term, places[parent].last_child == i ? TT_GLYPH_NONE : TT_GLYPH_TRUNK));
}

static void put_node(struct tt_paper *paper, const struct place *places, size_t i)
{
  json_object *node = places[i].node;
  const char *key = tt_member_text(node, "node"), *label = tt_member_text(node, "label");
  const char *kind = tt_member_text(node, "kind");
  if (places[i].parent != NO_PARENT) {
    TT_AUTOBUF struct tt_buf trunks = TT_BUF(0);
    put_trunks(&paper->term, places, places[i].parent, &trunks);
    tt_paper_put(paper, TT_STYLE_DIM, trunks.data);
    tt_paper_glyph(paper, TT_STYLE_DIM, places[places[i].parent].last_child == i ? TT_GLYPH_LAST : TT_GLYPH_BRANCH);
  }
  bool is_disabled = tt_member_flag(node, "disabled");
  if (strcmp(kind, "place") != 0) {
    struct tt_look look = tt_show_state(tt_member_text(node, "state"), is_disabled);
    tt_paper_glyph(paper, look.style, look.glyph);
    tt_paper_put(paper, TT_STYLE_PLAIN, " ");
  }
  tt_paper_put(paper, TT_STYLE_STRONG, *label ? label : key);
  if (strcmp(label, key) != 0)
    tt_paper_printf(paper, TT_STYLE_DIM, "  %s", key);
  const char *vendor = tt_member_text(node, "vendor"), *model = tt_member_text(node, "model");
  if (*vendor || *model)
    tt_paper_printf(paper, TT_STYLE_DIM, "  (%s%s%s)", vendor, *vendor && *model ? " " : "", model);
  if (is_disabled)
    tt_paper_put(paper, TT_STYLE_BAD, "  disabled");
  tt_paper_end(paper);
}

static void put_messages(struct tt_paper *paper, const char *prefix, json_object *node)
{
  json_object *messages = tt_member_list(node, "messages");
  for (size_t i = 0; i < tt_list_size(messages); i++) {
    json_object *message = json_object_array_get_idx(messages, i);
    struct tt_look look = tt_show_message(tt_member_text(message, "type"));
    char since[32];
    tt_paper_put(paper, TT_STYLE_DIM, prefix);
    tt_paper_glyph(paper, look.style, look.glyph);
    tt_paper_printf(paper, look.style, " %s", tt_member_text(message, "text"));
    if (*tt_show_time(since, sizeof(since), tt_member_text(message, "since"), true))
      tt_paper_printf(paper, TT_STYLE_DIM, "  since %s", since);
    tt_paper_end(paper);
  }
}

void tt_show_tree(struct tt_paper *paper, json_object *nodes, bool is_short)
{
  size_t n = tt_list_size(nodes);
  TT_AUTOFREE struct place *places = calloc(n + 1, sizeof(*places));
  if (!places)
    return;
  for (size_t i = 0; i < n; i++)
    places[i].node = json_object_array_get_idx(nodes, i);
  find_parents(places, n);
  for (size_t i = 0; i < n; i++) {
    put_node(paper, places, i);
    TT_AUTOBUF struct tt_buf prefix = TT_BUF(0);
    put_trunks(&paper->term, places, i, &prefix);
    tt_buf_puts(&prefix, tt_glyph(&paper->term, places[i].last_child ? TT_GLYPH_TRUNK : TT_GLYPH_NONE));
    put_messages(paper, prefix.data, places[i].node);
    if (!is_short)
      tt_show_fields(paper, prefix.data, tt_member_list(places[i].node, "fields"));
  }
}

/* Names alone, for completion and scripts: nodes, and what can be read or set of them. */
static void put_names(struct tt_paper *paper, json_object *nodes, bool is_short, bool is_writable)
{
  for (size_t i = 0; i < tt_list_size(nodes); i++) {
    json_object *node = json_object_array_get_idx(nodes, i), *fields = tt_member_list(node, "fields");
    if (!is_writable) {
      tt_paper_put(paper, TT_STYLE_PLAIN, tt_member_text(node, "node"));
      tt_paper_end(paper);
    }
    for (size_t k = 0; k < tt_list_size(fields) && !is_short; k++) {
      json_object *field = json_object_array_get_idx(fields, k);
      if (!tt_member_flag(field, is_writable ? "writable" : "readable"))
        continue;
      tt_paper_put(paper, TT_STYLE_PLAIN, tt_member_text(node, "node"));
      tt_paper_printf(paper, TT_STYLE_PLAIN, ".%s", tt_member_text(field, "name"));
      tt_paper_end(paper);
    }
  }
}

static void print_line(void *user TT_UNUSED, json_object *line)
{
  if (!tt_member_flag(line, "done"))
    tt_print_json(line);
}

static void collect(void *user, json_object *line)
{
  json_object *nodes = user;
  if (!tt_member_flag(line, "done"))
    json_object_array_add(nodes, json_object_get(line));
}

int tt_command_tree(int argc, char **argv)
{
  const char *path = NULL;
  bool is_json = false, is_short = false, has_names = false, is_writable = false;
  const struct tt_switch switches[] = {
      TT_SWITCH_SOCKET(&path),
      TT_SWITCH_JSON(&is_json),
      {.name = "short", .flag = &is_short, .help = "the nodes alone, without their fields"},
      {.name = "names", .flag = &has_names, .help = "one NODE or NODE.FIELD per line, for scripts"},
      {.name = "writable", .flag = &is_writable, .help = "with --names: what can be set, nothing else"},
      {.name = NULL},
  };
  const struct tt_args args = {
      .usage = "tree [NODE] [OPTIONS]",
      .help =
          "Draws the tree, or the part below NODE: each node with its state, each field with the value known last "
          "and\nits age. Nothing is asked of the devices; `thingtree read` does that.",
      .switches = switches,
  };
  int n, exit = tt_args_parse(&args, argc, argv, &n);
  if (exit != TT_ARGS_GO_ON)
    return exit;
  if (n > 1)
    return tt_usage("tree: one node at most");
  struct tt_client *client;
  exit = tt_client_open(path, is_json, &client);
  if (exit != TT_EXIT_OK)
    return exit;
  json_object *request = json_object_new_object(), *nodes = json_object_new_array();
  json_object_object_add(request, "do", json_object_new_string("tree"));
  if (n > 0)
    json_object_object_add(request, "node", json_object_new_string(argv[1]));
  exit = tt_client_run(client, request, is_json ? print_line : collect, nodes);
  if (exit == TT_EXIT_OK && !is_json) {
    struct tt_paper paper;
    tt_paper_init(&paper, has_names ? (struct tt_term){.has_utf8 = true} : tt_term_of(STDOUT_FILENO));
    if (has_names)
      put_names(&paper, nodes, is_short, is_writable);
    else
      tt_show_tree(&paper, nodes, is_short);
    exit = tt_paper_print(&paper, STDOUT_FILENO) < 0 ? TT_EXIT_PARTLY : TT_EXIT_OK;
    tt_paper_finish(&paper);
  }
  json_object_put(nodes);
  tt_client_close(client);
  return exit;
}
