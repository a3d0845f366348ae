"""The kubeconfig files that a document names: read from its folder, once, and never shown."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from interconnect.files.errors import in_order

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from interconnect.files.document import Document
    from interconnect.files.errors import FileError
    from interconnect.files.reader import Path as Keys

SIZE_LIMIT = 256 * 1024


@dataclass(frozen=True, slots=True)
class KubeconfigFile:
    """A kubeconfig file as read.

    `content` isn't parsed or checked yet. It contains secrets and is left out of the repr.
    """

    content: bytes = field(repr=False)
    context: str = ""
    keys: Keys = ()


@dataclass(frozen=True, slots=True)
class Kubeconfigs:
    """The kubeconfig files of a document. `clusters` is keyed by cluster name.

    `config` is None when the configuration is in the control plane cluster.
    """

    control_plane: KubeconfigFile | None
    config: KubeconfigFile | None
    clusters: dict[str, KubeconfigFile]


def read_kubeconfigs(document: Document, folder: Path) -> Kubeconfigs | list[FileError]:
    """Read the kubeconfig files that `document` names, or return the errors. Its paths are relative to `folder`."""
    errors: list[FileError] = []
    read: dict[Keys, KubeconfigFile] = {}
    for keys, path, context in _named(document):
        found = _read(folder / path)
        if isinstance(found, str):
            errors.append(document.error(found, *keys, path=path, limit=SIZE_LIMIT))
        else:
            read[keys] = KubeconfigFile(found, context, keys)
    if errors:
        return in_order(errors)
    return Kubeconfigs(
        control_plane=read.get(("control_plane", "kubeconfig")),
        config=read.get(("control_plane", "config_kubeconfig")),
        clusters={str(keys[1]): file for keys, file in read.items() if keys[0] == "clusters"},
    )


def _named(document: Document) -> Iterator[tuple[Keys, str, str]]:
    plane = document.control_plane
    if plane and plane.kubeconfig:
        yield ("control_plane", "kubeconfig"), plane.kubeconfig, plane.context
    if plane and plane.config_kubeconfig:
        yield ("control_plane", "config_kubeconfig"), plane.config_kubeconfig, plane.config_context
    for name, cluster in document.clusters.items():
        if cluster.kubeconfig:
            yield ("clusters", name, "kubeconfig"), cluster.kubeconfig, cluster.context


def _read(path: Path) -> bytes | str:
    """Return the content, or the code of an error. O_NONBLOCK, because a named pipe would block forever."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return "file.kubeconfig-missing"
    except (OSError, ValueError):
        return "file.kubeconfig-unreadable"
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return "file.kubeconfig-not-a-file"
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = file.read(SIZE_LIMIT + 1)
    except OSError:
        return "file.kubeconfig-unreadable"
    finally:
        os.close(handle)
    return content if len(content) <= SIZE_LIMIT else "file.kubeconfig-too-large"
