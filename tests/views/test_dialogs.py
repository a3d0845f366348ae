"""Changes from the browser: what is accepted, and how what is refused is said."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.urls import reverse

from interconnect.domain.changes import EditGateway, Remove
from interconnect.domain.topology import GatewayKey, GatewaySpec
from interconnect.models import Gateway, JoinDraft, Mesh, Rollout
from interconnect.state import desired
from meshconsole.audit.models import Entry
from tests.support import shop

HTMX = {"HX-Request": "true", "HX-Target": "dialog-form"}


def url(mesh: Mesh, name: str, **parts: Any) -> str:
    return reverse(name, kwargs={"name": mesh.name, **parts})


def send(client: Any, address: str, **values: Any) -> Any:
    return client.post(address, values, headers=HTMX)


def test_a_group_is_created_and_the_page_stays(as_ada: Any, mesh: Mesh) -> None:
    response = send(as_ada, url(mesh, "group-create"), name="2-edge", clusters=["free"])
    assert response.status_code == 204
    assert {"close-dialog", "refresh", "toast"} == set(json.loads(response.headers["HX-Trigger"]))
    assert desired.load(mesh).groups["2-edge"].clusters == {"free"}


@pytest.mark.parametrize("name", ["", "aws", "Upper", "a" * 64, "under_score", "-x", "ünïcode", "a b"])
def test_a_bad_group_name_is_refused_beside_the_field_and_what_was_typed_stays(
    as_ada: Any, mesh: Mesh, name: str
) -> None:
    response = send(as_ada, url(mesh, "group-create"), name=name, clusters=["free"])
    form = response.context["form"]
    assert response.status_code == 422 and form.errors["name"]
    assert form["name"].value() == name and form["clusters"].value() == ["free"]
    assert b'aria-invalid="true"' in response.content


def test_a_bad_name_and_no_cluster_are_told_at_once(as_ada: Any, mesh: Mesh) -> None:
    errors = send(as_ada, url(mesh, "group-create"), name="Upper").context["form"].errors
    assert set(errors) == {"name", "clusters"}


def test_a_group_without_clusters_and_one_with_a_cluster_that_is_not_there_are_refused(as_ada: Any, mesh: Mesh) -> None:
    assert send(as_ada, url(mesh, "group-create"), name="x").context["form"].errors["clusters"]
    assert send(as_ada, url(mesh, "group-create"), name="x", clusters=["nowhere"]).status_code == 422
    assert send(as_ada, url(mesh, "group-create"), name="x", clusters=["taiwan"]).status_code == 422


def test_overlapping_pod_cidrs_are_refused_and_a_mesh_admin_may_override_them(
    as_ada: Any, omar: Any, mesh: Mesh
) -> None:
    shop.add_cluster(mesh, "twin", "10.9.0.0/16")
    values = {"name": "both", "clusters": ["free", "twin"]}
    refused = send(as_ada, url(mesh, "group-create"), **values)
    assert refused.status_code == 422 and "Override" in refused.content.decode()
    accepted = send(
        as_ada,
        url(mesh, "group-create"),
        **values,
        accept=re.findall(r'name="accept" value="([^"]+)"', refused.content.decode()),
    )
    assert accepted.status_code == 204 and "both" in desired.load(mesh).groups


def marked(response: Any) -> set[str]:
    """Values of the checkboxes that are shown as wrong."""
    boxes = re.findall(r'<input type="checkbox"[^>]*>', response.content.decode())
    return {re.findall(r'value="([^"]*)"', box)[0] for box in boxes if "is-invalid" in box or "aria-invalid" in box}


def test_only_the_clusters_that_overlap_are_marked_as_wrong(as_ada: Any, mesh: Mesh) -> None:
    shop.add_cluster(mesh, "twin", "10.9.0.0/16")
    shop.add_cluster(mesh, "apart", "10.77.0.0/16")
    for values in ({"name": "both"}, {"name": ""}):
        refused = send(as_ada, url(mesh, "group-create"), **values, clusters=["free", "twin", "apart"])
        assert marked(refused) == ({"free", "twin"} if values["name"] else set()), values
    assert marked(send(as_ada, url(mesh, "group-create"), name="none")) == {"apart", "free", "spare", "twin"}


def test_only_the_cluster_that_overlaps_with_the_group_is_marked(as_ada: Any, mesh: Mesh) -> None:
    shop.add_cluster(mesh, "twin", "10.2.0.0/16")
    refused = send(as_ada, url(mesh, "group-add-cluster", group="asia"), clusters=["free", "twin"])
    assert refused.status_code == 422 and marked(refused) == {"twin"}


def test_a_gateway_form_tells_all_its_errors_at_once(as_ada: Any, mesh: Mesh) -> None:
    wrong = {
        "replicas": "many",
        "annotations": "no colon",
        "load_balancer_ip": "not an ip",
        "autoscaling_min": "5",
        "autoscaling_max": "2",
    }
    address = url(mesh, "group-create-gateway", group="asia")
    refused = send(as_ada, address, cluster="taiwan", **wrong)
    assert refused.status_code == 422
    assert set(refused.context["form"].errors) == {"replicas", "annotations", "load_balancer_ip", "autoscaling_min"}
    assert all(len(told) == 1 for told in refused.context["form"].errors.values())
    gateway = Gateway.objects.get(cluster__mesh=mesh, cluster__name="taiwan")
    refused = send(as_ada, url(mesh, "gateway-edit", gateway=gateway.id), **wrong)
    assert set(refused.context["form"].errors) == {"replicas", "annotations", "load_balancer_ip", "autoscaling_min"}


def test_a_gateway_form_for_a_joined_group_says_so_with_its_other_errors(as_ada: Any, mesh: Mesh) -> None:
    refused = send(as_ada, url(mesh, "cluster-create-gateway", cluster="frankfurt"), replicas="many")
    assert (
        refused.context["form"].errors["replicas"]
        and "Remove it from the interconnect first" in refused.content.decode()
    )


def test_an_operator_is_not_offered_to_override(client: Any, omar: Any, mesh: Mesh) -> None:
    shop.add_cluster(mesh, "twin", "10.9.0.0/16")
    client.force_login(omar)
    refused = send(client, url(mesh, "group-create"), name="both", clusters=["free", "twin"])
    assert refused.status_code == 422 and "Override" not in refused.content.decode()


def test_while_a_rollout_runs_a_second_change_is_refused_and_names_it(as_ada: Any, mesh: Mesh) -> None:
    running = shop.started(mesh, Remove("aws"))
    response = send(as_ada, url(mesh, "group-create"), name="x", clusters=["free"])
    assert response.status_code == 409 and str(running.id) in response.content.decode()


def test_clusters_are_added_moved_and_removed(as_ada: Any, mesh: Mesh) -> None:
    finish(send(as_ada, url(mesh, "group-add-cluster", group="asia"), clusters=["free"]))
    assert desired.load(mesh).groups["asia"].clusters == {"taiwan", "free"}
    finish(send(as_ada, url(mesh, "cluster-move", cluster="free"), group="1-onprem"))
    assert desired.load(mesh).groups["1-onprem"].clusters == {"hangzhou", "free"}
    finish(send(as_ada, url(mesh, "cluster-remove-from-group", cluster="free")))
    assert desired.load(mesh).group_of("free") is None


def finish(response: Any) -> None:
    """Accepted; and its rollout ends, so that the next may begin."""
    assert response.status_code == 204, response.content.decode()
    rollout = Rollout.objects.latest("created_at")
    shop.end(rollout, "succeeded", "succeeded")  # type: ignore[arg-type]
    shop.all_applied(rollout.mesh)


def test_the_last_cluster_of_a_group_is_not_removed(as_ada: Any, mesh: Mesh) -> None:
    response = send(as_ada, url(mesh, "cluster-remove-from-group", cluster="taiwan"))
    assert response.status_code == 422 and "asia" in response.content.decode()


def test_a_gateway_is_created_with_what_was_chosen(as_ada: Any, mesh: Mesh) -> None:
    values = {
        "cluster": "taiwan",
        "replicas": "3",
        "annotations": 'a.example/b: "yes"\nc: d',
        "load_balancer_ip": "203.0.113.9",
    }
    finish(send(as_ada, url(mesh, "group-create-gateway", group="asia"), **values))
    spec = desired.load(mesh).gateways[GatewayKey("taiwan", 2)].spec
    assert (spec.replicas, spec.load_balancer_ip, dict(spec.annotations)) == (
        3,
        "203.0.113.9",
        {"a.example/b": "yes", "c": "d"},
    )


ODD = {
    "example.org/quoted": '"on"',
    "example.org/lines": "first: 1\nsecond: 2",
    "example.org/blank": " ",
    "example.org/hash": "a # b",
}


class Controls(HTMLParser):
    """What a browser sends of a form that nobody has touched: no disabled field, and CRLF for the ends of lines."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.within = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "option":
            if self.within and "selected" in given:
                self.values[self.within] = given.get("value") or ""
            return
        sent = tag in ("input", "textarea", "select") and "disabled" not in given
        self.within = (given.get("name") or "") if sent else ""
        if self.within:
            self.values[self.within] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        self.within = "" if tag in ("textarea", "select") else self.within

    def handle_data(self, data: str) -> None:
        if self.within == "annotations":
            self.values["annotations"] += data.removeprefix("\n").replace("\n", "\r\n")


