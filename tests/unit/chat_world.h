/* SPDX-License-Identifier: Apache-2.0
 *
 * chat_world.h: a house for conversations: a real core with real access rules, and devices that answer at the end of a line. Each
 * program that includes this has one of it. Also for the fuzz target, hence no cmocka here.
 */
#pragma once

#include "chat/chat.h"
#include "trust/access.h"
#include "trust/blocking.h"

#include <stdio.h>

#define CHAT_SECOND TT_USEC_PER_SEC

static struct tt_rule chat_rules[] = {
    {.who = "admin@house.test", .role = TT_ROLE_ADMIN},
    {.who = "alice@house.test",
     .role = TT_ROLE_OPERATOR,
     .nodes = {(const char *[]){"house/**"}, 1},
     .fields = {(const char *[]){"*", "!secret"}, 2},
     .parameters = {(const char *[]){"*", "!locked"}, 2}},
    {.who = "reader@house.test", .role = TT_ROLE_READER, .nodes = {(const char *[]){"house/**"}, 1}},
    /* an admin, though not of the gateway */
    {.who = "gardener@house.test", .role = TT_ROLE_ADMIN, .nodes = {(const char *[]){"house/**"}, 1}},
};

static int chat_address;
static struct tt_write chat_write = {
    .address = &chat_address, .within_us = CHAT_SECOND, .verify_point = TT_NO_POINT};
static struct tt_write chat_range = {.address = &chat_address,
                                     .within_us = CHAT_SECOND,
                                     .verify_point = TT_NO_POINT,
                                     .has_range = true,
                                     .min = 5,
                                     .max = 30,
                                     .step = 0.5};
#define CHAT_POINT(name_, type_, unit_)                                                                            \
  .name = name_, .type = type_, .unit = unit_, .decimals = TT_DECIMALS_FREE, .address = &chat_address, .poll = -1
#define CHAT_OPTION(raw_, text_)                                                                                   \
  {                                                                                                                \
    raw_,                                                                                                          \
    {                                                                                                              \
      .type = TT_TYPE_ENUM, .text = (char *)(uintptr_t)(text_)                                                     \
    }                                                                                                              \
  }
static const struct tt_map_entry chat_modes[] = {CHAT_OPTION("0", "off"), CHAT_OPTION("1", "heating"),
                                                 CHAT_OPTION("2", "auto")};

static const struct tt_point chat_plug_points[] = {
    {CHAT_POINT("relay", TT_TYPE_BOOLEAN, ""), .categories = TT_CATEGORY_MOMENTARY, .write = &chat_write},
    {CHAT_POINT("power", TT_TYPE_QUANTITY, "W"), .categories = TT_CATEGORY_MOMENTARY},
    {CHAT_POINT("secret", TT_TYPE_INT64, ""), .categories = TT_CATEGORY_MOMENTARY},
    {CHAT_POINT("locked", TT_TYPE_BOOLEAN, ""), .categories = TT_CATEGORY_STATUS, .write = &chat_write},
};
static const struct tt_point chat_climate_points[] = {
    {CHAT_POINT("temperature", TT_TYPE_QUANTITY, "°C"), .categories = TT_CATEGORY_MOMENTARY,
     .label = {3, {"en", "de", "sv"}, {"temperature", "Temperatur", "Temperatur"}}},
    {CHAT_POINT("humidity", TT_TYPE_INT32, "%"), .categories = TT_CATEGORY_MOMENTARY},
    {CHAT_POINT("setpoint", TT_TYPE_QUANTITY, "°C"), .categories = TT_CATEGORY_STATUS, .write = &chat_range},
    {CHAT_POINT("mode", TT_TYPE_ENUM, ""), .categories = TT_CATEGORY_STATUS, .n_map = 3, .map = chat_modes,
     .write = &chat_write},
    {CHAT_POINT("name", TT_TYPE_STRING, ""), .categories = TT_CATEGORY_IDENTITY, .write = &chat_write},
};

