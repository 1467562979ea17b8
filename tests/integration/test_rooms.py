# SPDX-License-Identifier: Apache-2.0
"""Rooms: the gateway as an occupant of a real multi-user chat service (Prosody's), devices over a real broker."""
import asyncio
import contextlib
import itertools
import shutil
import xml.etree.ElementTree as ET

import paho.mqtt.client as mqtt
import pytest
import world
from client import Client, run
from conftest import let_through

SERVICE = f"rooms.{world.DOMAIN}"
JABBER = "{jabber:client}"
MUC, USER, OWNER = (f"http://jabber.org/protocol/muc{part}" for part in ("", "#user", "#owner"))
ids = itertools.count()

CONFIG = """\
version: 1
xmpp:
{stream}
  rooms:
    - {{jid: house@{service}, nodes: [house/**], fields: [relay], interval: 1s, commands: true}}
    - {{jid: hidden@{service}, commands: true}}
    - {{jid: locked@{service}, password: "${{credential:room}}", commands: true}}
    - {{jid: wrong@{service}, password: nonsense, commands: true}}
    - {{jid: quiet@{service}, nodes: ["!**"]}}
    - {{jid: nowhere@{service}, commands: true}}
access:
  - {{who: alice@{domain}, role: operator, nodes: [house/**]}}
  - {{who: reader@{domain}, role: reader, nodes: [house/**]}}
  - {{who: "@{service}", role: admin}}
poll:
  normal: {{every: 1s}}
connections:
  broker: {{protocol: mqtt, url: "mqtt://127.0.0.1:{mqtt}"}}
include: [devices.d/*.yaml]
mappings: [mappings, {root}/mappings]
"""
STREAMS = {
    "account": """  account:
    jid: gw@{domain}/thingtree
    password: ${{credential:xmpp-password}}
    server: {{host: 127.0.0.1, port: {c2s}, ca: {ca}}}""",
    "component": """  component:
    jid: {component}
    secret: ${{credential:component-secret}}
    server: {{host: 127.0.0.1, port: {component_port}}}""",
}
DEVICES = """\
devices:
  plug:
    uses: mqtt/tasmota-plug
    connection: broker
    with: {topic: tasmota_49A3BC}
    under: house/kitchen
"""
# Rooms by name: what their owner says of them.
ROOMS = {"house": {"whois": "anyone", "publicroom": "1"}, "hidden": {"whois": "moderators"},
         "locked": {"whois": "anyone", "roomsecret": "s3same"}, "wrong": {"roomsecret": "s3same"},
         "quiet": {"whois": "anyone", "publicroom": "0"}}


class Occupant:
    """Somebody in one room."""

    def __init__(self, client, room, nick):
        self.client, self.room, self.nick = client, f"{room}@{SERVICE}", nick
        self.present, self.statuses, self.messages = {}, {}, asyncio.Queue()
        client.add_event_handler("presence", lambda p: self.on_presence(p.xml))
        client.add_event_handler("presence_error", lambda p: self.on_presence(p.xml))
        client.add_event_handler("message", lambda m: self.on_message(m.xml))
        client.add_event_handler("groupchat_message", lambda m: self.on_message(m.xml))

    def on_presence(self, xml):
        bare, _, nick = xml.get("from").partition("/")
        if bare == self.room:
            self.statuses[nick] = [s.get("code") for s in xml.iter(f"{{{USER}}}status")]
            self.present[nick] = xml.get("type") or "available"

    def on_message(self, xml):
        bare, _, nick = xml.get("from").partition("/")
        if bare == self.room and xml.get("type") == "groupchat" and xml.findtext(f"{JABBER}body"):
            self.messages.put_nowait((nick, xml.findtext(f"{JABBER}body")))

    def presence(self, inside="", kind=None):
        text = f"<presence xmlns='jabber:client' to='{self.room}/{self.nick}'{f' type={kind!r}' if kind else ''}>{inside}</presence>"
        self.client.send_raw(text)

    async def join(self, password=None):
        secret = f"<password>{password}</password>" if password else ""
        self.presence(f"<x xmlns='{MUC}'><history maxstanzas='0'/>{secret}</x>")
        await self.sees(self.nick)
        return self

    async def sees(self, nick, kind="available", timeout=25):
        async def look():
            while self.present.get(nick) != kind:
                await asyncio.sleep(0.02)
        await asyncio.wait_for(look(), timeout)
        return self.statuses[nick]

    def say(self, text, inside="", to=None, kind="groupchat"):
        self.client.send_raw(f"<message xmlns='jabber:client' type='{kind}' to='{to or self.room}' id='r{next(ids)}'>"
                             f"<body>{text}</body>{inside}</message>")

    async def hears(self, wanted, nick="thingtree", timeout=20):
        async def look():
            while True:
                who, body = await self.messages.get()
                if who == nick and wanted in body:
                    return body
        return await asyncio.wait_for(look(), timeout)

    async def ask(self, text, nick="thingtree", **kw):
        self.say(f"{nick}: {text}", **kw)
        return await self.hears(f"{self.nick}: ", nick)

    async def hears_nothing_of(self, text, marker, inside="", nick="thingtree"):
        """`text` is said, then a question of `marker`, who sees both: what the gateway says next is the answer to it."""
        self.say(text, inside)
        await marker.hears(text, self.nick)
        marker.say(f"{nick}: plug.relay?")
        body = await marker.hears("", nick)
        assert body.startswith(f"{marker.nick}: Relay"), body


