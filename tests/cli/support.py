"""`manage.py interconnect` in this process: what it prints and how it ends; and the file that it is given."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from django.core.management import call_command

from interconnect.domain.json_types import Json

if TYPE_CHECKING:
    import pytest

    from tests.support.world import World


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def events(self) -> list[Json]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def document(self) -> Json:
        found: Json = json.loads(self.out)
        return found

    def ended(self, code: int) -> Outcome:
        assert self.code == code, f"{self.code}\n{self.out}\n{self.err}"
        assert "Traceback" not in self.out + self.err
        return self


@dataclass
class Shell:
    world: World
    folder: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    content: Json = field(default_factory=dict)

    def __call__(self, *arguments: str, stdin: str | bytes | None = None, ends: int | None = None) -> Outcome:
        if stdin is not None:
            raw = stdin.encode() if isinstance(stdin, str) else stdin
            self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        self.capsys.readouterr()
        code = 0
        try:
            call_command("interconnect", *arguments)
        except SystemExit as end:
            code = int(end.code or 0)
        said = self.capsys.readouterr()
        outcome = Outcome(code, said.out, said.err)
        return outcome if ends is None else outcome.ended(ends)

    def file(self, **changes: Any) -> str:
        """The file with these keys changed (None: left out); kubeconfigs lie beside it."""
        content = {key: value for key, value in {**self.content, **changes}.items() if value is not None}
        path = self.folder / "mesh.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return str(path)

    def text(self, text: str) -> str:
        path = self.folder / "mesh.yaml"
        path.write_text(text)
        return str(path)


def shell(world: World, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """With a file that registers everything, enables, and has the groups blue and green; nothing is joined."""
    for name in world.fleet.members:
        (folder / f"{name}.kubeconfig").write_text(world.fleet.kubeconfig(name))
    content: Json = {
        "version": 1,
        "mesh": "prod",
        "control_plane": {"kind": "hosted", "kubeconfig": "hub.kubeconfig", "system_namespace": "istio-system"},
        "restart": "always",
        "enabled": True,
        "clusters": {name: {"kubeconfig": f"{name}.kubeconfig"} for name in world.fleet.mesh.members},
        "groups": {
            "blue": {"clusters": ["member-a"]},
            "green": {"clusters": ["member-b"], "gateways": {"member-b/1": {}}},
        },
    }
    return Shell(world, folder, capsys, monkeypatch, content)
