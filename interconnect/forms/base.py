"""What the forms for changes have in common."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from interconnect.domain.serial import fingerprint

STALE = _(
    "This changed while you were editing. Your input is kept and the current values are shown. Review and submit again."
)
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,253}")


class NameField(forms.ChoiceField):
    """A choice of one name.

    A name that is no longer offered passes if it looks like a name: the rules then say what happened to it.
    """

    def valid_value(self, value: Any) -> bool:
        return _NAME.fullmatch(str(value)) is not None


class NamesField(NameField, forms.MultipleChoiceField):
    """A choice of several such names, to tick."""


def version_of(*values: Any) -> str:
    """Return a short text that changes with any of the domain values and is the same in every process."""
    return fingerprint(*values)


class VersionedForm(forms.Form):
    """A form that carries the version of the values it was filled from. `is_stale` once these have changed."""

    version = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, version: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.current_version = version
        self.fields["version"].initial = version

    @property
    def is_stale(self) -> bool:
        sent = self.data.get(self.add_prefix("version"), "") if self.is_bound else ""
        return bool(sent) and sent != self.current_version

    def take_current_version(self) -> None:
        """Take the current version, so that submitting again is a decision based on what is shown now."""
        data = QueryDict(mutable=True)
        data.update(self.data)
        data[self.add_prefix("version")] = self.current_version
        self.data = data
