"""An uploaded kubeconfig as a credential, or the reason why not: nothing is run, opened or connected to while reading."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from interconnect.kube import strict_yaml
from interconnect.kube.errors import plain
from interconnect.kube.guard import DenyList, is_address

SIZE_LIMIT = 256 * 1024
_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}))*\.?")
_TOKEN = re.compile(r"[\x21-\x7e]+")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
_CLUSTER_FIELDS = frozenset(
    ["server", "certificate-authority-data", "tls-server-name", "insecure-skip-tls-verify", "disable-compression", "extensions"]
)
_CONTEXT_FIELDS = frozenset(("cluster", "user", "namespace", "extensions"))
_USER_FIELDS = frozenset(("token", "client-certificate-data", "client-key-data", "extensions"))
_FILES = frozenset(("client-certificate", "client-key", "certificate-authority", "tokenFile"))
# every code that a refusal can have; each has a message where errors are worded
CODES = frozenset(
    (
        "alias",
        "auth-provider",
        "authority-malformed",
        "basic-auth",
        "client-certificate-incomplete",
        "client-certificate-malformed",
        "client-key-encrypted",
        "client-key-malformed",
        "client-key-mismatch",
        "cluster-unknown",
        "context-unknown",
        "duplicate-key",
        "duplicate-name",
        "empty",
        "encoding",
        "exec",
        "file-path",
        "impersonation",
        "insecure",
        "insecure-with-authority",
        "malformed",
        "merge-key",
        "multiple-documents",
        "no-context",
        "no-credential",
        "not-a-kubeconfig",
        "proxy-url",
        "server-denied",
        "server-malformed",
        "server-missing",
        "server-name-malformed",
        "server-scheme",
        "several-contexts",
        "tag",
        "token-malformed",
        "too-deep",
        "too-large",
        "too-many-nodes",
        "unknown-field",
        "user-unknown",
        "wrong-type",
    )
)
_FORBIDDEN = {
    "exec": "exec",
    "auth-provider": "auth-provider",
    "proxy-url": "proxy-url",
    "as": "impersonation",
    "as-uid": "impersonation",
    "as-groups": "impersonation",
    "as-user-extra": "impersonation",
    "username": "basic-auth",
    "password": "basic-auth",
} | dict.fromkeys(_FILES, "file-path")


@dataclass(frozen=True, slots=True)
class KubeconfigRefused:
    """Why a kubeconfig was not taken. `params` hold names and places of the file, never its secrets."""

    code: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False)
class Credential:
    """How one API server is reached and who the console is there. Empty strings mean absent; PEM is text.

    Without `ca_pem` the system's certificate authorities decide.
    """

    server: str
    ca_pem: str = ""
    token: str = ""
    client_cert_pem: str = ""
    client_key_pem: str = ""
    tls_server_name: str = ""
    insecure: bool = False

    def __repr__(self) -> str:
        return f"Credential(server={self.server!r}, fingerprint={self.fingerprint!r})"

    @property
    def fingerprint(self) -> str:
        """A name for exactly this credential that tells nothing about it: 32 hexadecimal digits."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:32]

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be seen anywhere: the token, also in base64, and the key, as a whole and line by line."""
        return (self.token, *_base64_forms(self.token), self.client_key_pem, *self.client_key_pem.splitlines()[1:-1])

    def to_json(self) -> str:
        """All of it, secrets included: for sealing, never for showing."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The credential that `to_json` wrote; ValueError for anything else."""
        try:
            value = json.loads(text)
            return cls(**value)
        except (ValueError, TypeError):
            raise ValueError("not a stored credential") from None


def _base64_forms(text: str) -> tuple[str, ...]:
    """How `text` looks inside something encoded, by the three places where it can begin."""
    encoded = (base64.b64encode(b"\0" * shift + text.encode()).decode() for shift in range(3))
    return tuple(form[4 if shift else 0 :].rstrip("=")[:-1] for shift, form in enumerate(encoded))


class _Refusal(Exception):
    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.reason = KubeconfigRefused(code, params)


class _Rules(NamedTuple):
    allow_insecure: bool
    deny: DenyList


