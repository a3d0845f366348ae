"""Every code that the product can give has words, in both languages."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import typing
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from django.utils import translation

import interconnect
import interconnect.domain
from interconnect.domain import addressing, changes, cidrs, gateways, names, rules, warnings
from interconnect.domain.steps import Phase, StepKind
from interconnect.files import errors as file_errors
from interconnect.kube import errors, kubeconfig
from interconnect.messages import MESSAGES, engine, findings, word
from interconnect.messages import files as file_words
from interconnect.messages import kubeconfig as kubeconfig_words
from interconnect.messages import plans as plan_words
from interconnect.messages import rules as rule_words
from interconnect.messages.changes import _DESCRIBE, PHASE_NAMES, STEP_NAMES

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


CODE = re.compile(r"[a-z-]+(\.[a-z0-9-]+)+")
MADE_BY = {"StepFailed", "because", "Violation", "Alert", "_Failed", "refuse_as", "overridable", "_error", "_final", "_warning", "error"}
KUBE_ERRORS = {"Temporary", "Permanent", "NotFound", "Conflict"}


def calls(*packages: str) -> Iterator[tuple[str, ast.expr]]:
    """The name of each function that is called in these packages, and its first argument."""
    for package in packages:
        for path in sorted((Path(interconnect.__path__[0]) / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and node.args:
                    yield getattr(node.func, "attr", getattr(node.func, "id", "")), node.args[0]


def codes_of_the_engine() -> set[str]:
    """Every code that services, steps, kube and the command line write out as they give it."""
    found = {
        arg.value
        for name, arg in calls("services", "rollouts", "management", "files", "domain")
        if name in MADE_BY and isinstance(arg, ast.Constant) and isinstance(arg.value, str) and CODE.fullmatch(arg.value)
    }
    steps = {arg.value for name, arg in calls("rollouts") for arg in ast.walk(arg) if is_step_code(arg)}  # type: ignore[attr-defined]
    return found | steps


def is_step_code(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("step.")


@pytest.mark.parametrize("code", sorted(codes_of_the_engine()))
def test_every_code_that_a_service_or_a_step_gives_has_a_message(code: str) -> None:
    assert code in MESSAGES


def test_every_error_of_a_cluster_has_a_message() -> None:
    made = {arg.value for name, arg in calls("kube") if name in KUBE_ERRORS and isinstance(arg, ast.Constant)}
    made |= {"unregistered", "busy", *errors.CODES}
    assert sorted(code for code in made if f"kube.{code}" not in MESSAGES) == []


def test_every_refusal_of_a_kubeconfig_and_of_a_file_has_a_message() -> None:
    assert sorted(code for code in kubeconfig.CODES if f"kubeconfig.{code}" not in MESSAGES) == []
    assert sorted(code for code in file_errors.CODES if code not in MESSAGES) == []


def test_steps_phases_and_changes_have_names_in_both_languages() -> None:
    for name in chain(STEP_NAMES.values(), PHASE_NAMES.values()):
        with translation.override("en"):
            english = str(name)
        with translation.override("zh-hans"):
            assert str(name) != english
    assert set(STEP_NAMES) == set(StepKind)
    assert set(PHASE_NAMES) == set(Phase)
    assert set(_DESCRIBE) == set(typing.get_args(changes.Change))


def test_no_catalogue_takes_a_code_from_another() -> None:
    parts = [part.MESSAGES for part in (rule_words, findings, engine, file_words, kubeconfig_words, plan_words)]
    together = list(chain.from_iterable(parts))
    assert sorted({code for code in together if together.count(code) > 1}) == []
