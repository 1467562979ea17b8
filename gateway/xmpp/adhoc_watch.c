/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_watch.c: watching a thing by ad-hoc command: its values come as chat messages (watch.h), from the address that was
 * asked. At the address of a thing both commands are one step.
 */
#include "adhoc_choose.h"
#include "adhoc_commands.h"
#include "adhoc_private.h"
#include "watch.h"

#include "model/human.h"
#include "text/text.h"

#include <stdio.h>

#define ALL "all"

enum watch_stage { CHOOSE, START };

struct watching {
  struct tt_adhoc_wish wish;
  struct tt_watches *watches;
  struct tt_adhoc_wait *wait;
};

static void finish(void *state)
{
  struct watching *watching = state;
  if (watching->wait) {
    tt_watch_forget(watching->watches, watching);
    tt_adhoc_resume(watching->wait);
  }
  free(watching->wish.field);
}

/* ---- watch -------------------------------------------------------------------------------------------------------- */

static void choose_show(struct tt_adhoc_session *session)
{
  const char *language = tt_adhoc_language(session);
  const struct watching *watching = tt_adhoc_state(session);
  tt_adhoc_show_wish(session, tt_tr(language, "Watch"),
                     tt_tr(language, "Values that change will come as messages."), &watching->wish, START);
}

static void choose_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                        TT_UNUSED enum tt_adhoc_action action)
{
  struct watching *watching = tt_adhoc_state(session);
  tt_adhoc_take_wish(session, form, &watching->wish, START);
}

static void on_started(void *user, enum tt_refusal refusal, const char *text, TT_UNUSED unsigned number)
{
  struct watching *watching = user;
  struct tt_adhoc_session *session = tt_adhoc_resume(TT_STEAL(watching->wait));
  if (refusal == TT_OK)
    tt_adhoc_done(session, TT_ADHOC_INFO, text);
  else
    tt_adhoc_refuse(session, refusal, text);
}

static void start_show(struct tt_adhoc_session *session)
{
  struct watching *watching = tt_adhoc_state(session);
  const struct tt_node *node = tt_adhoc_node(session);
  if (!node) {
    tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
    return;
  }
  const char *field =
      watching->wish.field ? tt_adhoc_field_name(node, watching->wish.field, tt_adhoc_language(session)) : NULL;
  if (watching->wish.field && !field) {
    tt_adhoc_back(session, tt_tr(tt_adhoc_language(session), "There is no such value."));
    return;
  }
  watching->watches = tt_adhoc_user(session);
  watching->wait = tt_adhoc_wait(session);
  if (!watching->wait) {
    tt_adhoc_refuse(session, TT_REFUSED_BUSY, NULL);
    return;
  }
  const struct tt_watch_address address = {.session = tt_adhoc_session(session),
                                           .caller = tt_adhoc_caller(session)};
  const struct tt_ref ref = {node->key, node->source, node->partition};
  tt_watch_start(watching->watches, &address, &ref, &field, field ? 1 : 0, on_started, watching);
}

/* ---- unwatch ------------------------------------------------------------------------------------------------------ */

/* "House › Hall: temperature, humidity" */
static void put_row(struct tt_buf *out, struct tt_adhoc_session *session, const struct tt_watch_row *row)
{
  const struct tt_node *node = tt_tree_get(tt_core_tree(tt_adhoc_core(session)), row->node);
  tt_adhoc_node_path(out, node, tt_adhoc_language(session));
  for (size_t i = 0; i < row->n_fields; i++)
    tt_buf_printf(out, "%s%s", i ? ", " : ": ", row->fields[i]);
}

static void stopped(struct tt_adhoc_session *session, size_t n)
{
  const char *language = tt_adhoc_language(session);
  struct tt_buf note TT_AUTOBUF = TT_BUF(0);
  if (n == 0)
    tt_buf_puts(&note, tt_tr(language, "You watch nothing here."));
  else
    tt_buf_printf(&note, tt_tr_n(language, "%zu watch has ended.", "%zu watches have ended.", n), n);
  tt_adhoc_done(session, TT_ADHOC_INFO, note.data ? note.data : "");
}

