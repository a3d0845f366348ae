"""*Checks*: findings by cluster, and the matrix, problem pairs first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse

from interconnect.domain.checks import ChecksResult
from interconnect.models import Inquiry, Mesh, MeshObservation
from interconnect.state import observed
from tests.support import shop
from tests.support.markup import flat

if TYPE_CHECKING:
    from collections.abc import Sequence

OVERWRITTEN = {
    "code": "drift.overwritten",
    "params": {"cluster": "taiwan", "kind": "Namespace", "name": "istio-system", "field": "label", "owners": ["helm"]},
    "grave": True,
}
PENDING = {"code": "gateway.address-pending", "params": {"gateway": "eastwest-hangzhou-1"}, "grave": False}


def page(browser: Any, mesh: Mesh, **query: str) -> Any:
    return browser.get(reverse("checks", kwargs={"name": mesh.name}), query)


def found(mesh: Mesh, *findings: dict[str, Any]) -> None:
    MeshObservation.objects.filter(mesh=mesh).update(findings=list(findings))


def checked(
    mesh: Mesh, told: dict[str, str], reach: str = "served", groups: Sequence[str] = ("1-onprem", "asia", "aws")
) -> None:
    ways = {
        "aws": {"reach": reach, "service": "echo.shop.svc.cluster.local", "evidence": ["203.0.113.7:15443 refused"]}
    }
    asked = dict.fromkeys(told, "echo-1.shop")
    result = {
        "at": "2026-01-01T00:00:00+00:00",
        "findings": [],
        "groups": list(groups),
        "told": told,
        "ways": ways,
        "asked": asked,
    }
    observed.note_checks(mesh, ChecksResult.from_json(result))


def test_a_finding_has_code_cause_evidence_and_remedy_under_its_cluster(as_ada: Any, mesh: Mesh) -> None:
    found(mesh, PENDING, OVERWRITTEN)
    answer = page(as_ada, mesh)
    places = answer.context["places"].object_list
    # The silent cluster, what was rewritten, and what is only pending.
    assert [(place.name, [line.code for line in place.lines]) for place in places] == [
        ("spare", ["kube.unreachable"]),
        ("taiwan", ["drift.overwritten"]),
        ("Mesh", ["gateway.address-pending"]),
    ]
    text = flat(answer.content.decode())
    assert "was changed by helm" in text and "owners: helm" in text and "Restore it" in text and ">Restore<" in text


def test_without_a_finding_the_page_says_that_all_is_well(as_ada: Any, pia: Any) -> None:
    as_ada.force_login(pia)
    fresh = shop.new_mesh("fresh")
    assert "No findings." in page(as_ada, fresh).content.decode()


def test_control_plane_and_data_path_that_do_not_match_disagree_and_come_first(as_ada: Any, mesh: Mesh) -> None:
    checked(mesh, {"asia": "uug", "1-onprem": "uur"}, reach="failed")
    answer = page(as_ada, mesh)
    rows = [(row.pair.source, row.pair.target, row.pair.disagree) for row in answer.context["pairs"]]
    assert rows[:2] == [("asia", "aws", True), ("1-onprem", "aws", False)] and len(rows) == 6
    text = answer.content.decode()
    assert "disagree" in text and "from the console" in text and "203.0.113.7:15443 connection closed" in text


def test_where_nothing_could_be_asked_the_control_plane_is_unknown(as_ada: Any, mesh: Mesh) -> None:
    checked(mesh, {"asia": "uuu"})
    rows = {(row.pair.source, row.pair.target): row for row in page(as_ada, mesh).context["pairs"]}
    assert str(rows["1-onprem", "aws"].told.text) == "Unknown" and not rows["1-onprem", "aws"].pair.problem


def test_a_group_that_came_since_the_checks_is_there_and_unknown(as_ada: Any, mesh: Mesh) -> None:
    checked(mesh, {"asia": "g"}, groups=["aws"])
    assert page(as_ada, mesh).context["pairs"].paginator.count == 6


def test_an_operator_runs_the_checks_and_a_viewer_is_told_why_not(
    client: Any, omar: Any, vera: Any, mesh: Mesh
) -> None:
    run = reverse("checks-run", kwargs={"name": mesh.name})
    client.force_login(vera)
    assert page(client, mesh).context["run"].reasons and client.post(run).status_code == 403
    client.force_login(omar)
    assert not page(client, mesh).context["run"].reasons
    assert client.post(run).status_code == 302
    client.post(run)
    assert Inquiry.objects.filter(kind="checks").count() == 1
    assert "Checking the clusters…".encode() in page(client, mesh).content


def test_what_an_older_version_has_stored_is_no_error(as_ada: Any, mesh: Mesh) -> None:
    found(mesh, {"code": "gone.code"})
    assert page(as_ada, mesh).status_code == 200
