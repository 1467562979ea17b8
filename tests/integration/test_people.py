# SPDX-License-Identifier: Apache-2.0
"""What people meet beside values: a question before something is done, a device that falls silent. slixmpp over a real server, a
plug over a real broker."""
import json

import pytest
from client import run
from test_chat import Chat
import world

TOP = """\
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
  - {{who: alice@{domain}, role: operator}}
  - {{who: reader@{domain}, role: reader}}
languages: [en]
connections:
  broker: {{protocol: mqtt, url: "mqtt://127.0.0.1:{mqtt}"}}
include: [devices.d/*.yaml]
mappings: [mappings, {root}/mappings]
"""

DEVICES = """\
devices:
  freezer:
    uses: mqtt/guarded-plug
    connection: broker
    with: {topic: tasmota_49A3BC}
    label: {en: Freezer}
"""

# The plug, and a question before it is switched.
QUESTION = "confirm: {en: What is in it thaws. Really?, de: Der Inhalt taut auf. Wirklich?}"


def guarded():
    text = (world.ROOT / "mappings/mqtt/tasmota-plug.yaml").read_text()
    write = 'write: {topic: "${cmnd}/POWER", verify: report, within: 3s'
    assert write in text
    return text.replace("mqtt/tasmota-plug", "mqtt/guarded-plug").replace(write, f"{write}, {QUESTION}")


class House:
    def __init__(self, directory, prosody, mosquitto):
        self.dir, self.prosody, self.mosquitto = directory, prosody, mosquitto
        self.account, self.component = f"gw@{world.DOMAIN}/thingtree", world.COMPONENT
        self.gateway = world.Thingtree(
            directory, TOP.format(domain=world.DOMAIN, component=world.COMPONENT, c2s=prosody.port, ca=prosody.ca,
                                  component_port=prosody.component_port, mqtt=mosquitto.port, root=world.ROOT),
            {"devices.d/house.yaml": DEVICES, "mappings/mqtt/guarded-plug.yaml": guarded()},
            {"xmpp-password": prosody.passwords["gw"], "component-secret": prosody.secret})
        self.plug = None

    def start_plug(self):
        self.plug = world.Process("plug", [world.PYTHON, world.SIMULATORS / "tasmota.py", "--port",
                                           self.mosquitto.port, "--period", "1", "--on"], self.dir, expect="ready")

    def start(self):
        self.start_plug()
        self.gateway.start()
        world.wait_until(lambda: all(s["state"] == "online" for s in self.gateway.status()["xmpp"]), what="XMPP")
        world.wait_until(lambda: "power" in self.gateway.cli("read", "--json", "freezer", check=False).stdout,
                         what="values")
        return self

    def client(self, name, resource="test"):
        from client import Client
        return Client(f"{name}@{world.DOMAIN}/{resource}", self.prosody.passwords[name]).login(
            "127.0.0.1", self.prosody.port, self.prosody.ca)

    def stop(self):
        for part in (self.gateway, self.plug):
            if part:
                part.stop()


@pytest.fixture(scope="module", name="house")
def _house(tmp_path_factory, prosody, mosquitto):
    whole = House(tmp_path_factory.mktemp("people"), prosody, mosquitto)
    try:
        yield whole.start()
    finally:
        whole.stop()
        print("---- log of thingtree ----\n" + whole.gateway.log()[-6000:])


@pytest.fixture(params=["account", "component"], name="address")
def _address(request, house):
    return getattr(house, request.param)


def switched(house):
    """What the trace has of it: the values that were decided on."""
    lines = [json.loads(line) for line in (house.gateway.dir / "state/audit.jsonl").read_text().splitlines()]
    return [line for line in lines if line.get("parameter") == "relay"]


def test_a_question_first(house, address):
    async def scenario():
        chat = Chat(await house.client("alice", "phone"), address)
        laptop = Chat(await house.client("alice", "laptop"), address)
        reader = Chat(await house.client("reader"), address)
        before = len(switched(house))
        assert "Relay: on" in await chat.ask("freezer.relay?")
        question = await chat.ask("freezer off")
        assert question.startswith("*Freezer* Relay: off\nWhat is in it thaws. Really?\n`yes`"), question
        assert "nothing that you could say yes to" in await laptop.ask("yes")
        assert "nothing that you could say yes to" in await reader.ask("yes")
        assert await chat.ask("no") == "*Freezer*: nothing was done."
        await chat.ask("freezer.relay:=off")
        assert "Relay: on" in await chat.ask("freezer.relay?")
        assert "nothing that you could say yes to" in await chat.ask("yes")
        assert len(switched(house)) == before
        question = await chat.ask("freezer aus", lang="de")
        assert "Der Inhalt taut auf. Wirklich?" in question and "`ja`" in question
        assert "Relay: aus" in await chat.ask("ja", lang="de")
        assert len(switched(house)) == before + 1
        await chat.ask("set freezer relay on", lang="en")
        assert "Relay: on" in await chat.ask("yes")
        for who in (chat, laptop, reader):
            await who.client.disconnect()
    run(scenario())


def test_a_watch_of_a_device_that_falls_silent(house, address):
    async def scenario():
        chat = Chat(await house.client("reader"), address)
        assert "`unwatch 1`" in await chat.ask("watch freezer relay")
        house.plug.child.kill()  # the broker says of it that it is gone
        house.plug.child.wait()
        said = await chat.body("Freezer", timeout=30)
        assert said.startswith("*Freezer* does not answer: "), said
        house.start_plug()
        assert "Relay: on" in await chat.body("Freezer", timeout=30)
        assert "1 watch ended." in await chat.ask("unwatch all")
        await chat.client.disconnect()
    run(scenario())
