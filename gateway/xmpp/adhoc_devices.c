/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_devices.c: add-device, edit-device, remove-device. First which mapping or device, then a form of all that can be
 * said of it; what is wrong comes back in the same form, at its field. A secret that was typed is kept for the next try, and
 * never shown.
 */
#include "adhoc_admin.h"

#include "text/text.h"

#include <stdio.h>

#define VALUES_MAX (4 + 100) /* fields of a form: ours and the parameters of a mapping */
#define WITH       "with."

struct value {
  char *name, *text;
};

struct work {
  struct tt_manage_view *view;
  char *chosen; /* mapping or device */
  struct value values[VALUES_MAX];
  size_t n_values;
  struct tt_manage_problem problems[TT_MANAGE_PROBLEMS_MAX];
  size_t n_problems;
};

static void forget_values(struct work *work)
{
  for (size_t i = 0; i < work->n_values; i++) {
    explicit_bzero(work->values[i].text, strlen(work->values[i].text));
    free(work->values[i].text);
    free(work->values[i].name);
  }
  work->n_values = work->n_problems = 0;
}

static void work_finish(void *state)
{
  struct work *work = state;
  forget_values(work);
  tt_manage_view_free(work->view);
  free(work->chosen);
}

static const char *value_of(const struct work *work, const char *name)
{
  for (size_t i = 0; i < work->n_values; i++)
    if (!strcmp(work->values[i].name, name))
      return work->values[i].text;
  return NULL;
}

/* False: no memory, or too many. */
static bool set_value(struct work *work, const char *name, const char *text)
{
  struct value value = {strdup(name), strdup(text)};
  size_t i = 0;
  while (i < work->n_values && strcmp(work->values[i].name, name) != 0)
    i++;
  if (!value.name || !value.text || i == VALUES_MAX) {
    free(value.name);
    free(value.text);
    return false;
  }
  if (i < work->n_values) {
    explicit_bzero(work->values[i].text, strlen(work->values[i].text));
    free(work->values[i].text);
    free(work->values[i].name);
  } else {
    work->n_values++;
  }
  work->values[i] = value;
  return true;
}

static const char *problem_at(const struct work *work, const char *field)
{
  for (size_t i = 0; i < work->n_problems; i++)
    if (!strcmp(work->problems[i].field, field))
      return work->problems[i].text;
  return NULL;
}

static const struct tt_adhoc_admin *admin_of(const struct tt_adhoc_session *session)
{
  return tt_adhoc_user(session);
}

/* What the caller may not see does not exist here, either. */
static void drop_unseen(struct tt_adhoc_session *session, struct tt_manage_view *view)
{
  struct tt_core *core = tt_adhoc_core(session);
  size_t n = 0;
  for (size_t i = 0; i < view->n_devices; i++) {
    const struct tt_node *node = tt_tree_find(tt_core_tree(core), view->devices[i].key, NULL, NULL);
    if (node && tt_core_sight(core, tt_adhoc_caller(session), node) == TT_SIGHT_FULL)
      view->devices[n++] = view->devices[i];
  }
  view->n_devices = n;
}

/* As things are now. False: the session has its answer. */
static bool look(struct tt_adhoc_session *session)
{
  const struct tt_manage_hooks *hooks = &admin_of(session)->manage;
  struct work *work = tt_adhoc_state(session);
  tt_manage_view_free(TT_STEAL(work->view));
  if (hooks->view(hooks->user, &work->view) < 0) {
    tt_adhoc_refuse(session, TT_REFUSED_BUSY, NULL);
    return false;
  }
  drop_unseen(session, work->view);
  if (work->view->file)
    return true;
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text, tt_tr(tt_adhoc_language(session), "Devices cannot be changed here: %s"),
                work->view->why ? work->view->why : "");
  tt_adhoc_done(session, TT_ADHOC_ERROR, text.data);
  return false;
}

/* ---- Which mapping, which device --------------------------------------------------------------------------------- */

static bool choose(struct tt_adhoc_session *session, const char *chosen)
{
  struct work *work = tt_adhoc_state(session);
  if (work->chosen && strcmp(work->chosen, chosen) != 0)
    forget_values(work); /* of another one */
  char *copy = strdup(chosen);
  if (!copy) {
    tt_adhoc_refuse(session, TT_REFUSED_BUSY, NULL);
    return false;
  }
  free(work->chosen);
  work->chosen = copy;
  return true;
}

