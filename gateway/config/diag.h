/* SPDX-License-Identifier: Apache-2.0
 *
 * diag.h: the list of diagnostics as the configuration works with it: source texts, whose part of the configuration
 * is being checked, and what must not be shown. Owned by whoever called tt_config_load(). Main thread.
 */
#pragma once

#include "config.h"

#define TT_DIAG_LINE_MAX  160 /* characters of a source line that are shown, around the mark */
#define TT_DIAG_TEXT_MAX  500 /* bytes of one sentence */
#define TT_DIAG_USERS_MAX 3   /* "used by" lines of one message; further users are counted */
#define TT_DIAG_NONE      SIZE_MAX

/* Part of a source line, ready to be shown: from character `first` (counted from 1). */
struct tt_diag_line {
  char *text; /* NULL: not known */
  unsigned first;
};

struct tt_diag_also {
  struct tt_mark at;
  char *text;
  struct tt_diag_line line;
};

struct tt_diag_user {
  char *text; /* "device main-meter" */
  struct tt_mark at;
};

struct tt_diag_message {
  enum tt_severity severity;
  const char *code;
  struct tt_mark at;
  char *text;
  struct tt_diag_line line;
  struct tt_diag_also *also;
  size_t n_also;
  char **help;
  size_t n_help;
  struct tt_diag_user users[TT_DIAG_USERS_MAX];
  size_t n_users; /* may be more than are kept */
};

/* One thing that is disabled by an error in it: a device, a connection. Scopes nest; an error counts for all. */
struct tt_diag_scope {
  /* "device", "main-meter": shown when the error is in another file than `at`; NULL: the outer scope is shown */
  const char *kind, *name;
  struct tt_mark at;
  size_t n_errors;
  char *first;          /* "FILE:LINE:COLUMN: sentence" of the first error; on the heap */
  size_t first_message; /* its index, TT_DIAG_NONE */
  struct tt_diag_scope *outer;
};

struct tt_diag_source;
struct tt_secrets;
struct tt_diags {
  struct tt_diag_message *messages;
  size_t n;
  size_t total[TT_SEVERITY_ERROR + 1]; /* also those that were not kept */
  size_t current;                      /* index of the message added last; TT_DIAG_NONE: it is not kept */
  struct tt_diag_leniency *lenient;
  size_t n_loose; /* errors that are about no device and no connection */
  struct tt_diag_source *sources;
  size_t n_sources;
  struct tt_mark *hidden;
  size_t n_hidden;
  struct tt_diag_scope *scope;
  const struct tt_secrets *secrets; /* starred out in every sentence; borrowed until tt_diags_drop_sources() */
  bool failed;                      /* out of memory: something is missing */
};

/* Errors that disable nothing: what a device says of itself. They are warnings while this is set. */
struct tt_diag_leniency {
  size_t n_errors;
  char *first; /* sentence with position; on the heap */
};

struct tt_diags *tt_diags_create(void);
/* The text of a file, for the source lines of later messages; borrowed until tt_diags_drop_sources(). */
void tt_diags_add_source(struct tt_diags *diags, const char *file, const char *text, size_t n);
void tt_diags_drop_sources(struct tt_diags *diags);
/* What stands at this mark is a secret: starred out in every source line. */
void tt_diags_hide(struct tt_diags *diags, struct tt_mark at);

void tt_diags_enter(struct tt_diags *diags, struct tt_diag_scope *scope, const char *kind, const char *name,
                    struct tt_mark at);
void tt_diags_leave(struct tt_diags *diags, struct tt_diag_scope *scope); /* `first` stays, the caller frees it */
/* An error that was found before makes the present scope unusable, too. `text` is its sentence with position, used
 * when the message itself was not kept. */
void tt_diags_again(struct tt_diags *diags, size_t message, const char *text);
