/* SPDX-License-Identifier: Apache-2.0
 * describe.c: points out of descriptions. */
#include "upnp/describe.h"
#include "upnp/network.h"
#include "upnp_file.h"

#include <json-c/json.h>

static const char *scpd_name(const struct up_service *service, char out[100], const char *directory)
{
  const char *slash = strrchr(service->scpd_url, '/');
  snprintf(out, 100, "%s%s", directory, slash);
  return out;
}

static unsigned n_withheld;

static struct json_object *describe_with(const char *directory, const char *device, size_t part, bool with_network)
{
  char name[100], why[UP_WHY_SIZE] = "";
  struct up_description *d;
  struct up_scpd *scpds[UP_TREE_SERVICES_MAX] = {NULL};
  TT_AUTOBUF struct tt_buf out = TT_BUF(0);
  snprintf(name, sizeof name, "%s/%s", directory, device);
  AUTOFILE struct file file = file_read(name);
  assert_int_equal(up_description_parse(file.data, file.n, HOME, &d, why), 0);
  for (size_t i = 0; i < d->n_services; i++) {
    AUTOFILE struct file scpd = file_read(scpd_name(&d->services[i], name, directory));
    if (up_scpd_parse(scpd.data, scpd.n, &scpds[i], why) < 0)
      fail_msg("%s %s", name, why);
  }
  assert_int_equal(
      up_describe(d, &d->parts[part], (const struct up_scpd *const *)scpds, with_network, &out, &n_withheld), 0);
  for (size_t i = 0; i < d->n_services; i++)
    up_scpd_destroy(scpds[i]);
  up_description_destroy(d);
  struct json_object *json = json_tokener_parse(out.data);
  assert_non_null(json);
  return json;
}

static struct json_object *describe(const char *directory, const char *device, size_t part)
{
  return describe_with(directory, device, part, false);
}

static void assert_point(struct json_object *json, const char *name, const char *expected)
{
  struct json_object *points = json_object_object_get(json, "points"), *point, *wanted;
  if (!json_object_object_get_ex(points, name, &point))
    fail_msg("no point %s in %s", name, json_object_to_json_string(points));
  wanted = json_tokener_parse(expected);
  assert_non_null(wanted);
  if (!json_object_equal(point, wanted))
    fail_msg("%s is %s", name, json_object_to_json_string(point));
  json_object_put(wanted);
}

static bool has_point(struct json_object *json, const char *name)
{
  return json_object_object_get_ex(json_object_object_get(json, "points"), name, NULL);
}

static void assert_command(struct json_object *json, const char *name, const char *expected)
{
  struct json_object *commands = json_object_object_get(json, "commands"), *command, *wanted;
  if (!json_object_object_get_ex(commands, name, &command))
    fail_msg("no command %s in %s", name, json_object_to_json_string(commands));
  wanted = json_tokener_parse(expected);
  assert_non_null(wanted);
  if (!json_object_equal(command, wanted))
    fail_msg("%s is %s", name, json_object_to_json_string(command));
  json_object_put(wanted);
}

static bool has_command(struct json_object *json, const char *name)
{
  return json_object_object_get_ex(json_object_object_get(json, "commands"), name, NULL);
}

