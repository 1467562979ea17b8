/* SPDX-License-Identifier: Apache-2.0
 *
 * discover.h: what bridges see, kept for a while under short keys that are the same the next time, and what might become of
 * it. None of it is believed, and nothing is adopted without being asked. Main thread.
 */
#pragma once

#include "bridge/host.h"

#define TT_FOUND_MAX      5000 /* kept; the oldest make room */
#define TT_FOUND_KEEP_US  (3600 * TT_USEC_PER_SEC)
#define TT_FOUND_KEY_SIZE 16

struct sd_event;
struct tt_discoverer;

/* One that was seen. Its texts live until it is seen again, or forgotten. */
struct tt_found {
  char key[TT_FOUND_KEY_SIZE]; /* of (connection, id) */
  const char *connection, *protocol;
  struct tt_candidate candidate;
};

/* What might become of it. Texts live as long as configuration and candidate do. */
struct tt_proposal {
  const struct tt_mapping_config *mapping; /* NULL: none fits */
  const char *sure;   /* "exact": all patterns are literal; "pattern"; "described": by itself; "none" */
  const char *device; /* it is there already, as this; NULL */
  char missing[512];  /* parameters that nobody knows: "password, key"; "" */
};
/* What somebody gives beside the facts, and instead of them. */
struct tt_given {
  const struct tt_fact *all;
  size_t n;
};
/* NULL: there is none of this name and protocol. `config` has its mappings; `name` may be NULL. */
const struct tt_mapping_config *tt_mapping_find(const struct tt_config *config, const char *name,
                                                const char *protocol);
/* The value of a parameter of a mapping: given, or a fact; NULL: nobody knows. A secret is taken from no device. */
const char *tt_parameter_value(const struct tt_parameter_config *param, const struct tt_candidate *candidate,
                               const struct tt_given *given);
/* Parameters that are needed and have no value, as "password, key". */
void tt_parameters_missing(const struct tt_mapping_config *mapping, const struct tt_candidate *candidate,
                           const struct tt_given *given, char *out, size_t size);
/* Pure. `config` has its mappings. */
void tt_propose(const struct tt_config *config, const struct tt_found *found, struct tt_proposal *ret);

struct tt_discovery_sink {
  void *user;
  void (*found)(void *user, const struct tt_found *found);
  void (*problem)(void *user, const char *connection, const char *text);
  void (*blind)(void *user, const char *connection, const char *text); /* it cannot look, which is no fault */
  void (*done)(void *user);
};

int tt_discoverer_create(struct sd_event *event, struct tt_host *host, struct tt_discoverer **ret);
void tt_discoverer_destroy(struct tt_discoverer *discoverer); /* tells nobody any more; NULL is fine */
/* Ask one connection, or (NULL) all that can be asked. The sink is called later, `done` last. -ENOENT: there is no such
 * connection; -EBUSY: one is under way. */
int tt_discoverer_start(struct tt_discoverer *discoverer, const char *connection, uint64_t timeout_us,
                        const struct tt_discovery_sink *sink);
/* NULL: it was not seen, or too long ago. */
const struct tt_found *tt_discoverer_find(struct tt_discoverer *discoverer, const char *key);
