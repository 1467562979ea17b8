# SPDX-License-Identifier: Apache-2.0
"""poezio 0.14 in a terminal."""
import re

from person import Home, NotSeen
from terminal import Terminal

CONFIG = """\
[Poezio]
jid = {jid}
password = {password}
custom_host = {host}
custom_port = {port}
ca_cert_path = {ca}
plugins_autoload = disco
enable_avatars = false
"""


class Poezio(Terminal):
    name, program = "poezio", "poezio"

    def __init__(self):
        home = Home("poezio")
        super().__init__(home, [self.program, "-f", home.dir / "poezio.cfg"])
        self.partner, self.is_open, self.row = None, False, 0

    def login(self, who):
        self.home.write("poezio.cfg", CONFIG.format(**who))
        self.start()
        self.did("log in")
        self.wait_for("Your JID is")
        return self

    def _line(self, line):
        """A command begins with its own key: in the roster it opens the line where it is typed."""
        if line.startswith("/"):
            self.keys("/")
            self.wait_for(r"│/$")
            line = line[1:]
        super()._line(line)

    def open_chat(self, address):
        """Opens with the first line."""
        self.partner, self.is_open = address, False

    def say(self, text):
        self.enter(text if self.is_open else f"/message {self.partner} {text}")
        self.is_open = True

    def befriend(self, address):
        self.enter(f"/add {address}")

    def list_commands(self, address):
        self.is_open, self.row = False, 0
        self.enter(f"/ad-hoc {address}")

    def discover(self, address, node=""):
        self.enter(f'/disco {address} "{node}" items')

    def answers(self, pattern, timeout=20):
        return self.wait_for(pattern, timeout)

    def choose_command(self, node):
        """One of the listed commands: the arrows, then Enter."""
        self.wait_for(rf"│{node} ")
        rows = re.findall(r"│([a-z][\w-]*) {2,}\S", self.screen())
        self.did(f"choose {node}")
        way = rows.index(node) - self.row
        self.move(*["Down" if way > 0 else "Up"] * abs(way))
        self.row = rows.index(node)
        self.keys("Enter")

    def choose_value(self, shown, limit=20):
        """One of the values of the field the cursor is at."""
        self.did(f"choose {shown}")
        self.wait_for("Select a value")
        for _ in range(limit):
            if self.sees(shown):
                return
            self.move("Right")
        raise NotSeen(f"poezio: no value {shown}; the screen is\n{self.screen()}")

    def send_form(self):
        self.press("C-y")

    def fill(self, label, text):
        """The text of a field of the form. The cursor goes there from above."""
        self.did(f"{label}: {text}")
        rows = re.findall(r"│([^│\s].*?) {2,}", self.screen().split("\n", 1)[1])
        self.move(*["Down"] * next(i for i, row in enumerate(rows) if row.startswith(label)))
        self.keys("C-e")
        self.keys("C-u")
        self.keys(literal=text)
        self.wait_for(rf"{label} .*{re.escape(text)}")
