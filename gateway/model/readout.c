/* SPDX-License-Identifier: Apache-2.0
 * readout.c: reading fields (readout.h). A request goes through the stages below; its parts, one a node, are read
 * in parallel. Whatever calls the sink pins the request first, for the sink may cancel it or start others. */
#include "readout.h"

#include "requests.h"

#include "text/text.h"

#define HASH_NONFATAL_OOM 1
#include <stdio.h>
#include <uthash.h>

enum stage {
  STAGE_ACCESS,  /* waiting for the decision */
  STAGE_QUEUED,  /* accepted, `when` lies ahead */
  STAGE_RECHECK, /* its time has come; waiting for the decision again, for the rules may have changed */
  STAGE_READING,
};

struct part {
  tt_id node;
  char *key;
  bool is_open;
  uint16_t *points; /* wanted, and allowed */
  size_t n_points;
  uint64_t asked_us; /* monotonic; 0: the device was not asked */
  uint64_t deadline_us;
  struct tt_ticket *ticket;
};

struct failure {
  size_t part;
  uint64_t wall_us;
  char *text;
};

struct tt_readout {
  UT_hash_handle hh;
  tt_id id;
  struct tt_core *core;
  struct tt_read_sink sink;
  void *user;
  struct tt_caller *caller;
  enum stage stage;
  char **fields; /* the filter; owned */
  size_t n_fields;
  struct tt_names filter;
  unsigned categories;
  uint64_t from_us, to_us;
  bool is_from_device;
  uint64_t due_us; /* when something is to be done at the latest, monotonic */
  uint64_t begin_us;
  struct tt_ticket *ticket; /* of the access check */
  struct part *parts;
  size_t n_parts, parts_room, n_open;
  struct failure *failures;
  size_t n_failures, failures_room;
  unsigned pins;
  bool is_over;
};

/* ---- Life -------------------------------------------------------------------------------------------- */
static void readout_free(struct tt_readout *r)
{
  tt_ticket_forget(&r->ticket);
  for (size_t i = 0; i < r->n_parts; i++) {
    tt_ticket_forget(&r->parts[i].ticket);
    free(r->parts[i].key);
    free(r->parts[i].points);
  }
  for (size_t i = 0; i < r->n_failures; i++)
    free(r->failures[i].text);
  for (size_t i = 0; i < r->n_fields; i++)
    free(r->fields[i]);
  tt_names_finish(&r->filter);
  free(r->parts);
  free(r->failures);
  free(r->fields);
  free(r->caller);
  free(r);
}

/* Gone for everyone; the memory stays while somebody up the stack still works on it. */
static void readout_end(struct tt_readout *r)
{
  if (r->is_over)
    return;
  r->is_over = true;
  HASH_DEL(r->core->readouts, r);
  tt_ticket_forget(&r->ticket);
  for (size_t i = 0; i < r->n_parts; i++)
    tt_ticket_forget(&r->parts[i].ticket);
}

static void pin(struct tt_readout *r)
{
  r->pins++;
}

static void unpin(struct tt_readout *r)
{
  if (--r->pins == 0 && r->is_over)
    readout_free(r);
}

/* The caller has pinned. */
static void refuse(struct tt_readout *r, enum tt_refusal refusal, const char *text)
{
  if (r->is_over)
    return;
  if (refusal == TT_REFUSED_FORBIDDEN)
    tt_core_refused(r->core, r->caller, TT_ACCESS_READ, r->n_parts > 0 ? r->parts[0].key : "");
  readout_end(r);
  r->sink.refused(r->user, refusal, text, NULL);
}

void tt_readout_cancel(struct tt_core *core, tt_id readout)
{
  struct tt_readout *r = NULL;
  HASH_FIND(hh, core->readouts, &readout, sizeof readout, r);
  if (!r)
    return;
  pin(r);
  readout_end(r);
  unpin(r);
}

void tt_readouts_drop(struct tt_core *core)
{
  for (struct tt_readout *r = core->readouts, *next; r; r = next) {
    next = r->hh.next;
    pin(r);
    readout_end(r);
    unpin(r);
  }
}

