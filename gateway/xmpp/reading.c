/* SPDX-License-Identifier: Apache-2.0
 *
 * reading.c: a readout as stanzas. All fields of one turn share stanzas; data comes before failures; `done` (X)
 * stands on the last stanza and `more` (N) on all but the last, because slixmpp knows no separate `done`.
 */
#include "reading.h"

#include "text/text.h"

#include <stdio.h>
#include <utlist.h>

/* The element around the collected ones: name, namespace, number, flags. */
#define ROOT_ROOM 192
struct tt_failure {
  struct tt_failure *prev, *next;
  char *key, *source, *partition, *text;
  uint64_t wall_us;
};

static void failure_free(struct tt_failure *failure)
{
  free(failure->key);
  free(failure->source);
  free(failure->partition);
  free(failure->text);
  free(failure);
}

void tt_reading_init(struct tt_reading *reading, const struct tt_dialect *dialect, struct tt_reply *reply,
                     const char *id, uint64_t group, size_t room)
{
  TT_AUTOBUF struct tt_buf escaped = TT_BUF(0);
  tt_xml_escape(&escaped, id);
  size_t root = ROOT_ROOM + escaped.len;
  *reading = (struct tt_reading){
      .dialect = dialect, .reply = reply, .id = id, .group = group, .room = room > root ? room - root : 0};
}

void tt_reading_init_emit(struct tt_reading *reading, const struct tt_dialect *dialect, const char *id, size_t room,
                          void (*emit)(void *user, char *payload, bool is_last), void *user)
{
  tt_reading_init(reading, dialect, NULL, id, 0, room);
  reading->is_answered = true;
  reading->emit = emit;
  reading->user = user;
}

static void forget_failures(struct tt_reading *reading)
{
  struct tt_failure *failure, *next;
  DL_FOREACH_SAFE(reading->failures, failure, next)
  {
    DL_DELETE(reading->failures, failure);
    failure_free(failure);
  }
}

void tt_reading_finish(struct tt_reading *reading)
{
  forget_failures(reading);
  tt_buf_finish(&reading->body);
  tt_buf_finish(&reading->text);
}

/* "": of nobody in particular. */
static const char *language_of(const struct tt_reading *reading)
{
  return reading->reply ? tt_reply_caller(reading->reply)->language : "";
}

/* ---- Single elements ----------------------------------------------------------------------------------- */

static void open_root(struct tt_writer *w, const struct tt_dialect *dialect, const char *name, const char *id)
{
  tt_write_open(w, name, dialect->ns[TT_SUBJECT_SENSOR]);
  tt_word_attr(w, dialect, TT_WORD_REQUEST_ID, id);
}

/* <name id='..' [flag='true']/> */
static char *single(const struct tt_dialect *dialect, const char *name, const char *id, const char *flag)
{
  struct tt_buf buf = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  open_root(&w, dialect, name, id);
  if (flag)
    tt_write_attr_bool(&w, flag, true);
  tt_write_close(&w);
  return tt_buf_steal(&buf);
}

char *tt_reading_rejected(const struct tt_dialect *dialect, const char *id, const char *language, const char *text)
{
  /* Long gone from the specification, but slixmpp learns of a refusal from nothing else. */
  if (dialect->vocabulary != TT_VOCABULARY_X || !id)
    return NULL;
  struct tt_buf buf = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  open_root(&w, dialect, "rejected", id);
  tt_write_element(&w, "error", tt_tr(language, text));
  tt_write_close(&w);
  return tt_buf_steal(&buf);
}

char *tt_reading_accepted(const struct tt_dialect *dialect, const char *id)
{
  return single(dialect, "accepted", id, NULL);
}

char *tt_reading_empty(const struct tt_dialect *dialect, const char *id)
{
  return single(dialect, tt_word(dialect, TT_WORD_FIELDS), id, NULL);
}

char *tt_reading_cancelled(const struct tt_dialect *dialect, const char *id)
{
  return dialect->vocabulary == TT_VOCABULARY_X ? single(dialect, "cancelled", id, NULL) : NULL;
}

/* ---- Answers to the iq --------------------------------------------------------------------------------- */

void tt_reading_refuse(struct tt_reading *reading, enum tt_refusal refusal, const char *text)
{
  text = text ? text : tt_refusal_text(refusal);
  reading->is_answered = true;
  tt_reply_error(reading->reply, refusal, text,
                 tt_reading_rejected(reading->dialect, reading->id, language_of(reading), text));
}

void tt_reading_accept(struct tt_reading *reading, bool is_queued)
{
  reading->is_answered = true;
  /* X says `accepted` in any case; N has a word of its own for what has begun already. */
  const char *name = is_queued || reading->dialect->vocabulary == TT_VOCABULARY_X ? "accepted" : "started";
  char *payload = single(reading->dialect, name, reading->id, is_queued ? "queued" : NULL);
  tt_reply_result(reading->reply, payload, is_queued ? 0 : reading->group);
}

/* ---- Messages ------------------------------------------------------------------------------------------ */

