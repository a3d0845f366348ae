"""Calls to silent clusters: questions and probes of a mesh have places of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from interconnect import clients
from interconnect.clients import GuardedTransport, calling_for
from interconnect.kube.errors import Temporary
from interconnect.kube.kubeconfig import Credential
from interconnect.models import Connection

pytestmark = pytest.mark.django_db


@contextmanager
def all_places_taken(caller: str) -> Iterator[None]:
    with calling_for(caller):
        places = clients._suspects()
    taken = [places.acquire(blocking=False) for _ in range(clients.SUSPECT_CALLS)]
    try:
        yield
    finally:
        for _ in filter(None, taken):
            places.release()


@pytest.fixture
def transport(settings: Any) -> GuardedTransport:
    """To a cluster that has not answered yet: nothing listens there."""
    settings.MESHCONSOLE_TESTING_IN_TRANSACTION = True
    return GuardedTransport(Connection(server="https://127.0.0.1:1"), Credential("https://127.0.0.1:1", "", "token"))


def outcome(transport: GuardedTransport) -> str:
    with pytest.raises(Temporary) as caught:
        transport.request("GET", "/version")
    return caught.value.code


def test_a_question_does_not_wait_for_the_places_of_another_mesh(transport: GuardedTransport) -> None:
    with all_places_taken("question:one"):
        with calling_for("question:one"):
            assert outcome(transport) == clients.BUSY
        for other in ("question:two", "probe:one", ""):
            with calling_for(other):
                assert outcome(transport) == "unreachable"
