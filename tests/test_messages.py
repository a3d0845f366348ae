"""Every code that the product can give has words, in both languages."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import typing
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.utils import translation

import interconnect
import interconnect.domain
from interconnect.domain import addressing, changes, cidrs, gateways, names, rules, status, warnings
from interconnect.domain.findings import Severity, SubjectKind
from interconnect.domain.steps import Phase, StepKind
from interconnect.files import errors as file_errors
from interconnect.kube import errors, kubeconfig, probe
from interconnect.kube.errors import Call
from interconnect.wording import MESSAGES, diagnosis, engine, findings, word
from interconnect.wording import files as file_words
from interconnect.wording import kubeconfig as kubeconfig_words
from interconnect.wording import plans as plan_words
from interconnect.wording import rules as rule_words
from interconnect.wording.changes import _DESCRIBE, PHASE_NAMES, STEP_NAMES
from interconnect.wording.matrix import PATHS
from interconnect.wording.phrases import ACTIONS
from interconnect.wording.values import _KEYS

RULES = (addressing, changes, cidrs, gateways, names, rules, warnings)
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def codes_of_the_domain() -> list[str]:
    modules = (
        importlib.import_module(f"interconnect.domain.{found.name}")
        for found in pkgutil.iter_modules(interconnect.domain.__path__)
    )
    others = (getattr(module, "CODES", ()) for module in modules if module is not status)
    # A state has a label; a finding of the same code has a sentence of its own.
    return sorted({*chain.from_iterable(others), *(f"state.{code}" for code in status.CODES)})


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


MADE_BY = {
    "StepFailed",
    "because",
    "Violation",
    "_Failed",
    "refuse_as",
    "overridable",
    "_error",
    "_final",
    "_warning",
    "error",
}
MAKERS = {
    "StepFailed",
    "because",
    "Violation",
    "_Failed",
    "refuse_as",
    "overridable",
    "Finding",
    "_error",
    "_final",
    "_warning",
    "error",
}


class Made(typing.NamedTuple):
    """A place that gives a code that has a message, and the parameters that it gives with it."""

    place: str
    code: str
    given: frozenset[str]


def makers() -> Iterator[Made]:
    """Every place in the product that writes a code of the catalogue out as it gives it."""
    root = Path(interconnect.__path__[0])
    for path in sorted(root.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            code = node.args[0] if isinstance(node, ast.Call) and node.args else None
            if not (
                isinstance(node, ast.Call)
                and isinstance(code, ast.Constant)
                and code.value in MESSAGES
                and called(node) in MAKERS
            ):
                continue
            parts = [*node.args[1:], *(keyword.value for keyword in node.keywords if keyword.arg in (None, "params"))]
            given = {keyword.arg for keyword in node.keywords if keyword.arg} | {
                key for part in parts for key in keys_of(part, tree)
            }
            # A refusal of a write says of which object, by itself.
            given |= {"kind", "namespace", "name"} if called(node) == "refuse_as" else set()
            yield Made(f"{path.relative_to(root)}:{node.lineno}", code.value, frozenset(given))


def called(node: ast.Call) -> str:
    return str(getattr(node.func, "attr", getattr(node.func, "id", "")))


def keys_of(value: ast.expr, tree: ast.AST, deep: int = 4) -> set[str]:
    """The keys that a dict is written with, there or where what is named here is made in the same file."""
    if isinstance(value, ast.Dict):
        own = {key.value for key in value.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
        return own.union(
            *(keys_of(part, tree, deep) for key, part in zip(value.keys, value.values, strict=True) if key is None)
        )
    if isinstance(value, ast.BinOp):
        return keys_of(value.left, tree, deep) | keys_of(value.right, tree, deep)
    name = called(value) if isinstance(value, ast.Call) else getattr(value, "id", "")
    return {key for part in (values_of(name, tree) if deep and name else ()) for key in keys_of(part, tree, deep - 1)}


def values_of(name: str, tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            # Several at once on one line are dicts that belong together.
            names = [
                each for target in targets for each in (target.elts if isinstance(target, ast.Tuple) else [target])
            ]
            if any(getattr(each, "id", "") == name for each in names):
                yield from node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
        elif isinstance(node, ast.FunctionDef) and node.name == name:
            yield from (
                part.value for part in ast.walk(node) if isinstance(part, ast.Return) and part.value is not None
            )


def test_every_message_is_given_all_that_it_asks_for() -> None:
    """So that no sentence ever lacks what it is about, wherever it is said."""
    known = list(makers())
    assert len(known) > 200
    lacking = {
        f"{made.place} {made.code}": set(PLACEHOLDER.findall(sources()[made.code])) - made.given for made in known
    }
    assert {place: names for place, names in lacking.items() if names} == {}


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
        assert "no network group (unknown)" in word("group.unknown", {})


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_sentence_without_its_parameters_asks_nobody(language: str) -> None:
    """What is missing has a word, and nothing of the notation of a template is shown."""
    with translation.override(language):
        for code, template in MESSAGES.items():
            sentence = word(code, {})
            assert sentence.count("?") == str(template).count("?"), code
            assert "%(" not in sentence, code


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_an_empty_parameter_leaves_no_gap(language: str) -> None:
    """An alert about a whole object has no field, an object of the whole cluster no namespace."""
    with translation.override(language):
        for code, template in MESSAGES.items():
            for empty in PLACEHOLDER.findall(str(template)):
                sentence = word(
                    code, {name: "" if name == empty else "x" for name in PLACEHOLDER.findall(str(template))}
                )
                assert not re.search(r"  | /|^[ /]| [.,;。，；]|\( | \)", sentence), (code, empty, sentence)


def test_a_whole_object_that_is_not_as_asked_for_is_named() -> None:
    about = {"kind": "Deployment", "name": "eastwest", "field": "", "cluster": "one"}
    with translation.override("en"):
        assert word("drift.not-applied", about).startswith("Deployment eastwest doesn't match the desired state.")
        assert "was changed by someone." in word("drift.overwritten", {**about, "owners": []})
        assert word("writes.conflict", {**about, "namespace": "", "owner": "kubectl", "field": ".a"}).startswith(
            "kubectl owns the field .a of Deployment eastwest."
        )


def test_a_cluster_that_gives_no_reason_is_told_so() -> None:
    with translation.override("en"):
        for said in ({"said": ""}, {}):
            assert "invalid: no reason given. " in word("kube.invalid", {"object": "services gw", **said})


def test_a_finding_about_a_finding_words_the_inner_one_too() -> None:
    inner = {"network": "blue", "field": "endpoints", "violation": "networks.shape"}
    with translation.override("en"):
        assert "endpoints of network blue is malformed" in word("preflight.networks.rendered", inner)


CODE = re.compile(r"[a-z-]+(\.[a-z0-9-]+)+")
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
        for name, arg in calls("cli", "domain", "files", "observing", "planning", "rollouts", "services")
        if name in MADE_BY
        and isinstance(arg, ast.Constant)
        and isinstance(arg.value, str)
        and CODE.fullmatch(arg.value)
    }
    steps = {arg.value for name, arg in calls("observing", "rollouts") for arg in ast.walk(arg) if is_step_code(arg)}  # type: ignore[attr-defined]
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


def test_every_request_that_is_recorded_has_a_name() -> None:
    """What starts a rollout is named by its changes."""
    services = (Path(interconnect.__path__[0]) / "services").rglob("*.py")
    made = [node for path in services for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    recorded = {
        node.args[1].value
        for node in made
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "audited"
        and isinstance(node.args[1], ast.Constant)
    }
    assert len(recorded) > 10
    assert recorded - set(ACTIONS) == set()


def test_steps_phases_and_changes_have_names_in_both_languages() -> None:
    for name in chain(STEP_NAMES.values(), PHASE_NAMES.values()):
        with translation.override("en"):
            english = str(name)
        with translation.override("zh-hans"):
            assert str(name) != english
    assert set(STEP_NAMES) == set(StepKind)
    assert set(PHASE_NAMES) == set(Phase)
    assert set(_DESCRIBE) == set(typing.get_args(changes.Change))


def test_findings_have_titles_severities_and_subjects_in_both_languages() -> None:
    for name in chain(diagnosis.TITLES.values(), diagnosis.SEVERITIES.values(), diagnosis.SUBJECTS.values()):
        with translation.override("en"):
            english = str(name)
        with translation.override("zh-hans"):
            assert str(name) != english or english == "istiod"
    assert set(diagnosis.SEVERITIES) == set(Severity) and set(diagnosis.SUBJECTS) == set(SubjectKind)


def test_a_cause_that_is_not_known_leaves_no_gap() -> None:
    with translation.override("en"):
        assert word("cluster.no-answer", {"cluster": "a"}) == "No answer from a."
        assert word("cluster.no-answer", {"cluster": "a", "violation": "kube.timeout"}).startswith(
            "No answer from a. The cluster didn't answer in time."
        )


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_what_others_say_ends_a_sentence_once(language: str) -> None:
    """A cluster's own sentence ends with a full stop as often as not."""
    with translation.override(language):
        for code, template in MESSAGES.items():
            names = PLACEHOLDER.findall(str(template))
            sentence = word(code, {name: "It said so." for name in names if name != "violation"})
            assert not re.search(r"[.。]\s*[.。]|[.。][)）]", sentence), (code, sentence)


