/* SPDX-License-Identifier: Apache-2.0
 *
 * options.c: option tables of the UPnP bridge.
 */
#include "options.h"

#include "description.h"

#define AT(struct_, member) .offset = offsetof(struct struct_, member)

const struct tt_option up_connection_table[] = {
    {.name = "interface",
     .type = TT_OPTION_STRING,
     AT(up_connection, interface),
     .flags = TT_OPTION_REQUIRED | TT_OPTION_ADDRESS,
     .help = "The network interface that the devices are at, such as eth0. It needs an IPv4 address."},
    {.name = "port",
     .type = TT_OPTION_INTEGER,
     AT(up_connection, port),
     .preset = "0",
     .min = 0,
     .max = 65535,
     .help = "TCP port on which devices deliver their events, 49152 or higher. 0: the first free one."},
    {.name = "timeout",
     .type = TT_OPTION_DURATION,
     AT(up_connection, timeout_us),
     .preset = "5s",
     .min = 100e3,
     .max = 30e6,
     .help = "How long a device may take to answer one request."},
    {.name = "subscribe",
     .type = TT_OPTION_DURATION,
     AT(up_connection, subscribe_us),
     .preset = "5min",
     .min = 60e6,
     .max = 24.0 * 3600e6,
     .help = "How long a subscription to events is asked for; it is renewed before that time is over."},
    {.name = "refresh",
     .type = TT_OPTION_DURATION,
     AT(up_connection, refresh_us),
     .preset = "1min",
     .min = 1e6,
     .max = 24.0 * 3600e6,
     .help = "How often points with an event are read while there is no subscription to it."},
    TT_OPTION_END,
};

const struct tt_option up_device_table[] = {
    {.name = "udn",
     .type = TT_OPTION_STRING,
     AT(up_device_options, udn),
     .help = "Unique device name, uuid:...: this very device. It may be embedded in another one."},
    {.name = "device_type",
     .type = TT_OPTION_STRING,
     AT(up_device_options, device_type),
     .help = "The first device of this type, urn:schemas-upnp-org:device:NAME:VERSION, or of a later version. With "
             "udn: "
             "the device must be of it."},
    {.name = "service_type",
     .type = TT_OPTION_STRING,
     AT(up_device_options, service_type),
     .help =
         "The first device with a service of this type, or of a later version. With udn: the device must have it."},
    {.name = "services",
     .type = TT_OPTION_ITEM,
     AT(up_device_options, services),
     .help =
         "Short names for service types, {sw: \"urn:schemas-upnp-org:service:SwitchPower:1\"}, for the points."},
    {.name = "describe",
     .type = TT_OPTION_BOOLEAN,
     AT(up_device_options, describe),
     .preset = "false",
     .help = "Make points of what the device says of its services, beside those of the mapping."},
    {.name = "network",
     .type = TT_OPTION_BOOLEAN,
     AT(up_device_options, network),
     .preset = "false",
     .help =
         "With describe: also writes and commands of services that configure the network, as those of routers do."},
    TT_OPTION_END,
};

#define CALL_KEYS                                                                                                  \
  {.name = "service",                                                                                              \
   .type = TT_OPTION_STRING,                                                                                       \
   AT(up_call, service),                                                                                           \
   .help = "Whose action: a name under services, or a service type."},                                             \
      {.name = "action", .type = TT_OPTION_STRING, AT(up_call, action), .help = "Name of the action."},            \
  {                                                                                                                \
    .name = "in", .type = TT_OPTION_ITEM, AT(up_call, in),                                                         \
    .help = "Arguments, {InstanceID: 0}; in a write, one of them is ${value}, in a command, some may be "          \
            "${argument:NAME}."                                                                                    \
  }

static const struct tt_option read_call_table[] = {
    CALL_KEYS,
    {.name = "out",
     .type = TT_OPTION_STRING,
     AT(up_call, out),
     .help = "Which argument of the answer is the value."},
    TT_OPTION_END,
};

static const struct tt_option write_call_table[] = {CALL_KEYS, TT_OPTION_END};

static const struct tt_option event_table[] = {
    {.name = "service",
     .type = TT_OPTION_STRING,
     AT(up_event, service),
     .help = "Whose event: a name under services, or a service type."},
    {.name = "variable", .type = TT_OPTION_STRING, AT(up_event, variable), .help = "An evented state variable."},
    {.name = "last_change",
     .type = TT_OPTION_STRING,
     AT(up_event, last_change),
     .help = "A variable within the event LastChange, as services of media devices have it."},
    {.name = "where",
     .type = TT_OPTION_ITEM,
     AT(up_event, where),
     .help = "What it must have beside, {Channel: Master}. InstanceID is 0 unless it is given."},
    TT_OPTION_END,
};

const struct tt_option up_read_table[] = {
    {.name = "call",
     .type = TT_OPTION_TABLE,
     AT(up_read_options, call),
     .table = read_call_table,
     .help = "The action that reads the value."},
    {.name = "event",
     .type = TT_OPTION_TABLE,
     AT(up_read_options, event),
     .table = event_table,
     .help = "The event that tells the value by itself."},
    TT_OPTION_END,
};

const struct tt_option up_write_table[] = {
    {.name = "call",
     .type = TT_OPTION_TABLE,
     AT(up_write_options, call),
     .table = write_call_table,
     .help = "The action that writes the value."},
    TT_OPTION_END,
};

const struct tt_option up_command_table[] = {
    {.name = "call",
     .type = TT_OPTION_TABLE,
     AT(up_command_options, call),
     .table = write_call_table,
     .help = "The action that is called."},
    TT_OPTION_END,
};

bool up_is_argument(const struct tt_command *command, const char *text, size_t *ret_argument)
{
  size_t n = strlen(text), begin = strlen(UP_ARGUMENT);
  if (strncmp(text, UP_ARGUMENT, begin) != 0 || n < begin + 2 || text[n - 1] != '}')
    return false;
  for (size_t i = 0; i < command->n_arguments; i++) {
    const char *name = command->arguments[i].name;
    if (strlen(name) == n - begin - 1 && strncmp(name, text + begin, n - begin - 1) == 0) {
      *ret_argument = i;
      return true;
    }
  }
  *ret_argument = command->n_arguments;
  return true;
}

const char *up_service_type(const struct up_device_options *options, const char *name)
{
  const struct tt_item *item = options->services ? tt_item_get(options->services, name) : NULL;
  if (item)
    return item->kind == TT_ITEM_SCALAR ? item->text : NULL;
  return up_type_is_urn(name) ? name : NULL;
}
