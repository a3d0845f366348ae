"""Pages and the command line tell every state in the same words."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from interconnect.cli.output import Output
from interconnect.cli.status import show_status, status_of
from interconnect.domain.changes import DeleteGateway, Disable, Enable, Join, Remove, UpdateAddresses
from interconnect.domain.seen import GatewaySeen, ReplicaSeen, RuleSeen, Unread
from interconnect.domain.status import CODES
from interconnect.domain.topology import Address, GatewayKey
from interconnect.domain.violations import Violation
from interconnect.kube.probe import service_addresses
from interconnect.models import ClusterObservation, Gateway, Mesh, MeshObservation, Rollout
from interconnect.state import pages
from interconnect.views.parts import rows
from interconnect.wording import phrases
from meshconsole.text import is_visible
from tests.support import shop

if TYPE_CHECKING:
    from interconnect.domain.json_types import Json
    from interconnect.views.parts.rows import GroupRow

Spoil = Callable[[Mesh], object]


class Told(NamedTuple):
    """A state in words: its label, and the reason if there is one."""

    label: str
    reason: str


WAY_IN = Address("203.0.113.7", 15443, GatewayKey("frankfurt", 1))
BUSY = Unread(Violation("kube.too-many-requests", {"said": "slow down"}), "Service")
DRIFT = Violation("drift.overwritten", {"kind": "Service", "name": "x", "field": "type", "owners": ["helm"]})


def gateway(of: str = "frankfurt", **seen: Any) -> Spoil:
    """Two looks at a cluster with one gateway; that of frankfurt leads into the joined group aws."""
    well = {"present": True, "replicas": 1, "available": 1, "injected": True, "addresses": ("203.0.113.7",)}

    def spoil(mesh: Mesh) -> None:
        row = Gateway.objects.get(cluster__mesh=mesh, cluster__name=of)
        for _each in range(2):
            shop.look_at(row.cluster, gateways={str(row.id): GatewaySeen(**(well | seen))})

    return spoil


def two_looks() -> tuple[datetime, datetime]:
    """Two times after the last look, the second now."""
    now = timezone.now()
    return now - timedelta(milliseconds=1), now


def cluster(**seen: Any) -> Spoil:
    def spoil(mesh: Mesh) -> None:
        for at in two_looks():
            shop.look_at(mesh.clusters.get(name="frankfurt"), at, **seen)

    return spoil


def lacking(*optional: str) -> Spoil:
    def spoil(mesh: Mesh) -> None:
        row = mesh.clusters.get(name="frankfurt")
        shop.note_details(row, missing=(), optional=optional)
        shop.look_at(row, lacking=("list pods",))

    return spoil


def rule(**seen: Any) -> Spoil:
    return lambda mesh: shop.look_centrally(mesh, rule=RuleSeen(**({"present": True} | seen)))


def plane(**seen: Any) -> Spoil:
    def spoil(mesh: Mesh) -> None:
        for at in two_looks():
            shop.look_centrally(mesh, at, **seen)

    return spoil


def listing(*replicas: bool, also: tuple[str, int] | None = None, **seen: Any) -> Spoil:
    """Istiod replicas that list the group aws, or not; or with an address of which the console knows nothing."""
    listed = {"aws": (("203.0.113.7", 15443), *([also] if also else []))}
    found = [
        ReplicaSeen(f"istiod-{n}", "istiod", networks=listed if has else {}, **seen) for n, has in enumerate(replicas)
    ]
    return lambda mesh: shop.look_centrally(mesh, replicas=tuple(found))


def changing(*changes: Any) -> Spoil:
    """A rollout that has just been started."""
    return lambda mesh: shop.started(mesh, *changes)


def settled(*changes: Any) -> Spoil:
    return lambda mesh: shop.settled(mesh, *changes)


def never_seen(mesh: Mesh) -> None:
    ClusterObservation.objects.filter(cluster__name="frankfurt").delete()


def enabling(mesh: Mesh) -> None:
    shop.started(mesh, Enable())


def unseen(mesh: Mesh) -> None:
    MeshObservation.objects.filter(mesh=mesh).delete()


def leaving(mesh: Mesh) -> None:
    shop.settled(mesh, Enable())
    shop.started(mesh, Disable())


def awaiting(mesh: Mesh) -> None:
    """aws joins once more, at an address that its gateway hasn't got yet."""
    shop.settled(mesh, Remove("aws"))
    gateway(addresses=())(mesh)
    shop.settled(mesh, Join("aws", (Address("", gateway=WAY_IN.gateway),)))


