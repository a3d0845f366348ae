"""How the console starts, or why it does not: each case in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.platform.starting import Start, last_words

PRODUCTION = {
    "MESHCONSOLE_ENV": "production",
    "SECRET_KEY": "long enough, random enough and different enough for a test of the settings",
    "ALLOWED_HOSTS": "console.example.org",
    "MESHCONSOLE_CREDENTIAL_KEYS": "dGhlLXRlc3RzLW93bi1jcmVkZW50aWFsLWtleS0wMDE=",
    "REDIS_URL": "redis://valkey.example.org/0",
}


@pytest.mark.parametrize("name", ["SECRET_KEY", "ALLOWED_HOSTS", "MESHCONSOLE_CREDENTIAL_KEYS"])
@pytest.mark.parametrize("value", [None, " "])
def test_production_does_not_start_without(name: str, value: str | None, start: Start) -> None:
    values = PRODUCTION | ({name: value} if value is not None else {})
    if value is None:
        del values[name]
    message = last_words(start(**values))
    assert message.startswith(name)
    assert "must be set in production" in message


def test_production_starts_with_all_it_needs(start: Start) -> None:
    assert start(**PRODUCTION).stdout == "started\n"


@pytest.mark.parametrize(
    ("values", "denied"),
    [
        (PRODUCTION, True),
        (PRODUCTION | {"MESHCONSOLE_DENIED_NETWORKS": "10.0.0.0/8"}, True),
        (PRODUCTION | {"MESHCONSOLE_ALLOW_LOOPBACK": "1"}, False),
        ({}, False),
    ],
)
def test_production_denies_loopback_unless_it_is_allowed(values: dict[str, str], denied: bool, start: Start) -> None:
    code = "print({'127.0.0.0/8', '::1/128'} <= set(settings.MESHCONSOLE_DENIED_NETWORKS))"
    assert start(code, **values).stdout == f"{denied}\n"


@pytest.mark.parametrize(
    ("value", "started"), [("0", True), ("200", True), ("199", False), ("1", False), ("-1", False)]
)
def test_a_limit_below_a_workers_own_size_is_refused(value: str, started: bool, start: Start) -> None:
    process = start(MESHCONSOLE_WORKER_MEGABYTES=value)
    assert process.stdout == ("started\n" if started else "")
    if not started:
        said = "MESHCONSOLE_WORKER_MEGABYTES must be 0 (no limit) or at least 200: an idle worker takes about 100 MB"
        assert last_words(process).startswith(said)


def test_production_makes_no_keys_of_its_own(start: Start, tmp_path: Path) -> None:
    start(**PRODUCTION, DATABASE_URL="postgresql://u:p@db.example.org/console")
    assert not (tmp_path / "data").exists()


def test_development_makes_its_keys_once_and_keeps_them_from_others(start: Start, tmp_path: Path) -> None:
    code = "print(settings.SECRET_KEY, settings.MESHCONSOLE_CREDENTIAL_KEYS)"
    first, second = start(code), start(code)
    assert first.stdout == second.stdout
    assert first.returncode == 0
    for name in ("secret_key", "credential_key"):
        assert (tmp_path / "data" / name).stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["credential_key", "secret_key"]


def test_a_secret_from_a_file_wins_over_the_variable(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from the file\n")
    process = start("print(settings.SECRET_KEY)", SECRET_KEY="from the variable", SECRET_KEY_FILE=str(file))
    assert process.stdout == "from the file\n"


def test_a_secret_file_that_is_not_there_is_an_error_and_not_a_reason_to_take_the_variable(
    start: Start, tmp_path: Path
) -> None:
    process = start(SECRET_KEY="from the variable", SECRET_KEY_FILE=str(tmp_path / "nowhere"))
    assert last_words(process) == "SECRET_KEY_FILE names a file that can't be read (FileNotFoundError)."


def test_an_empty_secret_file_is_an_error(start: Start, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    process = start(SECRET_KEY_FILE=str(tmp_path / "empty"))
    assert last_words(process) == "SECRET_KEY_FILE names an empty file."


def test_several_credential_keys_are_kept_in_their_order(start: Start) -> None:
    process = start("print(settings.MESHCONSOLE_CREDENTIAL_KEYS)", MESHCONSOLE_CREDENTIAL_KEYS="new, old")
    assert process.stdout == "['new', 'old']\n"


def test_an_empty_database_url_is_none(start: Start) -> None:
    process = start("print(settings.DATABASES['default']['ENGINE'])", DATABASE_URL="")
    assert process.stdout == "django.db.backends.sqlite3\n"


def test_a_database_url_may_name_a_unix_socket(start: Start, tmp_path: Path) -> None:
    process = start(
        "d = settings.DATABASES['default']; print(d['HOST'], d['NAME'])",
        DATABASE_URL="postgresql://u@%2Frun%2Fpg/console",
    )
    assert process.stdout == "/run/pg console\n"


@pytest.mark.parametrize("url", ["nonsense", "mysql://u:hunter2@h/d", "postgresql://u:hunter2@h:port/d"])
def test_a_database_url_that_is_none_is_refused_without_its_password(url: str, start: Start) -> None:
    process = start(DATABASE_URL=url)
    assert last_words(process).startswith("DATABASE_URL ")
    assert "hunter2" not in process.stderr


def test_sqlite_waits_for_other_writers_keeps_a_log_and_maps_nothing_into_memory(start: Start) -> None:
    code = (
        "import django; django.setup(); from django.db import connection\n"
        "c = connection.cursor()\n"
        "names = ('journal_mode', 'busy_timeout', 'foreign_keys', 'synchronous', 'mmap_size')\n"
        "print(*(c.execute(f'PRAGMA {name}').fetchone()[0] for name in names))"
    )
    assert start(code).stdout == "wal 20000 1 2 0\n"


def test_a_unix_socket_of_the_broker_is_written_as_celery_reads_it(start: Start) -> None:
    process = start("print(settings.CELERY_BROKER_URL)", REDIS_URL="unix:///run/valkey.sock?db=2")
    assert process.stdout == "redis+socket:///run/valkey.sock?virtual_host=2\n"


@pytest.mark.parametrize("value", ["soon", "0", "-1", "inf", "nan"])
def test_a_time_that_is_no_positive_number_of_seconds_is_refused(value: str, start: Start) -> None:
    assert last_words(start(MESHCONSOLE_LEASE_SECONDS=value)).startswith("MESHCONSOLE_LEASE_SECONDS must be a")


def test_an_environment_of_another_name_is_refused(start: Start) -> None:
    assert last_words(start(MESHCONSOLE_ENV="prod")) == "MESHCONSOLE_ENV must be one of development, production."


CHECK = """
import django
django.setup()
from django.core.management import call_command
call_command('check', deploy=True, fail_level='WARNING')
"""


def test_the_deployment_check_of_production_finds_nothing(start: Start) -> None:
    process = start(CHECK, **PRODUCTION)
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize(
    ("name", "value", "finding"),
    [
        ("MESHCONSOLE_LEASE_SECONDS", "20", "meshconsole.E001"),
        ("MESHCONSOLE_CREDENTIAL_KEYS", "short", "meshconsole.E002"),
        ("MESHCONSOLE_DENIED_NETWORKS", "169.254.0.0/16, everything", "meshconsole.E003"),
        ("REDIS_URL", "", "meshconsole.W001"),
    ],
)
def test_the_deployment_check_finds(name: str, value: str, finding: str, start: Start) -> None:
    process = start(CHECK, **PRODUCTION | {name: value})
    assert process.returncode != 0
    assert finding in process.stderr


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SECRET_KEY", "guessed", "SECRET_KEY is shorter than 32 characters"),
        ("ALLOWED_HOSTS", "*", "ALLOWED_HOSTS: * stands for names of others too"),
        ("CSRF_TRUSTED_ORIGINS", "https://*", "CSRF_TRUSTED_ORIGINS: https://* stands for names of others too"),
        ("MESHCONSOLE_DEBUG", "1", "MESHCONSOLE_DEBUG isn't allowed in production"),
        ("MESHCONSOLE_TRUSTED_PROXIES", "10.1.1.1, 0.0.0.0/0", "MESHCONSOLE_TRUSTED_PROXIES: 0.0.0.0/0 is neither"),
        (
            "MESHCONSOLE_TRUST_PROXY",
            "1",
            "MESHCONSOLE_TRUST_PROXY is gone: name the proxies in MESHCONSOLE_TRUSTED_PROXIES",
        ),
    ],
)
def test_production_does_not_start_with(name: str, value: str, sentence: str, start: Start) -> None:
    process = start(**PRODUCTION | {name: value})
    assert last_words(process).startswith(sentence)
    assert "guessed" not in process.stderr


def test_development_takes_what_production_refuses(start: Start) -> None:
    assert start(SECRET_KEY="x", ALLOWED_HOSTS="*", CSRF_TRUSTED_ORIGINS="http://localhost:8000").returncode == 0
