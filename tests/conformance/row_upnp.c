/* SPDX-License-Identifier: Apache-2.0
 * UPnP with simulated devices in a network of their own. A peer that vanishes takes the interface with it: that the library
 * listens is all that a connection of UPnP can be. */
#define _GNU_SOURCE /* upnp_peer.h */
#include "row.h"

#include "upnp_peer.h"

#include <thingtree/bridge.h>

extern const struct tt_bridge_ops tt_bridge_upnp;

static struct upnp_peer peer;

static void with(char *out, size_t size, unsigned device)
{
  snprintf(out, size, "udn: \"uuid:conformance-%u\"", device);
}

static void connection(char *out, size_t size)
{
  snprintf(out, size, "    interface: " UPNP_INTERFACE "\n    timeout: 3s\n");
}

static void start(void)
{
  upnp_peer_start(&peer, "200");
}

static void stop(void)
{
  upnp_peer_stop(&peer);
}

static void join(struct world *w TT_UNUSED)
{
}

static void leave(void)
{
}

static void back(struct world *w TT_UNUSED)
{
  start();
}

static void silence(bool is_silent)
{
  upnp_peer_tell(&peer, is_silent ? "silent 1" : "silent 0");
}

static unsigned commands(void)
{
  return upnp_peer_count(&peer, "writes");
}

const struct row row_upnp = {
    .name = "upnp",
    .builtin = &tt_bridge_upnp,
    .where = UPNP_INTERFACE,
    .mapping =
        "params: {udn: {type: string}}\n"
        "udn: \"${udn}\"\n"
        "device_type: \"urn:thingtree:device:Level:1\"\n"
        "services: {level: \"urn:thingtree:service:Level:1\"}\n"
        "points:\n"
        "  level:\n"
        "    call: {service: level, action: GetLevel, out: CurrentLevel}\n"
        "    type: integer\n"
        "    write: {call: {service: level, action: SetLevel, in: {NewLevel: \"${value}\"}},"
        " range: [0, 1000], verify: readback, within: 1s}\n"
        "  reading: {call: {service: level, action: GetReading, out: CurrentReading}, type: number, poll: often}\n"
        "  faulty: {call: {service: level, action: GetFaulty, out: CurrentFaulty}, type: integer}\n"
        "commands:\n"
        "  step:\n"
        "    call: {service: level, action: Step, in: {By: \"${argument:by}\", Way: Up}}\n"
        "    within: 1s\n"
        "    arguments: {by: {type: integer, range: [1, 10]}}\n",
    .with = with,
    .connection = connection,
    .bad_connection = "    interface: lo\n",
    .bad_connection_code = "bad-interface",
    .bad_mapping = "params: {udn: {type: string}}\n"
                   "points:\n"
                   "  level: {event: {service: \"urn:x:service:A:1\", variable: A}, type: integer}\n",
    .bad_mapping_code = "no-device",
    .start = start,
    .stop = stop,
    .join = join,
    .leave = leave,
    .vanish = stop,
    .back = back,
    .silence = silence,
    .has_command = true,
    .commands = commands,
};
