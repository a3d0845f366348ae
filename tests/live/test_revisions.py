"""A second istiod, as during an upgrade, is told of what is joined, in the ConfigMap that it really reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.live.support.meshfile import ALL, MESH, by_platform
from tests.live.support.revision import REVISION, add_revision

if TYPE_CHECKING:
    from tests.live.support.installation import Undo
    from tests.live.support.meshfile import Mesh


def networks_of(text: str | None) -> set[str]:
    return set((yaml.safe_load(text or "") or {}).get("networks") or {})


@pytest.mark.parametrize("shared", ["", "istio-shared"])
def test_a_revision_that_lacks_joined_groups_is_told_and_both_are_verified(mesh: Mesh, undo: Undo, shared: str) -> None:
    file = mesh.file.write(*ALL, gateways=("green", "red"), joined=by_platform("green", "red"))
    mesh.console.apply(file)  # of the revision before, something may be owed
    add_revision(mesh.live, undo, shared=shared)
    mesh.expect_networks(revision=REVISION)
    check = mesh.console("check", MESH)
    assert REVISION in check.said
    mesh.console.apply(file)
    joined = {"green": {mesh.gateway("green")}, "red": {mesh.gateway("red")}}
    mesh.expect_networks(**joined)
    mesh.expect_networks(revision=REVISION, **joined)
    read_by_it = shared.removeprefix("istio-") or REVISION
    assert networks_of(mesh.live.networks(read_by_it)) == {"green", "red"}
    if shared:
        assert networks_of(mesh.live.networks(REVISION)) == set()
    mesh.console.plan(file, ends=0)
