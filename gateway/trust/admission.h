/* SPDX-License-Identifier: Apache-2.0
 *
 * admission.h: an admin lets somebody in, turns them away, or lets them in no more: what all ways of saying it share. Whether
 * they may is the caller's question, and asked before. Main thread only.
 */
#pragma once

#include "access.h"
#include "audit.h"

enum tt_decision { TT_DECISION_ACCEPT, TT_DECISION_DENY, TT_DECISION_REVOKE };

struct tt_admission {
  enum tt_decision decision;
  const char *who;
  enum tt_role role; /* of an accepted one */
  const char *nodes; /* likewise; NULL: as tt_access_accept() has it */
};

/* Written down, then done. The errors of tt_access_accept(), tt_access_deny() and tt_access_revoke(), or an errno of the audit
 * (NULL: there is none): then nothing was done. */
int tt_admission_do(struct tt_access *access, struct tt_audit *audit, struct tt_now now,
                    const struct tt_caller *caller, const struct tt_admission *admission);
