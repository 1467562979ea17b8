/* SPDX-License-Identifier: Apache-2.0
 * render.c: diagnostics as people read them, and as JSON lines for scripts. */
#define _GNU_SOURCE /* memrchr */
#include "diag.h"
#include "item.h"

#include <json-c/json.h>
#include <strings.h>

struct style {
  const char *place, *gutter, *severity[TT_SEVERITY_ERROR + 1], *end;
};
static const struct style plain = {"", "", {"", "", ""}, ""};
static const struct style colour = {"\033[1m", "\033[34m", {"\033[36m", "\033[33m", "\033[1;31m"}, "\033[0m"};
static const char *const severities[] = {"note", "warning", "error"};

static int digits(unsigned number)
{
  int n = 1;
  for (; number >= 10; number /= 10)
    n++;
  return n;
}

/* ---- Secrets that are written into the file itself ---------------------------------------------------- */

static void star(char *text, size_t *n, size_t at, size_t characters)
{
  while (characters-- > 0 && at < *n) {
    size_t len = tt_character_length(text + at, *n - at);
    text[at] = '*';
    memmove(text + at + 1, text + at + len, *n - at - len + 1);
    *n -= len - 1;
    at++;
  }
}

static bool names_a_secret(const char *key, size_t n)
{
  static const char *const words[] = {"password", "passwd", "passphrase", "secret", "psk", "token"};
  for (size_t i = 0; i < n; i++)
    for (size_t w = 0; w < TT_COUNT(words); w++)
      if (n - i >= strlen(words[w]) && strncasecmp(key + i, words[w], strlen(words[w])) == 0)
        return true;
  return false;
}

/* The value after a key that sounds like a secret: found by its look, for the file may be too broken to know. */
static void star_values(char *text, size_t *n)
{
  size_t key = 0;
  for (size_t i = 0; i < *n; i++) {
    if (strchr("{,[\"' ", text[i]))
      key = i + 1;
    if (text[i] != ':' || i == key || !names_a_secret(text + key, i - key))
      continue;
    size_t from = i + 1;
    from += strspn(text + from, " ");
    char quote = text[from] == '"' || text[from] == '\'' ? text[from] : '\0';
    from += quote != '\0';
    if (strncmp(text + from, "${", 2) == 0 || (!quote && strchr("{[|>", text[from])))
      continue;
    const char ends[] = {quote ? quote : ',', quote ? '\0' : '}', '\0'};
    size_t len = strcspn(text + from, ends);
    star(text, n, from, tt_characters(text + from, len));
  }
  /* user:password@ in a url */
  for (char *p = text; (p = strstr(p, "://")) != NULL;) {
    p += 3;
    size_t authority = strcspn(p, "/ \t\"'"), user = strcspn(p, ":");
    char *at = memrchr(p, '@', authority);
    if (at && p + user < at && strncmp(p + user + 1, "${", 2) != 0)
      star(text, n, (size_t)(p - text) + user + 1, tt_characters(p + user + 1, (size_t)(at - p) - user - 1));
  }
  /* "\"password\": x": the quote ends the key */
  for (char *p = text; (p = strstr(p, "\":")) != NULL; p += 2) {
    char *start = p;
    while (start > text && start[-1] != '"')
      start--;
    if (!names_a_secret(start, (size_t)(p - start)))
      continue;
    size_t from = (size_t)(p + 2 - text);
    from += strspn(text + from, " \"");
    if (strncmp(text + from, "${", 2) != 0 && !strchr("{[", text[from]))
      star(text, n, from, tt_characters(text + from, strcspn(text + from, ",}\"")));
  }
}