static void unwatch_show(struct tt_adhoc_session *session)
{
  struct tt_watches *watches = tt_adhoc_user(session);
  const struct tt_node *thing = tt_adhoc_thing(session);
  const char *language = tt_adhoc_language(session);
  struct tt_watch_row rows[TT_WATCHES_PER_BARE];
  if (thing) {
    stopped(session, tt_watch_stop_node(watches, session->bare, thing->id));
    return;
  }
  size_t n = tt_watch_list(watches, session->bare, rows, TT_COUNT(rows));
  n = n < TT_COUNT(rows) ? n : TT_COUNT(rows);
  if (n == 0) {
    stopped(session, 0);
    return;
  }
  char number[16];
  struct tt_dataform *form = tt_adhoc_form(session, tt_tr(language, "Do not watch any more"), NULL);
  snprintf(number, sizeof(number), "%u", rows[0].number);
  tt_dataform_open_list(form, &(struct tt_dataform_field){.type = TT_FIELD_LIST,
                                                          .var = "watch",
                                                          .label = tt_tr(language, "Watch"),
                                                          .value = number,
                                                          .is_required = true});
  for (size_t i = 0; i < n; i++) {
    struct tt_buf label TT_AUTOBUF = TT_BUF(0);
    put_row(&label, session, &rows[i]);
    snprintf(number, sizeof(number), "%u", rows[i].number);
    tt_dataform_option(form, number, label.data);
  }
  tt_dataform_option(form, ALL, tt_tr(language, "all of them"));
  tt_dataform_close_list(form);
  tt_adhoc_ask(session, TT_ADHOC_COMPLETE);
}

static void unwatch_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                         TT_UNUSED enum tt_adhoc_action action)
{
  struct tt_watches *watches = tt_adhoc_user(session);
  const char *text = tt_dataform_value(form, "watch");
  int64_t number = 0;
  if (text && !strcmp(text, ALL))
    stopped(session, tt_watch_stop_node(watches, session->bare, 0));
  else if (text && tt_int64_parse(text, &number) == 0 && number > 0 && number <= TT_WATCHES_PER_BARE &&
           tt_watch_stop(watches, session->bare, (unsigned)number) == 0)
    stopped(session, 1);
  else
    tt_adhoc_again(session, tt_tr(tt_adhoc_language(session), tt_adhoc_choose_something));
}

/* ---- Rows ---------------------------------------------------------------------------------------------------------- */

static const struct tt_adhoc_stage watch_stages[] = {
    [CHOOSE] = {choose_show, choose_take},
    [START] = {start_show, NULL},
};
static const struct tt_adhoc_stage unwatch_stages[] = {{unwatch_show, unwatch_take}};

static const struct tt_adhoc_command rows[] = {
    {.node = "watch",
     .title = TT_TR("Watch"),
     .role = TT_ROLE_READER,
     .at = TT_ADHOC_AT_GATEWAY | TT_ADHOC_AT_THING,
     .is_offered = tt_adhoc_is_readable_here,
     .stages = watch_stages,
     .n_stages = TT_COUNT(watch_stages),
     .state_size = sizeof(struct watching),
     .finish = finish},
    {.node = "unwatch",
     .title = TT_TR("Do not watch any more"),
     .role = TT_ROLE_READER,
     .at = TT_ADHOC_AT_GATEWAY | TT_ADHOC_AT_THING,
     .is_offered = tt_adhoc_is_readable_here,
     .stages = unwatch_stages,
     .n_stages = TT_COUNT(unwatch_stages)},
};

int tt_adhoc_watch_add(struct tt_adhoc *adhoc, struct tt_watches *watches)
{
  return tt_adhoc_add(adhoc, rows, TT_COUNT(rows), watches);
}