static void send_message(struct tt_reading *reading, char *payload, enum tt_out_class class, bool is_last)
{
  if (payload && reading->emit) /* NULL: out of memory */
    reading->emit(reading->user, payload, is_last);
  else if (payload)
    tt_reply_message(reading->reply, payload, class, reading->group);
}

/* Send the collected elements inside `name`. */
static void send_body(struct tt_reading *reading, const char *name, bool is_last)
{
  bool is_x = reading->dialect->vocabulary == TT_VOCABULARY_X;
  struct tt_buf buf = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  open_root(&w, reading->dialect, name, reading->id);
  tt_write_attr_bool(&w, "done", is_x && is_last);
  tt_write_attr_bool(&w, "more", !is_x && !is_last);
  tt_write_raw(&w, reading->body.data, reading->body.len);
  tt_write_close(&w);
  tt_buf_truncate(&reading->body, 0);
  reading->is_continued = !is_last;

  char *payload = tt_buf_steal(&buf);
  if (!reading->is_answered) {
    reading->is_answered = true; /* N: the values are at hand before anything was said */
    tt_reply_result(reading->reply, payload, 0);
  } else {
    send_message(reading, payload, is_last ? reading->last : TT_OUT_READING, is_last);
  }
}

void tt_reading_started(struct tt_reading *reading)
{
  send_message(reading, single(reading->dialect, "started", reading->id, NULL), TT_OUT_ANSWER, false);
}

void tt_reading_flush(struct tt_reading *reading)
{
  if (reading->body.len > 0)
    send_body(reading, tt_word(reading->dialect, TT_WORD_FIELDS), false);
}

/* ---- Fields -------------------------------------------------------------------------------------------- */

static uint64_t stamp_ms(const struct tt_field *field)
{
  return field->stamp_us / TT_USEC_PER_MSEC;
}

static int by_stamp(const void *a, const void *b)
{
  const struct tt_field *x = *(const struct tt_field *const *)a, *y = *(const struct tt_field *const *)b;
  uint64_t i = stamp_ms(x), j = stamp_ms(y);
  if (i != j)
    return i < j ? -1 : 1;
  return x < y ? -1 : x > y; /* the order of the mapping, in which they lie in the node */
}

static unsigned quality(const struct tt_field *field)
{
  const unsigned kinds = TT_QOS_MISSING | TT_QOS_IN_PROGRESS | TT_QOS_AUTOMATIC_ESTIMATE | TT_QOS_MANUAL_ESTIMATE |
                         TT_QOS_MANUAL_READOUT | TT_QOS_AUTOMATIC_READOUT;
  unsigned kind = field->is_retained ? TT_QOS_AUTOMATIC_ESTIMATE : TT_QOS_AUTOMATIC_READOUT;
  return field->qos & kinds ? field->qos : field->qos | kind;
}

static void write_field(struct tt_reading *reading, struct tt_writer *w, const struct tt_field *field)
{
  const struct tt_dialect *dialect = reading->dialect;
  enum tt_type type = field->value.type;
  bool has_unit = tt_dialect_field_has_unit(dialect, type, field->unit);
  tt_buf_truncate(&reading->text, 0);
  tt_value_print(&field->value, &reading->text);

  tt_write_open(w, tt_dialect_field_element(dialect, type, has_unit), NULL);
  tt_word_attr(w, dialect, TT_WORD_NAME, field->name);
  tt_dialect_write_flags(w, dialect, field->categories, quality(field));
  tt_write_attr_bool(w, tt_word(dialect, TT_WORD_WRITABLE), field->is_writable);
  tt_word_attr(w, dialect, TT_WORD_VALUE, reading->text.data ? reading->text.data : "");
  if (has_unit)
    tt_word_attr(w, dialect, TT_WORD_UNIT, field->unit);
  if (type == TT_TYPE_ENUM)
    tt_word_attr(w, dialect, TT_WORD_ENUM_TYPE, field->name); /* a point's enumeration has no other name */
  tt_write_close(w);
}

static void open_node(struct tt_writer *w, const struct tt_dialect *dialect, const struct tt_node *node)
{
  tt_write_open(w, tt_word(dialect, TT_WORD_NODE), NULL);
  tt_dialect_write_ref(w, dialect, node->key, node->source, node->partition);
}

static void open_time(struct tt_writer *w, const struct tt_dialect *dialect, uint64_t wall_us)
{
  char text[TT_DATETIME_SIZE];
  tt_write_open(w, tt_word(dialect, TT_WORD_TIMESTAMP), NULL);
  tt_word_attr(w, dialect, TT_WORD_TIME_VALUE, tt_datetime_print(text, wall_us));
}

