/* SPDX-License-Identifier: Apache-2.0
 *
 * modbus_meter: an energy meter with the register map of an Eastron SDM630 (and SDM120), over Modbus TCP and RTU, that
 * can be told to misbehave. It does its own framing, so that it is a second opinion on what goes over the wire.
 *
 *   modbus_meter [--host ADDRESS] [--tcp PORT] [--rtu DEVICE] [--pty LINK] [--unit N]... [--identify | --generation] [--seed N] [--log]
 *                [--identified] [--framed] [--limit N] [--attached] [FAULT PERCENT]...
 *
 * ADDRESS is 127.0.0.1 when not given before; PORT 0 takes a free one. When everything is open it prints "ready tcp PORT" and/or "ready rtu DEVICE", then "ready".
 * --pty makes a pseudo terminal and LINK to its other end. SIGTERM ends it. --identify: every register holds a number
 * made of its table and address, so that a value in the wrong place is noticed. --generation: of the number of requests
 * that the unit has had, too, so that an answer to an earlier one is noticed (the first request sees generation 1).
 * --limit: requests for more registers are refused (exception 3). --log: each write is printed. --attached: it ends
 * when stdin does. --identified: function 43/14 says what it is. --framed: frames of a serial line over TCP.
 * FAULT: --late --drop --duplicate --garble, of that many percent (fractions allowed) of the answers; a late answer
 * comes --late-ms A B milliseconds after its request (default 25 45). The same and more can be told on stdin while it runs:
 *
 *   late|drop|duplicate|garble PERCENT     delay UNIT MS     dead UNIT     alive UNIT     exception UNIT CODE (0: none)
 *   unit UNIT NEW (answers carry the unit NEW)      hole FIRST LAST (exception 2; all units)     silent-hole FIRST LAST
 *   hang (closes every TCP connection)     set UNIT ADDRESS WORD (a holding register)      counts
 *
 * Each line is answered with "ok", or for counts with "requests N reads N writes N words N late N drop N duplicate N
 * garble N links N". */
#define _GNU_SOURCE
#include "modbus_identity.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define LINKS_MAX   64
#define UNITS_MAX   248
#define PENDING_MAX 4096
#define FRAME_MAX   300
#define HOLES_MAX   16

enum table { COIL, DISCRETE, HOLDING, INPUT };

struct unit {
  bool is_present, is_dead;
  int delay_ms, exception, answers_as;
  uint32_t generation;
  uint16_t holding[65536];
  uint8_t coils[8192];
};

struct link {
  int fd;
  bool is_rtu;
  size_t n;
  uint8_t in[4 * FRAME_MAX];
};

struct pending { /* an answer on its way; sent when its time has come */
  double at;
  unsigned generation; /* of the slot in links: a connection that has gone gets nothing */
  size_t link, n;
  uint8_t bytes[FRAME_MAX * 2];
};

static struct {
  struct unit *units[UNITS_MAX];
  struct link links[LINKS_MAX];
  unsigned generation[LINKS_MAX];
  struct pending pending[PENDING_MAX];
  size_t n_pending;
  int listener;
  struct in_addr host;
  bool is_identify, is_generation, is_log, is_attached, is_identified, is_framed;
  int limit;
  double late, drop, duplicate, garble;
  int late_from, late_to;
  struct {
    int first, last;
    bool is_silent;
  } holes[HOLES_MAX];
  size_t n_holes;
  uint64_t random;
  struct {
    unsigned long requests, reads, writes, words, late, drop, duplicate, garble;
  } count;
} sim = {.listener = -1, .random = 88172645463325252u, .late_from = 25, .late_to = 45, .limit = 125};

static volatile sig_atomic_t is_ended;

static void on_signal(int number)
{
  (void)number;
  is_ended = 1;
}

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint32_t random_below(uint32_t bound)
{
  sim.random ^= sim.random << 13;
  sim.random ^= sim.random >> 7;
  sim.random ^= sim.random << 17;
  return (uint32_t)((sim.random >> 32) % bound);
}

static bool happens(double percent)
{
  return percent > 0 && random_below(1000000) < percent * 10000;
}

/* ---- What the meter measures ------------------------------------------------------------------------- */
static void put_float(uint16_t *words, float value)
{
  uint32_t bits;
  memcpy(&bits, &value, 4);
  words[0] = (uint16_t)(bits >> 16);
  words[1] = (uint16_t)bits;
}

