/* SPDX-License-Identifier: Apache-2.0
 * The file of devices that are added over XMPP: whatever somebody has made of it, what is read is written as the same, and what
 * is put into it is a text and nothing else. An input is the file, then, parted by lines of %%, a key, a label, and the value of
 * a parameter. */
#define _GNU_SOURCE /* memmem */
#include "adopt.h"
#include "remote_text.h"

#include <assert.h>

/* libyaml takes no key of more than 1024 characters in one line: the configuration with such a one is refused as a whole. */
static bool can_be_read(const char *key)
{
  struct tt_buf quoted TT_AUTOBUF = TT_BUF(0);
  tt_yaml_quote(&quoted, key, false);
  return quoted.len <= 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_same(const struct tt_item *a, const struct tt_item *b)
{
  if (a->kind != b->kind || a->n != b->n)
    return false;
  if (a->kind == TT_ITEM_SCALAR) {
    char *clean TT_AUTOFREE = tt_text_clean(a->text, strlen(a->text), 3 * strlen(a->text));
    return tt_item_is_null(a) == tt_item_is_null(b) && tt_item_is_empty(a) == tt_item_is_empty(b) &&
           !strcmp(clean, b->text);
  }
  for (size_t i = 0; i < a->n; i++) {
    if (a->kind == TT_ITEM_MAP) {
      char *clean TT_AUTOFREE = tt_text_clean(a->keys[i], strlen(a->keys[i]), 3 * strlen(a->keys[i]));
      if (strcmp(clean, b->keys[i]) != 0)
        return false;
    }
    if (!is_same(a->items[i], b->items[i]))
      return false;
  }
  return true;
}

static int read_again(const struct tt_remote_text *text, struct tt_remote_text *ret, struct tt_buf *out)
{
  char why[512];
  tt_remote_write(text, out);
  return out->failed ? -ENOMEM : tt_remote_read(ret, out->data, out->len, why, sizeof(why));
}

/* The next part of the input, as text. */
static char *part(const uint8_t **data, size_t *size)
{
  const uint8_t *end = memmem(*data, *size, "%%\n", 3);
  size_t n = end ? (size_t)(end - *data) : *size;
  char *raw = strndup((const char *)*data, n), *clean = tt_text_clean(raw, strlen(raw), 3 * n + 1);
  *data += end ? n + 3 : n;
  *size -= end ? n + 3 : n;
  free(raw);
  return clean;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct tt_remote_text text TT_AUTOREMOTE = {0}, again TT_AUTOREMOTE = {0}, changed TT_AUTOREMOTE = {0};
  struct tt_buf out TT_AUTOBUF = TT_BUF(0), more TT_AUTOBUF = TT_BUF(0);
  char why[512];
  const uint8_t *end = memmem(data, size, "%%\n", 3);
  size_t n = end ? (size_t)(end - data) : size;
  if (tt_remote_read(&text, (const char *)data, n, why, sizeof(why)) < 0)
    return 0;
  int r = read_again(&text, &again, &out);
  if (r < 0) /* keys that differ only in characters that are none have become the same */
    return 0;
  if (tt_item_get(text.root, "version"))
    assert(is_same(text.root, again.root));
  data += end ? n + 3 : n;
  size -= end ? n + 3 : n;
  char *key TT_AUTOFREE = part(&data, &size), *label TT_AUTOFREE = part(&data, &size),
            *value TT_AUTOFREE = part(&data, &size);
  const struct tt_fact with = {"p", value};
  const struct tt_manage_change change = {.label = label, .uses = "m", .with = &with, .n_with = 1};
  const struct tt_item *old = tt_item_get(again.devices, key), *entry = tt_remote_entry(&again, old, &change, NULL);
  if (!*value || !*label || !entry || !can_be_read(key) || tt_remote_set(&again, key, entry) < 0)
    return 0;
  assert(read_again(&again, &changed, &more) == 0);
  entry = tt_item_get(changed.devices, key);
  assert(entry && changed.devices->n == again.devices->n);
  assert(!strcmp(tt_remote_shown(changed.arena, tt_item_get(entry, "label")), label));
  assert(!strcmp(tt_remote_shown(changed.arena, tt_item_get(tt_item_get(entry, "with"), "p")), value));
  return 0;
}