/* What nobody should do without a second thought. */
static const struct tt_label chat_confirm = {2, {"en", "de"}, {"The house gets *cold*. Really?", "Wirklich?"}};
static struct tt_write chat_asked = {
    .address = &chat_address, .within_us = CHAT_SECOND, .verify_point = TT_NO_POINT, .confirm = &chat_confirm};
static const struct tt_point chat_boiler_points[] = {
    {CHAT_POINT("heating", TT_TYPE_BOOLEAN, ""), .categories = TT_CATEGORY_STATUS, .write = &chat_asked},
    {CHAT_POINT("curve", TT_TYPE_QUANTITY, ""), .categories = TT_CATEGORY_STATUS, .write = &chat_asked},
};

static const struct tt_point chat_seek_arguments[] = {
    {CHAT_POINT("position", TT_TYPE_QUANTITY, "s"), .missing = TT_MISSING_ABSENT, .write = &chat_range},
    {CHAT_POINT("mode", TT_TYPE_ENUM, ""), .missing = TT_MISSING_VALUE, .n_map = 3, .map = chat_modes,
     .missing_value = {.type = TT_TYPE_ENUM, .text = (char *)(uintptr_t) "auto"}, .write = &chat_write},
};
static const struct tt_point chat_say_arguments[] = {
    {CHAT_POINT("text", TT_TYPE_STRING, ""), .missing = TT_MISSING_ABSENT, .write = &chat_write},
};
static const struct tt_point chat_pair_arguments[] = {
    {CHAT_POINT("with", TT_TYPE_STRING, ""), .missing = TT_MISSING_ABSENT, .write = &chat_write},
    {CHAT_POINT("pin", TT_TYPE_STRING, ""), .missing = TT_MISSING_ABSENT, .is_secret = true, .write = &chat_write},
};
static const struct tt_command chat_commands[] = {
    {.name = "play", .label = {2, {"en", "de"}, {"Play", "Abspielen"}}},
    {.name = "seek", .label = {1, {"en"}, {"Go to"}}, .arguments = chat_seek_arguments, .n_arguments = 2},
    {.name = "say", .arguments = chat_say_arguments, .n_arguments = 1},
    {.name = "reset", .confirm = {1, {"en"}, {"Everything goes. Sure?"}}},
    {.name = "pair", .confirm = {1, {"en"}, {"Sure?"}}, .arguments = chat_pair_arguments, .n_arguments = 2},
    {.name = "locked"}, /* alice may not */
};

static const struct tt_label chat_plug_label = {
    3, {"en", "de", "sv"}, {"Coffee plug", "Kaffeestecker", "Kaffeuttag"}};
static const struct tt_label chat_fan_label = {1, {"en"}, {"*Evil* fan\n2 plug `rm` \xe2\x80\xae_x_"}};
static const struct tt_poll_class chat_polls[] = {{"normal", 60 * CHAT_SECOND, 30 * CHAT_SECOND, 0}};

struct chat_device {
  bool is_write, is_command;
  tt_id node;
  uint16_t point;
  struct tt_value raw;
  tt_device_fn fn;
  void *user;
};

static struct {
  struct tt_core *core;
  struct tt_access *access;
  struct tt_blocks *blocks;
  struct tt_chat *chat;
  struct tt_now now;
  struct chat_device open[64];
  size_t n_open;
  int device_error; /* of the next request */
  char told[200];   /* the last command, with its arguments */
  bool is_slow;     /* devices do not answer by themselves */
  unsigned n_decisions, n_refused;
  struct tt_chat_watch watches[4];
  size_t n_watches;
  struct tt_buf said; /* the answer */
  unsigned n_answers;
  bool has_acted;
  char language[40];
} c;

static int chat_keep(struct chat_device request)
{
  if (c.n_open == TT_COUNT(c.open))
    return -EBUSY;
  c.open[c.n_open++] = request;
  return 0;
}

