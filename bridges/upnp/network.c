/* SPDX-License-Identifier: Apache-2.0
 * network.c: names out of the UPnP Forum's InternetGatewayDevice, WLANAccessPointDevice, DeviceProtection, DeviceManagement
 * and RemoteAccess, which makers use under domains of their own, too. */
#include "network.h"

/* A name that ends with "*" is how they begin. */
static const char *const devices[] = {"InternetGatewayDevice", "WAN*", "LAN*", "WLAN*", "WFA*"};
static const char *const services[] = {
    "WAN*",
    "LAN*",
    "WLAN*",
    "WFA*",
    "Layer3Forwarding",
    "DeviceProtection",
    "Firewall*",
    "Radius*",
    "InboundConnect*",
    "RemoteAccess*",
    "RADA*",
    "RATA*",
    "Device*",
    "Configuration*",
    "ManagementSer*",
    "SoftwareManag*",
    "BasicManagement",
    "UserInter*",
    "LinkAuth*",
};

/* "urn:schemas-upnp-org:service:WANIPConnection:1": the fourth part. */
static size_t name_of(const char *type, const char **ret)
{
  for (int i = 0; i < 3 && type; i++) {
    type = strchr(type, ':');
    type = type ? type + 1 : NULL;
  }
  *ret = type ? type : "";
  return strcspn(*ret, ":");
}

static bool is_among(const char *const names[], size_t n, const char *type)
{
  const char *name;
  size_t size = name_of(type, &name);
  for (size_t i = 0; i < n; i++) {
    size_t length = strlen(names[i]);
    bool is_begin = names[i][length - 1] == '*';
    length -= is_begin;
    if ((is_begin ? size >= length : size == length) && strncasecmp(name, names[i], length) == 0)
      return true;
  }
  return false;
}

bool up_is_of_network(const struct up_description *description, const struct up_service *service)
{
  if (is_among(services, TT_COUNT(services), service->type))
    return true;
  for (size_t at = service->device;; at = description->parts[at].parent) {
    const struct up_part *part = &description->parts[at];
    if (part->type && is_among(devices, TT_COUNT(devices), part->type))
      return true;
    if (part->parent == at)
      return false;
  }
}