static void put_mapping_name(struct tt_buf *out, const struct tt_manage_mapping *mapping, const char *language)
{
  const char *label = tt_label_for(&mapping->label, language, NULL);
  if (label)
    tt_buf_puts(out, label);
  if (mapping->vendor || mapping->model)
    tt_buf_printf(out, "%s%s%s%s", label ? ", " : "", mapping->vendor ? mapping->vendor : "",
                  mapping->vendor && mapping->model ? " " : "", mapping->model ? mapping->model : "");
  tt_buf_printf(out, out->len ? " (%s)" : "%s", mapping->name);
}

static void mapping_show(struct tt_adhoc_session *session)
{
  const char *language = tt_adhoc_language(session);
  struct work *work = tt_adhoc_state(session);
  if (!look(session))
    return;
  const struct tt_manage_view *view = work->view;
  if (view->n_mappings == 0) {
    tt_adhoc_done(session, TT_ADHOC_ERROR, tt_tr(language, "There is no mapping that could be used."));
    return;
  }
  struct tt_dataform *form =
      tt_adhoc_form(session, tt_tr(language, "Add a device"), tt_tr(language, "Choose what kind of device it is."));
  const struct tt_dataform_field field = {.type =
                                              view->n_mappings > TT_ADMIN_LIST_MAX ? TT_FIELD_TEXT : TT_FIELD_LIST,
                                          .var = "uses",
                                          .label = tt_tr(language, "Mapping"),
                                          .value = work->chosen ? work->chosen : view->mappings[0].name,
                                          .is_required = true};
  tt_dataform_open_list(form, &field);
  for (size_t i = 0; field.type == TT_FIELD_LIST && i < view->n_mappings; i++) {
    struct tt_buf name TT_AUTOBUF = TT_BUF(0);
    put_mapping_name(&name, &view->mappings[i], language);
    tt_dataform_option(form, view->mappings[i].name, name.data);
  }
  tt_dataform_close_list(form);
  tt_adhoc_ask(session, TT_ADHOC_NEXT);
}

static void mapping_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                         TT_UNUSED enum tt_adhoc_action action)
{
  struct work *work = tt_adhoc_state(session);
  const char *uses = tt_dataform_value(form, "uses");
  if (!uses || !*uses)
    tt_adhoc_bad_payload(session, NULL);
  else if (!tt_manage_mapping(work->view, uses))
    tt_adhoc_again(session, tt_tr(tt_adhoc_language(session), "There is no such mapping."));
  else if (choose(session, uses))
    tt_adhoc_go(session, 1, 0);
}

static void put_device_name(struct tt_buf *out, const struct tt_manage_device *device, const char *language)
{
  const char *label = tt_label_for(&device->shown, language, NULL);
  if (label)
    tt_buf_printf(out, "%s (%s)", label, device->key);
  else
    tt_buf_puts(out, device->key);
  if (!device->is_ours) {
    tt_buf_puts(out, ": ");
    tt_buf_printf(out, tt_tr(language, "configured in %s"), device->file);
  }
}

/* Those that can be changed come first. */
static void put_devices(struct tt_dataform *form, const struct tt_manage_view *view, const char *chosen,
                        const char *language)
{
  const struct tt_manage_device *first = NULL;
  for (size_t i = view->n_devices; i-- > 0;)
    if (view->devices[i].is_ours || !first || !first->is_ours)
      first = &view->devices[i];
  const struct tt_dataform_field field = {.type =
                                              view->n_devices > TT_ADMIN_LIST_MAX ? TT_FIELD_TEXT : TT_FIELD_LIST,
                                          .var = "device",
                                          .label = tt_tr(language, "Device"),
                                          .value = chosen  ? chosen
                                                   : first ? first->key
                                                           : NULL,
                                          .is_required = true};
  tt_dataform_open_list(form, &field);
  for (size_t ours = 2; field.type == TT_FIELD_LIST && ours-- > 0;)
    for (size_t i = 0; i < view->n_devices; i++) {
      struct tt_buf name TT_AUTOBUF = TT_BUF(0);
      if (view->devices[i].is_ours != (ours == 1))
        continue;
      put_device_name(&name, &view->devices[i], language);
      tt_dataform_option(form, view->devices[i].key, name.data);
    }
  tt_dataform_close_list(form);
}

