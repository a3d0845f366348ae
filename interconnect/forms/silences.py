from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Iterable

PERIODS = (
    (1, _("1 hour")),
    (8, _("8 hours")),
    (24, _("1 day")),
    (72, _("3 days")),
    (168, _("7 days")),
    (720, _("30 days")),
)


class SilenceForm(forms.Form):
    """Which findings (`CODE KIND/NAME` each) raise no alert, for how many hours, and why."""

    findings = forms.MultipleChoiceField(
        label=_("Findings"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": _("Select at least one finding."),
            "invalid_choice": _("Already silenced, or no longer open. Review the selection and submit again."),
        },
    )
    every = forms.BooleanField(label=_("Also other subjects of the same findings, now and later"), required=False)
    hours = forms.TypedChoiceField(label=_("For"), choices=PERIODS, coerce=int, initial=8)
    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, choices: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["findings"].choices = list(choices)  # type: ignore[attr-defined]

    @property
    def period(self) -> timedelta:
        return timedelta(hours=self.cleaned_data["hours"])

    def subjects_by_code(self) -> dict[str, list[str]]:
        """Return the subjects to silence by code; none for a code of which all are meant."""
        chosen: dict[str, list[str]] = {}
        for value in self.cleaned_data["findings"]:
            code, _blank, subject = value.partition(" ")
            chosen.setdefault(code, []).append(subject)
        return {code: [] if self.cleaned_data["every"] else subjects for code, subjects in chosen.items()}
