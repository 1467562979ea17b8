# SPDX-License-Identifier: Apache-2.0
"""What an admin does from their client: devices come, change and go by ad-hoc commands of a real client over a real server,
while the readings of another go on; strangers are let in."""
import asyncio
import json
import stat

import pytest
import slixmpp
from client import Client, run
import world

ACCOUNT = f"gw@{world.DOMAIN}/thingtree"
CLIMATE = {"label": "Hall climate", "key": "", "under": "house/hall", "connection": "broker", "with.base": "zigbee2mqtt",
           "with.name": "Climate sensor"}
LOCKED = """\
mapping: mqtt/locked
version: 1
protocol: mqtt
params: {topic: {type: string}, pin: {type: secret}}
source: {topic: "${topic}/${pin}", format: text}
points: {on: {type: string}}
"""


@pytest.fixture(name="house", scope="module")
def _house(tmp_path_factory, prosody, mosquitto):
    directory = tmp_path_factory.mktemp("manage")
    gateway = world.Thingtree(directory, f"""\
version: 1
xmpp:
  account:
    jid: {ACCOUNT}
    password: ${{credential:xmpp-password}}
    server: {{host: 127.0.0.1, port: {prosody.port}, ca: {prosody.ca}}}
  component:
    jid: {world.COMPONENT}
    secret: ${{credential:component-secret}}
    server: {{host: 127.0.0.1, port: {prosody.component_port}}}
access:
  - {{who: admin@{world.DOMAIN}, role: admin}}
  - {{who: alice@{world.DOMAIN}, role: operator}}
  - {{who: reader@{world.DOMAIN}, role: reader}}
connections:
  broker: {{protocol: mqtt, url: "mqtt://127.0.0.1:{mosquitto.port}"}}
include: [devices.d/*.yaml]
mappings: [mappings, {world.ROOT}/mappings]
""", {"devices.d/house.yaml": "devices:\n  plug: {uses: mqtt/tasmota-plug, connection: broker, with: {topic: tasmota_49A3BC}}\n"
                              "  broken: {uses: mqtt/tasmota-plug, connection: broker, with: {tpoic: x}}\n",
      "mappings/mqtt/locked.yaml": LOCKED},
                              {"xmpp-password": prosody.passwords["gw"], "component-secret": prosody.secret})
    parts = [world.Process(name, [world.PYTHON, world.SIMULATORS / f"{name}.py", "--port", mosquitto.port, "--period", "1"],
                           directory, expect="ready") for name in ("tasmota", "zigbee2mqtt")]
    gateway.start()
    world.wait_until(lambda: all(s["state"] == "online" for s in gateway.status()["xmpp"]), what="both online")
    world.wait_until(lambda: values(gateway, "plug"), what="values of the plug")
    yield gateway
    code, log = gateway.stop(), gateway.log()
    for part in parts:
        part.stop()
    assert code == 0 and "Sanitizer" not in log, log[-4000:]


def values(gateway, node):
    """{field: (value, stamp)} as the command line reads them."""
    out = gateway.cli("read", "--json", node, check=False)
    if out.returncode:
        return {}
    return {f["name"]: (f.get("value"), f.get("time") or f.get("at") or f.get("stamp"))
            for line in out.stdout.splitlines() for f in json.loads(line).get("fields", [])}


def remote(gateway):
    return gateway.dir / "devices.d/remote.yaml"


class Admin(Client):
    """Commands as slixmpp speaks them."""

    async def come(self, prosody):
        await self.login("127.0.0.1", prosody.port, prosody.ca)
        for plugin in ("xep_0004", "xep_0050"):
            self.register_plugin(plugin)
        return self

    async def step(self, to, node, answers=None, session=None, action=None):
        """One request: the command that comes back, and its form as {var: value}."""
        payload = None
        if answers is not None:
            form = self["xep_0004"].make_form(ftype="submit")
            for var, value in answers.items():
                form.add_field(var=var, value=value)
            payload = [form]
        iq = await self["xep_0050"].send_command(to, node, action=action or ("execute" if session is None else None),
                                                 payload=payload, sessionid=session, timeout=20)
        command = iq["command"]
        fields = {f["var"]: f for f in command["form"]["fields"]} if command.xml.find("{jabber:x:data}x") is not None else {}
        return command, fields

    async def walk(self, node, *forms, to=world.COMPONENT):
        """Through all forms to the end: the last command, its fields, its note."""
        command, fields = await self.step(to, node)
        for answers in forms:
            assert command["status"] == "executing", str(command)
            command, fields = await self.step(to, node, answers, command["sessionid"])
        note = command.xml.find("{http://jabber.org/protocol/commands}note")
        return command, fields, note.text if note is not None else None