/* At a thing's own address it is that thing. */
static void device_show(struct tt_adhoc_session *session, const char *title)
{
  const char *language = tt_adhoc_language(session);
  const struct tt_node *thing = tt_adhoc_thing(session);
  struct work *work = tt_adhoc_state(session);
  if (!look(session))
    return;
  if (thing && !work->chosen) {
    if (choose(session, thing->key))
      tt_adhoc_go(session, 1, 0);
    return;
  }
  if (work->view->n_devices == 0) {
    tt_adhoc_done(session, TT_ADHOC_INFO, tt_tr(language, "There are no devices."));
    return;
  }
  struct tt_dataform *form = tt_adhoc_form(session, title, tt_tr(language, "Choose the device."));
  put_devices(form, work->view, work->chosen, language);
  tt_adhoc_ask(session, TT_ADHOC_NEXT);
}

/* Ours, or what is to be said instead. */
static const struct tt_manage_device *find_ours(const struct work *work, const char *key, const char *language,
                                                struct tt_buf *complaint)
{
  const struct tt_manage_device *device = tt_manage_device(work->view, key);
  if (!device)
    tt_buf_puts(complaint, tt_tr(language, "There is no such device."));
  else if (!device->is_ours)
    tt_buf_printf(complaint, tt_tr(language, "%s is configured in %s, and is changed there."), key, device->file);
  return device && device->is_ours ? device : NULL;
}

static void device_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                        TT_UNUSED enum tt_adhoc_action action)
{
  const char *key = tt_dataform_value(form, "device");
  struct tt_buf complaint TT_AUTOBUF = TT_BUF(0);
  if (!key || !*key)
    tt_adhoc_bad_payload(session, NULL);
  else if (!find_ours(tt_adhoc_state(session), key, tt_adhoc_language(session), &complaint))
    tt_adhoc_again(session, complaint.data);
  else if (choose(session, key))
    tt_adhoc_go(session, 1, 0);
}

/* ---- The form of one device ---------------------------------------------------------------------------------------- */

/* What is wrong with it, else what is to be known of it. */
static const char *describe(const struct work *work, const char *field, const char *otherwise)
{
  const char *problem = problem_at(work, field);
  return problem ? problem : otherwise;
}

static void put_text(struct tt_dataform *form, const struct work *work, const char *var, const char *label,
                     const char *preset, const char *description)
{
  const char *value = value_of(work, var);
  tt_dataform_field(form, &(struct tt_dataform_field){.type = TT_FIELD_TEXT,
                                                      .var = var,
                                                      .label = label,
                                                      .value = value ? value : preset,
                                                      .description = describe(work, var, description)});
}

/* Places that there are, for whoever wants one of them. */
static void put_place(struct tt_dataform *form, const struct work *work, const struct tt_manage_device *device,
                      const char *language)
{
  const struct tt_manage_view *view = work->view;
  struct tt_buf places TT_AUTOBUF = TT_BUF(600);
  size_t n = 0;
  for (size_t i = 0; i < view->n_devices && n < 10; i++) {
    bool is_new = *view->devices[i].under != '\0';
    for (size_t k = 0; k < i && is_new; k++)
      is_new = strcmp(view->devices[k].under, view->devices[i].under) != 0;
    if (is_new)
      tt_buf_printf(&places, "%s%s", n++ ? ", " : tt_tr(language, "There are: "), view->devices[i].under);
  }
  put_text(form, work, "under", tt_tr(language, "Place, as house/hall"), device ? device->under : "",
           places.failed ? NULL : places.data);
}

