"""What can be observed of a gateway: its path by TCP and TLS, its Deployment, its load balancer."""

from __future__ import annotations

import ssl
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509

from interconnect.domain.json_types import Json
from interconnect.kube import kinds
from interconnect.kube.errors import KubeError, plain
from interconnect.kube.guard import Deadline, DenyList, open_socket
from interconnect.kube.reading import items, mapping, number, text
from interconnect.kube.trust import trusting
from meshconsole.text import NAME_LIMIT

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from interconnect.kube.api import Api
    from interconnect.kube.guard import Before

PROBE_DEADLINE = 8.0
_ALPN = "istio"


class Path(StrEnum):
    """How far a probe got.

    Only SERVED means that a backend behind the gateway answered with a trusted certificate.
    """

    SERVED = "served"
    UNTRUSTED = "untrusted"  # a backend answered whose certificate the given roots did not sign
    REFUSED = "refused"  # the gateway closed the connection: it does not know the service, or has no endpoint of it
    NOT_TLS = "not-tls"  # something else than a gateway answered
    CONNECTED = "connected"  # TCP alone was tried
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    DENIED = "denied"  # the operator's deny-list names the address


class ProbeResult(NamedTuple):
    """`spiffe` is the backend's identity, empty unless it was shown under a trusted certificate."""

    path: Path
    spiffe: str = ""
    evidence: str = ""

    @property
    def ok(self) -> bool:
        return self.path in (Path.SERVED, Path.CONNECTED)


def sni(service: str, port: int) -> str:
    """Return the server name by which an east-west gateway routes to a service's host name and port."""
    return f"outbound_.{port}_._.{service}"


def probe(
    host: str,
    port: int,
    *,
    deny: DenyList,
    before: Before,
    server_name: str = "",
    root_pem: str = "",
    deadline: float = PROBE_DEADLINE,
) -> ProbeResult:
    """Connects to a gateway as a proxy of the mesh would, without a client certificate: TCP, and TLS with a
    `server_name`.

    A gateway passes the handshake on, so its answer carries the backend's certificate, which `root_pem` (the mesh's
    root certificates) must have signed. `before` is called first. Never raises for what the other side does.
    """
    before()
    with Deadline(deadline) as until:
        try:
            sock = open_socket(host, port, deny=deny, deadline=until)
        except KubeError as error:
            paths = {"address-denied": Path.DENIED, "timeout": Path.TIMEOUT}
            return ProbeResult(
                paths.get(error.code, Path.UNREACHABLE), evidence=error.evidence or str(error.params.get("phase", ""))
            )
        with sock:
            return _handshake(sock, server_name, root_pem, until) if server_name else ProbeResult(Path.CONNECTED)


def _handshake(sock: socket.socket, server_name: str, root_pem: str, deadline: Deadline) -> ProbeResult:
    try:
        context = _context(root_pem)
        tls = context.wrap_socket(sock, server_hostname=server_name, do_handshake_on_connect=False)
    except (OSError, ValueError):
        return ProbeResult(Path.UNTRUSTED, evidence="no usable root certificate")
    with tls:
        deadline.watch(tls)
        try:
            tls.settimeout(deadline.remaining)
            tls.do_handshake()
            return ProbeResult(Path.SERVED, _spiffe(tls.getpeercert(binary_form=True)))
        except ssl.SSLCertVerificationError as error:
            return ProbeResult(Path.UNTRUSTED, evidence=plain(error.verify_message or ""))
        except (OSError, ValueError) as error:
            return ProbeResult(
                _broken(error, deadline), evidence=plain(getattr(error, "reason", None) or type(error).__name__)
            )


def _context(root_pem: str) -> ssl.SSLContext:
    if not root_pem:
        raise ValueError("the system's authorities say nothing about a mesh")
    context = trusting(root_pem)
    # the identity is a URI in the certificate, not the routing name
    context.check_hostname = False
    context.set_alpn_protocols([_ALPN])
    return context


