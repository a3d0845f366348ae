"""What happens around a person: reloads, sessions that end, workers that are killed, and colleagues who are quicker."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from playwright.sync_api import Locator, Response, expect

from tests.browser.hands import Mouse
from tests.browser.installation import ADMIN, PASSWORD, Installation, SimulatedClusters
from tests.browser.pages import ANSWER_SECONDS, MeshPages
from tests.run.consoles import until

if TYPE_CHECKING:
    from tests.browser.chromium import Contexts

MESH = "prod"
COLLEAGUE, OTHER_PASSWORD = "grace", "another for the tests"
# One that a test joins or changes each; so that every test begins with groups of its own.
GROUPS = tuple(f"group-{number:02}" for number in range(1, 17))
SPARE = "spare"
# A moment is held by a call that hangs: longer than it takes to sign out and in again.
PATIENT = {
    "MESHCONSOLE_CALL_DEADLINE_SECONDS": "25",
    "MESHCONSOLE_LEASE_SECONDS": "26",
    "MESHCONSOLE_PROBE_SECONDS": "60",
}


class House:
    """A console with a mesh on simulated clusters, and people in browsers of their own."""

    def __init__(self, console: Installation, clusters: SimulatedClusters) -> None:
        self.console, self.clusters, self.groups = console, clusters, iter(GROUPS)

    @contextmanager
    def held(self, **which: Any) -> Iterator[None]:
        """Within it calls of this kind to the control plane get no answer; after it they get theirs."""
        self.clusters.remote.fault("hub", "hang", **which)
        try:
            yield
        finally:
            self.clusters.remote.fault("hub", None)

    def questions(self) -> int:
        """How many questions of pages workers have begun to answer so far."""
        said = (self.console.data / "logs" / "worker.log").read_text()
        return len(re.findall(r"Task interconnect\.tasks\.answer\[[-0-9a-f]+\] received", said))

    def listed(self, group: str) -> set[str]:
        """The addresses by which istiod reads that the group is reached."""
        networks = yaml.safe_load(self.clusters.live.networks() or "")["networks"]
        return {f"{each['address']}:{each['port']}" for each in networks.get(group, {}).get("gateways", ())}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A group with a gateway in each of its clusters, and one cluster in none."""
    folder = tmp_path_factory.mktemp("house")
    members = [f"member-{name}" for name in GROUPS]
    with (
        SimulatedClusters(folder / "clusters", *members, SPARE) as clusters,
        Installation(folder / "data", **PATIENT) as console,
    ):
        kubeconfigs = {name: str(path) for name, path in clusters.kubeconfigs().items()}
        content = {
            "version": 1,
            "mesh": MESH,
            "control_plane": {"kind": "hosted", "kubeconfig": kubeconfigs["hub"], "system_namespace": "istio-system"},
            "enabled": True,
            "clusters": {name: {"kubeconfig": kubeconfigs[name]} for name in (*members, SPARE)},
            "groups": {
                group: {"clusters": [member], "gateways": {f"{member}/1": {}}}
                for group, member in zip(GROUPS, members, strict=True)
            },
        }
        file = folder / "mesh.yaml"
        file.write_text(yaml.safe_dump(content))
        console.manage("interconnect", "apply", str(file))
        console.add_admin(COLLEAGUE, OTHER_PASSWORD)
        yield House(console, clusters)


@pytest.fixture
def group(house: House) -> str:
    return next(house.groups)


Visitor = Callable[..., MeshPages]


@pytest.fixture
def visit(house: House, contexts: Contexts) -> Iterator[Visitor]:
    """`visit(name)`: that person in a browser, on the mesh's main page. An answer of 500 fails the test."""
    broken: list[str] = []

    def note(response: Response) -> None:
        if response.status >= 500:
            broken.append(f"{response.status} {response.url}")

    def opened(name: str = ADMIN) -> MeshPages:
        page = contexts(house.console.url).new_page()
        page.on("response", note)
        pages = MeshPages(page, Mouse(page), MESH)
        pages.sign_in(name, PASSWORD if name == ADMIN else OTHER_PASSWORD)
        pages.enter()
        return pages

    yield opened
    assert broken == []


def reloads(pages: MeshPages, house: House) -> None:
    pages.page.reload()


def signs_out_and_in_again(pages: MeshPages, house: House) -> None:
    here = pages.page.url
    pages.sign_out(ADMIN)
    pages.sign_in(ADMIN, PASSWORD)
    pages.page.goto(here)


def signs_out_in_another_tab(pages: MeshPages, house: House) -> None:
    """The page notices at its next poll, and asks."""
    other = pages.page.context.new_page()
    other.goto(f"{house.console.url}/meshes/")
    MeshPages(other, Mouse(other), MESH).sign_out(ADMIN)
    other.close()
    dialog = pages.dialog("Your session has ended")
    pages.hands.fill(pages.box("Username", dialog), ADMIN)
    pages.hands.fill(pages.box("Password", dialog), PASSWORD)
    pages.hands.press(pages.button("Sign in", dialog))
    expect(dialog).to_be_hidden()


