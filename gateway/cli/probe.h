/* SPDX-License-Identifier: Apache-2.0
 *
 * probe.h: `thingtree check --probe DEVICE`: one device and its connection in this process, without XMPP and without the
 * daemon; each of its points is read once, one after the other.
 */
#pragma once

#include "config/config.h"

/* Loads the configuration that `env` names, reads, and prints. What the device says of itself meanwhile is used at once.
 * Returns enum tt_exit: 0 all points that can be read were, and one has a value; 1 not all; 2 nothing is usable. */
int tt_probe_device(const struct tt_config_env *env, const char *key, bool is_json);

/* Instead of its points, has the bridge look at a part of the device's address space (bridge.h, scan), and prints the
 * report as it comes; how far it is goes to stderr. SIGINT ends it. Returns 1, too, when it did not come to its end. */
int tt_probe_scan(const struct tt_config_env *env, const char *key, const char *what, bool is_json);
