/* SPDX-License-Identifier: Apache-2.0
 * cmocka.h with what it wants included before it, and nothing else. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
