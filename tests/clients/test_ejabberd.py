# SPDX-License-Identifier: Apache-2.0
"""The same house at ejabberd, visited with Profanity."""
import pytest

from house import Ejabberd, House


@pytest.fixture(scope="module", name="house")
def _house():
    if not Ejabberd.is_installed():
        pytest.skip("ejabberd is not installed")
    whole = House(Ejabberd)
    try:
        yield whole.start()
    finally:
        whole.stop()


def test_first_time(house, someone, start, address):
    it = start("profanity").login(someone)
    it.open_chat(address)
    it.say("find coffee")
    it.answers("Coffee machine plug")
    it.say("plug off")
    it.answers("Relay: off")
    assert not house.value("plug", "relay")
    assert len(it.actions) <= 5, it.actions


def test_commands(house, someone, start):
    it = start("profanity").login(someone)
    it.list_commands("things.house.test")
    it.wait_for("!   switch$")
    it.execute("turn-off", "plug@things.house.test")
    it.wait_for("Relay: off")
    assert not house.value("plug", "relay")
