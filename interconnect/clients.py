"""API clients of stored connections, with one circuit breaker per connection and a limit on calls to silent clusters.

The breaker's state is the connection's row, written on transitions only, so that every worker shares it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connection as database
from django.db.models.functions import Now

from interconnect.kube import transport as kube_transport
from interconnect.kube.api import Api
from interconnect.kube.errors import KubeError, Permanent, Temporary
from interconnect.kube.guard import Deadline, DenyList
from interconnect.kube.kubeconfig import Credential
from interconnect.kube.transport import Response, Transport
from interconnect.models import Connection, Mesh
from meshconsole.vault import open_sealed, seal

if TYPE_CHECKING:
    import ssl

SUSPECT_CALLS = 8
SILENT_CODES = frozenset({"unreachable", "timeout"})
FAILURES_TO_OPEN = 3
PLACE_SECONDS = 0.3
BUSY = "busy"
_suspects = threading.BoundedSemaphore(SUSPECT_CALLS)
_patient: ContextVar[bool] = ContextVar("patient", default=False)
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def no_call_in_a_transaction() -> None:
    """A call to a cluster inside a transaction would hold locks for as long as the cluster likes."""
    if database.in_atomic_block and not getattr(settings, "MESHCONSOLE_TESTING_IN_TRANSACTION", False):
        raise RuntimeError("a cluster was called inside a database transaction")


kube_transport.before_request = no_call_in_a_transaction


def patiently(ask: Callable[[_Item], _Result], item: _Item) -> _Result:
    """`ask` for one of many clusters, waiting for its place among the calls to silent ones: *busy* is no answer about a cluster."""
    before = _patient.set(True)
    try:
        return ask(item)
    finally:
        _patient.reset(before)


def twice(ask: Callable[[], _Result]) -> _Result:
    """Once more where the answer was lost on its way: one broken connection is no silence."""
    try:
        return ask()
    except Temporary as error:
        if error.code == "timeout":
            raise
        return ask()


class GuardedTransport(Transport):
    """A transport that knows how its cluster has been answering."""

    def __init__(self, row: Connection, credential: Credential) -> None:
        super().__init__(
            credential, deny=DenyList(settings.MESHCONSOLE_DENIED_NETWORKS), deadline=settings.MESHCONSOLE_CALL_DEADLINE_SECONDS
        )
        self.connection_id = row.id
        self.was_open = row.open_since is not None
        self.trusted = False
        self.failures = 0

    def request(self, method: str, path: str, **options: Any) -> Response:
        with self._watched():
            return super().request(method, path, **options)

    @contextmanager
    def stream(self, path: str, *, query: Mapping[str, str], deadline: float, accept: str = "application/json") -> Iterator[Any]:
        with self._watched(), super().stream(path, query=query, deadline=deadline, accept=accept) as opened:
            yield opened

    def connect(self, deadline: Deadline) -> ssl.SSLSocket:
        with self._watched():
            return super().connect(deadline)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        suspect = not self.trusted
        if suspect and not _suspects.acquire(timeout=self.deadline if _patient.get() else PLACE_SECONDS):
            # Threads are for clusters that answer: a step that asks a silent one comes again without holding one.
            raise Temporary(BUSY, retry_after=0.5)
        try:
            yield
        except KubeError as error:
            self._failed(error) if error.code in SILENT_CODES else self._answered()
            raise
        else:
            self._answered()
        finally:
            if suspect:
                _suspects.release()

    def _answered(self) -> None:
        self.trusted, self.failures = True, 0
        if self.was_open:
            self.was_open = False
            Connection.objects.filter(id=self.connection_id, open_since__isnull=False).update(open_since=None, open_code="")

    def _failed(self, error: KubeError) -> None:
        self.trusted = False
        self.failures += 1
        if self.was_open:
            error.params["breaker_open"] = True
        elif self.failures >= FAILURES_TO_OPEN:
            self.was_open = True
            Connection.objects.filter(id=self.connection_id, open_since__isnull=True).update(open_since=Now(), open_code=error.code)


_cache: dict[UUID, tuple[str, GuardedTransport]] = {}
_cache_lock = threading.Lock()


def binding_of(row: Connection) -> str:
    return f"connection:{row.id}"


def seal_credential(row: Connection, credential: Credential) -> None:
    """Put a credential into a row (not saved here): sealed, with what may be shown of it."""
    row.sealed = seal(credential.to_json().encode(), binding=binding_of(row))
    row.server, row.fingerprint, row.ends_at = credential.server, credential.fingerprint, credential.ends_at


def api_of(row: Connection) -> Api:
    """The client of a connection: kept per process until its credential changes."""
    with _cache_lock:
        known = _cache.get(row.id)
        if known is None or known[0] != row.fingerprint:
            if known:
                known[1].close()
            credential = Credential.from_json(open_sealed(row.sealed, binding=binding_of(row)).decode())
            known = _cache[row.id] = (row.fingerprint, GuardedTransport(row, credential))
            _note_end(row, credential)
        # Other workers open and close it too.
        known[1].was_open = row.open_since is not None
        return Api(known[1])


def _note_end(row: Connection, credential: Credential) -> None:
    """A credential that was stored before its end was kept has it kept now."""
    if row.ends_at != credential.ends_at:
        row.ends_at = credential.ends_at
        Connection.objects.filter(id=row.id, fingerprint=row.fingerprint).update(ends_at=row.ends_at)


def config_api(mesh: Mesh) -> Api:
    return api_of(mesh.config)


def control_plane_api(mesh: Mesh) -> Api:
    return api_of(mesh.control_plane)


def member_api(mesh: Mesh, uid: str) -> Api:
    """The client of a member by its identity; the mesh's own connections serve a cluster that is not a member."""
    row = Connection.objects.filter(cluster__mesh=mesh, uid=uid).first()
    if row is None:
        row = next((each for each in (mesh.config, mesh.control_plane) if each.uid == uid), None)
    if row is None:
        # Forgotten since: what was meant for it must never reach another cluster.
        raise Permanent("unregistered", uid=uid)
    return api_of(row)


def system_api(mesh: Mesh, uid: str) -> Api:
    """The mesh's own connection to its config or control-plane cluster."""
    return config_api(mesh) if uid == mesh.config_uid else control_plane_api(mesh)
