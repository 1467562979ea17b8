/* SPDX-License-Identifier: Apache-2.0
 * The mappings of UPnP devices that are shipped: they load without a word, and name actions, arguments and variables that
 * the services of real devices have. */
#include "cmocka_all.h"
#include "config/config.h"
#include "options.h"
#include "scpd.h"
#include "upnp_file.h"

#include <unistd.h>

extern const struct tt_bridge_ops tt_bridge_upnp;

static const struct tt_bridge_ops *bridge(void *user, const char *protocol)
{
  (void)user;
  return strcmp(protocol, "upnp") == 0 ? &tt_bridge_upnp : NULL;
}

static int load(void **state)
{
  static const char *const names[] = {"upnp", NULL};
  char dir[] = "/tmp/tt-mappings-XXXXXX", path[64], shipped[512], link[64];
  struct tt_config *config;
  struct tt_diags *diags;
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/thingtree.yaml", dir);
  snprintf(shipped, sizeof shipped, "%s/mappings/upnp", getenv("TT_SOURCE_DIR"));
  snprintf(link, sizeof link, "%s/upnp", dir);
  assert_int_equal(symlink(shipped, link), 0); /* those of other bridges are not for this test */
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fprintf(file,
          "version: 1\n"
          "mappings: [%s]\n"
          "poll: {normal: {every: 10s}}\n"
          "connections:\n"
          "  lan: {protocol: upnp, interface: eth0}\n"
          "devices:\n",
          dir);
  static const char *const all[] = {"binary-light", "dimmable-light", "media-renderer", "internet-gateway-device",
                                    "any"};
  for (size_t i = 0; i < TT_COUNT(all); i++)
    fprintf(file, "  %s: {uses: upnp/%s, connection: lan, with: {udn: \"uuid:1\"}}\n", all[i], all[i]);
  fclose(file);
  struct tt_config_env env = {.file = path, .bridge = bridge, .names = names, .with_mappings = true};
  assert_int_equal(tt_config_load(&env, &config, &diags), 0);
  unlink(path);
  unlink(link);
  rmdir(dir);
  tt_diags_render(diags, false, &text);
  if (text.len)
    fail_msg("%s", text.data);
  tt_diags_destroy(diags);
  *state = config;
  return 0;
}

static int unload(void **state)
{
  tt_config_destroy(*state);
  return 0;
}

static const struct tt_device_config *device(const struct tt_config *config, const char *key)
{
  for (size_t i = 0; i < config->n_devices; i++)
    if (strcmp(config->devices[i].config.key, key) == 0)
      return &config->devices[i].config;
  fail_msg("no device %s", key);
  return NULL;
}

static void check_call(const struct up_scpd *scpd, const struct up_call *call)
{
  const struct up_action *action = up_scpd_action(scpd, call->action);
  if (!action)
    fail_msg("no action %s", call->action);
  for (size_t i = 0; i < action->n_arguments; i++)
    if (!action->arguments[i].is_out && !(call->in && tt_item_get(call->in, action->arguments[i].name)))
      fail_msg("%s lacks %s", call->action, action->arguments[i].name);
  for (size_t i = 0; call->in && i < call->in->n; i++)
    if (!up_action_argument(action, call->in->keys[i], false))
      fail_msg("%s has no argument %s", call->action, call->in->keys[i]);
  if (call->out && !up_action_argument(action, call->out, true))
    fail_msg("%s does not answer with %s", call->action, call->out);
}

/* All points of this service. */
static void check_service(const struct tt_device_config *config, const char *service, const char *name)
{
  AUTOFILE struct file file = file_read(name);
  struct up_scpd *scpd;
  char why[UP_WHY_SIZE];
  unsigned n = 0;
  assert_int_equal(up_scpd_parse(file.data, file.n, &scpd, why), 0);
  for (size_t i = 0; i < config->n_points; i++) {
    const struct tt_point *point = &config->points[i];
    const struct up_read_options *read = point->address;
    const struct up_write_options *write = point->write ? point->write->address : NULL;
    if (read && read->call.service && strcmp(read->call.service, service) == 0) {
      check_call(scpd, &read->call);
      n++;
    }
    if (write && strcmp(write->call.service, service) == 0)
      check_call(scpd, &write->call);
  }
  for (size_t i = 0; i < config->n_commands; i++) {
    const struct up_command_options *command = config->commands[i].address;
    if (strcmp(command->call.service, service) == 0)
      check_call(scpd, &command->call);
  }
  assert_true(n > 0);
  up_scpd_destroy(scpd);
}

static void a_media_renderer(void **state)
{
  const struct tt_device_config *d = device(*state, "media-renderer");
  check_service(d, "rc", "mediarenderer/RenderingControl_1.xml");
  check_service(d, "av", "mediarenderer/AVTransport_1.xml");
}

static void a_router(void **state)
{
  const struct tt_device_config *d = device(*state, "internet-gateway-device");
  check_service(d, "wan", "igd/WANCommonInterfaceConfig.xml");
  check_service(d, "ip", "igd/WANIPConnection.xml");
}

static void anything(void **state)
{
  const struct up_device_options *options = device(*state, "any")->options;
  assert_true(options->describe);
  assert_string_equal(options->udn, "uuid:1");
}

/* What discovery proposes for a device of a type with a service among others: parameters and all. */
static const char *proposed(const struct tt_config *config, const char *type, const char *service)
{
  const struct tt_fact facts[] = {{"udn", "uuid:1"},
                                  {"device_type", type},
                                  {"service_type", "urn:schemas-upnp-org:service:ConnectionManager:1"},
                                  {"service_type", service}};
  const struct tt_candidate candidate = {.id = "uuid:1", .facts = facts, .n_facts = TT_COUNT(facts)};
  const struct tt_mapping_config *m = tt_match_best(config, "upnp", &candidate);
  for (size_t i = 0; m && i < m->n_params; i++)
    assert_true(!m->params[i].is_required || tt_candidate_fact(&candidate, m->params[i].name));
  return m ? m->name : "";
}

static void who_they_fit(void **state)
{
#define DEVICE(x)  "urn:schemas-upnp-org:device:" x
#define SERVICE(x) "urn:schemas-upnp-org:service:" x
  static const struct {
    const char *type, *service, *mapping;
  } rows[] = {
      {DEVICE("BinaryLight:1"), SERVICE("SwitchPower:1"), "upnp/binary-light"},
      {DEVICE("DimmableLight:1"), SERVICE("Dimming:1"), "upnp/dimmable-light"},
      {DEVICE("MediaRenderer:3"), SERVICE("RenderingControl:3"), "upnp/media-renderer"},
      {DEVICE("InternetGatewayDevice:2"), SERVICE("WANIPConnection:2"), "upnp/internet-gateway-device"},
      {DEVICE("InternetGatewayDevice:1"), SERVICE("WANPPPConnection:1"), ""},
      {DEVICE("DimmableLight:1"), SERVICE("SwitchPower:1"), ""},
      {DEVICE("MediaServer:1"), SERVICE("ContentDirectory:1"), ""},
      {"urn:example:device:BinaryLight:1", SERVICE("SwitchPower:1"), ""},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    assert_string_equal(proposed(*state, rows[i].type, rows[i].service), rows[i].mapping);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_media_renderer),
      cmocka_unit_test(a_router),
      cmocka_unit_test(anything),
      cmocka_unit_test(who_they_fit),
  };
  return cmocka_run_group_tests(tests, load, unload);
}
