/* SPDX-License-Identifier: Apache-2.0
 *
 * events.c: event subscriptions over XMPP: `subscribe` and `unsubscribe` of XMPP IoT Events and P1451.99. What is a change and when it
 * is told decides model/subscription; how it is written, reading.c. Holds what is subscribed, keyed as readouts are. A subscription
 * ends with whoever made it: unavailable, a bounce, a right that is gone, the end of the stream.
 */
#include "handlers.h"
#include "reading.h"

#include "model/subscription.h"
#include "text/text.h"

#include <math.h>
#include <utlist.h>

/* Lists of one request: what TT_XML_ELEMENTS_MAX elements can need. */
#define REQUEST_MEMORY_MAX (1024u * 1024)

struct door {
  struct tt_events *events;
  const struct tt_dialect *dialect;
};

struct tt_events {
  struct tt_router *router;
  struct subscription *subscriptions;
  uint64_t min_us; /* floor of the interval */
  struct door doors[TT_DIALECT_COUNT];
  struct tt_iq_handler rows[2 * TT_DIALECT_COUNT];
};

struct subscription {
  struct subscription *prev, *next;
  struct tt_events *events;
  const struct tt_session *session; /* compared only */
  const struct tt_dialect *dialect; /* of the events namespace that was asked in */
  struct tt_reply *reply;
  tt_id handle;
  char *id;
  struct tt_reading reading;
  bool is_starting, has_ended;
};

static struct tt_core *core_of(const struct tt_events *events)
{
  return tt_router_config(events->router)->core;
}

static void subscription_free(struct subscription *s)
{
  DL_DELETE(s->events->subscriptions, s);
  tt_reading_finish(&s->reading);
  tt_reply_free(s->reply);
  free(s->id);
  free(s);
}

/* ---- What the core tells ------------------------------------------------------------------------------------------- */

static void on_refused(void *user, enum tt_refusal refusal, const char *text, TT_UNUSED const struct tt_ref *ref)
{
  struct subscription *s = user;
  tt_reading_refuse(&s->reading, refusal, text);
  s->has_ended = true;
  if (!s->is_starting)
    subscription_free(s);
}

static void on_accepted(void *user)
{
  struct subscription *s = user;
  s->reading.is_answered = true;
  tt_reply_result(s->reply, tt_reading_accepted(s->dialect, s->id), 0);
}

static void on_event(void *user, const struct tt_node *node, const struct tt_field *const fields[], size_t n)
{
  struct subscription *s = user;
  tt_reading_fields(&s->reading, node, fields, n);
  tt_reading_done(&s->reading);
}

static void on_failed(void *user, const struct tt_node *node, const char *key, uint64_t wall_us, const char *text)
{
  struct subscription *s = user;
  tt_reading_failed(&s->reading, node, key, wall_us, text);
  tt_reading_done(&s->reading);
}

static void on_lost(void *user, const char *key, enum tt_refusal why)
{
  struct subscription *s = user;
  if (why != TT_REFUSED_CONFLICT) /* which is the subscriber's own wish */
    on_failed(s, NULL, key, tt_core_now(core_of(s->events)).wall_us,
              why == TT_REFUSED_NOT_FOUND ? TT_TR("The node has gone.") : TT_TR("Not permitted any more."));
}

static void on_ended(void *user)
{
  subscription_free(user);
}

static const struct tt_event_sink sink = {.refused = on_refused,
                                          .accepted = on_accepted,
                                          .event = on_event,
                                          .failed = on_failed,
                                          .lost = on_lost,
                                          .ended = on_ended};

/* ---- Requests ------------------------------------------------------------------------------------------------------ */

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

static struct subscription *find(const struct tt_events *events, const struct tt_dialect *dialect,
                                 const struct tt_iq *iq, const char *id)
{
  struct subscription *s;
  DL_FOREACH(events->subscriptions, s) {
    const struct tt_caller *caller = tt_reply_caller(s->reply);
    if (s->session == iq->session && s->dialect->vocabulary == dialect->vocabulary && !strcmp(s->id, id) &&
        !strcmp(caller->jid, iq->caller.jid) && !strcmp(caller->local, iq->caller.local))
      return s;
  }
  return NULL;
}

/* Forget it, but answer what was asked if it has no answer yet. */
static void end(struct subscription *s)
{
  tt_unsubscribe(core_of(s->events), s->handle);
  if (!s->reading.is_answered)
    tt_reading_refuse(&s->reading, TT_REFUSED_CONFLICT, TT_TR("Cancelled."));
  subscription_free(s);
}

