/* SPDX-License-Identifier: Apache-2.0
 *
 * handlers.h: the handlers that main hangs into the router, one call per subject. Those that keep requests open
 * return an object. It is destroyed before the router, when the sessions are offline and the core turns no more: until
 * then both may call into it.
 */
#pragma once

#include "router.h"

struct tt_sensor;
int tt_sensor_create(struct tt_router *router, struct tt_sensor **ret); /* XEP-0323, N sensor data */
void tt_sensor_destroy(struct tt_sensor *sensor);                       /* NULL is fine */
/* End of turn, before tt_session_flush(): what the devices gave in this turn leaves in as few stanzas as possible,
 * and `done` can stand on the last of them. */
void tt_sensor_flush(struct tt_sensor *sensor);

struct tt_control_handlers;
int tt_control_handlers_create(struct tt_router *router,
                               struct tt_control_handlers **ret);       /* XEP-0325, N control */
void tt_control_handlers_destroy(struct tt_control_handlers *handlers); /* NULL is fine */

struct tt_events;
/* Events, N events. Nobody is told of a node more often than `min_us` says, whatever they ask for. */
#define TT_EVENTS_MIN_US TT_USEC_PER_SEC
int tt_events_create(struct tt_router *router, uint64_t min_us, struct tt_events **ret);
void tt_events_destroy(struct tt_events *events); /* NULL is fine */

struct tt_block_handlers;
int tt_block_handlers_create(struct tt_router *router,
                             struct tt_block_handlers **ret);       /* XEP-0191, 0377, as a client */
void tt_block_handlers_destroy(struct tt_block_handlers *handlers); /* NULL is fine */

struct tt_watches;
struct tt_chat_handlers;
struct tt_audit;
/* What only admins may, of whom each is asked about anew. Copied. */
struct tt_chat_admin {
  void *user;
  /* The last lines of the log, appended; false: not to this admin. NULL: nobody tells them. */
  bool (*log)(void *user, const struct tt_caller *caller, size_t n, struct tt_buf *out);
  struct tt_audit *audit; /* of whom they block; NULL: nothing is written down */
};
int tt_chat_handlers_create(struct tt_router *router, struct tt_watches *watches, const struct tt_chat_admin *admin,
                            struct tt_chat_handlers **ret);       /* chat messages; XEP-0085, 0184, 0308, 0393 */
void tt_chat_handlers_destroy(struct tt_chat_handlers *handlers); /* NULL is fine */
struct tt_node_command_handlers;
int tt_node_command_handlers_create(
    struct tt_router *router, struct tt_node_command_handlers **ret); /* commands of nodes, of XEP-0326 and N */
void tt_node_command_handlers_destroy(struct tt_node_command_handlers *handlers); /* NULL is fine */

int tt_concentrator_handlers_add(struct tt_router *router); /* XEP-0326, N concentrator */
int tt_basic_handlers_add(struct tt_router *router);        /* disco.h; XEP-0092, 0199, 0202 */

#define TT_SEARCH_RESULTS_MAX 200                     /* things in one answer */
int tt_search_handlers_add(struct tt_router *router); /* XEP-0055, of a component */
