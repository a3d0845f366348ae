"""An uploaded kubeconfig as a credential, or the reason why not: nothing is run, opened or connected
to while reading.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from interconnect.domain.rights import ServiceAccount
from interconnect.kube import pem, strict_yaml
from interconnect.kube.errors import plain
from interconnect.kube.refusals import CODES, KubeconfigRefused, Refusal
from interconnect.kube.servers import plausible_host, server
from interconnect.kube.wrapping import SIZE_LIMIT, unwrap

if TYPE_CHECKING:
    from datetime import datetime

    from interconnect.kube.guard import DenyList

__all__ = ["CODES", "SIZE_LIMIT", "Credential", "KubeconfigRefused", "Reading", "read"]
_TOKEN = re.compile(r"[\x21-\x7e]+")
_SHORTEST_FORM = 8
_CLUSTER_FIELDS = frozenset(
    [
        "server",
        "certificate-authority-data",
        "tls-server-name",
        "insecure-skip-tls-verify",
        "disable-compression",
        "extensions",
    ]
)
_CONTEXT_FIELDS = frozenset(("cluster", "user", "namespace", "extensions"))
_USER_FIELDS = frozenset(("token", "client-certificate-data", "client-key-data", "extensions"))
_FILES = frozenset(("client-certificate", "client-key", "certificate-authority", "tokenFile"))
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


# what `kubectl config view` and people put where a secret was
_PLACEHOLDER = re.compile(
    r"(?i)[^A-Za-z0-9]*(?:redacted|data\+omitted|omitted|masked|hidden|removed|sensitive)[^A-Za-z0-9]*|[*•.xX…]{3,}|<[^<>]*>"
    # a variable that nobody has filled in: of a shell, of Windows, of a template
    r"|\$(?:[A-Za-z_]\w*|\{[^{}]*\}|\([^()]*\))|%[A-Za-z_]\w*%|\{\{.*\}\}"
)
_SECRET_FIELDS = ("token", "password", "client-certificate-data", "client-key-data", "certificate-authority-data")
# commands that sign in to a cloud, by the name of the cloud's clusters
_COMMANDS = {
    "aws": "Amazon EKS",
    "aws-iam-authenticator": "Amazon EKS",
    "gcloud": "Google GKE",
    "gke-gcloud-auth-plugin": "Google GKE",
    "az": "Azure AKS",
    "kubelogin": "Azure AKS, OIDC",
    "kubectl": "OIDC",
    "kubectl-oidc_login": "OIDC",
    "oci": "Oracle OKE",
    "doctl": "DigitalOcean",
    "ibmcloud": "IBM Cloud",
    "tsh": "Teleport",
    "tanzu": "Tanzu",
}
_PROVIDERS = {"gcp": "Google GKE", "azure": "Azure AKS", "oidc": "OIDC", "openstack": "OpenStack"}
# the accounts that Istio's charts and `istioctl create-remote-secret` make for istiod
_SERVICE_ACCOUNT = re.compile(r"system:serviceaccount:([a-z0-9-]+):([a-z0-9.-]+)")
_ISTIOD_ACCOUNT = re.compile(
    r"system:serviceaccount:[^:]+:(?:istio-reader-service-account|istiod-service-account|istiod)(?:-[^:]+)?"
)


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
        """An identifier of exactly this credential that reveals nothing about it: 32 hexadecimal digits."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:32]

    @property
    def secrets(self) -> tuple[str, ...]:
        """Everything that must not be seen anywhere: the token, also in base64, and the key, as a whole and line by
        line.
        """
        return (self.token, *_base64_forms(self.token), self.client_key_pem, *self.client_key_pem.splitlines()[1:-1])

    @property
    def ends_at(self) -> datetime | None:
        """When the credential expires: `exp` of a JWT or the end of the client certificate, whichever comes first.
        None: never, or unknown.
        """
        ends = (pem.end_of_token(self.token), pem.end_of_certificate(self.client_cert_pem))
        return min((end for end in ends if end), default=None)

    @property
    def account(self) -> ServiceAccount | None:
        """The service account that the token is for, as its JWT names it; None for any other credential."""
        found = _SERVICE_ACCOUNT.fullmatch(pem.subject_of_token(self.token))
        return ServiceAccount(found[1], found[2]) if found else None

    @property
    def is_istiods(self) -> bool:
        """Whether the token belongs to an account that Istio creates for istiod."""
        return _ISTIOD_ACCOUNT.fullmatch(pem.subject_of_token(self.token)) is not None

    def to_json(self) -> str:
        """Return everything, including secrets: for sealing, never for showing."""
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
    """How `text` looks inside something encoded, by the three places where it can begin; none of a few characters."""
    encoded = (base64.b64encode(b"\0" * shift + text.encode()).decode() for shift in range(3))
    forms = (form[4 if shift else 0 :].rstrip("=")[:-1] for shift, form in enumerate(encoded))
    return tuple(form for form in forms if len(form) >= _SHORTEST_FORM)


