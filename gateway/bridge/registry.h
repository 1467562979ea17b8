/* SPDX-License-Identifier: Apache-2.0
 *
 * registry.h: the bridges that there are: shared objects of one directory, and those built into the program. Loads a
 * shared object when its protocol is first asked for; never unloads. Main thread only.
 */
#pragma once

#include <thingtree/bridge.h>

#define TT_BRIDGES_MAX 64 /* in the directory */

struct tt_registry;

/* `dir` may be NULL (none), missing or empty. `builtin` (may be NULL) ends with NULL. -ENOMEM */
int tt_registry_create(const char *dir, const struct tt_bridge_ops *const *builtin, struct tt_registry **ret);
void tt_registry_destroy(struct tt_registry *registry); /* tables that were given stay valid */

/* NULL when there is none or it cannot be used; then `ret_why` (may be NULL) is a sentence about it, or NULL when
 * there is simply no bridge of that name. Its text lives as long as the registry. */
const struct tt_bridge_ops *tt_registry_find(struct tt_registry *registry, const char *name, const char **ret_why);
/* Every name, sorted, ends with NULL. */
const char *const *tt_registry_names(struct tt_registry *registry);

/* What is wrong with a table, for people; NULL: nothing. Pure. */
const char *tt_registry_fault(const struct tt_bridge_ops *ops, const char *name);

/* How the configuration finds bridges: fills `bridge`, `why`, `names` and `user`. */
struct tt_config_env;
void tt_registry_serve(struct tt_registry *registry, struct tt_config_env *env);
