/* SPDX-License-Identifier: Apache-2.0
 *
 * daemon.c: who gets to know whom. The rooms meet here and nowhere else.
 */
#include "daemon.h"

#include "admin.h"
#include "bridge/host.h"
#include "describe.h"
#include "remote.h"
#include "service/log.h"
#include "service/loop.h"
#include "service/notify.h"
#include "trust/access.h"
#include "trust/audit.h"
#include "trust/blocks.h"
#include "xmpp/adhoc_admin.h"
#include "xmpp/adhoc_commands.h"
#include "xmpp/component.h"
#include "xmpp/contact.h"
#include "xmpp/handlers.h"
#include "xmpp/link.h"
#include "xmpp/publish.h"
#include "xmpp/room.h"
#include "xmpp/vcard.h"
#include "xmpp/watch.h"

#include <stdio.h>
#include <systemd/sd-event.h>

#define STOP_US (2 * TT_USEC_PER_SEC) /* for bridges to stop */

/* One way to XMPP, as people are told of it. */
struct stream {
  struct tt_daemon *daemon;
  const char *kind; /* "account", "component" */
  struct tt_session *session;
  char server[300];
  bool is_online;
  char text[TT_CAUSE_MAX + 64]; /* why it is not */
  uint64_t since_us;            /* wall */
};

struct tt_daemon {
  struct tt_daemon_options options;
  struct tt_access *access;
  struct tt_blocks *blocks;
  struct tt_audit *audit;
  struct tt_core *core;
  struct tt_host *host;
  struct tt_reloader *reloader;
  struct tt_describer *describer;
  struct tt_admin *admin;
  struct tt_remote *remote;
  struct tt_router *router;
  struct tt_sensor *sensor;
  struct tt_control_handlers *control;
  struct tt_block_handlers *block;
  struct tt_events *events;
  struct tt_adhoc *adhoc;
  struct tt_contacts *contacts;
  struct tt_watches *watches;
  struct tt_rooms *rooms;
  struct tt_chat_handlers *chat;
  struct tt_node_command_handlers *node_commands;
  struct tt_publisher *publisher;
  struct tt_adhoc_admin adhoc_admin;
  struct tt_link *link;
  struct tt_component *component;
  struct stream streams[2];
  size_t n_streams;
  struct tt_api *api;
  sd_event_source *patience;
  bool is_stopping;
};

static int report(int r, const char *what)
{
  if (r < 0)
    tt_log(TT_LOG_ERROR, NULL, "%s: %s", what, strerror(-r));
  return r;
}

/* ---- What is told ------------------------------------------------------------------------------------------- */

static void on_stream_state(void *user, bool is_online, const char *text)
{
  struct stream *stream = user;
  stream->is_online = is_online;
  stream->since_us = tt_core_now(stream->daemon->core).wall_us;
  snprintf(stream->text, sizeof(stream->text), "%s", is_online ? "" : text);
  tt_log(is_online ? TT_LOG_INFO : TT_LOG_WARNING, stream->kind, "%s", text);
}

static void add_stream_status(const struct tt_status_sink *sink, const struct stream *stream)
{
  struct tt_session_counts counts = tt_session_counts(stream->session);
  sink->session(sink->user, &(struct tt_status_session){
                                .kind = stream->kind,
                                .jid = tt_session_jid(stream->session),
                                .server = stream->server,
                                .is_online = stream->is_online,
                                .text = *stream->text ? stream->text : NULL,
                                .since_us = stream->since_us,
                                .sent = counts.sent,
                                .received = counts.received,
                                .dropped = counts.dropped,
                                .queued = counts.queued,
                            });
}

static void on_status(void *user, const struct tt_status_sink *sink)
{
  struct tt_daemon *d = user;
  struct tt_router_counts counts = tt_router_counts(d->router);
  for (size_t i = 0; i < d->n_streams; i++)
    add_stream_status(sink, &d->streams[i]);
  for (size_t i = 0; i < tt_host_n_connections(d->host); i++) {
    struct tt_connection_status c = tt_host_connection(d->host, i);
    sink->connection(sink->user, &(struct tt_status_connection){
                                     .name = c.name,
                                     .protocol = c.protocol,
                                     .state = c.state,
                                     .text = c.text,
                                     .devices = c.devices,
                                     .requests = c.requests,
                                     .reads = c.reads,
                                     .writes = c.writes,
                                     .reports = c.reports,
                                     .errors = c.failed,
                                     .timeouts = c.timeouts,
                                     .dropped = c.dropped,
                                     .pid = c.pid,
                                     .restarts = c.restarts,
                                 });
  }
  tt_rooms_status(d->rooms, sink);
  const struct tt_texts *files = &tt_reloader_config(d->reloader)->files;
  for (size_t i = 0; i < files->n; i++)
    sink->file(sink->user, files->text[i]);
  sink->count(sink->user, "stanzas_dropped", counts.dropped);
  sink->count(sink->user, "stanzas_limited", counts.limited);
  struct tt_publisher_counts published = tt_publisher_counts(d->publisher);
  sink->count(sink->user, "pubsub_nodes", published.nodes);
  sink->count(sink->user, "pubsub_nodes_failing", published.failing);
  sink->count(sink->user, "pubsub_items", published.items);
}

