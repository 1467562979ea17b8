#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""compile.py OUT.c KIND.png...: pictures as a constant table (vcard.h), each with its SHA-1, which names it in presence."""
import hashlib
import pathlib
import sys

MAX = 2048  # bytes: they go into vCards as they are


def main(out, *files):
    lines = ["/* Made by compile.py. */", '#include "xmpp/vcard.h"']
    rows = []
    for path in map(pathlib.Path, files):
        data = path.read_bytes()
        if data[:8] != b"\x89PNG\r\n\x1a\n" or len(data) > MAX:
            sys.exit(f"{path}: not a PNG of at most {MAX} bytes")
        lines.append(f"static const unsigned char png_{path.stem}[] = {{{', '.join(map(str, data))}}};")
        rows.append(f"  [TT_THING_{path.stem.upper()}] = "
                    f"{{png_{path.stem}, sizeof(png_{path.stem}), \"{hashlib.sha1(data).hexdigest()}\"}},")
    lines += ["const struct tt_avatar tt_avatars[TT_THING_KIND_COUNT] = {", *rows, "};", ""]
    pathlib.Path(out).write_text("\n".join(lines), encoding="utf-8")


main(*sys.argv[1:])
