/* SPDX-License-Identifier: Apache-2.0
 *
 * reload.c: load, judge, apply. The rule: nothing is taken up that would disable what runs, or in which something may be
 * missing because a file could not be read. Devices that are new or were disabled before may be wrong: they become nodes
 * with a message, as at the start.
 */
#include "reload.h"

#include "trust/access.h"
#include "xmpp/publish.h"
#include "xmpp/router.h"

#include <malloc.h>
#include <stdio.h>

struct tt_reloader {
  struct tt_reloader_options options;
  struct tt_config *config; /* taken up as a whole: rules, what XMPP is */
};

int tt_reloader_create(const struct tt_reloader_options *options, struct tt_reloader **ret)
{
  struct tt_reloader *reloader = calloc(1, sizeof(*reloader));
  if (!reloader)
    return -ENOMEM;
  reloader->options = *options;
  reloader->options.config = tt_config_ref(options->config); /* what XMPP is made of, to the end */
  reloader->config = tt_config_ref(options->config);
  *ret = reloader;
  return 0;
}

void tt_reloader_destroy(struct tt_reloader *reloader)
{
  if (!reloader)
    return;
  tt_config_destroy(reloader->config);
  tt_config_destroy(reloader->options.config);
  free(reloader);
}

const struct tt_config *tt_reloader_config(const struct tt_reloader *reloader)
{
  return reloader->config;
}

void tt_reload_result_finish(struct tt_reload_result *result)
{
  tt_buf_finish(&result->text);
}

/* ---- What cannot change while it runs --------------------------------------------------------------------------- */

