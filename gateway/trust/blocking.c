/* SPDX-License-Identifier: Apache-2.0
 * blocking.c: blocking.h. */
#include "blocking.h"

#include "text/text.h"

#define WHO_SHOWN_MAX 128 /* bytes; whoever wrote more of a wrong address knows the rest */

int tt_blocking_do(struct tt_blocks *blocks, struct tt_audit *audit, struct tt_now now,
                   const struct tt_caller *caller, const struct tt_blocking *blocking)
{
  const char *text = blocking->reason == TT_BLOCK_NO_REPORT ? NULL : blocking->text;
  if (text && strlen(text) > TT_BLOCK_REPORT_MAX)
    return -E2BIG;
  const char *kind = blocking->is_removal ? "unblocked" : "blocked";
  int r = audit ? tt_audit_access(audit, now, caller, kind, blocking->who, NULL, NULL) : 0;
  if (r < 0)
    return r;
  r = blocking->is_removal ? tt_blocks_remove(blocks, blocking->who)
                           : tt_blocks_add(blocks, now, blocking->who, blocking->reason, text);
  if (r < 0 && audit)
    tt_audit_access(audit, now, caller, "undone", blocking->who, NULL, NULL);
  return r;
}

void tt_blocking_tell(struct tt_buf *out, const struct tt_blocking *blocking, int result, const char *language)
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
  if (result == -E2BIG) {
    tt_buf_printf(out, tt_tr(language, "That is longer than %zu bytes."), (size_t)TT_BLOCK_REPORT_MAX);
    return;
  }
  if (result >= 0)
    text = blocking->is_removal ? TT_TR("%.128s is heard again.")
                                : TT_TR("%.128s is blocked: nothing of theirs is heard any more.");
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    text = rows[i].error == result ? rows[i].text : text;
  TT_AUTOFREE char *who = tt_text_clean(blocking->who, strlen(blocking->who), WHO_SHOWN_MAX);
  tt_buf_printf(out, tt_tr(language, text), who ? who : "?");
}

void tt_blocking_list(struct tt_buf *out, const struct tt_blocks *blocks, const char *language)
{
  size_t n;
  const struct tt_block *list = tt_blocks_list(blocks, &n);
  tt_buf_puts(out, n == 0 ? tt_tr(language, "Nobody is blocked.") : tt_tr(language, "Blocked: "));
  for (size_t i = 0; i < n && i < TT_BLOCKING_SHOWN; i++)
    tt_buf_printf(out, "%s%s", i ? ", " : "", list[i].who);
  if (n > TT_BLOCKING_SHOWN)
    tt_buf_puts(out, ", ...");
}
