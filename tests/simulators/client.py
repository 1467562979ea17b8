# SPDX-License-Identifier: Apache-2.0
"""An XMPP client for tests and demonstration: slixmpp with its own IoT plugins (xep_0323, xep_0325), and raw stanzas.

`Client` lives on an asyncio loop. Everything waits for an answer with a limit and raises on an error.
"""
import asyncio
import logging
import xml.etree.ElementTree as ET

logging.getLogger("slixmpp").setLevel(logging.CRITICAL)  # it complains while it is imported
import slixmpp  # noqa: E402
from slixmpp.xmlstream.handler import Callback  # noqa: E402
from slixmpp.xmlstream.matcher import MatchXPath  # noqa: E402


class Refused(Exception):
    """The gateway said no; the text is its reason."""


class Client(slixmpp.ClientXMPP):
    """`await client.login(host, port, ca)` first."""

    def __init__(self, jid, password):
        super().__init__(jid, password)
        for plugin in ("xep_0030", "xep_0199", "xep_0323", "xep_0325"):
            self.register_plugin(plugin)
        self.messages = asyncio.Queue()
        self.register_handler(Callback("any message", MatchXPath("{jabber:client}message"),
                                       lambda m: self.messages.put_nowait(m.xml)))

    async def login(self, host, port, ca, timeout=15):
        self.ca_certs = str(ca)
        started = asyncio.get_running_loop().create_future()
        self.add_event_handler("session_start", lambda _: started.done() or started.set_result(True))
        self.add_event_handler("failed_all_auth",
                               lambda _: started.done() or started.set_exception(Refused("login refused")))
        self.connect((host, port))
        await asyncio.wait_for(started, timeout)
        self.send_presence()
        return self

    async def raw(self, to, payload, kind="get", timeout=15):
        """Send an iq with this payload text; the result's payload element, or Refused with the error's XML."""
        iq = self.make_iq(ito=to, itype=kind)
        iq.xml.append(ET.fromstring(payload))
        try:
            answer = await iq.send(timeout=timeout)
        except slixmpp.exceptions.IqError as e:
            raise Refused(ET.tostring(e.iq.xml, encoding="unicode")) from e
        return answer.xml

    async def read(self, gateway, nodes, fields=None, flags=None, timeout=15):
        """{field: value text} of one readout by xep_0323; raises Refused on rejection or failure."""
        loop = asyncio.get_running_loop()
        done, values = loop.create_future(), {}

        def on_answer(from_jid=None, result=None, nodeId=None, timestamp=None, fields=None, error_msg=None):
            if result == "fields":
                for f in fields:
                    values[f["name"]] = str(f["value"]) + ((" " + f["unit"]) if f.get("unit") else "")
            elif result in ("rejected", "failure") and not done.done():
                done.set_exception(Refused(str(error_msg)))
            elif result == "done" and not done.done():
                done.set_result(values)
        self["xep_0323"].request_data(self.boundjid.full, gateway, on_answer, nodeIds=nodes, fields=fields,
                                      flags=flags or {"momentary": "true"})
        return await asyncio.wait_for(done, timeout)

    async def set(self, gateway, nodes, parameters, timeout=15):
        """Set [(name, type, value)] by xep_0325; raises Refused with the response code."""
        done = asyncio.get_running_loop().create_future()

        def on_answer(from_jid=None, result=None, nodeIds=None, fields=None, error_msg=None):
            if not done.done():
                done.set_result(result) if result == "OK" else done.set_exception(Refused(f"{result} {error_msg}"))
        self["xep_0325"].set_request(self.boundjid.full, gateway, on_answer, parameters, nodeIds=nodes)
        return await asyncio.wait_for(done, timeout)


def run(coroutine):
    """asyncio.run, quiet about what slixmpp leaves behind."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(lambda *_: None)
    try:
        return loop.run_until_complete(coroutine)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
