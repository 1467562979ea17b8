/* SPDX-License-Identifier: Apache-2.0
 *
 * reading.h: one readout as stanzas: collects what the devices give, splits it by size, node and time, and knows in
 * which element each vocabulary says that it begins, goes on, fails and ends. Owned by whoever reads: sensor.c, events.c, publish.c.
 */
#pragma once

#include "dialect.h"

#include "model/readout.h"

#define TT_FAILURE_TEXT_MAX 512 /* bytes of one failure's text */

struct tt_failure; /* kept until the end: slixmpp ends a request at the first failure it sees */

struct tt_reading {
  const struct tt_dialect *dialect; /* borrowed */
  struct tt_reply *reply;           /* borrowed */
  const char *id;                   /* borrowed */
  uint64_t group;
  size_t room;        /* bytes of the collected elements in one stanza */
  struct tt_buf body; /* whole node elements that wait to be sent */
  struct tt_buf text; /* scratch: one printed value */
  struct tt_failure *failures;
  enum tt_out_class last; /* class of the last stanza; those before are readings */
  bool is_answered;       /* the iq has its result or error */
  bool is_continued;      /* the stanza before said that more comes */
  /* Takes what would be sent as a message, and owns it; NULL: the reply does. */
  void (*emit)(void *user, char *payload, bool is_last);
  void *user;
};

void tt_reading_init(struct tt_reading *reading, const struct tt_dialect *dialect, struct tt_reply *reply,
                     const char *id, uint64_t group, size_t room);
/* Nobody asked: everything goes to `emit`. */
void tt_reading_init_emit(struct tt_reading *reading, const struct tt_dialect *dialect, const char *id, size_t room,
                          void (*emit)(void *user, char *payload, bool is_last), void *user);
void tt_reading_finish(struct tt_reading *reading);

/* Answers to the iq. */
void tt_reading_refuse(struct tt_reading *reading, enum tt_refusal refusal, const char *text);
void tt_reading_accept(struct tt_reading *reading, bool is_queued);
/* What follows, as the sink of the core is called (readout.h). */
void tt_reading_started(struct tt_reading *reading);
void tt_reading_fields(struct tt_reading *reading, const struct tt_node *node,
                       const struct tt_field *const fields[], size_t n);
void tt_reading_failed(struct tt_reading *reading, const struct tt_node *node, const char *key, uint64_t wall_us,
                       const char *text);
void tt_reading_done(struct tt_reading *reading);
/* Send what was collected; more may come. */
void tt_reading_flush(struct tt_reading *reading);

/* Payloads that stand alone; on the heap, NULL: none, or out of memory. `id` may be NULL for the first. */
char *tt_reading_accepted(const struct tt_dialect *dialect, const char *id);
char *tt_reading_rejected(const struct tt_dialect *dialect, const char *id, const char *language, const char *text);
char *tt_reading_empty(const struct tt_dialect *dialect, const char *id);
char *tt_reading_cancelled(const struct tt_dialect *dialect, const char *id);
