/* SPDX-License-Identifier: Apache-2.0
 * adhoc_admin.c: what the commands of admins share, and their tables. */
#include "adhoc_admin.h"

#include "trust/access.h"

bool tt_adhoc_is_admin(const struct tt_adhoc_asker *asker, TT_UNUSED void *user)
{
  return tt_access_is_admin(tt_router_config(tt_adhoc_router(asker->adhoc))->access, asker->caller->bare);
}

const char *tt_adhoc_given(const struct tt_xml *form, const char *var)
{
  const char *text = tt_dataform_value(form, var);
  if (text)
    return text;
  TT_XML_FOREACH(field, form) {
    const char *name = tt_xml_attr(field, "var");
    if (!strcmp(field->name, "field") && name && !strcmp(name, var))
      return "";
  }
  return NULL;
}

char *tt_adhoc_time(char out[static 32], uint64_t wall_us)
{
  tt_datetime_print(out, wall_us);
  out[strcspn(out, "T")] = ' ';
  strcpy(out + strcspn(out, "."), "Z");
  return out;
}

int tt_adhoc_admin_add(struct tt_adhoc *adhoc, const struct tt_adhoc_admin *admin)
{
  void *user = (void *)(uintptr_t)admin;
  int r = tt_adhoc_add(adhoc, tt_adhoc_device_rows, TT_COUNT(tt_adhoc_device_rows), user);
  if (r == 0)
    r = tt_adhoc_add(adhoc, tt_adhoc_people_rows, TT_COUNT(tt_adhoc_people_rows), user);
  if (r == 0)
    r = tt_adhoc_add(adhoc, tt_adhoc_daemon_rows, TT_COUNT(tt_adhoc_daemon_rows), user);
  if (r == 0)
    r = tt_adhoc_add(adhoc, tt_adhoc_block_rows, TT_COUNT(tt_adhoc_block_rows), user);
  return r;
}
