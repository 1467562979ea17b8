/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.c: `thingtree watch`: changes as they happen, a line each: when, where, what, from what to what.
 */
#include "args.h"
#include "show.h"

#include <stdio.h>
#include <unistd.h>
#include <uthash.h>

#define NODE_COLUMNS_MAX  24 /* wider names push their own line only */
#define FIELD_COLUMNS_MAX 24

/* What a field was, to say from what it changed. */
struct known {
  char *value; /* as JSON */
  UT_hash_handle hh;
  char key[]; /* node "\n" field */
};

struct watching {
  bool is_json;
  struct known *known;
  struct tt_paper paper;
  size_t node_columns, field_columns;
  int64_t count;  /* changes to show yet; 0: no end */
  size_t n_nodes; /* being watched */
  int n_trees;    /* answers of the tree that are not complete yet */
};

static void forget_all(struct watching *watching)
{
  struct known *known, *next;
  HASH_ITER(hh, watching->known, known, next) {
    HASH_DEL(watching->known, known);
    free(known->value);
    free(known);
  }
}

/* Remember the field's value; the one before is the caller's. NULL: not known, or there is no memory. */
static char *exchange(struct watching *watching, const char *node, json_object *field)
{
  TT_AUTOBUF struct tt_buf key = TT_BUF(0);
  tt_buf_printf(&key, "%s\n%s", node, tt_member_text(field, "name"));
  char *value = strdup(json_object_to_json_string(tt_member(field, "value")));
  struct known *known = NULL;
  if (!key.data || !value)
    return free(value), NULL;
  HASH_FIND_STR(watching->known, key.data, known);
  if (known) {
    char *old = known->value;
    known->value = value;
    return old;
  }
  known = calloc(1, sizeof(*known) + key.len + 1);
  if (!known)
    return free(value), NULL;
  memcpy(known->key, key.data, key.len + 1);
  known->value = value;
  HASH_ADD_STR(watching->known, key, known);
  return NULL;
}

static size_t widen(size_t *columns, const char *text, size_t most)
{
  size_t wanted = tt_term_columns(text);
  if (wanted > *columns)
    *columns = wanted < most ? wanted : most;
  return *columns;
}

static void begin(struct watching *watching, json_object *line)
{
  struct tt_paper *paper = &watching->paper;
  char at[32];
  TT_AUTOBUF struct tt_buf node = TT_BUF(0);
  tt_term_clean(&paper->term, tt_member_text(line, "node"), &node);
  tt_paper_put(paper, TT_STYLE_DIM, tt_show_time(at, sizeof(at), tt_member_text(line, "at"), false));
  tt_paper_put(paper, TT_STYLE_PLAIN, "  ");
  size_t end = paper->column + widen(&watching->node_columns, node.data ? node.data : "", NODE_COLUMNS_MAX);
  tt_paper_put(paper, TT_STYLE_STRONG, node.data);
  tt_paper_pad(paper, end);
  tt_paper_put(paper, TT_STYLE_PLAIN, "  ");
}

static void put_value(struct watching *watching, json_object *line, json_object *field, const char *old)
{
  struct tt_paper *paper = &watching->paper;
  const char *name = tt_member_text(field, "name"), *unit = tt_member_text(field, "unit");
  begin(watching, line);
  size_t end = paper->column + widen(&watching->field_columns, name, FIELD_COLUMNS_MAX);
  tt_paper_put(paper, TT_STYLE_NAME, name);
  tt_paper_pad(paper, end);
  tt_paper_put(paper, TT_STYLE_PLAIN, "  ");
  json_object *before = old ? json_tokener_parse(old) : NULL;
  TT_AUTOFREE char *from = tt_show_value(&paper->term, before),
                   *to = tt_show_value(&paper->term, tt_member(field, "value"));
  json_object_put(before);
  if (old) {
    tt_paper_printf(paper, TT_STYLE_DIM, "%s ", from ? from : "");
    tt_paper_glyph(paper, TT_STYLE_DIM, TT_GLYPH_ARROW);
    tt_paper_put(paper, TT_STYLE_PLAIN, " ");
  }
  tt_paper_put(paper, TT_STYLE_STRONG, to);
  if (*unit)
    tt_paper_printf(paper, TT_STYLE_PLAIN, " %s", unit);
  TT_AUTOBUF struct tt_buf flags = TT_BUF(0);
  tt_show_flags(field, &flags);
  if (flags.len > 0)
    tt_paper_printf(paper, *tt_member_text(field, "error") ? TT_STYLE_BAD : TT_STYLE_WARNING, "  %s", flags.data);
  tt_paper_end(paper);
}

static const char *word_of(const char *state)
{
  static const char *const words[][2] = {{"Error", "error"}, {"Warning", "warning"}};
  for (size_t i = 0; i < TT_COUNT(words); i++)
    if (strncmp(state, words[i][0], strlen(words[i][0])) == 0)
      return words[i][1];
  return "well";
}

static void put_state(struct watching *watching, json_object *line)
{
  struct tt_paper *paper = &watching->paper;
  const char *change = tt_member_text(line, "change"), *state = tt_member_text(line, "state");
  json_object *messages = tt_member_list(line, "messages");
  struct tt_look look = tt_show_state(state, tt_member_flag(line, "disabled"));
  begin(watching, line);
  tt_paper_glyph(paper, look.style, look.glyph);
  tt_paper_printf(paper, look.style, " %s", *change ? change : word_of(state));
  for (size_t i = 0; i < tt_list_size(messages); i++)
    tt_paper_printf(paper, look.style, "%s %s", i > 0 ? ";" : ":",
                    tt_member_text(json_object_array_get_idx(messages, i), "text"));
  tt_paper_end(paper);
}

