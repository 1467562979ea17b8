/* SPDX-License-Identifier: Apache-2.0
 *
 * socket.c: options of TCP.
 */
#include "socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>

void tt_socket_tune(int fd)
{
  static const struct {
    int level, name, value;
  } rows[] = {
      {IPPROTO_TCP, TCP_NODELAY, 1},    {SOL_SOCKET, SO_KEEPALIVE, 1}, {IPPROTO_TCP, TCP_KEEPIDLE, 30},
      {IPPROTO_TCP, TCP_KEEPINTVL, 10}, {IPPROTO_TCP, TCP_KEEPCNT, 3}, {IPPROTO_TCP, TCP_USER_TIMEOUT, 60000},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
    setsockopt(fd, rows[i].level, rows[i].name, &rows[i].value, sizeof(rows[i].value));
}

void tt_socket_acknowledge(int fd)
{
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}
