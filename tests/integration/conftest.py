# SPDX-License-Identifier: Apache-2.0
"""Fixtures: certificates, servers and a gateway, each private to a test or shared by a module, all on free ports."""
import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "simulators"))
import world  # noqa: E402


def spec_dir():
    """The schemas, when they are here: $TT_SPEC_DIR, else ../shared/spec beside the source; else None."""
    for candidate in (os.environ.get("TT_SPEC_DIR"), world.ROOT.parent / "shared/spec"):
        if candidate and (pathlib.Path(candidate) / "xsd-answers").is_dir():
            return pathlib.Path(candidate)
    return None


def let_through(path):
    """pytest's directories are 0700; servers that run as nobody must get through."""
    if os.geteuid() == 0:
        for p in [path, *path.parents]:
            if len(p.parts) > 2 and p.stat().st_mode & 0o077 == 0:
                p.chmod(0o711)
    return path


@pytest.fixture(scope="session", name="certificates")
def _certificates(tmp_path_factory):
    """A directory with ca.crt and server.{key,crt} for house.test, things.house.test, localhost, 127.0.0.1."""
    directory = tmp_path_factory.mktemp("certificates")
    world.make_ca(directory)
    world.make_certificate(directory, "server", [world.DOMAIN, world.COMPONENT, "localhost", "127.0.0.1"])
    return directory


@pytest.fixture(scope="module", name="prosody")
def _prosody(tmp_path_factory, certificates):
    """house.test with the accounts gw, alice, admin, reader, stranger (prosody.passwords) and things.house.test
    (prosody.secret); prosody.ca is the file to trust."""
    directory = let_through(tmp_path_factory.mktemp("prosody"))
    for f in certificates.iterdir():
        shutil.copy(f, directory)
    server = world.Prosody(directory)
    server.ca = certificates / "ca.crt"
    for user in ["gw", *world.ROLES]:
        server.add_user(user)
    yield server.start()
    server.stop()


@pytest.fixture(scope="module", name="mosquitto")
def _mosquitto(tmp_path_factory):
    broker = world.Mosquitto(let_through(tmp_path_factory.mktemp("mosquitto"))).start()
    yield broker
    broker.stop()


@pytest.fixture(name="directory")
def _directory(tmp_path):
    """An own directory that servers running as nobody can pass through."""
    return let_through(tmp_path)


HOUSE = """\
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
  - {{who: admin@{domain}, role: admin}}
  - {{who: alice@{domain}, role: operator, parameters: ["*", "!demand_period"], nodes: [house/**]}}
  - {{who: reader@{domain}, role: reader, nodes: [house/cellar/**], fields: ["voltage_*", power]}}
languages: [en, sv]
poll:
  fast: {{every: 200ms}}
  normal: {{every: 1s}}
connections:
  broker: {{protocol: mqtt, url: "mqtt://127.0.0.1:{mqtt}"}}
  meters: {{protocol: modbus, transport: tcp, host: 127.0.0.1, port: {modbus}, timeout: 300ms}}
include: [devices.d/*.yaml]
mappings: [mappings, {root}/mappings]
"""

HOUSE_DEVICES = """\
devices:
  plug:
    uses: mqtt/tasmota-plug
    connection: broker
    with: {topic: tasmota_49A3BC}
    under: house/kitchen
    label: {en: Coffee machine plug, sv: Kaffebryggarens uttag}
  climate:
    uses: mqtt/zigbee2mqtt-climate
    connection: broker
    with: {name: Climate sensor}
    under: house/hall
  meter:
    uses: modbus/eastron-sdm630
    connection: meters
    with: {unit: 1}
    under: house/cellar
    label: {en: Main meter, sv: Huvudmätare}
  dead-meter:
    uses: modbus/eastron-sdm630
    connection: meters
    with: {unit: 9}
    under: house/cellar
  shed:
    uses: mqtt/tasmota-plug
    connection: broker
    with: {topic: nobody_home}
    under: garden
  broken:
    uses: mqtt/tasmota-plug
    connection: broker
    with: {tpoic: x}
"""


class House:
    """A gateway with devices behind it and clients of every role before it. The parts may be stopped and started."""

    def __init__(self, directory, prosody, mosquitto):
        self.dir, self.prosody, self.mosquitto = directory, prosody, mosquitto
        self.modbus_port = world.free_port()
        self.meter = self.plug = self.zigbee = None
        self.account, self.component = f"gw@{world.DOMAIN}/thingtree", world.COMPONENT
        self.gateway = world.Thingtree(
            directory, HOUSE.format(domain=world.DOMAIN, component=world.COMPONENT, c2s=prosody.port, ca=prosody.ca,
                                    component_port=prosody.component_port, mqtt=mosquitto.port,
                                    modbus=self.modbus_port, root=world.ROOT),
            {"devices.d/house.yaml": HOUSE_DEVICES},
            {"xmpp-password": prosody.passwords["gw"], "component-secret": prosody.secret})

    def start_meter(self, *faults):
        self.meter = world.Process("meter", [world.build_dir() / "tests/simulators/modbus_meter", "--tcp",
                                             self.modbus_port, *faults], self.dir, expect="ready")

    def start_plug(self, *options):
        self.plug = world.Process("plug", [world.PYTHON, world.SIMULATORS / "tasmota.py", "--port",
                                           self.mosquitto.port, "--period", "1", *options], self.dir, expect="ready")

    def start_zigbee(self):
        self.zigbee = world.Process("zigbee", [world.PYTHON, world.SIMULATORS / "zigbee2mqtt.py", "--port",
                                               self.mosquitto.port, "--period", "1"], self.dir, expect="ready")

    def start(self):
        self.start_meter()
        self.start_plug("--on")
        self.start_zigbee()
        self.gateway.start()
        self.wait_online()
        world.wait_until(lambda: all(self.has(*f) for f in (("plug", "power"), ("meter", "voltage_l1"),
                                                            ("climate", "temperature"))), what="values")
        return self

    def has(self, node, field):
        out = self.gateway.cli("read", "--json", node, check=False)
        return out.returncode == 0 and f'"{field}"' in out.stdout

    def wait_online(self, timeout=30):
        def both():
            assert self.gateway.process.is_running(), self.gateway.log()[-4000:]
            return all(s["state"] == "online" for s in self.gateway.status()["xmpp"])
        world.wait_until(both, timeout, "both XMPP sessions")

    def client(self, name, resource="test"):
        """A coroutine: the client of that role, logged in."""
        from client import Client
        return Client(f"{name}@{world.DOMAIN}/{resource}", self.prosody.passwords[name]).login(
            "127.0.0.1", self.prosody.port, self.prosody.ca)

    def stop(self):
        for part in (self.gateway, self.plug, self.zigbee, self.meter):
            if part:
                part.stop()


@pytest.fixture(scope="module", name="house")
def _house(tmp_path_factory, prosody, mosquitto):
    whole = House(tmp_path_factory.mktemp("house"), prosody, mosquitto)
    try:
        yield whole.start()
    finally:
        whole.stop()
        if whole.gateway.process:
            print("---- log of thingtree ----\n" + whole.gateway.log()[-6000:])
