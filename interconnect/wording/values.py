"""Parameters whose values are codes themselves, and the names of what was observed, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from interconnect.domain.credentials import moment
from interconnect.domain.render import LABEL_FIELD, WEBHOOK_FIELD_PREFIX
from interconnect.models import RolloutStatus
from meshconsole.access.models import Binding
from meshconsole.access.roles import Role
from meshconsole.text import brief

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

# The statuses of HTTP and istiod stay as they are.
_LABELS: Mapping[str, Mapping[str, StrPromise]] = {
    "role": {role.slug: Binding.RoleChoice(role.value).label for role in Role},
    "status": {status.value: status.label for status in RolloutStatus},
}
_NAMES: Mapping[str, Mapping[str, StrPromise]] = {
    "phase": {
        "answer": _("answer"),
        "connect": _("connection"),
        "forward": _("port-forward"),
        "list": _("list"),
        "resolve": _("name resolution"),
    },
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

_TIMES = frozenset({"since", "until"})
# The longest text of others in a sentence: what a cluster says comes cut at less.
_LONGEST = 1000
# What a field that the console keeps in somebody else's object is called, by the beginning of its name there.
_FIELDS: Mapping[str, StrPromise] = {
    LABEL_FIELD: _("network label"),
    WEBHOOK_FIELD_PREFIX: _("webhook %(name)s"),
}
# What stands in a file, or is needed there: the values of `expected`, `found` and `what` in errors of a file. Other
# codes have names that people chose in parameters of the same name.
_FILE_PARAMETERS = frozenset({"expected", "found", "what"})
FILE_KINDS: Mapping[str, StrPromise] = {
    "string": _("a string"),
    "boolean": _("a boolean"),
    "integer": _("an integer"),
    "number": _("a number"),
    "nothing": _("an empty value"),
    "date": _("a date"),
    "merge key": _("a merge key"),
    "default key": _("a default key"),
    "list": _("a list"),
    "mapping": _("a mapping"),
    "mesh name": _("a mesh name"),
    "group name": _("a group name"),
    "namespace": _("a namespace"),
    "cluster name": _("a cluster name"),
    "gateway key": _("a gateway key"),
    "UID": _("a UID"),
    "path": _("a path"),
    "context": _("a context"),
    "CIDR": _("a CIDR"),
    "IP address": _("an IP address"),
    "address": _("an address"),
    "annotation key": _("an annotation key"),
    "annotation": _("an annotation"),
}

_KEYS: Mapping[str, StrPromise] = {
    "actor": _("started by"),
    "address": _("address"),
    "addresses": _("addresses"),
    "causes": _("causes"),
    "checks": _("checks"),
    "clusters": _("clusters"),
    "count": _("count"),
    "deployment": _("Deployment"),
    "expected": _("expected"),
    "field": _("field"),
    "fields": _("fields"),
    "finalizers": _("finalizers"),
    "found": _("found"),
    "gateway": _("gateway"),
    "group": _("group"),
    "groups": _("groups"),
    "host": _("host"),
    "hosts": _("host names"),
    "istiod": _("istiod"),
    "istiods": _("istiods"),
    "kind": _("kind"),
    "limit": _("limit"),
    "managers": _("managed by"),
    "missing": _("missing"),
    "name": _("name"),
    "namespace": _("namespace"),
    "network": _("network"),
    "networks": _("networks"),
    "owners": _("owners"),
    "part": _("part"),
    "phase": _("phase"),
    "pods": _("Pods"),
    "port": _("port"),
    "reason": _("reason"),
    "replica": _("replica"),
    "resource": _("resource"),
    "retry_after": _("retry after (seconds)"),
    "revision": _("revision"),
    "rights": _("permissions"),
    "said": _("answer"),
    "server": _("server"),
    "service": _("Service"),
    "status": _("status"),
    "tried": _("tried"),
    "uid": _("UID"),
    "until": _("until"),
    "value": _("value"),
    "verb": _("verb"),
    "versions": _("versions"),
    "webhook": _("webhook"),
}


def value_text(name: str, value: Any, code: str = "") -> str:
    """Return the value of the parameter `name` in words. A semicolon separates sets of equal clusters.

    `code` is the code whose parameter it is: in the errors of a file, kinds of YAML have words too.
    """
    if not isinstance(value, list | tuple | set | frozenset):
        return _one(name, value, code)
    nested = any(isinstance(item, list | tuple) for item in value)
    return (gettext("; ") if nested else gettext(", ")).join(value_text(name, item, code) for item in value)


def _one(name: str, value: Any, code: str) -> str:
    text = _moment(str(value)) if name in _TIMES else str(value)
    if text in _LABELS.get(name, {}):
        return str(_LABELS[name][text]).lower()
    names = FILE_KINDS if code.startswith("file.") and name in _FILE_PARAMETERS else _NAMES.get(name, {})
    return str(names.get(text) or brief(field_text(text) if name == "field" else text, _LONGEST))


def field_text(field: str) -> str:
    """Return the name of a field in words: those of others' objects that the console keeps have names of its own."""
    for start, words in _FIELDS.items():
        if field.startswith(start):
            return str(words) % {"name": field.removeprefix(start)}
    return field


def _moment(text: str) -> str:
    """Return a time as other messages show it. What isn't one stays as it is."""
    try:
        return moment(datetime.fromisoformat(text))
    except ValueError:
        return text


def evidence_text(seen: Mapping[str, Any]) -> str:
    """Return what was observed, a name and a value each.

    Empty values are left out. A name without words of its own is a cluster's.
    """
    return " · ".join(
        f"{_KEYS.get(name, name)}: {value_text(name, value)}"
        for name, value in seen.items()
        if value not in ("", None, [], {})
    )
