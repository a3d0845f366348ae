"""What the command prints: lines for people, or one JSON document per line with `--json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TextIO

from interconnect.domain.json_types import Json
from interconnect.wording import phrases
from meshconsole.text import visible

if TYPE_CHECKING:
    from interconnect.domain.findings import Found
    from interconnect.domain.violations import Violation
    from interconnect.files.errors import FileError


class Output:
    """The output of a command. `say` prints an event as a sentence or, with `--json`, as the event itself."""

    def __init__(self, out: TextIO, err: TextIO, *, as_json: bool = False) -> None:
        self.out, self.err, self.as_json = out, err, as_json

    def say(self, sentence: str, event: Json) -> None:
        self.out.write((json.dumps(event, default=str) if self.as_json else visible(sentence)) + "\n")
        self.out.flush()

    def document(self, content: Json) -> None:
        self.out.write(json.dumps(content, indent=2, default=str) + "\n")

    def refuse(self, violations: Iterable[Violation]) -> None:
        for violation in violations:
            self._refuse(f"error: {phrases.reason(violation)}{accepting(violation)}", told(violation))

    def refuse_file(self, name: str, errors: Iterable[FileError]) -> None:
        for error in errors:
            place = {"file": name, "line": error.line, "column": error.column}
            sentence = f"{name}:{error.line}:{error.column}: {phrases.reason(error.violation)}"
            self._refuse(sentence, told(error.violation) | place)

    def _refuse(self, sentence: str, event: Json) -> None:
        if self.as_json:
            self.out.write(json.dumps({"event": "refused", **event}, default=str) + "\n")
        else:
            warn(sentence, self.err)


def told(found: Found) -> Json:
    """Return `found` as JSON, with the sentence that people read."""
    return found.to_json() | {"message": phrases.reason(found)}


def accepting(violation: Violation) -> str:
    return f" (--accept {violation.token})" if violation.token else ""


def tokens_of(params: Mapping[str, Any]) -> list[str]:
    found = params.get("tokens")
    return [str(token) for token in found] if isinstance(found, list) else []


def warn(text: str, err: TextIO | None = None) -> None:
    (err or sys.stderr).write(f"{visible(text)}\n")
