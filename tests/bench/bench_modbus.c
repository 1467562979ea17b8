/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_modbus: 120 registers read one by one, and joined into one request as plan.c does, over TCP to the simulated
 * meter, through the bridge's own wire. Alternating, medians of ROUNDS rounds, wall time. TT_MODBUS_METER names the
 * program.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>

#include "modbus_peer.h"
#include "plan.h"
#include "wire.h"

#define ROUNDS    9
#define REGISTERS 120
#define TIMES     50

static double now_us(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* All registers, TIMES times; microseconds for one time. `ret_requests` is what plan.c made of it. */
static double read_all(struct mb_wire *wire, unsigned max_registers, size_t *ret_requests)
{
  struct mb_want wants[REGISTERS];
  struct mb_span spans[REGISTERS];
  const struct mb_limits limits = {max_registers, 16};
  const struct mb_cuts cuts = {0};
  uint16_t words[128];
  bool is_owing = false;
  char why[MB_WHY];
  for (uint16_t i = 0; i < REGISTERS; i++)
    wants[i] = (struct mb_want){.table = MB_INPUT, .address = i, .words = 1, .point = i};
  size_t n = mb_plan(wants, REGISTERS, &limits, &cuts, spans);
  double began = now_us();
  for (int k = 0; k < TIMES; k++)
    for (size_t i = 0; i < n; i++) {
      const struct mb_request request = {.unit = 1,
                                         .function = mb_read_function(spans[i].table),
                                         .address = spans[i].address,
                                         .count = (uint16_t)spans[i].count};
      int r = mb_wire_exchange(wire, &request, &is_owing, words, why);
      if (r != 0) {
        fprintf(stderr, "register %u: %d %s\n", request.address, r, r < 0 ? why : "exception");
        exit(1);
      }
    }
  *ret_requests = n;
  return (now_us() - began) / TIMES;
}

int main(void)
{
  struct peer peer = {0};
  struct mb_wire *wire = NULL;
  char why[MB_WHY] = "";
  double joined[ROUNDS], single[ROUNDS];
  size_t n_joined = 0, n_single = 0;
  peer_start(&peer, NULL, "");
  struct mb_connection_options options = {.transport = MB_TCP,
                                          .host = peer.host,
                                          .port = peer.port,
                                          .timeout_us = TT_USEC_PER_SEC,
                                          .drain_us = 30 * TT_USEC_PER_MSEC};
  if (mb_wire_create(&options, eventfd(0, EFD_CLOEXEC), &wire) < 0 || mb_wire_open(wire, why) < 0) {
    fprintf(stderr, "%s\n", why);
    return 1;
  }
  for (int k = 0; k < ROUNDS; k++) {
    joined[k] = read_all(wire, 125, &n_joined);
    single[k] = read_all(wire, 1, &n_single);
  }
  mb_wire_destroy(wire);
  peer_stop(&peer);
  qsort(joined, ROUNDS, sizeof *joined, by_value);
  qsort(single, ROUNDS, sizeof *single, by_value);
  double a = joined[ROUNDS / 2], b = single[ROUNDS / 2];
  printf("%d registers over TCP: joined (%zu request) %.0f us, one by one (%zu requests) %.0f us: %.0fx; a joined "
         "request "
         "costs %.2f of one of a single register\n",
         REGISTERS, n_joined, a, n_single, b, b / a, a / (double)n_joined / (b / (double)n_single));
  return 0;
}
