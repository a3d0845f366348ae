"""Disruption budgets and autoscalers: what their controllers count, and the replicas that autoscalers ask for.

There are no metrics here. What they would ask for is the annotation `simulator/replicas` of an autoscaler; without it,
the replicas that there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.cluster import Write, now
from simulator.errors import ApiError
from simulator.resources import BY_KIND, Json
from simulator.selectors import selects
from simulator.workloads import DEPLOYMENTS, PODS, leaving, ready, share, wish

if TYPE_CHECKING:
    from simulator.cluster import Cluster

BUDGETS = BY_KIND["policy/v1", "PodDisruptionBudget"]
AUTOSCALERS = BY_KIND["autoscaling/v2", "HorizontalPodAutoscaler"]
_SCALE = Write("kube-controller-manager", "scale")


class Budgets:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def reconcile(self, namespace: str, name: str) -> None:
        with self.cluster.store.lock:
            budget = self.cluster.store.get(BUDGETS, namespace, name)
            if budget is None or leaving(budget):
                return
            status = self._status(budget)
            self.cluster.change(BUDGETS, namespace, name, lambda copy: copy.update(status=status))

    def _status(self, budget: Json) -> Json:
        spec, generation = budget.get("spec", {}), budget["metadata"]["generation"]
        selector = spec.get("selector")
        namespace = budget["metadata"]["namespace"]
        pods = [] if selector is None else [pod for pod in self._pods(namespace) if selects(selector, pod)]
        healthy = sum(ready(pod) for pod in pods)
        desired, expected = self._wanted(spec, pods)
        allowed = max(0, healthy - desired) if expected else 0
        counts = {"currentHealthy": healthy, "desiredHealthy": desired, "expectedPods": expected}
        enough = _condition(
            budget, "DisruptionAllowed", bool(allowed), "SufficientPods" if allowed else "InsufficientPods", ""
        )
        conditions = [enough | {"observedGeneration": generation}]
        return counts | {"disruptionsAllowed": allowed, "observedGeneration": generation, "conditions": conditions}

    def _pods(self, namespace: str) -> list[Json]:
        return self.cluster.store.list(PODS, namespace)

    def _wanted(self, spec: Json, pods: list[Json]) -> tuple[int, int]:
        """Return how many Pods must stay healthy, and how many there should be."""
        fewest, most = spec.get("minAvailable"), spec.get("maxUnavailable")
        if isinstance(fewest, int):
            return fewest, len(pods)
        expected = self._scale(pods)
        if most is not None:
            return max(0, expected - share(most, expected, True)), expected
        return 0 if fewest is None else share(fewest, expected, True), expected

    def _scale(self, pods: list[Json]) -> int:
        """Return how many replicas the controllers of these Pods ask for."""
        found: dict[str, Json] = {}
        for pod in pods:
            owner = self._controller(self._controller(pod) or {}) or self._controller(pod)
            if owner is not None:
                found[owner["metadata"]["uid"]] = owner
        return sum(int(owner["spec"].get("replicas", 0)) for owner in found.values())

    def _controller(self, obj: Json) -> Json | None:
        owners = obj.get("metadata", {}).get("ownerReferences", ())
        named = next((owner for owner in owners if owner.get("controller")), None)
        if named is None:
            return None
        resource = BY_KIND[named["apiVersion"], named["kind"]]
        return self.cluster.store.get(resource, obj["metadata"]["namespace"], named["name"])


class Autoscalers:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def reconcile(self, namespace: str, name: str) -> None:
        with self.cluster.store.lock:
            autoscaler = self.cluster.store.get(AUTOSCALERS, namespace, name)
            target = self._target(namespace, autoscaler) if autoscaler is not None else None
            if autoscaler is None or target is None or leaving(autoscaler):
                return
            spec, running = autoscaler["spec"], int(target["spec"]["replicas"])
            asked = int(wish(autoscaler, "replicas") or running)
            wanted = min(max(asked, spec["minReplicas"]), spec["maxReplicas"]) if running else 0
            # A target outside the range is brought into it before any metric counts.
            counts = spec["minReplicas"] <= running <= spec["maxReplicas"]
            status = _status(autoscaler, asked, running, wanted, counts=counts)
            self.cluster.change(AUTOSCALERS, namespace, name, lambda copy: copy.update(status=status))
            if wanted != running:
                self._set_scale(namespace, target["metadata"]["name"], wanted)

    def _target(self, namespace: str, autoscaler: Json) -> Json | None:
        named = autoscaler["spec"].get("scaleTargetRef", {})
        found = self.cluster.store.get(DEPLOYMENTS, namespace, named.get("name", ""))
        return None if named.get("kind") != "Deployment" or found is None or leaving(found) else found

    def _set_scale(self, namespace: str, name: str, replicas: int) -> None:
        try:
            self.cluster.patch(DEPLOYMENTS, namespace, name, "merge", {"spec": {"replicas": replicas}}, _SCALE)
        except ApiError:
            return  # its namespace is being deleted


def _status(autoscaler: Json, asked: int, running: int, wanted: int, *, counts: bool) -> Json:
    old = autoscaler.get("status", {})
    known = {item["type"]: item for item in old.get("conditions") or ()}
    scales = wanted != running
    found = [_able(autoscaler, wanted, scales=scales)]
    if not running:
        text = "scaling is disabled since the replica count of the target is zero"
        found.append(_condition(autoscaler, "ScalingActive", False, "ScalingDisabled", text))
    elif counts:
        text = "the HPA was able to successfully calculate a replica count from cpu resource utilization"
        found.append(_condition(autoscaler, "ScalingActive", True, "ValidMetricFound", text))
        found.append(_limited(autoscaler, asked, wanted))
    status: Json = {"currentReplicas": running, "desiredReplicas": wanted, "currentMetrics": None}
    status["conditions"] = list((known | {item["type"]: item for item in found}).values())
    scaled = now() if scales else old.get("lastScaleTime")
    return status | ({"lastScaleTime": scaled} if scaled else {})


def _able(autoscaler: Json, wanted: int, *, scales: bool) -> Json:
    if scales:
        text = f"the HPA controller was able to update the target scale to {wanted}"
        return _condition(autoscaler, "AbleToScale", True, "SucceededRescale", text)
    return _condition(autoscaler, "AbleToScale", True, "ReadyForNewScale", "recommended size matches current size")


def _limited(autoscaler: Json, asked: int, wanted: int) -> Json:
    if asked > wanted:
        text = "the desired replica count is more than the maximum replica count"
        return _condition(autoscaler, "ScalingLimited", True, "TooManyReplicas", text)
    if asked < wanted:
        text = "the desired replica count is less than the minimum replica count"
        return _condition(autoscaler, "ScalingLimited", True, "TooFewReplicas", text)
    text = "the desired count is within the acceptable range"
    return _condition(autoscaler, "ScalingLimited", False, "DesiredWithinRange", text)


def _condition(obj: Json, kind: str, value: bool, reason: str, message: str) -> Json:
    conditions = obj.get("status", {}).get("conditions") or ()
    old = next((item for item in conditions if item["type"] == kind), None)
    status = "True" if value else "False"
    turned = old["lastTransitionTime"] if old is not None and old["status"] == status else now()
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": turned}
