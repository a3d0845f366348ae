"""Clusters in and out of a mesh: *prod*, on clusters that nobody knew; what is there already is adopted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.screenshots import foreign
from tests.screenshots.story import act, scene
from tests.support.tokens import jwt, with_token

if TYPE_CHECKING:
    from tests.screenshots.stage import Stage

HERE = "prod"


@act
def a_mesh_is_registered(on: Stage) -> None:
    on.go("mesh-register")
    on.page.locator("[name=name]").fill(HERE)
    on.page.locator("[name=kubeconfig]").fill(on.house.kubeconfig(on.house.spare_hub))
    on.page.locator("[value=conclude]").click()
    on.page.wait_for_url(f"**/{HERE}/")


@scene("cluster-register")
def cluster_register(on: Stage) -> None:
    on.go("cluster-register", HERE)


@scene("cluster-register-check")
def cluster_register_found(on: Stage) -> None:
    _fill(on, "member-a", "member-a")
    on.page.locator("[value=check]").click()
    expect(on.page.locator("#report-title")).to_be_visible()


@scene("cluster-register-check")
def cluster_register_refused(on: Stage) -> None:
    _fill(on, "somebody", "member-a")
    on.page.locator("[value=check]").click()
    expect(on.page.locator("[aria-invalid=true]").first).to_be_visible()


def _fill(on: Stage, name: str, kubeconfig: str) -> None:
    on.go("cluster-register", HERE)
    on.page.locator("[name=name]").fill(name)
    on.page.locator("[name=kubeconfig]").fill(on.house.kubeconfig(kubeconfig))


@act
def clusters_are_registered(on: Stage) -> None:
    for name in ("member-a", "member-b"):
        _fill(on, name, name)
        on.page.locator("[value=conclude]").click()
        expect(on.page.locator(f"#line-{name}")).to_be_visible()


@scene("cluster-credential")
def cluster_credential(on: Stage) -> None:
    on.go("cluster-credential", HERE, cluster="member-a")


@scene("cluster-credential-check")
def cluster_credential_refused(on: Stage) -> None:
    on.go("cluster-credential", HERE, cluster="member-a")
    on.page.locator("[name=kubeconfig]").fill(on.house.kubeconfig("member-b"))
    on.page.locator("[value=check]").click()
    expect(on.page.locator("[aria-invalid=true]").first).to_be_visible()


@scene("cluster-credential-check")
def cluster_credential_ends_soon(on: Stage) -> None:
    _offer(on, "member-a", days=12)
    expect(on.page.locator("#report-title")).to_be_visible()


@scene("cluster-credential-check")
def cluster_credential_ended(on: Stage) -> None:
    _offer(on, "member-b", days=-3)
    expect(on.page.locator("#report-title")).to_be_visible()


@scene("cluster-credential-check")
def cluster_credential_held(on: Stage) -> None:
    """*Replace* at once, and the check has found something that somebody should read first."""
    _offer(on, "member-b", days=-3, button="conclude")
    expect(on.page.locator("#report-title")).to_be_visible()


def _offer(on: Stage, cluster: str, *, days: int, button: str = "check") -> None:
    """A credential of the cluster that ends in so many days."""
    ends = datetime.now(UTC) + timedelta(days=days)
    on.go("cluster-credential", HERE, cluster=cluster)
    on.page.locator("[name=kubeconfig]").fill(with_token(on.house.kubeconfig(cluster), jwt(exp=int(ends.timestamp()))))
    on.page.locator(f"[value={button}]").click()


@act
def credentials_are_about_to_end(on: Stage) -> None:
    for cluster, days in (("member-a", 12), ("member-b", -3)):
        _offer(on, cluster, days=days)
        expect(on.page.locator("#report-title")).to_be_visible()
        on.page.locator("[value=conclude]").click()
        on.page.wait_for_url("**/clusters/")


@scene("clusters")
def clusters_with_ending_credentials(on: Stage) -> None:
    on.go("clusters", HERE)


@scene("interconnect")
def interconnect_with_ending_credentials(on: Stage) -> None:
    on.go("interconnect", HERE)
    expect(on.page.locator("#expiring")).to_be_visible()


@scene("cluster-pod-cidrs", whole=False)
def cluster_pod_cidrs(on: Stage) -> None:
    on.go("clusters", HERE)
    on.press("cluster-pod-cidrs", HERE, cluster="member-a")


@scene("cluster-unregister", whole=False)
def cluster_remove_from_mesh(on: Stage) -> None:
    on.go("clusters", HERE)
    on.press("cluster-unregister", HERE, cluster="member-b")


@scene("cluster-forget", whole=False)
def cluster_forget(on: Stage) -> None:
    on.go("clusters", HERE)
    on.press("cluster-forget", HERE, cluster="member-b")


@act
def the_rules_name_is_taken(on: Stage) -> None:
    foreign.create_gateway(on.house.kubeconfig(on.house.spare_hub), "cross-network-gateway", hosts=("*.example.com",))
    on.go("interconnect", HERE)
    on.press("enable", HERE)
    on.send()
    on.remember_the_rollout("adoption")
    on.settled("Failed")


@scene("rollout")
def rollout_that_may_adopt(on: Stage) -> None:
    on.rollout(HERE, "adoption")


@scene("rollout-retry", whole=False)
def rollout_adopt(on: Stage) -> None:
    rollout_that_may_adopt(on)
    on.asked("adopt")


@act
def it_is_adopted(on: Stage) -> None:
    rollout_that_may_adopt(on)
    on.decide("adopt")
    on.settled("Failed")
    on.decide("take-over")
    on.settled()


@scene("disable", whole=False)
def disable(on: Stage) -> None:
    on.go("interconnect", HERE)
    on.press("disable", HERE)


@scene("disable", whole=False)
def disable_with_another_phrase(on: Stage) -> None:
    disable(on)
    on.dialog.locator("[name=phrase]").fill("close it")
    on.send()
    expect(on.dialog.locator("[aria-invalid=true]")).to_be_visible()
