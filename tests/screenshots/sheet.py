"""The contact sheet: one HTML file beside the pictures."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Screenshots</title><style>
body { font-family: system-ui, sans-serif; margin: 1rem; background: #ddd; }
div { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: flex-start; }
img { height: 16rem; border: 1px solid #999; background: #fff; }
</style></head><body>
"""


def contact_sheet(folder: Path, pictures: Iterable[Path]) -> None:
    """`folder`/index.html: a row per scene, in the order of the story."""
    rows: dict[str, list[Path]] = {}
    for picture in pictures:
        rows.setdefault(picture.stem, []).append(picture)
    body = "".join(f"<h2>{escape(name)}</h2>\n<div>{''.join(map(_image, row))}</div>\n" for name, row in rows.items())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(f"{HEAD}{body}</body></html>\n")


def _image(picture: Path) -> str:
    address, title = escape(picture.as_posix()), escape(str(picture.parent))
    return f'<a href="{address}"><img src="{address}" alt="{title}" title="{title}" loading="lazy"></a>'
