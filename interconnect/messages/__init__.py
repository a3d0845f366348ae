"""The one catalogue: every code that the product can give, in words, in the language of whoever reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext, gettext_lazy

from interconnect.messages import engine, files, findings, kubeconfig, plans, rules
from meshconsole.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

MESSAGES = {**rules.MESSAGES, **findings.MESSAGES, **engine.MESSAGES, **files.MESSAGES, **kubeconfig.MESSAGES, **plans.MESSAGES}

_UNKNOWN = gettext_lazy("Something happened that this version has no words for (%(code)s).")


class _Params(dict[str, Any]):
    """A row of an older version may lack a parameter: its message stays readable then."""

    def __missing__(self, key: str) -> str:
        return "?"


def word(code: str, params: Mapping[str, Any]) -> str:
    """What `code` with these parameters means, in the active language. Total: a code that is not known is named."""
    template = MESSAGES.get(code)
    if template is None:
        return str(_UNKNOWN) % {"code": code}
    texts = _Params({name: _text(value) for name, value in params.items()})
    # A finding about a finding carries the inner one's code and parameters among its own.
    if texts.get("violation") in MESSAGES:
        texts["violation"] = word(texts["violation"], {name: value for name, value in params.items() if name != "violation"})
    return str(template) % texts


def _text(value: Any) -> str:
    if isinstance(value, list | tuple | set | frozenset):
        return gettext(", ").join(visible(str(item)) for item in value)
    return visible(str(value))
