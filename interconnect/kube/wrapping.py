"""What a kubeconfig comes wrapped in: several documents, a List, a Secret as `istioctl create-remote-
secret` writes it.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, NamedTuple

from interconnect.domain.json_types import Json
from interconnect.kube import strict_yaml
from interconnect.kube.pem import decoded
from interconnect.kube.refusals import Refusal

SIZE_LIMIT = 256 * 1024
_REMOTE_LABEL = "istio/multiCluster"
_REMOTE_NAME = "istio-remote-secret"
_ISTIO_ANNOTATION = "networking.istio.io/cluster"
_KIND = re.compile("[A-Z][A-Za-z]{1,40}")


class Unwrapped(NamedTuple):
    """A kubeconfig's document. `remote_cluster`: the cluster ID under which istiod's own Secret kept it, else empty."""

    document: Json
    remote_cluster: str = ""


def unwrap(raw: bytes) -> Unwrapped:
    """Return the one kubeconfig in `raw`, wherever it is. Raises Refusal when there is none, or more than one."""
    documents = _documents(raw)
    if not documents:
        raise Refusal("empty")
    found = [each for document in documents for each in _kubeconfigs(document)]
    if len(found) == 1:
        return found[0]
    if found:
        raise Refusal("multiple-documents", count=len(found))
    raise _nothing_in(documents)


def _documents(raw: bytes) -> list[Any]:
    if len(raw) > SIZE_LIMIT:
        raise Refusal("too-large", limit=SIZE_LIMIT)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refusal("encoding") from None
    if not text.strip():
        raise Refusal("empty")
    try:
        documents = strict_yaml.load_all(text)
    except strict_yaml.Refused as refused:
        raise Refusal(refused.code, line=refused.line, column=refused.column) from None
    return [document for document in documents if document is not None]


def _kubeconfigs(document: Any) -> list[Unwrapped]:
    if not isinstance(document, dict):
        return []
    kind = document.get("kind", "Config")
    if kind in ("List", "SecretList") and isinstance(document.get("items"), list):
        return [
            each
            for item in document["items"]
            if isinstance(item, dict) and item.get("kind") != kind
            for each in _kubeconfigs(item)
        ]
    if kind == "Secret":
        return _of_secret(document)
    usable = kind == "Config" and document.get("apiVersion", "v1") == "v1" and "clusters" in document
    return [Unwrapped(document)] if usable else []


def _of_secret(secret: Json) -> list[Unwrapped]:
    remote = _is_remote_secret(secret)
    return [
        Unwrapped(document, key if remote else "")
        for key, text in _values(secret).items()
        if (document := _inner(text))
    ]


def _is_remote_secret(secret: Json) -> bool:
    """Whether istiod reads another cluster by it."""
    labels, annotations = _part(secret, "metadata", "labels"), _part(secret, "metadata", "annotations")
    name = str(_part(secret, "metadata").get("name", ""))
    return (
        str(labels.get(_REMOTE_LABEL)).lower() == "true"
        or _ISTIO_ANNOTATION in annotations
        or name.startswith(_REMOTE_NAME)
    )


def _part(value: Any, *names: str) -> Json:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _values(secret: Json) -> dict[str, bytes]:
    """Its texts by key. `stringData` wins, as it does when the Secret is created."""
    found = {}
    for key, value in _part(secret, "data").items():
        try:
            found[key] = decoded(value, "data") if isinstance(value, str) else b""
        except Refusal:
            continue
    return found | {key: value.encode() for key, value in _part(secret, "stringData").items() if isinstance(value, str)}


def _inner(raw: bytes) -> Json | None:
    """The kubeconfig in a value of a Secret, None where it holds anything else."""
    if b"clusters" not in raw:
        return None
    documents = _documents(raw)
    found = [document for document in documents if isinstance(document, dict) and "clusters" in document]
    return found[0] if len(found) == 1 else None


def _nothing_in(documents: list[Any]) -> Refusal:
    """Why there is no kubeconfig in them, as precisely as it can be said."""
    first = documents[0]
    if isinstance(first, str) and _is_encoded(first):
        return Refusal("encoded")
    kind = first.get("kind") if isinstance(first, dict) else None
    if kind == "Secret":
        return Refusal("secret-without-kubeconfig")
    # Only what a kind can be is quoted: anything else may be a secret at the wrong place.
    if isinstance(kind, str) and kind != "Config" and _KIND.fullmatch(kind):
        return Refusal("other-kind", kind=kind)
    return Refusal("not-a-kubeconfig")


def _is_encoded(text: str) -> bool:
    try:
        return b"clusters" in base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
