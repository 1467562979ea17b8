/* SPDX-License-Identifier: Apache-2.0
 * remote.c, remote_text.c, remote_view.c, own_file.c: devices that come, change and go by one file, whatever is asked. */
#include "reload_world.h"

#include "own_file.h"
#include "remote.h"
#include "remote_text.h"
#include "trust/audit.h"

#include <fcntl.h>

static struct {
  struct tt_remote *remote;
  struct tt_audit *audit;
  struct tt_manage_hooks hooks;
  struct tt_manage_change change;
  struct tt_manage_view *view;
} m;

static const struct tt_caller admin = {
    .kind = TT_CALLER_XMPP, .jid = "admin@example.org/x", .bare = "admin@example.org", .language = ""};

static const char plug[] =
    "version: 1\nprotocol: fake\nabout: {label: {en: Plug, sv: Kontakt}}\n"
    "params:\n  topic: {type: string, label: Topic}\n  tele: {type: string, default: \"tele/${topic}\"}\n"
    "  unit_no: {type: integer, range: [1, 247], default: 1}\n"
    "  pin: {type: secret, default: null}\n  fast: {type: boolean, default: false}\n"
    "topic: \"${tele}\"\nunit: \"${unit_no}\"\npoints: {}\n";
static const char house[] =
    "version: 1\nconnections: {c: {protocol: fake, host: h}}\nmappings: [mappings]\n"
    "include: [none/*.yaml, devices.d/*.yaml]\n"
    "devices: {thing: {uses: fake/thing, connection: c, under: house/hall}, other: {uses: fake/thing, connection: "
    "c}}\n";

/* A bridge that only the judge knows: what it lets pass, the reload refuses. */
static const struct tt_bridge_ops *find_more(void *user, const char *protocol)
{
  return strcmp(protocol, "more") == 0 ? &bare : find_fake(user, protocol);
}

static int open_remote(void **state)
{
  char path[80];
  struct tt_reload_result result;
  assert_int_equal(open_all(state), 0);
  put("mappings/fake/plug.yaml", plug);
  put("devices.d/a.yaml", "devices: {hand: {uses: fake/thing, connection: c, label: Hand}}\n");
  put("thingtree.yaml", house);
  assert_int_equal(tt_reload(g.reloader, NULL, &result), 0);
  assert_string_equal(result.why, "");
  tt_reload_result_finish(&result);
  snprintf(path, sizeof path, "%s/state", w.dir);
  assert_int_equal(tt_audit_create(path, &m.audit), 0);
  static struct tt_config_env env;
  static const char *const names[] = {"bare", "fake", NULL};
  env = (struct tt_config_env){.file = w.file, .bridge = find_more, .names = names};
  const struct tt_remote_options options = {
      .env = &env, .core = g.core, .host = g.host, .reloader = g.reloader, .audit = m.audit};
  assert_int_equal(tt_remote_create(&options, &m.remote), 0);
  m.hooks = tt_remote_hooks(m.remote);
  return 0;
}

static int close_remote(void **state)
{
  free(TT_STEAL(m.change.diagnostics));
  tt_manage_view_free(TT_STEAL(m.view));
  tt_remote_destroy(m.remote);
  tt_audit_destroy(m.audit);
  return close_all(state);
}

/* ---- Questions and steps ---------------------------------------------------------------------------------------- */

static char *contents(const char *name)
{
  char path[512], *text = NULL;
  size_t n;
  snprintf(path, sizeof path, "%s/%s", w.dir, name);
  return tt_own_read(path, 10000000, &text, &n) == 0 ? text : NULL;
}
#define REMOTE "devices.d/remote.yaml"

static bool has(const char *name, const char *part)
{
  char *text TT_AUTOFREE = contents(name);
  return text && strstr(text, part);
}

static mode_t mode_of_remote(void)
{
  char path[512];
  struct stat st;
  snprintf(path, sizeof path, "%s/" REMOTE, w.dir);
  return stat(path, &st) == 0 ? st.st_mode & 0777 : 0;
}

