/* SPDX-License-Identifier: Apache-2.0
 *
 * discover.c: `thingtree discover` and `thingtree adopt`: what the bridges see, and making a device of it.
 */
#include "args.h"
#include "show.h"

#include <stdio.h>
#include <unistd.h>

struct output {
  bool is_json;
  struct tt_table table;
  struct tt_paper paper, problems;
  size_t n;
  int exit;
};

/* What might become of it, or what it is already. */
static void put_proposal(struct output *output, json_object *line)
{
  const char *device = tt_member_text(line, "device"), *mapping = tt_member_text(line, "mapping"),
             *missing = tt_member_text(line, "missing");
  if (*device)
    tt_table_printf(&output->table, TT_STYLE_DIM, "is %s", device);
  else if (!*mapping)
    tt_table_put(&output->table, TT_STYLE_DIM, "no mapping");
  else
    tt_table_printf(&output->table, *missing ? TT_STYLE_WARNING : TT_STYLE_GOOD, "%s (%s)%s%s", mapping,
                    tt_member_text(line, "sure"), *missing ? ", needs " : "", missing);
}

static void put_candidate(struct output *output, json_object *line)
{
  const char *name = tt_member_text(line, "name"), *vendor = tt_member_text(line, "vendor"),
             *model = tt_member_text(line, "model");
  output->n++;
  tt_table_put(&output->table, TT_STYLE_STRONG, tt_member_text(line, "candidate"));
  tt_table_put(&output->table, TT_STYLE_DIM, tt_member_text(line, "connection"));
  tt_table_put(&output->table, TT_STYLE_PLAIN, *name ? name : tt_member_text(line, "own_id"));
  tt_table_printf(&output->table, TT_STYLE_PLAIN, "%s%s%s", vendor, *vendor && *model ? " " : "", model);
  tt_table_put(&output->table, TT_STYLE_DIM, tt_member_text(line, "address"));
  put_proposal(output, line);
}

static void put_line(void *user, json_object *line)
{
  struct output *output = user;
  const char *problem = tt_member_text(line, "problem"), *note = tt_member_text(line, "note");
  if (*problem)
    output->exit = TT_EXIT_PARTLY;
  if (output->is_json) {
    if (*problem || *note || *tt_member_text(line, "candidate"))
      tt_print_json(line);
  } else if (*problem || *note) {
    tt_paper_printf(&output->problems, *problem ? TT_STYLE_WARNING : TT_STYLE_DIM, "connection %s: %s",
                    tt_member_text(line, "connection"), *problem ? problem : note);
    tt_paper_end(&output->problems);
  } else if (*tt_member_text(line, "candidate")) {
    put_candidate(output, line);
  }
}

static void print(struct output *output)
{
  if (output->n > 0)
    tt_table_print(&output->table, "", &output->paper);
  else
    tt_paper_put(&output->paper, TT_STYLE_DIM, "nothing was found");
  if (output->n == 0)
    tt_paper_end(&output->paper);
  tt_paper_print(&output->paper, STDOUT_FILENO);
  tt_paper_print(&output->problems, STDERR_FILENO);
}

static int discover(const char *path, json_object *request, bool is_json)
{
  struct output output = {.is_json = is_json, .exit = TT_EXIT_OK};
  struct tt_client *client;
  int exit = tt_client_open(path, is_json, &client);
  if (exit != TT_EXIT_OK) {
    json_object_put(request);
    return exit;
  }
  tt_paper_init(&output.paper, tt_term_of(STDOUT_FILENO));
  tt_paper_init(&output.problems, tt_term_of(STDERR_FILENO));
  tt_table_init(&output.table, &output.paper.term, 6);
  exit = tt_client_run(client, request, put_line, &output);
  if (exit == TT_EXIT_OK && !is_json)
    print(&output);
  tt_table_finish(&output.table);
  tt_paper_finish(&output.paper);
  tt_paper_finish(&output.problems);
  tt_client_close(client);
  return exit == TT_EXIT_OK ? output.exit : exit;
}

int tt_command_discover(int argc, char **argv)
{
  const char *path = NULL, *timeout = NULL;
  bool is_json = false;
  int64_t seconds = 0;
  const struct tt_switch switches[] = {
      TT_SWITCH_SOCKET(&path),
      TT_SWITCH_JSON(&is_json),
      {.name = "timeout", .letter = "t", .value = "SECONDS", .text = &timeout, .help = "how long to look (5)"},
      {.name = NULL},
  };
  const struct tt_args args = {
      .usage = "discover [CONNECTION] [OPTIONS]",
      .help =
          "Shows which devices a connection, or all of them, can see: a key for `adopt`, the name, maker and model "
          "that the\ndevice gives, its address, and the mapping that fits, or which device it is already. Nothing "
          "is adopted. For\nadmins: root and the daemon's user.",
      .switches = switches,
  };
  int n, exit = tt_args_parse(&args, argc, argv, &n);
  if (exit != TT_ARGS_GO_ON)
    return exit;
  if (n > 1)
    return tt_usage("discover: one connection, or none for all");
  if (timeout && tt_int64_parse(timeout, &seconds) < 0)
    return tt_usage("--timeout needs a number of seconds, not \"%s\"", timeout);
  json_object *request = json_object_new_object();
  json_object_object_add(request, "do", json_object_new_string("discover"));
  if (n == 1)
    json_object_object_add(request, "connection", json_object_new_string(argv[1]));
  if (timeout)
    json_object_object_add(request, "timeout", json_object_new_int64(seconds));
  return discover(path, request, is_json);
}