static void a_media_renderer(void **state)
{
  (void)state;
  struct json_object *json = describe("mediarenderer", "device.xml", 0);
  assert_string_equal(json_object_to_json_string_ext(json_object_object_get(json, "about"), JSON_C_TO_STRING_PLAIN),
                      "{\"vendor\":\"Steven\",\"model\":\"DummyTV v1\",\"label\":\"Dummy TV\"}");
#define RC "urn:schemas-upnp-org:service:RenderingControl:1"
#define AV "urn:schemas-upnp-org:service:AVTransport:1"
  assert_point(
      json, "mute",
      "{\"type\":\"boolean\",\"call\":{\"service\":\"" RC "\",\"action\":\"GetMute\",\"in\":{\"InstanceID\":\"0\","
      "\"Channel\":\"Master\"},\"out\":\"CurrentMute\"},\"event\":{\"service\":\"" RC
      "\",\"last_change\":\"Mute\",\"where\":{\"Channel\":\"Master\"}},\"write\":{\"call\":{\"service\":\"" RC
      "\",\"action\":\"SetMute\",\"in\":{\"InstanceID\":\"0\",\"Channel\":\"Master\",\"DesiredMute\":\"${value}\"}}"
      ","
      "\"verify\":\"readback\"}}");
  struct json_object *volume, *write;
  json_object_object_get_ex(json_object_object_get(json, "points"), "volume", &volume);
  json_object_object_get_ex(volume, "write", &write);
  assert_string_equal(
      json_object_to_json_string_ext(json_object_object_get(write, "range"), JSON_C_TO_STRING_PLAIN), "[0,100]");
  assert_string_equal(json_object_to_json_string_ext(json_object_object_get(write, "step"), 0), "1");
  assert_point(json, "transport_state",
               "{\"type\":\"string\",\"call\":{\"service\":\"" AV
               "\",\"action\":\"GetTransportInfo\",\"in\":{\"InstanceID\":"
               "\"0\"},\"out\":\"CurrentTransportState\"},\"event\":{\"service\":\"" AV
               "\",\"last_change\":\"TransportState\"}}");
  assert_false(has_point(json, "last_change"));
  assert_command(json, "pause",
                 "{\"label\":\"Pause\",\"call\":{\"service\":\"" AV
                 "\",\"action\":\"Pause\",\"in\":{\"InstanceID\":\"0\"}},\"arguments\":{}}");
  assert_true(has_command(json, "seek"));
  /* What reads or writes a point is none. */
  assert_false(has_command(json, "get_mute"));
  assert_false(has_command(json, "set_mute"));
  assert_false(has_command(json, "get_transport_info"));
  json_object_put(json);
}

static void a_router(void **state)
{
  (void)state;
  struct json_object *json = describe("igd", "device.xml", 0);
  assert_true(has_point(json, "external_ip_address"));
  assert_true(has_point(json, "total_bytes_received"));
  json_object_put(json);
  json = describe("igd", "device.xml", 2);
  assert_true(has_point(json, "external_ip_address"));
  assert_false(has_point(json, "total_bytes_received")); /* that of another part */
  json_object_put(json);
}

static unsigned count(struct json_object *json, const char *what, bool with_write)
{
  unsigned n = 0;
  json_object_object_foreach(json_object_object_get(json, what), key, value)
  {
    (void)key;
    n += !with_write || json_object_object_get_ex(value, "write", NULL);
  }
  return n;
}

/* It can be read by whoever may read; opening ports has to be asked for. */
static void what_configures_the_network(void **state)
{
  (void)state;
  struct json_object *json = describe("igd", "device.xml", 0);
  unsigned n_points = count(json, "points", false), n = n_withheld;
  assert_int_equal(count(json, "commands", false), 0);
  assert_int_equal(count(json, "points", true), 0);
  assert_true(n > 0);
  json_object_put(json);
  json = describe_with("igd", "device.xml", 0, true);
  assert_int_equal(n_withheld, 0);
  assert_true(has_command(json, "add_port_mapping") && has_command(json, "force_termination"));
  assert_int_equal(count(json, "points", false), n_points);
  assert_int_equal(count(json, "commands", false) + count(json, "points", true), n);
  json_object_put(json);
  json = describe("mediarenderer", "device.xml", 0);
  assert_int_equal(n_withheld, 0);
  json_object_put(json);
}

