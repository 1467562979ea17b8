# SPDX-License-Identifier: Apache-2.0
"""A CoAP device that is neither ours nor libcoap's: node-coap from the npm registry, through the whole gateway to slixmpp and
back. node_coap/ has the device and the exact versions of what it needs."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from client import Client, Refused, run
import world

HERE = pathlib.Path(__file__).resolve().parent / "node_coap"

TOP = """\
version: 1
xmpp:
  component:
    jid: {component}
    secret: ${{credential:component-secret}}
    server: {{host: 127.0.0.1, port: {component_port}}}
access:
  - {{who: admin@{domain}, role: admin}}
connections:
  nodes: {{protocol: coap, discover: {{hosts: ["coap://127.0.0.1:{port}"], multicast: false}}}}
devices:
  node: {{uses: coap/node, connection: nodes, with: {{port: {port}}}, under: house}}
mappings: [mappings]
"""

MAPPING = """\
mapping: coap/node
version: 1
protocol: coap
params: {port: {type: integer}}
base: "coap://127.0.0.1:${port}"
points:
  temperature: {get: /temp, observe: {refresh: 10min, fallback: 3s}, type: number, unit: Cel}
  quiet:       {get: /quiet, observe: {refresh: 10min, fallback: 1s}, type: integer}
  mode:        {get: /json, observe: {refresh: 10min, fallback: 10min}, at: /mode, type: string,
                write: {put: /json, json: {mode: "${value}"}, verify: report, within: 5s}}
  level:       {get: /cbor, format: cbor, at: /level, type: integer,
                write: {put: /cbor, format: cbor, json: {level: "${value}"}, verify: readback, within: 5s}}
  text:        {get: /text, type: string, write: {put: /text, verify: readback, within: 10s}}
  press:       {type: string, write: {post: /presses}}
  nowhere:     {type: string, write: {put: /nowhere}}
  slow:        {get: /slow, type: integer}
  serial:      {get: /report, at: /serial, type: integer}
  again:       {get: /report, at: /again, type: integer}
  spare:       {get: /.well-known/core, at: "/~1more~159/title", type: string}
"""


class Device:
    """The device, by its commands; it can end and come back at its port."""

    def __init__(self, directory, port):
        self.dir, self.port, self.process = directory, port, None

    def start(self):
        with open(self.dir / "device.log", "ab") as log:
            self.process = subprocess.Popen(["node", "device.js", str(self.port)], cwd=self.dir, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout.readline() == "ready\n"
        return self

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def set(self, key, value):
        self.ask(f"set {key} {json.dumps(value)}")

    def get(self, key):
        return self.ask(f"get {key}")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Street:
    def __init__(self, directory):
        if os.geteuid() == 0:
            for p in [directory, *directory.parents]:
                if len(p.parts) > 2 and p.stat().st_mode & 0o077 == 0:
                    p.chmod(0o711)
        world.make_ca(directory)
        world.make_certificate(directory, "server", [world.DOMAIN, "localhost", "127.0.0.1"])
        self.ca = directory / "ca.crt"
        self.prosody = world.Prosody(directory)
        self.prosody.add_user("admin")
        self.device = Device(directory / "node", world.free_port())
        self.gateway = world.Thingtree(
            directory, TOP.format(component=world.COMPONENT, component_port=self.prosody.component_port, domain=world.DOMAIN,
                                  port=self.device.port),
            {"mappings/coap/node.yaml": MAPPING}, {"component-secret": self.prosody.secret})

    def start(self):
        self.prosody.start()
        self.device.start()
        self.gateway.start()
        world.wait_until(lambda: all(s["state"] == "online" for s in self.gateway.status()["xmpp"]), what="XMPP")
        world.wait_until(lambda: all(c["state"] == "online" for c in self.gateway.status()["connections"]), what="CoAP")
        return self

    def stop(self):
        self.gateway.stop()
        if self.device.process:
            self.device.kill()
        self.prosody.stop()

    def value(self, field):
        """As it is known, without asking the device."""
        answer = json.loads(self.gateway.cli("read", "--json", "node").stdout)
        return next((f["value"] for f in answer["fields"] if f["name"] == field), None)

    def talk(self, scenario):
        """`scenario(admin)`, a coroutine, with somebody who is logged in."""
        async def whole():
            admin = await Client(f"admin@{world.DOMAIN}/test", self.prosody.passwords["admin"]).login(
                "127.0.0.1", self.prosody.port, self.ca)
            await scenario(admin)
            admin.disconnect()
        run(whole())


async def read(admin, *fields):
    return await admin.read(world.COMPONENT, ["node"], fields=list(fields))


async def write(admin, name, kind, value):
    return await admin.set(world.COMPONENT, ["node"], [(name, kind, value)])


def install(directory):
    """node-coap and what it needs, exactly as locked; no script of theirs runs meanwhile."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    directory.mkdir()
    for name in ("package.json", "package-lock.json", "device.js"):
        shutil.copy(HERE / name, directory)
    try:
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=directory, capture_output=True,
                              text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm ci does not end; is there a way to its registry?")
    if done.returncode != 0:
        pytest.skip(f"npm ci: {done.stderr.strip()[-300:]}")


