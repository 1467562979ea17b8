# SPDX-License-Identifier: Apache-2.0
"""Modbus through the whole gateway, from devices by another implementation (pymodbus), over TCP and a serial line (a pty
pair of socat), to a client that is not ours (slixmpp)."""
import json
import re

import pytest
from client import Client, Refused, run
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
  fast: {{every: 200ms}}
  normal: {{every: 500ms}}
  slow: {{every: 500ms}}
  daily: {{every: 500ms}}
connections:
  lan: {{protocol: modbus, host: 127.0.0.1, port: {tcp}, timeout: 500ms, drain: 100ms}}
  line: {{protocol: modbus, transport: rtu, device: {rtu}, baud: 115200, timeout: 500ms, drain: 100ms}}
include: [devices.d/*.yaml]
mappings: [mappings, {root}/mappings]
"""

DEVICES = """\
devices:
  lan-meter: {uses: modbus/eastron-sdm630, connection: lan, under: house}
  lan-all: {uses: modbus/everything, connection: lan, under: house}
  lan-nobody: {uses: modbus/eastron-sdm630, connection: lan, with: {unit: 9}, under: house}
  line-meter: {uses: modbus/eastron-sdm630, connection: line, with: {unit: 7}, under: house}
  line-all: {uses: modbus/everything, connection: line, with: {unit: 7}, under: house}
  line-nobody: {uses: modbus/eastron-sdm630, connection: line, with: {unit: 9}, under: house}
"""

# Counts from 1, as makers' tables do.
EVERYTHING = """\
mapping: modbus/everything
version: 1
protocol: modbus
params: {unit: {type: integer, default: 1}}
address: {unit: "${unit}", base: 1}
limits: {max_registers: 60, max_gap: 8}
poll: normal
points:
  int16:  {holding: 0x1001, type: int16, write: {verify: readback}}
  uint16: {holding: 0x1002, type: uint16}
  int32:  {holding: 0x1003, type: int32}
  uint32: {holding: 0x1005, type: uint32}
  int64:  {holding: 0x1007, type: int64}
  uint64: {holding: 0x100b, type: uint64, order: GHEFCDAB}
  abcd:   {holding: 0x100f, type: float32}
  cdab:   {holding: 0x1011, type: float32, order: CDAB}
  badc:   {holding: 0x1013, type: float32, order: BADC}
  dcba:   {holding: 0x1015, type: float32, order: DCBA}
  double: {holding: 0x1017, type: float64}
  text:   {holding: 0x101b, type: string, count: 4}
  flags:  {holding: 0x101f, type: bits16, bits: {0: low, 4: hot, 15: off_line}}
  slice:  {holding: 0x1020, type: uint16, bit: 4, width: 4}
  bit:    {holding: 0x1020, type: bit, bit: 9}
  one:    {holding: 0x1021, type: uint16, write: {function: 16, verify: readback}}
  two:    {holding: 0x1022, type: float32, order: CDAB, write: {verify: readback}}
  name:   {holding: 0x1024, type: string, count: 3, write: {verify: readback}}
  coil:   {coil: 4, type: boolean, write: {verify: readback}}
  relay:  {coil: 6, type: boolean, write: {function: 15, verify: readback}}
  door:   {discrete: 7, type: boolean}
"""

READ = {"int16": -2, "uint16": 65535, "int32": -559038737, "uint32": 3735928559, "int64": -81985529216486895,
        "uint64": 2**53 + 1, "abcd": 230.1, "cdab": 230.1, "badc": 230.1, "dcba": 230.1, "double": -0.1,
        "text": "SDM630", "flags": "low, hot, off_line", "slice": 5, "bit": True, "door": True}


class Street:
    """Two meters by pymodbus, one at each kind of line, and the gateway."""

    def __init__(self, directory, prosody):
        self.dir, self.prosody, self.port = directory, prosody, world.free_port()
        self.ends = [directory / "gateway-end", directory / "meter-end"]
        self.socat = self.lan = self.line = None
        self.gateway = world.Thingtree(
            directory, TOP.format(component=world.COMPONENT, component_port=prosody.component_port, domain=world.DOMAIN,
                                  tcp=self.port, rtu=self.ends[0], root=world.ROOT),
            {"devices.d/street.yaml": DEVICES, "mappings/modbus/everything.yaml": EVERYTHING},
            {"component-secret": prosody.secret})

    def start_lan(self):
        self.lan = self.meter("lan", "--tcp", self.port)

    def meter(self, name, *line):
        return world.Process(name, [world.PYTHON, world.SIMULATORS / "pymodbus_meter.py", *line], self.dir,
                             expect="ready")

    def start(self):
        self.socat = world.Process("socat", ["socat", "-d", "-d", *(f"pty,rawer,link={e}" for e in self.ends)], self.dir,
                                   expect="starting data transfer loop")
        self.start_lan()
        self.line = self.meter("line", "--rtu", self.ends[1], "--unit", "7")
        self.gateway.start()
        world.wait_until(lambda: all(s["state"] == "online" for s in self.gateway.status()["xmpp"]), what="XMPP")
        return self

    def fields(self, node):
        """{name: field} of a read from the device."""
        out = self.gateway.cli("read", "--json", "--from-device", node)
        return {f["name"]: f for line in out.stdout.splitlines() for f in json.loads(line)["fields"]}

    def writes(self, kind):
        """What the meter was told to write, each as "coil|holding ADDRESS VALUES"."""
        return re.findall(r"^write (.*)$", (self.lan if kind == "lan" else self.line).text(), re.M)

    def stop(self):
        for part in (self.gateway, self.lan, self.line, self.socat):
            if part:
                part.stop()


@pytest.fixture(scope="module", name="street")
def _street(tmp_path_factory, prosody):
    whole = Street(tmp_path_factory.mktemp("street"), prosody)
    try:
        yield whole.start()
    finally:
        whole.stop()
        if whole.gateway.process:
            print("---- log of thingtree ----\n" + whole.gateway.log()[-6000:])


@pytest.fixture(params=["lan", "line"], name="kind")
def _kind(request):
    return request.param


def test_every_register_of_a_meter(street, kind):
    fields = street.fields(f"{kind}-meter")
    assert len(fields) == 61
    for name, address in (("voltage_l1", 0), ("power", 52), ("frequency", 70), ("thd_voltage_l1", 234),
                          ("energy_import_l3", 350), ("reactive_energy_l3", 380)):
        assert abs(fields[name]["value"] - (address + 0.25)) < 0.06, name  # digits of the meter's display
    # Its settings lie apart and what is between them is refused: the joined reads were split.
    assert fields["demand_period"]["value"] == 60 and fields["demand_period"]["unit"] == "min"
    assert fields["grid"]["value"] == "three phases four wires" and fields["baud"]["value"] == 9600
    assert fields["serial"]["value"] == 0x01234567


def test_every_type_and_order(street, kind):
    fields = street.fields(f"{kind}-all")
    assert {name: fields[name]["value"] for name in READ} == READ


def test_every_function_that_writes(street, kind):
    node = f"{kind}-all"
    before = len(street.writes(kind))
    for assignment in ("int16=-300", "one=7", "two=-12.5", "name=hall", "coil=false", "relay=true"):
        street.gateway.cli("set", f"{node}.{assignment}")
    assert street.writes(kind)[before:] == [
        "holding 0x1000 65236", "holding 0x1020 7", "holding 0x1021 0 49480", "holding 0x1023 26721 27756 0",
        "coil 0x3 False", "coil 0x5 True"]
    fields = street.fields(node)
    assert {n: fields[n]["value"] for n in ("int16", "one", "two", "name", "coil", "relay")} == {
        "int16": -300, "one": 7, "two": -12.5, "name": "hall", "coil": False, "relay": True}
    street.gateway.cli("set", f"{node}.int16=-2")


def test_over_xmpp(street, kind):
    async def scenario():
        node = f"{kind}-meter"
        admin = await Client(f"admin@{world.DOMAIN}/test", street.prosody.passwords["admin"]).login(
            "127.0.0.1", street.prosody.port, street.prosody.ca)
        values = await admin.read(world.COMPONENT, [node], fields=["voltage_l1", "power"])
        assert values == {"voltage_l1": "0.2 V", "power": "52.2 W"}  # of 0.25 and 52.25, as the meter's display shows
        before = len(street.writes(kind))
        assert await admin.set(world.COMPONENT, [node], [("demand_period", "double", "10")]) == "OK"
        for wrong in ("7", "1000", "-5"):
            with pytest.raises(Refused, match="FormError"):
                await admin.set(world.COMPONENT, [node], [("demand_period", "double", wrong)])
        assert street.writes(kind)[before:] == ["holding 0x2 16672 0"]
        await admin.disconnect()
    run(scenario())
    assert street.fields(f"{kind}-meter")["demand_period"]["value"] == 10


def test_a_unit_that_is_not_there(street, kind):
    failed = street.gateway.cli("read", "--from-device", f"{kind}-nobody", check=False)
    assert failed.returncode == 1 and "unit 9" in failed.stdout + failed.stderr

    def is_told():
        return any(t["node"] == f"{kind}-nobody" for t in street.gateway.status()["troubles"])
    world.wait_until(is_told, what="the trouble")
    assert street.fields(f"{kind}-meter")["voltage_l1"]["age_ms"] < 2000  # the others on its bus are well


def test_a_meter_that_goes_and_comes_back(street):
    def state():
        return next(c for c in street.gateway.status()["connections"] if c["name"] == "lan")["state"]
    world.wait_until(lambda: state() == "online", what="online")
    street.lan.stop()
    world.wait_until(lambda: state() == "offline", what="offline")
    failed = street.gateway.cli("set", "lan-meter.demand_period=5", check=False)
    assert failed.returncode == 1 and not any(w.startswith("holding 0x2 16544") for w in street.writes("lan"))
    street.start_lan()
    world.wait_until(lambda: state() == "online", what="online again")
    assert street.fields("lan-meter")["demand_period"]["value"] == 60  # nothing was done later
