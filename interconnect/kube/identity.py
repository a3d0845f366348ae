"""Which cluster an API server belongs to: the UID of its `kube-system` namespace."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from interconnect.kube import kinds
from interconnect.kube.errors import Permanent
from interconnect.kube.reading import text

if TYPE_CHECKING:
    from interconnect.kube.api import Api

_UID = re.compile(r"[A-Za-z0-9-]{8,64}")


def cluster_uid(api: Api) -> str:
    """The cluster's identity. Permanent `not-found` where `kube-system` is missing, `bad-body` where it has no usable UID."""
    namespace = api.get(kinds.NAMESPACE, "kube-system", metadata_only=True)
    if namespace is None:
        raise Permanent("not-found", resource="namespaces", name="kube-system")
    uid = text(namespace, "metadata", "uid")
    if not _UID.fullmatch(uid):
        raise Permanent("bad-body", resource="namespaces", name="kube-system")
    return uid
