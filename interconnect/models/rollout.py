from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from interconnect.domain.verify import GuardChoice


class RolloutKind(models.TextChoices):
    TOPOLOGY = "topology", _("Change of the topology")
    RESTORE = "restore", _("Restore")
    WORKLOADS = "workloads", _("Restart of workloads")


class RolloutStatus(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class StepStatus(models.TextChoices):
    PENDING = "pending", _("Not started")
    READY = "ready", _("Ready")
    ACTIVE = "active", _("Running")
    WAITING = "waiting", _("Waiting")
    SUCCEEDED = "succeeded", _("Succeeded")
    SKIPPED = "skipped", _("Skipped")
    FAILED = "failed", _("Failed")
    BLOCKED = "blocked", _("Not carried out")
    CANCELLED = "cancelled", _("Cancelled")


UNFINISHED = (RolloutStatus.QUEUED, RolloutStatus.RUNNING)
OPEN_STEPS = (StepStatus.PENDING, StepStatus.READY, StepStatus.ACTIVE, StepStatus.WAITING)


class Rollout(models.Model):
    """One requested change being carried out; it and its steps are the truth, and the broker only rings the bell.

    `before` and `after` are topologies and `changes` the product's changes, in the domain's JSON. `subject` is the name
    of the gateway that is restarted, empty for all others. `exclusive` rollouts (all but restarts of workloads and
    gateways) run one at a time per mesh.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    mesh = models.ForeignKey("interconnect.Mesh", models.PROTECT, related_name="rollouts", verbose_name=_("mesh"))
    kind = models.CharField(_("kind"), max_length=16, choices=RolloutKind.choices, default=RolloutKind.TOPOLOGY)
    subject = models.CharField(_("subject"), max_length=63, blank=True, default="")
    exclusive = models.BooleanField(_("exclusive"), default=True)
    status = models.CharField(_("status"), max_length=16, choices=RolloutStatus.choices, default=RolloutStatus.QUEUED)
    changes = models.JSONField(_("changes"), default=list)
    before = models.JSONField(_("topology before"), null=True)
    after = models.JSONField(_("topology after"), null=True)
    revision = models.PositiveBigIntegerField(_("mesh revision"), default=0)
    restart = models.CharField(_("control plane restart"), max_length=16)
    guard = models.CharField(_("when the restart guard is not satisfied"), max_length=8, default=GuardChoice.FAIL)
    overrides = models.JSONField(_("overrides"), default=list)
    actor = models.CharField(_("started by"), max_length=200)
    actor_user = models.ForeignKey(
        "auth.User", models.SET_NULL, related_name="+", null=True, blank=True, verbose_name=_("user")
    )
    created_at = models.DateTimeField(_("requested at"), auto_now_add=True)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    cancel_requested_at = models.DateTimeField(_("cancel requested at"), null=True, blank=True)
    address_pending = models.BooleanField(_("address pending"), default=False)
    dismissed_at = models.DateTimeField(_("dismissed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("rollout")
        verbose_name_plural = _("rollouts")
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("mesh",),
                condition=models.Q(exclusive=True, status__in=UNFINISHED),
                name="one_unfinished_rollout_per_mesh",
            ),
        )
        indexes = (models.Index(fields=("mesh", "-created_at"), name="rollout_history"),)

    def __str__(self) -> str:
        return str(self.id)


class Step(models.Model):
    """One step, carried out under a lease. Steps of the same phase and chain run in order of `position`."""

    rollout = models.ForeignKey(Rollout, models.CASCADE, related_name="steps", verbose_name=_("rollout"))
    phase = models.PositiveSmallIntegerField(_("phase"))
    chain = models.CharField(_("chain"), max_length=128)
    position = models.PositiveIntegerField(_("position"))
    kind = models.CharField(_("kind"), max_length=32)
    subject = models.CharField(_("subject"), max_length=128, blank=True)
    group = models.CharField(_("network group"), max_length=63, blank=True)
    after_verify = models.BooleanField(_("only after verification"), default=False)
    params = models.JSONField(_("parameters"), default=dict)
    status = models.CharField(_("status"), max_length=16, choices=StepStatus.choices, default=StepStatus.PENDING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    crashes = models.PositiveIntegerField(_("crashes"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt at"), null=True, blank=True)
    lease_owner = models.CharField(_("lease owner"), max_length=128, blank=True)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    waiting_since = models.DateTimeField(_("waiting since"), null=True, blank=True)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    error_code = models.CharField(_("error"), max_length=64, blank=True)
    error_params = models.JSONField(_("error's parameters"), default=dict)
    evidence = models.JSONField(_("evidence"), default=dict)

    class Meta:
        verbose_name = _("step")
        verbose_name_plural = _("steps")
        ordering = ("phase", "chain", "position")
        constraints = (
            models.UniqueConstraint(fields=("rollout", "phase", "chain", "position"), name="step_once_per_place"),
        )
        indexes = (
            models.Index(fields=("status", "next_attempt_at"), name="step_due"),
        )  # the sweep and every worker's search

    def __str__(self) -> str:
        return f"{self.kind} {self.chain}"
