/* SPDX-License-Identifier: Apache-2.0
 * coap and coaps URIs. */
#include "uri.h"

#include <arpa/inet.h>
#include <ctype.h>

static const struct {
  const char *text;
  bool is_dtls;
} schemes[] = {{"coap://", false}, {"coaps://", true}};

static const char *scheme(const char *text, bool *ret_is_dtls)
{
  for (size_t i = 0; i < TT_COUNT(schemes); i++) {
    size_t n = strlen(schemes[i].text);
    if (!strncasecmp(text, schemes[i].text, n)) {
      *ret_is_dtls = schemes[i].is_dtls;
      return text + n;
    }
  }
  return NULL;
}

static bool is_name(const char *host)
{
  return host[strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-._")] == 0 && *host != '.' && *host != '-';
}

static const char *ipv6(char *host, struct cb_base *base)
{
  struct in6_addr address;
  char *percent = strchr(host, '%');
  if (percent) {
    const char *zone = percent + 1;
    zone += !strncmp(zone, "25", 2) && strlen(zone) > 2 ? 2 : 0; /* RFC 6874 writes the percent sign so */
    if (!*zone || strlen(zone) >= sizeof base->scope || strpbrk(zone, "/ \t%"))
      return "has no interface behind the % of its address, or none that can be";
    strcpy(base->scope, zone);
    *percent = 0;
  }
  base->kind = CB_HOST_IPV6;
  return inet_pton(AF_INET6, host, &address) == 1 ? NULL : "has no IPv6 address between [ and ]";
}

static const char *host_problem(char *host, bool is_bracketed, struct cb_base *base)
{
  struct in_addr address;
  for (char *p = host; *p && *p != '%'; p++)
    *p = (char)tolower((unsigned char)*p);
  if (is_bracketed)
    return ipv6(host, base);
  if (inet_pton(AF_INET, host, &address) == 1) {
    base->kind = CB_HOST_IPV4;
    return NULL;
  }
  base->kind = CB_HOST_NAME;
  return is_name(host) ? NULL : "has a host that is neither a name nor an address";
}

static const char *port_problem(const char *text, size_t n, uint16_t *ret)
{
  unsigned port = 0;
  for (size_t i = 0; i < n; i++) {
    if (text[i] < '0' || text[i] > '9' || i == 5)
      return "has no valid port";
    port = port * 10 + (unsigned)(text[i] - '0');
  }
  if (n > 0 && (port == 0 || port > 65535))
    return "has no valid port";
  if (n > 0)
    *ret = (uint16_t)port;
  return NULL;
}

/* host[:port] of `n` bytes. */
static const char *authority_problem(const char *text, size_t n, struct cb_base *base)
{
  bool is_bracketed = n > 0 && *text == '[';
  const char *end = text + n, *begin = text + is_bracketed;
  const char *host_end = memchr(begin, is_bracketed ? ']' : ':', (size_t)(end - begin));
  if (is_bracketed && !host_end)
    return "has a [ without ]";
  if (!host_end)
    host_end = end;
  size_t size = (size_t)(host_end - begin);
  if (size == 0 || size > CB_HOST_MAX)
    return "has no host, or one longer than 255 bytes";
  if (memchr(text, '@', n))
    return "has a user; CoAP has none";
  memcpy(base->host, begin, size);
  base->host[size] = 0;
  const char *problem = host_problem(base->host, is_bracketed, base);
  const char *rest = host_end + is_bracketed;
  if (problem || rest == end)
    return problem;
  if (*rest != ':')
    return "has something between the ] and the port";
  return port_problem(rest + 1, (size_t)(end - rest - 1), &base->port);
}

const char *cb_base_problem(const char *text, struct cb_base *ret)
{
  struct cb_base base = {0};
  const char *rest = scheme(text, &base.is_dtls);
  if (!rest)
    return "does not begin with coap:// or coaps://";
  base.port = base.is_dtls ? CB_PORT_DTLS : CB_PORT;
  size_t n = strcspn(rest, "/?#");
  const char *problem = authority_problem(rest, n, &base);
  if (problem)
    return problem;
  if (rest[n] && strcmp(rest + n, "/") != 0)
    return "has something behind host and port; paths belong to the points";
  *ret = base;
  return NULL;
}

void cb_base_print(const struct cb_base *base, struct tt_buf *out)
{
  bool is_v6 = base->kind == CB_HOST_IPV6;
  tt_buf_printf(out, "%s%s%s%s%s%s:%u", schemes[base->is_dtls].text, is_v6 ? "[" : "", base->host,
                *base->scope ? "%" : "", base->scope, is_v6 ? "]" : "", base->port);
}

/* ---- Paths ----------------------------------------------------------------------------------------------------- */
static int hex(char c)
{
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

/* Decode up to one of `ends` (or the end) into a new segment. */
static const char *segment(const char **text, const char *ends, struct cb_path *path, size_t *used,
                           struct cb_segment *ret)
{
  const char *p = *text;
  size_t begin = *used;
  for (; *p && !strchr(ends, *p); p++) {
    int byte = (unsigned char)*p;
    if (byte <= ' ' || byte == 0x7f)
      return "has a blank or a control character";
    if (*p == '%') {
      int high = hex(p[1]), low = high < 0 ? -1 : hex(p[2]);
      if (low < 0)
        return "has a % without two hexadecimal digits behind it";
      byte = high << 4 | low;
      p += 2;
    }
    if (*used == sizeof path->bytes)
      return "is longer than 512 bytes";
    path->bytes[(*used)++] = (char)byte;
  }
  if (*used - begin > CB_SEGMENT_MAX)
    return "has a part longer than 255 bytes";
  *ret = (struct cb_segment){(uint16_t)begin, (uint16_t)(*used - begin)};
  *text = p;
  return NULL;
}

static const char *segments(const char **text, char separator, const char *ends, struct cb_path *path, size_t *used,
                            struct cb_segment list[static CB_SEGMENTS_MAX], size_t *n)
{
  do {
    if (*n == CB_SEGMENTS_MAX)
      return "has more than 16 parts";
    (*text)++; /* the separator, or the ? */
    const char *problem = segment(text, ends, path, used, &list[*n]);
    if (problem)
      return problem;
    (*n)++;
  } while (**text == separator);
  return NULL;
}

static bool is_dots(const struct cb_path *path, const struct cb_segment *segment)
{
  const char *text = path->bytes + segment->at;
  return (segment->size == 1 && *text == '.') || (segment->size == 2 && !memcmp(text, "..", 2));
}

const char *cb_path_problem(const char *text, struct cb_path *ret)
{
  struct cb_path path = {0};
  size_t used = 0;
  if (*text != '/')
    return "does not begin with /";
  const char *problem = segments(&text, '/', "/?#", &path, &used, path.path, &path.n_path);
  /* "/" is no segment at all (RFC 7252 section 6.4). */
  if (!problem && path.n_path == 1 && path.path[0].size == 0)
    path.n_path = 0;
  if (!problem && *text == '?')
    problem = segments(&text, '&', "&#", &path, &used, path.query, &path.n_query);
  if (!problem && *text)
    problem = "has a #, which is never sent";
  for (size_t i = 0; !problem && i < path.n_path; i++)
    if (is_dots(&path, &path.path[i]))
      problem = "has . or .. in it";
  if (!problem)
    *ret = path;
  return problem;
}

int cb_reference(const struct cb_base *base, const char *text, size_t n, struct cb_base *ret_base, char *ret_path)
{
  char copy[CB_HOST_MAX + CB_PATH_MAX + 64];
  struct cb_base absolute = *base;
  struct cb_path path;
  if (n >= sizeof copy || memchr(text, 0, n))
    return -EINVAL;
  memcpy(copy, text, n);
  copy[n] = 0;
  const char *where = copy, *rest = scheme(copy, &absolute.is_dtls);
  if (rest) {
    char authority[CB_HOST_MAX + 80];
    size_t length = (size_t)(rest - copy) + strcspn(rest, "/?#");
    if (length >= sizeof authority)
      return -EINVAL;
    memcpy(authority, copy, length);
    authority[length] = 0;
    if (cb_base_problem(authority, &absolute))
      return -EINVAL;
    where = copy[length] ? copy + length : "/";
  } else if (!strncmp(copy, "//", 2)) {
    return -EINVAL; /* a host without a scheme: nobody writes that, and it would look like a path */
  }
  if (strlen(where) > CB_PATH_MAX || cb_path_problem(where, &path))
    return -EINVAL;
  *ret_base = absolute;
  strcpy(ret_path, where);
  return 0;
}
