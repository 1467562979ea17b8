/* SPDX-License-Identifier: Apache-2.0
 * wire.c before an other end that says exactly what a test wants it to, over TCP and over a pseudo terminal. */
#define _GNU_SOURCE
#include "cmocka_all.h"
#include "wire.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 5000
#define GENEROUS_US (5 * TT_USEC_PER_SEC)   /* where an answer comes, on a busy machine, too */
#define SHORT_US    (60 * TT_USEC_PER_MSEC) /* where none comes */
#define UNIT        17
#define FAR_MAX     512

/* A read of two input registers and its answer, without what the transport adds. */
static const struct mb_request request = {UNIT, 4, 0x0010, 2, NULL};
static const uint8_t answer[] = {UNIT, 4, 4, 0x12, 0x34, 0x56, 0x78};

struct line;
typedef void (*far_fn)(struct line *line, const uint8_t asked[], size_t n);

struct line {
  struct mb_connection_options options;
  struct mb_wire *wire;
  int stop_fd, listener, far; /* the other end */
  char device[64];
  far_fn say;
  uint16_t words[2];
  bool is_owing;
  char why[MB_WHY];
};

static uint64_t now_us(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * TT_USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}

static bool is_rtu(const struct line *line)
{
  return line->options.transport == MB_RTU;
}

static void listen_tcp(struct line *line)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  line->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(line->listener, (struct sockaddr *)&address, size), 0);
  assert_int_equal(listen(line->listener, 4), 0);
  getsockname(line->listener, (struct sockaddr *)&address, &size);
  line->options.port = ntohs(address.sin_port);
}

static void open_pty(struct line *line)
{
  struct termios t;
  line->far = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  assert_true(line->far >= 0 && grantpt(line->far) == 0 && unlockpt(line->far) == 0);
  tcgetattr(line->far, &t);
  cfmakeraw(&t);
  tcsetattr(line->far, TCSANOW, &t);
  snprintf(line->device, sizeof line->device, "%s", ptsname(line->far));
}

/* Both ends, not yet joined. */
static void setup(struct line *line, int transport)
{
  *line = (struct line){.far = -1, .listener = -1, .stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  line->options = (struct mb_connection_options){.transport = transport,
                                                 .host = "127.0.0.1",
                                                 .device = line->device,
                                                 .baud = 115200,
                                                 .parity = 'N',
                                                 .data_bits = 8,
                                                 .stop_bits = 1,
                                                 .timeout_us = GENEROUS_US,
                                                 .drain_us = 30000};
  if (transport == MB_TCP) {
    listen_tcp(line);
  } else {
    open_pty(line);
  }
  assert_int_equal(mb_wire_create(&line->options, line->stop_fd, &line->wire), 0);
}

static void connect_both(struct line *line)
{
  int r = mb_wire_open(line->wire, line->why);
  if (r < 0)
    fail_msg("%s", line->why);
  if (!is_rtu(line))
    line->far = accept4(line->listener, NULL, NULL, SOCK_CLOEXEC);
  assert_true(line->far >= 0);
}

static void begin(struct line *line, int transport)
{
  setup(line, transport);
  connect_both(line);
}

static void hang_up(struct line *line)
{
  if (line->far >= 0)
    close(line->far);
  line->far = -1;
}

static void end(struct line *line)
{
  mb_wire_destroy(line->wire);
  hang_up(line);
  if (line->listener >= 0)
    close(line->listener);
  close(line->stop_fd);
}

/* ---- The other end ------------------------------------------------------------------------------------- */
static void *far_end(void *user)
{
  struct line *line = user;
  uint8_t asked[FAR_MAX];
  size_t n = 0, whole = is_rtu(line) ? 8 : 12;
  while (n < whole) {
    struct pollfd fd = {.fd = line->far, .events = POLLIN};
    ssize_t r = poll(&fd, 1, PATIENCE_MS) > 0 ? read(line->far, asked + n, sizeof asked - n) : -1;
    if (r <= 0)
      return NULL;
    n += (size_t)r;
  }
  line->say(line, asked, n);
  return NULL;
}

static int ask(struct line *line, far_fn say)
{
  pthread_t thread;
  line->say = say;
  assert_int_equal(pthread_create(&thread, NULL, far_end, line), 0);
  int r = mb_wire_exchange(line->wire, &request, &line->is_owing, line->words, line->why);
  pthread_join(thread, NULL);
  return r;
}

static void put(struct line *line, const uint8_t bytes[], size_t n)
{
  assert_int_equal(write(line->far, bytes, n), n);
}

/* As the transport carries `n` bytes; TCP with that transaction number. */
static size_t wrap(const struct line *line, uint16_t transaction, const uint8_t bytes[], size_t n, uint8_t out[])
{
  if (!is_rtu(line)) {
    mb_tcp_header(transaction, n, out);
    memcpy(out + MB_TCP_HEADER, bytes, n);
    return MB_TCP_HEADER + n;
  }
  uint16_t crc = 0xffff;
  memcpy(out, bytes, n);
  for (size_t i = 0; i < n; i++) {
    crc ^= bytes[i];
    for (int k = 0; k < 8; k++)
      crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1);
  }
  out[n] = (uint8_t)crc;
  out[n + 1] = (uint8_t)(crc >> 8);
  return n + 2;
}

