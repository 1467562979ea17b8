/* SPDX-License-Identifier: Apache-2.0
 * event.c: events, and LastChange within. */
#include "event.h"
#include "upnp_file.h"

struct heard {
  size_t n;
  struct {
    char variable[32], value[64], channel[16], instance[8];
    bool is_in_last_change;
  } all[UP_CHANGES_MAX];
};

static const char *attribute(const struct up_change *change, const char *name)
{
  for (size_t i = 0; i < change->n_attributes; i++)
    if (strcasecmp(change->attributes[i].name, name) == 0)
      return change->attributes[i].value;
  return "";
}

static void on_change(void *user, const struct up_change *change)
{
  struct heard *h = user;
  assert_true(h->n < TT_COUNT(h->all));
  snprintf(h->all[h->n].variable, sizeof h->all[0].variable, "%s", change->variable);
  snprintf(h->all[h->n].value, sizeof h->all[0].value, "%s", change->value);
  snprintf(h->all[h->n].channel, sizeof h->all[0].channel, "%s", attribute(change, "channel"));
  snprintf(h->all[h->n].instance, sizeof h->all[0].instance, "%s", attribute(change, "InstanceID"));
  h->all[h->n++].is_in_last_change = change->is_in_last_change;
}

static int parse(const char *text, struct heard *h, char why[static UP_WHY_SIZE])
{
  *h = (struct heard){0};
  *why = 0;
  return up_event_parse(text, strlen(text), on_change, h, why);
}

static void plain_variables(void **state)
{
  (void)state;
  static struct heard h;
  char why[UP_WHY_SIZE];
  assert_int_equal(parse("<e:propertyset xmlns:e='urn:schemas-upnp-org:event-1-0'><e:property><Status>1</Status>"
                         "</e:property><e:property><Name> a &amp; b </Name></e:property></e:propertyset>",
                         &h, why),
                   0);
  assert_int_equal(h.n, 2);
  assert_string_equal(h.all[0].variable, "Status");
  assert_string_equal(h.all[0].value, "1");
  assert_string_equal(h.all[1].value, "a & b");
}

static void last_change_of_a_renderer(void **state)
{
  (void)state;
  static struct heard h;
  char why[UP_WHY_SIZE] = "";
  AUTOFILE struct file file = file_read("mediarenderer/gena-notify-lastchange-rendering.xml");
  if (up_event_parse(file.data, file.n, on_change, &h, why) < 0)
    fail_msg("%s", why);
  assert_int_equal(h.n, 3);
  assert_string_equal(h.all[0].variable, "LastChange");
  assert_false(h.all[0].is_in_last_change);
  assert_string_equal(h.all[1].variable, "Mute");
  assert_string_equal(h.all[2].variable, "Volume");
  assert_string_equal(h.all[2].value, "50");
  assert_string_equal(h.all[2].channel, "Master");
  assert_string_equal(h.all[2].instance, "0");
  assert_true(h.all[2].is_in_last_change);
}

static void spellings_and_instances(void **state)
{
  (void)state;
  static struct heard h;
  char why[UP_WHY_SIZE];
  assert_int_equal(
      parse("<propertyset><property><LastChange>&lt;Event&gt;"
            "&lt;InstanceID Val='0'&gt;&lt;Volume Channel='LF' Val='7'/&gt;&lt;Empty/&gt;&lt;/InstanceID&gt;"
            "&lt;InstanceID val='1'&gt;&lt;Volume channel='Master' val='9'/&gt;&lt;/InstanceID&gt;"
            "&lt;/Event&gt;</LastChange></property></propertyset>",
            &h, why),
      0);
  assert_int_equal(h.n, 3);
  assert_string_equal(h.all[1].value, "7");
  assert_string_equal(h.all[1].channel, "LF");
  assert_string_equal(h.all[2].instance, "1");
  struct up_change change = {.n_attributes = 1, .attributes = {{"Channel", "Master"}}};
  assert_true(up_change_has(&change, "channel", "Master"));
  assert_false(up_change_has(&change, "channel", "master"));
  assert_false(up_change_has(&change, "other", "Master"));
}

static void refused(void **state)
{
  (void)state;
  static struct heard h;
  char why[UP_WHY_SIZE];
  assert_int_equal(parse("<html/>", &h, why), -EINVAL);
  assert_string_equal(why, "is no property set");
  assert_int_equal(
      parse("<propertyset><property><LastChange>&lt;Event</LastChange></property></propertyset>", &h, why),
      -EINVAL);
  assert_string_equal(why, "LastChange is not well-formed XML");
  assert_int_equal(
      parse("<propertyset><property><LastChange>&lt;!DOCTYPE a []&gt;&lt;a/&gt;</LastChange></property>"
            "</propertyset>",
            &h, why),
      -EINVAL);
  assert_string_equal(why, "LastChange has a document type declaration, which is refused");
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  tt_buf_puts(&text, "<propertyset><property>");
  for (int i = 0; i < UP_CHANGES_MAX + 1; i++)
    tt_buf_puts(&text, "<A>1</A>");
  tt_buf_puts(&text, "</property></propertyset>");
  assert_int_equal(parse(text.data, &h, why), -E2BIG);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plain_variables),
      cmocka_unit_test(last_change_of_a_renderer),
      cmocka_unit_test(spellings_and_instances),
      cmocka_unit_test(refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