static const struct tt_node *find(const char *key)
{
  return tt_tree_find(tt_core_tree(g.core), key, NULL, NULL);
}

static void change(struct tt_manage_change asked)
{
  free(TT_STEAL(m.change.diagnostics));
  m.change = asked;
  m.change.caller = &admin;
  m.hooks.change(m.hooks.user, &m.change);
}
#define ADD(...)  change((struct tt_manage_change){.op = TT_MANAGE_ADD, __VA_ARGS__})
#define EDIT(...) change((struct tt_manage_change){.op = TT_MANAGE_EDIT, __VA_ARGS__})
#define REMOVE(k) change((struct tt_manage_change){.op = TT_MANAGE_REMOVE, .key = (k)})
#define WITH(...)                                                                                                  \
  .with = (const struct tt_fact[]){__VA_ARGS__},                                                                   \
  .n_with = sizeof((const struct tt_fact[]){__VA_ARGS__}) / sizeof(struct tt_fact)

static void assert_done(void)
{
  if (m.change.code)
    fail_msg("%s: %s", m.change.code, m.change.why);
}

/* Refused, with the file as it is in `text` (NULL: not there), and nothing left beside it. */
static void assert_refused(const char *code, const char *field, const char *part, const char *text)
{
  char *now TT_AUTOFREE = contents(REMOTE), *left TT_AUTOFREE = contents(REMOTE ".new");
  if (!m.change.code || strcmp(m.change.code, code) != 0 || !strstr(m.change.why, part))
    fail_msg("not %s \"%s\" but %s \"%s\"", code, part, m.change.code ? m.change.code : "done", m.change.why);
  if (field)
    assert_string_equal(m.change.n_problems ? m.change.problems[0].field : "(none)", field);
  if (text)
    assert_string_equal(now, text);
  else
    assert_null(now);
  assert_null(left);
}

static const struct tt_manage_view *view(void)
{
  tt_manage_view_free(TT_STEAL(m.view));
  assert_int_equal(m.hooks.view(m.hooks.user, &m.view), 0);
  return m.view;
}

/* The world's own questions ask `w`. */
static void load_now(void)
{
  load();
  if (tt_diags_count(w.diags, TT_SEVERITY_ERROR))
    assert_clean();
}

/* ---- Tests --------------------------------------------------------------------------------------------------------- */

static void test_add_edit_remove(void **state TT_UNUSED)
{
  ADD(.key = "lamp", .label = "Hall lamp", .under = "house/hall", .connection = "c", .uses = "fake/plug",
      WITH({"topic", "t1"}));
  assert_done();
  assert_string_equal(m.change.made_key, "lamp");
  assert_string_equal(m.change.file, REMOTE);
  assert_non_null(find("lamp"));
  assert_string_equal(tt_label_for(find("lamp")->label, "en", ""), "Hall lamp");
  assert_string_equal(find("lamp")->path, "house/hall/lamp");
  assert_int_equal(mode_of_remote(), 0640);
  assert_true(has(REMOTE,
                  "version: 1\ndevices:\n  lamp:\n    uses: \"fake/plug\"\n    connection: \"c\"\n    with:\n"
                  "      topic: \"t1\"\n    label: \"Hall lamp\"\n    under: \"house/hall\"\n"));
  assert_true(has("state/audit.jsonl", "\"kind\":\"added\",\"jid\":\"admin@example.org/x\",\"node\":\"lamp\","
                                       "\"mapping\":\"fake/plug\",\"connection\":\"c\",\"file\":\"" REMOTE "\"}"));
  load_now();
  assert_string_equal(((const struct fake_device *)device("lamp")->config.options)->topic, "tele/t1");

  const tt_id thing = find("thing")->id;
  EDIT(.key = "lamp", .label = "Lampa", WITH({"topic", "t2"}, {"unit_no", "17"}));
  assert_done();
  assert_string_equal(tt_label_for(find("lamp")->label, "en", ""), "Lampa");
  load_now();
  assert_string_equal(((const struct fake_device *)device("lamp")->config.options)->topic, "tele/t2");
  assert_int_equal(((const struct fake_device *)device("lamp")->config.options)->unit, 17);
  EDIT(.key = "lamp", .under = "", .label = "", WITH({"unit_no", ""}));
  assert_done();
  assert_string_equal(find("lamp")->path, "lamp");
  assert_string_equal(tt_label_for(find("lamp")->label, "sv", ""), "Kontakt"); /* that of the mapping */
  assert_false(has(REMOTE, "unit_no"));
  assert_true(has("state/audit.jsonl", "\"kind\":\"edited\""));

  REMOVE("lamp");
  assert_done();
  assert_null(find("lamp"));
  assert_true(has(REMOTE, "devices: {}\n"));
  assert_true(has("state/audit.jsonl", "\"kind\":\"removed\""));
  assert_true(find("thing") && find("thing")->id == thing); /* nobody else was touched */
  load_now();
}

