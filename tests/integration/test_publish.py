# SPDX-License-Identifier: Apache-2.0
"""Publishing to PEP and pubsub nodes: what arrives, who may read it, and what happens when the service or the device goes."""
import asyncio
import shutil
import xml.etree.ElementTree as ET

import pytest
from slixmpp.plugins.xep_0323.stanza.sensordata import Fields
from client import Client, Refused, run
from conftest import let_through
import world

NS = "http://jabber.org/protocol/pubsub"
NF, XEP = "urn:nf:iot:sd:1.0", "urn:xmpp:iot:sensordata"
SERVICE = "pubsub." + world.DOMAIN
OWN = f"gw@{world.DOMAIN}"

CONFIG = """\
version: 1
xmpp:
{streams}
  publish:
{publish}
connections:
  broker: {{protocol: mqtt, url: "mqtt://127.0.0.1:{mqtt}"}}
include: [devices.d/*.yaml]
mappings: [{root}/mappings]
"""

ACCOUNT = """\
  account:
    jid: {own}/thingtree
    password: ${{credential:xmpp-password}}
    server: {{host: 127.0.0.1, port: {port}, ca: {ca}}}
"""
COMPONENT = """\
  component:
    jid: {component}
    secret: ${{credential:component-secret}}
    server: {{host: 127.0.0.1, port: {port}}}
"""
PLUG = """\
devices:
  plug:
    uses: mqtt/tasmota-plug
    connection: broker
    with: {topic: tasmota_49A3BC}
    under: house/kitchen
"""
CLIMATE = """\
devices:
  climate:
    uses: mqtt/zigbee2mqtt-climate
    connection: broker
    with: {name: Climate sensor}
    under: house/hall
"""


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory, certificates):
    """Prosody with a pubsub service where the gateway may make nodes."""
    directory = let_through(tmp_path_factory.mktemp("pubsub"))
    for f in certificates.iterdir():
        shutil.copy(f, directory)
    server = world.Prosody(directory, extra=f'Component "{SERVICE}" "pubsub"\n'
                           f'  admins = {{ "{OWN}", "{world.COMPONENT}" }}\n')
    server.ca = certificates / "ca.crt"
    for user in ["gw", "alice", "bob"]:
        server.add_user(user)
    yield server.start()
    server.stop()


@pytest.fixture(scope="module", name="devices")
def _devices(tmp_path_factory, mosquitto):
    """The plug, which says its values once a second."""
    directory = tmp_path_factory.mktemp("devices")
    plug = world.Process("plug", [world.PYTHON, world.SIMULATORS / "tasmota.py", "--port", mosquitto.port, "--period", "1",
                                  "--on"], directory, expect="ready")
    zigbee = world.Process("zigbee", [world.PYTHON, world.SIMULATORS / "zigbee2mqtt.py", "--port", mosquitto.port,
                                      "--period", "1"], directory, expect="ready")
    yield plug
    zigbee.stop()
    plug.stop()


@pytest.fixture(name="start")
def _start(tmp_path, server, mosquitto, devices):
    """start(publish, component=False): a gateway that publishes so; each test has its own."""
    started = []

    def config(publish, component=False):
        streams = COMPONENT.format(component=world.COMPONENT, port=server.component_port) if component else \
            ACCOUNT.format(own=OWN, port=server.port, ca=server.ca)
        return CONFIG.format(streams=streams, publish="".join(f"    - {{{p}}}\n" for p in publish), mqtt=mosquitto.port,
                             root=world.ROOT)

    def start(publish, component=False, devices=(PLUG, CLIMATE)):
        directory = tmp_path / f"gateway{len(started)}"
        directory.mkdir()
        gateway = world.Thingtree(directory, config(publish, component),
                                  {f"devices.d/{i}.yaml": d for i, d in enumerate(devices)},
                                  {"xmpp-password": server.passwords["gw"], "component-secret": server.secret})
        gateway.text_of = config
        started.append(gateway)
        return gateway.start()
    yield start
    for gateway in started:
        gateway.stop()
        print(gateway.log()[-3000:])
    print(server.process.text()[-3000:])


async def login(server, name, resource="test"):
    return await Client(f"{name}@{world.DOMAIN}/{resource}", server.passwords[name]).login("127.0.0.1", server.port,
                                                                                          server.ca)


async def items(client, to, node):
    """{item id: payload} as `client` may read them."""
    answer = await client.raw(to, f"<pubsub xmlns='{NS}'><items node='{node}'/></pubsub>")
    return {i.get("id"): i[0] for i in answer.iter(f"{{{NS}}}item")}


async def until(attempt, what, timeout=20):
    """The first result of `attempt` that is true; refusals count as not yet."""
    last = None
    for _ in range(timeout * 10):
        try:
            last = await attempt()
            if last:
                return last
        except Refused as e:
            last = e
        await asyncio.sleep(0.1)
    raise AssertionError(f"{what}: {last}")


def field(payload, ns, name, attribute):
    return [f for f in payload.iter() if f.get("n" if ns == NF else "name") == name and f.get(attribute) is not None]


