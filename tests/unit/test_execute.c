/* SPDX-License-Identifier: Apache-2.0
 * execute.c: commands: what there is, validity, permission, order, audit, and one answer. */
#include "model/execute.h"
#include "model_world.h"

enum { LIGHT_ON, GO, SECRET, N_COMMANDS };

static struct tt_write plain = {.verify_point = TT_NO_POINT};
static struct tt_write level_write = {
    .verify_point = TT_NO_POINT, .has_range = true, .min = 0, .max = 100, .step = 5};
static const struct tt_point go_arguments[] = {
    {.name = "level",
     .type = TT_TYPE_QUANTITY,
     .unit = "%",
     .decimals = TT_DECIMALS_FREE,
     .has_scale = true,
     .scale = 0.5,
     .missing = TT_MISSING_ABSENT,
     .write = &level_write},
    {.name = "mode",
     .type = TT_TYPE_ENUM,
     .n_map = 2,
     .map = world_modes,
     .missing = TT_MISSING_VALUE,
     .missing_value = {.type = TT_TYPE_ENUM, .text = (char[]){"night"}},
     .write = &plain},
    {.name = "relay", .type = TT_TYPE_BOOLEAN, .missing = TT_MISSING_ABSENT, .write = &plain},
    {.name = "note", .type = TT_TYPE_STRING, .missing = TT_MISSING_ABSENT, .write = &plain},
};
static const struct tt_point secret_arguments[] = {
    {.name = "key", .type = TT_TYPE_STRING, .missing = TT_MISSING_ABSENT, .is_secret = true, .write = &plain}};
static const struct tt_command commands[N_COMMANDS] = {
    [LIGHT_ON] = {.name = "blink", .within_us = 2 * SECOND},
    [GO] = {.name = "go", .arguments = go_arguments, .n_arguments = TT_COUNT(go_arguments)},
    [SECRET] = {.name = "unlock", .arguments = secret_arguments, .n_arguments = 1},
};

/* ---- A world with commands in it ------------------------------------------------------------------------------- */
struct told {
  tt_id node;
  uint16_t command;
  char raws[200];
  uint64_t deadline_us;
  tt_device_fn fn;
  void *fn_user;
};
static struct told told[32];
static size_t n_told;
static int device_error;

static int on_command(void *user, tt_id node, uint16_t command, const struct tt_value raws[], uint64_t deadline_us,
                      tt_device_fn fn, void *fn_user)
{
  struct told *t = &told[n_told];
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  (void)user;
  if (device_error < 0)
    return device_error;
  assert_true(n_told++ < TT_COUNT(told));
  for (size_t i = 0; i < commands[command].n_arguments; i++) {
    tt_buf_puts(&text, i ? "," : "");
    tt_value_print(&raws[i], &text);
  }
  *t = (struct told){.node = node, .command = command, .deadline_us = deadline_us, .fn = fn, .fn_user = fn_user};
  snprintf(t->raws, sizeof t->raws, "%s", text.data ? text.data : "");
  return 0;
}

static uint64_t on_audit(void *user, const struct tt_caller *caller, const struct tt_node *node,
                         const struct tt_command *command, const struct tt_value values[])
{
  struct world *w = user;
  (void)caller;
  if (w->audit_fails)
    return 0;
  tt_buf_printf(&w->log, "[%s.%s", node->key, command->name);
  for (size_t i = 0; i < command->n_arguments; i++) {
    tt_buf_printf(&w->log, " %s=", command->arguments[i].name);
    tt_value_print(&values[i], &w->log);
  }
  tt_buf_puts(&w->log, "]");
  return 7;
}