/* ---- Failures, kept until all fields are out ---------------------------------------------------------- */
/* In the caller's language, as far as it is ours: what a bridge says of a device stays as it is. */
static int failure_add(struct tt_readout *r, size_t part, const char *prefix, const char *text)
{
  if (r->n_failures == r->failures_room) {
    size_t room = r->failures_room ? r->failures_room * 2 : 4;
    struct failure *failures = reallocarray(r->failures, room, sizeof *failures);
    if (!failures)
      return -ENOMEM;
    r->failures = failures;
    r->failures_room = room;
  }
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  if (prefix)
    tt_buf_printf(&buf, "%s: ", prefix);
  tt_buf_puts(&buf, tt_tr(r->caller->language, text));
  char *clean = buf.failed ? NULL : tt_text_clean(buf.data ? buf.data : "", buf.len, TT_MESSAGE_MAX);
  if (!clean)
    return -ENOMEM;
  r->failures[r->n_failures++] = (struct failure){.part = part, .wall_us = r->core->now.wall_us, .text = clean};
  return 0;
}

static void finish_when_done(struct tt_readout *r)
{
  if (r->is_over || r->n_open > 0)
    return;
  for (size_t i = 0; i < r->n_failures && !r->is_over; i++) {
    const struct failure *failure = &r->failures[i];
    const struct part *part = &r->parts[failure->part];
    r->sink.failed(r->user, tt_tree_get(r->core->tree, part->node), part->key, failure->wall_us, failure->text);
  }
  if (r->is_over)
    return;
  readout_end(r);
  r->sink.done(r->user);
}

/* ---- One part ---------------------------------------------------------------------------------------- */
static bool is_in_time(const struct tt_readout *r, const struct tt_field *field)
{
  return field->stamp_us >= r->from_us && (r->to_us == 0 || field->stamp_us <= r->to_us);
}

/* The part has got all it will get: send what is known, each value with its own stamp, and note what failed. */
static void part_deliver(struct tt_readout *r, size_t number, int error, const char *text)
{
  struct part *part = &r->parts[number];
  struct tt_node *node = tt_tree_get(r->core->tree, part->node);
  const struct tt_field **fields TT_AUTOFREE = calloc(part->n_points + 1, sizeof *fields);
  size_t n = 0, n_values = 0, n_errors = 0, n_new = 0;
  if (!part->is_open)
    return;
  part->is_open = false;
  r->n_open--;
  tt_ticket_forget(&part->ticket);
  if (!node) {
    failure_add(r, number, NULL, TT_TR("The node has gone."));
    return;
  }
  if (tt_core_sight(r->core, r->caller, node) != TT_SIGHT_FULL) { /* the right was taken away meanwhile */
    failure_add(r, number, NULL, TT_TR("Not permitted any more."));
    return;
  }
  if (error < 0)
    failure_add(r, number, NULL, tt_error_text(error, text));
  for (size_t i = 0; fields && i < part->n_points; i++) {
    const struct tt_field *field = &node->fields[part->points[i]];
    const char *field_error = node->field_errors[part->points[i]];
    n_new += field->seen_us >= part->asked_us;
    if (field->value.type != TT_TYPE_NONE) {
      n_values++;
      if (is_in_time(r, field))
        fields[n++] = field;
    }
    if (field_error && error >= 0) {
      failure_add(r, number, field->name, field_error);
      n_errors++;
    }
  }
  const char *trouble = tt_node_trouble(node);
  if (error >= 0 && n_new == 0 && part->n_points > 0 && trouble) /* asked, and it kept silent: still dead */
    failure_add(r, number, NULL, trouble);
  else if (error >= 0 && n_values + n_errors == 0 && part->n_points > 0)
    failure_add(r, number, NULL, TT_TR("No value yet."));
  if (n > 0)
    r->sink.fields(r->user, node, fields, n);
}

static void on_device(void *user, int error, const char *text)
{
  size_t number = 0;
  struct tt_readout *r = tt_ticket_redeem(user, &number);
  if (!r)
    return;
  r->parts[number].ticket = NULL;
  pin(r);
  part_deliver(r, number, error, text);
  finish_when_done(r);
  unpin(r);
}

/* Which points of the node are wanted and allowed. */
static int part_choose(struct tt_readout *r, struct part *part, const struct tt_node *node,
                       const struct tt_grant *grant)
{
  struct tt_names allowed TT_AUTONAMES = {.is_all = true};
  if (!grant->is_all && tt_names_init(&allowed, grant->names, grant->n_names) < 0)
    return -ENOMEM;
  free(part->points);
  part->n_points = 0;
  part->points = calloc(node->n_points + 1, sizeof *part->points);
  if (!part->points)
    return -ENOMEM;
  for (size_t i = 0; i < node->n_points; i++) {
    const struct tt_point *point = &node->points[i];
    if (tt_node_has_field(node, (uint16_t)i) && (point->categories & r->categories) &&
        (r->n_fields == 0 || tt_names_has(&r->filter, point->name)) && tt_names_has(&allowed, point->name))
      part->points[part->n_points++] = (uint16_t)i;
  }
  return 0;
}

