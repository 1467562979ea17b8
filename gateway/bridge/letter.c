/* SPDX-License-Identifier: Apache-2.0
 * letter.c: one table says what each letter is made of; it is written and read by walking it. */
#include "letter.h"

#include <endian.h>

#define CANDIDATE_ROOM (256u * 1024) /* for the texts of one */

enum part {
  PART_END,
  PART_DEVICE,
  PART_NUMBER, /* small: a state, a level, flags, a count */
  PART_TIME,
  PART_ERROR,
  PART_POINT, /* may be TT_NO_POINT; or a command */
  PART_POINTS,
  PART_TEXT,
  PART_VALUE,
  PART_VALUES,
  PART_BLOB, /* the rest */
  PART_CANDIDATE,
};
#define PARTS_MAX 5

static const struct kind {
  enum tt_frame_type type;
  enum part parts[PARTS_MAX];
  uint64_t number_max;
} kinds[] = {
    {TT_FRAME_HELLO, {PART_NUMBER, PART_TEXT}, UINT32_MAX},
    {TT_FRAME_CONFIG, {PART_BLOB}, 0},
    {TT_FRAME_ATTACH, {PART_BLOB}, 0},
    {TT_FRAME_DETACH, {PART_END}, 0},
    {TT_FRAME_READ, {PART_DEVICE, PART_TIME, PART_POINTS}, 0},
    {TT_FRAME_WRITE, {PART_DEVICE, PART_TIME, PART_POINT, PART_VALUE}, 0},
    {TT_FRAME_DISCOVER, {PART_TIME}, 0},
    {TT_FRAME_COMMAND, {PART_DEVICE, PART_TIME, PART_POINT, PART_VALUES}, 0},
    {TT_FRAME_PING, {PART_END}, 0},
    {TT_FRAME_STOP, {PART_END}, 0},
    {TT_FRAME_READY, {PART_NUMBER}, UINT8_MAX},
    {TT_FRAME_FAILED, {PART_TEXT}, 0},
    {TT_FRAME_STATE, {PART_NUMBER, PART_TEXT}, TT_LINK_OFFLINE},
    {TT_FRAME_ATTACHED, {PART_ERROR, PART_TEXT}, 0},
    {TT_FRAME_DETACHED, {PART_END}, 0},
    {TT_FRAME_LINK, {PART_NUMBER, PART_TEXT}, TT_LINK_OFFLINE},
    {TT_FRAME_REPORT, {PART_POINT, PART_NUMBER, PART_TIME, PART_VALUE}, TT_REPORT_RETAINED},
    {TT_FRAME_MISSING, {PART_POINT}, 0},
    {TT_FRAME_ERROR, {PART_POINT, PART_TEXT}, 0},
    {TT_FRAME_DONE, {PART_ERROR, PART_TEXT}, 0},
    {TT_FRAME_CANDIDATE, {PART_CANDIDATE}, 0},
    {TT_FRAME_DESCRIBE, {PART_BLOB}, 0},
    {TT_FRAME_PROBE, {PART_POINT, PART_TEXT}, 0},
    {TT_FRAME_LOG, {PART_NUMBER, PART_TEXT}, TT_LOG_DEBUG},
    {TT_FRAME_PONG, {PART_NUMBER}, UINT64_MAX},
    {TT_FRAME_STOPPED, {PART_END}, 0},
};

static const struct kind *kind_of(unsigned type)
{
  for (size_t i = 0; i < TT_COUNT(kinds); i++)
    if (kinds[i].type == type)
      return &kinds[i];
  return NULL;
}

/* ---- Frames ------------------------------------------------------------------------------------------------- */
struct head {
  uint32_t size;
  uint16_t type;
  uint64_t id;
} __attribute__((packed));
_Static_assert(sizeof(struct head) == TT_FRAME_HEAD, "the head is packed");

void tt_frame_head(unsigned char out[static TT_FRAME_HEAD], unsigned type, uint64_t id, size_t size)
{
  struct head head = {htole32((uint32_t)size), htole16((uint16_t)type), htole64(id)};
  memcpy(out, &head, sizeof(head));
}

