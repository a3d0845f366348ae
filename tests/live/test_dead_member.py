"""A member whose API server stops answering holds up nobody but itself, and no restart drops its endpoints unasked.

The tests are steps: member-c is gone from the second one on, and back in the last one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.live.support import status as read
from tests.live.support.console import FAILED
from tests.live.support.installation import settled
from tests.live.support.meshfile import MESH, by_platform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.live.support.meshfile import Mesh

pytestmark = pytest.mark.steps

AUDIT = """
import json
from meshconsole.audit.models import Entry
print(json.dumps([[entry.actor, entry.action, entry.params] for entry in Entry.objects.order_by("time")], default=str))
"""


@pytest.fixture(scope="module")
def torn(mesh: Mesh) -> Iterator[Mesh]:
    yield mesh
    mesh.live.start_cluster("member-c")
    mesh.console("retry", MESH, "--guard", "force")


def test_both_groups_are_joined_while_all_answer(torn: Mesh) -> None:
    torn.expect_networks(green={torn.gateway("green")}, red={torn.gateway("red")})
    assert read.rollout(torn.status()) == "succeeded"


def test_the_guard_holds_the_restart_and_the_removal_is_in_force_without_it(torn: Mesh) -> None:
    before = torn.live.istiods()
    torn.live.stop_cluster("member-c")
    said = torn.apply(by_platform("green"), ends=FAILED).said
    assert "member-c" in said
    assert torn.live.istiods() == before
    torn.expect_networks(green={torn.gateway("green")})
    assert "guard.not-answering" in read.codes(torn.status())


def test_a_retry_without_a_decision_is_held_again(torn: Mesh) -> None:
    before = torn.live.istiods()
    torn.console("retry", MESH).ended(FAILED)
    assert torn.live.istiods() == before


def test_skipping_the_restart_finishes_the_removal(torn: Mesh) -> None:
    before = torn.live.istiods()
    torn.console("retry", MESH, "--guard", "skip").ended(0)
    assert torn.live.istiods() == before
    assert read.rollout(torn.status()) == "succeeded"
    torn.expect_networks(green={torn.gateway("green")})


def test_restarting_anyway_replaces_istiod_and_is_audited(torn: Mesh) -> None:
    before = torn.live.istiods()
    torn.apply({}, ends=FAILED)
    assert torn.live.istiods() == before
    torn.console("retry", MESH, "--guard", "force").ended(0)
    assert not set(before) & set(torn.live.istiods())
    torn.expect_networks()
    entries = json.loads(torn.console.manage("shell", "--verbosity", "0", "-c", AUDIT).ended(0).out)
    assert [entry for entry in entries if "force" in json.dumps(entry)], entries


def test_the_dead_members_chain_fails_and_is_named_while_the_others_finish(torn: Mesh) -> None:
    said = torn.apply({}, ends=FAILED, replicas=2).said
    assert "member-c" in said
    assert settled(lambda: torn.deployment("green")["status"].get("availableReplicas"), 2) == 2
    status = torn.status()
    assert read.rollout(status) == "failed"
    assert "unreachable" in " ".join(read.codes(status))


def test_a_retry_completes_when_the_member_is_back(torn: Mesh) -> None:
    torn.live.start_cluster("member-c")
    assert torn.deployment("red")["spec"]["replicas"] == 1
    torn.console("retry", MESH).ended(0)
    assert settled(lambda: torn.deployment("red")["status"].get("availableReplicas"), 2) == 2
    assert read.rollout(torn.status()) == "succeeded"
