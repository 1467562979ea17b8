/* SPDX-License-Identifier: Apache-2.0
 *
 * bucket.c: token buckets in a hash, least recently used first in a list.
 */
#include "bucket.h"

#include <uthash.h>
#include <utlist.h>

struct bucket {
  UT_hash_handle hh;
  struct bucket *prev, *next; /* in `used` */
  double tokens;
  uint64_t filled_us; /* when `tokens` was right */
  char key[];
};

struct tt_buckets {
  double rate, burst;
  size_t n, max;
  struct bucket *by_key;
  struct bucket *used; /* the least recently used first */
};

struct tt_buckets *tt_buckets_create(double rate, double burst, size_t max)
{
  struct tt_buckets *buckets = calloc(1, sizeof(*buckets));
  if (buckets)
    *buckets = (struct tt_buckets){.rate = rate, .burst = burst, .max = max ? max : 1};
  return buckets;
}

static void forget(struct tt_buckets *buckets, struct bucket *bucket)
{
  HASH_DEL(buckets->by_key, bucket);
  DL_DELETE(buckets->used, bucket);
  buckets->n--;
  free(bucket);
}

void tt_buckets_destroy(struct tt_buckets *buckets)
{
  if (!buckets)
    return;
  while (buckets->used)
    forget(buckets, buckets->used);
  free(buckets);
}

static struct bucket *add(struct tt_buckets *buckets, const char *key, uint64_t mono_us)
{
  if (buckets->n == buckets->max)
    forget(buckets, buckets->used);
  size_t n = strlen(key);
  struct bucket *bucket = calloc(1, sizeof(*bucket) + n + 1);
  if (!bucket)
    return NULL;
  memcpy(bucket->key, key, n + 1);
  bucket->tokens = buckets->burst;
  bucket->filled_us = mono_us;
  HASH_ADD_KEYPTR(hh, buckets->by_key, bucket->key, n, bucket);
  DL_APPEND(buckets->used, bucket);
  buckets->n++;
  return bucket;
}

bool tt_buckets_take(struct tt_buckets *buckets, const char *key, uint64_t mono_us)
{
  struct bucket *bucket = NULL;
  HASH_FIND_STR(buckets->by_key, key, bucket);
  if (bucket) {
    DL_DELETE(buckets->used, bucket);
    DL_APPEND(buckets->used, bucket);
  } else {
    bucket = add(buckets, key, mono_us);
    if (!bucket)
      return false; /* out of memory is no time to be generous */
  }
  if (mono_us > bucket->filled_us) {
    bucket->tokens += buckets->rate * (double)(mono_us - bucket->filled_us) / (double)TT_USEC_PER_SEC;
    if (bucket->tokens > buckets->burst)
      bucket->tokens = buckets->burst;
    bucket->filled_us = mono_us;
  }
  if (bucket->tokens < 1)
    return false;
  bucket->tokens -= 1;
  return true;
}
