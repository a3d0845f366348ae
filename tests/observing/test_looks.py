"""Looks at simulated clusters: what somebody breaks is seen, told once, and gone when it is put right."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone

from interconnect.domain.changes import CreateGateway, EditGateway
from interconnect.domain.diagnosis import CODES
from interconnect.domain.status import Level, Statuses
from interconnect.domain.topology import Autoscaling, GatewaySpec
from interconnect.models import Cluster, ClusterObservation, Connection, Finding, Mesh, MeshObservation
from interconnect.services import watching
from interconnect.state import pages
from simulator import world as simulated
from tests.support.world import SYSTEM, B, World
from tests.support.worlds import forget_clients

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NETWORK = "topology.istio.io/network"
INJECTOR = "istio-sidecar-injector"
# What the sample workloads of the simulated fleet have from the beginning.
FROM_THE_START = frozenset({"pods.stale", "pods.unlabelled"})


def codes(world: World) -> set[str]:
    return {finding.code for finding in world.found()} - FROM_THE_START


def statuses(world: World) -> Statuses:
    return pages.sight(Mesh.objects.select_related("observation").get(id=world.mesh.id)).statuses


def label(world: World, member: str, value: str | None) -> None:
    patch = {"metadata": {"labels": {NETWORK: value}}}
    world.fleet.cluster(member).patch("Namespace", SYSTEM, patch, manager="ops")


def scale(world: World, replicas: int) -> None:
    world.fleet.cluster("member-b").patch(
        "Deployment", "eastwest-member-b-1", {"spec": {"replicas": replicas}}, SYSTEM, manager="kubectl-scale"
    )
    world.fleet.settle()


def webhook(world: World, change: Callable[[str], str]) -> None:
    cluster = world.fleet.cluster("member-b")
    found: Any = cluster.get("MutatingWebhookConfiguration", INJECTOR)
    for each in found["webhooks"]:
        each["clientConfig"]["url"] = change(each["clientConfig"]["url"])
    cluster.patch("MutatingWebhookConfiguration", INJECTOR, {"webhooks": found["webhooks"]}, manager="helm")


def service_label(world: World, value: str | None) -> None:
    world.fleet.cluster("member-b").patch(
        "Service", "eastwest-member-b-1", {"metadata": {"labels": {NETWORK: value}}}, SYSTEM, manager="ops"
    )
    world.fleet.settle()


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


def test_a_right_that_is_missing_does_not_keep_a_cluster_silent(joined: World) -> None:
    joined.fleet.fault("member-b", "refuse")
    codes(joined)
    joined.fleet.fault("member-b", "403", resource="pods")
    assert "cluster.no-answer" not in codes(joined)
    state = statuses(joined).clusters["member-b"]
    assert (state.code, state.params["rights"]) == ("cluster.rights-missing", ["list pods"])


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


Fault = tuple[str, Any, Any, str]
FAULTS: list[Fault] = [
    ("only gateway scaled to nothing", lambda w: scale(w, 0), lambda w: scale(w, 1), "group.no-way-in"),
    (
        "label taken off",
        lambda w: label(w, "member-b", None),
        lambda w: label(w, "member-b", "green"),
        "cluster.network-label",
    ),
    (
        "webhook path rewritten",
        lambda w: webhook(w, lambda url: url.replace("/net/green", "")),
        lambda w: webhook(w, lambda url: url + "/net/green"),
        "cluster.injection-path",
    ),
    (
        "gateway's Service labelled",
        lambda w: service_label(w, "green"),
        lambda w: service_label(w, None),
        "group.others-decide",
    ),
    (
        "another rule on the port",
        lambda w: w.fleet.cluster(w.fleet.config).apply(OTHER_RULE, manager="ops"),
        lambda w: w.fleet.cluster(w.fleet.config).delete("Gateway", "mine", SYSTEM),
        "rule.other-rule",
    ),
    (
        "control plane silent",
        lambda w: w.fleet.fault("hub", "refuse"),
        lambda w: w.fleet.fault("hub", None),
        "control-plane.no-answer",
    ),
    (
        "gateway deleted",
        lambda w: w.fleet.cluster("member-b").delete("Deployment", "eastwest-member-b-1", SYSTEM),
        lambda w: w.restore(),
        "gateway.missing",
    ),
]
OTHER_RULE = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "mine", "namespace": SYSTEM},
    "spec": {
        "selector": {"istio": "eastwestgateway"},
        "servers": [
            {
                "port": {"number": 15443, "name": "tls", "protocol": "TLS"},
                "hosts": ["*"],
                "tls": {"mode": "AUTO_PASSTHROUGH"},
            }
        ],
    },
}


@pytest.mark.parametrize(
    ("break_it", "mend_it", "code"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
def test_what_is_broken_is_found_and_gone_once_it_is_put_right(
    joined: World, break_it: Any, mend_it: Any, code: str
) -> None:
    assert codes(joined) == set()
    break_it(joined)
    assert code in codes(joined)
    mend_it(joined)
    assert codes(joined) == set()


def test_a_load_balancer_that_says_another_address_leaves_no_way_in(joined: World) -> None:
    joined.fleet.cluster("member-b").patch(
        "Service",
        "eastwest-member-b-1",
        {"metadata": {"annotations": {"simulator/hostname": "gw.example.com"}}},
        SYSTEM,
        manager="cloud",
    )
    joined.fleet.settle()
    assert {"gateway.address-changed", "group.no-way-in"} <= codes(joined)
    assert statuses(joined).gateways[B].params["addresses"] == ["gw.example.com"]


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


def test_a_revision_without_the_joined_groups_is_found(joined: World) -> None:
    hub = joined.fleet.cluster("hub")
    hub.apply(simulated.mesh_config("canary"))
    for manifest in simulated.istiod(1, "hub", "canary"):
        hub.apply(manifest)
    joined.fleet.settle()
    assert "networks.revision-lacks-groups" in codes(joined)


@contextmanager
def counted(world: World, name: str) -> Iterator[Counter[str]]:
    """Count the calls to a cluster by path within the block."""
    seen: Counter[str] = Counter()
    api = world.fleet.cluster(name).api
    answer = api.answer

    def noticing(request: Any) -> Any:
        seen[f"{request.method} {request.path}"] += 1
        return answer(request)

    api.answer = noticing  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        api.answer = answer  # type: ignore[method-assign]


def test_a_fast_look_takes_few_calls_however_many_gateways_a_cluster_has(prepared: World) -> None:
    scaling = GatewaySpec(autoscaling=Autoscaling(2, 3))
    more = [B._replace(number=number) for number in (2, 3)]
    added = [CreateGateway(key, f"00000000-0000-4000-8000-00000000010{key.number}", scaling) for key in more]
    prepared.do(*added, EditGateway(B, GatewaySpec(replicas=2)))
    watching.look(prepared.mesh, slow=True)
    with counted(prepared, "member-b") as seen:
        watching.look(prepared.mesh)
    assert 0 < seen.total() <= 12, seen


def test_the_control_plane_is_asked_in_few_calls(joined: World) -> None:
    watching.look(joined.mesh)
    replicas = len(joined.fleet.mesh.istiods)
    with counted(joined, "hub") as seen:
        watching.look(joined.mesh)
    assert 0 < seen.total() <= 8 + 4 * replicas, seen


def test_a_cluster_that_gives_no_answer_is_asked_once(joined: World, settings: Any) -> None:
    settings.MESHCONSOLE_PROBE_CALL_SECONDS = 0.5
    watching.look(joined.mesh)
    joined.fleet.fault("member-c", "hang")
    watching.look(joined.mesh)
    assert ClusterObservation.objects.get(cluster__name="member-c").error_code == "timeout"
    fault = joined.fleet.members["member-c"].fault
    assert fault is not None and fault.asked == 1


def test_two_beats_start_one_look(joined: World) -> None:
    assert watching.start(joined.mesh)
    assert not watching.start(joined.mesh)
    MeshObservation.objects.update(lease_until=timezone.now())
    assert watching.start(joined.mesh)


def test_a_cluster_that_another_look_is_asking_is_left_to_it_until_its_lease_lapses(joined: World) -> None:
    watching.look(joined.mesh)
    before = ClusterObservation.objects.get(cluster__name="member-a").at
    later = timezone.now() + timezone.timedelta(minutes=1)
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


def test_every_finding_of_the_simulated_clusters_has_a_registered_code(joined: World) -> None:
    emptied(joined)
    joined.fleet.fault("member-a", "401")
    watching.look(joined.mesh)
    assert set(Finding.objects.values_list("code", flat=True)) <= set(CODES)
    assert Cluster.objects.count() == 3
