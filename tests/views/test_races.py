"""Two people at the same moment, each in a transaction of their own: one is carried out, the other is told, nothing is
there twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from interconnect.models import Cluster, Gateway, JoinDraft, Rollout
from interconnect.scope import scope_of
from interconnect.state import desired
from meshconsole.access.models import Binding
from meshconsole.access.roles import Role
from meshconsole.audit.models import Entry
from tests.conftest import person
from tests.support.standing import resurrected, storefront_rows

if TYPE_CHECKING:
    from interconnect.models import Mesh

HTMX = {"HX-Request": "true", "HX-Target": "dialog-form"}
TIMES = 4


__all__ = ["resurrected", "storefront_rows"]


@pytest.fixture
def mesh(resurrected: Mesh) -> Mesh:
    return resurrected


def together(user: Any, send: Callable[[Client, int], Any]) -> list[Any]:
    """The same person's browsers, all sending at once."""
    barrier = threading.Barrier(TIMES)

    def one(number: int) -> Any:
        try:
            client = Client()
            client.force_login(user)
            barrier.wait(30)
            return send(client, number)
        finally:
            connection.close()

    with ThreadPoolExecutor(TIMES) as pool:
        return list(pool.map(one, range(TIMES)))


def statuses(answers: list[Any]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def test_one_of_many_groups_of_a_name_is_created(mesh: Mesh, ada: Any) -> None:
    url, before = reverse("group-create", kwargs={"name": mesh.name}), Rollout.objects.count()
    answers = together(
        ada, lambda client, _number: client.post(url, {"name": "same", "clusters": ["free"]}, headers=HTMX)
    )
    assert statuses(answers)[0] == 204 and set(statuses(answers)[1:]) <= {409, 422}
    assert (desired.load(mesh).groups["same"].clusters, Rollout.objects.count()) == (frozenset({"free"}), before + 1)
    assert Entry.objects.filter(action="rollout.start", outcome="refused").count() == TIMES - 1


def test_of_different_changes_at_once_one_is_started_and_the_others_name_it(mesh: Mesh, ada: Any) -> None:
    url, before = reverse("group-create", kwargs={"name": mesh.name}), Rollout.objects.count()
    answers = together(
        ada, lambda client, number: client.post(url, {"name": f"g{number}", "clusters": ["free"]}, headers=HTMX)
    )
    assert statuses(answers)[0] == 204 and set(statuses(answers)[1:]) <= {409, 422}
    assert Rollout.objects.count() == before + 1
    assert sum(f"g{number}" in desired.load(mesh).groups for number in range(TIMES)) == 1


def test_a_form_that_is_sent_many_times_at_once_creates_one_gateway(mesh: Mesh, ada: Any) -> None:
    url = reverse("cluster-create-gateway", kwargs={"name": mesh.name, "cluster": "taiwan"})
    sent = {"id": "6f1a1f0e-2f43-4a6c-9d0e-3c5d2f6b7a11", "replicas": "1"}
    answers = together(ada, lambda client, _number: client.post(url, sent, headers=HTMX))
    assert set(statuses(answers)) <= {204, 409, 422} and 204 in statuses(answers)
    assert Gateway.objects.filter(cluster__name="taiwan").count() == 2


def test_a_cluster_leaves_the_mesh_once(mesh: Mesh, ada: Any) -> None:
    url = reverse("cluster-unregister", kwargs={"name": mesh.name, "cluster": "free"})
    answers = together(ada, lambda client, _number: client.post(url, {}, headers=HTMX))
    assert statuses(answers)[0] == 204 and set(statuses(answers)[1:]) <= {404, 409, 422}
    assert not Cluster.objects.filter(name="free").exists()


def test_a_draft_that_is_begun_in_several_tabs_is_one(mesh: Mesh, ada: Any) -> None:
    url = reverse("join", kwargs={"name": mesh.name})
    answers = together(ada, lambda client, _number: client.post(url, {"group": ["asia"]}))
    assert statuses(answers) == [302] * TIMES
    assert JoinDraft.objects.filter(user=ada).count() == 1


def test_a_role_that_is_given_several_times_at_once_is_given_once(mesh: Mesh, ada: Any) -> None:
    tom = person("tom", None, scope_of(mesh.id))
    url = reverse("members", kwargs={"name": mesh.name})
    answers = together(
        ada, lambda client, _number: client.post(url, {"username": "tom", "role": str(int(Role.VIEWER))})
    )
    assert statuses(answers) == [302] * TIMES
    assert Binding.objects.filter(user=tom).count() == 1


def test_a_group_is_deleted_once(mesh: Mesh, ada: Any) -> None:
    url, before = reverse("group-delete", kwargs={"name": mesh.name, "group": "asia"}), Rollout.objects.count()
    answers = together(ada, lambda client, _number: client.post(url, {}, headers=HTMX))
    assert statuses(answers)[0] == 204 and set(statuses(answers)[1:]) <= {404, 409, 422}
    assert Rollout.objects.count() == before + 1 and "asia" not in desired.load(mesh).groups


def test_the_checks_that_several_people_run_at_once_are_no_mistake(mesh: Mesh, ada: Any) -> None:
    url = reverse("checks-run", kwargs={"name": mesh.name})
    assert set(statuses(together(ada, lambda client, _number: client.post(url, {}, headers=HTMX)))) == {204}
