# SPDX-License-Identifier: Apache-2.0
"""Things as contacts, service discovery, cards and search, through a real server: at a component and at an account."""
import asyncio
import json
import xml.etree.ElementTree as ET

import paho.mqtt.publish
import pytest
from client import Client, Refused, run
import world

INFO, ITEMS = "http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items"
US = world.COMPONENT
CLIMATE, PLUG = f"climate@{US}", f"plug@{US}"

CONFIG = """\
version: 1
xmpp:
  account:
    jid: gw@{domain}/thingtree
    password: ${{credential:xmpp-password}}
    server: {{host: 127.0.0.1, port: {port}, ca: {ca}}}
  component:
    jid: {component}
    secret: ${{credential:component-secret}}
    server: {{host: 127.0.0.1, port: {component_port}}}
access:
  - {{who: admin@{domain}, role: admin}}
  - {{who: alice@{domain}, role: reader, nodes: [house/hall/climate], fields: [temperature]}}
connections:
  broker: {{protocol: mqtt, url: "mqtt://127.0.0.1:{mqtt}"}}
devices:
  climate: {{uses: mqtt/zigbee2mqtt-climate, connection: broker, with: {{name: Climate}}, under: house/hall,
            label: {{en: Hall climate}}}}
  plug: {{uses: mqtt/tasmota-plug, connection: broker, with: {{topic: plug}}, under: house/kitchen}}
mappings: [{root}/mappings]
"""


class Case:
    def __init__(self, directory, prosody, mosquitto):
        self.prosody, self.broker = prosody, mosquitto
        self.gateway = world.Thingtree(
            directory, CONFIG.format(domain=world.DOMAIN, component=US, port=prosody.port, ca=prosody.ca,
                                     component_port=prosody.component_port, mqtt=mosquitto.port, root=world.ROOT),
            {}, {"xmpp-password": prosody.passwords["gw"], "component-secret": prosody.secret})

    def start(self):
        self.gateway.start()
        world.wait_until(lambda: all(s["state"] == "online" for s in self.gateway.status()["xmpp"]), what="both online")
        self.measure(21.5)
        world.wait_until(lambda: "21.5" in self.gateway.cli("read", "--json", "climate", check=False).stdout,
                         what="a value")

    def measure(self, temperature):
        world.wait_until(lambda: self.gateway.status()["connections"][0]["state"] == "online", what="the broker")
        paho.mqtt.publish.single("zigbee2mqtt/Climate", json.dumps({"temperature": temperature, "humidity": 45}),
                                 port=self.broker.port, retain=True)

    async def login(self, name):
        client = Client(f"{name}@{world.DOMAIN}/test", self.prosody.passwords[name])
        client.auto_authorize = client.auto_subscribe = False
        client.seen = {}
        client.presences = asyncio.Queue()

        def on_presence(presence):
            client.seen[presence["from"].bare] = presence
            client.presences.put_nowait(presence)
        for kind in ("available", "away", "dnd", "unavailable"):
            client.add_event_handler(f"presence_{kind}", on_presence)
        await client.login("127.0.0.1", self.prosody.port, self.prosody.ca)
        await client.get_roster()
        return client

    async def until(self, client, bare, what, timeout=20):
        """A presence from that address of which `what` is true."""
        async def look():
            while True:
                presence = await client.presences.get()
                if presence["from"].bare == bare and what(presence):
                    return presence
        seen = client.seen.get(bare)
        if seen is not None and what(seen):
            return seen
        try:
            return await asyncio.wait_for(look(), timeout)
        except asyncio.TimeoutError:
            print("last seen of", bare, client.seen.get(bare))
            raise


@pytest.fixture(name="case", scope="module")
def _case(tmp_path_factory, prosody, mosquitto):
    for n in range(2):
        prosody.add_user(f"guest{n}")
    made = Case(tmp_path_factory.mktemp("contacts"), prosody, mosquitto)
    made.start()
    yield made
    assert made.gateway.stop() == 0
    assert "Sanitizer" not in made.gateway.log()


async def items(client, jid, node=None):
    attribute = f" node='{node}'" if node else ""
    answer = await client.raw(jid, f"<query xmlns='{ITEMS}'{attribute}/>")
    return {item.get("name"): (item.get("jid"), item.get("node")) for item in answer[0]}


async def info(client, jid, node=None):
    attribute = f" node='{node}'" if node else ""
    query = (await client.raw(jid, f"<query xmlns='{INFO}'{attribute}/>"))[0]
    return ({(i.get("category"), i.get("type"), i.get("name")) for i in query.iter(f"{{{INFO}}}identity")},
            {f.get("var") for f in query.iter(f"{{{INFO}}}feature")},
            {f.get("var"): f.findtext("{jabber:x:data}value") for f in query.iter("{jabber:x:data}field")})


