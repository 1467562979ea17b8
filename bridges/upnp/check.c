/* SPDX-License-Identifier: Apache-2.0
 *
 * check.c: what the option tables of the UPnP bridge cannot express. Pure.
 */
#include "description.h"
#include "options.h"

#include <ctype.h>
#include <net/if.h>

static const struct tt_mark nowhere; /* the configuration puts the connection's own position in its place */

/* A place in the file, what is looked at there ("volume: call"), and where to tell. */
struct place {
  struct tt_mark mark;
  const char *point, *what;
  const struct up_device_options *device;
  struct tt_diags *diags;
};

static void check_urn(const struct place *p, const char *what, const char *type)
{
  if (type && !up_type_is_urn(type)) {
    tt_diag(p->diags, TT_SEVERITY_ERROR, "bad-urn", p->mark, "%s: \"%s\" is no type of UPnP", what, type);
    tt_diag_help(p->diags, "types look like urn:schemas-upnp-org:device:BinaryLight:1");
  }
}

static void check_services(struct place p)
{
  const struct tt_item *services = p.device->services;
  if (!services)
    return;
  p.mark = services->mark;
  if (services->kind != TT_ITEM_MAP || services->n > UP_SERVICES_MAX) {
    tt_diag(p.diags, TT_SEVERITY_ERROR, "unknown-service", p.mark,
            "services: must be a map of names to at most %d service types", UP_SERVICES_MAX);
    return;
  }
  for (size_t i = 0; i < services->n; i++) {
    const struct tt_item *item = services->items[i];
    p.mark = item->mark;
    check_urn(&p, "services", item->kind == TT_ITEM_SCALAR ? item->text : "");
  }
}

static void check_service(const struct place *p, const char *service)
{
  if (!service) {
    tt_diag(p->diags, TT_SEVERITY_ERROR, "incomplete-call", p->mark, "%s: %s names no service", p->point, p->what);
    return;
  }
  if (up_service_type(p->device, service))
    return;
  tt_diag(p->diags, TT_SEVERITY_ERROR, "unknown-service", p->mark,
          "%s: %s names the service \"%s\", which is not there", p->point, p->what, service);
  const struct tt_item *services = p->device->services;
  const char *close =
      services && services->kind == TT_ITEM_MAP ? tt_closest(service, services->keys, services->n) : NULL;
  if (close)
    tt_diag_help(p->diags, "did you mean \"%s\"?", close);
  else
    tt_diag_help(p->diags, "give it a name under services:, or write its type");
}

/* Names of actions, arguments and variables become names in XML. */
static bool is_name(const char *text)
{
  size_t n = strlen(text);
  if (n == 0 || n > 64 || !(isalpha((unsigned char)*text) || *text == '_'))
    return false;
  return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n;
}

static void check_name(const struct place *p, const char *what, const char *name)
{
  if (!name)
    tt_diag(p->diags, TT_SEVERITY_ERROR, "incomplete-call", p->mark, "%s: %s has no %s", p->point, p->what, what);
  else if (!is_name(name))
    tt_diag(p->diags, TT_SEVERITY_ERROR, "bad-upnp-name", p->mark, "%s: %s: \"%s\" cannot be the name of a UPnP %s",
            p->point, p->what, name, what);
}

/* A map of names to texts; how many of these are ${value}. */
static unsigned check_texts(const struct place *p, const char *key, const struct tt_item *map, size_t max)
{
  unsigned n_values = 0;
  if (!map)
    return 0;
  if (map->kind != TT_ITEM_MAP || map->n > max) {
    tt_diag(p->diags, TT_SEVERITY_ERROR, "bad-argument", map->mark, "%s: %s: %s must be a map of at most %zu texts",
            p->point, p->what, key, max);
    return 0;
  }
  for (size_t i = 0; i < map->n; i++) {
    struct place one = *p;
    one.mark = map->items[i]->mark;
    check_name(&one, "argument", map->keys[i]);
    if (map->items[i]->kind != TT_ITEM_SCALAR)
      tt_diag(p->diags, TT_SEVERITY_ERROR, "bad-argument", one.mark, "%s: %s: %s is no text", p->point, p->what,
              map->keys[i]);
    else
      n_values += strcmp(map->items[i]->text, UP_VALUE) == 0;
  }
  return n_values;
}

static unsigned check_call(const struct place *p, const struct up_call *call)
{
  check_service(p, call->service);
  check_name(p, "action", call->action);
  return check_texts(p, "in", call->in, UP_IN_MAX);
}

static bool is_given(const struct up_call *call)
{
  return call->service || call->action || call->out || call->in;
}

static void check_event(const struct place *p, const struct up_event *event)
{
  check_service(p, event->service);
  check_texts(p, "where", event->where, UP_WHERE_MAX);
  if (event->variable && event->last_change)
    tt_diag(p->diags, TT_SEVERITY_ERROR, "bad-argument", p->mark, "%s: event has variable and last_change",
            p->point);
  else
    check_name(p, "variable", event->variable ? event->variable : event->last_change);
  if (event->variable && event->where)
    tt_diag(p->diags, TT_SEVERITY_ERROR, "bad-argument", p->mark, "%s: where: goes with last_change only",
            p->point);
}