static void names_of_the_network(void **state)
{
  (void)state;
  static const struct {
    const char *device, *service;
    bool is;
  } all[] = {
      {"urn:schemas-upnp-org:device:BinaryLight:1", "urn:schemas-upnp-org:service:SwitchPower:1", false},
      {"urn:schemas-upnp-org:device:MediaServer:1", "urn:schemas-upnp-org:service:ContentDirectory:1", false},
      {"urn:schemas-upnp-org:device:MediaServer:1", "urn:schemas-upnp-org:service:ConnectionManager:1", false},
      {"urn:schemas-upnp-org:device:BinaryLight:1", "urn:schemas-upnp-org:service:WANIPConnection:2", true},
      {"urn:x:device:Box:1", "urn:dslforum-org:service:WANPPPConnection:1", true},
      {"urn:x:device:Box:1", "urn:schemas-upnp-org:service:layer3forwarding:1", true},
      {"urn:x:device:Box:1", "urn:schemas-upnp-org:service:DeviceProtection:1", true},
      {"urn:x:device:Box:1", "urn:schemas-wifialliance-org:service:WFAWLANConfig:1", true},
      {"urn:dslforum-org:device:InternetGatewayDevice:1", "urn:dslforum-org:service:X_Own:1", true},
      {"urn:schemas-upnp-org:device:WLANAccessPointDevice:1", "urn:x:service:X_Own:1", true},
      {NULL, "urn:x", false},
      {NULL, "", false},
  };
  for (size_t i = 0; i < TT_COUNT(all); i++) {
    struct up_description d = {.n_parts = 2, .n_services = 1};
    d.parts[0].type = all[i].device;
    d.parts[1].type = "urn:x:device:Inner:1";
    d.services[0] = (struct up_service){.type = all[i].service, .device = 1};
    if (up_is_of_network(&d, &d.services[0]) != all[i].is)
      fail_msg("%s in %s", all[i].service, all[i].device ? all[i].device : "?");
  }
}

/* Has no getters: evented variables are all that can be had, and what can be set is set. */
static void a_television(void **state)
{
  (void)state;
  struct json_object *json = describe("tvdevice", "tvdevicedesc.xml", 0);
#define TV "urn:schemas-upnp-org:service:tvcontrol:1"
  assert_point(json, "power", "{\"type\":\"boolean\",\"event\":{\"service\":\"" TV "\",\"variable\":\"Power\"}}");
  assert_point(json, "volume",
               "{\"type\":\"integer\",\"event\":{\"service\":\"" TV
               "\",\"variable\":\"Volume\"},\"write\":{\"call\":{"
               "\"service\":\"" TV
               "\",\"action\":\"SetVolume\",\"in\":{\"Volume\":\"${value}\"}},\"range\":[0,10],\"step\":1,"
               "\"verify\":\"none\"}}");
  json_object_put(json);
}

static void names_that_clash(void **state)
{
  (void)state;
  static const char device[] =
      "<root><device><UDN>uuid:1</UDN><serviceList>"
      "<service><serviceType>urn:x:service:First:1</serviceType><controlURL>a</controlURL>"
      "<eventSubURL>a</eventSubURL></service>"
      "<service><serviceType>urn:x:service:SecondOne:1</serviceType><controlURL>b</controlURL>"
      "<eventSubURL>b</eventSubURL></service></serviceList></device></root>";
  static const char text[] = "<scpd><serviceStateTable><stateVariable><name>HTTPStatus2Go</name></stateVariable>"
                             "</serviceStateTable></scpd>";
  struct up_description *d;
  struct up_scpd *scpd;
  char why[UP_WHY_SIZE];
  TT_AUTOBUF struct tt_buf out = TT_BUF(0), none = TT_BUF(0);
  assert_int_equal(up_description_parse(device, strlen(device), HOME, &d, why), 0);
  assert_int_equal(up_scpd_parse(text, strlen(text), &scpd, why), 0);
  const struct up_scpd *both[] = {scpd, scpd}, *neither[] = {NULL, NULL};
  assert_int_equal(up_describe(d, d->parts, both, false, &out, &n_withheld), 0);
  assert_non_null(strstr(out.data, "\"http_status2_go\":"));
  assert_non_null(strstr(out.data, "\"second_one_http_status2_go\":"));
  assert_int_equal(up_describe(d, d->parts, neither, false, &none, &n_withheld), -ENODATA);
  up_scpd_destroy(scpd);
  up_description_destroy(d);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_media_renderer),
      cmocka_unit_test(a_router),
      cmocka_unit_test(what_configures_the_network),
      cmocka_unit_test(names_of_the_network),
      cmocka_unit_test(a_television),
      cmocka_unit_test(names_that_clash),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
