/* SPDX-License-Identifier: Apache-2.0
 * Bare JIDs: what is one, what is the same one, what is none. */
#include "trust/access.h"

#include "cmocka_all.h"

static void test_table(void **state)
{
  static const struct {
    const char *jid, *bare; /* NULL: refused */
  } cases[] = {
      {"alice@example.org", "alice@example.org"},
      {"alice@example.org/phone", "alice@example.org"},
      {"Alice@EXAMPLE.org/Phone", "alice@example.org"},
      {"alice@example.org.", "alice@example.org"},
      {"alice@example.org./x", "alice@example.org"},
      {"alice@example.org/a@b/c", "alice@example.org"},
      {"alice@example.org/two words", "alice@example.org"},
      {"things.example.org", "things.example.org"},
      {"things.example.org/alice@example.org", "things.example.org"},
      {"localhost", "localhost"},
      {"a.b+c=d@host_1-2", "a.b+c=d@host_1-2"},
      {"a@[::1]", "a@[::1]"},
      {"a@127.0.0.1", "a@127.0.0.1"},
      {"åsa@exämple.org", "åsa@exämple.org"},
      /* look-alikes are other strings, never the same */
      {"аlice@example.org", "аlice@example.org"}, /* a Cyrillic letter */
      {"alice@exаmple.org", "alice@exаmple.org"},
      {"ÅSA@example.org", "Åsa@example.org"}, /* only ASCII is folded */
      {"alice@example。org", "alice@example。org"},
      /* no JIDs */
      {"", NULL},
      {"@", NULL},
      {"@example.org", NULL},
      {"alice@", NULL},
      {"alice@/x", NULL},
      {"/x", NULL},
      {"alice@example.org/", NULL},
      {"alice@@example.org", NULL},
      {"alice@bob@example.org", NULL},
      {"alice@example..org", NULL},
      {"alice@.example.org", NULL},
      {"alice@.", NULL},
      {"alice@example.org..", NULL},
      {".", NULL},
      {"alice@exam ple.org", NULL},
      {" alice@example.org", NULL},
      {"alice@example.org ", NULL},
      {"al ice@example.org", NULL},
      {"alice\n@example.org", NULL},
      {"alice@example.org\n", NULL},
      {"alice@example.org/x\ny", NULL},
      {"alice\x7f@example.org", NULL},
      {"alice\xc2\x85@example.org", NULL},
      {"alice@ex\xc2\x80mple.org", NULL},
      {"alice\xff@example.org", NULL},
      {"alice@example.org/\xff", NULL},
      {"al\"ice@example.org", NULL},
      {"al&ice@example.org", NULL},
      {"al'ice@example.org", NULL},
      {"al:ice@example.org", NULL},
      {"al<ice@example.org", NULL},
      {"al>ice@example.org", NULL},
      {"alice@example.org:5222", NULL},
      {"alice@exam*ple.org", NULL},
      {"alice@*", NULL},
      {"a@[::1", NULL},
      {"a@[::1]x", NULL},
      {"a@[]", NULL},
      {"a@[zz]", NULL},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    char out[3072] = "untouched";
    int r = tt_jid_bare(cases[i].jid, out, sizeof out);
    if (cases[i].bare ? r != 0 || strcmp(out, cases[i].bare) : r != -EINVAL || strcmp(out, "untouched"))
      fail_msg("\"%s\": %d \"%s\"", cases[i].jid, r, out);
  }
}

static void test_lengths(void **state)
{
  static char jid[4000];
  char out[3072];
  (void)state;
  /* 1023 bytes a part, 3071 in all */
  memset(jid, 'a', 1023);
  jid[1023] = '@';
  memset(jid + 1024, 'b', 1023);
  jid[2047] = '/';
  memset(jid + 2048, 'c', 1023);
  assert_int_equal(strlen(jid), 3071);
  assert_int_equal(tt_jid_bare(jid, out, sizeof out), 0);
  assert_int_equal(strlen(out), 2047);
  assert_int_equal(tt_jid_bare(jid, out, 2048), 0);
  assert_int_equal(tt_jid_bare(jid, out, 2047), -EINVAL);
  jid[3071] = 'c';
  assert_int_equal(tt_jid_bare(jid, out, sizeof out), -EINVAL);
  jid[2047] = '\0';
  memmove(jid + 1, jid, 2048);
  assert_int_equal(tt_jid_bare(jid, out, sizeof out), -EINVAL);
}

/* Whatever comes: no crash, and a result is a fixed point. */
static void test_random_bytes(void **state)
{
  static const char alphabet[] = "aB@/.: \x01\x7f\xc3\xa4\xff[]";
  uint32_t seed = 1;
  (void)state;
  for (int i = 0; i < 200000; i++) {
    char jid[16], out[32], again[32];
    size_t n = 0;
    for (seed = seed * 1664525 + 1013904223; n < (seed >> 8) % 14; n++)
      jid[n] = alphabet[(seed >> (n % 20)) % (sizeof alphabet - 1)];
    jid[n] = '\0';
    if (tt_jid_bare(jid, out, sizeof out) < 0)
      continue;
    assert_null(strchr(out, '/'));
    assert_int_equal(tt_jid_bare(out, again, sizeof again), 0);
    assert_string_equal(out, again);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_table),
      cmocka_unit_test(test_lengths),
      cmocka_unit_test(test_random_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
