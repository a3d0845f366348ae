"""Rules for every account, however it is created, changed or deleted: by the admin, the command line or a script.

Receivers of Django's signals, and the same rules for forms that check beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError, QuerySet
from django.utils.translation import gettext_lazy as _

from meshconsole.access.names import mixes_alphabets, skeleton

if TYPE_CHECKING:
    from django.contrib.auth.models import User

LAST_SUPERUSER = _(
    "This is the last superuser. Without one, nobody can manage accounts. Make another user a superuser first."
)
# Everything that lets somebody manage accounts.
KEYS = {"is_superuser": True, "is_staff": True, "is_active": True}


def check_name(name: str, *, besides: int | None = None) -> None:
    """Raise ValidationError for a name that could be mistaken for another account's, or looks made for that."""
    if mixes_alphabets(name):
        raise ValidationError(_("This name mixes letters of different alphabets. Use one alphabet."), code="mixed")
    rows = get_user_model().objects.all() if besides is None else get_user_model().objects.exclude(pk=besides)
    others = rows.values_list("username", flat=True)
    alike = next((other for other in others.iterator() if skeleton(other) == skeleton(name)), None)
    if alike is not None:
        raise ValidationError(
            _("This name looks like “%(name)s”. Choose another one."), code="alike", params={"name": alike}
        )


def alike_names() -> list[tuple[str, ...]]:
    """Return the names of accounts that can be mistaken for each other, created before this was refused."""
    found: dict[str, list[str]] = {}
    for name in get_user_model().objects.order_by("pk").values_list("username", flat=True):
        found.setdefault(skeleton(name), []).append(name)
    return [tuple(names) for names in found.values() if len(names) > 1]


def nobody_left(besides: Iterable[int]) -> bool:
    """Return whether there is no superuser other than these.

    Locks the rows until the transaction ends, since two could be deleted at the same time.
    """
    with transaction.atomic():
        return set(superusers().select_for_update().values_list("pk", flat=True)) <= set(besides)


def superusers() -> QuerySet[User]:
    return get_user_model().objects.filter(**KEYS)


def takes_last_superuser(users: Iterable[User]) -> bool:
    """Return whether `users` include superusers and there are no others."""
    pks = {user.pk for user in users}
    return superusers().filter(pk__in=pks).exists() and nobody_left(pks)


def before_save(instance: User, raw: bool, update_fields: frozenset[str] | None, **kwargs: Any) -> None:
    if raw or (update_fields is not None and not update_fields & {"username", "password", *KEYS}):
        return
    stored = get_user_model().objects.filter(pk=instance.pk).first() if instance.pk else None
    if stored is None or stored.username != instance.username:
        check_name(instance.username, besides=instance.pk)
    # Set only if a password has just been set; the command line skips the validators, or lets people bypass them.
    password = getattr(instance, "_password", None)
    if settings.PRODUCTION and password is not None:
        validate_password(password, instance)
    if stored is not None and not _has_keys(instance) and takes_last_superuser([stored]):
        raise ValidationError(LAST_SUPERUSER, code="last-superuser")


def after_delete(instance: User, **kwargs: Any) -> None:
    """Refuse the deletion of the last superuser.

    Runs in the deleting transaction after each deletion, since one statement may delete several.
    """
    if _has_keys(instance) and not superusers().exists():
        raise ProtectedError(str(LAST_SUPERUSER), {instance})


def _has_keys(user: User) -> bool:
    return all(getattr(user, name) for name in KEYS)