static struct world *create(void)
{
  struct world *w = world_create();
  struct tt_node *node;
  n_told = 0;
  device_error = 0;
  tt_core_set_audit(w->core, (struct tt_audit_hooks){.user = w,
                                                     .decision = world_decision,
                                                     .command = on_audit,
                                                     .outcome = world_outcome,
                                                     .refused = world_refused});
  tt_core_set_devices(w->core, (struct tt_device_hooks){
                                   .user = w, .read = world_read, .write = world_write, .command = on_command});
  struct tt_node_spec spec = {.kind = TT_NODE_DEVICE,
                              .key = "robot",
                              .points = world_points,
                              .n_points = N_POINTS,
                              .commands = commands,
                              .n_commands = N_COMMANDS};
  assert_int_equal(tt_tree_add(tt_core_tree(w->core), w->now, &spec, &node), 0);
  spec.key = "other";
  assert_int_equal(tt_tree_add(tt_core_tree(w->core), w->now, &spec, &node), 0);
  spec.key = "broken";
  spec.is_disabled = true;
  assert_int_equal(tt_tree_add(tt_core_tree(w->core), w->now, &spec, &node), 0);
  return w;
}

/* ---- What was answered ------------------------------------------------------------------------------------------ */
struct result {
  unsigned calls;
  enum tt_refusal refusal;
  char text[300], names[300], errors[600];
};

static void keep(struct result *r, enum tt_refusal refusal, const char *text)
{
  r->calls++;
  r->refusal = refusal;
  snprintf(r->text, sizeof r->text, "%s", text ? text : "");
}

static void on_list(void *user, enum tt_refusal refusal, const char *text, const struct tt_node *node,
                    const struct tt_command *const list[], size_t n)
{
  struct result *r = user;
  keep(r, refusal, text);
  assert_true((refusal == TT_OK) == (node != NULL));
  for (size_t i = 0; i < n; i++)
    snprintf(r->names + strlen(r->names), sizeof r->names - strlen(r->names), "%s ", list[i]->name);
}

static void on_arguments(void *user, enum tt_refusal refusal, const char *text, const struct tt_node *node,
                         const struct tt_command *command, const struct tt_parameter arguments[], size_t n)
{
  struct result *r = user;
  (void)node;
  keep(r, refusal, text);
  assert_true((refusal == TT_OK) == (command != NULL));
  for (size_t i = 0; i < n; i++) {
    TT_AUTOBUF struct tt_buf value = TT_BUF(0);
    if (arguments[i].current)
      tt_value_print(arguments[i].current, &value);
    snprintf(r->names + strlen(r->names), sizeof r->names - strlen(r->names), "%s=%s ", arguments[i].point->name,
             value.data ? value.data : "?");
  }
}

static void on_result(void *user, const struct tt_execute_result *result)
{
  struct result *r = user;
  keep(r, result->refusal, result->text);
  for (size_t i = 0; i < result->n_errors; i++)
    snprintf(r->errors + strlen(r->errors), sizeof r->errors - strlen(r->errors), "%s: %s; ",
             result->errors[i].name, result->errors[i].text);
}

static struct result list(struct world *w, const struct tt_caller *caller, const char *key)
{
  struct result r = {0};
  tt_commands_list(w->core, caller, &(struct tt_ref){key, "", ""}, on_list, &r);
  return r;
}

static struct result arguments_of(struct world *w, const char *key, const char *command)
{
  struct result r = {0};
  tt_command_arguments(w->core, &alice, &(struct tt_ref){key, "", ""}, command, on_arguments, &r);
  return r;
}

static void execute_as(struct world *w, const struct tt_caller *caller, const char *key, const char *command,
                       const struct tt_assignment *arguments, size_t n, struct result *r)
{
  *r = (struct result){0};
  tt_command_execute(
      w->core,
      &(struct tt_execute_request){
          .caller = caller, .ref = {key, "", ""}, .command = command, .arguments = arguments, .n_arguments = n},
      on_result, r);
}

static void blink(struct world *w, const char *key, struct result *r)
{
  execute_as(w, &alice, key, "blink", NULL, 0, r);
}

#define TEXT(name_, text_)                                                                                         \
  {                                                                                                                \
    (name_), TT_TYPE_NONE, (text_)                                                                                 \
  }
static const struct tt_assignment good[] = {TEXT("note", ""), TEXT("relay", "true"), TEXT("level", "35")};

static void done(size_t i, int error, const char *text)
{
  assert_true(i < n_told);
  told[i].fn(told[i].fn_user, error, text);
}

