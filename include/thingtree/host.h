/* SPDX-License-Identifier: Apache-2.0
 *
 * host.h: what a bridge may call. All of it on the loop thread, except tt_post().
 */
#pragma once

#include <thingtree/value.h>

#pragma GCC visibility push(default) /* bridges find these in the program */

struct tt_bridge;        /* an instance: one connection */
struct tt_device;        /* a device behind it */
struct tt_device_config; /* bridge.h */
struct sd_event;

/* ---- What an instance is made of ------------------------------------------------------------------- */
struct sd_event *tt_bridge_event(struct tt_bridge *bridge); /* the loop; borrowed */
const char *tt_bridge_name(struct tt_bridge *bridge);       /* of the connection, as configured */
const void *tt_bridge_options(struct tt_bridge *bridge);    /* struct of ops->connection, constant */
void *tt_bridge_state(struct tt_bridge *bridge);            /* ops->instance_size bytes, zeroed at the start */
struct tt_now tt_bridge_now(struct tt_bridge *bridge);      /* this turn's time */

struct tt_bridge *tt_device_bridge(struct tt_device *device);
const struct tt_device_config *tt_device_config(struct tt_device *device);
void *tt_device_state(struct tt_device *device); /* ops->device_size bytes, zeroed before attach */

/* ---- What a bridge tells --------------------------------------------------------------------------- */
enum tt_link_state {
  TT_LINK_UNKNOWN, /* not yet tried, or nobody can say */
  TT_LINK_ONLINE,
  TT_LINK_OFFLINE,
};
/* The state of the connection, with a sentence for people when it is not online ("connection refused by
 * 127.0.0.1:1883"). Telling the same state again is free. */
void tt_connection_state(struct tt_bridge *bridge, enum tt_link_state state, const char *format, ...)
    TT_PRINTF(3, 4);
/* The state of one device: availability. A report or a successful read proves online by itself. */
void tt_device_link(struct tt_device *device, enum tt_link_state state, const char *format, ...) TT_PRINTF(3, 4);
/* Why attach is about to fail, in one sentence. Within attach only. */
void tt_fail(struct tt_device *device, const char *format, ...) TT_PRINTF(2, 3);

enum tt_report_flag {
  TT_REPORT_RETAINED = 1 << 0, /* from a store (an MQTT broker's retained message): old until proved new */
};
/* A raw value of a point (point.h says what raw is). Copied. `stamp_us` is the device's own wall time, 0 when it
 * gives none. Fields reported before a request's tt_done() are visible when that request completes. */
void tt_report(struct tt_device *device, uint16_t point, const struct tt_value *raw, uint64_t stamp_us,
               unsigned flags);
/* The device answered and the point was not in the answer: `missing:` of the point decides. */
void tt_report_missing(struct tt_device *device, uint16_t point);
/* This point cannot be read now; the others may be. The text names the cause and the address. */
void tt_report_error(struct tt_device *device, uint16_t point, const char *format, ...) TT_PRINTF(3, 4);
/* Complete a request. `error` 0 or negative errno; the text (may be NULL) says why, for people. */
void tt_done(struct tt_bridge *bridge, tt_id request, int error, const char *format, ...) TT_PRINTF(4, 5);

/* ---- What a bridge finds out ------------------------------------------------------------------------- */
#define TT_CANDIDATES_MAX      1000
#define TT_CANDIDATE_FACTS_MAX 32
#define TT_CANDIDATE_TEXT_MAX  512 /* bytes of one text of it; longer ones are cut */

struct tt_fact {
  const char *name, *value;
};

/* Somebody's device, as it describes itself: none of it is to be believed, all of it is copied. Texts may be NULL,
 * except `id`. */
struct tt_candidate {
  const char *id; /* tells it from the others of this connection, and is the same the next time */
  const char *name, *vendor, *model;
  const char *address; /* for people */
  /* What `match:` of a mapping is compared with, and where the mapping's parameters of the same names come from:
   * what a protocol has (rt, if, host; udn, device_type; topic, name). The manual of the bridge lists the names. */
  const struct tt_fact *facts;
  size_t n_facts;
  const char *uses; /* the mapping that has the device describe itself; NULL: only a matching mapping fits */
};
/* Between `discover` and tt_done(request) of it; else nothing happens. One with the `id` of an earlier one takes its
 * place. */
void tt_candidate(struct tt_bridge *bridge, tt_id request, const struct tt_candidate *candidate);

#define TT_DESCRIPTION_MAX (256 * 1024) /* bytes */

/* The device has told what it is made of: a map in the language of mappings, written as JSON, of which `points` and
 * `about` are read; where the mapping has a point of the same name, the mapping's keys win. Nothing in it is
 * substituted. What differs from the last time becomes the device's configuration: it is detached and attached with
 * its new points, a little later. The text is kept, so that a device that sleeps has its points after a restart.
 * -EMSGSIZE: it is too large; -ENOMEM */
int tt_describe(struct tt_device *device, const char *json, size_t size);

/* ---- `thingtree check --probe`: what is on the wire ---------------------------------------------------- */
/* Is somebody looking? Then a read tells, per point, the raw bytes and what else they could mean. */
bool tt_is_probing(struct tt_device *device);
/* One line for people about a point (TT_NO_POINT: about the device). Nothing happens when nobody is looking. */
#define TT_PROBE_PROGRESS (UINT16_MAX - 1) /* a point: how far a scan is, which is no part of its report */
void tt_probe(struct tt_device *device, uint16_t point, const char *format, ...) TT_PRINTF(3, 4);

/* The bridge's part of an end (bridge.h: stop, detach). */
void tt_stopped(struct tt_bridge *bridge);
void tt_detached(struct tt_device *device);

/* ---- The inbox: the only way in for a foreign thread ------------------------------------------------- */
typedef void (*tt_post_fn)(struct tt_bridge *bridge, const void *data, size_t size);

enum tt_lane {
  TT_LANE_CONTROL, /* completions, states, "my thread has ended": never dropped */
  TT_LANE_REPORT,  /* values: bounded; under pressure a newer one takes the place of the older with the same key */
};
#define TT_POST_MAX (256 * 1024) /* bytes of one message */

/* Any thread. Copies `data` and has `fn` called with the copy on the loop thread, in the order of posting within
 * the lane and between lanes of one instance. `key` (any bytes, at most 1 KiB; NULL: none) names what the report
 * is about. 0; -ENOBUFS: a report was dropped (it is counted and shown on the connection's node); -EMSGSIZE;
 * -ESHUTDOWN: tt_stopped() was called. Waits for nothing but a short mutex. */
int tt_post(struct tt_bridge *bridge, enum tt_lane lane, const void *key, size_t key_size, tt_post_fn fn,
            const void *data, size_t size);

/* ---- Log: state changes only; values and payloads never ---------------------------------------------- */
enum tt_log_level { TT_LOG_ERROR, TT_LOG_WARNING, TT_LOG_INFO, TT_LOG_DEBUG };
void tt_bridge_log(struct tt_bridge *bridge, enum tt_log_level level, const char *format, ...) TT_PRINTF(3, 4);

#pragma GCC visibility pop
