/* SPDX-License-Identifier: Apache-2.0
 * read.c: values: of a thing, of everything at a place, of one field wherever it is. */
#include "chat_private.h"

#include <stdio.h>

/* ---- What comes --------------------------------------------------------------------------------------------------- */

static struct tt_chat_part *part_of(struct tt_chat_request *request, tt_id node)
{
  for (size_t i = 0; i < request->n_parts; i++)
    if (request->parts[i].node == node)
      return &request->parts[i];
  return NULL;
}

static bool has_room(struct tt_chat_request *request)
{
  if (request->n_lines < TT_CHAT_LINES_MAX) {
    request->n_lines++;
    return true;
  }
  request->n_left_out++;
  return false;
}

/* "temperature: 21.5 °C" */
static void put_field(struct tt_chat_request *request, struct tt_buf *out, const struct tt_node *node,
                      uint16_t point)
{
  const struct tt_field *field = &node->fields[point];
  struct tt_buf value TT_AUTOBUF = TT_BUF(0);
  tt_human_field(&value, node, point, tt_core_now(request->chat->core), request->caller->language);
  tt_buf_printf(out, "%s: %s", tt_chat_shown_point(request, &node->points[point]),
                tt_chat_shown(request, value.data ? value.data : ""));
  if (request->has_stamps && field->stamp_us) {
    char stamp[TT_DATETIME_SIZE];
    tt_datetime_print(stamp, field->stamp_us); /* 2026-11-22T18:54:53.120Z */
    tt_buf_printf(out, " (%.10s %.8sZ)", stamp, stamp + 11);
  }
  tt_buf_putc(out, '\n');
}

static void on_fields(void *user, const struct tt_node *node, const struct tt_field *const fields[], size_t n)
{
  struct tt_chat_request *request = user;
  struct tt_chat_part *part = part_of(request, node->id);
  for (size_t i = 0; part && i < n; i++)
    if (has_room(request))
      put_field(request, &part->text, node, (uint16_t)(fields[i] - node->fields));
}

static void on_failed(void *user, const struct tt_node *node, const char *key, TT_UNUSED uint64_t wall_us,
                      const char *text)
{
  struct tt_chat_request *request = user;
  struct tt_chat_part *part = node ? part_of(request, node->id) : NULL;
  if (!has_room(request))
    return;
  const char *said = tt_chat_shown(request, TT_CHAT_TR(request, text));
  if (part)
    tt_buf_printf(&part->text, "%s\n", said);
  else
    tt_chat_printf(request, "%s: %s\n", tt_chat_shown(request, key), said);
}

static void on_refused(void *user, enum tt_refusal refusal, TT_UNUSED const char *text,
                       TT_UNUSED const struct tt_ref *ref)
{
  tt_chat_answer_refusal(user, refusal);
}

static void on_accepted(TT_UNUSED void *user, TT_UNUSED bool is_queued)
{
}

static void on_started(TT_UNUSED void *user)
{
}

static void put_part(struct tt_chat_request *request, const struct tt_chat_part *part)
{
  const struct tt_node *node = tt_chat_node(request, part->node);
  if (part->text.len == 0 || !node)
    return;
  size_t n = part->text.len - (part->text.data[part->text.len - 1] == '\n');
  bool is_one_line = memchr(part->text.data, '\n', n) == NULL;
  if (request->is_of_several || request->node == 0 || node->id != request->node || !is_one_line)
    tt_chat_printf(request, "*%s*%s", tt_chat_shown_node(request, node), is_one_line ? " " : "\n");
  tt_buf_add(&request->out, part->text.data, part->text.len);
}

static void on_done(void *user)
{
  struct tt_chat_request *request = user;
  for (size_t i = 0; i < request->n_parts; i++)
    put_part(request, &request->parts[i]);
  if (request->n_left_out > 0)
    tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("... %zu more, `NAME.FIELD?` shows one\n")),
                   request->n_left_out);
  if (request->out.len == request->n_before)
    tt_buf_puts(&request->out, TT_CHAT_TR(request, TT_TR("There is nothing to read here.")));
  tt_chat_answer(request, false);
}

static const struct tt_read_sink sink = {
    .refused = on_refused,
    .accepted = on_accepted,
    .started = on_started,
    .fields = on_fields,
    .failed = on_failed,
    .done = on_done,
};

/* ---- What is wanted ----------------------------------------------------------------------------------------------- */

#define NAMES_MAX 64

struct plan {
  struct tt_ref refs[TT_CHAT_NODES_MAX];
  tt_id nodes[TT_CHAT_NODES_MAX];
  size_t n, n_left_out;
  const char *names[NAMES_MAX]; /* of fields; none: all */
  size_t n_names;
};

