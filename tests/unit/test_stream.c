/* SPDX-License-Identifier: Apache-2.0
 * The incoming side of a stream: however the bytes are cut, the same stanzas come out, and at once. */
#include "xmpp/stream.h"

#include <stdio.h>

#include "cmocka_all.h"

#define HEAD                                                                                                       \
  "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "                                           \
  "xmlns:stream='http://etherx.jabber.org/streams' id='x1' from='gw.localhost'>"

struct seen {
  struct tt_stream *stream;
  int headers, stanzas, closed;
  size_t children; /* of the last stanza */
  char id[32], name[32], ns[64];
  bool stop_at_stanza;
};

static void on_header(void *user, const struct tt_xml *header)
{
  struct seen *seen = user;
  seen->headers++;
  snprintf(seen->id, sizeof(seen->id), "%s", tt_xml_attr(header, "id"));
}

static void on_stanza(void *user, struct tt_xml_doc *doc)
{
  struct seen *seen = user;
  const struct tt_xml *root = tt_xml_doc_root(doc);
  seen->stanzas++;
  seen->children = 0;
  TT_XML_FOREACH(child, root)
    seen->children++;
  snprintf(seen->name, sizeof(seen->name), "%s", root->name);
  snprintf(seen->ns, sizeof(seen->ns), "%s", root->ns);
  tt_xml_doc_destroy(doc);
  if (seen->stop_at_stanza)
    tt_stream_stop(seen->stream);
}

static void on_closed(void *user)
{
  ((struct seen *)user)->closed++;
}

static const struct tt_stream_ops ops = {.header = on_header, .stanza = on_stanza, .closed = on_closed};

static int setup(void **state)
{
  struct seen *seen = calloc(1, sizeof(*seen));
  seen->stream = tt_stream_create(&ops, seen);
  *state = seen;
  return seen->stream ? 0 : -1;
}

static int teardown(void **state)
{
  struct seen *seen = *state;
  tt_stream_destroy(seen->stream);
  free(seen);
  return 0;
}

static int feed(struct seen *seen, const char *text)
{
  return tt_stream_feed(seen->stream, text, strlen(text));
}

static void test_header_stanzas_end(void **state)
{
  struct seen *seen = *state;
  assert_int_equal(feed(seen, HEAD), 0);
  assert_int_equal(seen->headers, 1);
  assert_string_equal(seen->id, "x1");
  assert_int_equal(feed(seen, "<handshake/> <iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>\n<stream:error/>"),
                   0);
  assert_int_equal(seen->stanzas, 3);
  assert_string_equal(seen->name, "error");
  assert_string_equal(seen->ns, "http://etherx.jabber.org/streams");
  assert_int_equal(feed(seen, "</stream:stream>"), 0);
  assert_int_equal(seen->closed, 1);
  assert_string_equal(tt_stream_error(seen->stream), "");
}

static void test_byte_by_byte(void **state)
{
  struct seen *seen = *state;
  const char *text = HEAD "<iq id='&amp;1'><a>t\xc3\xa4xt</a></iq> <message/></stream:stream>";
  for (const char *p = text; *p; p++)
    assert_int_equal(tt_stream_feed(seen->stream, p, 1), 0);
  assert_int_equal(seen->stanzas, 2);
  assert_int_equal(seen->closed, 1);
}

/* With expat's reparse deferral the stanza would come only after as many bytes again. */
static void test_a_tag_cut_near_its_end_comes_at_once(void **state)
{
  struct seen *seen = *state;
  char tag[2000];
  memset(tag, 'i', sizeof(tag));
  memcpy(tag, "<iq id='", 8);
  memcpy(tag + sizeof(tag) - 4, "'/>", 4);
  size_t n = strlen(tag);
  assert_int_equal(feed(seen, HEAD), 0);
  assert_int_equal(tt_stream_feed(seen->stream, tag, n - 3), 0);
  assert_int_equal(seen->stanzas, 0);
  assert_int_equal(tt_stream_feed(seen->stream, tag + n - 3, 3), 0);
  assert_int_equal(seen->stanzas, 1);
}

static void test_whitespace_for_ever(void **state)
{
  struct seen *seen = *state;
  char blanks[1000];
  memset(blanks, ' ', sizeof(blanks));
  assert_int_equal(feed(seen, HEAD), 0);
  for (int i = 0; i < 2000; i++)
    assert_int_equal(tt_stream_feed(seen->stream, blanks, sizeof(blanks)), 0);
  assert_int_equal(feed(seen, "<iq/>"), 0);
  assert_int_equal(seen->stanzas, 1);
}

