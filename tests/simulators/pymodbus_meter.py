#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A Modbus device by pymodbus, which shares nothing with our bridge or our simulated meter: over TCP or a serial line.

    pymodbus_meter.py --tcp PORT [--framed] | --rtu DEVICE [--unit N]

Input registers 0 to 399 are those of an SDM630: the float at address A is A + 0.25. Only the settings that the meter has
exist among its holding registers, so a read across a gap is refused (exception 2). From 0x1000 on there is one of
everything else, at 40000 the SunSpec models of a three-phase inverter with two MPP trackers (--framed: as on a serial line,
but over TCP); it says what it is when asked for its identification. Coils and discrete inputs 0 to 63 are on where the number is a multiple of three. What is written is
printed: "write coil|holding ADDRESS VALUES". Prints "ready"."""
import argparse
import asyncio
import struct

from pymodbus.device import ModbusDeviceIdentification
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.server import StartAsyncSerialServer, StartAsyncTcpServer
from pymodbus.transaction import ModbusRtuFramer, ModbusSocketFramer


def registers(form, value):
    data = struct.pack(form, value)
    return list(struct.unpack(f">{len(data) // 2}H", data))


def swapped(words, bytes_too=False):
    """The least significant word first; with the bytes of each word swapped, too."""
    return [(w >> 8 | (w & 255) << 8) if bytes_too else w for w in reversed(words)]


SETTINGS = {address: registers(">f", value) for address, value in (
    (0x02, 60), (0x0a, 3), (0x0c, 100), (0x12, 0), (0x14, 1), (0x16, 1), (0x1c, 2), (0x56, 4))}
SETTINGS[0xfc00] = registers(">I", 0x01234567)
EVERYTHING = {
    0x1000: registers(">h", -2), 0x1001: registers(">H", 65535),
    0x1002: registers(">i", -559038737), 0x1004: registers(">I", 0xdeadbeef),
    0x1006: registers(">q", -81985529216486895), 0x100a: swapped(registers(">Q", 2**53 + 1)),
    0x100e: registers(">f", 230.1), 0x1010: swapped(registers(">f", 230.1)),
    0x1012: registers("<f", 230.1)[::-1], 0x1014: registers("<f", 230.1),  # BADC, DCBA
    0x1016: registers(">d", -0.1), 0x101a: registers("8s", b"SDM630  "),
    0x101e: [0x8011], 0x101f: [0x0350], 0x1020: [0] * 8,
}


def sunspec():
    """Model 1, 103 and 160: A and W have scale factors, the rest is not implemented."""
    common = b"".join(t.encode().ljust(n, b"\0") for t, n in (
        ("Independent", 32), ("PV 3000", 32), ("", 16), ("2.0", 16), ("0815-7", 32))) + b"\0\x01\x80\0"
    inverter = [0xffff] * 4 + [0x8000] + [0xffff] * 6 + [0x8000] + [0x8000] * 38
    inverter[0], inverter[4] = 123, 0xffff          # 12.3 A
    inverter[12], inverter[13] = 0xfffe, 2          # -200 W
    inverter[22:25] = 1, 0x86a0, 0                  # 100000 Wh
    inverter[36] = 4                                # MPPT
    inverter[38:40] = 0, 0b101                      # ground fault, AC disconnect
    module = [1, *registers("16s", b"East"), 0xffff, 0xffff, 30, 0, 0, 0xffff, 0xffff, 0x8000, 0xffff, 0, 0]
    tracker = [0x8000, 0x8000, 1, 0x8000, 0, 0, 2, 0xffff]
    models = [(1, registers("132s", common)), (103, inverter)]
    models.append((160, tracker + module[:20] + [2, *module[1:20]]))
    words = registers("4s", b"SunS")
    for number, content in models:
        words += [number, len(content), *content]
    return words + [0xffff, 0]


IDENTITY = {"VendorName": "Independent", "ProductCode": "PV", "MajorMinorRevision": "2.0", "ModelName": "PV 3000"}


class Told:
    """Prints what a request writes."""

    name = ""

    def setValues(self, address, values, *args, **kwargs):  # noqa: N802
        print("write", self.name, hex(address), *values, flush=True)
        super().setValues(address, values, *args, **kwargs)


class Coils(Told, ModbusSequentialDataBlock):
    name = "coil"


class Holding(Told, ModbusSparseDataBlock):
    name = "holding"


def context(unit):
    floats = [word for address in range(0, 400, 2) for word in registers(">f", address + 0.25)]
    bits = [number % 3 == 0 for number in range(64)]
    slave = ModbusSlaveContext(ir=ModbusSequentialDataBlock(0, floats), hr=Holding({**SETTINGS, **EVERYTHING, 40000: sunspec()}),
                               co=Coils(0, list(bits)), di=ModbusSequentialDataBlock(0, list(bits)), zero_mode=True)
    return ModbusServerContext(slaves={unit: slave}, single=False)


async def serve(args):
    common = {"context": context(args.unit), "ignore_missing_slaves": True, "defer_start": True,
              "identity": ModbusDeviceIdentification(info_name=IDENTITY)}
    if args.rtu:
        server = await StartAsyncSerialServer(framer=ModbusRtuFramer, port=args.rtu, baudrate=115200, timeout=0.05,
                                              **common)
        await server.start()
        print("ready", flush=True)
        await server.serve_forever()
    else:
        server = await StartAsyncTcpServer(address=("127.0.0.1", args.tcp), allow_reuse_address=True,
                                           framer=ModbusRtuFramer if args.framed else ModbusSocketFramer, **common)
        task = asyncio.create_task(server.serve_forever())
        await server.serving
        print("ready", flush=True)
        await task


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    line = parser.add_mutually_exclusive_group(required=True)
    line.add_argument("--tcp", type=int)
    line.add_argument("--rtu")
    parser.add_argument("--framed", action="store_true")
    parser.add_argument("--unit", type=int, default=1)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
