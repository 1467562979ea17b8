/* SPDX-License-Identifier: Apache-2.0
 * rules.c: accepted rules and their file (rules.h). A file that is not wholly understood lets nobody in: a member
 * that we ignored might have been what narrows the rule. */
#include "rules.h"

#include "access.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME    "rules.json"
#define FILE_VERSION 1
#define DEPTH_MAX    8

int tt_rule_who(const char *text, char *out, size_t size)
{
  if (strchr(text, '/'))
    return -EINVAL;
  if (text[0] != '@')
    return tt_jid_bare(text, out, size);
  if (size < 2 || strchr(text + 1, '@') || tt_jid_bare(text + 1, out + 1, size - 1) < 0)
    return -EINVAL;
  out[0] = '@';
  return 0;
}

struct tt_rule *tt_rule_create(const char *who, enum tt_role role, const char *const nodes[], size_t n_nodes)
{
  size_t size = sizeof(struct tt_rule) + n_nodes * sizeof(char *) + strlen(who) + 1;
  for (size_t i = 0; i < n_nodes; i++)
    size += strlen(nodes[i]) + 1;
  struct tt_rule *rule = calloc(1, size);
  if (!rule)
    return NULL;
  const char **list = (const char **)(rule + 1);
  char *text = (char *)(list + n_nodes);
  rule->role = role;
  rule->who = strcpy(text, who);
  for (size_t i = 0; i < n_nodes; i++) {
    text += strlen(text) + 1;
    list[i] = strcpy(text, nodes[i]);
  }
  rule->nodes = (struct tt_texts){.text = n_nodes > 0 ? list : NULL, .n = n_nodes};
  return rule;
}

void tt_rules_free(struct tt_rule **rules, size_t n)
{
  for (size_t i = 0; i < n; i++)
    free(rules[i]);
  free(rules);
}

/* ---- Reading ----------------------------------------------------------------------------------------- */
static void close_fd(int *fd)
{
  if (*fd >= 0)
    close(*fd);
}

static void put_json(struct json_object **json)
{
  json_object_put(*json);
}

/* The whole file; 0 with NULL when there is none. */
static int read_file(const char *path, char **ret_text, size_t *ret_n)
{
  int fd TT_CLEANUP(close_fd) = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct stat st;
  if (fd < 0 && errno == ENOENT) {
    *ret_text = NULL;
    *ret_n = 0;
    return 0;
  }
  if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t)TT_RULES_FILE_MAX)
    return -EIO;
  size_t n = (size_t)st.st_size, have = 0;
  char *text TT_AUTOFREE = malloc(n + 1);
  if (!text)
    return -ENOMEM;
  while (have < n) {
    ssize_t got = read(fd, text + have, n - have);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return -EIO;
    have += (size_t)got;
  }
  text[n] = '\0';
  *ret_text = TT_STEAL(text);
  *ret_n = n;
  return 0;
}

static struct json_object *parse(const char *text, size_t n)
{
  struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
  if (!tokener)
    return NULL;
  json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
  struct json_object *json = json_tokener_parse_ex(tokener, text, (int)n);
  bool is_whole = json_tokener_get_error(tokener) == json_tokener_success;
  for (size_t i = json_tokener_get_parse_end(tokener); i < n && is_whole; i++)
    is_whole = strchr(" \t\r\n", text[i]) != NULL;
  json_tokener_free(tokener);
  if (!is_whole) {
    json_object_put(json);
    return NULL;
  }
  return json;
}

static const char *text_of(struct json_object *json)
{
  if (!json_object_is_type(json, json_type_string))
    return NULL;
  const char *text = json_object_get_string(json);
  return strlen(text) == (size_t)json_object_get_string_len(json) ? text : NULL;
}

static struct tt_rule *rule_of(struct json_object *json)
{
  const char *nodes[64], *who = NULL, *role_text = NULL;
  char normal[TT_RULE_GLOB_MAX * 3 + 8];
  struct json_object *list = NULL;
  size_t n = 0;
  enum tt_role role;
  if (!json_object_is_type(json, json_type_object))
    return NULL;
  json_object_object_foreach(json, key, value)
  {
    if (!strcmp(key, "who"))
      who = text_of(value);
    else if (!strcmp(key, "role"))
      role_text = text_of(value);
    else if (!strcmp(key, "nodes") && json_object_is_type(value, json_type_array))
      list = value;
    else
      return NULL;
  }
  if (!who || !role_text || tt_role_parse(role_text, &role) < 0 || tt_rule_who(who, normal, sizeof normal) < 0)
    return NULL;
  /* An empty list would mean "all" where somebody may have meant "none". */
  n = list ? json_object_array_length(list) : 0;
  if (n > TT_COUNT(nodes) || (list && n == 0))
    return NULL;
  for (size_t i = 0; i < n; i++) {
    nodes[i] = text_of(json_object_array_get_idx(list, i));
    if (!nodes[i] || !*nodes[i] || strlen(nodes[i]) > TT_RULE_GLOB_MAX)
      return NULL;
  }
  return tt_rule_create(normal, role, nodes, n);
}

