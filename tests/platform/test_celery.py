"""The worker as it is deployed, on a real broker."""

from __future__ import annotations

import base64
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from meshconsole.ops.run.process import SUCCEEDED_BY_ANOTHER
from tests.deploy.image import compose
from tests.support.valkey import Valkey

LIMIT_SECONDS = 180.0


def celery(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "meshconsole", *arguments]


def wait_until(happened: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not happened():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def ring(environment: dict[str, str], path: Path, seconds: float) -> None:
    """From a process of its own, as a web process does it."""
    code = (
        f"import meshconsole; meshconsole.celery_app.send_task('tests.support.tasks.touch', ({str(path)!r}, {seconds}))"
    )
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


@pytest.fixture
def broker() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture
def environment(broker: Valkey, tmp_path: Path) -> dict[str, str]:
    values = {
        "REDIS_URL": broker.url,
        "DATABASE_URL": "",
        "MESHCONSOLE_DATA": str(tmp_path),
        "MESHCONSOLE_LOG_LEVEL": "INFO",
    }
    return os.environ | values | {"DJANGO_SETTINGS_MODULE": "meshconsole.settings"}


@pytest.fixture
def worker(environment: dict[str, str], tmp_path: Path) -> Iterator[Path]:
    """A running worker; the value is the file of its log."""
    log = tmp_path / "log"
    with log.open("wb") as file:
        _celery, _app, _name, *deployed = compose()["services"]["worker"]["command"]
        process = subprocess.Popen(
            celery(*deployed, "--include", "tests.support.tasks"), env=environment, stdout=file, stderr=file
        )
    try:
        wait_until(lambda: process.poll() is not None or " ready." in log.read_text(), log)
        yield log
    finally:
        process.terminate()
        process.wait()


def bell(**changed: Any) -> dict[str, Any]:
    """A message as kombu writes it, with what is `changed` in it."""
    body = base64.b64encode(b"[[], {}, {}]").decode()
    properties = {"delivery_tag": "t", "delivery_info": {}, "body_encoding": "base64"}
    headers = {"id": "i", "task": "interconnect.tasks.sweep", "lang": "py"}
    return {
        "body": body,
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": headers,
        "properties": properties,
    } | changed


PICKLED = base64.b64encode(pickle.dumps([[], {}, {}])).decode()
BROKEN = {
    "no JSON": b"\xff{",
    "no object": b"[]",
    "nothing": b"",
    "deep": b"[" * 100_000,
    "no properties": json.dumps({"body": ""}).encode(),
    "no base64": json.dumps(bell(body="?")).encode(),
    "pickled": json.dumps(bell(body=PICKLED, **{"content-type": "application/x-python-serialize"})).encode(),
    "unknown type": json.dumps(bell(**{"content-type": "text/odd"})).encode(),
    "no headers": json.dumps(bell(headers=None)).encode(),
    "strange headers": json.dumps(bell(headers={"task": ["a"], "id": 1})).encode(),
    "unknown task": json.dumps(bell(headers={"task": "os.system", "id": "i"})).encode(),
    "body is no list": json.dumps(bell(body=base64.b64encode(b"7").decode())).encode(),
    "wrong arguments": json.dumps(bell(body=base64.b64encode(b"[[1, 2, 3], {}, {}]").decode())).encode(),
    "bad time": json.dumps(
        bell(headers={"task": "interconnect.tasks.sweep", "id": "i", "eta": "soon", "expires": []})
    ).encode(),
    "giant": json.dumps(bell(body="A" * 900_000)).encode(),
}


def test_broken_messages_are_dropped_and_the_worker_goes_on(
    worker: Path, environment: dict[str, str], broker: Valkey, tmp_path: Path
) -> None:
    with broker.client() as client:
        for message in BROKEN.values():
            client.lpush("meshconsole:rollout", message)
    ring(environment, tmp_path / "afterwards", 0)
    wait_until((tmp_path / "afterwards").exists, worker)
    lines = [json.loads(line) for line in worker.read_text().splitlines() if line.startswith("{")]
    assert len([line for line in lines if line["event"].endswith(" ready.")]) == 1
    dropped = [line["dropped_count"] for line in lines if line["event"] == "a broken message was dropped"]
    assert dropped == list(range(1, len(dropped) + 1)) and len(dropped) >= 7
    assert (tmp_path / "worker.alive").exists()


def test_nobody_commands_a_worker_over_the_broker(worker: Path, broker: Valkey) -> None:
    with broker.client() as client:
        channels = [name.decode() for name in client.pubsub_channels("*")]
        keys = [name.decode() for name in client.keys("*")]
    assert not [name for name in [*channels, *keys] if "pidbox" in name or "celeryev" in name]


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


def test_a_worker_above_its_limit_of_memory_asks_for_a_successor(environment: dict[str, str], tmp_path: Path) -> None:
    _celery, _app, _name, *deployed = compose()["services"]["worker"]["command"]
    small = environment | {"DJANGO_SETTINGS_MODULE": "tests.support.small_worker"}
    ended = subprocess.run(
        celery(*deployed), env=small, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS
    )
    assert ended.returncode == SUCCEEDED_BY_ANOTHER, ended.stderr
    assert "another one begins" in ended.stderr