/* The command that did it is not told here; that it was done has to be seen. */
static void on_decided(TT_UNUSED void *user, const char *bare, bool is_accepted)
{
  tt_log(TT_LOG_INFO, "access", "%s was %s", bare, is_accepted ? "let in" : "turned away");
}

/* ---- Another configuration ---------------------------------------------------------------------------------- */

static int reload(void *user, struct tt_reload_result *ret)
{
  struct tt_daemon *d = user;
  tt_notify_reloading();
  int r = tt_reload(d->reloader, NULL, ret);
  tt_notify_reloaded();
  if (r < 0)
    return report(r, "the configuration could not be loaded again");
  if (ret->text.len)
    fprintf(stderr, "%s", ret->text.data);
  const struct tt_host_changes *c = &ret->changes;
  if (ret->is_refused)
    tt_log(TT_LOG_ERROR, "reload", "%s", ret->why);
  else
    tt_log(TT_LOG_INFO, "reload",
           "devices: %zu added, %zu changed, %zu removed, %zu unchanged; connections: %zu added, "
           "%zu changed, %zu removed",
           c->added, c->changed, c->removed, c->unchanged, c->connections_added, c->connections_changed,
           c->connections_removed);
  if (!ret->is_refused)
    tt_describer_prune(d->describer, tt_reloader_config(d->reloader));
  if (!ret->is_refused && *ret->why)
    tt_log(TT_LOG_WARNING, "reload", "%s", ret->why);
  return 0;
}

void tt_daemon_reload(struct tt_daemon *d)
{
  struct tt_reload_result result;
  if (!d->is_stopping && reload(d, &result) == 0)
    tt_reload_result_finish(&result);
}

/* ---- Turns -------------------------------------------------------------------------------------------------- */

static void on_turn_begin(void *user, struct tt_now now)
{
  struct tt_daemon *d = user;
  tt_core_turn(d->core, now);
}

static uint64_t on_turn_end(void *user, struct tt_now now)
{
  struct tt_daemon *d = user;
  tt_core_flush(d->core);
  tt_sensor_flush(d->sensor);
  uint64_t due = tt_core_due(d->core), other = tt_audit_turn(d->audit, now);
  due = other < due ? other : due;
  other = tt_router_turn(d->router, now.mono_us);
  due = other < due ? other : due;
  other = tt_publisher_turn(d->publisher, now.mono_us);
  due = other < due ? other : due;
  other = tt_rooms_turn(d->rooms, now.mono_us);
  due = other < due ? other : due;
  for (size_t i = 0; i < d->n_streams; i++) {
    other = tt_session_flush(d->streams[i].session, now.mono_us);
    due = other < due ? other : due;
  }
  return due;
}

/* ---- Building ----------------------------------------------------------------------------------------------- */

static int build_trust(struct tt_daemon *d)
{
  const struct tt_config *config = d->options.config;
  int r = report(tt_access_create(config->rules, config->n_rules, d->options.state_dir, &d->access),
                 "the access rules of the state directory cannot be read");
  if (r == 0)
    tt_access_listen(d->access, on_decided, d);
  if (r == 0)
    r = report(tt_blocks_create(d->options.state_dir, d->access, &d->blocks),
               "the list of blocked addresses in the state directory cannot be read");
  if (r == 0)
    r = report(tt_audit_create(d->options.state_dir, &d->audit), "the audit cannot be written");
  return r;
}

static int build_model(struct tt_daemon *d)
{
  struct tt_config *config = d->options.config;
  d->core = tt_core_create();
  if (!d->core)
    return report(-ENOMEM, "the tree cannot be made");
  tt_core_turn(d->core, tt_loop_clock());
  tt_core_set_access(d->core, tt_access_hooks(d->access, d->core));
  tt_core_set_audit(d->core, tt_audit_hooks(d->audit, d->core));
  tt_core_set_poll_classes(d->core, config->polls, config->n_polls);
  int r = report(tt_host_create(d->options.event, d->core, config, &d->host), "the tree cannot be made");
  if (r < 0)
    return r;
  tt_host_isolation(d->host, &(struct tt_isolation){.bridges = d->options.bridges});
  tt_core_set_devices(d->core, tt_host_devices(d->host));
  return 0;
}

