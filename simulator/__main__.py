"""`python -m simulator --clusters a,b,c|N --port P --dir D`: a fleet in its own process, until a signal ends it.

Writes `D/<cluster>/kubeconfig` for the admin, `D/<cluster>/kubeconfig.nobody` for a user without permissions,
`D/live.json`, and `D/control.json` for switching faults (remote.py). The state is kept in `D/state.json`, so that a
restarted fleet is the same one, on the same port if that is still free.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from simulator.fleet import ADMIN_TOKEN, Fleet
from simulator.member import Timing
from simulator.plan import WorldPlan, usual_mesh, world_from_json

SAVE_SECONDS = 2.0


def names(text: str) -> tuple[str, ...]:
    """Return the cluster names in `a,b,c`, or names for a given number of clusters."""
    if not text.isdigit():
        return tuple(name for name in text.split(",") if name)
    count = int(text)
    letters = "abcdefghijklmnopqrstuvwxyz"
    return tuple(f"member-{letters[index]}" if count <= 26 else f"member-{index + 1}" for index in range(count))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="simulator", description="Simulated Kubernetes clusters of one hosted Istio mesh."
    )
    made.add_argument("--clusters", default="3", help="names of the member clusters, or how many (default 3)")
    made.add_argument(
        "--world", type=Path, help="a JSON file that describes several meshes (plan.py), instead of --clusters"
    )
    made.add_argument(
        "--port", type=int, default=0, help="TLS port on 127.0.0.1 (default: the same as last time, or any free one)"
    )
    made.add_argument("--dir", type=Path, required=True, help="folder of kubeconfigs, live.json and the state")
    made.add_argument("--istiods", type=int, default=2, help="replicas of istiod (default 2)")
    made.add_argument("--split-config", action="store_true", help="istiod's configuration is in a cluster of its own")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM. Return the exit code."""
    options = parser().parse_args(arguments)
    try:
        fleet = _started(options)
    except OSError as error:
        print(f"simulator: {error.strerror or error}", file=sys.stderr)
        return 1
    except (ValueError, KeyError, TypeError) as error:
        print(
            f"simulator: what it is to be, or its saved state, cannot be read ({type(error).__name__})", file=sys.stderr
        )
        return 1
    saved = options.dir / "state.json"
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    _describe(fleet, options.dir)
    print(
        f"simulator: {len(fleet.members)} clusters on https://127.0.0.1:{fleet.server.port}, described in "
        f"{options.dir / 'live.json'}",
        flush=True,
    )
    while not ended.wait(SAVE_SECONDS):
        _save(fleet, saved)
    _save(fleet, saved)
    fleet.stop()
    return 0


def _started(options: argparse.Namespace) -> Fleet:
    """Return the folder's fleet, restored or new, and already started.

    Raise OSError if the port is taken or the folder can't be written.
    """
    options.dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    saved = options.dir / "state.json"
    state = json.loads(saved.read_text()) if saved.exists() else None
    world = world_from_json(json.loads(options.world.read_text())) if options.world else _usual_world(options)
    timing = Timing(**world.timing)
    fleet = Fleet(world.meshes, port=options.port or _port_before(options.dir), timing=timing, state=state)
    try:
        fleet.start()
    except OSError:
        if options.port or not fleet.server.port:
            raise
        # Nobody asked for this particular port. Anyone who knew the clusters by it reads the kubeconfigs again.
        fleet = Fleet(world.meshes, timing=timing, state=state)
        fleet.start()
    return fleet


def _usual_world(options: argparse.Namespace) -> WorldPlan:
    members = names(options.clusters)
    return WorldPlan((usual_mesh(members=members, istiods=options.istiods, split_config=options.split_config),))


def _port_before(folder: Path) -> int:
    known = folder / "control.json"
    return int(json.loads(known.read_text())["port"]) if known.exists() else 0


def _describe(fleet: Fleet, folder: Path) -> None:
    live = fleet.describe(folder)
    for name in fleet.members:
        (folder / name / "kubeconfig.nobody").write_text(fleet.kubeconfig(name, "nobody"))
    _replace(folder / "live.json", json.dumps(live, indent=1))
    control = {"port": fleet.server.port, "certificate": fleet.authority.certificate.decode(), "token": ADMIN_TOKEN}
    _replace(folder / "control.json", json.dumps(control, indent=1))


def _save(fleet: Fleet, path: Path) -> None:
    """Save the state if it has changed; the file is replaced as a whole or not at all."""
    if fleet.changed_since_saved():
        _replace(path, json.dumps(fleet.dump(), separators=(",", ":")))


def _replace(path: Path, text: str) -> None:
    draft = path.with_suffix(".draft")
    draft.touch(0o600)
    draft.write_text(text)
    draft.replace(path)


if __name__ == "__main__":
    raise SystemExit(main())
