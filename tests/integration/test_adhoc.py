# SPDX-License-Identifier: Apache-2.0
"""Ad-hoc commands as people meet them: slixmpp's own plugin (xep_0050), real servers, real-looking devices."""
import asyncio

import pytest
import slixmpp
from client import run
import world


@pytest.fixture(params=["account", "component"], name="address")
def _address(request, house):
    return getattr(house, request.param)


async def person(house, name):
    who = await house.client(name)
    who.register_plugin("xep_0004")
    who.register_plugin("xep_0050")
    return who


async def step(who, address, node, action="execute", session=None, fields=None):
    """One action of a command; its <command/>."""
    payload = None
    if fields is not None:
        payload = who["xep_0004"].make_form(ftype="submit")
        for var, value in fields.items():
            payload.add_field(var=var, value=value)
    answer = await who["xep_0050"].send_command(address, node, action=action, payload=payload, sessionid=session,
                                                flow=False)
    return answer["command"]


def values(command):
    """{label: value} of a result, as a client shows it."""
    return {field["label"]: field["value"] for field in command["form"].get_fields().values()}


def note(command):
    return "\n".join(text for _, text in command["notes"])


def test_what_there_is(house, address):
    async def scenario():
        alice, reader = await person(house, "alice"), await person(house, "reader")
        listed = []
        for who in (alice, reader):
            items = await who["xep_0050"].get_commands(jid=address)
            listed.append({item[1] for item in items["disco_items"]["items"]})
        assert {"browse", "read", "switch", "control"} <= listed[0]
        assert {"browse", "read"} <= listed[1] and not {"switch", "control"} & listed[1]
        info = await alice["xep_0030"].get_info(jid=address)
        assert "http://jabber.org/protocol/commands" in info["disco_info"]["features"]
        for who in (alice, reader):
            await who.disconnect()
    run(scenario())


def test_read(house, address):
    async def scenario():
        alice = await person(house, "alice")
        command = await step(alice, address, "read")
        options = {o["value"]: o["label"] for o in command["form"].get_fields()["node"]["options"]}
        assert "Coffee machine plug" in options["plug"] and "broken" not in options and "shed" not in options
        command = await step(alice, address, "read", "complete", command["sessionid"], {"node": "plug", "field": ""})
        assert command["status"] == "completed"
        assert values(command)["Power"].endswith(" W") and float(values(command)["Power"].split()[0]) > 30
        assert "Coffee machine plug" in note(command)
        await alice.disconnect()
    run(scenario())


def test_switch_in_one_form(house, address):
    """xep_0050's own way through: what it is given to call when the form and when the result is there."""
    async def scenario():
        alice = await person(house, "alice")
        plugin = alice["xep_0050"]
        for to, seen in (("off", "off"), ("toggle", "on")):
            done = asyncio.get_running_loop().create_future()

            def on_form(iq, session, to=to, done=done):
                form = alice["xep_0004"].make_form(ftype="submit")
                form.add_field(var="node", value="plug")
                form.add_field(var="to", value=to)
                session["payload"] = form
                session["next"] = lambda answer, _: done.set_result(answer["command"])
                plugin.complete_command(session)
            plugin.start_command(address, "switch", {"next": on_form, "error": lambda iq, _: done.set_exception(
                slixmpp.exceptions.IqError(iq))})
            command = await asyncio.wait_for(done, 15)
            assert command["status"] == "completed" and list(values(command).values()) == [seen]
            assert (await alice.read(address, ["plug"], fields=["relay"]))["relay"].lower() == str(seen == "on").lower()
        await alice.disconnect()
    run(scenario())


def test_control_what_is_wrong(house, address):
    async def scenario():
        admin = await person(house, "admin")
        command = await step(admin, address, "control")
        command = await step(admin, address, "control", "next", command["sessionid"], {"node": "meter"})
        assert command["status"] == "executing" and "demand_period" in command["form"].get_fields()
        before = command["form"].get_fields()["demand_period"]["value"]
        command = await step(admin, address, "control", "complete", command["sessionid"], {"demand_period": "1000"})
        assert command["status"] == "executing" and "60" in note(command) and "Demand period" in note(command)
        assert "60" in command["form"]["instructions"]
        command = await step(admin, address, "control", "complete", command["sessionid"], {"demand_period": "20"})
        assert command["status"] == "completed" and "20" in note(command), note(command)
        if before:
            command = await step(admin, address, "control")
            command = await step(admin, address, "control", "next", command["sessionid"], {"node": "meter"})
            await step(admin, address, "control", "complete", command["sessionid"], {"demand_period": before})
        await admin.disconnect()
    run(scenario())


def test_what_others_may_not(house, address):
    async def scenario():
        alice, reader, stranger = [await person(house, who) for who in ("alice", "reader", "stranger")]
        command = await step(alice, address, "read")
        for who, condition in ((reader, "bad-request"), (stranger, "forbidden")):
            with pytest.raises(slixmpp.exceptions.IqError) as refusal:
                await step(who, address, "read", "complete", command["sessionid"], {"node": "plug"})
            assert refusal.value.condition == condition
        with pytest.raises(slixmpp.exceptions.IqError) as refusal:
            await step(reader, address, "control")
        assert refusal.value.condition == "forbidden"
        command = await step(alice, address, "read", "cancel", command["sessionid"])
        assert command["status"] == "canceled"
        for who in (alice, reader, stranger):
            await who.disconnect()
    run(scenario())


def test_one_click_at_a_thing(house):
    async def scenario():
        alice = await person(house, "alice")
        plug = f"plug@{world.COMPONENT}"
        items = await alice["xep_0050"].get_commands(jid=plug)
        assert {"turn-on", "turn-off", "read", "control"} <= {item[1] for item in items["disco_items"]["items"]}
        for node, seen in (("turn-off", "off"), ("turn-on", "on")):
            command = await step(alice, plug, node)
            assert command["status"] == "completed" and list(values(command).values()) == [seen], note(command)
        command = await step(alice, plug, "read")
        assert command["status"] == "completed" and "Power" in values(command)
        await alice.disconnect()
    run(scenario())


def test_browse(house, address):
    async def scenario():
        alice = await person(house, "alice")
        command = await step(alice, address, "browse")
        for key in ("house", "house/kitchen", "plug"):
            command = await step(alice, address, "browse", "next", command["sessionid"], {"node": key})
        assert command["form"]["title"] == "Coffee machine plug"
        command = await step(alice, address, "browse", "prev", command["sessionid"])
        assert "kitchen" in command["form"]["title"]
        await alice.disconnect()
    run(scenario())


def test_watch(house, address):
    async def scenario():
        alice = await person(house, "alice")
        command = await step(alice, address, "watch")
        command = await step(alice, address, "watch", "complete", command["sessionid"], {"node": "plug", "field": ""})
        assert command["status"] == "completed", note(command)
        for value in ("off", "on"):  # something changes
            await alice.set(address, ["plug"], [("relay", "boolean", str(value == "on").lower())])
        while True:
            message = await asyncio.wait_for(alice.messages.get(), 15)
            body = message.findtext("{jabber:client}body") or ""
            if message.get("type") == "chat" and "Coffee machine plug" in body:
                break
        assert message.get("from") == address
        command = await step(alice, address, "unwatch")
        command = await step(alice, address, "unwatch", "complete", command["sessionid"], {"watch": "all"})
        assert command["status"] == "completed"
        await alice.disconnect()
    run(scenario())
