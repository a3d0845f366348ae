"""TLS as Go's clients do it (kubectl, istiod): who is trusted, and what it means when one side rejects the other."""

from __future__ import annotations

import os
import ssl
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from interconnect.domain.credentials import moment
from interconnect.kube import pem
from interconnect.kube.errors import KubeError, Permanent, plain

if TYPE_CHECKING:
    from interconnect.kube.kubeconfig import Credential

# X509_V_ERR_… of OpenSSL
_NOT_YET_VALID, _EXPIRED = {9, 11, 13}, {10, 12, 14}
_WRONG_NAME = {62, 64}
_WRONG_SIGNATURE = 7
_WEAK = {66, 67, 68}
# alerts by which a server refuses the certificate of its client, or misses one
_OF_THE_CLIENT = (
    "CERTIFICATE_REQUIRED",
    "BAD_CERTIFICATE",
    "UNSUPPORTED_CERTIFICATE",
    "CERTIFICATE_REVOKED",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_UNKNOWN",
    "UNKNOWN_CA",
    "ACCESS_DENIED",
    "HANDSHAKE_FAILURE",
)
# how OpenSSL names bytes that are no record of TLS
_NO_TLS = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "HTTPS_PROXY_REQUEST",
    "UNKNOWN_PROTOCOL",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER",
)


def trusting(ca_pem: str) -> ssl.SSLContext:
    """Return a context that trusts exactly these certificates, roots or not; without any, those of the system.

    A name counts only among a certificate's alternative names, never as its common name.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.hostname_checks_common_name = False
    if ca_pem:
        context.load_verify_locations(cadata=ca_pem)
    else:
        context.load_default_certs()
    return context


def orders(credential: Credential) -> int:
    """In how many orders its authorities are worth trying."""
    return len(pem.blocks(credential.ca_pem))


def is_ambiguous(error: Exception) -> bool:
    """Whether another authority of the same name may have signed: OpenSSL tries the first only where they have no key
    identifier, Go tries each.
    """
    return isinstance(error, ssl.SSLCertVerificationError) and error.verify_code == _WRONG_SIGNATURE


def context_of(credential: Credential, order: int = 0) -> ssl.SSLContext:
    """What connects as this credential, the authority number `order` first. Permanent `tls-own` where `ssl` does not
    take its certificates or its key.
    """
    try:
        authorities = pem.blocks(credential.ca_pem)
        context = trusting("".join(authorities[order:] + authorities[:order]))
        if credential.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["http/1.1"])
        if credential.client_cert_pem:
            _load_key(context, credential)
    except (ssl.SSLError, ValueError) as error:
        raise Permanent("tls-own", reason=_reason(error)) from None
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


def failure(error: ssl.SSLError, credential: Credential, name: str) -> KubeError | None:
    """Return the error for a failed handshake, or for an alert after it; `name` is the expected name.

    None: the connection just ended.
    """
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return None
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_the_server(error, name)
    reason = _reason(error)
    if any(part in reason for part in _NO_TLS):
        return Permanent("not-tls")
    if "ALERT" in reason and any(part in reason for part in _OF_THE_CLIENT):
        return _of_the_client(credential, reason)
    return Permanent("tls", reason=reason)


def _of_the_client(credential: Credential, reason: str) -> KubeError:
    """The server does not let this credential in: it has no client certificate, one that has ended, or one of another
    authority.
    """
    end = pem.end_of_certificate(credential.client_cert_pem)
    if end is None:
        # a handshake that fails without a word of certificates can also mean that the two have no cipher in common
        return Permanent("tls", reason=reason) if "HANDSHAKE_FAILURE" in reason else Permanent("tls-client-missing")
    if "EXPIRED" in reason or end <= datetime.now(UTC):
        return Permanent("tls-client-ended", until=moment(end))
    return Permanent("tls-client-refused", reason=reason)


def _of_the_server(error: ssl.SSLCertVerificationError, name: str) -> KubeError:
    number, reason = error.verify_code, plain(error.verify_message or "certificate")
    if number in _EXPIRED:
        return Permanent("tls-ended", reason=reason)
    if number in _NOT_YET_VALID:
        return Permanent("tls-not-yet", reason=reason)
    if number in _WRONG_NAME:
        return Permanent("tls-name", name=name, reason=reason)
    return Permanent("tls-weak" if number in _WEAK else "tls-untrusted", reason=reason)


def _reason(error: Exception) -> str:
    return plain(getattr(error, "reason", None) or type(error).__name__)
