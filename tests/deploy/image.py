"""The image and the services as a machine without containers can have them: what is copied, set and started, read from
the files.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[?-])(?P<default>[^}]*))?\}")


def instructions() -> list[tuple[str, str]]:
    """(instruction, rest) of the Dockerfile, lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def copy_tree(to: Path) -> None:
    """Everything that the image has of the repository, and nothing else."""
    for word, rest in instructions():
        if word != "COPY":
            continue
        *sources, target = rest.split()
        for source in sources:
            place = to / target / source if target.endswith("/") else to / target
            place.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, place)


def image_environment() -> dict[str, str]:
    return {
        name: value
        for word, rest in instructions()
        if word == "ENV"
        for name, _, value in (item.partition("=") for item in rest.split())
    }


def build_command() -> tuple[dict[str, str], list[str]]:
    """The environment and the arguments of the `manage.py` command that the image's build runs."""
    run = next(rest for word, rest in instructions() if word == "RUN" and "manage.py" in rest)
    words = run.partition("&&")[0].split()
    values = dict(word.partition("=")[::2] for word in words if "=" in word.split("--")[0])
    return values, words[words.index("python") + 1 :]


def default_command() -> list[str]:
    return list(json.loads(next(rest for word, rest in instructions() if word == "CMD")))


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


def interpolated(value: str, given: dict[str, str]) -> str:
    """`value` as compose would read it. Raises KeyError for a variable that must be set and is not."""

    def put(found: re.Match[str]) -> str:
        name = found["name"]
        return given[name] if found["kind"] == "?" or name in given else found["default"] or ""

    return VARIABLE.sub(put, value).replace("$$", "$")


def environment_of(service: str, given: dict[str, str]) -> dict[str, str]:
    return {
        name: interpolated(str(value), given) for name, value in compose()["services"][service]["environment"].items()
    }
