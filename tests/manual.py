#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that thingtree.yaml(5) names every key and every code of a diagnostic that gateway/config knows, and none that it
does not; that CODES.md has every code of these and of the bridges, once, and no other; and that the manual of each bridge
names every option and type of its tables, and no option that is not there."""
import pathlib
import re
import sys

CODES = re.compile(r'(?:tt_diag\([^;]*?(?:TT_SEVERITY_\w+|severity),\s*|refuse\([^;]*?|faulty\(&?fault,\s*)"([a-z0-9-]+)"')
OPTIONS = re.compile(r'\.name = "([a-z_0-9]+)",\s*\.type = TT_OPTION')
TYPES = re.compile(r'^\s*\{"(\w+)", \w+, TT_TYPE_\w+,', re.M)
KEYS = re.compile(r'\.name = "([a-z_]+)"|(?<!define )\b(?:ITEM|POINT)\("?([a-z_]+)"?,')


def known(directory):
    keys, codes = set(), set()
    for path in sorted(directory.glob("*.c")):
        text = path.read_text()
        codes |= set(CODES.findall(text))
        keys |= {a or b for a, b in KEYS.findall(text) if (a or b) != "name_"}
    return keys, codes


def known_codes(root):
    """Those of the configuration and of all bridges."""
    directories = [root / "gateway/config", *(root / "bridges").iterdir()]
    return set().union(*(known(d)[1] for d in directories if d.is_dir()))


def check_list(root):
    """The table rows of CODES.md."""
    text = (root / "gateway/config/CODES.md").read_text()
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| .+ \| .+ \|$", text, re.MULTILINE)
    codes = known_codes(root)
    return ([f"CODES.md has not the code {c}" for c in sorted(codes - set(rows))] +
            [f"CODES.md has the code {c}, which nothing says" for c in sorted(set(rows) - codes)] +
            [f"CODES.md has the code {c} twice" for c in sorted({c for c in rows if rows.count(c) > 1})] +
            [f"CODES.md: not a row of three: {line}" for line in text.splitlines()
             if line.startswith("| `") and len(line.replace("\\|", "").split("|")) != 5])


def named(manual):
    """The words of .Ic (keys) and .Li (codes) macros, of lists of them too."""
    keys, codes = set(), set()
    for line in manual.splitlines():
        for macro, words in re.findall(r"\b(Ic|Li) ((?:[a-z0-9_-]+(?: , )?)+)", line):
            (keys if macro == "Ic" else codes).update(w for w in words.replace(",", " ").split())
    return keys, codes


def check(root):
    keys, codes = known(root / "gateway/config")
    manual_keys, manual_codes = named((root / "packaging/man/thingtree.yaml.5").read_text())
    return ([f"thingtree.yaml.5 does not name the key {k}" for k in sorted(keys - manual_keys)] +
            [f"thingtree.yaml.5 names the key {k}, which nothing knows" for k in sorted(manual_keys - keys)] +
            [f"thingtree.yaml.5 does not name the code {c}" for c in sorted(codes - manual_codes)] +
            [f"thingtree.yaml.5 names the code {c}, which nothing says" for c in sorted(manual_codes - codes)]), keys, codes


def option_rows(manual):
    """What the first cells name in tables whose heading begins with "option"."""
    rows, heading = set(), ""
    for line in manual.splitlines():
        first = line.split("|")[1].strip() if line.startswith("|") else ""
        if heading.startswith("option"):
            rows |= set(re.findall(r"`([a-z_0-9]+)`", first))
        heading = heading or first if first else ""
    return rows


def check_bridge(directory):
    source = "\n".join(path.read_text() for path in sorted(directory.glob("*.c")))
    options, types = set(OPTIONS.findall(source)), set(TYPES.findall(source))
    if "TT_BRIDGE(" not in source:  # what bridges share
        return [], 0
    name = f"{directory.name}/{directory.name}.md"
    manual = (directory / f"{directory.name}.md").read_text()
    words = set(re.findall(r"`([a-z_0-9]+)(?::[^`]*)?`", manual))
    return ([f"{name} does not name {w}" for w in sorted((options | types) - words)] +
            [f"{name} names the option {w}, which is not there" for w in sorted(option_rows(manual) - options)]), len(options)


def main():
    root = pathlib.Path(sys.argv[1])
    problems, keys, codes = check(root)
    problems += check_list(root)
    n_options = 0
    for directory in sorted(d for d in (root / "bridges").iterdir() if d.is_dir()):
        more, n = check_bridge(directory)
        problems += more
        n_options += n
    print("\n".join(problems))
    print(f"manual: {len(keys)} keys, {len(codes)} codes, {n_options} options of bridges, {len(problems)} problems")
    return 1 if problems or len(keys) < 40 or len(codes) < 40 or n_options < 40 else 0


if __name__ == "__main__":
    sys.exit(main())
