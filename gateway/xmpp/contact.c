/* SPDX-License-Identifier: Apache-2.0
 * contact.c: who is told what of which thing, and when (contact.h). Changes only mark contacts; the turn looks at those that
 * are due, and sends where what is shown differs from what was told last. */
#include "contact_list.h"

#include "router_private.h"
#include "vcard.h"

#include "service/log.h"

#include <stdio.h>
#include <utlist.h>

#define NS_NICK    "http://jabber.org/protocol/nick"
#define NS_UPDATE  "vcard-temp:x:update"
#define LOOK_US    TT_USEC_PER_SEC /* between two looks at what has changed back in between */
#define HASH_BASIS UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3) /* FNV-1a */

/* An access check that has not answered: it is answered once, whoever is there then. */
struct check {
  struct check *prev, *next;
  struct tt_contacts *contacts; /* NULL: they have gone */
  tt_id node;
  bool is_within;             /* answered before tt_core_check() came back */
  struct tt_contact *contact; /* NULL: it has gone */
};

struct tt_contacts {
  struct tt_router *router;
  struct tt_contact_list list;
  char *state_dir, *language;
  struct tt_session *component; /* online; NULL */
  struct check *checks;
  uint64_t due_us;    /* when a contact is to be looked at; TT_NEVER */
  uint64_t save_us;   /* when the file is to be written; TT_NEVER */
  uint64_t review_us; /* when everything is looked at anew */
  uint64_t budget;    /* presences that may be sent, in microseconds of the rate */
  uint64_t budget_us; /* when that was so */
  struct {
    struct tt_session *session; /* online; NULL */
    bool is_dirty;
    uint64_t next_us;
    struct tt_face face;
  } account;
  bool is_stopped;
};

static struct tt_core *core_of(const struct tt_contacts *contacts)
{
  return contacts->router->config.core;
}

static struct tt_now now_of(const struct tt_contacts *contacts)
{
  return tt_core_now(core_of(contacts));
}

/* ---- Marks -------------------------------------------------------------------------------------------------- */

static void touch(struct tt_contacts *contacts, struct tt_contact *contact)
{
  contact->is_dirty = true;
  if (contact->next_us < contacts->due_us)
    contacts->due_us = contact->next_us;
}

static void touch_thing(struct tt_contacts *contacts, struct tt_contact_thing *thing)
{
  for (struct tt_contact *c = thing ? thing->contacts : NULL; c; c = c->of_thing)
    touch(contacts, c);
}

static void touch_save(struct tt_contacts *contacts)
{
  uint64_t at = now_of(contacts).mono_us + TT_CONTACTS_SAVE_US;
  if (contacts->state_dir && at < contacts->save_us)
    contacts->save_us = at;
}

/* A place and the gateway count what is below them. */
static void touch_above(struct tt_contacts *contacts, const struct tt_node *node)
{
  for (const struct tt_node *place = node->parent; place; place = place->parent)
    touch_thing(contacts, tt_contact_thing_find(&contacts->list, place->key));
  touch_thing(contacts, tt_contact_thing_find(&contacts->list, ""));
  touch_thing(contacts, tt_contact_thing_find(&contacts->list, TT_GATEWAY_KEY));
  contacts->account.is_dirty = true;
}

static void forget_rights(struct tt_contact *contact)
{
  contact->is_reviewed = false;
  free(contact->may_read);
  contact->may_read = NULL;
  contact->n_points = 0;
}

static void attach(struct tt_contact_thing *thing, tt_id node)
{
  thing->node = node;
  for (struct tt_contact *c = thing->contacts; c; c = c->of_thing)
    forget_rights(c);
}

static void on_change(void *user, struct tt_node *node, enum tt_change change, TT_UNUSED uint16_t point)
{
  struct tt_contacts *contacts = user;
  struct tt_contact_thing *thing = tt_contact_thing_find(&contacts->list, node->key);
  switch (change) {
  case TT_CHANGE_VALUE:
    touch_thing(contacts, thing);
    return;
  case TT_CHANGE_STATE:
    touch_thing(contacts, thing);
    touch_above(contacts, node);
    return;
  case TT_CHANGE_ADDED:
  case TT_CHANGE_REMOVED:
    if (thing && !tt_contact_is_gateway(thing))
      attach(thing, change == TT_CHANGE_ADDED ? node->id : 0);
    touch_thing(contacts, thing);
    touch_above(contacts, node);
    return;
  }
}

