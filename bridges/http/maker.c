/* SPDX-License-Identifier: Apache-2.0
 * Facts from the makers' descriptions of their interfaces: Shelly (generation 1 and RPC), Tasmota (web requests), Fronius
 * (Solar API). Of a Tasmota with a web password nothing more can be known. */
#include "maker.h"

#include "common/pick.h"

#include <json-c/json.h>
#include <stdio.h>

enum { SHELLY, TASMOTA, FRONIUS };
static const char *const paths[] = {
    [SHELLY] = "/shelly", [TASMOTA] = "/cm?cmnd=Status%200", [FRONIUS] = "/solar_api/GetAPIVersion.cgi"};

struct tell {
  const char *fact;  /* NULL ends the list */
  const char *at;    /* JSON pointer; NULL: the fact is `value` */
  const char *value; /* with `at`: told instead of what is there */
};

/* An answer that has something at `proof` is one of these. */
static const struct maker {
  int question;
  const char *proof, *vendor;
  struct tell tells[HTTP_MAKER_FACTS_MAX + 1];
} makers[] = {
    {SHELLY,
     "/gen",
     "Shelly",
     {{"generation", "/gen", NULL},
      {"model", "/model", NULL},
      {"app", "/app", NULL},
      {"name", "/name", NULL},
      {"serial", "/mac", NULL}}},
    {SHELLY, "/type", "Shelly", {{"generation", NULL, "1"}, {"model", "/type", NULL}, {"serial", "/mac", NULL}}},
    {TASMOTA,
     "/StatusFWR/Version",
     "Tasmota",
     {{"version", "/StatusFWR/Version", NULL},
      {"name", "/Status/DeviceName", NULL},
      {"topic", "/Status/Topic", NULL},
      {"meter", "/StatusSNS/ENERGY/Power", "true"},
      {"relay", "/StatusSTS/POWER", "true"},
      {"serial", "/StatusNET/Mac", NULL}}},
    {FRONIUS, "/BaseURL", "Fronius", {{"api", "/APIVersion", NULL}}},
};

const char *http_maker_path(size_t question)
{
  return question < TT_COUNT(paths) ? paths[question] : NULL;
}

/* A number or a text there; NULL: neither, or an empty one. */
static const char *text_at(struct json_object *json, const char *pointer)
{
  struct json_object *value;
  if (tt_pick_json_at(json, pointer, &value) < 0 || !value || json_object_is_type(value, json_type_object) ||
      json_object_is_type(value, json_type_array))
    return NULL;
  const char *text = json_object_get_string(value);
  return text && *text ? text : NULL;
}

static void tell(const struct tell *row, struct http_told *told)
{
  struct json_object *there = NULL;
  const char *text = row->value;
  if (row->at && !row->value)
    text = text_at(told->json, row->at);
  else if (row->at && (tt_pick_json_at(told->json, row->at, &there) < 0 || !there))
    text = NULL;
  if (!text)
    return;
  told->facts[told->n_facts++] = (struct tt_fact){row->fact, text};
  if (strcmp(row->fact, "name") == 0)
    told->name = text;
  else if (strcmp(row->fact, "model") == 0)
    told->model = text;
}

bool http_maker_hear(size_t question, const char *body, size_t size, struct http_told *ret)
{
  char why[TT_PICK_WHY_SIZE];
  struct http_told told = {0};
  if (size > HTTP_MAKER_ANSWER_MAX || tt_pick_json_parse(body, size, &told.json, why) < 0)
    return false;
  for (size_t i = 0; i < TT_COUNT(makers) && !told.vendor; i++)
    if (makers[i].question == (int)question && text_at(told.json, makers[i].proof)) {
      told.vendor = makers[i].vendor;
      for (const struct tell *row = makers[i].tells; row->fact; row++)
        tell(row, &told);
    }
  if (told.vendor)
    *ret = told;
  else
    http_told_finish(&told);
  return told.vendor;
}

void http_told_finish(struct http_told *told)
{
  json_object_put(told->json);
  *told = (struct http_told){0};
}
