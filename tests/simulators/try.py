#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What tools/try runs when everything is built: the small world, and thingtree in the middle of it."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import yaml

import coap
import lan
import world
from client import Client, Refused, run

PORTS = {"c2s": 15222, "component": 15347, "mqtt": 11883, "modbus": 15020, "http": 18080}
# What is read and what is controlled of each device: the element of its type in XEP-0325 and in P1451.99, and two values,
# the second of which is how it stood.
SHOWN = {
    "plug": {"protocol": "mqtt", "field": "power", "parameter": "relay", "type": "boolean", "values": ("false", "true")},
    "meter": {"protocol": "modbus", "field": "voltage_l1", "parameter": "demand_period", "type": "number",
              "values": ("30", "60")},
    "valve": {"protocol": "coap", "field": "level", "parameter": "level", "type": "integer", "values": ("75", "40")},
    "pump": {"protocol": "http", "field": "power", "parameter": "relay", "type": "boolean", "values": ("false", "true")},
    "porch": {"protocol": "upnp", "field": "on", "parameter": "on", "type": "boolean", "values": ("true", "false")},
    "climate": {"protocol": "mqtt", "field": "temperature"},
    "lamp": {"protocol": "mqtt", "field": "state"},
}
ELEMENTS = {"boolean": ("boolean", "b"), "number": ("double", "db"), "integer": ("int", "i")}

CONFIG = """\
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
  - {{who: admin@{domain}, role: admin}}
  - {{who: alice@{domain}, role: operator}}
  - {{who: reader@{domain}, role: reader}}

languages: [en, sv]

poll:
  fast: {{every: 1s}}
  normal: {{every: 5s}}
{extra_poll}
connections:
  broker:
    protocol: mqtt
    url: mqtt://127.0.0.1:{mqtt}
  meters:
    protocol: modbus
    transport: tcp
    host: 127.0.0.1
    port: {modbus}
    timeout: 500ms
  sensors: {{protocol: coap, discover: {{hosts: ["coap://127.0.0.1:{coap}"]}}}}
  appliances: {{protocol: http, discover: {{hosts: ["127.0.0.1:{http}"]}}}}
{upnp}{extra_connections}
include: [devices.d/*.yaml{extra_include}]
mappings: [mappings{extra_mappings}, {root}/mappings]
"""

DEVICES = """\
devices:
  plug:
    uses: mqtt/tasmota-plug
    connection: broker
    with: {{topic: tasmota_49A3BC}}
    under: house/kitchen
    label: {{en: Coffee machine plug, sv: Kaffebryggarens uttag}}

  climate:
    uses: mqtt/zigbee2mqtt-climate
    connection: broker
    with: {{name: Climate sensor}}
    under: house/hall
    label: {{en: Hall climate, sv: Hallens klimat}}

  lamp:
    uses: mqtt/zigbee2mqtt-switch
    connection: broker
    with: {{name: Aqara switch T1}}
    under: house/hall
    label: {{en: Hall lamp, sv: Hallens lampa}}

  meter:
    uses: modbus/eastron-sdm630
    connection: meters
    with: {{unit: 1}}
    under: house/cellar
    label: {{en: Main meter, sv: Huvudmätare}}

  valve:
    uses: coap/ipso-actuator
    connection: sensors
    with: {{host: 127.0.0.1, port: {coap}}}
    under: house/cellar
    label: {{en: Heating valve, sv: Värmeventil}}

  pump:
    uses: http/shelly-gen2-switch
    connection: appliances
    with: {{host: "127.0.0.1:{http}"}}
    under: garden
    label: {{en: Pond pump, sv: Dammpump}}
{upnp}"""

UPNP_CONNECTION = "  upnp-lan: {{protocol: upnp, interface: {interface}}}\n"
UPNP_DEVICE = """
  porch:
    uses: upnp/dimmable-light
    connection: upnp-lan
    with: {{udn: "{udn}"}}
    under: garden
    label: {{en: Porch light, sv: Verandalampa}}
"""


def flow(node):
    """A composed YAML node as one line of the same meaning: plain stays plain where it can, quoted stays quoted."""
    if isinstance(node, yaml.MappingNode):
        return "{" + ", ".join(f"{flow(k)}: {flow(v)}" for k, v in node.value) + "}"
    if isinstance(node, yaml.SequenceNode):
        return "[" + ", ".join(map(flow, node.value)) + "]"
    is_plain = node.style is None and node.value and not set(node.value) & set("{}[],#&*!|>'\"%@`\n") and \
        ": " not in node.value and not node.value.endswith(":")
    return node.value if is_plain else json.dumps(node.value, ensure_ascii=False)