/* Begin to read the part: from the cache at once, or from the device. The caller has pinned. */
static void part_begin(struct tt_readout *r, size_t number)
{
  struct tt_core *core = r->core;
  struct part *part = &r->parts[number];
  struct tt_node *node = tt_tree_get(core->tree, part->node);
  size_t n = 0;
  uint16_t *old TT_AUTOFREE = calloc(part->n_points + 1, sizeof *old);
  if (!node || !old) {
    part_deliver(r, number, -ENOMEM, TT_TR("Out of memory."));
    return;
  }
  if (part->n_points == 0) {
    bool is_readable = tt_node_is_readable(node);
    if (!is_readable || r->n_fields > 0)
      failure_add(r, number, NULL,
                  is_readable                     ? TT_TR("None of the fields asked for is here.")
                  : tt_node_trouble(node) != NULL ? tt_node_trouble(node)
                                                  : TT_TR("There is nothing to read here."));
    part_deliver(r, number, 0, NULL);
    return;
  }
  bool is_dead = tt_node_trouble(node) != NULL; /* whatever its age, a value of a dead device is not fresh */
  for (size_t i = 0; i < part->n_points; i++) {
    uint16_t point = part->points[i];
    bool is_fresh = tt_node_is_fresh(node, point, core->now, tt_core_max_age(core, &node->points[point]));
    if (node->kind == TT_NODE_DEVICE && (r->is_from_device || is_dead || !is_fresh))
      old[n++] = point;
  }
  if (n == 0) {
    part_deliver(r, number, 0, NULL);
    return;
  }
  part->asked_us = core->now.mono_us;
  part->deadline_us = core->now.mono_us + (node->timeout_us ? node->timeout_us : TT_DEVICE_TIMEOUT_US);
  part->ticket = tt_ticket_create(core, r, number);
  int error = !part->ticket        ? -ENOMEM
              : core->devices.read ? core->devices.read(core->devices.user, part->node, old, n, part->deadline_us,
                                                        on_device, part->ticket)
                                   : -ENODEV;
  if (error < 0) {
    if (part->ticket)
      tt_ticket_redeem(part->ticket, NULL);
    part->ticket = NULL;
    part_deliver(r, number, error, tt_node_trouble(node));
  }
}

/* ---- Stages ------------------------------------------------------------------------------------------ */
static uint64_t parts_due(const struct tt_readout *r)
{
  uint64_t due = r->begin_us + TT_READOUT_CEILING_US;
  for (size_t i = 0; i < r->n_parts; i++)
    if (r->parts[i].is_open && r->parts[i].deadline_us && r->parts[i].deadline_us < due)
      due = r->parts[i].deadline_us;
  return due;
}

/* Access is granted and it is time. The caller has pinned. */
static void begin(struct tt_readout *r)
{
  r->stage = STAGE_READING;
  r->begin_us = r->core->now.mono_us;
  for (size_t i = 0; i < r->n_parts && !r->is_over; i++)
    if (r->parts[i].is_open)
      part_begin(r, i);
  r->due_us = parts_due(r);
  finish_when_done(r);
}

/* Parts without a grant are left out of the answer, as if they had not been named. */
static int apply_grants(struct tt_readout *r, const struct tt_grant *grants, size_t n)
{
  r->n_open = 0;
  for (size_t i = 0; i < r->n_parts; i++) {
    struct part *part = &r->parts[i];
    const struct tt_node *node = tt_tree_get(r->core->tree, part->node);
    const struct tt_grant *grant = NULL;
    for (size_t j = 0; j < n && !grant; j++)
      if (grants[j].node == part->node)
        grant = &grants[j];
    part->is_open = grant && node;
    if (part->is_open && part_choose(r, part, node, grant) < 0)
      return -ENOMEM;
    r->n_open += part->is_open;
  }
  return 0;
}

/* Refused after it had been accepted: every node says so, and the request ends. */
static void fail_all(struct tt_readout *r, const char *text)
{
  r->n_open = 0;
  for (size_t i = 0; i < r->n_parts; i++) {
    r->parts[i].is_open = false;
    failure_add(r, i, NULL, text);
  }
  finish_when_done(r);
}

