/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.c: what the kernel says is only taken as a reason to look.
 */
#include "watch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct watch {
  up_watch_fn fn;
  void *user;
};

static int on_message(sd_event_source *source, int fd, uint32_t events, void *user)
{
  struct watch *watch = user;
  char message[4096];
  (void)source, (void)events;
  while (recv(fd, message, sizeof message, MSG_DONTWAIT) > 0 || errno == ENOBUFS)
    errno = 0;
  watch->fn(watch->user);
  return 0;
}

int up_watch_create(sd_event *event, up_watch_fn fn, void *user, sd_event_source **ret_source)
{
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR};
  struct watch *watch = malloc(sizeof *watch);
  int r = -ENOMEM, fd = watch ? socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE) : -1;
  if (watch)
    *watch = (struct watch){fn, user};
  if (watch && (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0))
    r = -errno;
  else if (watch)
    r = sd_event_add_io(event, ret_source, fd, EPOLLIN, on_message, watch);
  if (r < 0) {
    if (fd >= 0)
      close(fd);
    free(watch);
    return r;
  }
  sd_event_source_set_io_fd_own(*ret_source, true);
  sd_event_source_set_destroy_callback(*ret_source, free);
  return 0;
}
