/* SPDX-License-Identifier: Apache-2.0
 *
 * sensor.c: reading fields over XMPP: `req` and `cancel` of XEP-0323 and P1451.99. Holds what is open, keyed by
 * who asked, whom they asked, in which vocabulary and under which number; how a readout is written is in
 * reading.c. What clients in the field need is named where it is done.
 */
#include "handlers.h"
#include "reading.h"

#include "text/text.h"

#include <utlist.h>

/* Lists of one request: what TT_XML_ELEMENTS_MAX elements can need. */
#define REQUEST_MEMORY_MAX (1024u * 1024)

/* What a row of the router knows: where it belongs and which words it speaks. */
struct door {
  struct tt_sensor *sensor;
  const struct tt_dialect *dialect;
};

struct tt_sensor {
  struct tt_router *router;
  struct readout *readouts;
  size_t n_unsent; /* readouts with something to flush, at most */
  uint64_t last_group;
  struct door doors[TT_DIALECT_COUNT];
  struct tt_iq_handler rows[2 * TT_DIALECT_COUNT];
};

struct readout {
  struct readout *prev, *next;
  struct tt_sensor *sensor;
  const struct tt_session *session; /* compared only */
  struct tt_reply *reply;
  tt_id handle;
  char *id;
  struct tt_reading reading;
  bool is_starting; /* inside tt_readout_start() */
  bool has_ended;   /* refused or done while starting */
  bool is_accepted, is_queued;
};

static void readout_free(struct readout *readout)
{
  if (!readout)
    return;
  DL_DELETE(readout->sensor->readouts, readout);
  tt_reading_finish(&readout->reading);
  tt_reply_free(readout->reply);
  free(readout->id);
  free(readout);
}

/* Within tt_readout_start() the object is still in use further up. */
static void readout_end(struct readout *readout)
{
  if (readout->is_starting)
    readout->has_ended = true;
  else
    readout_free(readout);
}

/* ---- What the core tells ------------------------------------------------------------------------------ */

static void on_refused(void *user, enum tt_refusal refusal, const char *text, TT_UNUSED const struct tt_ref *ref)
{
  struct readout *readout = user;
  tt_reading_refuse(&readout->reading, refusal, text);
  readout_end(readout);
}

static void on_accepted(void *user, bool is_queued)
{
  struct readout *readout = user;
  readout->is_accepted = true;
  readout->is_queued = is_queued;
  /* N can have the values in the answer itself: wait whether they are at hand. */
  if (readout->reading.dialect->vocabulary == TT_VOCABULARY_X || !readout->is_starting)
    tt_reading_accept(&readout->reading, is_queued);
}

static void on_started(void *user)
{
  struct readout *readout = user;
  tt_reading_started(&readout->reading);
}

static void on_fields(void *user, const struct tt_node *node, const struct tt_field *const fields[], size_t n)
{
  struct readout *readout = user;
  tt_reading_fields(&readout->reading, node, fields, n);
  readout->sensor->n_unsent++;
}

static void on_failed(void *user, const struct tt_node *node, const char *key, uint64_t wall_us, const char *text)
{
  struct readout *readout = user;
  tt_reading_failed(&readout->reading, node, key, wall_us, text);
}

static void on_done(void *user)
{
  struct readout *readout = user;
  tt_reading_done(&readout->reading);
  readout_end(readout);
}

static const struct tt_read_sink sink = {
    .refused = on_refused,
    .accepted = on_accepted,
    .started = on_started,
    .fields = on_fields,
    .failed = on_failed,
    .done = on_done,
};

/* ---- Requests ------------------------------------------------------------------------------------------ */

static char *refused_by_router(const struct tt_iq *iq, enum tt_refusal refusal, const char *text, const void *data)
{
  const struct door *door = data;
  return tt_reading_rejected(door->dialect, tt_dialect_request_id(door->dialect, iq->payload), iq->caller.language,
                             text ? text : tt_refusal_text(refusal));
}

static void refuse(struct tt_iq *iq, const struct door *door, enum tt_refusal refusal, const char *text)
{
  tt_iq_error(iq, refusal, text, refused_by_router(iq, refusal, text, door), NULL);
}

static struct readout *find(const struct tt_sensor *sensor, const struct tt_dialect *dialect,
                            const struct tt_iq *iq, const char *id)
{
  struct readout *readout;
  DL_FOREACH(sensor->readouts, readout) {
    const struct tt_caller *caller = tt_reply_caller(readout->reply);
    if (readout->session == iq->session && readout->reading.dialect->vocabulary == dialect->vocabulary &&
        strcmp(readout->id, id) == 0 && strcmp(caller->jid, iq->caller.jid) == 0 &&
        strcmp(caller->local, iq->caller.local) == 0)
      return readout;
  }
  return NULL;
}

