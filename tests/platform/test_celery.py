"""The worker as it is deployed, on a real broker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.valkey import Valkey

LIMIT_SECONDS = 60
NODE = "tested@localhost"


def celery(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "meshconsole", *arguments]


def wait_until(happened: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not happened():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def ring(environment: dict[str, str], path: Path, seconds: float) -> None:
    """From a process of its own, as a web process does it."""
    code = f"import meshconsole; meshconsole.celery_app.send_task('tests.support.tasks.touch', ({str(path)!r}, {seconds}))"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


@pytest.fixture
def broker() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture
def environment(broker: Valkey, tmp_path: Path) -> dict[str, str]:
    values = {"REDIS_URL": broker.url, "DATABASE_URL": "", "MESHCONSOLE_DATA": str(tmp_path), "MESHCONSOLE_LOG_LEVEL": "INFO"}
    return os.environ | values | {"DJANGO_SETTINGS_MODULE": "meshconsole.settings"}


@pytest.fixture
def worker(environment: dict[str, str], tmp_path: Path) -> Iterator[Path]:
    """A running worker; the value is the file of its log."""
    log = tmp_path / "log"
    with log.open("wb") as file:
        command = celery("worker", "-n", NODE, "-Q", "rollout,question,probe", "--include", "tests.support.tasks")
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
    try:
        wait_until(lambda: process.poll() is not None or " ready." in log.read_text(), log)
        yield log
    finally:
        process.terminate()
        process.wait()


def test_a_worker_listens_on_all_queues_and_logs_json(worker: Path, environment: dict[str, str]) -> None:
    answer = subprocess.run(
        celery("inspect", "-j", "-t", str(LIMIT_SECONDS), "-d", NODE, "active_queues"),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT_SECONDS,
    )
    (queues,) = json.loads(answer.stdout).values()
    assert {queue["name"] for queue in queues} == {"rollout", "question", "probe"}
    lines = [line for line in worker.read_text().splitlines() if line.startswith("{")]
    assert any(json.loads(line)["event"].endswith(" ready.") for line in lines)


def test_a_worker_outlives_the_loss_of_its_broker_in_the_middle_of_a_task(
    worker: Path, environment: dict[str, str], broker: Valkey, tmp_path: Path
) -> None:
    ring(environment, tmp_path / "begun", 2)
    wait_until(lambda: "task_started" in worker.read_text(), worker)
    broker.stop()
    wait_until((tmp_path / "begun").exists, worker)
    broker.start()
    ring(environment, tmp_path / "afterwards", 0)
    wait_until((tmp_path / "afterwards").exists, worker)


def test_a_bell_without_a_broker_does_not_hold_up_who_rings_it(tmp_path: Path) -> None:
    code = (
        "import time, meshconsole\n"
        "from kombu.exceptions import OperationalError\n"
        "start = time.monotonic()\n"
        "try: meshconsole.celery_app.send_task('interconnect.tasks.sweep')\n"
        "except OperationalError: print(time.monotonic() - start < 15)"
    )
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "REDIS_URL": f"unix://{tmp_path}/nobody.sock",
        "MESHCONSOLE_DATA": str(tmp_path),
    }
    process = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert process.stdout == "True\n", process.stderr
