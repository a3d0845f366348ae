"""`manage.py simulator`: runs simulated clusters until a signal ends them, or switches faults of running ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand

from interconnect.cli.demo import simulator_folder
from simulator import __main__ as program
from simulator.remote import NotRunning, Refused, Remote

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Run simulated clusters (--dir), or switch a fault of a running one: simulator fault CLUSTER KIND|none."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "words", nargs="*", metavar="fault CLUSTER KIND|none", help="switch a fault of a running cluster on or off"
        )
        parser.add_argument("--clusters", default="3", help="names of the member clusters, or how many (default 3)")
        parser.add_argument(
            "--port",
            type=int,
            default=0,
            help="TLS port on 127.0.0.1 (default: the same as last time, or any free one)",
        )
        parser.add_argument(
            "--dir",
            type=Path,
            help="folder of kubeconfigs, live.json and the state (for a fault, the default is the demo's)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            sys.exit("meshconsole: simulated clusters are not for production.")
        words: list[str] = options["words"]
        if words:
            self._fault(words, options["dir"] or simulator_folder())
        elif options["dir"] is None:
            sys.exit("meshconsole: --dir must name the folder of the simulated clusters.")
        else:
            arguments = [
                "--clusters",
                options["clusters"],
                "--port",
                str(options["port"]),
                "--dir",
                str(options["dir"]),
            ]
            sys.exit(program.main(arguments))

    def _fault(self, words: list[str], folder: Path) -> None:
        if len(words) != 3 or words[0] != "fault":
            sys.exit("meshconsole: it is `simulator fault CLUSTER KIND` or `simulator fault CLUSTER none`.")
        _word, cluster, kind = words
        try:
            Remote(folder).fault(cluster, None if kind == "none" else kind)
        except (NotRunning, Refused) as reason:
            sys.exit(f"meshconsole: {reason}.")
        self.stdout.write(f"{cluster}: {'no fault' if kind == 'none' else kind}")
