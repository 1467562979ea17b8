# SPDX-License-Identifier: Apache-2.0
"""Fixtures: the house on a server, somebody new in it, and the programs they use. What is not installed is skipped."""
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "simulators")]
import desktop as desktop_  # noqa: E402
import person  # noqa: E402
import world  # noqa: E402
from gajim import Gajim  # noqa: E402
from house import House  # noqa: E402
from poezio import Poezio  # noqa: E402
from profanity import Profanity  # noqa: E402
from psi import Psi  # noqa: E402

TERMINAL = {p.name: p for p in (Profanity, Poezio)}
DESKTOP = {p.name: p for p in (Gajim, Psi)}


@pytest.fixture(scope="session", name="house")
def _house():
    """A house with a private Prosody: `house.login(...)` for somebody new, `house.addresses()` of the gateway."""
    whole = House(world.Prosody)
    try:
        yield whole.start()
    finally:
        whole.stop()


@pytest.fixture(params=["account", "component"], name="address")
def _address(request, house):
    """The gateway's, as people type it."""
    return house.addresses()[request.param]


@pytest.fixture(name="someone")
def _someone(house):
    """An operator who has never been here before. The plug is on when they come."""
    house.switch("plug.relay", "true")
    house.wait_value("plug", "relay", True)
    return house.newcomer()


@pytest.fixture(name="desktop")
def _desktop():
    reason = desktop_.why_not()
    if reason:
        pytest.skip(reason)
    whole = desktop_.Desktop()
    try:
        yield whole.start()
    finally:
        whole.stop()


@pytest.fixture(name="start")
def _start(request):
    """A function that gives the program of that name, not yet logged in. At the end its screen is kept."""
    started = []

    def start(name):
        kind = {**TERMINAL, **DESKTOP}[name]
        if not person.is_installed(kind.program):
            pytest.skip(f"{kind.program} is not installed")
        if kind in TERMINAL.values():
            if not person.is_installed("tmux"):
                pytest.skip("tmux is not installed")
            it = kind()
        else:
            it = kind(request.getfixturevalue("desktop"))
        started.append(it)
        return it
    yield start
    for it in started:
        it.end(request.node.name)


def pytest_sessionfinish(session):
    shots = person._shots
    if shots and any(shots.iterdir()):
        print(f"\nscreens of the last moments are in {shots}")