int tt_frame_take(const unsigned char *bytes, size_t n, struct tt_frame *ret, size_t *ret_used)
{
  struct head head;
  if (n < sizeof(head))
    return 0;
  memcpy(&head, bytes, sizeof(head));
  size_t size = le32toh(head.size);
  if (size > TT_FRAME_MAX)
    return -EBADMSG;
  if (n - sizeof(head) < size)
    return 0;
  *ret = (struct tt_frame){
      .type = le16toh(head.type), .id = le64toh(head.id), .data = bytes + sizeof(head), .size = size};
  *ret_used = sizeof(head) + size;
  return 1;
}

/* ---- Writing ------------------------------------------------------------------------------------------------ */
/* Longer ones are cut anyway (found.c); here, so that the frame cannot become too large. */
static void put_cut(struct tt_buf *out, const char *text)
{
  size_t n = text ? strnlen(text, TT_CANDIDATE_TEXT_MAX + 1) : 0;
  tt_put_number(out, text ? n + 1 : 0);
  tt_buf_add(out, text ? text : "", n);
}

static void put_candidate(struct tt_buf *out, const struct tt_candidate *c)
{
  const char *texts[] = {c->id, c->name, c->vendor, c->model, c->address, c->uses};
  size_t n_facts = c->n_facts < TT_CANDIDATE_FACTS_MAX ? c->n_facts : TT_CANDIDATE_FACTS_MAX;
  for (size_t i = 0; i < TT_COUNT(texts); i++)
    put_cut(out, texts[i]);
  tt_put_number(out, n_facts);
  for (size_t i = 0; i < n_facts; i++) {
    put_cut(out, c->facts[i].name);
    put_cut(out, c->facts[i].value);
  }
}

static void put_part(const struct tt_letter *m, enum part part, struct tt_buf *out)
{
  switch (part) {
  case PART_END:
    break;
  case PART_DEVICE:
    tt_put_number(out, m->device);
    break;
  case PART_NUMBER:
    tt_put_number(out, m->number);
    break;
  case PART_TIME:
    tt_put_number(out, m->time_us);
    break;
  case PART_ERROR:
    tt_put_number(out, (uint64_t) - (int64_t)m->error);
    break;
  case PART_POINT:
    tt_put_number(out, m->point);
    break;
  case PART_POINTS:
    tt_put_number(out, m->n_points);
    for (size_t i = 0; i < m->n_points; i++)
      tt_put_number(out, m->points[i]);
    break;
  case PART_TEXT:
    tt_put_text(out, m->text);
    break;
  case PART_VALUE:
    tt_put_value(out, &m->value);
    break;
  case PART_VALUES:
    tt_put_number(out, m->n_values);
    for (size_t i = 0; i < m->n_values; i++)
      tt_put_value(out, &m->values[i]);
    break;
  case PART_BLOB:
    tt_buf_add(out, m->blob, m->blob_size);
    break;
  case PART_CANDIDATE:
    put_candidate(out, m->candidate);
    break;
  }
}

void tt_letter_put(const struct tt_letter *letter, struct tt_buf *out)
{
  const struct kind *kind = kind_of(letter->type);
  for (size_t i = 0; i < PARTS_MAX; i++)
    put_part(letter, kind->parts[i], out);
}

/* ---- Reading ------------------------------------------------------------------------------------------------ */
struct tt_letter_room {
  char text[TT_HOST_TEXT_MAX];
  struct tt_arena *arena; /* candidates */
  struct tt_candidate candidate;
  struct tt_fact facts[TT_CANDIDATE_FACTS_MAX];
  struct tt_value values[TT_ARGUMENTS_MAX];
  uint16_t points[];
};

/* For what does not fit into the letter itself. NULL: no memory, and it is bad. */
static struct tt_letter_room *room_of(struct tt_letter *m, struct tt_bytes *in, size_t n_points)
{
  m->room = calloc(1, sizeof(*m->room) + n_points * sizeof(m->room->points[0]));
  if (!m->room)
    in->is_bad = true;
  return m->room;
}

