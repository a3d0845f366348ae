from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib.auth import get_user_model
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from meshconsole.access.models import Binding
from meshconsole.access.roles import Role

if TYPE_CHECKING:
    from django.contrib.auth.models import User

# A platform admin has that role on the platform, never on a single mesh.
ROLES = [(choice.value, choice.label) for choice in Binding.RoleChoice if choice.value != Role.PLATFORM_ADMIN]


class MemberForm(forms.Form):
    username = forms.CharField(
        label=_("Username"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    role = forms.TypedChoiceField(label=_("Role"), choices=ROLES, coerce=lambda value: Role(int(value)))

    def clean_username(self) -> User:
        user = get_user_model().objects.filter(username=self.cleaned_data["username"].strip(), is_active=True).first()
        if user is None:
            raise forms.ValidationError(gettext("No active account has this name. Ask a platform admin to create one."))
        return user
