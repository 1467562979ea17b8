#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs `thingtree check` over tests/data/bad-*: each prints exactly its .expected, and leaves with the code that stands in it.

A case is bad-NAME.yaml, or a directory bad-NAME with thingtree.yaml in it. Each is copied to a directory of its own, with
what tests/data/check has beside it: mappings, and credentials, of which only those named exposed* may be read by others.
`check.py PROGRAM BUILD SOURCE` compares; with `--accept` behind, it writes what was printed (look at the difference!)."""
import difflib
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import tempfile

from manual import known_codes

# A secret of tests/data/check/credentials, and one that stands in a file: neither is ever printed.
SECRETS = ["s3cret-in-a-file", "s3cret-in-the-yaml", "s3cret-in-the-environment"]
# Codes whose cases are too large to lie here, or need what a plain file cannot have: the unit test that has them.
ELSEWHERE = {
    "file-too-large": "load", "too-many-files": "load", "too-many-items": "load", "too-many-directories": "load",
    "too-many-connections": "connection", "unusable-bridge": "connection", "too-many-devices": "device",
    "too-many-languages": "label", "too-many-entries": "map", "too-many-params": "params", "too-many-points": "point", "too-many-commands": "command", "too-many-arguments": "command",
    "bad-description": "describe", "too-many-poll-classes": "sections", "too-many-rules": "sections", "too-many-rooms": "rooms",
}


def prepare(case, source, into):
    shutil.copytree(source / "tests/data/check", into, dirs_exist_ok=True)
    if case.is_dir():
        shutil.copytree(case, into, dirs_exist_ok=True)
    else:
        shutil.copy(case, into / "thingtree.yaml")
    for secret in (into / "credentials").iterdir():
        secret.chmod(0o644 if secret.name.startswith("exposed") else 0o600)
    return into / "thingtree.yaml"


def run(program, bridges, config, *more):
    env = {k: v for k, v in os.environ.items() if k != "CREDENTIALS_DIRECTORY"} | {"TT_TEST_ENV": SECRETS[2]}
    done = subprocess.run([program, "check", "--config", config, "--bridges", bridges, *more], env=env, timeout=60,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).replace(str(config.parent), "DIR"), done.returncode


def check_json(text, plain, code):
    """The same messages for scripts: codes and places, and the outcome."""
    lines = [json.loads(line) for line in text.splitlines()]
    shown = [f"{m['file']}:{m['line']}:{m['column']}: {m['severity']}[{m['code']}]: {m['text']}" if "file" in m else
             f"{m['severity']}[{m['code']}]: {m['text']}" for m in lines[:-1]]
    heads = [line for line in plain.splitlines() if re.match(r"(\S+:\d+:\d+: )?(error|warning|note)\[", line)]
    if shown != heads:
        return f"--json says {shown}\nand not {heads}"
    return None if lines[-1]["summary"]["exit_code"] == code else f"--json says {lines[-1]}"


def check_case(case, program, bridges, source, accept):
    expected = case.with_suffix(".expected")
    with tempfile.TemporaryDirectory() as directory:
        config = prepare(case, source, pathlib.Path(directory))
        text, code = run(program, bridges, config)
        as_json, json_code = run(program, bridges, config, "--json")
    if accept:
        expected.write_text(text)
    wanted = expected.read_text() if expected.exists() else ""
    if text != wanted:
        return "\n".join(difflib.unified_diff(wanted.splitlines(), text.splitlines(), expected.name, "printed", lineterm=""))
    if f"(exit code {code})" not in text or json_code != code:
        return f"exit code {code}, with --json {json_code}"
    if any(secret in text + as_json for secret in SECRETS):
        return "a secret is printed"
    return check_json(as_json, text, code)


def check_codes(cases, source):
    """Each code that the program can say is said by one of the cases."""
    said = set()
    for case in cases:
        said |= set(re.findall(r"(?:error|warning|note)\[([a-z0-9-]+)\]", case.with_suffix(".expected").read_text()))
    known = known_codes(source)
    problems = [f"no case says [{code}]" for code in sorted(known - said - set(ELSEWHERE))]
    problems += [f"[{code}] has a case; it need not be tested elsewhere" for code in sorted(said & set(ELSEWHERE))]
    problems += [f"there is no code [{code}]" for code in sorted(set(ELSEWHERE) - known)]
    problems += [f"test_config_{name}.c does not test [{code}]" for code, name in ELSEWHERE.items()
                 if code not in (source / f"tests/unit/test_config_{name}.c").read_text()]
    return problems + ([] if len(known) > 60 else [f"only {len(known)} codes were found in the sources"])


def check_example(program, bridges, source):
    """etc/thingtree.yaml is well as it is, and with its examples switched on."""
    problems = []
    with tempfile.TemporaryDirectory() as directory:
        into = pathlib.Path(directory)
        (into / "devices.d").mkdir()
        config = into / "thingtree.yaml"
        plain = (source / "etc/thingtree.yaml").read_text()
        config.write_text(plain)
        text, code = run(program, bridges, config)
        if code != 0 or text != "thingtree check: 0 devices disabled, 0 running (exit code 0)\n":
            problems.append(f"etc/thingtree.yaml: {code}: {text}")
        lines = re.sub(r"^#(?! |$)|^#(?=  )", "", plain, flags=re.MULTILINE)
        config.write_text(lines.replace("/usr/share/thingtree/mappings", str(source / "mappings")))
        (into / "credentials").mkdir()
        for name in re.findall(r"\$\{credential:([a-z-]+)\}", lines):
            (into / "credentials" / name).write_text("x\n")
            (into / "credentials" / name).chmod(0o600)
        text, code = run(program, bridges, config)
        if code != 0 or text != "thingtree check: 0 devices disabled, 1 running (exit code 0)\n":
            problems.append(f"etc/thingtree.yaml with its examples: {code}: {text}")
    return problems


def on_terminal(arguments, env):
    """What a program writes to a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=env) as child:
        os.close(theirs)
        text = b""
        try:
            while part := os.read(ours, 65536):
                text += part
        except OSError:  # the other end is closed
            pass
        os.close(ours)
        return text.decode().replace("\r\n", "\n"), child.wait(timeout=60)


