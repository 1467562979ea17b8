#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""texts.py ROOT: every sentence that the source gives to tt_tr() is translated in every PO file, none of them has one that
nobody says any more, and a translation with other conversions than its sentence does not build."""
import pathlib
import subprocess
import sys
import tempfile

root = pathlib.Path(sys.argv[1])
sources = sorted(str(path.relative_to(root)) for path in (root / "gateway").rglob("*.c"))
failures = 0
with tempfile.TemporaryDirectory() as directory:
    pot = pathlib.Path(directory) / "thingtree.pot"
    subprocess.run(["xgettext", "--from-code=UTF-8", "-LC", "-ktt_tr:2", "-ktt_tr_n:2,3", "-kTT_TR", "-o", pot,
                    *sources],
                   cwd=root, check=True)
    for po in sorted((root / "gateway/text").glob("*.po")):
        for what, command in (("not translated", ["msgcmp", po, pot]),
                              ("said by nobody", ["msgcmp", "--use-untranslated", pot, po])):
            result = subprocess.run(command, capture_output=True, text=True)
            if result.returncode:
                failures += 1
                print(f"{po.name}: {what}\n{result.stderr}")
    wrong = pathlib.Path(directory) / "wrong.po"
    wrong.write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "%s"\nmsgstr "%d"\n')
    result = subprocess.run([sys.executable, root / "gateway/text/compile.py", pathlib.Path(directory) / "wrong.c", wrong],
                            capture_output=True, text=True)
    if result.returncode == 0:
        failures += 1
        print("a translation with another conversion than its sentence was compiled")
sys.exit(1 if failures else 0)