@pytest.mark.parametrize("cluster", ["taiwan", "frankfurt"])
def test_saving_replicas_alone_leaves_odd_annotations_alone(as_ada: Any, mesh: Mesh, cluster: str) -> None:
    """Also in a joined group, of which nothing else may change."""
    Gateway.objects.filter(cluster__name=cluster).update(annotations=ODD)
    address = url(mesh, "cluster-edit-gateway", cluster=cluster)
    form = Controls(as_ada.get(address, headers=HTMX).content.decode()).values
    finish(send(as_ada, address, **form | {"replicas": "2"}))
    spec = desired.load(mesh).gateways[GatewayKey(cluster, 1)].spec
    assert (spec.replicas, dict(spec.annotations)) == (2, ODD)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("replicas", "0"),
        ("replicas", "many"),
        ("replicas", "1000"),
        ("annotations", "not an annotation"),
        ("annotations", "bad key!: x"),
        ("annotations", "a: 1\na: 2"),
        ("load_balancer_ip", "127.0.0.1"),
        ("load_balancer_ip", "example"),
        ("autoscaling_min", "5"),
    ],
)
def test_what_a_gateway_may_not_be_is_said_beside_the_field(as_ada: Any, mesh: Mesh, field: str, value: str) -> None:
    values = {"replicas": "1", "autoscaling_max": "2" if field == "autoscaling_min" else "", field: value}
    response = send(as_ada, url(mesh, "cluster-create-gateway", cluster="taiwan"), **values)
    assert response.status_code == 422 and response.context["form"].errors[field]


