"""Violations and findings are stored in one shape, and read from it and from those of older versions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interconnect.domain.findings import Finding, Severity
from interconnect.domain.violations import Violation

TEXT = st.text(max_size=5)


@given(
    st.builds(
        Violation, TEXT, st.dictionaries(st.sampled_from(("code", "token", "params", "evidence", "name")), TEXT), TEXT
    )
)
def test_a_stored_violation_is_read_back(violation: Violation) -> None:
    assert Violation.from_json(json.loads(json.dumps(violation.to_json()))) == violation


def test_a_finding_is_read_back_as_a_violation() -> None:
    stored = Finding("preflight.root-ca", Severity.ERROR, {"group": "blue"}, "token", {"cluster": "a"}).to_json()
    assert Violation.from_json(stored) == Violation("preflight.root-ca", {"group": "blue"}, "token")


ADDRESSES = {"replica": "istiod-7", "network": "blue", "addresses": ["203.0.113.1:15443"]}
# What earlier versions stored: reasons of audit entries and of guarded restarts, findings of a verification, errors of
# inquiries.
STORED = {
    "flat": ({"code": "role.missing", "role": "operator"}, Violation("role.missing", {"role": "operator"})),
    "flat without parameters": ({"code": "drift.none"}, Violation("drift.none")),
    "flat with a list": (
        {"code": "verify.missing", "istiod": "istiod", **ADDRESSES},
        Violation("verify.missing", {"istiod": "istiod", **ADDRESSES}),
    ),
    "flat with a token": (
        {"code": "group.overlap", "group": "blue", "token": "t"},
        Violation("group.overlap", {"group": "blue"}, "t"),
    ),
    "without token": (
        {"code": "role.missing", "params": {"role": "operator"}},
        Violation("role.missing", {"role": "operator"}),
    ),
    "empty": ({}, Violation("")),
}


@pytest.mark.parametrize(("stored", "meant"), STORED.values(), ids=STORED)
def test_what_earlier_versions_stored_is_read(stored: dict[str, Any], meant: Violation) -> None:
    found = Violation.from_json(stored)
    assert found == meant
    assert Violation.from_json(found.to_json()) == meant
