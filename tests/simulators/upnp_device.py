# SPDX-License-Identifier: Apache-2.0
"""UPnP devices that can be told to misbehave: SSDP and HTTP of our own, so that they can also be wrong. Commands come by
stdin, a line each, and are answered by "ok" or a line; it ends with its input.

`upnp_device.py ADDRESS N` serves N devices (uuid:conformance-0 and so on, urn:thingtree:device:Level:1) at ADDRESS, each with
a service urn:thingtree:service:Level:1:

    GetLevel -> CurrentLevel, SetLevel(NewLevel), GetReading -> CurrentReading, GetFaulty -> error 501
    Step(By 1..10, Way Up or Down) -> CurrentLevel, Note
    evented: Level, LastChange (Volume of channels)
"""
import asyncio
import random
import re
import socket
import sys

GROUP = ("239.255.255.250", 1900)
DEVICE, SERVICE = "urn:thingtree:device:Level:1", "urn:thingtree:service:Level:1"
VARIABLES = [("Level", "ui2", "yes", "<allowedValueRange><minimum>0</minimum><maximum>1000</maximum></allowedValueRange>"),
             ("Reading", "r4", "no", ""), ("Faulty", "i4", "no", ""), ("LastChange", "string", "yes", ""),
             ("A_ARG_TYPE_By", "ui2", "no", "<allowedValueRange><minimum>1</minimum><maximum>10</maximum></allowedValueRange>"),
             ("A_ARG_TYPE_Way", "string", "no", "<allowedValueList><allowedValue>Up</allowedValue><allowedValue>Down"
              "</allowedValue></allowedValueList>"), ("A_ARG_TYPE_Note", "string", "no", "")]
ACTIONS = {"GetLevel": [("CurrentLevel", "out", "Level")], "SetLevel": [("NewLevel", "in", "Level")],
           "Step": [("By", "in", "A_ARG_TYPE_By"), ("Way", "in", "A_ARG_TYPE_Way"), ("CurrentLevel", "out", "Level"),
                    ("Note", "out", "A_ARG_TYPE_Note")],
           "GetReading": [("CurrentReading", "out", "Reading")], "GetFaulty": [("CurrentFaulty", "out", "Faulty")]}
SCPD = "<?xml version='1.0'?><scpd xmlns='urn:schemas-upnp-org:service-1-0'><actionList>" + "".join(
    f"<action><name>{name}</name><argumentList>" + "".join(
        f"<argument><name>{a}</name><direction>{d}</direction><relatedStateVariable>{v}</relatedStateVariable></argument>"
        for a, d, v in arguments) + "</argumentList></action>" for name, arguments in ACTIONS.items()
) + "</actionList><serviceStateTable>" + "".join(
    f"<stateVariable sendEvents='{e}'><name>{n}</name><dataType>{t}</dataType>{more}</stateVariable>"
    for n, t, e, more in VARIABLES) + "</serviceStateTable></scpd>"