def _broken(error: Exception, deadline: Deadline) -> Path:
    if deadline.expired or isinstance(error, TimeoutError):
        return Path.TIMEOUT
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Path.NOT_TLS
    return Path.REFUSED


def _spiffe(der: bytes | None) -> str:
    try:
        certificate = x509.load_der_x509_certificate(der or b"")
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return ""
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    return next((plain(uri) for uri in uris if uri.startswith("spiffe://")), "")


class DeploymentStatus(NamedTuple):
    """`settled`: the controller has seen the newest spec and all replicas are new and available. `failure` is a reason
    such as ProgressDeadlineExceeded or FailedCreate, empty while there is hope. `seen`: the numbers are about the
    newest spec. `rolling`: Pods are being replaced by newer ones, and there is hope.
    """

    desired: int
    updated: int
    ready: int
    available: int
    settled: bool
    failure: str = ""
    message: str = ""
    seen: bool = True
    rolling: bool = False


def deployment_status(deployment: Json) -> DeploymentStatus:
    desired = number(deployment, "spec", "replicas") if "replicas" in mapping(deployment, "spec") else 1
    status = mapping(deployment, "status")
    updated, ready, available = (number(status, f"{key}Replicas") for key in ("updated", "ready", "available"))
    seen = number(status, "observedGeneration") >= number(deployment, "metadata", "generation")
    settled = seen and updated == desired == number(status, "replicas") == available
    failure, message = _deployment_failure(status) if seen else ("", "")
    # Pods of the newest spec that aren't ready are no rollout: nothing says that they ever will be.
    rolling = not failure and (not seen or updated < desired or updated < number(status, "replicas"))
    return DeploymentStatus(desired, updated, ready, available, settled, failure, message, seen, rolling)


def _deployment_failure(status: Json) -> tuple[str, str]:
    for condition in items(status, "conditions"):
        if (text(condition, "type"), text(condition, "status")) in (
            ("Progressing", "False"),
            ("ReplicaFailure", "True"),
        ):
            return plain(text(condition, "reason") or text(condition, "type"), 80), plain(text(condition, "message"))
    return "", ""


def service_addresses(service: Json) -> tuple[str, ...]:
    """Return the IP addresses and host names that the load balancer assigned to a Service, in its order and as they can
    be shown; empty while pending.
    """
    ingress = items(service, "status", "loadBalancer", "ingress")
    found = [text(entry, "ip") or text(entry, "hostname") for entry in ingress]
    return tuple(dict.fromkeys(plain(address, NAME_LIMIT) for address in found if address))


class Reason(NamedTuple):
    """Why an object is as it is, from its Events."""

    reason: str
    message: str
    times: int
    warning: bool


def reasons(api: Api, namespace: str, kind: str, name: str, *, uid: str = "") -> tuple[Reason, ...]:
    """Return the Events of one object, newest first, at most 20. With `uid`, without those of an earlier object of that
    name.
    """
    fields = f"involvedObject.kind={kind},involvedObject.name={name}" + (f",involvedObject.uid={uid}" if uid else "")
    found = sorted(api.list(kinds.EVENT, namespace, fields=fields), key=_when, reverse=True)
    return tuple(
        Reason(
            plain(text(event, "reason"), 80),
            plain(text(event, "message")),
            max(number(event, "count"), 1),
            text(event, "type") == "Warning",
        )
        for event in found[:20]
    )


def newest_reason(events: Iterable[Json], name: str) -> str:
    """Return the newest warning about the object of that name, or else the newest Event, as `reason: message`."""
    own = sorted((each for each in events if text(each, "involvedObject", "name") == name), key=_when, reverse=True)
    newest = next((each for each in own if text(each, "type") == "Warning"), own[0] if own else None)
    return f"{plain(text(newest, 'reason'), 80)}: {plain(text(newest, 'message'))}" if newest else ""


def _when(event: Json) -> str:
    return text(event, "lastTimestamp") or text(event, "eventTime") or text(event, "metadata", "creationTimestamp")
