"""Every code that the product can give has words, in both languages."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from itertools import chain

import pytest
from django.utils import translation

import interconnect.domain
from interconnect.domain import addressing, changes, cidrs, gateways, names, rules, warnings
from interconnect.messages import MESSAGES, word

RULES = (addressing, changes, cidrs, gateways, names, rules, warnings)
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def codes_of_the_domain() -> list[str]:
    modules = (importlib.import_module(f"interconnect.domain.{found.name}") for found in pkgutil.iter_modules(interconnect.domain.__path__))
    return sorted(set(chain.from_iterable(getattr(module, "CODES", ()) for module in modules)))


def sources() -> dict[str, str]:
    with translation.override("en"):
        return {code: str(message) for code, message in MESSAGES.items()}


@pytest.mark.parametrize("code", codes_of_the_domain())
def test_every_code_of_the_domain_has_a_message(code: str) -> None:
    assert code in MESSAGES


@pytest.mark.parametrize("code", sorted(MESSAGES))
def test_every_message_is_translated_with_the_same_parameters(code: str) -> None:
    english = sources()[code]
    with translation.override("zh-hans"):
        chinese = str(MESSAGES[code])
    assert chinese != english
    assert sorted(set(PLACEHOLDER.findall(chinese))) == sorted(set(PLACEHOLDER.findall(english)))


def parameters_given() -> list[tuple[str, set[str]]]:
    """Code and parameters of every violation of the rules that is made in one piece."""
    found = []
    for module in RULES:
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Violation" and node.args):
                continue
            code, params = node.args[0], node.args[1] if len(node.args) > 1 else ast.Dict([], [])
            if isinstance(code, ast.Constant) and isinstance(params, ast.Dict):
                found.append((code.value, {key.value for key in params.keys if isinstance(key, ast.Constant)}))
    return found


@pytest.mark.parametrize(("code", "given"), parameters_given())
def test_a_message_asks_only_for_parameters_that_its_violation_has(code: str, given: set[str]) -> None:
    assert set(PLACEHOLDER.findall(sources()[code])) <= given


def test_two_codes_of_the_rules_never_share_a_name() -> None:
    together = list(chain.from_iterable(module.CODES for module in RULES))
    assert len(together) == len(set(together))


def test_a_message_is_filled_with_its_parameters() -> None:
    with translation.override("en"):
        assert word("group.unknown", {"group": "blue"}).startswith("There is no network group blue.")
        assert "blue, green" in word("interconnect.groups-left", {"groups": ["blue", "green"]})


def test_a_message_is_worded_in_the_language_of_the_reader() -> None:
    with translation.override("zh-hans"):
        assert word("group.unknown", {"group": "blue"}).startswith("网络分组 blue 不存在")
        assert "blue、green" in word("interconnect.groups-left", {"groups": ["blue", "green"]})


def test_a_parameter_is_never_taken_for_a_placeholder() -> None:
    with translation.override("en"):
        assert "%(group)s%s" in word("group.unknown", {"group": "%(group)s%s"})


def test_what_an_older_version_stored_is_worded_all_the_same() -> None:
    with translation.override("en"):
        assert "(gone.code)" in word("gone.code", {"a": 1})
        assert "?" in word("group.unknown", {})


def test_a_finding_about_a_finding_words_the_inner_one_too() -> None:
    inner = {"network": "blue", "field": "endpoints", "violation": "networks.shape"}
    with translation.override("en"):
        assert "endpoints of network blue has the wrong form" in word("preflight.networks.rendered", inner)
