/* SPDX-License-Identifier: Apache-2.0
 * adopt.c: the entry of a device, its file, and taking it up. */
#include "adopt.h"

#include "own_file.h"

#include <stdio.h>
#include <unistd.h>

#define KEY_MAX 48 /* bytes of a key that is made */

/* ---- Text ----------------------------------------------------------------------------------------------------------- */

/* The character at `text` (valid UTF-8) and how many bytes it takes. */
static uint32_t character(const unsigned char *text, size_t *ret_n)
{
  size_t n = *text < 0x80 ? 1 : *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : 4;
  uint32_t c = n == 1 ? *text : *text & (0x7fu >> n);
  for (size_t i = 1; i < n; i++)
    c = c << 6 | (text[i] & 0x3f);
  *ret_n = n;
  return c;
}

/* Control characters, what turns the direction of writing, line ends of all kinds, marks of byte order. */
static bool is_escaped(uint32_t c)
{
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c >= 0xfff0;
}

void tt_yaml_quote(struct tt_buf *out, const char *text, bool has_holes)
{
  char *clean TT_AUTOFREE = tt_text_clean(text, strlen(text), strlen(text) * 3);
  const unsigned char *p = (const unsigned char *)(clean ? clean : "");
  tt_buf_putc(out, '"');
  for (size_t n; *p; p += n) {
    uint32_t c = character(p, &n);
    if (c == '"' || c == '\\')
      tt_buf_printf(out, "\\%c", (char)c);
    else if (has_holes && c == '$' && p[1] == '{')
      tt_buf_puts(out, "$$");
    else if (is_escaped(c))
      tt_buf_printf(out, c < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)c);
    else
      tt_buf_add(out, (const char *)p, n);
  }
  tt_buf_putc(out, '"');
  out->failed |= !clean;
}

void tt_adopt_key(char *out, size_t size, const char *text)
{
  size_t n = 0;
  for (; *text && n + 1 < size && n < KEY_MAX; text++) {
    char c = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')
      out[n++] = c;
    else if (n > 0 && out[n - 1] != '-')
      out[n++] = '-';
  }
  while (n > 0 && out[n - 1] == '-')
    n--;
  out[n] = '\0';
  if (n == 0)
    snprintf(out, size, "device");
}

static void put_pair(struct tt_buf *out, const char *name, const char *text)
{
  tt_buf_printf(out, "    %s: ", name);
  tt_yaml_quote(out, text, true);
  tt_buf_putc(out, '\n');
}

void tt_adopt_text(struct tt_buf *out, const char *key, const char *under, const struct tt_found *found,
                   const struct tt_mapping_config *mapping, const struct tt_given *with)
{
  size_t n = 0;
  tt_buf_puts(out, "# Written by `thingtree adopt`.\nversion: 1\ndevices:\n  ");
  tt_yaml_quote(out, key, false);
  tt_buf_puts(out, ":\n");
  put_pair(out, "uses", mapping->name);
  put_pair(out, "connection", found->connection);
  for (size_t i = 0; i < mapping->n_params; i++) {
    const struct tt_parameter_config *param = &mapping->params[i];
    const char *value = tt_parameter_value(param, &found->candidate, with);
    if (!value)
      continue;
    tt_buf_printf(out, "%s%s: ", n++ ? ", " : "    with: {", param->name);
    tt_yaml_quote(out, value, true);
  }
  tt_buf_puts(out, n ? "}\n" : "");
  if (found->candidate.name && *found->candidate.name)
    put_pair(out, "label", found->candidate.name);
  if (under && *under)
    put_pair(out, "under", under);
}

/* ---- Where it goes --------------------------------------------------------------------------------------------------- */

static void fail(struct tt_adoption *a, const char *code, const char *format, ...) TT_PRINTF(3, 4);
static void fail(struct tt_adoption *a, const char *code, const char *format, ...)
{
  va_list ap;
  a->code = code;
  va_start(ap, format);
  vsnprintf(a->why, sizeof(a->why), format, ap);
  va_end(ap);
}

static bool is_taken(const struct tt_config *config, const char *key)
{
  for (size_t i = 0; i < config->n_devices; i++)
    if (strcmp(config->devices[i].config.key, key) == 0)
      return true;
  return false;
}

static void choose_key(struct tt_adoption *a, const struct tt_config *config, const struct tt_found *found)
{
  const struct tt_candidate *c = &found->candidate;
  char base[KEY_MAX + 2];
  if (a->as) {
    snprintf(a->key, sizeof(a->key), "%s", a->as);
    return;
  }
  tt_adopt_key(base, sizeof(base), c->name && *c->name ? c->name : c->id);
  snprintf(a->key, sizeof(a->key), "%s", base);
  for (unsigned i = 2; is_taken(config, a->key); i++)
    snprintf(a->key, sizeof(a->key), "%s-%u", base, i);
}

static const struct tt_parameter_config *find_param(const struct tt_mapping_config *mapping, const char *name)
{
  for (size_t i = 0; i < mapping->n_params; i++)
    if (strcmp(mapping->params[i].name, name) == 0)
      return &mapping->params[i];
  return NULL;
}

