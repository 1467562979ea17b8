/* SPDX-License-Identifier: Apache-2.0
 *
 * bind.c: the points of a device and the services that it has: which calls read them, made once.
 */
#include "instance.h"
#include "soap.h"

#include <stdio.h>

size_t up_service_of(const struct up_device *d, const char *name)
{
  const char *type = name ? up_service_type(d->options, name) : NULL;
  const struct up_service *service = type ? up_description_service(d->description, d->part, type) : NULL;
  return service ? (size_t)(service - d->description->services) : UP_NONE;
}

/* ---- Composing ------------------------------------------------------------------------------------------------ */
static const char *text_of(const struct tt_item *in, const char *name)
{
  const struct tt_item *item = in ? tt_item_get(in, name) : NULL;
  return item && item->kind == TT_ITEM_SCALAR ? item->text : NULL;
}

struct composing {
  struct up_text_argument arguments[UP_ARGUMENTS_MAX];
  struct tt_buf texts[UP_ARGUMENTS_MAX];
  size_t n;
};

static void composing_finish(struct composing *c)
{
  for (size_t i = 0; i < UP_ARGUMENTS_MAX; i++)
    tt_buf_finish(&c->texts[i]);
}

/* One argument by the rules of its variable; `variable` NULL: as it is. */
static int add(struct composing *c, const char *name, const char *text, const struct up_variable *variable,
               const struct up_given *given, char why[static UP_WHY_SIZE])
{
  struct tt_value literal = {.type = TT_TYPE_STRING, .text = (char *)(uintptr_t)text}; /* only read */
  const struct tt_value *value = &literal;
  size_t argument;
  if (given && given->value && strcmp(text, UP_VALUE) == 0)
    value = given->value;
  else if (given && given->command && up_is_argument(given->command, text, &argument) &&
           argument < given->command->n_arguments)
    value = &given->arguments[argument];
  struct tt_buf *out = &c->texts[c->n];
  int r = 0;
  if (variable)
    r = up_value_write(variable, value, out, why);
  else
    tt_value_print(value, out);
  if (r == 0 && out->failed)
    r = -ENOMEM;
  c->arguments[c->n++] = (struct up_text_argument){name, out->data ? out->data : ""};
  return r;
}

/* In the order of the description, with everything it demands and nothing else. */
static int add_described(struct composing *c, const struct up_action *action, const struct up_call *call,
                         const struct up_given *given, char why[static UP_WHY_SIZE])
{
  for (size_t i = 0; call->in && i < call->in->n; i++)
    if (!up_action_argument(action, call->in->keys[i], false)) {
      snprintf(why, UP_WHY_SIZE, "%s of this device has no argument %s", call->action, call->in->keys[i]);
      return -EINVAL;
    }
  for (size_t i = 0; i < action->n_arguments; i++) {
    const struct up_argument *a = &action->arguments[i];
    const char *text = a->is_out ? NULL : text_of(call->in, a->name);
    if (a->is_out)
      continue;
    if (!text) {
      snprintf(why, UP_WHY_SIZE, "%s of this device needs the argument %s", call->action, a->name);
      return -EINVAL;
    }
    int r = add(c, a->name, text, a->variable, given, why);
    if (r < 0)
      return r;
  }
  return 0;
}

static int add_as_written(struct composing *c, const struct up_call *call, char why[static UP_WHY_SIZE])
{
  int r = 0;
  for (size_t i = 0; r == 0 && call->in && i < call->in->n && i < UP_IN_MAX; i++)
    r = add(c, call->in->keys[i], text_of(call->in, call->in->keys[i]), NULL, NULL, why);
  return r;
}

