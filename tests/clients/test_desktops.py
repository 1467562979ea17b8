# SPDX-License-Identifier: Apache-2.0
"""Gajim and Psi+ before the gateway."""


def test_psi_finds_the_gateway_at_its_server(someone, start):
    it = start("psi").login(someone)
    it.click("push button", "Service Discovery")
    it.wait_for(r"things\.house\.test")


def test_gajim_starts_a_chat_with_the_gateway(house, someone, start):
    it = start("gajim").login(someone)
    it.open_chat(house.addresses()["account"])
    it.say("hello")
