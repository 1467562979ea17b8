# SPDX-License-Identifier: Apache-2.0
"""Profanity and poezio before the gateway."""
import pytest

from conftest import TERMINAL

IS_CONTACT = {"profanity": r"\+\+ {} .*is online|Subscription received from {}", "poezio": r"\[[+-]\] {}"}


@pytest.fixture(params=TERMINAL, name="it")
def _it(request, someone, start):
    return start(request.param).login(someone)


@pytest.fixture(name="profanity")
def _profanity(someone, start):
    return start("profanity").login(someone)


@pytest.fixture(name="poezio")
def _poezio(someone, start):
    return start("poezio").login(someone)


def test_the_gateway_becomes_a_contact(it, address):
    it.befriend(address)
    it.wait_for(IS_CONTACT[it.name].replace("{}", address.replace(".", r"\.")))


def test_first_time(house, it, address):
    """Log in, find the plug, switch it."""
    it.open_chat(address)
    it.say("find coffee")
    it.answers("Coffee machine plug")
    it.say("plug off")
    it.answers("Relay: off")
    assert not house.value("plug", "relay")
    assert len(it.actions) <= 5, it.actions


def test_a_conversation(house, it, address):
    it.open_chat(address)
    it.say("ls house")
    it.answers("kitchen/")
    it.say("plug")
    it.answers(r"Power: .* W")
    it.say("plug relay purple")
    it.answers("Relay must be one of: on, off")
    it.say("plgu on")
    it.answers(r"Did you mean \*?plug\*?\?")
    assert house.value("plug", "relay") is True


def test_a_value_is_watched(house, it, address):
    it.open_chat(address)
    it.say("watch plug relay")
    it.answers("unwatch 1")
    house.switch("plug.relay", "false")
    it.answers("Relay: off")
    it.say("unwatch all")
    it.answers("1 watch ended")


def test_profanity_finds_the_gateway_at_its_server(profanity):
    profanity.discover("house.test")
    profanity.wait_for(r"things\.house\.test")
    profanity.enter("/disco info things.house.test")
    profanity.wait_for(r"thingtree .*component")
    profanity.wait_for("urn:xmpp:iot:control")


@pytest.mark.parametrize("address", ["gw@house.test/thingtree", "things.house.test"])
def test_profanity_reads_and_controls_by_command(house, profanity, address):
    profanity.list_commands(address)
    for command in ("read", "switch", "control"):
        profanity.wait_for(rf"!   {command}$")
    profanity.execute("read", address)
    profanity.wait_for(r"\[plug\] .*Coffee machine plug")
    profanity.enter("/field1 plug")
    profanity.enter("/form submit")
    profanity.wait_for(r"Power: [\d.]+ W")
    profanity.execute("control", address)
    profanity.wait_for(r"\[plug\] .*Coffee machine plug")
    profanity.enter("/field1 meter")
    profanity.enter("/form submit")
    field = profanity.wait_for(r"\[(field\d+)\] Demand period").group(1)
    profanity.enter(f"/{field} 1000")
    profanity.enter("/form submit")
    profanity.wait_for("Demand period.*60")


def test_profanity_switches_a_thing_in_one_command(house, profanity):
    profanity.execute("turn-off", "plug@things.house.test")
    profanity.wait_for("Relay: off")
    assert not house.value("plug", "relay")
    assert len(profanity.actions) <= 5


@pytest.mark.parametrize("address", ["gw@house.test/thingtree", "things.house.test"])
def test_poezio_reads_and_controls_by_command(house, poezio, address):
    poezio.list_commands(address)
    poezio.choose_command("read")
    poezio.choose_value("Coffee machine plug")
    poezio.send_form()
    poezio.wait_for(r"Power +[\d.]+ W")
    poezio.send_form()
    poezio.choose_command("switch")
    poezio.choose_value("Coffee machine plug")
    poezio.move("Down")
    poezio.choose_value(r"\b[Oo]ff\b")
    poezio.send_form()
    poezio.wait_for("Relay +off")
    assert not house.value("plug", "relay")


def test_poezio_shows_why_a_value_is_refused(house, poezio):
    poezio.list_commands("things.house.test")
    poezio.choose_command("control")
    poezio.choose_value("Heating valve")
    poezio.send_form()
    poezio.wait_for("Level")
    poezio.fill("Level", "175")
    poezio.send_form()
    poezio.wait_for("175 is above the most, 100")
    assert house.value("valve", "level") == 40


TREE = (("things.house.test", "house"), ("house@things.house.test", "kitchen"),
        (r"house\2fkitchen@things.house.test", "Coffee machine plug"))


def test_profanity_walks_the_tree(profanity):
    for address, child in TREE:
        profanity.discover(address)
        profanity.wait_for(rf" - +\S+, \({child}\)")


def test_poezio_walks_the_tree(poezio):
    for address, child in TREE:
        poezio.discover(address)
        poezio.wait_for(f"name={child[:13]}")


def test_a_thing_is_a_contact_that_says_how_it_is(house, it):
    it.befriend("plug@things.house.test")
    it.wait_for(r"plug@things\.house\.test")
    if it.name == "profanity":
        it.wait_for("is online, \"Relay: on")
    it.open_chat("plug@things.house.test")
    it.say("off")
    it.answers("Relay: off")
    assert not house.value("plug", "relay")
