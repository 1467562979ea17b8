#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench_http.py BUILD [SECONDS]: what 200 HTTP devices at 10 s cost, beside the same with nobody to ask. Loopback only.

Prints figures; judges nothing. Build without sanitizers: meson setup build-bench -Dbuildtype=release.
"""
import os
import pathlib
import sys
import tempfile
import time

BUILD = pathlib.Path(sys.argv[1]).resolve()
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 60
os.environ["TT_BUILD_DIR"] = str(BUILD)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "simulators"))
import world  # noqa: E402

CONFIG = """\
version: 1
poll: {{often: {{every: 10s}}}}
devices:
{devices}
mappings: [mappings]
"""
MAPPING = """\
mapping: http/bench
version: 1
protocol: http
params: {host: {type: string}, n: {type: integer}}
base: "http://${host}"
defaults: {poll: often}
points:
  level: {get: "/d/${n}/level", at: /level, type: integer}
  again: {get: "/d/${n}/level", at: /level, type: integer}
"""


def ticks(pid):
    return sum(map(int, pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))


def memory(pid):
    rollup = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return " ".join(f"{k} {int(rollup[k].split()[0]) / 1024:.1f} MiB" for k in ("Rss", "Pss", "Private_Dirty"))


def measure(directory, n, name):
    port = world.free_port()
    web = world.Process(f"web-{name}", [BUILD / "tests/simulators/http_device", "--port", port], directory, expect="ready")
    devices = "".join(f"  d{i}: {{uses: http/bench, with: {{host: \"127.0.0.1:{port}\", n: {i}}}}}\n" for i in range(n))
    gateway = world.Thingtree(directory, CONFIG.format(devices=devices or "  {}"), {"mappings/http/bench.yaml": MAPPING},
                              name=f"thingtree-{name}").start()
    time.sleep(12)  # the first round, spread over one interval, is not what is measured
    pid, began = gateway.process.pid, time.monotonic()
    before = ticks(pid)
    time.sleep(SECONDS)
    share = (ticks(pid) - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)
    online = sum(gateway.cli("read", f"d{i}", check=False).returncode == 0 for i in range(0, n, 20))
    print(f"{n} HTTP devices at 10 s: {100 * share:.2f} % of one processor, {memory(pid)}; {online} of {len(range(0, n, 20))}"
          f" asked for have a value", flush=True)
    gateway.stop()
    web.stop()


with tempfile.TemporaryDirectory() as made:
    measure(pathlib.Path(made), 1, "one")
    measure(pathlib.Path(made), 200, "many")
