"""Pages of a mesh of many clusters in a browser: what is searched for, filtered and opened."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from interconnect.domain.changes import CreateGroup
from interconnect.models import RolloutStatus, StepStatus
from tests.browser.axe import axe_violations
from tests.support import shop

if TYPE_CHECKING:
    from interconnect.models import Mesh, Rollout
    from tests.e2e.conftest import Visitor

HERE = "/meshes/storefront/"
NAMES = [f"member-{number:02}" for number in range(28)]


@pytest.fixture
def rollout(mesh: Mesh) -> Rollout:
    """28 groups of one cluster with a gateway each, being made; half of the clusters are done, one has failed, one
    works.
    """
    for number, name in enumerate(NAMES):
        shop.add_cluster(mesh, name, f"10.{100 + number}.0.0/16")
    rollout = shop.started(
        mesh, *(CreateGroup(f"group-of-{name}", frozenset({name})) for name in NAMES), *map(shop.gateway_in, NAMES)
    )
    uids = dict(mesh.clusters.values_list("name", "uid"))
    rollout.steps.filter(chain__in=[uids[name] for name in NAMES[:14]]).update(status=StepStatus.SUCCEEDED, attempts=1)
    rollout.steps.filter(chain=uids[NAMES[-1]], kind="label").update(
        status=StepStatus.FAILED, error_code="kube.timeout"
    )
    rollout.steps.filter(chain=uids[NAMES[-2]], kind="label").update(status=StepStatus.ACTIVE)
    rollout.__class__.objects.filter(id=rollout.id).update(status=RolloutStatus.RUNNING)
    return rollout


def test_a_large_rollout_is_searched_filtered_and_opened(visit: Visitor, rollout: Rollout) -> None:
    page = visit(f"{HERE}rollouts/{rollout.id}/")
    clusters = page.get_by_role("rowheader").and_(page.locator("[scope=rowgroup]"))
    expect(clusters.nth(0)).to_have_text(NAMES[-1])
    expect(clusters.nth(1)).to_have_text(NAMES[-2])
    page.get_by_role("link", name=re.compile("^Done")).click()
    expect(page.get_by_role("link", name=re.compile("^Done"))).to_have_attribute("aria-current", "true")
    expect(clusters).to_have_text(NAMES[:10])
    page.get_by_role("link", name=re.compile("Show all .* steps")).click()
    expect(clusters).to_have_text(NAMES[:14])
    page.go_back()
    expect(clusters).to_have_text(NAMES[:10])
    box = page.get_by_role("searchbox", name="Search clusters")
    box.press_sequentially("ber-12")
    expect(clusters).to_have_text([NAMES[12]])
    page.evaluate("document.dispatchEvent(new Event('refresh'))")
    expect(box).to_have_value("ber-12")
    expect(box).to_be_focused()
    expect(clusters).to_have_text([NAMES[12]])
    assert "q=ber-12" in page.url and "state=done" in page.url


def test_a_poll_keeps_what_a_large_rollout_was_searched_for(visit: Visitor, rollout: Rollout) -> None:
    page = visit(f"{HERE}rollouts/{rollout.id}/")
    page.get_by_role("searchbox", name="Search clusters").press_sequentially("ber-20")
    steps = page.locator("tr.level-2")
    count = rollout.steps.filter(chain=rollout.mesh.clusters.get(name="member-20").uid).count()
    expect(steps).to_have_count(count)
    rollout.steps.filter(chain=rollout.mesh.clusters.get(name="member-20").uid, kind="label").update(
        status=StepStatus.ACTIVE
    )
    expect(page.get_by_role("row", name=re.compile("Network label .* Running"))).to_be_visible()
    expect(steps).to_have_count(count)


def test_the_wizard_finds_a_group_among_many_and_keeps_the_ticks(visit: Visitor, mesh: Mesh, rollout: Rollout) -> None:
    shop.end(rollout, RolloutStatus.SUCCEEDED, StepStatus.SUCCEEDED)
    page = visit(f"{HERE}join/")
    page.get_by_role("checkbox", name="asia").check()
    box = page.get_by_role("searchbox", name="Search groups")
    box.fill("BER-27")
    expect(page.get_by_role("checkbox")).to_have_count(2)
    page.get_by_role("checkbox", name="group-of-member-27").check()
    box.fill("nowhere")
    expect(page.get_by_role("checkbox", name="asia")).to_be_checked()
    page.get_by_role("checkbox", name="asia").uncheck()
    page.get_by_role("checkbox", name="group-of-member-27").uncheck()
    box.fill("nowhere at all")
    expect(page.get_by_role("status").filter(has_text="No group or cluster matches.")).to_be_visible()
    box.fill("taiwan")
    page.get_by_role("checkbox", name="asia").check()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("group", name="asia")).to_be_visible()


def test_pages_of_many_clusters_have_no_accessibility_violation(visit: Visitor, rollout: Rollout) -> None:
    page = visit(f"{HERE}rollouts/{rollout.id}/")
    found = {}
    for path in (f"rollouts/{rollout.id}/", f"rollouts/{rollout.id}/?phase=10&page=2", "join/", "topology/", "?page=2"):
        page.goto(HERE + path)
        found[path] = axe_violations(page)
    assert not any(found.values()), found
