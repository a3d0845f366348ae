"""Clusters change groups by a file and come back by *Revert*: renaming, merging, swapping, several at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.world import SYSTEM

if TYPE_CHECKING:
    from tests.cli.support import Shell

OK, CHANGES = 0, 2
LABEL = "topology.istio.io/network"


def group(*members: str) -> dict[str, Any]:
    """With the gateways that its clusters have in the world `joined`."""
    return {"clusters": list(members), "gateways": {f"{member}/1": {} for member in members}}


def labels(shell: Shell) -> dict[str, str]:
    found = {
        name: shell.world.fleet.cluster(name).get("Namespace", SYSTEM) for name in ("member-a", "member-b", "member-c")
    }
    return {name[-1]: (namespace or {})["metadata"]["labels"].get(LABEL, "") for name, namespace in found.items()}


REGROUPED = {
    "one renamed while joined, two merged": {
        "all": group("member-a", "member-c"),
        "lime": {**group("member-b"), "joined": [{"gateway": "member-b/1"}]},
    },
    "swapped": {"blue": group("member-b"), "green": group("member-c"), "red": group("member-a")},
}


@pytest.mark.parametrize("groups", REGROUPED.values(), ids=REGROUPED)
def test_a_regrouping_is_carried_out_and_reverted(at_work: Shell, groups: dict[str, Any]) -> None:
    before, known = at_work.world.topology, at_work.world.networks
    file = at_work.file(groups=groups)
    at_work("plan", file, ends=CHANGES)
    at_work("apply", file, "--allow-removal", ends=OK)
    assert labels(at_work) == {member[-1]: name for name, content in groups.items() for member in content["clusters"]}
    at_work("revert", "prod", "--allow-removal", ends=OK)
    assert at_work.world.topology == before
    assert at_work.world.networks == known


def test_a_plan_names_the_clusters_of_a_new_group_first(at_work: Shell) -> None:
    plan = at_work("plan", at_work.file(groups={"all": group("member-a", "member-b", "member-c")}), ends=CHANGES)
    assert "* Create network group all with member-a, member-b, member-c" in plan.out.splitlines()
