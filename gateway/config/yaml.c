/* SPDX-License-Identifier: Apache-2.0
 * yaml.c: libyaml events to a tree with marks. What the language does not have is refused where it stands: aliases,
 * anchors, tags, merge keys, several documents, keys that are not text, nesting without end. */
#include "diag.h"
#include "item.h"

#include <yaml.h>

#define TEXT_(number_) #number_
#define TEXT(number_)  TEXT_(number_)

struct member {
  const char *key;
  struct tt_mark key_mark;
  struct tt_item *item;
};

/* An open list or map: its members so far are those from `first` on. */
struct frame {
  struct tt_item *item;
  size_t first;
  bool is_flow, has_key;
};

struct parse {
  const struct tt_yaml_env *env;
  const char *file, *text;
  size_t size;
  struct frame frames[TT_CONFIG_DEPTH_MAX];
  size_t depth;
  struct member *members;
  size_t n, room;
  struct tt_item *root;
};

/* ---- Characters --------------------------------------------------------------------------------------- */

/* Whatever YAML has no character for is said here, with its position, which libyaml does not give. */
static int check_characters(const struct parse *p)
{
  struct tt_mark at = {.file = p->file, .line = 1, .column = 1, .length = 1};
  for (size_t i = 0, len; i < p->size; i += len) {
    unsigned char c = (unsigned char)p->text[i];
    size_t end = tt_line_break(p->text + i, p->size - i);
    len = end ? end : tt_character_length(p->text + i, p->size - i);
    if (end) {
      at.line++;
      at.column = 1;
      continue;
    }
    if (c == 0) {
      tt_diag(p->env->diags, TT_SEVERITY_ERROR, "nul-byte", at, "a NUL byte: this is not a text file");
      return -EINVAL;
    }
    if (c >= 0x80 && len == 1) {
      tt_diag(p->env->diags, TT_SEVERITY_ERROR, "invalid-utf8", at, "byte 0x%02x is not UTF-8", c);
      tt_diag_help(p->env->diags, "save the file as UTF-8");
      return -EINVAL;
    }
    bool is_c1 = c == 0xc2 && (unsigned char)p->text[i + 1] < 0xa0;
    bool is_odd =
        c == 0xef && (memcmp(p->text + i, "\xef\xbb\xbf", 3) == 0 || memcmp(p->text + i, "\xef\xbf\xbe", 3) == 0 ||
                      memcmp(p->text + i, "\xef\xbf\xbf", 3) == 0);
    if ((c < 0x20 && c != '\t') || c == 0x7f || is_c1 || is_odd) {
      tt_diag(p->env->diags, TT_SEVERITY_ERROR, "control-character", at,
              "a control character (first byte 0x%02x) cannot stand in YAML", c);
      return -EINVAL;
    }
    at.column++;
  }
  return 0;
}

static char character_at(const struct parse *p, struct tt_mark at)
{
  unsigned line = 1, column = 1;
  for (size_t i = 0, len; i < p->size; i += len) {
    if (line == at.line && column == at.column)
      return p->text[i];
    size_t end = tt_line_break(p->text + i, p->size - i);
    len = end ? end : tt_character_length(p->text + i, p->size - i);
    column = end ? 1 : column + 1;
    line += end ? 1 : 0;
  }
  return '\0';
}

/* ---- Marks and messages ------------------------------------------------------------------------------- */

static struct tt_mark mark_of(const struct parse *p, const yaml_mark_t *start, const yaml_mark_t *end)
{
  struct tt_mark mark = {.file = p->file, .line = (unsigned)start->line + 1, .column = (unsigned)start->column + 1};
  mark.length = end && end->line == start->line ? (unsigned)(end->column - start->column) : 1;
  return mark;
}

static int refuse(const struct parse *p, const yaml_event_t *event, const char *code, const char *text)
{
  tt_diag(p->env->diags, TT_SEVERITY_ERROR, code, mark_of(p, &event->start_mark, &event->end_mark), "%s", text);
  return -EINVAL;
}

