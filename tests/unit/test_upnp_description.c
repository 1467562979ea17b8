/* SPDX-License-Identifier: Apache-2.0
 * description.c and xml.c: what devices say they are, and what they should not have said. */
#include "description.h"
#include "upnp_file.h"

static struct up_description *parse(const char *name)
{
  AUTOFILE struct file file = file_read(name);
  struct up_description *d = NULL;
  char why[UP_WHY_SIZE] = "";
  if (up_description_parse(file.data, file.n, HOME, &d, why) < 0)
    fail_msg("%s %s", name, why);
  return d;
}

static void refuse_text(const char *text, size_t n, const char *expected)
{
  struct up_description *d = (void *)-1;
  char why[UP_WHY_SIZE] = "";
  assert_true(up_description_parse(text, n, HOME, &d, why) < 0);
  assert_ptr_equal(d, (void *)-1);
  assert_string_equal(why, expected);
}

static void types_and_versions(void **state)
{
  (void)state;
  assert_true(up_type_satisfies("urn:x:device:Light:1", "urn:x:device:Light:1"));
  assert_true(up_type_satisfies("urn:x:device:Light:3", "urn:x:device:Light:1"));
  assert_true(up_type_satisfies("urn:x:device:Light:10", "urn:x:device:Light:9"));
  assert_false(up_type_satisfies("urn:x:device:Light:1", "urn:x:device:Light:2"));
  assert_false(up_type_satisfies("urn:x:device:Lights:1", "urn:x:device:Light:1"));
  assert_false(up_type_satisfies("urn:x:device:Light:1x", "urn:x:device:Light:1"));
  assert_true(up_type_satisfies("RootDevice", "RootDevice"));
  assert_true(up_type_is_urn("urn:schemas-upnp-org:device:Light:1"));
  assert_true(up_type_is_urn("urn:x:service:A:12"));
  assert_false(up_type_is_urn("urn:x:service::1"));
  assert_false(up_type_is_urn("urn:x:service:A"));
  assert_false(up_type_is_urn("urn:x:thing:A:1"));
  assert_false(up_type_is_urn("upnp:rootdevice"));
  assert_false(up_type_is_urn("urn:x:service:A:99999"));
}

static void a_media_renderer(void **state)
{
  (void)state;
  struct up_description *d = parse("mediarenderer/device.xml");
  assert_int_equal(d->n_parts, 1);
  assert_int_equal(d->n_services, 3);
  assert_string_equal(d->parts[0].name, "Dummy TV");
  assert_string_equal(d->parts[0].vendor, "Steven");
  assert_string_equal(d->parts[0].model, "DummyTV v1");
  assert_string_equal(d->services[2].type, "urn:schemas-upnp-org:service:AVTransport:1");
  assert_string_equal(d->services[2].control_url, "http://192.168.1.20:5000/upnp/control/AVTransport1");
  assert_string_equal(d->services[2].event_url, "http://192.168.1.20:5000/upnp/event/AVTransport1");
  assert_string_equal(d->services[2].scpd_url, "http://192.168.1.20:5000/AVTransport_1.xml");
  assert_null(up_description_match(d, "urn:schemas-upnp-org:device:MediaRenderer:2", NULL));
  up_description_destroy(d);
}

static void a_router_has_its_services_inside(void **state)
{
  (void)state;
  static const char ip[] = "urn:schemas-upnp-org:service:WANIPConnection:1";
  struct up_description *d = parse("igd/device.xml");
  assert_int_equal(d->n_parts, 3);
  assert_int_equal(d->n_services, 3);
  const struct up_part *root = up_description_find(d, "uuid:00000000-0000-0000-0000-000000000000");
  const struct up_part *inner = up_description_find(d, "UUID:00000000-0000-0000-0000-000000000002");
  assert_ptr_equal(root, &d->parts[0]);
  assert_ptr_equal(inner, &d->parts[2]);
  assert_string_equal(up_description_service(d, root, ip)->control_url, "http://192.168.1.20:5000/WANIPConnection");
  assert_non_null(up_description_service(d, inner, ip));
  assert_null(up_description_service(d, inner, "urn:schemas-upnp-org:service:Layer3Forwarding:1"));
  assert_ptr_equal(up_description_match(d, NULL, ip), root);
  assert_ptr_equal(up_description_match(d, "urn:schemas-upnp-org:device:WANDevice:1", ip), &d->parts[1]);
  up_description_destroy(d);
}

static void a_television(void **state)
{
  (void)state;
  struct up_description *d = parse("tvdevice/tvdevicedesc.xml");
  assert_string_equal(d->parts[0].udn, "uuid:Upnp-TVEmulator-1_0-1234567890001");
  assert_int_equal(d->n_services, 2);
  up_description_destroy(d);
}

