/* SPDX-License-Identifier: Apache-2.0
 * One message, one command: both grammars, the languages, what phones make of it. */
#include "cmocka_all.h"

#include "chat/letters.h"
#include "chat/parse.h"
#include "text/text.h"

static const struct {
  const char *text;
  enum tt_chat_verb verb;
  const char *target, *value; /* value NULL: none */
  bool is_more;
} rows[] = {
    {"", TT_CHAT_NOTHING, "", NULL, false},
    {" \n\t ", TT_CHAT_NOTHING, "", NULL, false},
    {"> what was said", TT_CHAT_NOTHING, "", NULL, false},
    {"> ls\nplug", TT_CHAT_PLAIN, "plug", NULL, false},
    {"Hi", TT_CHAT_GREETING, "", NULL, false},
    {"hello!", TT_CHAT_GREETING, "", NULL, false},
    {"Hej", TT_CHAT_GREETING, "", NULL, false},
    {"hallo", TT_CHAT_GREETING, "", NULL, false},
    {"hola", TT_CHAT_GREETING, "", NULL, false},
    {"#", TT_CHAT_HELP, "", NULL, false},
    {"##", TT_CHAT_HELP, "", NULL, true},
    {"help", TT_CHAT_HELP, "", NULL, false},
    {"HELP?", TT_CHAT_HELP, "", NULL, false},
    {"/help", TT_CHAT_HELP, "", NULL, false},
    {"hilfe", TT_CHAT_HELP, "", NULL, false},
    {"Hjälp", TT_CHAT_HELP, "", NULL, false},
    {"HJÄLP", TT_CHAT_HELP, "", NULL, false},
    {"`ls`", TT_CHAT_LIST, "", NULL, false},
    {"ls  hall ", TT_CHAT_LIST, "hall", NULL, false},
    {"liste", TT_CHAT_LIST, "", NULL, false},
    {"/", TT_CHAT_GO, "/", NULL, false},
    {"//", TT_CHAT_LIST, "/", NULL, true},
    {"cd ..", TT_CHAT_GO, "..", NULL, false},
    {"/house/hall", TT_CHAT_PLAIN, "/house/hall", NULL, false},
    {"find x y", TT_CHAT_FIND, "x y", NULL, false},
    {"?", TT_CHAT_GET, "", NULL, false},
    {"??", TT_CHAT_GET, "", NULL, true},
    {"plug?", TT_CHAT_GET, "plug", NULL, false},
    {"plug ?", TT_CHAT_GET, "plug", NULL, false},
    {"plug.power??", TT_CHAT_GET, "plug.power", NULL, true},
    {"get plug?", TT_CHAT_GET, "plug", NULL, false},
    {"status?", TT_CHAT_GET, "status", NULL, false},
    {"lies plug", TT_CHAT_GET, "plug", NULL, false},
    {":=", TT_CHAT_PARAMETERS, "", NULL, false},
    {"plug:=", TT_CHAT_PARAMETERS, "plug", NULL, false},
    {"relay:=on", TT_CHAT_SET, "relay", "on", false},
    {"plug.relay := on ", TT_CHAT_SET, "plug.relay", "on", false},
    {"set level:=5", TT_CHAT_SET, "level", "5", false},
    {"name:=a:=b", TT_CHAT_SET, "name", "a:=b", false},
    {"set plug on", TT_CHAT_SET, "plug on", NULL, false},
    {"setze plug ein", TT_CHAT_SET, "plug ein", NULL, false},
    {"sätt plug på", TT_CHAT_SET, "plug på", NULL, false},
    {"turn plug on", TT_CHAT_SET, "plug on", NULL, false},
    {"watch plug", TT_CHAT_WATCH, "plug", NULL, false},
    {"unwatch all", TT_CHAT_UNWATCH, "all", NULL, false},
    {"vergiss alles", TT_CHAT_UNWATCH, "alles", NULL, false},
    {"status", TT_CHAT_STATUS, "", NULL, false},
    {"log", TT_CHAT_LOG, "", NULL, false},
    {"commands plug", TT_CHAT_COMMANDS, "plug", NULL, false},
    {"do speaker seek position=5", TT_CHAT_DO, "speaker seek position=5", NULL, false},
    {"gör speaker spela", TT_CHAT_DO, "speaker spela", NULL, false},
    {"block", TT_CHAT_BLOCK, "", NULL, false},
    {"Block eve@else.test", TT_CHAT_BLOCK, "eve@else.test", NULL, false},
    {"blockiere else.test", TT_CHAT_BLOCK, "else.test", NULL, false},
    {"block heater on", TT_CHAT_PLAIN, "block heater on", NULL, false},
    {"block heater.on", TT_CHAT_BLOCK, "heater.on", NULL, false},
    {"avblockera eve@else.test", TT_CHAT_UNBLOCK, "eve@else.test", NULL, false},
    {"report eve@else.test spam", TT_CHAT_REPORT, "eve@else.test spam", NULL, false},
    {"report weekly 1.5", TT_CHAT_PLAIN, "report weekly 1.5", NULL, false},
    {"plug on", TT_CHAT_PLAIN, "plug on", NULL, false},
    {"Plug on.", TT_CHAT_PLAIN, "Plug on", NULL, false},
    {"cd", TT_CHAT_GO, "", NULL, false},
    /* invisible characters and other blanks */
    {"\xe2\x80\x8b"
     "plug\xc2\xa0on\xe2\x80\x8f",
     TT_CHAT_PLAIN, "plug on", NULL, false},
};