/* The line as it may be shown; the caller frees. */
static char *shown(const struct tt_diags *diags, struct tt_mark at, const struct tt_diag_line *line)
{
  char *text = strdup(line->text);
  if (!text)
    return NULL;
  size_t n = strlen(text);
  for (size_t i = 0; i < diags->n_hidden; i++) {
    const struct tt_mark *h = &diags->hidden[i];
    if (h->file != at.file || h->line != at.line || h->column + h->length <= line->first)
      continue;
    size_t from = h->column > line->first ? h->column - line->first : 0;
    size_t offset = 0;
    for (size_t k = 0; k < from && offset < n; k++)
      offset += tt_character_length(text + offset, n - offset);
    star(text, &n, offset, h->column + h->length - line->first - from);
  }
  star_values(text, &n);
  return text;
}

/* ---- Text --------------------------------------------------------------------------------------------- */

/* Underline in `row` (spaces and carets) what the mark covers; false when it lies outside the part shown. */
static bool underline(struct tt_buf *row, struct tt_mark at, unsigned first, size_t shown_characters)
{
  if (at.column < first || at.column - first > shown_characters)
    return false;
  size_t from = at.column - first, len = at.length ? at.length : 1;
  if (from + len > shown_characters)
    len = shown_characters > from ? shown_characters - from : 1;
  while (row->len < from + len)
    tt_buf_putc(row, ' ');
  if (row->data)
    memset(row->data + from, '^', len);
  return true;
}

static void render_place(struct tt_buf *out, const char *text, struct tt_mark at)
{
  tt_buf_printf(out, "  %s at %s:%u:%u\n", text, at.file, at.line, at.column);
}

/* One source line with its carets, and beside them what `also` says of the same line. */
static void render_line(const struct tt_diags *diags, const struct tt_diag_message *m, struct tt_mark at,
                        const struct tt_diag_line *line, const char *note, int width, const struct style *style,
                        struct tt_buf *out)
{
  char *text TT_AUTOFREE = shown(diags, at, line);
  struct tt_buf carets TT_AUTOBUF = TT_BUF(0), notes TT_AUTOBUF = TT_BUF(0);
  if (!text)
    return;
  size_t characters = tt_characters(text, strlen(text));
  underline(&carets, at, line->first, characters);
  if (note)
    tt_buf_printf(&notes, " %s (%u:%u)", note, at.line, at.column);
  for (size_t i = 0; !note && i < m->n_also; i++) {
    const struct tt_diag_also *a = &m->also[i];
    if (a->at.file == at.file && a->at.line == at.line && underline(&carets, a->at, line->first, characters))
      tt_buf_printf(&notes, "%s %s (%u:%u)", notes.len ? "," : "", a->text, a->at.line, a->at.column);
  }
  tt_buf_printf(out, "%s %*u |%s %s\n", style->gutter, width, at.line, style->end, text);
  tt_buf_printf(out, "%s %*s |%s %s%s%s%s\n", style->gutter, width, "", style->end, style->severity[m->severity],
                carets.data ? carets.data : "", style->end, notes.data ? notes.data : "");
}

static bool is_beside(const struct tt_diag_message *m, const struct tt_diag_also *a)
{
  return m->line.text && a->at.file == m->at.file && a->at.line == m->at.line && a->at.column >= m->line.first &&
         a->at.column - m->line.first <= tt_characters(m->line.text, strlen(m->line.text));
}

/* Without a second position or help a warning says all in its sentence. */
static bool is_one_line(const struct tt_diag_message *m)
{
  return m->severity != TT_SEVERITY_ERROR && m->n_also == 0 && m->n_help == 0;
}