int up_compose(struct up_device *d, const struct up_call *call, size_t service, const struct up_given *given,
               struct tt_buf *out, char why[static UP_WHY_SIZE])
{
  struct composing TT_CLEANUP(composing_finish) c = {.n = 0};
  const struct up_scpd *scpd = d->scpds[service];
  const struct up_action *action = scpd ? up_scpd_action(scpd, call->action) : NULL;
  int r;
  if (scpd && !action) {
    snprintf(why, UP_WHY_SIZE, "this device has no action %s", call->action);
    return -EOPNOTSUPP;
  }
  if (!scpd && given) {
    snprintf(why, UP_WHY_SIZE, "the device does not describe %s, so nothing is %s", call->action,
             given->command ? "done" : "written");
    return -EOPNOTSUPP;
  }
  if (action && call->out && !up_action_argument(action, call->out, true)) {
    snprintf(why, UP_WHY_SIZE, "%s of this device does not answer with %s", call->action, call->out);
    return -EINVAL;
  }
  r = action ? add_described(&c, action, call, given, why) : add_as_written(&c, call, why);
  if (r == 0)
    r = up_soap_compose(d->description->services[service].type, call->action, c.arguments, c.n, out);
  if (r < 0 && !*why)
    snprintf(why, UP_WHY_SIZE, "%s cannot be asked for: %s", call->action, strerror(-r));
  return r;
}

/* ---- Binding -------------------------------------------------------------------------------------------------- */
static bool is_same_in(const struct tt_item *a, const struct tt_item *b)
{
  size_t n = a ? a->n : 0;
  if (n != (b ? b->n : 0))
    return false;
  for (size_t i = 0; i < n; i++) {
    const char *text = text_of(a, a->keys[i]), *other = text_of(b, a->keys[i]);
    if (!text || !other || strcmp(text, other) != 0)
      return false;
  }
  return true;
}

static int bind_call(struct up_device *d, const struct up_call *call, size_t *ret_call)
{
  size_t service = up_service_of(d, call->service);
  char why[UP_WHY_SIZE] = "";
  TT_AUTOBUF struct tt_buf body = TT_BUF(UP_SOAP_SIZE_MAX);
  for (size_t i = 0; i < d->n_calls; i++)
    if (d->calls[i].service == service && service != UP_NONE && strcmp(d->calls[i].action, call->action) == 0 &&
        is_same_in(d->calls[i].options->in, call->in) && d->calls[i].body) {
      const struct up_action *action = d->scpds[service] ? up_scpd_action(d->scpds[service], call->action) : NULL;
      if (action && !up_action_argument(action, call->out, true))
        continue;
      *ret_call = i;
      return 0;
    }
  struct up_read_call *one = &d->calls[d->n_calls];
  *one = (struct up_read_call){.options = call, .service = service, .action = call->action};
  if (service == UP_NONE)
    snprintf(why, sizeof why, "the device has no service %s", up_service_type(d->options, call->service));
  else if (up_compose(d, call, service, NULL, &body, why) == 0)
    one->body = tt_buf_steal(&body);
  if (!one->body)
    one->why = strdup(*why ? why : "no memory");
  *ret_call = d->n_calls++;
  return one->body || one->why ? 0 : -ENOMEM;
}

int up_bind(struct up_device *d)
{
  size_t n = d->config->n_points;
  d->bindings = calloc(n + 1, sizeof *d->bindings);
  d->calls = calloc(n + 1, sizeof *d->calls);
  d->n_calls = 0;
  if (!d->bindings || !d->calls)
    return -ENOMEM;
  for (size_t i = 0; i < n; i++) {
    const struct up_read_options *read = d->config->points[i].address;
    struct up_binding *b = &d->bindings[i];
    *b = (struct up_binding){.call = UP_NONE, .service = UP_NONE};
    if (!read)
      continue;
    if (read->event.service)
      b->service = up_service_of(d, read->event.service);
    if (b->service != UP_NONE && !d->description->services[b->service].event_url)
      b->service = UP_NONE;
    int r = read->call.action ? bind_call(d, &read->call, &b->call) : 0;
    if (r < 0)
      return r;
  }
  return 0;
}

void up_unbind(struct up_device *d)
{
  for (size_t i = 0; d->calls && i < d->n_calls; i++) {
    free(d->calls[i].body);
    free(d->calls[i].why);
  }
  for (size_t i = 0; d->bindings && i < d->config->n_points; i++)
    free(d->bindings[i].last);
  free(d->calls);
  free(d->bindings);
  d->calls = NULL;
  d->bindings = NULL;
  d->n_calls = 0;
}
