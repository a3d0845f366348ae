"""Form and spec: what a gateway holds the form shows, and gives back unchanged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interconnect.domain.gateways import normalised_spec
from interconnect.domain.topology import Autoscaling, GatewaySpec, ServiceType
from interconnect.forms import annotation_text
from interconnect.forms.gateways import GatewayForm, initial_of

AWKWARD = [
    '"on"',
    "on",
    "first: 1\nsecond: 2",
    "",
    " ",
    " a ",
    "# no comment",
    "a # b",
    "*",
    "&a",
    "!x",
    "%d",
    "@",
    "`",
    "{}",
    "[1, 2",
]
AWKWARD += [
    '{"ingress": true}',
    "it's",
    '"',
    "'",
    "|",
    "> x",
    "- a",
    "a: b",
    "a:",
    "~",
    "null",
    "010",
    "a\r\nb",
    "\t",
    "é 世界 🙂",
    "\x07\x85\u2028\ufeff",
    "---",
]
keys = st.sampled_from(["a", "annotations", "metadata", "no", "1e3", "example.org/On", "x.y/a_b.c-d", "null"])
values = st.sampled_from(AWKWARD) | st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20
)
specs = st.builds(
    GatewaySpec,
    replicas=st.integers(1, 100),
    autoscaling=st.none() | st.tuples(st.integers(1, 50), st.integers(50, 100)).map(lambda pair: Autoscaling(*pair)),
    annotations=st.dictionaries(keys, values, max_size=4).map(lambda pairs: tuple(pairs.items())),
    load_balancer_ip=st.sampled_from(["", "203.0.113.7", "2001:db8::7"]),
    service_type=st.sampled_from([*ServiceType]),
).map(normalised_spec)


def sent(spec: GatewaySpec, *, frozen: bool = False, **changed: Any) -> GatewaySpec:
    """What comes back from a browser that was shown `spec`: with its line ends, and without fields
    that are disabled.
    """
    shown = {key: "" if value is None else str(value) for key, value in initial_of(spec).items()}
    left_out = ("annotations", "load_balancer_ip", "service_type") if frozen else ()
    data = {key: value.replace("\n", "\r\n") for key, value in (shown | changed).items() if key not in left_out}
    form = GatewayForm(data, initial=initial_of(spec), frozen=frozen)
    assert form.is_valid(), form.errors
    return normalised_spec(form.spec())


@given(specs, st.booleans())
def test_a_form_gives_back_whatever_a_spec_holds(spec: GatewaySpec, frozen: bool) -> None:
    assert sent(spec, frozen=frozen) == spec


@given(specs, st.booleans())
def test_saving_replicas_changes_nothing_else(spec: GatewaySpec, frozen: bool) -> None:
    changed = sent(spec, frozen=frozen, replicas="7")
    assert changed == GatewaySpec(7, spec.autoscaling, spec.annotations, spec.load_balancer_ip, spec.service_type)


READ = {
    "the usual": ("a.example/b: yes\nc: d e", {"a.example/b": "yes", "c": "d e"}),
    "in quotes": ("a: \"true\"\nb: 'it''s'\nc: \"x\\ny\"", {"a": "true", "b": "it's", "c": "x\ny"}),
    "a header": ("annotations:\n  a: 1\n  b: 2", {"a": "1", "b": "2"}),
    "a header beside": ("annotations:\na: 1", {"a": "1"}),
    "indented as in a manifest": (
        "    annotations:\r\n      a: 1\r\n      # of ours\r\n      b: 2",
        {"a": "1", "b": "2"},
    ),
    "cut from a manifest": ("a: 1\n      b: 2", {"a": "1", "b": "2"}),
    "comments": ("# ours\na: 1 # one\n\nb: 2", {"a": "1", "b": "2"}),
    "a block": ("a: |\n  x: 1\n  y: 2\nb: 3", {"a": "x: 1\ny: 2\n", "b": "3"}),
    "JSON": ('é: {"ü": [1, "世"]}\nb: [x]', {"é": '{"ü": [1, "世"]}', "b": "[x]"}),
    "nothing": ("", {}),
    "only a comment": ("# none\n", {}),
    "no YAML": ("a: see: https://example.org/x\nb: *\nc:d", {"a": "see: https://example.org/x", "b": "*", "c": "d"}),
    "an annotation of that name": ('annotations: ""\na: 1', {"annotations": "", "a": "1"}),
}


@pytest.mark.parametrize(("text", "found"), READ.values(), ids=READ)
def test_annotations_are_read_as_people_paste_them(text: str, found: dict[str, str]) -> None:
    assert dict(annotation_text.read(text)) == found


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nnothing", 2),
        ('a: "never ended\nb: 2', 1),
        ("a: 1\nb:\n  c: 2", 3),
        ("a:\n- 1", 2),
        ("a: 1\nb: |\nc d", 2),
        ("? [a]\n: b", 1),
    ],
)
def test_what_is_no_mapping_of_texts_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(annotation_text.Unreadable) as caught:
        annotation_text.read(text)
    assert caught.value.line == line


def test_a_key_that_is_there_twice_is_left_to_the_rules() -> None:
    assert annotation_text.read("a: 1\na: 2") == (("a", "1"), ("a", "2"))
