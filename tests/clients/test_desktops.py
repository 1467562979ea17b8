# SPDX-License-Identifier: Apache-2.0
"""Gajim and Psi+ before the gateway."""
import pytest

from conftest import DESKTOP


@pytest.fixture(name="gajim")
def _gajim(someone, start):
    return start("gajim").login(someone)


@pytest.fixture(name="psi")
def _psi(someone, start):
    return start("psi").login(someone)


@pytest.fixture(params=DESKTOP, name="it")
def _it(request, someone, start):
    return start(request.param).login(someone)


@pytest.fixture(name="somebody_there")
def _somebody_there(it, address):
    """Whom they write to: Gajim takes no address without an @ for a new chat."""
    return address if it.name != "gajim" or "@" in address else f"gateway@{address}"


def test_first_time(house, it, somebody_there):
    """Log in, find the plug, switch it."""
    it.open_chat(somebody_there)
    it.say("find coffee")
    it.answers("Coffee machine plug")
    it.say("plug off")
    it.answers("Relay: off")
    it.shot("first-time")
    assert not house.value("plug", "relay")
    assert len(it.actions) <= 5, it.actions


def test_a_conversation(house, it):
    it.open_chat(house.addresses()["account"])
    it.say("plug")
    it.answers(r"Power: .* W")
    it.say("plug relay purple")
    it.answers("Relay must be one of: on, off")
    it.say("watch plug relay")
    it.answers("unwatch 1")
    house.switch("plug.relay", "false")
    it.answers("Relay: off")


def test_psi_finds_the_gateway_at_its_server(psi):
    psi.click("push button", "Service Discovery")
    psi.wait_for(r"things\.house\.test")


def test_gajim_switches_and_controls_by_command(house, gajim):
    gajim.commands_of_service("thingtree")
    gajim.execute("Switch on or off")
    gajim.choose("Pond pump", "Coffee machine plug")
    gajim.choose("the other way", "^off$")
    gajim.click("push button", "^Complete$")
    gajim.wait_for("Coffee machine plug: Relay off")
    gajim.shot("command")
    assert not house.value("plug", "relay")
    gajim.click("push button", "^Commands$")
    gajim.execute("Control")
    gajim.choose("Pond pump", "Heating valve")
    gajim.click("push button", "^Next$")
    gajim.fill("40", "175")
    gajim.click("push button", "^Complete$")
    gajim.wait_for("Level: 175 is above the most, 100")
    assert house.value("valve", "level") == 40


def test_psi_controls_by_command(house, psi):
    psi.commands_of_service("things.house.test")
    psi.execute("Control")
    psi.choose("Pond pump", "Coffee machine plug")
    psi.click("push button", "^Next$")
    psi.wait_for("label: Relay")
    psi.shot("command")
    psi.click("check box", "^$")
    psi.click("push button", "^Next$")  # its buttons stay those of the first step
    house.wait_value("plug", "relay", False)
    psi.wait_for("text: off")


def test_psi_shows_why_a_value_is_refused(house, psi):
    psi.commands_of_service("things.house.test")
    psi.execute("Control")
    psi.choose("Pond pump", "Heating valve")
    psi.click("push button", "^Next$")
    psi.fill("40", "175")
    psi.click("push button", "^Next$")
    psi.wait_for("Level: 175 is above the most, 100")
    psi.shot("refused")
    assert house.value("valve", "level") == 40


def test_psi_watches_by_command(house, psi):
    psi.commands_of_service("things.house.test")
    psi.execute("Watch")
    psi.choose("Pond pump", "Coffee machine plug")
    psi.click("push button", "^Finish$")
    psi.wait_for("Coffee machine plug is watched|unwatch")
    psi.shot("watch")
    psi.open_chat("things.house.test")
    house.switch("plug.relay", "false")
    psi.answers("Relay: off")
    psi.shot("watched")


def test_gajim_walks_the_tree(gajim):
    gajim.click("menu", "^Accounts")
    gajim.click("menu item", "Discover Services")
    gajim.click("table cell", "thingtree")
    gajim.click("push button", "^Browse$")
    gajim.click("table cell", "house@things.house.test")
    gajim.click("push button", "^Browse$", nth=-1)
    gajim.wait_for("kitchen")
    gajim.shot("tree")


def test_psi_walks_the_tree(psi):
    psi.click("push button", "Service Discovery")
    psi.click("tree item|table cell", r"^things\.house\.test$")
    psi.press("Right")
    psi.click("tree item|table cell", r"^house@things\.house\.test$")
    psi.press("Right")
    psi.wait_for("kitchen")
    psi.shot("tree")
