/* SPDX-License-Identifier: Apache-2.0
 *
 * offer.h: the links of one document, made into candidates. A link is one, except that devices of IPSO and LwM2M list each
 * resource of an object (/3303/0/5700), or its instances (/3303/0): there the instance is the device. Pure.
 */
#pragma once

#include "link_format.h"
#include "uri.h"

#include <thingtree/host.h>

/* Facts of one candidate; together with scheme, host, port, path, object, ct, title and obs no more than the host takes. */
#define CB_OFFER_WORDS_MAX     6  /* of rt, and of if */
#define CB_OFFER_RESOURCES_MAX 12 /* of one instance */
_Static_assert(8 + 2 * CB_OFFER_WORDS_MAX + CB_OFFER_RESOURCES_MAX <= TT_CANDIDATE_FACTS_MAX, "no fact is lost");

struct cb_offers {
  struct cb_offer *all; /* in the order of the document */
};

/* -ENOMEM */
int cb_offers_add(struct cb_offers *offers, const struct cb_base *base, const char *path,
                  const struct cb_link *link);
/* What is told lives during the call. */
void cb_offers_tell(const struct cb_offers *offers, void (*fn)(void *user, const struct tt_candidate *candidate),
                    void *user);
void cb_offers_finish(struct cb_offers *offers);
