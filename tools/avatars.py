#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""avatars.py [DIRECTORY]: draws the pictures of the kinds of things, white on a round ground of one colour each, 64 by 64.
Needs python3-pil; their PNGs are kept in the source tree, so that building needs nothing of it."""
import pathlib
import sys

from PIL import Image, ImageDraw

SIZE, SCALE = 64, 8
WHITE = (255, 255, 255)


class Pen:
    """Draws in units of the finished picture."""

    def __init__(self, draw, ground):
        self.draw, self.ground = draw, ground

    @staticmethod
    def up(points):
        return [coordinate * SCALE for coordinate in points]

    def disc(self, x, y, r, fill=WHITE):
        self.draw.ellipse(self.up((x - r, y - r, x + r, y + r)), fill=fill)

    def ring(self, x, y, r, width=4):
        self.disc(x, y, r)
        self.disc(x, y, r - width, self.ground)

    def box(self, x0, y0, x1, y1, r=2, fill=WHITE):
        self.draw.rounded_rectangle(self.up((x0, y0, x1, y1)), r * SCALE, fill=fill)

    def line(self, *points, width=4, fill=WHITE):
        self.draw.line(self.up(points), fill=fill, width=width * SCALE, joint="curve")

    def shape(self, *points, fill=WHITE):
        self.draw.polygon(self.up(points), fill=fill)


def gateway(pen):
    """A hub with what hangs on it."""
    for x, y in ((32, 14), (15, 44), (49, 44)):
        pen.line(32, 34, x, y, width=3)
        pen.disc(x, y, 5)
    pen.disc(32, 34, 9)


def place(pen):
    pen.shape(32, 12, 53, 32, 11, 32)
    pen.box(17, 29, 47, 50, 1)
    pen.box(28, 36, 36, 50, 1, pen.ground)


def sensor(pen):
    """A thermometer."""
    pen.box(26, 10, 38, 42, 6)
    pen.disc(32, 44, 10)
    pen.box(29, 14, 35, 40, 3, pen.ground)
    pen.disc(32, 44, 6, pen.ground)
    pen.box(30.5, 26, 33.5, 44, 1)
    pen.disc(32, 44, 4)


def switch(pen):
    """A plug with its cord."""
    pen.box(22, 11, 26, 24)
    pen.box(38, 11, 42, 24)
    pen.box(17, 22, 47, 30, 2)
    pen.shape(19, 28, 45, 28, 38, 42, 26, 42)
    pen.box(30, 40, 34, 54, 1)


def light(pen):
    pen.disc(32, 26, 14)
    pen.shape(21, 33, 43, 33, 38, 43, 26, 43)
    pen.box(26, 45, 38, 48, 1)
    pen.box(28, 50, 36, 53, 1)


def meter(pen):
    """A dial."""
    pen.ring(32, 33, 20)
    for x, y in ((20, 35), (24, 24), (40, 24), (44, 35)):
        pen.disc(x, y, 2)
    pen.line(32, 37, 37, 22, width=3)
    pen.disc(32, 37, 4)


def media(pen):
    """A note."""
    pen.box(26, 14, 29, 44, 1)
    pen.box(44, 14, 47, 40, 1)
    pen.shape(26, 14, 47, 14, 47, 21, 26, 21)
    pen.disc(23, 45, 6)
    pen.disc(41, 41, 6)


KINDS = ((gateway, (55, 71, 79)), (place, (109, 76, 65)), (sensor, (0, 121, 107)), (switch, (21, 101, 192)),
         (light, (239, 108, 0)), (meter, (106, 27, 154)), (media, (173, 20, 87)))


def main(directory):
    for draw_kind, ground in KINDS:
        image = Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), WHITE)
        pen = Pen(ImageDraw.Draw(image), ground)
        pen.disc(SIZE / 2, SIZE / 2, SIZE / 2 - 0.5, ground)
        draw_kind(pen)
        small = image.resize((SIZE, SIZE), Image.LANCZOS).quantize(16)
        small.save(pathlib.Path(directory) / f"{draw_kind.__name__}.png", optimize=True)


main(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[1] / "gateway/xmpp/avatars")
