# SPDX-License-Identifier: Apache-2.0
"""What all bridges see at once, and one of each made a device: zigbee2mqtt and Tasmota on a real broker, a SunSpec inverter
(pymodbus), CoAP devices (a simulated one, libcoap's coap-server), a simulated Shelly, a UPnP light (gupnp-network-light, where there is the right
to a network of its own). Texts of devices have no power, whatever protocol brings them."""
import json
import time

import paho.mqtt.client
import pytest
from coap import Device
from lan import Lan, why_not
import world

DATA = world.ROOT / "tests/data/mqtt"

TOP = """\
version: 1
connections:
  broker: {{protocol: mqtt, url: "mqtt://127.0.0.1:{broker}"}}
  meters: {{protocol: modbus, host: 127.0.0.1, port: {meter}, timeout: 300ms, drain: 50ms, discover: {{first: 1, last: 2}}}}
  street: {{protocol: coap, discover: {{hosts: ["coap://127.0.0.1:{device}", "coap://127.0.0.1:{server}"]}}}}
  web: {{protocol: http, discover: {{hosts: ["127.0.0.1:{shelly}"]}}}}
  blind: {{protocol: http}}
{upnp}
include: [devices.d/*.yaml]
mappings: [{root}/mappings]
"""
UPNP = "  upnp-lan: {{protocol: upnp, interface: {interface}}}"

# One device is there on each connection, and must not notice the others come.
DEVICES = """\
devices:
  button: {{uses: mqtt/zigbee2mqtt, connection: broker, with: {{name: Scenes button}}}}
  meter: {{uses: modbus/eastron-sdm630, connection: meters, with: {{unit: 2}}}}
  valve: {{uses: coap/ipso-actuator, connection: street, with: {{host: 127.0.0.1, port: {device}, path: /3306/1}}}}
"""

EVIL = "x\"\n  evil: {uses: mqtt/any}\r # ${credential:key} $${env:HOME} \u202e%s \\ ' {a: b} &a *a !!x \u001b[31m"
# Names are topics, so control characters and wildcards never come that far.
EVIL_NAME = "y\" evil: {uses: mqtt/any} ${credential:key} ${env:HOME} %s \\ ' {a: b} &a *a !!x"
NO_TOPIC = "z\u009b31m"

LINKS = ("</3303/0/5700>;rt=\"urn:oma:lwm2m:ext:3303:5700\";obs,</3303/0/5601>,</3303/0/5602>,</3306/1/5850>,"
         "</3303/1>;title=\"{title}\",</3303/1/5700>")


def zigbee(name, ieee, vendor="Evil", **more):
    return {"friendly_name": name, "ieee_address": ieee, "type": "Router", "definition": {
        "vendor": vendor, "model": vendor, "exposes": [{"type": "binary", "property": "state", "name": "state", "access": 1,
                                                        "value_on": "ON", "value_off": "OFF"}]}, **more}