def test_a_reason_that_kubernetes_does_not_give_is_not_told() -> None:
    ready = {"available": 0, "replicas": 2, "gateway": "eastwest-one-1"}
    with translation.override("en"):
        for code in (each for each in MESSAGES if not each.endswith(".said")):
            assert "says: no reason" not in word(code, {}), code
        assert word("gateway.not-ready", ready) == "0 of 2 replicas of eastwest-one-1 are ready."
        assert word("gateway.not-ready", ready | {"reason": "too few nodes."}).endswith(
            "Kubernetes says: too few nodes."
        )


def test_what_a_look_finds_asks_for_no_retry() -> None:
    """Nothing has been tried that could be: a step that fails on the same says so."""
    inner = {"verb": "list", "resource": "pods", "violation": "kube.forbidden"}
    with translation.override("en"):
        found = [word(code, inner | {"cluster": "one"}) for code in diagnosis.MESSAGES]
        assert [sentence for sentence in found if re.search(r"\bretry\b", sentence, re.IGNORECASE)] == []
        assert word("kube.forbidden", inner).endswith("then retry.")
        for code in (*status.AT_ONCE, *(f"kube.{each}" for each in errors.CODES)):
            sentence = word("cluster.no-answer", {"cluster": "one", "violation": code})
            assert "retry" not in sentence.lower() or code in OF_WRITES, (code, sentence)


