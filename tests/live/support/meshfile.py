"""The file of the mesh that the live tier walks through: blue in member-a, green in member-b, red in member-c."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from tests.live.support.ads import Endpoint
from tests.live.support.installation import settled
from tests.live.support.snapshot import differences, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from interconnect.domain.json_types import Json
    from tests.live.support.console import Console, Outcome
    from tests.live.support.installation import Live

MESH = "walk"
CLUSTER = {"blue": "member-a", "green": "member-b", "red": "member-c"}
GATEWAY = {"green": "member-b/1", "red": "member-c/1"}
SERVICE = {"green": "eastwest-member-b-1", "red": "eastwest-member-c-1"}

ALL = tuple(CLUSTER)
Networks = dict[str, set[Endpoint]]
Joined = dict[str, list[dict[str, Any]]]


def by_platform(*groups: str) -> Joined:
    """Groups joined at what the load balancers of their gateways say."""
    return {group: [{"gateway": GATEWAY[group]}] for group in groups}


class MeshFile:
    """Writes the file anew for each step; every version holds the whole topology, as a person's file would."""

    def __init__(self, live: Live, folder: Path) -> None:
        self.live, self.path = live, folder / "mesh.yaml"

    def write(
        self,
        *groups: str,
        enabled: bool = True,
        gateways: tuple[str, ...] = (),
        joined: Joined | None = None,
        settings: dict[str, Any] | None = None,
        restart: str = "always",
    ) -> Path:
        """`groups` exist, those in `gateways` have one (with `settings`), those in `joined` are joined."""
        content = {
            "version": 1,
            "mesh": MESH,
            "control_plane": self._control_plane(),
            "restart": restart,
            "enabled": enabled,
            "clusters": {member.name: {"kubeconfig": str(member.kubeconfig)} for member in self.live.members},
            "groups": {group: self._group(group, gateways, joined or {}, settings or {}) for group in groups},
        }
        self.path.write_text(yaml.safe_dump(content, sort_keys=False))
        return self.path

    def closed(self) -> Path:
        """Nothing joined, no group, disabled."""
        return self.write(enabled=False)

    def _control_plane(self) -> dict[str, str]:
        plane = {"kind": "hosted", "kubeconfig": str(self.live.hub.kubeconfig), "system_namespace": self.live.system}
        return plane | ({"config_kubeconfig": str(self.live.config.kubeconfig)} if self.live.split else {})

    def _group(self, group: str, gateways: tuple[str, ...], joined: Joined, settings: dict[str, Any]) -> dict[str, Any]:
        content: dict[str, Any] = {"clusters": [CLUSTER[group]]}
        if group in gateways:
            content["gateways"] = {GATEWAY[group]: dict(settings)}  # shared, it would be written as an alias
        if group in joined:
            content["joined"] = joined[group]
        return content


class Mesh:
    """The mesh on its way through the tests of one file: what was there before, its file, and the console."""

    def __init__(self, live: Live, console: Console, folder: Path) -> None:
        self.live, self.console, self.file = live, console, MeshFile(live, folder)
        self.before = snapshot(live)

    def apply(self, joined: Joined, *flags: str, ends: int = 0, **settings: Any) -> Outcome:
        """All groups with the gateways of green and red, these joined."""
        file = self.file.write(*ALL, gateways=("green", "red"), joined=joined, settings=settings)
        return self.console.apply(file, "--allow-removal", *flags, ends=ends)

    def close(self) -> Outcome:
        """Take everything away, whatever it takes: what a failed test left must not fail the next file."""
        flags: list[str] = []
        for _ in range(5):
            outcome = self.console("apply", str(self.file.closed()), "--allow-removal", "--guard", "force", *flags)
            flags += outcome.accepting()
            if outcome.code == 0:
                break
        return outcome

    def status(self) -> Any:
        return self.console.status(MESH)

    def gateway(self, group: str) -> Endpoint:
        (address,) = self.live.load_balancer(CLUSTER[group], SERVICE[group])
        return Endpoint(address, 15443)

    def deployment(self, group: str) -> Json:
        path = f"/apis/apps/v1/namespaces/{self.live.system}/deployments/{SERVICE[group]}"
        return self.live.api(CLUSTER[group]).get(path)

    def raw(self, *groups: str) -> set[Endpoint]:
        return set().union(*(self.live.pod_addresses(CLUSTER[group]) for group in groups))

    def expect_networks(
        self, foreign: Networks | None = None, revision: str = "default", **joined: set[Endpoint]
    ) -> None:
        """Every replica of a revision has loaded exactly these."""
        wanted = {
            name: {tuple(address) for address in addresses} for name, addresses in {**(foreign or {}), **joined}.items()
        }
        for pod in self.live.istiods(revision):
            seen = settled(lambda pod=pod: self.live.networkz(pod), wanted)  # type: ignore[misc]
            assert seen == wanted, f"networkz of {pod}: {seen} instead of {wanted}"

    def expect_endpoints(self, wanted: set[Endpoint]) -> None:
        """Every replica sends a proxy of member-a, in blue, exactly there."""
        for pod in self.live.istiods():
            seen = settled(lambda pod=pod: self.live.endpoints(pod, "member-a", "blue"), wanted)  # type: ignore[misc]
            assert seen == wanted, f"EDS of {pod}: {seen} instead of {wanted}"

    def expect_no_trace(self) -> None:
        seen = settled(lambda: differences(self.before, snapshot(self.live)), "")
        assert seen == "", f"this is not as it was before:\n{seen[:8000]}"
