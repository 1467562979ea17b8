/* SPDX-License-Identifier: Apache-2.0
 * What was taken already. */
#include "seen.h"

#define SEEN_FIRST 16 /* rows of the first push */

struct http_seen_row {
  uint8_t signature[HTTP_SIGNATURE_SIZE];
  uint64_t sent_us;
};

static bool is_near(uint64_t sent_us, uint64_t now_us, uint64_t tolerance_us)
{
  return (sent_us > now_us ? sent_us - now_us : now_us - sent_us) <= tolerance_us;
}

/* Those that would not be let in anyway. One from the future stays, should the clock be set back. */
static void forget(struct http_seen *seen, uint64_t now_us, uint64_t tolerance_us)
{
  size_t kept = 0;
  for (size_t i = 0; i < seen->n; i++)
    if (seen->rows[i].sent_us > now_us || is_near(seen->rows[i].sent_us, now_us, tolerance_us))
      seen->rows[kept++] = seen->rows[i];
  seen->n = kept;
}

static int make_room(struct http_seen *seen)
{
  size_t capacity = seen->capacity ? seen->capacity * 2 : SEEN_FIRST;
  if (seen->n < seen->capacity)
    return 0;
  if (seen->capacity >= HTTP_SEEN_MAX)
    return -ENOSPC;
  struct http_seen_row *rows = reallocarray(seen->rows, capacity, sizeof *rows);
  if (!rows)
    return -ENOMEM;
  seen->rows = rows;
  seen->capacity = capacity;
  return 0;
}

int http_seen_take(struct http_seen *seen, const struct http_proof *proof, uint64_t now_wall_us,
                   uint64_t tolerance_us)
{
  if (!is_near(proof->sent_us, now_wall_us, tolerance_us))
    return -ESTALE;
  for (size_t i = 0; i < seen->n; i++)
    if (!memcmp(seen->rows[i].signature, proof->signature, HTTP_SIGNATURE_SIZE))
      return -EALREADY;
  if (seen->n == seen->capacity)
    forget(seen, now_wall_us, tolerance_us);
  int r = make_room(seen);
  if (r < 0)
    return r;
  struct http_seen_row *row = &seen->rows[seen->n++];
  memcpy(row->signature, proof->signature, HTTP_SIGNATURE_SIZE);
  row->sent_us = proof->sent_us;
  return 0;
}

void http_seen_finish(struct http_seen *seen)
{
  free(seen->rows);
  *seen = (struct http_seen){0};
}