def extra_entries(path, key):
    """The members of one top-level key of a tester's thingtree.yaml, one line each, to stand under ours."""
    if not path.is_file():
        return ""
    top = yaml.compose(path.read_text())
    for k, v in top.value if isinstance(top, yaml.MappingNode) else []:
        if k.value == key and isinstance(v, yaml.MappingNode):
            return "\n".join(f"  {flow(name)}: {flow(entry)}" for name, entry in v.value)
    return ""


class Demonstration:
    """Everything that is started, in order; `stop` ends it in reverse."""

    make_server = world.Prosody

    def __init__(self, extra=None, say=print):
        self.say, self.extra = say, extra
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="thingtree-try-"))
        self.dir.chmod(0o711)
        self.parts = []
        self.lan = None

    def start(self):
        self.say("starting a private XMPP server and MQTT broker ...")
        world.make_ca(self.dir)
        world.make_certificate(self.dir, "server", [world.DOMAIN, world.COMPONENT, "localhost", "127.0.0.1"])
        (self.dir / "ca.crt").chmod(0o644)
        self.prosody = self.make_server(self.dir, c2s_port=world.free_port(PORTS["c2s"]),
                                        component_port=world.free_port(PORTS["component"]))
        for user in ["gw", *world.ROLES]:
            self.prosody.add_user(user)
        self.parts.append(self.prosody.start())
        self.mosquitto = world.Mosquitto(self.dir, world.free_port(PORTS["mqtt"]))
        self.parts.append(self.mosquitto.start())

        self.say("starting devices: a Tasmota plug, a zigbee2mqtt with sensor and switch, a Modbus meter, a CoAP valve, a Shelly ...")
        self.modbus_port = world.free_port(PORTS["modbus"])
        self.http_port = world.free_port(PORTS["http"])
        meter = world.build_dir() / "tests/simulators/modbus_meter"
        for name, argv, expect in (
                ("meter", [meter, "--tcp", self.modbus_port], "ready"),
                ("plug", [world.PYTHON, world.SIMULATORS / "tasmota.py", "--port", self.mosquitto.port,
                          "--period", "2", "--on"], "ready"),
                ("zigbee2mqtt", [world.PYTHON, world.SIMULATORS / "zigbee2mqtt.py", "--port", self.mosquitto.port,
                                 "--period", "2"], "ready"),
                ("pump", [world.PYTHON, world.SIMULATORS / "shelly.py", "--port", self.http_port, "--on"], "ready")):
            self.parts.append(world.Process(name, argv, self.dir, expect=expect))
        self.coap = coap.Device()
        self.parts.append(self.coap)
        for path, text in (("/3306/0/5850", "1"), ("/3306/0/5851", "40"), ("/3306/0/5852", "3600"),
                           ("/3303/0/5700", "17.5"), ("/3303/0/5601", "-4.5"), ("/3303/0/5602", "38")):
            self.coap.set(path, text)
        self.coap.offer('</3306/0>;title="Heating valve",</3306/0/5850>,</3303/0>;title="Attic temperature",</3303/0/5700>;obs')
        self.start_upnp()

        self.say("starting thingtree, as an account and as a component ...")
        self.gateway = world.Thingtree(
            self.dir, self.config(), {"devices.d/house.yaml": self.devices()},
            {"xmpp-password": self.prosody.passwords["gw"], "component-secret": self.prosody.secret})
        if self.extra and (self.extra / "credentials").is_dir():
            shutil.copytree(self.extra / "credentials", self.gateway.dir / "credentials", dirs_exist_ok=True)
        self.parts.append(self.gateway)
        self.gateway.start()
        world.wait_until(self.is_ready, 30, "thingtree to be online with values in its nodes", 0.1)
        return self

    def start_upnp(self):
        """UPnP needs multicast, which loopback has not: the light is at the other end of a network of its own."""
        reason = lan.why_not()
        if not reason:
            self.lan = lan.Lan(self.dir)
            self.parts.append(self.lan)
            try:
                self.lan.start()
            except world.WorldError as e:
                self.lan.stop()
                self.parts.remove(self.lan)
                self.lan, reason = None, str(e).splitlines()[0]
        self.say(f"UPnP is left out: {reason}" if reason else "and a UPnP light in a network of its own ...")

    def shown(self):
        """The devices that are there."""
        return {node: about for node, about in SHOWN.items() if self.lan or about["protocol"] != "upnp"}

    def devices(self):
        return DEVICES.format(coap=self.coap.port, http=self.http_port,
                              upnp=UPNP_DEVICE.format(udn=self.lan.light) if self.lan else "")

    def config(self):
        extra = self.extra
        own = extra / "thingtree.yaml" if extra else pathlib.Path("/nonexistent")
        return CONFIG.format(
            domain=world.DOMAIN, component=world.COMPONENT, c2s=self.prosody.port,
            component_port=self.prosody.component_port, ca=self.dir / "ca.crt", mqtt=self.mosquitto.port,
            modbus=self.modbus_port, coap=self.coap.port, http=self.http_port, root=world.ROOT,
            upnp=UPNP_CONNECTION.format(interface=self.lan.interface) if self.lan else "", extra_poll=extra_entries(own, "poll"),
            extra_connections=extra_entries(own, "connections"),
            extra_include=f", {extra}/devices.d/*.yaml" if extra and (extra / "devices.d").is_dir() else "",
            extra_mappings=f", {extra}/mappings" if extra and (extra / "mappings").is_dir() else "")

    def is_ready(self):
        if not self.gateway.process.is_running():
            raise world.WorldError(f"thingtree ended:\n{self.gateway.log()[-4000:]}")
        status = self.gateway.status()
        if not all(s["state"] == "online" for s in status["xmpp"]):
            return False
        return all(f'"{field}"' in (out := self.gateway.cli("read", "--json", node, check=False)).stdout
                   and out.returncode == 0 for node, about in self.shown().items() for field in (about["field"],))

    def describe(self):
        """The contents of FILE."""
        return {
            "xmpp": {"host": "127.0.0.1", "port": self.prosody.port, "domain": world.DOMAIN,
                     "ca": str(self.dir / "ca.crt")},
            "gateway": {"account": f"gw@{world.DOMAIN}/thingtree", "component": world.COMPONENT},
            "users": [{"jid": f"{name}@{world.DOMAIN}", "password": self.prosody.passwords[name], "role": role}
                      for name, role in world.ROLES.items()],
            "mqtt": {"host": "127.0.0.1", "port": self.mosquitto.port},
            "modbus": {"host": "127.0.0.1", "port": self.modbus_port, "unit": 1},
            "socket": str(self.gateway.socket), "program": str(self.gateway.program),
            "pid": self.gateway.process.pid,
            "http": {"host": "127.0.0.1", "port": self.http_port}, "coap": {"host": "127.0.0.1", "port": self.coap.port},
            "nodes": [{"id": node, **{k: about[k] for k in ("protocol", "field", "parameter", "type")}}
                      for node, about in self.shown().items() if "parameter" in about],
        }

    def stop(self):
        for part in reversed(self.parts):
            part.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


