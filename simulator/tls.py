"""A fleet's own certificate authority, and the server certificate that clients check against it."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = datetime.timedelta(days=3650)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class Authority:
    """A certificate authority; `certificate` is PEM.

    The private key can be saved (`dump`), so that a restarted fleet looks the same to its clients.
    """

    def __init__(self, common_name: str = "simulator-ca", state: tuple[bytes, bytes] | None = None) -> None:
        if state is not None:
            loaded = serialization.load_pem_private_key(state[1], None)
            if not isinstance(loaded, ec.EllipticCurvePrivateKey):
                raise ValueError("the authority's key is of another kind")
            self._key, self._cert = loaded, x509.load_pem_x509_certificate(state[0])
        else:
            self._key = ec.generate_private_key(ec.SECP256R1())
            self._cert = self._signed(_name(common_name), self._key.public_key(), authority=True)
        self.certificate = self._cert.public_bytes(serialization.Encoding.PEM)

    def dump(self) -> tuple[bytes, bytes]:
        return self.certificate, _pem(self._key)

    def context(self) -> ssl.SSLContext:
        """Return a TLS context for a server on this machine."""
        key = ec.generate_private_key(ec.SECP256R1())
        cert = self._signed(_name("simulator"), key.public_key(), authority=False)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pair.pem"
            path.touch(0o600)
            path.write_bytes(cert.public_bytes(serialization.Encoding.PEM) + _pem(key))
            context.load_cert_chain(path)
        context.set_alpn_protocols(["http/1.1"])
        return context

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, authority: bool) -> x509.Certificate:
        begin = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        issuer = subject if authority else self._cert.subject
        identifier = x509.SubjectKeyIdentifier.from_public_key
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + LIFE)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(identifier(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(_usage(authority), critical=True)
        )
        if not authority:
            names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
