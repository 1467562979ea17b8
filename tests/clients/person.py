# SPDX-License-Identifier: Apache-2.0
"""Somebody before an XMPP program: what they did is counted, what they see is waited for.

An action is one typed line, one click or one choice from a menu or list. Logging in is one more: in a desktop program
the account is filled into its files beforehand, as its own wizard would.
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import world


class NotSeen(AssertionError):
    """What should be on the screen is not; the text shows the screen."""


def shots_directory():
    """Where pictures and captured screens go: $TT_SHOTS, else a temporary directory that is made once."""
    global _shots
    if _shots is None:
        _shots = pathlib.Path(os.environ.get("TT_SHOTS") or tempfile.mkdtemp(prefix="thingtree-shots-"))
        _shots.mkdir(parents=True, exist_ok=True)
    return _shots


_shots = None


def as_person(argv):
    """The command as somebody who is not root: poezio and Gajim refuse to be started by root."""
    if os.geteuid() != 0:
        return [str(a) for a in argv]
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--pdeathsig", "TERM", *map(str, argv)]


class Home:
    """A home directory that belongs to the person, with the variables that keep a program inside it."""

    def __init__(self, prefix):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"thingtree-{prefix}-"))
        for name in ("config", "data", "cache", "run"):
            (self.dir / name).mkdir(mode=0o700)
        self.env = {"HOME": str(self.dir), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": str(self.dir / "config"),
                    "XDG_DATA_HOME": str(self.dir / "data"), "XDG_CACHE_HOME": str(self.dir / "cache"),
                    "XDG_RUNTIME_DIR": str(self.dir / "run")}

    def write(self, path, content):
        path = self.dir / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def give(self):
        """Everything in it becomes the person's."""
        world.give_to_nobody(self.dir)

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)


class Person:
    """A program's screen is `screen()`; subclasses say how to type and click, and call `did` for each action."""

    name = "person"

    def __init__(self):
        self.actions = []

    def did(self, what):
        self.actions.append(what)

    def screen(self):
        raise NotImplementedError

    def shot(self, name):
        raise NotImplementedError

    def stop(self):
        """End the program."""

    def end(self, name):
        """Keep the last screen under this name and end the program."""
        try:
            self.shot(re.sub(r"\W+", "-", name).strip("-"))
        except (NotSeen, subprocess.CalledProcessError):
            pass
        self.stop()

    def sees(self, pattern):
        """The match of `pattern` (a regular expression) on the screen now, or None."""
        return re.search(pattern, self.screen(), re.MULTILINE)

    def wait_for(self, pattern, timeout=20):
        """The match as soon as it is there."""
        end = time.monotonic() + timeout
        while True:
            found = self.sees(pattern)
            if found:
                return found
            if time.monotonic() > end:
                raise NotSeen(f"{self.name}: no /{pattern}/ within {timeout} s; the actions were {self.actions}; the screen is\n"
                              f"{self.screen()}")
            time.sleep(0.05)

    def wait_gone(self, pattern, timeout=20):
        """Until nothing on the screen matches."""
        end = time.monotonic() + timeout
        while self.sees(pattern):
            if time.monotonic() > end:
                raise NotSeen(f"{self.name}: /{pattern}/ is still there after {timeout} s; the screen is\n{self.screen()}")
            time.sleep(0.05)


def is_installed(program):
    """Can this program be run here?"""
    return shutil.which(program) is not None


def run(argv, **options):
    """A command that must succeed; its output."""
    return subprocess.run([str(a) for a in argv], check=True, capture_output=True, text=True, timeout=30, **options).stdout
