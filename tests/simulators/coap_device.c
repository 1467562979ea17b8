/* SPDX-License-Identifier: Apache-2.0
 *
 * coap_device: a CoAP server over UDP that can be told to misbehave. It does its own framing, so that it is a second
 * opinion on what goes over the wire.
 *
 *   coap_device [--host ADDRESS] [--port PORT] [--attached]
 *
 * Every path is a resource: GET gives what was put there last, "0" before; PUT and POST store, DELETE removes; Observe
 * (RFC 7641) and block-wise transfer (RFC 7959) both ways. It says "ready coap PORT" and "ready", then reads commands, one
 * a line, and answers each with "ok" or what was asked for. With --attached it ends with its standard input.
 *
 *   set PATH FORMAT HEX   what the resource says, with this content format (- for none); observers are told
 *   large PATH SIZE       likewise, so many bytes of the letters a to z
 *   notify PATH NUMBER    tell the observers once more, with this number
 *   burst PATH FROM N     N notifications in a row, that say FROM, FROM + 1, ...
 *   forget                no observer is known any more, as after a restart
 *   fail PATH CODE AGE    answers CODE (404) with Max-Age AGE (-: none); 0 makes it well again. Observers are told.
 *   reset PATH | garble PATH | well PATH    the next answers are a reset, or no message; or as usual again
 *   dead 1|0              nothing is answered, nothing is done
 *   drop N                the next N messages are lost
 *   loss PERCENT          so many of the messages are lost, each way, always in the same order
 *   slow MS               an empty acknowledgement at once, the answer after so long
 *   twice 1|0             all that is sent is sent twice
 *   quiet 1|0             registrations are answered, but nobody is ever notified
 *   deaf 1|0              Observe is not known
 *   age S                 Max-Age of answers and notifications; - for none
 *   szx N                 blocks are of 16 << N bytes at most
 *   tied 1|0              blocks belong together by their token: with another one a body is new, an upload begins anew
 *   join INTERFACE        listen on 224.0.1.187, too (with --port 5683 and --host 0.0.0.0)
 *   counts                requests, reads, writes, observers, registrations, duplicates
 *   value PATH            what it has, as hex
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RESOURCES_MAX 2048
#define OBSERVERS_MAX 4096
#define SEEN_MAX      1024
#define LATER_MAX     256
#define BODY_MAX      (256 * 1024)
#define MESSAGE_MAX   1500

enum { CON, NON, ACK, RST };
enum {
  OBSERVE = 6,
  URI_PATH = 11,
  CONTENT_FORMAT = 12,
  MAX_AGE = 14,
  BLOCK2 = 23,
  BLOCK1 = 27,
  ETAG = 4,
  SIZE2 = 28
};

struct resource {
  char path[256];
  unsigned char *body;
  size_t size;
  int format; /* < 0: not said */
  int fail;   /* code; 0: well */
  int fail_age;
  bool is_reset, is_garbled;
  unsigned version;
  unsigned char *upload; /* a block-wise one */
  size_t uploaded;
  unsigned char token[8]; /* of the last request */
};

struct observer {
  struct sockaddr_in to;
  unsigned char token[8];
  size_t token_size;
  int resource;
  unsigned number;
  unsigned short mid; /* of the last notification */
  bool is_known;
};

struct message {
  int type, code;
  unsigned short mid;
  unsigned char token[8];
  size_t token_size;
  char path[256];
  int observe, format; /* < 0: none */
  bool has_block1, has_block2;
  unsigned block1, block2;
  const unsigned char *data;
  size_t size;
};

struct sent {
  struct sockaddr_in to;
  unsigned short mid; /* of the request */
  size_t size;
  unsigned char bytes[MESSAGE_MAX];
};

struct later {
  bool is_used;
  long long at_ms;
  struct sent what;
};

static struct resource *resources[RESOURCES_MAX];
static int n_resources;
static struct observer observers[OBSERVERS_MAX];
static struct sent seen[SEEN_MAX];
static unsigned n_seen;
static struct later later[LATER_MAX];
static int fd;
static bool is_dead, is_twice, is_quiet, is_deaf, is_tied;
static int slow_ms, drop_n, loss, age = -1;
static unsigned dice = 99;
static unsigned szx_max = 6;
static unsigned short next_mid = 1;
static struct {
  unsigned long requests, reads, writes, registrations, duplicates;
} counts;