/* ---- Looking ---------------------------------------------------------------------------------------------------- */
static void test_list(void **state)
{
  (void)state;
  struct world *w = create();
  struct result r = list(w, &alice, "robot");
  assert_int_equal(r.calls, 1);
  assert_int_equal(r.refusal, TT_OK);
  assert_string_equal(r.names, "blink go unlock ");
  w->denied = "go";
  assert_string_equal(list(w, &alice, "robot").names, "blink unlock ");
  w->denied = NULL;
  /* None, and none of a node that does not work; whoever sees the node may hear that. */
  w->mode = ACCESS_NONE;
  assert_int_equal(list(w, &alice, "lamp").refusal, TT_OK);
  assert_int_equal(list(w, &alice, "broken").refusal, TT_OK);
  assert_int_equal(list(w, &alice, "robot").refusal, TT_REFUSED_FORBIDDEN);
  assert_int_equal(w->n_refused, 1);
  w->mode = ACCESS_ALL;
  assert_int_equal(list(w, &alice, "nothing").refusal, TT_REFUSED_NOT_FOUND);
  w->unseen = "robot";
  assert_int_equal(list(w, &alice, "robot").refusal, TT_REFUSED_NOT_FOUND);
  w->role = TT_ROLE_NONE;
  w->n_looked = 0;
  assert_int_equal(list(w, &alice, "other").refusal, TT_REFUSED_FORBIDDEN);
  assert_int_equal(w->n_looked, 0); /* before anything is looked up */
  world_destroy(w);
}

static void test_arguments(void **state)
{
  (void)state;
  struct world *w = create();
  assert_string_equal(arguments_of(w, "robot", "go").names, "level=? mode=night relay=? note=? ");
  world_report(w, "robot", RELAY, TT_VALUE_BOOLEAN(true)); /* a field of this name and type */
  assert_string_equal(arguments_of(w, "robot", "go").names, "level=? mode=night relay=true note=? ");
  assert_int_equal(arguments_of(w, "robot", "blink").refusal, TT_OK);
  assert_string_equal(arguments_of(w, "robot", "blink").names, "");
  assert_int_equal(arguments_of(w, "robot", "fly").refusal, TT_REFUSED_NOT_FOUND);
  assert_int_equal(arguments_of(w, "lamp", "blink").refusal, TT_REFUSED_NOT_FOUND);
  w->mode = ACCESS_NONE; /* hears that first, and nothing of what there is */
  assert_int_equal(arguments_of(w, "robot", "fly").refusal, TT_REFUSED_FORBIDDEN);
  assert_int_equal(arguments_of(w, "robot", "go").refusal, TT_REFUSED_FORBIDDEN);
  world_destroy(w);
}

/* ---- Doing ------------------------------------------------------------------------------------------------------ */
static void test_done(void **state)
{
  (void)state;
  struct world *w = create();
  struct result r;
  execute_as(w, &alice, "robot", "go", good, TT_COUNT(good), &r);
  assert_int_equal(n_told, 1);
  assert_int_equal(told[0].command, GO);
  assert_string_equal(told[0].raws, "70,1,true,"); /* scaled, mapped, by default */
  assert_string_equal(world_log(w), "[robot.go level=35 mode=night relay=true note=]");
  assert_int_equal(r.calls, 0);
  done(0, 0, "at 35 \x1b[31m now");
  assert_int_equal(r.calls, 1);
  assert_int_equal(r.refusal, TT_OK);
  assert_null(strchr(r.text, '\x1b')); /* foreign, but printable */
  assert_non_null(strstr(r.text, "at 35"));
  assert_string_equal(world_log(w), "[0]");
  blink(w, "robot", &r);
  assert_int_equal(told[1].deadline_us, w->now.mono_us + 2 * SECOND);
  done(1, -EIO, NULL);
  assert_int_equal(r.refusal, TT_REFUSED_DEVICE);
  assert_string_equal(r.text, "The device answered with an error.");
  blink(w, "robot", &r);
  done(2, -ETIMEDOUT, "no answer");
  assert_int_equal(r.refusal, TT_REFUSED_TIMEOUT);
  assert_string_equal(r.text, "no answer");
  device_error = -ENODEV;
  blink(w, "robot", &r);
  assert_int_equal(r.calls, 1);
  assert_int_equal(r.refusal, TT_REFUSED_DEVICE);
  assert_int_equal(tt_core_due(w->core), TT_NEVER); /* nothing is left of it */
  world_destroy(w);
}

