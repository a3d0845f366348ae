"""What people do with a mesh in the console, by the names on its pages: one method per thing that is done.

Each waits for what the page itself says next, and for nothing else. Names are those of the design in English; another
language has them from the product's catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from playwright.sync_api import Locator, Page, expect

from tests.browser.words import Words

if TYPE_CHECKING:
    from tests.browser.hands import Hands

ANSWER_SECONDS = 60.0
ROLLOUT_SECONDS = 180.0
ENDS = ("Succeeded", "Failed", "Cancelled")
PHRASES = {"en": "Close Basic Settings", "zh-hans": "关闭基本设置"}
Address = tuple[str, int]


class Pair(NamedTuple):
    """What the matrix of the checks says of a pair of groups; `together` is empty if nothing is wrong."""

    source: str
    target: str
    control_plane: str
    data_path: str
    together: str


class MeshPages:
    """The pages of one mesh, in one browser, for one person with one pair of hands."""

    def __init__(self, page: Page, hands: Hands, mesh: str, *, language: str = "en") -> None:
        self.page, self.hands, self.mesh = page, hands, mesh
        self.words = Words(language)

    # What is on the pages.

    @property
    def running(self) -> Locator:
        return self.page.get_by_role("status", name=self.words("Running rollout"), exact=True)

    @property
    def failed(self) -> Locator:
        return self.page.get_by_role("alert", name=self.words("Failed rollout"), exact=True)

    @property
    def state(self) -> Locator:
        """How the rollout stands whose page this is."""
        return self.page.locator("section", has=self.page.locator("#rollout-title")).locator(".facts .state").first

    def row(self, name: str) -> Locator:
        """Of a group, a cluster or a gateway in the list of network groups, by its whole name."""
        menus = [self.words(f"Actions for {kind} %(name)s", name=name) for kind in ("group", "cluster", "gateway")]
        either = re.compile("|".join(f"^{re.escape(menu)}$" for menu in menus))
        return self.page.get_by_role("row").filter(has=self.page.get_by_role("button", name=either))

    def member(self, group: str) -> Locator:
        """Of a joined group in the interconnect list."""
        return (
            self.page.locator("#members")
            .get_by_role("row")
            .filter(has=self.page.get_by_role("checkbox", name=group, exact=True))
        )

    def dialog(self, name: str) -> Locator:
        return self.page.get_by_role("dialog", name=self.words(name), exact=True)

    def button(self, name: str, within: Locator | None = None) -> Locator:
        """A button, or the link that looks like one."""
        place, said = within or self.page, self.words(name)
        return place.get_by_role("button", name=said, exact=True).or_(place.get_by_role("link", name=said, exact=True))

    def box(self, name: str, within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role("textbox", name=self.words(name), exact=True)

    def addresses_of(self, gateway: str) -> list[str]:
        """`host:port`, as its row shows them once its load balancer has given one."""
        cell = self.row(gateway).get_by_role("cell").nth(1)
        expect(cell).to_contain_text(":", timeout=ANSWER_SECONDS * 1000)
        return [text.strip() for text in cell.locator(".mono").all_inner_texts()]

    # Coming, going, and where one is.

    def sign_in(self, name: str, password: str) -> None:
        self.page.goto("/sign-in/")
        self.hands.fill(self.box("Username"), name)
        self.hands.fill(self.box("Password"), password)
        self.hands.press(self.button("Sign in"))
        expect(self.page.get_by_role("heading", name=self.words("Meshes"), level=1)).to_be_visible()

    def sign_out(self, name: str) -> None:
        account = self.page.get_by_role("button", name=self.words("Account of %(name)s", name=name), exact=True)
        self.hands.choose(account, self.words("Sign out"))
        expect(self.button("Sign in")).to_be_visible()

    def enter(self) -> None:
        """From the list of meshes."""
        self.hands.press(self.page.get_by_role("link", name=self.mesh, exact=True))
        expect(self.page.get_by_role("heading", name=self.mesh, level=1)).to_be_visible()

    def open(self, tab: str) -> None:
        """One of the mesh's pages, by its link."""
        tabs = self.page.get_by_role("navigation", name=self.words("Mesh"), exact=True)
        link = tabs.get_by_role("link", name=self.words(tab), exact=True)
        if link.get_attribute("aria-current") == "page" and self._at(link):
            return
        self.hands.press(link)
        expect(link).to_have_attribute("aria-current", "page")
        self.page.wait_for_url(re.compile(f"{re.escape(link.get_attribute('href') or '')}$"))

    def _at(self, link: Locator) -> bool:
        return self.page.url.partition("?")[0].endswith(link.get_attribute("href") or "-")

    # Meshes and clusters.

    def register_mesh(
        self,
        control_plane: str | Path,
        *,
        config: str | Path = "",
        kind: str = "Hosted",
        namespace: str = "istio-system",
    ) -> None:
        """From the list of meshes."""
        self.hands.press(self.button("Register mesh"))
        self.hands.fill(self.box("Name"), self.mesh)
        group = self.page.get_by_role("radiogroup", name=self.words("Kind")).or_(
            self.page.get_by_role("group", name=self.words("Kind"))
        )
        self.hands.pick(group.get_by_role("radio", name=self.words(kind), exact=True))
        self._give(control_plane, "Control plane kubeconfig", "Control plane, as a file")
        if config:
            self._give(config, "Config cluster kubeconfig", "Config cluster, as a file")
        self.hands.fill(self.box("System namespace"), namespace)
        self.hands.press(self.button("Register"))
        expect(self.page.get_by_role("heading", name=self.mesh, level=1)).to_be_visible(timeout=ANSWER_SECONDS * 1000)

    def register_cluster(self, name: str, kubeconfig: str | Path) -> None:
        """Checked first, then registered."""
        self.open("Clusters")
        self.hands.press(self.button("Register cluster"))
        self.hands.fill(
            self.page.get_by_role("combobox", name=self.words("Name"), exact=True).or_(self.box("Name")), name
        )
        self._give(kubeconfig, "Kubeconfig", "Or upload it as a file")
        # In Chinese the tab *Checks* has the same word.
        self.hands.press(self.page.get_by_role("button", name=self.words("Check"), exact=True))
        found = self.page.get_by_role("heading", name=self.words("What the check found"))
        expect(found).to_be_visible(timeout=ANSWER_SECONDS * 1000)
        self.hands.press(self.button("Register"))
        expect(self.row(name)).to_be_visible(timeout=ANSWER_SECONDS * 1000)

    def replace_credential(self, cluster: str, kubeconfig: str | Path) -> None:
        self.open("Clusters")
        self._choose("cluster", cluster, "Replace credential")
        self._give(kubeconfig, "Kubeconfig", "Or upload it as a file")
        self.hands.press(self.button("Replace"))
        expect(self.page.get_by_text(self.words("The credential has been replaced."))).to_be_visible(
            timeout=ANSWER_SECONDS * 1000
        )

    def remove_from_mesh(self, cluster: str) -> None:
        self.open("Clusters")
        self._choose("cluster", cluster, "Remove from mesh")
        self.hands.press(self.button("Remove", self.page.get_by_role("dialog")))
        expect(self.row(cluster)).to_have_count(0)

    def _give(self, kubeconfig: str | Path, box: str, field: str) -> None:
        """Pasted, or, as a path, uploaded."""
        if isinstance(kubeconfig, Path):
            self.hands.upload(self.page.get_by_label(self.words(field), exact=True), kubeconfig)
        else:
            self.hands.fill(self.box(box), kubeconfig)

    # Basic settings.

    def enable(self) -> None:
        self.open("Interconnect")
        self.hands.press(self._switch)
        self.hands.press(self.button("Enable", self.dialog("Enable multicloud interconnection")))
        self.rollout_ended()

    def disable(self, phrase: str = "") -> None:
        self.open("Interconnect")
        self.hands.press(self._switch)
        dialog = self.dialog("Disable multicloud interconnection")
        typed = phrase or PHRASES[self.words.language]
        self.hands.fill(self.box("Type “Close Basic Settings” to confirm", dialog), typed)
        self.hands.press(self.button("Disable", dialog))
        self.rollout_ended()

    @property
    def _switch(self) -> Locator:
        return self.page.get_by_role("switch", name=self.words("Multicloud interconnection"), exact=True)

    def view_rule(self) -> str:
        """The YAML of the console's rule as the config cluster has it now."""
        self.open("Interconnect")
        opener = self.button("View rule")
        self.hands.press(opener)
        dialog = self.dialog("Gateway rule")
        now = dialog.get_by_role("region", name=self.words("YAML of %(name)s", name="cross-network-gateway"))
        expect(now).to_be_visible(timeout=ANSWER_SECONDS * 1000)
        text = now.inner_text()
        self.hands.press(self.button("Close", dialog))
        expect(dialog).to_be_hidden()
        return text

    # Groups and their clusters.

    def create_group(self, name: str, clusters: Sequence[str]) -> None:
        self.open("Interconnect")
        self.hands.press(self.button("Create network group"))
        dialog = self.dialog("Create network group")
        self.hands.fill(self.box("Name", dialog), name)
        self._tick(dialog, clusters)
        self.confirmed(dialog)
        expect(self.row(name)).to_be_visible()

    def add_cluster(self, group: str, *clusters: str) -> None:
        self._choose("group", group, "Add cluster")
        dialog = self.dialog("Add cluster")
        self._tick(dialog, clusters)
        self.confirmed(dialog)
        for cluster in clusters:
            expect(self.row(cluster)).to_be_visible()

    def move_cluster(self, cluster: str, group: str) -> None:
        self._choose("cluster", cluster, "Move to another group")
        dialog = self.dialog("Move to another group")
        self.hands.select(dialog.get_by_role("combobox", name=self.words("Network group"), exact=True), group)
        self.confirmed(dialog)

    def remove_cluster(self, cluster: str) -> None:
        self._choose("cluster", cluster, "Remove from group")
        self.confirmed(self.dialog("Remove from group"))
        expect(self.row(cluster)).to_have_count(0)

    def delete_group(self, group: str) -> None:
        self._choose("group", group, "Delete network group")
        self.confirmed(self.dialog("Delete network group"), "Delete")
        expect(self.row(group)).to_have_count(0)

    def _tick(self, place: Locator, names: Iterable[str]) -> None:
        for name in names:
            self.hands.tick(place.get_by_role("checkbox", name=name, exact=True))

    def _choose(self, kind: str, name: str, item: str) -> None:
        if kind != "cluster" or not self.page.url.endswith("/clusters/"):
            self.open("Interconnect")
        button = self.page.get_by_role("button", name=self.words(f"Actions for {kind} %(name)s", name=name), exact=True)
        self.hands.choose(button, self.words(item))

    # East-west gateways.

    def create_gateway(
        self,
        *,
        cluster: str,
        group: str = "",
        replicas: int | None = None,
        annotations: Mapping[str, str] | None = None,
        load_balancer_ip: str = "",
    ) -> None:
        """From the cluster's menu; with a `group` from that one's, where the cluster is chosen."""
        self._choose("group" if group else "cluster", group or cluster, "Create east-west gateway")
        dialog = self.dialog("Create east-west gateway")
        if group:
            self.hands.select(dialog.get_by_role("combobox", name=self.words("Cluster"), exact=True), cluster)
        self._fill_gateway(dialog, replicas, annotations, load_balancer_ip)
        self.confirmed(dialog)

    def edit_gateway(
        self,
        gateway: str,
        *,
        cluster: str = "",
        replicas: int | None = None,
        annotations: Mapping[str, str] | None = None,
        load_balancer_ip: str | None = None,
    ) -> None:
        """From its own menu; with a `cluster` from that one's, where the gateway is chosen if there are several."""
        self._choose("cluster" if cluster else "gateway", cluster or gateway, "Edit east-west gateway")
        dialog = self.dialog("Edit east-west gateway")
        replicas_box = dialog.get_by_role("spinbutton", name=self.words("Replicas"), exact=True)
        which = dialog.get_by_role("combobox", name=self.words("Gateway"), exact=True)
        expect(replicas_box.or_(which)).to_be_visible()
        if which.count():
            self.hands.select(which, gateway)
            self.hands.press(self.button("Next", dialog))
        self._fill_gateway(dialog, replicas, annotations, load_balancer_ip)
        self.confirmed(dialog)

    def _fill_gateway(
        self, dialog: Locator, replicas: int | None, annotations: Mapping[str, str] | None, load_balancer_ip: str | None
    ) -> None:
        if replicas is not None:
            self.hands.fill(dialog.get_by_role("spinbutton", name=self.words("Replicas"), exact=True), str(replicas))
        if load_balancer_ip:
            self.hands.fill(self.box("Load balancer IP", dialog), load_balancer_ip)
        if annotations is not None:
            lines = "\n".join(f"{key}: {value}" for key, value in annotations.items())
            self.hands.fill(self.box("Load balancer annotations", dialog), lines)

    def delete_gateway(self, gateway: str) -> None:
        self._choose("gateway", gateway, "Delete east-west gateway")
        self.confirmed(self.dialog("Delete east-west gateway"), "Delete")
        expect(self.row(gateway)).to_have_count(0)

    # The interconnect list.

    def join(
        self,
        addresses: Mapping[str, Sequence[str]],
        *,
        by_hand: Mapping[str, Sequence[Address]] | None = None,
        restart: str = "",
    ) -> None:
        """`addresses` of each group are `host:port`s of its gateways, none: all that are offered.

        Through the whole wizard.
        """
        self.choose_groups(*addresses)
        self.choose_addresses(addresses, by_hand=by_hand)
        self.review(restart)
        self.hands.press(self.button("OK"))
        self.rollout_ended()

    def choose_groups(self, *groups: str) -> None:
        """The wizard's first step: these, and of an earlier draft no others."""
        self.open("Interconnect")
        self.hands.press(self.button("Join interconnection"))
        expect(self.page.get_by_role("heading", name=self.words("Join interconnection"), level=2)).to_be_visible()
        self.page.wait_for_load_state()
        table = self.page.get_by_role("table")
        ticked = [str(box.get_attribute("value")) for box in table.get_by_role("checkbox", checked=True).all()]
        for group in set(ticked) - set(groups):
            self.hands.tick(table.get_by_role("checkbox", name=group, exact=True), False)
        self._tick(table, groups)
        self.hands.press(self.button("Next"))

    def choose_addresses(
        self, addresses: Mapping[str, Sequence[str]], *, by_hand: Mapping[str, Sequence[Address]] | None = None
    ) -> None:
        """The wizard's second step."""
        by_hand = by_hand or {}
        for group, wanted in addresses.items():
            part = self._part(group)
            expect(part).to_be_visible()
            self.page.wait_for_load_state()
            if not wanted and not by_hand.get(group):
                for box in part.get_by_role("checkbox").all():
                    self.hands.tick(box)
            for address in wanted:
                self.hands.tick(self._offered(group, address))
        self._add_by_hand(by_hand)
        self.hands.press(self.button("Next"))
        expect(self.page.get_by_role("heading", name=self.words("What will be done"))).to_be_visible()

    def review(self, restart: str = "") -> None:
        """The wizard's third step, up to *OK*: waits for the plan.

        `restart`: Always, Automatic or Never; what is set if empty.
        """
        if restart:
            self.hands.pick(self.page.get_by_role("radio", name=re.compile(f"^{re.escape(self.words(restart))}")))
        expect(self.button("OK")).to_be_enabled(timeout=ANSWER_SECONDS * 1000)

    def update_addresses(
        self, group: str, *, add: Sequence[Address] = (), tick: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        """`tick` and `remove` are `host:port`s that are offered, `add` those typed by hand."""
        self._tick_members([group])
        self.hands.press(self.button("Update east-west gateway address"))
        expect(self._part(group)).to_be_visible()
        for address in tick:
            self.hands.tick(self._offered(group, address))
        for address in remove:
            self.hands.tick(self._offered(group, address), False)
        self._add_by_hand({group: add})
        self.hands.press(self.button("OK"))
        self.rollout_ended()

    def remove(self, *groups: str, restart: str = "") -> None:
        """Asked twice."""
        self._tick_members(groups)
        self.hands.press(self.button("Remove interconnection"))
        dialog = self.dialog("Remove interconnection")
        self.hands.press(self.button("Remove", dialog))
        expect(self.button("Confirm", dialog)).to_be_visible()
        if restart:
            self.hands.pick(dialog.get_by_role("radio", name=re.compile(f"^{re.escape(self.words(restart))}")))
        self.hands.press(self.button("Confirm", dialog))
        self.rollout_ended()

    def _tick_members(self, groups: Iterable[str]) -> None:
        self.open("Interconnect")
        for group in groups:
            self.hands.tick(self.member(group).get_by_role("checkbox", name=group, exact=True))

    def _part(self, group: str) -> Locator:
        return self.page.get_by_role("group", name=group, exact=True)

    def _offered(self, group: str, address: str) -> Locator:
        return self._part(group).get_by_role("checkbox", name=re.compile(f"^{re.escape(address)}( |（|\\(|$)"))

    def _add_by_hand(self, by_hand: Mapping[str, Sequence[Address]]) -> None:
        for group, typed in by_hand.items():
            for host, port in typed:
                self.hands.fill(self.box("Address", self._part(group)), host)
                self.hands.fill(self.box("Port", self._part(group)), str(port))
                self.hands.press(self.button("Add address", self._part(group)))
                expect(self._offered(group, f"{host}:{port}")).to_be_checked()

    # Workloads and checks.

    def restart_workloads(self, of: str) -> None:
        """Of a cluster or of a group with several, once its row says that some need it."""
        self.open("Interconnect")
        button = self.page.get_by_role("button", name=f"{self.words('Restart workloads')} {of}", exact=True)
        expect(button).to_be_visible(timeout=ANSWER_SECONDS * 1000)
        self.hands.press(button)
        self._answered("Restart workloads", self.dialog("Restart workloads"))
        self.rollout_ended()

    def run_checks(self) -> list[Pair]:
        """What the matrix says of every pair of groups, once the clusters have answered."""
        self.open("Checks")
        # A quick worker has answered before the page could say that it asks.
        checked = self.page.locator("[data-checked]")
        before = checked.get_attribute("data-checked") or ""
        self.hands.press(self.button("Run checks"))
        expect(checked).not_to_have_attribute("data-checked", before, timeout=ANSWER_SECONDS * 1000)
        cells = self.page.locator("#check-pairs .cell")
        ends = [(cell.get_attribute("data-source"), cell.get_attribute("data-target")) for cell in cells.all()]
        return [self._pair(source or "", target or "") for source, target in ends]

    def _pair(self, source: str, target: str) -> Pair:
        """Open the cell of a pair and read what stands beside it."""
        cell = self.page.locator(f'#check-pairs .cell[data-source="{source}"][data-target="{target}"]')
        self.hands.press(cell)
        opened = self.page.locator("#pair")
        expect(opened.get_by_role("heading", level=3)).to_have_text(f"{source} → {target}")
        # Control plane, the data path if it was tested, and the way back.
        told, *reach, _back = [" ".join(text.split()) for text in opened.locator("dd").all_inner_texts()]
        disagree, wrong = self.words("disagree"), opened.locator(".detail-head :is(.tone-bad, .tone-warn)").count()
        together = disagree if opened.get_by_text(disagree, exact=True).count() else "Problem" if wrong else ""
        return Pair(source, target, told, reach[0] if reach else "", together)

    # Rollouts.

    def confirmed(self, dialog: Locator, verb: str = "OK") -> None:
        """A small change, asked for by its dialog: the page stays, follows the rollout and shows no failed one at its
        end.
        """
        before = self.last_rollout
        self.hands.press(self.button(verb, dialog))
        expect(dialog).to_be_hidden()
        self.settled(after=before)

    def decide(self, button: str, *, phrase: bool = False, restart: str = "") -> None:
        """A decision on the rollout whose page this is: through its dialog, and its second question
        where there is one.
        """
        self.hands.press(self.page.locator("main").get_by_role("button", name=self.words(button), exact=True).first)
        dialog = self.page.get_by_role("dialog", name=re.compile(f"^{re.escape(self.words(button))}"))
        if phrase:
            self.hands.fill(self.box("Type “Close Basic Settings” to confirm", dialog), PHRASES[self.words.language])
        self._answered(button, dialog, restart=restart)

    def _answered(self, verb: str, dialog: Locator, *, restart: str = "") -> None:
        """Waits for the plan; a removal is confirmed."""
        asked = self.button(verb, dialog)
        expect(asked).to_be_enabled(timeout=ANSWER_SECONDS * 1000)
        self.hands.press(asked)
        second = self.button("Confirm", dialog)
        expect(second.or_(self.page.locator("body:not(:has(dialog[open]))"))).to_be_visible(
            timeout=ANSWER_SECONDS * 1000
        )
        if not second.count():
            return
        if restart:
            self.hands.pick(dialog.get_by_role("radio", name=re.compile(f"^{re.escape(self.words(restart))}")))
        self.hands.press(second)

    @property
    def last_rollout(self) -> str:
        """The rollout that the page tells of at its top; empty when it has told of none."""
        return self.page.locator("#rollout-strip").get_attribute("data-rollout") or ""

    def settled(self, *, after: str) -> None:
        """Waits until another rollout than `after` has been told of and nothing runs; nothing that ran has failed."""
        expect(self.page.locator("#rollout-strip")).not_to_have_attribute("data-rollout", after)
        expect(self.running).to_have_count(0, timeout=ROLLOUT_SECONDS * 1000)
        expect(self.failed).to_have_count(0)

    def rollout_ended(self, expected: str = "Succeeded") -> None:
        """On the rollout's page, which the change leads to: follows it without a reload."""
        expect(self.page.locator("#rollout-title")).to_be_visible(timeout=ANSWER_SECONDS * 1000)
        ended = re.compile("|".join(f"^{re.escape(self.words(state))}$" for state in ENDS))
        expect(self.state).to_have_text(ended, timeout=ROLLOUT_SECONDS * 1000)
        said = self.page.locator("#live").inner_text()
        assert self.state.inner_text() == self.words(expected), said
        expect(self.running).to_have_count(0)