/* An interval as xs:duration. -EINVAL: it is none, or goes backwards. */
static int parse_interval(const struct tt_dialect *dialect, const struct tt_xml *payload, enum tt_word word,
                          uint64_t *ret_us)
{
  const char *text = tt_xml_attr(payload, tt_word(dialect, word));
  double seconds;
  if (!text)
    return 0;
  if (tt_xsd_duration_parse(text, &seconds) < 0 || seconds < 0 || seconds > 1e12)
    return -EINVAL;
  *ret_us = (uint64_t)(seconds * TT_USEC_PER_SEC);
  return 0;
}

/* A limit of a condition: a positive number. */
static int parse_limit(const struct tt_dialect *dialect, const struct tt_xml *field, enum tt_word word, double *ret)
{
  const char *text = tt_xml_attr(field, tt_word(dialect, word));
  double number;
  if (!text)
    return 0;
  if (tt_double_parse(text, &number) < 0 || !isfinite(number) || number < 0)
    return -EINVAL;
  *ret = number;
  return 0;
}

static const char *parse_field(const struct tt_dialect *dialect, const struct tt_xml *element,
                               struct tt_event_field *ret)
{
  *ret = (struct tt_event_field){.name = tt_xml_attr(element, tt_word(dialect, TT_WORD_NAME)),
                                 .limits = TT_LIMITS_NONE,
                                 .current = tt_xml_attr(element, tt_word(dialect, TT_WORD_CURRENT_VALUE))};
  if (!ret->name)
    return TT_TR("A field reference names no field.");
  if (parse_limit(dialect, element, TT_WORD_CHANGED_BY, &ret->limits.by) < 0 ||
      parse_limit(dialect, element, TT_WORD_CHANGED_UP, &ret->limits.up) < 0 ||
      parse_limit(dialect, element, TT_WORD_CHANGED_DOWN, &ret->limits.down) < 0)
    return TT_TR("A limit of change is not a positive number.");
  return NULL;
}

static const char *parse_fields(const struct tt_dialect *dialect, const struct tt_xml *payload,
                                struct tt_arena *arena, struct tt_subscribe_request *request)
{
  const char *name = tt_word(dialect, TT_WORD_FIELD), *wrong = NULL;
  size_t n = 0;
  TT_XML_FOREACH(child, payload)
    n += strcmp(child->name, name) == 0;
  struct tt_event_field *fields = tt_arena_alloc(arena, (n + 1) * sizeof(*fields));
  if (!fields)
    return TT_TR("These are too many fields.");
  TT_XML_FOREACH(child, payload) {
    if (!wrong && strcmp(child->name, name) == 0)
      wrong = parse_field(dialect, child, &fields[request->n_fields++]);
  }
  request->fields = fields;
  return wrong;
}

/* NULL, or what is wrong with it. There is no history: `maxAge` reaches back to the last value at most. */
static const char *parse(const struct door *door, const struct tt_iq *iq, struct tt_arena *arena,
                         struct tt_subscribe_request *request)
{
  const struct tt_dialect *dialect = door->dialect;
  uint64_t max_age_us;
  if (tt_dialect_request_refs(dialect, iq, arena, &request->refs, &request->n_refs) < 0)
    return TT_TR("A node reference names no node.");
  const char *wrong = parse_fields(dialect, iq->payload, arena, request);
  if (wrong)
    return wrong;
  if (parse_interval(dialect, iq->payload, TT_WORD_MIN_INTERVAL, &request->min_us) < 0 ||
      parse_interval(dialect, iq->payload, TT_WORD_MAX_INTERVAL, &request->max_us) < 0)
    return TT_TR("An interval is not a duration.");
  const char *max_age = tt_xml_attr(iq->payload, "maxAge");
  double seconds;
  if (max_age && tt_xsd_duration_parse(max_age, &seconds) < 0 && tt_datetime_parse(max_age, &max_age_us) < 0)
    return TT_TR("The age is not a duration.");
  request->categories = tt_dialect_categories(dialect, iq->payload);
  request->is_immediate = tt_xml_bool(iq->payload, "req", false);
  if (request->min_us < door->events->min_us)
    request->min_us = door->events->min_us;
  if (request->max_us && request->max_us < request->min_us)
    request->max_us = request->min_us;
  return NULL;
}

