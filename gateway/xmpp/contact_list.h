/* SPDX-License-Identifier: Apache-2.0
 *
 * contact_list.h: who has subscribed to which thing, and its file. Knows neither time nor streams. Private to contact.c.
 */
#pragma once

#include "contact.h"

#include "face.h"

#include <uthash.h>

struct tt_contact {
  struct tt_contact *prev, *next;                /* all; who was served longest ago first */
  struct tt_contact *of_thing_prev, *of_thing;   /* of one thing */
  struct tt_contact *of_person_prev, *of_person; /* of one person */
  struct tt_contact_thing *thing;
  struct tt_contact_person *person;
  bool is_dirty;    /* may have to be told something */
  bool is_reviewed; /* may_read is true to the rules */
  bool is_checking; /* the access check has not answered */
  bool is_shown;    /* has been told that it is there */
  uint64_t next_us; /* not before */
  bool is_full;     /* sees all of it, not a mere place */
  bool *may_read;   /* n_points of the node as it was; NULL: nothing */
  size_t n_points;
  struct tt_face face; /* what was told last */
};

struct tt_contact_thing {
  UT_hash_handle hh;
  struct tt_contact *contacts;
  tt_id node; /* 0: there is none at present, or the gateway itself */
  char key[];
};

/* The gateway itself, at its domain or by its name: no node of the tree. */
static inline bool tt_contact_is_gateway(const struct tt_contact_thing *thing)
{
  return !*thing->key || strcmp(thing->key, TT_GATEWAY_KEY) == 0;
}

struct tt_contact_person {
  UT_hash_handle hh;
  struct tt_contact *contacts;
  uint64_t resources[TT_CONTACT_RESOURCES_MAX]; /* hashes of those that have told us that they are there */
  size_t n_resources;
  bool is_away;
  char bare[];
};

struct tt_contact_list {
  struct tt_contact *all;
  struct tt_contact_thing *things;
  struct tt_contact_person *persons;
  size_t n;
};

struct tt_contact *tt_contact_find(const struct tt_contact_list *list, const char *bare, const char *key);
/* The contact, which may have been there (`ret_is_new`). NULL: out of memory, or too many that are of use. */
struct tt_contact *tt_contact_get(struct tt_contact_list *list, const char *bare, const char *key,
                                  bool *ret_is_new);
void tt_contact_drop(struct tt_contact_list *list, struct tt_contact *contact);
struct tt_contact_thing *tt_contact_thing_find(const struct tt_contact_list *list, const char *key);
struct tt_contact_person *tt_contact_person_find(const struct tt_contact_list *list, const char *bare);
void tt_contact_list_finish(struct tt_contact_list *list);

/* {"version":1,"contacts":[{"who":"alice@example.org","nodes":["","plug"]}]}; "" is the gateway. -EIO: not such a file. */
int tt_contact_list_load(struct tt_contact_list *list, const char *state_dir);
int tt_contact_list_save(const struct tt_contact_list *list, const char *state_dir);
