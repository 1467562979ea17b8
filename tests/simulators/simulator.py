# SPDX-License-Identifier: Apache-2.0
"""What the MQTT simulators share: arguments, connection, a readiness line on stdout, a clean end on SIGTERM."""
import argparse
import os
import queue
import signal
import sys
import time

import paho.mqtt.client as paho


def arguments(about):
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--ca", help="PEM file; turns TLS on")
    parser.add_argument("--period", type=float, default=10.0, help="seconds between messages sent by itself")
    return parser


class Simulator:
    """One MQTT client. Subclasses give `topics`, `hello`, `tick`, `heard` and `will`; all run on one thread."""

    topics = ()

    def __init__(self, args):
        self.args = args
        self.events = queue.Queue()
        self.client = paho.Client(client_id=f"sim-{type(self).__name__}-{os.getpid()}")
        if args.user:
            self.client.username_pw_set(args.user, args.password)
        if args.ca:
            self.client.tls_set(args.ca)
        topic, payload = self.will()
        self.client.will_set(topic, payload, qos=1, retain=True)
        self.client.on_connect = lambda _c, _u, _f, rc: self.events.put(("connected", rc))
        self.client.on_subscribe = lambda *_: self.events.put(("subscribed", None))
        self.client.on_message = lambda _c, _u, message: self.events.put(("message", message))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.events.put(("stop", None)))

    def publish(self, topic, payload, retain=False):
        return self.client.publish(topic, payload, qos=1, retain=retain)

    def run(self):
        self.client.reconnect_delay_set(1, 5)
        self.client.connect_async(self.args.host, self.args.port, keepalive=30)
        self.client.loop_start()
        due, is_ready = time.monotonic() + self.args.period, False
        while True:
            try:
                kind, what = self.events.get(timeout=max(0.0, due - time.monotonic()))
            except queue.Empty:
                due += self.args.period
                self.tick()
                continue
            if kind == "connected":
                if what != 0:
                    print(f"{type(self).__name__}: broker refuses the connection ({what})", file=sys.stderr)
                    return 1
                self.client.subscribe([(topic, 1) for topic in self.topics])
            elif kind == "subscribed":
                self.hello()
                if not is_ready:
                    print(f"ready {self.args.host}:{self.args.port} {' '.join(self.topics)}", flush=True)
                is_ready = True
            elif kind == "message":
                self.heard(what.topic, what.payload.decode("utf-8", "replace"))
            else:
                break
        if is_ready:
            topic, payload = self.will()
            self.publish(topic, payload, retain=True).wait_for_publish(timeout=1)
        self.client.disconnect()
        self.client.loop_stop()
        return 0
