/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_read.c: reading a thing by ad-hoc command. At the address of a thing that is one step: execute, and there are the
 * values. Each value is a field of its own, for clients show those.
 */
#include "adhoc_choose.h"
#include "adhoc_commands.h"
#include "adhoc_private.h"

#include "model/human.h"
#include "model/readout.h"
#include "text/text.h"

#define NOTE_VALUES 8 /* that are in the note, too */

enum stage { CHOOSE, READ };

struct reading {
  struct tt_adhoc_wish wish;
  struct tt_core *core;
  tt_id readout, node;
  struct tt_adhoc_wait *wait;
  bool *is_there; /* n_points of the node: what the device has given */
  size_t n_points;
  struct tt_buf failures;
};

static void finish(void *state)
{
  struct reading *reading = state;
  if (reading->readout)
    tt_readout_cancel(reading->core, reading->readout);
  if (reading->wait)
    tt_adhoc_resume(reading->wait);
  free(reading->wish.field);
  free(reading->is_there);
  tt_buf_finish(&reading->failures);
}

/* ---- Which ------------------------------------------------------------------------------------------------------ */

static void choose_show(struct tt_adhoc_session *session)
{
  const char *language = tt_adhoc_language(session);
  const struct reading *reading = tt_adhoc_state(session);
  tt_adhoc_show_wish(session, tt_tr(language, "Read values"), NULL, &reading->wish, READ);
}

static void choose_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                        TT_UNUSED enum tt_adhoc_action action)
{
  struct reading *reading = tt_adhoc_state(session);
  tt_adhoc_take_wish(session, form, &reading->wish, READ);
}

/* ---- The readout ------------------------------------------------------------------------------------------------- */

static struct tt_adhoc_session *resume(struct reading *reading)
{
  struct tt_adhoc_wait *wait = TT_STEAL(reading->wait);
  reading->readout = 0;
  return tt_adhoc_resume(wait);
}

static void on_refused(void *user, enum tt_refusal refusal, const char *text, TT_UNUSED const struct tt_ref *ref)
{
  struct reading *reading = user;
  tt_adhoc_refuse(resume(reading), refusal, text);
}

static void on_accepted(TT_UNUSED void *user, TT_UNUSED bool is_queued)
{
}

static void on_started(TT_UNUSED void *user)
{
}

static void on_fields(void *user, const struct tt_node *node, const struct tt_field *const fields[], size_t n)
{
  struct reading *reading = user;
  uint16_t point;
  if (!reading->is_there) {
    reading->is_there = calloc(node->n_points + 1, sizeof(*reading->is_there));
    reading->n_points = reading->is_there ? node->n_points : 0;
  }
  for (size_t i = 0; i < n; i++)
    if (tt_node_point(node, fields[i]->name, &point) == 0 && point < reading->n_points)
      reading->is_there[point] = true;
}

static void on_failed(void *user, TT_UNUSED const struct tt_node *node, TT_UNUSED const char *key,
                      TT_UNUSED uint64_t wall_us, const char *text)
{
  struct reading *reading = user;
  if (reading->failures.len)
    tt_buf_puts(&reading->failures, "; ");
  tt_buf_puts(&reading->failures, text);
}

/* "Hall climate: temperature 21.5 °C, humidity 40 %" for few, how many there are for many. */
static void put_note(struct tt_buf *out, const struct reading *reading, const struct tt_node *node, size_t n,
                     struct tt_now now, const char *language)
{
  size_t shown = 0;
  tt_buf_printf(out, "%s: ", tt_node_label(node, language));
  if (n > NOTE_VALUES)
    tt_buf_printf(out, tt_tr_n(language, "%zu value", "%zu values", n), n);
  for (uint16_t i = 0; n <= NOTE_VALUES && i < reading->n_points; i++) {
    if (!reading->is_there[i])
      continue;
    tt_buf_puts(out, shown++ ? ", " : "");
    tt_human_name(out, &node->points[i], language);
    tt_buf_putc(out, ' ');
    tt_human_field(out, node, i, now, language);
  }
  if (reading->failures.len)
    tt_buf_printf(out, "%s%s", n ? "; " : "", reading->failures.data);
  else if (n == 0)
    tt_buf_puts(out, tt_tr(language, "no value"));
}

