from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from simulator import Fleet
from tests.simulator.client import Client


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with Fleet() as running:
        yield running


@pytest.fixture
def client(fleet: Fleet) -> Client:
    return Client(fleet)


def eventually(check: Callable[[], object], what: str = "", seconds: float = 5.0) -> None:
    """Waits until `check` is true."""
    until = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < until, what or "never became true"
        time.sleep(0.005)
