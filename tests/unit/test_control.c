/* SPDX-License-Identifier: Apache-2.0
 * Set requests: validity, permission, order, partial failure, verification, audit. */
#include "model/control.h"

#include "model_world.h"

static struct world *world;

static void write_result(void *user, const struct tt_set_result *result)
{
  const char *tag = user;
  tt_buf_printf(&world->log, "%s%d", tag ? tag : "", (int)result->refusal);
  assert_int_equal(result->text == NULL, result->refusal == TT_OK);
  if (result->text)
    tt_buf_printf(&world->log, " \"%s\"", result->text);
  for (size_t i = 0; i < result->n_errors; i++)
    tt_buf_printf(&world->log, " %s!%s", result->errors[i].name, result->errors[i].text);
  for (size_t i = 0; i < result->n_done; i++)
    tt_buf_printf(&world->log, " %s.%s", result->done[i].node->key, result->done[i].name);
  if (result->refusal == TT_OK && !result->is_complete)
    tt_buf_puts(&world->log, " partly");
  if (!result->is_product)
    tt_buf_puts(&world->log, " listed");
  tt_buf_puts(&world->log, "\n");
}

/* set_as(caller, tag, "lamp fan", "relay=true", "setpoint=21") */
static void set_as(const struct tt_caller *caller, const char *tag, const char *nodes, const char *const set[],
                   size_t n, enum tt_type type)
{
  struct tt_ref refs[TT_CONTROL_NODES_MAX + 1];
  struct tt_assignment assignments[TT_CONTROL_PARAMETERS_MAX + 1];
  char *text TT_AUTOFREE = strdup(nodes), *names[TT_CONTROL_PARAMETERS_MAX + 1], *rest = NULL;
  size_t n_refs = 0;
  for (char *key = strtok_r(text, " ", &rest); key; key = strtok_r(NULL, " ", &rest))
    refs[n_refs++] = (struct tt_ref){key, "", ""};
  for (size_t i = 0; i < n; i++) {
    names[i] = strdup(set[i]);
    char *value = strchr(names[i], '=');
    *value++ = '\0';
    assignments[i] = (struct tt_assignment){names[i], type, value};
  }
  const struct tt_set_request request = {
      .caller = caller, .refs = refs, .n_refs = n_refs, .assignments = assignments, .n_assignments = n};
  tt_control_start(world->core, &request, write_result, (void *)(uintptr_t)tag);
  for (size_t i = 0; i < n; i++)
    free(names[i]);
}

#define SET(nodes, ...)                                                                                            \
  set_as(&alice, NULL, nodes, (const char *const[]){__VA_ARGS__},                                                  \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), TT_TYPE_NONE)

static int setup(void **state)
{
  (void)state;
  world = world_create();
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  world_destroy(world);
  return 0;
}

static const struct asked *asked(size_t i)
{
  assert_true(i < world->n_asked);
  return &world->asked[i];
}

static void assert_write(size_t i, const char *key, uint16_t point, struct tt_value raw)
{
  assert_true(asked(i)->is_write);
  assert_string_equal(asked(i)->key, key);
  assert_int_equal(asked(i)->points[0], point);
  assert_true(tt_value_equals(&asked(i)->raw, &raw));
}

/* ---- Plain writes ------------------------------------------------------------------------------------- */
static void test_one_write(void **state)
{
  (void)state;
  SET("lamp", "relay=true");
  assert_write(0, "lamp", RELAY, TT_VALUE_BOOLEAN(true));
  assert_int_equal(asked(0)->deadline_us, world->now.mono_us + 5 * SECOND);
  assert_string_equal(world_log(world), "[lamp.relay >true]"); /* the decision is there before the device is */
  world_done(world, 0, 0, NULL);
  assert_string_equal(world_log(world), "[0]0 lamp.relay\n");
  assert_int_equal(tt_core_due(world->core), TT_NEVER);
}

static void test_a_write_is_never_skipped(void **state)
{
  (void)state;
  world_report(world, "lamp", RELAY, TT_VALUE_BOOLEAN(true));
  SET("lamp", "relay=true");
  assert_int_equal(world->n_asked, 1);
  assert_string_equal(world_log(world), "[lamp.relay true>true]");
}

static void test_in_order_node_by_node(void **state)
{
  static const struct {
    const char *key;
    uint16_t point;
  } order[] = {{"lamp", RELAY}, {"lamp", SETPOINT}, {"fan", RELAY}, {"fan", SETPOINT}};
  (void)state;
  world_setpoint.verify = TT_VERIFY_NONE;
  SET("lamp fan lamp", "relay=1", "setpoint=20");
  for (size_t i = 0; i < TT_COUNT(order); i++) {
    assert_int_equal(world->n_asked, i + 1);
    assert_string_equal(asked(i)->key, order[i].key);
    assert_int_equal(asked(i)->points[0], order[i].point);
    world_done(world, i, 0, NULL);
  }
  world_setpoint.verify = TT_VERIFY_READBACK;
  assert_non_null(strstr(world_log(world), "[0]0 lamp.relay lamp.setpoint fan.relay fan.setpoint\n"));
}

