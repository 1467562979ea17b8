# SPDX-License-Identifier: Apache-2.0
"""The daemon as a service manager sees it: when it starts, when it does not, and how fast it goes."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest
import world

CANARY = "canary-7fQ2zL"


@pytest.fixture(name="silent")
def _silent():
    """A port that takes every connection and never says a word."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    yield listener.getsockname()[1]
    listener.close()


def everything_hangs(silent):
    return f"""\
version: 1
xmpp:
  account: {{jid: gw@house.test/t, password: "${{credential:xmpp-password}}", server: {{host: 127.0.0.1, port: {silent}}}}}
  component: {{jid: things.house.test, secret: "${{credential:component-secret}}", server: {{host: 127.0.0.1, port: {silent}}}}}
connections:
  broker: {{protocol: mqtt, url: "mqtt://gw:${{credential:mqtt-password}}@127.0.0.1:{silent}"}}
  meters: {{protocol: modbus, transport: tcp, host: 127.0.0.1, port: {silent}}}
devices:
  plug: {{uses: mqtt/tasmota-plug, connection: broker, with: {{topic: x}}}}
  meter: {{uses: modbus/eastron-sdm630, connection: meters}}
mappings: [{world.ROOT}/mappings]
"""


def make(directory, text, name="thingtree"):
    return world.Thingtree(directory, text, {}, {"xmpp-password": CANARY, "component-secret": CANARY, "mqtt-password": CANARY},
                           name=name)


def outcome(gateway, *changes):
    """Exit code and output of a `run` that ends by itself."""
    args = list(map(str, gateway.run_args()))
    for option, value in changes:
        args[args.index(option) + 1] = str(value)
    result = subprocess.run(args, capture_output=True, text=True, timeout=20)
    return result.returncode, result.stderr


def test_a_second_one_is_refused(directory):
    gateway = make(directory, "version: 1\n").start()
    code, text = outcome(gateway, ("--socket", directory / "other.sock"))
    assert code == 2 and f"another thingtree (pid {gateway.process.pid}) runs on the state directory" in text
    code, text = outcome(gateway, ("--state", directory / "other"))
    assert code == 2 and "the control socket" in text and "in use" in text
    assert gateway.cli("status").returncode == 0
    assert gateway.stop() == 0


def test_what_cannot_be_used(directory):
    gateway = make(directory, "version: 1\nxmp: {}\n")
    code, text = outcome(gateway)
    assert code == 2 and 'thingtree.yaml:2:1: error[unknown-key]' in text and 'did you mean "xmpp"?' in text
    gateway.write("thingtree.yaml", "version: 1\n")
    (directory / "file").write_text("")
    code, text = outcome(gateway, ("--state", directory / "file"))
    assert code == 2 and "the state directory" in text and text.count("\n") == 1
    code, text = outcome(gateway, ("--socket", directory / ("x" * 120)))
    assert code == 2 and "the control socket" in text
    code, text = outcome(gateway, ("--config", directory / "nothing.yaml"))
    assert code == 2 and "nothing.yaml" in text
    (gateway.dir / "state/rules.json").write_text("{broken")
    code, text = outcome(gateway)
    assert code == 2 and "access rules" in text  # nobody is let in by a broken file


def test_hangup_never_kills(directory):
    gateway = make(directory, "version: 1\n").start()
    for _ in range(3):
        gateway.process.child.send_signal(signal.SIGHUP)
    gateway.process.wait_for("reload: devices: 0 added, 0 changed, 0 removed")
    assert gateway.cli("status").returncode == 0
    assert gateway.stop() == 0


@pytest.mark.parametrize("after_ms", [0, 5, 20, 50, 150, 600])
def test_it_goes_at_any_time(directory, silent, after_ms):
    """While it starts, and while everything it talks to is silent."""
    gateway = make(directory, everything_hangs(silent))
    gateway.start(wait=False)
    if after_ms >= 150:
        world.wait_until(lambda: gateway.cli("status", check=False).returncode == 0, what="the socket")
    # Signals before main() has taken them end the process, as they do any other: that is quick, too.
    until = time.monotonic() + after_ms / 1000
    while time.monotonic() < until:
        os.sched_yield()
    began = time.monotonic()
    code = gateway.stop(timeout=10)
    assert time.monotonic() - began < 3
    assert code == 0 or after_ms < 150 and code == -signal.SIGTERM, (code, gateway.log())