def worker_is_killed(pages: MeshPages, house: House) -> None:
    """The page is left alone; the supervisor starts another worker. That a lease is waited for has tests of its own."""
    before = house.console.said.count("worker was ended by SIGKILL")
    house.console.kill_worker()
    until(
        lambda: house.console.said.count("worker was ended by SIGKILL") > before,
        "nobody notices that the worker is gone",
    )
    house.console.end_leases()


Interruption = Callable[[MeshPages, House], None]
interrupted = pytest.mark.parametrize(
    "interruption",
    [reloads, signs_out_and_in_again, signs_out_in_another_tab, worker_is_killed],
    ids=lambda each: each.__name__,
)


@interrupted
def test_an_interrupted_wizard_goes_on_where_it_was(
    house: House, visit: Visitor, group: str, interruption: Interruption
) -> None:
    pages = visit()
    pages.choose_groups(group)
    asked = house.questions()
    with house.held(methods=["GET"], resource="configmaps"):
        pages.choose_addresses({group: [own := offered(pages, group)]}, by_hand={group: [typed(group)]})
        with pages.page.expect_response(
            lambda response: response.status == 204 and response.url.endswith("/join/review/")
        ):
            pages.hands.pick(pages.page.get_by_role("radio", name="Never"))
        until(lambda: house.questions() > asked, "nobody asks the clusters")
        expect(pages.button("OK")).to_be_disabled()
        interruption(pages, house)
    pages.review()
    expect(pages.page.get_by_role("radio", name="Never")).to_be_checked()
    by_hand = "{}:{}".format(*typed(group))
    expect(pages.page.get_by_role("row", name=group).first).to_contain_text(by_hand)
    pages.hands.press(pages.button("OK"))
    pages.rollout_ended()
    assert house.listed(group) == {own, by_hand}


@interrupted
def test_an_interrupted_rollout_succeeds_and_its_page_follows(
    house: House, visit: Visitor, group: str, interruption: Interruption
) -> None:
    pages = visit()
    pages.choose_groups(group)
    own = offered(pages, group)
    pages.choose_addresses({group: [own]})
    pages.review("Automatic")
    with house.held(methods=["PUT"], resource="configmaps"):
        pages.hands.press(pages.button("OK"))
        expect(step(pages, "Network list")).to_contain_text("Running", timeout=ANSWER_SECONDS * 1000)
        interruption(pages, house)
        expect(pages.running).to_be_visible()
    pages.rollout_ended()
    assert house.listed(group) == {own}


def test_a_draft_is_found_in_another_browser_and_becomes_one_rollout(house: House, visit: Visitor, group: str) -> None:
    one = visit()
    one.choose_groups(group)
    one.choose_addresses({group: [offered(one, group)]}, by_hand={group: [typed(group)]})
    one.review()
    other = visit()
    other.hands.press(other.button("Join interconnection"))
    expect(other.page.get_by_role("checkbox", name=group, exact=True)).to_be_checked()
    other.hands.press(other.button("Next"))
    boxes = other.page.get_by_role("group", name=group, exact=True).get_by_role("checkbox")
    expect(boxes).to_have_count(2)
    assert all(box.is_checked() for box in boxes.all())
    other.hands.press(other.button("Next"))
    other.review()
    for pages in (one, other):
        pages.hands.press(pages.button("OK"))
    for pages in (one, other):
        pages.rollout_ended()
    assert one.page.url == other.page.url


def test_of_two_who_add_the_same_cluster_one_is_told_where_it_went(house: House, visit: Visitor) -> None:
    first, second = next(house.groups), next(house.groups)
    people = {first: visit(), second: visit(COLLEAGUE)}
    dialogs: dict[str, Locator] = {}
    for group, pages in people.items():
        pages.hands.choose(
            pages.page.get_by_role("button", name=f"Actions for group {group}", exact=True), "Add cluster"
        )
        dialogs[group] = pages.dialog("Add cluster")
        pages.hands.tick(dialogs[group].get_by_role("checkbox", name=SPARE, exact=True))
    before = {group: pages.last_rollout for group, pages in people.items()}
    for group, pages in people.items():
        pages.hands.press(pages.button("OK", dialogs[group]))
    winner, loser = told_apart(dialogs)
    people[winner].settled(after=before[winner])
    expect(people[winner].row(SPARE)).to_be_visible()
    expect(dialogs[loser].get_by_role("alert").or_(dialogs[loser].locator(".field-error"))).to_be_visible()
    told = f"{SPARE} is already in the group {winner}"
    # Who came while the other was being written has only heard of a rollout so far, and still has the tick.
    if told not in dialogs[loser].inner_text():
        people[loser].hands.press(people[loser].button("OK", dialogs[loser]))
    expect(dialogs[loser]).to_contain_text(told)
    assert house.clusters.live.network_of(SPARE) == winner


def typed(group: str) -> tuple[str, int]:
    """An address of no other group."""
    return f"203.0.113.{GROUPS.index(group) + 1}", 15443


