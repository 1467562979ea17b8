/* SPDX-License-Identifier: Apache-2.0
 * Who may push. */
#include "sender.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <strings.h>

static int digit(char c)
{
  return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

int http_signature_parse(const char *text, uint8_t ret[static HTTP_SIGNATURE_SIZE])
{
  uint8_t bytes[HTTP_SIGNATURE_SIZE];
  if (!strncasecmp(text, "sha256=", 7))
    text += 7;
  if (strlen(text) != sizeof bytes * 2)
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

static bool is_signature_right(const char *secret, const char *signature, const char *body, size_t size)
{
  uint8_t given[HTTP_SIGNATURE_SIZE], made[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  return signature && http_signature_parse(signature, given) == 0 &&
         HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)body, size, made, &n) &&
         n == sizeof given && CRYPTO_memcmp(given, made, n) == 0;
}

bool http_sender_is_right(const struct http_webhook *hook, const char *authorization, const char *signature,
                          const char *body, size_t size)
{
  bool has_token = hook->token && *hook->token, has_hmac = hook->hmac && *hook->hmac;
  if (!has_token && !has_hmac)
    return false;
  return (!has_token || is_token_right(hook->token, authorization)) &&
         (!has_hmac || is_signature_right(hook->hmac, signature, body, size));
}
