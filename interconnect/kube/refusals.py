"""Why a kubeconfig is refused: stable codes with parameters, worded elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# every code that a refusal can have; each has a message where errors are worded
CODES = frozenset(
    (
        "alias",
        "auth-provider",
        "authority-malformed",
        "base64-malformed",
        "basic-auth",
        "client-certificate-incomplete",
        "client-certificate-malformed",
        "client-key-encrypted",
        "client-key-malformed",
        "client-key-mismatch",
        "cluster-unknown",
        "context-incomplete",
        "context-unknown",
        "current-unknown",
        "current-unusable",
        "duplicate-key",
        "duplicate-name",
        "empty",
        "encoded",
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
        "no-entries",
        "not-a-kubeconfig",
        "not-a-switch",
        "not-text",
        "other-kind",
        "pem-unencoded",
        "proxy-url",
        "redacted",
        "secret-without-kubeconfig",
        "server-denied",
        "server-ipv6",
        "server-malformed",
        "server-missing",
        "server-name-malformed",
        "server-query",
        "server-scheme",
        "server-space",
        "server-unspecified",
        "server-user",
        "several-contexts",
        "space",
        "tab",
        "tag",
        "token-malformed",
        "too-deep",
        "too-large",
        "too-many-nodes",
        "user-unknown",
        "wrong-type",
    )
)


@dataclass(frozen=True, slots=True)
class KubeconfigRefused:
    """Why a kubeconfig was refused. `params` hold names and places in the file, never its secrets."""

    code: str
    params: dict[str, Any] = field(default_factory=dict)


class Refusal(Exception):
    """Carries a KubeconfigRefused out of nested readers."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.reason = KubeconfigRefused(code, params)
