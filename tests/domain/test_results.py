"""Results of questions to clusters are read back as they were stored, and so are those of older versions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from interconnect.domain.checks import Answer, ChecksResult, Matrix, Reach, Told, Way
from interconnect.domain.entries import Absent, Present, Target
from interconnect.domain.facts import ConfigMapRef, Istiod, WebhookEntry
from interconnect.domain.findings import Finding, Severity
from interconnect.domain.refusal import Refused
from interconnect.domain.reports import ClusterSummary, MeshSummary, RegistrationReport
from interconnect.domain.results import (
    GatewayPods,
    GatewayShown,
    LeftBehind,
    PlanResult,
    RuleResult,
    StepShown,
    WorkloadsResult,
    WriteShown,
)
from interconnect.domain.stale import StaleCount, Workload
from interconnect.domain.steps import Phase, StepKind
from interconnect.domain.topology import CidrSource, PodCidr
from interconnect.domain.violations import Violation
from interconnect.domain.writes import Verb

SILENT = Violation("kube.unreachable", {"cluster": "uid-a", "said": "refused"})
CONFLICT = Violation("writes.conflict", {"field": "spec"}, "writes.conflict:1")
ROOT = Finding("preflight.root-ca", Severity.ERROR, {"group": "blue"}, "preflight.root-ca:1", {"cluster": "a"})
ISTIOD = Istiod("istiod", "default", 2, "hub", "1.28.0", ConfigMapRef("uid", "istio-system", "istio"), mounted=True)
STEP = StepShown(Phase.PUBLISH, "mesh", StepKind.RESTART, group="blue", left=True)
WRITE = WriteShown("uid", "Gateway", "istio-system", "rule", "", Verb.APPLY, "", "", "a: 1", (CONFLICT,), ("helm",))
TARGET = Target("uid", "v1", "ConfigMap", "istio-system", "istio", "meshNetworks")
PLAN = PlanResult(
    revision=3,
    refusals=(Violation("group.overlap", {}, "t"),),
    steps=(STEP,),
    writes=(WRITE,),
    unreachable=(SILENT,),
    control_plane=SILENT,
    guard=(SILENT,),
    findings={"blue": (ROOT,)},
    awaited={"blue": ("eastwest-a-1",)},
    istiods=(ISTIOD,),
    proxies=7,
    left=LeftBehind("operator", "id", "ada"),
    live={TARGET: Present({"kind": "ConfigMap"}), TARGET._replace(name="other"): Absent()},
)
COUNTED = StaleCount({Workload("shop", "Deployment", "cart"): 2}, {Workload("shop", "Pod", "x"): 1}, {"red": 2})
CLUSTER = ClusterSummary(
    "uid",
    "https://a",
    "v1.35",
    ("list pods",),
    "ctx",
    True,
    "2026-01-01 00:00 UTC",
    (Violation("credential.ended"),),
    (WebhookEntry("injector", "a.istio.io", "url", "https://b/inject"),),
    (PodCidr("10.0.0.0/16", CidrSource.POOL),),
    ("list nodes",),
)
MATRIX = Matrix(
    {("blue", "green"): Told.RAW, ("blue", "blue"): Told.UNKNOWN},
    {("blue", "green"): ("echo.shop", "10.0.0.1:80")},
    {"green": Way(Reach.FAILED, "echo.shop", (Answer("203.0.113.1:15443", "refused", "EOF"),))},
    {"blue": "echo-1.shop"},
)
RESULTS: dict[str, Any] = {
    "plan": PLAN,
    "workloads": WorkloadsResult({"a": COUNTED, "b": SILENT}),
    "gateway": GatewayPods(2, 1, Violation("injection.no-webhook")),
    "rule": RuleResult((GatewayShown("istio-system", "rule", True, False, "kind: Gateway"),), 2, (WRITE,)),
    "cluster": RegistrationReport(CLUSTER, concluded=True),
    "mesh": RegistrationReport(MeshSummary(CLUSTER, CLUSTER, (ISTIOD,), ("a", "b"))),
    "checks": ChecksResult(datetime(2026, 1, 1, tzinfo=UTC), ("blue", "green"), (ROOT,), SILENT, MATRIX),
    "finding": ROOT,
}


def stored(value: Any) -> Any:
    return json.loads(json.dumps(value.to_json()))


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_a_stored_result_is_read_back(result: Any) -> None:
    assert type(result).from_json(stored(result)) == result


@pytest.mark.parametrize(
    "kind", [PlanResult, WorkloadsResult, GatewayPods, RuleResult, RegistrationReport, ChecksResult]
)
def test_a_question_without_an_answer_has_an_empty_result(kind: Any) -> None:
    assert kind.from_json(stored(kind.from_json({}))) == kind.from_json({})


def test_a_stored_refusal_is_read_back() -> None:
    assert Refused.from_json(Refused([SILENT, CONFLICT]).to_json()).violations == (SILENT, CONFLICT)


def test_a_plan_of_an_earlier_version_is_read() -> None:
    """It named of each istiod only what was shown, and had a digest; one that was refused had nothing else."""
    istiod = {"deployment": "istiod", "replicas": 2, "strategy": "Recreate"}
    step = {"phase": 30, "chain": "mesh", "kind": "restart", "subject": "", "group": "", "left": False}
    found = PlanResult.from_json({"revision": 3, "digest": "0f", "istiods": [istiod], "steps": [step], "live": []})
    assert [(each.deployment, each.replicas, each.strategy) for each in found.istiods] == [("istiod", 2, "Recreate")]
    assert found.restarts and found.steps == (StepShown(Phase.PUBLISH, "mesh", StepKind.RESTART),)
    gone = {"phase": 3, "chain": "mesh", "kind": "a kind that is gone"}
    assert PlanResult.from_json({"steps": [gone]}).steps == (StepShown(3, "mesh", "a kind that is gone"),)
    assert PlanResult.from_json({"revision": 3, "refusals": [{"code": "drift.none"}]}).blocking(()) == (
        Violation("drift.none"),
    )


def test_a_cluster_that_an_earlier_version_could_not_count_is_read() -> None:
    said = {"not_counted": "unreachable", "params": {"said": "refused"}}
    assert WorkloadsResult.from_json({"counted": {"a": said}}).counted == {
        "a": Violation("kube.unreachable", {"said": "refused"})
    }


def test_a_plan_is_blocked_by_what_nobody_has_consented_to() -> None:
    final = Finding("preflight.cluster-name", Severity.FINAL)
    mild = Finding("preflight.ungrouped", Severity.WARNING)
    plan = PlanResult(writes=(WRITE,), findings={"blue": (ROOT, mild), "red": (ROOT, final)})
    assert plan.blocking(()) == (final, ROOT, CONFLICT)
    assert plan.blocking(plan.tokens) == (final,)
    assert plan.tokens == (CONFLICT.token, ROOT.token)
