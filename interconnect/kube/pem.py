"""Certificates, keys and tokens as kubeconfigs hold them. Nothing is verified here: expiry and names are only read."""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from interconnect.kube.refusals import Refusal

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(rb"-----BEGIN (?P<kind>(?:[A-Z0-9]+ )*PRIVATE KEY)-----.*?-----END (?P=kind)-----", re.DOTALL)


def decoded(text: str, name: str) -> bytes:
    """Return the bytes of a base64 text, with or without line breaks. Raises Refusal when it isn't base64."""
    if text.lstrip().startswith("-----BEGIN"):
        raise Refusal("pem-unencoded", field=name)
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Refusal("base64-malformed", field=name) from None


def certificates(pem: bytes, code: str) -> str:
    """Return only the certificates, each once. Comments, keys and unreadable certificates are left out, as Go does."""
    found = [each for block in _CERTIFICATE.findall(pem) if (each := _certificate(block))]
    if not found:
        raise Refusal(code)
    return "".join(dict.fromkeys(found))


def blocks(text: str) -> list[str]:
    """The certificates of a PEM text, one by one."""
    return [block.decode() + "\n" for block in _CERTIFICATE.findall(text.encode())]


def _certificate(block: bytes) -> str:
    try:
        return x509.load_pem_x509_certificate(block).public_bytes(serialization.Encoding.PEM).decode()
    except ValueError:
        return ""


def key_pair(certificate: bytes, key: bytes) -> tuple[str, str]:
    """Chain and key of a client as PEM; the key must belong to the first certificate."""
    chain = certificates(certificate, "client-certificate-malformed")
    block = _KEY.search(key)
    try:
        private = serialization.load_pem_private_key(block[0] if block else key, password=None)
        same = private.public_key() == x509.load_pem_x509_certificate(chain.encode()).public_key()
    except TypeError:
        raise Refusal("client-key-encrypted") from None
    except Exception:  # the library raises several kinds for keys that it does not know
        raise Refusal("client-key-malformed") from None
    if not same:
        raise Refusal("client-key-mismatch")
    plain = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return chain, plain.decode()


def end_of_certificate(chain: str) -> datetime | None:
    """Return when the first certificate expires; None without one."""
    try:
        return x509.load_pem_x509_certificate(chain.encode()).not_valid_after_utc
    except ValueError:
        return None


def end_of_token(token: str) -> datetime | None:
    """Return `exp` of a JWT; None for any other token, and for one that never expires."""
    try:
        return datetime.fromtimestamp(float(_claims(token)["exp"]), UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def subject_of_token(token: str) -> str:
    """Return `sub` of a JWT, such as `system:serviceaccount:istio-system:istiod`; empty for any other token."""
    subject = _claims(token).get("sub")
    return subject if isinstance(subject, str) else ""


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