static int chat_read(TT_UNUSED void *user, tt_id node, const uint16_t points[], TT_UNUSED size_t n,
                     TT_UNUSED uint64_t deadline_us, tt_device_fn fn, void *fn_user)
{
  return chat_keep((struct chat_device){.node = node, .point = points[0], .fn = fn, .user = fn_user});
}

static int chat_write_device(TT_UNUSED void *user, tt_id node, uint16_t point, const struct tt_value *raw,
                             TT_UNUSED uint64_t deadline_us, tt_device_fn fn, void *fn_user)
{
  struct chat_device request = {.is_write = true, .node = node, .point = point, .fn = fn, .user = fn_user};
  if (tt_value_copy(raw, &request.raw) < 0)
    return -ENOMEM;
  return chat_keep(request);
}

static int chat_command(TT_UNUSED void *user, tt_id node, uint16_t command, const struct tt_value raws[],
                        TT_UNUSED uint64_t deadline_us, tt_device_fn fn, void *fn_user)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_puts(&text, chat_commands[command].name);
  for (size_t i = 0; i < chat_commands[command].n_arguments; i++) {
    tt_buf_putc(&text, ',');
    tt_value_print(&raws[i], &text);
  }
  snprintf(c.told, sizeof(c.told), "%s", text.data);
  return chat_keep((struct chat_device){.is_command = true, .node = node, .fn = fn, .user = fn_user});
}

/* The devices answer everything that waits. */
static void chat_devices_answer(void)
{
  while (c.n_open > 0) {
    struct chat_device first = c.open[0];
    memmove(c.open, c.open + 1, --c.n_open * sizeof(*c.open));
    struct tt_node *node = tt_tree_get(tt_core_tree(c.core), first.node);
    int error = c.device_error;
    c.device_error = 0;
    if (first.is_write && node && error == 0)
      tt_node_report(tt_core_tree(c.core), c.now, node, first.point, &first.raw, 0, false);
    tt_value_finish(&first.raw);
    first.fn(first.user, error, error ? "broken wire" : first.is_command ? "as you *wish*" : NULL);
  }
}

static uint64_t chat_decision(TT_UNUSED void *user, TT_UNUSED const struct tt_caller *caller,
                              TT_UNUSED const struct tt_node *node, TT_UNUSED const char *parameter,
                              TT_UNUSED const struct tt_value *old, TT_UNUSED const struct tt_value *value)
{
  return ++c.n_decisions;
}

static uint64_t chat_command_decision(TT_UNUSED void *user, TT_UNUSED const struct tt_caller *caller,
                                      TT_UNUSED const struct tt_node *node,
                                      TT_UNUSED const struct tt_command *command,
                                      TT_UNUSED const struct tt_value values[])
{
  return ++c.n_decisions;
}

static void chat_outcome(TT_UNUSED void *user, TT_UNUSED uint64_t id, TT_UNUSED enum tt_refusal result,
                         TT_UNUSED const char *text)
{
}

static void chat_refused(TT_UNUSED void *user, TT_UNUSED const struct tt_caller *caller,
                         TT_UNUSED enum tt_access_op op, TT_UNUSED const char *node)
{
  c.n_refused++;
}

static TT_UNUSED struct tt_node *chat_node(const char *key)
{
  return tt_tree_find(tt_core_tree(c.core), key, "", "");
}

static struct tt_node *chat_add(const char *key, const char *place, const struct tt_label *label,
                                const struct tt_point *points, size_t n)
{
  struct tt_node *node = NULL;
  tt_tree_add(tt_core_tree(c.core), c.now,
              &(struct tt_node_spec){.kind = TT_NODE_DEVICE,
                                     .key = key,
                                     .place = place,
                                     .label = label,
                                     .type = "thingtree.device.x",
                                     .points = points,
                                     .n_points = n,
                                     .timeout_us = CHAT_SECOND},
              &node);
  return node;
}

static void chat_report(struct tt_node *node, uint16_t point, struct tt_value raw)
{
  tt_node_report(tt_core_tree(c.core), c.now, node, point, &raw, 0, false);
}

