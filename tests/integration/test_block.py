# SPDX-License-Identifier: Apache-2.0
"""Blocking: our server keeps them away from the account (XEP-0191), a component hears nothing of them."""
import asyncio
import json

import pytest
from slixmpp.exceptions import IqTimeout
from client import Client, Refused, run
import world

PING = "<ping xmlns='urn:xmpp:ping'/>"
ACCOUNT = f"gw@{world.DOMAIN}/thingtree"


@pytest.fixture(name="gateway", scope="module")
def _gateway(tmp_path_factory, prosody):
    prosody.add_user("eve")
    gateway = world.Thingtree(tmp_path_factory.mktemp("block"), f"""\
version: 1
xmpp:
  account:
    jid: {ACCOUNT}
    password: ${{credential:xmpp-password}}
    server: {{host: 127.0.0.1, port: {prosody.port}, ca: {prosody.ca}}}
  component:
    jid: {world.COMPONENT}
    secret: ${{credential:component-secret}}
    server: {{host: 127.0.0.1, port: {prosody.component_port}}}
access:
  - {{who: alice@{world.DOMAIN}, role: admin}}
  - {{who: reader@{world.DOMAIN}, role: operator}}
""", {}, {"xmpp-password": prosody.passwords["gw"], "component-secret": prosody.secret})
    gateway.start()
    world.wait_until(lambda: all(s["state"] == "online" for s in gateway.status()["xmpp"]), what="both online")
    yield gateway
    gateway.stop()


async def login(prosody, name):
    client = Client(f"{name}@{world.DOMAIN}/test", prosody.passwords[name])
    await client.login("127.0.0.1", prosody.port, prosody.ca)
    return client


async def until(condition, what):
    for _ in range(100):
        if await condition():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(what)


def test_block_and_unblock(gateway, prosody):
    """The list is asked of the real server: its own answer is what the account's blocked peer gets."""
    eve = f"eve@{world.DOMAIN}"

    async def scenario():
        client, alice = await login(prosody, "eve"), await login(prosody, "alice")
        for to in (ACCOUNT, world.COMPONENT):
            await client.raw(to, PING)
        done = await asyncio.to_thread(gateway.cli, "block", eve, "--report", "spam", "--text", "advertisements")
        assert f"blocked {eve}" in done.stdout

        async def is_kept_away():
            try:
                await client.raw(ACCOUNT, PING, timeout=2)
            except Refused as refused:
                return "service-unavailable" in str(refused)
            except IqTimeout:
                return False  # dropped by the gateway: the server has not taken up its list yet
            return False

        await until(is_kept_away, "the server answers for the account")
        with pytest.raises(IqTimeout):
            await client.raw(world.COMPONENT, PING, timeout=1)
        await alice.raw(world.COMPONENT, PING)  # nobody else is concerned
        await alice.raw(ACCOUNT, PING)
        listed = json.loads((await asyncio.to_thread(gateway.cli, "block", "--json")).stdout)
        assert [one["jid"] for one in listed["blocked"]] == [eve]

        await asyncio.to_thread(gateway.cli, "block", eve, "--remove")

        async def is_heard():
            try:
                await client.raw(ACCOUNT, PING, timeout=2)
            except (Refused, IqTimeout):
                return False
            return True

        await until(is_heard, "heard again")
        await client.raw(world.COMPONENT, PING)
        assert "nobody is blocked" in (await asyncio.to_thread(gateway.cli, "block")).stdout
        await client.disconnect()
        await alice.disconnect()

    run(scenario())


