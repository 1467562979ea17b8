# SPDX-License-Identifier: Apache-2.0
"""One device looked at, without the daemon: each point once, with what was on the wire."""
import json

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
    gateway.config.write_text("[")
    assert gateway.check("--probe", "meter").returncode == 2
