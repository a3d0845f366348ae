"""The whole specification in a console as its users have it, by mouse and by keyboard alone; what clusters hold is
asked of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.browser.hands import Hands, Keyboard, Mouse
from tests.browser.installation import ADMIN, PASSWORD, Installation, SimulatedClusters
from tests.browser.pages import MeshPages
from tests.live.support.installation import NETWORK_LABEL, settled
from tests.live.support.snapshot import differences, snapshot

if TYPE_CHECKING:
    from interconnect.domain.json_types import Json
    from tests.browser.chromium import Contexts

# The third has the Pod CIDR of the second, and its Pods carry a network that nobody has grouped it into.
MEMBERS = ("beijing", "paris", "tokyo", "quito")
ANNOTATIONS = {"service.beta.kubernetes.io/aws-load-balancer-type": "nlb", "example.org/pool": "edge"}
BY_HAND = ("198.51.100.7", 15443)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("console") / "data") as running:
        yield running


@pytest.fixture
def clusters(tmp_path: Path) -> Iterator[SimulatedClusters]:
    with SimulatedClusters(tmp_path / "clusters", *MEMBERS) as running:
        yield running


# The live tier goes the same way by mouse, and in English, on real clusters.
@pytest.mark.parametrize(
    ("hands", "theme", "language"),
    [(Keyboard, "dark", "zh-hans"), pytest.param(Mouse, "light", "en", marks=pytest.mark.ship)],
)
def test_the_whole_procedure(
    installation: Installation,
    clusters: SimulatedClusters,
    contexts: Contexts,
    hands: type[Hands],
    theme: str,
    language: str,
) -> None:
    page = contexts(installation.url, theme=theme, language=language).new_page()
    pages = MeshPages(page, hands(page), f"mesh-{hands.__name__.lower()}-{language}", language=language)
    walk = Walk(pages, clusters)
    pages.sign_in(ADMIN, PASSWORD)
    walk.registered()
    walk.enabled()
    walk.grouped()
    walk.with_gateways()
    walk.joined()
    walk.other_addresses()
    walk.workloads_restarted()
    walk.checked()
    walk.removed()
    walk.disabled()


class Walk:
    """One chapter per method, each from where the one before has left the mesh."""

    def __init__(self, pages: MeshPages, clusters: SimulatedClusters) -> None:
        self.pages, self.page, self.live = pages, pages.page, clusters.live
        self.kubeconfigs = clusters.kubeconfigs()
        self.before = snapshot(self.live)

    def registered(self) -> None:
        """What the specification takes for granted: pasted and uploaded, checked first."""
        self.pages.register_mesh(self.kubeconfigs["hub"].read_text())
        for number, name in enumerate(MEMBERS):
            file = self.kubeconfigs[name]
            self.pages.register_cluster(name, file if number % 2 else file.read_text())
        self.pages.replace_credential("quito", self.kubeconfigs["quito"].read_text())
        assert differences(self.before, snapshot(self.live)) == ""

    def enabled(self) -> None:
        """Step 1."""
        self.pages.enable()
        assert yaml.safe_load(self.pages.view_rule())["spec"] == self._rule()["spec"]

    def grouped(self) -> None:
        """Steps 2 and 3."""
        pages = self.pages
        pages.create_group("asia", ["beijing"])
        pages.create_group("2-europe", ["paris"])
        pages.add_cluster("asia", "quito", "tokyo")
        assert self._networks() == {"beijing": "asia", "paris": "2-europe", "quito": "asia", "tokyo": "asia"}
        pages.remove_cluster("tokyo")
        assert self._networks() == {"beijing": "asia", "paris": "2-europe", "quito": "asia"}
        assert self._injected_into() == {"beijing": "asia", "paris": "2-europe", "quito": "asia", "tokyo": "default"}
        pages.add_cluster("asia", "tokyo")

    def with_gateways(self) -> None:
        """Step 4: several in a group and in a cluster; one is deleted, and one moves with its cluster into the other
        group.
        """
        pages = self.pages
        pages.create_gateway(cluster="beijing", replicas=2, annotations=ANNOTATIONS)
        pages.create_gateway(cluster="beijing")
        pages.create_gateway(cluster="paris", group="2-europe", load_balancer_ip="203.0.113.77")
        pages.create_gateway(cluster="quito", group="asia")
        assert self._replicas("beijing") == {"eastwest-beijing-1": 2, "eastwest-beijing-2": 1}
        assert ANNOTATIONS.items() <= self._service("beijing", "eastwest-beijing-1")["metadata"]["annotations"].items()
        assert self._service("paris", "eastwest-paris-1")["spec"]["loadBalancerIP"] == "203.0.113.77"
        pages.edit_gateway("eastwest-beijing-2", cluster="beijing", replicas=3)
        pages.edit_gateway("eastwest-beijing-1", annotations={"example.org/pool": "core"})
        assert self._replicas("beijing") == {"eastwest-beijing-1": 2, "eastwest-beijing-2": 3}
        annotations = self._service("beijing", "eastwest-beijing-1")["metadata"]["annotations"]
        assert {key: annotations.get(key) for key in ANNOTATIONS} == dict.fromkeys(ANNOTATIONS) | {
            "example.org/pool": "core"
        }
        pages.delete_gateway("eastwest-beijing-2")
        assert self._replicas("beijing") == {"eastwest-beijing-1": 2}
        pages.move_cluster("quito", "2-europe")
        template = self._gateways("quito")["eastwest-quito-1"]["spec"]["template"]
        assert template["metadata"]["labels"][NETWORK_LABEL] == "2-europe"
        assert yaml.safe_load(self.live.networks() or "")["networks"] == {}

    def joined(self) -> None:
        """Step 5: two groups at once, by addresses of their gateways and by one that is typed."""
        pages = self.pages
        pages.open("Interconnect")
        asia, europe = pages.addresses_of("eastwest-beijing-1"), pages.addresses_of("eastwest-paris-1")
        assert {address.rpartition(":")[0] for address in asia} == self.live.load_balancer(
            "beijing", "eastwest-beijing-1"
        )
        istiods = self.live.istiods()
        pages.join({"asia": asia, "2-europe": europe}, by_hand={"2-europe": [BY_HAND]}, restart="Always")
        self._expect_listed({"asia": {*asia}, "2-europe": {*europe, "198.51.100.7:15443"}})
        assert not set(istiods) & set(self.live.istiods())

    def other_addresses(self) -> None:
        """Other operations 1; of a joined group's gateway the replicas still change."""
        pages = self.pages
        pages.open("Interconnect")
        asia, paris, quito = (pages.addresses_of(f"eastwest-{name}-1") for name in ("beijing", "paris", "quito"))
        istiods = self.live.istiods()
        pages.update_addresses("2-europe", tick=quito, add=[("198.51.100.9", 15444)], remove=["198.51.100.7:15443"])
        self._expect_listed({"asia": {*asia}, "2-europe": {*paris, *quito, "198.51.100.9:15444"}})
        assert self.live.istiods() == istiods
        pages.edit_gateway("eastwest-paris-1", replicas=2)
        assert self._replicas("paris") == {"eastwest-paris-1": 2}

    def workloads_restarted(self) -> None:
        """Those of tokyo still carry the network that they were started with."""
        assert self.live.pod_networks("tokyo") == {"default"}
        self.pages.restart_workloads("tokyo")
        assert settled(lambda: self.live.pod_networks("tokyo"), {"asia"}) == {"asia"}

    def checked(self) -> None:
        pairs = {(pair.source, pair.target): pair for pair in self.pages.run_checks()}
        assert pairs.keys() == {("asia", "2-europe"), ("2-europe", "asia")}
        told = self.pages.words("Through gateways")
        assert {pair.control_plane.partition(" (")[0] for pair in pairs.values()} == {told}

    def removed(self) -> None:
        """Other operations 2, asked twice, and 3."""
        self.pages.remove("asia", "2-europe", restart="Always")
        assert not any(self.live.networkz(pod) for pod in self.live.istiods())
        self.pages.delete_group("asia")
        self.pages.delete_group("2-europe")
        assert self._networks() == {}

    def disabled(self) -> None:
        """Other operations 4. What was there before is there again, and nothing else."""
        self.pages.disable()
        assert differences(self.before, snapshot(self.live)) == ""

    # What the clusters say.

    def _rule(self) -> Json:
        return self.live.config.api.get(
            f"/apis/networking.istio.io/v1/namespaces/{self.live.system}/gateways/cross-network-gateway"
        )

    def _networks(self) -> dict[str, str]:
        return {name: found for name in MEMBERS if (found := self.live.network_of(name))}

    def _injected_into(self) -> dict[str, str]:
        networks = {name: {url.partition("/net/")[2] for url in self.live.injection_urls(name)} for name in MEMBERS}
        return {name: found for name, (found,) in networks.items()}

    def _gateways(self, cluster: str) -> dict[str, Json]:
        path = f"/apis/apps/v1/namespaces/{self.live.system}/deployments"
        found = self.live.api(cluster).items(path, labelSelector="app.kubernetes.io/managed-by=meshconsole")
        return {item["metadata"]["name"]: item for item in found}

    def _replicas(self, cluster: str) -> dict[str, int]:
        return {name: item["status"]["availableReplicas"] for name, item in self._gateways(cluster).items()}

    def _service(self, cluster: str, name: str) -> Json:
        return self.live.api(cluster).get(f"/api/v1/namespaces/{self.live.system}/services/{name}")

    def _expect_listed(self, addresses: dict[str, set[str]]) -> None:
        """By the page, by what istiod reads, and by what every istiod says."""
        self.pages.open("Interconnect")
        for group, wanted in addresses.items():
            cells = self.pages.member(group).locator(".mono")
            assert set(cells.all_inner_texts()) == wanted
        networks = yaml.safe_load(self.live.networks() or "")["networks"]
        assert {
            name: _texts((each["address"], each["port"]) for each in said["gateways"])
            for name, said in networks.items()
        } == addresses
        for pod in self.live.istiods():
            assert {name: _texts(found) for name, found in self.live.networkz(pod).items()} == addresses


def _texts(addresses: Iterable[tuple[str, int]]) -> set[str]:
    return {f"{host}:{port}" for host, port in addresses}
