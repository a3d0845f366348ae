"""A connection says first which cluster it leads to; another cluster behind the same address is told nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from interconnect.kube import identity, kinds
from interconnect.kube.api import Api
from interconnect.kube.errors import KubeError, Permanent, Temporary
from interconnect.kube.transport import Transport
from tests.kube.servers import DENIED, Connection, HttpsServer, nothing_before

OURS, THEIRS = "0b9c7f52-ours", "0b9c7f52-theirs"
MANIFEST = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "thing", "namespace": "n"},
    "data": {"a": "b"},
}


def cluster(uid: Callable[[], str], **headers: str) -> HttpsServer:
    def handler(connection: Connection) -> None:
        name, answer = connection.path.partition("?")[0].rpartition("/")[2], uid()
        if connection.path == identity.PATH and answer.isdigit():
            connection.status(int(answer), "Anything", "no")
        else:
            connection.answer({"kind": "Any", "metadata": {"name": name, "namespace": "n", "uid": answer}}, **headers)
        if headers:
            connection.sock.close()

    return HttpsServer(handler)


def api_of(server: HttpsServer) -> Api:
    return Api(Transport(server.credential(), deny=DENIED, before=nothing_before, deadline=5.0, uid=OURS))


def asked(server: HttpsServer) -> list[str]:
    return [f"{request.method} {request.path.partition('?')[0].rpartition('/')[2]}" for request in server.requests]


def failed(call: Callable[[], Any]) -> KubeError:
    with pytest.raises(KubeError) as caught:
        call()
    return caught.value


def test_each_new_connection_is_asked_once_which_cluster_it_is() -> None:
    with cluster(lambda: OURS) as server:
        api = api_of(server)
        api.apply(MANIFEST)
        api.apply(MANIFEST)
        assert asked(server) == ["GET kube-system", "PATCH thing", "PATCH thing"]
        api.transport.close()
        api.apply(MANIFEST)
        assert asked(server)[3:] == ["GET kube-system", "PATCH thing"]


def test_nothing_is_written_to_another_cluster_behind_the_address() -> None:
    with cluster(lambda: THEIRS) as server:
        error = failed(lambda: api_of(server).apply(MANIFEST))
        assert (type(error), error.code) == (Permanent, "wrong-cluster")
        assert (error.params["uid"], error.params["expected"]) == (THEIRS, OURS)
        assert asked(server) == ["GET kube-system"]


def test_a_watch_begins_with_the_identity_too() -> None:
    with cluster(lambda: THEIRS) as server:
        assert failed(lambda: list(api_of(server).watch(kinds.POD, deadline=1))).code == "wrong-cluster"
        assert asked(server) == ["GET kube-system"]


def test_a_server_that_ends_each_connection_is_usable() -> None:
    with cluster(lambda: OURS, Connection="close") as server:
        assert api_of(server).apply(MANIFEST)["metadata"]["uid"] == OURS
        assert asked(server) == ["GET kube-system", "PATCH thing"]


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [("401", Permanent, "unauthorized"), ("503", Temporary, "server-error"), ("no uid!", Permanent, "bad-body")],
)
def test_a_cluster_that_does_not_say_who_it_is_gets_nothing(answer: str, kind: type[KubeError], code: str) -> None:
    with cluster(lambda: answer) as server:
        error = failed(lambda: api_of(server).apply(MANIFEST))
        assert (type(error), error.code) == (kind, code)
        assert asked(server) == ["GET kube-system"]


def test_the_identity_can_be_asked_over_an_open_connection() -> None:
    uids = [OURS]
    with cluster(lambda: uids[-1]) as server:
        api = api_of(server)
        api.transport.identify()
        assert asked(server) == ["GET kube-system"]
        uids.append(THEIRS)
        assert failed(api.transport.identify).code == "wrong-cluster"
        assert server.connections == 1
        assert failed(lambda: api.apply(MANIFEST)).code == "wrong-cluster"
        assert asked(server) == ["GET kube-system"] * 3
