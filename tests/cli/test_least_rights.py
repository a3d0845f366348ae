"""The console's account, with the permissions that are shipped, is refused nothing and granted nothing in vain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from interconnect.domain.accounts import Place, rights_of
from simulator.api import Api
from simulator.errors import ApiError
from tests.cli.test_commands import groups
from tests.support.least import grant
from tests.support.world import SYSTEM

if TYPE_CHECKING:
    from interconnect.domain.rights import Right
    from simulator.api import Request, Route
    from tests.cli.support import Shell

# What simulated clusters never ask for, by resource.
ELSEWHERE = {
    "events": "only while a load balancer has no address",
    "pods/portforward": "only Kubernetes before 1.35 asks for get",
    "ippools": "only where Calico is installed",
    "ciliumpodippools": "only where Cilium is installed",
    "statefulsets": "the sample application has none",
    "daemonsets": "the sample application has none",
    "serviceaccounts/token": "only for a token that expires",
}


@dataclass
class Asked:
    refused: set[str] = field(default_factory=set)
    granted: set[tuple[str, ...]] = field(default_factory=set)

    def needs(self, right: Right) -> bool:
        """An apply may create, for which Kubernetes asks when it does."""
        verb = "patch" if right.verb == "create" and not right.subresource else right.verb
        return any(
            (verb, right.path) == (asked, resource)
            and right.namespace in ("", namespace)
            and right.name in ("", name or right.name)
            for asked, resource, namespace, name in self.granted
        )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What clusters are asked for, while it happens."""
    found = Asked()
    authorize = Api.authorize

    def told(api: Api, request: Request, at: Route, verb: str) -> None:
        resource = f"{at.resource.plural}/{at.subresource}" if at.subresource else at.resource.plural
        try:
            authorize(api, request, at, verb)
        except ApiError as error:
            found.refused.add(str(error))
            raise
        found.granted.add((verb, resource, at.namespace, at.name))

    monkeypatch.setattr(Api, "authorize", told)
    return found


def go_through_everything(shell: Shell, joined: dict[str, Any]) -> None:
    """From nothing to a joined group, and back."""
    shell("apply", shell.file(), ends=0)
    autoscaled = {"gateways": {"member-b/1": {"autoscaling": {"min": 2, "max": 3}}}, **joined}
    shell("apply", shell.file(groups=groups(shell, green=autoscaled)), ends=0)
    shell("check", "prod")
    shell("restart-workloads", "prod")
    plain = groups(shell, green={"gateways": {"member-b/1": {"replicas": 2}}})
    shell("apply", shell.file(groups=plain), "--allow-removal", ends=0)
    shell("apply", shell.file(groups={}, enabled=False), "--allow-removal", ends=0)


def test_no_permission_is_missing_and_none_is_in_vain(shell: Shell, asked: Asked) -> None:
    fleet = shell.world.fleet
    places = dict.fromkeys(fleet.mesh.members, Place.MEMBER) | {fleet.hub: Place.CONTROL_PLANE_AND_CONFIG}
    for name, place in places.items():
        (shell.folder / f"{name}.kubeconfig").write_text(grant(fleet, name, place))
    go_through_everything(shell, {"joined": [{"gateway": "member-b/1"}]})
    assert asked.refused == set()
    rights = {right for place in set(places.values()) for right in rights_of(place, SYSTEM)}
    assert {right for right in rights if right.path not in ELSEWHERE and not asked.needs(right)} == set()
