# SPDX-License-Identifier: Apache-2.0
"""Fixtures: certificates, servers and a gateway, each private to a test or shared by a module, all on free ports."""
import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "simulators"))
import world  # noqa: E402


def spec_dir():
    """The schemas, when they are here: $TT_SPEC_DIR, else ../shared/spec beside the source; else None."""
    for candidate in (os.environ.get("TT_SPEC_DIR"), world.ROOT.parent / "shared/spec"):
        if candidate and (pathlib.Path(candidate) / "xsd-answers").is_dir():
            return pathlib.Path(candidate)
    return None


def let_through(path):
    """pytest's directories are 0700; servers that run as nobody must get through."""
    if os.geteuid() == 0:
        for p in [path, *path.parents]:
            if len(p.parts) > 2 and p.stat().st_mode & 0o077 == 0:
                p.chmod(0o711)
    return path


@pytest.fixture(scope="session", name="certificates")
def _certificates(tmp_path_factory):
    """A directory with ca.crt and server.{key,crt} for house.test, things.house.test, localhost, 127.0.0.1."""
    directory = tmp_path_factory.mktemp("certificates")
    world.make_ca(directory)
    world.make_certificate(directory, "server", [world.DOMAIN, world.COMPONENT, "localhost", "127.0.0.1"])
    return directory


@pytest.fixture(scope="module", name="prosody")
def _prosody(tmp_path_factory, certificates):
    """house.test with the accounts gw, alice, admin, reader, stranger (prosody.passwords) and things.house.test
    (prosody.secret); prosody.ca is the file to trust."""
    directory = let_through(tmp_path_factory.mktemp("prosody"))
    for f in certificates.iterdir():
        shutil.copy(f, directory)
    server = world.Prosody(directory)
    server.ca = certificates / "ca.crt"
    for user in ["gw", *world.ROLES]:
        server.add_user(user)
    yield server.start()
    server.stop()


@pytest.fixture(scope="module", name="mosquitto")
def _mosquitto(tmp_path_factory):
    broker = world.Mosquitto(let_through(tmp_path_factory.mktemp("mosquitto"))).start()
    yield broker
    broker.stop()


@pytest.fixture(name="directory")
def _directory(tmp_path):
    """An own directory that servers running as nobody can pass through."""
    return let_through(tmp_path)
