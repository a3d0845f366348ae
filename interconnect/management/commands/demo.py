"""`manage.py demo`: creates the demo's missing meshes on the simulator of `manage.py run`."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from interconnect.cli.demo.seeding import seed
from interconnect.domain.refusal import Refused
from interconnect.services.filing import FileRefused
from simulator.remote import NotRunning


class Command(BaseCommand):
    help = "Create the demo meshes on simulated clusters."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            sys.exit("meshconsole: simulated clusters are not for production.")
        try:
            seed(lambda sentence: self.stdout.write(f"demo: {sentence}"))
        except NotRunning as reason:
            sys.exit(f"meshconsole: {reason}.")
        except FileRefused as refused:
            sys.exit(
                f"meshconsole: a file of the demo is refused: {', '.join(error.code for error in refused.errors)}."
            )
        except Refused as refused:
            sys.exit(
                f"meshconsole: the demo is refused: {', '.join(str(violation) for violation in refused.violations)}."
            )
