/* SPDX-License-Identifier: Apache-2.0
 * What AddressSanitizer does by default in the program and in its tests, when they are built with it. ASAN_OPTIONS of the
 * environment add to this and win.
 *
 * The runtime of gcc 12 and clang 14 watches for blocks of thread-local storage of shared objects that are loaded late. One
 * that begins 16 bytes into a page it takes for one of glibc 2.19 to 2.24, which had its address and length in front of it.
 * Since 2.25 these blocks are from malloc, and what lies in front is malloc's: LeakSanitizer then reads from an address that
 * never was one ("Tracer caught signal 11"), and the program fails when it ends. One input in some hundred gets there, that
 * one every time: bridges bring GnuTLS along, which uses its 16 bytes when it is left. Of all other blocks the runtime
 * learns nothing with today's glibc, so not to watch loses no leak. */
#include <sanitizer/asan_interface.h>

__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
  return "intercept_tls_get_addr=0";
}
