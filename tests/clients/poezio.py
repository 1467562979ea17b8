# SPDX-License-Identifier: Apache-2.0
"""poezio 0.14 in a terminal."""
from person import Home
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
        self.partner = None

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

    def say(self, address, text):
        self.enter(text if self.partner == address else f"/message {address} {text}")
        self.partner = address
        return self

    def befriend(self, address):
        self.enter(f"/add {address}")

    def list_commands(self, address):
        self.partner = None
        self.enter(f"/ad-hoc {address}")

    def discover(self, address, node=""):
        self.enter(f'/disco {address} "{node}" items')

    def answers(self, pattern, timeout=20):
        return self.wait_for(pattern, timeout)
