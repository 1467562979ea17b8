# SPDX-License-Identifier: Apache-2.0
"""Profanity 0.13 in a terminal."""
from person import Home
from terminal import Terminal


class Profanity(Terminal):
    name, program = "profanity", "profanity"

    def __init__(self):
        super().__init__(Home("profanity"), [self.program])
        self.partner = None

    def login(self, who):
        self.start()
        self.wait_for("Type '/help'")
        self.did("log in")
        self._line(f"/connect {who['jid']} server {who['host']} port {who['port']} tls trust")
        self.wait_for("Enter password:")
        self.keys(literal=who["password"])
        self.keys("Enter")
        self.wait_for("logged in successfully")
        return self

    def say(self, address, text):
        """The first line to somebody opens the window, later ones go there."""
        self.enter(text if self.partner == address else f"/msg {address} {text}")
        self.partner = address
        return self

    def befriend(self, address):
        self.enter(f"/sub request {address}")

    def list_commands(self, address):
        self.partner = None
        self.enter(f"/cmd list {address}")

    def execute(self, command, address):
        self.partner = None
        self.enter(f"/cmd exec {command} {address}")

    def discover(self, address):
        self.enter(f"/disco items {address}")

    def answers(self, pattern, timeout=20):
        """A line the other side said; `> ` and the like are not ours."""
        return self.wait_for(rf"^\d\d:\d\d:\d\d - (?!me:).*?{pattern}|^ +{pattern}", timeout)
