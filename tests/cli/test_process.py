"""The command as a process of its own: its streams, Ctrl-C, and who goes on with what it has left."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from interconnect.domain.changes import CreateGateway
from interconnect.domain.topology import GatewayKey, GatewaySpec
from interconnect.models import Rollout, Step
from tests.support.process import child_environment
from tests.support.workers import Workers
from tests.support.world import SYSTEM

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.support import Shell
    from tests.support.valkey import Valkey
    from tests.support.world import World

SECOND = GatewayKey("member-a", 2)
PENDING = GatewaySpec(annotations=(("simulator/pending", "true"),))
PATIENCE_SECONDS = 60


def command(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    values = {"MESHCONSOLE_LOG_LEVEL": "INFO", "REDIS_URL": "", **environment}
    line = [sys.executable, "manage.py", "interconnect", *arguments]
    return subprocess.Popen(
        line, env=child_environment(**values), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def waiting_for_an_address(world: World) -> Rollout:
    return world.start(CreateGateway(SECOND, "00000000-0000-4000-8000-000000000022", PENDING))


def until_it_waits(rollout: Rollout) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not Step.objects.filter(rollout=rollout, kind="address", status="waiting").exists():
        assert time.monotonic() < deadline, list(rollout.steps.values_list("kind", "status"))
        time.sleep(0.05)


def first_line(process: subprocess.Popen[str]) -> str:
    """From here on the command follows."""
    assert process.stdout is not None
    return process.stdout.readline()


def release(world: World) -> None:
    service: dict[str, Any] = {"metadata": {"annotations": {"simulator/pending": "false"}}}
    world.fleet.cluster("member-a").patch("Service", "eastwest-member-a-2", service, SYSTEM)


def test_ctrl_c_leaves_the_rollout_where_it_is_and_follow_continues(at_work: Shell) -> None:
    rollout = waiting_for_an_address(at_work.world)
    process = command("follow", str(rollout.id), "--json")
    first = first_line(process)
    until_it_waits(rollout)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130, err
    events = [json.loads(line) for line in (first + out).splitlines()]
    assert events[-1] == {"event": "left", "rollout": str(rollout.id), "another_worker": False}
    assert err == ""
    rollout.refresh_from_db()
    assert rollout.status == "running"
    release(at_work.world)
    at_work("follow", str(rollout.id), ends=0)


def test_ctrl_c_says_that_another_worker_goes_on(at_work: Shell, valkey: Valkey) -> None:
    rollout = waiting_for_an_address(at_work.world)
    with Workers(valkey.url) as workers:
        workers.start()
        process = command("follow", str(rollout.id), REDIS_URL=valkey.url)
        first_line(process)
        until_it_waits(rollout)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 130, err
        assert "another worker continues it" in out, workers.said()
        assert err == ""
        release(at_work.world)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while rollout.status != "succeeded":
            assert time.monotonic() < deadline, workers.said()
            time.sleep(0.1)
            rollout.refresh_from_db()


def test_streams_and_exit_codes_are_those_of_a_good_command(shell: Shell, tmp_path: Path) -> None:
    plan = command("plan", shell.file(), "--json")
    usage = command("plan")
    nothing = command("plan", str(tmp_path / "nowhere.yaml"))
    out, err = plan.communicate(timeout=PATIENCE_SECONDS)
    assert (plan.returncode, err) == (2, "")
    assert json.loads(out)["registers_mesh"] is True
    out, err = usage.communicate(timeout=PATIENCE_SECONDS)
    assert (usage.returncode, out) == (1, "")
    assert "usage:" in err
    out, err = nothing.communicate(timeout=PATIENCE_SECONDS)
    assert (nothing.returncode, out) == (1, "")
    assert err.count("\n") == 1


def test_a_database_that_is_not_there_yet_is_said_in_one_line(shell: Shell, tmp_path: Path) -> None:
    process = command("status", "prod", DATABASE_URL=f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert "Traceback" not in err
    assert "migrate" in err


def test_a_reader_that_goes_away_hurts_nobody(at_work: Shell) -> None:
    process = command("export", "prod")
    assert process.stdout is not None
    process.stdout.close()
    process.wait(timeout=PATIENCE_SECONDS)
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
