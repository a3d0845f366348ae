"""Every URL against everybody, by the role that `interconnect.permissions` gives it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from interconnect.models import Gateway, Inquiry, Mesh, Silence
from interconnect.permissions import PAGES, role_for_page
from interconnect.scope import scope_of
from meshconsole.access.models import Binding
from meshconsole.access.roles import Role
from tests.conftest import person
from tests.support import shop
from tests.support.standing import around, standing

ROLES = {"vera": Role.VIEWER, "omar": Role.OPERATOR, "ada": Role.MESH_ADMIN, "pia": Role.PLATFORM_ADMIN}

# Name: method and parts of its path.
GET, POST = "get", "post"
TABLE: dict[str, tuple[str, tuple[str, ...]]] = {
    "interconnect": (GET, ()),
    "mesh-status": (GET, ()),
    "clusters": (GET, ()),
    "rollouts": (GET, ()),
    "rollout": (GET, ("rollout_id",)),
    "activity": (GET, ()),
    "checks": (GET, ()),
    "checks-csv": (GET, ()),
    "checks-run": (POST, ()),
    "silence-add": (GET, ()),
    "silence-end": (POST, ("silence_id",)),
    "mesh-settings": (GET, ()),
    "rule": (GET, ()),
    "look": (GET, ("inquiry_id",)),
    "restore": (GET, ()),
    "restart-workloads": (GET, ()),
    "mesh-delete": (GET, ()),
    "mesh-networks": (GET, ()),
    "mesh-istiod-url": (GET, ()),
    "mesh-credential": (GET, ()),
    "mesh-credential-check": (GET, ("inquiry_id",)),
    "cluster-register": (GET, ()),
    "cluster-register-check": (GET, ("inquiry_id",)),
    "account-file": (GET, ("place", "ending")),
    "cluster-credential": (GET, ("cluster",)),
    "cluster-credential-check": (GET, ("cluster", "inquiry_id")),
    "cluster-pod-cidrs": (GET, ("cluster",)),
    "members": (GET, ()),
    "topology": (GET, ()),
    "member-remove": (POST, ("binding_id",)),
    "group-create": (GET, ()),
    "group-add-cluster": (GET, ("group",)),
    "group-create-gateway": (GET, ("group",)),
    "group-delete": (GET, ("group",)),
    "cluster-create-gateway": (GET, ("cluster",)),
    "cluster-edit-gateway": (GET, ("cluster",)),
    "cluster-unregister": (GET, ("cluster",)),
    "cluster-forget": (GET, ("cluster",)),
    "cluster-move": (GET, ("cluster",)),
    "cluster-remove-from-group": (GET, ("cluster",)),
    "gateway-edit": (GET, ("gateway",)),
    "gateway-restart": (GET, ("gateway",)),
    "gateway-delete": (GET, ("gateway",)),
    "enable": (GET, ()),
    "disable": (GET, ()),
    "join": (GET, ()),
    "join-addresses": (GET, ()),
    "join-review": (GET, ()),
    "addresses-update": (GET, ()),
    "interconnect-remove": (GET, ()),
    "rollout-retry": (GET, ("rollout_id",)),
    "rollout-cancel": (GET, ("rollout_id",)),
    "rollout-revert": (GET, ("rollout_id",)),
    "rollout-dismiss": (POST, ("rollout_id",)),
}
# Pages without a mesh: tested below, one by one.
OUTSIDE = {
    "alerts-dismiss",
    "help-finding",
    "help-findings",
    "home",
    "meshes",
    "meshes-csv",
    "mesh-register",
    "mesh-register-check",
    "mesh-account-file",
    "account_login",
    "account_logout",
    "set_language",
    "gallery",
}


def names(patterns: Any, prefix: str = "") -> Iterator[str]:
    for entry in patterns:
        if isinstance(entry, URLResolver):
            if entry.namespace != "admin":
                yield from names(entry.url_patterns)
        elif isinstance(entry, URLPattern):
            yield str(entry.name)


def test_every_url_has_a_row() -> None:
    assert set(names(get_resolver().url_patterns)) == set(TABLE) | OUTSIDE
    assert set(PAGES) == set(TABLE) | {"mesh-register", "mesh-register-check", "mesh-account-file"}


__all__ = ["around", "standing"]


@pytest.fixture
def mesh(standing: Mesh) -> Mesh:
    return standing


@pytest.fixture
def scope(mesh: Mesh) -> str:
    return scope_of(mesh.id)


@pytest.fixture
def cast(mesh: Mesh, vera: Any, omar: Any, ada: Any, pia: Any, mallory: Any) -> dict[str, Any]:
    return {"anonymous": None, "mallory": mallory, "vera": vera, "omar": omar, "ada": ada, "pia": pia}


def browser(who: Any) -> Client:
    client = Client()
    if who is not None:
        client.force_login(who)
    return client


def address(mesh: Mesh, name: str, parts: tuple[str, ...]) -> str:
    tom, _new = get_user_model().objects.get_or_create(username="tom")
    until = timezone.now() + timedelta(hours=1)
    silence = Silence.objects.create(mesh=mesh, code="rule.missing", until=until, reason="known", actor="omar")
    known: dict[str, Any] = {
        "group": "asia",
        "cluster": "taiwan",
        "gateway": Gateway.objects.get(cluster__name="taiwan").id,
        "binding_id": Binding.objects.get_or_create(scope=scope_of(mesh.id), user=tom, defaults={"role": Role.VIEWER})[
            0
        ].id,
        "inquiry_id": uuid4(),
        "silence_id": silence.id,
        "place": "member",
        "ending": "sh",
        "rollout_id": mesh.rollouts.earliest("created_at").id,
    }
    url = reverse(name, kwargs={"name": mesh.name, **{part: known[part] for part in parts}})
    return f"{url}?group=asia" if name == "restart-workloads" else url


def expected(who: str, least: Role) -> set[int]:
    if who == "anonymous":
        return {302}
    if who not in ROLES:
        return {404}
    return {200, 302} if ROLES[who] >= least else {403}


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_page_of_a_mesh_answers_by_role(mesh: Mesh, cast: dict[str, Any], name: str) -> None:
    method, parts = TABLE[name]
    for who, user in cast.items():
        url = address(mesh, name, parts)
        if name == "look" and user is not None:
            inquiry = Inquiry.objects.create(kind="rule", mesh=mesh, user=user)
            url = reverse(name, kwargs={"name": mesh.name, "inquiry_id": inquiry.id})
        response = getattr(browser(user), method)(url)
        assert response.status_code in expected(who, role_for_page(name, sends=method == POST)), (
            who,
            name,
            response.status_code,
        )
        if who == "anonymous":
            assert response.headers["Location"].startswith(reverse(settings.LOGIN_URL))


@pytest.mark.parametrize("name", sorted(name for name, row in TABLE.items() if row[0] == GET))
def test_a_page_of_a_mesh_that_is_not_there_is_not_found(mesh: Mesh, ada: Any, name: str) -> None:
    _method, parts = TABLE[name]
    url = address(mesh, name, parts).replace("/storefront/", "/elsewhere/")
    assert browser(ada).get(url).status_code == 404


def test_a_look_of_somebody_else_is_not_found(mesh: Mesh, vera: Any, pia: Any) -> None:
    inquiry = Inquiry.objects.create(kind="rule", mesh=mesh, user=vera)
    url = reverse("look", kwargs={"name": mesh.name, "inquiry_id": inquiry.id})
    assert (browser(vera).get(url).status_code, browser(pia).get(url).status_code) == (200, 404)


def test_registering_a_mesh_is_for_platform_admins(mesh: Mesh, cast: dict[str, Any]) -> None:
    script = reverse("mesh-account-file", kwargs={"place": "config", "ending": "yaml"})
    for url in (reverse("mesh-register"), reverse("mesh-register-check", kwargs={"inquiry_id": uuid4()}), script):
        for who, user in cast.items():
            expected = {302} if who == "anonymous" else {200, 302} if who == "pia" else {403}
            assert browser(user).get(url).status_code in expected, (who, url)


def test_a_mesh_of_others_is_not_in_the_list(mesh: Mesh, cast: dict[str, Any]) -> None:
    for who, user in cast.items():
        if user is not None:
            seen = b"storefront" in browser(user).get(reverse("meshes")).content
            assert seen == (who not in ("anonymous", "mallory"))


def test_a_role_in_one_mesh_is_none_in_another(mesh: Mesh, ada: Any) -> None:
    other = shop.new_mesh("other")
    person("olga", None, scope_of(other.id))
    assert browser(ada).get(reverse("interconnect", kwargs={"name": "other"})).status_code == 404


def test_an_object_of_another_mesh_is_not_found(mesh: Mesh, pia: Any) -> None:
    shop.new_mesh("other")
    for name in ("rollout", "gateway-edit", "gateway-restart", "group-delete", "cluster-move"):
        url = address(mesh, name, TABLE[name][1]).replace("/storefront/", "/other/")
        assert browser(pia).get(url).status_code == 404, name


def test_the_gallery_of_parts_is_there_in_development_only(pia: Any, settings: Any) -> None:
    assert browser(pia).get(reverse("gallery")).status_code == 404
    settings.DEBUG = True
    assert browser(pia).get(reverse("gallery")).status_code == 200


def test_an_htmx_request_without_a_session_is_told_so_and_not_redirected(mesh: Mesh) -> None:
    response = browser(None).get(address(mesh, "interconnect", ()), headers={"HX-Request": "true", "HX-Target": "live"})
    assert response.status_code == 401


def test_changing_a_setting_needs_the_mesh_admin(mesh: Mesh, omar: Any, ada: Any) -> None:
    url = reverse("mesh-settings", kwargs={"name": mesh.name})
    assert browser(omar).post(url, {"restart": "never"}).status_code == 403
    assert browser(ada).post(url, {"restart": "never"}).status_code == 302
    mesh.refresh_from_db()
    assert mesh.restart == "never"
