/* SPDX-License-Identifier: Apache-2.0
 * parse.c: the grammar, parse.h. */
#include "parse.h"
#include "letters.h"

#include "text/text.h"

#include <stdio.h>

static const struct {
  const char *word;
  enum tt_chat_verb verb;
} verbs[] = {
    {TT_TR("help"), TT_CHAT_HELP},
    {TT_TR("list"), TT_CHAT_LIST},
    {TT_TR("go"), TT_CHAT_GO},
    {TT_TR("find"), TT_CHAT_FIND},
    {TT_TR("get"), TT_CHAT_GET},
    {TT_TR("set"), TT_CHAT_SET},
    {TT_TR("parameters"), TT_CHAT_PARAMETERS},
    {TT_TR("commands"), TT_CHAT_COMMANDS},
    {TT_TR("do"), TT_CHAT_DO},
    {TT_TR("watch"), TT_CHAT_WATCH},
    {TT_TR("unwatch"), TT_CHAT_UNWATCH},
    {TT_TR("status"), TT_CHAT_STATUS},
    {TT_TR("log"), TT_CHAT_LOG},
    {TT_TR("block"), TT_CHAT_BLOCK},
    {TT_TR("unblock"), TT_CHAT_UNBLOCK},
    {TT_TR("report"), TT_CHAT_REPORT},
    /* Said as well, and not offered. */
    {"ls", TT_CHAT_LIST},
    {"dir", TT_CHAT_LIST},
    {"cd", TT_CHAT_GO},
    {TT_TR("search"), TT_CHAT_FIND},
    {TT_TR("read"), TT_CHAT_GET},
    {TT_TR("show"), TT_CHAT_GET},
    {TT_TR("turn"), TT_CHAT_SET},
    {TT_TR("switch"), TT_CHAT_SET},
    {TT_TR("put"), TT_CHAT_SET},
    {TT_TR("follow"), TT_CHAT_WATCH},
    {TT_TR("menu"), TT_CHAT_HELP},
    {"mache", TT_CHAT_DO},
    {"blockiere", TT_CHAT_BLOCK},
    {"melde", TT_CHAT_REPORT},
};

static const char *const greetings[] = {"hi",     "hello",     "hej",     "hallo", "hola",
                                        "hey",    "hallå",     "hejsan",  "moin",  "servus",
                                        "grüezi", "guten tag", "god dag", "tja",   "hi there"};

/* ---- Words -------------------------------------------------------------------------------------------------------- */

static bool is_same(const char *folded, const char *word)
{
  char other[64];
  return strlen(word) < sizeof(other) && tt_chat_fold(word, other, NULL) > 0 && !strcmp(folded, other);
}

static bool is_folded_word(const char *folded, const char *english)
{
  bool is_it = is_same(folded, english);
  for (size_t i = 0; !is_it && i < tt_n_catalogues; i++)
    is_it = is_same(folded, tt_tr(tt_catalogues[i].language, english));
  return is_it;
}

bool tt_chat_is_word(const char *text, const char *english)
{
  char folded[TT_CHAT_LINE_MAX + 1];
  if (strlen(text) > TT_CHAT_LINE_MAX)
    return false;
  tt_chat_fold(text, folded, NULL);
  return is_folded_word(folded, english);
}

bool tt_chat_is_switch(const char *text, bool *ret_value)
{
  static const struct {
    const char *word;
    bool value;
  } words[] = {
      {TT_TR("on"), true}, {TT_TR("off"), false}, {"an", true}, {"till", true}, {"ifrån", false}, {"från", false},
  };
  for (size_t i = 0; i < TT_COUNT(words); i++)
    if (tt_chat_is_word(text, words[i].word)) {
      *ret_value = words[i].value;
      return true;
    }
  return false;
}

bool tt_chat_is_all(const char *text)
{
  return tt_chat_is_word(text, TT_TR("all")) || tt_chat_is_word(text, TT_TR("everything"));
}

