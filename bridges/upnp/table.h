/* SPDX-License-Identifier: Apache-2.0
 *
 * table.h: which devices are announced on the network: bounded, whoever shouts how loud. Pure: the clock is passed in.
 */
#pragma once

#include "description.h"

#include <uthash.h>

#define UP_SEEN_MAX            1024 /* devices that are kept in mind */
#define UP_SEEN_PER_SENDER_MAX 256  /* of one address: one that goes mad leaves room for the others */
#define UP_SEEN_TYPES_MAX      16   /* device and service types of one of them */
#define UP_MAX_AGE_MIN_S       60
#define UP_MAX_AGE_MAX_S       (24 * 3600)

/* One announcement or answer, as it was heard. */
struct up_sighting {
  bool is_alive;   /* else it says goodbye */
  uint32_t sender; /* IPv4, host byte order */
  int max_age_s;
  char udn[UP_UDN_MAX + 1], type[UP_TYPE_MAX + 1], location[UP_URL_MAX]; /* type: a urn, or empty */
};

struct up_seen {
  char *udn, *location;
  uint32_t sender;
  uint64_t heard_us, expires_us;
  size_t n_types;
  char *types[UP_SEEN_TYPES_MAX];
  UT_hash_handle hh;
};

enum up_news {
  UP_NEWS_AGAIN,
  UP_NEWS_NEW,
  UP_NEWS_MOVED,   /* it is at another location now */
  UP_NEWS_REFUSED, /* no room, or no memory */
};

struct up_table;
struct up_table *up_table_create(void);
void up_table_destroy(struct up_table *table);

/* One is alive. When there is no room, what has expired makes some; then nothing new is taken, except what `is_wanted`
 * (a configured device), for which the one unheard for the longest time goes. */
enum up_news up_table_alive(struct up_table *table, const struct up_sighting *sighting, bool is_wanted,
                            uint64_t now_us);
/* One leaves: true when it was known, and says so itself. */
bool up_table_leave(struct up_table *table, const struct up_sighting *sighting);
void up_table_drop(struct up_table *table, const char *udn); /* it does not answer */
/* Forgets the next one whose time is over; its UDN is copied. False: there is none. */
bool up_table_expire(struct up_table *table, uint64_t now_us, char udn[static UP_UDN_MAX + 1]);

const struct up_seen *up_table_find(const struct up_table *table, const char *udn);
const struct up_seen *up_table_next(const struct up_table *table,
                                    const struct up_seen *after); /* NULL: the first */
bool up_seen_has(const struct up_seen *seen, const char *type);   /* or one that satisfies it */
size_t up_table_count(const struct up_table *table);
void up_table_clear(struct up_table *table);
