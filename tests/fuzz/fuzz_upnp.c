/* SPDX-License-Identifier: Apache-2.0
 * Hostile devices: descriptions, services, answers, events, and what is announced. The first byte chooses. */
#include "event.h"
#include "location.h"
#include "scpd.h"
#include "soap.h"
#include "ssdp.h"
#include "upnp/describe.h"

#include <assert.h>
#include <json-c/json.h>
#include <thingtree/host.h>

#define HOME "http://192.168.1.20:5000/a/desc.xml"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct up_net net = {0xc0a80105, 0xffffff00};

/* Whatever is let through is at the sender, in the network, and at a port that a device may have. */
static void fuzz_location(const char *text)
{
  char url[UP_URL_MAX];
  if (!up_location_problem(text, 0xc0a80114, &net)) {
    assert(strncasecmp(text, "http://192.168.1.20", 19) == 0);
    assert(strchr(":/?", text[19]));
    assert(!strpbrk(text, "@ \r\n\t\\#"));
  }
  assert(up_location_problem(text, 0x7f000001, &net));
  if (up_url_resolve(HOME, NULL, text, url) == 0)
    assert(!up_location_problem(url, 0xc0a80114, &net));
}

static void fuzz_ssdp(const char *data, size_t n)
{
  struct up_sighting s = {.sender = 1};
  if (up_ssdp_answer(data, n, &s) < 0)
    return;
  assert(strlen(s.udn) <= UP_UDN_MAX && strlen(s.type) <= UP_TYPE_MAX && strlen(s.location) < UP_URL_MAX);
  assert(strncmp(s.udn, "uuid:", 5) == 0 && s.max_age_s >= 0 && s.max_age_s <= UP_MAX_AGE_MAX_S);
  fuzz_location(s.location);
}

static void fuzz_description(const char *data, size_t n)
{
  struct up_description *d;
  char why[UP_WHY_SIZE] = "";
  if (up_description_parse(data, n, HOME, &d, why) < 0) {
    assert(*why);
    return;
  }
  for (size_t i = 0; i < d->n_services; i++) {
    assert(!up_location_problem(d->services[i].control_url, 0xc0a80114, &net));
    assert(!d->services[i].event_url || !up_location_problem(d->services[i].event_url, 0xc0a80114, &net));
    up_description_service(d, &d->parts[0], d->services[i].type);
  }
  assert(up_description_find(d, d->parts[0].udn));
  up_description_match(d, "urn:x:device:A:1", "urn:x:service:A:1");
  up_description_destroy(d);
}

static void fuzz_scpd(const char *data, size_t n)
{
  struct up_description d = {
      .n_parts = 1,
      .n_services = 1,
      .parts = {{.udn = "uuid:1", .name = "a"}},
      .services = {
          {.type = n % 2 ? "urn:x:service:WANX:1" : "urn:x:service:A:1", .control_url = HOME, .event_url = HOME}}};
  struct up_scpd *scpd;
  char why[UP_WHY_SIZE] = "";
  if (up_scpd_parse(data, n, &scpd, why) < 0) {
    assert(*why);
    return;
  }
  TT_AUTOBUF struct tt_buf json = TT_BUF(TT_DESCRIPTION_MAX);
  unsigned n_withheld;
  if (up_describe(&d, &d.parts[0], (const struct up_scpd *[]){scpd}, false, &json, &n_withheld) == 0) {
    struct json_object *parsed = json_tokener_parse(json.data);
    assert(parsed);
    json_object_put(parsed);
  }
  const struct tt_value values[] = {TT_VALUE_BOOLEAN(true), TT_VALUE_INT64(-7), TT_VALUE_QUANTITY(2.5, 1)};
  for (size_t i = 0; i < scpd->n_variables; i++)
    for (size_t k = 0; k < TT_COUNT(values); k++) {
      TT_AUTOBUF struct tt_buf out = TT_BUF(1000);
      struct tt_point point = {.type = k ? TT_TYPE_QUANTITY : TT_TYPE_BOOLEAN};
      struct tt_value value;
      if (up_value_write(&scpd->variables[i], &values[k], &out, why) == 0 &&
          up_value_read(&scpd->variables[i], &point, out.data, &value, why) == 0)
        tt_value_finish(&value);
    }
  up_scpd_destroy(scpd);
}

static void on_change(void *user, const struct up_change *change)
{
  unsigned *n = user;
  assert(change->variable && change->value && change->n_attributes <= UP_ATTRIBUTES_MAX);
  assert(!change->is_in_last_change || change->n_attributes > 0);
  assert(++*n <= UP_CHANGES_MAX);
}

static void fuzz_event(const char *data, size_t n)
{
  unsigned changes = 0;
  char why[UP_WHY_SIZE] = "";
  if (up_event_parse(data, n, on_change, &changes, why) < 0)
    assert(*why);
}

static void fuzz_soap(const char *data, size_t n)
{
  xmlDoc *doc;
  const xmlNode *response;
  char why[UP_WHY_SIZE] = "";
  if (up_soap_answer(data, n, "Get", &doc, &response, why) < 0) {
    assert(*why && tt_utf8_is_valid(why, strlen(why)));
    return;
  }
  char *text = up_xml_text(up_xml_child(response, "Out"));
  struct tt_point point = {.type = TT_TYPE_QUANTITY};
  struct tt_value value;
  if (text && up_value_read(NULL, &point, text, &value, why) == 0)
    tt_value_finish(&value);
  xmlFree(text);
  xmlFreeDoc(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static void (*const targets[])(const char *, size_t) = {fuzz_ssdp, fuzz_description, fuzz_scpd, fuzz_event,
                                                          fuzz_soap};
  if (size == 0)
    return 0;
  size_t choice = data[0] % (TT_COUNT(targets) + 1);
  if (choice < TT_COUNT(targets)) {
    targets[choice]((const char *)data + 1, size - 1);
  } else {
    char *text = strndup((const char *)data + 1, size - 1);
    fuzz_location(text);
    free(text);
  }
  return 0;
}
