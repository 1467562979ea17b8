/* SPDX-License-Identifier: Apache-2.0
 * Order, bounds, replacement and fairness of the inbox, and many threads at once (also built with TSan). */
#include "bridge/inbox.h"

#include <pthread.h>
#include <stdio.h>
#include <systemd/sd-event.h>

#include "cmocka_all.h"

#define THREADS  4
#define MESSAGES 20000

struct tt_bridge { /* the tests' own: the inbox never looks inside */
  struct sd_event *event;
  struct tt_inbox *inbox;
  struct tt_mailbox *mailbox;
  char got[64]; /* one letter a message */
  size_t n;
  size_t others; /* messages that only count */
  size_t sizes[64];
  unsigned next[THREADS]; /* the number expected from each thread */
  unsigned ended;
  bool is_wrong;
};

static void on_letter(struct tt_bridge *b, const void *data, size_t size)
{
  assert_true(b->n < sizeof(b->got) - 1);
  b->sizes[b->n] = size;
  b->got[b->n++] = size ? *(const char *)data : '-';
}

static void on_nothing(struct tt_bridge *b, const void *data, size_t size)
{
  (void)data;
  (void)size;
  b->others++;
}

static void open_inbox(struct tt_bridge *b)
{
  memset(b, 0, sizeof(*b));
  assert_true(sd_event_new(&b->event) >= 0);
  assert_int_equal(tt_inbox_create(b->event, &b->inbox), 0);
  assert_int_equal(tt_mailbox_create(b->inbox, b, &b->mailbox), 0);
}

static void close_inbox(struct tt_bridge *b)
{
  tt_mailbox_destroy(b->mailbox);
  tt_inbox_destroy(b->inbox);
  sd_event_unref(b->event);
}

static void drain(struct tt_bridge *b)
{
  while (sd_event_run(b->event, 0) > 0)
    ;
}

static int letter(struct tt_bridge *b, enum tt_lane lane, const char *key, const char *text)
{
  return tt_mailbox_post(b->mailbox, lane, key, key ? strlen(key) : 0, on_letter, text, strlen(text));
}

static void test_both_lanes_are_one_fifo(void **state)
{
  struct tt_bridge b;
  (void)state;
  open_inbox(&b);
  assert_int_equal(letter(&b, TT_LANE_REPORT, "k", "a"), 0);
  assert_int_equal(letter(&b, TT_LANE_CONTROL, NULL, "b"), 0);
  assert_int_equal(letter(&b, TT_LANE_REPORT, "k", "c"), 0); /* below the mark nothing is joined */
  assert_int_equal(letter(&b, TT_LANE_REPORT, NULL, ""), 0);
  assert_int_equal(b.n, 0); /* nothing from within */
  drain(&b);
  assert_string_equal(b.got, "abc-");
  assert_int_equal(b.sizes[3], 0);
  assert_int_equal(tt_mailbox_counts(b.mailbox).bytes, 0);
  close_inbox(&b);
}

static void fill(struct tt_bridge *b, size_t upto)
{
  for (size_t i = tt_mailbox_counts(b->mailbox).items; i < upto; i++) {
    char key[16];
    snprintf(key, sizeof(key), "%zu", i);
    assert_int_equal(tt_mailbox_post(b->mailbox, TT_LANE_REPORT, key, strlen(key), on_nothing, "x", 1), 0);
  }
}

