/* SPDX-License-Identifier: Apache-2.0
 * admission.c: admission.h. */
#include "admission.h"

static int carry_out(struct tt_access *access, const struct tt_admission *admission)
{
  switch (admission->decision) {
  case TT_DECISION_ACCEPT:
    return tt_access_accept(access, admission->who, admission->role, admission->nodes);
  case TT_DECISION_DENY:
    return tt_access_deny(access, admission->who);
  case TT_DECISION_REVOKE:
    return tt_access_revoke(access, admission->who);
  }
  return -EINVAL;
}

int tt_admission_do(struct tt_access *access, struct tt_audit *audit, struct tt_now now,
                    const struct tt_caller *caller, const struct tt_admission *admission)
{
  static const char *const kinds[] = {
      [TT_DECISION_ACCEPT] = "accepted", [TT_DECISION_DENY] = "denied", [TT_DECISION_REVOKE] = "revoked"};
  const char *role = admission->decision == TT_DECISION_ACCEPT ? tt_role_name(admission->role) : NULL;
  int r = audit ? tt_audit_access(audit, now, caller, kinds[admission->decision], admission->who, role,
                                  admission->nodes)
                : 0;
  if (r < 0)
    return r;
  r = carry_out(access, admission);
  if (r < 0 && audit)
    (void)tt_audit_access(audit, now, caller, "undone", admission->who, role, admission->nodes);
  return r;
}
