/* SPDX-License-Identifier: Apache-2.0
 *
 * ssdp.c: M-SEARCH and its answers.
 */
#define _GNU_SOURCE /* memmem */
#include "ssdp.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUP    "239.255.255.250"
#define PORT     1900
#define MX_S     2  /* devices answer at random within so long */
#define HOPS     2  /* as the architecture has it */
#define TURN_MAX 64 /* datagrams taken in one turn of the loop */

int up_ssdp_search(const char *target, char out[static UP_SSDP_MESSAGE_MAX])
{
  int n =
      snprintf(out, UP_SSDP_MESSAGE_MAX,
               "M-SEARCH * HTTP/1.1\r\nHOST: " GROUP ":%d\r\nMAN: \"ssdp:discover\"\r\nMX: %d\r\nST: %s\r\n\r\n",
               PORT, MX_S, target);
  return n < UP_SSDP_MESSAGE_MAX ? 0 : -EMSGSIZE;
}

/* ---- Answers -------------------------------------------------------------------------------------------------- */
struct header {
  const char *value;
  size_t n;
};

/* The value of a line "Name: value"; the first of that name. */
static bool find(const char *data, size_t n, const char *name, struct header *ret)
{
  size_t name_n = strlen(name);
  const char *end = data + n;
  while (data < end) {
    const char *stop = memchr(data, '\n', (size_t)(end - data)), *line_end = stop ? stop : end;
    if ((size_t)(line_end - data) > name_n && data[name_n] == ':' && strncasecmp(data, name, name_n) == 0) {
      data += name_n + 1;
      while (data < line_end && isspace((unsigned char)*data))
        data++;
      while (line_end > data && isspace((unsigned char)line_end[-1]))
        line_end--;
      *ret = (struct header){data, (size_t)(line_end - data)};
      return true;
    }
    data = stop ? stop + 1 : end;
  }
  return false;
}

static bool copy(char *out, size_t size, const char *text, size_t n)
{
  if (n == 0 || n >= size || memchr(text, 0, n))
    return false;
  memcpy(out, text, n);
  out[n] = 0;
  return true;
}

/* "max-age=1800", anywhere in the header, with blanks where nobody expects them. */
static int max_age(const struct header *cache)
{
  char text[128], *at;
  if (!copy(text, sizeof text, cache->value, cache->n))
    return 0;
  for (at = text; *at; at++)
    *at = (char)tolower((unsigned char)*at);
  at = strstr(text, "max-age");
  at = at ? strchr(at, '=') : NULL;
  long seconds = at ? strtol(at + 1, NULL, 10) : 0;
  return seconds < 0 ? 0 : seconds > UP_MAX_AGE_MAX_S ? UP_MAX_AGE_MAX_S : (int)seconds;
}

/* "uuid:X::urn:...", "uuid:X::upnp:rootdevice", "uuid:X". */
static bool split_usn(const struct header *usn, struct up_sighting *s)
{
  const char *parting = memmem(usn->value, usn->n, "::", 2);
  size_t n = parting ? (size_t)(parting - usn->value) : usn->n;
  *s->type = 0;
  if (parting && !copy(s->type, sizeof s->type, parting + 2, usn->n - n - 2))
    *s->type = 0;
  return copy(s->udn, sizeof s->udn, usn->value, n) && strncmp(s->udn, "uuid:", 5) == 0;
}

int up_ssdp_answer(const char *data, size_t n, struct up_sighting *ret)
{
  static const char status[] = "HTTP/1.";
  struct header usn, location, cache = {"", 0};
  struct up_sighting s = {.is_alive = true, .sender = ret->sender};
  if (n < 12 || memcmp(data, status, sizeof status - 1) != 0 || memcmp(data + 8, " 200", 4) != 0)
    return -EINVAL;
  if (!find(data, n, "USN", &usn) || !find(data, n, "LOCATION", &location) || !split_usn(&usn, &s) ||
      !copy(s.location, sizeof s.location, location.value, location.n))
    return -EINVAL;
  find(data, n, "CACHE-CONTROL", &cache);
  s.max_age_s = max_age(&cache);
  *ret = s;
  return 0;
}

/* ---- The socket ----------------------------------------------------------------------------------------------- */
struct up_searcher {
  int fd;
  sd_event_source *source;
  up_sighting_fn fn;
  void *user;
};

static int on_datagram(sd_event_source *source, int fd, uint32_t events, void *user)
{
  struct up_searcher *searcher = user;
  char data[UP_SSDP_MESSAGE_MAX];
  (void)source, (void)events;
  for (int i = 0; i < TURN_MAX; i++) {
    struct sockaddr_in from = {0};
    socklen_t size = sizeof from;
    ssize_t n = recvfrom(fd, data, sizeof data, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
    if (n < 0)
      break;
    struct up_sighting sighting = {.sender = ntohl(from.sin_addr.s_addr)};
    if (up_ssdp_answer(data, (size_t)n, &sighting) == 0)
      searcher->fn(searcher->user, &sighting);
  }
  return 0;
}

int up_searcher_create(sd_event *event, const struct up_net *net, up_sighting_fn fn, void *user,
                       struct up_searcher **ret)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(net->address)};
  struct up_searcher *searcher = calloc(1, sizeof *searcher);
  unsigned char hops = HOPS;
  if (!searcher)
    return -ENOMEM;
  searcher->fn = fn;
  searcher->user = user;
  searcher->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int r = searcher->fd < 0 ? -errno : 0;
  if (r == 0 &&
      (bind(searcher->fd, (struct sockaddr *)&address, sizeof address) < 0 ||
       setsockopt(searcher->fd, IPPROTO_IP, IP_MULTICAST_IF, &address.sin_addr, sizeof address.sin_addr) < 0 ||
       setsockopt(searcher->fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof hops) < 0))
    r = -errno;
  if (r == 0)
    r = sd_event_add_io(event, &searcher->source, searcher->fd, EPOLLIN, on_datagram, searcher);
  if (r < 0) {
    up_searcher_destroy(searcher);
    return r;
  }
  *ret = searcher;
  return 0;
}

void up_searcher_destroy(struct up_searcher *searcher)
{
  if (!searcher)
    return;
  sd_event_source_disable_unref(searcher->source);
  if (searcher->fd >= 0)
    close(searcher->fd);
  free(searcher);
}

int up_searcher_send(struct up_searcher *searcher, const char *target)
{
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
  char message[UP_SSDP_MESSAGE_MAX];
  int r = up_ssdp_search(target, message);
  inet_pton(AF_INET, GROUP, &to.sin_addr);
  if (r == 0 && sendto(searcher->fd, message, strlen(message), 0, (struct sockaddr *)&to, sizeof to) < 0)
    r = -errno;
  return r;
}
