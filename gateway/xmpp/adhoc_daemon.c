/* SPDX-License-Identifier: Apache-2.0
 * adhoc_daemon.c: status (how the gateway fares) and log (what was said last, and who did what). */
#include "adhoc_admin.h"

#include "service/log.h"
#include "text/text.h"
#include "trust/audit.h"

#include <stdio.h>

#define FIELD_SIZE   100  /* bytes of a field, beside what stands in it */
#define ANSWER_SIZE  8192 /* and of all that stands around the fields, addresses too */
#define TROUBLES_MAX 20   /* devices that are not well, by name; the counts count all */

static const struct tt_adhoc_admin *admin_of(const struct tt_adhoc_session *session)
{
  return tt_adhoc_user(session);
}

/* ---- status ---------------------------------------------------------------------------------------------------------- */

struct status {
  struct tt_dataform *form;
  const char *language;
  size_t n_sessions, n_connections, n_rooms, n_troubles;
};

/* States are words that are translated where they are shown. */
static const char *state_word(const char *state)
{
  static const char *const words[][2] = {{"online", TT_TR("online")},
                                         {"offline", TT_TR("offline")},
                                         {"unknown", TT_TR("unknown")},
                                         {"disabled", TT_TR("disabled")}};
  for (size_t i = 0; i < TT_COUNT(words); i++)
    if (!strcmp(words[i][0], state))
      return words[i][1];
  return state;
}

static void on_session(void *user, const struct tt_status_session *session)
{
  struct status *status = user;
  struct tt_buf line TT_AUTOBUF = TT_BUF(0);
  char var[32], label[64], time[32];
  snprintf(var, sizeof(var), "xmpp%zu", ++status->n_sessions);
  snprintf(label, sizeof(label), "XMPP: %s", session->kind);
  tt_buf_puts(&line, tt_tr(status->language, session->is_online ? "online" : "offline"));
  if (session->text)
    tt_buf_printf(&line, " (%s)", session->text);
  tt_buf_printf(&line, ", %s", session->jid);
  if (session->since_us) {
    tt_buf_puts(&line, ", ");
    tt_buf_printf(&line, tt_tr(status->language, "since %s"), tt_adhoc_time(time, session->since_us));
  }
  tt_dataform_line(status->form, var, label, line.data);
}

static void on_connection(void *user, const struct tt_status_connection *connection)
{
  struct status *status = user;
  struct tt_buf line TT_AUTOBUF = TT_BUF(0);
  char var[32];
  if (status->n_connections == TT_ADMIN_LINES_MAX)
    return;
  snprintf(var, sizeof(var), "connection%zu", ++status->n_connections);
  tt_buf_puts(&line, tt_tr(status->language, state_word(connection->state)));
  if (connection->text)
    tt_buf_printf(&line, " (%s)", connection->text);
  tt_buf_puts(&line, "; ");
  tt_buf_printf(&line, tt_tr_n(status->language, "%zu device", "%zu devices", connection->devices),
                connection->devices);
  if (connection->errors > 0) {
    tt_buf_puts(&line, "; ");
    tt_buf_printf(&line, tt_tr(status->language, "failed requests: %llu"), (unsigned long long)connection->errors);
  }
  tt_dataform_line(status->form, var, connection->name, line.data);
}

static void on_room(void *user, const struct tt_status_room *room)
{
  struct status *status = user;
  struct tt_buf line TT_AUTOBUF = TT_BUF(0);
  char var[32];
  snprintf(var, sizeof(var), "room%zu", ++status->n_rooms);
  tt_buf_puts(&line, tt_tr(status->language, room->is_in ? TT_TR("in the room") : TT_TR("not in the room")));
  if (room->text)
    tt_buf_printf(&line, " (%s)", room->text);
  tt_dataform_line(status->form, var, room->jid, line.data);
}

static void on_file(TT_UNUSED void *user, TT_UNUSED const char *path)
{
} /* too many for a form */

static void on_count(void *user, const char *name, uint64_t value)
{
  struct status *status = user;
  char text[32];
  snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
  if (value > 0)
    tt_dataform_line(status->form, name, name, text);
}