static void test_keys_are_made(void **state TT_UNUSED)
{
  ADD(.label = "Hall lamp", .uses = "fake/plug", .connection = "c", WITH({"topic", "t"}));
  assert_done();
  assert_string_equal(m.change.made_key, "hall-lamp");
  ADD(.label = "Hall Lamp!", .uses = "fake/plug", .connection = "c", WITH({"topic", "t"}));
  assert_done();
  assert_string_equal(m.change.made_key, "hall-lamp-2");
  ADD(.label = "house", .uses = "fake/plug", .connection = "c", WITH({"topic", "t"})); /* which is a place */
  assert_string_equal(m.change.made_key, "house-2");
  ADD(.uses = "fake/plug", .connection = "c", WITH({"topic", "t"}));
  assert_string_equal(m.change.made_key, "plug");
}

static void test_refusals(void **state TT_UNUSED)
{
  char long_text[TT_MANAGE_TEXT_MAX + 2];
  memset(long_text, 'x', sizeof long_text - 1);
  long_text[sizeof long_text - 1] = '\0';
  for (unsigned i = 0; i < 2; i++) { /* without a file, and with one */
    char *text TT_AUTOFREE = contents(REMOTE);
    ADD(.key = "a", .uses = "fake/nothing");
    assert_refused("not-found", "uses", "There is no mapping \"fake/nothing\"", text);
    ADD(.key = "a", .uses = "fake/plug", .connection = "c");
    assert_refused("bad-request", "with.topic", "Mapping fake/plug needs it.", text);
    ADD(.key = "a", .uses = "fake/plug", .connection = "c", WITH({"topic", "t"}, {"tpoic", "t"}));
    assert_refused("bad-request", "with.tpoic", "no parameter", text);
    ADD(.key = "a", .uses = "fake/plug", .connection = "c", WITH({"topic", "t"}, {"unit_no", "999"}));
    assert_refused("bad-request", "with.unit_no", "must be between 1 and 247", text);
    ADD(.key = "a", .uses = "fake/plug", .connection = "c", WITH({"topic", "t"}, {"fast", "perhaps"}));
    assert_refused("bad-request", "with.fast", "true or false", text);
    ADD(.key = "a", .uses = "fake/plug", .connection = "nowhere", WITH({"topic", "t"}));
    assert_refused("bad-request", "connection", "nowhere", text);
    ADD(.key = "a", .uses = "fake/plug", .connection = "c", .under = "thing/x", WITH({"topic", "t"}));
    assert_refused("conflict", "under", "is a device, and no place", text);
    ADD(.key = "a", .uses = "fake/plug", .connection = "c", .under = "x//y", WITH({"topic", "t"}));
    assert_refused("bad-request", "under", "", text);
    ADD(.key = "a/b", .uses = "fake/plug", .connection = "c", WITH({"topic", "t"}));
    assert_refused("bad-request", "key", "it holds a /", text);
    ADD(.key = "thing", .uses = "fake/plug", .connection = "c", WITH({"topic", "t"}));
    assert_refused("conflict", "key", "already", text);
    ADD(.key = "house", .uses = "fake/plug", .connection = "c", WITH({"topic", "t"}));
    assert_refused("conflict", "key", "already", text);
    ADD(.key = "gateway", .uses = "fake/plug", .connection = "c", WITH({"topic", "t"}));
    assert_refused("conflict", "key", "already", text);
    ADD(.key = "a", .label = long_text, .uses = "fake/plug", .connection = "c", WITH({"topic", "t"}));
    assert_refused("bad-request", "label", "longer than 1024 bytes", text);
    ADD(.key = "a", .uses = "fake/plug", .connection = "c", WITH({"topic", long_text}));
    assert_refused("bad-request", "with.topic", "longer than 1024 bytes", text);
    EDIT(.key = "hand", .label = "x");
    assert_refused("forbidden", NULL, "hand is configured in devices.d/a.yaml", text);
    REMOVE("thing");
    assert_refused("forbidden", NULL, "thing is configured in thingtree.yaml", text);
    REMOVE("nobody");
    assert_refused("not-found", "key", "There is no device", text);
    if (i == 0) {
      ADD(.key = "lamp", .uses = "fake/plug", .connection = "c", WITH({"topic", "t"}));
      assert_done();
      continue;
    }
    EDIT(.key = "lamp", .uses = "fake/thing");
    assert_refused("bad-request", "uses", "stays", text);
    EDIT(.key = "lamp", WITH({"topic", ""}));
    assert_refused("bad-request", "with.topic", "needs it", text);
    EDIT(.key = "lamp", WITH({"unit_no", "0"}));
    assert_refused("bad-request", "with.unit_no", "between", text);
  }
  assert_null(find("a"));
  assert_non_null(find("lamp"));
  assert_false(has("state/audit.jsonl", "\"node\":\"a\""));
}

