"""Typed values from environment variables; each error is one sentence that names the variable."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})
OTHERS = 0o077
N = TypeVar("N", int, float)


class Env:
    """Reads variables from a mapping. A blank variable counts as not set."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def text(self, name: str, default: str = "") -> str:
        return self._values.get(name, "").strip() or default

    def items(self, name: str) -> list[str]:
        """Return comma-separated items, without blank ones."""
        return split(self.text(name))

    def flag(self, name: str, default: bool) -> bool:
        value = self.text(name).lower()
        if not value:
            return default
        if value in TRUE:
            return True
        if value in FALSE:
            return False
        raise ImproperlyConfigured(f"{name} must be one of 1, 0, true, false, yes, no, on, off.")

    def seconds(self, name: str, default: float) -> float:
        """Return a positive number of seconds."""
        value = self._number(name, float, default, "a number of seconds")
        if not 0 < value < float("inf"):
            raise ImproperlyConfigured(f"{name} must be a positive number of seconds.")
        return value

    def integer(self, name: str, default: int) -> int:
        return self._number(name, int, default, "a whole number")

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = self.text(name, default)
        if value not in choices:
            raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}.")
        return value

    def secret(self, name: str) -> str:
        """Return the content of the file that `<name>_FILE` names, else the variable `name`, else "".

        An unreadable or blank file is an error, never a reason to fall back: a secret that silently comes from
        somewhere else is worse than none.
        """
        path = self.text(f"{name}_FILE")
        if not path:
            return self.text(name)
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(
                f"{name}_FILE names a file that can't be read ({type(error).__name__})."
            ) from None
        if not value:
            raise ImproperlyConfigured(f"{name}_FILE names an empty file.")
        return value

    def _number(self, name: str, parse: Callable[[str], N], default: N, kind: str) -> N:
        value = self.text(name)
        if not value:
            return default
        try:
            return parse(value)
        except ValueError:
            raise ImproperlyConfigured(f"{name} must be {kind}.") from None


def split(value: str) -> list[str]:
    return [item for part in value.replace("\n", ",").split(",") if (item := part.strip())]


def closed_folder(folder: Path, *, program: Path) -> str:
    """Close an existing data folder, and the files in it, to everyone but its owner.

    Return a sentence if it was open, else "". Raise ImproperlyConfigured if the folder belongs to somebody else, if
    others need it too (`program` is in it, or it is a home or shared), or if it can't be closed.
    """
    try:
        found = folder.stat()
    except OSError:
        return ""
    if not stat.S_ISDIR(found.st_mode):
        return ""
    if found.st_uid != os.geteuid():
        raise _unusable(folder, "belongs to somebody else, who could read the keys and the database in it")
    open_to_others = stat.S_IMODE(found.st_mode) & OTHERS
    if open_to_others and _is_shared(folder, found, program):
        raise _unusable(folder, "is used for other things too")
    if open_to_others:
        _close(folder, 0o700)
    for path in _open_files(folder):
        _close(path, path.stat().st_mode & 0o700)
    if not open_to_others:
        return ""
    return f"MESHCONSOLE_DATA: {folder} was open to others (mode {stat.S_IMODE(found.st_mode):04o}); closed to 0700."


def _is_shared(folder: Path, found: os.stat_result, program: Path) -> bool:
    place, home = folder.resolve(), Path(os.environ.get("HOME") or "/root")
    return bool(found.st_mode & stat.S_ISVTX) or any(other.resolve().is_relative_to(place) for other in (program, home))


def _open_files(folder: Path) -> Iterator[Path]:
    """Yield the files that others can access: the database, its log, keys.

    Only files directly in the folder, since the folder alone keeps others from what is in folders below.
    """
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):  # gone in the meantime
                found = path.lstat()
                if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_mode & OTHERS:
                    yield path


def _close(path: Path, mode: int) -> None:
    try:
        path.chmod(mode)
        still_open = stat.S_IMODE(path.stat().st_mode) & OTHERS
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unusable(path, f"is open to others and can't be closed ({error.strerror})") from None
    if still_open:
        raise _unusable(path, "is open to others, and its file system can't close it")


def _unusable(path: Path, reason: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"MESHCONSOLE_DATA: {path} {reason}. Choose a folder of the console's own.")


def generated_secret(path: Path, make: Callable[[], str] = lambda: secrets.token_urlsafe(48)) -> str:
    """Return the secret in `path` (mode 0600), generated on first use.

    Two processes that start together get the same one.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _publish(path, make())
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"MESHCONSOLE_DATA: {path.parent} can't be written or read ({error.strerror})."
        ) from None


def _publish(path: Path, content: str) -> None:
    # A link appears completely or not at all, and never replaces one that another process has put there first.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        with suppress(FileExistsError):
            path.hardlink_to(temporary)
    finally:
        temporary.unlink()
