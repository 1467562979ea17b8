# SPDX-License-Identifier: Apache-2.0
"""The subcommands as people and scripts use them: a running gateway with devices behind it, a terminal before it."""
import asyncio
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest
from client import run
import world

PACKAGING = world.ROOT / "packaging"


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def environment(**changes):
    env = {k: v for k, v in os.environ.items() if not k.startswith("LC_") and k not in ("LANG", "LANGUAGE", "NO_COLOR")}
    return {**env, "LANG": "C.UTF-8", "TERM": "xterm", **changes}


def on_terminal(args, columns=100, until=None, env=None):
    """What the program writes on a terminal; with `until`, an interrupt is typed once that has appeared."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.clear()
        os.environ.update(env or environment())
        os.execv(args[0], list(map(str, args)))
    import fcntl
    import struct
    import termios
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    out, deadline = b"", time.monotonic() + 20
    while time.monotonic() < deadline:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                part = os.read(fd, 65536)
            except OSError:
                break
            if not part:
                break
            out += part
        if until and re.search(until, out.decode(errors="replace")):
            os.write(fd, b"\x03")
            until = None
    os.close(fd)
    return out.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_tree(house):
    nodes = {n["node"]: n for n in lines(house.gateway.cli("tree", "--json"))}
    assert nodes["plug"]["parent"] == "house/kitchen" and nodes["plug"]["label"] == "Coffee machine plug"
    assert nodes["broken"]["disabled"] and "tpoic" in json.dumps(nodes["broken"]["messages"])
    voltage = next(f for f in nodes["meter"]["fields"] if f["name"] == "voltage_l1")
    assert voltage["unit"] == "V" and 200 < voltage["value"] < 260 and voltage["age_ms"] >= 0
    below = [n["node"] for n in lines(house.gateway.cli("tree", "house/kitchen", "--json"))]
    assert below == ["house/kitchen", "plug"]
    names = house.gateway.cli("tree", "--names").stdout.splitlines()
    assert "plug" in names and "plug.power" in names and "meter.voltage_l1" in names
    writable = house.gateway.cli("tree", "--names", "--writable").stdout.splitlines()
    assert "plug.relay" in writable and "plug.power" not in writable and "plug" not in writable


def test_tree_on_a_terminal(house):
    args = [house.gateway.program, "tree", "--socket", house.gateway.socket]
    text, code = on_terminal(args)
    assert code == 0 and "\033[" in text and "└─ " in text
    plain = re.sub(r"\033\[[0-9;]*m", "", text)
    assert "● Coffee machine plug  plug" in plain and re.search(r"voltage_l1 +2\d\d\.\d+ +V", plain)
    assert max(map(len, plain.splitlines())) <= 100
    text, _ = on_terminal(args, columns=40)
    assert max(len(line) for line in re.sub(r"\033\[[0-9;]*m", "", text).splitlines()) <= 40
    text, _ = on_terminal(args, env=environment(NO_COLOR="1"))
    assert "\033[" not in text and "└─ " in text
    text, _ = on_terminal(args, env=environment(LANG="C"))
    assert "`- " in text and text.isascii()
    text, _ = on_terminal(args, env=environment(LANGUAGE="sv"))
    assert "Huvudmätare" in text


def test_read(house):
    (meter,) = lines(house.gateway.cli("read", "--json", "meter.voltage_l1", "meter.voltage_l2"))
    assert [f["name"] for f in meter["fields"]] == ["voltage_l1", "voltage_l2"]
    (fresh,) = lines(house.gateway.cli("read", "--json", "--from-device", "meter.voltage_l1"))
    assert fresh["fields"][0]["age_ms"] < 1000
    table = house.gateway.cli("read", "plug").stdout
    assert re.search(r"^  power +[\d.]+ +W ", table, re.M) and "\033" not in table
    failed = house.gateway.cli("read", "--from-device", "dead-meter", check=False)
    assert failed.returncode == 1 and "dead-meter" in failed.stdout
    both = house.gateway.cli("read", "--json", "plgu", "plug", check=False)
    assert both.returncode == 1 and 'did you mean "plug"?' in both.stderr
    assert [line.get("error", line.get("node")) for line in lines(both)] == ["not-found", "plug"]
    wrong = house.gateway.cli("read", "meter.voltage_l11", check=False)
    assert wrong.returncode == 1 and "did you mean" in wrong.stderr


def test_set(house):
    for value in ("false", "true"):
        done = house.gateway.cli("set", f"plug.relay={value}")
        assert f"plug.relay = {value}" in done.stdout
        (plug,) = lines(house.gateway.cli("read", "--json", "plug.relay"))
        assert plug["fields"][0]["value"] is (value == "true")
    audit = [json.loads(line) for line in (house.gateway.dir / "state/audit.jsonl").read_text().splitlines()]
    assert any(entry.get("uid") == os.getuid() and entry.get("node") == "plug" for entry in audit)
    for words, text in ((["meter.demand_period=1000"], "demand_period"), (["plug.relya=true"], 'did you mean "relay"?'),
                        (["plug.relay=perhaps"], "relay"), (["plgu.relay=true"], 'did you mean "plug"?')):
        refused = house.gateway.cli("set", *words, check=False)
        assert refused.returncode == 1 and text in refused.stderr and not refused.stdout
    assert house.gateway.cli("set", "plug.relay", check=False).returncode == 64


def test_watch(house):
    changes = lines(house.gateway.cli("watch", "--json", "--count", "3", "meter"))
    assert len(changes) == 3 and all(c["node"] == "meter" and "at" in c for c in changes)
    assert all("old" in c and c["old"] != c["field"]["value"] for c in changes)
    args = [house.gateway.program, "watch", "--socket", house.gateway.socket, "plug", "meter"]
    text, code = on_terminal(args, until=r"\d\d:\d\d:\d\d.*meter.*voltage")
    assert code == 0 and "→" in text


def test_watch_ends_with_the_daemon(house, directory):
    house.gateway.cli("status")
    watch = subprocess.Popen([str(house.gateway.program), "watch", "--socket", str(house.gateway.socket), "garden"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    world.wait_until(lambda: house.gateway.status()["counts"]["api_clients"] == 2, what="the watch")
    watch.send_signal(signal.SIGTERM)
    assert watch.wait(10) == 0 and watch.communicate()[1] == ""


def test_status(house):
    status = house.gateway.status()
    assert {s["kind"]: s["state"] for s in status["xmpp"]} == {"account": "online", "component": "online"}
    assert {"broker", "meters"} <= {c["name"] for c in status["connections"]}
    assert status["pid"] == house.gateway.process.child.pid and status["devices"]["disabled"] == 1
    assert {"dead-meter", "broken"} <= {t["node"] for t in status["troubles"]}
    assert any(f.endswith("thingtree.yaml") for f in status["files"])
    text = house.gateway.cli("status").stdout
    assert world.COMPONENT in text and "broker" in text and "dead-meter" in text and "thingtree.yaml" in text


def test_requests(house):
    async def scenario():
        stranger = await house.client("stranger")
        stranger.send_presence_subscription(house.account.split("/")[0])
        jid = f"stranger@{world.DOMAIN}"
        asked = await asyncio.to_thread(world.wait_until, lambda: jid in house.gateway.cli("requests").stdout, 10, "a request")
        del asked
        (waiting,) = lines(house.gateway.cli("requests", "--json"))
        assert [r["jid"] for r in waiting["requests"]] == [jid]
        assert f"denied {jid}" in house.gateway.cli("requests", "deny", jid).stdout
        assert "nobody is waiting" in house.gateway.cli("requests").stdout
        await stranger.disconnect()
    run(scenario())
    assert "accepted" in house.gateway.cli("requests", "accept", "guest@example.org", "--role", "reader", "--nodes",
                                           "garden/**").stdout
    assert "revoked" in house.gateway.cli("requests", "revoke", "guest@example.org").stdout
    for words, code in ((["revoke", "guest@example.org"], 1), (["accept", "guest@example.org"], 64), (["accpet", "x"], 64), (["deny", "a@b.example"], 1),
                        (["accept", "guest@example.org", "--role", "king"], 1)):
        assert house.gateway.cli("requests", *words, check=False).returncode == code


def test_no_daemon(directory):
    program = world.build_dir() / "thingtree"
    nobody = subprocess.run([program, "tree", "--socket", directory / "no.sock"], capture_output=True, text=True)
    assert nobody.returncode == 69
    assert nobody.stderr == f"thingtree: no thingtree is listening on {directory}/no.sock; start it with `thingtree run`\n"
    by_environment = subprocess.run([program, "status"], capture_output=True, text=True,
                                    env={**os.environ, "THINGTREE_SOCKET": "/nowhere/tt.sock"})
    assert by_environment.returncode == 69 and "/nowhere/tt.sock" in by_environment.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_no_permission(house):
    for path in [house.gateway.dir, *house.gateway.dir.parents]:
        if len(path.parts) > 2:
            path.chmod(path.stat().st_mode | 0o011)
    result = subprocess.run([house.gateway.program, "tree", "--socket", house.gateway.socket], capture_output=True,
                            text=True, user=65534, group=65534, extra_groups=[])
    assert result.returncode == 69 and 'the group "root"' in result.stderr


def test_wrong_usage():
    program = world.build_dir() / "thingtree"
    for words, text in ((["tere"], 'did you mean "tree"?'), (["tree", "--jsno"], 'did you mean "json"?'), ([], "help"),
                        (["help", "mqtr"], "mqtr"), (["read"], "which node")):
        result = subprocess.run([program, *words], capture_output=True, text=True)
        assert result.returncode == 64 and text in result.stderr, result


def commands():
    out = subprocess.run([world.build_dir() / "thingtree", "help", "--json"], capture_output=True, text=True, check=True)
    return json.loads(out.stdout)["commands"]


def test_help_on_a_bridge(house):
    for bridge, words in (("mqtt", ("url:", "available:")), ("modbus", ("transport:", "unit:"))):
        text = house.gateway.program, "help", bridge, "--bridges", house.gateway.dir / "bridges"
        out = subprocess.run(text, capture_output=True, text=True, check=True).stdout
        assert all(word in out for word in words), out
        rows = json.loads(subprocess.run([*text, "--json"], capture_output=True, text=True, check=True).stdout)
        assert rows["bridge"] == bridge and rows["connection"] and all(r["help"] for r in rows["connection"])


def test_manual_and_completion_know_every_option():
    program, manual = world.build_dir() / "thingtree", (PACKAGING / "man/thingtree.1").read_text()
    for command in commands():
        assert re.search(rf"^\.(Cm|Ss|It Cm) {command}\b", manual, re.M), command
        text = subprocess.run([program, "help", command], capture_output=True, text=True, check=True).stdout
        for option in re.findall(r"^ +(?:-\w, )?--([a-z-]+)", text, re.M):
            assert f"Fl Fl {option}" in manual, f"{command} --{option}"
    assert subprocess.run(["man", "-l", "--warnings", "-Tutf8", PACKAGING / "man/thingtree.1"], capture_output=True,
                          text=True).stderr == ""


def test_completion(house):
    def complete(*words):
        script = (f'source {PACKAGING}/completion/thingtree; COMP_WORDS=({" ".join(map(repr, map(str, words)))}); '
                  f'COMP_CWORD={len(words) - 1}; compopt() {{ :; }}; _thingtree; printf "%s\\n" "${{COMPREPLY[@]}}"')
        env = environment(THINGTREE_SOCKET=str(house.gateway.socket))
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env=env).stdout.split()
    program = house.gateway.program
    assert complete(program, "wa") == ["watch"]
    assert complete(program, "read", "plug.po") == ["plug.power"]
    assert complete(program, "set", "plug.") == ["plug.relay="]
    assert complete(program, "tree", "house/k") == ["house/kitchen"]
    assert "--from-device" in complete(program, "read", "--")
    assert complete(program, "requests", "a") == ["accept"]
    assert complete(program, "requests", "accept", "x@y", "--role", "op") == ["operator"]
