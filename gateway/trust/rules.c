/* SPDX-License-Identifier: Apache-2.0
 * rules.c: accepted rules and their file (rules.h). A file that is not wholly understood lets nobody in: a member
 * that we ignored might have been what narrows the rule. */
#include "rules.h"

#include "access.h"
#include "json_file.h"

#define FILE_NAME    "rules.json"
#define FILE_VERSION 1

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
      who = tt_json_text(value);
    else if (!strcmp(key, "role"))
      role_text = tt_json_text(value);
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
    nodes[i] = tt_json_text(json_object_array_get_idx(list, i));
    if (!nodes[i] || !*nodes[i] || strlen(nodes[i]) > TT_RULE_GLOB_MAX)
      return NULL;
  }
  return tt_rule_create(normal, role, nodes, n);
}

int tt_rules_load(const char *state_dir, struct tt_rule ***ret_rules, size_t *ret_n)
{
  size_t n = 0;
  struct json_object *json TT_CLEANUP(tt_json_putp) = NULL, *list = NULL;
  int r =
      tt_json_list_load(state_dir, FILE_NAME, TT_RULES_FILE_MAX, FILE_VERSION, "rules", TT_RULES_MAX, &json, &list);
  if (r < 0)
    return r;
  if (!json) {
    *ret_rules = NULL;
    *ret_n = 0;
    return 0;
  }
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
  struct json_object *json, *list = tt_json_list_new(FILE_VERSION, "rules", &json);
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

int tt_rules_save(const char *state_dir, struct tt_rule *const rules[], size_t n)
{
  struct json_object *json TT_CLEANUP(tt_json_putp) = to_json(rules, n);
  return tt_json_file_save(state_dir, FILE_NAME, json);
}
