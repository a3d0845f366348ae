"""The table of the audit."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AppendOnlyError(TypeError):
    """Somebody tried to change or delete an audit entry."""

    def __init__(self) -> None:
        super().__init__("audit entries are neither changed nor deleted")


class EntryQuerySet(models.QuerySet["Entry"]):
    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError

    def delete(self) -> NoReturn:
        raise AppendOnlyError

    def bulk_update(self, objs: Iterable[Entry], fields: Iterable[str], batch_size: int | None = None) -> NoReturn:
        raise AppendOnlyError

    def bulk_create(
        self,
        objs: Iterable[Entry],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[Entry]:
        if update_conflicts:
            raise AppendOnlyError
        return super().bulk_create(objs, batch_size=batch_size, ignore_conflicts=ignore_conflicts)


class Entry(models.Model):
    """One request, accepted or refused, or the end of what it began.

    `actor` is a name that outlives the account. `action` is a code such as `group.create`; `params` are its parameters,
    without secrets. The wording is chosen when the entry is shown.
    """

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", _("Accepted")
        REFUSED = "refused", _("Refused")
        ENDED = "ended", _("Ended")

    time = models.DateTimeField(_("time"), default=timezone.now, db_index=True)
    actor = models.CharField(_("actor"), max_length=200)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    action = models.CharField(_("action"), max_length=100)
    scope = models.CharField(_("scope"), max_length=100, blank=True, default="")
    subject = models.CharField(_("subject"), max_length=300, blank=True, default="")
    params = models.JSONField(_("parameters"), default=dict, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome)
    rollout_id = models.CharField(_("rollout"), max_length=64, blank=True, default="", db_index=True)
    request_id = models.CharField(_("request"), max_length=64, blank=True, default="")

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ["-time", "-pk"]
        indexes = [models.Index(fields=["scope", "-time"], name="audit_entry_scope_time")]

    def __str__(self) -> str:
        return f"{self.time:%Y-%m-%d %H:%M:%S} {self.actor} {self.action} {self.outcome}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, **kwargs)

    def delete(self, using: Any = None, keep_parents: bool = False) -> NoReturn:
        raise AppendOnlyError
