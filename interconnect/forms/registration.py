"""Meshes, clusters and their credentials.

A submitted kubeconfig never comes back, neither in the page nor in an error.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy

from interconnect.domain.cidrs import parse_cidr
from interconnect.domain.names import cluster_name_violation, group_name_violation
from interconnect.domain.refusal import Refused
from interconnect.domain.topology import MeshKind
from interconnect.domain.violations import Violation
from interconnect.kube.kubeconfig import SIZE_LIMIT
from interconnect.models.mesh import KIND_LABELS
from interconnect.observing.newcomer import credential_of
from interconnect.services.inquiries import secret_of
from interconnect.wording import MESSAGES, phrases, word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from interconnect.models import Inquiry

CHOICES = frozenset({"kubeconfig.several-contexts", "kubeconfig.current-unusable", "kubeconfig.current-unknown"})
# Where an account of the console's own is the way out, the error leads to the panel that has it.
ANSWERED_BY_AN_ACCOUNT = frozenset(
    f"kubeconfig.{code}" for code in ("exec", "auth-provider", "basic-auth", "impersonation", "no-credential")
)
HELP = gettext_lazy("Checked first, stored encrypted, and never shown again.")


class SealedTextarea(forms.Textarea):
    """A text area that never writes what was pasted back into the page."""

    def __init__(self) -> None:
        super().__init__({"rows": 6, "spellcheck": "false", "autocomplete": "off", "class": "mono"})

    def format_value(self, value: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Part:
    """The names of the fields for one kubeconfig of a form."""

    text: str
    file: str
    context: str
    required: bool


def _kubeconfig(label: Any, help_text: Any = HELP) -> forms.CharField:
    return forms.CharField(label=label, required=False, strip=False, widget=SealedTextarea(), help_text=help_text)


def _file(label: Any) -> forms.FileField:
    return forms.FileField(label=label, required=False, allow_empty_file=True, max_length=255)


def _context(label: Any) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=1000, widget=forms.HiddenInput())


class KubeconfigForm(forms.Form):
    """One kubeconfig, pasted or uploaded.

    `kept` is an inquiry whose sealed kubeconfig is used unless another one is given.
    """

    kept = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput())
    kubeconfig = _kubeconfig(gettext_lazy("Kubeconfig"))
    kubeconfig_file = _file(gettext_lazy("Or upload it as a file"))
    context = _context(gettext_lazy("Context"))
    insecure = forms.BooleanField(
        label=gettext_lazy("Allow a server certificate that can't be verified"),
        required=False,
        help_text=gettext_lazy("Only for this credential. Anyone on the path can read and change traffic."),
    )

    PARTS: ClassVar[tuple[Part, ...]] = (Part("kubeconfig", "kubeconfig_file", "context", True),)

    def __init__(self, *args: Any, kept: Inquiry | None = None, may_be_insecure: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept_secret: dict[str, str] = json.loads(secret_of(kept)) if kept else {}
        self.secret: dict[str, str] = {}
        self.given_anew = False
        if not may_be_insecure:
            del self.fields["insecure"]
        self.say_what_is_kept()

    def say_what_is_kept(self) -> None:
        """Say next to each kept kubeconfig's field that it need not be given again, since nothing of it is shown."""
        for part in self.PARTS:
            if self.kept_secret.get(part.text) or self.secret.get(part.text):
                self[part.text].help_text = gettext(
                    "Your kubeconfig is kept encrypted for 15 minutes and isn't shown again. Leave "
                    "this empty to use it, or paste another one."
                )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for part in self.PARTS:
            self._read(part, data)
        return data

    def _read(self, part: Part, data: dict[str, Any]) -> None:
        if part.text in self.errors or part.file in self.errors:
            return
        given = self._given(part, data)
        if given is None:
            return
        self.given_anew = self.given_anew or bool(given)
        content = given or self.kept_secret.get(part.text, "")
        if not content:
            if part.required:
                self.add_error(part.text, self._missing())
            return
        self._parse(part, data, content)

    def _given(self, part: Part, data: dict[str, Any]) -> str | None:
        """Return what was uploaded or pasted, or None if the upload is unusable; the field then says why."""
        upload = data.get(part.file)
        if upload is None:
            pasted: str = data.get(part.text, "")
            return pasted if pasted.strip() else ""
        if upload.size > SIZE_LIMIT:
            self.add_error(part.file, word("kubeconfig.too-large", {"limit": SIZE_LIMIT}))
            return None
        try:
            content: str = upload.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            self.add_error(part.file, word("kubeconfig.encoding", {}))
            return None
        if not content.strip():
            self.add_error(part.file, word("kubeconfig.empty", {}))
            return None
        return content

    def _missing(self) -> str:
        if self.cleaned_data.get("kept") and not self.kept_secret:
            return gettext("Kubeconfigs are kept for 15 minutes, and this one has expired. Paste it again.")
        return gettext("Paste a kubeconfig, or upload one.")

    def _parse(self, part: Part, data: dict[str, Any], content: str) -> None:
        insecure = bool(data.get("insecure"))
        contexts = contexts_of(content, insecure)
        chosen = data.get(part.context) if contexts else ""
        if contexts:
            choices = [(name, f"{name} · {server}") for name, server in contexts]
            self.fields[part.context].widget = forms.Select(choices=[("", gettext("Choose one")), *choices])
            self.secret[part.text] = content
        data[part.context] = chosen
        try:
            credential_of(content, context=chosen or None, allow_insecure=insecure)
        except Refused as refused:
            self._refuse(part, refused.violations[0], bool(contexts))
            return
        self.secret[part.text] = content

    def _refuse(self, part: Part, violation: Violation, several: bool) -> None:
        beside = part.context if several else part.text
        self.add_error(beside, phrases.reason(violation))
        if ANSWERED_BY_AN_ACCOUNT & {violation.code, violation.params.get("violation")}:
            self.add_error(beside, format_html('<a href="#account">{}</a>', gettext("Account for the console")))
        if not several:
            self.add_error(part.text, gettext("It isn't shown again. Correct your copy, then paste it again."))


