/* SPDX-License-Identifier: Apache-2.0
 * diag.c: collects diagnostics. Source lines are copied when a message is added, so that texts need not be kept. */
#define _GNU_SOURCE /* asprintf */
#include "diag.h"

#include "item.h"
#include "secrets.h"

#include <stdio.h>

struct tt_diag_source {
  const char *file;
  const char *text;
  size_t n;
  /* where the last search ended: messages come roughly in order, and a line may be as long as a file */
  unsigned line;
  size_t offset, end;   /* of the line; end 0: not looked for yet */
  size_t character, at; /* this many characters of the line take this many bytes */
};

/* Grow an array by one element. */
static void *grow(struct tt_diags *diags, void **array, size_t n, size_t size)
{
  if ((n & (n - 1)) == 0) { /* full at every power of two */
    void *more = reallocarray(*array, n ? 2 * n : 1, size);
    if (!more) {
      diags->failed = true;
      return NULL;
    }
    *array = more;
  }
  char *element = (char *)*array + n * size;
  memset(element, 0, size);
  return element;
}

struct tt_diags *tt_diags_create(void)
{
  struct tt_diags *diags = calloc(1, sizeof *diags);
  if (diags)
    diags->current = TT_DIAG_NONE;
  return diags;
}

void tt_diags_destroy(struct tt_diags *diags)
{
  if (!diags)
    return;
  for (size_t i = 0; i < diags->n; i++) {
    struct tt_diag_message *m = &diags->messages[i];
    free(m->text);
    free(m->line.text);
    for (size_t k = 0; k < m->n_also; k++) {
      free(m->also[k].text);
      free(m->also[k].line.text);
    }
    free(m->also);
    for (size_t k = 0; k < m->n_help; k++)
      free(m->help[k]);
    free(m->help);
    for (size_t k = 0; k < m->n_users && k < TT_DIAG_USERS_MAX; k++)
      free(m->users[k].text);
  }
  free(diags->messages);
  free(diags->sources);
  free(diags->hidden);
  free(diags);
}

void tt_diags_add_source(struct tt_diags *diags, const char *file, const char *text, size_t n)
{
  struct tt_diag_source *source = grow(diags, (void **)&diags->sources, diags->n_sources, sizeof *source);
  if (!source)
    return;
  *source = (struct tt_diag_source){.file = file, .text = text, .n = n, .line = 1};
  diags->n_sources++;
}

void tt_diags_drop_sources(struct tt_diags *diags)
{
  free(diags->sources);
  diags->sources = NULL;
  diags->n_sources = 0;
  diags->secrets = NULL;
}

void tt_diags_hide(struct tt_diags *diags, struct tt_mark at)
{
  struct tt_mark *mark = at.file ? grow(diags, (void **)&diags->hidden, diags->n_hidden, sizeof *mark) : NULL;
  if (!mark)
    return;
  *mark = at;
  diags->n_hidden++;
}

static void go_to(struct tt_diag_source *s, unsigned line, size_t offset)
{
  s->line = line;
  s->offset = offset;
  s->end = s->character = s->at = 0;
}

/* The line of a source, without its end; the source stands on it then. */
static struct tt_diag_source *find_line(struct tt_diags *diags, const char *file, unsigned line,
                                        const char **ret_text, size_t *ret_n)
{
  struct tt_diag_source *s = NULL;
  for (size_t i = 0; i < diags->n_sources && !s; i++)
    if (diags->sources[i].file == file)
      s = &diags->sources[i];
  if (!s || line == 0)
    return NULL;
  if (line < s->line)
    go_to(s, 1, 0);
  size_t at = s->offset;
  while (s->line < line && at < s->n) {
    size_t end = tt_line_break(s->text + at, s->n - at);
    at += end ? end : 1;
    if (end)
      go_to(s, s->line + 1, at);
  }
  if (s->line != line)
    return NULL;
  if (s->end == 0) {
    s->end = s->offset;
    while (s->end < s->n && !tt_line_break(s->text + s->end, s->n - s->end))
      s->end++;
  }
  *ret_text = s->text + s->offset;
  *ret_n = s->end - s->offset;
  return s;
}

static size_t skip_characters(const char *text, size_t n, size_t count)
{
  size_t at = 0;
  while (at < n && count-- > 0)
    at += tt_character_length(text + at, n - at);
  return at;
}

