/* SPDX-License-Identifier: Apache-2.0
 *
 * probe.h: why a broker cannot be reached. Paho says only that it failed; people need to know whether the name, the
 * port or the certificate is wrong, and which. Blocking: on the link's own thread only.
 */
#pragma once

#include "options.h"

#define MQTT_PROBE_TEXT 512

/* Look the name up. Paho does the same while it holds its one lock, with every connection of the process waiting;
 * so a name that is not found is found out here first. -ENOENT with the reason in `why`. */
int mqtt_probe_name(const struct mqtt_broker *broker, char why[static MQTT_PROBE_TEXT]);
/* Connect as Paho did and write what is wrong into `why`. `stop_fd` readable ends it early. 0: nothing is wrong up
 * to here; negative errno: `why` is written. */
int mqtt_probe(const struct mqtt_connection *options, const struct mqtt_broker *broker, int stop_fd,
               char why[static MQTT_PROBE_TEXT]);
