/* SPDX-License-Identifier: Apache-2.0
 * plan.c: few requests, none beyond the limits, cut where the device refused. */
#include "cmocka_all.h"
#include "plan.h"

static size_t plan(struct mb_want *wants, size_t n, unsigned most, unsigned gap, const struct mb_cuts *cuts,
                   struct mb_span *spans)
{
  static const struct mb_cuts none = {0};
  return mb_plan(wants, n, &(struct mb_limits){most, gap}, cuts ? cuts : &none, spans);
}

static void neighbours_are_joined_in_any_order(void **state)
{
  (void)state;
  struct mb_want wants[] = {{MB_INPUT, 4, 2, 2}, {MB_INPUT, 0, 2, 0}, {MB_INPUT, 2, 2, 1}};
  struct mb_span spans[3];
  assert_int_equal(plan(wants, 3, 125, 0, NULL, spans), 1);
  assert_int_equal(spans[0].table, MB_INPUT);
  assert_int_equal(spans[0].address, 0);
  assert_int_equal(spans[0].count, 6);
  assert_int_equal(spans[0].n, 3);
  for (uint16_t i = 0; i < 3; i++)
    assert_int_equal(wants[i].point, i);
}

static void gaps(void **state)
{
  (void)state;
  struct mb_want wants[] = {{MB_INPUT, 0, 2, 0}, {MB_INPUT, 6, 2, 1}};
  struct mb_span spans[2];
  assert_int_equal(plan(wants, 2, 125, 3, NULL, spans), 2);
  assert_int_equal(plan(wants, 2, 125, 4, NULL, spans), 1);
  assert_int_equal(spans[0].count, 8);
  assert_int_equal(plan(wants, 2, 7, 4, NULL, spans), 2);
  assert_int_equal(plan(wants, 2, 8, 4, NULL, spans), 1);
}

static void tables_are_never_joined(void **state)
{
  (void)state;
  struct mb_want wants[] = {{MB_INPUT, 1, 1, 0}, {MB_HOLDING, 0, 1, 1}, {MB_COIL, 2, 1, 2}, {MB_DISCRETE, 3, 1, 3}};
  struct mb_span spans[4];
  assert_int_equal(plan(wants, 4, 125, 125, NULL, spans), 4);
}

static void bits_count_sixteen_to_a_register(void **state)
{
  (void)state;
  struct mb_want wants[] = {{MB_COIL, 0, 1, 0}, {MB_COIL, 17, 1, 1}, {MB_COIL, 1999, 1, 2}, {MB_COIL, 2000, 1, 3}};
  struct mb_span spans[4];
  assert_int_equal(plan(wants, 4, 125, 1, NULL, spans), 2);
  assert_int_equal(spans[0].count, 18);
  assert_int_equal(plan(wants, 4, 125, 125, NULL, spans), 2);
  assert_int_equal(spans[0].count, MB_READ_BITS_MAX);
}

static void overlaps_and_what_alone_is_too_long(void **state)
{
  (void)state;
  struct mb_want wants[] = {
      {MB_HOLDING, 10, 4, 0}, {MB_HOLDING, 10, 1, 1}, {MB_HOLDING, 11, 2, 2}, {MB_HOLDING, 20, 30, 3}};
  struct mb_span spans[4];
  assert_int_equal(plan(wants, 4, 8, 0, NULL, spans), 2);
  assert_int_equal(spans[0].count, 4);
  assert_int_equal(spans[0].n, 3);
  assert_int_equal(spans[1].count, 30);
}

static void the_last_register(void **state)
{
  (void)state;
  struct mb_want wants[] = {{MB_HOLDING, 65535, 1, 0}, {MB_HOLDING, 65534, 1, 1}};
  struct mb_span spans[2];
  assert_int_equal(plan(wants, 2, 125, 125, NULL, spans), 1);
  assert_int_equal(spans[0].address, 65534);
  assert_int_equal(spans[0].count, 2);
}

static void cuts_are_kept_in_order_and_once(void **state)
{
  (void)state;
  struct mb_cuts cuts = {0};
  for (unsigned i = 0; i < 200; i++)
    assert_int_equal(mb_cuts_add(&cuts, i % 4, (uint16_t)(i * 7919)), 0);
  for (unsigned i = 0; i < 200; i++)
    assert_int_equal(mb_cuts_add(&cuts, i % 4, (uint16_t)(i * 7919)), 0);
  assert_int_equal(cuts.n, 200);
  for (size_t i = 1; i < cuts.n; i++)
    assert_true(cuts.cut[i - 1].table < cuts.cut[i].table ||
                (cuts.cut[i - 1].table == cuts.cut[i].table && cuts.cut[i - 1].address < cuts.cut[i].address));
  mb_cuts_finish(&cuts);
  mb_cuts_finish(&cuts);
}

static void there_is_an_end_of_cuts(void **state)
{
  (void)state;
  struct mb_cuts cuts = {0};
  for (unsigned i = 0; i < MB_CUTS_MAX; i++)
    assert_int_equal(mb_cuts_add(&cuts, MB_INPUT, (uint16_t)i), 0);
  assert_int_equal(mb_cuts_add(&cuts, MB_INPUT, MB_CUTS_MAX), -ENOSPC);
  assert_int_equal(mb_cuts_add(&cuts, MB_INPUT, 5), 0);
  mb_cuts_finish(&cuts);
}

