/* SPDX-License-Identifier: Apache-2.0
 *
 * uri.h: coap and coaps URIs (RFC 7252 section 6), taken apart by us: libcoap 4.3.1 reads beyond the end of some. Pure
 * functions of text; what a device or a file says may be anything.
 */
#pragma once

#include <thingtree/util.h>

#define CB_HOST_MAX     255 /* bytes of a host */
#define CB_SEGMENT_MAX  255 /* bytes of one Uri-Path or Uri-Query option (RFC 7252 section 5.10) */
#define CB_SEGMENTS_MAX 16  /* of a path, and as many of a query */
#define CB_PATH_MAX     512 /* bytes of path and query as they are written */

#define CB_PORT      5683
#define CB_PORT_DTLS 5684

enum cb_host_kind { CB_HOST_NAME, CB_HOST_IPV4, CB_HOST_IPV6 };

/* scheme://host[:port], and nothing behind it. */
struct cb_base {
  bool is_dtls;
  enum cb_host_kind kind;
  char host[CB_HOST_MAX + 1]; /* lower case, without brackets, without the scope */
  char scope[32];             /* of an IPv6 address: the interface; "" when none */
  uint16_t port;
};
/* Why `text` is no base, or NULL: `*ret` is filled. */
const char *cb_base_problem(const char *text, struct cb_base *ret);
/* As it is written: coap://[fe80::1%eth0]:5683. Appends. */
void cb_base_print(const struct cb_base *base, struct tt_buf *out);

/* A path with its query, percent-decoded into the options it is sent as. */
struct cb_path {
  size_t n_path, n_query;
  struct cb_segment {
    uint16_t at, size; /* within `bytes` */
  } path[CB_SEGMENTS_MAX], query[CB_SEGMENTS_MAX];
  char bytes[CB_PATH_MAX];
};
/* Why `text` is not /path?query, or NULL: `*ret` is filled. */
const char *cb_path_problem(const char *text, struct cb_path *ret);

/* The reference of a link (RFC 3986 section 5.2, of which link formats use this much): an absolute coap(s) URI, or an
 * absolute path; without a ./ or ../ in it. -EINVAL: something else. `*ret_base` is `base` for a path; `ret_path` is
 * CB_PATH_MAX + 1 bytes. */
int cb_reference(const struct cb_base *base, const char *text, size_t n, struct cb_base *ret_base, char *ret_path);
