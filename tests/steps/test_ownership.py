"""Deleted and put back is what the console made itself: the object that its row names, whatever others call or label
theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from interconnect.domain.changes import DeleteGateway, DeleteGroup, Disable, EditGateway, Enable, apply
from interconnect.domain.topology import GatewaySpec, Topology
from interconnect.domain.writes import Verb
from interconnect.models import AppliedEntry
from interconnect.planning.preview import preview, scene_of
from tests.support.world import SYSTEM, A, B, World, gateway, step

if TYPE_CHECKING:
    from interconnect.models import Rollout

NAME = "eastwest-member-b-1"
RULE = "cross-network-gateway"
GATEWAY_KINDS = ("Deployment", "Service", "ServiceAccount")


def recreate(world: World, kind: str, name: str = NAME, member: str = "member-b", **labels: str) -> dict[str, Any]:
    """As `kubectl get -o yaml`, `delete` and `apply` do: everything is as it was, but another object
    of another maker.
    """
    cluster = world.fleet.cluster(member)
    copy: Any = cluster.get(kind, name, "" if kind in ("Namespace", "MutatingWebhookConfiguration") else SYSTEM)
    cluster.delete(kind, name, copy["metadata"].get("namespace", ""))
    world.fleet.settle()
    for key in ("deletionTimestamp", "generation", "creationTimestamp"):
        copy["metadata"].pop(key, None)
    copy["metadata"].setdefault("labels", {}).update(labels)
    copy.pop("status", None)
    return cluster.put(copy, manager="kubectl-client-side-apply")


def there(world: World, *kinds: str) -> set[str]:
    cluster = world.fleet.cluster("member-b")
    return {kind for kind in kinds if cluster.get(kind, NAME, SYSTEM) is not None}


def forget_answers(**rows: Any) -> None:
    """As if the worker had died between the writes and their answers."""
    assert AppliedEntry.objects.filter(field="", **rows).update(state="intended", object_uid="")


def not_ours(rollout: Rollout, kind: str = "gateway-delete") -> list[str]:
    return list(step(rollout, kind).evidence.get("not_ours", ()))


@pytest.mark.parametrize("kind", GATEWAY_KINDS)
def test_a_labelled_copy_of_the_same_name_is_not_deleted(prepared: World, kind: str) -> None:
    theirs = recreate(prepared, kind)
    shown = [write for write in prepared_plan(prepared) if write.target.kind == kind]
    assert [(write.verb, write.note) for write in shown] == [(Verb.FORGET, "writes.note.not-ours")]
    rollout = prepared.do(DeleteGateway(B))
    assert there(prepared, *GATEWAY_KINDS) == {kind}
    assert prepared.fleet.cluster("member-b").get(kind, NAME, SYSTEM)["metadata"]["uid"] == theirs["metadata"]["uid"]  # type: ignore[index]
    assert not_ours(rollout) == [f"{kind} {NAME}"]
    assert len(step(rollout, "gateway-delete").evidence["deleted"]) == 2
    assert not AppliedEntry.objects.filter(name=NAME).exists()


def prepared_plan(world: World) -> Any:
    """The writes of a plan that deletes the gateway B."""
    after = apply(world.topology, DeleteGateway(B))
    assert isinstance(after, Topology)
    return preview(after, scene_of(world.mesh)).writes


def test_an_autoscaler_and_a_budget_of_others_are_not_deleted(prepared: World) -> None:
    prepared.do(EditGateway(B, GatewaySpec(replicas=2)))
    recreate(prepared, "PodDisruptionBudget")
    rollout = prepared.do(DeleteGroup("green"))
    assert there(prepared, "PodDisruptionBudget", *GATEWAY_KINDS) == {"PodDisruptionBudget"}
    assert not_ours(rollout) == [f"PodDisruptionBudget {NAME}"]


def test_what_a_dead_worker_made_is_recognised_and_deleted(prepared: World) -> None:
    forget_answers(name=NAME)
    recorded: list[str] = []

    def before_delete(_cluster: str, _n: int, request: Any, stage: str) -> None:
        if stage == "before" and request.method == "DELETE":
            kind = next(kind for kind in GATEWAY_KINDS if f"/{kind.lower()}s/" in request.path)
            recorded.append(AppliedEntry.objects.get(kind=kind, name=NAME).object_uid)
            assert recorded[-1].encode() in request.body

    prepared.fleet.hook(before_delete)
    rollout = prepared.do(DeleteGateway(B))
    assert len(recorded) == 3 and all(recorded)
    assert there(prepared, *GATEWAY_KINDS) == set()
    assert not_ours(rollout) == []


def test_without_a_recorded_uid_labels_prove_nothing(prepared: World) -> None:
    forget_answers(name=NAME)
    for kind in GATEWAY_KINDS:
        recreate(prepared, kind)
    rollout = prepared.do(DeleteGateway(B))
    assert there(prepared, *GATEWAY_KINDS) == set(GATEWAY_KINDS)
    assert sorted(not_ours(rollout)) == sorted(f"{kind} {NAME}" for kind in GATEWAY_KINDS)


def test_our_mesh_label_alone_makes_no_object_ours(world: World) -> None:
    labels = {"meshconsole.io/mesh": str(world.mesh.id)}
    metadata = {"name": "eastwest-member-a-1", "namespace": SYSTEM, "labels": labels}
    theirs = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    before = world.fleet.cluster("member-a").put(theirs)
    world.do(Enable(), *world.group(blue="member-a"), gateway(A))
    assert world.topology.gateways[A].name == "eastwest-member-a-2"
    world.do(DeleteGroup("blue"))
    assert world.fleet.cluster("member-a").get("ServiceAccount", "eastwest-member-a-1", SYSTEM) == before


def test_an_object_replaced_between_look_and_delete_stays(prepared: World) -> None:
    def before_delete(_cluster: str, _n: int, request: Any, stage: str) -> None:
        if stage == "before" and request.method == "DELETE" and "/services/" in request.path:
            prepared.fleet.hook(None)
            recreate(prepared, "Service")

    prepared.fleet.hook(before_delete)
    rollout = prepared.do(DeleteGateway(B))
    assert there(prepared, *GATEWAY_KINDS) == {"Service"}
    assert not_ours(rollout) == [f"Service {NAME}"]


def test_an_object_recreated_while_ours_goes_is_not_waited_for(prepared: World) -> None:
    def after_delete(_cluster: str, _n: int, request: Any, stage: str) -> None:
        if stage == "after" and request.method == "DELETE" and "/serviceaccounts/" in request.path:
            theirs = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": SYSTEM}}
            prepared.fleet.cluster("member-b").put(theirs)

    prepared.fleet.hook(after_delete)
    rollout = prepared.do(DeleteGateway(B))
    assert there(prepared, *GATEWAY_KINDS) == {"ServiceAccount"}
    assert not_ours(rollout) == [f"ServiceAccount {NAME}"]


def test_a_rule_that_somebody_made_anew_stays(world: World) -> None:
    world.do(Enable())
    recreate(world, "Gateway", RULE, world.fleet.config)
    rollout = world.do(Disable())
    assert world.fleet.cluster(world.fleet.config).get("Gateway", RULE, SYSTEM) is not None
    assert not_ours(rollout, "rule-delete") == [f"Gateway {RULE}"]


def test_a_rule_made_anew_with_our_label_is_adopted_not_seized(world: World) -> None:
    world.do(Enable())
    recreate(world, "Gateway", RULE, world.fleet.config)
    refused = world.restore("failed")
    failed = step(refused, "rule")
    assert failed.error_code == "writes.not-ours"
    world.retry(refused, accept=failed.error_params["tokens"])
    world.do(Disable())
    assert world.fleet.cluster(world.fleet.config).get("Gateway", RULE, SYSTEM) is not None


def test_fields_of_objects_made_anew_are_not_put_back(prepared: World) -> None:
    recreate(prepared, "MutatingWebhookConfiguration", "istio-sidecar-injector")
    theirs = prepared.fleet.cluster("member-b").get("MutatingWebhookConfiguration", "istio-sidecar-injector")
    prepared.do(DeleteGroup("green"))
    assert prepared.fleet.cluster("member-b").get("MutatingWebhookConfiguration", "istio-sidecar-injector") == theirs


def test_an_object_replaced_between_look_and_apply_is_refused(prepared: World) -> None:
    def before_patch(_cluster: str, _n: int, request: Any, stage: str) -> None:
        if stage == "before" and request.method == "PATCH" and "/deployments/" in request.path:
            prepared.fleet.hook(None)
            recreate(prepared, "Deployment")

    prepared.fleet.hook(before_patch)
    rollout = prepared.do(EditGateway(B, GatewaySpec(replicas=3)), ends="failed")
    assert step(rollout, "gateway").error_code == "writes.not-ours"
    assert prepared.deployment(B)["spec"]["replicas"] == 1
