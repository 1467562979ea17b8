# SPDX-License-Identifier: Apache-2.0
"""Event subscriptions of both dialects over real servers: what an MQTT device pushes reaches whoever subscribed."""
import asyncio
import json
import re
import subprocess

import pytest
from client import run
import world

SD = {"x": "urn:xmpp:iot:sensordata", "n": "urn:nf:iot:sd:1.0"}
SUBSCRIBE = {
    "x": "<subscribe xmlns='urn:xmpp:iot:events' seqnr='{id}' {x_attrs}><node nodeId='{node}'/>{x_fields}</subscribe>",
    "n": "<subscribe xmlns='urn:nf:iot:events:1.0' id='{id}' {n_attrs}><nd id='{node}'/>{n_fields}</subscribe>"}
UNSUBSCRIBE = {"x": "<unsubscribe xmlns='urn:xmpp:iot:events' seqnr='{id}'/>",
               "n": "<unsubscribe xmlns='urn:nf:iot:events:1.0' id='{id}'/>"}


@pytest.fixture(params=["account", "component"], name="address")
def _address(request, house):
    return getattr(house, request.param)


def publish(house, power):
    """What the plug's meter says, in its own words. The simulator is stopped: nobody else speaks."""
    payload = json.dumps({"Time": "2026-11-28T12:00:00", "ENERGY": {
        "TotalStartTime": "2026-01-01T00:00:00", "Total": 1.2, "Yesterday": 0, "Today": 0, "Power": power,
        "ApparentPower": power, "ReactivePower": 0, "Factor": 1, "Voltage": 230, "Current": 0.2}})
    subprocess.run(["mosquitto_pub", "-p", str(house.mosquitto.port), "-t", "tele/tasmota_49A3BC/SENSOR", "-m", payload],
                   check=True)


async def subscribe(client, address, dialect, number, node="plug", **parts):
    parts = {**dict.fromkeys(("x_attrs", "n_attrs", "x_fields", "n_fields"), ""), **parts}
    answer = await client.raw(address, SUBSCRIBE[dialect].format(id=number, node=node, **parts),
                              "get" if dialect == "x" else "set")
    (accepted,) = answer
    assert accepted.tag == f"{{{SD[dialect]}}}accepted"


async def event(client, dialect, number, timeout=15):
    """The values of the next event: {name: value}."""
    while True:
        message = await asyncio.wait_for(client.messages.get(), timeout)
        for data in message:
            if data.tag not in (f"{{{SD[dialect]}}}fields", f"{{{SD[dialect]}}}resp"):
                continue
            assert data.get("seqnr" if dialect == "x" else "id") == str(number)
            return {f.get("name") or f.get("n"): f.get("value") or f.get("v") for f in data.iter()
                    if f.get("name") or f.get("n")}


@pytest.fixture(name="quiet")
def _quiet(house):
    """The plug's simulator is away, so that only the test speaks for it."""
    house.plug.stop()
    publish(house, 10)
    world.wait_until(lambda: re.search(r'"name": ?"power"[^}]*"value": ?"?10[",]',
                                       house.gateway.cli("tree", "--json", "plug").stdout), what="the plug's power")
    yield
    house.start_plug("--on")


POWER = {"x_fields": "<field name='power' changedUp='5'/>", "n_fields": "<f n='power' up='5'/>"}


def test_a_push_reaches_all_subscribers(house, address, quiet):
    async def scenario():
        alice, bob = await house.client("alice"), await house.client("alice", "desk")
        await subscribe(alice, address, "x", 7, **POWER)
        await subscribe(bob, address, "n", "seven", **POWER)
        await asyncio.to_thread(publish, house, 12)  # not far enough
        await asyncio.to_thread(publish, house, 20)
        assert (await event(alice, "x", 7))["power"] == "20"
        assert (await event(bob, "n", "seven"))["power"] == "20"
        await asyncio.sleep(1.1)  # the floor of the interval
        await asyncio.to_thread(publish, house, 3)  # downwards is not asked for
        await asyncio.to_thread(publish, house, 40)
        assert (await event(alice, "x", 7))["power"] == "40"
        for dialect, client, number in (("x", alice, 7), ("n", bob, "seven")):
            await client.raw(address, UNSUBSCRIBE[dialect].format(id=number))
            await client.disconnect()
    run(scenario())


def test_a_held_event_is_the_latest(house, address, quiet):
    async def scenario():
        alice = await house.client("alice")
        await subscribe(alice, address, "x", 8, x_attrs="minInterval='PT2S' req='true'",
                        x_fields="<field name='power' changedBy='1'/>")
        await event(alice, "x", 8)  # the first, as it is
        begin = asyncio.get_running_loop().time()
        for power in (50, 60, 70):
            await asyncio.to_thread(publish, house, power)
        assert (await event(alice, "x", 8))["power"] == "70"
        assert asyncio.get_running_loop().time() - begin > 1.5
        await alice.disconnect()
    run(scenario())


def test_who_has_gone_is_not_told(house, address, quiet):
    """A resource that goes unavailable: what comes for it afterwards would come back as an error."""
    async def scenario():
        alice, desk = await house.client("alice"), await house.client("alice", "desk")
        await alice.raw(address, "<ping xmlns='urn:xmpp:ping'/>")
        await subscribe(desk, address, "n", "x", **POWER)
        desk.send_presence(pto=address)
        desk.send_presence(pto=address, ptype="unavailable")
        await alice.raw(address, "<ping xmlns='urn:xmpp:ping'/>")
        await desk.raw(address, "<ping xmlns='urn:xmpp:ping'/>")
        await asyncio.to_thread(publish, house, 90)
        with pytest.raises(asyncio.TimeoutError):
            await event(desk, "n", "x", timeout=2)
        await alice.disconnect()
        await desk.disconnect()
    run(scenario())


def test_disco(house, address):
    async def scenario():
        alice = await house.client("alice")
        info = await alice["xep_0030"].get_info(jid=address)
        assert {"urn:xmpp:iot:events", "urn:nf:iot:events:1.0"} <= set(info["disco_info"]["features"])
        await alice.disconnect()
    run(scenario())
