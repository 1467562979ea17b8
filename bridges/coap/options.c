/* SPDX-License-Identifier: Apache-2.0
 * The option tables of CoAP on the three levels, and small decisions over them. */
#include "options.h"

#define AT(struct_, member) .offset = offsetof(struct struct_, member)

static const struct tt_choice encodings[] = {{"text", CB_PSK_TEXT}, {"hex", CB_PSK_HEX}, {NULL, 0}};
static const struct tt_choice read_formats[] = {{"auto", CB_FORMAT_AUTO},
                                                {"text", CB_FORMAT_TEXT},
                                                {"json", CB_FORMAT_JSON},
                                                {"cbor", CB_FORMAT_CBOR},
                                                {"senml+json", CB_FORMAT_SENML_JSON},
                                                {"senml+cbor", CB_FORMAT_SENML_CBOR},
                                                {"link-format", CB_FORMAT_LINK},
                                                {NULL, 0}};
static const struct tt_choice write_formats[] = {{"auto", CB_FORMAT_AUTO},
                                                 {"text", CB_FORMAT_TEXT},
                                                 {"json", CB_FORMAT_JSON},
                                                 {"cbor", CB_FORMAT_CBOR},
                                                 {"senml+json", CB_FORMAT_SENML_JSON},
                                                 {"senml+cbor", CB_FORMAT_SENML_CBOR},
                                                 {NULL, 0}};

static const struct tt_option security_options[] = {
    {.name = "psk_identity",
     .type = TT_OPTION_STRING,
     AT(cb_security, psk_identity),
     .help = "DTLS with a pre-shared key: the name the gateway gives itself."},
    {.name = "psk",
     .type = TT_OPTION_SECRET,
     AT(cb_security, psk),
     .help = "The pre-shared key. Best ${credential:NAME}."},
    {.name = "psk_encoding",
     .type = TT_OPTION_CHOICE,
     AT(cb_security, psk_encoding),
     .preset = "text",
     .choices = encodings,
     .help = "How psk is written: text, or hex for a key of any bytes."},
    {.name = "ca",
     .type = TT_OPTION_STRING,
     AT(cb_security, ca),
     .flags = TT_OPTION_PATH,
     .help = "DTLS with certificates: PEM file with the only ones to trust. Default: those of the system."},
    {.name = "cert",
     .type = TT_OPTION_STRING,
     AT(cb_security, cert),
     .flags = TT_OPTION_PATH,
     .help = "PEM file with the gateway's own certificate and chain."},
    {.name = "key",
     .type = TT_OPTION_STRING,
     AT(cb_security, key),
     .flags = TT_OPTION_PATH,
     .help = "PEM file with the key of cert. Default: it is in cert."},
    {.name = "name",
     .type = TT_OPTION_STRING,
     AT(cb_security, name),
     .help = "The name or address in the device's certificate. Default: the host of base."},
    TT_OPTION_END,
};

static const struct tt_option discover_options[] = {
    {.name = "hosts",
     .type = TT_OPTION_TEXTS,
     AT(cb_discover, hosts),
     .help = "Who is asked for its resources: coap://host:port, one or several."},
    {.name = "multicast",
     .type = TT_OPTION_BOOLEAN,
     AT(cb_discover, multicast),
     .preset = "true",
     .help = "Ask everybody on the network of interface, too (224.0.1.187 and ff02::fd)."},
    TT_OPTION_END,
};

