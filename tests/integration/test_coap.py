# SPDX-License-Identifier: Apache-2.0
"""CoAP through the whole gateway: the shipped mappings before a simulated IPSO device, and libcoap's coap-server over UDP and
DTLS, to a client that is not ours (slixmpp) and back."""
import json
import subprocess

import pytest
from client import Client, Refused, run
from coap import Device
import world

TOP = """\
version: 1
xmpp:
  component:
    jid: {component}
    secret: ${{credential:component-secret}}
    server: {{host: 127.0.0.1, port: {component_port}}}
access:
  - {{who: admin@{domain}, role: admin}}
languages: [en, sv]
connections:
  lan: {{protocol: coap}}
  secured:
    protocol: coap
    security: {{psk_identity: gateway, psk: "${{credential:coap-key}}"}}
include: [devices.d/*.yaml]
mappings: [mappings, {root}/mappings]
"""

DEVICES = """\
devices:
  sensor: {{uses: coap/ipso-temperature, connection: lan, with: {{host: 127.0.0.1, port: {device}}}, under: house}}
  light: {{uses: coap/ipso-light, connection: lan, with: {{host: 127.0.0.1, port: {device}}}, under: house}}
  valve: {{uses: coap/ipso-actuator, connection: lan, with: {{host: 127.0.0.1, port: {device}, path: /3306/1}}, under: house}}
  plain: {{uses: coap/server, connection: lan, with: {{base: "coap://127.0.0.1:{server}"}}, under: house}}
  secure: {{uses: coap/server, connection: secured, with: {{base: "coaps://127.0.0.1:{secure}"}}, under: house}}
"""

SERVER = """\
mapping: coap/server
version: 1
protocol: coap
params: {base: {type: string}}
base: "${base}"
points:
  time: {get: /time, observe: {refresh: 10min, fallback: 10min}, type: string}
  data: {get: /example_data, type: string, write: {put: /example_data, verify: readback, within: 5s}}
"""


LINKS = """\
mapping: coap/links
version: 1
protocol: coap
params: {port: {type: integer}}
base: "coap://127.0.0.1:${port}"
points:
  kind:       {get: /.well-known/core, at: /~1time/rt, type: string}
  interface:  {get: /.well-known/core, at: /~1time/if, type: string}
  title:      {get: /.well-known/core, at: /~1time/title, type: string}
  observable: {get: /.well-known/core, at: /~1time/obs, type: boolean}
  format:     {get: /.well-known/core, at: /~1time/ct, type: integer}
  there:      {get: /.well-known/core, at: /~1time/there, type: boolean}
  other:      {get: /.well-known/core, at: /~1nothing/there, type: boolean}
"""


class Street:
    def __init__(self, directory, prosody):
        self.dir, self.prosody, self.server = directory, prosody, None
        self.device = Device()
        self.port = world.free_port()
        for path, text in (("/3303/0/5700", "21.50"), ("/3303/0/5601", "18.25"), ("/3303/0/5602", "24"),
                           ("/3311/0/5850", "0"), ("/3311/0/5851", "40"), ("/3306/1/5850", "1")):
            self.device.set(path, text)
        self.gateway = world.Thingtree(
            directory, TOP.format(component=world.COMPONENT, component_port=prosody.component_port, domain=world.DOMAIN,
                                  root=world.ROOT),
            {"devices.d/street.yaml": DEVICES.format(device=self.device.port, server=self.port, secure=self.port + 1),
             "mappings/coap/server.yaml": SERVER},
            {"component-secret": prosody.secret, "coap-key": "a-shared-key"})

    def start_server(self):
        self.server = world.Process("coap-server", ["coap-server-openssl", "-A", "127.0.0.1", "-p", str(self.port),
                                                    "-k", "a-shared-key", "-h", "hint"], self.dir)

    def start(self):
        self.start_server()
        self.gateway.start()
        world.wait_until(lambda: all(s["state"] == "online" for s in self.gateway.status()["xmpp"]), what="XMPP")
        world.wait_until(lambda: all(c["state"] == "online" for c in self.gateway.status()["connections"]), what="CoAP")
        return self

    def fields(self, node, *more):
        out = self.gateway.cli("read", "--json", *more, node)
        return {f["name"]: f for line in out.stdout.splitlines() for f in json.loads(line)["fields"]}

    def value(self, node, field):
        """As it is known, without asking the device."""
        return self.fields(node).get(field, {}).get("value")

    def stop(self):
        for part in (self.gateway, self.server, self.device):
            if part:
                part.stop()


@pytest.fixture(scope="module", name="street")
def _street(tmp_path_factory, prosody):
    whole = Street(tmp_path_factory.mktemp("coap"), prosody)
    try:
        yield whole.start()
    finally:
        whole.stop()
        if whole.gateway.process:
            print("---- log of thingtree ----\n" + whole.gateway.log()[-6000:])


