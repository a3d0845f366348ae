"""`manage.py interconnect`: make the console's changes from a file, without a browser (docs/from-a-file.md)."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from interconnect.cli import codes
from interconnect.cli.commands import COMMANDS, Parser, add_arguments
from interconnect.cli.output import Output
from interconnect.domain.refusal import Refused
from interconnect.domain.violations import Violation
from interconnect.kube.errors import KubeError
from interconnect.services.filing import FileRefused

if TYPE_CHECKING:
    from argparse import ArgumentParser

# Log lines that a person at a terminal doesn't want between two lines of a rollout.
QUIET = {"django_structlog": logging.WARNING, "kombu": logging.ERROR, "celery": logging.ERROR}


class Command(BaseCommand):
    help = "Plan, apply, export and follow the interconnect of a mesh from a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_arguments(parser)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.__class__ = Parser
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        for name, level in QUIET.items():
            logging.getLogger(name).setLevel(level)
        try:
            super().run_from_argv(argv)
        except KeyboardInterrupt:
            sys.exit(codes.LEFT_RUNNING)

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
        except KubeError as error:
            output.refuse([error.violation()])
            code = codes.REFUSED
        except DatabaseError as error:
            output.refuse([Violation("cli.database", {"error": type(error).__name__})])
            code = codes.REFUSED
        except BrokenPipeError:
            code = codes.OK
        if code:
            sys.exit(code)