def test_of_a_joined_groups_gateway_only_the_replicas_change(as_ada: Any, mesh: Mesh) -> None:
    gateway = Gateway.objects.get(cluster__name="frankfurt")
    finish(send(as_ada, url(mesh, "gateway-edit", gateway=gateway.id), replicas="4", load_balancer_ip="203.0.113.200"))
    spec = desired.load(mesh).gateways[GatewayKey("frankfurt", 1)].spec
    assert (spec.replicas, spec.load_balancer_ip) == (4, "")


def test_a_form_whose_object_has_changed_says_so_and_keeps_what_was_typed(as_ada: Any, mesh: Mesh) -> None:
    gateway = Gateway.objects.get(cluster__name="taiwan")
    address = url(mesh, "gateway-edit", gateway=gateway.id)
    version = (
        as_ada.get(address, headers={"HX-Request": "true", "HX-Target": "dialogs"}).context["form"]["version"].value()
    )
    shop.settled(mesh, EditGateway(GatewayKey("taiwan", 1), GatewaySpec(replicas=7)))
    stale = send(as_ada, address, replicas="2", version=version)
    assert stale.status_code == 409 and stale.context["form"]["replicas"].value() == "2"
    again = send(as_ada, address, replicas="2", version=stale.context["form"]["version"].value())
    assert again.status_code == 204


