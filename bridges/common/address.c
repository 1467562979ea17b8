/* SPDX-License-Identifier: Apache-2.0
 * Address rules. */
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Every address as sixteen bytes, IPv4 as ::ffff:a.b.c.d. */
struct plain {
  uint8_t byte[16];
};

struct range {
  uint8_t byte[16];
  unsigned bits;
};

#define V4(a, b, c, d)                                                                                             \
  {                                                                                                                \
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, (a), (b), (c), (d)                                                   \
  }

static const struct range denied[] = {
    {V4(0, 0, 0, 0), 96 + 8},       /* "this" network: Linux takes 0.0.0.0 for the machine itself */
    {V4(127, 0, 0, 0), 96 + 8},     /* loopback */
    {V4(169, 254, 0, 0), 96 + 16},  /* link-local, and the metadata service of clouds */
    {V4(100, 100, 100, 200), 128},  /* a metadata service, too */
    {V4(192, 0, 0, 192), 128},      /* and another */
    {V4(224, 0, 0, 0), 96 + 3},     /* multicast, reserved, broadcast */
    {{0}, 128},                     /* :: */
    {{[15] = 1}, 128},              /* ::1 */
    {{0xfe, 0x80}, 10},             /* link-local */
    {{0xff}, 8},                    /* multicast */
    {{0xfd, 0x00, 0x0e, 0xc2}, 32}, /* metadata service over IPv6 */
};

/* Where IPv4 addresses hide in IPv6 ones. */
static const struct {
  struct range range;
  unsigned at; /* byte of the IPv4 address */
} hidden[] = {
    {{{0}, 96}, 12},                   /* compatible (RFC 4291 2.5.5.1); ::1 and :: are looked at before */
    {{{0, 0x64, 0xff, 0x9b}, 96}, 12}, /* NAT64 */
    {{{0x20, 0x02}, 16}, 2},           /* 6to4 */
};

static bool is_in(const struct plain *address, const struct range *range)
{
  unsigned bytes = range->bits / 8, rest = range->bits % 8;
  if (memcmp(address->byte, range->byte, bytes) != 0)
    return false;
  return !rest || (address->byte[bytes] ^ range->byte[bytes]) >> (8 - rest) == 0;
}

static bool is_denied(const struct plain *address)
{
  for (size_t i = 0; i < sizeof denied / sizeof *denied; i++)
    if (is_in(address, &denied[i]))
      return true;
  return false;
}

static struct plain from_v4(const void *bytes)
{
  struct plain plain = {V4(0, 0, 0, 0)};
  memcpy(plain.byte + 12, bytes, 4);
  return plain;
}

static bool is_plain(const struct sockaddr *address, socklen_t size, struct plain *ret)
{
  if (address->sa_family == AF_INET && size >= (socklen_t)sizeof(struct sockaddr_in)) {
    struct sockaddr_in in;
    memcpy(&in, address, sizeof in);
    *ret = from_v4(&in.sin_addr);
    return true;
  }
  if (address->sa_family == AF_INET6 && size >= (socklen_t)sizeof(struct sockaddr_in6)) {
    struct sockaddr_in6 in6;
    memcpy(&in6, address, sizeof in6);
    memcpy(ret->byte, &in6.sin6_addr, 16);
    return true;
  }
  return false;
}

/* "fe80::1%eth0" is compared without its zone, and "[::1]" without its brackets. */
static bool from_text(const char *text, struct plain *ret)
{
  char copy[INET6_ADDRSTRLEN];
  uint8_t v4[4];
  bool is_bracketed = *text == '[';
  size_t n = strcspn(text + is_bracketed, is_bracketed ? "%]" : "%");
  if (n >= sizeof copy)
    return false;
  memcpy(copy, text + is_bracketed, n);
  copy[n] = 0;
  if (inet_pton(AF_INET, copy, v4) == 1) {
    *ret = from_v4(v4);
    return true;
  }
  return inet_pton(AF_INET6, copy, ret->byte) == 1;
}

static bool is_listed(const struct tt_address_rule *rule, const struct plain *address)
{
  struct plain other;
  for (size_t i = 0; i < rule->n_listed; i++)
    if (from_text(rule->listed[i], &other) && memcmp(other.byte, address->byte, 16) == 0)
      return true;
  return false;
}

static bool is_allowed(const struct tt_address_rule *rule, const struct plain *address)
{
  switch (rule->kind) {
  case TT_ADDRESS_ANY:
    return true;
  case TT_ADDRESS_LISTED:
    return is_listed(rule, address);
  case TT_ADDRESS_FOREIGN:
    break;
  }
  if (is_listed(rule, address))
    return true;
  if (is_denied(address))
    return false;
  for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
    if (is_in(address, &hidden[i].range)) {
      struct plain inner = from_v4(address->byte + hidden[i].at);
      return !is_denied(&inner);
    }
  }
  return true;
}

bool tt_address_is_allowed(const struct tt_address_rule *rule, const struct sockaddr *address, socklen_t size)
{
  struct plain plain;
  return is_plain(address, size, &plain) && is_allowed(rule, &plain);
}

bool tt_address_text_is_allowed(const struct tt_address_rule *rule, const char *address)
{
  struct plain plain;
  return from_text(address, &plain) && is_allowed(rule, &plain);
}
