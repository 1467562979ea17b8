/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_admin.h: ad-hoc commands (XEP-0050) of admins: devices that come, change and go, who is let in, how the gateway
 * fares. Rows in the tables of adhoc.h; what they do is behind hooks. Main thread only.
 */
#pragma once

#include "adhoc.h"

#include "model/manage.h"
#include "model/status.h"

#define TT_ADMIN_LIST_MAX  200 /* choices of one list; beyond, the choice is written */
#define TT_ADMIN_LINES_MAX 100 /* rules, lines of a log, in one answer */

struct tt_audit;

struct tt_adhoc_admin {
  struct tt_manage_hooks manage;
  struct tt_status_hook status;
  struct tt_audit *audit; /* who let whom in; lines are shown */
  uint64_t started_us;    /* monotonic */
};
/* Borrowed until the commands are gone. */
int tt_adhoc_admin_add(struct tt_adhoc *adhoc, const struct tt_adhoc_admin *admin);

/* ---- Between its files -------------------------------------------------------------------------------------------- */
extern const struct tt_adhoc_command tt_adhoc_device_rows[3]; /* adhoc_devices.c */
extern const struct tt_adhoc_command tt_adhoc_people_rows[2]; /* adhoc_people.c */
extern const struct tt_adhoc_command tt_adhoc_daemon_rows[2]; /* adhoc_daemon.c */
extern const struct tt_adhoc_command tt_adhoc_block_rows[1];  /* adhoc_block.c */
/* For admins of the gateway itself: whoever is one of some nodes only would decide about the others, too. */
bool tt_adhoc_is_admin(const struct tt_adhoc_asker *asker, void *user);
/* The value of a field that somebody may have emptied: "" then; NULL: the field has not come back. */
const char *tt_adhoc_given(const struct tt_xml *form, const char *var);
/* A time as people read it: "2026-11-28 12:00:05Z". */
char *tt_adhoc_time(char out[static 32], uint64_t wall_us);
