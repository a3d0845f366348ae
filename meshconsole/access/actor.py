"""The person, or the command line, on whose behalf a service acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    from meshconsole.access.roles import Role


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, or the command line.

    `role` is the role in the scope that the actor was made for (None: no binding). `all_rights` is for the command
    line, whose user can read the database anyway.
    """

    name: str
    role: Role | None = None
    user_id: int | None = None
    all_rights: bool = False

    @classmethod
    def for_user(cls, user: AbstractBaseUser | AnonymousUser, scope: str) -> Self:
        from meshconsole.access.policy import role_of

        return cls(name=user.get_username(), role=role_of(user, scope), user_id=user.pk)

    @classmethod
    def for_cli(cls, os_user: str) -> Self:
        return cls(name=f"cli:{os_user}", all_rights=True)

    def may(self, role: Role) -> bool:
        """Return whether the actor has `role` or one above it."""
        return self.all_rights or (self.role is not None and self.role >= role)
