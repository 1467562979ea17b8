# SPDX-License-Identifier: Apache-2.0
"""What bridges see, shown to people, and made a device of when somebody asks for it. Texts of devices have no power."""
import json
import os
import pathlib
import re

import pytest
import world
from test_describe import Self

HOSTILE = "x\u001b[31m\"\n  evil: {uses: self/device}\n# ${credential:key} ${env:HOME} \u202e%s \\ ' {a: b}"
LAMP = {"id": "lamp-1", "name": "Hall lamp", "vendor": "Acme", "model": "L1", "address": "10.0.0.7",
        "facts": {"id": "lamp", "model": "L1"}}
MATCHING = """\
mapping: self/lamp
version: 1
protocol: self
params: {id: {type: string}, more: {type: string, default: x}}
match: {model: L1}
id: "${id}"
points: {on: {at: on, type: string}}
"""
SECRETIVE = """\
mapping: self/secretive
version: 1
protocol: self
params: {id: {type: string}, key: {type: secret}}
match: {model: "S*"}
id: "${id}"
points: {on: {at: on, type: string}}
"""
NEEDY = """\
mapping: self/needy
version: 1
protocol: self
params:
  id: {type: string}
  room: {type: string}
  level: {type: integer, range: [1, 9], default: 1}
  key: {type: secret, default: none}
match: {model: N1}
id: "${id}"
points: {on: {at: "${room}", type: string}}
"""
DEVICES = "devices:\n  old: {uses: self/device, connection: fancy, with: {id: old}}\n"


@pytest.fixture(name="house")
def _house(directory):
    made = Self(directory, DEVICES)
    made.gateway.write("mappings/self/lamp.yaml", MATCHING)
    made.gateway.write("mappings/self/secretive.yaml", SECRETIVE)
    made.gateway.write("mappings/self/needy.yaml", NEEDY)
    made.gateway.start()
    yield made
    assert made.gateway.stop() == 0, made.gateway.log()[-4000:]
    assert "Sanitizer" not in made.gateway.log()


def discover(house, *candidates):
    house.content["candidates"] = list(candidates)
    house.put()
    out = house.gateway.cli("discover", "--json", check=False)
    return {c["own_id"]: c for c in map(json.loads, out.stdout.splitlines())}


def adopted(house):
    return sorted(p.name for p in (house.gateway.dir / "devices.d").iterdir())


def test_shown(house):
    found = discover(house, LAMP, {"id": "o", "facts": {"id": "old"}}, {"id": "n"}, {"id": "s", "facts": {"id": "s", "model": "S1"}},
                     {"id": "d", "uses": "self/device", "facts": {"id": "d"}}, {"id": "u", "uses": "self/nothing"})
    assert found["lamp-1"] == {"candidate": found["lamp-1"]["candidate"], "connection": "fancy", "protocol": "self",
                               "own_id": "lamp-1", "name": "Hall lamp", "vendor": "Acme", "model": "L1", "address": "10.0.0.7",
                               "mapping": "self/lamp", "sure": "exact"}
    assert found["o"]["device"] == "old" and found["n"]["sure"] == "none" and found["u"]["sure"] == "none"
    assert found["s"]["sure"] == "pattern" and found["s"]["missing"] == "key"
    assert found["d"]["sure"] == "described" and found["d"]["mapping"] == "self/device"
    again = discover(house, LAMP)  # the same key the next time
    assert again["lamp-1"]["candidate"] == found["lamp-1"]["candidate"]
    table = house.gateway.cli("discover", "fancy").stdout
    assert "Hall lamp" in table and "Acme L1" in table and "self/lamp (exact)" in table
    assert adopted(house) == ["house.yaml"]  # nothing was


def test_what_cannot_be_asked(house):
    out = house.gateway.cli("discover", "nothing", check=False)
    assert out.returncode == 1 and "there is no connection" in out.stderr
    assert house.gateway.cli("discover", "--timeout", "x", check=False).returncode == 64
    assert house.gateway.cli("discover", "--timeout", "1000", check=False).returncode == 1
    assert "nothing was found" in house.gateway.cli("discover").stdout
    out = house.gateway.cli("adopt", "abcdef", check=False)
    assert out.returncode == 1 and "no candidate" in out.stderr


