"""The static files of production: named by their content, each by one name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.template.loader import render_to_string
from django.test import override_settings

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "meshconsole.ui.storage.StaticFilesStorage"},
}
MODULES = sorted(path.name for path in Path("static/js/console").glob("*.js"))


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[str]]:
    """Names under which the collected modules import each other."""
    root = tmp_path_factory.mktemp("static")
    with override_settings(STATIC_ROOT=root, STORAGES=STORAGES):
        call_command("collectstatic", interactive=False, verbosity=0)
        texts = [(root / staticfiles_storage.stored_name(f"js/console/{name}")).read_text() for name in MODULES]
        yield {name for text in texts for name in re.findall(r'^import .* from "\./(.+)";$', text, re.MULTILINE)}


def test_modules_import_each_other_by_names_of_production(imported: set[str]) -> None:
    assert imported
    assert not imported & set(MODULES)


def test_the_page_loads_what_is_imported_by_the_same_names(imported: set[str]) -> None:
    page = render_to_string("frame.html")

    loaded = set(re.findall(r'"[^"]*/js/console/([^"/]+)"', page))

    assert imported <= loaded