@pytest.fixture(scope="module", name="rooms_server")
def _rooms_server(tmp_path_factory, certificates):
    directory = let_through(tmp_path_factory.mktemp("rooms"))
    for f in certificates.iterdir():
        shutil.copy(f, directory)
    server = world.Prosody(directory, extra=f"""
Component "{SERVICE}" "muc"
  restrict_room_creation = false
  muc_room_default_persistent = true
""")
    server.ca = certificates / "ca.crt"
    for user in ["gw", *world.ROLES]:
        server.add_user(user)
    server.start()
    run(make_rooms(server))
    yield server
    server.stop()
    print("---- log of prosody ----\n" + server.process.text()[-3000:])


def client(server, name, resource):
    return Client(f"{name}@{world.DOMAIN}/{resource}", server.passwords[name]).login("127.0.0.1", server.port, server.ca)


async def make_rooms(server):
    owner = await client(server, "admin", "owner")
    for name, options in ROOMS.items():
        room = await Occupant(owner, name, "owner").join()
        fields = "".join(f"<field var='muc#roomconfig_{key}'><value>{value}</value></field>"
                         for key, value in {"persistentroom": "1", **options}.items())
        await owner.raw(room.room, f"<query xmlns='{OWNER}'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
                        f"<value>http://jabber.org/protocol/muc#roomconfig</value></field>{fields}</x></query>", "set")
    await owner.disconnect()


class Rooms:
    """The gateway, its plug, and people."""

    def __init__(self, directory, server, mosquitto, kind):
        self.server, self.mosquitto, self.kind, self.dir = server, mosquitto, kind, directory
        self.plug = world.Process("plug", [world.PYTHON, world.SIMULATORS / "tasmota.py", "--port", mosquitto.port,
                                           "--period", "1", "--on"], directory, expect="ready")
        stream = STREAMS[kind].format(domain=world.DOMAIN, c2s=server.port, ca=server.ca, component=world.COMPONENT,
                                      component_port=server.component_port)
        self.gateway = world.Thingtree(
            directory, CONFIG.format(stream=stream, service=SERVICE, domain=world.DOMAIN, mqtt=mosquitto.port,
                                     root=world.ROOT), {"devices.d/house.yaml": DEVICES},
            {"xmpp-password": server.passwords["gw"], "component-secret": server.secret, "room": "s3same"})

    def state(self, room):
        return next(r for r in self.gateway.status()["rooms"] if r["jid"] == f"{room}@{SERVICE}")

    def wait_for(self, room, state="in"):
        return world.wait_until(lambda: self.state(room)["state"] == state and self.state(room), what=f"{room} {state}")

    def start(self):
        self.start_gateway()
        for room in ("house", "hidden", "locked", "quiet"):
            self.wait_for(room)

    def start_gateway(self):
        self.gateway.start()
        world.wait_until(lambda: '"relay"' in self.gateway.cli("read", "--json", "plug", check=False).stdout,
                         what="the plug")

    def stop(self):
        self.gateway.stop()
        self.plug.stop()

    def switch(self, payload):
        """By the device's own way, not over XMPP."""
        sender = mqtt.Client()
        sender.connect("127.0.0.1", self.mosquitto.port)
        sender.loop_start()
        sender.publish("cmnd/tasmota_49A3BC/POWER", payload, qos=1).wait_for_publish(10)
        sender.loop_stop()
        sender.disconnect()

    @contextlib.asynccontextmanager
    async def people(self, *names):
        clients = [await client(self.server, name, f"room{next(ids)}") for name in names]
        try:
            yield clients
        finally:
            for one in clients:
                await one.disconnect()


