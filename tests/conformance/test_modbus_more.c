/* SPDX-License-Identifier: Apache-2.0
 * What the Modbus bridge alone can do, before the simulated meter: SunSpec, scale factors in registers, some bits of a
 * register, identification, frames over TCP, what is on the wire, and who is there. */
#define _GNU_SOURCE /* modbus_peer.h */
#include "world.h"

#include "modbus_peer.h"
#include "service/log.h"

#include <json-c/json.h>
#include <netinet/in.h>
#include <sys/socket.h>

extern const struct tt_bridge_ops tt_bridge_modbus;

static struct peer peer;
static struct world w;

static struct {
  unsigned n;
  char *json;
} described;
static char probed[4000];

static int on_described(void *user TT_UNUSED, const char *key, const char *json, size_t size)
{
  assert_string_equal(key, "d0");
  free(described.json);
  described.json = strndup(json, size);
  described.n++;
  return 0;
}

static void on_probe(void *user TT_UNUSED, const char *key TT_UNUSED, uint16_t point, const char *text)
{
  size_t n = strlen(probed);
  snprintf(probed + n, sizeof(probed) - n, "%u %s\n", point, text);
}

static const struct tt_found_hooks listening = {.described = on_described},
                                   looking = {.described = on_described, .probe = on_probe};

static void with_nothing(char *out, size_t size, unsigned n TT_UNUSED)
{
  snprintf(out, size, "%s", "");
}

static void open_as(const char *connection, const char *mapping, const struct tt_found_hooks *found)
{
  char options[300];
  snprintf(options, sizeof(options), "    host: %s\n    port: %d\n    timeout: 300ms\n    drain: 50ms\n%s",
           peer.host, peer.port ? peer.port : 502, connection);
  memset(&described, 0, sizeof(described));
  world_open(&w, &tt_bridge_modbus,
             &(struct world_text){.protocol = "modbus",
                                  .connection = options,
                                  .mapping = mapping,
                                  .with = with_nothing,
                                  .n = 1,
                                  .found = found});
}

static void end(void)
{
  world_close(&w);
  peer_stop(&peer);
  free(described.json);
  described.json = NULL;
}

static void set(unsigned address, unsigned word)
{
  char line[64];
  snprintf(line, sizeof(line), "set 1 %u %u", address, word);
  peer_tell(&peer, line);
}

static void set_text(unsigned address, const char *text)
{
  for (unsigned i = 0; i < strlen(text); i += 2)
    set(address + i / 2, (unsigned)text[i] << 8 | (unsigned)text[i + 1]);
}

/* A common model and a single-phase inverter. */
static void set_sunspec(unsigned base)
{
  set(base, 0x5375);
  set(base + 1, 0x6e53);
  set(base + 2, 1);
  set(base + 3, 66);
  set_text(base + 4, "Maker Co");
  set_text(base + 20, "Inverter");
  set(base + 70, 101);
  set(base + 71, 50);
  set(base + 72 + 50, 0xffff);
  set(base + 73 + 50, 0);
}

static int read_now(const char *point, struct answer *a)
{
  assert_int_equal(world_read(&w, "d0", point, world_now() + 2000 * MS, a), 0);
  WAIT_FOR(&w, a->calls > 0);
  return a->error;
}

static enum tt_refusal set_now(const char *point, const char *value)
{
  struct set_answer a;
  world_set(&w, "d0", point, value, &a);
  WAIT_FOR(&w, a.calls > 0);
  return a.refusal;
}

static const char *text(const char *point)
{
  uint16_t i;
  assert_int_equal(tt_node_point(world_node(&w, "d0"), point, &i), 0);
  const struct tt_value *value = &world_node(&w, "d0")->fields[i].value;
  return tt_value_is_text(value->type) ? value->text : "";
}

/* ---- A device by pymodbus, which shares nothing with us ----------------------------------------------------------- */
static struct {
  pid_t pid;
  FILE *out;
} other;

