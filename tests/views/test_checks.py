"""*Checks*: open findings by code or cluster, what has changed, silences, and the matrix with its problems."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from interconnect.domain.checks import ChecksResult, Matrix, Reach, Told, Way
from interconnect.domain.findings import Finding, Severity, Subject, SubjectKind
from interconnect.domain.summary import Summary
from interconnect.models import Finding as FindingRow
from interconnect.models import Inquiry, Mesh, MeshObservation
from interconnect.state import observed
from interconnect.state.findings import CHECKS, LOOK, note_findings
from interconnect.views.parts import heat
from tests.support.markup import flat

if TYPE_CHECKING:
    from collections.abc import Sequence

OVERWRITTEN = {"kind": "Namespace", "name": "istio-system", "field": "label", "owners": ["helm"], "cluster": "taiwan"}
LABEL = Finding(
    "cluster.network-label",
    Severity.CRITICAL,
    OVERWRITTEN | {"violation": "drift.overwritten"},
    subject=Subject(SubjectKind.CLUSTER, "taiwan"),
)
PENDING = Finding(
    "gateway.address-pending",
    Severity.WARNING,
    {"gateway": "eastwest-hangzhou-1", "cluster": "hangzhou", "reason": "quota exceeded"},
    subject=Subject(SubjectKind.GATEWAY, "hangzhou/1"),
)


@pytest.fixture
def mesh(mesh: Mesh) -> Mesh:
    """The mesh, of which nothing has been found yet."""
    FindingRow.objects.filter(mesh=mesh).delete()
    return mesh


def silent(cluster: str) -> Finding:
    return Finding(
        "cluster.no-answer",
        Severity.CRITICAL,
        {"cluster": cluster, "violation": "kube.timeout"},
        subject=Subject(SubjectKind.CLUSTER, cluster),
    )


def page(browser: Any, mesh: Mesh, **query: str) -> Any:
    return browser.get(reverse("checks", kwargs={"name": mesh.name}), query)


def text(answer: Any) -> str:
    return flat(answer.content.decode())


def found(mesh: Mesh, *findings: Finding, at: datetime | None = None, source: str = LOOK, keeps: bool = False) -> None:
    note_findings(mesh, source, findings, at=at or timezone.now(), keeps=lambda _finding: keeps)


def checked(
    mesh: Mesh, told: dict[str, str], reach: str = "served", groups: Sequence[str] = ("1-onprem", "asia", "aws")
) -> None:
    ways = {
        "aws": {"reach": reach, "service": "echo.shop.svc.cluster.local", "evidence": ["203.0.113.7:15443 refused"]}
    }
    asked = dict.fromkeys(told, "echo-1.shop")
    at = timezone.now().isoformat()
    result = {"at": at, "findings": [], "groups": list(groups), "told": told, "ways": ways, "asked": asked}
    observed.note_checks(mesh, ChecksResult.from_json(result))


def codes(answer: Any) -> list[str]:
    return [line.code for line in answer.context["lines"]]


def test_a_finding_has_title_code_subject_evidence_and_its_fix(as_ada: Any, mesh: Mesh) -> None:
    found(mesh, PENDING, LABEL)
    answer = page(as_ada, mesh)
    assert codes(answer) == ["cluster.network-label", "gateway.address-pending"]
    shown = text(answer)
    assert "Network label changed" in shown and "was changed by helm" in shown
    assert "quota exceeded" in shown and "/help/findings/cluster.network-label" in shown
    label, pending = answer.context["lines"]
    assert [str(action.label) for action in label.actions] == ["Restore", "Silence"]
    assert [subject.about.url for subject in label.subjects] == [f"/meshes/{mesh.name}/clusters/?q=taiwan#line-taiwan"]
    assert [subject.about.url for subject in pending.subjects] == [f"/meshes/{mesh.name}/?q=hangzhou"]


def test_without_a_finding_the_page_says_that_all_is_well(as_ada: Any, mesh: Mesh) -> None:
    MeshObservation.objects.filter(mesh=mesh).update(summary={})
    assert "Results appear within a minute" in text(page(as_ada, mesh))
    summary = Summary(looked_at=timezone.now()).to_json()
    MeshObservation.objects.filter(mesh=mesh).update(summary=summary)
    assert "No findings. Everything matches the desired state." in text(page(as_ada, mesh))


def test_a_code_is_one_line_with_all_its_subjects(as_ada: Any, mesh: Mesh) -> None:
    names = [f"member-{number}" for number in range(15)]
    found(mesh, *map(silent, names))
    (line,) = page(as_ada, mesh).context["lines"]
    assert [subject.about.name for subject in line.subjects] == names[:12] and line.more == 3
    (place,) = page(as_ada, mesh, code="cluster.no-answer").context["places"]
    assert [entry.about.name for entry in place[1]] == names


def test_a_code_of_two_severities_is_two_lines(as_ada: Any, mesh: Mesh) -> None:
    mild = Finding("cluster.no-answer", Severity.WARNING, {}, subject=Subject(SubjectKind.CLUSTER, "free"))
    found(mesh, silent("spare"), mild)
    assert [(line.code, line.mark.tone) for line in page(as_ada, mesh).context["lines"]] == [
        ("cluster.no-answer", "bad"),
        ("cluster.no-answer", "warn"),
    ]


def test_findings_by_cluster_stand_together_the_worst_first(as_ada: Any, mesh: Mesh) -> None:
    found(mesh, PENDING, LABEL)
    places = page(as_ada, mesh, by="cluster").context["places"]
    assert [(place, [entry.code for entry in entries]) for place, entries in places] == [
        ("taiwan", ["cluster.network-label"]),
        ("hangzhou", ["gateway.address-pending"]),
    ]


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("critical", ["cluster.network-label"]),
        ("warning", ["gateway.address-pending"]),
        ("info", []),
        ("silenced", []),
        ("nonsense", ["cluster.network-label", "gateway.address-pending"]),
    ],
)
def test_a_tile_filters_and_keeps_its_number(as_ada: Any, mesh: Mesh, show: str, expected: list[str]) -> None:
    found(mesh, PENDING, LABEL)
    answer = page(as_ada, mesh, show=show)
    assert codes(answer) == expected
    counts = {tile.show: tile.count for tile in answer.context["tiles"]}
    assert counts == {"all": 2, "critical": 1, "warning": 1, "info": 0, "new": 2, "ended": 0, "silenced": 0}


@pytest.mark.parametrize("sought", ["network-label", "TAIWAN", "Network label"])
def test_search_finds_code_title_and_subject(as_ada: Any, mesh: Mesh, sought: str) -> None:
    found(mesh, PENDING, LABEL)
    assert codes(page(as_ada, mesh, q=sought)) == ["cluster.network-label"]


def test_changes_are_counted_since_the_last_full_check(as_ada: Any, mesh: Mesh) -> None:
    before = timezone.now() - timedelta(hours=1)
    found(mesh, PENDING, silent("spare"), silent("free"), at=before)
    checked(mesh, {})
    found(mesh, silent("spare"), silent("hangzhou"), LABEL)
    answer = page(as_ada, mesh)
    changes = {line.code: line.change for line in answer.context["lines"]}
    assert changes == {"cluster.no-answer": "+1 subject, −1 subject", "cluster.network-label": "new"}
    ended = page(as_ada, mesh, show="ended")
    entries = [entry for _place, entries in ended.context["places"] for entry in entries]
    assert {(entry.code, entry.about.name) for entry in entries} == {
        ("gateway.address-pending", "eastwest-hangzhou-1"),
        ("cluster.no-answer", "free"),
    }
    assert all(entry.ended_at for entry in entries)


def test_a_finding_that_is_back_has_not_ended(as_ada: Any, mesh: Mesh) -> None:
    for findings in ([PENDING], [], [PENDING]):
        found(mesh, *findings)
    assert page(as_ada, mesh, show="ended").context["places"] == []


def test_what_nobody_can_see_now_says_when_it_was_last_seen(as_ada: Any, mesh: Mesh) -> None:
    now = timezone.now()
    found(mesh, LABEL, silent("spare"), PENDING, at=now - timedelta(hours=2))
    found(mesh, LABEL, silent("free"), keeps=True)
    lines = {line.code: line for line in page(as_ada, mesh).context["lines"]}
    assert lines["cluster.network-label"].last_seen is None
    assert lines["gateway.address-pending"].last_seen == now - timedelta(hours=2)
    no_answer = lines["cluster.no-answer"]
    assert no_answer.last_seen is None
    assert {each.about.name: each.last_seen and now - each.last_seen for each in no_answer.subjects} == {
        "spare": timedelta(hours=2),
        "free": None,
    }
    shown = text(page(as_ada, mesh))
    assert shown.count("Last seen") == 2
    places = page(as_ada, mesh, code="gateway.address-pending").context["places"]
    assert [entry.last_seen for _place, entries in places for entry in entries] == [now - timedelta(hours=2)]


def test_several_findings_about_one_subject_count_as_one_subject(as_ada: Any, mesh: Mesh) -> None:
    several = [replace(silent("spare"), detail=detail) for detail in ("a", "b")]
    found(mesh, *several, silent("free"))
    answer = page(as_ada, mesh)
    assert answer.context["subject_count"] == 2 == len(answer.context["lines"][0].subjects)


def test_a_silent_cluster_is_told_once(as_ada: Any, mesh: Mesh) -> None:
    found(mesh, silent("spare"))
    unchecked = Finding(
        "preflight.not-checked", Severity.WARNING, {"cluster": "spare"}, subject=Subject(SubjectKind.CLUSTER, "spare")
    )
    found(mesh, unchecked, source=CHECKS)
    assert codes(page(as_ada, mesh)) == ["cluster.no-answer"]


def test_a_fix_that_needs_another_role_says_so(client: Any, vera: Any, mesh: Mesh) -> None:
    found(mesh, LABEL)
    client.force_login(vera)
    (line,) = page(client, mesh).context["lines"]
    assert all("role" in action.reasons[0] for action in line.actions)


FIXES = [
    ("cluster.refuses-us", SubjectKind.CLUSTER, "taiwan", "Replace credential", "/clusters/taiwan/credential/"),
    ("control-plane.refuses-us", SubjectKind.CONTROL_PLANE, "", "Replace credential", "/settings/credential/"),
    (
        "gateway.address-changed",
        SubjectKind.GATEWAY,
        "frankfurt/1",
        "Update address",
        "/interconnect/addresses/?group=aws",
    ),
    ("pods.stale", SubjectKind.CLUSTER, "taiwan", "Restart workloads", "/restart-workloads/?cluster=taiwan"),
    ("gateway.not-injected", SubjectKind.GATEWAY, "taiwan/1", "Restart gateway", "/restart/"),
    ("gateway.budget-blocks", SubjectKind.GATEWAY, "taiwan/1", "Edit gateway", "/edit/"),
    ("networks.source-unknown", SubjectKind.ISTIOD, "istiod", "Open settings", "/settings/"),
    ("group.no-way-in", SubjectKind.GROUP, "aws", "Open group", "/?q=aws"),
]


@pytest.mark.parametrize(("code", "kind", "name", "label", "url"), FIXES, ids=[fix[0] for fix in FIXES])
def test_a_finding_leads_to_where_it_is_fixed(
    as_ada: Any, mesh: Mesh, code: str, kind: SubjectKind, name: str, label: str, url: str
) -> None:
    found(mesh, Finding(code, Severity.WARNING, {}, subject=Subject(kind, name)))
    (line,) = page(as_ada, mesh).context["lines"]
    assert str(line.actions[0].label) == label and line.actions[0].url.endswith(url)


def test_a_subject_that_is_gone_leaves_the_finding_without_a_fix(as_ada: Any, mesh: Mesh) -> None:
    found(mesh, Finding("pods.stale", Severity.WARNING, {}, subject=Subject(SubjectKind.CLUSTER, "gone")))
    (line,) = page(as_ada, mesh).context["lines"]
    assert [str(action.label) for action in line.actions] == ["Silence"]


def cells(answer: Any) -> dict[tuple[str, str], Any]:
    shown = (cell for _source, row in answer.context["heat"].rows for cell in row)
    return {(cell.pair.source, cell.pair.target): cell for cell in shown if cell}


def test_a_few_groups_are_shown_whole_with_verdict_and_both_signals(as_ada: Any, mesh: Mesh) -> None:
    checked(mesh, {"asia": "uug", "1-onprem": "uur"}, reach="failed")
    answer = page(as_ada, mesh)
    shown = cells(answer)
    assert len(shown) == 6
    assert [str(shown["asia", "aws"].verdict), str(shown["aws", "asia"].verdict)] == ["Fails", "Not joined"]
    assert shown["asia", "aws"].pair.disagree and not shown["1-onprem", "aws"].pair.disagree
    tally = answer.context["heat"].tally
    assert (tally.pairs, tally.problems, tally.disagree) == (6, 2, 1)
    assert "Through gateways" in text(answer) and "Didn't answer" in answer.content.decode().replace("&#x27;", "'")


def test_the_open_pair_names_both_signals_cause_and_remedy(as_ada: Any, mesh: Mesh) -> None:
    checked(mesh, {"asia": "uug"}, reach="failed")
    answer = page(as_ada, mesh, **{"from": "asia", "to": "aws"})
    detail = answer.context["heat"].detail
    assert "203.0.113.7:15443 connection closed" in detail.reach_evidence and detail.disagree
    (reason,) = detail.reasons
    assert reason.cause.startswith("A gateway of aws closed the connection") and "gateway rule" in reason.remedy
    assert str(detail.back.verdict) == "Not joined"


def test_the_open_pair_shows_the_way_back_with_both_signals(as_ada: Any, mesh: Mesh) -> None:
    checked(mesh, {"asia": "uug", "aws": "ugu"}, reach="failed")
    answer = page(as_ada, mesh, **{"from": "aws", "to": "asia"})
    back = answer.context["heat"].detail.back
    assert (back.pair.source, back.pair.target, str(back.state.text)) == ("asia", "aws", "Fails")
    assert back.signals == "Through gateways, Didn't answer"
    assert "Way back" in text(answer) and "asia → aws</a>" in text(answer) and "from=asia&amp;to=aws" in text(answer)


@pytest.mark.parametrize("query", [{"from": "asia"}, {"from": "asia", "to": "asia"}, {"from": "gone", "to": "aws"}])
def test_a_pair_that_is_none_is_not_opened(as_ada: Any, mesh: Mesh, query: dict[str, str]) -> None:
    checked(mesh, {"asia": "uug"})
    assert page(as_ada, mesh, **query).context["heat"].detail is None


def test_where_nothing_could_be_asked_the_control_plane_is_unknown(as_ada: Any, mesh: Mesh) -> None:
    checked(mesh, {"asia": "uuu"})
    pair = cells(page(as_ada, mesh))["1-onprem", "aws"].pair
    assert pair.told is Told.UNKNOWN and not pair.problem


def test_a_group_that_came_since_the_checks_is_there_and_unknown(as_ada: Any, mesh: Mesh) -> None:
    checked(mesh, {"asia": "g"}, groups=["aws"])
    assert len(cells(page(as_ada, mesh))) == 6


def test_of_many_groups_only_pairs_with_problems_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, str]] = []
    pair_of = heat.pair_of

    def noted(source: str, target: str, *rest: Any) -> Any:
        made.append((source, target))
        return pair_of(source, target, *rest)

    monkeypatch.setattr(heat, "pair_of", noted)
    names = [f"group-{number}" for number in range(60)]
    matrix = Matrix(
        {("group-1", "group-2"): Told.RAW, ("group-3", "group-2"): Told.ABSENT, ("group-1", "group-4"): Told.MIXED},
        ways={name: Way(Reach.SERVED) for name in names},
        asked={"group-1": "proxy", "group-3": "proxy"},
    )
    stored = ChecksResult.from_json(ChecksResult(timezone.now(), tuple(names), matrix=matrix).to_json())
    shown = heat.heat(many(names), stored, QueryDict(""))
    assert shown is not None
    assert (shown.targets, [source for source, _cells in shown.rows]) == (
        ("group-2", "group-4"),
        ["group-1", "group-3"],
    )
    assert (shown.tally.pairs, shown.tally.problems, len(made)) == (60 * 59, 3, 4)


def test_all_pairs_of_many_groups_are_paged_problems_first() -> None:
    names = [f"group-{number}" for number in range(60)]
    stored = ChecksResult(timezone.now(), tuple(names), matrix=Matrix({("group-30", "group-20"): Told.RAW}))
    first = heat.heat(many(names), stored, QueryDict("pairs=all"))
    last = heat.heat(many(names), stored, QueryDict("pairs=all&targets=5&members=3"))
    assert first is not None and last is not None
    assert (first.targets[:2], first.rows[0][0], len(first.rows)) == (("group-20", "group-0"), "group-30", 25)
    assert (last.targets[-1], last.rows[-1][0], last.columns.paginator.num_pages) == ("group-59", "group-59", 5)


def test_of_a_few_groups_problems_are_shown_alone_where_asked(as_ada: Any, mesh: Mesh) -> None:
    checked(mesh, {"asia": "uug"}, reach="failed")
    assert page(as_ada, mesh).context["heat"].shown == "all"
    answer = page(as_ada, mesh, pairs="problems")
    assert set(cells(answer)) == {("asia", "aws"), ("1-onprem", "aws")}
    assert page(as_ada, mesh, pairs="nonsense").context["heat"].shown == "all"


def many(names: Sequence[str]) -> Any:
    return SimpleNamespace(groups={name: SimpleNamespace(joined=True) for name in names})


def test_an_operator_runs_the_checks_and_a_viewer_is_told_why_not(
    client: Any, omar: Any, vera: Any, mesh: Mesh
) -> None:
    run = reverse("checks-run", kwargs={"name": mesh.name})
    client.force_login(vera)
    assert page(client, mesh).context["run"].reasons and client.post(run).status_code == 403
    client.force_login(omar)
    assert not page(client, mesh).context["run"].reasons
    assert client.post(run).status_code == 302
    client.post(run)
    assert Inquiry.objects.filter(kind="checks").count() == 1
    answer = page(client, mesh)
    assert "Checking the clusters…".encode() in answer.content and answer.context["progress"] == (0, 6)


def test_a_code_that_no_version_knows_is_no_error(as_ada: Any, mesh: Mesh) -> None:
    found(mesh, Finding("gone.code", Severity.WARNING))
    assert "gone.code" in text(page(as_ada, mesh))


def test_findings_are_downloaded_as_they_are_shown(as_ada: Any, mesh: Mesh) -> None:
    found(mesh, PENDING, LABEL)
    url = reverse("checks-csv", kwargs={"name": mesh.name})
    assert f"{url}?show=warning" in text(page(as_ada, mesh, show="warning"))
    answer = as_ada.get(url, {"show": "warning"})
    _head, row = csv.reader(answer.content.decode("utf-8-sig").splitlines())
    assert row[:5] == ["Warning", PENDING.code, "Gateway address pending", "eastwest-hangzhou-1", "hangzhou"]
    assert 'filename="storefront-findings.csv"' in answer.headers["Content-Disposition"]


def test_pairs_are_told_by_target_and_verdict_where_it_is_narrow(as_ada: Any, mesh: Mesh) -> None:
    checked(mesh, {"asia": "uug", "1-onprem": "uug", "aws": "uuu"}, reach="failed")
    lines = page(as_ada, mesh).context["heat"].lines
    told = {
        target: [(str(state.text), [cell.pair.source for cell in cells]) for state, cells in verdicts]
        for target, verdicts in lines
    }
    assert told["aws"] == [("Fails", ["1-onprem", "asia"])]
    assert told["asia"] == [("Not joined", ["1-onprem", "aws"])]