@pytest.fixture(scope="module", params=["account", "component"], name="rooms")
def _rooms(request, tmp_path_factory, rooms_server, mosquitto):
    whole = Rooms(let_through(tmp_path_factory.mktemp(request.param)), rooms_server, mosquitto, request.param)
    try:
        whole.start()
        yield whole
    finally:
        whole.stop()
        print("---- log of thingtree ----\n" + whole.gateway.log()[-6000:])


def test_readings_are_announced(rooms):
    async def scenario():
        async with rooms.people("stranger") as (one,):
            listener = await Occupant(one, "house", "listener").join()
            await listener.sees("thingtree")
            rooms.switch("ON")
            for payload, shown in (("OFF", "Relay: off"), ("ON", "Relay: on")):
                rooms.switch(payload)
                body = await listener.hears(shown)
                assert body == f"*Metering plug* {shown}"  # nothing of the other fields
    run(scenario())


def test_commands_of_who_may(rooms):
    async def scenario():
        async with rooms.people("alice", "reader") as (one, two):
            alice = await Occupant(one, "house", "Ali").join()
            reader = await Occupant(two, "house", "reader").join()
            for word, shown in (("off", "off"), ("on", "on")):
                assert f"Relay: {shown}" in await alice.ask(f"plug.relay:={word}")
                assert f"Relay: {shown}" in await alice.ask("plug.relay?")
            assert (await reader.ask("plug.relay?")).startswith("reader: Relay: on")
            assert await reader.ask("plug off") == "reader: You may not do this."
            assert await alice.ask("watch plug") == "Ali: This is not supported."
            assert await alice.ask("log") == "Ali: You may not do this."
            # not to the gateway, or not now
            for text in ("1 plug off", "thingtreeplug off", "thingtree plug off", "other: plug off"):
                await alice.hears_nothing_of(text, reader)
            for inside in ("<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>",
                           "<replace xmlns='urn:xmpp:message-correct:0' id='x'/>",
                           "<encrypted xmlns='eu.siacs.conversations.axolotl'/>"):
                await alice.hears_nothing_of(f"thingtree: plug off {next(ids)}", reader, inside)
            # a private message through the room
            alice.say("plug off", f"<x xmlns='{USER}'/>", to=f"{alice.room}/thingtree", kind="chat")
            await alice.hears_nothing_of("that was not for all", reader)
            assert "Relay: on" in await alice.ask("plug.relay?")
    run(scenario())
    assert f"alice@{world.DOMAIN}" in (rooms.gateway.dir / "state/audit.jsonl").read_text()


def test_who_may_not_gets_silence(rooms):
    async def scenario():
        async with rooms.people("alice", "stranger") as (one, two):
            alice = await Occupant(one, "house", "alice").join()
            stranger = await Occupant(two, "house", "admin").join()
            for text in ("thingtree: help", "thingtree: plug off", "@thingtree ls"):
                await stranger.hears_nothing_of(text, alice)
            # the rules let everybody of the room's domain do everything: but nobody speaks as the room
            with pytest.raises(Exception, match="forbidden"):
                await two.raw(f"{alice.room}/thingtree", "<query xmlns='http://jabber.org/protocol/disco#items'/>")
            stranger.say("plug off", f"<x xmlns='{USER}'/>", to=f"{alice.room}/thingtree", kind="chat")
            assert "Relay: on" in await alice.ask("plug.relay?")
            # of a nick that she had nobody can make use
            alice.presence(kind="unavailable")
            await stranger.sees("alice", "unavailable")
            thief = await Occupant(two, "house", "alice").join()
            back = await Occupant(one, "house", "alice2").join()
            await thief.hears_nothing_of("thingtree: plug off", back)
    run(scenario())