void tt_contacts_review(struct tt_contacts *contacts)
{
  for (struct tt_contact *c = contacts ? contacts->list.all : NULL; c; c = c->next) {
    c->is_reviewed = false;
    touch(contacts, c);
  }
}

/* ---- What one may read -------------------------------------------------------------------------------------- */

static void take_grant(struct tt_contact *contact, const struct tt_node *node, const struct tt_grant *grant)
{
  forget_rights(contact);
  contact->is_reviewed = true;
  contact->may_read = calloc(node->n_points + 1, sizeof(*contact->may_read));
  if (!contact->may_read)
    return;
  contact->n_points = node->n_points;
  for (size_t i = 0; grant && i < node->n_points; i++)
    for (size_t k = 0; k < grant->n_names && !contact->may_read[i]; k++)
      contact->may_read[i] = strcmp(grant->names[k], node->points[i].name) == 0;
}

static void on_checked(void *user, enum tt_refusal refusal, const struct tt_grant *grants, size_t n)
{
  struct check *check = user;
  struct tt_contact *contact = check->contact;
  if (check->contacts) {
    struct tt_node *node = tt_tree_get(tt_core_tree(core_of(check->contacts)), check->node);
    DL_DELETE(check->contacts->checks, check);
    if (contact)
      contact->is_checking = false;
    if (contact && node && contact->thing->node == node->id) {
      take_grant(contact, node, refusal == TT_OK && n > 0 ? grants : NULL);
      if (!check->is_within)
        touch(check->contacts, contact);
    }
  }
  free(check);
}

static struct tt_caller caller_of(const struct tt_contacts *contacts, const struct tt_contact *contact)
{
  return (struct tt_caller){.kind = TT_CALLER_XMPP,
                            .jid = contact->person->bare,
                            .bare = contact->person->bare,
                            .local = contacts->component ? tt_session_jid(contacts->component) : "",
                            .language = contacts->language ? contacts->language : ""};
}

/* Mostly answered at once; until it is, what was known stands. */
static void ask_rights(struct tt_contacts *contacts, struct tt_contact *contact, const struct tt_node *node)
{
  struct check *check = contact->is_checking ? NULL : calloc(1, sizeof(*check));
  if (!check)
    return;
  struct tt_caller caller = caller_of(contacts, contact);
  *check = (struct check){.contacts = contacts, .node = node->id, .contact = contact, .is_within = true};
  DL_APPEND(contacts->checks, check);
  contact->is_checking = true;
  tt_core_check(
      core_of(contacts),
      &(struct tt_access_query){.caller = &caller, .op = TT_ACCESS_READ, .nodes = &node->id, .n_nodes = 1},
      on_checked, check);
  DL_FOREACH(contacts->checks, check) {
    check->is_within = false;
  }
}

/* ---- What is shown ------------------------------------------------------------------------------------------ */

static void take_census(const struct tt_contacts *contacts, const struct tt_caller *caller,
                        const struct tt_node *below, struct tt_face *ret)
{
  struct tt_tree *tree = tt_core_tree(core_of(contacts));
  struct tt_census census = {0};
  for (struct tt_node *node = tt_tree_walk(tree, NULL); node; node = tt_tree_walk(tree, node)) {
    const struct tt_node *at = node;
    while (below && at && at != below)
      at = at->parent;
    if (at && (!caller || tt_core_sight(core_of(contacts), caller, node) == TT_SIGHT_FULL))
      tt_census_add(&census, node);
  }
  tt_face_of_census(&census, contacts->language, ret);
}

/* False: nothing can be said yet. */
static bool face_of(struct tt_contacts *contacts, struct tt_contact *contact, const struct tt_node *node,
                    struct tt_face *ret)
{
  struct tt_caller caller = caller_of(contacts, contact);
  if (!node || node->kind == TT_NODE_PLACE) {
    take_census(contacts, &caller, node, ret);
    return true;
  }
  if (!contact->is_full) {
    *ret = (struct tt_face){0};
    return true;
  }
  if (!contact->is_reviewed || contact->n_points != node->n_points)
    ask_rights(contacts, contact, node);
  if (!contact->may_read || contact->n_points != node->n_points)
    return false;
  tt_face_of_device(node, contact->may_read, now_of(contacts), contacts->language, ret);
  return true;
}

