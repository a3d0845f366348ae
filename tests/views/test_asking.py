"""Whoever asks too much is told so, on the page where it was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interconnect.domain.asking import MOST_OPEN_OF_ONE
from interconnect.models import Inquiry

if TYPE_CHECKING:
    from interconnect.models import Mesh

HTMX = {"HX-Request": "true", "HX-Target": "look"}


def test_a_viewer_who_queues_looks_is_told_what_to_do(client: Any, vera: Any, mesh: Mesh) -> None:
    client.force_login(vera)
    Inquiry.objects.bulk_create(
        Inquiry(kind="rule", mesh=mesh, user=vera, params={"n": n}) for n in range(MOST_OPEN_OF_ONE)
    )
    page = client.post(f"/meshes/{mesh.name}/rule/", headers=HTMX).content.decode()
    assert "Wait until one finishes, then try again" in page and "data-poll" not in page
    assert Inquiry.objects.filter(status="waiting").count() == MOST_OPEN_OF_ONE


def test_a_colleague_still_gets_an_answer(client: Any, vera: Any, omar: Any, mesh: Mesh) -> None:
    Inquiry.objects.bulk_create(Inquiry(kind="rule", mesh=mesh, user=vera, params={"n": n}) for n in range(100))
    client.force_login(omar)
    assert "Asking the clusters" in client.post(f"/meshes/{mesh.name}/rule/", headers=HTMX).content.decode()


def test_a_look_asked_again_waits_once(client: Any, vera: Any, mesh: Mesh) -> None:
    client.force_login(vera)
    for _ in range(3):
        assert client.post(f"/meshes/{mesh.name}/rule/", headers=HTMX).status_code == 200
    assert Inquiry.objects.count() == 1
