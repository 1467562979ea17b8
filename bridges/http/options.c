/* SPDX-License-Identifier: Apache-2.0
 * The option tables of HTTP on the four levels. */
#include "options.h"

#define AT(struct_, member) .offset = offsetof(struct struct_, member)

static const struct tt_option listen_options[] = {
    {.name = "address",
     .type = TT_OPTION_STRING,
     AT(http_listen, address),
     .help =
         "The address of this machine to listen on, 127.0.0.1 or 192.168.1.2 or ::. Without it nothing listens."},
    {.name = "port",
     .type = TT_OPTION_INTEGER,
     AT(http_listen, port),
     .preset = "8480",
     .min = 1,
     .max = 65535,
     .help = "The port to listen on."},
    {.name = "max_body",
     .type = TT_OPTION_INTEGER,
     AT(http_listen, max_body),
     .preset = "16384",
     .min = 64,
     .max = 65536,
     .help = "Bytes of body that a push may have."},
    {.name = "rate",
     .type = TT_OPTION_INTEGER,
     AT(http_listen, rate),
     .preset = "50",
     .min = 1,
     .max = 10000,
     .help = "Requests per second that are looked at, from all senders together. The rest is answered 429."},
    {.name = "connections",
     .type = TT_OPTION_INTEGER,
     AT(http_listen, connections),
     .preset = "32",
     .min = 1,
     .max = 1000,
     .help = "Connections at once; at most a quarter of them from one address."},
    TT_OPTION_END,
};

static const struct tt_option discover_options[] = {
    {.name = "hosts",
     .type = TT_OPTION_TEXTS,
     AT(http_discover, hosts),
     .help =
         "Who is asked: names or addresses with a port or without, or networks like 192.168.1.0/24. At most 256."},
    TT_OPTION_END,
};

const struct tt_option http_connection_table[] = {
    {.name = "connections",
     .type = TT_OPTION_INTEGER,
     AT(http_connection, connections),
     .preset = "256",
     .min = 1,
     .max = 1000,
     .help = "Connections at once to all devices together. Further requests wait for their turn."},
    {.name = "connections_per_host",
     .type = TT_OPTION_INTEGER,
     AT(http_connection, connections_per_host),
     .preset = "2",
     .min = 1,
     .max = 64,
     .help = "Connections at once to one device. Small devices serve one or two."},
    {.name = "connect_timeout",
     .type = TT_OPTION_DURATION,
     AT(http_connection, connect_timeout_us),
     .preset = "5s",
     .min = 1e5,
     .max = 60e6,
     .help = "How long finding the name, connecting and TLS may take together."},
    {.name = "listen",
     .type = TT_OPTION_TABLE,
     AT(http_connection, listen),
     .table = listen_options,
     .help = "Where devices may push values to (webhook:). Off unless an address is given."},
    {.name = "discover",
     .type = TT_OPTION_TABLE,
     AT(http_connection, discover),
     .table = discover_options,
     .help = "Whom `thingtree discover` asks what they are."},
    TT_OPTION_END,
};

static const struct tt_option events_options[] = {
    {.name = "get", .type = TT_OPTION_STRING, AT(http_events, get), .help = "Path of the event stream."},
    {.name = "idle",
     .type = TT_OPTION_DURATION,
     AT(http_events, idle_us),
     .preset = "0",
     .min = 0,
     .max = 86400e6,
     .help = "Reconnect when nothing came for so long, comments included. 0: never for that."},
    {.name = "retry",
     .type = TT_OPTION_DURATION,
     AT(http_events, retry_us),
     .preset = "3s",
     .min = 1e5,
     .max = 600e6,
     .help =
         "Wait before connecting again, doubled after each failure up to a minute. The device may say another."},
    TT_OPTION_END,
};

static const struct tt_choice hook_methods[] = {
    {"post", HTTP_HOOK_POST}, {"put", HTTP_HOOK_PUT}, {"get", HTTP_HOOK_GET}, {NULL, 0}};

static const struct tt_option webhook_options[] = {
    {.name = "path",
     .type = TT_OPTION_STRING,
     AT(http_webhook, path),
     .help = "Where this device's pushes come in: /hook/porch. No two devices have the same."},
    {.name = "method",
     .type = TT_OPTION_CHOICE,
     AT(http_webhook, method),
     .preset = "post",
     .choices = hook_methods,
     .help = "post or put with a JSON body, or get with the values in the query."},
    {.name = "token",
     .type = TT_OPTION_SECRET,
     AT(http_webhook, token),
     .help = "The sender must give it as Authorization: Bearer."},
    {.name = "hmac",
     .type = TT_OPTION_SECRET,
     AT(http_webhook, hmac),
     .help = "The sender must sign the body with it, by HMAC-SHA256."},
    {.name = "signature",
     .type = TT_OPTION_STRING,
     AT(http_webhook, signature),
     .preset = "X-Signature",
     .help = "The header with the signature in hexadecimal, sha256= before it or not."},
    {.name = "rate",
     .type = TT_OPTION_INTEGER,
     AT(http_webhook, rate),
     .preset = "120",
     .min = 1,
     .max = 60000,
     .help = "Pushes per minute that are taken."},
    TT_OPTION_END,
};

