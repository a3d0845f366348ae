"""`manage.py` by a process that has everything imported and forks for each command: a walk is some forty of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.live.support.console import Console, Outcome
from tests.live.support.installation import REPOSITORY
from tests.support.fork_host import ForkHost

if TYPE_CHECKING:
    from typing import Self

PREPARED = """
import django
from django.core.management import get_commands, load_command_class
django.setup()
load_command_class(get_commands()["interconnect"], "interconnect").create_parser("manage.py", "interconnect")
"""


class ForkingConsole(Console):
    """The same commands with the same folder and environment; only the interpreter is not started anew."""

    _host: ForkHost | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._host is not None:
            self._host.__exit__(*error)

    def manage(self, *arguments: str, stdin: str | None = None, seconds: float = 900) -> Outcome:
        self._host = self._host or ForkHost(
            PREPARED, folder=self.folder, environment=self.environment | {"PYTHONPATH": str(REPOSITORY)}
        )
        command = ["manage.py", *arguments]
        code = f"from django.core.management import execute_from_command_line\nexecute_from_command_line({command!r})"
        ended = self._host.run(code, stdin=stdin or "")
        return Outcome(arguments, ended.returncode, ended.stdout, ended.stderr)
