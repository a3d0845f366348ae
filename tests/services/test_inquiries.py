"""Questions to clusters that pages ask."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from interconnect.kube.errors import Temporary
from interconnect.models import Inquiry, InquiryStatus
from interconnect.services import inquiries
from interconnect.services.inquiries import answers, inquiry_of, inquiry_start, secret_of
from interconnect.services.refusal import Refused

pytestmark = pytest.mark.django_db


@answers("test.echo")
def echo(inquiry: Inquiry) -> dict[str, Any]:
    return {"said": inquiry.params["say"], "length": len(secret_of(inquiry))}


@answers("test.refused")
def refused(inquiry: Inquiry) -> dict[str, Any]:
    raise Refused.because("cluster.unknown", cluster="x")


@answers("test.silent")
def silent(inquiry: Inquiry) -> dict[str, Any]:
    raise Temporary("timeout", phase="connect")


@answers("test.broken")
def broken(inquiry: Inquiry) -> dict[str, Any]:
    raise ValueError("with a secret in it")


@answers("test.dead")
def dead(inquiry: Inquiry) -> dict[str, Any]:
    raise SystemExit


@answers("test.slow")
def slow(inquiry: Inquiry) -> dict[str, Any]:
    """Not answered before its lease has been prolonged three times."""
    seen, until = {inquiry.lease_until}, time.monotonic() + 30
    while len(seen) < 4 and time.monotonic() < until:
        seen.update(Inquiry.objects.filter(id=inquiry.id).values_list("lease_until", flat=True))
        time.sleep(0.01)
    leases = [lease for lease in seen if lease is not None]
    return {"prolonged": len(leases) - 1}


def test_an_answer_is_kept_for_whoever_asked_and_for_nobody_else(vera: Any, omar: Any) -> None:
    asked = inquiry_start(user_id=vera.id, kind="test.echo", params={"say": "hello"}, secret="hidden")
    assert "hidden" not in asked.sealed
    inquiries.answer(asked.id)
    found = inquiry_of(inquiry_id=asked.id, user_id=vera.id)
    assert found is not None
    assert (found.status, found.result) == (InquiryStatus.DONE, {"said": "hello", "length": 6})
    assert inquiry_of(inquiry_id=asked.id, user_id=omar.id) is None


@pytest.mark.parametrize(
    ("kind", "code"), [("test.refused", "cluster.unknown"), ("test.silent", "kube.timeout"), ("test.broken", "step.internal")]
)
def test_what_could_not_be_answered_says_why(vera: Any, kind: str, code: str) -> None:
    asked = inquiry_start(user_id=vera.id, kind=kind)
    inquiries.answer(asked.id)
    asked.refresh_from_db()
    assert (asked.status, [error["code"] for error in asked.errors]) == (InquiryStatus.FAILED, [code])
    assert "secret" not in str(asked.errors)


def test_an_inquiry_is_answered_once(vera: Any) -> None:
    asked = inquiry_start(user_id=vera.id, kind="test.echo", params={"say": "once"})
    inquiries.answer(asked.id)
    Inquiry.objects.filter(id=asked.id).update(params={"say": "twice"})
    inquiries.answer(asked.id)
    asked.refresh_from_db()
    assert asked.result["said"] == "once"


def test_an_inquiry_whose_worker_died_is_answered_by_another(vera: Any) -> None:
    asked = inquiry_start(user_id=vera.id, kind="test.echo", params={"say": "late"})
    Inquiry.objects.filter(id=asked.id).update(status=InquiryStatus.RUNNING, lease_until=timezone.now() - timedelta(seconds=1))
    inquiries.answer(asked.id)
    asked.refresh_from_db()
    assert asked.status == InquiryStatus.DONE


def test_a_worker_that_dies_is_missed_after_the_lease_that_steps_have_too(vera: Any, settings: Any) -> None:
    settings.MESHCONSOLE_LEASE_SECONDS = 5
    asked = inquiry_start(user_id=vera.id, kind="test.dead")
    with pytest.raises(SystemExit):
        inquiries.answer(asked.id)
    asked.refresh_from_db()
    assert asked.status == InquiryStatus.RUNNING
    assert asked.lease_until is not None
    assert timezone.now() < asked.lease_until < timezone.now() + timedelta(seconds=5.1)


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_takes_long_keeps_its_lease(vera: Any, settings: Any) -> None:
    settings.MESHCONSOLE_LEASE_SECONDS = 0.3
    asked = inquiry_start(user_id=vera.id, kind="test.slow")
    inquiries.answer(asked.id)
    asked.refresh_from_db()
    assert (asked.status, asked.result) == (InquiryStatus.DONE, {"prolonged": 3})


def test_after_a_quarter_of_an_hour_question_and_secret_are_gone(vera: Any) -> None:
    asked = inquiry_start(user_id=vera.id, kind="test.echo", params={"say": "old"}, secret="hidden")
    Inquiry.objects.filter(id=asked.id).update(asked_at=timezone.now() - timedelta(minutes=16))
    assert inquiry_of(inquiry_id=asked.id, user_id=vera.id) is None
    inquiries.sweep()
    assert not Inquiry.objects.filter(id=asked.id).exists()
