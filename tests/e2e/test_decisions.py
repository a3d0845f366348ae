"""What a person decides when the console does not go on by itself, pressed in a browser and carried out on simulated
clusters.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect

from interconnect.domain.changes import Enable
from interconnect.models import Inquiry, InquiryStatus, Mesh, Rollout
from interconnect.scope import scope_of
from interconnect.services import answering, watching
from interconnect.state import desired
from tests.e2e.refusals import creating
from tests.support import shop
from tests.support.world import SYSTEM, B
from tests.support.worlds import fleets, hasty, prepared, world

if TYPE_CHECKING:
    from tests.e2e.conftest import Visitor
    from tests.support.world import World

__all__ = ["fleets", "hasty", "prepared", "world"]
HERE = "/meshes/prod/"
RULE = "cross-network-gateway"


@pytest.fixture
def mesh(db: None) -> Mesh | None:
    return Mesh.objects.first()


@pytest.fixture
def scope(request: pytest.FixtureRequest) -> str:
    name = next((name for name in ("prepared", "world") if name in request.fixturenames), "")
    found: Any = request.getfixturevalue(name) if name else None
    return scope_of(found.mesh.id) if found else "somewhere"


def worker(page: Page) -> None:
    """Answers what the page has asked, or is about to."""
    until = time.monotonic() + 20
    while not (waiting := Inquiry.objects.filter(status=InquiryStatus.WAITING).first()):
        assert time.monotonic() < until, "nothing was asked"
        page.wait_for_timeout(50)
    answering.answer(waiting.id)


def decided(page: Page, name: str) -> None:
    """Through the dialog of the decision, once its plan has been made."""
    page.locator("main").get_by_role("button", name=name, exact=True).first.click()
    dialog = page.get_by_role("dialog", name=re.compile(f"^{name}"))
    verb = dialog.get_by_role("button", name=name, exact=True)
    expect(verb).to_be_disabled()
    worker(page)
    expect(verb).to_be_enabled()
    verb.click()


def put_their_rule(world: World) -> None:
    server = {
        "port": {"number": 15443, "name": "t", "protocol": "TLS"},
        "tls": {"mode": "AUTO_PASSTHROUGH"},
        "hosts": ["*.x"],
    }
    spec = {"selector": {"istio": "eastwestgateway"}, "servers": [server]}
    metadata = {"name": RULE, "namespace": SYSTEM}
    config = world.fleet.cluster(world.fleet.config)
    config.put({"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": metadata, "spec": spec})


def hosts_of_the_rule(world: World) -> list[str]:
    found: Any = world.fleet.cluster(world.fleet.config).get("Gateway", RULE, SYSTEM)
    return list(found["spec"]["servers"][0]["hosts"])


def test_a_rule_of_others_is_adopted_in_the_wizards_review(visit: Visitor, prepared: World) -> None:
    prepared.fleet.cluster(prepared.fleet.config).delete("Gateway", RULE, SYSTEM)
    put_their_rule(prepared)
    page = visit(HERE)
    page.get_by_role("link", name="Join interconnection").click()
    page.get_by_role("checkbox", name="green", exact=True).check()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("group", name="green", exact=True).get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Next").last.click()
    expect(page.get_by_text("Asking the clusters")).to_be_visible()
    worker(page)
    expect(page.get_by_text("exists and isn't ours").first).to_be_visible()
    ok = page.get_by_role("button", name="OK", exact=True).last
    expect(ok).to_be_disabled()
    for decision in ("Adopt", "Take over"):
        page.get_by_role("button", name=decision, exact=True).first.click()
        expect(page.get_by_text("Asking the clusters")).to_be_visible()
        worker(page)
        expect(page.get_by_text("Asking the clusters")).to_have_count(0)
        expect(page.get_by_text("Accepted. It is recorded").first).to_be_visible()
    ok.click()
    expect(page.get_by_role("heading", name="Join green")).to_be_visible()
    prepared.finish(Rollout.objects.latest("created_at"))
    expect(page.get_by_text("Succeeded", exact=True).first).to_be_visible()
    assert hosts_of_the_rule(prepared) == ["*.local"]


def test_a_rule_of_others_is_adopted_and_taken_over_from_the_rollouts_page(visit: Visitor, world: World) -> None:
    put_their_rule(world)
    rollout = world.do(Enable(), ends="failed")
    page = visit(f"{HERE}rollouts/{rollout.id}/")
    for decision, ends in (("Adopt", "failed"), ("Take over and retry", "succeeded")):
        decided(page, decision)
        expect(page.get_by_text("Queued", exact=True).first).to_be_visible()
        world.finish(rollout, ends)
    expect(page.get_by_text("Succeeded", exact=True).first).to_be_visible()
    assert hosts_of_the_rule(world) == ["*.local"]


def test_a_decision_begins_at_the_way_out_and_stays_there(visit: Visitor, world: World) -> None:
    """Also one that asks for a phrase, and also when the plan has come."""
    page = visit(f"{HERE}rollouts/{world.do(Enable()).id}/")
    page.locator("main").get_by_role("button", name="Revert").click()
    dialog = page.get_by_role("dialog", name=re.compile("^Revert"))
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    worker(page)
    expect(dialog.get_by_role("button", name="Plan again")).to_be_visible()
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()


@pytest.mark.parametrize("decision", ["Skip the restart", "Restart anyway"])
def test_a_restart_that_is_held_back_is_decided_upon(visit: Visitor, prepared: World, decision: str) -> None:
    prepared.fleet.fault("member-c", "refuse")
    rollout = prepared.do(prepared.join("green", B), ends="failed")
    page = visit(f"{HERE}rollouts/{rollout.id}/")
    decided(page, decision)
    expect(page.get_by_text("Queued", exact=True).first).to_be_visible()
    prepared.finish(rollout)
    expect(page.get_by_text("Succeeded", exact=True).first).to_be_visible()
    expect(page.get_by_role("button", name=decision)).to_have_count(0)


def test_what_others_have_changed_is_restored_from_the_pages_alert(visit: Visitor, prepared: World) -> None:
    config = prepared.fleet.cluster(prepared.fleet.config)
    found: Any = config.get("Gateway", RULE, SYSTEM)
    found["spec"]["servers"][0]["hosts"] = ["*.edited"]
    config.patch(
        "Gateway", RULE, {"spec": {"servers": found["spec"]["servers"]}}, namespace=SYSTEM, manager="kubectl-edit"
    )
    watching.look(prepared.mesh)
    page = visit(HERE)
    page.get_by_role("group", name="Changed by others").get_by_role("button", name="Restore").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Restore")).to_be_disabled()
    worker(page)
    expect(dialog.get_by_role("region", name="Difference").first).to_contain_text("*.edited")
    dialog.get_by_role("button", name="Restore").click()
    page.wait_for_url("**/rollouts/*-*/")
    prepared.finish(Rollout.objects.latest("created_at"))
    expect(page.get_by_text("Succeeded", exact=True).first).to_be_visible()
    assert hosts_of_the_rule(prepared) == ["*.local"]


def test_clusters_whose_pod_cidrs_overlap_are_put_into_one_group_knowingly(visit: Visitor, world: World) -> None:
    world.do(Enable())
    for name in ("member-a", "member-b"):
        shop.note_details(world.row(name), pod_cidrs=(("10.9.0.0/16", "pool"),))
    page = visit(HERE)
    dialog = creating(page, "twins")
    for name in ("member-a", "member-b"):
        dialog.get_by_role("checkbox", name=name).check()
    dialog.get_by_role("button", name="OK").click()
    expect(dialog.get_by_text("The override is recorded")).to_be_visible()
    dialog.get_by_role("button", name="Override").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("row", name="twins").first).to_be_visible()
    assert desired.load(world.mesh).groups["twins"].clusters == {"member-a", "member-b"}
