"""The settings of the tests: the product's own, with fixed keys and a folder that goes with the process."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# Each process that runs tests has a folder of its own, also beside others of the same run (pytest-xdist), which inherit
# the environment of the one that starts them. A worker that a test starts is given the folder of the test, and leaves
# its removal to it.
if "MESHCONSOLE_DATA" not in os.environ or os.environ.get("MESHCONSOLE_TESTS_RUNNER", "") != os.environ.get(
    "PYTEST_XDIST_WORKER", ""
):
    folder = tempfile.mkdtemp(prefix="meshconsole-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["MESHCONSOLE_DATA"] = folder
    os.environ["MESHCONSOLE_TESTS_RUNNER"] = os.environ.get("PYTEST_XDIST_WORKER", "")
os.environ.setdefault(
    "SECRET_KEY", "the tests' key, which signs nothing that matters, and is long enough for the checks"
)
os.environ.setdefault("MESHCONSOLE_CREDENTIAL_KEYS", "dGhlLXRlc3RzLW93bi1jcmVkZW50aWFsLWtleS0wMDE=")
os.environ.setdefault("MESHCONSOLE_LOG_LEVEL", "WARNING")

from meshconsole.settings import *  # noqa: F403  (Django reads the names of this module)
from meshconsole.settings import DATABASES, MESHCONSOLE_DATA, SQLITE_OPTIONS

STATIC_ROOT = Path(MESHCONSOLE_DATA) / "static"
STATIC_ROOT.mkdir(exist_ok=True)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, since threads and workers of the tests are other connections; tests kill processes, not the machine.
    DATABASES["default"]["TEST"] = {"NAME": str(Path(MESHCONSOLE_DATA) / "test.sqlite3")}
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS | {
        "init_command": SQLITE_OPTIONS["init_command"].replace("synchronous=FULL", "synchronous=OFF")
    }