/* The newest of the lines that are kept, for a chat: the last comes last. */
struct chat_lines {
  struct tt_buf *out;
  size_t skip;
};

static void count_line(void *user, TT_UNUSED uint64_t wall_us, TT_UNUSED enum tt_log_level level,
                       TT_UNUSED const char *text)
{
  ++*(size_t *)user;
}

static void tell_line(void *user, uint64_t wall_us, TT_UNUSED enum tt_log_level level, const char *text)
{
  struct chat_lines *lines = user;
  char stamp[TT_DATETIME_SIZE];
  if (lines->skip > 0)
    lines->skip--;
  else
    tt_buf_printf(lines->out, "%.5sZ %s\n", tt_datetime_print(stamp, wall_us) + 11, text);
}

static bool on_chat_log(void *user, const struct tt_caller *caller, size_t n, struct tt_buf *out)
{
  struct tt_daemon *d = user;
  size_t n_kept = 0;
  if (!tt_access_is_admin(d->access, caller->bare))
    return false;
  tt_log_last(count_line, &n_kept);
  tt_log_last(tell_line, &(struct chat_lines){out, n_kept > n ? n_kept - n : 0});
  return true;
}

static int build_handlers(struct tt_daemon *d)
{
  const struct tt_xmpp_config *xmpp = &d->options.config->xmpp;
  const struct tt_router_config config = {
      .core = d->core,
      .access = d->access,
      .blocks = d->blocks,
      .dialects = xmpp->dialects,
      .stanza_max = (size_t)xmpp->stanza_max,
      .control_by_message = xmpp->control_by_message,
      .compat_response_code = xmpp->compat_response_code,
      .version = TT_VERSION,
  };
  int r = tt_router_create(&config, &d->router);
  const struct tt_publisher_options publisher = {.router = d->router,
                                                 .entries = xmpp->publish,
                                                 .n = xmpp->n_publish,
                                                 .has_account = xmpp->account.is_set,
                                                 .state_dir = d->options.state_dir};
  if (r == 0)
    r = tt_basic_handlers_add(d->router);
  if (r == 0)
    r = tt_concentrator_handlers_add(d->router);
  if (r == 0)
    r = tt_sensor_create(d->router, &d->sensor);
  if (r == 0)
    r = tt_control_handlers_create(d->router, &d->control);
  if (r == 0)
    r = tt_events_create(d->router, TT_EVENTS_MIN_US, &d->events);
  if (r == 0)
    r = tt_block_handlers_create(d->router, &d->block);
  if (r == 0)
    r = tt_adhoc_create(d->router, &d->adhoc);
  if (r == 0)
    r = tt_adhoc_things_add(d->adhoc);
  const struct tt_texts *languages = &d->options.config->languages;
  const struct tt_contacts_options contacts = {.state_dir = d->options.state_dir,
                                               .language = languages->n > 0 ? languages->text[0] : NULL};
  if (r == 0)
    r = tt_contacts_create(d->router, &contacts, &d->contacts);
  if (r == 0)
    r = tt_vcard_handlers_add(d->router);
  if (r == 0)
    r = tt_avatar_handlers_add(d->router);
  if (r == 0)
    r = tt_search_handlers_add(d->router);
  if (r == 0)
    r = tt_watches_create(d->router, &d->watches);
  if (r == 0)
    r = tt_adhoc_watch_add(d->adhoc, d->watches);
  if (r == 0)
    r = tt_chat_handlers_create(d->router, d->watches, &(struct tt_chat_admin){d, on_chat_log, d->audit}, &d->chat);
  const struct tt_rooms_options rooms = {
      .rooms = xmpp->rooms,
      .n = xmpp->n_rooms,
      .kind = xmpp->account.is_set ? TT_SESSION_ACCOUNT : TT_SESSION_COMPONENT,
      .language = contacts.language,
  };
  if (r == 0)
    r = tt_rooms_create(d->router, &rooms, &d->rooms);
  if (r == 0)
    r = tt_node_command_handlers_create(d->router, &d->node_commands);
  if (r == 0)
    r = tt_publisher_create(&publisher, &d->publisher);
  return report(r, "the XMPP handlers cannot be made");
}

