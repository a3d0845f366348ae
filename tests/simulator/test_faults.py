"""Faults switched while a cluster runs, and hooks at the n-th write."""

from __future__ import annotations

import http.client
import json
import signal
import ssl
import subprocess
import sys
import threading
from typing import Any

import pytest

from simulator import ApiError, Cut, Fleet, usual_mesh
from tests.simulator.client import MERGE, Client
from tests.simulator.conftest import eventually

SPACE = "/api/v1/namespaces/shop/configmaps"


def made(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


@pytest.mark.parametrize("status", [401, 403, 404, 409, 422, 500, 503])
def test_a_cluster_may_answer_with_any_status(client: Client, fleet: Fleet, status: int) -> None:
    fleet.fault("member-a", str(status))
    answer = client.get("/version")
    assert (answer.status, answer.body["kind"], answer.body["code"]) == (status, "Status", status)
    fleet.fault("member-a", None)
    assert client.get("/version").status == 200


def test_too_many_requests_says_when_to_come_again(client: Client, fleet: Fleet) -> None:
    fleet.fault("member-a", "429", retry_after=7)
    assert client.get("/version").headers["retry-after"] == "7"


def test_a_fault_may_meet_only_some_requests_and_only_so_often(client: Client, fleet: Fleet) -> None:
    fleet.fault("member-a", "500", methods=("POST",), resource="configmaps", count=1)
    assert client.get(SPACE).status == 200
    assert [client.send("POST", SPACE, made("x")).status for _ in range(2)] == [500, 201]


@pytest.mark.parametrize("kind", ["refuse", "cut"])
def test_a_connection_may_be_cut(client: Client, fleet: Fleet, kind: str) -> None:
    fleet.fault("member-a", kind)
    with pytest.raises((http.client.HTTPException, OSError)):
        client.get("/version")


def test_a_hanging_cluster_answers_when_the_fault_is_gone(client: Client, fleet: Fleet) -> None:
    fleet.fault("member-a", "hang")
    impatient = Client(fleet, timeout=0.1)
    with pytest.raises(TimeoutError):
        impatient.get("/version")
    threading.Timer(0.05, fleet.fault, ("member-a", None)).start()
    assert client.get("/version").status == 200


def test_the_other_clusters_do_not_notice(fleet: Fleet) -> None:
    fleet.fault("member-a", "hang")
    assert Client(fleet, "member-b").get("/version").status == 200


def test_an_answer_may_be_broken_html_or_a_redirect(fleet: Fleet) -> None:
    fleet.fault("member-a", "broken")
    with pytest.raises(json.JSONDecodeError):
        Client(fleet).get("/version")
    fleet.fault("member-a", "html")
    assert "<html>" in Client(fleet).get("/version").body
    fleet.fault("member-a", "redirect")
    assert Client(fleet).get("/version").status == 302


def test_an_answer_may_have_no_end(fleet: Fleet) -> None:
    fleet.fault("member-a", "endless")
    client = Client(fleet)
    client.connection.request("GET", f"{client.url.path}/version", headers={"Authorization": f"Bearer {client.token}"})
    response = client.connection.getresponse()
    assert len(response.read(2_000_000)) == 2_000_000
    client.connection.close()


def test_an_unknown_fault_is_refused(fleet: Fleet) -> None:
    with pytest.raises(ValueError, match="unknown fault"):
        fleet.fault("member-a", "gremlins")


@pytest.mark.parametrize(("stage", "stored"), [("before", False), ("after", True)])
def test_a_hook_may_cut_the_connection_before_or_after_the_write_is_stored(
    client: Client, fleet: Fleet, stage: str, stored: bool
) -> None:
    def hook(cluster: str, n: int, request: Any, at: str) -> None:
        if (n, at) == (2, stage):
            raise Cut

    fleet.hook(hook)
    assert client.apply(f"{SPACE}/first", made("first")).status == 201
    with pytest.raises((http.client.HTTPException, OSError)):
        client.apply(f"{SPACE}/second", made("second"))
    assert (fleet.cluster("member-a").get("ConfigMap", "second", "shop") is not None) is stored


def test_a_hook_may_answer_in_the_servers_place(client: Client, fleet: Fleet) -> None:
    def hook(cluster: str, n: int, request: Any, at: str) -> None:
        raise ApiError(503, "ServiceUnavailable", "not now")

    fleet.hook(hook)
    assert client.apply(f"{SPACE}/x", made("x")).status == 503
    assert fleet.cluster("member-a").get("ConfigMap", "x", "shop") is None


def test_a_sleeping_hook_holds_only_its_own_write(client: Client, fleet: Fleet) -> None:
    released = threading.Event()
    fleet.hook(lambda cluster, n, request, at: released.wait(10) if at == "before" else None)
    writer = threading.Thread(target=client.apply, args=(f"{SPACE}/x", made("x")))
    writer.start()
    assert Client(fleet).get("/version").status == 200
    released.set()
    writer.join()
    assert fleet.cluster("member-a").get("ConfigMap", "x", "shop")


def test_reads_and_dry_runs_do_not_count_as_writes(client: Client, fleet: Fleet) -> None:
    seen: list[tuple[str, int, str]] = []
    fleet.hook(lambda cluster, n, request, at: seen.append((cluster, n, at)))
    client.get(SPACE)
    client.apply(f"{SPACE}/x", made("x"), dryRun="All")
    client.send(
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {"spec": {"resourceAttributes": {"verb": "get"}}},
    )
    client.apply(f"{SPACE}/x", made("x"))
    assert seen == [("member-a", 1, "before"), ("member-a", 1, "after")]


def test_another_process_may_have_itself_killed_at_a_write(client: Client, fleet: Fleet) -> None:
    victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    hook = {"action": "kill", "n": 2, "stage": "after", "cluster": "member-a", "pid": victim.pid}
    assert client.send("PUT", "/_control/hook", hook).status == 200
    client.apply(f"{SPACE}/first", made("first"))
    with pytest.raises((http.client.HTTPException, OSError)):
        client.apply(f"{SPACE}/second", made("second"))
    assert victim.wait(10) == -signal.SIGKILL
    assert fleet.cluster("member-a").get("ConfigMap", "second", "shop")
    assert Client(fleet).send("GET", "/_control/hook").body["fired"] is True


def test_faults_and_the_log_of_writes_are_there_for_other_processes_too(client: Client) -> None:
    client.apply(f"{SPACE}/x", made("x"))
    written = client.send("GET", "/_control/writes", cluster="member-a").body
    assert [(item["method"], item["manager"]) for item in written] == [("PATCH", "meshconsole")]
    assert client.send("PUT", "/_control/clusters/member-a/fault", {"kind": "503"}).status == 200
    assert client.get("/version").status == 503
    assert client.send("PUT", "/_control/clusters/member-a/fault").status == 200
    assert client.get("/version").status == 200
    assert client.send("PUT", "/_control/clusters/nowhere/fault", {"kind": "503"}).status == 404
    assert client.send("PUT", "/_control/clusters/member-a/fault", {"kind": "gremlins"}).status == 400


def test_the_control_path_needs_the_admins_token(fleet: Fleet) -> None:
    assert Client(fleet, user="nobody").send("GET", "/_control/snapshot").status == 401


def test_a_snapshot_is_the_same_until_something_is_written(client: Client, fleet: Fleet) -> None:
    before = fleet.snapshot()
    client.send("PATCH", "/api/v1/namespaces/istio-system", {"metadata": {"labels": {"a": "b"}}}, MERGE)
    assert fleet.snapshot() != before
    client.send("PATCH", "/api/v1/namespaces/istio-system", {"metadata": {"labels": {"a": None}}}, MERGE)
    assert fleet.snapshot() == before


def test_the_certificate_is_checked_against_the_kubeconfigs_authority(fleet: Fleet) -> None:
    with Fleet([usual_mesh(members=(), istiods=0)]) as other, pytest.raises(ssl.SSLCertVerificationError):
        stranger = Client(other, "hub")
        stranger.connection.port = fleet.server.port
        stranger.get("/version")


def test_a_restart_of_the_rollout_is_not_counted_by_a_snapshot(fleet: Fleet) -> None:
    before = fleet.snapshot()
    annotation = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
    fleet.cluster("member-a").patch(
        "Deployment", "echo", {"spec": {"template": {"metadata": {"annotations": annotation}}}}, "shop"
    )
    eventually(lambda: fleet.cluster("member-a").list("Deployment", "shop")[0]["status"]["observedGeneration"] == 2)
    assert fleet.snapshot() == before
