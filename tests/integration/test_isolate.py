# SPDX-License-Identifier: Apache-2.0
"""Every bridge in a process of its own, through the whole gateway: killed and stopped while its device is read and set over
XMPP, beside a connection in the daemon that must not notice. UPnP, where there is the right to a network of its own, with a
light that is not ours."""
import asyncio
import json
import os
import signal
import time

import pytest
from client import Client, Refused, run
from coap import Device
from lan import Lan, why_not
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
poll:
  normal: {{every: 500ms}}
connections:
  broker: {{protocol: mqtt, url: "mqtt://127.0.0.1:{mqtt}", isolate: {isolate}}}
  meters: {{protocol: modbus, transport: tcp, host: 127.0.0.1, port: {modbus}, timeout: 500ms, isolate: {isolate}}}
  street: {{protocol: coap, timeout: 2s, isolate: {isolate}, discover: {{hosts: ["coap://127.0.0.1:{coap}"]}}}}
  web: {{protocol: http, timeout: 2s, isolate: {isolate}}}
  here: {{protocol: http, timeout: 2s}}
{upnp}
include: [devices.d/*.yaml]
mappings: [mappings, {root}/mappings]
"""
UPNP = "  lan: {{protocol: upnp, interface: {interface}}}"

DEVICES = """\
devices:
  plug: {{uses: mqtt/tasmota-plug, connection: broker, with: {{topic: plug}}}}
  meter: {{uses: modbus/eastron-sdm630, connection: meters, with: {{unit: 1}}}}
  valve: {{uses: coap/ipso-actuator, connection: street, with: {{host: 127.0.0.1, port: {coap}, path: /3306/1}}}}
  relay: {{uses: http/shelly-gen2-switch, connection: web, with: {{host: "127.0.0.1:{http}"}}}}
  bystander: {{uses: http/shelly-gen2-switch, connection: here, with: {{host: "127.0.0.1:{http}"}}}}
"""
LAMP = "  lamp: {{uses: upnp/dimmable-light, connection: lan, with: {{udn: \"{udn}\"}}}}\n"

# Connection: its device, a field that is always there, a parameter, the element of its type and two values.
ALL = {"broker": ("plug", "relay", "relay", "b", ("true", "false")),
       "meters": ("meter", "voltage_l1", "demand_period", "i", ("15", "30")),
       "street": ("valve", "on", "on", "b", ("true", "false")),
       "web": ("relay", "relay", "relay", "b", ("true", "false")),
       "lan": ("lamp", "on", "on", "b", ("true", "false"))}
PAUSE = 0.05  # below the rate that one account may ask at
GONE = "the process of this connection has ended"
UNKNOWN = "it is not known whether it was done"


class Town:
    def __init__(self, directory, prosody, mosquitto):
        self.dir, self.prosody, self.lan = directory, prosody, None
        modbus, http = world.free_port(), world.free_port()
        self.device = Device()
        self.device.set("/3306/1/5850", "1")
        assert self.device.ask(f"set /.well-known/core 40 {b'</3306/1/5850>;obs'.hex()}") == "ok"
        self.parts = [
            self.device,
            world.Process("plug", [world.PYTHON, world.SIMULATORS / "tasmota.py", "--port", mosquitto.port, "--topic", "plug",
                                   "--period", "0.5", "--on"], directory, expect="ready"),
            world.Process("meter", [world.build_dir() / "tests/simulators/modbus_meter", "--tcp", modbus], directory,
                          expect="ready"),
            world.Process("shelly", [world.PYTHON, world.SIMULATORS / "shelly.py", "--port", http, "--on"], directory,
                          expect="ready")]
        self.upnp, devices = "", DEVICES.format(coap=self.device.port, http=http)
        if not why_not():
            self.lan = Lan(directory)
            self.parts.append(self.lan)
            self.lan.start()
            self.upnp = UPNP.format(interface=self.lan.interface)
            devices += LAMP.format(udn=self.lan.light)
        self.facts = {"component": world.COMPONENT, "component_port": prosody.component_port, "domain": world.DOMAIN,
                      "mqtt": mosquitto.port, "modbus": modbus, "coap": self.device.port, "root": world.ROOT, "upnp": self.upnp}
        self.gateway = world.Thingtree(directory, self.top(True), {"devices.d/town.yaml": devices},
                                       {"component-secret": prosody.secret})
        self.parts.append(self.gateway)

    def top(self, isolate):
        return TOP.format(isolate=str(isolate).lower(), **self.facts)

    def start(self):
        self.gateway.start()
        world.wait_until(lambda: all(s["state"] == "online" for s in self.gateway.status()["xmpp"]), what="XMPP")
        for connection, (node, field, *_) in self.all().items():
            world.wait_until(lambda n=node, f=field: self.value(n, f) is not None, what=f"{field} of {node} ({connection})")
        world.wait_until(lambda: self.value("bystander", "relay") is not None, what="the bystander")
        return self

    def all(self):
        return {c: v for c, v in ALL.items() if c != "lan" or self.lan}

    def connection(self, name):
        return next(c for c in self.gateway.status()["connections"] if c["name"] == name)

    def value(self, node, field):
        out = self.gateway.cli("read", "--json", node, check=False).stdout
        fields = {f["name"]: f.get("value") for line in out.splitlines() for f in json.loads(line).get("fields", ())}
        return fields.get(field)

    async def client(self):
        return await Client(f"admin@{world.DOMAIN}/test", self.prosody.passwords["admin"]).login(
            "127.0.0.1", self.prosody.port, self.prosody.ca)

    def stop(self):
        for part in reversed(self.parts):
            part.stop()


@pytest.fixture(scope="module", name="town")
def _town(tmp_path_factory, prosody, mosquitto):
    town = Town(tmp_path_factory.mktemp("town"), prosody, mosquitto)
    try:
        yield town.start()
    finally:
        town.stop()
        print("---- log of thingtree ----\n" + town.gateway.log()[-6000:])
    assert "Sanitizer" not in town.gateway.log()


class Load:
    """A device read and set over XMPP without a pause, and the bystander read; what each was answered."""

    def __init__(self, town, client, what):
        self.town, self.client, self.what = town, client, what
        self.reads, self.sets, self.refusals, self.beside = 0, 0, [], []
        self.is_over = False

    async def read(self):
        node, field = self.what[:2]
        while not self.is_over:
            try:
                await self.client.read(world.COMPONENT, [node], [field])
                self.reads += 1
            except Refused as e:
                self.refusals.append(("read", str(e)))
            await asyncio.sleep(PAUSE)

    async def set(self):
        node, _, name, kind, values = self.what
        n = 0
        while not self.is_over:
            n += 1
            try:
                await self.client.set_n(world.COMPONENT, node, kind, name, values[n % 2])
                self.sets += 1
            except Refused as e:
                self.refusals.append(("set", str(e)))
            await asyncio.sleep(PAUSE)

    async def others(self):
        while not self.is_over:
            before = time.monotonic()
            await self.client.read(world.COMPONENT, ["bystander"], ["relay"])
            self.beside.append(time.monotonic() - before)
            await asyncio.sleep(PAUSE)

    async def until(self, condition, what, timeout=15):
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, (what, self.reads, self.sets, self.refusals[-5:], len(self.beside))
            await asyncio.sleep(0.02)


async def under_load(town, connection, number):
    client = await town.client()
    load = Load(town, client, town.all()[connection])
    tasks = [asyncio.ensure_future(t) for t in (load.read(), load.set(), load.others())]
    try:
        await load.until(lambda: load.reads > 5 and load.sets > 2, "readings before")
        status = await asyncio.to_thread(town.connection, connection)
        before = time.monotonic()
        os.kill(status["pid"], number)
        while True:
            now = await asyncio.to_thread(town.connection, connection)
            if now.get("restarts", 0) > status.get("restarts", 0) and now["state"] == "online" and now["pid"] != status["pid"]:
                break
            assert time.monotonic() - before < 40, now
        reads, sets = load.reads, load.sets
        await load.until(lambda: load.reads > reads + 3 and load.sets > sets + 1, "readings and settings afterwards")
        took = time.monotonic() - before
    finally:
        load.is_over = True
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        await client.disconnect()
    assert answers == [None] * 3, answers
    return load, took


@pytest.mark.parametrize("connection", ALL)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_under_load(town, connection, number):
    """A few seconds for its own device, of which the person who asks is told; nothing for anybody else."""
    if connection not in town.all():
        pytest.skip(why_not())
    load, took = run(under_load(town, connection, number))
    print(f"{connection}: back after {took:.1f} s; the bystander took at most {max(load.beside) * 1e3:.0f} ms; "
          f"{len(load.refusals)} refusals")
    assert took < (10 if number == signal.SIGKILL else 18)
    assert max(load.beside) < 1 and len(load.beside) > 10
    reads, sets = ([text for what, text in load.refusals if what == kind] for kind in ("read", "set"))
    assert any(GONE in text for text in reads)
    if number == signal.SIGSTOP:  # long enough for a setting, too; the one that was under way may have been done
        assert any(GONE in text for text in sets)
        assert any(UNKNOWN in text for text in sets)


def test_discovery(town):
    out = town.gateway.cli("discover", "--json", "--timeout", "8", check=False)
    lines = [json.loads(line) for line in out.stdout.splitlines()]
    assert out.returncode == 0 and {line["connection"] for line in lines if "note" in line} == {"web", "here"}, out
    found = {(line["connection"], line.get("device")) for line in lines if "note" not in line}
    assert ("street", "valve") in found and (not town.lan or ("lan", "lamp") in found), found


@pytest.mark.parametrize("connection", ALL)
def test_probe(town, connection):
    if connection not in town.all():
        pytest.skip(why_not())
    node, field = town.all()[connection][:2]
    out = town.gateway.check("--probe", node)
    assert out.returncode == 0 and f"{field}: " in out.stdout, out.stdout + out.stderr


def test_reload_out_and_in(town):
    """Another place for its bridge is another connection; those that stay where they are do not notice."""
    for isolate in (False, True):
        before = {c: town.connection(c).get("pid") for c in ("lan", "here") if c == "here" or town.lan}
        town.gateway.write("thingtree.yaml", town.top(isolate))
        out = town.gateway.cli("reload", "--json", check=False)
        assert out.returncode == 0 and json.loads(out.stdout)["connections"]["changed"] == 4, out
        for connection in ("broker", "meters", "street", "web"):
            node, field, name, _, values = ALL[connection]
            world.wait_until(lambda c=connection: town.connection(c)["state"] == "online", what=connection)
            assert bool(town.connection(connection).get("pid")) == isolate
            for value in values:
                town.gateway.cli("set", f"{node}.{name}={value}")
            world.wait_until(lambda n=node, f=field: town.value(n, f) is not None, what=f"{field} of {node}")
        assert before == {c: town.connection(c).get("pid") for c in before}
        assert town.gateway.log().count("here: online") == 1


def test_the_end_while_all_are_stopped(town):
    pids = [c["pid"] for c in town.gateway.status()["connections"] if c.get("pid")]
    assert len(pids) == len(town.all())
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    before = time.monotonic()
    assert town.gateway.stop() == 0 and time.monotonic() - before < 4
    assert not [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
