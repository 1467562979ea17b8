/* SPDX-License-Identifier: Apache-2.0
 * What the option tables cannot express: URLs, bodies, places in answers, who may push. Pure. A URL is never shown: it
 * may have a key in it. */
#include "common/compose.h"
#include "common/pick_xml.h"
#include "compose.h"
#include "hosts.h"
#include "sender.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

static const struct tt_mark nowhere; /* the configuration puts the connection's own position in its place */

TT_PRINTF(4, 5)
static void refuse(struct tt_diags *diags, struct tt_mark at, const char *code, const char *format, ...)
{
  char text[400];
  va_list ap;
  va_start(ap, format);
  vsnprintf(text, sizeof text, format, ap);
  va_end(ap);
  tt_diag(diags, TT_SEVERITY_ERROR, code, at, "%s", text);
}

static void check_connection(const struct http_connection *c, struct tt_diags *diags)
{
  struct in_addr v4;
  struct in6_addr v6;
  const char *address = c->listen.address;
  if (address && inet_pton(AF_INET, address, &v4) != 1 && inet_pton(AF_INET6, address, &v6) != 1)
    refuse(diags, nowhere, "listen-address",
           "listen: \"%.60s\" is not an address of this machine; 127.0.0.1, 0.0.0.0 and :: are some", address);
  if (c->listen.key && !c->listen.cert)
    refuse(diags, nowhere, "key-without-cert", "listen: key is given without cert");
  char why[HTTP_HOSTS_WHY_SIZE];
  if (!http_hosts_are_good(&c->discover.hosts, why))
    refuse(diags, nowhere, "discover-hosts", "discover: hosts: %s", why);
}

