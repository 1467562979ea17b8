/* SPDX-License-Identifier: Apache-2.0
 * caller.c: roles by name, and a caller that outlives the call (caller.h). */
#include "caller.h"

static const char *const role_names[] = {
    [TT_ROLE_NONE] = "none",
    [TT_ROLE_READER] = "reader",
    [TT_ROLE_OPERATOR] = "operator",
    [TT_ROLE_ADMIN] = "admin",
};

const char *tt_role_name(enum tt_role role)
{
  return role_names[role];
}

int tt_role_parse(const char *text, enum tt_role *ret_role)
{
  for (size_t i = 0; i < TT_COUNT(role_names); i++)
    if (!strcmp(text, role_names[i])) {
      *ret_role = (enum tt_role)i;
      return 0;
    }
  return -EINVAL;
}

struct tt_caller *tt_caller_copy(const struct tt_caller *caller)
{
  static const size_t texts[] = {
      offsetof(struct tt_caller, jid),           offsetof(struct tt_caller, bare),
      offsetof(struct tt_caller, local),         offsetof(struct tt_caller, language),
      offsetof(struct tt_caller, service_token), offsetof(struct tt_caller, device_token),
      offsetof(struct tt_caller, user_token),
  };
  size_t size = sizeof *caller;
  for (size_t i = 0; i < TT_COUNT(texts); i++) {
    const char *text = *(const char *const *)((const char *)caller + texts[i]);
    size += text ? strlen(text) + 1 : 0;
  }
  struct tt_caller *copy = malloc(size);
  if (!copy)
    return NULL;
  *copy = *caller;
  char *end = (char *)(copy + 1);
  for (size_t i = 0; i < TT_COUNT(texts); i++) {
    const char **text = (const char **)((char *)copy + texts[i]);
    if (!*text)
      continue;
    size_t n = strlen(*text) + 1;
    memcpy(end, *text, n);
    *text = end;
    end += n;
  }
  return copy;
}
