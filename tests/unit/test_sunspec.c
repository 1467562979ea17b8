/* SPDX-License-Identifier: Apache-2.0
 * Chains of models, the descriptions that are made of them, and chains that lead nowhere. */
#include "sunspec.h"

#include "described.h"
#include "options.h"

#include <thingtree/host.h>

extern const struct tt_bridge_ops tt_bridge_modbus;

static struct mb_sunspec_chain chain;

static void begin(uint16_t base)
{
  mb_sunspec_finish(&chain);
  chain.next = base;
}

static int add(uint16_t id, uint16_t length)
{
  return mb_sunspec_add(&chain, (uint16_t[]){id, length});
}

/* The registers of the last model; `at` counts behind number and length. */
static uint16_t *registers(void)
{
  struct mb_sunspec_model *model = &chain.model[chain.n - 1];
  if (!model->registers)
    model->registers = calloc(model->length, sizeof *model->registers);
  return model->registers;
}

static void put_text(unsigned at, const char *text)
{
  for (unsigned i = 0; text[i]; i++)
    registers()[at + i / 2] |= (uint16_t)((uint8_t)text[i] << (i % 2 ? 0 : 8));
}

static struct described describe(void)
{
  struct tt_buf out TT_AUTOBUF = TT_BUF(TT_DESCRIPTION_MAX);
  assert_int_equal(mb_sunspec_describe(&chain, &out), 0);
  return described_load(&tt_bridge_modbus, "host: \"127.0.0.1\"", out.data);
}

static struct mb_place place(const struct described *d, const char *name)
{
  struct mb_place p;
  assert_int_equal(mb_place_read(described_point(d, name), d->device->options, &p), 0);
  return p;
}

static int finish(void **state TT_UNUSED)
{
  mb_sunspec_finish(&chain);
  return 0;
}

/* ---- Descriptions ----------------------------------------------------------------------------------------- */
static void test_inverter(void **state TT_UNUSED)
{
  begin(40002);
  assert_int_equal(add(1, 66), 1);
  put_text(MB_SUNSPEC_MAKER, "Maker");
  put_text(MB_SUNSPEC_MODEL, "Model 7");
  put_text(MB_SUNSPEC_SERIAL, "0815");
  assert_int_equal(add(103, 50), 1);
  assert_int_equal(add(0xffff, 0), 0);
  assert_int_equal(chain.n, 2);
  struct tt_buf out TT_AUTOBUF = TT_BUF(TT_DESCRIPTION_MAX);
  assert_int_equal(mb_sunspec_describe(&chain, &out), 0);
  assert_non_null(
      strstr(out.data, "\"about\":{\"vendor\":\"Maker\",\"model\":\"Model 7\",\"label\":{\"en\":\"Model 7\"}}"));
  assert_non_null(strstr(out.data, "\"inverter_three_phase_w\":{\"holding\":40084,\"type\":\"int16_sf\","
                                   "\"scale_register\":40085,\"invalid\":\"-32768\",\"unit\":\"W\","
                                   "\"label\":{\"en\":\"Watts\"}}"));
  struct described d = describe();
  const struct tt_point *p = described_point(&d, "inverter_three_phase_wh");
  assert_true(p->is_counter && p->type == TT_TYPE_QUANTITY);
  assert_string_equal(p->ucum, "Wh");
  p = described_point(&d, "inverter_three_phase_tmp_cab");
  assert_string_equal(p->ucum, "Cel");
  p = described_point(&d, "inverter_three_phase_st");
  assert_int_equal(p->type, TT_TYPE_ENUM);
  assert_int_equal(p->n_map, 8);
  assert_string_equal(p->map[3].raw, "4");
  assert_string_equal(p->map[3].value.text, "MPPT");
  assert_string_equal(p->invalid[0], "65535");
  p = described_point(&d, "inverter_three_phase_evt1");
  assert_int_equal(p->n_bits, 32); /* those without a name, too */
  assert_string_equal(p->bits[0].value.text, "GROUND_FAULT");
  assert_string_equal(p->bits[16].raw, "16");
  assert_string_equal(p->bits[16].value.text, "BIT_16");
  assert_int_equal(place(&d, "inverter_three_phase_evt1").format.type, MB_BITS32);
  assert_int_equal(place(&d, "inverter_three_phase_evt2").format.type, MB_UINT32); /* no names */
  p = described_point(&d, "common_sn");
  assert_int_equal(p->categories, TT_CATEGORY_IDENTITY);
  assert_int_equal(place(&d, "common_sn").address, 40004 + 48);
  assert_int_equal(place(&d, "common_sn").format.words, 16);
  assert_null(described_point(&d, "common_da")->write); /* it would be somebody else's then */
  assert_int_equal(place(&d, "inverter_three_phase_a").scale, 40070 + 6);
  described_unload(&d);
}

