/* SPDX-License-Identifier: Apache-2.0
 * fuzz_room.c: what a room sends. Input: records with a NUL between, of which the first byte says what it is: t time passes (the
 * second byte: seconds), l or p the answer to what was asked (the rest is its condition, "-" none in time), o another stream, b a
 * bounce; anything else is a stanza.
 *
 * Whatever comes: there is a nick, and something is due or waited for; who is known has an address; a line has an author that is
 * not us and a text. */
#include "xmpp/room_people.h"
#include "xmpp/room_state.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORDS_MAX 256

#define must(is_so) must_at(is_so, __LINE__)
static void must_at(bool is_so, int line)
{
  if (is_so)
    return;
  fprintf(stderr, "fuzz_room.c:%d: not so\n", line);
  abort();
}

static struct tt_room_state state;
static struct tt_room_people *people;
static uint64_t now;
static bool is_asked; /* something of ours is not answered yet */

static void check(enum tt_room_step step)
{
  size_t n = strlen(state.own);
  must(n > 0 && n <= TT_ROOM_RESOURCE_MAX);
  must(state.why && *state.why);
  is_asked |= step == TT_ROOM_LOOK || step == TT_ROOM_PING;
  must(state.due_us != TT_NEVER || is_asked);
  must(state.phase != TT_ROOM_LOOKING || is_asked);
  must(step != TT_ROOM_JOIN || state.phase == TT_ROOM_JOINING);
  must(step != TT_ROOM_PING || state.phase == TT_ROOM_IN);
  must(step != TT_ROOM_LEAVE || state.phase == TT_ROOM_OUT);
}

static void on_presence(const struct tt_xml *stanza)
{
  struct tt_room_presence p;
  if (!tt_room_presence_read(stanza, &p))
    return;
  must(p.nick || p.is_error);
  must(!p.nick || strlen(p.nick) <= TT_ROOM_RESOURCE_MAX);
  must(p.is_moderator ? p.has_voice : true);
  if (!p.is_error) {
    tt_room_people_set(people, p.nick, p.is_gone ? NULL : p.jid);
    const char *jid = tt_room_people_find(people, p.nick);
    must(!jid || (p.jid && !strcmp(jid, p.jid)));
    must(tt_room_people_count(people) <= TT_ROOM_OCCUPANTS_MAX);
  }
  check(tt_room_present(&state, &p, now));
}

static void on_stanza(const char *text, size_t n)
{
  struct tt_xml_doc *doc;
  if (tt_xml_parse(text, n, &doc) < 0)
    return;
  const struct tt_xml *stanza = tt_xml_doc_root(doc);
  struct tt_room_line line;
  tt_room_heard(&state, now);
  on_presence(stanza);
  if (tt_room_line_read(stanza, state.own, &line))
    must(*line.nick && *line.text && strcmp(line.nick, state.own) != 0);
  (void)tt_room_is_changed(stanza);
  tt_xml_doc_destroy(doc);
}

static void on_answer(const char *rest)
{
  bool is_answered = strcmp(rest, "-") != 0;
  const char *condition = is_answered && *rest ? rest : NULL;
  if (!is_asked)
    return;
  is_asked = false;
  if (state.phase == TT_ROOM_LOOKING)
    check(tt_room_looked(&state, is_answered, condition, now));
  else
    check(tt_room_pinged(&state, is_answered, condition, now));
}

static void on_record(const char *record, size_t n)
{
  char rest[64];
  snprintf(rest, sizeof(rest), "%.*s", n > 0 ? (int)(n - 1) : 0, record + (n > 0));
  switch (n > 0 ? record[0] : 't') {
  case 't':
    now += TT_USEC_PER_SEC * (uint64_t)(n > 1 ? (unsigned char)record[1] : 1);
    check(tt_room_due(&state, now));
    break;
  case 'l':
  case 'p':
    on_answer(rest);
    break;
  case 'o':
    is_asked = false;
    tt_room_people_clear(people);
    check(tt_room_online(&state, now));
    break;
  case 'b':
    tt_room_bounced(&state, now);
    check(TT_ROOM_NOTHING);
    break;
  default:
    on_stanza(record, n);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  const char *text = (const char *)data;
  now = 1000 * TT_USEC_PER_SEC;
  is_asked = false;
  people = tt_room_people_create();
  tt_room_state_init(&state, "gw");
  check(tt_room_online(&state, now));
  for (int i = 0; people && i < RECORDS_MAX && size > 0; i++) {
    const char *nul = memchr(text, 0, size);
    size_t n = nul ? (size_t)(nul - text) : size;
    on_record(text, n);
    n += nul != NULL;
    text += n;
    size -= n;
  }
  tt_room_people_destroy(people);
  return 0;
}
