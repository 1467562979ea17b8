# SPDX-License-Identifier: Apache-2.0
"""A desktop without a screen: Xvfb, a session bus, a window manager, and a looker that reads what assistive technology
would read (AT-SPI). Clicks and keys are real ones, by xdotool; pictures are taken by ImageMagick."""
import json
import os
import pathlib
import re
import subprocess
import time

import world
from person import Home, NotSeen, Person, as_person, run, shots_directory

PROGRAMS = ("Xvfb", "dbus-daemon", "openbox", "xdotool", "xprop", "import")
LAUNCHER = pathlib.Path("/usr/libexec/at-spi-bus-launcher")
LOOKER = pathlib.Path(__file__).with_name("looker.py")


def why_not():
    """Why there can be no desktop here, or an empty text."""
    missing = [p for p in PROGRAMS if not world.shutil.which(p)] + [p for p in (LAUNCHER,) if not p.exists()]
    if missing:
        return f"not installed: {', '.join(map(str, missing))}"
    have = subprocess.run([world.PYTHON, "-c", "import gi"], capture_output=True)
    return "" if have.returncode == 0 else "not installed: python3-gi"


class Desktop:
    """One display with its session. Everything of it runs as the person."""

    def __init__(self, width=1024, height=700):
        self.home, self.size, self.parts = Home("desktop"), f"{width}x{height}x24", []
        self.looker = None

    def start(self):
        d = self.home.dir
        for name in ("display", "bus"):
            (d / name).touch()
        self.home.give()
        self.launch("xvfb", ["sh", "-c", f'exec Xvfb -displayfd 9 -screen 0 {self.size} -noreset -nolisten tcp 9>"$HOME/display"'])
        self.home.env["DISPLAY"] = ":" + self._written("display")
        self.launch("bus", ["sh", "-c", 'exec dbus-daemon --session --nofork --print-address=8 8>"$HOME/bus"'])
        self.home.env["DBUS_SESSION_BUS_ADDRESS"] = self._written("bus")
        self.home.env.update(GDK_BACKEND="x11", QT_QPA_PLATFORM="xcb")
        # Asking for its address starts the accessibility bus.
        address = re.search('"(.*)"', self._a11y("org.a11y.Bus.GetAddress")).group(1)
        self._a11y("org.freedesktop.DBus.Properties.Set", "string:org.a11y.Status", "string:IsEnabled", "variant:boolean:true")
        # Qt that has to ask for the address joins at every second start or so; this it reads before all else.
        # (An X server that is not told -noreset forgets it with its last client.)
        run(["xprop", "-root", "-f", "AT_SPI_BUS", "8s", "-set", "AT_SPI_BUS", address],
            env={**os.environ, "DISPLAY": self.home.env["DISPLAY"]})
        self.launch("openbox", ["openbox"])
        self.looker = subprocess.Popen(as_person([world.PYTHON, "-W", "ignore", "-c", LOOKER.read_text()]),
                                       env={**os.environ, **self.home.env, "AT_SPI_BUS_ADDRESS": address},
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=d)
        world.wait_until(lambda: self.look() is not None, 20, "the accessibility bus", 0.1)
        return self

    def _a11y(self, method, *arguments):
        return run(as_person(["dbus-send", "--session", "--print-reply", "--dest=org.a11y.Bus", "/org/a11y/bus", method,
                              *arguments]), env={**os.environ, **self.home.env})

    def _written(self, name):
        path = self.home.dir / name
        return world.wait_until(lambda: path.read_text().endswith("\n") and path.read_text().strip(), 20, name)

    def launch(self, name, argv, env=None):
        """A program on this desktop."""
        part = world.Process(name, argv, self.home.dir, {**self.home.env, **(env or {})}, as_nobody=True)
        self.parts.append(part)
        return part

    def look(self):
        """All elements that are showing, in reading order: dicts with application, role, name, text, states, box."""
        self.looker.stdin.write("look\n")
        self.looker.stdin.flush()
        line = self.looker.stdout.readline()
        if not line:
            raise world.WorldError("the looker has ended")
        return json.loads(line)

    def resize(self, title, width, height):
        """The window with this title gets another size, as with its edge."""
        self.xdotool("search", "--onlyvisible", "--name", title, "windowsize", "--sync", width, height)

    def xdotool(self, *args):
        return run(["xdotool", *args], env={**os.environ, "DISPLAY": self.home.env["DISPLAY"]})

    def has_window(self, title):
        """Is there a visible window with this title (a regular expression)?"""
        return subprocess.run(["xdotool", "search", "--onlyvisible", "--name", title], capture_output=True, check=False,
                              env={**os.environ, "DISPLAY": self.home.env["DISPLAY"]}).returncode == 0

    def picture(self, name, window="root"):
        """A PNG of the screen, or of one window by its number."""
        path = shots_directory() / f"{name}.png"
        run(["import", "-window", window, path], env={**os.environ, "DISPLAY": self.home.env["DISPLAY"]})
        return path

    def stop(self):
        if self.looker:
            self.looker.stdin.close()
            self.looker.wait(5)
        for part in reversed(self.parts):
            part.stop()
        self.home.remove()


