/* SPDX-License-Identifier: Apache-2.0
 * fuzz_router.c: what anybody may send: stanzas from an administrator, a reader of one place, and a stranger, to every
 * handler, with devices behind that answer, fail or are silent. Input: pieces with a NUL between. Of each, the first
 * byte says who (a, r, s), the second what: g and s wrap the rest into an iq, p and q likewise into one to a thing, m into a
 * message, c into one that they say in a chat room; x takes it as it is. SESSION in it stands for the last session of a command that was answered.
 * d answers the oldest request of a device, f fails it, t lets a second pass.
 *
 * Whatever comes: what leaves is well-formed and within the limit, every get and set has exactly one answer in the end,
 * and a stranger gets errors only, and in a room nothing. */
#define _GNU_SOURCE /* memmem */
#include "trust/access.h"
#include "xmpp/adhoc_commands.h"
#include "xmpp/contact.h"
#include "xmpp/handlers.h"
#include "xmpp/room.h"
#include "xmpp/stream.h"
#include "xmpp/vcard.h"
#include "xmpp/watch.h"

#include <stdio.h>

#define PIECES_MAX 16
#define OPEN_MAX   64
#define STANZA_MAX 10000 /* the least that can be configured: answers are split often */
#define US         "things.house.test"
#define SECOND     TT_USEC_PER_SEC
#define ROOM       "house@rooms.test"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const people[] = {
    ['a'] = "admin@house.test/phone", ['r'] = "reader@house.test/tablet", ['s'] = "stranger@elsewhere.test/x"};

static const struct tt_room room = {.jid = ROOM, .nick = "gw", .has_commands = true};

static struct tt_rule rules[] = {
    {.who = "admin@house.test", .role = TT_ROLE_ADMIN},
    {.who = "reader@house.test",
     .role = TT_ROLE_READER,
     .nodes = {(const char *[]){"house/**"}, 1},
     .fields = {(const char *[]){"*", "!secret"}, 2}},
};

static struct tt_write any_write = {.within_us = SECOND, .verify_point = TT_NO_POINT};
static struct tt_write read_back = {.has_range = true,
                                    .min = 0,
                                    .max = 100,
                                    .step = 0.5,
                                    .within_us = SECOND,
                                    .verify = TT_VERIFY_READBACK,
                                    .verify_point = TT_NO_POINT};
static int address;
#define POINT(name_, type_)                                                                                        \
  .name = name_, .type = type_, .unit = "", .decimals = TT_DECIMALS_FREE, .address = &address
static const struct tt_point points[] = {
    {POINT("temperature", TT_TYPE_QUANTITY), .categories = TT_CATEGORY_MOMENTARY, .poll = -1},
    {POINT("relay", TT_TYPE_BOOLEAN), .categories = TT_CATEGORY_STATUS, .poll = 0, .write = &any_write},
    {POINT("level", TT_TYPE_QUANTITY), .categories = TT_CATEGORY_MOMENTARY, .poll = 0, .write = &read_back},
    {POINT("name", TT_TYPE_STRING), .categories = TT_CATEGORY_IDENTITY, .poll = -1, .write = &any_write},
    {POINT("secret", TT_TYPE_INT32), .categories = TT_CATEGORY_COMPUTED, .poll = -1},
    {POINT("made", TT_TYPE_DATETIME), .categories = TT_CATEGORY_HISTORICAL, .poll = -1},
};
static const struct tt_poll_class polls[] = {{"normal", 60 * SECOND, 30 * SECOND, 0}};

struct device_request {
  tt_id node;
  uint16_t point;
  bool is_write;
  tt_device_fn fn;
  void *user;
};

static struct {
  struct tt_core *core;
  struct tt_access *access;
  struct tt_router *router;
  struct tt_session *session;
  struct tt_sensor *sensor;
  struct tt_control_handlers *control;
  struct tt_events *events;
  struct tt_adhoc *adhoc;
  char session_id[40];
  struct tt_contacts *contacts;
  struct tt_watches *watches;
  struct tt_chat_handlers *chat;
  struct tt_rooms *rooms;
  char room_id[40];             /* of what it was asked last */
  unsigned n_lines, n_answered; /* that may be answered in the room; that were */
  struct tt_node_command_handlers *node_commands;
  struct tt_stream *stream; /* what left, as a server reads it */
  struct tt_now now;
  struct device_request open[OPEN_MAX];
  size_t n_open;
  unsigned answers[PIECES_MAX];
  bool is_asked[PIECES_MAX], is_ping[PIECES_MAX];
  char who[PIECES_MAX];
  size_t since; /* bytes that left since the last whole stanza */
} w;

