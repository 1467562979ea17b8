/* SPDX-License-Identifier: Apache-2.0
 * session.c: session.h. A hash for those who come back, a list in order of use for those who do not. */
#include "session.h"

#include <uthash.h>
#include <utlist.h>

struct entry {
  UT_hash_handle hh;
  struct entry *prev, *next; /* least recently used first */
  uint64_t used_us;
  struct tt_chat_session session;
  char conversation[];
};

struct tt_chat_sessions {
  struct entry *by_name, *by_use;
};

struct tt_chat_sessions *tt_chat_sessions_create(void)
{
  return calloc(1, sizeof(struct tt_chat_sessions));
}

static void drop(struct tt_chat_sessions *sessions, struct entry *entry)
{
  HASH_DEL(sessions->by_name, entry);
  DL_DELETE(sessions->by_use, entry);
  free(entry);
}

void tt_chat_sessions_destroy(struct tt_chat_sessions *sessions)
{
  if (!sessions)
    return;
  while (sessions->by_use)
    drop(sessions, sessions->by_use);
  free(sessions);
}

size_t tt_chat_sessions_count(const struct tt_chat_sessions *sessions)
{
  return HASH_COUNT(sessions->by_name);
}

struct tt_chat_session *tt_chat_sessions_get(struct tt_chat_sessions *sessions, const char *conversation,
                                             uint64_t mono_us)
{
  struct entry *entry;
  while (sessions->by_use && sessions->by_use->used_us + TT_CHAT_IDLE_US <= mono_us)
    drop(sessions, sessions->by_use);
  HASH_FIND_STR(sessions->by_name, conversation, entry);
  if (entry) {
    DL_DELETE(sessions->by_use, entry);
  } else {
    if (HASH_COUNT(sessions->by_name) >= TT_CHAT_SESSIONS_MAX)
      drop(sessions, sessions->by_use);
    size_t n = strlen(conversation) + 1;
    entry = calloc(1, sizeof(*entry) + n);
    if (!entry)
      return NULL;
    memcpy(entry->conversation, conversation, n);
    HASH_ADD_STR(sessions->by_name, conversation, entry);
  }
  entry->used_us = mono_us;
  DL_APPEND(sessions->by_use, entry);
  return &entry->session;
}
