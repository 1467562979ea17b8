# SPDX-License-Identifier: Apache-2.0
"""The house people visit: what tools/try shows, without UPnP, on a private Prosody or a private ejabberd."""
import importlib
import json
import os
import pathlib
import secrets
import shutil
import subprocess

import world

demonstration = importlib.import_module("try")


class Ejabberd:
    """A private ejabberd with the same face as world.Prosody: one host, one component, accounts."""

    program = "/usr/sbin/ejabberdctl"

    def __init__(self, directory, domain=world.DOMAIN, component=world.COMPONENT, c2s_port=0, component_port=0,
                 certificate="server"):
        self.dir = pathlib.Path(directory) / "ejabberd"
        self.dir.mkdir(mode=0o755)
        self.domain, self.component = domain, component
        self.port, self.component_port = c2s_port or world.free_port(), component_port or world.free_port()
        self.secret, self.passwords, self.process = secrets.token_hex(16), {}, None
        self.node = f"thingtree{self.port}@localhost"
        pem = "".join((pathlib.Path(directory) / f"{certificate}.{s}").read_text() for s in ("key", "crt"))
        (self.dir / "server.pem").write_text(pem)
        (self.dir / "ejabberd.yml").write_text(f"""\
hosts: [{domain}]
loglevel: warning
certfiles: ["{self.dir}/server.pem"]
acme: {{auto: false}}
listen:
  - {{port: {self.port}, ip: "127.0.0.1", module: ejabberd_c2s, starttls_required: true, max_stanza_size: 262144}}
  - port: {self.component_port}
    ip: "127.0.0.1"
    module: ejabberd_service
    global_routes: false
    hosts: {{"{component}": {{password: {self.secret}}}}}
auth_method: internal
auth_password_format: scram
modules: {{mod_adhoc: {{}}, mod_blocking: {{}}, mod_caps: {{}}, mod_carboncopy: {{}}, mod_disco: {{extra_domains: ["{component}"]}},
  mod_ping: {{}}, mod_privacy: {{}}, mod_private: {{}}, mod_pubsub: {{plugins: [flat, pep]}}, mod_roster: {{}}, mod_vcard: {{}}}}
""")
        arch = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
        triplet = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu", "armhf": "arm-linux-gnueabihf"}.get(arch, arch)
        self.env = {"HOME": str(self.dir), "ERL_LIBS": f"/usr/lib/{triplet}", "ERL_EPMD_ADDRESS": "127.0.0.1",
                    "ERL_EPMD_PORT": str(world.free_port()), "EJABBERD_CONFIG_PATH": str(self.dir / "ejabberd.yml"),
                    "EJABBERD_LOG_PATH": str(self.dir / "ejabberd.log"), "EJABBERD_PID_PATH": str(self.dir / "pid")}
        self.wanted = []
        world.give_to_nobody(self.dir)

    def add_user(self, name, password=None):
        """Once it runs, ejabberd itself must be asked; before that it is remembered."""
        self.passwords[name] = password or secrets.token_urlsafe(9)
        if self.process:
            self.control("register", name, self.domain, self.passwords[name])
        else:
            self.wanted.append(name)
        return self.passwords[name]

    def control(self, *words):
        name = f"ctl{secrets.token_hex(3)}"
        call = world.Process(name, ["erl", "-sname", f"{name}@localhost", "-hidden", "-noinput", "-s", "ejabberd_ctl", "-extra",
                                    self.node, *words], self.dir, self.env, as_nobody=True)
        if call.child.wait(30) != 0:
            raise world.WorldError(f"ejabberd: {' '.join(words[:3])}: {call.text()}")

    def start(self):
        argv = ["erl", "-sname", self.node, "-noinput", "-mnesia", "dir", f'"{self.dir}/db"', "-kernel", "inet_dist_use_interface",
                "{127,0,0,1}", "-s", "ejabberd"]
        self.process = world.Process("ejabberd", argv, self.dir, self.env, as_nobody=True)
        head = ("<?xml version='1.0'?><stream:stream to='%s' xmlns='%s' version='1.0' "
                "xmlns:stream='http://etherx.jabber.org/streams'>")

        def is_up():
            if not self.process.is_running():
                raise world.WorldError(f"ejabberd ended:\n{self.process.text()[-2000:]}")
            return (world.answers(self.port, (head % (self.domain, "jabber:client")).encode(), b"stream:features") and
                    world.answers(self.component_port, (head % (self.component, "jabber:component:accept")).encode(), b"id="))
        world.wait_until(is_up, 60, "ejabberd")
        for name in self.wanted:
            self.control("register", name, self.domain, self.passwords[name])
        self.wanted = []
        return self

    def stop(self):
        if self.process:
            self.process.stop(10)
            subprocess.run(["epmd", "-kill"], env={**os.environ, **self.env}, capture_output=True, check=False)

    @staticmethod
    def is_installed():
        return shutil.which("erl") is not None and pathlib.Path(Ejabberd.program).exists()


class House(demonstration.Demonstration):
    """The demonstration with a server of choice. UPnP stays out: no client shows a light otherwise than a plug."""

    NEWCOMERS = [f"{name}{i}" for i in range(1, 21) for name in ("anna", "bo", "cleo", "dan")]

    def __init__(self, server):
        super().__init__(say=lambda *_: None)
        self.make_server, self.newcomers = server, iter(self.NEWCOMERS)

    def config(self):
        """Newcomers are operators, each by name."""
        lines = "".join(f"  - {{who: {name}@{world.DOMAIN}, role: operator}}\n" for name in self.NEWCOMERS)
        return super().config().replace("access:\n", "access:\n" + lines, 1)

    def newcomer(self):
        """The login of somebody who was never here: no contacts, no history."""
        name = next(self.newcomers)
        self.server.add_user(name)
        return self.login(name)

    def start_upnp(self):
        pass

    @property
    def server(self):
        return self.prosody

    def login(self, name="alice"):
        """What somebody fills into their program."""
        return {"jid": f"{name}@{world.DOMAIN}", "domain": world.DOMAIN, "password": self.server.passwords[name],
                "host": "127.0.0.1", "port": self.server.port, "ca": self.dir / "ca.crt", "certificate": self.dir / "server.crt"}

    def addresses(self):
        """How the gateway is met: as a contact with an account, and as a component."""
        return {"account": f"gw@{world.DOMAIN}", "component": world.COMPONENT}

    def value(self, node, field):
        """What a field of a node is, by the control socket."""
        answer = json.loads(self.gateway.cli("read", "--json", node).stdout)
        return next(f["value"] for f in answer["fields"] if f["name"] == field)

    def switch(self, parameter, value):
        """Set a parameter by the control socket."""
        self.gateway.cli("set", f"{parameter}={value}")

    def wait_value(self, node, field, value):
        world.wait_until(lambda: self.value(node, field) == value, 20, f"{node}.{field} to be {value}", 0.1)