/* ---- Validity ---------------------------------------------------------------------------------------- */
static void test_validity_is_all_or_nothing(void **state)
{
  (void)state;
  SET("lamp", "relay=true", "setpoint=31");
  assert_string_equal(world_log(world),
                      "3 \"A value is not valid; nothing was set.\" setpoint!31.0 is above the most, 30\n");
  SET("lamp", "relay=maybe", "setpoint=20.3");
  assert_string_equal(world_log(world),
                      "3 \"A value is not valid; nothing was set.\" relay!\"maybe\" is neither true nor false "
                      "setpoint!20.3 is not a whole number of steps of 0.5 from 5\n");
  SET("lamp", "relay=true", "nothing=1");
  assert_string_equal(world_log(world),
                      "1 \"There is no such parameter; nothing was set.\" nothing!lamp has no such parameter\n");
  SET("lamp", "temperature=1"); /* a field, but no parameter */
  assert_string_equal(
      world_log(world),
      "1 \"There is no such parameter; nothing was set.\" temperature!lamp has no such parameter\n");
  SET("lamp", "hidden=1");
  assert_non_null(strstr(world_log(world), "1 "));
  SET("house/hall", "relay=1");
  assert_non_null(strstr(world_log(world), "1 "));
  SET("lamp fan", "mode=noon");
  assert_string_equal(world_log(world),
                      "3 \"A value is not valid; nothing was set.\" mode!\"noon\" is not one of: day, night\n");
  SET("lamp", "relay=1", "relay=0");
  assert_string_equal(world_log(world), "3 \"A parameter is given twice.\" relay!it is given twice\n");
  set_as(&alice, NULL, "lamp", (const char *const[]){"relay=1"}, 1, TT_TYPE_STRING);
  assert_string_equal(world_log(world), "3 \"A value is not valid; nothing was set.\" relay!it is of type boolean, "
                                        "not string\n");
  SET("lamp nowhere", "relay=1");
  assert_string_equal(world_log(world), "1 \"There is no such node.\"\n");
  assert_int_equal(world->n_asked, 0);
}

static void test_sizes_of_requests(void **state)
{
  const char *many[TT_CONTROL_PARAMETERS_MAX + 1];
  char names[TT_CONTROL_PARAMETERS_MAX + 1][16];
  struct tt_buf nodes TT_AUTOBUF = TT_BUF(0);
  (void)state;
  for (size_t i = 0; i < TT_COUNT(many); i++) {
    snprintf(names[i], sizeof names[i], "p%zu=1", i);
    many[i] = names[i];
    tt_buf_puts(&nodes, "lamp ");
  }
  set_as(&alice, NULL, "lamp", many, TT_COUNT(many), TT_TYPE_NONE);
  assert_string_equal(world_log(world), "3 \"At most 100 parameters can be set in one request.\"\n");
  set_as(&alice, NULL, "lamp", many, TT_COUNT(many) - 1, TT_TYPE_NONE);
  assert_memory_equal(world_log(world), "1 ", 2);
  set_as(&alice, NULL, "lamp", many, 0, TT_TYPE_NONE);
  assert_string_equal(world_log(world), "3 \"No parameter is named.\"\n");
  SET(nodes.data, "relay=1");
  assert_string_equal(world_log(world), "3 \"At most 100 nodes can be set in one request.\"\n");
  tt_buf_truncate(&nodes, nodes.len - 5);
  SET(nodes.data, "relay=1");
  assert_int_equal(world->n_asked, 1);
  SET("", "relay=1");
  assert_non_null(strstr(world_log(world), "3 \"No node is named.\"\n"));
}

static void test_an_int_and_a_double_for_a_number(void **state)
{
  (void)state;
  set_as(&alice, NULL, "lamp", (const char *const[]){"setpoint=21"}, 1, TT_TYPE_INT32);
  assert_write(0, "lamp", SETPOINT, TT_VALUE_INT64(210));
  set_as(&bob, NULL, "fan", (const char *const[]){"setpoint=21.5"}, 1, TT_TYPE_QUANTITY);
  assert_write(1, "fan", SETPOINT, TT_VALUE_INT64(215));
}