static void write_face(struct tt_writer *w, const struct tt_face *face)
{
  if (tt_show_name(face->show))
    tt_write_element(w, "show", tt_show_name(face->show));
  if (*face->status)
    tt_write_element(w, "status", face->status);
}

void tt_contact_write_about(struct tt_writer *w, const struct tt_router *router, const struct tt_session *session,
                            const struct tt_node *node, bool is_full)
{
  tt_disco_write_caps(w, router, session, node, is_full);
  tt_write_open(w, "x", NS_UPDATE);
  tt_write_element(w, "photo", tt_avatar(tt_thing_kind(node))->sha1);
  tt_write_close(w);
}

/* `from`: our address, of which the key is known. */
static int address_of(const struct tt_contacts *contacts, const char *key, struct tt_buf *out)
{
  char local[TT_ADDRESS_MAX + 1];
  if (*key && tt_address_of(key, local, sizeof(local)) < 0)
    return -EINVAL;
  tt_buf_printf(out, "%s%s%s", *key ? local : "", *key ? "@" : "", tt_session_jid(contacts->component));
  return out->failed ? -ENOMEM : 0;
}

static void send(const struct tt_contacts *contacts, const struct tt_contact *contact, const char *to,
                 const char *type, char *payload)
{
  struct tt_buf from TT_AUTOBUF = TT_BUF(0);
  if (!contacts->component || address_of(contacts, contact->thing->key, &from) < 0) {
    free(payload);
    return;
  }
  tt_session_send(contacts->component, &(struct tt_out){.kind = TT_OUT_PRESENCE,
                                                        .class = TT_OUT_ANSWER,
                                                        .type = type,
                                                        .from = from.data,
                                                        .to = to ? to : contact->person->bare,
                                                        .language = type ? NULL : contacts->language,
                                                        .payload = payload});
}

static void send_face(const struct tt_contacts *contacts, const struct tt_contact *contact,
                      const struct tt_node *node, const char *to)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  write_face(&w, &contact->face);
  tt_contact_write_about(&w, contacts->router, contacts->component, node, contact->is_full);
  if (node) {
    tt_write_open(&w, "nick", NS_NICK);
    tt_write_text(&w, tt_node_label(node, contacts->language));
    tt_write_close(&w);
  }
  send(contacts, contact, to, NULL, w.failed ? NULL : tt_buf_steal(&buf));
}

/* ---- Turns -------------------------------------------------------------------------------------------------- */

static bool is_same_face(const struct tt_face *a, const struct tt_face *b)
{
  return a->show == b->show && strcmp(a->status, b->status) == 0;
}

static void drop(struct tt_contacts *contacts, struct tt_contact *contact)
{
  struct check *check;
  DL_FOREACH(contacts->checks, check) {
    if (check->contact == contact)
      check->contact = NULL;
  }
  tt_contact_drop(&contacts->list, contact);
  touch_save(contacts);
}

/* The rules say no: this address is not there for them any more. */
static void shut_out(struct tt_contacts *contacts, struct tt_contact *contact)
{
  send(contacts, contact, NULL, "unavailable", NULL);
  send(contacts, contact, NULL, "unsubscribed", NULL);
  drop(contacts, contact);
}

/* Does what is to be done for one contact; whether something was sent. It may be gone then. */
static bool serve(struct tt_contacts *contacts, struct tt_contact *contact, const char *to)
{
  uint64_t now = now_of(contacts).mono_us;
  struct tt_node *node = tt_tree_get(tt_core_tree(core_of(contacts)), contact->thing->node);
  struct tt_caller caller = caller_of(contacts, contact);
  struct tt_face face;
  contact->is_dirty = false;
  contact->next_us = now + LOOK_US;
  if (!tt_contact_is_gateway(contact->thing) && !node) {
    bool was_shown = contact->is_shown;
    contact->is_shown = false;
    if (was_shown)
      send(contacts, contact, NULL, "unavailable", NULL);
    return was_shown;
  }
  enum tt_sight sight = node ? tt_core_sight(core_of(contacts), &caller, node)
                        : tt_router_knows(contacts->router, contact->person->bare) ? TT_SIGHT_FULL
                                                                                   : TT_SIGHT_NONE;
  if (sight == TT_SIGHT_NONE) {
    shut_out(contacts, contact);
    return true;
  }
  bool was_full = contact->is_full;
  contact->is_full = sight == TT_SIGHT_FULL;
  if (!face_of(contacts, contact, node, &face))
    return false;
  if (!to && contact->is_shown && was_full == contact->is_full && is_same_face(&face, &contact->face))
    return false;
  contact->face = face;
  contact->is_shown = true;
  contact->next_us = now + TT_CONTACT_PRESENCE_MIN_US;
  send_face(contacts, contact, node, to);
  return true;
}

