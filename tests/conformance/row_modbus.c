/* SPDX-License-Identifier: Apache-2.0
 * Modbus TCP to the simulated meter. All devices are registers of one unit. */
#define _GNU_SOURCE /* modbus_peer.h */
#include "row.h"

#include "modbus_peer.h"

#include <thingtree/bridge.h>

extern const struct tt_bridge_ops tt_bridge_modbus;

static struct peer peer;
static int port;

static void with(char *out, size_t size, unsigned device)
{
  snprintf(out, size, "level: %u", 4096 + device);
}

static void connection(char *out, size_t size)
{
  snprintf(out, size, "    host: %s\n    port: %d\n    timeout: 300ms\n    drain: 50ms\n", peer.host, port);
}

static void run(void)
{
  char arguments[64] = "";
  if (port)
    snprintf(arguments, sizeof(arguments), "--port %d", port);
  peer_start(&peer, NULL, arguments);
  port = peer.port;
  peer_tell(&peer, "hole 16384 16384");
}

static void start(void)
{
  run();
}

static void stop(void)
{
  peer_stop(&peer);
  port = 0;
}

static void join(struct world *w TT_UNUSED)
{
}

static void leave(void)
{
}

static void vanish(void)
{
  peer_stop(&peer);
}

static void back(struct world *w TT_UNUSED)
{
  run();
}

static void silence(bool is_silent)
{
  peer_tell(&peer, is_silent ? "dead 1" : "alive 1");
}

static unsigned commands(void)
{
  struct peer_counts counts;
  peer_counts(&peer, &counts);
  return (unsigned)counts.writes;
}

const struct row row_modbus = {
    .name = "modbus",
    .builtin = &tt_bridge_modbus,
    .mapping = "params: {level: {type: integer}}\n"
               "points:\n"
               "  level: {holding: \"${level}\", type: int16,"
               " write: {range: [0, 1000], verify: readback, within: 1s}}\n"
               "  reading: {input: 0, type: float32, poll: often}\n"
               "  faulty: {input: 16384, type: uint16}\n",
    .with = with,
    .connection = connection,
    .bad_connection = "    transport: rtu\n",
    .bad_connection_code = "missing-key",
    .bad_mapping = "params: {level: {type: integer}}\n"
                   "points:\n"
                   "  level: {holding: 1, coil: 2, type: int16}\n",
    .bad_mapping_code = "bad-address",
    .start = start,
    .stop = stop,
    .join = join,
    .leave = leave,
    .vanish = vanish,
    .back = back,
    .silence = silence,
    .commands = commands,
};
