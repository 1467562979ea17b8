/* SPDX-License-Identifier: Apache-2.0
 *
 * link_cause.c: what is known of an attempt, put together to one sentence.
 */
#include "link_cause.h"

#include <stdio.h>

void tt_link_cause_set(struct tt_link_cause *cause, bool is_slow, const char *format, ...)
{
  va_list ap;
  va_start(ap, format);
  vsnprintf(cause->text, sizeof(cause->text), format, ap);
  va_end(ap);
  cause->is_slow = is_slow;
}

void tt_link_cause_said(struct tt_link_cause *cause, const char *text)
{
  if (!*cause->said) /* the first is the cause of those that follow */
    tt_text_printable(cause->said, sizeof(cause->said), text, strlen(text));
}

void tt_link_cause_certificate(struct tt_link_cause *cause, const char *subject, const char *why)
{
  char shown[128] = "?";
  if (subject)
    tt_text_printable(shown, sizeof(shown), subject, strlen(subject));
  if (!*cause->certificate)
    snprintf(cause->certificate, sizeof(cause->certificate), "%s (certificate of %s)", why, shown);
}

static const char *host_of(const struct tt_link_account *account)
{
  return account->host ? account->host : account->domain;
}

/* "host:port"; without the port when DNS chose it. */
static const char *place_of(const struct tt_link_account *account, char *out, size_t size)
{
  if (account->port)
    snprintf(out, size, "%s:%u", host_of(account), account->port);
  else
    snprintf(out, size, "%s", host_of(account));
  return out;
}

static void stream_error_cause(struct tt_link_cause *c, const char *place, bool was_online,
                               const xmpp_stream_error_t *error)
{
  static const struct {
    xmpp_error_type_t type;
    bool is_slow;
    const char *text;
  } rows[] = {
      {XMPP_SE_CONFLICT, true, "another client has logged in with our JID and resource"},
      {XMPP_SE_HOST_UNKNOWN, true, "the server does not serve the domain of our JID"},
      {XMPP_SE_HOST_GONE, true, "the server no longer serves the domain of our JID"},
      {XMPP_SE_NOT_AUTHORIZED, true, "the server refused to log us in"},
      {XMPP_SE_POLICY_VIOLATION, false, "the server closed the stream for a stanza against its policy"},
      {XMPP_SE_SYSTEM_SHUTDOWN, false, "the server is shutting down"},
      {XMPP_SE_RESOURCE_CONSTRAINT, false, "the server has no room for us"},
  };
  c->is_violation = error->type == XMPP_SE_POLICY_VIOLATION;
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    if (rows[i].type == error->type) {
      tt_link_cause_set(c, rows[i].is_slow, "%s: %s", place, rows[i].text);
      return;
    }
  char shown[128];
  const char *text = error->text ? error->text : "no reason given";
  tt_link_cause_set(c, !was_online, "%s closed the stream with an error: %s", place,
                    tt_text_printable(shown, sizeof(shown), text, strlen(text)));
}

/* What the library said in its log, and what that means. */
static bool said_cause(struct tt_link_cause *c, const char *place, const char *jid)
{
  static const struct {
    const char *said, *text;
  } rows[] = {
      {"TLS is not supported", "the server offers no TLS; the password was not sent"},
      {"Cannot authenticate", "the server refused the password"},
      {"Binding failed", "the server refused the resource of our JID"},
      {"load_verify_locations", "the file of `ca:` cannot be read as PEM"},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    if (strstr(c->said, rows[i].said)) {
      tt_link_cause_set(c, true, "%s: %s (as %s)", place, rows[i].text, jid);
      return true;
    }
  return false;
}

void tt_link_cause_find(struct tt_link_cause *c, const struct tt_link_account *account, bool was_online,
                        const xmpp_stream_error_t *error)
{
  char place[300];
  place_of(account, place, sizeof(place));
  if (*c->text)
    return; /* something of our own */
  if (*c->certificate)
    tt_link_cause_set(c, true, "the TLS certificate of %s is not accepted: %s", place, c->certificate);
  else if (error)
    stream_error_cause(c, place, was_online, error);
  else if (was_online)
    tt_link_cause_set(c, false, "the connection to %s was lost", place);
  else if (said_cause(c, place, account->jid))
    return;
  else if (c->connect_error == ECONNREFUSED)
    tt_link_cause_set(c, false, "connection refused by %s", place);
  else if (!c->is_connected)
    tt_link_cause_set(c, false, "cannot connect to %s: %s", place,
                      c->connect_error ? strerror(c->connect_error) : "no address could be tried");
  else if (c->is_secured)
    tt_link_cause_set(c, false, "%s closed the connection before we were logged in", place);
  else
    tt_link_cause_set(
        c, false, "%s closed the connection before TLS was established; is this an XMPP server's port for clients?",
        place);
}
