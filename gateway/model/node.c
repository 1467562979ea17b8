/* SPDX-License-Identifier: Apache-2.0
 * node.c: what happens to one node: messages, state, values and their errors, as told in tree.h. */
#include "node.h"

#include "convert.h"

/* ---- Messages ---------------------------------------------------------------------------------------- */
static struct tt_message *message_find(const struct tt_node *node, const char *code)
{
  for (size_t i = 0; i < node->n_messages; i++)
    if (!strcmp(node->messages[i].code, code))
      return &node->messages[i];
  return NULL;
}

static void message_clear(struct tt_node *node, struct tt_message *message)
{
  size_t at = (size_t)(message - node->messages);
  free(message->code);
  free(message->text);
  memmove(message, message + 1, (node->n_messages - at - 1) * sizeof *message);
  if (--node->n_messages == 0) {
    free(node->messages);
    node->messages = NULL;
  }
}

/* Room for one more; the array grows by one, for few nodes have more than one message. */
static int message_add(struct tt_node *node, struct tt_message message)
{
  if (node->n_messages >= TT_MESSAGES_MAX)
    return -ENOSPC;
  struct tt_message *messages = reallocarray(node->messages, node->n_messages + 1, sizeof *messages);
  if (!messages)
    return -ENOMEM;
  node->messages = messages;
  messages[node->n_messages++] = message;
  return 0;
}

static int message_set(struct tt_node *node, struct tt_now now, const char *code, enum tt_message_type type,
                       const char *text)
{
  struct tt_message *old = message_find(node, code);
  char *clean TT_AUTOFREE = tt_text_clean(text, strlen(text), TT_MESSAGE_MAX);
  if (!clean)
    return -ENOMEM;
  if (old) {
    if (old->type == type && !strcmp(old->text, clean))
      return 0;
    if (old->type != type)
      old->stamp_us = now.wall_us;
    old->type = type;
    free(old->text);
    old->text = TT_STEAL(clean);
    return 1;
  }
  char *own_code TT_AUTOFREE = strdup(code);
  if (!own_code)
    return -ENOMEM;
  struct tt_message message = {.type = type, .stamp_us = now.wall_us, .code = own_code, .text = clean};
  int r = message_add(node, message);
  if (r < 0)
    return r;
  (void)TT_STEAL(own_code);
  (void)TT_STEAL(clean);
  return 1;
}

int tt_node_message(struct tt_tree *tree, struct tt_now now, struct tt_node *node, const char *code,
                    enum tt_message_type type, const char *text)
{
  int r = 0;
  if (text) {
    r = message_set(node, now, code, type, text);
  } else {
    struct tt_message *message = message_find(node, code);
    if (message) {
      message_clear(node, message);
      r = 1;
    }
  }
  if (r <= 0)
    return r;
  node->last_change_us = now.wall_us;
  tt_tree_tell(tree, node, TT_CHANGE_STATE, TT_NO_POINT);
  return 0;
}

enum tt_node_state tt_node_state(const struct tt_node *node)
{
  static const enum tt_node_state states[] = {
      [TT_MESSAGE_INFORMATION] = TT_STATE_INFORMATION,
      [TT_MESSAGE_WARNING] = TT_STATE_WARNING_UNSIGNED,
      [TT_MESSAGE_ERROR] = TT_STATE_ERROR_UNSIGNED,
  };
  enum tt_node_state worst = TT_STATE_NONE;
  for (size_t i = 0; i < node->n_messages; i++)
    if (states[node->messages[i].type] > worst)
      worst = states[node->messages[i].type];
  return worst;
}

const char *tt_node_trouble(const struct tt_node *node)
{
  for (size_t i = 0; i < node->n_messages; i++)
    if (node->messages[i].type == TT_MESSAGE_ERROR)
      return node->messages[i].text;
  return NULL;
}

const char *tt_node_state_name(enum tt_node_state state)
{
  static const char *const names[] = {
      [TT_STATE_NONE] = "None",
      [TT_STATE_INFORMATION] = "Information",
      [TT_STATE_WARNING_SIGNED] = "WarningSigned",
      [TT_STATE_WARNING_UNSIGNED] = "WarningUnsigned",
      [TT_STATE_ERROR_SIGNED] = "ErrorSigned",
      [TT_STATE_ERROR_UNSIGNED] = "ErrorUnsigned",
  };
  return names[state];
}

/* ---- Points ------------------------------------------------------------------------------------------ */
const char *tt_node_label(const struct tt_node *node, const char *language)
{
  /* The key of these is a path: under its parent the last part says enough. A device's key has no slash. */
  const char *slash = strrchr(node->key, '/');
  return tt_label_for(node->label, language, slash ? slash + 1 : node->key);
}

int tt_node_point(const struct tt_node *node, const char *name, uint16_t *ret_point)
{
  for (size_t i = 0; i < node->n_points; i++)
    if (!node->points[i].is_hidden && !strcmp(node->points[i].name, name)) {
      *ret_point = (uint16_t)i;
      return 0;
    }
  return -ENOENT;
}

int tt_node_command(const struct tt_node *node, const char *name, uint16_t *ret_command)
{
  for (size_t i = 0; i < node->n_commands; i++)
    if (!strcmp(node->commands[i].name, name)) {
      *ret_command = (uint16_t)i;
      return 0;
    }
  return -ENOENT;
}

bool tt_node_has_field(const struct tt_node *node, uint16_t point)
{
  if (point >= node->n_points || node->points[point].is_hidden)
    return false;
  return node->points[point].address || node->kind != TT_NODE_DEVICE;
}

