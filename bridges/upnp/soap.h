/* SPDX-License-Identifier: Apache-2.0
 *
 * soap.h: calling an action (UPnP Device Architecture 1.1, section 3): the request, the answer, the fault. Pure.
 */
#pragma once

#include "xml.h"

#define UP_SOAP_ACTION_MAX 320 /* bytes of the header's value */
#define UP_SOAP_SIZE_MAX   (32u * 1024)

struct up_text_argument {
  const char *name, *text;
};

/* The body; -EMSGSIZE when it is too large, -ENOMEM. */
int up_soap_compose(const char *service_type, const char *action, const struct up_text_argument arguments[],
                    size_t n, struct tt_buf *out);
/* The value of the header SOAPACTION: "urn:...:SwitchPower:1#GetStatus", in quotes. */
void up_soap_action(char out[static UP_SOAP_ACTION_MAX], const char *service_type, const char *action);

/* What a device answered. 0: `*ret_response` is the element whose children are the out arguments, within `*ret_doc`, which
 * the caller frees. Else the fault as an error and, in `why`, for people: -EOPNOTSUPP, -EINVAL, -EACCES, -EREMOTEIO; or
 * -EPROTO when it is no answer to this action. */
int up_soap_answer(const char *data, size_t n, const char *action, xmlDoc **ret_doc, const xmlNode **ret_response,
                   char why[static UP_WHY_SIZE]);
