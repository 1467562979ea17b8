#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that thingtree.yaml(5) names every key and every code of a diagnostic that gateway/config knows, and none that it does not."""
import pathlib
import re
import sys

CODES = re.compile(r'(?:tt_diag\([^;]*?TT_SEVERITY_\w+,\s*|refuse\([^;]*?)"([a-z-]+)"')
KEYS = re.compile(r'\.name = "([a-z_]+)"|(?<!define )\b(?:ITEM|POINT)\("?([a-z_]+)"?,')


def known(directory):
    keys, codes = set(), set()
    for path in sorted(directory.glob("*.c")):
        text = path.read_text()
        codes |= set(CODES.findall(text))
        keys |= {a or b for a, b in KEYS.findall(text) if (a or b) != "name_"}
    return keys, codes


def named(manual):
    """The words of .Ic (keys) and .Li (codes) macros, of lists of them too."""
    keys, codes = set(), set()
    for line in manual.splitlines():
        for macro, words in re.findall(r"\b(Ic|Li) ((?:[a-z_-]+(?: , )?)+)", line):
            (keys if macro == "Ic" else codes).update(w for w in words.replace(",", " ").split())
    return keys, codes


def check(root):
    keys, codes = known(root / "gateway/config")
    manual_keys, manual_codes = named((root / "packaging/man/thingtree.yaml.5").read_text())
    return ([f"thingtree.yaml.5 does not name the key {k}" for k in sorted(keys - manual_keys)] +
            [f"thingtree.yaml.5 does not name the code {c}" for c in sorted(codes - manual_codes)] +
            [f"thingtree.yaml.5 names the code {c}, which nothing says" for c in sorted(manual_codes - codes)]), keys, codes


def main():
    problems, keys, codes = check(pathlib.Path(sys.argv[1]))
    print("\n".join(problems))
    print(f"manual: {len(keys)} keys, {len(codes)} codes, {len(problems)} problems")
    return 1 if problems or len(keys) < 40 or len(codes) < 40 else 0


if __name__ == "__main__":
    sys.exit(main())
