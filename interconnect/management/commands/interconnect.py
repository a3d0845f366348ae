"""`manage.py interconnect`: the console's changes from a file, without a browser (docs/from-a-file.md)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from interconnect.management.cli import codes
from interconnect.management.cli.commands import COMMANDS, add_arguments
from interconnect.management.cli.output import Output
from interconnect.services.filing import FileRefused
from interconnect.services.refusal import Refused

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Plan, apply, export and follow the interconnect of a mesh from a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        output = Output(sys.stdout, sys.stderr, as_json=bool(options.get("json")))
        try:
            code = COMMANDS[options["subcommand"]](options, output)
        except FileRefused as refused:
            output.refuse_file(str(options.get("file", "-")), refused.errors)
            code = codes.REFUSED
        except Refused as refused:
            output.refuse(refused.violations)
            code = codes.REFUSED
        except BrokenPipeError:
            code = codes.OK
        if code:
            sys.exit(code)