/* The float at an even input address: a small house with moving loads. */
static float measured(int address)
{
  double t = now();
  int phase = (address / 2) % 3;
  double volts[3], amps[3], watts[3], factor[3], total = 0, sum_va = 0, sum_var = 0;
  for (int i = 0; i < 3; i++) {
    volts[i] = 230 + 2.5 * sin(t / 7 + i * 2.1);
    amps[i] = 3 + i + 1.5 * sin(t / 11 + i);
    factor[i] = 0.93 + 0.02 * i;
    watts[i] = volts[i] * amps[i] * factor[i];
    total += watts[i];
    sum_va += volts[i] * amps[i];
    sum_var += sqrt(pow(volts[i] * amps[i], 2) - pow(watts[i], 2));
  }
  double energy = 1234.5 + total * t / 3.6e6;
  switch (address / 6) {
  case 0:
    return (float)volts[phase];
  case 1:
    return (float)amps[phase];
  case 2:
    return (float)watts[phase];
  case 3:
    return (float)(volts[phase] * amps[phase]);
  case 4:
    return (float)sqrt(pow(volts[phase] * amps[phase], 2) - pow(watts[phase], 2));
  case 5:
    return (float)factor[phase];
  }
  switch (address) {
  case 52:
    return (float)total;
  case 56:
    return (float)sum_va;
  case 60:
    return (float)sum_var;
  case 62:
    return (float)(total / sum_va);
  case 66:
    return (float)(acos(total / sum_va) * 180 / 3.14159265358979);
  case 70:
    return (float)(50 + 0.03 * sin(t / 5));
  case 72:
  case 342:
    return (float)energy;
  case 74:
    return 12.25f;
  case 76:
  case 344:
    return (float)(energy / 4);
  case 78:
    return 1.5f;
  case 84: /* the demands, of the SDM120 too */
  case 86:
  case 88:
  case 90:
    return (float)total;
  case 258:
  case 264:
    return (float)amps[0];
  }
  if (address >= 234 && address <= 248)
    return (float)(1.2 + 0.1 * sin(t));
  if (address >= 346 && address <= 380)
    return (float)(energy / 3 + phase);
  return 0;
}

static uint16_t word(struct unit *unit, enum table table, int address)
{
  if (sim.is_identify)
    return modbus_identity(table, (unsigned)address, unit->generation);
  if (table == HOLDING)
    return unit->holding[address];
  uint16_t words[2];
  put_float(words, measured(address & ~1));
  return words[address & 1];
}

static bool bit(struct unit *unit, enum table table, int address)
{
  if (sim.is_identify || table == DISCRETE)
    return (modbus_identity(table, (unsigned)address, unit->generation) >> 3) & 1;
  return (unit->coils[address / 8] >> (address % 8)) & 1;
}

static void set_bit(struct unit *unit, int address, bool value)
{
  uint8_t mask = (uint8_t)(1u << (address % 8));
  unit->coils[address / 8] = (uint8_t)(value ? unit->coils[address / 8] | mask : unit->coils[address / 8] & ~mask);
}

static int add_unit(int number)
{
  if (number < 1 || number >= UNITS_MAX)
    return -EINVAL;
  struct unit *unit = sim.units[number] ? sim.units[number] : calloc(1, sizeof *unit);
  if (!unit)
    return -ENOMEM;
  sim.units[number] = unit;
  unit->is_present = true;
  unit->answers_as = number;
  static const struct {
    uint16_t address;
    float value;
  } settings[] = {
      {0x0002, 60},  /* demand period, minutes */
      {0x000a, 3},   /* three phases, four wires */
      {0x000c, 100}, /* pulse width, ms */
      {0x0012, 0},   /* no parity, 1 stop bit */
      {0x0016, 1},   /* 0.01 kWh a pulse */
      {0x001c, 2},   /* 9600 */
      {0x0056, 4},   /* pulses of export */
  };
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
    put_float(unit->holding + settings[i].address, settings[i].value);
  put_float(unit->holding + 0x0014, (float)number);
  unit->holding[0xf920] = 2; /* what only the SDM120 has: total is import plus export, model, version */
  unit->holding[0xfc02] = 0x0020;
  unit->holding[0xfc03] = 0x0102;
  unit->holding[0xfc00] = 0x0123;
  unit->holding[0xfc01] = 0x4567;
  return 0;
}

