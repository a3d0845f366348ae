"""How a change is asked about, whatever button it comes from."""

from __future__ import annotations

from interconnect.domain.changes import (
    CreateGroup,
    DeleteGateway,
    DeleteGroup,
    Disable,
    Enable,
    Join,
    MoveCluster,
    Remove,
    RemoveCluster,
)
from interconnect.domain.confirming import asking
from interconnect.domain.topology import Address
from tests.domain.samples import GATEWAY_A, KEY_A, mesh

TOPOLOGY = mesh()


def test_a_removal_is_asked_twice_with_the_restart_policy() -> None:
    found = asking(TOPOLOGY, [Remove("blue")])
    assert (found.twice, found.restart, found.phrase, found.goes) == (True, True, False, (("member", "blue"),))


def test_a_join_offers_the_restart_policy_and_is_asked_once() -> None:
    found = asking(TOPOLOGY, [Join("blue", (Address("203.0.113.1"),))])
    assert (found.twice, found.restart, found.danger) == (False, True, False)


def test_disabling_wants_the_phrase() -> None:
    found = asking(TOPOLOGY, [Disable()])
    assert found.phrase and not found.twice and found.goes == (("rule", "cross-network-gateway"),)


def test_what_is_deleted_is_listed_by_kind_and_name_once() -> None:
    changes = [DeleteGateway(KEY_A), RemoveCluster("member-a"), DeleteGroup("blue")]
    found = asking(TOPOLOGY, changes)
    assert found.goes == (("gateway", "eastwest-member-a-1"), ("cluster", "member-a"), ("group", "blue"))
    assert found.gateways == (GATEWAY_A,)


def test_a_gateway_that_has_moved_does_not_go_with_its_old_group() -> None:
    changes = [CreateGroup("red", frozenset()), MoveCluster("member-a", "red"), DeleteGroup("blue")]
    for about in (None, changes[2:]):
        found = asking(TOPOLOGY, changes, about=about)
        assert (found.goes, found.gateways) == ((("group", "blue"),), ()), about


def test_what_only_adds_is_asked_without_alarm() -> None:
    found = asking(TOPOLOGY, [Enable(), CreateGroup("green", frozenset({"member-c"}))])
    assert not (found.danger or found.restart)
