"""Critical findings, *Checks* and help pages in a browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from interconnect.domain.checks import ChecksResult
from interconnect.domain.findings import Finding, Severity, Subject, SubjectKind
from interconnect.state import observed
from interconnect.state.findings import LOOK, note_findings
from tests.browser.axe import axe_violations

if TYPE_CHECKING:
    from interconnect.models import Mesh
    from tests.e2e.conftest import Visitor

HERE = "/meshes/storefront/"
SILENT = Finding(
    "cluster.no-answer",
    Severity.CRITICAL,
    {"cluster": "spare", "violation": "kube.timeout"},
    subject=Subject(SubjectKind.CLUSTER, "spare"),
)
RULE = Finding("rule.missing", Severity.CRITICAL, subject=Subject(SubjectKind.RULE))
PENDING = Finding(
    "gateway.address-pending",
    Severity.WARNING,
    {"gateway": "eastwest-hangzhou-1", "cluster": "hangzhou", "reason": "SyncLoadBalancerFailed: quota exceeded"},
    subject=Subject(SubjectKind.GATEWAY, "hangzhou/1"),
)
STALE = [
    Finding(
        "pods.stale",
        Severity.WARNING,
        {"cluster": name, "pods": 31, "networks": ["old"], "workloads": 7},
        subject=Subject(SubjectKind.CLUSTER, name),
    )
    for name in ("frankfurt", "ireland", "taiwan")
]


def note(mesh: Mesh, *findings: Finding) -> None:
    note_findings(mesh, LOOK, findings, at=timezone.now())


def checked(mesh: Mesh) -> None:
    groups = ["1-onprem", "asia", "aws"]
    ways = {"aws": {"reach": "failed", "service": "echo.shop", "evidence": ["203.0.113.7:15443 refused"]}}
    result = {
        "at": timezone.now().isoformat(),
        "groups": groups,
        "told": {"asia": "uug", "1-onprem": "uur"},
        "asked": {"asia": "echo-1.shop", "1-onprem": "echo-1.shop"},
        "ways": ways,
        "evidence": {"1-onprem>aws": ["echo.shop", "10.0.0.7:8080"]},
    }
    observed.note_checks(mesh, ChecksResult.from_json(result))


def test_an_alert_comes_and_goes_with_the_polls_in_title_and_icon_too(visit: Visitor, mesh: Mesh) -> None:
    note(mesh)
    page = visit(HERE + "checks/")
    alert = page.get_by_role("alert", name="Critical findings")
    expect(alert).to_have_count(0)
    expect(page).to_have_title(re.compile("^storefront"))
    note(mesh, RULE)
    page.evaluate("document.dispatchEvent(new Event('refresh'))")
    expect(alert).to_contain_text("Gateway rule missing")
    expect(page).to_have_title(re.compile(r"^\(1\) storefront"))
    expect(page.locator("link[rel=icon]")).to_have_attribute("href", re.compile("mark-alert"))
    expect(page.get_by_role("link", name=re.compile("Checks.*1 critical"))).to_be_visible()
    alert.get_by_role("button", name="Dismiss").click()
    expect(alert).to_have_count(0)
    expect(page).to_have_title(re.compile("^storefront"))
    expect(page.locator("link[rel=icon]")).not_to_have_attribute("href", re.compile("mark-alert"))


def test_a_finding_is_silenced_from_the_alert_and_the_silence_ended(visit: Visitor, mesh: Mesh) -> None:
    note(mesh, SILENT, RULE)
    page = visit(HERE + "checks/")
    alert = page.get_by_role("alert", name="Critical findings")
    alert.get_by_role("button", name="Silence").click()
    dialog = page.get_by_role("dialog", name="Silence")
    dialog.get_by_role("checkbox", name="Gateway rule missing").uncheck()
    dialog.get_by_role("textbox", name="Reason").fill("maintenance until Friday")
    dialog.get_by_role("button", name="Silence").click()
    expect(dialog).to_be_hidden()
    expect(alert).not_to_contain_text("spare")
    silence = page.get_by_role("row", name=re.compile("maintenance until Friday"))
    silence.get_by_role("button", name=re.compile("End silence")).click()
    expect(silence).to_have_count(0)
    expect(alert).to_contain_text("spare")


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (1440, "dark"), (390, "light")])
def test_axe_finds_nothing_wrong_with_findings_and_their_pages(
    visit: Visitor, mesh: Mesh, width: int, theme: str
) -> None:
    note(mesh, SILENT, RULE, PENDING, *STALE)
    checked(mesh)
    page = visit(HERE, width=width, theme=theme)
    found: dict[str, list[str]] = {}
    for path in (
        HERE,
        "/meshes/",
        HERE + "checks/?from=1-onprem&to=aws",
        HERE + "checks/?by=cluster",
        HERE + "checks/?code=pods.stale",
        HERE + "silences/add/",
        "/help/findings/",
        "/help/findings/group.no-way-in",
    ):
        page.goto(path)
        found[path] = axe_violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert {path: problems for path, problems in found.items() if problems} == {}
