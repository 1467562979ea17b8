# SPDX-License-Identifier: Apache-2.0
"""A small world on loopback: a private Prosody and Mosquitto, simulated devices, and thingtree among them.

`tools/try` shows it to people, the integration tests build theirs from the same parts. Everything lives in one
directory; every process started here ends with this one, whatever happens to it.
"""
import ctypes
import hashlib
import hmac
import itertools
import json
import os
import pathlib
import random
import secrets
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIMULATORS = ROOT / "tests/simulators"
PYTHON = "/usr/bin/python3"  # Debian's: the one that has slixmpp and paho
DOMAIN = "house.test"
COMPONENT = "things.house.test"
ROLES = {"alice": "operator", "admin": "admin", "reader": "reader", "stranger": "none"}


# libupnp forgets some texts of each subscription; who runs that bridge without a process of its own would be blamed.
os.environ.setdefault("LSAN_OPTIONS", f"print_suppressions=0:suppressions={ROOT / 'tests/conformance/upnp.lsan'}")


class WorldError(Exception):
    """Something that was started did not come up; the text says what and shows its last words."""


# Below what the kernel gives to outgoing connections: whoever starts on a port of these later finds it as free as now.
PORTS = iter(random.sample(range(10000, 32768), 22768))


def free_port(preferred=0, host="127.0.0.1"):
    """`preferred` when nobody has it, else any free one; none twice."""
    for port in itertools.chain([preferred] if preferred else [], PORTS):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind((host, port))
                return port
            except OSError:
                continue
    raise WorldError("no free port")


def wait_until(condition, timeout=30, what="", interval=0.02):
    """The value of `condition` as soon as it is true. Raises WorldError after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise WorldError(f"waited {timeout} s for {what or condition}")
        time.sleep(interval)


def answers(port, question, expected, host="127.0.0.1"):
    """Does the server on this port answer `question` with something that contains `expected`?"""
    try:
        with socket.create_connection((host, port), timeout=1) as s:
            s.sendall(question)
            got = b""
            while expected not in got:
                part = s.recv(4096)
                if not part:
                    return False
                got += part
            return True
    except OSError:
        return False


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Process:
    """A child with its output in a file; `stop` is SIGTERM, then SIGKILL."""

    def __init__(self, name, argv, directory, env=None, as_nobody=False, expect=None, timeout=30):
        self.name, self.log = name, pathlib.Path(directory) / f"{name}.log"
        if as_nobody and os.geteuid() == 0:
            argv = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--pdeathsig", "TERM", *argv]
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen([str(a) for a in argv], stdout=out, stderr=subprocess.STDOUT,
                                          stdin=subprocess.DEVNULL, cwd=directory, start_new_session=True,
                                          env={**os.environ, **(env or {})}, preexec_fn=_die_with_parent)
        if expect:
            self.wait_for(expect, timeout)

    @property
    def pid(self):
        return self.child.pid

    def text(self):
        return self.log.read_text(errors="replace")

    def is_running(self):
        return self.child.poll() is None

    def wait_for(self, text, timeout=30):
        """Until the output contains `text`."""
        def condition():
            if text in self.text():
                return True
            if not self.is_running():
                raise WorldError(f"{self.name} ended with {self.child.returncode}:\n{self.text()[-2000:]}")
            return False
        try:
            return wait_until(condition, timeout)
        except WorldError as e:
            raise WorldError(f"{self.name}: no {text!r}: {e}\n{self.text()[-2000:]}") from e

    def stop(self, timeout=5):
        if self.is_running():
            self.child.terminate()
            try:
                self.child.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.child.returncode

    def kill(self):
        if self.is_running():
            self.child.kill()
        self.child.wait()


def _openssl(*args, cwd):
    subprocess.run(["openssl", *args], cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_ca(directory, name="ca"):
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
             "-subj", f"/CN=thingtree test {name}", "-addext", "basicConstraints=critical,CA:TRUE",
             "-keyout", f"{name}.key", "-out", f"{name}.crt", cwd=directory)


def make_certificate(directory, name, hosts, ca="ca", days=30):
    """<name>.key and <name>.crt for these host names, signed by `ca`. Negative days: expired."""
    directory = pathlib.Path(directory)
    names = ",".join(("IP:" if h[0].isdigit() else "DNS:") + h for h in hosts)
    (directory / f"{name}.ext").write_text(f"subjectAltName={names}\n")
    _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={hosts[0]}",
             "-keyout", f"{name}.key", "-out", f"{name}.csr", cwd=directory)
    _openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key", "-CAcreateserial",
             "-days", str(days), "-extfile", f"{name}.ext", "-out", f"{name}.crt", cwd=directory)


def give_to_nobody(directory):
    """Servers run as nobody when this is root; their files must be theirs."""
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "nobody:nogroup", str(directory)], check=True)


class Prosody:
    """A private XMPP server: one host, one component, accounts. `directory` holds <certificate>.key and .crt."""

    def __init__(self, directory, domain=DOMAIN, component=COMPONENT, c2s_port=0, component_port=0,
                 certificate="server", extra=""):
        self.dir = pathlib.Path(directory) / "prosody"
        self.dir.mkdir(mode=0o755)
        self.domain, self.component = domain, component
        self.port, self.component_port = c2s_port or free_port(), component_port or free_port()
        self.secret = secrets.token_hex(16)
        self.passwords = {}
        for suffix in ("key", "crt"):
            shutil.copy(pathlib.Path(directory) / f"{certificate}.{suffix}", self.dir / f"server.{suffix}")
        (self.dir / "data").mkdir()
        (self.dir / "prosody.cfg.lua").write_text(f"""
