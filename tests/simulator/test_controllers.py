"""What happens by itself in a simulated cluster: rollouts, injection, load balancers, deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.kube.scenarios import gateway as recorded_gateway
from tests.simulator.client import MERGE, STRATEGIC, Client
from tests.simulator.conftest import eventually

if TYPE_CHECKING:
    from simulator import Fleet

DEPLOYMENTS, SERVICES = "/apis/apps/v1/namespaces/istio-system/deployments", "/api/v1/namespaces/istio-system/services"
ECHO = "/apis/apps/v1/namespaces/shop/deployments/echo"


def gateway(**spec: Any) -> dict[str, Any]:
    manifest = recorded_gateway(**spec)
    manifest["metadata"]["namespace"] = "istio-system"
    manifest["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] = "true"
    del manifest["spec"]["template"]["spec"]["serviceAccountName"]
    return manifest


def service(**annotations: str) -> dict[str, Any]:
    spec = {
        "type": "LoadBalancer",
        "ports": [{"name": "tls", "port": 15443, "protocol": "TCP"}],
        "selector": {"a": "b"},
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "eastwest", "annotations": annotations},
        "spec": spec,
    }


def condition(deployment: Any, kind: str) -> str:
    return next((item["status"] for item in deployment["status"].get("conditions", ()) if item["type"] == kind), "")


def pods_of(
    fleet: Fleet, prefix: str, namespace: str = "istio-system", cluster: str = "member-a"
) -> list[dict[str, Any]]:
    return [pod for pod in fleet.cluster(cluster).list("Pod", namespace) if pod["metadata"]["name"].startswith(prefix)]


def test_a_deployment_becomes_available_with_the_replicas_asked_for(client: Client, fleet: Fleet) -> None:
    client.apply(f"{DEPLOYMENTS}/eastwest", gateway(replicas=3))
    fleet.settle()
    found = client.get(f"{DEPLOYMENTS}/eastwest").body
    assert found["status"]["availableReplicas"] == 3
    assert (condition(found, "Available"), condition(found, "Progressing")) == ("True", "True")
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"


def test_a_gateway_pod_is_injected_with_the_network_of_its_label(client: Client, fleet: Fleet) -> None:
    client.apply(f"{DEPLOYMENTS}/eastwest", gateway(labels={"topology.istio.io/network": "blue"}))
    fleet.settle()
    (pod,) = pods_of(fleet, "eastwest")
    proxy = pod["spec"]["containers"][0]
    assert proxy["image"] != "auto"
    assert {"name": "ISTIO_META_NETWORK", "value": "blue"} in proxy["env"]


@pytest.mark.parametrize(("cluster", "network"), [("member-a", None), ("member-c", "default")])
def test_a_pod_takes_its_network_from_the_injection_path(fleet: Fleet, cluster: str, network: str | None) -> None:
    pods = pods_of(fleet, "echo", "shop", cluster)
    assert [pod["metadata"]["labels"].get("topology.istio.io/network") for pod in pods] == [network, network]
    assert all([item["name"] for item in pod["spec"]["containers"]] == ["app", "istio-proxy"] for pod in pods)


def test_a_gateway_that_no_webhook_selects_does_not_become_ready(client: Client, fleet: Fleet) -> None:
    manifest = gateway()
    del manifest["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"]
    client.apply(f"{DEPLOYMENTS}/eastwest", manifest)
    eventually(lambda: pods_of(fleet, "eastwest") and pods_of(fleet, "eastwest")[0]["status"].get("containerStatuses"))
    assert (
        pods_of(fleet, "eastwest")[0]["status"]["containerStatuses"][0]["state"]["waiting"]["reason"]
        == "ImagePullBackOff"
    )
    assert condition(client.get(f"{DEPLOYMENTS}/eastwest").body, "Available") == "False"


def test_no_pod_can_be_injected_while_no_istiod_is_ready(client: Client, fleet: Fleet) -> None:
    fleet.cluster("hub").patch("Deployment", "istiod", {"spec": {"replicas": 0}}, "istio-system")
    eventually(lambda: not fleet.mesh.replicas())
    client.apply(f"{DEPLOYMENTS}/eastwest", gateway())
    eventually(lambda: condition(client.get(f"{DEPLOYMENTS}/eastwest").body, "ReplicaFailure") == "True")
    fleet.cluster("hub").patch("Deployment", "istiod", {"spec": {"replicas": 1}}, "istio-system")
    fleet.settle()
    assert condition(client.get(f"{DEPLOYMENTS}/eastwest").body, "ReplicaFailure") == ""


def test_a_quota_allows_no_more_pods_until_it_is_gone(client: Client, fleet: Fleet) -> None:
    quotas = "/api/v1/namespaces/istio-system/resourcequotas"
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}}
    assert client.send("POST", quotas, quota).status == 201
    eventually(lambda: client.get(f"{quotas}/few").body.get("status", {}).get("hard") == {"pods": "1"})
    client.apply(f"{DEPLOYMENTS}/eastwest", gateway(replicas=2))
    eventually(lambda: condition(client.get(f"{DEPLOYMENTS}/eastwest").body, "ReplicaFailure") == "True")
    conditions = client.get(f"{DEPLOYMENTS}/eastwest").body["status"]["conditions"]
    said = next(each["message"] for each in conditions if each["type"] == "ReplicaFailure")
    assert "is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1" in said
    client.send("DELETE", f"{quotas}/few")
    fleet.settle()
    assert client.get(f"{DEPLOYMENTS}/eastwest").body["status"]["availableReplicas"] == 2


def test_a_changed_template_replaces_the_pods_one_after_the_other(client: Client, fleet: Fleet) -> None:
    before = {pod["metadata"]["name"] for pod in pods_of(fleet, "echo", "shop")}
    fewest = 2
    annotations = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
    client.send("PATCH", ECHO, {"spec": {"template": {"metadata": {"annotations": annotations}}}}, STRATEGIC)

    def replaced() -> bool:
        nonlocal fewest
        fewest = min(fewest, client.get(ECHO).body["status"].get("availableReplicas", 0))
        return {pod["metadata"]["name"] for pod in pods_of(fleet, "echo", "shop")}.isdisjoint(before)

    eventually(replaced)
    fleet.settle()
    assert fewest == 2
    assert client.get(ECHO).body["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"


def test_a_scaled_deployment_ends_the_pods_that_are_too_many(client: Client, fleet: Fleet) -> None:
    client.send("PATCH", f"{ECHO}/scale", {"spec": {"replicas": 1}}, MERGE)
    eventually(lambda: len(pods_of(fleet, "echo", "shop")) == 1)


def test_a_rollout_that_does_not_end_is_said_to_have_failed(client: Client) -> None:
    client.apply(f"{DEPLOYMENTS}/eastwest", gateway(image="missing/image:1", progressDeadlineSeconds=1))
    eventually(lambda: condition(client.get(f"{DEPLOYMENTS}/eastwest").body, "Progressing") == "False")


def test_a_shortened_progress_deadline_counts_at_once(client: Client) -> None:
    path = f"{DEPLOYMENTS}/eastwest"
    client.apply(path, gateway(image="missing/image:1"))
    eventually(lambda: condition(client.get(path).body, "Progressing") == "True")
    client.send("PATCH", path, {"spec": {"progressDeadlineSeconds": 1}}, MERGE)
    eventually(lambda: condition(client.get(path).body, "Progressing") == "False")


def test_a_load_balancer_gets_an_address_of_its_own(client: Client, fleet: Fleet) -> None:
    client.apply(f"{SERVICES}/eastwest", service())
    eventually(lambda: client.get(f"{SERVICES}/eastwest").body["status"]["loadBalancer"].get("ingress"))
    assert client.get(f"{SERVICES}/eastwest").body["status"]["loadBalancer"]["ingress"][0]["ip"].startswith("10.255.")


def test_the_address_asked_for_is_given(client: Client) -> None:
    wanted = service()
    wanted["spec"]["loadBalancerIP"] = "203.0.113.7"
    client.apply(f"{SERVICES}/eastwest", wanted)
    eventually(
        lambda: (
            client.get(f"{SERVICES}/eastwest").body["status"]["loadBalancer"].get("ingress", [{}])[0].get("ip")
            == "203.0.113.7"
        )
    )


BUDGETS = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets"
AUTOSCALERS = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"


def budget(**spec: Any) -> dict[str, Any]:
    selector = {"matchLabels": {"app": "echo"}}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "echo"},
        "spec": {"selector": selector, **spec},
    }


@pytest.mark.parametrize(
    ("spec", "desired", "allowed"),
    [
        ({"minAvailable": 1}, 1, 1),
        ({"minAvailable": 2}, 2, 0),
        ({"minAvailable": "51%"}, 2, 0),
        ({"maxUnavailable": 1}, 1, 1),
        ({"maxUnavailable": "50%"}, 1, 1),
        ({"maxUnavailable": 5}, 0, 2),
        ({"minAvailable": 0, "selector": {"matchLabels": {"app": "another"}}}, 0, 0),
    ],
)
def test_a_budget_counts_the_disruptions_that_it_allows(
    client: Client, spec: dict[str, Any], desired: int, allowed: int
) -> None:
    client.apply(f"{BUDGETS}/echo", budget(**spec))
    eventually(lambda: client.get(f"{BUDGETS}/echo").body["status"].get("observedGeneration") == 1)
    status = client.get(f"{BUDGETS}/echo").body["status"]
    healthy = 0 if "selector" in spec else 2
    assert (status["currentHealthy"], status["expectedPods"]) == (healthy, healthy)
    assert (status["desiredHealthy"], status["disruptionsAllowed"]) == (desired, allowed)
    (condition,) = status["conditions"]
    assert condition["reason"] == ("SufficientPods" if allowed else "InsufficientPods")


def test_a_budget_follows_its_pods(client: Client, fleet: Fleet) -> None:
    client.apply(f"{BUDGETS}/echo", budget(minAvailable=1))
    eventually(lambda: client.get(f"{BUDGETS}/echo").body["status"]["disruptionsAllowed"] == 1)
    fleet.cluster("member-a").fail_pods("shop", "echo")
    eventually(lambda: client.get(f"{BUDGETS}/echo").body["status"]["currentHealthy"] == 0)
    assert client.get(f"{BUDGETS}/echo").body["status"]["disruptionsAllowed"] == 0


def autoscaler(low: int, high: int, **annotations: str) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "echo"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "echo", "annotations": annotations},
        "spec": {"minReplicas": low, "maxReplicas": high, "scaleTargetRef": target},
    }


@pytest.mark.parametrize(
    ("asked", "replicas", "reason"),
    [("", 2, "DesiredWithinRange"), ("3", 3, "DesiredWithinRange"), ("9", 4, "TooManyReplicas")],
)
def test_an_autoscaler_scales_to_what_is_asked_within_its_range_and_says_what_limits_it(
    client: Client, asked: str, replicas: int, reason: str
) -> None:
    client.apply(f"{AUTOSCALERS}/echo", autoscaler(2, 4, **({"simulator/replicas": asked} if asked else {})))

    def told() -> tuple[int, int, str]:
        status = client.get(f"{AUTOSCALERS}/echo").body["status"]
        reasons = {item["type"]: item["reason"] for item in status.get("conditions", ())}
        return status.get("currentReplicas", 0), status["desiredReplicas"], reasons.get("ScalingLimited", "")

    eventually(lambda: told() == (replicas, replicas, reason))
    eventually(lambda: client.get(ECHO).body["status"].get("availableReplicas") == replicas)


def test_an_autoscaler_brings_what_is_below_its_range_into_it_as_the_owner_of_the_number(client: Client) -> None:
    client.apply(f"{AUTOSCALERS}/echo", autoscaler(3, 4))
    eventually(lambda: client.get(ECHO).body["spec"]["replicas"] == 3)
    owners = {
        (each["manager"], each.get("subresource", "")) for each in client.get(ECHO).body["metadata"]["managedFields"]
    }
    assert ("kube-controller-manager", "scale") in owners


@pytest.mark.parametrize("prefix", ["simulator/", "cloud.rig/"])
def test_a_load_balancer_may_have_a_host_name(client: Client, prefix: str) -> None:
    client.apply(f"{SERVICES}/eastwest", service(**{f"{prefix}hostname": "lb.example.org"}))
    eventually(
        lambda: (
            client.get(f"{SERVICES}/eastwest").body["status"]["loadBalancer"].get("ingress")
            == [{"hostname": "lb.example.org"}]
        )
    )


def test_a_pending_load_balancer_says_why_in_an_event_and_goes_on_when_allowed(client: Client, fleet: Fleet) -> None:
    client.apply(f"{SERVICES}/eastwest", service(**{"simulator/pending": "true"}))
    eventually(lambda: fleet.cluster("member-a").list("Event", "istio-system"))
    (event,) = fleet.cluster("member-a").list("Event", "istio-system")
    assert (event["reason"], event["involvedObject"]["name"]) == ("SyncLoadBalancerFailed", "eastwest")
    assert client.get(f"{SERVICES}/eastwest").body["status"]["loadBalancer"] == {}
    client.apply(f"{SERVICES}/eastwest", service())
    eventually(lambda: client.get(f"{SERVICES}/eastwest").body["status"]["loadBalancer"].get("ingress"))


def test_a_service_that_is_no_longer_a_load_balancer_loses_its_address(client: Client) -> None:
    client.apply(f"{SERVICES}/eastwest", service())
    eventually(lambda: client.get(f"{SERVICES}/eastwest").body["status"]["loadBalancer"].get("ingress"))
    changed = service()
    changed["spec"]["type"] = "ClusterIP"
    client.apply(f"{SERVICES}/eastwest", changed)
    eventually(lambda: client.get(f"{SERVICES}/eastwest").body["status"]["loadBalancer"] == {})


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_a_deleted_deployment_takes_its_replica_sets_and_pods_with_it(
    client: Client, fleet: Fleet, policy: str
) -> None:
    client.send("DELETE", ECHO, {"propagationPolicy": policy})
    eventually(lambda: client.get(ECHO).status == 404)
    eventually(lambda: not pods_of(fleet, "echo", "shop") and not fleet.cluster("member-a").list("ReplicaSet", "shop"))


def test_a_deployment_that_is_deleted_and_made_again_at_once_runs(fleet: Fleet) -> None:
    member, place = fleet.cluster("member-a"), ("Deployment", "echo")
    again: Any = member.get(*place, "shop")
    again.pop("status")
    # Its controller, already called, looks when the ReplicaSet of the one before is still there.
    with member.cluster.store.lock:
        member.patch(*place, {"metadata": {"annotations": {"a": "b"}}}, "shop")
        member.delete(*place, "shop")
        member.put(again)
    fleet.settle()
    eventually(lambda: len(pods_of(fleet, "echo", "shop")) == 2)


def test_orphans_stay_when_asked_to(client: Client, fleet: Fleet) -> None:
    client.send("DELETE", ECHO, {"propagationPolicy": "Orphan"})
    eventually(lambda: client.get(ECHO).status == 404)
    assert len(pods_of(fleet, "echo", "shop")) == 2
    assert all(
        "ownerReferences" not in item["metadata"] for item in fleet.cluster("member-a").list("ReplicaSet", "shop")
    )


def test_a_deleted_namespace_goes_with_everything_in_it(client: Client, fleet: Fleet) -> None:
    assert client.send("DELETE", "/api/v1/namespaces/shop").body["status"]["phase"] == "Terminating"
    refused = client.send("POST", "/api/v1/namespaces/shop/configmaps", {"metadata": {"name": "late"}})
    assert refused.status in (403, 404)
    eventually(lambda: client.get("/api/v1/namespaces/shop").status == 404)
    assert not [obj for obj in fleet.cluster("member-a").objects if obj["metadata"].get("namespace") == "shop"]


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_other_workloads_have_pods_that_are_replaced_when_they_are_restarted(
    client: Client, fleet: Fleet, kind: str
) -> None:
    template = {"metadata": {"labels": {"app": "w"}}, "spec": {"containers": [{"name": "app", "image": "w:1"}]}}
    spec = {
        "selector": {"matchLabels": {"app": "w"}},
        "template": template,
        **({"replicas": 2} if kind == "StatefulSet" else {}),
    }
    path = f"/apis/apps/v1/namespaces/shop/{kind.lower()}s"
    client.send("POST", path, {"metadata": {"name": "w"}, "spec": spec})
    done = {"StatefulSet": "readyReplicas", "DaemonSet": "numberReady"}[kind]
    eventually(lambda: client.get(f"{path}/w").body.get("status", {}).get(done) == 2)
    before = {pod["metadata"]["uid"] for pod in pods_of(fleet, "w-", "shop")}
    client.send("PATCH", f"{path}/w", {"spec": {"template": {"metadata": {"annotations": {"a": "1"}}}}}, MERGE)

    def replaced() -> bool:
        uids = {pod["metadata"]["uid"] for pod in pods_of(fleet, "w-", "shop")}
        return len(uids) == 2 and before.isdisjoint(uids)

    eventually(replaced)
