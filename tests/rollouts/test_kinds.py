"""What is true of a kind of step, what it does and what it is called: three tables that agree."""

from __future__ import annotations

import typing

import pytest

from interconnect.domain.changes import Change
from interconnect.domain.kinds import KINDS, Scope, Traits
from interconnect.domain.steps import StepKind
from interconnect.rollouts.steps import HANDLERS
from interconnect.wording.changes import STEP_NAMES


def test_each_kind_has_its_traits_a_handler_and_a_name() -> None:
    assert set(KINDS) == set(HANDLERS) == set(STEP_NAMES) == set(StepKind)


def test_no_two_kinds_share_a_handler_or_a_name() -> None:
    assert len(set(HANDLERS.values())) == len(HANDLERS)
    assert len({str(name) for name in STEP_NAMES.values()}) == len(STEP_NAMES)


@pytest.mark.parametrize("traits", KINDS.values(), ids=[kind.value for kind in KINDS])
def test_what_changes_the_mesh_or_relabels_is_of_its_scope(traits: Traits) -> None:
    assert not traits.changes_mesh or traits.scope is Scope.MESH
    assert not traits.relabels or traits.scope is Scope.CLUSTER
    assert set(traits.completes) <= set(typing.get_args(Change))
