#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A metering plug with Tasmota firmware: LWT, periodic tele SENSOR and STATE, POWER and STATUS commands.
The relay really switches: power and current follow it, energy counts while it is on."""
import json
import random
import sys
import time

from simulator import Simulator, arguments


class Tasmota(Simulator):
    SWITCH = {"ON": True, "1": True, "TRUE": True, "OFF": False, "0": False, "FALSE": False}

    def __init__(self, args):
        self.topic = args.topic
        self.topics = (f"cmnd/{args.topic}/#",)
        self.is_on = args.on
        self.watts, self.energy, self.counted = 0.0, args.energy, time.monotonic()
        super().__init__(args)

    def will(self):
        return f"tele/{self.topic}/LWT", "Offline"

    def hello(self):
        self.publish(f"tele/{self.topic}/LWT", "Online", retain=True)
        self.tell_power()
        self.tick()

    def count(self):
        now = time.monotonic()
        self.energy += self.watts * (now - self.counted) / 3.6e6
        self.counted = now
        self.watts = round(self.args.watts * random.uniform(0.98, 1.02), 1) if self.is_on else 0.0

    def sensor(self):
        self.count()
        volt = round(random.uniform(229.0, 233.0), 1)
        return {"Time": time.strftime("%Y-%m-%dT%H:%M:%S"),
                "ENERGY": {"TotalStartTime": "2024-01-01T00:00:00", "Total": round(self.energy, 3), "Yesterday": 0.1,
                           "Today": 0.05, "Period": 0, "Power": self.watts, "ApparentPower": self.watts,
                           "ReactivePower": 0, "Factor": 1.0 if self.is_on else 0.0, "Voltage": volt,
                           "Current": round(self.watts / volt, 3)}}

    def tell_power(self):
        self.publish(f"stat/{self.topic}/RESULT", json.dumps({"POWER": "ON" if self.is_on else "OFF"}))
        self.publish(f"stat/{self.topic}/POWER", "ON" if self.is_on else "OFF")

    def tick(self):
        self.publish(f"tele/{self.topic}/STATE", json.dumps({"POWER": "ON" if self.is_on else "OFF"}))
        self.publish(f"tele/{self.topic}/SENSOR", json.dumps(self.sensor()))

    def heard(self, topic, payload):
        command, payload = topic.rsplit("/", 1)[-1].upper(), payload.strip().upper()
        if command in ("POWER", "POWER1"):
            if payload in ("TOGGLE", "2"):
                self.is_on = not self.is_on
            elif payload in self.SWITCH:
                self.is_on = self.SWITCH[payload]
            if self.args.stuck:
                self.is_on = self.args.on
            self.count()
            self.tell_power()
        elif command == "STATUS" and payload in ("8", "10"):
            self.publish(f"stat/{self.topic}/STATUS{payload}", json.dumps({"StatusSNS": self.sensor()}))
        else:
            self.publish(f"stat/{self.topic}/RESULT", json.dumps({"Command": "Unknown"}))


def main():
    parser = arguments(__doc__)
    parser.add_argument("--topic", default="tasmota_49A3BC")
    parser.add_argument("--watts", type=float, default=42.0, help="what the load takes when the relay is on")
    parser.add_argument("--energy", type=float, default=1.2, help="kWh on the counter at the start")
    parser.add_argument("--on", action="store_true", help="begin with the relay on")
    parser.add_argument("--stuck", action="store_true", help="answer commands, but never switch")
    return Tasmota(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
