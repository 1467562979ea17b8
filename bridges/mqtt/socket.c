/* SPDX-License-Identifier: Apache-2.0
 * Sockets that are not ours. */
#include "socket.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 65536 /* the daemon has far fewer */

static int port_of_peer(int fd)
{
  struct sockaddr_storage peer = {0};
  socklen_t size = sizeof peer;
  if (getpeername(fd, (struct sockaddr *)&peer, &size) < 0)
    return -1;
  if (peer.ss_family == AF_INET)
    return ntohs(((struct sockaddr_in *)&peer)->sin_port);
  return peer.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&peer)->sin6_port) : -1;
}

void mqtt_socket_limit(uint16_t port)
{
  unsigned ms = MQTT_UNDELIVERED_MS;
  int n = getdtablesize();
  for (int fd = 0; fd < n && fd < DESCRIPTORS_MAX; fd++)
    if (port_of_peer(fd) == port)
      setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms); /* fails where it is not TCP: none of ours */
}