def scenario(prosody, who, do):
    async def whole():
        return await do(await Admin(f"{who}@{world.DOMAIN}/test", prosody.passwords[who]).come(prosody))
    return run(whole())


async def eventually(condition, what):
    for _ in range(150):
        result = await asyncio.to_thread(condition)
        if result:
            return result
        await asyncio.sleep(0.1)
    raise AssertionError(what)


def test_only_admins(house, prosody):
    nodes = {"add-device", "edit-device", "remove-device", "requests", "access-rules", "status", "log"}

    def listed(who):
        async def do(client):
            for node in nodes if who != "admin" else ():
                with pytest.raises(slixmpp.exceptions.IqError) as e:
                    await client.step(world.COMPONENT, node)
                assert e.value.condition == "forbidden"
            items = await client["xep_0050"].get_commands(world.COMPONENT)
            return {node for _, node, _ in items["disco_items"]["items"]}
        return scenario(prosody, who, do)
    assert nodes <= listed("admin")
    assert not nodes & listed("alice") and not nodes & listed("reader")
    assert not remote(house).exists()


def test_add_read_edit_remove(house, prosody):
    """The plug's own report is newer after each step, and its node was never made again."""
    async def do(client):
        before = await asyncio.to_thread(values, house, "plug")
        command, fields = await client.step(world.COMPONENT, "add-device")
        assert "mqtt/zigbee2mqtt-climate" in [o["value"] for o in fields["uses"]["options"]]
        command, fields = await client.step(world.COMPONENT, "add-device", {"uses": "mqtt/zigbee2mqtt-climate"},
                                            command["sessionid"])
        assert fields["connection"]["value"] == "broker" and fields["with.base"]["value"] == "zigbee2mqtt"
        # A mistake, then as it should be, in the same session.
        command, fields = await client.step(world.COMPONENT, "add-device", {**CLIMATE, "under": "plug/x"},
                                            command["sessionid"])
        assert command["status"] == "executing" and "plug" in fields["under"]["desc"], str(command)
        assert fields["label"]["value"] == "Hall climate"
        assert not remote(house).exists()
        command, fields = await client.step(world.COMPONENT, "add-device", CLIMATE, command["sessionid"])
        assert command["status"] == "completed" and fields["device"]["value"] == "hall-climate", str(command)
        await eventually(lambda: "temperature" in values(house, "hall-climate"), "values of the new device")
        text = remote(house).read_text()
        assert 'label: "Hall climate"' in text and 'name: "Climate sensor"' in text and "base" not in text
        assert stat.S_IMODE(remote(house).stat().st_mode) == 0o640

        _, _, note = await client.walk("edit-device", {"device": "hall-climate"}, {"label": "Hallens klimat"})
        assert note == "The device hall-climate was changed."
        tree = (await asyncio.to_thread(house.cli, "tree", "--json")).stdout
        assert "Hallens klimat" in tree
        assert "temperature" in await asyncio.to_thread(values, house, "hall-climate")  # it did not forget them

        command, _ = await client.step(world.COMPONENT, "edit-device")
        command, _ = await client.step(world.COMPONENT, "edit-device", {"device": "plug"}, command["sessionid"])
        assert command["status"] == "executing" and "devices.d/house.yaml" in str(command)

        await eventually(lambda: values(house, "plug").get("power", (0, 0))[1] != before["power"][1], "the plug goes on")
        _, _, note = await client.walk("remove-device", {"device": "hall-climate"}, {"sure": "1"})
        assert note == "The device hall-climate was removed."
        assert not await asyncio.to_thread(values, house, "hall-climate")
        assert "Climate" not in remote(house).read_text()
    scenario(prosody, "admin", do)
    log = house.log()
    assert log.count("hall-climate: added over XMPP") == 1 and "plug: " not in log.split("hall-climate: added")[1]
    audit = (house.dir / "state/audit.jsonl").read_text()
    for kind in ("added", "edited", "removed"):
        assert f'"kind":"{kind}","jid":"admin@{world.DOMAIN}/test","node":"hall-climate"' in audit


