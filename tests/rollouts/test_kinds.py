"""What is true of a kind of step, what it does and what it is called: three tables that agree."""

from __future__ import annotations

import typing
from collections.abc import Mapping

import pytest

from interconnect.domain.changes import Change
from interconnect.domain.kinds import KINDS, Scope, Traits
from interconnect.domain.steps import StepKind
from interconnect.rollouts.steps import HANDLERS
from interconnect.wording.changes import STEP_NAMES


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(KINDS, id="KINDS in domain/kinds.py"),
        pytest.param(HANDLERS, id="HANDLERS in rollouts/steps"),
        pytest.param(STEP_NAMES, id="STEP_NAMES in wording/changes.py"),
    ],
)
def test_a_table_has_every_kind_and_no_other(table: Mapping[StepKind, object]) -> None:
    assert {"missing": set(StepKind) - set(table), "unknown": set(table) - set(StepKind)} == {
        "missing": set(),
        "unknown": set(),
    }


def test_no_two_kinds_share_a_handler_or_a_name() -> None:
    assert len(set(HANDLERS.values())) == len(HANDLERS)
    assert len({str(name) for name in STEP_NAMES.values()}) == len(STEP_NAMES)


@pytest.mark.parametrize("traits", KINDS.values(), ids=[kind.value for kind in KINDS])
def test_what_changes_the_mesh_or_relabels_is_of_its_scope(traits: Traits) -> None:
    assert not traits.changes_mesh or traits.scope is Scope.MESH
    assert not traits.relabels or traits.scope is Scope.CLUSTER
    assert set(traits.completes) <= set(typing.get_args(Change))
