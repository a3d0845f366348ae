"""From a mesh in which nothing is enabled to groups with gateways: *playground*."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.screenshots import foreign
from tests.screenshots.story import act, scene

if TYPE_CHECKING:
    from tests.screenshots.stage import Stage

HERE = "playground"
GATEWAY = "eastwest-virginia-1-1"


@act
def somebody_has_a_gateway_on_the_port(on: Stage) -> None:
    foreign.create_gateway(on.house.kubeconfig("playground-hub"), "istio-eastwestgateway")


@scene("enable", whole=False)
def enable(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.press("enable", HERE)
    expect(on.page.locator("#look .notice")).to_be_visible()


@scene("enable")
def enable_as_a_page(on: Stage) -> None:
    on.go("enable", HERE)
    expect(on.page.locator("#look .notice")).to_be_visible()


@act
def it_is_enabled(on: Stage) -> None:
    enable(on)
    on.send()
    on.remember_the_rollout("enabled")
    on.settled()


@scene("rollout")
def rollout_of_enabling(on: Stage) -> None:
    on.rollout(HERE, "enabled")


@scene("interconnect")
def interconnect_without_groups(on: Stage) -> None:
    on.go("interconnect", HERE)


@scene("group-create", whole=False)
def group_create(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.press("group-create", HERE)


@scene("group-create", whole=False)
def group_create_refused(on: Stage) -> None:
    _create_group(on, "Not A Name")
    expect(on.dialog.locator("[aria-invalid=true]").first).to_be_visible()


@act
def pod_cidrs_are_typed(on: Stage) -> None:
    for cluster in ("virginia-1", "osaka-1"):
        on.go("clusters", HERE)
        on.press("cluster-pod-cidrs", HERE, cluster=cluster)
        on.dialog.locator("[name=pod_cidrs]").fill("10.20.0.0/16")
        on.send()
        expect(on.dialog).to_have_count(0)


@scene("clusters")
def clusters_overlapping(on: Stage) -> None:
    on.go("clusters", HERE)


@scene("group-create", whole=False)
def group_create_overlapping(on: Stage) -> None:
    _create_group(on, "both", "virginia-1", "osaka-1")
    expect(on.dialog.locator("[name=accept]")).to_have_count(1)


def _create_group(on: Stage, name: str, *clusters: str) -> None:
    on.go("interconnect", HERE)
    on.press("group-create", HERE)
    on.dialog.locator("[name=name]").fill(name)
    for cluster in clusters:
        on.dialog.locator(f"[name=clusters][value={cluster}]").check()
    on.send()


@act
def a_group_is_created_while_a_cluster_does_not_answer(on: Stage) -> None:
    on.house.fault("berlin-2", "hang")
    _create_group(on, "europe", "berlin-1", "berlin-2")
    expect(on.dialog).to_have_count(0)
    on.page.locator("#rollout-strip a").click()
    on.remember_the_rollout("group")
    expect(on.page.locator("#live .state.tone-busy").first).to_be_visible()


@scene("rollout")
def rollout_running(on: Stage) -> None:
    on.rollout(HERE, "group")


@scene("interconnect")
def interconnect_running(on: Stage) -> None:
    on.go("interconnect", HERE)


@scene("rollout-cancel", whole=False)
def rollout_cancel(on: Stage) -> None:
    rollout_running(on)
    on.page.locator("#act-cancel-button").click()
    expect(on.dialog).to_be_visible()


@act
def it_is_cancelled(on: Stage) -> None:
    rollout_cancel(on)
    with on.page.expect_response("**/cancel/"):
        on.send()
    on.house.fault("berlin-2", None)
    on.settled("Cancelled")


@scene("rollout")
def rollout_cancelled(on: Stage) -> None:
    on.rollout(HERE, "group")


@scene("rollout-retry", whole=False)
def rollout_retry(on: Stage) -> None:
    rollout_cancelled(on)
    on.asked("retry")


@act
def it_is_tried_again_and_others_follow(on: Stage) -> None:
    rollout_cancelled(on)
    on.decide("retry")
    on.remember_the_rollout("group")
    on.settled()
    for name, cluster in (("america", "virginia-1"), ("japan", "osaka-1")):
        _create_group(on, name, cluster)
        _finished(on)


@scene(whole=False)
def toast(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.page.evaluate(
        "document.dispatchEvent(new CustomEvent('toast', {detail: {text: 'Started: Create group europe', "
        "tone: 'good'}}))"
    )
    on.page.evaluate(
        "document.dispatchEvent(new CustomEvent('toast', {detail: {text: document.body.dataset.textOffline, "
        "tone: 'bad'}}))"
    )


@scene("group-add-cluster", whole=False)
def group_add_cluster(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.press("group-add-cluster", HERE, group="america")


@scene("group-delete", whole=False)
def group_delete(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.press("group-delete", HERE, group="japan")


@scene("group-create-gateway", whole=False)
def gateway_create_in_group(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.press("group-create-gateway", HERE, group="europe")


@scene("cluster-create-gateway", whole=False)
def gateway_create_in_cluster(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.press("cluster-create-gateway", HERE, cluster="osaka-1")


@scene("group-create-gateway", whole=False)
def gateway_create_refused(on: Stage) -> None:
    gateway_create_in_group(on)
    on.dialog.locator("[name=annotations]").fill("no annotation")
    on.dialog.locator("[name=load_balancer_ip]").fill("somewhere")
    on.dialog.locator("[name=replicas]").fill("0")
    on.send()
    expect(on.dialog.locator("[aria-invalid=true]").first).to_be_visible()


@act
def gateways_are_created(on: Stage) -> None:
    for cluster, annotation in (
        ("berlin-1", ""),
        ("berlin-1", "simulator/pending: true"),
        ("virginia-1", ""),
        ("osaka-1", ""),
    ):
        on.go("interconnect", HERE)
        on.press("cluster-create-gateway", HERE, cluster=cluster)
        on.dialog.locator("[name=annotations]").fill(annotation)
        on.send()
        expect(on.dialog).to_have_count(0)
        _finished(on)


def _finished(on: Stage) -> None:
    """The newest rollout of the mesh has succeeded."""
    on.go("rollouts", HERE)
    on.page.locator("#live tbody a").first.click()
    on.page.wait_for_url("**/rollouts/*-*/")
    on.settled()


@scene("interconnect")
def interconnect_ready_to_join(on: Stage) -> None:
    on.go("interconnect", HERE)


@scene(whole=False)
def menu_of_a_group(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.menu("#groups tr.level-1 [data-menu]")


@scene(whole=False)
def menu_of_a_cluster(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.menu("#groups tr.level-2 [data-menu]")


@scene("gateway-edit", whole=False)
def gateway_edit(on: Stage) -> None:
    on.go("interconnect", HERE)
    _of_gateway(on, "edit")


@scene("cluster-edit-gateway", whole=False)
def gateway_edit_of_several(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.press("cluster-edit-gateway", HERE, cluster="berlin-1")


@scene("gateway-restart", whole=False)
def gateway_restart(on: Stage) -> None:
    on.go("interconnect", HERE)
    _of_gateway(on, "restart")
    on.planned()


@scene("gateway-delete", whole=False)
def gateway_delete(on: Stage) -> None:
    on.go("interconnect", HERE)
    _of_gateway(on, "delete")


def _of_gateway(on: Stage, verb: str, name: str = GATEWAY) -> None:
    """Follow an item of a gateway's menu. Groups may stand in any order: those with problems come first."""
    row = on.page.locator("tr").filter(has_text=name)
    item = row.locator(f'[hx-get*="/gateways/"][hx-get$="/{verb}/"]').first
    on.follow(str(item.get_attribute("hx-get")))


@scene("cluster-move", whole=False)
def cluster_move(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.press("cluster-move", HERE, cluster="berlin-1")


@scene("cluster-remove-from-group", whole=False)
def cluster_remove_from_group(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.press("cluster-remove-from-group", HERE, cluster="berlin-1")


@act
def somebody_takes_a_field_and_the_console_wants_it(on: Stage) -> None:
    foreign.take_replicas(on.house.kubeconfig("virginia-1"), GATEWAY, 3)
    gateway_edit(on)
    on.dialog.locator("[name=replicas]").fill("2")
    on.send()
    on.page.locator("#rollout-strip a").click()
    on.remember_the_rollout("conflict")
    on.settled("Failed")


@scene("rollout")
def rollout_with_a_conflict(on: Stage) -> None:
    on.rollout(HERE, "conflict")


@scene("interconnect")
def interconnect_failed(on: Stage) -> None:
    on.go("interconnect", HERE)


@scene("rollout-retry", whole=False)
def rollout_take_over(on: Stage) -> None:
    rollout_with_a_conflict(on)
    on.asked("take-over")


@act
def it_is_taken_over(on: Stage) -> None:
    rollout_with_a_conflict(on)
    on.decide("take-over")
    on.settled()
