"""Rules 8 and 11 as the browser refuses them: what an east-west gateway may be, and what stays while its group is
joined.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Locator, expect

from interconnect.domain.changes import DeleteGateway, Join
from interconnect.domain.gateways import MAX_ANNOTATIONS, MAX_REPLICAS
from interconnect.domain.topology import Address, GatewayKey
from interconnect.state import desired
from tests.e2e.refusals import beside, ok, opened
from tests.support import shop

if TYPE_CHECKING:
    from interconnect.models import Mesh
    from tests.e2e.conftest import Visitor

HERE = "/meshes/storefront/"


def creating(visit: Visitor) -> Locator:
    return opened(visit(HERE), "cluster taiwan", "Create east-west gateway")


def box(dialog: Locator, name: str) -> Locator:
    return dialog.get_by_role("textbox", name=name, exact=True).or_(
        dialog.get_by_role("spinbutton", name=name, exact=True)
    )


def refused(dialog: Locator, name: str, typed: str, code: str, **params: Any) -> None:
    """Typed into an otherwise good form it is refused beside the field, where it still stands; then the field is as
    before.
    """
    field = box(dialog, name)
    before = field.input_value()
    field.fill(typed)
    ok(dialog)
    beside(field, code, **params)
    expect(field).to_have_value(typed)
    field.fill(before)


def test_a_number_of_replicas_that_no_gateway_has_is_refused_beside_it(visit: Visitor) -> None:
    dialog = creating(visit)
    for typed in ("0", "-1", "1000000000"):
        refused(dialog, "Replicas", typed, "gateway.replicas", replicas=typed, max=MAX_REPLICAS)
    most = box(dialog, "Autoscaling: maximum replicas")
    most.fill("2")
    refused(
        dialog, "Autoscaling: minimum replicas", "0", "gateway.autoscaling.bounds", min=0, max=2, limit=MAX_REPLICAS
    )
    refused(dialog, "Autoscaling: minimum replicas", "5", "gateway.autoscaling.order", min=5, max=2)


def test_annotations_that_are_none_are_refused_and_every_line_stays(visit: Visitor) -> None:
    dialog = creating(visit)
    name = "Load balancer annotations"
    refused(dialog, name, "bad key!: x", "gateway.annotations.key", key="bad key!")
    refused(dialog, name, "meshconsole.io/x: 1", "gateway.annotations.reserved", key="meshconsole.io/x")
    refused(dialog, name, "a: 1\na: 2", "gateway.annotations.duplicate", key="a")
    long = "x" * MAX_ANNOTATIONS
    refused(dialog, name, f"a: {long}", "gateway.annotations.size", size=len(long) + 1, max=MAX_ANNOTATIONS)
    annotations = box(dialog, name)
    annotations.fill("a: 1\n\nwithout a colon")
    ok(dialog)
    expect(annotations).to_have_accessible_description(
        re.compile(r"^One “key: value” per line, .* Line 3 isn't in the form “key: value”\.$")
    )
    expect(annotations).to_have_value("a: 1\n\nwithout a colon")


def test_an_ip_that_no_load_balancer_has_is_refused_beside_it(visit: Visitor) -> None:
    dialog = creating(visit)
    name = "Load balancer IP"
    refused(dialog, name, "example.org", "gateway.load-balancer-ip.invalid", ip="example.org")
    for ip in ("127.0.0.1", "0.0.0.0", "169.254.169.254", "ff02::1"):
        refused(dialog, name, ip, "gateway.load-balancer-ip.range", ip=ip)
    dialog.get_by_role("combobox", name="Service type").select_option(label="Node port")
    refused(dialog, name, "203.0.113.9", "gateway.load-balancer-ip.type", type="NodePort", ip="203.0.113.9")


def test_of_a_joined_groups_gateway_only_replicas_and_autoscaling_can_be_typed(visit: Visitor) -> None:
    dialog = opened(visit(HERE), "gateway eastwest-frankfurt-1", "Edit east-west gateway")
    expect(dialog.get_by_text("The group is joined, so only replicas and autoscaling can change.")).to_be_visible()
    for name in ("Load balancer annotations", "Load balancer IP"):
        expect(box(dialog, name)).to_be_disabled()
    expect(box(dialog, "Replicas")).to_be_enabled()


def test_a_gateway_whose_group_has_joined_meanwhile_is_shown_again_with_what_was_typed(
    visit: Visitor, mesh: Mesh
) -> None:
    dialog = opened(visit(HERE), "gateway eastwest-taiwan-1", "Edit east-west gateway")
    box(dialog, "Replicas").fill("4")
    shop.settled(mesh, Join("asia", (Address("203.0.113.8", gateway=GatewayKey("taiwan", 1)),)))
    ok(dialog)
    expect(dialog.get_by_role("alert")).to_contain_text("This changed while you were editing.")
    expect(dialog.get_by_role("alert")).to_be_focused()
    expect(box(dialog, "Replicas")).to_have_value("4")
    expect(box(dialog, "Load balancer IP")).to_be_disabled()
    ok(dialog)
    expect(dialog).to_be_hidden()
    assert desired.load(mesh).gateways[GatewayKey("taiwan", 1)].spec.replicas == 4


def test_a_gateway_that_is_gone_is_said_to_be_gone_and_what_was_typed_stays(visit: Visitor, mesh: Mesh) -> None:
    dialog = opened(visit(HERE), "gateway eastwest-taiwan-1", "Edit east-west gateway")
    box(dialog, "Replicas").fill("4")
    shop.settled(mesh, DeleteGateway(GatewayKey("taiwan", 1)))
    ok(dialog)
    expect(dialog.get_by_role("alert")).to_have_text("This no longer exists. Reload the page.")
    expect(box(dialog, "Replicas")).to_have_value("4")