static void put_connection(struct tt_dataform *form, const struct work *work, const char *protocol,
                           const struct tt_manage_device *device, const char *language)
{
  const struct tt_manage_view *view = work->view;
  const char *first = NULL, *value = value_of(work, "connection");
  bool has_implicit = false;
  for (size_t i = view->n_connections; i-- > 0;)
    if (!strcmp(view->connections[i].protocol, protocol)) {
      has_implicit |= view->connections[i].is_implicit;
      first = view->connections[i].is_implicit ? first : view->connections[i].name;
    }
  if (!value)
    value = device ? device->connection : first ? first : "";
  tt_dataform_open_list(form, &(struct tt_dataform_field){.type = TT_FIELD_LIST,
                                                          .var = "connection",
                                                          .label = tt_tr(language, "Connection"),
                                                          .value = value,
                                                          .description = describe(work, "connection", NULL)});
  for (size_t i = 0; i < view->n_connections; i++)
    if (!strcmp(view->connections[i].protocol, protocol) && !view->connections[i].is_implicit)
      tt_dataform_option(form, view->connections[i].name, view->connections[i].name);
  if (!first || has_implicit || !*value)
    tt_dataform_option(form, "", tt_tr(language, "none of its own"));
  tt_dataform_close_list(form);
}

/* What a default says only of its own, and not by what is given for others. */
static bool is_literal(const char *preset)
{
  return preset && !strstr(preset, "${");
}

static const char *preset_of(const struct tt_manage_param *param)
{
  if (param->type == TT_MANAGE_BOOLEAN && !param->preset)
    return "false";
  return is_literal(param->preset) ? param->preset : NULL;
}

static const char *datatype_of(const struct tt_manage_param *param)
{
  switch (param->type) {
  case TT_MANAGE_INTEGER:
    return "xs:integer";
  case TT_MANAGE_NUMBER:
    return "xs:decimal";
  case TT_MANAGE_TEXT:
  case TT_MANAGE_BOOLEAN:
  case TT_MANAGE_SECRET:
    break;
  }
  return NULL;
}

static void put_param_help(struct tt_buf *out, const struct tt_manage_param *param, bool is_kept,
                           const char *language)
{
  if (param->help)
    tt_buf_puts(out, param->help);
  if (is_kept)
    tt_buf_printf(out, "%s%s", out->len ? " " : "", tt_tr(language, "Empty: it stays as it is."));
  else if (param->preset && !is_literal(param->preset)) {
    tt_buf_puts(out, out->len ? " " : "");
    tt_buf_printf(out, tt_tr(language, "Empty: %s"), param->preset);
  }
}

static void put_param(struct tt_dataform *form, const struct work *work, const struct tt_manage_param *param,
                      const char *language)
{
  struct tt_buf help TT_AUTOBUF = TT_BUF(0);
  char var[80], min[40], max[40];
  bool is_secret = param->type == TT_MANAGE_SECRET;
  snprintf(var, sizeof(var), WITH "%.70s", param->name);
  const char *value = value_of(work, var);
  bool is_kept = is_secret && (param->is_given || (value && *value));
  put_param_help(&help, param, is_kept, language);
  if (!value)
    value = param->value ? param->value : preset_of(param);
  if (param->has_range) {
    snprintf(min, sizeof(min), "%.12g", param->min);
    snprintf(max, sizeof(max), "%.12g", param->max);
  }
  tt_dataform_field(form, &(struct tt_dataform_field){.type = is_secret                          ? TT_FIELD_SECRET
                                                              : param->type == TT_MANAGE_BOOLEAN ? TT_FIELD_BOOLEAN
                                                                                                 : TT_FIELD_TEXT,
                                                      .var = var,
                                                      .label = tt_label_for(&param->label, language, param->name),
                                                      .value = is_secret ? NULL : value,
                                                      .description = describe(work, var, help.data),
                                                      .datatype = datatype_of(param),
                                                      .min = param->has_range ? min : NULL,
                                                      .max = param->has_range ? max : NULL,
                                                      .is_required = param->is_required && !is_kept});
}

/* Everything that can be said of a device. `device`: it is there already; NULL. */
static void put_fields(struct tt_adhoc_session *session, struct tt_dataform *form, const char *protocol,
                       const struct tt_manage_param *params, size_t n_params, const struct tt_manage_device *device)
{
  const char *language = tt_adhoc_language(session);
  const struct work *work = tt_adhoc_state(session);
  put_text(form, work, "label", tt_tr(language, "Name"), device ? device->label : "", NULL);
  if (!device)
    put_text(form, work, "key", tt_tr(language, "Key"), "", tt_tr(language, "Empty: made of the name."));
  put_place(form, work, device, language);
  if (protocol)
    put_connection(form, work, protocol, device, language);
  for (size_t i = 0; i < n_params; i++)
    put_param(form, work, &params[i], language);
}