def test_a_walk_by_addresses(case):
    async def scenario():
        admin = await case.login("admin")
        house = (await items(admin, US))["house"]
        assert house == (f"house@{US}", None)
        hall = (await items(admin, house[0]))["hall"]
        assert await items(admin, hall[0]) == {"Hall climate": (CLIMATE, None)}
        assert await items(admin, CLIMATE) == {}
        identities, features, form = await info(admin, CLIMATE)
        assert ("hierarchy", "leaf", "Hall climate") in identities
        assert "urn:xmpp:iot:sensordata" in features and "urn:xmpp:iot:control" not in features
        assert form["id"] == "climate" and form["readable"] == "true" and form["state"] == "None"
        assert "urn:xmpp:iot:control" in (await info(admin, PLUG))[1]
        alice = await case.login("alice")
        assert set(await items(alice, f"house@{US}")) == {"hall"}
        for address in (PLUG, f"ghost@{US}"):
            with pytest.raises(Refused, match="item-not-found"):
                await items(alice, address)
        guest = await case.login("guest0")
        with pytest.raises(Refused, match="forbidden"):
            await items(guest, CLIMATE)
    run(scenario())


def test_a_walk_by_nodes_of_an_account(case):
    async def scenario():
        admin = await case.login("admin")
        account = f"gw@{world.DOMAIN}/thingtree"
        node = (await items(admin, account))["house"]
        assert node == (account, "n/MeteringTopology//house")
        hall = (await items(admin, *node))["hall"]
        assert hall == (account, "n/MeteringTopology//house/hall")
        climate = (await items(admin, *hall))["Hall climate"]
        identities, features, form = await info(admin, *climate)
        assert identities == {("hierarchy", "leaf", "Hall climate")}
        assert "urn:nf:iot:sd:1.0" in features and form["id"] == "climate"
    run(scenario())


def test_a_contact_shows_how_the_thing_is(case):
    async def scenario():
        admin, alice = await case.login("admin"), await case.login("alice")
        for client in (admin, alice):
            client.send_presence_subscription(CLIMATE)
        presence = await case.until(admin, CLIMATE, lambda p: "21.50 °C" in p["status"])
        assert "45" in presence["status"]
        photo = presence.xml.findtext(".//{vcard-temp:x:update}photo")
        assert presence.xml.findtext("{http://jabber.org/protocol/nick}nick") == "Hall climate"
        only = await case.until(alice, CLIMATE, lambda p: "21.50 °C" in p["status"])
        assert "45" not in only["status"]  # a field that alice may not read
        # What presence says the thing can do is what it says when it is asked.
        caps = presence.xml.find("{http://jabber.org/protocol/caps}c")
        assert ("hierarchy", "leaf", "thingtree") in (await info(admin, CLIMATE, f"{caps.get('node')}#{caps.get('ver')}"))[0]
        case.measure(23.0)
        await case.until(admin, CLIMATE, lambda p: "23.00 °C" in p["status"])
        # The card, and the picture that presence has named.
        import base64, hashlib
        card = (await admin.raw(CLIMATE, "<vCard xmlns='vcard-temp'/>"))[0]
        assert card.findtext("{vcard-temp}FN") == "Hall climate"
        picture = base64.b64decode(card.findtext("{vcard-temp}PHOTO/{vcard-temp}BINVAL"))
        assert hashlib.sha1(picture).hexdigest() == photo
        # A thing that was never heard of is away; one whom alice may not see does not answer.
        admin.send_presence_subscription(PLUG)
        await case.until(admin, PLUG, lambda p: p["type"] == "away")
        alice.send_presence_subscription(PLUG)
        with pytest.raises(asyncio.TimeoutError):
            await case.until(alice, PLUG, lambda p: True, 2)
        case.gateway.cli("requests", "deny", f"alice@{world.DOMAIN}")
    run(scenario())


def test_the_picture_of_a_thing(case):
    """As XEP-0084 has it: the description at the address of the thing, then the picture that it names."""
    async def scenario():
        import hashlib
        from slixmpp.exceptions import IqError
        admin, alice = await case.login("admin"), await case.login("alice")
        for client in (admin, alice):
            client.register_plugin("xep_0084")
        assert ("pubsub", "pep", "Hall climate") in (await info(alice, CLIMATE))[0]
        seen = {}
        for client, address in ((alice, CLIMATE), (admin, PLUG), (admin, US)):
            described = await client["xep_0060"].get_items(address, "urn:xmpp:avatar:metadata")
            one = described["pubsub"]["items"]["substanzas"][0].xml.find(".//{urn:xmpp:avatar:metadata}info")
            answer = await client["xep_0084"].retrieve_avatar(address, one.get("id"))
            picture = answer["pubsub"]["items"]["substanzas"][0]["avatar_data"]["value"]
            assert picture.startswith(b"\x89PNG") and len(picture) == int(one.get("bytes"))
            assert hashlib.sha1(picture).hexdigest() == one.get("id")
            seen[address] = one.get("id")
        assert len(set(seen.values())) == 3
        with pytest.raises(IqError, match="item-not-found"):
            await alice["xep_0084"].retrieve_avatar(PLUG, seen[PLUG])
    run(scenario())