/* ---- Permission -------------------------------------------------------------------------------------- */
static void test_permission_leaves_out_what_is_denied(void **state)
{
  (void)state;
  world->denied = "setpoint";
  SET("lamp", "relay=true", "setpoint=20");
  assert_int_equal(world->n_asked, 1);
  world_done(world, 0, 0, NULL);
  assert_string_equal(world_log(world), "[lamp.relay >true][0]0 lamp.relay partly\n");
  assert_int_equal(world->n_refused, 1);
  /* but what is denied must be valid too */
  SET("lamp", "relay=true", "setpoint=99");
  assert_memory_equal(world_log(world), "3 ", 2);
  SET("lamp", "setpoint=20");
  assert_string_equal(world_log(world), "2 \"You may not control this.\"\n");
  world->denied_node = "fan";
  SET("fan lamp", "relay=true");
  world_done(world, 1, 0, NULL);
  assert_string_equal(world_log(world), "[lamp.relay >true][0]0 lamp.relay partly\n");
  SET("fan", "relay=true");
  assert_string_equal(world_log(world), "2 \"You may not control this.\"\n");
  SET("fan", "nothing=true"); /* one who may not control hears nothing of what there is */
  assert_string_equal(world_log(world), "2 \"You may not control this.\"\n");
  assert_int_equal(world->n_asked, 2);
}

static void test_strangers(void **state)
{
  (void)state;
  world->role = TT_ROLE_NONE;
  SET("lamp", "relay=1");
  assert_memory_equal(world_log(world), "2 ", 2);
  SET("nowhere", "relay=1");
  assert_memory_equal(world_log(world), "2 ", 2);
  assert_int_equal(world->n_looked, 0);
  assert_int_equal(world->n_refused, 2);
  world->role = TT_ROLE_READER;
  world->unseen = "lamp";
  SET("lamp", "relay=1");
  assert_string_equal(world_log(world), "1 \"There is no such node.\"\n");
}

static void test_no_decision_is_a_no(void **state)
{
  (void)state;
  world->mode = ACCESS_LATER;
  SET("lamp", "relay=1");
  world_pass(world, 5 * SECOND - 1);
  assert_string_equal(world_log(world), "");
  world_pass(world, 1);
  assert_string_equal(world_log(world), "2 \"You may not control this.\"\n");
  world_answer_check(world, 0);
  assert_int_equal(world->n_asked, 0);
}

static void test_without_audit_nothing_is_written(void **state)
{
  (void)state;
  world->audit_fails = true;
  SET("lamp", "relay=1");
  assert_string_equal(world_log(world),
                      "7 \"relay on lamp: the audit could not be written\" relay!the audit could not be written\n");
  assert_int_equal(world->n_asked, 0);
}

/* ---- Order -------------------------------------------------------------------------------------------- */
static void test_a_callers_commands_run_in_order_of_arrival(void **state)
{
  (void)state;
  world->mode = ACCESS_LATER;
  set_as(&alice, "A", "lamp", (const char *const[]){"relay=1"}, 1, TT_TYPE_NONE);
  world->mode = ACCESS_ALL;
  set_as(&alice_elsewhere, "B", "fan", (const char *const[]){"relay=0"}, 1, TT_TYPE_NONE);
  assert_int_equal(world->n_asked, 0);
  set_as(&bob, "C", "meter", (const char *const[]){"relay=0"}, 1, TT_TYPE_NONE);
  assert_int_equal(world->n_asked, 1); /* somebody else is not held up */
  assert_string_equal(asked(0)->key, "meter");
  world_answer_check(world, 0);
  assert_int_equal(world->n_asked, 3);
  assert_string_equal(asked(1)->key, "lamp");
  assert_string_equal(asked(2)->key, "fan");
}

static void test_a_command_that_waits_holds_up_the_later_ones_of_its_caller(void **state)
{
  (void)state;
  set_as(&bob, "A", "lamp", (const char *const[]){"relay=1"}, 1, TT_TYPE_NONE);
  set_as(&alice, "B", "lamp", (const char *const[]){"relay=0"}, 1, TT_TYPE_NONE);
  set_as(&alice, "C", "fan", (const char *const[]){"relay=1"}, 1, TT_TYPE_NONE);
  assert_int_equal(world->n_asked, 1);
  world_done(world, 0, 0, NULL);
  assert_int_equal(world->n_asked, 3);
  assert_string_equal(asked(1)->key, "lamp");
  assert_string_equal(asked(2)->key, "fan");
}

static void test_commands_about_one_node_run_one_after_the_other(void **state)
{
  (void)state;
  set_as(&alice, "A", "lamp", (const char *const[]){"relay=1"}, 1, TT_TYPE_NONE);
  set_as(&bob, "B", "lamp fan", (const char *const[]){"relay=0"}, 1, TT_TYPE_NONE);
  set_as(&alice, "C", "fan", (const char *const[]){"relay=1"}, 1, TT_TYPE_NONE);
  assert_int_equal(world->n_asked, 1);
  world_log(world);
  world_done(world, 0, 0, NULL);
  assert_string_equal(world_log(world), "[0]A0 lamp.relay\n[lamp.relay >false]");
  world_done(world, 1, 0, NULL);
  world_done(world, 2, 0, NULL);
  assert_string_equal(world_log(world), "[0][fan.relay >false][0]B0 lamp.relay fan.relay\n[fan.relay >true]");
  world_done(world, 3, 0, NULL);
  assert_string_equal(world_log(world), "[0]C0 fan.relay\n");
}

