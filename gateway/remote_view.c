/* SPDX-License-Identifier: Apache-2.0
 * remote_view.c: one look at mappings, connections and devices, copied out of the configuration. */
#include "config/diag.h"
#include "remote.h"
#include "remote_text.h"

#include <stdio.h>

/* All copies of one view. */
struct copier {
  struct tt_arena *arena;
  struct tt_manage_view *view;
  bool failed;
};

static const char *text_of(struct copier *c, const char *text)
{
  const char *copy = tt_arena_strdup(c->arena, text);
  c->failed |= text && !copy;
  return copy;
}

static void *room_for(struct copier *c, size_t n, size_t size)
{
  void *room = tt_arena_alloc(c->arena, (n + 1) * size);
  c->failed |= !room;
  return room;
}

static struct tt_label label_of(struct copier *c, const struct tt_label *label)
{
  struct tt_label copy = {.n = label->n};
  for (size_t i = 0; i < label->n; i++) {
    copy.language[i] = text_of(c, label->language[i]);
    copy.text[i] = text_of(c, label->text[i]);
  }
  return copy;
}

static enum tt_manage_type type_of(enum tt_param_type type)
{
  switch (type) {
  case TT_PARAM_STRING:
    return TT_MANAGE_TEXT;
  case TT_PARAM_INTEGER:
    return TT_MANAGE_INTEGER;
  case TT_PARAM_NUMBER:
    return TT_MANAGE_NUMBER;
  case TT_PARAM_BOOLEAN:
    return TT_MANAGE_BOOLEAN;
  case TT_PARAM_SECRET:
    return TT_MANAGE_SECRET;
  }
  return TT_MANAGE_TEXT;
}

/* `with`: of a device, NULL: none. */
static const struct tt_manage_param *params_of(struct copier *c, const struct tt_mapping_config *mapping,
                                               const struct tt_item *with)
{
  struct tt_manage_param *params = room_for(c, mapping->n_params, sizeof(*params));
  for (size_t i = 0; params && i < mapping->n_params; i++) {
    const struct tt_parameter_config *p = &mapping->params[i];
    const struct tt_item *value = tt_item_get(with, p->name);
    params[i] = (struct tt_manage_param){
        .name = text_of(c, p->name),
        .label = label_of(c, &p->label),
        .help = text_of(c, p->help),
        .type = type_of(p->type),
        .is_required = p->is_required,
        .has_range = p->has_range,
        .min = p->min,
        .max = p->max,
        .preset = text_of(c, p->preset),
        .value = value && !p->is_secret ? tt_remote_shown(c->arena, value) : NULL,
        .is_given = value != NULL,
    };
    c->failed |= value && !p->is_secret && !params[i].value;
  }
  return params;
}

static void copy_mappings(struct copier *c, const struct tt_config *config)
{
  struct tt_manage_mapping *mappings = room_for(c, config->n_mappings, sizeof(*mappings));
  for (size_t i = 0; mappings && i < config->n_mappings; i++) {
    const struct tt_mapping_config *m = &config->mappings[i];
    mappings[i] = (struct tt_manage_mapping){.name = text_of(c, m->name),
                                             .protocol = text_of(c, m->protocol),
                                             .label = label_of(c, &m->label),
                                             .vendor = text_of(c, m->vendor),
                                             .model = text_of(c, m->model),
                                             .params = params_of(c, m, NULL),
                                             .n_params = m->n_params};
  }
  c->view->mappings = mappings;
  c->view->n_mappings = mappings ? config->n_mappings : 0;
}

static void copy_connections(struct copier *c, const struct tt_config *config)
{
  struct tt_manage_connection *connections = room_for(c, config->n_connections, sizeof(*connections));
  size_t n = 0;
  for (size_t i = 0; connections && i < config->n_connections; i++) {
    const struct tt_connection_config *from = &config->connections[i];
    if (from->ops) /* else its protocol is not known */
      connections[n++] =
          (struct tt_manage_connection){text_of(c, from->name), text_of(c, from->ops->name), from->is_implicit};
  }
  c->view->connections = connections;
  c->view->n_connections = n;
}

