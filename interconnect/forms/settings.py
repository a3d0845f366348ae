from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from interconnect.models.mesh import RESTART_LABELS

RESTART_HELP = _(
    "Joining and removing restart istiod, one replica after the other. Always: every time. "
    "Automatic: only if istiod does not pick the change up by itself. Never: the change waits for the next restart."
)


class SettingsForm(forms.Form):
    restart = forms.ChoiceField(
        label=_("Control plane restart"), choices=list(RESTART_LABELS.items()), widget=forms.RadioSelect, help_text=RESTART_HELP
    )
