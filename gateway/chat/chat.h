/* SPDX-License-Identifier: Apache-2.0
 *
 * chat.h: the gateway in a conversation, for people who have nothing but chat. A line of text in, one text out, at once or when
 * the devices have answered. Knows nothing of XMPP. A reader of the model like all others: what the caller may not see does not
 * exist, also in guesses and lists. Answers are made for a phone: one value a line, plain text with the emphasis of XEP-0393.
 * Main thread only.
 */
#pragma once

#include "model/core.h"

#define TT_CHAT_OPEN_PER_PERSON 8    /* lines of one bare JID that are not answered yet */
#define TT_CHAT_OPEN_MAX        256  /* of everybody */
#define TT_CHAT_LINES_MAX       40   /* of one answer, about */
#define TT_CHAT_ANSWER_MAX      8192 /* bytes of one answer */
#define TT_CHAT_NODES_MAX       20   /* read at once */
#define TT_CHAT_GUESSES_MAX     2000 /* nodes looked at for "did you mean" */
#define TT_CHAT_LOG_LINES       10

struct tt_blocking;
struct tt_chat;

/* One watch of the caller. */
struct tt_chat_watch {
  unsigned number;
  tt_id node;
  const char *const *fields; /* none: all */
  size_t n_fields;
};

/* What the language needs from others. Each may be NULL: then it says that it cannot. `origin` is that of the line. */
struct tt_chat_hooks {
  void *user;
  /* Calls fn once, perhaps from within, with a sentence in the caller's language. `fn_user` may have gone when
   * watch_forget() was called with it. */
  void (*watch)(void *user, const void *origin, const struct tt_caller *caller, const struct tt_ref *node,
                const char *const fields[], size_t n_fields,
                void (*fn)(void *fn_user, enum tt_refusal refusal, const char *text, unsigned number),
                void *fn_user);
  void (*watch_forget)(void *user, const void *fn_user);
  /* The watches of the caller by number, at most `room`; returns how many. Borrowed until the next call. */
  size_t (*watches)(void *user, const struct tt_caller *caller, struct tt_chat_watch rows[], size_t room);
  int (*unwatch)(void *user, const struct tt_caller *caller, unsigned number); /* -ENOENT */
  /* The last `n` lines, appended. The caller is an admin of something; false: not of what the lines are about. */
  bool (*log)(void *user, const struct tt_caller *caller, size_t n, struct tt_buf *out);
  /* Somebody is not to be heard any more, or again (trust/blocking.h); NULL: who is not? Appends a sentence in the caller's
   * language. The caller is an admin of something. TT_OK: it was done; FORBIDDEN: not of this, nothing is appended; others: why not
   * is in the sentence. */
  enum tt_refusal (*block)(void *user, const struct tt_caller *caller, const struct tt_blocking *blocking,
                           struct tt_buf *out);
};

/* `core` is borrowed. To be destroyed when it turns no more: what it still waits for is then forgotten. */
int tt_chat_create(struct tt_core *core, const struct tt_chat_hooks *hooks, struct tt_chat **ret);
void tt_chat_destroy(struct tt_chat *chat); /* NULL is fine */

struct tt_chat_line {
  const struct tt_caller *caller; /* language "": that of the person's last line */
  const char
      *conversation; /* what is remembered belongs to it; NULL: the caller's bare JID and the address asked */
  const char *text;
  tt_id thing;        /* a chat with this thing: always the place; 0: a chat with the gateway */
  const void *origin; /* handed to the hooks, within tt_chat_say() only */
};

struct tt_chat_answer {
  const char *text;     /* NULL: there is nothing to say */
  const char *language; /* of the text; "" */
  bool has_acted;       /* something was changed, or may have been: never to be done again unasked */
};
/* Called once for each line that is not forgotten. Valid during the call. */
typedef void (*tt_chat_fn)(void *user, const struct tt_chat_answer *answer);

/* Returns the number of the line while it is open, 0 when it has been answered already. */
tt_id tt_chat_say(struct tt_chat *chat, const struct tt_chat_line *line, tt_chat_fn fn, void *user);
/* Nobody waits for the answer any more. A command that was given is carried out all the same; a reading ends. A stale number is
 * fine. */
void tt_chat_forget(struct tt_chat *chat, tt_id line);
/* Could this line still change something? Also after tt_chat_forget() until it is done. */
bool tt_chat_is_acting(const struct tt_chat *chat, tt_id line);
