/* SPDX-License-Identifier: Apache-2.0
 *
 * commands.c: what an action that was called as a command has answered: its out arguments as a sentence, and those that are
 * the state variable of a point as values of that point.
 */
#include "instance.h"
#include "soap.h"

#include <stdio.h>

#define SAID_MAX 400 /* bytes of all out arguments together; the host has little more room */

static const struct up_variable *out_variable(const struct up_scpd *scpd, const char *action_name, const char *out)
{
  const struct up_action *action = scpd && action_name ? up_scpd_action(scpd, action_name) : NULL;
  const struct up_argument *argument = action && out ? up_action_argument(action, out, true) : NULL;
  return argument ? argument->variable : NULL;
}

/* Is the point that state variable of this service? By what reads it, else by the event that tells it. */
static bool is_point_of(const struct up_device *d, const struct up_read_options *read, size_t service,
                        const struct up_variable *variable)
{
  if (read->call.action && up_service_of(d, read->call.service) == service)
    return out_variable(d->scpds[service], read->call.action, read->call.out) == variable;
  const char *name = read->event.variable ? read->event.variable : read->event.last_change;
  return !read->call.action && name && up_service_of(d, read->event.service) == service &&
         strcmp(name, variable->name) == 0;
}

static void report_out(struct up_device *d, size_t service, const struct up_variable *variable, const char *text,
                       const char *action)
{
  for (size_t i = 0; i < d->config->n_points; i++) {
    const struct up_read_options *read = d->config->points[i].address;
    if (read && is_point_of(d, read, service, variable))
      up_report_text(d, (uint16_t)i, variable, text, action);
  }
}

/* "Track=3, Uri=..."; false: not all of it had room. */
static bool say(struct tt_buf *said, const char *name, const char *text)
{
  char shown[SAID_MAX];
  size_t used = said->len + strlen(name) + strlen(", =");
  if (used >= SAID_MAX - 8)
    return false;
  tt_text_printable(shown, SAID_MAX - used, text, strlen(text));
  tt_buf_printf(said, "%s%s=%s", said->len ? ", " : "", name, shown);
  return strlen(shown) >= strlen(text);
}

void up_command_answered(struct up_device *d, size_t service, const char *action_name, const xmlNode *response,
                         char out[static UP_SAID_SIZE])
{
  const struct up_scpd *scpd = d->scpds[service];
  const struct up_action *action = scpd ? up_scpd_action(scpd, action_name) : NULL;
  TT_AUTOBUF struct tt_buf said = TT_BUF(0);
  bool is_all = true;
  for (size_t i = 0; action && i < action->n_arguments; i++) {
    const struct up_argument *a = &action->arguments[i];
    xmlNode *element = a->is_out ? up_xml_child(response, a->name) : NULL;
    if (!element)
      continue;
    char *text = up_xml_text(element);
    report_out(d, service, a->variable, text ? text : "", action_name);
    is_all &= say(&said, a->name, text ? text : "");
    xmlFree(text);
  }
  snprintf(out, UP_SAID_SIZE, "%s%s", said.data ? said.data : "", is_all ? "" : " \u2026");
}
