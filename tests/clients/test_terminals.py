# SPDX-License-Identifier: Apache-2.0
"""Profanity and poezio before the gateway."""
import pytest

from conftest import TERMINAL

IS_CONTACT = {"profanity": r"\+\+ {} .*is online|Subscription received from {}", "poezio": r"\[[+-]\] {}"}


@pytest.fixture(params=["account", "component"], name="address")
def _address(request, house):
    return house.addresses()[request.param]


@pytest.mark.parametrize("name", TERMINAL)
def test_the_gateway_becomes_a_contact(someone, start, name, address):
    it = start(name).login(someone)
    it.befriend(address)
    it.wait_for(IS_CONTACT[name].replace("{}", address.replace(".", r"\.")))


def test_profanity_finds_the_gateway_at_its_server(someone, start):
    it = start("profanity").login(someone)
    it.discover(someone["domain"])
    it.wait_for(r"things\.house\.test")
    it.enter("/disco info things.house.test")
    it.wait_for(r"thingtree .*component")
    it.wait_for("urn:xmpp:iot:control")