/* ---- The protocol ------------------------------------------------------------------------------------ */
static uint16_t crc(const uint8_t *bytes, size_t n)
{
  uint16_t c = 0xffff;
  for (size_t i = 0; i < n; i++) {
    c ^= bytes[i];
    for (int k = 0; k < 8; k++)
      c = (uint16_t)(c & 1 ? (c >> 1) ^ 0xa001 : c >> 1);
  }
  return c;
}

static unsigned get16(const uint8_t *p)
{
  return (unsigned)(p[0] << 8 | p[1]);
}

/* 0: legal; 1: exception 2; 2: no answer at all */
static int hole(unsigned address, unsigned count)
{
  for (size_t i = 0; i < sim.n_holes; i++)
    if ((int)address <= sim.holes[i].last && (int)(address + count) > sim.holes[i].first)
      return sim.holes[i].is_silent ? 2 : 1;
  return 0;
}

/* Function 43/14: what the unit is, at most two objects in one answer. */
static size_t identify(const uint8_t *pdu, size_t n, uint8_t *out)
{
  static const char *const objects[] = {"Eastron", "SDM630", "1.2", "", "Meter", "SDM630-Modbus"};
  const unsigned last = pdu[2] == 1 ? 2 : 5;
  unsigned object = n >= 4 ? pdu[3] : 0, first = object > last ? 0 : object, next = first;
  size_t at = 7;
  if (n < 4 || pdu[1] != 14 || pdu[2] < 1 || pdu[2] > 2)
    return 0;
  while (next <= last && next < first + 2) {
    size_t length = strlen(objects[next]);
    out[at++] = (uint8_t)next;
    out[at++] = (uint8_t)length;
    memcpy(out + at, objects[next++], length);
    at += length;
  }
  bool is_more = next <= last;
  memcpy(out,
         (uint8_t[]){43, 14, pdu[2], 2, is_more ? 0xff : 0, (uint8_t)(is_more ? next : 0), (uint8_t)(next - first)},
         7);
  return at;
}

/* The answer to one PDU (function and data); 0 bytes: none. */
static size_t answer(struct unit *unit, int number, const uint8_t *pdu, size_t n, uint8_t *out)
{
  sim.count.requests++;
  if (unit->is_dead)
    return 0;
  unit->generation += sim.is_generation;
  int code = unit->exception;
  unsigned address = n >= 3 ? get16(pdu + 1) : 0, count = n >= 5 ? get16(pdu + 3) : 0;
  bool is_single = pdu[0] == 5 || pdu[0] == 6 || pdu[0] == 22;
  size_t identified = !code && pdu[0] == 43 && sim.is_identified ? identify(pdu, n, out) : 0;
  if (identified)
    return identified;
  out[0] = pdu[0];
  if (n < 5)
    code = pdu[0] == 43 ? 1 : 3;
  if (!code && address + (is_single ? 1 : count) > 65536)
    code = 2;
  int kind = code ? 0 : hole(address, is_single ? 1 : count);
  if (kind == 2)
    return 0;
  if (kind == 1)
    code = 2;
  if (!code)
    switch (pdu[0]) {
    case 1:
    case 2:
      if (count < 1 || count > 2000) {
        code = 3;
        break;
      }
      sim.count.reads++;
      sim.count.words += count;
      out[1] = (uint8_t)((count + 7) / 8);
      memset(out + 2, 0, out[1]);
      for (unsigned i = 0; i < count; i++)
        if (bit(unit, pdu[0] == 1 ? COIL : DISCRETE, (int)(address + i)))
          out[2 + i / 8] |= (uint8_t)(1u << (i % 8));
      return 2u + out[1];
    case 3:
    case 4:
      if (count < 1 || (int)count > sim.limit) {
        code = 3;
        break;
      }
      sim.count.reads++;
      sim.count.words += count;
      out[1] = (uint8_t)(2 * count);
      for (unsigned i = 0; i < count; i++) {
        uint16_t w = word(unit, pdu[0] == 3 ? HOLDING : INPUT, (int)(address + i));
        out[2 + 2 * i] = (uint8_t)(w >> 8);
        out[3 + 2 * i] = (uint8_t)w;
      }
      return 2u + out[1];
    case 5:
      if (count != 0xff00 && count != 0) {
        code = 3;
        break;
      }
      set_bit(unit, (int)address, count != 0);
      break;
    case 6:
      unit->holding[address] = (uint16_t)count;
      break;
    case 22:
      if (n < 7) {
        code = 3;
        break;
      }
      unit->holding[address] = (uint16_t)((unit->holding[address] & count) | (get16(pdu + 5) & ~count));
      break;
    case 15:
      if (count < 1 || count > 1968 || n < 6u + (count + 7) / 8) {
        code = 3;
        break;
      }
      for (unsigned i = 0; i < count; i++)
        set_bit(unit, (int)(address + i), (pdu[6 + i / 8] >> (i % 8)) & 1);
      break;
    case 16:
      if (count < 1 || count > 123 || n < 6u + 2 * count) {
        code = 3;
        break;
      }
      for (unsigned i = 0; i < count; i++)
        unit->holding[address + i] = (uint16_t)get16(pdu + 6 + 2 * i);
      break;
    default:
      code = 1;
    }
  if (code) {
    out[0] = (uint8_t)(pdu[0] | 0x80);
    out[1] = (uint8_t)code;
    return 2;
  }
  sim.count.writes++;
  if (sim.is_log) {
    printf("write unit %d function %d address 0x%04x data", number, pdu[0], address);
    for (size_t i = pdu[0] == 15 || pdu[0] == 16 ? 6 : 3; i < n; i++)
      printf(" %02x", pdu[i]);
    puts("");
    fflush(stdout);
  }
  size_t echo = pdu[0] == 22 ? 6 : 4;
  memcpy(out + 1, pdu + 1, echo);
  return 1 + echo;
}

