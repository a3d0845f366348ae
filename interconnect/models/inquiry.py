from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class InquiryStatus(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


class Inquiry(models.Model):
    """A question to clusters that a page has asked: a worker answers it, the page polls, and it is deleted later.

    `sealed` holds what must not be kept in the clear (a pasted kubeconfig), `params` the rest of the question in the
    shape of its `kind` (`interconnect.services.answering`), `result` the answer (`interconnect.domain.results`,
    `.reports`), and `errors` a refusal. Questions with the same `digest` have one answer; the digest is empty where
    nothing is asked.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=32)
    mesh = models.ForeignKey(
        "interconnect.Mesh", models.CASCADE, related_name="+", null=True, blank=True, verbose_name=_("mesh")
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user"))
    params = models.JSONField(_("parameters"), default=dict)
    sealed = models.TextField(_("sealed part"), blank=True, editable=False)
    digest = models.CharField(_("digest"), max_length=64, blank=True, editable=False, db_index=True)
    status = models.CharField(_("status"), max_length=16, choices=InquiryStatus.choices, default=InquiryStatus.WAITING)
    result = models.JSONField(_("result"), default=dict)
    errors = models.JSONField(_("errors"), default=list)
    asked_at = models.DateTimeField(_("asked at"), auto_now_add=True)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("inquiry")
        verbose_name_plural = _("inquiries")
        indexes = (models.Index(fields=("status", "asked_at"), name="inquiry_due"),)  # the sweep looks for lost ones

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class CheckAttempt(models.Model):
    """A check of a credential that hasn't found a cluster (yet), recorded so that nobody uses checks to scan networks.

    It outlives its inquiry, and is deleted if the inquiry finds a cluster.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user"))
    inquiry = models.UUIDField(_("inquiry"), unique=True)
    at = models.DateTimeField(_("at"), auto_now_add=True)

    class Meta:
        verbose_name = _("failed check")
        verbose_name_plural = _("failed checks")
        indexes = (models.Index(fields=("user", "at"), name="check_attempts_of_one"),)

    def __str__(self) -> str:
        return f"{self.user_id} {self.at}"