static struct subscription *subscription_create(struct tt_iq *iq, const struct door *door, const char *id)
{
  struct subscription *s = calloc(1, sizeof(*s));
  if (!s)
    return NULL;
  s->events = door->events;
  s->session = iq->session;
  s->dialect = door->dialect;
  s->id = strdup(id);
  s->reply = tt_reply_create(iq);
  DL_APPEND(door->events->subscriptions, s);
  if (!s->id || !s->reply) {
    subscription_free(s);
    return NULL;
  }
  tt_reading_init(&s->reading, door->dialect, s->reply, s->id, 0, tt_dialect_room(iq));
  s->reading.last = TT_OUT_READING;
  return s;
}

static void run(struct tt_iq *iq, const struct door *door, const char *id,
                const struct tt_subscribe_request *request)
{
  struct subscription *s = subscription_create(iq, door, id);
  if (!s) {
    refuse(iq, door, TT_REFUSED_BUSY, NULL);
    return;
  }
  s->is_starting = true;
  s->handle = tt_subscribe(core_of(door->events), request, &sink, s);
  s->is_starting = false;
  if (s->has_ended)
    subscription_free(s);
}

static void on_subscribe(struct tt_iq *iq, const void *data)
{
  const struct door *door = data;
  const char *id = tt_dialect_request_id(door->dialect, iq->payload);
  struct tt_arena *arena = id ? tt_arena_create(REQUEST_MEMORY_MAX) : NULL;
  if (!arena) {
    refuse(iq, door, id ? TT_REFUSED_BUSY : TT_REFUSED_BAD_REQUEST,
           id ? NULL : TT_TR("The request has no valid number."));
    return;
  }
  struct tt_caller caller = tt_dialect_caller(door->dialect, iq);
  struct tt_subscribe_request request = {.class = TT_SUBSCRIPTION_EVENTS, .caller = &caller};
  const char *wrong = parse(door, iq, arena, &request);
  struct subscription *same = wrong ? NULL : find(door->events, door->dialect, iq, id);
  if (same)
    end(same);
  if (wrong)
    refuse(iq, door, TT_REFUSED_BAD_REQUEST, wrong);
  else
    run(iq, door, id, &request);
  tt_arena_destroy(arena);
}

/* Nothing is answered alike whether there was one. */
static void on_unsubscribe(struct tt_iq *iq, const void *data)
{
  const struct door *door = data;
  const char *id = tt_dialect_request_id(door->dialect, iq->payload);
  if (!id) {
    refuse(iq, door, TT_REFUSED_BAD_REQUEST, TT_TR("The request has no valid number."));
    return;
  }
  struct subscription *s = find(door->events, door->dialect, iq, id);
  if (s)
    end(s);
  tt_iq_result(iq, NULL);
}

/* ---- Life ---------------------------------------------------------------------------------------------------------- */

static void on_gone(void *user, struct tt_session *session, const char *who)
{
  struct tt_events *events = user;
  struct subscription *s, *next;
  DL_FOREACH_SAFE(events->subscriptions, s, next)
  {
    if (s->session != session || !tt_router_is_of(tt_reply_caller(s->reply)->jid, who))
      continue;
    tt_unsubscribe(core_of(events), s->handle);
    subscription_free(s);
  }
}

int tt_events_create(struct tt_router *router, uint64_t min_us, struct tt_events **ret)
{
  struct tt_events *events = calloc(1, sizeof(*events));
  if (!events)
    return -ENOMEM;
  events->router = router;
  events->min_us = min_us;
  for (size_t i = 0; i < TT_DIALECT_COUNT; i++) {
    struct door *door = &events->doors[i];
    *door = (struct door){events, &tt_dialects[i]};
    struct tt_iq_handler row = {
        .ns = tt_dialects[i].ns[TT_SUBJECT_EVENTS], .data = door, .refused = refused_by_router};
    row.name = "subscribe";
    row.fn = on_subscribe;
    events->rows[2 * i] = row;
    row.name = "unsubscribe";
    row.fn = on_unsubscribe;
    events->rows[2 * i + 1] = row;
  }
  int r = tt_router_add(router, events->rows, TT_COUNT(events->rows));
  if (r == 0)
    r = tt_router_on_gone(router, on_gone, events);
  if (r == 0)
    r = tt_dialect_advertise(router, TT_SUBJECT_EVENTS);
  if (r < 0) {
    tt_events_destroy(events);
    return r;
  }
  *ret = events;
  return 0;
}

void tt_events_destroy(struct tt_events *events)
{
  if (!events)
    return;
  while (events->subscriptions)
    subscription_free(events->subscriptions);
  free(events);
}
