/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.c: one request and its answer, over libmodbus.
 *
 * libmodbus opens serial lines, adds and checks the CRC and cuts answers out of the stream. It is not left alone with
 * the waiting: its blocking connect, its error recovery (which sleeps and resends for ever) and its confirmation check
 * (which on a serial line takes a late answer to one request for the answer to the next) are not used.
 *
 * A serial line has no transaction numbers. What keeps answers apart there:
 *   - before a request the line must have been silent for `gap`; what comes in meanwhile is thrown away;
 *   - after an answer the line must stay silent for `gap`, else neither the answer nor what follows it is believed;
 *   - after a time-out the line is listened to for `drain`;
 *   - if nothing came then, the unit still owes an answer, and its next one must be followed by silence of `drain`.
 * Over TCP the transaction number does it, as long as the stream is whole: what follows an answer must begin another.
 */
#define _GNU_SOURCE
#include "wire.h"
#include "common/clock.h"

#include <fcntl.h>
#include <modbus/modbus.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_US  (3 * TT_USEC_PER_SEC)
#define GAP_LEAST_US        (2 * TT_USEC_PER_MSEC)
#define GAP_OVER_TCP_US     (5 * TT_USEC_PER_MSEC)
#define GAP_CHARACTERS      3.5
#define BITS_PER_CHARACTER  11
#define USER_TIMEOUT_MS     10000 /* data that a TCP peer does not acknowledge for so long ends the connection */
#define KEEPALIVE_IDLE_S    30
#define KEEPALIVE_EVERY_S   10
#define KEEPALIVE_PROBES    3
#define DISCARD_MAX         4096 /* bytes of noise between two requests; more is a line that never is silent */
#define ADDRESSES_TRIED_MAX 8

struct mb_wire {
  const struct mb_connection_options *options;
  int stop_fd;
  modbus_t *context; /* NULL: closed */
  int fd;
  uint16_t transaction;
  uint64_t gap_us;
  uint64_t active_us; /* when the last byte went in or out */
};

/* The other end of the descriptor is a line. */
static bool is_serial(const struct mb_wire *wire)
{
  return mb_is_serial(wire->options->transport);
}

/* The frames are those of a line: with a checksum, without a number. */
static bool is_rtu(const struct mb_wire *wire)
{
  return mb_is_framed(wire->options->transport);
}

int mb_wire_fd(const struct mb_wire *wire)
{
  return wire->fd;
}

int mb_wire_create(const struct mb_connection_options *options, int stop_fd, struct mb_wire **ret)
{
  struct mb_wire *wire = calloc(1, sizeof *wire);
  if (!wire)
    return -ENOMEM;
  *wire = (struct mb_wire){.options = options, .stop_fd = stop_fd, .fd = -1, .gap_us = options->gap_us};
  if (is_rtu(wire) && !wire->gap_us) {
    wire->gap_us = is_serial(wire) ? (uint64_t)(GAP_CHARACTERS * BITS_PER_CHARACTER * 1e6 / (double)options->baud)
                                   : GAP_OVER_TCP_US; /* the line is the converter's */
    if (wire->gap_us < GAP_LEAST_US)
      wire->gap_us = GAP_LEAST_US;
  }
  tt_random(&wire->transaction, sizeof wire->transaction);
  *ret = wire;
  return 0;
}

void mb_wire_close(struct mb_wire *wire)
{
  if (!wire->context)
    return;
  modbus_close(wire->context);
  modbus_free(wire->context);
  wire->context = NULL;
  wire->fd = -1;
}

void mb_wire_abort(struct mb_wire *wire)
{
  const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
  if (wire->fd >= 0 && !is_serial(wire))
    (void)connect(wire->fd, &nobody, sizeof nobody); /* a reset at once; modbus_close() alone would end in order */
  mb_wire_close(wire);
}

void mb_wire_destroy(struct mb_wire *wire)
{
  if (!wire)
    return;
  mb_wire_close(wire);
  free(wire);
}

/* Wait until `fd` has `events`, at most until `until`. 1; 0: time is up; -ECANCELED: stopped; -EIO: unplugged. */
static int wait_fd(const struct mb_wire *wire, int fd, short events, uint64_t until)
{
  for (;;) {
    uint64_t now = tt_clock_us();
    uint64_t left = until > now ? until - now : 0;
    struct timespec t = {(time_t)(left / TT_USEC_PER_SEC), (long)(left % TT_USEC_PER_SEC * 1000)};
    struct pollfd fds[] = {{.fd = wire->stop_fd, .events = POLLIN}, {.fd = fd, .events = events}};
    int r = ppoll(fds, 2, &t, NULL);
    if (r < 0 && errno != EINTR)
      return -errno;
    if (r < 0)
      continue;
    if (fds[0].revents)
      return -ECANCELED;
    if (is_serial(wire) && fds[1].revents & (POLLHUP | POLLERR | POLLNVAL))
      return -EIO; /* unplugged: such a line reads as empty for ever */
    if (fds[1].revents)
      return 1;
    if (left == 0 || tt_clock_us() >= until)
      return 0;
  }
}