def cli(gateway, *args):
    """A subcommand on this terminal, with its colours."""
    return subprocess.run([str(gateway.program), args[0], "--socket", str(gateway.socket), *args[1:]],
                          check=False).returncode


def is_same(text, value):
    """Does a field's text, perhaps with a unit, say this value?"""
    number = text.split()[0].lower()
    return number == value or (value not in ("true", "false") and float(number) == float(value))


async def read_and_set(demo, gateway, name):
    """Read each device and control those that can be, as alice: with slixmpp's own plugins, and again in the dialect of
    P1451.99, as raw stanzas."""
    alice = Client(f"alice@{world.DOMAIN}/try-{name}", demo.prosody.passwords["alice"])
    await alice.login("127.0.0.1", demo.prosody.port, demo.dir / "ca.crt")

    async def read(node, field, is_n):
        values = await (alice.read_n(gateway, node) if is_n else
                        alice.read(gateway, [node], flags={"momentary": "true", "status": "true"}))
        if field not in values:
            raise Refused(f"{node} has no {field}: {values}")
        return values[field]

    try:
        for is_n, dialect in ((False, "xep"), (True, "p1451.99")):
            for node, about in demo.shown().items():
                said = await read(node, about["field"], is_n)
                done = []
                for value in about.get("values", ()):
                    x, n = ELEMENTS[about["type"]]
                    if is_n:
                        await alice.set_n(gateway, node, n, about["parameter"], value)
                    else:
                        await alice.set(gateway, [node], [(about["parameter"], x, value)])
                    now = await read(node, about["parameter"], is_n)
                    if not is_same(now, value):
                        raise Refused(f"{node}.{about['parameter']} is {now} after it was set to {value}")
                    done.append(value)
                text = f"; {about['parameter']} set to {' and '.join(done)}" if done else ""
                print(f"  {name}, {dialect}: {node} ({about['protocol']}) {about['field']} = {said}{text}")
        try:
            await alice.set(gateway, ["meter"], [("demand_period", "double", "1000")])
            raise Refused("a demand period of 1000 minutes was taken")
        except Refused as e:
            if "FormError" not in str(e):
                raise
            print(f"  {name}: a demand period of 1000 minutes was refused")
    finally:
        await alice.disconnect()


def once(demo):
    if cli(demo.gateway, "tree") != 0:
        return 1
    print("\nover XMPP, as alice, with slixmpp's xep_0323 and xep_0325 and in the dialect of P1451.99:")
    for name, gateway in (("account", f"gw@{world.DOMAIN}/thingtree"), ("component", world.COMPONENT)):
        run(read_and_set(demo, gateway, name))
    print("everything was read and set")
    return 0