class Town:
    def __init__(self, directory, broker):
        self.dir, self.parts, self.lan = directory, [], None
        self.client = paho.mqtt.client.Client()
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        devices = json.loads((DATA / "z2m-bridge-devices.json").read_text())
        devices += [zigbee(EVIL_NAME, "0x00000000000000e1", EVIL), zigbee(NO_TOPIC, "0x00000000000000e2")]
        self.publish("zigbee2mqtt/bridge/devices", json.dumps(devices))
        self.publish("tasmota/discovery/00000049A3BC/config", (DATA / "tasmota-discovery-config.json").read_text())
        self.publish("tasmota/discovery/00000049A3BC/sensors", json.dumps({"sn": {"ENERGY": {"Power": 0}}, "ver": 1}))
        meter = world.free_port()
        self.parts.append(world.Process("meter", [world.PYTHON, world.SIMULATORS / "pymodbus_meter.py", "--tcp", str(meter)],
                                        directory, expect="ready"))
        self.device = Device()
        self.parts.append(self.device)
        self.device.set("/3303/0/5700", "21.5")
        self.device.set("/3303/1/5700", "-4")
        self.device.set("/3306/1/5850", "1")
        links = LINKS.replace("{title}", EVIL.replace("\\", "\\\\").replace('"', '\\"'))
        self.device.offer(links)
        server = world.free_port()
        self.parts.append(world.Process("coap-server", ["coap-server-openssl", "-A", "127.0.0.1", "-p", str(server)], directory))
        shelly = world.free_port()
        self.parts.append(world.Process("shelly", [world.PYTHON, world.SIMULATORS / "shelly.py", "--port", str(shelly)],
                                        directory, expect="ready"))
        upnp = ""
        if not why_not():
            self.lan = Lan(directory)
            self.parts.append(self.lan)
            self.lan.start()
            upnp = UPNP.format(interface=self.lan.interface)
        self.gateway = world.Thingtree(
            directory, TOP.format(broker=broker.port, meter=meter, device=self.device.port, server=server,
                                  shelly=shelly, upnp=upnp, root=world.ROOT),
            {"devices.d/town.yaml": DEVICES.format(device=self.device.port)}, {"key": "canary"})
        self.parts.append(self.gateway)

    def publish(self, topic, payload):
        self.client.publish(topic, payload, qos=1, retain=True).wait_for_publish(10)

    def connections(self):
        return {c["name"]: c["state"] for c in self.gateway.status()["connections"]}

    def discover(self, *args):
        out = self.gateway.cli("discover", "--json", "--timeout", "8", *args, check=False)
        assert out.returncode == 0, out.stdout + out.stderr
        lines = [json.loads(line) for line in out.stdout.splitlines()]
        self.notes = [(line["connection"], line["note"]) for line in lines if "note" in line]
        return [line for line in lines if "note" not in line]

    def find(self, found, connection, name):
        return next(c for c in found if c["connection"] == connection and name in (c.get("name"), c["own_id"]))

    def value(self, node, field):
        out = self.gateway.cli("read", "--json", node, check=False)
        fields = {f["name"]: f.get("value") for line in out.stdout.splitlines() for f in json.loads(line).get("fields", ())}
        return fields.get(field)

    def adopt(self, candidate, *args):
        """The key of the new device, and its file."""
        out = self.gateway.cli("adopt", candidate["candidate"], "--json", *args)
        line = json.loads(out.stdout)
        return line["node"], (self.gateway.dir / line["file"]).read_text()

    def stop(self):
        for part in reversed(self.parts):
            part.stop()
        self.client.loop_stop()
        self.client.disconnect()


@pytest.fixture(scope="module", name="town")
def _town(tmp_path_factory, mosquitto):
    town = Town(tmp_path_factory.mktemp("town"), mosquitto)
    try:
        town.gateway.start()
        world.wait_until(lambda: all(s == "online" for n, s in town.connections().items() if n not in ("web", "blind")), what="connections")
        world.wait_until(lambda: town.value("valve", "on") is not None, what="a value of the valve")
        yield town
    finally:
        town.stop()
        print("---- log of thingtree ----\n" + town.gateway.log()[-6000:])
    assert "Sanitizer" not in town.gateway.log()


@pytest.fixture(scope="module", name="found")
def _found(town):
    before = time.monotonic()
    found = town.discover()
    assert time.monotonic() - before < 10
    return found


def test_what_all_see(town, found):
    rows = {(c["connection"], c.get("name")): (c.get("mapping"), c["sure"], c.get("missing"), c.get("device")) for c in found
            if c["connection"] != "upnp-lan"}
    expected = {
        ("broker", "Climate sensor"): ("mqtt/zigbee2mqtt-climate", "exact", None, None),
        ("broker", "Aqara switch T1"): ("mqtt/zigbee2mqtt-switch", "exact", None, None),
        ("broker", "Moes thermo"): ("mqtt/zigbee2mqtt", "described", None, None),
        ("broker", "Scenes button"): ("mqtt/zigbee2mqtt", "described", None, "button"),
        ("broker", "Tasmota"): ("mqtt/tasmota", "described", None, None),
        ("meters", "PV 3000"): ("modbus/sunspec", "described", None, None),
        ("street", "/3303/0"): ("coap/ipso-temperature", "exact", None, None),
        ("street", "/3306/1"): ("coap/ipso-actuator", "exact", None, "valve"),
        ("web", "Porch"): ("http/shelly-gen2-switch", "pattern", None, None),
    }
    assert {k: rows.get(k) for k in expected} == expected
    assert any(c["connection"] == "street" and c["own_id"].endswith("/time") and c["sure"] == "none" for c in found)
    assert len(found) == len({c["candidate"] for c in found})
    assert not [c for c in found if "z\u009b" in c.get("name", "") or c["connection"] == "blind"]
    assert town.notes == [("blind", "it has no hosts to ask (discover: {hosts: ...})")]


