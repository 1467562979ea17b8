# SPDX-License-Identifier: Apache-2.0
"""The gateway in a chat room, as people in it see it with Profanity and poezio."""
import functools

import pytest

from client import Client, run
from conftest import TERMINAL
from house import House
import world

SERVICE = f"rooms.{world.DOMAIN}"
ROOM = f"family@{SERVICE}"
MUC = f"""
Component "{SERVICE}" "muc"
  muc_room_default_persistent = true
  muc_room_default_public_jids = true
"""


class RoomHouse(House):
    """With a room that is there before the gateway comes: it makes none."""

    def config(self):
        return super().config().replace(
            "  component:\n", f"  rooms: [{{jid: {ROOM}, nodes: [house/kitchen/**], fields: [relay], interval: 1s, commands: true}}]\n"
            "  component:\n", 1)

    def start_upnp(self):
        async def make():
            owner = await Client(f"admin@{world.DOMAIN}/owner", self.server.passwords["admin"]).login(
                "127.0.0.1", self.server.port, self.dir / "ca.crt")
            owner.send_raw(f"<presence to='{ROOM}/owner'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
            await owner.raw(ROOM, "<query xmlns='http://jabber.org/protocol/muc#owner'>"
                                  "<x xmlns='jabber:x:data' type='submit'/></query>", "set")
            await owner.disconnect()
        run(make())


@pytest.fixture(scope="module", name="house")
def _house():
    whole = RoomHouse(functools.partial(world.Prosody, extra=MUC))
    try:
        yield whole.start()
    finally:
        whole.stop()


@pytest.mark.parametrize("program", TERMINAL)
def test_a_room_tells_and_is_told(house, someone, start, program):
    """A newcomer comes in, switches the plug, and sees that somebody else does."""
    it = start(program).login(someone)
    it.enter(f"/join {ROOM}")
    it.wait_for("thingtree")
    it.enter("thingtree: plug off")
    it.wait_for(r"thingtree.*Relay: off")
    house.wait_value("plug", "relay", False)
    house.switch("plug.relay", "true")
    it.wait_for(r"thingtree.*Coffee machine plug.*Relay: on")