static void test_a_command_that_waited_too_long_is_not_done(void **state)
{
  (void)state;
  world_relay.within_us = 60 * SECOND;
  set_as(&alice, "A", "lamp", (const char *const[]){"relay=1"}, 1, TT_TYPE_NONE);
  set_as(&bob, "B", "lamp", (const char *const[]){"relay=0"}, 1, TT_TYPE_NONE);
  world_relay.within_us = 0;
  world_log(world);
  world_pass(world, 5 * SECOND);
  assert_string_equal(world_log(world), "B8 \"Another command took too long; nothing was set.\"\n");
  world_done(world, 0, 0, NULL);
  assert_int_equal(world->n_asked, 1);
}

static void test_limits_on_open_commands(void **state)
{
  char bare[64];
  struct tt_caller caller = {.kind = TT_CALLER_XMPP, .jid = bare, .bare = bare, .language = ""};
  (void)state;
  for (int i = 0; i < TT_CONTROLS_MAX; i++) {
    snprintf(bare, sizeof bare, "user%d@example.org", i / TT_CONTROLS_PER_CALLER);
    set_as(&caller, NULL, "lamp", (const char *const[]){"relay=1"}, 1, TT_TYPE_NONE);
    if (i == TT_CONTROLS_PER_CALLER - 1) {
      world_log(world);
      set_as(&caller, NULL, "lamp", (const char *const[]){"relay=1"}, 1, TT_TYPE_NONE);
      assert_string_equal(world_log(world), "8 \"Too many commands are waiting.\"\n");
    }
  }
  world_log(world);
  SET("lamp", "relay=1");
  assert_string_equal(world_log(world), "8 \"Too many commands are waiting.\"\n");
  assert_int_equal(world->n_asked, 1);
}

static void start_another(void *user, const struct tt_set_result *result)
{
  write_result(NULL, result);
  if (user)
    SET("lamp", "relay=0");
}

static void test_start_from_within_the_result(void **state)
{
  const struct tt_ref ref = {"lamp", "", ""};
  const struct tt_assignment assignment = {"relay", TT_TYPE_BOOLEAN, "1"};
  const struct tt_set_request request = {
      .caller = &alice, .refs = &ref, .n_refs = 1, .assignments = &assignment, .n_assignments = 1};
  (void)state;
  tt_control_start(world->core, &request, start_another, world);
  world_done(world, 0, 0, NULL);
  assert_int_equal(world->n_asked, 2);
  world_done(world, 1, 0, NULL);
  assert_string_equal(world_log(world), "[lamp.relay >true][0]0 lamp.relay\n[lamp.relay >false][0]0 lamp.relay\n");
  /* the same where each ends at once */
  world->device_error = -ENODEV;
  tt_control_start(world->core, &request, start_another, world);
  assert_string_equal(
      world_log(world),
      "[lamp.relay >true][7]7 \"relay on lamp: There is no device behind this node.\" relay!There is no device "
      "behind this node.\n[lamp.relay >false][7]7 \"relay on lamp: There is no device behind this node.\" "
      "relay!There is no device behind this node.\n");
}

/* ---- Failures ---------------------------------------------------------------------------------------- */
static void test_a_device_that_fails_midway(void **state)
{
  (void)state;
  SET("lamp fan meter", "relay=true");
  world_done(world, 0, 0, NULL);
  world_log(world);
  world_done(world, 1, -EIO, "illegal data value");
  assert_string_equal(world_log(world), "[7]7 \"relay on fan: illegal data value; already set: relay on lamp\" "
                                        "relay!illegal data value lamp.relay\n");
  assert_int_equal(world->n_asked, 2);
}

/* What is taken away while a command runs holds for what it has not done yet. */
static void test_rights_that_go(void **state)
{
  (void)state;
  SET("lamp fan meter", "relay=true");
  world->role = TT_ROLE_READER;
  world_log(world);
  world_done(world, 0, 0, NULL);
  assert_string_equal(world_log(world), "[0]2 \"relay on fan: not permitted any more; already set: relay on "
                                        "lamp\" relay!not permitted any more lamp.relay\n");
  assert_int_equal(world->n_asked, 1);
  assert_int_equal(world->n_refused, 1);
  world->role = TT_ROLE_OPERATOR;
  SET("lamp fan", "relay=true");
  world->unseen = "fan";
  world_done(world, 1, 0, NULL);
  assert_int_equal(world->n_asked, 2);
}

