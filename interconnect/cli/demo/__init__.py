"""Three meshes on simulated clusters, so that nobody starts with empty pages: `playground`, `storefront`, `legacy`."""

from __future__ import annotations

import sys
from pathlib import Path

from django.conf import settings

from meshconsole.ops.processes import Process, manage

FOLDER = Path(__file__).parent
MESHES = ("playground", "legacy", "storefront")


def simulator_folder() -> Path:
    """Return the folder where the simulator of `manage.py run` keeps its clusters and their kubeconfigs."""
    return Path(settings.MESHCONSOLE_DATA).absolute() / "simulator"


def processes() -> list[Process]:
    """Return the processes that run the simulator and seed it once. Without MESHCONSOLE_DEMO there are none."""
    if not settings.MESHCONSOLE_DEMO:
        return []
    command = (
        sys.executable,
        "-m",
        "simulator",
        "--world",
        str(FOLDER / "world.json"),
        "--dir",
        str(simulator_folder()),
    )
    return [Process("simulator", command, foundation=True), Process("demo", manage("demo"), once=True)]
