/* SPDX-License-Identifier: Apache-2.0
 * discover.c: asking bridges what they see, keeping it, and proposing what might become of it. */
#include "discover.h"

#include <stdio.h>
#include <systemd/sd-event.h>
#include <uthash.h>

#define CANDIDATE_MEMORY ((size_t)64 * 1024)

struct kept {
  struct tt_found found; /* first */
  struct tt_arena *arena;
  uint64_t seen_us;
  UT_hash_handle hh; /* by key, in the order in which they were seen last */
};

/* One connection that is being asked. */
struct asked {
  struct tt_discoverer *discoverer;
  char *connection, *protocol;
};

struct tt_discoverer {
  struct sd_event *event;
  struct tt_host *host;
  struct kept *all;
  struct tt_discovery_sink sink;
  struct asked asked[TT_CONNECTIONS_MAX];
  size_t n_asked, n_open;
  bool is_one;            /* one connection was named */
  sd_event_source *later; /* when nobody could be asked */
};

/* ---- Proposals ------------------------------------------------------------------------------------------------- */

/* Given all that they have in common, and something: it is this device. */
static bool is_it(const struct tt_device_entry *entry, const struct tt_candidate *candidate)
{
  size_t n_same = 0;
  for (size_t i = 0; i < entry->n_with; i++) {
    const char *fact = tt_candidate_fact(candidate, entry->with[i].name);
    if (!fact || !entry->with[i].text)
      continue;
    if (strcmp(fact, entry->with[i].text) != 0)
      return false;
    n_same++;
  }
  return n_same > 0;
}

static const char *find_device(const struct tt_config *config, const struct tt_found *found)
{
  for (size_t i = 0; i < config->n_devices; i++) {
    const struct tt_device_entry *entry = &config->devices[i];
    if (entry->connection < config->n_connections &&
        strcmp(config->connections[entry->connection].name, found->connection) == 0 &&
        is_it(entry, &found->candidate))
      return entry->config.key;
  }
  return NULL;
}

const struct tt_mapping_config *tt_mapping_find(const struct tt_config *config, const char *name,
                                                const char *protocol)
{
  for (size_t i = 0; name && i < config->n_mappings; i++)
    if (strcmp(config->mappings[i].name, name) == 0 && strcmp(config->mappings[i].protocol, protocol) == 0)
      return &config->mappings[i];
  return NULL;
}

const char *tt_parameter_value(const struct tt_parameter_config *param, const struct tt_candidate *candidate,
                               const struct tt_given *given)
{
  for (size_t i = 0; i < given->n; i++)
    if (strcmp(given->all[i].name, param->name) == 0)
      return given->all[i].value;
  return param->is_secret ? NULL : tt_candidate_fact(candidate, param->name);
}

void tt_parameters_missing(const struct tt_mapping_config *mapping, const struct tt_candidate *candidate,
                           const struct tt_given *given, char *out, size_t size)
{
  size_t n = 0;
  *out = '\0';
  for (size_t i = 0; i < mapping->n_params && n < size; i++) {
    const struct tt_parameter_config *param = &mapping->params[i];
    if (param->is_required && !tt_parameter_value(param, candidate, given))
      n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", param->name);
  }
}

void tt_propose(const struct tt_config *config, const struct tt_found *found, struct tt_proposal *ret)
{
  const struct tt_candidate *candidate = &found->candidate;
  const struct tt_mapping_config *m = tt_match_best(config, found->protocol, candidate);
  *ret = (struct tt_proposal){.device = find_device(config, found), .sure = "none"};
  if (m)
    ret->sure = tt_match_is_exact(m) ? "exact" : "pattern";
  else if ((m = tt_mapping_find(config, candidate->uses, found->protocol)))
    ret->sure = "described";
  ret->mapping = m;
  if (m)
    tt_parameters_missing(m, candidate, &(struct tt_given){0}, ret->missing, sizeof(ret->missing));
}

/* ---- Keeping ------------------------------------------------------------------------------------------------------ */