static void a_cut_is_not_reached_across(void **state)
{
  (void)state;
  struct mb_want wants[] = {{MB_INPUT, 0, 2, 0}, {MB_INPUT, 2, 2, 1}, {MB_INPUT, 4, 2, 2}};
  struct mb_span spans[3];
  struct mb_cuts cuts = {0};
  assert_int_equal(mb_cuts_add(&cuts, MB_HOLDING, 2), 0);
  assert_int_equal(plan(wants, 3, 125, 0, &cuts, spans), 1);
  assert_int_equal(mb_cuts_add(&cuts, MB_INPUT, 0), 0);
  assert_int_equal(plan(wants, 3, 125, 0, &cuts, spans), 1);
  assert_int_equal(mb_cuts_add(&cuts, MB_INPUT, 2), 0);
  assert_int_equal(plan(wants, 3, 125, 0, &cuts, spans), 2);
  assert_int_equal(spans[1].address, 2);
  assert_int_equal(spans[1].count, 4);
  mb_cuts_finish(&cuts);
}

static void where_to_cut(void **state)
{
  (void)state;
  struct mb_want wants[] = {{MB_INPUT, 0, 2, 0}, {MB_INPUT, 2, 2, 1}, {MB_INPUT, 8, 2, 2}, {MB_INPUT, 12, 2, 3}};
  struct mb_span span = {MB_INPUT, 0, 14, 0, 4};
  assert_int_equal(mb_span_cut(&span, wants), 2); /* the widest gap */
  struct mb_want close[] = {{MB_INPUT, 0, 1, 0}, {MB_INPUT, 1, 1, 1}, {MB_INPUT, 2, 1, 2}, {MB_INPUT, 3, 1, 3}};
  span = (struct mb_span){MB_INPUT, 0, 4, 0, 4};
  assert_int_equal(mb_span_cut(&span, close), 2); /* the middle */
  span = (struct mb_span){MB_INPUT, 2, 2, 2, 2};
  assert_int_equal(mb_span_cut(&span, close), 3);
  span = (struct mb_span){MB_INPUT, 2, 1, 2, 1};
  assert_int_equal(mb_span_cut(&span, close), 0);
  struct mb_want over[] = {{MB_INPUT, 0, 4, 0}, {MB_INPUT, 1, 1, 1}, {MB_INPUT, 3, 1, 2}};
  span = (struct mb_span){MB_INPUT, 0, 4, 0, 3};
  assert_int_equal(mb_span_cut(&span, over), 0); /* they lie inside of each other */
}

/* Whatever is asked: every want once, inside its span, no span over the limit or across a cut, and cutting ends. */
static void whatever_is_asked(void **state)
{
  (void)state;
  uint32_t random = 12345;
  for (int round = 0; round < 2000; round++) {
    struct mb_want wants[40];
    struct mb_span spans[40];
    struct mb_cuts cuts = {0};
    bool seen[40] = {false};
    size_t n = 1 + (random = random * 1103515245 + 12345) % 40;
    unsigned most = 4 + (random >> 8) % 122, gap = (random >> 16) % 20;
    for (size_t i = 0; i < n; i++) {
      random = random * 1103515245 + 12345;
      unsigned words = mb_table_is_bits(random >> 30) ? 1 : 1 + (random >> 8) % 4;
      wants[i] = (struct mb_want){random >> 30, (uint16_t)((random >> 10) % 300), words, (uint16_t)i};
      if (random % 8 == 0)
        mb_cuts_add(&cuts, random >> 30, (uint16_t)((random >> 12) % 300));
    }
    size_t n_spans = plan(wants, n, most, gap, &cuts, spans), next = 0;
    for (size_t i = 0; i < n_spans; i++) {
      unsigned limit = mb_table_is_bits(spans[i].table) ? 16 * most : most;
      assert_int_equal(spans[i].first, next);
      next += spans[i].n;
      assert_true(spans[i].count <= limit);
      for (size_t k = spans[i].first; k < next; k++) {
        assert_int_equal(wants[k].table, spans[i].table);
        assert_true(wants[k].address >= spans[i].address &&
                    wants[k].address + wants[k].words <= spans[i].address + spans[i].count);
        assert_false(seen[wants[k].point]);
        seen[wants[k].point] = true;
      }
      for (size_t c = 0; c < cuts.n; c++)
        if (cuts.cut[c].table == spans[i].table)
          for (size_t k = spans[i].first; k < next; k++)
            assert_false(wants[k].address >= cuts.cut[c].address && spans[i].address < cuts.cut[c].address);
      size_t cut = mb_span_cut(&spans[i], wants);
      assert_true(cut == 0 || (cut > spans[i].first && cut < next));
    }
    assert_int_equal(next, n);
    mb_cuts_finish(&cuts);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(neighbours_are_joined_in_any_order),
      cmocka_unit_test(gaps),
      cmocka_unit_test(tables_are_never_joined),
      cmocka_unit_test(bits_count_sixteen_to_a_register),
      cmocka_unit_test(overlaps_and_what_alone_is_too_long),
      cmocka_unit_test(the_last_register),
      cmocka_unit_test(cuts_are_kept_in_order_and_once),
      cmocka_unit_test(there_is_an_end_of_cuts),
      cmocka_unit_test(a_cut_is_not_reached_across),
      cmocka_unit_test(where_to_cut),
      cmocka_unit_test(whatever_is_asked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
