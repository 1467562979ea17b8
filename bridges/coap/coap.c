/* SPDX-License-Identifier: Apache-2.0
 *
 * The CoAP bridge: joins endpoints (endpoint.h), devices (device.h), discovery (discover.h) and the host. Everything runs
 * on the loop thread. A request of the host is one question per distinct resource.
 */
#include "device.h"
#include "discover.h"
#include "payload.h"

#include <stdio.h>
#include <utlist.h>

struct part;

struct request {
  struct request *prev, *next;
  tt_id id;
  struct cb_device *device;
  bool is_write;
  size_t n_open;       /* questions */
  bool is_heard;       /* the device is there: it, or its host, has answered something meanwhile */
  struct part *silent; /* questions without an answer */
  int error;           /* the first of the device as a whole */
  char text[600];
};

struct coap {
  struct tt_bridge *bridge;
  struct cb_hub *hub;
  struct cb_discovery *discovery;
  struct cb_device *devices;
  struct request *requests;
};

/* A question of a read. */
struct part {
  struct part *next;
  struct request *request;
  const struct cb_resource *resource;
};

static struct coap *state_of(struct tt_bridge *bridge)
{
  return tt_bridge_state(bridge);
}

/* ---- Requests -------------------------------------------------------------------------------------------------- */
static void silent_free(struct request *request)
{
  struct part *part, *next;
  LL_FOREACH_SAFE(request->silent, part, next)
  {
    free(part);
  }
  request->silent = NULL;
}

static void finish(struct coap *c, struct request *request)
{
  DL_DELETE(c->requests, request);
  silent_free(request);
  if (*request->text)
    tt_done(c->bridge, request->id, request->error, "%s", request->text);
  else
    tt_done(c->bridge, request->id, request->error, NULL);
  free(request);
}

static void note(struct request *request, int error, const char *text)
{
  if (request->error)
    return;
  request->error = error;
  snprintf(request->text, sizeof request->text, "%s", text);
}

/* A device of which some resources are silent is there, and these cannot be read. */
static void excuse(struct request *request)
{
  struct cb_answer answer = {.error = request->error, .text = request->text};
  struct part *part;
  if (request->error != -ETIMEDOUT && request->error != -EBUSY)
    return;
  LL_FOREACH(request->silent, part) {
    cb_device_report_error(request->device, part->resource, &answer);
  }
  request->error = 0;
  *request->text = 0;
}

static void part_ends(struct request *request)
{
  if (--request->n_open > 0)
    return;
  if (request->is_heard)
    excuse(request);
  finish(state_of(tt_device_bridge(request->device->device)), request);
}

static void on_silence(struct part *part, const struct cb_answer *answer)
{
  struct request *request = part->request;
  request->is_heard = request->is_heard || (answer->error == -ETIMEDOUT && !answer->is_timeout);
  if (answer->error == -ETIMEDOUT && request->error == -EBUSY) /* this says more */
    request->error = 0;
  note(request, answer->error, answer->text);
  LL_APPEND(request->silent, part);
  part_ends(request);
}

static void on_read(void *user, const struct cb_answer *answer)
{
  struct part *part = user;
  struct request *request = part->request;
  if (answer->error == -ETIMEDOUT || answer->error == -EBUSY) {
    on_silence(part, answer);
    return;
  }
  if (answer->error == -EPROTO) /* it is there, but what it says is of no use */
    cb_device_report_error(request->device, part->resource, answer);
  else if (answer->error)
    note(request, answer->error, answer->text);
  else if (CB_CODE_CLASS(answer->code) != 2)
    cb_device_report_error(request->device, part->resource, answer);
  else
    cb_device_report(request->device, part->resource, answer);
  request->is_heard = request->is_heard || !answer->error || answer->error == -EPROTO;
  free(part);
  part_ends(request);
}

static void on_written(void *user, const struct cb_answer *answer)
{
  struct request *request = user;
  char code[40], text[300];
  if (answer->error) {
    note(request, answer->error, answer->text);
  } else if (CB_CODE_CLASS(answer->code) != 2) {
    snprintf(text, sizeof text, "%s refuses the command: %s", cb_endpoint_name(request->device->endpoint),
             cb_code_print(code, answer->code));
    note(request, CB_CODE_CLASS(answer->code) == 4 ? -EACCES : -EIO, text);
  }
  part_ends(request);
}

static void drop_part(void *user)
{
  free(user);
}

static struct request *request_add(struct coap *c, tt_id id, struct cb_device *device)
{
  struct request *request = calloc(1, sizeof *request);
  if (!request)
    return NULL;
  request->id = id;
  request->device = device;
  DL_APPEND(c->requests, request);
  return request;
}