/* A mapping that counts its addresses from 1. */
static void test_base(void **state TT_UNUSED)
{
  begin(40002);
  chain.base = 1;
  add(103, 50);
  struct tt_buf out TT_AUTOBUF = TT_BUF(TT_DESCRIPTION_MAX);
  assert_int_equal(mb_sunspec_describe(&chain, &out), 0);
  assert_non_null(strstr(out.data, "\"inverter_three_phase_w\":{\"holding\":40017,\"type\":\"int16_sf\","
                                   "\"scale_register\":40018,"));
}

/* Powers of ten that are part of the model and stand in no register. */
static void test_constant_scale(void **state TT_UNUSED)
{
  begin(40002);
  add(305, 36);
  struct described d = describe();
  struct mb_place p = place(&d, "location_lat");
  assert_int_equal(p.format.type, MB_INT32);
  assert_int_equal(p.scale, MB_NO_ADDRESS);
  assert_float_equal(described_point(&d, "location_lat")->scale, 1e-7, 1e-15);
  described_unload(&d);
}

/* Passwords stand in registers like anything else; they are nobody's business. */
static void test_no_secrets(void **state TT_UNUSED)
{
  begin(2);
  add(14, 53);
  add(18, 41);
  add(19, 29);
  struct described d = describe();
  described_point(&d, "proxy_server_user");
  described_point(&d, "cellular_link_apn");
  described_point(&d, "ppp_link_usr_nam");
  for (size_t i = 0; i < d.device->n_points; i++) {
    const char *name = d.device->points[i].name;
    assert_null(strstr(name, "_pw"));
    assert_null(strstr(name, "_pin"));
  }
  described_unload(&d);
}

/* More than a description can hold: the last models are left out, the first stay. */
static void test_too_much(void **state TT_UNUSED)
{
  struct tt_buf out TT_AUTOBUF = TT_BUF(16 * 1024);
  begin(2);
  add(103, 50);
  add(123, 24);
  add(121, 30);
  add(122, 44);
  add(802, 62);
  assert_int_equal(mb_sunspec_describe(&chain, &out), 0);
  assert_non_null(strstr(out.data, "inverter_three_phase_w"));
  assert_null(strstr(out.data, "battery_soc"));
  struct tt_buf tiny TT_AUTOBUF = TT_BUF(100);
  assert_int_equal(mb_sunspec_describe(&chain, &tiny), -EMSGSIZE);
}

/* The same model twice: two names. */
static void test_two_meters(void **state TT_UNUSED)
{
  begin(50002);
  add(201, 105);
  add(201, 105);
  struct described d = describe();
  assert_int_equal(place(&d, "ac_meter_an_or_ab_w").address, 50002 + 18);
  assert_int_equal(place(&d, "ac_meter_an_or_ab_2_w").address, 50002 + 107 + 18);
  assert_string_equal(tt_label_for(&described_point(&d, "ac_meter_an_or_ab_2_w")->label, "en", ""), "Watts (2)");
  described_unload(&d);
}

/* As many as the model is long; the scale factors stand in the part before them. */
static void test_repeated_as_long_as_it_is(void **state TT_UNUSED)
{
  begin(2);
  add(160, 8 + 2 * 20);
  struct described d = describe();
  struct mb_place p = place(&d, "mppt_module_2_dcw");
  assert_int_equal(p.address, 2 + 10 + 20 + 11);
  assert_int_equal(p.scale, 2 + 4);
  assert_string_equal(tt_label_for(&described_point(&d, "mppt_module_2_dcw")->label, "en", ""), "DC Power 2");
  for (size_t i = 0; i < d.device->n_points; i++)
    assert_null(strstr(d.device->points[i].name, "module_3"));
  described_unload(&d);
}

static unsigned needed(uint16_t id, uint16_t length)
{
  return mb_sunspec_needed(&(struct mb_sunspec_model){.id = id, .length = length});
}

/* Every model that counts its groups by a point has that point before them. */
static void test_needed(void **state TT_UNUSED)
{
  for (const char *const *model = mb_sunspec_models; *model; model++) {
    unsigned n = needed((uint16_t)strtoul(*model + 2, NULL, 10), 65000);
    const char *first = strstr(*model, "\nG\t");
    for (const char *at = first; at; at = strstr(at + 1, "\nG\t")) {
      const char *count = strchr(at + 3, '\t') + 1;
      char wanted[40];
      if (*count >= '0' && *count <= '9')
        continue;
      snprintf(wanted, sizeof(wanted), "\nP\t%.*s\t", (int)strcspn(count, "\t\n"), count);
      const char *found = strstr(*model, wanted);
      if (!found || found > first || n == 0)
        fail_msg("%.30s: %s", *model, wanted);
    }
    assert_true(n < 100);
  }
}

