/* SPDX-License-Identifier: Apache-2.0
 *
 * handlers.h: the handlers that main hangs into the router, one call per subject. Each returns an object that is
 * destroyed before the router, or a negative errno.
 */
#pragma once

#include "router.h"

struct tt_sensor;
int tt_sensor_create(struct tt_router *router, struct tt_sensor **ret); /* XEP-0323, N sensor data */
void tt_sensor_destroy(struct tt_sensor *sensor);

int tt_control_handlers_add(struct tt_router *router);      /* XEP-0325, N control */
int tt_concentrator_handlers_add(struct tt_router *router); /* XEP-0326, N concentrator */
int tt_basic_handlers_add(struct tt_router *router);        /* XEP-0030, 0092, 0115, 0199, 0202 */