static void make_key(char key[static TT_FOUND_KEY_SIZE], const char *connection, const char *id, unsigned again)
{
  static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789"; /* 32, none like another */
  uint64_t hash = UINT64_C(0xcbf29ce484222325) + again;
  const char *texts[] = {connection, id};
  for (size_t i = 0; i < TT_COUNT(texts); i++)
    for (size_t k = 0; k == 0 || texts[i][k - 1]; k++) /* with its end */
      hash = (hash ^ (unsigned char)texts[i][k]) * UINT64_C(0x100000001b3);
  hash ^= hash >> 32;
  for (size_t i = 0; i < 6; i++, hash >>= 5)
    key[i] = letters[hash & 31];
  key[6] = '\0';
}

static void forget(struct tt_discoverer *d, struct kept *kept)
{
  HASH_DEL(d->all, kept);
  tt_arena_destroy(kept->arena);
  free(kept);
}

static bool copy_candidate(struct tt_arena *arena, const struct tt_candidate *from, struct tt_candidate *to)
{
  const struct {
    const char *from, **to;
  } texts[] = {{from->id, &to->id},       {from->name, &to->name},       {from->vendor, &to->vendor},
               {from->model, &to->model}, {from->address, &to->address}, {from->uses, &to->uses}};
  struct tt_fact *facts = tt_arena_alloc(arena, (from->n_facts + 1) * sizeof(*facts));
  bool is_copied = facts;
  for (size_t i = 0; i < TT_COUNT(texts); i++) {
    *texts[i].to = tt_arena_strdup(arena, texts[i].from);
    is_copied &= !texts[i].from || *texts[i].to;
  }
  for (size_t i = 0; is_copied && i < from->n_facts; i++) {
    facts[i].name = tt_arena_strdup(arena, from->facts[i].name);
    facts[i].value = tt_arena_strdup(arena, from->facts[i].value);
    is_copied = facts[i].name && facts[i].value;
  }
  to->facts = facts;
  to->n_facts = from->n_facts;
  return is_copied;
}

static struct kept *keep(struct tt_discoverer *d, const struct asked *asked, const struct tt_candidate *candidate)
{
  struct kept *kept = calloc(1, sizeof(*kept)), *other;
  if (!kept || !(kept->arena = tt_arena_create(CANDIDATE_MEMORY))) {
    free(kept);
    return NULL;
  }
  struct tt_found *found = &kept->found;
  found->connection = tt_arena_strdup(kept->arena, asked->connection);
  found->protocol = tt_arena_strdup(kept->arena, asked->protocol);
  if (!found->connection || !found->protocol || !copy_candidate(kept->arena, candidate, &found->candidate)) {
    tt_arena_destroy(kept->arena);
    free(kept);
    return NULL;
  }
  for (unsigned again = 0;; again++) {
    make_key(found->key, found->connection, found->candidate.id, again);
    HASH_FIND_STR(d->all, found->key, other);
    if (!other)
      break;
    if (strcmp(other->found.connection, found->connection) == 0 &&
        strcmp(other->found.candidate.id, found->candidate.id) == 0) {
      forget(d, other);
      break;
    }
  }
  sd_event_now(d->event, CLOCK_MONOTONIC, &kept->seen_us);
  while (HASH_COUNT(d->all) >= TT_FOUND_MAX)
    forget(d, d->all);
  HASH_ADD_STR(d->all, found.key, kept);
  return kept;
}

const struct tt_found *tt_discoverer_find(struct tt_discoverer *d, const char *key)
{
  struct kept *kept;
  uint64_t now_us;
  sd_event_now(d->event, CLOCK_MONOTONIC, &now_us);
  while (d->all && d->all->seen_us + TT_FOUND_KEEP_US < now_us)
    forget(d, d->all);
  HASH_FIND_STR(d->all, key, kept);
  return kept ? &kept->found : NULL;
}

/* ---- Asking ------------------------------------------------------------------------------------------------------- */

static void end(struct tt_discoverer *d)
{
  struct tt_discovery_sink sink = d->sink;
  for (size_t i = 0; i < d->n_asked; i++) {
    free(d->asked[i].connection);
    free(d->asked[i].protocol);
  }
  d->n_asked = 0;
  d->sink = (struct tt_discovery_sink){0};
  if (sink.done)
    sink.done(sink.user);
}