/* Spoil an answer in a way that its receiver can detect. An RTU frame has a CRC, so any byte may be hit, by a burst of
 * at most 16 bits; a TCP frame has none, so it is the header and the lengths that suffer, or the end is cut off. */
static void spoil(uint8_t *bytes, size_t *n, bool is_rtu)
{
  sim.count.garble++;
  uint32_t how = random_below(4);
  if (how == 0 && *n > 4) {
    *n -= 1 + random_below((uint32_t)*n - 3);
  } else if (is_rtu) {
    size_t at = random_below((uint32_t)*n);
    bytes[at] ^= (uint8_t)(1 + random_below(255));
    if (how == 1 && at + 1 < *n)
      bytes[at + 1] ^= (uint8_t)random_below(256);
  } else {
    size_t at = random_below(9);
    bytes[at] ^= (uint8_t)(1 + random_below(255));
  }
}

static void send_now(size_t link, const uint8_t *bytes, size_t n)
{
  int fd = sim.links[link].fd;
  for (size_t done = 0; done < n;) {
    ssize_t r =
        sim.links[link].is_rtu ? write(fd, bytes + done, n - done) : send(fd, bytes + done, n - done, MSG_NOSIGNAL);
    if (r > 0) {
      done += (size_t)r;
    } else if (r < 0 && errno == EAGAIN) {
      poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 100);
    } else {
      return;
    }
  }
}

static void send_at(size_t link, double at, const uint8_t *bytes, size_t n)
{
  if (sim.n_pending == PENDING_MAX)
    return;
  struct pending *p = &sim.pending[sim.n_pending++];
  *p = (struct pending){.at = at, .link = link, .generation = sim.generation[link], .n = n};
  memcpy(p->bytes, bytes, n);
}

static void handle(size_t link, const uint8_t *head, int number, const uint8_t *pdu, size_t n)
{
  struct unit *unit = number > 0 && number < UNITS_MAX ? sim.units[number] : NULL;
  bool is_rtu = sim.links[link].is_rtu;
  uint8_t out[2 * FRAME_MAX];
  size_t start = is_rtu ? 1 : 7, length;
  if (unit && unit->is_present) {
    length = answer(unit, number, pdu, n, out + start);
  } else if (is_rtu) {
    return; /* nobody of that number on the line */
  } else {
    out[start] = (uint8_t)(pdu[0] | 0x80); /* as a gateway says it */
    out[start + 1] = 0x0b;
    length = 2;
  }
  if (!length)
    return;
  uint8_t as = (uint8_t)(unit ? unit->answers_as : number);
  if (is_rtu) {
    out[0] = as;
    uint16_t c = crc(out, 1 + length);
    out[1 + length] = (uint8_t)c;
    out[2 + length] = (uint8_t)(c >> 8);
    length += 3;
  } else {
    memcpy(out, head, 4);
    out[4] = (uint8_t)((length + 1) >> 8);
    out[5] = (uint8_t)(length + 1);
    out[6] = as;
    length += 7;
  }
  if (happens(sim.drop)) {
    sim.count.drop++;
    return;
  }
  bool is_spoilt = happens(sim.garble);
  if (is_spoilt) {
    spoil(out, &length, is_rtu);
  } else if (happens(sim.duplicate)) {
    sim.count.duplicate++;
    memcpy(out + length, out, length);
    length *= 2;
  }
  double wait = unit ? unit->delay_ms / 1e3 : 0;
  /* A spoilt header of TCP that came late might by chance number the next request: nobody could tell. */
  if ((is_rtu || !is_spoilt) && happens(sim.late)) {
    sim.count.late++;
    wait += (sim.late_from + (double)random_below((uint32_t)(sim.late_to - sim.late_from + 1))) / 1e3;
  }
  if (wait > 0) {
    send_at(link, now() + wait, out, length);
  } else {
    send_now(link, out, length);
  }
}