static long long now_ms(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_lost(void)
{
  dice = dice * 1103515245 + 12345;
  return (int)(dice >> 16 & 0x7fff) % 100 < loss;
}

static void transmit(const struct sockaddr_in *to, const unsigned char *data, size_t n)
{
  for (int i = 0; i < 1 + is_twice; i++)
    if (!is_lost())
      sendto(fd, data, n, 0, (const struct sockaddr *)to, sizeof *to);
}

/* ---- Resources ------------------------------------------------------------------------------------------------- */
static int find(const char *path)
{
  for (int i = 0; i < n_resources; i++)
    if (!strcmp(resources[i]->path, path))
      return i;
  if (n_resources == RESOURCES_MAX)
    exit(3);
  struct resource *r = calloc(1, sizeof *r);
  snprintf(r->path, sizeof r->path, "%s", path);
  r->body = (unsigned char *)strdup("0");
  r->size = 1;
  r->format = 0;
  r->fail_age = -1;
  resources[n_resources] = r;
  return n_resources++;
}

static void store(struct resource *r, int format, const unsigned char *data, size_t n)
{
  unsigned char *body = malloc(n + 1);
  memcpy(body, data, n);
  free(r->body);
  r->body = body;
  r->size = n;
  r->format = format;
  r->version++;
}

/* ---- Messages -------------------------------------------------------------------------------------------------- */
static unsigned number(const unsigned char *data, size_t n)
{
  unsigned value = 0;
  for (size_t i = 0; i < n; i++)
    value = value << 8 | data[i];
  return value;
}

static bool extended(const unsigned char **p, const unsigned char *end, unsigned *value)
{
  if (*value == 15 || (*value == 13 && end - *p < 1) || (*value == 14 && end - *p < 2))
    return false;
  if (*value == 13)
    *value = 13u + *(*p)++;
  else if (*value == 14)
    *value = 269u + number(*p, 2), *p += 2;
  return true;
}

static void option(struct message *m, unsigned n, const unsigned char *data, size_t size)
{
  size_t used = strlen(m->path);
  switch (n) {
  case URI_PATH:
    snprintf(m->path + used, sizeof m->path - used, "/%.*s", (int)size, (const char *)data);
    break;
  case OBSERVE:
    m->observe = (int)number(data, size);
    break;
  case CONTENT_FORMAT:
    m->format = (int)number(data, size);
    break;
  case BLOCK1:
    m->has_block1 = true;
    m->block1 = number(data, size);
    break;
  case BLOCK2:
    m->has_block2 = true;
    m->block2 = number(data, size);
    break;
  default:
    break;
  }
}

static bool parse(const unsigned char *data, size_t n, struct message *m)
{
  const unsigned char *p = data + 4, *end = data + n;
  unsigned at = 0;
  *m = (struct message){.observe = -1, .format = -1};
  if (n < 4 || data[0] >> 6 != 1 || (data[0] & 15) > 8 || n < 4u + (data[0] & 15))
    return false;
  m->type = data[0] >> 4 & 3;
  m->code = data[1];
  m->mid = (unsigned short)number(data + 2, 2);
  m->token_size = data[0] & 15;
  memcpy(m->token, p, m->token_size);
  p += m->token_size;
  while (p < end && *p != 0xff) {
    unsigned delta = *p >> 4, size = *p & 15;
    p++;
    if (!extended(&p, end, &delta) || !extended(&p, end, &size) || (size_t)(end - p) < size)
      return false;
    at += delta;
    option(m, at, p, size);
    p += size;
  }
  if (p < end) {
    m->data = p + 1;
    m->size = (size_t)(end - p) - 1;
  }
  return true;
}

struct writer {
  unsigned char bytes[MESSAGE_MAX];
  size_t n;
  unsigned last;
};

static void begin(struct writer *w, int type, int code, unsigned short mid, const unsigned char *token,
                  size_t token_size)
{
  *w = (struct writer){.n = 4 + token_size};
  w->bytes[0] = (unsigned char)(0x40 | type << 4 | (int)token_size);
  w->bytes[1] = (unsigned char)code;
  w->bytes[2] = (unsigned char)(mid >> 8);
  w->bytes[3] = (unsigned char)mid;
  memcpy(w->bytes + 4, token, token_size);
}

/* Small ones only: all that are needed. */
static void put(struct writer *w, unsigned n, unsigned value)
{
  unsigned delta = n - w->last;
  size_t size = value > 0xffffff ? 4 : value > 0xffff ? 3 : value > 0xff ? 2 : value > 0 ? 1 : 0;
  w->last = n;
  w->bytes[w->n++] = (unsigned char)((delta >= 13 ? 13 : delta) << 4 | size);
  if (delta >= 13)
    w->bytes[w->n++] = (unsigned char)(delta - 13);
  for (size_t i = 0; i < size; i++)
    w->bytes[w->n++] = (unsigned char)(value >> 8 * (size - 1 - i));
}

static void put_data(struct writer *w, const unsigned char *data, size_t n)
{
  if (n == 0)
    return;
  w->bytes[w->n++] = 0xff;
  memcpy(w->bytes + w->n, data, n);
  w->n += n;
}

/* The content of a resource, or the block of it that is asked for. `observe` < 0: none. */
static void put_content(struct writer *w, struct resource *r, int observe, bool has_block, unsigned block)
{
  unsigned szx = has_block && (block & 7) < szx_max ? block & 7 : szx_max;
  size_t size = 16u << szx, at = has_block ? (size_t)(block >> 4) * (16u << (block & 7)) : 0;
  if (at > r->size)
    at = r->size;
  size_t n = r->size - at < size ? r->size - at : size;
  bool is_blocked = has_block || r->size > size;
  if (is_blocked)
    put(w, ETAG, r->version + 1);
  if (observe >= 0)
    put(w, OBSERVE, (unsigned)observe);
  if (r->format >= 0)
    put(w, CONTENT_FORMAT, (unsigned)r->format);
  if (age >= 0)
    put(w, MAX_AGE, (unsigned)age);
  if (is_blocked)
    put(w, BLOCK2, (unsigned)(at / size) << 4 | (at + n < r->size ? 8u : 0) | szx);
  put_data(w, r->body + at, n);
}

/* ---- Observers ------------------------------------------------------------------------------------------------- */
static void tell(struct observer *o, int number)
{
  struct resource *r = resources[o->resource];
  struct writer w;
  o->mid = next_mid++;
  if (number >= 0)
    o->number = (unsigned)number;
  else
    o->number = (o->number + 1) & 0xffffff;
  begin(&w, NON, r->fail ? r->fail : 2 << 5 | 5, o->mid, o->token, o->token_size);
  if (r->fail) {
    if (r->fail_age >= 0)
      put(&w, MAX_AGE, (unsigned)r->fail_age);
    o->is_known = false;
  } else {
    put_content(&w, r, (int)o->number, false, 0);
  }
  transmit(&o->to, w.bytes, w.n);
}

static void tell_all(int resource, int number)
{
  for (int i = 0; i < OBSERVERS_MAX && !is_quiet; i++)
    if (observers[i].is_known && observers[i].resource == resource)
      tell(&observers[i], number);
}

static int observe(const struct message *m, const struct sockaddr_in *from, int resource)
{
  struct observer *free_one = NULL;
  if (m->observe < 0 || is_deaf)
    return -1;
  for (int i = 0; i < OBSERVERS_MAX; i++) {
    struct observer *o = &observers[i];
    if (!o->is_known && !free_one)
      free_one = o;
    if (o->is_known && o->resource == resource && !memcmp(&o->to, from, sizeof *from)) {
      o->is_known = m->observe == 0;
      memcpy(o->token, m->token, sizeof o->token);
      o->token_size = m->token_size;
      counts.registrations += m->observe == 0;
      return m->observe == 0 ? (int)o->number : -1;
    }
  }
  if (m->observe != 0 || !free_one)
    return -1;
  counts.registrations++;
  *free_one = (struct observer){
      .to = *from, .token_size = m->token_size, .resource = resource, .number = 2, .is_known = true};
  memcpy(free_one->token, m->token, sizeof free_one->token);
  return 2;
}

/* ---- Requests -------------------------------------------------------------------------------------------------- */
/* A block of an upload. True: it is whole now, or there is none. */
static bool upload(const struct message *m, struct resource *r, struct writer *w, int type, unsigned short mid)
{
  if (!m->has_block1)
    return true;
  unsigned szx = m->block1 & 7;
  size_t at = (size_t)(m->block1 >> 4) * (16u << szx);
  bool is_more = m->block1 & 8;
  if (szx > szx_max && at == 0) {
    begin(w, type, 4 << 5 | 13, mid, m->token, m->token_size);
    put(w, BLOCK1, szx_max);
    return false;
  }
  if (!r->upload)
    r->upload = malloc(BODY_MAX);
  if (at == 0)
    r->uploaded = 0;
  if (at != r->uploaded || at + m->size > BODY_MAX) {
    begin(w, type, 4 << 5 | 8, mid, m->token, m->token_size);
    return false;
  }
  memcpy(r->upload + at, m->data, m->size);
  r->uploaded += m->size;
  if (!is_more)
    return true;
  begin(w, type, 2 << 5 | 31, mid, m->token, m->token_size);
  put(w, BLOCK1, m->block1);
  return false;
}

static void change(const struct message *m, struct resource *r, struct writer *w, int type, unsigned short mid)
{
  if (!upload(m, r, w, type, mid))
    return;
  counts.writes++;
  if (m->code == 4)
    store(r, 0, (const unsigned char *)"", 0);
  else if (m->has_block1)
    store(r, m->format, r->upload, r->uploaded);
  else
    store(r, m->format, m->data ? m->data : (const unsigned char *)"", m->size);
  begin(w, type, m->code == 4 ? 2 << 5 | 2 : 2 << 5 | 4, mid, m->token, m->token_size);
  if (m->has_block1)
    put(w, BLOCK1, m->block1);
}

static void remember(const struct sockaddr_in *to, unsigned short mid, const unsigned char *bytes, size_t n)
{
  struct sent *s = &seen[n_seen++ % SEEN_MAX];
  *s = (struct sent){.to = *to, .mid = mid, .size = n};
  memcpy(s->bytes, bytes, n);
}

static void send_later(const struct sockaddr_in *to, const struct writer *w)
{
  for (int i = 0; i < LATER_MAX; i++) {
    if (later[i].is_used)
      continue;
    later[i] = (struct later){.is_used = true, .at_ms = now_ms() + slow_ms, .what = {.to = *to, .size = w->n}};
    memcpy(later[i].what.bytes, w->bytes, w->n);
    return;
  }
}

static bool misbehaves(const struct message *m, const struct sockaddr_in *from, struct resource *r)
{
  static const unsigned char junk[] = {0x68, 0x45, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0xf0, 0xff, 0xff};
  struct writer w;
  if (r->is_reset) {
    begin(&w, RST, 0, m->mid, (const unsigned char *)"", 0);
    transmit(from, w.bytes, w.n);
  } else if (r->is_garbled) {
    begin(&w, ACK, 2 << 5 | 5, m->mid, m->token, m->token_size);
    memcpy(w.bytes + w.n, junk + 12, 3); /* an option with a reserved length */
    transmit(from, w.bytes, w.n + 3);
    transmit(from, junk, sizeof junk);
  }
  return r->is_reset || r->is_garbled;
}

static void request(const struct message *m, const struct sockaddr_in *from)
{
  struct writer w, empty;
  int resource = find(*m->path ? m->path : "/");
  struct resource *r = resources[resource];
  counts.requests++;
  if (misbehaves(m, from, r))
    return;
  if (is_tied && memcmp(r->token, m->token, sizeof r->token) != 0) {
    r->version++;
    r->uploaded = 0;
  }
  memcpy(r->token, m->token, sizeof r->token);
  bool is_separate = slow_ms > 0;
  int type = m->type == CON && !is_separate ? ACK : NON;
  unsigned short mid = type == ACK ? m->mid : next_mid++;
  counts.reads += m->code == 1;
  if (r->fail) {
    begin(&w, type, r->fail, mid, m->token, m->token_size);
    if (r->fail_age >= 0)
      put(&w, MAX_AGE, (unsigned)r->fail_age);
  } else if (m->code == 1) {
    int number = observe(m, from, resource);
    begin(&w, type, 2 << 5 | 5, mid, m->token, m->token_size);
    put_content(&w, r, number, m->has_block2, m->block2);
  } else {
    unsigned version = r->version;
    change(m, r, &w, type, mid);
    if (r->version != version)
      tell_all(resource, -1);
  }
  if (is_separate) {
    begin(&empty, ACK, 0, m->mid, (const unsigned char *)"", 0);
    if (m->type == CON) {
      remember(from, m->mid, empty.bytes, empty.n);
      transmit(from, empty.bytes, empty.n);
    }
    send_later(from, &w);
    return;
  }
  remember(from, m->mid, w.bytes, w.n);
  transmit(from, w.bytes, w.n);
}

static bool is_duplicate(const struct message *m, const struct sockaddr_in *from)
{
  for (int i = 0; i < SEEN_MAX; i++) {
    struct sent *s = &seen[i];
    if (s->size == 0 || s->mid != m->mid || memcmp(&s->to, from, sizeof *from) != 0)
      continue;
    counts.duplicates++;
    transmit(from, s->bytes, s->size);
    return true;
  }
  return false;
}

static void receive(void)
{
  unsigned char data[MESSAGE_MAX];
  struct sockaddr_in from = {0};
  socklen_t size = sizeof from;
  struct message m;
  struct writer w;
  ssize_t n = recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)&from, &size);
  if (n < 0 || is_dead || is_lost())
    return;
  if (drop_n > 0) {
    drop_n--;
    return;
  }
  if (!parse(data, (size_t)n, &m))
    return;
  if (m.type == RST) {
    for (int i = 0; i < OBSERVERS_MAX; i++)
      if (observers[i].is_known && observers[i].mid == m.mid && !memcmp(&observers[i].to, &from, sizeof from))
        observers[i].is_known = false;
  } else if (m.code == 0 && m.type == CON) { /* a ping */
    begin(&w, RST, 0, m.mid, (const unsigned char *)"", 0);
    transmit(&from, w.bytes, w.n);
  } else if (m.code >= 1 && m.code <= 4 && !is_duplicate(&m, &from)) {
    request(&m, &from);
  }
}

