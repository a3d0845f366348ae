"""Looks at simulated clusters: what somebody breaks is seen, told once, and gone when it is put right."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cryptography.fernet import Fernet
from django.utils import timezone

from interconnect.domain.changes import CreateGateway, EditGateway
from interconnect.domain.rights import ClusterRole, needed
from interconnect.domain.status import Level, Statuses
from interconnect.domain.topology import Autoscaling, GatewaySpec
from interconnect.models import ClusterObservation, Connection, Finding, Mesh
from interconnect.services import rollouts, watching
from interconnect.state import pages
from interconnect.state.findings import LOOK, alarming, open_now
from simulator.api import Grant
from tests.observing.calls import Calls
from tests.support.world import ROOT, SYSTEM, B, World
from tests.support.worlds import forget_clients

NETWORK = "topology.istio.io/network"
INJECTOR = "istio-sidecar-injector"
# What the sample workloads of the simulated fleet have from the beginning.
FROM_THE_START = frozenset({"pods.stale", "pods.unlabelled"})


def codes(world: World) -> set[str]:
    return {finding.code for finding in world.found()} - FROM_THE_START


def statuses(world: World) -> Statuses:
    return pages.sight(Mesh.objects.select_related("observation").get(id=world.mesh.id)).statuses


def test_nothing_is_found_in_a_mesh_that_has_just_joined(joined: World) -> None:
    assert codes(joined) == set()
    known = statuses(joined)
    assert known.whole.state.level is Level.GOOD, known.whole
    assert known.joined["green"].code == "joined.in-effect"
    assert {state.code for state in known.clusters.values()} == {"cluster.reachable"}
    assert {state.code for state in known.gateways.values()} == {"gateway.ready"}
    assert known.rule.code == "rule.in-place"


def test_a_member_that_refuses_the_credential_is_told_so_at_once_also_in_no_group(world: World) -> None:
    watching.look(world.mesh)
    world.fleet.fault("member-a", "401")
    watching.look(world.mesh)
    assert statuses(world).clusters["member-a"].code == "cluster.refuses-us"
    assert Finding.objects.get(code="cluster.refuses-us", ended_at=None).subject == "member-a"
    world.fleet.fault("member-a", None)
    watching.look(world.mesh)
    assert statuses(world).clusters["member-a"].code == "cluster.reachable"
    assert not Finding.objects.filter(code="cluster.refuses-us", ended_at=None).exists()


def test_silence_counts_after_a_second_look_and_so_does_its_end(joined: World) -> None:
    watching.look(joined.mesh)
    joined.fleet.fault("member-b", "refuse")
    assert watching.look(joined.mesh) == {"member-b"}
    assert statuses(joined).clusters["member-b"].code == "cluster.reachable"
    watching.look(joined.mesh)
    assert statuses(joined).clusters["member-b"].code == "cluster.no-answer"
    joined.fleet.fault("member-b", None)
    watching.look(joined.mesh)
    assert statuses(joined).clusters["member-b"].code == "cluster.no-answer"
    watching.look(joined.mesh)
    assert statuses(joined).clusters["member-b"].code == "cluster.reachable"


def test_a_credential_that_cannot_be_opened_is_about_its_cluster_alone(joined: World, settings: Any) -> None:
    watching.look(joined.mesh)
    own = Connection.objects.get(cluster__name="member-c")
    settings.MESHCONSOLE_CREDENTIAL_KEYS = [Fernet.generate_key().decode(), *settings.MESHCONSOLE_CREDENTIAL_KEYS]
    own.sealed = own.sealed[:-4] + "AAAA"
    own.save()
    forget_clients()
    assert codes(joined) == {"cluster.refuses-us"}
    assert statuses(joined).clusters["member-c"].cause.code == "kube.credential-unreadable"  # type: ignore[union-attr]
    assert statuses(joined).clusters["member-a"].code == "cluster.reachable"


def test_a_running_rollout_holds_what_its_changes_touch(prepared: World) -> None:
    prepared.start(prepared.join("green", B))
    work = statuses(prepared).mesh.work
    assert (work.groups, work.publishing, work.on_rule, work.busy) == ({"green"}, True, False, frozenset())


def test_a_rollout_that_restores_the_rule_holds_no_group(joined: World) -> None:
    joined.fleet.cluster(joined.fleet.config).delete("Gateway", "cross-network-gateway", SYSTEM)
    rollouts.drift_restore(actor=ROOT, mesh=joined.mesh, live=joined.preview().live)
    work = statuses(joined).mesh.work
    assert (work.groups, work.publishing, work.on_rule, work.busy) == (frozenset(), False, True, frozenset())


def emptied(world: World) -> None:
    world.fleet.cluster(world.fleet.config).patch(
        "ConfigMap", "istio", {"data": {"meshNetworks": "networks: {}\n"}}, SYSTEM, manager="helm"
    )


def test_a_list_that_somebody_empties_is_no_longer_in_effect(joined: World) -> None:
    before = joined.config_map["data"]["meshNetworks"]
    emptied(joined)
    assert {"networks.changed", "group.not-in-effect"} <= codes(joined)
    assert statuses(joined).joined["green"].code == "joined.not-in-effect"
    patch = {"data": {"meshNetworks": before}}
    joined.fleet.cluster(joined.fleet.config).patch("ConfigMap", "istio", patch, SYSTEM, manager="helm")
    assert codes(joined) == set()


def test_a_tag_that_is_set_later_lacks_the_network_until_it_is_restored(joined: World) -> None:
    cluster = joined.fleet.cluster("member-b")
    found: Any = cluster.get("MutatingWebhookConfiguration", INJECTOR)
    for each in found["webhooks"]:
        each["name"] = each["name"].replace("istio", "prod.istio")
        each["clientConfig"]["url"] = each["clientConfig"]["url"].partition("/net/")[0]
    labels = {"istio.io/tag": "prod", "istio.io/rev": "default", "app": "sidecar-injector"}
    tag = {"metadata": {"name": "istio-revision-tag-prod", "labels": labels}, "webhooks": found["webhooks"]}
    cluster.apply({"apiVersion": found["apiVersion"], "kind": found["kind"]} | tag, manager="istioctl")
    (named, *_more) = [each for each in joined.found() if each.code == "cluster.injection-path"]
    assert (named.subject.name, named.params["name"]) == ("member-b", "istio-revision-tag-prod")
    joined.restore()
    assert codes(joined) == set()


def test_a_fast_look_takes_few_calls_however_many_gateways_a_cluster_has(prepared: World) -> None:
    scaling = GatewaySpec(autoscaling=Autoscaling(2, 3))
    more = [B._replace(number=number) for number in (2, 3)]
    added = [CreateGateway(key, f"00000000-0000-4000-8000-00000000010{key.number}", scaling) for key in more]
    prepared.do(*added, EditGateway(B, GatewaySpec(replicas=2)))
    watching.look(prepared.mesh, slow=True)
    member = Calls.to(prepared, "member-b")
    watching.look(prepared.mesh)
    assert 0 < len(member.paths) <= 12, member.paths


def test_the_control_plane_is_asked_in_few_calls(joined: World) -> None:
    watching.look(joined.mesh)
    replicas = len(joined.fleet.mesh.istiods)
    hub = Calls.to(joined, "hub")
    watching.look(joined.mesh)
    asked = [path for path in hub.paths if "portforward" in path]
    assert 2 * replicas <= len(asked) <= 4 * replicas, hub.paths
    assert 0 < len(hub.paths) - len(asked) <= 8, hub.paths


def test_a_slow_look_asks_for_rights_in_two_calls_where_none_is_missing(joined: World) -> None:
    watching.look(joined.mesh, slow=True)
    calls = {name: Calls.to(joined, name) for name in ("member-b", "hub")}
    watching.look(joined.mesh, slow=True)
    paths = {name: [path for path in each.paths if "portforward" not in path] for name, each in calls.items()}
    reviews = {name: sum("reviews" in path for path in each) for name, each in paths.items()}
    assert reviews == {"member-b": 2, "hub": 2}, paths
    assert len(paths["member-b"]) <= 12 + 8 and len(paths["hub"]) <= 8 + 2, paths


def test_a_slow_look_asks_for_each_right_that_no_rule_grants(joined: World) -> None:
    access = joined.fleet.cluster("member-b").api.access
    access.grants["admin"] = (Grant(("get", "list"), ("*",), ("*",)), Grant(("patch",), ("*",), ("deployments",)))
    member = Calls.to(joined, "member-b")
    watching.look(joined.mesh, slow=True)
    rights = needed(ClusterRole.MEMBER, SYSTEM)
    others = [right for right in rights if right.verb not in ("get", "list") and str(right)[:17] != "patch deployments"]
    asked = [path for path in member.paths if "selfsubjectaccessreviews" in path]
    assert len(asked) == len(others)
    missing = statuses(joined).mesh.details("member-b").missing
    assert missing == tuple(sorted(str(right) for right in others if not right.optional))


def test_a_probe_that_stands_still_is_one_finding_until_it_goes_on(joined: World) -> None:
    watching.look(joined.mesh)
    assert codes(joined) == set()
    later = timezone.now() + timedelta(minutes=5)
    (found,) = [row for row in open_now([joined.mesh], later) if row.source == LOOK and row.code not in FROM_THE_START]
    assert (found.code, found.severity) == ("console.standstill", "critical")
    assert [row.code for row in alarming([joined.mesh], later)[joined.mesh.id]] == ["console.standstill"]
    assert alarming([joined.mesh], timezone.now())[joined.mesh.id] == []


def test_a_cluster_that_another_look_is_asking_is_left_to_it_until_its_lease_lapses(joined: World) -> None:
    watching.look(joined.mesh)
    before = ClusterObservation.objects.get(cluster__name="member-a").at
    later = timezone.now() + timedelta(minutes=1)
    ClusterObservation.objects.filter(cluster__name="member-a").update(lease_owner="another", lease_until=later)
    watching.look(joined.mesh)
    assert ClusterObservation.objects.get(cluster__name="member-a").at == before
    ClusterObservation.objects.filter(cluster__name="member-a").update(lease_until=timezone.now())
    watching.look(joined.mesh)
    assert ClusterObservation.objects.get(cluster__name="member-a").at > before  # type: ignore[operator]


def test_findings_that_are_found_again_stay_the_same_rows(joined: World) -> None:
    joined.fleet.fault("member-a", "401")
    watching.look(joined.mesh)
    (first,) = Finding.objects.filter(code="cluster.refuses-us")
    watching.conclude(joined.mesh)
    watching.look(joined.mesh)
    (again,) = Finding.objects.filter(code="cluster.refuses-us")
    assert (again.id, again.first_seen) == (first.id, first.first_seen)
    assert again.last_seen > first.last_seen