static void plan_node(struct plan *plan, const struct tt_node *node)
{
  if (plan->n == TT_COUNT(plan->nodes)) {
    plan->n_left_out++;
    return;
  }
  plan->nodes[plan->n] = node->id;
  plan->refs[plan->n++] = tt_chat_ref(node);
}

static void plan_name(struct plan *plan, const char *name)
{
  for (size_t i = 0; i < plan->n_names; i++)
    if (!strcmp(plan->names[i], name))
      return;
  if (plan->n_names < TT_COUNT(plan->names))
    plan->names[plan->n_names++] = name;
}

static bool plan_fields(struct plan *plan, const struct tt_node *node, const char *text, bool is_exact)
{
  struct tt_chat_fields fields;
  tt_chat_match_field(node, false, text, &fields);
  if (fields.n == 0 || text[fields.rest] || (is_exact && !fields.is_exact))
    return false;
  plan_node(plan, node);
  for (size_t i = 0; i < fields.n; i++)
    plan_name(plan, node->points[fields.points[i]].name);
  return true;
}

/* Everything below a place that can be read; with a text only what has such a field, by its whole name if any has it. */
static void plan_below(struct tt_chat_request *request, struct plan *plan, const struct tt_node *top,
                       const char *text)
{
  struct tt_tree *tree = tt_core_tree(request->chat->core);
  for (int exact = 1; exact >= 0 && plan->n == 0; exact--)
    for (struct tt_node *node = tt_tree_walk(tree, NULL); node; node = tt_tree_walk(tree, node)) {
      const struct tt_node *up = node;
      while (top && up && up != top)
        up = up->parent;
      if ((top && !up) || node->kind != TT_NODE_DEVICE || !tt_node_is_readable(node) ||
          tt_core_sight(request->chat->core, request->caller, node) != TT_SIGHT_FULL)
        continue;
      if (*text)
        plan_fields(plan, node, text, exact);
      else
        plan_node(plan, node);
    }
}

static void start(struct tt_chat_request *request, const struct plan *plan)
{
  bool is_all = request->command.is_more;
  const struct tt_read_request wanted = {
      .caller = request->caller,
      .refs = plan->refs,
      .n_refs = plan->n,
      .fields = plan->names,
      .n_fields = plan->n_names,
      .categories =
          is_all || plan->n_names ? TT_CATEGORY_ALL : TT_CATEGORY_DEFAULT & ~(unsigned)TT_CATEGORY_IDENTITY,
  };
  request->has_stamps = is_all;
  request->is_of_several = plan->n > 1;
  request->n_left_out = plan->n_left_out;
  request->parts = calloc(plan->n, sizeof(*request->parts));
  if (!request->parts) {
    tt_chat_answer_refusal(request, TT_REFUSED_BUSY);
    return;
  }
  request->n_parts = plan->n;
  for (size_t i = 0; i < plan->n; i++)
    request->parts[i] = (struct tt_chat_part){plan->nodes[i], TT_BUF(TT_CHAT_ANSWER_MAX)};
  request->readout = tt_readout_start(request->chat->core, &wanted, &sink, request);
}

void tt_chat_read(struct tt_chat_request *request, bool is_anywhere)
{
  struct tt_node *node = is_anywhere ? tt_chat_place(request) : tt_chat_node(request, request->node);
  const char *text = request->rest;
  struct plan plan = {0};
  if (node && node->n_points > 0 && !is_anywhere) {
    if (*text == '\0')
      plan_node(&plan, node);
    else if (!plan_fields(&plan, node, text, false)) {
      tt_chat_answer_unknown_field(request, node, text);
      return;
    }
  } else {
    const struct tt_node *top = node && node->n_points == 0 ? node : NULL;
    plan_below(request, &plan, top, text);
    if (plan.n == 0 && top && is_anywhere)
      plan_below(request, &plan, NULL, text);
  }
  if (plan.n > 0)
    start(request, &plan);
  else if (*text && (!is_anywhere || tt_chat_resolve(request, text, false, false))) /* which says what is wrong */
    tt_chat_answer_unknown(request, text);
  else if (*text)
    ;
  else
    tt_chat_answer_text(request, TT_TR("There is nothing to read here."));
}

void tt_chat_do_get(struct tt_chat_request *request)
{
  const char *target = request->command.target;
  bool is_known = tt_chat_resolve(request, target, true, true);
  request->rest = is_known ? request->rest : target;
  tt_chat_read(request, !is_known);
}