/* ---- Open -------------------------------------------------------------------------------------------- */
static int fail(char why[static MB_WHY], int error, const char *what)
{
  snprintf(why, MB_WHY, "%s: %s", what, strerror(-error));
  return error;
}

static int connect_one(struct mb_wire *wire, const struct addrinfo *address, uint64_t until)
{
  int error = 0;
  socklen_t size = sizeof error;
  int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -errno;
  int r = connect(fd, address->ai_addr, address->ai_addrlen) < 0 ? -errno : 0;
  if (r == -EINPROGRESS) {
    r = wait_fd(wire, fd, POLLOUT, until);
    if (r == 0) {
      r = -ETIMEDOUT;
    } else if (r > 0) {
      r = getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? -errno : -error;
    }
  }
  if (r < 0) {
    close(fd);
    return r;
  }
  return fd;
}

static void set_options(int fd)
{
  static const struct {
    int level, name, value;
  } all[] = {
      {IPPROTO_TCP, TCP_NODELAY, 1},
      {SOL_SOCKET, SO_KEEPALIVE, 1},
      {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
      {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S},
      {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
      {IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS},
  };
  for (size_t i = 0; i < TT_COUNT(all); i++)
    setsockopt(fd, all[i].level, all[i].name, &all[i].value, sizeof all[i].value);
}

static int open_tcp(struct mb_wire *wire, char why[static MB_WHY])
{
  const struct mb_connection_options *options = wire->options;
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *found = NULL;
  char port[8], what[100];
  snprintf(port, sizeof port, "%u", (unsigned)options->port);
  snprintf(what, sizeof what, "%.80s port %s", options->host, port);
  int r = getaddrinfo(options->host, port, &hints, &found);
  if (r != 0) {
    snprintf(why, MB_WHY, "%s: %s", what, gai_strerror(r));
    return -EHOSTUNREACH;
  }
  uint64_t until = tt_clock_us() + CONNECT_TIMEOUT_US;
  int fd = -EHOSTUNREACH, tried = 0;
  for (struct addrinfo *a = found; a && fd < 0 && fd != -ECANCELED && tried < ADDRESSES_TRIED_MAX; a = a->ai_next)
    tried++, fd = connect_one(wire, a, until);
  freeaddrinfo(found);
  if (fd < 0)
    return fail(why, fd, what);
  set_options(fd);
  /* What is given here is not used: the socket is ours. */
  wire->context = is_rtu(wire) ? modbus_new_rtu("socket", 9600, 'N', 8, 1) : modbus_new_tcp("127.0.0.1", 502);
  if (!wire->context) {
    close(fd);
    return fail(why, -ENOMEM, what);
  }
  modbus_set_socket(wire->context, fd);
  wire->fd = fd;
  return 0;
}

static int open_rtu(struct mb_wire *wire, char why[static MB_WHY])
{
  const struct mb_connection_options *options = wire->options;
  wire->context = modbus_new_rtu(options->device, (int)options->baud, (char)options->parity,
                                 (int)options->data_bits, (int)options->stop_bits);
  if (!wire->context)
    return fail(why, -errno, options->device);
  if (modbus_connect(wire->context) < 0) {
    int r = -errno;
    modbus_free(wire->context);
    wire->context = NULL;
    return fail(why, r, options->device);
  }
  wire->fd = modbus_get_socket(wire->context);
  /* Two masters on one line would read each other's answers. */
  if (flock(wire->fd, LOCK_EX | LOCK_NB) < 0) {
    mb_wire_close(wire);
    snprintf(why, MB_WHY, "%.100s is used by another connection or program", options->device);
    return -EBUSY;
  }
  return 0;
}

int mb_wire_open(struct mb_wire *wire, char why[static MB_WHY])
{
  mb_wire_close(wire);
  int r = is_serial(wire) ? open_rtu(wire, why) : open_tcp(wire, why);
  if (r < 0)
    return r;
  if (wire->fd >= FD_SETSIZE) { /* libmodbus would abort the program in FD_SET */
    mb_wire_close(wire);
    return fail(why, -EMFILE, "more connections are open than libmodbus can serve");
  }
  wire->active_us = tt_clock_us();
  return 0;
}

/* ---- Silence ----------------------------------------------------------------------------------------- */
/* Throw away what is there. The number of bytes, or a negative errno when the line is gone. */
static int discard(struct mb_wire *wire)
{
  uint8_t noise[512];
  int n = 0;
  while (n < DISCARD_MAX) {
    ssize_t r = read(wire->fd, noise, sizeof noise);
    if (r == 0 && !is_serial(wire))
      return -ECONNRESET;
    if (r < 0 && errno == EINTR)
      continue;
    if (r == 0 || (r < 0 && errno == EAGAIN))
      break;
    if (r < 0)
      return -errno;
    n += (int)r;
    wire->active_us = tt_clock_us();
  }
  return n;
}

int mb_wire_tidy(struct mb_wire *wire)
{
  int r = wait_fd(wire, wire->fd, POLLIN, 0);
  if (r > 0)
    r = discard(wire);
  return r < 0 ? r : 0;
}

/* Listen until `until`, and on until there was silence for `gap`. The number of bytes that came; -EBADMSG: it never is
 * silent; another negative errno. */
static int listen_until(struct mb_wire *wire, uint64_t until)
{
  int heard = 0;
  for (;;) {
    uint64_t end = wire->active_us + wire->gap_us;
    if (end < until)
      end = until;
    int r = wait_fd(wire, wire->fd, POLLIN, end);
    if (r <= 0)
      return r < 0 ? r : heard;
    r = discard(wire);
    if (r < 0)
      return r;
    heard += r;
    if (heard >= DISCARD_MAX)
      return -EBADMSG;
  }
}

/* ---- Exchange ---------------------------------------------------------------------------------------- */
static int send_request(struct mb_wire *wire, const uint8_t frame[], size_t n)
{
  uint8_t out[MB_TCP_HEADER + MB_FRAME_MAX];
  ssize_t r;
  if (is_rtu(wire)) {
    r = modbus_send_raw_request(wire->context, frame, (int)n);
    return r < 0 ? -errno : 0;
  }
  mb_tcp_header(++wire->transaction, n, out);
  memcpy(out + MB_TCP_HEADER, frame, n);
  n += MB_TCP_HEADER;
  r = send(wire->fd, out, n, MSG_NOSIGNAL);
  return r < 0 ? -errno : (size_t)r < n ? -EPIPE : 0;
}

static uint64_t line_time_us(const struct mb_wire *wire, size_t bytes)
{
  return is_serial(wire) ? bytes * BITS_PER_CHARACTER * TT_USEC_PER_SEC / (uint64_t)wire->options->baud : 0;
}

/* Cut one answer out of the stream. Its length without what belongs to the transport, which `ret_start` points behind. */
static int receive(struct mb_wire *wire, uint8_t answer[static MODBUS_TCP_MAX_ADU_LENGTH], uint8_t **ret_start,
                   const char **ret_why)
{
  uint64_t us = wire->options->timeout_us;
  /* Without a byte time-out libmodbus takes the response time-out for the whole answer: an end, whatever trickles in. */
  modbus_set_response_timeout(wire->context, (uint32_t)(us / TT_USEC_PER_SEC), (uint32_t)(us % TT_USEC_PER_SEC));
  modbus_set_byte_timeout(wire->context, 0, 0);
  int n = modbus_receive_confirmation(wire->context, answer);
  wire->active_us = tt_clock_us();
  if (n < 0) {
    if (errno == ETIMEDOUT) {
      *ret_why = "it broke off";
    } else if (errno == EMBBADCRC) {
      *ret_why = "its checksum is wrong";
    } else if (errno == EMBBADDATA) {
      *ret_why = "it is too long";
    } else {
      return -errno;
    }
    return -EBADMSG;
  }
  if (is_rtu(wire)) {
    *ret_start = answer;
    if (n < 2) {
      *ret_why = "it is from another unit";
      return -EBADMSG;
    }
    return n - 2;
  }
  *ret_start = answer + MB_TCP_HEADER;
  int r = mb_tcp_check(wire->transaction, answer, (size_t)n);
  *ret_why = "its header is wrong";
  return r < 0 ? r : n - MB_TCP_HEADER;
}

/* libmodbus does not know how long an answer to function 43 is. The bytes of one, without what belongs to the transport. */
static int receive_identification(struct mb_wire *wire, uint8_t answer[static MODBUS_TCP_MAX_ADU_LENGTH],
                                  uint8_t **ret_start, const char **ret_why)
{
  size_t head = is_rtu(wire) ? 0 : MB_TCP_HEADER, tail = is_rtu(wire) ? 2 : 0, n = 0, need = head + 2;
  uint64_t until = tt_clock_us() + wire->options->timeout_us;
  *ret_start = answer + head;
  while (n < need) {
    int r = wait_fd(wire, wire->fd, POLLIN, until);
    if (r < 0)
      return r;
    ssize_t got = r > 0 ? read(wire->fd, answer + n, need - n) : 0;
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
      continue;
    if (got < 0)
      return -errno;
    if (got == 0 && r > 0 && !is_serial(wire))
      return -ECONNRESET;
    if (got == 0) {
      *ret_why = "it broke off";
      return -EBADMSG;
    }
    n += (size_t)got;
    wire->active_us = tt_clock_us();
    size_t whole = is_rtu(wire) ? mb_identify_need(answer, n) : 2;
    if (!is_rtu(wire) && n >= head) /* whatever it is: the header says how long */
      whole = (size_t)answer[MB_TCP_HEADER - 2] << 8 | answer[MB_TCP_HEADER - 1];
    if (whole == 0 || head + whole + tail > MODBUS_TCP_MAX_ADU_LENGTH) {
      *ret_why = "it is no identification";
      return -EBADMSG;
    }
    need = head + whole + tail;
  }
  if (is_rtu(wire)) {
    uint16_t crc = mb_crc(answer, n - tail);
    *ret_why = "its checksum is wrong";
    return answer[n - 2] == (crc & 0xff) && answer[n - 1] == crc >> 8 ? (int)(n - tail) : -EBADMSG;
  }
  int r = mb_tcp_check(wire->transaction, answer, n);
  *ret_why = "its header is wrong";
  return r < 0 ? r : (int)(n - head);
}

/* Wait for the answer and look at it. */
static int answer_to(struct mb_wire *wire, const struct mb_request *request, uint64_t until, uint16_t words[],
                     const char **ret_why)
{
  uint8_t answer[MODBUS_TCP_MAX_ADU_LENGTH], *start = answer;
  for (;;) {
    int r = wait_fd(wire, wire->fd, POLLIN, until);
    if (r <= 0)
      return r < 0 ? r : -ETIMEDOUT;
    r = request->function == MB_IDENTIFY ? receive_identification(wire, answer, &start, ret_why)
                                         : receive(wire, answer, &start, ret_why);
    if (r == -ESTALE) /* the answer to an earlier request, which has been given up: ours may still come */
      continue;
    return r < 0 ? r : mb_frame_check(request, start, (size_t)r, words, ret_why);
  }
}

/* When a gateway cuts an answer short, the next one in the stream fills it up: then what follows begins in the middle. */
static bool is_stream_broken(const struct mb_wire *wire)
{
  uint8_t next[MB_TCP_HEADER];
  ssize_t n = recv(wire->fd, next, sizeof next, MSG_PEEK | MSG_DONTWAIT);
  return n > 0 && !mb_tcp_is_earlier(wire->transaction, next, (size_t)n);
}

static int exchange(struct mb_wire *wire, const struct mb_request *request, bool *is_owing, uint16_t words[],
                    const char **ret_why)
{
  uint8_t frame[MB_FRAME_MAX];
  size_t n = mb_frame_build(request, frame);
  int r = listen_until(wire, 0);
  if (r == -EBADMSG)
    *ret_why = "the line is never silent";
  if (r < 0)
    return r;
  if (request->deadline_us && tt_clock_us() >= request->deadline_us)
    return -ETIME;
  if (is_rtu(wire))
    modbus_set_slave(wire->context, request->unit);
  r = send_request(wire, frame, n);
  if (r < 0)
    return r;
  wire->active_us = tt_clock_us();
  r = answer_to(wire, request, wire->active_us + wire->options->timeout_us + line_time_us(wire, n), words, ret_why);
  if (r >= 0 && !is_rtu(wire) && is_stream_broken(wire)) {
    *ret_why = "what follows it is none";
    return -EBADMSG;
  }
  if (r >= 0 && is_rtu(wire)) {
    int heard = listen_until(wire, *is_owing ? tt_clock_us() + wire->options->drain_us : 0);
    if (heard < 0)
      return heard;
    if (heard > 0) {
      *ret_why = "more than one came";
      r = -EBADMSG;
    }
    *is_owing = false;
  }
  return r;
}

int mb_wire_exchange(struct mb_wire *wire, const struct mb_request *request, bool *is_owing, uint16_t words[],
                     char why[static MB_WHY])
{
  const char *reason = "";
  if (!wire->context)
    return -ENOTCONN;
  int r = exchange(wire, request, is_owing, words, &reason);
  if (r == -EBADMSG) {
    snprintf(why, MB_WHY, "what came is not the answer: %s", reason);
  } else if (r < 0 && r != -ETIMEDOUT) {
    snprintf(why, MB_WHY, "%s", strerror(-r));
  }
  if (r == -ETIMEDOUT || (r == -EBADMSG && is_rtu(wire))) {
    int heard = listen_until(wire, tt_clock_us() + wire->options->drain_us);
    if (heard < 0 && heard != -EBADMSG)
      return heard;
    if (r == -ETIMEDOUT)
      *is_owing = heard == 0 && is_rtu(wire);
  }
  return r;
}