def test_unrelated_changes_of_colleagues_do_not_disturb(as_ada: Any, mesh: Mesh) -> None:
    gateway = Gateway.objects.get(cluster__name="taiwan")
    address = url(mesh, "gateway-edit", gateway=gateway.id)
    version = as_ada.get(address).context["form"]["version"].value()
    shop.settled(mesh, EditGateway(GatewayKey("hangzhou", 1), GatewaySpec(replicas=7)))
    assert send(as_ada, address, replicas="2", version=version).status_code == 204


def test_a_cluster_with_several_gateways_asks_which_one_to_edit(as_ada: Any, mesh: Mesh) -> None:
    shop.settled(mesh, shop.gateway_in("taiwan", 2))
    first = as_ada.get(url(mesh, "cluster-edit-gateway", cluster="taiwan"))
    assert list(first.context["form"].fields) == ["gateway"]
    chosen = Gateway.objects.get(cluster__name="taiwan", number=2)
    second = as_ada.get(url(mesh, "cluster-edit-gateway", cluster="taiwan"), {"gateway": str(chosen.id)})
    assert "eastwest-taiwan-2" in second.content.decode()


def test_gateways_and_groups_are_deleted(as_ada: Any, mesh: Mesh) -> None:
    gateway = Gateway.objects.get(cluster__name="taiwan")
    finish(send(as_ada, url(mesh, "gateway-delete", gateway=gateway.id)))
    finish(send(as_ada, url(mesh, "group-delete", group="asia")))
    topology = desired.load(mesh)
    assert "asia" not in topology.groups and GatewayKey("taiwan", 1) not in topology.gateways


def test_removing_asks_twice_and_leads_to_the_rollout(as_ada: Any, mesh: Mesh) -> None:
    address = url(mesh, "interconnect-remove")
    first = as_ada.get(address, {"group": "aws"}, headers={"HX-Request": "true", "HX-Target": "dialogs"})
    assert "Remove" in first.content.decode() and desired.load(mesh).groups["aws"].joined
    second = send(as_ada, address, group="aws", step="ask")
    assert "Confirm" in second.content.decode() and desired.load(mesh).groups["aws"].joined
    version = second.context["form"]["version"].value()
    last = send(as_ada, address, group="aws", step="confirm", restart="never", version=version)
    rollout = Rollout.objects.latest("created_at")
    assert last.headers["HX-Redirect"].endswith(f"/rollouts/{rollout.id}/") and rollout.restart == "never"
    assert not desired.load(mesh).groups["aws"].joined


def test_addresses_are_updated_without_the_control_plane_starting_again(as_ada: Any, mesh: Mesh) -> None:
    address = url(mesh, "addresses-update") + "?group=aws"
    response = as_ada.post(address, {"aws-chosen": [], "aws-host": "gw.example.org", "aws-port": "443"})
    rollout = Rollout.objects.latest("created_at")
    assert response.headers["Location"].endswith(f"/rollouts/{rollout.id}/")
    assert not rollout.steps.filter(kind="restart").exists()
    assert [str(item.host) for item in desired.load(mesh).groups["aws"].addresses or ()] == ["gw.example.org"]


@pytest.mark.parametrize(
    ("host", "port"),
    [("127.0.0.1", "15443"), ("203.0.113.1", "0"), ("203.0.113.1", "x"), ("not a name", "15443"), ("169.254.1.1", "")],
)
def test_an_address_that_nobody_could_reach_is_refused(as_ada: Any, mesh: Mesh, host: str, port: str) -> None:
    response = as_ada.post(
        url(mesh, "addresses-update") + "?group=aws", {"aws-host": host, "aws-port": port}, follow=True
    )
    form = response.context["forms"]["aws"]
    assert response.status_code == 422 and (form.errors.get("host") or form.errors.get("port"))


