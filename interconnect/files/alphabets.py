"""The characters and lengths allowed in the strings of a file. The shipped JSON Schema (`schema.json`) agrees."""

from __future__ import annotations

import ipaddress
import re

from interconnect.files.reader import Text

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_CLUSTER = r"[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?"

MESH_NAME = Text("mesh name", 63, re.compile(_LABEL))
GROUP_NAME = Text("group name", 63, re.compile(_LABEL))
NAMESPACE = Text("namespace", 63, re.compile(_LABEL))
CLUSTER_NAME = Text("cluster name", 63, re.compile(_CLUSTER))
GATEWAY_KEY = Text("gateway key", 68)
GATEWAY_KEY_PATTERN = re.compile(rf"{_CLUSTER}/[1-9][0-9]{{0,3}}")
UID = Text("UID", 64, re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*"))
PATH = Text("path", 4096)
CONTEXT = Text("context", 253)
CIDR = Text("CIDR", 64)
IP = Text("IP address", 45)
HOST = Text("address", 254)
ANNOTATION_KEY = Text(
    "annotation key",
    317,
    re.compile(rf"((?=[^/]{{1,253}}/){_LABEL}(\.{_LABEL})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?"),
)
ANNOTATION_VALUE = Text("annotation", 256 * 1024, lines=True, empty=True)


def is_ip(text: str) -> bool:
    """Return whether `text` is a network address, so without the name of an interface (`fe80::1%eth0`)."""
    try:
        return not getattr(ipaddress.ip_address(text), "scope_id", None)
    except ValueError:
        return False


def normal_cidr(text: str) -> str | None:
    """Return the canonical spelling of a network, or None if `text` isn't one or has bits set after its prefix."""
    try:
        return str(ipaddress.ip_network(text)) if "/" in text and "%" not in text else None
    except ValueError:
        return None
