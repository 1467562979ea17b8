/* SPDX-License-Identifier: Apache-2.0
 * Hosts of a discovery. Of a network the first and the last address are left out, as they are nobody's. */
#include "hosts.h"

#include "common/fetch.h"

#include <arpa/inet.h>
#include <stdio.h>

struct network {
  uint32_t first; /* its lowest address, host order */
  unsigned n;     /* addresses of hosts */
  unsigned skip;  /* those before them */
};

static int network_parse(const char *text, struct network *ret)
{
  const char *slash = strchr(text, '/');
  char address[INET_ADDRSTRLEN] = "";
  struct in_addr in;
  int64_t bits;
  if (!slash || (size_t)(slash - text) >= sizeof address || tt_int64_parse(slash + 1, &bits) < 0)
    return -EINVAL;
  memcpy(address, text, (size_t)(slash - text));
  if (inet_pton(AF_INET, address, &in) != 1 || bits < HTTP_HOSTS_SHORTEST || bits > 32)
    return -EINVAL;
  uint32_t size = UINT32_C(1) << (32 - bits);
  ret->first = ntohl(in.s_addr) & ~(size - 1);
  ret->skip = size > 2;
  ret->n = size > 2 ? size - 2 : size;
  return 0;
}

bool http_hosts_are_good(const struct tt_texts *texts, char why[static HTTP_HOSTS_WHY_SIZE])
{
  size_t n = 0;
  for (size_t i = 0; i < texts->n; i++) {
    const char *text = texts->text[i], *problem = NULL;
    struct network network;
    char url[HTTP_HOST_SIZE + 8];
    if (strchr(text, '/')) {
      if (network_parse(text, &network) < 0)
        problem = "is neither a host (without http://) nor a network like 192.168.1.0/24 (/24 to /32)";
    } else if (strlen(text) >= HTTP_HOST_SIZE) {
      problem = "is too long";
    } else if (text[strcspn(text, "?#@\\ ")]) {
      problem = "is more than a host, or a host and a port";
    } else {
      snprintf(url, sizeof url, "http://%s", text);
      problem = tt_fetch_url_problem(url);
    }
    if (problem) {
      snprintf(why, HTTP_HOSTS_WHY_SIZE, "\"%.60s\" %s", text, problem);
      return false;
    }
    n += strchr(text, '/') ? network.n : 1;
  }
  if (n > HTTP_HOSTS_MAX) {
    snprintf(why, HTTP_HOSTS_WHY_SIZE, "means %zu hosts; %d are the most", n, HTTP_HOSTS_MAX);
    return false;
  }
  return true;
}

bool http_hosts_next(const struct tt_texts *texts, struct http_hosts *at, char out[static HTTP_HOST_SIZE])
{
  while (at->i < texts->n) {
    const char *text = texts->text[at->i];
    struct network network;
    if (network_parse(text, &network) < 0) {
      snprintf(out, HTTP_HOST_SIZE, "%s", text);
      at->i++;
      return true;
    }
    if (at->next < network.n) {
      struct in_addr in = {.s_addr = htonl(network.first + network.skip + at->next++)};
      inet_ntop(AF_INET, &in, out, HTTP_HOST_SIZE);
      return true;
    }
    at->next = 0;
    at->i++;
  }
  return false;
}
