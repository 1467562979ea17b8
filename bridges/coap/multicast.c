/* SPDX-License-Identifier: Apache-2.0
 * A question to everybody. libcoap's sessions talk with one address, so that the sockets are ours, and only the messages
 * are its. */
#include "multicast.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define GROUP_V4    "224.0.1.187"
#define GROUP_V6    "ff02::fd"
#define MESSAGE_MAX 1500
#define BATCH       32 /* messages of one turn of the loop */

struct side {
  struct cb_multicast *multicast;
  int fd;
  sd_event_source *source;
};

struct cb_multicast {
  struct cb_token token;
  cb_multicast_fn fn;
  void *user;
  struct side v4, v6;
};

static void base_of(const struct sockaddr_storage *from, struct cb_base *ret)
{
  struct cb_base base = {0};
  if (from->ss_family == AF_INET) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
    base.kind = CB_HOST_IPV4;
    base.port = ntohs(v4->sin_port);
    inet_ntop(AF_INET, &v4->sin_addr, base.host, sizeof base.host);
  } else {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
    char name[IF_NAMESIZE] = "";
    base.kind = CB_HOST_IPV6;
    base.port = ntohs(v6->sin6_port);
    inet_ntop(AF_INET6, &v6->sin6_addr, base.host, sizeof base.host);
    if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr) && if_indextoname(v6->sin6_scope_id, name))
      snprintf(base.scope, sizeof base.scope, "%s", name);
  }
  *ret = base;
}

static void take(struct cb_multicast *m, const struct sockaddr_storage *from, const uint8_t *data, size_t n)
{
  struct cb_response response;
  struct cb_base base;
  coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_NON, COAP_EMPTY_CODE, 0, MESSAGE_MAX);
  if (pdu && coap_pdu_parse(COAP_PROTO_UDP, data, n, pdu) && CB_CODE_CLASS(coap_pdu_get_code(pdu)) >= 2 &&
      cb_response_read(pdu, &response) == 0 && !memcmp(&response.token, &m->token, sizeof m->token)) {
    base_of(from, &base);
    m->fn(m->user, &base, &response);
  }
  coap_delete_pdu(pdu);
}

static int on_io(sd_event_source *source TT_UNUSED, int fd, uint32_t events TT_UNUSED, void *user)
{
  struct side *side = user;
  uint8_t data[MESSAGE_MAX];
  for (int i = 0; i < BATCH; i++) {
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    ssize_t n = recvfrom(fd, data, sizeof data, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
    if (n < 0)
      break;
    take(side->multicast, &from, data, (size_t)n);
  }
  return 0;
}

/* GET, not confirmable, with our token. libcoap writes messages into sessions only. */
static size_t write_question(const struct cb_multicast *m, const struct cb_path *path, uint8_t out[static 600])
{
  size_t n = 0;
  unsigned last = 0;
  uint16_t mid;
  tt_random(&mid, sizeof mid);
  out[n++] = 0x50 | CB_TOKEN_SIZE;
  out[n++] = COAP_REQUEST_CODE_GET;
  out[n++] = (uint8_t)(mid >> 8);
  out[n++] = (uint8_t)mid;
  memcpy(out + n, m->token.bytes, CB_TOKEN_SIZE);
  n += CB_TOKEN_SIZE;
  for (size_t i = 0; i < path->n_path; i++) {
    n += coap_opt_encode(out + n, 600 - n, (uint16_t)(COAP_OPTION_URI_PATH - last),
                         (const uint8_t *)path->bytes + path->path[i].at, path->path[i].size);
    last = COAP_OPTION_URI_PATH;
  }
  return n;
}

static int open_side(struct tt_bridge *bridge, struct side *side, int family, const char *interface)
{
  struct ip_mreqn from = {.imr_ifindex = (int)if_nametoindex(interface)};
  int index = from.imr_ifindex;
  side->fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (side->fd < 0)
    return -errno;
  int r = family == AF_INET ? setsockopt(side->fd, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof from)
                            : setsockopt(side->fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof index);
  if (r < 0)
    return -errno;
  r = sd_event_add_io(tt_bridge_event(bridge), &side->source, side->fd, EPOLLIN, on_io, side);
  return r < 0 ? r : 0;
}

static void close_side(struct side *side)
{
  sd_event_source_disable_unref(side->source);
  if (side->fd >= 0)
    close(side->fd);
}

static int send_side(struct tt_bridge *bridge, struct side *side, int family, const char *interface,
                     const uint8_t *data, size_t n)
{
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(CB_PORT)};
  struct sockaddr_in6 v6 = {
      .sin6_family = AF_INET6, .sin6_port = htons(CB_PORT), .sin6_scope_id = if_nametoindex(interface)};
  inet_pton(AF_INET, GROUP_V4, &v4.sin_addr);
  inet_pton(AF_INET6, GROUP_V6, &v6.sin6_addr);
  int r = open_side(bridge, side, family, interface);
  if (r < 0)
    return r;
  ssize_t sent = family == AF_INET ? sendto(side->fd, data, n, 0, (struct sockaddr *)&v4, sizeof v4)
                                   : sendto(side->fd, data, n, 0, (struct sockaddr *)&v6, sizeof v6);
  return sent < 0 ? -errno : 0;
}

int cb_multicast_start(struct tt_bridge *bridge, const char *interface, const struct cb_path *path,
                       cb_multicast_fn fn, void *user, struct cb_multicast **ret)
{
  uint8_t data[600];
  if (!if_nametoindex(interface))
    return -ENODEV;
  struct cb_multicast *m = calloc(1, sizeof *m);
  if (!m)
    return -ENOMEM;
  *m = (struct cb_multicast){.token = cb_token_new(),
                             .fn = fn,
                             .user = user,
                             .v4 = {.multicast = m, .fd = -1},
                             .v6 = {.multicast = m, .fd = -1}};
  size_t n = write_question(m, path, data);
  int r4 = send_side(bridge, &m->v4, AF_INET, interface, data, n);
  int r6 = send_side(bridge, &m->v6, AF_INET6, interface, data, n);
  if (r4 < 0 && r6 < 0) {
    cb_multicast_stop(m);
    return r4;
  }
  *ret = m;
  return 0;
}

void cb_multicast_stop(struct cb_multicast *m)
{
  if (!m)
    return;
  close_side(&m->v4);
  close_side(&m->v6);
  free(m);
}