static uint16_t transaction_of(const uint8_t asked[])
{
  return (uint16_t)(asked[0] << 8 | asked[1]);
}

static void answer_well(struct line *line, const uint8_t asked[], size_t n)
{
  uint8_t out[FAR_MAX];
  (void)n;
  put(line, out, wrap(line, transaction_of(asked), answer, sizeof answer, out));
}

static void say_nothing(struct line *line, const uint8_t asked[], size_t n)
{
  (void)line, (void)asked, (void)n;
}

static void check_answered(struct line *line, int r)
{
  if (r != 0)
    fail_msg("%d: %s", r, line->why);
  assert_int_equal(line->words[0], 0x1234);
  assert_int_equal(line->words[1], 0x5678);
}

/* ---- Tests --------------------------------------------------------------------------------------------- */
static struct line line;

static void a_good_answer(void **state)
{
  (void)state;
  for (int transport = MB_TCP; transport <= MB_RTU; transport++) {
    begin(&line, transport);
    for (int i = 0; i < 3; i++)
      check_answered(&line, ask(&line, answer_well));
    end(&line);
  }
}

static void answer_exception(struct line *l, const uint8_t asked[], size_t n)
{
  uint8_t out[FAR_MAX];
  (void)n;
  put(l, out, wrap(l, transaction_of(asked), (uint8_t[]){UNIT, 0x84, 2}, 3, out));
}

static void an_exception(void **state)
{
  (void)state;
  for (int transport = MB_TCP; transport <= MB_RTU; transport++) {
    begin(&line, transport);
    assert_int_equal(ask(&line, answer_exception), 2);
    check_answered(&line, ask(&line, answer_well));
    end(&line);
  }
}

/* What lies on the line before a request belongs to nobody. */
static void noise_before_a_request(void **state)
{
  (void)state;
  uint8_t out[FAR_MAX];
  for (int transport = MB_TCP; transport <= MB_RTU; transport++) {
    begin(&line, transport);
    put(&line, out, wrap(&line, 1, (uint8_t[]){UNIT, 4, 4, 0, 0, 0, 0}, 7, out));
    check_answered(&line, ask(&line, answer_well));
    put(&line, out, wrap(&line, 1, answer, sizeof answer, out));
    assert_int_equal(mb_wire_tidy(line.wire), 0);
    end(&line);
  }
}

