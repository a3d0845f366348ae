"""`python -m tests.screenshots [FOLDER] [-k WORD]`: a picture of every scene in both languages, both themes and two
widths.

FOLDER (build/screenshots) is emptied first and has `index.html` afterwards, everything on one sheet. `-k` takes only
the scenes whose names contain the word, and still tells the whole story. Ends with 1 when a page of the URL
configuration has no scene.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import django
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from tests.screenshots.stage import Theatre


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    return photograph(options.folder, options.k)


def photograph(target: Path, word: str) -> int:
    """Returns the exit code."""
    from tests.browser.chromium import CHROMIUM, FLAGS
    from tests.screenshots.installation import installed
    from tests.screenshots.sheet import contact_sheet
    from tests.screenshots.stage import Theatre
    from tests.screenshots.story import unseen

    if unseen():
        print(f"screenshots: no scene shows {', '.join(sorted(unseen()))}", file=sys.stderr)
        return 1
    if not CHROMIUM:
        print("screenshots: Chromium is missing (apt-get install chromium-headless-shell)", file=sys.stderr)
        return 1
    shutil.rmtree(target, ignore_errors=True)
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="screenshots-") as folder,
        installed(Path(folder)) as house,
        sync_playwright() as playwright,
    ):
        print(f"screenshots: the demo is made ({time.monotonic() - began:.0f} s)", flush=True)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, "--disable-gpu"])
        theatre = Theatre(browser, house)
        pictures = _told(theatre, target, word)
        browser.close()
    contact_sheet(target, pictures)
    print(f"screenshots: {len(pictures)} pictures in {target}, {time.monotonic() - began:.0f} s")
    for error in theatre.errors:
        print(f"screenshots: an error of a script: {error}", file=sys.stderr)
    return 1 if theatre.errors else 0


def _told(theatre: Theatre, target: Path, word: str) -> list[Path]:
    from tests.screenshots.camera import Camera
    from tests.screenshots.stage import LANGUAGES
    from tests.screenshots.story import Act, story

    camera, pictures = Camera(target), []
    for item in story():
        if isinstance(item, Act):
            theatre.play(item)
        elif word in item.name:
            for language in LANGUAGES:
                with theatre.shown(item, language) as page:
                    pictures += camera.take(page, language, item)
    return pictures


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="screenshots", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/screenshots"))
    parser.add_argument("-k", default="", metavar="WORD", help="only scenes whose names contain the word")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
