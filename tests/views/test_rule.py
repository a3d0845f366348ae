"""What a page asks the clusters now: the rule, what others have changed, workloads to restart; and the settings of a
mesh.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from interconnect.domain.changes import EditGateway, Enable
from interconnect.domain.stale import StaleCount, Workload
from interconnect.domain.topology import GatewaySpec
from interconnect.models import Inquiry, Rollout, RolloutKind
from interconnect.scope import scope_of
from interconnect.services import answering, watching
from interconnect.services.meshes import mesh_istiod_url
from interconnect.state import observed
from meshconsole.access.actor import Actor
from meshconsole.access.roles import Role
from meshconsole.audit.models import Entry
from tests.conftest import person
from tests.support import shop
from tests.support.markup import flat
from tests.support.world import SYSTEM, World, refused
from tests.support.worlds import fleets, hasty, joined, prepared, world
from tests.views.test_decisions import opened, sent, shown

__all__ = ["fleets", "hasty", "joined", "prepared", "world"]
HERE = "/meshes/prod/"
RULE = "cross-network-gateway"
HTMX = {"HX-Request": "true", "HX-Target": "look"}


def browser(world: World, name: str, role: Role) -> Client:
    client = Client()
    client.force_login(person(name, role, scope_of(world.mesh.id)))
    return client


def asked(client: Client, url: str, **values: Any) -> Any:
    """The answer to a look, once a worker has given it."""
    waiting = client.post(url, values, headers=HTMX)
    assert waiting.status_code == 200 and b"Asking the clusters" in waiting.content
    inquiry = Inquiry.objects.latest("asked_at")
    answering.answer(inquiry.id)
    return client.get(f"{HERE}looks/{inquiry.id}/", headers=HTMX)


def edited_rule(world: World) -> None:
    config = world.fleet.cluster(world.fleet.config)
    found: Any = config.get("Gateway", RULE, SYSTEM)
    found["spec"]["servers"][0]["hosts"] = ["*.edited"]
    config.patch(
        "Gateway", RULE, {"spec": {"servers": found["spec"]["servers"]}}, namespace=SYSTEM, manager="kubectl-edit"
    )


def test_the_rule_is_shown_as_it_is_now_with_those_of_others(prepared: World) -> None:
    theirs = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "theirs", "namespace": SYSTEM},
        "spec": {
            "selector": {"istio": "x"},
            "servers": [{"port": {"number": 15443, "name": "t", "protocol": "TLS"}, "hosts": ["*.x"]}],
        },
    }
    prepared.fleet.cluster(prepared.fleet.config).put(theirs)
    vera = browser(prepared, "vera", Role.VIEWER)
    dialog = vera.get(f"{HERE}rule/", headers={"HX-Request": "true", "HX-Target": "dialogs"}).content.decode()
    assert "AUTO_PASSTHROUGH" in dialog and "Editing it by hand may break" in dialog
    seen = asked(vera, f"{HERE}rule/")
    assert [(line.name, line.ours) for line in seen.context["said"].gateways] == [
        (RULE, True),
        ("theirs", False),
    ]
    assert seen.context["differences"] == []


def test_enabling_names_the_gateways_of_others_that_the_rule_will_meet(world: World) -> None:
    config = world.fleet.cluster(world.fleet.config)
    server = {"port": {"number": 15443, "name": "t", "protocol": "TLS"}, "hosts": ["*.x"]}
    for name, selector in ((RULE, "ingressgateway"), ("beside", "eastwestgateway"), ("elsewhere", "ingressgateway")):
        spec = {"selector": {"istio": selector}, "servers": [server]}
        config.put(
            {
                "apiVersion": "networking.istio.io/v1",
                "kind": "Gateway",
                "metadata": {"name": name, "namespace": SYSTEM},
                "spec": spec,
            }
        )
    ada = browser(world, "ada", Role.MESH_ADMIN)
    dialog = ada.get(f"{HERE}enable/", headers={"HX-Request": "true", "HX-Target": "dialogs"}).content.decode()
    assert f'hx-post="{HERE}rule/"' in dialog
    seen = asked(ada, f"{HERE}rule/", do="enabling")
    assert [(line.name, line.taken) for line in seen.context["said"].gateways] == [
        ("beside", False),
        (RULE, True),
    ]
    assert "asks whether to adopt it" in seen.content.decode()


def test_a_rule_that_was_edited_by_hand_is_shown_with_the_difference_and_restored(prepared: World) -> None:
    edited_rule(prepared)
    ada = browser(prepared, "ada", Role.MESH_ADMIN)
    seen = asked(ada, f"{HERE}rule/")
    assert "*.edited" in seen.context["differences"][0].before
    assert "Restore" in seen.content.decode()
    plan = opened(ada, f"{HERE}restore/")
    page = shown(ada, f"{HERE}restore/", plan)
    assert "*.edited" in page and "Restoring takes it over" in page and "data-ready" in page
    done = sent(ada, f"{HERE}restore/", plan)
    rollout = Rollout.objects.latest("created_at")
    assert (done.status_code, done.headers["HX-Redirect"]) == (204, f"{HERE}rollouts/{rollout.id}/")
    prepared.finish(rollout)
    found = prepared.fleet.cluster(prepared.fleet.config).get("Gateway", RULE, SYSTEM)
    assert found["spec"]["servers"][0]["hosts"] == ["*.local"]
    assert Entry.objects.filter(action="drift.restore", actor="ada", outcome="accepted").count() == 1


def test_what_others_have_changed_is_the_loudest_thing_on_the_page(prepared: World) -> None:
    edited_rule(prepared)
    watching.look(prepared.mesh)
    page = browser(prepared, "ada", Role.MESH_ADMIN).get(HERE).content.decode()
    assert "Others have changed what the console wrote" in page and RULE in page
    assert "Gateway cross-network-gateway was changed by kubectl-edit." in page


def test_what_a_failed_rollout_left_undone_is_not_laid_at_the_door_of_others(prepared: World) -> None:
    gateway = next(iter(prepared.topology.gateways.values()))
    prepared.fleet.fault(gateway.key.cluster, "403", methods=("PATCH",), resource="deployments")
    prepared.do(EditGateway(gateway.key, GatewaySpec(replicas=3)), ends="failed")
    watching.look(prepared.mesh)
    page = browser(prepared, "ada", Role.MESH_ADMIN).get(HERE)
    assert page.context["drift"]["lines"]
    assert "Others have changed" not in page.content.decode()
    assert "Some objects don't match the desired state" in page.content.decode()


def test_a_rule_that_others_have_changed_is_not_said_to_be_in_place(prepared: World) -> None:
    ada = browser(prepared, "ada", Role.MESH_ADMIN)
    watching.look(prepared.mesh)
    assert ada.get(HERE).context["rule_state"].text == "In place"
    edited_rule(prepared)
    watching.look(prepared.mesh)
    assert ada.get(HERE).context["rule_state"].text == "Changed by kubectl-edit"


def test_an_operator_does_not_restore_what_is_a_mesh_admins(prepared: World) -> None:
    edited_rule(prepared)
    omar = browser(prepared, "omar", Role.OPERATOR)
    plan = opened(omar, f"{HERE}restore/")
    assert "data-ready" not in shown(omar, f"{HERE}restore/", plan)
    assert sent(omar, f"{HERE}restore/", plan).status_code == 403
    assert not Rollout.objects.filter(kind=RolloutKind.RESTORE).exists()


def test_without_a_difference_there_is_nothing_to_restore(prepared: World) -> None:
    ada = browser(prepared, "ada", Role.MESH_ADMIN)
    plan = opened(ada, f"{HERE}restore/")
    assert "matches the desired state" in shown(ada, f"{HERE}restore/", plan)
    assert "nothing to restore" in sent(ada, f"{HERE}restore/", plan).content.decode()


def test_a_silent_cluster_is_named_and_hides_nothing_else(prepared: World) -> None:
    prepared.fleet.fault("member-b", "refuse")
    ada = browser(prepared, "ada", Role.MESH_ADMIN)
    page = shown(ada, f"{HERE}restore/", opened(ada, f"{HERE}restore/"))
    assert "<summary><strong>member-b</strong></summary>" in flat(page)


def test_stale_workloads_bring_the_button_that_restarts_them(prepared: World) -> None:
    for name in ("member-b", "member-c"):
        observed.note_stale(prepared.row(name), StaleCount())
    observed.note_stale(prepared.row("member-a"), StaleCount({Workload("shop", "Deployment", "cart"): 2}))
    page = browser(prepared, "omar", Role.OPERATOR).get(HERE).content.decode()
    assert "restart-workloads/?cluster=member-a" in page and "restart-workloads/?cluster=member-b" not in page


@pytest.mark.parametrize("query", ["", "?group=nowhere", "?cluster=nowhere", "?cluster=%00", "?group=" + "x" * 500])
def test_a_restart_of_nothing_is_not_found(prepared: World, query: str) -> None:
    assert browser(prepared, "ada", Role.MESH_ADMIN).get(f"{HERE}restart-workloads/{query}").status_code == 404


def test_a_rule_of_others_is_adopted_and_its_fields_taken_over_from_the_rollouts_page(world: World) -> None:
    theirs = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": RULE, "namespace": SYSTEM},
        "spec": {
            "selector": {"istio": "eastwestgateway"},
            "servers": [
                {
                    "port": {"number": 15443, "name": "t", "protocol": "TLS"},
                    "tls": {"mode": "AUTO_PASSTHROUGH"},
                    "hosts": ["*.x"],
                }
            ],
        },
    }
    world.fleet.cluster(world.fleet.config).put(theirs)
    rollout = world.do(Enable(), ends="failed")
    ada = browser(world, "ada", Role.MESH_ADMIN)
    here = f"{HERE}rollouts/{rollout.id}/"
    for decision, ends in (("Adopt", "failed"), ("Take over and retry", "succeeded")):
        page = flat(ada.get(here).content.decode())
        assert [label for label in ("Adopt", "Take over and retry", "Override") if f">{label}<" in page] == [decision]
        (query,) = {tuple(re.findall(r'name="(decision|accept)" value="([^"]+)"', page))}
        url = f"{here}retry/?{urlencode(query)}"
        plan = opened(ada, url)
        assert (
            "This is recorded." in ada.get(url, headers={"HX-Request": "true", "HX-Target": "dialogs"}).content.decode()
        )
        assert "HX-Redirect" in sent(ada, url, plan).headers
        world.finish(rollout, ends)


def test_it_is_said_where_istiod_reads_mesh_networks(world: World) -> None:
    ada, omar = browser(world, "ada", Role.MESH_ADMIN), browser(world, "omar", Role.OPERATOR)
    url, uid = f"{HERE}settings/networks/", world.mesh.config_uid
    assert omar.post(url, {"source": uid, "config_map": "istio"}).status_code == 403
    for values in (
        {"source": uid},
        {"source": uid, "config_map": "Bad_Name"},
        {"source": "elsewhere", "config_map": "istio"},
    ):
        assert ada.post(url, values).status_code == 422, values
    assert ada.post(url, {"source": uid, "config_map": "istio-canary"}).status_code == 302
    world.mesh.refresh_from_db()
    assert (world.mesh.networks_cluster, world.mesh.networks_config_map) == (uid, "istio-canary")
    assert {istiod.networks.name for istiod in observed.facts(world.mesh).istiods if istiod.networks} == {
        "istio-canary"
    }
    assert "istio-canary" in ada.get(f"{HERE}settings/").content.decode()
    assert ada.post(url, {"source": ""}).status_code == 302
    world.mesh.refresh_from_db()
    assert world.mesh.networks_config_map == ""


@pytest.mark.parametrize(
    "bad",
    [
        *(
            "istiod.example.com",
            "ftp://istiod:15014",
            "http://",
            "http://user:secret@istiod",
            "http://istiod/path",
            "http://istiod?x=1",
        ),
        *("http://169.254.169.254:80", "http://[::1", "http://istiod:99999", "javascript:alert(1)", "http://a b"),
    ],
)
def test_a_direct_url_of_istiod_that_is_none_is_refused_beside_its_field(world: World, bad: str) -> None:
    client = Client()
    client.force_login(person("pia", Role.PLATFORM_ADMIN, ""))
    refused = client.post(f"{HERE}settings/istiod-url/", {"url": bad})
    assert refused.status_code == 422 and refused.context["istiod_url_form"].errors["url"]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "[::ffff:127.0.0.1]"])
def test_a_direct_url_on_denied_loopback_is_refused(db: None, settings: Any, host: str) -> None:
    settings.MESHCONSOLE_DENIED_NETWORKS = ["127.0.0.0/8", "::1/128"]
    mesh, pia = shop.new_mesh("prod"), person("pia", Role.PLATFORM_ADMIN, "")
    with refused("mesh.istiod-url"):
        mesh_istiod_url(actor=Actor.for_user(pia, ""), mesh=mesh, url=f"http://{host}:15014")


def test_a_direct_url_of_istiod_is_a_platform_admins(world: World) -> None:
    ada = browser(world, "ada", Role.MESH_ADMIN)
    assert ada.post(f"{HERE}settings/istiod-url/", {"url": "http://istiod.example.com:15014"}).status_code == 403
    client = Client()
    client.force_login(person("pia", Role.PLATFORM_ADMIN, ""))
    for url in ("http://istiod.example.com:15014", "https://203.0.113.7", ""):
        assert client.post(f"{HERE}settings/istiod-url/", {"url": url}).status_code == 302
        world.mesh.refresh_from_db()
        assert world.mesh.istiod_url == url


def test_pod_cidrs_are_typed_by_a_mesh_admin(world: World) -> None:
    ada = browser(world, "ada", Role.MESH_ADMIN)
    url = f"{HERE}clusters/member-a/pod-cidrs/"
    assert ada.post(url, {"pod_cidrs": "10.0.0.0/8, nonsense"}).status_code == 422
    assert ada.post(url, {"pod_cidrs": "10.7.0.0/16 10.8.0.0/16"}).status_code == 302
    assert world.row("member-a").pod_cidrs == ["10.7.0.0/16", "10.8.0.0/16"]


def test_a_rewritten_list_of_networks_is_compared_line_by_line(joined: World) -> None:
    """Also where its lines end in blanks or hold tabs, as an editor leaves them."""
    text = joined.config_map["data"]["meshNetworks"]
    rewritten = text.replace("15443", "443").replace("\n", "  \n", 1) + "# by hand\tof us\n"
    joined.fleet.cluster(joined.fleet.config).patch("ConfigMap", "istio", {"data": {"meshNetworks": rewritten}}, SYSTEM)
    ada = browser(joined, "ada", Role.MESH_ADMIN)
    page = shown(ada, f"{HERE}restore/", opened(ada, f"{HERE}restore/"))
    assert re.findall(r'class="(removed|added)">[-+]\s+port: (\d+)<', page) == [("removed", "443"), ("added", "15443")]
    assert "\\n" not in page