static const struct tt_mapping_config *mapping_of(const struct tt_config *config, const char *name)
{
  for (size_t i = 0; name && i < config->n_mappings; i++)
    if (strcmp(config->mappings[i].name, name) == 0)
      return &config->mappings[i];
  return NULL;
}

static void copy_ours(struct copier *c, const struct tt_config *config, const struct tt_item *entry,
                      struct tt_manage_device *device)
{
  const struct tt_item *uses = tt_item_get(entry, "uses");
  device->is_ours = true;
  device->label = tt_remote_shown(c->arena, tt_item_get(entry, "label"));
  device->connection = tt_remote_shown(c->arena, tt_item_get(entry, "connection"));
  device->under = tt_remote_shown(c->arena, tt_item_get(entry, "under"));
  device->uses = uses && uses->kind == TT_ITEM_SCALAR ? text_of(c, uses->text) : NULL;
  const struct tt_mapping_config *mapping = mapping_of(config, device->uses);
  if (mapping) {
    device->params = params_of(c, mapping, tt_item_get(entry, "with"));
    device->n_params = device->params ? mapping->n_params : 0;
  }
  c->failed |= !device->label || !device->connection || !device->under;
}

static void copy_devices(struct copier *c, const struct tt_config *config, const struct tt_remote_file *file,
                         const struct tt_remote_text *text)
{
  struct tt_manage_device *devices = room_for(c, config->n_devices, sizeof(*devices));
  for (size_t i = 0; devices && i < config->n_devices; i++) {
    const struct tt_device_entry *from = &config->devices[i];
    const struct tt_item *entry =
        strcmp(from->config.mark.file, file->name) == 0 ? tt_item_get(text->devices, from->config.key) : NULL;
    devices[i] = (struct tt_manage_device){
        .key = text_of(c, from->config.key),
        .file = text_of(c, from->config.mark.file),
        .is_disabled = from->is_disabled,
        .shown = label_of(c, &from->label),
        .under = text_of(c, from->place ? from->place : ""),
        .connection =
            from->connection < config->n_connections ? text_of(c, config->connections[from->connection].name) : "",
        .uses = text_of(c, from->mapping),
        .label = "",
    };
    if (entry)
      copy_ours(c, config, entry, &devices[i]);
  }
  c->view->devices = devices;
  c->view->n_devices = devices ? config->n_devices : 0;
}

int tt_remote_view(void *user, struct tt_manage_view **ret)
{
  struct copier c = {0};
  struct tt_config *config = NULL;
  struct tt_diags *diags = NULL;
  struct tt_remote_file file = {0};
  struct tt_remote_text text TT_AUTOREMOTE = {0};
  char why[1024], wrong[512];
  c.view = tt_manage_view_create(&c.arena);
  int r = c.view ? tt_remote_load(user, NULL, NULL, &config, &diags) : -ENOMEM;
  if (r == 0)
    r = tt_remote_file_read(user, config, &file, why, sizeof(why));
  if (r == 0) {
    r = tt_remote_read(&text, file.yaml ? file.yaml : "", file.size, wrong, sizeof(wrong));
    if (r == -EINVAL)
      snprintf(why, sizeof(why), "%.400s cannot be changed as it is: %.500s", file.name, wrong);
  }
  if (r == -EINVAL)
    c.view->why = text_of(&c, why);
  else if (r == 0)
    c.view->file = text_of(&c, file.name);
  if ((r == 0 || r == -EINVAL) && config->is_usable) {
    copy_mappings(&c, config);
    copy_connections(&c, config);
    copy_devices(&c, config, &file, &text);
  }
  if (c.failed)
    r = -ENOMEM;
  tt_remote_file_finish(&file);
  tt_diags_destroy(diags);
  tt_config_destroy(config);
  if (r != 0 && r != -EINVAL) {
    tt_manage_view_free(c.view);
    return r;
  }
  *ret = c.view;
  return 0;
}