static struct tt_write argument_write = {.verify_point = TT_NO_POINT, .has_range = true, .min = 0, .max = 100};
static struct tt_write note_write = {.verify_point = TT_NO_POINT};
static const struct tt_point arguments[] = {
    {.name = "level", .type = TT_TYPE_INT64, .unit = "%", .missing = TT_MISSING_ABSENT, .write = &argument_write},
    {.name = "note",
     .type = TT_TYPE_STRING,
     .unit = "",
     .missing = TT_MISSING_VALUE,
     .missing_value = {.type = TT_TYPE_STRING, .text = (char[]){"none"}},
     .write = &note_write}};
static const struct tt_command commands[] = {{.name = "blink", .within_us = SECOND},
                                             {.name = "go", .arguments = arguments, .n_arguments = 2}};

/* Every claim of this file. */
#define must(is_so) must_at(is_so, __LINE__)
static void must_at(bool is_so, int line)
{
  if (is_so)
    return;
  fprintf(stderr, "fuzz_router.c:%d: not so\n", line);
  abort();
}

/* ---- Devices -------------------------------------------------------------------------------------------------- */
static int keep(struct device_request request)
{
  if (w.n_open == OPEN_MAX)
    return -EBUSY;
  w.open[w.n_open++] = request;
  return 0;
}

static int on_read(void *user TT_UNUSED, tt_id node, const uint16_t which[], size_t n,
                   uint64_t deadline_us TT_UNUSED, tt_device_fn fn, void *fn_user)
{
  must(n > 0);
  return keep((struct device_request){node, which[0], false, fn, fn_user});
}

static int on_write(void *user TT_UNUSED, tt_id node, uint16_t point, const struct tt_value *raw,
                    uint64_t deadline_us TT_UNUSED, tt_device_fn fn, void *fn_user)
{
  /* Nothing out of range may come to here. */
  must(point < TT_COUNT(points) && points[point].write);
  must(point != 2 || (tt_value_number(raw) >= 0 && tt_value_number(raw) <= 100));
  return keep((struct device_request){node, point, true, fn, fn_user});
}

static int on_command(void *user TT_UNUSED, tt_id node, uint16_t command, const struct tt_value raws[],
                      uint64_t deadline_us TT_UNUSED, tt_device_fn fn, void *fn_user)
{
  /* Nothing out of range, and nothing missing, may come to here. */
  must(command < TT_COUNT(commands));
  must(command != 1 ||
       (tt_value_number(&raws[0]) >= 0 && tt_value_number(&raws[0]) <= 100 && raws[1].type == TT_TYPE_STRING));
  return keep((struct device_request){node, 0, true, fn, fn_user});
}

static uint64_t on_audit(void *user TT_UNUSED, const struct tt_caller *caller TT_UNUSED,
                         const struct tt_node *node TT_UNUSED, const struct tt_command *command TT_UNUSED,
                         const struct tt_value values[] TT_UNUSED)
{
  return 1;
}

static void answer_device(int error)
{
  if (w.n_open == 0)
    return;
  struct device_request first = w.open[0];
  memmove(w.open, w.open + 1, --w.n_open * sizeof(*w.open));
  struct tt_node *node = tt_tree_get(tt_core_tree(w.core), first.node);
  for (uint16_t i = 0; error == 0 && node && i < node->n_points; i++)
    if (points[i].type == TT_TYPE_QUANTITY)
      tt_node_report(tt_core_tree(w.core), w.now, node, i, &TT_VALUE_QUANTITY(21.5, 2), 0, false);
  first.fn(first.user, error, error ? "no answer <&>" : NULL);
}

/* ---- Access and audit ------------------------------------------------------------------------------------------- */
static uint64_t on_decision(void *user TT_UNUSED, const struct tt_caller *caller,
                            const struct tt_node *node TT_UNUSED, const char *parameter TT_UNUSED,
                            const struct tt_value *old TT_UNUSED, const struct tt_value *value TT_UNUSED)
{
  must(strcmp(caller->bare, "admin@house.test") == 0); /* nobody else may command anything */
  return 1;
}

