/* SPDX-License-Identifier: Apache-2.0
 * room_people.c: a hash table by nick (room_people.h). */
#include "room_people.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct occupant {
  UT_hash_handle hh;
  char *jid; /* behind the nick */
  size_t n;  /* bytes of both */
  char nick[];
};

struct tt_room_people {
  struct occupant *all;
  size_t bytes;
};

struct tt_room_people *tt_room_people_create(void)
{
  return calloc(1, sizeof(struct tt_room_people));
}

static void drop(struct tt_room_people *people, struct occupant *occupant)
{
  people->bytes -= occupant->n;
  HASH_DEL(people->all, occupant);
  free(occupant);
}

void tt_room_people_clear(struct tt_room_people *people)
{
  while (people->all)
    drop(people, people->all);
}

void tt_room_people_destroy(struct tt_room_people *people)
{
  if (!people)
    return;
  tt_room_people_clear(people);
  free(people);
}

static struct occupant *find(const struct tt_room_people *people, const char *nick)
{
  struct occupant *occupant;
  HASH_FIND_STR(people->all, nick, occupant);
  return occupant;
}

void tt_room_people_set(struct tt_room_people *people, const char *nick, const char *jid)
{
  struct occupant *occupant = find(people, nick);
  if (occupant)
    drop(people, occupant);
  if (!jid)
    return;
  size_t n_nick = strlen(nick) + 1, n = n_nick + strlen(jid) + 1;
  if (HASH_COUNT(people->all) >= TT_ROOM_OCCUPANTS_MAX || people->bytes + n > TT_ROOM_PEOPLE_BYTES)
    return;
  occupant = calloc(1, sizeof(*occupant) + n);
  if (!occupant)
    return;
  occupant->n = n;
  occupant->jid = occupant->nick + n_nick;
  memcpy(occupant->nick, nick, n_nick);
  memcpy(occupant->jid, jid, n - n_nick);
  HASH_ADD_STR(people->all, nick, occupant);
  if (!occupant->hh.tbl) { /* no memory for it */
    free(occupant);
    return;
  }
  people->bytes += n;
}

const char *tt_room_people_find(const struct tt_room_people *people, const char *nick)
{
  const struct occupant *occupant = find(people, nick);
  return occupant ? occupant->jid : NULL;
}

size_t tt_room_people_count(const struct tt_room_people *people)
{
  return HASH_COUNT(people->all);
}
