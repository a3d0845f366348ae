"""The whole console, started as a person starts it: web, worker with beat, broker."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis

from meshconsole.ops.run import starting
from tests.run.consoles import Console, processes_of, refusal, until

if TYPE_CHECKING:
    import subprocess


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with Console(tmp_path_factory.mktemp("run") / "data") as running:
        yield running


def test_the_admin_that_was_printed_signs_in(console: Console) -> None:
    console.page("/sign-in/")
    status, address, text = console.page("/sign-in/", login="admin", password=console.password)
    assert (status, address) == (200, f"http://127.0.0.1:{console.port}/meshes/")
    assert "Sign out" in text
    assert console.page("/static/css/console.css")[0] == 200


def test_the_worker_hears_the_broker_which_only_its_owner_can_open(console: Console) -> None:
    path = console.data / "broker" / "valkey.sock"
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    with redis.Redis.from_url(f"unix://{path}") as client:
        until(
            lambda: bool(client.keys("meshconsole:_kombu.binding.rollout")), "the worker does not listen to its queue"
        )


def test_a_second_console_on_the_same_data_is_refused_and_says_who_has_it(console: Console) -> None:
    ended = refusal(console.data)
    assert ended.returncode == 1
    assert f"Another console (process {console.process.pid}) is using the data in {console.data}" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_web_process_that_is_killed_comes_back_on_the_same_port(console: Console) -> None:
    before = console.child("gunicorn")
    os.kill(before, signal.SIGKILL)
    until(
        lambda: "web was ended by SIGKILL; started again (1 of 3)." in console.said,
        "the web process is not started again",
    )
    assert console.page("/sign-in/")[0] == 200
    assert console.child("gunicorn") != before


def test_a_worker_that_is_killed_takes_its_beat_with_it(console: Console) -> None:
    os.kill(console.child("celery"), signal.SIGKILL)
    until(lambda: "worker was ended by SIGKILL" in console.said, "the worker is not started again")
    until(
        lambda: sum("celery" in command for command in processes_of(console.data).values()) == 2,
        "worker and beat, once each",
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_leave_no_process_and_all_data(tmp_path: Path, number: signal.Signals) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    with Console(data, MESHCONSOLE_DEMO="1", MESHCONSOLE_ADMIN_PASSWORD="hand-chosen") as first:
        assert "Password: the one in MESHCONSOLE_ADMIN_PASSWORD" in first.said
        assert (
            "MESHCONSOLE_ADMIN_PASSWORD is weak, and production refuses it. This password is too short." in first.said
        )
        assert f"MESHCONSOLE_DATA: {data} was open to others (mode 0755); closed to 0700." in first.said
        until(lambda: (data / "simulator" / "control.json").exists(), "the simulated clusters do not start")
        assert first.end(number) == 0
    assert processes_of(data) == {}
    assert "hand-chosen" not in "".join(path.read_text() for path in (data / "logs").iterdir())
    assert not [path for path in (data, *data.rglob("*")) if path.stat().st_mode & 0o077]
    assert (data / "simulator" / "state.json").exists()


def test_the_second_run_keeps_the_password_and_what_kills_the_command_ends_everything(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Console(data) as first:
        password = first.password
        assert first.end() == 0
    with Console(data) as second:
        assert "Password: unchanged" in second.said
        second.page("/sign-in/")
        assert second.page("/sign-in/", login="admin", password=password)[1].endswith("/meshes/")
        second.process.kill()
        until(lambda: processes_of(data) == {}, "something goes on without its supervisor")


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert_refused(refusal(tmp_path / "data", MESHCONSOLE_PORT=str(port)), f"Port {port} is in use")
    assert processes_of(tmp_path / "data") == {}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MESHCONSOLE_PORT", "70000", "MESHCONSOLE_PORT must be a port from 1 to 65535"),
        ("MESHCONSOLE_PORT", "http", "MESHCONSOLE_PORT must be a whole number"),
        ("MESHCONSOLE_DEMO", "maybe", "MESHCONSOLE_DEMO must be one of"),
        ("MESHCONSOLE_LEASE_SECONDS", "1", "MESHCONSOLE_LEASE_SECONDS must be greater"),
        ("DATABASE_URL", "postgresql://user:hidden@127.0.0.1:1/none", "Can't use the database"),
    ],
)
def test_a_setting_that_cannot_work_is_named(tmp_path: Path, name: str, value: str, sentence: str) -> None:
    ended = refusal(tmp_path / "data", **{name: value})
    assert_refused(ended, sentence)
    assert "hidden" not in ended.stderr


def test_production_refuses_a_weak_password_of_the_first_admin(settings: Any) -> None:
    settings.PRODUCTION = True
    assert starting.weak_password_line("") == ""
    assert starting.weak_password_line("a long one, and no word of a list") == ""
    for password in ("admin", "password1234", "administrator"):
        with pytest.raises(
            starting.CannotStart, match="MESHCONSOLE_ADMIN_PASSWORD is too weak for production"
        ) as refused:
            starting.weak_password_line(password)
        assert password not in str(refused.value)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert_refused(
        refusal(tmp_path / "file" / "data"), f"MESHCONSOLE_DATA: {tmp_path / 'file' / 'data'} can't be written"
    )


def assert_refused(ended: subprocess.CompletedProcess[str], sentence: str) -> None:
    assert ended.returncode == 1, ended.stderr
    assert sentence in ended.stderr
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
