/* SPDX-License-Identifier: Apache-2.0
 * A hostile device: any answer against any request, any registers in any format that options can express, and any set
 * of points, limits and refused joins; any chain of SunSpec models. The input is read as a sequence of choices; when it ends they are all 0. */
#include "decode.h"
#include "frame.h"
#include "interpret.h"
#include "plan.h"
#include "sunspec.h"

#include <thingtree/host.h>

#include <assert.h>
#include <json-c/json.h>
#include <math.h>

#define WANTS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
  const uint8_t *at;
  size_t left;
};

static unsigned byte(struct input *in)
{
  if (!in->left)
    return 0;
  in->left--;
  return *in->at++;
}

static unsigned word(struct input *in)
{
  unsigned high = byte(in);
  return high << 8 | byte(in);
}

/* ---- A point, its registers, and the way back ---------------------------------------------------------- */
static bool same(const struct tt_value *a, const struct tt_value *b)
{
  bool is_nan = a->type == TT_TYPE_QUANTITY && isnan(a->quantity.number);
  return a->type == b->type && (is_nan ? isnan(b->quantity.number) : tt_value_equals(a, b));
}

static enum tt_type wire_type(unsigned number)
{
  const struct tt_wire_type *wire = mb_types;
  while (wire->number != (int)number)
    wire++;
  return wire->type;
}

static void fuzz_value(struct input *in)
{
  static const enum tt_type core[] = {TT_TYPE_BOOLEAN, TT_TYPE_STRING, TT_TYPE_QUANTITY};
  struct mb_device_options device = {{1, byte(in) & 1}, {125, 0}};
  struct mb_read_options read = {
      -1, -1, -1, -1, (int)(byte(in) & 3), byte(in) % 126, (int)(byte(in) % 65) - 1, 1 + byte(in) % 63, -1, 0};
  struct mb_write_options write = {byte(in) & 1 ? (int64_t)word(in) : -1, byte(in) & 1 ? (int64_t)word(in) : -1,
                                   byte(in) % 23};
  struct tt_write side = {.address = &write};
  int64_t *const addresses[] = {&read.input, &read.holding, &read.coil, &read.discrete};
  *addresses[byte(in) & 3] = word(in) + (byte(in) & 1);
  unsigned type = byte(in) % (MB_BITS32 + 1 + TT_COUNT(core));
  bool is_wire = type > 0 && type <= MB_BITS32 && type != MB_STRING;
  struct tt_point point = {.name = "p",
                           .address = &read,
                           .write = &side,
                           .wire_type = is_wire ? (int)type : 0,
                           .type = is_wire ? wire_type(type) : core[type % TT_COUNT(core)]};
  struct mb_place place, target;
  if (mb_place_read(&point, &device, &place) < 0)
    return;
  assert(place.format.words > 0 && place.format.words <= MB_READ_REGISTERS_MAX);
  assert(place.address + place.format.words <= MB_ADDRESSES);
  uint16_t words[MB_READ_REGISTERS_MAX], back[MB_READ_REGISTERS_MAX];
  for (unsigned i = 0; i < place.format.words; i++)
    words[i] = (uint16_t)(mb_table_is_bits(place.table) ? byte(in) & 1 : word(in));
  struct tt_value value TT_AUTOVALUE = {0}, again TT_AUTOVALUE = {0};
  int r = mb_decode(&place.format, words, place.format.words, &value);
  assert(r == 0 || r == -ERANGE || place.format.type == MB_STRING);
  if (r < 0)
    return;
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  tt_value_print(&value, &out);
  assert(!out.failed && tt_utf8_is_valid(out.data ? out.data : "", out.len));
  if (mb_place_write(&point, &device, &target) < 0)
    return;
  assert(target.address + target.format.words <= MB_ADDRESSES && target.format.words <= MB_WRITE_REGISTERS_MAX);
  if (target.function == MB_MASK_WRITE) {
    if (mb_encode_mask(&target.format, &value, back) == 0) /* what is set is nothing of what is kept */
      assert(!(back[0] & back[1]));
    return;
  }
  if (mb_encode(&target.format, &value, back, target.format.words) < 0)
    return;
  assert(mb_decode(&target.format, back, target.format.words, &again) == 0);
  if (target.format.type == place.format.type && target.format.words == place.format.words)
    assert(same(&value, &again));
}