static TT_UNUSED struct tt_node *chat_add_speaker(void)
{
  struct tt_node *node = NULL;
  tt_tree_add(tt_core_tree(c.core), c.now,
              &(struct tt_node_spec){.kind = TT_NODE_DEVICE,
                                     .key = "speaker",
                                     .place = "house/hall",
                                     .type = "thingtree.device.x",
                                     .points = chat_plug_points,
                                     .n_points = 1,
                                     .commands = chat_commands,
                                     .n_commands = TT_COUNT(chat_commands),
                                     .timeout_us = CHAT_SECOND},
              &node);
  return node;
}

static TT_UNUSED struct tt_node *chat_add_boiler(void)
{
  struct tt_node *boiler = chat_add("boiler", "house/hall", NULL, chat_boiler_points, TT_COUNT(chat_boiler_points));
  chat_report(boiler, 0, TT_VALUE_BOOLEAN(true));
  return boiler;
}

/* ---- Watches: four at most ---------------------------------------------------------------------------------------- */
static void chat_watch(TT_UNUSED void *user, TT_UNUSED const void *origin, const struct tt_caller *caller,
                       const struct tt_ref *node, TT_UNUSED const char *const fields[], TT_UNUSED size_t n_fields,
                       void (*fn)(void *fn_user, enum tt_refusal refusal, const char *text, unsigned number),
                       void *fn_user)
{
  if (c.n_watches == TT_COUNT(c.watches)) {
    fn(fn_user, TT_REFUSED_BUSY, "no more", 0);
    return;
  }
  struct tt_node *seen = tt_core_see(c.core, caller, node);
  unsigned number = c.n_watches ? c.watches[c.n_watches - 1].number + 1 : 1;
  c.watches[c.n_watches++] = (struct tt_chat_watch){.number = number, .node = seen ? seen->id : 0};
  fn(fn_user, TT_OK, "watched", number);
}

static size_t chat_watches(TT_UNUSED void *user, TT_UNUSED const struct tt_caller *caller,
                           struct tt_chat_watch rows[], size_t room)
{
  for (size_t i = 0; i < c.n_watches && i < room; i++)
    rows[i] = c.watches[i];
  return c.n_watches;
}

static int chat_unwatch(TT_UNUSED void *user, TT_UNUSED const struct tt_caller *caller, unsigned number)
{
  for (size_t i = 0; i < c.n_watches; i++)
    if (c.watches[i].number == number) {
      memmove(&c.watches[i], &c.watches[i + 1], (--c.n_watches - i) * sizeof(*c.watches));
      return 0;
    }
  return -ENOENT;
}

static bool chat_log(TT_UNUSED void *user, TT_UNUSED const struct tt_caller *caller, TT_UNUSED size_t n,
                     struct tt_buf *out)
{
  tt_buf_puts(out, "alice set *plug*\n> relay\n");
  return true;
}

static enum tt_refusal chat_block(TT_UNUSED void *user, const struct tt_caller *caller,
                                  const struct tt_blocking *blocking, struct tt_buf *out)
{
  if (strcmp(caller->bare, "admin@house.test") != 0)
    return TT_REFUSED_FORBIDDEN;
  if (!blocking) {
    tt_blocking_list(out, c.blocks, caller->language);
    return TT_OK;
  }
  int r = tt_blocking_do(c.blocks, NULL, c.now, caller, blocking);
  tt_blocking_tell(out, blocking, r, caller->language);
  return r < 0 ? TT_REFUSED_BAD_REQUEST : TT_OK;
}

