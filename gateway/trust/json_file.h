/* SPDX-License-Identifier: Apache-2.0
 *
 * json_file.h: a small file of the state directory that people's decisions are kept in: read whole and strictly, written whole
 * or not at all.
 */
#pragma once

#include <thingtree/util.h>

#include <json-c/json.h>

/* `ret` is NULL when there is no file. -EIO: cannot be read, larger than `max` bytes, not JSON, something behind it. */
int tt_json_file_load(const char *dir, const char *name, size_t max, struct json_object **ret);
/* A file that is {"version":`version`,"`member`":[...]} and nothing else, the list of at most `room`. `ret` owns what `ret_list`
 * is part of; both NULL when there is no file. -EIO: it is something else. */
int tt_json_list_load(const char *dir, const char *name, size_t max, int version, const char *member, size_t room,
                      struct json_object **ret, struct json_object **ret_list);
/* The same to be filled: the list that is in `ret`. */
struct json_object *tt_json_list_new(int version, const char *member, struct json_object **ret);
/* Temporary file, fsync, rename, fsync of the directory. Errors of the file: the old one stands. */
int tt_json_file_save(const char *dir, const char *name, struct json_object *json);

/* The text of a string without NUL in it; NULL for anything else. */
const char *tt_json_text(struct json_object *json);

static inline void tt_json_putp(struct json_object **json)
{
  json_object_put(*json);
}