/* ---- A request and what is said to be its answer ------------------------------------------------------- */
static void fuzz_answer(struct input *in)
{
  static const struct {
    uint8_t function;
    unsigned most;
  } functions[] = {{1, MB_READ_BITS_MAX},
                   {2, MB_READ_BITS_MAX},
                   {3, MB_READ_REGISTERS_MAX},
                   {4, MB_READ_REGISTERS_MAX},
                   {5, 1},
                   {6, 1},
                   {15, MB_WRITE_REGISTERS_MAX},
                   {16, MB_WRITE_REGISTERS_MAX},
                   {22, 1},
                   {MB_IDENTIFY, 4}};
  unsigned which = byte(in) % TT_COUNT(functions);
  uint16_t to_write[MB_WRITE_REGISTERS_MAX] = {0}, words[MB_READ_BITS_MAX];
  struct mb_request request = {.unit = (uint8_t)byte(in),
                               .function = functions[which].function,
                               .address = (uint16_t)word(in),
                               .count = (uint16_t)(1 + word(in) % functions[which].most)};
  bool is_write = request.function > 4 && request.function != MB_IDENTIFY;
  for (unsigned i = 0; is_write && i < request.count + (request.function == MB_MASK_WRITE ? 1u : 0u); i++)
    to_write[i] = (uint16_t)word(in);
  request.words = is_write ? to_write : NULL;
  uint8_t frame[MB_FRAME_MAX];
  const char *why = NULL;
  size_t n = mb_frame_build(&request, frame);
  assert(n >= 5 && n <= MB_FRAME_MAX);
  uint16_t transaction = (uint16_t)word(in);
  uint8_t header[MB_TCP_HEADER + MB_FRAME_MAX];
  mb_tcp_header(transaction, n, header);
  memcpy(header + MB_TCP_HEADER, frame, n);
  assert(mb_tcp_check(transaction, header, MB_TCP_HEADER + n) == 0);
  mb_tcp_check(transaction, in->at, in->left);
  assert(mb_tcp_is_earlier(transaction, header, MB_TCP_HEADER + n));
  mb_tcp_is_earlier(transaction, in->at, in->left);
  int r = mb_frame_check(&request, in->at, in->left, words, &why);
  if (r == 0) {
    assert(in->at[0] == request.unit && in->at[1] == request.function);
    size_t same_bytes = request.function == MB_MASK_WRITE ? 8 : 6;
    if (request.function == MB_IDENTIFY) {
      char text[MB_OBJECT_MAX + 1];
      int more = -2;
      assert(mb_identify_need(in->at, in->left) == in->left);
      for (unsigned object = 0; object < 256; object++)
        assert(mb_identify_find(words, (uint8_t)object, text, &more) == 0 || (more >= -1 && more <= 255));
      return;
    }
    assert(is_write ? in->left == same_bytes && !memcmp(in->at, frame, same_bytes) : in->left == 3u + in->at[2]);
    for (unsigned i = 0; !is_write && request.function > 2 && i < request.count; i++)
      assert(words[i] == (in->at[3 + 2 * i] << 8 | in->at[4 + 2 * i]));
  } else if (r > 0) {
    assert(r <= 255 && mb_exception_error(r) < 0 && *mb_exception_text(r));
  } else {
    assert(r == -EBADMSG && why && *why);
  }
}

/* ---- Points, limits and cuts --------------------------------------------------------------------------- */
static void check_plan(const struct mb_want wants[], size_t n_wants, const struct mb_limits *limits,
                       const struct mb_cuts *cuts, const struct mb_span spans[], size_t n)
{
  size_t next = 0;
  for (size_t i = 0; i < n; i++) {
    const struct mb_span *span = &spans[i];
    unsigned most = limits->max_registers * (mb_table_is_bits(span->table) ? 16 : 1);
    unsigned end = span->address + span->count;
    assert(span->first == next && span->n > 0);
    next += span->n;
    assert(span->count <= most || span->count == wants[span->first].words);
    for (size_t k = span->first; k < next; k++) {
      assert(wants[k].table == span->table && wants[k].address >= span->address);
      assert(wants[k].address + wants[k].words <= end);
      for (size_t c = 0; c < cuts->n; c++) /* nobody begins behind a cut in a request that begins before it */
        assert(cuts->cut[c].table != span->table || cuts->cut[c].address <= span->address ||
               wants[k].address < cuts->cut[c].address);
    }
  }
  assert(next == n_wants);
}

