"""The join wizard, on *playground* with groups and gateways; a restart that is held back, and one that is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.screenshots.story import act, scene

if TYPE_CHECKING:
    from tests.screenshots.stage import Stage

HERE = "playground"


@scene("join")
def join_groups(on: Stage) -> None:
    on.go("join", HERE)


@scene("join-addresses")
def join_addresses(on: Stage) -> None:
    on.choose_groups(HERE, "europe", "japan")


@scene("join-addresses")
def join_addresses_refused(on: Stage) -> None:
    on.choose_groups(HERE, "europe")
    on.page.locator("[name=europe-host]").fill("127.0.0.1")
    on.page.locator("[name=add][value=europe]").click()
    expect(on.page.locator(".field-error").first).to_be_visible()


@act
def addresses_are_chosen(on: Stage) -> None:
    on.choose_groups(HERE, "europe", "japan")
    for group in ("europe", "japan"):
        on.page.locator(f"[name={group}-chosen]").first.check()
    on.house.fault("playground-hub", "latency", seconds=2.5)
    on.page.locator(".sheet-foot .btn-primary").click()
    on.page.wait_for_url("**/join/review/")


@scene("join-review")
def join_planning(on: Stage) -> None:
    on.go("join-review", HERE)
    expect(on.page.locator("#planning")).to_be_visible()


@act
def the_plan_is_made_without_a_cluster(on: Stage) -> None:
    on.house.fault("playground-hub", None)
    on.house.fault("berlin-2", "refuse")
    on.go("join-review", HERE)
    _planned(on)
    on.page.locator("#plan-again").click()
    expect(on.page.locator("[name=consent]").first).to_be_visible(timeout=60_000)


def _planned(on: Stage) -> None:
    expect(on.page.locator("#plan-again")).to_be_visible(timeout=60_000)


@scene("join-review")
def join_review(on: Stage) -> None:
    on.go("join-review", HERE)
    _planned(on)


@act
def what_stands_against_it_is_passed_over(on: Stage) -> None:
    join_review(on)
    while on.page.locator("[name=consent]").count():
        left = on.page.locator("[name=consent]").count()
        on.page.locator("[name=consent]").first.click()
        expect(on.page.locator("[name=consent]")).to_have_count(left - 1)


@scene("join-review")
def join_review_overridden(on: Stage) -> None:
    on.go("join-review", HERE)
    _planned(on)


@act
def it_is_joined_and_the_restart_held_back(on: Stage) -> None:
    join_review_overridden(on)
    on.page.locator("#review-ok").click()
    on.remember_the_rollout("join")
    on.settled("Failed")


@scene("rollout")
def rollout_held_back(on: Stage) -> None:
    on.rollout(HERE, "join")


@scene("rollout-retry", whole=False)
def rollout_retry_held_back(on: Stage) -> None:
    rollout_held_back(on)
    on.asked("retry")


@scene("rollout-retry", whole=False)
def rollout_skip_the_restart(on: Stage) -> None:
    rollout_held_back(on)
    on.asked("skip")


@scene("rollout-retry", whole=False)
def rollout_restart_anyway(on: Stage) -> None:
    rollout_held_back(on)
    on.asked("force")


@act
def the_cluster_answers_again(on: Stage) -> None:
    on.house.fault("berlin-2", None)
    rollout_held_back(on)
    on.decide("retry")
    on.remember_the_rollout("join")
    on.settled()


@scene("rollout")
def rollout_succeeded(on: Stage) -> None:
    on.rollout(HERE, "join")


@scene("rollout-revert", whole=False)
def rollout_revert(on: Stage) -> None:
    rollout_succeeded(on)
    on.asked("revert")


@scene("rollout-revert", whole=False)
def rollout_revert_confirm(on: Stage) -> None:
    rollout_revert(on)
    on.send()
    expect(on.dialog.locator("[name=restart]").first).to_be_visible()


@scene("interconnect")
def interconnect_joined(on: Stage) -> None:
    on.go("interconnect", HERE)
