/* SPDX-License-Identifier: Apache-2.0
 * What the endpoints of an instance share, and libcoap in the loop. */
#include "endpoint_private.h"

#include <utlist.h>

/* ---- libcoap in the loop --------------------------------------------------------------------------------------- */
void cb_io_arm(const struct cb_io *io)
{
  coap_tick_t now;
  coap_ticks(&now);
  coap_io_prepare_epoll(io->context, now);
}

static int on_io(sd_event_source *source TT_UNUSED, int fd TT_UNUSED, uint32_t events TT_UNUSED, void *user)
{
  struct cb_io *io = user;
  coap_io_process(io->context, COAP_IO_NO_WAIT);
  cb_io_arm(io);
  return 0;
}

void cb_io_close(struct cb_io *io)
{
  io->source = sd_event_source_disable_unref(io->source);
  if (io->context)
    coap_free_context(io->context);
  io->context = NULL;
}

int cb_io_open(struct cb_hub *hub, struct cb_io *io)
{
  io->context = coap_new_context(NULL);
  if (!io->context)
    return -ENOMEM;
  coap_register_response_handler(io->context, cb_exchange_response);
  coap_register_nack_handler(io->context, cb_exchange_nack);
  coap_register_event_handler(io->context, cb_endpoint_event);
  int r = sd_event_add_io(tt_bridge_event(hub->bridge), &io->source, coap_context_get_coap_fd(io->context), EPOLLIN,
                          on_io, io);
  if (r < 0)
    cb_io_close(io);
  return r < 0 ? r : 0;
}

static void on_library_log(coap_log_t level TT_UNUSED, const char *message TT_UNUSED)
{
}

/* ---- Life ------------------------------------------------------------------------------------------------------ */
int cb_hub_create(struct tt_bridge *bridge, cb_change_fn changed, void *user, struct cb_hub **ret)
{
  struct cb_hub *hub = calloc(1, sizeof *hub);
  if (!hub)
    return -ENOMEM;
  coap_startup();
  coap_set_log_level(LOG_EMERG); /* it would write payloads and addresses to stderr */
  coap_set_log_handler(on_library_log);
  hub->bridge = bridge;
  hub->options = tt_bridge_options(bridge);
  hub->changed = changed;
  hub->user = user;
  int r = cb_io_open(hub, &hub->plain);
  if (r == 0)
    r = cb_resolver_create(bridge, cb_hub_resolved, hub, &hub->resolver);
  if (r < 0) {
    cb_io_close(&hub->plain);
    free(hub);
    return r;
  }
  *ret = hub;
  return 0;
}

static void on_resolver_ended(void *user)
{
  struct cb_hub *hub = user;
  void (*ended)(void *) = hub->ended;
  void *ended_user = hub->ended_user;
  free(hub);
  ended(ended_user);
}

void cb_hub_stop(struct cb_hub *hub, void (*ended)(void *user), void *user)
{
  while (hub->endpoints)
    cb_endpoint_destroy(hub->endpoints);
  cb_io_close(&hub->plain);
  hub->ended = ended;
  hub->ended_user = user;
  cb_resolver_stop(hub->resolver, on_resolver_ended, hub);
}
