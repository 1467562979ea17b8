/* SPDX-License-Identifier: Apache-2.0
 *
 * session.h: what the gateway remembers of a conversation: where the person is, the last numbered list, the language they spoke
 * last. Bounded in number and in time. Pure: the clock is passed in. Main thread.
 */
#pragma once

#include <thingtree/util.h>

#define TT_CHAT_SESSIONS_MAX 1000 /* the least recently used makes room */
#define TT_CHAT_IDLE_US      (UINT64_C(20) * 60 * TT_USEC_PER_SEC)
#define TT_CHAT_LIST_MAX     25 /* lines of a numbered list */
#define TT_CHAT_LANGUAGE_MAX 35 /* RFC 5646 section 4.4.1 */

struct tt_chat_session {
  tt_id place; /* 0: the root */
  tt_id list[TT_CHAT_LIST_MAX];
  size_t n_list;
  char language[TT_CHAT_LANGUAGE_MAX + 1];
};

struct tt_chat_sessions;
struct tt_chat_sessions *tt_chat_sessions_create(void);
void tt_chat_sessions_destroy(struct tt_chat_sessions *sessions);
/* That of a conversation, a new one when there is none or it was idle for too long. Good until the next call. NULL: out of
 * memory. */
struct tt_chat_session *tt_chat_sessions_get(struct tt_chat_sessions *sessions, const char *conversation,
                                             uint64_t mono_us);
size_t tt_chat_sessions_count(const struct tt_chat_sessions *sessions);
