"""Every finding is explained on a page, in both languages, without anything that Markdown could smuggle in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation

from interconnect.domain import diagnosis, helping, preflight, verify
from interconnect.domain.findings import Finding, Severity, Subject, SubjectKind
from interconnect.domain.told import OF_A_JOIN
from interconnect.state.findings import LOOK, note_findings
from interconnect.views.parts import manual
from interconnect.wording import MESSAGES
from interconnect.wording.diagnosis import TITLES

if TYPE_CHECKING:
    from interconnect.models import Mesh

FOLDERS = {"en": "en", "zh-hans": "zh"}
# The beginnings of the codes of what a finding can be about.
CAUSES = ("kube.", "drift.", "writes.", "networks.", "injection.", "istiod.", "guard.", "gateway.other-network")
HEADINGS = {"en": ["What it means", "Example", "How to fix it"], "zh-hans": ["含义", "示例", "如何修复"]}


def source(code: str, language: str) -> str:
    return (settings.BASE_DIR / "docs" / FOLDERS[language] / "findings" / f"{code}.md").read_text(encoding="utf-8")


def test_every_code_that_checks_can_show_is_explained() -> None:
    shown = {*diagnosis.CODES, *preflight.CODES, *verify.CODES} - OF_A_JOIN
    assert {code for code in shown if not helping.page_of(code)} == set()
    assert helping.page_of("gone.code") == ""


def test_every_page_has_a_title_and_nothing_else_has() -> None:
    assert set(TITLES) == set(helping.PAGES)
    assert not set(helping.SAME) & set(helping.PAGES) and set(helping.SAME.values()) <= set(helping.PAGES)


@pytest.mark.parametrize("language", FOLDERS)
def test_there_is_a_file_for_every_page_and_no_other(language: str) -> None:
    folder = Path(settings.BASE_DIR) / "docs" / FOLDERS[language] / "findings"
    assert {path.stem for path in folder.iterdir()} == set(helping.PAGES)


@pytest.mark.parametrize("language", FOLDERS)
@pytest.mark.parametrize("code", helping.PAGES)
def test_a_page_says_what_it_means_with_an_example_and_the_fix(code: str, language: str) -> None:
    text = source(code, language)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS[language]
    html = manual.rendered(code, language)
    assert "<h2>" in html and "<blockquote>" in html and "<h1>" not in html


@pytest.mark.parametrize("code", helping.PAGES)
def test_the_english_title_of_a_page_is_that_of_the_finding(code: str) -> None:
    assert source(code, "en").splitlines()[0] == f"# {TITLES[code]}"


@pytest.mark.parametrize("language", FOLDERS)
@pytest.mark.parametrize("code", helping.PAGES)
def test_the_example_of_a_page_is_what_the_console_says(code: str, language: str) -> None:
    (example,) = re.findall(r"^> (.*)$", source(code, language), re.MULTILINE)
    with translation.override(language):
        said = (f"{code}.seen" if f"{code}.seen" in MESSAGES else code, f"{code}.said")
        told = [shape(name) for name in said if name in MESSAGES]
        assert any(re.fullmatch(each, example) for each in told), (example, told)


def shape(code: str) -> str:
    """A pattern of the sentence of a code, with any parameters. What it says of the cause is a sentence, too."""
    parts = re.split(r" ?%\((\w+)\)s", str(MESSAGES[code]))
    texts = [re.escape(part) for part in parts[::2]]
    return texts[0] + "".join(f"{_filled(name)}{text}" for name, text in zip(parts[1::2], texts[1:], strict=True))


def _filled(name: str) -> str:
    if name != "violation":
        return "(?:.*)"
    causes = (each for each in MESSAGES if each.startswith(CAUSES) and f"{each}.seen" not in MESSAGES)
    return f" ?(?:{'|'.join(shape(each) for each in causes if '%(violation)s' not in str(MESSAGES[each]))})"


def test_raw_html_is_shown_and_not_obeyed(tmp_path: Path, settings: Any) -> None:
    folder = tmp_path / "docs" / "en" / "findings"
    folder.mkdir(parents=True)
    (folder / "rule.missing.md").write_text("# T\n\n<script>alert(1)</script> [x](javascript:alert(1)) `<b>`\n")
    settings.BASE_DIR = tmp_path
    manual.rendered.cache_clear()
    try:
        html = manual.rendered("rule.missing", "zh-hans")
    finally:
        manual.rendered.cache_clear()
    assert "<script" not in html and "<a " not in html and "&lt;script&gt;" in html


def test_a_page_comes_in_the_frame_and_the_language_of_the_reader(as_ada: Any, mesh: Mesh) -> None:
    url = reverse("help-finding", kwargs={"code": "group.no-way-in"})
    assert url == "/help/findings/group.no-way-in"
    answer = as_ada.get(url)
    page = answer.content.decode()
    assert "How to fix it" in page and "No way into a joined group" in page and 'class="topbar"' in page
    assert "unsafe" not in answer.headers["Content-Security-Policy"] and " style=" not in page
    as_ada.cookies["django_language"] = "zh-hans"
    assert "如何修复" in as_ada.get(url).content.decode()


def test_a_code_that_shares_a_page_shows_it(as_ada: Any) -> None:
    page = as_ada.get(reverse("help-finding", kwargs={"code": "preflight.root-ca"})).content.decode()
    assert "Different root CAs" in page


@pytest.mark.parametrize("code", ["gone.code", "..", "..%2f..%2fREADME"])
def test_a_page_that_is_not_there_is_not_found(as_ada: Any, code: str) -> None:
    assert as_ada.get(f"/help/findings/{code}").status_code == 404


def test_the_index_lists_every_page(as_ada: Any) -> None:
    page = as_ada.get(reverse("help-findings")).content.decode()
    assert [code for code in helping.PAGES if f"/help/findings/{code}" not in page] == []


def test_help_is_for_anyone_who_is_signed_in(client: Any, mallory: Any) -> None:
    urls = [reverse("help-findings"), reverse("help-finding", kwargs={"code": "rule.missing"})]
    assert [client.get(url).status_code for url in urls] == [302, 302]
    client.force_login(mallory)
    assert [client.get(url).status_code for url in urls] == [200, 200]


def test_a_page_leads_to_where_the_finding_is_open_for_those_who_see_it(
    client: Any, ada: Any, mallory: Any, mesh: Mesh
) -> None:
    finding = Finding("cluster.no-answer", Severity.CRITICAL, subject=Subject(SubjectKind.CLUSTER, "spare"))
    note_findings(mesh, LOOK, [finding], at=timezone.now())
    url, link = reverse("help-finding", kwargs={"code": "cluster.no-answer"}), "/checks/?code=cluster.no-answer"
    client.force_login(ada)
    assert link in client.get(url).content.decode()
    client.force_login(mallory)
    assert link not in client.get(url).content.decode()