static void refill(struct tt_contacts *contacts, uint64_t now)
{
  contacts->budget += (now - contacts->budget_us) * TT_CONTACT_PRESENCE_RATE;
  contacts->budget_us = now;
  if (contacts->budget > TT_CONTACT_PRESENCE_RATE * TT_USEC_PER_SEC)
    contacts->budget = TT_CONTACT_PRESENCE_RATE * TT_USEC_PER_SEC;
}

/* Those that are due, the longest waiting first, as far as the budget goes. */
static void serve_due(struct tt_contacts *contacts, uint64_t now)
{
  struct tt_contact *last = contacts->list.all ? contacts->list.all->prev : NULL;
  contacts->due_us = TT_NEVER;
  refill(contacts, now);
  for (struct tt_contact *c = contacts->list.all, *next; c; c = next) {
    bool is_last = c == last;
    next = is_last ? NULL : c->next;
    if (!c->is_dirty || c->person->is_away)
      continue;
    if (c->next_us > now || contacts->budget < TT_USEC_PER_SEC) {
      uint64_t at = c->next_us > now ? c->next_us : now + TT_USEC_PER_SEC / TT_CONTACT_PRESENCE_RATE;
      contacts->due_us = at < contacts->due_us ? at : contacts->due_us;
      continue;
    }
    DL_DELETE(contacts->list.all, c);
    DL_APPEND(contacts->list.all, c);
    if (serve(contacts, c, NULL))
      contacts->budget -= TT_USEC_PER_SEC;
  }
}

static void tell_account(struct tt_contacts *contacts, uint64_t now)
{
  struct tt_face face;
  contacts->account.is_dirty = false;
  contacts->account.next_us = now + LOOK_US;
  take_census(contacts, NULL, NULL, &face);
  if (is_same_face(&face, &contacts->account.face))
    return;
  char *payload = tt_contacts_own(contacts, contacts->router, contacts->account.session);
  tt_session_send(contacts->account.session,
                  &(struct tt_out){.kind = TT_OUT_PRESENCE, .class = TT_OUT_ANSWER, .payload = payload});
}

char *tt_contacts_own(struct tt_contacts *contacts, struct tt_router *router, struct tt_session *session)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  if (contacts) {
    take_census(contacts, NULL, NULL, &contacts->account.face);
    contacts->account.session = session;
    contacts->account.is_dirty = false;
    contacts->account.next_us = now_of(contacts).mono_us + TT_CONTACT_PRESENCE_MIN_US;
    write_face(&w, &contacts->account.face);
  }
  tt_contact_write_about(&w, router, session, NULL, true);
  return w.failed ? NULL : tt_buf_steal(&buf);
}

static void save(struct tt_contacts *contacts)
{
  contacts->save_us = TT_NEVER;
  int r = contacts->state_dir ? tt_contact_list_save(&contacts->list, contacts->state_dir) : 0;
  if (r < 0)
    tt_log(TT_LOG_WARNING, "contacts", "who has subscribed to what cannot be written: %s", strerror(-r));
}

