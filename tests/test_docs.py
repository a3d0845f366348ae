"""What the documents name exists, and the rules that the code cites are written down."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/rules.md", "docs/style.md")
PRODUCT = ("interconnect", "meshconsole", "simulator", "tests")
# A path of the repository in code quotes; a module is named by its last parts where the folder was named before.
PATH = re.compile(
    r"`((?:interconnect|meshconsole|simulator|tests|tools|docs|templates|locale|requirements|deploy)/[\w./*-]*)`"
)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
CITED = re.compile(r"\b[Rr]ules? (\d+(?:(?:, | and | to )\d+)*)")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_path_that_a_document_names_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert [path for path in PATH.findall(text) if not any(ROOT.glob(path.rstrip("/")))] == []
    assert [link for link in LINK.findall(text) if not ((ROOT / name).parent / link).exists()] == []


def test_every_cited_rule_is_written_down() -> None:
    rows = re.findall(r"^\| (\d+) \|", (ROOT / "docs/rules.md").read_text(encoding="utf-8"), re.MULTILINE)
    cited = {
        number
        for folder in PRODUCT
        for path in (ROOT / folder).rglob("*.py")
        for found in CITED.findall(path.read_text(encoding="utf-8"))
        for number in re.findall(r"\d+", found)
    }
    assert cited
    assert cited <= set(rows)