static int build_reloader(struct tt_daemon *d)
{
  const struct tt_reloader_options options = {.env = d->options.env,
                                              .config = d->options.config,
                                              .host = d->host,
                                              .access = d->access,
                                              .router = d->router,
                                              .publisher = d->publisher};
  int r = tt_reloader_create(&options, &d->reloader);
  if (r == 0)
    r = tt_describer_create(d->options.event, d->options.described, d->host, d->reloader, &d->describer);
  if (r == 0) {
    tt_host_listen(d->host, &(struct tt_found_hooks){.user = d->describer, .described = tt_describer_described});
    tt_describer_prune(d->describer, d->options.config);
  }
  return report(r, "cannot start");
}

static struct stream *add_stream(struct tt_daemon *d, const char *kind, const struct tt_server_config *server,
                                 const char *host, int64_t port)
{
  struct stream *stream = &d->streams[d->n_streams];
  *stream = (struct stream){.daemon = d, .kind = kind};
  stream->since_us = tt_core_now(d->core).wall_us;
  snprintf(stream->text, sizeof(stream->text), "connecting");
  snprintf(stream->server, sizeof(stream->server), "%s:%lld", server->host ? server->host : host,
           (long long)(server->port ? server->port : port));
  return stream;
}

static int build_account(struct tt_daemon *d)
{
  const struct tt_account_config *account = &d->options.config->xmpp.account;
  if (!account->is_set)
    return 0;
  const char *at = strchr(account->jid, '@');
  char domain[256];
  snprintf(domain, sizeof(domain), "%.*s", at ? (int)strcspn(at + 1, "/") : 0, at ? at + 1 : "");
  struct stream *stream = add_stream(d, "account", &account->server, domain, TT_LINK_PORT);
  const struct tt_link_options options = {
      .event = d->options.event,
      .router = d->router,
      .access = d->access,
      .jid = account->jid,
      .password = account->password,
      .host = account->server.host,
      .port = (uint16_t)account->server.port,
      .ca = account->server.ca,
      .state = on_stream_state,
      .user = stream,
  };
  int r = report(tt_link_create(&options, &d->link), "the XMPP account cannot be used");
  if (r == 0) {
    stream->session = tt_link_session(d->link);
    d->n_streams++;
  }
  return r;
}

static int build_component(struct tt_daemon *d)
{
  const struct tt_component_config *component = &d->options.config->xmpp.component;
  if (!component->is_set)
    return 0;
  struct stream *stream = add_stream(d, "component", &component->server, "127.0.0.1", TT_COMPONENT_PORT);
  const struct tt_component_options options = {
      .event = d->options.event,
      .router = d->router,
      .jid = component->jid,
      .secret = component->secret,
      .host = component->server.host,
      .port = (uint16_t)component->server.port,
      .state = on_stream_state,
      .user = stream,
  };
  int r = report(tt_component_create(&options, &d->component), "the XMPP component cannot be used");
  if (r == 0) {
    stream->session = tt_component_session(d->component);
    d->n_streams++;
  }
  return r;
}

static int build_admin(struct tt_daemon *d)
{
  const struct tt_admin_options options = {.event = d->options.event,
                                           .core = d->core,
                                           .env = &d->options.env,
                                           .host = d->host,
                                           .reloader = d->reloader,
                                           .audit = d->audit,
                                           .reload = reload,
                                           .user = d};
  const struct tt_remote_options remote = {
      .env = &d->options.env, .core = d->core, .host = d->host, .reloader = d->reloader, .audit = d->audit};
  int r = tt_admin_create(&options, &d->admin);
  if (r == 0)
    r = tt_remote_create(&remote, &d->remote);
  if (r == 0) {
    d->adhoc_admin = (struct tt_adhoc_admin){.manage = tt_remote_hooks(d->remote),
                                             .status = {.user = d, .tell = on_status},
                                             .audit = d->audit,
                                             .started_us = tt_core_now(d->core).mono_us};
    r = tt_adhoc_admin_add(d->adhoc, &d->adhoc_admin);
  }
  return report(r, "cannot start");
}

/* The socket knows one user for all its hooks. */
static int on_reload(void *user, struct tt_api_reload *ret)
{
  return tt_admin_reload(((struct tt_daemon *)user)->admin, ret);
}

static int on_discover(void *user, const char *connection, uint64_t timeout_us, const struct tt_api_discovery *fns)
{
  return tt_admin_discover(((struct tt_daemon *)user)->admin, connection, timeout_us, fns);
}

static void on_adopt(void *user, struct tt_api_adoption *adoption)
{
  tt_admin_adopt(((struct tt_daemon *)user)->admin, adoption);
}

