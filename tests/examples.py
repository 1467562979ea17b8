#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every YAML example in the manuals of the bridges is taken by `thingtree check` without a word: as it is when it is a mapping
or has connections, else with what an example leaves out put around it. `examples.py PROGRAM BUILD SOURCE`."""
import pathlib
import re
import subprocess
import sys
import tempfile

CONNECTIONS = {"mqtt": 'house-broker: {protocol: mqtt, url: "mqtt://broker.lan"}', "modbus": "meter-lan: {protocol: modbus, host: meter.lan}",
               "coap": "coap-lan: {protocol: coap}", "http": "web: {protocol: http, listen: {address: 127.0.0.1}}",
               "upnp": "upnp-lan: {protocol: upnp, interface: eth0}"}
# What a device needs beside the example.
NEEDS = {"coap": {"base": 'base: "coap://192.0.2.7"\n'}, "http": {"base": 'base: "http://192.0.2.7"\n'},
         "upnp": {"udn": "udn: uuid:1\n", "services": 'services: {av: "urn:schemas-upnp-org:service:AVTransport:1"}\n'}}
NO_POINTS = "points: {}\n"


def as_mapping(bridge, block, keys):
    """A piece of a mapping, or the inside of its points, as a whole mapping."""
    params = sorted(set(re.findall(r"\$\{(\w+)\}", block)) - {"value"})
    return (f"mapping: {bridge}/piece\nversion: 1\nprotocol: {bridge}\nparams:\n" if params else
            f"mapping: {bridge}/piece\nversion: 1\nprotocol: {bridge}\n") + \
        "".join(f"  {p}: {{type: string, default: x}}\n" for p in params) + \
        "".join(text for key, text in NEEDS.get(bridge, {}).items() if key not in keys) + \
        ("" if keys else "points:\n") + block + ("" if not keys or "points" in keys else NO_POINTS)


def check_block(program, bridges, source, into, bridge, block):
    keys = set(re.findall(r"^(\w+):", block, re.M))
    top = f"version: 1\nmappings: [mappings, {source}/mappings]\n"
    connections = f"connections:\n  {CONNECTIONS[bridge]}\n"
    for name in re.findall(r"\$\{credential:([\w-]+)\}", block):
        (into / "credentials" / name).write_text("x")
        (into / "credentials" / name).chmod(0o600)
    if "connections" in keys:
        (into / "ca.pem").touch()
        top += re.sub(r"/etc/ssl/certs/[\w-]+\.pem", str(into / "ca.pem"), block)
    elif "devices" in keys:
        top += connections + block
    else:
        text = block if "mapping" in keys else as_mapping(bridge, block, keys)
        name = re.search(r"mapping: (\S+)", text)[1]
        (into / f"mappings/{name}.yaml").write_text(text)
        given = ", ".join(f"{p}: x" for p in re.findall(r"^  (\w+): \{type: \w+\}$", text, re.M))
        top += f"{connections}devices:\n  x: {{uses: {name}, connection: {CONNECTIONS[bridge].split(':')[0]}, with: {{{given}}}}}\n"
    (into / "thingtree.yaml").write_text(top)
    done = subprocess.run([program, "check", "--config", into / "thingtree.yaml", "--bridges", bridges], timeout=60, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    said = done.stdout + done.stderr
    return None if done.returncode == 0 and said.startswith("thingtree check: ") else f"{block}\n{said}"


def main():
    program, build, source = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]).absolute()
    problems, n = [], 0
    with tempfile.TemporaryDirectory() as directory:
        bridges = pathlib.Path(directory) / "bridges"
        bridges.mkdir()
        for bridge in build.glob("bridges/*/*.so"):
            (bridges / bridge.name).symlink_to(bridge.absolute())
        for bridge in CONNECTIONS:
            into = pathlib.Path(directory) / bridge
            (into / "mappings" / bridge).mkdir(parents=True)
            (into / "credentials").mkdir()
            blocks = re.findall(r"^```yaml\n(.*?)^```", (source / f"bridges/{bridge}/{bridge}.md").read_text(), re.S | re.M)
            found = [check_block(program, bridges, source, into, bridge, block) for block in blocks]
            problems += [f"{bridge}.md: {p}" for p in found if p]
            n += len(blocks)
    print("\n".join(problems))
    print(f"examples: {n} in the manuals, {len(problems)} problems")
    return 1 if problems or n < 15 else 0


if __name__ == "__main__":
    sys.exit(main())
