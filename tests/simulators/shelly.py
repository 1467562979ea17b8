#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A Shelly Plus 1PM (second generation) as its HTTP interface shows it: what it is at /shelly; Switch.GetStatus,
Switch.Set and Shelly.GetStatus below /rpc. The relay really switches: power and current follow it, energy counts while it is on."""
import argparse
import http.server
import json
import random
import signal
import sys
import threading
import time
import urllib.parse


class Relay:
    """What is behind the HTTP interface; requests come on threads of their own."""

    def __init__(self, watts, is_on):
        self.lock = threading.Lock()
        self.full, self.is_on = watts, is_on
        self.energy, self.watts, self.counted = 110.046, 0.0, time.monotonic()

    def count(self):
        now = time.monotonic()
        self.energy += self.watts * (now - self.counted) / 3600
        self.counted = now
        self.watts = round(self.full * random.uniform(0.98, 1.02), 1) if self.is_on else 0.0

    def status(self):
        with self.lock:
            self.count()
            volt = round(random.uniform(229.0, 233.0), 1)
            return {"id": 0, "source": "http", "output": self.is_on, "apower": self.watts, "voltage": volt,
                    "current": round(self.watts / volt, 3),
                    "aenergy": {"total": round(self.energy, 3), "by_minute": [0.0, 0.0, 0.0],
                                "minute_ts": int(time.time())},
                    "temperature": {"tC": 30.3, "tF": 86.6}}

    def switch(self, is_on):
        with self.lock:
            self.count()
            was, self.is_on = self.is_on, is_on
            self.count()
            return {"was_on": was}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, code, what):
        text = json.dumps(what).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def call(self, method, params):
        """One RPC by its name: the code and the result, as the device answers."""
        relay = self.server.relay
        if method == "Shelly.GetStatus":
            return 200, {"switch:0": relay.status(), "sys": {"unixtime": int(time.time())}}
        if not method.startswith("Switch."):
            return 404, {"code": 404, "message": f"No handler for {method}"}
        if str(params.get("id", "")) != "0":
            return 500, {"code": -105, "message": f"Argument 'id', value {params.get('id')} not found!"}
        if method == "Switch.GetStatus":
            return 200, relay.status()
        on = {"true": True, "false": False, True: True, False: False}.get(params.get("on"))
        if method == "Switch.Set" and on is not None:
            return 200, relay.switch(on)
        return 500, {"code": -103, "message": "Invalid argument 'on'!"}

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/shelly":
            return self.answer(200, {"name": "Porch", "id": "shellyplus1pm-aabbccddeeff", "mac": "AABBCCDDEEFF",
                                     "slot": 0, "model": "SNSW-001P16EU", "gen": 2, "ver": "1.1.0", "app": "Plus1PM",
                                     "auth_en": False, "auth_domain": None})
        if not url.path.startswith("/rpc/"):
            return self.answer(404, {"code": 404, "message": "not found"})
        return self.answer(*self.call(url.path[len("/rpc/"):], dict(urllib.parse.parse_qsl(url.query))))

    def do_POST(self):
        try:
            frame = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            name = frame.get("method") or self.path[len("/rpc/"):]
            params = frame.get("params", frame) or {}
        except (ValueError, AttributeError):
            return self.answer(400, {"code": 400, "message": "bad request"})
        code, result = self.call(name, params)
        if urllib.parse.urlsplit(self.path).path.rstrip("/") != "/rpc":
            return self.answer(code, result)
        return self.answer(200, {"id": frame.get("id"), "src": "shellyplus1pm-aabbccddeeff",
                                 "result" if code == 200 else "error": result})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--watts", type=float, default=42.0, help="what the load takes when the relay is on")
    parser.add_argument("--on", action="store_true", help="begin with the relay on")
    args = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", args.port), Handler)
    server.relay = Relay(args.watts, args.on)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"ready 127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
