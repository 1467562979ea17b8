/* SPDX-License-Identifier: Apache-2.0
 * A file of tests/data/upnp in memory. */
#pragma once

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <thingtree/util.h>

#define HOME "http://192.168.1.20:5000/desc.xml"

struct file {
  char *data;
  size_t n;
};

static inline struct file file_read(const char *name)
{
  char path[500];
  snprintf(path, sizeof path, "%s/tests/data/upnp/%s", getenv("TT_SOURCE_DIR"), name);
  FILE *in = fopen(path, "r");
  if (!in)
    fail_msg("no file %s", path);
  struct file file = {.data = malloc(256 * 1024)};
  file.n = fread(file.data, 1, 256 * 1024, in);
  fclose(in);
  return file;
}

static inline void file_free(struct file *file)
{
  free(file->data);
}
#define AUTOFILE TT_CLEANUP(file_free)
