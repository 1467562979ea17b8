# SPDX-License-Identifier: Apache-2.0
"""Reads the desktop as assistive technology does: for each line on standard input, one line of JSON with every element
that is showing. Runs as the person whose desktop it is; the bus of AT-SPI ($AT_SPI_BUS_ADDRESS) lets nobody else in. It
speaks AT-SPI's D-Bus interfaces itself, and every question has a limit: a program that hangs does not hang this."""
import json
import os
import sys

from gi.repository import Gio, GLib

MAX_DEPTH, MAX_CHILDREN, LIMIT_MS = 40, 500, 2000
# Bits of org.a11y.atspi.Accessible.GetState
STATES = {"active": 1, "checked": 4, "editable": 7, "focused": 12, "selected": 23, "sensitive": 24}
SHOWING = 25
SPI = "org.a11y.atspi"


class Looker:
    def __init__(self, address):
        flags = Gio.DBusConnectionFlags
        self.bus = Gio.DBusConnection.new_for_address_sync(
            address, flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None)

    def ask(self, element, interface, method, arguments=None):
        """The answer of an element (bus name, object path); raises GLib.Error."""
        return self.bus.call_sync(*element, interface, method, arguments, None, Gio.DBusCallFlags.NONE, LIMIT_MS, None).unpack()

    def accessible(self, element, method):
        return self.ask(element, f"{SPI}.Accessible", method)[0]

    def describe(self, element, application, depth, states):
        """An element as a dict."""
        name = self.ask(element, "org.freedesktop.DBus.Properties", "Get", GLib.Variant("(ss)", (f"{SPI}.Accessible", "Name")))[0]
        interfaces = self.accessible(element, "GetInterfaces")
        text, box = "", [0, 0, 0, 0]
        if f"{SPI}.Text" in interfaces:
            text = self.ask(element, f"{SPI}.Text", "GetText", GLib.Variant("(ii)", (0, -1)))[0]
        if f"{SPI}.Component" in interfaces:
            box = list(self.ask(element, f"{SPI}.Component", "GetExtents", GLib.Variant("(u)", (0,)))[0])
        return {"application": application or name, "depth": depth, "role": self.accessible(element, "GetRoleName"), "name": name,
                "text": text, "box": box, "states": [s for s, bit in STATES.items() if states >> bit & 1]}

    def walk(self, element, application, depth, found):
        """Everything showing from here, in order. What vanishes while it is read is left out."""
        try:
            if depth > 0:
                low, high = self.accessible(element, "GetState")
                if depth > 1 and not low >> SHOWING & 1:
                    return
                found.append(self.describe(element, application, depth, high << 32 | low))
                application = found[-1]["application"]
            if depth < MAX_DEPTH:
                for child in self.accessible(element, "GetChildren")[:MAX_CHILDREN]:
                    self.walk(child, application, depth + 1, found)
        except GLib.Error:
            pass


def main():
    looker = Looker(os.environ["AT_SPI_BUS_ADDRESS"])
    for _ in sys.stdin:
        found = []
        looker.walk((f"{SPI}.Registry", "/org/a11y/atspi/accessible/root"), "", 0, found)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
