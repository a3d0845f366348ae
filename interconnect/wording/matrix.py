"""What the matrix of the groups says about a pair, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from interconnect.domain.checks import Reach, Told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_stubs_ext import StrPromise

TOLD: Mapping[Told, StrPromise] = {
    Told.GATEWAY: _("Through gateways"),
    Told.RAW: _("By Pod IPs"),
    Told.MIXED: _("Through gateways and by Pod IPs"),
    Told.ABSENT: _("Not at all"),
    Told.UNKNOWN: _("Unknown"),
}
REACH: Mapping[Reach, StrPromise] = {
    Reach.SERVED: _("Answered"),
    Reach.FAILED: _("Didn't answer"),
    Reach.UNTESTED: _("No test service"),
}