static const struct tt_choice auths[] = {{"none", TT_FETCH_NO_AUTH},
                                         {"basic", TT_FETCH_BASIC},
                                         {"digest", TT_FETCH_DIGEST},
                                         {"bearer", TT_FETCH_BEARER},
                                         {NULL, 0}};

const struct tt_option http_device_table[] = {
    {.name = "base",
     .type = TT_OPTION_STRING,
     AT(http_device_options, base),
     .help = "Where the device is: http://host or https://host:port, with the part of the path that all have."},
    {.name = "auth",
     .type = TT_OPTION_CHOICE,
     AT(http_device_options, auth),
     .preset = "none",
     .choices = auths,
     .help = "How to log in: none, basic, digest or bearer. Nothing is sent while there is no password or token."},
    {.name = "user", .type = TT_OPTION_STRING, AT(http_device_options, user), .help = "Name for basic and digest."},
    {.name = "password",
     .type = TT_OPTION_SECRET,
     AT(http_device_options, password),
     .help = "Password for basic and digest. Best ${credential:NAME}."},
    {.name = "token",
     .type = TT_OPTION_SECRET,
     AT(http_device_options, token),
     .help = "Token for bearer. Best ${credential:NAME}."},
    {.name = "ca",
     .type = TT_OPTION_STRING,
     AT(http_device_options, ca),
     .flags = TT_OPTION_PATH,
     .help = "TLS: PEM file with the only certificates to trust. Default: those of the system."},
    {.name = "cert",
     .type = TT_OPTION_STRING,
     AT(http_device_options, cert),
     .flags = TT_OPTION_PATH,
     .help = "TLS: PEM file with the gateway's own certificate."},
    {.name = "key",
     .type = TT_OPTION_STRING,
     AT(http_device_options, key),
     .flags = TT_OPTION_PATH,
     .help = "TLS: PEM file with the key of cert. Default: it is in cert."},
    {.name = "headers",
     .type = TT_OPTION_ITEM,
     AT(http_device_options, headers),
     .help = "Headers of every request: a map of names and texts."},
    {.name = "redirects",
     .type = TT_OPTION_INTEGER,
     AT(http_device_options, redirects),
     .preset = "0",
     .min = 0,
     .max = TT_FETCH_REDIRECTS,
     .help = "How many redirects a read may follow, within the same host. A write follows none."},
    {.name = "events",
     .type = TT_OPTION_TABLE,
     AT(http_device_options, events),
     .table = events_options,
     .help = "A stream of Server-Sent Events that the device offers."},
    {.name = "webhook",
     .type = TT_OPTION_TABLE,
     AT(http_device_options, webhook),
     .table = webhook_options,
     .help = "What the device may push to the listener of its connection."},
    TT_OPTION_END,
};

static const struct tt_choice formats[] = {
    {"json", HTTP_JSON}, {"xml", HTTP_XML}, {"text", HTTP_TEXT}, {"csv", HTTP_CSV}, {NULL, 0}};
static const struct tt_choice stamp_units[] = {
    {"iso", HTTP_STAMP_ISO}, {"s", HTTP_STAMP_S}, {"ms", HTTP_STAMP_MS}, {NULL, 0}};

static const struct tt_option time_options[] = {
    {.name = "at",
     .type = TT_OPTION_STRING,
     AT(http_stamp_place, at),
     .help = "Where the answer says when it was measured: JSON pointer, XPath or column, as the format has."},
    {.name = "unit",
     .type = TT_OPTION_CHOICE,
     AT(http_stamp_place, unit),
     .preset = "iso",
     .choices = stamp_units,
     .help = "iso: 2026-11-22T18:54:53Z. s or ms: so many since 1970."},
    TT_OPTION_END,
};

static const struct tt_option push_options[] = {
    {.name = "at",
     .type = TT_OPTION_STRING,
     AT(http_push, at),
     .help = "JSON pointer to the value in what is pushed; of a get webhook, / and the name in the query."},
    {.name = "event",
     .type = TT_OPTION_STRING,
     AT(http_push, event),
     .help = "Of a stream: only events of this name. Default: all."},
    TT_OPTION_END,
};

