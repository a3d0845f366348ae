from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from interconnect.domain.gateways import MAX_REPLICAS
from interconnect.domain.topology import Autoscaling, GatewaySpec, ServiceType
from interconnect.forms import annotation_text
from interconnect.forms.base import VersionedForm
from interconnect.models.gateway import SERVICE_TYPE_LABELS

Choices = Iterable[tuple[str, str]]


class GatewayForm(VersionedForm):
    """What a person chooses for a gateway. Only its form is checked here; the domain decides what is allowed."""

    # Only when creating a gateway: submitting the same form again creates the same gateway.
    id = forms.CharField(widget=forms.HiddenInput, max_length=100, required=False)
    cluster = forms.ChoiceField(
        label=_("Cluster"),
        error_messages={"invalid_choice": _("%(value)s is no longer in this group. Choose one of its clusters.")},
    )
    replicas = forms.IntegerField(
        label=_("Replicas"), initial=1, widget=forms.NumberInput(attrs={"min": 1, "max": MAX_REPLICAS})
    )
    autoscaling_min = forms.IntegerField(
        label=_("Autoscaling: minimum replicas"),
        required=False,
        help_text=_("Leave both empty for a fixed number of replicas."),
    )
    autoscaling_max = forms.IntegerField(label=_("Autoscaling: maximum replicas"), required=False)
    service_type = forms.ChoiceField(
        label=_("Service type"),
        choices=list(SERVICE_TYPE_LABELS.items()),
        initial=ServiceType.LOAD_BALANCER,
        required=False,
    )
    load_balancer_ip = forms.CharField(
        label=_("Load balancer IP"),
        max_length=100,
        required=False,
        help_text=_("Only if your provider can assign a requested address."),
    )
    annotations = forms.CharField(
        label=_("Load balancer annotations"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"}),
        help_text=_(
            "One “key: value” per line, as in a Service's YAML. Quote values only where YAML requires "
            "it. Example: service.beta.kubernetes.io/aws-load-balancer-scheme: internal"
        ),
    )

    def __init__(
        self, *args: Any, clusters: Choices | None = None, frozen: bool = False, new_id: str = "", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        if new_id:
            self.fields["id"].initial = new_id
        else:
            del self.fields["id"]
        if clusters is None:
            del self.fields["cluster"]
        else:
            self.fields["cluster"].choices = list(clusters)  # type: ignore[attr-defined]
        for name in ("annotations", "load_balancer_ip", "service_type") if frozen else ():
            self.fields[name].disabled = True

    def clean_annotations(self) -> tuple[tuple[str, str], ...]:
        try:
            return annotation_text.read(self.cleaned_data["annotations"])
        except annotation_text.Unreadable as error:
            raise forms.ValidationError(
                gettext("Line %(line)s isn't in the form “key: value”.") % {"line": error.line}
            ) from None

    def spec(self) -> GatewaySpec:
        """Return the spec as typed. Unreadable fields count as untouched, so that the rules can judge the rest."""
        data = self.cleaned_data
        return GatewaySpec(
            replicas=data.get("replicas", 1),
            autoscaling=self._autoscaling(),
            annotations=tuple(sorted(data.get("annotations", ()))),
            load_balancer_ip=data.get("load_balancer_ip", ""),
            service_type=ServiceType(data.get("service_type") or ServiceType.LOAD_BALANCER),
        )

    def _autoscaling(self) -> Autoscaling | None:
        low, high = self.cleaned_data.get("autoscaling_min"), self.cleaned_data.get("autoscaling_max")
        unreadable = any(name in self.errors for name in ("autoscaling_min", "autoscaling_max"))
        if unreadable or (low is None and high is None):
            return None
        return Autoscaling(1 if low is None else low, low or 1 if high is None else high)


class PickGatewayForm(forms.Form):
    gateway = forms.ChoiceField(label=_("Gateway"))

    def __init__(self, *args: Any, gateways: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["gateway"].choices = list(gateways)  # type: ignore[attr-defined]


def initial_of(spec: GatewaySpec) -> dict[str, Any]:
    scaling = spec.autoscaling
    return {
        "replicas": spec.replicas,
        "autoscaling_min": scaling.min if scaling else None,
        "autoscaling_max": scaling.max if scaling else None,
        "service_type": spec.service_type.value,
        "load_balancer_ip": spec.load_balancer_ip,
        "annotations": annotation_text.written(spec.annotations),
    }
