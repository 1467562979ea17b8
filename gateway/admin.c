/* SPDX-License-Identifier: Apache-2.0
 * admin.c: requests of admins, and their answers. */
#include "admin.h"

#include "service/log.h"

#include <stdio.h>

struct tt_admin {
  struct tt_admin_options options;
  struct tt_discoverer *discoverer;
  /* the discovery that is under way */
  struct tt_api_discovery fns;
  char (*keys)[TT_FOUND_KEY_SIZE];
  size_t n_keys, room;
};

int tt_admin_create(const struct tt_admin_options *options, struct tt_admin **ret)
{
  struct tt_admin *admin = calloc(1, sizeof(*admin));
  if (!admin)
    return -ENOMEM;
  admin->options = *options;
  int r = tt_discoverer_create(options->event, options->host, &admin->discoverer);
  if (r < 0) {
    free(admin);
    return r;
  }
  *ret = admin;
  return 0;
}

void tt_admin_destroy(struct tt_admin *admin)
{
  if (!admin)
    return;
  tt_discoverer_destroy(admin->discoverer);
  free(admin->keys);
  free(admin);
}

int tt_admin_reload(void *user, struct tt_api_reload *ret)
{
  struct tt_admin *admin = user;
  struct tt_reload_result result;
  int r = admin->options.reload(admin->options.user, &result);
  if (r < 0)
    return r;
  const struct tt_host_changes *c = &result.changes;
  *ret = (struct tt_api_reload){
      .is_refused = result.is_refused,
      .errors = result.n_errors,
      .devices = {c->added, c->changed, c->removed, c->unchanged},
      .connections = {c->connections_added, c->connections_changed, c->connections_removed,
                      c->connections_unchanged},
      .diagnostics = tt_buf_steal(&result.text),
  };
  snprintf(ret->why, sizeof(ret->why), "%s", result.why);
  tt_reload_result_finish(&result);
  return 0;
}

/* ---- Discovery: told when all have been asked, for only then it is known what might become of them ------------------ */

static void on_found(void *user, const struct tt_found *found)
{
  struct tt_admin *admin = user;
  for (size_t i = 0; i < admin->n_keys; i++)
    if (strcmp(admin->keys[i], found->key) == 0)
      return; /* it has said more about itself */
  if (admin->n_keys == admin->room) {
    size_t room = admin->room ? 2 * admin->room : 64;
    char(*keys)[TT_FOUND_KEY_SIZE] = reallocarray(admin->keys, room, sizeof(*keys));
    if (!keys)
      return;
    admin->keys = keys;
    admin->room = room;
  }
  memcpy(admin->keys[admin->n_keys++], found->key, TT_FOUND_KEY_SIZE);
}

static void on_problem(void *user, const char *connection, const char *text)
{
  struct tt_admin *admin = user;
  admin->fns.problem(admin->fns.user, connection, text);
}

static void on_blind(void *user, const char *connection, const char *text)
{
  struct tt_admin *admin = user;
  admin->fns.blind(admin->fns.user, connection, text);
}

static void tell(const struct tt_admin *admin, const struct tt_config *config, const struct tt_found *found)
{
  const struct tt_candidate *c = &found->candidate;
  struct tt_proposal proposal;
  tt_propose(config, found, &proposal);
  admin->fns.candidate(admin->fns.user, &(struct tt_api_candidate){
                                            .key = found->key,
                                            .connection = found->connection,
                                            .protocol = found->protocol,
                                            .id = c->id,
                                            .name = c->name,
                                            .vendor = c->vendor,
                                            .model = c->model,
                                            .address = c->address,
                                            .mapping = proposal.mapping ? proposal.mapping->name : NULL,
                                            .sure = proposal.sure,
                                            .missing = proposal.missing,
                                            .device = proposal.device,
                                        });
}

static void on_done(void *user)
{
  struct tt_admin *admin = user;
  struct tt_config_env env = *admin->options.env;
  struct tt_config *config;
  struct tt_diags *diags;
  env.with_mappings = true;
  int r = admin->n_keys > 0 ? tt_config_load(&env, &config, &diags) : 0;
  if (r == 0 && admin->n_keys > 0) {
    for (size_t i = 0; i < admin->n_keys; i++) {
      const struct tt_found *found = tt_discoverer_find(admin->discoverer, admin->keys[i]);
      if (found)
        tell(admin, config, found);
    }
    tt_diags_destroy(diags);
    tt_config_destroy(config);
  }
  admin->n_keys = 0;
  struct tt_api_discovery fns = admin->fns;
  admin->fns = (struct tt_api_discovery){0};
  fns.done(fns.user, r < 0 ? strerror(-r) : NULL);
}

int tt_admin_discover(void *user, const char *connection, uint64_t timeout_us, const struct tt_api_discovery *fns)
{
  struct tt_admin *admin = user;
  if (admin->fns.done)
    return -EBUSY;
  admin->fns = *fns;
  int r = tt_discoverer_start(
      admin->discoverer, connection, timeout_us,
      &(struct tt_discovery_sink){
          .user = admin, .found = on_found, .problem = on_problem, .blind = on_blind, .done = on_done});
  if (r < 0)
    admin->fns = (struct tt_api_discovery){0};
  return r;
}

/* ---- Adoption --------------------------------------------------------------------------------------------------- */

static int note(void *user, const struct tt_adoption *adoption, const struct tt_found *found, const char *mapping)
{
  struct tt_admin *admin = user;
  return tt_audit_device(admin->options.audit, tt_core_now(admin->options.core), adoption->caller, "adopted",
                         adoption->key, mapping, found->connection, adoption->file);
}

void tt_admin_adopt(void *user, struct tt_api_adoption *a)
{
  struct tt_admin *admin = user;
  const struct tt_adopter adopter = {.env = admin->options.env,
                                     .discoverer = admin->discoverer,
                                     .reloader = admin->options.reloader,
                                     .note = note,
                                     .user = admin};
  struct tt_adoption *adoption = calloc(1, sizeof(*adoption));
  if (!adoption) {
    a->code = "failed";
    return;
  }
  *adoption = (struct tt_adoption){.caller = a->caller,
                                   .candidate = a->candidate,
                                   .as = a->as,
                                   .under = a->under,
                                   .uses = a->uses,
                                   .with = {a->with, a->n_with},
                                   .is_dry = a->is_dry};
  tt_adopt(&adopter, adoption);
  a->code = adoption->code;
  memcpy(a->why, adoption->why, sizeof(a->why));
  memcpy(a->key, adoption->key, sizeof(a->key));
  memcpy(a->file, adoption->file, sizeof(a->file));
  a->text = tt_buf_steal(&adoption->text);
  a->diagnostics = tt_buf_steal(&adoption->diagnostics);
  if (!a->code && !a->is_dry)
    tt_log(TT_LOG_INFO, a->key, "adopted: %s", a->file);
  tt_adoption_finish(adoption);
  free(adoption);
}
