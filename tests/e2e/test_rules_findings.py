"""What a browser is refused about findings: a silence that somebody else has already ended."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from interconnect.services.silences import silence_add, silence_end
from meshconsole.access.actor import Actor
from tests.e2e.refusals import told

if TYPE_CHECKING:
    from interconnect.models import Mesh
    from tests.e2e.conftest import Visitor

ROOT = Actor.for_cli("root")


def test_a_silence_that_a_colleague_has_ended_is_not_ended_again(visit: Visitor, mesh: Mesh) -> None:
    until = timezone.now() + timedelta(hours=1)
    silence = silence_add(actor=ROOT, mesh=mesh, code="rule.missing", subjects=(), until=until, reason="an upgrade")
    page = visit("/meshes/storefront/checks/")
    row = page.get_by_role("row", name="an upgrade")
    silence_end(actor=ROOT, silence=silence)
    row.get_by_role("button", name="End silence").click()
    told(page.locator("body"), "silence.ended")