static void lines(void **state)
{
  (void)state;
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct tt_chat_command command;
    assert_int_equal(tt_chat_parse(rows[i].text, &command), 0);
    if (command.verb != rows[i].verb || strcmp(command.target, rows[i].target) != 0 ||
        command.is_more != rows[i].is_more || command.has_value != (rows[i].value != NULL) ||
        strcmp(command.value, rows[i].value ? rows[i].value : "") != 0)
      fail_msg("%s: verb %d, target '%s', value '%s'", rows[i].text, (int)command.verb, command.target,
               command.value);
  }
}

static void limits(void **state)
{
  (void)state;
  struct tt_chat_command command;
  char *text = calloc(1, 20 * TT_CHAT_LINE_MAX);
  assert_int_equal(tt_chat_parse("ls\nplug on", &command), -EINVAL);
  memset(text, 'x', TT_CHAT_LINE_MAX);
  assert_int_equal(tt_chat_parse(text, &command), 0);
  text[TT_CHAT_LINE_MAX] = 'x';
  assert_int_equal(tt_chat_parse(text, &command), -E2BIG);
  memset(text, 'x', 20 * TT_CHAT_LINE_MAX - 1);
  assert_int_equal(tt_chat_parse(text, &command), -E2BIG);
  free(text);
}

/* No word of any language is two verbs. */
static void words_are_unambiguous(void **state)
{
  (void)state;
  struct tt_chat_command command, other;
  for (size_t i = 0; tt_chat_verb_word(i, ""); i++)
    for (size_t k = 0; k < tt_n_catalogues; k++) {
      const char *word = tt_chat_verb_word(i, tt_catalogues[k].language);
      assert_int_equal(tt_chat_parse(tt_chat_verb_word(i, ""), &other), 0);
      assert_int_equal(tt_chat_parse(word, &command), 0);
      if (command.verb != other.verb || command.verb == TT_CHAT_PLAIN)
        fail_msg("%s", word);
    }
}