daemonize = false
pidfile = "{self.dir}/prosody.pid"
data_path = "{self.dir}/data"
log = {{ {{ levels = {{ min = "info" }}, to = "console" }} }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {self.port} }}; s2s_ports = {{}}; component_ports = {{ {self.component_port} }}
component_interfaces = {{ "127.0.0.1" }}
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "ping", "pep", "blocklist", "vcard_legacy", "carbons", "adhoc" }}
modules_disabled = {{ "s2s", "offline" }}
authentication = "internal_hashed"; storage = "internal"
c2s_require_encryption = true
ssl = {{ key = "{self.dir}/server.key", certificate = "{self.dir}/server.crt" }}
certificates = "{self.dir}"
{extra}
VirtualHost "{domain}"
Component "{component}"
  component_secret = "{self.secret}"
""")
        give_to_nobody(self.dir)
        self.process = None

    def start(self):
        self.process = Process("prosody", ["prosody", "--config", self.dir / "prosody.cfg.lua", "-F"], self.dir,
                               {"HOME": str(self.dir)}, as_nobody=True)
        head = ("<?xml version='1.0'?><stream:stream to='%s' xmlns='%s' version='1.0' "
                "xmlns:stream='http://etherx.jabber.org/streams'>")

        def is_up():
            if not self.process.is_running():
                raise WorldError(f"prosody ended:\n{self.process.text()[-2000:]}")
            return (answers(self.port, (head % (self.domain, "jabber:client")).encode(), b"<stream:features") and
                    answers(self.component_port, (head % (self.component, "jabber:component:accept")).encode(),
                            b"id="))
        wait_until(is_up, what="prosody")
        return self

    def add_user(self, name, password=None):
        """Writes the account as Prosody stores it (SCRAM-SHA-1, RFC 5802): prosodyctl takes long and its own user."""
        password = password or secrets.token_urlsafe(9)
        salt, rounds = secrets.token_hex(8), 10000
        salted = hashlib.pbkdf2_hmac("sha1", password.encode(), salt.encode(), rounds)
        client = hmac.new(salted, b"Client Key", "sha1").digest()
        server = hmac.new(salted, b"Server Key", "sha1").digest()
        folder = self.dir / "data" / self.domain.replace(".", "%2e") / "accounts"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.dat").write_text(
            f'return {{\n\t["salt"] = "{salt}";\n\t["iteration_count"] = {rounds};\n'
            f'\t["stored_key"] = "{hashlib.sha1(client).hexdigest()}";\n\t["server_key"] = "{server.hex()}";\n}};\n')
        give_to_nobody(self.dir / "data")
        self.passwords[name] = password
        return password

    def stop(self):
        if self.process:
            self.process.stop()


class Mosquitto:
    """A private MQTT broker; with TLS (and passwords) on a second port when asked."""

    def __init__(self, directory, port=0, tls_certificate=None, passwords=None):
        directory = pathlib.Path(directory)
        self.dir = directory / f"mosquitto-{secrets.token_hex(3)}"
        self.dir.mkdir(mode=0o755)
        self.port, self.tls_port = port or free_port(), None
        lines = ["per_listener_settings true", "persistence false", "max_inflight_messages 0",
                 f"listener {self.port} 127.0.0.1", "allow_anonymous true"]
        if tls_certificate:
            self.tls_port = free_port()
            for f in (f"{tls_certificate}.key", f"{tls_certificate}.crt", "ca.crt"):
                shutil.copy(directory / f, self.dir / f)
            lines += [f"listener {self.tls_port} 127.0.0.1", f"cafile {self.dir}/ca.crt",
                      f"certfile {self.dir}/{tls_certificate}.crt", f"keyfile {self.dir}/{tls_certificate}.key"]
            if passwords:
                store = self.dir / "passwords"
                store.touch(mode=0o600)
                for user, password in passwords.items():
                    subprocess.run(["mosquitto_passwd", "-b", str(store), user, password], check=True,
                                   stderr=subprocess.DEVNULL)
                lines += ["allow_anonymous false", f"password_file {store}"]
            else:
                lines.append("allow_anonymous true")
        (self.dir / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        give_to_nobody(self.dir)
        self.process = None

    def start(self):
        self.process = Process("mosquitto", ["mosquitto", "-c", self.dir / "mosquitto.conf"], self.dir, as_nobody=True)
        connect = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x05\x00\x05ready"

        def is_up():
            if not self.process.is_running():
                raise WorldError(f"mosquitto ended:\n{self.process.text()[-2000:]}")
            return answers(self.port, connect, b"\x20\x02")
        wait_until(is_up, what="mosquitto")
        return self

    def stop(self):
        if self.process:
            self.process.stop()


def build_dir():
    """Where the program was built: $TT_BUILD_DIR, else build, else build-try."""
    for candidate in (os.environ.get("TT_BUILD_DIR"), ROOT / "build", ROOT / "build-try"):
        if candidate and (pathlib.Path(candidate) / "thingtree").is_file():
            return pathlib.Path(candidate).resolve()
    raise WorldError("thingtree is not built; tools/test or tools/try do that")


class Thingtree:
    """The program with a configuration of its own: `text` is thingtree.yaml, `files` are more of them by path."""

    def __init__(self, directory, text, files=None, credentials=None, name="thingtree"):
        self.dir = pathlib.Path(directory) / name
        self.name = name
        for part in ("state", "credentials", "devices.d", "mappings", "bridges"):
            (self.dir / part).mkdir(parents=True, mode=0o700)
        self.build = build_dir()
        self.program = self.build / "thingtree"
        self.socket = self.dir / "thingtree.sock"
        self.config = self.dir / "thingtree.yaml"
        self.write("thingtree.yaml", text)
        for path, content in (files or {}).items():
            self.write(path, content)
        for key, value in (credentials or {}).items():
            path = self.dir / "credentials" / key
            path.touch(mode=0o600)
            path.write_text(value + "\n")
        for so in self.build.glob("bridges/*/*.so"):
            (self.dir / "bridges" / so.name).symlink_to(so)
        self.process = None

    def write(self, path, content):
        path = self.dir / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def run_args(self):
        return [self.program, "run", "--config", self.config, "--state", self.dir / "state", "--socket", self.socket,
                "--credentials", self.dir / "credentials", "--bridges", self.dir / "bridges"]

    def start(self, wait=True, env=None):
        self.process = Process(self.name, self.run_args(), self.dir, env)
        if wait:
            def is_up():
                if not self.process.is_running():
                    raise WorldError(f"thingtree ended with {self.process.child.returncode}:\n{self.log()[-4000:]}")
                return self.cli("status", "--json", check=False).returncode == 0
            wait_until(is_up, what="the control socket of thingtree")
        return self

    def log(self):
        return self.process.text()

    def cli(self, *args, check=True, timeout=30):
        """One subcommand over the control socket."""
        return subprocess.run([str(self.program), args[0], "--socket", str(self.socket), *map(str, args[1:])],
                              capture_output=True, text=True, check=check, timeout=timeout)

    def check(self, *args):
        return subprocess.run([str(self.program), "check", "--config", str(self.config), "--bridges",
                               str(self.dir / "bridges"), "--credentials", str(self.dir / "credentials"), *args],
                              capture_output=True, text=True, timeout=60)

    def status(self):
        return json.loads(self.cli("status", "--json").stdout)

    def stop(self, timeout=5):
        return self.process.stop(timeout) if self.process else None
