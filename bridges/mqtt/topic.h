/* SPDX-License-Identifier: Apache-2.0
 *
 * topic.h: names and filters of MQTT topics (MQTT 3.1.1 and 5, section 4.7). Pure functions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define MQTT_TOPIC_MAX 1024 /* bytes of a topic or filter that we use; the protocol allows 65535 */

/* Why the text is not a topic name one may publish to, or NULL: it is one. */
const char *mqtt_topic_problem(const char *topic);
/* Why the text is not a filter one may subscribe to, or NULL: it is one. */
const char *mqtt_filter_problem(const char *filter);
bool mqtt_filter_has_wildcard(const char *filter);
/* Does the filter match the topic name of `n` bytes? Wildcards at the front do not match topics with `$`. */
bool mqtt_filter_matches(const char *filter, const char *topic, size_t n);
