"""*Run checks* on simulated clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from interconnect.domain.checks import Told, pairs
from interconnect.kube.errors import Temporary
from interconnect.models import Inquiry, MeshObservation
from interconnect.services import answering, checking
from interconnect.services.checking import checks_start, run_checks
from interconnect.state import desired, observed
from interconnect.state.findings import open_rows
from tests.support.world import A, B, step
from tests.support.worlds import fleets, hasty, joined, prepared

if TYPE_CHECKING:
    from tests.support.world import World

__all__ = ["fleets", "hasty", "joined", "prepared"]


def told(world: World) -> dict[tuple[str, str], Told]:
    return dict(run_checks(world.mesh).matrix.told)


def test_a_joined_group_is_told_by_its_gateways_and_others_as_they_are(joined: World) -> None:
    found = told(joined)
    assert found["blue", "green"] is Told.GATEWAY
    assert found["green", "blue"] is Told.RAW


def carrying(world: World, cluster: str, network: str, pods: int) -> None:
    """So many Pods of a cluster's sample carry this network, as if they had been injected before the cluster was
    grouped.
    """
    found = [
        pod
        for pod in world.fleet.cluster(cluster).objects
        if pod["kind"] == "Pod" and pod["metadata"]["namespace"] == "shop"
    ]
    for pod in found[:pods]:
        patch = {"metadata": {"labels": {"topology.istio.io/network": network}}}
        world.fleet.cluster(cluster).patch("Pod", pod["metadata"]["name"], patch, "shop")


def test_a_pod_that_still_carries_another_network_is_handed_out_by_its_own_address_even_after_a_join(
    joined: World,
) -> None:
    assert told(joined)["green", "blue"] is Told.RAW
    joined.do(joined.join("blue", A))
    assert told(joined)["green", "blue"] is Told.GATEWAY
    carrying(joined, "member-a", "elsewhere", pods=1)
    assert told(joined)["green", "blue"] is Told.MIXED
    carrying(joined, "member-a", "elsewhere", pods=2)
    assert told(joined)["green", "blue"] is Told.RAW


def test_a_pod_that_carries_the_network_of_who_asks_is_handed_out_though_it_cannot_be_reached(joined: World) -> None:
    joined.do(joined.join("blue", A))
    carrying(joined, "member-b", "green", pods=2)
    carrying(joined, "member-a", "green", pods=2)
    assert told(joined)["green", "blue"] is Told.RAW


def test_of_two_pods_with_one_address_the_one_that_is_handed_out_is_told_from_the_other(joined: World) -> None:
    addresses = {
        name: {pod["status"]["podIP"] for pod in joined.fleet.cluster(name).list("Pod", "shop")}
        for name in ("member-b", "member-c")
    }
    assert addresses["member-b"] == addresses["member-c"]
    assert told(joined)["blue", "red"] is Told.RAW
    carrying(joined, "member-b", "elsewhere", pods=2)
    assert told(joined)["blue", "green"] is Told.RAW


def test_a_service_that_istiod_tells_no_proxy_of_says_nothing_about_a_group(joined: World) -> None:
    headless = {"selector": {"app": "echo"}, "clusterIP": "None", "ports": [{"name": "http", "port": 8080}]}
    meta = {"name": "aaa", "namespace": "shop"}
    joined.fleet.cluster("member-b").apply({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": headless})
    result = run_checks(joined.mesh)
    assert result.matrix.told["blue", "green"] is Told.GATEWAY


def test_the_pairs_with_a_problem_come_first(joined: World) -> None:
    result = run_checks(joined.mesh)
    first = pairs(desired.load(joined.mesh), result.matrix.told, result.matrix.reach)[0]
    assert (first.target, first.joined) == ("green", True)


def test_what_was_found_is_kept_with_the_mesh(joined: World) -> None:
    result = run_checks(joined.mesh)
    kept = observed.checks_of(joined.mesh)
    assert (kept.at, kept.groups, kept.matrix.ways) == (result.at, result.groups, result.matrix.ways)
    assert [finding.code for finding in kept.findings] == [finding.code for finding in result.findings]
    assert MeshObservation.objects.get(mesh=joined.mesh).facts["istiods"]


def labelled(world: World) -> None:
    service = {"ports": [{"name": "tls", "port": 15443}], "selector": {"app": "theirs"}}
    meta = {"name": "theirs", "namespace": "shop", "labels": {"topology.istio.io/network": "green"}}
    cluster = world.fleet.cluster("member-b")
    cluster.apply({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service})


def test_what_only_the_checks_find_never_alarms(joined: World) -> None:
    labelled(joined)
    result = run_checks(joined.mesh)
    assert {each.code for each in result.findings if each.grave} == {"preflight.labelled-service"}
    (row,) = open_rows(joined.mesh).filter(code="preflight.labelled-service")
    assert row.severity == "warning"


def test_what_the_checks_find_is_new_until_the_next(joined: World) -> None:
    labelled(joined)
    at = run_checks(joined.mesh).at
    row = open_rows(joined.mesh).get(code="preflight.labelled-service")
    assert at is not None and row.first_seen > at
    again = run_checks(joined.mesh).at
    row.refresh_from_db()
    assert again is not None and row.first_seen < again


def test_what_the_checks_find_is_kept_though_no_matrix_could_be_made(
    joined: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: object) -> None:
        raise Temporary("timeout")

    labelled(joined)
    monkeypatch.setattr(checking, "matrix", fails)
    assert run_checks(joined.mesh).failure is not None
    assert open_rows(joined.mesh).filter(code="preflight.labelled-service").exists()


def test_a_preflight_that_lets_a_group_join_keeps_what_it_found(prepared: World) -> None:
    labelled(prepared)
    rollout = prepared.do(prepared.join("green", B), ends="failed")
    assert not open_rows(prepared.mesh).filter(code="preflight.labelled-service").exists()
    tokens = step(rollout, "preflight").error_params["tokens"]
    prepared.retry(rollout, accept=tokens)
    assert open_rows(prepared.mesh).get(code="preflight.labelled-service").severity == "warning"


def test_a_root_that_differs_is_found_after_the_join_too(joined: World) -> None:
    cluster = joined.fleet.cluster("member-b")
    cluster.patch("ConfigMap", "istio-ca-root-cert", {"data": {"root-cert.pem": "another"}}, "istio-system")
    run_checks(joined.mesh)
    assert "trust.root-ca" in {finding.code for finding in joined.found()}


def test_a_control_plane_that_does_not_answer_is_a_finding_and_no_pair_is_known(joined: World) -> None:
    joined.fleet.fault("hub", "refuse")
    result = run_checks(joined.mesh)
    assert result.failure.code == "kube.unreachable" and result.matrix.told == {}
    assert "control-plane.no-answer" in {finding.code for finding in joined.found()}


def test_checks_that_are_being_run_are_not_run_twice(prepared: World, vera: Any, omar: Any) -> None:
    first = checks_start(mesh=prepared.mesh, user_id=omar.id)
    assert checks_start(mesh=prepared.mesh, user_id=vera.id).id == first.id
    answering.answer(first.id)
    assert Inquiry.objects.get().status == "done"
    assert checks_start(mesh=prepared.mesh, user_id=vera.id).id != first.id


@pytest.mark.parametrize("fault", ["hang", "refuse"])
def test_a_silent_member_costs_its_own_pairs_only(joined: World, settings: Any, fault: str) -> None:
    settings.MESHCONSOLE_CALL_DEADLINE_SECONDS = 1
    joined.fleet.fault("member-c", fault)
    assert told(joined)["blue", "green"] is Told.GATEWAY