def parse(
    text: str | bytes, *, context: str | None = None, allow_insecure: bool = False, deny: DenyList | None = None
) -> Credential | KubeconfigRefused:
    """The credential of one context of a kubeconfig, at most 256 KiB of YAML or JSON in UTF-8.

    Without `context` the only usable one is taken; several give `several-contexts` with their names in `params["contexts"]`.
    """
    try:
        document = _document(text)
        return _choose(document, context, _Rules(allow_insecure, deny or DenyList()))
    except _Refusal as refusal:
        return refusal.reason


def _document(text: str | bytes) -> dict[str, Any]:
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(raw) > SIZE_LIMIT:
        raise _Refusal("too-large", limit=SIZE_LIMIT)
    try:
        decoded = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _Refusal("encoding") from None
    if not decoded.strip():
        raise _Refusal("empty")
    try:
        document = strict_yaml.load(decoded)
    except strict_yaml.Refused as refused:
        raise _Refusal(refused.code, line=refused.line, column=refused.column) from None
    if not isinstance(document, dict) or document.get("kind", "Config") != "Config" or "clusters" not in document:
        raise _Refusal("not-a-kubeconfig")
    if document.get("apiVersion", "v1") != "v1":
        raise _Refusal("not-a-kubeconfig")
    return document


def _choose(document: dict[str, Any], wanted: str | None, rules: _Rules) -> Credential:
    contexts = _named(document, "contexts", "context")
    if wanted is not None and wanted not in contexts:
        raise _Refusal("context-unknown", context=plain(wanted), contexts=_shown(contexts))
    if wanted is None and not contexts:
        raise _Refusal("no-context")
    results = {name: _outcome(document, contexts[name], rules) for name in ([wanted] if wanted is not None else contexts)}
    usable = {name: result for name, result in results.items() if isinstance(result, Credential)}
    if len(usable) > 1:
        raise _Refusal("several-contexts", contexts=_shown(usable))
    if usable:
        return next(iter(usable.values()))
    current = document.get("current-context")
    failed = results[current if isinstance(current, str) and current in results else next(iter(results))]
    assert isinstance(failed, _Refusal)  # noqa: S101 (narrows the type; the other case has returned)
    raise failed


def _shown(names: dict[str, Any]) -> list[str]:
    return [plain(name) for name in names][:100]


def _outcome(document: dict[str, Any], context: dict[str, Any], rules: _Rules) -> Credential | _Refusal:
    try:
        return _credential(document, context, rules)
    except _Refusal as refusal:
        return refusal


def _named(document: dict[str, Any], section: str, inner: str) -> dict[str, dict[str, Any]]:
    """The entries of a section by name."""
    entries = document.get(section)
    if entries is None:
        return {}
    if not isinstance(entries, list):
        raise _Refusal("wrong-type", field=section)
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name or isinstance(name, strict_yaml.Number):
            raise _Refusal("wrong-type", field=f"{section}.name")
        if name in found:
            raise _Refusal("duplicate-name", field=section, name=plain(name))
        value = entry.get(inner)
        if value is not None and not isinstance(value, dict):
            raise _Refusal("wrong-type", field=f"{section}.{inner}")
        found[name] = value or {}
    return found


def _credential(document: dict[str, Any], context: dict[str, Any], rules: _Rules) -> Credential:
    _only(context, _CONTEXT_FIELDS, "context")
    clusters, users = _named(document, "clusters", "cluster"), _named(document, "users", "user")
    cluster, user = clusters.get(_text(context, "cluster")), users.get(_text(context, "user"))
    if cluster is None:
        raise _Refusal("cluster-unknown", name=plain(_text(context, "cluster")))
    if user is None:
        raise _Refusal("user-unknown", name=plain(_text(context, "user")))
    _only(cluster, _CLUSTER_FIELDS, "cluster")
    _only(user, _USER_FIELDS, "user")
    insecure = _insecure(cluster, rules)
    certificate, key = _client_certificate(user)
    token = _token(user)
    if not token and not certificate:
        raise _Refusal("no-credential")
    return Credential(
        _server(_text(cluster, "server"), rules.deny), _authority(cluster), token, certificate, key, _server_name(cluster), insecure
    )


