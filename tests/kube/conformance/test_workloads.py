"""What controllers make of the objects: Pods that run, load balancers with addresses, namespaces that go."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from interconnect.kube import kinds
from interconnect.kube.probe import deployment_status, reasons, service_addresses
from tests.kube.conformance.places import (
    config_map,
    deployment,
    eventually,
    refused,
    service,
    settled_deployment,
    target,
    thing,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from interconnect.domain.json_types import Json
    from interconnect.kube.api import Api

RESTART = {
    "spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}}
}


def pods(api: Api, space: str, name: str) -> list[Json]:
    found = api.list(kinds.POD, space, labels=f"conformance={name}")
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def controller(obj: Json) -> Json:
    return next(owner for owner in obj["metadata"]["ownerReferences"] if owner.get("controller"))


def test_a_deployment_becomes_available(api: Api, space: str, deployed: Callable[..., Json]) -> None:
    found = deployed("available", replicas=2)
    status = deployment_status(found)
    assert (status.desired, status.updated, status.ready, status.available, status.failure) == (2, 2, 2, 2, "")
    assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
    assert {(item["type"], item["status"]) for item in found["status"]["conditions"]} == {
        ("Available", "True"),
        ("Progressing", "True"),
    }


def test_pods_lead_to_their_deployment(api: Api, space: str, deployed: Callable[..., Json]) -> None:
    uid = deployed("leading")["metadata"]["uid"]
    (pod,) = pods(api, space, "leading")
    owner = controller(pod)
    assert owner["kind"] == "ReplicaSet"
    replica_set = api.get(kinds.REPLICA_SET, owner["name"], space)
    assert replica_set
    assert (controller(replica_set)["kind"], controller(replica_set)["uid"]) == ("Deployment", uid)
    assert pod["metadata"]["labels"]["pod-template-hash"] == replica_set["metadata"]["labels"]["pod-template-hash"]


def test_a_running_pod_has_an_address_a_node_and_is_ready(api: Api, space: str, deployed: Callable[..., Json]) -> None:
    deployed("running")
    (pod,) = pods(api, space, "running")
    assert pod["status"]["phase"] == "Running"
    assert pod["status"]["podIP"]
    assert pod["spec"]["nodeName"] in {node["metadata"]["name"] for node in api.list(kinds.NODE)}
    assert ("Ready", "True") in {(item["type"], item["status"]) for item in pod["status"]["conditions"]}
    assert pod["spec"]["serviceAccountName"] == "default"


def test_pods_are_found_by_their_fields(api: Api, space: str, deployed: Callable[..., Json]) -> None:
    deployed("fielded")
    (pod,) = pods(api, space, "fielded")
    chosen = f"status.phase=Running,spec.nodeName={pod['spec']['nodeName']},metadata.name={pod['metadata']['name']}"
    assert [item["metadata"]["name"] for item in api.list(kinds.POD, space, fields=chosen)] == [pod["metadata"]["name"]]
    assert api.list(kinds.POD, space, fields=f"status.phase=Failed,metadata.name={pod['metadata']['name']}") == []


def test_a_restart_replaces_every_pod(api: Api, space: str, deployed: Callable[..., Json]) -> None:
    deployed("restarted", replicas=2)
    before = {pod["metadata"]["name"] for pod in pods(api, space, "restarted")}
    api.strategic_patch(target(kinds.DEPLOYMENT, space, "restarted"), RESTART)
    settled_deployment(api, space, "restarted")
    assert eventually(lambda: len(pods(api, space, "restarted")) == 2)
    assert not before & {pod["metadata"]["name"] for pod in pods(api, space, "restarted")}


def test_fewer_replicas_end_pods(api: Api, space: str, deployed: Callable[..., Json]) -> None:
    deployed("fewer", replicas=3)
    api.apply(deployment(space, "fewer", replicas=1))
    settled_deployment(api, space, "fewer")
    assert eventually(lambda: len(pods(api, space, "fewer")) == 1)


def test_a_deployment_whose_service_account_is_missing_says_so(api: Api, space: str) -> None:
    api.apply(deployment(space, "unaccounted", pod={"serviceAccountName": "absent"}))
    where = target(kinds.DEPLOYMENT, space, "unaccounted")
    assert eventually(lambda: deployment_status(api.read(where) or {}).failure) == "FailedCreate"
    assert 'serviceaccount "absent" not found' in deployment_status(api.read(where) or {}).message
    api.apply(thing(kinds.SERVICE_ACCOUNT, space, "absent"))
    api.merge_patch(where, {"spec": {"template": {"metadata": {"labels": {"again": "1"}}}}})
    settled_deployment(api, space, "unaccounted")
    api.delete(where)


def test_a_deleted_deployment_takes_its_pods_along(api: Api, space: str, deployed: Callable[..., Json]) -> None:
    deployed("ending", replicas=2)
    api.delete(target(kinds.DEPLOYMENT, space, "ending"))
    assert eventually(lambda: not pods(api, space, "ending"))
    assert eventually(lambda: not api.list(kinds.REPLICA_SET, space, labels="conformance=ending"))


def test_a_load_balancer_gets_an_address_and_loses_it_with_its_type(api: Api, space: str) -> None:
    where = target(kinds.SERVICE, space, "balanced")
    api.apply(service(space, "balanced", type="LoadBalancer"))
    assert eventually(lambda: service_addresses(api.read(where) or {}))
    api.apply(service(space, "balanced", type="ClusterIP"))
    assert eventually(lambda: not service_addresses(api.read(where) or {}))
    api.delete(where)


def test_a_load_balancer_can_have_a_wished_address_or_a_name(api: Api, space: str) -> None:
    where, named = target(kinds.SERVICE, space, "wished"), target(kinds.SERVICE, space, "named")
    api.apply(service(space, "wished", type="LoadBalancer", loadBalancerIP="203.0.113.77"))
    api.apply(
        service(space, "named", type="LoadBalancer", metadata={"annotations": {"cloud.rig/hostname": "gw.example.org"}})
    )
    assert eventually(lambda: service_addresses(api.read(where) or {})) == ("203.0.113.77",)
    assert eventually(lambda: service_addresses(api.read(named) or {})) == ("gw.example.org",)
    for each in (where, named):
        api.delete(each)


def test_a_load_balancer_that_is_refused_says_why_in_an_event(api: Api, space: str) -> None:
    where = target(kinds.SERVICE, space, "pending")
    api.apply(service(space, "pending", type="LoadBalancer", metadata={"annotations": {"cloud.rig/pending": "true"}}))
    uid = (api.read(where) or {})["metadata"]["uid"]
    told = eventually(lambda: [item for item in reasons(api, space, "Service", "pending", uid=uid) if item.warning])
    assert told
    assert not service_addresses(api.read(where) or {})
    assert reasons(api, space, "Service", "pending", uid="00000000-0000-0000-0000-000000000000") == ()
    api.delete(where)


def test_a_namespace_goes_with_all_that_is_in_it_and_takes_nothing_new(api: Api) -> None:
    name = f"conformance-{uuid.uuid4().hex[:8]}"
    where = target(kinds.NAMESPACE, "", name)
    api.create(thing(kinds.NAMESPACE, "", name))
    assert eventually(lambda: api.get(kinds.SERVICE_ACCOUNT, "default", name))
    api.create(config_map(name, "held", finalizers=["example.org/wait"]))
    api.delete(where)
    leaving = api.read(where)
    assert leaving
    assert leaving["status"]["phase"] == "Terminating"
    error = refused(lambda: api.create(config_map(name, "late")))
    assert (error.code, "being terminated" in error.evidence) == ("namespace-terminating", True)
    api.merge_patch(target(kinds.CONFIG_MAP, name, "held"), {"metadata": {"finalizers": None}})
    assert eventually(lambda: api.read(where) is None)


def test_a_stateful_set_and_a_daemon_set_can_be_restarted(api: Api, space: str) -> None:
    for kind, name in ((kinds.STATEFUL_SET, "stateful"), (kinds.DAEMON_SET, "daemon")):
        labels = {"conformance": name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "echo"}]}}
        spec: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": template}
        api.apply(thing(kind, space, name, spec=spec))
        before = eventually(lambda name=name: ready(api, space, name))  # type: ignore[misc]
        assert before
        api.strategic_patch(target(kind, space, name), RESTART)
        assert eventually(lambda name=name, before=before: (now := ready(api, space, name)) and not now & before)  # type: ignore[misc]
        api.delete(target(kind, space, name))


def ready(api: Api, space: str, name: str) -> set[str]:
    """The identities of the Pods, when all of them are ready."""
    found = pods(api, space, name)
    waiting = [
        pod
        for pod in found
        if ("Ready", "True") not in {(item["type"], item["status"]) for item in pod["status"].get("conditions", ())}
    ]
    return set() if waiting else {pod["metadata"]["uid"] for pod in found}