static int send_due(void)
{
  int wait = -1;
  for (int i = 0; i < LATER_MAX; i++) {
    if (!later[i].is_used)
      continue;
    long long left = later[i].at_ms - now_ms();
    if (left <= 0) {
      transmit(&later[i].what.to, later[i].what.bytes, later[i].what.size);
      later[i].is_used = false;
    } else if (wait < 0 || left < wait) {
      wait = (int)left;
    }
  }
  return wait;
}

/* ---- Commands -------------------------------------------------------------------------------------------------- */
static size_t from_hex(const char *text, unsigned char *out)
{
  size_t n = 0;
  unsigned byte;
  for (; text[0] && text[1] && sscanf(text, "%2x", &byte) == 1; text += 2)
    out[n++] = (unsigned char)byte;
  return n;
}

static int age_of(const char *text)
{
  return *text == '-' ? -1 : atoi(text);
}

static bool set(const char *path, const char *format, const char *hex)
{
  static unsigned char body[BODY_MAX];
  int i = find(path);
  store(resources[i], age_of(format), body, from_hex(hex, body));
  tell_all(i, -1);
  return true;
}

static bool large(const char *path, const char *size)
{
  int i = find(path);
  size_t n = (size_t)atol(size);
  unsigned char *body = malloc(n + 1);
  for (size_t k = 0; k < n; k++)
    body[k] = (unsigned char)('a' + k % 26);
  store(resources[i], 0, body, n);
  free(body);
  tell_all(i, -1);
  return true;
}

