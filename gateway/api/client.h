/* SPDX-License-Identifier: Apache-2.0
 *
 * client.h: one peer of the control socket, and what the requests (tree.c, read.c, ...) use of it. Private to this
 * room. A client is never freed while its code may be on the stack: it is doomed, and reaped in a turn of its own.
 */
#pragma once

#include "api.h"
#include "model/control.h"

#include <json-c/json.h>
#include <systemd/sd-event.h>

struct tt_api_client;

/* A request that is not answered at once; the first member of whatever its subject needs. */
struct tt_api_open;
struct tt_api_open_ops {
  /* The client has read what was waiting: go on. NULL when the answer does not come in pieces. */
  void (*resume)(struct tt_api_open *open);
  /* The client has gone, or the socket ends: forget the request and free. Nothing can be answered any more. */
  void (*cancel)(struct tt_api_open *open);
};
struct tt_api_open {
  const struct tt_api_open_ops *ops;
  struct tt_api_client *client;
  json_object *id; /* of the request, repeated in every line of the answer; NULL */
  struct tt_api_open *prev, *next;
};

struct tt_api_client {
  struct tt_api *api;
  int fd;
  sd_event_source *io;
  struct tt_caller caller;
  char jid[48], bare[32], language[36]; /* what `caller` points at */
  char *line;                           /* the beginning of a line, TT_API_LINE_MAX bytes */
  size_t line_len;
  struct tt_buf out;
  size_t out_sent; /* bytes of `out` that have left */
  struct tt_api_open *opens;
  size_t n_opens;
  bool is_eof;     /* nothing more will be asked, but answers may be wanted */
  bool is_closing; /* ends when `out` is empty */
  bool is_doomed;  /* ends now */
  uint64_t heard_us;
  struct tt_api_client *prev, *next;
};

/* One request that is being dispatched. */
struct tt_api_call {
  struct tt_api *api;
  struct tt_api_client *client;
  json_object *id;      /* borrowed; NULL */
  json_object *request; /* borrowed; an object with known members only */
};

int tt_api_client_create(struct tt_api *api, int fd, uid_t uid, enum tt_role role, struct tt_api_client **ret);
void tt_api_client_destroy(struct tt_api_client *client);
void tt_api_client_doom(struct tt_api_client *client);
/* Bytes that wait for the client to read. */
size_t tt_api_client_pending(const struct tt_api_client *client);
bool tt_api_client_is_easy(const struct tt_api_client *client); /* less than TT_API_OUTPUT_EASY */

/* ---- Answers ---------------------------------------------------------------------------------------------- */
/* An object that begins with the id. NULL only when out of memory; json-c bears NULL objects. */
json_object *tt_api_line(json_object *id);
/* Takes the line over. Does nothing for a doomed client, dooms one that does not read. */
void tt_api_send(struct tt_api_client *client, json_object *line);
/* The last line: "done":true added. */
void tt_api_send_done(struct tt_api_client *client, json_object *line);
json_object *tt_api_error(json_object *id, const char *code, const char *format, ...) TT_PRINTF(3, 4);
void tt_api_fail(struct tt_api_client *client, json_object *id, const char *code, const char *format, ...)
    TT_PRINTF(4, 5);
const char *tt_api_refusal_code(enum tt_refusal refusal);

/* ---- Open requests ---------------------------------------------------------------------------------------- */
void tt_api_open_begin(struct tt_api_open *open, const struct tt_api_call *call, const struct tt_api_open_ops *ops);
/* Take it off its client's list, after the last line of its answer; the owner frees it. */
void tt_api_open_end(struct tt_api_open *open);

/* ---- What stands in a request: each answers the error itself and returns false ------------------------------ */
/* A text; absent: NULL with true, unless it is required. */
bool tt_api_text(const struct tt_api_call *call, const char *member, bool is_required, const char **ret);
bool tt_api_flag(const struct tt_api_call *call, const char *member, bool *ret);
/* A list of texts or one text; 1 to TT_API_NAMES_MAX when present. The array is on the heap, its texts borrowed
 * from the request. */
