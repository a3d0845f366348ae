"""A mesh that has been in use for a while, with what goes wrong in real life."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.screenshots import foreign
from tests.screenshots.story import act, scene

if TYPE_CHECKING:
    from tests.screenshots.stage import Stage

HERE = "storefront"


@scene("interconnect")
def interconnect(on: Stage) -> None:
    on.go("interconnect", HERE)


@scene("interconnect", person="vera")
def interconnect_for_a_viewer(on: Stage) -> None:
    on.go("interconnect", HERE)


@scene("interconnect")
def interconnect_searched_in_vain(on: Stage) -> None:
    on.go("interconnect", HERE, "q=nowhere")


@scene(whole=False)
def menu_of_a_joined_group(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.menu("#groups tr.level-1 [data-menu]")


@scene("rule", "look", whole=False)
def rule(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.press("rule", HERE)
    expect(on.dialog.locator("#look section")).to_be_visible()


@scene("rule")
def rule_as_a_page(on: Stage) -> None:
    on.go("rule", HERE)
    expect(on.page.locator("#look section")).to_be_visible()


@scene("disable", whole=False)
def disable_not_yet(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.press("disable", HERE)


@scene("restart-workloads", whole=False)
def restart_workloads(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.press("restart-workloads", HERE, "cluster=eu-west-2")
    on.planned()


@scene("addresses-update")
def addresses_update(on: Stage) -> None:
    on.page.goto(on.with_groups("addresses-update", HERE, "europe", "asia"))


@scene("addresses-update")
def addresses_update_refused(on: Stage) -> None:
    on.page.goto(on.with_groups("addresses-update", HERE, "europe"))
    for box in on.page.locator("[name$=chosen]").all():
        box.uncheck()
    on.page.locator(".sheet-foot .btn-primary").click()
    expect(on.page.locator(".field-error").first).to_be_visible()


@scene("interconnect-remove", whole=False)
def remove_asks(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.page.locator("#tick-america").check()
    on.page.locator("#button-remove").click()
    expect(on.dialog).to_be_visible()


@scene("interconnect-remove", whole=False)
def remove_asks_again(on: Stage) -> None:
    remove_asks(on)
    on.send()
    expect(on.dialog.locator("[name=restart]").first).to_be_visible()


@scene("topology")
def topology(on: Stage) -> None:
    on.go("topology", HERE)


@scene("clusters")
def clusters(on: Stage) -> None:
    on.go("clusters", HERE)


@scene(whole=False)
def menu_of_a_registered_cluster(on: Stage) -> None:
    on.go("clusters", HERE)
    on.menu("#live [data-menu]")


@act
def somebody_changes_the_rule_and_the_checks_are_run(on: Stage) -> None:
    foreign.change_the_rule(on.house.kubeconfig("storefront-hub"))
    on.go("checks", HERE)
    on.page.locator("#run-checks").click()
    expect(on.page.locator("#check-pairs")).to_be_visible(timeout=60_000)
    on.go("interconnect", HERE)
    expect(on.page.locator("#drift")).to_be_visible()


@scene("checks")
def checks(on: Stage) -> None:
    on.go("checks", HERE)


@scene("checks")
def checks_by_cluster_with_a_pair_open(on: Stage) -> None:
    on.go("checks", HERE)
    on.page.locator("#check-pairs .cell").first.click()
    expect(on.page.locator("#pair")).to_be_visible()
    on.page.locator(".tools .seg a").last.click()
    expect(on.page.locator("#pair")).to_be_visible()


@scene("silence-add", whole=False)
def silence(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.page.locator("#critical-findings .buttons button").last.click()
    expect(on.dialog).to_be_visible()


@scene("help-findings")
def help_findings(on: Stage) -> None:
    on.go("help-findings")


@scene("help-finding")
def help_finding(on: Stage) -> None:
    on.go("help-finding", code="rule.changed")


@scene("interconnect")
def interconnect_changed_by_others(on: Stage) -> None:
    on.go("interconnect", HERE)


@scene("rule", "look", whole=False)
def rule_changed_by_others(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.press("rule", HERE)
    expect(on.dialog.locator("#look .diff")).to_be_visible()


@scene("restore", whole=False)
def restore(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.press("restore", HERE)
    expect(on.dialog.locator("#decision-plan .diff").first).to_be_visible(timeout=90_000)


@scene("rollouts")
def rollouts(on: Stage) -> None:
    on.go("rollouts", "playground")


@scene("activity")
def activity(on: Stage) -> None:
    on.go("activity", "playground")


@scene("members")
def members(on: Stage) -> None:
    on.go("members", HERE)


@scene("members", person="vera")
def members_for_a_viewer(on: Stage) -> None:
    on.go("members", HERE)


@scene("mesh-settings")
def settings(on: Stage) -> None:
    on.go("mesh-settings", HERE)


@scene("mesh-delete")
def deleting_the_mesh(on: Stage) -> None:
    on.go("mesh-delete", HERE)


@scene("mesh-settings", person="vera")
def settings_for_a_viewer(on: Stage) -> None:
    on.go("mesh-settings", HERE)


@scene("mesh-credential")
def mesh_credential(on: Stage) -> None:
    on.go("mesh-credential", HERE)


@scene("mesh-credential-check")
def mesh_credential_found(on: Stage) -> None:
    on.go("mesh-credential", HERE)
    on.page.locator("[name=kubeconfig]").fill(on.house.kubeconfig("storefront-hub"))
    on.page.locator("[value=check]").click()
    expect(on.page.locator("#report-title")).to_be_visible()