/* Bytes of the first `count` characters of the line that the source stands on. */
static size_t skip_in_line(struct tt_diag_source *s, size_t count)
{
  if (count < s->character)
    s->character = s->at = 0;
  const char *text = s->text + s->offset;
  size_t n = s->end - s->offset;
  s->at += skip_characters(text + s->at, n - s->at, count - s->character);
  s->character = count;
  return s->at;
}

/* Copy the part of the line around the mark. */
static struct tt_diag_line take_line(struct tt_diags *diags, struct tt_mark mark)
{
  struct tt_diag_line line = {0};
  const char *text;
  size_t n;
  struct tt_diag_source *source = find_line(diags, mark.file, mark.line, &text, &n);
  if (!source)
    return line;
  size_t first = 0;
  if (mark.column > TT_DIAG_LINE_MAX / 2 && skip_characters(text, n, TT_DIAG_LINE_MAX) < n)
    first = mark.column - TT_DIAG_LINE_MAX / 2;
  size_t from = skip_in_line(source, first);
  size_t len = skip_characters(text + from, n - from, TT_DIAG_LINE_MAX);
  char *plain = calloc(1, len + 1), *out = malloc(len + 1); /* a NUL byte may be in it */
  if (!plain || !out) {
    diags->failed = true;
    free(out);
    free(plain);
    return line;
  }
  for (size_t i = 0; i < len; i++) /* one column each, so that the caret stays in its own */
    plain[i] = text[from + i] == '\t' ? ' ' : text[from + i] ? text[from + i] : '?';
  line.text = tt_text_printable(out, len + 1, plain, len);
  line.first = (unsigned)first + 1;
  free(plain);
  return line;
}

static char *sentence(struct tt_diags *diags, const char *format, va_list ap) TT_PRINTF(2, 0);
static char *sentence(struct tt_diags *diags, const char *format, va_list ap)
{
  char *raw TT_AUTOFREE = NULL, *out = malloc(TT_DIAG_TEXT_MAX + 4);
  int len = vasprintf(&raw, format, ap);
  if (len < 0 || !out) {
    diags->failed = true;
    free(out);
    return NULL;
  }
  if (diags->secrets) /* before anything is cut */
    len = (int)tt_secrets_star(diags->secrets, raw, (size_t)len);
  size_t n = len > TT_DIAG_TEXT_MAX ? TT_DIAG_TEXT_MAX : (size_t)len;
  tt_text_printable(out, TT_DIAG_TEXT_MAX + 4, raw, n);
  if ((size_t)len > n) {
    /* cut: also what is left of a character that was cut in two */
    n = strlen(out);
    while (n && out[n - 1] == '?')
      n--;
    strcpy(out + n, "...");
  }
  return out;
}

static bool same_mark(struct tt_mark a, struct tt_mark b)
{
  return a.file == b.file && a.line == b.line && a.column == b.column;
}

static void note_user(struct tt_diags *diags, struct tt_diag_message *m, const struct tt_diag_scope *scope)
{
  while (scope && !scope->kind) /* a mapping: shown is who uses it */
    scope = scope->outer;
  if (!scope || !scope->at.file || scope->at.file == m->at.file)
    return;
  for (size_t i = 0; i < m->n_users && i < TT_DIAG_USERS_MAX; i++)
    if (same_mark(m->users[i].at, scope->at))
      return;
  if (m->n_users < TT_DIAG_USERS_MAX) {
    char *text = NULL;
    if (asprintf(&text, "%s %s", scope->kind, scope->name) < 0) {
      diags->failed = true;
      return;
    }
    m->users[m->n_users].text = tt_text_printable(text, strlen(text) + 1, text, strlen(text));
    m->users[m->n_users].at = scope->at;
  }
  m->n_users++;
}

static void count_error(struct tt_diags *diags, struct tt_mark at, size_t message, const char *text, bool is_placed)
{
  for (struct tt_diag_scope *s = diags->scope; s; s = s->outer) {
    if (s->n_errors++ > 0)
      continue;
    s->first_message = message;
    int r = is_placed || !at.file ? asprintf(&s->first, "%s", text)
                                  : asprintf(&s->first, "%s:%u:%u: %s", at.file, at.line, at.column, text);
    if (r < 0) {
      s->first = NULL;
      diags->failed = true;
    }
  }
}

