# SPDX-License-Identifier: Apache-2.0
"""One device looked at, without the daemon: each point once, with what was on the wire."""
import json
import signal
import subprocess

import paho.mqtt.publish
import pytest
import yaml

import world
from test_describe import Self
from test_reload import METER, TOP


def test_a_device_that_describes_itself(directory):
    house = Self(directory)
    house.put(lamp={"description": {"points": {"on": {"at": "on", "type": "string"}, "level": {"at": "level", "type": "integer"}}},
                    "values": {"on": "yes\x1b[31m", "level": "seven"}})
    out = house.gateway.check("--probe", "lamp")
    assert out.returncode == 1 and "thingtree check: 1 of 2 points read (exit code 1)" in out.stdout
    assert "on: yes" in out.stdout and "in the file: yes" in out.stdout and "\x1b" not in out.stdout
    assert "level:" in out.stdout and "seven" in out.stdout  # what did not fit
    out = house.gateway.check("--probe", "lamp", "--json")
    lines = [json.loads(line) for line in out.stdout.splitlines()]
    assert [p["point"] for p in lines] == ["on", "level"] and lines[0]["raw"] and "error" in lines[1] and lines[0]["latency_ms"] > 0
    out = house.gateway.check("--probe", "other")
    assert out.returncode == 1 and "0 of 0 points read" in out.stdout
    assert not list((house.gateway.dir / "state").iterdir())  # nothing is written


def test_a_meter(directory, mosquitto):
    port = world.free_port()
    meter = world.Process("meter", [world.build_dir() / "tests/simulators/modbus_meter", "--tcp", port], directory, expect="ready")
    gateway = world.Thingtree(directory, TOP.format(mqtt=mosquitto.port, modbus=port, root=world.ROOT), {
        "devices.d/house.yaml": "devices:\n  meter: {uses: modbus/one, connection: meters}\n"
                                "  dead: {uses: modbus/one, connection: meters, with: {unit: 99}}\n"
                                "  bad: {uses: modbus/nothing}\n", "mappings/modbus/one.yaml": METER})
    out = gateway.check("--probe", "meter")
    assert out.returncode == 0 and "voltage: 2" in out.stdout and " V  (" in out.stdout, out.stdout + out.stderr
    out = gateway.check("--probe", "dead")
    assert out.returncode == 1 and "0 of 1 points read" in out.stdout
    out = gateway.check("--probe", "bad")
    assert out.returncode == 1 and "modbus/nothing" in out.stderr
    out = gateway.check("--probe", "meterr")
    assert out.returncode == 1 and 'did you mean "meter"?' in out.stderr
    meter.stop()
    out = gateway.check("--probe", "meter")
    assert out.returncode == 1 and ("refused" in out.stdout + out.stderr), out.stdout + out.stderr
    assert "0 of 1 points read" in out.stdout
    gateway.config.write_text("[")
    assert gateway.check("--probe", "meter").returncode == 2


def test_mqtt(directory, mosquitto):
    """Behind a broker: what it keeps, what is asked for and not answered, and names that nobody has."""
    kept = {"z/bridge/devices": [
        {"friendly_name": "porch/light", "ieee_address": "0x1", "power_source": "Mains", "definition": {"exposes": [
            {"type": "numeric", "property": p, "access": a, "unit": "°C"} for p, a in (("warm", 1), ("cold", 1))]}},
        {"friendly_name": "mute", "ieee_address": "0x2", "power_source": "Mains", "definition": {"exposes": [
            {"type": "numeric", "property": f"p{i}", "access": 5} for i in range(9)]}}],
        "z/porch/light": {"warm": 21.5, "cold": "x"}}
    for topic, payload in kept.items():
        paho.mqtt.publish.single(topic, json.dumps(payload), qos=1, retain=True, port=mosquitto.port)
    gateway = world.Thingtree(directory, TOP.format(mqtt=mosquitto.port, modbus=1, root=world.ROOT).replace(
        f':{mosquitto.port}"', f':{mosquitto.port}", timeout: 300ms'), {
        "devices.d/house.yaml": "devices:\n"
        "  light: {uses: mqtt/zigbee2mqtt, connection: broker, with: {base: z, name: porch/light}}\n"
        "  mute: {uses: mqtt/zigbee2mqtt, connection: broker, with: {base: z, name: mute}}\n"
        "  typo: {uses: mqtt/tasmota, connection: broker, with: {topic: plugg}}\n"
        "  silent: {uses: mqtt/silent, connection: broker}\n",
        "mappings/mqtt/silent.yaml": "mapping: mqtt/silent\nversion: 1\nprotocol: mqtt\nsource: {topic: no/such}\n"
                                     "points:\n  a: {at: /a, type: number, unit: W}\n"})
    out = gateway.check("--probe", "light", "--json")
    lines = [json.loads(line) for line in out.stdout.splitlines()]
    assert [(p["point"], p.get("value"), "error" in p) for p in lines] == [("warm", "21.5", False), ("cold", None, True)], out
    assert all("z/porch/light (retained): " in p["raw"][0] and len(p["raw"]) == 1 for p in lines)
    out = gateway.check("--probe", "mute")
    assert out.returncode == 1 and "0 of 3 points read" in out.stdout and "3 times in a row" in out.stderr, out.stdout + out.stderr
    out = gateway.check("--probe", "typo")
    assert out.returncode == 1 and "0 of 0 points read" in out.stdout
    assert 'no Tasmota device "plugg" announces itself' in out.stderr, out.stdout + out.stderr
    out = gateway.check("--probe", "silent")
    assert out.returncode == 1 and "1 of 1 points read, 1 of them without a value" in out.stdout, out.stdout + out.stderr


