# SPDX-License-Identifier: Apache-2.0
"""A changed configuration taken up by a daemon that runs: what has not changed does not notice."""
import json
import signal
import subprocess
import threading

import pytest
import world

TOP = """\
version: 1
access:
  - {{who: admin@house.test, role: admin}}
poll:
  fast: {{every: 200ms}}
connections:
  broker: {{protocol: mqtt, url: "mqtt://127.0.0.1:{mqtt}"}}
  meters: {{protocol: modbus, transport: tcp, host: 127.0.0.1, port: {modbus}, timeout: 500ms}}
include: [devices.d/*.yaml]
mappings: [mappings, {root}/mappings]
"""

METER = """\
mapping: modbus/one
version: 1
protocol: modbus
params: {unit: {type: integer, default: 1}}
address: {unit: "${unit}"}
defaults: {type: float32, order: ABCD, poll: fast}
points:
  voltage: {input: 0, unit: V}
"""


def devices(n, **changes):
    """`n` plugs, of which changes[key] has other keys, and a meter."""
    out = ["devices:", "  meter: {uses: modbus/one, connection: meters, under: house}"]
    for i in range(n):
        more = changes.get(f"plug{i}", "")
        out.append(f"  plug{i}: {{uses: mqtt/tasmota-plug, connection: broker, with: {{topic: plug{i}}}, under: house{more}}}")
    return "\n".join(out) + "\n"


class Case:
    def __init__(self, directory, mosquitto, n=3, env=None):
        self.n, self.modbus = n, world.free_port()
        self.meter = world.Process("meter", [world.build_dir() / "tests/simulators/modbus_meter", "--tcp", self.modbus],
                                   directory, expect="ready")
        self.top = TOP.format(mqtt=mosquitto.port, modbus=self.modbus, root=world.ROOT)
        self.gateway = world.Thingtree(directory, self.top,
                                       {"devices.d/house.yaml": devices(n), "mappings/modbus/one.yaml": METER})
        self.broker = mosquitto
        self.gateway.start(env=env)
        world.wait_until(lambda: self.connection("broker")["state"] == "online" and
                         self.connection("meters")["devices"] == 1, what="the connections")
        world.wait_until(lambda: self.field("meter", "voltage"), what="a reading")

    def connection(self, name):
        return next((c for c in self.gateway.status()["connections"] if c["name"] == name), None)

    def node(self, name):
        out = self.gateway.cli("tree", "--json", name, check=False)
        return json.loads(out.stdout.splitlines()[0]) if out.returncode == 0 else None

    def field(self, name, field):
        node = self.node(name)
        return next((f for f in (node or {}).get("fields", []) if f["name"] == field and f.get("value") is not None), None)

    def reload(self):
        out = self.gateway.cli("reload", "--json", check=False)
        return out.returncode, json.loads(out.stdout)

    def stop(self):
        assert self.gateway.stop() == 0, self.gateway.log()[-3000:]
        self.meter.stop()
        assert "Sanitizer" not in self.gateway.log()


@pytest.fixture(name="case")
def _case(directory, mosquitto):
    made = Case(directory, mosquitto)
    yield made
    made.stop()


def publish(case, topic, payload):
    import paho.mqtt.publish
    paho.mqtt.publish.single(topic, payload, port=case.broker.port)


def tell(case, plug, watts):
    publish(case, f"tele/{plug}/SENSOR", json.dumps({"ENERGY": {"Power": watts}}))


def test_nothing_changed(case):
    before = case.connection("broker"), case.connection("meters")
    code, result = case.reload()
    assert code == 0 and not result["refused"]
    assert result["devices"] == {"added": 0, "changed": 0, "removed": 0, "unchanged": 4}
    assert result["connections"] == {"added": 0, "changed": 0, "removed": 0, "unchanged": 2}
    assert case.connection("broker")["reports"] >= before[0]["reports"]
    assert case.gateway.log().count("broker: online") == 1
    assert "devices  " in case.gateway.cli("reload").stdout


def test_devices_change_come_and_go(case):
    for i in range(3):
        tell(case, f"plug{i}", 100 + i)
    world.wait_until(lambda: all(case.field(f"plug{i}", "power") for i in range(3)), what="values")
    case.gateway.write("devices.d/house.yaml", devices(2, plug1=", label: Lamp") +
                       "  new: {uses: mqtt/tasmota-plug, connection: broker, with: {topic: new}}\n")
    code, result = case.reload()
    assert code == 0
    assert result["devices"] == {"added": 1, "changed": 1, "removed": 1, "unchanged": 2}
    assert case.node("plug2") is None and case.node("new") and case.node("plug1")["label"] == "Lamp"
    assert case.field("plug0", "power")["value"] == 100  # untouched
    assert case.field("plug1", "power")["value"] == 101  # its points are as they were
    tell(case, "new", 7)
    tell(case, "plug1", 8)
    world.wait_until(lambda: case.field("new", "power") and case.field("plug1", "power")["value"] == 8, what="new values")
    assert case.gateway.log().count("broker: online") == 1  # the connection never went


