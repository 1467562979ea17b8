/* SPDX-License-Identifier: Apache-2.0
 * fuzz_frames.c: what the process of a bridge, or somebody who has taken it over, may say: any bytes. Frames are found and
 * letters taken apart; what was understood is written and understood again; what is for the other side (a configuration) is
 * unpacked with the tables of a real bridge. */
#include "bridge/letter.h"
#include "bridge/start.h"

extern const struct tt_bridge_ops tt_bridge_mqtt;

static void must(bool is_so)
{
  if (!is_so)
    abort();
}

static void unpack(const struct tt_letter *letter)
{
  struct tt_arena *arena = tt_arena_create(1 << 20);
  struct tt_bytes in = tt_bytes_of(letter->blob, letter->blob_size);
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  struct tt_device_config config;
  struct tt_start start;
  if (letter->type == TT_FRAME_CONFIG) {
    void *options = calloc(1, tt_bridge_mqtt.connection.size);
    if (tt_start_take(&in, arena, &start) == 0 &&
        tt_unpack(tt_bridge_mqtt.connection.options, &in, arena, options) == 0)
      tt_start_put(&start, &tt_bridge_mqtt, options, &out);
    free(options);
  } else if (letter->type == TT_FRAME_ATTACH && tt_unpack_device(&tt_bridge_mqtt, &in, arena, &config) == 0) {
    tt_pack_device(&config, &tt_bridge_mqtt, 0, &out);
    in = tt_bytes_of(out.data, out.len);
    must(tt_unpack_device(&tt_bridge_mqtt, &in, arena, &config) == 0 || tt_arena_used(arena) > 1 << 18);
  }
  tt_arena_destroy(arena);
}

static void understand(const struct tt_frame *frame)
{
  struct tt_letter letter TT_AUTOLETTER = {0}, again TT_AUTOLETTER = {0};
  struct tt_buf body TT_AUTOBUF = TT_BUF(0);
  if (tt_letter_take(frame, &letter) < 0)
    return;
  must(!letter.text || tt_utf8_is_valid(letter.text, strlen(letter.text)));
  must(letter.error <= 0 && letter.n_points <= TT_POINTS_MAX);
  tt_letter_put(&letter, &body);
  struct tt_frame back = {letter.type, letter.id, (const unsigned char *)body.data, body.len};
  must(tt_letter_take(&back, &again) == 0);
  must(again.number == letter.number && again.point == letter.point && again.time_us == letter.time_us);
  unpack(&letter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct tt_frame frame;
  size_t used;
  while (tt_frame_take(data, size, &frame, &used) > 0) {
    understand(&frame);
    data += used;
    size -= used;
  }
  return 0;
}