/* ---- Life --------------------------------------------------------------------------------------------------------- */
static void chat_begin(void)
{
  static const struct tt_chat_hooks hooks = {
      .watch = chat_watch, .watches = chat_watches, .unwatch = chat_unwatch, .log = chat_log, .block = chat_block};
  memset(&c, 0, sizeof(c));
  c.now = (struct tt_now){.mono_us = 1000 * CHAT_SECOND, .wall_us = UINT64_C(1795373693) * CHAT_SECOND};
  c.core = tt_core_create();
  tt_access_create(chat_rules, TT_COUNT(chat_rules), NULL, &c.access);
  tt_blocks_create(NULL, c.access, &c.blocks);
  tt_core_turn(c.core, c.now);
  tt_core_set_poll_classes(c.core, chat_polls, 1);
  tt_core_set_access(c.core, tt_access_hooks(c.access, c.core));
  tt_core_set_audit(
      c.core, (struct tt_audit_hooks){NULL, chat_decision, chat_outcome, chat_refused, chat_command_decision});
  tt_core_set_devices(c.core, (struct tt_device_hooks){NULL, chat_read, chat_write_device, chat_command});
  struct tt_node *plug =
      chat_add("plug", "house/kitchen", &chat_plug_label, chat_plug_points, TT_COUNT(chat_plug_points));
  struct tt_node *climate =
      chat_add("hall-climate", "house/hall", NULL, chat_climate_points, TT_COUNT(chat_climate_points));
  chat_add("fan", "house/hall", &chat_fan_label, chat_plug_points, 1);
  struct tt_node *meter = chat_add("meter", "cellar", NULL, chat_climate_points, 2);
  chat_report(plug, 0, TT_VALUE_BOOLEAN(false));
  chat_report(plug, 1, TT_VALUE_QUANTITY(12.3, 1));
  chat_report(plug, 2, TT_VALUE_INT64(42));
  chat_report(plug, 3, TT_VALUE_BOOLEAN(true));
  chat_report(climate, 0, TT_VALUE_QUANTITY(21.5, 1));
  chat_report(climate, 1, TT_VALUE_INT64(40));
  chat_report(climate, 2, TT_VALUE_QUANTITY(20, 0));
  chat_report(climate, 3, TT_VALUE_INT64(2));
  chat_report(meter, 0, TT_VALUE_QUANTITY(9, 0));
  chat_report(meter, 1, TT_VALUE_INT64(80));
  tt_node_message(tt_core_tree(c.core), c.now, meter, "slow", TT_MESSAGE_WARNING, "Answers late.");
  tt_chat_create(c.core, &hooks, &c.chat);
}

static void chat_end(void)
{
  for (size_t i = 0; i < c.n_open; i++)
    tt_value_finish(&c.open[i].raw);
  tt_core_destroy(c.core);
  tt_chat_destroy(c.chat);
  tt_blocks_destroy(c.blocks);
  tt_access_destroy(c.access);
  tt_buf_finish(&c.said);
}

static void chat_on_answer(TT_UNUSED void *user, const struct tt_chat_answer *answer)
{
  c.n_answers++;
  c.has_acted = answer->has_acted;
  snprintf(c.language, sizeof(c.language), "%s", answer->language);
  tt_buf_truncate(&c.said, 0);
  tt_buf_puts(&c.said, answer->text ? answer->text : "");
}

/* One line of `who` (before the '@'); the answer, "" when there is none yet. */
static const char *chat_say(const char *who, const char *language, tt_id thing, const char *text)
{
  char bare[64], full[80];
  snprintf(bare, sizeof(bare), "%s@house.test", who);
  snprintf(full, sizeof(full), "%s/phone", bare);
  const struct tt_caller caller = {.kind = TT_CALLER_XMPP,
                                   .jid = full,
                                   .bare = bare,
                                   .local = thing ? "thing@gw.test" : "gw.test",
                                   .language = language};
  if (!c.is_slow) {
    c.now.mono_us += CHAT_SECOND;
    c.now.wall_us += CHAT_SECOND;
    tt_core_turn(c.core, c.now);
  }
  tt_buf_truncate(&c.said, 0);
  tt_chat_say(c.chat, &(struct tt_chat_line){.caller = &caller, .text = text, .thing = thing}, chat_on_answer,
              NULL);
  if (!c.is_slow)
    chat_devices_answer();
  return c.said.data ? c.said.data : "";
}