static void test_above_the_mark_newer_replaces_older(void **state)
{
  struct tt_bridge b;
  (void)state;
  open_inbox(&b);
  letter(&b, TT_LANE_REPORT, "same", "1");
  letter(&b, TT_LANE_REPORT, "same", "2");
  fill(&b, TT_INBOX_ITEMS_HIGH);
  assert_int_equal(letter(&b, TT_LANE_REPORT, "same", "3"), 0);  /* in place of the 2, not of the 1 */
  assert_int_equal(letter(&b, TT_LANE_REPORT, "other", "4"), 0); /* the first about it */
  assert_int_equal(letter(&b, TT_LANE_REPORT, "other", "5"), 0); /* in its place */
  assert_int_equal(letter(&b, TT_LANE_REPORT, NULL, "6"), -ENOBUFS);
  assert_int_equal(letter(&b, TT_LANE_CONTROL, NULL, "7"), 0); /* never dropped */
  struct tt_mailbox_counts counts = tt_mailbox_counts(b.mailbox);
  assert_int_equal(counts.replaced, 2);
  assert_int_equal(counts.dropped, 1);
  assert_int_equal(counts.items, TT_INBOX_ITEMS_HIGH + 2);
  sd_event_run(b.event, 0);
  assert_string_equal(b.got, "13"); /* the rest is counted only */
  drain(&b);
  assert_string_equal(b.got, "1357");
  assert_int_equal(b.others, TT_INBOX_ITEMS_HIGH - 2);
  close_inbox(&b);
}

static void test_keys_are_bounded(void **state)
{
  struct tt_bridge b;
  (void)state;
  open_inbox(&b);
  for (uint32_t i = 0; i < TT_INBOX_ITEMS_MAX; i++)
    assert_int_equal(tt_mailbox_post(b.mailbox, TT_LANE_REPORT, &i, sizeof(i), on_nothing, "", 0), 0);
  assert_int_equal(letter(&b, TT_LANE_REPORT, "other", "1"), -ENOBUFS);
  assert_int_equal(tt_mailbox_counts(b.mailbox).items, TT_INBOX_ITEMS_MAX);
  drain(&b);
  assert_int_equal(b.others, TT_INBOX_ITEMS_MAX);
  close_inbox(&b);
}

static void test_bytes_are_bounded(void **state)
{
  struct tt_bridge b;
  static char big[TT_POST_MAX];
  (void)state;
  open_inbox(&b);
  assert_int_equal(tt_mailbox_post(b.mailbox, TT_LANE_CONTROL, NULL, 0, on_nothing, big, TT_POST_MAX + 1),
                   -EMSGSIZE);
  assert_int_equal(tt_mailbox_post(b.mailbox, TT_LANE_REPORT, big, TT_INBOX_KEY_MAX + 1, on_nothing, big, 1),
                   -EMSGSIZE);
  int r = 0, n = 0;
  for (; r == 0; n++) {
    char key = (char)('a' + n);
    r = tt_mailbox_post(b.mailbox, TT_LANE_REPORT, &key, 1, on_nothing, big, n < 10 ? 1 : sizeof(big));
  }
  assert_int_equal(r, -ENOBUFS);
  assert_in_range(tt_mailbox_counts(b.mailbox).bytes, TT_INBOX_BYTES_MAX - sizeof(big) - 4096, TT_INBOX_BYTES_MAX);
  /* replacements may grow, but not beyond that */
  for (char key = 'a'; key < 'k'; key++)
    assert_int_equal(tt_mailbox_post(b.mailbox, TT_LANE_REPORT, &key, 1, on_nothing, big, 2), 0);
  assert_int_equal(tt_mailbox_post(b.mailbox, TT_LANE_REPORT, "a", 1, on_nothing, big, sizeof(big)), -ENOBUFS);
  assert_true(tt_mailbox_counts(b.mailbox).bytes <= TT_INBOX_BYTES_MAX);
  assert_int_equal(tt_mailbox_counts(b.mailbox).replaced, 10);
  drain(&b);
  assert_int_equal(tt_mailbox_counts(b.mailbox).bytes, 0);
  close_inbox(&b);
}

static int on_other(struct sd_event_source *source, void *user)
{
  (void)source;
  ((struct tt_bridge *)user)->ended++;
  return 0;
}

static void test_one_turn_is_short_and_yields(void **state)
{
  struct tt_bridge b;
  struct sd_event_source *other;
  (void)state;
  open_inbox(&b);
  fill(&b, 1000);
  sd_event_run(b.event, 0);
  size_t before = b.others;
  assert_in_range(before, 1, TT_INBOX_TURN_ITEMS);
  /* what is less urgent than a fresh message goes before the rest of a turn */
  assert_true(sd_event_add_defer(b.event, &other, on_other, &b) >= 0);
  sd_event_source_set_priority(other, SD_EVENT_PRIORITY_NORMAL + 1);
  sd_event_run(b.event, 0);
  assert_int_equal(b.ended, 1);
  assert_int_equal(b.others, before);
  drain(&b);
  assert_int_equal(b.others, 1000);
  sd_event_source_unref(other);
  close_inbox(&b);
}

