#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""compile.py OUT.c LANGUAGE.po...: translations as constant tables (text.h). msgfmt has the last word on what a PO file
may be: compile.py runs it first."""
import ast
import pathlib
import re
import subprocess
import sys


def entries(path):
    """The entries of a PO file: keyword to text."""
    entry, keyword = {}, None
    for line in path.read_text(encoding="utf-8").splitlines() + ["msgid \"\""]:
        if line.startswith("#") or not line.strip():
            continue
        if not line.startswith('"'):
            keyword, line = line.split(" ", 1)
            if keyword == "msgid" and entry:
                yield entry
                entry = {}
        entry[keyword] = entry.get(keyword, "") + ast.literal_eval(line)


def catalogue(path):
    """English to translated, each of singular and plural a sentence of its own."""
    rows = {}
    for entry in entries(path):
        one, several = entry["msgid"], entry.get("msgid_plural")
        if several:
            rows[one], rows[several] = entry["msgstr[0]"], entry["msgstr[1]"]
        elif one:
            rows[one] = entry["msgstr"]
    return {english: text for english, text in rows.items() if text}


def check(path):
    """msgfmt compares the conversions of what is called a format; here that is whatever has a per cent sign."""
    parts = re.split(r"(?m)^(?=msgid )", path.read_text(encoding="utf-8"))
    flagged = "".join(("#, c-format\n" if "%" in part.split("\nmsgstr")[0] else "") + part for part in parts)
    subprocess.run(["msgfmt", "--check-format", "-o", "/dev/null", "-"], input=flagged, text=True, check=True)


def quoted(text):
    return '"' + "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03o}" for byte in text.encode()) + '"'


def main(out, *files):
    files = [pathlib.Path(name) for name in files]
    lines = ["/* Made by compile.py. */", '#include "text/text.h"']
    for file in files:
        check(file)
        lines.append(f"static const struct tt_translation {file.stem}[] = {{")
        # In the order of strcmp(), which compares bytes.
        for english, text in sorted(catalogue(file).items(), key=lambda row: row[0].encode()):
            lines.append(f"  {{{quoted(english)}, {quoted(text)}}},")
        lines.append("};")
    lines.append("const struct tt_catalogue tt_catalogues[] = {")
    lines += [f'  {{"{file.stem}", {file.stem}, TT_COUNT({file.stem})}},' for file in files]
    lines += ["};", "const size_t tt_n_catalogues = TT_COUNT(tt_catalogues);", ""]
    pathlib.Path(out).write_text("\n".join(lines), encoding="utf-8")


main(*sys.argv[1:])
