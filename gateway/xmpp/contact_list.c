/* SPDX-License-Identifier: Apache-2.0
 * contact_list.c: who has subscribed to which thing (contact_list.h). */
#include "contact_list.h"

#include "trust/access.h"
#include "trust/json_file.h"

#include <utlist.h>

#define FILE_NAME    "contacts.json"
#define FILE_VERSION 1

/* ---- Finding and making ------------------------------------------------------------------------------------- */

struct tt_contact_thing *tt_contact_thing_find(const struct tt_contact_list *list, const char *key)
{
  struct tt_contact_thing *thing;
  HASH_FIND_STR(list->things, key, thing);
  return thing;
}

struct tt_contact_person *tt_contact_person_find(const struct tt_contact_list *list, const char *bare)
{
  struct tt_contact_person *person;
  HASH_FIND_STR(list->persons, bare, person);
  return person;
}

struct tt_contact *tt_contact_find(const struct tt_contact_list *list, const char *bare, const char *key)
{
  struct tt_contact_person *person = tt_contact_person_find(list, bare);
  for (struct tt_contact *c = person ? person->contacts : NULL; c; c = c->of_person)
    if (strcmp(c->thing->key, key) == 0)
      return c;
  return NULL;
}

static struct tt_contact_thing *thing_get(struct tt_contact_list *list, const char *key)
{
  struct tt_contact_thing *thing = tt_contact_thing_find(list, key);
  size_t n = strlen(key) + 1;
  if (thing || !(thing = calloc(1, sizeof(*thing) + n)))
    return thing;
  memcpy(thing->key, key, n);
  HASH_ADD_STR(list->things, key, thing);
  return thing;
}

static struct tt_contact_person *person_get(struct tt_contact_list *list, const char *bare)
{
  struct tt_contact_person *person = tt_contact_person_find(list, bare);
  size_t n = strlen(bare) + 1;
  if (person || !(person = calloc(1, sizeof(*person) + n)))
    return person;
  memcpy(person->bare, bare, n);
  HASH_ADD_STR(list->persons, bare, person);
  return person;
}

static void drop_unused(struct tt_contact_list *list, struct tt_contact_thing *thing,
                        struct tt_contact_person *person)
{
  if (thing && !thing->contacts) {
    HASH_DEL(list->things, thing);
    free(thing);
  }
  if (person && !person->contacts) {
    HASH_DEL(list->persons, person);
    free(person);
  }
}

void tt_contact_drop(struct tt_contact_list *list, struct tt_contact *contact)
{
  struct tt_contact_thing *thing = contact->thing;
  struct tt_contact_person *person = contact->person;
  DL_DELETE(list->all, contact);
  DL_DELETE2(thing->contacts, contact, of_thing_prev, of_thing);
  DL_DELETE2(person->contacts, contact, of_person_prev, of_person);
  list->n--;
  free(contact->may_read);
  free(contact);
  drop_unused(list, thing, person);
}

/* One whose thing is gone makes room. */
static bool make_room(struct tt_contact_list *list)
{
  if (list->n < TT_CONTACTS_MAX)
    return true;
  for (struct tt_contact *c = list->all; c; c = c->next)
    if (!tt_contact_is_gateway(c->thing) && !c->thing->node) {
      tt_contact_drop(list, c);
      return true;
    }
  return false;
}

struct tt_contact *tt_contact_get(struct tt_contact_list *list, const char *bare, const char *key, bool *ret_is_new)
{
  struct tt_contact *contact = tt_contact_find(list, bare, key);
  *ret_is_new = false;
  if (contact || !make_room(list))
    return contact;
  struct tt_contact_thing *thing = thing_get(list, key);
  struct tt_contact_person *person = person_get(list, bare);
  if (thing && person)
    contact = calloc(1, sizeof(*contact));
  if (!contact) {
    drop_unused(list, thing, person);
    return NULL;
  }
  contact->thing = thing;
  contact->person = person;
  DL_APPEND(list->all, contact);
  DL_APPEND2(thing->contacts, contact, of_thing_prev, of_thing);
  DL_APPEND2(person->contacts, contact, of_person_prev, of_person);
  list->n++;
  *ret_is_new = true;
  return contact;
}

void tt_contact_list_finish(struct tt_contact_list *list)
{
  while (list->all)
    tt_contact_drop(list, list->all);
}

/* ---- The file ----------------------------------------------------------------------------------------------- */

static int load_one(struct tt_contact_list *list, struct json_object *json)
{
  struct json_object *who = NULL, *nodes = NULL;
  char bare[TT_JID_MAX + 1];
  if (!json_object_is_type(json, json_type_object) || json_object_object_length(json) != 2 ||
      !json_object_object_get_ex(json, "who", &who) || !json_object_object_get_ex(json, "nodes", &nodes) ||
      !tt_json_text(who) || !json_object_is_type(nodes, json_type_array) ||
      strlen(tt_json_text(who)) > TT_JID_MAX || tt_jid_bare(tt_json_text(who), bare, sizeof(bare)) < 0)
    return -EIO;
  for (size_t i = 0; i < json_object_array_length(nodes); i++) {
    const char *key = tt_json_text(json_object_array_get_idx(nodes, i));
    bool is_new;
    if (!key || strlen(key) > TT_NODE_KEY_MAX * TT_PLACE_DEPTH_MAX)
      return -EIO;
    if (!tt_contact_get(list, bare, key, &is_new))
      return -EIO;
  }
  return 0;
}

int tt_contact_list_load(struct tt_contact_list *list, const char *state_dir)
{
  struct json_object *json TT_CLEANUP(tt_json_putp) = NULL, *all = NULL;
  int r = tt_json_list_load(state_dir, FILE_NAME, TT_CONTACTS_FILE_MAX, FILE_VERSION, "contacts", TT_CONTACTS_MAX,
                            &json, &all);
  for (size_t i = 0; r == 0 && all && i < json_object_array_length(all); i++)
    r = load_one(list, json_object_array_get_idx(all, i));
  if (r < 0)
    tt_contact_list_finish(list);
  return r;
}

int tt_contact_list_save(const struct tt_contact_list *list, const char *state_dir)
{
  struct json_object *json TT_CLEANUP(tt_json_putp) = NULL;
  struct json_object *all = tt_json_list_new(FILE_VERSION, "contacts", &json);
  for (struct tt_contact_person *person = list->persons; person; person = person->hh.next) {
    struct json_object *one = json_object_new_object(), *nodes = json_object_new_array();
    json_object_object_add(one, "who", json_object_new_string(person->bare));
    for (struct tt_contact *c = person->contacts; c; c = c->of_person)
      json_object_array_add(nodes, json_object_new_string(c->thing->key));
    json_object_object_add(one, "nodes", nodes);
    json_object_array_add(all, one);
  }
  return tt_json_file_save(state_dir, FILE_NAME, json);
}
