# SPDX-License-Identifier: Apache-2.0
"""Psi+ 1.4 on a desktop."""
import itertools
import re

import world
from desktop import Windows

ACCOUNTS = """\
<!DOCTYPE accounts>
<accounts xmlns="http://psi-im.org/options" version="1.4">
 <accounts>
  <a0>
   <id type="QString">{{1}}</id>
   <name type="QString">{domain}</name>
   <enabled type="bool">true</enabled>
   <auto type="bool">true</auto>
   <jid type="QString">{jid}</jid>
   <password type="QString">{hidden}</password>
   <use-host type="bool">true</use-host>
   <host type="QString">{host}</host>
   <port type="int">{port}</port>
   <ssl type="QString">yes</ssl>
   <resource type="QString">psi</resource>
   <log type="bool">false</log>
   <reconn type="bool">false</reconn>
   <last-status type="QString">online</last-status>
   <stun-host type="QString"></stun-host>
  </a0>
 </accounts>
 <order type="QStringList"><item>{{1}}</item></order>
</accounts>
"""
# The tip of the day, the question for a business card, and a keyring, which is not there.
UNWANTED = (r"(<tip\b[^>]*>(?:\s*<number.*)?\s*<show\b[^>]*>)true", r"(<query-own-vcard-on-login\b[^>]*>)true",
            r"(<keychain\b[^>]*>\s*<enabled\b[^>]*>)true")
PROFILE = "config/psi+/profiles/default"


def hidden(password, jid):
    """The password as Psi writes it into accounts.xml."""
    return "".join(f"{ord(c) ^ ord(jid[i % len(jid)]):04x}" for i, c in enumerate(password))


class Psi(Windows):
    title = r"^(\* )?Psi\+"
    name, program, application = "psi", "psi-plus", "Psi+"

    def prepare(self, who):
        """The files a first start leaves, then those of the account, as its own dialogs would write them."""
        home = self.desktop.home
        options = home.dir / PROFILE / "options.xml"

        def complete():
            text = options.read_text() if options.exists() else ""
            return text if all(re.search(option, text) for option in UNWANTED) else None
        for _ in range(5):  # what is written first is not always all
            first = self.desktop.launch("psi-first", [self.program])
            try:
                text = world.wait_until(complete, 10, "the options of Psi+", 0.1)
                break
            except world.WorldError as e:
                text = None
                lacking = f"{e}: {options.read_text()[:3000] if options.exists() else first.text()}"
            finally:
                first.stop()
                self.desktop.parts.remove(first)
        assert text, lacking
        for option in UNWANTED:
            text = re.sub(option, r"\1false", text)
        text = text.replace(">8010<", f">{world.free_port()}<")  # for files; a second Psi+ on this machine may have it
        options.write_text(text)
        home.write(f"{PROFILE}/accounts.xml", ACCOUNTS.format(hidden=hidden(who["password"], who["jid"]), **who))
        home.write("data/psi+/certs/thingtree.crt", who["ca"].read_text())
        home.give()

    def login(self, who):
        self.prepare(who)
        self.launch([self.program])
        self.did("log in")
        self.wait_find("button menu|push button", "^Online$")
        return self

    def open_chat(self, address):
        """A click on a link, as a page about the house may have it: the desktop starts Psi+ with the address."""
        self.did(f"link xmpp:{address}?message;type=chat")
        self.desktop.launch("psi-link", [self.program, "--remote", f"--uri=xmpp:{address}?message;type=chat"])
        self.wait_find("page tab", re.escape(address))
        self.desktop.resize(f"^{re.escape(address)}", 560, 400)  # else four lines can be seen

    def say(self, text):
        self.type(text)
        self.wait_for(f"> {re.escape(text)}")

    def context_menu(self, name, *keys):
        """A menu of a contact, by its underlined letters: Qt shows menus to nobody but the eye."""
        self.click("tree item|table cell", name, button=3)
        for key in keys:
            self.press(key)

    def commands_of_service(self, address):
        """A double click on what the server lists opens its commands."""
        self.click("push button", "Service Discovery")
        self.click("table cell|tree item", f"^{re.escape(address)}$", times=2)
        self.wait_find("dialog", "Execute Command")

    def choose(self, shown, value):
        """Another value of a list, by its place in it."""
        self.wait_still("combo box", shown)
        elements = self.elements()
        at = next(i for i, e in enumerate(elements) if e["role"] == "combo box" and re.search(shown, e["text"] or e["name"]))
        below = itertools.takewhile(lambda e: e["depth"] > elements[at]["depth"], elements[at + 1:])
        options = [e["name"] for e in below if e["role"] == "list item"]
        place = next((i for i, option in enumerate(options) if re.search(value, option)), None)
        assert place is not None, options
        self.click("combo box", shown)
        self.desktop.xdotool("key", "Home", *["Down"] * place, "Return")
        self.wait_find("combo box", value)

    def execute(self, command):
        """One of the commands that are listed; the first by name is chosen already."""
        self.wait_find("combo box", "Commands of things")
        self.choose("Commands of things", f"^{command}$")
        self.click("push button", "^Execute$")

    def fill(self, shown, text):
        """Another text into a field of a form."""
        self.point(self.wait_still("text", f"^{shown}$"))
        self.desktop.xdotool("click", "--repeat", 3, 1)
        self.type(text, then=None)
