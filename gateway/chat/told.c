/* SPDX-License-Identifier: Apache-2.0
 * told.c: told.h. */
#include "told.h"

#include "letters.h"

#include "model/human.h"
#include "text/text.h"

static void put_field(struct tt_buf *out, const struct tt_node *node, uint16_t point, struct tt_now now,
                      const char *language)
{
  struct tt_buf name TT_AUTOBUF = TT_BUF(0), value TT_AUTOBUF = TT_BUF(0);
  tt_human_name(&name, &node->points[point], language);
  tt_human_field(&value, node, point, now, language);
  tt_chat_put(out, name.data ? name.data : "");
  tt_buf_puts(out, ": ");
  tt_chat_put(out, value.data ? value.data : "");
}

void tt_chat_put_told(struct tt_buf *out, const struct tt_node *node, const struct tt_field *const fields[],
                      size_t n, struct tt_now now, const char *language)
{
  tt_chat_put_bold(out, tt_node_label(node, language));
  for (size_t i = 0; i < n && i < TT_CHAT_TOLD_MAX; i++) {
    tt_buf_puts(out, n == 1 ? " " : "\n");
    put_field(out, node, (uint16_t)(fields[i] - node->fields), now, language);
  }
  if (n > TT_CHAT_TOLD_MAX) {
    tt_buf_putc(out, '\n');
    tt_buf_printf(out, tt_tr(language, TT_TR("... %zu more\n")), n - TT_CHAT_TOLD_MAX);
  }
}

void tt_chat_put_silent(struct tt_buf *out, const struct tt_node *node, const char *key, const char *why,
                        const char *language)
{
  struct tt_buf name TT_AUTOBUF = TT_BUF(0), reason TT_AUTOBUF = TT_BUF(0);
  tt_chat_put(&name, node ? tt_node_label(node, language) : key);
  tt_chat_put(&reason, tt_tr(language, why));
  tt_buf_printf(out, tt_tr(language, TT_TR("*%s* does not answer: %s")), name.data ? name.data : "?",
                reason.data ? reason.data : "");
}
