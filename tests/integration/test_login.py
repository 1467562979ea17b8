# SPDX-License-Identifier: Apache-2.0
"""How an administrator learns that the gateway cannot log in: one clear sentence in the log and in the status, no loop of
noise, and no password for whoever does not prove to be the right server."""
import shutil
import socket
import subprocess
import threading

import pytest
import world

PASSWORD = "canary-xK7pQ"


def account(port, jid="gw@house.test/thingtree", host="127.0.0.1", ca=None):
    return (f"  account: {{jid: {jid}, password: \"${{credential:xmpp-password}}\", "
            f"server: {{host: {host}, port: {port}{f', ca: {ca}' if ca else ''}}}}}\n")


def component(port, jid=world.COMPONENT):
    return (f"  component: {{jid: {jid}, secret: \"${{credential:component-secret}}\", "
            f"server: {{host: 127.0.0.1, port: {port}}}}}\n")


@pytest.fixture(name="gateway")
def _gateway(directory):
    started = []

    def start(xmpp, password=PASSWORD, secret="wrong"):
        gateway = world.Thingtree(directory, f"version: 1\nxmpp:\n{xmpp}", {},
                                  {"xmpp-password": password, "component-secret": secret}, name=f"tt{len(started)}")
        started.append(gateway.start())
        return gateway
    yield start
    for gateway in started:
        gateway.stop()


def cause(gateway):
    """What the status says of the one stream, once an attempt has failed."""
    def failed():
        (one,) = gateway.status()["xmpp"]
        return one if one["state"] == "offline" and one.get("text") not in (None, "connecting") else None
    return world.wait_until(failed, 20, "a failed attempt")["text"]


def told_once(gateway, text):
    lines = [line for line in gateway.log().splitlines() if text in line]
    assert len(lines) == 1, gateway.log()
    assert PASSWORD not in gateway.log()


@pytest.mark.parametrize("what, text", [
    ("password", "the server refused the password (as gw@house.test/thingtree); trying again in 60 s"),
    ("domain", "the server does not serve the domain of our JID; trying again in 60 s"),
    ("port", "connection refused by 127.0.0.1:{port}; trying again at growing intervals"),
    ("protocol", "closed the connection before TLS was established; is this an XMPP server's port for clients?"),
    ("authority", "the TLS certificate of 127.0.0.1:{port} is not accepted: "),
    ("secret", "the server refused the secret; trying again in 60 s"),
    ("name", "trying again in 60 s"),
    ("component port", "connection refused by 127.0.0.1:{port}; trying again at growing intervals"),
])
def test_one_clear_sentence(prosody, mosquitto, gateway, what, text):
    free = world.free_port()
    port, xmpp = {
        "password": (prosody.port, account(prosody.port, ca=prosody.ca)),
        "domain": (prosody.port, account(prosody.port, "gw@elsewhere.test/x", ca=prosody.ca)),
        "port": (free, account(free)),
        "protocol": (mosquitto.port, account(mosquitto.port)),
        "authority": (prosody.port, account(prosody.port)),
        "secret": (prosody.component_port, component(prosody.component_port)),
        "name": (prosody.component_port, component(prosody.component_port, "nobody.house.test")),
        "component port": (free, component(free)),
    }[what]
    one = gateway(xmpp)
    said = cause(one)
    assert text.format(port=port) in said and f":{port}" in said, said
    told_once(one, said)
    assert said in one.cli("status").stdout


@pytest.mark.parametrize("hosts, days, text", [(["other.test"], 30, "hostname mismatch"),
                                               ([world.DOMAIN, "127.0.0.1"], -1, "certificate has expired")])
def test_a_certificate_that_is_not_right(directory, certificates, gateway, hosts, days, text):
    for name in ("ca.crt", "ca.key"):
        shutil.copy(certificates / name, directory)
    world.make_certificate(directory, "server", hosts, days=days)
    server = world.Prosody(directory)
    server.add_user("gw", PASSWORD)
    server.start()
    try:
        one = gateway(account(server.port, ca=directory / "ca.crt"))
        said = cause(one)
        assert text in said.lower() and "trying again in 60 s" in said, said
        told_once(one, said)
    finally:
        server.stop()


def test_the_same_cause_is_told_once_however_often_it_is_tried(gateway):
    """A server that hangs up on everybody."""
    listener = socket.create_server(("127.0.0.1", 0))
    attempts = []

    def hang_up():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            attempts.append(peer.recv(1000))
            peer.close()
    threading.Thread(target=hang_up, daemon=True).start()
    one = gateway(account(listener.getsockname()[1]))
    world.wait_until(lambda: len(attempts) >= 3, 30, "three attempts")
    assert cause(one)
    told_once(one, "before TLS was established")
    assert not any(PASSWORD.encode() in a or b"<auth" in a for a in attempts)
    listener.close()


def test_logs_in_when_the_server_comes(directory, certificates, gateway):
    """At another loopback address than the domain's, with nothing but SCRAM."""
    for name in ("ca.crt", "server.crt", "server.key"):
        shutil.copy(certificates / name, directory)
    server = world.Prosody(directory, extra='c2s_interfaces = { "127.0.0.2", "127.0.0.1" }\n'
                           'disable_sasl_mechanisms = { "PLAIN", "DIGEST-MD5" }\n')
    server.add_user("gw", PASSWORD)
    one = gateway(account(server.port, host="127.0.0.2", ca=directory / "ca.crt"))
    assert "connection refused by 127.0.0.2" in cause(one)
    server.start()
    try:
        world.wait_until(lambda: one.status()["xmpp"][0]["state"] == "online", 15, "the account")
        assert "logged in as gw@house.test/thingtree" in one.log()
        assert PASSWORD not in one.log()
    finally:
        server.stop()


def test_a_name_without_a_password_is_refused_by_check(directory):
    gateway = world.Thingtree(directory, "version: 1\nxmpp:\n" + account(1), {}, {})
    result = subprocess.run(list(map(str, gateway.run_args())), capture_output=True, text=True, timeout=20)
    assert result.returncode == 2 and "xmpp-password" in result.stderr, result
