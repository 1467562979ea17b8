/* SPDX-License-Identifier: Apache-2.0
 *
 * config.h: the configuration, read and checked. Everything in it lives in one arena until tt_config_destroy().
 * Broken devices and connections are there, marked disabled with their message; the rest is usable. No network.
 */
#pragma once

#include "model/core.h"
#include "model/publish.h"
#include "model/room.h"
#include "model/rule.h"

#include <stdio.h>
#include <thingtree/bridge.h>

/* Limits (each has a test). */
#define TT_CONFIG_FILE_MAX    (4u * 1024 * 1024) /* bytes of one file */
#define TT_CONFIG_FILES_MAX   1000
#define TT_CONFIG_DEPTH_MAX   32     /* nesting in YAML */
#define TT_CONFIG_ITEMS_MAX   500000 /* scalars, lists, maps in all files */
#define TT_CONFIG_MEMORY_MAX  (512u * 1024 * 1024)
#define TT_DEVICES_MAX        20000
#define TT_CONNECTIONS_MAX    200
#define TT_POLL_CLASSES_MAX   64
#define TT_POLL_SLOTS_MAX     (2 * TT_POLL_CLASSES_MAX) /* indices of poll classes, with those that went */
#define TT_MATCH_FACTS_MAX    32                        /* of one mapping */
#define TT_MATCH_PATTERNS_MAX 64                        /* of one fact */
#define TT_DIAGS_MAX          1000                      /* messages kept; the rest is counted */
/* Of what devices say of themselves: scalars, lists and maps of one; bytes of all, in the order of the files. */
#define TT_DESCRIPTION_ITEMS_MAX  50000
#define TT_DESCRIPTIONS_BYTES_MAX (64u * 1024 * 1024)

struct tt_server_config {
  const char *host; /* NULL: from the JID, by DNS */
  int64_t port;     /* 0: the default */
  const char *ca;   /* PEM file trusted in addition to the system's; NULL */
  bool is_trusted;  /* of a component: may be another machine, though the stream has no TLS */
};

struct tt_account_config {
  bool is_set;
  const char *jid, *password;
  struct tt_server_config server;
};

struct tt_component_config {
  bool is_set;
  const char *jid, *secret;
  struct tt_server_config server; /* loopback or trusted: this stream has no TLS */
};

enum tt_dialect_flag { TT_DIALECT_XEP = 1, TT_DIALECT_NF = 2, TT_DIALECT_NFI = 4, TT_DIALECT_IEEE = 8 };

struct tt_xmpp_config {
  struct tt_account_config account;
  struct tt_component_config component;
  const struct tt_room *rooms;
  size_t n_rooms;
  unsigned dialects;         /* advertised; all four are answered */
  int64_t stanza_max;        /* bytes of one stanza we send; 65536, at least 10000 */
  bool control_by_message;   /* XEP-0325 3.3: default true */
  bool compat_response_code; /* default true: slixmpp needs it */
  const struct tt_publish *publish;
  size_t n_publish;
};

struct tt_connection_config {
  const char *name;
  const struct tt_bridge_ops *ops; /* NULL: unknown protocol (disabled) */
  const void *options;
  /* How long one read or write of a device may take: `timeout:`, default 10 s. When the bridge's own connection table
   * has an option of that name (Modbus: how long one answer may take), it is the bridge's alone and this is 10 s. */
  uint64_t timeout_us;
  struct tt_mark mark;
  bool is_isolated; /* `isolate:`: the bridge runs in a process of its own */
  bool is_implicit; /* made for devices without `connection:`; its name is the protocol's */
  bool is_disabled;
  const char *error; /* why; one sentence with file:line */
};

/* A place that has a label of its own (`places:`); places without come and go with their devices. */
struct tt_place_config {
  const char *path;
  struct tt_label label;
  struct tt_mark mark;
};

struct tt_device_entry {
  struct tt_device_config config; /* options and points are complete only when not disabled */
  const char *place;              /* path from `under:`; "" */
  struct tt_label label;
  const char *type; /* node type "thingtree.device.<protocol>" */
  const char *vendor, *model, *mapping;
  size_t connection; /* index; SIZE_MAX when unknown */
  bool is_disabled;
  const char *error;                      /* the first error, with file:line:column */
  const struct tt_parameter_config *with; /* of its mapping, with defaults */
  size_t n_with;
  const char *notice; /* what is wrong with its own description and was left out; NULL */
};

enum tt_param_type { TT_PARAM_STRING, TT_PARAM_INTEGER, TT_PARAM_NUMBER, TT_PARAM_BOOLEAN, TT_PARAM_SECRET };

/* One parameter of a mapping, or its value for a device. */
struct tt_parameter_config {
  const char *name;
  const char *text; /* value of a device; NULL: it has none, or it is a secret */
  bool is_required, is_secret;
  /* Of a mapping only. */
  enum tt_param_type type;
  bool has_range;
  double min, max;
  const char *preset; /* the default as written; NULL: none, or a secret */
  struct tt_label label;
  const char *help; /* NULL */
};

