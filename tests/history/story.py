"""What people have done with the console before its last worker dies in the middle of a rollout."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from simulator.remote import Remote
from tests.history import CREDENTIAL_KEYS, SECRET_KEY
from tests.run.consoles import Console, processes_of, until

if TYPE_CHECKING:
    from tests.history.keeping import Database

# Nobody waits for it, and the machine may be busy.
PATIENCE_SECONDS = 600.0
PASSWORD = "a password of kept databases"
# One thread, so that what is due and not begun is seen; nothing is looked at again meanwhile.
VALUES = {
    "MESHCONSOLE_DEMO": "1",
    "MESHCONSOLE_ADMIN_PASSWORD": PASSWORD,
    "MESHCONSOLE_WORKER_THREADS": "1",
    "MESHCONSOLE_PROBE_SECONDS": "3600",
    "MESHCONSOLE_CREDENTIAL_KEYS": CREDENTIAL_KEYS,
    "SECRET_KEY": SECRET_KEY,
}
VIEWER, OPERATOR, MESH_ADMIN = "10", "20", "30"
PEOPLE = {"vera": VIEWER, "omar": OPERATOR, "ada": MESH_ADMIN}
ACCOUNTS = f"""
from django.contrib.auth.models import Group, User
from interconnect.models import Mesh
from interconnect.scope import scope_of
from meshconsole.access.models import Binding
for name in {[*PEOPLE, "tom", "mallory"]}:
    User.objects.create_user(username=name, password="the password of " + name)
on_call = Group.objects.create(name="on call")
on_call.user_set.add(User.objects.get(username="tom"))
Binding.objects.create(group=on_call, role={OPERATOR}, scope=scope_of(Mesh.objects.get(name="storefront").id))
"""
IN_ALL_STATES = {"succeeded", "failed", "blocked", "waiting", "active", "ready", "pending"}
REFUSED, FAILED = 1, 3
WRITES = ["PATCH", "PUT", "POST"]

GERMANY = {
    "clusters": ["berlin-1", "berlin-2"],
    "gateways": {"berlin-1/1": {"replicas": 2}},
    "joined": [{"gateway": "berlin-1/1"}],
}
JAPAN = {"clusters": ["osaka-2"], "gateways": {"osaka-2/1": {}}}
AMERICA = {"clusters": ["virginia-1", "virginia-2"]}
WITH_A_GATEWAY = {**AMERICA, "gateways": {"virginia-1/1": {"autoscaling": {"min": 2, "max": 3}}}}
ALL_AT_ONCE = {
    "germany": GERMANY,
    "japan": {
        "clusters": ["osaka-1", "osaka-2"],
        "gateways": {"osaka-2/1": {"replicas": 2}, "osaka-1/1": {}},
        "joined": [{"gateway": "osaka-2/1"}],
    },
    "america": {
        **AMERICA,
        "gateways": {**WITH_A_GATEWAY["gateways"], "virginia-2/1": {"annotations": {"example.org/internal": "true"}}},
    },
}


@dataclass
class House:
    """A console of the product in `root`, with its demo; `done` and `refused` say what commands have come to."""

    root: Path
    console: Console
    database: Database

    @property
    def simulator(self) -> Path:
        return self.console.data / "simulator"

    def fault(self, kind: str | None, *clusters: str, **options: Any) -> None:
        for cluster in clusters:
            Remote(self.simulator).fault(cluster, kind, **options)

    def command(self, *words: str, said: str = "", ends: int = 0) -> str:
        command = [sys.executable, "manage.py", *words]
        result = subprocess.run(
            command,
            cwd=self.root,
            env=self.console.environment,
            input=said,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == ends, f"{words}: {result.returncode}\n{result.stdout}{result.stderr}"
        return result.stdout

    def apply(self, *words: str, ends: int = 0, **groups: Any) -> None:
        self.command("interconnect", "apply", "-", *words, said=_file(groups), ends=ends)

    def apply_and_cancel(self, **groups: Any) -> None:
        command = [sys.executable, "manage.py", "interconnect", "apply", "-"]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, cwd=self.root, env=self.console.environment, stdin=pipe, stdout=pipe, text=True
        ) as applying:
            assert applying.stdin is not None
            applying.stdin.write(_file(groups))
            applying.stdin.close()
            eventually(lambda: "active" in self.states(), "the rollout to be cancelled does not begin")
            self.command("interconnect", "cancel", self.newest)
            assert applying.wait(PATIENCE_SECONDS) == FAILED

    @property
    def newest(self) -> str:
        return str(
            UUID(str(self.database.rows("SELECT id FROM interconnect_rollout ORDER BY created_at DESC LIMIT 1")[0][0]))
        )

    def states(self) -> set[str]:
        """Of the newest rollout's steps; nothing when it has ended."""
        newest = "SELECT id FROM interconnect_rollout ORDER BY created_at DESC LIMIT 1"
        running = f"SELECT id FROM interconnect_rollout WHERE status = 'running' AND id = ({newest})"
        return {
            row[0]
            for row in self.database.rows(
                f"SELECT DISTINCT status FROM interconnect_step WHERE rollout_id = ({running})"
            )
        }

    def undone(self) -> list[str]:
        """The clusters on which the newest rollout has failed, in the order in which a worker takes them up."""
        sql = (
            "SELECT DISTINCT s.chain, c.name FROM interconnect_step s JOIN interconnect_cluster c ON c.uid = s.chain "
            "WHERE s.rollout_id = (SELECT id FROM interconnect_rollout ORDER BY created_at DESC LIMIT 1) AND "
            "s.phase = 10 "
            "AND s.status = 'failed' ORDER BY s.chain"
        )
        return [name for _chain, name in self.database.rows(sql)]

    def ask_for_checks(self, mesh: str) -> None:
        self.console.page(f"/meshes/{mesh}/checks/run/", why="kept")


