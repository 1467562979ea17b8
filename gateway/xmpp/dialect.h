/* SPDX-License-Identifier: Apache-2.0
 *
 * dialect.h: the two vocabularies in which the same requests are asked and answered, and the four namespaces in
 * which they come. A handler asks this table for a word and never knows which dialect it speaks. X is the
 * vocabulary of XEP-0323, 0325, 0326; N that of P1451.99, in three generations of namespaces with equal words.
 * Constant data; the functions are pure.
 */
#pragma once

#include "router.h"
#include "writer.h"

enum tt_subject { TT_SUBJECT_SENSOR, TT_SUBJECT_CONTROL, TT_SUBJECT_CONCENTRATOR, TT_SUBJECT_EVENTS };
#define TT_SUBJECT_COUNT (TT_SUBJECT_EVENTS + 1)

enum tt_vocabulary { TT_VOCABULARY_X, TT_VOCABULARY_N };
#define TT_VOCABULARY_COUNT (TT_VOCABULARY_N + 1)

struct tt_dialect {
  enum tt_vocabulary vocabulary;
  const char *ns[TT_SUBJECT_COUNT];
};
/* In the order of the bits of tt_router_config.dialects: XEP, nf, nfi, ieee. */
#define TT_DIALECT_COUNT 4
extern const struct tt_dialect tt_dialects[TT_DIALECT_COUNT];

/* Words for which both vocabularies have the same concept. */
enum tt_word {
  /* node references */
  TT_WORD_NODE,
  TT_WORD_NODE_ID,
  TT_WORD_SOURCE,
  TT_WORD_PARTITION,
  TT_WORD_PARENT_PARTITION,
  /* tokens */
  TT_WORD_SERVICE_TOKEN,
  TT_WORD_DEVICE_TOKEN,
  TT_WORD_USER_TOKEN,
  /* sensor data */
  TT_WORD_REQUEST_ID,
  TT_WORD_FIELD,
  TT_WORD_FIELDS,
  TT_WORD_TIMESTAMP,
  TT_WORD_NAME,
  TT_WORD_VALUE,
  TT_WORD_TIME_VALUE,
  TT_WORD_UNIT,
  TT_WORD_ENUM_TYPE,
  TT_WORD_WRITABLE,
  /* events */
  TT_WORD_MIN_INTERVAL,
  TT_WORD_MAX_INTERVAL,
  TT_WORD_CURRENT_VALUE,
  TT_WORD_CHANGED_BY,
  TT_WORD_CHANGED_UP,
  TT_WORD_CHANGED_DOWN,
  /* control */
  TT_WORD_SET_RESPONSE,
  TT_WORD_PARAMETER,
  /* concentrator */
  TT_WORD_NODE_INFO,
  TT_WORD_BOOL,
};
#define TT_WORD_COUNT (TT_WORD_BOOL + 1)

const char *tt_word(const struct tt_dialect *dialect, enum tt_word word);
/* An attribute whose name is a word. */
void tt_word_attr(struct tt_writer *w, const struct tt_dialect *dialect, enum tt_word word, const char *value);

/* ---- Sensor data ------------------------------------------------------------------------------------- */
/* The element of a field. Integers keep their unit by being written as numbers; slixmpp drops `int` and `long`, so
 * X has them as numbers always. NULL for TT_TYPE_NONE. */
const char *tt_dialect_field_element(const struct tt_dialect *dialect, enum tt_type type, bool has_unit);
/* Whether that element has a unit: X demands one also when it is empty. */
bool tt_dialect_field_has_unit(const struct tt_dialect *dialect, enum tt_type type, const char *unit);
void tt_dialect_write_flags(struct tt_writer *w, const struct tt_dialect *dialect, unsigned categories,
                            unsigned qos);
/* The categories asked for; 0 when none is. */
unsigned tt_dialect_categories(const struct tt_dialect *dialect, const struct tt_xml *request);

/* ---- Control ----------------------------------------------------------------------------------------- */
/* The type that a parameter element of `set` says; TT_TYPE_NONE when it is none. */
enum tt_type tt_dialect_parameter_type(const struct tt_dialect *dialect, const char *element);
/* Is it the element of a colour: a text of hexadecimal digits? */
bool tt_dialect_is_color(const struct tt_dialect *dialect, const char *element);

/* ---- Results ----------------------------------------------------------------------------------------- */
/* Result code of the XEP generation: OK, NotFound, ... */
const char *tt_refusal_code(enum tt_refusal refusal);

/* ---- Requests ---------------------------------------------------------------------------------------- */
/* Who asks, with the tokens that stand on the payload. Borrows from the stanza. */
struct tt_caller tt_dialect_caller(const struct tt_dialect *dialect, const struct tt_iq *iq);
/* A node reference from an element's attributes. -EINVAL: no node is named. */
int tt_dialect_ref(const struct tt_dialect *dialect, const struct tt_xml *element, struct tt_ref *ret);
/* The node references among an element's children, allocated in `arena`. -EINVAL, -ENOMEM. */
int tt_dialect_refs(const struct tt_dialect *dialect, const struct tt_xml *element, struct tt_arena *arena,
                    const struct tt_ref **ret_refs, size_t *ret_n);
/* The nodes that a request is about: those its payload names, else the one whose own address was asked. Likewise. */
int tt_dialect_request_refs(const struct tt_dialect *dialect, const struct tt_iq *iq, struct tt_arena *arena,
                            const struct tt_ref **ret_refs, size_t *ret_n);
/* The number of a request for data (`id` in N, at most TT_REQUEST_ID_MAX bytes); NULL when there is none or it is not one. */
#define TT_REQUEST_ID_MAX 256
const char *tt_dialect_request_id(const struct tt_dialect *dialect, const struct tt_xml *request);
void tt_dialect_write_ref(struct tt_writer *w, const struct tt_dialect *dialect, const char *key,
                          const char *source, const char *partition);
/* Say in disco#info what a subject has: the namespaces of the dialects that the configuration advertises. */
int tt_dialect_advertise(struct tt_router *router, enum tt_subject subject);
/* Bytes that are left for the payload of a stanza that answers this one; at least 1. */
size_t tt_dialect_room(const struct tt_iq *iq);