async def next_event(client, node, timeout=15):
    """The next item of an event about this pubsub node: (id, payload), or (id, None) when it was taken away."""
    async def search():
        while True:
            message = await client.messages.get()
            for e in message.iter(f"{{{NS}#event}}items"):
                if e.get("node") == node:
                    return next(((i.get("id"), i[0] if len(i) else None) for i in e), None)
    return await asyncio.wait_for(search(), timeout)


def test_pep_whitelist(start, server):
    """An item a device at the account, in the vocabulary of P1451.99, for those on the list and for nobody else."""
    gateway = start([f"nodes: house/**, members: [alice@{world.DOMAIN}], interval: 1s"])

    async def scenario():
        alice, bob = await login(server, "alice"), await login(server, "bob")

        async def both():
            found = await items(alice, OWN, NF)
            return found if set(found) == {"plug", "climate"} and field(found["plug"], NF, "power", "v") and \
                field(found["climate"], NF, "temperature", "v") else None
        found = await until(both, "two items")
        assert found["plug"].tag == f"{{{NF}}}resp"
        assert found["plug"].find(f"{{{NF}}}nd").get("id") == "plug"
        assert field(found["climate"], NF, "temperature", "v")[0].get("u") == "°C"
        with pytest.raises(Refused, match="forbidden"):
            await items(bob, OWN, NF)
        # Whoever subscribes is told at once.
        await alice.raw(OWN, f"<pubsub xmlns='{NS}'><subscribe node='{NF}' jid='alice@{world.DOMAIN}'/></pubsub>", "set")
        item, payload = await next_event(alice, NF)
        assert item in ("plug", "climate") and payload.tag == f"{{{NF}}}resp"
        with pytest.raises(Refused, match="forbidden"):
            await bob.raw(OWN, f"<pubsub xmlns='{NS}'><subscribe node='{NF}' jid='bob@{world.DOMAIN}'/></pubsub>", "set")
        for c in (alice, bob):
            c.disconnect()
    run(scenario())
    status = gateway.status()["counts"]
    assert status["pubsub_nodes"] == 1 and status["pubsub_nodes_failing"] == 0 and status["pubsub_items"] >= 2
    assert "1 pubsub node" in gateway.cli("status").stdout


@pytest.mark.parametrize("component", [False, True], ids=["account", "component"])
def test_service_in_both_dialects(start, server, component):
    """A pubsub node a device at a service, once in each dialect."""
    mode = "component" if component else "account"
    gateway = start([f'to: {SERVICE}, nodes: "**/plug", fields: [power, relay], as: "{mode}/x/{{node}}", dialect: xep, '
                     f'members: [alice@{world.DOMAIN}], interval: 1s',
                     f'to: {SERVICE}, nodes: "**/plug", as: "{mode}/{{source}}/{{node}}", members: alice@{world.DOMAIN}'],
                    component)

    async def scenario():
        alice, bob = await login(server, "alice"), await login(server, "bob")

        async def one(node, ns, attribute):
            """The item, once it has values: at first it may say that the device is not there yet."""
            payload = (await items(alice, SERVICE, node)).get("current")
            return payload if payload is not None and field(payload, ns, "power", attribute) else None
        payload = await until(lambda: one(f"{mode}/x/plug", XEP, "value"), "the item")
        assert payload.tag == f"{{{XEP}}}fields" and payload.get("seqnr") == "0" and payload.get("done") == "true"
        assert {f.get("name") for f in payload.iter() if f.get("name")} <= {"power", "relay"}
        assert field(payload, XEP, "power", "value")[0].get("unit") == "W"
        (node,) = Fields(xml=payload)["nodes"]  # as slixmpp's own classes read it
        values = {f["name"]: f["value"] for t in node["timestamps"] for f in t["datas"]}
        assert node["nodeId"] == "plug" and float(values["power"]) > 0
        payload = await until(lambda: one(f"{mode}/MeteringTopology/plug", NF, "v"), "the other item")
        assert payload.tag == f"{{{NF}}}resp"
        with pytest.raises(Refused, match="forbidden"):
            await items(bob, SERVICE, f"{mode}/x/plug")
        for c in (alice, bob):
            c.disconnect()
    run(scenario())
    assert gateway.status()["counts"]["pubsub_nodes"] == 2


