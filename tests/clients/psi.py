# SPDX-License-Identifier: Apache-2.0
"""Psi+ 1.4 on a desktop."""
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
UNWANTED = (r'(<show type="bool" comment="Show the tip[^>]*>)true', r"(<query-own-vcard-on-login[^>]*>)true",
            r'(<enabled type="bool" comment="Store passwords in keyring[^>]*>)true')
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
        first = self.desktop.launch("psi-first", [self.program])
        text = world.wait_until(complete, 40, "the options of Psi+", 0.1)
        first.stop()
        self.desktop.parts.remove(first)
        for option in UNWANTED:
            text = re.sub(option, r"\1false", text)
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
