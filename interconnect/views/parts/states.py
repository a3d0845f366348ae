"""How states look: their tone and words. What they are is worked out in `interconnect.domain.status` alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from interconnect.domain.credentials import ENDED
from interconnect.wording import phrases
from meshconsole.ui.tones import Badge, Tone

if TYPE_CHECKING:
    from interconnect.domain.status import Level, State


def tone(level: Level) -> Tone:
    return Tone(level.value)


def badge(state: State) -> Badge:
    return Badge(tone(state.level), phrases.state_label(state))


def part_badge(state: State) -> Badge:
    """Return the badge of a part where it stands for the whole, such as a gateway's on its group."""
    return Badge(tone(state.level), phrases.part_label(state))


def edge(state: Badge) -> str:
    """Return the tone of the edge of a row in this state; empty where nothing is wrong."""
    return state.tone if state.tone in (Tone.BAD, Tone.WARN) else ""


def ending(code: str, text: str) -> Badge:
    """Return the badge for a credential's expiry; one that has already expired is no longer just a warning."""
    return Badge(Tone.BAD if code == ENDED else Tone.WARN, text)


def in_effect(state: State) -> Badge | None:
    """Return on how many istiod replicas a joined group is in effect; None where nobody knows.

    It is gray where nobody gets in anyway.
    """
    said = state.known.params
    if "listing" not in said:
        return None
    text = _("%(listing)s of %(replicas)s istiod") % {"listing": said["listing"], "replicas": said["replicas"]}
    return Badge(_tone_of_effect(state), text)


def _tone_of_effect(state: State) -> Tone:
    said = state.known.params
    if state.last is not None:
        return Tone.UNKNOWN
    if state.code == "joined.no-way-in":
        return Tone.CALM
    if said["listing"] == said["replicas"]:
        return Tone.GOOD
    if state.code == "joined.changing":
        return Tone.BUSY
    return Tone.WARN if said["listing"] else Tone.BAD
