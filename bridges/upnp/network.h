/* SPDX-License-Identifier: Apache-2.0
 *
 * network.h: which services configure the network that everything else depends on: what a router or an access point
 * offers to whoever is in it, and what manages a device as a whole. Pure.
 */
#pragma once

#include "description.h"

/* By the type of the service, whoever has made it up and in whatever version, or of the devices that it is in. */
bool up_is_of_network(const struct up_description *description, const struct up_service *service);