int tt_rules_load(const char *state_dir, struct tt_rule ***ret_rules, size_t *ret_n)
{
  struct tt_buf path TT_AUTOBUF = TT_BUF(0);
  char *text TT_AUTOFREE = NULL;
  size_t n_text, n = 0;
  tt_buf_printf(&path, "%s/" FILE_NAME, state_dir);
  int r = path.failed ? -ENOMEM : read_file(path.data, &text, &n_text);
  if (r < 0)
    return r;
  if (!text) {
    *ret_rules = NULL;
    *ret_n = 0;
    return 0;
  }
  struct json_object *json TT_CLEANUP(put_json) = parse(text, n_text);
  struct json_object *version = NULL, *list = NULL;
  if (!json_object_is_type(json, json_type_object) || json_object_object_length(json) != 2 ||
      !json_object_object_get_ex(json, "version", &version) || !json_object_is_type(version, json_type_int) ||
      json_object_get_int(version) != FILE_VERSION || !json_object_object_get_ex(json, "rules", &list) ||
      !json_object_is_type(list, json_type_array) || json_object_array_length(list) > TT_RULES_MAX)
    return -EIO;
  size_t room = json_object_array_length(list);
  struct tt_rule **rules = calloc(room + 1, sizeof *rules);
  if (!rules)
    return -ENOMEM;
  for (; n < room; n++) {
    rules[n] = rule_of(json_object_array_get_idx(list, n));
    if (!rules[n]) {
      tt_rules_free(rules, n);
      return -EIO;
    }
  }
  *ret_rules = rules;
  *ret_n = n;
  return 0;
}

/* ---- Writing ----------------------------------------------------------------------------------------- */
static struct json_object *to_json(struct tt_rule *const rules[], size_t n)
{
  struct json_object *json = json_object_new_object(), *list = json_object_new_array();
  json_object_object_add(json, "version", json_object_new_int(FILE_VERSION));
  json_object_object_add(json, "rules", list);
  for (size_t i = 0; i < n; i++) {
    struct json_object *rule = json_object_new_object();
    json_object_object_add(rule, "who", json_object_new_string(rules[i]->who));
    json_object_object_add(rule, "role", json_object_new_string(tt_role_name(rules[i]->role)));
    if (rules[i]->nodes.n > 0) {
      struct json_object *nodes = json_object_new_array();
      for (size_t j = 0; j < rules[i]->nodes.n; j++)
        json_object_array_add(nodes, json_object_new_string(rules[i]->nodes.text[j]));
      json_object_object_add(rule, "nodes", nodes);
    }
    json_object_array_add(list, rule);
  }
  return json;
}

static int write_all(int fd, const char *text, size_t n)
{
  while (n > 0) {
    ssize_t put = write(fd, text, n);
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0)
      return put < 0 ? -errno : -EIO;
    text += put;
    n -= (size_t)put;
  }
  return 0;
}

int tt_rules_save(const char *state_dir, struct tt_rule *const rules[], size_t n)
{
  static const char temporary[] = FILE_NAME ".tmp";
  struct json_object *json TT_CLEANUP(put_json) = to_json(rules, n);
  const char *text = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
  int dir TT_CLEANUP(close_fd) = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0)
    return -errno;
  if (!text)
    return -ENOMEM;
  int fd TT_CLEANUP(close_fd) = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd < 0)
    return -errno;
  int r = write_all(fd, text, strlen(text));
  if (r >= 0)
    r = write_all(fd, "\n", 1);
  if (r >= 0 && fsync(fd) < 0)
    r = -errno;
  if (r >= 0 && renameat(dir, temporary, dir, FILE_NAME) < 0)
    r = -errno;
  if (r < 0) {
    unlinkat(dir, temporary, 0);
    return r;
  }
  return fsync(dir) < 0 ? -errno : 0;
}
