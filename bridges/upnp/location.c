/* SPDX-License-Identifier: Apache-2.0
 *
 * location.c: the rule for addresses, and relative references.
 */
#include "location.h"

#include <arpa/inet.h>
#include <libxml/uri.h>
#include <stdio.h>

#define SCHEME       "http://"
#define PORT_DEFAULT 80
#define LINK_LOCAL   0xa9fe0000u /* 169.254/16 */

struct url {
  uint32_t address;
  uint16_t port;
};

/* What may stand behind the host: the characters of RFC 3986, and no fragment. No '@' either: not everybody who looks for a user
 * name stops where the host ends, and no device needs one. */
static bool is_plain_path(const char *text)
{
  static const char allowed[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?[]!$&'()*+,;=%";
  return strspn(text, allowed) == strlen(text);
}

/* Dotted decimal, four parts, no leading zeros: other spellings of an address (octal, hexadecimal, one number) are
 * ways around a filter. inet_pton() knows no other, but takes a leading zero in some versions. */
static bool parse_address(const char *text, size_t n, uint32_t *ret)
{
  char quad[INET_ADDRSTRLEN], again[INET_ADDRSTRLEN];
  struct in_addr address;
  if (n == 0 || n >= sizeof quad)
    return false;
  memcpy(quad, text, n);
  quad[n] = 0;
  if (inet_pton(AF_INET, quad, &address) != 1 || !inet_ntop(AF_INET, &address, again, sizeof again) ||
      strcmp(quad, again) != 0)
    return false;
  *ret = ntohl(address.s_addr);
  return true;
}

static const char *parse(const char *text, struct url *ret)
{
  struct url url = {.port = PORT_DEFAULT};
  if (strlen(text) >= UP_URL_MAX)
    return "is too long";
  if (strncasecmp(text, SCHEME, strlen(SCHEME)) != 0)
    return "is not plain http";
  text += strlen(SCHEME);
  size_t n = strcspn(text, ":/?#\\");
  if (memchr(text, '@', strcspn(text, "/?#\\")))
    return "has a user name in it";
  if (!parse_address(text, n, &url.address))
    return "does not name its host by an IPv4 address";
  text += n;
  if (*text == ':') {
    size_t digits = strspn(text + 1, "0123456789");
    unsigned long port = digits > 0 && digits <= 5 ? strtoul(text + 1, NULL, 10) : 0;
    if (port == 0 || port > UINT16_MAX)
      return "has no valid port";
    url.port = (uint16_t)port;
    text += 1 + digits;
  }
  if (url.port < UP_PORT_MIN && url.port != PORT_DEFAULT)
    return "has a port that belongs to another service";
  if (*text && *text != '/' && *text != '?')
    return "has something behind its host";
  if (!is_plain_path(text))
    return "has characters that are not let through";
  *ret = url;
  return NULL;
}

static const char *address_problem(uint32_t address, const struct up_net *net)
{
  uint32_t hosts = ~net->mask;
  if (address >> 24 == 127 || address >> 24 == 0)
    return "points into this machine";
  if (address >> 28 >= 14)
    return "is no address of one device";
  if ((address & 0xffff0000u) == LINK_LOCAL && (net->address & 0xffff0000u) != LINK_LOCAL)
    return "is link-local, and the interface is not";
  if ((address ^ net->address) & net->mask)
    return "is not in the network of the interface";
  if (hosts > 1 && ((address & hosts) == 0 || (address & hosts) == hosts))
    return "is no address of one device";
  return NULL;
}

const char *up_location_problem(const char *location, uint32_t sender, const struct up_net *net)
{
  struct url url;
  const char *problem = parse(location, &url);
  if (problem)
    return problem;
  if (url.address != sender)
    return "is not on the host that sent it";
  return address_problem(url.address, net);
}

static char *trimmed(char out[static UP_URL_MAX], const char *text)
{
  static const char blanks[] = " \t\r\n";
  text += strspn(text, blanks);
  size_t n = strlen(text);
  while (n > 0 && strchr(blanks, text[n - 1]))
    n--;
  if (n == 0 || n >= UP_URL_MAX)
    return NULL;
  memcpy(out, text, n);
  out[n] = 0;
  return out;
}

int up_url_resolve(const char *location, const char *base, const char *reference, char ret_url[static UP_URL_MAX])
{
  char clean_base[UP_URL_MAX], clean[UP_URL_MAX];
  struct url home, url;
  int r = -EINVAL;
  if (parse(location, &home))
    return -EINVAL;
  if (!base || !trimmed(clean_base, base) || parse(clean_base, &url) || url.address != home.address)
    snprintf(clean_base, sizeof clean_base, "%s", location); /* a wrong URLBase is common, and not obeyed */
  if (!trimmed(clean, reference))
    return -EINVAL;
  xmlChar *full = xmlBuildURI((const xmlChar *)clean, (const xmlChar *)clean_base);
  if (!full)
    return -EINVAL;
  if (strlen((char *)full) < UP_URL_MAX) {
    bool is_ours = !parse((char *)full, &url) && url.address == home.address;
    r = is_ours ? 0 : -EPERM;
    if (r == 0)
      snprintf(ret_url, UP_URL_MAX, "%s", (char *)full);
  }
  xmlFree(full);
  return r;
}

int up_url_address(const char *text, uint32_t *ret_address, uint16_t *ret_port)
{
  struct url url;
  if (parse(text, &url))
    return -EINVAL;
  *ret_address = url.address;
  *ret_port = url.port;
  return 0;
}

char *up_url_host(char out[static UP_HOST_TEXT], const char *url)
{
  const char *host = strncasecmp(url, SCHEME, strlen(SCHEME)) == 0 ? url + strlen(SCHEME) : url;
  snprintf(out, UP_HOST_TEXT, "%.*s", (int)strcspn(host, "/?#"), host);
  return out;
}
