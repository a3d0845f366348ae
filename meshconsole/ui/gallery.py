"""Examples of each part, for the gallery page in development."""

from __future__ import annotations

from typing import Any

from django import forms

from meshconsole.ui.tones import Action, Badge, Tone


class SampleForm(forms.Form):
    name = forms.CharField(label="Name", max_length=63, help_text="Lower-case letters, digits and hyphens.")
    text = forms.CharField(label="Text", widget=forms.Textarea(attrs={"rows": 3}), required=False)
    kind = forms.ChoiceField(label="Kind", choices=[("a", "A"), ("b", "B")])
    several = forms.MultipleChoiceField(
        label="Several", choices=[("1", "1"), ("2", "2")], widget=forms.CheckboxSelectMultiple
    )
    agree = forms.BooleanField(label="Agree")


def gallery_context() -> dict[str, Any]:
    return {
        "badges": [Badge(tone, tone.value) for tone in Tone],
        "actions": [
            Action("Open", "#", "eye"),
            Action("Edit", "#", "edit", reasons=("Someone else is editing it.",)),
            Action("Delete", "#", "trash", danger=True),
        ],
        "form": SampleForm(),
        "bad_form": SampleForm(data={"name": "", "kind": "c"}),
        "before": "replicas: 1\nports:\n- 15443\n",
        "after": "replicas: 2\nports:\n- 15443\n",
    }
