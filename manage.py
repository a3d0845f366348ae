#!/usr/bin/env python
"""Django's command line for this project."""

from __future__ import annotations

import os
import sys


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036  (whoever starts it with an older one gets a sentence)
        sys.exit("meshconsole needs Python 3.11 or newer; this is {}.{}.".format(*sys.version_info))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshconsole.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("meshconsole: this Python lacks what the console needs; `make setup` makes .venv, which has it.")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"meshconsole: {error}")


if __name__ == "__main__":
    main()
