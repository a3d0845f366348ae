"""How a state looks: a tone, a shape and a word. Color never says anything alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.utils.functional import Promise


class Tone(StrEnum):
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    BUSY = "busy"
    CALM = "calm"
    UNKNOWN = "unknown"

    @property
    def shape(self) -> str:
        """Return the icon that says the same without color."""
        return SHAPES[self]


SHAPES: Mapping[Tone, str] = {
    Tone.GOOD: "circle-check",
    Tone.WARN: "alert-triangle",
    Tone.BAD: "alert-octagon",
    Tone.BUSY: "loader-2",
    Tone.CALM: "circle-minus",
    Tone.UNKNOWN: "circle-dashed",
}


@dataclass(frozen=True, slots=True)
class Badge:
    """A state to show. `text` is already translated, or lazily so. `icon` replaces the shape of its tone."""

    tone: Tone
    text: str | Promise
    icon: str = ""

    @property
    def shape(self) -> str:
        return self.icon or self.tone.shape


@dataclass(frozen=True, slots=True)
class Action:
    """A button or menu item. With `reasons` it stays in its place, disabled, and says why.

    It opens a dialog or, with `is_page`, a page.
    """

    label: str | Promise
    url: str
    icon: str = ""
    reasons: tuple[str, ...] = ()
    danger: bool = False
    is_page: bool = False

    @property
    def allowed(self) -> bool:
        return not self.reasons
