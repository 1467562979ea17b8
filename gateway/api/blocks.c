/* SPDX-License-Identifier: Apache-2.0
 *
 * blocks.c: the requests `blocked`, `block` and `unblock`: whom nobody wants to hear of.
 */
#include "client.h"
#include "json.h"
#include "trust/blocking.h"

static struct tt_blocks *blocks_of(const struct tt_api_call *call)
{
  struct tt_blocks *blocks = call->api->hooks.blocks;
  if (!blocks)
    tt_api_fail(call->client, call->id, "not-supported", "nobody can be blocked here");
  return blocks;
}

void tt_api_blocked(const struct tt_api_call *call)
{
  struct tt_blocks *blocks = blocks_of(call);
  if (!blocks)
    return;
  size_t n;
  const struct tt_block *list = tt_blocks_list(blocks, &n);
  json_object *line = tt_api_line(call->id), *blocked = json_object_new_array();
  for (size_t i = 0; i < n; i++) {
    json_object *one = json_object_new_object();
    json_object_object_add(one, "jid", json_object_new_string(list[i].who));
    json_object_object_add(one, "since", tt_json_time(list[i].stamp_us));
    json_object_array_add(blocked, one);
  }
  json_object_object_add(line, "blocked", blocked);
  tt_api_send_done(call->client, line);
}

static int decide(const struct tt_api_call *call, struct tt_blocks *blocks, const struct tt_blocking *blocking)
{
  const struct tt_api *api = call->api;
  return tt_blocking_do(blocks, api->hooks.audit, tt_core_now(api->core), &call->client->caller, blocking);
}

static void answer(const struct tt_api_call *call, const char *jid, int r)
{
  json_object *line;
  switch (r) {
  case -EINVAL:
    tt_api_fail(call->client, call->id, "bad-request", "\"%.128s\" is neither a JID nor a domain", jid);
    return;
  case -E2BIG:
    tt_api_fail(call->client, call->id, "bad-request", "the text has more than %d bytes", TT_BLOCK_REPORT_MAX);
    return;
  case -ENOENT:
    tt_api_fail(call->client, call->id, "not-found", "%.128s is not blocked", jid);
    return;
  case -EPERM:
    tt_api_fail(call->client, call->id, "conflict", "%.128s is an admin, or has one; take that rule away first",
                jid);
    return;
  case -ENOSPC:
    tt_api_fail(call->client, call->id, "busy", "%d addresses are blocked already", TT_BLOCKS_MAX);
    return;
  default:
    if (r < 0) {
      tt_api_fail(call->client, call->id, "failed", "the list could not be written: %s", strerror(-r));
      return;
    }
  }
  line = tt_api_line(call->id);
  json_object_object_add(line, "jid", json_object_new_string(jid));
  tt_api_send_done(call->client, line);
}

void tt_api_block(const struct tt_api_call *call)
{
  struct tt_blocks *blocks = blocks_of(call);
  const char *jid, *reason_name, *text;
  enum tt_block_reason reason = TT_BLOCK_NO_REPORT;
  if (!blocks || !tt_api_text(call, "jid", true, &jid) || !tt_api_text(call, "report", false, &reason_name) ||
      !tt_api_text(call, "text", false, &text))
    return;
  if (reason_name && tt_block_reason_parse(reason_name, &reason) < 0)
    tt_api_fail(call->client, call->id, "bad-request", "\"%.64s\" is no reason: spam or abuse", reason_name);
  else if (text && !reason_name)
    tt_api_fail(call->client, call->id, "bad-request", "a text goes with a report");
  else
    answer(call, jid, decide(call, blocks, &(struct tt_blocking){.who = jid, .reason = reason, .text = text}));
}

void tt_api_unblock(const struct tt_api_call *call)
{
  struct tt_blocks *blocks = blocks_of(call);
  const char *jid;
  if (blocks && tt_api_text(call, "jid", true, &jid))
    answer(call, jid, decide(call, blocks, &(struct tt_blocking){.who = jid, .is_removal = true}));
}
