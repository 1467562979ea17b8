/* SPDX-License-Identifier: Apache-2.0
 *
 * commands_world.h: iot_world.h with a speaker in it that can be told to do something, for tests of commands of nodes.
 */
#pragma once

#include "iot_world.h"

static const struct tt_point seek_arguments[] = {
    {POINT("position", TT_TYPE_INT64, "s", 0, -1), .missing = TT_MISSING_ABSENT, .write = &level_write,
     .label = {2, {"en", "sv"}, {"Position", "Läge"}}},
    {POINT("mode", TT_TYPE_ENUM, "", 0, -1), .n_map = 2, .map = mode_map, .missing = TT_MISSING_VALUE,
     .missing_value = TEXT_OF(TT_TYPE_ENUM, "auto"), .write = &plain_write},
    {POINT("key", TT_TYPE_STRING, "", 0, -1), .missing = TT_MISSING_ABSENT, .is_secret = true,
     .write = &plain_write},
};
static const struct tt_command commands[] = {
    {.name = "play", .label = {2, {"en", "sv"}, {"Play", "Spela"}}, .within_us = TT_USEC_PER_SEC},
    {.name = "seek", .arguments = seek_arguments, .n_arguments = TT_COUNT(seek_arguments)},
    {.name = "reset", .label = {1, {"en"}, {"Reset & forget"}}, .confirm = {2, {"en", "sv"}, {"Sure?", "Säkert?"}}},
    {.name = "locked"}, /* alice may not */
};

/* ---- The device --------------------------------------------------------------------------------------------- */
static struct {
  unsigned n;
  uint16_t command;
  char raws[200];
  tt_device_fn fn;
  void *fn_user;
} told;

static int device_command(TT_UNUSED void *user, TT_UNUSED tt_id node, uint16_t command,
                          const struct tt_value raws[], TT_UNUSED uint64_t deadline_us, tt_device_fn fn,
                          void *fn_user)
{
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  for (size_t i = 0; i < commands[command].n_arguments; i++) {
    tt_buf_puts(&text, i ? "," : "");
    tt_value_print(&raws[i], &text);
  }
  told.n++;
  told.command = command;
  told.fn = fn;
  told.fn_user = fn_user;
  snprintf(told.raws, sizeof(told.raws), "%s", text.data ? text.data : "");
  return 0;
}

static uint64_t audit_command(TT_UNUSED void *user, TT_UNUSED const struct tt_caller *caller,
                              TT_UNUSED const struct tt_node *node, TT_UNUSED const struct tt_command *command,
                              TT_UNUSED const struct tt_value values[])
{
  return 1;
}

/* A speaker in the world of whoever calls this. */
static struct tt_node *add_speaker(struct world *w)
{
  memset(&told, 0, sizeof(told));
  tt_core_set_devices(
      w->core,
      (struct tt_device_hooks){.user = w, .read = device_read, .write = device_write, .command = device_command});
  tt_core_set_audit(w->core, (struct tt_audit_hooks){.user = w,
                                                     .decision = audit_decision,
                                                     .command = audit_command,
                                                     .outcome = audit_outcome,
                                                     .refused = audit_refused});
  return add(w, &(struct tt_node_spec){.kind = TT_NODE_DEVICE,
                                       .key = "speaker",
                                       .type = "thingtree.device.upnp",
                                       .points = plug_points,
                                       .n_points = TT_COUNT(plug_points),
                                       .commands = commands,
                                       .n_commands = TT_COUNT(commands)});
}