/* Write as many of the fields, sorted by time, as one stanza still holds; returns how many. */
static size_t write_some(struct tt_reading *reading, const struct tt_node *node,
                         const struct tt_field *const fields[], size_t n)
{
  size_t start = reading->body.len, i = 0;
  struct tt_writer w;
  tt_write_init(&w, &reading->body);
  open_node(&w, reading->dialect, node);
  for (; i < n; i++) {
    struct tt_writer_mark mark = tt_write_mark(&w);
    if (i == 0 || stamp_ms(fields[i]) != stamp_ms(fields[i - 1])) {
      if (i > 0)
        tt_write_close(&w);
      open_time(&w, reading->dialect, fields[i]->stamp_us);
    }
    write_field(reading, &w, fields[i]);
    if (w.failed || tt_write_size(&w) > reading->room) {
      tt_write_rewind(&w, mark);
      break;
    }
  }
  if (i == 0) {
    tt_buf_truncate(&reading->body, start);
    return 0;
  }
  while (w.depth > 0)
    tt_write_close(&w);
  return i;
}

void tt_reading_fields(struct tt_reading *reading, const struct tt_node *node,
                       const struct tt_field *const fields[], size_t n)
{
  TT_AUTOFREE const struct tt_field **sorted = malloc((n ? n : 1) * sizeof(*sorted));
  if (!sorted) {
    tt_reading_failed(reading, node, node->key, n ? fields[0]->stamp_us : 0, TT_TR("Out of memory."));
    return;
  }
  size_t n_sorted = 0;
  for (size_t i = 0; i < n; i++)
    if (fields[i]->value.type != TT_TYPE_NONE)
      sorted[n_sorted++] = fields[i];
  qsort(sorted, n_sorted, sizeof(*sorted), by_stamp);
  size_t i = 0;
  while (i < n_sorted) {
    size_t written = write_some(reading, node, sorted + i, n_sorted - i);
    i += written;
    if (i == n_sorted)
      break;
    if (reading->body.len > 0) {
      tt_reading_flush(reading);
    } else {
      char text[TT_FAILURE_TEXT_MAX];
      snprintf(text, sizeof(text), tt_tr(language_of(reading), "%s: the value does not fit into one stanza."),
               sorted[i]->name);
      tt_reading_failed(reading, node, node->key, sorted[i]->stamp_us, text);
      i++;
    }
  }
}

/* ---- Failures and the end ------------------------------------------------------------------------------ */

void tt_reading_failed(struct tt_reading *reading, const struct tt_node *node, const char *key, uint64_t wall_us,
                       const char *text)
{
  struct tt_failure *failure = calloc(1, sizeof(*failure));
  if (!failure)
    return;
  text = tt_tr(language_of(reading), text ? text : tt_refusal_text(TT_REFUSED_DEVICE));
  failure->wall_us = wall_us;
  failure->key = strdup(key);
  failure->source = strdup(node ? node->source : "");
  failure->partition = strdup(node ? node->partition : "");
  failure->text = tt_text_clean(text, strlen(text), TT_FAILURE_TEXT_MAX);
  if (!failure->key || !failure->source || !failure->partition || !failure->text) {
    failure_free(failure);
    return;
  }
  DL_APPEND(reading->failures, failure);
}

static void write_failure(struct tt_writer *w, const struct tt_dialect *dialect, const struct tt_failure *failure)
{
  if (dialect->vocabulary == TT_VOCABULARY_X) {
    char stamp[TT_DATETIME_SIZE];
    tt_write_open(w, "error", NULL);
    tt_dialect_write_ref(w, dialect, failure->key, failure->source, failure->partition);
    tt_write_attr(w, "timestamp", tt_datetime_print(stamp, failure->wall_us));
    tt_write_text(w, failure->text);
    tt_write_close(w);
  } else {
    tt_write_open(w, tt_word(dialect, TT_WORD_NODE), NULL);
    tt_dialect_write_ref(w, dialect, failure->key, failure->source, failure->partition);
    open_time(w, dialect, failure->wall_us);
    tt_write_element(w, "err", failure->text);
    tt_write_close(w);
    tt_write_close(w);
  }
}

static void write_failures(struct tt_reading *reading, const char *root)
{
  const struct tt_failure *failure;
  DL_FOREACH(reading->failures, failure) {
    for (;;) {
      size_t start = reading->body.len;
      struct tt_writer w;
      tt_write_init(&w, &reading->body);
      write_failure(&w, reading->dialect, failure);
      if (reading->body.len <= reading->room || start == 0)
        break;
      tt_buf_truncate(&reading->body, start);
      send_body(reading, root, false);
    }
  }
}

void tt_reading_done(struct tt_reading *reading)
{
  const struct tt_dialect *dialect = reading->dialect;
  const char *root = tt_word(dialect, TT_WORD_FIELDS);
  if (reading->failures) {
    if (dialect->vocabulary == TT_VOCABULARY_X) {
      tt_reading_flush(reading);
      root = "failure";
    }
    write_failures(reading, root);
  }
  if (dialect->vocabulary == TT_VOCABULARY_N && reading->body.len == 0 && reading->is_continued)
    send_message(reading, single(dialect, "done", reading->id, NULL), TT_OUT_ANSWER, true);
  else
    send_body(reading, root, true);
  reading->is_continued = false; /* of a subscription: the next event begins anew */
  forget_failures(reading);
}