/* Not all of them: those of one node, of one parameter. What another rule still gives does not help. */
static void test_some_rights_that_go(void **state)
{
  (void)state;
  SET("lamp fan meter", "relay=true");
  world->denied_node = "fan"; /* reader there from now on */
  world_log(world);
  world_done(world, 0, 0, NULL);
  assert_string_equal(world_log(world), "[0]2 \"relay on fan: not permitted any more; already set: relay on "
                                        "lamp\" relay!not permitted any more lamp.relay\n");
  assert_int_equal(world->n_asked, 1);
  assert_int_equal(world->n_refused, 1);
  world->denied_node = NULL;
  SET("lamp", "relay=true", "setpoint=20");
  world->denied = "setpoint";
  world_log(world);
  world_done(world, 1, 0, NULL);
  assert_string_equal(world_log(world), "[0]2 \"setpoint on lamp: not permitted any more; already set: relay on "
                                        "lamp\" setpoint!not permitted any more lamp.relay\n");
  assert_int_equal(world->n_asked, 2);
  /* and while it waits for another command */
  world->denied = NULL;
  SET("lamp", "relay=true");
  SET("lamp", "relay=false");
  assert_int_equal(world->n_asked, 3);
  world->denied = "relay";
  world_log(world);
  world_done(world, 2, 0, NULL);
  assert_string_equal(world_log(world), "[0]0 lamp.relay\n2 \"relay on lamp: not permitted any more\" "
                                        "relay!not permitted any more\n");
  assert_int_equal(world->n_asked, 3);
}

/* Who decides may be asked anew, and be slow, or silent. */
static void test_rights_that_are_asked_for(void **state)
{
  (void)state;
  SET("lamp fan meter", "relay=true");
  world->mode = ACCESS_LATER;
  world_done(world, 0, 0, NULL);
  assert_int_equal(world->n_asked, 1);
  assert_int_equal(world->n_checks, 1);
  world_answer_check(world, 0);
  assert_int_equal(world->n_asked, 2);
  assert_string_equal(asked(1)->key, "fan");
  world->mode = ACCESS_LATER;
  world_done(world, 1, 0, NULL);
  world_log(world);
  world_pass(world, 5 * SECOND);
  assert_string_equal(world_log(world),
                      "2 \"relay on meter: not permitted any more; already set: relay on lamp, relay on fan\" "
                      "relay!not permitted any more lamp.relay fan.relay\n");
  world_answer_check(world, 1); /* too late */
  assert_int_equal(world->n_asked, 2);
}

static void test_a_device_that_keeps_silent(void **state)
{
  (void)state;
  SET("lamp", "relay=true");
  assert_int_equal(tt_core_due(world->core), world->now.mono_us + 5 * SECOND);
  world_log(world);
  world_pass(world, 5 * SECOND);
  assert_string_equal(world_log(world),
                      "[6]6 \"relay on lamp: the device did not answer; it is not known whether it was done\" "
                      "relay!the device did not answer; it is not known whether it was done\n");
  world_done(world, 0, 0, NULL); /* too late, ignored */
  SET("lamp", "relay=true");
  world_log(world);
  world_done(world, 1, -ETIMEDOUT, NULL);
  assert_string_equal(world_log(world), "[6]6 \"relay on lamp: Timeout.\" relay!Timeout.\n");
}

static void test_nodes_that_go(void **state)
{
  struct tt_tree *tree = tt_core_tree(world->core);
  (void)state;
  SET("lamp fan", "relay=true");
  tt_tree_remove(tree, world->now, world_node(world, "fan")->id);
  world_log(world);
  world_done(world, 0, 0, NULL);
  assert_string_equal(world_log(world),
                      "[0]1 \"relay on a node that has gone: the node has gone; already set: relay on lamp\" "
                      "relay!the node has gone lamp.relay\n");
  SET("lamp", "relay=true");
  tt_tree_remove(tree, world->now, world_node(world, "lamp")->id);
  world_log(world);
  world_done(world, 1, 0, NULL);
  assert_memory_equal(world_log(world), "[1]1 ", 5);
  world->mode = ACCESS_LATER;
  SET("meter", "relay=true");
  tt_tree_remove(tree, world->now, world_node(world, "meter")->id);
  world_answer_check(world, 0);
  assert_string_equal(world_log(world), "1 \"A node has gone.\"\n");
}

static void test_the_list_is_bounded_in_text_only(void **state)
{
  struct tt_buf nodes TT_AUTOBUF = TT_BUF(0);
  struct tt_node *node;
  char key[16];
  (void)state;
  for (int i = 0; i < 20; i++) {
    snprintf(key, sizeof key, "n%d", i);
    tt_buf_printf(&nodes, "%s ", key);
    struct tt_node_spec spec = {.kind = TT_NODE_DEVICE, .key = key, .points = world_points, .n_points = N_POINTS};
    assert_int_equal(tt_tree_add(tt_core_tree(world->core), world->now, &spec, &node), 0);
  }
  SET(nodes.data, "relay=1");
  for (size_t i = 0; i < 15; i++)
    world_done(world, i, 0, NULL);
  world_log(world);
  world_done(world, 15, -EIO, "broken");
  const char *log = world_log(world);
  assert_non_null(strstr(log, "relay on n9 and 5 more\""));
  assert_non_null(strstr(log, " n14.relay\n"));
}

