/* SPDX-License-Identifier: Apache-2.0
 * block.c: whom nobody is to hear. For admins of the gateway; others are answered as when they ask for its log. */
#include "chat_private.h"

#include "trust/blocking.h"

#include <strings.h>

static void forbid(struct tt_chat_request *request)
{
  tt_core_refused(request->chat->core, request->caller, TT_ACCESS_ADMIN, "");
  tt_chat_answer_refusal(request, TT_REFUSED_FORBIDDEN);
}

/* `blocking` NULL: who is blocked. */
static void decide(struct tt_chat_request *request, const struct tt_blocking *blocking)
{
  const struct tt_chat_hooks *hooks = &request->chat->hooks;
  struct tt_buf said TT_AUTOBUF = TT_BUF(TT_CHAT_ANSWER_MAX);
  enum tt_refusal refusal = hooks->block(hooks->user, request->caller, blocking, &said);
  if (refusal == TT_REFUSED_FORBIDDEN) {
    forbid(request);
    return;
  }
  if (said.len > 0) {
    tt_chat_tidy(said.data); /* an address of whom one blocks can have anything in it */
    tt_buf_puts(&request->out, said.data);
  }
  if (!blocking) {
    tt_buf_putc(&request->out, '\n');
    tt_buf_puts(&request->out,
                TT_CHAT_TR(request, TT_TR("`block ADDRESS`, `unblock ADDRESS`, `report ADDRESS spam`")));
  }
  tt_chat_answer(request, blocking && refusal == TT_OK);
}

/* The address, as clients may have pasted it, and what follows it. */
static bool take_address(struct tt_chat_request *request, struct tt_blocking *blocking, const char **ret_rest)
{
  static const char scheme[] = "xmpp:";
  const char *text = request->command.target;
  if (!strncasecmp(text, scheme, strlen(scheme)))
    text += strlen(scheme);
  size_t n = strcspn(text, " ");
  blocking->who = tt_arena_strndup(request->arena, text, n);
  *ret_rest = text + n + strspn(text + n, " ");
  return blocking->who && *blocking->who;
}

/* "spam", "abuse bought everything": false: neither. */
static bool take_reason(struct tt_chat_request *request, struct tt_blocking *blocking, const char *text)
{
  static const struct {
    const char *word;
    enum tt_block_reason reason;
  } reasons[] = {{TT_TR("spam"), TT_BLOCK_SPAM}, {TT_TR("abuse"), TT_BLOCK_ABUSE}};
  size_t n = strcspn(text, " ");
  const char *word = tt_arena_strndup(request->arena, text, n);
  for (size_t i = 0; word && i < TT_COUNT(reasons); i++)
    if (tt_chat_is_word(word, reasons[i].word)) {
      text += n + strspn(text + n, " ");
      blocking->reason = reasons[i].reason;
      blocking->text = *text ? text : NULL;
      return true;
    }
  return false;
}

void tt_chat_do_block(struct tt_chat_request *request)
{
  const struct tt_chat *chat = request->chat;
  enum tt_chat_verb verb = request->command.verb;
  struct tt_blocking blocking = {.is_removal = verb == TT_CHAT_UNBLOCK};
  const char *rest = "";
  bool is_list = *request->command.target == '\0' || !take_address(request, &blocking, &rest);
  bool has_reason = take_reason(request, &blocking, rest);
  if (tt_core_role(chat->core, request->caller) != TT_ROLE_ADMIN)
    forbid(request);
  else if (!chat->hooks.block)
    tt_chat_answer_refusal(request, TT_REFUSED_NOT_SUPPORTED);
  else if (is_list)
    decide(request, NULL);
  else if (verb == TT_CHAT_REPORT && !has_reason)
    tt_chat_answer_text(request, TT_TR("Say why: `report ADDRESS spam`, or `abuse`, and what you like to add."));
  else if (*rest && (!has_reason || verb == TT_CHAT_UNBLOCK))
    tt_chat_answer_text(request, TT_TR("One address at a time, please; a reason belongs to `report`."));
  else
    decide(request, &blocking);
}
