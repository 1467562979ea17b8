/* SPDX-License-Identifier: Apache-2.0
 *
 * isolate_private.h: what isolate.c and isolate_hear.c share.
 */
#pragma once

#include "channel.h"
#include "isolate.h"
#include "process.h"
#include "start.h"

/* A request that the process has been asked. */
struct open {
  UT_hash_handle hh;
  tt_id id;
  struct tt_device *device; /* NULL: of the connection */
  uint64_t deadline_us;
  bool is_command; /* what it does cannot be taken back */
  int error;       /* it could not even be asked: completed in the next event */
  const char *why;
};

/* Private state of a device. */
struct isolated_device {
  UT_hash_handle hh;
  struct tt_device *device;
  uint64_t id;
  bool is_leaving;
};

/* Private state of an instance. */
struct isolate {
  struct tt_bridge *bridge;
  struct tt_process process; /* pidfd is watched by `end`: there is one while that is there */
  sd_event_source *end;
  struct tt_channel *channel; /* NULL: it cannot be asked */
  sd_event_source *ping, *again, *stop, *refuser;
  struct isolated_device *devices; /* by id */
  uint64_t last_id;
  struct open *open; /* by id */
  unsigned unanswered, failures;
  uint64_t since_us, starts, dropped;
  char reason[TT_HOST_TEXT_MAX]; /* why it was ended; "": by itself */
  bool is_stopping;
  bool has_spoken; /* of the state of its connection */
  bool is_revived; /* started again, and the devices have not been asked to be polled since */
};

void isolate_close(struct isolate *isolate, struct open *open);
void isolate_device_gone(struct isolate *isolate, struct isolated_device *d);
/* It could not join: it becomes an error node. */
void isolate_device_failed(struct isolate *isolate, struct isolated_device *d, int error, const char *text);
/* End the process because of this. */
void isolate_blame(struct isolate *isolate, const char *reason);

/* ---- isolate_hear.c: a hook of the channel */
int isolate_hear(void *user, const struct tt_letter *letter);