static void on_outcome(void *user TT_UNUSED, uint64_t id TT_UNUSED, enum tt_refusal result TT_UNUSED,
                       const char *text TT_UNUSED)
{
}

static void on_refused(void *user TT_UNUSED, const struct tt_caller *caller TT_UNUSED,
                       enum tt_access_op op TT_UNUSED, const char *node TT_UNUSED)
{
}

/* ---- What leaves ------------------------------------------------------------------------------------------------ */
static void on_header(void *user TT_UNUSED, const struct tt_xml *header TT_UNUSED)
{
}

static void on_stanza(void *user TT_UNUSED, struct tt_xml_doc *doc)
{
  const struct tt_xml *stanza = tt_xml_doc_root(doc);
  const char *id = tt_xml_attr(stanza, "id"), *type = tt_xml_attr(stanza, "type"), *to = tt_xml_attr(stanza, "to");
  unsigned piece;
  must(w.since <= STANZA_MAX);
  bool is_answer = id && sscanf(id, "piece-%u", &piece) == 1 && piece < PIECES_MAX && w.is_asked[piece];
  bool is_iq = strcmp(stanza->name, "iq") == 0;
  if (is_iq && is_answer && type && (strcmp(type, "result") == 0 || strcmp(type, "error") == 0)) {
    must(++w.answers[piece] == 1);
    must(to && strcmp(to, people[(unsigned char)w.who[piece]]) == 0);
  }
  if (is_iq && type && strcmp(type, "get") == 0 && to && strcmp(to, ROOM) == 0 && id)
    snprintf(w.room_id, sizeof(w.room_id), "%s", id);
  if (type && strcmp(type, "groupchat") == 0)
    must(to && strcmp(to, ROOM) == 0 && ++w.n_answered <= w.n_lines);
  const struct tt_xml *command = tt_xml_child(stanza, "command", TT_NS_COMMANDS);
  if (command)
    snprintf(w.session_id, sizeof(w.session_id), "%s", tt_xml_attr(command, "sessionid"));
  if (to && strcmp(to, people['s']) == 0 && strcmp(stanza->name, "presence") != 0)
    must(is_iq && type && (strcmp(type, "error") == 0 || (is_answer && w.is_ping[piece])));
  tt_xml_doc_destroy(doc);
  w.since = 0;
}

static int on_output(void *user TT_UNUSED, const char *text, size_t n)
{
  while (n > 0) { /* a stanza ends with such a bracket: one at a time, to know how long each is */
    const char *end = memchr(text, '>', n);
    size_t part = end ? (size_t)(end - text) + 1 : n;
    w.since += part;
    must(tt_stream_feed(w.stream, text, part) == 0);
    text += part;
    n -= part;
  }
  return 0;
}

/* ---- Life ------------------------------------------------------------------------------------------------------- */
static void flush(void)
{
  tt_core_flush(w.core);
  tt_sensor_flush(w.sensor);
  w.now.mono_us += TT_OUT_HOLD_US + 1;
  tt_session_flush(w.session, w.now.mono_us);
  tt_session_flush(w.session, w.now.mono_us + TT_OUT_HOLD_US + 1);
}

static void pass(uint64_t us)
{
  w.now.mono_us += us;
  w.now.wall_us += us;
  tt_core_turn(w.core, w.now);
  tt_router_turn(w.router, w.now.mono_us);
  tt_rooms_turn(w.rooms, w.now.mono_us);
  flush();
}

static void add_node(const char *key, const char *place)
{
  struct tt_node *node;
  struct tt_node_spec spec = {.kind = TT_NODE_DEVICE,
                              .key = key,
                              .place = place,
                              .type = "thingtree.device.x",
                              .points = points,
                              .n_points = TT_COUNT(points),
                              .commands = commands,
                              .n_commands = TT_COUNT(commands),
                              .timeout_us = 2 * SECOND};
  must(tt_tree_add(tt_core_tree(w.core), w.now, &spec, &node) == 0);
  tt_node_report(tt_core_tree(w.core), w.now, node, 0, &TT_VALUE_QUANTITY(20.25, 2), 0, false);
}

static void hear(const char *text, size_t n)
{
  struct tt_xml_doc *doc;
  must(tt_xml_parse(text, n, &doc) == 0);
  tt_router_stanza(w.router, w.session, tt_xml_doc_root(doc));
  tt_xml_doc_destroy(doc);
}

