# SPDX-License-Identifier: Apache-2.0
"""The whole gateway as its users meet it: real servers, devices that behave like the real ones, a client that is not ours."""
import asyncio
import json
import time
import xml.etree.ElementTree as ET

import pytest
from client import Refused, run
import world

CONCENTRATORS = "urn:xmpp:iot:concentrators"


@pytest.fixture(params=["account", "component"], name="address")
def _address(request, house):
    return getattr(house, request.param)


def test_read_by_slixmpp(house, address):
    async def scenario():
        alice = await house.client("alice")
        values = await alice.read(address, ["plug"])
        assert float(values["power"].split()[0]) > 30 and values["power"].endswith(" W")
        values = await alice.read(address, ["meter"], fields=["voltage_l1"])
        assert list(values) == ["voltage_l1"] and 200 < float(values["voltage_l1"].split()[0]) < 260
        await alice.disconnect()
    run(scenario())


def test_switch_by_slixmpp(house, address):
    async def scenario():
        alice = await house.client("alice")
        for value in ("false", "true"):
            assert await alice.set(address, ["plug"], [("relay", "boolean", value)]) == "OK"
            assert (await alice.read(address, ["plug"], fields=["relay"]))["relay"].lower() == value
        await alice.disconnect()
    run(scenario())
    lines = [json.loads(line) for line in (house.gateway.dir / "state/audit.jsonl").read_text().splitlines()]
    decisions = [entry for entry in lines if entry.get("node") == "plug" and "relay" in json.dumps(entry)]
    assert len(decisions) >= 2 and "alice@house.test" in json.dumps(decisions[0])


def test_out_of_range_never_reaches_the_device(house, address):
    async def scenario():
        admin = await house.client("admin")
        with pytest.raises(Refused, match="FormError"):
            await admin.set(address, ["meter"], [("demand_period", "double", "1000")])
        with pytest.raises(Refused, match="FormError"):
            await admin.set(address, ["plug"], [("relay", "boolean", "maybe")])
        await admin.disconnect()
    run(scenario())


def test_a_stranger_learns_nothing(house, address):
    async def scenario():
        stranger = await house.client("stranger")
        answers = set()
        for node in ("plug", "no-such-node"):
            for payload, kind in (
                    (f"<req xmlns='urn:xmpp:iot:sensordata' seqnr='1' momentary='true'><node nodeId='{node}'/></req>", "get"),
                    (f"<getNode xmlns='{CONCENTRATORS}' nodeId='{node}' sourceId='MeteringTopology'/>", "get"),
                    (f"<set xmlns='urn:xmpp:iot:control'><node nodeId='{node}'/><boolean name='relay' value='true'/></set>", "set")):
                with pytest.raises(Refused) as refusal:
                    await stranger.raw(address, payload, kind)
                assert "forbidden" in str(refusal.value)
                error = ET.fromstring(str(refusal.value)).find("{jabber:client}error")
                answers.add(ET.tostring(error))
        assert len(answers) == 1, answers
        with pytest.raises(Refused, match="forbidden"):
            await stranger.raw(address, "<query xmlns='http://jabber.org/protocol/disco#info'/>")
        await stranger.disconnect()
    run(scenario())


def test_a_reader_sees_their_part_only(house, address):
    async def scenario():
        reader = await house.client("reader")
        values = await reader.read(address, ["meter"])
        assert "voltage_l1" in values and "power" in values and "frequency" not in values
        for node in ("plug", "shed", "garden", "nowhere"):
            with pytest.raises(Refused, match="item-not-found|NotFound"):
                await reader.raw(address, f"<getNode xmlns='{CONCENTRATORS}' nodeId='{node}' sourceId='MeteringTopology'/>")
        with pytest.raises(Refused, match="InsufficientPrivileges"):
            await reader.set(address, ["meter"], [("demand_period", "double", "10")])
        roots = await reader.raw(address, f"<getRootNodes xmlns='{CONCENTRATORS}' sourceId='MeteringTopology'/>")
        assert [n.get("nodeId") for n in roots.iter("{%s}node" % CONCENTRATORS)] == ["house"]
        await reader.disconnect()
    run(scenario())