uint64_t tt_contacts_turn(struct tt_contacts *contacts, uint64_t now)
{
  if (!contacts || contacts->is_stopped)
    return TT_NEVER;
  if (contacts->review_us <= now) {
    contacts->review_us = now + TT_CONTACT_REVIEW_US;
    tt_contacts_review(contacts);
  }
  if (contacts->component && contacts->due_us <= now)
    serve_due(contacts, now);
  if (contacts->account.session && contacts->account.is_dirty && contacts->account.next_us <= now)
    tell_account(contacts, now);
  if (contacts->save_us <= now)
    save(contacts);

  uint64_t due = contacts->save_us;
  if (contacts->component && contacts->due_us < due)
    due = contacts->due_us;
  if (contacts->component && contacts->list.n > 0 && contacts->review_us < due)
    due = contacts->review_us;
  if (contacts->account.session && contacts->account.is_dirty && contacts->account.next_us < due)
    due = contacts->account.next_us;
  return due;
}

/* ---- What presence.c tells ---------------------------------------------------------------------------------- */

static struct tt_contact *get(struct tt_contacts *contacts, const char *bare, const char *key)
{
  bool is_new;
  struct tt_contact *contact = tt_contact_get(&contacts->list, bare, key, &is_new);
  if (!contact)
    return NULL;
  if (!contact->thing->node && !tt_contact_is_gateway(contact->thing)) {
    struct tt_node *node = tt_tree_find(tt_core_tree(core_of(contacts)), key, NULL, NULL);
    if (node)
      attach(contact->thing, node->id);
  }
  if (is_new)
    touch_save(contacts);
  return contact;
}

void tt_contacts_add(struct tt_contacts *contacts, struct tt_session *session, const char *bare, const char *key)
{
  struct tt_contact *contact = contacts && !contacts->is_stopped ? get(contacts, bare, key) : NULL;
  if (!contact)
    return;
  contacts->component = session;
  contact->person->is_away = false;
  serve(contacts, contact, contact->person->bare);
}

void tt_contacts_remove(struct tt_contacts *contacts, const char *bare, const char *key)
{
  struct tt_contact *contact = contacts ? tt_contact_find(&contacts->list, bare, key) : NULL;
  if (contact)
    drop(contacts, contact);
}

static void is_back(struct tt_contacts *contacts, struct tt_contact_person *person)
{
  person->is_away = false;
  for (struct tt_contact *c = person->contacts; c; c = c->of_person)
    touch(contacts, c);
}

void tt_contacts_probed(struct tt_contacts *contacts, struct tt_session *session, const char *from,
                        const char *bare, const char *key)
{
  if (!contacts || contacts->is_stopped)
    return;
  struct tt_contact *contact =
      strchr(from, '/') ? tt_contact_find(&contacts->list, bare, key) : get(contacts, bare, key);
  if (!contact)
    return;
  contacts->component = session;
  if (contact->person->is_away)
    is_back(contacts, contact->person);
  serve(contacts, contact, from);
}

static uint64_t hash(const char *text)
{
  uint64_t h = HASH_BASIS;
  for (; *text; text++)
    h = (h ^ (unsigned char)*text) * HASH_PRIME;
  return h;
}

static bool take_resource(struct tt_contact_person *person, uint64_t resource)
{
  for (size_t i = 0; i < person->n_resources; i++)
    if (person->resources[i] == resource) {
      person->resources[i] = person->resources[--person->n_resources];
      return true;
    }
  return false;
}

/* Only who has told us that they are there can be known to have gone. */
void tt_contacts_heard(struct tt_contacts *contacts, const char *from, const char *bare, const char *type)
{
  struct tt_contact_person *person = contacts ? tt_contact_person_find(&contacts->list, bare) : NULL;
  const char *resource = strchr(from, '/');
  if (!person)
    return;
  if (type && strcmp(type, "error") == 0) {
    person->is_away = true;
    return;
  }
  bool was_known = resource && take_resource(person, hash(resource));
  if (type) {
    person->is_away |= was_known && person->n_resources == 0;
    return;
  }
  if (resource && person->n_resources < TT_CONTACT_RESOURCES_MAX)
    person->resources[person->n_resources++] = hash(resource);
  if (person->is_away)
    is_back(contacts, person);
}

/* ---- Sessions ------------------------------------------------------------------------------------------------ */

/* Of an earlier stream nobody knows what it brought; a server that was down has forgotten it. */
static void on_online(void *user, struct tt_session *session)
{
  struct tt_contacts *contacts = user;
  if (tt_session_kind(session) != TT_SESSION_COMPONENT)
    return;
  contacts->component = session;
  for (struct tt_contact *c = contacts->list.all; c; c = c->next) {
    c->is_shown = c->person->is_away = false;
    c->person->n_resources = 0;
    c->next_us = 0;
    touch(contacts, c);
  }
}