static void fuzz_plan(struct input *in)
{
  struct mb_want wants[WANTS_MAX];
  struct mb_span spans[WANTS_MAX];
  struct mb_cuts cuts = {0};
  struct mb_limits limits = {1 + byte(in) % MB_READ_REGISTERS_MAX, byte(in) % (MB_READ_REGISTERS_MAX + 1)};
  size_t n_wants = byte(in) % (WANTS_MAX + 1);
  for (size_t i = 0; i < n_wants; i++) {
    enum mb_table table = (enum mb_table)(byte(in) % MB_TABLES);
    unsigned words = mb_table_is_bits(table) ? 1 : 1 + byte(in) % limits.max_registers, address = word(in);
    if (address + words > MB_ADDRESSES)
      address = MB_ADDRESSES - words;
    wants[i] = (struct mb_want){table, (uint16_t)address, words, (uint16_t)i};
  }
  for (unsigned i = byte(in) % 8; i > 0; i--) {
    enum mb_table table = (enum mb_table)(byte(in) % MB_TABLES);
    assert(mb_cuts_add(&cuts, table, (uint16_t)word(in)) == 0);
  }
  size_t n = mb_plan(wants, n_wants, &limits, &cuts, spans);
  check_plan(wants, n_wants, &limits, &cuts, spans, n);
  /* A device that refuses everything: each refusal gives a cut that was not there, until nothing can be cut. */
  for (bool is_cut = true; is_cut;) {
    size_t before = cuts.n;
    is_cut = false;
    for (size_t i = 0; i < n && !is_cut; i++) {
      size_t cut = mb_span_cut(&spans[i], wants);
      if (!cut)
        continue;
      assert(cut > spans[i].first && cut < spans[i].first + spans[i].n);
      assert(mb_cuts_add(&cuts, spans[i].table, wants[cut].address) == 0);
      is_cut = true;
    }
    n = mb_plan(wants, n_wants, &limits, &cuts, spans);
    check_plan(wants, n_wants, &limits, &cuts, spans, n);
    assert(cuts.n == before + is_cut);
  }
  mb_cuts_finish(&cuts);
}

/* ---- Chains of models ---------------------------------------------------------------------------------- */
static void fuzz_chain(struct input *in)
{
  struct mb_sunspec_chain chain = {.next = (uint16_t)word(in)};
  struct tt_buf out TT_AUTOBUF = TT_BUF(TT_DESCRIPTION_MAX);
  char text[MB_SUNSPEC_TEXT], list[MB_SUNSPEC_LIST];
  unsigned known = 0;
  while (mb_sunspec_models[known])
    known++;
  while (in->left) {
    unsigned which = byte(in);
    uint16_t id = which < known ? (uint16_t)strtoul(mb_sunspec_models[which] + 2, NULL, 10) : (uint16_t)word(in);
    if (mb_sunspec_add(&chain, (uint16_t[]){id, (uint16_t)(word(in) % 1000)}) <= 0)
      break;
    struct mb_sunspec_model *model = &chain.model[chain.n - 1];
    if (mb_sunspec_needed(model) == 0 || !(model->registers = calloc(model->length + 1u, sizeof *model->registers)))
      continue;
    for (unsigned i = 0; i < model->length && i < 8; i++)
      model->registers[i] = (uint16_t)word(in);
  }
  if (mb_sunspec_describe(&chain, &out) == 0) {
    struct json_object *json = json_tokener_parse(out.data);
    assert(json);
    json_object_put(json);
  }
  mb_sunspec_list(&chain, list);
  mb_sunspec_common(&chain, MB_SUNSPEC_SERIAL, text);
  mb_sunspec_finish(&chain);
}

static void fuzz_interpretation(struct input *in)
{
  uint16_t words[MB_READ_REGISTERS_MAX];
  char line[MB_INTERPRET_LINE];
  unsigned n = 1 + byte(in) % MB_READ_REGISTERS_MAX;
  for (unsigned i = 0; i < n; i++)
    words[i] = (uint16_t)word(in);
  for (unsigned i = 0; mb_interpret(words, n, i, line); i++)
    assert(tt_utf8_is_valid(line, strlen(line)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static void (*const parts[])(struct input *) = {fuzz_value, fuzz_answer, fuzz_plan, fuzz_chain,
                                                  fuzz_interpretation};
  struct input in = {data, size};
  parts[byte(&in) % TT_COUNT(parts)](&in);
  return 0;
}
