"""Servers that stand in for clusters: real TLS, every byte of the answer chosen by the test."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings

from interconnect.kube.api import Api
from interconnect.kube.guard import Before, DenyList
from interconnect.kube.kubeconfig import Credential
from interconnect.kube.transport import Transport

DENIED = DenyList(settings.MESHCONSOLE_DENIED_NETWORKS)
LET_GO_SECONDS = 0.3
TOKEN = "canary-token-8f3a1c5e7b9d2046"
Handler = Callable[["Connection"], None]


def private_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Any) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def nothing_before() -> None:
    """What comes before a call that nothing holds back."""


class Authority:
    """Signs for itself, or below `issuer`. `days` from now are when a certificate begins and ends."""

    def __init__(
        self, name: str = "test authority", *, issuer: Authority | None = None, days: tuple[int, int] = (-1, 1)
    ) -> None:
        self.key = private_key()
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer = issuer or self
        self.certificate = signer._builder(self.name, self.key, True, days).sign(signer.key, hashes.SHA256())

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(
        self, *names: x509.GeneralName, days: tuple[int, int] = (-1, 1), common_name: str = "leaf"
    ) -> tuple[str, str]:
        """Certificate and key, as PEM."""
        key = private_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = self._builder(subject, key, False, days)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM).decode(), key_pem(key)

    def _builder(self, subject: x509.Name, key: Any, ca: bool, days: tuple[int, int]) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )


AUTHORITY = Authority()
LOCAL = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))


def server_context(
    names: tuple[x509.GeneralName, ...] = LOCAL, authority: Authority = AUTHORITY, **leaf: Any
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pem"
        file.write_text("".join(authority.issue(*names, **leaf)))
        context.load_cert_chain(file)
    return context


USUAL = server_context()


class Connection:
    """One request as a handler sees it: `head` is the whole request head, `body` what Content-Length announced."""

    def __init__(self, sock: socket.socket, head: str, body: bytes, number: int) -> None:
        self.sock, self.head, self.body, self.number = sock, head, body, number

    @property
    def path(self) -> str:
        return self.head.split(" ")[1]

    @property
    def method(self) -> str:
        return self.head.split(" ")[0]

    def header(self, name: str) -> str:
        lines = (line.partition(": ") for line in self.head.split("\r\n"))
        return next((value for key, _, value in lines if key.lower() == name.lower()), "")

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self, body: Any, status: int = 200, **headers: str) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [
            f"HTTP/1.1 {status} Something",
            f"Content-Length: {len(raw)}",
            *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items()),
        ]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + raw)

    def status(self, code: int, reason: str, message: str = "", **details: Any) -> None:
        self.answer(
            {
                "kind": "Status",
                "apiVersion": "v1",
                "status": "Failure",
                "reason": reason,
                "message": message,
                "details": details,
            },
            code,
        )


def some(sock: socket.socket, size: int = 65536) -> bytes:
    """What has come, at least a byte; ConnectionError when nothing will come any more, on which a
    server's thread ends.
    """
    found = sock.recv(size)
    if not found:
        raise ConnectionError
    return found


class HttpsServer:
    """Calls `handler` for every request; `connections` and `requests` count what came."""

    def __init__(
        self, handler: Handler, context: ssl.SSLContext | None = None, tls: bool = True, host: str = "127.0.0.1"
    ) -> None:
        self.handler, self.tls = handler, tls
        self.context = context or USUAL
        self.connections = 0
        self.requests: list[Connection] = []
        self._listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def credential(self, **fields: Any) -> Credential:
        return Credential(
            **({"server": f"https://127.0.0.1:{self.port}", "ca_pem": AUTHORITY.pem, "token": TOKEN} | fields)
        )

    def transport(
        self, *, deadline: float = 5.0, limit: int = 1024 * 1024, before: Before = nothing_before, **fields: Any
    ) -> Transport:
        return Transport(self.credential(**fields), deny=DENIED, before=before, deadline=deadline, limit=limit)

    def api(self, **options: Any) -> Api:
        return Api(self.transport(**options))

    def __enter__(self) -> Self:
        self._threads.append(threading.Thread(target=self._accept, daemon=True))
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closed only when its thread has let go of it: the number of a closed socket goes to the next server's
        # connection, which a thread that still reads from that number would take for its own.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for sock in self._open:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        until = time.monotonic() + LET_GO_SECONDS
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0))
        if not any(thread.is_alive() for thread in self._threads):
            self._listener.close()
            for sock in self._open:
                sock.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                self._open.append(sock)
                thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, raw: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            try:
                sock = self.context.wrap_socket(raw, server_side=True) if self.tls else raw
            except ssl.SSLError:
                # the reason stays readable: closed with something unread, a connection is reset
                raw.close()
                return
            self._open.append(sock)
            while head := self._head(sock):
                text, rest = head
                connection = Connection(sock, text, b"", len(self.requests))
                length = int(connection.header("content-length") or 0)
                while len(rest) < length:
                    rest += some(sock)
                connection.body = rest
                self.requests.append(connection)
                self.handler(connection)

    def _head(self, sock: socket.socket) -> tuple[str, bytes] | None:
        received = b""
        while b"\r\n\r\n" not in received:
            chunk = sock.recv(65536)
            if not chunk:
                return None
            received += chunk
        head, _, rest = received.partition(b"\r\n\r\n")
        return head.decode("latin-1"), rest


def objects(found: dict[str, Any]) -> HttpsServer:
    """A server that has these answers by path (without the query) and says NotFound to the rest."""

    def handler(connection: Connection) -> None:
        path = connection.path.partition("?")[0]
        if path in found:
            connection.answer(found[path])
        else:
            connection.status(404, "NotFound", "not found", name=path.rpartition("/")[2])

    return HttpsServer(handler)


def listing(*entries: Any) -> dict[str, Any]:
    return {"kind": "List", "metadata": {"resourceVersion": "1"}, "items": list(entries)}