/* ---- What comes back --------------------------------------------------------------------------------------------- */

/* Into the session, for this try and the next. */
static bool keep_given(struct work *work, const struct tt_xml *form, const struct tt_manage_param *params,
                       size_t n_params)
{
  static const char *const names[] = {"label", "key", "under", "connection"};
  bool is_whole = true;
  for (size_t i = 0; i < TT_COUNT(names); i++) {
    const char *text = tt_adhoc_given(form, names[i]);
    is_whole &= !text || set_value(work, names[i], text);
  }
  for (size_t i = 0; i < n_params; i++) {
    char var[80];
    snprintf(var, sizeof(var), WITH "%.70s", params[i].name);
    const char *text = tt_adhoc_given(form, var);
    if (text && params[i].type == TT_MANAGE_BOOLEAN)
      text = !strcmp(text, "1") ? "true" : !strcmp(text, "0") ? "false" : text;
    if (text && !(params[i].type == TT_MANAGE_SECRET && !*text))
      is_whole &= set_value(work, var, text);
  }
  return is_whole;
}

/* A default is not written down: it may change with its mapping. */
static size_t collect_with(const struct work *work, const struct tt_manage_param *params, size_t n_params,
                           struct tt_fact *with)
{
  size_t n = 0;
  for (size_t i = 0; i < n_params; i++) {
    char var[80];
    snprintf(var, sizeof(var), WITH "%.70s", params[i].name);
    const char *text = value_of(work, var), *preset = preset_of(&params[i]);
    bool is_default = !params[i].is_given && text && (!*text || (preset && !strcmp(text, preset)));
    if (text && !(is_default && params[i].type != TT_MANAGE_SECRET))
      with[n++] = (struct tt_fact){params[i].name, text};
  }
  return n;
}

static void put_warnings(struct tt_dataform *form, const struct tt_manage_change *change, const char *language)
{
  unsigned n = 0;
  for (const char *p = change->diagnostics; p && *p && n < 10; n++) {
    char var[32], line[600];
    size_t len = strcspn(p, "\n");
    snprintf(var, sizeof(var), "warning%u", n + 1);
    snprintf(line, sizeof(line), "%.*s", (int)len, p);
    tt_dataform_line(form, var, tt_tr(language, "To be known"), line);
    p += len + (p[len] == '\n');
  }
}

static void tell_done(struct tt_adhoc_session *session, const struct tt_manage_change *change, const char *title,
                      const char *sentence)
{
  const char *language = tt_adhoc_language(session);
  struct tt_buf note TT_AUTOBUF = TT_BUF(0);
  struct tt_dataform *form = tt_adhoc_result(session, title);
  tt_dataform_line(form, "device", tt_tr(language, "Device"), change->made_key);
  tt_dataform_line(form, "file", tt_tr(language, "File"), change->file);
  put_warnings(form, change, language);
  tt_buf_printf(&note, sentence, change->made_key);
  tt_adhoc_done(session, TT_ADHOC_INFO, note.data);
}

/* Does it, and says so; or the form comes again. */
static void do_change(struct tt_adhoc_session *session, struct tt_manage_change *change, const char *title,
                      const char *sentence)
{
  const struct tt_manage_hooks *hooks = &admin_of(session)->manage;
  struct work *work = tt_adhoc_state(session);
  change->caller = tt_adhoc_caller(session);
  hooks->change(hooks->user, change);
  work->n_problems = 0;
  if (!change->code) {
    tell_done(session, change, title, sentence);
  } else {
    memcpy(work->problems, change->problems, sizeof(work->problems));
    work->n_problems = change->n_problems;
    struct tt_buf complaint TT_AUTOBUF = TT_BUF(0);
    tt_buf_puts(&complaint, change->why);
    for (size_t i = 0; i < change->n_problems; i++)
      if (!strstr(change->why, change->problems[i].text))
        tt_buf_printf(&complaint, "\n%s", change->problems[i].text);
    tt_adhoc_again(session, complaint.data);
  }
  free(TT_STEAL(change->diagnostics));
}

