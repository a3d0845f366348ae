from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from interconnect.forms.base import NameField, NamesField, VersionedForm
from interconnect.forms.settings import RestartForm, restart_field
from interconnect.wording import MESSAGES

Choices = Iterable[tuple[str, str]]

NONE_TICKED = _("Select at least one cluster.")


class GroupForm(VersionedForm):
    name = forms.CharField(
        label=_("Name"),
        max_length=200,
        error_messages={"required": MESSAGES["group.name.empty"]},
        help_text=_(
            "Becomes the Istio network name. Lowercase letters, digits and hyphens, up to 63 "
            "characters. It can't be changed later."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    clusters = NamesField(label=_("Clusters"), required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, clusters: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["clusters"].choices = list(clusters)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        # With a name, the rules refuse a group for all reasons at once. Without one, it never gets to the rules.
        if "name" in self.errors and "clusters" not in self.errors and not data["clusters"]:
            self.add_error("clusters", str(NONE_TICKED))
        return data


class AddClusterForm(VersionedForm):
    clusters = NamesField(
        label=_("Clusters"), widget=forms.CheckboxSelectMultiple, error_messages={"required": NONE_TICKED}
    )

    def __init__(self, *args: Any, clusters: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["clusters"].choices = list(clusters)  # type: ignore[attr-defined]


class MoveClusterForm(VersionedForm):
    group = NameField(label=_("Network group"))

    def __init__(self, *args: Any, groups: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["group"].choices = list(groups)  # type: ignore[attr-defined]


class ConfirmForm(VersionedForm):
    """A form without input: the button is the answer."""


class RemoveForm(RestartForm, VersionedForm):
    """Removing takes two questions, the second one with the restart policy."""

    group = NamesField(widget=forms.MultipleHiddenInput)
    step = forms.ChoiceField(choices=[("ask", ""), ("confirm", "")], widget=forms.HiddenInput)
    restart = restart_field(required=False)

    def __init__(self, *args: Any, groups: Choices, asking: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["group"].choices = list(groups)  # type: ignore[attr-defined]
        if asking:
            self.fields["restart"].widget = forms.HiddenInput()


class ForgetForm(VersionedForm):
    confirmation = forms.CharField(
        max_length=100, required=False, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    )

    def __init__(self, *args: Any, cluster: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["confirmation"].label = gettext("Type “%(name)s” to confirm") % {"name": cluster}


class DisableForm(VersionedForm):
    phrase = forms.CharField(
        label=_("Type “Close Basic Settings” to confirm"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
