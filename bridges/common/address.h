/* SPDX-License-Identifier: Apache-2.0
 *
 * address.h: may we go to this address? What the owner wrote into the configuration is his word; an address that a
 * device gives (a redirect, a link, an announcement) could otherwise make the gateway speak to its own machine or to
 * the metadata service of a cloud. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum tt_address_kind {
  TT_ADDRESS_ANY,     /* the owner's word */
  TT_ADDRESS_FOREIGN, /* a device's word: no loopback, link-local, unspecified, multicast or broadcast address, unless
                         it is one of `listed` */
  TT_ADDRESS_LISTED, /* only one of `listed` */
};

/* Texts and array are borrowed. */
struct tt_address_rule {
  enum tt_address_kind kind;
  const char *const *listed; /* literal addresses without a port: 192.168.1.7, fe80::1 */
  size_t n_listed;
};

/* Families other than IPv4 and IPv6 are never allowed. IPv4 inside IPv6 (mapped, compatible, NAT64, 6to4) counts as
 * the IPv4 address. */
bool tt_address_is_allowed(const struct tt_address_rule *rule, const struct sockaddr *address, socklen_t size);
/* The same of an address as text. False also when it is none. */
bool tt_address_text_is_allowed(const struct tt_address_rule *rule, const char *address);
