"""What a cluster says when it refuses is in the sentence, on every surface of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.test_commands import groups

if TYPE_CHECKING:
    from tests.cli.support import Shell

CHANGES, FAILED = 2, 3
QUOTA = "exceeded quota: no-lb, requested: services.loadbalancers=1, used: services.loadbalancers=0"
DEAD = 'no endpoints available for service "policy"'
ANSWERS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "quota": (
        "403",
        {"message": f'services "gw" is forbidden: {QUOTA}', "resource": "services"},
        "kube.quota-exceeded",
        QUOTA,
    ),
    "webhook": (
        "403",
        {"message": 'admission webhook "repos.example" denied the request: no allowed registry'},
        "kube.admission-denied",
        "repos.example denies this: no allowed registry",
    ),
    "sign-in page": ("html", {}, "kube.web-page", "HTTP 502"),
    "dead webhook": (
        "500",
        {"message": f'failed calling webhook "v.example": {DEAD}'},
        "kube.webhook-down",
        f"v.example of the cluster doesn't work: {DEAD}",
    ),
}


@pytest.mark.parametrize(("kind", "fault", "code", "said"), ANSWERS.values(), ids=ANSWERS)
def test_a_refusal_is_told_alike_in_plan_rollout_and_json(
    at_work: Shell, settings: Any, kind: str, fault: dict[str, Any], code: str, said: str
) -> None:
    settings.MESHCONSOLE_UNREACHABLE_SECONDS = 0.2
    file = at_work.file(
        groups=groups(at_work, blue={"gateways": {"member-a/1": {"replicas": 2, "annotations": {"a": "b"}}}})
    )
    at_work.world.fleet.fault("member-a", kind, methods=("PATCH",), **fault)
    plan = at_work("plan", file, ends=CHANGES).out
    assert said in plan
    assert "Deployment -> -" not in plan
    problems = [
        problem
        for write in at_work("plan", file, "--json", ends=CHANGES).document["writes"]
        for problem in write["problems"]
    ]
    assert {(problem["code"], said in problem["message"]) for problem in problems} == {(code, True)}
    applied = at_work("apply", file, ends=FAILED).out
    [line] = [line for line in applied.splitlines() if line.startswith("Failed: member-a")]
    assert said in line
    assert "?" not in line
    steps = at_work("status", "prod", "--json", ends=0).document["rollout"]["steps"]
    assert [(step["code"], said in step["message"]) for step in steps if step["status"] == "failed"] == [(code, True)]
