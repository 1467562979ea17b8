/* SPDX-License-Identifier: Apache-2.0
 * What fetch.h says about URLs. */
#include "fetch.h"

#include <curl/curl.h>
#include <strings.h>

struct parts {
  CURLU *url;
  char *scheme, *host, *port;
};

static void parts_finish(struct parts *parts)
{
  curl_free(parts->scheme);
  curl_free(parts->host);
  curl_free(parts->port);
  curl_url_cleanup(parts->url);
}

static bool parse(const char *text, struct parts *parts)
{
  *parts = (struct parts){.url = curl_url()};
  return parts->url && curl_url_set(parts->url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
         curl_url_get(parts->url, CURLUPART_SCHEME, &parts->scheme, 0) == CURLUE_OK &&
         curl_url_get(parts->url, CURLUPART_HOST, &parts->host, 0) == CURLUE_OK &&
         (curl_url_get(parts->url, CURLUPART_PORT, &parts->port, CURLU_DEFAULT_PORT) == CURLUE_OK || parts->scheme);
}

static bool is_web(const struct parts *parts)
{
  return !strcasecmp(parts->scheme, "http") || !strcasecmp(parts->scheme, "https");
}

static bool has_part(const struct parts *parts, CURLUPart part)
{
  char *text = NULL;
  bool is_there = curl_url_get(parts->url, part, &text, 0) == CURLUE_OK;
  curl_free(text);
  return is_there;
}

const char *tt_fetch_url_problem(const char *url)
{
  struct parts parts;
  const char *problem = NULL;
  if (strlen(url) > TT_FETCH_URL_MAX)
    return "is longer than 8192 bytes";
  for (const char *p = url; *p; p++)
    if ((unsigned char)*p <= ' ' || *p == 127)
      return "has a blank or a control character in it";
  if (!parse(url, &parts))
    problem = "is not a URL: http://host or https://host, with a port and a path if need be";
  else if (!is_web(&parts))
    problem = "is neither http:// nor https://";
  else if (!*parts.host)
    problem = "has no host";
  else if (has_part(&parts, CURLUPART_USER) || has_part(&parts, CURLUPART_PASSWORD))
    problem = "has a user name in it; user and password are options of their own";
  else if (has_part(&parts, CURLUPART_FRAGMENT))
    problem = "has a # in it, which is never sent";
  parts_finish(&parts);
  return problem;
}

static bool is_usual(const struct parts *parts, const char *scheme, const char *port)
{
  return !strcasecmp(parts->scheme, scheme) && !strcmp(parts->port, port);
}

bool tt_fetch_is_same_host(const char *from, const char *to)
{
  struct parts a, b = {0};
  bool is_same = parse(from, &a) && parse(to, &b) && is_web(&a) && is_web(&b) && a.port && b.port &&
                 !has_part(&b, CURLUPART_USER) && !strcasecmp(a.host, b.host) &&
                 ((!strcasecmp(a.scheme, b.scheme) && !strcmp(a.port, b.port)) ||
                  (is_usual(&a, "http", "80") && is_usual(&b, "https", "443")));
  parts_finish(&a);
  parts_finish(&b);
  return is_same;
}

int tt_fetch_origin(const char *url, char **ret_origin)
{
  struct parts parts;
  int r = -EINVAL;
  if (parse(url, &parts) && is_web(&parts) && parts.port) {
    TT_AUTOBUF struct tt_buf origin = TT_BUF(0);
    tt_buf_printf(&origin, "%s://%s:%s", parts.scheme, parts.host, parts.port);
    char *text = tt_buf_steal(&origin);
    r = text ? 0 : -ENOMEM;
    if (text)
      *ret_origin = text;
  }
  parts_finish(&parts);
  return r;
}
