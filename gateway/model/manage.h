/* SPDX-License-Identifier: Apache-2.0
 *
 * manage.h: what an admin does to the gateway itself while it runs: devices that come, change and go. The reader's half:
 * whoever is asked over XMPP calls these hooks and knows nothing of files. Whether the caller may (TT_ROLE_ADMIN) is the
 * reader's question, and asked before. Main thread.
 */
#pragma once

#include "caller.h"

#include <thingtree/host.h>
#include <thingtree/point.h>

#define TT_MANAGE_TEXT_MAX     1024 /* bytes of any one text that is given: a key has less, a parameter this */
#define TT_MANAGE_PROBLEMS_MAX 8    /* of one change, told apart */

/* ---- What there is: one look at it, which stays as it was -------------------------------------------------------- */

enum tt_manage_type {
  TT_MANAGE_TEXT,
  TT_MANAGE_INTEGER,
  TT_MANAGE_NUMBER,
  TT_MANAGE_BOOLEAN, /* "true", "false" */
  TT_MANAGE_SECRET,  /* never shown: neither its value nor its default */
};

/* A parameter of a mapping, or of a device. */
struct tt_manage_param {
  const char *name;
  struct tt_label label; /* may be empty */
  const char *help;      /* NULL */
  enum tt_manage_type type;
  bool is_required;
  bool has_range;
  double min, max;
  const char
      *preset; /* what it is when nobody gives it, as written ("tele/${topic}"); NULL: nothing, or a secret */
  /* Of a device of ours: what it was given. */
  const char *value; /* NULL: nothing, or a secret */
  bool is_given;
};

struct tt_manage_mapping {
  const char *name, *protocol;
  struct tt_label label;      /* may be empty */
  const char *vendor, *model; /* NULL */
  const struct tt_manage_param *params;
  size_t n_params;
};

struct tt_manage_connection {
  const char *name, *protocol;
  bool is_implicit; /* made for devices that name none */
};

struct tt_manage_device {
  const char *key, *file;               /* file: in which it is configured */
  bool is_ours;                         /* may be edited and removed by whoever may call the hooks */
  bool is_disabled;                     /* by an error */
  struct tt_label shown;                /* its label, or that of its mapping; may be empty */
  const char *under;                    /* "" */
  const char *connection;               /* as written; "": that of its protocol */
  const char *uses;                     /* NULL: it cannot be told */
  const char *label;                    /* ours: as written; "": none, or one per language */
  const struct tt_manage_param *params; /* ours: of its mapping, with what it was given */
  size_t n_params;
};

struct tt_manage_view {
  const struct tt_manage_mapping *mappings; /* by name */
  size_t n_mappings;
  const struct tt_manage_connection *connections;
  size_t n_connections;
  struct tt_manage_device *devices; /* in order of the files; whoever asks may leave some out */
  size_t n_devices;
  const char *file; /* ours, as written in `include:`; NULL: there is no place for it */
  const char *why;  /* there is not; NULL */
};

/* ---- What is done to it ------------------------------------------------------------------------------------------ */

enum tt_manage_op { TT_MANAGE_ADD, TT_MANAGE_EDIT, TT_MANAGE_REMOVE };

struct tt_manage_problem {
  /* "key", "label", "under", "connection", "uses", or "with." and the parameter; "": none of them alone */
  char field[80];
  char text[512]; /* one sentence; parts of it are foreign */
};

/* Texts are the caller's. Only text: whatever stands in them, nothing but this text is meant. */
struct tt_manage_change {
  enum tt_manage_op op;
  const struct tt_caller *caller;
  const char *key; /* "" or NULL to add: one is made of the label */
  /* NULL: as it is; "": none. `uses` of a device does not change. */
  const char *label, *under, *connection, *uses;
  const struct tt_fact *with; /* "": the default; of a secret: as it is. What is not named is as it is */
  size_t n_with;
  bool is_dry; /* only see whether it could be done */
  /* What came of it. */
  const char *code; /* NULL: done; "not-found", "conflict", "forbidden", "bad-request", "failed" */
  char why[1024];   /* one sentence */
  struct tt_manage_problem problems[TT_MANAGE_PROBLEMS_MAX];
  size_t n_problems;
  char made_key[256]; /* of the device */
  char file[4096];    /* that was written, as written in `include:` */
  char *diagnostics;  /* as `check` shows them, warnings too; on the heap, the caller frees it; NULL */
};

struct tt_manage_hooks {
  void *user;
  /* -ENOMEM. Freed by tt_manage_view_free(). A configuration that cannot be used gives a view of nothing with `why`. */
  int (*view)(void *user, struct tt_manage_view **ret);
  /* Always gives an outcome. On a refusal everything is as it was. */
  void (*change)(void *user, struct tt_manage_change *change);
};
/* NULL is fine. */
void tt_manage_view_free(struct tt_manage_view *view);

const struct tt_manage_mapping *tt_manage_mapping(const struct tt_manage_view *view, const char *name); /* NULL */
const struct tt_manage_device *tt_manage_device(const struct tt_manage_view *view, const char *key);    /* NULL */

/* ---- For whoever makes a view: everything of it lives in one arena, which goes with it ---------------------------- */
struct tt_manage_view *tt_manage_view_create(struct tt_arena **ret_arena); /* NULL: out of memory */
