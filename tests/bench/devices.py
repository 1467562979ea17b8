#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""devices.py BUILD [PART...]: what the side of the devices costs, in one run on this machine. Loopback only.

Parts: mqtt, modbus, http, all_five, dead. All when none is named. Prints figures with the method; judges nothing. Build without sanitizers.
"""
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

BUILD = pathlib.Path(sys.argv[1]).resolve()
os.environ["TT_BUILD_DIR"] = str(BUILD)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "simulators"))
import lan  # noqa: E402
import world  # noqa: E402
from coap import Device as CoapDevice  # noqa: E402

TICK = 1000 / os.sysconf("SC_CLK_TCK")  # ms


def processor_ms(pid):
    """Of all threads, in steps of a tick."""
    return TICK * sum(map(int, pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))


def gateway_with(directory, connections, devices, poll="", mappings=None):
    return world.Thingtree(
        directory, f"version: 1\n{poll}connections:\n{connections}include: [devices.d/*.yaml]\n"
        f"mappings: [mappings, {world.ROOT}/mappings]\n", {"devices.d/all.yaml": devices, **(mappings or {})},
        name=f"gateway-{time.monotonic_ns()}")


def has_value(gateway, node, text):
    out = gateway.cli("read", "--json", node, check=False)
    return text in out.stdout


def mqtt(directory):
    """A burst of readings of 100 devices, QoS 1: through thingtree into the model, and through a bare Paho client that
    parses them and picks the same five values."""
    messages, topics, rounds = 40000, 100, 5
    load = BUILD / "tests/bench/mqtt_load"
    mosquitto = world.Mosquitto(directory).start()
    devices = "devices:\n" + "".join(
        f"  d{i}: {{uses: mqtt/zigbee2mqtt-climate, connection: broker, with: {{name: d{i}}}}}\n" for i in range(topics))
    gateway = gateway_with(directory, f"  broker: {{protocol: mqtt, url: \"mqtt://127.0.0.1:{mosquitto.port}\"}}\n", devices)

    def send():
        out = subprocess.run([load, "send", str(mosquitto.port), str(messages), str(topics), "0"], check=True,
                             capture_output=True, text=True).stdout
        return float(out.split(" in ")[1].split()[0])

    bare, ours = [], []
    last = f'"type":"int64","value":{messages // topics},'
    for _ in range(rounds):
        receiver = world.Process("receiver", [load, "receive", mosquitto.port, messages], directory, expect="ready")
        send()
        receiver.child.wait(60)
        line = [x for x in receiver.text().splitlines() if "messages in" in x][-1].split()
        bare.append((messages / float(line[3]), float(line[5]) / messages * 1000))
        receiver.log.unlink()

        gateway.start()
        world.wait_until(lambda: gateway.status()["connections"][0]["state"] == "online", what="the broker")
        before, began = processor_ms(gateway.process.pid), time.monotonic()
        send()
        world.wait_until(lambda: has_value(gateway, f"d{topics - 1}", last), 60, "the last message")
        seconds = time.monotonic() - began
        status = gateway.status()["connections"][0]
        ours.append((messages / seconds, (processor_ms(gateway.process.pid) - before) / messages * 1000,
                     status["reports"] / 5, status["dropped"]))
        gateway.stop()
    mosquitto.stop()
    rate, cost = (statistics.median(x[i] for x in bare) for i in (0, 1))
    our_rate, our_cost, taken, dropped = (statistics.median(x[i] for x in ours) for i in range(4))
    print(f"MQTT, {messages} messages of {topics} devices with five values each, QoS 1, medians of {rounds} rounds in turn:\n"
          f"  bare Paho client that parses: {rate:.0f} messages/s, {cost:.0f} ms of processor time per 1000\n"
          f"  thingtree into the model:     {our_rate:.0f} messages/s, {our_cost:.0f} ms per 1000 ({our_cost / cost:.1f} x); "
          f"{taken:.0f} messages taken one by one (the rest replaced by newer ones of their topic), {dropped:.0f} lost")


def modbus(directory):
    """1000 registers of 10 units behind one TCP port, every second."""
    units, points, seconds = 10, 100, 20
    port = world.free_port()
    meter = world.Process("meter", [BUILD / "tests/simulators/modbus_meter", "--tcp", port,
                                    *[x for u in range(1, units + 1) for x in ("--unit", u)]], directory, expect="ready")
    mapping = "protocol: modbus\nparams: {unit: {type: integer}}\naddress: {unit: \"${unit}\"}\npoll: fast\npoints:\n" + "".join(
        f"  r{i}: {{input: {i}, type: uint16}}\n" for i in range(points))
    devices = "devices:\n" + "".join(
        f"  u{u}: {{uses: modbus/wide, connection: lan, with: {{unit: {u}}}}}\n" for u in range(1, units + 1))
    gateway = gateway_with(directory, f"  lan: {{protocol: modbus, host: 127.0.0.1, port: {port}}}\n", devices,
                           "poll: {fast: {every: 1s}}\n", {"mappings/modbus/wide.yaml": mapping})
    gateway.start()
    world.wait_until(lambda: gateway.status()["connections"][0]["reports"] >= units * points, what="the first round")
    first, before, began = gateway.status()["connections"][0], processor_ms(gateway.process.pid), time.monotonic()
    time.sleep(seconds)
    after, last, took = processor_ms(gateway.process.pid), gateway.status()["connections"][0], time.monotonic() - began
    print(f"Modbus TCP, {units * points} registers of {units} units at 1 s, {took:.0f} s: {(after - before) / took:.2f} ms of "
          f"processor time per second ({(after - before) / took / 10:.2f} %), {(last['reads'] - first['reads']) / took:.1f} "
          f"requests/s, {(last['reports'] - first['reports']) / took:.0f} readings/s, {last['errors']} failed")
    gateway.stop()
    meter.stop()


def web_device(directory, name):
    port = world.free_port()
    return port, world.Process(name, [BUILD / "tests/simulators/http_device", "--port", port], directory, expect="ready")


HTTP = """\
protocol: http
params: {host: {type: string}, n: {type: integer}}
base: "http://${host}"
poll: often
points: {level: {get: "/d/${n}/level", at: /level, type: integer}}
"""


def http(directory):
    """200 devices, each asked every 10 s."""
    n, seconds = 200, 30
    port, web = web_device(directory, "web")
    devices = "devices:\n" + "".join(f"  d{i}: {{uses: http/one, with: {{host: \"127.0.0.1:{port}\", n: {i}}}}}\n" for i in range(n))
    gateway = gateway_with(directory, "  {}\n", devices, "poll: {often: {every: 10s}}\n", {"mappings/http/one.yaml": HTTP})
    gateway.start()
    world.wait_until(lambda: gateway.status()["connections"][0]["reports"] >= n, 60, "the first round")
    first, before, began = gateway.status()["connections"][0], processor_ms(gateway.process.pid), time.monotonic()
    time.sleep(seconds)
    after, last, took = processor_ms(gateway.process.pid), gateway.status()["connections"][0], time.monotonic() - began
    print(f"HTTP, {n} devices at 10 s, {took:.0f} s: {(after - before) / took / 10:.2f} % of one processor, "
          f"{(last['reads'] - first['reads']) / took:.1f} requests/s, {last['errors']} failed")
    gateway.stop()
    web.stop()


COAP = """\
protocol: coap
params: {port: {type: integer}, n: {type: integer}}
base: "coap://127.0.0.1:${port}"
poll: often
points: {level: {get: "/d/${n}", type: integer}}
"""
MODBUS = """\
protocol: modbus
params: {unit: {type: integer}}
address: {unit: "${unit}"}
poll: often
points: {level: {input: 0, type: float32}, other: {input: 2, type: float32}}
"""


class Mixed:
    """100 devices, 25 of each of MQTT, Modbus, CoAP and HTTP; the Modbus ones behind five endpoints. Every fifth can be made
    silent: a unit of each endpoint, the CoAP and HTTP devices of servers of their own; the MQTT ones, which are asked by a topic
    that nobody hears, have always been."""

    def __init__(self, directory, upnp=None):
        self.dir, self.parts = directory, []
        self.mosquitto = world.Mosquitto(directory)
        self.parts.append(self.mosquitto.start())
        connections = f"  broker: {{protocol: mqtt, url: \"mqtt://127.0.0.1:{self.mosquitto.port}\"}}\n"
        devices, self.meters = [], []
        for i in range(5):
            meter = subprocess.Popen([BUILD / "tests/simulators/modbus_meter", "--tcp", "0", "--attached",
                                      *[x for u in range(1, 6) for x in ("--unit", str(u))]],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            port = meter.stdout.readline().split()[2]
            assert meter.stdout.readline() == "ready\n"
            self.meters.append(meter)
            connections += f"  lan{i}: {{protocol: modbus, host: 127.0.0.1, port: {port}, timeout: 200ms}}\n"
            devices += [(f"m{i}{u}", f"{{uses: modbus/one, connection: lan{i}, with: {{unit: {u}}}}}") for u in range(1, 6)]
        self.coaps = [CoapDevice(), CoapDevice()]
        self.webs = []
        for i in range(2):
            web = subprocess.Popen([BUILD / "tests/simulators/http_device", "--port", "0", "--attached"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            port = web.stdout.readline().split()[2]
            assert web.stdout.readline() == "ready\n"
            self.webs.append((port, web))
        for i in range(25):
            mapping = "switch" if i % 5 == 0 else "climate"
            devices.append((f"q{i}", f"{{uses: mqtt/zigbee2mqtt-{mapping}, connection: broker, with: {{name: d{i}}}}}"))
            devices.append((f"c{i}", f"{{uses: coap/one, with: {{port: {self.coaps[i % 5 == 0].port}, n: {i}}}}}"))
            devices.append((f"h{i}", f"{{uses: http/one, with: {{host: \"127.0.0.1:{self.webs[i % 5 == 0][0]}\", n: {i}}}}}"))
        if upnp:
            connections += f"  upnp-lan: {{protocol: upnp, interface: {upnp.interface}}}\n"
            devices.append(("light", f"{{uses: upnp/dimmable-light, connection: upnp-lan, with: {{udn: \"{upnp.light}\"}}}}"))
        self.dead = [name for name, _ in devices if (name[0] in "ch" and int(name[1:]) % 5 == 0) or (name[0] == "m" and name[2] == "5")]
        self.healthy = [name for name, _ in devices if name[0] in "mch" and name not in self.dead]
        self.mute = [f"q{i}" for i in range(0, 25, 5)]
        self.gateway = gateway_with(
            directory, connections, "devices:\n" + "".join(f"  {name}: {text}\n" for name, text in devices),
            "poll: {often: {every: 5s}}\n",
            {"mappings/http/one.yaml": HTTP, "mappings/coap/one.yaml": COAP, "mappings/modbus/one.yaml": MODBUS})
        self.n = len(devices)

    def start(self):
        self.gateway.start()
        subprocess.run([BUILD / "tests/bench/mqtt_load", "send", str(self.mosquitto.port), "25", "25", "0"], check=True,
                       stdout=subprocess.DEVNULL)
        world.wait_until(lambda: all(has_value(self.gateway, name, '"value"') for name in (*self.healthy, *self.dead)), 60,
                         "values of all", 0.5)

    @staticmethod
    def tell(process, line):
        process.stdin.write(line + "\n")
        process.stdin.flush()
        process.stdout.readline()

    def silence(self):
        for meter in self.meters:
            self.tell(meter, "dead 5")
        self.coaps[1].ask("dead 1")
        self.tell(self.webs[1][1], "silent 1")

    def stop(self):
        self.gateway.stop()
        for process in (*self.meters, *(w for _, w in self.webs)):
            process.stdin.close()
            process.wait()
        for device in self.coaps:
            device.stop()
        for part in reversed(self.parts):
            part.stop()


class Socket:
    """Requests over the control socket, one after the other."""

    def __init__(self, gateway):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(gateway.socket))
        self.file = self.socket.makefile("r")

    def read(self, node):
        """Ask the device itself; seconds."""
        began = time.monotonic()
        self.socket.sendall((json.dumps({"do": "read", "nodes": [node], "from_device": True}) + "\n").encode())
        while not (line := json.loads(self.file.readline())).get("done") and "error" not in line:
            pass
        return time.monotonic() - began

    def close(self):
        self.file.close()
        self.socket.close()


def dead(directory):
    """How long a healthy device's readout takes while every fifth is silent and asked for, too."""
    mixed = Mixed(directory)
    rounds = 15

    def readouts():
        client = Socket(mixed.gateway)
        took = sorted(client.read(name) * 1000 for _ in range(rounds) for name in mixed.healthy)
        client.close()
        return statistics.median(took), took[int(len(took) * 0.99)], len(took)

    try:
        mixed.start()
        readouts()
        well = readouts()
        mixed.silence()
        is_over = threading.Event()

        def pester(names):
            client = Socket(mixed.gateway)
            while not is_over.is_set():
                for name in names:
                    if not is_over.is_set():
                        client.read(name)
            client.close()
        silent = [*mixed.dead, *mixed.mute]
        threads = [threading.Thread(target=pester, args=([name for name in silent if name[0] == kind],)) for kind in "mchq"]
        for thread in threads:
            thread.start()
        world.wait_until(lambda: mixed.gateway.status()["devices"]["error"] >= len(mixed.dead), 60, "the dead to be noticed", 0.5)
        ill = readouts()
        is_over.set()
        for thread in threads:
            thread.join()
        print(f"{mixed.n} mixed devices polled at 5 s, {ill[2]} readouts of healthy Modbus, CoAP and HTTP devices from the device, "
              f"one after the other:\n  all well: p50 {well[0]:.2f} ms, p99 {well[1]:.2f} ms\n  {len(silent)} silent and asked "
              f"for all the time, by one for each protocol: p50 {ill[0]:.2f} ms, p99 {ill[1]:.2f} ms ({ill[1] / well[1]:.1f} x)")
    finally:
        mixed.stop()


