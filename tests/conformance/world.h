/* SPDX-License-Identifier: Apache-2.0
 *
 * world.h: what a bridge is tried in: a configuration loaded from text, a core in which everything is permitted, the
 * real host and a small loop. Everything that goes wrong in it ends the test.
 */
#pragma once

#include "cmocka_all.h"

#include "bridge/host.h"
#include "config/diag.h"
#include "model/execute.h"

#define MS         TT_USEC_PER_MSEC
#define PATIENCE   (20000 * MS) /* for what must happen at all */
#define BRIDGE     "it"         /* name of the connection */
#define WORLD_FILE 65536        /* bytes of one file of a configuration */

/* A configuration of one connection and of n devices d0, d1, ... of one mapping. */
struct world_text {
  const char *protocol, *connection, *mapping;
  void (*with)(char *out, size_t size, unsigned device); /* the device's `with:` */
  unsigned n;
  const char *more;                   /* another file, with connections and devices of its own; NULL: none */
  const struct tt_found_hooks *found; /* what the bridge finds out goes there; NULL: to nobody */
};

struct world {
  struct sd_event *event;
  struct tt_core *core;
  struct tt_config *config;
  struct tt_diags *diags;
  struct tt_host *host;
  struct tt_device_hooks hooks;
  bool is_stopped;
  unsigned n_stopped; /* times the host said so */
};

/* Set: the bridges of the worlds that are opened from here on run in processes of this program. */
extern struct tt_isolation world_isolation;

/* Only the configuration: nothing is made of it. */
void world_load(struct world *w, const struct tt_bridge_ops *ops, const struct world_text *text);
void world_unload(struct world *w);
/* All of it, and started. */
void world_open(struct world *w, const struct tt_bridge_ops *ops, const struct world_text *text);
void world_stop(struct world *w); /* begins to; is_stopped when done */
void world_close(struct world *w);

/* One event of the loop at most, or `wait_us`, with the time as of now; world_same_turn: with the time as it was. */
void world_turn(struct world *w, uint64_t wait_us);
void world_same_turn(struct world *w);
uint64_t world_now(void);

/* The loop until this is so; the limit is for what must be fast. */
#define WAIT_WITHIN(w, condition, limit_us)                                                                        \
  for (uint64_t end_us_ = world_now() + (limit_us); !(condition); world_turn(w, 20 * MS))                          \
    if (world_now() > end_us_)                                                                                     \
  fail_msg("waited in vain for: %s", #condition)
#define WAIT_FOR(w, condition) WAIT_WITHIN(w, condition, PATIENCE)

struct answer {
  struct world *w;
  unsigned calls;
  int error;
  char text[600];
  uint64_t at_us;
  /* as of the completion: the first point that was asked for */
  tt_id node;
  uint16_t point;
  double number;
};

int world_read(struct world *w, const char *key, const char *point, uint64_t deadline_us, struct answer *answer);
int world_read_all(struct world *w, const char *key, uint64_t deadline_us, struct answer *answer);
int world_write(struct world *w, const char *key, const char *point, int64_t value, uint64_t deadline_us,
                struct answer *answer);

struct set_answer {
  unsigned calls;
  enum tt_refusal refusal;
};
/* As a person would, verification and all. */
void world_set(struct world *w, const char *key, const char *name, const char *value, struct set_answer *answer);

/* Straight to the bridge: a command whose only argument is a number. */
int world_command(struct world *w, const char *key, const char *command, int64_t value, uint64_t deadline_us,
                  struct answer *answer);
struct execute_answer {
  unsigned calls;
  enum tt_refusal refusal;
  char text[600];
};
/* As a person would: one argument. */
void world_execute(struct world *w, const char *key, const char *command, const char *name, const char *value,
                   struct execute_answer *answer);

#define WORLD_FOUND_SHOWN 20 /* candidates that stand in `all`; the others are counted */

/* What a discovery found: a line for each, `ID "NAME" FACT=VALUE ...`. */
struct world_found {
  unsigned n, done;
  int error;
  char text[300];
  char all[8000];
};
/* Discovers for at most `us`, to the end. */
void world_discover(struct world *w, uint64_t us, struct world_found *found);

struct tt_node *world_node(struct world *w, const char *key);
double world_number(struct world *w, const char *key, const char *point); /* NAN: none */
uint64_t world_seen(struct world *w, const char *key, const char *point); /* monotonic; 0: never */
const char *world_field_error(struct world *w, const char *key, const char *point);
const char *world_message(struct world *w, const char *key, const char *code); /* NULL: none */
struct tt_connection_status world_status(struct world *w);
bool world_is(struct world *w, const char *state); /* of the connection */
unsigned world_fds(void);                          /* open files of this process */
