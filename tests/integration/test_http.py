# SPDX-License-Identifier: Apache-2.0
"""The mappings that come with the HTTP bridge through the whole gateway: what real devices and services said, served by a
real web server (nginx, which keeps the state of the relays by PUT and puts it into the answers by SSI), to a client that
is not ours (slixmpp), and back."""
import json
import re

import pytest
from client import Client, Refused, run
from conftest import let_through
import world

DATA = world.ROOT / "tests/data"

TOP = """\
version: 1
xmpp:
  component:
    jid: {component}
    secret: ${{credential:component-secret}}
    server: {{host: 127.0.0.1, port: {component_port}}}
access:
  - {{who: admin@{domain}, role: admin}}
languages: [en, sv]
poll:
  normal: {{every: 500ms}}
  slow: {{every: 500ms}}
connections:
  web: {{protocol: http, timeout: 2s, listen: {{address: 127.0.0.1, port: {hook}}}}}
include: [devices.d/*.yaml]
mappings: [mappings, {root}/mappings]
"""

DEVICES = """\
devices:
  gen1: {{uses: http/shelly-gen1-plug, connection: web, with: {{host: "{host}", password: "${{credential:plug}}"}}, under: house}}
  gen1-thief: {{uses: http/shelly-gen1-plug, connection: web, with: {{host: "{host}", password: wrong}}, under: house}}
  gen2: {{uses: http/shelly-gen2-switch, connection: web, with: {{host: "{host}"}}, under: house}}
  tasmota: {{uses: http/tasmota, connection: web, with: {{host: "{host}"}}, under: house}}
  owm: {{uses: http/openweathermap, connection: web, with: {{city_id: 2643743, key: "${{credential:owm}}", base: "http://{host}"}}, under: outside}}
  meteo: {{uses: http/open-meteo, connection: web, with: {{latitude: 59.33, longitude: 18.06, base: "http://{host}"}}, under: outside}}
  fronius: {{uses: http/fronius-solar-api, connection: web, with: {{host: "{host}"}}, under: house}}
  stored: {{uses: http/stored, connection: web, with: {{host: "{host}"}}, under: house}}
  porch: {{uses: http/porch, connection: web, with: {{token: "${{credential:hook}}"}}, under: house}}
"""

STORED = """\
mapping: http/stored
version: 1
protocol: http
params: {host: {type: string}}
base: "http://${host}"
points:
  level: {get: /store/level, at: /level, type: integer, poll: normal,
          write: {put: /store/level, json: {level: "${value}"}, range: [0, 100], verify: readback}}
"""

PORCH = """\
mapping: http/porch
version: 1
protocol: http
params: {token: {type: secret}}
webhook: {path: /hook/porch, token: "${token}"}
points:
  motion: {type: boolean, push: {at: /motion}}
"""

NGINX = """\
daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
  log_format short '$request_method $request_uri $status';
  access_log {dir}/access.log short;
  client_body_temp_path {dir}/body;
  proxy_temp_path {dir}/proxy;
  fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi;
  scgi_temp_path {dir}/scgi;
  default_type application/json;
  ssi_types application/json;
  map $arg_turn $turn {{ on true; off false; }}
  map $request_body $gen2 {{ '{{"id":0,"on":true}}' true; '{{"id":0,"on":false}}' false; }}
  map $arg_cmnd $command {{ Power power; Power%20ON on; Power%20OFF off; Status%208 status8; }}
  server {{
    listen 127.0.0.1:{port};
    root {dir}/www;
    location /store/ {{ dav_methods PUT; ssi off; }}
    location = /status {{ ssi on; auth_basic shelly; auth_basic_user_file {dir}/passwords; }}
    location = /relay/0 {{ ssi on; auth_basic shelly; auth_basic_user_file {dir}/passwords; try_files /relay.$arg_turn =400; }}
    location = /rpc/Switch.GetStatus {{ ssi on; }}
    location = /rpc/Switch.Set {{
      if ($request_method != POST) {{ return 405; }}
      proxy_method PUT; proxy_set_body $gen2; proxy_pass http://127.0.0.1:{port}/store/output;
    }}
    location = /cm {{ ssi on; try_files /cm.$command =400; }}
    location /set/ {{
      internal;
      proxy_method PUT; proxy_set_body $arg_to; proxy_pass_request_headers off;
      proxy_pass http://127.0.0.1:{port}/store/;
    }}
    location = /data/2.5/weather {{ if ($arg_appid != "k%26y") {{ return 401; }} try_files /owm =404; }}
    location = /v1/forecast {{ try_files /meteo =404; }}
    location = /solar_api/v1/GetPowerFlowRealtimeData.fcgi {{ try_files /fronius =404; }}
  }}
}}
"""