const char *tt_chat_skip_filler(const char *text)
{
  static const char *const words[] = {TT_TR("to"), ":"};
  char word[16];
  if (*text == '=') /* "relay=off", as on the command line */
    return text + 1 + strspn(text + 1, " ");
  size_t n = strcspn(text, " ");
  if (text[n] != ' ' || n >= sizeof(word))
    return text;
  snprintf(word, sizeof(word), "%.*s", (int)n, text);
  for (size_t i = 0; i < TT_COUNT(words); i++)
    if (!strcmp(word, words[i]) || tt_chat_is_word(word, words[i]))
      return text + n + strspn(text + n, " ");
  return text;
}

const char *tt_chat_verb_word(size_t number, const char *language)
{
  return number < TT_COUNT(verbs) ? tt_tr(language, verbs[number].word) : NULL;
}

static enum tt_chat_verb verb_of(const char *word)
{
  char folded[TT_CHAT_LINE_MAX + 1];
  tt_chat_fold(word, folded, NULL);
  for (size_t i = 0; i < TT_COUNT(verbs); i++)
    if (is_folded_word(folded, verbs[i].word))
      return verbs[i].verb;
  return TT_CHAT_PLAIN;
}

static bool is_greeting(const char *line)
{
  char folded[TT_CHAT_LINE_MAX + 1];
  size_t n = tt_chat_fold(line, folded, NULL);
  while (n > 0 && strchr("!.,", folded[n - 1]))
    folded[--n] = '\0';
  for (size_t i = 0; i < TT_COUNT(greetings); i++)
    if (is_same(folded, greetings[i]))
      return true;
  return false;
}

/* ---- Lines -------------------------------------------------------------------------------------------------------- */

static char *trim(char *text)
{
  text += strspn(text, " ");
  size_t n = strlen(text);
  while (n > 0 && text[n - 1] == ' ')
    text[--n] = '\0';
  return text;
}

/* The one line that is meant, trimmed, within `text`. -EINVAL: there are several. */
static int only_line(char *text, char **ret)
{
  static char nothing[1];
  char *only = NULL;
  for (char *next; text; text = next) {
    next = strchr(text, '\n');
    if (next)
      *next++ = '\0';
    char *line = trim(text);
    if (*line == '\0' || *line == '>')
      continue;
    if (only)
      return -EINVAL;
    only = line;
  }
  *ret = only ? only : nothing;
  return 0;
}

bool tt_chat_take_argument(char **text, char **ret_name, char **ret_value)
{
  char *line = trim(*text), *value = line + strcspn(line, " =");
  if (value == line || *value != '=')
    return false;
  *value++ = '\0';
  char *end = value + strlen(value);
  /* The next name is a word of its own: "a=b" within a value is part of it where no blank is before. */
  for (char *sign = strchr(value, '='); sign && *end == '\0'; sign = strchr(sign + 1, '=')) {
    char *word = sign;
    while (word > value && word[-1] != ' ')
      word--;
    if (word > value && word < sign)
      end = word;
    if (end == word)
      break;
  }
  if (*end)
    end[-1] = '\0';
  *ret_name = line;
  *ret_value = trim(value);
  *text = end;
  return true;
}

/* As it stands in the help: `ls`, or *plug*. */
static char *unquoted(char *line)
{
  size_t n = strlen(line);
  while (n >= 2 && line[0] == line[n - 1] && strchr("`*\"", line[0])) {
    line[n - 1] = '\0';
    line = trim(line + 1);
    n = strlen(line);
  }
  return line;
}

static void set_target(struct tt_chat_command *command, enum tt_chat_verb verb, const char *target)
{
  command->verb = verb;
  snprintf(command->target, sizeof(command->target), "%s", target);
}

/* "block heater on" is about a thing. */
static bool may_follow(enum tt_chat_verb verb, const char *rest)
{
  bool is_about_people = verb == TT_CHAT_BLOCK || verb == TT_CHAT_UNBLOCK || verb == TT_CHAT_REPORT;
  size_t n = strcspn(rest, " ");
  return !is_about_people || n == 0 || strcspn(rest, "@.") < n;
}

