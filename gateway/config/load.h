/* SPDX-License-Identifier: Apache-2.0
 *
 * load.h: what the files of this room share while a configuration is loaded. Everything here ends with
 * tt_config_load(); what stays is in struct tt_config and its arena. Main thread.
 *
 * Functions that return int give 0, -EINVAL when an error was added to the diagnostics, or -ENOMEM.
 */
#pragma once

#include "diag.h"
#include "item.h"
#include "params.h"

#define TT_NAME_MAX         64   /* bytes of the name of a field, a poll class */
#define TT_MAPPING_NAME_MAX 200  /* bytes of the name of a mapping */
#define TT_PATTERN_MAX      1024 /* bytes of a pattern in a rule */
#define TT_SEARCH_MAX       16   /* directories of `mappings:` */
#define TT_POLL_NEVER       "never"
#define TT_TIMEOUT_US       (10 * TT_USEC_PER_SEC)
#define TT_FORMAT_MAJOR     1
#define TT_FORMAT_MINOR     0

struct tt_file {
  const char *name; /* as messages show it: relative to the directory of thingtree.yaml; interned for marks */
  char *text;       /* wiped and freed at the end of loading */
  size_t size;
  const struct tt_item *root; /* NULL: could not be read or parsed */
  bool is_newer;
};

struct tt_about {
  const char *vendor, *model;
  struct tt_label label;
};

/* A mapping file, read once. */
struct tt_mapping {
  const char *name; /* "mqtt/tasmota-plug" */
  struct tt_file *file;
  const struct tt_bridge_ops *ops;
  const char *protocol;
  struct tt_about about;
  struct tt_params params;
  const struct tt_match_fact *match;
  size_t n_match;
  bool is_broken;
  size_t message; /* the first error, for devices that come later */
  const char *error;
  /* Points of a mapping without parameters in them are the same for all its devices: built once. */
  const struct tt_item *shared_points, *shared_defaults;
  const char *shared_poll;
  uint64_t shared_timeout_us;
  const struct tt_point *points;
  size_t n_points;
  /* Likewise its commands. */
  const struct tt_item *shared_commands;
  const struct tt_command *commands;
  size_t n_commands;
  struct tt_mapping *next;
};

struct tt_seen; /* device keys and place paths */

struct tt_loader {
  const struct tt_config_env *env;
  struct tt_config *config;
  struct tt_arena *arena;
  struct tt_diags *diags;
  struct tt_secrets *secrets;
  char *base; /* directory of thingtree.yaml */
  size_t items_left;
  size_t description_left; /* bytes of TT_DESCRIPTIONS_BYTES_MAX */
  struct tt_file files[TT_CONFIG_FILES_MAX];
  size_t n_files;
  size_t n_configs; /* the first of them are thingtree.yaml and what it includes; the rest are mappings */
  struct tt_texts search;
  struct tt_mapping *mappings;
  struct tt_seen *seen, *labelled;               /* labelled: places that have a label */
  struct tt_seen *addressed;                     /* by local part; when there is a component */
  size_t connection_message[TT_CONNECTIONS_MAX]; /* first error of each connection */
  size_t connection_devices[TT_CONNECTIONS_MAX];
};

/* ---- load.c ---- */
/* Read and parse a file. `name` is relative to the base or absolute; `at` is who names it, {0}: the command line.
 * ret_file is set also on -EINVAL, with root NULL, when the file could be opened; else it is NULL. */
int tt_load_file(struct tt_loader *l, const char *name, struct tt_mark at, struct tt_file **ret_file);
char *tt_load_path(const struct tt_loader *l, const char *name); /* on the heap */
struct tt_table_env tt_load_env(const struct tt_loader *l, const struct tt_file *file);
/* `version:` of a file: 0 and is_newer, -EINVAL when it is of a newer major version. */
int tt_load_version(struct tt_loader *l, struct tt_file *file);
/* A top-level key of a configuration file with its holes filled and its keys checked; *ret NULL when absent. */
int tt_load_section(struct tt_loader *l, struct tt_file *file, const char *key, const struct tt_item **ret);
/* Copy a scope's first error into the arena, and free it. */
const char *tt_load_scope_error(struct tt_loader *l, struct tt_diag_scope *scope);