@dataclass(frozen=True, slots=True)
class Reading:
    """A kubeconfig that was taken: the credential of `context`.

    `remote_cluster` is the cluster ID under which a Secret of istiod's own kept it, else empty. `ignored` are fields
    that mean nothing to the console, nor to kubectl.
    """

    credential: Credential
    context: str = ""
    remote_cluster: str = ""
    ignored: tuple[str, ...] = ()

    @property
    def is_istiods(self) -> bool:
        """Whether this is the credential with which istiod itself reads the cluster."""
        return bool(self.remote_cluster) or self.credential.is_istiods


class _Rules(NamedTuple):
    allow_insecure: bool
    deny: DenyList


def read(
    text: str | bytes, *, deny: DenyList, context: str | None = None, allow_insecure: bool = False
) -> Reading | KubeconfigRefused:
    """One context of a kubeconfig, at most 256 KiB of YAML or JSON in UTF-8, as it is or in a List or a Secret.

    Without `context` the one that all usable ones amount to is taken. Where they differ, or the current one cannot be
    used, the refusal has the names to choose from in `params["contexts"]` and their servers in `params["servers"]`.
    """
    try:
        document, remote = unwrap(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
        return _choose(document, context, _Rules(allow_insecure, deny), remote)
    except Refusal as refusal:
        return refusal.reason


def _choose(document: dict[str, Any], wanted: str | None, rules: _Rules, remote: str) -> Reading:
    contexts = _named(document, "contexts", "context")
    if not contexts:
        raise Refusal("no-context")
    if wanted is not None and wanted not in contexts:
        raise Refusal("context-unknown", context=plain(wanted), contexts=_shown(contexts))
    results = {
        name: _outcome(document, contexts[name], rules) for name in ([wanted] if wanted is not None else contexts)
    }
    usable = {name: result for name, result in results.items() if isinstance(result, Credential)}
    current = _current(document)
    if not usable:
        failed = results[current if current in results else next(iter(results))]
        assert isinstance(failed, Refusal)  # noqa: S101 (narrows the type: none of them is a credential)
        raise failed
    if wanted is None:
        _require_no_choice(current, results, usable)
    name = current if current in usable else next(iter(usable))
    return Reading(usable[name], plain(name), remote, _ignored(document, contexts[name]))


def _current(document: dict[str, Any]) -> str:
    current = document.get("current-context")
    return current if isinstance(current, str) else ""


def _require_no_choice(current: str, results: dict[str, Credential | Refusal], usable: dict[str, Credential]) -> None:
    """Another context is never taken for the current one, nor one of several that differ."""
    choice = {"contexts": _shown(usable), "servers": [credential.server for credential in usable.values()][:100]}
    failed = results.get(current)
    if isinstance(failed, Refusal):
        reason = failed.reason
        raise Refusal(
            "current-unusable", **reason.params, current=plain(current), violation=f"kubeconfig.{reason.code}", **choice
        )
    if current and current not in usable:
        raise Refusal("current-unknown", current=plain(current), **choice)
    if len(set(usable.values())) > 1:
        raise Refusal("several-contexts", **choice)


def _shown(names: dict[str, Any]) -> list[str]:
    return [plain(name) for name in names][:100]


def _outcome(document: dict[str, Any], context: dict[str, Any], rules: _Rules) -> Credential | Refusal:
    try:
        return _credential(document, context, rules)
    except Refusal as refusal:
        return refusal


def _named(document: dict[str, Any], section: str, inner: str) -> dict[str, dict[str, Any]]:
    """The entries of a section by name."""
    entries = document.get(section)
    if entries is None:
        return {}
    if not isinstance(entries, list):
        raise Refusal("wrong-type", field=section)
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name or isinstance(name, strict_yaml.Number):
            raise Refusal("not-text", field=f"{section}.name")
        if name in found:
            raise Refusal("duplicate-name", field=section, name=plain(name))
        value = entry.get(inner)
        if value is not None and not isinstance(value, dict):
            raise Refusal("wrong-type", field=f"{section}.{inner}")
        found[name] = value or {}
    return found


def _credential(document: dict[str, Any], context: dict[str, Any], rules: _Rules) -> Credential:
    cluster, user = _parts(document, context)
    for part in (context, cluster, user):
        _require_harmless(part)
    for part in (cluster, user):
        _require_whole(part)
    insecure = _insecure(cluster, rules)
    certificate, key = _client_certificate(user)
    token = _token(user)
    if not token and not certificate:
        raise Refusal("no-credential")
    address = server(_text(cluster, "server"), rules.deny)
    return Credential(address, _authority(cluster), token, certificate, key, _server_name(cluster), insecure)


def _parts(document: dict[str, Any], context: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The cluster and the user that a context names."""
    clusters, users = _named(document, "clusters", "cluster"), _named(document, "users", "user")
    for name, found, code in (("cluster", clusters, "cluster-unknown"), ("user", users, "user-unknown")):
        named = _text(context, name)
        if not named:
            raise Refusal("context-incomplete", field=name)
        if not found:
            raise Refusal("no-entries", field=f"{name}s", name=plain(named))
        if named not in found:
            raise Refusal(code, name=plain(named), known=_shown(found))
    return clusters[_text(context, "cluster")], users[_text(context, "user")]


def _require_harmless(value: dict[str, Any]) -> None:
    """Nothing in it may run or open something, or make somebody else of the console."""
    for name in value:
        if name in _FORBIDDEN and _is_set(name, value[name]):
            raise Refusal(_FORBIDDEN[name], field=name, **_helper(name, value[name]))


def _is_set(name: str, value: Any) -> bool:
    """An empty text is unset, as kubectl has it; so is an empty list or mapping of what else one is."""
    return value not in (None, "") and not (name.startswith("as-") and value in ([], {}))


def _helper(name: str, value: Any) -> dict[str, str]:
    """What would be run, without its arguments: they can hold secrets."""
    if name not in ("exec", "auth-provider"):
        return {}
    said = value.get("command" if name == "exec" else "name") if isinstance(value, dict) else None
    command = re.split(r"[\\/]", said)[-1].removesuffix(".exe") if isinstance(said, str) else ""
    cloud = (_COMMANDS if name == "exec" else _PROVIDERS).get(command, "")
    return {"command": f"{plain(command, 80) or '?'}{f' ({cloud})' if cloud else ''}"}


def _require_whole(value: dict[str, Any]) -> None:
    """No placeholder stands where a secret was."""
    for name in _SECRET_FIELDS:
        said = value.get(name)
        if isinstance(said, str) and _PLACEHOLDER.fullmatch(said.strip()):
            raise Refusal("redacted", field=name)


def _ignored(document: dict[str, Any], context: dict[str, Any]) -> tuple[str, ...]:
    """Fields that the context, its cluster and its user have and that neither kubectl nor the console knows."""
    cluster, user = _parts(document, context)
    parts = (("context", context, _CONTEXT_FIELDS), ("cluster", cluster, _CLUSTER_FIELDS), ("user", user, _USER_FIELDS))
    unknown = (
        f"{where}.{plain(name, 80)}"
        for where, part, known in parts
        for name in part
        if name not in known | _FORBIDDEN.keys()
    )
    return tuple(unknown)[:20]


def _text(value: dict[str, Any], name: str) -> str:
    found = value.get(name)
    if found is None:
        return ""
    if not isinstance(found, str) or isinstance(found, strict_yaml.Number):
        raise Refusal("not-text", field=name)
    return found


def _insecure(cluster: dict[str, Any], rules: _Rules) -> bool:
    insecure = cluster.get("insecure-skip-tls-verify")
    if insecure in (None, ""):
        return False
    if not isinstance(insecure, bool):
        raise Refusal("not-a-switch", field="insecure-skip-tls-verify")
    if insecure and cluster.get("certificate-authority-data"):
        raise Refusal("insecure-with-authority")
    if insecure and not rules.allow_insecure:
        raise Refusal("insecure")
    return insecure


def _server_name(cluster: dict[str, Any]) -> str:
    name = _text(cluster, "tls-server-name")
    if name and not plausible_host(name):
        raise Refusal("server-name-malformed")
    return name


def _token(user: dict[str, Any]) -> str:
    token = _text(user, "token")
    if token and not _TOKEN.fullmatch(token):
        raise Refusal("token-malformed")
    return token


def _decoded(value: dict[str, Any], name: str) -> bytes:
    return pem.decoded(_text(value, name), name)


def _authority(cluster: dict[str, Any]) -> str:
    found = _decoded(cluster, "certificate-authority-data")
    return pem.certificates(found, "authority-malformed") if found else ""


def _client_certificate(user: dict[str, Any]) -> tuple[str, str]:
    certificate = _decoded(user, "client-certificate-data")
    key = _decoded(user, "client-key-data")
    if not certificate and not key:
        return "", ""
    if not certificate or not key:
        raise Refusal("client-certificate-incomplete")
    return pem.key_pair(certificate, key)
