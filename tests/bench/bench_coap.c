/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_coap: notifications of one number from the simulated device, into the model through bridge, host and conversion, and
 * beside that into the response handler of a bare libcoap client that parses the number. In bursts of BURST, each waited for;
 * alternating, medians of ROUNDS rounds, processor time of this process and wall time. TT_COAP_DEVICE names the program.
 */
#define _GNU_SOURCE
#include "../conformance/world.h"
#include "coap_peer.h"
#include "service/log.h"

#include <coap3/coap.h>
#include <sys/resource.h>
#include <systemd/sd-event.h>
#include <time.h>

#define ROUNDS 9
#define BURSTS 200
#define BURST  50

extern const struct tt_bridge_ops tt_bridge_coap;

static struct coap_peer peer;
static char address[64];
static unsigned last; /* number that the device said last */

struct cost {
  double cpu_us, wall_us; /* of one notification */
};

static double cpu_us(void)
{
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static double wall_us(void)
{
  return (double)world_now();
}

/* The device sends them; until `is_there` says that the last one has come. */
static struct cost measure(bool (*turn)(void *user, double expected), void *user)
{
  char command[64];
  double cpu = cpu_us(), wall = wall_us();
  for (int i = 0; i < BURSTS; i++) {
    snprintf(command, sizeof command, "burst /t %u %d", last + 1, BURST);
    coap_peer_tell(&peer, command);
    last += BURST;
    while (!turn(user, last))
      ;
  }
  return (struct cost){(cpu_us() - cpu) / (BURSTS * BURST), (wall_us() - wall) / (BURSTS * BURST)};
}

/* ---- Through the gateway's parts ------------------------------------------------------------------------------- */
static bool turn_world(void *user, double expected)
{
  struct world *w = user;
  world_turn(w, 100 * MS);
  return world_number(w, "d0", "t") == expected;
}

static void with(char *out, size_t size, unsigned device TT_UNUSED)
{
  snprintf(out, size, "host: \"%s\"", address);
}

/* ---- A bare client --------------------------------------------------------------------------------------------- */
static double heard;

static coap_response_t on_response(coap_session_t *session TT_UNUSED, const coap_pdu_t *sent TT_UNUSED,
                                   const coap_pdu_t *received, const coap_mid_t mid TT_UNUSED)
{
  size_t n;
  const uint8_t *data;
  char text[32];
  if (coap_get_data(received, &n, &data) && n < sizeof text) {
    memcpy(text, data, n);
    text[n] = 0;
    heard = strtod(text, NULL);
  }
  return COAP_RESPONSE_OK;
}

static int on_io(sd_event_source *source TT_UNUSED, int fd TT_UNUSED, uint32_t events TT_UNUSED, void *context)
{
  return coap_io_process(context, COAP_IO_NO_WAIT) < 0 ? -1 : 0;
}

static bool turn_bare(void *user, double expected)
{
  sd_event_run(user, 100 * MS);
  return heard == expected;
}

static coap_context_t *open_bare(sd_event *event)
{
  coap_address_t to;
  coap_context_t *context = coap_new_context(NULL);
  coap_address_init(&to);
  to.addr.sin = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)peer.port)};
  to.size = sizeof to.addr.sin;
  inet_pton(AF_INET, peer.host, &to.addr.sin.sin_addr);
  coap_session_t *session = coap_new_client_session(context, NULL, &to, COAP_PROTO_UDP);
  coap_register_response_handler(context, on_response);
  coap_pdu_t *pdu = coap_new_pdu(COAP_MESSAGE_CON, COAP_REQUEST_CODE_GET, session);
  coap_add_token(pdu, 4, (const uint8_t *)"bare");
  coap_add_option(pdu, COAP_OPTION_OBSERVE, 0, NULL);
  coap_add_option(pdu, COAP_OPTION_URI_PATH, 1, (const uint8_t *)"t");
  coap_send(session, pdu);
  sd_event_add_io(event, NULL, coap_context_get_coap_fd(context), EPOLLIN, on_io, context);
  return context;
}

/* ---------------------------------------------------------------------------------------------------------------- */
static int by_cpu(const void *a, const void *b)
{
  double x = ((const struct cost *)a)->cpu_us, y = ((const struct cost *)b)->cpu_us;
  return (x > y) - (x < y);
}

int main(void)
{
  struct cost ours[ROUNDS], bare[ROUNDS];
  tt_log_open(TT_LOG_ERROR);
  coap_peer_start(&peer, 0);
  snprintf(address, sizeof address, "%s:%d", peer.host, peer.port);
  for (int k = 0; k < ROUNDS; k++) {
    struct world w;
    struct world_text text = {.protocol = "coap",
                              .connection = "",
                              .mapping = "params: {host: {type: string}}\nbase: \"coap://${host}\"\npoints:\n"
                                         "  t: {get: /t, observe: {refresh: 1h, fallback: 1h}, type: number}\n",
                              .with = with,
                              .n = 1};
    coap_peer_tell(&peer, "forget");
    world_open(&w, &tt_bridge_coap, &text);
    WAIT_FOR(&w, world_number(&w, "d0", "t") == last);
    ours[k] = measure(turn_world, &w);
    world_close(&w);

    sd_event *event;
    sd_event_new(&event);
    coap_peer_tell(&peer, "forget");
    coap_context_t *context = open_bare(event);
    for (heard = -1; heard != last;)
      turn_bare(event, last);
    bare[k] = measure(turn_bare, event);
    sd_event_unref(event);
    coap_free_context(context);
  }
  coap_peer_stop(&peer);
  qsort(ours, ROUNDS, sizeof *ours, by_cpu);
  qsort(bare, ROUNDS, sizeof *bare, by_cpu);
  struct cost a = ours[ROUNDS / 2], b = bare[ROUNDS / 2];
  printf("CoAP notifications, bursts of %d: into the model %.1f us of processor each (%.0f/s with the device's "
         "turns), bare "
         "libcoap client %.1f us (%.0f/s): %.2fx\n",
         BURST, a.cpu_us, 1e6 / a.wall_us, b.cpu_us, 1e6 / b.wall_us, a.cpu_us / b.cpu_us);
  return 0;
}