static void switches(void **state)
{
  (void)state;
  bool value = false;
  assert_true(tt_chat_is_switch("On", &value) && value);
  assert_true(tt_chat_is_switch("aus", &value) && !value);
  assert_true(tt_chat_is_switch("på", &value) && value);
  assert_false(tt_chat_is_switch("onn", &value));
  assert_string_equal(tt_chat_skip_filler("to 21"), "21");
  assert_string_equal(tt_chat_skip_filler("to"), "to");
  assert_string_equal(tt_chat_skip_filler("tower 1"), "tower 1");
  assert_string_equal(tt_chat_skip_filler("=off"), "off");
  assert_string_equal(tt_chat_skip_filler("= off"), "off");
  assert_string_equal(tt_chat_skip_filler(": off"), "off");
}

static void shown(void **state)
{
  (void)state;
  static const struct {
    const char *text, *shown;
  } texts[] = {
      {"plain", "plain"},
      {"voltage_l1", "voltage_l1"},
      {"_x_", "＿x＿"},
      {"a *b* c", "a ∗b∗ c"},
      {"```code", "ˋˋˋcode"},
      {"> quote", "› quote"},
      {"a > b", "a > b"},
      {"a~b ~c~", "a~b ∼c∼"},
      {" a \r\n\t b ", "a b"},
      {"a\xe2\x80\xae"
       "b\xe2\x80\x8b\xef\xbb\xbf"
       "c",
       "abc"},
      {"a\x01\x7f"
       "b\xc2\x85"
       "c\xe2\x80\xa8"
       "d",
       "a b c d"},
      {"21.5 °C", "21.5 °C"},
  };
  for (size_t i = 0; i < TT_COUNT(texts); i++) {
    struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
    tt_chat_put(&buf, texts[i].text);
    assert_string_equal(buf.data, texts[i].shown);
  }
  char text[500];
  memset(text, 'x', sizeof(text) - 1);
  text[sizeof(text) - 1] = '\0';
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  tt_chat_put(&buf, text);
  assert_int_equal(buf.len, TT_CHAT_FOREIGN_MAX + strlen("…"));
}

static void folded(void **state)
{
  (void)state;
  static const struct {
    const char *text, *folded;
  } texts[] = {
      {"Hall-Climate", "hall climate"}, {"  A _ B ", "a b"}, {"ÅÄÖ ÜŠŽ ΑΩ ЖЁ", "åäö üšž αω жё"}, {"∗x＿y", "*x y"}};
  char out[64];
  size_t end[64];
  for (size_t i = 0; i < TT_COUNT(texts); i++) {
    size_t n = tt_chat_fold(texts[i].text, out, end);
    assert_string_equal(out, texts[i].folded);
    assert_true(n == 0 || end[n - 1] <= strlen(texts[i].text));
  }
}

/* "NAME=VALUE" by "NAME=VALUE", and what is left. */
static void arguments(void **state)
{
  static const struct {
    const char *text, *taken;
  } texts[] = {
      {"", "|"},
      {"a=1", "a:1||"},
      {" a=1  b=two words c=3 ", "a:1|b:two words|c:3||"},
      {"a=b=c d=e", "a:b=c|d:e||"},
      {"a=", "a:||"},
      {"a= b=", "a:|b:||"},
      {"a=1 =2", "a:1 =2||"},
      {"=1", "|=1"},
      {"5", "|5"},
      {"x y=1", "|x y=1"},
      {"text=1 x = 2", "text:1 x = 2||"},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(texts); i++) {
    struct tt_buf taken TT_AUTOBUF = TT_BUF(0);
    char *copy TT_AUTOFREE = strdup(texts[i].text), *text = copy, *name, *value;
    while (tt_chat_take_argument(&text, &name, &value)) {
      tt_buf_printf(&taken, "%s:%s|", name, value);
    }
    tt_buf_printf(&taken, "|%s", text);
    assert_string_equal(taken.data, texts[i].taken);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(arguments), cmocka_unit_test(lines),
      cmocka_unit_test(limits),    cmocka_unit_test(words_are_unambiguous),
      cmocka_unit_test(switches),  cmocka_unit_test(shown),
      cmocka_unit_test(folded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
