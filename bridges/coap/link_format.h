/* SPDX-License-Identifier: Apache-2.0
 *
 * link_format.h: what stands at /.well-known/core (RFC 6690). Pure functions of bytes; every byte may be hostile.
 */
#pragma once

#include <thingtree/util.h>

#define CB_LINKS_MAX     1000 /* links of one document; the rest is not read */
#define CB_LINK_TEXT_MAX 255  /* bytes of one attribute; longer ones are cut */

/* One link. The texts are "" when absent. */
struct cb_link {
  const char *target; /* between < and >; not terminated */
  size_t target_size;
  char rt[CB_LINK_TEXT_MAX + 1], if_[CB_LINK_TEXT_MAX + 1], ct[CB_LINK_TEXT_MAX + 1], title[CB_LINK_TEXT_MAX + 1];
  bool is_observable;
  bool has_anchor; /* speaks of something else */
};

/* Takes the next link off `*text`, `*n` bytes. 1: `*ret` is one; 0: there is none any more; -EINVAL: this is no link
 * format; nothing behind it can be read. Tolerates what devices send: blanks, line ends, an unquoted text, a comma at
 * the end. */
int cb_link_next(const char **text, size_t *n, struct cb_link *ret);

/* The next word of a list of words ("rt" may have several); false: none any more. */
bool cb_word_next(const char **list, char out[static CB_LINK_TEXT_MAX + 1]);