class Nginx:
    """A private nginx with the files and the state of all devices."""

    def __init__(self, directory):
        self.dir, self.port, self.process = directory / "nginx", world.free_port(), None
        www = self.dir / "www"
        for part in ("store", "rpc"):
            (www / part).mkdir(parents=True)
        files = {"store/ison": "false", "store/output": "false", "store/power": "OFF", "store/level": '{"level": 1}'}
        gen1 = (DATA / "http/shelly-gen1-plug-s.json").read_text()
        files["status"] = gen1.replace('"ison": false', '"ison": <!--#include virtual="/store/ison" -->', 1)
        for word, state in (("on", "true"), ("off", "false")):
            files[f"relay.{word}"] = (f'<!--#include virtual="/set/ison?to={state}" wait="yes" -->'
                                      '{"ison": <!--#include virtual="/store/ison" -->, "has_timer": false}')
        gen2 = json.loads((DATA / "http/shelly-gen2-plus-1pm.json").read_text())["switch:0"]
        files["rpc/Switch.GetStatus"] = json.dumps(gen2).replace(
            '"output": false', '"output": <!--#include virtual="/store/output" -->')
        power = '{"POWER": "<!--#include virtual="/store/power" -->"}'
        files["cm.power"] = power
        for word in ("ON", "OFF"):
            files[f"cm.{word.lower()}"] = f'<!--#include virtual="/set/power?to={word}" wait="yes" -->' + power
        files["cm.status8"] = json.dumps({"StatusSNS": json.loads(
            (DATA / "mqtt/tasmota-energy-full.json").read_text(), parse_float=float)})
        for name, source in (("owm", "owm-current-london"), ("meteo", "open-meteo"), ("fronius", "fronius-powerflow")):
            files[name] = (DATA / f"http/{source}.json").read_text()
        for name, text in files.items():
            (www / name).write_text(text)
        (self.dir / "passwords").write_text("admin:{PLAIN}s3cret\n")
        (self.dir / "nginx.conf").write_text(NGINX.format(dir=self.dir, port=self.port))
        world.give_to_nobody(self.dir)

    def start(self):
        self.process = world.Process("nginx-process", ["nginx", "-p", self.dir, "-e", "stderr", "-c", self.dir / "nginx.conf"],
                                     self.dir, as_nobody=True)

        def is_up():
            if not self.process.is_running():
                raise world.WorldError(f"nginx ended:\n{self.process.text()[-2000:]}")
            return world.answers(self.port, b"GET /store/level HTTP/1.0\r\n\r\n", b"level")
        world.wait_until(is_up, what="nginx")
        return self

    def requests(self):
        """What was asked for, each as "METHOD PATH STATUS"."""
        return (self.dir / "access.log").read_text().splitlines()

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None


class Street:
    """The web server and the gateway."""

    def __init__(self, directory, prosody):
        self.prosody, self.nginx = prosody, Nginx(directory)
        self.hook = world.free_port()
        self.gateway = world.Thingtree(
            directory, TOP.format(component=world.COMPONENT, component_port=prosody.component_port, domain=world.DOMAIN,
                                  hook=self.hook, root=world.ROOT),
            {"devices.d/street.yaml": DEVICES.format(host=f"127.0.0.1:{self.nginx.port}"),
             "mappings/http/stored.yaml": STORED, "mappings/http/porch.yaml": PORCH},
            {"component-secret": prosody.secret, "plug": "s3cret", "owm": "k&y", "hook": "t0ken"})

    def start(self):
        self.nginx.start()
        self.gateway.start()
        world.wait_until(lambda: all(s["state"] == "online" for s in self.gateway.status()["xmpp"]), what="XMPP")
        return self

    def fields(self, node):
        """{name: field} of a read from the device."""
        out = self.gateway.cli("read", "--json", "--from-device", node)
        return {f["name"]: f for line in out.stdout.splitlines() for f in json.loads(line)["fields"]}

    def values(self, node):
        return {name: f.get("value") for name, f in self.fields(node).items()}

    def commands(self, pattern):
        return [r for r in self.nginx.requests() if re.match(pattern, r)]

    def stop(self):
        self.gateway.stop()
        self.nginx.stop()


@pytest.fixture(scope="module", name="street")
def _street(tmp_path_factory, prosody):
    whole = Street(let_through(tmp_path_factory.mktemp("web")), prosody)
    try:
        yield whole.start()
    finally:
        whole.stop()
        if whole.gateway.process:
            print("---- log of thingtree ----\n" + whole.gateway.log()[-6000:])


def test_the_files_are_right(street):
    out = street.gateway.check()
    assert out.returncode == 0, out.stdout + out.stderr


def test_shelly(street):
    assert street.values("gen1") == {
        "relay": False, "power": 0.0, "energy": 0.044, "overpower": False, "temperature": 24.14, "wifi": -76,
        "mac": "AABBCCDDEEFF"}
    assert street.fields("gen1")["power"]["stamp"].startswith("2024-02-07T18:57:21")  # by the plug's clock
    assert street.values("gen2") == {"relay": False, "power": 0.0, "voltage": 232.8, "current": 0.0, "energy": 0.110046,
                                     "temperature": 30.3}


def test_tasmota(street):
    assert street.values("tasmota") == {"relay": False, "power": 0.0, "voltage": 234.31, "current": 0.039, "energy": 0.017}


