"""How every form of the console is written: label, control, help and error, tied together for a screen reader."""

from __future__ import annotations

from typing import Any

from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect, Select
from django.forms.renderers import TemplatesSetting


class ConsoleBoundField(BoundField):
    """Gives each control the class of its kind, so that no form has to name one."""

    def build_widget_attrs(self, attrs: dict[str, Any], widget: Any = None) -> dict[str, Any]:
        built = super().build_widget_attrs(attrs, widget)
        used = widget or self.field.widget
        kind = "form-check-input" if isinstance(used, (CheckboxInput, CheckboxSelectMultiple, RadioSelect)) else "form-control"
        if kind == "form-control" and isinstance(used, Select):
            kind = "form-select"
        invalid = " is-invalid" if self.form.is_bound and self.errors else ""
        return {**built, "class": f"{used.attrs.get('class', '')} {kind}{invalid}".strip()}

    @property
    def is_choice_list(self) -> bool:
        return isinstance(self.field.widget, (CheckboxSelectMultiple, RadioSelect))

    @property
    def is_tick(self) -> bool:
        return isinstance(self.field.widget, CheckboxInput)


class ConsoleRenderer(TemplatesSetting):
    """Set as FORM_RENDERER."""

    field_template_name = "ui/field.html"
    form_template_name = "ui/form.html"
    bound_field_class = ConsoleBoundField