static void test_only_seeing(void **state TT_UNUSED)
{
  ADD(.key = "lamp", .uses = "fake/plug", .connection = "c", .is_dry = true, WITH({"topic", "t"}));
  assert_done();
  assert_null(find("lamp"));
  assert_int_equal(mode_of_remote(), 0);
  assert_false(has("state/audit.jsonl", "lamp"));
}

static void test_secrets(void **state TT_UNUSED)
{
  ADD(.key = "lamp", .uses = "fake/plug", .connection = "c", WITH({"topic", "t"}));
  assert_done();
  assert_int_equal(mode_of_remote(), 0640);
  EDIT(.key = "lamp", WITH({"pin", "s3cr3t ${x}"}));
  assert_done();
  assert_int_equal(mode_of_remote(), 0600);
  assert_true(has(REMOTE, "pin: \"s3cr3t $${x}\""));
  const struct tt_manage_device *lamp = tt_manage_device(view(), "lamp");
  assert_int_equal(lamp->params[3].type, TT_MANAGE_SECRET);
  assert_true(lamp->params[3].is_given);
  assert_null(lamp->params[3].value); /* never shown back */
  EDIT(.key = "lamp", .label = "L", WITH({"topic", "u"}, {"pin", ""}));
  assert_done();
  assert_true(has(REMOTE, "pin: \"s3cr3t $${x}\"")); /* empty: as it is */
  EDIT(.key = "lamp", WITH({"unit_no", "999"}, {"pin", "s3cr3t2"}));
  assert_string_equal(m.change.code, "bad-request");
  assert_null(strstr(m.change.why, "s3cr3t"));
  assert_null(strstr(m.change.diagnostics, "s3cr3t"));
  assert_false(has("state/audit.jsonl", "s3cr3t"));
  REMOVE("lamp");
  assert_done();
  assert_int_equal(mode_of_remote(), 0640);
}