static void on_candidate(void *user, const struct tt_candidate *candidate)
{
  struct asked *asked = user;
  struct tt_discoverer *d = asked->discoverer;
  struct kept *kept = keep(d, asked, candidate);
  if (kept && d->sink.found)
    d->sink.found(d->sink.user, &kept->found);
}

/* Who cannot look is a problem only when somebody wants to know it of just that one. */
static void tell(struct tt_discoverer *d, const char *connection, int error, const char *text)
{
  if (error == -EOPNOTSUPP && !d->is_one && d->sink.blind)
    d->sink.blind(d->sink.user, connection, text);
  else if ((error != -EOPNOTSUPP || d->is_one) && d->sink.problem)
    d->sink.problem(d->sink.user, connection, text);
}

static void on_done(void *user, int error, const char *text)
{
  struct asked *asked = user;
  struct tt_discoverer *d = asked->discoverer;
  if (error < 0)
    tell(d, asked->connection, error, text && *text ? text : strerror(-error));
  if (--d->n_open == 0)
    end(d);
}

static int on_later(sd_event_source *source, void *user)
{
  (void)source;
  end(user);
  return 0;
}

static const char *why_not(int error)
{
  switch (error) {
  case -EOPNOTSUPP:
    return "its protocol has no discovery";
  case -ENOTCONN:
    return "it does not run";
  case -EBUSY:
    return "it is being asked already";
  default:
    return strerror(-error);
  }
}

static int ask(struct tt_discoverer *d, const struct tt_connection_status *c, uint64_t deadline_us)
{
  struct asked *asked = &d->asked[d->n_asked];
  *asked = (struct asked){.discoverer = d, .connection = strdup(c->name), .protocol = strdup(c->protocol)};
  int r = asked->connection && asked->protocol ? 0 : -ENOMEM;
  if (r == 0)
    r = tt_host_discover(d->host, c->name, deadline_us,
                         &(struct tt_discovery_fns){.user = asked, .candidate = on_candidate, .done = on_done});
  if (r < 0) {
    free(asked->connection);
    free(asked->protocol);
    return r;
  }
  d->n_asked++;
  d->n_open++;
  return 0;
}

int tt_discoverer_start(struct tt_discoverer *d, const char *connection, uint64_t timeout_us,
                        const struct tt_discovery_sink *sink)
{
  uint64_t now_us;
  bool is_known = !connection;
  if (d->n_asked > 0 || d->sink.done)
    return -EBUSY;
  sd_event_now(d->event, CLOCK_MONOTONIC, &now_us);
  for (size_t i = 0; connection && i < tt_host_n_connections(d->host); i++)
    is_known |= strcmp(tt_host_connection(d->host, i).name, connection) == 0;
  if (!is_known)
    return -ENOENT;
  int r = sd_event_source_set_enabled(d->later, SD_EVENT_OFF);
  d->sink = *sink;
  d->is_one = connection;
  for (size_t i = 0; i < tt_host_n_connections(d->host) && i < TT_CONNECTIONS_MAX && r >= 0; i++) {
    struct tt_connection_status c = tt_host_connection(d->host, i);
    if (connection && strcmp(c.name, connection) != 0)
      continue;
    int q = ask(d, &c, now_us + timeout_us);
    if (q < 0)
      tell(d, c.name, q, why_not(q));
  }
  return d->n_open > 0 ? 0 : sd_event_source_set_enabled(d->later, SD_EVENT_ONESHOT);
}

int tt_discoverer_create(struct sd_event *event, struct tt_host *host, struct tt_discoverer **ret)
{
  struct tt_discoverer *d = calloc(1, sizeof(*d));
  if (!d)
    return -ENOMEM;
  d->event = event;
  d->host = host;
  int r = sd_event_add_defer(event, &d->later, on_later, d);
  if (r >= 0)
    r = sd_event_source_set_enabled(d->later, SD_EVENT_OFF);
  if (r < 0) {
    tt_discoverer_destroy(d);
    return r;
  }
  *ret = d;
  return 0;
}

void tt_discoverer_destroy(struct tt_discoverer *d)
{
  if (!d)
    return;
  d->sink = (struct tt_discovery_sink){0};
  end(d);
  while (d->all)
    forget(d, d->all);
  sd_event_source_disable_unref(d->later);
  free(d);
}