static void on_trouble(void *user, const struct tt_node *node)
{
  struct status *status = user;
  char var[32];
  const char *text = node->n_messages > 0 ? tt_tr(status->language, node->messages[0].text)
                                          : tt_node_state_name(tt_node_state(node));
  if (status->n_troubles == TROUBLES_MAX)
    return;
  snprintf(var, sizeof(var), "trouble%zu", ++status->n_troubles);
  tt_dataform_line(status->form, var, node->key, text);
}

static void status_show(struct tt_adhoc_session *session)
{
  const struct tt_adhoc_admin *admin = admin_of(session);
  const char *language = tt_adhoc_language(session);
  struct tt_core *core = tt_adhoc_core(session);
  struct status status = {.language = language};
  struct tt_buf note TT_AUTOBUF = TT_BUF(0);
  char uptime[32];
  uint64_t up_s = (tt_core_now(core).mono_us - admin->started_us) / TT_USEC_PER_SEC;
  status.form = tt_adhoc_result(session, tt_tr(language, "Status"));
  tt_dataform_line(status.form, "version", tt_tr(language, "Version"), TT_VERSION);
  snprintf(uptime, sizeof(uptime), "%llud %lluh %llumin", (unsigned long long)(up_s / 86400),
           (unsigned long long)(up_s / 3600 % 24), (unsigned long long)(up_s / 60 % 60));
  tt_dataform_line(status.form, "uptime", tt_tr(language, "Running for"), uptime);
  admin->status.tell(admin->status.user, &(struct tt_status_sink){.user = &status,
                                                                  .session = on_session,
                                                                  .connection = on_connection,
                                                                  .room = on_room,
                                                                  .file = on_file,
                                                                  .count = on_count});
  struct tt_device_counts counts = tt_count_devices(core, tt_adhoc_caller(session), on_trouble, &status);
  tt_buf_printf(&note, tt_tr_n(language, "%zu device", "%zu devices", counts.total), counts.total);
  tt_buf_printf(&note, tt_tr(language, ": %zu well, %zu with warnings, %zu with errors, %zu disabled."),
                counts.of[TT_HEALTH_OK], counts.of[TT_HEALTH_WARNING], counts.of[TT_HEALTH_ERROR],
                counts.of[TT_HEALTH_DISABLED]);
  tt_dataform_line(status.form, "devices", tt_tr(language, "Devices"), note.data);
  tt_adhoc_done(session, TT_ADHOC_INFO, note.data);
}

/* ---- log ------------------------------------------------------------------------------------------------------------- */

static const struct {
  const char *name;
  size_t n;
} lengths[] = {{"20", 20}, {"50", 50}, {"100", TT_ADMIN_LINES_MAX}};

static void log_show(struct tt_adhoc_session *session)
{
  const char *language = tt_adhoc_language(session);
  struct tt_dataform *form = tt_adhoc_form(session, tt_tr(language, "Log"), NULL);
  tt_dataform_open_list(form,
                        &(struct tt_dataform_field){
                            .type = TT_FIELD_LIST, .var = "what", .label = tt_tr(language, "Log"), .value = "log"});
  tt_dataform_option(form, "log", tt_tr(language, "what the gateway said"));
  tt_dataform_option(form, "audit", tt_tr(language, "who did what"));
  tt_dataform_close_list(form);
  tt_dataform_open_list(form, &(struct tt_dataform_field){.type = TT_FIELD_LIST,
                                                          .var = "lines",
                                                          .label = tt_tr(language, "Newest lines"),
                                                          .value = lengths[0].name});
  for (size_t i = 0; i < TT_COUNT(lengths); i++)
    tt_dataform_option(form, lengths[i].name, NULL);
  tt_dataform_close_list(form);
  tt_adhoc_ask(session, TT_ADHOC_COMPLETE);
}

/* The newest lines that fit, oldest first. */
struct lines {
  char *texts[TT_ADMIN_LINES_MAX], *labels[TT_ADMIN_LINES_MAX];
  size_t n, wanted, bytes;
};

/* As it is written. */
static size_t size_of(const char *text)
{
  size_t n = 0;
  for (; *text; text++)
    n += strchr("<>&\"'", *text) ? strlen("&quot;") : 1;
  return n;
}