static void decided(struct tt_readout *r, enum tt_refusal refusal, const struct tt_grant *grants, size_t n)
{
  bool is_first = r->stage == STAGE_ACCESS;
  bool is_ahead = is_first && r->begin_us > r->core->now.mono_us;
  if (refusal == TT_OK && !is_ahead && apply_grants(r, grants, n) < 0)
    refusal = TT_REFUSED_BUSY;
  if (refusal != TT_OK && is_first) {
    refuse(r, refusal,
           refusal == TT_REFUSED_FORBIDDEN ? TT_TR("You may not read this.") : TT_TR("Try again later."));
    return;
  }
  if (is_first) {
    r->stage = is_ahead ? STAGE_QUEUED : STAGE_READING;
    r->due_us = is_ahead ? r->begin_us : r->core->now.mono_us + TT_READOUT_CEILING_US;
    r->sink.accepted(r->user, is_ahead);
  } else {
    r->sink.started(r->user);
  }
  if (r->is_over || is_ahead)
    return;
  if (refusal != TT_OK)
    fail_all(r, TT_TR("Not permitted any more."));
  else
    begin(r);
}

static void on_access(void *user, enum tt_refusal refusal, const struct tt_grant *grants, size_t n)
{
  struct tt_readout *r = tt_ticket_redeem(user, NULL);
  if (!r)
    return;
  r->ticket = NULL;
  pin(r);
  decided(r, refusal, grants, n);
  unpin(r);
}

/* Ask for access; the answer may come from within. The caller has pinned. */
static void ask_access(struct tt_readout *r)
{
  struct tt_core *core = r->core;
  tt_id *nodes TT_AUTOFREE = calloc(r->n_parts + 1, sizeof *nodes);
  r->due_us = core->now.mono_us + TT_ACCESS_TIMEOUT_US;
  r->ticket = nodes && core->access.check ? tt_ticket_create(core, r, 0) : NULL;
  if (!r->ticket) {
    decided(r, core->access.check ? TT_REFUSED_BUSY : TT_REFUSED_FORBIDDEN, NULL, 0);
    return;
  }
  for (size_t i = 0; i < r->n_parts; i++)
    nodes[i] = r->parts[i].node;
  const struct tt_access_query query = {.caller = r->caller,
                                        .op = TT_ACCESS_READ,
                                        .nodes = nodes,
                                        .n_nodes = r->n_parts,
                                        .names = r->filter.sorted,
                                        .n_names = r->n_fields};
  core->access.check(core->access.user, &query, on_access, r->ticket);
}

/* ---- Time -------------------------------------------------------------------------------------------- */
static void reading_due(struct tt_readout *r)
{
  uint64_t now = r->core->now.mono_us;
  bool is_end = now >= r->begin_us + TT_READOUT_CEILING_US;
  for (size_t i = 0; i < r->n_parts && !r->is_over; i++)
    if (r->parts[i].is_open && (is_end || now >= r->parts[i].deadline_us))
      part_deliver(r, i, -ETIMEDOUT, NULL);
  r->due_us = parts_due(r);
  finish_when_done(r);
}

static void readout_due(struct tt_readout *r)
{
  switch (r->stage) {
  case STAGE_ACCESS:
  case STAGE_RECHECK: /* no answer is a no */
    tt_ticket_forget(&r->ticket);
    decided(r, TT_REFUSED_FORBIDDEN, NULL, 0);
    break;
  case STAGE_QUEUED:
    r->stage = STAGE_RECHECK;
    ask_access(r);
    break;
  case STAGE_READING:
    reading_due(r);
    break;
  }
}

void tt_readouts_turn(struct tt_core *core)
{
  /* The sinks may cancel and start requests: take the ids first. */
  tt_id due[TT_READOUTS_MAX];
  size_t n = 0;
  for (struct tt_readout *r = core->readouts; r; r = r->hh.next)
    if (r->due_us <= core->now.mono_us)
      due[n++] = r->id;
  for (size_t i = 0; i < n; i++) {
    struct tt_readout *r = NULL;
    HASH_FIND(hh, core->readouts, &due[i], sizeof due[i], r);
    if (!r)
      continue;
    pin(r);
    readout_due(r);
    unpin(r);
  }
}

