"""How a state looks: a tone and a word. Color never says anything alone."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Badge:
    """A state to show. `text` is already translated, or lazily so."""

    tone: Tone
    text: str | Promise


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