def test_a_stranger_is_granted_one_thing(case):
    async def scenario():
        guest = await case.login("guest1")
        guest.send_presence_subscription(CLIMATE)

        def request():
            asked = json.loads(case.gateway.cli("requests", "--json").stdout)["requests"]
            return next((r for r in asked if r["jid"].startswith("guest1@")), None)
        for _ in range(100):
            if request():
                break
            await asyncio.sleep(0.1)
        assert request()["via"] == CLIMATE and request()["nodes"] == "house/hall/climate"
        assert "house/hall/climate" in case.gateway.cli("requests").stdout
        said = case.gateway.cli("requests", "accept", f"guest1@{world.DOMAIN}", "--role", "reader").stdout
        assert "for these nodes alone: house/hall/climate" in said
        await case.until(guest, CLIMATE, lambda p: "45.00 %" in p["status"])
        assert set(await items(guest, f"house@{US}")) == {"hall"}
        with pytest.raises(Refused, match="item-not-found"):
            await items(guest, PLUG)
        case.gateway.cli("requests", "revoke", f"guest1@{world.DOMAIN}")
        await case.until(guest, CLIMATE, lambda p: p["type"] == "unavailable")
    run(scenario())


def test_search(case):
    async def scenario():
        admin, alice = await case.login("admin"), await case.login("alice")
        form = (await admin.raw(US, "<query xmlns='jabber:iq:search'/>"))[0]
        assert form.find("{jabber:x:data}x") is not None
        query = ("<query xmlns='jabber:iq:search'><x xmlns='jabber:x:data' type='submit'><field var='place'><value>house"
                 "</value></field></x></query>")
        for client, expected in ((admin, {CLIMATE, PLUG}), (alice, {CLIMATE})):
            answer = await client.raw(US, query, "set")
            found = {e.text for e in answer.iter("{jabber:x:data}value")}
            assert {a for a in found if a in (CLIMATE, PLUG)} == expected
    run(scenario())


def test_the_gateway_has_a_name(case):
    """`gateway@` the component is the component, for programs that write to nobody without an @."""
    async def scenario():
        admin, alice, guest = await case.login("admin"), await case.login("alice"), await case.login("guest0")
        query = "<query xmlns='jabber:iq:search'><nick>thingtree</nick></query>"
        found = (await alice.raw(US, query, "set"))[0].find("{jabber:iq:search}item")
        named = found.get("jid")
        assert named == f"gateway@{US}"
        assert (named, "n/MeteringTopology//gateway") in (await items(admin, US)).values()
        assert set(await items(admin, named)) == set(await items(admin, US))
        assert (f"gateway\\2fbroker@{US}", None) in (await items(admin, named, "n/MeteringTopology//gateway")).values()
        assert await info(alice, named) == await info(alice, US)
        admin.send_presence_subscription(named)
        alice.send_presence_subscription(named)
        assert (await case.until(admin, named, lambda p: True))["status"].startswith("2 devices")
        assert (await case.until(alice, named, lambda p: True))["status"].startswith("1 device")
        assert (await admin.raw(named, "<vCard xmlns='vcard-temp'/>"))[0].findtext("{vcard-temp}JABBERID") == named
        commands = "http://jabber.org/protocol/commands"
        assert set(await items(admin, named, commands)) == set(await items(admin, US, commands))
        with pytest.raises(Refused, match="forbidden"):
            await items(guest, named)
        admin.send_presence(pto=named, ptype="unsubscribe")
        await case.until(admin, named, lambda p: p["type"] == "unavailable")
    run(scenario())


def test_contacts_outlive_a_restart(case):
    async def scenario():
        admin = await case.login("admin")
        admin.send_presence_subscription(CLIMATE)
        await case.until(admin, CLIMATE, lambda p: "°C" in p["status"])
        assert case.gateway.stop() == 0
        await case.until(admin, CLIMATE, lambda p: p["type"] == "unavailable")
        case.start()
        await case.until(admin, CLIMATE, lambda p: "°C" in p["status"])
    run(scenario())


def test_an_account_asks_back_once(case):
    """Who says no to being seen by the account is not asked again by what the server then tells of the roster."""
    async def scenario():
        alice, account = await case.login("alice"), f"gw@{world.DOMAIN}"
        asked = []
        alice.add_event_handler("presence_subscribe", lambda presence: asked.append(presence["from"].bare))
        alice.send_presence_subscription(account)  # and says no, as auto_authorize is
        await case.until(alice, account, lambda p: p["status"].startswith("2 devices"))
        for _ in range(100):
            if asked:
                break
            await asyncio.sleep(0.1)
        for _ in range(3):  # what the roster led to comes before the answers
            await alice.raw(f"{account}/thingtree", "<ping xmlns='urn:xmpp:ping'/>")
        assert asked == [account]
    run(scenario())


def test_the_account_has_a_card_and_says_how_it_is(case):
    async def scenario():
        admin = await case.login("admin")
        admin.auto_authorize = True
        admin.send_presence_subscription(f"gw@{world.DOMAIN}")
        await case.until(admin, f"gw@{world.DOMAIN}", lambda p: p["status"].startswith("2 devices"))
        card = (await admin.raw(f"gw@{world.DOMAIN}", "<vCard xmlns='vcard-temp'/>"))[0]
        assert card.findtext("{vcard-temp}FN") == "thingtree"
    run(scenario())