/* As many as a point says, groups in groups. */
static void test_repeated_as_told(void **state TT_UNUSED)
{
  begin(2);
  add(705, 13 + 2 * 22);
  assert_int_equal(needed(705, 57), 5);    /* up to NCrv */
  assert_int_equal(needed(705, 65000), 5); /* whatever it says: the others on the bus are waiting */
  assert_int_equal(needed(705, 3), 3);
  assert_int_equal(needed(1, 66), 64);
  assert_int_equal(needed(160, 48), 0);
  assert_int_equal(needed(64999, 100), 0);
  struct tt_buf out TT_AUTOBUF = TT_BUF(TT_DESCRIPTION_MAX);
  assert_int_equal(mb_sunspec_describe(&chain, &out), 0);
  assert_null(strstr(out.data, "crv_1")); /* nobody has told */
  registers()[3] = 4;                     /* NPt */
  registers()[4] = 2;                     /* NCrv */
  struct described d = describe();
  struct mb_place p = place(&d, "der_volt_var_crv_2_pt_4_v");
  assert_true(p.address > 2 + 13 && p.address < 2 + 2 + 13 + 2 * 22);
  described_unload(&d);
  registers()[3] = 60000; /* more than fits into the model */
  registers()[4] = 60000;
  d = describe();
  assert_true(d.device->n_points < 200);
  described_unload(&d);
}

static void test_settings(void **state TT_UNUSED)
{
  begin(2);
  add(123, 24);
  struct described d = describe();
  const struct tt_point *p = described_point(&d, "controls_w_max_lim_pct");
  assert_non_null(p->write);
  assert_int_equal(p->write->verify, TT_VERIFY_READBACK);
  assert_string_equal(p->ucum, "%");
  struct mb_place w;
  assert_int_equal(mb_place_write(p, d.device->options, &w), 0);
  assert_int_equal(w.function, 16);
  assert_int_not_equal(w.scale, MB_NO_ADDRESS);
  p = described_point(&d, "controls_w_max_lim_ena");
  assert_true(p->write && p->type == TT_TYPE_ENUM && p->n_map == 2);
  described_unload(&d);
}

/* Every model that is known, at its shortest and longest: nothing of it may be wrong in the configuration. */
static void test_all_models(void **state TT_UNUSED)
{
  size_t n = 0;
  for (const char *const *model = mb_sunspec_models; *model; model++, n++) {
    uint16_t id = (uint16_t)strtoul(*model + 2, NULL, 10);
    begin(2);
    assert_int_equal(add(id, 700), 1);
    for (unsigned i = 0; i < 700; i++)
      registers()[i] = 2;
    struct described d = describe();
    assert_true(d.device->n_points > 0);
    described_unload(&d);
  }
  assert_true(n > 90);
}

/* ---- Chains ----------------------------------------------------------------------------------------------- */
static void test_chains(void **state TT_UNUSED)
{
  char list[MB_SUNSPEC_LIST];
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  begin(40002);
  assert_int_equal(add(0, 0), -EBADMSG);
  assert_int_equal(add(1, 65535), -EBADMSG); /* out of the registers */
  assert_int_equal(add(64999, 10), 1);
  assert_int_equal(mb_sunspec_describe(&chain, &out), -ENOENT); /* a maker's own */
  begin(40002);
  assert_int_equal(add(103, 0), 1);
  assert_int_equal(mb_sunspec_describe(&chain, &out), -ENOENT); /* known, but there is nothing in it */
  begin(40002);
  assert_int_equal(add(64999, 10), 1);
  for (unsigned i = 1; i < MB_SUNSPEC_MODELS_MAX; i++)
    assert_int_equal(add(64999, 0), 1);
  assert_int_equal(add(64999, 0), -EBADMSG); /* it never ends */
  assert_int_equal(strlen(mb_sunspec_list(&chain, list)), 60 * 5 + 59 * 2);
  assert_true(mb_sunspec_is_marker((uint16_t[]){0x5375, 0x6e53}));
  assert_false(mb_sunspec_is_marker((uint16_t[]){0x7553, 0x536e}));
  char text[MB_SUNSPEC_TEXT];
  assert_string_equal(mb_sunspec_common(&chain, MB_SUNSPEC_MAKER, text), "");
}

/* A model that is shorter than it should be: what is missing is not described. */
static void test_short_model(void **state TT_UNUSED)
{
  begin(2);
  add(103, 14);
  struct described d = describe();
  described_point(&d, "inverter_three_phase_w");
  for (size_t i = 0; i < d.device->n_points; i++)
    assert_string_not_equal(d.device->points[i].name, "inverter_three_phase_st");
  described_unload(&d);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_inverter),
      cmocka_unit_test(test_base),
      cmocka_unit_test(test_constant_scale),
      cmocka_unit_test(test_no_secrets),
      cmocka_unit_test(test_too_much),
      cmocka_unit_test(test_two_meters),
      cmocka_unit_test(test_repeated_as_long_as_it_is),
      cmocka_unit_test(test_needed),
      cmocka_unit_test(test_repeated_as_told),
      cmocka_unit_test(test_settings),
      cmocka_unit_test(test_all_models),
      cmocka_unit_test(test_chains),
      cmocka_unit_test(test_short_model),
  };
  return cmocka_run_group_tests(tests, NULL, finish);
}
