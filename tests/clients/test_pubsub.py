# SPDX-License-Identifier: Apache-2.0
"""Publishing at ejabberd, which knows every access model: groups of the roster, presence, whitelist; PEP and a service."""
import asyncio
import os
import time

import pytest

from client import Client, Refused, run
from house import Ejabberd
import world

NS, NF = "http://jabber.org/protocol/pubsub", "urn:nf:iot:sd:1.0"
OWN, SERVICE = f"gw@{world.DOMAIN}", f"pubsub.{world.DOMAIN}"


@pytest.fixture(scope="module", name="town")
def _town(tmp_path_factory):
    """A server with gw, alice (in gw's group Family), bob (a contact in no group) and carol (nobody); a broker and a plug."""
    if not Ejabberd.is_installed():
        pytest.skip("ejabberd is not installed")
    directory = tmp_path_factory.mktemp("town")
    if os.geteuid() == 0:
        for p in [directory, *directory.parents]:
            if len(p.parts) > 2 and p.stat().st_mode & 0o077 == 0:
                p.chmod(0o711)
    world.make_ca(directory)
    world.make_certificate(directory, "server", [world.DOMAIN, "localhost", "127.0.0.1"])
    server = Ejabberd(directory)
    server.ca = directory / "ca.crt"
    for user in ("gw", "alice", "bob", "carol"):
        server.add_user(user)
    server.start()
    broker = world.Mosquitto(directory).start()
    plug = world.Process("plug", [world.PYTHON, world.SIMULATORS / "tasmota.py", "--port", broker.port, "--period", "1",
                                  "--on"], directory, expect="ready")
    gateway = world.Thingtree(directory, f"""\
version: 1
xmpp:
  account:
    jid: {OWN}/thingtree
    password: ${{credential:xmpp-password}}
    server: {{host: 127.0.0.1, port: {server.port}, ca: {server.ca}}}
  publish:
    - {{nodes: "**/plug", as: pep-roster, access: roster, groups: [Family], interval: 1s}}
    - {{nodes: "**/plug", as: pep-presence, access: presence, interval: 1s}}
    - {{nodes: "**/plug", as: pep-list, members: [carol@{world.DOMAIN}], interval: 1s}}
    - {{to: {SERVICE}, nodes: "**/plug", as: "roster/{{node}}", access: roster, groups: [Family], interval: 1s}}
    - {{to: {SERVICE}, nodes: "**/plug", as: "list/{{node}}", members: [carol@{world.DOMAIN}], interval: 1s}}
connections:
  broker: {{protocol: mqtt, url: "mqtt://127.0.0.1:{broker.port}"}}
devices:
  plug: {{uses: mqtt/tasmota-plug, connection: broker, with: {{topic: tasmota_49A3BC}}, under: house}}
access:
  - {{who: alice@{world.DOMAIN}, role: reader}}
  - {{who: bob@{world.DOMAIN}, role: reader}}
mappings: [{world.ROOT}/mappings]
""", {}, {"xmpp-password": server.passwords["gw"]})
    server.gateway = gateway.start()
    try:
        yield server
    finally:
        gateway.stop()
        print(gateway.log()[-4000:])
        plug.stop()
        broker.stop()
        server.stop()


async def login(server, name, resource="test"):
    return await Client(f"{name}@{world.DOMAIN}/{resource}", server.passwords[name]).login("127.0.0.1", server.port,
                                                                                          server.ca)


async def become_contacts(town):
    """alice and bob subscribe to the gateway, which lets them; alice is put into the group."""
    for name in ("alice", "bob"):
        client = await login(town, name)
        client.send_presence_subscription(OWN, ptype="subscribe")
        end = time.monotonic() + 20
        while True:
            roster = await client.raw(None, "<query xmlns='jabber:iq:roster'/>")
            if any(i.get("jid") == OWN and i.get("subscription") in ("to", "both") for i in roster.iter()):
                break
            assert time.monotonic() < end, "the gateway lets them subscribe"
            await asyncio.sleep(0.1)
        client.disconnect()
    own = await login(town, "gw", "other")
    await own.raw(None, f"<query xmlns='jabber:iq:roster'><item jid='alice@{world.DOMAIN}'><group>Family</group></item>"
                        "</query>", "set")
    own.disconnect()


async def values(client, to, node):
    answer = await client.raw(to, f"<pubsub xmlns='{NS}'><items node='{node}'/></pubsub>")
    return [f.get("v") for f in answer.iter(f"{{{NF}}}q") if f.get("n") == "power"]


@pytest.mark.parametrize("to, node, readers", [
    (OWN, "pep-roster", {"alice"}), (OWN, "pep-presence", {"alice", "bob"}), (OWN, "pep-list", {"carol"}),
    (SERVICE, "roster/plug", {"alice"}), (SERVICE, "list/plug", {"carol"}),
], ids=lambda p: p if isinstance(p, str) else "")
def test_readers(town, to, node, readers):
    async def scenario():
        if not hasattr(town, "are_contacts"):
            await become_contacts(town)
            town.are_contacts = True
        clients = {name: await login(town, name) for name in ("alice", "bob", "carol")}
        found, last, end = set(), "", time.monotonic() + 30
        while found != readers and time.monotonic() < end:
            found = set()
            for name, client in clients.items():
                try:
                    found |= {name} if await values(client, to, node) else set()
                except Refused as e:
                    last = str(e)
            assert found <= readers, "nobody else, not for a moment"
            await asyncio.sleep(0.2)
        assert found == readers, last
        for client in clients.values():
            client.disconnect()
    run(scenario())
    assert town.gateway.status()["counts"]["pubsub_nodes_failing"] == 0