bool tt_api_texts(const struct tt_api_call *call, const char *member, bool is_required, const char ***ret,
                  size_t *ret_n);
/* An object of texts; absent: none. The array is on the heap, its texts borrowed from the request. */
bool tt_api_pairs(const struct tt_api_call *call, const char *member, struct tt_fact **ret, size_t *ret_n);
/* The node the caller names; answers not-found with "did_you_mean". */
bool tt_api_node(const struct tt_api_call *call, const char *key, struct tt_node **ret);
/* The member `nodes`, seen: refs for the model (their texts borrowed from the request) and the nodes themselves, both
 * on the heap. Absent and not required: none. */
bool tt_api_nodes(const struct tt_api_call *call, bool is_required, struct tt_ref **ret_refs,
                  struct tt_node ***ret_nodes, size_t *ret_n);
#define TT_API_VALUES_MEMORY ((size_t)1024 * 1024) /* of the texts of one request's values */
struct tt_api_points {
  const struct tt_point *all;
  size_t n;
};
/* The members of an object as `ret`, which has room for them: in the order written, as text whatever JSON calls them, and
 * in the form that the point of that name takes. The texts are borrowed from the request or of the arena. */
bool tt_api_values(const struct tt_api_call *call, struct json_object *object, const struct tt_api_points *points,
                   struct tt_arena *arena, struct tt_assignment *ret);
/* The name closest to `name` among the (writable) points of these nodes; NULL. */
const char *tt_api_closest_point(struct tt_node *const nodes[], size_t n, const char *name, bool is_writable);

/* One line of a client: parse, look up, do. */
void tt_api_dispatch(struct tt_api_client *client, const char *line, size_t n);

/* ---- The requests ----------------------------------------------------------------------------------------- */
void tt_api_tree(const struct tt_api_call *call);
void tt_api_read(const struct tt_api_call *call);
void tt_api_set(const struct tt_api_call *call);
void tt_api_commands(const struct tt_api_call *call);
void tt_api_execute(const struct tt_api_call *call);
void tt_api_watch(const struct tt_api_call *call);
void tt_api_status_request(const struct tt_api_call *call);
void tt_api_requests(const struct tt_api_call *call);
void tt_api_accept(const struct tt_api_call *call);
void tt_api_deny(const struct tt_api_call *call);
void tt_api_revoke(const struct tt_api_call *call);
void tt_api_blocked(const struct tt_api_call *call);
void tt_api_block(const struct tt_api_call *call);
void tt_api_unblock(const struct tt_api_call *call);
void tt_api_reload_request(const struct tt_api_call *call);
void tt_api_discover(const struct tt_api_call *call);
void tt_api_adopt(const struct tt_api_call *call);

/* ---- The socket ------------------------------------------------------------------------------------------- */
struct tt_api_watches;

struct tt_api {
  struct tt_core *core;
  struct tt_access *access;
  sd_event *event;
  struct tt_api_hooks hooks;
  char *path;
  int fd;
  bool is_bound;
  uint64_t device, inode; /* of the socket file, to remove no other */
  gid_t group;            /* of the socket file */
  sd_event_source *listening, *pause, *reap;
  struct tt_api_client *clients;
  size_t n_clients;
  struct tt_api_open *orphans; /* begun, cannot be called back, and whoever asked has gone */
  uint64_t n_accepted, n_refused, n_dropped;
  uint64_t started_wall_us, started_mono_us;
  json_tokener *tokener;
  struct tt_api_watches *watches;
};

/* watch.c: hears of every change once the first client watches. */
int tt_api_watches_create(struct tt_api *api, struct tt_api_watches **ret);
void tt_api_watches_destroy(struct tt_api_watches *watches);