static void a_request_past_its_deadline(void **state)
{
  (void)state;
  struct mb_request late = request;
  late.deadline_us = 1;
  for (int transport = MB_TCP; transport <= MB_RTU; transport++) {
    begin(&line, transport);
    assert_int_equal(mb_wire_exchange(line.wire, &late, &line.is_owing, line.words, line.why), -ETIME);
    struct pollfd far = {.fd = line.far, .events = POLLIN};
    assert_int_equal(poll(&far, 1, 0), 0); /* nothing was sent */
    check_answered(&line, ask(&line, answer_well));
    end(&line);
  }
}

/* The other end of a connection that was given up sees a reset: what was under way to it is gone. */
static void an_aborted_connection(void **state)
{
  (void)state;
  uint8_t byte;
  begin(&line, MB_TCP);
  mb_wire_abort(line.wire);
  assert_int_equal(mb_wire_fd(line.wire), -1);
  assert_int_equal(read(line.far, &byte, 1), -1);
  assert_int_equal(errno, ECONNRESET);
  end(&line);
}

struct noise {
  int fd;
  atomic_bool is_over;
  sem_t has_begun;
};

static void *make_noise(void *user)
{
  struct noise *noise = user;
  uint8_t bytes[256];
  memset(bytes, 0xaa, sizeof bytes);
  for (unsigned i = 0; !atomic_load(&noise->is_over); i++) {
    struct pollfd fd = {.fd = noise->fd, .events = POLLOUT};
    if (poll(&fd, 1, 10) > 0 && write(noise->fd, bytes, sizeof bytes) < 0 && errno != EAGAIN)
      break;
    if (i == 4)
      sem_post(&noise->has_begun);
  }
  return NULL;
}

/* Such a line would never come to a request; that ends (DISCARD_MAX), with a reason. */
static void a_line_that_is_never_silent(void **state)
{
  (void)state;
  pthread_t thread;
  begin(&line, MB_RTU);
  struct noise noise = {.fd = line.far};
  sem_init(&noise.has_begun, 0, 0);
  fcntl(line.far, F_SETFL, O_NONBLOCK);
  assert_int_equal(pthread_create(&thread, NULL, make_noise, &noise), 0);
  sem_wait(&noise.has_begun);
  int r = mb_wire_exchange(line.wire, &request, &line.is_owing, line.words, line.why);
  assert_int_equal(r, -EBADMSG);
  assert_string_equal(line.why, "what came is not the answer: the line is never silent");
  atomic_store(&noise.is_over, true);
  pthread_join(thread, NULL);
  sem_destroy(&noise.has_begun);
  do /* what is left of it in between */
    r = mb_wire_exchange(line.wire, &request, &line.is_owing, line.words, line.why);
  while (r == -EBADMSG);
  assert_int_equal(r, -ETIMEDOUT);
  uint8_t asked[FAR_MAX];
  assert_int_equal(read(line.far, asked, sizeof asked), 8);
  line.options.timeout_us = GENEROUS_US;
  check_answered(&line, ask(&line, answer_well));
  end(&line);
}

static void answer_twice(struct line *l, const uint8_t asked[], size_t n)
{
  uint8_t out[FAR_MAX];
  (void)n;
  size_t size = wrap(l, transaction_of(asked), answer, sizeof answer, out);
  memcpy(out + size, out, size);
  put(l, out, 2 * size);
}

/* On a serial line nobody knows which of the two was meant; over TCP both carry the number of the request. */
static void two_answers(void **state)
{
  (void)state;
  begin(&line, MB_RTU);
  assert_int_equal(ask(&line, answer_twice), -EBADMSG);
  assert_string_equal(line.why, "what came is not the answer: more than one came");
  check_answered(&line, ask(&line, answer_well));
  end(&line);
  begin(&line, MB_TCP);
  check_answered(&line, ask(&line, answer_twice));
  check_answered(&line, ask(&line, answer_well));
  end(&line);
}

