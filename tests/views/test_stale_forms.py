"""A form whose object has changed under it, and a form that is sent twice: it says so, shows what is so now, keeps what
was typed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from interconnect.domain.changes import (
    AddCluster,
    CreateGroup,
    DeleteGateway,
    DeleteGroup,
    EditGateway,
    Join,
    Remove,
    RemoveCluster,
    UpdateAddresses,
)
from interconnect.domain.topology import Address, GatewayKey, GatewaySpec, ServiceType
from interconnect.models import Gateway, Rollout
from interconnect.state import desired
from tests.support import shop
from tests.views.test_dialogs import finish, send, url

if TYPE_CHECKING:
    from interconnect.models import Mesh

ASIA = Address("203.0.113.8", gateway=GatewayKey("taiwan", 1))
AWS = Address("203.0.113.7", gateway=GatewayKey("frankfurt", 1))


def fields_of(form: Any) -> dict[str, Any]:
    """What a browser would send of a form that it has just been shown."""
    values = {bound.html_name: bound.value() for bound in form}
    return {name: value for name, value in values.items() if value is not None}


def shown(client: Any, address: str) -> dict[str, Any]:
    return fields_of(client.get(address, headers={"HX-Request": "true", "HX-Target": "dialogs"}).context["form"])


def test_a_cluster_that_has_been_grouped_since_is_named_beside_the_list_and_the_name_stays(
    as_ada: Any, mesh: Mesh
) -> None:
    address = url(mesh, "group-create")
    typed = shown(as_ada, address) | {"name": "mine", "clusters": ["free"]}
    shop.settled(mesh, CreateGroup("theirs", frozenset({"free"})))
    response = send(as_ada, address, **typed)
    form = response.context["form"]
    assert response.status_code == 422 and "free is already in the group theirs" in str(form.errors["clusters"])
    assert form["name"].value() == "mine" and "free" not in dict(form.fields["clusters"].choices)


def test_a_cluster_that_has_left_the_mesh_since_is_named_beside_the_list(as_ada: Any, mesh: Mesh) -> None:
    response = send(as_ada, url(mesh, "group-add-cluster", group="asia"), clusters=["gone"])
    assert response.status_code == 422 and "There is no cluster gone in this mesh" in str(
        response.context["form"].errors["clusters"]
    )


@pytest.mark.parametrize("name", ["a\0b", "x" * 254])
def test_a_name_that_no_cluster_can_have_is_refused_by_the_form(as_ada: Any, mesh: Mesh, name: str) -> None:
    response = send(as_ada, url(mesh, "group-create"), name="mine", clusters=["free", name])
    assert response.status_code == 422 and response.context["form"].errors["clusters"]


def test_a_group_that_is_gone_or_joined_is_named_where_a_cluster_would_move(as_ada: Any, mesh: Mesh) -> None:
    shop.settled(mesh, AddCluster("asia", "free"))
    address = url(mesh, "cluster-move", cluster="free")
    typed = shown(as_ada, address) | {"group": "1-onprem"}
    shop.settled(mesh, Join("1-onprem", (Address("gw.example.org"),)))
    assert "The group 1-onprem is joined" in str(send(as_ada, address, **typed).context["form"].errors["group"])
    shop.settled(mesh, Remove("1-onprem"), DeleteGroup("1-onprem"))
    assert "There is no network group 1-onprem" in str(send(as_ada, address, **typed).context["form"].errors["group"])


def test_a_cluster_that_has_left_its_group_gets_no_gateway(as_ada: Any, mesh: Mesh) -> None:
    shop.settled(mesh, AddCluster("asia", "free"))
    address = url(mesh, "group-create-gateway", group="asia")
    typed = shown(as_ada, address) | {"cluster": "free", "replicas": "3"}
    shop.settled(mesh, RemoveCluster("free"))
    response = send(as_ada, address, **typed)
    form = response.context["form"]
    assert (
        response.status_code == 422
        and "free is no longer in this group" in str(form.errors["cluster"])
        and form["replicas"].value() == "3"
    )


def test_a_cluster_of_another_group_gets_no_gateway_by_this_groups_form(as_ada: Any, mesh: Mesh) -> None:
    response = send(as_ada, url(mesh, "group-create-gateway", group="asia"), cluster="hangzhou", replicas="1")
    assert response.status_code == 422 and "hangzhou is no longer in this group" in str(
        response.context["form"].errors["cluster"]
    )
    assert GatewayKey("hangzhou", 2) not in desired.load(mesh).gateways


def test_a_gateway_whose_group_has_joined_since_is_shown_again_before_anything_that_was_typed_is_dropped(
    as_ada: Any, mesh: Mesh
) -> None:
    address = url(mesh, "gateway-edit", gateway=Gateway.objects.get(cluster__name="taiwan").id)
    typed = shown(as_ada, address) | {"replicas": "4", "load_balancer_ip": "203.0.113.50"}
    shop.settled(mesh, Join("asia", (ASIA,)))
    response = send(as_ada, address, **typed)
    assert response.status_code == 409 and response.context["form"]["replicas"].value() == "4"
    assert "The group is joined" in response.content.decode()


@pytest.mark.parametrize(
    ("name", "parts"), [("cluster-create-gateway", {"cluster": "taiwan"}), ("group-create-gateway", {"group": "asia"})]
)
def test_a_gateways_form_that_is_sent_twice_creates_one(
    as_ada: Any, mesh: Mesh, name: str, parts: dict[str, str]
) -> None:
    address = url(mesh, name, **parts)
    typed = shown(as_ada, address) | {"cluster": "taiwan", "replicas": "2"}
    finish(send(as_ada, address, **typed))
    rollouts = Rollout.objects.count()
    assert send(as_ada, address, **typed).status_code == 204
    assert (Gateway.objects.filter(cluster__name="taiwan").count(), Rollout.objects.count()) == (2, rollouts)
    finish(send(as_ada, address, **shown(as_ada, address), cluster="taiwan"))
    assert Gateway.objects.filter(cluster__name="taiwan").count() == 3


def test_a_gateways_form_with_an_id_that_is_none_is_refused(as_ada: Any, mesh: Mesh) -> None:
    response = send(as_ada, url(mesh, "cluster-create-gateway", cluster="taiwan"), id="Robert", replicas="1")
    assert response.status_code == 422 and "isn&#x27;t a UUID" in str(response.context["form"].non_field_errors())


def test_new_addresses_of_a_group_whose_addresses_have_changed_since_are_not_written_over_them(
    as_ada: Any, mesh: Mesh
) -> None:
    address = url(mesh, "addresses-update") + "?group=aws"
    form = as_ada.get(address).context["forms"]["aws"]
    typed = fields_of(form) | {
        "aws-hand": "|mine.example|15443",
        "aws-chosen": [form.value_of(AWS), "|mine.example|15443"],
    }
    shop.settled(mesh, UpdateAddresses("aws", (AWS, Address("theirs.example"))))
    stale = as_ada.post(address, typed, follow=True)
    again = stale.context["forms"]["aws"]
    assert stale.status_code == 409 and "This changed while you were editing" in stale.content.decode()
    assert "mine.example:15443" in stale.content.decode() and "theirs.example:15443" in stale.content.decode()
    assert again["chosen"].value() == typed["aws-chosen"]
    assert as_ada.post(address, fields_of(again) | {"aws-hand": again.hand_values}).status_code == 302
    assert Address("mine.example") in (desired.load(mesh).groups["aws"].addresses or ())


def test_new_addresses_of_a_group_that_has_been_removed_since_say_that_it_is_not_joined(
    as_ada: Any, mesh: Mesh
) -> None:
    address = url(mesh, "addresses-update") + "?group=aws"
    typed = fields_of(as_ada.get(address).context["forms"]["aws"])
    shop.settled(mesh, Remove("aws"))
    response = as_ada.post(address, typed, follow=True)
    assert "The group aws isn&#x27;t joined" in response.content.decode()


def test_removing_what_has_been_removed_since_says_that_it_is_not_joined(as_ada: Any, mesh: Mesh) -> None:
    address = url(mesh, "interconnect-remove")
    as_ada.get(address, {"group": "aws"})
    shop.settled(mesh, Remove("aws"))
    response = as_ada.post(address, {"group": "aws", "step": "confirm", "restart": "never"}, follow=True)
    assert "The group aws isn&#x27;t joined" in response.content.decode()


def test_an_address_that_is_added_without_being_typed_is_asked_for_beside_its_field(as_ada: Any, mesh: Mesh) -> None:
    response = as_ada.post(
        url(mesh, "addresses-update") + "?group=aws", {"add": "aws", "aws-host": " ", "aws-port": "15443"}, follow=True
    )
    assert response.status_code == 422 and "The address is empty" in str(
        response.context["forms"]["aws"].errors["host"]
    )


def test_an_address_whose_gateway_is_gone_is_refused_in_words_and_the_others_stay_ticked(
    as_ada: Any, mesh: Mesh
) -> None:
    shop.settled(mesh, shop.gateway_in("taiwan", 2))
    as_ada.post(url(mesh, "join"), {"group": "asia"})
    form = as_ada.get(url(mesh, "join-addresses")).context["forms"]["asia"]
    typed = {"asia-chosen": [value for value, _label in form.fields["chosen"].choices]}
    shop.settled(mesh, DeleteGateway(GatewayKey("taiwan", 2)))
    response = as_ada.post(url(mesh, "join-addresses"), typed, follow=True)
    assert response.status_code == 422 and "is no longer available" in str(
        response.context["forms"]["asia"].errors["chosen"]
    )


def test_an_address_kept_in_the_draft_is_refused_when_its_gateway_gives_none_any_more(as_ada: Any, mesh: Mesh) -> None:
    as_ada.post(url(mesh, "join"), {"group": "asia"})
    form = as_ada.get(url(mesh, "join-addresses")).context["forms"]["asia"]
    as_ada.post(url(mesh, "join-addresses"), {"asia-chosen": [form.value_of(ASIA)]})
    shop.settled(mesh, EditGateway(GatewayKey("taiwan", 1), GatewaySpec(service_type=ServiceType.NODE_PORT)))
    response = as_ada.post(url(mesh, "join-addresses"), {"asia-chosen": [form.value_of(ASIA)]}, follow=True)
    assert response.status_code == 422 and "Add the address by hand" in str(
        response.context["forms"]["asia"].errors["chosen"]
    )


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_name_that_is_not_given_is_asked_for_in_the_words_of_the_rules(
    as_ada: Any, mesh: Mesh, language: str
) -> None:
    as_ada.cookies["django_language"] = language
    errors = send(as_ada, url(mesh, "group-create"), name="", clusters=["free"]).context["form"].errors["name"]
    assert ("It becomes the name of the Istio network" if language == "en" else "分组没有名称") in str(errors)


def test_a_form_that_creates_a_gateway_changes_none_that_a_colleague_has_created_since(as_ada: Any, mesh: Mesh) -> None:
    shop.settled(mesh, AddCluster("asia", "free"))
    address = url(mesh, "cluster-edit-gateway", cluster="free")
    typed = shown(as_ada, address) | {"replicas": "1"}
    shop.settled(mesh, shop.gateway_in("free", replicas=3, annotations=(("theirs", "yes"),)))
    send(as_ada, address, **typed)
    theirs = Gateway.objects.get(cluster__name="free", number=1)
    assert (theirs.replicas, theirs.annotations) == (3, {"theirs": "yes"})


def test_of_groups_that_are_removed_one_that_a_colleague_has_removed_does_not_hold_the_rest(
    as_ada: Any, mesh: Mesh
) -> None:
    shop.settled(mesh, Join("asia", (ASIA,)))
    address = url(mesh, "interconnect-remove")
    asked = as_ada.post(
        address, {"group": ["asia", "aws"], "step": "ask"}, headers={"HX-Request": "true", "HX-Target": "dialog-form"}
    )
    typed = fields_of(asked.context["form"])
    shop.settled(mesh, Remove("aws"))
    stale = send(as_ada, address, **typed)
    assert stale.status_code == 409 and "This changed while you were editing" in stale.content.decode()
    again = send(as_ada, address, **fields_of(stale.context["form"]))
    assert "/rollouts/" in again.headers["HX-Redirect"] and not desired.load(mesh).groups["asia"].joined


def test_a_group_that_cannot_join_any_more_is_named_once(as_ada: Any, mesh: Mesh) -> None:
    shop.settled(mesh, AddCluster("1-onprem", "free"))
    as_ada.post(url(mesh, "join"), {"group": ["asia", "1-onprem"]})
    shop.settled(mesh, Join("asia", (ASIA,)))
    said = "asia can no longer join and is left out."
    assert as_ada.get(url(mesh, "join-addresses")).content.decode().count(said) == 1
    assert said not in as_ada.get(url(mesh, "join-addresses")).content.decode()
    as_ada.post(url(mesh, "join"), {"group": ["asia", "1-onprem"]})
    assert said in as_ada.get(url(mesh, "join-addresses")).content.decode()
