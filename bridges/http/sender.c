/* SPDX-License-Identifier: Apache-2.0
 * Who may push. */
#include "sender.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <strings.h>

#define KEY_MAX 1024 /* bytes of a secret in base64 */

static int digit(char c)
{
  return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static int from_hex(const char *text, size_t n, uint8_t ret[static HTTP_SIGNATURE_SIZE])
{
  uint8_t bytes[HTTP_SIGNATURE_SIZE];
  if (n != sizeof bytes * 2)
    return -EINVAL;
  for (size_t i = 0; i < sizeof bytes; i++) {
    int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0)
      return -EINVAL;
    bytes[i] = (uint8_t)(high << 4 | low);
  }
  memcpy(ret, bytes, sizeof bytes);
  return 0;
}

int http_signature_parse(const char *text, uint8_t ret[static HTTP_SIGNATURE_SIZE])
{
  if (!strncasecmp(text, "sha256=", 7))
    text += 7;
  return from_hex(text, strlen(text), ret);
}

/* The length, or -EINVAL. `size` bytes are enough for three quarters of the text. */
static int from_base64(const char *text, size_t n, uint8_t *ret, size_t size)
{
  size_t padding = 0;
  while (padding < 2 && padding < n && text[n - padding - 1] == '=')
    padding++;
  /* OpenSSL takes blanks around it, which nobody signs. */
  if (!n || n % 4 || n / 4 * 3 > size ||
      n - padding != strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
    return -EINVAL;
  int length = EVP_DecodeBlock(ret, (const unsigned char *)text, (int)n);
  return length < 0 ? -EINVAL : length - (int)padding;
}

/* Of digests, so that not even the length of the token can be measured. */
static bool is_same_text(const char *a, const char *b)
{
  uint8_t x[EVP_MAX_MD_SIZE], y[EVP_MAX_MD_SIZE];
  unsigned n = 0, m = 0;
  return EVP_Digest(a, strlen(a), x, &n, EVP_sha256(), NULL) == 1 &&
         EVP_Digest(b, strlen(b), y, &m, EVP_sha256(), NULL) == 1 && n == m && CRYPTO_memcmp(x, y, n) == 0;
}

static bool is_token_right(const char *token, const char *authorization)
{
  return authorization && !strncasecmp(authorization, "Bearer ", 7) && is_same_text(authorization + 7, token);
}

/* ---- Signatures ---------------------------------------------------------------------------------------- */
struct key {
  uint8_t bytes[KEY_MAX];
  const void *data; /* those, or the secret itself */
  size_t size;
};

/* Standard Webhooks write their secret in base64, with or without the mark before it. */
static int key_of(const struct http_webhook *hook, struct key *ret)
{
  const char *secret = hook->hmac;
  ret->data = secret;
  ret->size = strlen(secret);
  if (hook->scheme != HTTP_HOOK_STANDARD)
    return 0;
  if (!strncmp(secret, "whsec_", 6))
    secret += 6;
  int n = from_base64(secret, strlen(secret), ret->bytes, sizeof ret->bytes);
  ret->data = ret->bytes;
  ret->size = n < 0 ? 0 : (size_t)n;
  return n < 0 ? n : 0;
}

bool http_sender_has_key(const struct http_webhook *hook)
{
  struct key key;
  bool has_key = key_of(hook, &key) == 0 && key.size;
  explicit_bzero(&key, sizeof key);
  return has_key;
}

/* HMAC over `before` and the body. */
static bool sign(const struct http_webhook *hook, const char *before, const struct http_claim *claim,
                 uint8_t ret[static HTTP_SIGNATURE_SIZE])
{
  struct key key;
  uint8_t made[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  TT_AUTOBUF struct tt_buf signed_ = TT_BUF(0);
  tt_buf_add(&signed_, before, strlen(before));
  tt_buf_add(&signed_, claim->body, claim->size);
  bool is_made = key_of(hook, &key) == 0 && !signed_.failed &&
                 HMAC(EVP_sha256(), key.data, (int)key.size,
                      (const unsigned char *)(signed_.data ? signed_.data : ""), signed_.len, made, &n) &&
                 n == HTTP_SIGNATURE_SIZE;
  explicit_bzero(&key, sizeof key);
  if (is_made)
    memcpy(ret, made, HTTP_SIGNATURE_SIZE);
  return is_made;
}

/* Seconds since 1970, nothing else. */
static int time_of(const char *text, size_t n, uint64_t *ret_us)
{
  uint64_t s = 0;
  if (!n || n > 11 || strspn(text, "0123456789") < n)
    return -EINVAL;
  for (size_t i = 0; i < n; i++)
    s = s * 10 + (uint64_t)(text[i] - '0');
  *ret_us = s * TT_USEC_PER_SEC;
  return 0;
}

static bool is_body_right(const struct http_webhook *hook, const struct http_claim *claim, struct http_proof *ret)
{
  uint8_t given[HTTP_SIGNATURE_SIZE];
  return http_signature_parse(claim->signature, given) == 0 && sign(hook, "", claim, ret->signature) &&
         CRYPTO_memcmp(given, ret->signature, sizeof given) == 0;
}

/* "t=1700000000,v1=HEX,v1=HEX,v0=...": what is signed is "TIME.BODY". */
static bool is_stripe_right(const struct http_webhook *hook, const struct http_claim *claim, struct http_proof *ret)
{
  uint8_t given[HTTP_SIGNATURES_MAX][HTTP_SIGNATURE_SIZE];
  char before[16] = "";
  size_t n = 0;
  bool is_right = false;
  for (const char *p = claim->signature; *p;) {
    size_t length = strcspn(p, ",");
    if (length > 2 && !strncmp(p, "t=", 2)) {
      if (*before || time_of(p + 2, length - 2, &ret->sent_us) < 0)
        return false;
      memcpy(before, p + 2, length - 2);
      before[length - 2] = '.';
      before[length - 1] = 0;
    } else if (length > 3 && !strncmp(p, "v1=", 3) && n < HTTP_SIGNATURES_MAX) {
      n += from_hex(p + 3, length - 3, given[n]) == 0;
    }
    p += length;
    p += *p == ',';
  }
  if (!*before || !sign(hook, before, claim, ret->signature))
    return false;
  for (size_t i = 0; i < n; i++)
    is_right |= CRYPTO_memcmp(given[i], ret->signature, HTTP_SIGNATURE_SIZE) == 0;
  return is_right;
}

/* "v1,BASE64 v1,BASE64 v1a,...": what is signed is "ID.TIME.BODY". */
static bool is_standard_right(const struct http_webhook *hook, const struct http_claim *claim,
                              struct http_proof *ret)
{
  TT_AUTOBUF struct tt_buf before = TT_BUF(0);
  size_t n = 0;
  bool is_right = false;
  if (!claim->id || !claim->time || strlen(claim->id) > HTTP_CLAIM_TEXT_MAX ||
      strchr(claim->id, '.') || /* ambiguous */
      time_of(claim->time, strlen(claim->time), &ret->sent_us) < 0)
    return false;
  tt_buf_printf(&before, "%s.%s.", claim->id, claim->time);
  if (before.failed || !sign(hook, before.data, claim, ret->signature))
    return false;
  for (const char *p = claim->signature; *p && n < HTTP_SIGNATURES_MAX;) {
    uint8_t given[HTTP_SIGNATURE_SIZE + 1];
    size_t length = strcspn(p, " ");
    if (length > 3 && !strncmp(p, "v1,", 3)) {
      n++;
      is_right |= from_base64(p + 3, length - 3, given, sizeof given) == HTTP_SIGNATURE_SIZE &&
                  CRYPTO_memcmp(given, ret->signature, HTTP_SIGNATURE_SIZE) == 0;
    }
    p += length;
    p += *p == ' ';
  }
  return is_right;
}

static const struct {
  const char *header;
  bool (*is_right)(const struct http_webhook *hook, const struct http_claim *claim, struct http_proof *ret);
} schemes[] = {
    [HTTP_HOOK_BODY] = {"X-Signature", is_body_right},
    [HTTP_HOOK_STRIPE] = {"Stripe-Signature", is_stripe_right},
    [HTTP_HOOK_STANDARD] = {"webhook-signature", is_standard_right},
};

const char *http_sender_header(const struct http_webhook *hook)
{
  return hook->signature ? hook->signature : schemes[hook->scheme].header;
}

bool http_sender_is_right(const struct http_webhook *hook, const struct http_claim *claim, struct http_proof *ret)
{
  bool has_token = hook->token && *hook->token, has_hmac = hook->hmac && *hook->hmac;
  struct http_proof proof = {0};
  if (!has_token && !has_hmac)
    return false;
  if (has_token && !is_token_right(hook->token, claim->authorization))
    return false;
  if (has_hmac && (!claim->signature || !schemes[hook->scheme].is_right(hook, claim, &proof)))
    return false;
  *ret = proof;
  return true;
}