static void put_adopted(void *user, json_object *line)
{
  const struct output *output = user;
  if (output->is_json) {
    tt_print_json(line);
    return;
  }
  struct tt_paper paper;
  bool is_dry = tt_member_flag(line, "dry_run");
  tt_paper_init(&paper, tt_term_of(STDOUT_FILENO));
  paper.term.width = 0;
  tt_paper_put(&paper, TT_STYLE_PLAIN, is_dry ? "would become " : "became ");
  tt_paper_put(&paper, TT_STYLE_STRONG, tt_member_text(line, "node"));
  tt_paper_printf(&paper, TT_STYLE_PLAIN, is_dry ? ", in %s:" : ", in %s", tt_member_text(line, "file"));
  tt_paper_end(&paper);
  if (is_dry)
    tt_paper_lines(&paper, tt_member_text(line, "yaml"));
  tt_paper_print(&paper, STDOUT_FILENO);
  tt_paper_finish(&paper);
}

/* NAME=VALUE, several: the member `with`. NULL: one is not of this form. */
static json_object *pairs(const struct tt_words *words)
{
  json_object *with = json_object_new_object();
  for (size_t i = 0; i < words->n; i++) {
    const char *equals = strchr(words->all[i], '=');
    char *name TT_AUTOFREE = equals ? strndup(words->all[i], (size_t)(equals - words->all[i])) : NULL;
    if (!name || !*name) {
      tt_usage("adopt: \"%s\" is not of the form NAME=VALUE", words->all[i]);
      json_object_put(with);
      return NULL;
    }
    json_object_object_add(with, name, json_object_new_string(equals + 1));
  }
  return with;
}

int tt_command_adopt(int argc, char **argv)
{
  const char *path = NULL, *as = NULL, *under = NULL, *uses = NULL;
  struct output output = {0};
  struct tt_words words = {0};
  bool is_dry = false;
  const struct tt_switch switches[] = {
      TT_SWITCH_SOCKET(&path),
      TT_SWITCH_JSON(&output.is_json),
      {.name = "as",
       .letter = "a",
       .value = "KEY",
       .text = &as,
       .help = "the id of its node; else made of its name"},
      {.name = "under", .letter = "u", .value = "PLACE", .text = &under, .help = "where it stands: house/hall"},
      {.name = "uses", .value = "MAPPING", .text = &uses, .help = "another mapping than the one that fits"},
      {.name = "with",
       .letter = "w",
       .value = "NAME=VALUE",
       .words = &words,
       .help = "a parameter of its mapping, several times; else what it says of itself"},
      {.name = "dry-run", .letter = "n", .flag = &is_dry, .help = "only show what would be written"},
      {.name = NULL},
  };
  const struct tt_args args = {
      .usage = "adopt CANDIDATE [OPTIONS]",
      .help =
          "Makes a device of what `discover` has shown, by its key: writes a file into the first directory of "
          "`include:` that\ncan be written to, and has the daemon take it up; the other devices do not notice. For "
          "admins: root and the\ndaemon's user.",
      .switches = switches,
  };
  int n, exit = tt_args_parse(&args, argc, argv, &n);
  if (exit != TT_ARGS_GO_ON)
    return exit;
  if (n != 1)
    return tt_usage("adopt: one candidate, as `discover` shows it");
  json_object *with = pairs(&words);
  if (!with)
    return TT_EXIT_USAGE;
  struct tt_client *client;
  exit = tt_client_open(path, output.is_json, &client);
  if (exit != TT_EXIT_OK) {
    json_object_put(with);
    return exit;
  }
  json_object *request = json_object_new_object();
  json_object_object_add(request, "do", json_object_new_string("adopt"));
  json_object_object_add(request, "candidate", json_object_new_string(argv[1]));
  if (as)
    json_object_object_add(request, "as", json_object_new_string(as));
  if (under)
    json_object_object_add(request, "under", json_object_new_string(under));
  if (uses)
    json_object_object_add(request, "uses", json_object_new_string(uses));
  json_object_object_add(request, "with", with);
  json_object_object_add(request, "dry_run", json_object_new_boolean(is_dry));
  exit = tt_client_run(client, request, put_adopted, &output);
  tt_client_close(client);
  return exit;
}