static int syntax(const struct parse *p, const yaml_parser_t *parser)
{
  static const struct {
    const char *problem, *help;
  } helps[] = {
      {"mapping values are not allowed in this context",
       "a text with \": \" in it must be quoted; a key needs a colon; keys of one map start in one column"},
      {"found unexpected end of stream", "a quote, [ or { was not closed"},
      {"found character that cannot start any token", "quote a text that starts with %, @ or `"},
      {"did not find expected ',' or '}'", "a { was not closed, or a comma is missing"},
      {"did not find expected ',' or ']'", "a [ was not closed, or a comma is missing"},
      {"could not find expected ':'", "a key needs a colon and a space after it"},
      {"did not find expected key", "keys of one map start in one column"},
  };
  const char *problem = parser->problem ? parser->problem : "not YAML";
  if (parser->error == YAML_MEMORY_ERROR)
    return -ENOMEM;
  struct tt_mark at = mark_of(p, &parser->problem_mark, NULL);
  tt_diag(p->env->diags, TT_SEVERITY_ERROR, "syntax", at, "%s%s%s", problem, parser->context ? ", " : "",
          parser->context ? parser->context : "");
  if (parser->context && parser->context_mark.index != parser->problem_mark.index)
    tt_diag_also(p->env->diags, mark_of(p, &parser->context_mark, NULL), "which begins here");
  if (character_at(p, at) == '\t') {
    tt_diag_help(p->env->diags, "tabs cannot indent in YAML; use spaces");
    return -EINVAL;
  }
  for (size_t i = 0; i < TT_COUNT(helps); i++)
    if (strcmp(problem, helps[i].problem) == 0)
      tt_diag_help(p->env->diags, "%s", helps[i].help);
  return -EINVAL;
}

/* ---- The tree ----------------------------------------------------------------------------------------- */

static int count_item(const struct parse *p, const yaml_event_t *event)
{
  if (*p->env->items_left == 0)
    return refuse(p, event, "too-many-items",
                  "the files hold more than " TEXT(TT_CONFIG_ITEMS_MAX) " values together");
  --*p->env->items_left;
  return 0;
}

/* A finished scalar, or a list or map that begins: where it belongs. */
static int add(struct parse *p, struct tt_item *item)
{
  if (p->depth == 0) {
    p->root = item;
    return 0;
  }
  struct frame *frame = &p->frames[p->depth - 1];
  if (frame->has_key) { /* the key is there already */
    p->members[p->n - 1].item = item;
    frame->has_key = false;
    return 0;
  }
  if (p->n == p->room) {
    size_t room = p->room ? 2 * p->room : 64;
    struct member *more = reallocarray(p->members, room, sizeof *more);
    if (!more)
      return -ENOMEM;
    p->members = more;
    p->room = room;
  }
  p->members[p->n] = (struct member){.item = item};
  if (frame->item->kind == TT_ITEM_MAP) {
    p->members[p->n].key = item->text;
    p->members[p->n].key_mark = item->mark;
    frame->has_key = true;
  }
  p->n++;
  return 0;
}

static bool expects_key(const struct parse *p)
{
  return p->depth > 0 && p->frames[p->depth - 1].item->kind == TT_ITEM_MAP && !p->frames[p->depth - 1].has_key;
}

static int open_item(struct parse *p, const yaml_event_t *event, enum tt_item_kind kind, const char *anchor,
                     const char *tag, bool is_flow)
{
  if (anchor)
    return refuse(p, event, "anchor-refused", "anchors (&name) are not part of this language");
  if (tag)
    return refuse(p, event, "tag-refused", "tags (!name) are not part of this language");
  if (expects_key(p))
    return refuse(p, event, "bad-key", "a key must be a text");
  if (p->depth == TT_CONFIG_DEPTH_MAX)
    return refuse(p, event, "too-deep", "nested more than " TEXT(TT_CONFIG_DEPTH_MAX) " deep");
  int r = count_item(p, event);
  if (r < 0)
    return r;
  struct tt_item *item = tt_arena_alloc(p->env->arena, sizeof *item);
  if (!item)
    return -ENOMEM;
  *item = (struct tt_item){.kind = kind, .mark = mark_of(p, &event->start_mark, NULL)};
  r = add(p, item);
  if (r < 0)
    return r;
  p->frames[p->depth++] = (struct frame){.item = item, .first = p->n, .is_flow = is_flow};
  return 0;
}

static int close_item(struct parse *p, const yaml_event_t *event)
{
  struct frame *frame = &p->frames[--p->depth];
  struct tt_item *item = frame->item;
  struct tt_arena *arena = p->env->arena;
  item->n = p->n - frame->first;
  size_t room = item->n ? item->n : 1;
  item->items = tt_arena_alloc(arena, room * sizeof *item->items);
  if (!item->items)
    return -ENOMEM;
  if (item->kind == TT_ITEM_MAP) {
    item->keys = tt_arena_alloc(arena, room * sizeof *item->keys);
    item->key_marks = tt_arena_alloc(arena, room * sizeof *item->key_marks);
    if (!item->keys || !item->key_marks)
      return -ENOMEM;
  }
  for (size_t i = 0; i < item->n; i++) {
    const struct member *m = &p->members[frame->first + i];
    item->items[i] = m->item;
    if (item->kind == TT_ITEM_MAP) {
      item->keys[i] = m->key;
      item->key_marks[i] = m->key_mark;
    }
  }
  if (frame->is_flow && event->end_mark.line + 1 == item->mark.line)
    item->mark.length = (unsigned)event->end_mark.column + 1 - item->mark.column;
  p->n = frame->first;
  return 0;
}