def unused(mesh: Mesh) -> None:
    shop.settled(mesh, Remove("aws"))
    gateway(addresses=(), address_reason="SyncLoadBalancerFailed")(mesh)


def not_created(mesh: Mesh) -> None:
    shop.settled(mesh, Remove("aws"))
    shop.settled(mesh, DeleteGateway(GatewayKey("frankfurt", 1)))
    shop.started(mesh, shop.gateway_in("frankfurt"))


def failing(code: str) -> Spoil:
    return cluster(failure=Violation(code, {"said": "connection refused"}))


def untouched(mesh: Mesh) -> None:
    """All is well already."""


GATEWAYS = [
    ("gateway.missing", gateway(present=False)),
    ("gateway.not-injected", gateway(injected=False)),
    ("gateway.not-ready", gateway(available=0, injected=None)),
    ("gateway.not-ready", gateway(available=0, reason="exceeded quota: pods")),
    ("gateway.degraded", gateway(replicas=2, available=1)),
    ("gateway.address-changed", gateway(addresses=("203.0.113.99",))),
    ("gateway.address-changed", gateway(addresses=(), address_reason="SyncLoadBalancerFailed")),
    ("gateway.address-pending", unused),
    ("gateway.ready", gateway(injected=None)),
    ("gateway.not-created", not_created),
    ("gateway.ready", untouched),
]
CLUSTERS = [
    ("cluster.wrong-cluster", failing("kube.wrong-cluster")),
    ("cluster.refuses-us", failing("kube.unauthorized")),
    ("cluster.no-answer", failing("kube.timeout")),
    ("cluster.rights-missing", lacking()),
    ("cluster.rights-missing", lacking("list pods")),
    ("cluster.unread", cluster(unread=(BUSY,))),
    ("cluster.never-seen", never_seen),
    ("cluster.reachable", untouched),
    ("mesh.drift", cluster(drift=(DRIFT,))),
]
JOINED = [
    ("joined.not-in-effect", listing(False, False)),
    ("joined.no-way-in", gateway(available=0)),
    ("joined.others-decide", listing(True, labelled={"aws": {"ireland": (("10.0.0.9", 15443),)}})),
    ("joined.in-effect-partly", listing(True, False)),
    ("joined.other-addresses", listing(True, also=("192.0.2.7", 15443))),
    ("joined.degraded", settled(UpdateAddresses("aws", (WAY_IN, Address("203.0.113.99", 15443, WAY_IN.gateway))))),
    ("joined.address-pending", awaiting),
    ("joined.changing", changing(UpdateAddresses("aws", (WAY_IN, Address("192.0.2.1"))))),
    ("joined.in-effect", listing(True)),
    ("joined.in-effect", untouched),
]
PARTS = [
    ("gateway.missing", gateway("taiwan", present=False)),
    ("gateway.not-ready", gateway("taiwan", available=0)),
    (
        "cluster.refuses-us",
        lambda mesh: shop.look_at(mesh.clusters.get(name="taiwan"), failure=Violation("kube.unauthorized")),
    ),
    ("mesh.drift", lambda mesh: shop.look_at(mesh.clusters.get(name="taiwan"), drift=(DRIFT,))),
    ("group.healthy", untouched),
]
RULES = [
    ("rule.missing", rule(present=False)),
    ("rule.changed", rule(changed=DRIFT)),
    ("rule.other-rule", rule(others=("shop/theirs",))),
    ("rule.in-place", untouched),
]
BARE_RULES = [("rule.not-created", untouched), ("rule.not-written", enabling), ("rule.leaving", leaving)]
PLANES = [
    ("control-plane.never-seen", unseen),
    ("control-plane.answers", untouched),
    ("control-plane.wrong-cluster", plane(failure=Violation("kube.wrong-cluster"))),
    ("control-plane.refuses-us", plane(failure=Violation("kube.unauthorized"))),
    ("control-plane.no-answer", plane(failure=Violation("kube.timeout"))),
    ("control-plane.no-istiod", plane(istiods=(), replicas=())),
    ("control-plane.replicas-silent", listing(True)),
    ("control-plane.rights-missing", plane(lacking=("create pods/portforward",))),
    ("control-plane.unread", plane(unread=(BUSY,))),
    ("control-plane.restarting", plane(restarting=True)),
]