/* A line of the watch. True when it was shown. */
static bool take_change(struct watching *watching, json_object *line)
{
  json_object *field = tt_member(line, "field");
  TT_AUTOFREE char *old = field ? exchange(watching, tt_member_text(line, "node"), field) : NULL;
  bool is_error = *tt_member_text(field, "error") != '\0';
  if (field && old && !is_error && strcmp(old, json_object_to_json_string(tt_member(field, "value"))) == 0)
    return false;
  if (watching->is_json) {
    if (old)
      json_object_object_add(line, "old", json_tokener_parse(old));
    tt_print_json(line);
    fflush(stdout);
    return true;
  }
  if (field)
    put_value(watching, line, field, old);
  else
    put_state(watching, line);
  tt_paper_print(&watching->paper, STDOUT_FILENO);
  return true;
}

/* Nothing may happen for a while: say that it is awaited. */
static void announce(const struct watching *watching)
{
  if (watching->paper.term.is_terminal && !watching->is_json)
    fprintf(stderr, "watching %zu node%s; Ctrl-C ends it\n", watching->n_nodes, watching->n_nodes == 1 ? "" : "s");
}

/* A line of the tree: how things stood at the beginning. */
static void take_node(struct watching *watching, json_object *line)
{
  if (tt_member_flag(line, "done")) {
    if (--watching->n_trees == 0)
      announce(watching);
    return;
  }
  watching->n_nodes++;
  json_object *fields = tt_member_list(line, "fields");
  for (size_t i = 0; i < tt_list_size(fields); i++) {
    json_object *field = json_object_array_get_idx(fields, i);
    free(exchange(watching, tt_member_text(line, "node"), field));
    widen(&watching->field_columns, tt_member_text(field, "name"), FIELD_COLUMNS_MAX);
  }
  if (tt_list_size(fields) > 0)
    widen(&watching->node_columns, tt_member_text(line, "node"), NODE_COLUMNS_MAX);
}

enum { ID_WATCH = 1, ID_TREE };

/* The watch first and the tree after it, on one connection: no change falls between them. */
static int ask(struct tt_client *client, struct watching *watching, int n, char **nodes)
{
  json_object *watch = json_object_new_object(), *list = json_object_new_array();
  json_object_object_add(watch, "id", json_object_new_int(ID_WATCH));
  json_object_object_add(watch, "do", json_object_new_string("watch"));
  for (int i = 0; i < n; i++)
    json_object_array_add(list, json_object_new_string(nodes[i]));
  if (n > 0)
    json_object_object_add(watch, "nodes", json_object_get(list));
  json_object_put(list);
  int exit = tt_client_ask(client, watch);
  watching->n_trees = n > 0 ? n : 1;
  for (int i = 0; i < n || i == 0; i++) {
    json_object *tree = json_object_new_object();
    json_object_object_add(tree, "id", json_object_new_int(ID_TREE));
    json_object_object_add(tree, "do", json_object_new_string("tree"));
    if (n > 0)
      json_object_object_add(tree, "node", json_object_new_string(nodes[i]));
    if (exit == TT_EXIT_OK)
      exit = tt_client_ask(client, tree);
    else
      json_object_put(tree);
  }
  return exit;
}

static int loop(struct tt_client *client, struct watching *watching)
{
  for (;;) {
    json_object *line;
    int r = tt_client_next(client, &line);
    if (r == -EINTR && watching->paper.term.is_terminal)
      puts(""); /* behind the ^C that the terminal has shown */
    if (r < 0)
      return r == -EINTR ? TT_EXIT_OK : TT_EXIT_NO_DAEMON;
    bool is_error = *tt_member_text(line, "error"), is_shown = false;
    if (is_error)
      tt_client_print_error(client, line);
    else if (tt_member_number(line, "id") == ID_TREE)
      take_node(watching, line);
    else if (!tt_member_flag(line, "watching"))
      is_shown = take_change(watching, line);
    json_object_put(line);
    if (is_error)
      return TT_EXIT_PARTLY;
    if (is_shown && watching->count > 0 && --watching->count == 0)
      return TT_EXIT_OK;
  }
}

int tt_command_watch(int argc, char **argv)
{
  const char *path = NULL, *count = NULL;
  struct watching watching = {0};
  const struct tt_switch switches[] = {
      TT_SWITCH_SOCKET(&path),
      TT_SWITCH_JSON(&watching.is_json),
      {.name = "count", .letter = "n", .value = "N", .text = &count, .help = "end after so many changes"},
      {.name = NULL},
  };
  const struct tt_args args = {
      .usage = "watch [NODE]... [OPTIONS]",
      .help = "Shows changes of values and states as they happen, of the nodes and what is below them, or of all. "
              "Ctrl-C ends it.",
      .switches = switches,
  };
  int n, exit = tt_args_parse(&args, argc, argv, &n);
  if (exit != TT_ARGS_GO_ON)
    return exit;
  if (count && (tt_int64_parse(count, &watching.count) < 0 || watching.count < 1))
    return tt_usage("watch: --count needs a number from 1, not \"%s\"", count);
  struct tt_client *client;
  exit = tt_client_open(path, watching.is_json, &client);
  if (exit != TT_EXIT_OK)
    return exit;
  tt_client_catch_signals();
  tt_paper_init(&watching.paper, tt_term_of(STDOUT_FILENO));
  exit = ask(client, &watching, n, argv + 1);
  if (exit == TT_EXIT_OK)
    exit = loop(client, &watching);
  forget_all(&watching);
  tt_paper_finish(&watching.paper);
  tt_client_close(client);
  return exit;
}
