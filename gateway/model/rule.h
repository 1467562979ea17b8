/* SPDX-License-Identifier: Apache-2.0
 *
 * rule.h: one access rule, as data. Written in `access:` and by accepted requests; decided upon in trust/access.
 * The first rule whose `who` and `nodes` both match decides.
 */
#pragma once

#include "caller.h"

#include <thingtree/diag.h>
#include <thingtree/option.h>

#define TT_RULES_MAX 4096

struct tt_rule {
  const char *who; /* "alice@example.org", "@example.org" (every account of the domain), "things.example.org" */
  enum tt_role role;
  struct tt_texts
      nodes; /* globs over paths (tt_node.path); `a/` with two stars includes `a`; "!x" excludes and wins;
                                 empty: all */
  struct tt_texts fields;     /* globs over field names, likewise */
  struct tt_texts parameters; /* likewise */
  struct tt_mark mark;
};

/* Does the list admit this text: nothing listed admits all, an exclusion wins, exclusions alone admit the rest. */
bool tt_globs_admit(const struct tt_texts *globs, const char *text);
/* The same texts in the same order. */
bool tt_texts_are_same(const struct tt_texts *a, const struct tt_texts *b);