/* ---- sections.c: what stands once in thingtree.yaml ---- */
int tt_load_languages(struct tt_loader *l, struct tt_file *file);
int tt_load_polls(struct tt_loader *l, struct tt_file *file); /* also of included files */
int tt_load_poll_presets(struct tt_loader *l);
int tt_load_number_polls(struct tt_loader *l); /* by those of the configuration before */
int tt_load_access(struct tt_loader *l, struct tt_file *file);
int tt_load_xmpp(struct tt_loader *l, struct tt_file *file);
extern const struct tt_option tt_poll_options[], tt_rule_options[], tt_xmpp_options[];
/* The index of a class, -1 for "never"; -EINVAL is said in diags. */
int tt_load_poll_class(struct tt_loader *l, const struct tt_item *item, int *ret_class);

/* ---- rooms.c: `rooms:` below `xmpp:` ---- */
extern const struct tt_option tt_room_options[];
/* What the table cannot say; `item` may be NULL: there are none. */
int tt_load_rooms(struct tt_loader *l, const struct tt_item *item, const struct tt_list *rooms,
                  struct tt_xmpp_config *out);

/* ---- pattern.c ---- */
enum tt_jid_part { TT_JID_LOCAL = 1, TT_JID_RESOURCE = 2 };
/* Is it an XMPP address? `parts`: which there may be beside the domain; those in `needed` there must be. */
bool tt_load_is_jid(const char *text, unsigned parts, unsigned needed);
int tt_load_bad_jid(struct tt_loader *l, const struct tt_item *item, const char *example); /* says so: -EINVAL */
/* The patterns below `key`, if it is there: each can match something. */
int tt_load_globs(struct tt_loader *l, const struct tt_item *map, const char *key);

/* ---- publish.c ---- */
extern const struct tt_option tt_publish_options[];
extern const struct tt_choice tt_dialect_choices[];
/* What `publish:` says, read already, into `xmpp`, whose account is known. */
int tt_load_publish(struct tt_loader *l, const struct tt_item *item, const struct tt_list *list,
                    struct tt_xmpp_config *xmpp);

/* ---- label.c ---- */
/* A label: a text, or a text per language; the first of `languages` that is there comes first. */
int tt_load_label(struct tt_loader *l, const struct tt_table_env *env, const struct tt_item *item,
                  struct tt_label *ret);

/* ---- places.c ---- */
int tt_load_places(struct tt_loader *l, struct tt_file *file);
/* Is this a legal path of places? */
int tt_load_place_path(struct tt_loader *l, const char *path, struct tt_mark at);
/* Take the id for a device or a place. -EEXIST: the other mark is in ret_other. Places may be taken again. */
int tt_load_take(struct tt_loader *l, const char *id, bool is_place, struct tt_mark at, struct tt_mark *ret_other,
                 bool *ret_other_is_place);
/* Take the XMPP address of an id, when there is a component. -EINVAL, said: another id has it. */
int tt_load_take_address(struct tt_loader *l, const char *id, struct tt_mark at);
void tt_load_forget_taken(struct tt_loader *l);

/* ---- connection.c ---- */
extern const struct tt_option tt_connection_options[];
int tt_load_connections(struct tt_loader *l, struct tt_file *file);
/* The bridge of a protocol, or what is wrong with it. */
int tt_load_bridge(struct tt_loader *l, const char *protocol, struct tt_mark at,
                   const struct tt_bridge_ops **ret_ops);
/* The connection that a device names (NULL: the implicit one of its protocol, made when there is none yet). */
int tt_load_connection_of(struct tt_loader *l, const struct tt_item *name, const struct tt_mapping *mapping,
                          struct tt_mark at, size_t *ret_index);

