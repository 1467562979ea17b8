/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_set.h: setting parameters of a thing by ad-hoc command, from what was chosen or filled in to what came of it; what a
 * mapping wants confirmed is asked about before. Shared by `control` (adhoc_control.c) and the switches (adhoc_switch.c).
 */
#pragma once

#include "adhoc_choose.h"
#include "adhoc_fill.h"

/* The state of each of these commands. */
struct tt_adhoc_setting {
  struct tt_adhoc_choice choice;
  tt_id node;
  struct tt_adhoc_fill fill;
  bool has_form; /* there is one to come back to when something is wrong */
};
void tt_adhoc_setting_finish(void *state);
/* The node, while it is there and the caller sees all of it; NULL. */
const struct tt_node *tt_adhoc_setting_node(const struct tt_adhoc_session *session,
                                            const struct tt_adhoc_setting *setting);
struct tt_adhoc_points tt_adhoc_points_of(const struct tt_node *node);

/* Sets what is filled in, or goes to the stage that asks first. */
void tt_adhoc_set(struct tt_adhoc_session *session, unsigned confirm_stage);
/* That stage; it is the last of its command. */
void tt_adhoc_set_confirm_show(struct tt_adhoc_session *session);
void tt_adhoc_set_confirm_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                               enum tt_adhoc_action action);

/* Completed: there is nothing that the caller could control. */
void tt_adhoc_nothing_here(struct tt_adhoc_session *session);

#define TT_ADHOC_SETTING_ROW(node_, title_, at_, is_offered_, stages_)                                             \
  {                                                                                                                \
    .node = node_, .title = title_, .role = TT_ROLE_OPERATOR, .at = at_, .is_offered = is_offered_,                \
    .stages = stages_, .n_stages = TT_COUNT(stages_), .state_size = sizeof(struct tt_adhoc_setting),               \
    .finish = tt_adhoc_setting_finish                                                                              \
  }
extern const struct tt_adhoc_command tt_adhoc_switch_rows[3]; /* adhoc_switch.c */