def test_a_node_that_is_open_is_closed_first(start, server):
    """Whoever has opened the pubsub node to all meanwhile does not get the next value: it is closed, and the list is ours."""
    node = "opened/plug"

    async def open_it():
        own = await login(server, "gw", "other")
        await own.raw(SERVICE, f"<pubsub xmlns='{NS}'><create node='{node}'/><configure><x xmlns='jabber:x:data' type='submit'>"
                               f"<field var='FORM_TYPE'><value>{NS}#node_config</value></field>"
                               "<field var='pubsub#access_model'><value>open</value></field></x></configure></pubsub>", "set")
        await own.raw(SERVICE, f"<pubsub xmlns='{NS}#owner'><affiliations node='{node}'><affiliation "
                               f"jid='bob@{world.DOMAIN}' affiliation='member'/></affiliations></pubsub>", "set")
        bob = await login(server, "bob")
        assert await items(bob, SERVICE, node) == {}
        for c in (own, bob):
            c.disconnect()
    run(open_it())
    start([f'to: {SERVICE}, nodes: "**/plug", as: "opened/{{node}}", members: [alice@{world.DOMAIN}]'])

    async def scenario():
        alice, bob = await login(server, "alice"), await login(server, "bob")
        await until(lambda: items(alice, SERVICE, node), "the item")
        with pytest.raises(Refused, match="forbidden"):
            await items(bob, SERVICE, node)
        for c in (alice, bob):
            c.disconnect()
    run(scenario())


def test_what_cannot_be_confirmed_is_not_published(start, server):
    """Prosody has no roster access: nothing is published, and it is said why."""
    gateway = start(['nodes: "**/plug", access: roster, groups: [Family], as: "roster/{node}"'])
    world.wait_until(lambda: gateway.status()["counts"]["pubsub_nodes_failing"] == 1, what="failing")
    assert gateway.status()["counts"]["pubsub_items"] == 0
    assert "publish: pep, roster/plug: " in gateway.log()
    assert "1 failing" in gateway.cli("status").stdout

    async def scenario():
        own = await login(server, "gw", "other")
        with pytest.raises(Refused, match="item-not-found"):
            await items(own, OWN, "roster/plug")
        own.disconnect()
    run(scenario())


def test_reload_changes_the_readers(start, server):
    gateway = start([f'nodes: "**/plug", as: "readers/{{node}}", members: [alice@{world.DOMAIN}, bob@{world.DOMAIN}]'])

    async def scenario():
        alice, bob = await login(server, "alice"), await login(server, "bob")
        await until(lambda: items(bob, OWN, "readers/plug"), "the item")
        gateway.write("thingtree.yaml", gateway.text_of(
            [f'nodes: "**/plug", as: "readers/{{node}}", members: [alice@{world.DOMAIN}]']))
        await asyncio.to_thread(gateway.cli, "reload")

        async def is_out():
            try:
                await items(bob, OWN, "readers/plug")
            except Refused as e:
                return "forbidden" in str(e)
            return False
        await until(is_out, "out")
        assert await items(alice, OWN, "readers/plug")
        for c in (alice, bob):
            c.disconnect()
    run(scenario())


def test_a_device_that_goes_takes_its_item_along(start, server):
    gateway = start([f'nodes: "**/plug", as: "going/{{node}}", members: [alice@{world.DOMAIN}]'])

    async def scenario():
        alice = await login(server, "alice")
        await until(lambda: items(alice, OWN, "going/plug"), "the item")
        (gateway.dir / "devices.d/0.yaml").unlink()
        await asyncio.to_thread(gateway.cli, "reload")

        async def is_gone():
            return await items(alice, OWN, "going/plug") == {}
        await until(is_gone, "gone", 30)
        alice.disconnect()
    run(scenario())
    assert gateway.status()["counts"]["pubsub_nodes"] == 0


def test_what_is_published_no_more_is_deleted(start, server):
    """By a reload, and while the gateway did not run."""
    entries = [f'to: {SERVICE}, nodes: "**/plug", as: "{n}/{{node}}", members: [alice@{world.DOMAIN}]' for n in "abc"]
    gateway = start(entries)

    async def scenario():
        alice = await login(server, "alice")

        async def refusal(name):
            """None: the item is there, and hers to read."""
            try:
                return None if await items(alice, SERVICE, f"{name}/plug") else "empty"
            except Refused as e:
                return next(c for c in ("item-not-found", "forbidden") if c in str(e))

        async def is_there(name):
            return await refusal(name) is None

        async def is_gone(name):
            return await refusal(name) == "item-not-found"
        for name in "abc":
            await until(lambda: is_there(name), name)
        gateway.write("thingtree.yaml", gateway.text_of(entries[1:]))
        await asyncio.to_thread(gateway.cli, "reload")
        await until(lambda: is_gone("a"), "a is gone")
        gateway.stop()
        gateway.write("thingtree.yaml", gateway.text_of(entries[2:]))
        gateway.start()
        await until(lambda: is_gone("b"), "b is gone")
        assert await is_there("c")
        alice.disconnect()
    run(scenario())


def test_a_server_that_comes_back_has_it_all(start, server):
    gateway = start([f'nodes: "**/plug", as: "back/{{node}}", members: [alice@{world.DOMAIN}], interval: 1s'])

    async def there():
        alice = await login(server, "alice")
        found = await until(lambda: items(alice, OWN, "back/plug"), "the item")
        alice.disconnect()
        return found["current"]
    run(there())
    before = gateway.status()["counts"]["pubsub_items"]
    server.stop()
    server.start()
    world.wait_until(lambda: gateway.status()["counts"]["pubsub_items"] > before, 60, "items after the restart")
    assert ET.tostring(run(there()))