HELP = """
Log in with any XMPP client: domain {domain}, host 127.0.0.1, port {port}; trust {ca}
{users}

  profanity   /connect alice@{domain} server 127.0.0.1 port {port} tls trust      (then the password above)
              /msg gw@{domain} find coffee                           then: plug off, plug, watch plug, help
              /cmd exec turn-off plug@{component}                    a command, without a question
  poezio      -f FILE with the lines: [Poezio], jid=alice@{domain}, password=..., custom_host=127.0.0.1,
              custom_port={port}, ca_cert_path={ca}
              /message gw@{domain} find coffee                       /ad-hoc {component} for forms
  gajim       an account with host 127.0.0.1 and port {port}; Start Chatting, gw@{domain} or
              gateway@{component}, Enter: find coffee
              Accounts, Discover Services, thingtree, Command                for forms
  psi-plus    an account, Connection: host 127.0.0.1, port {port}; Trust this certificate; then
              psi-plus --remote --uri='xmpp:gw@{domain}?message;type=chat'
              Service Discovery, double click on thingtree                   for forms

  For programs, from the XML console of Profanity (/xmlconsole), Gajim or Psi+, one by one:
  <iq type='get' id='1' to='{component}'><getChildNodes xmlns='urn:xmpp:iot:concentrators' sourceId='MeteringTopology' nodeId='house'/></iq>
  <iq type='get' id='2' to='{component}'><req xmlns='urn:xmpp:iot:sensordata' seqnr='2' momentary='true'><node nodeId='plug'/></req></iq>
  <iq type='set' id='3' to='{component}'><set xmlns='urn:xmpp:iot:control'><node nodeId='plug'/><boolean name='relay' value='false'/></set></iq>
  The same goes to the account, gw@{domain}/thingtree (in poezio with /rawxml).
  As reader the last one is refused; to the stranger nothing exists.

In another terminal:
  export THINGTREE_SOCKET={socket}
  {program} tree                        everything with its values
  {program} read plug                   one device
  {program} watch plug                  its changes as they happen; now, in a third terminal:
  {program} set plug.relay=false        switches the coffee machine off
  {program} set meter.demand_period=7   is refused: the meter knows steps of its own
  {program} set valve.level=75          over CoAP; pump.relay over HTTP, porch.on over UPnP
  {program} discover                    among others a door contact that nobody has configured:
  {program} adopt KEY --as front-door   with the KEY of it; then read front-door
  {program} status                      connections, devices, XMPP
  mosquitto_sub -p {mqtt} -v -t '#'     what the MQTT devices say

Ctrl-C ends all of it.
"""


def show(demo):
    cli(demo.gateway, "tree")
    users = "\n".join(f"  {u['jid']:20} password {u['password']:14} ({u['role']})" for u in demo.describe()["users"])
    print(HELP.format(domain=world.DOMAIN, port=demo.prosody.port, ca=demo.dir / "ca.crt", users=users,
                      component=world.COMPONENT, socket=demo.gateway.socket, program=demo.gateway.program,
                      mqtt=demo.mosquitto.port))
    wait_for_end(demo)
    return 0


def wait_for_end(demo):
    """Until somebody wants the end, or thingtree itself has ended."""
    try:
        demo.gateway.process.child.wait()
    except KeyboardInterrupt:
        return
    raise world.WorldError(f"thingtree has ended:\n{demo.gateway.log()[-4000:]}")


def serve(demo, path):
    whole = json.dumps(demo.describe(), indent=1) + "\n"
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(whole)
    os.replace(temporary, path)  # whoever waits for it finds it complete
    print(f"up: {path}", flush=True)
    wait_for_end(demo)
    return 0


def main(args):
    mode, file = (args[0] if args else ""), pathlib.Path(args[1]).resolve() if len(args) > 1 else None
    extra = os.environ.get("TT_EXTRA_CONFIG")
    demo = Demonstration(pathlib.Path(extra).resolve() if extra else None)

    def interrupted(*_):
        raise KeyboardInterrupt
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, interrupted)
    try:
        demo.start()
        if mode == "--once":
            return once(demo)
        return serve(demo, file) if mode == "--serve" else show(demo)
    except KeyboardInterrupt:
        print("\nstopping", flush=True)
        return 0 if mode != "--once" else 1
    except (world.WorldError, Refused, TimeoutError) as e:
        print(f"tools/try: {type(e).__name__}: {e}", file=sys.stderr)
        print(demo.gateway.log()[-3000:] if hasattr(demo, "gateway") and demo.gateway.process else "", file=sys.stderr)
        return 1
    finally:
        for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(s, signal.SIG_IGN)
        demo.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
