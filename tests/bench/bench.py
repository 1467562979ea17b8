#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench.py BUILD: what thingtree costs, beside the least that could be, in one run on this machine. Loopback only.

Prints figures with the method; judges nothing. Build without sanitizers: meson setup build-bench -Dbuildtype=release.
"""
import asyncio
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

BUILD = pathlib.Path(sys.argv[1]).resolve()
os.environ["TT_BUILD_DIR"] = str(BUILD)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "simulators"))
import world  # noqa: E402
from client import Client, run  # noqa: E402

CONFIG = """\
version: 1
xmpp:
  account:
    jid: gw@{domain}/thingtree
    password: ${{credential:xmpp-password}}
    server: {{host: 127.0.0.1, port: {c2s}, ca: {ca}}}
  component:
    jid: {component}
    secret: ${{credential:component-secret}}
    server: {{host: 127.0.0.1, port: {component_port}}}
access:
  - {{who: "@bench.{domain}", role: reader}}
  - {{who: alice@{domain}, role: operator}}
connections:
  broker: {{protocol: mqtt, url: "mqtt://127.0.0.1:{mqtt}"}}
  meters: {{protocol: modbus, transport: tcp, host: 127.0.0.1, port: {modbus}}}
include: [devices.d/*.yaml]
mappings: [{root}/mappings]
"""
DEVICES = """\
devices:
  climate: {{uses: mqtt/zigbee2mqtt-climate, connection: broker, with: {{name: Climate sensor}}}}
{meters}
"""


def wakeups(pid):
    """Voluntary and other context switches of all threads, and CPU ticks."""
    switches = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if "ctxt_switches" in line:
                switches += int(line.split()[1])
    ticks = sum(map(int, pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))
    return switches, ticks


def memory(pid):
    rollup = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return {k: int(rollup[k].split()[0]) / 1024 for k in ("Rss", "Pss", "Private_Dirty")}


async def first_presence(gateway, prosody, ca):
    """Seconds from exec to the account's presence at a contact, and to an answer of the component."""
    alice = await Client(f"alice@{world.DOMAIN}/bench", prosody.passwords["alice"]).login("127.0.0.1", prosody.port, ca)
    gateway.start()
    alice.send_presence_subscription(f"gw@{world.DOMAIN}")
    seen = asyncio.get_running_loop().create_future()
    alice.add_event_handler("got_online", lambda p: p["from"].bare == f"gw@{world.DOMAIN}" and not seen.done() and
                            seen.set_result(True))
    await asyncio.wait_for(seen, 15)
    took = []
    for _ in range(5):
        gateway.stop()
        seen = asyncio.get_running_loop().create_future()
        began = time.monotonic()
        gateway.start(wait=False)
        await asyncio.wait_for(seen, 15)
        took.append(time.monotonic() - began)
    await alice.disconnect()
    return sorted(took)


def main():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="thingtree-bench-"))
    directory.chmod(0o711)
    world.make_ca(directory)
    world.make_certificate(directory, "server", [world.DOMAIN, world.COMPONENT])
    (directory / "ca.crt").chmod(0o644)
    prosody = world.Prosody(directory)
    extra = prosody.dir / "prosody.cfg.lua"
    extra.write_text(extra.read_text() + "".join(
        f'Component "{n}.{world.DOMAIN}"\n  component_secret = "{prosody.secret}"\n' for n in ("bench", "echo")))
    for user in ("gw", "alice", "echo"):
        prosody.add_user(user)
    prosody.start()
    mosquitto = world.Mosquitto(directory).start()
    modbus = world.free_port()
    parts = [prosody, mosquitto,
             world.Process("meter", [BUILD / "tests/simulators/modbus_meter", "--tcp", modbus], directory, expect="ready"),
             world.Process("zigbee", [world.PYTHON, world.SIMULATORS / "zigbee2mqtt.py", "--port", mosquitto.port,
                                      "--period", "3600"], directory, expect="ready")]
    gateway = world.Thingtree(
        directory, CONFIG.format(domain=world.DOMAIN, component=world.COMPONENT, c2s=prosody.port,
                                 component_port=prosody.component_port, ca=directory / "ca.crt",
                                 mqtt=mosquitto.port, modbus=modbus, root=world.ROOT),
        {"devices.d/all.yaml": DEVICES.format(meters="")},
        {"xmpp-password": prosody.passwords["gw"], "component-secret": prosody.secret})
    try:
        took = run(first_presence(gateway, prosody, directory / "ca.crt"))
        print(f"exec to first presence (account, TLS, at a contact): median {took[2] * 1000:.0f} ms of 5"
              f" ({took[0] * 1000:.0f} to {took[-1] * 1000:.0f})")
        world.wait_until(lambda: all(s["state"] == "online" for s in gateway.status()["xmpp"]) and
                         any(c["name"] == "broker" and c["state"] == "online" for c in gateway.status()["connections"]),
                         what="everything online")
        parts.append(world.Process("zigbee", [world.PYTHON, world.SIMULATORS / "zigbee2mqtt.py", "--port", mosquitto.port,
                                              "--period", "3600"], directory, expect="ready"))
        world.wait_until(lambda: '"temperature"' in gateway.cli("read", "--json", "climate", check=False).stdout, what="a value")
        echo = f"echo@{world.DOMAIN}/bench"
        parts.append(world.Process("echo", [BUILD / "tests/bench/echo_account", echo, prosody.passwords["echo"], "127.0.0.1",
                                            prosody.port, directory / "ca.crt"], directory, expect="ready"))
        print("\ncached readout of five fields, request to fields with done, Prosody as shipped (Nagle on); the echoes answer "
              "at once and with nothing:")
        print(subprocess.run([str(BUILD / "tests/bench/roundtrip"), str(prosody.component_port), prosody.secret,
                              f"bench.{world.DOMAIN}", f"echo.{world.DOMAIN}", "500", "climate", world.COMPONENT,
                              echo, f"gw@{world.DOMAIN}/thingtree"], check=True, capture_output=True, text=True).stdout, end="")
        pid = gateway.process.pid
        before, began = wakeups(pid), time.monotonic()
        time.sleep(20)
        after, seconds = wakeups(pid), time.monotonic() - began
        m = memory(pid)
        threads = len(list(pathlib.Path(f"/proc/{pid}/task").iterdir()))
        print(f"\nidle, account and component and broker connected, nothing polled, {seconds:.0f} s: "
              f"{(after[0] - before[0]) / seconds:.1f} wake-ups/s, {after[1] - before[1]} CPU ticks of 10 ms, "
              f"{threads} threads, RSS {m['Rss']:.1f} MiB, PSS {m['Pss']:.1f} MiB, private dirty {m['Private_Dirty']:.1f} MiB")
    finally:
        gateway.stop()
        for part in reversed(parts):
            part.stop()
    env = {**os.environ, "TT_MODBUS_METER": str(BUILD / "tests/simulators/modbus_meter"),
           "TT_COAP_DEVICE": str(BUILD / "tests/simulators/coap_device")}
    for name in ("bench_writer", "bench_modbus", "bench_isolate", "bench_coap"):
        print("\n" + subprocess.run([str(BUILD / "tests/bench" / name)], check=True, capture_output=True, text=True,
                                    env=env).stdout, end="")
    stripped = directory / "stripped"
    subprocess.run(["strip", "-o", str(stripped), str(BUILD / "thingtree")], check=True)
    print(f"\nprogram, stripped: {stripped.stat().st_size / 1024:.0f} KiB")
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
