/* SPDX-License-Identifier: Apache-2.0
 * channel.c: one end of a socket pair, the test holds the other. */
#include "bridge/channel.h"

#include "cmocka_all.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

static struct {
  struct sd_event *event;
  struct tt_channel *channel;
  int other;
  unsigned n_letters, n_over, most_in_turn;
  int error, answer;
  uint64_t last_number;
} w;

static int on_letter(void *user TT_UNUSED, const struct tt_letter *letter)
{
  w.n_letters++;
  w.last_number = letter->number;
  return w.answer;
}

static void on_over(void *user TT_UNUSED, int error)
{
  w.n_over++;
  w.error = error;
  tt_channel_destroy(TT_STEAL(w.channel)); /* is allowed */
}

static int setup(void **state TT_UNUSED)
{
  int pair[2];
  const struct tt_channel_hooks hooks = {.letter = on_letter, .over = on_over};
  memset(&w, 0, sizeof(w));
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  assert_true(sd_event_new(&w.event) >= 0);
  w.other = pair[1];
  fcntl(w.other, F_SETFL, O_NONBLOCK);
  return tt_channel_create(w.event, pair[0], &hooks, &w.channel);
}

static int teardown(void **state TT_UNUSED)
{
  tt_channel_destroy(w.channel);
  sd_event_unref(w.event);
  if (w.other >= 0)
    close(w.other);
  return 0;
}

static void turn(void)
{
  unsigned before = w.n_letters;
  assert_true(sd_event_run(w.event, 0) >= 0);
  if (w.n_letters - before > w.most_in_turn)
    w.most_in_turn = w.n_letters - before;
}

static void turns(int n)
{
  while (n-- > 0)
    turn();
}

static int send_number(enum tt_class class, uint64_t key, uint64_t number)
{
  return tt_channel_send(w.channel, &(struct tt_letter){.type = TT_FRAME_PONG, .number = number}, class, key);
}

static void put(unsigned type, const char *body, size_t n)
{
  unsigned char head[TT_FRAME_HEAD];
  tt_frame_head(head, type, 0, n);
  assert_int_equal(write(w.other, head, sizeof(head)), sizeof(head));
  assert_int_equal(write(w.other, body, n), n);
}

/* The numbers that the other end gets until nothing more comes. */
static size_t drain(uint64_t numbers[], size_t max)
{
  static unsigned char bytes[16u * 1024 * 1024];
  size_t n = 0, have = 0, used, at = 0;
  struct tt_frame frame;
  for (int idle = 0; idle < 3;) {
    turn();
    ssize_t got = read(w.other, bytes + have, sizeof(bytes) - have);
    idle = got > 0 ? 0 : idle + 1;
    have += got > 0 ? (size_t)got : 0;
  }
  for (; tt_frame_take(bytes + at, have - at, &frame, &used) > 0; at += used) {
    struct tt_letter letter TT_AUTOLETTER = {0};
    assert_int_equal(tt_letter_take(&frame, &letter), 0);
    if (letter.type == TT_FRAME_PONG && n < max)
      numbers[n++] = letter.number;
  }
  assert_int_equal(at, have);
  return n;
}

static void test_what_is_said_arrives_in_order(void **state TT_UNUSED)
{
  static uint64_t numbers[3000];
  for (uint64_t i = 0; i < TT_COUNT(numbers); i++)
    assert_int_equal(send_number(TT_CLASS_MUST, 1, i), 0);
  assert_int_equal(drain(numbers, TT_COUNT(numbers)), TT_COUNT(numbers));
  for (uint64_t i = 0; i < TT_COUNT(numbers); i++)
    assert_true(numbers[i] == i);
  assert_int_equal(tt_channel_waiting(w.channel), 0);
}

static void fill(size_t bytes)
{
  static char blob[50000];
  const struct tt_letter letter = {.type = TT_FRAME_ATTACH, .blob = blob, .blob_size = sizeof(blob)};
  while (tt_channel_waiting(w.channel) < bytes)
    assert_int_equal(tt_channel_send(w.channel, &letter, TT_CLASS_MUST, 0), 0);
}

static void test_much_waiting_makes_the_newer_replace_the_older(void **state TT_UNUSED)
{
  uint64_t numbers[100];
  fill(TT_CHANNEL_HIGH);
  for (uint64_t i = 0; i < 1000; i++) {
    assert_int_equal(send_number(TT_CLASS_MAY, 7, i), 0);
    assert_int_equal(send_number(TT_CLASS_MAY, 8, 10000 + i), 0);
  }
  assert_int_equal(send_number(TT_CLASS_MUST, 0, 5), 0);
  assert_int_equal(drain(numbers, TT_COUNT(numbers)), 3);
  assert_true(numbers[0] == 999 && numbers[1] == 10999 && numbers[2] == 5);
  assert_int_equal(tt_channel_dropped(w.channel), 0);
}

