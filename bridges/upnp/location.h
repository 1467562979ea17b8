/* SPDX-License-Identifier: Apache-2.0
 *
 * location.h: which addresses may be asked. An announcement is a datagram that anybody can send; what it names is
 * fetched only when it is the sender itself, in the network of the interface, by plain HTTP. Pure.
 */
#pragma once

#include <thingtree/util.h>

#define UP_URL_MAX  512  /* bytes of one URL, NUL included */
#define UP_PORT_MIN 1024 /* of a device; 80 is allowed, too */

/* The interface: IPv4, host byte order. */
struct up_net {
  uint32_t address, mask;
};

/* Why this may not be fetched, or NULL. `sender` is the source address of the announcement, host byte order. */
const char *up_location_problem(const char *location, uint32_t sender, const struct up_net *net);

/* A URL in a description that was fetched from `location`, made absolute; `base` is the description's URLBase, or
 * NULL. -EINVAL: it is no URL; -EPERM: another host, scheme or port than a device may have. */
int up_url_resolve(const char *location, const char *base, const char *reference, char ret_url[static UP_URL_MAX]);

/* "192.168.1.7:8080" of a URL that has passed; for people. */
#define UP_HOST_TEXT 24
/* Where that is; -EINVAL: not what the rule lets through. */
int up_url_address(const char *url, uint32_t *ret_address, uint16_t *ret_port);
char *up_url_host(char out[static UP_HOST_TEXT], const char *url);
