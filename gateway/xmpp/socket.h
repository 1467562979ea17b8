/* SPDX-License-Identifier: Apache-2.0
 *
 * socket.h: how the sockets of both kinds of streams are set up. Any thread.
 */
#pragma once

/* No Nagle, and the kernel notices when the other end has vanished. */
void tt_socket_tune(int fd);
/* Acknowledge at once what has just been read. The kernel falls back to delayed acknowledgements, for which Nagle on the
 * server's side waits 40 ms: to be called after each turn of reading. */
void tt_socket_acknowledge(int fd);
