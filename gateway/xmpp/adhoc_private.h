/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_private.h: what adhoc.c (who is asked what: requests, sessions), adhoc_stage.c (what stages do: forms, answers,
 * waiting) and adhoc_disco.c share.
 */
#pragma once

#include "adhoc.h"

#include <thingtree/util.h>

#define TT_ADHOC_ID_SIZE     33 /* 128 random bits in hexadecimal and NUL */
#define TT_ADHOC_EXPIRED_MAX 64 /* ids that are remembered, to say of them that they have expired */

struct tt_adhoc_table {
  const struct tt_adhoc_command *rows;
  size_t n;
  void *user;
};

/* Where a session is, or was. */
struct tt_adhoc_spot {
  unsigned stage;
  tt_id at;
};

struct tt_adhoc_session {
  struct tt_adhoc_session *prev, *next;
  struct tt_adhoc *adhoc;
  const struct tt_adhoc_command *command;
  void *user, *state;
  char id[TT_ADHOC_ID_SIZE];
  char *jid, *bare, *local; /* whose it is, and which address was asked: nobody else's */
  struct tt_session *via;
  uint64_t used_us; /* monotonic */
  struct tt_adhoc_spot spot, history[TT_ADHOC_DEPTH_MAX];
  size_t n_history;
  bool is_gone;     /* its owner has gone while a stage was at it: ends with the answer */
  bool is_asked;    /* the form of `spot` is with the caller */
  unsigned actions; /* that were offered with it */
  /* The request that is being answered; NULL: it is the caller's turn. */
  struct tt_reply *reply;
  tt_id thing;
  size_t room; /* bytes of the payload that answers */
  char *complaint;
  struct tt_buf buf; /* of the form */
  struct tt_dataform form;
  bool has_form;
};

struct tt_adhoc_wait {
  struct tt_adhoc_wait *prev, *next;
  struct tt_adhoc *adhoc;
  struct tt_adhoc_session *session; /* NULL: it has gone */
};

struct tt_adhoc {
  struct tt_router *router;
  struct tt_adhoc *self; /* what the row points at */
  struct tt_iq_handler rows[1];
  struct tt_adhoc_table tables[TT_ADHOC_TABLES_MAX];
  size_t n_tables;
  struct tt_adhoc_session *sessions; /* least recently used first */
  size_t n_sessions;
  struct tt_adhoc_wait *waits;
  size_t n_waits;
  struct tt_adhoc_may *mays;
  size_t n_mays;
  char expired[TT_ADHOC_EXPIRED_MAX][TT_ADHOC_ID_SIZE];
  size_t next_expired;
};

/* adhoc.c */
void tt_adhoc_session_free(struct tt_adhoc_session *session);
const struct tt_adhoc_command *tt_adhoc_find(const struct tt_adhoc *adhoc, const char *node, void **ret_user);
/* Is the command for this asker, at this address? */
bool tt_adhoc_is_offered(const struct tt_adhoc_asker *asker, const struct tt_adhoc_command *command, void *user);

/* adhoc_stage.c: enter a stage (nothing is remembered to go back to); answer that it was cancelled. */
void tt_adhoc_show(struct tt_adhoc_session *session);
void tt_adhoc_cancelled(struct tt_adhoc_session *session, struct tt_reply *reply);

/* adhoc_may.c */
void tt_adhoc_mays_drop(struct tt_adhoc *adhoc);

/* adhoc_disco.c */
int tt_adhoc_disco_add(struct tt_adhoc *adhoc);
