"""Run every static check, one after another. A failure doesn't stop the remaining ones."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

# The settings that production needs to start. None of them gives access to anything.
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
PYTHON, SCRIPTS = sys.executable, Path(sysconfig.get_path("scripts"))
CHECKS: dict[str, tuple[list[str], dict[str, str]]] = {
    "ruff": ([PYTHON, "-m", "ruff", "check", "--quiet", "--output-format", "concise", "."], {}),
    "format": ([PYTHON, "-m", "ruff", "format", "--check", "--output-format", "concise", "."], {}),
    "types": ([PYTHON, "-m", "mypy"], {}),
    "imports": ([PYTHON, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"], {}),
    "templates": ([PYTHON, "-m", "djlint", "--lint", "--quiet", "templates"], {}),
    # Not a module, only a program.
    "format of templates": ([str(SCRIPTS / "djangofmt"), "--check", "templates"], {}),
    "migrations": ([PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"], TESTS),
    "deployment": ([PYTHON, "manage.py", "check", "--deploy", "--fail-level", "WARNING"], PRODUCTION),
    "messages": ([PYTHON, "tools/messages.py", "check"], TESTS),
}


def main() -> int:
    failed = []
    for name, (command, environment) in CHECKS.items():
        result = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
        print(f"{name}: {'ok' if result.returncode == 0 else 'FAILED'}", flush=True)
        if result.returncode:
            failed.append(name)
            print(result.stdout + result.stderr, flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
