"""The rendering of every form: label, control, help and error, tied together for screen readers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect, Select
from django.forms.renderers import TemplatesSetting
from django.utils.functional import cached_property

if TYPE_CHECKING:
    from django.forms.utils import ErrorList


class ChoiceError(ValidationError):
    """An error about only these choices of a list; the others aren't marked as wrong."""

    def __init__(self, message: str, choices: frozenset[str]) -> None:
        super().__init__(message)
        self.choices = choices


class ConsoleBoundField(BoundField):
    """Gives each control the class of its kind, so that no form needs to."""

    def build_widget_attrs(self, attrs: dict[str, Any], widget: Any = None) -> dict[str, Any]:
        built = super().build_widget_attrs(attrs, widget)
        used = widget or self.field.widget
        kind = (
            "form-check-input"
            if isinstance(used, (CheckboxInput, CheckboxSelectMultiple, RadioSelect))
            else "form-control"
        )
        if kind == "form-control" and isinstance(used, Select):
            kind = "form-select"
        invalid = " is-invalid" if self.form.is_bound and self.errors else ""
        return {**built, "class": f"{used.attrs.get('class', '')} {kind}{invalid}".strip()}

    @cached_property
    def subwidgets(self) -> list[Any]:
        """Return one widget for each choice. If the errors say which choices are wrong, only these are marked."""
        found: list[Any] = super().subwidgets
        wrong = _wrong_choices(self.errors) & {str(each.data.get("value")) for each in found}
        for each in found if wrong else ():
            if str(each.data["value"]) not in wrong:
                each.data["attrs"] = _unmarked(each.data["attrs"])
        return found

    @property
    def is_choice_list(self) -> bool:
        return isinstance(self.field.widget, (CheckboxSelectMultiple, RadioSelect))

    @property
    def is_tick(self) -> bool:
        return isinstance(self.field.widget, CheckboxInput)


def _wrong_choices(errors: ErrorList) -> frozenset[str]:
    """Return all choices that the errors name; empty if any error names none and so is about the whole list."""
    named = [getattr(error, "choices", frozenset[str]()) for error in errors.as_data()]
    return frozenset[str]().union(*named) if all(named) else frozenset()


def _unmarked(attrs: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in attrs.items() if name != "aria-invalid"}
    return {**kept, "class": str(kept.get("class", "")).removesuffix(" is-invalid")}


class ConsoleRenderer(TemplatesSetting):
    """Set as FORM_RENDERER."""

    field_template_name = "ui/field.html"
    form_template_name = "ui/form.html"
    bound_field_class = ConsoleBoundField
