# SPDX-License-Identifier: Apache-2.0
"""UPnP through the whole gateway, from devices that are not ours (gupnp-network-light, gmediarender, minidlna) at the other end
of a veth pair, to a client that is not ours (slixmpp), and back. Needs root for the network; else it is skipped."""
import json
import os
import random
import re
import shutil
import socket
import urllib.parse
import urllib.request

import pytest
from client import Client, Refused, run
import world

RENDERER = "4d696e69-444c-164e-9d41-001122334455"
PROGRAMS = ["ip", "nsenter", "unshare", "Xvfb", "gupnp-network-light", "gmediarender"]

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

MINIDLNA = """\
network_interface=device
media_dir={directory}
db_dir={directory}
log_dir={directory}
friendly_name=Library
"""


class Lan:
    """A network of its own with devices at the other end."""

    def __init__(self, directory):
        number = random.randrange(1 << 16)
        self.dir, self.interface = directory, f"tt{random.randrange(1 << 32):08x}"
        net = f"10.{200 + number % 50}.{number // 50 % 256}"
        self.address, self.device = f"{net}.1", f"{net}.2"
        self.parts, self.net = [], None
        self.light = self.light_location = None

    def inside(self, name, *argv, env=None, **kwargs):
        """A program at the other end."""
        holder = re.search(r"^ready (\d+)$", self.net.text(), re.M)[1]
        process = world.Process(name, ["nsenter", "--net", "--target", holder, *argv], self.dir,
                                {"HOME": str(self.dir), "XDG_RUNTIME_DIR": str(self.dir), **(env or {})}, **kwargs)
        self.parts.append(process)
        return process

    def start(self):
        self.net = world.Process("net", [world.SIMULATORS / "netns.sh", "hold", self.interface, self.address, self.device],
                                 self.dir, expect="ready")
        display = self.dir / "display"
        with open(display, "w", encoding="ascii") as out:
            x = world.Process("xvfb", ["sh", "-c", f"exec Xvfb -displayfd 9 -screen 0 640x480x8 -nolisten tcp 9>{out.name}"],
                              self.dir)
        self.parts.append(x)
        number = world.wait_until(lambda: display.read_text(encoding="ascii").strip(), what="an X server")
        self.start_light(number)
        self.inside("renderer", "gmediarender", "-I", "device", "-u", RENDERER, "-f", "Speaker", "--gstout-audiosink=fakesink",
                    "--gstout-videosink=fakesink", env={"GST_REGISTRY": str(self.dir / "registry")})
        if shutil.which("minidlnad"):
            media = self.dir / "media"
            media.mkdir()
            (self.dir / "minidlna.conf").write_text(MINIDLNA.format(directory=media))
            self.inside("library", "minidlnad", "-S", "-R", "-f", self.dir / "minidlna.conf", "-P", self.dir / "minidlna.pid")
        return self

    def start_light(self, display):
        self.display = display
        self.lamp = self.inside("light", "gupnp-network-light", "-i", "device",
                                env={"DISPLAY": f":{display}", "NO_AT_BRIDGE": "1", "GDK_BACKEND": "x11"})
        world.wait_until(self.find_light, what="the light")

    def find_light(self):
        """Its UDN is another one each time: ask, as anybody can."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((self.address, 0))
            s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(self.address))
            s.settimeout(1.5)
            s.sendto(b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\n'
                     b"ST: urn:schemas-upnp-org:service:Dimming:1\r\n\r\n", ("239.255.255.250", 1900))
            try:
                answer = s.recv(2000).decode()
            except OSError:
                return False
        self.light = re.search(r"^USN:\s*(uuid:[^:\r]+)", answer, re.I | re.M)[1]
        self.light_location = re.search(r"^LOCATION:\s*(\S+)", answer, re.I | re.M)[1]
        return True

    def switch(self, on):
        """Somebody else switches the light."""
        with urllib.request.urlopen(self.light_location, timeout=5) as answer:
            description = answer.read().decode()
        service = re.search(r"<service>(?:(?!</service>).)*SwitchPower:1.*?</service>", description, re.S)[0]
        url = urllib.parse.urljoin(self.light_location, re.search(r"<controlURL>(.*?)</controlURL>", service)[1])
        kind = "urn:schemas-upnp-org:service:SwitchPower:1"
        body = (f"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><u:SetTarget xmlns:u='{kind}'>"
                f"<newTargetValue>{int(on)}</newTargetValue></u:SetTarget></s:Body></s:Envelope>")
        request = urllib.request.Request(url, body.encode(), {"Content-Type": 'text/xml; charset="utf-8"',
                                                              "SOAPACTION": f'"{kind}#SetTarget"'})
        urllib.request.urlopen(request, timeout=5).close()

    def stop(self):
        for part in reversed(self.parts):
            part.stop()
        if self.net:
            self.net.stop()


class House:
    def __init__(self, directory, prosody, lan):
        self.prosody, self.lan = prosody, lan
        self.gateway = world.Thingtree(
            directory, TOP.format(component=world.COMPONENT, component_port=prosody.component_port, domain=world.DOMAIN,
                                  interface=lan.interface, root=world.ROOT),
            {"devices.d/lan.yaml": DEVICES.format(light=lan.light, renderer=RENDERER),
             "mappings/upnp/first-light.yaml": FIRST_LIGHT, "mappings/upnp/media-server.yaml": MEDIA_SERVER},
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

    def admin(self):
        return Client(f"admin@{world.DOMAIN}/test", self.prosody.passwords["admin"]).login(
            "127.0.0.1", self.prosody.port, self.prosody.ca)


@pytest.fixture(scope="module", name="lan")
def _lan(tmp_path_factory):
    missing = [p for p in PROGRAMS if not shutil.which(p)]
    if missing:
        pytest.skip("not installed: " + ", ".join(missing))
    if os.geteuid() != 0:
        pytest.skip("a network of its own needs root")
    lan = Lan(tmp_path_factory.mktemp("lan"))
    try:
        yield lan.start()
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
