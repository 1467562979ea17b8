#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""devices.py BUILD [PART...]: what the side of the devices costs, in one run on this machine. Loopback only.

Parts: mqtt, modbus. All when none is named. Prints figures with the method; judges nothing. Build without sanitizers.
"""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = pathlib.Path(sys.argv[1]).resolve()
os.environ["TT_BUILD_DIR"] = str(BUILD)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "simulators"))
import world  # noqa: E402

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


PARTS = {f.__name__: f for f in (mqtt, modbus)}


def main():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="thingtree-bench-"))
    directory.chmod(0o711)
    try:
        for name in sys.argv[2:] or PARTS:
            PARTS[name](directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