static void answer_old_and_new(struct line *l, const uint8_t asked[], size_t n)
{
  uint8_t out[FAR_MAX];
  uint16_t transaction = transaction_of(asked);
  (void)n;
  size_t size = wrap(l, (uint16_t)(transaction - 1), (uint8_t[]){UNIT, 4, 4, 9, 9, 9, 9}, 7, out);
  size += wrap(l, transaction, answer, sizeof answer, out + size);
  put(l, out, size);
}

static void the_answer_to_an_earlier_request(void **state)
{
  (void)state;
  begin(&line, MB_TCP);
  check_answered(&line, ask(&line, answer_old_and_new));
  end(&line);
}

static void answer_wrong_protocol(struct line *l, const uint8_t asked[], size_t n)
{
  uint8_t out[FAR_MAX];
  (void)n;
  size_t size = wrap(l, transaction_of(asked), answer, sizeof answer, out);
  out[2] = 1;
  put(l, out, size);
}

static void a_header_that_is_none(void **state)
{
  (void)state;
  begin(&line, MB_TCP);
  assert_int_equal(ask(&line, answer_wrong_protocol), -EBADMSG);
  assert_string_equal(line.why, "what came is not the answer: its header is wrong");
  end(&line);
}

/* Cut short, and filled up by an answer that comes late. */
static void answer_filled_up(struct line *l, const uint8_t asked[], size_t n)
{
  uint8_t out[FAR_MAX];
  uint16_t transaction = transaction_of(asked);
  (void)n;
  size_t size = wrap(l, transaction, answer, sizeof answer, out) - 3;
  size += wrap(l, (uint16_t)(transaction - 1), (uint8_t[]){UNIT, 4, 4, 9, 9, 9, 9}, 7, out + size);
  put(l, out, size);
}

static void a_stream_with_a_hole(void **state)
{
  (void)state;
  begin(&line, MB_TCP);
  assert_int_equal(ask(&line, answer_filled_up), -EBADMSG);
  assert_string_equal(line.why, "what came is not the answer: what follows it is none");
  end(&line);
}

static void answer_half(struct line *l, const uint8_t asked[], size_t n)
{
  uint8_t out[FAR_MAX];
  (void)n;
  put(l, out, wrap(l, transaction_of(asked), answer, sizeof answer, out) / 2);
}

static void answer_bad_crc(struct line *l, const uint8_t asked[], size_t n)
{
  uint8_t out[FAR_MAX];
  (void)n;
  size_t size = wrap(l, transaction_of(asked), answer, sizeof answer, out);
  out[4] ^= 0x10;
  put(l, out, size);
}

static void answer_other_unit(struct line *l, const uint8_t asked[], size_t n)
{
  uint8_t out[FAR_MAX], other[sizeof answer];
  (void)n;
  memcpy(other, answer, sizeof answer);
  other[0] = UNIT + 1;
  put(l, out, wrap(l, transaction_of(asked), other, sizeof other, out));
}

static void answer_other_function(struct line *l, const uint8_t asked[], size_t n)
{
  uint8_t out[FAR_MAX], other[sizeof answer];
  (void)n;
  memcpy(other, answer, sizeof answer);
  other[1] = 3;
  put(l, out, wrap(l, transaction_of(asked), other, sizeof other, out));
}

static void answer_too_much(struct line *l, const uint8_t asked[], size_t n)
{
  uint8_t out[FAR_MAX], more[] = {UNIT, 4, 6, 0, 1, 0, 2, 0, 3};
  (void)n;
  put(l, out, wrap(l, transaction_of(asked), more, sizeof more, out));
}