/* Many stanzas are not one long one. */
static void test_many_stanzas(void **state)
{
  struct seen *seen = *state;
  assert_int_equal(feed(seen, HEAD), 0);
  for (int i = 0; i < 20000; i++)
    assert_int_equal(feed(seen, "<message to='gw.localhost' from='a@b/c'><body>x</body></message>"), 0);
  assert_int_equal(seen->stanzas, 20000);
}

static void test_too_long(void **state)
{
  struct seen *seen = *state;
  char part[1000];
  memset(part, 'x', sizeof(part));
  assert_int_equal(feed(seen, HEAD "<message><body>"), 0);
  int r = 0;
  for (int i = 0; i < 300 && r == 0; i++)
    r = tt_stream_feed(seen->stream, part, sizeof(part));
  assert_int_equal(r, -E2BIG);
  assert_true(strlen(tt_stream_error(seen->stream)) > 0);
  assert_int_equal(feed(seen, "</body></message>"), -E2BIG);
  assert_int_equal(seen->stanzas, 0);
}

static void test_a_tag_without_end(void **state)
{
  struct seen *seen = *state;
  char part[1000];
  memset(part, 'x', sizeof(part));
  assert_int_equal(feed(seen, HEAD "<message a='"), 0);
  int r = 0;
  for (int i = 0; i < 400 && r == 0; i++)
    r = tt_stream_feed(seen->stream, part, sizeof(part));
  assert_int_equal(r, -E2BIG);
}

/* A stanza at the size limit with nothing but children: linear, and refused by their number. */
static void test_hostile_children(void **state)
{
  struct seen *seen = *state;
  assert_int_equal(feed(seen, HEAD "<message>"), 0);
  int r = 0;
  for (int i = 0; i < 64000 && r == 0; i++)
    r = feed(seen, "<b/>");
  assert_int_equal(r, -E2BIG);
}

static void test_what_has_no_place_in_a_stream(void **state)
{
  struct seen *seen = *state;
  static const char *const bad[] = {
      "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a/>",
      HEAD "<!-- x -->",
      HEAD "<?x y?>",
      HEAD "<a>&foo;</a>",
      HEAD "<a>\xff</a>",
      "HTTP/1.1 400 Bad Request\r\n\r\n",
      HEAD "</a>",
  };
  for (size_t i = 0; i < TT_COUNT(bad); i++) {
    tt_stream_destroy(seen->stream);
    seen->stream = tt_stream_create(&ops, seen);
    assert_int_equal(feed(seen, bad[i]), -EBADMSG);
    assert_true(strlen(tt_stream_error(seen->stream)) > 0);
  }
}

/* RFC 6120 section 11.6: UTF-8 and nothing else. */
static void test_no_other_encoding(void **state)
{
  struct seen *seen = *state;
  static const char utf16[] = "<\0a\0/\0>\0", big_endian[] = "\0<\0a\0/\0>", zero[] = "<a>\0</a>";
  static const struct {
    const char *head, *text;
    size_t n;
  } bad[] = {{"", utf16, sizeof(utf16) - 1},
             {"", big_endian, sizeof(big_endian) - 1},
             {HEAD, zero, sizeof(zero) - 1},
             {HEAD "<ok/>", zero, sizeof(zero) - 1}};
  for (size_t i = 0; i < TT_COUNT(bad); i++) {
    tt_stream_destroy(seen->stream);
    seen->stream = tt_stream_create(&ops, seen);
    assert_int_equal(feed(seen, bad[i].head), 0);
    assert_int_equal(tt_stream_feed(seen->stream, bad[i].text, bad[i].n), -EBADMSG);
    assert_string_equal(tt_stream_error(seen->stream), "not UTF-8: a byte is zero");
  }
  assert_int_equal(seen->stanzas, 1); /* what came before */
}

static void test_stop_within_a_callback(void **state)
{
  struct seen *seen = *state;
  seen->stop_at_stanza = true;
  assert_int_equal(feed(seen, HEAD "<a/><b/></stream:stream>"), 0);
  assert_int_equal(seen->stanzas, 1);
  assert_int_equal(seen->closed, 0);
  assert_int_equal(feed(seen, "<c/>"), 0);
  assert_int_equal(seen->stanzas, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_header_stanzas_end),
      TEST(test_byte_by_byte),
      TEST(test_a_tag_cut_near_its_end_comes_at_once),
      TEST(test_whitespace_for_ever),
      TEST(test_many_stanzas),
      TEST(test_too_long),
      TEST(test_a_tag_without_end),
      TEST(test_hostile_children),
      TEST(test_what_has_no_place_in_a_stream),
      TEST(test_no_other_encoding),
      TEST(test_stop_within_a_callback),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
