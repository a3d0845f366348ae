"""Rules 11, 16 and 17 on rollouts as the browser refuses them: retry, cancel and revert, and what stands in the way of
a new one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Page, expect

from interconnect.domain.changes import AddCluster, CreateGroup, EditGateway, Remove
from interconnect.domain.steps import Phase, StepKind
from interconnect.domain.topology import GatewayKey, GatewaySpec
from interconnect.models import Cluster, Mesh, Rollout, RolloutKind, RolloutStatus, Step, StepStatus
from meshconsole.access.roles import Role
from tests.e2e.refusals import creating, greyed, ok, opened, told
from tests.support import shop

if TYPE_CHECKING:
    from tests.e2e.conftest import Visitor

HERE = "/meshes/storefront/"


def failed(mesh: Mesh) -> Rollout:
    rollout = shop.started(mesh, Remove("aws"))
    shop.end(rollout, RolloutStatus.FAILED, StepStatus.FAILED)
    return rollout


def page_of(visit: Visitor, rollout: Rollout, **who: str) -> Page:
    """As somebody left it open: it asks for nothing new while the test acts."""
    page = visit(f"{HERE}rollouts/{rollout.id}/", **who)
    page.evaluate("document.querySelectorAll('[data-poll]').forEach(element => element.removeAttribute('data-poll'))")
    return page


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).first.click()


def test_what_has_ended_or_is_under_way_again_is_neither_cancelled_nor_retried(visit: Visitor, mesh: Mesh) -> None:
    rollout = shop.started(mesh, Remove("aws"))
    page = page_of(visit, rollout)
    press(page, "Cancel")
    shop.end(rollout, RolloutStatus.FAILED, StepStatus.FAILED)
    press(page, "Cancel rollout")
    told(page.get_by_role("log", name="Notices"), "rollout.ended", rollout=str(rollout.id))
    page = page_of(visit, rollout)
    Rollout.objects.filter(id=rollout.id).update(status=RolloutStatus.SUCCEEDED)
    press(page, "Retry")
    told(page.get_by_role("log", name="Notices"), "rollout.not-failed", status="succeeded")


def test_a_failed_rollout_that_something_else_has_followed_is_not_retried(visit: Visitor, mesh: Mesh) -> None:
    rollout = failed(mesh)
    stale = page_of(visit, rollout)
    shop.settled(mesh, CreateGroup("later", frozenset({"free"})))
    press(stale, "Retry")
    told(stale.get_by_role("log", name="Notices"), "rollout.superseded", rollout=str(rollout.id))
    page = page_of(visit, rollout)
    greyed(page.get_by_role("button", name="Retry", exact=True), "rollout.superseded", rollout=str(rollout.id))


def test_a_change_that_changed_nothing_is_not_reverted(visit: Visitor, mesh: Mesh) -> None:
    page = page_of(visit, shop.settled(mesh, EditGateway(GatewayKey("taiwan", 1), GatewaySpec())))
    press(page, "Revert")
    told(page.get_by_role("log", name="Notices"), "rollout.nothing-to-revert")


def test_what_is_no_longer_newest_is_neither_reverted_nor_dismissed(visit: Visitor, mesh: Mesh) -> None:
    rollout = failed(mesh)
    page = page_of(visit, rollout)
    Rollout.objects.filter(id=rollout.id).update(status=RolloutStatus.SUCCEEDED)
    press(page, "Dismiss")
    told(page.get_by_role("log", name="Notices"), "rollout.not-dismissed", rollout=str(rollout.id))
    newer = shop.settled(mesh, CreateGroup("later", frozenset({"free"})))
    press(page, "Revert")
    told(page.get_by_role("log", name="Notices"), "rollout.not-newest", rollout=str(newer.id))


def test_the_decisions_on_a_guarded_restart_are_greyed_for_who_may_not_make_them(
    visit: Visitor, mesh: Mesh, omar: Any
) -> None:
    rollout = failed(mesh)
    rollout.steps.update(status=StepStatus.SUCCEEDED)
    rollout.steps.filter(kind="restart").update(
        status=StepStatus.FAILED, error_code="restart.guard", error_params={"clusters": ["spare"]}
    )
    page = page_of(visit, rollout, name="omar")
    told(page.locator("main"), "restart.guard", clusters=["spare"])
    for name in ("Skip the restart", "Restart anyway"):
        greyed(page.get_by_role("button", name=name, exact=True), "role.missing", role=Role.MESH_ADMIN.slug)


def test_what_a_mesh_admin_has_left_undone_is_not_carried_out_along_with_an_operators_change(
    visit: Visitor, mesh: Mesh, omar: Any
) -> None:
    rollout = failed(mesh)
    page = visit(HERE, name="omar")
    dialog = creating(page, "mine", "free")
    ok(dialog)
    told(dialog, "rollout.leftovers", role=Role.MESH_ADMIN.slug, rollout=str(rollout.id), actor=rollout.actor)
    expect(dialog.get_by_role("textbox", name="Name")).to_have_value("mine")


def test_a_cluster_whose_workloads_are_being_restarted_keeps_its_group(visit: Visitor, mesh: Mesh) -> None:
    shop.settled(mesh, AddCluster("asia", "free"))
    uid = Cluster.objects.get(name="taiwan").uid
    running = Rollout.objects.create(
        mesh=mesh,
        kind=RolloutKind.WORKLOADS,
        exclusive=False,
        status=RolloutStatus.RUNNING,
        revision=mesh.revision,
        actor="wei",
    )
    Step.objects.create(
        rollout=running,
        phase=Phase.PREPARE,
        chain=uid,
        kind=StepKind.WORKLOADS,
        position=0,
        subject="wave 1",
        status=StepStatus.ACTIVE,
    )
    dialog = opened(visit(HERE), "cluster taiwan", "Move to another group")
    ok(dialog)
    told(dialog, "rollout.workloads-running", clusters=["taiwan"])


def test_a_rollout_that_cannot_be_found_is_no_page(visit: Visitor) -> None:
    page = visit(f"{HERE}rollouts/00000000-0000-4000-8000-000000000000/")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Back to meshes"))).to_be_visible()