uint64_t tt_readouts_due(const struct tt_core *core)
{
  uint64_t due = TT_NEVER;
  for (const struct tt_readout *r = core->readouts; r; r = r->hh.next)
    if (r->due_us < due)
      due = r->due_us;
  return due;
}

/* ---- Start ------------------------------------------------------------------------------------------- */
struct refusal {
  enum tt_refusal refusal;
  const char *text;
  const struct tt_ref *ref;
};

static bool has_part(const struct tt_readout *r, tt_id node)
{
  for (size_t i = 0; i < r->n_parts; i++)
    if (r->parts[i].node == node)
      return true;
  return false;
}

static enum tt_refusal part_add(struct tt_readout *r, const struct tt_node *node)
{
  if (has_part(r, node->id))
    return TT_OK;
  if (r->n_parts == TT_READOUT_NODES_MAX)
    return TT_REFUSED_TOO_LARGE;
  if (r->n_parts == r->parts_room) {
    size_t room = r->parts_room ? r->parts_room * 2 : 4;
    struct part *parts = reallocarray(r->parts, room, sizeof *parts);
    if (!parts)
      return TT_REFUSED_BUSY;
    r->parts = parts;
    r->parts_room = room;
  }
  char *key = strdup(node->key);
  if (!key)
    return TT_REFUSED_BUSY;
  r->parts[r->n_parts++] = (struct part){.node = node->id, .key = key};
  return TT_OK;
}

/* A node, or for a place all devices below it that the caller may know of. */
static enum tt_refusal parts_add(struct tt_readout *r, struct tt_node *top, enum tt_sight sight)
{
  struct tt_core *core = r->core;
  bool is_place = top->kind == TT_NODE_PLACE || sight == TT_SIGHT_PLACE;
  size_t before = r->n_parts;
  if (!is_place)
    return part_add(r, top);
  struct tt_node *node = top;
  while ((node = tt_tree_walk(core->tree, node))) {
    const struct tt_node *above = node->parent;
    while (above && above != top)
      above = above->parent;
    if (!above)
      break;
    if (node->kind == TT_NODE_PLACE || tt_core_sight(core, r->caller, node) != TT_SIGHT_FULL)
      continue;
    enum tt_refusal refusal = part_add(r, node);
    if (refusal != TT_OK)
      return refusal;
  }
  return r->n_parts > before ? TT_OK : part_add(r, top);
}

static struct refusal parts_resolve(struct tt_readout *r, const struct tt_read_request *request)
{
  for (size_t i = 0; i < request->n_refs; i++) {
    const struct tt_ref *ref = &request->refs[i];
    struct tt_node *node = tt_tree_find(r->core->tree, ref->node, ref->source, ref->partition);
    enum tt_sight sight = node ? tt_core_sight(r->core, request->caller, node) : TT_SIGHT_NONE;
    if (sight == TT_SIGHT_NONE)
      return (struct refusal){TT_REFUSED_NOT_FOUND, TT_TR("There is no such node."), ref};
    enum tt_refusal refusal = parts_add(r, node, sight);
    if (refusal == TT_REFUSED_TOO_LARGE)
      return (struct refusal){refusal, TT_TR("More than 500 nodes would have to be read: name fewer."), ref};
    if (refusal != TT_OK)
      return (struct refusal){refusal, TT_TR("Try again later."), ref};
  }
  return (struct refusal){TT_OK, NULL, NULL};
}

static int compare_ids(const void *a, const void *b)
{
  tt_id x = *(const tt_id *)a, y = *(const tt_id *)b;
  return (x > y) - (x < y);
}

/* Limits of the caller, and whether one of the nodes is being read for the same full JID already. */
static struct refusal check_load(const struct tt_readout *r, const struct tt_core *core)
{
  static const struct refusal busy = {TT_REFUSED_BUSY, TT_TR("Too many readouts are running."), NULL};
  size_t n_caller = 0;
  if (HASH_COUNT(core->readouts) >= TT_READOUTS_MAX)
    return busy;
  tt_id *ids TT_AUTOFREE = calloc(r->n_parts + 1, sizeof *ids);
  if (!ids)
    return busy;
  for (size_t i = 0; i < r->n_parts; i++)
    ids[i] = r->parts[i].node;
  qsort(ids, r->n_parts, sizeof *ids, compare_ids);
  for (const struct tt_readout *other = core->readouts; other; other = other->hh.next) {
    if (strcmp(other->caller->bare, r->caller->bare) != 0)
      continue;
    if (++n_caller >= TT_READOUTS_PER_CALLER)
      return busy;
    if (other->stage == STAGE_QUEUED || strcmp(other->caller->jid, r->caller->jid) != 0)
      continue;
    for (size_t i = 0; i < other->n_parts; i++)
      if (bsearch(&other->parts[i].node, ids, r->n_parts, sizeof *ids, compare_ids))
        return (struct refusal){TT_REFUSED_BUSY, TT_TR("This node is being read for you already."), NULL};
  }
  return (struct refusal){TT_OK, NULL, NULL};
}