def test_adopted(house):
    house.put(lamp={"values": {"on": "yes"}}, old={"description": {"points": {"p": {"at": "p", "type": "string"}}}, "values": {"p": "1"}})
    world.wait_until(lambda: house.value("old", "p") == "1", what="the old device")
    key = discover(house, LAMP)["lamp-1"]["candidate"]
    dry = house.gateway.cli("adopt", key, "--under", "house/hall", "--dry-run").stdout
    assert "would become hall-lamp" in dry and 'uses: "self/lamp"' in dry and adopted(house) == ["house.yaml"]
    out = house.gateway.cli("adopt", key, "--under", "house/hall").stdout
    assert f"became hall-lamp, in devices.d/adopted-hall-lamp-{key}.yaml" in out
    assert dry.split(":\n", 1)[1] == (house.gateway.dir / f"devices.d/adopted-hall-lamp-{key}.yaml").read_text()
    world.wait_until(lambda: house.value("hall-lamp", "on") == "yes", what="the new device")
    node = house.node("hall-lamp")
    assert node["label"] == "Hall lamp" and node["path"] == "house/hall/hall-lamp" if "path" in node else node["label"] == "Hall lamp"
    assert house.gateway.log().count("fancy: online") == 1  # the others do not notice
    audit = [json.loads(line) for line in (house.gateway.dir / "state/audit.jsonl").read_text().splitlines()]
    assert [(a["kind"], a["uid"], a["node"], a["mapping"], a["connection"]) for a in audit] == [
        ("adopted", os.getuid(), "hall-lamp", "self/lamp", "fancy")]
    out = house.gateway.cli("adopt", key, check=False)  # not twice
    assert out.returncode == 1 and "it is there already, as hall-lamp" in out.stderr
    assert house.gateway.check().returncode == 0
    assert house.gateway.cli("reload").returncode == 0
    assert discover(house, LAMP)["lamp-1"]["device"] == "hall-lamp"


def test_as(house):
    key = discover(house, LAMP)["lamp-1"]["candidate"]
    assert "there is a device" in house.gateway.cli("adopt", key, "--as", "old", check=False).stderr
    for bad in ("a/b", "gateway", "x\n  y: z", " "):
        out = house.gateway.cli("adopt", key, "--as", bad, check=False)
        assert out.returncode == 1 and adopted(house) == ["house.yaml"], out
    for bad in ("gateway/x", "a//b", "old"):
        out = house.gateway.cli("adopt", key, "--under", bad, check=False)
        assert out.returncode == 1 and adopted(house) == ["house.yaml"], out
    assert house.gateway.cli("adopt", key, "--as", "Lampa i hallen ${x}").returncode == 0
    assert house.node("Lampa i hallen ${x}") and house.gateway.check().returncode == 0


def test_needs_more(house):
    found = discover(house, {"id": "s", "facts": {"id": "s", "model": "S1", "key": "told"}}, {"id": "n"})
    out = house.gateway.cli("adopt", found["s"]["candidate"], check=False)
    assert out.returncode == 1 and "also needs key" in out.stderr  # no secret is taken from a device
    out = house.gateway.cli("adopt", found["n"]["candidate"], check=False)
    assert out.returncode == 1 and "no mapping fits" in out.stderr


def test_given(house):
    """What is no fact is given; a value is only text, whoever says it, and wrong ones leave nothing behind."""
    (house.gateway.dir / "credentials/key").write_text("canary")
    (house.gateway.dir / "credentials/key").chmod(0o600)
    house.put(other={"values": {"${credential:key}": "yes"}})
    found = discover(house, {"id": "n", "name": "N", "facts": {"id": "n", "model": "N1"}})["n"]
    assert found["missing"] == "room"
    adopt = ["adopt", found["candidate"], "-w", "room=${credential:key}"]
    for said, *args in (("also needs room", "adopt", found["candidate"]),
                        ('has no parameter "rum"', *adopt, "--with", "rum=x"),
                        ("key is a secret", *adopt, "--with", "key=x"),
                        ("", *adopt, "--with", "level=much"), ("", *adopt, "--with", "level=12")):
        out = house.gateway.cli(*args, check=False)
        assert out.returncode == 1 and said in out.stderr and adopted(house) == ["house.yaml"], out
        assert house.node("n") is None
    for bad in ("room", "=x", ""):
        assert house.gateway.cli(*adopt, "--with", bad, check=False).returncode == 64
    assert house.gateway.cli(*adopt, "--with=id=other", "--with", "level=3").returncode == 0
    text = (house.gateway.dir / "devices.d" / next(f for f in adopted(house) if f != "house.yaml")).read_text()
    assert 'with: {id: "other", room: "$${credential:key}", level: "3"}' in text
    world.wait_until(lambda: house.value("n", "on") == "yes", what="a value from the place that was given")
    assert house.gateway.check().returncode == 0
    assert "canary" not in text + house.gateway.log() + house.gateway.cli("tree", "--json").stdout


