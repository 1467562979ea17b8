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