def test_weather_and_sun(street):
    owm = street.fields("owm")
    assert {n: owm[n]["value"] for n in owm} == {
        "temperature": 8.94, "humidity": 90, "pressure": 997, "wind": 2.06, "wind_from": 250, "clouds": 100,
        "visibility": 10, "rain": 0, "sky": "overcast clouds"}
    assert owm["temperature"]["stamp"].startswith("2019-04-28T09:35:55")
    meteo = street.fields("meteo")
    assert {n: meteo[n]["value"] for n in meteo} == {
        "temperature": -1.5, "humidity": 91, "rain": 0.1, "clouds": 100, "pressure": 1009.4, "wind": 3.2, "wind_from": 312}
    assert meteo["wind"]["stamp"].startswith("2023-11-14T22:15:00")
    fronius = street.fields("fronius")
    assert {n: fronius[n].get("value") for n in fronius if n != "power_battery"} == {
        "power_pv": 2410.3, "power_grid": -1210.25, "power_load": -1200.05, "energy_day": 9.3105,
        "energy_total": 20889.8727, "autonomy": 100, "state": 0}
    assert fronius["power_pv"]["stamp"].startswith("2023-11-14T22:13:20")
    # What has not changed is not sent again; and many points are one request.
    world.wait_until(lambda: street.commands(r"GET /v1/forecast\S* 304"), what="304")
    assert len(set(street.commands(r"GET /v1/forecast\S* 304"))) == 1
    assert "temperature_2m%2Crelative_humidity_2m" in street.commands("GET /v1/forecast")[0]


@pytest.mark.parametrize("node, on, off", [
    ("gen1", r"GET /relay/0\?turn=on 200", r"GET /relay/0\?turn=off 200"),
    ("gen2", "POST /rpc/Switch.Set 204", "POST /rpc/Switch.Set 204"),
    ("tasmota", "GET /cm.cmnd=Power%20ON 200", "GET /cm.cmnd=Power%20OFF 200")])
def test_relays(street, node, on, off):
    before = len(street.commands(on)), len(street.commands(off))
    street.gateway.cli("set", f"{node}.relay=true")
    assert street.values(node)["relay"] is True
    street.gateway.cli("set", f"{node}.relay=false")
    assert street.values(node)["relay"] is False
    after = len(street.commands(on)), len(street.commands(off))
    each = 2 if on == off else 1
    assert (after[0] - before[0], after[1] - before[1]) == (each, each)


def test_a_wrong_password(street):
    failed = street.gateway.cli("set", "gen1-thief.relay=true", check=False)
    assert failed.returncode != 0 and "401" in failed.stdout + failed.stderr
    assert street.values("gen1")["relay"] is False
    assert "s3cret" not in street.gateway.log() and "k&y" not in street.gateway.log() and "k%26y" not in street.gateway.log()


def test_over_xmpp(street):
    async def scenario():
        admin = await Client(f"admin@{world.DOMAIN}/test", street.prosody.passwords["admin"]).login(
            "127.0.0.1", street.prosody.port, street.prosody.ca)
        assert await admin.read(world.COMPONENT, ["gen2"], fields=["voltage", "relay"]) == {
            "voltage": "232.8 V", "relay": "false"}
        assert await admin.set(world.COMPONENT, ["gen2"], [("relay", "boolean", "true")]) == "OK"
        assert (await admin.read(world.COMPONENT, ["gen2"], fields=["relay"]))["relay"] == "true"
        assert await admin.set(world.COMPONENT, ["stored"], [("level", "int", "42")]) == "OK"
        assert (await admin.read(world.COMPONENT, ["stored"], fields=["level"]))["level"] == "42"
        before = len(street.commands("PUT /store/level"))
        with pytest.raises(Refused, match="FormError"):
            await admin.set(world.COMPONENT, ["stored"], [("level", "int", "101")])
        assert len(street.commands("PUT /store/level")) == before
        assert await admin.set(world.COMPONENT, ["gen2"], [("relay", "boolean", "false")]) == "OK"
        await admin.disconnect()
    run(scenario())
    assert (street.nginx.dir / "www/store/level").read_text() == '{"level":42}'


def test_a_push(street):
    def push(token, body):
        text = (f"POST /hook/porch HTTP/1.0\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        return lambda status: world.answers(street.hook, text.encode(), status)
    assert push("wrong", '{"motion": true}')(b" 404 ")
    assert push("t0ken", '{"motion": true}')(b" 204 ")
    assert street.values("porch")["motion"] is True


def test_a_server_that_goes_and_comes_back(street):
    def state():
        return next(c for c in street.gateway.status()["connections"] if c["name"] == "web")["state"]
    world.wait_until(lambda: state() == "online", what="online")
    street.nginx.stop()
    world.wait_until(lambda: state() == "offline", what="offline")
    failed = street.gateway.cli("set", "stored.level=7", check=False)
    assert failed.returncode != 0
    street.nginx.start()
    world.wait_until(lambda: state() == "online", what="online again")
    assert street.values("stored")["level"] == 42  # nothing was done later
