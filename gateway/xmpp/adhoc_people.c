/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_people.c: requests (who asked to be let in) and access-rules (who may do what). Rules of the configuration are
 * shown, and changed there.
 */
#include "adhoc_admin.h"

#include "text/text.h"
#include "trust/admission.h"
#include "trust/audit.h"

#include <stdio.h>

static const struct tt_adhoc_admin *admin_of(const struct tt_adhoc_session *session)
{
  return tt_adhoc_user(session);
}

static struct tt_access *access_of(const struct tt_adhoc_session *session)
{
  return tt_router_config(tt_adhoc_router(tt_adhoc_of(session)))->access;
}

/* ---- Words ---------------------------------------------------------------------------------------------------------- */

static const struct {
  enum tt_role role;
  const char *label;
} roles[] = {
    {TT_ROLE_READER, TT_TR("reader: sees and reads")},
    {TT_ROLE_OPERATOR, TT_TR("operator: reads and controls")},
    {TT_ROLE_ADMIN, TT_TR("admin: all, and decides about others")},
};

static void put_roles(struct tt_dataform *form, const char *language)
{
  for (size_t i = 0; i < TT_COUNT(roles); i++)
    tt_dataform_option(form, tt_role_name(roles[i].role), tt_tr(language, roles[i].label));
}

static void put_nodes_field(struct tt_dataform *form, const char *language)
{
  tt_dataform_field(form, &(struct tt_dataform_field){
                              .type = TT_FIELD_TEXT,
                              .var = "nodes",
                              .label = tt_tr(language, "Nodes"),
                              .value = "",
                              .description = tt_tr(language, "A pattern, as house/**. Empty: everything.")});
}

static void put_texts(struct tt_buf *out, const char *label, const struct tt_texts *texts)
{
  for (size_t i = 0; i < texts->n; i++)
    tt_buf_printf(out, "%s%s", i ? ", " : label, texts->text[i]);
}

static void put_rule(struct tt_buf *out, const struct tt_access_rule *entry, const char *language)
{
  const struct tt_rule *rule = entry->rule;
  tt_buf_puts(out, tt_role_name(rule->role));
  put_texts(out, tt_tr(language, "; nodes: "), &rule->nodes);
  put_texts(out, tt_tr(language, "; fields: "), &rule->fields);
  put_texts(out, tt_tr(language, "; parameters: "), &rule->parameters);
  tt_buf_puts(out, "; ");
  if (entry->is_accepted)
    tt_buf_puts(out, tt_tr(language, "accepted"));
  else
    tt_buf_printf(out, tt_tr(language, "configured in %s:%u"), rule->mark.file ? rule->mark.file : "",
                  rule->mark.line);
}

/* ---- A decision: written down, done, told ------------------------------------------------------------------------ */

static const char *const sentences[] = {[TT_DECISION_ACCEPT] = TT_TR("%s is let in."),
                                        [TT_DECISION_DENY] = TT_TR("%s is turned away."),
                                        [TT_DECISION_REVOKE] = TT_TR("%s has no accepted rule any more.")};

static void put_failure(struct tt_buf *out, int r, const char *who, const char *language)
{
  if (r == -EINVAL)
    tt_buf_printf(out, tt_tr(language, "\"%.128s\" is no address, or that is no pattern."), who);
  else if (r == -ENOENT)
    tt_buf_printf(out, tt_tr(language, "There is nothing to decide about %.128s."), who);
  else if (r == -ENOSPC)
    tt_buf_puts(out, tt_tr(language, "There are too many rules already."));
  else
    tt_buf_printf(out, tt_tr(language, "The rule could not be written: %s"), strerror(-r));
}

