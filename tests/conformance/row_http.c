/* SPDX-License-Identifier: Apache-2.0
 * HTTP to the simulated web server; every device has its own paths there. */
#define _GNU_SOURCE /* http_device.h */
#include "row.h"

#include "http_device.h"

#include <thingtree/bridge.h>

extern const struct tt_bridge_ops tt_bridge_http;

static struct web web;

static void with(char *out, size_t size, unsigned device)
{
  snprintf(out, size, "base: \"http://%s:%d\", n: %u", web.host, web.port, device);
}

static void connection(char *out, size_t size)
{
  snprintf(out, size, "    connect_timeout: 1s\n");
}

static void start(void)
{
  web_start(&web);
}

static void stop(void)
{
  web_stop(&web);
  web.port = 0;
}

static void join(struct world *w TT_UNUSED)
{
}

static void leave(void)
{
}

static void vanish(void)
{
  web_stop(&web);
}

static void back(struct world *w TT_UNUSED)
{
  web_start(&web);
}

static void silence(bool is_silent)
{
  web_tell(&web, is_silent ? "silent 1" : "silent 0");
}

static unsigned commands(void)
{
  return (unsigned)web_counts(&web).writes;
}

const struct row row_http = {
    .name = "http",
    .builtin = &tt_bridge_http,
    .mapping = "params: {base: {type: string}, n: {type: integer}}\n"
               "base: \"${base}\"\n"
               "points:\n"
               "  level: {get: \"/d/${n}/level\", at: /level, type: integer,"
               " write: {put: \"/d/${n}/level\", json: {level: \"${value}\"}, answer: {at: /ok, is: \"true\"},"
               " range: [0, 1000], verify: readback, within: 1s}}\n"
               "  reading: {get: \"/d/${n}/reading\", at: /reading, type: number, poll: often}\n"
               "  faulty: {get: /faulty, type: integer}\n",
    .with = with,
    .connection = connection,
    .bad_connection = "    listen: {address: nowhere}\n",
    .bad_connection_code = "listen-address",
    .bad_mapping = "params: {base: {type: string}, n: {type: integer}}\n"
                   "base: \"${base}\"\n"
                   "points:\n"
                   "  level: {get: /a, post: /b, at: /c, type: integer}\n",
    .bad_mapping_code = "method",
    .start = start,
    .stop = stop,
    .join = join,
    .leave = leave,
    .vanish = vanish,
    .back = back,
    .silence = silence,
    .commands = commands,
};
