"""The history of a mesh, and a rollout of many clusters: what needs a look is in sight, and everything is in reach."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from interconnect.domain.changes import CreateGroup
from interconnect.models import Rollout, RolloutStatus, StepStatus
from interconnect.views import rollouts
from interconnect.views.parts import phases
from tests.support import shop

if TYPE_CHECKING:
    from interconnect.models import Mesh

CLUSTERS = 30


@pytest.fixture
def large(mesh: Mesh) -> Rollout:
    """One change of 30 clusters, under way: nothing of it has begun."""
    names = [f"member-{number:02}" for number in range(CLUSTERS)]
    for number, name in enumerate(names):
        shop.add_cluster(mesh, name, f"10.{100 + number}.0.0/16")
    changes = [CreateGroup(name, frozenset({name})) for name in names]
    return shop.started(mesh, *changes, *(shop.gateway_in(name) for name in names))


def address(rollout: Rollout) -> str:
    return reverse("rollout", kwargs={"name": rollout.mesh.name, "rollout_id": rollout.id})


def steps_on(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'id="step-(\d+)"', page)]


def of_cluster(rollout: Rollout, name: str) -> Any:
    return rollout.steps.filter(chain=rollout.mesh.clusters.get(name=name).uid)


def shown(client: Any, rollout: Rollout, **wanted: str) -> str:
    response = client.get(address(rollout), wanted)
    assert response.status_code == 200
    return str(response.content.decode())


def test_a_small_rollout_shows_every_step_and_asks_for_no_filter(as_ada: Any, mesh: Mesh) -> None:
    rollout = mesh.rollouts.order_by("created_at")[1]
    page = shown(as_ada, rollout)
    assert sorted(steps_on(page)) == sorted(rollout.steps.values_list("id", flat=True))
    assert "Search clusters" not in page and "Show all" not in page


def test_a_large_rollout_shows_a_few_clusters_of_each_phase_and_how_far_all_are(as_ada: Any, large: Rollout) -> None:
    page = shown(as_ada, large)
    assert 0 < len(steps_on(page)) < large.steps.count()
    assert f"{CLUSTERS} clusters" in page
    assert f"Show all {large.steps.count()} steps" in page


def test_failed_and_running_steps_are_always_in_sight(as_ada: Any, large: Rollout) -> None:
    of_cluster(large, "member-29").update(status=StepStatus.FAILED, error_code="kube.timeout")
    of_cluster(large, "member-28").update(status=StepStatus.ACTIVE)
    page = steps_on(shown(as_ada, large))
    failed, running = of_cluster(large, "member-29"), of_cluster(large, "member-28")
    count = failed.count()
    assert set(page[:count]) == {step.pk for step in failed}
    assert set(page[count : 2 * count]) == {step.pk for step in running}


def test_every_step_is_reached_by_the_pages_of_its_phase(as_ada: Any, large: Rollout) -> None:
    found: list[int] = []
    for phase in {str(phase) for phase in large.steps.values_list("phase", flat=True)}:
        context = as_ada.get(address(large), {"phase": phase}).context
        pages = context["opened"].pager.paginator.num_pages if context["opened"].pager else 1
        for number in range(1, pages + 1):
            found += steps_on(shown(as_ada, large, phase=phase, page=str(number)))
    assert len(found) == large.steps.count() and set(found) == set(large.steps.values_list("id", flat=True))


def test_a_search_finds_clusters_that_are_not_in_sight(as_ada: Any, large: Rollout) -> None:
    wanted = {step.pk for step in of_cluster(large, "member-29")}
    assert not wanted & set(steps_on(shown(as_ada, large)))
    assert set(steps_on(shown(as_ada, large, q="BER-29"))) == wanted


def test_a_search_does_not_look_into_identities(as_ada: Any, large: Rollout) -> None:
    uid = large.mesh.clusters.get(name="member-29").uid
    assert steps_on(shown(as_ada, large, q=uid)) == []


def test_steps_are_filtered_by_how_far_they_are(as_ada: Any, large: Rollout) -> None:
    of_cluster(large, "member-29").update(status=StepStatus.SUCCEEDED)
    assert set(steps_on(shown(as_ada, large, state="done"))) == {step.pk for step in of_cluster(large, "member-29")}
    page = shown(as_ada, large, state="under-way")
    assert steps_on(page) == [] and "No steps match." in page


def test_the_filter_counts_the_steps_of_each_state(as_ada: Any, large: Rollout) -> None:
    of_cluster(large, "member-29").update(status=StepStatus.BLOCKED)
    left, total = of_cluster(large, "member-29").count(), large.steps.count()
    counted = {key: count for key, _label, count in as_ada.get(address(large)).context["filters"]}
    assert counted == {"": total, "not-applied": left, "open": total - left}


@pytest.mark.parametrize(
    "wanted", [{"phase": "x"}, {"phase": "99"}, {"state": "x"}, {"phase": "10", "page": "x"}, {"page": "99999"}]
)
def test_what_is_unknown_of_a_query_counts_as_not_asked_for(
    as_ada: Any, large: Rollout, wanted: dict[str, str]
) -> None:
    assert steps_on(shown(as_ada, large, **wanted))


def failed(rollout: Rollout, number: int, **values: Any) -> None:
    steps = list(rollout.steps.filter(kind="label").order_by("id")[:number])
    shop.end(rollout, RolloutStatus.FAILED, StepStatus.SUCCEEDED)
    for step in steps:
        rollout.steps.filter(id=step.pk).update(status=StepStatus.FAILED, error_code="kube.timeout", **values)


def test_what_failed_alike_on_several_clusters_is_told_once(as_ada: Any, large: Rollout) -> None:
    failed(large, 7)
    page = shown(as_ada, large)
    assert page.count('id="failure-') == 1 and "more steps have failed" not in page
    assert re.search(r"<h3>member-\d\d, member-\d\d, member-\d\d and 4 more: Network label</h3>", page)


def test_what_failed_differently_is_told_apart_and_the_rest_is_counted(as_ada: Any, large: Rollout) -> None:
    failed(large, 7)
    for step in large.steps.filter(status=StepStatus.FAILED):
        large.steps.filter(id=step.pk).update(evidence={"said": f"answer {step.pk}"})
    page = shown(as_ada, large)
    assert page.count('id="failure-') == 5 and "2 more steps have failed." in page


def test_failures_that_ask_for_a_decision_are_never_put_together(as_ada: Any, large: Rollout) -> None:
    failed(large, 2, error_params={"tokens": ["t"]})
    page = shown(as_ada, large)
    assert page.count('id="failure-') == 2 and page.count("Override") == 2


def test_hundreds_of_preflights_do_not_hide_what_follows_them(
    as_ada: Any, mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phases, "FEW", 1)
    rollout = mesh.rollouts.latest("created_at")
    assert rollout.steps.filter(kind="preflight").exists()
    assert "Control plane restart" in shown(as_ada, rollout)


def test_the_number_of_queries_does_not_grow_with_the_steps(as_ada: Any, mesh: Mesh, large: Rollout) -> None:
    small = mesh.rollouts.order_by("created_at")[1]
    Rollout.objects.filter(id=large.id).update(status=RolloutStatus.SUCCEEDED)

    def queries(rollout: Rollout) -> int:
        with CaptureQueriesContext(connection) as captured:
            as_ada.get(address(rollout))
        return len(captured)

    queries(small)
    assert queries(large) == queries(small)


def test_a_mesh_has_its_history_in_pages(as_ada: Any, mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollouts, "PER_PAGE", 2)
    url = reverse("rollouts", kwargs={"name": mesh.name})
    first, second = as_ada.get(url), as_ada.get(url, {"page": "2"})
    found = [row[0].id for page in (first, second) for row in page.context["rows"]]
    assert found == list(mesh.rollouts.order_by("-created_at").values_list("id", flat=True))
    assert "Page 1 of 2" in first.content.decode()


def test_the_history_says_how_many_steps_have_ended(as_ada: Any, large: Rollout) -> None:
    of_cluster(large, "member-29").update(status=StepStatus.SUCCEEDED)
    row = as_ada.get(reverse("rollouts", kwargs={"name": large.mesh.name})).context["rows"][0]
    assert row[0] == large and row[4] == (of_cluster(large, "member-29").count(), 0, large.steps.count())


def test_a_phase_that_was_opened_leads_back_to_all_of_them(as_ada: Any, large: Rollout) -> None:
    page = shown(as_ada, large, phase="10", page="2")
    assert "All phases" in page and "Page 2 of 2" in page
    assert as_ada.get(address(large), {"phase": "10"}).context["opened"].pager.paginator.per_page == phases.PER_PAGE


def test_the_way_back_may_need_more_than_the_way_there_and_says_so(client: Any, omar: Any, mesh: Mesh) -> None:
    client.force_login(omar)
    rollout = shop.settled(mesh, CreateGroup("late", frozenset({"free"})))
    page = client.get(address(rollout)).content.decode()
    (reason,) = re.findall(r'id="act-revert-why">([^<]+)<', page)
    assert "mesh admin" in reason.replace("-", " ")
