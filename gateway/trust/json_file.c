/* SPDX-License-Identifier: Apache-2.0
 * json_file.c: JSON files of the state directory (json_file.h). */
#include "json_file.h"

#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 8

static void close_fd(int *fd)
{
  if (*fd >= 0)
    close(*fd);
}

const char *tt_json_text(struct json_object *json)
{
  if (!json_object_is_type(json, json_type_string))
    return NULL;
  const char *text = json_object_get_string(json);
  return strlen(text) == (size_t)json_object_get_string_len(json) ? text : NULL;
}

/* ---- Reading ----------------------------------------------------------------------------------------- */
/* The whole file; 0 with NULL when there is none. */
static int read_file(const char *path, size_t max, char **ret_text, size_t *ret_n)
{
  int fd TT_CLEANUP(close_fd) = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct stat st;
  if (fd < 0 && errno == ENOENT) {
    *ret_text = NULL;
    *ret_n = 0;
    return 0;
  }
  if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t)max)
    return -EIO;
  size_t n = (size_t)st.st_size, have = 0;
  char *text TT_AUTOFREE = malloc(n + 1);
  if (!text)
    return -ENOMEM;
  while (have < n) {
    ssize_t got = read(fd, text + have, n - have);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return -EIO;
    have += (size_t)got;
  }
  text[n] = '\0';
  *ret_text = TT_STEAL(text);
  *ret_n = n;
  return 0;
}

static struct json_object *parse(const char *text, size_t n)
{
  struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
  if (!tokener)
    return NULL;
  json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
  struct json_object *json = json_tokener_parse_ex(tokener, text, (int)n);
  bool is_whole = json_tokener_get_error(tokener) == json_tokener_success;
  for (size_t i = json_tokener_get_parse_end(tokener); i < n && is_whole; i++)
    is_whole = strchr(" \t\r\n", text[i]) != NULL;
  json_tokener_free(tokener);
  if (!is_whole) {
    json_object_put(json);
    return NULL;
  }
  return json;
}

int tt_json_file_load(const char *dir, const char *name, size_t max, struct json_object **ret)
{
  struct tt_buf path TT_AUTOBUF = TT_BUF(0);
  char *text TT_AUTOFREE = NULL;
  size_t n;
  tt_buf_printf(&path, "%s/%s", dir, name);
  int r = path.failed ? -ENOMEM : read_file(path.data, max, &text, &n);
  if (r < 0)
    return r;
  struct json_object *json = text ? parse(text, n) : NULL;
  if (text && !json)
    return -EIO;
  *ret = json;
  return 0;
}

int tt_json_list_load(const char *dir, const char *name, size_t max, int version, const char *member, size_t room,
                      struct json_object **ret, struct json_object **ret_list)
{
  struct json_object *json = NULL, *number = NULL, *list = NULL;
  int r = tt_json_file_load(dir, name, max, &json);
  if (r < 0)
    return r;
  if (json &&
      (!json_object_is_type(json, json_type_object) || json_object_object_length(json) != 2 ||
       !json_object_object_get_ex(json, "version", &number) || !json_object_is_type(number, json_type_int) ||
       json_object_get_int(number) != version || !json_object_object_get_ex(json, member, &list) ||
       !json_object_is_type(list, json_type_array) || json_object_array_length(list) > room)) {
    json_object_put(json);
    return -EIO;
  }
  *ret = json;
  *ret_list = list;
  return 0;
}

struct json_object *tt_json_list_new(int version, const char *member, struct json_object **ret)
{
  struct json_object *json = json_object_new_object(), *list = json_object_new_array();
  json_object_object_add(json, "version", json_object_new_int(version));
  json_object_object_add(json, member, list);
  *ret = json;
  return list;
}

/* ---- Writing ----------------------------------------------------------------------------------------- */
int tt_json_file_save(const char *path, const char *name, struct json_object *json)
{
  const char *text = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
  struct tt_buf lines TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&lines, "%s\n", text ? text : "");
  if (!text || lines.failed)
    return -ENOMEM;
  int dir TT_CLEANUP(close_fd) = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return dir < 0 ? -errno : tt_file_replace(dir, name, 0640, lines.data, lines.len);
}