class Devices:
    def __init__(self, address, n):
        self.address, self.n, self.port, self.server = address, n, 0, None
        self.levels, self.subscriptions = [0] * n, {}  # SID: [device, URL, sequence]
        self.is_silent, self.is_deaf, self.wrong, self.hung = False, False, "", 0
        self.hanging = 0
        self.counts = {"writes": 0, "subscribes": 0, "renewals": 0, "descriptions": 0}
        self.open = set()
        self.tasks = set()

    # ---- SSDP
    def types(self, i):
        udn = f"uuid:conformance-{i}"
        return [(udn, udn), ("upnp:rootdevice", f"{udn}::upnp:rootdevice"), (DEVICE, f"{udn}::{DEVICE}"),
                (SERVICE, f"{udn}::{SERVICE}")]

    def location(self, i):
        return f"http://{self.address}:{self.port}/{i}/desc.xml"

    def open_ssdp(self):
        self.ssdp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.ssdp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.ssdp.bind(("", GROUP[1]))
        interface = socket.inet_aton(self.address)
        self.ssdp.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP[0]) + interface)
        self.ssdp.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
        self.ssdp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.ssdp.setblocking(False)
        asyncio.get_running_loop().add_reader(self.ssdp, self.on_ssdp)

    def on_ssdp(self):
        data, sender = self.ssdp.recvfrom(4096)
        text = data.decode("latin-1")
        target = re.search(r"^ST:\s*(\S+)", text, re.I | re.M)
        if not text.startswith("M-SEARCH") or not target or self.is_deaf:
            return
        self.do(self.slowly(lambda message: self.ssdp.sendto(message, sender), [
            (f"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nLOCATION: {self.location(i)}\r\nSERVER: x UPnP/1.0 x\r\n"
             f"ST: {st}\r\nUSN: {usn}\r\n\r\n").encode()
            for i in range(self.n) for st, usn in self.types(i) if target[1] in ("ssdp:all", st)]))

    def do(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    @staticmethod
    async def slowly(send, messages):
        """As many devices would: not all in the same millisecond."""
        for k, message in enumerate(messages):
            send(message)
            if k % 10 == 9:
                await asyncio.sleep(0.002)

    @staticmethod
    def notification(nts, nt, usn, location):
        return (f"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCACHE-CONTROL: max-age=1800\r\nLOCATION: {location}\r\n"
                f"NT: {nt}\r\nNTS: {nts}\r\nSERVER: x UPnP/1.0 x\r\nUSN: {usn}\r\n\r\n").encode()

    async def notify(self, messages):
        await self.slowly(lambda message: self.ssdp.sendto(message, GROUP), messages)

    async def announce(self, nts):
        await self.notify([self.notification(nts, nt, usn, self.location(i)) for i in range(self.n)
                           for nt, usn in self.types(i)])

    # ---- HTTP
    async def listen(self):
        self.server = await asyncio.start_server(self.on_client, self.address, 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def move(self):
        """Another port: as after a restart, or with a new address."""
        self.server.close()
        for writer in list(self.open):
            writer.close()
        await self.listen()

    async def on_client(self, reader, writer):
        self.open.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = re.search(r"^Content-Length:\s*(\d+)", head, re.I | re.M)
                body = (await reader.readexactly(int(length[1])) if length else b"").decode()
                if self.is_silent:
                    await asyncio.sleep(3600)
                if self.is_hung(head):
                    self.hanging += 1
                    try:
                        await reader.read(1)
                    finally:
                        self.hanging -= 1
                    break
                status, headers, answer = self.answer(head, body)
                extra = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(answer.encode())}\r\n{extra}\r\n{answer}".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            pass
        finally:
            self.open.discard(writer)
            writer.close()

    def is_hung(self, head):
        """A request about events to one of the first devices, which takes the connection and says nothing."""
        match = re.match(r"(UN)?SUBSCRIBE /(\d+)/", head)
        return match and int(match[2]) < self.hung

    def answer(self, head, body):
        method, path = head.split(" ", 2)[:2]
        match = re.fullmatch(r"/(\d+)/(\S+)", path)
        if not match or int(match[1]) >= self.n:
            return "404 Not Found", {}, ""
        i, what = int(match[1]), match[2]
        xml = {"Content-Type": 'text/xml; charset="utf-8"'}
        if what == self.wrong.partition(" ")[0]:
            kind = self.wrong.partition(" ")[2]
            return {"garbage": ("200 OK", xml, "<a><b></a>"), "huge": ("200 OK", xml, "<a>" + "x" * 1_000_000 + "</a>"),
                    "deep": ("200 OK", xml, "<a>" * 30000 + "</a>" * 30000),
                    "redirect": ("302 Found", {"Location": "http://127.0.0.1:1/"}, ""),
                    "missing": ("404 Not Found", {}, "")}[kind]
        if what == "desc.xml":
            self.counts["descriptions"] += 1
            return "200 OK", xml, self.description(i)
        if what == "scpd.xml":
            return "200 OK", xml, SCPD
        if what == "control":
            return self.control(i, head, body)
        if what == "event":
            return self.event(i, method, head)
        return "404 Not Found", {}, ""

    @staticmethod
    def description(i):
        return (f"<?xml version='1.0'?><root xmlns='urn:schemas-upnp-org:device-1-0'><device><deviceType>{DEVICE}</deviceType>"
                f"<friendlyName>Level {i}</friendlyName><manufacturer>thingtree</manufacturer><modelName>Simulator</modelName>"
                f"<UDN>uuid:conformance-{i}</UDN><serviceList><service><serviceType>{SERVICE}</serviceType><serviceId>urn:x:1"
                "</serviceId><SCPDURL>scpd.xml</SCPDURL><controlURL>control</controlURL><eventSubURL>event</eventSubURL>"
                "</service></serviceList></device></root>")

    def control(self, i, head, body):
        action = re.search(r'SOAPACTION: "[^"#]*#(\w+)"', head, re.I)
        action, out = action[1] if action else "", ""
        if action == "SetLevel":
            self.counts["writes"] += 1
            self.levels[i] = int(re.search(r"<NewLevel>(\d+)</NewLevel>", body)[1])
            self.tell(i, f"<Level>{self.levels[i]}</Level>")
        elif action == "Step":
            self.counts["writes"] += 1
            by = int(re.search(r"<By>(\d+)</By>", body)[1])
            self.levels[i] += by if re.search(r"<Way>(\w+)</Way>", body)[1] == "Up" else -by
            out = f"<CurrentLevel>{self.levels[i]}</CurrentLevel><Note>stepped by {by}</Note>"
        elif action == "GetLevel":
            out = f"<CurrentLevel>{self.levels[i]}</CurrentLevel>"
        elif action == "GetReading":
            out = "<CurrentReading>23.5</CurrentReading>"
        else:
            return "500 Internal Server Error", {}, (
                "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><s:Fault><faultcode>s:Client</faultcode>"
                "<faultstring>UPnPError</faultstring><detail><UPnPError><errorCode>501</errorCode><errorDescription>Action Failed"
                "</errorDescription></UPnPError></detail></s:Fault></s:Body></s:Envelope>")
        return "200 OK", {}, (f"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><u:{action}Response "
                              f"xmlns:u='{SERVICE}'>{out}</u:{action}Response></s:Body></s:Envelope>")

    # ---- GENA
    def event(self, i, method, head):
        sid, callback = re.search(r"^SID:\s*(\S+)", head, re.I | re.M), re.search(r"^CALLBACK:\s*<(\S+)>", head, re.I | re.M)
        if method == "SUBSCRIBE" and callback:
            self.counts["subscribes"] += 1
            name = f"uuid:{random.getrandbits(64):016x}"
            self.subscriptions[name] = [i, callback[1], 0]
            self.tell(i, f"<Level>{self.levels[i]}</Level>", name)
            return "200 OK", {"SID": name, "TIMEOUT": "Second-300"}, ""
        if not sid or sid[1] not in self.subscriptions:
            return "412 Precondition Failed", {}, ""
        if method == "UNSUBSCRIBE":
            del self.subscriptions[sid[1]]
            return "200 OK", {}, ""
        self.counts["renewals"] += 1
        return "200 OK", {"SID": sid[1], "TIMEOUT": "Second-300"}, ""

    def tell(self, i, properties, only=None):
        body = ("<e:propertyset xmlns:e='urn:schemas-upnp-org:event-1-0'><e:property>" + properties +
                "</e:property></e:propertyset>")
        for sid, entry in self.subscriptions.items():
            if entry[0] == i and only in (None, sid):
                self.do(self.send_event(sid, entry[1], entry[2], body))
                entry[2] += 1

    @staticmethod
    async def send_event(sid, url, sequence, body):
        host, port, path = re.fullmatch(r"http://([^:/]+):(\d+)(\S*)", url).groups()
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write((f"NOTIFY {path or '/'} HTTP/1.1\r\nHOST: {host}:{port}\r\nCONTENT-TYPE: text/xml\r\nNT: upnp:event\r\n"
                          f"NTS: upnp:propchange\r\nSID: {sid}\r\nSEQ: {sequence}\r\nContent-Length: {len(body.encode())}\r\n"
                          f"Connection: close\r\n\r\n{body}").encode())
            await asyncio.wait_for(reader.read(), 5)
            writer.close()
        except (OSError, asyncio.TimeoutError):
            pass

    # ---- Commands
    async def obey(self, line):
        word, _, rest = line.partition(" ")
        if word in ("alive", "byebye"):
            await self.announce(f"ssdp:{word}")
        elif word == "silent":
            self.is_silent = rest == "1"
            if not self.is_silent:
                for writer in list(self.open):
                    writer.close()
        elif word == "deaf":  # no answers to searches
            self.is_deaf = rest == "1"
        elif word == "move":
            await self.move()
        elif word == "hang":  # the first N devices never answer a request about events
            self.hung = int(rest)
        elif word == "waiting":  # how many wait for such an answer
            return str(self.hanging)
        elif word == "forget":  # as after a restart: no subscription is known
            self.subscriptions.clear()
        elif word == "wrong":  # what is served wrongly, and how: "desc.xml garbage", or nothing
            self.wrong = rest
        elif word == "level":
            i, value = map(int, rest.split())
            self.levels[i] = value
            self.tell(i, f"<Level>{value}</Level>")
        elif word == "event":  # "I XML": any properties
            i, _, properties = rest.partition(" ")
            self.tell(int(i), properties)
        elif word == "lie":  # "UDN LOCATION": announce that
            udn, location = rest.split()
            await self.notify([self.notification("ssdp:alive", "upnp:rootdevice", f"{udn}::upnp:rootdevice", location)])
        elif word == "storm":
            await self.notify([self.notification("ssdp:alive", DEVICE, f"uuid:storm-{k}::{DEVICE}", self.location(k))
                               for k in range(int(rest))])
        elif word == "counts":
            return " ".join(f"{k} {v}" for k, v in self.counts.items()) + f" subscriptions {len(self.subscriptions)}"
        else:
            return f"unknown: {line}"
        return "ok"


async def main():
    devices = Devices(sys.argv[1], int(sys.argv[2]))
    await devices.listen()
    devices.open_ssdp()
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    devices.do(devices.announce("ssdp:alive"))
    print(f"ready {devices.port}", flush=True)
    while line := (await commands.readline()).decode().strip():
        print(await devices.obey(line), flush=True)


asyncio.run(main())
