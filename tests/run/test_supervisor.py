"""The supervisor with small processes of its own: who is started again, who ends last, and what nobody
can escape from.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from meshconsole.ops.run import supervise
from meshconsole.ops.run.process import Process
from tests.run.consoles import environment, processes_of, until

SERVER = """
import http.server, socket, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.end_headers()
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Answer, bind_and_activate=False)
server.socket = socket.socket(fileno=int(sys.argv[1]))
server.serve_forever()
"""
SLEEPER = "import time; time.sleep(600)"
PARENT = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)


def python(name: str, code: str, *arguments: str, once: bool = False, foundation: bool = False) -> Process:
    return Process(name, (sys.executable, "-I", "-c", code, *arguments), once=once, foundation=foundation)


class Supervised:
    """A supervisor in a process of its own, with a web process that answers and `processes` beside it."""

    def __init__(self, folder: Path, processes: Sequence[Process], parent: int = 0) -> None:
        self.data, self._output = folder / "data", folder / "said"
        (self.data / "logs").mkdir(parents=True)
        with (
            socket.create_server(("127.0.0.1", 0)) as listener,
            (folder / "lock").open("w") as lock,
            tempfile.TemporaryFile() as plan,
        ):
            number = listener.fileno()
            web = Process("web", (sys.executable, "-I", "-c", SERVER, str(number)), descriptors=(number,))
            said = {
                "directory": str(folder),
                "logs": str(self.data / "logs"),
                "lock": lock.fileno(),
                "listener": number,
                "parent": parent,
                "first": [web.as_json()],
                "then": [process.as_json() for process in processes],
                "welcome": "here",
                "temporary": "",
            }
            plan.write(json.dumps(said).encode())
            plan.seek(0)
            with self._output.open("wb") as output:
                self.process = subprocess.Popen(
                    [sys.executable, "-I", "-S", supervise.__file__, str(plan.fileno())],
                    env=environment(self.data),
                    pass_fds=(number, lock.fileno(), plan.fileno()),
                    stdout=output,
                    stderr=output,
                )
        until(lambda: "here" in self.said or self.process.poll() is not None, "the web process does not answer")

    @property
    def said(self) -> str:
        return self._output.read_text()

    def log(self, name: str) -> str:
        path = self.data / "logs" / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def running(self, words: str) -> list[int]:
        return [
            number
            for number, command in processes_of(self.data).items()
            if words in command and "guardian.py" not in command
        ]

    def nobody_is_left(self) -> None:
        until(lambda: processes_of(self.data) == {}, "somebody is left")

    def ends(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


def test_a_process_that_does_not_stay_up_ends_the_console_with_its_last_words(tmp_path: Path) -> None:
    console = Supervised(tmp_path, [python("worker", "print('no such thing'); raise SystemExit(3)")])
    assert console.process.wait(60) == 1
    lines = console.said.splitlines()
    assert lines[1:4] == [f"worker has ended with code 3; started again ({number} of 3)." for number in (1, 2, 3)]
    assert lines[4] == "worker has ended with code 3 and doesn't stay up, so the console stops. Its last output:"
    assert lines[-1] == "  no such thing"
    console.nobody_is_left()


def test_a_command_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    console = Supervised(tmp_path, [Process("worker", ("/no/such/command",))])
    assert console.process.wait(60) == 1
    assert "/no/such/command: No such file or directory" in console.said


def test_what_is_run_once_may_end_and_may_fail(tmp_path: Path) -> None:
    done, failed = (
        python("done", "print('made')", once=True),
        python("failed", "print('not made'); raise SystemExit(1)", once=True),
    )
    console = Supervised(tmp_path, [done, failed])
    until(
        lambda: "failed has ended with code 1; the console continues without it" in console.said,
        "nobody says that it failed",
    )
    until(lambda: "  not made" in console.said, "nobody says its last words")
    assert console.ends() == 0
    assert "done" not in console.said


def test_a_process_that_dies_leaves_none_of_its_own_behind(tmp_path: Path) -> None:
    console = Supervised(tmp_path, [python("worker", PARENT)])
    until(lambda: len(console.running("time.sleep")) == 2, "the worker has no child")
    worker = min(console.running("subprocess.Popen"))
    before = set(console.running("time.sleep"))
    os.kill(worker, signal.SIGKILL)
    until(
        lambda: len(console.running("time.sleep")) == 2 and not before & set(console.running("time.sleep")),
        "the child is left",
    )
    assert console.ends() == 0
    console.nobody_is_left()


@pytest.mark.parametrize(
    "process", [python("worker", PARENT), python("store", PARENT, foundation=True)], ids=["worker", "foundation"]
)
def test_a_killed_supervisor_takes_even_the_grandchildren_with_it(tmp_path: Path, process: Process) -> None:
    console = Supervised(tmp_path, [process])
    until(lambda: len(console.running("time.sleep")) == 2, "the worker has no child")
    assert console.ends(signal.SIGKILL) == -signal.SIGKILL
    console.nobody_is_left()


def test_the_foundation_ends_after_those_that_stand_on_it(tmp_path: Path) -> None:
    last = "import pathlib, signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
    worker = last + f"try: time.sleep(600)\nfinally: print(pathlib.Path({str(tmp_path / 'ended')!r}).exists())"
    store = (
        last
        + f"print('up', flush=True)\ntry: time.sleep(600)\nfinally: pathlib.Path({str(tmp_path / 'ended')!r}).touch()"
    )
    console = Supervised(tmp_path, [python("store", store, foundation=True), python("worker", worker)])
    until(lambda: bool(console.running("finally: print")) and "up" in console.log("store"), "they do not start")
    assert console.ends() == 0
    assert (tmp_path / "ended").exists()
    assert "True" not in console.log("worker")


def test_who_asks_twice_waits_for_nobody(tmp_path: Path) -> None:
    console = Supervised(tmp_path, [python("worker", STUBBORN)])
    until(lambda: "deaf" in console.log("worker"), "the worker does not start")
    console.process.send_signal(signal.SIGINT)
    until(lambda: "Press Ctrl-C again to stop at once" in console.said, "the first is not heard")
    assert console.ends(signal.SIGINT) == 0
    console.nobody_is_left()


def test_the_console_ends_when_another_than_the_parent_it_was_given_is_its_parent(tmp_path: Path) -> None:
    console = Supervised(tmp_path, [python("worker", SLEEPER)], parent=1)
    assert console.process.wait(60) == 0
    console.nobody_is_left()


def test_a_process_that_asks_for_a_successor_has_not_crashed(tmp_path: Path) -> None:
    ends = f"import pathlib; pathlib.Path({str(tmp_path / 'starts')!r}).open('a').write('x'); raise SystemExit(75)"
    console = Supervised(tmp_path, [python("worker", ends)])
    until(
        lambda: len((tmp_path / "starts").read_text() if (tmp_path / "starts").exists() else "") > 5,
        "it is not started again",
    )
    assert console.process.poll() is None and "started again" not in console.said
    assert console.ends() == 0