def test_temperature_sensor(street):
    fields = street.fields("sensor", "--from-device")
    assert {n: (f["value"], f["unit"]) for n, f in fields.items()} == {
        "temperature": (21.5, "°C"), "minimum": (18.25, "°C"), "maximum": (24, "°C")}
    street.device.set("/3303/0/5700", "22.75")  # is notified
    world.wait_until(lambda: street.value("sensor", "temperature") == 22.75, what="the notification")


def test_light(street):
    street.gateway.cli("set", "light.on=true")
    street.gateway.cli("set", "light.dimmer=75")
    assert street.device.value("/3311/0/5850") == "1" and street.device.value("/3311/0/5851") == "75"
    fields = street.fields("light", "--from-device")
    assert fields["on"]["value"] is True and fields["dimmer"]["value"] == 75
    street.device.set("/3311/0/5850", "0")  # somebody at the switch
    world.wait_until(lambda: street.value("light", "on") is False, what="the notification")
    assert street.gateway.cli("set", "light.dimmer=101", check=False).returncode != 0
    assert street.device.value("/3311/0/5851") == "75"


def test_actuator(street):
    assert street.fields("valve", "--from-device")["on"]["value"] is True
    street.gateway.cli("set", "valve.on=false")
    street.gateway.cli("set", "valve.level=30")
    assert street.device.value("/3306/1/5850") == "0" and street.device.value("/3306/1/5851") == "30"


@pytest.mark.parametrize("node", ["plain", "secure"])
def test_another_server_over_xmpp(street, node):
    async def scenario():
        admin = await Client(f"admin@{world.DOMAIN}/test", street.prosody.passwords["admin"]).login(
            "127.0.0.1", street.prosody.port, street.prosody.ca)
        values = await admin.read(world.COMPONENT, [node], fields=["time"])
        assert values["time"]
        assert await admin.set(world.COMPONENT, [node], [("data", "string", f"hello {node}")]) == "OK"
        values = await admin.read(world.COMPONENT, [node], fields=["data"])
        assert values == {"data": f"hello {node}"}
        values = await admin.read(world.COMPONENT, ["light"], fields=["dimmer"])
        assert values == {"dimmer": "75 %"}
        assert await admin.set(world.COMPONENT, ["light"], [("dimmer", "int", "10")]) == "OK"
        with pytest.raises(Refused, match="FormError"):
            await admin.set(world.COMPONENT, ["light"], [("dimmer", "int", "200")])
        assert street.device.value("/3311/0/5851") == "10"
        assert await admin.set(world.COMPONENT, ["light"], [("dimmer", "int", "75")]) == "OK"
        await admin.disconnect()
    street.device.set("/3311/0/5851", "75")
    run(scenario())
    before = street.value(node, "time")
    world.wait_until(lambda: street.value(node, "time") != before, what="a notification each second")


def test_a_server_that_goes_and_comes_back(street):
    def state():
        return next(c for c in street.gateway.status()["connections"] if c["name"] == "secured")["state"]
    street.server.kill()
    failed = street.gateway.cli("set", "secure.data=late", check=False)
    assert failed.returncode == 1
    world.wait_until(lambda: state() == "offline", what="offline")
    street.start_server()
    world.wait_until(lambda: state() == "online", what="online again")
    assert street.fields("secure", "--from-device")["data"]["value"] != "late"  # nothing was done later
    before = street.value("secure", "time")
    world.wait_until(lambda: street.value("secure", "time") != before, what="notifications again")


def test_no_key_is_written(street):
    street.gateway.cli("status")
    assert "a-shared-key" not in street.gateway.log()


def test_links_as_points(directory):
    """The resource directory of a server that is not ours, as fields."""
    port = world.free_port()
    server = world.Process("coap-server", ["coap-server-openssl", "-A", "127.0.0.1", "-p", str(port)], directory)
    gateway = world.Thingtree(
        directory, f"version: 1\ninclude: [devices.d/*.yaml]\nmappings: [mappings, {world.ROOT}/mappings]\n"
        "connections:\n  links: {protocol: coap}\n", {
            "devices.d/links.yaml": f"devices:\n  directory: {{uses: coap/links, connection: links, with: {{port: {port}}}}}\n",
            "mappings/coap/links.yaml": LINKS})
    try:
        lines = [json.loads(line) for line in gateway.check("--probe", "directory", "--json").stdout.splitlines()]
        assert {p["point"]: p.get("value") for p in lines} == {
            "kind": "ticks", "interface": "clock", "title": "Internal Clock", "observable": "true", "format": "0",
            "there": "true", "other": "false"}
    finally:
        server.stop()
