/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_block.c: who is not heard any more, by ad-hoc command: block, report, hear again. What that means is in trust/blocks and
 * block.c.
 */
#include "adhoc_admin.h"

#include "text/text.h"
#include "trust/audit.h"
#include "trust/blocks.h"

#include <stdio.h>

/* What can be done; the first is chosen when nothing is said. */
static const struct {
  const char *value, *label;
  bool is_removal;
  enum tt_block_reason reason;
} deeds[] = {
    {"block", TT_TR("block"), false, TT_BLOCK_NO_REPORT},
    {"spam", TT_TR("block, and report as spam"), false, TT_BLOCK_SPAM},
    {"abuse", TT_TR("block, and report as abuse"), false, TT_BLOCK_ABUSE},
    {"unblock", TT_TR("hear again"), true, TT_BLOCK_NO_REPORT},
};

static struct tt_blocks *blocks_of(const struct tt_adhoc_session *session)
{
  return tt_router_config(tt_adhoc_router(tt_adhoc_of(session)))->blocks;
}

/* Who is blocked now, as the instructions of the form. */
static void put_blocked(struct tt_buf *out, const struct tt_blocks *blocks, const char *language)
{
  size_t n;
  const struct tt_block *list = tt_blocks_list(blocks, &n);
  tt_buf_puts(out, n == 0 ? tt_tr(language, "Nobody is blocked.") : tt_tr(language, "Blocked: "));
  for (size_t i = 0; i < n && i < TT_ADMIN_LINES_MAX; i++)
    tt_buf_printf(out, "%s%s", i ? ", " : "", list[i].who);
  if (n > TT_ADMIN_LINES_MAX)
    tt_buf_puts(out, ", ...");
}

static void show(struct tt_adhoc_session *session)
{
  const char *language = tt_adhoc_language(session);
  struct tt_buf blocked TT_AUTOBUF = TT_BUF(0);
  if (!blocks_of(session)) {
    tt_adhoc_refuse(session, TT_REFUSED_NOT_SUPPORTED, NULL);
    return;
  }
  put_blocked(&blocked, blocks_of(session), language);
  struct tt_dataform *form = tt_adhoc_form(session, tt_tr(language, "Block"), blocked.data);
  tt_dataform_field(form,
                    &(struct tt_dataform_field){.type = TT_FIELD_TEXT, /* a domain is no JID to some clients */
                                                .var = "who",
                                                .label = tt_tr(language, "Address or domain"),
                                                .is_required = true});
  tt_dataform_open_list(form, &(struct tt_dataform_field){.type = TT_FIELD_LIST,
                                                          .var = "do",
                                                          .label = tt_tr(language, "What to do"),
                                                          .value = deeds[0].value,
                                                          .is_required = true});
  for (size_t i = 0; i < TT_COUNT(deeds); i++)
    tt_dataform_option(form, deeds[i].value, tt_tr(language, deeds[i].label));
  tt_dataform_close_list(form);
  tt_dataform_field(form, &(struct tt_dataform_field){.type = TT_FIELD_TEXT,
                                                      .var = "text",
                                                      .label = tt_tr(language, "Words for the report"),
                                                      .value = ""});
  tt_adhoc_ask(session, TT_ADHOC_COMPLETE);
}

static void complain(struct tt_adhoc_session *session, int r, const char *who)
{
  static const struct {
    int error;
    const char *text;
  } rows[] = {
      {-EINVAL, TT_TR("\"%.128s\" is neither an address nor a domain.")},
      {-ENOENT, TT_TR("%.128s is not blocked.")},
      {-EPERM, TT_TR("%.128s is an admin, or has one; take that rule away first.")},
      {-ENOSPC, TT_TR("%.128s cannot be blocked: there are too many already.")},
  };
  const char *text = TT_TR("%.128s: the list could not be written.");
  char complaint[600];
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    text = rows[i].error == r ? rows[i].text : text;
  snprintf(complaint, sizeof(complaint), tt_tr(tt_adhoc_language(session), text), who);
  tt_adhoc_again(session, complaint);
}

static int decide(struct tt_adhoc_session *session, size_t deed, const char *who, const char *text)
{
  const struct tt_adhoc_admin *admin = tt_adhoc_user(session);
  struct tt_blocks *blocks = blocks_of(session);
  struct tt_now now = tt_core_now(tt_adhoc_core(session));
  const char *kind = deeds[deed].is_removal ? "unblocked" : "blocked";
  /* Written down first: what cannot be is not done. */
  int r = admin->audit ? tt_audit_access(admin->audit, now, tt_adhoc_caller(session), kind, who, NULL, NULL) : 0;
  if (r < 0)
    return r;
  r = deeds[deed].is_removal ? tt_blocks_remove(blocks, who)
                             : tt_blocks_add(blocks, now, who, deeds[deed].reason,
                                             deeds[deed].reason == TT_BLOCK_NO_REPORT ? NULL : text);
  if (r < 0 && admin->audit)
    tt_audit_access(admin->audit, now, tt_adhoc_caller(session), "undone", who, NULL, NULL);
  return r;
}

static void take(struct tt_adhoc_session *session, const struct tt_xml *form, TT_UNUSED enum tt_adhoc_action action)
{
  const char *language = tt_adhoc_language(session), *who = tt_dataform_value(form, "who");
  const char *what = tt_dataform_value(form, "do"), *text = tt_dataform_value(form, "text");
  size_t deed = 0;
  while (what && deed < TT_COUNT(deeds) && strcmp(deeds[deed].value, what) != 0)
    deed++;
  if (!who || !*who || deed == TT_COUNT(deeds)) {
    tt_adhoc_bad_payload(session, NULL);
    return;
  }
  int r = decide(session, deed, who, text);
  if (r < 0) {
    complain(session, r, who);
    return;
  }
  char note[600];
  snprintf(note, sizeof(note),
           deeds[deed].is_removal ? tt_tr(language, "%.128s is heard again.")
                                  : tt_tr(language, "%.128s is blocked: nothing of theirs is heard any more."),
           who);
  struct tt_buf blocked TT_AUTOBUF = TT_BUF(0);
  put_blocked(&blocked, blocks_of(session), language);
  struct tt_dataform *result = tt_adhoc_result(session, tt_tr(language, "Block"));
  tt_dataform_line(result, "done", tt_tr(language, "Done"), note);
  tt_dataform_line(result, "blocked", tt_tr(language, "Now"), blocked.data);
  tt_adhoc_done(session, TT_ADHOC_INFO, note);
}

static const struct tt_adhoc_stage stages[] = {{show, take}};
const struct tt_adhoc_command tt_adhoc_block_rows[1] = {
    {.node = "block",
     .title = TT_TR("Block"),
     .role = TT_ROLE_ADMIN,
     .at = TT_ADHOC_AT_GATEWAY,
     .is_offered = tt_adhoc_is_admin,
     .stages = stages,
     .n_stages = TT_COUNT(stages)},
};
