/* SPDX-License-Identifier: Apache-2.0
 *
 * interpret.h: what registers could mean, for whoever looks for the type and order of a value. Pure.
 */
#pragma once

#include "decode.h"

#define MB_INTERPRET_LINE 400 /* room for a line */

/* Line `i` of what there is to say about `n` registers: first how they came, then their values in one order of the bytes
 * after the other, then as text. false: there are no more lines. Some may be empty. */
bool mb_interpret(const uint16_t words[], size_t n, unsigned i, char out[static MB_INTERPRET_LINE]);

/* What the `n` > 0 registers most likely begin with: keys of a point ("type: float32, order: CDAB"), a constant, and how
 * many registers it takes. `out`: how they came and what else they could be. `is_aligned`: an even number of registers
 * lies before them. */
const char *mb_interpret_guess(const uint16_t words[], size_t n, bool is_aligned, unsigned *ret_taken,
                               char out[static MB_INTERPRET_LINE]);