def test_another_mapping(house):
    found = discover(house, {"id": "n", "name": "N", "facts": {"model": "L1"}}, {"id": "m"})
    plain = ["adopt", found["m"]["candidate"]]
    assert found["n"]["mapping"] == "self/lamp" and found["m"]["sure"] == "none"
    for uses in ("self/nothing", "../x", "mqtt/any", ""):
        out = house.gateway.cli(*plain, "--uses", uses, check=False)
        assert out.returncode == 1 and f'no mapping "{uses}" for self devices' in out.stderr
    out = house.gateway.cli(*plain, "--uses", "self/lamp", check=False)
    assert out.returncode == 1 and "also needs id" in out.stderr and adopted(house) == ["house.yaml"]
    house.put(m={"values": {"on": "yes"}})
    assert house.gateway.cli(*plain, "--uses", "self/lamp", "--with", "id=m").returncode == 0
    world.wait_until(lambda: house.value("m", "on") == "yes", what="the device")
    assert house.gateway.cli("adopt", found["n"]["candidate"], "--uses", "self/device", "-w", "id=n", "-n").stdout.count("self/device") == 1


def test_foreign_text_is_only_text(house):
    (house.gateway.dir / "credentials/key").write_text("canary")
    (house.gateway.dir / "credentials/key").chmod(0o600)
    found = discover(house, {**{k: HOSTILE for k in ("id", "name", "vendor", "address")}, "uses": "self/device",
                             "facts": {"id": HOSTILE, HOSTILE: HOSTILE}})
    key = next(iter(found.values()))["candidate"]
    table = house.gateway.cli("discover").stdout
    assert "\x1b" not in table and "\u202e" not in table and table.count("\n") == 1
    out = house.gateway.cli("adopt", key)
    files = [house.gateway.dir / "devices.d" / f for f in adopted(house) if f != "house.yaml"]
    text = files[0].read_text()
    assert len(files) == 1 and "evil:" not in [line.strip()[:5] for line in text.splitlines()]
    assert text.isprintable() or all(c == "\n" or c.isprintable() for c in text)
    node = house.node(json.loads(house.gateway.cli("tree", "--json").stdout.splitlines()[-1])["node"])
    keys = [json.loads(line)["node"] for line in house.gateway.cli("tree", "--json").stdout.splitlines()]
    new = next(k for k in keys if k.startswith("x-"))
    assert "evil" not in keys and "${credential:key} ${env:HOME}" in house.node(new)["label"]
    assert "canary" not in table + out.stdout + text + json.dumps(node) + house.gateway.log()
    assert house.gateway.check().returncode == 0


def test_where_nothing_can_be_written(house):
    key = discover(house, LAMP)["lamp-1"]["candidate"]
    config = house.gateway.config.read_text()
    house.gateway.config.write_text(config.replace("devices.d/*.yaml", "devices.d/house.yaml"))
    out = house.gateway.cli("adopt", key, check=False)
    assert out.returncode == 1 and "`include:` names no directory" in out.stderr
    house.gateway.config.write_text(config + "acess: []\n")
    out = house.gateway.cli("adopt", key, check=False)
    assert out.returncode == 1 and "cannot be used as it is now" in out.stderr
    assert adopted(house) == ["house.yaml"]


def test_only_admins():
    text = (pathlib.Path(__file__).resolve().parents[2] / "gateway/api/request.c").read_text()
    assert all(re.search(rf'{{"{name}",\s+TT_ROLE_ADMIN', text) for name in ("reload", "discover", "adopt"))