def test_a_parameter_may_be_kept_from_an_operator(house, address):
    async def scenario():
        alice = await house.client("alice")
        with pytest.raises(Refused, match="InsufficientPrivileges"):
            await alice.set(address, ["meter"], [("demand_period", "double", "10")])
        await alice.disconnect()
    run(scenario())


def test_a_dead_device_fails_alone_and_in_time(house, address):
    async def scenario():
        admin = await house.client("admin")
        await admin.raw(address, "<req xmlns='urn:xmpp:iot:sensordata' seqnr='77' momentary='true'>"
                        "<node nodeId='dead-meter'/><node nodeId='meter'/><node nodeId='broken'/></req>")
        began, texts = time.monotonic(), []
        while not any("done" in t and 'done="true"' in t for t in texts):
            message = await asyncio.wait_for(admin.messages.get(), 15)
            texts.append(ET.tostring(message, encoding="unicode"))
        whole = "".join(texts)
        assert time.monotonic() - began < 13
        assert "voltage_l1" in whole and "failure" in texts[-1]
        assert 'nodeId="dead-meter"' in texts[-1] and 'nodeId="broken"' in texts[-1] and 'nodeId="meter"' not in texts[-1]
        await admin.disconnect()
    run(scenario())


def test_the_xmpp_server_restarts(house):
    house.prosody.stop()
    world.wait_until(lambda: all(s["state"] != "online" for s in house.gateway.status()["xmpp"]), what="both offline")
    began = time.monotonic()
    house.prosody.start()
    house.wait_online(15)
    print(f"online again after {time.monotonic() - began:.1f} s")

    async def scenario():
        alice = await house.client("alice")
        for address in (house.account, house.component):
            assert "power" in await alice.read(address, ["plug"])
        await alice.disconnect()
    run(scenario())


def test_the_broker_restarts(house):
    house.mosquitto.stop()
    world.wait_until(lambda: "broker" in house.gateway.cli("status").stdout and
                     any(c["name"] == "broker" and c["state"] == "offline" for c in house.gateway.status()["connections"]),
                     what="the broker to be missed")
    # A command is refused now, and not done later.
    refused = house.gateway.cli("set", "plug.relay=false", check=False)
    assert refused.returncode != 0, refused
    house.plug.stop()
    house.mosquitto.start()
    house.start_plug("--on")
    house.start_zigbee()
    world.wait_until(lambda: any(c["name"] == "broker" and c["state"] == "online"
                                 for c in house.gateway.status()["connections"]), what="the broker to be back")

    async def scenario():
        alice = await house.client("alice")
        assert (await alice.read(house.component, ["plug"], fields=["relay"]))["relay"].lower() == "true"
        await alice.set(house.component, ["plug"], [("relay", "boolean", "false")])
        await alice.set(house.component, ["plug"], [("relay", "boolean", "true")])
        await alice.disconnect()
    run(scenario())


def test_a_hostile_stanza_does_not_stop_the_devices(house):
    """A quarter of a megabyte of empty elements, to the account: its parser is quadratic, the devices must not care."""
    def requests():
        return next(c for c in house.gateway.status()["connections"] if c["name"] == "meters")

    async def scenario():
        stranger = await house.client("stranger")
        before = requests()
        began = time.monotonic()
        stranger.send_raw(f"<message to='{house.account}'><x xmlns='urn:x'>" + "<b/>" * 50000 + "</x></message>")
        slowest = 0.0
        while time.monotonic() - began < 3:
            asked = time.monotonic()
            answer = await asyncio.to_thread(house.gateway.cli, "read", "--from-device", "meter.voltage_l1")
            slowest = max(slowest, time.monotonic() - asked)
            assert answer.returncode == 0
        print(f"slowest read beside it {slowest * 1000:.0f} ms", before)
        assert slowest < 1.5  # a subprocess of a sanitized build on two busy cores; the stanza costs seconds
        await stranger.disconnect()
    run(scenario())
    house.wait_online()


def test_sigterm_is_obeyed_in_three_seconds(house):
    began = time.monotonic()
    assert house.gateway.stop(timeout=10) == 0
    assert time.monotonic() - began < 3
    house.gateway.start()
    house.wait_online()