BARE = "mapping: modbus/{name}\nversion: 1\nprotocol: modbus\naddress: {{unit: {unit}}}\n"
NO_POINTS = "points: {}\n"


@pytest.fixture(params=["tcp", "rtu-over-tcp"])
def unknown(request, directory):
    """A device of which nothing is known but its unit, and the meter behind it. Not a Modbus server of ours."""
    port = world.free_port()
    framed = ["--framed"] if request.param != "tcp" else []
    meter = world.Process("meter", ["/usr/bin/python3", world.ROOT / "tests/simulators/pymodbus_meter.py", "--tcp", port, *framed],
                          directory, expect="ready")
    top = f"""version: 1
connections:
  line: {{protocol: modbus, transport: {request.param}, host: 127.0.0.1, port: {port}, timeout: 300ms, drain: 50ms}}
include: [devices.d/*.yaml]
mappings: [mappings, {world.ROOT}/mappings]
"""
    gateway = world.Thingtree(directory, top, {
        "devices.d/house.yaml": "devices:\n  unknown: {uses: modbus/bare, connection: line}\n"
                                "  silent: {uses: modbus/silent, connection: line}\n",
        "mappings/modbus/bare.yaml": BARE.format(name="bare", unit=1) + NO_POINTS,
        "mappings/modbus/silent.yaml": BARE.format(name="silent", unit=9) + NO_POINTS})
    yield gateway, meter
    meter.stop()


def scan(gateway, what, *more, device="unknown"):
    out = gateway.check("--probe", device, "--scan", what, *more)
    return out, yaml.safe_load(out.stdout) if not more else [json.loads(line)["line"] for line in out.stdout.splitlines()]


def test_a_scan(unknown):
    gateway, meter = unknown
    out, report = scan(gateway, "holding:0-40")  # nearly all of it are holes
    assert out.returncode == 0, out.stdout + out.stderr
    assert report["points"] == {f"holding_{a}": {"holding": a, "type": "float32"} for a in (2, 10, 12, 20, 22, 28)} | {
        "holding_18": {"holding": 18, "type": "uint16"}, "holding_19": {"holding": 19, "type": "uint16"}}
    assert "holding_2: {holding: 2, type: float32}  # 0x4270 0x0000; float32 60 (ABCD)" in out.stdout
    assert "14 of 41 answer" in out.stdout
    out, report = scan(gateway, "input:0-399")  # no hole
    assert len(report["points"]) == 200 and "400 of 400 answer; 4 requests" in out.stdout
    out, report = scan(gateway, "input:380-420")
    assert out.returncode == 0 and "(400..420), table numbers 30401..30421: not there" in out.stdout
    out, report = scan(gateway, "holding:0x101a-0x101d")
    assert report["points"] == {"holding_4122": {"holding": 4122, "type": "string", "count": 4}} and '# "SDM630  "' in out.stdout
    out, report = scan(gateway, "coil:0-70")
    assert report["points"]["coil_3"] == {"coil": 3, "type": "boolean"} and len(report["points"]) == 64
    assert "coil_3: {coil: 3, type: boolean}  # on" in out.stdout and "coil_4: {coil: 4, type: boolean}  # off" in out.stdout
    out, report = scan(gateway, "discrete:0-3", "--json")
    assert report[-1] == "# 4 of 4 answer; 1 request"
    assert "write" not in meter.text()
    # what it proposes can be put into a mapping as it is
    (gateway.dir / "mappings/modbus/bare.yaml").write_text(BARE.format(name="bare", unit=1) + scan(gateway, "holding:2-3")[0].stdout)
    out = gateway.check("--probe", "unknown")
    assert out.returncode == 0 and "holding_2: 60" in out.stdout


def test_a_scan_that_comes_to_nothing(unknown):
    gateway, _ = unknown
    out, report = scan(gateway, "holding:0-200", device="silent")
    assert out.returncode == 1 and "unit 9 does not answer" in out.stderr and "0 of 201 answer; 14 requests" in out.stdout
    for what, text in (("holding:0-10000", "in parts"), ("registers:1", "TABLE:FIRST-LAST"), ("holding:9-1", "the lower one first")):
        out = gateway.check("--probe", "unknown", "--scan", what)
        assert out.returncode == 1 and text in out.stderr, out.stderr
    assert gateway.check("--scan", "holding:1").returncode == 64


def test_a_scan_is_interrupted(unknown):
    gateway, _ = unknown
    command = [str(gateway.program), "check", "--config", str(gateway.config), "--bridges", str(gateway.dir / "bridges"),
               "--probe", "unknown", "--scan", "holding:0-9999"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(5)]
        assert "holding_2: {" in lines[4] # told while it goes on
        assert any("looked at" in process.stderr.readline() for _ in range(3))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=5)
    assert process.returncode == 1 and "interrupted" in err


def test_nothing_to_scan(directory):
    house = Self(directory)
    house.put(lamp={"description": {"points": {}}, "values": {}})
    out = house.gateway.check("--probe", "lamp", "--scan", "holding:1")
    assert out.returncode == 1 and "has nothing to scan" in out.stderr
