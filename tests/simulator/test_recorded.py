"""The simulator answers as a real API server was recorded to answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator import Fleet, usual_mesh
from tests.kube import record

RECORDED = Path(record.FOLDER)


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet([usual_mesh(members=("member-a",), istiods=0, samples=False)]) as running:
        yield running


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDED.glob("*.json")))
def test_every_recorded_answer_is_given_again(fleet: Fleet, name: str) -> None:
    steps: list[dict[str, Any]] = json.loads((RECORDED / f"{name}.json").read_text())["steps"]
    send = record.connect(fleet.kubeconfig("hub" if name == "rule" else "member-a"))
    record.prepare(send)
    played = record.play(send, [step["request"] for step in steps])
    for number, (wanted, got) in enumerate(zip(steps, played, strict=True)):
        assert (got["status"], got["answer"]) == (wanted["status"], wanted["answer"]), (
            f"step {number}: {wanted['request']}"
        )
