"""Every refusal of the product's rules is provoked in a browser, or it is said why none can provoke it."""

from __future__ import annotations

import ast
from itertools import chain
from pathlib import Path

import pytest

from interconnect.wording import MESSAGES, engine
from tests.test_messages import RULES

# Each with what stands in a browser's way of it; the rules themselves are tested in tests/domain, the rest where it is
# said.
ELSEWHERE = {
    "address.awaited.duplicate": "a page offers each gateway's address once; only a file can name it twice",
    "address.gateway.elsewhere": "a page offers gateways of the group alone, and one that has moved is not "
    "offered any more",
    "cluster.same-group": "a page offers the other groups; a cluster that has moved meanwhile makes its "
    "dialog stale first",
    "cluster.uid.invalid": "the UID is the cluster's own; only an API server that is none gives another",
    "gateway.annotations.value": "no browser sends a lone surrogate, and the form refuses NUL: "
    "tests/views/test_bad_input.py",
    "gateway.frozen": "the fields are disabled, and a group that joins meanwhile makes the dialog stale: "
    "test_rules_gateways.py",
    "gateway.id.invalid": "the console makes the ID itself: tests/views/test_stale_forms.py sends another",
    "gateway.id.taken": "the same form sent twice is the same gateway: tests/views/test_stale_forms.py",
    "gateway.number": "the console takes the next number itself; only a file names one",
    "gateway.taken": "the console takes the next free number itself; only a file names one",
    "gateway.unknown": "its address is not found before any rule is asked, which the dialog says: "
    "test_rules_gateways.py",
    "mesh.moved-on": "only two requests within one moment meet: tests/views/test_races.py",
    "restart.guard-choice": "a page's buttons send those that there are: tests/services/test_decisions.py",
    "inquiry.unreadable": "only a key that the console has lost makes a check unreadable: tests/cli/test_keys.py",
    "workloads.not-counted": "the button waits for a count: test_rules_registration.py; the service's "
    "answer: tests/services",
    "workloads.none": "the button waits for something to restart: test_rules_registration.py; the service's "
    "answer: tests/services",
    "silence.no-reason": "the form asks for a reason first, and takes no blanks for one: "
    "tests/services/test_silences.py",
    "silence.until": "a page offers times within the limit alone: tests/services/test_silences.py",
    "mesh.networks-cluster": "a page offers these two clusters alone: tests/services",
}


def codes_of_the_rules() -> set[str]:
    return {*chain.from_iterable(module.CODES for module in RULES), *engine.SERVICES}


def codes_in_browser_tests() -> set[str]:
    """The codes that tests of the browser name: every helper that takes one expects its words on the page."""
    files = (Path(__file__).parent / "e2e").glob("test_rules_*.py")
    found = (
        node.value
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
    )
    return {value for value in found if isinstance(value, str) and value in MESSAGES}


@pytest.mark.parametrize("code", sorted(codes_of_the_rules() - set(ELSEWHERE)))
def test_a_refusal_is_provoked_in_a_browser(code: str) -> None:
    assert code in codes_in_browser_tests()


def test_what_cannot_be_provoked_there_is_a_code_of_the_rules_and_not_provoked_after_all() -> None:
    assert set(ELSEWHERE) <= codes_of_the_rules()
    assert set(ELSEWHERE) & codes_in_browser_tests() == set()
