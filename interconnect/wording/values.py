"""Parameters whose values are codes themselves, and the names of what was observed, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from interconnect.models import RolloutStatus
from meshconsole.access.models import Binding
from meshconsole.access.roles import Role
from meshconsole.text import visible

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

# The statuses of HTTP and istiod stay as they are.
_LABELS: Mapping[str, Mapping[str, StrPromise]] = {
    "role": {role.slug: Binding.RoleChoice(role.value).label for role in Role},
    "status": {status.value: status.label for status in RolloutStatus},
}
_NAMES: Mapping[str, Mapping[str, StrPromise]] = {
    "what": {"image": _("no proxy"), "network": _("another network")},
    "checks": {
        "system-namespace": _("system namespace"),
        "root-ca": _("root CA"),
        "trust-domain": _("trust domain"),
        "labelled-services": _("labeled Services"),
        "services": _("Services"),
        "stale-pods": _("Pods on another network"),
    },
}

_KEYS: Mapping[str, StrPromise] = {
    "actor": _("started by"),
    "addresses": _("addresses"),
    "clusters": _("clusters"),
    "deployment": _("Deployment"),
    "expected": _("expected"),
    "field": _("field"),
    "fields": _("fields"),
    "finalizers": _("finalizers"),
    "found": _("found"),
    "gateway": _("gateway"),
    "group": _("group"),
    "groups": _("groups"),
    "hosts": _("host names"),
    "kind": _("kind"),
    "name": _("name"),
    "namespace": _("namespace"),
    "network": _("network"),
    "networks": _("networks"),
    "owners": _("owners"),
    "pods": _("Pods"),
    "reason": _("reason"),
    "replica": _("replica"),
    "said": _("answer"),
    "service": _("Service"),
    "status": _("status"),
    "uid": _("UID"),
    "value": _("value"),
    "webhook": _("webhook"),
}


def value_text(name: str, value: Any) -> str:
    """Return the value of the parameter `name` in words; sets of equal clusters are separated by semicolons."""
    if not isinstance(value, list | tuple | set | frozenset):
        return _one(name, value)
    nested = any(isinstance(item, list | tuple) for item in value)
    return (gettext("; ") if nested else gettext(", ")).join(value_text(name, item) for item in value)


def _one(name: str, value: Any) -> str:
    text = str(value)
    if text in _LABELS.get(name, {}):
        return str(_LABELS[name][text]).lower()
    return str(_NAMES.get(name, {}).get(text) or visible(text))


def evidence_text(seen: Mapping[str, Any]) -> str:
    """Return what was observed, a name and a value each.

    Empty values are left out. A name without words of its own is a cluster's.
    """
    return " · ".join(
        f"{_KEYS.get(name, name)}: {value_text(name, value)}"
        for name, value in seen.items()
        if value not in ("", None, [], {})
    )