const struct tt_option cb_connection_table[] = {
    {.name = "interface",
     .type = TT_OPTION_STRING,
     AT(cb_connection, interface),
     .flags = TT_OPTION_ADDRESS,
     .help = "Network interface for multicast, and of link-local addresses that name none."},
    {.name = "security",
     .type = TT_OPTION_TABLE,
     AT(cb_connection, security),
     .table = security_options,
     .help = "DTLS of all devices with coaps:// that say nothing of their own."},
    {.name = "ack_timeout",
     .type = TT_OPTION_DURATION,
     AT(cb_connection, ack_timeout_us),
     .preset = "2s",
     .min = 1e6,
     .max = 60e6,
     .help = "A message without acknowledgement is repeated after so long, then after twice that, and so on."},
    {.name = "max_retransmit",
     .type = TT_OPTION_INTEGER,
     AT(cb_connection, max_retransmit),
     .preset = "4",
     .min = 1,
     .max = 10,
     .help = "How often at most, and never after the time of the request is over."},
    {.name = "connect_timeout",
     .type = TT_OPTION_DURATION,
     AT(cb_connection, connect_timeout_us),
     .preset = "10s",
     .min = 0.1e6,
     .max = 120e6,
     .help = "How long the name of a host and the DTLS handshake may take."},
    {.name = "answer_timeout",
     .type = TT_OPTION_DURATION,
     AT(cb_connection, answer_timeout_us),
     .preset = "10s",
     .min = 0.1e6,
     .max = 600e6,
     .help =
         "How long the answer to a question of the bridge's own may take: registering an observation, discovery."},
    {.name = "discover",
     .type = TT_OPTION_TABLE,
     AT(cb_connection, discover),
     .table = discover_options,
     .help = "Whom thingtree discover asks."},
    TT_OPTION_END,
};

const struct tt_option cb_device_table[] = {
    {.name = "base",
     .type = TT_OPTION_STRING,
     AT(cb_device_options, base),
     .flags = TT_OPTION_REQUIRED,
     .help = "Where the device is: coap://host[:5683], or coaps://host[:5684] for DTLS. IPv6 in brackets."},
    {.name = "security",
     .type = TT_OPTION_TABLE,
     AT(cb_device_options, security),
     .table = security_options,
     .help = "DTLS of this device, instead of that of the connection."},
    {.name = "confirmable",
     .type = TT_OPTION_BOOLEAN,
     AT(cb_device_options, confirmable),
     .preset = "true",
     .help = "false: reads are not repeated when no answer comes (non-confirmable messages)."},
    {.name = "block_size",
     .type = TT_OPTION_INTEGER,
     AT(cb_device_options, block_size),
     .preset = "1024",
     .min = 16,
     .max = 1024,
     .help = "Largest block of a block-wise transfer. 64 suits a network of 802.15.4."},
    TT_OPTION_END,
};

static const struct tt_option observe_options[] = {
    {.name = "refresh",
     .type = TT_OPTION_DURATION,
     AT(cb_observe_options, refresh_us),
     .min = 1e6,
     .max = 7 * 86400e6,
     .help = "Observe the resource; register anew at least so often."},
    {.name = "fallback",
     .type = TT_OPTION_DURATION,
     AT(cb_observe_options, fallback_us),
     .min = 0.1e6,
     .max = 7 * 86400e6,
     .help = "With nothing heard for so long, ask and register anew. Default: 1min."},
    TT_OPTION_END,
};

const struct tt_option cb_read_table[] = {
    {.name = "get",
     .type = TT_OPTION_STRING,
     AT(cb_read_address, get),
     .help = "The resource: /path, or /path?query. Points with the same one are read with one request."},
    {.name = "observe",
     .type = TT_OPTION_TABLE,
     AT(cb_read_address, observe),
     .table = observe_options,
     .flags = TT_OPTION_INHERIT,
     .help = "Have the device notify (RFC 7641)."},
    {.name = "format",
     .type = TT_OPTION_CHOICE,
     AT(cb_read_address, format),
     .preset = "auto",
     .choices = read_formats,
     .flags = TT_OPTION_INHERIT,
     .help = "What the payload is. auto: what the device says it is, text when it says nothing."},
    {.name = "accept",
     .type = TT_OPTION_BOOLEAN,
     AT(cb_read_address, accept),
     .preset = "true",
     .flags = TT_OPTION_INHERIT,
     .help = "Ask the device for this format. false for a device that knows no Accept."},
    {.name = "at",
     .type = TT_OPTION_STRING,
     AT(cb_read_address, at),
     .help = "JSON pointer (RFC 6901) to the value, in JSON and in CBOR; a number as key is written /-2."},
    {.name = "record",
     .type = TT_OPTION_STRING,
     AT(cb_read_address, record),
     .help = "SenML: the name of the record, with or without its base name."},
    {.name = "shape",
     .type = TT_OPTION_TABLE,
     AT(cb_read_address, shape),
     .table = tt_pick_shape_options,
     .flags = TT_OPTION_INHERIT,
     .help = "What to make of a list or an object where one value is wanted."},
    TT_OPTION_END,
};

