"""API clients of stored connections, with one circuit breaker per connection and a limit on calls to silent clusters.

The breaker's state is the connection's row, written on transitions only, so that every worker shares it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connection as database
from django.db.models.functions import Now

from interconnect.kube.api import Api
from interconnect.kube.errors import KubeError, Permanent, Temporary
from interconnect.kube.guard import Deadline, DenyList
from interconnect.kube.kubeconfig import Credential
from interconnect.kube.patience import is_busy, more_patience
from interconnect.kube.transport import Response, Transport
from interconnect.models import Connection, Mesh
from meshconsole.vault import VaultError, open_sealed, seal

if TYPE_CHECKING:
    import ssl

SUSPECT_CALLS = 8
SILENT_CODES = frozenset({"unreachable", "timeout"})
FAILURES_TO_OPEN = 3
PLACE_SECONDS = 0.3
BUSY = "busy"
_caller: ContextVar[str] = ContextVar("caller", default="")
_places: dict[str, threading.BoundedSemaphore] = {}
_places_lock = threading.Lock()
# How long a call to a cluster that may be silent waits for a place among the others.
_place_seconds: ContextVar[float] = ContextVar("place_seconds", default=PLACE_SECONDS)
# Connections that have identified their cluster within the chain of steps being carried out here.
_identified: ContextVar[set[UUID] | None] = ContextVar("identified", default=None)
_chains: OrderedDict[Hashable, set[UUID]] = OrderedDict()
CHAINS_KEPT = 1000
_asked_first: ContextVar[Callable[[], None] | None] = ContextVar("asked_first", default=None)
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def before_call() -> None:
    """Raise where no cluster may be called; all code that calls a cluster is given this to run first.

    A call inside a transaction would hold locks for as long as the cluster takes.
    """
    if database.in_atomic_block and not getattr(settings, "MESHCONSOLE_TESTING_IN_TRANSACTION", False):
        raise RuntimeError("a cluster was called inside a database transaction")
    ask = _asked_first.get()
    if ask is not None:
        ask()


@contextmanager
def asking_first(ask: Callable[[], None]) -> Iterator[None]:
    """Run `ask` before each call to a cluster within the block, including calls by the threads of `side_by_side`.

    An exception that it raises prevents the call.
    """
    before = _asked_first.set(ask)
    try:
        yield
    finally:
        _asked_first.reset(before)


def patiently(ask: Callable[[_Item], _Result], item: _Item) -> _Result:
    """Return `ask` of one of many clusters, waiting for a place among the calls to silent ones and for a busy server.

    Neither wait says anything about the cluster.
    """
    seconds = float(settings.MESHCONSOLE_CALL_DEADLINE_SECONDS)
    with more_patience(seconds), waiting_for_a_place(max(seconds, _place_seconds.get())):
        return ask(item)


@contextmanager
def waiting_for_a_place(seconds: float) -> Iterator[None]:
    """Make calls to clusters that may be silent wait so long for a place among the others within the block."""
    before = _place_seconds.set(seconds)
    try:
        yield
    finally:
        _place_seconds.reset(before)


@contextmanager
def calling_for(caller: str) -> Iterator[None]:
    """Make calls to silent clusters within the block take this caller's own places.

    Steps of rollouts share the places that belong to no caller in particular.
    """
    before = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(before)


def _suspects() -> threading.BoundedSemaphore:
    with _places_lock:
        return _places.setdefault(_caller.get(), threading.BoundedSemaphore(SUSPECT_CALLS))


@contextmanager
def in_chain(chain: Hashable, *, begins: bool) -> Iterator[None]:
    """Make the first call to each cluster within the block ask which cluster it is.

    It is asked once per chain, however often the chain's steps have to wait.
    """
    with _cache_lock:
        known = set() if begins else _chains.get(chain, set())
        _chains[chain] = known
        _chains.move_to_end(chain)
        if len(_chains) > CHAINS_KEPT:
            _chains.popitem(last=False)
    before = _identified.set(known)
    try:
        yield
    finally:
        _identified.reset(before)


def twice(ask: Callable[[], _Result]) -> _Result:
    """Ask, and ask once more if the answer was lost on its way: one broken connection doesn't make a silent cluster."""
    try:
        return ask()
    except Temporary as error:
        if error.code == "timeout" or is_busy(error):
            raise
        return ask()


def deny_list() -> DenyList:
    """Return the networks that the console never connects to, as configured."""
    return DenyList(settings.MESHCONSOLE_DENIED_NETWORKS)


