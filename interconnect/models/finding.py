from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from interconnect.domain.findings import Severity, SubjectKind


class Finding(models.Model):
    """One finding about one subject, from when it was first seen until the look that found it no longer does.

    `source` is what looks for it: its later looks alone end it. `subject` is a name, empty for what a mesh has once;
    `detail` tells apart several findings of one code about it.
    `params` and `evidence` are in the domain's JSON, worded when shown.
    """

    mesh = models.ForeignKey("interconnect.Mesh", models.CASCADE, related_name="findings", verbose_name=_("mesh"))
    source = models.CharField(_("source"), max_length=80)
    code = models.CharField(_("code"), max_length=64)
    subject_kind = models.CharField(_("kind of subject"), max_length=16, choices=[(each, each) for each in SubjectKind])
    subject = models.CharField(_("subject"), max_length=253, blank=True)
    detail = models.CharField(_("detail"), max_length=300, blank=True)
    severity = models.CharField(_("severity"), max_length=8, choices=[(each, each) for each in Severity])
    params = models.JSONField(_("parameters"), default=dict)
    evidence = models.JSONField(_("evidence"), default=dict)
    token = models.CharField(_("token"), max_length=500, blank=True)
    first_seen = models.DateTimeField(_("first seen"))
    last_seen = models.DateTimeField(_("last seen"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        ordering = ("-first_seen", "code")
        constraints = (
            models.UniqueConstraint(
                fields=("mesh", "source", "code", "subject_kind", "subject", "detail"),
                condition=models.Q(ended_at__isnull=True),
                name="finding_open_once",
            ),
        )
        indexes = (models.Index(fields=("mesh", "ended_at", "severity"), name="finding_open"),)

    def __str__(self) -> str:
        return f"{self.code} {self.subject}"


class Silence(models.Model):
    """Findings of one code that raise no alert until a time. Without `subjects` (`kind/name`), all of the code's."""

    mesh = models.ForeignKey("interconnect.Mesh", models.CASCADE, related_name="silences", verbose_name=_("mesh"))
    code = models.CharField(_("code"), max_length=64)
    subjects = models.JSONField(_("subjects"), default=list, blank=True)
    reason = models.CharField(_("reason"), max_length=500)
    actor = models.CharField(_("silenced by"), max_length=200)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    until = models.DateTimeField(_("until"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("silence")
        verbose_name_plural = _("silences")
        ordering = ("-created_at",)
        indexes = (models.Index(fields=("mesh", "until"), name="silence_in_force"),)

    def __str__(self) -> str:
        return f"{self.code} {self.until}"


class Dismissal(models.Model):
    """The critical findings that a person has put away: their alert is back when they change (`digest`)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user"))
    mesh = models.ForeignKey("interconnect.Mesh", models.CASCADE, related_name="+", verbose_name=_("mesh"))
    digest = models.CharField(_("digest"), max_length=64)
    at = models.DateTimeField(_("at"), auto_now=True)

    class Meta:
        verbose_name = _("dismissed alert")
        verbose_name_plural = _("dismissed alerts")
        constraints = (models.UniqueConstraint(fields=("user", "mesh"), name="dismissal_once_per_person"),)

    def __str__(self) -> str:
        return f"{self.user_id} {self.mesh_id}"