/* A request that could not even be asked (or asks nothing, error 0) ends in a later event: never from within the call. */
struct refusal {
  tt_id id;
  int error;
};

static void on_refusal(struct tt_bridge *bridge, const void *data, size_t size)
{
  struct refusal refusal;
  if (size != sizeof refusal)
    return;
  memcpy(&refusal, data, sizeof refusal);
  if (refusal.error)
    tt_done(bridge, refusal.id, refusal.error, "the question cannot be asked: %s", strerror(-refusal.error));
  else
    tt_done(bridge, refusal.id, 0, NULL);
}

static void refuse(struct tt_bridge *bridge, tt_id id, int error)
{
  struct refusal refusal = {id, error};
  tt_post(bridge, TT_LANE_CONTROL, NULL, 0, on_refusal, &refusal, sizeof refusal);
}

/* The same of a request that is known: one that is cancelled meanwhile, with its device, has nothing more to say. */
static void on_unasked(struct tt_bridge *bridge, const void *data, size_t size)
{
  struct coap *c = state_of(bridge);
  struct request *request;
  tt_id id;
  if (size != sizeof id)
    return;
  memcpy(&id, data, sizeof id);
  DL_SEARCH_SCALAR(c->requests, request, id, id);
  if (request)
    finish(c, request);
}

static void unasked(struct coap *c, struct request *request, int error)
{
  char text[100];
  snprintf(text, sizeof text, "the question cannot be asked: %s", strerror(-error));
  if (error)
    note(request, error, text);
  tt_post(c->bridge, TT_LANE_CONTROL, NULL, 0, on_unasked, &request->id, sizeof request->id);
}

/* End all requests of a device (NULL: of all). */
static void requests_cancel(struct coap *c, const struct cb_device *device, const char *text)
{
  struct request *request, *next;
  DL_FOREACH_SAFE(c->requests, request, next)
  {
    if (device && request->device != device)
      continue;
    request->error = 0;
    note(request, -ECANCELED, text);
    finish(c, request);
  }
}

/* ---- Endpoints ------------------------------------------------------------------------------------------------- */
/* There is no connection, only hosts: it is online when one of them is, offline when none can be reached. */
static void tell_state(struct coap *c)
{
  size_t n = 0, n_offline = 0;
  const char *why = "";
  for (struct cb_endpoint *e = cb_hub_next(c->hub, NULL); e; e = cb_hub_next(c->hub, e)) {
    if (cb_endpoint_link(e) == TT_LINK_ONLINE) {
      tt_connection_state(c->bridge, TT_LINK_ONLINE, NULL);
      return;
    }
    n++;
    n_offline += cb_endpoint_link(e) == TT_LINK_OFFLINE;
    why = cb_endpoint_link(e) == TT_LINK_OFFLINE ? cb_endpoint_why(e) : why;
  }
  if (n > 0 && n == n_offline)
    tt_connection_state(c->bridge, TT_LINK_OFFLINE, "%s", why);
  else
    tt_connection_state(c->bridge, TT_LINK_UNKNOWN, NULL);
}

static void on_change(void *user, struct cb_endpoint *endpoint, enum cb_change change, const char *text)
{
  struct coap *c = user;
  struct cb_device *d;
  DL_FOREACH(c->devices, d) {
    if (d->endpoint != endpoint)
      continue;
    if (change == CB_UNREACHABLE)
      tt_device_link(d->device, TT_LINK_OFFLINE, "%s", text);
    else if (change == CB_REACHABLE)
      tt_device_link(d->device, TT_LINK_ONLINE, NULL);
    cb_device_changed(d, change);
  }
  tell_state(c);
}

/* ---- The contract (bridge.h) ----------------------------------------------------------------------------------- */
static int start(struct tt_bridge *bridge)
{
  struct coap *c = state_of(bridge);
  c->bridge = bridge;
  return cb_hub_create(bridge, on_change, c, &c->hub);
}

static void on_ended(void *user)
{
  struct coap *c = user;
  tt_stopped(c->bridge);
}

static void stop(struct tt_bridge *bridge)
{
  struct coap *c = state_of(bridge);
  struct cb_device *d, *next;
  requests_cancel(c, NULL, "the gateway stops");
  cb_discovery_cancel(c->discovery);
  c->discovery = NULL;
  DL_FOREACH_SAFE(c->devices, d, next)
  {
    DL_DELETE(c->devices, d);
    cb_device_finish(d);
  }
  cb_hub_stop(c->hub, on_ended, c);
}

