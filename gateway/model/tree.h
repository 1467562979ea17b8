/* SPDX-License-Identifier: Apache-2.0
 *
 * tree.h: the nodes. One tree of places, devices and the gateway's own nodes; every node has a 64-bit id that
 * goes stale when the node goes. Main thread only. Nodes come and go while requests run: what crosses a turn of
 * the loop keeps the id and looks the node up again; a pointer is good until the next call that may remove.
 *
 * Every change of value or structure passes tt_tree_ functions of this file, and each is told to the listeners:
 * this is the one place where subscriptions, history, links and metrics listen.
 */
#pragma once

#include <thingtree/command.h>

#define TT_SOURCE_DEFAULT  "MeteringTopology" /* XEP-0326: the id that existing clients expect */
#define TT_GATEWAY_KEY     "gateway"          /* reserved root node; children are gateway/<connection> */
#define TT_NODES_MAX       100000
#define TT_NODE_KEY_MAX    256 /* bytes of a node id */
#define TT_PLACE_DEPTH_MAX 16
#define TT_MESSAGES_MAX    16   /* per node, one per code */
#define TT_MESSAGE_MAX     1024 /* bytes of one message's text; longer is cut */
#define TT_LISTENERS_MAX   16

enum tt_node_kind {
  TT_NODE_PLACE,      /* made by `under:`; id is its path */
  TT_NODE_DEVICE,     /* id is the key in devices.d */
  TT_NODE_GATEWAY,    /* `gateway` */
  TT_NODE_CONNECTION, /* `gateway/<connection>` */
};

/* XEP-0326 3.1.2, rising. The state of a node is that of its worst message. */
enum tt_node_state {
  TT_STATE_NONE,
  TT_STATE_INFORMATION,
  TT_STATE_WARNING_SIGNED,
  TT_STATE_WARNING_UNSIGNED,
  TT_STATE_ERROR_SIGNED,
  TT_STATE_ERROR_UNSIGNED,
};

enum tt_message_type { TT_MESSAGE_INFORMATION, TT_MESSAGE_WARNING, TT_MESSAGE_ERROR };

struct tt_message {
  enum tt_message_type type;
  uint64_t stamp_us; /* wall: when it began */
  char *code;        /* stable key: "config", "offline", "timeout"; at most one message per code */
  char *text;
};

struct tt_node {
  tt_id id;
  enum tt_node_kind kind;
  char *key;                                              /* node id */
  const char *source;                                     /* TT_SOURCE_DEFAULT; part of the identity */
  const char *partition;                                  /* "" */
  struct tt_node *parent;                                 /* NULL: root */
  struct tt_node *first_child, *last_child, *next, *prev; /* ordered children */
  size_t n_children;
  const struct tt_label *label;  /* borrowed; NULL: the key is the label. Ask tt_node_label() */
  const char *type;              /* "thingtree.place", "thingtree.device.mqtt", ... */
  const char *vendor, *model;    /* of the mapping's `about:`; NULL */
  const char *path;              /* for globs: path of places + "/" + key; a place's own path */
  const struct tt_point *points; /* borrowed, constant */
  size_t n_points;
  const struct tt_command *commands; /* borrowed, constant */
  size_t n_commands;
  struct tt_field *fields;     /* n_points of them; the cache */
  char **field_errors;         /* n_points; why this field cannot be read now, or NULL */
  struct tt_message *messages; /* n_messages of them; NULL when there are none */
  size_t n_messages;
  uint64_t last_change_us; /* wall: of value, state or structure */
  uint64_t timeout_us;     /* of a device: how long one read may take */
  bool is_disabled;        /* configuration is wrong: no device behind it */
};

struct tt_tree;

enum tt_change {
  TT_CHANGE_ADDED,
  TT_CHANGE_REMOVED, /* called before it goes */
  TT_CHANGE_STATE,   /* state or messages */
  TT_CHANGE_VALUE,   /* field `point` was reported (also when it is the same value again), or its error changed:
                        field_errors[point] tells which */
};
typedef void (*tt_change_fn)(void *user, struct tt_node *node, enum tt_change change, uint16_t point);

struct tt_tree *tt_tree_create(void);
void tt_tree_destroy(struct tt_tree *tree);
/* Listeners are called in order of registration, and may not add or remove nodes. -ENOSPC beyond
 * TT_LISTENERS_MAX. */
int tt_tree_listen(struct tt_tree *tree, tt_change_fn fn, void *user);

