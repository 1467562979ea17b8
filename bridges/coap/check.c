/* SPDX-License-Identifier: Apache-2.0
 * What the option tables cannot express: URIs and paths, keys and certificates, and what does not go together. Pure. */
#include "common/compose.h"
#include "options.h"
#include "uri.h"

static const struct tt_mark nowhere; /* the configuration puts the connection's own position in its place */

static void check_security(const struct cb_security *s, struct tt_mark mark, struct tt_diags *diags)
{
  uint8_t key[CB_PSK_MAX];
  if (!s->psk != !s->psk_identity)
    tt_diag(diags, TT_SEVERITY_ERROR, "security", mark,
            "security: psk and psk_identity belong together, one of them is missing");
  if (s->psk && (s->ca || s->cert || s->key || s->name))
    tt_diag(diags, TT_SEVERITY_ERROR, "security", mark,
            "security: a pre-shared key and certificates are given: only one of the two");
  if (s->key && !s->cert)
    tt_diag(diags, TT_SEVERITY_ERROR, "key-without-cert", mark, "security: key is given without cert");
  if (s->psk && cb_psk_bytes(s, key) == 0)
    tt_diag(diags, TT_SEVERITY_ERROR, "security", mark,
            "security: psk is empty, longer than 64 bytes, or not the hexadecimal that it should be");
  if (s->psk_identity && (!*s->psk_identity || strlen(s->psk_identity) > CB_PSK_IDENTITY_MAX))
    tt_diag(diags, TT_SEVERITY_ERROR, "security", mark, "security: psk_identity is empty or longer than 64 bytes");
  explicit_bzero(key, sizeof key);
}

static void check_connection(const struct cb_connection *c, struct tt_diags *diags)
{
  struct cb_base base;
  check_security(&c->security, nowhere, diags);
  for (size_t i = 0; i < c->discover.hosts.n; i++) {
    const char *problem = cb_base_problem(c->discover.hosts.text[i], &base);
    if (problem)
      tt_diag(diags, TT_SEVERITY_ERROR, "coap-uri", nowhere, "discover: \"%s\" %s", c->discover.hosts.text[i],
              problem);
  }
}

static void check_path(const char *what, const char *text, struct tt_mark mark, struct tt_diags *diags)
{
  struct cb_path path;
  const char *problem = cb_path_problem(text, &path);
  if (problem)
    tt_diag(diags, TT_SEVERITY_ERROR, "coap-path", mark, "%s: \"%s\" %s", what, text, problem);
}

static bool is_senml(int format)
{
  return format == CB_FORMAT_SENML_JSON || format == CB_FORMAT_SENML_CBOR;
}

static void check_read(const struct tt_point *point, struct tt_diags *diags)
{
  const struct cb_read_address *address = point->address;
  const char *problem = address->at ? tt_pick_pointer_problem(address->at) : NULL;
  if (!address->get && !point->write)
    tt_diag(diags, TT_SEVERITY_ERROR, "missing-key", point->mark, "the point has neither get nor write");
  if (address->get)
    check_path("get", address->get, point->mark, diags);
  if (problem) {
    tt_diag(diags, TT_SEVERITY_ERROR, "json-pointer", point->mark, "at: \"%s\" is not a JSON pointer: it %s",
            address->at, problem);
    if (*address->at != '/')
      tt_diag_help(diags, "a pointer is written /like/this, with a slash before every key");
  }
  if (address->at && address->format == CB_FORMAT_TEXT)
    tt_diag(diags, TT_SEVERITY_ERROR, "at-of-text", point->mark,
            "at is given, but the format is text; text has no places");
  if (address->at && address->record)
    tt_diag(diags, TT_SEVERITY_ERROR, "at-and-record", point->mark,
            "at and record are given: only one of them says where the value is");
  if (!address->at && address->format == CB_FORMAT_LINK)
    tt_diag(diags, TT_SEVERITY_ERROR, "payload-format", point->mark,
            "links are many: say with at which attribute of which one, as at: /~1temp/rt");
  if (address->record && address->format != CB_FORMAT_AUTO && !is_senml(address->format))
    tt_diag(diags, TT_SEVERITY_ERROR, "record-without-senml", point->mark,
            "record is given, but the format is not SenML");
  if (address->observe.fallback_us && !address->observe.refresh_us)
    tt_diag(diags, TT_SEVERITY_ERROR, "missing-key", point->mark, "observe: fallback is given without refresh");
}

static void check_write(const struct tt_point *point, struct tt_diags *diags)
{
  const struct cb_write_address *address = point->write->address;
  const struct cb_read_address *read = point->address;
  const struct tt_item *at = NULL;
  uint8_t method = 0;
  const char *path = cb_write_path(address, &method);
  enum cb_format format = cb_write_format(address);
  if (!path)
    tt_diag(diags, TT_SEVERITY_ERROR, "coap-method", point->mark,
            "write: one of put, post and delete must be given, and one only");
  else
    check_path("write", path, point->mark, diags);
  if (!!address->json + !!address->payload + !!address->record > 1)
    tt_diag(diags, TT_SEVERITY_ERROR, "payload-twice", point->mark,
            "write: only one of json, payload and record can be given");
  if (address->delete &&(address->json || address->payload || address->record))
    tt_diag(diags, TT_SEVERITY_ERROR, "payload-of-delete", point->mark,
            "write: delete sends nothing, and json, payload or record is given");
  if (address->json && format != CB_FORMAT_JSON && format != CB_FORMAT_CBOR)
    tt_diag(diags, TT_SEVERITY_ERROR, "payload-format", point->mark,
            "write: json is given, and a format that is neither json nor cbor");
  if (address->payload && (format == CB_FORMAT_CBOR || is_senml(format)))
    tt_diag(diags, TT_SEVERITY_ERROR, "payload-format", point->mark,
            "write: payload is text, and the format is not");
  if (address->record && !is_senml(format))
    tt_diag(diags, TT_SEVERITY_ERROR, "record-without-senml", point->mark,
            "write: record is given, but the format is not SenML");
  const char *problem = address->json ? tt_compose_problem(address->json, &at) : NULL;
  if (problem)
    tt_diag(diags, TT_SEVERITY_ERROR, "template", at->mark, "the template %s", problem);
  if (point->write->verify == TT_VERIFY_REPORT && (!read || !read->observe.refresh_us))
    tt_diag(diags, TT_SEVERITY_ERROR, "verify-unobserved", point->mark,
            "write: verify: report waits for a notification, and nothing is observed");
}

void cb_check(const void *connection, const struct tt_device_config *device, struct tt_diags *diags)
{
  if (!device) {
    check_connection(connection, diags);
    return;
  }
  const struct cb_device_options *options = device->options;
  struct cb_base base = {0};
  const char *problem = cb_base_problem(options->base, &base);
  if (problem)
    tt_diag(diags, TT_SEVERITY_ERROR, "coap-uri", device->mark, "base: \"%s\" %s", options->base, problem);
  check_security(&options->security, device->mark, diags);
  if (!problem && !base.is_dtls && cb_security_is_given(&options->security))
    tt_diag(diags, TT_SEVERITY_ERROR, "tls-unused", device->mark,
            "security is given, but the base has no DTLS; use coaps://");
  for (size_t i = 0; i < device->n_points; i++) {
    if (device->points[i].address)
      check_read(&device->points[i], diags);
    if (device->points[i].write)
      check_write(&device->points[i], diags);
  }
}