def contexts_of(content: str, insecure: bool) -> list[tuple[str, str]]:
    """Return the names and servers to choose from when a kubeconfig doesn't determine which context to use."""
    try:
        credential_of(content, allow_insecure=insecure)
    except Refused as refused:
        violation = refused.violations[0]
        return (
            list(zip(violation.params["contexts"], violation.params["servers"], strict=True))
            if violation.code in CHOICES
            else []
        )
    return []


class ClusterForm(KubeconfigForm):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=200,
        error_messages={"required": MESSAGES["cluster.name.empty"]},
        help_text=gettext_lazy("The cluster ID by which istiod knows this cluster."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "list": "known-clusters"}),
    )
    pod_cidrs = forms.CharField(
        label=gettext_lazy("Pod CIDRs"),
        max_length=2000,
        required=False,
        help_text=gettext_lazy(
            "Leave empty to use what the cluster reports. If that is wrong, enter the Pod CIDRs, separated by commas."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    field_order = ("name", "kubeconfig", "kubeconfig_file", "context", "insecure", "pod_cidrs", "kept")

    def clean_name(self) -> str:
        """Refuse a name that no Istio cluster can have, before any cluster is contacted."""
        name: str = self.cleaned_data["name"].strip()
        violation = cluster_name_violation(name)
        if violation:
            raise forms.ValidationError(phrases.reason(violation))
        return name

    def clean_pod_cidrs(self) -> list[str]:
        return typed_cidrs(self.cleaned_data["pod_cidrs"])


class CidrsForm(forms.Form):
    pod_cidrs = forms.CharField(
        label=gettext_lazy("Pod CIDRs"),
        max_length=2000,
        required=False,
        help_text=gettext_lazy("Separated by commas. Leave empty to use what the cluster reports."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_pod_cidrs(self) -> list[str]:
        return typed_cidrs(self.cleaned_data["pod_cidrs"])


def typed_cidrs(typed: str) -> list[str]:
    found = [parse_cidr(part) for part in typed.replace(",", " ").split()]
    wrong = [phrases.reason(each) for each in found if isinstance(each, Violation)]
    if wrong:
        raise forms.ValidationError(wrong)
    return list(dict.fromkeys(each for each in found if isinstance(each, str)))


class ControlPlaneForm(KubeconfigForm):
    kubeconfig = _kubeconfig(gettext_lazy("Control plane kubeconfig"))
    kubeconfig_file = _file(gettext_lazy("Control plane, as a file"))
    context = _context(gettext_lazy("Context of the control plane"))
    config = _kubeconfig(
        gettext_lazy("Config cluster kubeconfig"),
        gettext_lazy("Only if istiod reads its Istio resources from a different cluster than the one it runs in."),
    )
    config_file = _file(gettext_lazy("Config cluster, as a file"))
    config_context = _context(gettext_lazy("Context of the config cluster"))

    PARTS: ClassVar[tuple[Part, ...]] = (
        Part("kubeconfig", "kubeconfig_file", "context", True),
        Part("config", "config_file", "config_context", False),
    )

    field_order: Iterable[str] | None = (
        *("kubeconfig", "kubeconfig_file", "context", "config", "config_file", "config_context"),
        *("insecure", "kept"),
    )


class MeshForm(ControlPlaneForm):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=200,
        help_text=gettext_lazy("Lowercase letters, digits and hyphens, up to 63 characters."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=list(KIND_LABELS.items()),
        initial=MeshKind.HOSTED,
        widget=forms.RadioSelect,
        help_text=gettext_lazy("Only hosted meshes can use the interconnect. Others can be registered and viewed."),
    )
    system_namespace = forms.CharField(
        label=gettext_lazy("System namespace"),
        max_length=200,
        initial="istio-system",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    field_order = (
        *("name", "kind", "kubeconfig", "kubeconfig_file", "context", "config", "config_file", "config_context"),
        *("system_namespace", "insecure", "kept"),
    )

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        if group_name_violation(name):
            raise forms.ValidationError(word("mesh.name", {"name": name}))
        return name

    def clean_system_namespace(self) -> str:
        name: str = self.cleaned_data["system_namespace"].strip()
        if group_name_violation(name):
            raise forms.ValidationError(word("namespace.name", {"name": name}))
        return name
