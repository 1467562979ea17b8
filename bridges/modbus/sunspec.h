/* SPDX-License-Identifier: Apache-2.0
 *
 * sunspec.h: devices that describe themselves by SunSpec: behind a marker at a known address stands a chain of models, each
 * with its number and length; what a model holds is known beforehand (sunspec_models.c). Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thingtree/util.h>

#define MB_SUNSPEC_MODELS_MAX 60 /* of one device */
#define MB_SUNSPEC_REPEAT_MAX 64 /* of one repeating group */
#define MB_SUNSPEC_DEPTH_MAX  6  /* groups in groups */
#define MB_SUNSPEC_COMMON     1  /* number of the model with maker and serial number */
#define MB_SUNSPEC_HEAD       2u /* registers of the marker; of number and length of a model */

/* The models as lines of cells between tabs: M id name label; P name type size W-if-writable scale-factor unit label;
 * S name value of an enumeration or bit of the point before; G name count label, up to its E. Ends with NULL. A count is a
 * number, the name of a point, or 0: as often as the model is long. */
extern const char *const mb_sunspec_models[];

/* Where the marker may be, the likeliest first (holding registers, as on the wire). */
#define MB_SUNSPEC_BASES 3
extern const uint16_t mb_sunspec_bases[MB_SUNSPEC_BASES];
bool mb_sunspec_is_marker(const uint16_t words[static MB_SUNSPEC_HEAD]);

struct mb_sunspec_model {
  uint16_t id, address, length; /* of its first register; of what follows number and length */
  uint16_t *registers;          /* `length` of them, those that are needed filled in; NULL: not known */
};

struct mb_sunspec_chain {
  struct mb_sunspec_model model[MB_SUNSPEC_MODELS_MAX];
  size_t n;
  uint16_t next; /* address of the next model's number */
  unsigned base; /* what a description adds to addresses: the device's `base` */
};
void mb_sunspec_finish(struct mb_sunspec_chain *chain);

/* Number and length at chain->next: 1: another model, which is the last one of the chain now; 0: they end the chain;
 * -EBADMSG: it leads out of the registers, or is too long. */
int mb_sunspec_add(struct mb_sunspec_chain *chain, const uint16_t words[static MB_SUNSPEC_HEAD]);
/* How many of its registers, from the first on, say what the model is made of; 0: none does. */
unsigned mb_sunspec_needed(const struct mb_sunspec_model *model);

/* The description (tt_describe()), without the last models where all do not fit. -ENOENT: none of the models is known, or has
 * anything;
 * -ENOMEM; -EMSGSIZE: not even the first fits */
int mb_sunspec_describe(const struct mb_sunspec_chain *chain, struct tt_buf *out);
/* "1, 103, 120": the numbers of the models. */
#define MB_SUNSPEC_LIST 512
char *mb_sunspec_list(const struct mb_sunspec_chain *chain, char out[static MB_SUNSPEC_LIST]);
/* A text of the common model at this register behind number and length; "" when it is not there. */
enum { MB_SUNSPEC_MAKER = 0, MB_SUNSPEC_MODEL = 16, MB_SUNSPEC_SERIAL = 48 };
#define MB_SUNSPEC_TEXT 33
char *mb_sunspec_common(const struct mb_sunspec_chain *chain, unsigned at, char out[static MB_SUNSPEC_TEXT]);
