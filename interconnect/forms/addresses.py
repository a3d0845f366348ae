"""The addresses by which others reach a group: those of its gateways, and any added by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from interconnect.domain.addressing import parse_address
from interconnect.domain.topology import GATEWAY_PORT, Address, GatewayKey, ServiceType, Topology
from interconnect.domain.violations import Violation
from interconnect.forms.base import VersionedForm
from interconnect.wording import phrases

if TYPE_CHECKING:
    from django.http import QueryDict


class AddressesForm(VersionedForm):
    """One group's part of the step.

    `prefix` is the group's name, `version` the version of the addresses being replaced.
    """

    chosen = forms.MultipleChoiceField(
        label=gettext_lazy("Addresses"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "invalid_choice": gettext_lazy(
                "An address you selected is no longer available: its gateway has changed. Review the "
                "selection and submit again."
            )
        },
    )
    host = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=300,
        required=False,
        widget=forms.TextInput(attrs={"spellcheck": "false"}),
    )
    port = forms.CharField(
        label=gettext_lazy("Port"),
        max_length=10,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        topology: Topology,
        group: str,
        known: dict[GatewayKey, tuple[str, ...]],
        chosen: Sequence[Address],
        version: str = "",
    ) -> None:
        self.group = group
        self.keys = {gateway.id: gateway.key for gateway in topology.gateways_of_group(group)}
        self.names = {gateway.key: gateway.name for gateway in topology.gateways_of_group(group)}
        self.ids = {key: identity for identity, key in self.keys.items()}
        initial = {"chosen": [self.value_of(address) for address in chosen], "port": str(GATEWAY_PORT)}
        super().__init__(data, prefix=group, initial=initial, version=version)
        by_hand = data.getlist(self.add_prefix("hand")) if data is not None else []
        posted = [address for address in (self._parsed(value) for value in by_hand) if address]
        self.hand = list(dict.fromkeys((*posted, *(address for address in chosen if address.gateway is None))))
        self.offered = (*offered(topology, group, known), *(address for address in chosen if address.gateway))
        self._set_choices()

    def _set_choices(self) -> None:
        choices = {self.value_of(address): self.label_of(address) for address in (*self.offered, *self.hand)}
        self.fields["chosen"].choices = list(choices.items())  # type: ignore[attr-defined]

    def offer_too(self, addresses: Iterable[Address]) -> None:
        """Offer addresses that were typed earlier and aren't ticked now."""
        self.hand = list(dict.fromkeys((*self.hand, *addresses)))
        self._set_choices()

    def value_of(self, address: Address) -> str:
        return f"{self.ids.get(address.gateway, '') if address.gateway else ''}|{address.host}|{address.port}"

    def label_of(self, address: Address) -> str:
        host = f"[{address.host}]" if ":" in address.host else address.host
        if address.gateway is None:
            return _("%(address)s (added by hand)") % {"address": f"{host}:{address.port}"}
        name = self.names.get(address.gateway, str(address.gateway))
        if address.awaited:
            return _("awaited from %(gateway)s") % {"gateway": name}
        return _("%(address)s (%(gateway)s)") % {"address": f"{host}:{address.port}", "gateway": name}

    def _parsed(self, value: str) -> Address | None:
        identity, _sep, rest = value.partition("|")
        host, _sep, port = rest.rpartition("|")
        key = self.keys.get(identity)
        if identity and key is None:
            return None
        if not host:
            return Address("", GATEWAY_PORT, key) if key else None
        address = parse_address(host, port, key)
        return address if isinstance(address, Address) else None

    @property
    def hand_values(self) -> list[str]:
        return [self.value_of(address) for address in self.hand]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        typed = data.get("host", "").strip()
        if (typed or self.data.get("add") == self.group) and "host" not in self.errors:
            found = parse_address(typed, data.get("port", ""))
            if isinstance(found, Violation):
                self.add_error("port" if found.code == "address.port" else "host", phrases.reason(found))
            else:
                data["added"] = found
        return data

    def addresses(self) -> tuple[Address, ...]:
        """Return what is ticked, plus what is typed but not added yet: pressing *Next* right away includes it."""
        ticked = [
            address for address in (self._parsed(value) for value in self.cleaned_data.get("chosen", ())) if address
        ]
        added = self.cleaned_data.get("added")
        return (*ticked, added) if added and added not in ticked else tuple(ticked)


def offered(topology: Topology, group: str, known: dict[GatewayKey, tuple[str, ...]]) -> Iterable[Address]:
    """Yield the addresses that each gateway's load balancer reported.

    While it reports none, the gateway's address is offered as awaited.
    """
    for gateway in topology.gateways_of_group(group):
        if gateway.spec.service_type is not ServiceType.LOAD_BALANCER:
            continue
        hosts = known.get(gateway.key, ())
        yield from (Address(host, GATEWAY_PORT, gateway.key) for host in hosts)
        if not hosts:
            yield Address("", GATEWAY_PORT, gateway.key)