/* A pattern of `match:`: at least one of the patterns fits a value of the fact. */
struct tt_match_fact {
  const char *name;
  struct tt_texts patterns;
};

/* A mapping that is there, used or not (tt_config_env.with_mappings). */
struct tt_mapping_config {
  const char *name, *protocol;
  const struct tt_match_fact *match;
  size_t n_match; /* 0: it fits nothing by itself */
  const struct tt_parameter_config *params;
  size_t n_params;
  struct tt_label label;
  const char *vendor, *model; /* NULL */
};

struct tt_config {
  struct tt_xmpp_config xmpp;
  struct tt_texts languages;
  struct tt_rule *rules;
  size_t n_rules;
  struct tt_poll_class *polls; /* name NULL: nobody's index */
  size_t n_polls;
  struct tt_connection_config *connections;
  size_t n_connections;
  struct tt_device_entry *devices; /* in order of the files */
  size_t n_devices, n_disabled;
  /* Devices that cannot even be nodes, for their key is not legal or taken: only the diagnostics tell of them. */
  size_t n_refused;
  struct tt_place_config *places;
  size_t n_places;
  struct tt_mapping_config *mappings; /* with_mappings: those that can be used, by name */
  size_t n_mappings;
  struct tt_texts includes; /* `include:` as written */
  struct tt_texts files;    /* every file that was read, in order */
  bool is_usable;           /* false: thingtree.yaml itself is wrong */
  /* Errors that belong to no device and no connection: a file that cannot be read, a key that stands twice. Things may be
   * missing because of them. */
  size_t n_loose_errors;
  size_t n_users; /* tt_config_ref() beside the first */
};

struct tt_config_env {
  const char *file;        /* thingtree.yaml */
  const char *credentials; /* --credentials DIR; NULL */
  /* A protocol's table; NULL when there is no such bridge. `names` (for "did you mean") ends with NULL. */
  const struct tt_bridge_ops *(*bridge)(void *user, const char *protocol);
  /* Why `bridge` gave NULL although there is one of that name: a sentence ("bridge mqtt cannot be used: ..."), the
   * message then; NULL: it is unknown. The function may be NULL. */
  const char *(*why)(void *user, const char *protocol);
  const char *const *names;
  void *user;
  bool with_mappings; /* also those that no device uses */
  /* What the device `key`, which uses `mapping`, has said of itself (tt_describe()): JSON that nobody has looked at, on
   * the heap; NULL: nothing. The function may be NULL. */
  char *(*described)(void *user, const char *key, const char *mapping);
  void *described_user;
  /* The configuration that runs: a poll class that is the same in both keeps its index, and no other gets one that
   * there is in it. NULL: none runs. */
  const struct tt_config *before;
  /* With it: which indices of poll classes devices run by, TT_POLL_SLOTS_MAX of them, for a device that was not asked for may
   * run by a class that went long ago. NULL: by none that has no name any more. */
  const bool *polls_used;
  /* What one of the included files is about to be: `name` as `include:` writes it, whether it is there or not, and the
   * file that is read in its place. NULL: all are as they are. */
  const char *instead_name, *instead_path;
};

/* How well what was found fits: 0 not at all; each fact that must fit counts, then what its patterns say literally. Pure. */
unsigned tt_match_score(const struct tt_mapping_config *mapping, const struct tt_candidate *candidate);
/* The mapping of the protocol that fits best, the first by name of several; NULL. */
const struct tt_mapping_config *tt_match_best(const struct tt_config *config, const char *protocol,
                                              const struct tt_candidate *candidate);
/* No pattern of it has a wildcard. */
bool tt_match_is_exact(const struct tt_mapping_config *mapping);
/* The first value of a fact; NULL. */
const char *tt_candidate_fact(const struct tt_candidate *candidate, const char *name);

/* Always gives a configuration and the diagnostics, unless out of memory (-ENOMEM). */
int tt_config_load(const struct tt_config_env *env, struct tt_config **ret_config, struct tt_diags **ret_diags);
/* One more who uses it; each of them destroys it. */
struct tt_config *tt_config_ref(struct tt_config *config);
void tt_config_destroy(struct tt_config *config); /* the last: wipes secrets */

/* Diagnostics as people read them (CONFIGURATION in the manual). The source lines are read while the
 * configuration lives: render before destroying it. */
void tt_diags_render(const struct tt_diags *diags, bool with_colour, struct tt_buf *out);
/* As JSON lines, for scripts. */
void tt_diags_render_json(const struct tt_diags *diags, struct tt_buf *out);
size_t tt_diags_count(const struct tt_diags *diags, enum tt_severity severity);
void tt_diags_destroy(struct tt_diags *diags);