static void test_hostile_texts(void **state TT_UNUSED)
{
  static const char *const texts[] = {
      "x\"\n  evil:\n    uses: fake/thing",
      "${credential:xmpp-password}",
      "$${a}${env:HOME}",
      "'\"\\#{}[]&*!|>%@`: - ? ~",
      "a\r\nb\tc\xe2\x80\xa8\xe2\x80\xae\xef\xbb\xbf",
      "null",
      "--- x",
      "åäö \xf0\x9f\x98\x80",
  };
  for (size_t i = 0; i < TT_COUNT(texts); i++) {
    ADD(.key = "lamp", .label = texts[i], .uses = "fake/plug", .connection = "c",
        WITH({"topic", "t"}, {"tele", texts[i]}));
    assert_done();
    load_now();
    assert_int_equal(w.config->n_devices, 4);
    assert_string_equal(((const struct fake_device *)device("lamp")->config.options)->topic, texts[i]);
    assert_string_equal(device("lamp")->label.text[0], texts[i]);
    const struct tt_manage_device *lamp = tt_manage_device(view(), "lamp");
    assert_string_equal(lamp->label, texts[i]);
    assert_string_equal(lamp->params[1].value, texts[i]);
    EDIT(.key = "lamp", .label = texts[i], WITH({"tele", texts[i]}, {"unit_no", "2"})); /* as a form comes back */
    assert_done();
    load_now();
    assert_string_equal(((const struct fake_device *)device("lamp")->config.options)->topic, texts[i]);
    REMOVE("lamp");
    assert_done();
  }
  ADD(.key = "x\": {uses: fake-thing}, \"y", .uses = "fake/plug", .connection = "c", WITH({"topic", "t"}));
  assert_done();
  load_now();
  assert_int_equal(w.config->n_devices, 4);
  assert_non_null(find("x\": {uses: fake-thing}, \"y"));
}

/* Somebody has edited it: what is more than ours stays. */
static void test_edited_by_hand(void **state TT_UNUSED)
{
  struct tt_reload_result result;
  put(REMOTE, "# mine\nplaces: {house: {label: {en: House, sv: Hus}}}\ndevices:\n"
              "  lamp: {uses: fake/plug, connection: c, with: {topic: \"t ${env:TT_NONE_SUCH}\", unit_no: 0x11},\n"
              "         label: {en: Lamp, sv: Lampa}, poll: never, points: {}}\n");
  setenv("TT_NONE_SUCH", "x", 1);
  assert_int_equal(tt_reload(g.reloader, NULL, &result), 0);
  tt_reload_result_finish(&result);
  assert_non_null(find("lamp"));
  const struct tt_manage_device *lamp = tt_manage_device(view(), "lamp");
  assert_true(lamp->is_ours);
  assert_string_equal(lamp->label, "");
  EDIT(.key = "lamp", .label = "", .connection = "c", WITH({"topic", lamp->params[0].value}, {"unit_no", "0x11"}));
  assert_done();
  assert_true(has(REMOTE, "topic: \"t ${env:TT_NONE_SUCH}\"\n      unit_no: 0x11\n    label:\n      en: Lamp\n"
                          "      sv: Lampa\n    poll: never\n    points: {}\n"));
  assert_true(has(REMOTE, "places:\n  house:\n    label:\n      en: House\n      sv: Hus\n"));
  load_now();
  assert_string_equal(((const struct fake_device *)device("lamp")->config.options)->topic, "tele/t x");
  put(REMOTE, "devices: [\n");
  char *text TT_AUTOFREE = contents(REMOTE);
  REMOVE("lamp");
  assert_refused("failed", NULL, "cannot be changed as it is: line", text);
  assert_non_null(view()->why);
  assert_null(m.view->file);
}

/* What was wrong before is not held against a change; what it makes wrong is. */
static void test_other_errors(void **state TT_UNUSED)
{
  put("devices.d/b.yaml",
      "devices: {broken: {uses: fake/plug, connection: c}, early: {uses: fake/thing, connection: c}}\n");
  ADD(.key = "lamp", .uses = "fake/plug", .connection = "c", WITH({"topic", "t"}));
  assert_done();
  assert_null(m.change.diagnostics); /* of which nobody here knows */
  put("mappings/absent/thing.yaml",
      "version: 1\nprotocol: absent\npoints: {}\n"); /* of a bridge that is not there */
  put("mappings/fake/broken.yaml", "version: 1\nprotocol: fake\npionts: {}\n");
  EDIT(.key = "lamp", .label = "y");
  assert_done();
  EDIT(.key = "lamp", .label = "");
  assert_done();
  char *text TT_AUTOFREE = contents(REMOTE);
  ADD(.key = "l2", .uses = "fake/plug", .connection = "c", .under = "early", WITH({"topic", "t"}));
  assert_string_equal(m.change.code, "conflict");
  put("devices.d/c.yaml", "devices: [\n"); /* something may be missing */
  EDIT(.key = "lamp", .label = "x");
  assert_refused("failed", NULL, "", text);
  put("devices.d/c.yaml", "");
  EDIT(.key = "lamp", .label = "x");
  assert_done();
}

