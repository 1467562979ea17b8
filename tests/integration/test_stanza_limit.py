# SPDX-License-Identifier: Apache-2.0
"""A server that takes smaller stanzas than we send: it closes the stream, and the same question is answered soon after."""
import shutil

import pytest
from client import Client, run
import world
from conftest import let_through

LIMIT = 20000
POINTS = 600

TOP = """\
version: 1
xmpp:
  {way}
access: [{{who: admin@{domain}, role: admin}}]
connections:
  lan: {{protocol: modbus, host: 127.0.0.1, port: {modbus}}}
include: [devices.d/*.yaml]
"""
MAPPING = "protocol: modbus\npoints:\n" + "".join(
    f"  a_register_of_many_{i}: {{input: {i}, type: uint16}}\n" for i in range(POINTS))
WAYS = {
    "account": "account: {{jid: gw@{domain}/t, password: \"${{credential:secret}}\", "
               "server: {{host: 127.0.0.1, port: {c2s}, ca: {ca}}}}}",
    "component": "component: {{jid: {component}, secret: \"${{credential:secret}}\", "
                 "server: {{host: 127.0.0.1, port: {component_port}}}}}",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_limit_is_learned(directory, certificates, way):
    for f in certificates.iterdir():
        shutil.copy(f, directory)
    let_through(directory)
    prosody = world.Prosody(directory, extra=f"c2s_stanza_size_limit = {LIMIT}; component_stanza_size_limit = {LIMIT}")
    for user in ("gw", "admin"):
        prosody.add_user(user)
    port = world.free_port()
    parts = [prosody.start()]
    try:
        parts.append(world.Process("meter", [world.build_dir() / "tests/simulators/modbus_meter", "--tcp", port],
                                   directory, expect="ready"))
        text = WAYS[way].format(domain=world.DOMAIN, component=world.COMPONENT, c2s=prosody.port, ca=directory / "ca.crt",
                                component_port=prosody.component_port)
        gateway = world.Thingtree(
            directory, TOP.format(way=text, domain=world.DOMAIN, modbus=port),
            {"mappings/modbus/wide.yaml": MAPPING,
             "devices.d/one.yaml": "devices: {wide: {uses: modbus/wide, connection: lan}}\n"},
            {"secret": prosody.passwords["gw"] if way == "account" else prosody.secret})
        parts.append(gateway.start())
        is_online = lambda: gateway.status()["xmpp"][0]["state"] == "online"
        world.wait_until(is_online, what="a stream")

        async def ask():
            client = Client(f"admin@{world.DOMAIN}/test", prosody.passwords["admin"])
            await client.login("127.0.0.1", prosody.port, directory / "ca.crt")
            try:
                to = f"gw@{world.DOMAIN}/t" if way == "account" else world.COMPONENT
                return await client.read(to, ["wide"], timeout=3)
            finally:
                await client.disconnect()

        closed = 0
        while True:  # each time the stream is gone, and with it the request
            try:
                values = run(ask())
                break
            except TimeoutError:  # asyncio's
                closed += 1
                assert closed < 3, gateway.log()
                world.wait_until(lambda: gateway.log().count("closed the stream for a stanza") == closed and is_online(), 20,
                                 "a new stream")
        assert len(values) == POINTS
        assert closed > 0, "the server took everything: the test shows nothing"
    finally:
        for part in reversed(parts):
            part.stop()