class GuardedTransport(Transport):
    """A transport that knows how its cluster has been answering."""

    def __init__(self, row: Connection, credential: Credential) -> None:
        super().__init__(
            credential,
            deny=deny_list(),
            before=before_call,
            deadline=settings.MESHCONSOLE_CALL_DEADLINE_SECONDS,
            uid=row.uid,
        )
        self.connection_id = row.id
        self.was_open = row.open_since is not None
        self.trusted = False
        self.failures = 0

    def request(self, method: str, path: str, **options: Any) -> Response:
        with self._watched():
            self._identify_in_chain(options.get("deadline"))
            return super().request(method, path, **options)

    def identify(self, *, deadline: float | None = None) -> None:
        with self._watched():
            super().identify(deadline=deadline)
            chain = _identified.get()
            if chain is not None:
                chain.add(self.connection_id)

    def _identify_in_chain(self, deadline: float | None) -> None:
        """Ask which cluster this is, once per chain.

        A connection that is kept open leads where it led before, unless something in between decides anew for each
        call.
        """
        chain = _identified.get()
        if chain is not None and self.connection_id not in chain:
            super().identify(deadline=deadline)
            chain.add(self.connection_id)

    @contextmanager
    def stream(
        self, path: str, *, query: Mapping[str, str], deadline: float, accept: str = "application/json"
    ) -> Iterator[Any]:
        with self._watched():
            self._identify_in_chain(None)
            with super().stream(path, query=query, deadline=deadline, accept=accept) as opened:
                yield opened

    def connect(self, deadline: Deadline) -> ssl.SSLSocket:
        with self._watched():
            return super().connect(deadline)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        suspect = None if self.trusted else _suspects()
        if suspect and not suspect.acquire(timeout=_place_seconds.get()):
            # Threads are for clusters that answer: a step that asks a silent one comes back later without holding one.
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
                suspect.release()

    def _answered(self) -> None:
        self.trusted, self.failures = True, 0
        if self.was_open:
            self.was_open = False
            Connection.objects.filter(id=self.connection_id, open_since__isnull=False).update(
                open_since=None, open_code=""
            )

    def _failed(self, error: KubeError) -> None:
        self.trusted = False
        self.failures += 1
        if self.was_open:
            error.params["breaker_open"] = True
        elif self.failures >= FAILURES_TO_OPEN:
            self.was_open = True
            Connection.objects.filter(id=self.connection_id, open_since__isnull=True).update(
                open_since=Now(), open_code=error.code
            )


_cache: dict[UUID, tuple[str, GuardedTransport]] = {}
_cache_lock = threading.Lock()


def binding_of(row: Connection) -> str:
    return f"connection:{row.id}"


def seal_credential(row: Connection, credential: Credential) -> None:
    """Put a sealed credential into a row, with the parts of it that may be shown. The row isn't saved here."""
    row.sealed = seal(credential.to_json().encode(), binding=binding_of(row))
    row.server, row.fingerprint, row.ends_at = credential.server, credential.fingerprint, credential.ends_at


def _opened(row: Connection) -> Credential:
    """Return the opened credential of a connection.

    Raises KubeError as a call does: to the caller, a credential without its key is a cluster that doesn't answer.
    """
    try:
        return Credential.from_json(open_sealed(row.sealed, binding=binding_of(row)).decode())
    except VaultError:
        raise Permanent("credential-unreadable", server=row.server) from None


def api_of(row: Connection) -> Api:
    """Return the client of a connection. Each process keeps it until the credential changes."""
    with _cache_lock:
        known = _cache.get(row.id)
        if known is None or known[0] != row.fingerprint:
            if known:
                known[1].close()
            credential = _opened(row)
            known = _cache[row.id] = (row.fingerprint, GuardedTransport(row, credential))
            _note_end(row, credential)
        # Other workers open and close the breaker too.
        known[1].was_open = row.open_since is not None
        return Api(known[1])


def _note_end(row: Connection, credential: Credential) -> None:
    """Store the expiry of a credential that was saved before expiries were kept."""
    if row.ends_at != credential.ends_at:
        row.ends_at = credential.ends_at
        Connection.objects.filter(id=row.id, fingerprint=row.fingerprint).update(ends_at=row.ends_at)


def config_api(mesh: Mesh) -> Api:
    return api_of(mesh.config)


def control_plane_api(mesh: Mesh) -> Api:
    return api_of(mesh.control_plane)


def member_api(mesh: Mesh, uid: str) -> Api:
    """Return the client of a member by its identity; the mesh's own connections serve a cluster that isn't a member."""
    row = Connection.objects.filter(cluster__mesh=mesh, uid=uid).first()
    if row is None:
        row = next((each for each in (mesh.config, mesh.control_plane) if each.uid == uid), None)
    if row is None:
        # It has been forgotten since: what was meant for it must never reach another cluster.
        raise Permanent("unregistered", uid=uid)
    return api_of(row)


def system_api(mesh: Mesh, uid: str) -> Api:
    """Return the client of the mesh's own connection to its config or control plane cluster."""
    return config_api(mesh) if uid == mesh.config_uid else control_plane_api(mesh)
