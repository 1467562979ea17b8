/* SPDX-License-Identifier: Apache-2.0
 *
 * index.h: who wants which topic. A filter that several devices name is subscribed to once; a message finds its
 * receivers by one look-up of its topic and a walk over the few filters with wildcards, never over all devices.
 * Loop thread only. Receivers are opaque here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* One device's interest in one filter. */
struct mqtt_receiver {
  void *owner;
  size_t number; /* the owner's own: which source, which availability */
};

struct mqtt_index;

struct mqtt_index *mqtt_index_create(void);
void mqtt_index_destroy(struct mqtt_index *index); /* NULL is fine */
/* `*ret_is_new`: nobody had this filter, or with a lower QoS: it has to be subscribed to. -ENOMEM */
int mqtt_index_add(struct mqtt_index *index, const char *filter, int qos, struct mqtt_receiver receiver,
                   bool *ret_is_new);
/* Everything of this owner goes. `gone` is called for each filter that nobody wants any more; may be NULL. */
void mqtt_index_remove(struct mqtt_index *index, const void *owner, void (*gone)(void *user, const char *filter),
                       void *user);
/* Calls fn for every receiver of the topic. fn may not change the index. Returns how many there were. */
size_t mqtt_index_dispatch(const struct mqtt_index *index, const char *topic, size_t n,
                           void (*fn)(void *user, struct mqtt_receiver receiver), void *user);
/* Every filter with its QoS, in no order. */
void mqtt_index_each(const struct mqtt_index *index, void (*fn)(void *user, const char *filter, int qos),
                     void *user);
size_t mqtt_index_size(const struct mqtt_index *index);