/* The caller may be the one who loses the right: then the answer is the last that they get. */
static void decide(struct tt_adhoc_session *session, const char *title, enum tt_decision decision, const char *who,
                   enum tt_role role, const char *nodes)
{
  const char *language = tt_adhoc_language(session);
  const struct tt_adhoc_admin *admin = admin_of(session);
  struct tt_now now = tt_core_now(tt_adhoc_core(session));
  const char *role_name = decision == TT_DECISION_ACCEPT ? tt_role_name(role) : NULL;
  struct tt_buf note TT_AUTOBUF = TT_BUF(0);
  nodes = nodes && *nodes ? nodes : NULL;
  const struct tt_admission admission = {.decision = decision, .who = who, .role = role, .nodes = nodes};
  int r = tt_admission_do(access_of(session), admin->audit, now, tt_adhoc_caller(session), &admission);
  if (r < 0) {
    put_failure(&note, r, who, language);
    tt_adhoc_again(session, note.data);
    return;
  }
  struct tt_dataform *form = tt_adhoc_result(session, title);
  tt_dataform_line(form, "who", tt_tr(language, "Who"), who);
  if (role_name)
    tt_dataform_line(form, "role", tt_tr(language, "Role"), role_name);
  if (role_name)
    tt_dataform_line(form, "nodes", tt_tr(language, "Nodes"), nodes ? nodes : tt_tr(language, "all nodes"));
  tt_buf_printf(&note, tt_tr(language, sentences[decision]), who);
  tt_adhoc_done(session, TT_ADHOC_INFO, note.data);
}

/* ---- requests -------------------------------------------------------------------------------------------------------- */

static void put_request(struct tt_dataform *form, const struct tt_request *request, const char *language)
{
  struct tt_buf label TT_AUTOBUF = TT_BUF(0);
  char time[32];
  tt_buf_printf(&label, tt_tr(language, "%s, asked %s at %s"), request->bare, request->via,
                tt_adhoc_time(time, request->stamp_us));
  tt_dataform_option(form, request->bare, label.data);
}

static void requests_show(struct tt_adhoc_session *session)
{
  const char *language = tt_adhoc_language(session);
  struct tt_request pending[TT_REQUESTS_MAX];
  size_t n = tt_access_requests(access_of(session), pending, TT_COUNT(pending));
  if (n == 0) {
    tt_adhoc_done(session, TT_ADHOC_INFO, tt_tr(language, "Nobody is waiting."));
    return;
  }
  struct tt_dataform *form =
      tt_adhoc_form(session, tt_tr(language, "Requests"),
                    tt_tr(language, "These want to be let in. Nobody has checked who they are."));
  tt_dataform_open_list(form, &(struct tt_dataform_field){.type = TT_FIELD_LIST,
                                                          .var = "who",
                                                          .label = tt_tr(language, "Who"),
                                                          .value = pending[0].bare,
                                                          .is_required = true});
  for (size_t i = 0; i < n; i++)
    put_request(form, &pending[i], language);
  tt_dataform_close_list(form);
  tt_dataform_open_list(
      form, &(struct tt_dataform_field){
                .type = TT_FIELD_LIST, .var = "decision", .label = tt_tr(language, "Decision"), .value = "later"});
  tt_dataform_option(form, "later", tt_tr(language, "decide later"));
  put_roles(form, language);
  tt_dataform_option(form, "deny", tt_tr(language, "turn away"));
  tt_dataform_close_list(form);
  put_nodes_field(form, language);
  tt_adhoc_ask(session, TT_ADHOC_COMPLETE);
}

static void requests_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                          TT_UNUSED enum tt_adhoc_action action)
{
  const char *language = tt_adhoc_language(session), *title = tt_tr(language, "Requests");
  const char *who = tt_dataform_value(form, "who"), *decision = tt_dataform_value(form, "decision");
  struct tt_request pending[TT_REQUESTS_MAX];
  size_t n = tt_access_requests(access_of(session), pending, TT_COUNT(pending)), i = 0;
  enum tt_role role = TT_ROLE_NONE;
  while (who && i < n && strcmp(pending[i].bare, who) != 0)
    i++;
  if (!who || !decision)
    tt_adhoc_bad_payload(session, NULL);
  else if (i == n) /* somebody else has decided, or it was pushed out */
    tt_adhoc_again(session, tt_tr(language, "That request is not there any more."));
  else if (!strcmp(decision, "later"))
    tt_adhoc_done(session, TT_ADHOC_INFO, tt_tr(language, "Nothing was decided."));
  else if (!strcmp(decision, "deny"))
    decide(session, title, TT_DECISION_DENY, who, TT_ROLE_NONE, NULL);
  else if (tt_role_parse(decision, &role) < 0 || role == TT_ROLE_NONE)
    tt_adhoc_bad_payload(session, NULL);
  else
    decide(session, title, TT_DECISION_ACCEPT, who, role, tt_dataform_value(form, "nodes"));
}

