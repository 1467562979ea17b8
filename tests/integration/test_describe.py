# SPDX-License-Identifier: Apache-2.0
"""Devices that tell what they are made of: kept, taken up, and believed in nothing."""
import json
import os

import paho.mqtt.publish
import pytest
import world

CONFIG = """\
version: 1
connections:
  fancy: {{protocol: self, file: "{file}"}}
include: [devices.d/*.yaml]
mappings: [mappings]
"""
MAPPING = """\
mapping: self/device
version: 1
protocol: self
params: {id: {type: string}}
id: "${id}"
points: {}
"""
DEVICES = """\
devices:
  lamp: {uses: self/device, connection: fancy, with: {id: lamp}}
  other: {uses: self/device, connection: fancy, with: {id: other}}
"""


class Self:
    """A gateway whose devices are in a file (tests/simulators/self.c)."""

    def __init__(self, directory, devices=DEVICES, mapping=MAPPING, top=""):
        self.file = directory / "things.json"
        self.content = {"devices": {}, "candidates": []}
        self.put()
        self.gateway = world.Thingtree(directory, CONFIG.format(file=self.file) + top,
                                       {"devices.d/house.yaml": devices, "mappings/self/device.yaml": mapping})
        (self.gateway.dir / "bridges/self.so").symlink_to(world.build_dir() / "tests/simulators/self.so")

    def put(self, **devices):
        """What the devices say from now on."""
        self.content["devices"].update(devices)
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(self.content))
        os.replace(new, self.file)

    def node(self, name):
        out = self.gateway.cli("tree", "--json", name, check=False)
        return json.loads(out.stdout.splitlines()[0]) if out.returncode == 0 and out.stdout else None

    def value(self, name, field):
        node = self.node(name) or {}
        return next((f.get("value") for f in node.get("fields", []) if f["name"] == field), None)


@pytest.fixture(name="house")
def _house(directory):
    made = Self(directory)
    made.gateway.start()
    yield made
    assert made.gateway.stop() == 0, made.gateway.log()[-4000:]
    assert "Sanitizer" not in made.gateway.log()


def test_points_come_and_change(house):
    assert house.node("lamp")["fields"] == []
    house.put(lamp={"description": {"about": {"vendor": "Acme", "model": "L1"},
                                    "points": {"on": {"at": "on", "type": "string"}}}, "values": {"on": "yes", "level": "7"}})
    world.wait_until(lambda: house.value("lamp", "on") == "yes", what="the point to come")
    house.put(lamp={"description": {"points": {"on": {"at": "on", "type": "string"},
                                               "level": {"at": "level", "type": "integer", "unit": "%"}}},
                    "values": {"on": "yes", "level": "7"}})
    world.wait_until(lambda: house.value("lamp", "level") == 7, what="the other point to come")
    assert house.gateway.log().count("lamp: has described itself") == 2
    assert house.gateway.log().count("other: has described itself") == 0
    files = list((house.gateway.dir / "state/described").iterdir())
    assert [f.name for f in files] == ["lamp.self%2fdevice.json"] and "level" in files[0].read_text()


def test_kept_over_a_restart(house):
    house.put(lamp={"description": {"points": {"on": {"at": "on", "type": "string"}}}})
    world.wait_until(lambda: house.node("lamp")["fields"], what="the point to come")
    house.gateway.stop()
    house.content["devices"] = {}  # it sleeps now
    house.put()
    house.gateway.start()
    assert [f["name"] for f in house.node("lamp")["fields"]] == ["on"]
    house.gateway.write("devices.d/house.yaml", DEVICES.replace("  lamp:", "  light:"))
    assert house.gateway.cli("reload").returncode == 0
    assert not list((house.gateway.dir / "state/described").iterdir())


def test_foreign_text_has_no_power(house):
    credential = house.gateway.dir / "credentials/key"
    credential.touch(mode=0o600)
    credential.write_text("canary")
    house.put(lamp={"description": {"points": {
        "a": {"at": "${credential:key}", "type": "string", "label": "${env:HOME}\u001b[31m"},
        "B!": {"type": "string"}, "c": {"at": "c", "type": "quaternion"}, "gateway": {"type": "string", "at": "x", "secret": 1}}},
        "values": {"${credential:key}": "literal"}})
    world.wait_until(lambda: house.value("lamp", "a") == "literal", what="the point to come")
    node = house.node("lamp")
    assert [f["name"] for f in node["fields"]] == ["a"]
    assert node["messages"][0]["type"] == "warning" and "description of lamp" in node["messages"][0]["text"]
    assert "canary" not in house.gateway.log() + json.dumps(node) and "\x1b" not in json.dumps(node) + house.gateway.log()
    house.put(lamp={"description": "not even a map"}, other={"description": {"points": {"x": {"at": "x", "type": "string"}}}})
    world.wait_until(lambda: house.node("other")["fields"], what="the other device's point")
    assert house.node("lamp")["fields"] == [] and not house.node("lamp").get("disabled")


def test_many_at_once_are_taken_up_together(directory):
    names = [f"d{i}" for i in range(50)]
    house = Self(directory, "devices:\n" + "".join(
        f"  {n}: {{uses: self/device, connection: fancy, with: {{id: {n}}}}}\n" for n in names))
    house.put(**{n: {"description": {"points": {"v": {"at": "v", "type": "string"}}}, "values": {"v": n}} for n in names})
    house.gateway.start()
    world.wait_until(lambda: all(house.value(n, "v") == n for n in names[::7]), what="all of them")
    assert house.gateway.stop() == 0


def test_nonsense_is_logged_once(directory, mosquitto):
    """Whoever may publish can send nonsense without end, to the devices of all."""
    gateway = world.Thingtree(directory, f"""\
version: 1
connections:
  broker: {{protocol: mqtt, url: "mqtt://127.0.0.1:{mosquitto.port}"}}
devices:
  plug: {{uses: mqtt/tasmota, connection: broker, with: {{topic: plug}}}}
  light: {{uses: mqtt/zigbee2mqtt, connection: broker, with: {{base: y, name: light}}}}
mappings: [{world.ROOT}/mappings]
""").start()
    world.wait_until(lambda: gateway.status()["connections"][0]["state"] == "online", what="the broker")
    light = {"friendly_name": "light", "ieee_address": "1", "definition": {"exposes": [
        {"type": "binary", "property": "on", "access": 1, "value_on": True, "value_off": False}]}}
    for payload in 50 * ["nonsense"] + [json.dumps([light])]:
        for topic in ("tasmota/discovery/0A/config", "y/bridge/devices"):
            paho.mqtt.publish.single(topic, payload, qos=1, port=mosquitto.port)
    world.wait_until(lambda: "light: has described itself" in gateway.log(), what="the description")
    assert gateway.log().count("its description cannot be used") == 1, gateway.log()[-3000:]
    assert gateway.stop() == 0
