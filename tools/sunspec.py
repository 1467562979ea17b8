#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes bridges/modbus/sunspec_models.c out of SunSpec's own models: tools/sunspec.py MODELS/json > that file.

MODELS is a copy of https://github.com/sunspec/models (Apache-2.0). Only what a reader of registers needs is taken over:
names, types, sizes, scale factors, units, labels, enumerations and bits. sunspec.h says how the lines are read."""
import json
import pathlib
import sys

# Common, inverters, nameplate to storage, strings and modules, meters, weather, DER (IEEE 1547), batteries. Left out are
# curves of the older kind (126, 129 to 145), the network (2 to 19), simulators and makers' own.
MODELS = [1, *range(101, 104), *range(111, 114), *range(120, 126), 127, 128, 160, *range(201, 205), *range(211, 215),
          *range(302, 309), *range(401, 405), 501, 502, *range(701, 716), *range(801, 810)]


def clean(text):
    return " ".join(str(text).split())


def line(*cells):
    text = "\t".join(clean(c) for c in cells).rstrip("\t")
    return '    "' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '\\n"'


def points(group):
    for p in group.get("points", []):
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
    for number in MODELS:
        model = json.loads((directory / f"model_{number}.json").read_text())
        group = model["group"]
        print(line("M", model["id"], group["name"], group.get("label", "")))
        print("\n".join(body(group)) + ",")
    print("    NULL,\n};")


if __name__ == "__main__":
    main()
