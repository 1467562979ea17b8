/* SPDX-License-Identifier: Apache-2.0
 *
 * check.c: `thingtree check`: loads the configuration and says what is wrong with it. No network, no daemon.
 */
#include "args.h"
#include "bridge/registry.h"
#include "config/config.h"
#include "probe.h"
#include "service/described.h"
#include "term.h"

#include <json-c/json.h>
#include <stdio.h>
#include <unistd.h>

struct outcome {
  size_t errors, warnings, devices, disabled, connections, connections_disabled;
  int code;
};

static struct outcome judge(const struct tt_config *config, const struct tt_diags *diags)
{
  struct outcome o = {
      .errors = tt_diags_count(diags, TT_SEVERITY_ERROR),
      .warnings = tt_diags_count(diags, TT_SEVERITY_WARNING),
      .devices = config->n_devices + config->n_refused,
      .disabled = config->n_disabled + config->n_refused,
      .connections = config->n_connections,
  };
  for (size_t i = 0; i < config->n_connections; i++)
    o.connections_disabled += config->connections[i].is_disabled;
  o.code = !config->is_usable ? TT_EXIT_UNUSABLE : o.errors ? TT_EXIT_PARTLY : TT_EXIT_OK;
  return o;
}

static const char *plural(size_t n)
{
  return n == 1 ? "" : "s";
}

static void say_outcome(const struct tt_config *config, const struct outcome *o, struct tt_buf *out)
{
  if (!config->is_usable) {
    tt_buf_printf(out, "thingtree check: nothing usable (exit code %d)\n", o->code);
    return;
  }
  tt_buf_puts(out, "thingtree check: ");
  if (o->errors && !o->connections_disabled && !o->disabled) /* a file, a place: nothing that is counted below */
    tt_buf_printf(out, "%zu error%s, ", o->errors, plural(o->errors));
  if (o->connections_disabled)
    tt_buf_printf(out, "%zu connection%s disabled, ", o->connections_disabled, plural(o->connections_disabled));
  tt_buf_printf(out, "%zu device%s disabled, %zu running (exit code %d)\n", o->disabled, plural(o->disabled),
                o->devices - o->disabled, o->code);
}

