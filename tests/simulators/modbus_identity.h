/* SPDX-License-Identifier: Apache-2.0
 *
 * modbus_identity.h: the number that a register of the simulated meter holds when it is to tell where it comes from:
 * made of table, address and generation so that no other register, and none of another generation, is likely to hold
 * the same. */
#pragma once

#include <stdint.h>

static inline uint16_t modbus_identity(unsigned table, unsigned address, uint32_t generation)
{
  uint64_t x = (uint64_t)generation << 32 | (uint64_t)(table & 3) << 16 | (address & 0xffff);
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return (uint16_t)(x ^ x >> 31);
}