/* What a new node is; everything borrowed must outlive the node, `key`, `place` are copied. */
struct tt_node_spec {
  enum tt_node_kind kind;
  const char *key;
  const char *place; /* path of the parent place ("house/hall"), made if missing; "" or NULL: a root node */
  const struct tt_label *label; /* NULL: the key */
  const char *type, *vendor, *model;
  const struct tt_point *points;
  size_t n_points;
  const struct tt_command *commands;
  size_t n_commands;
  uint64_t timeout_us;
  bool is_disabled;
};
/* -EEXIST: the key is taken; -EINVAL: not a legal key or path; -ENOSPC: TT_NODES_MAX. A place that exists is
 * returned with 0. A place whose path is a prefix of `gateway` is refused. */
int tt_tree_add(struct tt_tree *tree, struct tt_now now, const struct tt_node_spec *spec,
                struct tt_node **ret_node);
/* Removes the node and, upwards, places left empty. -ENOENT */
int tt_tree_remove(struct tt_tree *tree, struct tt_now now, tt_id id);
/* Give an existing place its own label. -ENOENT */
int tt_tree_set_label(struct tt_tree *tree, tt_id id, const struct tt_label *label);

struct tt_node *tt_tree_get(struct tt_tree *tree, tt_id id); /* NULL when stale */
/* By (id, source, partition); source "" or NULL: the default source. NULL when there is none. */
struct tt_node *tt_tree_find(struct tt_tree *tree, const char *key, const char *source, const char *partition);
/* Roots in order: next by ->next. */
struct tt_node *tt_tree_roots(struct tt_tree *tree);
/* Depth first, parents before children: NULL starts, NULL ends. */
struct tt_node *tt_tree_walk(struct tt_tree *tree, struct tt_node *node);
size_t tt_tree_size(const struct tt_tree *tree);

/* Set, replace or (text NULL) clear the message with `code`. The same again changes nothing. */
int tt_node_message(struct tt_tree *tree, struct tt_now now, struct tt_node *node, const char *code,
                    enum tt_message_type type, const char *text);
enum tt_node_state tt_node_state(const struct tt_node *node);
/* Why it cannot be read now: the text of an error among its messages; NULL: nothing is wrong. */
const char *tt_node_trouble(const struct tt_node *node);
const char *tt_node_state_name(enum tt_node_state state); /* "None", "WarningSigned", ... (XEP-0326) */

/* The label in `language` ("" or NULL: the first), else the key, of a path the last part. Never NULL. */
const char *tt_node_label(const struct tt_node *node, const char *language);

/* A point by field name, hidden ones excepted; -ENOENT. */
int tt_node_point(const struct tt_node *node, const char *name, uint16_t *ret_point);
/* A command by name; -ENOENT. A node that is disabled has none. */
int tt_node_command(const struct tt_node *node, const char *name, uint16_t *ret_command);
/* Is this point a field that can be shown: not hidden, and readable from the device or kept by the gateway. */
bool tt_node_has_field(const struct tt_node *node, uint16_t point);
bool tt_node_is_readable(const struct tt_node *node);     /* has a visible readable point */
bool tt_node_is_controllable(const struct tt_node *node); /* has a writable point and is not disabled */

/* Values. Report takes a raw value, converts it (convert.h) and stores it; a value that does not convert becomes
 * the field's error and -EINVAL. stamp_us 0: now. */
int tt_node_report(struct tt_tree *tree, struct tt_now now, struct tt_node *node, uint16_t point,
                   const struct tt_value *raw, uint64_t stamp_us, bool is_retained);
void tt_node_report_missing(struct tt_tree *tree, struct tt_now now, struct tt_node *node, uint16_t point);
void tt_node_report_error(struct tt_tree *tree, struct tt_now now, struct tt_node *node, uint16_t point,
                          const char *text);
/* Nothing is known of its points any more, as when it was new. */
void tt_node_forget(struct tt_tree *tree, struct tt_now now, struct tt_node *node);
/* The value that another node had (a copy of the value, stamps, whether it was retained): the same field, known since
 * then. */
void tt_node_restore(struct tt_tree *tree, struct tt_now now, struct tt_node *node, uint16_t point,
                     const struct tt_field *known);
/* Is the cached value young enough: not retained, seen within max_age_us, not stale. */
bool tt_node_is_fresh(const struct tt_node *node, uint16_t point, struct tt_now now, uint64_t max_age_us);
bool tt_node_is_stale(const struct tt_node *node, uint16_t point, struct tt_now now);