@pytest.mark.parametrize("address", [ACCOUNT, world.COMPONENT])
def test_by_chat(gateway, prosody, address):
    """An admin says it; what the account's server has on its list is asked by another client of the account."""
    eve = f"eve@{world.DOMAIN}"

    async def say(client, text):
        client.send_message(mto=address, mbody=text, mtype="chat")
        while True:
            message = await asyncio.wait_for(client.messages.get(), 15)
            if message.findtext("{jabber:client}body"):
                return message.findtext("{jabber:client}body")

    async def scenario():
        client, alice, reader, other = [await login(prosody, name) for name in ("eve", "alice", "reader", "gw")]

        async def listed():
            answer = await other.raw(None, "<blocklist xmlns='urn:xmpp:blocking'/>")
            return [item.get("jid") for item in answer.iter("{urn:xmpp:blocking}item")]

        for text in (f"block {eve}", f"report {eve} spam", f"unblock {eve}", "block"):
            assert await say(reader, text) == "You may not do this."
        assert eve not in await listed()
        assert (await say(alice, "block")).startswith("Nobody is blocked.")
        assert f"{eve} is blocked" in await say(alice, f"report {eve} spam they sell watches")

        async def is_listed():
            return eve in await listed()

        await until(is_listed, "the server has her on its list")
        with pytest.raises(IqTimeout):
            await client.raw(world.COMPONENT, PING, timeout=1)
        with pytest.raises(Refused):
            await client.raw(ACCOUNT, PING)
        await reader.raw(world.COMPONENT, PING)
        assert f"Blocked: {eve}" in await say(alice, "block")
        assert "is an admin" in await say(alice, f"block alice@{world.DOMAIN}")
        assert f"{eve} is heard again" in await say(alice, f"unblock {eve}")

        async def is_not_listed():
            return eve not in await listed()

        await until(is_not_listed, "the server has her no more")
        for to in (ACCOUNT, world.COMPONENT):
            await client.raw(to, PING)
        for who in (client, alice, reader, other):
            await who.disconnect()

    run(scenario())
    traced = [json.loads(line) for line in (gateway.dir / "state/audit.jsonl").read_text().splitlines()]
    assert [(one["jid"].split("/")[0], one["who"]) for one in traced if one["kind"] == "blocked" and "jid" in one][-2:-1] == [
        (f"alice@{world.DOMAIN}", eve)]  # the last was undone: an admin cannot be blocked


def test_the_flood_of_a_stranger_reaches_nobody(gateway, prosody):
    async def scenario():
        client, alice = await login(prosody, "eve"), await login(prosody, "alice")
        heard = []
        for event in ("message", "presence"):
            alice.add_event_handler(event, lambda stanza: heard.append(str(stanza)))
        for n in range(200):
            for to in (ACCOUNT, world.COMPONENT, f"nobody@{world.COMPONENT}"):
                client.send_raw(f"<message to='{to}' type='chat'><body>buy {n}</body></message>")
                client.send_raw(f"<presence to='{to.split('/')[0]}' type='subscribe'/>")
        await client.raw(client.boundjid.bare, PING)  # the server has them all
        for to in (ACCOUNT, world.COMPONENT):
            await alice.raw(to, PING)
        assert not [stanza for stanza in heard if "eve" in stanza or "buy" in stanza]
        await client.disconnect()
        await alice.disconnect()

    run(scenario())
    assert gateway.status()["counts"]["stanzas_dropped"] >= 100


def test_the_list_outlives_a_restart(gateway, prosody):
    eve = f"eve@{world.DOMAIN}"
    gateway.cli("block", eve)
    gateway.stop()
    gateway.start()
    world.wait_until(lambda: all(s["state"] == "online" for s in gateway.status()["xmpp"]), what="both online")

    async def scenario():
        client = await login(prosody, "eve")
        with pytest.raises(IqTimeout):
            await client.raw(world.COMPONENT, PING, timeout=1)
        await client.disconnect()

    run(scenario())
    gateway.cli("block", eve, "--remove")


def test_errors(gateway):
    for words, code, text in ((("block", "a b"), 1, "neither a JID nor a domain"),
                              (("block", f"alice@{world.DOMAIN}"), 1, "is an admin"),
                              (("block", world.DOMAIN), 1, "is an admin, or has one"),
                              (("block", "x@y.test", "--report", "rude"), 1, "spam or abuse"),
                              (("block", "x@y.test", "--remove"), 1, "is not blocked"),
                              (("block", "--report", "spam"), 64, "whom?"),
                              (("block", "x@y.test", "--text", "x"), 64, "--text goes with --report")):
        done = gateway.cli(*words, check=False)
        assert done.returncode == code and text in done.stderr, done