def test_a_wrong_file_changes_nothing(case):
    tell(case, "plug0", 100)
    world.wait_until(lambda: case.field("plug0", "power"), what="a value")
    good = devices(3)
    for name, text, said in (
            ("devices.d/house.yaml", "devices: [\n", "error["),
            ("devices.d/house.yaml", devices(3, plug1=", labl: x"), "plug1 runs, and would be disabled"),
            ("devices.d/house.yaml", good + good.splitlines()[1] + "\n", "error[duplicate"),
            ("thingtree.yaml", case.top + "acess: []\n", 'did you mean "access"?'),
            ("thingtree.yaml", "[" * 200000, "error["),
            ("thingtree.yaml", case.top.replace("protocol: mqtt", "protocol: mtqq"), "broker runs, and would be disabled"),
            ("mappings/modbus/one.yaml", METER.replace("float32", "flaot32"), "meter runs, and would be disabled")):
        before = (case.gateway.dir / name).read_text()
        case.gateway.write(name, text)
        out = case.gateway.cli("reload", check=False)
        assert out.returncode == 1 and said in out.stdout and "nothing has changed" in out.stdout, out.stdout
        assert said.split("[")[0] in case.gateway.log()
        case.gateway.write(name, before)
        assert len([n for n in (case.node(f"plug{i}") for i in range(3)) if n and n["state"] != "ErrorUnsigned"]) == 3
    assert case.field("plug0", "power")["value"] == 100
    reads = case.connection("meters")["reads"]
    world.wait_until(lambda: case.connection("meters")["reads"] > reads, what="the meter to be read on")
    assert case.reload()[1]["devices"]["unchanged"] == 4


def test_an_error_in_what_is_new(case):
    case.gateway.write("devices.d/more.yaml", "devices:\n  bad: {uses: mqtt/tasmota-plug, connection: broker, with: {tpoic: x}}\n")
    code, result = case.reload()
    assert code == 1 and not result["refused"] and result["devices"]["added"] == 1 and "tpoic" in result["diagnostics"]
    assert case.node("bad")["disabled"]
    case.gateway.write("devices.d/more.yaml", "devices:\n  bad: {uses: mqtt/tasmota-plug, connection: broker, with: {topic: x}}\n")
    code, result = case.reload()
    assert code == 0 and result["devices"]["changed"] == 1
    assert not case.node("bad").get("disabled")


def test_a_connection_restarts_alone(case):
    case.gateway.write("thingtree.yaml", case.top.replace("timeout: 500ms", "timeout: 600ms"))
    code, result = case.reload()
    assert code == 0 and result["connections"]["changed"] == 1
    reads = case.connection("meters")["reads"]
    world.wait_until(lambda: case.connection("meters")["reads"] > reads, what="the meter to be read on")
    assert case.gateway.log().count("broker: online") == 1
    case.gateway.write("thingtree.yaml", case.top.replace("  meters:", "  metres:"))
    case.gateway.write("devices.d/house.yaml", devices(3).replace("connection: meters", "connection: metres"))
    code, result = case.reload()
    assert result["connections"] == {"added": 1, "changed": 0, "removed": 1, "unchanged": 1}
    assert result["devices"]["changed"] == 1
    world.wait_until(lambda: case.connection("metres")["reads"] > 0, what="readings over the new connection")
    world.wait_until(lambda: case.connection("meters") is None, what="the old connection to go")
    assert case.node("gateway/meters") is None


def test_poll_classes_and_what_takes_a_restart(case):
    case.gateway.write("thingtree.yaml", case.top.replace("  fast: {every: 200ms}", "  slow: {every: 1h}\n  fast: {every: 100ms}"))
    code, result = case.reload()
    assert code == 0 and result["devices"] == {"added": 0, "changed": 1, "removed": 0, "unchanged": 3}
    case.gateway.write("thingtree.yaml", case.top + "xmpp: {component: {jid: a.test, secret: x, server: {host: 127.0.0.1, port: 1}}}\n")
    code, result = case.reload()
    assert code == 0 and result["text"] == "xmpp.component changed: that takes a restart"


