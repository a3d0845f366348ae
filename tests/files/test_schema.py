"""The shipped JSON Schema and the parser say the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from interconnect.files.document import Document, parse
from interconnect.files.schema import schema
from tests.files.documents import BAD, GOOD

VALIDATOR = Draft202012Validator(schema())
GUIDE = Path(__file__).parents[2] / "docs" / "from-a-file.md"


def descriptions(node: Any, path: str = "") -> list[str]:
    """Paths of properties without a description of their own or behind their reference."""
    if not isinstance(node, dict):
        return []
    missing = [
        f"{path}/{name}"
        for name, value in node.get("properties", {}).items()
        if not {"description", "default", "const", "minimum"} & set(value)
    ]
    return missing + [found for name, value in node.items() for found in descriptions(value, f"{path}/{name}")]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())


def test_every_property_is_described_or_says_its_default() -> None:
    assert descriptions(schema()) == []


@pytest.mark.parametrize("name", GOOD)
def test_the_schema_takes_what_the_parser_takes(name: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(GOOD[name]))] == []


@pytest.mark.parametrize("name", [name for name, bad in BAD.items() if bad.schema and "\t" not in bad.text])
def test_the_schema_refuses_what_the_parser_refuses(name: str) -> None:
    try:
        content = yaml.safe_load(BAD[name].text)
    except yaml.YAMLError:
        return
    assert not VALIDATOR.is_valid(content)


def test_the_examples_of_the_guide_are_good_documents() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text("utf-8"), re.S)
    assert examples
    for example in examples:
        assert isinstance(parse(example), Document), parse(example)
        assert VALIDATOR.is_valid(yaml.safe_load(example))
