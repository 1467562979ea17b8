/* SPDX-License-Identifier: Apache-2.0
 *
 * isolate.h: a bridge in a process of its own, as the daemon's host sees it: a bridge like any other, whose nine functions
 * say to that process (child.h) what they are asked. The process is started by `start`, watched, and started again when it
 * ends, ever more rarely while it keeps ending. Its end costs its connection: open requests end with -EPIPE, nothing is
 * sent twice. A file that only a device names can be read when the device was there as the process was started. Everything that it says is taken for hostile: what is not acceptable ends it, and it alone.
 */
#pragma once

#include "instance.h"

/* It is asked every so often whether it lives; this many questions without any word from it, and it is ended. */
#define TT_ISOLATE_PING_US  (2 * TT_USEC_PER_SEC)
#define TT_ISOLATE_SILENT   3
#define TT_ISOLATE_STOP_US  (1500 * TT_USEC_PER_MSEC) /* it is ended when it has not stopped by then */
#define TT_ISOLATE_QUEUE    (4u * 1024 * 1024)        /* bytes that wait for it: beyond, requests are refused */
#define TT_ISOLATE_AGAIN_US (500 * TT_USEC_PER_MSEC)  /* before it is started again; doubled each time, */
#define TT_ISOLATE_MOST_US  (60 * TT_USEC_PER_SEC)    /* up to this, */
#define TT_ISOLATE_GOOD_US  (60 * TT_USEC_PER_SEC)    /* until it has lived so long */

/* The table of `real` with other functions: what the host calls instead. */
struct tt_bridge_ops isolate_ops(const struct tt_bridge_ops *real);

/* How long to wait before the n-th start after the first that failed, n > 0; without the jitter. Pure. */
uint64_t isolate_backoff(unsigned n);

/* What of it there is to show. A bridge that is not isolated: pid 0. */
struct isolate_status {
  int pid; /* 0: none runs */
  uint64_t restarts;
};
struct isolate_status isolate_status(const struct tt_bridge *bridge);