/* Everybody is in the room, under the nick that is their letter, and so are we. */
static void come_in(void)
{
  static const char *const nicks[] = {"a", "r", "s", "gw"};
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&buf, "<iq type='result' id='%s' from='" ROOM "' to='" US "/thingtree'/>", w.room_id);
  hear(buf.data, buf.len);
  for (size_t i = 0; i < TT_COUNT(nicks); i++) {
    bool is_self = i == TT_COUNT(nicks) - 1;
    tt_buf_truncate(&buf, 0);
    tt_buf_printf(&buf,
                  "<presence from='" ROOM "/%s' to='" US
                  "/thingtree'><x xmlns='http://jabber.org/protocol/muc#user'>"
                  "<item role='participant' jid='%s'/><status code='%s'/></x></presence>",
                  nicks[i], is_self ? US "/thingtree" : people[(unsigned char)*nicks[i]], is_self ? "110" : "100");
    hear(buf.data, buf.len);
  }
  flush();
}

static void begin(void)
{
  static const struct tt_session_ops ops = {on_output};
  static const struct tt_stream_ops stream_ops = {.header = on_header, .stanza = on_stanza};
  static const char header[] = "<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams'>";
  char key[16];
  memset(&w, 0, sizeof(w));
  w.now = (struct tt_now){.mono_us = 1000 * SECOND, .wall_us = UINT64_C(1795373693) * SECOND};
  must((w.core = tt_core_create()));
  must(tt_access_create(rules, TT_COUNT(rules), NULL, &w.access) == 0);
  tt_core_turn(w.core, w.now);
  tt_core_set_poll_classes(w.core, polls, TT_COUNT(polls));
  tt_core_set_access(w.core, tt_access_hooks(w.access, w.core));
  tt_core_set_audit(w.core, (struct tt_audit_hooks){NULL, on_decision, on_outcome, on_refused, on_audit});
  tt_core_set_devices(w.core, (struct tt_device_hooks){NULL, on_read, on_write, on_command});
  add_node("plug", "house/hall");
  add_node("meter", "cellar");
  for (int i = 0; i < 30; i++) {
    snprintf(key, sizeof(key), "d%d", i);
    add_node(key, "house/many");
  }
  struct tt_router_config config = {.core = w.core,
                                    .access = w.access,
                                    .dialects = 15,
                                    .stanza_max = STANZA_MAX,
                                    .control_by_message = true,
                                    .compat_response_code = true,
                                    .version = "1"};
  must(tt_router_create(&config, &w.router) == 0);
  must(tt_basic_handlers_add(w.router) == 0 && tt_sensor_create(w.router, &w.sensor) == 0 &&
       tt_control_handlers_create(w.router, &w.control) == 0 &&
       tt_node_command_handlers_create(w.router, &w.node_commands) == 0 &&
       tt_events_create(w.router, TT_EVENTS_MIN_US, &w.events) == 0 && tt_concentrator_handlers_add(w.router) == 0);
  must(tt_adhoc_create(w.router, &w.adhoc) == 0 && tt_adhoc_browse_add(w.adhoc) == 0 &&
       tt_adhoc_read_add(w.adhoc) == 0 && tt_adhoc_control_add(w.adhoc) == 0);
  must(tt_contacts_create(w.router, &(struct tt_contacts_options){.language = "sv"}, &w.contacts) == 0 &&
       tt_vcard_handlers_add(w.router) == 0 && tt_avatar_handlers_add(w.router) == 0 &&
       tt_search_handlers_add(w.router) == 0);
  must(tt_watches_create(w.router, &w.watches) == 0 &&
       tt_chat_handlers_create(w.router, w.watches, NULL, &w.chat) == 0);
  const struct tt_rooms_options rooms = {.rooms = &room, .n = 1, .kind = TT_SESSION_COMPONENT};
  must(tt_rooms_create(w.router, &rooms, &w.rooms) == 0);
  must((w.stream = tt_stream_create(&stream_ops, NULL)) && (tt_stream_feed(w.stream, header, strlen(header)) == 0));
  must((w.session = tt_session_create(TT_SESSION_COMPONENT, US, &ops, NULL)));
  tt_session_set_online(w.session, true);
  tt_router_online(w.router, w.session);
  flush();
  come_in();
}