def check_command(program, bridges, source):
    """Usage, colours on a terminal and nowhere else, every file and device with --verbose, a standard output that is full."""
    problems = []

    def expect(what, is_so):
        if not is_so:
            problems.append(f"check: {what}")

    for words in (["--confg", "x"], ["thingtree.yaml"], ["--config"], ["--json=yes"]):
        done = subprocess.run([program, "check", *words], capture_output=True, text=True, timeout=60, check=False)
        expect(f"{words} is wrong usage", done.returncode == 64 and not done.stdout and "thingtree" in done.stderr)
    with tempfile.TemporaryDirectory() as directory:
        config = prepare(source / "tests/data/bad-one-among-good.yaml", source, pathlib.Path(directory))
        arguments = [program, "check", f"--config={config}", "--bridges", bridges]
        plain, code = run(program, bridges, config)
        env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm"}
        coloured, same_code = on_terminal(arguments, env)
        expect("colours on a terminal", "\x1b[1;31merror[unknown-key]:\x1b[0m" in coloured)
        expect("the same text with colours", re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain and code == same_code == 1)
        expect("NO_COLOR", on_terminal(arguments, env | {"NO_COLOR": "1"}) == (plain, 1))
        wordy, _ = run(program, bridges, config, "--verbose")
        expect("--verbose", wordy.startswith("read thingtree.yaml\nread mappings/mqtt/plug.yaml\ndevice one: mqtt/plug\n"
                                             "device two: mqtt/plug, disabled: thingtree.yaml:8:46: device two has no key "
                                             '"wiht"\n') and wordy.endswith(plain))
        with open("/dev/full", "w", encoding="ascii") as full:
            expect("a full output", subprocess.run(arguments, stdout=full, timeout=60, check=False).returncode == 2)
        nowhere = subprocess.run([program, "check", "--config", config, "--bridges", directory], capture_output=True,
                                 text=True, timeout=60, check=False)
        expect("no bridges", nowhere.returncode == 1 and "[unknown-protocol]" in nowhere.stdout)
    return problems


def check_all(program, bridges, source, accept):
    data = source / "tests/data"
    cases = sorted(p for p in data.glob("bad-*") if p.suffix == ".yaml" or p.is_dir())
    problems = check_example(program, bridges, source) + check_command(program, bridges, source)
    for case in cases:
        problem = check_case(case, program, bridges, source, accept)
        if problem:
            problems.append(f"{case.name}: {problem}")
    problems += check_codes(cases, source)
    print("\n".join(problems))
    print(f"check: {len(cases)} wrong configurations, {len(problems)} problems")
    return 1 if problems or len(cases) < 40 else 0


def main():
    program, build, source = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]).absolute()
    with tempfile.TemporaryDirectory() as bridges:
        for bridge in build.glob("bridges/*/*.so"):
            (pathlib.Path(bridges) / bridge.name).symlink_to(bridge.absolute())
        return check_all(program, bridges, source, "--accept" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
