/* SPDX-License-Identifier: Apache-2.0
 * manage.c: the memory of a view, and finding things in it. */
#include "manage.h"

#define VIEW_MEMORY_MAX (64u * 1024 * 1024)

struct owned {
  struct tt_manage_view view;
  struct tt_arena *arena;
};

struct tt_manage_view *tt_manage_view_create(struct tt_arena **ret_arena)
{
  struct owned *owned = calloc(1, sizeof *owned);
  if (!owned)
    return NULL;
  owned->arena = tt_arena_create(VIEW_MEMORY_MAX);
  if (!owned->arena) {
    free(owned);
    return NULL;
  }
  *ret_arena = owned->arena;
  return &owned->view;
}

void tt_manage_view_free(struct tt_manage_view *view)
{
  if (!view)
    return;
  struct owned *owned = TT_CONTAINER_OF(view, struct owned, view);
  tt_arena_destroy(owned->arena);
  free(owned);
}

const struct tt_manage_mapping *tt_manage_mapping(const struct tt_manage_view *view, const char *name)
{
  for (size_t i = 0; i < view->n_mappings; i++)
    if (strcmp(view->mappings[i].name, name) == 0)
      return &view->mappings[i];
  return NULL;
}

const struct tt_manage_device *tt_manage_device(const struct tt_manage_view *view, const char *key)
{
  for (size_t i = 0; i < view->n_devices; i++)
    if (strcmp(view->devices[i].key, key) == 0)
      return &view->devices[i];
  return NULL;
}