static void test_too_much_is_dropped_but_what_must_arrive(void **state TT_UNUSED)
{
  uint64_t numbers[100];
  fill(TT_CHANNEL_MAX);
  assert_int_equal(send_number(TT_CLASS_MAY, 7, 1), -ENOBUFS);
  assert_int_equal(send_number(TT_CLASS_MAY, 0, 2), -ENOBUFS);
  assert_int_equal(send_number(TT_CLASS_MUST, 0, 3), 0);
  assert_int_equal(send_number(TT_CLASS_MUST, 9, 4), 0);
  assert_int_equal(send_number(TT_CLASS_MUST, 9, 5), 0);
  assert_int_equal(tt_channel_dropped(w.channel), 2);
  assert_int_equal(drain(numbers, TT_COUNT(numbers)), 2);
  assert_true(numbers[0] == 3 && numbers[1] == 5);
}

static void test_too_large_is_not_sent(void **state TT_UNUSED)
{
  char *blob TT_AUTOFREE = calloc(1, TT_FRAME_MAX + 1);
  struct tt_letter letter = {.type = TT_FRAME_ATTACH, .blob = blob, .blob_size = TT_FRAME_MAX + 1};
  assert_int_equal(tt_channel_send(w.channel, &letter, TT_CLASS_MUST, 0), -EMSGSIZE);
  letter.blob_size = TT_FRAME_MAX;
  assert_int_equal(tt_channel_send(w.channel, &letter, TT_CLASS_MUST, 0), 0);
  uint64_t none[1];
  assert_int_equal(drain(none, 1), 0);
}

static void test_a_flood_comes_in_portions(void **state TT_UNUSED)
{
  static unsigned char pings[1000][TT_FRAME_HEAD];
  unsigned sent = 0;
  for (size_t i = 0; i < TT_COUNT(pings); i++)
    tt_frame_head(pings[i], TT_FRAME_PING, 0, 0);
  for (; sent < 5 * TT_COUNT(pings); sent += TT_COUNT(pings))
    assert_int_equal(write(w.other, pings, sizeof(pings)), sizeof(pings));
  for (unsigned i = 0; w.n_letters < sent && i < 10000; i++)
    turn();
  assert_int_equal(w.n_letters, sent);
  assert_true(w.most_in_turn <= TT_CHANNEL_TURN_FRAMES);
}

static void test_a_frame_in_pieces(void **state TT_UNUSED)
{
  unsigned char bytes[TT_FRAME_HEAD + 1];
  tt_frame_head(bytes, TT_FRAME_PONG, 0, 1);
  bytes[TT_FRAME_HEAD] = 42;
  for (size_t i = 0; i < sizeof(bytes); i++) {
    assert_int_equal(w.n_letters, 0);
    assert_int_equal(write(w.other, bytes + i, 1), 1);
    turns(2);
  }
  assert_int_equal(w.n_letters, 1);
  assert_int_equal(w.last_number, 42);
}

static void test_the_other_end_hangs_up(void **state TT_UNUSED)
{
  put(TT_FRAME_PING, "", 0); /* what it still said is heard first */
  assert_int_equal(send_number(TT_CLASS_MUST, 0, 1), 0);
  close(w.other);
  w.other = -1;
  turns(5);
  assert_int_equal(w.n_letters, 1);
  assert_int_equal(w.n_over, 1);
  assert_int_equal(w.error, -EPIPE);
}

static void test_nonsense_ends_it(void **state TT_UNUSED)
{
  put(TT_FRAME_STATE, "\xff\xff", 2);
  put(TT_FRAME_PING, "", 0);
  turns(5);
  assert_int_equal(w.n_over, 1);
  assert_int_equal(w.error, -EBADMSG);
  assert_int_equal(w.n_letters, 0);
}

static void test_what_is_not_acceptable_ends_it(void **state TT_UNUSED)
{
  w.answer = -ECANCELED;
  put(TT_FRAME_PING, "", 0);
  put(TT_FRAME_PING, "", 0);
  turns(5);
  assert_int_equal(w.n_over, 1);
  assert_int_equal(w.error, -ECANCELED);
  assert_int_equal(w.n_letters, 1);
}

static void test_destroy_of_nothing(void **state TT_UNUSED)
{
  tt_channel_destroy(NULL);
}

int main(void)
{
#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_what_is_said_arrives_in_order),
      TEST(test_much_waiting_makes_the_newer_replace_the_older),
      TEST(test_too_much_is_dropped_but_what_must_arrive),
      TEST(test_too_large_is_not_sent),
      TEST(test_a_flood_comes_in_portions),
      TEST(test_a_frame_in_pieces),
      TEST(test_the_other_end_hangs_up),
      TEST(test_nonsense_ends_it),
      TEST(test_what_is_not_acceptable_ends_it),
      cmocka_unit_test(test_destroy_of_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
