"""Requests as a sidecar sends them: mutual TLS from a member's network namespace, with a certificate of the mesh."""

from __future__ import annotations

import base64
import datetime
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from typing import Self

    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

    from tests.live.support.client import Client

SIDECAR = Path(__file__).with_name("sidecar.py")
SPIFFE = "spiffe://cluster.local/ns/shop/sa/observer"


@dataclass(frozen=True)
class Served:
    """Who answered: `cluster` and `pod`; both empty when nobody did, and `error` says why."""

    cluster: str = ""
    pod: str = ""
    client: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Identity:
    """A client's certificate and key, and the mesh's root, as PEM."""

    certificate: bytes
    key: bytes = field(repr=False)
    root: bytes

    @classmethod
    def of(cls, config: Client, system: str) -> Self:
        """A new identity, signed by istiod's own authority."""
        data = config.get(f"/api/v1/namespaces/{system}/secrets/istio-ca-secret")["data"]
        root = base64.b64decode(data["ca-cert.pem"])
        signer = serialization.load_pem_private_key(base64.b64decode(data["ca-key.pem"]), None)
        key = ec.generate_private_key(ec.SECP256R1())
        return cls(_certificate(x509.load_pem_x509_certificate(root), signer, key), _pem(key), root)  # type: ignore[arg-type]


def served_by(
    namespace: str, identity: Identity, host: str, port: int, service: str = "echo.shop", service_port: int = 8080
) -> Served:
    """One request from a network namespace to `host`:`port`, meant for a service of the mesh."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("certificate", "key", "root"):
            Path(folder, name).write_bytes(getattr(identity, name))
        sni = f"outbound_.{service_port}_._.{service}.svc.cluster.local"
        command = ["ip", "netns", "exec", namespace, sys.executable, str(SIDECAR), folder, host, str(port), sni]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode:
        return Served(error=done.stderr.strip().rpartition("\n")[2])
    answer = json.loads(done.stdout)
    cluster, _, pod = answer["served_by"].partition("/")
    return Served(cluster, pod, tuple(answer["client"]))


def _certificate(
    authority: x509.Certificate, signer: CertificateIssuerPrivateKeyTypes, key: ec.EllipticCurvePrivateKey
) -> bytes:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(SPIFFE)]), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