/* `verb rest`; false: the first word is no verb. */
static bool parse_words(char *line, struct tt_chat_command *command)
{
  size_t n = strcspn(line, " ");
  char end = line[n];
  line[n] = '\0';
  enum tt_chat_verb verb = verb_of(line);
  line[n] = end;
  if (verb == TT_CHAT_PLAIN || !may_follow(verb, line + n + strspn(line + n, " ")))
    return false;
  set_target(command, verb, trim(line + n));
  return true;
}

/* `TARGET:=`, `TARGET:=VALUE` */
static bool parse_assignment(char *line, struct tt_chat_command *command)
{
  char *sign = strstr(line, ":=");
  if (!sign)
    return false;
  *sign = '\0';
  const char *value = trim(sign + 2);
  command->has_value = *value != '\0';
  snprintf(command->value, sizeof(command->value), "%s", value);
  char *target = trim(line);
  /* `set level:=5` */
  size_t n = strcspn(target, " ");
  char end = target[n];
  target[n] = '\0';
  bool is_doubled = end && verb_of(target) == TT_CHAT_SET;
  target[n] = end;
  set_target(command, command->has_value ? TT_CHAT_SET : TT_CHAT_PARAMETERS,
             is_doubled ? trim(target + n) : target);
  return true;
}

/* `TARGET?`, `TARGET??`, and `help?` */
static bool parse_question(char *line, struct tt_chat_command *command)
{
  size_t n = strlen(line), marks = 0;
  while (n > 0 && line[n - 1] == '?') {
    line[--n] = '\0';
    marks++;
  }
  if (marks == 0)
    return false;
  line = trim(line);
  bool is_one_word = !strchr(line, ' ');
  if (parse_words(line, command) && (!is_one_word || command->verb == TT_CHAT_HELP))
    return true;
  command->is_more = marks > 1;
  set_target(command, TT_CHAT_GET, line);
  return true;
}

/* `/`, `//`, `/help`, and paths from the root. */
static bool parse_slash(char *line, struct tt_chat_command *command)
{
  if (*line != '/')
    return false;
  if (!strcmp(line, "/")) {
    set_target(command, TT_CHAT_GO, "/");
  } else if (!strcmp(line, "//")) {
    command->is_more = true;
    set_target(command, TT_CHAT_LIST, "/");
  } else if (!parse_words(line + 1, command)) {
    return false;
  }
  return true;
}

static void parse_line(char *line, struct tt_chat_command *command)
{
  if (*line == '\0') {
    command->verb = TT_CHAT_NOTHING;
  } else if (!strcmp(line, "#") || !strcmp(line, "##")) {
    command->verb = TT_CHAT_HELP;
    command->is_more = line[1] != '\0';
  } else if (is_greeting(line)) {
    command->verb = TT_CHAT_GREETING;
  } else if (!parse_slash(line, command) && !parse_assignment(line, command) && !parse_question(line, command) &&
             !parse_words(line, command)) {
    /* A phone makes ". " of two blanks. */
    size_t n = strlen(line);
    if (n > 1 && (line[n - 1] == '.' || line[n - 1] == '!') && line[n - 2] != '.')
      line[n - 1] = '\0';
    set_target(command, TT_CHAT_PLAIN, trim(line));
  }
}

int tt_chat_parse(const char *text, struct tt_chat_command *ret)
{
  char *line, *clean TT_AUTOFREE = NULL;
  size_t n = strlen(text);
  *ret = (struct tt_chat_command){0};
  if (n > 16 * TT_CHAT_LINE_MAX) /* quotations may be longer than what is said to them */
    return -E2BIG;
  clean = tt_text_clean(text, n, 16 * TT_CHAT_LINE_MAX);
  if (!clean)
    return -ENOMEM;
  tt_chat_tidy(clean);
  int r = only_line(clean, &line);
  if (r < 0)
    return r;
  if (strlen(line) > TT_CHAT_LINE_MAX)
    return -E2BIG;
  parse_line(unquoted(line), ret);
  return 0;
}