def test_the_wizard_keeps_its_draft(as_ada: Any, mesh: Mesh, ada: Any) -> None:
    assert as_ada.post(url(mesh, "join"), {"group": ["asia"]}).headers["Location"] == url(mesh, "join-addresses")
    offered = as_ada.get(url(mesh, "join-addresses")).context["forms"]["asia"].fields["chosen"].choices
    added = as_ada.post(
        url(mesh, "join-addresses"),
        {"asia-chosen": [offered[0][0]], "asia-host": "gw.example.org", "add": "asia"},
        follow=True,
    )
    assert "gw.example.org:15443" in added.content.decode()
    as_ada.post(url(mesh, "join-addresses"), {"asia-chosen": [offered[0][0]]})
    assert JoinDraft.objects.get(user=ada).addresses["asia"][0]["host"] == "203.0.113.8"
    review = as_ada.get(url(mesh, "join-review"))
    assert "203.0.113.8" in review.content.decode() and review.context["planning"]


def test_a_pending_address_can_be_awaited(as_ada: Any, mesh: Mesh) -> None:
    as_ada.post(url(mesh, "join"), {"group": ["1-onprem"]})
    choices = as_ada.get(url(mesh, "join-addresses")).context["forms"]["1-onprem"].fields["chosen"].choices
    assert [label for _value, label in choices] == ["awaited from eastwest-hangzhou-1"]


def test_the_wizard_does_not_skip_a_step_nor_join_what_cannot(as_ada: Any, mesh: Mesh) -> None:
    assert as_ada.get(url(mesh, "join-review")).headers["Location"] == url(mesh, "join")
    assert as_ada.post(url(mesh, "join"), {"group": ["aws", "nowhere"]}, follow=True).status_code == 422
    as_ada.post(url(mesh, "join"), {"group": ["asia"]})
    assert as_ada.get(url(mesh, "join-review")).headers["Location"] == url(mesh, "join-addresses")
    assert as_ada.post(url(mesh, "join-addresses"), {}, follow=True).status_code == 422


def test_disabling_shows_its_prerequisites_and_wants_the_phrase(as_ada: Any, mesh: Mesh) -> None:
    page = as_ada.get(url(mesh, "disable"))
    assert [met for _label, met, _why in page.context["checklist"]] == [False, False]
    assert send(as_ada, url(mesh, "disable"), phrase="Close Basic Settings").status_code == 422
    assert send(as_ada, url(mesh, "disable"), phrase="yes").context["form"].errors["phrase"]


@pytest.mark.parametrize("phrase", ["Close Basic Settings", "关闭基本设置"])
def test_either_phrase_disables(client: Any, pia: Any, db: None, phrase: str) -> None:
    from interconnect.domain.changes import Enable

    mesh = shop.new_mesh("empty")
    shop.settled(mesh, Enable())
    client.force_login(pia)
    assert send(client, url(mesh, "disable"), phrase=phrase).status_code == 204
    mesh.refresh_from_db()
    assert not mesh.enabled


def test_only_a_hosted_mesh_can_be_enabled(client: Any, pia: Any, db: None) -> None:
    from interconnect.domain.topology import MeshKind

    client.force_login(pia)
    hosted, external = shop.new_mesh("hosted"), shop.new_mesh("external", MeshKind.EXTERNAL)
    assert "HX-Redirect" in send(client, url(hosted, "enable")).headers
    assert send(client, url(external, "enable")).status_code == 422


def test_every_request_leaves_one_entry_accepted_or_refused(as_ada: Any, mesh: Mesh) -> None:
    before = Entry.objects.count()
    send(as_ada, url(mesh, "group-create"), name="Bad", clusters=["free"])
    send(as_ada, url(mesh, "group-create"), name="good", clusters=["free"])
    outcomes = list(Entry.objects.order_by("pk").values_list("outcome", flat=True))[before:]
    assert outcomes.count("refused") == 1 and outcomes.count("accepted") == 1


def test_a_dialog_opened_as_a_page_works_without_a_script(as_ada: Any, mesh: Mesh) -> None:
    response = as_ada.post(url(mesh, "group-create"), {"name": "plain", "clusters": ["free"]})
    assert response.status_code == 302 and response.headers["Location"] == url(mesh, "interconnect")


