/* SPDX-License-Identifier: Apache-2.0
 * question.c: question.h. */
#include "question.h"
#include "parse.h"

#include "text/text.h"

#include <utlist.h>

struct entry {
  struct entry *prev, *next; /* oldest first */
  char *whose;
  uint64_t asked_us;
  struct tt_chat_question *question;
};

struct tt_chat_questions {
  struct entry *entries;
  size_t n;
};

bool tt_chat_says(const char *line, bool is_yes)
{
  static const struct {
    const char *word;
    bool is_yes;
  } words[] = {
      {TT_TR("yes"), true}, {"y", true}, {"j", true}, {"jo", true}, {TT_TR("no"), false}, {"n", false},
  };
  for (size_t i = 0; i < TT_COUNT(words); i++)
    if (words[i].is_yes == is_yes && tt_chat_is_word(line, words[i].word))
      return true;
  return false;
}

/* ---- Copies ------------------------------------------------------------------------------------------------------- */

static char *text_of(const struct tt_assignment *value)
{
  return (char *)(uintptr_t)value->text;
}

void tt_chat_question_free(struct tt_chat_question *question)
{
  if (!question)
    return;
  for (size_t i = 0; i < question->n_values; i++) {
    if (question->values[i].text) /* it may be a credential */
      explicit_bzero(text_of(&question->values[i]), strlen(question->values[i].text));
    free(text_of(&question->values[i]));
    free((char *)(uintptr_t)question->values[i].name);
  }
  free((struct tt_assignment *)(uintptr_t)question->values);
  free((char *)(uintptr_t)question->name);
  free(question);
}

static struct tt_chat_question *copy(const struct tt_chat_question *question)
{
  struct tt_chat_question *made = calloc(1, sizeof(*made));
  struct tt_assignment *values = calloc(question->n_values + 1, sizeof(*values));
  bool is_whole = made && values;
  if (!is_whole) {
    free(made);
    free(values);
    return NULL;
  }
  *made = (struct tt_chat_question){
      .node = question->node, .name = strdup(question->name), .is_command = question->is_command, .values = values};
  is_whole = made->name;
  for (size_t i = 0; is_whole && i < question->n_values; i++) {
    const struct tt_assignment *from = &question->values[i];
    values[i] = (struct tt_assignment){.name = strdup(from->name), .type = from->type, .text = strdup(from->text)};
    is_whole = values[i].name && values[i].text;
    made->n_values++;
  }
  if (is_whole)
    return made;
  tt_chat_question_free(made);
  return NULL;
}

/* ---- Questions that are open -------------------------------------------------------------------------------------- */

struct tt_chat_questions *tt_chat_questions_create(void)
{
  return calloc(1, sizeof(struct tt_chat_questions));
}

static void drop(struct tt_chat_questions *questions, struct entry *entry)
{
  DL_DELETE(questions->entries, entry);
  questions->n--;
  tt_chat_question_free(entry->question);
  free(entry->whose);
  free(entry);
}

void tt_chat_questions_destroy(struct tt_chat_questions *questions)
{
  if (!questions)
    return;
  while (questions->entries)
    drop(questions, questions->entries);
  free(questions);
}

size_t tt_chat_questions_count(const struct tt_chat_questions *questions)
{
  return questions->n;
}

static struct entry *find(struct tt_chat_questions *questions, const char *whose, uint64_t mono_us)
{
  struct entry *entry;
  while (questions->entries && questions->entries->asked_us + TT_CHAT_LATE_US <= mono_us)
    drop(questions, questions->entries);
  DL_FOREACH(questions->entries, entry) {
    if (!strcmp(entry->whose, whose))
      return entry;
  }
  return NULL;
}

int tt_chat_questions_ask(struct tt_chat_questions *questions, const char *whose,
                          const struct tt_chat_question *question, uint64_t mono_us)
{
  struct entry *before = find(questions, whose, mono_us), *entry = calloc(1, sizeof(*entry));
  if (before)
    drop(questions, before);
  if (!entry)
    return -ENOMEM;
  entry->whose = strdup(whose);
  entry->question = copy(question);
  entry->asked_us = mono_us;
  DL_APPEND(questions->entries, entry);
  questions->n++;
  if (!entry->whose || !entry->question) {
    drop(questions, entry);
    return -ENOMEM;
  }
  if (questions->n > TT_CHAT_QUESTIONS_MAX)
    drop(questions, questions->entries);
  return 0;
}

enum tt_chat_reply tt_chat_questions_reply(struct tt_chat_questions *questions, const char *whose, const char *line,
                                           uint64_t mono_us, struct tt_chat_question **ret)
{
  struct entry *entry = find(questions, whose, mono_us);
  *ret = NULL;
  if (!entry)
    return TT_CHAT_REPLY_NONE;
  bool is_late = entry->asked_us + TT_CHAT_QUESTION_US <= mono_us;
  *ret = TT_STEAL(entry->question);
  drop(questions, entry);
  if (tt_chat_says(line, true))
    return is_late ? TT_CHAT_REPLY_LATE : TT_CHAT_REPLY_YES;
  return tt_chat_says(line, false) ? TT_CHAT_REPLY_NO : TT_CHAT_REPLY_OTHER;
}
