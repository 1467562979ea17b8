/* SPDX-License-Identifier: Apache-2.0
 * CoAP over UDP to the simulated device. All devices are resources of one host. */
#define _GNU_SOURCE /* coap_peer.h */
#include "row.h"

#include "coap_peer.h"

#include <thingtree/bridge.h>

extern const struct tt_bridge_ops tt_bridge_coap;

static struct coap_peer peer;
static int
    port; /* the same for all tests: it stands in the device, whose configuration may be read when nobody is there */

static void with(char *out, size_t size, unsigned device)
{
  snprintf(out, size, "host: \"%s:%d\", n: %u", peer.host, port, device);
}

static void connection(char *out, size_t size)
{
  snprintf(out, size, "    ack_timeout: 1s\n    answer_timeout: 2s\n");
}

static void run(void)
{
  coap_peer_start(&peer, port);
  port = peer.port;
  coap_peer_tell(&peer, "set /reading 0 32312e35");
  coap_peer_tell(&peer, "fail /faulty 404 -");
}

static void start(void)
{
  run();
}

static void stop(void)
{
  coap_peer_stop(&peer);
}

static void join(struct world *w TT_UNUSED)
{
}

static void leave(void)
{
}

static void vanish(void)
{
  coap_peer_stop(&peer);
}

static void back(struct world *w TT_UNUSED)
{
  run();
}

static void silence(bool is_silent)
{
  coap_peer_tell(&peer, is_silent ? "dead 1" : "dead 0");
}

static unsigned commands(void)
{
  struct coap_counts counts;
  coap_peer_counts(&peer, &counts);
  return (unsigned)counts.writes;
}

const struct row row_coap = {
    .name = "coap",
    .builtin = &tt_bridge_coap,
    .mapping = "params: {host: {type: string}, n: {type: integer}}\n"
               "base: \"coap://${host}\"\n"
               "points:\n"
               "  level: {get: \"/level/${n}\", type: integer,"
               " write: {put: \"/level/${n}\", range: [0, 1000], verify: readback, within: 1s}}\n"
               "  reading: {get: /reading, type: number, poll: often}\n"
               "  faulty: {get: /faulty, type: number}\n",
    .with = with,
    .connection = connection,
    .bad_connection = "    security: {psk: secret}\n",
    .bad_connection_code = "security",
    .bad_mapping = "params: {host: {type: string}, n: {type: integer}}\n"
                   "base: \"coap://${host}\"\n"
                   "points:\n"
                   "  level: {get: \"level/${n}\", type: integer}\n",
    .bad_mapping_code = "coap-path",
    .start = start,
    .stop = stop,
    .join = join,
    .leave = leave,
    .vanish = vanish,
    .back = back,
    .silence = silence,
    .commands = commands,
};