def test_hangup(directory, mosquitto):
    case = Case(directory, mosquitto)
    case.gateway.write("devices.d/house.yaml", devices(2))
    case.gateway.process.child.send_signal(signal.SIGHUP)
    case.gateway.process.wait_for("1 removed")
    assert case.node("plug2") is None
    case.gateway.write("thingtree.yaml", "[")
    case.gateway.process.child.send_signal(signal.SIGHUP)
    case.gateway.process.wait_for("nothing has changed")
    assert case.node("plug1")
    case.stop()


def test_five_hundred_and_one(directory, mosquitto):
    """Under load: every plug tells a new value all the time, the meter is polled, one device changes at each of 20 reloads."""
    case = Case(directory, mosquitto, 500)
    import paho.mqtt.client
    client = paho.mqtt.client.Client()
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    told, over = [0], threading.Event()

    def load():
        while not over.is_set():
            told[0] += 1
            for i in range(0, 500, 7):
                client.publish(f"tele/plug{i}/SENSOR", json.dumps({"ENERGY": {"Power": told[0]}}), qos=1).wait_for_publish(5)
    thread = threading.Thread(target=load)
    thread.start()
    failed = case.connection("meters")["errors"]
    for k in range(20):
        case.gateway.write("devices.d/house.yaml", devices(500, plug3=f", label: Number {k}"))
        code, result = case.reload()
        assert code == 0 and result["devices"]["unchanged"] == 500 and result["devices"]["changed"] == 1, result
    over.set()
    thread.join()
    client.loop_stop()
    last = told[0]
    world.wait_until(lambda: all(case.field(f"plug{i}", "power")["value"] == last for i in range(0, 500, 70)), what="the last values")
    assert case.connection("broker")["dropped"] == 0 and case.connection("meters")["errors"] == failed
    assert case.connection("broker")["devices"] == 500
    assert case.gateway.log().count("broker: online") == 1
    case.stop()


def test_a_hundred_times(directory, mosquitto):
    """Memory is that of the first times."""
    # What is freed is used again at once, as without the sanitizer.
    case = Case(directory, mosquitto, 100, {"ASAN_OPTIONS": "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"})

    def rss():
        with open(f"/proc/{case.gateway.process.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * 4
    sizes = []
    for k in range(100):
        case.gateway.write("devices.d/house.yaml", devices(100, plug1=f", label: Number {k % 5}"))
        assert case.reload()[1]["devices"]["changed"] == 1
        sizes.append(rss())
    print("resident KiB after 1, 20, 100 reloads:", sizes[0], sizes[19], sizes[99])
    assert sizes[99] < sizes[19] * 1.05, sizes
    case.stop()


def test_into_a_process_of_its_own_and_back(case):
    for isolate in ("true", "false"):
        case.gateway.write("thingtree.yaml", case.top.replace("protocol: modbus,", f"protocol: modbus, isolate: {isolate},"))
        code, result = case.reload()
        assert code == 0 and result["connections"]["changed"] == 1 and result["devices"]["unchanged"] == 4, result
        reads = case.connection("meters")["reads"]
        world.wait_until(lambda: case.connection("meters")["reads"] > reads + 2, what="the meter to be read on")
        world.wait_until(lambda: case.node("meter")["state"] == "None", what="the meter to be well")
    case.gateway.write("thingtree.yaml", case.top.replace("protocol: modbus,", "protocol: modbus, isolate: true,"))
    assert case.reload()[0] == 0
    case.gateway.write("devices.d/house.yaml", devices(3).replace("connection: meters,", "connection: meters, label: M,"))
    assert case.reload()[1]["devices"]["changed"] == 1
    reads = case.connection("meters")["reads"]
    world.wait_until(lambda: case.connection("meters")["reads"] > reads + 2, what="the changed meter to be read")
    assert case.gateway.log().count("broker: online") == 1


def test_who_watches_a_device_goes_on(case):
    with subprocess.Popen([case.gateway.program, "watch", "--socket", case.gateway.socket, "--json", "plug1"],
                          stdout=subprocess.PIPE, text=True) as watch:
        world.wait_until(lambda: case.gateway.status()["counts"]["api_clients"] >= 2, what="the watch")
        for k in range(2):
            case.gateway.write("devices.d/house.yaml", devices(3, plug1=f", label: Number {k}"))
            assert case.reload()[1]["devices"]["changed"] == 1
            tell(case, "plug1", 40 + k)
            seen = []
            while not any(c.get("field", {}).get("value") == 40 + k for c in seen):
                seen.append(json.loads(watch.stdout.readline()))
            assert {"added", "removed"} <= {c.get("change") for c in seen}
        watch.terminate()
