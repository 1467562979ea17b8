# SPDX-License-Identifier: Apache-2.0
"""Profanity 0.13 in a terminal."""
from person import Home
from terminal import Terminal


class Profanity(Terminal):
    name, program = "profanity", "profanity"

    def __init__(self):
        super().__init__(Home("profanity"), [self.program])
        self.partner, self.is_open = None, False

    def login(self, who):
        self.start()
        self.wait_for("Type '/help'")
        self.did("log in")
        self._line(f"/connect {who['jid']} server {who['host']} port {who['port']} tls trust")
        self.wait_for("Enter password:")
        self.keys(literal=who["password"])
        self.keys("Enter")
        self.wait_for("logged in successfully")
        self.wait_for("OMEMO: cannot publish")  # said when it knows what the server can; before that it has no commands
        return self

    def open_chat(self, address):
        """Opens with the first line."""
        self.partner, self.is_open = address, False

    def say(self, text):
        self.enter(text if self.is_open else f"/msg {self.partner} {text}")
        self.is_open = True

    def befriend(self, address):
        self.enter(f"/sub request {address}")

    def list_commands(self, address):
        self.is_open = False
        self.enter(f"/cmd list {address}")

    def execute(self, command, address):
        self.is_open = False
        self.enter(f"/cmd exec {command} {address}")

    def discover(self, address):
        self.enter(f"/disco items {address}")

    def answers(self, pattern, timeout=20):
        """A line the other side said, or one that goes on with it."""
        return self.wait_for(rf"^\d\d:\d\d:\d\d - (?!me:).*?{pattern}|^ {{10,}}.*?{pattern}", timeout)
