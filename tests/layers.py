#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks every #include against tests/layers.txt: rooms include one way, a vendor header has its directories."""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
SYSTEM = pathlib.Path("/usr/include")


def rules(text):
    rooms, headers = {}, {}
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        if line:
            kind, rest = line.split(" ", 1)
            name, _, values = rest.partition(":")
            (rooms if kind == "room" else headers)[name.strip()] = values.split()
    return rooms, headers


def room_of(path, rooms):
    return max((r for r in rooms if str(path).startswith(r + "/")), key=len, default=None)


def is_libc(name):
    """A header of the C library, the kernel or the compiler: found in no -dev package that we name."""
    libc = {"arpa", "linux", "net", "netinet", "sys", "asm"}
    return "/" not in name and name not in ("strophe.h",) and (
        name in LIBC) or name.split("/")[0] in libc


LIBC = set("""assert.h ctype.h dirent.h dlfcn.h endian.h errno.h fcntl.h float.h fnmatch.h getopt.h glob.h grp.h ifaddrs.h
inttypes.h limits.h locale.h malloc.h math.h netdb.h poll.h pthread.h pwd.h sched.h setjmp.h signal.h spawn.h stdalign.h stdarg.h
stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h strings.h syslog.h termios.h time.h unistd.h wchar.h
stdatomic.h libgen.h langinfo.h""".split())


def check(root):
    rooms, headers = rules((root / "tests/layers.txt").read_text())
    problems, seen = [], 0
    for path in sorted(p for d in ("include", "gateway", "bridges") for p in (root / d).rglob("*.[ch]")):
        rel = path.relative_to(root)
        room = room_of(rel, rooms)
        if room is None:
            problems.append(f"{rel}: in no room of tests/layers.txt")
            continue
        text = path.read_text()
        for match in INCLUDE.finditer(text):
            seen += 1
            line = text[:match.start()].count("\n") + 1
            quote, name = match.groups()
            where = f"{rel}:{line}"
            if quote == "<" and name.startswith("thingtree/"):
                continue
            if quote == "<":
                row = next((d for h, d in headers.items() if name == h or (h.endswith("/") and name.startswith(h))), None)
                if row is None and not is_libc(name):
                    problems.append(f"{where}: <{name}> has no row in tests/layers.txt")
                elif row is not None and not any(str(rel).startswith(d + "/") for d in row):
                    problems.append(f"{where}: <{name}> is for {' '.join(row)} only")
                continue
            target = (path.parent / name).resolve()
            if not target.is_file():
                target = next((root / base / name for base in ("gateway", "bridges", ".")
                               if (root / base / name).is_file()), None)
            if target is None:
                problems.append(f"{where}: \"{name}\" not found")
                continue
            other = room_of(target.resolve().relative_to(root.resolve()), rooms)
            if other != room and rooms[room] != ["*"] and other not in rooms[room]:
                problems.append(f"{where}: {room} may not include {other} (\"{name}\")")
    return problems, seen


def selftest(root):
    """The check can fail: a forbidden include is found."""
    import tempfile
    with tempfile.TemporaryDirectory() as d:
        fake = pathlib.Path(d)
        (fake / "tests").mkdir()
        (fake / "tests/layers.txt").write_text((root / "tests/layers.txt").read_text())
        (fake / "gateway/xmpp").mkdir(parents=True)
        (fake / "gateway/bridge").mkdir(parents=True)
        (fake / "gateway/bridge/host.h").write_text("#include <strophe.h>\n")
        (fake / "gateway/xmpp/a.c").write_text('#include "bridge/host.h"\n#include <unheard/of.h>\n')
        found, _ = check(fake)
        return len(found) == 3


def main():
    root = pathlib.Path(sys.argv[1])
    problems, seen = check(root)
    print("\n".join(problems))
    if not selftest(root):
        problems.append("selftest")
        print("layers.py does not find a planted violation")
    print(f"layers: {seen} includes, {len(problems)} problems")
    return 1 if problems or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
