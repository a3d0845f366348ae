"""A form's version is the same wherever and whenever it is computed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from interconnect.domain.topology import Address, Gateway, GatewayKey, GatewaySpec, Group
from interconnect.forms.base import version_of

SCRIPT = """
from interconnect.domain.topology import Gateway, GatewayKey, GatewaySpec, Group
from interconnect.forms.base import version_of
key = GatewayKey("a", 1)
gateway = Gateway(key, "id", "name", GatewaySpec(annotations=(("k", "v"),)))
print(version_of(Group("blue", frozenset("abcdefgh")), (gateway,), True))
"""


def started(seed: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    return subprocess.Popen([sys.executable, "-c", SCRIPT], env=environment, stdout=subprocess.PIPE, text=True)


def test_two_processes_give_an_object_the_same_version() -> None:
    one, other = (process.communicate()[0] for process in [started("1"), started("2")])
    assert one == other != ""


@pytest.mark.parametrize(
    "other",
    [
        Group("blue", frozenset({"a"})),
        Group("blue", frozenset({"a", "b"}), ()),
        Group("blue", frozenset({"a", "b"}), (Address("192.0.2.1"),)),
        Group("green", frozenset({"a", "b"})),
        Gateway(GatewayKey("a", 1), "id", "blue", GatewaySpec()),
        ("blue", ["a", "b"]),
    ],
)
def test_what_differs_has_another_version(other: object) -> None:
    assert version_of(Group("blue", frozenset({"a", "b"}))) != version_of(other)


def test_two_values_are_not_taken_for_one() -> None:
    assert version_of("a", "b") != version_of(("a", "b"))
    assert version_of("1") != version_of(1) != version_of(True)