static void check_read(struct place p, const struct up_read_options *read)
{
  const struct up_event *event = &read->event;
  bool has_event = event->service || event->variable || event->last_change || event->where;
  bool has_call = is_given(&read->call);
  if (!has_call && !has_event) {
    tt_diag(p.diags, TT_SEVERITY_ERROR, "no-call", p.mark, "%s has neither call nor event", p.point);
    return;
  }
  p.what = "call";
  if (has_call) {
    check_call(&p, &read->call);
    check_name(&p, "out", read->call.out);
  }
  p.what = "event";
  if (has_event)
    check_event(&p, event);
}

static void check_write(struct place p, const struct up_write_options *write)
{
  p.what = "write";
  if (!is_given(&write->call)) {
    tt_diag(p.diags, TT_SEVERITY_ERROR, "no-call", p.mark, "%s: write has no call", p.point);
    return;
  }
  unsigned n = check_call(&p, &write->call);
  if (n == 0)
    tt_diag(p.diags, TT_SEVERITY_ERROR, "bad-argument", p.mark, "%s: write: no argument is " UP_VALUE, p.point);
}

/* Every argument goes somewhere, and nothing else stands for one. */
static void check_arguments(const struct place *p, const struct tt_command *command, const struct tt_item *in)
{
  bool is_used[TT_ARGUMENTS_MAX] = {false};
  for (size_t i = 0; in && in->kind == TT_ITEM_MAP && i < in->n; i++) {
    const char *text = in->items[i]->kind == TT_ITEM_SCALAR ? in->items[i]->text : "";
    size_t argument;
    if (!up_is_argument(command, text, &argument)) {
      if (strstr(text, UP_ARGUMENT))
        tt_diag(p->diags, TT_SEVERITY_ERROR, "bad-argument", in->items[i]->mark,
                "%s: %s: an argument of the command is all of the text, or nothing of it", p->point, in->keys[i]);
    } else if (argument == command->n_arguments) {
      tt_diag(p->diags, TT_SEVERITY_ERROR, "bad-argument", in->items[i]->mark,
              "%s: %s: the command has no such argument", p->point, in->keys[i]);
    } else {
      is_used[argument] = true;
    }
  }
  for (size_t i = 0; i < command->n_arguments; i++)
    if (!is_used[i])
      tt_diag(p->diags, TT_SEVERITY_ERROR, "bad-argument", command->arguments[i].mark,
              "%s: nothing is ${" TT_ARGUMENT_HOLE "%s}", p->point, command->arguments[i].name);
}

static void check_command(struct place p, const struct tt_command *command)
{
  const struct up_command_options *options = command->address;
  p.what = "call";
  if (!is_given(&options->call)) {
    tt_diag(p.diags, TT_SEVERITY_ERROR, "no-call", p.mark, "%s has no call", p.point);
    return;
  }
  if (check_call(&p, &options->call) > 0)
    tt_diag(p.diags, TT_SEVERITY_ERROR, "bad-argument", p.mark, "%s: a command has no " UP_VALUE, p.point);
  check_arguments(&p, command, options->call.in);
}

static void check_connection(const struct up_connection *connection, struct tt_diags *diags)
{
  size_t n = connection->interface ? strlen(connection->interface) : 0;
  if (n >= IF_NAMESIZE)
    tt_diag(diags, TT_SEVERITY_ERROR, "bad-interface", nowhere, "\"%s\" cannot be the name of an interface",
            connection->interface);
  if (connection->interface && strcmp(connection->interface, "lo") == 0)
    tt_diag(diags, TT_SEVERITY_ERROR, "bad-interface", nowhere,
            "UPnP needs multicast, which the interface lo has not");
  if (connection->port > 0 && connection->port < UP_PORT_FIRST)
    tt_diag(diags, TT_SEVERITY_ERROR, "bad-port", nowhere,
            "events cannot be taken at port %d: libupnp takes 0 (any) or %d to 65535", (int)connection->port,
            UP_PORT_FIRST);
}

void up_check(const void *connection, const struct tt_device_config *device, struct tt_diags *diags)
{
  if (!device) {
    check_connection(connection, diags);
    return;
  }
  const struct up_device_options *options = device->options;
  struct place p = {.mark = device->mark, .device = options, .diags = diags};
  if (!options->udn && !options->device_type && !options->service_type)
    tt_diag(diags, TT_SEVERITY_ERROR, "no-device", device->mark,
            "which device it is, is not said: udn, device_type or service_type");
  if (options->udn && (strncmp(options->udn, "uuid:", 5) != 0 || strlen(options->udn) > UP_UDN_MAX))
    tt_diag(diags, TT_SEVERITY_ERROR, "bad-udn", device->mark,
            "udn: \"%s\" does not begin with uuid:, or is too long", options->udn);
  check_urn(&p, "device_type", options->device_type);
  check_urn(&p, "service_type", options->service_type);
  check_services(p);
  for (size_t i = 0; i < device->n_points; i++) {
    const struct tt_point *point = &device->points[i];
    p.mark = point->mark;
    p.point = point->name;
    if (point->address)
      check_read(p, point->address);
    if (point->write)
      check_write(p, point->write->address);
  }
  for (size_t i = 0; i < device->n_commands; i++) {
    p.mark = device->commands[i].mark;
    p.point = device->commands[i].name;
    check_command(p, &device->commands[i]);
  }
}
