/* SPDX-License-Identifier: Apache-2.0
 *
 * xmpp_world.h: what the tests of the XMPP side share: a core with a made-up access table, a router with a few
 * handlers, a loop with turns, and a listening socket on which a test plays the server by hand, in the same loop.
 */
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "xmpp/handlers.h"
#include "xmpp/retry.h"

#include "cmocka_all.h"

#define WORLD_PATIENCE_MS 10000

struct world {
  sd_event *event;
  struct tt_core *core;
  struct tt_router *router;
  struct tt_session *session; /* flushed at the end of each turn; NULL: none */
  uint64_t skew_us;           /* added to the clock of the core: buckets fill up again */
  /* what happened */
  int refused, handled, messages, gone;
  char gone_full[256], state[600];
  int states;
  bool is_online;
};

static uint64_t world_mono(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * TT_USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}

/* alice may everything; everybody else is a stranger. */
static enum tt_role world_role(void *user, const struct tt_caller *caller)
{
  (void)user;
  return strcmp(caller->bare, "alice@house.test") ? TT_ROLE_NONE : TT_ROLE_ADMIN;
}

static enum tt_sight world_sight(void *user, const struct tt_caller *caller, const struct tt_node *node)
{
  return world_role(user, caller) && strcmp(node->key, "secret") ? TT_SIGHT_FULL : TT_SIGHT_NONE;
}

static void world_refused(void *user, const struct tt_caller *caller, enum tt_access_op op, const char *node)
{
  (void)caller, (void)op, (void)node;
  ((struct world *)user)->refused++;
}

static void world_on_gone(void *user, struct tt_session *session, const char *full)
{
  (void)session;
  struct world *world = user;
  world->gone++;
  snprintf(world->gone_full, sizeof(world->gone_full), "%s", full ? full : "(session)");
}

static void TT_UNUSED world_on_state(void *user, bool is_online, const char *text)
{
  struct world *world = user;
  world->states++;
  world->is_online = is_online;
  snprintf(world->state, sizeof(world->state), "%s", text);
}

static void world_turn(struct world *world)
{
  uint64_t now = world_mono();
  tt_core_turn(world->core, (struct tt_now){now + world->skew_us, 1795380000u * TT_USEC_PER_SEC});
  if (world->session)
    tt_session_flush(world->session, now);
}

static void world_init_with(struct world *world, struct tt_access *access, struct tt_blocks *blocks)
{
  *world = (struct world){0};
  assert_true(sd_event_new(&world->event) >= 0);
  world->core = tt_core_create();
  assert_non_null(world->core);
  tt_core_set_access(world->core,
                     (struct tt_access_hooks){.user = world, .role = world_role, .sight = world_sight});
  tt_core_set_audit(world->core, (struct tt_audit_hooks){.user = world, .refused = world_refused});
  const struct tt_router_config config = {
      .core = world->core, .access = access, .blocks = blocks, .stanza_max = 65536, .version = "0.1.0"};
  assert_int_equal(tt_router_create(&config, &world->router), 0);
  assert_int_equal(tt_basic_handlers_add(world->router), 0);
  assert_int_equal(tt_router_on_gone(world->router, world_on_gone, world), 0);
  world_turn(world);
  /* Two nodes, of which nobody sees the second. */
  static const char *const keys[] = {"n1", "secret"};
  for (size_t i = 0; i < TT_COUNT(keys); i++) {
    struct tt_node *node;
    const struct tt_node_spec spec = {.kind = TT_NODE_DEVICE, .key = keys[i], .type = "thingtree.device"};
    assert_int_equal(tt_tree_add(tt_core_tree(world->core), tt_core_now(world->core), &spec, &node), 0);
  }
}

static void TT_UNUSED world_init(struct world *world, struct tt_access *access)
{
  world_init_with(world, access, NULL);
}

static void world_finish(struct world *world)
{
  tt_router_destroy(world->router);
  tt_core_destroy(world->core);
  sd_event_unref(world->event);
}

/* Turn the loop until `*flag` has the value, at most WORLD_PATIENCE_MS. */
#define WORLD_UNTIL(world, condition)                                                                              \
  do {                                                                                                             \
    uint64_t until_ = world_mono() + WORLD_PATIENCE_MS * TT_USEC_PER_MSEC;                                         \
    while (!(condition) && world_mono() < until_) {                                                                \
      assert_true(sd_event_run((world)->event, 2 * TT_USEC_PER_MSEC) >= 0);                                        \
      world_turn(world);                                                                                           \
    }                                                                                                              \
    if (!(condition))                                                                                              \
      fail_msg("not in time: %s (state: %s)", #condition, (world)->state);                                         \
  } while (0)

/* ---- A server played by hand ---------------------------------------------------------------------------- */

struct server {
  int listener, fd;
  uint16_t port;
  struct tt_buf in; /* everything received */
};

static void TT_UNUSED server_init(struct server *server)
{
  *server = (struct server){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), .fd = -1};
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof(address);
  assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), 0);
  assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
  assert_int_equal(listen(server->listener, 5), 0);
  server->port = ntohs(address.sin_port);
}

static void TT_UNUSED server_hang_up(struct server *server)
{
  if (server->fd >= 0)
    close(server->fd);
  server->fd = -1;
}

static void TT_UNUSED server_finish(struct server *server)
{
  server_hang_up(server);
  if (server->listener >= 0)
    close(server->listener);
  tt_buf_finish(&server->in);
}

static void server_say_bytes(struct server *server, const char *text, size_t n)
{
  while (n > 0) {
    ssize_t sent = send(server->fd, text, n, MSG_NOSIGNAL);
    if (sent < 0)
      return; /* the other side has had enough: some tests are about that */
    text += sent;
    n -= (size_t)sent;
  }
}

static void TT_UNUSED server_say(struct server *server, const char *text)
{
  server_say_bytes(server, text, strlen(text));
}

/* Take a waiting connection and what has come; whether `text` (NULL: a connection) is there. */
static bool TT_UNUSED server_has(struct server *server, const char *text)
{
  if (server->fd < 0) {
    server->fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    if (server->fd >= 0)
      tt_buf_truncate(&server->in, 0);
  }
  if (server->fd < 0)
    return false;
  char data[65536];
  ssize_t n = recv(server->fd, data, sizeof(data), MSG_DONTWAIT);
  if (n > 0)
    tt_buf_add(&server->in, data, (size_t)n);
  return !text || (server->in.data && strstr(server->in.data, text));
}

static bool TT_UNUSED server_is_left(struct server *server)
{
  char byte;
  ssize_t n = recv(server->fd, &byte, 1, MSG_DONTWAIT);
  if (n > 0)
    tt_buf_add(&server->in, &byte, 1);
  return n == 0 || (n < 0 && errno != EAGAIN);
}
