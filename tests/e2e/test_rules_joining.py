"""Rules 9, 10 and 11 as the browser refuses them: who can join, by which addresses, and what is not joined any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Page, expect

from interconnect.domain.changes import DeleteGateway, EditGateway, Join, Remove, UpdateAddresses
from interconnect.domain.topology import Address, GatewayKey, GatewaySpec, ServiceType
from interconnect.state import desired, observed
from tests.e2e.refusals import beside, greyed, told, unticked
from tests.support import shop

if TYPE_CHECKING:
    from interconnect.models import Mesh
    from tests.e2e.conftest import Visitor

HERE = "/meshes/storefront/"
ASIA = "203.0.113.8:15443"


def choosing(visit: Visitor, group: str = "asia") -> Page:
    """The wizard's second step."""
    page = visit(f"{HERE}join/")
    page.get_by_role("checkbox", name=group, exact=True).check()
    following(page)
    expect(page.get_by_role("textbox", name="Address")).to_be_visible()
    return page


def following(page: Page) -> None:
    page.get_by_role("button", name="Next", exact=True).last.click()


def add(page: Page, host: str, port: str = "15443") -> Locator:
    page.get_by_role("textbox", name="Address").fill(host)
    page.get_by_role("textbox", name="Port").fill(port)
    page.get_by_role("button", name="Add address").click()
    return page.get_by_role("textbox", name="Address")


def test_a_group_that_is_joined_or_has_no_gateway_cannot_be_ticked(visit: Visitor, mesh: Mesh) -> None:
    shop.settled(mesh, DeleteGateway(GatewayKey("hangzhou", 1)))
    page = visit(f"{HERE}join/")
    unticked(page.get_by_role("checkbox", name="aws"), "join.joined", group="aws")
    unticked(page.get_by_role("checkbox", name="1-onprem"), "join.no-gateway", group="1-onprem")
    following(page)
    expect(page.get_by_role("alert")).to_have_text("Select at least one group that can join.")
    shop.settled(mesh, DeleteGateway(GatewayKey("taiwan", 1)))
    page.goto(HERE)
    greyed(page.get_by_role("button", name="Join interconnection"), "join.no-gateway", group="1-onprem")


def test_no_step_of_the_wizard_is_skipped(visit: Visitor) -> None:
    page = visit(f"{HERE}join/review/")
    expect(page.get_by_role("checkbox", name="asia")).to_be_visible()
    assert page.url.endswith("/join/")
    page.get_by_role("checkbox", name="asia").check()
    following(page)
    expect(page.get_by_role("textbox", name="Address")).to_be_visible()
    page.goto(f"{HERE}join/review/")
    expect(page.get_by_role("textbox", name="Address")).to_be_visible()
    following(page)
    told(page.locator("main"), "address.none", group="asia")


@pytest.mark.parametrize(
    ("code", "hosts"),
    [
        ("address.empty", ("", " ")),
        ("address.invalid", ("https://gw.example.org", "gw example", "127.1")),
        ("address.unspecified", ("0.0.0.0", "::")),
        ("address.loopback", ("127.0.0.1", "::ffff:127.0.0.1", "localhost")),
        ("address.link-local", ("169.254.169.254", "fe80::1")),
        ("address.multicast", ("224.0.0.1", "ff02::1")),
        ("address.broadcast", ("255.255.255.255",)),
    ],
)
def test_an_address_that_others_cannot_reach_is_refused_beside_it(
    visit: Visitor, code: str, hosts: tuple[str, ...]
) -> None:
    page = choosing(visit)
    for host in hosts:
        beside(add(page, host), code, host=host)
        expect(page.get_by_role("textbox", name="Address")).to_have_value(host)
        expect(page.get_by_role("textbox", name="Port")).to_have_value("15443")


def test_a_port_that_is_none_is_refused_beside_it(visit: Visitor) -> None:
    page = choosing(visit)
    for port in ("0", "65536", "x", "-1"):
        address = add(page, "gw.example.org", port)
        beside(page.get_by_role("textbox", name="Port"), "address.port", port=port, max=65535)
        expect(address).to_have_value("gw.example.org")


