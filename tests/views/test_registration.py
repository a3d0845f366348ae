"""Meshes, clusters and credentials from the browser: looked at first, then stored, and never shown again."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext

from interconnect.domain.accounts import Place
from interconnect.models import Cluster, Connection, Inquiry, InquiryStatus, Mesh
from interconnect.scope import scope_of
from interconnect.services import answering, registration
from interconnect.wording import word
from meshconsole.access.actor import Actor
from meshconsole.access.roles import Role
from meshconsole.audit.models import Entry
from simulator.api import Grant
from tests.conftest import person
from tests.support.least import grant
from tests.support.markup import flat
from tests.support.tokens import jwt, remote_secret, with_token
from tests.support.worlds import empty, fleets, hasty, world

if TYPE_CHECKING:
    from tests.support.world import World

__all__ = ["empty", "fleets", "hasty", "world"]
REGISTER_MESH = "/register-mesh/"
REGISTER_CLUSTER = "/meshes/prod/clusters/register/"


def browser(name: str, role: Role, scope: str = "") -> Client:
    client = Client()
    client.force_login(person(name, role, scope))
    return client


@pytest.fixture
def platform(empty: World) -> Client:
    return browser("pia", Role.PLATFORM_ADMIN)


@pytest.fixture
def admin(world: World) -> Client:
    """Of the mesh `prod`, which member-c has not been registered in yet."""
    row = world.row("member-c")
    row.delete()
    row.connection.delete()
    return browser("ada", Role.MESH_ADMIN, scope_of(world.mesh.id))


def mesh_values(empty: World, **changed: Any) -> dict[str, Any]:
    return {
        "name": "prod",
        "kind": "hosted",
        "kubeconfig": empty.fleet.kubeconfig(empty.fleet.hub),
        "system_namespace": "istio-system",
        "do": "conclude",
        **changed,
    }


def answered(client: Client, response: Any) -> Any:
    """The page of a check once a worker has made it."""
    assert response.status_code == 302, response.context["form"].errors
    url = response.headers["Location"]
    waiting = client.get(url)
    assert b"Checking the clusters" in waiting.content
    answering.answer(Inquiry.objects.get(status=InquiryStatus.WAITING, id=url.rstrip("/").rpartition("/")[2]).id)
    return client.get(url, headers={"HX-Request": "true", "HX-Target": "live"})


def errors(response: Any, name: str) -> str:
    return " ".join(response.context["form"].errors.get(name, ()))


def token_of(world: World, cluster: str) -> str:
    user = yaml.safe_load(world.fleet.kubeconfig(cluster))["users"][0]["user"]
    return str(user.get("token") or user["client-key-data"])


def test_a_mesh_that_leaves_nothing_to_decide_is_registered_by_one_press(platform: Client, empty: World) -> None:
    done = answered(platform, platform.post(REGISTER_MESH, mesh_values(empty)))
    assert (done.status_code, done.headers["HX-Redirect"]) == (204, "/meshes/prod/")
    mesh = Mesh.objects.get()
    assert (mesh.name, mesh.kind, mesh.simulated) == ("prod", "hosted", True)
    assert not Inquiry.objects.exists()
    entry = Entry.objects.get(action="mesh.register")
    assert (entry.actor, entry.outcome) == ("pia", "accepted")


def test_a_check_shows_what_was_found_and_stores_nothing(platform: Client, empty: World) -> None:
    seen = answered(platform, platform.post(REGISTER_MESH, mesh_values(empty, do="check")))
    page = seen.content.decode()
    assert "istio-system/istio" in page and "What the check found" in page and "member-a" in page
    assert not Mesh.objects.exists() and not Connection.objects.exists()
    url = seen.context["action"]
    stored = platform.post(url, mesh_values(empty, kubeconfig="", name="other"))
    assert (stored.status_code, Mesh.objects.get().name) == (302, "other")


def test_rights_that_are_missing_are_shown_before_anything_is_stored(platform: Client, empty: World) -> None:
    viewer = empty.fleet.kubeconfig(empty.fleet.hub, "viewer")
    seen = answered(platform, platform.post(REGISTER_MESH, mesh_values(empty, kubeconfig=viewer)))
    assert not Mesh.objects.exists()
    if seen.context["form"].errors:
        assert errors(seen, "kubeconfig")
    else:
        assert "Missing permissions" in seen.content.decode()


def test_what_leaves_something_to_decide_is_shown_before_it_is_stored(platform: Client, empty: World) -> None:
    values = mesh_values(empty, system_namespace="default")
    seen = answered(platform, platform.post(REGISTER_MESH, values))
    assert seen.status_code == 200 and "press the button again" in seen.content.decode()
    assert not Mesh.objects.exists()
    assert platform.post(seen.context["action"], {**values, "kubeconfig": ""}).headers["Location"] == "/meshes/prod/"
    assert Mesh.objects.get().system_namespace == "default"


def test_a_kubeconfig_comes_back_in_no_answer_and_in_no_row(platform: Client, empty: World) -> None:
    secret = token_of(empty, empty.fleet.hub)
    for changed in ({"name": "Bad Name"}, {"do": "check"}, {"kind": "wrong"}, {"name": "ok", "do": "check"}):
        response = platform.post(REGISTER_MESH, mesh_values(empty, **changed))
        content = response.content if response.status_code != 302 else answered(platform, response).content
        assert secret.encode() not in content
    rows = [str(Inquiry.objects.values_list("sealed", "params", "result", "errors"))]
    assert not any(secret in row for row in rows)


def test_a_mistake_in_another_field_does_not_cost_the_kubeconfig(platform: Client, empty: World) -> None:
    refused = platform.post(REGISTER_MESH, mesh_values(empty, name="Bad Name"))
    assert refused.status_code == 422 and errors(refused, "name")
    assert refused.context["form"]["name"].value() == "Bad Name"
    kept = str(refused.context["kept"])
    done = answered(platform, platform.post(REGISTER_MESH, mesh_values(empty, kubeconfig="", kept=kept)))
    assert done.headers["HX-Redirect"] == "/meshes/prod/"


def test_what_somebody_else_keeps_is_not_there(platform: Client, empty: World) -> None:
    kept = str(platform.post(REGISTER_MESH, mesh_values(empty, name="Bad Name")).context["kept"])
    other = browser("paul", Role.PLATFORM_ADMIN)
    for value in (kept, "no-uuid", ""):
        refused = other.post(REGISTER_MESH, mesh_values(empty, kubeconfig="", kept=value))
        assert refused.status_code == 422 and errors(refused, "kubeconfig")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"   ",
        b"\x00\x01\x02",
        b"\xff\xfe\xff",
        b"- a list",
        b"apiVersion: v1\nkind: Config\nclusters: []\n",
        b"a: &a [*a]",
        b"{" * 5000,
        b"kind: Config\nclusters: [{name: x, cluster: {server: 'file:///etc/passwd'}}]\n"
        b"contexts: [{name: x, context: {cluster: x, user: x}}]\n"
        b"users: [{name: x, user: {exec: {command: sh}}}]\n",
        b"x" * 300_000,
    ],
)
@pytest.mark.parametrize("upload", [True, False])
def test_what_is_no_kubeconfig_is_refused_beside_its_field(
    platform: Client, empty: World, content: bytes, upload: bool
) -> None:
    values = mesh_values(empty, kubeconfig="" if upload else content.decode("latin-1"))
    if upload:
        values["kubeconfig_file"] = SimpleUploadedFile("kubeconfig", content)
    refused = platform.post(REGISTER_MESH, values)
    assert refused.status_code == 422
    assert errors(refused, "kubeconfig") or errors(refused, "kubeconfig_file")
    assert refused.context["form"]["name"].value() == "prod"


def test_an_upload_of_megabytes_is_too_large_and_no_error_of_the_console(platform: Client, empty: World) -> None:
    for values in ({"kubeconfig": "x" * 3_000_000}, {"kubeconfig_file": SimpleUploadedFile("k", b"x" * 3_000_000)}):
        refused = platform.post(REGISTER_MESH, mesh_values(empty, **values))
        assert refused.status_code == 413 and b"256 KiB" in refused.content


def test_of_several_contexts_one_is_chosen_without_pasting_again(platform: Client, empty: World) -> None:
    document = yaml.safe_load(empty.fleet.kubeconfig(empty.fleet.hub))
    first = document["contexts"][0]
    document["users"].append({"name": "other", "user": {"token": "another-admin-token"}})
    document["contexts"].append({"name": "second", "context": {**first["context"]}})
    first["context"]["user"] = "other"
    refused = platform.post(REGISTER_MESH, mesh_values(empty, kubeconfig=json.dumps(document)))
    assert errors(refused, "context") and '<select name="context"' in refused.content.decode()
    assert f"second · {document['clusters'][0]['cluster']['server']}" in refused.content.decode()
    kept = str(refused.context["kept"])
    wrong = platform.post(REGISTER_MESH, mesh_values(empty, kubeconfig="", kept=kept, context="third"))
    assert wrong.status_code == 422 and errors(wrong, "context")
    done = answered(
        platform, platform.post(REGISTER_MESH, mesh_values(empty, kubeconfig="", kept=kept, context="second"))
    )
    assert done.headers["HX-Redirect"] == "/meshes/prod/"


def test_a_control_plane_that_does_not_answer_is_said_beside_its_kubeconfig(platform: Client, empty: World) -> None:
    empty.fleet.fault(empty.fleet.hub, "refuse")
    seen = answered(platform, platform.post(REGISTER_MESH, mesh_values(empty)))
    assert "doesn't answer" in errors(seen, "kubeconfig")
    assert seen.context["form"]["name"].value() == "prod"


def test_a_check_that_is_gone_leads_back_to_the_form(platform: Client, empty: World) -> None:
    gone = platform.get("/register-mesh/00000000-0000-4000-8000-000000000000/")
    assert (gone.status_code, gone.headers["Location"]) == (302, REGISTER_MESH)


def test_a_mesh_is_not_registered_twice(platform: Client, empty: World) -> None:
    answered(platform, platform.post(REGISTER_MESH, mesh_values(empty)))
    seen = answered(platform, platform.post(REGISTER_MESH, mesh_values(empty)))
    assert "already" in errors(seen, "name")
    seen = answered(platform, platform.post(REGISTER_MESH, mesh_values(empty, name="other")))
    assert errors(seen, "system_namespace")
    assert Mesh.objects.count() == 1


def test_only_a_platform_admin_registers_meshes(world: World) -> None:
    ada = browser("ada", Role.MESH_ADMIN, scope_of(world.mesh.id))
    assert ada.get(REGISTER_MESH).status_code == 403
    assert "platform" in ada.get(reverse("meshes")).content.decode()


def cluster_values(world: World, **changed: Any) -> dict[str, Any]:
    return {"name": "member-c", "kubeconfig": world.fleet.kubeconfig("member-c"), "do": "check", **changed}


def test_a_cluster_is_checked_and_then_registered(admin: Client, world: World) -> None:
    offered = admin.get(REGISTER_CLUSTER)
    assert offered.context["known_clusters"] == ["hub", "member-c"]
    seen = answered(admin, admin.post(REGISTER_CLUSTER, cluster_values(world)))
    assert not Cluster.objects.filter(name="member-c").exists()
    done = admin.post(
        seen.context["action"], cluster_values(world, kubeconfig="", do="conclude", pod_cidrs="10.99.0.0/16, fd00::/48")
    )
    assert done.headers["Location"] == "/meshes/prod/clusters/"
    assert Cluster.objects.get(name="member-c").pod_cidrs == ["10.99.0.0/16", "fd00::/48"]


def test_a_busy_cluster_is_registered_with_patience(admin: Client, world: World) -> None:
    world.fleet.fault("member-c", "429", every=5, retry_after=0.05)
    values = {"name": "member-c", "kubeconfig": world.fleet.kubeconfig("member-c"), "do": "conclude"}
    done = answered(admin, admin.post(REGISTER_CLUSTER, values))
    assert done.headers["HX-Redirect"] == "/meshes/prod/clusters/"
    assert Cluster.objects.filter(name="member-c").exists()


def test_a_cluster_that_stays_busy_is_to_be_tried_later(admin: Client, world: World) -> None:
    world.fleet.fault("member-c", "429", retry_after=60)
    values = {"name": "member-c", "kubeconfig": world.fleet.kubeconfig("member-c"), "do": "conclude"}
    seen = answered(admin, admin.post(REGISTER_CLUSTER, values))
    assert "Try again in a minute" in errors(seen, "kubeconfig")


def test_a_cluster_that_istiod_does_not_know_is_refused_beside_its_name(admin: Client, world: World) -> None:
    seen = answered(admin, admin.post(REGISTER_CLUSTER, cluster_values(world, name="stranger")))
    assert "member-c" in errors(seen, "name")
    seen = answered(admin, admin.post(REGISTER_CLUSTER, cluster_values(world, name="member-a")))
    assert errors(seen, "name")
    for name in ("", "a" * 300):
        assert errors(admin.post(REGISTER_CLUSTER, cluster_values(world, name=name)), "name")


def test_pod_cidrs_that_are_none_are_refused_beside_their_field(admin: Client, world: World) -> None:
    refused = admin.post(REGISTER_CLUSTER, cluster_values(world, pod_cidrs="10.0.0.0/33, 10.0.0.1/8"))
    assert refused.status_code == 422 and "10.0.0.0/33" in errors(refused, "pod_cidrs")
    assert refused.context["form"]["pod_cidrs"].value() == "10.0.0.0/33, 10.0.0.1/8"


def test_a_cluster_taken_meanwhile_is_said_and_the_check_stays(admin: Client, world: World) -> None:
    seen = answered(admin, admin.post(REGISTER_CLUSTER, cluster_values(world)))
    world.register_cluster("member-c")
    late = admin.post(seen.context["action"], cluster_values(world, kubeconfig="", do="conclude"))
    assert late.status_code == 409 and errors(late, "name")


def test_a_credential_is_replaced_by_one_of_the_same_cluster_only(admin: Client, world: World) -> None:
    url = "/meshes/prod/clusters/member-a/credential/"
    wrong = answered(admin, admin.post(url, {"kubeconfig": world.fleet.kubeconfig("member-b"), "do": "conclude"}))
    assert "another cluster" in errors(wrong, "kubeconfig")
    right = world.fleet.kubeconfig("member-a").replace("127.0.0.1", "localhost")
    done = answered(admin, admin.post(url, {"kubeconfig": right, "do": "conclude"}))
    assert done.headers["HX-Redirect"] == "/meshes/prod/clusters/"
    assert "localhost" in world.row("member-a").connection.server


def test_a_kept_kubeconfig_serves_only_the_cluster_it_was_given_for(admin: Client, world: World) -> None:
    asked = admin.post(
        "/meshes/prod/clusters/member-a/credential/", {"kubeconfig": world.fleet.kubeconfig("member-a"), "do": "check"}
    )
    kept = asked.headers["Location"].rstrip("/").rpartition("/")[2]
    refused = admin.post("/meshes/prod/clusters/member-b/credential/", {"kubeconfig": "", "kept": kept, "do": "check"})
    assert refused.status_code == 422 and errors(refused, "kubeconfig")


def test_the_control_planes_credential_is_replaced_by_a_platform_admin(admin: Client, world: World) -> None:
    url = "/meshes/prod/settings/credential/"
    assert admin.get(url).status_code == 403
    pia = browser("pia", Role.PLATFORM_ADMIN)
    done = answered(pia, pia.post(url, {"kubeconfig": world.fleet.kubeconfig(world.fleet.hub), "do": "conclude"}))
    assert done.headers["HX-Redirect"] == "/meshes/prod/settings/"


def test_a_kubeconfig_that_is_pasted_into_a_check_that_has_expired_is_checked(admin: Client, world: World) -> None:
    expired = f"{REGISTER_CLUSTER}5a0fe3a4-8a3c-4f0c-9f6a-3b1c7c1f2d10/"
    assert admin.get(expired).status_code == 302
    values = {"name": "member-c", "kubeconfig": world.fleet.kubeconfig("member-c"), "do": "check"}
    answer = admin.post(expired, values)
    assert answer.status_code == 302 and answer.headers["Location"] not in (expired, REGISTER_CLUSTER)
    asked = Inquiry.objects.get()
    assert asked.params["name"] == "member-c" and asked.sealed


def test_a_current_context_that_cannot_be_used_is_asked_about(platform: Client, empty: World) -> None:
    document = yaml.safe_load(empty.fleet.kubeconfig(empty.fleet.hub))
    document["users"].append({"name": "cloud", "user": {"exec": {"command": "aws"}}})
    document["contexts"].append({"name": "eks", "context": {"cluster": empty.fleet.hub, "user": "cloud"}})
    document["current-context"] = "eks"
    refused = platform.post(REGISTER_MESH, mesh_values(empty, kubeconfig=json.dumps(document)))
    assert "eks" in errors(refused, "context") and "aws (Amazon EKS)" in errors(refused, "context")
    kept = {"kubeconfig": "", "kept": str(refused.context["kept"]), "context": empty.fleet.hub}
    answered(platform, platform.post(REGISTER_MESH, mesh_values(empty, **kept)))
    assert Mesh.objects.exists()


def test_a_check_shows_context_server_and_end_of_the_credential(admin: Client, world: World) -> None:
    soon = timezone.now() + timedelta(days=3)
    given = with_token(world.fleet.kubeconfig("member-c"), jwt(exp=soon.timestamp()))
    seen = answered(admin, admin.post(REGISTER_CLUSTER, cluster_values(world, kubeconfig=given, do="check")))
    page = seen.content.decode()
    server = yaml.safe_load(given)["clusters"][0]["cluster"]["server"]
    assert server in page and ">member-c</dd>" in page
    assert f"The credential expires on {soon:%Y-%m-%d %H:%M} UTC. Replace it before then." in page
    assert page.count(f"{soon:%Y-%m-%d %H:%M}") == 1 and "valid until" not in page
    done = admin.post(seen.context["action"], cluster_values(world, kubeconfig="", do="conclude"), follow=True)
    assert f"member-c is registered. Context member-c, {server}." in done.content.decode()
    assert "The credential expires on" in done.content.decode()
    row = world.row("member-c").connection
    assert row.ends_at and abs(row.ends_at - soon) < timedelta(seconds=1)


def test_an_ended_credential_is_not_stored_unseen(admin: Client, world: World) -> None:
    given = with_token(world.fleet.kubeconfig("member-c"), jwt(exp=1_700_000_000))
    seen = answered(admin, admin.post(REGISTER_CLUSTER, cluster_values(world, kubeconfig=given, do="conclude")))
    page = flat(seen.content.decode())
    assert page.count("2023-11-14 22:13") == 1 and "valid until" not in page
    assert re.search(
        r'<dd[^>]*><span class="tone-bad tone-text">.*The credential expired on 2023-11-14 22:13 UTC', page
    )
    assert seen.context["held"] and not Cluster.objects.filter(name="member-c").exists()


def test_the_admin_claims_of_no_credential_that_it_is_good(world: World, admin_client: Client) -> None:
    Connection.objects.update(ends_at=timezone.now() - timedelta(days=1))
    page = admin_client.get(f"/admin/interconnect/connection/{world.mesh.config_id}/change/").content.decode()
    assert "Credential expiry" in page and "valid until" not in page


def test_a_refused_credential_that_has_ended_says_so(admin: Client, world: World) -> None:
    world.fleet.fault("member-c", "401")
    given = with_token(world.fleet.kubeconfig("member-c"), jwt(exp=1_700_000_000))
    seen = answered(admin, admin.post(REGISTER_CLUSTER, cluster_values(world, kubeconfig=given)))
    assert "doesn't accept the credential" in errors(seen, "kubeconfig")
    assert "expired on 2023-11-14" in errors(seen, "kubeconfig")


def test_istiods_own_account_is_not_registered_unsaid(admin: Client, world: World) -> None:
    secret = remote_secret(world.fleet.kubeconfig("member-c"), "member-c")
    seen = answered(admin, admin.post(REGISTER_CLUSTER, cluster_values(world, kubeconfig=secret, do="conclude")))
    page = html.unescape(seen.content.decode())
    assert "This is istiod's own account" in page and "can read all Secrets" in page
    assert seen.context["held"] and not Cluster.objects.filter(name="member-c").exists()
    admin.post(seen.context["action"], cluster_values(world, kubeconfig="", do="conclude"))
    assert Cluster.objects.filter(name="member-c").exists()


def test_the_rights_that_istiods_account_lacks_are_named(admin: Client, world: World) -> None:
    world.fleet.members["member-c"].api.access.grants["reader"] = (Grant(("get", "list", "create")),)
    secret = remote_secret(world.fleet.kubeconfig("member-c", "reader"), "member-c")
    seen = answered(admin, admin.post(REGISTER_CLUSTER, cluster_values(world, kubeconfig=secret, do="check")))
    page = html.unescape(seen.content.decode())
    assert "istiod's account lacks" in page and "patch mutatingwebhookconfigurations" in page


def test_an_account_of_the_shipped_permissions_lacks_none(admin: Client, world: World) -> None:
    given = grant(world.fleet, "member-c", Place.MEMBER)
    seen = answered(admin, admin.post(REGISTER_CLUSTER, cluster_values(world, kubeconfig=given)))
    (part,) = seen.context["parts"]
    assert (part.cluster.missing, part.cluster.optional) == ((), ())
    assert "everything the console needs" in seen.content.decode()


def test_missing_optional_permissions_are_told_and_hold_nothing(admin: Client, world: World) -> None:
    given = grant(world.fleet, "member-c", Place.MEMBER, optional=False)
    seen = answered(admin, admin.post(REGISTER_CLUSTER, cluster_values(world, kubeconfig=given)))
    page = flat(seen.content.decode())
    assert "everything the console needs" in page and "optional permissions are missing" in page
    assert "patch deployments.apps</li>" in page
    answered(admin, admin.post(REGISTER_CLUSTER, cluster_values(world, kubeconfig=given, do="conclude")))
    assert Cluster.objects.filter(name="member-c").exists()


def listings(response: Any) -> dict[str, str]:
    """The texts of the panel by the ID of their element, as a browser shows them."""
    found = re.findall(r'<pre\s+class="listing"\s+id="([^"]+)"[^>]*>(.*?)</pre>', response.content.decode(), re.DOTALL)
    return {name: html.unescape(text) for name, text in found}


def test_the_panel_shows_what_its_links_download(admin: Client, world: World) -> None:
    world.mesh.system_namespace = "mesh-system"
    world.mesh.save()
    for url in (REGISTER_CLUSTER, "/meshes/prod/clusters/member-a/credential/"):
        shown = admin.get(url)
        (account,) = shown.context["accounts"]
        for address, key, kind in (
            (account.script_url, "script-member", "text/plain"),
            (account.yaml_url, "yaml-member", "application/yaml"),
        ):
            file = admin.get(address)
            assert file.content.decode() == listings(shown)[key]
            assert "namespace: mesh-system" in file.content.decode()
            assert file.headers["Content-Type"] == f"{kind}; charset=utf-8"
            assert file.headers["Content-Disposition"].startswith('attachment; filename="meshconsole-member.')


def test_the_panel_of_a_mesh_follows_the_typed_system_namespace(platform: Client, empty: World) -> None:
    shown = platform.get(REGISTER_MESH)
    assert [account.place for account in shown.context["accounts"]] == [
        "control-plane-and-config",
        "control-plane",
        "config",
    ]
    part = platform.get(
        REGISTER_MESH, {"system_namespace": "mesh-system"}, headers={"HX-Request": "true", "HX-Target": "account"}
    )
    assert b"<html" not in part.content and len(listings(part)) == 6
    assert all("namespace: mesh-system" in text for text in listings(part).values())
    url = part.context["accounts"][0].yaml_url
    assert platform.get(url).content.decode() == listings(part)["yaml-control-plane-and-config"]
    refused = platform.post(REGISTER_MESH, mesh_values(empty, kubeconfig="", system_namespace="mesh-system"))
    assert refused.context["system_namespace"] == "mesh-system"


@pytest.mark.parametrize("asked", ["", "Bad Name", "x'; id; '", "a" * 64, "\x00"])
def test_a_namespace_that_is_none_never_gets_into_a_script(platform: Client, empty: World, asked: str) -> None:
    shown = platform.get(REGISTER_MESH, {"system_namespace": asked})
    file = platform.get("/register-mesh/account/config.sh", {"system_namespace": asked})
    for text in (file.content.decode(), *listings(shown).values()):
        assert "istio-system" in text and not (asked and asked in text)


@pytest.mark.parametrize("file", ["member.py", "somebody.sh", "member.yaml.sh", "config."])
def test_another_file_is_not_found(admin: Client, file: str) -> None:
    assert admin.get(f"/meshes/prod/account/{file}").status_code == 404


@pytest.mark.parametrize(
    ("user", "code"),
    [
        ({"exec": {"command": "aws"}}, "exec"),
        ({"auth-provider": {"name": "gcp"}}, "auth-provider"),
        ({}, "no-credential"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_refusal_leads_to_the_account_for_the_console(
    admin: Client, world: World, user: dict[str, Any], code: str, language: str
) -> None:
    document = yaml.safe_load(world.fleet.kubeconfig("member-c"))
    document["users"][0]["user"] = user
    admin.cookies["django_language"] = language
    refused = admin.post(REGISTER_CLUSTER, cluster_values(world, kubeconfig=json.dumps(document)))
    with translation.override(language):
        title = gettext("Account for the console")
        assert errors(refused, "kubeconfig").startswith(word(f"kubeconfig.{code}", told(user)))
    page = refused.content.decode()
    assert f'<a href="#account">{title}</a>' in page and 'id="account"' in page


def told(user: dict[str, Any]) -> dict[str, str]:
    return {"command": {"exec": "aws (Amazon EKS)", "auth-provider": "gcp (Google GKE)"}.get(next(iter(user), ""), "")}


def test_a_cluster_that_calls_itself_otherwise_is_held(admin: Client, world: World) -> None:
    configuration = world.fleet.cluster("member-c").get("MutatingWebhookConfiguration", "istio-sidecar-injector")
    assert configuration is not None
    for webhook in configuration["webhooks"]:
        webhook["clientConfig"]["url"] = webhook["clientConfig"]["url"].replace("member-c", "member-x")
    world.fleet.cluster("member-c").patch(
        "MutatingWebhookConfiguration", "istio-sidecar-injector", {"webhooks": configuration["webhooks"]}
    )
    seen = answered(admin, admin.post(REGISTER_CLUSTER, cluster_values(world, do="conclude")))
    assert seen.context["held"] and "member-x" in seen.content.decode()
    assert not Cluster.objects.filter(name="member-c").exists()


def test_a_name_changed_after_the_check_is_checked_again(admin: Client, world: World) -> None:
    seen = answered(admin, admin.post(REGISTER_CLUSTER, cluster_values(world, do="check")))
    again = admin.post(seen.context["action"], cluster_values(world, name="member-x", kubeconfig="", do="conclude"))
    assert again.status_code == 302 and again.headers["Location"] != seen.context["action"]
    assert not Cluster.objects.filter(name="member-x").exists()


def test_a_page_answers_registered_though_the_worker_died_after_storing(admin: Client, world: World) -> None:
    url = admin.post(REGISTER_CLUSTER, cluster_values(world, do="conclude")).headers["Location"]
    asked = Inquiry.objects.get(status=InquiryStatus.WAITING)
    registration.look(asked)
    assert Cluster.objects.filter(name="member-c").exists()
    Inquiry.objects.filter(id=asked.id).update(
        status=InquiryStatus.RUNNING, lease_until=timezone.now() - timedelta(seconds=1)
    )
    answering.answer(asked.id)
    asked.refresh_from_db()
    assert (asked.status, asked.errors, asked.result["concluded"]) == (InquiryStatus.DONE, [], True)
    assert (
        Entry.objects.filter(action="cluster.register", subject="member-c").values_list("outcome", flat=True).last()
        == "accepted"
    )
    assert "member-c is registered." in admin.get(url, follow=True).content.decode()


def test_a_button_sent_twice_stores_once(admin: Client, world: World) -> None:
    seen = answered(admin, admin.post(REGISTER_CLUSTER, cluster_values(world, do="check")))
    asked = Inquiry.objects.get(status=InquiryStatus.DONE)
    registration.conclude(inquiry=asked, actor=Actor.for_user(asked.user, scope_of(world.mesh.id)))
    again = admin.post(seen.context["action"], cluster_values(world, kubeconfig="", do="conclude"))
    assert (again.status_code, again.headers["Location"]) == (302, "/meshes/prod/clusters/")


def two_credentials(place: World, client: Client, url: str) -> None:
    """Both kubeconfigs lead to one cluster: with different credentials they are refused, the same one twice is not."""
    second = with_token(place.fleet.kubeconfig(place.fleet.hub), "another-admin-token")
    seen = answered(client, client.post(url, mesh_values(place, config=second)))
    assert "the same cluster" in errors(seen, "config")
    same = mesh_values(place, config=place.fleet.kubeconfig(place.fleet.hub))
    assert answered(client, client.post(url, same)).headers["HX-Redirect"]


def test_a_mesh_is_registered_with_one_credential_per_cluster(platform: Client, empty: World) -> None:
    two_credentials(empty, platform, REGISTER_MESH)


def test_a_mesh_keeps_one_credential_per_cluster_when_replaced(world: World) -> None:
    two_credentials(world, browser("pia", Role.PLATFORM_ADMIN), "/meshes/prod/settings/credential/")


def test_pages_warn_before_a_credential_ends(admin: Client, world: World) -> None:
    Connection.objects.filter(cluster__name="member-a").update(ends_at=timezone.now() + timedelta(days=29))
    Connection.objects.filter(id=world.mesh.config_id).update(ends_at=timezone.now() - timedelta(days=1))
    clusters, mesh = (flat(admin.get(f"/meshes/prod/{page}").content.decode()) for page in ("clusters/", ""))
    assert clusters.count("The credential expires on") == mesh.count("The credential expires on") == 1
    assert mesh.count("The credential expired on") == 1
    assert 'class="notice tone-bad" id="expiring"' in mesh and 'tone-warn tone-text"><svg' in clusters
    assert "member-b</strong>" not in mesh
