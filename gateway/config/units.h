/* SPDX-License-Identifier: Apache-2.0
 *
 * units.h: units as files write them (UCUM codes) and as XEP-0323 prints them. Pure.
 */
#pragma once

/* "Cel" -> "°C"; "1" -> "". NULL when the code is not known. The same spelling is given back for codes that print as
 * themselves. */
const char *tt_unit_printed(const char *ucum);
/* The known code that is closest, also for a printed unit ("°C" -> "Cel"); NULL. */
const char *tt_unit_closest(const char *text);
