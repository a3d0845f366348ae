"""Critical findings above every page of a mesh and on *Meshes*, dismissed by a person or silenced for everybody."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from interconnect.cli import codes
from interconnect.cli.output import Output
from interconnect.cli.status import show_status
from interconnect.domain.changes import Remove
from interconnect.domain.findings import Finding, Severity, Subject, SubjectKind
from interconnect.models import Mesh, RolloutStatus, Silence, StepStatus
from interconnect.scope import scope_of
from interconnect.state.findings import LOOK, note_findings
from meshconsole.access.models import Binding
from meshconsole.access.roles import Role
from tests.support import shop
from tests.support.markup import flat

PAGES = ("clusters", "rollouts", "checks", "activity", "members", "mesh-settings")
BAR = 'aria-label="Critical findings"'


def silent(name: str) -> Finding:
    return Finding(
        "cluster.no-answer",
        Severity.CRITICAL,
        {"cluster": name, "violation": "kube.timeout"},
        subject=Subject(SubjectKind.CLUSTER, name),
    )


RULE = Finding("rule.missing", Severity.CRITICAL, subject=Subject(SubjectKind.RULE))
MILD = Finding("gateway.degraded", Severity.WARNING, subject=Subject(SubjectKind.GATEWAY, "taiwan/1"))


def note(mesh: Mesh, *findings: Finding) -> None:
    note_findings(mesh, LOOK, findings, at=timezone.now())


def shown(browser: Any, mesh: Mesh, name: str, **query: str) -> str:
    return flat(browser.get(reverse(name, kwargs={"name": mesh.name}), query).content.decode())


def dismiss(browser: Any, page: str) -> Any:
    seen = re.findall(r'name="seen" value="([^"]+)"', page)
    return browser.post(reverse("alerts-dismiss"), {"seen": seen})


@pytest.mark.parametrize("name", PAGES)
def test_critical_findings_are_on_every_page_of_their_mesh(as_ada: Any, mesh: Mesh, name: str) -> None:
    note(mesh, silent("spare"), silent("free"), RULE, MILD)
    page = shown(as_ada, mesh, name)
    assert BAR in page and "2 critical findings" in page and "(2) storefront" in page
    assert "Cluster doesn&#x27;t answer" in page and "spare" in page
    assert f"/meshes/{mesh.name}/checks/?code=cluster.no-answer" in page and "mark-alert" in page


def test_a_warning_raises_no_alert(as_ada: Any, mesh: Mesh) -> None:
    note(mesh, MILD)
    page = shown(as_ada, mesh, "activity")
    assert BAR not in page and "<title>storefront" in page and 'data-critical="0"' in page


def test_the_poll_of_a_page_brings_what_has_changed(as_ada: Any, mesh: Mesh) -> None:
    url, headers = (
        reverse("mesh-status", kwargs={"name": mesh.name}),
        {"HX-Request": "true", "HX-Target": "mesh-status"},
    )
    assert BAR not in as_ada.get(url, {"tab": "checks"}, headers=headers).content.decode()
    note(mesh, RULE)
    page = flat(as_ada.get(url, {"tab": "checks"}, headers=headers).content.decode())
    assert BAR in page and 'data-critical="1"' in page and "<html" not in page
    assert '/checks/" aria-current="page"' in page


def test_tabs_have_pips_for_critical_findings_and_a_failed_rollout(as_ada: Any, mesh: Mesh) -> None:
    assert "pip tone-bad" not in shown(as_ada, mesh, "activity")
    note(mesh, RULE)
    shop.end(shop.started(mesh, Remove("aws")), RolloutStatus.FAILED, StepStatus.FAILED, error_code="kube.timeout")
    context = as_ada.get(reverse("activity", kwargs={"name": mesh.name})).context
    assert (context["critical_pip"], context["failed_pip"]) == (1, 1)
    assert shown(as_ada, mesh, "activity").count("pip tone-bad") == 2


def test_dismissing_hides_the_alert_for_one_person_until_it_changes(
    client: Any, ada: Any, vera: Any, mesh: Mesh
) -> None:
    note(mesh, silent("spare"))
    client.force_login(vera)
    assert dismiss(client, shown(client, mesh, "activity")).status_code == 302
    page = shown(client, mesh, "activity")
    assert BAR not in page and "(1)" not in page and client.get("/meshes/").content.count(BAR.encode()) == 0
    client.force_login(ada)
    assert BAR in shown(client, mesh, "activity")
    client.force_login(vera)
    note(mesh, silent("spare"), RULE)
    assert "2 critical findings" in shown(client, mesh, "activity")


def test_the_tab_counts_what_is_open_also_once_dismissed(as_ada: Any, mesh: Mesh) -> None:
    note(mesh, silent("spare"), RULE)
    page = shown(as_ada, mesh, "activity")
    assert "(2) storefront" in page and pip_of(as_ada, mesh) == 2
    dismiss(as_ada, page)
    assert "(2)" not in shown(as_ada, mesh, "activity") and pip_of(as_ada, mesh) == 2
    note(mesh)
    assert pip_of(as_ada, mesh) == 0


def pip_of(browser: Any, mesh: Mesh) -> int:
    context = browser.get(reverse("activity", kwargs={"name": mesh.name})).context
    return int(context["critical_pip"])


def test_what_came_after_the_page_was_shown_is_not_dismissed(as_ada: Any, mesh: Mesh) -> None:
    note(mesh, silent("spare"))
    page = shown(as_ada, mesh, "activity")
    note(mesh, silent("spare"), RULE)
    dismiss(as_ada, page)
    assert BAR in shown(as_ada, mesh, "activity")


@pytest.mark.parametrize("seen", ["", "storefront", "storefront:xyz", "a" * 70])
def test_a_dismissal_that_no_page_sends_is_refused(as_ada: Any, mesh: Mesh, seen: str) -> None:
    assert as_ada.post(reverse("alerts-dismiss"), {"seen": seen}).status_code == 400


def test_nobody_dismisses_alerts_of_a_mesh_that_they_cannot_see(
    client: Any, mallory: Any, ada: Any, mesh: Mesh
) -> None:
    note(mesh, RULE)
    client.force_login(ada)
    page = shown(client, mesh, "activity")
    client.force_login(mallory)
    assert BAR not in client.get("/meshes/").content.decode()
    assert dismiss(client, page).status_code == 302
    client.force_login(ada)
    assert BAR in shown(client, mesh, "activity")


def test_the_list_of_meshes_shows_critical_findings_of_all_of_them(client: Any, pia: Any, mesh: Mesh) -> None:
    lab = shop.new_mesh("lab")
    note(mesh, RULE)
    note(lab, silent("edge"))
    client.force_login(pia)
    page = flat(client.get("/meshes/").content.decode())
    assert "(2) Meshes" in page and f'<a href="/meshes/{lab.name}/">lab</a>' in page
    assert dismiss(client, page).status_code == 302
    assert BAR not in client.get("/meshes/").content.decode() and BAR not in shown(client, mesh, "activity")


def test_what_the_console_itself_lacks_is_told_once_for_all_meshes(client: Any, pia: Any, mesh: Mesh) -> None:
    lab, _ten, _two = (shop.new_mesh(name) for name in ("lab", "mesh-10", "mesh-2"))
    client.force_login(pia)
    with time_machine.travel(timezone.now() + timedelta(minutes=10), tick=False):
        note(lab, RULE)
        answer = client.get("/meshes/")
    alerts = answer.context["alerts"]
    assert [(line.title, [each.name for each in line.meshes], bool(line.silence)) for line in alerts.lines] == [
        ("Nothing is being checked", ["lab", "mesh-2", "mesh-10", "storefront"], False),
        ("Gateway rule missing", ["lab"], True),
    ]
    page = flat(answer.content.decode())
    assert alerts.silence is None and "2 critical findings" in page and "/help/findings/console.standstill" in page


def test_the_alert_of_many_meshes_costs_as_many_queries_as_of_one(
    client: Any, ada: Any, mesh: Mesh, scope: str
) -> None:
    note(mesh, RULE)
    client.force_login(ada)
    client.get("/meshes/")
    with CaptureQueriesContext(connection) as few:
        client.get("/meshes/")
    for number in range(5):
        more = shop.new_mesh(f"more-{number}")
        Binding.objects.create(scope=scope_of(more.id), user=ada, role=Role.VIEWER)
        note(more, silent("edge"))
    with CaptureQueriesContext(connection) as many:
        page = flat(client.get("/meshes/").content.decode())
    assert "6 critical findings" in page and len(many) == len(few)


def test_silencing_from_the_alert_takes_it_away_for_everybody(client: Any, omar: Any, vera: Any, mesh: Mesh) -> None:
    note(mesh, silent("spare"), silent("free"))
    client.force_login(omar)
    url = reverse("silence-add", kwargs={"name": mesh.name})
    form = flat(client.get(url).content.decode())
    assert "Cluster doesn&#x27;t answer: spare" in form and form.count(" checked") == 2
    value = "cluster.no-answer cluster/spare"
    data = {"findings": [value], "hours": "8", "reason": "maintenance"}
    assert client.post(url, data).status_code == 302
    assert "Cluster doesn&#x27;t answer</a>:<strong>free</strong>" in shown(client, mesh, "activity")
    data["findings"] = ["cluster.no-answer cluster/free"]
    client.post(url, data)
    client.force_login(vera)
    assert BAR not in shown(client, mesh, "activity")
    checks = shown(client, mesh, "checks")
    assert "Silences" in checks and "maintenance" in checks and "Silenced" in checks
    counts = {tile.show: tile.count for tile in client.get(f"/meshes/{mesh.name}/checks/").context["tiles"]}
    assert (counts["all"], counts["silenced"]) == (1, 1)


def test_a_silence_is_ended_on_the_checks_page(as_ada: Any, mesh: Mesh) -> None:
    note(mesh, RULE)
    url = reverse("silence-add", kwargs={"name": mesh.name})
    as_ada.post(url, {"findings": ["rule.missing rule/"], "hours": "1", "reason": "known", "every": "on"})
    silence = Silence.objects.get()
    assert silence.subjects == [] and BAR not in shown(as_ada, mesh, "activity")
    end = reverse("silence-end", kwargs={"name": mesh.name, "silence_id": silence.id})
    assert as_ada.post(end).status_code == 302
    assert BAR in shown(as_ada, mesh, "activity") and 'id="silences"' not in shown(as_ada, mesh, "checks")
    assert as_ada.post(end).status_code == 302
    assert as_ada.post(reverse("silence-end", kwargs={"name": mesh.name, "silence_id": 999})).status_code == 404


def test_a_silence_without_reason_or_finding_says_what_is_missing(as_ada: Any, mesh: Mesh) -> None:
    note(mesh, RULE)
    url = reverse("silence-add", kwargs={"name": mesh.name})
    answer = as_ada.post(url, {"hours": "8"})
    assert answer.status_code == 422 and "Select at least one finding." in flat(answer.content.decode())
    assert not Silence.objects.exists()


def test_a_silence_that_a_second_tab_asks_for_again_is_there_already(as_ada: Any, mesh: Mesh) -> None:
    note(mesh, silent("spare"))
    url = reverse("silence-add", kwargs={"name": mesh.name})
    data = {"findings": ["cluster.no-answer cluster/spare"], "hours": "8", "reason": "maintenance"}
    assert as_ada.post(url, data).status_code == 302
    page = flat(as_ada.post(url, data, follow=True).content.decode())
    assert "Already silenced, or no longer open." in page and "choose from" not in page
    assert Silence.objects.count() == 1
    note(mesh, silent("spare"), RULE)
    answer = as_ada.post(url, data | {"findings": [*data["findings"], "rule.missing rule/"]})
    assert answer.status_code == 422 and "Already silenced, or no longer open." in flat(answer.content.decode())


@pytest.mark.parametrize(("opened", "on"), [("as a page", "silence-add"), ("as a dialog", "checks")])
def test_what_was_opened_as_a_page_leads_back_and_a_dialog_closes(
    as_ada: Any, mesh: Mesh, opened: str, on: str
) -> None:
    note(mesh, silent("spare"))
    url = reverse("silence-add", kwargs={"name": mesh.name})
    data = {"findings": ["cluster.no-answer cluster/spare"], "hours": "8", "reason": "maintenance"}
    current = f"https://console.example.org{reverse(on, kwargs={'name': mesh.name})}?code=cluster.no-answer"
    answer = as_ada.post(url, data, headers={"HX-Request": "true", "HX-Current-URL": current})
    assert answer.status_code == 204 and Silence.objects.count() == 1
    back = reverse("checks", kwargs={"name": mesh.name})
    assert answer.headers.get("HX-Redirect") == (back if opened == "as a page" else None)
    assert ("close-dialog" in answer.headers.get("HX-Trigger", "")) == (opened == "as a dialog")


def test_the_dialog_says_what_a_silence_does(as_ada: Any, mesh: Mesh) -> None:
    note(mesh, RULE, MILD)
    url = reverse("silence-add", kwargs={"name": mesh.name})
    answer = as_ada.get(url)
    page = flat(answer.content.decode())
    assert "While silenced, these findings alert nobody. They stay listed on Checks." in page
    assert "Warnings and infos don&#x27;t alert" not in page and answer.context["tab"] == "checks"
    assert "Warnings and infos don&#x27;t alert" in flat(as_ada.get(url, {"code": MILD.code}).content.decode())


def test_a_reason_that_shows_nothing_is_refused_beside_its_field(as_ada: Any, mesh: Mesh) -> None:
    note(mesh, RULE)
    url = reverse("silence-add", kwargs={"name": mesh.name})
    answer = as_ada.post(url, {"findings": ["rule.missing rule/"], "hours": "1", "reason": "\u202e\u200b"})
    assert answer.status_code == 422 and list(answer.context["form"].errors) == ["reason"]


def test_activity_tells_whom_a_silence_is_about_until_when_and_why(as_ada: Any, mesh: Mesh) -> None:
    note(mesh, silent("spare"), RULE)
    url = reverse("silence-add", kwargs={"name": mesh.name})
    as_ada.post(url, {"findings": ["cluster.no-answer cluster/spare"], "hours": "8", "reason": "a\u202eb"})
    as_ada.post(url, {"findings": ["rule.missing rule/"], "hours": "8", "reason": "an upgrade", "every": "on"})
    until = Silence.objects.get(code="rule.missing").until
    page, checks = shown(as_ada, mesh, "activity"), shown(as_ada, mesh, "checks")
    assert "Cluster doesn&#x27;t answer: spare · until " in page and "reason: a⟨U+202E⟩b" in page
    assert f"Gateway rule missing: all · until {until:%Y-%m-%d %H:%M} UTC · reason: an upgrade" in page
    assert f"{until:%Y-%m-%d %H:%M} UTC" in checks and "\u202e" not in checks


def test_status_says_what_is_silenced_and_does_not_alarm_with_it(as_ada: Any, mesh: Mesh) -> None:
    note(mesh, silent("spare"), MILD)
    assert status(mesh)[0] == codes.CRITICAL
    url = reverse("silence-add", kwargs={"name": mesh.name})
    as_ada.post(url, {"findings": ["cluster.no-answer cluster/spare"], "hours": "8", "reason": "maintenance"})
    ends, printed = status(mesh)
    (line,) = [each for each in printed.splitlines() if "No answer from spare" in each]
    assert ends == codes.OK and line.startswith("  - ") and "silenced until" in line
    ends, printed = status(mesh, as_json=True)
    until = {each["code"]: each["silenced_until"] for each in json.loads(printed)["findings"]}
    assert ends == codes.OK and until["cluster.no-answer"] and until["gateway.degraded"] is None


def test_status_says_when_what_nobody_can_see_now_was_last_seen(mesh: Mesh) -> None:
    note_findings(mesh, LOOK, [silent("spare")], at=timezone.now() - timedelta(hours=2))
    assert "last seen 2\xa0hours ago" in status(mesh)[1]


def status(mesh: Mesh, *, as_json: bool = False) -> tuple[int, str]:
    out = io.StringIO()
    return show_status(mesh, Output(out, out, as_json=as_json)), out.getvalue()