/* Nothing of it becomes a value, and the next request of a serial line is answered as if nothing had been. */
static void what_is_no_answer(void **state)
{
  (void)state;
  static const struct {
    far_fn say;
    bool is_rtu_only;
    uint64_t timeout_us;
    const char *why;
  } rows[] = {
      {answer_half, false, SHORT_US, "it broke off"},
      {answer_bad_crc, true, GENEROUS_US, "its checksum is wrong"},
      {answer_other_unit, false, GENEROUS_US, "it is from another unit"},
      {answer_other_function, false, GENEROUS_US, "it has another function code"},
      {answer_too_much, false, GENEROUS_US, "it has another length"},
  };
  for (int transport = MB_TCP; transport <= MB_RTU; transport++)
    for (size_t i = 0; i < TT_COUNT(rows); i++) {
      char expected[MB_WHY];
      if (rows[i].is_rtu_only && transport != MB_RTU)
        continue;
      begin(&line, transport);
      line.options.timeout_us = rows[i].timeout_us;
      assert_int_equal(ask(&line, rows[i].say), -EBADMSG);
      line.options.timeout_us = GENEROUS_US;
      snprintf(expected, sizeof expected, "what came is not the answer: %s", rows[i].why);
      assert_string_equal(line.why, expected);
      assert_int_equal(line.words[0], 0);
      if (transport == MB_RTU)
        check_answered(&line, ask(&line, answer_well));
      end(&line);
    }
}

/* A byte now and then, each in time, all together not. */
static void answer_slowly(struct line *l, const uint8_t asked[], size_t n)
{
  uint8_t out[FAR_MAX];
  (void)n;
  size_t size = wrap(l, transaction_of(asked), answer, sizeof answer, out);
  struct pollfd fd = {.fd = -1};
  for (size_t i = 0; i < size; i++) {
    poll(&fd, 1, 40); /* the pace of this device */
    if (write(l->far, out + i, 1) < 0)
      return;
  }
}

static void what_trickles_in_has_an_end(void **state)
{
  (void)state;
  begin(&line, MB_RTU);
  line.options.timeout_us = SHORT_US;
  uint64_t start = now_us();
  line.say = answer_slowly;
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, far_end, &line), 0);
  assert_int_equal(mb_wire_exchange(line.wire, &request, &line.is_owing, line.words, line.why), -EBADMSG);
  assert_true(now_us() - start < 9 * 40000); /* before the last byte */
  pthread_join(thread, NULL);
  end(&line);
}

/* No answer and none while it was listened for one: the unit may still give it. */
static void a_debt_is_remembered_and_paid(void **state)
{
  (void)state;
  begin(&line, MB_RTU);
  line.options.timeout_us = SHORT_US;
  assert_int_equal(ask(&line, say_nothing), -ETIMEDOUT);
  assert_true(line.is_owing);
  line.options.timeout_us = GENEROUS_US;
  uint64_t start = now_us();
  check_answered(&line, ask(&line, answer_well)); /* believed when nothing has followed */
  assert_true(now_us() - start >= line.options.drain_us);
  assert_false(line.is_owing);
  line.is_owing = true;
  assert_int_equal(ask(&line, answer_twice), -EBADMSG);
  assert_false(line.is_owing);
  end(&line);
  begin(&line, MB_TCP); /* where answers are numbered nobody owes anything */
  line.options.timeout_us = SHORT_US;
  assert_int_equal(ask(&line, say_nothing), -ETIMEDOUT);
  assert_false(line.is_owing);
  end(&line);
}

static void hang_up_instead(struct line *l, const uint8_t asked[], size_t n)
{
  (void)asked, (void)n;
  hang_up(l);
}

static void the_other_end_goes(void **state)
{
  (void)state;
  for (int transport = MB_TCP; transport <= MB_RTU; transport++) {
    begin(&line, transport);
    int r = ask(&line, hang_up_instead);
    assert_true(r < 0 && r != -ETIMEDOUT && r != -EBADMSG && r != -ECANCELED);
    assert_true(*line.why);
    assert_true(mb_wire_tidy(line.wire) < 0);
    mb_wire_close(line.wire);
    assert_int_equal(mb_wire_fd(line.wire), -1);
    assert_int_equal(mb_wire_exchange(line.wire, &request, &line.is_owing, line.words, line.why), -ENOTCONN);
    end(&line);
  }
}