/* Take whole requests out of what has arrived. */
static void parse_tcp(size_t index)
{
  struct link *link = &sim.links[index];
  while (link->n >= 8) {
    size_t length = 6 + get16(link->in + 4);
    if (length < 8 || length > 260) {
      link->n = 0;
      return;
    }
    if (link->n < length)
      return;
    handle(index, link->in, link->in[6], link->in + 7, length - 7);
    memmove(link->in, link->in + length, link->n -= length);
  }
}

static void parse_rtu(size_t index)
{
  struct link *link = &sim.links[index];
  while (link->n >= 7) {
    size_t length = link->in[1] == 15 || link->in[1] == 16 ? 9u + link->in[6]
                    : link->in[1] == 22                    ? 10u
                    : link->in[1] == 43                    ? 7u
                                                           : 8u;
    if (((link->in[1] >= 1 && link->in[1] <= 16) || link->in[1] == 22) && link->n < length)
      return;
    if (link->n >= length &&
        crc(link->in, length - 2) == (uint16_t)(link->in[length - 2] | link->in[length - 1] << 8)) {
      handle(index, NULL, link->in[0], link->in + 1, length - 3);
      memmove(link->in, link->in + length, link->n -= length);
    } else {
      memmove(link->in, link->in + 1, --link->n);
    }
  }
}

/* ---- Links ------------------------------------------------------------------------------------------- */
static void link_close(size_t index)
{
  close(sim.links[index].fd);
  sim.links[index].fd = -1;
  sim.generation[index]++;
}

static int link_add(int fd, bool is_rtu)
{
  for (size_t i = 0; i < LINKS_MAX; i++)
    if (sim.links[i].fd < 0) {
      sim.links[i] = (struct link){.fd = fd, .is_rtu = is_rtu};
      return 0;
    }
  close(fd);
  return -ENOSPC;
}

