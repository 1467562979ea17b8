/* SPDX-License-Identifier: Apache-2.0
 * secrets.c: where credentials come from, who may read them, and that nothing of them stays or is said. */
#include "config_world.h"

static struct tt_secrets *secrets;

static int begin(void **state)
{
  int r = setup(state);
  unsetenv("CREDENTIALS_DIRECTORY");
  w.diags = tt_diags_create();
  return r;
}

static int end(void **state)
{
  tt_secrets_destroy(TT_STEAL(secrets));
  unsetenv("CREDENTIALS_DIRECTORY");
  return teardown(state);
}

static struct tt_mark at(void)
{
  return (struct tt_mark){.file = "a.yaml", .line = 1, .column = 1};
}

static const char *path_of(const char *name)
{
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", w.dir, name);
  return path;
}

static const char *get(const char *name)
{
  const char *text = NULL;
  return tt_secrets_credential(secrets, w.diags, at(), name, &text) == 0 ? text : NULL;
}

static void use(const char *credentials)
{
  tt_secrets_destroy(secrets);
  secrets = tt_secrets_create(w.dir, credentials);
  assert_non_null(secrets);
}

static void put_secret(const char *name, const char *text)
{
  put_n(name, 0600, text, strlen(text));
}

/* $CREDENTIALS_DIRECTORY, --credentials, credentials/ beside the file: the first that has it. */
static void test_order(void **state TT_UNUSED)
{
  put_secret("systemd/a", "from systemd\n");
  put_secret("given/a", "given\n");
  put_secret("given/b", "given b\n");
  put_secret("credentials/a", "beside\n");
  put_secret("credentials/c", "beside c\n");
  setenv("CREDENTIALS_DIRECTORY", path_of("systemd"), 1);
  char *given TT_AUTOFREE = strdup(path_of("given"));
  use(given);
  assert_string_equal(get("a"), "from systemd");
  assert_string_equal(get("b"), "given b");
  assert_string_equal(get("c"), "beside c");
  unsetenv("CREDENTIALS_DIRECTORY");
  use(given);
  assert_string_equal(get("a"), "given");
  use(NULL);
  assert_string_equal(get("a"), "beside");
  assert_int_equal(w.diags->n, 0);
  assert_null(get("b"));
  assert_said("a.yaml:1:1 credential-missing: there is no credential \"b\"\n");
  assert_string_equal(w.diags->messages[0].help[0], "looked in: credentials");
}

static void test_last_line_end(void **state TT_UNUSED)
{
  static const struct {
    const char *text, *secret;
  } cases[] = {
      {"pw", "pw"}, {"pw\n", "pw"}, {"pw\r\n", "pw"}, {" p w \n\n", " p w \n"}, {"p\xc3\xa5", "p\xc3\xa5"}};
  use(NULL);
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    put_secret("credentials/a", cases[i].text);
    assert_string_equal(get("a"), cases[i].secret);
  }
}

static void test_exposed(void **state TT_UNUSED)
{
  static const mode_t modes[] = {0604, 0640, 0644, 0660, 0610, 0601};
  use(NULL);
  for (size_t i = 0; i < TT_COUNT(modes); i++) {
    tt_diags_destroy(w.diags);
    w.diags = tt_diags_create();
    put_n("credentials/a", modes[i], "hunter2", 7);
    assert_null(get("a"));
    assert_int_equal(w.diags->n, 1);
    assert_string_equal(w.diags->messages[0].code, "credential-exposed");
    assert_string_equal(w.diags->messages[0].help[0], "chmod 600 credentials/a");
  }
  put_n("credentials/a", 0400, "hunter2", 7);
  assert_string_equal(get("a"), "hunter2");
}

static void test_unusable(void **state TT_UNUSED)
{
  char *large TT_AUTOFREE = malloc(TT_CREDENTIAL_MAX + 1);
  memset(large, 'x', TT_CREDENTIAL_MAX + 1);
  use(NULL);
  put_n("credentials/large", 0600, large, TT_CREDENTIAL_MAX);
  assert_int_equal(strlen(get("large")), TT_CREDENTIAL_MAX);
  put_n("credentials/large", 0600, large, TT_CREDENTIAL_MAX + 1);
  put_n("credentials/empty", 0600, "\n", 1);
  put_n("credentials/nul", 0600, "a\0b", 3);
  put_n("credentials/latin", 0600, "\xe5", 1);
  put_n("credentials/dir/x", 0600, "x", 1);
  static const char *const names[] = {"large", "empty", "nul", "latin", "dir"};
  for (size_t i = 0; i < TT_COUNT(names); i++)
    assert_null(get(names[i]));
  assert_said(
      "a.yaml:1:1 credential-unreadable: credential \"large\" in credentials cannot be used: it is too long\n"
      "a.yaml:1:1 credential-unreadable: credential \"empty\" in credentials cannot be used: it is empty\n"
      "a.yaml:1:1 credential-unreadable: credential \"nul\" in credentials cannot be used: it holds a NUL "
      "byte\n"
      "a.yaml:1:1 credential-unreadable: credential \"latin\" in credentials cannot be used: it is not "
      "UTF-8\n"
      "a.yaml:1:1 credential-unreadable: credential \"dir\" in credentials is not a file\n");
}

