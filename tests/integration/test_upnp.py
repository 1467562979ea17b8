# SPDX-License-Identifier: Apache-2.0
"""UPnP through the whole gateway, from devices that are not ours (gupnp-network-light, gmediarender, minidlna) at the other end
of a veth pair, to a client that is not ours (slixmpp), and back. Needs root for the network; else it is skipped."""
import json
import os
import re
import shutil

import pytest
from client import Client, Refused, run
from test_chat import Chat
from test_adhoc import note, person, step, values
from lan import MEDIA_PROGRAMS, RENDERER, Lan, why_not
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
poll:
  normal: {{every: 1s}}
connections:
  upnp-lan: {{protocol: upnp, interface: {interface}}}
include: [devices.d/*.yaml]
mappings: [mappings, {root}/mappings]
"""

DEVICES = """\
devices:
  lamp: {{uses: upnp/dimmable-light, connection: upnp-lan, with: {{udn: "{light}"}}, under: house}}
  first-lamp: {{uses: upnp/first-light, connection: upnp-lan, under: house}}
  speaker: {{uses: upnp/media-renderer, connection: upnp-lan, with: {{udn: "uuid:{renderer}"}}, under: house}}
  library: {{uses: upnp/media-server, connection: upnp-lan, under: house}}
  shelf: {{uses: upnp/described-server, connection: upnp-lan, under: house}}
  nobody: {{uses: upnp/binary-light, connection: upnp-lan, with: {{udn: "uuid:nobody"}}, under: house}}
"""

# By type: a BinaryLight and a DimmableLight are different types, a service they share is the same.
FIRST_LIGHT = """\
mapping: upnp/first-light
version: 1
protocol: upnp
service_type: "urn:schemas-upnp-org:service:SwitchPower:1"
points:
  "on":
    call: {service: "urn:schemas-upnp-org:service:SwitchPower:1", action: GetStatus, out: ResultStatus}
    event: {service: "urn:schemas-upnp-org:service:SwitchPower:1", variable: Status}
    type: boolean
"""

MEDIA_SERVER = """\
mapping: upnp/media-server
version: 1
protocol: upnp
device_type: "urn:schemas-upnp-org:device:MediaServer:1"
services: {cd: "urn:schemas-upnp-org:service:ContentDirectory:1"}
poll: normal
points:
  update: {call: {service: cd, action: GetSystemUpdateID, out: Id}, type: integer}
  searchable: {call: {service: cd, action: GetSearchCapabilities, out: SearchCaps}, type: string}
"""

# The same server, with nothing but what it says of itself.
DESCRIBED_SERVER = """\
mapping: upnp/described-server
version: 1
protocol: upnp
device_type: "urn:schemas-upnp-org:device:MediaServer:1"
describe: true
points: {}
"""

CONCENTRATORS = ["urn:xmpp:iot:concentrators", "urn:nf:iot:concentrator:1.0"]
FORM = "{jabber:x:data}"


class House:
    def __init__(self, directory, prosody, lan):
        self.prosody, self.lan = prosody, lan
        self.gateway = world.Thingtree(
            directory, TOP.format(component=world.COMPONENT, component_port=prosody.component_port, domain=world.DOMAIN,
                                  interface=lan.interface, root=world.ROOT),
            {"devices.d/lan.yaml": DEVICES.format(light=lan.light, renderer=RENDERER),
             "mappings/upnp/first-light.yaml": FIRST_LIGHT, "mappings/upnp/media-server.yaml": MEDIA_SERVER,
             "mappings/upnp/described-server.yaml": DESCRIBED_SERVER},
            {"component-secret": prosody.secret})

    def start(self):
        self.gateway.start()
        world.wait_until(lambda: all(s["state"] == "online" for s in self.gateway.status()["xmpp"]), what="XMPP")
        world.wait_until(lambda: self.field("lamp", "on") is not None and self.field("speaker", "volume") is not None,
                         what="values of the light and the player")
        return self

    def field(self, node, name):
        """The value as it is known, without asking the device."""
        out = self.gateway.cli("read", "--json", node, check=False).stdout
        fields = {f["name"]: f.get("value") for line in out.splitlines() for f in json.loads(line).get("fields", ())}
        return fields.get(name)

    def client(self, name):
        return self.admin()

    def admin(self):
        return Client(f"admin@{world.DOMAIN}/test", self.prosody.passwords["admin"]).login(
            "127.0.0.1", self.prosody.port, self.prosody.ca)


@pytest.fixture(scope="module", name="lan")
def _lan(tmp_path_factory):
    if why_not(MEDIA_PROGRAMS):
        pytest.skip(why_not(MEDIA_PROGRAMS))
    lan = Lan(tmp_path_factory.mktemp("lan"))
    try:
        yield lan.start().start_media()
    finally:
        lan.stop()
    assert lan.interface not in os.listdir("/sys/class/net")


@pytest.fixture(scope="module", name="house")
def _house(tmp_path_factory, prosody, lan):
    house = House(tmp_path_factory.mktemp("house"), prosody, lan)
    try:
        yield house.start()
    finally:
        house.gateway.stop()
        if house.gateway.process:
            print("---- log of thingtree ----\n" + house.gateway.log()[-6000:])


def test_a_light_over_xmpp(house):
    async def scenario():
        admin = await house.admin()
        assert await admin.set(world.COMPONENT, ["lamp"], [("on", "boolean", "true"), ("level", "long", "40")]) == "OK"
        assert await admin.read(world.COMPONENT, ["lamp"], fields=["on", "level"]) == {"on": "true", "level": "40 %"}
        with pytest.raises(Refused, match="FormError"):
            await admin.set(world.COMPONENT, ["lamp"], [("level", "long", "101")])
        assert await admin.set(world.COMPONENT, ["lamp"], [("on", "boolean", "false")]) == "OK"
        assert await admin.read(world.COMPONENT, ["lamp"], fields=["on"]) == {"on": "false"}
        await admin.disconnect()
    run(scenario())


def test_its_events_arrive(house):
    """Nothing polls the light: what somebody else does is told by it. The one chosen by a service type hears it as well."""
    for on in (True, False, True):
        house.lan.switch(on)
        world.wait_until(lambda: house.field("lamp", "on") is on, what=f"the event that the light is {on}")
        world.wait_until(lambda: house.field("first-lamp", "on") is on, what="the same of the other node")


def test_a_media_player_over_xmpp(house):
    async def scenario():
        admin = await house.admin()
        for volume in ("33", "12"):
            assert await admin.set(world.COMPONENT, ["speaker"], [("volume", "long", volume)]) == "OK"
            values = await admin.read(world.COMPONENT, ["speaker"], fields=["volume", "mute"])
            assert values == {"volume": volume, "mute": "false"}
        with pytest.raises(Refused):
            await admin.set(world.COMPONENT, ["speaker"], [("volume", "long", "70000")])
        await admin.disconnect()
    run(scenario())
    assert house.field("speaker", "state") in ("STOPPED", "NO_MEDIA_PRESENT")
    # Refused by the range that the device describes, which no mapping knows.
    out = house.gateway.cli("set", "speaker.volume=101", check=False)
    assert out.returncode != 0 and "Volume takes 0 to 100" in out.stdout + out.stderr


def ask(ns, name, node, command=None, form=""):
    reference = "nodeId" if ns.startswith("urn:xmpp:") else "id"
    more = f" command='{command}'" if command else ""
    return f"<{name} xmlns='{ns}' {reference}='{node}'{more}>{form}</{name}>"


def submit(**fields):
    return ("<x xmlns='jabber:x:data' type='submit'>" + "".join(
        f"<field var='{name}'><value>{value}</value></field>" for name, value in fields.items()) + "</x>")


@pytest.mark.parametrize("ns", CONCENTRATORS)
def test_commands_of_a_player_over_xmpp(house, ns):
    async def scenario():
        admin = await house.admin()
        answer = (await admin.raw(world.COMPONENT, ask(ns, "getNode", "speaker")))[0]
        assert answer.get("hasCommands") == "true"
        answer = (await admin.raw(world.COMPONENT, ask(ns, "getNode", "lamp")))[0]
        assert answer.get("hasCommands") is None
        listed = (await admin.raw(world.COMPONENT, ask(ns, "getNodeCommands", "speaker")))[0]
        assert {c.get("command"): (c.get("name"), c.get("type")) for c in listed} == {
            "play": ("Play", "Simple"), "pause": ("Pause", "Simple"), "stop": ("Stop", "Simple"), "next": ("Next", "Simple"),
            "previous": ("Previous", "Simple"), "seek": ("Go to", "Parameterized")}
        answer = await admin.raw(world.COMPONENT, ask(ns, "getCommandParameters", "speaker", "seek"))
        fields = [f for f in answer.iter(FORM + "field")]
        assert [(f.get("var"), f.get("type"), f.find(FORM + "required") is not None) for f in fields] == [
            ("position", "text-single", True)]
        await admin.raw(world.COMPONENT, ask(ns, "executeNodeCommand", "speaker", "stop"), "set")
        # What the player itself does not want, and what does not come so far.
        with pytest.raises(Refused, match="the device answers|this device has no action"):
            await admin.raw(world.COMPONENT, ask(ns, "executeNodeCommand", "speaker", "next"), "set")
        with pytest.raises(Refused, match="position.*it must be given"):
            await admin.raw(world.COMPONENT, ask(ns, "executeNodeCommand", "speaker", "seek", submit()), "set")
        with pytest.raises(Refused, match="item-not-found"):
            await admin.raw(world.COMPONENT, ask(ns, "executeNodeCommand", "speaker", "fly"), "set")
        await admin.disconnect()
    run(scenario())
    lines = [json.loads(line) for line in (house.gateway.dir / "state/audit.jsonl").read_text().splitlines()]
    decisions = [line for line in lines if line["kind"] == "decision" and line.get("command") == "stop"]
    assert decisions and decisions[-1]["node"] == "speaker" and decisions[-1]["jid"].startswith("admin@")
    assert any(line["kind"] == "outcome" and line["id"] == decisions[-1]["id"] and line["result"] == "ok" for line in lines)


@pytest.mark.skipif(not shutil.which("minidlnad"), reason="not installed: minidlnad")
@pytest.mark.parametrize("address", [world.COMPONENT, f"speaker@{world.COMPONENT}"])
def test_commands_of_a_player_by_ad_hoc_command(house, address):
    async def scenario():
        admin = await person(house, "admin")
        command = await step(admin, address, "commands")
        if address == world.COMPONENT:
            things = {option["value"] for option in command["form"].get_fields()["node"]["options"]}
            assert "speaker" in things and "nobody" not in things and "lamp" not in things
            command = await step(admin, address, "commands", "next", command["sessionid"], {"node": "speaker"})
        options = {option["value"]: option["label"] for option in command["form"].get_fields()["command"]["options"]}
        assert options["stop"] == "Stop" and options["seek"] == "Go to\u2026"
        command = await step(admin, address, "commands", "next", command["sessionid"], {"command": "stop"})
        assert command["status"] == "completed" and "Stop: Done" in note(command)
        assert values(command) == {"Stop": "Done"}
        command = await step(admin, address, "commands")
        if address == world.COMPONENT:
            command = await step(admin, address, "commands", "next", command["sessionid"], {"node": "speaker"})
        command = await step(admin, address, "commands", "next", command["sessionid"], {"command": "seek"})
        assert command["status"] == "executing" and list(command["form"].get_fields()) == ["position"]
        command = await step(admin, address, "commands", "complete", command["sessionid"], {})
        assert command["status"] == "executing" and "Hours:minutes:seconds: it must be given" in note(command)
        command = await step(admin, address, "commands", "complete", command["sessionid"], {"position": "0:00:01"})
        assert command["status"] == "completed" and "Go to: Done" in note(command)
        await admin.disconnect()
    run(scenario())


@pytest.mark.parametrize("address", [world.COMPONENT, f"speaker@{world.COMPONENT}"])
def test_commands_of_a_player_by_chat(house, address):
    async def scenario():
        chat = Chat(await house.admin(), address)
        assert "Stop\n" in await chat.ask("commands speaker")
        assert "Go to position=" in await chat.ask("commands speaker")
        assert await chat.ask("do speaker stop") == "*Media player* Stop: Done"
        assert await chat.ask("do speaker.seek 0:00:01") == "*Media player* Go to: Done"
        assert "has no command *fly*" in await chat.ask("do speaker fly")
        if address != world.COMPONENT:
            assert await chat.ask("do stop") == "*Media player* Stop: Done"
        await chat.client.disconnect()
    run(scenario())


def test_a_command_that_a_device_describes(house):
    """Browse neither gets nor sets: it is a command, with arguments as the service describes them, and an answer."""
    world.wait_until(lambda: "browse" in house.gateway.cli("commands", "--names", "shelf", check=False).stdout.split(),
                     what="the commands of the media server")
    shown = house.gateway.cli("commands", "--json", "shelf").stdout
    browse = next(c for c in json.loads(shown)["commands"] if c["name"] == "browse")
    arguments = {a["name"]: a for a in browse["arguments"]}
    assert list(arguments) == ["object_id", "browse_flag", "filter", "starting_index", "requested_count", "sort_criteria"]
    assert arguments["browse_flag"]["values"] == ["BrowseMetadata", "BrowseDirectChildren"]
    assert "get_system_update_id" not in house.gateway.cli("commands", "--names", "shelf").stdout  # a point
    given = ["object_id=0", "browse_flag=BrowseDirectChildren", "filter=*", "starting_index=0", "requested_count=1",
             "sort_criteria="]
    out = house.gateway.cli("do", "--json", "shelf", "browse", *given).stdout
    assert "Result=<DIDL-Lite" in json.loads(out)["said"]
    out = house.gateway.cli("do", "shelf", "browse", *given[:1], "browse_flag=Nothing", *given[2:], check=False)
    assert out.returncode == 1 and "browse_flag" in out.stdout + out.stderr
    out = house.gateway.cli("do", "shelf", "brows", check=False)
    assert out.returncode == 1 and 'did you mean "browse"' in out.stderr


@pytest.mark.skipif(not shutil.which("minidlnad"), reason="not installed: minidlnad")
def test_a_media_server_found_by_its_type(house):
    world.wait_until(lambda: house.field("library", "update") is not None, what="the library")
    assert "dc:title" in house.field("library", "searchable")


def test_who_is_not_there(house):
    assert house.gateway.cli("read", "--from-device", "nobody", check=False).returncode != 0
    world.wait_until(lambda: re.search("nobody .*has not been found", house.gateway.cli("status").stdout), what="the reason")


def test_a_light_that_is_restarted(house):
    """Killed: no goodbye, another UDN; the node chosen by its service finds the new one."""
    house.lan.lamp.kill()
    world.wait_until(lambda: house.gateway.cli("read", "--from-device", "first-lamp", check=False).returncode != 0,
                     what="the end of the light")
    house.lan.start_light(house.lan.display)
    house.lan.switch(False)
    world.wait_until(lambda: house.field("first-lamp", "on") is False, timeout=60, what="the new light")