@pytest.fixture
def mesh(mesh: Mesh) -> Iterator[Mesh]:
    """Time stands still just after the last look and rollout, so that all is as long ago here as there."""
    looks = [row.at for row in ClusterObservation.objects.all() if row.at]
    at = max(*looks, *(rollout.created_at for rollout in Rollout.objects.all())) + timedelta(seconds=1)
    with time_machine.travel(at, tick=False):
        yield mesh


def page(client: Any, view: str = "interconnect", mesh: str = "storefront") -> Any:
    return client.get(reverse(view, kwargs={"name": mesh})).context


def row_of(group: str) -> GroupRow:
    """A group's row with those of its clusters and gateways, as *Interconnect* has them: without the page around it."""
    mesh = pages.mesh_by_name("storefront")
    assert mesh is not None
    sight = pages.sight(mesh)
    found = sight.topology.groups[group]
    return rows.group_row(sight, shop.WEI, found, sorted(found.clusters))


def shown(row: Any) -> Told:
    return Told(row.state.text, row.reason)


def status(name: str = "storefront") -> Json:
    mesh = pages.mesh_by_name(name)
    assert mesh is not None
    return status_of(mesh)


def told(state: Json, code: str) -> Told:
    """The words of the state that a case is to bring about."""
    assert state["code"] == code
    return Told(state["label"], state["reason"])


def printed(start: str, name: str = "storefront") -> str:
    """The first line of `status` that begins so."""
    out, mesh = io.StringIO(), pages.mesh_by_name(name)
    assert mesh is not None
    show_status(mesh, Output(out, out))
    return next(line for line in out.getvalue().splitlines() if line.strip().startswith(start))


def in_a_line(words: Told) -> str:
    return f"{words.label}. {words.reason}" if words.reason else words.label


@pytest.mark.parametrize(("code", "spoil"), GATEWAYS)
def test_a_gateway_is_told_in_the_same_words(mesh: Mesh, code: str, spoil: Spoil) -> None:
    spoil(mesh)
    words = told(status()["groups"]["aws"]["gateways"]["frankfurt/1"]["state"], code)
    assert [shown(row) for each in row_of("aws").clusters for row in each.gateways] == [words]
    assert printed("frankfurt/1:").endswith(f"· {in_a_line(words)}")


@pytest.mark.parametrize(("code", "spoil"), CLUSTERS)
def test_a_cluster_is_told_in_the_same_words(as_ada: Any, mesh: Mesh, code: str, spoil: Spoil) -> None:
    spoil(mesh)
    words = told(status()["clusters"]["frankfurt"]["state"], code)
    found = [*row_of("aws").clusters, *page(as_ada, "clusters")["lines"]]
    assert [shown(row) for row in found if row.name == "frankfurt"] == [words, words]
    assert printed("frankfurt:") == f"  frankfurt: {in_a_line(words)}"


@pytest.mark.parametrize(("code", "spoil"), JOINED)
def test_a_joined_group_is_told_in_the_same_words(as_ada: Any, mesh: Mesh, code: str, spoil: Spoil) -> None:
    spoil(mesh)
    words = told(status()["groups"]["aws"]["interconnect"], code)
    assert [shown(row) for row in page(as_ada)["members"]] == [words]
    assert printed("aws:").endswith(f"· {in_a_line(words)}")


