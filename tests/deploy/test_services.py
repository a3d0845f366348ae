"""The image's files, commands and settings, started by hand against a real PostgreSQL and a real Valkey."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.deploy.image import build_command, compose, copy_tree, default_command, environment_of, image_environment
from tests.run.consoles import until
from tests.support.ports import own_port
from tests.support.postgres import Postgres
from tests.support.valkey import Valkey

PROGRAMS = Path(sys.executable).parent


class Installation:
    """What the image would be, in a folder; commands as compose starts them."""

    def __init__(self, folder: Path, postgres: str, valkey: str) -> None:
        self.app, self.logs, self.port = folder / "app", folder / "logs", own_port()
        self.logs.mkdir()
        copy_tree(self.app)
        self._services = {"DATABASE_URL": postgres, "REDIS_URL": valkey}
        self._image = image_environment() | {
            "MESHCONSOLE_DATA": str(folder / "data"),
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        }
        (folder / "data").mkdir()

    def environment(self, service: str) -> dict[str, str]:
        given = {
            "SECRET_KEY": "long enough, random enough and different enough for a test of the services",
            "MESHCONSOLE_CREDENTIAL_KEYS": Fernet.generate_key().decode(),
            "ALLOWED_HOSTS": "console.example.org",
            "POSTGRES_PASSWORD": "hidden",
            "VALKEY_PASSWORD": "hidden",
            # Here the proxy is this test.
            "MESHCONSOLE_SUBNET": "127.0.0.0/8",
        }
        said = self._image | environment_of(service, given)
        assert set(self._services) <= set(said)
        return said | self._services | {"HOSTNAME": socket.gethostname(), "MESHCONSOLE_SWEEP_SECONDS": "1"}

    def build(self) -> subprocess.CompletedProcess[str]:
        values, arguments = build_command()
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, cwd=self.app, env=self._image | values, capture_output=True, text=True, check=False
        )

    def command(self, service: str) -> list[str]:
        words = [
            word.replace("0.0.0.0:8000", f"127.0.0.1:{self.port}")
            for word in compose()["services"][service].get("command") or default_command()
        ]
        return [str(PROGRAMS / words[0]), *words[1:]]

    def start(self, service: str) -> subprocess.Popen[bytes]:
        with (self.logs / service).open("wb") as log:
            return subprocess.Popen(
                self.command(service), cwd=self.app, env=self.environment(service), stdout=log, stderr=log
            )

    def healthy(self, service: str) -> bool:
        kind, *words = compose()["services"][service]["healthcheck"]["test"]
        words = [word.replace(":8000/", f":{self.port}/").replace("$$", "$") for word in words]
        command = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        return (
            subprocess.run(
                command, cwd=self.app, env=self.environment(service), capture_output=True, check=False, timeout=60
            ).returncode
            == 0
        )

    def said(self, service: str) -> str:
        return (self.logs / service).read_text()


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with ExitStack() as stack:
        postgres, valkey = stack.enter_context(Postgres()), stack.enter_context(Valkey())
        made = Installation(tmp_path_factory.mktemp("installation"), postgres.url, valkey.url)
        built = made.build()
        assert built.returncode == 0, built.stderr
        migrated = made.start("migrate").wait(120)
        assert migrated == 0, made.said("migrate")
        running = [made.start(service) for service in ("web", "worker", "beat")]
        yield made
        for process in running:
            process.terminate()
        assert [process.wait(60) for process in running] == [0, 0, 0]


def test_the_web_service_is_healthy_and_serves_its_pages_behind_a_proxy(installation: Installation) -> None:
    until(lambda: installation.healthy("web"), "the web service does not become healthy")
    headers = {"Host": "console.example.org", "X-Forwarded-Proto": "https"}
    address = f"http://127.0.0.1:{installation.port}/sign-in/"
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as response:
        text = response.read().decode()
    assert "Sign in" in text
    static = next(part for part in text.split('"') if part.startswith("/static/css/console."))
    assert static != "/static/css/console.css"
    with urllib.request.urlopen(
        urllib.request.Request(f"http://127.0.0.1:{installation.port}{static}", headers=headers)
    ) as response:
        assert response.status == 200


def test_the_worker_is_healthy_and_does_what_beat_rings_for(installation: Installation) -> None:
    until(lambda: installation.healthy("worker"), "the worker does not become healthy")
    until(lambda: "interconnect.tasks.sweep" in installation.said("worker"), "no sweep has come")
    assert '"level": "error"' not in installation.said("worker")