static int open_tcp(int port)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = sim.host};
  socklen_t size = sizeof address;
  sim.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(sim.listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  if (bind(sim.listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(sim.listener, 16) < 0)
    return -errno;
  getsockname(sim.listener, (struct sockaddr *)&address, &size);
  printf("ready tcp %d\n", ntohs(address.sin_port));
  return 0;
}

static int open_rtu(const char *device)
{
  int fd = open(device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  struct termios t;
  if (fd < 0 || tcgetattr(fd, &t) < 0)
    return -errno;
  cfmakeraw(&t);
  tcsetattr(fd, TCSANOW, &t);
  printf("ready rtu %s\n", device);
  return link_add(fd, true);
}

/* A serial line without a device: we hold the master, the other program opens what LINK points to. */
static int open_pty(const char *name)
{
  int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  struct termios t;
  if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0)
    return -errno;
  int slave = open(ptsname(fd), O_RDWR | O_NOCTTY | O_CLOEXEC); /* kept, so that the line is never hung up by us */
  if (slave < 0 || tcgetattr(slave, &t) < 0)
    return -errno;
  cfmakeraw(&t);
  tcsetattr(slave, TCSANOW, &t);
  unlink(name);
  if (symlink(ptsname(fd), name) < 0)
    return -errno;
  printf("ready rtu %s\n", name);
  return link_add(fd, true);
}

static void link_read(size_t index)
{
  struct link *link = &sim.links[index];
  ssize_t r = read(link->fd, link->in + link->n, sizeof link->in - link->n);
  if (r < 0 && errno == EAGAIN)
    return;
  if (r <= 0) {
    link_close(index);
    return;
  }
  link->n += (size_t)r;
  if (link->is_rtu) {
    parse_rtu(index);
  } else {
    parse_tcp(index);
  }
  if (link->n == sizeof link->in)
    link->n = 0;
}

/* ---- Commands on stdin ------------------------------------------------------------------------------- */
static bool command(const char *line)
{
  char name[32], rest[32];
  long a = 0, b = 0, c = 0;
  int n = sscanf(line, "%31s %li %li %li", name, &a, &b, &c);
  struct unit *unit = n >= 2 && a > 0 && a < UNITS_MAX ? sim.units[a] : NULL;
  struct {
    const char *name;
    double *value;
  } percents[] = {{"late", &sim.late}, {"drop", &sim.drop}, {"duplicate", &sim.duplicate}, {"garble", &sim.garble}};
  for (size_t i = 0; i < sizeof percents / sizeof *percents; i++)
    if (n >= 1 && !strcmp(name, percents[i].name) && sscanf(line, "%*s %31s", rest) == 1)
      return *percents[i].value = atof(rest), true;
  if (n >= 2 && unit && (!strcmp(name, "dead") || !strcmp(name, "alive"))) {
    unit->is_dead = name[0] == 'd';
  } else if (n == 3 && unit && !strcmp(name, "delay")) {
    unit->delay_ms = (int)b;
  } else if (n == 3 && unit && !strcmp(name, "exception")) {
    unit->exception = (int)b;
  } else if (n == 3 && unit && !strcmp(name, "unit")) {
    unit->answers_as = (int)b;
  } else if (n == 4 && unit && !strcmp(name, "set")) {
    unit->holding[(uint16_t)b] = (uint16_t)c;
  } else if (n == 3 && sim.n_holes < HOLES_MAX && (!strcmp(name, "hole") || !strcmp(name, "silent-hole"))) {
    sim.holes[sim.n_holes].first = (int)a;
    sim.holes[sim.n_holes].is_silent = name[0] == 's';
    sim.holes[sim.n_holes++].last = (int)b;
  } else if (n >= 1 && !strcmp(name, "hang")) {
    for (size_t i = 0; i < LINKS_MAX; i++)
      if (sim.links[i].fd >= 0 && !sim.links[i].is_rtu)
        link_close(i);
  } else {
    return false;
  }
  return true;
}

static bool commands_read(void)
{
  static char text[4096];
  static size_t n;
  ssize_t r = read(0, text + n, sizeof text - 1 - n);
  if (r <= 0)
    return false;
  n += (size_t)r;
  text[n] = 0;
  for (char *end; (end = memchr(text, '\n', n));) {
    *end = 0;
    if (!strncmp(text, "counts", 6)) {
      unsigned long n_links = 0;
      for (size_t i = 0; i < LINKS_MAX; i++)
        n_links += sim.links[i].fd >= 0;
      printf("requests %lu reads %lu writes %lu words %lu late %lu drop %lu duplicate %lu garble %lu links %lu\n",
             sim.count.requests, sim.count.reads, sim.count.writes, sim.count.words, sim.count.late, sim.count.drop,
             sim.count.duplicate, sim.count.garble, n_links);
    } else {
      puts(command(text) ? "ok" : "not understood");
    }
    fflush(stdout);
    n -= (size_t)(end + 1 - text);
    memmove(text, end + 1, n + 1);
  }
  if (n == sizeof text - 1)
    n = 0;
  return true;
}

/* ---- The loop ---------------------------------------------------------------------------------------- */
/* How long until an answer is to be sent; false: there is none. */
static bool due(struct timespec *ret)
{
  double first = -1;
  for (size_t i = 0; i < sim.n_pending; i++)
    if (first < 0 || sim.pending[i].at < first)
      first = sim.pending[i].at;
  double left = first - now();
  *ret = (struct timespec){0};
  if (left > 0)
    *ret = (struct timespec){(time_t)left, (long)((left - (double)(time_t)left) * 1e9)};
  return first >= 0;
}

static void send_due(void)
{
  double t = now();
  for (size_t i = 0; i < sim.n_pending;) {
    struct pending *p = &sim.pending[i];
    if (p->at > t) {
      i++;
      continue;
    }
    if (p->generation == sim.generation[p->link] && sim.links[p->link].fd >= 0)
      send_now(p->link, p->bytes, p->n);
    memmove(p, p + 1, (--sim.n_pending - i) * sizeof *p);
  }
}

static void loop(void)
{
  bool has_commands = true;
  sigset_t ends,
      before; /* they come while it waits, never between the question whether they came and the waiting */
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, &before);
  while (!is_ended) {
    struct timespec left;
    struct pollfd fds[LINKS_MAX + 2] = {{.fd = has_commands ? 0 : -1, .events = POLLIN},
                                        {.fd = sim.listener, .events = POLLIN}};
    for (size_t i = 0; i < LINKS_MAX; i++)
      fds[2 + i] = (struct pollfd){.fd = sim.links[i].fd, .events = POLLIN};
    if (ppoll(fds, LINKS_MAX + 2, due(&left) ? &left : NULL, &before) < 0)
      continue;
    send_due();
    for (size_t i = 0; i < LINKS_MAX; i++)
      if (fds[2 + i].revents && sim.links[i].fd == fds[2 + i].fd)
        link_read(i);
    if (fds[1].revents) {
      int fd = accept4(sim.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
      if (fd >= 0)
        link_add(fd, sim.is_framed);
    }
    if (fds[0].revents)
      has_commands = commands_read();
    if (!has_commands && sim.is_attached)
      return;
  }
}

static int usage(void)
{
  fputs("usage: modbus_meter [--host ADDRESS] [--tcp PORT] [--rtu DEVICE]... [--pty LINK]... [--unit N]... "
        "[--identify|--generation] "
        "[--limit N] [--seed N] [--log] [--attached] [--identified] [--framed]\n"
        "       [--late|--drop|--duplicate|--garble PERCENT]... [--late-ms A B]\n",
        stderr);
  return 64;
}

int main(int argc, char **argv)
{
  bool has_unit = false;
  int r = 0;
  sim.host.s_addr = htonl(INADDR_LOOPBACK);
  for (size_t i = 0; i < LINKS_MAX; i++)
    sim.links[i].fd = -1;
  struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: ppoll shall return */
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
  for (int i = 1; i < argc && r >= 0; i++) {
    const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
    char line[64];
    if (!strcmp(option, "--identify")) {
      sim.is_identify = true;
    } else if (!strcmp(option, "--generation")) {
      sim.is_identify = sim.is_generation = true;
    } else if (!strcmp(option, "--attached")) {
      sim.is_attached = true;
    } else if (!strcmp(option, "--identified")) {
      sim.is_identified = true;
    } else if (!strcmp(option, "--framed")) {
      sim.is_framed = true;
    } else if (!strcmp(option, "--log")) {
      sim.is_log = true;
    } else if (!value) {
      return usage();
    } else if (!strcmp(option, "--host")) {
      r = inet_pton(AF_INET, argv[++i], &sim.host) == 1 ? 0 : -EINVAL;
    } else if (!strcmp(option, "--tcp")) {
      r = open_tcp(atoi(argv[++i]));
    } else if (!strcmp(option, "--rtu")) {
      r = open_rtu(argv[++i]);
    } else if (!strcmp(option, "--pty")) {
      r = open_pty(argv[++i]);
    } else if (!strcmp(option, "--unit")) {
      r = add_unit(atoi(argv[++i]));
      has_unit = true;
    } else if (!strcmp(option, "--seed")) {
      sim.random ^= strtoull(argv[++i], NULL, 10) * 0x9e3779b97f4a7c15u;
    } else if (!strcmp(option, "--limit")) {
      sim.limit = atoi(argv[++i]);
    } else if (!strcmp(option, "--late-ms") && i + 2 < argc) {
      sim.late_from = atoi(argv[++i]);
      sim.late_to = atoi(argv[++i]);
    } else {
      snprintf(line, sizeof line, "%.20s %.20s", option + strspn(option, "-"), argv[++i]);
      if (!command(line))
        return usage();
    }
    if (r < 0)
      fprintf(stderr, "modbus_meter: %s %s: %s\n", option, value ? value : "", strerror(-r));
  }
  if (r < 0)
    return 1;
  if (sim.limit < 1 || sim.limit > 125 || sim.late_to < sim.late_from)
    return usage();
  if (!has_unit)
    add_unit(1);
  puts("ready");
  fflush(stdout);
  loop();
  for (size_t i = 0; i < UNITS_MAX; i++)
    free(sim.units[i]);
  return 0;
}