# Errors of calls that write something. A look makes none.
OF_WRITES = {
    f"kube.{each}"
    for each in (
        "admission-denied",
        "already-exists",
        "conflict",
        "invalid",
        "limit-range",
        "namespace-terminating",
        "pod-security",
        "policy-denied",
        "precondition",
        "quota-exceeded",
        "repeats-credential",
        "request-too-large",
        "webhook-down",
    )
}


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_no_sentence_shows_how_the_console_names_a_field(language: str) -> None:
    about = {"kind": "MutatingWebhookConfiguration", "name": "injector", "owners": ["helm"]}
    with translation.override(language):
        for field in ("webhook:rev.namespace.istio.io", "label:topology.istio.io/network"):
            sentence = word("cluster.injection-path", about | {"violation": "drift.overwritten", "field": field})
            assert field not in sentence and "webhook:" not in sentence and "label:" not in sentence


def test_what_clusters_say_is_visible_and_cut() -> None:
    with translation.override("en"):
        sentence = word("gateway.missing", {"gateway": "a\u202eb\x1b", "cluster": "x" * 65_000})
    assert "\u202e" not in sentence and "\x1b" not in sentence and "⟨U+202E⟩" in sentence and len(sentence) < 1_200


def test_a_finding_is_called_by_one_word_in_chinese() -> None:
    named = re.compile(r"\b[Ff]indings?\b(?! is (?:silenced|overridden))")
    shown = [(text, chinese) for text, chinese in translated() if named.search(text) and "reflight" not in text]
    assert len(shown) > 10
    assert [text for text, chinese in shown if "检查结果" not in chinese and "项 ·" not in chinese] == []


def translated() -> Iterator[tuple[str, str]]:
    with (Path(interconnect.__path__[0]).parent / "locale/zh_Hans/LC_MESSAGES/django.po").open("rb") as file:
        for message in read_po(file, locale="zh_Hans"):
            yield str(message.id), str(message.string)


def test_a_time_is_worded_and_what_is_none_stays() -> None:
    with translation.override("en"):
        for since, shown in (("2026-03-02T21:40:00+00:00", "2026-03-02 21:40 UTC"), ("long ago", "long ago")):
            assert f"since {shown}." in word("console.standstill", {"since": since})


def test_no_catalogue_takes_a_code_from_another() -> None:
    parts = [
        part.MESSAGES for part in (rule_words, findings, diagnosis, engine, file_words, kubeconfig_words, plan_words)
    ]
    together = list(chain.from_iterable(parts))
    assert sorted({code for code in together if together.count(code) > 1}) == []


def test_a_parameter_that_is_a_code_is_worded() -> None:
    with translation.override("en"):
        assert word("role.missing", {"role": "mesh-admin"}).startswith("This needs the mesh admin role.")
        assert "trust domain, Pods on another network." in word(
            "preflight.not-checked",
            {"cluster": "one", "checks": ["trust-domain", "stale-pods"], "rights": ["list pods"]},
        )
        assert "root CA: one, two; three." in word("preflight.root-ca", {"clusters": [["one", "two"], ["three"]]})


def test_no_message_uses_words_that_the_style_guide_replaces() -> None:
    replaced = re.compile(r"\b(mend|whoever|any more|in the meantime|cannot)\b", re.IGNORECASE)
    assert [code for code, text in sources().items() if replaced.search(text)] == []


def test_every_way_that_a_probe_can_end_has_words() -> None:
    assert set(PATHS) == {path.value for path in probe.Path}


def test_what_an_error_of_a_cluster_says_is_named() -> None:
    """`evidence` is an argument, not a parameter; `cluster`, `object` and `token` stand elsewhere on a page."""
    kube = (Path(interconnect.__path__[0]) / "kube").rglob("*.py")
    nodes = [node for path in kube for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    named = {
        keyword.arg
        for node in nodes
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in KUBE_ERRORS
        for keyword in node.keywords
    }
    assert named - {"evidence", None} <= set(_KEYS)
    assert set(Call._fields) - {"cluster"} <= set(_KEYS) | {"subresource"}