static int scalar(struct parse *p, const yaml_event_t *event)
{
  const char *text = (const char *)event->data.scalar.value;
  size_t n = event->data.scalar.length;
  bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  if (event->data.scalar.anchor)
    return refuse(p, event, "anchor-refused", "anchors (&name) are not part of this language");
  if (event->data.scalar.tag)
    return refuse(p, event, "tag-refused", "tags (!name) are not part of this language");
  if (memchr(text, 0, n))
    return refuse(p, event, "nul-byte", "a text cannot hold a NUL character");
  if (expects_key(p) && is_plain && strcmp(text, "<<") == 0)
    return refuse(p, event, "merge-refused", "merge keys (<<) are not part of this language");
  int r = count_item(p, event);
  if (r < 0)
    return r;
  char *copy = tt_arena_strndup(p->env->arena, text, n);
  if (!copy)
    return -ENOMEM;
  struct tt_item *item =
      tt_item_scalar(p->env->arena, copy, !is_plain, mark_of(p, &event->start_mark, &event->end_mark));
  return item ? add(p, item) : -ENOMEM;
}

/* 1: the stream has ended. */
static int take(struct parse *p, const yaml_event_t *event)
{
  switch (event->type) {
  case YAML_NO_EVENT:
  case YAML_STREAM_START_EVENT:
  case YAML_DOCUMENT_END_EVENT:
    return 0;
  case YAML_DOCUMENT_START_EVENT:
    if (p->root)
      return refuse(p, event, "several-documents", "a second document begins here; a file holds one");
    return 0;
  case YAML_STREAM_END_EVENT:
    return 1;
  case YAML_ALIAS_EVENT:
    return refuse(p, event, "alias-refused", "aliases (*name) are not part of this language");
  case YAML_SCALAR_EVENT:
    return scalar(p, event);
  case YAML_SEQUENCE_START_EVENT:
    return open_item(p, event, TT_ITEM_LIST, (const char *)event->data.sequence_start.anchor,
                     (const char *)event->data.sequence_start.tag,
                     event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE);
  case YAML_MAPPING_START_EVENT:
    return open_item(p, event, TT_ITEM_MAP, (const char *)event->data.mapping_start.anchor,
                     (const char *)event->data.mapping_start.tag,
                     event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE);
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT:
    return close_item(p, event);
  }
  return 0;
}

static int parse_events(struct parse *p)
{
  yaml_parser_t parser;
  int r = 0;
  if (!yaml_parser_initialize(&parser))
    return -ENOMEM;
  yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&parser, (const unsigned char *)p->text, p->size);
  while (r == 0) {
    yaml_event_t event;
    if (!yaml_parser_parse(&parser, &event)) {
      r = syntax(p, &parser);
      break;
    }
    r = take(p, &event);
    yaml_event_delete(&event);
  }
  yaml_parser_delete(&parser);
  return r < 0 ? r : 0;
}

int tt_yaml_parse(const struct tt_yaml_env *env, const char *file, const char *text, size_t n,
                  const struct tt_item **ret_root)
{
  size_t skip = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* a byte order mark */
  struct parse p = {.env = env, .file = file, .text = text + skip, .size = n - skip};
  struct tt_mark start = {.file = file, .line = 1, .column = 1};
  tt_diags_add_source(env->diags, file, p.text, p.size);
  int r = check_characters(&p);
  if (r == 0)
    r = parse_events(&p);
  free(p.members);
  if (r < 0)
    return r;
  if (!p.root || tt_item_is_empty(p.root) || tt_item_is_null(p.root))
    p.root = tt_item_map(env->arena, 0, start);
  if (!p.root)
    return -ENOMEM;
  if (p.root->kind != TT_ITEM_MAP) {
    tt_diag(env->diags, TT_SEVERITY_ERROR, "not-a-map", p.root->mark, "a file is a map of keys and values, not %s",
            p.root->kind == TT_ITEM_LIST ? "a list" : "a text");
    return -EINVAL;
  }
  *ret_root = p.root;
  return 0;
}