/* ---- access-rules ---------------------------------------------------------------------------------------------------- */

enum { RULES_MENU, RULES_ADD, RULES_REVOKE };

static size_t rules_of(struct tt_adhoc_session *session, struct tt_access_rule **ret)
{
  *ret = calloc(TT_RULES_MAX, sizeof(**ret));
  return *ret ? tt_access_rules(access_of(session), *ret, TT_RULES_MAX) : 0;
}

static void menu_show(struct tt_adhoc_session *session)
{
  const char *language = tt_adhoc_language(session);
  struct tt_dataform *form =
      tt_adhoc_form(session, tt_tr(language, "Access rules"), tt_tr(language, "Who may do what."));
  tt_dataform_open_list(
      form, &(struct tt_dataform_field){
                .type = TT_FIELD_LIST, .var = "do", .label = tt_tr(language, "What to do"), .value = "list"});
  tt_dataform_option(form, "list", tt_tr(language, "show the rules"));
  tt_dataform_option(form, "add", tt_tr(language, "let somebody in"));
  tt_dataform_option(form, "revoke", tt_tr(language, "take back what was accepted"));
  tt_dataform_close_list(form);
  tt_adhoc_ask(session, TT_ADHOC_NEXT);
}

static void list_rules(struct tt_adhoc_session *session)
{
  const char *language = tt_adhoc_language(session);
  struct tt_access_rule *rules TT_AUTOFREE = NULL;
  size_t n = rules_of(session, &rules);
  struct tt_buf note TT_AUTOBUF = TT_BUF(0);
  struct tt_dataform *form = tt_adhoc_result(session, tt_tr(language, "Access rules"));
  for (size_t i = 0; i < n && i < TT_ADMIN_LINES_MAX; i++) {
    struct tt_buf line TT_AUTOBUF = TT_BUF(0);
    char var[32];
    put_rule(&line, &rules[i], language);
    snprintf(var, sizeof(var), "rule%zu", i + 1);
    tt_dataform_line(form, var, rules[i].rule->who, line.data);
  }
  tt_buf_printf(
      &note,
      tt_tr_n(language, "%zu rule; the first that fits decides.", "%zu rules; the first that fits decides.", n), n);
  tt_adhoc_done(session, TT_ADHOC_INFO, note.data);
}

static void menu_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                      TT_UNUSED enum tt_adhoc_action action)
{
  const char *what = tt_dataform_value(form, "do");
  if (what && !strcmp(what, "list"))
    list_rules(session);
  else if (what && !strcmp(what, "add"))
    tt_adhoc_go(session, RULES_ADD, 0);
  else if (what && !strcmp(what, "revoke"))
    tt_adhoc_go(session, RULES_REVOKE, 0);
  else
    tt_adhoc_bad_payload(session, NULL);
}

static void rule_show(struct tt_adhoc_session *session)
{
  const char *language = tt_adhoc_language(session);
  struct tt_dataform *form = tt_adhoc_form(session, tt_tr(language, "Let somebody in"), NULL);
  tt_dataform_field(form, &(struct tt_dataform_field){
                              .type = TT_FIELD_TEXT,
                              .var = "who",
                              .label = tt_tr(language, "Who"),
                              .description = tt_tr(language, "An address, or @ and a domain: all of its accounts."),
                              .is_required = true});
  tt_dataform_open_list(form, &(struct tt_dataform_field){.type = TT_FIELD_LIST,
                                                          .var = "role",
                                                          .label = tt_tr(language, "Role"),
                                                          .value = tt_role_name(TT_ROLE_READER)});
  put_roles(form, language);
  tt_dataform_close_list(form);
  put_nodes_field(form, language);
  tt_adhoc_ask(session, TT_ADHOC_COMPLETE);
}

