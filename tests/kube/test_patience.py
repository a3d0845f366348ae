"""A busy API server is waited for as it asks, within the deadline of the call."""

from __future__ import annotations

import time

import pytest

from interconnect.kube.errors import Temporary
from interconnect.kube.patience import more_patience, patience, patiently


class Server:
    """Answers `busy` errors, then how much time was left; `asked` are the moments of the questions."""

    def __init__(self, *busy: Temporary) -> None:
        self.busy, self.asked = list(busy), list[float]()

    def __call__(self, left: float) -> float:
        self.asked.append(time.monotonic())
        if self.busy:
            raise self.busy.pop(0)
        return left


def slow_down(seconds: float | None) -> Temporary:
    return Temporary("too-many-requests", retry_after=seconds)


def test_a_busy_server_is_asked_again_when_it_says_so() -> None:
    server = Server(slow_down(0.3), Temporary("server-error", retry_after=0.3))
    left = patiently(server, 10)
    first, second, third = server.asked
    assert second - first >= 0.3 and third - second >= 0.3
    assert left <= 9.4


@pytest.mark.parametrize("asked", [0.000001, -5.0, None])
def test_a_busy_server_cannot_make_a_call_hurry(asked: float | None) -> None:
    server = Server(slow_down(asked))
    patiently(server, 10)
    assert server.asked[1] - server.asked[0] >= 0.2


@pytest.mark.parametrize(
    "error", [slow_down(300), Temporary("server-error"), Temporary("unreachable", retry_after=0.1)]
)
def test_what_cannot_be_waited_for_is_said_at_once(error: Temporary) -> None:
    server = Server(error)
    with pytest.raises(Temporary):
        patiently(server, 10)
    assert len(server.asked) == 1


def test_a_step_leaves_waiting_to_its_rollout_but_looks_wait() -> None:
    with patience(0):
        with pytest.raises(Temporary):
            patiently(Server(slow_down(0.001)), 10)
        with more_patience(5):
            patiently(Server(slow_down(0.001)), 10)


def test_patience_ends_for_all_calls_together() -> None:
    with patience(0.1), pytest.raises(Temporary):
        patiently(Server(slow_down(0.001)), 10)