/* With the values that the session holds. */
static void change_by_form(struct tt_adhoc_session *session, const struct tt_xml *form, enum tt_manage_op op,
                           const struct tt_manage_param *params, size_t n_params, const char *title,
                           const char *sentence)
{
  struct work *work = tt_adhoc_state(session);
  struct tt_fact *with TT_AUTOFREE = calloc(n_params + 1, sizeof(*with));
  struct tt_manage_change *change TT_AUTOFREE = calloc(1, sizeof(*change));
  if (!with || !change || !keep_given(work, form, params, n_params)) {
    tt_adhoc_refuse(session, TT_REFUSED_BUSY, NULL);
    return;
  }
  bool is_new = op == TT_MANAGE_ADD;
  *change = (struct tt_manage_change){.op = op,
                                      .key = is_new ? value_of(work, "key") : work->chosen,
                                      .label = value_of(work, "label"),
                                      .under = value_of(work, "under"),
                                      .connection = value_of(work, "connection"),
                                      .uses = is_new ? work->chosen : NULL,
                                      .with = with,
                                      .n_with = collect_with(work, params, n_params, with)};
  do_change(session, change, title, sentence);
}

/* ---- add-device ---------------------------------------------------------------------------------------------------- */

static const struct tt_manage_mapping *mapping_of(struct tt_adhoc_session *session)
{
  const struct work *work = tt_adhoc_state(session);
  const struct tt_manage_mapping *mapping = tt_manage_mapping(work->view, work->chosen);
  if (!mapping)
    tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
  return mapping;
}

static void add_show(struct tt_adhoc_session *session)
{
  const char *language = tt_adhoc_language(session);
  struct tt_buf name TT_AUTOBUF = TT_BUF(0);
  const struct tt_manage_mapping *mapping = look(session) ? mapping_of(session) : NULL;
  if (!mapping)
    return;
  put_mapping_name(&name, mapping, language);
  struct tt_dataform *form = tt_adhoc_form(session, tt_tr(language, "Add a device"), name.data);
  put_fields(session, form, mapping->protocol, mapping->params, mapping->n_params, NULL);
  tt_adhoc_ask(session, TT_ADHOC_COMPLETE);
}

static void add_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                     TT_UNUSED enum tt_adhoc_action action)
{
  const char *language = tt_adhoc_language(session);
  const struct tt_manage_mapping *mapping = mapping_of(session);
  if (mapping)
    change_by_form(session, form, TT_MANAGE_ADD, mapping->params, mapping->n_params,
                   tt_tr(language, "Add a device"), tt_tr(language, "The device %s was added."));
}

/* ---- edit-device --------------------------------------------------------------------------------------------------- */

static void edit_device_show(struct tt_adhoc_session *session)
{
  device_show(session, tt_tr(tt_adhoc_language(session), "Change a device"));
}

/* The device that was chosen; NULL: the session has its answer. */
static const struct tt_manage_device *chosen_device(struct tt_adhoc_session *session)
{
  const struct work *work = tt_adhoc_state(session);
  struct tt_buf complaint TT_AUTOBUF = TT_BUF(0);
  const struct tt_manage_device *device = find_ours(work, work->chosen, tt_adhoc_language(session), &complaint);
  if (!device)
    tt_adhoc_done(session, TT_ADHOC_ERROR, complaint.data);
  return device;
}

static void edit_show(struct tt_adhoc_session *session)
{
  const char *language = tt_adhoc_language(session), *protocol = NULL;
  struct tt_buf name TT_AUTOBUF = TT_BUF(0);
  const struct tt_manage_device *device = look(session) ? chosen_device(session) : NULL;
  if (!device)
    return;
  const struct work *work = tt_adhoc_state(session);
  const struct tt_manage_mapping *mapping = device->uses ? tt_manage_mapping(work->view, device->uses) : NULL;
  protocol = mapping ? mapping->protocol : NULL;
  put_device_name(&name, device, language);
  tt_buf_printf(&name, ", %s", device->uses ? device->uses : "");
  struct tt_dataform *form = tt_adhoc_form(session, tt_tr(language, "Change a device"), name.data);
  put_fields(session, form, protocol, device->params, device->n_params, device);
  tt_adhoc_ask(session, TT_ADHOC_COMPLETE);
}