static void burst(int resource, int from, int n)
{
  char text[16];
  for (int i = 0; i < n; i++) {
    int size = snprintf(text, sizeof text, "%d", from + i);
    store(resources[resource], 0, (const unsigned char *)text, (size_t)size);
    tell_all(resource, -1);
  }
}

static bool join(const char *interface)
{
  struct ip_mreqn group = {.imr_ifindex = (int)if_nametoindex(interface)};
  inet_pton(AF_INET, "224.0.1.187", &group.imr_multiaddr);
  return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) == 0;
}

static void print_counts(void)
{
  unsigned long known = 0;
  for (int i = 0; i < OBSERVERS_MAX; i++)
    known += observers[i].is_known;
  printf("requests %lu reads %lu writes %lu observers %lu registrations %lu duplicates %lu\n", counts.requests,
         counts.reads, counts.writes, known, counts.registrations, counts.duplicates);
}

static bool word(char *argv[], int argc)
{
  static const struct {
    const char *name;
    bool *flag;
    int *number;
  } switches[] = {{"dead", &is_dead, NULL}, {"twice", &is_twice, NULL},     {"quiet", &is_quiet, NULL},
                  {"deaf", &is_deaf, NULL}, {"slow", NULL, &slow_ms},       {"drop", NULL, &drop_n},
                  {"loss", NULL, &loss},    {"szx", NULL, (int *)&szx_max}, {"tied", &is_tied, NULL}};
  for (size_t i = 0; argc == 2 && i < sizeof switches / sizeof *switches; i++) {
    if (strcmp(switches[i].name, argv[0]) != 0)
      continue;
    if (switches[i].flag)
      *switches[i].flag = atoi(argv[1]);
    else
      *switches[i].number = atoi(argv[1]);
    return true;
  }
  if (argc == 2 && !strcmp(argv[0], "age")) {
    age = age_of(argv[1]);
    return true;
  }
  if (argc == 2 && !strcmp(argv[0], "join"))
    return join(argv[1]);
  if (argc >= 3 && !strcmp(argv[0], "set"))
    return set(argv[1], argv[2], argc > 3 ? argv[3] : "");
  if (argc == 3 && !strcmp(argv[0], "large"))
    return large(argv[1], argv[2]);
  if (argc == 3 && !strcmp(argv[0], "notify")) {
    tell_all(find(argv[1]), atoi(argv[2]));
    return true;
  }
  if (argc == 4 && !strcmp(argv[0], "burst")) {
    burst(find(argv[1]), atoi(argv[2]), atoi(argv[3]));
    return true;
  }
  if (argc == 1 && !strcmp(argv[0], "forget")) {
    memset(observers, 0, sizeof observers);
    return true;
  }
  if (argc == 4 && !strcmp(argv[0], "fail")) {
    int i = find(argv[1]), code = atoi(argv[2]);
    resources[i]->fail = code / 100 << 5 | code % 100;
    resources[i]->fail_age = age_of(argv[3]);
    if (code)
      tell_all(i, -1);
    return true;
  }
  if (argc == 2 && (!strcmp(argv[0], "reset") || !strcmp(argv[0], "garble") || !strcmp(argv[0], "well"))) {
    struct resource *r = resources[find(argv[1])];
    r->is_reset = argv[0][0] == 'r';
    r->is_garbled = argv[0][0] == 'g';
    return true;
  }
  return false;
}