static int attach(struct tt_bridge *bridge, struct tt_device *device)
{
  struct coap *c = state_of(bridge);
  struct cb_device *d = tt_device_state(device);
  int r = cb_device_init(d, device, c->hub);
  if (r < 0)
    return r;
  DL_APPEND(c->devices, d);
  return 0;
}

static void detach(struct tt_bridge *bridge, struct tt_device *device)
{
  struct coap *c = state_of(bridge);
  struct cb_device *d = tt_device_state(device);
  requests_cancel(c, d, "the device was removed");
  DL_DELETE(c->devices, d);
  cb_device_finish(d);
  tt_detached(device);
  tell_state(c);
}

static int ask_one(struct request *request, const struct cb_resource *resource, uint64_t deadline_us)
{
  struct part *part = malloc(sizeof *part);
  if (!part)
    return -ENOMEM;
  *part = (struct part){.request = request, .resource = resource};
  struct cb_ask ask = cb_device_ask(request->device, resource);
  ask.done = on_read;
  ask.user = part;
  ask.dropped = drop_part;
  ask.deadline_us = deadline_us;
  int r = cb_endpoint_ask(request->device->endpoint, &ask);
  if (r < 0)
    free(part);
  else
    request->n_open++;
  return r;
}

static void read_points(struct tt_bridge *bridge, tt_id id, struct tt_device *device, const uint16_t points[],
                        size_t n, uint64_t deadline_us)
{
  struct coap *c = state_of(bridge);
  struct cb_device *d = tt_device_state(device);
  bool seen[CB_RESOURCES_MAX] = {false};
  struct request *request = request_add(c, id, d);
  int r = request ? 0 : -ENOMEM;
  for (size_t i = 0; r == 0 && i < n; i++) {
    uint16_t resource = d->resource_of_point[points[i]];
    if (resource != CB_NO_RESOURCE && !seen[resource])
      r = ask_one(request, &d->resources[resource], deadline_us);
    if (resource != CB_NO_RESOURCE)
      seen[resource] = true;
  }
  if (request && request->n_open > 0) {
    if (r < 0)
      note(request, r, strerror(-r));
    return;
  }
  if (request)
    unasked(c, request, r);
  else
    refuse(bridge, id, r);
}

static void write_point(struct tt_bridge *bridge, tt_id id, struct tt_device *device, uint16_t point,
                        const struct tt_value *value, uint64_t deadline_us)
{
  struct coap *c = state_of(bridge);
  struct cb_device *d = tt_device_state(device);
  const struct cb_device_options *options = d->config->options;
  const struct cb_write_address *address = d->config->points[point].write->address;
  TT_AUTOBUF struct tt_buf payload = TT_BUF(CB_BODY_MAX);
  struct request *request = request_add(c, id, d);
  struct cb_ask ask = {.owner = d,
                       .done = on_written,
                       .user = request,
                       .path = &d->write_paths[point],
                       .is_confirmable = address->confirmable,
                       .is_command = true,
                       .accept = CB_CONTENT_NONE,
                       .content = address->delete ? CB_CONTENT_NONE : cb_content_of(cb_write_format(address)),
                       .block_size = (size_t)options->block_size,
                       .deadline_us = deadline_us};
  int r = request ? cb_payload_compose(address, value, &payload) : -ENOMEM;
  cb_write_path(address, &ask.method);
  ask.data = payload.data;
  ask.n = payload.len;
  if (r == 0)
    r = cb_endpoint_ask(d->endpoint, &ask);
  if (r == 0) {
    request->is_write = true;
    request->n_open = 1;
    return;
  }
  if (request)
    unasked(c, request, r);
  else
    refuse(bridge, id, r);
}

static void discover(struct tt_bridge *bridge, tt_id request, uint64_t deadline_us)
{
  struct coap *c = state_of(bridge);
  int r = cb_discovery_start(bridge, c->hub, request, deadline_us, &c->discovery);
  if (r < 0)
    refuse(bridge, request, r);
}

TT_BRIDGE(coap) = {
    .abi = TT_BRIDGE_ABI,
    .name = "coap",
    .summary = "CoAP over UDP and DTLS: sensors and actuators of the constrained kind",
    .connection = {sizeof(struct cb_connection), cb_connection_table},
    .device = {sizeof(struct cb_device_options), cb_device_table},
    .read_address = {sizeof(struct cb_read_address), cb_read_table},
    .write_address = {sizeof(struct cb_write_address), cb_write_table},
    .instance_size = sizeof(struct coap),
    .device_size = sizeof(struct cb_device),
    .check = cb_check,
    .start = start,
    .stop = stop,
    .attach = attach,
    .detach = detach,
    .read = read_points,
    .write = write_point,
    .discover = discover,
};
