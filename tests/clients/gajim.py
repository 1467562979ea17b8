# SPDX-License-Identifier: Apache-2.0
"""Gajim 1.7 on a desktop."""
import json
import pathlib
import re
import sqlite3
import uuid

from desktop import Windows

SETTINGS = pathlib.Path("/usr/lib/python3/dist-packages/gajim/common/settings.py")


class Gajim(Windows):
    title = "^Gajim"
    name, program, application = "gajim", "gajim", "org.gajim.Gajim"

    def prepare(self, who):
        """Its settings with one account, and the server's certificate among those that were accepted once."""
        home, workspace = self.desktop.home, str(uuid.uuid4())
        home.write("config/gajim/.keep", "")
        home.write("data/gajim/cert_store/server", who["certificate"].read_text())
        account = {"name": who["jid"].split("@")[0], "hostname": who["domain"], "password": who["password"], "savepass": True,
                   "active": True, "resource": "gajim", "use_custom_host": True, "custom_host": who["host"],
                   "custom_port": who["port"], "custom_type": "START TLS"}
        app = {"workspace_order": [workspace], "use_keyring": False, "check_for_update": False}
        con = sqlite3.connect(home.dir / "config/gajim/settings.sqlite")
        con.executescript("CREATE TABLE settings (name TEXT UNIQUE, settings TEXT);"
                          "CREATE TABLE account_settings (account TEXT UNIQUE, settings TEXT);")
        for name, value in (("app", app), ("soundevents", {}), ("status_presets", {}), ("proxies", {}), ("plugins", {}),
                            ("workspaces", {workspace: {}})):
            con.execute("INSERT INTO settings VALUES (?, ?)", (name, json.dumps(value)))
        con.execute("INSERT INTO account_settings VALUES (?, ?)",
                    (who["domain"], json.dumps({"account": account, "contact": {}, "group_chat": {}})))
        version = int(re.search(r"^CURRENT_USER_VERSION = (\d+)", SETTINGS.read_text(), re.MULTILINE).group(1))
        con.execute(f"PRAGMA user_version={version}")
        con.commit()
        con.close()
        home.give()

    def login(self, who):
        self.prepare(who)
        self.launch([self.program])
        self.did("log in")
        self.wait_find("push button", "Start Chatting")
        return self

    def open_chat(self, address):
        """A chat with somebody who need not be a contact: the button, then the address. It must have an @."""
        self.click("push button", "Start Chatting")
        self.wait_find("frame", "Start / Join Chat")
        self.type(address, then=None)
        self.wait_for(f"label: {re.escape(address)}")  # its list follows what is typed, after a while
        self.wait_gone("label: Note to myself")
        self.desktop.xdotool("key", "Return")
        self.wait_gone("frame: Start / Join Chat")
        self.wait_for(f"label: {re.escape(address)}|label: {re.escape(address.split('@')[0])}")

    def say(self, text):
        self.type(text)
        self.wait_for(f"label: {re.escape(text)}$")

    def commands_of_service(self, name):
        """The commands of what the server lists under this name."""
        self.click("menu", "^Accounts")
        self.click("menu item", "Discover Services")
        self.click("table cell", name)
        self.click("push button", "^Command$")
        self.wait_find("frame", "Command List")

    def execute(self, command):
        self.click("table cell", f"^{command}$")
        self.click("push button", "^Execute$")

    def choose(self, shown, value):
        """Another value of a list of a form."""
        self.click("combo box", shown)
        self.click("menu item", value)

    def fill(self, shown, text):
        """Another text into a field of a form."""
        self.point(self.wait_still("text", f"^{shown}$"))
        self.desktop.xdotool("click", "--repeat", 3, 1)
        self.type(text, then=None)
