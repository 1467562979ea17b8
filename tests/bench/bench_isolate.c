/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_isolate: one read of a holding register over Modbus TCP from the simulated meter, through the host, by a bridge in
 * this process and by one in a process of its own. One read of each in turn, wall time. TT_MODBUS_METER names the meter.
 * Then what a start and a restart of that process take.
 */
#define _GNU_SOURCE
#include "world.h"

#include "bridge/child.h"
#include "bridge/process.h"
#include "modbus_peer.h"
#include "service/log.h"

#include <stdio.h>
#include <time.h>

#define READS  5000
#define STARTS 20

extern const struct tt_bridge_ops tt_bridge_modbus;

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

static double part(double values[], size_t n, double of)
{
  qsort(values, n, sizeof(*values), by_value);
  return values[(size_t)((double)(n - 1) * of)];
}

static double read_once(struct world *w, const char *key)
{
  struct answer a;
  double began = now_us();
  if (world_read(w, key, "level", world_now() + 2000 * MS, &a) < 0)
    abort();
  while (a.calls == 0)
    world_turn(w, 1000 * MS);
  if (a.error != 0)
    abort();
  return now_us() - began;
}

/* MiB */
static double memory_of(int pid, const char *what)
{
  char path[64], line[200];
  double kib = 0;
  snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
  FILE *rollup = fopen(path, "r");
  while (rollup && fgets(line, sizeof(line), rollup))
    if (strncmp(line, what, strlen(what)) == 0)
      kib = strtod(line + strlen(what), NULL);
  if (rollup)
    fclose(rollup);
  return kib / 1024;
}

static void with_nothing(char *out, size_t size, unsigned device TT_UNUSED)
{
  snprintf(out, size, "%s", "");
}

static void open_world(struct world *w, const struct peer *peer)
{
  static char connection[200], more[400];
  snprintf(connection, sizeof(connection), "    host: %s\n    port: %d\n", peer->host, peer->port);
  snprintf(more, sizeof(more),
           "connections:\n  inside: {protocol: modbus, isolate: false, host: %s, port: %d}\n"
           "devices:\n  d: {uses: modbus/conformance, connection: inside}\n",
           peer->host, peer->port);
  const struct world_text text = {.protocol = "modbus",
                                  .connection = connection,
                                  .mapping = "points:\n  level: {holding: 4096, type: int16}\n",
                                  .with = with_nothing,
                                  .n = 1,
                                  .more = more};
  world_open(w, &tt_bridge_modbus, &text);
  while (!world_is(w, "online") || strcmp(tt_host_connection(w->host, 1).state, "online") != 0)
    world_turn(w, 1000 * MS);
}

int main(int argc, char **argv)
{
  static const struct tt_bridge_ops *const builtin[] = {&tt_bridge_modbus, NULL};
  static double inside[READS], isolated[READS], starts[STARTS];
  struct peer peer = {0};
  struct world w;
  if (argc == 2 && strcmp(argv[1], TT_PROCESS_COMMAND) == 0)
    return tt_child_run(builtin);
  tt_log_open(TT_LOG_ERROR);
  peer_start(&peer, NULL, "");
  world_isolation.program = "/proc/self/exe";
  open_world(&w, &peer);
  for (int i = 0; i < 200; i++)
    read_once(&w, i % 2 ? "d" : "d0");
  for (int i = 0; i < READS; i++) {
    inside[i] = read_once(&w, "d");
    isolated[i] = read_once(&w, "d0");
  }
  double pss = memory_of(world_status(&w).pid, "Pss:"), private = memory_of(world_status(&w).pid, "Private_Dirty:");
  world_close(&w);
  for (int i = 0; i < STARTS; i++) {
    double began = now_us();
    open_world(&w, &peer);
    read_once(&w, "d0");
    starts[i] = now_us() - began;
    world_close(&w);
  }
  peer_stop(&peer);
  double p50[] = {part(inside, READS, 0.5), part(isolated, READS, 0.5)};
  double p99[] = {part(inside, READS, 0.99), part(isolated, READS, 0.99)};
  printf("a Modbus read through the host: inside p50 %.0f us, p99 %.0f us; isolated p50 %.0f us, p99 %.0f us: "
         "isolation "
         "adds %.0f us (p50); from nothing to the first isolated reading %.1f ms (p50); its process: PSS %.1f MiB, "
         "private "
         "dirty %.1f MiB\n",
         p50[0], p99[0], p50[1], p99[1], p50[1] - p50[0], part(starts, STARTS, 0.5) / 1000, pss, private);
  return 0;
}
