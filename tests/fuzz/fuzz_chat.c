/* SPDX-License-Identifier: Apache-2.0
 * fuzz_chat.c: what people type. Input: messages with a NUL between; of each, the first byte says who (a: an operator of the
 * house, m: an admin, others: a reader), the second what: t a chat with the plug itself, s devices stay silent for this one.
 *
 * Whatever comes: one answer to each message in the end, of bounded size, without control or direction characters; the reader
 * changes nothing, nobody the boiler without a yes, and the reader never hears of the cellar unless they named it. */
#include "../unit/chat_world.h"

#include "chat/letters.h"
#include "chat/parse.h"
#include "chat/question.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGES_MAX 32

#define must(is_so) must_at(is_so, __LINE__)
static void must_at(bool is_so, int line)
{
  if (is_so)
    return;
  fprintf(stderr, "fuzz_chat.c:%d: not so\n", line);
  abort();
}

static void check_answer(const char *answer)
{
  size_t n = strlen(answer);
  must(n <= TT_CHAT_ANSWER_MAX && tt_utf8_is_valid(answer, n));
  for (size_t i = 0; i < n; i++)
    must((unsigned char)answer[i] >= 0x20 || answer[i] == '\n');
  must(!strstr(answer, "\xe2\x80\xae") && !strstr(answer, "\xe2\x80\x8b") && !strstr(answer, "\n\n"));
}

static void check_line(const char *text)
{
  static struct tt_chat_command command;
  static size_t end[TT_CHAT_LINE_MAX + 1];
  static char folded[TT_CHAT_LINE_MAX + 1];
  if (tt_chat_parse(text, &command) < 0)
    return;
  size_t n = tt_chat_fold(command.target, folded, end);
  must(n <= strlen(command.target));
  for (size_t i = 0; i < n; i++)
    must(end[i] <= strlen(command.target) && (i == 0 || end[i] >= end[i - 1]));
}

static bool says_yes(const char *text)
{
  static struct tt_chat_command command;
  return tt_chat_parse(text, &command) == 0 && command.verb == TT_CHAT_PLAIN && tt_chat_says(command.target, true);
}

static bool is_heating(void)
{
  return chat_node("boiler")->fields[0].value.boolean;
}

static bool names_cellar(const char *line)
{
  char *folded = malloc(strlen(line) + 1);
  tt_chat_fold(line, folded, NULL);
  bool is_named = strstr(folded, "cellar");
  free(folded);
  return is_named;
}

static void say(const char *text, size_t n)
{
  const char *who = n > 0 && text[0] == 'a' ? "alice" : n > 0 && text[0] == 'm' ? "admin" : "reader";
  char what = n > 1 ? text[1] : 0;
  char *line = strndup(text + (n > 1 ? 2 : n), n > 1 ? n - 2 : 0);
  tt_id thing = what == 't' ? chat_node("plug")->id : 0;
  unsigned answers = c.n_answers, decisions = c.n_decisions;
  bool was_heating = is_heating();
  c.is_slow = false;
  check_line(line);
  if (what == 's') { /* the time passes instead */
    c.is_slow = true;
    chat_say(who, "", thing, line);
    for (int i = 0; i < 12; i++) {
      c.now.mono_us += CHAT_SECOND;
      tt_core_turn(c.core, c.now);
    }
    c.is_slow = false;
    chat_devices_answer();
  } else {
    chat_say(who, what == 'd' ? "de" : "en", thing, line);
  }
  must(c.n_answers == answers + 1);
  check_answer(c.said.data ? c.said.data : "");
  must(is_heating() == was_heating || says_yes(line));
  if (!strcmp(who, "reader")) {
    must(c.n_decisions == decisions);
    must(!c.said.data || !strstr(c.said.data, "cellar") || names_cellar(line) || strlen(line) > 100);
  }
  free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  const char *text = (const char *)data;
  chat_begin();
  chat_add_boiler();
  chat_add_speaker();
  for (int i = 0; i < MESSAGES_MAX && size > 0; i++) {
    const char *nul = memchr(text, 0, size);
    size_t n = nul ? (size_t)(nul - text) : size;
    say(text, n);
    n += nul != NULL;
    text += n;
    size -= n;
  }
  chat_end();
  return 0;
}