def test_hostile_texts_and_secrets(house, prosody):
    """Whatever is typed is a text; the secret is in the file that only the daemon reads, and nowhere else."""
    label = "x\"\n  evil: {uses: mqtt/any}\n# ${credential:xmpp-password} ${env:HOME} &<>'"

    async def do(client):
        _, fields, note = await client.walk("add-device", {"uses": "mqtt/locked"},
                                            {"label": label, "key": "locked", "connection": "broker", "with.topic": "t",
                                             "with.pin": "s3cr3t"})
        assert note == "The device locked was added.", (fields, note)
        command, fields = await client.step(world.COMPONENT, "edit-device")
        command, fields = await client.step(world.COMPONENT, "edit-device", {"device": "locked"}, command["sessionid"])
        assert "s3cr3t" not in str(command) and fields["with.pin"]["type"] == "text-private"
        command, _ = await client.step(world.COMPONENT, "edit-device", {"label": label, "with.topic": "t2", "with.pin": ""},
                                       command["sessionid"])
        assert command["status"] == "completed"
        _, fields, _ = await client.walk("log", {"what": "audit", "lines": "100"})
        assert any("locked" in f["value"] for f in fields.values()) and not any("s3cr3t" in f["value"] for f in fields.values())
    scenario(prosody, "admin", do)
    assert stat.S_IMODE(remote(house).stat().st_mode) == 0o600
    assert 'pin: "s3cr3t"' in remote(house).read_text()
    out = house.check()
    assert "s3cr3t" not in out.stdout + out.stderr + house.log() + (house.dir / "state/audit.jsonl").read_text()
    nodes = [n["node"] for n in map(json.loads, house.cli("tree", "--json").stdout.splitlines()) if "node" in n]
    assert "evil" not in nodes


def test_a_restart_keeps_it(house, prosody):
    (house.dir / "devices.d/remote.yaml.new").write_text("devices: {ghost: {")  # of a daemon that died while it wrote
    assert house.stop() == 0
    house.start()
    world.wait_until(lambda: all(s["state"] == "online" for s in house.status()["xmpp"]), what="both online")
    tree = house.cli("tree", "--json").stdout
    assert '"locked"' in tree and "ghost" not in tree

    async def do(client):
        _, _, note = await client.walk("remove-device", {"device": "locked"}, {"sure": "true"})
        assert note == "The device locked was removed."
        # by the account's address it is the same
        _, _, note = await client.walk("status", to=ACCOUNT)
        assert "devices:" in note
    scenario(prosody, "admin", do)
    assert '"locked"' not in house.cli("tree", "--json").stdout


def test_a_stranger_is_let_in(house, prosody):
    async def do(client):
        stranger = await Admin(f"stranger@{world.DOMAIN}/x", prosody.passwords["stranger"]).come(prosody)
        stranger.send_presence(pto=f"gw@{world.DOMAIN}", ptype="subscribe")
        await eventually(lambda: f"stranger@{world.DOMAIN}" in house.cli("requests", "--json").stdout, "the request")
        with pytest.raises(slixmpp.exceptions.IqError):
            await stranger["xep_0030"].get_items(jid=world.COMPONENT, node="http://jabber.org/protocol/commands")
        _, _, note = await client.walk("requests", {"who": f"stranger@{world.DOMAIN}", "decision": "reader", "nodes": ""})
        assert note == f"stranger@{world.DOMAIN} is let in."
        assert "power" in await stranger.read(world.COMPONENT, ["plug"])
        _, fields, note = await client.walk("access-rules", {"do": "list"})
        assert any(f["label"] == f"stranger@{world.DOMAIN}" and f["value"] == "reader; accepted" for f in fields.values())
        assert any("thingtree.yaml:" in f["value"] for f in fields.values())
        _, _, note = await client.walk("access-rules", {"do": "revoke"}, {"who": f"stranger@{world.DOMAIN}"})
        with pytest.raises(slixmpp.exceptions.IqError):
            await stranger.step(world.COMPONENT, "read")
        _, _, note = await client.walk("requests")
        assert note == "Nobody is waiting."
    scenario(prosody, "admin", do)


def test_status(house, prosody):
    async def do(client):
        return await client.walk("status")
    _, fields, note = scenario(prosody, "admin", do)
    assert fields["connection1"]["label"] == "broker" and fields["connection1"]["value"].startswith("online")
    assert fields["xmpp1"]["value"].startswith("online")
    assert any(f["label"] == "broken" for f in fields.values())
    assert note.startswith("2 devices: 1 well")
