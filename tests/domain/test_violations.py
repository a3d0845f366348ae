"""Violations and findings are stored in one shape, and read from it and from those of older versions."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from interconnect.domain.preflight import Finding, Severity
from interconnect.domain.violations import Violation

TEXT = st.text(max_size=5)


@given(st.builds(Violation, TEXT, st.dictionaries(st.sampled_from(("code", "token", "params", "evidence", "name")), TEXT), TEXT))
def test_a_stored_violation_is_read_back(violation: Violation) -> None:
    assert Violation.from_json(json.loads(json.dumps(violation.to_json()))) == violation


def test_a_finding_is_read_back_as_a_violation() -> None:
    stored = Finding("preflight.root-ca", Severity.ERROR, {"group": "blue"}, "token", {"cluster": "a"}).to_json()
    assert Violation.from_json(stored) == Violation("preflight.root-ca", {"group": "blue"}, "token")


def test_rows_of_older_versions_are_read() -> None:
    for stored in ({"code": "role.missing", "role": "operator"}, {"code": "role.missing", "params": {"role": "operator"}}):
        assert Violation.from_json(stored) == Violation("role.missing", {"role": "operator"})