/* Whoever died in between has left a file beside ours: it is nobody's device, and in nobody's way. */
static void test_left_by_a_crash(void **state TT_UNUSED)
{
  char path[512];
  ADD(.key = "lamp", .uses = "fake/plug", .connection = "c", WITH({"topic", "t"}));
  assert_done();
  put(REMOTE ".new", "devices: {ghost: {uses: fake/thing, connection: c}}\n");
  load_now();
  assert_int_equal(w.config->n_devices, 4);
  ADD(.key = "lamp2", .uses = "fake/plug", .connection = "c", WITH({"topic", "t"}, {"pin", "1"}));
  assert_done();
  assert_false(has(REMOTE, "ghost"));
  assert_int_equal(mode_of_remote(), 0600); /* not that of what was left */
  snprintf(path, sizeof path, "%s/" REMOTE ".new", w.dir);
  assert_int_equal(symlink(w.file, path), 0); /* nor is it followed */
  EDIT(.key = "lamp", .label = "x");
  assert_done();
  assert_true(has("thingtree.yaml", "mappings: [mappings]"));
}

/* The audit cannot be written: nothing is done. The directory cannot be written to: it says so. */
static void test_what_stands_in_the_way(void **state TT_UNUSED)
{
  char path[600], other[700];
  ADD(.key = "lamp", .uses = "fake/plug", .connection = "c", WITH({"topic", "t"}));
  assert_done();
  char *text TT_AUTOFREE = contents(REMOTE);
  snprintf(path, sizeof path, "%s/" REMOTE ".new", w.dir);
  snprintf(other, sizeof other, "%s/x", path);
  assert_int_equal(mkdir(path, 0755), 0);
  EDIT(.key = "lamp", .label = "x");
  assert_string_equal(m.change.code, "failed");
  assert_non_null(strstr(m.change.why, REMOTE " cannot be written"));
  assert_true(has(REMOTE, text));
  assert_int_equal(rmdir(path), 0);
  struct tt_buf without TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&without, "%.*sinclude: [devices.d/a.yaml]\n", (int)(strstr(house, "include:") - house), house);
  put("thingtree.yaml", without.data);
  EDIT(.key = "lamp", .label = "x");
  assert_refused("failed", NULL, "`include:` names no directory", text);
  assert_non_null(strstr(view()->why, "`include:` names no directory"));
  put("thingtree.yaml", "what: [\n");
  EDIT(.key = "lamp", .label = "x");
  assert_refused("failed", NULL, "cannot be used as it is now", text);
  assert_non_null(view()->why);
  assert_int_equal(m.view->n_devices, 0);
}

/* It was judged well and is not taken up all the same: the file is as it was, and the trace says so. */
static void test_undone(void **state TT_UNUSED)
{
  put("mappings/more/thing.yaml", "version: 1\nprotocol: more\npoints: {}\n");
  ADD(.key = "extra", .uses = "more/thing");
  assert_refused("failed", NULL, "extra cannot be used", NULL);
  ADD(.key = "lamp", .uses = "fake/plug", .connection = "c", WITH({"topic", "t"}, {"pin", "1"}));
  assert_done();
  char *text TT_AUTOFREE = contents(REMOTE);
  ADD(.key = "extra", .uses = "more/thing");
  assert_refused("failed", NULL, "extra cannot be used", text);
  assert_int_equal(mode_of_remote(), 0600);
  assert_null(find("extra"));
  assert_non_null(find("lamp"));
  assert_true(has("state/audit.jsonl", "\"kind\":\"undone\",\"jid\":\"admin@example.org/x\",\"node\":\"extra\""));
}