static void test_validity_is_all_or_nothing(void **state)
{
  static const struct {
    struct tt_assignment arguments[6];
    size_t n;
    const char *errors;
  } rows[] = {
      {{TEXT("level", "35"), TEXT("note", "")}, 2, "relay: it must be given; "},
      {{{0}}, 0, "level: it must be given; relay: it must be given; note: it must be given; "},
      {{TEXT("level", ""), TEXT("relay", "1"), TEXT("note", "")}, 3, "level: it must be given; "},
      {{TEXT("level", "35"), TEXT("relay", "1"), TEXT("note", ""), TEXT("speed", "1")},
       4,
       "speed: the command has no such argument; "},
  };
  (void)state;
  struct world *w = create();
  struct result r;
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    execute_as(w, &alice, "robot", "go", rows[i].arguments, rows[i].n, &r);
    assert_int_equal(r.calls, 1);
    assert_int_equal(r.refusal, TT_REFUSED_BAD_REQUEST);
    assert_string_equal(r.errors, rows[i].errors);
  }
  /* Type, range, step, enumeration: every one that is wrong is named. */
  const struct tt_assignment wrong[] = {TEXT("level", "33"), TEXT("mode", "dusk"), TEXT("relay", "maybe"),
                                        TEXT("note", "")};
  execute_as(w, &alice, "robot", "go", wrong, TT_COUNT(wrong), &r);
  assert_int_equal(r.refusal, TT_REFUSED_BAD_REQUEST);
  assert_non_null(strstr(r.errors, "level: "));
  assert_non_null(strstr(r.errors, "mode: "));
  assert_non_null(strstr(r.errors, "relay: "));
  const struct tt_assignment twice[] = {TEXT("note", "a"), TEXT("note", "b")};
  execute_as(w, &alice, "robot", "go", twice, 2, &r);
  assert_int_equal(r.refusal, TT_REFUSED_BAD_REQUEST);
  assert_string_equal(r.errors, "note: it is given twice; ");
  struct tt_assignment many[TT_ARGUMENTS_MAX + 1];
  for (size_t i = 0; i < TT_COUNT(many); i++)
    many[i] = good[0];
  execute_as(w, &alice, "robot", "go", many, TT_COUNT(many), &r);
  assert_string_equal(r.text, "A command has at most 32 arguments.");
  execute_as(w, &alice, "robot", "fly", NULL, 0, &r);
  assert_int_equal(r.refusal, TT_REFUSED_NOT_FOUND);
  char long_name[5000];
  memset(long_name, 'a', sizeof long_name);
  long_name[sizeof long_name - 1] = '\0';
  execute_as(w, &alice, "robot", long_name, NULL, 0, &r);
  assert_int_equal(r.refusal, TT_REFUSED_NOT_FOUND);
  assert_int_equal(n_told, 0);
  assert_string_equal(world_log(w), "");
  world_destroy(w);
}

static void test_permission(void **state)
{
  (void)state;
  struct world *w = create();
  struct result r;
  w->denied = "blink"; /* looked at like the name of a parameter */
  blink(w, "robot", &r);
  assert_int_equal(r.refusal, TT_REFUSED_FORBIDDEN);
  assert_int_equal(w->n_refused, 1);
  execute_as(w, &alice, "robot", "go", good, TT_COUNT(good), &r);
  assert_int_equal(n_told, 1);
  done(0, 0, NULL);
  w->denied = NULL;
  w->mode = ACCESS_NONE; /* hears nothing of what is valid */
  execute_as(w, &alice, "robot", "go", NULL, 0, &r);
  assert_int_equal(r.refusal, TT_REFUSED_FORBIDDEN);
  w->unseen = "robot";
  blink(w, "robot", &r);
  assert_int_equal(r.refusal, TT_REFUSED_NOT_FOUND);
  w->unseen = NULL;
  w->mode = ACCESS_LATER;
  blink(w, "robot", &r);
  assert_int_equal(r.calls, 0);
  world_pass(w, 5 * SECOND + 1); /* no answer is a no */
  assert_int_equal(r.refusal, TT_REFUSED_FORBIDDEN);
  w->mode = ACCESS_ALL;
  w->role = TT_ROLE_NONE;
  w->n_looked = 0;
  blink(w, "robot", &r);
  assert_int_equal(r.refusal, TT_REFUSED_FORBIDDEN);
  assert_int_equal(w->n_looked, 0);
  assert_int_equal(n_told, 1);
  world_destroy(w);
}

