/* SPDX-License-Identifier: Apache-2.0
 *
 * table.c: announced devices by UDN.
 */
#include "table.h"

#include <ctype.h>

struct up_table {
  struct up_seen *by_udn;
};

struct up_table *up_table_create(void)
{
  return calloc(1, sizeof(struct up_table));
}

static void seen_free(struct up_seen *seen)
{
  for (size_t i = 0; i < seen->n_types; i++)
    free(seen->types[i]);
  free(seen->udn);
  free(seen->location);
  free(seen);
}

static void forget(struct up_table *table, struct up_seen *seen)
{
  HASH_DEL(table->by_udn, seen);
  seen_free(seen);
}

void up_table_clear(struct up_table *table)
{
  struct up_seen *seen, *next;
  HASH_ITER(hh, table->by_udn, seen, next) {
    forget(table, seen);
  }
}

void up_table_destroy(struct up_table *table)
{
  if (!table)
    return;
  up_table_clear(table);
  free(table);
}

/* The key: UDNs are compared without regard to case. */
static char *lower(char out[static UP_UDN_MAX + 1], const char *udn)
{
  size_t n = strnlen(udn, UP_UDN_MAX);
  for (size_t i = 0; i < n; i++)
    out[i] = (char)tolower((unsigned char)udn[i]);
  out[n] = 0;
  return out;
}

static struct up_seen *find(const struct up_table *table, const char *udn)
{
  char key[UP_UDN_MAX + 1];
  struct up_seen *seen;
  lower(key, udn);
  HASH_FIND_STR(table->by_udn, key, seen);
  return seen;
}

const struct up_seen *up_table_find(const struct up_table *table, const char *udn)
{
  return find(table, udn);
}

const struct up_seen *up_table_next(const struct up_table *table, const struct up_seen *after)
{
  return after ? after->hh.next : table->by_udn;
}

size_t up_table_count(const struct up_table *table)
{
  return HASH_COUNT(table->by_udn);
}

bool up_seen_has(const struct up_seen *seen, const char *type)
{
  for (size_t i = 0; i < seen->n_types; i++)
    if (up_type_satisfies(seen->types[i], type))
      return true;
  return false;
}

static bool has_exactly(const struct up_seen *seen, const char *type)
{
  for (size_t i = 0; i < seen->n_types; i++)
    if (strcmp(seen->types[i], type) == 0)
      return true;
  return false;
}

/* ---- Room ----------------------------------------------------------------------------------------------------- */
static bool make_room(struct up_table *table, uint32_t sender, bool is_wanted, uint64_t now_us)
{
  struct up_seen *seen, *next, *oldest = NULL;
  size_t n_of_sender = 0;
  HASH_ITER(hh, table->by_udn, seen, next) {
    if (seen->expires_us <= now_us) {
      forget(table, seen);
      continue;
    }
    n_of_sender += seen->sender == sender;
    oldest = !oldest || seen->heard_us < oldest->heard_us ? seen : oldest;
  }
  if (is_wanted && HASH_COUNT(table->by_udn) >= UP_SEEN_MAX)
    forget(table, oldest);
  return HASH_COUNT(table->by_udn) < UP_SEEN_MAX && (is_wanted || n_of_sender < UP_SEEN_PER_SENDER_MAX);
}

static struct up_seen *add(struct up_table *table, const struct up_sighting *sighting, bool is_wanted,
                           uint64_t now_us)
{
  char key[UP_UDN_MAX + 1];
  if (!make_room(table, sighting->sender, is_wanted, now_us))
    return NULL;
  struct up_seen *seen = calloc(1, sizeof *seen);
  if (!seen)
    return NULL;
  seen->udn = strdup(lower(key, sighting->udn));
  seen->location = strdup(sighting->location);
  if (!seen->udn || !seen->location) {
    seen_free(seen);
    return NULL;
  }
  HASH_ADD_KEYPTR(hh, table->by_udn, seen->udn, strlen(seen->udn), seen);
  return seen;
}

enum up_news up_table_alive(struct up_table *table, const struct up_sighting *sighting, bool is_wanted,
                            uint64_t now_us)
{
  struct up_seen *seen = find(table, sighting->udn);
  enum up_news news = seen ? UP_NEWS_AGAIN : UP_NEWS_NEW;
  if (!seen)
    seen = add(table, sighting, is_wanted, now_us);
  if (!seen)
    return UP_NEWS_REFUSED;
  if (strcmp(seen->location, sighting->location) != 0) {
    char *location = strdup(sighting->location);
    if (!location)
      return UP_NEWS_REFUSED;
    free(seen->location);
    seen->location = location;
    news = UP_NEWS_MOVED;
  }
  int age_s = sighting->max_age_s;
  age_s = age_s < UP_MAX_AGE_MIN_S ? UP_MAX_AGE_MIN_S : age_s > UP_MAX_AGE_MAX_S ? UP_MAX_AGE_MAX_S : age_s;
  seen->sender = sighting->sender;
  seen->heard_us = now_us;
  seen->expires_us = now_us + (uint64_t)age_s * TT_USEC_PER_SEC;
  if (*sighting->type && seen->n_types < UP_SEEN_TYPES_MAX && !has_exactly(seen, sighting->type)) {
    char *type = strdup(sighting->type);
    if (type)
      seen->types[seen->n_types++] = type;
  }
  return news;
}

bool up_table_leave(struct up_table *table, const struct up_sighting *sighting)
{
  struct up_seen *seen = find(table, sighting->udn);
  if (!seen || seen->sender != sighting->sender)
    return false;
  forget(table, seen);
  return true;
}

void up_table_drop(struct up_table *table, const char *udn)
{
  struct up_seen *seen = find(table, udn);
  if (seen)
    forget(table, seen);
}

bool up_table_expire(struct up_table *table, uint64_t now_us, char udn[static UP_UDN_MAX + 1])
{
  struct up_seen *seen, *next;
  HASH_ITER(hh, table->by_udn, seen, next) {
    if (seen->expires_us > now_us)
      continue;
    lower(udn, seen->udn);
    forget(table, seen);
    return true;
  }
  return false;
}