/* ---- Verification ------------------------------------------------------------------------------------- */
static void test_readback(void **state)
{
  (void)state;
  SET("lamp", "setpoint=20.5");
  assert_write(0, "lamp", SETPOINT, TT_VALUE_INT64(205));
  assert_int_equal(asked(0)->deadline_us, world->now.mono_us + 3 * SECOND);
  world_done(world, 0, 0, NULL);
  assert_false(asked(1)->is_write);
  assert_int_equal(asked(1)->points[0], SETPOINT);
  world_report(world, "lamp", SETPOINT, TT_VALUE_INT64(205));
  world_log(world);
  world_done(world, 1, 0, NULL);
  assert_string_equal(world_log(world), "[0]0 lamp.setpoint\n");
  /* it differs */
  SET("lamp", "setpoint=21");
  world_done(world, 2, 0, NULL);
  world_report(world, "lamp", SETPOINT, TT_VALUE_INT64(205));
  world_log(world);
  world_done(world, 3, 0, NULL);
  assert_string_equal(world_log(world), "[7]7 \"setpoint on lamp: written, but the device says 20.5\" "
                                        "setpoint!written, but the device says 20.5\n");
  /* it answers without it */
  SET("lamp", "setpoint=21");
  world_done(world, 4, 0, NULL);
  world_log(world);
  world_done(world, 5, 0, NULL);
  assert_memory_equal(world_log(world), "[6]6 ", 5);
  /* it cannot be read */
  SET("lamp", "setpoint=21");
  world_done(world, 6, 0, NULL);
  world_log(world);
  world_done(world, 7, -EIO, "no such register");
  assert_non_null(strstr(world_log(world), "no such register"));
  /* it keeps silent */
  SET("lamp", "setpoint=21");
  world_done(world, 8, 0, NULL);
  world_log(world);
  world_pass(world, 3 * SECOND);
  assert_memory_equal(world_log(world), "[6]6 ", 5);
  world_done(world, 9, 0, NULL);
}

static void test_readback_of_an_unreadable_value(void **state)
{
  (void)state;
  SET("lamp", "setpoint=21");
  world_done(world, 0, 0, NULL);
  tt_node_report_error(tt_core_tree(world->core), world->now, world_node(world, "lamp"), SETPOINT, "bad length");
  world_log(world);
  world_done(world, 1, 0, NULL);
  assert_string_equal(world_log(world), "[7]7 \"setpoint on lamp: bad length\" setpoint!bad length\n");
}

static void test_readback_after_a_while_at_another_point(void **state)
{
  (void)state;
  world_relay.verify = TT_VERIFY_READBACK;
  world_relay.verify_point = HIDDEN;
  world_relay.verify_after_us = 200000;
  SET("lamp", "relay=1");
  world_done(world, 0, 0, NULL);
  assert_int_equal(world->n_asked, 1);
  assert_int_equal(tt_core_due(world->core), world->now.mono_us + 200000);
  world_pass(world, 200000);
  assert_int_equal(asked(1)->points[0], HIDDEN);
  world_report(world, "lamp", RELAY, TT_VALUE_BOOLEAN(false)); /* not the point that verifies */
  world_report(world, "lamp", HIDDEN, TT_VALUE_BOOLEAN(true));
  world_log(world);
  world_done(world, 1, 0, NULL);
  assert_string_equal(world_log(world), "[0]0 lamp.relay\n");
  world_relay = (struct tt_write){.verify = TT_VERIFY_NONE, .verify_point = TT_NO_POINT};
}

static void test_report(void **state)
{
  struct tt_value day = TT_VALUE_INT64(0);
  (void)state;
  SET("lamp", "mode=night");
  assert_write(0, "lamp", MODE, TT_VALUE_INT64(1));
  world_done(world, 0, 0, NULL);
  world_log(world);
  world_report(world, "lamp", MODE, day); /* what was on its way already */
  tt_node_report(tt_core_tree(world->core), world->now, world_node(world, "lamp"), MODE, &day, 0, true);
  world_report(world, "fan", MODE, TT_VALUE_INT64(1));
  world_pass(world, 1);
  assert_string_equal(world_log(world), "");
  world_report(world, "lamp", MODE, TT_VALUE_INT64(1));
  assert_string_equal(world_log(world), "");
  assert_true(tt_core_due(world->core) <= world->now.mono_us);
  world_pass(world, 0);
  assert_string_equal(world_log(world), "[0]0 lamp.mode\n");
}

static void test_report_before_the_acknowledgement(void **state)
{
  (void)state;
  SET("lamp", "mode=night");
  world_report(world, "lamp", MODE, TT_VALUE_INT64(1));
  world_pass(world, 1);
  world_log(world);
  world_done(world, 0, 0, NULL);
  assert_string_equal(world_log(world), "[0]0 lamp.mode\n");
}

