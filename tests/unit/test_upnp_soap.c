/* SPDX-License-Identifier: Apache-2.0
 * soap.c: what is sent, and what comes back. */
#include "soap.h"
#include "upnp_file.h"

static void a_request(void **state)
{
  (void)state;
  static const struct up_text_argument arguments[] = {{"InstanceID", "0"}, {"Title", "a < b & \"c\""}};
  TT_AUTOBUF struct tt_buf out = TT_BUF(UP_SOAP_SIZE_MAX);
  char action[UP_SOAP_ACTION_MAX], why[UP_WHY_SIZE];
  assert_int_equal(up_soap_compose("urn:x:service:A:1", "Set", arguments, 2, &out), 0);
  assert_non_null(strstr(out.data, "<u:Set xmlns:u=\"urn:x:service:A:1\"><InstanceID>0</InstanceID>"
                                   "<Title>a &lt; b &amp; \"c\"</Title></u:Set>"));
  xmlDoc *doc = NULL;
  assert_int_equal(up_xml_parse(out.data, out.len, UP_XML_SIZE_MAX, &doc, why), 0);
  xmlFreeDoc(doc);
  up_soap_action(action, "urn:x:service:A:1", "Set");
  assert_string_equal(action, "\"urn:x:service:A:1#Set\"");
  TT_AUTOBUF struct tt_buf little = TT_BUF(64);
  assert_int_equal(up_soap_compose("urn:x:service:A:1", "Set", arguments, 2, &little), -EMSGSIZE);
}

static void answer(const char *name, const char *action, int expected, const char *out, const char *text)
{
  AUTOFILE struct file file = file_read(name);
  xmlDoc *doc = NULL;
  const xmlNode *response = NULL;
  char why[UP_WHY_SIZE] = "";
  assert_int_equal(up_soap_answer(file.data, file.n, action, &doc, &response, why), expected);
  if (expected < 0) {
    assert_string_equal(why, text);
    assert_null(doc);
    return;
  }
  if (out) {
    char *value = up_xml_text(up_xml_child(response, out));
    assert_string_equal(value, text);
    xmlFree(value);
  }
  xmlFreeDoc(doc);
}

static void answers_of_devices(void **state)
{
  (void)state;
  answer("mediarenderer/action_GetVolume.xml", "GetVolume", 0, "CurrentVolume", "3");
  answer("mediarenderer/action_SetVolume.xml", "SetVolume", 0, NULL, NULL);
  answer("mediarenderer/action_GetPositionInfo.xml", "GetPositionInfo", 0, "TrackDuration", "00:03:14");
  answer("mediarenderer/action_GetMediaInfo.xml", "GetMediaInfo", 0, "CurrentURI", "uri://1.mp3");
  answer("igd/action_WANCIC_GetTotalBytesReceived.xml", "GetTotalBytesReceived", 0, "NewTotalBytesReceived",
         "1337");
  answer("malformed/action_GetVolumeInvalidServiceType.xml", "GetVolume", 0, "CurrentVolume", "3");
  answer("mediarenderer/action_GetVolumeError.xml", "GetVolume", -EINVAL, NULL,
         "the device answers GetVolume with error 402, Invalid Args");
  answer("mediarenderer/action_GetVolume.xml", "GetMute", -EPROTO, NULL,
         "the answer to GetMute is that to something else");
  answer("mediarenderer/device.xml", "GetMute", -EPROTO, NULL, "the answer to GetMute is not SOAP");
  answer("malformed/Empty_Descriptor.xml", "GetMute", -EPROTO, NULL, "the answer to GetMute is empty");
}

static void faults(void **state)
{
  (void)state;
  static const struct {
    const char *inside;
    int error;
    const char *why;
  } all[] = {
      {"<detail><UPnPError><errorCode>401</errorCode></UPnPError></detail>", -EOPNOTSUPP,
       "the device answers A with error 401, no such action"},
      {"<detail><UPnPError><errorCode>606</errorCode></UPnPError></detail>", -EACCES,
       "the device answers A with error 606, action not authorized"},
      {"<detail><UPnPError><errorCode>701</errorCode><errorDescription>Transition not available</errorDescription>"
       "</UPnPError></detail>",
       -EREMOTEIO, "the device answers A with error 701, Transition not available"},
      {"<detail><UPnPError><errorCode>x</errorCode></UPnPError></detail>", -EREMOTEIO,
       "the device answers A with an error"},
      {"<faultstring>busy</faultstring>", -EREMOTEIO, "the device answers A with an error, busy"},
      {"", -EREMOTEIO, "the device answers A with an error"},
  };
  for (size_t i = 0; i < TT_COUNT(all); i++) {
    char text[600], why[UP_WHY_SIZE] = "";
    xmlDoc *doc;
    const xmlNode *response;
    snprintf(text, sizeof text, "<s:Envelope xmlns:s='x'><s:Body><s:Fault>%s</s:Fault></s:Body></s:Envelope>",
             all[i].inside);
    assert_int_equal(up_soap_answer(text, strlen(text), "A", &doc, &response, why), all[i].error);
    assert_string_equal(why, all[i].why);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request),
      cmocka_unit_test(answers_of_devices),
      cmocka_unit_test(faults),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