static void say_outcome_json(const struct tt_config *config, const struct outcome *o, struct tt_buf *out)
{
  const struct {
    const char *name;
    size_t value;
  } numbers[] = {{"errors", o->errors},
                 {"warnings", o->warnings},
                 {"devices", o->devices},
                 {"disabled", o->disabled},
                 {"running", o->devices - o->disabled},
                 {"connections", o->connections},
                 {"connections_disabled", o->connections_disabled},
                 {"exit_code", (size_t)o->code}};
  struct json_object *summary = json_object_new_object(), *files = json_object_new_array();
  for (size_t i = 0; i < TT_COUNT(numbers); i++)
    json_object_object_add(summary, numbers[i].name, json_object_new_int64((int64_t)numbers[i].value));
  json_object_object_add(summary, "usable", json_object_new_boolean(config->is_usable));
  for (size_t i = 0; i < config->files.n; i++)
    json_object_array_add(files, json_object_new_string(config->files.text[i]));
  json_object_object_add(summary, "files", files);
  tt_buf_printf(out, "{\"summary\":%s}\n",
                json_object_to_json_string_ext(summary, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(summary);
}

static void say_files(const struct tt_config *config, struct tt_buf *out)
{
  for (size_t i = 0; i < config->files.n; i++)
    tt_buf_printf(out, "read %s\n", config->files.text[i]);
  for (size_t i = 0; i < config->n_devices; i++) {
    const struct tt_device_entry *d = &config->devices[i];
    tt_buf_printf(out, "device %s%s%s: %s%s%s\n", d->place, *d->place ? "/" : "", d->config.key,
                  d->mapping ? d->mapping : "no mapping", d->is_disabled ? ", disabled: " : "",
                  d->is_disabled ? d->error : "");
  }
}

static char *describe(void *described, const char *key, const char *mapping)
{
  return tt_described_get(described, key, mapping);
}

/* What devices have said of themselves is there when a daemon has run with this state. */
static int open_state(const char *state, struct tt_config_env *env)
{
  struct tt_described *described = NULL;
  struct tt_buf path TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&path, "%s/described", state);
  if (path.failed || access(path.data, F_OK) < 0) /* nobody has said anything; it is not for us to make it */
    return 0;
  int r = tt_described_create(state, &described);
  if (r < 0) {
    fprintf(stderr, "thingtree: the state directory %s cannot be used: %s\n", state, strerror(-r));
    return r;
  }
  env->described = describe;
  env->described_user = described;
  return 0;
}

int tt_command_check(int argc, char **argv)
{
  const char *file = TT_DEFAULT_CONFIG, *credentials = NULL, *bridges = TT_BRIDGE_DIR, *state = NULL,
             *device = NULL, *scan = NULL;
  bool is_json = false, is_verbose = false;
  const struct tt_switch switches[] = {
      {.name = "config",
       .letter = "c",
       .value = "FILE",
       .text = &file,
       .help = "thingtree.yaml (" TT_DEFAULT_CONFIG ")"},
      {.name = "credentials",
       .value = "DIR",
       .text = &credentials,
       .help = "where ${credential:NAME} is looked for"},
      {.name = "bridges", .value = "DIR", .text = &bridges, .help = "where the bridges are"},
      {.name = "state",
       .value = "DIR",
       .text = &state,
       .help = "of the daemon: use what devices have said of themselves"},
      {.name = "probe",
       .letter = "p",
       .value = "DEVICE",
       .text = &device,
       .help = "read each point of this device once, and show what was on the wire"},
      {.name = "scan",
       .value = "WHAT",
       .text = &scan,
       .help = "with --probe: look what the device has there; modbus: holding:0-200"},
      {.name = "verbose", .letter = "v", .flag = &is_verbose, .help = "also what was read, and every device"},
      TT_SWITCH_JSON(&is_json),
      {NULL},
  };
  const struct tt_args args = {.usage = "check [OPTIONS]",
                               .help = "Reads the configuration as `run` would and says what is wrong with it, "
                                       "without any network;\nwith --probe it reads a device, without the daemon. "
                                       "Exit code 0: all is well; 1: devices are disabled; "
                                       "2: nothing is usable.",
                               .switches = switches};
  struct tt_registry *registry = NULL;
  struct tt_config_env env = {0};
  struct tt_config *config = NULL;
  struct tt_diags *diags = NULL;
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  int n, r = tt_args_parse(&args, argc, argv, &n);
  if (r != TT_ARGS_GO_ON)
    return r;
  if (n > 0)
    return tt_usage("check takes no \"%s\"; the file is given by --config", argv[1]);
  if (scan && !device)
    return tt_usage("--scan needs --probe DEVICE");
  env = (struct tt_config_env){.file = file, .credentials = credentials};
  r = tt_registry_create(bridges, NULL, &registry);
  if (r == 0) {
    tt_registry_serve(registry, &env);
    r = state ? open_state(state, &env) : 0;
    if (r == 0 && device) {
      int code = scan ? tt_probe_scan(&env, device, scan, is_json) : tt_probe_device(&env, device, is_json);
      tt_described_destroy(env.described_user);
      tt_registry_destroy(registry);
      return code;
    }
    if (r == 0)
      r = tt_config_load(&env, &config, &diags);
    tt_described_destroy(env.described_user);
  }
  if (r < 0) {
    fprintf(stderr, "thingtree: %s\n", strerror(-r));
    tt_registry_destroy(registry);
    return TT_EXIT_UNUSABLE;
  }
  struct outcome outcome = judge(config, diags);
  if (is_json) {
    tt_diags_render_json(diags, &out);
    say_outcome_json(config, &outcome, &out);
  } else {
    if (is_verbose)
      say_files(config, &out);
    tt_diags_render(diags, tt_term_of(STDOUT_FILENO).has_colour, &out);
    say_outcome(config, &outcome, &out);
  }
  bool is_written = !out.failed && fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
  tt_diags_destroy(diags);
  tt_config_destroy(config);
  tt_registry_destroy(registry);
  return is_written ? outcome.code : TT_EXIT_UNUSABLE;
}
