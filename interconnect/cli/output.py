"""What the command prints: lines for people, one JSON document per line with `--json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TextIO

from interconnect.domain.json_types import Json
from interconnect.wording import word
from meshconsole.text import visible

if TYPE_CHECKING:
    from interconnect.domain.violations import Violation
    from interconnect.files.errors import FileError


class Output:
    """`say` prints an event: the sentence, or with `--json` the event itself."""

    def __init__(self, out: TextIO, err: TextIO, *, as_json: bool = False) -> None:
        self.out, self.err, self.as_json = out, err, as_json

    def say(self, sentence: str, event: Json) -> None:
        self.out.write((json.dumps(event, default=str) if self.as_json else visible(sentence)) + "\n")
        self.out.flush()

    def document(self, content: Json) -> None:
        self.out.write(json.dumps(content, indent=2, default=str) + "\n")

    def refuse(self, violations: Iterable[Violation]) -> None:
        for violation in violations:
            if self.as_json:
                event = {"event": "refused", **told(violation)}
                self.out.write(json.dumps(event, default=str) + "\n")
                continue
            warn(f"error: {word(violation.code, violation.params)}{accepting(violation)}", self.err)

    def refuse_file(self, name: str, errors: Iterable[FileError]) -> None:
        for error in errors:
            if self.as_json:
                event = {
                    "event": "refused",
                    "code": error.code,
                    "params": dict(error.params),
                    "message": word(error.code, error.params),
                    "file": name,
                    "line": error.line,
                    "column": error.column,
                }
                self.out.write(json.dumps(event, default=str) + "\n")
                continue
            warn(f"{name}:{error.line}:{error.column}: {word(error.code, error.params)}", self.err)


def told(violation: Violation) -> Json:
    """As JSON, with the sentence that people read."""
    return violation.to_json() | {"message": word(violation.code, violation.params)}


def accepting(violation: Violation) -> str:
    return f" (--accept {violation.token})" if violation.token else ""


def tokens_of(params: Mapping[str, Any]) -> list[str]:
    found = params.get("tokens")
    return [str(token) for token in found] if isinstance(found, list) else []


def warn(text: str, err: TextIO | None = None) -> None:
    (err or sys.stderr).write(f"{visible(text)}\n")