class Windows(Person):
    """A person's program on a desktop."""

    application = ""  # as AT-SPI names it
    title = ""  # of its first window

    def __init__(self, desktop):
        super().__init__()
        self.desktop, self.process = desktop, None

    def elements(self):
        return [e for e in self.desktop.look() if e["application"] == self.application]

    def launch(self, argv, env=None, tries=3, patience=10):
        """Start the program and wait until its windows can be read. When a window has been there for a while and cannot
        be read, the program starts again: it has missed the accessibility bus, and does not look for it twice."""
        for _ in range(tries):
            self.process = self.desktop.launch(self.name, argv, env)
            seen = []  # since when there is a window

            def is_decided():
                if not self.process.is_running():
                    raise NotSeen(f"{self.name} ended with {self.process.child.returncode}:\n{self.process.text()[-2000:]}")
                if not seen and self.desktop.has_window(self.title):
                    seen.append(time.monotonic())
                return self.elements() or (seen and time.monotonic() - seen[0] > patience)
            world.wait_until(is_decided, 60, f"a window of {self.name}", 0.1)
            if self.elements():
                return self
            self.process.stop()
            self.desktop.parts.remove(self.process)
        raise NotSeen(f"{self.name}: its windows could not be read in {tries} starts:\n{self.process.text()[-2000:]}")

    def screen(self):
        """What can be read in its windows, a line for each element."""
        return "\n".join(f"{'  ' * e['depth']}{e['role']}: {e['text'] or e['name']}" for e in self.elements()
                         if e["text"] or e["name"])

    def find(self, role, name="", nth=0):
        """The nth element with this role whose name or text matches, or None."""
        found = [e for e in self.elements() if re.fullmatch(role, e["role"]) and
                 ("sensitive" in e["states"] or "button" not in role) and
                 any(re.search(name, shown) for shown in ({e["name"], e["text"]} - {""} or {""}))]
        return found[nth] if -len(found) <= nth < len(found) else None

    def wait_find(self, role, name="", nth=0, timeout=20):
        end = time.monotonic() + timeout
        while True:
            found = self.find(role, name, nth)
            if found and found["box"][2] > 0:
                return found
            if time.monotonic() > end:
                self.shot("missing")
                raise NotSeen(f"{self.name}: no {role} /{name}/ within {timeout} s; the actions were {self.actions}; the screen "
                              f"is\n{self.screen()}")
            time.sleep(0.05)

    def click(self, role, name="", nth=0, button=1, times=1, timeout=20):
        """Click the middle of an element once it stands still: one action, also when the program wants a double click."""
        self.did(f"click {role} {name}")
        self.point(self.wait_still(role, name, nth, timeout))
        self.desktop.xdotool("click", "--repeat", times, "--delay", 60, button)

    def wait_still(self, role, name="", nth=0, timeout=20):
        """The element once two looks find it in the same place."""
        before = self.wait_find(role, name, nth, timeout)
        while True:
            now = self.wait_find(role, name, nth, timeout)
            if now["box"] == before["box"]:
                return now
            before = now

    def point(self, element):
        x, y, width, height = element["box"]
        self.desktop.xdotool("mousemove", x + width // 2, y + height // 2)

    def type(self, text, then="Return"):
        """Type a line where the cursor is: one action."""
        self.did(text)
        self.desktop.xdotool("type", "--delay", 8, "--", text)
        if then:
            self.desktop.xdotool("key", then)

    def press(self, key):
        """One key that chooses something: one action."""
        self.did(key)
        self.desktop.xdotool("key", key)

    def answers(self, pattern, timeout=20):
        """Something that can be read and was not typed."""
        return self.wait_for(pattern, timeout)

    def shot(self, name):
        return self.desktop.picture(f"{self.name}-{name}")
