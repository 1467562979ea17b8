#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes bridges/modbus/sunspec_models.c out of SunSpec's own models: tools/sunspec.py MODELS/json > that file.

MODELS is a copy of https://github.com/sunspec/models (Apache-2.0). Only what a reader of registers needs is taken over:
names, types, sizes, scale factors, units, labels, enumerations and bits. sunspec.h says how the lines are read."""
import json
import pathlib
import sys

# Mailboxes for signed messages (3 to 9), models for tests (63001, 63002) and of a laboratory (64410 to 64415): nothing
# that a device measures or does.
LEFT_OUT = {*range(3, 10), 63001, 63002, *range(64410, 64416)}

# Stand in registers for everybody to read; a gateway does not pass them on.
SECRETS = {"Password", "PIN"}


def clean(text):
    return " ".join(str(text).split())


def line(*cells):
    text = "\t".join(clean(c) for c in cells).rstrip("\t")
    return '    "' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '\\n"'


def points(group):
    for p in group.get("points", []):
        if p.get("label") in SECRETS:
            yield line("P", p["name"], "pad", p["size"])
            continue
        yield line("P", p["name"], p["type"], p["size"], "W" if p.get("access") == "RW" else "", p.get("sf", ""),
                   p.get("units", ""), p.get("label", ""))
        for s in p.get("symbols", []):
            yield line("S", s["name"], s["value"])


def body(group):
    yield from points(group)
    for inner in group.get("groups", []):
        yield line("G", inner["name"], inner.get("count", 1), inner.get("label", ""))
        yield from body(inner)
        yield line("E")


def main():
    directory = pathlib.Path(sys.argv[1])
    print("/* SPDX-License-Identifier: Apache-2.0\n"
          " * Made by tools/sunspec.py out of https://github.com/sunspec/models (Apache-2.0, commit 7abdf89); not by hand. */")
    print('#include "sunspec.h"\n\n#include <stddef.h>\n')
    print('#pragma GCC diagnostic ignored "-Woverlength-strings" /* every compiler we use takes them */\n')
    print("/* clang-format off */\nconst char *const mb_sunspec_models[] = {")
    models = [json.loads(path.read_text()) for path in directory.glob("model_*.json")]
    for model in sorted(models, key=lambda m: m["id"]):
        if model["id"] in LEFT_OUT:
            continue
        group = model["group"]
        is_named = group["name"] != f"model_{model['id']}"
        print(line("M", model["id"], group["name"] if is_named else group["label"], group.get("label", "")))
        print("\n".join(body(group)) + ",")
    print("    NULL,\n};")


if __name__ == "__main__":
    main()
