"""Every check that runs nothing, one after the other; all of them, whatever the first ones say."""

from __future__ import annotations

import os
import subprocess
import sys

# What production needs to start; none of it opens anything.
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "meshconsole.settings",
    "MESHCONSOLE_ENV": "production",
    "SECRET_KEY": "only the deployment check sees this text, which is as long and as varied as a key",
    "ALLOWED_HOSTS": "console.example.org",
    "MESHCONSOLE_CREDENTIAL_KEYS": "b25seSB0aGUgZGVwbG95bWVudCBjaGVjayBzZWVzIDE=",
    "DATABASE_URL": "postgresql://console@database.example.org/console",
    "REDIS_URL": "redis://broker.example.org/0",
}
TESTS = {"DJANGO_SETTINGS_MODULE": "tests.settings"}
CHECKS: dict[str, tuple[list[str], dict[str, str]]] = {
    "ruff": (["-m", "ruff", "check", "--quiet", "--output-format", "concise", "."], {}),
    "format": (["-m", "ruff", "format", "--check", "--output-format", "concise", "."], {}),
    "types": (["-m", "mypy"], {}),
    "imports": (["-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"], {}),
    "templates": (["-m", "djlint", "--lint", "--quiet", "templates"], {}),
    "migrations": (["manage.py", "makemigrations", "--check", "--dry-run"], TESTS),
    "deployment": (["manage.py", "check", "--deploy", "--fail-level", "WARNING"], PRODUCTION),
    "messages": (["tools/messages.py", "check"], TESTS),
}


def main() -> int:
    failed = []
    for name, (arguments, environment) in CHECKS.items():
        result = subprocess.run(
            [sys.executable, *arguments], env=os.environ | environment, capture_output=True, text=True, check=False
        )
        print(f"{name}: {'ok' if result.returncode == 0 else 'FAILED'}", flush=True)
        if result.returncode:
            failed.append(name)
            print(result.stdout + result.stderr, flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