static void note_lenient(struct tt_diags *diags, struct tt_mark at, const char *text)
{
  struct tt_diag_leniency *lenient = diags->lenient;
  if (lenient->n_errors++ > 0)
    return;
  int r = at.file ? asprintf(&lenient->first, "%s:%u:%u: %s", at.file, at.line, at.column, text)
                  : asprintf(&lenient->first, "%s", text);
  if (r < 0) {
    lenient->first = NULL;
    diags->failed = true;
  }
}

void tt_diag(struct tt_diags *diags, enum tt_severity severity, const char *code, struct tt_mark at,
             const char *format, ...)
{
  va_list ap;
  va_start(ap, format);
  char *text = sentence(diags, format, ap);
  va_end(ap);
  diags->current = TT_DIAG_NONE;
  if (!text)
    return;
  const struct tt_diag_scope *about = diags->scope;
  while (about && !about->kind)
    about = about->outer;
  if (!at.file && about) /* a bridge does not know where its connection stands */
    at = about->at;

  if (diags->lenient && severity == TT_SEVERITY_ERROR) {
    severity = TT_SEVERITY_WARNING;
    note_lenient(diags, at, text);
  }

  /* the same in a mapping that several devices use: one message, several users */
  for (size_t i = 0; i < diags->n; i++) {
    struct tt_diag_message *m = &diags->messages[i];
    if (at.file && same_mark(m->at, at) && strcmp(m->code, code) == 0 && strcmp(m->text, text) == 0) {
      if (severity == TT_SEVERITY_ERROR)
        count_error(diags, at, i, text, false);
      note_user(diags, m, diags->scope);
      free(text);
      return;
    }
  }

  diags->total[severity]++;
  diags->n_loose += severity == TT_SEVERITY_ERROR && !about;
  struct tt_diag_message *m =
      diags->n < TT_DIAGS_MAX ? grow(diags, (void **)&diags->messages, diags->n, sizeof *m) : NULL;
  if (severity == TT_SEVERITY_ERROR)
    count_error(diags, at, m ? diags->n : TT_DIAG_NONE, text, false);
  if (!m) {
    free(text);
    return;
  }
  diags->current = diags->n++;
  m->severity = severity;
  m->code = code;
  m->at = at;
  m->text = text;
  m->line = take_line(diags, at);
  note_user(diags, m, diags->scope);
}

void tt_diag_also(struct tt_diags *diags, struct tt_mark at, const char *format, ...)
{
  if (diags->current == TT_DIAG_NONE)
    return;
  struct tt_diag_message *m = &diags->messages[diags->current];
  struct tt_diag_also *also = grow(diags, (void **)&m->also, m->n_also, sizeof *also);
  if (!also)
    return;
  m->n_also++;
  va_list ap;
  va_start(ap, format);
  also->text = sentence(diags, format, ap);
  va_end(ap);
  also->at = at;
  also->line = take_line(diags, at);
}

void tt_diag_help(struct tt_diags *diags, const char *format, ...)
{
  if (diags->current == TT_DIAG_NONE)
    return;
  struct tt_diag_message *m = &diags->messages[diags->current];
  va_list ap;
  va_start(ap, format);
  char *text = sentence(diags, format, ap);
  va_end(ap);
  char **help = text ? grow(diags, (void **)&m->help, m->n_help, sizeof *help) : NULL;
  if (!help) {
    free(text);
    return;
  }
  *help = text;
  m->n_help++;
}

void tt_diags_enter(struct tt_diags *diags, struct tt_diag_scope *scope, const char *kind, const char *name,
                    struct tt_mark at)
{
  *scope = (struct tt_diag_scope){
      .kind = kind, .name = name, .at = at, .first_message = TT_DIAG_NONE, .outer = diags->scope};
  diags->scope = scope;
}

void tt_diags_leave(struct tt_diags *diags, struct tt_diag_scope *scope)
{
  diags->scope = scope->outer;
}

void tt_diags_again(struct tt_diags *diags, size_t message, const char *text)
{
  diags->current = TT_DIAG_NONE;
  count_error(diags, (struct tt_mark){0}, message, text, true);
  if (message < diags->n)
    note_user(diags, &diags->messages[message], diags->scope);
}

size_t tt_diags_count(const struct tt_diags *diags, enum tt_severity severity)
{
  return diags->total[severity];
}
