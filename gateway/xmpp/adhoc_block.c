/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_block.c: who is not heard any more, by ad-hoc command: block, report, hear again. What that means is in trust/blocks and
 * block.c.
 */
#include "adhoc_admin.h"

#include "text/text.h"
#include "trust/blocking.h"

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

static void show(struct tt_adhoc_session *session)
{
  const char *language = tt_adhoc_language(session);
  struct tt_buf blocked TT_AUTOBUF = TT_BUF(0);
  if (!blocks_of(session)) {
    tt_adhoc_refuse(session, TT_REFUSED_NOT_SUPPORTED, NULL);
    return;
  }
  tt_blocking_list(&blocked, blocks_of(session), language);
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
  const struct tt_adhoc_admin *admin = tt_adhoc_user(session);
  const struct tt_blocking blocking = {
      .who = who, .is_removal = deeds[deed].is_removal, .reason = deeds[deed].reason, .text = text};
  struct tt_buf said TT_AUTOBUF = TT_BUF(0);
  int r = tt_blocking_do(blocks_of(session), admin->audit, tt_core_now(tt_adhoc_core(session)),
                         tt_adhoc_caller(session), &blocking);
  tt_blocking_tell(&said, &blocking, r, language);
  const char *note = said.data ? said.data : "";
  if (r < 0) {
    tt_adhoc_again(session, note);
    return;
  }
  struct tt_buf blocked TT_AUTOBUF = TT_BUF(0);
  tt_blocking_list(&blocked, blocks_of(session), language);
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
