"""The registers of codes are what the rules can really give, so that the catalogue can be checked against them."""

from __future__ import annotations

import ast
import inspect
import re
from itertools import chain
from pathlib import Path
from types import ModuleType

import pytest

from interconnect.domain import (
    addressing,
    changes,
    cidrs,
    gateways,
    injection,
    names,
    networks_check,
    preflight,
    rules,
    verify,
    warnings,
    writes,
)

MODULES = (addressing, changes, cidrs, gateways, injection, names, rules, warnings)
# What these say is found in clusters: their codes come out of variables and helpers too, so every text like one counts.
FINDING = (networks_check, preflight, verify, writes)
LIKE_A_CODE = re.compile(r"(guard|networks|preflight|verify|writes)\.[a-z-]+(\.[a-z-]+)?")
CALLS = {"Violation", "overridable", "Prerequisite"}
TESTS = Path(__file__).parent


def codes_given(module: ModuleType) -> set[str]:
    """Every code written where a violation is made; what is put together of parts is written in the register alone."""
    calls = (
        node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Call) and node.args
    )
    first = (call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id in CALLS)
    return {argument.value for argument in first if isinstance(argument, ast.Constant)}


def test_the_registers_hold_exactly_the_codes_that_the_rules_give() -> None:
    put_together = {f"address.{kind}" for kind in ("unspecified", "loopback", "link-local", "multicast", "broadcast")}
    registered = set(chain.from_iterable(module.CODES for module in MODULES))
    given = set(chain.from_iterable(codes_given(module) for module in MODULES))
    assert registered == given | put_together | {"interconnect.phrase"}


@pytest.mark.parametrize("module", FINDING, ids=[module.__name__.rpartition(".")[2] for module in FINDING])
def test_a_register_of_findings_holds_exactly_what_is_found(module: ModuleType) -> None:
    functions = [node for node in ast.parse(inspect.getsource(module)).body if not isinstance(node, ast.Assign)]
    texts = {node.value for top in functions for node in ast.walk(top) if isinstance(node, ast.Constant)}
    assert {text for text in texts if isinstance(text, str) and LIKE_A_CODE.fullmatch(text)} == set(module.CODES)


def test_every_code_is_met_in_a_test() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in TESTS.glob("test_*.py"))
    known = set(chain.from_iterable(module.CODES for module in (*MODULES, *FINDING)))
    assert {code for code in known if code not in text} == set()