static void end(void)
{
  tt_router_offline(w.router, w.session);
  tt_rooms_destroy(w.rooms);
  tt_core_destroy(w.core);
  tt_sensor_destroy(w.sensor);
  tt_control_handlers_destroy(w.control);
  tt_events_destroy(w.events);
  tt_adhoc_destroy(w.adhoc);
  tt_contacts_destroy(w.contacts);
  tt_chat_handlers_destroy(w.chat);
  tt_watches_destroy(w.watches);
  tt_node_command_handlers_destroy(w.node_commands);
  tt_router_destroy(w.router);
  tt_session_destroy(w.session);
  tt_access_destroy(w.access);
  tt_stream_destroy(w.stream);
}

static bool give(const char *text, size_t n, unsigned piece, char what)
{
  struct tt_xml_doc *doc;
  if (tt_xml_parse(text, n, &doc) < 0)
    return false;
  const struct tt_xml *root = tt_xml_doc_root(doc);
  if (what == 'g' || what == 's' || what == 'p' || what == 'q') {
    w.is_asked[piece] = true;
    w.is_ping[piece] = root->children && strcmp(root->children->ns, "urn:xmpp:ping") == 0;
  }
  tt_router_stanza(w.router, w.session, root);
  tt_xml_doc_destroy(doc);
  return true;
}

/* SESSION in what is said is the last session there was. */
static void say(struct tt_buf *buf, const char *text, size_t n)
{
  static const char hole[] = "SESSION";
  for (const char *at; (at = memmem(text, n, hole, strlen(hole)));) {
    size_t before = (size_t)(at - text);
    tt_buf_add(buf, text, before);
    tt_buf_puts(buf, w.session_id);
    text = at + strlen(hole);
    n -= before + strlen(hole);
  }
  tt_buf_add(buf, text, n);
}

static void act(const char *text, size_t n, unsigned piece)
{
  char who = n > 0 ? text[0] : 0, what = n > 1 ? text[1] : 0;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  w.who[piece] = who == 'a' || who == 'r' ? who : 's';
  const char *from = people[(unsigned char)w.who[piece]];
  text += n > 1 ? 2 : n;
  n -= n > 1 ? 2 : n;
  switch (what) {
  case 'g':
  case 's':
  case 'p':
  case 'q':
    tt_buf_printf(&buf, "<iq xmlns='jabber:client' type='%s' id='piece-%u' from='%s' to='%s" US "'>",
                  what == 'g' || what == 'q' ? "get" : "set", piece, from,
                  what == 'p' || what == 'q' ? "plug@" : "");
    say(&buf, text, n);
    tt_buf_puts(&buf, "</iq>");
    break;
  case 'm':
    tt_buf_printf(&buf, "<message xmlns='jabber:client' id='m' from='%s' to='" US "'>", from);
    tt_buf_add(&buf, text, n);
    tt_buf_puts(&buf, "</message>");
    break;
  case 'c':
    w.n_lines += w.who[piece] != 's';
    tt_buf_printf(&buf, "<message type='groupchat' id='c' from='" ROOM "/%c' to='" US "/thingtree'>", w.who[piece]);
    tt_buf_add(&buf, text, n);
    tt_buf_puts(&buf, "</message>");
    break;
  case 'd':
    answer_device(0);
    break;
  case 'f':
    answer_device(-EIO);
    break;
  case 't':
    pass(SECOND);
    break;
  case 'x':
    w.n_lines++; /* perhaps */
    tt_buf_add(&buf, text, n);
    break;
  default:
    return;
  }
  if (buf.data)
    give(buf.data, buf.len, piece, what);
  pass(SECOND); /* below every limit of rate */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  const char *text = (const char *)data;
  begin();
  for (unsigned piece = 0; piece < PIECES_MAX && size > 0; piece++) {
    const char *nul = memchr(text, 0, size);
    size_t n = nul ? (size_t)(nul - text) : size;
    act(text, n, piece);
    n += nul != NULL;
    text += n;
    size -= n;
  }
  for (int i = 0; i < 200 && w.n_open > 0; i++) {
    answer_device(0);
    flush();
  }
  for (int i = 0; i < 4; i++)
    pass(60 * SECOND);
  must(w.since == 0);
  for (unsigned piece = 0; piece < PIECES_MAX; piece++)
    must(w.answers[piece] == w.is_asked[piece]);
  end();
  return 0;
}