@pytest.mark.parametrize(("code", "spoil"), PARTS)
def test_a_group_is_told_in_the_words_of_its_worst_part(mesh: Mesh, code: str, spoil: Spoil) -> None:
    spoil(mesh)
    words = told(status()["groups"]["asia"]["state"], code)
    row = row_of("asia")
    assert row.state.text == words.label
    assert words.reason in row.reason
    assert printed("asia:").endswith(f"· {in_a_line(shown(row))}")


@pytest.mark.parametrize(("code", "spoil"), RULES)
def test_the_rule_is_told_in_the_same_words(as_ada: Any, mesh: Mesh, code: str, spoil: Spoil) -> None:
    spoil(mesh)
    found = page(as_ada)
    assert Told(found["rule_state"].text, found["rule_reason"]) == told(status()["rule"], code)


@pytest.mark.parametrize(("code", "spoil"), BARE_RULES)
def test_the_rule_of_a_mesh_without_interconnect(pia: Any, client: Any, db: None, code: str, spoil: Spoil) -> None:
    client.force_login(pia)
    spoil(shop.new_mesh("other"))
    found = page(client, mesh="other")
    assert Told(found["rule_state"].text, found["rule_reason"]) == told(status("other")["rule"], code)


@pytest.mark.parametrize(("code", "spoil"), PLANES)
def test_the_control_plane_is_told_in_the_same_words(as_ada: Any, mesh: Mesh, code: str, spoil: Spoil) -> None:
    spoil(mesh)
    shop.conclude(mesh)
    found = status()
    words = told(found["control_plane"], code)
    assert printed("Control plane:") == f"Control plane: {in_a_line(words)}"
    (row,) = as_ada.get(reverse("meshes")).context["rows"]
    if found["control_plane"]["level"] == "bad":
        assert (row.causes[0].name, row.causes[0].state.text) == ("Control plane", found["state"]["label"])


def test_what_is_too_old_is_unknown_everywhere(as_ada: Any, mesh: Mesh) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=5), tick=False):
        found, shown_there = status(), page(as_ada)
        (frankfurt,) = [row for row in row_of("aws").clusters if row.name == "frankfurt"]
    aws = found["groups"]["aws"]
    pairs = [
        (found["rule"], Told(shown_there["rule_state"].text, shown_there["rule_reason"])),
        (aws["interconnect"], shown(shown_there["members"][0])),
        (found["clusters"]["frankfurt"]["state"], shown(frankfurt)),
        (aws["gateways"]["frankfurt/1"]["state"], shown(frankfurt.gateways[0])),
    ]
    assert [told(state, "unknown") for state, _words in pairs] == [words for _state, words in pairs]


def test_what_clusters_report_is_visible_and_cut(mesh: Mesh) -> None:
    hosts = ("a\u202eb\x1b", "x" * 65_000, *(f"192.0.2.{number}" for number in range(20)))
    gateway(addresses=hosts)(mesh)
    (row,) = [found for each in row_of("aws").clusters for found in each.gateways]
    texts = [*row.addresses, row.in_use, row.reason, phrases.listed([hosts[0], hosts[1]])]
    assert all(is_visible(text) for text in texts) and max(map(len, row.addresses)) < 300
    assert row.addresses[0] == "a⟨U+202E⟩b␛:15443" and row.addresses[-1] == "14 more"
    assert row.in_use == "in use: 203.0.113.7:15443"
    service = {"status": {"loadBalancer": {"ingress": [{"hostname": host} for host in hosts[:2]]}}}
    assert all(is_visible(host) and len(host) < 300 for host in service_addresses(service))


def test_every_state_of_a_thing_stands_in_a_table() -> None:
    cases = [*GATEWAYS, *CLUSTERS, *JOINED, *RULES, *PLANES]
    here = {code for code, _spoil in (*cases, *BARE_RULES)}
    things = ("gateway.", "cluster.", "joined.", "rule.", "control-plane.")
    assert {code for code in CODES if code.startswith(things)} - here == set()
