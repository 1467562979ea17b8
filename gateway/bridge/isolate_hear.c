/* SPDX-License-Identifier: Apache-2.0
 * isolate_hear.c: what the process of a bridge says, as calls of host.h. None of it is believed: what names a device or a
 * point that is not its own is not acceptable, and all the rest is what host.h takes from any bridge. */
#include "isolate_private.h"

#include "sandbox.h"

#define HANG_UP (-ECANCELED) /* it has said its last */

static struct isolated_device *device_of(struct isolate *isolate, uint64_t id)
{
  struct isolated_device *d;
  HASH_FIND(hh, isolate->devices, &id, sizeof(id), d);
  return d;
}

static const char *text_of(const struct tt_letter *m)
{
  return m->text ? m->text : "";
}

/* Whose polls failed while it was away. */
static void revive(struct isolate *isolate)
{
  struct isolated_device *d, *next;
  HASH_ITER(hh, isolate->devices, d, next)
    if (device_is_usable(d->device))
      poll_start(d->device);
}

/* ---- Of the connection -------------------------------------------------------------------------------------------- */
static int hear_ready(struct isolate *isolate, const struct tt_letter *m)
{
  if (isolate->starts == 1 && !(m->number & TT_SHUT_FILES))
    tt_bridge_log(isolate->bridge, TT_LOG_INFO, "its process is not kept from files: the kernel has no Landlock");
  if (isolate->is_revived && !isolate->has_spoken) {
    tt_connection_state(isolate->bridge, TT_LINK_UNKNOWN, NULL);
    revive(isolate);
  }
  return 0;
}

static int hear_failed(struct isolate *isolate, const struct tt_letter *m)
{
  isolate_blame(isolate, text_of(m));
  return HANG_UP;
}

static int hear_state(struct isolate *isolate, const struct tt_letter *m)
{
  enum tt_link_state state = (enum tt_link_state)m->number;
  isolate->has_spoken = true;
  tt_connection_state(isolate->bridge, state, "%s", text_of(m));
  if (state == TT_LINK_ONLINE && isolate->is_revived) {
    isolate->is_revived = false;
    revive(isolate);
  }
  return 0;
}

static int hear_done(struct isolate *isolate, const struct tt_letter *m)
{
  struct open *open;
  HASH_FIND(hh, isolate->open, &m->id, sizeof(m->id), open);
  if (open)
    isolate_close(isolate, open);
  tt_done(isolate->bridge, m->id, m->error, "%s", text_of(m)); /* an unknown one is counted there */
  return 0;
}

static int hear_candidate(struct isolate *isolate, const struct tt_letter *m)
{
  tt_candidate(isolate->bridge, m->id, m->candidate);
  return 0;
}

static int hear_log(struct isolate *isolate, const struct tt_letter *m)
{
  tt_bridge_log(isolate->bridge, (enum tt_log_level)m->number, "%s", text_of(m));
  return 0;
}

static int hear_pong(struct isolate *isolate, const struct tt_letter *m)
{
  if (m->number > isolate->dropped) {
    isolate->bridge->count.dropped += m->number - isolate->dropped;
    isolate->dropped = m->number;
    status_touch(isolate->bridge->host);
  }
  return 0;
}

static int hear_stopped(struct isolate *isolate, const struct tt_letter *m)
{
  (void)m;
  return isolate->is_stopping ? HANG_UP : -EBADMSG;
}

/* ---- Of a device -------------------------------------------------------------------------------------------------- */
static int hear_attached(struct isolate *isolate, struct isolated_device *d, const struct tt_letter *m)
{
  struct tt_device *device = d->device;
  if (m->error == 0)
    return 0;
  if (d->is_leaving) {
    isolate_device_gone(isolate, d);
    tt_detached(device);
  } else
    isolate_device_failed(isolate, d, m->error, m->text);
  return 0;
}

static int hear_detached(struct isolate *isolate, struct isolated_device *d, const struct tt_letter *m)
{
  struct tt_device *device = d->device;
  (void)m;
  if (!d->is_leaving)
    return -EBADMSG;
  isolate_device_gone(isolate, d);
  tt_detached(device);
  return 0;
}

static int hear_link(struct isolate *isolate, struct isolated_device *d, const struct tt_letter *m)
{
  (void)isolate;
  tt_device_link(d->device, (enum tt_link_state)m->number, "%s", text_of(m));
  return 0;
}

static int hear_report(struct isolate *isolate, struct isolated_device *d, const struct tt_letter *m)
{
  (void)isolate;
  tt_report(d->device, m->point, &m->value, m->time_us, (unsigned)m->number);
  return 0;
}

static int hear_missing(struct isolate *isolate, struct isolated_device *d, const struct tt_letter *m)
{
  (void)isolate;
  tt_report_missing(d->device, m->point);
  return 0;
}

static int hear_error(struct isolate *isolate, struct isolated_device *d, const struct tt_letter *m)
{
  (void)isolate;
  tt_report_error(d->device, m->point, "%s", text_of(m));
  return 0;
}

static int hear_describe(struct isolate *isolate, struct isolated_device *d, const struct tt_letter *m)
{
  (void)isolate;
  int r = tt_describe(d->device, m->blob, m->blob_size);
  return r == -EMSGSIZE ? -EBADMSG : 0;
}

static int hear_probe(struct isolate *isolate, struct isolated_device *d, const struct tt_letter *m)
{
  (void)isolate;
  tt_probe(d->device, m->point, "%s", text_of(m));
  return 0;
}

/* ---- All of it ---------------------------------------------------------------------------------------------------- */
static const struct {
  enum tt_frame_type type;
  int (*hear)(struct isolate *isolate, const struct tt_letter *letter);
} of_connection[] = {
    {TT_FRAME_READY, hear_ready},         {TT_FRAME_FAILED, hear_failed},   {TT_FRAME_STATE, hear_state},
    {TT_FRAME_DONE, hear_done},           {TT_FRAME_LOG, hear_log},         {TT_FRAME_PONG, hear_pong},
    {TT_FRAME_CANDIDATE, hear_candidate}, {TT_FRAME_STOPPED, hear_stopped},
};

static const struct {
  enum tt_frame_type type;
  int (*hear)(struct isolate *isolate, struct isolated_device *d, const struct tt_letter *letter);
  bool has_point;
} of_device[] = {
    {TT_FRAME_ATTACHED, hear_attached, false}, {TT_FRAME_DETACHED, hear_detached, false},
    {TT_FRAME_LINK, hear_link, false},         {TT_FRAME_REPORT, hear_report, true},
    {TT_FRAME_MISSING, hear_missing, true},    {TT_FRAME_ERROR, hear_error, true},
    {TT_FRAME_DESCRIBE, hear_describe, false}, {TT_FRAME_PROBE, hear_probe, false},
};

int isolate_hear(void *user, const struct tt_letter *m)
{
  struct isolate *isolate = user;
  isolate->unanswered = 0;
  for (size_t i = 0; i < TT_COUNT(of_connection); i++)
    if (of_connection[i].type == m->type)
      return of_connection[i].hear(isolate, m);
  struct isolated_device *d = device_of(isolate, m->id);
  for (size_t i = 0; d && i < TT_COUNT(of_device); i++) {
    if (of_device[i].type != m->type)
      continue;
    if (of_device[i].has_point && m->point >= tt_device_config(d->device)->n_points)
      return -EBADMSG;
    return of_device[i].hear(isolate, d, m);
  }
  return -EBADMSG; /* what only the daemon says, or of a device that is not there */
}
