# SPDX-License-Identifier: Apache-2.0
"""The requests that the specifications show, sent to the real gateway: each gets exactly one answer. They ask for things
that are not there, so most are refused; none may be lost, or do harm. Needs the examples ($TT_SPEC_DIR)."""
import asyncio
import collections
import re
import xml.etree.ElementTree as ET

import pytest
from client import run
from conftest import spec_dir
import slixmpp

OURS = ("urn:xmpp:iot:sensordata", "urn:xmpp:iot:control", "urn:xmpp:iot:concentrators")
OURS_N = (":iot:sd:1.0", ":iot:ctr:1.0", ":iot:concentrator:1.0")


def requests(directory):
    """(file, kind, payload) of every iq get and set in our namespaces."""
    for path in sorted((directory / "examples").rglob("*.xml")):
        text = re.sub(r"<\?xml.*?\?>", "", path.read_text(errors="replace"))
        try:
            root = ET.fromstring(f"<all>{text}</all>")  # most are several stanzas
        except ET.ParseError:
            continue
        for iq in [e for e in root.iter() if e.tag.split("}")[-1] == "iq"]:
            if iq.get("type") in ("get", "set") and len(iq):
                ns = iq[0].tag.split("}")[0].lstrip("{")
                if ns in OURS or ns.endswith(OURS_N):
                    yield path.relative_to(directory), iq.get("type"), iq[0]


@pytest.mark.skipif(not spec_dir(), reason="no examples of the specifications ($TT_SPEC_DIR)")
def test_every_example_is_answered(house):
    found = list(requests(spec_dir()))
    assert len(found) > 80
    seen = collections.Counter()

    async def scenario():
        admin = await house.client("admin", "examples")
        for path, kind, payload in found:
            iq = admin.make_iq(ito=house.component, itype=kind)
            iq.xml.append(payload)
            try:
                await iq.send(timeout=10)
                seen["result"] += 1
            except slixmpp.exceptions.IqError as e:
                seen[e.condition] += 1
            except slixmpp.exceptions.IqTimeout as e:
                raise AssertionError(f"{path} was not answered") from e
        await asyncio.sleep(0)
        await admin.disconnect()
    run(scenario())
    print(f"{len(found)} requests: {dict(seen)}")
    assert seen["result"] > 5  # what can be asked of any concentrator
    assert house.gateway.process.is_running()
    assert house.gateway.cli("status").returncode == 0
