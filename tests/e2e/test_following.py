"""A page follows what happens by itself, says it aloud, and keeps the focus where a person put it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from interconnect.domain.changes import Remove
from interconnect.models import Mesh, RolloutStatus, StepStatus
from tests.support import shop

if TYPE_CHECKING:
    from tests.e2e.conftest import Visitor

HERE = "/meshes/storefront/"


def test_start_and_end_of_a_rollout_are_said_aloud(visit: Visitor, mesh: Mesh) -> None:
    page = visit(HERE)
    announcer = page.locator("#announcer")
    expect(announcer).to_be_empty()
    rollout = shop.started(mesh, Remove("aws"))
    page.evaluate("document.dispatchEvent(new Event('refresh'))")
    expect(announcer).to_have_text("Remove aws from the interconnect")
    shop.end(rollout, RolloutStatus.SUCCEEDED, StepStatus.SUCCEEDED)
    expect(announcer).to_have_text("Remove aws from the interconnect: succeeded")
