/* SPDX-License-Identifier: Apache-2.0
 *
 * device.h: one device: its resources with the points on each, and the observations. It turns answers into reports.
 * Lives in tt_device_state() from attach to detach; loop thread.
 */
#pragma once

#include "endpoint.h"
#include "observe.h"

#include <systemd/sd-event.h>

#define CB_RESOURCES_MAX 256 /* of one device */

struct cb_device;

/* One distinct `get`: read with one request, however many points there are. */
struct cb_resource {
  struct cb_device *device;
  const char *get;
  struct cb_path path;
  int accept;
  uint16_t *points;
  size_t n_points;
  /* observed */
  bool is_observed;
  struct cb_observe observe;
  struct cb_watch watch;
};

struct cb_device {
  struct cb_device *prev, *next; /* of the instance */
  struct tt_device *device;
  const struct tt_device_config *config;
  const struct cb_connection *connection;
  struct cb_endpoint *endpoint;
  struct cb_resource *resources;
  size_t n_resources;
  uint16_t *resource_of_point; /* CB_NO_RESOURCE: cannot be read */
  struct cb_path *write_paths; /* of a point */
  bool *was_there;             /* of a point: in any answer so far */
  sd_event_source *timer;      /* of the observations */
};
#define CB_NO_RESOURCE UINT16_MAX

/* -EINVAL: what `check` would have found; -E2BIG: too many resources, or -ENOMEM. tt_fail() says why. */
int cb_device_init(struct cb_device *d, struct tt_device *device, struct cb_hub *hub);
void cb_device_finish(struct cb_device *d);

/* Report all points of the resource out of an answer with a body; those that are not there are missing. */
void cb_device_report(struct cb_device *d, const struct cb_resource *resource, const struct cb_answer *answer);
/* Report these points as not readable for the reason of the answer. */
void cb_device_report_error(struct cb_device *d, const struct cb_resource *resource,
                            const struct cb_answer *answer);
/* What has happened to its endpoint. */
void cb_device_changed(struct cb_device *d, enum cb_change change);
/* A question for a resource: filled but for `done`, `user` and the deadline. */
struct cb_ask cb_device_ask(const struct cb_device *d, const struct cb_resource *resource);
