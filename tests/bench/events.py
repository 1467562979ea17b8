#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""events.py BUILD [MESSAGES [ROUNDS [RATE]]]: MQTT in, fields out, by event subscriptions; a bare gateway beside it, in turn, in one run.

RATE readings a second (1000) of five values each, of 1.2 times as many devices: each reports every 1.2 s, so that none of its events
has to wait for the second that lies between two of one node. A connection takes 1000 devices: there are two. Subscriptions of 400
nodes each, at the component. Then a burst, in which events do wait: what arrives is the last value of each second. Prosody with Nagle
off. Prints figures; judges nothing. Build without sanitizers.
"""
import pathlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(sys.argv[1]).resolve()
os.environ["TT_BUILD_DIR"] = str(BUILD)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "simulators"))
import world  # noqa: E402

MESSAGES = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
RATE = int(sys.argv[4]) if len(sys.argv) > 4 else 1000
DEVICES = RATE * 12 // 10
TICK = 1000 / os.sysconf("SC_CLK_TCK")
CONFIG = """\
version: 1
xmpp:
  component:
    jid: {component}
    secret: ${{credential:component-secret}}
    server: {{host: 127.0.0.1, port: {port}}}
access: [{{who: "@bench.{domain}", role: reader}}]
connections: {{b0: {{protocol: mqtt, url: "mqtt://127.0.0.1:{mqtt}"}}, b1: {{protocol: mqtt, url: "mqtt://127.0.0.1:{mqtt}"}}}}
include: [devices.d/*.yaml]
mappings: [{root}/mappings]
"""


def processor_ms(pid):
    """Of all threads, in steps of a tick."""
    return TICK * sum(map(int, pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))


def figures(line):
    """(arrived, p50, p99) of what `events measure` prints."""
    words = line.replace(",", "").replace(";", "").split()
    return int(words[0]), float(words[6]), float(words[9])


def main():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="thingtree-bench-"))
    directory.chmod(0o711)
    world.make_ca(directory)
    world.make_certificate(directory, "server", [world.DOMAIN, world.COMPONENT])
    prosody = world.Prosody(directory)
    extra = prosody.dir / "prosody.cfg.lua"
    extra.write_text("network_settings = { nagle = false }\n" + extra.read_text() + "".join(
        f'Component "{n}.{world.DOMAIN}"\n  component_secret = "{prosody.secret}"\n' for n in ("bench", "bare")))
    prosody.start()
    mosquitto = world.Mosquitto(directory).start()
    devices = "devices:\n" + "".join(
        f"  d{i}: {{uses: mqtt/zigbee2mqtt-climate, connection: b{i % 2}, with: {{name: d{i}}}}}\n" for i in range(DEVICES))
    gateway = world.Thingtree(directory, CONFIG.format(domain=world.DOMAIN, component=world.COMPONENT, mqtt=mosquitto.port,
                                                       port=prosody.component_port, root=world.ROOT),
                              {"devices.d/all.yaml": devices}, {"component-secret": prosody.secret})
    program, bench = BUILD / "tests/bench/events", f"bench.{world.DOMAIN}"

    def measure(target, messages, rate):
        return subprocess.run([program, "measure", str(prosody.component_port), prosody.secret, bench, target, str(mosquitto.port),
                               str(messages), str(DEVICES), str(rate)], check=True, capture_output=True, text=True,
                              timeout=300).stdout.splitlines()[-1]

    def run_ours(messages, rate):
        before = processor_ms(gateway.process.pid)
        line = measure(world.COMPONENT, messages, rate)
        return figures(line), (processor_ms(gateway.process.pid) - before) / messages * 1000, line

    def run_bare(messages, rate):
        process = world.Process("bare", [program, "bare", prosody.component_port, prosody.secret, f"bare.{world.DOMAIN}",
                                         f"u@{bench}/x", mosquitto.port, messages], directory, expect="ready")
        line = measure("-", messages, rate)
        process.wait_for("processor time")
        cost = float([x for x in process.text().splitlines() if "processor" in x][-1].split()[2]) / messages * 1000
        process.stop()
        process.log.unlink()
        return figures(line), cost, line

    def with_gateway(messages, rate):
        gateway.start()
        world.wait_until(lambda: gateway.status()["xmpp"][0]["state"] == "online" and
                         all(c["state"] == "online" for c in gateway.status()["connections"]), what="everything online")
        result = run_ours(messages, rate)
        rollup = dict(x.split(":", 1) for x in pathlib.Path(f"/proc/{gateway.process.pid}/smaps_rollup").read_text().splitlines()[1:])
        gateway.stop()
        return (*result, int(rollup["Rss"].split()[0]) / 1024)

    try:
        ours, bare = [], []
        for _ in range(ROUNDS):
            ours.append(with_gateway(MESSAGES, RATE))
            bare.append(run_bare(MESSAGES, RATE))
            print(f"  thingtree {ours[-1][2]}; {ours[-1][1]:.0f} ms of processor time per 1000\n"
                  f"  bare      {bare[-1][2]}; {bare[-1][1]:.0f} ms", flush=True)
        print(f"{RATE} readings/s of {DEVICES} devices, {MESSAGES} in all, medians of {ROUNDS} rounds in turn:")
        for name, rows in (("thingtree", ours), ("bare", bare)):
            arrived, p50, p99 = (statistics.median(r[0][i] for r in rows) for i in range(3))
            print(f"  {name}: {arrived:.0f} arrived, p50 {p50:.0f} us, p99 {p99:.0f} us, "
                  f"{statistics.median(r[1] for r in rows):.0f} ms of processor time per 1000")
        burst = with_gateway(MESSAGES, 0)
        print(f"as fast as it goes: {burst[2]}; {burst[1]:.0f} ms per 1000 that were sent; RSS {burst[3]:.1f} MiB")
    finally:
        if gateway.process:
            gateway.stop()
        mosquitto.stop()
        prosody.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
