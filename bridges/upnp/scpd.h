/* SPDX-License-Identifier: Apache-2.0
 *
 * scpd.h: what a service says it can do: actions, their arguments, and state variables with types, ranges and lists of
 * allowed values. And values in both directions by these rules. Pure.
 */
#pragma once

#include "xml.h"

#include <thingtree/point.h>

#define UP_ACTIONS_MAX   256
#define UP_VARIABLES_MAX 512
#define UP_ARGUMENTS_MAX 64  /* of one action */
#define UP_ALLOWED_MAX   256 /* values of one variable */
#define UP_WORD_MAX      128 /* bytes of a name or an allowed value */
#define UP_SCPD_MEMORY   (1024u * 1024)

enum up_kind { UP_BOOLEAN, UP_INTEGER, UP_NUMBER, UP_TEXT, UP_DATE, UP_DATETIME, UP_TIME };

struct up_variable {
  const char *name, *type; /* type: as written, "ui2" */
  const char *initial;     /* defaultValue; NULL */
  enum up_kind kind;
  bool is_evented;
  double type_min, type_max; /* INTEGER: of the type */
  bool has_range;
  double min, max, step; /* step 0: any */
  size_t n_allowed;
  const char **allowed;
};

struct up_argument {
  const char *name;
  bool is_out;
  const struct up_variable *variable;
};

struct up_action {
  const char *name;
  size_t n_arguments;
  const struct up_argument *arguments; /* in the order that the wire has */
};

struct up_scpd {
  struct tt_arena *arena;
  size_t n_actions, n_variables;
  struct up_action *actions;
  struct up_variable *variables;
};

/* -EINVAL with the reason; -E2BIG; -ENOMEM. An action with an argument of no known variable is left out. */
int up_scpd_parse(const char *data, size_t n, struct up_scpd **ret_scpd, char why[static UP_WHY_SIZE]);
void up_scpd_destroy(struct up_scpd *scpd);

const struct up_variable *up_scpd_variable(const struct up_scpd *scpd, const char *name);
const struct up_action *up_scpd_action(const struct up_scpd *scpd, const char *name);
const struct up_argument *up_action_argument(const struct up_action *action, const char *name, bool is_out);

/* What the device said of `variable` (NULL: not known) as a raw value of the point. -ENODATA: it said that it has none;
 * -EINVAL with the reason. */
int up_value_read(const struct up_variable *variable, const struct tt_point *point, const char *text,
                  struct tt_value *ret, char why[static UP_WHY_SIZE]);
/* A raw value as the wire has it, appended; -EINVAL, -ERANGE with the reason when the variable does not allow it. */
int up_value_write(const struct up_variable *variable, const struct tt_value *value, struct tt_buf *out,
                   char why[static UP_WHY_SIZE]);