@pytest.fixture(scope="module", name="street")
def _street(tmp_path_factory):
    directory = tmp_path_factory.mktemp("node-coap")
    install(directory / "node")
    whole = Street(directory)
    try:
        yield whole.start()
    finally:
        whole.stop()
        print("---- log of thingtree ----\n" + whole.gateway.log()[-6000:])
        print("---- log of the device ----\n" + (directory / "node/device.log").read_text()[-3000:])


def test_formats(street):
    async def scenario(admin):
        values = await read(admin, "temperature", "mode", "level", "text", "slow")
        assert values == {"temperature": "21.50 °C", "mode": "eco", "level": "3", "text": "short", "slow": "7"}
    street.talk(scenario)


def test_commands(street):
    async def scenario(admin):
        assert await write(admin, "mode", "string", "comfort") == "OK"
        assert await write(admin, "level", "int", "9") == "OK"
        assert await write(admin, "press", "string", "twice") == "OK"
        assert await read(admin, "mode", "level") == {"mode": "comfort", "level": "9"}
        with pytest.raises(Refused, match="OtherError"):
            await write(admin, "nowhere", "string", "x")
    street.talk(scenario)
    assert (street.device.get("json"), street.device.get("cbor"), street.device.get("presses")) == (
        {"mode": "comfort"}, {"level": 9}, ["twice"])
    assert "4.04 Not Found" in street.gateway.cli("set", "node.nowhere=x", check=False).stderr


@pytest.mark.parametrize("size", [1023, 1024, 1025, 2048, 4096])  # the largest text that a value may be
def test_blocks_both_ways(street, size):
    text = ("0123456789abcde" * size)[:size]
    before = street.device.get("puts")

    async def scenario(admin):
        assert await write(admin, "text", "string", text) == "OK"
        assert await read(admin, "text") == {"text": text}
    street.talk(scenario)
    assert street.device.get("text") == text and street.device.get("puts") == before + 1


def test_blocks_of_what_changes(street):
    """A body of which no two are alike comes whole, of one piece."""
    async def scenario(admin):
        values = await read(admin, "serial", "again")
        assert values["serial"] == values["again"] and int(values["serial"]) > 0
    street.talk(scenario)


def test_links(street):
    async def scenario(admin):
        assert await read(admin, "spare") == {"spare": "one of many"}
    street.talk(scenario)
    found = street.gateway.cli("discover", "--json", "nodes").stdout.splitlines()
    assert {json.loads(line)["own_id"].split("/", 3)[3] for line in found} >= {"temp", "more/59"}


def test_notifications_and_a_restart(street):
    street.device.set("temp", 22.75)
    world.wait_until(lambda: street.value("temperature") == 22.75, what="the notification")
    street.device.kill()
    street.device.start()  # nobody has seen that, and the device knows of no observer
    world.wait_until(lambda: street.value("temperature") == 21.5, what="what it says now")
    world.wait_until(lambda: street.device.get("observers") == 1, what="an observation again")
    street.device.set("temp", 23)
    world.wait_until(lambda: street.value("temperature") == 23, what="the notification")
    assert street.device.get("observers") == 1


def test_an_observation_that_brings_nothing(street):
    """The device says that it will notify, and never does."""
    street.device.set("quiet", 5)
    world.wait_until(lambda: street.value("quiet") == 5, what="the question")


def test_a_device_that_goes(street):
    def state():
        return street.gateway.status()["connections"][0]["state"]

    async def gone(admin):
        with pytest.raises(Refused):
            await write(admin, "level", "int", "4")

    async def back(admin):
        assert await write(admin, "level", "int", "5") == "OK"
    street.device.kill()
    street.talk(gone)
    world.wait_until(lambda: state() == "offline", what="offline")
    street.device.start()
    world.wait_until(lambda: street.device.get("observers") == 1, what="an observation again")
    assert street.device.get("puts") == 0 and state() == "online"  # nothing was done later
    street.talk(back)
    assert street.device.get("cbor") == {"level": 5}
