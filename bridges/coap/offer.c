/* SPDX-License-Identifier: Apache-2.0
 * Links made into candidates. */
#include "offer.h"

#include <stdio.h>
#include <uthash.h>

#define NUMBER_MAX 65535 /* of an object, an instance, a resource */

struct cb_offer {
  UT_hash_handle hh; /* by id */
  char *address, *name;
  struct tt_fact facts[TT_CANDIDATE_FACTS_MAX]; /* names are constant, values on the heap */
  size_t n_facts;
  bool is_failed;
  char id[];
};

/* ---- Instances of objects ---------------------------------------------------------------------------------------- */
struct instance {
  char object[8], resource[8]; /* resource: "" when the link is the instance itself */
  size_t size;                 /* of its path: /3303/0 */
};

/* "/N" taken off `*path`; as LwM2M writes numbers: no sign, no leading zero. */
static bool take_number(const char **path, char out[static 8])
{
  const char *digits = *path + 1;
  size_t n = **path == '/' ? strspn(digits, "0123456789") : 0;
  int64_t number;
  if (n == 0 || n > strlen("65535") || (digits[0] == '0' && n > 1))
    return false;
  snprintf(out, 8, "%.*s", (int)n, digits);
  if (tt_int64_parse(out, &number) < 0 || number > NUMBER_MAX)
    return false;
  *path = digits + n;
  return true;
}

/* Is the path that of an instance, or of a resource of one? */
static bool find_instance(const char *path, struct instance *ret)
{
  struct instance instance = {0};
  const char *at = path;
  char number[8];
  if (!take_number(&at, instance.object) || !take_number(&at, number))
    return false;
  instance.size = (size_t)(at - path);
  if (*at && (!take_number(&at, instance.resource) || *at))
    return false;
  *ret = instance;
  return true;
}

/* ---- Facts --------------------------------------------------------------------------------------------------------- */
static void fact(struct cb_offer *o, const char *name, size_t max, const char *value)
{
  size_t n_same = 0;
  for (size_t i = 0; i < o->n_facts; i++)
    if (!strcmp(o->facts[i].name, name)) {
      if (!strcmp(o->facts[i].value, value))
        return;
      n_same++;
    }
  if (!*value || n_same >= max)
    return;
  char *copy = strdup(value);
  if (copy)
    o->facts[o->n_facts++] = (struct tt_fact){name, copy};
  o->is_failed |= !copy;
}

static void words(struct cb_offer *o, const char *name, const char *list)
{
  char word[CB_LINK_TEXT_MAX + 1];
  while (cb_word_next(&list, word))
    fact(o, name, CB_OFFER_WORDS_MAX, word);
}

static void where(struct cb_offer *o, const struct cb_base *base, const char *path)
{
  char host[CB_HOST_MAX + 40], port[8];
  bool is_v6 = base->kind == CB_HOST_IPV6;
  snprintf(port, sizeof port, "%u", base->port);
  snprintf(host, sizeof host, "%s%s%s%s%s", is_v6 ? "[" : "", base->host, *base->scope ? "%" : "", base->scope,
           is_v6 ? "]" : "");
  fact(o, "scheme", 1, base->is_dtls ? "coaps" : "coap");
  fact(o, "host", 1, host);
  fact(o, "port", 1, port);
  fact(o, "path", 1, path);
}

/* ---- Offers -------------------------------------------------------------------------------------------------------- */
static void destroy(struct cb_offer *o)
{
  for (size_t i = 0; i < o->n_facts; i++)
    free((char *)(uintptr_t)o->facts[i].value);
  free(o->address);
  free(o->name);
  free(o);
}

static struct cb_offer *find_or_make(struct cb_offers *offers, const struct cb_base *base, const char *path)
{
  TT_AUTOBUF struct tt_buf id = TT_BUF(0);
  struct cb_offer *o = NULL;
  cb_base_print(base, &id);
  size_t n = id.len;
  tt_buf_puts(&id, path);
  if (id.failed)
    return NULL;
  HASH_FIND(hh, offers->all, id.data, id.len, o);
  if (o)
    return o;
  o = calloc(1, sizeof *o + id.len + 1);
  if (!o)
    return NULL;
  memcpy(o->id, id.data, id.len);
  o->address = strndup(id.data, n);
  o->name = strdup(path);
  where(o, base, path);
  if (!o->address || !o->name || o->is_failed) {
    destroy(o);
    return NULL;
  }
  HASH_ADD_KEYPTR(hh, offers->all, o->id, id.len, o);
  return o;
}

/* What a link says of itself, not of the resources below it. */
static void describe(struct cb_offer *o, const struct cb_link *link)
{
  fact(o, "ct", 1, link->ct);
  fact(o, "title", 1, link->title);
  fact(o, "obs", 1, link->is_observable ? "true" : "");
  char *name = *link->title ? strdup(link->title) : NULL;
  if (name) {
    free(o->name);
    o->name = name;
  }
}

int cb_offers_add(struct cb_offers *offers, const struct cb_base *base, const char *path,
                  const struct cb_link *link)
{
  struct instance instance = {.size = strlen(path)};
  char of[CB_PATH_MAX + 1];
  bool is_instance = find_instance(path, &instance);
  snprintf(of, sizeof of, "%.*s", (int)instance.size, path);
  struct cb_offer *o = find_or_make(offers, base, of);
  if (!o)
    return -ENOMEM;
  if (is_instance)
    fact(o, "object", 1, instance.object);
  words(o, "rt", link->rt);
  words(o, "if", link->if_);
  fact(o, "resource", CB_OFFER_RESOURCES_MAX, instance.resource);
  if (!*instance.resource)
    describe(o, link);
  return o->is_failed ? -ENOMEM : 0;
}

void cb_offers_tell(const struct cb_offers *offers, void (*fn)(void *user, const struct tt_candidate *candidate),
                    void *user)
{
  for (const struct cb_offer *o = offers->all; o; o = o->hh.next)
    fn(user, &(struct tt_candidate){
                 .id = o->id, .name = o->name, .address = o->address, .facts = o->facts, .n_facts = o->n_facts});
}

void cb_offers_finish(struct cb_offers *offers)
{
  struct cb_offer *o, *next;
  HASH_ITER(hh, offers->all, o, next) {
    HASH_DEL(offers->all, o);
    destroy(o);
  }
}
