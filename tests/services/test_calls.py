"""No cluster is called inside a database transaction, and a step's lease is held before each call, whichever way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from interconnect import clients
from interconnect.domain.topology import Address, Group
from interconnect.kube.kubeconfig import Credential
from interconnect.models import Connection
from interconnect.observing import istiods, matrix, preflight
from interconnect.observing.newcomer import api_for

if TYPE_CHECKING:
    from interconnect.kube import debug

pytestmark = pytest.mark.django_db

SERVER = "https://127.0.0.1:1"
CREDENTIAL = Credential(SERVER, "", "token")
GATEWAY = Address("127.0.0.1", 1)


def stored() -> clients.GuardedTransport:
    return clients.GuardedTransport(Connection(server=SERVER), CREDENTIAL)


def direct_url(monkeypatch: pytest.MonkeyPatch) -> debug.Source:
    """As a mesh has it whose istiod is reached by a URL."""
    monkeypatch.setattr(clients, "control_plane_api", lambda _mesh: api_for(CREDENTIAL))

    class Mesh:
        istiod_url, system_namespace = "http://127.0.0.1:1", "istio-system"

    found: Any = istiods.sources(Mesh(), None)  # type: ignore[arg-type]
    return next(iter(found.values()))


WAYS: dict[str, Callable[[pytest.MonkeyPatch], Any]] = {
    "a stored connection": lambda _: stored().request("GET", "/version"),
    "its streams": lambda _: stored().stream("/", query={}, deadline=1.0).__enter__(),
    "its ports": lambda _: stored().connect(clients.Deadline(1.0)),
    "a new credential": lambda _: api_for(CREDENTIAL).version(),
    "istiod by a URL": lambda monkeypatch: direct_url(monkeypatch).get("/debug/networkz"),
    "a gateway's address": lambda _: preflight._answers(Group("blue", frozenset(), (GATEWAY,)), clients.deny_list()),
    "a gateway's service": lambda _: matrix._probed([GATEWAY], "echo.shop", 80, "root"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_call_inside_a_transaction_is_never_made(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="inside a database transaction"):
        WAYS[way](monkeypatch)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_asked_first_can_prevent_every_call(way: str, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    class Lost(Exception):
        pass

    def hold() -> None:
        raise Lost

    settings.MESHCONSOLE_TESTING_IN_TRANSACTION = True
    with pytest.raises(Lost), clients.asking_first(hold):
        WAYS[way](monkeypatch)