/* A line per value, as many as have room. */
static size_t write_values(struct tt_dataform *form, const struct tt_adhoc_session *session,
                           const struct reading *reading, const struct tt_node *node, struct tt_now now,
                           const char *language)
{
  size_t n = 0;
  for (uint16_t i = 0; i < reading->n_points; i++) {
    if (!reading->is_there[i])
      continue;
    struct tt_buf label TT_AUTOBUF = TT_BUF(0), value TT_AUTOBUF = TT_BUF(0);
    struct tt_writer_mark mark = tt_write_mark(&form->w);
    tt_human_name(&label, &node->points[i], language);
    tt_human_field(&value, node, i, now, language);
    tt_dataform_line(form, node->points[i].name, label.data, value.data ? value.data : "");
    n++;
    if (!form->w.failed && tt_write_size(&form->w) <= session->room / 4 * 3)
      continue;
    tt_write_rewind(&form->w, mark);
    tt_dataform_line(form, "more", tt_tr(language, "More"),
                     tt_tr(language, "There are more values than have room here; name the one you want."));
    break;
  }
  return n;
}

static void on_done(void *user)
{
  struct reading *reading = user;
  struct tt_adhoc_session *session = resume(reading);
  const char *language = tt_adhoc_language(session);
  const struct tt_now now = tt_core_now(reading->core);
  const struct tt_node *node = tt_adhoc_node(session);
  if (!node || node->id != reading->node) {
    tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
    return;
  }
  struct tt_dataform *form = tt_adhoc_result(session, tt_node_label(node, language));
  size_t n = write_values(form, session, reading, node, now, language);
  struct tt_buf note TT_AUTOBUF = TT_BUF(0);
  put_note(&note, reading, node, n, now, language);
  if (reading->failures.len || n == 0)
    tt_dataform_line(form, "failed", tt_tr(language, "Not read"),
                     reading->failures.len ? reading->failures.data : tt_tr(language, "no value"));
  enum tt_adhoc_note type = n == 0 ? TT_ADHOC_ERROR : reading->failures.len ? TT_ADHOC_WARN : TT_ADHOC_INFO;
  tt_adhoc_done(session, type, note.data ? note.data : "");
}

static void read_show(struct tt_adhoc_session *session)
{
  static const struct tt_read_sink sink = {.refused = on_refused,
                                           .accepted = on_accepted,
                                           .started = on_started,
                                           .fields = on_fields,
                                           .failed = on_failed,
                                           .done = on_done};
  struct reading *reading = tt_adhoc_state(session);
  const struct tt_node *node = tt_adhoc_node(session);
  if (!node) {
    tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
    return;
  }
  const char *field =
      reading->wish.field ? tt_adhoc_field_name(node, reading->wish.field, tt_adhoc_language(session)) : NULL;
  if (reading->wish.field && !field) {
    tt_adhoc_back(session, tt_tr(tt_adhoc_language(session), "There is no such value."));
    return;
  }
  reading->wait = tt_adhoc_wait(session);
  if (!reading->wait) {
    tt_adhoc_refuse(session, TT_REFUSED_BUSY, NULL);
    return;
  }
  free(TT_STEAL(reading->is_there));
  reading->n_points = 0;
  tt_buf_truncate(&reading->failures, 0);
  reading->core = tt_adhoc_core(session);
  reading->node = node->id;
  const struct tt_ref ref = {node->key, node->source, node->partition};
  const struct tt_read_request request = {
      .caller = tt_adhoc_caller(session), .refs = &ref, .n_refs = 1, .fields = &field, .n_fields = field ? 1 : 0};
  tt_id readout = tt_readout_start(reading->core, &request, &sink, reading);
  if (readout) /* else it has ended, and the session with it */
    reading->readout = readout;
}

static const struct tt_adhoc_stage stages[] = {
    [CHOOSE] = {choose_show, choose_take},
    [READ] = {read_show, NULL},
};

static const struct tt_adhoc_command rows[] = {
    {.node = "read",
     .title = TT_TR("Read values"),
     .role = TT_ROLE_READER,
     .at = TT_ADHOC_AT_GATEWAY | TT_ADHOC_AT_THING,
     .is_offered = tt_adhoc_is_readable_here,
     .stages = stages,
     .n_stages = TT_COUNT(stages),
     .state_size = sizeof(struct reading),
     .finish = finish},
};

int tt_adhoc_read_add(struct tt_adhoc *adhoc)
{
  return tt_adhoc_add(adhoc, rows, TT_COUNT(rows), NULL);
}
