/* SPDX-License-Identifier: Apache-2.0
 *
 * soap.c: SOAP as UPnP has it.
 */
#include "soap.h"

#include <stdio.h>

#define FAULT_TEXT_MAX 96 /* bytes of a device's own words in a message */

static void escape(struct tt_buf *out, const char *text)
{
  for (; *text; text++) {
    switch (*text) {
    case '<':
      tt_buf_puts(out, "&lt;");
      break;
    case '>':
      tt_buf_puts(out, "&gt;");
      break;
    case '&':
      tt_buf_puts(out, "&amp;");
      break;
    default:
      tt_buf_putc(out, *text);
      break;
    }
  }
}

int up_soap_compose(const char *service_type, const char *action, const struct up_text_argument arguments[],
                    size_t n, struct tt_buf *out)
{
  tt_buf_puts(out, "<?xml version=\"1.0\"?>\r\n"
                   "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
                   "s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>");
  tt_buf_printf(out, "<u:%s xmlns:u=\"%s\">", action, service_type);
  for (size_t i = 0; i < n; i++) {
    tt_buf_printf(out, "<%s>", arguments[i].name);
    escape(out, arguments[i].text);
    tt_buf_printf(out, "</%s>", arguments[i].name);
  }
  tt_buf_printf(out, "</u:%s></s:Body></s:Envelope>\r\n", action);
  return !out->failed ? 0 : out->limit ? -EMSGSIZE : -ENOMEM;
}

void up_soap_action(char out[static UP_SOAP_ACTION_MAX], const char *service_type, const char *action)
{
  snprintf(out, UP_SOAP_ACTION_MAX, "\"%s#%s\"", service_type, action);
}

/* ---- Faults --------------------------------------------------------------------------------------------------- */
/* The codes of the architecture that mean something special; all others are the service's own. */
static const struct fault {
  int code, error;
  const char *text;
} faults[] = {
    {401, EOPNOTSUPP, "no such action"},
    {402, EINVAL, "invalid arguments"},
    {501, EREMOTEIO, "action failed"},
    {600, EINVAL, "argument value invalid"},
    {601, ERANGE, "argument value out of range"},
    {602, EOPNOTSUPP, "optional action not implemented"},
    {603, EREMOTEIO, "out of memory"},
    {604, EREMOTEIO, "human intervention required"},
    {605, EINVAL, "text argument too long"},
    {606, EACCES, "action not authorized"},
};

static int read_fault(const xmlNode *node, const char *action, char why[static UP_WHY_SIZE])
{
  const xmlNode *error = up_xml_child(up_xml_child(node, "detail"), "UPnPError");
  char *code_text = up_xml_text(up_xml_child(error, "errorCode"));
  char *own = up_xml_text(up_xml_child(error, error ? "errorDescription" : "faultstring"));
  if (!error && !own)
    own = up_xml_text(up_xml_child(node, "faultstring"));
  char words[FAULT_TEXT_MAX];
  int64_t code = 0;
  int r = -EREMOTEIO;
  const char *text = "";
  if (code_text && tt_int64_parse(code_text, &code) < 0)
    code = 0;
  for (size_t i = 0; i < TT_COUNT(faults); i++)
    if (faults[i].code == code) {
      r = -faults[i].error;
      text = faults[i].text;
    }
  if (own && *own)
    text = tt_text_printable(words, sizeof words, own, strlen(own));
  if (code)
    snprintf(why, UP_WHY_SIZE, "the device answers %s with error %lld%s%s", action, (long long)code,
             *text ? ", " : "", text);
  else
    snprintf(why, UP_WHY_SIZE, "the device answers %s with an error%s%s", action, *text ? ", " : "", text);
  xmlFree(code_text);
  xmlFree(own);
  return r;
}

static bool is_response(const xmlNode *node, const char *action)
{
  size_t n = strlen(action);
  const char *name = (const char *)node->name;
  return strncmp(name, action, n) == 0 && strcmp(name + n, "Response") == 0;
}

int up_soap_answer(const char *data, size_t n, const char *action, xmlDoc **ret_doc, const xmlNode **ret_response,
                   char why[static UP_WHY_SIZE])
{
  char reason[UP_WHY_SIZE];
  xmlDoc *doc = NULL;
  if (up_xml_parse(data, n, UP_XML_SIZE_MAX, &doc, reason) < 0) {
    snprintf(why, UP_WHY_SIZE, "the answer to %s %.128s", action, reason);
    return -EPROTO;
  }
  xmlNode *body = up_xml_child(xmlDocGetRootElement(doc), "Body");
  xmlNode *first = body ? up_xml_element(body->children) : NULL;
  int r = 0;
  if (!first) {
    snprintf(why, UP_WHY_SIZE, "the answer to %s is not SOAP", action);
    r = -EPROTO;
  } else if (up_xml_is(first, "Fault")) {
    r = read_fault(first, action, why);
  } else if (!is_response(first, action)) {
    snprintf(why, UP_WHY_SIZE, "the answer to %s is that to something else", action);
    r = -EPROTO;
  }
  if (r < 0) {
    xmlFreeDoc(doc);
    return r;
  }
  *ret_doc = doc;
  *ret_response = first;
  return 0;
}
