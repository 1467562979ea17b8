/* SPDX-License-Identifier: Apache-2.0
 *
 * vcard.h: the card and the picture of a thing (XEP-0054, XEP-0084; XEP-0153 names the picture in presence). The pictures are
 * constant data, one of each kind of thing: avatars/, drawn by tools/avatars.py.
 */
#pragma once

#include "face.h"
#include "router.h"
#include "writer.h"

#define TT_NS_AVATAR_DATA         "urn:xmpp:avatar:data"
#define TT_NS_AVATAR_METADATA     "urn:xmpp:avatar:metadata"
#define TT_FEATURE_RETRIEVE_ITEMS "http://jabber.org/protocol/pubsub#retrieve-items" /* of a component alone */

struct tt_avatar {
  const unsigned char *png;
  size_t n;
  const char *sha1; /* in hexadecimal digits */
};
extern const struct tt_avatar tt_avatars[TT_THING_KIND_COUNT];

static inline const struct tt_avatar *tt_avatar(enum tt_thing_kind kind)
{
  return &tt_avatars[kind];
}

char *tt_avatar_base64(const struct tt_avatar *avatar); /* on the heap; NULL: out of memory */
/* <pubsub/> with the item of one of the two nodes in it; `list` is what the items stand in: "items", "publish". */
void tt_avatar_write_item(struct tt_writer *w, const char *list, const char *node, const struct tt_avatar *avatar);
/* Pictures are answered for at every address of a component (XEP-0084). */
int tt_avatar_handlers_add(struct tt_router *router);

/* Cards are answered for at every address of ours. An account whose card is empty is given one, and its picture is published (XEP-0084); a
 * card that somebody has written is left as it is. */
int tt_vcard_handlers_add(struct tt_router *router);
