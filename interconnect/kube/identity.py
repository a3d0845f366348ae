"""Which cluster an API server belongs to: the UID of its `kube-system` namespace."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from interconnect.kube import kinds
from interconnect.kube.errors import Call, Permanent, from_response
from interconnect.kube.reading import text

if TYPE_CHECKING:
    from interconnect.kube.api import Api
    from interconnect.kube.transport import Response

NAME = "kube-system"
PATH = kinds.NAMESPACE.path("", NAME)
ACCEPT = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_CALL = Call("get", kinds.NAMESPACE.resource, "", NAME)
_UID = re.compile(r"[A-Za-z0-9-]{8,64}")


def cluster_uid(api: Api) -> str:
    """Return the cluster's identity.

    Raises Permanent `not-found` when `kube-system` is missing, `bad-body` when it has no usable UID.
    """
    namespace = api.get(kinds.NAMESPACE, NAME, metadata_only=True)
    if namespace is None:
        raise Permanent("not-found", resource=_CALL.resource, name=NAME)
    return _uid_in(namespace)


def check(answer: Response, expected: str, secrets: tuple[str, ...]) -> None:
    """Permanent `wrong-cluster` where the answer to a GET of `PATH` is another cluster's; what the answer stands for
    where it is none.
    """
    if not 200 <= answer.status < 300:
        raise from_response(answer.status, answer.headers, answer.body, _CALL, secrets)
    uid = _uid_in(answer.json())
    if uid != expected:
        raise Permanent("wrong-cluster", uid=uid, expected=expected)


def _uid_in(namespace: dict[str, Any]) -> str:
    uid = text(namespace, "metadata", "uid")
    if not _UID.fullmatch(uid):
        raise Permanent("bad-body", resource=_CALL.resource, name=NAME)
    return uid
