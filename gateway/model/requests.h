/* SPDX-License-Identifier: Apache-2.0
 *
 * requests.h: the inside of struct tt_core, private to core.c, readout.c and control.c.
 */
#pragma once

#include "core.h"

struct tt_core {
  struct tt_tree *tree;
  struct tt_now now;
  struct tt_access_hooks access;
  struct tt_audit_hooks audit;
  struct tt_device_hooks devices;
  const struct tt_poll_class *classes;
  size_t n_classes;
};