/* Forget a readout whose requester does not want it any more, but answer what was asked. */
static void cancel_readout(struct readout *readout)
{
  tt_readout_cancel(tt_router_config(readout->sensor->router)->core, readout->handle);
  if (!readout->reading.is_answered)
    tt_reading_refuse(&readout->reading, TT_REFUSED_CONFLICT, TT_TR("Cancelled."));
  readout_free(readout);
}

static struct readout *readout_create(struct tt_iq *iq, const struct door *door, const char *id, uint64_t group)
{
  struct readout *readout = calloc(1, sizeof(*readout));
  if (!readout)
    return NULL;
  readout->sensor = door->sensor;
  readout->session = iq->session;
  readout->id = strdup(id);
  readout->reply = tt_reply_create(iq);
  DL_APPEND(door->sensor->readouts, readout);
  if (!readout->id || !readout->reply) {
    readout_free(readout);
    return NULL;
  }
  tt_reading_init(&readout->reading, door->dialect, readout->reply, readout->id, group, tt_dialect_room(iq));
  return readout;
}

static int parse_time(const struct tt_xml *request, const char *name, uint64_t *ret_us)
{
  const char *text = tt_xml_attr(request, name);
  return text ? tt_datetime_parse(text, ret_us) : 0;
}

/* The names of the field filter. -EINVAL: one has none. */
static int parse_fields(const struct tt_dialect *dialect, const struct tt_xml *payload, struct tt_arena *arena,
                        struct tt_read_request *request)
{
  const char *element = tt_word(dialect, TT_WORD_FIELD);
  size_t n = 0;
  TT_XML_FOREACH(child, payload)
    n += strcmp(child->name, element) == 0;
  if (n == 0)
    return 0;
  const char **names = tt_arena_alloc(arena, n * sizeof(*names));
  if (!names)
    return -ENOMEM;
  TT_XML_FOREACH(child, payload) {
    if (strcmp(child->name, element) != 0)
      continue;
    const char *name = tt_xml_attr(child, tt_word(dialect, TT_WORD_NAME));
    if (!name)
      return -EINVAL;
    names[request->n_fields++] = name;
  }
  request->fields = names;
  return 0;
}

/* The request as the core takes it. NULL, or what is wrong with it. */
static const char *parse_request(const struct tt_dialect *dialect, const struct tt_iq *iq, struct tt_arena *arena,
                                 struct tt_read_request *request)
{
  static const struct tt_ref device = {TT_GATEWAY_KEY, "", ""};
  const struct tt_xml *payload = iq->payload;

  if (tt_dialect_request_refs(dialect, iq, arena, &request->refs, &request->n_refs) < 0)
    return TT_TR("A node reference names no node.");
  if (request->n_refs == 0 && dialect->vocabulary == TT_VOCABULARY_X) {
    request->refs = &device; /* without a node X means the device that was addressed: the gateway itself */
    request->n_refs = 1;
  }
  if (parse_fields(dialect, payload, arena, request) < 0)
    return TT_TR("A field reference names no field.");
  request->categories = tt_dialect_categories(dialect, payload);
  /* A time without a zone, as slixmpp sends it, is taken as UTC. */
  if (parse_time(payload, "from", &request->from_us) < 0 || parse_time(payload, "to", &request->to_us) < 0 ||
      parse_time(payload, "when", &request->when_us) < 0)
    return TT_TR("A time of the request is not a date and time.");
  return NULL;
}

static void run(struct tt_iq *iq, const struct door *door, const char *id, uint64_t group,
                const struct tt_read_request *request)
{
  struct readout *readout = readout_create(iq, door, id, group);
  if (!readout) {
    refuse(iq, door, TT_REFUSED_BUSY, NULL);
    return;
  }
  readout->is_starting = true;
  readout->handle = tt_readout_start(tt_router_config(iq->router)->core, request, &sink, readout);
  readout->is_starting = false;
  if (readout->has_ended)
    readout_free(readout);
  else if (readout->is_accepted && !readout->reading.is_answered)
    tt_reading_accept(&readout->reading, readout->is_queued);
}

