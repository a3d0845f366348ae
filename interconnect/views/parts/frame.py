"""What all pages of a mesh have in common: header, tabs, and the rollout that is under way or has failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from interconnect.domain.summary import summary_of
from interconnect.models import RolloutStatus
from interconnect.state import pages
from interconnect.views.parts import alerts
from interconnect.wording import phrases

if TYPE_CHECKING:
    from django.utils.functional import Promise

    from interconnect.models import Rollout
    from interconnect.views.parts.access import Visit

IDLE_SECONDS = 15
FULL_ALERTS = "interconnect"
"""The tab on which critical findings are shown in full. On other pages they take one line."""


@dataclass(frozen=True, slots=True)
class Tab:
    url_name: str
    label: str | Promise
    icon: str


TABS = (
    Tab("interconnect", gettext_lazy("Interconnect"), "route-alt-left"),
    Tab("topology", gettext_lazy("Topology"), "topology-star-3"),
    Tab("clusters", gettext_lazy("Clusters"), "server-2"),
    Tab("rollouts", gettext_lazy("Rollouts"), "list-check"),
    Tab("checks", gettext_lazy("Checks"), "stethoscope"),
    Tab("activity", gettext_lazy("Activity"), "history"),
    Tab("members", gettext_lazy("Members"), "users"),
    Tab("mesh-settings", gettext_lazy("Settings"), "settings"),
)


def frame(visit: Visit, tab: str, sight: pages.Sight | None = None) -> dict[str, Any]:
    """Return the context of templates/meshes/base.html.

    A page that has read the whole mesh hands it over; others show what the last look has left.
    """
    rollout = pages.last_rollout(visit.mesh)
    strip = pages.attention(rollout)
    return {
        "mesh": visit.mesh,
        "actor": visit.actor,
        "tabs": TABS,
        "tab": tab,
        "summary": summary_of(sight.statuses) if sight else pages.kept_summary(visit.mesh),
        "poll_seconds": poll_seconds(busy=strip is not None and strip.rollout.status != RolloutStatus.FAILED),
        **strip_context(visit, rollout, strip),
        **alerts.of_mesh(visit),
        "alerts_full": tab == FULL_ALERTS,
        "failed_pip": 1 if strip and strip.rollout.status == RolloutStatus.FAILED else 0,
    }


def poll_seconds(*, busy: bool) -> float:
    """Return how often a page asks for what is new: often while something is under way."""
    seconds: float = settings.MESHCONSOLE_POLL_SECONDS if busy else IDLE_SECONDS
    return seconds


def strip_context(visit: Visit, rollout: Rollout | None, strip: pages.Progress | None) -> dict[str, Any]:
    """Return the context of the rollout strip, which is shown only while a rollout needs attention.

    The announcement for screen readers also says how the last rollout ended.
    """
    if rollout is None:
        return {"strip": None}
    title = phrases.rollout_title(rollout)
    if strip is None:
        return {"strip": None, "strip_rollout": rollout.id, "strip_announce": _ended(title, rollout)}
    now = ", ".join(dict.fromkeys(phrases.step_name(step.kind) for step in strip.current))
    running = rollout.status != RolloutStatus.FAILED
    said = _("%(title)s: %(now)s") % {"title": title, "now": now} if now else title
    return {
        "strip": strip,
        "strip_rollout": rollout.id,
        "strip_title": title,
        "strip_now": now,
        "strip_running": running,
        "strip_announce": said if running else _ended(title, rollout),
        "may_dismiss": visit.may("rollout-dismiss"),
    }


def _ended(title: str, rollout: Rollout) -> str:
    sentences = {
        RolloutStatus.SUCCEEDED: _("%(title)s: succeeded"),
        RolloutStatus.FAILED: _("%(title)s: failed"),
        RolloutStatus.CANCELLED: _("%(title)s: cancelled"),
    }
    return sentences[RolloutStatus(rollout.status)] % {"title": title}
