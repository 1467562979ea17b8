/* SPDX-License-Identifier: Apache-2.0
 * address.c: keys to local parts (XEP-0106), and the table of them. */
#include "address.h"

#include <stdio.h>
#include <strings.h>
#include <uthash.h>

/* What a local part may not have (RFC 7622 section 3.3.1), as XEP-0106 escapes it. A backslash that would be read as the
 * beginning of an escape is one itself. */
static const char escaped[] = " \"&'/:<>@";

static bool is_escape(const char *text)
{
  static const char *const codes[] = {"20", "22", "26", "27", "2f", "3a", "3c", "3e", "40", "5c"};
  for (size_t i = 0; i < TT_COUNT(codes); i++)
    if (text[0] == '\\' && strncmp(text + 1, codes[i], 2) == 0)
      return true;
  return false;
}

static char folded(char c)
{
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int tt_address_of(const char *key, char *out, size_t size)
{
  size_t n = strlen(key), len = 0;
  if (n == 0 || key[0] == ' ' || key[n - 1] == ' ')
    return -EINVAL;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)key[i];
    char piece[4] = {folded(key[i])};
    if (c < 0x20 || c == 0x7f)
      return -EINVAL;
    if (strchr(escaped, key[i]) || is_escape(key + i))
      snprintf(piece, sizeof(piece), "\\%02x", c);
    size_t piece_len = strlen(piece);
    if (len + piece_len > TT_ADDRESS_MAX || len + piece_len >= size)
      return -ENAMETOOLONG;
    memcpy(out + len, piece, piece_len);
    len += piece_len;
  }
  out[len] = '\0';
  return 0;
}

bool tt_address_is_gateway(const char *local)
{
  return strcasecmp(local, TT_GATEWAY_KEY) == 0;
}

/* ---- The table ------------------------------------------------------------------------------------------------------ */

struct entry {
  tt_id node;
  UT_hash_handle hh;
  char local[];
};

struct tt_addresses {
  struct tt_tree *tree;
  struct entry *entries;
};

static void add(struct tt_addresses *a, const struct tt_node *node)
{
  char local[TT_ADDRESS_MAX + 1];
  struct entry *entry;
  if (tt_address_of(node->key, local, sizeof(local)) < 0 || tt_address_is_gateway(local))
    return;
  HASH_FIND_STR(a->entries, local, entry);
  size_t n = strlen(local) + 1;
  if (entry || !(entry = malloc(sizeof(*entry) + n)))
    return;
  entry->node = node->id;
  memcpy(entry->local, local, n);
  HASH_ADD_STR(a->entries, local, entry);
}

static void drop(struct tt_addresses *a, const struct tt_node *node)
{
  char local[TT_ADDRESS_MAX + 1];
  struct entry *entry = NULL;
  if (tt_address_of(node->key, local, sizeof(local)) == 0)
    HASH_FIND_STR(a->entries, local, entry);
  if (!entry || entry->node != node->id)
    return;
  HASH_DEL(a->entries, entry);
  free(entry);
}

static void on_change(void *user, struct tt_node *node, enum tt_change change, TT_UNUSED uint16_t point)
{
  switch (change) {
  case TT_CHANGE_ADDED:
    add(user, node);
    return;
  case TT_CHANGE_REMOVED:
    drop(user, node);
    return;
  case TT_CHANGE_STATE:
  case TT_CHANGE_VALUE:
    return;
  }
}

int tt_addresses_create(struct tt_tree *tree, struct tt_addresses **ret)
{
  struct tt_addresses *a = calloc(1, sizeof(*a));
  if (!a)
    return -ENOMEM;
  a->tree = tree;
  int r = tt_tree_listen(tree, on_change, a);
  if (r < 0) {
    free(a);
    return r;
  }
  for (struct tt_node *node = tt_tree_walk(tree, NULL); node; node = tt_tree_walk(tree, node))
    add(a, node);
  *ret = a;
  return 0;
}

void tt_addresses_destroy(struct tt_addresses *a)
{
  if (!a)
    return;
  struct entry *entry, *next;
  HASH_ITER(hh, a->entries, entry, next) {
    HASH_DEL(a->entries, entry);
    free(entry);
  }
  free(a);
}

struct tt_node *tt_addresses_find(struct tt_addresses *a, const char *local)
{
  char small[TT_ADDRESS_MAX + 1];
  size_t n = strlen(local);
  if (n > TT_ADDRESS_MAX)
    return NULL;
  for (size_t i = 0; i <= n; i++)
    small[i] = folded(local[i]);
  struct entry *entry;
  HASH_FIND_STR(a->entries, small, entry);
  return entry ? tt_tree_get(a->tree, entry->node) : NULL;
}
