/* SPDX-License-Identifier: Apache-2.0
 * util.c: arena, text buffer and random numbers of thingtree/util.h. */
#include <stdalign.h>
#include <stdio.h>
#include <sys/random.h>
#include <thingtree/util.h>

/* ---- Arena ------------------------------------------------------------------------------------------- */
#define CHUNK_SIZE (16 * 1024)

struct chunk {
  struct chunk *next;
  size_t used, room;
  alignas(max_align_t) char data[];
};

struct tt_arena {
  struct chunk *chunks; /* the first is the one being filled */
  size_t used, limit;
};

struct tt_arena *tt_arena_create(size_t limit)
{
  struct tt_arena *arena = calloc(1, sizeof *arena);
  if (arena)
    arena->limit = limit;
  return arena;
}

void tt_arena_destroy(struct tt_arena *arena)
{
  if (!arena)
    return;
  for (struct chunk *c = arena->chunks, *next; c; c = next) {
    next = c->next;
    free(c);
  }
  free(arena);
}

void tt_arena_wipe(struct tt_arena *arena)
{
  for (struct chunk *c = arena ? arena->chunks : NULL; c; c = c->next)
    explicit_bzero(c->data, c->used);
}

static struct chunk *chunk_create(size_t room)
{
  struct chunk *chunk = malloc(sizeof *chunk + room);
  if (chunk) {
    chunk->used = 0;
    chunk->room = room;
  }
  return chunk;
}

void *tt_arena_alloc(struct tt_arena *arena, size_t size)
{
  const size_t align = alignof(max_align_t);
  if (!arena || size > arena->limit || arena->limit - size < arena->used)
    return NULL;
  size_t need = size ? (size + align - 1) / align * align : align;
  struct chunk *chunk = arena->chunks;
  if (!chunk || chunk->room - chunk->used < need) {
    struct chunk *fresh = chunk_create(need > CHUNK_SIZE ? need : CHUNK_SIZE);
    if (!fresh)
      return NULL;
    if (chunk && need > CHUNK_SIZE) { /* a big one stands behind, so that the current chunk is filled up */
      fresh->next = chunk->next;
      chunk->next = fresh;
    } else {
      fresh->next = chunk;
      arena->chunks = fresh;
    }
    chunk = fresh;
  }
  void *p = chunk->data + chunk->used;
  chunk->used += need;
  arena->used += size;
  return memset(p, 0, need);
}

void *tt_arena_memdup(struct tt_arena *arena, const void *data, size_t n)
{
  void *p = tt_arena_alloc(arena, n);
  return p && n ? memcpy(p, data, n) : p;
}

char *tt_arena_strndup(struct tt_arena *arena, const char *text, size_t n)
{
  if (!text)
    return NULL;
  n = strnlen(text, n);
  char *p = tt_arena_alloc(arena, n + 1);
  return p ? memcpy(p, text, n) : NULL;
}

char *tt_arena_strdup(struct tt_arena *arena, const char *text)
{
  return text ? tt_arena_strndup(arena, text, strlen(text)) : NULL;
}

char *tt_arena_printf(struct tt_arena *arena, const char *format, ...)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  va_list ap;
  va_start(ap, format);
  tt_buf_vprintf(&buf, format, ap);
  va_end(ap);
  return buf.failed ? NULL : tt_arena_strndup(arena, buf.data ? buf.data : "", buf.len);
}

size_t tt_arena_used(const struct tt_arena *arena)
{
  return arena->used;
}

/* ---- Text buffer ------------------------------------------------------------------------------------- */
void tt_buf_finish(struct tt_buf *buf)
{
  free(buf->data);
  *buf = (struct tt_buf)TT_BUF(buf->limit);
}

/* Room for n more bytes and the NUL. */
static bool grow(struct tt_buf *buf, size_t n)
{
  if (buf->failed)
    return false;
  if (n > SIZE_MAX / 4 || (buf->limit && (n > buf->limit || buf->len > buf->limit - n))) {
    buf->failed = true;
    return false;
  }
  size_t need = buf->len + n + 1;
  if (need <= buf->room)
    return true;
  size_t room = buf->room ? buf->room * 2 : 128;
  if (room < need)
    room = need;
  char *data = realloc(buf->data, room);
  if (!data) {
    buf->failed = true;
    return false;
  }
  buf->data = data;
  buf->room = room;
  return true;
}

void tt_buf_add(struct tt_buf *buf, const char *data, size_t n)
{
  if (!grow(buf, n))
    return;
  if (n)
    memcpy(buf->data + buf->len, data, n);
  buf->len += n;
  buf->data[buf->len] = '\0';
}

void tt_buf_puts(struct tt_buf *buf, const char *text)
{
  tt_buf_add(buf, text, strlen(text));
}

void tt_buf_putc(struct tt_buf *buf, char c)
{
  tt_buf_add(buf, &c, 1);
}

void tt_buf_vprintf(struct tt_buf *buf, const char *format, va_list ap)
{
  va_list again;
  va_copy(again, ap);
  int n = vsnprintf(NULL, 0, format, ap);
  if (n < 0)
    buf->failed = true;
  else if (grow(buf, (size_t)n)) {
    vsnprintf(buf->data + buf->len, (size_t)n + 1, format, again);
    buf->len += (size_t)n;
  }
  va_end(again);
}

void tt_buf_printf(struct tt_buf *buf, const char *format, ...)
{
  va_list ap;
  va_start(ap, format);
  tt_buf_vprintf(buf, format, ap);
  va_end(ap);
}

void tt_buf_truncate(struct tt_buf *buf, size_t len)
{
  if (len <= buf->len) {
    buf->len = len;
    buf->failed = false;
    if (buf->data)
      buf->data[len] = '\0';
  }
}

char *tt_buf_steal(struct tt_buf *buf)
{
  char *data = NULL;
  if (!buf->failed)
    data = buf->data ? TT_STEAL(buf->data) : strdup("");
  tt_buf_finish(buf);
  return data;
}

/* ---- Random ------------------------------------------------------------------------------------------ */
void tt_random(void *out, size_t n)
{
  char *p = out;
  while (n > 0) {
    ssize_t got = getrandom(p, n, 0);
    if (got < 0 && errno != EINTR)
      abort();
    if (got > 0) {
      p += got;
      n -= (size_t)got;
    }
  }
}

uint64_t tt_random_below(uint64_t bound)
{
  if (bound < 2)
    return 0;
  uint64_t value, floor = -bound % bound; /* values below it would favour the small results */
  do
    tt_random(&value, sizeof value);
  while (value < floor);
  return value % bound;
}
