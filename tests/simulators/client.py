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
        self.last_id = 0
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


    async def read_n(self, gateway, node, generation="ieee", timeout=15):
        """{field: value text} of one readout in the dialect of P1451.99, which no plugin speaks: raw stanzas."""
        ns = f"urn:{generation}:iot:sd:1.0"
        self.last_id += 1
        number, values = f"n{self.last_id}", {}
        answer = (await self.raw(gateway, f"<req xmlns='{ns}' id='{number}' all='true'><nd id='{node}'/></req>",
                                 timeout=timeout))[0]
        while True:
            if answer.tag == f"{{{ns}}}resp" and answer.get("id") == number:
                error = answer.find(f".//{{{ns}}}err")
                if error is not None:
                    raise Refused(error.text)
                for field in answer.iter():
                    if field.get("n") and field.get("v") is not None:
                        values[field.get("n")] = field.get("v") + ((" " + field.get("u")) if field.get("u") else "")
                if answer.get("more") != "true":
                    return values
            message = await asyncio.wait_for(self.messages.get(), timeout)
            answer = message[0] if len(message) else message

    async def set_n(self, gateway, node, element, name, value, generation="ieee", timeout=15):
        """Set one parameter in the dialect of P1451.99; `element` is that of its type: b, i, db, s."""
        ns = f"urn:{generation}:iot:ctr:1.0"
        await self.raw(gateway, f"<set xmlns='{ns}'><nd id='{node}'/><{element} n='{name}' v='{value}'/></set>", "set",
                       timeout)


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
