"""Silences end by themselves, are limited and audited; a dismissal holds until the critical findings change."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.utils import timezone

from interconnect.domain.findings import Finding, Severity, Subject, SubjectKind
from interconnect.domain.refusal import Refused
from interconnect.models import Finding as Row
from interconnect.models import Mesh, Silence
from interconnect.services.silences import LONGEST, alert_dismiss, silence_add, silence_end
from interconnect.state.findings import LOOK, alarming, digest_of, dismissed, forget_old, note_findings
from meshconsole.access.actor import Actor
from meshconsole.access.roles import Role
from meshconsole.audit.models import Entry
from tests.support import shop

OMAR, VERA = Actor("omar", Role.OPERATOR), Actor("vera", Role.VIEWER)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def mesh() -> Mesh:
    return shop.new_mesh("storefront")


def silent(name: str, severity: Severity = Severity.CRITICAL) -> Finding:
    return Finding("cluster.no-answer", severity, {"cluster": name}, subject=Subject(SubjectKind.CLUSTER, name))


def note(mesh: Mesh, *findings: Finding) -> None:
    note_findings(mesh, LOOK, findings, at=timezone.now())


def alarms(mesh: Mesh) -> list[str]:
    return [row.subject for row in alarming([mesh], timezone.now())[mesh.id]]


def silence(
    mesh: Mesh, *subjects: str, actor: Actor = OMAR, until: datetime | None = None, reason: str = "maintenance"
) -> Silence:
    return silence_add(
        actor=actor,
        mesh=mesh,
        code="cluster.no-answer",
        subjects=[f"cluster/{name}" for name in subjects],
        until=until or timezone.now() + HOUR,
        reason=reason,
    )


def test_a_silenced_subject_raises_no_alert_and_others_do(mesh: Mesh) -> None:
    note(mesh, silent("a"), silent("b"), silent("c", Severity.WARNING))
    silence(mesh, "a")
    assert alarms(mesh) == ["b"]


def test_a_silence_without_subjects_covers_later_ones(mesh: Mesh) -> None:
    note(mesh, silent("a"))
    silence(mesh)
    note(mesh, silent("a"), silent("b"))
    assert alarms(mesh) == []


def test_a_silence_of_one_mesh_is_none_of_another(mesh: Mesh) -> None:
    other = shop.new_mesh("lab")
    note(other, silent("a"))
    silence(mesh)
    assert alarms(other) == ["a"]


def test_a_silence_ends_by_itself(mesh: Mesh) -> None:
    note(mesh, silent("a"))
    silence(mesh, "a")
    with time_machine.travel(timezone.now() + 2 * HOUR, tick=False):
        shop.look_centrally(mesh)
        assert alarms(mesh) == ["a"]


def test_a_silence_that_is_ended_early_raises_the_alert_again(mesh: Mesh) -> None:
    note(mesh, silent("a"))
    made = silence(mesh, "a")
    silence_end(actor=OMAR, silence=made)
    assert alarms(mesh) == ["a"]
    with pytest.raises(Refused) as again:
        silence_end(actor=OMAR, silence=made)
    assert [each.code for each in again.value.violations] == ["silence.ended"]


@pytest.mark.parametrize(
    ("after", "reason", "code"),
    [
        (LONGEST + HOUR, "why", "silence.until"),
        (-HOUR, "why", "silence.until"),
        (HOUR, "  ", "silence.no-reason"),
        (HOUR, "\u202e\u200b", "silence.no-reason"),
    ],
)
def test_a_silence_has_an_end_and_a_reason(mesh: Mesh, after: timedelta, reason: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        silence(mesh, until=timezone.now() + after, reason=reason)
    assert [each.code for each in refused.value.violations] == [code]
    assert not Silence.objects.exists()


def test_a_viewer_silences_nothing_and_the_attempt_is_recorded(mesh: Mesh) -> None:
    with pytest.raises(Refused):
        silence(mesh, actor=VERA)
    assert Entry.objects.get().outcome == Entry.Outcome.REFUSED


def test_silencing_and_ending_are_recorded_with_reason_and_subjects(mesh: Mesh) -> None:
    silence_end(actor=OMAR, silence=silence(mesh, "a"))
    entries = {entry.action: entry for entry in Entry.objects.all()}
    assert entries.keys() == {"silence.add", "silence.end"}
    params = entries["silence.add"].params
    assert (params["reason"], params["subjects"]) == ("maintenance", ["cluster/a"])
    assert entries["silence.end"].params["reason"] == "maintenance"


def test_findings_that_ended_long_ago_are_deleted(mesh: Mesh, settings: Any) -> None:
    note(mesh, silent("a"), silent("b"))
    note(mesh, silent("b"))
    forget_old()
    assert Row.objects.count() == 2
    with time_machine.travel(timezone.now() + timedelta(days=settings.MESHCONSOLE_FINDING_DAYS, seconds=1)):
        forget_old()
    assert [row.subject for row in Row.objects.all()] == ["b"]


def test_a_dismissal_holds_for_one_person_until_the_set_changes(mesh: Mesh) -> None:
    users = get_user_model().objects
    ada, omar = (users.create_user(name) for name in ("ada", "omar"))
    note(mesh, silent("a"))
    seen = digest_of(alarming([mesh], timezone.now())[mesh.id])
    alert_dismiss(user_id=ada.pk, mesh=mesh, digest=seen)
    assert (dismissed(ada.pk, [mesh]), dismissed(omar.pk, [mesh])) == ({mesh.id: seen}, {})
    note(mesh, silent("a"), silent("b"))
    assert digest_of(alarming([mesh], timezone.now())[mesh.id]) != seen


def test_an_alert_that_was_dismissed_comes_back_with_the_fault(mesh: Mesh) -> None:
    note(mesh, silent("a"))
    seen = digest_of(alarming([mesh], timezone.now())[mesh.id])
    note(mesh)
    note(mesh, silent("a"))
    assert digest_of(alarming([mesh], timezone.now())[mesh.id]) != seen


def test_an_alert_that_was_dismissed_comes_back_when_somebody_else_has_caused_it(mesh: Mesh) -> None:
    def edited(by: str, times: int) -> Finding:
        return Finding("rule.changed", Severity.CRITICAL, {"owners": [by], "times": times})

    digests = []
    for each in (edited("helm", 1), edited("helm", 2), edited("kubectl", 2)):
        note(mesh, each)
        digests.append(digest_of(alarming([mesh], timezone.now())[mesh.id]))
    assert digests[0] == digests[1] != digests[2]