const struct tt_option http_read_table[] = {
    {.name = "get",
     .type = TT_OPTION_STRING,
     AT(http_read_address, message.get),
     .flags = TT_OPTION_INHERIT,
     .help = "Path below base, or a whole URL. Points that ask for the same share one request."},
    {.name = "post",
     .type = TT_OPTION_STRING,
     AT(http_read_address, message.post),
     .flags = TT_OPTION_INHERIT,
     .help = "Instead of get, for devices that want a question in a body: json, form or text."},
    {.name = "query",
     .type = TT_OPTION_ITEM,
     AT(http_read_address, message.query),
     .flags = TT_OPTION_INHERIT,
     .help = "What stands behind the ? of the URL: a map of names and values."},
    {.name = "json",
     .type = TT_OPTION_ITEM,
     AT(http_read_address, message.json),
     .flags = TT_OPTION_INHERIT,
     .help = "The body of post: anything, sent as JSON."},
    {.name = "form",
     .type = TT_OPTION_ITEM,
     AT(http_read_address, message.form),
     .flags = TT_OPTION_INHERIT,
     .help = "The body of post: a map, sent as a form does."},
    {.name = "text",
     .type = TT_OPTION_STRING,
     AT(http_read_address, message.text),
     .flags = TT_OPTION_INHERIT,
     .help = "The body of post: text as it is."},
    {.name = "format",
     .type = TT_OPTION_CHOICE,
     AT(http_read_address, format),
     .preset = "json",
     .choices = formats,
     .flags = TT_OPTION_INHERIT,
     .help = "What the answer is: json, xml, text (all of it is the value) or csv."},
    {.name = "at",
     .type = TT_OPTION_STRING,
     AT(http_read_address, at),
     .help = "Where the value is: JSON pointer (RFC 6901), XPath 1.0, or the name or number of a column."},
    {.name = "namespaces",
     .type = TT_OPTION_ITEM,
     AT(http_read_address, namespaces),
     .flags = TT_OPTION_INHERIT,
     .help = "XML: a map of the prefixes that at uses."},
    {.name = "csv",
     .type = TT_OPTION_TABLE,
     AT(http_read_address, csv),
     .table = tt_pick_csv_options,
     .flags = TT_OPTION_INHERIT,
     .help = "CSV: how the table is written and which row is meant."},
    {.name = "shape",
     .type = TT_OPTION_TABLE,
     AT(http_read_address, shape),
     .table = tt_pick_shape_options,
     .flags = TT_OPTION_INHERIT,
     .help = "JSON: what to make of a list or an object where one value is wanted."},
    {.name = "time",
     .type = TT_OPTION_TABLE,
     AT(http_read_address, time),
     .table = time_options,
     .flags = TT_OPTION_INHERIT,
     .help = "When the value was measured, if the answer says so."},
    {.name = "push",
     .type = TT_OPTION_TABLE,
     AT(http_read_address, push),
     .table = push_options,
     .help = "Where the value is in what the device pushes: its webhook or its events."},
    TT_OPTION_END,
};

static const struct tt_option answer_options[] = {
    {.name = "at",
     .type = TT_OPTION_STRING,
     AT(http_expect, at),
     .help = "JSON pointer to what tells whether the device obeyed."},
    {.name = "is",
     .type = TT_OPTION_STRING,
     AT(http_expect, is),
     .help = "What must stand there; ${value} is what would be read. Anything else is a "
             "failure."},
    TT_OPTION_END,
};

const struct tt_option http_write_table[] = {
    {.name = "get",
     .type = TT_OPTION_STRING,
     AT(http_write_address, message.get),
     .help = "Path of the command for devices that obey GET; ${value} may stand in it."},
    {.name = "post", .type = TT_OPTION_STRING, AT(http_write_address, message.post), .help = "The same by POST."},
    {.name = "put", .type = TT_OPTION_STRING, AT(http_write_address, message.put), .help = "The same by PUT."},
    {.name = "delete",
     .type = TT_OPTION_STRING,
     AT(http_write_address, message.delete),
     .help = "The same by DELETE."},
    {.name = "query",
     .type = TT_OPTION_ITEM,
     AT(http_write_address, message.query),
     .help = "What stands behind the ?: a map of names and values, \"${value}\" among them."},
    {.name = "json",
     .type = TT_OPTION_ITEM,
     AT(http_write_address, message.json),
     .help = "The body: anything with \"${value}\" in it, sent as JSON; a number stays a number."},
    {.name = "form",
     .type = TT_OPTION_ITEM,
     AT(http_write_address, message.form),
     .help = "The body: a map with \"${value}\" in it, sent as a form does."},
    {.name = "text",
     .type = TT_OPTION_STRING,
     AT(http_write_address, message.text),
     .help = "The body: text with ${value} in it."},
    {.name = "words",
     .type = TT_OPTION_ITEM,
     AT(http_write_address, words),
     .help = "A map for devices that want to hear something else than they say: {\"true\": \"on\", \"false\": "
             "\"off\"}."},
    {.name = "answer",
     .type = TT_OPTION_TABLE,
     AT(http_write_address, answer),
     .table = answer_options,
     .help = "What the answer must say. By default every status from 200 to 299 means that the device obeyed."},
    TT_OPTION_END,
};

const char *http_message_method(const struct http_message *message, const char **ret_path)
{
  const struct {
    const char *method, *path;
  } rows[] = {{"GET", message->get}, {"POST", message->post}, {"PUT", message->put}, {"DELETE", message->delete}};
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    if (rows[i].path) {
      *ret_path = rows[i].path;
      return rows[i].method;
    }
  return NULL;
}

bool http_point_is_asked(const struct tt_point *point)
{
  const struct http_read_address *address = point->address;
  return address && (address->message.get || address->message.post);
}

bool http_point_is_pushed(const struct tt_point *point)
{
  const struct http_read_address *address = point->address;
  return address && address->push.at;
}