const struct tt_option cb_write_table[] = {
    {.name = "put",
     .type = TT_OPTION_STRING,
     AT(cb_write_address, put),
     .help = "Send the value with PUT to this /path."},
    {.name = "post", .type = TT_OPTION_STRING, AT(cb_write_address, post), .help = "Send it with POST."},
    {.name = "delete",
     .type = TT_OPTION_STRING,
     AT(cb_write_address, delete),
     .help = "Send a DELETE, whatever the value is."},
    {.name = "format",
     .type = TT_OPTION_CHOICE,
     AT(cb_write_address, format),
     .preset = "auto",
     .choices = write_formats,
     .help = "What is sent, and said to be. auto: text, or json when json is given."},
    {.name = "payload",
     .type = TT_OPTION_STRING,
     AT(cb_write_address, payload),
     .help = "Text with ${value} in it. Default: the value alone."},
    {.name = "json",
     .type = TT_OPTION_ITEM,
     AT(cb_write_address, json),
     .help = "Anything with ${value} in it, sent as JSON, or as CBOR with format: cbor; a number stays a number."},
    {.name = "record",
     .type = TT_OPTION_STRING,
     AT(cb_write_address, record),
     .help = "SenML: the name of the one record that is sent."},
    {.name = "confirmable",
     .type = TT_OPTION_BOOLEAN,
     AT(cb_write_address, confirmable),
     .preset = "true",
     .help = "false: the command is sent once and never repeated."},
    TT_OPTION_END,
};

bool cb_security_is_given(const struct cb_security *s)
{
  return s->psk_identity || s->psk || s->ca || s->cert || s->key || s->name;
}

const struct cb_security *cb_security_of(const struct cb_connection *connection,
                                         const struct cb_device_options *device)
{
  return cb_security_is_given(&device->security) ? &device->security : &connection->security;
}

size_t cb_psk_bytes(const struct cb_security *security, uint8_t out[static CB_PSK_MAX])
{
  static const char digits[] = "0123456789abcdef";
  size_t n = strlen(security->psk);
  if (security->psk_encoding == CB_PSK_TEXT) {
    if (n > CB_PSK_MAX)
      return 0;
    memcpy(out, security->psk, n);
    return n;
  }
  if (n % 2 != 0 || n / 2 > CB_PSK_MAX)
    return 0;
  for (size_t i = 0; i < n; i++) {
    const char *digit = memchr(digits, security->psk[i] | 0x20, 16);
    if (!digit || security->psk[i] < '0')
      return 0;
    out[i / 2] = (uint8_t)((i % 2 ? out[i / 2] << 4 : 0) | (digit - digits));
  }
  return n / 2;
}

const char *cb_write_path(const struct cb_write_address *address, uint8_t *ret_method)
{
  const struct {
    const char *path;
    uint8_t method;
  } methods[] = {{address->post, 2}, {address->put, 3}, {address->delete, 4}};
  const char *path = NULL;
  for (size_t i = 0; i < TT_COUNT(methods); i++) {
    if (!methods[i].path)
      continue;
    if (path)
      return NULL;
    path = methods[i].path;
    *ret_method = methods[i].method;
  }
  return path;
}

enum cb_format cb_write_format(const struct cb_write_address *address)
{
  if (address->format != CB_FORMAT_AUTO)
    return (enum cb_format)address->format;
  return address->json ? CB_FORMAT_JSON : address->record ? CB_FORMAT_SENML_JSON : CB_FORMAT_TEXT;
}