static void odd_ones(void **state)
{
  (void)state;
  struct up_description *d = parse("malformed/device_embedded.xml"); /* the root's type is no urn */
  assert_int_equal(d->n_parts, 2);
  assert_ptr_equal(up_description_match(d, "urn:schemas-upnp-org:device:MediaRenderer:1", NULL), &d->parts[1]);
  up_description_destroy(d);
  d = parse("malformed/device_incomplete.xml");
  assert_int_equal(d->n_services, 0);
  up_description_destroy(d);
  AUTOFILE struct file empty = file_read("malformed/Empty_Descriptor.xml");
  refuse_text(empty.data, empty.n, "is empty");
}

/* A service at another host is none: the rest of the device remains. */
static void services_elsewhere_are_left_out(void **state)
{
  (void)state;
  static const char text[] = "<root><URLBase>http://10.0.0.1/</URLBase><device><UDN>uuid:1</UDN><serviceList>"
                             "<service><serviceType>urn:x:service:A:1</serviceType><controlURL>http://"
                             "127.0.0.1:8080/x</controlURL></service>"
                             "<service><serviceType>urn:x:service:B:1</serviceType><controlURL>b</controlURL>"
                             "<eventSubURL>http://192.168.1.20:22/</eventSubURL></service>"
                             "<service><controlURL>c</controlURL></service>"
                             "</serviceList></device></root>";
  struct up_description *d;
  char why[UP_WHY_SIZE];
  assert_int_equal(up_description_parse(text, strlen(text), HOME, &d, why), 0);
  assert_int_equal(d->n_services, 1);
  assert_string_equal(d->services[0].control_url, "http://192.168.1.20:5000/b");
  assert_null(d->services[0].event_url);
  up_description_destroy(d);
}

static void refused(void **state)
{
  (void)state;
#define REFUSE(text, why) refuse_text(text, strlen(text), why)
  REFUSE("<html><body/></html>", "describes no device");
  REFUSE("<root/>", "describes no device");
  REFUSE("<root><device/></root>", "has a device without a UDN");
  REFUSE("<root><device>", "is not well-formed XML");
  REFUSE("{}", "is not well-formed XML");
  REFUSE("<!DOCTYPE root [<!ENTITY a \"b\">]><root><device><UDN>&a;</UDN></device></root>",
         "has a document type declaration, which is refused");
  REFUSE("<!DOCTYPE root SYSTEM \"http://127.0.0.1/x.dtd\"><root/>",
         "has a document type declaration, which is refused");
  /* the same in UTF-16, which a look at the bytes does not find */
  static const char plain[] = "<!DOCTYPE root [<!ENTITY a \"b\">]><root/>";
  char wide[2 * sizeof plain + 2] = "\xff\xfe";
  for (size_t i = 0; i < sizeof plain - 1; i++) {
    wide[2 + 2 * i] = plain[i];
    wide[3 + 2 * i] = 0;
  }
  refuse_text(wide, 2 * sizeof plain, "has a document type declaration, which is refused");
}

static void limits(void **state)
{
  (void)state;
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  for (int i = 0; i < UP_XML_DEPTH_MAX + 1; i++)
    tt_buf_puts(&text, "<a>");
  for (int i = 0; i < UP_XML_DEPTH_MAX + 1; i++)
    tt_buf_puts(&text, "</a>");
  refuse_text(text.data, text.len, "is nested too deeply");
  tt_buf_truncate(&text, 0);
  for (int i = 0; i < 50000; i++)
    tt_buf_puts(&text, "<a>");
  assert_true(text.len < UP_SCPD_SIZE_MAX);
  refuse_text(text.data, text.len, "is not well-formed XML");
  tt_buf_truncate(&text, 0);
  tt_buf_puts(&text, "<root><device><UDN>uuid:0</UDN><deviceList>");
  for (int i = 0; i < UP_TREE_DEVICES_MAX; i++)
    tt_buf_puts(&text, "<device><UDN>uuid:1</UDN></device>");
  tt_buf_puts(&text, "</deviceList></device></root>");
  refuse_text(text.data, text.len, "has too many devices");
  tt_buf_truncate(&text, 0);
  tt_buf_puts(&text, "<root><device><UDN>uuid:0</UDN><serviceList>");
  for (int i = 0; i < UP_TREE_SERVICES_MAX + 1; i++)
    tt_buf_puts(&text, "<service><serviceType>t</serviceType><controlURL>/c</controlURL></service>");
  tt_buf_puts(&text, "</serviceList></device></root>");
  refuse_text(text.data, text.len, "has too many services");
  tt_buf_truncate(&text, 0);
  while (text.len <= UP_SCPD_SIZE_MAX)
    tt_buf_puts(&text, "<a/>                                                                        ");
  tt_buf_puts(&text, "x");
  refuse_text(text.data, text.len, "is too large");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(types_and_versions),
      cmocka_unit_test(a_media_renderer),
      cmocka_unit_test(a_router_has_its_services_inside),
      cmocka_unit_test(a_television),
      cmocka_unit_test(odd_ones),
      cmocka_unit_test(services_elsewhere_are_left_out),
      cmocka_unit_test(refused),
      cmocka_unit_test(limits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
