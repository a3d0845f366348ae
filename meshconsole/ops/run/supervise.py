"""`supervise.py DESCRIPTOR`: what `manage.py run` becomes once everything is prepared.

The open file holds the plan, as JSON. No part of Django is loaded here: a process that watches over the others for
weeks should be small.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

if __name__ == "__main__":
    # The package without its `__init__`, which loads Celery.
    package = ModuleType("meshconsole")
    package.__path__ = [str(Path(__file__).resolve().parents[2])]
    sys.modules["meshconsole"] = package

from meshconsole.ops.run.process import Process
from meshconsole.ops.run.supervisor import Supervisor


def supervise(plan: dict[str, Any]) -> int:
    """Run the plan. Return the exit code once nothing that the plan names is running."""
    supervisor = Supervisor(
        directory=Path(plan["directory"]), logs=Path(plan["logs"]), held=plan["lock"], say=say, parent=plan["parent"]
    )
    first, then = ([Process.from_json(said) for said in plan[key]] for key in ("first", "then"))
    try:
        return supervisor.run(
            first, then, listener=socket.socket(fileno=plan["listener"]), answers=lambda: say(plan["welcome"])
        )
    finally:
        if plan["temporary"]:
            shutil.rmtree(plan["temporary"], ignore_errors=True)


def become_supervisor(plan: dict[str, Any], descriptor: int, environment: dict[str, str]) -> None:
    """Replace this process with the supervisor; never return.

    `descriptor` is an empty file to write the plan to; the supervisor inherits the plan's descriptors.
    """
    os.write(descriptor, json.dumps(plan).encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    for inherited in (descriptor, plan["lock"], plan["listener"]):
        os.set_inheritable(inherited, True)
    os.execve(sys.executable, [sys.executable, "-I", "-S", __file__, str(descriptor)], environment)  # noqa: S606


def say(sentence: str) -> None:
    # A terminal that is gone must not keep the console from ending its processes.
    with suppress(OSError):
        print(sentence, flush=True)


if __name__ == "__main__":
    with os.fdopen(int(sys.argv[1])) as file:
        prepared = json.load(file)
    raise SystemExit(supervise(prepared))