static void other_start(bool is_framed)
{
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof(at);
  int pipes[2], fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  char port[8], program[400], line[100];
  posix_spawn_file_actions_t actions;
  assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
  close(fd);
  snprintf(peer.host, sizeof(peer.host), "127.0.0.1");
  peer.port = ntohs(at.sin_port);
  snprintf(port, sizeof(port), "%d", peer.port);
  snprintf(program, sizeof(program), "%s/tests/simulators/pymodbus_meter.py",
           getenv("TT_SOURCE_DIR") ? getenv("TT_SOURCE_DIR") : ".");
  char *argv[] = {(char[]){"/usr/bin/setpriv"},
                  (char[]){"--pdeathsig"},
                  (char[]){"TERM"},
                  (char[]){"/usr/bin/python3"},
                  program,
                  (char[]){"--tcp"},
                  port,
                  is_framed ? (char[]){"--framed"} : NULL,
                  NULL};
  assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
  assert_int_equal(posix_spawn(&other.pid, argv[0], &actions, NULL, argv, environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  close(pipes[1]);
  other.out = fdopen(pipes[0], "r");
  do
    assert_non_null(fgets(line, sizeof(line), other.out));
  while (strcmp(line, "ready\n") != 0);
}

static void other_stop(void)
{
  world_close(&w);
  kill(other.pid, SIGTERM);
  waitpid(other.pid, NULL, 0);
  fclose(other.out);
  free(described.json);
  described.json = NULL;
}

static const char *field_text(const char *point, char *out, size_t size)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  uint16_t i;
  assert_int_equal(tt_node_point(world_node(&w, "d0"), point, &i), 0);
  const struct tt_field *field = &world_node(&w, "d0")->fields[i];
  if (field->value.type != TT_TYPE_NONE)
    tt_value_print(&field->value, &buf);
  snprintf(out, size, "%s", buf.data ? buf.data : "none");
  return out;
}

/* It says what it has; what it says is loaded as it is, and read. */
static void sunspec_by_pymodbus(bool is_framed)
{
  static const char *const fields[][2] = {
      {"common_mn", "Independent"},
      {"common_sn", "0815-7"},
      {"common_opt", "none"},
      {"inverter_three_phase_a", "12.3"},
      {"inverter_three_phase_w", "-200"},
      {"inverter_three_phase_wh", "100000"},
      {"inverter_three_phase_st", "MPPT"},
      {"inverter_three_phase_evt1", "GROUND_FAULT, AC_DISCONNECT"},
      {"inverter_three_phase_aph_a", "none"},
      {"inverter_three_phase_dcw", "none"},
      {"mppt_module_1_dcw", "300"},
      {"mppt_module_2_id", "2"},
      {"mppt_module_2_id_str", "East"},
  };
  const char *connection = is_framed ? "    transport: rtu-over-tcp\n" : "";
  struct tt_buf mapping TT_AUTOBUF = TT_BUF(0);
  char printed[100];
  other_start(is_framed);
  open_as(connection, "describe: sunspec\npoints: {}\n", &listening);
  WAIT_FOR(&w, described.n == 1);
  struct json_object *json = json_tokener_parse(described.json), *points;
  assert_true(json_object_object_get_ex(json, "points", &points));
  tt_buf_printf(&mapping, "limits: {max_gap: 16}\npoints: %s\n",
                json_object_to_json_string_ext(points, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(json);
  world_close(&w);
  free(described.json);
  open_as(connection, mapping.data, &listening);
  WAIT_FOR(&w, world_is(&w, "online"));
  for (size_t i = 0; i < TT_COUNT(fields); i++) {
    struct answer a;
    assert_int_equal(read_now(fields[i][0], &a), 0);
    if (world_field_error(&w, "d0", fields[i][0]))
      fail_msg("%s: %s", fields[i][0], world_field_error(&w, "d0", fields[i][0]));
    if (strcmp(field_text(fields[i][0], printed, sizeof(printed)), fields[i][1]) != 0)
      fail_msg("%s is %s, not %s", fields[i][0], printed, fields[i][1]);
  }
  other_stop();
}

static void test_sunspec_by_pymodbus(void **state TT_UNUSED)
{
  sunspec_by_pymodbus(false);
  sunspec_by_pymodbus(true);
}

static void mask_and_identity_by_pymodbus(bool is_framed)
{
  struct answer a;
  char line[100], printed[100];
  other_start(is_framed);
  open_as(is_framed ? "    transport: rtu-over-tcp\n" : "",
          "points:\n"
          "  slice: {holding: 0x101f, type: uint16, bit: 4, width: 4, write: {function: 22, verify: readback}}\n"
          "  vendor: {identification: vendor_name, type: string}\n"
          "  revision: {identification: revision, type: string}\n"
          "  model: {identification: model_name, type: string}\n",
          NULL);
  WAIT_FOR(&w, world_is(&w, "online"));
  assert_int_equal(read_now("slice", &a), 0);
  assert_true(a.number == 5);
  assert_int_equal(set_now("slice", "10"), TT_OK);
  assert_non_null(fgets(line, sizeof(line), other.out));
  assert_string_equal(line, "write holding 0x101f 928\n"); /* 0x0350 has become 0x03a0 */
  static const char *const texts[][2] = {{"vendor", "Independent"}, {"revision", "2.0"}, {"model", "PV 3000"}};
  for (size_t i = 0; i < TT_COUNT(texts); i++) {
    assert_int_equal(read_now(texts[i][0], &a), 0);
    assert_string_equal(field_text(texts[i][0], printed, sizeof(printed)), texts[i][1]);
  }
  other_stop();
}

static void test_mask_and_identity_by_pymodbus(void **state TT_UNUSED)
{
  mask_and_identity_by_pymodbus(false);
  mask_and_identity_by_pymodbus(true);
}

/* ---- SunSpec ---------------------------------------------------------------------------------------------------- */
static void test_sunspec(void **state TT_UNUSED)
{
  static const unsigned bases[] = {40000, 50000, 0};
  for (size_t i = 0; i < TT_COUNT(bases); i++) {
    peer_start(&peer, NULL, "");
    set_sunspec(bases[i]);
    open_as("", "describe: sunspec\npoints: {}\n", &listening);
    WAIT_FOR(&w, described.n == 1);
    char expected[100];
    snprintf(expected, sizeof(expected), "\"inverter_single_phase_w\":{\"holding\":%u,", bases[i] + 72 + 12);
    assert_non_null(strstr(described.json, expected));
    assert_non_null(strstr(described.json, "\"about\":{\"vendor\":\"Maker Co\",\"model\":\"Inverter\""));
    end();
  }
}

static void test_no_sunspec(void **state TT_UNUSED)
{
  peer_start(&peer, NULL, "");
  open_as("", "describe: sunspec\npoints: {}\n", &listening);
  WAIT_FOR(&w, world_message(&w, "d0", "offline"));
  assert_string_equal(world_message(&w, "d0", "offline"),
                      "unit 1 has no SunSpec models that are known at 40000, 50000 or 0");
  assert_int_equal(described.n, 0);
  end();
}

/* It is asked when it can be reached at last. */
static void test_sunspec_of_a_late_device(void **state TT_UNUSED)
{
  peer_start(&peer, NULL, "");
  int port = peer.port;
  char again[40];
  peer_stop(&peer);
  open_as("", "describe: sunspec\npoints: {}\n", &listening);
  WAIT_FOR(&w, world_is(&w, "offline"));
  snprintf(again, sizeof(again), "--port %d", port);
  peer_start(&peer, NULL, again);
  set_sunspec(40000);
  /* perhaps it was asked before the registers were set: then it is asked after half a minute, or after a reconnection */
  for (unsigned i = 0; i < 20 && described.n == 0; i++) {
    uint64_t until_us = world_now() + 1000 * MS;
    WAIT_FOR(&w, described.n > 0 || world_now() > until_us);
    if (described.n == 0)
      peer_tell(&peer, "hang");
  }
  assert_int_equal(described.n, 1);
  end();
}

/* It says nothing where others say that nothing is there: the next attempt looks elsewhere. */
static void test_sunspec_where_the_rest_is_silent(void **state TT_UNUSED)
{
  char again[40];
  peer_start(&peer, NULL, "");
  peer_tell(&peer, "silent-hole 40000 40001");
  set_sunspec(50000);
  open_as("", "describe: sunspec\npoints: {}\n", &listening);
  WAIT_FOR(&w, world_message(&w, "d0", "offline"));
  assert_string_equal(world_message(&w, "d0", "offline"), "unit 1 does not say what models it has: no answer");
  assert_int_equal(described.n, 0);
  snprintf(again, sizeof(again), "--port %d", peer.port);
  /* It is asked again when it is back, which is sooner than in half a minute; perhaps before the registers are set. */
  for (unsigned i = 0; i < 20 && described.n == 0; i++) {
    peer_stop(&peer);
    WAIT_FOR(&w, world_is(&w, "offline"));
    peer_start(&peer, NULL, again);
    peer_tell(&peer, "silent-hole 40000 40001");
    set_sunspec(50000);
    uint64_t until_us = world_now() + 5000 * MS;
    WAIT_FOR(&w, described.n > 0 || world_now() > until_us);
  }
  assert_int_equal(described.n, 1);
  assert_non_null(strstr(described.json, "\"inverter_single_phase_w\":{\"holding\":50084,"));
  end();
}

/* The chain has no end, and behind it is silence: the second time that is the end. */
static void test_sunspec_that_breaks_off(void **state TT_UNUSED)
{
  char again[40];
  peer_start(&peer, NULL, "");
  peer_tell(&peer, "silent-hole 40122 40130");
  set_sunspec(40000);
  open_as("", "describe: sunspec\npoints: {}\n", &listening);
  snprintf(again, sizeof(again), "--port %d", peer.port);
  for (unsigned i = 0; i < 20 && described.n == 0; i++) {
    uint64_t until_us = world_now() + 3000 * MS;
    WAIT_FOR(&w, described.n > 0 || world_now() > until_us);
    if (described.n > 0)
      break;
    assert_string_equal(world_message(&w, "d0", "offline"), "unit 1 does not say what models it has: no answer");
    peer_stop(&peer);
    WAIT_FOR(&w, world_is(&w, "offline"));
    peer_start(&peer, NULL, again);
    peer_tell(&peer, "silent-hole 40122 40130");
    set_sunspec(40000);
  }
  assert_int_equal(described.n, 1);
  assert_non_null(strstr(described.json, "\"inverter_single_phase_w\":{\"holding\":40084,"));
  end();
}

/* A model whose registers cannot all be read costs what they would have told, not the others. */
static void test_sunspec_with_a_hole(void **state TT_UNUSED)
{
  peer_start(&peer, NULL, "");
  set_sunspec(40000);
  peer_tell(&peer, "hole 40020 40020");
  open_as("", "address: {base: 1}\ndescribe: sunspec\npoints: {}\n", &listening);
  WAIT_FOR(&w, described.n == 1);
  assert_non_null(strstr(described.json, "\"inverter_single_phase_w\":{\"holding\":40085,")); /* by that base */
  assert_null(strstr(described.json, "Maker Co"));
  end();
}

/* ---- Scale factors ---------------------------------------------------------------------------------------------- */
#define SCALED                                                                                                     \
  "points:\n"                                                                                                      \
  "  power: {holding: 1000, type: int16_sf, scale_register: 1001, invalid: [-32768], decimals: 1,"                 \
  " write: {verify: readback}}\n"                                                                                  \
  "  energy: {holding: 1010, type: uint32_sf, scale_register: 1001}\n"                                             \
  "  far: {holding: 3000, type: uint16_sf, scale_register: 4000}\n"

static void test_scale(void **state TT_UNUSED)
{
  struct answer a;
  peer_start(&peer, NULL, "--log");
  set(1000, 2301);
  set(1001, 0xffff); /* -1 */
  set(1011, 5);
  set(3000, 7);
  set(4000, 2);
  open_as("", SCALED, NULL);
  WAIT_FOR(&w, world_is(&w, "online"));
  assert_int_equal(read_now("power", &a), 0);
  assert_true(a.number == 230.1);
  assert_int_equal(read_now("energy", &a), 0);
  assert_true(a.number == 0.5);
  assert_int_equal(read_now("far", &a), 0); /* by two requests */
  assert_true(a.number == 700);
  set(1001, 3); /* the inverter changes its scale: the value of the same moment goes by it */
  assert_int_equal(read_now("power", &a), 0);
  assert_true(a.number == 2301000);
  set(1000, 0x8000); /* not implemented: no value, whatever the scale */
  assert_int_equal(read_now("power", &a), 0);
  assert_true(a.number != a.number);
  set(1000, 5);
  set(1001, 0x8000);
  assert_int_equal(read_now("power", &a), 0);
  assert_non_null(strstr(world_field_error(&w, "d0", "power"), "its scale factor is not implemented"));
  peer_tell(&peer, "hole 4000 4000");
  assert_int_equal(read_now("far", &a), 0);
  assert_non_null(strstr(world_field_error(&w, "d0", "far"),
                         "its scale factor could not be read (unit 1, holding register 0x0FA0"));
  /* Written by the scale of now. */
  set(1001, 0xfffe);
  assert_int_equal(set_now("power", "12.5"), TT_OK);
  peer_expect(&peer, "write unit 1 function 6 address 0x03e8 data 04 e2");
  set(1001, 1);
  assert_int_not_equal(set_now("power", "12.5"), TT_OK); /* no whole number of tens */
  end();
}

/* ---- Some bits of a register ------------------------------------------------------------------------------------ */
static void test_mask_write(void **state TT_UNUSED)
{
  peer_start(&peer, NULL, "--log");
  set(1000, 0x8f0f);
  open_as("",
          "points:\n"
          "  mode: {holding: 1000, type: uint16, bit: 4, width: 3, write: {function: 22, verify: readback}}\n"
          "  flag: {holding: 1000, type: bit, bit: 0, write: {function: 22, verify: readback}}\n",
          NULL);
  WAIT_FOR(&w, world_is(&w, "online"));
  assert_int_equal(set_now("mode", "5"), TT_OK);
  peer_expect(&peer, "write unit 1 function 22 address 0x03e8 data ff 8f 00 50");
  assert_int_equal(set_now("flag", "false"), TT_OK);
  peer_expect(&peer, "write unit 1 function 22 address 0x03e8 data ff fe 00 00");
  assert_int_not_equal(set_now("mode", "8"), TT_OK);
  struct answer a;
  assert_int_equal(read_now("mode", &a), 0);
  assert_true(a.number == 5);
  end();
}

/* ---- Identification --------------------------------------------------------------------------------------------- */
#define IDENTITY                                                                                                   \
  "points:\n"                                                                                                      \
  "  vendor: {identification: vendor_name, type: string, category: identity}\n"                                    \
  "  revision: {identification: revision, type: string, category: identity}\n"                                     \
  "  model: {identification: model_name, type: string, category: identity}\n"                                      \
  "  application: {identification: user_application, type: string}\n"                                              \
  "  first: {holding: 1000, type: uint16}\n"

static void identify(const char *arguments, const char *connection)
{
  struct answer a;
  peer_start(&peer, NULL, arguments);
  set(1000, 7);
  open_as(connection, IDENTITY, NULL);
  WAIT_FOR(&w, world_is(&w, "online"));
  assert_int_equal(world_read_all(&w, "d0", world_now() + 3000 * MS, &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.error, 0);
  assert_string_equal(text("vendor"), "Eastron");
  assert_string_equal(text("revision"), "1.2");
  assert_string_equal(text("model"), "SDM630-Modbus"); /* behind more than one answer */
  assert_non_null(strstr(world_field_error(&w, "d0", "application"), "the identification has no such object"));
  assert_true(world_number(&w, "d0", "first") == 7);
  end();
}

static void test_identification(void **state TT_UNUSED)
{
  identify("--identified", "");
  identify("--identified --framed", "    transport: rtu-over-tcp\n");
}

/* On a line nothing says how long such an answer is but itself. */
static void test_identification_on_a_line(void **state TT_UNUSED)
{
  char dir[] = "/tmp/tt-line-XXXXXX", line[40], connection[200];
  struct answer a;
  assert_non_null(mkdtemp(dir));
  snprintf(line, sizeof(line), "%s/line", dir);
  peer_start(&peer, line, "--identified --unit 1 --unit 2");
  snprintf(connection, sizeof(connection),
           "    transport: rtu\n    device: %s\n    baud: 115200\n    discover: {last: 3}\n", line);
  open_as(connection, IDENTITY, NULL);
  WAIT_FOR(&w, world_is(&w, "online"));
  assert_int_equal(read_now("vendor", &a), 0);
  assert_string_equal(text("vendor"), "Eastron");
  assert_int_equal(read_now("model", &a), 0);
  assert_string_equal(text("model"), "SDM630-Modbus");
  end();
  assert_int_equal(unlink(line), 0);
  assert_int_equal(rmdir(dir), 0);
}

static void test_no_identification(void **state TT_UNUSED)
{
  struct answer a;
  peer_start(&peer, NULL, "");
  open_as("", IDENTITY, NULL);
  WAIT_FOR(&w, world_is(&w, "online"));
  assert_int_equal(read_now("vendor", &a), 0);
  assert_non_null(strstr(world_field_error(&w, "d0", "vendor"), "illegal function (exception 1)"));
  end();
}

/* ---- Frames over TCP -------------------------------------------------------------------------------------------- */
static void test_rtu_over_tcp(void **state TT_UNUSED)
{
  struct answer a;
  peer_start(&peer, NULL, "--framed --log");
  set(1000, 41);
  open_as("    transport: rtu-over-tcp\n",
          "points:\n  level: {holding: 1000, type: uint16, write: {verify: readback}}\n"
          "  reading: {input: 0, type: float32}\n",
          NULL);
  WAIT_FOR(&w, world_is(&w, "online"));
  assert_int_equal(read_now("level", &a), 0);
  assert_true(a.number == 41);
  assert_int_equal(set_now("level", "42"), TT_OK);
  peer_expect(&peer, "write unit 1 function 6 address 0x03e8 data 00 2a");
  peer_tell(&peer, "dead 1");
  assert_int_equal(read_now("level", &a), -ETIMEDOUT);
  peer_tell(&peer, "alive 1");
  WAIT_FOR(&w, read_now("level", &a) == 0);
  peer_tell(&peer, "hang"); /* the converter closes the connection */
  WAIT_FOR(&w, read_now("level", &a) == 0);
  assert_true(a.number == 42);
  end();
}

/* ---- On the wire ------------------------------------------------------------------------------------------------ */
static void test_probe(void **state TT_UNUSED)
{
  struct answer a;
  peer_start(&peer, NULL, "");
  set(1000, 0x4366);
  set(1001, 0x199a);
  open_as("", "points:\n  level: {holding: 1000, type: float32}\n", &looking);
  WAIT_FOR(&w, world_is(&w, "online"));
  *probed = '\0';
  assert_int_equal(read_now("level", &a), 0);
  assert_string_equal(probed, "0 registers 0x4366 0x199A\n"
                              "0 ABCD: int32 1130764698, uint32 1130764698, float32 230.1\n"
                              "0 CDAB: int32 429540198, uint32 429540198\n"
                              "0 BADC: int32 1715706393, uint32 1715706393\n"
                              "0 DCBA: int32 -1709611453, uint32 2585355843\n");
  end();
}

/* ---- Who is there ----------------------------------------------------------------------------------------------- */
static struct {
  unsigned done;
  int error;
  char text[1000];
} seen;

static void on_candidate(void *user TT_UNUSED, const struct tt_candidate *c)
{
  size_t n = strlen(seen.text);
  snprintf(seen.text + n, sizeof(seen.text) - n, "%s|%s|%s|%s|%s|%s\n", c->id, c->vendor ? c->vendor : "",
           c->model ? c->model : "", c->uses ? c->uses : "", c->facts[0].value, c->facts[5].value);
}

static void on_done(void *user TT_UNUSED, int error, const char *why TT_UNUSED)
{
  seen.done++;
  seen.error = error;
}

static void discover(uint64_t us)
{
  struct tt_discovery_fns fns = {NULL, on_candidate, on_done};
  memset(&seen, 0, sizeof(seen));
  assert_int_equal(tt_host_discover(w.host, BRIDGE, world_now() + us, &fns), 0);
  WAIT_FOR(&w, seen.done == 1);
}

static void test_discover(void **state TT_UNUSED)
{
  peer_start(&peer, NULL, "--identified --unit 1 --unit 3 --unit 4");
  set_sunspec(40000);
  peer_tell(&peer, "dead 4");
  open_as("    discover: {last: 5}\n", "points:\n  level: {holding: 1000, type: uint16}\n", NULL);
  WAIT_FOR(&w, world_is(&w, "online"));
  discover(10000 * MS);
  assert_int_equal(seen.error, 0);
  assert_string_equal(seen.text, "unit-1|Maker Co|Inverter|modbus/sunspec|1|1, 101\n"
                                 "unit-3|Eastron|SDM630||3|\n");
  peer_stop(&peer);
  WAIT_FOR(&w, world_is(&w, "offline"));
  discover(5000 * MS);
  assert_int_equal(seen.error, -ENOTCONN);
  end();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sunspec),
      cmocka_unit_test(test_no_sunspec),
      cmocka_unit_test(test_sunspec_of_a_late_device),
      cmocka_unit_test(test_sunspec_where_the_rest_is_silent),
      cmocka_unit_test(test_sunspec_that_breaks_off),
      cmocka_unit_test(test_sunspec_with_a_hole),
      cmocka_unit_test(test_scale),
      cmocka_unit_test(test_mask_write),
      cmocka_unit_test(test_identification),
      cmocka_unit_test(test_identification_on_a_line),
      cmocka_unit_test(test_no_identification),
      cmocka_unit_test(test_rtu_over_tcp),
      cmocka_unit_test(test_probe),
      cmocka_unit_test(test_discover),
      cmocka_unit_test(test_sunspec_by_pymodbus),
      cmocka_unit_test(test_mask_and_identity_by_pymodbus),
  };
  tt_log_open(TT_LOG_ERROR);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
