/* SPDX-License-Identifier: Apache-2.0
 *
 * remote.h: devices that admins add, edit and remove over XMPP: one file of ours in a directory that the configuration
 * includes, and nothing else. A change is judged by the whole configuration before it is kept; what is refused has changed
 * nothing. Main thread.
 */
#pragma once

#include "model/manage.h"
#include "reload.h"

struct tt_audit;
struct tt_remote;

struct tt_remote_options {
  const struct tt_config_env *env; /* this and all others are borrowed and outlive it */
  struct tt_core *core;
  struct tt_host *host;
  struct tt_reloader *reloader;
  struct tt_audit *audit;
};
int tt_remote_create(const struct tt_remote_options *options, struct tt_remote **ret);
void tt_remote_destroy(struct tt_remote *remote); /* NULL is fine */
struct tt_manage_hooks tt_remote_hooks(struct tt_remote *remote);

/* ---- Between remote.c and remote_view.c ------------------------------------------------------------------------ */
struct tt_remote_text;
/* The configuration as the files are now, with all mappings, or (`instead`) as one of them is about to be. -ENOMEM */
int tt_remote_load(const struct tt_remote *remote, const char *instead_name, const char *instead_path,
                   struct tt_config **ret_config, struct tt_diags **ret_diags);
/* Our file: its name as in `include:`, path, and text (NULL: it is not there yet). -EINVAL: `why`. */
struct tt_remote_file {
  char name[2200];
  struct tt_buf path;
  char *yaml; /* wiped */
  size_t size;
};
int tt_remote_file_read(const struct tt_remote *remote, const struct tt_config *config, struct tt_remote_file *ret,
                        char *why, size_t why_size);
void tt_remote_file_finish(struct tt_remote_file *file);
/* remote_view.c */
int tt_remote_view(void *user, struct tt_manage_view **ret);
