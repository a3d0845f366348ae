"""The order of a gateway's writes, and who sets its replicas while an autoscaler comes or goes."""

from __future__ import annotations

from interconnect.domain.entries import Target
from interconnect.domain.gateway_writes import gateway_writes
from interconnect.domain.render import render
from interconnect.domain.topology import Autoscaling, GatewaySpec
from interconnect.domain.writes import Verb, Write
from tests.domain.cluster_model import Model, place
from tests.domain.samples import FACTS, MESH, mesh

SCALED = GatewaySpec(replicas=1, autoscaling=Autoscaling(2, 5))


def with_gateway(spec: GatewaySpec) -> Model:
    model = Model()
    change(model, spec)
    return model


def change(model: Model, spec: GatewaySpec | None) -> list[str]:
    rendered = render(mesh(spec=spec), FACTS) if spec else {}
    writes = pending(model, spec)
    for write in writes:
        model._write(write, rendered)
    return [
        f"{write.verb} {write.target.kind}" + (f" as {write.manager}" if write.manager != "meshconsole" else "")
        for write in writes
    ]


def pending(model: Model, spec: GatewaySpec | None) -> tuple[Write, ...]:
    rendered = render(mesh(spec=spec), FACTS) if spec else {}
    return gateway_writes("gw-a", rendered, model.rows, model.live({*rendered, *model.rows}), mesh=MESH)


def deployment(model: Model) -> dict:
    [target] = [target for target in model.rows if target.kind == "Deployment"]
    return model.objects[place(target)]


def scale(model: Model, replicas: int, manager: str) -> None:
    live = deployment(model)
    live["spec"]["replicas"] = replicas
    entries = live["metadata"]["managedFields"]
    for entry in entries:
        if entry["manager"] != manager:
            entry["fieldsV1"].get("f:spec", {}).pop("f:replicas", None)
    fields = {"f:spec": {"f:replicas": {}}}
    entries.append({"manager": manager, "operation": "Update", "subresource": "scale", "fieldsV1": fields})


def test_a_gateway_is_made_in_order_and_then_nothing_is_owed() -> None:
    model = Model()
    assert change(model, SCALED) == [
        "apply ServiceAccount",
        "apply Deployment",
        "apply Service",
        "apply HorizontalPodAutoscaler",
        "apply PodDisruptionBudget",
    ]
    assert pending(model, SCALED) == ()


def test_an_autoscaler_takes_over_the_running_number_and_it_never_falls_to_one() -> None:
    model = with_gateway(GatewaySpec(replicas=3))
    assert change(model, SCALED) == [
        "apply Deployment as meshconsole-handover",
        "apply HorizontalPodAutoscaler",
        "apply Deployment",
    ]
    assert deployment(model)["spec"]["replicas"] == 3
    assert pending(model, SCALED) == ()


def test_when_the_autoscaler_goes_the_number_is_ours_again_and_nothing_of_the_handover_stays() -> None:
    model = with_gateway(SCALED)
    scale(model, 4, "kube-controller-manager")
    assert change(model, GatewaySpec(replicas=2)) == [
        "delete HorizontalPodAutoscaler",
        "apply Deployment as meshconsole-handover",
        "apply Deployment",
        "apply Deployment as meshconsole-handover",
    ]
    live = deployment(model)
    assert live["spec"]["replicas"] == 2
    owners = [
        entry["manager"]
        for entry in live["metadata"]["managedFields"]
        if "f:replicas" in entry["fieldsV1"].get("f:spec", {})
    ]
    assert owners == ["meshconsole"]
    assert pending(model, GatewaySpec(replicas=2)) == ()


def test_a_number_that_somebody_set_by_hand_is_not_forced() -> None:
    model = with_gateway(GatewaySpec(replicas=2))
    scale(model, 7, "kubectl")
    writes = pending(model, GatewaySpec(replicas=2))
    assert [(write.verb, write.force, write.manager) for write in writes] == [(Verb.APPLY, False, "meshconsole")]


def test_the_disruption_budget_goes_before_the_replicas_fall() -> None:
    model = with_gateway(GatewaySpec(replicas=2))
    assert change(model, GatewaySpec(replicas=1)) == ["delete PodDisruptionBudget", "apply Deployment"]


def test_a_gateway_that_leaves_takes_all_its_objects_along_and_no_others() -> None:
    model = with_gateway(SCALED)
    other = Target("uid-a", "v1", "Service", "istio-system", "other")
    model.objects[place(other)] = {"metadata": {"uid": "x"}}
    assert len(change(model, None)) == 5
    assert list(model.objects) == [place(other)]
    assert model.rows == {}


def test_what_another_gateway_needs_is_not_touched() -> None:
    assert gateway_writes("no such", render(mesh(), FACTS), {}, {}, mesh=MESH) == ()