static void drop_oldest(struct lines *lines)
{
  lines->bytes -= size_of(lines->texts[0]) + size_of(lines->labels[0]) + FIELD_SIZE;
  free(lines->texts[0]);
  free(lines->labels[0]);
  lines->n--;
  memmove(lines->texts, lines->texts + 1, lines->n * sizeof(*lines->texts));
  memmove(lines->labels, lines->labels + 1, lines->n * sizeof(*lines->labels));
}

static void add_line(struct lines *lines, const char *label, const char *text, size_t n)
{
  if (lines->n == lines->wanted)
    drop_oldest(lines);
  char *copy = strndup(text, n), *name = strdup(label);
  if (!copy || !name) {
    free(copy);
    free(name);
    return;
  }
  lines->texts[lines->n] = copy;
  lines->labels[lines->n++] = name;
  lines->bytes += size_of(copy) + size_of(name) + FIELD_SIZE;
}

static void on_line(void *user, uint64_t wall_us, enum tt_log_level level, const char *text)
{
  char label[64], time[32];
  snprintf(label, sizeof(label), "%s%s", tt_adhoc_time(time, wall_us),
           level == TT_LOG_ERROR     ? " error"
           : level == TT_LOG_WARNING ? " warning"
                                     : "");
  add_line(user, label, text, strlen(text));
}

static void read_audit(const struct tt_audit *audit, struct lines *lines)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  if (tt_audit_tail(audit, lines->wanted, &text) < 0)
    return;
  for (const char *p = text.data; p && *p;) {
    size_t n = strcspn(p, "\n");
    add_line(lines, "", p, n);
    p += n + (p[n] == '\n');
  }
}

static void log_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                     TT_UNUSED enum tt_adhoc_action action)
{
  const char *language = tt_adhoc_language(session), *what = tt_dataform_value(form, "what"),
             *length = tt_dataform_value(form, "lines");
  struct lines lines = {.wanted = lengths[0].n};
  struct tt_buf note TT_AUTOBUF = TT_BUF(0);
  size_t room = tt_router_config(tt_adhoc_router(tt_adhoc_of(session)))->stanza_max;
  for (size_t i = 0; length && i < TT_COUNT(lengths); i++)
    if (!strcmp(lengths[i].name, length))
      lines.wanted = lengths[i].n;
  if (!what || (strcmp(what, "log") != 0 && strcmp(what, "audit") != 0)) {
    tt_adhoc_bad_payload(session, NULL);
    return;
  }
  if (!strcmp(what, "audit"))
    read_audit(admin_of(session)->audit, &lines);
  else
    tt_log_last(on_line, &lines);
  while (lines.n > 0 && lines.bytes + ANSWER_SIZE > room)
    drop_oldest(&lines);
  struct tt_dataform *result = tt_adhoc_result(session, tt_tr(language, "Log"));
  for (size_t i = 0; i < lines.n; i++) {
    char var[32];
    snprintf(var, sizeof(var), "line%zu", i + 1);
    tt_dataform_line(result, var, *lines.labels[i] ? lines.labels[i] : var, lines.texts[i]);
  }
  tt_buf_printf(&note, tt_tr_n(language, "%zu line.", "%zu lines.", lines.n), lines.n);
  while (lines.n > 0)
    drop_oldest(&lines);
  tt_adhoc_done(session, TT_ADHOC_INFO, note.data);
}

/* ---- Rows ------------------------------------------------------------------------------------------------------------ */

static const struct tt_adhoc_stage status_stages[] = {{status_show, NULL}}, log_stages[] = {{log_show, log_take}};
const struct tt_adhoc_command tt_adhoc_daemon_rows[2] = {
    {.node = "status",
     .title = TT_TR("Status"),
     .role = TT_ROLE_ADMIN,
     .at = TT_ADHOC_AT_GATEWAY,
     .is_offered = tt_adhoc_is_admin,
     .stages = status_stages,
     .n_stages = TT_COUNT(status_stages)},
    {.node = "log",
     .title = TT_TR("Log"),
     .role = TT_ROLE_ADMIN,
     .at = TT_ADHOC_AT_GATEWAY,
     .is_offered = tt_adhoc_is_admin,
     .stages = log_stages,
     .n_stages = TT_COUNT(log_stages)},
};