static void test_names(void **state TT_UNUSED)
{
  static const char *const bad[] = {"", "..", "../a", "a/b", ".hidden", "a b", "\xc3\xa5"};
  char long_name[300];
  memset(long_name, 'a', 256);
  long_name[256] = '\0';
  use(NULL);
  for (size_t i = 0; i <= TT_COUNT(bad); i++) {
    tt_diags_destroy(w.diags);
    w.diags = tt_diags_create();
    assert_null(get(i < TT_COUNT(bad) ? bad[i] : long_name));
    assert_string_equal(w.diags->messages[0].code, "bad-hole");
  }
}

static void test_environment(void **state TT_UNUSED)
{
  const char *text = NULL;
  use(NULL);
  setenv("TT_TEST_SECRET", "from env", 1);
  assert_int_equal(tt_secrets_env(secrets, w.diags, at(), "TT_TEST_SECRET", &text), 0);
  assert_string_equal(text, "from env");
  setenv("TT_TEST_SECRET", "\xff", 1);
  assert_int_equal(tt_secrets_env(secrets, w.diags, at(), "TT_TEST_SECRET", &text), -EINVAL);
  unsetenv("TT_TEST_SECRET");
  assert_int_equal(tt_secrets_env(secrets, w.diags, at(), "TT_TEST_SECRET", &text), -EINVAL);
  assert_int_equal(tt_secrets_env(secrets, w.diags, at(), "", &text), -EINVAL);
  assert_int_equal(w.diags->n, 3);
}

static void test_starred(void **state TT_UNUSED)
{
  use(NULL);
  assert_non_null(tt_secrets_keep(secrets, "hunter2", 7));
  assert_non_null(tt_secrets_keep(secrets, "a", 1));
  static const struct {
    const char *text, *starred;
  } cases[] = {{"nothing at all", "nothing at all"},
               {"\"hunter2\" and xhunter2x hunter2", "\"***\" and x***x ***"},
               {"a cat \"a\" \"ab\"", "a cat \"*\" \"ab\""},
               {"hunter", "hunter"},
               {"", ""}};
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    char text[64];
    strcpy(text, cases[i].text);
    assert_int_equal(tt_secrets_star(secrets, text, strlen(text)), strlen(cases[i].starred));
    assert_string_equal(text, cases[i].starred);
  }
}

/* A secret that is longer than the sentence may be: not even its beginning is said. */
static void test_starred_before_cut(void **state TT_UNUSED)
{
  char secret[TT_DIAG_TEXT_MAX * 2 + 1];
  memset(secret, 's', sizeof secret - 1);
  secret[sizeof secret - 1] = '\0';
  use(NULL);
  assert_non_null(tt_secrets_keep(secrets, secret, strlen(secret)));
  w.diags->secrets = secrets;
  tt_diag(w.diags, TT_SEVERITY_ERROR, "x", at(), "it is \"%s\"", secret);
  tt_diag_also(w.diags, at(), "%s here", secret);
  tt_diag_help(w.diags, "not %s", secret);
  assert_string_equal(w.diags->messages[0].text, "it is \"***\"");
  assert_string_equal(w.diags->messages[0].also[0].text, "*** here");
  assert_string_equal(w.diags->messages[0].help[0], "not ***");
}

/* What the configuration gave out is zero before its memory goes back; the arena here outlives it. */
static void test_wiped(void **state TT_UNUSED)
{
  char noted[] = "hunter2";
  use(NULL);
  assert_int_equal(tt_secrets_note(secrets, noted), 0);
  tt_secrets_destroy(TT_STEAL(secrets));
  for (size_t i = 0; i < sizeof noted; i++)
    assert_int_equal(noted[i], 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_order), TEST(test_last_line_end), TEST(test_exposed), TEST(test_unusable),
      TEST(test_names), TEST(test_environment),   TEST(test_starred), TEST(test_starred_before_cut),
      TEST(test_wiped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