def children(pid):
    return [int(p) for task in pathlib.Path(f"/proc/{pid}/task").iterdir() for p in (task / "children").read_text().split()]


def pss_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def all_five(directory):
    """Memory with all five bridges and about 100 devices, UPnP in a process of its own."""
    reason = lan.why_not()
    upnp = None if reason else lan.Lan(directory).start()
    mixed = Mixed(directory, upnp)
    try:
        mixed.start()
        if upnp:
            world.wait_until(lambda: has_value(mixed.gateway, "light", '"value"'), 30, "the light")
        time.sleep(5)
        pid = mixed.gateway.process.pid
        parts = [pss_mib(p) for p in (pid, *children(pid))]
        print(f"{mixed.n} devices of {'five' if upnp else 'four (no UPnP: ' + reason + ')'} protocols: PSS {sum(parts):.1f} MiB "
              f"together ({', '.join(f'{p:.1f}' for p in parts)}; the first is the daemon)")
    finally:
        mixed.stop()
        if upnp:
            upnp.stop()


PARTS = {f.__name__: f for f in (mqtt, modbus, http, all_five, dead)}


def main():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="thingtree-bench-"))
    directory.chmod(0o711)
    try:
        for name in sys.argv[2:] or PARTS:
            part = directory / name
            part.mkdir(mode=0o711)
            PARTS[name](part)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