static void command(char *line)
{
  char *argv[8], *save = NULL;
  int argc = 0;
  for (char *w = strtok_r(line, " \n", &save); w && argc < 8; w = strtok_r(NULL, " \n", &save))
    argv[argc++] = w;
  if (argc == 1 && !strcmp(argv[0], "counts")) {
    print_counts();
  } else if (argc == 2 && !strcmp(argv[0], "value")) {
    struct resource *r = resources[find(argv[1])];
    for (size_t i = 0; i < r->size; i++)
      printf("%02x", r->body[i]);
    printf("\n");
  } else {
    puts(argc > 0 && word(argv, argc) ? "ok" : "no such command");
  }
  fflush(stdout);
}

int main(int argc, char **argv)
{
  const char *host = "127.0.0.1";
  int port = 0;
  bool is_attached = false;
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--host") && i + 1 < argc)
      host = argv[++i];
    else if (!strcmp(argv[i], "--port") && i + 1 < argc)
      port = atoi(argv[++i]);
    else if (!strcmp(argv[i], "--attached"))
      is_attached = true;
    else
      return fputs("usage: coap_device [--host ADDRESS] [--port PORT] [--attached]\n", stderr), 2;
  }
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  socklen_t size = sizeof at;
  fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || inet_pton(AF_INET, host, &at.sin_addr) != 1 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 ||
      getsockname(fd, (struct sockaddr *)&at, &size) < 0)
    return perror(host), 1;
  printf("ready coap %d\nready\n", ntohs(at.sin_port));
  fflush(stdout);
  for (;;) {
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    if (poll(fds, is_attached ? 2 : 1, send_due()) < 0 && errno != EINTR)
      return 1;
    if (fds[0].revents & POLLIN)
      receive();
    if (is_attached && fds[1].revents) {
      static char line[2 * BODY_MAX];
      static size_t used;
      ssize_t n = read(0, line + used, sizeof line - used - 1);
      if (n <= 0)
        return 0;
      used += (size_t)n;
      char *end;
      while ((end = memchr(line, '\n', used))) {
        size_t length = (size_t)(end + 1 - line);
        *end = 0;
        command(line);
        memmove(line, line + length, used - length);
        used -= length;
      }
    }
  }
}