static void render_message(const struct tt_diags *diags, const struct tt_diag_message *m, const struct style *style,
                           struct tt_buf *out)
{
  if (m->at.file)
    tt_buf_printf(out, "%s%s:%u:%u:%s ", style->place, m->at.file, m->at.line, m->at.column, style->end);
  tt_buf_printf(out, "%s%s[%s]:%s %s\n", style->severity[m->severity], severities[m->severity], m->code, style->end,
                m->text);
  if (is_one_line(m))
    return;
  int width = digits(m->at.line);
  for (size_t i = 0; i < m->n_also; i++)
    if (m->also[i].line.text && m->also[i].at.file == m->at.file && digits(m->also[i].at.line) > width)
      width = digits(m->also[i].at.line);
  if (m->line.text)
    render_line(diags, m, m->at, &m->line, NULL, width, style, out);
  for (size_t i = 0; i < m->n_also; i++) {
    const struct tt_diag_also *a = &m->also[i];
    if (is_beside(m, a) || !a->text)
      continue;
    if (a->line.text && a->at.file == m->at.file && a->at.line != m->at.line)
      render_line(diags, m, a->at, &a->line, a->text, width, style, out);
    else if (a->at.file)
      render_place(out, a->text, a->at);
  }
  for (size_t i = 0; i < m->n_help; i++)
    tt_buf_printf(out, "  %s\n", m->help[i]);
  for (size_t i = 0; i < m->n_users && i < TT_DIAG_USERS_MAX; i++) {
    tt_buf_puts(out, "  used by ");
    tt_buf_printf(out, "%s at %s:%u:%u\n", m->users[i].text, m->users[i].at.file, m->users[i].at.line,
                  m->users[i].at.column);
  }
  if (m->n_users > TT_DIAG_USERS_MAX)
    tt_buf_printf(out, "  and by %zu more\n", m->n_users - TT_DIAG_USERS_MAX);
  tt_buf_putc(out, '\n');
}

static size_t not_kept(const struct tt_diags *diags)
{
  size_t total = 0;
  for (size_t i = 0; i < TT_COUNT(diags->total); i++)
    total += diags->total[i];
  return total - diags->n;
}

void tt_diags_render(const struct tt_diags *diags, bool with_colour, struct tt_buf *out)
{
  for (size_t i = 0; i < diags->n; i++)
    render_message(diags, &diags->messages[i], with_colour ? &colour : &plain, out);
  if (not_kept(diags) > 0)
    tt_buf_printf(out, "and %zu more messages\n", not_kept(diags));
}

/* ---- JSON --------------------------------------------------------------------------------------------- */

static void add_mark(struct json_object *object, struct tt_mark at)
{
  if (!at.file)
    return;
  json_object_object_add(object, "file", json_object_new_string(at.file));
  json_object_object_add(object, "line", json_object_new_int64(at.line));
  json_object_object_add(object, "column", json_object_new_int64(at.column));
  json_object_object_add(object, "length", json_object_new_int64(at.length));
}

static struct json_object *place(const char *text, struct tt_mark at)
{
  struct json_object *object = json_object_new_object();
  json_object_object_add(object, "text", json_object_new_string(text ? text : ""));
  add_mark(object, at);
  return object;
}

void tt_diags_render_json(const struct tt_diags *diags, struct tt_buf *out)
{
  for (size_t i = 0; i < diags->n; i++) {
    const struct tt_diag_message *m = &diags->messages[i];
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "severity", json_object_new_string(severities[m->severity]));
    json_object_object_add(object, "code", json_object_new_string(m->code));
    json_object_object_add(object, "text", json_object_new_string(m->text));
    add_mark(object, m->at);
    if (m->n_also) {
      struct json_object *also = json_object_new_array();
      for (size_t k = 0; k < m->n_also; k++)
        json_object_array_add(also, place(m->also[k].text, m->also[k].at));
      json_object_object_add(object, "also", also);
    }
    if (m->n_help) {
      struct json_object *help = json_object_new_array();
      for (size_t k = 0; k < m->n_help; k++)
        json_object_array_add(help, json_object_new_string(m->help[k]));
      json_object_object_add(object, "help", help);
    }
    if (m->n_users) {
      struct json_object *users = json_object_new_array();
      for (size_t k = 0; k < m->n_users && k < TT_DIAG_USERS_MAX; k++)
        json_object_array_add(users, place(m->users[k].text, m->users[k].at));
      json_object_object_add(object, "used_by", users);
      json_object_object_add(object, "users", json_object_new_int64((int64_t)m->n_users));
    }
    tt_buf_printf(out, "%s\n",
                  json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(object);
  }
}