static void take_points(struct tt_letter *m, struct tt_bytes *in)
{
  size_t n = tt_take_count(in, TT_POINTS_MAX);
  struct tt_letter_room *room = room_of(m, in, n);
  for (size_t i = 0; room && i < n; i++)
    room->points[i] = (uint16_t)tt_take_number(in, TT_POINTS_MAX - 1);
  m->points = room ? room->points : NULL;
  m->n_points = room ? n : 0;
  in->is_bad |= n == 0;
}

static void take_values(struct tt_letter *m, struct tt_bytes *in)
{
  size_t n = tt_take_count(in, TT_ARGUMENTS_MAX);
  struct tt_letter_room *room = room_of(m, in, 0);
  for (size_t i = 0; room && i < n && !in->is_bad; i++)
    tt_take_value(in, &room->values[i]);
  m->values = room ? room->values : NULL;
  m->n_values = room ? n : 0;
}

static void take_text(struct tt_letter *m, struct tt_bytes *in)
{
  size_t n;
  const char *text = tt_take_text(in, &n);
  struct tt_letter_room *room = text ? room_of(m, in, 0) : NULL;
  m->text = room ? tt_text_printable(room->text, sizeof(room->text), text, n) : NULL;
}

static void take_candidate(struct tt_letter *m, struct tt_bytes *in)
{
  struct tt_letter_room *room = room_of(m, in, 0);
  if (!room || !(room->arena = tt_arena_create(CANDIDATE_ROOM))) {
    in->is_bad = true;
    return;
  }
  struct tt_candidate *c = &room->candidate;
  const char **texts[] = {&c->id, &c->name, &c->vendor, &c->model, &c->address, &c->uses};
  for (size_t i = 0; i < TT_COUNT(texts); i++)
    *texts[i] = tt_take_text_into(in, room->arena);
  c->facts = room->facts;
  c->n_facts = tt_take_count(in, TT_CANDIDATE_FACTS_MAX);
  for (size_t i = 0; i < c->n_facts; i++) {
    room->facts[i].name = tt_take_text_into(in, room->arena);
    room->facts[i].value = tt_take_text_into(in, room->arena);
  }
  m->candidate = c;
}

static void take_part(struct tt_letter *m, const struct kind *kind, enum part part, struct tt_bytes *in)
{
  switch (part) {
  case PART_END:
    break;
  case PART_DEVICE:
    m->device = tt_take_number(in, UINT64_MAX);
    break;
  case PART_NUMBER:
    m->number = tt_take_number(in, kind->number_max);
    break;
  case PART_TIME:
    m->time_us = tt_take_number(in, UINT64_MAX);
    break;
  case PART_ERROR:
    m->error = -(int)tt_take_number(in, INT32_MAX);
    break;
  case PART_POINT:
    m->point = (uint16_t)tt_take_number(in, TT_NO_POINT);
    break;
  case PART_POINTS:
    take_points(m, in);
    break;
  case PART_TEXT:
    take_text(m, in);
    break;
  case PART_VALUE:
    tt_take_value(in, &m->value);
    break;
  case PART_VALUES:
    take_values(m, in);
    break;
  case PART_BLOB:
    m->blob = in->at;
    m->blob_size = tt_bytes_left(in);
    in->at = in->end;
    break;
  case PART_CANDIDATE:
    take_candidate(m, in);
    break;
  }
}

int tt_letter_take(const struct tt_frame *frame, struct tt_letter *ret)
{
  const struct kind *kind = kind_of(frame->type);
  struct tt_bytes in = tt_bytes_of(frame->data, frame->size);
  if (!kind)
    return -EBADMSG;
  struct tt_letter m = {.type = kind->type, .id = frame->id};
  for (size_t i = 0; i < PARTS_MAX && !in.is_bad; i++)
    take_part(&m, kind, kind->parts[i], &in);
  if (in.is_bad || tt_bytes_left(&in) > 0) {
    tt_letter_finish(&m);
    return -EBADMSG;
  }
  *ret = m;
  return 0;
}

void tt_letter_finish(struct tt_letter *m)
{
  tt_value_finish(&m->value);
  for (size_t i = 0; m->room && i < TT_ARGUMENTS_MAX; i++)
    tt_value_finish(&m->room->values[i]);
  if (m->room)
    tt_arena_destroy(m->room->arena);
  free(m->room);
  m->room = NULL;
}
