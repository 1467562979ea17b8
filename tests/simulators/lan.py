# SPDX-License-Identifier: Apache-2.0
"""UPnP devices that are not ours, at the other end of a veth pair: a light (gupnp-network-light), a player and a library.
Needs root, and nothing of it outlives the process."""
import os
import random
import re
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request

import world

RENDERER = "4d696e69-444c-164e-9d41-001122334455"
PROGRAMS = ["ip", "nsenter", "unshare", "Xvfb", "gupnp-network-light"]
MEDIA_PROGRAMS = [*PROGRAMS, "gmediarender"]

MINIDLNA = """\
network_interface=device
media_dir={directory}
db_dir={directory}
log_dir={directory}
friendly_name=Library
"""


def why_not(programs=PROGRAMS):
    """Why there can be no such network here; None: there can."""
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        return "not installed: " + ", ".join(missing)
    if os.geteuid() != 0:
        return "a network of its own needs root"
    tried = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True)
    return None if tried.returncode == 0 else "no network namespace may be made here"


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
            # -noreset: it would start over when the light goes, and turn away the next one that comes just then.
            x = world.Process("xvfb", ["sh", "-c", "exec Xvfb -displayfd 9 -noreset -screen 0 640x480x8 -nolisten tcp "
                                       f"9>{out.name}"], self.dir)
        self.parts.append(x)
        number = world.wait_until(lambda: display.read_text(encoding="ascii").strip(), what="an X server")
        self.start_light(number)
        return self

    def start_media(self):
        """A player, and a library where there is one."""
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
        if not self.lamp.is_running():
            raise world.WorldError(f"the light has ended: {self.lamp.text()[-2000:]}")
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