def test_a_cluster_outside_all_groups_leaves_the_mesh(as_ada: Any, mesh: Mesh) -> None:
    assert send(as_ada, url(mesh, "cluster-unregister", cluster="free")).status_code == 204
    assert "free" not in desired.load(mesh).clusters


def test_a_cluster_of_a_group_does_not_leave_the_mesh(as_ada: Any, mesh: Mesh) -> None:
    response = send(as_ada, url(mesh, "cluster-unregister", cluster="taiwan"))
    assert response.status_code == 422 and "taiwan" in desired.load(mesh).clusters


def test_a_cluster_is_forgotten_once_its_name_is_typed(as_ada: Any, mesh: Mesh) -> None:
    address = url(mesh, "cluster-forget", cluster="hangzhou")
    assert send(as_ada, address, confirmation="hang").context["form"].errors["confirmation"]
    assert send(as_ada, address, confirmation="hangzhou").status_code == 204
    topology = desired.load(mesh)
    assert "hangzhou" not in topology.clusters and "1-onprem" not in topology.groups


def test_a_cluster_of_a_joined_group_is_not_forgotten(as_ada: Any, mesh: Mesh) -> None:
    assert send(as_ada, url(mesh, "cluster-forget", cluster="frankfurt"), confirmation="frankfurt").status_code == 422


def test_ticks_are_asked_about_by_post_not_in_a_url(as_ada: Any, mesh: Mesh) -> None:
    for name in ("group-create", "interconnect"):
        page = as_ada.get(
            url(mesh, name), headers=HTMX | {"HX-Target": "dialogs" if name == "group-create" else "live"}
        ).content.decode()
        assert "hx-include" in page and not re.search(
            r"<[^>]*hx-get[^>]*hx-include[^>]*(closest form|members-form)", page
        )
    asked = send(as_ada, url(mesh, "group-create"), name="", clusters=["free", "twin"], asks="1")
    assert asked.status_code == 200 and not asked.context["form"].errors and "mine" not in desired.load(mesh).groups


def test_ticked_groups_reach_the_address_page_by_post(as_ada: Any, mesh: Mesh) -> None:
    address = url(mesh, "addresses-update")
    ticked = as_ada.post(address, {"ticked": "1", "group": ["aws"]})
    assert ticked.headers["Location"] == address
    page = as_ada.get(address)
    assert (
        list(page.context["forms"]) == ["aws"]
        and '<input type="hidden" name="group" value="aws">' in page.content.decode()
    )
    sent = as_ada.post(address, {"group": ["aws"], "aws-host": "gw.example.org", "aws-port": "443"})
    assert "/rollouts/" in sent.headers["Location"]


def test_removal_of_ticked_groups_is_asked_about_by_post(as_ada: Any, mesh: Mesh) -> None:
    first = as_ada.post(url(mesh, "interconnect-remove"), {"group": ["aws"]}, headers=HTMX | {"HX-Target": "dialogs"})
    assert (
        first.status_code == 200
        and first.context["form"]["step"].value() == "ask"
        and desired.load(mesh).groups["aws"].joined
    )


@pytest.mark.parametrize(
    ("name", "parts"),
    [("group-delete", {"group": "asia"}), ("cluster-remove-from-group", {"cluster": "taiwan"}), ("gateway-delete", {})],
)
def test_a_deletion_lists_every_object_by_kind_and_name(
    as_ada: Any, mesh: Mesh, name: str, parts: dict[str, str]
) -> None:
    parts = parts or {"gateway": str(Gateway.objects.get(cluster__name="taiwan").id)}
    said = as_ada.get(url(mesh, name, **parts)).content.decode()
    for kind in ("ServiceAccount", "Deployment", "Service"):
        assert f"<li>{kind} eastwest-taiwan-1 on taiwan</li>" in said
    assert "eastwest-hangzhou-1" not in said


def test_disabling_names_the_rule_that_goes(as_ada: Any, mesh: Mesh) -> None:
    assert "<li>Gateway cross-network-gateway</li>" in as_ada.get(url(mesh, "disable")).content.decode()