bool tt_node_is_readable(const struct tt_node *node)
{
  for (size_t i = 0; i < node->n_points; i++)
    if (tt_node_has_field(node, (uint16_t)i))
      return true;
  return false;
}

bool tt_node_is_controllable(const struct tt_node *node)
{
  for (size_t i = 0; !node->is_disabled && i < node->n_points; i++)
    if (node->points[i].write && !node->points[i].is_hidden)
      return true;
  return false;
}

/* ---- Values ------------------------------------------------------------------------------------------ */
/* Takes the value over. The old one of the same value keeps last_change. */
static void field_set(struct tt_tree *tree, struct tt_now now, struct tt_node *node, uint16_t point,
                      struct tt_value *value, uint64_t stamp_us, bool is_retained)
{
  struct tt_field *field = &node->fields[point];
  bool is_same = tt_value_equals(&field->value, value);
  free(node->field_errors[point]);
  node->field_errors[point] = NULL;
  if (!is_same || field->seen_us == 0)
    node->last_change_us = now.wall_us;
  if (is_same && is_retained && field->seen_us != 0 && !field->is_retained) {
    /* A store repeats what the device itself has said: that is neither newer nor older. */
    tt_value_finish(value);
  } else {
    tt_value_finish(&field->value);
    field->value = *value;
    *value = (struct tt_value){0};
    field->stamp_us = stamp_us ? stamp_us : now.wall_us;
    field->seen_us = now.mono_us ? now.mono_us : 1;
    field->is_retained = is_retained;
    field->qos = is_retained ? TT_QOS_AUTOMATIC_ESTIMATE : TT_QOS_AUTOMATIC_READOUT;
  }
  tt_tree_tell(tree, node, TT_CHANGE_VALUE, point);
}

int tt_node_report(struct tt_tree *tree, struct tt_now now, struct tt_node *node, uint16_t point,
                   const struct tt_value *raw, uint64_t stamp_us, bool is_retained)
{
  if (point >= node->n_points)
    return -EINVAL;
  struct tt_value value = {0};
  char why[256];
  int r = tt_convert_from_raw(&node->points[point], raw, &value, why, sizeof why);
  if (r == -ENODATA) {
    value = (struct tt_value){0}; /* the device says that there is no value */
  } else if (r < 0) {
    tt_node_report_error(tree, now, node, point, r == -ENOMEM ? "out of memory" : why);
    return r;
  }
  field_set(tree, now, node, point, &value, stamp_us, is_retained);
  return 0;
}

void tt_node_report_missing(struct tt_tree *tree, struct tt_now now, struct tt_node *node, uint16_t point)
{
  if (point >= node->n_points)
    return;
  const struct tt_point *p = &node->points[point];
  struct tt_value value = {0};
  switch (p->missing) {
  case TT_MISSING_KEEP:
    return;
  case TT_MISSING_ABSENT:
    break;
  case TT_MISSING_VALUE:
    if (tt_value_copy(&p->missing_value, &value) < 0)
      return;
    break;
  }
  field_set(tree, now, node, point, &value, 0, false);
}

void tt_node_report_error(struct tt_tree *tree, struct tt_now now, struct tt_node *node, uint16_t point,
                          const char *text)
{
  (void)now;
  if (point >= node->n_points)
    return;
  char **error = &node->field_errors[point];
  char *clean = tt_text_clean(text, strlen(text), TT_MESSAGE_MAX);
  if (!clean || (*error && !strcmp(*error, clean))) {
    free(clean);
    return;
  }
  free(*error);
  *error = clean;
  tt_tree_tell(tree, node, TT_CHANGE_VALUE, point);
}

void tt_node_forget(struct tt_tree *tree, struct tt_now now, struct tt_node *node)
{
  for (size_t i = 0; i < node->n_points; i++) {
    struct tt_field *field = &node->fields[i];
    bool was_known = field->seen_us != 0 || node->field_errors[i];
    tt_value_finish(&field->value);
    free(node->field_errors[i]);
    node->field_errors[i] = NULL;
    *field = (struct tt_field){0};
    if (!was_known)
      continue;
    node->last_change_us = now.wall_us;
    tt_tree_tell(tree, node, TT_CHANGE_VALUE, (uint16_t)i);
  }
}

void tt_node_restore(struct tt_tree *tree, struct tt_now now, struct tt_node *node, uint16_t point,
                     const struct tt_field *known)
{
  struct tt_value value;
  if (point >= node->n_points || tt_value_copy(&known->value, &value) < 0)
    return;
  field_set(tree, now, node, point, &value, known->stamp_us, known->is_retained);
  node->fields[point].seen_us = known->seen_us;
  node->fields[point].qos = known->qos;
}

bool tt_node_is_stale(const struct tt_node *node, uint16_t point, struct tt_now now)
{
  const struct tt_field *field = &node->fields[point];
  uint64_t stale_us = node->points[point].stale_us;
  return stale_us != 0 && field->seen_us != 0 && now.mono_us > field->seen_us &&
         now.mono_us - field->seen_us > stale_us;
}

bool tt_node_is_fresh(const struct tt_node *node, uint16_t point, struct tt_now now, uint64_t max_age_us)
{
  const struct tt_field *field = &node->fields[point];
  if (field->seen_us == 0 || field->is_retained || node->field_errors[point] || tt_node_is_stale(node, point, now))
    return false;
  return max_age_us == TT_NEVER || now.mono_us <= field->seen_us || now.mono_us - field->seen_us <= max_age_us;
}
