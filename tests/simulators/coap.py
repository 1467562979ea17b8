# SPDX-License-Identifier: Apache-2.0
"""The simulated CoAP device, by its commands (coap_device.c)."""
import subprocess

import world


class Device:
    """The simulated device, by its commands."""

    def __init__(self, port=0):
        self.process = subprocess.Popen([world.build_dir() / "tests/simulators/coap_device", "--attached", "--port", str(port)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[2])
        assert self.process.stdout.readline() == "ready\n"

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def set(self, path, text):
        assert self.ask(f"set {path} 0 {text.encode().hex()}") == "ok"

    def offer(self, links):
        """What is to be found at /.well-known/core."""
        assert self.ask(f"set /.well-known/core 40 {links.encode().hex()}") == "ok"

    def value(self, path):
        return bytes.fromhex(self.ask(f"value {path}")).decode()

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