def test_who_cannot_look(town):
    """No fault when everybody is asked (above); asked by name, it is what was asked for that cannot be done."""
    out = town.gateway.cli("discover", "blind", check=False)
    assert out.returncode == 1 and "connection blind: it has no hosts to ask" in out.stderr


def test_mappings_for_those_who_know(town, found):
    """Facts are enough for these, too, but nobody can tell from them what they are."""
    meter, plug = town.find(found, "meters", "PV 3000"), town.find(found, "broker", "Tasmota")
    for candidate, mapping in ((meter, "modbus/eastron-sdm630"), (plug, "mqtt/tasmota-plug")):
        out = town.gateway.cli("adopt", candidate["candidate"], "--uses", mapping, "--dry-run", check=False)
        assert f'uses: "{mapping}"' in out.stdout, out


def test_adopted_from_each(town, found):
    log = town.gateway.log()
    online = {c: log.count(f"{c}: online") for c in town.connections()}
    town.publish("zigbee2mqtt/Climate sensor", json.dumps({"temperature": 21.25, "humidity": 40}))
    town.publish("tasmota_49A3BC/tele/LWT", "Online")
    town.publish("tasmota_49A3BC/tele/SENSOR", json.dumps({"ENERGY": {"Power": 42}}))
    wanted = [("broker", "Climate sensor", "temperature", 21.25), ("broker", "Tasmota", "energy_power", 42),
              ("meters", "PV 3000", "inverter_three_phase_w", -200), ("street", "/3303/0", "temperature", 21.5),
              ("web", "Porch", "relay", False)]
    for connection, name, field, value in wanted:
        node, text = town.adopt(town.find(found, connection, name), "--under", "new")
        assert "$" not in text
        world.wait_until(lambda n=node, f=field, v=value: town.value(n, f) == v, what=f"{field} of {node}: {value}")
    town.device.set("/3303/0/5700", "22.25")
    world.wait_until(lambda: town.value("3303-0", "temperature") == 22.25, what="a notification to the new device")
    town.gateway.cli("set", "porch.relay=true")
    assert town.value("porch", "relay") is True
    log = town.gateway.log()
    assert {**online, "web": 1} == {c: log.count(f"{c}: online") for c in online}
    assert town.gateway.check().returncode == 0
    again = town.discover()
    assert [town.find(again, c, n).get("device") for c, n, _, _ in wanted] == ["climate-sensor", "tasmota", "pv-3000", "3303-0",
                                                                       "porch"]


def test_a_light_of_upnp(town, found):
    if why_not():
        pytest.skip(why_not())
    light = town.find(found, "upnp-lan", town.lan.light)
    assert (light["mapping"], light["sure"]) == ("upnp/dimmable-light", "pattern") and "missing" not in light
    node, _ = town.adopt(light, "--as", "lamp")
    world.wait_until(lambda: town.value(node, "on") is not None, what="the light")
    town.gateway.cli("set", "lamp.on=true")
    assert town.value("lamp", "on") is True
    assert town.gateway.log().count("upnp-lan: online") == 1


def test_texts_have_no_power(town, found):
    evil = [c for c in found if "evil" in c.get("name", "")]
    assert sorted(c["connection"] for c in evil) == ["broker", "street"]
    table = town.gateway.cli("discover", "broker").stdout + town.gateway.cli("discover", "street").stdout
    assert "\x1b" not in table and "\u202e" not in table and "\r" not in table
    town.publish(f"zigbee2mqtt/{EVIL_NAME}", json.dumps({"state": "ON"}))
    for candidate, field, value in zip(sorted(evil, key=lambda c: c["connection"]), ("state", "temperature"), (True, -4)):
        node, text = town.adopt(candidate)
        assert all(c == "\n" or c.isprintable() for c in text)
        world.wait_until(lambda n=node, f=field, v=value: town.value(n, f) == v, what=f"the device {node}")
        tree = town.gateway.cli("tree", "--json").stdout
        nodes = {n["node"]: n for n in map(json.loads, tree.splitlines())}
        assert nodes[node]["label"].startswith(candidate["name"][:8]) and "${credential:key}" in nodes[node]["label"]
        assert "evil" not in nodes and "canary" not in tree + text + town.gateway.log()
    assert town.gateway.check().returncode == 0
    assert [town.gateway.log().count(f"{c}: online") for c in ("broker", "street")] == [1, 1]
