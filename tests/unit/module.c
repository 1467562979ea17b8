/* SPDX-License-Identifier: Apache-2.0
 * The shared objects that test_registry loads: one good bridge and, by macros, some that must be refused. */
#include <thingtree/bridge.h>

#ifdef NOT_A_BRIDGE
__attribute__((visibility("default"))) int something_else = 1;
#else

#ifdef NEEDS_MORE
void tt_function_of_a_later_version(struct tt_bridge *bridge);
#endif

/* The calling thread's own; as this is loaded when the program runs, glibc allocates it when it is first asked for. */
__attribute__((visibility("default"))) char *storage_of_thread(void);
char *storage_of_thread(void)
{
  static __thread char storage[16];
  return storage;
}

static int start(struct tt_bridge *bridge)
{
#ifdef NEEDS_MORE
  tt_function_of_a_later_version(bridge);
#endif
  (void)bridge;
  return 0;
}

static void stop(struct tt_bridge *bridge)
{
  (void)bridge;
}

static int attach(struct tt_bridge *bridge, struct tt_device *device)
{
  (void)bridge;
  (void)device;
  return 0;
}

static void detach(struct tt_bridge *bridge, struct tt_device *device)
{
  (void)bridge;
  (void)device;
}

static void read_points(struct tt_bridge *bridge, tt_id request, struct tt_device *device, const uint16_t points[],
                        size_t n, uint64_t deadline_us)
{
  (void)bridge, (void)request, (void)device, (void)points, (void)n, (void)deadline_us;
}

static void write_point(struct tt_bridge *bridge, tt_id request, struct tt_device *device, uint16_t point,
                        const struct tt_value *value, uint64_t deadline_us)
{
  (void)bridge, (void)request, (void)device, (void)point, (void)value, (void)deadline_us;
}

TT_BRIDGE(module) = {
    .abi = TT_BRIDGE_ABI + ABI_OFFSET,
    .name = NAME,
    .summary = "for tests",
    .start = start,
    .stop = stop,
    .attach = attach,
    .detach = detach,
    .read = read_points,
    .write = write_point,
};
#endif
