"""The one way to an API server: guarded connections, deadlines, size limits. The only importer of the Kubernetes
client.

Of the client its REST layer is used, over a connection pool whose sockets are ours: it follows redirects, retries, asks
the environment for proxies and reads without end by itself; here it does none of these.
"""

from __future__ import annotations

import json
import logging
import math
import re
import ssl
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPException, IncompleteRead
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode, urlsplit

import urllib3
from kubernetes.client import Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.client.rest import RESTClientObject
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

from interconnect.kube import identity, trust
from interconnect.kube.errors import KubeError, Permanent, Temporary, is_page
from interconnect.kube.guard import CONNECT_TIMEOUT, Deadline, DenyList, open_socket
from interconnect.kube.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from interconnect.kube.guard import Before
    from interconnect.kube.kubeconfig import Credential

BODY_LIMIT = 32 * 1024 * 1024
CALL_DEADLINE = 20.0
_CONNECTIONS = 8
_CHUNK = 64 * 1024
_BROKEN = (HTTPError, HTTPException, ApiException, OSError, ValueError)
_LONE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]|\\u0000")

# its warning about malformed headers quotes them, and a server can write there what it was sent
logging.getLogger("urllib3.connection").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of any status, without the credential that was sent. `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the body as an object. Raises Permanent `web-page` or `bad-body` when it isn't one.

        The body itself is never quoted.
        """
        try:
            return parse_object(self.body)
        except Permanent:
            if is_page(self.headers, self.body):
                raise Permanent("web-page", status=self.status) from None
            raise


def parse_object(body: bytes) -> dict[str, Any]:
    """Return a cluster's JSON object. Raises Permanent `bad-body` for anything else, as `parse` does."""
    value = parse(body)
    if not isinstance(value, dict):
        raise Permanent("bad-body")
    return value


def parse(body: bytes) -> Any:
    """Return a cluster's JSON. Raises Permanent `bad-body` for what isn't JSON, and for text that no database can
    store.
    """
    try:
        value = json.loads(body, parse_constant=_no_constant, parse_float=_finite)
        if _LONE_SURROGATE.search(body) and _unstorable(value):
            raise ValueError
    except (ValueError, RecursionError):
        raise Permanent("bad-body") from None
    return value


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError
    return number


def _unstorable(value: Any) -> bool:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += [*part.keys(), *part.values()]
        elif isinstance(part, list):
            waiting += part
        elif isinstance(part, str) and ("\x00" in part or any("\ud800" <= char <= "\udfff" for char in part)):
            return True
    return False


class _Current(threading.local):
    """What the request of this thread is: the pool makes connections by itself, and they learn it from here."""

    deadline: Deadline
    identifying = False


class Transport:
    """Requests to the API server of one credential; safe to share between threads.

    `deadline` is the total time of a call in seconds, `connect` that of one connection attempt, `limit` the bytes of a
    body. `before` is called before each call, which is not made when it raises. With `uid`, every connection begins
    with the question which cluster it leads to: Permanent `wrong-cluster` for another one.
    """

    def __init__(
        self,
        credential: Credential,
        *,
        deny: DenyList,
        before: Before,
        deadline: float = CALL_DEADLINE,
        connect: float = CONNECT_TIMEOUT,
        limit: int = BODY_LIMIT,
        uid: str = "",
    ) -> None:
        self.credential = credential
        self.uid = uid
        self.deny = deny
        self.before = before
        self.deadline = deadline
        self.connect_timeout = connect
        self.limit = limit
        url = urlsplit(credential.server)
        self.host, self.port, self.prefix = url.hostname or "", url.port or 443, url.path
        self.authority = url.netloc
        self.redactor = Redactor(credential.token, credential.client_key_pem)
        self.server_name = (credential.tls_server_name or self.host).rstrip(".")
        self.current = _Current()
        self._context: ssl.SSLContext | None = None
        self._order = 0
        self._lock = threading.Lock()
        self._rest = self._client()

    def __repr__(self) -> str:
        return f"Transport({self.credential!r})"

    @property
    def secrets(self) -> tuple[str, ...]:
        return self.credential.secrets

    def close(self) -> None:
        """Close the idle connections; the transport can still be used."""
        self._rest.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        deadline: float | None = None,
    ) -> Response:
        """Make one call, without retries. Responses of any status are returned; raises KubeError when there was no
        complete one.
        """
        with (
            Deadline(self.deadline if deadline is None else deadline) as until,
            closing(self._send(method, path, query, body, content_type, accept, until)) as response,
        ):
            return self.read(response, until)

    @contextmanager
    def stream(
        self, path: str, *, query: Mapping[str, str], deadline: float, accept: str = "application/json"
    ) -> Iterator[tuple[Response, Iterator[bytes]]]:
        """A GET whose body is read as it comes; an answer outside 2xx has been read and is in the Response."""
        with (
            Deadline(deadline) as until,
            closing(self._send("GET", path, query, None, "application/json", accept, until)) as response,
        ):
            chunks = self._chunks(response, until, waiting=True)
            if 200 <= response.status < 300:
                yield Response(response.status, self._headers(response), b""), chunks
            else:
                yield self.read(response, until), iter(())

    def identify(self, *, deadline: float | None = None) -> None:
        """Raise Permanent `wrong-cluster` when the address now leads to another cluster."""
        self.current.identifying = True
        try:
            answer = Transport.request(self, "GET", identity.PATH, accept=identity.ACCEPT, deadline=deadline)
        finally:
            self.current.identifying = False
        try:
            identity.check(answer, self.uid, self.secrets)
        except KubeError:
            # a connection that has not said who it is must not serve the next call
            self.close()
            raise

    def connect(self, deadline: Deadline) -> ssl.SSLSocket:
        """A TLS connection of its own, watched by `deadline`, for what is not a plain request."""
        self.before()
        return self.open_tls(deadline)

    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.credential.token}"} if self.credential.token else {}

    def open_tls(self, deadline: Deadline) -> ssl.SSLSocket:
        raw = open_socket(self.host, self.port, deny=self.deny, deadline=deadline, connect=self.connect_timeout)
        context, tls = self._tls(), None
        try:
            tls = context.wrap_socket(raw, server_hostname=self.server_name, do_handshake_on_connect=False)
            deadline.watch(tls)
            tls.settimeout(deadline.remaining)
            tls.do_handshake()
            return tls
        except (OSError, ValueError) as error:
            (tls or raw).close()
            if trust.is_ambiguous(error) and self._trust_otherwise(context):
                return self.open_tls(deadline)
            raise self._failure(error, deadline, "tls") from None

    def _tls(self) -> ssl.SSLContext:
        with self._lock:
            self._context = self._context or trust.context_of(self.credential)
            return self._context

    def _trust_otherwise(self, failed: ssl.SSLContext) -> bool:
        """Take the authorities in another order; False when every order has been tried."""
        with self._lock:
            if self._context is failed:
                self._order += 1
                self._context = trust.context_of(self.credential, self._order)
            return self._order < trust.orders(self.credential)

    def _client(self) -> RESTClientObject:
        rest = RESTClientObject(Configuration(host=self.credential.server))
        rest.pool_manager = _Pools(self)
        return rest

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        content_type: str,
        accept: str,
        deadline: Deadline,
    ) -> urllib3.HTTPResponse:
        self.before()
        url = self.credential.server + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": accept, "Content-Type": content_type, "User-Agent": "meshconsole", **self.authorization()}
        self.current.deadline = deadline
        try:
            timeouts = (self.connect_timeout, deadline.remaining)
            answer = self._rest.request(  # type: ignore[no-untyped-call]
                method, url, headers=headers, body=body, _request_timeout=timeouts
            )
        except _BROKEN as error:
            raise self._failure(error, deadline, "answer") from None
        return cast("urllib3.HTTPResponse", answer.response)

    def read(self, response: urllib3.BaseHTTPResponse, deadline: Deadline) -> Response:
        """The whole answer."""
        content = b"".join(self._chunks(response, deadline))
        return Response(response.status, self._headers(response), self.redactor.body(content))

    def _headers(self, response: urllib3.BaseHTTPResponse) -> dict[str, str]:
        return {name.lower(): self.redactor.text(value) for name, value in response.headers.items()}

    def _chunks(
        self, response: urllib3.BaseHTTPResponse, deadline: Deadline, *, waiting: bool = False
    ) -> Iterator[bytes]:
        received = 0
        while chunk := self._read(response, deadline, waiting):
            received += len(chunk)
            if received > self.limit:
                raise Permanent("too-large", limit=self.limit)
            yield chunk
        deadline.check()

    def _read(self, response: urllib3.BaseHTTPResponse, deadline: Deadline, waiting: bool) -> bytes:
        # nothing compressed was asked for: what claims to be is left as it is, and so is a bomb in it
        read = response.read1 if waiting else response.read
        try:
            return read(_CHUNK, decode_content=False)
        except _BROKEN as error:
            raise self._failure(error, deadline, "body") from None

    def _failure(self, error: Exception, deadline: Deadline, phase: str) -> KubeError:
        """What went wrong in this phase (`tls`, `answer` until its head is there, `body`); the libraries' own words can
        quote the request and are left out.
        """
        if deadline.expired or isinstance(error, TimeoutError | urllib3.exceptions.TimeoutError):
            return Temporary("timeout", phase="answer" if phase == "body" else phase)
        tls = _ssl_error(error)
        # in TLS 1.3 a server looks at the client's certificate when the client has begun to speak already
        if tls is not None and (found := trust.failure(tls, self.credential, self.server_name)):
            return found
        if phase == "body":
            return Temporary("cut") if _is_cut(error) else Temporary("bad-body", phase="answer")
        if tls is None and phase == "answer" and _is_no_http(error):
            return Temporary("bad-body", phase=phase)
        return Temporary("unreachable", phase=phase)


class _Connection(HTTPSConnection):
    """A pooled connection over a socket of the transport."""

    transport: Transport

    def connect(self) -> None:
        self._open()
        # what asks for the identity is itself the first call on this connection
        if self.transport.uid and not self.transport.current.identifying:
            self._identify()
        if self.sock is None:
            # a server that ends each connection after one answer has just said which cluster it is
            self._open()

    def _open(self) -> None:
        self.sock = self.transport.open_tls(self.transport.current.deadline)
        self.is_verified = True

    def _identify(self) -> None:
        transport, deadline = self.transport, self.transport.current.deadline
        self.timeout = deadline.remaining
        headers = {"Accept": identity.ACCEPT, "User-Agent": "meshconsole", **transport.authorization()}
        super().request("GET", transport.prefix + identity.PATH, headers=headers, preload_content=False)
        with closing(self.getresponse()) as response:
            identity.check(transport.read(response, deadline), transport.uid, transport.secrets)

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:
            self.transport.current.deadline.watch(self.sock)
        try:
            super().request(*args, **kwargs)
        except (ConnectionError, ssl.SSLEOFError):
            # the server has hung up while it was spoken to: what it said before is the reason
            if self.sock is not None:
                self.sock.recv(1)
            raise


class _Pools(urllib3.PoolManager):
    def __init__(self, transport: Transport) -> None:
        super().__init__(num_pools=1)
        self._connection = type("_BoundConnection", (_Connection,), {"transport": transport})

    def _new_pool(self, scheme: str, host: str, port: int, request_context: Any = None) -> urllib3.HTTPSConnectionPool:
        pool = urllib3.HTTPSConnectionPool(host, port, maxsize=_CONNECTIONS, block=False, retries=False)
        pool.ConnectionCls = self._connection
        return pool

    def urlopen(  # type: ignore[override]
        self, method: str, url: str, redirect: bool = True, **kwargs: Any
    ) -> urllib3.BaseHTTPResponse:
        return super().urlopen(method, url, redirect=False, **(kwargs | {"retries": False}))


def _ssl_error(error: BaseException) -> ssl.SSLError | None:
    """The libraries wrap it: urllib3 as an argument, the client as the context of an error that says nothing."""
    waiting: list[Any] = [error]
    for _ in range(20):
        if not waiting:
            return None
        found = waiting.pop()
        if isinstance(found, ssl.SSLError):
            return found
        if isinstance(found, BaseException):
            waiting += [
                *(each for each in found.args if isinstance(each, BaseException)),
                found.__context__,
                found.__cause__,
            ]
    return None


def _is_cut(error: Exception) -> bool:
    """Whether the connection ended before the body did."""
    inner = error.args[1] if len(error.args) > 1 else None
    if isinstance(inner, urllib3.exceptions.InvalidChunkLength):
        return not inner.length
    return isinstance(inner, IncompleteRead | ConnectionError) or isinstance(
        error, OSError | urllib3.exceptions.SSLError
    )


def _is_no_http(error: Exception) -> bool:
    """Whether something else than HTTP came; nothing at all is silence."""
    known = isinstance(error, HTTPError | HTTPException | ValueError)
    return known and not (len(error.args) > 1 and isinstance(error.args[1], ConnectionError))