static void test_limits(void **state TT_UNUSED)
{
  struct tt_buf many TT_AUTOBUF = TT_BUF(0);
  tt_buf_puts(&many, "devices:\n");
  add_many(&many, TT_REMOTE_DEVICES_MAX - 1, "  d%u: {uses: fake/thing, connection: c}\n");
  put(REMOTE, many.data);
  ADD(.key = "last", .uses = "fake/thing", .connection = "c");
  assert_done();
  char *text TT_AUTOFREE = contents(REMOTE);
  ADD(.key = "more", .uses = "fake/thing", .connection = "c");
  assert_refused("failed", NULL, "There are 500 devices", text);
  EDIT(.key = "last", .label = "x"); /* those that are there may change */
  assert_done();
  many.len = 0;
  tt_buf_puts(&many, "devices: {lamp: {uses: fake/thing, connection: c, label: \"");
  while (many.len < TT_REMOTE_BYTES_MAX - 20)
    tt_buf_puts(&many, "l");
  tt_buf_puts(&many, "\"}}\n");
  put(REMOTE, many.data);
  ADD(.key = "more", .uses = "fake/thing", .connection = "c");
  assert_refused("failed", NULL, "would be larger than 1048576 bytes", many.data);
  tt_buf_puts(&many, "# and more, until nobody reads it any longer\n");
  put(REMOTE, many.data);
  ADD(.key = "more", .uses = "fake/thing", .connection = "c");
  assert_refused("failed", NULL, "is larger than 1048576 bytes", many.data);
}

static void test_view(void **state TT_UNUSED)
{
  ADD(.key = "lamp", .uses = "fake/plug", .connection = "c", .label = "L", .under = "house", WITH({"topic", "t"}));
  assert_done();
  assert_string_equal(view()->file, REMOTE);
  assert_null(m.view->why);
  assert_int_equal(m.view->n_mappings, 2);
  assert_int_equal(m.view->n_connections, 1);
  assert_string_equal(m.view->connections[0].protocol, "fake");
  assert_int_equal(m.view->n_devices, 4);
  const struct tt_manage_mapping *mapping = tt_manage_mapping(m.view, "fake/plug");
  assert_string_equal(tt_label_for(&mapping->label, "sv", ""), "Kontakt");
  assert_int_equal(mapping->n_params, 5);
  assert_true(mapping->params[0].is_required);
  assert_string_equal(mapping->params[0].label.text[0], "Topic");
  assert_string_equal(mapping->params[1].preset, "tele/${topic}");
  assert_int_equal(mapping->params[2].type, TT_MANAGE_INTEGER);
  assert_true(mapping->params[2].has_range && mapping->params[2].max == 247);
  assert_int_equal(mapping->params[4].type, TT_MANAGE_BOOLEAN);
  const struct tt_manage_device *lamp = tt_manage_device(m.view, "lamp"), *hand = tt_manage_device(m.view, "hand");
  assert_true(lamp->is_ours);
  assert_string_equal(lamp->under, "house");
  assert_string_equal(lamp->params[0].value, "t");
  assert_null(lamp->params[1].value);
  assert_false(hand->is_ours);
  assert_string_equal(hand->file, "devices.d/a.yaml");
  assert_string_equal(hand->shown.text[0], "Hand");
  assert_null(tt_manage_device(m.view, "nobody"));
  assert_null(tt_manage_mapping(m.view, "nobody"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_remote, close_remote)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_add_edit_remove),
      TEST(test_keys_are_made),
      TEST(test_refusals),
      TEST(test_only_seeing),
      TEST(test_secrets),
      TEST(test_hostile_texts),
      TEST(test_edited_by_hand),
      TEST(test_other_errors),
      TEST(test_left_by_a_crash),
      TEST(test_what_stands_in_the_way),
      TEST(test_undone),
      TEST(test_limits),
      TEST(test_view),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
