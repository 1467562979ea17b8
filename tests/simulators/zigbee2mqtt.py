#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""zigbee2mqtt with three devices: a climate sensor and a door contact that send by themselves, and a switch that obeys
NAME/set. Names, keys and the form of the payloads are those of tests/data/mqtt/z2m-messages.jsonl, the list of devices is
cut out of z2m-bridge-devices.json beside it."""
import json
import pathlib
import random
import sys
import time

from simulator import Simulator, arguments

DEVICES = pathlib.Path(__file__).resolve().parents[1] / "data/mqtt/z2m-bridge-devices.json"
CONTACT = "Contact sensor"


class Zigbee2mqtt(Simulator):
    def __init__(self, args):
        self.base = args.base
        self.topics = (f"{args.base}/{args.switch}/set", f"{args.base}/{args.switch}/get")
        self.is_on, self.humidity, self.temperature, self.pressure = False, 31.32, 22.51, 1005.2
        super().__init__(args)

    def will(self):
        return f"{self.base}/bridge/state", json.dumps({"state": "offline"})

    def hello(self):
        self.publish(f"{self.base}/bridge/state", json.dumps({"state": "online"}), retain=True)
        names = {"Climate sensor": self.args.sensor, "Aqara switch T1": self.args.switch, CONTACT: CONTACT}
        devices = [{**d, "friendly_name": names[d["friendly_name"]]} for d in json.loads(DEVICES.read_text(encoding="utf-8"))
                   if d.get("friendly_name") in names]
        self.publish(f"{self.base}/bridge/devices", json.dumps(devices), retain=True)
        for name in names.values():
            self.publish(f"{self.base}/{name}/availability", json.dumps({"state": "online"}), retain=True)
        self.tell_switch()
        self.tick()

    @staticmethod
    def seen():
        return time.strftime("%Y-%m-%dT%H:%M:%S%z")

    def tell_switch(self):
        self.publish(f"{self.base}/{self.args.switch}", json.dumps({
            "consumption": 0, "current": 0.17 if self.is_on else 0, "device_temperature": 23, "energy": 0,
            "last_seen": self.seen(), "linkquality": random.randint(190, 255),
            "power": 40.1 if self.is_on else 0, "power_outage_count": 1, "state": "ON" if self.is_on else "OFF",
            "switch_type": "toggle", "voltage": 235.22}), retain=self.args.retain)

    def tick(self):
        self.temperature = round(min(26.0, max(18.0, self.temperature + random.uniform(-0.1, 0.1))), 2)
        self.humidity = round(min(60.0, max(25.0, self.humidity + random.uniform(-0.5, 0.5))), 2)
        self.pressure = round(min(1030.0, max(980.0, self.pressure + random.uniform(-0.2, 0.2))), 1)
        self.publish(f"{self.base}/{self.args.sensor}", json.dumps({
            "battery": 37, "humidity": self.humidity, "last_seen": self.seen(),
            "linkquality": random.randint(190, 255), "power_outage_count": 77, "pressure": self.pressure,
            "temperature": self.temperature, "voltage": 2905}), retain=self.args.retain)
        self.publish(f"{self.base}/{CONTACT}", json.dumps({
            "battery": 100, "contact": random.random() < 0.9, "device_temperature": 24, "last_seen": self.seen(),
            "linkquality": random.randint(190, 255), "power_outage_count": 15, "trigger_count": 4, "voltage": 3005}),
            retain=self.args.retain)

    def heard(self, topic, payload):
        if topic.endswith("/set"):
            try:
                wanted = json.loads(payload)
                wanted = wanted.get("state") if isinstance(wanted, dict) else wanted
            except ValueError:
                wanted = payload
            wanted = str(wanted).upper()
            if wanted not in ("ON", "OFF", "TOGGLE"):
                return
            self.is_on = not self.is_on if wanted == "TOGGLE" else wanted == "ON"
        self.tell_switch()


def main():
    parser = arguments(__doc__)
    parser.add_argument("--base", default="zigbee2mqtt")
    parser.add_argument("--sensor", default="Climate sensor")
    parser.add_argument("--switch", default="Aqara switch T1")
    parser.add_argument("--retain", action="store_true", help="states are retained by the broker")
    return Zigbee2mqtt(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