/* Rights that are taken away while it waits for its turn. */
static void test_permission_that_ends(void **state)
{
  (void)state;
  struct world *w = create();
  struct result first, second;
  blink(w, "robot", &first);
  execute_as(w, &bob, "robot", "blink", NULL, 0, &second);
  assert_int_equal(n_told, 1);
  w->role = TT_ROLE_READER;
  done(0, 0, NULL);
  assert_int_equal(second.refusal, TT_REFUSED_FORBIDDEN);
  assert_int_equal(n_told, 1);
  world_destroy(w);
}

/* Of this command alone; asked for again when its turn has come. */
static void test_permission_of_a_command_that_ends(void **state)
{
  (void)state;
  struct world *w = create();
  struct result first, second, third;
  blink(w, "robot", &first);
  execute_as(w, &bob, "robot", "blink", NULL, 0, &second);
  w->denied = "blink";
  done(0, 0, NULL);
  assert_int_equal(second.refusal, TT_REFUSED_FORBIDDEN);
  assert_int_equal(n_told, 1);
  w->denied = NULL;
  blink(w, "robot", &first);
  execute_as(w, &bob, "robot", "blink", NULL, 0, &second);
  execute_as(w, &bob, "robot", "blink", NULL, 0, &third);
  w->mode = ACCESS_LATER;
  done(1, 0, NULL);
  assert_int_equal(n_told, 2); /* no answer yet, and nothing overtakes it */
  assert_int_equal(second.calls, 0);
  w->mode = ACCESS_ALL;
  world_pass(w, 5 * SECOND + 1); /* no answer is a no */
  assert_int_equal(second.refusal, TT_REFUSED_FORBIDDEN);
  assert_int_equal(third.calls + n_told, 3); /* its turn, or it was too late for it */
  world_destroy(w);
}

static void test_without_an_audit_nothing_is_done(void **state)
{
  (void)state;
  struct world *w = create();
  struct result r;
  w->audit_fails = true;
  blink(w, "robot", &r);
  assert_int_equal(r.refusal, TT_REFUSED_DEVICE);
  assert_int_equal(n_told, 0);
  world_destroy(w);
}

/* ---- Order ------------------------------------------------------------------------------------------------------ */
static void on_set(void *user, const struct tt_set_result *result)
{
  (void)result;
  (*(unsigned *)user)++;
}

static void set_relay(struct world *w, const struct tt_caller *caller, const char *key, unsigned *calls)
{
  static const struct tt_assignment relay = TEXT("relay", "true");
  const struct tt_ref ref = {key, "", ""};
  *calls = 0;
  tt_control_start(w->core,
                   &(struct tt_set_request){
                       .caller = caller, .refs = &ref, .n_refs = 1, .assignments = &relay, .n_assignments = 1},
                   on_set, calls);
}

static void test_one_after_the_other(void **state)
{
  (void)state;
  struct world *w = create();
  struct result a, b, c;
  unsigned set, set_other;
  blink(w, "robot", &a);
  set_relay(w, &bob, "robot", &set);
  blink(w, "robot", &b);
  execute_as(w, &bob, "other", "blink", NULL, 0, &c); /* its caller waits for an earlier one */
  set_relay(w, &alice_elsewhere, "other", &set_other);
  assert_int_equal(n_told, 1);
  assert_int_equal(w->n_asked, 0);
  done(0, 0, NULL);
  assert_int_equal(a.calls, 1);
  assert_int_equal(w->n_asked, 1); /* the set */
  assert_int_equal(n_told, 2);     /* and the other device, for bob's has begun */
  assert_string_equal(tt_tree_get(tt_core_tree(w->core), told[1].node)->key, "other");
  world_done(w, 0, 0, NULL);
  assert_int_equal(set, 1);
  assert_int_equal(n_told, 3);
  done(2, 0, NULL);
  assert_int_equal(b.calls, 1);
  assert_int_equal(set_other, 0); /* still behind bob's */
  done(1, 0, NULL);
  assert_int_equal(w->n_asked, 2);
  world_done(w, 1, 0, NULL);
  assert_int_equal(c.calls + set_other, 2);
  world_destroy(w);
}

