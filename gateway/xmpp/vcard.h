/* SPDX-License-Identifier: Apache-2.0
 *
 * vcard.h: the card and the picture of a thing (XEP-0054; XEP-0153 names the picture in presence). The pictures are constant
 * data, one of each kind of thing: avatars/, drawn by tools/avatars.py.
 */
#pragma once

#include "face.h"
#include "router.h"

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

/* Answers at every address of ours. An account whose card is empty is given one, and its picture is published (XEP-0084); a
 * card that somebody has written is left as it is. */
int tt_vcard_handlers_add(struct tt_router *router);
