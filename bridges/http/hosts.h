/* SPDX-License-Identifier: Apache-2.0
 *
 * hosts.h: whom `discover: {hosts: ...}` means: names and addresses with a port or without, and networks of IPv4
 * addresses. Pure.
 */
#pragma once

#include <thingtree/option.h>

#define HTTP_HOST_SIZE      264 /* a buffer for one: a name, a port */
#define HTTP_HOSTS_MAX      256 /* that all of `hosts` together may mean */
#define HTTP_HOSTS_SHORTEST 24  /* of a network's prefix */
#define HTTP_HOSTS_WHY_SIZE 160

/* Where a walk through them stands; begins zeroed. */
struct http_hosts {
  size_t i;      /* which text */
  unsigned next; /* which address of its network */
};

/* Why one of the texts, or all together, are not hosts that may be asked, in `why`; true: they are. */
bool http_hosts_are_good(const struct tt_texts *texts, char why[static HTTP_HOSTS_WHY_SIZE]);

/* The next one as it stands behind http://. false: there is none. Of texts that are good only. */
bool http_hosts_next(const struct tt_texts *texts, struct http_hosts *at, char out[static HTTP_HOST_SIZE]);