static int build_socket(struct tt_daemon *d)
{
  const struct tt_api_hooks hooks = {.user = d,
                                     .blocks = d->blocks,
                                     .audit = d->audit,
                                     .status = on_status,
                                     .reload = on_reload,
                                     .discover = on_discover,
                                     .adopt = on_adopt};
  char what[300];
  snprintf(what, sizeof(what), "the control socket %.200s cannot be made", d->options.socket);
  return report(tt_api_create(d->core, d->access, d->options.event, d->options.socket, &hooks, &d->api), what);
}

int tt_daemon_create(const struct tt_daemon_options *options, struct tt_daemon **ret)
{
  /* In this order; the XMPP streams before the bridges: libstrophe needs a low descriptor. */
  static int (*const steps[])(struct tt_daemon *) = {build_trust,   build_model,     build_handlers, build_reloader,
                                                     build_account, build_component, build_admin,    build_socket};
  struct tt_daemon *d = calloc(1, sizeof(*d));
  if (!d)
    return report(-ENOMEM, "cannot start");
  d->options = *options;
  for (size_t i = 0; i < TT_COUNT(steps); i++) {
    int r = steps[i](d);
    if (r < 0) {
      tt_daemon_destroy(d);
      return r;
    }
  }
  *ret = d;
  return 0;
}

/* ---- Running and ending ------------------------------------------------------------------------------------- */

int tt_daemon_run(struct tt_daemon *d)
{
  const struct tt_loop_hooks hooks = {.user = d, .begin = on_turn_begin, .end = on_turn_end};
  const struct tt_config *config = d->options.config;
  tt_host_start(d->host);
  tt_log(TT_LOG_INFO, NULL, "version %s; devices: %zu (%zu disabled); connections: %zu", TT_VERSION,
         config->n_devices, config->n_disabled, config->n_connections);
  if (d->n_streams == 0)
    tt_log(TT_LOG_WARNING, NULL,
           "neither `account:` nor `component:` under `xmpp:`: only the control socket is served");
  tt_notify_ready(d->options.event);
  return tt_loop_run(d->options.event, &hooks);
}

static void on_bridges_stopped(void *user)
{
  struct tt_daemon *d = user;
  sd_event_exit(d->options.event, 0);
}

static int on_patience_ends(TT_UNUSED sd_event_source *source, TT_UNUSED uint64_t us, void *user)
{
  on_bridges_stopped(user);
  return 0;
}

void tt_daemon_stop(struct tt_daemon *d)
{
  if (d->is_stopping) {
    sd_event_exit(d->options.event, 0);
    return;
  }
  d->is_stopping = true;
  tt_notify_stopping();
  tt_log(TT_LOG_INFO, NULL, "stopping");
  tt_contacts_stop(d->contacts);
  tt_rooms_stop(d->rooms);
  sd_event_add_time_relative(d->options.event, &d->patience, CLOCK_MONOTONIC, STOP_US, 1000, on_patience_ends, d);
  tt_host_stop(d->host, on_bridges_stopped, d);
}

bool tt_daemon_destroy(struct tt_daemon *d)
{
  if (!d)
    return true;
  bool is_over = !d->host || tt_host_is_stopped(d->host);
  sd_event_source_disable_unref(d->patience);
  tt_admin_destroy(d->admin);
  tt_remote_destroy(d->remote);
  tt_api_destroy(d->api);
  tt_component_destroy(d->component);
  is_over &= tt_link_destroy(d->link) == 0;
  if (!is_over) { /* what the audit lacks and holds has to be written */
    tt_core_destroy(d->core);
    tt_audit_destroy(d->audit);
    return false;
  }
  tt_sensor_destroy(d->sensor);
  tt_control_handlers_destroy(d->control);
  tt_events_destroy(d->events);
  tt_block_handlers_destroy(d->block);
  tt_adhoc_destroy(d->adhoc);
  tt_contacts_destroy(d->contacts);
  tt_chat_handlers_destroy(d->chat);
  tt_watches_destroy(d->watches);
  tt_rooms_destroy(d->rooms);
  tt_node_command_handlers_destroy(d->node_commands);
  tt_publisher_destroy(d->publisher);
  tt_router_destroy(d->router);
  tt_describer_destroy(d->describer);
  tt_host_destroy(d->host);
  tt_core_destroy(d->core);
  tt_audit_destroy(d->audit);
  tt_blocks_destroy(d->blocks);
  tt_access_destroy(d->access);
  tt_reloader_destroy(d->reloader);
  free(d);
  return true;
}
