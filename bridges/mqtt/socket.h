/* SPDX-License-Identifier: Apache-2.0
 *
 * socket.h: the sockets that Paho has made and does not show. On the link thread.
 */
#pragma once

#include <stdint.h>

/* What was sent and has not reached the broker by then never will: the system gives up the connection, and with it what
 * it still holds. Shorter than what a command may take when nothing else is said (10 s), so that none arrives after it was
 * answered with an error because the network was away. */
#define MQTT_UNDELIVERED_MS 5000

/* For every TCP connection of this process to this port: which of them is ours cannot be told, and all that lead to a
 * broker are to behave so. */
void mqtt_socket_limit(uint16_t port);
