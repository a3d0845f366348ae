"""What the story happens in: a console with its demo, one in which nothing is registered yet, and clusters that no mesh
knows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator.remote import Remote
from tests.run.consoles import Console, environment, until

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "the admin's password, for pictures"
MESHES = 3


@dataclass
class Installation:
    """`memory` is what acts leave for later scenes."""

    url: str
    fresh_url: str
    demo: Path
    spare: Path
    memory: dict[str, str] = field(default_factory=dict)

    def fault(self, cluster: str, kind: str | None, **options: Any) -> None:
        """Switches a fault of a demo's cluster on, or off with None."""
        Remote(self.demo).fault(cluster, kind, **options)

    def kubeconfig(self, cluster: str) -> str:
        folder = self.demo if (self.demo / cluster).is_dir() else self.spare
        return (folder / cluster / "kubeconfig").read_text()

    def wait_for_the_demo(self) -> None:
        def made() -> bool:
            file = self.demo / "demo.json"
            return file.exists() and len(json.loads(file.read_text())) == MESHES

        until(made, "the demo is not made")

    @property
    def spare_hub(self) -> str:
        known: dict[str, Any] = json.loads((self.spare / "live.json").read_text())
        return str(known["control_plane_cluster"])


@contextmanager
def installed(folder: Path) -> Iterator[Installation]:
    """The demo is still being made when the first scenes are looked at, which need none of it."""
    values = {"MESHCONSOLE_ADMIN_PASSWORD": PASSWORD, "MESHCONSOLE_PROBE_SECONDS": "3600"}
    with ExitStack() as stack:
        main = Console(folder / "data", **values, MESHCONSOLE_DEMO="1", MESHCONSOLE_UNREACHABLE_SECONDS="600")
        stack.enter_context(main)
        fresh = stack.enter_context(Console(folder / "fresh", **values, MESHCONSOLE_DEBUG="1"))
        spare = stack.enter_context(_spare_clusters(folder / "spare"))
        _furnish(folder / "data")
        yield Installation(_url(main), _url(fresh), folder / "data" / "simulator", spare)


def _url(console: Console) -> str:
    return f"http://127.0.0.1:{console.port}"


@contextmanager
def _spare_clusters(folder: Path) -> Iterator[Path]:
    command = [sys.executable, "-m", "simulator", "--clusters", "3", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("simulator: ")
            yield folder
        finally:
            process.terminate()


def _furnish(data: Path) -> None:
    command = [sys.executable, "-m", "tests.screenshots.furnish"]
    settings = {"DJANGO_SETTINGS_MODULE": "meshconsole.settings", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    subprocess.run(command, cwd=ROOT, env=environment(data, **settings), check=True)