def eventually(met: Callable[[], bool], what: str) -> None:
    until(met, what, PATIENCE_SECONDS)


def _file(groups: dict[str, Any]) -> str:
    return json.dumps({"version": 1, "mesh": "playground", "enabled": True, "groups": groups})


def tell(house: House) -> None:
    """Until the last worker is dead; what the simulated clusters are then is in `house.simulator`."""
    made = house.simulator / "demo.json"
    eventually(lambda: made.exists() and len(json.loads(made.read_text())) == 3, "the demo is not made")
    house.console.page("/sign-in/")
    house.console.page("/sign-in/", login="admin", password=PASSWORD)
    people_come(house)
    changes_are_made(house)
    questions_are_asked(house)
    a_worker_dies(house)


def people_come(house: House) -> None:
    house.command("shell", said=ACCOUNTS)
    for name, role in PEOPLE.items():
        house.console.page("/meshes/storefront/members/", username=name, role=role)
        house.console.page("/meshes/playground/members/", username=name, role=role)


def changes_are_made(house: House) -> None:
    """One that succeeds, one that is refused, one that is cancelled and one that fails."""
    house.apply("--user", "ada", germany=GERMANY, japan=JAPAN)
    house.apply("--user", "vera", germany=GERMANY, japan=JAPAN, america=AMERICA, ends=REFUSED)
    house.apply("--user", "omar", germany=GERMANY, japan={**JAPAN, "joined": [{"gateway": "osaka-2/1"}]}, ends=REFUSED)
    house.fault("latency", "virginia-1", "virginia-2", methods=WRITES, seconds=10)
    house.apply_and_cancel(germany=GERMANY, japan=JAPAN, america=AMERICA)
    house.fault(None, "virginia-2")
    house.fault("403", "virginia-1", methods=WRITES, resource="deployments")
    house.apply(germany=GERMANY, japan=JAPAN, america=WITH_A_GATEWAY, ends=FAILED)


def questions_are_asked(house: House) -> None:
    """A check with an answer, a registration that is refused, with a credential in it, and a draft of the wizard."""
    house.ask_for_checks("storefront")
    kubeconfig = (house.simulator / "datacenter-1" / "kubeconfig").read_text()
    house.console.page("/meshes/playground/clusters/register/", name="spare", kubeconfig=kubeconfig, do="check")
    house.console.page("/meshes/playground/join/", group="america")
    answered = "SELECT DISTINCT status FROM interconnect_inquiry"
    eventually(
        lambda: {row[0] for row in house.database.rows(answered)} == {"done", "failed"}, "questions are not answered"
    )


def a_worker_dies(house: House) -> None:
    """In the middle of a write to one cluster; another has refused, the next is busy, and the last has not been asked
    yet.
    """
    everywhere = ("virginia-1", "virginia-2", "osaka-1", "osaka-2")
    # One of them is new in its group: its labels are written before it refuses, too.
    house.fault("403", *everywhere, methods=WRITES, resource="deployments")
    house.apply(**ALL_AT_ONCE, ends=FAILED)
    house.fault(None, *everywhere)
    refusing, busy, slow, _not_asked = house.undone()
    house.fault("403", refusing, methods=WRITES)
    house.fault("503", busy)
    house.fault("latency", slow, methods=WRITES, seconds=12)
    house.console.page(f"/meshes/playground/rollouts/{house.newest}/retry/", guard="fail")
    eventually(lambda: house.states() >= IN_ALL_STATES, "steps are not in all states")
    house.ask_for_checks("playground")
    kill(house.console)


def kill(console: Console) -> None:
    """The worker and who would start it again; the simulator is ended by its guard, and leaves its clusters behind."""
    worker = console.child("celery")
    os.killpg(worker, signal.SIGSTOP)
    console.process.kill()
    os.killpg(worker, signal.SIGKILL)
    eventually(lambda: not processes_of(console.data), "processes are left")
