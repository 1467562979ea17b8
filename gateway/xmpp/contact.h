/* SPDX-License-Identifier: Apache-2.0
 *
 * contact.h: things as contacts. At a component every node that one may see is `thing@gw.domain`, and who has it in the
 * roster sees by its presence how it is: shown by face.h, out of the cache, of those fields that this person may read. An
 * account is one contact, and says how all of it is.
 *
 * Nobody keeps a roster for a component: who has subscribed to what is kept in <state>/contacts.json. Presence goes to bare
 * addresses, whose server gives it to whoever is there; who is known to be away gets none until they are back. A thing that
 * reports often is told of at a bounded rate, and only when what is shown has changed. Main thread.
 */
#pragma once

#include "router.h"
#include "writer.h"

#define TT_CONTACTS_MAX            5000                   /* subscriptions; the oldest to what is gone makes room */
#define TT_CONTACT_RESOURCES_MAX   8                      /* of one person that are told apart */
#define TT_CONTACT_PRESENCE_MIN_US (10 * TT_USEC_PER_SEC) /* between two presences of one thing to one person */
#define TT_CONTACT_PRESENCE_RATE   50                     /* presences a second, all things together */
#define TT_CONTACT_REVIEW_US       (30 * TT_USEC_PER_SEC) /* values get old, rules change: looked at anew */
#define TT_CONTACTS_FILE_MAX       (32u * 1024 * 1024)    /* bytes */
#define TT_CONTACTS_SAVE_US        (2 * TT_USEC_PER_SEC)  /* after a change: several are written together */

struct tt_contacts;

struct tt_contacts_options {
  const char *state_dir; /* NULL: nothing persists */
  const char *language;  /* of what presence says: nobody knows that of a subscriber; NULL: English */
};
/* A file that cannot be read is logged and begun anew: servers ask for presence again when somebody logs in. -ENOSPC, -ENOMEM */
int tt_contacts_create(struct tt_router *router, const struct tt_contacts_options *options,
                       struct tt_contacts **ret);
/* Before the router; the tree may not change any more. NULL is fine. */
void tt_contacts_destroy(struct tt_contacts *contacts);
/* Everybody is told that we are gone, while the stream still stands; afterwards nothing is sent. */
void tt_contacts_stop(struct tt_contacts *contacts);
size_t tt_contacts_count(const struct tt_contacts *contacts);

/* ---- For presence.c and the router; `contacts` may be NULL -------------------------------------------------- */

/* What stands in the presence of the gateway (node NULL) or of a thing beside its show and status. */
void tt_contact_write_about(struct tt_writer *w, const struct tt_router *router, const struct tt_session *session,
                            const struct tt_node *node, bool is_full);
/* Has been let in at `key` ("" the gateway at its domain, TT_GATEWAY_KEY by its name): is remembered, and told at once. */
void tt_contacts_add(struct tt_contacts *contacts, struct tt_session *session, const char *bare, const char *key);
/* No longer wants to know. */
void tt_contacts_remove(struct tt_contacts *contacts, const char *bare, const char *key);
/* Answers a probe. It comes from a server when it comes from a bare address: then a subscription is what it is about. */
void tt_contacts_probed(struct tt_contacts *contacts, struct tt_session *session, const char *from,
                        const char *bare, const char *key);
/* Presence of somebody's own: is there, has gone (`type` "unavailable"), cannot be reached ("error"). */
void tt_contacts_heard(struct tt_contacts *contacts, const char *from, const char *bare, const char *type);
/* The rules have changed. */
void tt_contacts_review(struct tt_contacts *contacts);
/* Presence of the account: payload on the heap, NULL: out of memory. */
char *tt_contacts_own(struct tt_contacts *contacts, struct tt_router *router, struct tt_session *session);
/* End of turn; when the next is due. */
uint64_t tt_contacts_turn(struct tt_contacts *contacts, uint64_t mono_us);
