/* SPDX-License-Identifier: Apache-2.0
 *
 * describe.h: devices that tell what they are made of (tt_describe()): the text is kept, and what differs from the last
 * time is taken up, a little later, for all that have told meanwhile. Main thread.
 */
#pragma once

#include "reload.h"
#include "service/described.h"

struct tt_describer;

/* All are borrowed and outlive it. */
int tt_describer_create(struct sd_event *event, struct tt_described *described, struct tt_host *host,
                        struct tt_reloader *reloader, struct tt_describer **ret);
/* Writes what waits. NULL is fine. */
void tt_describer_destroy(struct tt_describer *describer);
/* For tt_host_listen(). Looks at nothing and writes nothing: what is said last counts, when its time has come. */
int tt_describer_described(void *describer, const char *key, const char *json, size_t size);
/* The configuration is another: what is kept of devices that are no more goes. */
void tt_describer_prune(struct tt_describer *describer, const struct tt_config *config);

/* For tt_config_env: `user` is the struct tt_described. */
char *tt_describer_get(void *described, const char *key, const char *mapping);