def test_an_address_that_is_there_already_or_belongs_to_another_network_is_refused(visit: Visitor, mesh: Mesh) -> None:
    observed.note_istiods(mesh, observed.facts(mesh).istiods, foreign={"legacy": [("198.51.100.9", 15443)]})
    page = choosing(visit)
    page.get_by_role("checkbox", name=ASIA).check()
    for host in ("203.0.113.8", "203.0.113.7", "198.51.100.9"):
        add(page, host)
        expect(page.get_by_role("checkbox", name=f"{host}:15443 (added by hand)")).to_be_checked()
    following(page)
    main = page.locator("main")
    told(main, "address.duplicate", host="203.0.113.8", port=15443)
    told(main, "address.taken", host="203.0.113.7", port=15443, group="aws")
    told(main, "address.foreign", host="198.51.100.9", port=15443, network="legacy")
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(4)


def test_a_gateway_that_gives_no_address_any_more_is_refused_where_it_was_chosen(visit: Visitor, mesh: Mesh) -> None:
    page = choosing(visit)
    page.get_by_role("checkbox", name=ASIA).check()
    following(page)
    expect(page.get_by_role("radio", name="Always")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("checkbox", name=ASIA)).to_be_checked()
    shop.settled(mesh, EditGateway(GatewayKey("taiwan", 1), GatewaySpec(service_type=ServiceType.NODE_PORT)))
    following(page)
    told(page.locator("main"), "address.gateway.type", gateway="taiwan/1", type="NodePort")
    expect(page.get_by_role("checkbox", name=ASIA)).to_be_checked()


def test_a_group_that_cannot_join_any_more_is_left_out_and_named(visit: Visitor, mesh: Mesh) -> None:
    page = choosing(visit)
    shop.settled(mesh, Join("asia", (Address("203.0.113.8", gateway=GatewayKey("taiwan", 1)),)))
    following(page)
    expect(page.get_by_text("asia can no longer join and is left out.")).to_be_visible()
    unticked(page.get_by_role("checkbox", name="asia"), "join.joined", group="asia")


def test_new_addresses_are_not_written_over_a_colleagues_and_what_was_typed_stays(visit: Visitor, mesh: Mesh) -> None:
    page = visit(f"{HERE}interconnect/addresses/?group=aws")
    expect(add(page, "mine.example")).to_have_value("")
    aws = Address("203.0.113.7", gateway=GatewayKey("frankfurt", 1))
    shop.settled(mesh, UpdateAddresses("aws", (aws, Address("theirs.example"))))
    page.get_by_role("button", name="OK", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="This changed while you were editing.")).to_be_visible()
    expect(page.get_by_role("checkbox", name="mine.example:15443")).to_be_checked()
    expect(page.get_by_role("checkbox", name="theirs.example:15443")).not_to_be_checked()
    page.get_by_role("checkbox", name="theirs.example:15443").check()
    page.get_by_role("button", name="OK", exact=True).click()
    expect(page.get_by_role("heading", name="Update addresses of aws")).to_be_visible()
    hosts = {address.host for address in desired.load(mesh).groups["aws"].addresses or ()}
    assert hosts == {"203.0.113.7", "mine.example", "theirs.example"}


def test_what_is_not_joined_any_more_is_neither_updated_nor_removed(visit: Visitor, mesh: Mesh) -> None:
    one, other = visit(HERE), visit(f"{HERE}interconnect/addresses/?group=aws")
    one.get_by_role("checkbox", name="aws").check()
    one.get_by_role("button", name="Remove interconnection").click()
    dialog = one.get_by_role("dialog", name="Remove interconnection")
    expect(dialog).to_be_visible()
    shop.settled(mesh, Remove("aws"))
    dialog.get_by_role("button", name="Remove", exact=True).click()
    told(one.get_by_role("log", name="Notices"), "join.not-joined", group="aws")
    expect(dialog).to_be_hidden()
    other.get_by_role("button", name="OK", exact=True).click()
    told(other.get_by_role("log", name="Notices"), "join.not-joined", group="aws")
