"""Kubeconfig files beside a document: read with care, never shown."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from interconnect.files.document import Document, parse
from interconnect.files.kubeconfigs import SIZE_LIMIT, Kubeconfigs, read_kubeconfigs

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "mesh: prod\nenabled: true\ngroups: {}\n"


def read(text: str, folder: Path) -> Kubeconfigs | list[str]:
    document = parse(HEAD + text)
    assert isinstance(document, Document), document
    found = read_kubeconfigs(document, folder)
    return found if isinstance(found, Kubeconfigs) else [f"{error.code} {error.line}:{error.column}" for error in found]


def test_every_named_file_is_read_beside_the_document(tmp_path: Path) -> None:
    for name in ("hub", "config", "a"):
        (tmp_path / f"{name}.yaml").write_text(name)
    plane = "control_plane: {kubeconfig: hub.yaml, context: admin, config_kubeconfig: config.yaml}\n"
    found = read(f"{plane}clusters: {{a: {{kubeconfig: a.yaml}}, b: {{}}}}\n", tmp_path)
    assert isinstance(found, Kubeconfigs)
    assert found.control_plane and found.config
    assert (found.control_plane.content, found.control_plane.context, found.config.content) == (
        b"hub",
        "admin",
        b"config",
    )
    assert {name: file.content for name, file in found.clusters.items()} == {"a": b"a"}


def test_a_document_that_names_no_file_reads_none(tmp_path: Path) -> None:
    assert read("clusters: {a: {}}\n", tmp_path) == Kubeconfigs(None, None, {})


def test_a_missing_file_is_told_where_it_is_named(tmp_path: Path) -> None:
    assert read("clusters: {a: {kubeconfig: none.yaml}}\n", tmp_path) == ["file.kubeconfig-missing 4:16"]
    assert read("clusters: {a: {kubeconfig: none/a.yaml}}\n", tmp_path) == ["file.kubeconfig-missing 4:16"]


def test_a_folder_and_a_pipe_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    text = "clusters: {a: {kubeconfig: .}, b: {kubeconfig: pipe}}\n"
    assert read(text, tmp_path) == ["file.kubeconfig-not-a-file 4:16", "file.kubeconfig-not-a-file 4:36"]


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"#" * SIZE_LIMIT)
    (tmp_path / "b.yaml").write_bytes(b"#" * (SIZE_LIMIT + 1))
    assert read("clusters: {a: {kubeconfig: a.yaml}, b: {kubeconfig: b.yaml}}\n", tmp_path) == [
        "file.kubeconfig-too-large 4:41"
    ]


def test_a_device_without_end_is_no_file() -> None:
    from pathlib import Path

    assert read("clusters: {a: {kubeconfig: /dev/zero}}\n", Path("/")) == ["file.kubeconfig-not-a-file 4:16"]


def test_the_content_is_not_in_the_repr(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("token: canary-token")
    assert "canary" not in repr(read("clusters: {a: {kubeconfig: a.yaml}}\n", tmp_path))
