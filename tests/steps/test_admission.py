"""Clusters may change what they are sent: that is no drift, unless it takes away what a gateway needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from interconnect.domain.changes import DeleteGateway, EditGateway, Enable
from interconnect.domain.topology import GatewaySpec
from interconnect.models import AppliedEntry, ClusterObservation
from interconnect.services.watching import look
from interconnect.state import applied
from interconnect.state.observed import member_of
from simulator.policies import Policy
from tests.support.world import SYSTEM, B, World, gateway, step

if TYPE_CHECKING:
    from interconnect.domain.violations import Violation
    from interconnect.models import Rollout

NAME = "eastwest-member-b-1"
CPU = "/spec/template/spec/containers/0/resources/limits/cpu"
CPU_FIELD = ".spec.template.spec.containers[name=istio-proxy].resources.limits.cpu"
SMALL = Policy("deployments", "eastwest-", {CPU: "250m"})
NETWORK_LABEL = "topology.istio.io~1network"


def under(world: World, *policies: Policy) -> None:
    world.fleet.cluster("member-b").cluster.policies = policies


def created(world: World, ends: str = "succeeded") -> Rollout:
    return world.do(Enable(), *world.group(green="member-b"), gateway(B), ends=ends)


def limit(world: World) -> str:
    return str(world.deployment(B)["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"])


def set_limit(world: World, value: str, manager: str = "kubectl-edit") -> None:
    found = world.deployment(B)
    containers = found["spec"]["template"]["spec"]["containers"]
    containers[0]["resources"]["limits"]["cpu"] = value
    world.fleet.cluster("member-b").patch(
        "Deployment", NAME, {"spec": {"template": {"spec": {"containers": containers}}}}, SYSTEM, manager=manager
    )
    world.fleet.settle()


def drift(world: World) -> list[Violation]:
    """What a look at member-b finds other than it was written."""
    look(world.mesh, only={"member-b"}, central=False)
    return list(member_of(ClusterObservation.objects.get(cluster__name="member-b")).seen.drift)


def dry_runs(world: World) -> list[str]:
    """The paths of the dry runs on member-b from now on."""
    seen: list[str] = []
    answer = world.fleet.cluster("member-b").api.answer

    def noticing(request: Any) -> Any:
        if request.dry_run:
            seen.append(request.path)
        return answer(request)

    world.fleet.cluster("member-b").api.answer = noticing  # type: ignore[method-assign]
    return seen


def test_what_a_policy_makes_of_our_write_is_no_drift(world: World) -> None:
    under(world, SMALL)
    rollout = created(world)
    assert limit(world) == "250m"
    [note] = step(rollout, "gateway").evidence["notes"]
    assert note["code"] == "writes.note.admitted"
    assert (note["params"]["field"], note["params"]["value"]) == (CPU_FIELD, "250m")
    tried = dry_runs(world)
    assert world.preview().empty
    assert world.preview().writes == ()
    assert drift(world) == []
    assert tried == []


def test_only_changed_leaves_are_kept_with_the_row(world: World) -> None:
    under(world, SMALL)
    created(world)
    kept = {row.kind: row.admitted for row in AppliedEntry.objects.filter(name=NAME)}
    assert kept.pop("Deployment") == [[[*CPU_FIELD_PATH], "250m"]]
    assert set(map(str, kept.values())) == {"[]"}


CPU_FIELD_PATH = ("spec", "template", "spec", "containers", "[name=istio-proxy]", "resources", "limits", "cpu")


def test_a_policy_that_comes_later_is_found_by_a_dry_run(world: World) -> None:
    created(world)
    under(world, SMALL)
    # Whatever is updated there passes the policy: here an annotation of a controller.
    world.fleet.cluster("member-b").patch(
        "Deployment", NAME, {"metadata": {"annotations": {"example.org/seen": "1"}}}, SYSTEM, manager="controller"
    )
    assert limit(world) == "250m"
    tried = dry_runs(world)
    seen = world.preview()
    assert seen.empty
    assert seen.writes == ()
    assert len(tried) == 1
    applied.note_admitted(world.mesh, seen.admitted)
    tried.clear()
    assert world.preview().empty
    assert drift(world) == []
    assert tried == []


def test_a_later_change_is_drift_and_names_who_owns_the_field(world: World) -> None:
    under(world, SMALL)
    created(world)
    under(world)
    set_limit(world, "300m")
    [found] = drift(world)
    assert (found.code, found.params["owners"]) == ("drift.overwritten", ["kubectl-edit"])
    world.restore(accept=world.preview().tokens)
    assert limit(world) == "2"
    assert drift(world) == []


def test_a_change_is_tried_once_however_often_it_is_looked_at(world: World) -> None:
    created(world)
    set_limit(world, "300m")
    tried = dry_runs(world)
    assert [drift(world)[0].code, drift(world)[0].code] == ["drift.overwritten"] * 2
    assert len(tried) == 1
    set_limit(world, "400m")
    drift(world)
    assert len(tried) == 2


def test_nobody_is_blamed_who_did_not_write_the_field(prepared: World) -> None:
    cluster = prepared.fleet.cluster("member-b")
    cluster.patch("Deployment", NAME, {"metadata": {"annotations": {"x": "1"}}}, SYSTEM, manager="innocent")
    cluster.patch("Deployment", NAME, {"metadata": {"labels": {"meshconsole.io/gateway": None}}}, SYSTEM)
    cluster.patch("Service", NAME, {"spec": {"type": "NodePort"}}, SYSTEM, manager="ops")
    blamed = {found.params["kind"]: found.params["owners"] for found in drift(prepared)}
    assert blamed == {"Deployment": [], "Service": ["ops"]}


@pytest.mark.parametrize(
    ("resource", "change", "field"),
    [
        ("services", {"removes": ("/metadata/labels/meshconsole.io~1mesh",)}, ".metadata.labels.meshconsole.io/mesh"),
        ("services", {"removes": ("/spec/selector",)}, ".spec.selector"),
        ("services", {"sets": {"/spec/ports/1/targetPort": 8443}}, ".spec.ports[port=15443,protocol=TCP].targetPort"),
        (
            "deployments",
            {"removes": (f"/spec/template/metadata/labels/{NETWORK_LABEL}",)},
            ".spec.template.metadata.labels.topology.istio.io/network",
        ),
        ("deployments", {"sets": {"/spec/replicas": 0}}, ".spec.replicas"),
    ],
)
def test_a_policy_that_takes_what_the_gateway_needs_fails_the_step(
    world: World, resource: str, change: dict[str, Any], field: str
) -> None:
    under(world, Policy(resource, "eastwest-", **change))
    rollout = created(world, "failed")
    failed = step(rollout, "gateway")
    assert (failed.error_code, failed.error_params["field"]) == ("writes.needed-changed", field)
    assert AppliedEntry.objects.get(name=NAME, kind=resource[:-1].capitalize()).object_uid
    problems = [write.problem.code for write in world.preview().writes if write.problem]
    assert problems == ["writes.needed-changed"]
    under(world)
    world.retry(rollout)
    assert world.preview().empty


def test_a_policy_that_takes_the_network_label_of_the_namespace_fails_the_step(world: World) -> None:
    under(world, Policy("namespaces", SYSTEM, removes=(f"/metadata/labels/{NETWORK_LABEL}",)))
    failed = step(created(world, "failed"), "label")
    assert failed.error_code == "writes.needed-changed"
    assert (failed.error_params["sent"], failed.error_params["got"]) == ("green", "")


def test_a_policy_that_resets_the_webhook_path_fails_the_step(world: World) -> None:
    url = "https://istiod.example.org:15017/inject/cluster/member-b"
    under(world, Policy("mutatingwebhookconfigurations", "", {"/webhooks/0/clientConfig/url": url}))
    failed = step(created(world, "failed"), "injection")
    assert failed.error_code == "writes.needed-changed"
    assert (failed.error_params["sent"], failed.error_params["got"]) == ("green", "")


def test_a_policy_that_empties_mesh_networks_fails_the_step(prepared: World) -> None:
    prepared.fleet.cluster("hub").cluster.policies = (
        Policy("configmaps", "istio", {"/data/meshNetworks": "networks: {}"}),
    )
    failed = step(prepared.do(prepared.join("green", B), ends="failed"), "networks")
    assert (failed.error_code, failed.error_params["field"]) == ("writes.needed-changed", ".data.meshNetworks")


def test_what_a_policy_left_without_our_labels_can_be_deleted(world: World) -> None:
    under(world, Policy("services", "eastwest-", removes=("/metadata/labels/meshconsole.io~1mesh",)))
    created(world, "failed")
    rollout = world.do(DeleteGateway(B), ends="failed")
    failed = step(rollout, "gateway-delete")
    assert failed.error_code == "writes.not-ours"
    world.retry(rollout, accept=failed.error_params["tokens"])
    assert world.fleet.cluster("member-b").get("Service", NAME, SYSTEM) is None


def test_an_edit_keeps_what_the_policy_makes_of_it(world: World) -> None:
    under(world, SMALL)
    created(world)
    world.do(EditGateway(B, GatewaySpec(replicas=2)))
    assert (limit(world), world.deployment(B)["spec"]["replicas"]) == ("250m", 2)
    assert world.preview().empty
