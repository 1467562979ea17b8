/* SPDX-License-Identifier: Apache-2.0
 * CoRE link format. */
#include "link_format.h"

struct cursor {
  const char *at, *end;
};

static bool is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct cursor *c)
{
  while (c->at < c->end && is_blank(*c->at))
    c->at++;
}

static bool take(struct cursor *c, char expected)
{
  skip_blanks(c);
  if (c->at == c->end || *c->at != expected)
    return false;
  c->at++;
  return true;
}

/* Cut between characters, without what must not be in a text of ours. */
static void store(char out[CB_LINK_TEXT_MAX + 1], const char *text, size_t n)
{
  char *clean TT_AUTOFREE = tt_text_clean(text, n, CB_LINK_TEXT_MAX);
  size_t size = clean ? strlen(clean) : 0;
  if (size > CB_LINK_TEXT_MAX)
    size = 0;
  memcpy(out, clean ? clean : "", size);
  out[size] = 0;
}

/* "quoted \" text"; the cursor is behind the first quote. */
static bool quoted(struct cursor *c, char out[CB_LINK_TEXT_MAX + 1])
{
  char text[2 * CB_LINK_TEXT_MAX];
  size_t n = 0;
  for (; c->at < c->end && *c->at != '"'; c->at++) {
    if (*c->at == '\\' && ++c->at == c->end)
      return false;
    if (n < sizeof text)
      text[n++] = *c->at;
  }
  if (c->at == c->end)
    return false;
  c->at++;
  store(out, text, n);
  return true;
}

static bool value(struct cursor *c, char out[CB_LINK_TEXT_MAX + 1])
{
  skip_blanks(c);
  if (c->at < c->end && *c->at == '"') {
    c->at++;
    return quoted(c, out);
  }
  const char *begin = c->at;
  while (c->at < c->end && *c->at != ',' && *c->at != ';' && !is_blank(*c->at))
    c->at++;
  store(out, begin, (size_t)(c->at - begin));
  return true;
}

/* Of an attribute that comes twice the first holds (RFC 6690 section 3). */
static void keep(struct cb_link *link, const char *name, size_t n, const char *text)
{
  const struct {
    const char *name;
    char *out;
  } texts[] = {{"rt", link->rt}, {"if", link->if_}, {"ct", link->ct}, {"title", link->title}};
  for (size_t i = 0; i < TT_COUNT(texts); i++)
    if (strlen(texts[i].name) == n && !memcmp(texts[i].name, name, n) && !*texts[i].out)
      strcpy(texts[i].out, text);
  if (n == 3 && !memcmp(name, "obs", n))
    link->is_observable = true;
  if (n == 6 && !memcmp(name, "anchor", n))
    link->has_anchor = true;
}

static bool attribute(struct cursor *c, struct cb_link *link)
{
  char text[CB_LINK_TEXT_MAX + 1] = "";
  skip_blanks(c);
  const char *name = c->at;
  while (c->at < c->end && !strchr("=;,\"", *c->at) && !is_blank(*c->at))
    c->at++;
  size_t n = (size_t)(c->at - name);
  if (take(c, '=') && !value(c, text))
    return false;
  keep(link, name, n, text);
  return true;
}

int cb_link_next(const char **text, size_t *n, struct cb_link *ret)
{
  struct cursor c = {*text, *text + *n};
  struct cb_link link = {0};
  while (take(&c, ','))
    ;
  if (c.at == c.end) {
    *text = c.end;
    *n = 0;
    return 0;
  }
  if (!take(&c, '<'))
    return -EINVAL;
  const char *close = memchr(c.at, '>', (size_t)(c.end - c.at));
  if (!close)
    return -EINVAL;
  link.target = c.at;
  link.target_size = (size_t)(close - c.at);
  c.at = close + 1;
  while (take(&c, ';'))
    if (!attribute(&c, &link))
      return -EINVAL;
  skip_blanks(&c);
  if (c.at < c.end && *c.at != ',')
    return -EINVAL;
  *text = c.at;
  *n = (size_t)(c.end - c.at);
  *ret = link;
  return 1;
}

bool cb_word_next(const char **list, char out[static CB_LINK_TEXT_MAX + 1])
{
  const char *begin = *list + strspn(*list, " ");
  size_t n = strcspn(begin, " ");
  *list = begin + n;
  if (n == 0 || n > CB_LINK_TEXT_MAX)
    return false;
  memcpy(out, begin, n);
  out[n] = 0;
  return true;
}