static int copy_request(struct tt_readout *r, const struct tt_read_request *request)
{
  r->caller = tt_caller_copy(request->caller);
  r->fields = calloc(request->n_fields + 1, sizeof *r->fields);
  if (!r->caller || !r->fields)
    return -ENOMEM;
  for (; r->n_fields < request->n_fields; r->n_fields++) {
    r->fields[r->n_fields] = strdup(request->fields[r->n_fields]);
    if (!r->fields[r->n_fields])
      return -ENOMEM;
  }
  if (tt_names_init(&r->filter, (const char *const *)r->fields, r->n_fields) < 0)
    return -ENOMEM;
  r->categories = request->categories ? request->categories : TT_CATEGORY_DEFAULT;
  r->from_us = request->from_us;
  r->to_us = request->to_us;
  r->is_from_device = request->is_from_device;
  return 0;
}

/* Everything that can be said before access is asked for. */
static struct refusal prepare(struct tt_readout *r, const struct tt_read_request *request)
{
  struct tt_now now = r->core->now;
  if (request->n_refs == 0)
    return (struct refusal){TT_REFUSED_BAD_REQUEST, TT_TR("No node is named."), NULL};
  if (request->n_refs > TT_READOUT_NODES_MAX)
    return (struct refusal){TT_REFUSED_BAD_REQUEST, TT_TR("At most 500 nodes can be named in one request."), NULL};
  if (request->n_fields > TT_READOUT_FIELDS_MAX)
    return (struct refusal){TT_REFUSED_BAD_REQUEST, TT_TR("At most 500 fields can be named in one request."), NULL};
  if (request->to_us != 0 && request->from_us > request->to_us)
    return (struct refusal){TT_REFUSED_BAD_REQUEST, TT_TR("The interval ends before it begins."), NULL};
  r->begin_us = now.mono_us;
  if (request->when_us > now.wall_us)
    r->begin_us += request->when_us - now.wall_us;
  if (r->begin_us - now.mono_us > TT_READOUT_LATEST_US)
    return (struct refusal){TT_REFUSED_BAD_REQUEST, TT_TR("A readout can be put off by 24 hours at most."), NULL};
  if (copy_request(r, request) < 0)
    return (struct refusal){TT_REFUSED_BUSY, TT_TR("Try again later."), NULL};
  struct refusal refusal = parts_resolve(r, request);
  return refusal.refusal == TT_OK ? check_load(r, r->core) : refusal;
}

tt_id tt_readout_start(struct tt_core *core, const struct tt_read_request *request, const struct tt_read_sink *sink,
                       void *user)
{
  const char *first = request->n_refs > 0 ? request->refs[0].node : "";
  if (tt_core_role(core, request->caller) == TT_ROLE_NONE) { /* before anything is looked up */
    tt_core_refused(core, request->caller, TT_ACCESS_READ, first);
    sink->refused(user, TT_REFUSED_FORBIDDEN, TT_TR("You may not read here."), NULL);
    return 0;
  }
  struct tt_readout *r = calloc(1, sizeof *r);
  if (!r) {
    sink->refused(user, TT_REFUSED_BUSY, TT_TR("Try again later."), NULL);
    return 0;
  }
  r->core = core;
  r->sink = *sink;
  r->user = user;
  struct refusal refusal = prepare(r, request);
  if (refusal.refusal == TT_OK) {
    r->id = ++core->last_request;
    HASH_ADD(hh, core->readouts, id, sizeof r->id, r);
    if (!r->hh.tbl)
      refusal = (struct refusal){TT_REFUSED_BUSY, TT_TR("Try again later."), NULL};
  }
  if (refusal.refusal != TT_OK) {
    readout_free(r);
    sink->refused(user, refusal.refusal, refusal.text, refusal.ref);
    return 0;
  }
  tt_id id = r->id;
  pin(r);
  ask_access(r);
  bool is_over = r->is_over;
  unpin(r);
  return is_over ? 0 : id;
}
