from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from interconnect.forms.groups import DisableForm
from interconnect.forms.settings import RestartForm, restart_field

if TYPE_CHECKING:
    from interconnect.domain.confirming import Asking

ASK, CONFIRM = "ask", "confirm"


class DecisionForm(RestartForm):
    """The question at `step`. The second question carries the answer to the first one along."""

    step = forms.ChoiceField(choices=[(ASK, ""), (CONFIRM, "")], widget=forms.HiddenInput)
    phrase = DisableForm.base_fields["phrase"]
    restart = restart_field(required=False)

    def __init__(self, data: Any = None, *, asking: Asking, step: str, policy: str) -> None:
        super().__init__(data, initial={"step": step, "restart": policy})
        second = step == CONFIRM
        if not asking.phrase:
            del self.fields["phrase"]
        elif second:
            self.fields["phrase"].widget = forms.HiddenInput()
        if not asking.restart or asking.twice is not second:
            del self.fields["restart"]