def test_no_secret_is_ever_shown(directory, silent):
    gateway = make(directory, everything_hangs(silent)).start()
    shown = [gateway.cli(*words, check=False).stdout for words in (("status", "--json"), ("tree", "--json"), ("status",))]
    shown.append(gateway.check("--verbose").stdout)
    shown.append(pathlib.Path(f"/proc/{gateway.process.pid}/cmdline").read_text())
    shown.append(pathlib.Path(f"/proc/{gateway.process.pid}/environ").read_text())
    gateway.stop()
    shown.append(gateway.log())
    shown += [f.read_text(errors="replace") for f in (gateway.dir / "state").rglob("*") if f.is_file()]
    assert not any(CANARY in text for text in shown)
    assert any("127.0.0.1" in text for text in shown)


def test_a_secret_that_others_can_read_is_refused(directory):
    gateway = make(directory, "version: 1\nxmpp: {component: {jid: a.test, secret: \"${credential:component-secret}\"}}\n")
    (gateway.dir / "credentials/component-secret").chmod(0o644)
    code, text = outcome(gateway)
    assert code == 2 and "component-secret" in text and CANARY not in text


def test_the_service_manager_is_told(directory):
    path = directory / "notify"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(path))
    listener.settimeout(20)
    gateway = make(directory, "version: 1\n")
    gateway.start(env={"NOTIFY_SOCKET": str(path)})
    assert b"READY=1" in listener.recv(1000)
    gateway.stop()
    assert b"STOPPING=1" in listener.recv(1000)
    listener.close()


def test_one_broken_device_harms_nobody(directory, mosquitto):
    gateway = make(directory, f"""\
version: 1
connections:
  broker: {{protocol: mqtt, url: "mqtt://127.0.0.1:{mosquitto.port}"}}
devices:
  good: {{uses: mqtt/tasmota-plug, connection: broker, with: {{topic: x}}}}
  bad: {{uses: mqtt/tasmota-plug, connection: broker, with: {{topci: x}}}}
  worse: {{uses: mqtt/nothing, connection: broker}}
mappings: [{world.ROOT}/mappings]
""").start()
    nodes = {n["node"]: n for n in map(json.loads, gateway.cli("tree", "--json").stdout.splitlines())}
    for name, text in (("bad", "topci"), ("worse", "mqtt/nothing")):
        assert nodes[name]["disabled"] and nodes[name]["state"] == "ErrorUnsigned"
        assert text in json.dumps(nodes[name]["messages"]) and "thingtree.yaml:" in json.dumps(nodes[name]["messages"])
    assert not nodes["good"].get("disabled")
    assert gateway.check().returncode == 1
    assert gateway.stop() == 0


def test_starts_over_a_socket_that_was_left_behind(directory):
    gateway = make(directory, "version: 1\n").start()
    gateway.process.kill()
    assert gateway.socket.exists()
    gateway.start()
    assert gateway.cli("status").returncode == 0
    gateway.stop()
    assert not gateway.socket.exists()


def isolated_pids(gateway):
    return {c["name"]: c.get("pid") for c in gateway.status()["connections"]}


def is_gone(pid):
    return not pathlib.Path(f"/proc/{pid}").exists()


def test_bridges_in_processes_of_their_own(directory, mosquitto):
    """They run, hold no secret where others could see it, and go with the daemon, however it goes."""
    gateway = make(directory, f"""\
version: 1
connections:
  broker: {{protocol: mqtt, url: "mqtt://127.0.0.1:{mosquitto.port}", user: gw,
           password: "${{credential:mqtt-password}}", isolate: true}}
  beside: {{protocol: mqtt, url: "mqtt://127.0.0.1:{mosquitto.port}"}}
devices:
  plug: {{uses: mqtt/tasmota-plug, connection: broker, with: {{topic: x}}}}
mappings: [{world.ROOT}/mappings]
""")
    for end in (signal.SIGTERM, signal.SIGKILL):
        gateway.start()
        pids = isolated_pids(gateway)
        assert pids["broker"] and not pids["beside"]
        proc = pathlib.Path(f"/proc/{pids['broker']}")
        assert proc.joinpath("cmdline").read_bytes() == b"thingtree\0bridge-host\0"
        assert proc.joinpath("environ").read_bytes() == b""
        assert f"process {pids['broker']}" in gateway.cli("status").stdout
        os.kill(pids["broker"], signal.SIGKILL)
        world.wait_until(lambda before=pids: isolated_pids(gateway)["broker"] not in (None, before["broker"]),
                         what="another process")
        pid = isolated_pids(gateway)["broker"]
        assert {c["name"]: c.get("restarts", 0) for c in gateway.status()["connections"]} == {"broker": 1, "beside": 0}
        if end == signal.SIGTERM:
            began = time.monotonic()
            assert gateway.stop() == 0
            assert time.monotonic() - began < 3
            assert is_gone(pid)
        else:
            gateway.process.kill()
            world.wait_until(lambda last=pid: is_gone(last), what="the end of the bridge's process")
    assert CANARY not in gateway.log()