/* ---- mapping.c ---- */
extern const struct tt_option tt_mapping_options[];
int tt_load_mapping(struct tt_loader *l, const struct tt_item *uses, struct tt_mapping **ret);
/* `about:` (NULL: none). */
int tt_load_about(struct tt_loader *l, const struct tt_table_env *env, const struct tt_item *item,
                  struct tt_about *ret);

/* ---- describe.c: what a device says of itself ---- */
struct tt_description {
  const struct tt_item *points, *commands; /* maps; NULL: none */
  struct tt_about about;
};
/* Nothing of it is an error: what is wrong is a warning, left out, and counted by `lenient`. -ENOMEM */
int tt_load_description(struct tt_loader *l, const char *key, const char *mapping, struct tt_diag_leniency *lenient,
                        struct tt_description *ret);
/* The points (or commands) of a description below those of the mapping, whose keys win. NULL: no memory. */
const struct tt_item *tt_load_described_points(struct tt_arena *arena, const struct tt_item *described,
                                               const struct tt_item *points);

/* ---- match.c ---- */
int tt_load_match(const struct tt_table_env *env, const struct tt_item *item, const struct tt_match_fact **ret,
                  size_t *ret_n);
int tt_load_all_mappings(struct tt_loader *l); /* into the configuration */

/* ---- device.c ---- */
extern const struct tt_option tt_device_options[];
int tt_load_devices(struct tt_loader *l, struct tt_file *file);

/* ---- point.c ---- */
struct tt_points_source {
  struct tt_loader *loader;
  struct tt_table_env env;
  const struct tt_bridge_ops *ops;
  const struct tt_item *defaults, *points; /* of the mapping, holes filled; NULL: none */
  const struct tt_item *overrides;         /* of the device; NULL */
  /* Points that the device has described itself (NULL: none), and those that the mapping has without them: one of the
   * former that is wrong is left out, or as the mapping has it. `points` has both. */
  const struct tt_item *described, *plain;
  struct tt_diag_leniency *lenient;
  const char *mapping;
  int poll; /* class of points that name none; -1 */
  uint64_t timeout_us;
};
extern const struct tt_option tt_point_options[], tt_write_options[];
int tt_load_points(const struct tt_points_source *source, const struct tt_point **ret_points, size_t *ret_n);

/* ---- command.c ---- */
extern const struct tt_option tt_command_options[], tt_argument_options[];
/* Likewise of commands: those are what stands in `points` of the source; it has no defaults and no poll class. */
int tt_load_commands(const struct tt_points_source *source, const struct tt_command **ret_commands, size_t *ret_n);

/* ---- map.c ---- */
/* A value of the point's type, written in a file. Texts live in the arena. */
int tt_load_value(const struct tt_table_env *env, enum tt_type type, const struct tt_item *item, const char *what,
                  struct tt_value *ret);
int tt_load_map(const struct tt_table_env *env, const struct tt_item *item, enum tt_type type,
                const struct tt_map_entry **ret, size_t *ret_n);
int tt_load_bits(const struct tt_table_env *env, const struct tt_item *item, const struct tt_map_entry **ret,
                 size_t *ret_n);
/* A map that is also gone backwards must give each value once. */
int tt_load_check_invertible(const struct tt_table_env *env, const struct tt_item *item,
                             const struct tt_map_entry *map, size_t n);
/* A type as files write it. */
const char *tt_load_type_name(enum tt_type type);
/* The field type of values when the point does not say it: true/false, whole numbers, numbers or names. */
enum tt_type tt_load_map_type(const struct tt_item *item);

/* ---- For tests: tt_config_load() with another limit of memory ---- */
int tt_config_load_limited(const struct tt_config_env *env, size_t limit, struct tt_config **ret_config,
                           struct tt_diags **ret_diags);
