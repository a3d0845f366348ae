"""Server time and queries of every page of a mesh that reads much."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

PAGES = ("interconnect", "mesh-status", "topology", "clusters", "rollouts", "rollout", "activity", "members", "join")
TIMES = 7


def measured(mesh: str) -> dict[str, tuple[float, int]]:
    """(median milliseconds, queries) by the page's URL name, asked for by a platform admin without a
    network between.
    """
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    from interconnect.models import Rollout

    user, _ = get_user_model().objects.get_or_create(
        username="bench", defaults={"is_superuser": True, "is_staff": True}
    )
    client = Client(headers={"host": "localhost"})
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    rollout = Rollout.objects.filter(mesh__name=mesh).values_list("id", flat=True).first()
    found = {"meshes": _measured(client, reverse("meshes"), CaptureQueriesContext(connection))}
    for page in PAGES:
        arguments = {"name": mesh} | ({"rollout_id": rollout} if page == "rollout" else {})
        found[page] = _measured(client, reverse(page, kwargs=arguments), CaptureQueriesContext(connection))
    return found


def _measured(client: Client, url: str, queries: CaptureQueriesContext) -> tuple[float, int]:
    # The first time compiles templates; the second counts, since counting costs time.
    for _ in range(2):
        with queries:
            status = client.get(url).status_code
        # The next request empties the log of queries.
        count = len(queries)
    if status != 200:
        raise SystemExit(f"{url} answers {status}")
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        client.get(url)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000, count