static void test_report_of_something_else_or_nothing(void **state)
{
  (void)state;
  SET("lamp", "mode=night");
  world_done(world, 0, 0, NULL);
  world_report(world, "lamp", MODE, TT_VALUE_INT64(0));
  world_log(world);
  world_pass(world, 5 * SECOND);
  assert_string_equal(
      world_log(world),
      "[7]7 \"mode on lamp: written, but the device says day\" mode!written, but the device says day\n");
  SET("lamp", "mode=night");
  world_done(world, 1, 0, NULL);
  world_log(world);
  world_pass(world, 5 * SECOND);
  assert_string_equal(world_log(world), "[6]6 \"mode on lamp: written, but the device did not report it\" "
                                        "mode!written, but the device did not report it\n");
}

static void test_the_core_goes_with_commands_open(void **state)
{
  (void)state;
  SET("lamp", "mode=night");
  SET("lamp", "relay=1");
  world->mode = ACCESS_LATER;
  SET("fan", "relay=1");
}

/* What was written and not yet verified, and what the device still has, have their second line; nobody is told. */
static void test_the_audit_is_completed_at_the_end(void **state)
{
  (void)state;
  SET("lamp", "setpoint=20.5");
  world_done(world, 0, 0, NULL); /* it is being read back */
  SET("fan", "relay=1");
  SET("fan", "relay=0"); /* has not begun: no line at all */
  assert_string_equal(world_log(world), "[lamp.setpoint >20.5][fan.relay >true]");
  tt_core_destroy(TT_STEAL(world->core));
  assert_string_equal(world_log(world), "[7][7]");
}

/* ---- Forms ------------------------------------------------------------------------------------------- */
static void write_parameters(void *user, enum tt_refusal refusal, const char *text,
                             const struct tt_parameter *parameters, size_t n)
{
  (void)user;
  assert_int_equal(text == NULL, refusal == TT_OK);
  tt_buf_printf(&world->log, "%d", (int)refusal);
  for (size_t i = 0; i < n; i++) {
    tt_buf_printf(&world->log, " %s", parameters[i].point->name);
    if (parameters[i].current) {
      tt_buf_puts(&world->log, "=");
      tt_value_print(parameters[i].current, &world->log);
    }
  }
}

static const char *form(const char *first, const char *second)
{
  const struct tt_ref refs[] = {{first, "", ""}, {second, "", ""}};
  tt_control_parameters(world->core, &alice, refs, first ? second ? 2 : 1 : 0, write_parameters, NULL);
  return world_log(world);
}

static void test_parameters(void **state)
{
  static const struct tt_point others[] = {
      {.name = "relay", .type = TT_TYPE_INT64, .write = &world_relay},
      {.name = "mode", .type = TT_TYPE_ENUM, .write = &world_mode},
      {.name = "setpoint", .type = TT_TYPE_QUANTITY, .address = &world_address},
  };
  struct tt_node_spec spec = {.kind = TT_NODE_DEVICE, .key = "other", .points = others, .n_points = 3};
  struct tt_node *node;
  (void)state;
  assert_int_equal(tt_tree_add(tt_core_tree(world->core), world->now, &spec, &node), 0);
  world_report(world, "lamp", SETPOINT, TT_VALUE_INT64(205));
  world_report(world, "fan", RELAY, TT_VALUE_BOOLEAN(true));
  assert_string_equal(form("lamp", NULL), "0 relay setpoint=20.5 mode");
  assert_string_equal(form("lamp", "fan"), "0 relay setpoint=20.5 mode");
  assert_string_equal(form("fan", "fan"), "0 relay=true setpoint mode");
  assert_string_equal(form("lamp", "other"), "0 mode"); /* same name and same type */
  assert_string_equal(form("house", NULL), "5");
  assert_string_equal(form("nowhere", NULL), "1");
  assert_string_equal(form(NULL, NULL), "3");
  world->denied = "mode";
  assert_string_equal(form("lamp", NULL), "0 relay setpoint=20.5");
  assert_string_equal(form("lamp", "other"), "5");
  world->denied_node = "lamp";
  assert_string_equal(form("lamp", NULL), "2");
  assert_string_equal(form("lamp", "fan"), "0 relay=true setpoint");
  world->role = TT_ROLE_NONE;
  assert_string_equal(form("nowhere", NULL), "2");
}

static void test_parameters_later_or_never(void **state)
{
  (void)state;
  world->mode = ACCESS_LATER;
  assert_string_equal(form("lamp", NULL), "");
  assert_string_equal(form("fan", NULL), "");
  world_answer_check(world, 0);
  assert_string_equal(world_log(world), "0 relay setpoint mode");
  world_pass(world, 5 * SECOND);
  assert_string_equal(world_log(world), "2");
  world_answer_check(world, 1);
  assert_string_equal(world_log(world), "");
  world->mode = ACCESS_LATER;
  world->n_checks = 0;
  for (int i = 0; i < TT_CONTROLS_PER_CALLER; i++)
    assert_string_equal(form("lamp", NULL), "");
  assert_string_equal(form("lamp", NULL), "8");
}

