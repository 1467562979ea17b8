/* SPDX-License-Identifier: Apache-2.0
 * rooms.c: `rooms:` below `xmpp:`: chat rooms that the gateway is in. */
#include "load.h"

#include <stdio.h>
#include <strings.h>

#define DAY_US (24 * 3600.0 * 1e6)

const struct tt_option tt_room_options[] = {
    {.name = "jid",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct tt_room, jid),
     .flags = TT_OPTION_REQUIRED,
     .help = "Address of the room: house@rooms.example.org. It has to be there; the gateway makes none."},
    {.name = "nick",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct tt_room, nick),
     .preset = "thingtree",
     .help = "What the gateway is called there; nick_2 and so on when somebody else is."},
    {.name = "password",
     .type = TT_OPTION_SECRET,
     .offset = offsetof(struct tt_room, password),
     .help = "Of a room that wants one: ${credential:NAME}."},
    {.name = "nodes",
     .type = TT_OPTION_TEXTS,
     .offset = offsetof(struct tt_room, told.nodes),
     .help = "Patterns of nodes (house/**) whose values are announced to everybody in the room; none when absent."},
    {.name = "fields",
     .type = TT_OPTION_TEXTS,
     .offset = offsetof(struct tt_room, told.fields),
     .help = "Patterns of fields that are announced, all when absent; !pattern takes away again."},
    {.name = "interval",
     .type = TT_OPTION_DURATION,
     .offset = offsetof(struct tt_room, told.min_us),
     .preset = "10s",
     .min = TT_ROOM_INTERVAL_MIN,
     .max = DAY_US,
     .help = "At least this long between two messages about one node."},
    {.name = "commands",
     .type = TT_OPTION_BOOLEAN,
     .offset = offsetof(struct tt_room, has_commands),
     .preset = "false",
     .help =
         "Do what occupants say whose address the room shows, as far as `access` lets them. Everybody there reads "
         "the answers, and the room's server is believed when it says who somebody is."},
    TT_OPTION_END,
};

static int check_nick(struct tt_loader *l, const struct tt_room *room, const struct tt_item *map)
{
  const struct tt_item *item = tt_item_get(map, "nick");
  const char *nick = room->nick;
  bool is_bad =
      !*nick || *nick == ' ' || *nick == '@' || nick[strlen(nick) - 1] == ' ' || strlen(nick) > TT_ROOM_NICK_MAX;
  for (const char *c = nick; *c; c++)
    is_bad |= (unsigned char)*c < 0x20 || *c == 0x7f;
  if (!is_bad)
    return 0;
  tt_diag(l->diags, TT_SEVERITY_ERROR, "bad-name", item ? item->mark : map->mark, "this cannot be a nick");
  tt_diag_help(l->diags, "one line of at most %d bytes, without blanks around it and \"@\" before it",
               TT_ROOM_NICK_MAX);
  return -EINVAL;
}

static int check_room(struct tt_loader *l, const struct tt_room *rooms, const struct tt_mark *marks, size_t i,
                      const struct tt_item *map)
{
  const struct tt_room *room = &rooms[i];
  const struct tt_item *nodes = tt_item_get(map, "nodes");
  bool is_empty = nodes && nodes->kind == TT_ITEM_LIST && nodes->n == 0; /* says what it is when it is absent */
  if (!tt_load_is_jid(room->jid, TT_JID_LOCAL, TT_JID_LOCAL))
    return tt_load_bad_jid(l, tt_item_get(map, "jid"), "house@rooms.example.org");
  int r = check_nick(l, room, map);
  if (r == 0 && !is_empty)
    r = tt_load_globs(l, map, "nodes");
  if (r == 0)
    r = tt_load_globs(l, map, "fields");
  for (size_t k = 0; r == 0 && k < i; k++)
    if (strcasecmp(rooms[k].jid, room->jid) == 0) {
      tt_diag(l->diags, TT_SEVERITY_ERROR, "duplicate-key", tt_item_get(map, "jid")->mark,
              "the room \"%s\" stands here twice", room->jid);
      tt_diag_also(l->diags, marks[k], "first here");
      r = -EINVAL;
    }
  if (r == 0 && room->told.nodes.n == 0 && !room->has_commands)
    tt_diag(l->diags, TT_SEVERITY_WARNING, "room-unused", map->mark,
            "nothing is announced in this room, and no command is taken: the gateway is there for nothing");
  return r;
}

int tt_load_rooms(struct tt_loader *l, const struct tt_item *item, const struct tt_list *rooms,
                  struct tt_xmpp_config *out)
{
  int r = 0;
  if (rooms->n > TT_ROOMS_MAX) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "too-many-rooms", item->mark, "there can be %d rooms", TT_ROOMS_MAX);
    return -EINVAL;
  }
  for (size_t i = 0; i < rooms->n; i++) {
    int q = check_room(l, rooms->items, rooms->marks, i, item->kind == TT_ITEM_LIST ? item->items[i] : item);
    r = q < 0 ? q : r;
  }
  out->rooms = rooms->items;
  out->n_rooms = r == 0 ? rooms->n : 0;
  return r;
}
