/* SPDX-License-Identifier: Apache-2.0
 *
 * run.c: `thingtree run`: reads the configuration, takes the state directory, and is the daemon until it is told to
 * end.
 */
#include "api/api.h"
#include "bridge/registry.h"
#include "cli/args.h"
#include "daemon.h"
#include "describe.h"
#include "service/log.h"
#include "service/state.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define DEFAULT_STATE "/var/lib/thingtree"
/* libstrophe and libmodbus wait with select(): a descriptor from here on would end the process. */
#define DESCRIPTORS_MAX 1024

static void limit_descriptors(void)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > DESCRIPTORS_MAX) {
    limit.rlim_cur = DESCRIPTORS_MAX;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

static int on_end(TT_UNUSED sd_event_source *source, TT_UNUSED const struct signalfd_siginfo *info, void *user)
{
  tt_daemon_stop(user);
  return 0;
}

static int on_hangup(TT_UNUSED sd_event_source *source, TT_UNUSED const struct signalfd_siginfo *info, void *user)
{
  tt_daemon_reload(user);
  return 0;
}

/* First of all: a signal that comes while the configuration is read waits for the loop, and threads inherit the mask. */
static void block_signals(void)
{
  static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < TT_COUNT(signals); i++)
    sigaddset(&set, signals[i]);
  signal(SIGPIPE, SIG_IGN);
  sigprocmask(SIG_BLOCK, &set, NULL);
}

static int serve(sd_event *event, const struct tt_daemon_options *options)
{
  struct tt_daemon *daemon = NULL;
  int r = tt_daemon_create(options, &daemon);
  if (r < 0)
    return TT_EXIT_UNUSABLE;
  r = sd_event_add_signal(event, NULL, SIGTERM, on_end, daemon);
  if (r >= 0)
    r = sd_event_add_signal(event, NULL, SIGINT, on_end, daemon);
  if (r >= 0)
    r = sd_event_add_signal(event, NULL, SIGHUP, on_hangup, daemon);
  if (r >= 0)
    r = tt_daemon_run(daemon);
  if (r < 0)
    tt_log(TT_LOG_ERROR, NULL, "the event loop failed: %s", strerror(-r));
  int code = r < 0 ? TT_EXIT_UNUSABLE : TT_EXIT_OK;
  if (!tt_daemon_destroy(daemon)) {
    tt_log(TT_LOG_WARNING, NULL, "ended without waiting for a thread that hangs in a library");
    _exit(code);
  }
  return code;
}

static int lock_state(const char *dir, int *ret_fd)
{
  pid_t other = 0;
  int r = tt_state_open(dir, ret_fd, &other);
  if (r == -EBUSY)
    fprintf(stderr, "thingtree: another thingtree (pid %ld) runs on the state directory %s\n", (long)other, dir);
  else if (r < 0)
    fprintf(stderr, "thingtree: the state directory %s cannot be used: %s\n", dir, strerror(-r));
  return r;
}

/* What the configuration says is wrong stands in the log of the daemon as `check` shows it. */
static int load(const struct tt_config_env *env, struct tt_config **ret_config)
{
  struct tt_diags *diags = NULL;
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  int r = tt_config_load(env, ret_config, &diags);
  if (r < 0) {
    fprintf(stderr, "thingtree: %s\n", strerror(-r));
    return r;
  }
  tt_diags_render(diags, false, &text);
  if (text.len)
    fprintf(stderr, "%s", text.data);
  tt_diags_destroy(diags);
  if ((*ret_config)->is_usable)
    return 0;
  fprintf(stderr, "thingtree: the configuration %s cannot be used\n", env->file);
  return -EINVAL;
}

static int run(struct tt_config_env *env, const char *bridges, const char *state_dir, const char *socket)
{
  struct tt_config *config = NULL;
  struct tt_described *described = NULL;
  sd_event *event = NULL;
  int lock = -1, code = TT_EXIT_UNUSABLE, r = lock_state(state_dir, &lock);
  if (r == 0) {
    r = tt_described_create(state_dir, &described);
    if (r < 0)
      fprintf(stderr, "thingtree: the state directory %s cannot be used: %s\n", state_dir, strerror(-r));
  }
  env->described = tt_describer_get;
  env->described_user = described;
  if (r == 0 && load(env, &config) == 0) {
    r = sd_event_default(&event);
    if (r >= 0)
      code = serve(event, &(struct tt_daemon_options){.event = event,
                                                      .env = *env,
                                                      .config = config,
                                                      .described = described,
                                                      .state_dir = state_dir,
                                                      .socket = socket,
                                                      .bridges = bridges});
    else
      fprintf(stderr, "thingtree: %s\n", strerror(-r));
  }
  sd_event_unref(event);
  tt_config_destroy(config);
  tt_described_destroy(described);
  if (lock >= 0)
    close(lock);
  return code;
}

int tt_command_run(int argc, char **argv)
{
  const char *file = TT_DEFAULT_CONFIG, *state = getenv("STATE_DIRECTORY"), *socket = getenv(TT_API_SOCKET_ENV),
             *credentials = NULL, *bridges = TT_BRIDGE_DIR;
  bool is_verbose = false;
  const struct tt_switch switches[] = {
      {.name = "config",
       .letter = "c",
       .value = "FILE",
       .text = &file,
       .help = "thingtree.yaml (" TT_DEFAULT_CONFIG ")"},
      {.name = "state",
       .value = "DIR",
       .text = &state,
       .help = "what has to survive: audit, accepted requests ($STATE_DIRECTORY, " DEFAULT_STATE ")"},
      TT_SWITCH_SOCKET(&socket),
      {.name = "credentials",
       .value = "DIR",
       .text = &credentials,
       .help = "where ${credential:NAME} is looked for ($CREDENTIALS_DIRECTORY)"},
      {.name = "bridges", .value = "DIR", .text = &bridges, .help = "where the bridges are"},
      {.name = "verbose", .letter = "v", .flag = &is_verbose, .help = "log more"},
      {NULL},
  };
  const struct tt_args args = {.usage = "run [OPTIONS]",
                               .help = "Is the daemon: connects to the devices and to XMPP and serves the control "
                                       "socket, until SIGTERM.\nDevices that are described wrongly are nodes with "
                                       "an error; the others run.",
                               .switches = switches};
  struct tt_registry *registry = NULL;
  int n, r = tt_args_parse(&args, argc, argv, &n);
  if (r != TT_ARGS_GO_ON)
    return r;
  if (n > 0)
    return tt_usage("run takes no \"%s\"; the configuration is given by --config", argv[1]);
  tt_log_open(is_verbose ? TT_LOG_DEBUG : TT_LOG_INFO);
  block_signals();
  limit_descriptors();
  r = tt_registry_create(bridges, NULL, &registry);
  if (r < 0) {
    fprintf(stderr, "thingtree: %s\n", strerror(-r));
    return TT_EXIT_UNUSABLE;
  }
  struct tt_config_env env = {.file = file, .credentials = credentials};
  tt_registry_serve(registry, &env);
  int code =
      run(&env, bridges, state && *state ? state : DEFAULT_STATE, socket && *socket ? socket : TT_API_SOCKET);
  tt_registry_destroy(registry);
  return code;
}