def offered(pages: MeshPages, group: str) -> str:
    """The address that the group's gateway has, as the wizard's second step offers it."""
    box = pages.page.get_by_role("group", name=group, exact=True).get_by_role("checkbox").first
    expect(box).to_be_visible()
    return str(box.get_attribute("value")).partition("|")[2].replace("|", ":")


def step(pages: MeshPages, name: str) -> Locator:
    return pages.page.get_by_role("row").filter(has=pages.page.get_by_role("rowheader", name=re.compile(f"^{name}")))


def is_at_a_rollout(pages: MeshPages) -> bool:
    return pages.page.locator("#rollout-title").count() == 1


def told_apart(dialogs: dict[str, Locator]) -> tuple[str, str]:
    """Whose dialog has closed, and whose has stayed open with what was chosen and the reason."""
    until(lambda: sum(dialog.is_visible() for dialog in dialogs.values()) == 1, "not exactly one of both is told")
    (loser,) = [name for name, dialog in dialogs.items() if dialog.is_visible()]
    (winner,) = dialogs.keys() - {loser}
    return winner, loser


def test_of_two_who_join_at_once_one_is_told_and_joins_after(house: House, visit: Visitor) -> None:
    people = {next(house.groups): visit(name) for name in (ADMIN, COLLEAGUE)}
    for group, pages in people.items():
        pages.choose_groups(group)
        pages.choose_addresses({group: [offered(pages, group)]}, by_hand={group: [typed(group)]})
        pages.review("Never")
    for pages in people.values():
        pages.hands.press(pages.button("OK"))
    until(lambda: sum(is_at_a_rollout(pages) for pages in people.values()) == 1, "not exactly one of both has started")
    (winner,) = [pages for pages in people.values() if is_at_a_rollout(pages)]
    ((group, loser),) = [(group, pages) for group, pages in people.items() if pages is not winner]
    expect(loser.page.locator("#live").get_by_role("alert").first).to_contain_text(
        re.compile("has changed since|is running")
    )
    winner.rollout_ended()
    loser.review()
    expect(loser.page.get_by_role("row", name=group).first).to_contain_text("{}:{}".format(*typed(group)))
    expect(loser.page.get_by_role("radio", name="Never")).to_be_checked()
    loser.hands.press(loser.button("OK"))
    loser.rollout_ended()
    assert all("{}:{}".format(*typed(each)) in house.listed(each) for each in people)


def test_of_two_who_join_one_group_the_slower_is_told_that_it_is_joined(
    house: House, visit: Visitor, group: str
) -> None:
    quick, slow = visit(), visit(COLLEAGUE)
    for pages in (quick, slow):
        pages.choose_groups(group)
        pages.choose_addresses({group: [offered(pages, group)]})
        pages.review("Never")
    quick.hands.press(quick.button("OK"))
    quick.rollout_ended()
    slow.hands.press(slow.button("OK"))
    expect(slow.page.get_by_text(f"{group} can no longer join and is left out.")).to_be_visible()
    expect(slow.page.get_by_role("heading", level=1)).to_have_count(1)


@pytest.mark.parametrize("quicker", ["deletes", "creates"])
def test_who_deletes_a_group_and_who_gives_it_a_gateway_do_not_undo_each_other(
    house: House, visit: Visitor, group: str, quicker: str
) -> None:
    deleting, creating = visit(), visit(COLLEAGUE)
    menu = f"Actions for group {group}"
    deleting.hands.choose(deleting.page.get_by_role("button", name=menu, exact=True), "Delete network group")
    creating.hands.choose(creating.page.get_by_role("button", name=menu, exact=True), "Create east-west gateway")
    dialogs = {
        "deletes": deleting.dialog("Delete network group"),
        "creates": creating.dialog("Create east-west gateway"),
    }
    replicas = dialogs["creates"].get_by_role("spinbutton", name="Replicas", exact=True)
    creating.hands.fill(replicas, "3")
    buttons = {
        "deletes": deleting.button("Delete", dialogs["deletes"]),
        "creates": creating.button("OK", dialogs["creates"]),
    }
    people = {"deletes": deleting, "creates": creating}
    before = {who: pages.last_rollout for who, pages in people.items()}
    for who in sorted(buttons, key=lambda who: who != quicker):
        buttons[who].click()
    winner, loser = told_apart(dialogs)
    people[winner].settled(after=before[winner])
    expect(dialogs[loser].get_by_role("alert").or_(dialogs[loser].locator(".field-error")).first).to_be_visible()
    told = "This changed while you were editing"
    if told not in dialogs[loser].inner_text():
        buttons[loser].click()
    member = f"member-{group}"
    if winner == "deletes":
        expect(dialogs["creates"].get_by_role("alert")).to_contain_text("no longer exists")
        expect(replicas).to_have_value("3")
        assert house.clusters.live.network_of(member) is None
    else:
        expect(dialogs["deletes"]).to_contain_text(told)
        expect(dialogs["deletes"]).to_contain_text(f"eastwest-{member}-2")
        assert house.clusters.live.network_of(member) == group