static void rule_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                      TT_UNUSED enum tt_adhoc_action action)
{
  const char *who = tt_dataform_value(form, "who"), *name = tt_dataform_value(form, "role");
  enum tt_role role = TT_ROLE_NONE;
  if (!who || !name || tt_role_parse(name, &role) < 0 || role == TT_ROLE_NONE)
    tt_adhoc_bad_payload(session, NULL);
  else
    decide(session, tt_tr(tt_adhoc_language(session), "Let somebody in"), TT_DECISION_ACCEPT, who, role,
           tt_dataform_value(form, "nodes"));
}

static void revoke_show(struct tt_adhoc_session *session)
{
  const char *language = tt_adhoc_language(session), *first = NULL;
  struct tt_access_rule *rules TT_AUTOFREE = NULL;
  size_t n = rules_of(session, &rules), n_shown = 0;
  for (size_t i = n; i-- > 0;)
    first = rules[i].is_accepted ? rules[i].rule->who : first;
  if (!first) {
    tt_adhoc_done(session, TT_ADHOC_INFO,
                  tt_tr(language, "There are no accepted rules; those of the configuration are changed there."));
    return;
  }
  struct tt_dataform *form =
      tt_adhoc_form(session, tt_tr(language, "Take back what was accepted"),
                    tt_tr(language, "All accepted rules of the one you choose are taken back."));
  tt_dataform_open_list(form, &(struct tt_dataform_field){.type = TT_FIELD_LIST,
                                                          .var = "who",
                                                          .label = tt_tr(language, "Who"),
                                                          .value = first,
                                                          .is_required = true});
  for (size_t i = 0; i < n && n_shown < TT_ADMIN_LIST_MAX; i++) {
    struct tt_buf line TT_AUTOBUF = TT_BUF(0);
    bool is_new = rules[i].is_accepted;
    for (size_t k = 0; k < i && is_new; k++)
      is_new = !rules[k].is_accepted || strcmp(rules[k].rule->who, rules[i].rule->who) != 0;
    if (!is_new)
      continue;
    tt_buf_printf(&line, "%s: ", rules[i].rule->who);
    put_rule(&line, &rules[i], language);
    tt_dataform_option(form, rules[i].rule->who, line.data);
    n_shown++;
  }
  tt_dataform_close_list(form);
  tt_adhoc_ask(session, TT_ADHOC_COMPLETE);
}

static void revoke_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                        TT_UNUSED enum tt_adhoc_action action)
{
  const char *who = tt_dataform_value(form, "who");
  if (!who)
    tt_adhoc_bad_payload(session, NULL);
  else
    decide(session, tt_tr(tt_adhoc_language(session), "Take back what was accepted"), TT_DECISION_REVOKE, who,
           TT_ROLE_NONE, NULL);
}

/* ---- Rows ------------------------------------------------------------------------------------------------------------ */

static const struct tt_adhoc_stage requests_stages[] = {{requests_show, requests_take}},
                                   rules_stages[] = {[RULES_MENU] = {menu_show, menu_take},
                                                     [RULES_ADD] = {rule_show, rule_take},
                                                     [RULES_REVOKE] = {revoke_show, revoke_take}};
const struct tt_adhoc_command tt_adhoc_people_rows[2] = {
    {.node = "requests",
     .title = TT_TR("Requests"),
     .role = TT_ROLE_ADMIN,
     .at = TT_ADHOC_AT_GATEWAY,
     .is_offered = tt_adhoc_is_admin,
     .stages = requests_stages,
     .n_stages = TT_COUNT(requests_stages)},
    {.node = "access-rules",
     .title = TT_TR("Access rules"),
     .role = TT_ROLE_ADMIN,
     .at = TT_ADHOC_AT_GATEWAY,
     .is_offered = tt_adhoc_is_admin,
     .stages = rules_stages,
     .n_stages = TT_COUNT(rules_stages)},
};