/* ---- A device ------------------------------------------------------------------------------------------ */
static bool is_token(const char *name)
{
  static const char token[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
  return *name && strspn(name, token) == strlen(name) && strlen(name) <= 100;
}

static bool is_ours(const char *name)
{
  static const char *const names[] = {"Host",   "Content-Length", "Transfer-Encoding", "Connection",
                                      "Expect", "Content-Type",   "If-None-Match",     "If-Modified-Since"};
  for (size_t i = 0; i < TT_COUNT(names); i++)
    if (!strcasecmp(name, names[i]))
      return true;
  return false;
}

static bool is_header_value(const char *value)
{
  for (; *value; value++)
    if ((unsigned char)*value < ' ' || *value == 127)
      return false;
  return true;
}

static void check_headers(const struct tt_item *headers, struct tt_diags *diags)
{
  if (headers->kind != TT_ITEM_MAP || headers->n > HTTP_QUERY_MAX) {
    refuse(diags, headers->mark, "headers", "headers: is not a map of at most 64 names and texts");
    return;
  }
  for (size_t i = 0; i < headers->n; i++) {
    const char *name = headers->keys[i];
    const struct tt_item *value = headers->items[i];
    if (!is_token(name))
      refuse(diags, headers->key_marks[i], "headers", "headers: \"%.60s\" is not the name of a header", name);
    else if (is_ours(name))
      refuse(diags, headers->key_marks[i], "headers", "headers: %s is written by the gateway itself", name);
    if (value->kind != TT_ITEM_SCALAR || !is_header_value(value->text) || strlen(value->text) > TT_TEXT_MAX)
      refuse(diags, value->mark, "headers", "headers: the value of %.60s is not one line of text", name);
  }
}

static void check_login(const struct http_device_options *d, struct tt_mark at, struct tt_diags *diags)
{
  bool is_named = d->auth == TT_FETCH_BASIC || d->auth == TT_FETCH_DIGEST;
  if (d->password && is_named && !d->user)
    refuse(diags, at, "password-without-user", "password is given without user");
  if (d->password && !is_named)
    refuse(diags, at, "auth", "password is given, but auth is neither basic nor digest");
  if (d->token && d->auth != TT_FETCH_BEARER)
    refuse(diags, at, "auth", "token is given, but auth is not bearer");
}

static void check_device(const struct http_connection *c, const struct tt_device_config *device,
                         struct tt_diags *diags)
{
  const struct http_device_options *d = device->options;
  const struct http_webhook *hook = &d->webhook;
  const char *problem = d->base ? tt_fetch_url_problem(d->base) : NULL,
             *scheme = d->base ? strstr(d->base, "://") : NULL;
  if (!problem && scheme && strstr(scheme + 3, "://"))
    problem = "has http:// twice: a host is given without it";
  if (!problem && d->base && strchr(d->base, '?'))
    problem = "has a ?; a query belongs into query:";
  if (problem)
    refuse(diags, device->mark, "url", "base: the URL %s", problem);
  check_login(d, device->mark, diags);
  if (d->key && !d->cert)
    refuse(diags, device->mark, "key-without-cert", "key is given without cert");
  if (d->base && !strncmp(d->base, "http:", 5) && (d->ca || d->cert || d->key))
    refuse(diags, device->mark, "tls-unused", "ca, cert or key is given, but base has no TLS; use https://");
  if (d->headers)
    check_headers(d->headers, diags);
  if (hook->path && (*hook->path != '/' || strlen(hook->path) > 200 || strpbrk(hook->path, " ?#%")))
    refuse(diags, device->mark, "webhook",
           "webhook: the path does not begin with /, or has a blank, ?, # or %% in it");
  if (hook->path && !(hook->token && *hook->token) && !(hook->hmac && *hook->hmac))
    refuse(diags, device->mark, "webhook", "webhook: token or hmac is needed, or anybody could push");
  if (hook->path && hook->method == HTTP_HOOK_GET && hook->hmac)
    refuse(diags, device->mark, "webhook", "webhook: method: get has no body that could be signed; use token");
  if (hook->path && !c->listen.address)
    refuse(diags, device->mark, "webhook",
           "webhook: the connection does not listen; give it listen: {address: ...}");
  if (hook->path && hook->hmac && *hook->hmac && !http_sender_has_key(hook))
    refuse(diags, device->mark, "webhook",
           "webhook: the hmac of scheme: standard is not base64, with whsec_ or without");
  if (hook->path && hook->scheme != HTTP_HOOK_BODY && !hook->hmac)
    refuse(diags, device->mark, "webhook", "webhook: scheme is given, but no hmac");
  if (hook->time.at && (hook->scheme != HTTP_HOOK_BODY || !hook->hmac))
    refuse(diags, device->mark, "webhook",
           "webhook: time is given, which is for hmac of scheme: body; the others have their own");
  const char *pointer = hook->time.at ? tt_pick_pointer_problem(hook->time.at) : NULL;
  if (pointer)
    refuse(diags, device->mark, "webhook", "webhook: time: at: \"%.100s\" is not a JSON pointer: it %s",
           hook->time.at, pointer);
  if (!is_token(http_sender_header(hook)))
    refuse(diags, device->mark, "webhook", "webhook: signature is not the name of a header");
}

/* ---- Messages ------------------------------------------------------------------------------------------ */
struct place {
  const struct tt_device_config *device;
  const struct tt_point *point;
  const char *what; /* "", "write: " */
  struct tt_diags *diags;
};

static bool check_pairs(const struct place *p, const struct tt_item *pairs, const char *name)
{
  const struct tt_item *at;
  const char *problem = pairs ? http_query_problem(pairs, &at) : NULL;
  if (problem)
    refuse(p->diags, at->mark, "query", "%s%s%s %s", p->point->name, *p->what ? ": write: " : ": ", name, problem);
  return !problem;
}

static unsigned count(const void *const pointers[], size_t n)
{
  unsigned found = 0;
  for (size_t i = 0; i < n; i++)
    found += pointers[i] != NULL;
  return found;
}

/* The URL that comes of it, with some value. */
static void check_url(const struct place *p, const struct http_message *message, const struct tt_value *value)
{
  const struct http_device_options *d = p->device->options;
  struct http_request request;
  const char *path = NULL, *problem = NULL;
  http_message_method(message, &path);
  if (*path == '/' && !d->base) {
    refuse(p->diags, p->point->mark, "url", "%s: %sa path needs base: at the device", p->point->name, p->what);
    return;
  }
  if (*path == '/' && tt_fetch_url_problem(d->base))
    return; /* said already */
  int r = http_compose(d->base, message, value, &request);
  if (r < 0)
    problem =
        r == -EMSGSIZE ? "or the body is too long" : "is neither a path that begins with / nor http://host/...";
  else
    problem = tt_fetch_url_problem(request.url);
  if (problem)
    refuse(p->diags, p->point->mark, "url", "%s: %sthe URL %s", p->point->name, p->what, problem);
  if (r == 0)
    http_request_finish(&request);
}

static bool check_message(const struct place *p, const struct http_message *m, const struct tt_value *value)
{
  const void *const methods[] = {m->get, m->post, m->put, m->delete}, *const bodies[] = {m->json, m->form, m->text};
  const struct tt_item *at = NULL;
  const char *problem = m->json ? tt_compose_problem(m->json, &at) : NULL;
  bool is_whole = !problem;
  is_whole &= check_pairs(p, m->query, "query");
  is_whole &= check_pairs(p, m->form, "form");
  if (problem)
    refuse(p->diags, at->mark, "template", "%s: %sjson %s", p->point->name, p->what, problem);
  if (count(bodies, TT_COUNT(bodies)) > 1)
    refuse(p->diags, p->point->mark, "payload-twice", "%s: %sonly one of json, form and text can be the body",
           p->point->name, p->what);
  if (count(methods, TT_COUNT(methods)) != 1) {
    refuse(p->diags, p->point->mark, "method", "%s: %s%s", p->point->name, p->what,
           value ? "give one of get, post, put and delete" : "get and post are given: only one of them");
    return false;
  }
  if (count(bodies, TT_COUNT(bodies)) && !m->post && !m->put)
    refuse(p->diags, p->point->mark, "method", "%s: %sa body goes with post%s", p->point->name, p->what,
           value ? " and put" : "");
  if (is_whole)
    check_url(p, m, value);
  return true;
}

static bool has_hole(const struct tt_item *item)
{
  if (!item)
    return false;
  if (item->kind == TT_ITEM_SCALAR)
    return strstr(item->text, TT_COMPOSE_VALUE);
  for (size_t i = 0; i < item->n; i++)
    if (has_hole(item->items[i]))
      return true;
  return false;
}

static bool has_value(const struct http_message *m)
{
  const char *const texts[] = {m->get, m->post, m->put, m->delete, m->text};
  for (size_t i = 0; i < TT_COUNT(texts); i++)
    if (texts[i] && strstr(texts[i], TT_COMPOSE_VALUE))
      return true;
  return has_hole(m->query) || has_hole(m->form) || has_hole(m->json);
}

/* ---- Points -------------------------------------------------------------------------------------------- */
static void check_pointer(const struct place *p, const char *what, const char *pointer)
{
  const char *problem = pointer ? tt_pick_pointer_problem(pointer) : NULL;
  if (!problem)
    return;
  refuse(p->diags, p->point->mark, "json-pointer", "%s: %s: \"%.100s\" is not a JSON pointer: it %s",
         p->point->name, what, pointer, problem);
  if (*pointer != '/')
    tt_diag_help(p->diags, "a pointer is written /like/this, with a slash before every key");
}

static void check_at(const struct place *p, const struct http_read_address *address, const char *what,
                     const char *at)
{
  const char *problem = NULL;
  switch ((enum http_format)address->format) {
  case HTTP_JSON:
    check_pointer(p, what, at);
    return;
  case HTTP_XML:
    problem = at ? tt_pick_xpath_problem(at, address->namespaces) : "is missing";
    if (problem)
      refuse(p->diags, p->point->mark, "xpath", "%s: %s: the XPath expression %s", p->point->name, what, problem);
    return;
  case HTTP_CSV:
    problem = at ? tt_pick_csv_problem(&address->csv, at) : "the column is missing: give at";
    if (problem)
      refuse(p->diags, p->point->mark, "csv", "%s: %s: %s", p->point->name, what, problem);
    return;
  case HTTP_TEXT:
    break;
  }
  if (at)
    refuse(p->diags, p->point->mark, "at-of-text", "%s: %s is given, but the answer is text, which has no places",
           p->point->name, what);
}

static void check_read(const struct place *p)
{
  const struct http_read_address *address = p->point->address;
  const struct http_device_options *d = p->device->options;
  if (http_point_is_asked(p->point)) {
    check_message(p, &address->message, NULL);
    check_at(p, address, "at", address->at);
    if (address->time.at)
      check_at(p, address, "time", address->time.at);
  } else if (!http_point_is_pushed(p->point) && !p->point->write) {
    refuse(p->diags, p->point->mark, "no-source",
           "%s: nothing says where its value comes from: give get, post or push", p->point->name);
  }
  check_pointer(p, "push", address->push.at);
  if (address->push.at && !d->events.get && !d->webhook.path)
    refuse(p->diags, p->point->mark, "no-source",
           "%s: push is given, but the device has neither webhook nor events", p->point->name);
  if (address->push.event && !address->push.at)
    refuse(p->diags, p->point->mark, "no-source",
           "%s: push: the event is given, but not where the value is in it (at)", p->point->name);
}

static void check_words(const struct place *p, const struct tt_item *words)
{
  bool is_good = !words || (words->kind == TT_ITEM_MAP && words->n);
  for (size_t i = 0; words && is_good && i < words->n; i++)
    is_good = words->items[i]->kind == TT_ITEM_SCALAR;
  if (!is_good)
    refuse(p->diags, words->mark, "words", "%s: write: words is not a map of what is read to what is written",
           p->point->name);
}

static void check_write(const struct place *p)
{
  const struct http_write_address *address = p->point->write->address;
  bool is_good = check_message(p, &address->message, &TT_VALUE_INT64(1));
  if (is_good && !has_value(&address->message))
    tt_diag(p->diags, TT_SEVERITY_WARNING, "value-unused", p->point->mark,
            "%s: write: ${value} is nowhere in it: every value gives the same command", p->point->name);
  check_pointer(p, "answer", address->answer.at);
  check_words(p, address->words);
  if (!address->answer.at != !address->answer.is)
    refuse(p->diags, p->point->mark, "answer", "%s: write: answer needs both at and is", p->point->name);
}

static void check_events(const struct place *p)
{
  const struct http_device_options *d = p->device->options;
  struct http_message message = {.get = d->events.get};
  if (d->events.get)
    check_url(p, &message, NULL);
}

void http_check(const void *connection, const struct tt_device_config *device, struct tt_diags *diags)
{
  if (!device) {
    check_connection(connection, diags);
    return;
  }
  check_device(connection, device, diags);
  struct tt_point all = {.name = "events", .mark = device->mark};
  check_events(&(struct place){device, &all, "", diags});
  for (size_t i = 0; i < device->n_points; i++) {
    const struct tt_point *point = &device->points[i];
    if (point->address)
      check_read(&(struct place){device, point, "", diags});
    if (point->write && point->write->address)
      check_write(&(struct place){device, point, "write: ", diags});
  }
}
