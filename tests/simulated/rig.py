"""Stops and starts a simulated cluster as the rig does a real one: `rig.py stop-cluster|start-cluster LIVE.JSON NAME
[--hang]`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from simulator.remote import Remote


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=("stop-cluster", "start-cluster"))
    parser.add_argument("description", type=Path)
    parser.add_argument("cluster")
    parser.add_argument("--hang", action="store_true")
    asked = parser.parse_args()
    stopped = "hang" if asked.hang else "refuse"
    Remote(asked.description.parent).fault(asked.cluster, stopped if asked.action == "stop-cluster" else None)


if __name__ == "__main__":
    main()