static bool may_come(const struct tt_contacts *contacts, const char *bare)
{
  const struct tt_blocks *blocks = contacts->router->config.blocks;
  return tt_router_knows(contacts->router, bare) && !(blocks && tt_blocks_has(blocks, bare));
}

static void shut_out_all(struct tt_contacts *contacts, const char *who)
{
  for (struct tt_contact *c = contacts->list.all, *next; c; c = next) {
    next = c->next;
    if (tt_router_is_of(c->person->bare, who) && !may_come(contacts, c->person->bare))
      shut_out(contacts, c);
  }
}

static void on_gone(void *user, struct tt_session *session, const char *full)
{
  struct tt_contacts *contacts = user;
  if (full && session == contacts->component) {
    if (!strchr(full, '/'))
      shut_out_all(contacts, full);
  } else if (!full) {
    contacts->component = session == contacts->component ? NULL : contacts->component;
    contacts->account.session = session == contacts->account.session ? NULL : contacts->account.session;
  }
}

/* ---- Life ---------------------------------------------------------------------------------------------------- */

static void load(struct tt_contacts *contacts)
{
  int r = tt_contact_list_load(&contacts->list, contacts->state_dir);
  if (r < 0)
    tt_log(TT_LOG_WARNING, "contacts", "who has subscribed to what cannot be read and is begun anew: %s",
           strerror(-r));
  for (struct tt_contact_thing *thing = contacts->list.things; thing; thing = thing->hh.next) {
    struct tt_node *node =
        tt_contact_is_gateway(thing) ? NULL : tt_tree_find(tt_core_tree(core_of(contacts)), thing->key, NULL, NULL);
    thing->node = node ? node->id : 0;
  }
}

int tt_contacts_create(struct tt_router *router, const struct tt_contacts_options *options,
                       struct tt_contacts **ret)
{
  struct tt_contacts *contacts = calloc(1, sizeof(*contacts));
  if (!contacts)
    return -ENOMEM;
  contacts->router = router;
  contacts->due_us = contacts->save_us = TT_NEVER;
  contacts->budget = TT_CONTACT_PRESENCE_RATE * TT_USEC_PER_SEC;
  contacts->budget_us = now_of(contacts).mono_us;
  contacts->review_us = contacts->budget_us + TT_CONTACT_REVIEW_US;
  contacts->state_dir = options->state_dir ? strdup(options->state_dir) : NULL;
  contacts->language = options->language ? strdup(options->language) : NULL;
  int r = (options->state_dir && !contacts->state_dir) || (options->language && !contacts->language) ? -ENOMEM : 0;
  if (r == 0)
    r = tt_tree_listen(tt_core_tree(router->config.core), on_change, contacts);
  if (r == 0)
    r = tt_router_on_gone(router, on_gone, contacts);
  if (r == 0)
    r = tt_router_on_online(router, on_online, contacts);
  if (r < 0) {
    tt_contacts_destroy(contacts);
    return r;
  }
  if (contacts->state_dir)
    load(contacts);
  router->contacts = contacts;
  *ret = contacts;
  return 0;
}

void tt_contacts_stop(struct tt_contacts *contacts)
{
  if (!contacts || contacts->is_stopped)
    return;
  for (struct tt_contact *c = contacts->list.all; c; c = c->next)
    if (c->is_shown && !c->person->is_away)
      send(contacts, c, NULL, "unavailable", NULL);
  contacts->is_stopped = true;
  if (contacts->save_us != TT_NEVER)
    save(contacts);
}

void tt_contacts_destroy(struct tt_contacts *contacts)
{
  if (!contacts)
    return;
  if (contacts->save_us != TT_NEVER)
    save(contacts);
  for (struct check *check = contacts->checks, *next; check; check = next) {
    next = check->next;
    check->contacts = NULL;
  }
  if (contacts->router->contacts == contacts)
    contacts->router->contacts = NULL;
  tt_contact_list_finish(&contacts->list);
  free(contacts->state_dir);
  free(contacts->language);
  free(contacts);
}

size_t tt_contacts_count(const struct tt_contacts *contacts)
{
  return contacts->list.n;
}