static void edit_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                      TT_UNUSED enum tt_adhoc_action action)
{
  const char *language = tt_adhoc_language(session);
  const struct tt_manage_device *device = chosen_device(session);
  if (device)
    change_by_form(session, form, TT_MANAGE_EDIT, device->params, device->n_params,
                   tt_tr(language, "Change a device"), tt_tr(language, "The device %s was changed."));
}

/* ---- remove-device ------------------------------------------------------------------------------------------------- */

static void remove_device_show(struct tt_adhoc_session *session)
{
  device_show(session, tt_tr(tt_adhoc_language(session), "Remove a device"));
}

static void remove_show(struct tt_adhoc_session *session)
{
  const char *language = tt_adhoc_language(session);
  struct tt_buf name TT_AUTOBUF = TT_BUF(0), question TT_AUTOBUF = TT_BUF(0);
  const struct tt_manage_device *device = look(session) ? chosen_device(session) : NULL;
  if (!device)
    return;
  put_device_name(&name, device, language);
  tt_buf_printf(&question, tt_tr(language, "Remove %s? It leaves the configuration, and its values are gone."),
                name.data ? name.data : "");
  struct tt_dataform *form = tt_adhoc_form(session, tt_tr(language, "Remove a device"), question.data);
  tt_dataform_field(
      form, &(struct tt_dataform_field){
                .type = TT_FIELD_BOOLEAN, .var = "sure", .label = tt_tr(language, "Yes, remove it"), .value = "0"});
  tt_adhoc_ask(session, TT_ADHOC_COMPLETE);
}

static void remove_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                        TT_UNUSED enum tt_adhoc_action action)
{
  const char *language = tt_adhoc_language(session);
  const struct work *work = tt_adhoc_state(session);
  struct tt_manage_change *change TT_AUTOFREE = calloc(1, sizeof(*change));
  if (!change) {
    tt_adhoc_refuse(session, TT_REFUSED_BUSY, NULL);
  } else if (!tt_dataform_boolean(form, "sure", false)) {
    tt_adhoc_done(session, TT_ADHOC_INFO, tt_tr(language, "Nothing was removed."));
  } else {
    *change = (struct tt_manage_change){.op = TT_MANAGE_REMOVE, .key = work->chosen};
    do_change(session, change, tt_tr(language, "Remove a device"), tt_tr(language, "The device %s was removed."));
  }
}

/* ---- Rows ------------------------------------------------------------------------------------------------------------ */

static bool is_device(const struct tt_adhoc_asker *asker, void *user)
{
  return tt_adhoc_is_admin(asker, user) && (!asker->thing || asker->thing->kind == TT_NODE_DEVICE);
}

static const struct tt_adhoc_stage add_stages[] = {{mapping_show, mapping_take}, {add_show, add_take}},
                                   edit_stages[] = {{edit_device_show, device_take}, {edit_show, edit_take}},
                                   remove_stages[] = {{remove_device_show, device_take},
                                                      {remove_show, remove_take}};

#define ROW(node_, title_, at_, stages_)                                                                           \
  {                                                                                                                \
    .node = (node_), .title = (title_), .role = TT_ROLE_ADMIN, .at = (at_), .is_offered = is_device,               \
    .stages = (stages_), .n_stages = TT_COUNT(stages_), .state_size = sizeof(struct work), .finish = work_finish   \
  }
const struct tt_adhoc_command tt_adhoc_device_rows[3] = {
    ROW("add-device", TT_TR("Add a device"), TT_ADHOC_AT_GATEWAY, add_stages),
    ROW("edit-device", TT_TR("Change a device"), TT_ADHOC_AT_GATEWAY | TT_ADHOC_AT_THING, edit_stages),
    ROW("remove-device", TT_TR("Remove a device"), TT_ADHOC_AT_GATEWAY | TT_ADHOC_AT_THING, remove_stages),
};
