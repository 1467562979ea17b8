/* SPDX-License-Identifier: Apache-2.0
 * Filters, their receivers, and the way from a topic to them. */
#include "index.h"

#include "topic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

struct entry {
  UT_hash_handle hh;
  struct entry *prev, *next; /* in the list of filters with wildcards */
  struct mqtt_receiver *receivers;
  size_t n;
  int qos;
  bool has_wildcard;
  char filter[];
};

struct mqtt_index {
  struct entry *entries;   /* by filter */
  struct entry *wildcards; /* those that a look-up cannot find */
};

struct mqtt_index *mqtt_index_create(void)
{
  return calloc(1, sizeof(struct mqtt_index));
}

static void entry_remove(struct mqtt_index *index, struct entry *entry)
{
  HASH_DEL(index->entries, entry);
  if (entry->has_wildcard)
    DL_DELETE(index->wildcards, entry);
  free(entry->receivers);
  free(entry);
}

void mqtt_index_destroy(struct mqtt_index *index)
{
  struct entry *entry, *next;
  if (!index)
    return;
  HASH_ITER(hh, index->entries, entry, next) {
    entry_remove(index, entry);
  }
  free(index);
}

static struct entry *entry_add(struct mqtt_index *index, const char *filter)
{
  size_t n = strlen(filter);
  struct entry *entry = calloc(1, sizeof *entry + n + 1);
  if (!entry)
    return NULL;
  memcpy(entry->filter, filter, n + 1);
  entry->has_wildcard = mqtt_filter_has_wildcard(filter);
  entry->qos = -1;
  HASH_ADD_STR(index->entries, filter, entry);
  if (entry->has_wildcard)
    DL_APPEND(index->wildcards, entry);
  return entry;
}

int mqtt_index_add(struct mqtt_index *index, const char *filter, int qos, struct mqtt_receiver receiver,
                   bool *ret_is_new)
{
  struct entry *entry;
  HASH_FIND_STR(index->entries, filter, entry);
  if (!entry)
    entry = entry_add(index, filter);
  if (!entry)
    return -ENOMEM;
  struct mqtt_receiver *receivers = reallocarray(entry->receivers, entry->n + 1, sizeof *receivers);
  if (!receivers) {
    if (entry->n == 0)
      entry_remove(index, entry);
    return -ENOMEM;
  }
  entry->receivers = receivers;
  receivers[entry->n++] = receiver;
  *ret_is_new = qos > entry->qos;
  if (*ret_is_new)
    entry->qos = qos;
  return 0;
}

void mqtt_index_remove(struct mqtt_index *index, const void *owner, void (*gone)(void *user, const char *filter),
                       void *user)
{
  struct entry *entry, *next;
  HASH_ITER(hh, index->entries, entry, next) {
    size_t kept = 0;
    for (size_t i = 0; i < entry->n; i++)
      if (entry->receivers[i].owner != owner)
        entry->receivers[kept++] = entry->receivers[i];
    entry->n = kept;
    if (kept > 0)
      continue;
    if (gone)
      gone(user, entry->filter);
    entry_remove(index, entry);
  }
}

size_t mqtt_index_dispatch(const struct mqtt_index *index, const char *topic, size_t n,
                           void (*fn)(void *user, struct mqtt_receiver receiver), void *user)
{
  struct entry *entry;
  size_t found = 0;
  HASH_FIND(hh, index->entries, topic, n, entry);
  if (entry && !entry->has_wildcard) /* a hostile topic may spell a filter */
    for (size_t i = 0; i < entry->n; i++, found++)
      fn(user, entry->receivers[i]);
  DL_FOREACH(index->wildcards, entry) {
    if (mqtt_filter_matches(entry->filter, topic, n))
      for (size_t i = 0; i < entry->n; i++, found++)
        fn(user, entry->receivers[i]);
  }
  return found;
}

void mqtt_index_each(const struct mqtt_index *index, void (*fn)(void *user, const char *filter, int qos),
                     void *user)
{
  struct entry *entry, *next;
  HASH_ITER(hh, index->entries, entry, next) {
    fn(user, entry->filter, entry->qos);
  }
}

size_t mqtt_index_size(const struct mqtt_index *index)
{
  return HASH_COUNT(index->entries);
}