static bool is_same_text(const char *a, const char *b)
{
  return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool is_same_server(const struct tt_server_config *a, const struct tt_server_config *b)
{
  return is_same_text(a->host, b->host) && a->port == b->port && is_same_text(a->ca, b->ca);
}

static bool is_same_rooms(const struct tt_xmpp_config *a, const struct tt_xmpp_config *b)
{
  if (a->n_rooms != b->n_rooms)
    return false;
  for (size_t i = 0; i < a->n_rooms; i++) {
    const struct tt_room *x = &a->rooms[i], *y = &b->rooms[i];
    if (strcmp(x->jid, y->jid) != 0 || strcmp(x->nick, y->nick) != 0 || !is_same_text(x->password, y->password) ||
        !tt_texts_are_same(&x->told.nodes, &y->told.nodes) ||
        !tt_texts_are_same(&x->told.fields, &y->told.fields) || x->told.min_us != y->told.min_us ||
        x->has_commands != y->has_commands)
      return false;
  }
  return true;
}

static void tell_restart(const struct tt_xmpp_config *a, const struct tt_xmpp_config *b, char *out, size_t size)
{
  const struct {
    const char *name;
    bool is_same;
  } parts[] = {
      {"xmpp.account", a->account.is_set == b->account.is_set && is_same_text(a->account.jid, b->account.jid) &&
                           is_same_text(a->account.password, b->account.password) &&
                           is_same_server(&a->account.server, &b->account.server)},
      {"xmpp.component", a->component.is_set == b->component.is_set &&
                             is_same_text(a->component.jid, b->component.jid) &&
                             is_same_text(a->component.secret, b->component.secret) &&
                             is_same_server(&a->component.server, &b->component.server)},
      {"xmpp.rooms", is_same_rooms(a, b)},
      {"xmpp.dialects", a->dialects == b->dialects},
      {"xmpp.control_by_message", a->control_by_message == b->control_by_message},
  };
  size_t n = 0;
  for (size_t i = 0; i < TT_COUNT(parts) && n < size; i++)
    if (!parts[i].is_same)
      n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", parts[i].name);
  if (n > 0 && n < size)
    snprintf(out + n, size - n, " changed: that takes a restart");
}

/* ---- Loading, judging, applying --------------------------------------------------------------------------------- */

static const struct tt_device_entry *find_entry(const struct tt_config *config, const char *key)
{
  for (size_t i = 0; i < config->n_devices; i++)
    if (strcmp(config->devices[i].config.key, key) == 0)
      return &config->devices[i];
  return NULL;
}

/* Why this cannot be taken up; false: it can. Of the devices that are asked for those remain that can, in `keys`. */
static bool refuse(const struct tt_reloader *reloader, const struct tt_config *config, const struct tt_only *asked,
                   const char **keys, struct tt_only *only, char *out, size_t size)
{
  const char *harmed;
  if (!config->is_usable) {
    snprintf(out, size, "%s cannot be used; nothing has changed", reloader->options.env.file);
    return true;
  }
  if (config->n_loose_errors > 0) {
    snprintf(out, size, "something may be missing because of an error; nothing has changed");
    return true;
  }
  if (!asked && (harmed = tt_host_would_disable(reloader->options.host, config))) {
    snprintf(out, size, "%.300s runs, and would be disabled by an error; nothing has changed", harmed);
    return true;
  }
  for (size_t i = 0; asked && i < asked->n; i++) {
    const struct tt_device_entry *entry = find_entry(config, asked->keys[i]);
    bool leaves = !entry && asked->may_leave && find_entry(tt_host_config(reloader->options.host), asked->keys[i]);
    if (leaves || (entry && !entry->is_disabled))
      keys[only->n++] = asked->keys[i];
    else
      snprintf(out, size, "%.256s cannot be used: %.600s; nothing has changed", asked->keys[i],
               entry ? entry->error : "it is not in the configuration");
  }
  return asked && only->n == 0;
}

/* Everything beside devices, connections and rules. */
static void apply_rest(struct tt_reloader *reloader, struct tt_config *config, struct tt_reload_result *ret)
{
  tt_router_configure(reloader->options.router, (size_t)config->xmpp.stanza_max, config->xmpp.compat_response_code);
  tell_restart(&reloader->options.config->xmpp, &config->xmpp, ret->why, sizeof(ret->why));
  if (reloader->options.publisher &&
      tt_publisher_configure(reloader->options.publisher, config->xmpp.publish, config->xmpp.n_publish) < 0)
    snprintf(ret->why, sizeof(ret->why), "not everything can be published: out of memory");
  tt_config_destroy(reloader->config);
  reloader->config = tt_config_ref(config);
}

/* The rules go first: nobody is told of a device that is new by the rules that were before it. */
static int apply(struct tt_reloader *reloader, struct tt_config *config, const struct tt_only *only,
                 struct tt_reload_result *ret)
{
  int r = only ? 0 : tt_access_configure(reloader->options.access, config->rules, config->n_rules);
  if (r < 0)
    return r;
  r = tt_host_apply(reloader->options.host, config, only, &ret->changes);
  if (r < 0 && !only) /* as it was; the index of these rules has been made before */
    (void)tt_access_configure(reloader->options.access, reloader->config->rules, reloader->config->n_rules);
  if (r == 0 && !only)
    apply_rest(reloader, config, ret);
  return r;
}

int tt_reload(struct tt_reloader *reloader, const struct tt_only *only, struct tt_reload_result *ret)
{
  struct tt_config *config = NULL;
  struct tt_diags *diags = NULL;
  struct tt_config_env env = reloader->options.env;
  bool polls_used[TT_POLL_SLOTS_MAX];
  tt_host_polls_used(reloader->options.host, polls_used);
  env.before = tt_host_config(reloader->options.host);
  env.polls_used = polls_used;
  *ret = (struct tt_reload_result){0};
  int r = tt_config_load(&env, &config, &diags);
  if (r < 0)
    return r;
  ret->n_errors = tt_diags_count(diags, TT_SEVERITY_ERROR);
  tt_diags_render(diags, false, &ret->text);
  tt_diags_destroy(diags);
  const char **keys TT_AUTOFREE = calloc(only ? only->n + 1 : 1, sizeof(*keys));
  struct tt_only some = {.keys = keys};
  if (!keys)
    r = -ENOMEM;
  else
    ret->is_refused = refuse(reloader, config, only, keys, &some, ret->why, sizeof(ret->why));
  if (!ret->is_refused && r == 0)
    r = apply(reloader, config, only ? &some : NULL, ret);
  tt_config_destroy(config);
  malloc_trim(0); /* two configurations were there for a moment: what the second took is given back */
  if (r < 0)
    tt_reload_result_finish(ret);
  return r;
}
