"""A process of its own for each try of settings, forked from one that has imported the libraries."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.fork_host import ForkHost

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.platform.starting import Start

ROOT = Path(__file__).resolve().parents[2]
# None of it is the console's own, and none of it asks for settings.
LIBRARIES = """
import celery.worker, django.core.mail, django.db.models, django.shortcuts, django.utils.log, django_stubs_ext
import dj_database_url, django_structlog.celery.steps, kombu.transport.redis
"""
KEPT = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


@pytest.fixture(scope="module")
def host() -> Iterator[ForkHost]:
    with ForkHost(LIBRARIES, folder=ROOT, environment=KEPT) as running:
        yield running


@pytest.fixture
def start(tmp_path: Path, host: ForkHost) -> Start:
    """Return `start(code, **environment)`, which loads the settings and then runs the code."""

    def started(code: str = "print('started')", **values: str) -> subprocess.CompletedProcess[str]:
        own = {"DJANGO_SETTINGS_MODULE": "meshconsole.settings", "MESHCONSOLE_DATA": str(tmp_path / "data")}
        program = f"from django.conf import settings; settings.SECRET_KEY\n{code}"
        return host.run(program, environment=KEPT | own | values)

    return started
