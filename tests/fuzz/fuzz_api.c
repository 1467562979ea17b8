/* SPDX-License-Identifier: Apache-2.0
 * fuzz_api.c: what a client of the control socket may send: any bytes, in the pieces that it likes. A NUL byte in the
 * input ends one write. Each input is a connection of its own to one daemon that lives on. */
#include "api/api.h"
#include "service/loop.h"
#include "trust/access.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define TURNS 64
#define OPEN  64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int address;
static struct tt_write any_write = {.within_us = TT_USEC_PER_SEC, .verify_point = TT_NO_POINT};
static const struct tt_point points[] = {
    {.name = "power", .type = TT_TYPE_QUANTITY, .unit = "W", .decimals = 1, .categories = 1, .address = &address},
    {.name = "relay", .type = TT_TYPE_BOOLEAN, .categories = 4, .address = &address, .write = &any_write},
    {.name = "mode", .type = TT_TYPE_STRING, .categories = 4, .address = &address, .write = &any_write},
};

static struct {
  struct tt_core *core;
  struct tt_access *access;
  struct tt_api *api;
  sd_event *event;
  char dir[32];
  struct sockaddr_un at;
  struct {
    tt_device_fn fn;
    void *user;
  } open[OPEN];
  size_t n_open;
} world;

static int keep(tt_device_fn fn, void *user)
{
  if (world.n_open == OPEN)
    return -EBUSY;
  world.open[world.n_open].fn = fn;
  world.open[world.n_open++].user = user;
  return 0;
}

static int on_read(void *user TT_UNUSED, tt_id node TT_UNUSED, const uint16_t which[] TT_UNUSED, size_t n TT_UNUSED,
                   uint64_t deadline_us TT_UNUSED, tt_device_fn fn, void *fn_user)
{
  return keep(fn, fn_user);
}

static int on_write(void *user TT_UNUSED, tt_id node TT_UNUSED, uint16_t point TT_UNUSED,
                    const struct tt_value *raw TT_UNUSED, uint64_t deadline_us TT_UNUSED, tt_device_fn fn,
                    void *fn_user)
{
  return keep(fn, fn_user);
}

static uint64_t on_decision(void *user TT_UNUSED, const struct tt_caller *caller TT_UNUSED,
                            const struct tt_node *node TT_UNUSED, const char *parameter TT_UNUSED,
                            const struct tt_value *old TT_UNUSED, const struct tt_value *value TT_UNUSED)
{
  return 1;
}

static void on_outcome(void *user TT_UNUSED, uint64_t id TT_UNUSED, enum tt_refusal result TT_UNUSED,
                       const char *text TT_UNUSED)
{
}

static void on_refused(void *user TT_UNUSED, const struct tt_caller *caller TT_UNUSED,
                       enum tt_access_op op TT_UNUSED, const char *node TT_UNUSED)
{
}

static void must(bool is_so)
{
  if (!is_so)
    abort();
}

static void end_world(void)
{
  tt_api_destroy(world.api);
  tt_core_destroy(world.core);
  tt_access_destroy(world.access);
  sd_event_unref(world.event);
  rmdir(world.dir);
}

static void make_world(void)
{
  strcpy(world.dir, "/tmp/tt-fuzz-XXXXXX");
  must(mkdtemp(world.dir));
  world.at.sun_family = AF_UNIX;
  snprintf(world.at.sun_path, sizeof(world.at.sun_path), "%s/s", world.dir);
  must(sd_event_new(&world.event) >= 0);
  must((world.core = tt_core_create()));
  tt_core_turn(world.core, tt_loop_clock());
  must(tt_access_create(NULL, 0, NULL, &world.access) >= 0);
  tt_core_set_access(world.core, tt_access_hooks(world.access, world.core));
  tt_core_set_audit(world.core, (struct tt_audit_hooks){NULL, on_decision, on_outcome, on_refused});
  tt_core_set_devices(world.core, (struct tt_device_hooks){NULL, on_read, on_write});
  struct tt_node_spec spec = {.kind = TT_NODE_DEVICE,
                              .key = "plug",
                              .place = "house/hall",
                              .points = points,
                              .n_points = TT_COUNT(points),
                              .timeout_us = TT_USEC_PER_SEC};
  struct tt_node *node;
  must(tt_tree_add(tt_core_tree(world.core), tt_core_now(world.core), &spec, &node) >= 0);
  must(tt_api_create(world.core, world.access, world.event, world.at.sun_path, NULL, &world.api) >= 0);
  atexit(end_world);
}

static void turn(void)
{
  struct tt_tree *tree = tt_core_tree(world.core);
  tt_core_turn(world.core, tt_loop_clock());
  while (world.n_open > 0) {
    world.n_open--;
    struct tt_node *node = tt_tree_find(tree, "plug", NULL, NULL);
    tt_node_report(tree, tt_core_now(world.core), node, 0, &TT_VALUE_QUANTITY(7, 1), 0, false);
    world.open[world.n_open].fn(world.open[world.n_open].user, 0, NULL);
  }
  for (int i = 0; i < 4 && sd_event_run(world.event, 0) > 0; i++)
    ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  char answer[65536];
  if (!world.api)
    make_world();
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  must(fd >= 0 && connect(fd, (struct sockaddr *)&world.at, sizeof(world.at)) == 0);
  turn();
  while (size > 0) {
    const uint8_t *end = memchr(data, 0, size);
    size_t n = end ? (size_t)(end - data) : size;
    if (n > 0)
      (void)!send(fd, data, n, MSG_NOSIGNAL);
    turn();
    n += end != NULL;
    data += n;
    size -= n;
  }
  shutdown(fd, SHUT_WR);
  for (int i = 0; i < TURNS; i++) {
    turn();
    ssize_t n = recv(fd, answer, sizeof(answer), 0);
    if (n == 0)
      break;
  }
  close(fd);
  turn();
  return 0;
}