def test_who_is_blocked_gets_silence(rooms):
    async def scenario():
        async with rooms.people("alice", "reader") as (one, two):
            alice = await Occupant(one, "house", "alice").join()
            reader = await Occupant(two, "house", "reader").join()
            assert "Relay: on" in await reader.ask("plug.relay?")
            rooms.gateway.cli("block", f"reader@{world.DOMAIN}")
            try:
                await reader.hears_nothing_of("thingtree: plug.relay? once more", alice)
            finally:
                rooms.gateway.cli("block", "--remove", f"reader@{world.DOMAIN}")
            assert "Relay: on" in await reader.ask("plug.relay?")
    run(scenario())


def test_hidden_addresses_get_silence(rooms):
    assert "hides" in rooms.state("hidden")["text"]

    async def scenario():
        async with rooms.people("alice", "alice") as (one, two):
            hidden = await Occupant(one, "hidden", "alice").join()
            seen = await Occupant(two, "house", "alice").join()
            hidden.say("thingtree: plug off")
            assert "Relay: on" in await seen.ask("plug.relay?")
            assert hidden.messages.get_nowait() == ("alice", "thingtree: plug off")
            assert hidden.messages.empty()
    run(scenario())


def test_room_with_a_password(rooms):
    assert rooms.state("wrong")["text"] == "the room wants another password"
    assert "s3same" not in rooms.gateway.log() and "nonsense" not in rooms.gateway.log()

    async def scenario():
        async with rooms.people("alice") as (one,):
            alice = await Occupant(one, "locked", "alice").join("s3same")
            assert "Relay: on" in await alice.ask("plug.relay?")
    run(scenario())


def test_no_room_is_made(rooms):
    assert "makes none" in rooms.state("nowhere")["text"]

    async def scenario():
        async with rooms.people("stranger") as (one,):
            with pytest.raises(Exception, match="item-not-found"):
                await one.raw(f"nowhere@{SERVICE}", "<query xmlns='http://jabber.org/protocol/disco#info'/>")
    run(scenario())


def test_only_a_public_room_is_warned_of(rooms):
    log = rooms.gateway.log()
    assert f"house@{SERVICE}: the room is public and open" in log
    assert f"quiet@{SERVICE}: the room is public" not in log


def test_kicked_and_back(rooms):
    async def scenario():
        async with rooms.people("admin", "alice") as (one, two):
            owner = await Occupant(one, "house", "owner").join()
            alice = await Occupant(two, "house", "alice").join()
            await owner.sees("thingtree")
            await one.raw(owner.room, "<query xmlns='http://jabber.org/protocol/muc#admin'>"
                                      "<item nick='thingtree' role='none'/></query>", "set")
            assert "307" in await owner.sees("thingtree", "unavailable")
            await owner.sees("thingtree")
            assert "Relay: on" in await alice.ask("plug.relay?")
    run(scenario())
    assert "kicked out" in rooms.gateway.log()


def test_restart(rooms):
    """Leaves with a word, comes back under another nick when its own is taken, and does nothing twice."""
    async def scenario():
        async with rooms.people("alice", "stranger") as (one, two):
            alice = await Occupant(one, "house", "alice").join()
            await alice.sees("thingtree")
            assert "Relay: on" in await alice.ask("plug on")
            rooms.gateway.stop()
            await alice.sees("thingtree", "unavailable")
            alice.say("thingtree: plug off")  # while nobody is there: part of the room's history now
            taker = await Occupant(two, "house", "thingtree").join()
            rooms.start_gateway()
            await alice.sees("thingtree_2")
            assert "Relay: on" in await alice.ask("plug.relay?", nick="thingtree_2")
            await taker.hears_nothing_of("thingtree_2: plug off", alice, nick="thingtree_2")
            taker.presence(kind="unavailable")
            assert rooms.wait_for("house")["nick"] == "thingtree_2"
            rooms.gateway.stop()
            await alice.sees("thingtree_2", "unavailable")
    run(scenario())
    rooms.start()