static void test_in_order_of_arrival_though_access_is_slow(void **state)
{
  (void)state;
  struct world *w = create();
  struct result first, second;
  w->mode = ACCESS_LATER;
  blink(w, "robot", &first);
  w->mode = ACCESS_ALL;
  blink(w, "other", &second); /* the same caller */
  assert_int_equal(n_told, 0);
  struct tt_access_query query = w->checks[0].query;
  const char *const names[] = {"blink"};
  query.nodes = w->checks[0].nodes;
  query.names = names;
  world_decide(w, &query, w->checks[0].fn, w->checks[0].fn_user);
  assert_int_equal(n_told, 2);
  assert_string_equal(tt_tree_get(tt_core_tree(w->core), told[0].node)->key, "robot");
  done(0, 0, NULL);
  done(1, 0, NULL);
  world_destroy(w);
}

static void test_who_waits_too_long(void **state)
{
  (void)state;
  struct world *w = create();
  struct result go, waiting;
  execute_as(w, &alice, "robot", "go", good, TT_COUNT(good), &go);
  blink(w, "robot", &waiting);
  world_pass(w, TT_EXECUTION_WAIT_US + 1);
  assert_int_equal(waiting.refusal, TT_REFUSED_BUSY);
  assert_int_equal(go.calls, 0);
  world_pass(w, 10 * SECOND);
  assert_int_equal(go.refusal, TT_REFUSED_TIMEOUT);
  assert_non_null(strstr(go.text, "not known whether"));
  assert_non_null(strstr(world_log(w), "][6]")); /* and so says the audit */
  done(0, 0, "too late");                        /* nobody is told twice */
  assert_int_equal(go.calls, 1);
  assert_int_equal(n_told, 1);
  world_destroy(w);
}

static void test_limits(void **state)
{
  (void)state;
  struct world *w = create();
  static struct result r[TT_EXECUTIONS_PER_CALLER + 1];
  for (size_t i = 0; i < TT_COUNT(r); i++)
    blink(w, "robot", &r[i]);
  assert_int_equal(r[TT_EXECUTIONS_PER_CALLER - 1].calls, 0);
  assert_int_equal(r[TT_EXECUTIONS_PER_CALLER].refusal, TT_REFUSED_BUSY);
  struct result other;
  execute_as(w, &bob, "other", "blink", NULL, 0, &other);
  assert_int_equal(other.calls, 0);
  world_destroy(w); /* dropped without a call, the audit completed */
}

static void test_a_node_that_goes(void **state)
{
  (void)state;
  struct world *w = create();
  struct result first, second;
  blink(w, "robot", &first);
  blink(w, "robot", &second);
  assert_int_equal(tt_tree_remove(tt_core_tree(w->core), w->now, world_node(w, "robot")->id), 0);
  done(0, 0, NULL);
  assert_int_equal(first.refusal, TT_OK);
  assert_int_equal(second.refusal, TT_REFUSED_NOT_FOUND);
  world_destroy(w);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_list),
      cmocka_unit_test(test_arguments),
      cmocka_unit_test(test_done),
      cmocka_unit_test(test_validity_is_all_or_nothing),
      cmocka_unit_test(test_permission),
      cmocka_unit_test(test_permission_that_ends),
      cmocka_unit_test(test_permission_of_a_command_that_ends),
      cmocka_unit_test(test_without_an_audit_nothing_is_done),
      cmocka_unit_test(test_one_after_the_other),
      cmocka_unit_test(test_in_order_of_arrival_though_access_is_slow),
      cmocka_unit_test(test_who_waits_too_long),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_a_node_that_goes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