static void stop_instead(struct line *l, const uint8_t asked[], size_t n)
{
  uint64_t one = 1;
  (void)asked, (void)n;
  assert_int_equal(write(l->stop_fd, &one, sizeof one), sizeof one);
}

static void a_stop_ends_every_wait(void **state)
{
  (void)state;
  for (int transport = MB_TCP; transport <= MB_RTU; transport++) {
    begin(&line, transport);
    line.options.timeout_us = 30 * TT_USEC_PER_SEC;
    uint64_t start = now_us();
    assert_int_equal(ask(&line, stop_instead), -ECANCELED);
    assert_int_equal(mb_wire_exchange(line.wire, &request, &line.is_owing, line.words, line.why), -ECANCELED);
    assert_true(now_us() - start < 5 * TT_USEC_PER_SEC);
    end(&line);
  }
}

static void what_cannot_be_opened(void **state)
{
  (void)state;
  setup(&line, MB_TCP);
  char expected[MB_WHY];
  snprintf(expected, sizeof expected, "127.0.0.1 port %d: Connection refused", (int)line.options.port);
  shutdown(line.listener, SHUT_RDWR); /* the port stays ours, but nobody listens */
  assert_int_equal(mb_wire_open(line.wire, line.why), -ECONNREFUSED);
  assert_string_equal(line.why, expected);
  end(&line);
  setup(&line, MB_RTU);
  line.options.device = "/nowhere/ttyUSB0";
  assert_int_equal(mb_wire_open(line.wire, line.why), -ENOENT);
  assert_string_equal(line.why, "/nowhere/ttyUSB0: No such file or directory");
  end(&line);
}

/* libmodbus waits with select(): a descriptor that does not fit there would end the program. */
static void descriptors_that_select_cannot_take(void **state)
{
  (void)state;
  struct rlimit limit, before;
  int taken[FD_SETSIZE], n = 0;
  getrlimit(RLIMIT_NOFILE, &before);
  limit = before;
  if (limit.rlim_max < FD_SETSIZE + 64)
    skip();
  limit.rlim_cur = FD_SETSIZE + 64;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  for (int transport = MB_TCP; transport <= MB_RTU; transport++) {
    setup(&line, transport);
    for (n = 0; n < FD_SETSIZE; n++) {
      taken[n] = dup(line.stop_fd);
      assert_true(taken[n] >= 0);
      if (taken[n] == FD_SETSIZE - 1)
        break;
    }
    assert_int_equal(mb_wire_open(line.wire, line.why), -EMFILE);
    assert_string_equal(line.why, "more connections are open than libmodbus can serve: Too many open files");
    assert_int_equal(mb_wire_fd(line.wire), -1);
    assert_int_equal(mb_wire_exchange(line.wire, &request, &line.is_owing, line.words, line.why), -ENOTCONN);
    while (n >= 0)
      close(taken[n--]);
    if (!is_rtu(&line))
      close(accept(line.listener, NULL, NULL)); /* the one that was given up */
    connect_both(&line);
    check_answered(&line, ask(&line, answer_well));
    end(&line);
  }
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_good_answer),
      cmocka_unit_test(an_exception),
      cmocka_unit_test(noise_before_a_request),
      cmocka_unit_test(a_request_past_its_deadline),
      cmocka_unit_test(an_aborted_connection),
      cmocka_unit_test(a_line_that_is_never_silent),
      cmocka_unit_test(two_answers),
      cmocka_unit_test(the_answer_to_an_earlier_request),
      cmocka_unit_test(a_header_that_is_none),
      cmocka_unit_test(a_stream_with_a_hole),
      cmocka_unit_test(what_is_no_answer),
      cmocka_unit_test(what_trickles_in_has_an_end),
      cmocka_unit_test(a_debt_is_remembered_and_paid),
      cmocka_unit_test(the_other_end_goes),
      cmocka_unit_test(a_stop_ends_every_wait),
      cmocka_unit_test(what_cannot_be_opened),
      cmocka_unit_test(descriptors_that_select_cannot_take),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
