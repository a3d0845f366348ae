"""Questions to clusters that pages ask."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from interconnect.domain.asking import MOST_AT_ONCE_IN_MESH, MOST_FAILED_CHECKS, MOST_OPEN_OF_ONE
from interconnect.domain.refusal import Refused
from interconnect.kube.errors import Temporary
from interconnect.models import CheckAttempt, Inquiry, InquiryStatus, Mesh
from interconnect.services import answering, checking, decisions, inquiries, looks, plans, registration
from interconnect.services.inquiries import (
    Kind,
    inquiry_drop,
    inquiry_keep,
    inquiry_of,
    inquiry_start,
    secret_of,
)
from tests.conftest import person
from tests.support import shop

pytestmark = pytest.mark.django_db


def echo(inquiry: Inquiry) -> dict[str, Any]:
    return {"said": inquiry.params["say"], "length": len(secret_of(inquiry))}


def refused(inquiry: Inquiry) -> dict[str, Any]:
    raise Refused.because("cluster.unknown", cluster="x")


def silent(inquiry: Inquiry) -> dict[str, Any]:
    raise Temporary("timeout", phase="connect")


def broken(inquiry: Inquiry) -> dict[str, Any]:
    raise ValueError("with a secret in it")


def dead(inquiry: Inquiry) -> dict[str, Any]:
    raise SystemExit


def slow(inquiry: Inquiry) -> dict[str, Any]:
    """Not answered before its lease has been prolonged three times."""
    seen, until = {inquiry.lease_until}, time.monotonic() + 30
    while len(seen) < 4 and time.monotonic() < until:
        seen.update(Inquiry.objects.filter(id=inquiry.id).values_list("lease_until", flat=True))
        time.sleep(0.01)
    leases = [lease for lease in seen if lease is not None]
    return {"prolonged": len(leases) - 1}


def shared(inquiry: Inquiry) -> dict[str, Any]:
    return {"asked": str(inquiry.id)}


def check(inquiry: Inquiry) -> dict[str, Any]:
    if inquiry.params["port"] != 443:
        raise Temporary("unreachable")
    return {}


GATE = threading.Event()


def held(inquiry: Inquiry) -> dict[str, Any]:
    assert GATE.wait(20)
    return {}


SEEN: list[tuple[Any, ...]] = []


def dropped(inquiry: Inquiry) -> dict[str, Any]:
    inquiry_drop(inquiry=inquiry)
    row = Inquiry.objects.get(id=inquiry.id)
    SEEN.append((row.status, row.sealed, row.params, inquiry_of(inquiry_id=inquiry.id, user_id=inquiry.user_id)))
    return {}


ECHO = Kind("test.echo")
REFUSED = Kind("test.refused")
SILENT = Kind("test.silent")
BROKEN = Kind("test.broken")
DEAD = Kind("test.dead")
SLOW = Kind("test.slow")
SHARED = Kind("test.shared", shared=True)
CHECK = Kind("test.check", check=True)
HELD = Kind("test.held")
DROPPED = Kind("test.dropped")
ANSWERS = {
    ECHO.name: echo,
    REFUSED.name: refused,
    SILENT.name: silent,
    BROKEN.name: broken,
    DEAD.name: dead,
    SLOW.name: slow,
    SHARED.name: shared,
    CHECK.name: check,
    HELD.name: held,
    DROPPED.name: dropped,
}


def said(inquiry: Inquiry) -> list[str]:
    inquiry.refresh_from_db()
    return [error["code"] for error in inquiry.errors]


def test_an_answer_is_kept_for_whoever_asked_and_for_nobody_else(vera: Any, omar: Any) -> None:
    asked = inquiry_start(user_id=vera.id, kind=ECHO, params={"say": "hello"}, secret="hidden")
    assert "hidden" not in asked.sealed
    answering.answer(asked.id, ANSWERS)
    found = inquiry_of(inquiry_id=asked.id, user_id=vera.id)
    assert found is not None
    assert (found.status, found.result) == (InquiryStatus.DONE, {"said": "hello", "length": 6})
    assert inquiry_of(inquiry_id=asked.id, user_id=omar.id) is None


@pytest.mark.parametrize(
    ("kind", "code"),
    [(REFUSED, "cluster.unknown"), (SILENT, "kube.timeout"), (BROKEN, "step.internal")],
)
def test_what_could_not_be_answered_says_why(vera: Any, kind: Kind, code: str) -> None:
    asked = inquiry_start(user_id=vera.id, kind=kind)
    answering.answer(asked.id, ANSWERS)
    asked.refresh_from_db()
    assert (asked.status, [error["code"] for error in asked.errors]) == (InquiryStatus.FAILED, [code])
    assert "secret" not in str(asked.errors)


def test_an_inquiry_is_answered_once(vera: Any) -> None:
    asked = inquiry_start(user_id=vera.id, kind=ECHO, params={"say": "once"})
    answering.answer(asked.id, ANSWERS)
    Inquiry.objects.filter(id=asked.id).update(params={"say": "twice"})
    answering.answer(asked.id, ANSWERS)
    asked.refresh_from_db()
    assert asked.result["said"] == "once"


def test_an_inquiry_whose_worker_died_is_answered_by_another(vera: Any) -> None:
    asked = inquiry_start(user_id=vera.id, kind=ECHO, params={"say": "late"})
    Inquiry.objects.filter(id=asked.id).update(
        status=InquiryStatus.RUNNING, lease_until=timezone.now() - timedelta(seconds=1)
    )
    answering.answer(asked.id, ANSWERS)
    asked.refresh_from_db()
    assert asked.status == InquiryStatus.DONE


def test_a_worker_that_dies_is_missed_after_the_lease_that_steps_have_too(vera: Any, settings: Any) -> None:
    settings.MESHCONSOLE_LEASE_SECONDS = 5
    asked = inquiry_start(user_id=vera.id, kind=DEAD)
    with pytest.raises(SystemExit):
        answering.answer(asked.id, ANSWERS)
    asked.refresh_from_db()
    assert asked.status == InquiryStatus.RUNNING
    assert asked.lease_until is not None
    assert timezone.now() < asked.lease_until < timezone.now() + timedelta(seconds=5.1)


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_takes_long_keeps_its_lease(vera: Any, settings: Any) -> None:
    settings.MESHCONSOLE_LEASE_SECONDS = 0.3
    asked = inquiry_start(user_id=vera.id, kind=SLOW)
    answering.answer(asked.id, ANSWERS)
    asked.refresh_from_db()
    assert (asked.status, asked.result) == (InquiryStatus.DONE, {"prolonged": 3})


def test_after_a_quarter_of_an_hour_question_and_secret_are_gone(vera: Any) -> None:
    asked = inquiry_start(user_id=vera.id, kind=ECHO, params={"say": "old"}, secret="hidden")
    Inquiry.objects.filter(id=asked.id).update(asked_at=timezone.now() - timedelta(minutes=16))
    assert inquiry_of(inquiry_id=asked.id, user_id=vera.id) is None
    inquiries.sweep()
    assert not Inquiry.objects.filter(id=asked.id).exists()


def test_the_same_question_of_one_person_waits_once(vera: Any) -> None:
    first, again = (inquiry_start(user_id=vera.id, kind=ECHO, params={"say": "hello"}) for _ in range(2))
    other = inquiry_start(user_id=vera.id, kind=ECHO, params={"say": "hello"}, secret="another")
    assert first.id == again.id != other.id


def test_equal_questions_of_several_people_are_answered_together(vera: Any, omar: Any) -> None:
    mine, theirs = (inquiry_start(user_id=each.id, kind=SHARED) for each in (vera, omar))
    answering.answer(mine.id, ANSWERS)
    for each, user in ((mine, vera), (theirs, omar)):
        found = inquiry_of(inquiry_id=each.id, user_id=user.id)
        assert found and (found.status, found.result) == (InquiryStatus.DONE, {"asked": str(mine.id)})


def test_what_is_asked_while_it_is_answered_waits_for_the_next_answer(vera: Any, omar: Any) -> None:
    mine = inquiry_start(user_id=vera.id, kind=SHARED)
    Inquiry.objects.filter(id=mine.id).update(
        status=InquiryStatus.RUNNING, lease_until=timezone.now() + timedelta(seconds=20)
    )
    theirs = inquiry_start(user_id=omar.id, kind=SHARED)
    answering.answer_next(ANSWERS)
    theirs.refresh_from_db()
    assert theirs.status == InquiryStatus.WAITING


def test_a_question_too_many_says_so_and_keeps_what_was_sent(vera: Any) -> None:
    for number in range(MOST_OPEN_OF_ONE):
        assert said(inquiry_start(user_id=vera.id, kind=ECHO, params={"say": number})) == []
    for number in range(12):
        refused = inquiry_start(user_id=vera.id, kind=ECHO, params={"say": f"more {number}"}, secret="kubeconfig")
    assert said(refused) == ["asking.person"]
    assert (refused.status, secret_of(refused)) == (InquiryStatus.FAILED, "kubeconfig")
    assert Inquiry.objects.count() <= MOST_OPEN_OF_ONE + inquiries.MOST_KEPT


def test_checks_that_find_no_cluster_are_limited_even_when_dropped(ada: Any, settings: Any) -> None:
    CheckAttempt.objects.bulk_create(CheckAttempt(user=ada, inquiry=uuid4()) for _ in range(MOST_FAILED_CHECKS - 1))
    asked = inquiry_start(user_id=ada.id, kind=CHECK, params={"port": 80})
    answering.answer(asked.id, ANSWERS)
    inquiry_drop(inquiry=asked)
    assert said(inquiry_start(user_id=ada.id, kind=CHECK, params={"port": 443})) == ["asking.checks"]
    CheckAttempt.objects.update(at=timezone.now() - timedelta(minutes=16))
    asked = inquiry_start(user_id=ada.id, kind=CHECK, params={"port": 443})
    answering.answer(asked.id, ANSWERS)
    assert said(asked) == [] and not CheckAttempt.objects.exists()


def test_what_is_dropped_counts_until_its_thread_is_free(vera: Any) -> None:
    asked = inquiry_start(user_id=vera.id, kind=DROPPED, params={"a": 1}, secret="hidden")
    answering.answer(asked.id, ANSWERS)
    assert SEEN.pop() == (InquiryStatus.RUNNING, "", {}, None)
    assert not Inquiry.objects.exists()


def test_what_is_only_kept_is_not_asked_and_does_not_pile_up(vera: Any) -> None:
    for number in range(10):
        kept = inquiry_keep(user_id=vera.id, kind="kubeconfig.kept", mesh=None, params={}, secret=f"secret {number}")
    assert (kept.status, secret_of(kept)) == (InquiryStatus.DONE, "secret 9")
    assert Inquiry.objects.count() == inquiries.MOST_KEPT
    assert not Inquiry.objects.filter(inquiries.due()).exists()


def flood(mesh: Mesh, people: int) -> None:
    """120 questions that do not end, of as many people as a mesh may have."""
    for number in range(people):
        user = person(f"{mesh.name}-{number}", None, "")
        rows = [
            Inquiry(kind=HELD.name, mesh=mesh, user=user, params={"n": n}, digest=f"{user.id}-{n}")
            for n in range(120 // people)
        ]
        Inquiry.objects.bulk_create(rows)


def left_running(bells: list[Future[None]], count: int) -> int:
    """How many questions are being answered once all but `count` bells have come to their end."""
    until = time.monotonic() + 30
    running = -1
    while time.monotonic() < until and (sum(not bell.done() for bell in bells) > count or running != count):
        running = Inquiry.objects.filter(status=InquiryStatus.RUNNING, kind=HELD.name).count()
        time.sleep(0.01)
    return running


@pytest.mark.django_db(transaction=True)
def test_one_mesh_cannot_keep_the_questions_of_another_waiting(vera: Any) -> None:
    GATE.clear()
    flood(shop.new_mesh("flooded"), people=10)
    other = inquiry_start(user_id=vera.id, kind=SHARED, mesh=shop.new_mesh("other"))
    with ThreadPoolExecutor(20) as pool:
        try:
            bells = [pool.submit(answering.answer_next, ANSWERS) for _ in range(20)]
            running = left_running(bells, MOST_AT_ONCE_IN_MESH)
            other.refresh_from_db()
        finally:
            GATE.set()
    assert (other.status, running) == (InquiryStatus.DONE, MOST_AT_ONCE_IN_MESH)


@pytest.mark.django_db(transaction=True)
def test_questions_take_a_part_of_the_threads_of_a_worker(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    GATE.clear()
    hands = threading.BoundedSemaphore(2)
    monkeypatch.setattr(answering, "_hands", lambda: hands)
    for name in ("one", "two", "three"):
        flood(shop.new_mesh(name), people=2)
    with ThreadPoolExecutor(10) as pool:
        try:
            running = left_running([pool.submit(answering.answer_next, ANSWERS) for _ in range(10)], 2)
        finally:
            GATE.set()
    assert running == 2


def test_every_kind_that_can_be_asked_has_an_answer() -> None:
    modules = (checking, decisions, looks, plans, registration)
    kinds = {value for module in modules for value in vars(module).values() if isinstance(value, Kind)}
    assert {kind.name for kind in kinds} == set(answering.ANSWERS) and len(kinds) == len(answering.ANSWERS)
