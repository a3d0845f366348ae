"""The one way to an API server: guarded connections, deadlines, size limits. The only importer of the Kubernetes client.

Of the client its REST layer is used, over a connection pool whose sockets are ours: it follows redirects, retries, asks the
environment for proxies and reads without end by itself; here it does none of these.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import ssl
import tempfile
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode, urlsplit

import urllib3
from kubernetes.client import Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.client.rest import RESTClientObject
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

from interconnect.kube.errors import KubeError, Permanent, Temporary, is_page, plain
from interconnect.kube.guard import CONNECT_TIMEOUT, Deadline, DenyList, open_socket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from interconnect.kube.kubeconfig import Credential

BODY_LIMIT = 32 * 1024 * 1024
CALL_DEADLINE = 20.0
_CONNECTIONS = 8
_CHUNK = 64 * 1024
_BROKEN = (HTTPError, HTTPException, ApiException, OSError, ValueError)
_LONE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]|\\u0000")

# its warning about malformed headers quotes them, and a server can write there what it was sent
logging.getLogger("urllib3.connection").setLevel(logging.CRITICAL)

# Set by the product: raises where a call to a cluster must not happen (inside a database transaction).
before_request: Callable[[], None] | None = None


def check_allowed() -> None:
    """Raises what `before_request` raises; for calls that go past a Transport as well."""
    if before_request is not None:
        before_request()


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of any status. `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as an object; Permanent `web-page` or `bad-body` where it is none. The body itself is never quoted."""
        try:
            return parse_object(self.body)
        except Permanent:
            if is_page(self.headers, self.body):
                raise Permanent("web-page", status=self.status) from None
            raise


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object of a cluster. Permanent `bad-body` for everything else, and for text that no database can store."""
    try:
        value = json.loads(body, parse_constant=_no_constant, parse_float=_finite)
        if _LONE_SURROGATE.search(body) and _unstorable(value):
            raise ValueError
    except (ValueError, RecursionError):
        raise Permanent("bad-body") from None
    if not isinstance(value, dict):
        raise Permanent("bad-body")
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


class Transport:
    """Requests to the API server of one credential; safe to share between threads.

    `deadline` is the total time of a call in seconds, `connect` that of one connection attempt, `limit` the bytes of a body.
    """

    def __init__(
        self,
        credential: Credential,
        *,
        deny: DenyList | None = None,
        deadline: float = CALL_DEADLINE,
        connect: float = CONNECT_TIMEOUT,
        limit: int = BODY_LIMIT,
    ) -> None:
        self.credential = credential
        self.deny = deny or DenyList()
        self.deadline = deadline
        self.connect_timeout = connect
        self.limit = limit
        url = urlsplit(credential.server)
        self.host, self.port, self.prefix = url.hostname or "", url.port or 443, url.path
        self.authority = url.netloc
        self.current = threading.local()
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        self._rest = self._client()

    def __repr__(self) -> str:
        return f"Transport({self.credential!r})"

    @property
    def secrets(self) -> tuple[str, ...]:
        return self.credential.secrets

    def close(self) -> None:
        """Ends the connections that are kept; the transport can still be used."""
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
        """One call, without retries. Answers of every status come back; KubeError where there was no whole answer."""
        with (
            Deadline(self.deadline if deadline is None else deadline) as until,
            closing(self._send(method, path, query, body, content_type, accept, until)) as response,
        ):
            content = b"".join(self._chunks(response, until))
            return Response(response.status, _headers(response), content)

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
                yield Response(response.status, _headers(response), b""), chunks
            else:
                yield Response(response.status, _headers(response), b"".join(chunks)), iter(())

    def connect(self, deadline: Deadline) -> ssl.SSLSocket:
        """A TLS connection of its own, watched by `deadline`, for what is not a plain request."""
        check_allowed()
        return self.open_tls(deadline)

    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.credential.token}"} if self.credential.token else {}

    def open_tls(self, deadline: Deadline) -> ssl.SSLSocket:
        raw = open_socket(self.host, self.port, deny=self.deny, deadline=deadline, connect=self.connect_timeout)
        tls: ssl.SSLSocket | None = None
        try:
            tls = self._tls().wrap_socket(raw, server_hostname=self.credential.tls_server_name or self.host, do_handshake_on_connect=False)
            deadline.watch(tls)
            tls.settimeout(deadline.remaining)
            tls.do_handshake()
            return tls
        except (OSError, ValueError) as error:
            (tls or raw).close()
            raise _tls_failure(error, deadline) from None

    def _tls(self) -> ssl.SSLContext:
        with self._lock:
            self._context = self._context or _context(self.credential)
            return self._context

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
        check_allowed()
        url = self.credential.server + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": accept, "Content-Type": content_type, "User-Agent": "meshconsole", **self.authorization()}
        # the pool makes connections by itself: this is how they learn whose deadline they are under
        self.current.deadline = deadline
        try:
            timeouts = (self.connect_timeout, deadline.remaining)
            answer = self._rest.request(  # type: ignore[no-untyped-call]
                method, url, headers=headers, body=body, _request_timeout=timeouts
            )
        except _BROKEN as error:
            raise _failure(error, deadline) from None
        finally:
            self.current.deadline = None
        return cast("urllib3.HTTPResponse", answer.response)

    def _chunks(self, response: urllib3.HTTPResponse, deadline: Deadline, *, waiting: bool = False) -> Iterator[bytes]:
        received = 0
        while chunk := _read(response, deadline, waiting):
            received += len(chunk)
            if received > self.limit:
                raise Permanent("too-large", limit=self.limit)
            yield chunk
        deadline.check()


def _read(response: urllib3.HTTPResponse, deadline: Deadline, waiting: bool) -> bytes:
    # nothing compressed was asked for: what claims to be is left as it is, and so is a bomb in it
    read = response.read1 if waiting else response.read
    try:
        return read(_CHUNK, decode_content=False)
    except _BROKEN as error:
        raise _failure(error, deadline) from None


def _headers(response: urllib3.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


class _Connection(HTTPSConnection):
    """A pooled connection over a socket of the transport."""

    transport: Transport

    def connect(self) -> None:
        self.sock = self.transport.open_tls(self.transport.current.deadline)
        self.is_verified = True

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:
            self.transport.current.deadline.watch(self.sock)
        super().request(*args, **kwargs)


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


def _context(credential: Credential) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        if credential.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif credential.ca_pem:
            context.load_verify_locations(cadata=credential.ca_pem)
        else:
            context.load_default_certs()
        if credential.client_cert_pem:
            _load_key(context, credential)
    except (ssl.SSLError, ValueError):
        raise Permanent("tls", reason="credential") from None
    return context


def _load_key(context: ssl.SSLContext, credential: Credential) -> None:
    """`ssl` takes a key from a file only: one that nobody else can read, and gone before anything else happens."""
    descriptor, name = tempfile.mkstemp(prefix="kube-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(credential.client_cert_pem + credential.client_key_pem)
        context.load_cert_chain(name, password="")
    finally:
        Path(name).unlink()


def _tls_failure(error: Exception, deadline: Deadline) -> KubeError:
    if deadline.expired or isinstance(error, TimeoutError):
        return Temporary("timeout", phase="tls")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Permanent("tls", reason=plain(error.verify_message or "certificate"))
    if isinstance(error, ssl.SSLEOFError | ConnectionError):
        return Temporary("unreachable", phase="tls")
    reason = getattr(error, "reason", None)
    return Permanent("tls", reason=plain(reason or type(error).__name__))


def _failure(error: Exception, deadline: Deadline) -> KubeError:
    """What went wrong between request and whole answer; the libraries' own words can quote the request and are left out."""
    if deadline.expired or isinstance(error, TimeoutError | urllib3.exceptions.TimeoutError):
        return Temporary("timeout", phase="answer")
    if isinstance(error, ssl.SSLError):
        return Temporary("unreachable", phase="answer")
    if isinstance(error, urllib3.exceptions.ProtocolError | HTTPError | HTTPException | ValueError):
        cause = error.args[1] if len(error.args) > 1 else None
        if isinstance(cause, ConnectionError):
            return Temporary("unreachable", phase="answer")
        return Temporary("bad-body", phase="answer")
    return Temporary("unreachable", phase="answer")
