# SPDX-License-Identifier: Apache-2.0
"""The gateway in a chat, for whoever has nothing else: slixmpp over a real server, devices over a real broker."""
import asyncio
import itertools
import xml.etree.ElementTree as ET

import paho.mqtt.client as mqtt
import pytest
from client import run

JABBER = "{jabber:client}"
RECEIPTS = "{urn:xmpp:receipts}"
STATES = "http://jabber.org/protocol/chatstates"
ids = itertools.count()


@pytest.fixture(params=["account", "component", "name"], name="address")
def _address(request, house):
    return f"gateway@{house.component}" if request.param == "name" else getattr(house, request.param)


class Chat:
    """A conversation: lines out, bodies in."""

    def __init__(self, client, address):
        self.client, self.address = client, address

    def send(self, text, *extra, lang=None, message_id=None):
        message = self.client.make_message(mto=self.address, mbody=text, mtype="chat")
        message["id"] = message_id or f"chat{next(ids)}"
        if lang:
            message.xml.set("{http://www.w3.org/XML/1998/namespace}lang", lang)
        for element in extra:
            message.xml.append(ET.fromstring(element))
        message.send()
        return message["id"]

    async def message(self, wanted, timeout=15):
        """The next message of this address for which `wanted` is true."""
        async def look():
            while True:
                message = await self.client.messages.get()
                if message.get("from").split("/")[0] == self.address.split("/")[0] and wanted(message):
                    return message
        return await asyncio.wait_for(look(), timeout)

    async def body(self, wanted="", timeout=15):
        return (await self.message(lambda m: m.findtext(f"{JABBER}body") and wanted in m.findtext(f"{JABBER}body"),
                                   timeout)).findtext(f"{JABBER}body")

    async def ask(self, text, *extra, **kw):
        while not self.client.messages.empty():
            self.client.messages.get_nowait()
        self.send(text, *extra, **kw)
        return await self.body()


def conversation(house, name, address, scenario, resource="chat"):
    async def whole():
        client = await house.client(name, resource)
        await scenario(Chat(client, address))
        await client.disconnect()
    run(whole())


def test_browse_read_and_set(house, address):
    async def scenario(chat):
        assert "`ls`" in await chat.ask("help")
        assert "1 house/" in await chat.ask("/")
        assert "kitchen/" in await chat.ask("ls house")
        assert "Power: " in await chat.ask("Coffee machine plug")
        for word, shown in (("off", "Relay: off"), ("on", "Relay: on")):
            assert shown in await chat.ask(f"plug {word}")
            assert shown in await chat.ask("plug.relay?")
        assert (await chat.ask("plug power")).endswith(" W")
        assert "Did you mean *plug*?" in await chat.ask("plgu on")
        assert "Relay must be one of: on, off" in await chat.ask("plug relay purple")
        assert (await chat.ask("plug av", lang="sv")).endswith(": av")
        assert (await chat.ask("schalte plug ein", lang="de")).endswith(": ein")
        assert (await chat.ask("plug on", lang="en")).endswith("Relay: on")
    conversation(house, "alice", address, scenario)
    assert '"relay"' in (house.gateway.dir / "state/audit.jsonl").read_text()


def test_who_may_what(house, address):
    async def reader(chat):
        assert (await chat.ask("meter.power?")).startswith("Power: ")
        assert await chat.ask("set meter demand_period 5") == "You may not do this."
        assert "kitchen" not in await chat.ask("ls house")
        for text in ("plug", "plug on", "plgu", "find plug"):
            answer = await chat.ask(text)
            assert "I do not know" in answer and "Coffee" not in answer and "*plug*?" not in answer
        assert await chat.ask("log") == "You may not do this."

    async def stranger(chat):
        chat.send("help", "<request xmlns='urn:xmpp:receipts'/>")
        with pytest.raises(asyncio.TimeoutError):
            await chat.message(lambda m: m.get("type") != "error", timeout=1)
    conversation(house, "reader", address, reader)
    conversation(house, "stranger", address, stranger)


def publish(port, topic, payload):
    client = mqtt.Client()
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.publish(topic, payload, qos=1).wait_for_publish(10)
    client.loop_stop()
    client.disconnect()


def test_watch(house, address):
    async def scenario(chat):
        assert "Relay: on" in await chat.ask("plug on")
        assert "`unwatch 1`" in await chat.ask("watch plug relay")
        # somebody else switches it, over MQTT: the device itself tells
        for payload, shown in (("OFF", "Relay: off"), ("ON", "Relay: on")):
            publish(house.mosquitto.port, "cmnd/tasmota_49A3BC/POWER", payload)
            assert shown in await chat.body(shown, timeout=20)
        assert "1 watch ended." in await chat.ask("unwatch all")
        assert "1 house/" in await chat.ask("cd /")
        assert "Nothing is watched" in await chat.ask("watch")
    conversation(house, "alice", address, scenario)


def test_receipt_states_and_correction(house, address):
    async def scenario(chat):
        sent = chat.send("plug.relay?", "<request xmlns='urn:xmpp:receipts'/>", f"<active xmlns='{STATES}'/>")
        receipt = await chat.message(lambda m: m.find(f"{RECEIPTS}received") is not None)
        assert receipt.find(f"{RECEIPTS}received").get("id") == sent
        answer = await chat.message(lambda m: m.find(f"{JABBER}body") is not None)
        assert answer.find(f"{{{STATES}}}active") is not None
        await chat.ask("plgu.relay?", message_id="wrong1")
        replace = "<replace xmlns='urn:xmpp:message-correct:0' id='{}'/>"
        assert "Relay: " in await chat.ask("plug.relay?", replace.format("wrong1"))
        await chat.ask("plug on", message_id="right1")
        assert "done already" in await chat.ask("plug off", replace.format("right1"))
        assert "Relay: on" in await chat.ask("plug.relay?")
        assert "encrypted" in await chat.ask("plug off", "<encrypted xmlns='eu.siacs.conversations.axolotl'/>")
        assert "Relay: on" in await chat.ask("plug.relay?")
    conversation(house, "alice", address, scenario)


def test_the_type_of_a_message_is_that_of_its_answer(house, address):
    async def scenario(chat):
        for kind in ("chat", "normal", None):
            message = chat.client.make_message(mto=chat.address, mbody="plug.relay?")
            del message["type"]
            if kind:
                message["type"] = kind
            message.send()
            answer = await chat.message(lambda m: m.findtext(f"{JABBER}body"))
            assert "Relay: " in answer.findtext(f"{JABBER}body")
            assert answer.get("type", "normal") == (kind or "normal")
    conversation(house, "alice", address, scenario)


def test_chat_with_a_thing(house):
    async def scenario(chat):
        assert "Relay: off" in await chat.ask("off")
        assert "Relay: on" in await chat.ask("on")
        assert "Power: " in await chat.ask("?")
        assert "Relay: on (on, off)" in await chat.ask(":=")
    conversation(house, "alice", f"plug@{house.component}", scenario)
