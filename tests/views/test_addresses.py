"""The step of the addresses: every answer to a POST is a page of its own, a draft stays dropped, and twice is once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse

from interconnect.domain.topology import Address, GatewayKey
from interconnect.models import JoinDraft, Rollout
from interconnect.services import drafts
from interconnect.state import desired
from tests.support import shop

if TYPE_CHECKING:
    from interconnect.models import Mesh

OFFERED = Address("203.0.113.8", 15443, GatewayKey("taiwan", 1))


def url(mesh: Mesh, name: str) -> str:
    return reverse(name, kwargs={"name": mesh.name})


def test_added_addresses_are_on_a_page_that_back_and_reload_find(as_ada: Any, mesh: Mesh) -> None:
    as_ada.post(url(mesh, "join"), {"group": "asia"})
    step = url(mesh, "join-addresses")
    sent = {"asia-hand": "|old.example|1", "asia-host": "new.example", "asia-port": "2", "add": "asia"}
    answer = as_ada.post(step, sent)
    assert answer.status_code == 302 and answer.headers["Location"].startswith(step)
    for _look in range(2):
        form = as_ada.get(answer.headers["Location"]).context["forms"]["asia"]
        assert form["chosen"].value() == ["|new.example|2"] and form.hand_values == ["|new.example|2", "|old.example|1"]
    assert as_ada.get(step).context["forms"]["asia"].hand_values == []


def test_a_refused_step_is_shown_by_a_page_with_what_was_typed(as_ada: Any, mesh: Mesh) -> None:
    as_ada.post(url(mesh, "join"), {"group": "asia"})
    answer = as_ada.post(url(mesh, "join-addresses"), {"asia-host": "127.0.0.1", "asia-port": "15443"})
    assert answer.status_code == 302
    for _look in range(2):
        page = as_ada.get(answer.headers["Location"])
        assert "loopback" in page.content.decode() and 'value="127.0.0.1"' in page.content.decode()
    assert "csrf" not in as_ada.session[f"addresses.sent:{url(mesh, 'join-addresses')}"]


def test_nothing_ticked_is_told_by_a_page_too(as_ada: Any, mesh: Mesh) -> None:
    answer = as_ada.post(url(mesh, "join"), {})
    assert answer.status_code == 302
    assert "Select at least one group" in as_ada.get(answer.headers["Location"]).content.decode()


def test_a_dropped_draft_stays_dropped_whatever_another_tab_sends(ada: Any, mesh: Mesh) -> None:
    other_tab = drafts.draft_groups(mesh=mesh, user_id=ada.id, groups=["asia"])
    drafts.draft_drop(draft=JoinDraft.objects.get())
    drafts.draft_addresses(draft=other_tab, addresses={"asia": [OFFERED]}, topology=desired.load(mesh))
    assert not JoinDraft.objects.exists()


def test_an_update_that_is_sent_twice_is_one_change_and_leads_to_it(as_ada: Any, mesh: Mesh) -> None:
    address = url(mesh, "addresses-update") + "?group=aws"
    form = as_ada.get(address).context["forms"]["aws"]
    sent = {
        "aws-version": form.current_version,
        "aws-hand": "|mine.example|15443",
        "aws-chosen": ["|mine.example|15443"],
    }
    first = as_ada.post(address, sent)
    rollout = Rollout.objects.latest("created_at")
    second = as_ada.post(address, sent)
    assert str(rollout.id) in first.headers["Location"] and second.headers["Location"] == first.headers["Location"]
    assert Rollout.objects.latest("created_at") == rollout


def test_addresses_that_are_as_they_were_start_nothing(as_ada: Any, mesh: Mesh) -> None:
    shop.end(Rollout.objects.latest("created_at"), "succeeded", "succeeded")  # type: ignore[arg-type]
    address = url(mesh, "addresses-update") + "?group=aws"
    form = as_ada.get(address).context["forms"]["aws"]
    sent = {"aws-version": form.current_version, "aws-chosen": form["chosen"].value()}
    assert "haven&#x27;t changed" in as_ada.post(address, sent, follow=True).content.decode()