def _only(value: dict[str, Any], known: frozenset[str], where: str) -> None:
    # what may run or open something is named first, whatever else is wrong with the entry
    for name in value:
        if name in _FORBIDDEN and value[name] is not None:
            raise _Refusal(_FORBIDDEN[name], field=name)
    for name in value:
        if name not in known and name not in _FORBIDDEN:
            raise _Refusal("unknown-field", field=f"{where}.{plain(name, 80)}")


def _text(value: dict[str, Any], name: str) -> str:
    found = value.get(name)
    if found is None:
        return ""
    if not isinstance(found, str) or isinstance(found, strict_yaml.Number):
        raise _Refusal("wrong-type", field=name)
    return found


def _insecure(cluster: dict[str, Any], rules: _Rules) -> bool:
    insecure = cluster.get("insecure-skip-tls-verify")
    if not isinstance(insecure, bool | None):
        raise _Refusal("wrong-type", field="insecure-skip-tls-verify")
    if insecure and not rules.allow_insecure:
        raise _Refusal("insecure")
    if insecure and cluster.get("certificate-authority-data"):
        raise _Refusal("insecure-with-authority")
    return bool(insecure)


def _server(server: str, deny: DenyList) -> str:
    if not server:
        raise _Refusal("server-missing")
    if not server.startswith("https://"):
        raise _Refusal("server-scheme")
    try:
        url = urlsplit(server)
        host, port = url.hostname or "", url.port
    except ValueError:
        raise _Refusal("server-malformed") from None
    if "@" in url.netloc or "?" in server or "#" in server or port == 0 or not _PATH.fullmatch(url.path.rstrip("/")):
        raise _Refusal("server-malformed")
    if any(part in (".", "..") for part in url.path.split("/")) or not _plausible_host(host):
        raise _Refusal("server-malformed")
    if deny.denies_host(host):
        raise _Refusal("server-denied", address=host)
    return f"https://{url.netloc}{url.path.rstrip('/')}"


def _plausible_host(host: str) -> bool:
    if is_address(host):
        return "%" not in host
    # inet_aton reads 0x7f000001, 2130706433 and 127.1 as addresses: what ends like a number is no name
    last = host.rstrip(".").rpartition(".")[2]
    return _HOST.fullmatch(host) is not None and re.fullmatch(r"[0-9]+|0[xX][0-9a-fA-F]*", last) is None


def _server_name(cluster: dict[str, Any]) -> str:
    name = _text(cluster, "tls-server-name")
    if name and not _plausible_host(name):
        raise _Refusal("server-name-malformed")
    return name


def _token(user: dict[str, Any]) -> str:
    token = _text(user, "token")
    if token and not _TOKEN.fullmatch(token):
        raise _Refusal("token-malformed")
    return token


def _decoded(value: dict[str, Any], name: str, code: str) -> bytes:
    text = _text(value, name)
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _Refusal(code, field=name) from None


def _authority(cluster: dict[str, Any]) -> str:
    pem = _decoded(cluster, "certificate-authority-data", "authority-malformed")
    return _certificates(pem, "authority-malformed") if pem else ""


def _certificates(pem: bytes, code: str) -> str:
    """The certificates alone: what else stands in a PEM file is left behind."""
    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise _Refusal(code) from None
    return "".join(certificate.public_bytes(serialization.Encoding.PEM).decode() for certificate in found)


def _client_certificate(user: dict[str, Any]) -> tuple[str, str]:
    certificate = _decoded(user, "client-certificate-data", "client-certificate-malformed")
    key = _decoded(user, "client-key-data", "client-key-malformed")
    if not certificate and not key:
        return "", ""
    if not certificate or not key:
        raise _Refusal("client-certificate-incomplete")
    chain = _certificates(certificate, "client-certificate-malformed")
    try:
        private = serialization.load_pem_private_key(key, password=None)
        same = private.public_key() == x509.load_pem_x509_certificate(chain.encode()).public_key()
    except TypeError:
        raise _Refusal("client-key-encrypted") from None
    except Exception:  # the library raises several kinds for keys that it does not know
        raise _Refusal("client-key-malformed") from None
    if not same:
        raise _Refusal("client-key-mismatch")
    plain_key = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return chain, plain_key.decode()
