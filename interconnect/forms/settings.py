from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from interconnect.domain.topology import RestartPolicy
from interconnect.models.mesh import RESTART_LABELS

if TYPE_CHECKING:
    from interconnect.models import Mesh

RESTART_HELP = _(
    "Joining or removing groups restarts istiod, one replica at a time. Always: every time. "
    "Automatic: only if istiod doesn't pick up the change by itself. Never: a replica that doesn't "
    "pick up the change gets it at its next restart."
)


def restart_field(*, required: bool) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=_("Control plane restart"),
        choices=list(RESTART_LABELS.items()),
        widget=forms.RadioSelect,
        required=required,
        help_text=RESTART_HELP,
    )


class RestartForm(forms.Form):
    """What forms with a `restart` field have in common."""

    def restart_policy(self) -> RestartPolicy | None:
        """Return the policy of a valid submission, or None if nothing was chosen."""
        chosen = self.cleaned_data.get("restart")
        return RestartPolicy(chosen) if chosen else None


class SettingsForm(RestartForm):
    restart = restart_field(required=True)


class NetworksForm(forms.Form):
    """Where istiod reads meshNetworks: found automatically, or given."""

    source = forms.ChoiceField(label=_("Where istiod reads meshNetworks"))
    config_map = forms.CharField(
        label=_("ConfigMap"),
        max_length=300,
        required=False,
        help_text=_("In the system namespace. For an istiod with the revision “canary”, it is usually istio-canary."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, data: Any = None, *, mesh: Mesh) -> None:
        chosen = (mesh.networks_cluster or mesh.config_uid) if mesh.networks_config_map else ""
        super().__init__(data, initial={"source": chosen, "config_map": mesh.networks_config_map})
        same = mesh.control_plane.uid == mesh.config_uid
        choices = [
            ("", gettext("Automatic")),
            (mesh.config_uid, gettext("Control plane") if same else gettext("Config cluster")),
        ]
        if not same:
            choices.append((mesh.control_plane.uid, gettext("Control plane")))
        self.fields["source"].choices = choices  # type: ignore[attr-defined]
        self.fields["source"].required = False

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        name = data.get("config_map", "").strip()
        if data.get("source") and not name and "config_map" not in self.errors:
            self.add_error("config_map", gettext("Enter the name of the ConfigMap, or choose Automatic."))
        data["config_map"] = name if data.get("source") else ""
        return data


class IstiodUrlForm(forms.Form):
    url = forms.CharField(
        label=_("Direct istiod URL"),
        max_length=200,
        required=False,
        help_text=_(
            "For an istiod whose Pods can't be reached through the API server: scheme, host and port "
            "of its debug interface, such as http://istiod.example.com:15014. If empty, each replica "
            "is asked through a port-forward."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "inputmode": "url"}),
    )
