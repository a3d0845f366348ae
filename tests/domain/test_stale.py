"""Pods that do not count to their cluster's group, told from metadata alone."""

from __future__ import annotations

from interconnect.domain.stale import Workload, carrying, count, workload_of


def pod(
    network: str | None = None, *, name: str = "p", owner: tuple[str, str] | None = None, **metadata: object
) -> dict:
    labels = {**({"topology.istio.io/network": network} if network else {}), **metadata.pop("labels", {})}  # type: ignore[dict-item]
    owners = [{"kind": owner[0], "name": owner[1], "controller": True}] if owner else []
    return {"metadata": {"namespace": "shop", "name": name, "labels": labels, "ownerReferences": owners, **metadata}}


INJECTED = {"annotations": {"sidecar.istio.io/status": "{}"}}


def test_pods_of_another_network_are_counted_by_workload() -> None:
    hashed = {"pod-template-hash": "7d4"}
    found = count(
        [
            pod("default", owner=("ReplicaSet", "web-7d4"), labels=hashed),
            pod("default", owner=("ReplicaSet", "web-7d4"), labels=hashed),
            pod("old", owner=("StatefulSet", "db")),
            pod("red", owner=("DaemonSet", "agent")),
        ],
        "red",
    )
    assert found.stale == {Workload("shop", "Deployment", "web"): 2, Workload("shop", "StatefulSet", "db"): 1}
    assert found.networks == {"default": 2, "old": 1}
    assert found.total == 3


def test_injected_pods_without_a_network_are_counted_apart_and_others_not_at_all() -> None:
    found = count([pod(**INJECTED), pod(labels={"security.istio.io/tlsMode": "istio"}), pod()], "red")
    assert (found.total, found.total_unlabelled) == (0, 2)


def test_a_pod_that_is_going_is_not_counted() -> None:
    going = pod("old", deletionTimestamp="2026-01-01T00:00:00Z")
    assert count([going], "red").total == 0
    assert carrying([going, pod("old")], "old") == 1


def test_in_no_group_every_network_is_stale_and_none_is_missed() -> None:
    found = count([pod("old"), pod(**INJECTED)], None)
    assert (found.total, found.total_unlabelled) == (1, 0)


def test_owners_that_cannot_be_restarted_are_named_as_they_are() -> None:
    for owner in (("Job", "once"), ("ReplicaSet", "bare"), ("Node", "n")):
        workload = workload_of(pod(owner=owner)["metadata"])
        assert (workload.kind, workload.name, workload.restartable) == (*owner, False)
    assert workload_of(pod(name="alone")["metadata"]) == Workload("shop", "Pod", "alone")


def test_metadata_with_holes_is_no_error() -> None:
    assert count([{}, {"metadata": {}}, {"metadata": {"labels": None, "annotations": None}}], "red").total == 0