/* ---- In the caller's language ------------------------------------------------------------------------- */
static struct tt_caller alice_in(const char *language)
{
  struct tt_caller caller = alice;
  caller.language = language;
  return caller;
}

#define SET_IN(language, nodes, ...)                                                                               \
  set_as(&(struct tt_caller[]){alice_in(language)}[0], NULL, nodes, (const char *const[]){__VA_ARGS__},            \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), TT_TYPE_NONE)

/* What is fixed is translated by whoever shows it (tt_tr()); what has values in it is made in the language. */
static void test_faults_in_their_language(void **state)
{
  (void)state;
  SET_IN("de", "lamp", "setpoint=31", "relay=maybe");
  assert_string_equal(world_log(world), "3 \"A value is not valid; nothing was set.\" setpoint!31.0 liegt über dem "
                                        "größten Wert, 30 relay!„maybe“ ist weder true noch false\n");
  SET_IN("sv", "lamp", "mode=noon");
  assert_string_equal(world_log(world),
                      "3 \"A value is not valid; nothing was set.\" mode!”noon” är inget av: day, "
                      "night\n");
  SET_IN("de", "lamp", "nothing=1");
  assert_non_null(strstr(world_log(world), " nothing!lamp hat keinen solchen Parameter\n"));
  SET_IN("sv", "lamp", "relay=1", "relay=0");
  assert_non_null(strstr(world_log(world), " relay!är angiven två gånger\n"));
}

/* The audit is English whoever asks. */
static void test_failures_in_their_language(void **state)
{
  (void)state;
  SET_IN("de", "lamp fan", "relay=true");
  world_done(world, 0, 0, NULL);
  world_log(world);
  world_done(world, 1, -EIO, "illegal data value"); /* its own words */
  assert_string_equal(world_log(world), "[7]7 \"relay an fan: illegal data value; bereits gesetzt: relay an lamp\" "
                                        "relay!illegal data value lamp.relay\n");
  SET_IN("sv", "lamp", "setpoint=21");
  world_done(world, 2, 0, NULL);
  world_report(world, "lamp", SETPOINT, TT_VALUE_INT64(205));
  world_log(world);
  world_done(world, 3, 0, NULL);
  assert_string_equal(world_log(world), "[7]7 \"setpoint på lamp: skrivet, men enheten säger 20.5\" "
                                        "setpoint!skrivet, men enheten säger 20.5\n");
  assert_string_equal(world->outcome, "written, but the device says 20.5");
  SET_IN("de", "lamp", "relay=true");
  world_log(world);
  world_pass(world, 5 * SECOND);
  assert_string_equal(
      world_log(world),
      "[6]6 \"relay an lamp: das Gerät hat nicht geantwortet; ob es geschehen ist, ist nicht bekannt\" "
      "relay!das Gerät hat nicht geantwortet; ob es geschehen ist, ist nicht bekannt\n");
  assert_string_equal(world->outcome, "the device did not answer; it is not known whether it was done");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_one_write),
      TEST(test_a_write_is_never_skipped),
      TEST(test_in_order_node_by_node),
      TEST(test_validity_is_all_or_nothing),
      TEST(test_sizes_of_requests),
      TEST(test_faults_in_their_language),
      TEST(test_failures_in_their_language),
      TEST(test_an_int_and_a_double_for_a_number),
      TEST(test_permission_leaves_out_what_is_denied),
      TEST(test_strangers),
      TEST(test_no_decision_is_a_no),
      TEST(test_without_audit_nothing_is_written),
      TEST(test_a_callers_commands_run_in_order_of_arrival),
      TEST(test_a_command_that_waits_holds_up_the_later_ones_of_its_caller),
      TEST(test_commands_about_one_node_run_one_after_the_other),
      TEST(test_a_command_that_waited_too_long_is_not_done),
      TEST(test_limits_on_open_commands),
      TEST(test_start_from_within_the_result),
      TEST(test_a_device_that_fails_midway),
      TEST(test_rights_that_go),
      TEST(test_some_rights_that_go),
      TEST(test_rights_that_are_asked_for),
      TEST(test_a_device_that_keeps_silent),
      TEST(test_nodes_that_go),
      TEST(test_the_list_is_bounded_in_text_only),
      TEST(test_readback),
      TEST(test_readback_of_an_unreadable_value),
      TEST(test_readback_after_a_while_at_another_point),
      TEST(test_report),
      TEST(test_report_before_the_acknowledgement),
      TEST(test_report_of_something_else_or_nothing),
      TEST(test_the_core_goes_with_commands_open),
      TEST(test_the_audit_is_completed_at_the_end),
      TEST(test_parameters),
      TEST(test_parameters_later_or_never),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