static void on_req(struct tt_iq *iq, const void *data)
{
  const struct door *door = data;
  const struct tt_dialect *dialect = door->dialect;
  const char *id = tt_dialect_request_id(dialect, iq->payload);
  if (!id) {
    refuse(iq, door, TT_REFUSED_BAD_REQUEST, TT_TR("The request has no valid number."));
    return;
  }
  struct tt_arena *arena = tt_arena_create(REQUEST_MEMORY_MAX);
  if (!arena) {
    refuse(iq, door, TT_REFUSED_BUSY, NULL);
    return;
  }
  struct tt_caller caller = tt_dialect_caller(dialect, iq);
  struct tt_read_request request = {.caller = &caller};
  const char *wrong = parse_request(dialect, iq, arena, &request);
  struct readout *same = find(door->sensor, dialect, iq, id);
  /* Clients restart with the same numbers: the new request takes the old one's place, also in the queue. */
  uint64_t group = same ? same->reading.group : ++door->sensor->last_group;
  if (same)
    cancel_readout(same);
  if (wrong)
    refuse(iq, door, TT_REFUSED_BAD_REQUEST, wrong);
  else if (request.n_refs == 0)
    tt_iq_result(iq, tt_reading_empty(dialect, id)); /* N: nothing asked, nothing said */
  else
    run(iq, door, id, group, &request);
  tt_arena_destroy(arena);
}

static void on_cancel(struct tt_iq *iq, const void *data)
{
  const struct door *door = data;
  const char *id = tt_dialect_request_id(door->dialect, iq->payload);
  struct readout *readout = id ? find(door->sensor, door->dialect, iq, id) : NULL;
  if (!readout) {
    refuse(iq, door, id ? TT_REFUSED_NOT_FOUND : TT_REFUSED_BAD_REQUEST, TT_TR("There is no such request."));
    return;
  }
  struct tt_reply *reply = tt_reply_create(iq);
  if (!reply) {
    refuse(iq, door, TT_REFUSED_BUSY, NULL);
    return;
  }
  uint64_t group = readout->reading.group;
  cancel_readout(readout);
  /* `accepted` may still be held: what ends the request must not overtake it. */
  tt_reply_result(reply, tt_reading_cancelled(door->dialect, id), group);
  tt_reply_free(reply);
}

/* ---- Life ---------------------------------------------------------------------------------------------- */

static void on_gone(void *user, struct tt_session *session, const char *who)
{
  struct tt_sensor *sensor = user;
  struct readout *readout, *next;
  DL_FOREACH_SAFE(sensor->readouts, readout, next)
  {
    if (readout->session == session && tt_router_is_of(tt_reply_caller(readout->reply)->jid, who)) {
      tt_readout_cancel(tt_router_config(sensor->router)->core, readout->handle);
      readout_free(readout);
    }
  }
}

int tt_sensor_create(struct tt_router *router, struct tt_sensor **ret)
{
  struct tt_sensor *sensor = calloc(1, sizeof(*sensor));
  if (!sensor)
    return -ENOMEM;
  sensor->router = router;
  for (size_t i = 0; i < TT_DIALECT_COUNT; i++) {
    struct door *door = &sensor->doors[i];
    *door = (struct door){sensor, &tt_dialects[i]};
    struct tt_iq_handler row = {
        .ns = tt_dialects[i].ns[TT_SUBJECT_SENSOR], .data = door, .refused = refused_by_router};
    row.name = "req";
    row.fn = on_req;
    sensor->rows[2 * i] = row;
    row.name = "cancel";
    row.fn = on_cancel;
    sensor->rows[2 * i + 1] = row;
  }
  int r = tt_router_add(router, sensor->rows, TT_COUNT(sensor->rows));
  if (r == 0)
    r = tt_router_on_gone(router, on_gone, sensor);
  if (r == 0)
    r = tt_dialect_advertise(router, TT_SUBJECT_SENSOR);
  if (r < 0) {
    tt_sensor_destroy(sensor);
    return r;
  }
  *ret = sensor;
  return 0;
}

void tt_sensor_destroy(struct tt_sensor *sensor)
{
  if (!sensor)
    return;
  struct readout *readout, *next;
  DL_FOREACH_SAFE(sensor->readouts, readout, next)
  {
    readout_free(readout);
  }
  free(sensor);
}

void tt_sensor_flush(struct tt_sensor *sensor)
{
  if (sensor->n_unsent == 0)
    return;
  sensor->n_unsent = 0;
  struct readout *readout;
  DL_FOREACH(sensor->readouts, readout)
    tt_reading_flush(&readout->reading);
}
