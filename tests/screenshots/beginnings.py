"""An installation in which nothing is registered yet, the parts of the pages, and meshes of which there is nothing to
tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.screenshots.story import act, scene

if TYPE_CHECKING:
    from tests.screenshots.stage import Stage


@scene("meshes", fresh=True)
def meshes_none(on: Stage) -> None:
    on.go("meshes")


@scene("gallery", fresh=True)
def gallery(on: Stage) -> None:
    on.go("gallery")


@scene(fresh=True)
def administration(on: Stage) -> None:
    on.page.goto(f"{on.url}/admin/")


@scene("meshes", person="nobody")
def meshes_of_nobody(on: Stage) -> None:
    on.go("meshes")


@scene("interconnect")
def interconnect_blank(on: Stage) -> None:
    on.go("interconnect", "blank")


@scene("topology")
def topology_blank(on: Stage) -> None:
    on.go("topology", "blank")


@scene("clusters")
def clusters_blank(on: Stage) -> None:
    on.go("clusters", "blank")


@scene("rollouts")
def rollouts_blank(on: Stage) -> None:
    on.go("rollouts", "blank")


@scene("checks")
def checks_blank(on: Stage) -> None:
    on.go("checks", "blank")


@scene("activity")
def activity_blank(on: Stage) -> None:
    on.go("activity", "blank")


@scene("members")
def members_blank(on: Stage) -> None:
    on.go("members", "blank")


@scene("join")
def join_blank(on: Stage) -> None:
    on.go("join", "blank")


@scene("interconnect", whole=False)
def interconnect_large(on: Stage) -> None:
    on.go("interconnect", "continent")


@scene("topology")
def topology_large(on: Stage) -> None:
    on.go("topology", "continent")


@scene("clusters", whole=False)
def clusters_large(on: Stage) -> None:
    on.go("clusters", "continent")


@scene(whole=False)
def menu_language(on: Stage) -> None:
    on.go("meshes")
    on.menu("#language-menu")


@scene(whole=False)
def menu_theme(on: Stage) -> None:
    on.go("meshes")
    on.menu("#theme-menu")


@scene(whole=False)
def menu_account(on: Stage) -> None:
    on.go("meshes")
    on.menu("#user-menu")


@scene("mesh-register")
def mesh_register(on: Stage) -> None:
    on.go("mesh-register")


@scene("mesh-register")
def mesh_register_refused(on: Stage) -> None:
    on.go("mesh-register")
    on.page.locator("[name=name]").fill("Not A Name")
    on.page.locator("[name=kubeconfig]").fill("kind: Config")
    on.page.locator("[value=check]").click()
    expect(on.page.locator("[aria-invalid=true]").first).to_be_visible()


@act
def the_demo_is_made(on: Stage) -> None:
    on.house.wait_for_the_demo()
    for person, role in (("vera", "Viewer"), ("omar", "Operator")):
        on.go("members", "storefront")
        on.page.locator("[name=username]").fill(person)
        on.page.locator("[name=role]").select_option(role)
        on.page.get_by_role("button", name="Save").click()
        expect(on.page.get_by_role("row", name=person)).to_be_visible()


@scene("meshes")
def meshes(on: Stage) -> None:
    on.go("meshes")


@scene("interconnect")
def interconnect_disabled(on: Stage) -> None:
    on.go("interconnect", "playground")


@scene("interconnect")
def interconnect_not_hosted(on: Stage) -> None:
    on.go("interconnect", "legacy")


@scene("mesh-register-check")
def mesh_register_found(on: Stage) -> None:
    on.go("mesh-register")
    on.page.locator("[name=name]").fill("prod")
    on.page.locator("[name=kubeconfig]").fill(on.house.kubeconfig(on.house.spare_hub))
    on.page.locator("[value=check]").click()
    expect(on.page.locator("#report-title")).to_be_visible()