static void test_mailboxes_take_turns(void **state)
{
  struct tt_bridge b, c;
  (void)state;
  open_inbox(&b);
  memset(&c, 0, sizeof(c));
  c.event = b.event;
  assert_int_equal(tt_mailbox_create(b.inbox, &c, &c.mailbox), 0);
  fill(&b, 1000);
  letter(&c, TT_LANE_REPORT, NULL, "x");
  sd_event_run(b.event, 0);
  assert_string_equal(c.got, "x");
  tt_mailbox_destroy(c.mailbox);
  close_inbox(&b); /* with items waiting */
}

static void test_closed_takes_nothing(void **state)
{
  struct tt_bridge b;
  (void)state;
  open_inbox(&b);
  letter(&b, TT_LANE_CONTROL, NULL, "a");
  letter(&b, TT_LANE_REPORT, "k", "b");
  tt_mailbox_close(b.mailbox);
  assert_int_equal(letter(&b, TT_LANE_CONTROL, NULL, "c"), -ESHUTDOWN);
  drain(&b);
  assert_int_equal(b.n, 0);
  close_inbox(&b);
}

/* Many threads: every thread's messages arrive in its order, control without a gap. */
struct poster {
  struct tt_bridge *bridge;
  unsigned thread;
};
struct message {
  unsigned thread, number;
};

static void on_control(struct tt_bridge *b, const void *data, size_t size)
{
  const struct message *m = data;
  b->is_wrong |= size != sizeof(*m) || b->next[m->thread]++ != m->number;
}

static void on_report(struct tt_bridge *b, const void *data, size_t size)
{
  const struct message *m = data;
  b->is_wrong |= size != sizeof(*m) || m->number + 1 < b->next[m->thread]; /* older than a control before it */
}

static void on_end(struct tt_bridge *b, const void *data, size_t size)
{
  (void)data;
  (void)size;
  if (++b->ended == THREADS)
    sd_event_exit(b->event, 0);
}

static void *post_all(void *user)
{
  struct poster *p = user;
  for (unsigned i = 0; i < MESSAGES; i++) {
    struct message m = {p->thread, i};
    tt_mailbox_post(p->bridge->mailbox, TT_LANE_CONTROL, NULL, 0, on_control, &m, sizeof(m));
    unsigned key = i % 100;
    tt_mailbox_post(p->bridge->mailbox, TT_LANE_REPORT, &key, sizeof(key), on_report, &m, sizeof(m));
  }
  tt_mailbox_post(p->bridge->mailbox, TT_LANE_CONTROL, NULL, 0, on_end, NULL, 0);
  return NULL;
}

static void test_many_threads(void **state)
{
  struct tt_bridge b;
  struct poster posters[THREADS];
  pthread_t threads[THREADS];
  (void)state;
  open_inbox(&b);
  for (unsigned i = 0; i < THREADS; i++) {
    posters[i] = (struct poster){&b, i};
    assert_int_equal(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
  }
  assert_int_equal(sd_event_loop(b.event), 0);
  for (unsigned i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(b.next[i], MESSAGES);
  }
  assert_false(b.is_wrong);
  close_inbox(&b);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_both_lanes_are_one_fifo),
      cmocka_unit_test(test_above_the_mark_newer_replaces_older),
      cmocka_unit_test(test_keys_are_bounded),
      cmocka_unit_test(test_bytes_are_bounded),
      cmocka_unit_test(test_one_turn_is_short_and_yields),
      cmocka_unit_test(test_mailboxes_take_turns),
      cmocka_unit_test(test_closed_takes_nothing),
      cmocka_unit_test(test_many_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
