# SPDX-License-Identifier: Apache-2.0
"""What goes wrong is told in the language of whoever asked, over every way to ask, and in English to who names none."""
import asyncio
import xml.etree.ElementTree as ET

import pytest
from client import Refused, run

from test_adhoc import note, person, step
from test_chat import conversation

LANG = "{http://www.w3.org/XML/1998/namespace}lang"
STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
SENSOR_DATA = "{urn:xmpp:iot:sensordata}"
CONTROL = "{urn:xmpp:iot:control}"
JABBER = "{jabber:client}"
TOO_MUCH = "<set xmlns='urn:xmpp:iot:control'><node nodeId='meter'/><double name='demand_period' value='1000'/></set>"


@pytest.fixture(params=["account", "component"], name="address")
def _address(request, house):
    return getattr(house, request.param)


def speak(client, lang):
    """All that this client sends is in this language."""
    def mark(stanza):
        stanza.xml.set(LANG, lang)
        return stanza
    client.add_filter("out", mark)


async def ask(client, address, payload, kind, lang):
    """The answer to an iq in this language, whatever it is."""
    iq = client.make_iq(ito=address, itype=kind)
    if lang:
        iq.xml.set(LANG, lang)
    iq.xml.append(ET.fromstring(payload))
    answer = asyncio.get_running_loop().create_future()
    iq.send(callback=answer.set_result, timeout=15, timeout_callback=answer.cancel)
    try:
        return (await answer).xml
    except asyncio.CancelledError as e:
        raise Refused("no answer") from e


async def failure(client, address, number, node, lang):
    """The text of the failure that reading this node ends with."""
    await ask(client, address, f"<req xmlns='urn:xmpp:iot:sensordata' seqnr='{number}' momentary='true'>"
              f"<node nodeId='{node}'/></req>", "get", lang)
    while True:
        message = await asyncio.wait_for(client.messages.get(), 20)
        element = message.find(f"{SENSOR_DATA}failure")
        if element is not None and element.get("seqnr") == str(number):
            return element.findtext(f"{SENSOR_DATA}error")


@pytest.mark.parametrize("lang, shown_as, text, why", [
    ("de", "de", "Ein Wert ist nicht gültig; es wurde nichts gesetzt.", "„1000“ ist keines von: %s"),
    ("sv-FI", "sv-FI", "Ett värde är inte giltigt; inget ändrades.", "”1000” är inget av: %s"),
    (None, "en", "A value is not valid; nothing was set.", '"1000" is not one of: %s'),
])
def test_a_wrong_value(house, address, lang, shown_as, text, why):
    async def scenario():
        admin = await house.client("admin")
        error = (await ask(admin, address, TOO_MUCH, "set", lang)).find(f"{JABBER}error")
        said = error.find(f"{STANZAS}text")
        assert (said.text, said.get(LANG)) == (text, shown_as)
        assert error.findtext(f"{CONTROL}paramError") == why % "0, 5, 8, 10, 15, 20, 30, 60"
        await admin.disconnect()
    run(scenario())


# Whose clock is first, ours or the bridge's, is a matter of milliseconds.
SILENT = {
    "de": ("relay an shed: geschrieben, aber das Gerät hat es nicht gemeldet",
           "Zeitüberschreitung.", "das Gerät hat nicht geantwortet"),
    "sv": ("relay på shed: skrivet, men enheten rapporterade det inte",
           "Tidsgränsen överskreds.", "enheten svarade inte"),
    None: ("relay on shed: written, but the device did not report it", "Timeout.", "the device did not answer"),
}


@pytest.mark.parametrize("lang", SILENT)
def test_a_silent_device(house, address, lang):
    async def scenario():
        admin = await house.client("admin")
        assert await failure(admin, address, 7, "shed", lang) in SILENT[lang][1:]
        error = (await ask(admin, address, "<set xmlns='urn:xmpp:iot:control'><node nodeId='shed'/>"
                           "<boolean name='relay' value='true'/></set>", "set", lang)).find(f"{JABBER}error")
        assert error.findtext(f"{STANZAS}text") == SILENT[lang][0]
        await admin.disconnect()
    run(scenario())


def test_by_adhoc_command(house, address):
    async def scenario():
        admin = await person(house, "admin")
        speak(admin, "de")
        command = await step(admin, address, "control")
        command = await step(admin, address, "control", "next", command["sessionid"], {"node": "meter"})
        command = await step(admin, address, "control", "complete", command["sessionid"], {"demand_period": "1000"})
        assert "Ein Wert ist nicht gültig; es wurde nichts gesetzt." in note(command), note(command)
        assert "„1000“ ist keines von: 0, 5, 8, 10, 15, 20, 30, 60" in note(command)
        await admin.disconnect()
    run(scenario())


def test_by_chat(house, address):
    async def scenario(chat):
        assert "muss eine Zahl sein" in await chat.ask("setze meter demand_period warm", lang="de")
        said = await chat.ask("schalte shed ein", lang="de")
        assert f"Das Gerät hat nicht rechtzeitig geantwortet. ({SILENT['de'][0]})" in said
        said = await chat.ask("shed?", lang="sv")
        assert any(text in said for text in SILENT["sv"][1:]), said
    conversation(house, "admin", address, scenario)
