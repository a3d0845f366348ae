"""The one catalogue: every code that the product can give, in words, in the reader's language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy

from interconnect.wording import accounts, diagnosis, engine, files, findings, kubeconfig, plans, rules, states
from interconnect.wording.values import value_text

if TYPE_CHECKING:
    from collections.abc import Mapping

MESSAGES = {
    **rules.MESSAGES,
    **findings.MESSAGES,
    **diagnosis.MESSAGES,
    **engine.MESSAGES,
    **files.MESSAGES,
    **kubeconfig.MESSAGES,
    **plans.MESSAGES,
    **states.MESSAGES,
    **accounts.MESSAGES,
}

_UNKNOWN = gettext_lazy("Unknown event (%(code)s).")

# A placeholder that a full stop follows, or a bracket.
_ENDED = re.compile(r"%\((\w+)\)s(?=[.。)）])")

# What to show where a cluster gave no reason, or where a row of an older version lacks a parameter, so that the message
# stays readable.
_STAND_INS = {
    "addresses": gettext_lazy("no address"),
    "got": gettext_lazy("nothing"),
    "said": gettext_lazy("no reason given"),
    "sent": gettext_lazy("nothing"),
    "silent": gettext_lazy("Pods that don't exist yet"),
    "object": gettext_lazy("the object"),
    "owners": gettext_lazy("someone"),
    "reason": gettext_lazy("no reason given"),
    "resource": gettext_lazy("the object"),
    "verb": gettext_lazy("use"),
    "webhook": gettext_lazy("(unknown)"),
}
_STAND_IN = gettext_lazy("(unknown)")


class _Params(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return str(_STAND_INS.get(key, _STAND_IN))


def word(code: str, params: Mapping[str, Any], *, seen: bool = False) -> str:
    """Return what `code` with these parameters means, in the active language. Total: an unknown code is named.

    With `seen`, it is what was seen, not why something failed, so it doesn't ask to retry. What a look finds is always
    told so.
    """
    seen = seen or code in diagnosis.MESSAGES
    code = f"{code}.seen" if seen and f"{code}.seen" in MESSAGES else code
    code = f"{code}.said" if f"{code}.said" in MESSAGES and (params.get("reason") or params.get("said")) else code
    template = MESSAGES.get(code)
    if template is None:
        return str(_UNKNOWN) % {"code": code}
    texts = _Params({name: value_text(name, value, code) for name, value in params.items() if _is_given(name, value)})
    # A finding about a finding carries the inner one's code and parameters among its own. Not every one has a cause.
    if texts.setdefault("violation", "") in MESSAGES:
        inner = {name: value for name, value in params.items() if name != "violation"}
        texts["violation"] = word(texts["violation"], inner, seen=seen)
    return _without_gaps(_ended_once(str(template), texts), texts) % texts


def _ended_once(template: str, texts: dict[str, str]) -> str:
    """Return the template, after taking the full stop off each text that the template puts one after, or a bracket."""
    for name in _ENDED.findall(template):
        if name in texts:
            texts[name] = texts[name].rstrip(" .。")
    return template


def _without_gaps(template: str, texts: Mapping[str, str]) -> str:
    """Return the template without the placeholders of empty texts: no field, no namespace.

    The blank or slash beside each goes too.
    """
    for name in (name for name, text in texts.items() if not text):
        place = rf"%\({re.escape(name)}\)s"
        # Remove also the slash or, at the beginning of a sentence or bracket, the blank after it; elsewhere the blank
        # before it.
        template = re.sub(rf"{place}/|(?<![^(]){place} | ?{place}(?!/)", "", template)
    return template


def _is_given(name: str, value: Any) -> bool:
    """Return whether the parameter has a value: an empty reason is no reason, and an empty list names no owner."""
    return value is not None and (name not in _STAND_INS or value not in ("", [], ()))