/* What was given are parameters of the mapping, and all that it needs is known. */
static void check_parameters(struct tt_adoption *a, const struct tt_found *found,
                             const struct tt_mapping_config *mapping)
{
  char missing[512];
  for (size_t i = 0; i < a->with.n && !a->code; i++) {
    const struct tt_parameter_config *param = find_param(mapping, a->with.all[i].name);
    if (!param)
      fail(a, "bad-request", "mapping %.200s has no parameter \"%.100s\"", mapping->name, a->with.all[i].name);
    else if (param->is_secret)
      fail(a, "bad-request", "%.100s is a secret, which has no place in that file: write the device by hand",
           param->name);
  }
  tt_parameters_missing(mapping, &found->candidate, &a->with, missing, sizeof(missing));
  if (!a->code && *missing)
    fail(a, "bad-request",
         "mapping %.200s also needs %.500s, which nobody knows: give it, or write the device by hand",
         mapping->name, missing);
}

/* Everything but doing it. */
static const struct tt_mapping_config *prepare(const struct tt_adopter *adopter, const struct tt_config *config,
                                               const struct tt_found *found, struct tt_adoption *a)
{
  struct tt_proposal proposal;
  char dir[2048], name[KEY_MAX + 32];
  tt_propose(config, found, &proposal);
  const struct tt_mapping_config *mapping =
      a->uses ? tt_mapping_find(config, a->uses, found->protocol) : proposal.mapping;
  if (proposal.device)
    fail(a, "conflict", "it is there already, as %.256s", proposal.device);
  else if (!mapping && a->uses)
    fail(a, "not-found", "there is no mapping \"%.200s\" for %.64s devices", a->uses, found->protocol);
  else if (!mapping)
    fail(a, "not-supported", "no mapping fits it; name one, or write one");
  else
    check_parameters(a, found, mapping);
  if (a->code)
    return NULL;
  if (a->as && (strlen(a->as) > TT_NODE_KEY_MAX || is_taken(config, a->as)))
    fail(a, "conflict", "there is a device \"%.128s\" already, or that is too long", a->as);
  else if (!tt_own_dir(adopter->env, config, NULL, dir, sizeof(dir)))
    fail(a, "failed", "%s", tt_own_dir_missing);
  if (a->code)
    return NULL;
  choose_key(a, config, found);
  tt_adopt_key(name, sizeof(name), a->key);
  snprintf(a->file, sizeof(a->file), "%s/adopted-%s-%s.yaml", dir, name, found->key);
  tt_adopt_text(&a->text, a->key, a->under, found, mapping, &a->with);
  if (a->text.failed)
    fail(a, "failed", "out of memory");
  return mapping;
}

/* ---- Doing it -------------------------------------------------------------------------------------------------------- */

static void take_up(const struct tt_adopter *adopter, const char *path, struct tt_adoption *a)
{
  struct tt_reload_result result;
  const char *key = a->key;
  int r = tt_reload(adopter->reloader, &(struct tt_only){&key, 1}, &result);
  if (r < 0) {
    fail(a, "failed", "%s", strerror(-r));
  } else {
    if (result.is_refused)
      fail(a, "failed", "%s", result.why);
    a->diagnostics = result.text;
    result.text = (struct tt_buf)TT_BUF(0);
    tt_reload_result_finish(&result);
  }
  if (a->code)
    unlink(path); /* as if nothing had been asked */
}

static void adopt(const struct tt_adopter *adopter, const struct tt_config *config, const struct tt_found *found,
                  struct tt_adoption *a)
{
  const struct tt_mapping_config *mapping = prepare(adopter, config, found, a);
  struct tt_buf path TT_AUTOBUF = TT_BUF(0), temporary TT_AUTOBUF = TT_BUF(0);
  if (a->code || a->is_dry)
    return;
  tt_own_path(&path, adopter->env, a->file);
  int r = path.failed ? -ENOMEM : adopter->note(adopter->user, a, found, mapping->name);
  if (r < 0) {
    fail(a, "failed", "the audit cannot be written: %s", strerror(-r));
    return;
  }
  r = tt_own_write(path.data, a->text.data, a->text.len, 0644, &temporary);
  if (r == 0)
    r = tt_own_keep(temporary.data, path.data, true);
  if (r < 0)
    fail(a, "failed", "%.800s cannot be written: %s", a->file, strerror(-r));
  else
    take_up(adopter, path.data, a);
}

void tt_adopt(const struct tt_adopter *adopter, struct tt_adoption *a)
{
  const struct tt_found *found = tt_discoverer_find(adopter->discoverer, a->candidate);
  struct tt_config_env env = *adopter->env;
  struct tt_config *config;
  struct tt_diags *diags;
  env.with_mappings = true;
  if (!found) {
    fail(a, "not-found", "there is no candidate \"%.64s\"; `discover` first", a->candidate);
    return;
  }
  int r = tt_config_load(&env, &config, &diags);
  if (r < 0) {
    fail(a, "failed", "%s", strerror(-r));
    return;
  }
  if (config->is_usable)
    adopt(adopter, config, found, a);
  else
    fail(a, "failed", "%.800s cannot be used as it is now; `check` says why", env.file);
  tt_diags_destroy(diags);
  tt_config_destroy(config);
}

void tt_adoption_finish(struct tt_adoption *a)
{
  tt_buf_finish(&a->text);
  tt_buf_finish(&a->diagnostics);
}
