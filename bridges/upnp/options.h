/* SPDX-License-Identifier: Apache-2.0
 *
 * options.h: what can be configured of the UPnP bridge, and the structs that the tables fill. Pure.
 */
#pragma once

#include <thingtree/bridge.h>

#define UP_SERVICES_MAX 32    /* names of services in one mapping */
#define UP_IN_MAX       32    /* arguments of one call */
#define UP_WHERE_MAX    8     /* conditions of one event */
#define UP_PORT_FIRST   49152 /* libupnp takes no port below */
#define UP_VALUE        "${value}"
#define UP_ARGUMENT     "${" TT_ARGUMENT_HOLE /* then the name and } */

struct up_connection {
  const char *interface;
  int64_t port;
  uint64_t timeout_us, subscribe_us, refresh_us;
};

struct up_device_options {
  const char *udn, *device_type, *service_type;
  const struct tt_item *services; /* name: urn */
  bool describe, network;
};

struct up_call {
  const char *service, *action, *out;
  const struct tt_item *in; /* argument: text */
};

struct up_event {
  const char *service, *variable, *last_change;
  const struct tt_item *where; /* attribute: text */
};

struct up_read_options {
  struct up_call call;
  struct up_event event;
};

struct up_write_options {
  struct up_call call;
};

struct up_command_options {
  struct up_call call;
};

extern const struct tt_option up_connection_table[], up_device_table[], up_read_table[], up_write_table[],
    up_command_table[];

/* ops->check. */
void up_check(const void *connection, const struct tt_device_config *device, struct tt_diags *diags);

/* Is the text ${argument:NAME}? Then which argument that is; n_arguments: none of the command. */
bool up_is_argument(const struct tt_command *command, const char *text, size_t *ret_argument);

/* The type behind a name of `services:`, or the name itself when it is a type; NULL: there is none. */
const char *up_service_type(const struct up_device_options *options, const char *name);
