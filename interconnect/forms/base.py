"""What the forms of changes have in common."""

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
    """A name of something.

    One that is offered no longer passes if it looks like a name: the rules say what has become of it.
    """

    def valid_value(self, value: Any) -> bool:
        return _NAME.fullmatch(str(value)) is not None


class NamesField(NameField, forms.MultipleChoiceField):
    """Several such names, to tick."""


def version_of(*values: Any) -> str:
    """A short text that differs when any of the domain values does, the same in every process that serves the form."""
    return fingerprint(*values)


class VersionedForm(forms.Form):
    """Carries the version of what it was filled from; `is_stale` once that has changed under it."""

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
        """So that sending again is a decision made on what is shown now."""
        data = QueryDict(mutable=True)
        data.update(self.data)
        data[self.add_prefix("version")] = self.current_version
        self.data = data
