"""Examples of each part, for the page that shows them in development."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from meshconsole.ui.tones import Action, Badge, Tone


class SampleForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=63, help_text=_("Lower-case letters, digits and hyphens."))
    text = forms.CharField(label=_("Text"), widget=forms.Textarea(attrs={"rows": 3}), required=False)
    kind = forms.ChoiceField(label=_("Kind"), choices=[("a", "A"), ("b", "B")])
    several = forms.MultipleChoiceField(label=_("Several"), choices=[("1", "1"), ("2", "2")], widget=forms.CheckboxSelectMultiple)
    agree = forms.BooleanField(label=_("Agree"))


def gallery_context() -> dict[str, Any]:
    return {
        "badges": [Badge(tone, tone.value) for tone in Tone],
        "actions": [
            Action(_("Open"), "#", "eye"),
            Action(_("Edit"), "#", "edit", reasons=(str(_("Someone else is editing it.")),)),
            Action(_("Delete"), "#", "trash", danger=True),
        ],
        "form": SampleForm(),
        "bad_form": SampleForm(data={"name": "", "kind": "c"}),
        "before": "replicas: 1\nports:\n- 15443\n",
        "after": "replicas: 2\nports:\n- 15443\n",
    }
