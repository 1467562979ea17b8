# SPDX-License-Identifier: Apache-2.0
"""A terminal (tmux, with a server of its own) with a person's program in it."""
import os
import re
import signal
import subprocess
import time

import world
from person import Home, NotSeen, Person, as_person, run, shots_directory


class Terminal(Person):
    """`argv` runs in `home` on a screen of `columns` x `rows`."""

    def __init__(self, home: Home, argv, columns=110, rows=36):
        super().__init__()
        self.home, self.argv, self.columns, self.rows = home, argv, columns, rows
        self.socket = home.dir / "run/tmux"

    def tmux(self, *args):
        return run(["tmux", "-S", self.socket, "-f", "/dev/null", *args], env={**os.environ, **self.home.env})

    def start(self):
        self.home.give()
        environment = [f"{k}={v}" for k, v in {**self.home.env, "TERM": "screen-256color"}.items()]
        self.tmux("new-session", "-d", "-x", self.columns, "-y", self.rows,
                  " ".join(map(self._quote, as_person(["env", *environment, *self.argv]))))
        self.tmux("set-option", "-g", "escape-time", "0")
        return self

    @staticmethod
    def _quote(word):
        return "'" + str(word).replace("'", "'\\''") + "'"

    def screen(self):
        """The visible text, without blanks at the ends of lines."""
        try:
            return "\n".join(line.rstrip() for line in self.tmux("capture-pane", "-p").splitlines())
        except subprocess.CalledProcessError as e:
            raise NotSeen(f"{self.name} has ended: {e.stderr.strip()}; the actions were {self.actions}") from e

    def enter(self, line):
        """Type a line and Enter: one action."""
        self.did(line)
        self._line(line)

    def _line(self, line):
        """Enter follows when the line is there: a program may take both at once for something pasted."""
        self.keys(literal=line)
        self.wait_for(re.escape(line[-30:]) + r"\s*$")
        self.keys("Enter")

    def keys(self, *names, literal=None):
        """Keys by their names in tmux, or a literal text. No action by itself."""
        if literal is not None:
            self.tmux("send-keys", "-l", "--", literal)
        else:
            self.tmux("send-keys", *names)

    def move(self, *names):
        """Keys one by one, each when the one before can be seen to have done something: a burst could be taken for a paste."""
        for name in names:
            before = self.tmux("capture-pane", "-p", "-e")
            self.keys(name)
            try:
                world.wait_until(lambda: self.tmux("capture-pane", "-p", "-e") != before, 5, f"something to happen at {name}")
            except world.WorldError as e:
                raise NotSeen(f"{self.name}: {e}; the screen is\n{self.screen()}") from e

    def press(self, name):
        """One key that chooses something: one action."""
        self.did(name)
        self.keys(name)

    def shot(self, name):
        """The screen as text beside the pictures."""
        path = shots_directory() / f"{self.name}-{name}.txt"
        path.write_text(self.screen() + "\n")
        return path

    def stop(self):
        """The program is told by the end of its terminal; one that stays is ended."""
        try:
            pid = int(self.tmux("display-message", "-p", "#{pane_pid}"))
        except subprocess.CalledProcessError:
            pid = 0
        subprocess.run(["tmux", "-S", str(self.socket), "kill-server"], check=False, capture_output=True)
        end = time.monotonic() + 5
        while pid and os.path.exists(f"/proc/{pid}"):
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
                break
            time.sleep(0.05)
        self.home.remove()
