"""What clusters make of a gateway on its way in: a policy that changes it, and a namespace that forbids injection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.live.support.console import FAILED, NOTHING
from tests.live.support.installation import eventually
from tests.live.support.meshfile import ALL, CLUSTER, MESH, SERVICE, Mesh, by_platform
from tests.live.support.policy import limit, put_in_force

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.support.installation import Undo


def file_with(mesh: Mesh, replicas: int) -> Path:
    joined = by_platform("green", "red")
    return mesh.file.write(*ALL, gateways=("green", "red"), joined=joined, settings={"replicas": replicas})


def touched_by_policy(mesh: Mesh) -> bool:
    """Whether the policy is in force: it changes what a controller updates, too."""
    path = f"/apis/apps/v1/namespaces/{mesh.live.system}/deployments/{SERVICE['green']}"
    mesh.live.api(CLUSTER["green"]).merge(path, {"metadata": {"annotations": {"example.org/seen": "1"}}}, "controller")
    return limit(mesh.deployment("green")) == "250m"


def test_what_a_policy_makes_of_a_gateway_is_no_drift(mesh: Mesh, undo: Undo) -> None:
    put_in_force(mesh.live.api(CLUSTER["green"]), undo)
    assert eventually(lambda: touched_by_policy(mesh)), "the policy doesn't come into force"
    mesh.console.plan(file_with(mesh, 1), ends=NOTHING)
    mesh.console.apply(file_with(mesh, 2))
    assert limit(mesh.deployment("green")) == "250m"
    mesh.console.plan(file_with(mesh, 2), ends=NOTHING)
    check = mesh.console("check", MESH)
    assert "kube-controller-manager" not in check.said
    assert SERVICE["green"] not in check.said, check.said


def test_pods_made_without_injection_are_replaced_by_a_retry(mesh: Mesh, undo: Undo) -> None:
    api, namespace = mesh.live.api(CLUSTER["red"]), f"/api/v1/namespaces/{mesh.live.system}"
    mesh.console.apply(file_with(mesh, 2))
    api.merge(namespace, {"metadata": {"labels": {"istio-injection": "disabled"}}})
    undo(lambda: api.merge(namespace, {"metadata": {"labels": {"istio-injection": None}}}))
    failed = mesh.console("apply", str(file_with(mesh, 3)))
    assert failed.code == FAILED, failed.said
    assert "istio-injection=disabled" in failed.said
    api.merge(namespace, {"metadata": {"labels": {"istio-injection": None}}})
    mesh.console("retry", MESH).ended(NOTHING)
    pods = mesh.live.pods(CLUSTER["red"], mesh.live.system, "istio=eastwestgateway")
    assert len(pods) == 3
    assert all(pod["spec"]["containers"][0]["image"] != "auto" for pod in pods)
    mesh.console.plan(file_with(mesh, 3), ends=NOTHING)
