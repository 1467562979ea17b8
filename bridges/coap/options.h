/* SPDX-License-Identifier: Apache-2.0
 *
 * options.h: what is written about CoAP in the configuration, as structs. The tables are in options.c, what they cannot
 * express is looked at in check.c. All of it lives as long as the configuration.
 */
#pragma once

#include "common/pick.h"

#include <thingtree/bridge.h>

/* libcoap keeps no more of a pre-shared key and its identity. */
#define CB_PSK_MAX          64
#define CB_PSK_IDENTITY_MAX 64

enum cb_psk_encoding { CB_PSK_TEXT, CB_PSK_HEX };

/* `security:` of a connection, for all its devices, or of a device. */
struct cb_security {
  const char *psk_identity, *psk;
  int psk_encoding;       /* enum cb_psk_encoding */
  const char *ca;         /* NULL: the certificates of the system */
  const char *cert, *key; /* the gateway's own */
  const char *name;       /* in the device's certificate; NULL: the host of `base` */
};

struct cb_connection {
  const char *interface; /* NULL: none */
  struct cb_security security;
  uint64_t ack_timeout_us, connect_timeout_us, answer_timeout_us;
  int64_t max_retransmit;
  struct cb_discover {
    struct tt_texts hosts;
    bool multicast;
  } discover;
};

struct cb_device_options {
  const char *base;
  struct cb_security security;
  bool confirmable;
  int64_t block_size;
};

enum cb_format {
  CB_FORMAT_AUTO,
  CB_FORMAT_TEXT,
  CB_FORMAT_JSON,
  CB_FORMAT_CBOR,
  CB_FORMAT_SENML_JSON,
  CB_FORMAT_SENML_CBOR,
  CB_FORMAT_LINK, /* read only */
};

#define CB_FALLBACK_US (60 * TT_USEC_PER_SEC) /* of an observation that does not say one */

struct cb_read_address {
  const char *get; /* NULL: cannot be read */
  struct cb_observe_options {
    uint64_t refresh_us, fallback_us; /* refresh 0: not observed; fallback 0: CB_FALLBACK_US */
  } observe;
  int format;  /* enum cb_format */
  bool accept; /* ask for this format */
  const char *at, *record;
  struct tt_pick_shape shape;
};

struct cb_write_address {
  const char *put, *post, *delete; /* one of them */
  int format;                      /* enum cb_format; AUTO: text, or json with `json` */
  const char *payload;             /* text with ${value}; NULL: the value */
  const struct tt_item *json;      /* template; NULL: `payload` */
  const char *record;              /* SenML: its name */
  bool confirmable;
};

extern const struct tt_option cb_connection_table[], cb_device_table[], cb_read_table[], cb_write_table[];

/* The security that holds for a device: its own when it says anything, else that of the connection. */
const struct cb_security *cb_security_of(const struct cb_connection *connection,
                                         const struct cb_device_options *device);
bool cb_security_is_given(const struct cb_security *security);
/* The bytes of the key. Returns how many; 0: it is no key. */
size_t cb_psk_bytes(const struct cb_security *security, uint8_t out[static CB_PSK_MAX]);

/* The path of a write and its method (a CoAP code); NULL: none, or several are given. */
const char *cb_write_path(const struct cb_write_address *address, uint8_t *ret_method);
/* The format a write is sent in; TEXT when nothing is said. */
enum cb_format cb_write_format(const struct cb_write_address *address);

/* The `check` of the bridge (bridge.h). */
void cb_check(const void *connection, const struct tt_device_config *device, struct tt_diags *diags);
